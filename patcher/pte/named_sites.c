/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/pte/named_sites.h"

bool named_sites_add(struct scan *scan, const char *debug_info, const char *sites_file,
                     struct named_sites *named, struct problem *problem)
{
	*named = (struct named_sites){0};
	if (scan->kernel->format == KERNEL_FORMAT_MODULE && !sites_file)
		return true;
	return debug_file_open(scan->kernel, debug_info, &named->debug, problem) &&
	       page_table_sites_find(scan, &named->debug, &named->list, problem) &&
	       (!sites_file || extra_sites_read(sites_file, scan, &named->list, problem)) &&
	       page_table_sites_join(scan, &named->list, problem);
}

void named_sites_free(struct named_sites *named)
{
	extra_sites_free(&named->list);
	debug_file_close(&named->debug);
}
