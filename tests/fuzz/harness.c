/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/harness.h"

#include <stdarg.h>
#include <string.h>

static volatile uint8_t sink;

static void read_bytes(const uint8_t *bytes, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum ^= bytes[i];
	sink = sum;
}

static void read_string(const char *string)
{
	CHECK(string);
	read_bytes((const uint8_t *)string, strlen(string));
}

void check_problem(const struct problem *problem)
{
	size_t length = strnlen(problem->text, sizeof(problem->text));

	CHECK(length > 0 && length < sizeof(problem->text));
	CHECK(!memchr(problem->text, '\n', length));
	CHECK(diagnostic_cure(problem->diagnostic));
	report_finding("refused: %s", problem->text);
}

static void check_sections(const struct kernel *kernel)
{
	for (size_t i = 0; i < kernel->section_count; i++) {
		const struct kernel_section *section = &kernel->sections[i];

		read_string(section->name);
		CHECK(section->allocated);
		CHECK(section->size <= UINT64_MAX - section->address);
		if (i && kernel->format != KERNEL_FORMAT_MODULE)
			CHECK(section[-1].address <= section->address);
		if (!section->bytes)
			continue;
		CHECK(section->file_offset <= kernel->image_size &&
		      section->size <= kernel->image_size - section->file_offset);
		CHECK(section->bytes == kernel->image + section->file_offset);
		read_bytes(section->bytes, section->size);
	}
}

static void check_segments(const struct kernel *kernel)
{
	for (size_t i = 0; i < kernel->segment_count; i++) {
		const struct kernel_segment *segment = &kernel->segments[i];

		CHECK(segment->file_size <= segment->memory_size);
		CHECK(segment->memory_size <= UINT64_MAX - segment->virtual_address);
		if (!segment->file_size)
			continue;
		CHECK(segment->file_offset <= kernel->image_size &&
		      segment->file_size <= kernel->image_size - segment->file_offset);
	}
}

static void check_symbols(const struct kernel *kernel)
{
	for (size_t i = 0; i < kernel->symbol_count; i++) {
		const struct kernel_symbol *symbol = &kernel->symbols[i];

		read_string(symbol->name);
		CHECK(symbol->type <= SYMBOL_OTHER);
		CHECK(symbol->section == UINT32_MAX || symbol->section < kernel->section_count);
		if (i && kernel->format != KERNEL_FORMAT_MODULE)
			CHECK(symbol[-1].address <= symbol->address);
	}
	CHECK(kernel->symbol_count == 0 || kernel->symbol_source != SYMBOLS_NONE);
}

static void check_relocations(const struct kernel *kernel)
{
	CHECK(kernel->relocation_count == 0 || kernel->has_relocations);
	for (size_t i = 0; i < kernel->relocation_count; i++) {
		uint32_t section = kernel->relocations[i].section;

		CHECK(section == UINT32_MAX || section < kernel->section_count);
	}
}

/* The look-ups, at the edges of every section and segment. */
static void check_look_ups(const struct kernel *kernel)
{
	static const uint64_t sizes[] = {0, 1, 4, 4096, UINT32_MAX, UINT64_MAX};

	for (size_t i = 0; i < kernel->section_count; i++) {
		const struct kernel_section *section = &kernel->sections[i];
		uint64_t edges[] = {section->address - 1, section->address,
		                    section->address + section->size - 1,
		                    section->address + section->size};

		for (size_t edge = 0; edge < 4; edge++) {
			kernel_symbol_at(kernel, (uint32_t)i, edges[edge]);
			if (kernel->format == KERNEL_FORMAT_MODULE)
				continue;
			kernel_section_at(kernel, edges[edge]);
			for (size_t size = 0; size < sizeof(sizes) / sizeof(sizes[0]); size++) {
				const uint8_t *bytes =
				    kernel_bytes_at(kernel, edges[edge], sizes[size]);

				if (bytes)
					read_bytes(bytes, sizes[size]);
			}
		}
	}
	kernel_find_section(kernel, ".text");
	kernel_find_symbol(kernel, "startup_32");
}

void check_kernel(const struct kernel *kernel)
{
	CHECK(kernel->build_id_size <= sizeof(kernel->build_id));
	read_bytes(kernel->image, kernel->image_size);
	if (kernel->banner)
		read_string(kernel->banner);
	check_sections(kernel);
	check_segments(kernel);
	check_symbols(kernel);
	check_relocations(kernel);
	check_look_ups(kernel);
	report_finding("format %s %s", kernel_format_name(kernel->format),
	               kernel->is_64bit ? "64" : "32");
	report_finding("version %#x", (unsigned int)kernel->linux_version);
	report_finding("build-id %zu", kernel->build_id_size);
	report_finding("symbols %d %s", (int)kernel->symbol_source,
	               kernel->symbol_count ? "some" : "none");
	report_finding("relocations %s %s", kernel->has_relocations ? "known" : "unknown",
	               kernel->relocation_count ? "some" : "none");
}

void report_finding(const char *format, ...)
{
	va_list arguments;

	if (!getenv("POSTBURN_FUZZ_VERBOSE"))
		return;
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}
