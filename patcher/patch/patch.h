/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_PATCH_H
#define PATCHER_PATCH_H

/*
 * The rewriting of one kernel: plan carried out, ROM placed, everything ready to be written.
 */

#include "patcher/patch/output_elf.h"
#include "patcher/plan/plan.h"

/* The added segment's parts, as offsets in it; sizes in bytes. */
struct patch_layout {
	uint32_t virtual, physical; /* of the segment */
	uint32_t guest_offset;      /* the guest's virtual minus physical address */
	uint32_t guest_end;         /* physical, page-aligned: behind the guest's last segment */
	uint32_t image, wedge, springboards, sites, origins;
	uint32_t springboards_size;
	uint32_t origin_count;
	uint32_t size; /* of the segment */
};

struct patch {
	const struct kernel *kernel; /* borrowed, as are scan and rom */
	const struct scan *scan;
	const struct rom *rom;
	struct code_map map;
	struct plan plan;
	struct linked_rom linked;
	struct patch_layout layout;
	uint8_t *image;   /* the input's image, rewritten */
	uint8_t *segment; /* layout.size bytes */
	uint32_t
	    entry; /* of the boot loader's way in: guest-physical, for Xen where it maps that */
	uint32_t hypercall_page; /* where Xen maps ROM_HYPERCALL_PAGE at first, or 0 */
	bool top_is_free;        /* Linux keeps away from the region, see patch_free_top() */
	size_t unpatched;        /* sites that must be rewritten and are not */
};

/*
 * Rewrites the scanned kernel for the ROM. false: *problem, nothing is left allocated. Sites that
 * could not be rewritten are no error here: they are counted and have their reason in the plan.
 * Ended with patch_free().
 */
bool patch_kernel(const struct kernel *kernel, const struct scan *scan, const struct rom *rom,
                  struct patch *patch, struct problem *problem);
void patch_free(struct patch *patch);

/* Writes the rewritten kernel. build_id and sha256 of the input go into its note. */
bool patch_write(FILE *stream, const struct patch *patch, const char *sha256,
                 struct problem *problem);

#endif
