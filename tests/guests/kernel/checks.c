/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/checks.h"

#include "kernel/boot_information.h"
#include "kernel/descriptors.h"
#include "kernel/interrupts.h"
#include "kernel/memory.h"
#include "kernel/report.h"
#include "kernel/string.h"
#include "kernel/traps.h"
#include "kernel/user.h"

struct check {
	void (*run)(void);
	const char *name;
	uint32_t needs; /* a bit a need */
};

#define N(need) (1u << NEED_##need)
#define NOTHING 0u

static const struct check checks[] = {
#define CHECK(function, name, needs) {function, name, needs},
#include "checks.def"
#undef CHECK
};

static const char *const need_words[] = {
#define NEED(name, word, there) word,
#include "kernel/needs.def"
#undef NEED
};

struct features features;
static uint32_t needs_there;

static void read_features(void)
{
	uint32_t last = cpuid(0, 0).eax, last_extended = cpuid(0x80000000, 0).eax;

	features.leaf1 = cpuid(1, 0);
	if (last >= 7)
		features.leaf7 = cpuid(7, 0);
	if (last_extended >= 0x80000001 && last_extended < 0x80010000)
		features.extended1 = cpuid(0x80000001, 0);
	if (last_extended >= 0x80000008 && last_extended < 0x80010000)
		features.extended8 = cpuid(0x80000008, 0);
}

/* Whether `word` is among the words of `list`, which has commas between them. */
static bool listed(const char *list, const char *word)
{
	while (*list) {
		char after = string_starts(list, word) ? list[string_length(word)] : 'x';
		if (after == ',' || after == '\0')
			return true;
		while (*list && *list++ != ',')
			;
	}
	return false;
}

static void find_needs(void)
{
	char without[256] = "";

	boot_option("without", without, sizeof(without));
#define NEED(name, word, there)                                                                    \
	if ((there) && !listed(without, word))                                                     \
		needs_there |= N(name);
#include "kernel/needs.def"
#undef NEED
}

/* Whatever a check left behind, the next one begins with the same machine. */
static void restore(void)
{
	interrupts_off();
	write_flags(FLAG_RESERVED);
	trap_hook = NULL;
	interrupt_hook = NULL;
	user_way = trap_return;
	fault_clear();
	descriptors_restore();
	interrupts_restore();
	memory_restore();
}

static void run(const struct check *check)
{
	uint32_t missing = check->needs & ~needs_there;

	report_begin(check->name);
	if (missing) {
		skip(need_words[__builtin_ctz(missing)]);
	} else {
		check->run();
		restore();
	}
	report_end();
}

void checks_run(void)
{
	read_features();
	find_needs();
	restore();
	for (uint32_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		run(&checks[i]);
}
