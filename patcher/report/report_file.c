/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/report/report_file.h"

#include <inttypes.h>
#include <string.h>

#include "patcher/escape.h"
#include "patcher/kernel/input_file.h"

#define LARGEST_FILE ((size_t)256 << 20) /* bytes; a kernel with 100,000 sites has half of that */
#define PATH_SIZE    160                 /* of "sites[123].constraints[4].reason" */

enum member_type { TEXT, NUMBER, TRUTH, OBJECT, LIST };

/* What a member must be. */
struct member {
	const char *key; /* NULL ends a table; "" is each element of a list that holds no objects */
	enum member_type type;
	bool or_null;
	const struct member *inside; /* of an object, or of each element of a list */
};

/* Where in the file the checker is. */
struct checker {
	char path[PATH_SIZE];
	struct problem *problem;
};

/* --- what a report is --------------------------------------------------------------- */

static const struct member element_number[] = {{"", NUMBER, false, NULL}, {0}};
static const struct member element_text[] = {{"", TEXT, false, NULL}, {0}};

static const struct member part_members[] = {
    {"name", TEXT, false, NULL},
    {"address", TEXT, false, NULL},
    {"size", NUMBER, false, NULL},
    {0},
};

static const struct member region_members[] = {
    {"address", TEXT, false, NULL},
    {"physical", TEXT, false, NULL},
    {"size", NUMBER, false, NULL},
    {"parts", LIST, false, part_members},
    {0},
};

static const struct member input_members[] = {
    {"name", TEXT, false, NULL},
    {"sha256", TEXT, false, NULL},
    {"size", NUMBER, false, NULL},
    {"format", TEXT, false, NULL},
    {"build_id", TEXT, true, NULL},
    {"banner", TEXT, true, NULL},
    {"symbols", TEXT, false, NULL},
    {"exact_references", TRUTH, false, NULL},
    {0},
};

static const struct member output_members[] = {
    {"name", TEXT, true, NULL},
    {"sha256", TEXT, false, NULL},
    {"size", NUMBER, false, NULL},
    {0},
};

static const struct member rom_members[] = {
    {"name", TEXT, false, NULL},
    {"sha256", TEXT, false, NULL},
    {"size", NUMBER, false, NULL},
    {"address", TEXT, false, NULL},
    {"wedge_size", NUMBER, false, NULL},
    {"region", OBJECT, false, region_members},
    {0},
};

static const struct member count_members[] = {
    {"name", TEXT, false, NULL},
    {"sites", NUMBER, false, NULL},
    {"methods", OBJECT, false, NULL},
    {0},
};

static const struct member method_members[] = {
    {"name", TEXT, false, NULL},
    {"sites", NUMBER, false, NULL},
    {0},
};

static const struct member total_members[] = {
    {"sites", NUMBER, false, NULL},
    {"rewritten", NUMBER, false, NULL},
    {"native", NUMBER, false, NULL},
    {"unpatched", NUMBER, false, NULL},
    {"windows", NUMBER, false, NULL},
    {"springboard_bytes", NUMBER, false, NULL},
    {"by_call", LIST, false, count_members},
    {"by_method", LIST, false, method_members},
    {"by_section", LIST, false, count_members},
    {"by_reason", LIST, false, count_members},
    {0},
};

static const struct member slot_members[] = {
    {"number", NUMBER, false, NULL},
    {"name", TEXT, false, NULL},
    {"action", TEXT, false, NULL},
    {"address", TEXT, false, NULL},
    {"body", TEXT, true, NULL},
    {"out_of_line", TRUTH, false, NULL},
    {"size", NUMBER, false, NULL},
    {"sites", NUMBER, false, NULL},
    {0},
};

static const struct member section_members[] = {
    {"name", TEXT, false, NULL},      {"address", TEXT, false, NULL},
    {"size", NUMBER, false, NULL},    {"executable", TRUTH, false, NULL},
    {"writable", TRUTH, false, NULL}, {0},
};

static const struct member site_members[] = {
    {"address", TEXT, false, NULL},
    {"symbol", TEXT, true, NULL},
    {"offset", NUMBER, true, NULL},
    {"section", TEXT, false, NULL},
    {"context", TEXT, false, NULL},
    {"bytes", TEXT, false, NULL},
    {"text", TEXT, false, NULL},
    {"form", TEXT, false, NULL},
    {"call", TEXT, false, NULL},
    {"deprivileged", TEXT, false, NULL},
    {"origin", TEXT, false, NULL},
    {"method", TEXT, false, NULL},
    {"reason", TEXT, true, NULL},
    {"window", NUMBER, true, NULL},
    {0},
};

static const struct member constraint_members[] = {
    {"address", TEXT, false, NULL},
    {"size", NUMBER, false, NULL},
    {"property", TEXT, false, NULL},
    {"reason", TEXT, false, NULL},
    {0},
};

static const struct member springboard_members[] = {
    {"address", TEXT, false, NULL},
    {"size", NUMBER, false, NULL},
    {"code", LIST, false, element_text},
    {0},
};

static const struct member window_members[] = {
    {"address", TEXT, false, NULL},
    {"size", NUMBER, false, NULL},
    {"padding", NUMBER, false, NULL},
    {"hop", TEXT, true, NULL},
    {"sites", LIST, false, element_number},
    {"before", LIST, false, element_text},
    {"displaced", LIST, false, element_number},
    {"after", LIST, false, element_text},
    {"springboard", OBJECT, true, springboard_members},
    {"constraints", LIST, false, constraint_members},
    {0},
};

static const struct member branch_members[] = {
    {"address", TEXT, false, NULL},
    {"target", TEXT, false, NULL},
    {"before", TEXT, false, NULL},
    {"after", TEXT, false, NULL},
    {0},
};

static const struct member fixup_members[] = {
    {"address", TEXT, false, NULL},
    {"instruction", TEXT, false, NULL},
    {"fixup", TEXT, false, NULL},
    {0},
};

static const struct member report_members[] = {
    {"schema", TEXT, false, NULL},
    {"tool", TEXT, false, NULL},
    {"input", OBJECT, false, input_members},
    {"output", OBJECT, false, output_members},
    {"rom", OBJECT, false, rom_members},
    {"totals", OBJECT, false, total_members},
    {"slots", LIST, false, slot_members},
    {"sections", LIST, false, section_members},
    {"sites", LIST, false, site_members},
    {"windows", LIST, false, window_members},
    {"moved_branches", LIST, false, branch_members},
    {"moved_fixups", LIST, false, fixup_members},
    {0},
};

static const struct member stats_call_members[] = {
    {"call", TEXT, false, NULL},
    {"count", NUMBER, false, NULL},
    {0},
};

static const struct member stats_site_members[] = {
    {"address", TEXT, false, NULL},
    {"count", NUMBER, false, NULL},
    {0},
};

static const struct member stats_members[] = {
    {"schema", TEXT, false, NULL},
    {"rom", TEXT, true, NULL},
    {"calls", LIST, false, stats_call_members},
    {"sites", LIST, false, stats_site_members},
    {0},
};

/* --- checking ----------------------------------------------------------------------- */

static bool check_members(struct checker *checker, const json_t *object,
                          const struct member *members);

static bool has_type(const json_t *value, const struct member *member)
{
	switch (member->type) {
	case TEXT: return json_is_string(value);
	case NUMBER: return json_is_integer(value) && json_integer_value(value) >= 0;
	case TRUTH: return json_is_boolean(value);
	case OBJECT: return json_is_object(value);
	default: return json_is_array(value);
	}
}

static bool refuse(struct checker *checker, const char *what)
{
	return problem_report(checker->problem, REPORT_MEMBER, checker->path, what);
}

static bool check_value(struct checker *checker, const json_t *value, const struct member *member)
{
	static const char *const names[] = {
	    [TEXT] = "a string",    [NUMBER] = "a number", [TRUTH] = "true or false",
	    [OBJECT] = "an object", [LIST] = "an array",
	};
	size_t length = strlen(checker->path);

	if (member->or_null && json_is_null(value))
		return true;
	if (!has_type(value, member))
		return refuse(checker, names[member->type]);
	if (!member->inside)
		return true;
	if (member->type == OBJECT)
		return check_members(checker, value, member->inside);
	for (size_t i = 0; i < json_array_size(value); i++) {
		const json_t *element = json_array_get(value, i);

		snprintf(checker->path + length, PATH_SIZE - length, "[%zu]", i);
		if (!*member->inside->key ? !check_value(checker, element, member->inside)
		                          : !check_members(checker, element, member->inside))
			return false;
		checker->path[length] = '\0';
	}
	return true;
}

static bool check_members(struct checker *checker, const json_t *object,
                          const struct member *members)
{
	size_t length = strlen(checker->path);

	if (!json_is_object(object))
		return refuse(checker, "an object");
	for (; members->key; members++) {
		snprintf(checker->path + length, PATH_SIZE - length, "%s%s", length ? "." : "",
		         members->key);
		if (!check_value(checker, json_object_get(object, members->key), members))
			return false;
		checker->path[length] = '\0';
	}
	return true;
}

/* Windows know their sites, and sites their windows, by index. */
static bool check_indices(const json_t *root, struct problem *problem)
{
	const json_t *sites = json_object_get(root, "sites");
	const json_t *windows = json_object_get(root, "windows");
	struct checker checker = {.problem = problem};

	for (size_t i = 0; i < json_array_size(sites); i++) {
		const json_t *window = json_object_get(json_array_get(sites, i), "window");

		snprintf(checker.path, PATH_SIZE, "sites[%zu].window", i);
		if (json_is_integer(window) &&
		    (uint64_t)json_integer_value(window) >= json_array_size(windows))
			return refuse(&checker, "the index of a window");
	}
	for (size_t i = 0; i < json_array_size(windows); i++) {
		const json_t *list = json_object_get(json_array_get(windows, i), "sites");

		for (size_t j = 0; j < json_array_size(list); j++) {
			snprintf(checker.path, PATH_SIZE, "windows[%zu].sites[%zu]", i, j);
			if ((uint64_t)json_integer_value(json_array_get(list, j)) >=
			    json_array_size(sites))
				return refuse(&checker, "the index of a site");
		}
	}
	return true;
}

/* --- reading ------------------------------------------------------------------------ */

static bool parse(const char *text, size_t size, const char *schema, const struct member *members,
                  json_t **root, struct problem *problem)
{
	struct checker checker = {.problem = problem};
	const char *found;
	json_error_t error;

	*root = NULL;
	if (size > LARGEST_FILE)
		return problem_report(problem, REPORT_LARGE, size, LARGEST_FILE);
	*root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!*root)
		return problem_report(problem, REPORT_JSON, error.line, error.text);
	found = json_string_value(json_object_get(*root, "schema"));
	if (!found || strcmp(found, schema) != 0)
		problem_report(problem, REPORT_SCHEMA, found ? found : "none", schema);
	else if (check_members(&checker, *root, members) &&
	         (members != report_members || check_indices(*root, problem)))
		return true;
	json_decref(*root);
	*root = NULL;
	return false;
}

bool report_file_parse(const char *text, size_t size, struct report_file *report,
                       struct problem *problem)
{
	return parse(text, size, "postburn-report/1", report_members, &report->root, problem);
}

bool report_stats_parse(const char *text, size_t size, struct report_file *stats,
                        struct problem *problem)
{
	return parse(text, size, "postburn-stats/1", stats_members, &stats->root, problem);
}

static bool read_file(const char *path, struct report_file *report,
                      bool (*parser)(const char *, size_t, struct report_file *, struct problem *),
                      struct problem *problem)
{
	struct input_file file;
	bool done;

	*report = (struct report_file){.path = path};
	done = input_file_read(path, &file, problem);
	if (done) {
		done = parser((const char *)file.bytes, file.size, report, problem);
		input_file_close(&file);
	}
	if (!done)
		problem->file = path;
	return done;
}

bool report_file_read(const char *path, struct report_file *report, struct problem *problem)
{
	return read_file(path, report, report_file_parse, problem);
}

bool report_stats_read(const char *path, struct report_file *stats, struct problem *problem)
{
	return read_file(path, stats, report_stats_parse, problem);
}

void report_file_free(struct report_file *report)
{
	json_decref(report->root);
	report->root = NULL;
}

/* --- looking up --------------------------------------------------------------------- */

const char *report_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

uint64_t report_number(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

json_t *report_list(const json_t *object, const char *key)
{
	return json_object_get(object, key);
}

const char *report_place(const json_t *site, char *buffer, size_t size)
{
	char name[600];
	uint64_t offset = report_number(site, "offset");

	escape_text(report_text(site, "symbol"), name, sizeof(name));
	if (*name && offset)
		snprintf(buffer, size, "%s+0x%" PRIx64, name, offset);
	else
		snprintf(buffer, size, "%s", name);
	return buffer;
}
