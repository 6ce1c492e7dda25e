/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Exceptions and interrupts, through the guest's IDT (SDM vol. 3, chapter 6). Nothing of the frame
 * changes before all of the guest's frame is written, so that a fault on the way is one at the
 * same instruction.
 */

#include "rom/vcpu/calls.h"
#include "rom/vcpu/platform.h"
#include "rom/vcpu/task.h"

#define GATE_TASK         5
#define GATE_INTERRUPT_16 6
#define GATE_TRAP_16      7
#define GATE_INTERRUPT    14
#define GATE_TRAP         15

#define TSS_ESP0 4
#define TSS_SS0  8

#define ERROR_EXT 1u
#define ERROR_IDT 2u

#define SYSTEM_CALL 0x80

struct fast_system_call fast_system_call;

struct gate {
	uint64_t raw;
	uint32_t offset;
	uint16_t selector;
	uint8_t type;
	uint8_t dpl;
};

/* Where the handler begins, and its stack. */
struct target {
	struct gate gate;
	uint32_t ss, esp; /* real selector */
};

static bool fail(uint16_t vector, uint32_t error)
{
	vcpu.fault = (struct exception){.vector = vector, .has_error = true, .error = error};
	return false;
}

static bool read_gate(const struct rom_frame *frame, const struct exception *exception,
                      struct gate *gate)
{
	uint32_t error = exception->vector * 8u + ERROR_IDT;
	uint64_t raw;

	if (exception->vector * 8u + 7 > vcpu.idt.limit)
		return fail(VECTOR_GP, error);
	if (!guest_read(vcpu.idt.base + exception->vector * 8u, &raw, sizeof(raw)))
		return false;
	gate->raw = raw;
	gate->offset = (uint32_t)(raw & 0xffff) | ((uint32_t)(raw >> 32) & 0xffff0000);
	gate->selector = (uint16_t)(raw >> 16);
	gate->type = (uint8_t)(raw >> 40 & 31);
	gate->dpl = (uint8_t)DESCRIPTOR_DPL(raw);
	switch (gate->type) {
	case GATE_INTERRUPT_16:
	case GATE_TRAP_16: gate->offset &= 0xffff; break;
	case GATE_INTERRUPT:
	case GATE_TRAP:
	case GATE_TASK: break;
	default: return fail(VECTOR_GP, error);
	}
	if (exception->software && frame_ring(frame) == RING_USER && gate->dpl < 3)
		return fail(VECTOR_GP, error);
	if (!(raw & DESCRIPTOR_PRESENT))
		return fail(VECTOR_NP, error);
	return true;
}

/* Checks the handler's code segment; it must be the kernel's. */
static bool check_code(const struct gate *gate)
{
	uint32_t error = gate->selector & SELECTOR_INDEX;
	uint64_t descriptor;

	if (error == 0)
		return fail(VECTOR_GP, 0);
	if (!descriptor_read(gate->selector, &descriptor))
		return vcpu.fault.vector == VECTOR_NONE ? fail(VECTOR_GP, error) : false;
	if ((descriptor & (DESCRIPTOR_SEGMENT | DESCRIPTOR_CODE)) !=
	    (DESCRIPTOR_SEGMENT | DESCRIPTOR_CODE))
		return fail(VECTOR_GP, error);
	if (!(descriptor & DESCRIPTOR_PRESENT))
		return fail(VECTOR_NP, error);
	descriptor_sync(gate->selector);
	return true;
}

/* The kernel's stack for what interrupts user mode: of the TSS, whose 16-bit form is not known. */
static bool read_stack(struct target *target)
{
	struct {
		uint32_t esp0;
		uint32_t ss0;
	} stack;
	uint16_t selector;

	if (!guest_read(vcpu.tss.base + TSS_ESP0, &stack, sizeof(stack)))
		return false;
	selector = (uint16_t)stack.ss0;
	if ((selector & SELECTOR_INDEX) == 0)
		return fail(VECTOR_TS, 0);
	descriptor_sync(selector);
	if (!(descriptor_real(selector) & DESCRIPTOR_WRITABLE))
		return fail(VECTOR_TS, selector & SELECTOR_INDEX);
	target->esp = stack.esp0;
	target->ss = (selector & SELECTOR_INDEX) | RING_GUEST;
	return true;
}

static unsigned int make_words(const struct rom_frame *frame, const struct exception *exception,
                               uint32_t words[6])
{
	unsigned int count = 0;

	if (exception->has_error)
		words[count++] = exception->error;
	words[count++] = frame->eip + exception->length;
	words[count++] = virtual_selector(frame->cs);
	words[count++] = (frame->eflags & ~EFLAGS_IOPL) | vcpu.iopl | 2;
	if (frame_ring(frame) == RING_USER) {
		words[count++] = frame->esp;
		words[count++] = virtual_selector(frame->ss);
	}
	return count;
}

/* Pushes the frame the guest expects, in words of the gate's size. */
static bool push_frame(const struct rom_frame *frame, const struct exception *exception,
                       struct target *target)
{
	bool wide = target->gate.type & 8;
	struct rom_frame stack = {.ss = target->ss, .esp = target->esp};
	uint32_t words[6];
	uint16_t halves[6];
	unsigned int count = make_words(frame, exception, words), size = wide ? 4 : 2;
	uint32_t linear;

	for (unsigned int i = 0; i < count; i++)
		halves[i] = (uint16_t)words[i];
	stack.esp = stack_moved(&stack, -(int32_t)(count * size));
	target->esp = stack.esp;
	linear = stack_linear(&stack, stack.esp);
	if (guest_write(linear, wide ? (void *)words : (void *)halves, count * size))
		return true;
	/* The processor pushes the highest word first. */
	if (vcpu.fault.cr2 >> 12 == (linear + (count - 1) * size) >> 12)
		vcpu.fault.cr2 = linear + (count - 1) * size;
	return false;
}

static bool is_flat(uint32_t selector)
{
	uint64_t descriptor = descriptor_real((uint16_t)selector);

	return descriptor & DESCRIPTOR_BIG && descriptor_base(descriptor) == 0;
}

/* A system call from user mode has been delivered: the next one can go the short way. */
static void remember_system_call(const struct rom_frame *frame, const struct gate *gate)
{
	if (gate->type != GATE_INTERRUPT || vcpu.iopl != 0 || !is_flat(frame->ss))
		return;
	fast_system_call = (struct fast_system_call){
	    .gate_at = vcpu.idt.base + 8 * SYSTEM_CALL,
	    .gate = {(uint32_t)gate->raw, (uint32_t)(gate->raw >> 32)},
	    .tss_at = vcpu.tss.base,
	    .ss0 = frame->ss & ~SELECTOR_RPL,
	    .eip = frame->eip,
	    .cs = frame->cs,
	    .ss = frame->ss,
	};
}

static bool deliver_to_task(struct rom_frame *frame, const struct exception *exception,
                            uint16_t selector)
{
	struct rom_frame old = *frame;

	old.eip += exception->length;
	if (!task_switch(&old, selector, TASK_NEST))
		return false;
	*frame = old;
	return !exception->has_error || task_push(frame, exception->error);
}

static bool try_deliver(struct rom_frame *frame, const struct exception *exception)
{
	struct target target = {.ss = frame->ss, .esp = frame->esp};
	bool from_user;

	if (!read_gate(frame, exception, &target.gate))
		return false;
	if (target.gate.type == GATE_TASK)
		return deliver_to_task(frame, exception, target.gate.selector);
	if (!check_code(&target.gate))
		return false;
	if (frame_ring(frame) == RING_USER && !read_stack(&target))
		return false;
	if (!push_frame(frame, exception, &target))
		return false;
	frame->eflags &= ~(EFLAGS_TF | EFLAGS_NT | EFLAGS_RF | EFLAGS_VM);
	if (!(target.gate.type & 1))
		frame->eflags &= ~EFLAGS_IF;
	from_user = frame_ring(frame) == RING_USER;
	frame->eip = target.gate.offset;
	frame->cs = (target.gate.selector & SELECTOR_INDEX) | RING_GUEST;
	frame->ss = target.ss;
	frame->esp = target.esp;
	if (from_user && exception->vector == SYSTEM_CALL && exception->software)
		remember_system_call(frame, &target.gate);
	return true;
}

static bool is_contributory(uint16_t vector)
{
	return vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP);
}

/* What comes of a fault while another one is delivered (SDM vol. 3, table 6-5). */
static struct exception combine(const struct rom_frame *frame, const struct exception *first,
                                struct exception second)
{
	bool serious = is_contributory(first->vector) && !first->software && !first->external;

	if (first->vector == VECTOR_DF && !first->software)
		platform_triple_fault(frame);
	if ((serious && is_contributory(second.vector)) ||
	    (first->vector == VECTOR_PF && !first->software &&
	     (is_contributory(second.vector) || second.vector == VECTOR_PF)))
		return (struct exception){.vector = VECTOR_DF, .has_error = true};
	if (second.vector != VECTOR_PF && !first->software)
		second.error |= ERROR_EXT;
	return second;
}

void deliver(struct rom_frame *frame, const struct exception *exception)
{
	struct exception now = *exception;

	for (;;) {
		if (now.vector == VECTOR_PF && !now.software)
			vcpu.cr2 = now.cr2;
		if (try_deliver(frame, &now))
			return;
		if (vcpu.fault.vector == VECTOR_PF)
			vcpu.cr2 = vcpu.fault.cr2; /* even if it becomes a double fault */
		now = combine(frame, &now, vcpu.fault);
	}
}

void deliver_vector(struct rom_frame *frame, uint16_t vector)
{
	deliver(frame, &(struct exception){.vector = vector});
}

void deliver_error(struct rom_frame *frame, uint16_t vector, uint32_t error)
{
	deliver(frame, &(struct exception){.vector = vector, .has_error = true, .error = error});
}

void deliver_fault(struct rom_frame *frame)
{
	struct exception fault = vcpu.fault;

	deliver(frame, &fault);
}

void deliver_pending(struct rom_frame *frame)
{
	if (frame->eflags & EFLAGS_IF && devices_interrupt_pending(&devices))
		frame_leave_slot(frame);
	while (frame->eflags & EFLAGS_IF && devices_interrupt_pending(&devices)) {
		struct exception interrupt = {.external = true};

		interrupt.vector = devices_interrupt_acknowledge(&devices);
		deliver(frame, &interrupt);
	}
}
