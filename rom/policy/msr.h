/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_POLICY_MSR_H
#define ROM_POLICY_MSR_H

/*
 * The guest's model-specific registers: patchtables/msr_policy.def says what reads give, what
 * writes do, and which fault. A register that is not in the table does not exist: #GP(0).
 */

#include <stdbool.h>
#include <stdint.h>

#include "msr_policy_numbers.h" /* generated: MSR_*, MSR_STORED_COUNT */

#define EFER_NO_EXECUTE (1u << 11)

struct msr_state {
	uint64_t stored[MSR_STORED_COUNT]; /* of the registers that hold what is written */
	bool no_execute;                   /* EFER.NXE may be set: policy_no_execute() */
	uint64_t (*time_stamp)(void); /* the processor's, for reads of IA32_TIME_STAMP_COUNTER */
};

/* As after a reset. time_stamp may not be NULL. */
void msr_initialise(struct msr_state *state, bool no_execute, uint64_t (*time_stamp)(void));

/* rdmsr: false where it faults with #GP(0); *value is then 0. */
bool msr_read(const struct msr_state *state, uint32_t number, uint64_t *value);

/* wrmsr: false where it faults with #GP(0); nothing is changed then. */
bool msr_write(struct msr_state *state, uint32_t number, uint64_t value);

/* EFER as the guest set it: whether page-table entries' bit 63 is NX. */
uint64_t msr_efer(const struct msr_state *state);

#endif
