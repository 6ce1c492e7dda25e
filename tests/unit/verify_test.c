/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * `postburn verify` and what the kernel refers to: an output is made of a kernel whose tables and
 * pointers keep clear of the windows, and verified against one that is the same but for one entry,
 * which leads into a window. That is what a writer that has overlooked the entry would have made.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "patcher/hash.h"
#include "patcher/patch/patch.h"
#include "patcher/rom/rom_private.h"
#include "patcher/verify/verify.h"
#include "tests/unit/fake_linux.h"

/*
 * At WINDOW: cli, mov, lock addl: 8 bytes, whose first two instructions are not enough for a jump.
 * At ELSEWHERE the same but for cli, so that it stays.
 */
#define WINDOW    0x100
#define ELSEWHERE 0x300
#define TARGET    0x500

/* Puts an entry; bad: it leads to the window. */
typedef void put_entry(struct fake_linux *fake, bool bad);

static void put_code(struct fake_linux *fake)
{
	static const char code[] = "\xfa\x89\xc3\xf0\x83\x04\x24\x00\xc3";

	fake_code(fake, AREA_TEXT, WINDOW - 1, "\xc3", 1);
	fake_code(fake, AREA_TEXT, WINDOW, code, sizeof(code) - 1);
	fake_code(fake, AREA_TEXT, ELSEWHERE - 1, "\xc3", 1);
	fake_code(fake, AREA_TEXT, ELSEWHERE + 1, code + 1, sizeof(code) - 2);
	fake_code(fake, AREA_TEXT, TARGET, "\xc3", 1);
	fake_branch(fake, 0xe9, AREA_TEXT, ELSEWHERE + 0x20, AREA_TEXT, TARGET);
}

/* --- the kernel and its output ---------------------------------------------------------------- */

static struct fake_linux *make_kernel(put_entry *put, bool bad)
{
	struct fake_linux *fake = fake_start(false, "6.1.0");
	struct elf_builder *builder = &fake->builder;
	uint32_t sections[AREA_COUNT];

	put_code(fake);
	put(fake, bad);
	snprintf((char *)fake->bytes[AREA_RODATA] + AREA_SIZE - 0x100, 0x100,
	         "Linux version 6.1.0 (builder@host)\n");
	builder_start(builder, false, ET_EXEC);
	fake_sections(fake, sections);
	for (uint32_t i = 1; i <= AREA_COUNT + fake->table_count; i++)
		builder_segment(builder, PT_LOAD, PF_R | PF_W, i, i);
	if (fake->symbols.size)
		builder_symbols(builder, &fake->symbols, &fake->names);
	builder_finish(builder);
	if (!kernel_read_memory("fake", builder->image.data, builder->image.size, &fake->kernel,
	                        &fake->problem))
		fail_msg("the fake kernel is not read: %s", fake->problem.text);
	return fake;
}

static struct verify_rom_file native_rom(void)
{
	for (size_t i = 0; i < built_in_rom_count; i++)
		if (!strcmp(built_in_roms[i].name, "native"))
			return (struct verify_rom_file){
			    built_in_roms[i].start,
			    (size_t)(built_in_roms[i].end - built_in_roms[i].start)};
	fail_msg("no native ROM");
	return (struct verify_rom_file){0};
}

static uint8_t *make_output(const struct kernel *kernel, size_t *size)
{
	char sha256[SHA256_HEX_SIZE], *bytes = NULL;
	struct problem problem;
	struct patch patch;
	struct scan scan;
	struct rom rom;
	FILE *stream;

	if (!scan_kernel(kernel, &scan, &problem) || !rom_read("native", &rom, &problem) ||
	    !patch_kernel(kernel, &scan, &rom, &patch, &problem))
		fail_msg("%s", problem.text);
	assert_int_equal(patch.unpatched, 0);
	assert_int_equal(patch.plan.window_count, 1);
	hash_bytes(kernel->file, kernel->file_size, sha256);
	stream = open_memstream(&bytes, size);
	assert_non_null(stream);
	assert_true(patch_write(stream, &patch, sha256, &problem));
	assert_int_equal(fclose(stream), 0);
	patch_free(&patch);
	rom_free(&rom);
	scan_free(&scan);
	return (uint8_t *)bytes;
}

static void verify(const struct kernel *kernel, const uint8_t *bytes, size_t size,
                   struct verify_report *report)
{
	const struct verify_rom_file rom = native_rom();
	struct problem problem;
	struct verify_input *input = verify_input_open(kernel, &problem);

	if (!input)
		fail_msg("%s", problem.text);
	if (!verify_output(input, &rom, bytes, size, 0, report, &problem))
		fail_msg("%s", problem.text);
	verify_input_close(input);
}

static void print_findings(const struct verify_report *report)
{
	for (size_t i = 0; i < report->finding_count; i++)
		print_message("# 0x%08x: %s: %s\n", (unsigned int)report->findings[i].address,
		              verify_subject_name(report->findings[i].subject),
		              report->findings[i].text);
}

static bool has_finding(const struct verify_report *report, enum verify_subject subject,
                        uint32_t address, const char *text)
{
	for (size_t i = 0; i < report->finding_count; i++)
		if (report->findings[i].subject == subject &&
		    report->findings[i].address == address &&
		    !strcmp(report->findings[i].text, text))
			return true;
	print_findings(report);
	return false;
}

/* The output of the kernel with the good entry is clean, but not for one with the bad entry. */
static void check(put_entry *put, uint32_t offset, const char *text)
{
	struct fake_linux *good = make_kernel(put, false), *bad = make_kernel(put, true);
	struct verify_report report;
	size_t size;
	uint8_t *output = make_output(&good->kernel, &size);

	verify(&good->kernel, output, size, &report);
	print_findings(&report);
	assert_int_equal(report.finding_count, 0);
	assert_int_equal(report.windows, 1);
	verify_report_free(&report);
	verify(&bad->kernel, output, size, &report);
	assert_true(has_finding(&report, VERIFY_REFERENCE,
	                        (uint32_t)fake_address(good, AREA_TEXT, offset), text));
	verify_report_free(&report);
	free(output);
	fake_end(good);
	fake_end(bad);
}

/* --- tables ----------------------------------------------------------------------------------- */

static void put_exception(struct fake_linux *fake, uint64_t instruction, uint64_t fixup)
{
	struct fake_table *table = fake_table(fake, "__ex_table");

	fake_pointer(fake, table, 4, true, AREA_TEXT, (int64_t)instruction);
	fake_pointer(fake, table, 4, true, AREA_TEXT, (int64_t)fixup);
	buffer_word(&table->bytes, 1, 4);
}

static void put_faulting(struct fake_linux *fake, bool bad)
{
	put_exception(fake, (bad ? WINDOW : ELSEWHERE) + 1, TARGET);
}

static void put_faulting_first(struct fake_linux *fake, bool bad)
{
	put_exception(fake, bad ? WINDOW : ELSEWHERE + 1, TARGET);
}

static void put_fixup(struct fake_linux *fake, bool bad)
{
	put_exception(fake, ELSEWHERE + 1, (bad ? WINDOW : ELSEWHERE) + 1);
}

static void test_exception_table(void **state)
{
	(void)state;
	check(put_faulting, WINDOW + 1, "an instruction of __ex_table was moved");
	check(put_faulting_first, WINDOW, "an instruction of __ex_table was moved");
	check(put_fixup, WINDOW + 1,
	      "a fixup of __ex_table leads into replaced bytes, or elsewhere");
}

static void put_alternative(struct fake_linux *fake, bool bad)
{
	struct fake_table *table = fake_table(fake, ".altinstructions");

	fake_pointer(fake, table, 4, true, AREA_TEXT, (bad ? WINDOW : ELSEWHERE) + 1);
	fake_pointer(fake, table, 4, true, AREA_REPLACEMENTS, 0);
	buffer_word(&table->bytes, 26, 2);
	buffer_word(&table->bytes, 0, 2);
	buffer_word(&table->bytes, 2, 1);
	buffer_word(&table->bytes, 2, 1);
}

static void put_lock(struct fake_linux *fake, bool bad)
{
	struct fake_table *table = fake_table(fake, ".smp_locks");

	fake_pointer(fake, table, 4, true, AREA_TEXT, (bad ? WINDOW : ELSEWHERE) + 3);
}

static void put_jump_label(struct fake_linux *fake, bool bad)
{
	struct fake_table *table = fake_table(fake, "__jump_table");

	fake_code(fake, AREA_TEXT, 0x400, "\x3e\x8d\x74\x26\x00", 5);
	fake_pointer(fake, table, 4, false, AREA_TEXT, 0x400);
	fake_pointer(fake, table, 4, false, AREA_TEXT, (bad ? WINDOW : ELSEWHERE) + 1);
	fake_pointer(fake, table, 4, false, AREA_DATA, 0x40);
}

static void test_tables(void **state)
{
	(void)state;
	check(put_alternative, WINDOW + 1, "an alternative was replaced");
	check(put_lock, WINDOW + 3, "an SMP lock prefix was replaced");
	check(put_jump_label, WINDOW + 1, "a jump label leads into replaced bytes");
}

/* --- pointers and branches -------------------------------------------------------------------- */

/* Without relocations every word may be an address. */
static void put_word(struct fake_linux *fake, bool bad)
{
	uint32_t address = (uint32_t)fake_address(fake, AREA_TEXT, (bad ? WINDOW : ELSEWHERE) + 1);

	memcpy(fake->bytes[AREA_DATA] + 0x203, &address, sizeof(address));
}

static void put_symbol(struct fake_linux *fake, bool bad)
{
	fake_symbol(fake, "inside", STT_NOTYPE,
	            fake_address(fake, AREA_TEXT, (bad ? WINDOW : ELSEWHERE) + 1));
}

static void test_pointers(void **state)
{
	(void)state;
	check(put_word, WINDOW + 1, "a word that looks like an address leads into replaced bytes");
	check(put_symbol, WINDOW + 1, "a symbol leads into replaced bytes");
}

static void put_nothing(struct fake_linux *fake, bool bad)
{
	(void)fake;
	(void)bad;
}

/* Where the output has a byte of .text. */
static uint8_t *text_at(const struct fake_linux *fake, uint8_t *output, uint64_t offset)
{
	const uint8_t *bytes =
	    kernel_bytes_at(&fake->kernel, fake_address(fake, AREA_TEXT, offset), 1);

	assert_non_null(bytes);
	return output + (bytes - fake->kernel.image);
}

static void test_branch(void **state)
{
	struct fake_linux *fake = make_kernel(put_nothing, false);
	struct verify_report report;
	uint32_t displacement;
	size_t size;
	uint8_t *output = make_output(&fake->kernel, &size);

	(void)state;
	displacement = WINDOW + 1 - (ELSEWHERE + 0x25);
	memcpy(text_at(fake, output, ELSEWHERE + 0x21), &displacement, sizeof(displacement));
	verify(&fake->kernel, output, size, &report);
	assert_true(has_finding(&report, VERIFY_REFERENCE,
	                        (uint32_t)fake_address(fake, AREA_TEXT, WINDOW + 1),
	                        "a branch leads into replaced bytes"));
	assert_true(has_finding(&report, VERIFY_BYTES,
	                        (uint32_t)fake_address(fake, AREA_TEXT, ELSEWHERE + 0x21),
	                        "4 bytes differ that no site accounts for"));
	verify_report_free(&report);
	free(output);
	fake_end(fake);
}

/* A site that the writer did not see has no record. */
static void put_other_site(struct fake_linux *fake, bool bad)
{
	fake_code(fake, AREA_TEXT, 0x600, bad ? "\xfa" : "\x90", 1);
}

static void test_site_without_record(void **state)
{
	struct fake_linux *good = make_kernel(put_other_site, false);
	struct fake_linux *bad = make_kernel(put_other_site, true);
	struct verify_report report;
	size_t size;
	uint8_t *output = make_output(&good->kernel, &size);

	(void)state;
	verify(&bad->kernel, output, size, &report);
	assert_true(has_finding(&report, VERIFY_SITE,
	                        (uint32_t)fake_address(good, AREA_TEXT, 0x600),
	                        "cli has no record"));
	verify_report_free(&report);
	free(output);
	fake_end(good);
	fake_end(bad);
}

/* --- bounds ----------------------------------------------------------------------------------- */

/* A file cut anywhere is no output, and nothing beyond its end is read. */
static void test_every_length(void **state)
{
	struct fake_linux *fake = make_kernel(put_nothing, false);
	size_t size;
	uint8_t *output = make_output(&fake->kernel, &size);

	(void)state;
	for (size_t cut = 0; cut < size; cut += cut < 400 || size - cut < 400 ? 1 : 509) {
		uint8_t *copy = malloc(cut + 1);
		struct verify_report report;

		assert_non_null(copy);
		memcpy(copy, output, cut);
		verify(&fake->kernel, copy, cut, &report);
		assert_true(report.finding_count > 0);
		verify_report_free(&report);
		free(copy);
	}
	free(output);
	fake_end(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_exception_table),
	    cmocka_unit_test(test_tables),
	    cmocka_unit_test(test_pointers),
	    cmocka_unit_test(test_branch),
	    cmocka_unit_test(test_site_without_record),
	    cmocka_unit_test(test_every_length),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
