/* SPDX-License-Identifier: BSD-2-Clause */

/* Springboards in their places, windows that lead to them, branches that follow what has moved. */

#include <string.h>

#include "patcher/bytes.h"
#include "patcher/patch/patch_private.h"

#define JUMP_OPCODE       0xe9
#define SHORT_JUMP_OPCODE 0xeb

/* --- building ------------------------------------------------------------------------ */

static bool build_one(const struct patch *patch, const struct plan_window *planned,
                      uint32_t address, struct springboard *springboard, struct problem *problem)
{
	struct window window;

	plan_window_instructions(&patch->plan, planned, &window);
	return springboard_build(&window, address, patch->rom,
	                         patch->layout.virtual + patch->layout.image, springboard, problem);
}

/* The window, not dropped, that has address inside, behind its first byte; NULL if none has. */
static struct plan_window *window_around(const struct patch *patch, uint64_t address)
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
	    patch->plan.windows[low].start >= address)
		return NULL;
	return &patch->plan.windows[low];
}

/* What of the kernel's own code stands in a springboard's way; NULL: it is the ROM's fault. */
static const char *obstacle(const struct problem *problem)
{
	switch (problem->diagnostic) {
	case DIAGNOSTIC_SPRINGBOARD_ADDRESS: return "an operand in FS or GS, whose base is unknown";
	case DIAGNOSTIC_SPRINGBOARD_DISPLACE:
		return "beside an instruction that cannot stand elsewhere";
	case DIAGNOSTIC_SPRINGBOARD_SHADOW: return "sti beside an instruction that stays native";
	default: return NULL;
	}
}

/*
 * The window's sites have no springboard, for the reason given (NULL: the ROM's fault): they trap,
 * or stay native where the ROM owns no traps.
 */
static void give_up(struct patch *patch, struct plan_window *planned, const char *reason)
{
	bool owns_traps = patch->rom->properties & ROM_OWNS_TRAPS;

	for (uint32_t i = 0; i < planned->site_count; i++) {
		struct plan_site *site = &patch->plan.sites[planned->first_site + i];

		if (site->action == ROM_ACTION_NONE) {
			site->window = UINT32_MAX; /* it stays where it is */
			continue;
		}
		site->reason = reason ? reason : "its springboard cannot be built";
		site->patched = false;
		if (owns_traps) {
			plan_trap_site(site);
		} else if (reason) {
			site->action = ROM_ACTION_NONE;
			site->method = ROM_METHOD_NONE;
			site->window = UINT32_MAX;
			site->patched = true;
		}
	}
	planned->dropped = true;
}

/*
 * A dropped window may have held branches that were to be led into other windows: these cannot be
 * replaced either then.
 */
static bool drop_dependents(struct patch *patch, const struct plan_window *dropped)
{
	struct window window;
	bool any = false;

	plan_window_instructions(&patch->plan, dropped, &window);
	for (unsigned int i = 0; i < window.count; i++) {
		const struct window_instruction *branch = &window.instructions[i];
		struct plan_window *other = NULL;

		if (instruction_is_direct_branch(&branch->instruction))
			other = window_around(patch, instruction_branch_target(&branch->instruction,
			                                                       branch->bytes,
			                                                       branch->address));
		if (other) {
			give_up(patch, other,
			        "its window is reached from one that cannot be replaced");
			any = true;
		}
	}
	return any;
}

static void drop_all_dependents(struct patch *patch)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < patch->plan.window_count; i++)
			if (patch->plan.windows[i].dropped)
				again |= drop_dependents(patch, &patch->plan.windows[i]);
	}
}

/* Sizes do not depend on addresses: every springboard is built once for its size, then in place. */
void patch_size_springboards(struct patch *patch)
{
	struct patch_layout *layout = &patch->layout;
	struct springboard springboard;
	struct problem problem;

	for (size_t i = 0; i < patch->plan.window_count; i++) {
		struct plan_window *planned = &patch->plan.windows[i];

		if (!build_one(patch, planned, layout->virtual, &springboard, &problem)) {
			give_up(patch, planned, obstacle(&problem));
			continue;
		}
		planned->springboard = layout->springboards_size;
		planned->springboard_size = springboard.size;
		layout->springboards_size += patch_align(springboard.size, 4);
		layout->origin_count += springboard.origin_count;
	}
	drop_all_dependents(patch);
}

static void write_jump(uint8_t *bytes, uint64_t from, uint64_t to)
{
	uint32_t displacement = (uint32_t)(to - (from + JUMP_SIZE));

	bytes[0] = JUMP_OPCODE;
	memcpy(bytes + 1, &displacement, sizeof(displacement));
}

/* The jump over the window's first bytes, or to its hop; what is left of it traps. */
static bool replace_window(struct patch *patch, const struct plan_window *planned,
                           struct problem *problem)
{
	uint32_t size = (uint32_t)(planned->end - planned->start);
	uint8_t *bytes = patch_image_at(patch, planned->start, size);
	uint8_t *hop = planned->hop ? patch_image_at(patch, planned->hop, JUMP_SIZE) : NULL;

	if (!bytes || (planned->hop && !hop))
		return problem_report(problem, PATCH_NOT_IN_FILE,
		                      (unsigned long long)planned->start);
	memset(bytes, PATCH_TRAP, size);
	if (!hop) {
		write_jump(bytes, planned->start, planned->springboard);
		return true;
	}
	bytes[0] = SHORT_JUMP_OPCODE;
	bytes[1] = (uint8_t)(planned->hop - (planned->start + SHORT_JUMP_SIZE));
	write_jump(hop, planned->hop, planned->springboard);
	return true;
}

bool patch_place_springboards(struct patch *patch, struct problem *problem)
{
	const struct patch_layout *layout = &patch->layout;
	struct rom_origin *origins = (struct rom_origin *)(patch->segment + layout->origins);
	struct springboard springboard;
	uint32_t origin = 0;

	for (size_t i = 0; i < patch->plan.window_count; i++) {
		struct plan_window *planned = &patch->plan.windows[i];
		uint32_t offset = layout->springboards + (uint32_t)planned->springboard;

		if (planned->dropped)
			continue;
		planned->springboard = layout->virtual + offset;
		if (!build_one(patch, planned, (uint32_t)planned->springboard, &springboard,
		               problem) ||
		    !replace_window(patch, planned, problem))
			return false;
		memcpy(patch->segment + offset, springboard.bytes, springboard.size);
		for (unsigned int j = 0; j < springboard.origin_count; j++)
			origins[origin++] = (struct rom_origin){
			    .springboard =
				(uint32_t)planned->springboard + springboard.origins[j].offset,
			    .original = springboard.origins[j].original,
			    .saved = springboard.origins[j].saved,
			    .pushed = springboard.origins[j].pushed,
			};
	}
	patch->layout.origin_count = origin; /* those of windows dropped meanwhile are gone */
	return true;
}

/* --- traps --------------------------------------------------------------------------- */

bool patch_place_traps(struct patch *patch, struct problem *problem)
{
	for (size_t i = 0; i < patch->plan.site_count; i++) {
		const struct plan_site *site = &patch->plan.sites[i];
		uint8_t *bytes;

		if (!site->patched || site->method != ROM_METHOD_TRAP)
			continue;
		bytes = patch_image_at(patch, site->site->address, site->site->length);
		if (!bytes)
			return problem_report(problem, PATCH_NOT_IN_FILE,
			                      (unsigned long long)site->site->address);
		memset(bytes, ROM_TRAP_OPCODE, site->site->length);
	}
	return true;
}

/* --- alternatives -------------------------------------------------------------------- */

bool patch_disarm_alternatives(struct patch *patch, struct problem *problem)
{
	const struct linux_metadata *metadata = &patch->scan->metadata;

	for (size_t i = 0; i < metadata->alternative_count; i++) {
		uint64_t lengths;
		uint8_t *bytes;

		if (patch->map.fates[i] != ALTERNATIVE_DISARMED)
			continue;
		lengths = metadata->alternatives[i].entry_address +
		          alternative_lengths_offset(&metadata->alternative_table);
		bytes = patch_image_at(patch, lengths, 2);
		if (!bytes)
			return problem_report(problem, PATCH_NOT_IN_FILE,
			                      (unsigned long long)lengths);
		bytes[0] = bytes[1] = 0;
	}
	return true;
}

/* --- branches to what has moved ------------------------------------------------------ */

/*
 * Where the instruction of address stands now: its copy in a springboard, or where it was. Not its
 * first origin: two instructions may have changed places (patcher/springboard/shadow.c), and the
 * first of them is entered where the second begins.
 */
static uint64_t moved_to(const struct patch *patch, uint64_t address)
{
	const struct plan_window *planned = window_around(patch, address);
	struct springboard springboard;
	struct problem problem;
	struct window window;

	if (!planned ||
	    !build_one(patch, planned, (uint32_t)planned->springboard, &springboard, &problem))
		return address;
	plan_window_instructions(&patch->plan, planned, &window);
	for (unsigned int i = 0; i < window.count; i++)
		if (window.instructions[i].address == address &&
		    springboard.entries[i] != SPRINGBOARD_NO_ENTRY)
			return planned->springboard + springboard.entries[i];
	return address;
}

/* Leads the branch at address, which stands in bytes, to where its target has moved. */
static void follow(const struct patch *patch, uint8_t *bytes, size_t size, uint64_t address)
{
	struct instruction branch;
	uint64_t target, copy;
	uint32_t displacement;

	if (decode_instruction(bytes, size, DISASM_MODE_32, &branch) != DECODE_OK ||
	    !instruction_is_direct_branch(&branch) || branch.immediate_size != 4)
		return;
	target = instruction_branch_target(&branch, bytes, address);
	copy = moved_to(patch, target);
	if (copy == target)
		return;
	displacement = (uint32_t)(copy - (address + branch.length));
	memcpy(bytes + branch.immediate_offset, &displacement, sizeof(displacement));
}

static void follow_in_springboards(const struct patch *patch)
{
	for (size_t i = 0; i < patch->plan.window_count; i++) {
		const struct plan_window *window = &patch->plan.windows[i];
		uint8_t *bytes = patch->segment + (window->springboard - patch->layout.virtual);
		struct instruction instruction;

		for (uint32_t at = 0; !window->dropped && at < window->springboard_size;
		     at += instruction.length) {
			if (decode_instruction(bytes + at, window->springboard_size - at,
			                       DISASM_MODE_32, &instruction) != DECODE_OK)
				break;
			follow(patch, bytes + at, instruction.length, window->springboard + at);
		}
	}
}

/* An entry of __ex_table whose fixup has moved; the word is the address, or relative to itself. */
static void follow_fixup(const struct patch *patch, const struct exception_entry *entry)
{
	uint64_t copy = moved_to(patch, entry->fixup.address), at = entry->entry_address + 4;
	uint8_t *bytes = patch_image_at(patch, at, 4);
	uint32_t word;

	if (!bytes || copy == entry->fixup.address)
		return;
	word = (uint32_t)(bytes_load32(bytes) == (uint32_t)entry->fixup.address ? copy : copy - at);
	memcpy(bytes, &word, sizeof(word));
}

/* The branches that the plan leads elsewhere, in the kernel and in springboards. */
void patch_follow_branches(struct patch *patch)
{
	for (size_t i = 0; i < patch->plan.retarget_count; i++) {
		uint64_t branch = patch->plan.retargets[i].branch;
		uint8_t *bytes = NULL;
		size_t size = INSTRUCTION_MAX_LENGTH;

		while (size && !bytes)
			bytes = patch_image_at(patch, branch, size--);
		if (bytes)
			follow(patch, bytes, size + 1, branch);
	}
	for (size_t i = 0; i < patch->plan.fixup_count; i++)
		follow_fixup(patch, patch->plan.fixups[i].entry);
	if (patch->plan.retarget_count || patch->plan.window_count)
		follow_in_springboards(patch);
}
