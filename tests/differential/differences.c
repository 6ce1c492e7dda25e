/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/differential/differences.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the vocabulary --------------------------------------------------------------------------- */

#define WORD_MAX 8
#define STATUSES                                                                                   \
	{                                                                                          \
		"ok", "truncated", "undefined", "too-long"                                         \
	} /* enum decode_status */

static const struct {
	const char *name;
	unsigned maximum;
	int base;                    /* of numbers; 0 where only words are allowed */
	const char *words[WORD_MAX]; /* value 0, 1, ... */
} vocabulary[FEATURE_COUNT] = {
    [FEATURE_MODE] = {"mode", 2, 0, {"16", "32", "64"}},
    [FEATURE_ENCODING] = {"encoding", 4, 0, {"legacy", "3dnow", "vex", "evex", "xop"}},
    [FEATURE_MAP] = {"map", 31, 10, {0}},
    [FEATURE_OPCODE] = {"opcode", 255, 16, {0}},
    [FEATURE_MODRM] = {"modrm", 255, 16, {0}},
    [FEATURE_MOD] = {"mod", 3, 10, {0}},
    [FEATURE_REG] = {"reg", 7, 10, {0}},
    [FEATURE_RM] = {"rm", 7, 10, {0}},
    [FEATURE_BASE] = {"base", 7, 10, {0}},
    [FEATURE_INDEX] = {"index", 7, 10, {0}},
    [FEATURE_PP] = {"pp", 3, 0, {"none", "66", "f3", "f2"}},
    [FEATURE_W] = {"w", 1, 10, {0}},
    [FEATURE_L] = {"l", 3, 10, {0}},
    [FEATURE_VVVV] = {"vvvv", 15, 10, {0}},
    [FEATURE_R] = {"r", 1, 10, {0}},
    [FEATURE_X] = {"x", 1, 10, {0}},
    [FEATURE_B] = {"b", 1, 10, {0}},
    [FEATURE_R2] = {"r2", 1, 10, {0}},
    [FEATURE_V2] = {"v2", 1, 10, {0}},
    [FEATURE_EVEX_B] = {"broadcast", 1, 10, {0}},
    [FEATURE_Z] = {"z", 1, 10, {0}},
    [FEATURE_AAA] = {"aaa", 7, 10, {0}},
    [FEATURE_RESERVED] = {"reserved", 1, 10, {0}},
    [FEATURE_LOCK] = {"lock", 1, 10, {0}},
    [FEATURE_REPNE] = {"repne", 1, 10, {0}},
    [FEATURE_REP] = {"rep", 1, 10, {0}},
    [FEATURE_OPERAND_SIZE] = {"operand-size", 1, 10, {0}},
    [FEATURE_ADDRESS_SIZE] = {"address-size", 1, 10, {0}},
    [FEATURE_ES] = {"es", 1, 10, {0}},
    [FEATURE_CS] = {"cs", 1, 10, {0}},
    [FEATURE_SS] = {"ss", 1, 10, {0}},
    [FEATURE_DS] = {"ds", 1, 10, {0}},
    [FEATURE_FS] = {"fs", 1, 10, {0}},
    [FEATURE_GS] = {"gs", 1, 10, {0}},
    [FEATURE_LAST_REPEAT] = {"last-repeat", 3, 0, {"none", "f0", "f3", "f2"}},
    [FEATURE_OPERAND_SIZE_LAST] = {"operand-size-last", 1, 10, {0}},
    [FEATURE_LAST_PREFIX] = {"last-prefix",
                             7,
                             0,
                             {"none", "f0", "f3", "f2", "66", "67", "segment", "rex"}},
    [FEATURE_REX] = {"rex", 1, 10, {0}},
    [FEATURE_STRAY_REX] = {"stray-rex", 1, 10, {0}},
    [FEATURE_REPEATED] = {"repeated", 1, 10, {0}},
    [FEATURE_PREFIXES] = {"prefixes", 15, 10, {0}},
    [FEATURE_STATUS] = {"status", 3, 0, STATUSES},
    [FEATURE_BY] = {"by", 15, 10, {0}},
};

static const char *const kind_names[DIFFERENCE_KIND_COUNT] = {
    [DIFFERENCE_NONE] = "none",       [DIFFERENCE_REJECTS] = "rejects",
    [DIFFERENCE_ACCEPTS] = "accepts", [DIFFERENCE_LONGER] = "longer",
    [DIFFERENCE_SHORTER] = "shorter", [DIFFERENCE_LAYOUT] = "layout",
};

/* The changes that without= may name: bit 0, 1, ... of enum shape_change. */
static const char *const change_names[SHAPE_CHANGE_COUNT] = {
    "lock", "repeat", "operand-size", "rex", "+66",       "vvvv",    "w0",     "w1",
    "l0",   "l1",     "l2",           "r",   "broadcast", "zeroing", "opmask", "k1",
};

static const char *const verdicts[] = {"ours", "both"};
static const char *const sources[] = {"SDM ", "APM ", "3DNow! ", "PadLock "};

const char *difference_kind_name(enum difference_kind kind)
{
	return kind_names[kind];
}

static bool in_set(const uint64_t values[4], unsigned value)
{
	return values[value / 64] >> (value % 64) & 1;
}

/* --- parsing ---------------------------------------------------------------------------------- */

struct parser {
	const char *name;
	unsigned number;
	char *error;
	size_t error_size;
};

__attribute__((format(printf, 2, 3))) static bool fail(const struct parser *parser,
                                                       const char *format, ...)
{
	va_list arguments;
	int size =
	    snprintf(parser->error, parser->error_size, "%s:%u: ", parser->name, parser->number);

	va_start(arguments, format);
	if (size >= 0 && (size_t)size < parser->error_size)
		vsnprintf(parser->error + size, parser->error_size - (size_t)size, format,
		          arguments);
	va_end(arguments);
	return false;
}

/* One of the words of a closed list that ends with NULL or after count; -1 after an error. */
static int parse_word(const struct parser *parser, const char *what, const char *word,
                      const char *const *words, size_t count)
{
	char allowed[512] = "";

	for (size_t i = 0; i < count; i++) {
		if (words[i] && !strcmp(word, words[i]))
			return (int)i;
	}
	for (size_t i = 0; i < count; i++) {
		size_t used = strlen(allowed);

		if (words[i])
			snprintf(allowed + used, sizeof(allowed) - used, "%s%s", used ? ", " : "",
			         words[i]);
	}
	fail(parser, "unknown %s '%s': one of %s", what, word, allowed);
	return -1;
}

static int parse_value(const struct parser *parser, int feature, const char *text)
{
	char *end;
	unsigned long value;

	if (!vocabulary[feature].base)
		return parse_word(parser, vocabulary[feature].name, text, vocabulary[feature].words,
		                  WORD_MAX);
	errno = 0;
	value = strtoul(text, &end, vocabulary[feature].base);
	if (errno || end == text || *end || *text == '-' || value > vocabulary[feature].maximum) {
		fail(parser, "'%s' is no value of %s: 0 to %u%s", text, vocabulary[feature].name,
		     vocabulary[feature].maximum,
		     vocabulary[feature].base == 16 ? ", in hexadecimal" : "");
		return -1;
	}
	return (int)value;
}

/* "a", "a-b"; words have no ranges. */
static bool parse_range(const struct parser *parser, struct difference_condition *condition,
                        char *text)
{
	char *dash = vocabulary[condition->feature].base ? strchr(text, '-') : NULL;
	int first, last;

	if (dash)
		*dash = '\0';
	first = parse_value(parser, condition->feature, text);
	last = dash ? parse_value(parser, condition->feature, dash + 1) : first;
	if (first < 0 || last < 0)
		return false;
	if (last < first)
		return fail(parser, "range of %s ends before it begins",
		            vocabulary[condition->feature].name);
	for (int value = first; value <= last; value++)
		condition->values[value / 64] |= UINT64_C(1) << (value % 64);
	return true;
}

/* without=CHANGES */
static bool parse_without(const struct parser *parser, struct difference_line *line, char *text)
{
	char *rest = NULL;

	for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		int change = parse_word(parser, "change", word, change_names, SHAPE_CHANGE_COUNT);

		if (change < 0)
			return false;
		line->without |= (uint16_t)(1u << change);
	}
	return true;
}

static bool parse_condition(const struct parser *parser, struct difference_line *line, char *text)
{
	const char *names[FEATURE_COUNT];
	struct difference_condition *condition = &line->conditions[line->condition_count];
	char *equals = strchr(text, '='), *rest = NULL;
	int feature;

	if (!equals)
		return fail(parser, "'%s' is no condition: FEATURE=VALUES", text);
	if (line->condition_count == DIFFERENCE_CONDITION_MAX)
		return fail(parser, "more than %d conditions", DIFFERENCE_CONDITION_MAX);
	*equals = '\0';
	if (!strcmp(text, "without"))
		return parse_without(parser, line, equals + 1);
	for (int i = 0; i < FEATURE_COUNT; i++)
		names[i] = vocabulary[i].name;
	feature = parse_word(parser, "feature", text, names, FEATURE_COUNT);
	if (feature < 0)
		return false;
	memset(condition, 0, sizeof(*condition));
	condition->feature = (uint8_t)feature;
	for (char *range = strtok_r(equals + 1, ",", &rest); range;
	     range = strtok_r(NULL, ",", &rest)) {
		if (!parse_range(parser, condition, range))
			return false;
	}
	line->condition_count++;
	return true;
}

/* "capstone sometimes rejects FEATURE=VALUES ..." */
static bool parse_claim(const struct parser *parser, struct difference_line *line, char *text)
{
	const char *oracles[ORACLE_COUNT];
	char *rest = NULL, *word = strtok_r(text, " \t", &rest);
	int oracle, kind;

	for (int i = 0; i < ORACLE_COUNT; i++)
		oracles[i] = oracle_name((enum oracle)i);
	oracle = parse_word(parser, "decoder", word ? word : "", oracles, ORACLE_COUNT);
	if (oracle < 0)
		return false;
	word = strtok_r(NULL, " \t", &rest);
	line->sometimes = word && !strcmp(word, "sometimes");
	if (line->sometimes)
		word = strtok_r(NULL, " \t", &rest);
	kind = parse_word(parser, "difference", word ? word : "", kind_names + 1,
	                  DIFFERENCE_KIND_COUNT - 1);
	if (kind < 0)
		return false;
	line->oracle = (uint8_t)oracle;
	line->kind = (uint8_t)(kind + 1);
	while ((word = strtok_r(NULL, " \t", &rest))) {
		if (!parse_condition(parser, line, word))
			return false;
	}
	return line->condition_count || line->without || fail(parser, "no condition");
}

static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (*text == ' ' || *text == '\t')
		text++;
	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return text;
}

/* CLAIM ; VERDICT ; SOURCE ; REASON. text is cut up. */
static bool parse_line(const struct parser *parser, struct difference_line *line, char *text)
{
	char *fields[4] = {text};
	bool known = false;

	for (int i = 1; i < 4; i++) {
		char *semicolon = strchr(fields[i - 1], ';');

		if (!semicolon)
			return fail(parser, "expected CLAIM ; VERDICT ; SOURCE ; REASON");
		*semicolon = '\0';
		fields[i] = semicolon + 1;
	}
	for (int i = 0; i < 4; i++)
		fields[i] = trim(fields[i]);
	if (parse_word(parser, "verdict", fields[1], verdicts,
	               sizeof(verdicts) / sizeof(*verdicts)) < 0)
		return false;
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		known = known || !strncmp(fields[2], sources[i], strlen(sources[i]));
	if (!known)
		return fail(parser, "unknown source '%s': begins with SDM, APM, 3DNow! or PadLock",
		            fields[2]);
	if (!*fields[3])
		return fail(parser, "no reason");
	return parse_claim(parser, line, fields[0]);
}

static bool add_line(const struct parser *parser, struct difference_table *table, char *text)
{
	struct difference_line *lines, line = {.number = parser->number, .text = text};
	char *copy;
	bool parsed;

	if (!*trim(text) || *text == '#')
		return true;
	if (table->line_count == UINT16_MAX)
		return fail(parser, "more than %d lines", UINT16_MAX);
	copy = strdup(text);
	if (!copy)
		return fail(parser, "out of memory");
	parsed = parse_line(parser, &line, copy);
	free(copy);
	if (!parsed)
		return false;
	lines = realloc(table->lines, (table->line_count + 1) * sizeof(*lines));
	if (!lines)
		return fail(parser, "out of memory");
	table->lines = lines;
	lines[table->line_count++] = line;
	return true;
}

/* --- the index -------------------------------------------------------------------------------- */

#define MODE_COUNT 3

/* The (encoding, map) pairs that there are, numbered without gaps. */
enum {
	FAMILY_LEGACY = 0,             /* 4 maps */
	FAMILY_3DNOW = 4,              /* 1 */
	FAMILY_VEX = 5,                /* 32: a field of 5 bits */
	FAMILY_EVEX = FAMILY_VEX + 32, /* 8: of 3 bits */
	FAMILY_XOP = FAMILY_EVEX + 8,  /* 32 */
	FAMILY_COUNT = FAMILY_XOP + 32
};

static size_t family_of(const struct shape *shape)
{
	static const uint8_t first[] = {
	    [ENCODING_LEGACY] = FAMILY_LEGACY, [ENCODING_3DNOW] = FAMILY_3DNOW,
	    [ENCODING_VEX] = FAMILY_VEX,       [ENCODING_EVEX] = FAMILY_EVEX,
	    [ENCODING_XOP] = FAMILY_XOP,
	};
	uint8_t encoding = shape->values[FEATURE_ENCODING];

	/* 3DNow! is in map 0F and has no other. */
	return first[encoding] + (encoding == ENCODING_3DNOW ? 0u : shape->values[FEATURE_MAP]);
}

static size_t bucket_number(enum oracle oracle, size_t mode, size_t family, size_t opcode)
{
	return ((oracle * MODE_COUNT + mode) * FAMILY_COUNT + family) * 256 + opcode;
}

/* What a family's shapes have as encoding and map. */
static void set_family(struct shape *shape, size_t family)
{
	static const uint8_t last[] = {FAMILY_3DNOW, FAMILY_VEX, FAMILY_EVEX, FAMILY_XOP,
	                               FAMILY_COUNT};
	size_t encoding = 0, first = 0;

	while (family >= last[encoding])
		first = last[encoding++];
	shape->values[FEATURE_ENCODING] = (uint8_t)encoding;
	shape->values[FEATURE_MAP] =
	    encoding == ENCODING_3DNOW ? OPCODE_MAP_0F : (uint8_t)(family - first);
}

/* Whether the line's conditions on what the index knows are met. */
static bool may_match(const struct difference_line *line, const struct shape *shape)
{
	for (size_t i = 0; i < line->condition_count; i++) {
		uint8_t feature = line->conditions[i].feature;

		if (feature <= FEATURE_OPCODE &&
		    !in_set(line->conditions[i].values, shape->values[feature]))
			return false;
	}
	return true;
}

/* Counts each bucket's lines, or stores them where members is not NULL; how many there are. */
static uint32_t fill_buckets(struct difference_table *table)
{
	uint32_t total = 0;
	struct shape shape = {0};

	for (size_t number = 0; number < ORACLE_COUNT * MODE_COUNT * FAMILY_COUNT * 256; number++) {
		struct difference_bucket *bucket = &table->buckets[number];
		size_t oracle = number / 256 / FAMILY_COUNT / MODE_COUNT;

		shape.values[FEATURE_OPCODE] = number % 256;
		shape.values[FEATURE_MODE] = number / 256 / FAMILY_COUNT % MODE_COUNT;
		set_family(&shape, number / 256 % FAMILY_COUNT);
		bucket->first = total;
		for (size_t i = 0; i < table->line_count; i++) {
			if (table->lines[i].oracle != oracle ||
			    !may_match(&table->lines[i], &shape))
				continue;
			if (table->members)
				table->members[total] = (uint16_t)i;
			total++;
		}
		bucket->count = total - bucket->first;
	}
	return total;
}

static bool make_index(struct difference_table *table)
{
	uint32_t total;

	table->buckets =
	    calloc(ORACLE_COUNT * MODE_COUNT * FAMILY_COUNT * 256, sizeof(*table->buckets));
	if (!table->buckets)
		return false;
	total = fill_buckets(table);
	table->members = calloc(total + 1u, sizeof(*table->members));
	if (!table->members)
		return false;
	fill_buckets(table);
	return true;
}

struct difference_bucket difference_bucket_of(const struct difference_table *table,
                                              enum oracle oracle, const struct shape *shape)
{
	return table->buckets[bucket_number(oracle, shape->values[FEATURE_MODE], family_of(shape),
	                                    shape->values[FEATURE_OPCODE])];
}

/* --- the table -------------------------------------------------------------------------------- */

bool difference_table_parse(const char *name, const char *text, struct difference_table *table,
                            char *error, size_t error_size)
{
	struct parser parser = {name, 0, error, error_size};
	char *rest;

	memset(table, 0, sizeof(*table));
	table->file = strdup(text);
	rest = table->file;
	while (rest && *rest) {
		char *line = strsep(&rest, "\n");

		parser.number++;
		if (!add_line(&parser, table, line)) {
			difference_table_free(table);
			return false;
		}
	}
	if (!table->file || !make_index(table)) {
		fail(&parser, "out of memory");
		difference_table_free(table);
		return false;
	}
	return true;
}

bool difference_table_read(const char *path, struct difference_table *table, char *error,
                           size_t error_size)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t allocated = 0;
	ssize_t size;
	bool read;

	memset(table, 0, sizeof(*table));
	if (!file) {
		snprintf(error, error_size, "%s: %s", path, strerror(errno));
		return false;
	}
	size = getdelim(&text, &allocated, '\0', file);
	fclose(file);
	read = difference_table_parse(path, size > 0 ? text : "", table, error, error_size);
	free(text);
	return read;
}

void difference_table_free(struct difference_table *table)
{
	free(table->lines);
	free(table->buckets);
	free(table->members);
	free(table->file);
	memset(table, 0, sizeof(*table));
}

bool difference_line_matches(const struct difference_line *line, const struct shape *shape,
                             bool with_by)
{
	for (size_t i = 0; i < line->condition_count; i++) {
		uint8_t feature = line->conditions[i].feature;

		if (feature == FEATURE_BY && !with_by)
			continue;
		if (!in_set(line->conditions[i].values, shape->values[feature]))
			return false;
	}
	return true;
}

void difference_describe(char *text, size_t size, enum feature feature, const uint64_t values[4])
{
	size_t used = (size_t)snprintf(text, size, "%s=", vocabulary[feature].name);
	const char *comma = "";

	for (unsigned value = 0; value <= vocabulary[feature].maximum && used < size; value++) {
		unsigned last = value;

		if (!in_set(values, value))
			continue;
		while (vocabulary[feature].base && last < vocabulary[feature].maximum &&
		       in_set(values, last + 1))
			last++;
		if (!vocabulary[feature].base)
			used += (size_t)snprintf(text + used, size - used, "%s%s", comma,
			                         vocabulary[feature].words[value]);
		else
			used += (size_t)snprintf(text + used, size - used,
			                         vocabulary[feature].base == 16 ? "%s%02x" : "%s%u",
			                         comma, value);
		if (last > value && used < size)
			used += (size_t)snprintf(text + used, size - used,
			                         vocabulary[feature].base == 16 ? "-%02x" : "-%u",
			                         last);
		value = last;
		comma = ",";
	}
}
