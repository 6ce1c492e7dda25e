/* SPDX-License-Identifier: BSD-2-Clause */

/* `postburn rom`: lists the slots of a ROM, or of a rewritten kernel. */

#include <elf.h>
#include <string.h>

#include "patcher/command/commands.h"
#include "patcher/kernel/input_file.h"
#include "patcher/output_file.h"
#include "patcher/rom/rom_report.h"
#include "patcher/verify/verify.h"

struct rom_arguments {
	const char *rom; /* its name, or a file: a ROM or a rewritten kernel */
	const char *output;
	bool json, disassemble;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct rom_arguments *arguments = state->input;

	switch (key) {
	case OPTION_ROM_FORMAT:
		arguments->json = command_word(COMMAND_ROM, key, argument) == 1;
		return 0;
	case OPTION_ROM_OUTPUT: arguments->output = argument; return 0;
	case OPTION_ROM_DISASM: arguments->disassemble = true; return 0;
	case ARGP_KEY_ARG:
		if (arguments->rom)
			argp_error(state, "one ROM or OUT at a time");
		arguments->rom = argument;
		return 0;
	case ARGP_KEY_NO_ARGS: argp_error(state, "which ROM or OUT?"); return EINVAL;
	default: return ARGP_ERR_UNKNOWN;
	}
}

/* --- output ----------------------------------------------------------------------------------- */

static bool write_list(const struct rom_arguments *arguments, const struct rom_report *report,
                       struct problem *problem)
{
	struct disasm_text *text = NULL;
	struct output_file output;
	bool done;

	if (arguments->disassemble) {
		text = disasm_text_open(DISASM_MODE_32);
		if (!text)
			return problem_report(problem, DISASSEMBLER_FAILED);
	}
	done = output_open(&output, arguments->output, problem);
	if (done) {
		if (arguments->json)
			done = rom_write_json(output.stream, report, text, problem);
		else
			rom_write_text(output.stream, report, text);
		if (done)
			done = output_commit(&output, problem);
		else
			output_abandon(&output);
	}
	if (text)
		disasm_text_close(text);
	return done;
}

/* --- input ------------------------------------------------------------------------------------ */

/* A ROM by itself, as if it stood at address 0 with its wedge on the page behind it. */
static bool list_rom(const struct rom_arguments *arguments, struct problem *problem)
{
	struct rom_report report;
	struct linked_rom linked = {0};
	struct rom rom;
	bool done;

	if (!rom_read(arguments->rom, &rom, problem))
		return false;
	done = rom_link(&rom,
	                &(struct rom_placement){.wedge_virtual = (rom.image_size + 4095) & ~4095U},
	                &linked, problem);
	if (done) {
		rom_report_object(&rom, &linked, &report);
		done = write_list(arguments, &report, problem);
		linked_rom_free(&linked);
	}
	rom_free(&rom);
	return done;
}

/* A kernel names its ROM; if that is built in, its manifest tells more. */
static bool list_kernel(const struct rom_arguments *arguments, const struct input_file *file,
                        const struct elf_view *view, struct problem *problem)
{
	struct problem ignored;
	struct rom_report report;
	struct rom rom;
	char name[sizeof(report.name)] = "";
	bool known = verify_rom_name(file->bytes, file->size, name, sizeof(name)) &&
	             !strpbrk(name, "/.") && rom_read(name, &rom, &ignored);
	bool done = rom_report_kernel(view, known ? &rom : NULL, &report, problem);

	if (done) {
		snprintf(report.name, sizeof(report.name), "%s", name);
		done = write_list(arguments, &report, problem);
	}
	if (known)
		rom_free(&rom);
	return done;
}

static bool list(const struct rom_arguments *arguments, struct problem *problem)
{
	struct input_file file;
	struct elf_view view;
	const char *reason;
	bool done = false, linked;

	if (!strpbrk(arguments->rom, "/."))
		return list_rom(arguments, problem);
	if (!input_file_read(arguments->rom, &file, problem))
		return false;
	if (!elf_view_open(file.bytes, file.size, &view, &reason)) {
		input_file_close(&file);
		if (!reason)
			return problem_report(problem, OUT_OF_MEMORY);
		return problem_report(problem, ROM_UNREADABLE, reason);
	}
	linked = view.file_type != ET_REL;
	if (linked)
		done = list_kernel(arguments, &file, &view, problem);
	elf_view_close(&view);
	input_file_close(&file);
	return linked ? done : list_rom(arguments, problem);
}

int command_rom(int count, char **arguments)
{
	struct rom_arguments parsed = {0};
	struct problem problem;

	if (!command_parse(COMMAND_ROM, parse_option, count, arguments, &parsed))
		return EXIT_STATUS_USAGE;
	if (list(&parsed, &problem))
		return EXIT_STATUS_DONE;
	problem_print(stderr, parsed.rom, &problem);
	return EXIT_STATUS_ERROR;
}
