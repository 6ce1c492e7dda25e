/* SPDX-License-Identifier: BSD-2-Clause */

/* Where what is added to a kernel goes. */

#include "patcher/patch/patch_private.h"

#define NODE_SIZE    16       /* the segment's first bytes: struct linux_setup_data of the ROM */
#define NATIVE_LIMIT 0x100000 /* what Linux maps behind its end in early boot, 2-level paging */

/* One page table of PAE covers as much: those of the loaded region serve the window too. */
#define XEN_ALIGNMENT 0x200000

static const struct kernel_segment *last_segment(const struct kernel *kernel)
{
	const struct kernel_segment *last = NULL;

	for (size_t i = 0; i < kernel->segment_count; i++) {
		const struct kernel_segment *segment = &kernel->segments[i];

		if (!last || segment->physical_address > last->physical_address)
			last = segment;
	}
	return last;
}

static uint32_t size_limit(const struct patch *patch)
{
	return patch->rom->for_xen ? ROM_XEN_WINDOW_SIZE : NATIVE_LIMIT;
}

/* Behind the guest's last segment, at the same distance of virtual and physical. */
static bool place_native(struct patch *patch, const struct kernel_segment *last)
{
	struct patch_layout *layout = &patch->layout;

	if (last->virtual_address + last->memory_size > UINT32_MAX - NATIVE_LIMIT - PATCH_PAGE_SIZE)
		return false;
	layout->physical = layout->guest_end;
	layout->virtual = layout->physical + layout->guest_offset;
	return true;
}

/* Loaded behind the guest, where Xen maps it within its own limits; run in the window. */
static bool place_in_window(struct patch *patch)
{
	struct patch_layout *layout = &patch->layout;

	layout->virtual = ROM_XEN_WINDOW;
	layout->physical = patch_align(layout->guest_end, XEN_ALIGNMENT);
	for (size_t i = 0; i < patch->kernel->segment_count; i++) {
		const struct kernel_segment *segment = &patch->kernel->segments[i];

		if (segment->virtual_address + segment->memory_size > ROM_XEN_WINDOW &&
		    segment->virtual_address < ROM_XEN_HOLE)
			return false;
	}
	return layout->physical <= ROM_XEN_WINDOW - ROM_XEN_VIRT_BASE - ROM_XEN_WINDOW_SIZE;
}

bool patch_place_segment(struct patch *patch, struct problem *problem)
{
	const struct kernel_segment *last = last_segment(patch->kernel);
	uint64_t end;

	if (!last)
		return problem_report(problem, PATCH_NO_SEGMENTS);
	end = last->physical_address + last->memory_size;
	if (end > UINT32_MAX - NATIVE_LIMIT - PATCH_PAGE_SIZE)
		return problem_report(problem, PATCH_NO_ROOM, (unsigned long long)end);
	patch->layout.guest_end = patch_align((uint32_t)end, PATCH_PAGE_SIZE);
	patch->layout.guest_offset = (uint32_t)(last->virtual_address - last->physical_address);
	if (!(patch->rom->for_xen ? place_in_window(patch) : place_native(patch, last)))
		return problem_report(problem, PATCH_NO_ROOM, (unsigned long long)end);
	return true;
}

uint32_t patch_low_alias(const struct patch *patch, uint32_t address)
{
	return address - patch->layout.virtual + patch->layout.physical + ROM_XEN_VIRT_BASE;
}

bool patch_place_parts(struct patch *patch, struct problem *problem)
{
	struct patch_layout *layout = &patch->layout;
	uint32_t end;

	_Static_assert(NODE_SIZE <= PATCH_PAGE_SIZE, "the ROM's image is on the second page");
	layout->image = PATCH_PAGE_SIZE;
	layout->wedge = patch_align(layout->image + patch->rom->image_size, PATCH_PAGE_SIZE);
	layout->springboards = patch_align(layout->wedge + patch->rom->wedge_memory, 16);
	patch_size_springboards(patch);
	layout->sites = patch_align(layout->springboards + layout->springboards_size, 16);
	end = layout->sites + (uint32_t)(patch->plan.site_count * sizeof(struct rom_site));
	layout->origins = patch_align(end, 16);
	end = layout->origins + layout->origin_count * (uint32_t)sizeof(struct rom_origin);
	layout->size = patch_align(end, PATCH_PAGE_SIZE);
	return layout->size <= size_limit(patch) ||
	       problem_report(problem, PATCH_TOO_LARGE, layout->size, size_limit(patch));
}
