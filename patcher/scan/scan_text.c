/* SPDX-License-Identifier: BSD-2-Clause */

/* The scan as text: a table of sites, a summary by call and by section. */

#include <inttypes.h>
#include <string.h>

#include "patcher/escape.h"
#include "patcher/scan/scan_report.h"

#define BOLD   "\033[1m"
#define RED    "\033[31m"
#define YELLOW "\033[33m"
#define DIM    "\033[2m"
#define PLAIN  "\033[0m"

static const char *color(const struct scan_report *report, const char *code)
{
	return report->color ? code : "";
}

static const char *behaviour_color(const struct scan_report *report, uint8_t behaviour)
{
	switch (behaviour) {
	case DEPRIVILEGED_FAULTS: return color(report, YELLOW);
	case DEPRIVILEGED_SILENT: return color(report, RED);
	default: return color(report, DIM);
	}
}

static int address_width(const struct scan *scan)
{
	return scan->kernel->is_64bit ? 16 : 8;
}

/* The longest name of a swept section, for the table's column. */
static int section_width(const struct scan *scan)
{
	size_t width = strlen("section");

	for (size_t i = 0; i < scan->section_count; i++) {
		size_t length = strlen(scan->sections[i].section->name);

		if (length > width)
			width = length;
	}
	return width > 40 ? 40 : (int)width;
}

static void write_site(FILE *stream, const struct scan_report *report, const struct scan_site *site,
                       int width)
{
	const struct sensitive_form *form = &sensitive_forms[site->form];
	char hex[SITE_BYTES_HEX_SIZE], text[160], place[200], section[64], origin[600];

	fprintf(stream, "%0*" PRIx64 "  %-*s  %-14s  %-34s  %-18s  %s%-8s%s  %s%s%s\n",
	        address_width(report->scan), site->address, width,
	        escape_text(site->section->name, section, sizeof(section)),
	        site_bytes(site->bytes, site->length, hex),
	        site_text(report, site, text, sizeof(text)), form->rewrite ? form->call_name : "-",
	        behaviour_color(report, form->deprivileged),
	        deprivileged_behaviour_name(form->deprivileged), color(report, PLAIN),
	        site_place(site, place, sizeof(place)), site->origin ? "  " : "",
	        escape_text(site->origin ? site->origin : "", origin, sizeof(origin)));
}

static void write_sites(FILE *stream, const struct scan_report *report)
{
	const struct scan *scan = report->scan;
	int width = section_width(scan);

	fprintf(stream, "%s%-*s  %-*s  %-14s  %-34s  %-18s  %-8s  %s%s\n", color(report, BOLD),
	        address_width(scan), "address", width, "section", "bytes", "instruction", "call",
	        "outside", "symbol", color(report, PLAIN));
	for (size_t i = 0; i < scan->site_count; i++)
		write_site(stream, report, &scan->sites[i], width);
	fputc('\n', stream);
}

static void write_ranges(FILE *stream, const struct scan_report *report)
{
	const struct scan *scan = report->scan;
	char section[64];

	if (!scan->range_count || report->summary_only)
		return;
	fprintf(stream, "%sBytes that are not one plain stream of instructions%s\n",
	        color(report, BOLD), color(report, PLAIN));
	for (size_t i = 0; i < scan->range_count; i++) {
		const struct scan_range *range = &scan->ranges[i];

		fprintf(stream, "%0*" PRIx64 "  %-20s  %8" PRIu64 " bytes  %s\n",
		        address_width(scan), range->address,
		        escape_text(range->section->name, section, sizeof(section)), range->size,
		        sweep_range_reason_name(range->reason));
	}
	fputc('\n', stream);
}

static void write_counts(FILE *stream, const struct scan_report *report, const char *title,
                         const struct scan_count *counts, size_t count)
{
	char name[64];

	fprintf(stream, "\n%s%-24s %8s %8s %8s %8s %8s%s\n", color(report, BOLD), title, "sites",
	        "rewrite", "faults", "silent", "harmless", color(report, PLAIN));
	for (size_t i = 0; i < count; i++)
		fprintf(
		    stream, "%-24s %8zu %8zu %8zu %8zu %8zu\n",
		    *counts[i].name ? escape_text(counts[i].name, name, sizeof(name)) : "(no call)",
		    counts[i].sites, counts[i].rewrite, counts[i].by_behaviour[DEPRIVILEGED_FAULTS],
		    counts[i].by_behaviour[DEPRIVILEGED_SILENT],
		    counts[i].by_behaviour[DEPRIVILEGED_HARMLESS]);
}

static void write_kernel(FILE *stream, const struct scan_report *report)
{
	static const char *const symbol_sources[] = {
	    [SYMBOLS_NONE] = "no symbols",
	    [SYMBOLS_SYMTAB] = "symbols from .symtab",
	    [SYMBOLS_KALLSYMS] = "symbols from kallsyms",
	    [SYMBOLS_SYSTEM_MAP] = "symbols from System.map",
	};
	const struct kernel *kernel = report->scan->kernel;
	char printable[512];

	fprintf(stream, "Kernel   %s (%s, %s), %s\n",
	        escape_text(kernel->path, printable, sizeof(printable)),
	        kernel_format_name(kernel->format), kernel->is_64bit ? "x86_64" : "i386",
	        symbol_sources[kernel->symbol_source]);
	if (kernel->banner)
		fprintf(stream, "         %s\n",
		        escape_text(kernel->banner, printable, sizeof(printable)));
	fprintf(stream, "SHA-256  %s\n", report->sha256);
}

static void write_summary(FILE *stream, const struct scan_report *report,
                          const struct scan_summary *summary)
{
	const struct scan *scan = report->scan;
	const struct scan_count *total = &summary->total;

	write_kernel(stream, report);
	fprintf(stream,
	        "Code     %" PRIu64 " bytes in %zu sections, %zu instructions, %" PRIu64
	        " bytes in %zu ranges not decoded as one stream\n",
	        scan->code_size, scan->section_count, scan->instruction_count,
	        summary->undecoded_size, scan->range_count);
	fprintf(stream, "Sites    %s%zu sensitive instructions, %zu to rewrite%s\n",
	        color(report, BOLD), total->sites, total->rewrite, color(report, PLAIN));
	write_counts(stream, report, "By call", summary->calls, summary->call_count);
	write_counts(stream, report, "By section", summary->sections, summary->section_count);
}

bool scan_write_text(FILE *stream, const struct scan_report *report, struct problem *problem)
{
	struct scan_summary summary;

	if (!scan_summarise(report->scan, &summary))
		return problem_report(problem, OUT_OF_MEMORY);
	if (!report->summary_only)
		write_sites(stream, report);
	write_ranges(stream, report);
	write_summary(stream, report, &summary);
	scan_summary_free(&summary);
	return true;
}
