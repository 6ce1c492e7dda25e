/* SPDX-License-Identifier: BSD-2-Clause */

/* The ROM in its place, and the tables and parameters by which it knows the guest. */

#include <string.h>

#include "patcher/bytes.h"
#include "patcher/linux/linux_metadata.h"
#include "patcher/patch/patch_private.h"

/* --- the site table and the ROM ----------------------------------------------------- */

void patch_list_sites(struct patch *patch)
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
		to->window_length = window ? (uint8_t)(window->end - window->start)
		                    : to->method == ROM_METHOD_TRAP ? from->site->length
		                                                    : 0;
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
	    .guest_offset = layout->guest_offset,
	    .guest_physical_end = layout->guest_end,
	    .springboards_virtual = layout->virtual + layout->springboards,
	    .springboards_size = layout->springboards_size,
	    .sites_virtual = layout->virtual + layout->sites,
	    .site_count = (uint32_t)patch->plan.site_count,
	    .origins_virtual = layout->virtual + layout->origins,
	    .origin_count = layout->origin_count,
	    .flags = patch->top_is_free ? ROM_GUEST_TOP_IS_FREE : 0,
	};

	for (size_t i = 0; i < patch->kernel->segment_count; i++)
		if (patch->kernel->segments[i].physical_address < start)
			start = patch->kernel->segments[i].physical_address;
	parameters.guest_physical_start = (uint32_t)start;
	memcpy(patch->segment + layout->wedge + patch->linked.parameters_offset, &parameters,
	       sizeof(parameters));
}

/* Where the boot loader enters. */
static bool find_entry(struct patch *patch, struct problem *problem)
{
	const char *name = patch->rom->for_xen     ? "ROM_ENTRY_XEN"
	                   : patch->kernel->banner ? "ROM_ENTRY_PVH"
	                                           : "ROM_ENTRY_MULTIBOOT";
	uint32_t entry = linked_rom_entry(&patch->linked, name);
	uint32_t page = linked_rom_entry(&patch->linked, "ROM_HYPERCALL_PAGE");

	if (!entry)
		return problem_report(problem, PATCH_NO_ENTRY, patch->rom->name);
	if (!patch->rom->for_xen) {
		patch->entry = entry - patch->layout.guest_offset;
		return true;
	}
	patch->entry = patch_low_alias(patch, entry);
	patch->hypercall_page = page ? patch_low_alias(patch, page) : 0;
	return true;
}

/* A kernel's e_entry is physical (Linux), or both. */
bool patch_place_rom(struct patch *patch, struct problem *problem)
{
	const struct patch_layout *layout = &patch->layout;
	struct rom_placement placement = {
	    .image_virtual = layout->virtual + layout->image,
	    .wedge_virtual = layout->virtual + layout->wedge,
	    .guest_entry = (uint32_t)patch->kernel->entry + layout->guest_offset,
	};

	if (!rom_link(patch->rom, &placement, &patch->linked, problem))
		return false;
	memcpy(patch->segment + layout->image, patch->linked.image, patch->rom->image_size);
	memcpy(patch->segment + layout->wedge, patch->linked.wedge, patch->rom->wedge_size);
	fill_parameters(patch);
	return find_entry(patch, problem);
}

/* --- Linux's own addresses ----------------------------------------------------------- */

#define FIXADDR_TOP 0xfffff000u /* what the kernel is linked with */

void patch_free_top(struct patch *patch)
{
	const struct kernel_symbol *symbol = kernel_find_symbol(patch->kernel, "__FIXADDR_TOP");
	uint64_t address = symbol ? symbol->address : 0;
	uint32_t top = patch->layout.virtual - PATCH_PAGE_SIZE;
	uint8_t *bytes;

	if (!patch->rom->for_xen || !patch->kernel->banner)
		return;
	if (!symbol && !linux_exported_symbol(patch->kernel, "__FIXADDR_TOP", &address))
		return;
	bytes = patch_image_at(patch, address, sizeof(top));
	if (!bytes || bytes_load32(bytes) != FIXADDR_TOP)
		return;
	memcpy(bytes, &top, sizeof(top));
	patch->top_is_free = true;
}
