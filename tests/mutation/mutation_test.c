/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * `postburn verify` must see every damage. Outputs are made in memory, damaged in one way at a time
 * (mutators.c), and verified; what is not seen must be proved to make no difference (harmless.c).
 *
 * usage: mutation_test        the numbers below, from a fixed seed
 *        MUTATIONS=N MUTATION_SEED=S mutation_test    N of each kind of damage on each kernel
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/cache.h"
#include "tests/mutation/harmless.h"

#define SEED     UINT64_C(0x706f737462726e00)
#define ATTEMPTS 20 /* to apply a mutator */

static unsigned long number_of(const char *variable, unsigned long otherwise)
{
	const char *value = getenv(variable);

	return value && *value ? strtoul(value, NULL, 0) : otherwise;
}

struct tally {
	unsigned int applied, seen, harmless, missed;
};

static bool apply(struct mutation *mutation, const struct mutator *mutator)
{
	for (unsigned int i = 0; i < ATTEMPTS; i++) {
		if (mutator->apply(mutation) && mutation_changed(mutation))
			return true;
		mutation_undo(mutation);
	}
	return false;
}

static void judge(struct mutation *mutation, const struct mutator *mutator, struct tally *tally)
{
	struct verify_report report;
	const char *why;

	tally->applied++;
	assert_true(output_verify(mutation->output, 0, &report));
	if (report.finding_count) {
		tally->seen++;
	} else if ((why = mutation_harmless(mutation))) {
		tally->harmless++;
		print_message("# harmless: %s: %s: %s\n", mutator->name, mutation->what, why);
	} else {
		tally->missed++;
		print_message("# NOT SEEN: %s: %s\n", mutator->name, mutation->what);
	}
	verify_report_free(&report);
}

static struct tally damage(struct output *output, unsigned long rounds)
{
	struct mutation mutation = {.output = output,
	                            .random = number_of("MUTATION_SEED", 0) + SEED};
	struct tally all = {0};

	for (size_t i = 0; i < mutator_count; i++) {
		struct tally tally = {0};

		for (unsigned long j = 0; j < rounds; j++) {
			if (apply(&mutation, &mutators[i]))
				judge(&mutation, &mutators[i], &tally);
			mutation_undo(&mutation);
		}
		if (!tally.applied)
			print_message("# %s: nothing to damage\n", mutators[i].name);
		all.applied += tally.applied;
		all.seen += tally.seen;
		all.harmless += tally.harmless;
		all.missed += tally.missed;
	}
	print_message("# %u mutations: %u seen, %u harmless, %u missed\n", all.applied, all.seen,
	              all.harmless, all.missed);
	return all;
}

static void check_kernel(const char *path, const char *rom, unsigned long rounds,
                         unsigned int least)
{
	struct verify_report report;
	struct output output;
	struct tally tally;

	assert_true(output_make(&output, path, rom));
	assert_true(output_verify(&output, 0, &report));
	for (size_t i = 0; i < report.finding_count; i++)
		print_message(
		    "# undamaged: 0x%08x: %s: %s\n", (unsigned int)report.findings[i].address,
		    verify_subject_name(report.findings[i].subject), report.findings[i].text);
	assert_int_equal(report.finding_count, 0);
	verify_report_free(&report);
	tally = damage(&output, number_of("MUTATIONS", rounds));
	output_free(&output);
	assert_int_equal(tally.missed, 0);
	/* What makes no difference is the exception: else the mutators are not worth their name. */
	assert_true(tally.harmless * 20 < tally.applied);
	if (!getenv("MUTATIONS"))
		assert_true(tally.applied >= least);
}

static void check_guest(const char *rom)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/guests/guest.elf", getenv("POSTBURN_BUILD"));
	check_kernel(path, rom, 40, 1000);
}

static void test_native(void **state)
{
	(void)state;
	check_guest("native");
}

/* A ROM that offers every call and clobbers all it may: springboards have the most to do. */
static void test_greedy(void **state)
{
	char rom[4096];

	(void)state;
	snprintf(rom, sizeof(rom), "%s/tests/mutation/greedy.rom", getenv("POSTBURN_BUILD"));
	check_guest(rom);
}

/* The same for Xen: it owns the traps, and stands in a window of its own. */
static void test_greedy_xen(void **state)
{
	char rom[4096];

	(void)state;
	snprintf(rom, sizeof(rom), "%s/tests/mutation/greedy-xen.rom", getenv("POSTBURN_BUILD"));
	check_guest(rom);
}

/* A kernel of writes to page tables, with both ROMs: nearly every springboard is one's. */
static void test_page_tables(void **state)
{
	char path[4096], rom[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/tests/cli/page_tables.elf", getenv("POSTBURN_BUILD"));
	snprintf(rom, sizeof(rom), "%s/tests/mutation/greedy.rom", getenv("POSTBURN_BUILD"));
	check_kernel(path, "native", 20, 400);
	check_kernel(path, rom, 20, 400);
}

static const char *const needed[] = {"linux/tiny-pae/vmlinux", "debian/686-pae/boot/vmlinuz-*"};

static void check_cached(const char *pattern, const char *rom, unsigned long rounds)
{
	char *path = cache_find(pattern);

	assert_non_null(path);
	check_kernel(path, rom, rounds, 50);
	free(path);
}

static void test_linux(void **state)
{
	(void)state;
	check_cached(needed[0], "native", 3);
}

static void test_debian(void **state)
{
	(void)state;
	check_cached(needed[1], "native", 2);
}

static void test_debian_xen(void **state)
{
	(void)state;
	check_cached(needed[1], "xen", 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_native),     cmocka_unit_test(test_page_tables),
	    cmocka_unit_test(test_greedy),     cmocka_unit_test(test_greedy_xen),
	    cmocka_unit_test(test_linux),      cmocka_unit_test(test_debian),
	    cmocka_unit_test(test_debian_xen),
	};

	if (cache_lacks(needed, sizeof(needed) / sizeof(needed[0])))
		return 0;
	return cmocka_run_group_tests_name("mutation", tests, NULL, NULL);
}
