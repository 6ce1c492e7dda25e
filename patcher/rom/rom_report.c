/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/rom/rom_report.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/escape.h"
#include "patchtables/vmi_calls.h"

enum { JUMP = 0xe9, JUMP_SIZE = 5, UD2_SIZE = 2 };

const char *rom_action_name(uint8_t action)
{
	static const char *const names[] = {
	    [0] = "-",
	    [ROM_ACTION_CALL] = "call",
	    [ROM_ACTION_JUMP] = "jump",
	    [ROM_ACTION_NOP] = "nop",
	    [ROM_ACTION_NONE] = "native",
	    [ROM_ACTION_INLINE] = "inline",
	};

	return action < sizeof(names) / sizeof(names[0]) ? names[action] : "unknown";
}

/* --- a ROM by itself -------------------------------------------------------------------------- */

static void take_manifest(const struct rom *rom, struct rom_report *report)
{
	snprintf(report->name, sizeof(report->name), "%s", rom->name);
	report->has_manifest = true;
	report->properties = rom->properties;
	for (unsigned int i = 0; i < ROM_SLOT_COUNT; i++)
		report->slots[i].action = rom->calls[i].action;
}

void rom_report_object(const struct rom *rom, const struct linked_rom *linked,
                       struct rom_report *report)
{
	*report = (struct rom_report){
	    .image = linked->image,
	    .image_size = rom->image_size,
	    .wedge_size = rom->wedge_memory,
	};
	take_manifest(rom, report);
	for (unsigned int i = 0; i < ROM_SLOT_COUNT; i++) {
		const struct rom_call *call = &rom->calls[i];
		struct rom_report_slot *slot = &report->slots[i];

		slot->has_code = call->size != 0;
		slot->out_of_line = call->out_of_line;
		slot->body = call->body_offset;
		slot->size = call->size;
	}
}

/* --- a kernel's ------------------------------------------------------------------------------- */

static bool is_ud2(const uint8_t *bytes)
{
	return bytes[0] == 0x0f && bytes[1] == 0x0b;
}

/* The size of the code at address, from the symbol that stands there; 0 if there is none. */
static uint32_t size_at(const struct elf_view *view, uint32_t address)
{
	for (size_t i = 0; i < view->symbol_count; i++)
		if (view->symbols[i].value == address && view->symbols[i].type == STT_FUNC)
			return view->symbols[i].size;
	return 0;
}

static void read_slot(const struct elf_view *view, struct rom_report *report, uint32_t number)
{
	struct rom_report_slot *slot = &report->slots[number];
	uint32_t offset = number * ROM_SLOT_SIZE, body;
	const uint8_t *bytes = report->image + offset;

	slot->body = offset;
	slot->has_code = !is_ud2(bytes);
	if (bytes[0] == JUMP && is_ud2(bytes + JUMP_SIZE)) {
		body = offset + JUMP_SIZE + bytes_load32(bytes + 1);
		if (body >= ROM_SLOTS_SIZE && body < report->image_size) {
			slot->out_of_line = true;
			slot->body = body;
		}
	}
	slot->size = size_at(view, report->address + slot->body);
	if (slot->size > report->image_size - slot->body)
		slot->size = report->image_size - slot->body;
}

bool rom_report_kernel(const struct elf_view *view, const struct rom *rom,
                       struct rom_report *report, struct problem *problem)
{
	const struct elf_view_section *image = elf_view_section(view, ".vmi_rom");
	const struct elf_view_section *wedge = elf_view_section(view, ".postburn.wedge");

	*report = (struct rom_report){.placed = true};
	if (!image || !image->bytes || image->size < ROM_SLOTS_SIZE)
		return problem_report(problem, ROM_NOT_IN_FILE);
	report->address = image->address;
	report->image = image->bytes;
	report->image_size = image->size;
	report->wedge_size = wedge ? wedge->size : 0;
	if (rom)
		take_manifest(rom, report);
	for (uint32_t i = VMI_FIRST_CALL; i < ROM_SLOT_COUNT; i++)
		read_slot(view, report, i);
	return true;
}

/* --- text ------------------------------------------------------------------------------------- */

static void write_code(FILE *stream, const struct rom_report *report,
                       const struct rom_report_slot *slot, struct disasm_text *disassembler)
{
	struct instruction instruction;

	for (uint32_t at = 0; at < slot->size; at += instruction.length) {
		const uint8_t *bytes = report->image + slot->body + at;
		uint32_t address = report->address + slot->body + at;
		char text[128];

		if (decode_instruction(bytes, slot->size - at, DISASM_MODE_32, &instruction) !=
		    DECODE_OK) {
			fprintf(stream, "          0x%08x  (bad)\n", (unsigned int)address);
			return;
		}
		disasm_text_format(disassembler, bytes, instruction.length, address, text,
		                   sizeof(text));
		fprintf(stream, "          0x%08x  %s\n", (unsigned int)address, text);
	}
}

static void write_slot(FILE *stream, const struct rom_report *report,
                       const struct vmi_call_description *call, struct disasm_text *disassembler)
{
	const struct rom_report_slot *slot = &report->slots[call->number];
	char where[32] = "-", size[16] = "-";

	if (slot->has_code && slot->out_of_line)
		snprintf(where, sizeof(where), "0x%08x",
		         (unsigned int)(report->address + slot->body));
	else if (slot->has_code)
		snprintf(where, sizeof(where), "in slot");
	if (slot->has_code && slot->size)
		snprintf(size, sizeof(size), "%u", slot->size);
	fprintf(stream, "%4u  %-24s 0x%08x  %-10s %5s  %s\n", call->number, call->name,
	        (unsigned int)(report->address + call->number * ROM_SLOT_SIZE), where, size,
	        slot->action || report->has_manifest ? rom_action_name(slot->action)
	        : slot->has_code                     ? "call"
	                                             : "-");
	if (disassembler && slot->has_code)
		write_code(stream, report, slot, disassembler);
}

void rom_write_text(FILE *stream, const struct rom_report *report, struct disasm_text *text)
{
	char name[4 * sizeof(report->name) + 1];
	struct rom_header header;

	memcpy(&header, report->image, sizeof(header));
	fprintf(stream, "ROM      %s, %u bytes%s",
	        *report->name ? escape_text(report->name, name, sizeof(name)) : "unknown",
	        report->image_size, report->placed ? "" : ", not placed");
	if (report->placed)
		fprintf(stream, " at 0x%08x", (unsigned int)report->address);
	fprintf(stream, "; wedge %u bytes\n", report->wedge_size);
	fprintf(stream,
	        "Header   signature 0x%04x, VMI signature 0x%08x, API %u.%u, %u x 512 bytes\n",
	        header.rom_signature, (unsigned int)header.vmi_signature, header.api_major,
	        header.api_minor, header.rom_length);
	if (report->properties)
		fprintf(stream, "ROM is   %s%s%s\n",
		        report->properties & ROM_OWNS_TRAPS ? "owner of traps; " : "",
		        report->properties & ROM_KEEPS_ENTRY_TEXT ? "keeping entry text native; "
		                                                  : "",
		        report->properties & ROM_KEEPS_FAULTING ? "keeping __ex_table sites native"
		                                                : "");
	fprintf(stream, "\nCALL  %-24s %-10s  %-10s %5s  %s\n", "NAME", "SLOT", "BODY", "SIZE",
	        "ACTION");
	for (size_t i = 0; i < vmi_call_count; i++)
		write_slot(stream, report, &vmi_calls[i], text);
}
