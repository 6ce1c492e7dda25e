/* SPDX-License-Identifier: BSD-2-Clause */
#include "rom/devices/shutdown.h"

/* The last line that Linux's panic() prints before it spins for good (6.1 kernel/panic.c). */
static const char last_words[] = "---[ end Kernel panic";
#define LAST_WORDS_LENGTH (sizeof(last_words) - 1)

#define SILENCE 1000000000 /* nanoseconds of nothing but the kernel, after the last words */

void shutdown_watch_initialise(struct shutdown_watch *watch)
{
	*watch = (struct shutdown_watch){0};
}

void shutdown_panic_entered(struct shutdown_watch *watch)
{
	watch->panicked = true;
}

bool shutdown_console_byte(struct shutdown_watch *watch, uint8_t byte)
{
	/* The text's first character repeats in its first three only. */
	if (byte == (uint8_t)last_words[watch->matched])
		watch->matched++;
	else if (byte != '-')
		watch->matched = 0;
	else if (watch->matched != 3)
		watch->matched = 1;
	if (watch->matched < LAST_WORDS_LENGTH)
		return false;
	watch->matched = 0;
	watch->panic_said = true;
	watch->silent = false;
	return true;
}

/* A panicked kernel neither waits for interrupts nor runs programs: this one lives. */
static void alive(struct shutdown_watch *watch)
{
	watch->panic_said = false;
}

enum halt_action shutdown_halt(struct shutdown_watch *watch, bool interrupts_enabled, bool pending,
                               enum shutdown_reason *reason)
{
	*reason = SHUTDOWN_REASON_NONE;
	if (interrupts_enabled) {
		alive(watch);
		return pending ? HALT_RETURN : HALT_BLOCK;
	}
	*reason = watch->panicked || watch->panic_said ? SHUTDOWN_REASON_CRASH
	                                               : SHUTDOWN_REASON_POWER_OFF;
	return HALT_SHUT_DOWN;
}

bool shutdown_spinning(struct shutdown_watch *watch, bool user_mode, uint64_t now)
{
	if (user_mode)
		alive(watch);
	if (!watch->panic_said)
		return false;
	if (!watch->silent) {
		watch->silent = true;
		watch->silent_from = now;
	}
	return now - watch->silent_from >= SILENCE;
}
