/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/escape.h"
#include "patcher/scan/scan_report.h"

#define CALL_LIMIT 128 /* VMI API 13: call numbers are below 128 (the 4 KiB of 32-byte slots) */

static void count_site(struct scan_count *count, const struct sensitive_form *form)
{
	count->sites++;
	count->rewrite += form->rewrite;
	count->by_behaviour[form->deprivileged]++;
}

bool scan_summarise(const struct scan *scan, struct scan_summary *summary)
{
	struct scan_count calls[CALL_LIMIT] = {0};

	*summary = (struct scan_summary){.section_count = scan->section_count};
	summary->calls = calloc(CALL_LIMIT, sizeof(*summary->calls));
	summary->sections = calloc(scan->section_count + 1, sizeof(*summary->sections));
	if (!summary->calls || !summary->sections) {
		scan_summary_free(summary);
		return false;
	}
	for (size_t i = 0; i < scan->section_count; i++)
		summary->sections[i].name = scan->sections[i].section->name;
	for (size_t i = 0; i < scan->site_count; i++) {
		const struct scan_site *site = &scan->sites[i];
		const struct sensitive_form *form = &sensitive_forms[site->form];
		struct scan_count *call = &calls[form->call < CALL_LIMIT ? form->call : 0];

		call->name = form->call_name;
		count_site(call, form);
		count_site(&summary->total, form);
		count_site(
		    &summary->sections[scan_find_section(scan, site->section) - scan->sections],
		    form);
	}
	for (size_t i = 0; i < CALL_LIMIT; i++)
		if (calls[i].sites)
			summary->calls[summary->call_count++] = calls[i];
	for (size_t i = 0; i < scan->range_count; i++)
		summary->undecoded_size += scan->ranges[i].size;
	return true;
}

void scan_summary_free(struct scan_summary *summary)
{
	free(summary->calls);
	free(summary->sections);
}

const char *site_bytes(const uint8_t *bytes, size_t length, char buffer[SITE_BYTES_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	if (length > INSTRUCTION_MAX_LENGTH)
		length = INSTRUCTION_MAX_LENGTH;
	for (size_t i = 0; i < length; i++) {
		buffer[2 * i] = digits[bytes[i] >> 4];
		buffer[2 * i + 1] = digits[bytes[i] & 15];
	}
	buffer[2 * length] = '\0';
	return buffer;
}

const char *site_text(const struct scan_report *report, const struct scan_site *site, char *buffer,
                      size_t buffer_size)
{
	disasm_text_format(report->disassembler, site->bytes, site->length, site->address, buffer,
	                   buffer_size);
	/* What Capstone does not know (4.0: tpause, monitorx, mwaitx) the table has a name for. */
	if (!strcmp(buffer, "(bad)"))
		snprintf(buffer, buffer_size, "%s", sensitive_forms[site->form].mnemonic);
	return buffer;
}

const char *site_place(const struct scan_site *site, char *buffer, size_t buffer_size)
{
	char name[160];
	uint64_t offset;

	if (!site->symbol) {
		buffer[0] = '\0';
		return buffer;
	}
	escape_text(site->symbol->name, name, sizeof(name));
	offset = site->address - site->symbol->address;
	if (offset)
		snprintf(buffer, buffer_size, "%s+0x%" PRIx64, name, offset);
	else
		snprintf(buffer, buffer_size, "%s", name);
	return buffer;
}
