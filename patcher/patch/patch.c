/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/patch/patch.h"

#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"

#define PAGE_SIZE     4096
#define NODE_SIZE     16       /* the segment's first bytes: struct linux_setup_data of the ROM */
#define SEGMENT_LIMIT 0x100000 /* what Linux maps behind its end in early boot, 2-level paging */

#define JUMP_OPCODE       0xe9
#define SHORT_JUMP_OPCODE 0xeb
#define TRAP_OPCODE       0xcc /* fills what a window leaves: nothing leads there */

/* --- where it goes ------------------------------------------------------------------ */

static uint32_t align_up(uint32_t value, uint32_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

/* The segment begins behind the guest's last, at the same distance of virtual and physical. */
static bool place_segment(struct patch *patch, struct problem *problem)
{
	const struct kernel_segment *last = NULL;
	uint64_t end;

	for (size_t i = 0; i < patch->kernel->segment_count; i++) {
		const struct kernel_segment *segment = &patch->kernel->segments[i];

		if (!last || segment->physical_address > last->physical_address)
			last = segment;
	}
	if (!last)
		return problem_report(problem, PATCH_NO_SEGMENTS);
	end = last->physical_address + last->memory_size;
	if (end > UINT32_MAX - SEGMENT_LIMIT - PAGE_SIZE ||
	    last->virtual_address + last->memory_size > UINT32_MAX - SEGMENT_LIMIT - PAGE_SIZE)
		return problem_report(problem, PATCH_NO_ROOM, (unsigned long long)end);
	patch->layout.physical = align_up((uint32_t)end, PAGE_SIZE);
	patch->layout.virtual = patch->layout.physical +
	                        (uint32_t)(last->virtual_address - last->physical_address);
	return true;
}

static uint32_t guest_offset(const struct patch *patch)
{
	return patch->layout.virtual - patch->layout.physical;
}

/* --- springboards ------------------------------------------------------------------- */

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

static void give_up(struct patch *patch, struct plan_window *planned)
{
	for (uint32_t i = 0; i < planned->site_count; i++) {
		struct plan_site *site = &patch->plan.sites[planned->first_site + i];

		site->patched = false;
		site->reason = "its springboard cannot be built";
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
			give_up(patch, other);
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
static void size_springboards(struct patch *patch)
{
	struct patch_layout *layout = &patch->layout;
	struct springboard springboard;
	struct problem ignored;

	for (size_t i = 0; i < patch->plan.window_count; i++) {
		struct plan_window *planned = &patch->plan.windows[i];

		if (!build_one(patch, planned, layout->virtual, &springboard, &ignored)) {
			give_up(patch, planned);
			continue;
		}
		planned->springboard = layout->springboards_size;
		planned->springboard_size = springboard.size;
		layout->springboards_size += align_up(springboard.size, 4);
		layout->origin_count += springboard.origin_count;
	}
}

static void place_parts(struct patch *patch)
{
	struct patch_layout *layout = &patch->layout;
	uint32_t end;

	layout->image = PAGE_SIZE;
	layout->wedge = align_up(layout->image + patch->rom->image_size, PAGE_SIZE);
	layout->springboards = align_up(layout->wedge + patch->rom->wedge_memory, 16);
	size_springboards(patch);
	drop_all_dependents(patch);
	layout->sites = align_up(layout->springboards + layout->springboards_size, 16);
	end = layout->sites + (uint32_t)(patch->plan.site_count * sizeof(struct rom_site));
	layout->origins = align_up(end, 16);
	end = layout->origins + layout->origin_count * (uint32_t)sizeof(struct rom_origin);
	layout->size = align_up(end, PAGE_SIZE);
}

/* The bytes of the rewritten image where the kernel sees them at address. */
static uint8_t *image_at(const struct patch *patch, uint64_t address, uint64_t size)
{
	const uint8_t *bytes = kernel_bytes_at(patch->kernel, address, size);

	return bytes ? patch->image + (bytes - patch->kernel->image) : NULL;
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
	uint8_t *bytes = image_at(patch, planned->start, size);
	uint8_t *hop = planned->hop ? image_at(patch, planned->hop, JUMP_SIZE) : NULL;

	if (!bytes || (planned->hop && !hop))
		return problem_report(problem, PATCH_NOT_IN_FILE,
		                      (unsigned long long)planned->start);
	memset(bytes, TRAP_OPCODE, size);
	if (!hop) {
		write_jump(bytes, planned->start, planned->springboard);
		return true;
	}
	bytes[0] = SHORT_JUMP_OPCODE;
	bytes[1] = (uint8_t)(planned->hop - (planned->start + SHORT_JUMP_SIZE));
	write_jump(hop, planned->hop, planned->springboard);
	return true;
}

static bool place_springboards(struct patch *patch, struct problem *problem)
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
			};
	}
	patch->layout.origin_count = origin; /* those of windows dropped meanwhile are gone */
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
	struct problem ignored;
	struct window window;

	if (!planned ||
	    !build_one(patch, planned, (uint32_t)planned->springboard, &springboard, &ignored))
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

/* The branches that the plan leads elsewhere, in the kernel and in springboards. */
static void follow_branches(struct patch *patch)
{
	for (size_t i = 0; i < patch->plan.retarget_count; i++) {
		uint64_t branch = patch->plan.retargets[i].branch;
		uint8_t *bytes = NULL;
		size_t size = INSTRUCTION_MAX_LENGTH;

		while (size && !bytes)
			bytes = image_at(patch, branch, size--);
		if (bytes)
			follow(patch, bytes, size + 1, branch);
	}
	if (patch->plan.retarget_count || patch->plan.window_count)
		follow_in_springboards(patch);
}

/* --- the site table and the ROM ----------------------------------------------------- */

static void list_sites(struct patch *patch)
{
	struct rom_site *sites = (struct rom_site *)(patch->segment + patch->layout.sites);

	for (size_t i = 0; i < patch->plan.site_count; i++) {
		const struct plan_site *from = &patch->plan.sites[i];
		const struct plan_window *window = NULL;
		struct rom_site *to = &sites[i];

		if (from->patched && from->window != UINT32_MAX)
			window = &patch->plan.windows[from->window];
		to->address = (uint32_t)from->site->address;
		to->window = window ? (uint32_t)window->start : to->address;
		to->springboard = window ? (uint32_t)window->springboard : 0;
		to->call = sensitive_forms[from->site->form].call;
		to->method = from->patched ? from->method : ROM_METHOD_NONE;
		to->length = from->site->length;
		to->window_length = window ? (uint8_t)(window->end - window->start) : 0;
		memcpy(to->original, from->site->bytes, from->site->length);
		patch->unpatched += !from->patched;
	}
}

static void fill_parameters(struct patch *patch)
{
	const struct patch_layout *layout = &patch->layout;
	uint64_t start = UINT64_MAX;
	struct rom_parameters parameters = {
	    .magic = ROM_PARAMETERS_MAGIC,
	    .abi_version = ROM_ABI_VERSION,
	    .guest_kind = patch->kernel->banner ? ROM_GUEST_LINUX : ROM_GUEST_MULTIBOOT,
	    .region_virtual = layout->virtual,
	    .region_physical = layout->physical,
	    .region_size = layout->size,
	    .rom_virtual = layout->virtual + layout->image,
	    .guest_entry = (uint32_t)patch->kernel->entry,
	    .guest_offset = guest_offset(patch),
	    .guest_physical_end = layout->physical,
	    .springboards_virtual = layout->virtual + layout->springboards,
	    .springboards_size = layout->springboards_size,
	    .sites_virtual = layout->virtual + layout->sites,
	    .site_count = (uint32_t)patch->plan.site_count,
	    .origins_virtual = layout->virtual + layout->origins,
	    .origin_count = layout->origin_count,
	};

	for (size_t i = 0; i < patch->kernel->segment_count; i++)
		if (patch->kernel->segments[i].physical_address < start)
			start = patch->kernel->segments[i].physical_address;
	parameters.guest_physical_start = (uint32_t)start;
	memcpy(patch->segment + layout->wedge + patch->linked.parameters_offset, &parameters,
	       sizeof(parameters));
}

/* The ROM in its place, told where everything is. A kernel's e_entry is physical (Linux) or both.
 */
static bool place_rom(struct patch *patch, struct problem *problem)
{
	const struct patch_layout *layout = &patch->layout;
	bool linux_guest = patch->kernel->banner != NULL;
	struct rom_placement placement = {
	    .image_virtual = layout->virtual + layout->image,
	    .wedge_virtual = layout->virtual + layout->wedge,
	    .guest_entry = (uint32_t)patch->kernel->entry + guest_offset(patch),
	};
	uint32_t entry;

	if (!rom_link(patch->rom, &placement, &patch->linked, problem))
		return false;
	memcpy(patch->segment + layout->image, patch->linked.image, patch->rom->image_size);
	memcpy(patch->segment + layout->wedge, patch->linked.wedge, patch->rom->wedge_size);
	fill_parameters(patch);
	entry =
	    linked_rom_entry(&patch->linked, linux_guest ? "ROM_ENTRY_PVH" : "ROM_ENTRY_MULTIBOOT");
	if (!entry)
		return problem_report(problem, PATCH_NO_ENTRY, patch->rom->name);
	patch->entry = entry - guest_offset(patch);
	return true;
}

/* --- the whole ---------------------------------------------------------------------- */

static bool check_kernel(const struct kernel *kernel, struct problem *problem)
{
	if (kernel->is_64bit || kernel->format == KERNEL_FORMAT_MODULE)
		return problem_report(problem, PATCH_KIND, kernel_format_name(kernel->format));
	if (kernel_find_section(kernel, ".vmi_rom"))
		return problem_report(problem, PATCH_TWICE);
	return true;
}

static bool carry_out(struct patch *patch, struct problem *problem)
{
	if (!code_map_build(patch->scan, &patch->map, problem) ||
	    !plan_build(patch->scan, &patch->map, patch->rom, &patch->plan, problem) ||
	    !place_segment(patch, problem))
		return false;
	place_parts(patch);
	if (patch->layout.size > SEGMENT_LIMIT)
		return problem_report(problem, PATCH_TOO_LARGE, patch->layout.size, SEGMENT_LIMIT);
	patch->segment = calloc(1, patch->layout.size);
	patch->image = malloc(patch->kernel->image_size);
	if (!patch->segment || !patch->image)
		return problem_report(problem, OUT_OF_MEMORY);
	memcpy(patch->image, patch->kernel->image, patch->kernel->image_size);
	if (!place_springboards(patch, problem) || !place_rom(patch, problem))
		return false;
	follow_branches(patch);
	list_sites(patch);
	return true;
}

bool patch_kernel(const struct kernel *kernel, const struct scan *scan, const struct rom *rom,
                  struct patch *patch, struct problem *problem)
{
	*patch = (struct patch){.kernel = kernel, .scan = scan, .rom = rom};
	if (!check_kernel(kernel, problem))
		return false;
	if (!carry_out(patch, problem)) {
		patch_free(patch);
		return false;
	}
	return true;
}

void patch_free(struct patch *patch)
{
	plan_free(&patch->plan);
	code_map_free(&patch->map);
	linked_rom_free(&patch->linked);
	free(patch->image);
	free(patch->segment);
	*patch = (struct patch){0};
}
