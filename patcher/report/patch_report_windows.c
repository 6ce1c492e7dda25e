/* SPDX-License-Identifier: BSD-2-Clause */

/* The windows of the report: what stood there, what stands there now, and the springboard. */

#include <stdlib.h>

#include "patcher/report/patch_report_private.h"

const uint8_t *report_rewritten(const struct patch *patch, uint64_t address, uint64_t size)
{
	const uint8_t *bytes = kernel_bytes_at(patch->kernel, address, size);

	return bytes ? patch->image + (bytes - patch->kernel->image) : NULL;
}

/* The indices of the window's sites. */
static json_t *site_array(struct report_writer *writer, const struct plan_window *window)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < window->site_count; i++)
		json_add(&writer->output, array, json_size(window->first_site + i));
	return array;
}

/* The lines of "before" that have moved as they are: those that become no call. */
static json_t *displaced_array(struct report_writer *writer, const struct plan_window *window)
{
	json_t *array = json_array();
	struct window instructions;

	plan_window_instructions(&writer->patch->plan, window, &instructions);
	for (unsigned int i = 0; i < instructions.count; i++)
		if (instructions.instructions[i].form == SENSITIVE_FORM_NONE ||
		    instructions.instructions[i].keep)
			json_add(&writer->output, array, json_size(i));
	return array;
}

/* What stands at the window now: a jump of size bytes, and int3 up to its end. */
static json_t *after_array(struct report_writer *writer, const struct plan_window *window)
{
	uint64_t size = window->end - window->start;
	const uint8_t *bytes = report_rewritten(writer->patch, window->start, size);
	json_t *array = json_array();
	char line[REPORT_LINE_SIZE];

	if (!bytes)
		return array;
	report_code_line(writer, bytes, (size_t)size, window->start, line);
	json_add(&writer->output, array, json_string_nocheck(line));
	bytes = window->hop ? report_rewritten(writer->patch, window->hop, JUMP_SIZE) : NULL;
	if (bytes) {
		report_code_line(writer, bytes, JUMP_SIZE, window->hop, line);
		json_add(&writer->output, array, json_string_nocheck(line));
	}
	return array;
}

/* The origins of what stands at address or behind it: the first one. */
static size_t first_origin(const struct patch *patch, uint64_t address)
{
	const struct rom_origin *origins =
	    (const struct rom_origin *)(patch->segment + patch->layout.origins);
	size_t low = 0, high = patch->layout.origin_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (origins[middle].springboard < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* For each line of a springboard's code the instruction of the window that it stands for. */
static json_t *original_array(struct report_writer *writer, const struct plan_window *window,
                              const json_t *code)
{
	const struct patch *patch = writer->patch;
	const struct rom_origin *origins =
	    (const struct rom_origin *)(patch->segment + patch->layout.origins);
	size_t next = first_origin(patch, window->springboard), i;
	json_t *array = json_array(), *line;
	uint32_t original = 0;

	json_array_foreach(code, i, line)
	{
		const char *text = json_string_value(line);
		uint64_t address = text ? strtoull(text, NULL, 16) : 0;

		while (next < patch->layout.origin_count && origins[next].springboard <= address)
			original = origins[next++].original;
		json_add(&writer->output, array, original ? json_address(original) : json_null());
	}
	return array;
}

static void put_springboard(struct report_writer *writer, json_t *object,
                            const struct plan_window *window)
{
	const struct patch *patch = writer->patch;
	struct json_output *output = &writer->output;
	const uint8_t *bytes = patch->segment + (window->springboard - patch->layout.virtual);
	json_t *springboard = json_object();
	json_t *code = report_code(writer, bytes, window->springboard_size, window->springboard);

	json_put(output, springboard, "address", json_address(window->springboard));
	json_put(output, springboard, "size", json_size(window->springboard_size));
	json_put(output, springboard, "bytes", json_hexadecimal(bytes, window->springboard_size));
	json_put(output, springboard, "originals", original_array(writer, window, code));
	json_put(output, springboard, "code", code);
	json_put(output, object, "springboard", springboard);
}

static json_t *window_object(struct report_writer *writer, const struct plan_window *window)
{
	struct json_output *output = &writer->output;
	const struct kernel_section *section = window->swept->section;
	const uint8_t *bytes = section->bytes + (window->start - section->address);
	size_t size = (size_t)(window->end - window->start);
	json_t *object = json_object();

	json_put(output, object, "address", json_address(window->start));
	json_put(output, object, "size", json_size(size));
	json_put(output, object, "padding", json_size(window->padding));
	json_put(output, object, "hop", window->hop ? json_address(window->hop) : json_null());
	json_put(output, object, "sites", site_array(writer, window));
	json_put(output, object, "bytes", json_hexadecimal(bytes, size));
	json_put(output, object, "before",
	         report_code(writer, bytes, size - window->padding, window->start));
	json_put(output, object, "displaced", displaced_array(writer, window));
	if (window->dropped) {
		json_put(output, object, "after", json_array());
		json_put(output, object, "springboard", json_null());
	} else {
		json_put(output, object, "after", after_array(writer, window));
		put_springboard(writer, object, window);
	}
	json_put(output, object, "constraints",
	         report_constraints(writer, window->start, window->end + 1));
	return object;
}

void report_write_windows(struct report_writer *writer)
{
	const struct plan *plan = &writer->patch->plan;

	json_write_text(&writer->output, "[");
	for (size_t i = 0; i < plan->window_count && !writer->output.failed; i++) {
		json_write_text(&writer->output, i ? ",\n  " : "\n  ");
		json_write_value(&writer->output, window_object(writer, &plan->windows[i]));
	}
	json_write_text(&writer->output, "\n ]");
}

/* The branch's line in that image, or NULL where there is none. */
static json_t *branch_line(struct report_writer *writer, uint64_t address, bool rewritten)
{
	const struct patch *patch = writer->patch;
	char line[REPORT_LINE_SIZE];

	for (size_t size = INSTRUCTION_MAX_LENGTH; size; size--) {
		const uint8_t *bytes = rewritten ? report_rewritten(patch, address, size)
		                                 : kernel_bytes_at(patch->kernel, address, size);

		if (!bytes)
			continue;
		report_code_line(writer, bytes, size, address, line);
		return json_string_nocheck(line);
	}
	return json_null();
}

void report_write_moved_branches(struct report_writer *writer)
{
	const struct plan *plan = &writer->patch->plan;
	struct json_output *output = &writer->output;

	json_write_text(output, "[");
	for (size_t i = 0; i < plan->retarget_count && !output->failed; i++) {
		const struct plan_retarget *retarget = &plan->retargets[i];
		json_t *object = json_object();

		json_put(output, object, "address", json_address(retarget->branch));
		json_put(output, object, "target", json_address(retarget->target));
		json_put(output, object, "before", branch_line(writer, retarget->branch, false));
		json_put(output, object, "after", branch_line(writer, retarget->branch, true));
		json_write_text(output, i ? ",\n  " : "\n  ");
		json_write_value(output, object);
	}
	json_write_text(output, "\n ]");
}

void report_write_moved_fixups(struct report_writer *writer)
{
	const struct plan *plan = &writer->patch->plan;
	struct json_output *output = &writer->output;

	json_write_text(output, "[");
	for (size_t i = 0; i < plan->fixup_count && !output->failed; i++) {
		const struct exception_entry *entry = plan->fixups[i].entry;
		json_t *object = json_object();

		json_put(output, object, "address", json_address(entry->entry_address));
		json_put(output, object, "instruction", json_address(entry->instruction.address));
		json_put(output, object, "fixup", json_address(entry->fixup.address));
		json_write_text(output, i ? ",\n  " : "\n  ");
		json_write_value(output, object);
	}
	json_write_text(output, plan->fixup_count ? "\n ]" : "]");
}
