/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_VCPU_CALLS_H
#define ROM_VCPU_CALLS_H

/*
 * The calls of patchtables/vmi_calls.def that enter the ROM: call_NAME(frame) is one. On entry the
 * frame's EIP is behind the slot's int, its ESP points to the call's return address, and the words
 * word0, word1, ... are above that. A function that just returns lets the slot return.
 */

#include "patchtables/rom_abi.h"
#include "rom/vcpu/vcpu.h"

typedef void call_function(struct rom_frame *frame);

#define ROM_CALL(number, name) call_function call_##name;
#include "rom_calls.h" /* generated */
#undef ROM_CALL

/* --- call_frame.c ----------------------------------------------------------------------------- */

/*
 * If `at`, an address, is in a springboard (or its low alias): the frame becomes that of the
 * guest's own instruction before it ran, its ESP as at `at`, and the answer is true.
 */
bool frame_to_origin(struct rom_frame *frame, uint32_t at);

/* Whether an address is in the region (springboards, slots, wedge) or its low alias. */
bool is_in_region(uint32_t address);

/* If the frame is behind a slot's int, the slot's ret is done: it goes on where the call was made.
 */
void frame_leave_slot(struct rom_frame *frame);

/* The same of slots and wedge only. */
bool is_in_wedge(uint32_t address);

/* Whether an address is that behind a slot's int: all that is left of the slot is ret. */
bool is_behind_call(uint32_t address);

/* The same for a call: the guest's instruction that became it. */
void call_to_site(struct rom_frame *frame);

/*
 * The frame becomes that behind the guest's instruction, with registers and stack as it found them;
 * the instruction's own address is returned.
 */
uint32_t call_behind_site(struct rom_frame *frame);

/* The site at an address of the guest's, virtual or, unpaged, physical; null: there is none. */
const struct rom_site *site_at(uint32_t address);

/* The guest takes an exception at that instruction; the second: vcpu.fault. */
void call_fault(struct rom_frame *frame, uint16_t vector, uint32_t error);
void call_memory_fault(struct rom_frame *frame);

/* Return address, word0, word1, ...: `count` words in all. False: the guest has taken a fault. */
bool call_words(struct rom_frame *frame, uint32_t *words, unsigned int count);

/* Puts a value of 2 or 4 bytes where the guest finds it on its stack after the return, or takes one
   from there. The second: false if the guest has taken a fault. */
void call_push(struct rom_frame *frame, uint32_t value, uint32_t size);
bool call_pop(struct rom_frame *frame, uint32_t *value, uint32_t size);

#endif
