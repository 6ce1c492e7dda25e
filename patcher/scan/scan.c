/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/scan/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- the sweep of one section ------------------------------------ */

/*
 * Function symbols inside section as ascending offsets, for the sweep to find its way again.
 * NULL with *count 0 if there are none; NULL with *count 1 if memory runs out.
 */
static uint32_t *function_starts(const struct kernel *kernel, const struct kernel_section *section,
                                 size_t *count)
{
	size_t found = 0;
	uint32_t *starts;

	*count = 0;
	if (!kernel->symbol_count)
		return NULL;
	starts = malloc(kernel->symbol_count * sizeof(*starts));
	if (!starts) {
		*count = 1;
		return NULL;
	}
	for (size_t i = 0; i < kernel->symbol_count; i++) {
		const struct kernel_symbol *symbol = &kernel->symbols[i];

		if (symbol->type != SYMBOL_FUNCTION || symbol->address < section->address ||
		    symbol->address - section->address >= section->size ||
		    symbol->section == UINT32_MAX || &kernel->sections[symbol->section] != section)
			continue;
		if (found && starts[found - 1] == symbol->address - section->address)
			continue;
		starts[found++] = (uint32_t)(symbol->address - section->address);
	}
	*count = found;
	return starts;
}

static bool sweep_section(const struct kernel *kernel, struct scan_section *swept,
                          struct problem *problem)
{
	const struct kernel_section *section = swept->section;
	struct sweep_input input = {
	    .bytes = section->bytes,
	    .size = section->size,
	    .address = section->address,
	    .mode = kernel->is_64bit ? DISASM_MODE_64 : DISASM_MODE_32,
	};
	uint32_t *starts = function_starts(kernel, section, &input.known_start_count);
	bool done;

	if (!starts && input.known_start_count)
		return problem_report(problem, OUT_OF_MEMORY);
	input.known_starts = starts;
	done = sweep(&input, &swept->sweep);
	free(starts);
	if (!done && errno == EFBIG)
		return problem_report(problem, SECTION_TOO_LARGE, section->name);
	return done || problem_report(problem, OUT_OF_MEMORY);
}

/* Executable sections with bytes; a section of no bytes has nothing to say. */
static bool section_is_code(const struct kernel_section *section)
{
	return section->allocated && section->executable && section->bytes && section->size;
}

static bool sweep_sections(struct scan *scan, struct problem *problem)
{
	const struct kernel *kernel = scan->kernel;

	scan->sections = calloc(kernel->section_count + 1, sizeof(*scan->sections));
	scan->section_indices = malloc((kernel->section_count + 1) * sizeof(uint32_t));
	if (!scan->sections || !scan->section_indices)
		return problem_report(problem, OUT_OF_MEMORY);
	scan->section_count = 0;
	for (size_t i = 0; i < kernel->section_count; i++) {
		struct scan_section *swept = &scan->sections[scan->section_count];

		scan->section_indices[i] = UINT32_MAX;
		if (!section_is_code(&kernel->sections[i]))
			continue;
		swept->section = &kernel->sections[i];
		if (!sweep_section(kernel, swept, problem))
			return false;
		scan->section_indices[i] = (uint32_t)scan->section_count++;
		scan->instruction_count += swept->sweep.instruction_count;
		scan->code_size += swept->section->size;
	}
	return scan->section_count || problem_report(problem, NO_CODE);
}

/* --- the metadata's marks ---------------------------------------- */

static struct scan_section *section_of_place(const struct scan *scan,
                                             const struct code_place *place)
{
	const struct kernel_section *section =
	    place->section != UINT32_MAX ? &scan->kernel->sections[place->section]
					 : kernel_section_at(scan->kernel, place->address);

	return section ? scan_find_section(scan, section) : NULL;
}

/* Sets length bits from place on, as far as they are inside its section. */
static void mark(const struct scan *scan, const struct code_place *place, unsigned int length,
                 enum code_mark kind)
{
	struct scan_section *swept = section_of_place(scan, place);
	uint64_t first;

	if (!swept || place->address < swept->section->address)
		return;
	first = place->address - swept->section->address;
	for (uint64_t bit = first; bit < swept->section->size && bit - first < length; bit++)
		swept->marks[kind][bit / 64] |= UINT64_C(1) << (bit % 64);
}

static bool allocate_marks(struct scan *scan, struct problem *problem)
{
	for (size_t i = 0; i < scan->section_count; i++) {
		struct scan_section *swept = &scan->sections[i];
		size_t words = swept->section->size / 64 + 1;

		for (int kind = 0; kind < MARK_COUNT; kind++) {
			swept->marks[kind] = calloc(words, sizeof(uint64_t));
			if (!swept->marks[kind])
				return problem_report(problem, OUT_OF_MEMORY);
		}
	}
	return true;
}

static bool mark_metadata(struct scan *scan, struct problem *problem)
{
	const struct linux_metadata *metadata = &scan->metadata;

	if (!allocate_marks(scan, problem))
		return false;
	for (size_t i = 0; i < metadata->exception_count; i++)
		mark(scan, &metadata->exceptions[i].instruction, 1, MARK_EXCEPTION);
	for (size_t i = 0; i < metadata->alternative_count; i++) {
		const struct alternative_entry *entry = &metadata->alternatives[i];

		mark(scan, &entry->site, entry->site_length, MARK_ALTERNATIVE);
		mark(scan, &entry->replacement, entry->replacement_length, MARK_REPLACEMENT);
	}
	return true;
}

/* --- sites and ranges -------------------------------------------- */

static enum scan_context context_of(const struct scan_section *swept, uint32_t offset)
{
	const char *name = swept->section->name;

	if (bitmap_test(swept->marks[MARK_REPLACEMENT], offset) ||
	    !strcmp(name, ".altinstr_replacement"))
		return SCAN_CONTEXT_ALTERNATIVE;
	/* .altinstr_aux holds cold halves of static_cpu_has() and goes with the init text. */
	if (!strncmp(name, ".init", 5) || !strcmp(name, ".altinstr_aux"))
		return SCAN_CONTEXT_INIT;
	if (!strncmp(name, ".exit", 5))
		return SCAN_CONTEXT_EXIT;
	return SCAN_CONTEXT_TEXT;
}

static void fill_site(const struct scan *scan, const struct scan_section *swept,
                      const struct sweep_site *found, struct scan_site *site)
{
	const struct kernel_section *section = swept->section;

	*site = (struct scan_site){
	    .address = section->address + found->offset,
	    .section = section,
	    .bytes = section->bytes + found->offset,
	    .form = found->form,
	    .length = found->length,
	    .context = context_of(swept, found->offset),
	};
	site->symbol = kernel_symbol_at(scan->kernel, (uint32_t)(section - scan->kernel->sections),
	                                site->address);
	if (bitmap_test(swept->marks[MARK_EXCEPTION], found->offset))
		site->constraints |= SCAN_CONSTRAINT_EXCEPTION_TABLE;
	if (bitmap_test(swept->marks[MARK_ALTERNATIVE], found->offset))
		site->constraints |= SCAN_CONSTRAINT_ALTERNATIVE;
	if (bitmap_test(swept->sweep.targets, found->offset))
		site->constraints |= SCAN_CONSTRAINT_BRANCH_TARGET;
}

static bool collect(struct scan *scan, struct problem *problem)
{
	size_t sites = 0, ranges = 0;

	for (size_t i = 0; i < scan->section_count; i++) {
		sites += scan->sections[i].sweep.site_count;
		ranges += scan->sections[i].sweep.range_count;
	}
	scan->sites = calloc(sites + 1, sizeof(*scan->sites));
	scan->ranges = calloc(ranges + 1, sizeof(*scan->ranges));
	if (!scan->sites || !scan->ranges)
		return problem_report(problem, OUT_OF_MEMORY);
	for (size_t i = 0; i < scan->section_count; i++) {
		const struct scan_section *swept = &scan->sections[i];

		for (size_t j = 0; j < swept->sweep.site_count; j++)
			fill_site(scan, swept, &swept->sweep.sites[j],
			          &scan->sites[scan->site_count++]);
		for (size_t j = 0; j < swept->sweep.range_count; j++) {
			const struct sweep_range *range = &swept->sweep.ranges[j];

			scan->ranges[scan->range_count++] = (struct scan_range){
			    .address = swept->section->address + range->offset,
			    .size = range->size,
			    .section = swept->section,
			    .reason = range->reason,
			};
		}
	}
	return true;
}

/* --- sites that were named --------------------------------------- */

static int compare_sites(const void *left, const void *right)
{
	const struct scan_site *a = left, *b = right;

	return (a->address > b->address) - (a->address < b->address);
}

bool scan_add_named(struct scan *scan, const struct scan_named_site *sites, size_t count,
                    struct problem *problem)
{
	struct scan_site *grown =
	    realloc(scan->sites, (scan->site_count + count + 1) * sizeof(*grown));

	if (!grown)
		return problem_report(problem, OUT_OF_MEMORY);
	scan->sites = grown;
	for (size_t i = 0; i < count; i++) {
		struct scan_section *swept = scan_find_section(scan, sites[i].section);
		uint32_t offset = (uint32_t)(sites[i].address - sites[i].section->address);
		struct sweep_site found = {offset, sites[i].form, sites[i].length};
		struct scan_site *site = &scan->sites[scan->site_count++];

		fill_site(scan, swept, &found, site);
		site->origin = sites[i].origin;
		swept->marks[MARK_NAMED][offset / 64] |= UINT64_C(1) << (offset % 64);
		if (sites[i].paired)
			swept->marks[MARK_PAIRED][offset / 64] |= UINT64_C(1) << (offset % 64);
	}
	qsort(scan->sites, scan->site_count, sizeof(*scan->sites), compare_sites);
	return true;
}

uint16_t scan_form_at(const struct scan_section *swept, uint32_t offset,
                      const struct instruction *instruction)
{
	const uint8_t *bytes = swept->section->bytes + offset;

	return bitmap_test(swept->marks[MARK_NAMED], offset)
	           ? classify_named(instruction, bytes)
	           : classify_instruction(instruction, bytes);
}

/* --- the whole --------------------------------------------------- */

bool scan_kernel(const struct kernel *kernel, struct scan *scan, struct problem *problem)
{
	struct linux_metadata metadata;

	return linux_metadata_read(kernel, &metadata, problem) &&
	       scan_with_metadata(kernel, &metadata, scan, problem);
}

bool scan_with_metadata(const struct kernel *kernel, const struct linux_metadata *metadata,
                        struct scan *scan, struct problem *problem)
{
	*scan = (struct scan){.kernel = kernel, .metadata = *metadata};
	if (!sweep_sections(scan, problem) || !mark_metadata(scan, problem) ||
	    !collect(scan, problem)) {
		scan_free(scan);
		return false;
	}
	return true;
}

void scan_free(struct scan *scan)
{
	for (size_t i = 0; i < scan->section_count; i++) {
		sweep_result_free(&scan->sections[i].sweep);
		for (int kind = 0; kind < MARK_COUNT; kind++)
			free(scan->sections[i].marks[kind]);
	}
	free(scan->sections);
	free(scan->section_indices);
	free(scan->sites);
	free(scan->ranges);
	linux_metadata_free(&scan->metadata);
	*scan = (struct scan){0};
}

struct scan_section *scan_find_section(const struct scan *scan,
                                       const struct kernel_section *section)
{
	uint32_t index = scan->section_indices[section - scan->kernel->sections];

	return index == UINT32_MAX ? NULL : &scan->sections[index];
}

const struct scan_site *scan_site_at(const struct scan *scan, const struct kernel_section *section,
                                     uint64_t address)
{
	for (size_t i = 0; i < scan->site_count; i++) {
		const struct scan_site *site = &scan->sites[i];

		if (site->section == section && address >= site->address &&
		    address - site->address < site->length)
			return site;
	}
	return NULL;
}

const char *scan_context_name(enum scan_context context)
{
	static const char *const names[SCAN_CONTEXT_COUNT] = {
	    [SCAN_CONTEXT_TEXT] = "text",
	    [SCAN_CONTEXT_INIT] = "init",
	    [SCAN_CONTEXT_EXIT] = "exit",
	    [SCAN_CONTEXT_ALTERNATIVE] = "alternative",
	};

	return names[context];
}

const char *scan_constraint_name(unsigned int bit)
{
	static const char *const names[SCAN_CONSTRAINT_COUNT] = {
	    "exception-table",
	    "alternative",
	    "branch-target",
	};

	return names[bit];
}
