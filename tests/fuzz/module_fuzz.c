/* SPDX-License-Identifier: BSD-2-Clause */

/* Rewriting a module, whatever bytes it is: what is written is a module again, and marked. */

#include <string.h>

#include "patcher/module/module_patch.h"
#include "tests/fuzz/harness.h"

#define ROM_VIRTUAL 0xc2136000u

static struct module_base base;

/* The kernel of tests/modules/base.S, rewritten. */
static void prepare(void)
{
	struct problem problem;

	CHECK(rom_read("native", &base.rom, &problem));
	base.rom_virtual = ROM_VIRTUAL;
	base.linux_version = 6 << 16 | 1 << 8;
	snprintf(base.release, sizeof(base.release), "6.1.0-test");
	snprintf(base.build_id, sizeof(base.build_id), "none");
}

/* What was written can be read, has its relocations in its sections, and is refused. */
static void check_output(const char *bytes, size_t size)
{
	struct module_file file;
	struct module_patch patch;
	struct problem problem;
	struct kernel kernel;

	CHECK(kernel_read_memory("output", (const uint8_t *)bytes, size, &kernel, &problem));
	CHECK(kernel.format == KERNEL_FORMAT_MODULE);
	CHECK(module_file_open(&kernel, &file, &problem));
	CHECK(!module_patch(&file, &base, &patch, &problem));
	CHECK(problem.diagnostic == DIAGNOSTIC_MODULE_TWICE);
	module_file_close(&file);
	kernel_free(&kernel);
}

static void write_module(const struct module_patch *patch)
{
	static const char sha256[] =
	    "0000000000000000000000000000000000000000000000000000000000000000";
	struct problem problem;
	char *bytes = NULL;
	size_t size;
	FILE *stream = open_memstream(&bytes, &size);
	bool written;

	CHECK(stream);
	written = module_write(stream, patch, sha256, &problem);
	CHECK(fclose(stream) == 0);
	if (written)
		check_output(bytes, size);
	else
		check_problem(&problem);
	free(bytes);
}

static void check_sites(const struct module_patch *patch)
{
	size_t unpatched = 0;

	for (size_t i = 0; i < patch->plan.site_count; i++) {
		const struct plan_site *site = &patch->plan.sites[i];

		CHECK(site->patched || site->reason);
		unpatched += !site->patched;
	}
	CHECK(unpatched == patch->unpatched);
	CHECK(patch->sites.size == patch->plan.site_count * sizeof(struct rom_site));
	report_finding("sites %s", patch->plan.site_count ? "some" : "none");
}

static void patch_module(const struct kernel *kernel)
{
	struct module_patch patch;
	struct module_file file;
	struct problem problem;

	if (!module_file_open(kernel, &file, &problem)) {
		check_problem(&problem);
		return;
	}
	/* Few changes leave .modinfo readable: the release is not what this is about. */
	snprintf(file.release, sizeof(file.release), "%s", base.release);
	if (module_patch(&file, &base, &patch, &problem)) {
		check_sites(&patch);
		write_module(&patch);
		module_patch_free(&patch);
	} else {
		check_problem(&problem);
	}
	module_file_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problem problem;
	struct kernel kernel;

	if (!base.rom_virtual)
		prepare();
	if (!kernel_read_memory("module", data, size, &kernel, &problem)) {
		check_problem(&problem);
		return 0;
	}
	patch_module(&kernel);
	kernel_free(&kernel);
	return 0;
}
