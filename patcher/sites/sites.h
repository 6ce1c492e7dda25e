/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_SITES_H
#define PATCHER_SITES_H

/*
 * Sites that no scan can find, as the instruction itself is an ordinary one: writes to page tables
 * above all. They come from a sites file (docs/postburn-sites.5) or from debug information
 * (patcher/pte/), in one list.
 */

#include "patcher/scan/scan.h"

enum extra_site_source { EXTRA_SITE_FILE, EXTRA_SITE_DWARF, EXTRA_SITE_SOURCE_COUNT };

struct extra_site {
	uint64_t address; /* guest-virtual, of the instruction's first byte */
	uint16_t call;    /* number in vmi_calls.def: a page-table call; 0: the one that fits the
	                     instruction */
	uint8_t source;   /* enum extra_site_source */
	uint8_t length;   /* bytes of the instruction */
	const uint8_t *bytes; /* the instruction's, in the kernel's section */
	const struct kernel_section *section;
	char *origin;  /* where it is known from, printable, for reports; NULL if nothing is said */
	uint32_t line; /* of the sites file; 0 if from elsewhere */
};

/* Zero is an empty list. */
struct extra_sites {
	struct extra_site *sites; /* once sorted: ascending addresses, one an address */
	size_t count, capacity;
};

/*
 * Adds the instruction that the scan found at guest-virtual address. origin is copied, and may be
 * NULL. *found is false, and nothing is added, if no instruction starts there. false: *problem
 * (memory). The list has to be sorted afterwards.
 */
bool extra_sites_add(struct extra_sites *list, const struct scan *scan,
                     const struct extra_site *site, bool *found, struct problem *problem);

/*
 * Sorts the list. Of several sites at one address one is kept: a file's rather than DWARF's, and
 * with the call that any of them names. Sites of a file never share an address.
 */
void extra_sites_sort(struct extra_sites *list);

/*
 * Adds the sites of the file at path, checked against the scanned kernel (not a module): there is
 * an instruction at each place, and it has the bytes that the file expects. Sorts the list. false:
 * *problem names file and line; the list is as it was. scan must outlive the list.
 */
bool extra_sites_read(const char *path, const struct scan *scan, struct extra_sites *list,
                      struct problem *problem);

/* The same for a file's bytes in memory. */
bool extra_sites_parse(const uint8_t *bytes, size_t size, const struct scan *scan,
                       struct extra_sites *list, struct problem *problem);

/* The site at guest-virtual address, or NULL, in a sorted list. */
const struct extra_site *extra_sites_find(const struct extra_sites *list, uint64_t address);

/* "file", "dwarf". */
const char *extra_site_source_name(enum extra_site_source source);

/* Frees what the list holds, and empties it. */
void extra_sites_free(struct extra_sites *list);

#endif
