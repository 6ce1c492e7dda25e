/* SPDX-License-Identifier: BSD-2-Clause */

/* Windows and springboards of a module: bytes and the relocations that go with them. */

#include <string.h>

#include "patcher/bytes.h"
#include "patcher/module/module_private.h"
#include "patcher/module/module_words.h"

#define JUMP_OPCODE       0xe9
#define SHORT_JUMP_OPCODE 0xeb
#define TRAP_OPCODE       0xcc
#define REL32_ADDEND      UINT32_C(-4) /* a branch's displacement counts from its end */

static uint32_t text_address(enum module_text text)
{
	return MODULE_TEXT_ADDRESS + (uint32_t)text * MODULE_TEXT_SIZE;
}

static enum module_text text_of(const struct module_patch *patch, const struct plan_window *window)
{
	return module_text_for(patch->file, placed_section(window->swept->section));
}

/* --- one window --------------------------------------------------------------------- */

/*
 * The window's instructions with their relocated words. What fix_odd_relocations() left are
 * operands of theirs.
 */
static void fill_window(const struct module_patch *patch, const struct plan_window *planned,
                        struct module_window *window)
{
	const struct module_file *file = patch->file;
	uint32_t offset;
	uint32_t section = module_section_at(patch, planned->start, &offset);
	size_t next = module_relocation_at(file, section, offset);

	plan_window_instructions(&patch->plan, planned, &window->window);
	window->window.unpaged = false;
	window->relocated_count = 0;
	for (unsigned int i = 0; i < window->window.count; i++) {
		uint32_t length = window->window.instructions[i].instruction.length;

		for (;
		     next < file->relocation_count && file->relocations[next].section == section &&
		     file->relocations[next].offset < offset + length &&
		     window->relocated_count < MODULE_MOST_RELOCATED;
		     next++)
			window->relocated[window->relocated_count++] = (struct module_relocated){
			    (uint8_t)i, (uint8_t)(file->relocations[next].offset - offset)};
		offset += length;
	}
}

/* The relocation behind a relocated word of the window. */
static const struct module_relocation *relocation_of(const struct module_patch *patch,
                                                     const struct plan_window *planned,
                                                     unsigned int word)
{
	uint32_t offset;
	uint32_t section = module_section_at(patch, planned->start, &offset);

	return &patch->file->relocations[module_relocation_at(patch->file, section, offset) + word];
}

static bool build_one(const struct module_patch *patch, const struct plan_window *planned,
                      uint32_t address, struct module_springboard *springboard,
                      struct problem *problem)
{
	struct module_window window;

	fill_window(patch, planned, &window);
	return module_springboard_build(&window, address, &patch->rom, patch->base->rom_virtual,
	                                springboard, problem);
}

/* --- windows that have to be given up ------------------------------------------------ */

/* The window, not dropped, that address lies in; NULL if none has it. */
static struct plan_window *window_at(const struct module_patch *patch, uint64_t address)
{
	size_t low = 0, high = patch->plan.window_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (patch->plan.windows[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == patch->plan.window_count || patch->plan.windows[low].dropped ||
	    patch->plan.windows[low].start > address)
		return NULL;
	return &patch->plan.windows[low];
}

static void give_up(struct module_patch *patch, struct plan_window *planned)
{
	for (uint32_t i = 0; i < planned->site_count; i++) {
		struct plan_site *site = &patch->plan.sites[planned->first_site + i];

		if (site->action == ROM_ACTION_NONE) {
			site->window = UINT32_MAX; /* it stays where it is */
			continue;
		}
		site->patched = false;
		site->reason = "its springboard cannot be built";
	}
	planned->dropped = true;
}

/* Branches of a dropped window that were to be led into another one cannot be: it goes, too. */
static bool drop_dependents(struct module_patch *patch, const struct plan_window *dropped)
{
	struct window window;
	bool any = false;

	plan_window_instructions(&patch->plan, dropped, &window);
	for (unsigned int i = 0; i < window.count; i++) {
		const struct window_instruction *branch = &window.instructions[i];
		struct plan_window *other;
		uint64_t target;

		if (!instruction_is_direct_branch(&branch->instruction))
			continue;
		target =
		    instruction_branch_target(&branch->instruction, branch->bytes, branch->address);
		other = window_at(patch, target);
		if (other && other->start != target) {
			give_up(patch, other);
			any = true;
		}
	}
	return any;
}

static void drop_all_dependents(struct module_patch *patch)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < patch->plan.window_count; i++)
			if (patch->plan.windows[i].dropped)
				again |= drop_dependents(patch, &patch->plan.windows[i]);
	}
}

/* Sizes and words do not depend on addresses: each springboard is built once to see them. */
static bool size_springboards(struct module_patch *patch, struct problem *problem)
{
	uint64_t sizes[MODULE_TEXT_COUNT] = {0};
	struct module_springboard springboard;
	struct problem ignored;

	for (size_t i = 0; i < patch->plan.window_count; i++) {
		struct plan_window *planned = &patch->plan.windows[i];

		if (!build_one(patch, planned, text_address(MODULE_TEXT_CORE), &springboard,
		               &ignored)) {
			give_up(patch, planned);
			continue;
		}
		planned->springboard_size = springboard.code.size;
		memcpy(patch->springboards[i].entries, springboard.code.entries,
		       sizeof(springboard.code.entries));
	}
	drop_all_dependents(patch);
	for (size_t i = 0; i < patch->plan.window_count; i++) {
		struct plan_window *planned = &patch->plan.windows[i];
		enum module_text text = text_of(patch, planned);

		if (planned->dropped)
			continue;
		planned->springboard = text_address(text) + sizes[text];
		patch->springboards[i].offset = (uint32_t)sizes[text];
		sizes[text] += (planned->springboard_size + 3u) & ~3u;
		if (sizes[text] > MODULE_TEXT_SIZE)
			return problem_report(problem, MODULE_TOO_LARGE);
	}
	return true;
}

/* --- words of springboards ----------------------------------------------------------- */

/* A springboard's word that is being given its relocation. */
struct word_place {
	struct module_patch *patch;
	const struct plan_window *window;
	uint32_t offset;  /* of the word, in the text */
	uint32_t address; /* of the word, placed */
	uint8_t *bytes;
};

static bool relocate_word(const struct word_place *place, uint8_t type, uint8_t kind,
                          uint32_t target, uint32_t addend)
{
	const struct module_fixup fixup = {
	    .section = MODULE_ADDED_TEXT + text_of(place->patch, place->window),
	    .offset = place->offset,
	    .target = target,
	    .target_kind = kind,
	    .type = type,
	};

	memcpy(place->bytes, &addend, sizeof(addend));
	return module_add_fixup(place->patch, &fixup);
}

/* Where the instruction of address has moved: false if it stands where it was. */
static bool find_copy(const struct module_patch *patch, uint64_t address, enum module_text *text,
                      uint32_t *offset)
{
	const struct plan_window *planned = window_at(patch, address);
	struct window window;
	size_t index;

	if (!planned || planned->start == address)
		return false;
	index = (size_t)(planned - patch->plan.windows);
	plan_window_instructions(&patch->plan, planned, &window);
	for (unsigned int i = 0; i < window.count; i++) {
		uint16_t entry = patch->springboards[index].entries[i];

		if (window.instructions[i].address != address || entry == SPRINGBOARD_NO_ENTRY)
			continue;
		*text = text_of(patch, planned);
		*offset = patch->springboards[index].offset + entry;
		return true;
	}
	return false;
}

static bool relocate_slot(const struct word_place *place, uint32_t target, struct problem *problem)
{
	uint32_t slot = target - place->patch->base->rom_virtual;

	if (slot % ROM_SLOT_SIZE || slot / ROM_SLOT_SIZE >= ROM_SLOT_COUNT)
		return problem_report(problem, MODULE_SPRINGBOARD, WIDE(place->window->start));
	return relocate_word(place, R_386_PC32, MODULE_TARGET_SLOT, slot / ROM_SLOT_SIZE,
	                     REL32_ADDEND) ||
	       problem_report(problem, OUT_OF_MEMORY);
}

/* A relative word: to a copy in a springboard, or as it was. */
static bool relocate_branch(const struct word_place *place, uint32_t word,
                            const struct module_relocation *relocation)
{
	const struct module_patch *patch = place->patch;
	const struct kernel_section *section = place->window->swept->section;
	uint32_t target = word + place->address + 4, copy;
	enum module_text text;

	if (find_copy(patch, target, &text, &copy))
		return relocate_word(place, R_386_PC32, MODULE_TARGET_TEXT, text,
		                     copy + REL32_ADDEND);
	if (relocation)
		return relocate_word(
		    place, (uint8_t)relocation->type, MODULE_TARGET_SYMBOL, relocation->symbol,
		    word + place->address - patch->placed.values[relocation->symbol]);
	return relocate_word(place, R_386_PC32, MODULE_TARGET_SECTION, placed_section(section),
	                     target - (uint32_t)section->address + REL32_ADDEND);
}

static bool relocate_one(const struct word_place *place, const struct module_word *word,
                         struct problem *problem)
{
	const struct module_patch *patch = place->patch;
	const struct kernel_section *section = place->window->swept->section;
	const struct module_relocation *relocation = NULL;
	uint32_t value = bytes_load32(place->bytes);
	bool done = false;

	if (word->kind == MODULE_WORD_COPY || word->kind == MODULE_WORD_FOLLOW)
		relocation = relocation_of(patch, place->window, word->relocated);
	switch ((enum module_word_kind)word->kind) {
	case MODULE_WORD_SLOT: return relocate_slot(place, value + place->address + 4, problem);
	case MODULE_WORD_BRANCH:
	case MODULE_WORD_FOLLOW: done = relocate_branch(place, value, relocation); break;
	case MODULE_WORD_ADDRESS:
		done = relocate_word(place, R_386_32, MODULE_TARGET_SECTION,
		                     placed_section(section), value - (uint32_t)section->address);
		break;
	case MODULE_WORD_COPY:
		done = relocate_word(place, R_386_32, MODULE_TARGET_SYMBOL, relocation->symbol,
		                     value - patch->placed.values[relocation->symbol]);
		break;
	}
	return done || problem_report(problem, OUT_OF_MEMORY);
}

static void note_origins(struct module_patch *patch, const struct plan_window *planned,
                         const struct springboard *springboard)
{
	struct module_springboard_place *place =
	    &patch->springboards[planned - patch->plan.windows];

	place->first_origin = (uint32_t)(patch->placed_origins.size / sizeof(struct rom_origin));
	place->origin_count = springboard->origin_count;
	for (unsigned int i = 0; i < springboard->origin_count; i++) {
		const struct springboard_origin *from = &springboard->origins[i];
		const struct rom_origin origin = {
		    .springboard = (uint32_t)planned->springboard + from->offset,
		    .original = from->original,
		    .saved = from->saved,
		    .pushed = from->pushed,
		};

		buffer_append(&patch->placed_origins, &origin, sizeof(origin));
	}
}

static bool place_springboard(struct module_patch *patch, const struct plan_window *planned,
                              struct problem *problem)
{
	enum module_text text = text_of(patch, planned);
	uint32_t offset = (uint32_t)planned->springboard - text_address(text);
	struct module_springboard springboard;

	if (!build_one(patch, planned, (uint32_t)planned->springboard, &springboard, problem))
		return false;
	for (unsigned int i = 0; i < springboard.word_count; i++) {
		const struct module_word *word = &springboard.words[i];
		struct word_place place = {
		    .patch = patch,
		    .window = planned,
		    .offset = offset + word->offset,
		    .address = (uint32_t)planned->springboard + word->offset,
		    .bytes = springboard.code.bytes + word->offset,
		};

		if (!relocate_one(&place, word, problem))
			return false;
	}
	buffer_align(&patch->texts[text], 4);
	buffer_append(&patch->texts[text], springboard.code.bytes, springboard.code.size);
	note_origins(patch, planned, &springboard.code);
	return true;
}

/* --- windows ------------------------------------------------------------------------ */

/* The relocations of replaced bytes go. */
static void drop_relocations(struct module_patch *patch, uint32_t section, uint32_t offset,
                             uint32_t size)
{
	const struct module_file *file = patch->file;

	for (size_t i = module_relocation_at(file, section, offset);
	     i < file->relocation_count && file->relocations[i].section == section &&
	     file->relocations[i].offset < offset + size;
	     i++)
		patch->dropped[i] = true;
}

static uint8_t *image_at(const struct module_patch *patch, uint32_t section, uint32_t offset)
{
	return patch->image + patch->file->sections[section].sh_offset + offset;
}

/* Makes the rel32 at offset lead to a place among the springboards. */
static bool lead(struct module_patch *patch, uint32_t section, uint32_t offset,
                 enum module_text text, uint32_t place, struct problem *problem)
{
	const struct module_fixup fixup = {
	    .section = section,
	    .offset = offset,
	    .target = text,
	    .target_kind = MODULE_TARGET_TEXT,
	    .type = R_386_PC32,
	};
	uint32_t addend = place + REL32_ADDEND;

	memcpy(image_at(patch, section, offset), &addend, sizeof(addend));
	return module_add_fixup(patch, &fixup) || problem_report(problem, OUT_OF_MEMORY);
}

/* The jump over the window's first bytes, or to its hop; what is left of it traps. */
static bool replace_window(struct module_patch *patch, const struct plan_window *planned,
                           struct problem *problem)
{
	uint32_t start, hop = 0, size = (uint32_t)(planned->end - planned->start);
	uint32_t section = module_section_at(patch, planned->start, &start);
	enum module_text text = text_of(patch, planned);
	uint8_t *bytes = image_at(patch, section, start);

	drop_relocations(patch, section, start, size);
	memset(bytes, TRAP_OPCODE, size);
	if (planned->hop) {
		module_section_at(patch, planned->hop, &hop);
		bytes[0] = SHORT_JUMP_OPCODE;
		bytes[1] = (uint8_t)(hop - (start + SHORT_JUMP_SIZE));
	} else {
		hop = start;
	}
	*image_at(patch, section, hop) = JUMP_OPCODE;
	return lead(patch, section, hop + 1, text,
	            (uint32_t)planned->springboard - text_address(text), problem);
}

/* A branch outside of all windows whose target has moved. */
static bool follow(struct module_patch *patch, const struct plan_retarget *retarget,
                   struct problem *problem)
{
	uint32_t offset, copy;
	uint32_t section = module_section_at(patch, retarget->branch, &offset);
	const struct kernel_section *placed =
	    kernel_section_at(&patch->placed.kernel, retarget->branch);
	const uint8_t *bytes = placed->bytes + offset;
	struct instruction branch;
	enum module_text text;

	if (window_at(patch, retarget->branch) ||
	    decode_instruction(bytes, placed->size - offset, DISASM_MODE_32, &branch) !=
	        DECODE_OK ||
	    !instruction_is_direct_branch(&branch) || branch.immediate_size != 4 ||
	    !find_copy(patch, instruction_branch_target(&branch, bytes, retarget->branch), &text,
	               &copy))
		return true;
	drop_relocations(patch, section, offset, branch.length);
	return lead(patch, section, offset + branch.immediate_offset, text, copy, problem);
}

/* --- origins ------------------------------------------------------------------------- */

static bool relocate_origin(struct module_patch *patch, size_t field, uint8_t kind, uint32_t target)
{
	const struct module_fixup fixup = {
	    .section = MODULE_ADDED_ORIGINS,
	    .offset = (uint32_t)(patch->origins.size + field),
	    .target = target,
	    .target_kind = kind,
	    .type = R_386_32,
	};

	return module_add_fixup(patch, &fixup);
}

static bool list_window_origins(struct module_patch *patch, size_t index)
{
	const struct module_springboard_place *place = &patch->springboards[index];
	const struct plan_window *window = &patch->plan.windows[index];
	uint32_t section = placed_section(window->swept->section);
	enum module_text text = text_of(patch, window);
	bool done = true;

	for (uint32_t i = 0; done && i < place->origin_count; i++) {
		struct rom_origin origin;

		memcpy(&origin,
		       patch->placed_origins.bytes + (place->first_origin + i) * sizeof(origin),
		       sizeof(origin));
		origin.springboard -= text_address(text);
		origin.original -= (uint32_t)window->swept->section->address;
		done = relocate_origin(patch, offsetof(struct rom_origin, springboard),
		                       MODULE_TARGET_TEXT, text) &&
		       relocate_origin(patch, offsetof(struct rom_origin, original),
		                       MODULE_TARGET_SECTION, section);
		buffer_append(&patch->origins, &origin, sizeof(origin));
	}
	return done;
}

/* In the order of the springboards: text by text. */
static bool list_origins(struct module_patch *patch, struct problem *problem)
{
	bool done = !patch->placed_origins.failed;

	for (int text = 0; text < MODULE_TEXT_COUNT; text++)
		for (size_t i = 0; done && i < patch->plan.window_count; i++)
			if (text_of(patch, &patch->plan.windows[i]) == (enum module_text)text)
				done = list_window_origins(patch, i);
	return (done && !patch->origins.failed) || problem_report(problem, OUT_OF_MEMORY);
}

bool module_place_springboards(struct module_patch *patch, struct problem *problem)
{
	if (!size_springboards(patch, problem))
		return false;
	for (size_t i = 0; i < patch->plan.window_count; i++) {
		const struct plan_window *planned = &patch->plan.windows[i];

		if (!planned->dropped && (!place_springboard(patch, planned, problem) ||
		                          !replace_window(patch, planned, problem)))
			return false;
	}
	for (size_t i = 0; i < patch->plan.retarget_count; i++)
		if (!follow(patch, &patch->plan.retargets[i], problem))
			return false;
	for (int i = 0; i < MODULE_TEXT_COUNT; i++)
		if (patch->texts[i].failed)
			return problem_report(problem, OUT_OF_MEMORY);
	return list_origins(patch, problem);
}
