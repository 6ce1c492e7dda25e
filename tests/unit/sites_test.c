/* SPDX-License-Identifier: BSD-2-Clause */

/* The sites file: what it says, and what it must not. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "patcher/sites/sites.h"
#include "tests/unit/small_kernel.h"

#define BASE 0xc1000000u
#define HEAD "postburn-sites 1\n"

/* nop; mov %edx,(%eax); xchg %edx,(%eax); mov %ecx,4(%eax); ret */
static const uint8_t code[] = {0x90, 0x89, 0x10, 0x87, 0x10, 0x89, 0x48, 0x04, 0xc3};

struct guest {
	struct elf_builder builder;
	struct kernel kernel;
	struct scan scan;
};

static int make_guest(void **state)
{
	struct guest *guest = calloc(1, sizeof(*guest));
	struct byte_buffer symbols = {0}, names = {0};
	struct elf_builder *builder = &guest->builder;
	struct problem problem;

	builder_start(builder, false, ET_EXEC);
	builder_section(builder, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, BASE, code,
	                sizeof(code));
	builder_section(builder, ".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, BASE + 0x1000, code,
	                sizeof(code));
	builder_segment(builder, PT_LOAD, PF_R | PF_X, 1, 1);
	builder_segment(builder, PT_LOAD, PF_R | PF_W, 2, 2);
	builder_symbol(builder, &symbols, &names, "setter", STB_GLOBAL, STT_FUNC, 1, BASE, 5);
	builder_symbol(builder, &symbols, &names, "setter_again", STB_GLOBAL, STT_FUNC, 1, BASE, 5);
	builder_symbol(builder, &symbols, &names, "twin", STB_LOCAL, STT_FUNC, 1, BASE, 1);
	builder_symbol(builder, &symbols, &names, "twin", STB_LOCAL, STT_FUNC, 1, BASE + 5, 4);
	builder_symbol(builder, &symbols, &names, "same", STB_LOCAL, STT_FUNC, 1, BASE + 3, 2);
	builder_symbol(builder, &symbols, &names, "same", STB_LOCAL, STT_FUNC, 1, BASE + 3, 2);
	builder_symbols(builder, &symbols, &names);
	builder_finish(builder);
	if (!kernel_read_memory("guest", builder->image.data, builder->image.size, &guest->kernel,
	                        &problem) ||
	    !scan_kernel(&guest->kernel, &guest->scan, &problem)) {
		print_error("%s\n", problem.text);
		return -1;
	}
	*state = guest;
	return 0;
}

static int drop_guest(void **state)
{
	struct guest *guest = *state;

	scan_free(&guest->scan);
	kernel_free(&guest->kernel);
	builder_free(&guest->builder);
	free(guest);
	return 0;
}

static bool parse(void **state, const char *text, struct extra_sites *list, struct problem *problem)
{
	const struct guest *guest = *state;

	return extra_sites_parse((const uint8_t *)text, strlen(text), &guest->scan, list, problem);
}

static void check_refused(void **state, const char *text, enum diagnostic diagnostic,
                          const char *part, int line)
{
	struct extra_sites list = {0};
	struct problem problem = {0};

	if (parse(state, text, &list, &problem))
		fail_msg("line %d: the file was taken", line);
	if (problem.diagnostic != diagnostic || !strstr(problem.text, part))
		fail_msg("line %d: E%d: %s", line, (int)problem.diagnostic, problem.text);
	assert_int_equal(list.count, 0);
	assert_null(list.sites);
}

#define assert_refused(text, diagnostic, part)                                                     \
	check_refused(state, (text), DIAGNOSTIC_##diagnostic, (part), __LINE__)

static void test_a_file_is_read(void **state)
{
	struct extra_sites list = {0};
	struct problem problem;

	assert_true(parse(state,
	                  "# by hand\n\n" HEAD "  \t# nothing\n"
	                  "setter+0x5\tSetPxE bytes=894804 origin=set_pte, inlined # why\n"
	                  "0xC1000001 pte # no more\n"
	                  "same SwapPxE origin=a#b",
	                  &list, &problem));
	assert_int_equal(list.count, 3);
	assert_int_equal(list.sites[0].address, BASE + 1);
	assert_int_equal(list.sites[0].call, 0);
	assert_int_equal(list.sites[0].length, 2);
	assert_int_equal(list.sites[0].line, 6);
	assert_null(list.sites[0].origin);
	assert_int_equal(list.sites[1].address, BASE + 3);
	assert_int_equal(list.sites[1].call, VMI_CALL_SwapPxE);
	assert_string_equal(list.sites[1].origin, "a#b");
	assert_int_equal(list.sites[2].call, VMI_CALL_SetPxE);
	assert_int_equal(list.sites[2].source, EXTRA_SITE_FILE);
	assert_string_equal(list.sites[2].origin, "set_pte, inlined");
	assert_memory_equal(list.sites[2].bytes, code + 5, 3);
	assert_string_equal(list.sites[2].section->name, ".text");
	assert_ptr_equal(extra_sites_find(&list, BASE + 3), &list.sites[1]);
	assert_null(extra_sites_find(&list, BASE + 4));
	assert_null(extra_sites_find(&list, BASE + 9));
	extra_sites_free(&list);
	assert_null(extra_sites_find(&list, BASE + 3));
}

/* What another file or DWARF has given stays; one address is one site. */
static void test_lists_are_merged(void **state)
{
	const struct guest *guest = *state;
	struct extra_sites list = {0};
	struct extra_site site = {.address = BASE + 1,
	                          .source = EXTRA_SITE_DWARF,
	                          .call = VMI_CALL_SetPxELong,
	                          .origin = (char[]){"native_set\n_pte"}};
	struct problem problem;
	bool found;

	assert_true(extra_sites_add(&list, &guest->scan, &site, &found, &problem) && found);
	site.address = BASE + 5;
	assert_true(extra_sites_add(&list, &guest->scan, &site, &found, &problem) && found);
	site.address = BASE + 2;
	assert_true(extra_sites_add(&list, &guest->scan, &site, &found, &problem));
	assert_false(found);
	assert_true(
	    parse(state, HEAD "0xc1000003 pte\n0xc1000001 pte origin=file\n", &list, &problem));
	assert_int_equal(list.count, 3);
	assert_int_equal(list.sites[0].source, EXTRA_SITE_FILE);
	assert_int_equal(list.sites[0].call, VMI_CALL_SetPxELong);
	assert_string_equal(list.sites[0].origin, "file");
	assert_int_equal(list.sites[2].source, EXTRA_SITE_DWARF);
	assert_string_equal(list.sites[2].origin, "native_set\\x0a_pte");
	assert_string_equal(extra_site_source_name(EXTRA_SITE_FILE), "file");
	assert_string_equal(extra_site_source_name(EXTRA_SITE_DWARF), "dwarf");
	assert_true(parse(state, HEAD, &list, &problem));
	assert_int_equal(list.count, 3);
	extra_sites_free(&list);
}

static void test_heads(void **state)
{
	assert_refused("", SITES_HEAD, "line 0");
	assert_refused("# postburn-sites 1\n", SITES_HEAD, "line 1");
	assert_refused("postburn-sites 2\n", SITES_HEAD, "line 1");
	assert_refused("postburn-sites 1 x\n", SITES_HEAD, "line 1");
	assert_refused("\npostburn-site\n", SITES_HEAD, "line 2");
	assert_refused("0xc1000001 pte\n" HEAD, SITES_HEAD, "line 1");
	assert_refused(HEAD HEAD, SITES_SYMBOL,
	               "line 2: the kernel has no symbol 'postburn-sites'");
}

static void test_places(void **state)
{
	assert_refused(HEAD "c1000001 pte\n", SITES_SYMBOL, "'c1000001'");
	assert_refused(HEAD "0x pte\n", SITES_PLACE, "'0x'");
	assert_refused(HEAD "1234 pte\n", SITES_PLACE, "'1234'");
	assert_refused(HEAD "0xc100000g pte\n", SITES_PLACE, "'0xc100000g'");
	assert_refused(HEAD "0x00000000c10000010 pte\n", SITES_PLACE, "'0x00000000c10000010'");
	assert_refused(HEAD "setter+ pte\n", SITES_PLACE, "'setter+'");
	assert_refused(HEAD "setter+5 pte\n", SITES_PLACE, "'setter+5'");
	assert_refused(HEAD "+0x5 pte\n", SITES_PLACE, "'+0x5'");
	assert_refused(HEAD "sette pte\n", SITES_SYMBOL, "'sette'");
	assert_refused(HEAD "setter_ pte\n", SITES_SYMBOL, "'setter_'");
	assert_refused(HEAD "zzz pte\n", SITES_SYMBOL, "'zzz'");
	assert_refused(HEAD "twin pte\n", SITES_SYMBOL_PLACES, "'twin' is at 0xc100000");
	assert_refused(HEAD "setter+0x2 pte\n", SITES_NOT_CODE, "0xc1000002");
	assert_refused(HEAD "0xc1001001 pte\n", SITES_NOT_CODE, "0xc1001001");
	assert_refused(HEAD "0x1 pte\n", SITES_NOT_CODE, "0x1");
	assert_refused(HEAD "setter+0xffffffff3f000000 pte\n", SITES_NOT_CODE, "0x0");
	assert_refused(HEAD "0xc1000009 pte\n", SITES_NOT_CODE, "0xc1000009");
	assert_refused(HEAD "setter+0x1 pte\n0xc1000001 SetPxE\n", SITES_TWICE,
	               "line 3: 0xc1000001 is on line 2 already");
}

static void test_words(void **state)
{
	assert_refused(HEAD "setter\n", SITES_CALL, "''");
	assert_refused(HEAD "setter PTE\n", SITES_CALL, "'PTE'");
	assert_refused(HEAD "setter WRMSR\n", SITES_CALL, "allowed: pte, SetPxE, ");
	assert_refused(HEAD "setter GetPxE\n", SITES_CALL, "'GetPxE'");
	assert_refused(HEAD "setter ?\n", SITES_CALL,
	               "TestAndClearPxELongBit, CompareSwapPxELong)");
	assert_refused(HEAD "setter pte bytes=\n", SITES_BYTES, "''");
	assert_refused(HEAD "setter pte bytes=9\n", SITES_BYTES, "'9'");
	assert_refused(HEAD "setter pte bytes=9g\n", SITES_BYTES, "'9g'");
	assert_refused(HEAD "setter pte bytes=0x90\n", SITES_BYTES, "'0x90'");
	assert_refused(HEAD "setter pte bytes=90909090909090909090909090909090\n", SITES_BYTES,
	               "'9090");
	assert_refused(HEAD "setter pte bytes=91\n", SITES_OTHER_BYTES, "stands 90, not 91");
	assert_refused(HEAD "setter pte bytes=9089\n", SITES_OTHER_BYTES, "stands 90, not 9089");
	assert_refused(HEAD "setter pte origin=\n", SITES_FIELD, "'origin='");
	assert_refused(HEAD "setter pte by hand\n", SITES_FIELD, "'by'");
	assert_refused(HEAD "setter pte bytes=90 bytes=90\n", SITES_FIELD, "'bytes=90'");
	assert_refused(HEAD "setter pte\r\n", SITES_CHARACTER, "line 2 has a byte 0x0d");
	assert_refused(HEAD "# caf\xc3\xa9\n", SITES_CHARACTER, "0xc3");
}

static void test_lengths(void **state)
{
	const struct guest *guest = *state;
	size_t size = ((size_t)16 << 20) + 1;
	char *text = malloc(size);
	struct extra_sites list = {0};
	struct problem problem;

	memset(text, ' ', size);
	memcpy(text, HEAD, strlen(HEAD));
	assert_false(extra_sites_parse((const uint8_t *)text, size, &guest->scan, &list, &problem));
	assert_int_equal(problem.diagnostic, DIAGNOSTIC_SITES_LARGE);
	text[strlen(HEAD) + 1024] = '\0';
	assert_true(parse(state, text, &list, &problem));
	text[strlen(HEAD) + 1024] = ' ';
	text[strlen(HEAD) + 1025] = '\0';
	assert_refused(text, SITES_LONG_LINE, "line 2 has 1025 bytes");
	memset(text + strlen(HEAD), 'x', 1023);
	assert_refused(text, SITES_LONG_LINE, "line 2 has 1025 bytes");
	text[strlen(HEAD) + 1023] = '\0';
	assert_refused(text, SITES_SYMBOL, "'xxxxx");
	memcpy(text + strlen(HEAD), "setter pte origin=", 18);
	assert_true(parse(state, text, &list, &problem));
	assert_int_equal(strlen(list.sites[0].origin), 1023 - 18);
	extra_sites_free(&list);
	free(text);
}

static void test_files(void **state)
{
	const struct guest *guest = *state;
	struct extra_sites list = {0};
	struct problem problem = {0};

	assert_false(extra_sites_read("/nonexistent/sites", &guest->scan, &list, &problem));
	assert_int_equal(problem.diagnostic, DIAGNOSTIC_INPUT_OPEN);
	assert_string_equal(problem.file, "/nonexistent/sites");
}

static void test_cut_at_every_byte_is_survived(void **state)
{
	static const char text[] =
	    HEAD "setter+0x5 SetPxE bytes=894804 origin=x\n0xc1000001 pte\nsame SwapPxE # y\n";

	for (size_t cut = 0; cut < sizeof(text); cut++) {
		const struct guest *guest = *state;
		struct extra_sites list = {0};
		struct problem problem = {0};

		if (!extra_sites_parse((const uint8_t *)text, cut, &guest->scan, &list, &problem))
			assert_int_not_equal(problem.text[0], '\0');
		extra_sites_free(&list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_file_is_read),
	    cmocka_unit_test(test_lists_are_merged),
	    cmocka_unit_test(test_heads),
	    cmocka_unit_test(test_places),
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_cut_at_every_byte_is_survived),
	};

	return cmocka_run_group_tests(tests, make_guest, drop_guest);
}
