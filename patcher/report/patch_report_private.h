/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_PATCH_REPORT_PRIVATE_H
#define PATCHER_PATCH_REPORT_PRIVATE_H

/* What the parts of the report's writer share. */

#include "disasm/text.h"
#include "patcher/json_output.h"
#include "patcher/report/constraints.h"
#include "patcher/report/patch_report.h"

struct report_writer {
	const struct patch_report *report;
	const struct patch *patch; /* the report's */
	struct json_output output;
	struct disasm_text *disassembler;
	struct constraints constraints;
};

/* "unpatched", or plan_method_name(). */
const char *report_method(const struct plan_site *site);

/* --- patch_report_totals.c: one object, and one array ------------------------------------------
 */

void report_write_totals(struct report_writer *writer);

/* The ROM's slots, with the number of sites of each. */
void report_write_slots(struct report_writer *writer);

/* --- patch_report_sites.c: arrays --------------------------------------------------------------
 */

void report_write_sites(struct report_writer *writer);

/* An array of the references to [start, end). */
json_t *report_constraints(struct report_writer *writer, uint64_t start, uint64_t end);

/* --- patch_report_windows.c: arrays ------------------------------------------------------------
 */

void report_write_windows(struct report_writer *writer);
void report_write_moved_branches(struct report_writer *writer);
void report_write_moved_fixups(struct report_writer *writer);

/* The rewritten image's bytes where the kernel sees them at address, or NULL. */
const uint8_t *report_rewritten(const struct patch *patch, uint64_t address, uint64_t size);

/* --- patch_report_code.c -----------------------------------------------------------------------
 */

/* The longest line of code, with the longest symbol. */
#define REPORT_LINE_SIZE 1024

/*
 * One instruction as a line of the report, "c1000000 fa cli", with `<name+0xoffset>` behind what
 * branches. Bytes that are no instruction are a line "(bad)" of one byte. Returns its length.
 */
unsigned int report_code_line(const struct report_writer *writer, const uint8_t *bytes, size_t size,
                              uint64_t address, char line[REPORT_LINE_SIZE]);

/* An array of lines: all instructions of size bytes at address. */
json_t *report_code(struct report_writer *writer, const uint8_t *bytes, size_t size,
                    uint64_t address);

#endif
