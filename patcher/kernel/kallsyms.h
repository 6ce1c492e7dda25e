/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_KALLSYMS_H
#define PATCHER_KALLSYMS_H

/*
 * The symbol tables that a Linux kernel carries for itself (scripts/kallsyms.c and
 * kernel/kallsyms.c in Linux), found in an image without symbols by their structure alone.
 *
 *   num_syms      one word: how many symbols there are
 *   names         each: length (1 byte; since 6.1 two bytes from 128 on), then that many tokens;
 *                 the first character of an unpacked name is its type as nm prints it
 *   markers       where in names every 256th symbol begins
 *   token_table   256 zero-terminated strings
 *   token_index   where in token_table each of them begins, 16 bits each
 *
 * 6.2 and 6.3 have seqs_of_names between markers and token_table. The addresses stand in front of
 * num_syms up to 6.3 and behind token_index from 6.4 on, in one of the forms of enum
 * kallsyms_form. Words are aligned to the size of a pointer, from 7.0 on to 4 bytes; markers and
 * num_syms have the size of a pointer in old kernels and 4 bytes in new ones. Linux up to 2.6.9 has
 * other tables: patcher/kernel/kallsyms_stem.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "patcher/kernel/kernel.h"

enum kallsyms_form {
	KALLSYMS_ABSOLUTE,        /* pointers */
	KALLSYMS_RELATIVE,        /* 4 bytes from relative_base, which follows (from 4.6 on) */
	KALLSYMS_RELATIVE_PERCPU, /* the same, but 0 and above are absolute per-CPU addresses, and
	                             those below 0 count down from relative_base - 1 */
	KALLSYMS_PLACE_RELATIVE   /* 4 bytes from where they stand (from 7.0 on) */
};

struct kallsyms {
	size_t count;
	const uint8_t *names;
	const uint8_t *token_table;
	uint16_t token_start[256], token_length[256];
	const uint8_t *addresses;
	uint64_t addresses_at; /* the guest-virtual address of the first */
	enum kallsyms_form form;
	unsigned int address_size; /* bytes of each: 4 or 8 */
	uint64_t base;             /* relative_base */
	uint64_t highest;          /* the last address there is: addresses wrap there */
	bool addresses_last;       /* behind token_index: 6.4 or later */
	size_t names_length;       /* bytes of all names, unpacked, each with type and end */
};

/*
 * Finds the tables in the kernel's image. false: there are none, or none that fit each other in
 * every respect. *tables points into the image.
 */
bool kallsyms_find(const struct kernel *kernel, struct kallsyms *tables);

/* The guest-virtual address of symbol index (below tables->count). */
uint64_t kallsyms_address(const struct kallsyms *tables, size_t index);

/* Bytes that kallsyms_unpack() may write behind the name, which the next name overwrites. */
#define KALLSYMS_SLACK 8

/*
 * Unpacks the name at *position of tables->names to buffer, which has room for what is left of
 * names_length and KALLSYMS_SLACK bytes: type letter, name, zero. Moves *position to the next.
 * Returns the bytes of the name, with letter and zero.
 */
size_t kallsyms_unpack(const struct kallsyms *tables, size_t *position, char *buffer);

#endif
