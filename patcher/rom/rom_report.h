/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_ROM_REPORT_H
#define PATCHER_ROM_REPORT_H

/* What `postburn rom` shows: a ROM by itself, or the one that a rewritten kernel was linked with.
 */

#include "disasm/text.h"
#include "patcher/rom/rom.h"
#include "patcher/verify/libelf_reader.h"
#include "patchtables/rom_abi.h"

struct rom_report_slot {
	bool has_code;
	bool out_of_line;
	uint32_t body;  /* offset in the image */
	uint32_t size;  /* bytes of code; 0 if not known */
	uint8_t action; /* ROM_ACTION_*; 0: not offered, or not known */
};

struct rom_report {
	char name[32];        /* "" if it is not known */
	uint32_t address;     /* guest-virtual; 0 for a ROM that is not placed */
	bool placed;          /* a kernel's: addresses are final */
	bool has_manifest;    /* actions are known */
	const uint8_t *image; /* image_size bytes: header, slots, bodies */
	uint32_t image_size;
	uint32_t wedge_size; /* in memory */
	uint32_t properties; /* ROM_OWNS_TRAPS ...; 0 without manifest */
	struct rom_report_slot slots[ROM_SLOT_COUNT];
};

/* Of a ROM placed at address 0; both outlive *report. */
void rom_report_object(const struct rom *rom, const struct linked_rom *linked,
                       struct rom_report *report);

/*
 * Of a rewritten kernel; *view outlives *report. rom: the ROM that it names, for what its manifest
 * says, or NULL. false: *problem says that it has no ROM.
 */
bool rom_report_kernel(const struct elf_view *view, const struct rom *rom,
                       struct rom_report *report, struct problem *problem);

/* Writes the list; text: NULL, or what disassembles the code. Errors of the stream are left to its
 * owner. */
void rom_write_text(FILE *stream, const struct rom_report *report, struct disasm_text *text);

/* The same as JSON, schema docs/postburn-rom.schema.json. false: *problem (memory). */
bool rom_write_json(FILE *stream, const struct rom_report *report, struct disasm_text *text,
                    struct problem *problem);

/* "call", "jump", "nop", "native", "inline", "-". */
const char *rom_action_name(uint8_t action);

#endif
