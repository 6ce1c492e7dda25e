/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/kernel/ends.h"

#include "tests/guests/kernel/boot_information.h"
#include "tests/guests/kernel/console.h"
#include "tests/guests/kernel/descriptors.h"
#include "tests/guests/kernel/instructions.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/string.h"

#define KEYBOARD_COMMAND 0x64
#define KEYBOARD_RESET   0xfe /* pulses the processor's reset line */

static void end_pass(void)
{
	end_guest(true);
}

static void end_fail(void)
{
	end_guest(false);
}

static void end_panic(void)
{
	panic("asked for");
}

static void end_halt(void)
{
	asm volatile("cli\n\thlt");
}

static void end_spin(void)
{
	for (;;)
		asm volatile("");
}

static void end_chatter(void)
{
	for (;;)
		print("and so on\n");
}

static void end_reset(void)
{
	out_byte(KEYBOARD_COMMAND, KEYBOARD_RESET);
	end_spin();
}

static void end_triple_fault(void)
{
	static const struct table_pointer nothing;

	asm volatile("lidt %0\n\tud2" : : "m"(nothing));
}

static const struct {
	const char *word;
	void (*end)(void);
} ends[] = {
    {"pass", end_pass},   {"fail", end_fail},
    {"panic", end_panic}, {"halt", end_halt},
    {"spin", end_spin},   {"chatter", end_chatter},
    {"reset", end_reset}, {"triple-fault", end_triple_fault},
};

void end_if_asked(void)
{
	char word[16];

	if (!boot_option("end", word, sizeof(word)))
		return;
	for (uint32_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (string_starts(word, ends[i].word))
			ends[i].end();
	panic("end= names none");
}
