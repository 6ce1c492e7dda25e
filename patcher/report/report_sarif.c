/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"): a run for each report, a
 * result for each site that is unpatched or trapped. A site has no line of a source file; its place
 * is an address (section 3.32) and the function that it is in (section 3.33).
 */

#include <stdlib.h>
#include <string.h>

#include "patcher/command/commands.h"
#include "patcher/escape.h"
#include "patcher/json_output.h"
#include "patcher/report/report_output.h"

#define SCHEMA                                                                                     \
	"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"                      \
	"sarif-schema-2.1.0.json"

struct rule {
	const char *method, *id, *name, *level, *text;
};

static const struct rule rules[] = {
    {"unpatched", "postburn/unpatched", "UnpatchedInstruction", "error",
     "A sensitive instruction could not be rewritten: without privileges it faults or does "
     "something else."},
    {"trap", "postburn/trap", "TrappedInstruction", "warning",
     "A sensitive instruction was replaced by a trapping byte, the slowest way to rewrite it."},
};

#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))

static json_t *text_object(struct json_output *output, const char *text)
{
	json_t *object = json_object();

	json_put(output, object, "text", json_string(text));
	return object;
}

static json_t *rule_array(struct json_output *output)
{
	json_t *array = json_array();

	for (size_t i = 0; i < RULE_COUNT; i++) {
		json_t *object = json_object(), *configuration = json_object();

		json_put(output, configuration, "level", json_string(rules[i].level));
		json_put(output, object, "id", json_string(rules[i].id));
		json_put(output, object, "name", json_string(rules[i].name));
		json_put(output, object, "shortDescription", text_object(output, rules[i].text));
		json_put(output, object, "defaultConfiguration", configuration);
		json_add(output, array, object);
	}
	return array;
}

static json_t *driver_object(struct json_output *output)
{
	json_t *tool = json_object(), *driver = json_object();

	json_put(output, driver, "name", json_string("postburn"));
	json_put(output, driver, "semanticVersion", json_string(POSTBURN_VERSION));
	json_put(output, driver, "rules", rule_array(output));
	json_put(output, tool, "driver", driver);
	return tool;
}

/* A file's name as a URI reference (RFC 3986): all that is not unreserved is %XX. */
static json_t *uri(const char *name)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					 "0123456789-._~";
	char *text = calloc(strlen(name) + 1, 3), *at = text;
	json_t *value;

	for (; text && *name; name++) {
		if (strchr(unreserved, *name))
			*at++ = *name;
		else
			at += snprintf(at, 4, "%%%02X", (unsigned int)(unsigned char)*name);
	}
	value = text ? json_string_nocheck(text) : NULL;
	free(text);
	return value;
}

static json_t *location_array(struct json_output *output, const json_t *root, const json_t *site)
{
	json_t *array = json_array(), *location = json_object(), *physical = json_object();
	json_t *artifact = json_object(), *address = json_object();
	char place[600];

	json_put(output, artifact, "uri", uri(report_text(json_object_get(root, "input"), "name")));
	json_put(output, address, "absoluteAddress",
	         json_integer((json_int_t)strtoull(report_text(site, "address"), NULL, 16)));
	json_put(output, address, "length", json_size(strlen(report_text(site, "bytes")) / 2));
	json_put(output, address, "kind", json_string("instruction"));
	json_put(output, physical, "artifactLocation", artifact);
	json_put(output, physical, "address", address);
	json_put(output, location, "physicalLocation", physical);
	if (*report_place(site, place, sizeof(place))) {
		json_t *logical = json_object(), *list = json_array();

		json_put(output, logical, "name", json_printable(report_text(site, "symbol")));
		json_put(output, logical, "fullyQualifiedName", json_string(place));
		json_put(output, logical, "kind", json_string("function"));
		json_add(output, list, logical);
		json_put(output, location, "logicalLocations", list);
	}
	json_add(output, array, location);
	return array;
}

static json_t *result_object(struct json_output *output, const json_t *root, const json_t *site,
                             size_t rule)
{
	char text[200], call[80], reason[300];
	json_t *object = json_object(), *message = json_object();

	escape_text(report_text(site, "reason"), reason, sizeof(reason));
	json_put(output, message, "text",
	         json_sprintf("%s (%s) is %s: %s",
	                      escape_text(report_text(site, "text"), text, sizeof(text)),
	                      escape_text(report_text(site, "call"), call, sizeof(call)),
	                      strcmp(rules[rule].method, "trap") != 0 ? "not rewritten"
	                                                              : "rewritten by a trap",
	                      *reason ? reason : "no reason is known"));
	json_put(output, object, "ruleId", json_string(rules[rule].id));
	json_put(output, object, "ruleIndex", json_size(rule));
	json_put(output, object, "level", json_string(rules[rule].level));
	json_put(output, object, "message", message);
	json_put(output, object, "locations", location_array(output, root, site));
	return object;
}

static json_t *result_array(struct json_output *output, const json_t *root)
{
	const json_t *sites = report_list(root, "sites"), *site;
	json_t *array = json_array();
	size_t i;

	json_array_foreach(sites, i, site)
	{
		for (size_t rule = 0; rule < RULE_COUNT; rule++)
			if (!strcmp(report_text(site, "method"), rules[rule].method))
				json_add(output, array, result_object(output, root, site, rule));
	}
	return array;
}

bool report_write_sarif(FILE *stream, const struct report_set *set, struct problem *problem)
{
	json_t *root = json_object(), *runs = json_array();
	struct json_output output;

	json_output_begin(&output, stream);
	json_put(&output, root, "$schema", json_string(SCHEMA));
	json_put(&output, root, "version", json_string("2.1.0"));
	for (size_t i = 0; i < set->count; i++) {
		json_t *run = json_object();

		json_put(&output, run, "tool", driver_object(&output));
		json_put(&output, run, "columnKind", json_string("utf16CodeUnits"));
		json_put(&output, run, "results", result_array(&output, set->reports[i].root));
		json_add(&output, runs, run);
	}
	json_put(&output, root, "runs", runs);
	json_write_value(&output, root);
	json_write_text(&output, "\n");
	return json_output_end(&output) || problem_report(problem, OUT_OF_MEMORY);
}
