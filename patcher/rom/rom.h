/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_ROM_H
#define PATCHER_ROM_H

/*
 * A ROM as the patcher uses it: read and checked from its ELF object, then placed (linked) at its
 * final address. patchtables/rom_abi.h is the contract.
 */

#include "patcher/kernel/kernel.h"
#include "patchtables/rom_abi.h"

struct rom_call {
	uint8_t action; /* ROM_ACTION_*, 0: not offered */
	uint8_t inline_size;
	uint32_t clobbers;
	uint8_t inline_bytes[24];
	uint32_t size;        /* bytes of code; 0 if there is none */
	uint32_t body_offset; /* in the image, of the code: its slot, or out of line */
	bool out_of_line;
};

struct rom {
	char name[20]; /* the manifest's */
	uint32_t properties;
	bool for_xen; /* it defines ROM_ENTRY_XEN */
	struct rom_call calls[ROM_SLOT_COUNT];
	struct rom_cpuid *cpuid; /* what the guest's CPUID can show; NULL: nothing is known of it */
	size_t cpuid_count;
	uint32_t image_size;   /* header, slots, out-of-line bodies: bytes of the flat ROM image */
	uint32_t wedge_size;   /* bytes of the wedge's file part */
	uint32_t wedge_memory; /* and with what has no bytes */
	struct rom_private *private;
};

struct rom_symbol {
	const char *name;
	uint32_t address; /* guest-virtual, where it was placed */
	uint32_t size;
	bool function;
};

/* A ROM in its final place. */
struct linked_rom {
	uint8_t *image; /* the flat ROM image, rom.image_size bytes, all patchups resolved */
	uint8_t *wedge; /* rom.wedge_size bytes */
	uint32_t image_virtual, wedge_virtual;
	uint32_t parameters_offset; /* of struct rom_parameters, in the wedge */
	struct rom_symbol *symbols; /* slots and functions, ascending addresses */
	size_t symbol_count;
};

/*
 * Reads the ROM called name ("native", "xen": built in; anything with a slash or a dot: a file),
 * checks manifest, slots, patchups and relocations. false: *problem. Ended with rom_free().
 */
bool rom_read(const char *name, struct rom *rom, struct problem *problem);
bool rom_read_memory(const char *name, const uint8_t *bytes, size_t size, struct rom *rom,
                     struct problem *problem);
void rom_free(struct rom *rom);

/* Whether the ROM is known to show bit of a register (EAX 0, EBX 1, ECX 2, EDX 3) of CPUID as 0. */
bool rom_hides(const struct rom *rom, uint32_t leaf, uint32_t subleaf, unsigned int number,
               unsigned int bit);

/* Where a ROM is put: guest-virtual addresses, the first two page-aligned. */
struct rom_placement {
	uint32_t image_virtual;
	uint32_t wedge_virtual;
	uint32_t guest_entry; /* of the guest's own entry point */
};

/*
 * Places the ROM and resolves patchups and relocations. false: *problem (out of range, memory).
 * Ended with linked_rom_free().
 */
bool rom_link(const struct rom *rom, const struct rom_placement *placement,
              struct linked_rom *linked, struct problem *problem);
void linked_rom_free(struct linked_rom *linked);

/* The guest-virtual address of an entry symbol ("ROM_ENTRY_PVH"), or 0 if the ROM has none. */
uint32_t linked_rom_entry(const struct linked_rom *linked, const char *name);

#endif
