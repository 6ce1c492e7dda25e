/* SPDX-License-Identifier: BSD-2-Clause */

#include "rom/platform/xen/call_site.h"
#include "patchtables/rom_abi.h"
#include "rom/platform/xen/start.h"

#define ROM_CALL(number, name) [number] = #name,
static const char *const names[ROM_SLOT_COUNT] = {
#include "rom_calls.h" /* generated: ROM_CALL(number, name) for each */
};

int call_number(uint32_t eip)
{
	uint32_t offset = eip - 2 - rom_parameters.rom_virtual;

	if (offset >= ROM_SLOTS_SIZE)
		offset += rom_parameters.guest_offset;
	if (offset >= ROM_SLOTS_SIZE || offset < ROM_HEADER_SIZE)
		return -1;
	return (int)(offset / ROM_SLOT_SIZE);
}

const char *call_name(unsigned int number)
{
	return number < ROM_SLOT_COUNT && names[number] ? names[number] : "?";
}
