/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments and sections of the model, from ELF's headers. */
#include <elf.h>
#include <stdlib.h>

#include "patcher/bytes.h"
#include "patcher/kernel/kernel_private.h"

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_segments(const void *a, const void *b)
{
	const struct kernel_segment *first = a, *second = b;

	return compare(first->virtual_address, second->virtual_address);
}

/* The last address that the class has room for. */
static uint64_t last_address(const struct kernel *kernel)
{
	return kernel->is_64bit ? UINT64_MAX : UINT32_MAX;
}

static bool wraps(const struct kernel *kernel, uint64_t address, uint64_t size)
{
	return size && size - 1 > last_address(kernel) - address;
}

static bool check_segment(const struct kernel *kernel, size_t index,
                          const struct elf_program_header *header, struct problem *problem)
{
	if (header->file_size > header->memory_size)
		return problem_report(problem, ELF_SEGMENT_MEMORY, index, WIDE(header->file_size),
		                      WIDE(header->memory_size));
	if (wraps(kernel, header->virtual_address, header->memory_size) ||
	    wraps(kernel, header->physical_address, header->memory_size))
		return problem_report(problem, ELF_SEGMENT_WRAPS, index,
		                      WIDE(header->virtual_address), WIDE(header->physical_address),
		                      WIDE(header->memory_size));
	return true;
}

static bool check_segment_overlap(const struct kernel *kernel, struct problem *problem)
{
	for (size_t i = 1; i < kernel->segment_count; i++) {
		const struct kernel_segment *previous = &kernel->segments[i - 1];
		const struct kernel_segment *next = &kernel->segments[i];

		if (next->virtual_address - previous->virtual_address < previous->memory_size)
			return problem_report(problem, ELF_SEGMENTS_OVERLAP,
			                      WIDE(previous->virtual_address),
			                      WIDE(previous->memory_size),
			                      WIDE(next->virtual_address), WIDE(next->memory_size));
	}
	return true;
}

bool kernel_build_segments(struct kernel *kernel, struct problem *problem)
{
	const struct elf_file *elf = &kernel->private->elf;

	if (elf->type == ET_REL || elf->program_header_count == 0)
		return true;
	kernel->segments = calloc(elf->program_header_count, sizeof(*kernel->segments));
	if (!kernel->segments)
		return problem_report(problem, OUT_OF_MEMORY);
	for (size_t i = 0; i < elf->program_header_count; i++) {
		const struct elf_program_header *header = &elf->program_headers[i];

		if (header->type != PT_LOAD || header->memory_size + header->file_size == 0)
			continue;
		if (!check_segment(kernel, i, header, problem))
			return false;
		kernel->segments[kernel->segment_count++] = (struct kernel_segment){
		    .virtual_address = header->virtual_address,
		    .physical_address = header->physical_address,
		    .file_offset = header->offset,
		    .file_size = header->file_size,
		    .memory_size = header->memory_size,
		    .readable = header->flags & PF_R,
		    .writable = header->flags & PF_W,
		    .executable = header->flags & PF_X,
		};
	}
	qsort(kernel->segments, kernel->segment_count, sizeof(*kernel->segments), compare_segments);
	return check_segment_overlap(kernel, problem);
}

static int compare_sections(const void *a, const void *b)
{
	const struct kernel_section *first = a, *second = b;
	int order = compare(first->address, second->address);

	return order ? order : compare(first->index, second->index);
}

/* Whether the model has this section: all allocated ones, but for empty ones of linked files, and
 * .tbss, which takes no addresses. */
static bool is_wanted(const struct elf_file *elf, const struct elf_section_header *header)
{
	if (header->type == SHT_NULL || !(header->flags & SHF_ALLOC))
		return false;
	if (elf->type == ET_REL)
		return true;
	return header->size && !(header->type == SHT_NOBITS && header->flags & SHF_TLS);
}

static struct kernel_section make_section(const struct kernel *kernel, size_t index)
{
	const struct elf_section_header *header = &kernel->private->elf.section_headers[index];
	bool has_bytes = header->type != SHT_NOBITS && header->size;

	return (struct kernel_section){
	    .name = header->name,
	    .address = kernel->private->elf.type == ET_REL ? 0 : header->address,
	    .size = header->size,
	    .file_offset = has_bytes ? header->offset : 0,
	    .bytes = has_bytes ? kernel->image + header->offset : NULL,
	    .index = (uint32_t)index,
	    .allocated = true,
	    .writable = header->flags & SHF_WRITE,
	    .executable = header->flags & SHF_EXECINSTR,
	};
}

/* The bytes that a section has in the file must be those that its segment loads at its address. */
static bool check_placement(const struct kernel *kernel, const struct kernel_section *section,
                            struct problem *problem)
{
	const struct kernel_segment *segment = kernel_segment_at(kernel, section->address);
	uint64_t within;

	if (!segment || !section->bytes)
		return true;
	within = section->address - segment->virtual_address;
	if (bytes_in_range(within, section->size, segment->file_size) &&
	    section->file_offset - segment->file_offset == within)
		return true;
	return problem_report(problem, ELF_SECTION_MISPLACED, section->index,
	                      WIDE(section->address), WIDE(section->file_offset));
}

static bool check_sections(const struct kernel *kernel, struct problem *problem)
{
	const struct kernel_section *previous = NULL;

	for (size_t i = 0; i < kernel->section_count; i++) {
		const struct kernel_section *section = &kernel->sections[i];

		if (wraps(kernel, section->address, section->size))
			return problem_report(problem, ELF_SECTION_WRAPS, section->index,
			                      WIDE(section->address), WIDE(section->size));
		if (previous && section->address - previous->address < previous->size)
			return problem_report(problem, ELF_SECTIONS_OVERLAP, previous->index,
			                      WIDE(previous->address), WIDE(previous->size),
			                      section->index, WIDE(section->address),
			                      WIDE(section->size));
		if (!check_placement(kernel, section, problem))
			return false;
		previous = section;
	}
	return true;
}

bool kernel_build_sections(struct kernel *kernel, struct problem *problem)
{
	const struct elf_file *elf = &kernel->private->elf;
	uint32_t *section_of;

	if (elf->section_header_count == 0)
		return true;
	kernel->sections = calloc(elf->section_header_count, sizeof(*kernel->sections));
	section_of = calloc(elf->section_header_count, sizeof(*section_of));
	kernel->private->section_of = section_of;
	if (!kernel->sections || !section_of)
		return problem_report(problem, OUT_OF_MEMORY);
	for (size_t i = 0; i < elf->section_header_count; i++) {
		section_of[i] = NO_INDEX;
		if (is_wanted(elf, &elf->section_headers[i]))
			kernel->sections[kernel->section_count++] = make_section(kernel, i);
	}
	if (elf->type != ET_REL) {
		qsort(kernel->sections, kernel->section_count, sizeof(*kernel->sections),
		      compare_sections);
		if (!check_sections(kernel, problem))
			return false;
	}
	for (size_t i = 0; i < kernel->section_count; i++)
		section_of[kernel->sections[i].index] = (uint32_t)i;
	return true;
}

/* Addresses that Linux' own symbols name as code. */
struct text_range {
	const char *start_name, *end_name, *section_name;
	uint64_t start, end;
};

/* Sets the range's addresses. false: the kernel does not have both symbols, in order. */
static bool find_text_range(const struct kernel *kernel, struct text_range *range)
{
	const struct kernel_symbol *start = kernel_find_symbol(kernel, range->start_name);
	const struct kernel_symbol *end = kernel_find_symbol(kernel, range->end_name);

	if (!start || !end || start->address >= end->address)
		return false;
	range->start = start->address;
	range->end = end->address;
	return true;
}

static void add_piece(struct kernel *kernel, const struct kernel_segment *segment, uint64_t start,
                      uint64_t end, const char *name, bool executable)
{
	uint64_t offset = segment->file_offset + (start - segment->virtual_address);

	if (start == end)
		return;
	kernel->sections[kernel->section_count++] = (struct kernel_section){
	    .name = name,
	    .address = start,
	    .size = end - start,
	    .file_offset = offset,
	    .bytes = kernel->image + offset,
	    .index = NO_INDEX,
	    .allocated = true,
	    .writable = segment->writable,
	    .executable = executable,
	};
}

/* The segment's bytes as sections: those of the (ascending) ranges in it are code and nothing else
 * is; without any they are what the segment's flags say. */
static void cut_segment(struct kernel *kernel, const struct kernel_segment *segment,
                        const struct text_range *ranges, size_t range_count)
{
	uint64_t at = segment->virtual_address, end = at + segment->file_size;
	bool cut = false;

	for (size_t i = 0; i < range_count; i++) {
		const struct text_range *range = &ranges[i];

		if (range->start < at || range->start >= end)
			continue;
		add_piece(kernel, segment, at, range->start, "", false);
		at = range->end < end ? range->end : end;
		add_piece(kernel, segment, range->start, at, range->section_name, true);
		cut = true;
	}
	add_piece(kernel, segment, at, end, "", cut ? false : segment->executable);
}

bool kernel_cut_sections(struct kernel *kernel, struct problem *problem)
{
	struct text_range ranges[] = {
	    {.start_name = "_stext", .end_name = "_etext", .section_name = ".text"},
	    {.start_name = "_sinittext", .end_name = "_einittext", .section_name = ".init.text"},
	};
	size_t count = 0;

	if (kernel->section_count || kernel->segment_count == 0)
		return true;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (find_text_range(kernel, &ranges[i]))
			ranges[count++] = ranges[i];
	}
	if (count == 2 && ranges[1].start < ranges[0].start) {
		struct text_range first = ranges[1];

		ranges[1] = ranges[0];
		ranges[0] = first;
	}
	free(kernel->sections); /* room for sections of which none is in memory */
	/* Each range makes at most two pieces more. */
	kernel->sections = calloc(kernel->segment_count + 2 * count, sizeof(*kernel->sections));
	if (!kernel->sections)
		return problem_report(problem, OUT_OF_MEMORY);
	for (size_t i = 0; i < kernel->segment_count; i++)
		cut_segment(kernel, &kernel->segments[i], ranges, count);
	return true;
}
