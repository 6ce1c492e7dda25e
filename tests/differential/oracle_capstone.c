/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/differential/oracle.h"

#include <capstone/capstone.h>
#include <stdlib.h>

struct capstone_state {
	csh handle;
	cs_insn *instruction;
};

static void capstone_close(void *state)
{
	struct capstone_state *capstone = state;

	if (capstone->instruction)
		cs_free(capstone->instruction, 1);
	cs_close(&capstone->handle);
	free(capstone);
}

static void *capstone_open(enum disasm_mode mode)
{
	static const cs_mode modes[] = {
	    [DISASM_MODE_16] = CS_MODE_16,
	    [DISASM_MODE_32] = CS_MODE_32,
	    [DISASM_MODE_64] = CS_MODE_64,
	};
	struct capstone_state *capstone = calloc(1, sizeof(*capstone));

	if (!capstone)
		return NULL;
	if (cs_open(CS_ARCH_X86, modes[mode], &capstone->handle) != CS_ERR_OK) {
		free(capstone);
		return NULL;
	}
	capstone->instruction = cs_malloc(capstone->handle);
	if (!capstone->instruction) {
		capstone_close(capstone);
		return NULL;
	}
	return capstone;
}

static void capstone_ask(void *state, const uint8_t *bytes, size_t size,
                         struct oracle_answer *answer)
{
	struct capstone_state *capstone = state;
	uint64_t address = 0;

	if (!cs_disasm_iter(capstone->handle, &bytes, &size, &address, capstone->instruction))
		return;
	answer->accepted = true;
	answer->length = (uint8_t)capstone->instruction->size;
}

const struct oracle_functions oracle_capstone = {capstone_open, capstone_ask, capstone_close};
