/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Verifying an output: of a small kernel, as `postburn patch` writes it, with changes. The input is
 * a byte, then
 *   0: changes of 4 bytes: where (3 bytes, modulo the output's size), and the byte to put there
 *   other: the output's bytes
 */

#include <string.h>

#include "patcher/hash.h"
#include "patcher/patch/patch.h"
#include "patcher/rom/rom_private.h"
#include "patcher/verify/verify.h"
#include "tests/fuzz/elf_frame.h"
#include "tests/fuzz/harness.h"

#define TEXT_OFFSET 0x1000 /* of the frame */

/* Code with sites of many shapes, a moved branch, a call; then nops. */
static const uint8_t code[] = {
    0xfa, 0x89, 0xc3, 0x89, 0xd1, 0xc3,                         /* cli; mov; mov; ret */
    0x0f, 0x20, 0x04, 0x24, 0x9c, 0x8f, 0x44, 0x24, 0x08, 0xc3, /* mov cr0; pushf; pop */
    0x0f, 0x01, 0x54, 0x24, 0x04, 0x0f, 0x30, 0xfb, 0xf4, 0xc3, /* lgdt; wrmsr; sti; hlt */
    0x0f, 0x00, 0x4b, 0x08, 0xe4, 0x61, 0xe6, 0x80, 0xc3,       /* str; in; out */
    0xfa, 0x75, 0x02, 0x31, 0xc0, 0xfb, 0x5b, 0xc3,             /* cli; jne sti; xor; sti; pop */
    0xea, 0x00, 0x00, 0x00, 0xc1, 0x10, 0x00,                   /* ljmp */
    0x0f, 0xa2, 0xe8, 0x00, 0x00, 0x00, 0x00, 0x58, 0x0f, 0x31, /* cpuid; call next; pop */
    0x0f, 0x23, 0xfe, 0x0f, 0x21, 0xf0, 0xcf,                   /* mov dr7; mov dr6; iret */
};

static struct kernel kernel;
static struct verify_input *input;
static struct verify_rom_file rom_file;
static uint8_t *output;
static size_t output_size;

static void write_output(const struct patch *patch)
{
	char sha256[SHA256_HEX_SIZE], *bytes = NULL;
	FILE *stream = open_memstream(&bytes, &output_size);
	struct problem problem;

	CHECK(stream);
	hash_bytes(kernel.file, kernel.file_size, sha256);
	CHECK(patch_write(stream, patch, sha256, &problem));
	CHECK(fclose(stream) == 0);
	output = (uint8_t *)bytes;
}

/* Everything that stays the same from one input to the next. */
static void prepare(void)
{
	struct problem problem;
	struct patch patch;
	struct scan scan;
	struct rom rom;
	size_t size;
	uint8_t *image = elf_frame_make(false, "6.1.0", NULL, 0, &size);

	CHECK(image);
	memcpy(image + TEXT_OFFSET, code, sizeof(code));
	CHECK(kernel_read_memory("kernel", image, size, &kernel, &problem));
	CHECK(scan_kernel(&kernel, &scan, &problem));
	CHECK(rom_read("native", &rom, &problem));
	CHECK(patch_kernel(&kernel, &scan, &rom, &patch, &problem));
	write_output(&patch);
	patch_free(&patch);
	rom_free(&rom);
	scan_free(&scan);
	rom_file.bytes = built_in_roms[0].start;
	rom_file.size = (size_t)(built_in_roms[0].end - built_in_roms[0].start);
	input = verify_input_open(&kernel, &problem);
	CHECK(input);
}

static size_t verify(const uint8_t *bytes, size_t size)
{
	struct verify_report report;
	struct problem problem;
	size_t findings;

	CHECK(verify_output(input, &rom_file, bytes, size, VERIFY_ALLOW_UNPATCHED, &report,
	                    &problem));
	for (size_t i = 0; i < report.finding_count; i++) {
		CHECK(!strchr(report.findings[i].text, '\n') || size);
		CHECK(verify_subject_name(report.findings[i].subject));
	}
	findings = report.finding_count;
	report_finding("findings %s", findings ? "some" : "none");
	verify_report_free(&report);
	return findings;
}

static void verify_changed(const uint8_t *changes, size_t size)
{
	uint8_t *copy = malloc(output_size);
	bool changed;

	CHECK(copy);
	memcpy(copy, output, output_size);
	for (; size >= 4; changes += 4, size -= 4)
		copy[(changes[0] | changes[1] << 8 | changes[2] << 16) % output_size] = changes[3];
	changed = memcmp(copy, output, output_size) != 0;
	CHECK(verify(copy, output_size) == 0 || changed);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	if (!input)
		prepare();
	if (!size)
		return 0;
	if (!data[0]) {
		verify_changed(data + 1, size - 1);
		return 0;
	}
	/* Exactly as large as the output, so that a byte too much is seen. */
	copy = malloc(size);
	CHECK(copy);
	memcpy(copy, data + 1, size - 1);
	verify(copy, size - 1);
	free(copy);
	return 0;
}
