/* SPDX-License-Identifier: BSD-2-Clause */

/* The scan as JSON, schema docs/postburn-scan.schema.json. */

#include "patcher/json_output.h"
#include "patcher/scan/scan_report.h"

static json_t *input_object(struct json_output *output, const struct scan_report *report)
{
	const struct kernel *kernel = report->scan->kernel;
	json_t *input = json_object();

	json_put(output, input, "path", json_printable(kernel->path));
	json_put(output, input, "sha256", json_string(report->sha256));
	json_put(output, input, "format", json_string(kernel_format_name(kernel->format)));
	json_put(output, input, "class", json_string(kernel->is_64bit ? "ELF64" : "ELF32"));
	json_put(output, input, "machine", json_string(kernel->is_64bit ? "x86_64" : "i386"));
	json_put(output, input, "build_id",
	         kernel->build_id_size ? json_hexadecimal(kernel->build_id, kernel->build_id_size)
	                               : json_null());
	json_put(output, input, "banner", json_printable(kernel->banner));
	return input;
}

static json_t *constraint_array(struct json_output *output, uint8_t constraints)
{
	json_t *array = json_array();

	for (unsigned int bit = 0; bit < SCAN_CONSTRAINT_COUNT; bit++)
		if (constraints >> bit & 1)
			json_add(output, array, json_string(scan_constraint_name(bit)));
	return array;
}

static json_t *site_object(struct json_output *output, const struct scan_report *report,
                           const struct scan_site *site)
{
	const struct sensitive_form *form = &sensitive_forms[site->form];
	const struct kernel_symbol *symbol = site->symbol;
	json_t *object = json_object();
	char text[160];

	json_put(output, object, "addr", json_address(site->address));
	json_put(output, object, "section", json_printable(site->section->name));
	json_put(output, object, "symbol", json_printable(symbol ? symbol->name : NULL));
	json_put(output, object, "offset",
	         symbol ? json_size(site->address - symbol->address) : json_null());
	json_put(output, object, "bytes", json_hexadecimal(site->bytes, site->length));
	json_put(output, object, "insn",
	         json_string_nocheck(site_text(report, site, text, sizeof(text))));
	json_put(output, object, "form", json_string_nocheck(form->name));
	json_put(output, object, "call",
	         form->call ? json_string_nocheck(form->call_name) : json_null());
	json_put(output, object, "deprivileged",
	         json_string_nocheck(deprivileged_behaviour_name(form->deprivileged)));
	json_put(output, object, "rewrite", json_boolean(form->rewrite));
	json_put(output, object, "context", json_string_nocheck(scan_context_name(site->context)));
	json_put(output, object, "constraints", constraint_array(output, site->constraints));
	if (site->origin)
		json_put(output, object, "origin", json_printable(site->origin));
	return object;
}

static json_t *range_object(struct json_output *output, const struct scan_range *range)
{
	json_t *object = json_object();

	json_put(output, object, "addr", json_address(range->address));
	json_put(output, object, "section", json_printable(range->section->name));
	json_put(output, object, "size", json_size(range->size));
	json_put(output, object, "why",
	         json_string_nocheck(sweep_range_reason_name(range->reason)));
	return object;
}

static void put_count(struct json_output *output, json_t *object, const struct scan_count *count)
{
	json_put(output, object, "sites", json_size(count->sites));
	json_put(output, object, "rewrite", json_size(count->rewrite));
	for (int i = 0; i <= DEPRIVILEGED_HARMLESS; i++)
		json_put(output, object, deprivileged_behaviour_name(i),
		         json_size(count->by_behaviour[i]));
}

/* Modules may have several sections of one name: an array, not an object, keeps them apart. */
static json_t *count_array(struct json_output *output, const struct scan_count *counts,
                           size_t count, const char *key)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *object = json_object();

		json_put(output, object, key,
		         json_printable(*counts[i].name ? counts[i].name : NULL));
		put_count(output, object, &counts[i]);
		json_add(output, array, object);
	}
	return array;
}

static json_t *summary_object(struct json_output *output, const struct scan *scan,
                              const struct scan_summary *summary)
{
	json_t *object = json_object();

	put_count(output, object, &summary->total);
	json_put(output, object, "instructions", json_size(scan->instruction_count));
	json_put(output, object, "code_bytes", json_size(scan->code_size));
	json_put(output, object, "undecoded_bytes", json_size(summary->undecoded_size));
	json_put(output, object, "by_call",
	         count_array(output, summary->calls, summary->call_count, "call"));
	json_put(output, object, "by_section",
	         count_array(output, summary->sections, summary->section_count, "section"));
	return object;
}

bool scan_write_json(FILE *stream, const struct scan_report *report, struct problem *problem)
{
	const struct scan *scan = report->scan;
	struct scan_summary summary;
	struct json_output output;

	if (!scan_summarise(scan, &summary))
		return problem_report(problem, OUT_OF_MEMORY);
	json_output_begin(&output, stream);
	json_write_text(&output, "{\n \"schema\": \"postburn-scan/1\",\n \"input\": ");
	json_write_value(&output, input_object(&output, report));
	json_write_text(&output, ",\n \"sites\": [");
	for (size_t i = 0; i < scan->site_count && !output.failed; i++) {
		json_write_text(&output, i ? ",\n  " : "\n  ");
		json_write_value(&output, site_object(&output, report, &scan->sites[i]));
	}
	json_write_text(&output, "\n ],\n \"undecoded\": [");
	for (size_t i = 0; i < scan->range_count && !output.failed; i++) {
		json_write_text(&output, i ? ",\n  " : "\n  ");
		json_write_value(&output, range_object(&output, &scan->ranges[i]));
	}
	json_write_text(&output, "\n ],\n \"summary\": ");
	json_write_value(&output, summary_object(&output, scan, &summary));
	json_write_text(&output, "\n}\n");
	scan_summary_free(&summary);
	return json_output_end(&output) || problem_report(problem, OUT_OF_MEMORY);
}
