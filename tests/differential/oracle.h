/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIFFERENTIAL_ORACLE_H
#define TESTS_DIFFERENTIAL_ORACLE_H

/*
 * The decoders that ours is compared with. Each answers for one byte string:
 * an instruction of so many bytes, or none.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disasm/decode.h"

enum oracle { ORACLE_ZYDIS, ORACLE_CAPSTONE, ORACLE_OBJDUMP, ORACLE_COUNT };

/* Where an instruction's parts are, as in struct instruction; offsets are 0 for what is absent. */
struct oracle_layout {
	uint8_t opcode, map, has_modrm, modrm_offset, has_sib;
	uint8_t displacement_offset, displacement_size;
	uint8_t immediate_offset, immediate_size;
	uint8_t address_size;
};

struct oracle_answer {
	bool accepted;
	uint8_t length;  /* if accepted */
	bool has_layout; /* whether it tells the layout */
	struct oracle_layout layout;
};

struct oracles; /* one of each decoder for each mode */

/* The decoders, to be given back with oracles_close(); NULL if memory runs out. */
struct oracles *oracles_open(void);
void oracles_close(struct oracles *oracles);

/* What the decoder says of the instruction at bytes, of which size may be read. */
struct oracle_answer oracle_ask(struct oracles *oracles, enum oracle oracle, const uint8_t *bytes,
                                size_t size, enum disasm_mode mode);

/* "zydis", "capstone", "objdump". */
const char *oracle_name(enum oracle oracle);

/* Whether a line of objdump's is only prefixes, which then belong to the next. */
bool objdump_prints_prefixes_only(const char *text);

/* One implementation: opened and closed for one mode; NULL from open() is an error. */
struct oracle_functions {
	void *(*open)(enum disasm_mode mode);
	void (*ask)(void *state, const uint8_t *bytes, size_t size, struct oracle_answer *answer);
	void (*close)(void *state);
};

extern const struct oracle_functions oracle_zydis, oracle_capstone, oracle_objdump;

#endif
