/* SPDX-License-Identifier: BSD-2-Clause */

#include "patchtables/rom_abi.h"
#include "rom/vcpu/vcpu.h"

/* trap_entry.S; a fault that the MMU does not cure ends it, vcpu.fault says why. */
uint32_t copy_or_fault(void *to, const void *from, uint32_t size);

/* The guest reaches nothing from the window on. */
static bool is_guests(uint32_t linear, uint32_t size)
{
	if (linear < ROM_XEN_WINDOW && ROM_XEN_WINDOW - linear >= size)
		return true;
	vcpu.fault = (struct exception){.vector = VECTOR_PF, .has_error = true, .cr2 = linear};
	return false;
}

bool guest_read(uint32_t linear, void *to, uint32_t size)
{
	return is_guests(linear, size) && copy_or_fault(to, (const void *)linear, size) == 0;
}

bool guest_write(uint32_t linear, const void *from, uint32_t size)
{
	if (is_guests(linear, size))
		return copy_or_fault((void *)linear, from, size) == 0;
	vcpu.fault.error = 2;
	return false;
}
