/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_VCPU_VCPU_H
#define ROM_VCPU_VCPU_H

/*
 * The processor that the guest believes it runs on. There is one. General registers, EFLAGS with
 * the virtual IF, and the interrupted CS:EIP and SS:ESP are in the frame (frame.h); the rest is
 * here. "Virtual" selectors are those the guest loaded: its kernel's have RPL 0, where the real
 * ones in CS and SS have RPL 2.
 */

#include <stdbool.h>
#include <stdint.h>

#include "rom/platform/xen/frame.h"
#include "rom/policy/msr.h"

#define CR0_PE 0x00000001u
#define CR0_MP 0x00000002u
#define CR0_EM 0x00000004u
#define CR0_TS 0x00000008u
#define CR0_ET 0x00000010u
#define CR0_NE 0x00000020u
#define CR0_WP 0x00010000u
#define CR0_AM 0x00040000u
#define CR0_NW 0x20000000u
#define CR0_CD 0x40000000u
#define CR0_PG 0x80000000u

#define CR4_TSD 0x004u
#define CR4_DE  0x008u
#define CR4_PSE 0x010u
#define CR4_PAE 0x020u
#define CR4_PGE 0x080u

enum vector {
	VECTOR_DE = 0,
	VECTOR_DB = 1,
	VECTOR_NMI = 2,
	VECTOR_BP = 3,
	VECTOR_OF = 4,
	VECTOR_UD = 6,
	VECTOR_NM = 7,
	VECTOR_DF = 8,
	VECTOR_TS = 10,
	VECTOR_NP = 11,
	VECTOR_SS = 12,
	VECTOR_GP = 13,
	VECTOR_PF = 14,
	VECTOR_NONE = 0x1ff
};

struct table_register {
	uint32_t base;
	uint16_t limit;
};

/* An exception or interrupt for the guest. */
struct exception {
	uint16_t vector;
	bool has_error;
	bool software;  /* int n, int3, into: the gate's DPL counts */
	uint8_t length; /* of a software interrupt's instruction; the frame is at its start */
	bool external;  /* an interrupt: faults on the way have EXT in their error code */
	uint32_t error;
	uint32_t cr2; /* of #PF */
};

struct vcpu {
	uint32_t cr0, cr2, cr3, cr4;
	struct table_register gdt, idt;
	uint16_t ldt, tr; /* selectors */
	struct table_register ldt_table, tss;
	uint32_t dr[8];
	uint32_t iopl; /* in place, bits 13-12 of EFLAGS */
	struct msr_state msr;
	struct exception fault; /* why the last access to guest memory failed */
	bool step_shadow;  /* popf set TF: its own springboard, and the way back, are no step */
	uint32_t emulated; /* instructions that escaped the patcher */
};

extern struct vcpu vcpu;

/*
 * The guest's gate for system calls as it was when one was last delivered, for trap_entry.S: while
 * the gate, and SS0 in the TSS, are the same, a system call needs nothing else. gate_at is 0 where
 * that must be found out again.
 */
struct fast_system_call {
	uint32_t gate_at; /* guest-linear addresses */
	uint32_t gate[2];
	uint32_t tss_at;
	uint32_t ss0;
	uint32_t eip, cs, ss; /* of the handler; real selectors */
};
extern struct fast_system_call fast_system_call;

extern uint8_t note_not; /* entries.c; follows CR4.PAE */

/* --- guest_memory.c: linear addresses, as the guest's kernel reaches them -------------------- */

/* False: the access faults, vcpu.fault says how; part of it may be done. */
bool guest_read(uint32_t linear, void *to, uint32_t size);
bool guest_write(uint32_t linear, const void *from, uint32_t size);

/* --- flags.c ---------------------------------------------------------------------------------- */

/* EFLAGS as popf in ring 0 sets it. */
void frame_set_flags(struct rom_frame *frame, uint32_t flags);

/* --- descriptors.c ---------------------------------------------------------------------------- */

#define SELECTOR_INDEX 0xfffcu /* with the table bit */
#define SELECTOR_LDT   4u
#define SELECTOR_RPL   3u

/* Bits of a descriptor (SDM vol. 3, section 3.4.5), as one 64-bit number. */
#define DESCRIPTOR_PRESENT    (1ull << 47)
#define DESCRIPTOR_DPL(d)     ((uint32_t)((d) >> 45) & 3)
#define DESCRIPTOR_SEGMENT    (1ull << 44) /* code or data, not system */
#define DESCRIPTOR_CODE       (1ull << 43)
#define DESCRIPTOR_CONFORMING (1ull << 42)
#define DESCRIPTOR_WRITABLE   (1ull << 41) /* code: readable */
#define DESCRIPTOR_ACCESSED   (1ull << 40)
#define DESCRIPTOR_TYPE(d)    ((uint32_t)((d) >> 40) & 15)
#define DESCRIPTOR_LONG       (1ull << 53)
#define DESCRIPTOR_BIG        (1ull << 54)
#define DESCRIPTOR_GRANULAR   (1ull << 55)

uint32_t descriptor_base(uint64_t descriptor);
uint32_t descriptor_limit(uint64_t descriptor); /* in bytes */

/* The guest's descriptor of a selector. False: beyond the table (fault: vector NONE) or a fault. */
bool descriptor_read(uint16_t selector, uint64_t *descriptor);

/* Brings the real table's entry up to date with the guest's; true if that changed it. */
bool descriptor_sync(uint16_t selector);

/* The guest has a new GDT or LDT: all entries. The frame's CS and SS stay what they are. */
void descriptors_sync_gdt(struct rom_frame *frame);
void descriptors_sync_ldt(void);

/*
 * What a return to user mode needs: entries for DPL 3 that have changed since they were looked at,
 * and the registers that hold them.
 */
void descriptors_sync_user(struct rom_frame *frame);

/* The real descriptor of a selector in use, 0 if there is none. */
uint64_t descriptor_real(uint16_t selector);

/* The selector in a real CS or SS as the guest knows it. */
uint32_t virtual_selector(uint32_t real);

/* Whether the frame's CS or SS are of a table that the guest has left (lgdt). */
bool selectors_frozen(const struct rom_frame *frame);

/* Guest-linear address of an offset into a frame's stack segment. */
uint32_t stack_linear(const struct rom_frame *frame, uint32_t offset);

/* ESP plus a number, in the width the stack segment has. */
uint32_t stack_moved(const struct rom_frame *frame, int32_t by);

/*
 * iret to a 16-bit stack segment leaves bits 31-16 of ESP as they are (SDM vol. 2, IRET): those of
 * the ROM's stack. So the way out goes over a segment in which the same stack has the guest's bits.
 * bottom: what iret will take.
 */
void stack_prepare_return(const struct rom_frame *frame, const void *bottom);

extern struct espfix_stack {
	uint32_t esp;
	uint32_t selector;
} espfix_stack; /* what the way out takes, if the selector is not 0 (trap_entry.S) */

/* Puts descriptors into the tables as a boot loader leaves them: code 0x10, data 0x18. */
void descriptors_initialise(void);

/* --- deliver.c -------------------------------------------------------------------------------- */

/* The guest takes an exception or interrupt at the frame's instruction. */
void deliver(struct rom_frame *frame, const struct exception *exception);

void deliver_vector(struct rom_frame *frame, uint16_t vector);
void deliver_error(struct rom_frame *frame, uint16_t vector, uint32_t error);

/* vcpu.fault, at the frame's instruction. */
void deliver_fault(struct rom_frame *frame);

/* Interrupts that wait, if the frame's IF is set. The last thing before the guest runs. */
void deliver_pending(struct rom_frame *frame);

#endif
