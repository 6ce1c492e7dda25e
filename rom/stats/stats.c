/* SPDX-License-Identifier: BSD-2-Clause */
#include "rom/stats/stats.h"

#include "rom/devices/divide.h"

#define LINE_SIZE   128
#define NAME_SIZE   64 /* of the longest name that is written */
#define DIGITS      20 /* of the largest number */
#define LINE_END    "\r\n"
#define HASH_FACTOR 0x9e3779b1u /* 2^32 / golden ratio: Knuth, vol. 3, section 6.4 */

#define ROM_CALL(number, name) [number] = #name,
static const char *const call_names[ROM_SLOT_COUNT] = {
#include "rom_calls.h" /* generated */
};

/* --- lines ------------------------------------------------------------------------------------ */

struct line {
	char text[LINE_SIZE];
	size_t size;
};

static void add_character(struct line *line, char character)
{
	if (line->size < LINE_SIZE - sizeof(LINE_END))
		line->text[line->size++] = character;
}

static void add_word(struct line *line, const char *word)
{
	unsigned int room = NAME_SIZE;

	add_character(line, ' ');
	for (; *word && room; word++, room--)
		add_character(line, *word > ' ' && *word < 0x7f ? *word : '?');
}

static void add_number(struct line *line, uint64_t number)
{
	char digits[DIGITS + 1];
	unsigned int i = DIGITS;
	uint32_t digit;

	digits[i] = '\0';
	do {
		number = divide(number, 10, &digit);
		digits[--i] = (char)('0' + digit);
	} while (number);
	add_word(line, digits + i);
}

static void add_address(struct line *line, uint32_t address)
{
	char digits[] = "0x00000000";

	for (unsigned int i = 9; i >= 2; i--, address >>= 4)
		digits[i] = "0123456789abcdef"[address & 15];
	add_word(line, digits);
}

static struct line new_line(const char *kind)
{
	static const char start[] = "postburn-stats";
	struct line line;

	line.size = 0;
	for (unsigned int i = 0; start[i]; i++)
		add_character(&line, start[i]);
	add_word(&line, kind);
	return line;
}

static void put_line(struct stats_writer *writer, struct line *line)
{
	line->text[line->size++] = LINE_END[0];
	line->text[line->size++] = LINE_END[1];
	writer->put(writer->context, line->text, line->size);
	writer->lines++;
}

/* --- counting --------------------------------------------------------------------------------- */

void stats_count_site(struct stats *stats, uint32_t address, uint32_t call)
{
	uint32_t first = address * HASH_FACTOR >> 16;

	for (uint32_t i = 0; i < STATS_SITES; i++) {
		struct stats_site *site = &stats->sites[(first + i) % STATS_SITES];

		if (!site->address) {
			site->address = address;
			site->call = call;
		}
		if (site->address == address) {
			site->count += site->count < UINT32_MAX;
			return;
		}
	}
	stats->other_sites++;
}

/* --- the table -------------------------------------------------------------------------------- */

void stats_begin(struct stats_writer *writer, const char *rom)
{
	struct line line = new_line("begin");

	writer->lines = 0;
	add_number(&line, STATS_VERSION);
	add_word(&line, rom);
	put_line(writer, &line);
}

void stats_write_count(struct stats_writer *writer, const char *name, uint64_t count)
{
	struct line line = new_line("count");

	add_word(&line, name);
	add_number(&line, count);
	put_line(writer, &line);
}

static void write_call(struct stats_writer *writer, uint32_t number, uint64_t count)
{
	struct line line = new_line("call");

	add_number(&line, number);
	add_word(&line, call_names[number] ? call_names[number] : "?");
	add_number(&line, count);
	put_line(writer, &line);
}

static void write_site(struct stats_writer *writer, const struct stats_site *site)
{
	struct line line = new_line("site");

	add_address(&line, site->address);
	if (site->call)
		add_number(&line, site->call);
	else
		add_word(&line, "-");
	add_number(&line, site->count);
	put_line(writer, &line);
}

void stats_write(struct stats_writer *writer, const struct stats *stats)
{
	for (uint32_t i = 0; i < ROM_SLOT_COUNT; i++)
		if (stats->calls[i])
			write_call(writer, i, stats->calls[i]);
	for (uint32_t i = 0; i < STATS_SITES; i++)
		if (stats->sites[i].address)
			write_site(writer, &stats->sites[i]);
	stats_write_count(writer, "other-sites", stats->other_sites);
}

void stats_end(struct stats_writer *writer)
{
	struct line line = new_line("end");

	add_number(&line, writer->lines);
	put_line(writer, &line);
}

/* --- the command line ------------------------------------------------------------------------- */

static bool is_blank(char character)
{
	return character == ' ' || character == '\t' || character == '\n';
}

/* Whether text begins with the word, and what follows ends it; *behind is what follows. */
static bool begins_with(const char *text, const char *word, const char **behind)
{
	while (*word && *text == *word) {
		text++;
		word++;
	}
	*behind = text;
	return !*word;
}

/* Whether a list A,B,C that ends with a blank or the text has the word. */
static bool list_has(const char *list, const char *word)
{
	const char *behind;

	for (;;) {
		if (begins_with(list, word, &behind) &&
		    (!*behind || *behind == ',' || is_blank(*behind)))
			return true;
		while (*list && *list != ',' && !is_blank(*list))
			list++;
		if (*list++ != ',')
			return false;
	}
}

bool stats_option(const char *command_line, const char *word)
{
	const char *list;

	while (*command_line) {
		if (begins_with(command_line, "rom=", &list) && list_has(list, word))
			return true;
		while (*command_line && !is_blank(*command_line))
			command_line++;
		while (is_blank(*command_line))
			command_line++;
	}
	return false;
}
