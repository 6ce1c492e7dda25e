/* SPDX-License-Identifier: BSD-2-Clause */

/* Reading and placing a ROM: the input is the ROM's object. */

#include <string.h>

#include "patcher/rom/rom.h"
#include "tests/fuzz/harness.h"

static volatile uint8_t sink;

static void read_bytes(const uint8_t *bytes, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum ^= bytes[i];
	sink = sum;
}

/* What patcher/rom/rom.h promises of calls. */
static void check_rom(const struct rom *rom)
{
	CHECK(memchr(rom->name, '\0', sizeof(rom->name)));
	CHECK(rom->image_size >= ROM_SLOTS_SIZE);
	CHECK(rom->wedge_size <= rom->wedge_memory);
	for (unsigned int i = 0; i < ROM_SLOT_COUNT; i++) {
		const struct rom_call *call = &rom->calls[i];

		CHECK(call->inline_size <= sizeof(call->inline_bytes));
		if (!call->size)
			continue;
		CHECK(call->body_offset <= rom->image_size &&
		      call->size <= rom->image_size - call->body_offset);
		CHECK(call->out_of_line == (call->size > ROM_SLOT_SIZE));
		CHECK(call->out_of_line || call->body_offset == i * ROM_SLOT_SIZE);
	}
}

static void check_linked(const struct rom *rom, const struct linked_rom *linked)
{
	read_bytes(linked->image, rom->image_size);
	read_bytes(linked->wedge, rom->wedge_size);
	CHECK(linked->parameters_offset <= rom->wedge_size &&
	      sizeof(struct rom_parameters) <= rom->wedge_size - linked->parameters_offset);
	for (size_t i = 0; i < linked->symbol_count; i++)
		read_bytes((const uint8_t *)linked->symbols[i].name,
		           strlen(linked->symbols[i].name));
	linked_rom_entry(linked, "ROM_ENTRY_PVH");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rom_placement placement = {
	    .image_virtual = 0xc2000000, .wedge_virtual = 0xc2100000, .guest_entry = 0xc1000000};
	struct linked_rom linked;
	struct problem problem;
	struct rom rom;

	if (!rom_read_memory("input", data, size, &rom, &problem)) {
		check_problem(&problem);
		return 0;
	}
	check_rom(&rom);
	if (rom_link(&rom, &placement, &linked, &problem)) {
		check_linked(&rom, &linked);
		report_finding("linked");
		linked_rom_free(&linked);
	} else {
		check_problem(&problem);
	}
	rom_free(&rom);
	return 0;
}
