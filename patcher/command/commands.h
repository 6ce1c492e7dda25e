/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_COMMANDS_H
#define PATCHER_COMMANDS_H

/*
 * The subcommands. Names, options and their texts are those of patcher/command/commands.def; each
 * command is a function command_NAME() that takes its own words (arguments[0] is the subcommand)
 * and gives the exit status.
 */

#include <argp.h>
#include <stdbool.h>

#include "commands_table.h" /* generated: enum command_number, OPTION_<COMMAND>_<OPTION> */

#define POSTBURN_VERSION "0.1.0"

enum exit_status {
	EXIT_STATUS_DONE = 0,
	EXIT_STATUS_ERROR = 1, /* the input or the output: nothing was written */
	EXIT_STATUS_USAGE = 2,
	EXIT_STATUS_UNPATCHED = 3 /* patch --allow-unpatched: some sites stay as they are */
};

struct command {
	const char *name;
	int (*run)(int count, char **arguments);
	const char *summary, *arguments;
	const char *about; /* argp's: what it does, \v, its exit statuses */
	const struct argp_option *options;
	const char *const *words; /* for each option: the words its value may be, "a|b", or NULL */
};

extern const struct command command_table[COMMAND_COUNT];

/*
 * Parses a command's words with `parse`, whose state->input is `input`; values that are none of
 * their option's words do not reach it. false: they were not understood, and a message said so.
 */
bool command_parse(enum command_number command, argp_parser_t parse, int count, char **arguments,
                   void *input);

/* Which of the option's words the value is, from 0 on, in the order of commands.def. */
int command_word(enum command_number command, int option, const char *value);

/* Whether `word` is so near to `name` that the one may have been meant by the other. */
bool command_is_near(const char *word, const char *name);

#endif
