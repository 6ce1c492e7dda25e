/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/pte/page_table_sites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disasm/effects.h"
#include "patcher/linux/exchange.h"
#include "patcher/pte/dwarf_reader.h"
#include "patcher/pte/setters.h"
#include "patcher/springboard/springboard.h"
#include "vmi_call_numbers.h"

#define ORIGIN_SIZE 512 /* longer ones are cut */

enum { BASE_ESP = 4, BASE_EBP = 5 };

/* An instruction that writes to a page table, as one range of debug information has it. */
struct candidate {
	uint64_t address;
	unsigned int depth; /* of inlining: of several ranges the innermost counts */
	bool paired;        /* the high half of an entry; the low one is stored right behind */
	char *origin;
};

struct finder {
	const struct scan *scan;
	const char *path;    /* of the debug information */
	uint64_t first_code; /* the lowest address of any */
	struct candidate *candidates;
	size_t count, capacity;
};

/* --- which instructions ----------------------------------------------------------------------- */

static int compare_setters(const void *key, const void *element)
{
	return strcmp(key, ((const struct page_table_setter *)element)->name);
}

static const struct page_table_setter *find_setter(const char *name)
{
	return bsearch(name, linux_setters, linux_setter_count, sizeof(linux_setters[0]),
	               compare_setters);
}

static uint8_t kind_of(uint16_t form)
{
	switch (form) {
	case FORM_PTE_STORE:
	case FORM_PTE_STORE_MOFFS:
	case FORM_PTE_STORE_IMMEDIATE: return PAGE_TABLE_WRITE_STORE;
	case FORM_PTE_XCHG: return PAGE_TABLE_WRITE_XCHG;
	case FORM_PTE_BTR:
	case FORM_PTE_BTS: return PAGE_TABLE_WRITE_BIT;
	case FORM_PTE_AND:
	case FORM_PTE_OR: return PAGE_TABLE_WRITE_LOGIC;
	case FORM_PTE_CMPXCHG8B: return PAGE_TABLE_WRITE_CMPXCHG8B;
	case FORM_PTE_CALL_XCHG64: return PAGE_TABLE_WRITE_CALL;
	default: return 0;
	}
}

/* Whether a function begins with push %ebp; mov %esp, %ebp, behind endbr32 and ftrace's call. */
static bool has_frame_pointer(const struct scan *scan, uint64_t address)
{
	static const uint8_t begin[] = {0x55, 0x89, 0xe5}, endbr[] = {0xf3, 0x0f, 0x1e, 0xfb};
	const struct kernel_symbol *symbol = kernel_symbol_at(scan->kernel, UINT32_MAX, address);
	const uint8_t *bytes = symbol ? kernel_bytes_at(scan->kernel, symbol->address, 12) : NULL;

	if (!bytes)
		return false;
	if (!memcmp(bytes, endbr, sizeof(endbr)))
		bytes += sizeof(endbr);
	if (*bytes == 0xe8)
		bytes += 5;
	return !memcmp(bytes, begin, sizeof(begin));
}

/* A variable on the stack is no page table. */
static bool is_on_stack(const struct scan *scan, const struct instruction *instruction,
                        uint64_t address)
{
	uint8_t registers = instruction_address_registers(instruction);

	return (registers & 1 << BASE_ESP) ||
	       ((registers & 1 << BASE_EBP) && has_frame_pointer(scan, address));
}

static bool calls_helper(const struct scan *scan, const struct page_table_setter *setter,
                         const struct instruction *instruction, const uint8_t *bytes,
                         uint64_t address)
{
	const struct kernel_symbol *symbol;

	if (instruction->flow != FLOW_CALL || !setter->calls)
		return false;
	symbol = kernel_find_symbol(scan->kernel, setter->calls);
	return symbol && symbol->address == instruction_branch_target(instruction, bytes, address);
}

static bool is_write(const struct scan *scan, const struct page_table_setter *setter,
                     const struct scan_section *swept, uint64_t offset,
                     struct instruction *instruction)
{
	const uint8_t *bytes = swept->section->bytes + offset;
	uint64_t address = swept->section->address + offset;
	uint16_t form;

	if (decode_instruction(bytes, swept->section->size - offset, DISASM_MODE_32, instruction) !=
	    DECODE_OK)
		return false;
	form = classify_named(instruction, bytes);
	if (form == SENSITIVE_FORM_NONE || !(setter->writes & kind_of(form)))
		return false;
	if (form == FORM_PTE_CALL_XCHG64)
		return calls_helper(scan, setter, instruction, bytes, address);
	return !is_on_stack(scan, instruction, address);
}

/* --- candidates ------------------------------------------------------------------------------- */

static char *make_origin(const struct dwarf_range *range)
{
	char origin[ORIGIN_SIZE];

	if (range->depth && strcmp(range->function, range->within) != 0)
		snprintf(origin, sizeof(origin), "%s in %s", range->function, range->within);
	else
		snprintf(origin, sizeof(origin), "%s", range->function);
	return strdup(origin);
}

static bool add_candidate(struct finder *finder, const struct dwarf_range *range, uint64_t address)
{
	char *origin = make_origin(range);

	if (finder->count == finder->capacity) {
		size_t capacity = finder->capacity ? 2 * finder->capacity : 256;
		struct candidate *grown = realloc(finder->candidates, capacity * sizeof(*grown));

		if (!grown) {
			free(origin);
			return false;
		}
		finder->candidates = grown;
		finder->capacity = capacity;
	}
	if (!origin)
		return false;
	finder->candidates[finder->count++] =
	    (struct candidate){address, range->depth, false, origin};
	return true;
}

static bool wanted(void *context, const char *name)
{
	(void)context;
	return find_setter(name) != NULL;
}

/* The candidates of one range, of which the last one was just added. */
static void note_pair(struct finder *finder, size_t first, const struct scan_section *swept,
                      const struct instruction *low)
{
	struct candidate *last = &finder->candidates[finder->count - 1];
	const struct kernel_section *section = swept->section;
	const uint8_t *low_bytes = section->bytes + (last->address - section->address);
	const uint8_t *high_bytes;
	struct instruction high;

	if (finder->count - first < 2)
		return;
	high_bytes = section->bytes + (last[-1].address - section->address);
	last[-1].paired = decode_instruction(high_bytes, (size_t)(low_bytes - high_bytes),
	                                     DISASM_MODE_32, &high) == DECODE_OK &&
	                  high_bytes + high.length == low_bytes &&
	                  springboard_is_entry_pair(&high, high_bytes, low, low_bytes);
}

/* The writes of a range that lies in one section. */
static bool search_range(struct finder *finder, const struct dwarf_range *range,
                         const struct scan_section *swept)
{
	const struct page_table_setter *setter = find_setter(range->function);
	uint64_t base = swept->section->address;
	struct instruction instruction;
	size_t first = finder->count;

	for (uint64_t at = range->start - base; at < range->end - base; at++) {
		if (!bitmap_test(swept->sweep.starts, at) ||
		    !is_write(finder->scan, setter, swept, at, &instruction))
			continue;
		if (!add_candidate(finder, range, base + at))
			return false;
		note_pair(finder, first, swept, &instruction);
	}
	return true;
}

/* What the linker has dropped is at 0, or little more. */
static bool visit(void *context, const struct dwarf_range *range, struct problem *problem)
{
	struct finder *finder = context;
	const struct kernel_section *section =
	    kernel_section_at(finder->scan->kernel, range->start);
	const struct scan_section *swept =
	    section ? scan_find_section(finder->scan, section) : NULL;

	if (range->start < finder->first_code)
		return true;
	if (!swept || range->end > section->address + section->size)
		return problem_report(problem, DEBUG_RANGE, finder->path, range->function,
		                      (unsigned long long)range->start,
		                      (unsigned long long)range->end);
	return search_range(finder, range, swept) || problem_report(problem, OUT_OF_MEMORY);
}

/* Ascending addresses; at one address the innermost first. */
static int compare_candidates(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return (a->depth < b->depth) - (a->depth > b->depth);
}

/* Gives the candidates to the list, each address once. */
static bool take_candidates(const struct finder *finder, struct extra_sites *list,
                            struct problem *problem)
{
	if (finder->count)
		qsort(finder->candidates, finder->count, sizeof(*finder->candidates),
		      compare_candidates);
	for (size_t i = 0; i < finder->count; i++) {
		const struct candidate *candidate = &finder->candidates[i];
		struct extra_site site = {.address = candidate->address,
		                          .source = EXTRA_SITE_DWARF,
		                          .call = candidate->paired ? VMI_CALL_SetPxELong : 0,
		                          .origin = candidate->origin};
		bool found;

		if (i && candidate[-1].address == candidate->address)
			continue;
		if (!extra_sites_add(list, finder->scan, &site, &found, problem))
			return false;
	}
	extra_sites_sort(list);
	return true;
}

static uint64_t lowest_code(const struct scan *scan)
{
	uint64_t lowest = UINT64_MAX;

	for (size_t i = 0; i < scan->section_count; i++)
		if (scan->sections[i].section->address < lowest)
			lowest = scan->sections[i].section->address;
	return lowest;
}

bool page_table_sites_find(const struct scan *scan, const struct debug_file *debug,
                           struct extra_sites *list, struct problem *problem)
{
	struct finder finder = {.scan = scan, .path = debug->path, .first_code = lowest_code(scan)};
	const struct dwarf_search search = {.wanted = wanted, .visit = visit, .context = &finder};
	bool done;

	if (!debug->bytes || !scan->kernel->banner || scan->kernel->is_64bit)
		return true;
	done = dwarf_search(debug->path, debug->bytes, debug->size, &search, problem) &&
	       take_candidates(&finder, list, problem);
	for (size_t i = 0; i < finder.count; i++)
		free(finder.candidates[i].origin);
	free(finder.candidates);
	return done;
}

/* --- sites of the scan ------------------------------------------------------------------------ */

/* Whether a site of SetPxELong and the next one of the list store the halves of one entry. */
static bool is_paired(const struct extra_sites *list, size_t index,
                      const struct instruction *instruction)
{
	const struct extra_site *site = &list->sites[index];
	struct instruction next;

	return index + 1 < list->count && site[1].address == site->address + site->length &&
	       decode_instruction(site[1].bytes, site[1].length, DISASM_MODE_32, &next) ==
	           DECODE_OK &&
	       springboard_is_entry_pair(instruction, site->bytes, &next, site[1].bytes);
}

/* Whether the call, if it is one, is of what the form is about. */
static bool is_exchange(const struct scan *scan, const struct extra_site *site, uint16_t form,
                        const struct instruction *instruction)
{
	return form != FORM_PTE_CALL_XCHG64 ||
	       linux_exchanges_64_bits(scan->kernel, (uint32_t)instruction_branch_target(
							 instruction, site->bytes, site->address));
}

/* Fills form and paired of a site, and checks its call: it is the form's, or both of a pair's. */
static bool form_of(const struct scan *scan, const struct extra_sites *list, size_t index,
                    struct scan_named_site *named, struct problem *problem)
{
	const struct extra_site *site = &list->sites[index];
	struct instruction instruction;

	named->form = SENSITIVE_FORM_NONE;
	if (decode_instruction(site->bytes, site->length, DISASM_MODE_32, &instruction) ==
	    DECODE_OK)
		named->form = classify_named(&instruction, site->bytes);
	if (!is_exchange(scan, site, named->form, &instruction))
		named->form = SENSITIVE_FORM_NONE;
	named->paired = named->form != SENSITIVE_FORM_NONE && site->call == VMI_CALL_SetPxELong &&
	                is_paired(list, index, &instruction);
	if (named->form == SENSITIVE_FORM_NONE ||
	    (site->call && site->call != sensitive_forms[named->form].call && !named->paired))
		return problem_report(problem, SITES_NO_FORM, (unsigned long long)site->address,
		                      *named->origin ? named->origin : "of the sites file");
	return true;
}

bool page_table_sites_join(struct scan *scan, const struct extra_sites *list,
                           struct problem *problem)
{
	struct scan_named_site *named = calloc(list->count + 1, sizeof(*named));
	bool done = named || problem_report(problem, OUT_OF_MEMORY);

	for (size_t i = 0; done && i < list->count; i++) {
		const struct extra_site *site = &list->sites[i];

		named[i] = (struct scan_named_site){.address = site->address,
		                                    .section = site->section,
		                                    .length = site->length,
		                                    .origin = site->origin ? site->origin : ""};
		done = form_of(scan, list, i, &named[i], problem);
	}
	done = done && scan_add_named(scan, named, list->count, problem);
	free(named);
	return done;
}
