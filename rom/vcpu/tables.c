/* SPDX-License-Identifier: BSD-2-Clause */

/* The registers of descriptor tables, and looking at descriptors. */

#include "rom/vcpu/calls.h"
#include "rom/vcpu/platform.h"

#define TYPE_LDT           2
#define TYPE_TSS_AVAILABLE 9
#define TYPE_TSS_BUSY      11

static bool read_pseudo(struct rom_frame *frame, struct table_register *table)
{
	uint8_t bytes[6];

	if (!guest_read(frame->eax, bytes, sizeof(bytes))) {
		call_memory_fault(frame);
		return false;
	}
	table->limit = (uint16_t)(bytes[0] | bytes[1] << 8);
	__builtin_memcpy(&table->base, bytes + 2, 4);
	return true;
}

static void write_pseudo(struct rom_frame *frame, const struct table_register *table)
{
	uint8_t bytes[6] = {(uint8_t)table->limit, (uint8_t)(table->limit >> 8)};

	__builtin_memcpy(bytes + 2, &table->base, 4);
	if (!guest_write(frame->eax, bytes, sizeof(bytes)))
		call_memory_fault(frame);
}

void call_SetGDT(struct rom_frame *frame)
{
	fast_system_call.gate_at = 0;
	if (read_pseudo(frame, &vcpu.gdt))
		descriptors_sync_gdt(frame);
}

void call_GetGDT(struct rom_frame *frame)
{
	write_pseudo(frame, &vcpu.gdt);
}

void call_SetIDT(struct rom_frame *frame)
{
	fast_system_call.gate_at = 0;
	read_pseudo(frame, &vcpu.idt);
}

void call_GetIDT(struct rom_frame *frame)
{
	write_pseudo(frame, &vcpu.idt);
}

/*
 * The system descriptor of a selector, of a type and present, for lldt and ltr. False: the guest
 * has taken the fault (SDM vol. 2, LLDT, LTR).
 */
static bool read_system(struct rom_frame *frame, uint16_t selector, uint32_t type,
                        uint64_t *descriptor)
{
	uint32_t error = selector & SELECTOR_INDEX;

	if (selector & SELECTOR_LDT) {
		call_fault(frame, VECTOR_GP, error);
		return false;
	}
	if (!descriptor_read(selector, descriptor)) {
		if (vcpu.fault.vector == VECTOR_NONE)
			call_fault(frame, VECTOR_GP, error);
		else
			call_memory_fault(frame);
		return false;
	}
	if (*descriptor & DESCRIPTOR_SEGMENT || DESCRIPTOR_TYPE(*descriptor) != type) {
		call_fault(frame, VECTOR_GP, error);
		return false;
	}
	if (!(*descriptor & DESCRIPTOR_PRESENT)) {
		call_fault(frame, VECTOR_NP, error);
		return false;
	}
	return true;
}

static void set_table(struct table_register *table, uint64_t descriptor)
{
	uint32_t limit = descriptor_limit(descriptor);

	table->base = descriptor_base(descriptor);
	table->limit = limit > 0xffff ? 0xffff : (uint16_t)limit;
}

void call_SetLDT(struct rom_frame *frame)
{
	uint16_t selector = (uint16_t)frame->eax;
	uint64_t descriptor;

	if ((selector & SELECTOR_INDEX) == 0) {
		vcpu.ldt = selector;
		vcpu.ldt_table = (struct table_register){0};
		descriptors_sync_ldt();
		return;
	}
	if (!read_system(frame, selector, TYPE_LDT, &descriptor))
		return;
	vcpu.ldt = selector;
	set_table(&vcpu.ldt_table, descriptor);
	descriptors_sync_ldt();
}

void call_GetLDT(struct rom_frame *frame)
{
	frame->eax = vcpu.ldt;
}

void call_SetTR(struct rom_frame *frame)
{
	uint16_t selector = (uint16_t)frame->eax;
	uint64_t descriptor;
	uint8_t access;

	if ((selector & SELECTOR_INDEX) == 0) {
		call_fault(frame, VECTOR_GP, 0);
		return;
	}
	if (!read_system(frame, selector, TYPE_TSS_AVAILABLE, &descriptor))
		return;
	access = (uint8_t)(descriptor >> 40) | 2; /* busy */
	if (!guest_write(vcpu.gdt.base + (selector & ~7u) + 5, &access, 1)) {
		call_memory_fault(frame);
		return;
	}
	fast_system_call.gate_at = 0;
	vcpu.tr = selector;
	set_table(&vcpu.tss, descriptor);
}

void call_GetTR(struct rom_frame *frame)
{
	frame->eax = vcpu.tr;
}

static void write_entry(struct rom_frame *frame)
{
	uint32_t words[2];

	if (!call_words(frame, words, 2))
		return;
	words[0] = frame->ecx;
	if (!guest_write(frame->eax + 8 * frame->edx, words, 8))
		call_memory_fault(frame);
}

void call_WriteGDTEntry(struct rom_frame *frame)
{
	write_entry(frame);
	if (frame->eax == vcpu.gdt.base)
		descriptor_sync((uint16_t)(8 * frame->edx));
}

void call_WriteLDTEntry(struct rom_frame *frame)
{
	write_entry(frame);
	if (frame->eax == vcpu.ldt_table.base)
		descriptor_sync((uint16_t)(8 * frame->edx) | SELECTOR_LDT);
}

void call_WriteIDTEntry(struct rom_frame *frame)
{
	write_entry(frame);
}

/* ESP0 is read when it is needed. */
void call_UpdateKernelStack(struct rom_frame *frame)
{
	if (!guest_write(frame->eax + 4, &frame->edx, 4))
		call_memory_fault(frame);
}

enum { CHECK_LAR, CHECK_LSL, CHECK_VERR, CHECK_VERW };

/* Types of system descriptors that lar and lsl take (SDM vol. 2, LAR, LSL). */
#define LAR_TYPES 0x1a3e /* all but 0, 6 to 8, 10, 13 to 15 */
#define LSL_TYPES 0x0a0e

static bool selector_passes(uint64_t descriptor, uint32_t operation)
{
	uint32_t type = DESCRIPTOR_TYPE(descriptor);

	if (!(descriptor & DESCRIPTOR_SEGMENT))
		return operation == CHECK_LAR   ? LAR_TYPES >> type & 1
		       : operation == CHECK_LSL ? LSL_TYPES >> type & 1
		                                : false;
	if (operation == CHECK_VERR)
		return !(descriptor & DESCRIPTOR_CODE) || descriptor & DESCRIPTOR_WRITABLE;
	if (operation == CHECK_VERW)
		return !(descriptor & DESCRIPTOR_CODE) && descriptor & DESCRIPTOR_WRITABLE;
	return true;
}

void call_CheckSelector(struct rom_frame *frame)
{
	uint16_t selector = (uint16_t)frame->eax;
	uint64_t descriptor = 0;
	bool passes = false;

	if ((selector & SELECTOR_INDEX) != 0) {
		if (descriptor_read(selector, &descriptor)) {
			/* The guest's CPL is 0: only the selector's RPL counts. */
			bool conforming = (descriptor >> 42 & 7) == 7;

			passes =
			    selector_passes(descriptor, frame->edx) &&
			    (conforming || DESCRIPTOR_DPL(descriptor) >= (selector & SELECTOR_RPL));
		} else if (vcpu.fault.vector != VECTOR_NONE) {
			call_memory_fault(frame);
			return;
		}
	}
	frame->eflags &= ~EFLAGS_ZF;
	if (!passes)
		return;
	frame->eflags |= EFLAGS_ZF;
	if (frame->edx == CHECK_LAR)
		frame->eax = (uint32_t)(descriptor >> 32) & 0x00f0ff00;
	else if (frame->edx == CHECK_LSL)
		frame->eax = descriptor_limit(descriptor);
}
