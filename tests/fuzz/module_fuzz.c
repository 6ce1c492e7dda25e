/* SPDX-License-Identifier: BSD-2-Clause */

/* Rewriting a module, whatever bytes it is: what is written is a module again, and marked; and what
 * the second reader makes of it. */

#include <string.h>

#include "patcher/hash.h"
#include "patcher/module/module_patch.h"
#include "patcher/patch/patch.h"
#include "patcher/rom/rom_private.h"
#include "patcher/verify/verify_module.h"
#include "tests/fuzz/elf_frame.h"
#include "tests/fuzz/harness.h"

static struct module_base base;
static struct verify_base verified_base;
static struct verify_rom_file rom_file;

/* A small kernel, rewritten: its file. */
static void write_base(const struct kernel *kernel)
{
	struct problem problem;
	struct patch patch;
	struct scan scan;
	char *bytes = NULL;
	FILE *stream = open_memstream(&bytes, &verified_base.size);

	CHECK(stream);
	CHECK(scan_kernel(kernel, &scan, &problem));
	CHECK(patch_kernel(kernel, &scan, &base.rom, &patch, &problem));
	CHECK(patch_write(stream, &patch, "", &problem));
	CHECK(fclose(stream) == 0);
	patch_free(&patch);
	scan_free(&scan);
	verified_base.bytes = (uint8_t *)bytes;
}

static void prepare(void)
{
	struct problem problem;
	struct kernel kernel;
	size_t size;
	uint8_t *image = elf_frame_make(false, "6.1.0", NULL, 0, &size);

	CHECK(image);
	CHECK(rom_read("native", &base.rom, &problem));
	CHECK(kernel_read_memory("kernel", image, size, &kernel, &problem));
	write_base(&kernel);
	kernel_free(&kernel);
	CHECK(
	    kernel_read_memory("base", verified_base.bytes, verified_base.size, &kernel, &problem));
	base.rom_virtual = (uint32_t)kernel_find_section(&kernel, ".vmi_rom")->address;
	base.linux_version = verified_base.linux_version = kernel.linux_version;
	kernel_free(&kernel);
	free(image);
	snprintf(base.build_id, sizeof(base.build_id), "none");
	for (size_t i = 0; i < built_in_rom_count; i++)
		if (!strcmp(built_in_roms[i].name, "native"))
			rom_file = (struct verify_rom_file){
			    built_in_roms[i].start,
			    (size_t)(built_in_roms[i].end - built_in_roms[i].start)};
}

/*
 * The second reader, of whatever was written. Where relocations change opcodes, what the code is
 * depends on where it is loaded, and the two readers need not agree.
 */
static void verify(const struct kernel *module, const char *bytes, size_t size)
{
	struct verify_report report;
	struct problem problem;

	if (verify_module(module, &verified_base, &rom_file, (const uint8_t *)bytes, size,
	                  VERIFY_ALLOW_UNPATCHED, &report, &problem))
		report_finding("findings %s", report.finding_count ? "some" : "none");
	else
		check_problem(&problem);
	verify_report_free(&report);
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
	const struct kernel *module = patch->file->kernel;
	char sha256[SHA256_HEX_SIZE];
	struct problem problem;
	char *bytes = NULL;
	size_t size;
	FILE *stream = open_memstream(&bytes, &size);
	bool written;

	CHECK(stream);
	hash_bytes(module->file, module->file_size, sha256);
	written = module_write(stream, patch, sha256, &problem);
	CHECK(fclose(stream) == 0);
	if (written) {
		check_output(bytes, size);
		verify(module, bytes, size);
	} else {
		check_problem(&problem);
	}
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
	snprintf(base.release, sizeof(base.release), "%s", file.release);
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
