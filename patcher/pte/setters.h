/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_SETTERS_H
#define PATCHER_SETTERS_H

/* The functions in which a guest writes to its page tables: patchtables/guests/. */

#include <stddef.h>
#include <stdint.h>

#include "page_table_writes.h" /* generated: enum page_table_write */

struct page_table_setter {
	const char *name;
	const char *calls; /* the function that PAGE_TABLE_WRITE_CALL is a call of, or NULL */
	uint8_t writes;    /* PAGE_TABLE_WRITE_* */
};

/* Linux's, ascending names; generated. */
extern const struct page_table_setter linux_setters[];
extern const size_t linux_setter_count;

#endif
