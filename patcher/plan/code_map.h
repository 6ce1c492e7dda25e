/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_CODE_MAP_H
#define PATCHER_CODE_MAP_H

/*
 * What may be moved and what may not: for every byte of a kernel's code whether something may
 * jump to it or refer to it, and whether the kernel looks it up or rewrites it at run time.
 */

#include "patcher/rom/rom.h"
#include "patcher/scan/scan.h"

enum code_property {
	/* A branch, a table or a pointer may lead here: no window may have it inside. */
	CODE_ENTRY,
	/* Such a place that something refers to that cannot be led elsewhere: neither a direct
	 * branch nor a fixup of __ex_table. */
	CODE_POINTER,
	/* Such a place that is a fixup of __ex_table. */
	CODE_FIXUP,
	/* The kernel finds or rewrites these bytes by address: no window may cover them. */
	CODE_FIXED,
	/* What an alternative would replace that is never applied. Nothing is concluded from it,
	 * but windows may cover it. */
	CODE_INERT,
	/* A lock prefix, which Linux on one CPU makes 3e, and back, where it finds it: the byte may
	 * become the first one of a window's jump, which is neither. */
	CODE_LOCK,
	/* An __ex_table instruction: its address is looked up when it faults. */
	CODE_FAULTING,
	CODE_PROPERTY_COUNT
};

/* What becomes of an entry of .altinstructions under a ROM. Reports name each
 * (patcher/report/patch_report.c), as they do each property (constraints.c). */
enum alternative_fate {
	ALTERNATIVE_LIVE,    /* it may be applied, or nothing is known of its feature */
	ALTERNATIVE_HIDDEN,  /* never: the ROM hides its feature */
	ALTERNATIVE_DISARMED /* what it would do is what its site is rewritten to: its lengths are
	                        set to 0 */
};

struct code_map_section {
	const struct scan_section *swept;
	uint64_t *bits[CODE_PROPERTY_COUNT]; /* bitmaps, a bit a byte */
};

struct code_map {
	const struct scan *scan;           /* borrowed */
	struct code_map_section *sections; /* as scan->sections */
	size_t section_count;
	uint8_t *fates; /* enum alternative_fate, by entry of scan->metadata.alternatives */
	/* Every reference is known, from relocations. Otherwise any word of the kernel that looks
	 * like an address of code counts as one. */
	bool exact;
};

/*
 * Builds the map of a scanned kernel, as it is under a ROM; the scan must outlive it. A module must
 * have been placed. false: *problem says why (memory), nothing is left allocated. Ended with
 * code_map_free().
 */
bool code_map_build(const struct scan *scan, const struct rom *rom, struct code_map *map,
                    struct problem *problem);
void code_map_free(struct code_map *map);

/*
 * Whether no alternative that has the address in its replacement is ever applied. *feature becomes
 * that of one that is, or of the last that is not.
 */
bool code_map_is_inert(const struct code_map *map, uint64_t address, uint32_t *feature);

/* Whether any of the size bytes at guest-virtual address has the property. Bytes outside swept
 * sections have none. */
bool code_map_any(const struct code_map *map, enum code_property property, uint64_t address,
                  uint64_t size);

/*
 * Which table or reference gives address its property, for reports: "__ex_table", "branch",
 * "relocation", ... NULL where it has none.
 */
const char *code_map_reason(const struct code_map *map, enum code_property property,
                            uint64_t address);

/* One reference: bytes [address, address + size) have the property because of reason. */
struct code_reference {
	enum code_property property;
	uint64_t address; /* guest-virtual */
	uint64_t size;
	const char *reason; /* a constant: "__ex_table", "relocation", ... */
};

typedef void code_reference_visitor(void *context, const struct code_reference *reference);

/*
 * Gives every reference of the kernel to visit, in no order, also those to what is no code; but
 * not the direct branches within a section, which are in its sweep.targets.
 */
void code_map_visit(const struct code_map *map, code_reference_visitor *visit, void *context);

/* --- alternatives.c --------------------------------------------------------------------------- */

/* What becomes of each entry under the ROM, into fates. */
void alternative_fates(const struct linux_metadata *metadata, const struct kernel *kernel,
                       const struct rom *rom, uint8_t *fates);

/* Where in an entry the length of the site is, and behind it that of the replacement, by the
 * table's layout; 0 if there is no table. */
uint32_t alternative_lengths_offset(const struct linux_table *table);

#endif
