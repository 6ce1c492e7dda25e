/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/patch/patch.h"

#include <stdlib.h>
#include <string.h>

#include "patcher/patch/patch_private.h"

/* The bytes of the rewritten image where the kernel sees them at address. */
uint8_t *patch_image_at(const struct patch *patch, uint64_t address, uint64_t size)
{
	const uint8_t *bytes = kernel_bytes_at(patch->kernel, address, size);

	return bytes ? patch->image + (bytes - patch->kernel->image) : NULL;
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
	if (!code_map_build(patch->scan, patch->rom, &patch->map, problem) ||
	    !plan_build(patch->scan, &patch->map, patch->rom, &patch->plan, problem) ||
	    !patch_place_segment(patch, problem) || !patch_place_parts(patch, problem))
		return false;
	patch->segment = calloc(1, patch->layout.size);
	patch->image = malloc(patch->kernel->image_size);
	if (!patch->segment || !patch->image)
		return problem_report(problem, OUT_OF_MEMORY);
	memcpy(patch->image, patch->kernel->image, patch->kernel->image_size);
	patch_free_top(patch);
	if (!patch_place_springboards(patch, problem) || !patch_place_traps(patch, problem) ||
	    !patch_disarm_alternatives(patch, problem) || !patch_place_rom(patch, problem))
		return false;
	patch_follow_branches(patch);
	patch_list_sites(patch);
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
