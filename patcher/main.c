/* SPDX-License-Identifier: BSD-2-Clause */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "patcher/command/commands.h"

static void print_help(FILE *stream)
{
	fputs("Usage: postburn COMMAND [OPTION...] ...\n"
	      "Rewrites a finished i386 kernel so that it runs without privileges.\n\n"
	      "Commands:\n",
	      stream);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(stream, "  %-10s %s\n", command_table[i].name, command_table[i].summary);
	fputs("\n`postburn COMMAND --help` lists a command's options.\n", stream);
}

static int unknown_command(const char *word)
{
	fprintf(stderr, "postburn: unknown command '%.64s'", word);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (command_is_near(word, command_table[i].name))
			fprintf(stderr, ": did you mean '%s'?", command_table[i].name);
	fputs("\nTry `postburn --help'.\n", stderr);
	return EXIT_STATUS_USAGE;
}

int main(int count, char **arguments)
{
	/* A file that grows beyond its limit is an error like a full disk, not the end. */
	signal(SIGXFSZ, SIG_IGN);
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
		if (!strcmp(arguments[1], command_table[i].name))
			return command_table[i].run(count - 1, arguments + 1);
	return unknown_command(arguments[1]);
}
