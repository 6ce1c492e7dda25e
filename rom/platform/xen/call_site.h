/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_CALL_SITE_H
#define ROM_XEN_CALL_SITE_H

/* Which call an `int $CALL_VECTOR` in ring 2 is: by where it stands. */

#include <stdint.h>

/*
 * The vector with the shortest way through Xen, and one that qemu numbers right. It is also the
 * system calls' of many guests: those come from ring 3.
 */
#define CALL_VECTOR 0x80

/* The call's number, by the address behind the int, in the window or its low alias; -1: none. */
int call_number(uint32_t eip);

/* Its name in vmi_calls.def. */
const char *call_name(unsigned int number);

#endif
