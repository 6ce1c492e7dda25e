/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_REPORT_H
#define KERNEL_REPORT_H

/*
 * What checks say. The console gets one TAP line a check, the plan at the end, then PASS or FAIL.
 * A check passes unless something expected was not so; the first such thing is reported.
 */

#include <stdbool.h>
#include <stdint.h>

#include "tests/guests/kernel/frame.h"

/* Expects got to be wanted. what names the thing in a few words. Returns whether it was so. */
bool expect_equal(const char *what, uint32_t wanted, uint32_t got);

bool expect_true(const char *what, bool so);

/* Expects that the last fault (traps.h) was taken, with this vector and error code. */
bool expect_fault(const char *what, uint32_t vector, uint32_t error);

bool expect_no_fault(const char *what);

/* Makes the check one that was skipped, for that reason. */
void skip(const char *reason);

/* Whether the check has failed already. */
bool failed(void);

/* Start and end of one check. */
void report_begin(const char *name);
void report_end(void);

/* Prints the plan and the verdict; returns whether it is PASS. */
bool report_verdict(void);

/* Says why, then ends the guest as failed. */
__attribute__((noreturn)) void panic(const char *reason);
__attribute__((noreturn)) void panic_trap(const struct trap_frame *frame, uint32_t cr2);

/* Ends the guest: by the debug-exit port; where there is none, halts for good. */
__attribute__((noreturn)) void end_guest(bool passed);

#endif
