/* SPDX-License-Identifier: BSD-2-Clause */

/* `postburn patch`: options, and the way from a kernel to its rewritten file. */

#include <stdlib.h>
#include <string.h>

#include "patcher/command/commands.h"
#include "patcher/command/patch_module.h"
#include "patcher/command/patch_outputs.h"
#include "patcher/escape.h"
#include "patcher/progress.h"
#include "patcher/pte/named_sites.h"
#include "patcher/scan/scan_report.h"

struct patch_arguments {
	const char *kernel;
	const char *rom; /* NULL: what --base has, or native */
	const char *base;
	const char *system_map;
	const char *debug_info;
	const char *sites;
	struct patch_outputs outputs;
	bool dry_run, allow_unpatched;
};

static void check_outputs(struct patch_outputs *outputs, bool dry_run, struct argp_state *state)
{
	const char *clash = patch_outputs_clash(outputs);

	if (!outputs->kernel && !dry_run)
		argp_error(state, "where to? Give -o FILE, or --dry-run");
	if (clash)
		argp_error(state, "two outputs go to '%s'", clash);
	if (dry_run)
		outputs->kernel = outputs->rom = NULL;
}

static void check_base(const struct patch_arguments *arguments, struct argp_state *state)
{
	if (arguments->base && (arguments->outputs.rom || arguments->outputs.report_count ||
	                        arguments->system_map || arguments->sites))
		argp_error(state,
		           "--base goes with none of --rom-out, --report, --symbols and --sites");
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct patch_arguments *arguments = state->input;

	switch (key) {
	case OPTION_PATCH_ROM: arguments->rom = argument; return 0;
	case OPTION_PATCH_OUTPUT: arguments->outputs.kernel = argument; return 0;
	case OPTION_PATCH_ROM_OUT: arguments->outputs.rom = argument; return 0;
	case OPTION_PATCH_REPORT:
		arguments->outputs.reports[arguments->outputs.report_count++] = argument;
		return 0;
	case OPTION_PATCH_SYMBOLS: arguments->system_map = argument; return 0;
	case OPTION_PATCH_BASE: arguments->base = argument; return 0;
	case OPTION_PATCH_DEBUG_INFO: arguments->debug_info = argument; return 0;
	case OPTION_PATCH_SITES: arguments->sites = argument; return 0;
	case OPTION_PATCH_DRY_RUN: arguments->dry_run = true; return 0;
	case OPTION_PATCH_ALLOW_UNPATCHED: arguments->allow_unpatched = true; return 0;
	case ARGP_KEY_ARG:
		if (arguments->kernel)
			argp_error(state, "one KERNEL at a time");
		arguments->kernel = argument;
		return 0;
	case ARGP_KEY_NO_ARGS: argp_error(state, "which KERNEL?"); return EINVAL;
	case ARGP_KEY_END:
		check_base(arguments, state);
		check_outputs(&arguments->outputs, arguments->dry_run, state);
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

/* --- the summary -------------------------------------------------------------------- */

static void print_unpatched(const struct patch *patch, const char *path)
{
	char place[200];

	for (size_t i = 0; i < patch->plan.site_count; i++) {
		const struct plan_site *site = &patch->plan.sites[i];
		char feature[24] = "";

		if (site->patched)
			continue;
		if (site->feature)
			snprintf(feature, sizeof(feature), " (%u*32+%u)", site->feature / 32,
			         site->feature % 32);
		fprintf(stderr, "postburn: %s: %s (0x%llx): %s stays as it is: %s%s\n", path,
		        site_place(site->site, place, sizeof(place)),
		        (unsigned long long)site->site->address,
		        sensitive_forms[site->site->form].mnemonic,
		        site->reason ? site->reason : "unknown", feature);
	}
}

/* Writes to page tables: how many, and which of them stay ordinary writes though the ROM has a call
 * for them. */
static void print_page_tables(FILE *stream, const struct patch *patch)
{
	size_t count = 0, rewritten = 0, offered = 0;
	char place[200], origin[600];

	for (size_t i = 0; i < patch->plan.site_count; i++) {
		const struct plan_site *site = &patch->plan.sites[i];
		uint16_t call = sensitive_forms[site->site->form].call;

		count += site->site->origin != NULL;
		offered += site->site->origin && patch->rom->calls[call].action;
		rewritten += site->site->origin && site->method != ROM_METHOD_NONE;
	}
	if (!count)
		return;
	fprintf(stream, "Tables   %zu writes to page tables, %zu of them rewritten", count,
	        rewritten);
	if (offered < count)
		fprintf(stream, ", %zu of calls that the ROM does not offer", count - offered);
	fputc('\n', stream);
	for (size_t i = 0; i < patch->plan.site_count; i++) {
		const struct plan_site *site = &patch->plan.sites[i];

		if (site->site->origin && site->method == ROM_METHOD_NONE &&
		    patch->rom->calls[sensitive_forms[site->site->form].call].action)
			fprintf(stream, "         %s (%s) stays as it is: %s\n",
			        site_place(site->site, place, sizeof(place)),
			        escape_text(site->site->origin, origin, sizeof(origin)),
			        site->reason ? site->reason : "unknown");
	}
}

static void print_summary(FILE *stream, const struct patch *patch)
{
	size_t counts[ROM_METHOD_ALTERNATIVE + 1] = {0};

	for (size_t i = 0; i < patch->plan.site_count; i++)
		if (patch->plan.sites[i].patched)
			counts[patch->plan.sites[i].method]++;
	fprintf(stream, "ROM      %s, %u bytes of slots and bodies, %u bytes of wedge\n",
	        patch->rom->name, patch->rom->image_size, patch->rom->wedge_memory);
	fprintf(stream, "Sites    %zu to rewrite, %zu left as they are\n", patch->plan.site_count,
	        patch->unpatched);
	for (size_t i = 0; i <= ROM_METHOD_ALTERNATIVE; i++)
		if (counts[i])
			fprintf(stream, "         %6zu %s\n", counts[i],
			        plan_method_name((uint8_t)i));
	print_page_tables(stream, patch);
	fprintf(stream, "Added    %u bytes at 0x%08x (physical 0x%08x), %u of them springboards\n",
	        patch->layout.size, patch->layout.virtual, patch->layout.physical,
	        patch->layout.springboards_size);
}

static bool finish(const struct patch_arguments *arguments, const struct patch *patch,
                   struct problem *problem)
{
	struct patch_report report = {
	    .patch = patch,
	    .rom = arguments->rom,
	    .system_map = arguments->system_map,
	    .debug_info = arguments->debug_info,
	    .sites = arguments->sites,
	    .output = arguments->outputs.kernel,
	    .rom_output = arguments->outputs.rom,
	    .allow_unpatched = arguments->allow_unpatched,
	    .dry_run = arguments->dry_run,
	};

	if (patch->unpatched && !arguments->allow_unpatched) {
		print_unpatched(patch, arguments->kernel);
		return problem_report(problem, PATCH_UNPATCHED, patch->unpatched);
	}
	if (!patch_outputs_write(&arguments->outputs, &report, problem))
		return false;
	print_summary(patch_outputs_to_standard(&arguments->outputs) ? stderr : stdout, patch);
	return true;
}

static bool patch_scanned(const struct patch_arguments *arguments, const struct kernel *kernel,
                          const struct scan *scan, size_t *unpatched, struct problem *problem)
{
	struct patch patch;
	struct rom rom;
	bool done;

	if (!rom_read(arguments->rom, &rom, problem)) {
		problem->file = arguments->rom;
		return false;
	}
	done = patch_kernel(kernel, scan, &rom, &patch, problem);
	if (done) {
		done = finish(arguments, &patch, problem);
		*unpatched = patch.unpatched;
		patch_free(&patch);
	}
	rom_free(&rom);
	return done;
}

static bool patch_named(const struct patch_arguments *arguments, const struct kernel *kernel,
                        struct scan *scan, size_t *unpatched, struct problem *problem)
{
	struct named_sites named;
	bool done =
	    named_sites_add(scan, arguments->debug_info, arguments->sites, &named, problem) &&
	    patch_scanned(arguments, kernel, scan, unpatched, problem);

	named_sites_free(&named);
	return done;
}

static bool patch_file(const struct patch_arguments *arguments, size_t *unpatched,
                       struct problem *problem)
{
	struct kernel_read_options read_options = {.system_map = arguments->system_map};
	struct kernel kernel;
	struct scan scan;
	bool done;

	if (!kernel_read(arguments->kernel, &read_options, &kernel, problem))
		return false;
	done = scan_kernel(&kernel, &scan, problem);
	if (done) {
		done = patch_named(arguments, &kernel, &scan, unpatched, problem);
		scan_free(&scan);
	}
	kernel_free(&kernel);
	return done;
}

static bool patch_module(const struct patch_arguments *arguments, size_t *unpatched,
                         struct problem *problem)
{
	const struct patch_module_arguments module = {
	    .module = arguments->kernel,
	    .base = arguments->base,
	    .rom = arguments->rom,
	    .output = arguments->outputs.kernel,
	    .allow_unpatched = arguments->allow_unpatched,
	};

	return command_patch_module(&module, unpatched, problem);
}

static bool patch_any(struct patch_arguments *arguments, size_t *unpatched, struct problem *problem)
{
	if (arguments->base)
		return patch_module(arguments, unpatched, problem);
	if (!arguments->rom)
		arguments->rom = "native";
	return patch_file(arguments, unpatched, problem);
}

int command_patch(int count, char **arguments)
{
	struct patch_arguments parsed = {.debug_info = "auto"};
	struct problem problem;
	size_t unpatched = 0;
	int status = EXIT_STATUS_DONE;

	parsed.outputs.reports = calloc((size_t)count + 1, sizeof(*parsed.outputs.reports));
	if (!parsed.outputs.reports) {
		problem_report(&problem, OUT_OF_MEMORY);
		problem_print(stderr, NULL, &problem);
		return EXIT_STATUS_ERROR;
	}
	if (!command_parse(COMMAND_PATCH, parse_option, count, arguments, &parsed)) {
		status = EXIT_STATUS_USAGE;
	} else if (!patch_any(&parsed, &unpatched, &problem)) {
		problem_print(stderr, parsed.kernel, &problem);
		status = EXIT_STATUS_ERROR;
	} else if (unpatched) {
		status = EXIT_STATUS_UNPATCHED;
	}
	free(parsed.outputs.reports);
	return status;
}
