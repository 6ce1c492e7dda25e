/* SPDX-License-Identifier: BSD-2-Clause */

/* Reading and placing ROMs: the native one, and damaged copies of it. What a ROM must not be is
 * tests/cli/rom_errors.bats'. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/rom/rom_private.h"
#include "patchtables/vmi_calls.h"

#define IMAGE 0xc2135000u
#define WEDGE 0xc2140000u
#define ENTRY 0xc1000000u

static const struct rom_placement placement = {
    .image_virtual = IMAGE, .wedge_virtual = WEDGE, .guest_entry = ENTRY};

static void read_native(struct rom *rom)
{
	struct problem problem;

	if (!rom_read("native", rom, &problem))
		fail_msg("%s", problem.text);
}

static void link_at(const struct rom *rom, const struct rom_placement *where,
                    struct linked_rom *linked)
{
	struct problem problem;

	if (!rom_link(rom, where, linked, &problem))
		fail_msg("%s", problem.text);
}

static uint32_t rel32_target(const struct linked_rom *linked, uint32_t offset)
{
	return linked->image_virtual + offset + 4 + bytes_load32(linked->image + offset);
}

/* --- the native ROM --------------------------------------------------------------------------- */

static void test_header(void **state)
{
	struct linked_rom linked;
	struct rom_header header;
	struct rom rom;

	(void)state;
	read_native(&rom);
	assert_string_equal(rom.name, "native");
	link_at(&rom, &placement, &linked);
	memcpy(&header, linked.image, sizeof(header));
	assert_int_equal(header.rom_signature, ROM_SIGNATURE);
	assert_int_equal(header.vmi_signature, ROM_VMI_SIGNATURE);
	assert_memory_equal(linked.image + 8, "cVmi", 4);
	assert_int_equal(header.api_major, 13);
	assert_int_equal(header.api_minor, 0);
	assert_int_equal(header.rom_length, (rom.image_size + 511) / 512);
	linked_rom_free(&linked);
	rom_free(&rom);
}

static void check_slot(const struct rom *rom, const struct linked_rom *linked, uint32_t number)
{
	const struct rom_call *call = &rom->calls[number];
	const uint8_t *slot = linked->image + number * ROM_SLOT_SIZE;

	if (!call->size) {
		assert_memory_equal(slot, "\x0f\x0b", 2); /* a call of it traps */
		return;
	}
	if (!call->out_of_line) {
		assert_int_equal(call->body_offset, number * ROM_SLOT_SIZE);
		assert_true(call->size <= ROM_SLOT_SIZE);
		return;
	}
	assert_true(call->size > ROM_SLOT_SIZE);
	assert_true(call->body_offset >= ROM_SLOTS_SIZE);
	assert_int_equal(slot[0], 0xe9);
	assert_int_equal(rel32_target(linked, number * ROM_SLOT_SIZE + 1),
	                 linked->image_virtual + call->body_offset);
	assert_memory_equal(slot + 5, "\x0f\x0b", 2);
}

static void test_slots(void **state)
{
	struct linked_rom linked;
	unsigned int offered = 0;
	struct rom rom;

	(void)state;
	read_native(&rom);
	link_at(&rom, &placement, &linked);
	for (uint32_t i = VMI_FIRST_CALL; i < ROM_SLOT_COUNT; i++) {
		check_slot(&rom, &linked, i);
		offered += rom.calls[i].action != 0;
	}
	assert_true(offered > 40);
	/* wrmsr; ret stands in its slot as it is. */
	assert_memory_equal(linked.image + VMI_CALL_WRMSR * ROM_SLOT_SIZE, "\x0f\x30\xc3", 3);
	linked_rom_free(&linked);
	rom_free(&rom);
}

static void test_symbols(void **state)
{
	struct linked_rom linked;
	uint32_t entry;
	struct rom rom;

	(void)state;
	read_native(&rom);
	link_at(&rom, &placement, &linked);
	entry = linked_rom_entry(&linked, "ROM_ENTRY_PVH");
	assert_true(entry - WEDGE < rom.wedge_size);
	assert_true(linked_rom_entry(&linked, "ROM_ENTRY_MULTIBOOT") - WEDGE < rom.wedge_size);
	assert_int_equal(linked_rom_entry(&linked, "VMI_WRMSR"),
	                 IMAGE + VMI_CALL_WRMSR * ROM_SLOT_SIZE);
	assert_int_equal(linked_rom_entry(&linked, "ROM_ENTRY_XEN"), 0);
	assert_int_equal(linked_rom_entry(&linked, "ROM_GUEST_ENTRY"), 0);
	linked_rom_free(&linked);
	rom_free(&rom);
}

/* ROM_ENTRY_MULTIBOOT is a jump to the guest's own entry. */
static void test_guest_entry(void **state)
{
	struct linked_rom linked;
	uint32_t entry, offset;
	struct rom rom;

	(void)state;
	read_native(&rom);
	link_at(&rom, &placement, &linked);
	entry = linked_rom_entry(&linked, "ROM_ENTRY_MULTIBOOT");
	offset = entry - WEDGE;
	assert_int_equal(linked.wedge[offset], 0xe9);
	assert_int_equal(entry + 5 + bytes_load32(linked.wedge + offset + 1), ENTRY);
	linked_rom_free(&linked);
	rom_free(&rom);
}

/* At another place all that differs is by the same distance. */
static void test_two_places(void **state)
{
	const uint32_t distance = 0x00abc000;
	struct rom_placement moved = placement;
	struct linked_rom here, there;
	unsigned int words = 0;
	struct rom rom;

	(void)state;
	moved.image_virtual += distance;
	moved.wedge_virtual += distance;
	moved.guest_entry += distance;
	read_native(&rom);
	link_at(&rom, &placement, &here);
	link_at(&rom, &moved, &there);
	/* Slots are position-independent: they run before paging is on. */
	assert_memory_equal(here.image, there.image, rom.image_size);
	for (uint32_t i = 0; i < rom.wedge_size;) {
		if (here.wedge[i] == there.wedge[i]) {
			i++;
			continue;
		}
		/* The low bytes of a distance of whole pages are alike. */
		assert_true(i >= 1 && i + 3 <= rom.wedge_size);
		assert_int_equal(
		    bytes_load32(there.wedge + i - 1) - bytes_load32(here.wedge + i - 1), distance);
		words++;
		i += 3;
	}
	assert_true(words > 0);
	linked_rom_free(&here);
	linked_rom_free(&there);
	rom_free(&rom);
}

static void test_parameters(void **state)
{
	struct linked_rom linked;
	struct rom rom;

	(void)state;
	read_native(&rom);
	link_at(&rom, &placement, &linked);
	assert_true(linked.parameters_offset + sizeof(struct rom_parameters) <= rom.wedge_size);
	assert_int_equal(linked.parameters_offset % 4, 0);
	assert_true(rom.wedge_size <= rom.wedge_memory);
	linked_rom_free(&linked);
	rom_free(&rom);
}

/* --- damaged ones ----------------------------------------------------------------------------- */

static const struct built_in_rom *native(void)
{
	for (size_t i = 0; i < built_in_rom_count; i++)
		if (!strcmp(built_in_roms[i].name, "native"))
			return &built_in_roms[i];
	fail_msg("no native ROM");
	return NULL;
}

/* A ROM cut anywhere is refused, and nothing beyond its end is read. */
static void test_every_length(void **state)
{
	const struct built_in_rom *whole = native();
	size_t size = (size_t)(whole->end - whole->start);

	(void)state;
	for (size_t cut = 0; cut < size; cut += 1 + cut / 64) {
		uint8_t *copy = malloc(cut + 1);
		struct problem problem;
		struct rom rom;

		assert_non_null(copy);
		memcpy(copy, whole->start, cut);
		assert_false(rom_read_memory("cut", copy, cut, &rom, &problem));
		assert_true(*problem.text);
		free(copy);
	}
}

/* Names of a ROM are anybody's bytes: in a message they are printable. */
static void test_names_in_messages(void **state)
{
	static const char section[] = ".vmi.call.WRMSR", bad[] = ".vmi.call.WR\n\x1bR";
	const struct built_in_rom *whole = native();
	size_t size = (size_t)(whole->end - whole->start);
	uint8_t *copy = malloc(size), *name;
	struct problem problem;
	struct rom rom;

	(void)state;
	assert_non_null(copy);
	memcpy(copy, whole->start, size);
	name = memmem(copy, size, section, sizeof(section));
	assert_non_null(name);
	memcpy(name, bad, sizeof(bad));
	assert_false(rom_read_memory("names", copy, size, &rom, &problem));
	assert_int_equal(problem.diagnostic, DIAGNOSTIC_ROM_CODE_UNCALLED);
	assert_non_null(strstr(problem.text, ".vmi.call.WR\\x0a\\x1bR"));
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_header),       cmocka_unit_test(test_slots),
	    cmocka_unit_test(test_symbols),      cmocka_unit_test(test_guest_entry),
	    cmocka_unit_test(test_two_places),   cmocka_unit_test(test_parameters),
	    cmocka_unit_test(test_every_length), cmocka_unit_test(test_names_in_messages),
	};

	return cmocka_run_group_tests_name("rom", tests, NULL, NULL);
}
