/* SPDX-License-Identifier: BSD-2-Clause */

/* What every frame that comes in is about. */

#include "rom/mmu/mmu.h"
#include "rom/platform/xen/call_site.h"
#include "rom/platform/xen/console.h"
#include "rom/platform/xen/events.h"
#include "rom/platform/xen/hot.h"
#include "rom/platform/xen/panic.h"
#include "rom/platform/xen/statistics.h"
#include "rom/platform/xen/trace.h"
#include "rom/platform/xen/window.h"
#include "rom/platform/xen/xen.h"
#include "rom/vcpu/calls.h"
#include "rom/vcpu/escaped.h"
#include "rom/vcpu/platform.h"

#define ERROR_IDT       2u /* of a selector error code: an IDT entry */
#define SYSTEM_CALL     0x80
#define INT_INSTRUCTION 0xcd
#define INT3            0xcc
#define INTO            0xce
#define FWAIT           0x9b

#define DR6_BREAKPOINTS 0x0000000fu
#define DR6_STEP        0x00004000u
#define DR6_RESET       0xffff0ff0u

struct fixup {
	uint32_t at, go_on;
};

extern const struct fixup rom_fixups[], rom_fixups_end[];
extern const uint8_t exit_pop_es[], exit_pop_ds[], exit_iret[];

#define ROM_CALL(number, name) [number] = call_##name,
static call_function *const calls[] = {
#include "rom_calls.h" /* generated */
};
#undef ROM_CALL

struct vcpu vcpu;

void trap(struct rom_frame *frame);

static uint32_t fault_address(void)
{
	return ((volatile struct vcpu_info *)WINDOW_SHARED_INFO)->arch.cr2;
}

/* --- faults of the ROM's own ----------------------------------------------------------------- */

static bool has_fixup(struct rom_frame *frame)
{
	for (const struct fixup *fixup = rom_fixups; fixup < rom_fixups_end; fixup++)
		if (fixup->at == frame->eip) {
			frame->eip = fixup->go_on;
			return true;
		}
	return false;
}

/* A page fault on the guest's behalf: its access is made good, or vcpu.fault says why not. */
static bool fault_for_guest(struct rom_frame *frame)
{
	uint32_t address = fault_address();
	struct mmu_fault fault;

	if (address < ROM_XEN_WINDOW &&
	    mmu_fault(address, frame->error & MMU_WRITE, false, &fault) == MMU_FILLED)
		return true;
	vcpu.fault = (struct exception){
	    .vector = VECTOR_PF, .has_error = true, .error = fault.error_code, .cr2 = address};
	return has_fixup(frame);
}

/* A selector that a segment register cannot have: brought up to date, or null. */
static bool selector_for_guest(struct rom_frame *frame)
{
	if (descriptor_sync((uint16_t)frame->error))
		return true;
	if (frame->eip == (uint32_t)exit_pop_es || frame->eip == (uint32_t)exit_pop_ds) {
		frame->esp = 0; /* the word that was popped stands there */
		return true;
	}
	return has_fixup(frame);
}

static void rom_trap(struct rom_frame *frame)
{
	if (frame->vector == VECTOR_PF && fault_for_guest(frame))
		return;
	if ((frame->vector == VECTOR_GP || frame->vector == VECTOR_NP) && selector_for_guest(frame))
		return;
	panic(frame, "a trap in the ROM");
}

/* --- traps of the guest's -------------------------------------------------------------------- */

/* The guest takes an exception; in a springboard, at the instruction it stands for. */
static void reflect(struct rom_frame *frame, const struct exception *exception)
{
	if (frame_ring(frame) == RING_GUEST && is_in_wedge(frame->eip))
		call_to_site(frame); /* a hot call's access to guest memory */
	else
		frame_to_origin(frame, frame->eip);
	deliver(frame, exception);
}

static void reflect_error(struct rom_frame *frame)
{
	reflect(frame, &(struct exception){.vector = (uint16_t)frame->vector,
	                                   .has_error = frame->vector == VECTOR_DF ||
	                                                (frame->vector >= VECTOR_TS &&
	                                                 frame->vector <= VECTOR_PF) ||
	                                                frame->vector == 17,
	                                   .error = frame->error});
}

/* int n, int3, into: the frame's EIP is made that of the instruction. */
static void software_interrupt(struct rom_frame *frame, uint8_t vector, uint8_t length)
{
	frame->eip -= length;
	deliver(frame, &(struct exception){.vector = vector, .software = true, .length = length});
}

static void page_fault(struct rom_frame *frame)
{
	bool user = frame_ring(frame) == RING_USER;
	uint32_t address = fault_address();
	struct mmu_fault fault;

	switch (mmu_fault(address, frame->error, user, &fault)) {
	case MMU_FILLED: return;
	case MMU_NOT_RAM: panic(frame, "a write to where there is no memory");
	case MMU_ROM_ADDRESS:
	case MMU_HYPERVISOR_ADDRESS:
		if (!user)
			panic(frame, "the guest reaches for the ROM's or Xen's addresses");
		break;
	case MMU_GUEST_FAULT: break;
	}
	reflect(frame, &(struct exception){.vector = VECTOR_PF,
	                                   .has_error = true,
	                                   .error = fault.error_code,
	                                   .cr2 = fault.linear});
}

/*
 * `int n`: Xen gives #GP with the vector's error code; the number is taken from the instruction,
 * for qemu gets it wrong. False: no int.
 */
static bool is_software_interrupt(struct rom_frame *frame)
{
	uint8_t bytes[2];

	if (!(frame->error & ERROR_IDT) || !guest_read(frame->eip, bytes, sizeof(bytes)) ||
	    bytes[0] != INT_INSTRUCTION)
		return false;
	frame->eip += 2;
	software_interrupt(frame, bytes[1], 2);
	return true;
}

static void general_protection(struct rom_frame *frame)
{
	if (is_software_interrupt(frame))
		return;
	if (frame->error != 0) {
		if (!descriptor_sync((uint16_t)frame->error))
			reflect_error(frame);
		return;
	}
	if (!emulate_escaped(frame))
		reflect_error(frame);
}

/* Not present, or the stack's: as general protection with a selector. */
static void selector_fault(struct rom_frame *frame)
{
	if (frame->error == 0 || !descriptor_sync((uint16_t)frame->error))
		reflect_error(frame);
}

/*
 * Single steps inside the region are none of the guest's: it sees one where it is left, unless that
 * ends the springboard of the popf that set TF.
 */
static void debug_exception(struct rom_frame *frame)
{
	uint32_t causes = platform_get_debug_register(6) & (DR6_BREAKPOINTS | DR6_STEP);

	platform_set_debug_register(6, DR6_RESET);
	if (causes & DR6_STEP && is_in_region(frame->eip)) {
		causes &= ~DR6_STEP;
	} else if (causes & DR6_STEP && vcpu.step_shadow) {
		vcpu.step_shadow = false;
		causes &= ~DR6_STEP;
	}
	if (causes == 0)
		return;
	vcpu.dr[6] |= causes;
	reflect_error(frame);
}

/* The real CR0.TS stands for the guest's TS and EM, and the real MP is set: fwait needs both of TS
 * and MP to fault (SDM vol. 2, WAIT). */
static bool is_harmless_wait(struct rom_frame *frame)
{
	uint8_t byte;

	return (vcpu.cr0 & (CR0_TS | CR0_MP)) != (CR0_TS | CR0_MP) &&
	       guest_read(frame->eip, &byte, 1) && byte == FWAIT;
}

static void device_not_available(struct rom_frame *frame)
{
	platform_set_task_switched(true); /* Xen has cleared it: the guest's is still set */
	if (is_harmless_wait(frame)) {
		frame->eip++;
		return;
	}
	reflect_error(frame);
}

/* int3 and into, or `int n` with their numbers, which is a byte longer. */
static void short_interrupt(struct rom_frame *frame, uint8_t vector, uint8_t opcode)
{
	uint8_t byte;
	bool is_short = guest_read(frame->eip - 1, &byte, 1) && byte == opcode;

	software_interrupt(frame, vector, is_short ? 1 : 2);
}

static void breakpoint(struct rom_frame *frame)
{
	if (!emulate_site(frame))
		short_interrupt(frame, VECTOR_BP, INT3);
}

/* `int n` that is no call; qemu has Xen believe that int 0x40 is int 0x80. */
static void any_interrupt(struct rom_frame *frame)
{
	uint8_t bytes[2];
	bool is_known =
	    guest_read(frame->eip - 2, bytes, sizeof(bytes)) && bytes[0] == INT_INSTRUCTION;

	software_interrupt(frame, is_known ? bytes[1] : SYSTEM_CALL, 2);
}

static void call_or_system_call(struct rom_frame *frame)
{
	int number = frame_ring(frame) == RING_GUEST ? call_number(frame->eip) : -1;

	if (number < 0) {
		any_interrupt(frame);
	} else if (!calls[number]) {
		panic(frame, "a call that the ROM does not offer");
	} else {
		stats.calls[number]++;
		calls[number](frame);
	}
}

/*
 * syscall, which the guest's CPUID does not have: Xen's own segments are in the frame. Whose it was
 * is told by whether user mode could fetch it; its segments are those seen last.
 */
static struct {
	uint32_t cs, ss;
} seen_segments[2]; /* kernel, user */

static void note_segments(const struct rom_frame *frame)
{
	unsigned int user = frame_ring(frame) == RING_USER;

	seen_segments[user].cs = frame->cs;
	seen_segments[user].ss = frame->ss;
}

static void foreign_system_call(struct rom_frame *frame)
{
	struct mmu_fault fault;
	unsigned int user;

	user = vcpu.cr0 & CR0_PG && mmu_fault(frame->eip, MMU_FETCH, true, &fault) == MMU_FILLED;
	frame->cs = seen_segments[user].cs;
	frame->ss = seen_segments[user].ss;
	deliver_vector(frame, VECTOR_UD);
}

static void guest_trap(struct rom_frame *frame)
{
	if (frame->cs == FLAT_RING3_CS) {
		foreign_system_call(frame);
		return;
	}
	note_segments(frame);
	if (frame->vector == VECTOR_UD && is_in_wedge(frame->eip))
		panic(frame, "a slot runs what is no instruction");
	if (frame->vector != CALL_VECTOR && hot_return_complete(frame))
		return;
	switch (frame->vector) {
	case CALL_VECTOR: call_or_system_call(frame); break;
	case FRAME_VECTOR_EVENT: break;
	case VECTOR_DB: debug_exception(frame); break;
	case VECTOR_PF: page_fault(frame); break;
	case VECTOR_GP: general_protection(frame); break;
	case VECTOR_NP:
	case VECTOR_SS: selector_fault(frame); break;
	case VECTOR_NM: device_not_available(frame); break;
	case VECTOR_BP: breakpoint(frame); break;
	case VECTOR_OF: short_interrupt(frame, VECTOR_OF, INTO); break;
	case FRAME_VECTOR_FAILSAFE: panic(frame, "Xen's failsafe callback");
	default: reflect_error(frame);
	}
}

/* The last thing before the guest goes on. */
static void leave(struct rom_frame *frame)
{
	deliver_pending(frame);
	if (frame_ring(frame) == RING_USER) {
		if (mmu_notes.count > 0)
			mmu_take_notes();
		descriptors_sync_user(frame);
	}
	if (frame_ring(frame) == RING_GUEST)
		hot_calls_allow(frame);
	stack_prepare_return(frame, &frame->eip);
	if (!(frame->eflags & EFLAGS_IF) && devices_interrupt_pending(&devices))
		events_remind();
}

void trap(struct rom_frame *frame)
{
	frame->cs &= 0xffff;
	espfix_stack.selector = 0;
	trace_frame(frame, frame->vector == VECTOR_PF ? fault_address() : 0);
	if (frame_ring(frame) == RING_ROM) {
		trap_counts.rom_faults++;
		rom_trap(frame);
		return;
	}
	trap_counts.traps[frame->vector]++;
	if (events_pending())
		events_handle(frame_ring(frame) == RING_USER);
	guest_trap(frame);
	leave(frame);
}
