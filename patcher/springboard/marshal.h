/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_MARSHAL_H
#define PATCHER_MARSHAL_H

/*
 * Marshalling of one call: marshal.c makes room, calls and cleans up, marshal_arguments.c and
 * marshal_results.c move operands. The stack, from the original ESP downwards:
 *
 *     result       one word, if the result cannot go to its place before all is restored
 *     EAX, flags   (lahf and seto need EAX)
 *     ECX, EDX, EBX, ESI, EDI
 *     arguments    words the call takes
 *     return address of the slot
 *
 * All but the last are there only if needed. No instruction emitted here changes a flag but those
 * that restore them.
 */

#include "patcher/springboard/springboard_builder.h"

#define MARSHAL_MAX_RESULTS 4

/* A register that the call gives, and where it belongs. */
struct marshal_result {
	uint8_t source, destination; /* general registers */
	uint8_t size;                /* bytes: 1 (EAX to EAX only), 2 or 4 */
};

/* Where a result goes that cannot go there before all is restored. */
enum marshal_late {
	LATE_NONE,
	LATE_REGISTER,       /* to a register, from the result word, which is all of it */
	LATE_MEMORY,         /* to two bytes of memory, from the upper half of the result word */
	LATE_STACK_REGISTER, /* to a register, from the word that the call has pushed */
	LATE_STACK_MEMORY,   /* to two bytes of memory, from there */
	LATE_STACK_WORD,     /* the call's word becomes two bytes, and stays */
	LATE_FLAGS           /* to the flags, from the memory operand as it is then */
};

struct marshal {
	struct springboard_builder *builder;
	struct emitter *emitter;
	const struct window_instruction *at;
	const struct window_instruction *high; /* of the operand `high`; NULL in all other cases */
	const struct sensitive_form *form;
	const struct vmi_call_description *description;
	const struct rom_call *call;
	uint32_t live;
	bool has_memory;
	struct memory_operand memory;

	struct marshal_result results[MARSHAL_MAX_RESULTS];
	unsigned int result_count;
	bool conditional; /* the results are only there if ZF is set */
	bool gives_zf;    /* ZF is a result */
	bool gives_cf;    /* CF becomes whether EAX is not 0 */
	enum marshal_late late;
	uint8_t late_register, late_size; /* size in bytes, 2 or 4 */
	bool late_is_offset;  /* what goes to late_register is the far pointer's offset */
	bool offset_is_early; /* likewise, but it goes there before the call */

	uint16_t saved;                /* SPRINGBOARD_SAVED_* */
	unsigned int pushed;           /* bytes below the original ESP, now */
	unsigned int frame;            /* likewise, once all is saved */
	uint8_t slots[REGISTER_COUNT]; /* value of pushed when the register had been saved */
	uint8_t flags_slot;
	unsigned int release; /* bytes of the guest's stack that the instruction takes at last */
};

/* Operand size of the instruction in bytes. */
static inline unsigned int marshal_operand_size(const struct marshal *marshal)
{
	return marshal->at->instruction.operand_size / 8;
}

/* The general register of an enum form_place, or REGISTER_COUNT. */
unsigned int marshal_place_register(uint8_t place);

/* Whether 16-bit addressing makes half of the register of a place count. */
bool marshal_is_half(const struct marshal *marshal, uint8_t place);

/* Whether ModRM names a register: mov cr and mov dr ignore mod (SDM vol. 2, MOV). */
bool marshal_rm_is_register(const struct marshal *marshal);

/* Where something saved is now, relative to ESP. */
static inline int32_t marshal_offset(const struct marshal *marshal, unsigned int slot)
{
	return (int32_t)(marshal->pushed - slot);
}

/* An instruction with the site's memory operand, moved by offset. */
void marshal_memory(struct marshal *marshal, const char *opcode, unsigned int reg, uint32_t offset);

/* Begins the marshalling of instruction index as a form (borrowed). */
void marshal_begin(struct marshal *marshal, struct springboard_builder *builder, unsigned int index,
                   const struct sensitive_form *form, uint32_t live);

/* All of it, as the form says; begun with marshal_begin(). false: *problem. */
bool marshal_all(struct marshal *marshal);

/* Emits what the ROM's action for the call is. false: *problem. */
bool marshal_call(struct marshal *marshal);

/* From here on faults find the stack as it is now. */
void marshal_origin(struct marshal *marshal);

/* --- arguments -------------------------------------------------------------------------------- */

/* Registers that are read to make the arguments, or are some; and that are written for it. */
uint16_t marshal_argument_reads(const struct marshal *marshal);
uint16_t marshal_argument_writes(const struct marshal *marshal);
/* Fills the call's arguments. false: *problem. */
bool marshal_arguments(struct marshal *marshal);

/* --- results ---------------------------------------------------------------------------------- */

/* Fills results and late from the form. */
void marshal_plan_results(struct marshal *marshal);
/* Makes the result word. */
void marshal_push_result_word(struct marshal *marshal);
/* Behind the call: results to registers, to where those are saved, or to the result word. */
void marshal_results(struct marshal *marshal);
/* When everything is restored but the result word. */
void marshal_late_result(struct marshal *marshal);

#endif
