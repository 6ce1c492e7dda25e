/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_PATCH_OUTPUTS_H
#define PATCHER_PATCH_OUTPUTS_H

/* What `postburn patch` writes: the kernel, the ROM's image, reports. All of them or none. */

#include "patcher/report/patch_report.h"

struct patch_outputs {
	const char *kernel; /* paths; "-" is standard output, NULL: not wanted */
	const char *rom;
	const char **reports;
	size_t report_count;
};

/* Two outputs that have one destination: its path; NULL if all differ. */
const char *patch_outputs_clash(const struct patch_outputs *outputs);

/* Whether one of them goes to standard output. */
bool patch_outputs_to_standard(const struct patch_outputs *outputs);

/*
 * Writes them. report has the options; what it says of the output is filled in here. Without a
 * path for the kernel, reports describe the kernel that would have been written. false: *problem,
 * and nothing is at any destination.
 */
bool patch_outputs_write(const struct patch_outputs *outputs, struct patch_report *report,
                         struct problem *problem);

#endif
