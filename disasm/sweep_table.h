/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DISASM_SWEEP_TABLE_H
#define DISASM_SWEEP_TABLE_H

/*
 * The sweep's fast tables: what most instructions are, by a look at two bytes. Made at build time
 * by disasm/make_sweep_table.c, which asks decode_instruction() and classify_instruction() for
 * every entry; nothing here can disagree with them.
 *
 * A table is for one mode and one context, that is the prefixes and escape bytes already passed
 * (none, 66, 0f, ...). Its index is the next two bytes as a little-endian number; its entry is one
 * of the following, where LENGTH, the low bits, is counted from those two bytes on. The tables of a
 * mode are numbered from 0, the context without any byte passed.
 */

#include <stdint.h>

enum {
	/* With this bit, LENGTH is that of an instruction that is not sensitive. */
	SWEEP_SIMPLE = 0x80,
	/* Besides: it is a direct branch. Only where the context is none. */
	SWEEP_BRANCH = 0x40,
	/* Instead of SWEEP_SIMPLE: LENGTH is to be increased by 4 if the byte after the two, a SIB
	   without displacement, has base 5 (SDM vol. 2, table 2-3). */
	SWEEP_SIB = 0x20,
	/* Instead of SWEEP_SIMPLE: pass one byte and go on with the table of the context whose
	   number the low bits are. */
	SWEEP_CHAIN = 0x10,
	SWEEP_LOW_BITS = 0x0f,
	/* None of those bits: decode_instruction() must look. */
	SWEEP_SLOW = 0x00
};

/* At or after this many bytes before a section's end the tables must not be used: they need as
 * many bytes as an instruction has at most, and two. */
#define SWEEP_TABLE_REACH 32

/* By enum disasm_mode. */
extern const uint8_t *const sweep_tables[3];

#endif
