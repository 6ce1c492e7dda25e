/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_PATCH_REPORT_H
#define PATCHER_PATCH_REPORT_H

/*
 * What `postburn patch` did, in full: docs/postburn-report.5, schema docs/report.schema.json. The
 * same kernel, ROM and options give the same bytes; file names are without their folders.
 */

#include <stdio.h>

#include "patcher/hash.h"
#include "patcher/patch/patch.h"

struct patch_report {
	const struct patch *patch;
	const char *rom; /* the options, as given; NULL where they were not */
	const char *system_map;
	const char *debug_info;
	const char *sites;
	const char *output;
	const char *rom_output;
	bool allow_unpatched, dry_run;
	char input_sha256[SHA256_HEX_SIZE];
	char
	    output_sha256[SHA256_HEX_SIZE]; /* of the kernel that was written, or would have been */
	uint64_t output_size;               /* bytes */
};

/* false: *problem (memory, Capstone); errors of the stream are left to its owner. */
bool patch_report_write(FILE *stream, const struct patch_report *report, struct problem *problem);

#endif
