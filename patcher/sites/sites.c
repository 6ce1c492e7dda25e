/* SPDX-License-Identifier: BSD-2-Clause */

/* The list of sites that no scan finds. */

#include "patcher/sites/sites.h"

#include <stdlib.h>
#include <string.h>

#include "patcher/escape.h"

#define ORIGIN_SIZE 1024 /* of an escaped origin, with its NUL */

static bool reserve(struct extra_sites *list)
{
	size_t capacity = list->capacity ? 2 * list->capacity : 64;
	struct extra_site *grown;

	if (list->count < list->capacity)
		return true;
	grown = realloc(list->sites, capacity * sizeof(*grown));
	if (!grown)
		return false;
	list->sites = grown;
	list->capacity = capacity;
	return true;
}

/* The length of the instruction that the scan found at address; 0 if none starts there. */
static uint8_t instruction_length(const struct scan *scan, uint64_t address,
                                  const struct kernel_section **section)
{
	const struct scan_section *swept;
	struct instruction instruction;
	size_t offset;

	*section = kernel_section_at(scan->kernel, address);
	swept = *section ? scan_find_section(scan, *section) : NULL;
	if (!swept)
		return 0;
	offset = (size_t)(address - (*section)->address);
	if (!bitmap_test(swept->sweep.starts, offset) ||
	    decode_instruction((*section)->bytes + offset, (*section)->size - offset,
	                       scan->kernel->is_64bit ? DISASM_MODE_64 : DISASM_MODE_32,
	                       &instruction) != DECODE_OK)
		return 0;
	return instruction.length;
}

bool extra_sites_add(struct extra_sites *list, const struct scan *scan,
                     const struct extra_site *site, bool *found, struct problem *problem)
{
	const struct kernel_section *section;
	uint8_t length = instruction_length(scan, site->address, &section);
	char origin[ORIGIN_SIZE];
	struct extra_site *added;

	*found = length != 0;
	if (!length)
		return true;
	if (!reserve(list))
		return problem_report(problem, OUT_OF_MEMORY);
	added = &list->sites[list->count];
	*added = *site;
	added->length = length;
	added->section = section;
	added->bytes = section->bytes + (site->address - section->address);
	added->origin = NULL;
	if (site->origin) {
		added->origin = strdup(escape_text(site->origin, origin, sizeof(origin)));
		if (!added->origin)
			return problem_report(problem, OUT_OF_MEMORY);
	}
	list->count++;
	return true;
}

/* Ascending addresses; at one address the file's first. */
static int compare_sites(const void *left, const void *right)
{
	const struct extra_site *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return (a->line > b->line) - (a->line < b->line);
}

void extra_sites_sort(struct extra_sites *list)
{
	size_t kept = 0;

	if (!list->count)
		return;
	qsort(list->sites, list->count, sizeof(*list->sites), compare_sites);
	for (size_t i = 1; i < list->count; i++) {
		if (list->sites[i].address == list->sites[kept].address) {
			if (!list->sites[kept].call)
				list->sites[kept].call = list->sites[i].call;
			free(list->sites[i].origin);
			continue;
		}
		list->sites[++kept] = list->sites[i];
	}
	list->count = kept + 1;
}

const struct extra_site *extra_sites_find(const struct extra_sites *list, uint64_t address)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list->sites[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < list->count && list->sites[low].address == address ? &list->sites[low] : NULL;
}

const char *extra_site_source_name(enum extra_site_source source)
{
	static const char *const names[EXTRA_SITE_SOURCE_COUNT] = {
	    [EXTRA_SITE_FILE] = "file",
	    [EXTRA_SITE_DWARF] = "dwarf",
	};

	return names[source];
}

void extra_sites_free(struct extra_sites *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->sites[i].origin);
	free(list->sites);
	*list = (struct extra_sites){0};
}
