/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <string.h>

#include "patcher/escape.h"
#include "patcher/scan/scan_report.h"

/* A field in quotes, quotes doubled (RFC 4180); bytes outside ASCII are escaped. */
static void write_field(FILE *stream, const char *text, const char *end)
{
	char printable[512];

	fputc('"', stream);
	for (const char *at = escape_text(text, printable, sizeof(printable)); *at; at++) {
		if (*at == '"')
			fputc('"', stream);
		fputc(*at, stream);
	}
	fprintf(stream, "\"%s", end);
}

bool scan_write_csv(FILE *stream, const struct scan_report *report, struct problem *problem)
{
	const struct scan *scan = report->scan;

	(void)problem;
	fputs("addr,section,symbol,offset,bytes,insn,call,deprivileged,rewrite,context\n", stream);
	for (size_t i = 0; i < scan->site_count; i++) {
		const struct scan_site *site = &scan->sites[i];
		const struct sensitive_form *form = &sensitive_forms[site->form];
		const struct kernel_symbol *symbol = site->symbol;
		char hex[SITE_BYTES_HEX_SIZE], text[160];

		fprintf(stream, "0x%" PRIx64 ",", site->address);
		write_field(stream, site->section->name, ",");
		write_field(stream, symbol ? symbol->name : "", ",");
		fprintf(stream, "%" PRIu64 ",%s,", symbol ? site->address - symbol->address : 0,
		        site_bytes(site->bytes, site->length, hex));
		write_field(stream, site_text(report, site, text, sizeof(text)), ",");
		fprintf(stream, "%s,%s,%s,%s\n", form->call_name,
		        deprivileged_behaviour_name(form->deprivileged),
		        form->rewrite ? "true" : "false", scan_context_name(site->context));
	}
	return true;
}
