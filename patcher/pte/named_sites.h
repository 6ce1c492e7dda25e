/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_NAMED_SITES_H
#define PATCHER_NAMED_SITES_H

/* What commands do about sites that no scan finds: from where they are read, and where they go. */

#include "patcher/pte/page_table_sites.h"

struct named_sites {
	struct debug_file debug;
	struct extra_sites list;
};

/*
 * Adds to the scan, which was not filtered, the sites of debug information (debug_info as in
 * debug_file_open()) and of a sites file (NULL: none). *named must outlive the scan. false:
 * *problem says why; the scan is as it was. Ended with named_sites_free(), also after false.
 */
bool named_sites_add(struct scan *scan, const char *debug_info, const char *sites_file,
                     struct named_sites *named, struct problem *problem);
void named_sites_free(struct named_sites *named);

#endif
