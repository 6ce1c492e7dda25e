/* SPDX-License-Identifier: BSD-2-Clause */

/* What all commands do with their words: argp, and what it has no words for. */

#include <stdio.h>
#include <string.h>

#include "patcher/command/commands.h"

/* What wrapped_parse() needs besides the command's own input. */
struct invocation {
	const struct command *command;
	argp_parser_t parse;
	void *input;
};

static size_t option_index(const struct command *command, int key)
{
	size_t i = 0;

	while (command->options[i].name && command->options[i].key != key)
		i++;
	return i;
}

/* The place of `word` among "a|b|c", or -1. */
static int word_index(const char *words, const char *word)
{
	size_t size = strlen(word);

	for (int i = 0; words; i++) {
		const char *end = strchr(words, '|');
		size_t length = end ? (size_t)(end - words) : strlen(words);

		if (length == size && !memcmp(words, word, size))
			return i;
		words = end ? end + 1 : NULL;
	}
	return -1;
}

int command_word(enum command_number command, int option, const char *value)
{
	const struct command *entry = &command_table[command];

	return word_index(entry->words[option_index(entry, option)], value);
}

static void refuse_word(const struct argp_state *state, const char *option, const char *words,
                        const char *word)
{
	char allowed[256] = "";
	size_t size = 0;

	for (const char *p = words; *p && size + 3 < sizeof(allowed); p++) {
		allowed[size++] = *p == '|' ? ',' : *p;
		if (*p == '|')
			allowed[size++] = ' ';
	}
	allowed[size] = '\0';
	argp_error(state, "--%s: unknown word '%s' (allowed: %s)", option, word, allowed);
}

static error_t wrapped_parse(int key, char *argument, struct argp_state *state)
{
	struct invocation *invocation = state->input;
	const struct command *command = invocation->command;
	size_t index = option_index(command, key);
	const char *words = command->words[index];
	error_t result;

	if (words && word_index(words, argument) < 0)
		refuse_word(state, command->options[index].name, words, argument);
	state->input = invocation->input;
	result = invocation->parse(key, argument, state);
	state->input = invocation;
	return result;
}

/* --- mistyped options ------------------------------------------------------------------------- */

/* Whether getopt takes `word`, without its value, for one of the command's options. */
static const struct argp_option *find_option(const struct command *command, const char *word,
                                             size_t length)
{
	for (const struct argp_option *option = command->options; option->name; option++)
		if (!strncmp(option->name, word, length))
			return option;
	return NULL;
}

static bool is_argp_option(const char *word, size_t length)
{
	return !strncmp("help", word, length) || !strncmp("usage", word, length);
}

static void complain(const struct command *command, const char *word, size_t length)
{
	char mistyped[64];

	snprintf(mistyped, sizeof(mistyped), "%.*s", (int)length, word);
	fprintf(stderr, "postburn %s: unknown option '--%s'", command->name, mistyped);
	for (const struct argp_option *option = command->options; option->name; option++)
		if (command_is_near(mistyped, option->name)) {
			fprintf(stderr, ": did you mean '--%s'?", option->name);
			break;
		}
	fprintf(stderr, "\nTry `postburn %s --help'.\n", command->name);
}

/* getopt's own complaint knows no better word. */
static bool check_long_options(const struct command *command, int count, char **arguments)
{
	for (int i = 1; i < count && strcmp(arguments[i], "--") != 0; i++) {
		const char *word = arguments[i] + 2;
		const struct argp_option *option;
		size_t length;

		if (strncmp(arguments[i], "--", 2) != 0)
			continue;
		length = strcspn(word, "=");
		option = find_option(command, word, length);
		if (!option && !is_argp_option(word, length)) {
			complain(command, word, length);
			return false;
		}
		if (option && option->arg && !word[length])
			i++; /* its value, whatever it looks like */
	}
	return true;
}

bool command_parse(enum command_number command, argp_parser_t parse, int count, char **arguments,
                   void *input)
{
	const struct command *entry = &command_table[command];
	struct invocation invocation = {entry, parse, input};
	const struct argp argp = {.options = entry->options,
	                          .parser = wrapped_parse,
	                          .args_doc = entry->arguments,
	                          .doc = entry->about};
	char name[64];

	snprintf(name, sizeof(name), "postburn %s", entry->name);
	arguments[0] = name;
	argp_err_exit_status = EXIT_STATUS_USAGE;
	return check_long_options(entry, count, arguments) &&
	       !argp_parse(&argp, count, arguments, 0, NULL, &invocation);
}
