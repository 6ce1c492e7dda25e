/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/problem.h"

#include <stdarg.h>

#include "patcher/escape.h"

void problem_fill(struct problem *problem, enum diagnostic diagnostic, const char *format, ...)
{
	char text[sizeof(problem->text)];
	va_list arguments;

	problem->diagnostic = diagnostic;
	problem->file = NULL;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	escape_text(text, problem->text, sizeof(problem->text)); /* it may have a file's names */
}

void problem_print(FILE *stream, const char *input_file, const struct problem *problem)
{
	const char *file = problem->file ? problem->file : input_file;

	fprintf(stream, "postburn: error: %s: %s [E%d]\n", file, problem->text,
	        (int)problem->diagnostic);
	fprintf(stream, "postburn: %s\n", diagnostic_cure(problem->diagnostic));
}
