/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_ENDS_H
#define KERNEL_ENDS_H

/* Other ends than the verdict, for tests of what boots the guest. */

/*
 * Ends the guest at once in the way that the command line's end= names: pass, fail, panic, halt,
 * spin, chatter (console output without an end), reset (by the keyboard controller), triple-fault.
 * Returns if there is no end=.
 */
void end_if_asked(void);

#endif
