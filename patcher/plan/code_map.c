/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/plan/code_map.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

/* --- marking ------------------------------------------------------------------------ */

static struct code_map_section *section_at(const struct code_map *map, uint64_t address)
{
	const struct kernel_section *section = kernel_section_at(map->scan->kernel, address);
	const struct scan_section *swept = section ? scan_find_section(map->scan, section) : NULL;

	return swept ? &map->sections[swept - map->scan->sections] : NULL;
}

static void set_bits(void *context, const struct code_reference *reference)
{
	const struct code_map *map = context;
	struct code_map_section *section = section_at(map, reference->address);
	uint64_t first, end;

	if (!section)
		return;
	first = reference->address - section->swept->section->address;
	end = section->swept->section->size - first < reference->size
	          ? section->swept->section->size
	          : first + reference->size;
	for (uint64_t bit = first; bit < end; bit++)
		section->bits[reference->property][bit / 64] |= UINT64_C(1) << (bit % 64);
	if (reference->property == CODE_POINTER || reference->property == CODE_FIXUP)
		section->bits[CODE_ENTRY][first / 64] |= UINT64_C(1) << (first % 64);
}

/* --- who refers to code ------------------------------------------------------------- */

struct walk {
	const struct scan *scan;
	const uint8_t *fates;
	code_reference_visitor *visit;
	void *context;
};

static void refer(const struct walk *walk, enum code_property property, uint64_t address,
                  uint64_t size, const char *reason)
{
	struct code_reference reference = {property, address, size, reason};

	walk->visit(walk->context, &reference);
}

/* The whole instruction that starts at address, or one byte if none does. */
static void fix_instruction(const struct walk *walk, enum code_property property, uint64_t address,
                            const char *reason)
{
	const struct kernel *kernel = walk->scan->kernel;
	const uint8_t *bytes;
	struct instruction instruction;

	for (size_t size = INSTRUCTION_MAX_LENGTH; size; size--) {
		bytes = kernel_bytes_at(kernel, address, size);
		if (!bytes)
			continue;
		if (decode_instruction(bytes, size, DISASM_MODE_32, &instruction) != DECODE_OK)
			break;
		refer(walk, property, address, instruction.length, reason);
		return;
	}
	refer(walk, property, address, 1, reason);
}

static void walk_alternatives(const struct walk *walk, const struct linux_metadata *metadata)
{
	for (size_t i = 0; i < metadata->exception_count; i++) {
		fix_instruction(walk, CODE_FAULTING, metadata->exceptions[i].instruction.address,
		                "__ex_table");
		refer(walk, CODE_FIXUP, metadata->exceptions[i].fixup.address, 1,
		      "__ex_table fixup");
	}
	for (size_t i = 0; i < metadata->alternative_count; i++) {
		const struct alternative_entry *entry = &metadata->alternatives[i];

		refer(walk, walk->fates[i] == ALTERNATIVE_LIVE ? CODE_FIXED : CODE_INERT,
		      entry->site.address, entry->site_length, ".altinstructions");
		refer(walk, CODE_FIXED, entry->replacement.address, entry->replacement_length,
		      ".altinstr_replacement");
	}
	for (size_t i = 0; i < metadata->paravirt_count; i++)
		refer(walk, CODE_FIXED, metadata->paravirt[i].site.address,
		      metadata->paravirt[i].length, ".parainstructions");
}

static void walk_labels(const struct walk *walk, const struct linux_metadata *metadata)
{
	for (size_t i = 0; i < metadata->jump_label_count; i++) {
		const struct jump_label_entry *entry = &metadata->jump_labels[i];

		refer(walk, CODE_FIXED, entry->code.address, entry->length, "__jump_table");
		refer(walk, CODE_POINTER, entry->target.address, 1, "__jump_table target");
	}
	for (size_t i = 0; i < metadata->bug_count; i++)
		fix_instruction(walk, CODE_FIXED, metadata->bugs[i].instruction.address,
		                "__bug_table");
}

static void walk_places(const struct walk *walk, const struct place_list *list, const char *reason)
{
	for (size_t i = 0; i < list->count; i++)
		fix_instruction(walk, CODE_FIXED, list->places[i].address, reason);
}

/*
 * Linux looks whether the byte is a lock prefix before it rewrites it
 * (arch/x86/kernel/alternative.c, alternatives_smp_unlock(), from 3.1 at the latest: since then
 * alternatives are relative).
 */
static void walk_locks(const struct walk *walk, const struct linux_metadata *metadata)
{
	const char *layout = metadata->alternative_table.layout;
	bool looks = layout && !strncmp(layout, "relative", strlen("relative"));

	for (size_t i = 0; i < metadata->smp_locks.count; i++) {
		uint64_t address = metadata->smp_locks.places[i].address;

		if (looks)
			refer(walk, CODE_LOCK, address, 1, ".smp_locks");
		else
			fix_instruction(walk, CODE_FIXED, address, ".smp_locks");
	}
}

static void walk_metadata(const struct walk *walk)
{
	const struct linux_metadata *metadata = &walk->scan->metadata;

	walk_alternatives(walk, metadata);
	walk_labels(walk, metadata);
	walk_locks(walk, metadata);
	walk_places(walk, &metadata->mcount, "__mcount_loc");
	walk_places(walk, &metadata->static_call_trampolines, "static call");
	for (size_t i = 0; i < metadata->kprobe_blacklist.count; i++)
		refer(walk, CODE_POINTER, metadata->kprobe_blacklist.places[i].address, 1,
		      "kprobe blacklist");
	for (size_t i = 0; i < metadata->pci_fixups.count; i++)
		refer(walk, CODE_POINTER, metadata->pci_fixups.places[i].address, 1, ".pci_fixup");
}

/* Branches that leave their section; those within it are in the sweep's own bitmap. */
static void walk_branches(const struct walk *walk)
{
	for (size_t i = 0; i < walk->scan->section_count; i++) {
		const struct sweep_result *sweep = &walk->scan->sections[i].sweep;

		for (size_t j = 0; j < sweep->outside_target_count; j++)
			refer(walk, CODE_ENTRY, sweep->outside_targets[j], 1, "branch");
	}
}

static void walk_symbols(const struct walk *walk)
{
	const struct kernel *kernel = walk->scan->kernel;

	refer(walk, CODE_POINTER, kernel->entry, 1, "entry point");
	for (size_t i = 0; i < kernel->symbol_count; i++)
		refer(walk, CODE_POINTER, kernel->symbols[i].address, 1, "symbol");
}

/*
 * What relocated words refer to. A PC-relative word in data (`.long symbol - .`) refers to its
 * own address plus its content; one in code belongs to an instruction, and direct branches were
 * seen by the sweep.
 */
static void walk_relocations(const struct walk *walk)
{
	const struct linux_table *exceptions = &walk->scan->metadata.exception_table;
	const struct kernel *kernel = walk->scan->kernel;

	for (size_t i = 0; i < kernel->relocation_count; i++) {
		const struct kernel_relocation *relocation = &kernel->relocations[i];
		const uint8_t *bytes = kernel_bytes_at(kernel, relocation->address, 4);
		uint32_t word;

		if (!bytes || relocation->address - exceptions->address < exceptions->size)
			continue; /* walk_alternatives() knows of __ex_table */
		memcpy(&word, bytes, sizeof(word));
		if (relocation->type == R_386_32)
			refer(walk, CODE_POINTER, word, 1, "relocation");
		else if (relocation->type == R_386_PC32 &&
		         !(relocation->section != UINT32_MAX &&
		           kernel->sections[relocation->section].executable))
			refer(walk, CODE_POINTER, (uint32_t)(relocation->address + word), 1,
			      "relative relocation");
	}
}

/* Without relocations: any four bytes of the image that look like an address of code. */
static void walk_words(const struct walk *walk)
{
	const struct kernel *kernel = walk->scan->kernel;

	for (size_t i = 0; i < kernel->section_count; i++) {
		const struct kernel_section *section = &kernel->sections[i];

		for (uint64_t at = 0; section->bytes && at + 4 <= section->size; at++) {
			uint32_t word;

			memcpy(&word, section->bytes + at, sizeof(word));
			refer(walk, CODE_POINTER, word, 1, "word that looks like an address");
		}
	}
}

static void walk_references(const struct walk *walk)
{
	walk_metadata(walk);
	walk_branches(walk);
	walk_symbols(walk);
	if (walk->scan->kernel->has_relocations)
		walk_relocations(walk);
	else
		walk_words(walk);
}

void code_map_visit(const struct code_map *map, code_reference_visitor *visit, void *context)
{
	struct walk walk = {
	    .scan = map->scan, .fates = map->fates, .visit = visit, .context = context};

	walk_references(&walk);
}

/* --- the map ------------------------------------------------------------------------ */

static bool allocate_section(struct code_map_section *section)
{
	size_t words = section->swept->section->size / 64 + 1;

	for (int property = 0; property < CODE_PROPERTY_COUNT; property++) {
		section->bits[property] = calloc(words, sizeof(uint64_t));
		if (!section->bits[property])
			return false;
	}
	for (size_t i = 0; i < (section->swept->section->size + 63) / 64; i++)
		section->bits[CODE_ENTRY][i] = section->swept->sweep.targets[i];
	return true;
}

bool code_map_build(const struct scan *scan, const struct rom *rom, struct code_map *map,
                    struct problem *problem)
{
	struct walk walk = {.scan = scan, .visit = set_bits, .context = map};

	*map = (struct code_map){.scan = scan, .exact = scan->kernel->has_relocations};
	map->sections = calloc(scan->section_count + 1, sizeof(*map->sections));
	map->fates = malloc(scan->metadata.alternative_count + 1);
	if (!map->sections || !map->fates) {
		free(map->sections);
		free(map->fates);
		*map = (struct code_map){0};
		return problem_report(problem, OUT_OF_MEMORY);
	}
	alternative_fates(&scan->metadata, scan->kernel, rom, map->fates);
	walk.fates = map->fates;
	map->section_count = scan->section_count;
	for (size_t i = 0; i < scan->section_count; i++) {
		map->sections[i].swept = &scan->sections[i];
		if (!allocate_section(&map->sections[i])) {
			code_map_free(map);
			return problem_report(problem, OUT_OF_MEMORY);
		}
	}
	walk_references(&walk);
	return true;
}

void code_map_free(struct code_map *map)
{
	for (size_t i = 0; i < map->section_count; i++)
		for (int property = 0; property < CODE_PROPERTY_COUNT; property++)
			free(map->sections[i].bits[property]);
	free(map->sections);
	free(map->fates);
	*map = (struct code_map){0};
}

bool code_map_is_inert(const struct code_map *map, uint64_t address, uint32_t *feature)
{
	const struct linux_metadata *metadata = &map->scan->metadata;

	*feature = 0;
	for (size_t i = 0; i < metadata->alternative_count; i++) {
		const struct alternative_entry *entry = &metadata->alternatives[i];

		if (address - entry->replacement.address >= entry->replacement_length)
			continue;
		*feature = entry->feature;
		if (map->fates[i] == ALTERNATIVE_LIVE)
			return false;
	}
	return true;
}

bool code_map_any(const struct code_map *map, enum code_property property, uint64_t address,
                  uint64_t size)
{
	const struct code_map_section *section = section_at(map, address);
	uint64_t first, end;

	if (!section)
		return false;
	first = address - section->swept->section->address;
	end = section->swept->section->size;
	for (uint64_t bit = first; bit < end && bit - first < size; bit++)
		if (bitmap_test(section->bits[property], bit))
			return true;
	return false;
}

/* --- reasons ------------------------------------------------------------------------ */

struct question {
	enum code_property property;
	uint64_t address;
	const char *answer;
};

static void answer(void *context, const struct code_reference *reference)
{
	struct question *question = context;

	if (!question->answer &&
	    (reference->property == question->property ||
	     (question->property == CODE_ENTRY &&
	      (reference->property == CODE_POINTER || reference->property == CODE_FIXUP))) &&
	    question->address >= reference->address &&
	    question->address - reference->address < reference->size)
		question->answer = reference->reason;
}

const char *code_map_reason(const struct code_map *map, enum code_property property,
                            uint64_t address)
{
	struct question question = {.property = property, .address = address};
	struct walk walk = {
	    .scan = map->scan, .fates = map->fates, .visit = answer, .context = &question};
	const struct code_map_section *section = section_at(map, address);

	if (!code_map_any(map, property, address, 1))
		return NULL;
	if (section && property == CODE_ENTRY &&
	    bitmap_test(section->swept->sweep.targets, address - section->swept->section->address))
		return "branch";
	walk_references(&walk);
	return question.answer;
}
