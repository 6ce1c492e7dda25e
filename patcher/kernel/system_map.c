/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Symbols from a System.map: lines as nm prints them, "ADDRESS TYPE NAME", the address in
 * hexadecimal.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/kernel/kernel_private.h"

/* No kernel's System.map comes near; the names are copied once. */
#define LARGEST_MAP ((size_t)256 << 20)

struct line {
	uint64_t address;
	char type;
	const char *name;
	size_t length; /* of the name */
};

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

/* Takes a line apart. false: it is none of a System.map. */
static bool parse_line(const char *text, const char *end, struct line *line)
{
	const char *start = text;

	line->address = 0;
	while (text < end && hexadecimal_digit(*text) >= 0)
		line->address = line->address << 4 | (unsigned int)hexadecimal_digit(*text++);
	if (text == start || text - start > 16 || end - text < 4 || text[0] != ' ' ||
	    text[2] != ' ' || !(isalpha((unsigned char)text[1]) || text[1] == '?'))
		return false;
	line->type = text[1];
	line->name = text + 3;
	line->length = 0;
	while (line->name + line->length < end && line->name[line->length] > ' ' &&
	       line->name[line->length] <= '~')
		line->length++;
	return line->length > 0;
}

static bool add_symbol(struct kernel *kernel, const struct line *line, char **names)
{
	/* Debian ships a stub whose only line explains where the real file is. */
	if (line->type == 'B' && line->length == 3 && memcmp(line->name, "The", 3) == 0 &&
	    line->name[3] == ' ')
		return false;
	if (line->type == 'U' || line->type == 'u')
		return true;
	memcpy(*names, line->name, line->length);
	(*names)[line->length] = '\0';
	kernel->symbols[kernel->symbol_count++] = (struct kernel_symbol){
	    .name = *names,
	    .address = line->address,
	    .section = NO_INDEX,
	    .type = kernel_symbol_type_of_letter(line->type),
	    .weak = line->type == 'w' || line->type == 'W',
	};
	*names += line->length + 1;
	return true;
}

static bool parse_map(struct kernel *kernel, const struct input_file *map, struct problem *problem)
{
	const char *text = (const char *)map->bytes, *end = text + map->size;
	char *names = kernel->private->names;

	for (size_t number = 1; text < end; number++) {
		const char *line_end = memchr(text, '\n', (size_t)(end - text));
		struct line line;

		if (!line_end)
			line_end = end;
		if (!parse_line(text, line_end, &line))
			return problem_report(problem, SYSTEM_MAP_LINE, number);
		if (!add_symbol(kernel, &line, &names))
			return problem_report(problem, SYSTEM_MAP_STUB);
		text = line_end + 1;
	}
	return true;
}

/* Makes room for as many symbols as there can be lines, and reads them. */
static bool read_map(struct kernel *kernel, const struct input_file *map, struct problem *problem)
{
	size_t lines = 1;

	if (map->size > LARGEST_MAP)
		return problem_report(problem, SYSTEM_MAP_TOO_LARGE, map->size, LARGEST_MAP);
	for (size_t i = 0; i < map->size; i++)
		lines += map->bytes[i] == '\n';
	kernel->private->names = malloc(map->size + 1);
	kernel->symbols = calloc(lines, sizeof(*kernel->symbols));
	if (!kernel->private->names || !kernel->symbols)
		return problem_report(problem, OUT_OF_MEMORY);
	kernel->symbol_source = SYMBOLS_SYSTEM_MAP;
	return parse_map(kernel, map, problem);
}

/* Whether the map can be this kernel's: its linux_banner must be where the image has one, and its
 * code in the kernel. */
static bool check_kernel(const struct kernel *kernel, struct problem *problem)
{
	size_t functions = 0, inside = 0;

	for (size_t i = 0; i < kernel->symbol_count; i++) {
		const struct kernel_symbol *symbol = &kernel->symbols[i];
		const uint8_t *bytes;

		if (symbol->type == SYMBOL_FUNCTION) {
			functions++;
			inside += kernel_segment_at(kernel, symbol->address) != NULL;
		}
		if (strcmp(symbol->name, "linux_banner") != 0)
			continue;
		bytes = kernel_bytes_at(kernel, symbol->address, 14);
		if (!bytes || memcmp(bytes, "Linux version ", 14) != 0)
			return problem_report(problem, SYSTEM_MAP_OTHER_KERNEL,
			                      WIDE(symbol->address));
	}
	if (inside < functions / 2 || functions == 0)
		return problem_report(problem, SYSTEM_MAP_OUTSIDE, inside, functions);
	return true;
}

bool kernel_read_system_map(struct kernel *kernel, const char *path, struct problem *problem)
{
	struct input_file map;
	bool done;

	if (kernel->format == KERNEL_FORMAT_MODULE) {
		done = problem_report(problem, SYSTEM_MAP_MODULE);
	} else if ((done = input_file_read(path, &map, problem))) {
		done = read_map(kernel, &map, problem) && check_kernel(kernel, problem);
		input_file_close(&map);
	}
	if (!done)
		problem->file = path;
	return done;
}
