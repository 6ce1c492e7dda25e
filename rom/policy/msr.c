/* SPDX-License-Identifier: BSD-2-Clause */
#include "rom/policy/msr.h"

struct row {
	uint32_t number;
	uint8_t read;  /* enum msr_read_kind */
	uint8_t write; /* enum msr_write_kind */
	uint8_t slot;
	uint64_t value; /* as read, or after a reset */
	uint64_t writable;
};

#define MSR_ROW(number, read, write, slot, value, writable)                                        \
	{number, read, write, slot, value, writable},
static const struct row rows[] = {MSR_ROWS};

static const struct row *find(uint32_t number)
{
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].number == number)
			return &rows[i];
	return 0;
}

void msr_initialise(struct msr_state *state, bool no_execute, uint64_t (*time_stamp)(void))
{
	state->no_execute = no_execute;
	state->time_stamp = time_stamp;
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].read == MSR_READ_STORED)
			state->stored[rows[i].slot] = rows[i].value;
}

bool msr_read(const struct msr_state *state, uint32_t number, uint64_t *value)
{
	const struct row *row = find(number);

	*value = 0;
	if (!row)
		return false;
	switch (row->read) {
	case MSR_READ_STORED: *value = state->stored[row->slot]; return true;
	case MSR_READ_VALUE: *value = row->value; return true;
	case MSR_READ_TIME_STAMP: *value = state->time_stamp(); return true;
	default: return false;
	}
}

/* The bits of a stored register that may be 1. */
static uint64_t writable(const struct msr_state *state, const struct row *row)
{
	if (row->number == MSR_IA32_EFER && !state->no_execute)
		return row->writable & ~(uint64_t)EFER_NO_EXECUTE;
	return row->writable;
}

bool msr_write(struct msr_state *state, uint32_t number, uint64_t value)
{
	const struct row *row = find(number);

	if (!row)
		return false;
	switch (row->write) {
	case MSR_WRITE_STORED:
		if (value & ~writable(state, row))
			return false;
		state->stored[row->slot] = value;
		return true;
	case MSR_WRITE_IGNORED: return true;
	default: return false;
	}
}

uint64_t msr_efer(const struct msr_state *state)
{
	return state->stored[MSR_SLOT_IA32_EFER];
}
