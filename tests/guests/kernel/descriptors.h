/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_DESCRIPTORS_H
#define KERNEL_DESCRIPTORS_H

/* GDT, IDT and TSS. Source: SDM vol. 3, 3.4.5, 6.11 and 7.2. */

#include <stdbool.h>
#include <stdint.h>

#include "tests/guests/kernel/selectors.h"

/* Access bytes: present, with DPL 0. */
#define ACCESS_PRESENT    0x80
#define ACCESS_DPL3       0x60
#define ACCESS_CODE       0x9a /* readable */
#define ACCESS_DATA       0x92 /* writable */
#define ACCESS_LDT        0x82
#define ACCESS_TASK       0x89 /* available 32-bit TSS */
#define ACCESS_BUSY       0x02
#define ACCESS_CALL_GATE  0x8c
#define ACCESS_TASK_GATE  0x85
#define ACCESS_INTERRUPT  0x8e
#define ACCESS_TRAP       0x8f
#define SEGMENT_32BIT     0x4 /* the flags' nibble */
#define SEGMENT_PAGES     0x8 /* limit counts pages of 4 KB */
#define SEGMENT_FLAT      (SEGMENT_32BIT | SEGMENT_PAGES)
#define SEGMENT_LIMIT_MAX 0xfffffu

struct table_pointer { /* operand of LGDT and LIDT */
	uint16_t limit;
	uint32_t base;
} __attribute__((packed));

struct task_segment {
	uint16_t previous_task, previous_task_unused;
	uint32_t esp0;
	uint16_t ss0, ss0_unused;
	uint32_t esp1, ss1, esp2, ss2;
	uint32_t cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
	uint32_t es, cs, ss, ds, fs, gs, ldt;
	uint16_t trap, io_bitmap_offset;
};

_Static_assert(sizeof(struct task_segment) == 104, "SDM vol. 3, figure 7-2");

#define IO_BITMAP_BYTES (65536 / 8 + 1) /* one more, all ones: SDM vol. 1, 19.5.2 */
#define IDT_ENTRIES     256
#define TRAP_STUB_SIZE  16

struct task {
	struct task_segment segment;
	uint8_t io_bitmap[IO_BITMAP_BYTES]; /* a bit a port, set where ring 3 may not */
};

extern uint64_t gdt[GDT_ENTRIES];
extern uint64_t idt[IDT_ENTRIES];
extern const struct table_pointer gdt_pointer, idt_pointer;
extern struct task main_task;
extern struct task_segment double_fault_task;
extern const uint8_t trap_stubs[], software_trap_stubs[];

/* A segment's descriptor; limit has 20 bits, flags are SEGMENT_*. */
uint64_t descriptor(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags);

/* A gate's descriptor; parameters are those of a call gate. */
uint64_t gate(uint16_t selector, uint32_t offset, uint8_t access, uint8_t parameters);

/* Puts a descriptor in scratch entry number of the GDT; returns its selector, with RPL 0. */
uint16_t gdt_scratch(uint32_t number, uint64_t value);

/* The descriptor that selector names in the GDT. */
uint64_t *gdt_entry(uint16_t selector);

/* Puts an interrupt gate of DPL 0 to one of the stubs of trap_entry.S in the IDT. */
void idt_set(uint32_t vector, const uint8_t *stubs);

/* Fills GDT, IDT and TSS with what the kernel itself needs, and loads all of them. */
void descriptors_setup(void);

/* Brings all of them back to that state after a check. */
void descriptors_restore(void);

/* The stack that traps from ring 3 use: its top, as in the task's esp0. */
uint32_t trap_stack_top(void);

#endif
