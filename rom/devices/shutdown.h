/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_DEVICES_SHUTDOWN_H
#define ROM_DEVICES_SHUTDOWN_H

/*
 * Why the guest ends, told by what it does: there is no ACPI to say it. Linux without ACPI powers
 * off by halting with interrupts off, and after a panic it spins (Linux 6.1 arch/x86/kernel/
 * reboot.c, kernel/panic.c).
 */

#include <stdbool.h>
#include <stdint.h>

/* The platform's SCHEDOP_shutdown takes SHUTDOWN_ of the same name (Xen public/sched.h). */
enum shutdown_reason {
	SHUTDOWN_REASON_NONE,
	SHUTDOWN_REASON_POWER_OFF,
	SHUTDOWN_REASON_REBOOT,
	SHUTDOWN_REASON_CRASH
};

/* What to do about a hlt. */
enum halt_action {
	HALT_RETURN, /* an interrupt is there already */
	HALT_BLOCK,  /* until the next event or interrupt */
	HALT_SHUT_DOWN
};

struct shutdown_watch {
	uint8_t matched;      /* characters of a panic's last words seen so far */
	bool panic_said;      /* all of them, and no sign of life since then */
	bool panicked;        /* a panic is certain: panic() was entered */
	bool silent;          /* silent_from is good */
	uint64_t silent_from; /* the first timer event after the last words */
};

void shutdown_watch_initialise(struct shutdown_watch *watch);

/*
 * The guest executes hlt. interrupts_enabled: its virtual IF; pending: an interrupt waits. Where
 * the answer is HALT_SHUT_DOWN, *reason says why.
 */
enum halt_action shutdown_halt(struct shutdown_watch *watch, bool interrupts_enabled, bool pending,
                               enum shutdown_reason *reason);

/* The platform saw the guest enter its panic(). A halt with interrupts off is then a crash. */
void shutdown_panic_entered(struct shutdown_watch *watch);

/*
 * A byte that was sent to the console with the port's interrupts off, as printk sends: what a
 * program writes to a terminal goes by interrupts, and may be anything. Whether these were the last
 * words, so that shutdown_spinning() must be asked from now on.
 */
bool shutdown_console_byte(struct shutdown_watch *watch, uint8_t byte);

/*
 * At each timer interrupt: whether the guest is known to spin after a panic, so that it should be
 * ended as crashed. user_mode: user code was interrupted, which no panicked kernel runs.
 */
bool shutdown_spinning(struct shutdown_watch *watch, bool user_mode, uint64_t now);

#endif
