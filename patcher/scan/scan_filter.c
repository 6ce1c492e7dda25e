/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/scan/scan_filter.h"

#include <string.h>

typedef const char *word_of_form(const struct sensitive_form *form);

static const char *class_of(const struct sensitive_form *form)
{
	return form->class_name;
}

static const char *call_of(const struct sensitive_form *form)
{
	return form->call_name;
}

/* The number of bytes of the first word of list. */
static size_t word_length(const char *list)
{
	return strcspn(list, ",");
}

static bool list_has(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (;;) {
		size_t first = word_length(list);

		if (first == length && !memcmp(list, word, length))
			return true;
		if (!list[first])
			return false;
		list += first + 1;
	}
}

/* The words of all forms, each once, separated by commas, as far as they fit. */
static void all_words(word_of_form *word_of, char *buffer, size_t size)
{
	size_t used = 0;

	buffer[0] = '\0';
	for (uint16_t i = 0; i < sensitive_form_count; i++) {
		const char *word = word_of(&sensitive_forms[i]);

		if (!*word || list_has(buffer, word) || used + strlen(word) + 2 > size)
			continue;
		used += (size_t)snprintf(buffer + used, size - used, "%s%s", used ? "," : "", word);
	}
}

/* Every word of list is some form's. */
static bool check_words(const char *option, const char *list, word_of_form *word_of,
                        struct problem *problem)
{
	char allowed[1024], word[64];

	all_words(word_of, allowed, sizeof(allowed));
	for (;;) {
		size_t length = word_length(list);

		snprintf(word, sizeof(word), "%.*s", (int)(length > 63 ? 63 : length), list);
		if (!*word || !list_has(allowed, word))
			return problem_report(problem, USAGE_UNKNOWN_WORD, option, word, allowed);
		if (!list[length])
			return true;
		list += length + 1;
	}
}

bool scan_filter_check(const char *classes, const char *calls, struct problem *problem)
{
	return (!classes || check_words("class", classes, class_of, problem)) &&
	       (!calls || check_words("call", calls, call_of, problem));
}

void scan_filter(struct scan *scan, const char *classes, const char *calls)
{
	size_t kept = 0;

	for (size_t i = 0; i < scan->site_count; i++) {
		const struct sensitive_form *form = &sensitive_forms[scan->sites[i].form];

		if ((!classes || list_has(classes, form->class_name)) &&
		    (!calls || list_has(calls, form->call_name)))
			scan->sites[kept++] = scan->sites[i];
	}
	scan->site_count = kept;
}
