/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_DWARF_READER_H
#define PATCHER_DWARF_READER_H

/*
 * Where functions are, from debug information: the only file that knows libdw is dwarf_reader.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "patcher/problem.h"

/* A stretch of code that belongs to a function: its own, or a copy inlined into another one. */
struct dwarf_range {
	const char *function; /* its name */
	const char *within;   /* of the out-of-line function that holds the code */
	uint64_t start, end; /* [start, end), guest-virtual; start < end, nothing else is checked */
	unsigned int depth;  /* of inlining: 0 for the function's own code */
};

struct dwarf_search {
	/* Whether a function is asked for. */
	bool (*wanted)(void *context, const char *name);
	/* Called for each range of such functions; false ends the search: *problem has been filled.
	 * The names are valid during the call only. */
	bool (*visit)(void *context, const struct dwarf_range *range, struct problem *problem);
	void *context;
};

/* What an ELF file is for debug information. */
struct dwarf_identity {
	bool is_elf32_i386;
	bool has_dwarf; /* a section .debug_info with bytes, whatever is in it */
	uint8_t build_id[64];
	size_t build_id_size; /* 0 if there is none */
};

/* Looks at the file in [bytes, bytes + size). false: libelf does not read it. */
bool dwarf_identify(const uint8_t *bytes, size_t size, struct dwarf_identity *identity);

/*
 * Searches the debug information of the ELF file in [bytes, bytes + size), which must stay as it is
 * meanwhile; path is its name, for messages. false: *problem says why: libdw does not read it, it
 * has no end, memory, or what visit said.
 */
bool dwarf_search(const char *path, const uint8_t *bytes, size_t size,
                  const struct dwarf_search *search, struct problem *problem);

#endif
