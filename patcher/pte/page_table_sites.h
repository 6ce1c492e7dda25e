/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_PAGE_TABLE_SITES_H
#define PATCHER_PAGE_TABLE_SITES_H

/*
 * Writes to page tables: found by the names of the functions that do it (patchtables/guests/), and
 * made sites of a scan, as those of a sites file are.
 */

#include "patcher/pte/debug_file.h"
#include "patcher/sites/sites.h"

/*
 * Adds to the list what the debug information says of the scanned Linux kernel, with origins such
 * as "native_set_pte in kmap_local"; sorts the list. Without debug information nothing is added.
 * false: *problem names its file; the list is as it was. scan must outlive the list.
 */
bool page_table_sites_find(const struct scan *scan, const struct debug_file *debug,
                           struct extra_sites *list, struct problem *problem);

/*
 * Makes every site of a sorted list a site of the scan, which must not have been filtered before;
 * the list must outlive the scan. false: *problem tells of an instruction that no call stands for,
 * or of memory; the scan is as it was.
 */
bool page_table_sites_join(struct scan *scan, const struct extra_sites *list,
                           struct problem *problem);

#endif
