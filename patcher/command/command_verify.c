/* SPDX-License-Identifier: BSD-2-Clause */

/* `postburn verify`: options, and what is printed. */

#include <stdlib.h>
#include <string.h>

#include "patcher/command/commands.h"
#include "patcher/escape.h"
#include "patcher/kernel/input_file.h"
#include "patcher/pte/named_sites.h"
#include "patcher/rom/rom_private.h"
#include "patcher/verify/verify.h"
#include "patcher/verify/verify_module.h"

struct verify_arguments {
	const char *kernel, *output;
	const char *rom;
	const char *base; /* KERNEL is a module of it */
	const char *system_map;
	const char *debug_info;
	const char *sites;
	bool allow_unpatched, quiet;
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct verify_arguments *arguments = state->input;

	switch (key) {
	case OPTION_VERIFY_ROM: arguments->rom = argument; return 0;
	case OPTION_VERIFY_SYMBOLS: arguments->system_map = argument; return 0;
	case OPTION_VERIFY_DEBUG_INFO: arguments->debug_info = argument; return 0;
	case OPTION_VERIFY_SITES: arguments->sites = argument; return 0;
	case OPTION_VERIFY_BASE: arguments->base = argument; return 0;
	case OPTION_VERIFY_ALLOW_UNPATCHED: arguments->allow_unpatched = true; return 0;
	case OPTION_VERIFY_QUIET: arguments->quiet = true; return 0;
	case ARGP_KEY_ARG:
		if (!arguments->kernel)
			arguments->kernel = argument;
		else if (!arguments->output)
			arguments->output = argument;
		else
			argp_error(state, "one KERNEL and one OUT");
		return 0;
	case ARGP_KEY_END:
		if (!arguments->output)
			argp_error(state, "which KERNEL and OUT?");
		if (arguments->base &&
		    (arguments->system_map || arguments->debug_info || arguments->sites))
			argp_error(state, "--base goes with none of --symbols, --debug-info and "
			                  "--sites");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

/* --- output ----------------------------------------------------------------------------------- */

static void print_findings(const struct verify_arguments *arguments,
                           const struct verify_report *report)
{
	for (size_t i = 0; i < report->finding_count; i++) {
		const struct verify_finding *finding = &report->findings[i];
		char text[1024];

		printf("%s: 0x%08x: %s: %s\n", arguments->output, (unsigned int)finding->address,
		       verify_subject_name(finding->subject),
		       escape_text(finding->text, text, sizeof(text)));
	}
	if (report->suppressed)
		printf("%s: %zu more\n", arguments->output, report->suppressed);
}

static void print_summary(const struct verify_report *report)
{
	printf("Sites    %zu, of them %zu native by the ROM's will, %zu left as they are\n",
	       report->sites, report->native_sites, report->unpatched_sites);
	if (report->inert_sites || report->traps)
		printf("         %zu in alternatives that are never applied, %zu trap\n",
		       report->inert_sites, report->traps);
	printf("Windows  %zu, their springboards %zu bytes, %zu origins\n", report->windows,
	       report->springboard_bytes, report->origins);
	printf("ROM      %zu slots with code\n", report->slots);
	printf("Findings %zu\n", report->finding_count + report->suppressed);
}

/* --- files ------------------------------------------------------------------------------------ */

/* The problem is of this file and not of the kernel. */
static bool blame(struct problem *problem, const char *file)
{
	problem->file = file;
	return false;
}

/* The ROM's object: built in, or from a file that *file holds then. */
static bool find_rom(const char *name, struct input_file *file, struct verify_rom_file *rom,
                     struct problem *problem)
{
	for (size_t i = 0; i < built_in_rom_count; i++)
		if (!strcmp(built_in_roms[i].name, name)) {
			rom->bytes = built_in_roms[i].start;
			rom->size = (size_t)(built_in_roms[i].end - built_in_roms[i].start);
			return true;
		}
	if (!strpbrk(name, "/."))
		return problem_report(problem, ROM_UNKNOWN, name);
	if (!input_file_read(name, file, problem))
		return blame(problem, name);
	rom->bytes = file->bytes;
	rom->size = file->size;
	return true;
}

/* The writes to page tables that were asked for, into an array to be freed. */
static bool read_named(const struct verify_arguments *arguments, const struct kernel *kernel,
                       struct verify_named_site **sites, size_t *count, struct problem *problem)
{
	const char *debug_info = arguments->debug_info ? arguments->debug_info : "none";
	struct named_sites named = {0};
	struct scan scan;
	bool done;

	if (!scan_kernel(kernel, &scan, problem))
		return false;
	done = named_sites_add(&scan, debug_info, arguments->sites, &named, problem);
	*count = 0;
	*sites = done ? calloc(named.list.count + 1, sizeof(**sites)) : NULL;
	if (done && !*sites)
		done = problem_report(problem, OUT_OF_MEMORY);
	for (; done && *count < named.list.count; ++*count)
		(*sites)[*count] = (struct verify_named_site){
		    .address = (uint32_t)named.list.sites[*count].address,
		    .origin = arguments->debug_info ? "debug information" : "sites file"};
	scan_free(&scan);
	named_sites_free(&named);
	return done;
}

static bool verify_opened(const struct verify_arguments *arguments, struct verify_input *input,
                          const struct kernel *kernel, const struct verify_rom_file *rom,
                          const struct input_file *output, struct verify_report *report,
                          struct problem *problem)
{
	struct verify_named_site *sites = NULL;
	bool done = true;
	size_t count;

	if (arguments->debug_info || arguments->sites) {
		done = read_named(arguments, kernel, &sites, &count, problem);
		if (done)
			verify_input_expect(input, sites, count);
	}
	done = done && verify_output(input, rom, output->bytes, output->size,
	                             arguments->allow_unpatched ? VERIFY_ALLOW_UNPATCHED : 0,
	                             report, problem);
	free(sites);
	return done;
}

static bool verify_files(const struct verify_arguments *arguments, const struct kernel *kernel,
                         const struct input_file *output, struct verify_report *report,
                         struct problem *problem)
{
	struct input_file rom_file = {0};
	struct verify_rom_file rom;
	struct verify_input *input;
	char name[32];
	bool done;

	if (!arguments->rom && !verify_rom_name(output->bytes, output->size, name, sizeof(name))) {
		problem_report(problem, VERIFY_NO_ROM);
		return blame(problem, arguments->output);
	}
	if (!find_rom(arguments->rom ? arguments->rom : name, &rom_file, &rom, problem))
		return blame(problem, arguments->rom ? arguments->rom : arguments->output);
	input = verify_input_open(kernel, problem);
	done = input && verify_opened(arguments, input, kernel, &rom, output, report, problem);
	verify_input_close(input);
	input_file_close(&rom_file);
	return done;
}

/* --- modules ---------------------------------------------------------------------------------- */

static bool verify_for_base(const struct verify_arguments *arguments, const struct kernel *module,
                            const struct input_file *output, const struct kernel *base,
                            struct verify_report *report, struct problem *problem)
{
	const struct verify_base base_file = {base->image, base->image_size, base->linux_version};
	struct input_file rom_file = {0};
	struct verify_rom_file rom;
	char name[32];
	bool done;

	if (!arguments->rom &&
	    !verify_rom_name(base_file.bytes, base_file.size, name, sizeof(name))) {
		problem_report(problem, VERIFY_NO_ROM);
		return blame(problem, arguments->base);
	}
	if (!find_rom(arguments->rom ? arguments->rom : name, &rom_file, &rom, problem))
		return blame(problem, arguments->rom ? arguments->rom : arguments->base);
	done =
	    verify_module(module, &base_file, &rom, output->bytes, output->size,
	                  arguments->allow_unpatched ? VERIFY_ALLOW_UNPATCHED : 0, report, problem);
	input_file_close(&rom_file);
	return done;
}

static bool verify_with_base(const struct verify_arguments *arguments, const struct kernel *module,
                             const struct input_file *output, struct verify_report *report,
                             struct problem *problem)
{
	const struct kernel_read_options options = {.system_map = NULL};
	struct kernel base;
	bool done;

	if (!kernel_read(arguments->base, &options, &base, problem))
		return blame(problem, arguments->base);
	done = verify_for_base(arguments, module, output, &base, report, problem);
	kernel_free(&base);
	return done;
}

static bool run(const struct verify_arguments *arguments, struct verify_report *report,
                struct problem *problem)
{
	struct kernel_read_options read_options = {.system_map = arguments->system_map};
	struct input_file output;
	struct kernel kernel;
	bool done = false;

	if (!kernel_read(arguments->kernel, &read_options, &kernel, problem))
		return false;
	if (!input_file_read(arguments->output, &output, problem)) {
		blame(problem, arguments->output);
	} else {
		done = arguments->base
		           ? verify_with_base(arguments, &kernel, &output, report, problem)
		           : verify_files(arguments, &kernel, &output, report, problem);
		input_file_close(&output);
	}
	kernel_free(&kernel);
	return done;
}

int command_verify(int count, char **arguments)
{
	struct verify_arguments parsed = {0};
	struct verify_report report = {0};
	struct problem problem = {0};
	bool clean;

	if (!command_parse(COMMAND_VERIFY, parse_option, count, arguments, &parsed))
		return EXIT_STATUS_USAGE;
	if (!run(&parsed, &report, &problem)) {
		problem_print(stderr, parsed.kernel, &problem);
		verify_report_free(&report);
		return EXIT_STATUS_ERROR;
	}
	clean = !report.finding_count;
	print_findings(&parsed, &report);
	if (!parsed.quiet)
		print_summary(&report);
	if (!clean) {
		problem_report(&problem, VERIFY_FINDINGS, report.finding_count + report.suppressed);
		problem_print(stderr, parsed.output, &problem);
	}
	verify_report_free(&report);
	return clean ? EXIT_STATUS_DONE : EXIT_STATUS_ERROR;
}
