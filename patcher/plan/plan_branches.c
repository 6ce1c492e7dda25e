/* SPDX-License-Identifier: BSD-2-Clause */

/* Who branches to an address: all direct branches to a few addresses, in one pass over the code. */

#include <stdlib.h>
#include <string.h>

#include "patcher/plan/plan_private.h"

#define SHORT_BRANCH_REACH 128

static int compare_addresses(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static int compare_branches(const void *left, const void *right)
{
	const struct branch *a = left, *b = right;

	return (a->target > b->target) - (a->target < b->target);
}

static bool is_wanted(const struct branch_list *list, uint64_t target)
{
	return bsearch(&target, list->wanted, list->wanted_count, sizeof(target),
	               compare_addresses) != NULL;
}

static void add_branch(struct branch_list *list, const struct scan_section *swept, uint32_t source)
{
	const struct kernel_section *section = swept->section;
	struct instruction instruction;
	uint64_t target;

	if (!plan_decode(swept, source, &instruction) ||
	    !instruction_is_direct_branch(&instruction))
		return;
	target = instruction_branch_target(&instruction, section->bytes + source,
	                                   section->address + source);
	if (!is_wanted(list, target))
		return;
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 256;
		struct branch *grown = realloc(list->branches, capacity * sizeof(*grown));

		if (!grown) {
			list->out_of_memory = true;
			return;
		}
		list->branches = grown;
		list->capacity = capacity;
	}
	list->branches[list->count++] = (struct branch){
	    .target = target,
	    .swept = swept,
	    .source = source,
	    .length = instruction.length,
	    .is_short = instruction.immediate_size == 1,
	};
}

/*
 * All branches of one section to wanted addresses. Every four bytes are tried as a displacement
 * and every two as a short branch: far cheaper than decoding three million instructions, and what
 * is no branch at an instruction's start falls out in add_branch().
 */
static void find_branches(struct branch_list *list, const struct scan_section *swept)
{
	const struct kernel_section *section = swept->section;
	uint64_t lowest = list->wanted[0], highest = list->wanted[list->wanted_count - 1];

	for (uint32_t at = 1; at + 4 <= section->size; at++) {
		uint32_t displacement;
		uint64_t target;

		memcpy(&displacement, section->bytes + at, sizeof(displacement));
		target = (uint32_t)(section->address + at + 4 + displacement);
		if (target < lowest || target > highest || !is_wanted(list, target))
			continue;
		for (uint32_t back = 1; back <= 6 && back <= at; back++)
			if (bitmap_test(swept->sweep.starts, at - back)) {
				add_branch(list, swept, at - back);
				break;
			}
	}
}

static void find_short_branches(struct branch_list *list, const struct scan_section *swept)
{
	const struct kernel_section *section = swept->section;

	for (size_t i = 0; i < list->wanted_count; i++) {
		uint64_t target = list->wanted[i];
		struct instruction instruction;

		if (target < section->address || target - section->address >= section->size)
			continue;
		for (int64_t at = (int64_t)(target - section->address) - SHORT_BRANCH_REACH - 8;
		     at < (int64_t)(target - section->address) + SHORT_BRANCH_REACH; at++)
			if (at >= 0 && plan_decode(swept, (uint32_t)at, &instruction) &&
			    instruction_is_direct_branch(&instruction) &&
			    instruction.immediate_size == 1)
				add_branch(list, swept, (uint32_t)at);
	}
}

const struct branch *plan_branches_to(const struct branch_list *list, uint64_t target,
                                      size_t *count)
{
	size_t first = 0;

	while (first < list->count && list->branches[first].target < target)
		first++;
	for (*count = 0;
	     first + *count < list->count && list->branches[first + *count].target == target;)
		++*count;
	return list->branches ? list->branches + first : NULL;
}

bool plan_find_branches(const struct scan *scan, struct branch_list *list)
{
	if (list->wanted_count)
		qsort(list->wanted, list->wanted_count, sizeof(*list->wanted), compare_addresses);
	for (size_t i = 0; list->wanted_count && i < scan->section_count; i++) {
		find_branches(list, &scan->sections[i]);
		find_short_branches(list, &scan->sections[i]);
	}
	if (list->count)
		qsort(list->branches, list->count, sizeof(*list->branches), compare_branches);
	return !list->out_of_memory;
}

void plan_free_branches(struct branch_list *list)
{
	free(list->branches);
	free(list->wanted);
	*list = (struct branch_list){0};
}
