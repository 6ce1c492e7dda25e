/* SPDX-License-Identifier: BSD-2-Clause */

/* The sites of the report. */

#include <string.h>

#include "patcher/report/patch_report_private.h"
#include "patcher/scan/scan_report.h"

const char *report_method(const struct plan_site *site)
{
	return site->patched ? plan_method_name(site->method) : "unpatched";
}

json_t *report_constraints(struct report_writer *writer, uint64_t start, uint64_t end)
{
	const struct constraints *constraints = &writer->constraints;
	json_t *array = json_array();

	for (size_t i = constraints_from(constraints, start);
	     i < constraints->count && constraints->list[i].address < end; i++) {
		const struct code_reference *reference = &constraints->list[i];
		json_t *object;

		if (reference->address + reference->size <= start)
			continue;
		object = json_object();
		json_put(&writer->output, object, "address", json_address(reference->address));
		json_put(&writer->output, object, "size", json_size(reference->size));
		json_put(&writer->output, object, "property",
		         json_string_nocheck(code_property_name(reference->property)));
		json_put(&writer->output, object, "reason", json_string_nocheck(reference->reason));
		json_add(&writer->output, array, object);
	}
	return array;
}

static void put_text(struct report_writer *writer, json_t *object, const struct scan_site *site)
{
	const struct scan_report scan_report = {.scan = writer->patch->scan,
	                                        .disassembler = writer->disassembler};
	char text[160];

	json_put(&writer->output, object, "bytes", json_hexadecimal(site->bytes, site->length));
	json_put(&writer->output, object, "text",
	         json_string_nocheck(site_text(&scan_report, site, text, sizeof(text))));
}

/* A site that has no window, but other bytes than before: its trap, or what stands in its place. */
static void put_after(struct report_writer *writer, json_t *object, const struct scan_site *site)
{
	const uint8_t *bytes = report_rewritten(writer->patch, site->address, site->length);

	if (bytes && memcmp(bytes, site->bytes, site->length) != 0)
		json_put(&writer->output, object, "after",
		         report_code(writer, bytes, site->length, site->address));
}

static json_t *site_object(struct report_writer *writer, const struct plan_site *planned)
{
	const struct scan_site *site = planned->site;
	const struct sensitive_form *form = &sensitive_forms[site->form];
	const struct kernel_symbol *symbol = site->symbol;
	struct json_output *output = &writer->output;
	json_t *object = json_object();

	json_put(output, object, "address", json_address(site->address));
	json_put(output, object, "symbol", json_printable(symbol ? symbol->name : NULL));
	json_put(output, object, "offset",
	         symbol ? json_size(site->address - symbol->address) : json_null());
	json_put(output, object, "section", json_printable(site->section->name));
	json_put(output, object, "context", json_string_nocheck(scan_context_name(site->context)));
	put_text(writer, object, site);
	json_put(output, object, "form", json_string_nocheck(form->name));
	json_put(output, object, "call", json_string_nocheck(form->call_name));
	json_put(output, object, "deprivileged",
	         json_string_nocheck(deprivileged_behaviour_name(form->deprivileged)));
	json_put(output, object, "origin", json_printable(site->origin ? site->origin : "scan"));
	json_put(output, object, "method", json_string_nocheck(report_method(planned)));
	json_put(output, object, "reason",
	         planned->reason ? json_string_nocheck(planned->reason) : json_null());
	if (planned->window != UINT32_MAX) {
		json_put(output, object, "window", json_size(planned->window));
		return object;
	}
	json_put(output, object, "window", json_null());
	put_after(writer, object, site);
	json_put(output, object, "constraints",
	         report_constraints(writer, site->address, site->address + JUMP_SIZE));
	return object;
}

void report_write_sites(struct report_writer *writer)
{
	const struct plan *plan = &writer->patch->plan;

	json_write_text(&writer->output, "[");
	for (size_t i = 0; i < plan->site_count && !writer->output.failed; i++) {
		json_write_text(&writer->output, i ? ",\n  " : "\n  ");
		json_write_value(&writer->output, site_object(writer, &plan->sites[i]));
	}
	json_write_text(&writer->output, "\n ]");
}
