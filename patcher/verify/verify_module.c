/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A rewritten module: its file, then its code as a loader makes it, twice, with its sections at
 * different distances: an address that is right by chance is not so both times.
 */

#include "patcher/verify/verify_module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/verify/verify_module_private.h"

enum { LOADS = 2, SPREAD = 3 };

/* All that one look at a module needs. */
struct module_look {
	const struct verify_base *base;
	const struct verify_rom_file *rom;
	const uint8_t *bytes;
	size_t size;
	unsigned int options;
	const struct module_file *file;
	struct verify_report *report;
	struct problem *problem;
};

/* The address of the ROM in the base. */
static bool find_rom(const struct verify_base *base, struct elf_view_section *rom,
                     struct problem *problem)
{
	const struct elf_view_section *section;
	struct elf_view view;
	const char *reason;

	if (!elf_view_open(base->bytes, base->size, &view, &reason))
		return reason ? problem_report(problem, MODULE_BASE)
		              : problem_report(problem, OUT_OF_MEMORY);
	section = elf_view_section(&view, ".vmi_rom");
	if (section)
		*rom = (struct elf_view_section){
		    .name = ".vmi_rom", .address = section->address, .size = section->size};
	elf_view_close(&view);
	return section || problem_report(problem, MODULE_BASE);
}

/*
 * A module's springboards are known to no ROM: whatever it says, what can fault stays native. What
 * has no window may stay so only if the ROM owns the machine.
 */
static void adapt_manifest(struct verifier *verifier)
{
	verifier->manifest.properties |= ROM_KEEPS_FAULTING;
	verifier->manifest.properties &= ~(uint32_t)ROM_KEEPS_ENTRY_TEXT;
}

/* --- symbols of springboards ------------------------------------------------------------------ */

static const struct verify_window *window_of(const struct verifier *verifier, uint32_t springboard)
{
	for (size_t i = 0; i < verifier->window_count; i++)
		if (!verifier->windows[i].in_place &&
		    verifier->windows[i].springboard == springboard)
			return &verifier->windows[i];
	return NULL;
}

/* springboard_FUNCTION_OFFSET, of the window. */
static bool is_named(const struct verifier *verifier, const struct verify_window *window,
                     const char *given)
{
	const struct kernel *kernel = verifier->input->kernel;
	const struct kernel_section *section = kernel_section_at(kernel, window->start);
	const struct kernel_symbol *symbol;
	char name[256];

	if (!section)
		return false;
	symbol = kernel_symbol_at(kernel, (uint32_t)(section - kernel->sections), window->start);
	snprintf(name, sizeof(name), "springboard_%.200s_%x", symbol ? symbol->name : section->name,
	         (unsigned int)(window->start - (symbol ? symbol->address : section->address)));
	return !strcmp(name, given);
}

/* Each springboard has one symbol, with its name and size. */
static void check_symbols(struct module_check *check, const struct module_load *load)
{
	struct verifier *verifier = check->verifier;
	size_t count = 0;

	for (uint32_t i = 0; i < check->added_symbols; i++) {
		const struct elf_view_symbol *symbol =
		    &check->out.symbols[check->file->local_count + i];
		const struct verify_window *window;
		uint32_t address = load->text.address;

		if (symbol->type != STT_FUNC || symbol->section == SHN_ABS)
			continue;
		if (symbol->section == check->sections[MODULE_SECTION_INIT_TEXT])
			address = load->init_address;
		window = window_of(verifier, address + symbol->value);
		count++;
		if (!window || window->code_end - window->springboard != symbol->size ||
		    !is_named(verifier, window, symbol->name))
			verify_find(verifier, VERIFY_FILE, address + symbol->value,
			            "symbol %s is of no springboard", symbol->name);
	}
	for (size_t i = 0; i < verifier->window_count; i++)
		count -= !verifier->windows[i].in_place;
	if (count)
		verify_find(verifier, VERIFY_FILE, 0, "not every springboard has one symbol");
}

/* Code, at one set of addresses. */
static bool look_at_code(struct module_check *check, const struct placed_module *placed,
                         const struct verify_input *input)
{
	struct verifier *verifier = check->verifier;
	struct module_load load;
	const char *reason;

	verifier->input = input;
	if (!verify_module_load(check, placed, &load)) {
		free(load.image);
		return true;
	}
	verifier->text_section = &load.text;
	if (elf_view_open(load.image, load.size, &verifier->out, &reason)) {
		verify_loaded(verifier);
		check_symbols(check, &load);
		elf_view_close(&verifier->out);
	} else if (reason) {
		verify_find(verifier, VERIFY_FILE, 0, "it cannot be loaded: %s", reason);
	} else {
		verify_out_of_memory(verifier);
	}
	memset(&verifier->out, 0, sizeof(verifier->out));
	verifier->text_section = NULL;
	free(load.image);
	return true;
}

static bool has_code(const struct kernel *kernel)
{
	for (size_t i = 0; i < kernel->section_count; i++)
		if (kernel->sections[i].executable && kernel->sections[i].bytes)
			return true;
	return false;
}

static bool look_placed(const struct module_look *look, struct module_check *check,
                        unsigned int spread)
{
	struct placed_module placed;
	struct linux_metadata metadata;
	struct verify_input *input = NULL;
	bool done;

	if (!module_place(look->file, spread, &placed, look->problem))
		return false;
	if (!has_code(&placed.kernel)) {
		placed_module_free(&placed);
		return true;
	}
	if (placed_module_metadata(&placed, look->base->linux_version, &metadata, look->problem))
		input = verify_input_open_with(&placed.kernel, &metadata, look->problem);
	done = input && look_at_code(check, &placed, input);
	verify_input_close(input);
	placed_module_free(&placed);
	return done;
}

/* One load; the file itself is looked at the first time. */
static bool look(const struct module_look *look, const struct elf_view_section *rom,
                 unsigned int number)
{
	struct verifier *verifier = calloc(1, sizeof(*verifier));
	struct module_check check = {.file = look->file,
	                             .bytes = look->bytes,
	                             .size = look->size,
	                             .rom_address = rom->address};
	char sha256[SHA256_HEX_SIZE];
	const char *reason;
	bool done;

	if (!verifier)
		return problem_report(look->problem, OUT_OF_MEMORY);
	hash_bytes(look->file->kernel->file, look->file->kernel->file_size, sha256);
	check.verifier = verifier;
	check.sha256 = sha256;
	verifier->options = look->options;
	verifier->report = look->report;
	verifier->problem = look->problem;
	verifier->rom_section = rom;
	verifier->is_module = true;
	verifier->terms.one_alias = true;
	done = verify_rom_open(verifier, look->rom);
	if (done && elf_view_open(look->bytes, look->size, &check.out, &reason)) {
		adapt_manifest(verifier);
		if (verify_module_file(&check))
			done = look_placed(look, &check, number * SPREAD);
		elf_view_close(&check.out);
	} else if (done && reason) {
		verify_find(verifier, VERIFY_FILE, 0, "the output cannot be read: %s", reason);
	} else if (done) {
		verify_out_of_memory(verifier);
	}
	if (done && look->report->out_of_memory)
		done = problem_report(look->problem, OUT_OF_MEMORY);
	verify_end(verifier);
	return done;
}

/* What was counted at one load is not counted again. */
static void forget_counts(struct verify_report *report)
{
	*report = (struct verify_report){
	    .findings = report->findings,
	    .finding_count = report->finding_count,
	    .capacity = report->capacity,
	    .suppressed = report->suppressed,
	    .out_of_memory = report->out_of_memory,
	};
}

bool verify_module(const struct kernel *module, const struct verify_base *base,
                   const struct verify_rom_file *rom, const uint8_t *bytes, size_t size,
                   unsigned int options, struct verify_report *report, struct problem *problem)
{
	struct module_file file;
	struct elf_view_section section;
	struct module_look all = {
	    .base = base,
	    .rom = rom,
	    .bytes = bytes,
	    .size = size,
	    .options = options,
	    .file = &file,
	    .report = report,
	    .problem = problem,
	};
	bool done = true;

	*report = (struct verify_report){0};
	if (!find_rom(base, &section, problem) || !module_file_open(module, &file, problem))
		return false;
	for (unsigned int i = 0; done && i < LOADS && !report->finding_count; i++) {
		forget_counts(report);
		done = look(&all, &section, i);
	}
	module_file_close(&file);
	return done;
}
