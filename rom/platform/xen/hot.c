/* SPDX-License-Identifier: BSD-2-Clause */

#include "rom/platform/xen/hot.h"
#include "patchtables/rom_abi.h"
#include "rom/platform/xen/start.h"
#include "rom/vcpu/calls.h"

#define COLD_SIZE 4

extern const uint8_t cold_calls[], cold_calls_end[];
extern const uint8_t hot_iret_last_part[], hot_iret[], hot_iret_end[];

static const uint8_t cold_numbers[] = {VMI_CALL_EnableInterrupts, VMI_CALL_POPF, VMI_CALL_IRET,
                                       VMI_CALL_SetPxE, VMI_CALL_SetPxELong};

int cold_call_number(uint32_t address)
{
	uint32_t offset = address - 2 - (uint32_t)cold_calls;

	return offset < (uint32_t)(cold_calls_end - cold_calls) ? cold_numbers[offset / COLD_SIZE]
	                                                        : -1;
}

/* --- slots that may not run ---------------------------------------------------------------- */

static const uint8_t hot_calls[] = {VMI_CALL_EnableInterrupts,
                                    VMI_CALL_DisableInterrupts,
                                    VMI_CALL_PUSHF,
                                    VMI_CALL_POPF,
                                    VMI_CALL_IRET,
                                    VMI_CALL_PushCS,
                                    VMI_CALL_PushSS};
#define HOT_CALLS sizeof(hot_calls)

static uint8_t *slot(unsigned int call)
{
	return (uint8_t *)rom_parameters.rom_virtual + ROM_SLOT_SIZE * call;
}

/* The beginning of a slot as it was, or `int $0x80; ret`. */
static void set_slots(bool hot)
{
	static const uint8_t enter[3] = {0xcd, 0x80, 0xc3};
	static uint8_t kept[HOT_CALLS][sizeof(enter)];

	for (unsigned int i = 0; i < HOT_CALLS; i++) {
		if (!hot)
			__builtin_memcpy(kept[i], slot(hot_calls[i]), sizeof(enter));
		__builtin_memcpy(slot(hot_calls[i]), hot ? kept[i] : enter, sizeof(enter));
	}
}

void hot_calls_allow(struct rom_frame *frame)
{
	static bool cold;
	uint64_t descriptor = descriptor_real((uint16_t)frame->ss);
	bool hot = vcpu.iopl == 0 && descriptor & DESCRIPTOR_BIG &&
	           descriptor_base(descriptor) == 0 && !selectors_frozen(frame);

	if (hot != cold)
		return;
	frame_leave_slot(frame); /* the slot it is in may be one of these */
	set_slots(hot);
	fast_system_call.gate_at = 0;
	cold = !hot;
}

/* --- the end of a return to user mode ------------------------------------------------------- */

bool hot_return_complete(struct rom_frame *frame)
{
	uint32_t address = window_address(frame->eip);

	if (address < (uint32_t)hot_iret_last_part || address >= (uint32_t)hot_iret_end)
		return false;
	if (address == (uint32_t)hot_iret)
		frame->esp -= 4; /* the return address is still there */
	frame->eflags &= ~EFLAGS_IF;
	call_IRET(frame);
	return true;
}
