/* SPDX-License-Identifier: BSD-2-Clause */

/* A ROM as JSON, schema docs/postburn-rom.schema.json. */

#include <jansson.h>
#include <string.h>

#include "patcher/escape.h"
#include "patcher/rom/rom_report.h"
#include "patchtables/vmi_calls.h"

static void set(json_t *object, const char *key, json_t *value, bool *failed)
{
	*failed |= json_object_set_new_nocheck(object, key, value) != 0;
}

static void append(json_t *array, json_t *value, bool *failed)
{
	*failed |= json_array_append_new(array, value) != 0;
}

static json_t *json_address(uint32_t address)
{
	return json_sprintf("0x%08x", (unsigned int)address);
}

static json_t *code_array(const struct rom_report *report, const struct rom_report_slot *slot,
                          struct disasm_text *disassembler, bool *failed)
{
	struct instruction instruction;
	json_t *array = json_array();

	for (uint32_t at = 0; at < slot->size; at += instruction.length) {
		const uint8_t *bytes = report->image + slot->body + at;
		uint32_t address = report->address + slot->body + at;
		json_t *object = json_object();
		char text[128] = "(bad)", hex[2 * INSTRUCTION_MAX_LENGTH + 1] = "";
		bool good = decode_instruction(bytes, slot->size - at, DISASM_MODE_32,
		                               &instruction) == DECODE_OK;

		if (good)
			disasm_text_format(disassembler, bytes, instruction.length, address, text,
			                   sizeof(text));
		else
			instruction.length = 1;
		for (unsigned int i = 0; i < instruction.length; i++)
			snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
		set(object, "address", json_address(address), failed);
		set(object, "bytes", json_string(hex), failed);
		set(object, "text", json_string(text), failed);
		append(array, object, failed);
	}
	return array;
}

static json_t *slot_object(const struct rom_report *report, const struct vmi_call_description *call,
                           struct disasm_text *disassembler, bool *failed)
{
	const struct rom_report_slot *slot = &report->slots[call->number];
	json_t *object = json_object();

	set(object, "number", json_integer(call->number), failed);
	set(object, "name", json_string(call->name), failed);
	set(object, "slot", json_address(report->address + call->number * ROM_SLOT_SIZE), failed);
	set(object, "action",
	    slot->action ? json_string(rom_action_name(slot->action)) : json_null(), failed);
	set(object, "body",
	    slot->has_code ? json_address(report->address + slot->body) : json_null(), failed);
	set(object, "out_of_line", json_boolean(slot->has_code && slot->out_of_line), failed);
	set(object, "size", json_integer(slot->has_code ? slot->size : 0), failed);
	if (disassembler)
		set(object, "code", code_array(report, slot, disassembler, failed), failed);
	return object;
}

static json_t *property_array(uint32_t properties, bool *failed)
{
	static const char *const names[] = {"owns-traps", "keeps-entry-text", "keeps-faulting"};
	json_t *array = json_array();

	for (unsigned int bit = 0; bit < sizeof(names) / sizeof(names[0]); bit++)
		if (properties >> bit & 1)
			append(array, json_string(names[bit]), failed);
	return array;
}

bool rom_write_json(FILE *stream, const struct rom_report *report, struct disasm_text *text,
                    struct problem *problem)
{
	json_t *root = json_object(), *slots = json_array();
	struct rom_header header;
	bool failed = false;
	char name[4 * sizeof(report->name) + 1];

	memcpy(&header, report->image, sizeof(header));
	set(root, "schema", json_string("postburn-rom/1"), &failed);
	set(root, "name",
	    *report->name ? json_string(escape_text(report->name, name, sizeof(name)))
	                  : json_null(),
	    &failed);
	set(root, "api", json_sprintf("%u.%u", header.api_major, header.api_minor), &failed);
	set(root, "placed", json_boolean(report->placed), &failed);
	set(root, "address", json_address(report->address), &failed);
	set(root, "size", json_integer(report->image_size), &failed);
	set(root, "wedge_size", json_integer(report->wedge_size), &failed);
	set(root, "properties", property_array(report->properties, &failed), &failed);
	for (size_t i = 0; i < vmi_call_count; i++)
		append(slots, slot_object(report, &vmi_calls[i], text, &failed), &failed);
	set(root, "slots", slots, &failed);
	if (!failed && json_dumpf(root, stream, JSON_INDENT(2)) == 0)
		fputc('\n', stream);
	json_decref(root);
	return !failed || problem_report(problem, OUT_OF_MEMORY);
}
