/* SPDX-License-Identifier: BSD-2-Clause */

/* The whole of `postburn scan`, all three reports and an explanation: the input is the file. */

#include <string.h>

#include "patcher/scan/scan_report.h"
#include "tests/fuzz/harness.h"

static void check_sites(const struct scan *scan)
{
	for (size_t i = 0; i < scan->site_count; i++) {
		const struct scan_site *site = &scan->sites[i];
		uint64_t offset = site->address - site->section->address;

		CHECK(site->form < sensitive_form_count);
		CHECK(offset < site->section->size && site->length <= site->section->size - offset);
		CHECK(site->bytes == site->section->bytes + offset);
		if (i && site[-1].section == site->section)
			CHECK(site[-1].address < site->address);
	}
}

/* The site's address as --explain takes it; in modules an address alone says nothing. */
static void name_site(const struct scan *scan, const struct scan_site *site, char *name,
                      size_t size)
{
	bool is_module = scan->kernel->format == KERNEL_FORMAT_MODULE;

	snprintf(name, size, "%.32s%s0x%llx", is_module ? site->section->name : "",
	         is_module ? "+" : "", (unsigned long long)site->address);
}

static void write_reports(const struct scan *scan)
{
	struct scan_report report = {.scan = scan, .sha256 = "0"};
	enum disasm_mode mode = scan->kernel->is_64bit ? DISASM_MODE_64 : DISASM_MODE_32;
	FILE *stream = fopen("/dev/null", "w");
	struct problem problem;
	char address[64];

	report.disassembler = disasm_text_open(mode);
	if (stream && report.disassembler) {
		CHECK(scan_write_text(stream, &report, &problem));
		CHECK(scan_write_json(stream, &report, &problem));
		CHECK(scan_write_csv(stream, &report, &problem));
		for (size_t i = 0; i < scan->site_count && i < 4; i++) {
			name_site(scan, &scan->sites[i], address, sizeof(address));
			if (!scan_write_explanation(stream, &report, address, &problem))
				check_problem(&problem);
		}
	}
	disasm_text_close(report.disassembler);
	if (stream)
		fclose(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kernel kernel;
	struct scan scan;
	struct problem problem;

	if (!kernel_read_memory("input", data, size, &kernel, &problem))
		return 0;
	if (scan_kernel(&kernel, &scan, &problem)) {
		check_sites(&scan);
		report_finding("sites %s", scan.site_count ? "some" : "none");
		write_reports(&scan);
		scan_free(&scan);
	} else {
		check_problem(&problem);
	}
	kernel_free(&kernel);
	return 0;
}
