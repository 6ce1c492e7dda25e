/* SPDX-License-Identifier: BSD-2-Clause */

#include "rom/platform/xen/call_site.h"
#include "patchtables/rom_abi.h"
#include "rom/platform/xen/hot.h"
#include "rom/platform/xen/start.h"

#define ROM_CALL(number, name) [number] = #name,
static const char *const names[ROM_SLOT_COUNT] = {
#include "rom_calls.h" /* generated: ROM_CALL(number, name) for each */
};

uint32_t window_address(uint32_t address)
{
	if (address - rom_parameters.region_virtual >= rom_parameters.region_size)
		address += rom_parameters.guest_offset;
	return address;
}

int call_number(uint32_t eip)
{
	uint32_t address = window_address(eip);
	uint32_t offset = address - 2 - rom_parameters.rom_virtual;

	if (offset >= ROM_SLOTS_SIZE)
		return cold_call_number(address);
	return offset < ROM_HEADER_SIZE ? -1 : (int)(offset / ROM_SLOT_SIZE);
}

const char *call_name(unsigned int number)
{
	return number < ROM_SLOT_COUNT && names[number] ? names[number] : "?";
}
