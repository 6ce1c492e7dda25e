/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_VERIFY_CODE_H
#define PATCHER_VERIFY_CODE_H

/* Stretches of generated code against the original instructions that they stand for. */

#include "patcher/verify/verify_effect.h"
#include "patcher/verify/verify_private.h"

/* One original instruction. */
struct verify_original {
	uint32_t address;
	const uint8_t *bytes; /* the input's */
	struct instruction instruction;
	uint16_t form; /* what it is rewritten as; SENSITIVE_FORM_NONE if it stays native */
};

/* A stretch of generated code, guest-virtual addresses; next is where it leads on to. */
struct verify_stretch {
	uint32_t begin, end;
	const uint8_t *bytes;
	uint32_t reached; /* set: behind its last instruction; end, unless it was run */
	bool flows_on;    /* set: control reaches end */
};

/* Fills *original for the instruction at address of the input; false if there is none. */
bool verify_read_original(const struct verifier *verifier, uint32_t address,
                          struct verify_original *original);

/* verify_site_code.c: the stretch calls the ROM as the form of the site asks. */
void verify_site_code(struct verifier *verifier, const struct verify_original *site,
                      struct verify_stretch *stretch, uint32_t live);
/* A call that takes and gives nothing; jump: by jmp, whose return is the ret behind sti. */
void verify_plain_call(struct verifier *verifier, uint32_t address, uint16_t call, bool jump,
                       struct verify_stretch *stretch, uint32_t live);
/* mov or pop to SS and the load of ESP behind it as one call. */
void verify_stack_load(struct verifier *verifier, const struct verify_original *site,
                       const struct verify_original *load, struct verify_stretch *stretch);

/* Two stores of the halves of an entry as one call. */
void verify_entry_pair(struct verifier *verifier, const struct verify_original *high,
                       const struct verify_original *low, struct verify_stretch *stretch,
                       uint32_t live);

/* verify_displaced.c: the stretch does what the instruction did at its place. */
void verify_displaced(struct verifier *verifier, const struct verify_original *original,
                      struct verify_stretch *stretch);

/* --- verify_origins.c ------------------------------------------------------------------------- */

/* What is known to who observes a run for its origins: machine->watch. */
struct origin_watch {
	const struct verifier *verifier;
};

/* The origin of the code at address tells ESP and the words saved as they are. false: the machine's
 * reason. */
bool verify_origin_describes(struct machine *machine, const struct machine_state *state,
                             uint32_t address);
/* The same; and what of registers and flags is needed, and not saved, is as it was at the start,
 * and not among those that are lost in the call. */
bool verify_origin_keeps(struct machine *machine, const struct machine_state *state,
                         uint32_t address, uint32_t needed, uint32_t lost);
/* For machine->observe. */
bool verify_origin_observe(struct machine *machine, const struct machine_state *state,
                           const struct machine_step *step);
/* Origins of code that stands for an instruction as it was. */
void verify_plain_origins(struct verifier *verifier, const struct verify_stretch *stretch);

/* Runs the stretch; what is wrong is found at the instruction concerned. what: a phrase for it. */
void verify_run(struct verifier *verifier, struct machine *machine,
                const struct machine_state *state, struct verify_stretch *stretch, const char *what,
                uint32_t address);

#endif
