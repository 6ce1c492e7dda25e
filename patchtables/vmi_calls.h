/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHTABLES_VMI_CALLS_H
#define PATCHTABLES_VMI_CALLS_H

/*
 * The calls of the ROM as a table, one row for each block of vmi_calls.def.
 * Numbers alone, also for the assembler, are in the generated
 * vmi_call_numbers.h. The meaning of each field is in the head of
 * vmi_calls.def.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmi_call_numbers.h" /* generated */

/* Places of arguments, results and clobbers, as bits. */
enum {
	CALL_PLACE_EAX = 1 << 0,
	CALL_PLACE_ECX = 1 << 1,
	CALL_PLACE_EDX = 1 << 2,
	CALL_PLACE_EBX = 1 << 3,
	CALL_PLACE_ESI = 1 << 4,
	CALL_PLACE_EDI = 1 << 5,
	CALL_PLACE_WORD0 =
	    1
	    << 6, /* at 4(%esp) when the slot is entered; as a result at (%esp) after the return */
	CALL_PLACE_WORD1 = 1 << 7,
	CALL_PLACE_WORD2 = 1 << 8,
	CALL_PLACE_WORD3 = 1 << 9,
	CALL_PLACE_ZF = 1 << 10,
	CALL_PLACE_FLAGS = 1 << 11,
	CALL_PLACE_MEMORY = 1 << 12
};

/* Exceptions a call may raise for the guest, as bits. */
enum {
	CALL_FAULT_UD = 1 << 0,
	CALL_FAULT_NM = 1 << 1,
	CALL_FAULT_NP = 1 << 2,
	CALL_FAULT_SS = 1 << 3,
	CALL_FAULT_GP = 1 << 4,
	CALL_FAULT_PF = 1 << 5
};

struct vmi_call_description {
	uint8_t number; /* enum vmi_call */
	const char *name;
	uint16_t inputs;   /* CALL_PLACE_ */
	uint16_t outputs;  /* CALL_PLACE_ */
	uint16_t clobbers; /* CALL_PLACE_, results included */
	uint8_t faults;    /* CALL_FAULT_ */
	int8_t esp_change; /* bytes: ESP after the call minus ESP before its CALL instruction */
	bool returns;      /* to the call site */
	bool needs_flat_segments; /* as published; no site of a finished binary gives them */
	const char *does;
};

/* All calls, ascending numbers; generated. */
extern const struct vmi_call_description vmi_calls[];
extern const size_t vmi_call_count;

#endif
