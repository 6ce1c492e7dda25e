/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_STATS_STATS_H
#define ROM_STATS_STATS_H

/*
 * What a guest asked of the ROM, counted, and told on the console where the guest's command line
 * has `rom=stats`. tools/rom-stats makes a file for `postburn report --stats` of it. One line a
 * count:
 *
 *   postburn-stats begin 1 xen           version of the format, name of the ROM
 *   postburn-stats call 36 DisableInterrupts 123456
 *   postburn-stats count page-faults 789 anything else that a part of the ROM counts
 *   postburn-stats site 0xc1012345 97 12 a site that trapped: address, its call or -, how often
 *   postburn-stats end 42                lines before this one, begin included
 *
 * Numbers are decimal but for addresses. A call or site that never came has no line; a count has
 * one even then. Lines end with CR LF. A table without its end, or with fewer lines, is not whole.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "patchtables/rom_abi.h"

#define STATS_VERSION 1
#define STATS_SITES   256 /* sites told apart; must be a power of two */

struct stats_site {
	uint32_t address; /* guest-virtual; 0: free */
	uint32_t call;    /* 0: none */
	uint32_t count;
};

struct stats {
	/* By number of the call. Slots count in assembler too: 64 bits, low half first. */
	uint64_t calls[ROM_SLOT_COUNT];
	struct stats_site sites[STATS_SITES];
	uint64_t other_sites; /* traps of sites that found no place */
};

/* Where the lines go. */
struct stats_writer {
	void (*put)(void *context, const char *text, size_t size); /* a whole line */
	void *context;
	uint32_t lines;
};

/* Whether the guest's command line has the word `rom=WORD`, or WORD among others in `rom=A,B`. */
bool stats_option(const char *command_line, const char *word);

/* A site trapped, at a guest-virtual address other than 0; call is what stands there, or 0. */
void stats_count_site(struct stats *stats, uint32_t address, uint32_t call);

/*
 * The table: stats_begin(), then in any order stats_write(), for all of struct stats, and
 * stats_write_count(), for each other count, then stats_end(). A name is a word without blanks;
 * of a longer one only so much is written as fits the line.
 */
void stats_begin(struct stats_writer *writer, const char *rom);
void stats_write(struct stats_writer *writer, const struct stats *stats);
void stats_write_count(struct stats_writer *writer, const char *name, uint64_t count);
void stats_end(struct stats_writer *writer);

#endif
