/* SPDX-License-Identifier: BSD-2-Clause */

/* The report's frame: which kernel, which ROM, where everything is. */

#include <string.h>

#include "patcher/command/commands.h"
#include "patcher/report/patch_report_private.h"

/* A file's name without its folders; NULL and "-" as null. */
static json_t *file_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	if (!path || !strcmp(path, "-"))
		return json_null();
	return json_printable(slash ? slash + 1 : path);
}

static json_t *option_object(struct report_writer *writer)
{
	const struct patch_report *report = writer->report;
	json_t *object = json_object();

	json_put(&writer->output, object, "rom", file_name(report->rom));
	json_put(&writer->output, object, "symbols", file_name(report->system_map));
	json_put(&writer->output, object, "debug_info", file_name(report->debug_info));
	json_put(&writer->output, object, "sites", file_name(report->sites));
	json_put(&writer->output, object, "allow_unpatched", json_boolean(report->allow_unpatched));
	json_put(&writer->output, object, "dry_run", json_boolean(report->dry_run));
	return object;
}

static json_t *input_object(struct report_writer *writer)
{
	static const char *const sources[] = {
	    [SYMBOLS_NONE] = "none",
	    [SYMBOLS_SYMTAB] = "symtab",
	    [SYMBOLS_KALLSYMS] = "kallsyms",
	    [SYMBOLS_SYSTEM_MAP] = "System.map",
	};
	const struct kernel *kernel = writer->patch->kernel;
	struct json_output *output = &writer->output;
	json_t *object = json_object();

	json_put(output, object, "name", file_name(kernel->path));
	json_put(output, object, "sha256", json_string(writer->report->input_sha256));
	json_put(output, object, "size", json_size(kernel->file_size));
	json_put(output, object, "format", json_string(kernel_format_name(kernel->format)));
	json_put(output, object, "build_id",
	         kernel->build_id_size ? json_hexadecimal(kernel->build_id, kernel->build_id_size)
	                               : json_null());
	json_put(output, object, "banner", json_printable(kernel->banner));
	json_put(output, object, "symbols", json_string(sources[kernel->symbol_source]));
	json_put(output, object, "exact_references", json_boolean(writer->patch->map.exact));
	return object;
}

static json_t *output_object(struct report_writer *writer)
{
	const struct patch_report *report = writer->report;
	json_t *object = json_object();

	json_put(&writer->output, object, "name", file_name(report->output));
	json_put(&writer->output, object, "sha256", json_string(report->output_sha256));
	json_put(&writer->output, object, "size", json_size(report->output_size));
	json_put(&writer->output, object, "entry", json_address(writer->patch->entry));
	return object;
}

static json_t *part_object(struct report_writer *writer, const char *name, uint32_t offset,
                           uint32_t size)
{
	json_t *object = json_object();

	json_put(&writer->output, object, "name", json_string(name));
	json_put(&writer->output, object, "address",
	         json_address(writer->patch->layout.virtual + offset));
	json_put(&writer->output, object, "size", json_size(size));
	return object;
}

static json_t *region_object(struct report_writer *writer)
{
	const struct patch *patch = writer->patch;
	const struct patch_layout *layout = &patch->layout;
	struct json_output *output = &writer->output;
	json_t *object = json_object(), *parts = json_array();

	json_put(output, object, "address", json_address(layout->virtual));
	json_put(output, object, "physical", json_address(layout->physical));
	json_put(output, object, "size", json_size(layout->size));
	json_add(output, parts,
	         part_object(writer, ".vmi_rom", layout->image, patch->rom->image_size));
	json_add(output, parts,
	         part_object(writer, ".postburn.wedge", layout->wedge, patch->rom->wedge_memory));
	json_add(
	    output, parts,
	    part_object(writer, ".postburn.text", layout->springboards, layout->springboards_size));
	json_add(
	    output, parts,
	    part_object(writer, ".postburn.sites", layout->sites, layout->size - layout->sites));
	json_put(output, object, "parts", parts);
	return object;
}

static json_t *rom_object(struct report_writer *writer)
{
	const struct patch *patch = writer->patch;
	struct json_output *output = &writer->output;
	char sha256[SHA256_HEX_SIZE];
	json_t *object = json_object();

	hash_bytes(patch->linked.image, patch->rom->image_size, sha256);
	json_put(output, object, "name", json_printable(patch->rom->name));
	json_put(output, object, "file", file_name(writer->report->rom_output));
	json_put(output, object, "sha256", json_string(sha256));
	json_put(output, object, "size", json_size(patch->rom->image_size));
	json_put(output, object, "address", json_address(patch->linked.image_virtual));
	json_put(output, object, "wedge_size", json_size(patch->rom->wedge_memory));
	json_put(output, object, "region", region_object(writer));
	return object;
}

static void write_sections(struct report_writer *writer)
{
	const struct kernel *kernel = writer->patch->kernel;
	struct json_output *output = &writer->output;

	json_write_text(output, "[");
	for (size_t i = 0; i < kernel->section_count && !output->failed; i++) {
		const struct kernel_section *section = &kernel->sections[i];
		json_t *object = json_object();

		json_put(output, object, "name", json_printable(section->name));
		json_put(output, object, "address", json_address(section->address));
		json_put(output, object, "size", json_size(section->size));
		json_put(output, object, "executable", json_boolean(section->executable));
		json_put(output, object, "writable", json_boolean(section->writable));
		json_write_text(output, i ? ",\n  " : "\n  ");
		json_write_value(output, object);
	}
	json_write_text(output, "\n ]");
}

/* --- what was not rewritten --------------------------------------------------------- */

/* Whether a site lies in [start, start + size). */
static bool has_site(const struct plan *plan, uint64_t start, uint64_t size)
{
	size_t low = 0, high = plan->site_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (plan->sites[middle].site->address < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < plan->site_count && plan->sites[low].site->address - start < size;
}

static const char *fate_name(enum alternative_fate fate)
{
	switch (fate) {
	case ALTERNATIVE_LIVE: return "live";
	case ALTERNATIVE_HIDDEN: return "hidden";
	case ALTERNATIVE_DISARMED: return "disarmed";
	}
	return "unknown";
}

/* Alternatives that have sites on one side or the other. */
static void write_alternatives(struct report_writer *writer)
{
	const struct linux_metadata *metadata = &writer->patch->scan->metadata;
	const struct plan *plan = &writer->patch->plan;
	struct json_output *output = &writer->output;
	bool first = true;

	json_write_text(output, "[");
	for (size_t i = 0; i < metadata->alternative_count && !output->failed; i++) {
		const struct alternative_entry *entry = &metadata->alternatives[i];
		json_t *object;

		if (!has_site(plan, entry->site.address, entry->site_length) &&
		    !has_site(plan, entry->replacement.address, entry->replacement_length))
			continue;
		object = json_object();
		json_put(output, object, "address", json_address(entry->site.address));
		json_put(output, object, "size", json_size(entry->site_length));
		json_put(output, object, "replacement", json_address(entry->replacement.address));
		json_put(output, object, "replacement_size", json_size(entry->replacement_length));
		json_put(output, object, "feature", json_size(entry->feature));
		json_put(output, object, "flags", json_size(entry->flags));
		json_put(
		    output, object, "fate",
		    json_string(fate_name((enum alternative_fate)writer->patch->map.fates[i])));
		json_write_text(output, first ? "\n  " : ",\n  ");
		json_write_value(output, object);
		first = false;
	}
	json_write_text(output, first ? "]" : "\n ]");
}

static void write_skipped(struct report_writer *writer)
{
	const struct scan *scan = writer->patch->scan;
	struct json_output *output = &writer->output;

	json_write_text(output, "[");
	for (size_t i = 0; i < scan->range_count && !output->failed; i++) {
		const struct scan_range *range = &scan->ranges[i];
		json_t *object = json_object();

		json_put(output, object, "address", json_address(range->address));
		json_put(output, object, "size", json_size(range->size));
		json_put(output, object, "section", json_printable(range->section->name));
		json_put(output, object, "reason",
		         json_string(sweep_range_reason_name(range->reason)));
		json_write_text(output, i ? ",\n  " : "\n  ");
		json_write_value(output, object);
	}
	json_write_text(output, scan->range_count ? "\n ]" : "]");
}

/* --- the whole ---------------------------------------------------------------------- */

static void write_frame(struct report_writer *writer)
{
	struct json_output *output = &writer->output;

	json_write_text(output, "{\n \"schema\": \"postburn-report/1\",\n \"tool\": ");
	json_write_value(output, json_sprintf("postburn %s", POSTBURN_VERSION));
	json_write_text(output, ",\n \"options\": ");
	json_write_value(output, option_object(writer));
	json_write_text(output, ",\n \"input\": ");
	json_write_value(output, input_object(writer));
	json_write_text(output, ",\n \"output\": ");
	json_write_value(output, output_object(writer));
	json_write_text(output, ",\n \"rom\": ");
	json_write_value(output, rom_object(writer));
}

static void write_arrays(struct report_writer *writer)
{
	static const struct {
		const char *key;
		void (*write)(struct report_writer *writer);
	} parts[] = {
	    {"totals", report_write_totals},
	    {"slots", report_write_slots},
	    {"sections", write_sections},
	    {"sites", report_write_sites},
	    {"windows", report_write_windows},
	    {"moved_branches", report_write_moved_branches},
	    {"moved_fixups", report_write_moved_fixups},
	    {"alternatives", write_alternatives},
	    {"skipped", write_skipped},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		json_write_text(&writer->output, ",\n \"");
		json_write_text(&writer->output, parts[i].key);
		json_write_text(&writer->output, "\": ");
		parts[i].write(writer);
	}
}

bool patch_report_write(FILE *stream, const struct patch_report *report, struct problem *problem)
{
	struct report_writer writer = {.report = report, .patch = report->patch};
	bool done;

	writer.disassembler = disasm_text_open(DISASM_MODE_32);
	if (!writer.disassembler)
		return problem_report(problem, DISASSEMBLER_FAILED);
	if (!constraints_build(&report->patch->plan, &writer.constraints, problem)) {
		disasm_text_close(writer.disassembler);
		return false;
	}
	json_output_begin(&writer.output, stream);
	write_frame(&writer);
	write_arrays(&writer);
	json_write_text(&writer.output, "\n}\n");
	done = json_output_end(&writer.output) || problem_report(problem, OUT_OF_MEMORY);
	constraints_free(&writer.constraints);
	disasm_text_close(writer.disassembler);
	return done;
}
