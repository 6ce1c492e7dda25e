/* SPDX-License-Identifier: BSD-2-Clause */

/* The scan as JSON, schema docs/postburn-scan.schema.json. Keys keep the order they are set in. */

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/escape.h"
#include "patcher/scan/scan_report.h"

/* Sets key, and notes in *failed if there was no memory for the value or its place. */
static void set(json_t *object, const char *key, json_t *value, bool *failed)
{
	*failed |= json_object_set_new_nocheck(object, key, value) != 0;
}

static void append(json_t *array, json_t *value, bool *failed)
{
	*failed |= json_array_append_new(array, value) != 0;
}

static json_t *json_size(uint64_t size)
{
	return json_integer((json_int_t)size);
}

/* Long enough for the longest kernel symbol (KSYM_NAME_LEN, 512) with every byte escaped. */
static json_t *json_printable(const char *text)
{
	char printable[4 * 512 + 1];

	return json_string_nocheck(escape_text(text, printable, sizeof(printable)));
}

static json_t *json_address(uint64_t address)
{
	return json_sprintf("0x%" PRIx64, address);
}

static json_t *input_object(const struct scan_report *report, bool *failed)
{
	const struct kernel *kernel = report->scan->kernel;
	char build_id[2 * sizeof(kernel->build_id) + 1] = "";
	json_t *input = json_object();

	for (size_t i = 0; i < kernel->build_id_size; i++)
		snprintf(build_id + 2 * i, 3, "%02x", kernel->build_id[i]);
	set(input, "path", json_printable(kernel->path), failed);
	set(input, "sha256", json_string(report->sha256), failed);
	set(input, "format", json_string(kernel_format_name(kernel->format)), failed);
	set(input, "class", json_string(kernel->is_64bit ? "ELF64" : "ELF32"), failed);
	set(input, "machine", json_string(kernel->is_64bit ? "x86_64" : "i386"), failed);
	set(input, "build_id", kernel->build_id_size ? json_string(build_id) : json_null(), failed);
	set(input, "banner", kernel->banner ? json_printable(kernel->banner) : json_null(), failed);
	return input;
}

static json_t *constraint_array(uint8_t constraints, bool *failed)
{
	json_t *array = json_array();

	for (unsigned int bit = 0; bit < SCAN_CONSTRAINT_COUNT; bit++)
		if (constraints >> bit & 1)
			append(array, json_string(scan_constraint_name(bit)), failed);
	return array;
}

static json_t *site_object(const struct scan_report *report, const struct scan_site *site,
                           bool *failed)
{
	const struct sensitive_form *form = &sensitive_forms[site->form];
	const struct kernel_symbol *symbol = site->symbol;
	char hex[SITE_BYTES_HEX_SIZE], text[160];
	json_t *object = json_object();

	set(object, "addr", json_address(site->address), failed);
	set(object, "section", json_printable(site->section->name), failed);
	set(object, "symbol", symbol ? json_printable(symbol->name) : json_null(), failed);
	set(object, "offset", symbol ? json_size((site->address - symbol->address)) : json_null(),
	    failed);
	set(object, "bytes", json_string(site_bytes(site->bytes, site->length, hex)), failed);
	set(object, "insn", json_string(site_text(report, site, text, sizeof(text))), failed);
	set(object, "form", json_string(form->name), failed);
	set(object, "call", form->call ? json_string(form->call_name) : json_null(), failed);
	set(object, "deprivileged", json_string(deprivileged_behaviour_name(form->deprivileged)),
	    failed);
	set(object, "rewrite", json_boolean(form->rewrite), failed);
	set(object, "context", json_string(scan_context_name(site->context)), failed);
	set(object, "constraints", constraint_array(site->constraints, failed), failed);
	return object;
}

static json_t *range_object(const struct scan_range *range, bool *failed)
{
	json_t *object = json_object();

	set(object, "addr", json_address(range->address), failed);
	set(object, "section", json_printable(range->section->name), failed);
	set(object, "size", json_size(range->size), failed);
	set(object, "why", json_string(sweep_range_reason_name(range->reason)), failed);
	return object;
}

static json_t *count_object(const struct scan_count *count, bool *failed)
{
	json_t *object = json_object();

	set(object, "sites", json_size(count->sites), failed);
	set(object, "rewrite", json_size(count->rewrite), failed);
	for (int i = 0; i <= DEPRIVILEGED_HARMLESS; i++)
		set(object, deprivileged_behaviour_name(i), json_size(count->by_behaviour[i]),
		    failed);
	return object;
}

/* Modules may have several sections of one name: an array, not an object, keeps them apart. */
static json_t *count_array(const struct scan_count *counts, size_t count, const char *key,
                           bool *failed)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *object = json_object(), *counted = count_object(&counts[i], failed);

		set(object, key, *counts[i].name ? json_printable(counts[i].name) : json_null(),
		    failed);
		*failed |= json_object_update(object, counted) != 0;
		json_decref(counted);
		append(array, object, failed);
	}
	return array;
}

static json_t *summary_object(const struct scan *scan, const struct scan_summary *summary,
                              bool *failed)
{
	json_t *object = count_object(&summary->total, failed);

	set(object, "instructions", json_size(scan->instruction_count), failed);
	set(object, "code_bytes", json_size(scan->code_size), failed);
	set(object, "undecoded_bytes", json_size(summary->undecoded_size), failed);
	set(object, "by_call", count_array(summary->calls, summary->call_count, "call", failed),
	    failed);
	set(object, "by_section",
	    count_array(summary->sections, summary->section_count, "section", failed), failed);
	return object;
}

/* Writes value, which is given back, with what stands before it in the file. */
static void write_value(FILE *stream, const char *before, json_t *value, bool *failed)
{
	fputs(before, stream);
	*failed |= !value || (json_dumpf(value, stream, 0) != 0 && !ferror(stream));
	json_decref(value);
}

/*
 * Sites and ranges are written one by one, a line each: an input of a megabyte can have a million
 * of them, and as a tree they would take gigabytes.
 */
static void write_sites(FILE *stream, const struct scan_report *report, bool *failed)
{
	fputs(",\n \"sites\": [", stream);
	for (size_t i = 0; i < report->scan->site_count && !*failed; i++)
		write_value(stream, i ? ",\n  " : "\n  ",
		            site_object(report, &report->scan->sites[i], failed), failed);
	fputs("\n ]", stream);
}

static void write_ranges(FILE *stream, const struct scan *scan, bool *failed)
{
	fputs(",\n \"undecoded\": [", stream);
	for (size_t i = 0; i < scan->range_count && !*failed; i++)
		write_value(stream, i ? ",\n  " : "\n  ", range_object(&scan->ranges[i], failed),
		            failed);
	fputs("\n ]", stream);
}

bool scan_write_json(FILE *stream, const struct scan_report *report, struct problem *problem)
{
	struct scan_summary summary;
	bool out_of_memory = false, *failed = &out_of_memory;

	if (!scan_summarise(report->scan, &summary))
		return problem_report(problem, OUT_OF_MEMORY);
	write_value(stream, "{\n \"schema\": \"postburn-scan/1\",\n \"input\": ",
	            input_object(report, failed), failed);
	write_sites(stream, report, failed);
	write_ranges(stream, report->scan, failed);
	write_value(stream, ",\n \"summary\": ", summary_object(report->scan, &summary, failed),
	            failed);
	fputs("\n}\n", stream);
	scan_summary_free(&summary);
	return !out_of_memory || problem_report(problem, OUT_OF_MEMORY);
}
