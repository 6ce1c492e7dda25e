/* SPDX-License-Identifier: BSD-2-Clause */

/* The report's counts, and the ROM's slots. */

#include <stdlib.h>
#include <string.h>

#include "patcher/report/patch_report_private.h"
#include "patcher/rom/rom_report.h"
#include "patchtables/vmi_calls.h"

#define METHOD_UNPATCHED (ROM_METHOD_ALTERNATIVE + 1)
#define METHOD_COUNT     (METHOD_UNPATCHED + 1)

/* Sites counted for one call, section or reason. */
struct tally {
	const char *name;
	size_t sites;
	size_t methods[METHOD_COUNT];
};

struct tallies {
	struct tally *list; /* as met, then sorted by a caller that wants it */
	size_t count;
	bool failed;
};

typedef const char *site_name(const struct plan_site *site);

static const char *call_of(const struct plan_site *site)
{
	return sensitive_forms[site->site->form].call_name;
}

static const char *section_of(const struct plan_site *site)
{
	return site->site->section->name;
}

static const char *reason_of(const struct plan_site *site)
{
	return site->reason;
}

static unsigned int method_of(const struct plan_site *site)
{
	return !site->patched || site->method > ROM_METHOD_ALTERNATIVE ? METHOD_UNPATCHED
	                                                               : site->method;
}

static const char *method_name(unsigned int method)
{
	return method == METHOD_UNPATCHED ? "unpatched" : plan_method_name((uint8_t)method);
}

static struct tally *find_tally(struct tallies *tallies, const char *name)
{
	struct tally *grown;

	for (size_t i = tallies->count; i--;) /* neighbours are alike */
		if (!strcmp(tallies->list[i].name, name))
			return &tallies->list[i];
	grown = realloc(tallies->list, (tallies->count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	tallies->list = grown;
	grown[tallies->count] = (struct tally){.name = name};
	return &grown[tallies->count++];
}

/* Most sites first; then by name. */
static int compare_tallies(const void *left, const void *right)
{
	const struct tally *a = left, *b = right;

	if (a->sites != b->sites)
		return a->sites < b->sites ? 1 : -1;
	return strcmp(a->name, b->name);
}

/* Counts the sites by name; those whose name is NULL are not counted. */
static void tally_sites(const struct plan *plan, site_name *name, struct tallies *tallies)
{
	*tallies = (struct tallies){0};
	for (size_t i = 0; i < plan->site_count; i++) {
		const char *word = name(&plan->sites[i]);
		struct tally *tally = word ? find_tally(tallies, word) : NULL;

		tallies->failed |= word && !tally;
		if (tally) {
			tally->sites++;
			tally->methods[method_of(&plan->sites[i])]++;
		}
	}
	if (tallies->count)
		qsort(tallies->list, tallies->count, sizeof(*tallies->list), compare_tallies);
}

static json_t *tally_array(struct report_writer *writer, site_name *name)
{
	struct json_output *output = &writer->output;
	json_t *array = json_array();
	struct tallies tallies;

	tally_sites(&writer->patch->plan, name, &tallies);
	for (size_t i = 0; i < tallies.count; i++) {
		json_t *object = json_object(), *methods = json_object();

		for (unsigned int method = 0; method < METHOD_COUNT; method++)
			if (tallies.list[i].methods[method])
				json_put(output, methods, method_name(method),
				         json_size(tallies.list[i].methods[method]));
		json_put(output, object, "name", json_printable(tallies.list[i].name));
		json_put(output, object, "sites", json_size(tallies.list[i].sites));
		json_put(output, object, "methods", methods);
		json_add(output, array, object);
	}
	output->failed |= tallies.failed;
	free(tallies.list);
	return array;
}

static json_t *method_array(struct report_writer *writer)
{
	const struct plan *plan = &writer->patch->plan;
	json_t *array = json_array();
	size_t counts[METHOD_COUNT] = {0};

	for (size_t i = 0; i < plan->site_count; i++)
		counts[method_of(&plan->sites[i])]++;
	for (unsigned int method = 0; method < METHOD_COUNT; method++) {
		json_t *object;

		if (!counts[method])
			continue;
		object = json_object();
		json_put(&writer->output, object, "name", json_string(method_name(method)));
		json_put(&writer->output, object, "sites", json_size(counts[method]));
		json_add(&writer->output, array, object);
	}
	return array;
}

void report_write_totals(struct report_writer *writer)
{
	const struct plan *plan = &writer->patch->plan;
	struct json_output *output = &writer->output;
	json_t *object = json_object();
	size_t native = 0, windows = 0, unpatched = 0;

	for (size_t i = 0; i < plan->site_count; i++) {
		native += method_of(&plan->sites[i]) == ROM_METHOD_NONE;
		unpatched += method_of(&plan->sites[i]) == METHOD_UNPATCHED;
	}
	for (size_t i = 0; i < plan->window_count; i++)
		windows += !plan->windows[i].dropped;
	json_put(output, object, "sites", json_size(plan->site_count));
	json_put(output, object, "rewritten", json_size(plan->site_count - native - unpatched));
	json_put(output, object, "native", json_size(native));
	json_put(output, object, "unpatched", json_size(unpatched));
	json_put(output, object, "windows", json_size(windows));
	json_put(output, object, "springboard_bytes",
	         json_size(writer->patch->layout.springboards_size));
	json_put(output, object, "by_call", tally_array(writer, call_of));
	json_put(output, object, "by_method", method_array(writer));
	json_put(output, object, "by_section", tally_array(writer, section_of));
	json_put(output, object, "by_reason", tally_array(writer, reason_of));
	json_write_value(output, object);
}

/* --- the ROM ------------------------------------------------------------------------ */

static json_t *slot_object(struct report_writer *writer, const struct vmi_call_description *call,
                           size_t sites)
{
	const struct patch *patch = writer->patch;
	const struct rom_call *slot = &patch->rom->calls[call->number];
	uint32_t image = patch->linked.image_virtual;
	struct json_output *output = &writer->output;
	json_t *object = json_object();

	json_put(output, object, "number", json_size(call->number));
	json_put(output, object, "name", json_string(call->name));
	json_put(output, object, "action", json_string(rom_action_name(slot->action)));
	json_put(output, object, "address", json_address(image + call->number * ROM_SLOT_SIZE));
	json_put(output, object, "body",
	         slot->size ? json_address(image + slot->body_offset) : json_null());
	json_put(output, object, "out_of_line", json_boolean(slot->size && slot->out_of_line));
	json_put(output, object, "size", json_size(slot->size));
	json_put(output, object, "sites", json_size(sites));
	return object;
}

void report_write_slots(struct report_writer *writer)
{
	const struct plan *plan = &writer->patch->plan;
	size_t counts[ROM_SLOT_COUNT] = {0};

	for (size_t i = 0; i < plan->site_count; i++) {
		uint16_t call = sensitive_forms[plan->sites[i].site->form].call;

		if (call < ROM_SLOT_COUNT && plan->sites[i].patched &&
		    plan->sites[i].method != ROM_METHOD_NONE)
			counts[call]++;
	}
	json_write_text(&writer->output, "[");
	for (size_t i = 0; i < vmi_call_count && !writer->output.failed; i++) {
		json_write_text(&writer->output, i ? ",\n  " : "\n  ");
		json_write_value(&writer->output,
		                 slot_object(writer, &vmi_calls[i], counts[vmi_calls[i].number]));
	}
	json_write_text(&writer->output, "\n ]");
}
