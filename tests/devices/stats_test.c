/* SPDX-License-Identifier: BSD-2-Clause */

/* The ROM's statistics: what is counted, and the lines it is told in. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "rom/stats/stats.h"

static struct stats stats;
static char told[65536];
static size_t told_size;
static uint32_t lines;

static void put(void *context, const char *text, size_t size)
{
	assert_ptr_equal(context, &stats);
	assert_true(size < sizeof(told) - told_size);
	assert_memory_equal(text + size - 2, "\r\n", 2);
	assert_null(memchr(text, '\n', size - 1));
	memcpy(told + told_size, text, size);
	told_size += size;
	told[told_size] = '\0';
	lines++;
}

static int setup(void **state)
{
	(void)state;
	memset(&stats, 0, sizeof(stats));
	memset(told, 0, sizeof(told));
	told_size = lines = 0;
	return 0;
}

static const char *tell(void)
{
	struct stats_writer writer = {.put = put, .context = &stats, .lines = 99};

	told_size = lines = 0;
	stats_begin(&writer, "xen");
	stats_write(&writer, &stats);
	stats_end(&writer);
	assert_int_equal(writer.lines, lines);
	return told;
}

static void nothing_happened(void **state)
{
	(void)state;
	assert_string_equal(tell(), "postburn-stats begin 1 xen\r\n"
	                            "postburn-stats count other-sites 0\r\n"
	                            "postburn-stats end 2\r\n");
}

static void calls_and_sites(void **state)
{
	(void)state;
	stats.calls[VMI_CALL_DisableInterrupts] = 7;
	stats.calls[VMI_CALL_POPF] = UINT64_MAX;
	stats.calls[ROM_SLOT_COUNT - 1] = UINT64_C(1) << 32;
	stats_count_site(&stats, 0xc1001234, VMI_CALL_POPF);
	stats_count_site(&stats, 0xc1001234, VMI_CALL_POPF);
	assert_string_equal(tell(), "postburn-stats begin 1 xen\r\n"
	                            "postburn-stats call 36 DisableInterrupts 7\r\n"
	                            "postburn-stats call 97 POPF 18446744073709551615\r\n"
	                            "postburn-stats call 127 ? 4294967296\r\n"
	                            "postburn-stats site 0xc1001234 97 2\r\n"
	                            "postburn-stats count other-sites 0\r\n"
	                            "postburn-stats end 6\r\n");
	setup(NULL);
	stats_count_site(&stats, 0x00000abc, 0);
	assert_non_null(strstr(tell(), "\r\npostburn-stats site 0x00000abc - 1\r\n"));
}

static void other_counts(void **state)
{
	struct stats_writer writer = {.put = put, .context = &stats};
	char name[200];

	(void)state;
	stats_begin(&writer, "two words\n");
	stats_write_count(&writer, "page-faults", 1000000);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	stats_write_count(&writer, name, UINT64_MAX);
	stats_end(&writer);
	assert_non_null(strstr(told, "postburn-stats begin 1 two?words?\r\n"));
	assert_non_null(strstr(told, "\r\npostburn-stats count page-faults 1000000\r\n"));
	assert_non_null(strstr(told, "xxx 18446744073709551615\r\n"));
	assert_non_null(strstr(told, "\r\npostburn-stats end 3\r\n"));
}

static void many_sites(void **state)
{
	uint32_t kept = 0;
	uint64_t count = 0;

	(void)state;
	for (uint32_t round = 1; round <= 3; round++)
		for (uint32_t i = 0; i < 300; i++)
			stats_count_site(&stats, 0xc1000000 + i * 16, 1);
	for (uint32_t i = 0; i < STATS_SITES; i++) {
		kept += stats.sites[i].address != 0;
		count += stats.sites[i].count;
		assert_int_equal(stats.sites[i].count, 3);
	}
	assert_int_equal(kept, STATS_SITES);
	assert_int_equal(count + stats.other_sites, 900);
	/* Counts stay where they are when they are full. */
	stats.sites[0].count = UINT32_MAX;
	stats_count_site(&stats, stats.sites[0].address, 1);
	assert_int_equal(stats.sites[0].count, UINT32_MAX);
}

static void options(void **state)
{
	static const struct {
		const char *line;
		bool found;
	} cases[] = {
	    {"", false},
	    {"rom=stats", true},
	    {"console=ttyS0 rom=stats quiet", true},
	    {"console=ttyS0\trom=stats\n", true},
	    {"  rom=trace,stats", true},
	    {"rom=stats,trace", true},
	    {"rom=trace rom=stats", true},
	    {"rom=trace,stat", false},
	    {"rom=statistics", false},
	    {"rom=stats2,", false},
	    {"xrom=stats", false},
	    {"rom=,,stats,", true},
	    {"rom=", false},
	    {"rom", false},
	    {"stats rom=x stats", false},
	    {"rom= stats", false},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (stats_option(cases[i].line, "stats") != cases[i].found)
			print_message("command line: %s\n", cases[i].line);
		assert_int_equal(stats_option(cases[i].line, "stats"), cases[i].found);
	}
}

#define T(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(nothing_happened), T(calls_and_sites), T(other_counts), T(many_sites), T(options),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
