/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_KALLSYMS_STEM_H
#define PATCHER_KALLSYMS_STEM_H

/*
 * The symbol tables that Linux 2.6.0 to 2.6.9 carries for itself, found by their structure:
 *
 *   addresses   pointers, ascending
 *   num_syms    of a pointer's size
 *   names       each: how many characters it has in common with the start of the name before
 *               (1 byte), then the rest and a zero; without types
 *
 * From 2.6.10 on they are those of patcher/kernel/kallsyms.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "patcher/kernel/kernel.h"

#define KALLSYMS_STEM_LAST_VERSION (2 << 16 | 6 << 8 | 9)

struct kallsyms_stem {
	size_t count;
	unsigned int address_size; /* 4 or 8 */
	const uint8_t *addresses, *names;
	size_t names_length; /* bytes of all names, whole, each with its zero */
};

/* Finds the tables in the kernel's segments. false: there are none. *tables points into the
 * image. */
bool kallsyms_stem_find(const struct kernel *kernel, struct kallsyms_stem *tables);

uint64_t kallsyms_stem_address(const struct kallsyms_stem *tables, size_t index);

/*
 * Writes the name at *position of tables->names to buffer, which has room for what is left of
 * names_length, and moves *position to the next. previous: the name written before ("" at first).
 * Returns the bytes of the name with its zero.
 */
size_t kallsyms_stem_unpack(const struct kallsyms_stem *tables, size_t *position,
                            const char *previous, char *buffer);

#endif
