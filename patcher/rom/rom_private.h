/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_ROM_PRIVATE_H
#define PATCHER_ROM_PRIVATE_H

/* What rom.c (reading) and rom_link.c (placing) share. */

#include "patcher/kernel/elf_file.h"
#include "patcher/kernel/input_file.h"
#include "patcher/linux/linux_tables.h"
#include "patcher/rom/rom.h"

#define CALL_SECTION       ".vmi.call."
#define PATCHUPS_SECTION   ".vmi_patchups"
#define MANIFEST_SECTION   ".rom_manifest"
#define PARAMETERS_SECTION ".rom_parameters"
#define CPUID_SECTION      ".rom_cpuid"
#define GUEST_ENTRY_SYMBOL "ROM_GUEST_ENTRY"

enum rom_part {
	ROM_PART_NONE,  /* not in memory */
	ROM_PART_IMAGE, /* header, slots, bodies */
	ROM_PART_WEDGE
};

struct rom_place {
	enum rom_part part;
	uint32_t offset; /* in its part */
};

struct rom_private {
	struct input_file file;
	struct kernel object; /* the ROM's ELF object */
	struct module_symbols symbols;
	struct rom_place *places; /* by section of object */
};

struct built_in_rom {
	const char *name;
	const uint8_t *start, *end;
};

extern const struct built_in_rom built_in_roms[];
extern const size_t built_in_rom_count;

#endif
