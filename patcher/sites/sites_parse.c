/* SPDX-License-Identifier: BSD-2-Clause */

/* The sites file, docs/postburn-sites.5: a head line, then a site a line. */

#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/kernel/input_file.h"
#include "patcher/sites/sites.h"
#include "patchtables/vmi_calls.h"

#define HEAD         "postburn-sites 1"
#define LARGEST_FILE ((size_t)16 << 20) /* bytes; a kernel has some hundred such sites */
#define LONGEST_LINE 1024               /* bytes, without the newline */
#define WORD_SIZE    600 /* of a word in a message, with its NUL: any symbol of Linux fits */
#define HEX_SIZE     (2 * INSTRUCTION_MAX_LENGTH + 1)

struct parser {
	const struct scan *scan;
	struct extra_sites *list;
	struct problem *problem;
	const struct kernel_symbol **names; /* ascending names; NULL until one is asked for */
	size_t number;                      /* of the line, from 1 */
};

/* A site's line, taken apart. */
struct site_line {
	struct extra_site site;
	uint8_t expected[INSTRUCTION_MAX_LENGTH];
	size_t expected_size; /* 0: none given */
};

/* A piece of a line; not terminated. */
struct word {
	const char *text;
	size_t length;
};

static bool word_is(struct word word, const char *text)
{
	return word.length == strlen(text) && !memcmp(word.text, text, word.length);
}

/* The word for a message: terminated, and cut if it is too long. */
static const char *show(struct word word, char buffer[WORD_SIZE])
{
	snprintf(buffer, WORD_SIZE, "%.*s", (int)word.length, word.text);
	return buffer;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Takes the next word off line; its length is 0 at the end. */
static struct word next_word(struct word *line)
{
	struct word word;

	while (line->length && is_blank(*line->text)) {
		line->text++;
		line->length--;
	}
	word.text = line->text;
	for (word.length = 0; word.length < line->length; word.length++)
		if (is_blank(word.text[word.length]))
			break;
	line->text += word.length;
	line->length -= word.length;
	return word;
}

static int hexadecimal_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Reads "0x" and one to sixteen digits, the whole word. */
static bool parse_number(struct word word, uint64_t *value)
{
	*value = 0;
	if (word.length < 3 || word.length > 18 || word.text[0] != '0' || word.text[1] != 'x')
		return false;
	for (size_t i = 2; i < word.length; i++) {
		int digit = hexadecimal_digit(word.text[i]);

		if (digit < 0)
			return false;
		*value = *value << 4 | (unsigned int)digit;
	}
	return true;
}

/* --- symbols ------------------------------------------------------------------------ */

static int compare_names(const void *left, const void *right)
{
	const struct kernel_symbol *a = *(const struct kernel_symbol *const *)left;
	const struct kernel_symbol *b = *(const struct kernel_symbol *const *)right;

	return strcmp(a->name, b->name);
}

static bool index_names(struct parser *parser)
{
	const struct kernel *kernel = parser->scan->kernel;

	if (parser->names)
		return true;
	parser->names = calloc(kernel->symbol_count + 1, sizeof(const struct kernel_symbol *));
	if (!parser->names)
		return problem_report(parser->problem, OUT_OF_MEMORY);
	for (size_t i = 0; i < kernel->symbol_count; i++)
		parser->names[i] = &kernel->symbols[i];
	if (kernel->symbol_count)
		qsort(parser->names, kernel->symbol_count, sizeof(const struct kernel_symbol *),
		      compare_names);
	return true;
}

/* How name compares with the word, as strcmp() does. */
static int compare_name(const char *name, struct word word)
{
	int order = strncmp(name, word.text, word.length);

	return order ? order : name[word.length] != '\0';
}

/* The address of the one place that symbols of that name have. */
static bool find_symbol(struct parser *parser, struct word name, uint64_t *address)
{
	size_t low = 0, high = parser->scan->kernel->symbol_count, count = high;
	char shown[WORD_SIZE];

	if (!index_names(parser))
		return false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_name(parser->names[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == count || compare_name(parser->names[low]->name, name))
		return problem_report(parser->problem, SITES_SYMBOL, parser->number,
		                      show(name, shown));
	*address = parser->names[low]->address;
	for (size_t i = low + 1; i < count && !compare_name(parser->names[i]->name, name); i++)
		if (parser->names[i]->address != *address)
			return problem_report(parser->problem, SITES_SYMBOL_PLACES, parser->number,
			                      show(name, shown), WIDE(*address),
			                      WIDE(parser->names[i]->address));
	return true;
}

/* --- the parts of a line ------------------------------------------------------------ */

/* 0xADDRESS, SYMBOL or SYMBOL+0xOFFSET. */
static bool parse_place(struct parser *parser, struct word word, uint64_t *address)
{
	struct word name = word, offset;
	uint64_t distance = 0;
	const char *plus = memchr(word.text, '+', word.length);
	char shown[WORD_SIZE];

	if (word.text[0] >= '0' && word.text[0] <= '9') {
		if (parse_number(word, address))
			return true;
		return problem_report(parser->problem, SITES_PLACE, parser->number,
		                      show(word, shown));
	}
	if (plus) {
		name.length = (size_t)(plus - word.text);
		offset = (struct word){plus + 1, word.length - name.length - 1};
		if (!parse_number(offset, &distance) || !name.length)
			return problem_report(parser->problem, SITES_PLACE, parser->number,
			                      show(word, shown));
	}
	if (!find_symbol(parser, name, address))
		return false;
	*address += distance; /* if it wraps: there is no code */
	return true;
}

/* A call that a site may have: those that write page-table entries ("PxE", in VMI's names). */
static bool is_page_table_call(const struct vmi_call_description *call)
{
	return strstr(call->name, "PxE") && (call->clobbers & CALL_PLACE_MEMORY);
}

static bool refuse_call(struct parser *parser, struct word word)
{
	char shown[WORD_SIZE], allowed[512] = "pte";

	for (size_t i = 0; i < vmi_call_count; i++) {
		size_t used = strlen(allowed);

		if (is_page_table_call(&vmi_calls[i]))
			snprintf(allowed + used, sizeof(allowed) - used, ", %s", vmi_calls[i].name);
	}
	return problem_report(parser->problem, SITES_CALL, parser->number, show(word, shown),
	                      allowed);
}

static bool parse_call(struct parser *parser, struct word word, uint16_t *number)
{
	*number = 0;
	if (word_is(word, "pte"))
		return true;
	for (size_t i = 0; i < vmi_call_count; i++)
		if (is_page_table_call(&vmi_calls[i]) && word_is(word, vmi_calls[i].name))
			*number = vmi_calls[i].number;
	return *number || refuse_call(parser, word);
}

static bool parse_bytes(struct parser *parser, struct word word, struct site_line *line)
{
	char shown[WORD_SIZE];

	line->expected_size = word.length / 2;
	for (size_t i = 0; i < word.length / 2 && i < INSTRUCTION_MAX_LENGTH; i++) {
		int high = hexadecimal_digit(word.text[2 * i]);
		int low = hexadecimal_digit(word.text[2 * i + 1]);

		if (high < 0 || low < 0)
			line->expected_size = 0;
		else
			line->expected[i] = (uint8_t)(high << 4 | low);
		if (!line->expected_size)
			break;
	}
	if (!line->expected_size || word.length % 2 || line->expected_size > INSTRUCTION_MAX_LENGTH)
		return problem_report(parser->problem, SITES_BYTES, parser->number,
		                      show(word, shown));
	return true;
}

/* The fields behind place and call: bytes=HEX, then origin=TEXT up to the line's end. */
static bool parse_fields(struct parser *parser, struct word rest, struct site_line *line,
                         char origin[LONGEST_LINE + 1])
{
	static const char bytes_key[] = "bytes=", origin_key[] = "origin=";
	const size_t bytes_length = sizeof(bytes_key) - 1, origin_length = sizeof(origin_key) - 1;
	char shown[WORD_SIZE];
	struct word word = next_word(&rest);

	if (word.length >= bytes_length && !memcmp(word.text, bytes_key, bytes_length)) {
		struct word value = {word.text + bytes_length, word.length - bytes_length};

		if (!parse_bytes(parser, value, line))
			return false;
		word = next_word(&rest);
	}
	if (word.length > origin_length && !memcmp(word.text, origin_key, origin_length)) {
		const char *end = rest.text + rest.length;

		memcpy(origin, word.text + origin_length,
		       (size_t)(end - word.text) - origin_length);
		origin[(size_t)(end - word.text) - origin_length] = '\0';
		line->site.origin = origin;
		return true;
	}
	return !word.length ||
	       problem_report(parser->problem, SITES_FIELD, parser->number, show(word, shown));
}

/* --- lines -------------------------------------------------------------------------- */

static const char *hexadecimal(const uint8_t *bytes, size_t size, char text[HEX_SIZE])
{
	for (size_t i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return text;
}

/* Adds the site, if the kernel has there what the line says. */
static bool add_site(struct parser *parser, const struct site_line *line)
{
	const struct extra_site *added;
	char expected[HEX_SIZE], found_bytes[HEX_SIZE];
	bool found;

	if (!extra_sites_add(parser->list, parser->scan, &line->site, &found, parser->problem))
		return false;
	if (!found)
		return problem_report(parser->problem, SITES_NOT_CODE, parser->number,
		                      WIDE(line->site.address));
	added = &parser->list->sites[parser->list->count - 1];
	if (line->expected_size && (line->expected_size != added->length ||
	                            memcmp(line->expected, added->bytes, added->length) != 0))
		return problem_report(parser->problem, SITES_OTHER_BYTES, parser->number,
		                      WIDE(line->site.address),
		                      hexadecimal(added->bytes, added->length, found_bytes),
		                      hexadecimal(line->expected, line->expected_size, expected));
	return true;
}

static bool parse_site(struct parser *parser, struct word text)
{
	char origin[LONGEST_LINE + 1];
	struct site_line line = {
	    .site = {.source = EXTRA_SITE_FILE, .line = (uint32_t)parser->number},
	};
	struct word place = next_word(&text), call = next_word(&text);

	return parse_place(parser, place, &line.site.address) &&
	       parse_call(parser, call, &line.site.call) &&
	       parse_fields(parser, text, &line, origin) && add_site(parser, &line);
}

/* Checks the line's characters, and cuts its comment and the blanks at its end off. */
static bool clean_line(struct parser *parser, struct word *line)
{
	size_t end = line->length;

	if (line->length > LONGEST_LINE)
		return problem_report(parser->problem, SITES_LONG_LINE, parser->number,
		                      line->length);
	for (size_t i = 0; i < line->length; i++) {
		char c = line->text[i];

		if (!is_blank(c) && (c < ' ' || c > '~'))
			return problem_report(parser->problem, SITES_CHARACTER, parser->number,
			                      (unsigned int)(unsigned char)c);
		if (c == '#' && end == line->length && (!i || is_blank(line->text[i - 1])))
			end = i;
	}
	line->length = end;
	while (line->length && is_blank(line->text[line->length - 1]))
		line->length--;
	return true;
}

static bool parse_lines(struct parser *parser, const char *text, const char *end)
{
	bool head = false;

	while (text < end) {
		const char *line_end = memchr(text, '\n', (size_t)(end - text));
		struct word line = {text, (size_t)((line_end ? line_end : end) - text)};

		parser->number++;
		text = line_end ? line_end + 1 : end;
		if (!clean_line(parser, &line))
			return false;
		if (!line.length)
			continue;
		if (head && !parse_site(parser, line))
			return false;
		if (!head && !word_is(line, HEAD))
			return problem_report(parser->problem, SITES_HEAD, parser->number);
		head = true;
	}
	return head || problem_report(parser->problem, SITES_HEAD, parser->number);
}

/* --- the whole ---------------------------------------------------------------------- */

static int compare_places(const void *left, const void *right)
{
	const struct extra_site *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return (a->line > b->line) - (a->line < b->line);
}

/* Two lines for one instruction are a mistake in the file. */
static bool check_twice(const struct extra_sites *read, struct problem *problem)
{
	if (read->count)
		qsort(read->sites, read->count, sizeof(*read->sites), compare_places);
	for (size_t i = 1; i < read->count; i++)
		if (read->sites[i].address == read->sites[i - 1].address)
			return problem_report(problem, SITES_TWICE, (size_t)read->sites[i].line,
			                      WIDE(read->sites[i].address),
			                      (size_t)read->sites[i - 1].line);
	return true;
}

/* Moves all that was read to the list. false: memory; both are as they were. */
static bool take_over(struct extra_sites *list, struct extra_sites *read)
{
	size_t count = list->count + read->count;
	struct extra_site *grown;

	if (!read->count)
		return true;
	grown = realloc(list->sites, count * sizeof(*grown));
	if (!grown)
		return false;
	memcpy(grown + list->count, read->sites, read->count * sizeof(*grown));
	list->sites = grown;
	list->count = list->capacity = count;
	read->count = 0;
	extra_sites_sort(list);
	return true;
}

bool extra_sites_parse(const uint8_t *bytes, size_t size, const struct scan *scan,
                       struct extra_sites *list, struct problem *problem)
{
	struct extra_sites read = {0};
	struct parser parser = {.scan = scan, .list = &read, .problem = problem};
	bool done;

	if (size > LARGEST_FILE)
		return problem_report(problem, SITES_LARGE, size, LARGEST_FILE);
	done = parse_lines(&parser, (const char *)bytes, (const char *)bytes + size) &&
	       check_twice(&read, problem);
	if (done && !take_over(list, &read))
		done = problem_report(problem, OUT_OF_MEMORY);
	free(parser.names);
	extra_sites_free(&read);
	return done;
}

bool extra_sites_read(const char *path, const struct scan *scan, struct extra_sites *list,
                      struct problem *problem)
{
	struct input_file file;
	bool done;

	if (!input_file_read(path, &file, problem)) {
		problem->file = path;
		return false;
	}
	done = extra_sites_parse(file.bytes, file.size, scan, list, problem);
	input_file_close(&file);
	if (!done)
		problem->file = path;
	return done;
}
