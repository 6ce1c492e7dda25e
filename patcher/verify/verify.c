/* SPDX-License-Identifier: BSD-2-Clause */

/* The order in which an output is looked at, and the list of what is found. */

#include "patcher/verify/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/verify/verify_private.h"

/* --- findings --------------------------------------------------------------------------------- */

bool verify_out_of_memory(struct verifier *verifier)
{
	verifier->report->out_of_memory = true;
	return false;
}

void verify_find(struct verifier *verifier, enum verify_subject subject, uint32_t address,
                 const char *format, ...)
{
	struct verify_report *report = verifier->report;
	char text[256];
	va_list arguments;

	if (report->finding_count == VERIFY_FINDING_LIMIT) {
		report->suppressed++;
		return;
	}
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (report->finding_count == report->capacity) {
		size_t capacity = report->capacity ? 2 * report->capacity : 16;
		struct verify_finding *grown = realloc(report->findings, capacity * sizeof(*grown));

		if (!grown) {
			verify_out_of_memory(verifier);
			return;
		}
		report->findings = grown;
		report->capacity = capacity;
	}
	report->findings[report->finding_count] =
	    (struct verify_finding){address, subject, strdup(text)};
	if (!report->findings[report->finding_count].text)
		verify_out_of_memory(verifier);
	else
		report->finding_count++;
}

const char *verify_subject_name(enum verify_subject subject)
{
	static const char *const names[VERIFY_SUBJECT_COUNT] = {
	    [VERIFY_FILE] = "file",           [VERIFY_ROM] = "ROM",
	    [VERIFY_SITE] = "site",           [VERIFY_ORIGIN] = "origin",
	    [VERIFY_WINDOW] = "window",       [VERIFY_SPRINGBOARD] = "springboard",
	    [VERIFY_REFERENCE] = "reference", [VERIFY_BYTES] = "bytes",
	};

	return names[subject];
}

void verify_report_free(struct verify_report *report)
{
	for (size_t i = 0; i < report->finding_count; i++)
		free(report->findings[i].text);
	free(report->findings);
	*report = (struct verify_report){0};
}

/* --- the whole -------------------------------------------------------------------------------- */

void verify_loaded(struct verifier *verifier)
{
	bool read = verify_alternatives(verifier) &&
	            (verifier->is_module ? verify_records(verifier) : verify_tables(verifier));

	if (!read || !verify_windows(verifier))
		return;
	for (size_t i = 0; i < verifier->window_count; i++)
		verify_springboard(verifier, &verifier->windows[i]);
	verify_bytes(verifier);
	verify_references(verifier);
	if (!verifier->is_module)
		verify_symbols(verifier);
}

static void check_output(struct verifier *verifier)
{
	if (!verify_file(verifier))
		return;
	verify_rom(verifier);
	verify_notes(verifier);
	verify_loaded(verifier);
}

void verify_end(struct verifier *verifier)
{
	verify_rom_close(verifier);
	elf_view_close(&verifier->out);
	free(verifier->fates);
	free(verifier->sites);
	free(verifier->origins);
	free(verifier->windows);
	free(verifier->segments);
	free(verifier->entries);
	free(verifier);
}

bool verify_output(const struct verify_input *input, const struct verify_rom_file *rom,
                   const uint8_t *bytes, size_t size, unsigned int options,
                   struct verify_report *report, struct problem *problem)
{
	struct verifier *verifier = calloc(1, sizeof(*verifier));
	const char *reason;
	bool done;

	*report = (struct verify_report){0};
	if (!verifier)
		return problem_report(problem, OUT_OF_MEMORY);
	verifier->input = input;
	verifier->out_bytes = bytes;
	verifier->out_size = size;
	verifier->options = options;
	verifier->report = report;
	verifier->problem = problem;
	done = verify_rom_open(verifier, rom);
	if (done) {
		if (elf_view_open(bytes, size, &verifier->out, &reason))
			check_output(verifier);
		else if (reason)
			verify_find(verifier, VERIFY_FILE, 0, "the output cannot be read: %s",
			            reason);
		else
			verify_out_of_memory(verifier);
		if (report->out_of_memory)
			done = problem_report(problem, OUT_OF_MEMORY);
	}
	verify_end(verifier);
	return done;
}

bool verify_rom_name(const uint8_t *bytes, size_t size, char *name, size_t name_size)
{
	static const char key[] = "\nrom ";
	struct elf_view view;
	const char *reason;
	bool found = false;

	if (!elf_view_open(bytes, size, &view, &reason))
		return false;
	for (size_t i = 0; i < view.note_count && !found; i++) {
		const struct elf_view_note *note = &view.notes[i];
		const uint8_t *at, *end;

		if (note->name_size != sizeof("postburn") ||
		    memcmp(note->name, "postburn", note->name_size) != 0)
			continue;
		at = memmem(note->descriptor, note->size, key, strlen(key));
		if (!at)
			continue;
		at += strlen(key);
		end = memchr(at, '\n', note->size - (size_t)(at - note->descriptor));
		if (end && (size_t)(end - at) < name_size) {
			memcpy(name, at, (size_t)(end - at));
			name[end - at] = '\0';
			found = true;
		}
	}
	elf_view_close(&view);
	return found;
}
