/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/module/module_patch.h"

#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/module/module_private.h"
#include "patcher/module/module_words.h"

/* --- what the parts share ----------------------------------------------------------- */

bool module_add_fixup(struct module_patch *patch, const struct module_fixup *fixup)
{
	if (patch->fixup_count == patch->fixup_capacity) {
		size_t capacity = patch->fixup_capacity ? 2 * patch->fixup_capacity : 64;
		struct module_fixup *grown = realloc(patch->fixups, capacity * sizeof(*grown));

		if (!grown)
			return false;
		patch->fixups = grown;
		patch->fixup_capacity = capacity;
	}
	patch->fixups[patch->fixup_count++] = *fixup;
	return true;
}

uint32_t module_section_at(const struct module_patch *patch, uint64_t address, uint32_t *offset)
{
	const struct kernel_section *section = kernel_section_at(&patch->placed.kernel, address);

	*offset = (uint32_t)(address - section->address);
	return placed_section(section);
}

enum module_text module_text_for(const struct module_file *file, uint32_t section)
{
	/* module_init_section() in Linux 6.1's kernel/module/main.c */
	return strncmp(module_section_name(file, section), ".init", 5) ? MODULE_TEXT_CORE
	                                                               : MODULE_TEXT_INIT;
}

/* --- before planning ---------------------------------------------------------------- */

/* The instruction whose bytes hold a word of code, and where; false if the sweep found none. */
static bool instruction_around(const struct scan_section *swept, uint32_t word, uint32_t *start,
                               struct instruction *instruction)
{
	const struct kernel_section *section = swept->section;

	for (uint32_t back = 0; back < INSTRUCTION_MAX_LENGTH && back <= word; back++) {
		if (!bitmap_test(swept->sweep.starts, word - back))
			continue;
		*start = word - back;
		return decode_instruction(section->bytes + *start, section->size - *start,
		                          DISASM_MODE_32, instruction) == DECODE_OK &&
		       word + 4 <= *start + instruction->length;
	}
	return false;
}

/* Whether an instruction with that relocation may stand elsewhere. */
static bool can_move(const struct module_relocation *relocation, const struct scan_section *swept)
{
	struct instruction instruction;
	uint32_t start;

	if (!instruction_around(swept, relocation->offset, &start, &instruction) ||
	    !module_operand_at(&instruction, relocation->offset - start))
		return false;
	/* A relative word that is no branch's says how far something is from its own place. */
	return (relocation->type != R_386_32) == instruction_is_direct_branch(&instruction);
}

static void set_bits(struct module_patch *patch, const struct scan_section *swept,
                     enum code_property property, uint32_t offset, uint32_t size)
{
	uint64_t *bits = patch->map.sections[swept - patch->scan.sections].bits[property];

	for (uint32_t bit = offset; bit < offset + size; bit++)
		bits[bit / 64] |= UINT64_C(1) << (bit % 64);
}

/* The exception table keeps its words: fixups stay where they are. */
static void fix_fixups(struct module_patch *patch)
{
	const struct linux_metadata *metadata = &patch->scan.metadata;

	for (size_t i = 0; i < metadata->exception_count; i++) {
		uint64_t address = metadata->exceptions[i].fixup.address;
		const struct kernel_section *section =
		    kernel_section_at(&patch->placed.kernel, address);
		const struct scan_section *swept =
		    section ? scan_find_section(&patch->scan, section) : NULL;

		if (swept)
			set_bits(patch, swept, CODE_POINTER, (uint32_t)(address - section->address),
			         1);
	}
}

/* Code with relocations that cannot move with it stays where it is. */
static void fix_odd_relocations(struct module_patch *patch)
{
	const struct kernel *kernel = &patch->placed.kernel;

	fix_fixups(patch);
	for (size_t i = 0; i < patch->file->relocation_count; i++) {
		const struct module_relocation *relocation = &patch->file->relocations[i];
		const struct kernel_section *section = kernel_section_at(
		    kernel, patch->placed.addresses[relocation->section] + relocation->offset);
		const struct scan_section *swept =
		    section ? scan_find_section(&patch->scan, section) : NULL;

		if (swept && !can_move(relocation, swept))
			set_bits(patch, swept, CODE_FIXED, relocation->offset, 4);
	}
}

/*
 * For modules every ROM is one that sees no faults: who looks into the exception table finds a
 * module's own instructions there, and a ROM that owns the traps knows no module's springboards.
 * What stays native it sees as a trap at the original place.
 */
static void adapt_rom(struct module_patch *patch)
{
	patch->rom = patch->base->rom;
	patch->rom.properties &= ~(uint32_t)ROM_OWNS_TRAPS;
	patch->rom.properties |= ROM_KEEPS_FAULTING;
}

/*
 * What the planner left native because it has no window: right where instructions do natively what
 * they always did. A ROM that owns the traps runs its guest without privileges: it carries out what
 * faults (rom/vcpu/escaped.h), but some instructions do something else in silence.
 */
static void refuse_hard_sites(struct module_patch *patch)
{
	if (!(patch->base->rom.properties & ROM_OWNS_TRAPS))
		return;
	for (size_t i = 0; i < patch->plan.site_count; i++) {
		struct plan_site *site = &patch->plan.sites[i];

		if (site->patched && site->method == ROM_METHOD_NONE &&
		    sensitive_forms[site->site->form].deprivileged != DEPRIVILEGED_FAULTS &&
		    patch->rom.calls[sensitive_forms[site->site->form].call].action !=
		        ROM_ACTION_NONE &&
		    !code_map_any(&patch->map, CODE_FAULTING, site->site->address, 1))
			site->patched = false;
	}
}

/* --- the site table ----------------------------------------------------------------- */

static bool relocate_site(struct module_patch *patch, size_t field, uint8_t kind, uint32_t target)
{
	const struct module_fixup fixup = {
	    .section = MODULE_ADDED_SITES,
	    .offset = (uint32_t)(patch->sites.size + field),
	    .target = target,
	    .target_kind = kind,
	    .type = R_386_32,
	};

	return module_add_fixup(patch, &fixup);
}

/* The record's bytes are the loaded instruction's. */
static bool relocate_bytes(struct module_patch *patch, uint32_t section,
                           const struct rom_site *site)
{
	const struct module_file *file = patch->file;
	bool done = true;

	for (size_t i = module_relocation_at(file, section, site->address);
	     done && i < file->relocation_count && file->relocations[i].section == section &&
	     file->relocations[i].offset + 4 <= site->address + site->length;
	     i++)
		if (file->relocations[i].type == R_386_32)
			done = relocate_site(patch,
			                     offsetof(struct rom_site, original) +
			                         (file->relocations[i].offset - site->address),
			                     MODULE_TARGET_SYMBOL, file->relocations[i].symbol);
	return done;
}

static bool list_site(struct module_patch *patch, const struct plan_site *from)
{
	struct rom_site to = {
	    .call = sensitive_forms[from->site->form].call,
	    .method = from->patched ? from->method : ROM_METHOD_NONE,
	    .length = from->site->length,
	};
	const struct plan_window *window = NULL;
	uint32_t section = module_section_at(patch, from->site->address, &to.address);
	bool done;

	if (from->patched && from->window != UINT32_MAX)
		window = &patch->plan.windows[from->window];
	to.window = to.address;
	memcpy(to.original,
	       patch->file->image + patch->file->sections[section].sh_offset + to.address,
	       to.length);
	done =
	    relocate_bytes(patch, section, &to) &&
	    relocate_site(patch, offsetof(struct rom_site, address), MODULE_TARGET_SECTION,
	                  section) &&
	    relocate_site(patch, offsetof(struct rom_site, window), MODULE_TARGET_SECTION, section);
	if (window) {
		module_section_at(patch, window->start, &to.window);
		to.window_length = (uint8_t)(window->end - window->start);
		to.springboard = patch->springboards[from->window].offset;
		done = done &&
		       relocate_site(patch, offsetof(struct rom_site, springboard),
		                     MODULE_TARGET_TEXT, module_text_for(patch->file, section));
	}
	buffer_append(&patch->sites, &to, sizeof(to));
	return done;
}

static bool list_sites(struct module_patch *patch, struct problem *problem)
{
	for (size_t i = 0; i < patch->plan.site_count; i++) {
		if (!list_site(patch, &patch->plan.sites[i]))
			return problem_report(problem, OUT_OF_MEMORY);
		patch->unpatched += !patch->plan.sites[i].patched;
	}
	return !patch->sites.failed || problem_report(problem, OUT_OF_MEMORY);
}

/* --- the whole ---------------------------------------------------------------------- */

static bool check_module(const struct module_file *file, const struct module_base *base,
                         struct problem *problem)
{
	for (uint32_t i = 1; i < file->header.e_shnum; i++)
		if (!strcmp(module_section_name(file, i), MODULE_NOTE_SECTION))
			return problem_report(problem, MODULE_TWICE);
	if (strcmp(file->release, base->release))
		return problem_report(problem, MODULE_RELEASE, file->release, base->release);
	return true;
}

/* A module may be data alone: then there is nothing to plan. */
static bool has_code(const struct kernel *kernel)
{
	for (size_t i = 0; i < kernel->section_count; i++)
		if (kernel->sections[i].executable && kernel->sections[i].bytes)
			return true;
	return false;
}

static bool make_plan(struct module_patch *patch, struct problem *problem)
{
	struct linux_metadata metadata;

	if (!module_place(patch->file, 0, &patch->placed, problem))
		return false;
	if (!has_code(&patch->placed.kernel))
		return true;
	if (!placed_module_metadata(&patch->placed, patch->base->linux_version, &metadata,
	                            problem) ||
	    !scan_with_metadata(&patch->placed.kernel, &metadata, &patch->scan, problem) ||
	    !code_map_build(&patch->scan, &patch->base->rom, &patch->map, problem))
		return false;
	fix_odd_relocations(patch);
	if (!plan_build(&patch->scan, &patch->map, &patch->rom, &patch->plan, problem))
		return false;
	refuse_hard_sites(patch);
	return true;
}

/* Entries of alternatives that would do what their sites are rewritten to become ones of no bytes.
 */
static void disarm_alternatives(struct module_patch *patch)
{
	const struct linux_metadata *metadata = &patch->scan.metadata;

	for (size_t i = 0; i < metadata->alternative_count; i++) {
		uint32_t section, offset;

		if (patch->map.fates[i] != ALTERNATIVE_DISARMED)
			continue;
		section =
		    module_section_at(patch,
		                      metadata->alternatives[i].entry_address +
		                          alternative_lengths_offset(&metadata->alternative_table),
		                      &offset);
		memset(patch->image + patch->file->sections[section].sh_offset + offset, 0, 2);
	}
}

static bool carry_out(struct module_patch *patch, struct problem *problem)
{
	size_t size = patch->file->kernel->image_size;

	if (!make_plan(patch, problem))
		return false;
	patch->image = malloc(size);
	patch->dropped = calloc(patch->file->relocation_count + 1, sizeof(*patch->dropped));
	patch->springboards = calloc(patch->plan.window_count + 1, sizeof(*patch->springboards));
	if (!patch->image || !patch->dropped || !patch->springboards)
		return problem_report(problem, OUT_OF_MEMORY);
	memcpy(patch->image, patch->file->image, size);
	disarm_alternatives(patch);
	return module_place_springboards(patch, problem) && list_sites(patch, problem);
}

bool module_patch(const struct module_file *file, const struct module_base *base,
                  struct module_patch *patch, struct problem *problem)
{
	*patch = (struct module_patch){.file = file, .base = base};
	if (!check_module(file, base, problem))
		return false;
	adapt_rom(patch);
	if (!carry_out(patch, problem)) {
		module_patch_free(patch);
		return false;
	}
	return true;
}

void module_patch_free(struct module_patch *patch)
{
	plan_free(&patch->plan);
	code_map_free(&patch->map);
	scan_free(&patch->scan);
	placed_module_free(&patch->placed);
	for (int i = 0; i < MODULE_TEXT_COUNT; i++)
		buffer_free(&patch->texts[i]);
	buffer_free(&patch->sites);
	buffer_free(&patch->origins);
	buffer_free(&patch->placed_origins);
	free(patch->springboards);
	free(patch->image);
	free(patch->dropped);
	free(patch->fixups);
	*patch = (struct module_patch){0};
}
