/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_SELECTORS_H
#define KERNEL_SELECTORS_H

/* Selectors of the GDT, for C and assembler. */

#define SELECTOR_KERNEL_CODE  0x08
#define SELECTOR_KERNEL_DATA  0x10
#define SELECTOR_USER_CODE    0x1b
#define SELECTOR_USER_DATA    0x23
#define SELECTOR_TASK         0x28 /* the TSS in use */
#define SELECTOR_DOUBLE_FAULT 0x30 /* the TSS of the double fault's task gate */
#define SELECTOR_SCRATCH      0x40 /* first of the entries that checks fill as they like */
#define GDT_ENTRIES           32

#define SELECTOR_RPL_MASK 3
#define SELECTOR_LDT      4 /* table indicator: the LDT's */

#endif
