/* SPDX-License-Identifier: BSD-2-Clause */

/* `postburn patch --base OUT MODULE`: from a module to its rewritten file. */

#include <string.h>

#include "patcher/command/patch_module.h"
#include "patcher/escape.h"
#include "patcher/hash.h"
#include "patcher/module/module_patch.h"
#include "patcher/output_file.h"

/* --- the summary -------------------------------------------------------------------- */

static void print_unpatched(const struct module_patch *patch)
{
	const char *path = patch->file->kernel->path;

	for (size_t i = 0; i < patch->plan.site_count; i++) {
		const struct plan_site *site = &patch->plan.sites[i];
		const struct kernel_section *section = site->site->section;
		char name[256];

		if (site->patched)
			continue;
		fprintf(stderr, "postburn: %s: %s+0x%llx: %s stays as it is: %s\n", path,
		        escape_text(section->name, name, sizeof(name)),
		        (unsigned long long)(site->site->address - section->address),
		        sensitive_forms[site->site->form].mnemonic,
		        site->reason ? site->reason : "unknown");
	}
}

static void print_summary(FILE *stream, const struct module_patch *patch)
{
	size_t counts[ROM_METHOD_ALTERNATIVE + 1] = {0};

	for (size_t i = 0; i < patch->plan.site_count; i++)
		if (patch->plan.sites[i].patched)
			counts[patch->plan.sites[i].method]++;
	fprintf(stream, "ROM      %s at 0x%08x, of %s\n", patch->rom.name,
	        (unsigned int)patch->base->rom_virtual, patch->base->release);
	fprintf(stream, "Sites    %zu to rewrite, %zu left as they are\n", patch->plan.site_count,
	        patch->unpatched);
	for (size_t i = 0; i <= ROM_METHOD_ALTERNATIVE; i++)
		if (counts[i])
			fprintf(stream, "         %6zu %s\n", counts[i],
			        plan_method_name((uint8_t)i));
	fprintf(stream,
	        "Added    %zu bytes of springboards, %zu of them for .init, %zu relocations\n",
	        patch->texts[MODULE_TEXT_CORE].size + patch->texts[MODULE_TEXT_INIT].size,
	        patch->texts[MODULE_TEXT_INIT].size, patch->fixup_count);
	if (patch->file->signed_)
		fprintf(stream, "Signature dropped: it was the input's\n");
}

/* --- files -------------------------------------------------------------------------- */

static bool write_module(const struct patch_module_arguments *arguments,
                         const struct module_patch *patch, struct problem *problem)
{
	const struct kernel *kernel = patch->file->kernel;
	struct output_file output;
	char sha256[SHA256_HEX_SIZE];

	hash_bytes(kernel->file, kernel->file_size, sha256);
	if (!output_open(&output, arguments->output, problem))
		return false;
	if (!module_write(output.stream, patch, sha256, problem)) {
		output_abandon(&output);
		return false;
	}
	return output_commit(&output, problem);
}

static bool patch_opened(const struct patch_module_arguments *arguments,
                         const struct module_file *file, const struct module_base *base,
                         size_t *unpatched, struct problem *problem)
{
	struct module_patch patch;
	bool done = true;

	if (!module_patch(file, base, &patch, problem))
		return false;
	*unpatched = patch.unpatched;
	if (patch.unpatched && !arguments->allow_unpatched) {
		print_unpatched(&patch);
		done = problem_report(problem, PATCH_UNPATCHED, patch.unpatched);
	}
	if (done && arguments->output)
		done = write_module(arguments, &patch, problem);
	if (done)
		print_summary(arguments->output && output_is_standard(arguments->output) ? stderr
		                                                                         : stdout,
		              &patch);
	module_patch_free(&patch);
	return done;
}

static bool patch_for(const struct patch_module_arguments *arguments,
                      const struct module_base *base, size_t *unpatched, struct problem *problem)
{
	const struct kernel_read_options options = {.system_map = NULL};
	struct kernel kernel;
	struct module_file file;
	bool done;

	if (!kernel_read(arguments->module, &options, &kernel, problem))
		return false;
	done = module_file_open(&kernel, &file, problem);
	if (done) {
		done = patch_opened(arguments, &file, base, unpatched, problem);
		module_file_close(&file);
	}
	kernel_free(&kernel);
	return done;
}

bool command_patch_module(const struct patch_module_arguments *arguments, size_t *unpatched,
                          struct problem *problem)
{
	struct module_base base;
	bool done;

	if (!module_base_open(arguments->base, arguments->rom, &base, problem))
		return false;
	done = patch_for(arguments, &base, unpatched, problem);
	module_base_close(&base);
	return done;
}
