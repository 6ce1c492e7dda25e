/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/differential/objdump_output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What objdump says of one section: a byte a byte of code. */
enum { MARK_START = 1, MARK_BAD = 2 };

struct objdump_listing {
	const struct kernel_code *code;
	uint8_t **marks;               /* one array a section */
	const uint8_t *after_prefixes; /* where an instruction begun by prefixes alone goes on */
};

static void listing_free(struct objdump_listing *listing)
{
	for (size_t i = 0; listing->marks && i < listing->code->section_count; i++)
		free(listing->marks[i]);
	free(listing->marks);
}

static bool listing_create(struct objdump_listing *listing, const struct kernel_code *code)
{
	*listing = (struct objdump_listing){.code = code};
	listing->marks = calloc(code->section_count + 1, sizeof(*listing->marks));
	for (size_t i = 0; listing->marks && i < code->section_count; i++) {
		listing->marks[i] = calloc(code->sections[i].section->size + 1, 1);
		if (!listing->marks[i]) {
			listing_free(listing);
			return false;
		}
	}
	return listing->marks;
}

static uint8_t *mark_at(struct objdump_listing *listing, uint64_t address)
{
	for (size_t i = 0; i < listing->code->section_count; i++) {
		const struct kernel_section *section = listing->code->sections[i].section;

		if (address >= section->address && address - section->address < section->size)
			return &listing->marks[i][address - section->address];
	}
	return NULL;
}

/* "c1000000:\tmov    %esp,%ebp" */
static void take_line(struct objdump_listing *listing, char *line)
{
	char *end, *text;
	uint64_t address = strtoull(line, &end, 16);
	uint8_t *mark;

	if (end == line || end[0] != ':' || end[1] != '\t')
		return;
	mark = mark_at(listing, address);
	if (!mark)
		return;
	text = end + 2;
	text[strcspn(text, "\n")] = '\0';
	/* Prefixes printed alone belong to what follows. */
	if (!listing->after_prefixes)
		*mark = MARK_START;
	if (strstr(text, "(bad)"))
		*mark |= MARK_BAD;
	listing->after_prefixes = objdump_prints_prefixes_only(text) ? mark : NULL;
}

static bool write_image(const struct kernel *kernel, char *path, char *error, size_t error_size)
{
	int descriptor = mkstemp(path);
	FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
	bool well = file && fwrite(kernel->image, kernel->image_size, 1, file) == 1;

	if (file)
		well = !fclose(file) && well;
	if (!well)
		snprintf(error, error_size, "%s: %s", path, strerror(errno));
	return well;
}

static bool run_objdump(struct objdump_listing *listing, const char *path, char *error,
                        size_t error_size)
{
	char command[256], *line = NULL;
	size_t allocated = 0;
	FILE *pipe;
	int status;

	snprintf(command, sizeof(command), "exec objdump -d -z -w --no-show-raw-insn '%s'", path);
	pipe = popen(command, "r");
	if (!pipe) {
		snprintf(error, error_size, "objdump: %s", strerror(errno));
		return false;
	}
	while (getline(&line, &allocated, pipe) > 0)
		take_line(listing, line);
	free(line);
	status = pclose(pipe);
	if (status)
		snprintf(error, error_size, "objdump: wait status %d", status);
	return !status;
}

static size_t next_mark(const uint8_t *marks, size_t offset, size_t size)
{
	do
		offset++;
	while (offset < size && !(marks[offset] & MARK_START));
	return offset;
}

/* Compares what both see at offset, where both see a start. Where to go on. */
static size_t compare_start(struct comparison *comparison, const struct kernel_code *code,
                            const struct kernel_code_section *section, const uint8_t *marks,
                            size_t offset, struct objdump_comparison *result)
{
	size_t size = section->section->size, end = next_mark(marks, offset, size);
	struct oracle_answer answer = {.accepted = true, .length = (uint8_t)(end - offset)};
	uint8_t bytes[CASE_SIZE];
	struct instruction ours;
	bool same;

	for (size_t at = offset; at < end; at++)
		answer.accepted = answer.accepted && !(marks[at] & MARK_BAD);
	kernel_code_case(section, offset, bytes);
	same = comparison->decode(bytes, CASE_SIZE, code->mode, &ours) == DECODE_OK &&
	       answer.accepted && ours.length == end - offset;
	if (same)
		return end;
	result->differences++;
	if (kernel_code_range_end(section, offset) > offset)
		result->in_ranges++;
	else
		compare_answer(comparison, bytes, code->mode, ORACLE_OBJDUMP, &answer);
	return offset + 1;
}

static void compare_section(struct comparison *comparison, const struct kernel_code *code,
                            const struct kernel_code_section *section, const uint8_t *marks,
                            struct objdump_comparison *result)
{
	size_t size = section->section->size;

	for (size_t offset = 0; offset < size;) {
		bool both =
		    (marks[offset] & MARK_START) && bitmap_test(section->sweep.starts, offset);

		if (both)
			offset = compare_start(comparison, code, section, marks, offset, result);
		else
			offset++;
	}
	for (size_t offset = 0; offset < size; offset++)
		result->instructions += marks[offset] & MARK_START;
}

bool objdump_compare(struct comparison *comparison, const struct kernel_code *code,
                     struct objdump_comparison *result, char *error, size_t error_size)
{
	char path[] = "/tmp/postburn-differential-XXXXXX";
	struct objdump_listing listing;
	bool well;

	memset(result, 0, sizeof(*result));
	if (!listing_create(&listing, code)) {
		snprintf(error, error_size, "out of memory");
		return false;
	}
	well = write_image(&code->kernel, path, error, error_size) &&
	       run_objdump(&listing, path, error, error_size);
	unlink(path);
	for (size_t i = 0; well && i < code->section_count; i++)
		compare_section(comparison, code, &code->sections[i], listing.marks[i], result);
	listing_free(&listing);
	return well;
}
