/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/report/report_file.h"

#include <inttypes.h>
#include <string.h>

#include "patcher/escape.h"
#include "patcher/kernel/input_file.h"

#define LARGEST_FILE ((size_t)256 << 20) /* bytes; a kernel with 100,000 sites has half of that */
#define PATH_SIZE    160                 /* of "sites[123].constraints[4].reason" */

enum member_type { TEXT, NUMBER, TRUTH, OBJECT, LIST };
enum member_need { NEEDED, OR_NULL, MAY_MISS };

/* What a member must be. */
struct member {
	const char *key; /* NULL ends a table; "" is each element of a list that holds no objects */
	enum member_type type;
	enum member_need need;
	const struct member *inside; /* of an object, or of each element of a list */
};

/* Where in the file the checker is. */
struct checker {
	char path[PATH_SIZE];
	struct problem *problem;
};

/* --- what a report is --------------------------------------------------------------- */

static const struct member element_number[] = {{"", NUMBER, NEEDED, NULL}, {0}};
static const struct member element_text[] = {{"", TEXT, NEEDED, NULL}, {0}};

static const struct member part_members[] = {
    {"name", TEXT, NEEDED, NULL},
    {"address", TEXT, NEEDED, NULL},
    {"size", NUMBER, NEEDED, NULL},
    {0},
};

static const struct member region_members[] = {
    {"address", TEXT, NEEDED, NULL},
    {"physical", TEXT, NEEDED, NULL},
    {"size", NUMBER, NEEDED, NULL},
    {"parts", LIST, NEEDED, part_members},
    {0},
};

static const struct member input_members[] = {
    {"name", TEXT, NEEDED, NULL},
    {"sha256", TEXT, NEEDED, NULL},
    {"size", NUMBER, NEEDED, NULL},
    {"format", TEXT, NEEDED, NULL},
    {"build_id", TEXT, OR_NULL, NULL},
    {"banner", TEXT, OR_NULL, NULL},
    {"symbols", TEXT, NEEDED, NULL},
    {"exact_references", TRUTH, NEEDED, NULL},
    {0},
};

static const struct member output_members[] = {
    {"name", TEXT, OR_NULL, NULL},
    {"sha256", TEXT, NEEDED, NULL},
    {"size", NUMBER, NEEDED, NULL},
    {0},
};

static const struct member rom_members[] = {
    {"name", TEXT, NEEDED, NULL},
    {"sha256", TEXT, NEEDED, NULL},
    {"size", NUMBER, NEEDED, NULL},
    {"address", TEXT, NEEDED, NULL},
    {"wedge_size", NUMBER, NEEDED, NULL},
    {"region", OBJECT, NEEDED, region_members},
    {0},
};

static const struct member count_members[] = {
    {"name", TEXT, NEEDED, NULL},
    {"sites", NUMBER, NEEDED, NULL},
    {"methods", OBJECT, NEEDED, NULL},
    {0},
};

static const struct member method_members[] = {
    {"name", TEXT, NEEDED, NULL},
    {"sites", NUMBER, NEEDED, NULL},
    {0},
};

static const struct member total_members[] = {
    {"sites", NUMBER, NEEDED, NULL},
    {"rewritten", NUMBER, NEEDED, NULL},
    {"native", NUMBER, NEEDED, NULL},
    {"unpatched", NUMBER, NEEDED, NULL},
    {"windows", NUMBER, NEEDED, NULL},
    {"springboard_bytes", NUMBER, NEEDED, NULL},
    {"by_call", LIST, NEEDED, count_members},
    {"by_method", LIST, NEEDED, method_members},
    {"by_section", LIST, NEEDED, count_members},
    {"by_reason", LIST, NEEDED, count_members},
    {0},
};

static const struct member slot_members[] = {
    {"number", NUMBER, NEEDED, NULL},
    {"name", TEXT, NEEDED, NULL},
    {"action", TEXT, NEEDED, NULL},
    {"address", TEXT, NEEDED, NULL},
    {"body", TEXT, OR_NULL, NULL},
    {"out_of_line", TRUTH, NEEDED, NULL},
    {"size", NUMBER, NEEDED, NULL},
    {"sites", NUMBER, NEEDED, NULL},
    {0},
};

static const struct member section_members[] = {
    {"name", TEXT, NEEDED, NULL},      {"address", TEXT, NEEDED, NULL},
    {"size", NUMBER, NEEDED, NULL},    {"executable", TRUTH, NEEDED, NULL},
    {"writable", TRUTH, NEEDED, NULL}, {0},
};

static const struct member constraint_members[] = {
    {"address", TEXT, NEEDED, NULL},
    {"size", NUMBER, NEEDED, NULL},
    {"property", TEXT, NEEDED, NULL},
    {"reason", TEXT, NEEDED, NULL},
    {0},
};

static const struct member site_members[] = {
    {"address", TEXT, NEEDED, NULL},
    {"symbol", TEXT, OR_NULL, NULL},
    {"offset", NUMBER, OR_NULL, NULL},
    {"section", TEXT, NEEDED, NULL},
    {"context", TEXT, NEEDED, NULL},
    {"bytes", TEXT, NEEDED, NULL},
    {"text", TEXT, NEEDED, NULL},
    {"form", TEXT, NEEDED, NULL},
    {"call", TEXT, NEEDED, NULL},
    {"deprivileged", TEXT, NEEDED, NULL},
    {"origin", TEXT, NEEDED, NULL},
    {"method", TEXT, NEEDED, NULL},
    {"reason", TEXT, OR_NULL, NULL},
    {"window", NUMBER, OR_NULL, NULL},
    {"after", LIST, MAY_MISS, element_text},
    {"constraints", LIST, MAY_MISS, constraint_members},
    {0},
};

static const struct member element_text_or_null[] = {{"", TEXT, OR_NULL, NULL}, {0}};

static const struct member springboard_members[] = {
    {"address", TEXT, NEEDED, NULL},
    {"size", NUMBER, NEEDED, NULL},
    {"originals", LIST, NEEDED, element_text_or_null},
    {"code", LIST, NEEDED, element_text},
    {0},
};

static const struct member window_members[] = {
    {"address", TEXT, NEEDED, NULL},
    {"size", NUMBER, NEEDED, NULL},
    {"padding", NUMBER, NEEDED, NULL},
    {"hop", TEXT, OR_NULL, NULL},
    {"sites", LIST, NEEDED, element_number},
    {"before", LIST, NEEDED, element_text},
    {"displaced", LIST, NEEDED, element_number},
    {"after", LIST, NEEDED, element_text},
    {"springboard", OBJECT, OR_NULL, springboard_members},
    {"constraints", LIST, NEEDED, constraint_members},
    {0},
};

static const struct member branch_members[] = {
    {"address", TEXT, NEEDED, NULL},
    {"target", TEXT, NEEDED, NULL},
    {"before", TEXT, NEEDED, NULL},
    {"after", TEXT, NEEDED, NULL},
    {0},
};

static const struct member fixup_members[] = {
    {"address", TEXT, NEEDED, NULL},
    {"instruction", TEXT, NEEDED, NULL},
    {"fixup", TEXT, NEEDED, NULL},
    {0},
};

static const struct member report_members[] = {
    {"schema", TEXT, NEEDED, NULL},
    {"tool", TEXT, NEEDED, NULL},
    {"input", OBJECT, NEEDED, input_members},
    {"output", OBJECT, NEEDED, output_members},
    {"rom", OBJECT, NEEDED, rom_members},
    {"totals", OBJECT, NEEDED, total_members},
    {"slots", LIST, NEEDED, slot_members},
    {"sections", LIST, NEEDED, section_members},
    {"sites", LIST, NEEDED, site_members},
    {"windows", LIST, NEEDED, window_members},
    {"moved_branches", LIST, NEEDED, branch_members},
    {"moved_fixups", LIST, NEEDED, fixup_members},
    {0},
};

static const struct member stats_call_members[] = {
    {"call", TEXT, NEEDED, NULL},
    {"count", NUMBER, NEEDED, NULL},
    {0},
};

static const struct member stats_site_members[] = {
    {"address", TEXT, NEEDED, NULL},
    {"count", NUMBER, NEEDED, NULL},
    {0},
};

static const struct member stats_count_members[] = {
    {"name", TEXT, NEEDED, NULL},
    {"count", NUMBER, NEEDED, NULL},
    {0},
};

static const struct member stats_members[] = {
    {"schema", TEXT, NEEDED, NULL},
    {"rom", TEXT, OR_NULL, NULL},
    {"calls", LIST, NEEDED, stats_call_members},
    {"sites", LIST, NEEDED, stats_site_members},
    {"counts", LIST, MAY_MISS, stats_count_members},
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

	if ((member->need == OR_NULL && json_is_null(value)) ||
	    (member->need == MAY_MISS && !value))
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
