/* SPDX-License-Identifier: BSD-2-Clause */
/* Which kernel it is: Linux' banner and version, GNU build-id, PVH entry, multiboot header. */
#include <ctype.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include <xen/elfnote.h>

#include "patcher/bytes.h"
#include "patcher/kernel/kernel_private.h"

#define BANNER_START   "Linux version "
#define LONGEST_BANNER 1024

/* Where a boot loader looks for the headers of multiboot 1 and 2 (their specifications, 3.1). */
#define MULTIBOOT1_RANGE 8192
#define MULTIBOOT1_MAGIC 0x1badb002u
#define MULTIBOOT2_RANGE 32768
#define MULTIBOOT2_MAGIC 0xe85250d6u

/* A decimal number of at most `digits` digits at *text, which moves behind it. */
static bool take_number(const char **text, int digits, uint32_t *number)
{
	const char *digit = *text;

	*number = 0;
	while (digits-- && isdigit((unsigned char)*digit))
		*number = *number * 10 + (uint32_t)(*digit++ - '0');
	if (digit == *text)
		return false;
	*text = digit;
	return true;
}

/* "6.1.176-1" as in struct kernel, 0 if it is no version. */
static uint32_t parse_version(const char *text)
{
	uint32_t major, minor, patch = 0;

	if (!take_number(&text, 3, &major) || *text++ != '.' || !take_number(&text, 3, &minor))
		return 0;
	if (*text == '.') {
		text++;
		if (!take_number(&text, 4, &patch))
			patch = 0;
	}
	if (major == 0 || major > 255 || minor > 255)
		return 0;
	return major << 16 | minor << 8 | (patch > 255 ? 255 : patch);
}

/* How long the printable text at bytes is, up to its end of line or zero; 0 if it has neither. */
static size_t banner_length(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size && i < LONGEST_BANNER; i++) {
		if (bytes[i] == '\n' || bytes[i] == '\0')
			return i;
		if (bytes[i] < ' ' || bytes[i] > '~')
			break;
	}
	return 0;
}

/* The banner among the bytes, or not. false: no memory. */
static bool find_banner(struct kernel *kernel, const uint8_t *bytes, size_t size)
{
	const size_t start = sizeof(BANNER_START) - 1;
	const uint8_t *end = bytes + size;

	while (!kernel->banner &&
	       (bytes = memmem(bytes, (size_t)(end - bytes), BANNER_START, start))) {
		size_t length = banner_length(bytes, (size_t)(end - bytes));
		char *banner;

		if (length > start && isdigit(bytes[start])) {
			banner = strndup((const char *)bytes, length);
			if (!banner)
				return false;
			if (parse_version(banner + start)) {
				kernel->private->banner = banner;
				kernel->banner = banner;
				kernel->linux_version = parse_version(banner + start);
				break;
			}
			free(banner);
		}
		bytes++;
	}
	return true;
}

static bool find_linux(struct kernel *kernel)
{
	const struct kernel_section *section = kernel_find_section(kernel, ".rodata");

	if (section && section->bytes && !find_banner(kernel, section->bytes, section->size))
		return false;
	for (size_t i = 0; i < kernel->segment_count && !kernel->banner; i++) {
		const struct kernel_segment *segment = &kernel->segments[i];

		if (!find_banner(kernel, kernel->image + segment->file_offset, segment->file_size))
			return false;
	}
	return true;
}

/* A module tells the version it was built for in .modinfo: zero-terminated NAME=VALUE. */
static void find_module_version(struct kernel *kernel)
{
	static const char name[] = "vermagic=";
	const struct kernel_section *section = kernel_find_section(kernel, ".modinfo");
	const char *entry, *end;

	if (!section || !section->bytes || section->bytes[section->size - 1] != '\0')
		return;
	entry = (const char *)section->bytes;
	end = entry + section->size;
	while (entry < end) {
		if (strncmp(entry, name, sizeof(name) - 1) == 0) {
			kernel->linux_version = parse_version(entry + sizeof(name) - 1);
			return;
		}
		entry += strlen(entry) + 1;
	}
}

static size_t align4(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

/* A note of interest; of several of one kind the first one counts. */
static void take_note(struct kernel *kernel, uint32_t type, const char *name,
                      const uint8_t *description, size_t size)
{
	if (type == NT_GNU_BUILD_ID && memcmp(name, "GNU", 4) == 0 && !kernel->build_id_size &&
	    size <= sizeof(kernel->build_id)) {
		memcpy(kernel->build_id, description, size);
		kernel->build_id_size = size;
	} else if (type == XEN_ELFNOTE_PHYS32_ENTRY && memcmp(name, "Xen", 4) == 0 &&
	           !kernel->pvh_entry && size == sizeof(uint32_t)) {
		kernel->pvh_entry = bytes_load32(description);
	}
}

/* Notes: 12 bytes of sizes and type, name, description, each padded to 4. */
static void read_notes(struct kernel *kernel, const uint8_t *bytes, size_t size)
{
	while (size >= 12) {
		size_t name_size = bytes_load32(bytes), description_size = bytes_load32(bytes + 4);
		size_t rest = size - 12;

		if (name_size > rest || description_size > rest || align4(name_size) > rest ||
		    description_size > rest - align4(name_size))
			return;
		if (name_size == 4)
			take_note(kernel, bytes_load32(bytes + 8), (const char *)bytes + 12,
			          bytes + 12 + align4(name_size), description_size);
		if (align4(description_size) > rest - align4(name_size))
			return;
		bytes += 12 + align4(name_size) + align4(description_size);
		size = rest - align4(name_size) - align4(description_size);
	}
}

static void find_notes(struct kernel *kernel)
{
	const struct elf_file *elf = &kernel->private->elf;

	for (size_t i = 0; i < elf->section_header_count; i++) {
		const struct elf_section_header *section = &elf->section_headers[i];

		if (section->type == SHT_NOTE)
			read_notes(kernel, kernel->image + section->offset, section->size);
	}
	for (size_t i = 0; i < elf->program_header_count; i++) {
		const struct elf_program_header *program = &elf->program_headers[i];

		if (program->type == PT_NOTE && program->file_size)
			read_notes(kernel, kernel->image + program->offset, program->file_size);
	}
}

/* Whether the image has a multiboot header: a magic number whose checksum is right. */
static bool has_multiboot_header(const struct kernel *kernel)
{
	const uint8_t *image = kernel->image;
	size_t size = kernel->image_size;

	for (size_t i = 0; i + 12 <= size && i + 12 <= MULTIBOOT1_RANGE; i += 4) {
		if (bytes_load32(image + i) == MULTIBOOT1_MAGIC &&
		    MULTIBOOT1_MAGIC + bytes_load32(image + i + 4) + bytes_load32(image + i + 8) ==
		        0)
			return true;
	}
	for (size_t i = 0; i + 16 <= size && i + 16 <= MULTIBOOT2_RANGE; i += 8) {
		if (bytes_load32(image + i) == MULTIBOOT2_MAGIC &&
		    MULTIBOOT2_MAGIC + bytes_load32(image + i + 4) + bytes_load32(image + i + 8) +
		            bytes_load32(image + i + 12) ==
		        0)
			return true;
	}
	return false;
}

bool kernel_identify(struct kernel *kernel, struct problem *problem)
{
	find_notes(kernel);
	if (kernel->format == KERNEL_FORMAT_MODULE) {
		find_module_version(kernel);
		return true;
	}
	if (!find_linux(kernel))
		return problem_report(problem, OUT_OF_MEMORY);
	if (kernel->format == KERNEL_FORMAT_ELF && !kernel->banner && has_multiboot_header(kernel))
		kernel->format = KERNEL_FORMAT_MULTIBOOT;
	return true;
}
