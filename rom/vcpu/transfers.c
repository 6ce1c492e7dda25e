/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Far transfers: by these the guest's CS and SS change. A fault leaves everything as it was, at the
 * guest's instruction.
 */

#include "rom/mmu/mmu.h"
#include "rom/vcpu/calls.h"
#include "rom/vcpu/platform.h"
#include "rom/vcpu/task.h"

/* A task switch failed: the fault is the instruction's. */
static void fault_at(struct rom_frame *frame, uint32_t site)
{
	struct exception fault = vcpu.fault;

	frame->eip = site;
	deliver(frame, &fault);
}

/* What a far return or iret takes from the stack. */
struct far_return {
	uint32_t eip, cs, eflags, esp, ss;
};

/* Faults of a selector, delivered. */
static bool refuse(struct rom_frame *frame, uint16_t vector, uint32_t selector)
{
	call_fault(frame, vector, selector & SELECTOR_INDEX);
	return false;
}

/* The guest's descriptor, its real one brought up to date. */
static bool look_up(struct rom_frame *frame, uint16_t selector, uint64_t *descriptor)
{
	if ((selector & SELECTOR_INDEX) == 0)
		return refuse(frame, VECTOR_GP, 0);
	if (!descriptor_read(selector, descriptor)) {
		if (vcpu.fault.vector == VECTOR_NONE)
			return refuse(frame, VECTOR_GP, selector);
		call_memory_fault(frame);
		return false;
	}
	descriptor_sync(selector);
	return true;
}

/* Whether CS may become a selector, in the ring that it asks for: 0 or 3. */
static bool check_code(struct rom_frame *frame, uint16_t selector, unsigned int ring)
{
	uint64_t descriptor;
	unsigned int dpl;

	if (!look_up(frame, selector, &descriptor))
		return false;
	dpl = DESCRIPTOR_DPL(descriptor);
	if ((descriptor & (DESCRIPTOR_SEGMENT | DESCRIPTOR_CODE)) !=
	        (DESCRIPTOR_SEGMENT | DESCRIPTOR_CODE) ||
	    (descriptor & DESCRIPTOR_CONFORMING ? dpl > ring : dpl != ring))
		return refuse(frame, VECTOR_GP, selector);
	if (!(descriptor & DESCRIPTOR_PRESENT))
		return refuse(frame, VECTOR_NP, selector);
	return true;
}

static bool check_stack(struct rom_frame *frame, uint16_t selector, unsigned int ring)
{
	uint64_t descriptor;

	if (!look_up(frame, selector, &descriptor))
		return false;
	if ((selector & SELECTOR_RPL) != ring || DESCRIPTOR_DPL(descriptor) != ring ||
	    (descriptor & (DESCRIPTOR_SEGMENT | DESCRIPTOR_CODE | DESCRIPTOR_WRITABLE)) !=
	        (DESCRIPTOR_SEGMENT | DESCRIPTOR_WRITABLE))
		return refuse(frame, VECTOR_GP, selector);
	if (!(descriptor & DESCRIPTOR_PRESENT))
		return refuse(frame, VECTOR_SS, selector);
	return true;
}

static uint32_t kernel_selector(uint32_t selector)
{
	return (selector & SELECTOR_INDEX) | RING_GUEST;
}

/* Words of 2 or 4 bytes on the guest's stack, `offset` above its ESP. */
static bool read_stack(struct rom_frame *frame, uint32_t offset, uint32_t *words,
                       unsigned int count, unsigned int size)
{
	for (unsigned int i = 0; i < count; i++) {
		words[i] = 0;
		if (!guest_read(stack_linear(frame, frame->esp + offset + i * size), &words[i],
		                size)) {
			call_memory_fault(frame);
			return false;
		}
	}
	return true;
}

/* Data segment registers that user mode may not have become null (SDM vol. 2, IRET). */
static uint32_t for_user(uint32_t selector)
{
	uint64_t descriptor = descriptor_real((uint16_t)selector);

	if ((selector & SELECTOR_INDEX) == 0 || DESCRIPTOR_DPL(descriptor) == 3)
		return selector;
	return 0;
}

/* The frame goes on as a far return says; its CS and SS were checked. */
static void go(struct rom_frame *frame, const struct far_return *to)
{
	frame->eip = to->eip;
	if ((to->cs & SELECTOR_RPL) == RING_USER) {
		frame->cs = to->cs & 0xffff;
		frame->ss = to->ss & 0xffff;
		frame->ds = for_user(frame->ds);
		frame->es = for_user(frame->es);
	} else {
		frame->cs = kernel_selector(to->cs);
	}
	frame->esp = to->esp;
}

/*
 * The rest of a far return: by `to`'s CS, and the stack that stands `offset` above ESP for user
 * mode. False: the guest has taken a fault.
 */
static bool complete(struct rom_frame *frame, struct far_return *to, uint32_t offset,
                     uint32_t release, unsigned int size)
{
	uint32_t words[2];

	if ((to->cs & SELECTOR_RPL) != RING_USER) {
		to->esp = stack_moved(frame, (int32_t)(offset + release));
		return check_code(frame, (uint16_t)to->cs, 0);
	}
	if (!read_stack(frame, offset + release, words, 2, size) ||
	    !check_code(frame, (uint16_t)to->cs, 3) || !check_stack(frame, (uint16_t)words[1], 3))
		return false;
	to->esp = words[0] + release;
	to->ss = words[1];
	return true;
}

/* With NT set iret goes back to the task before. */
static void return_from_task(struct rom_frame *frame)
{
	uint16_t link = 0;
	uint32_t site;

	if (!guest_read(vcpu.tss.base, &link, sizeof(link))) {
		call_memory_fault(frame);
		return;
	}
	site = call_behind_site(frame);
	if (!task_switch(frame, link, TASK_RETURN))
		fault_at(frame, site);
}

static void return_from_interrupt(struct rom_frame *frame, unsigned int size)
{
	struct far_return to;
	uint32_t words[3];

	if (frame->eflags & EFLAGS_NT) {
		return_from_task(frame);
		return;
	}
	if (!read_stack(frame, 4, words, 3, size))
		return;
	if (size == 2)
		words[2] |= frame->eflags & 0xffff0000;
	if (words[2] & EFLAGS_VM) { /* Xen has no such mode (xen/arch/x86/pv/iret.c) */
		refuse(frame, VECTOR_GP, 0);
		return;
	}
	to.eip = words[0];
	to.cs = words[1];
	if (!complete(frame, &to, 4 + 3 * size, 0, size))
		return;
	go(frame, &to);
	frame_set_flags(frame, words[2]);
	frame->eflags = (frame->eflags & ~EFLAGS_RF) | (words[2] & EFLAGS_RF);
}

void call_IRET(struct rom_frame *frame)
{
	return_from_interrupt(frame, 4);
}

void call_IRETW(struct rom_frame *frame)
{
	return_from_interrupt(frame, 2);
}

static void far_return(struct rom_frame *frame, unsigned int size)
{
	struct far_return to;
	uint32_t release, words[2];

	if (!read_stack(frame, 4, &release, 1, 4) || !read_stack(frame, 8, words, 2, size))
		return;
	to.eip = words[0];
	to.cs = words[1];
	if (complete(frame, &to, 8 + 2 * size, release & 0xffff, size))
		go(frame, &to);
}

void call_LRET(struct rom_frame *frame)
{
	far_return(frame, 4);
}

void call_LRETW(struct rom_frame *frame)
{
	far_return(frame, 2);
}

#define TYPE_GATE_16 4
#define TYPE_TASK    5
#define TYPE_TSS     9
#define TYPE_GATE    12

static bool is_task(const struct rom_frame *frame, uint16_t *selector)
{
	uint64_t descriptor;

	(void)frame;
	if ((*selector & SELECTOR_INDEX) == 0 || !descriptor_read(*selector, &descriptor) ||
	    descriptor & DESCRIPTOR_SEGMENT || !(descriptor & DESCRIPTOR_PRESENT))
		return false;
	if (DESCRIPTOR_TYPE(descriptor) == TYPE_TASK)
		*selector = (uint16_t)(descriptor >> 16);
	else if (DESCRIPTOR_TYPE(descriptor) != TYPE_TSS)
		return false;
	return true;
}

/* A far jump or call to a task: the old one goes on behind the instruction. */
static void go_to_task(struct rom_frame *frame, uint16_t selector, enum task_switch kind)
{
	uint32_t site = call_behind_site(frame);

	if (!task_switch(frame, selector, kind))
		fault_at(frame, site);
}

/*
 * Where a far jump or call leads: words[0] the offset, words[1] the selector, which may be a call
 * gate's; then both become the gate's, and *wide says whether that has 32 bits. A gate to the
 * kernel's own ring only (SDM vol. 3, section 5.8.4). False: the guest has taken a fault.
 */
static bool resolve(struct rom_frame *frame, uint32_t words[2], bool *wide)
{
	uint16_t selector = (uint16_t)words[1];
	uint64_t gate;

	if (!look_up(frame, selector, &gate))
		return false;
	if (!(gate & DESCRIPTOR_SEGMENT) &&
	    (DESCRIPTOR_TYPE(gate) == TYPE_GATE_16 || DESCRIPTOR_TYPE(gate) == TYPE_GATE)) {
		if (DESCRIPTOR_DPL(gate) < (selector & SELECTOR_RPL))
			return refuse(frame, VECTOR_GP, selector);
		if (!(gate & DESCRIPTOR_PRESENT))
			return refuse(frame, VECTOR_NP, selector);
		*wide = DESCRIPTOR_TYPE(gate) == TYPE_GATE;
		words[0] = (uint32_t)(gate & 0xffff);
		if (*wide)
			words[0] |= (uint32_t)(gate >> 32) & 0xffff0000;
		words[1] = (uint32_t)(gate >> 16) & SELECTOR_INDEX;
	}
	return check_code(frame, (uint16_t)words[1], 0);
}

void call_FarJump(struct rom_frame *frame)
{
	uint32_t words[3];
	uint16_t selector;
	bool wide = true;

	if (!call_words(frame, words, 3))
		return;
	selector = (uint16_t)words[2];
	if (is_task(frame, &selector)) {
		go_to_task(frame, selector, TASK_JUMP);
		return;
	}
	if (!resolve(frame, &words[1], &wide))
		return;
	frame->eip = words[1];
	frame->cs = kernel_selector(words[2]);
	frame->esp = stack_moved(frame, 12);
	mmu_leave_alias();
}

void call_FarCall(struct rom_frame *frame)
{
	uint32_t words[4];
	uint16_t selector;
	bool wide;
	uint32_t pushed;

	if (!call_words(frame, words, 4))
		return;
	wide = !(words[2] >> 31);
	selector = (uint16_t)words[2];
	if (is_task(frame, &selector)) {
		go_to_task(frame, selector, TASK_NEST);
		return;
	}
	if (!resolve(frame, &words[1], &wide))
		return;
	pushed = wide ? virtual_selector(frame->cs)
	              : (words[3] & 0xffff) | virtual_selector(frame->cs) << 16;
	if (!guest_write(stack_linear(frame, frame->esp + 16), &pushed, 4)) {
		call_memory_fault(frame);
		return;
	}
	frame->eip = words[1];
	frame->cs = kernel_selector(words[2]);
	frame->esp = stack_moved(frame, wide ? 12 : 16);
}

void call_PushCS(struct rom_frame *frame)
{
	call_push(frame, virtual_selector(frame->cs), 4);
}

void call_PushSS(struct rom_frame *frame)
{
	call_push(frame, virtual_selector(frame->ss), 4);
}

/* Both go on behind the call themselves: the return address is on the old stack. */
void call_PopSS(struct rom_frame *frame)
{
	uint32_t words[2];

	if (!call_words(frame, words, 2) || !check_stack(frame, (uint16_t)words[1], 0))
		return;
	frame->esp = stack_moved(frame, 8);
	frame->ss = kernel_selector(words[1]);
	frame->eip = words[0];
}

void call_LoadStack(struct rom_frame *frame)
{
	uint32_t words[3];

	if (!call_words(frame, words, 3) || !check_stack(frame, (uint16_t)words[2], 0))
		return;
	frame->esp = words[1];
	frame->ss = kernel_selector(words[2]);
	frame->eip = words[0];
}
