/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_SCAN_REPORT_H
#define PATCHER_SCAN_REPORT_H

/* A scan as people and programs read it: text, JSON, CSV. */

#include <stdio.h>

#include "disasm/text.h"
#include "patcher/hash.h"
#include "patcher/scan/scan.h"

#define SITE_BYTES_HEX_SIZE (2 * INSTRUCTION_MAX_LENGTH + 1)

struct scan_report {
	const struct scan *scan;
	struct disasm_text *disassembler;
	char sha256[SHA256_HEX_SIZE]; /* of the input file, lower-case hexadecimal */
	bool color;                   /* text only: the output is a terminal */
	bool summary_only;            /* text only: no table of sites */
};

/* Sites counted one way: for one call, one section or the whole. */
struct scan_count {
	const char *name; /* of the call or section; "" for sites that become no call */
	size_t sites;
	size_t rewrite;
	size_t by_behaviour[DEPRIVILEGED_HARMLESS + 1];
};

struct scan_summary {
	struct scan_count total;
	struct scan_count *calls; /* ascending call numbers, only those met */
	size_t call_count;
	struct scan_count *sections; /* as in scan->sections */
	size_t section_count;
	uint64_t undecoded_size; /* bytes in ranges */
};

/* false: memory ran out. Ended with scan_summary_free(). */
bool scan_summarise(const struct scan *scan, struct scan_summary *summary);
void scan_summary_free(struct scan_summary *summary);

/*
 * The writers. false: *problem says why (memory, Capstone); errors of the stream are left to its
 * owner.
 */
bool scan_write_text(FILE *stream, const struct scan_report *report, struct problem *problem);
bool scan_write_json(FILE *stream, const struct scan_report *report, struct problem *problem);
bool scan_write_csv(FILE *stream, const struct scan_report *report, struct problem *problem);

/* The disassembly around address and what is known of it, for `scan --explain`. */
bool scan_write_explanation(FILE *stream, const struct scan_report *report, const char *address,
                            struct problem *problem);

/* "0f30" into buffer; returns it. */
const char *site_bytes(const uint8_t *bytes, size_t length, char buffer[SITE_BYTES_HEX_SIZE]);

/* The instruction's text, as objdump has it, into buffer; returns it. */
const char *site_text(const struct scan_report *report, const struct scan_site *site, char *buffer,
                      size_t buffer_size);

/* "native_write_msr+0xc", "symbol" or "" into buffer; returns it. */
const char *site_place(const struct scan_site *site, char *buffer, size_t buffer_size);

#endif
