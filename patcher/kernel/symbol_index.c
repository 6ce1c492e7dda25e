/* SPDX-License-Identifier: BSD-2-Clause */
/* Symbols by name and by address. */
#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/kernel/kernel_private.h"

/* Probes a symbol that building the names' table may take on average. Names made to collide take
 * more; then the table is given up and names are compared one by one. */
#define PROBES 32

/* How many symbols in front of an address are asked whether their size reaches it. */
#define ENCLOSING 16

static uint32_t hash_name(const char *name)
{
	size_t length = strlen(name);
	uint64_t hash = length, chunk;

	for (; length >= 8; length -= 8, name += 8) {
		memcpy(&chunk, name, 8);
		hash = (hash ^ chunk) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 32;
	}
	chunk = 0;
	memcpy(&chunk, name, length);
	hash = (hash ^ chunk) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(hash >> 32);
}

/* Enters symbol index unless one of that name is there already. Returns the probes it took. */
static size_t enter_name(struct kernel *kernel, uint32_t index)
{
	const struct kernel_private *private = kernel->private;
	const char *name = kernel->symbols[index].name;
	uint32_t hash = hash_name(name);
	size_t probes = 1;

	for (size_t at = hash & private->name_mask;; at = (at + 1) & private->name_mask) {
		struct name_slot *slot = &private->name_table[at];

		if (slot->symbol == 0) {
			*slot = (struct name_slot){hash, index + 1};
			return probes;
		}
		if (slot->hash == hash && strcmp(kernel->symbols[slot->symbol - 1].name, name) == 0)
			return probes;
		probes++;
	}
}

bool kernel_index_names(struct kernel *kernel, struct problem *problem)
{
	struct kernel_private *private = kernel->private;
	size_t size = 16, probes = 0;

	while (size < kernel->symbol_count * 2)
		size *= 2;
	private->name_table = calloc(size, sizeof(*private->name_table));
	if (!private->name_table)
		return problem_report(problem, OUT_OF_MEMORY);
	private->name_mask = size - 1;
	for (size_t i = 0; i < kernel->symbol_count; i++) {
		probes += enter_name(kernel, (uint32_t)i);
		if (probes / PROBES > kernel->symbol_count) {
			free(private->name_table);
			private->name_table = NULL;
			break;
		}
	}
	return true;
}

const struct kernel_symbol *kernel_find_symbol(const struct kernel *kernel, const char *name)
{
	const struct kernel_private *private = kernel->private;
	uint32_t hash = hash_name(name);

	if (!private->name_table) {
		for (size_t i = 0; i < kernel->symbol_count; i++) {
			if (strcmp(kernel->symbols[i].name, name) == 0)
				return &kernel->symbols[i];
		}
		return NULL;
	}
	for (size_t at = hash & private->name_mask;; at = (at + 1) & private->name_mask) {
		const struct name_slot *slot = &private->name_table[at];

		if (slot->symbol == 0)
			return NULL;
		if (slot->hash == hash && strcmp(kernel->symbols[slot->symbol - 1].name, name) == 0)
			return &kernel->symbols[slot->symbol - 1];
	}
}

/* Gives symbols that came without sections those that their addresses lie in. Both ascend. */
static void assign_sections(struct kernel *kernel)
{
	size_t section = 0;

	if (kernel->symbol_source != SYMBOLS_KALLSYMS &&
	    kernel->symbol_source != SYMBOLS_SYSTEM_MAP)
		return;
	for (size_t i = 0; i < kernel->symbol_count; i++) {
		struct kernel_symbol *symbol = &kernel->symbols[i];

		while (section < kernel->section_count &&
		       symbol->address >= kernel->sections[section].address &&
		       symbol->address - kernel->sections[section].address >=
		           kernel->sections[section].size)
			section++;
		if (section < kernel->section_count &&
		    symbol->address >= kernel->sections[section].address)
			symbol->section = (uint32_t)section;
	}
}

bool kernel_index_symbols(struct kernel *kernel, struct problem *problem)
{
	struct kernel_private *private = kernel->private;
	uint32_t *next;

	assign_sections(kernel);
	private->covering = calloc(kernel->symbol_count + 1, sizeof(*private->covering));
	if (!private->covering)
		return problem_report(problem, OUT_OF_MEMORY);
	next = private->covering;
	for (int functions = 1; functions >= 0; functions--) {
		uint32_t *first = next;

		for (size_t i = 0; i < kernel->symbol_count; i++) {
			const struct kernel_symbol *symbol = &kernel->symbols[i];

			if (symbol->section != NO_INDEX &&
			    (symbol->type == SYMBOL_FUNCTION) == functions)
				*next++ = (uint32_t)i;
		}
		*(functions ? &private->function_count : &private->other_count) =
		    (size_t)(next - first);
	}
	return true;
}

/* Whether the symbol stands before (section, address), or exactly there where `there` counts. */
static bool stands_before(const struct kernel *kernel, const struct kernel_symbol *symbol,
                          uint32_t section, uint64_t address, bool there)
{
	if (kernel->format == KERNEL_FORMAT_MODULE && symbol->section != section)
		return symbol->section < section;
	return symbol->address < address || (there && symbol->address == address);
}

/* How many of the count symbols that indices name stand before the place. */
static size_t count_before(const struct kernel *kernel, const uint32_t *indices, size_t count,
                           uint32_t section, uint64_t address, bool there)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (stands_before(kernel, &kernel->symbols[indices[middle]], section, address,
		                  there))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * The symbol that covers the place, of the count symbols that indices name. *nearest is set to the
 * last one at or before the place, or NULL.
 */
static const struct kernel_symbol *find_covering(const struct kernel *kernel,
                                                 const uint32_t *indices, size_t count,
                                                 uint32_t section, uint64_t address,
                                                 const struct kernel_symbol **nearest)
{
	size_t behind = count_before(kernel, indices, count, section, address, true);

	*nearest = NULL;
	for (int tries = 0; behind > 0 && tries < ENCLOSING; tries++) {
		const struct kernel_symbol *symbol = &kernel->symbols[indices[behind - 1]];

		if (symbol->section != section)
			return NULL;
		/* Of several at one address the first is the one to name. */
		behind = count_before(kernel, indices, behind, section, symbol->address, false);
		symbol = &kernel->symbols[indices[behind]];
		if (symbol->section != section)
			return NULL;
		if (tries == 0)
			*nearest = symbol;
		/* One without a size ends where the next begins. */
		if (symbol->size ? address - symbol->address < symbol->size : tries == 0)
			return symbol;
	}
	return NULL;
}

const struct kernel_symbol *kernel_symbol_at(const struct kernel *kernel, uint32_t section,
                                             uint64_t address)
{
	const struct kernel_private *private = kernel->private;
	const struct kernel_symbol *symbol, *function, *other;

	if (section == NO_INDEX && kernel->format != KERNEL_FORMAT_MODULE) {
		const struct kernel_section *at = kernel_section_at(kernel, address);

		if (!at)
			return NULL;
		section = (uint32_t)(at - kernel->sections);
	}
	symbol = find_covering(kernel, private->covering, private->function_count, section, address,
	                       &function);
	if (symbol)
		return symbol;
	symbol = find_covering(kernel, private->covering + private->function_count,
	                       private->other_count, section, address, &other);
	/* A label without a size ends where a function begins, too. */
	if (symbol && symbol->size == 0 && function && function->address > symbol->address)
		return NULL;
	return symbol;
}
