/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "patcher/command/commands.h"

struct command {
	const char *name;
	int (*run)(int count, char **arguments);
	const char *summary;
};

static const struct command commands[] = {
    {"scan", command_scan, "find every sensitive instruction of a kernel"},
    {"patch", command_patch, "rewrite them into calls of a ROM, and link the ROM"},
    {"verify", command_verify, "read a rewritten kernel again, and prove it right"},
    {"rom", command_rom, "list the slots of a ROM or of a rewritten kernel"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *stream)
{
	fputs("Usage: postburn COMMAND [OPTION...] ...\n"
	      "Rewrites a finished i386 kernel so that it runs without privileges.\n\n"
	      "Commands:\n",
	      stream);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(stream, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n`postburn COMMAND --help` lists a command's options.\n", stream);
}

/* The number of single-letter changes from one word to the other, counted up to a small limit. */
static unsigned int word_distance(const char *from, const char *to)
{
	unsigned int row[32];
	size_t width = strlen(to);

	if (width >= sizeof(row) / sizeof(row[0]))
		return 99;
	for (size_t i = 0; i <= width; i++)
		row[i] = (unsigned int)i;
	for (; *from; from++) {
		unsigned int diagonal = row[0]++;

		for (size_t i = 1; i <= width; i++) {
			unsigned int best = diagonal + (*from != to[i - 1]);

			diagonal = row[i];
			if (row[i] + 1 < best)
				best = row[i] + 1;
			if (row[i - 1] + 1 < best)
				best = row[i - 1] + 1;
			row[i] = best;
		}
	}
	return row[width];
}

static int unknown_command(const char *word)
{
	fprintf(stderr, "postburn: unknown command '%.64s'", word);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strlen(word) < 32 && word_distance(word, commands[i].name) <= 2)
			fprintf(stderr, ": did you mean '%s'?", commands[i].name);
	fputs("\nTry `postburn --help'.\n", stderr);
	return EXIT_STATUS_USAGE;
}

int main(int count, char **arguments)
{
	if (count < 2) {
		print_help(stderr);
		return EXIT_STATUS_USAGE;
	}
	if (!strcmp(arguments[1], "--help") || !strcmp(arguments[1], "-h")) {
		print_help(stdout);
		return EXIT_STATUS_DONE;
	}
	if (!strcmp(arguments[1], "--version") || !strcmp(arguments[1], "-V")) {
		printf("postburn %s\n", POSTBURN_VERSION);
		return EXIT_STATUS_DONE;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (!strcmp(arguments[1], commands[i].name))
			return commands[i].run(count - 1, arguments + 1);
	return unknown_command(arguments[1]);
}
