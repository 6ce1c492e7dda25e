/* SPDX-License-Identifier: BSD-2-Clause */

#include "rom/vcpu/task.h"
#include "rom/mmu/mmu.h"
#include "rom/vcpu/platform.h"

#define TYPE_LDT           2
#define TYPE_TSS_AVAILABLE 9
#define TYPE_TSS_BUSY      11
#define BUSY               2 /* of the type */

/* SDM vol. 3, figure 7-2. */
struct tss {
	uint32_t link;
	uint32_t stacks[6];
	uint32_t cr3;
	uint32_t eip, eflags;
	uint32_t eax, ecx, edx, ebx, esp, ebp, esi, edi;
	uint32_t es, cs, ss, ds, fs, gs;
	uint32_t ldt;
	uint32_t trap;
};
_Static_assert(sizeof(struct tss) == 104, "SDM vol. 3, figure 7-2");

static bool fail(uint16_t vector, uint32_t selector)
{
	vcpu.fault = (struct exception){
	    .vector = vector, .has_error = true, .error = selector & SELECTOR_INDEX};
	return false;
}

static bool read_descriptor(uint16_t selector, enum task_switch kind, uint64_t *descriptor)
{
	uint32_t type = kind == TASK_RETURN ? TYPE_TSS_BUSY : TYPE_TSS_AVAILABLE;
	uint16_t vector = kind == TASK_RETURN ? VECTOR_TS : VECTOR_GP;

	if (selector & SELECTOR_LDT || (selector & SELECTOR_INDEX) == 0)
		return fail(vector, selector);
	if (!descriptor_read(selector, descriptor))
		return vcpu.fault.vector == VECTOR_NONE ? fail(vector, selector) : false;
	if (*descriptor & DESCRIPTOR_SEGMENT || DESCRIPTOR_TYPE(*descriptor) != type)
		return fail(vector, selector);
	if (!(*descriptor & DESCRIPTOR_PRESENT))
		return fail(VECTOR_NP, selector);
	return descriptor_limit(*descriptor) >= sizeof(struct tss) - 1 || fail(VECTOR_TS, selector);
}

static bool set_busy(uint16_t selector, bool busy)
{
	uint32_t at = vcpu.gdt.base + (selector & ~7u) + 5;
	uint8_t access;

	if (!guest_read(at, &access, 1))
		return false;
	access = busy ? access | BUSY : access & (uint8_t)~BUSY;
	return guest_write(at, &access, 1);
}

static bool save(const struct rom_frame *frame, uint32_t eflags)
{
	uint32_t state[16] = {
	    frame->eip, eflags,     frame->eax,        frame->ecx,
	    frame->edx, frame->ebx, frame->esp,        frame->ebp,
	    frame->esi, frame->edi, frame->es,         virtual_selector(frame->cs),
	    0,          frame->ds,  platform_get_fs(), platform_get_gs()};

	state[12] = virtual_selector(frame->ss);
	return guest_write(vcpu.tss.base + offsetof(struct tss, eip), state, sizeof(state));
}

static uint32_t real_selector(uint32_t selector)
{
	selector &= 0xffff;
	descriptor_sync((uint16_t)selector);
	return (selector & SELECTOR_RPL) == RING_USER ? selector
	                                              : (selector & SELECTOR_INDEX) | RING_GUEST;
}

static void load_ldt(uint16_t selector)
{
	uint64_t descriptor = 0;

	vcpu.ldt = selector;
	vcpu.ldt_table = (struct table_register){0};
	if ((selector & SELECTOR_INDEX) != 0 && descriptor_read(selector, &descriptor) &&
	    DESCRIPTOR_TYPE(descriptor) == TYPE_LDT) {
		vcpu.ldt_table.base = descriptor_base(descriptor);
		vcpu.ldt_table.limit = (uint16_t)descriptor_limit(descriptor);
	}
	descriptors_sync_ldt();
}

static void load(struct rom_frame *frame, const struct tss *tss, uint32_t eflags)
{
	if (vcpu.cr0 & CR0_PG && mmu_set_cr3(tss->cr3))
		vcpu.cr3 = tss->cr3;
	if (vcpu.ldt != (uint16_t)tss->ldt)
		load_ldt((uint16_t)tss->ldt);
	frame->eip = tss->eip;
	frame->eax = tss->eax;
	frame->ecx = tss->ecx;
	frame->edx = tss->edx;
	frame->ebx = tss->ebx;
	frame->esp = tss->esp;
	frame->ebp = tss->ebp;
	frame->esi = tss->esi;
	frame->edi = tss->edi;
	frame->cs = real_selector(tss->cs);
	frame->ss = real_selector(tss->ss);
	frame->ds = tss->ds & 0xffff;
	frame->es = tss->es & 0xffff;
	platform_set_fs((uint16_t)tss->fs);
	platform_set_gs((uint16_t)tss->gs);
	frame_set_flags(frame, eflags);
}

/* The old task's part: its state, whether it stays busy, and the way back to it. */
static bool leave_task(const struct rom_frame *frame, uint32_t new_base, enum task_switch kind)
{
	uint32_t eflags = frame->eflags | vcpu.iopl;

	if (kind == TASK_RETURN)
		eflags &= ~EFLAGS_NT;
	if (!save(frame, eflags))
		return false;
	if (kind == TASK_NEST)
		return guest_write(new_base, &vcpu.tr, sizeof(vcpu.tr));
	return set_busy(vcpu.tr, false);
}

bool task_switch(struct rom_frame *frame, uint16_t selector, enum task_switch kind)
{
	uint64_t descriptor;
	struct tss tss;
	uint32_t base;

	if (!read_descriptor(selector, kind, &descriptor))
		return false;
	base = descriptor_base(descriptor);
	if (!guest_read(base, &tss, sizeof(tss)) || !leave_task(frame, base, kind))
		return false;
	if (kind != TASK_RETURN && !set_busy(selector, true))
		return false;
	fast_system_call.gate_at = 0;
	vcpu.tr = selector;
	vcpu.tss.base = base;
	vcpu.tss.limit = (uint16_t)descriptor_limit(descriptor);
	vcpu.cr0 |= CR0_TS;
	platform_set_task_switched(true);
	load(frame, &tss, kind == TASK_NEST ? tss.eflags | EFLAGS_NT : tss.eflags);
	return true;
}

bool task_push(struct rom_frame *frame, uint32_t value)
{
	frame->esp = stack_moved(frame, -4);
	return guest_write(stack_linear(frame, frame->esp), &value, sizeof(value));
}
