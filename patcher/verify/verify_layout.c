/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Every byte of the file: the input's image comes first, then tables, notes and the added segment,
 * and nothing else.
 */

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/verify/verify_private.h"

enum { CHUNK = 64 };

/* --- the ELF header -----------------------------------------------------------------------------
 */

/* All of it is the input's but the entry and what says where the tables are. */
static void check_header(struct verifier *verifier)
{
	Elf32_Ehdr before, now;

	memcpy(&before, verifier->input->kernel->image, sizeof(before));
	memcpy(&now, verifier->out_bytes, sizeof(now));
	before.e_entry = now.e_entry; /* verify_notes() */
	before.e_phoff = now.e_phoff;
	before.e_shoff = now.e_shoff;
	before.e_phnum = now.e_phnum;
	before.e_shnum = now.e_shnum;
	before.e_shstrndx = now.e_shstrndx;
	before.e_phentsize = sizeof(Elf32_Phdr);
	before.e_shentsize = sizeof(Elf32_Shdr);
	if (memcmp(&before, &now, sizeof(now)) != 0)
		verify_find(verifier, VERIFY_FILE, 0, "the ELF header is not the input's");
}

/* --- the image ----------------------------------------------------------------------------------
 */

static bool is_loaded(const struct verifier *verifier, size_t offset)
{
	const struct elf_view *view = &verifier->input->view;

	for (size_t i = 0; i < view->segment_count; i++)
		if (view->segments[i].type == PT_LOAD && offset >= view->segments[i].offset &&
		    offset - view->segments[i].offset < view->segments[i].file_size)
			return true;
	return false;
}

/* What is loaded may differ: verify_bytes() looks at that. */
static void check_image(struct verifier *verifier)
{
	const struct kernel *kernel = verifier->input->kernel;
	size_t size = kernel->image_size;

	if (verifier->out_size < size) {
		verify_find(verifier, VERIFY_FILE, 0, "the output is smaller than its input");
		return;
	}
	for (size_t at = sizeof(Elf32_Ehdr); at < size;) {
		size_t step = size - at < CHUNK ? size - at : CHUNK;

		if (!memcmp(kernel->image + at, verifier->out_bytes + at, step)) {
			at += step;
			continue;
		}
		if (kernel->image[at] != verifier->out_bytes[at] && !is_loaded(verifier, at)) {
			verify_find(verifier, VERIFY_FILE, (uint32_t)at,
			            "the byte at this file offset is not the input's");
			return;
		}
		at++;
	}
}

/* --- what is behind it --------------------------------------------------------------------------
 */

struct part {
	uint64_t start, end; /* file offsets */
};

static int compare_parts(const void *left, const void *right)
{
	const struct part *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

/* Sections that are no part of a segment: symbols and names. */
static bool stands_alone(const struct verifier *verifier, const struct elf_view_section *section)
{
	return section->bytes && !(section->flags & SHF_ALLOC) && section->type != SHT_NOTE &&
	       section->offset >= verifier->input->kernel->image_size;
}

static size_t collect_parts(const struct verifier *verifier, struct part *parts)
{
	const struct elf_view *out = &verifier->out;
	const struct elf_view_segment *notes = &out->segments[out->segment_count - 1];
	size_t count = 0;

	parts[count++] = (struct part){
	    out->program_offset, out->program_offset + out->segment_count * sizeof(Elf32_Phdr)};
	parts[count++] = (struct part){
	    out->section_offset, out->section_offset + out->section_count * sizeof(Elf32_Shdr)};
	parts[count++] = (struct part){notes->offset, (uint64_t)notes->offset + notes->file_size};
	parts[count++] = (struct part){verifier->added->offset, (uint64_t)verifier->added->offset +
	                                                            verifier->added->file_size};
	for (size_t i = 0; i < out->section_count; i++)
		if (stands_alone(verifier, &out->sections[i]))
			parts[count++] = (struct part){out->sections[i].offset,
			                               (uint64_t)out->sections[i].offset +
			                                   out->sections[i].size};
	qsort(parts, count, sizeof(*parts), compare_parts);
	return count;
}

/* Parts follow each other; what alignment leaves between two is zero. */
static void check_tail(struct verifier *verifier)
{
	struct part *parts = malloc((verifier->out.section_count + 4) * sizeof(*parts));
	uint64_t at = verifier->input->kernel->image_size;
	size_t count;

	if (!parts) {
		verify_out_of_memory(verifier);
		return;
	}
	count = collect_parts(verifier, parts);
	for (size_t i = 0; i < count; i++) {
		if (parts[i].start < at)
			verify_find(verifier, VERIFY_FILE, (uint32_t)parts[i].start,
			            "two parts of the file overlap at this offset");
		for (; at < parts[i].start && at < verifier->out_size; at++)
			if (verifier->out_bytes[at]) {
				verify_find(verifier, VERIFY_FILE, (uint32_t)at,
				            "a byte at this file offset belongs to nothing");
				break;
			}
		at = parts[i].end;
	}
	if (at != verifier->out_size)
		verify_find(verifier, VERIFY_FILE, (uint32_t)at,
		            "the file goes on behind its last part");
	free(parts);
}

/* --- the added segment --------------------------------------------------------------------------
 */

/* What no section of the added segment has is zero. */
static void check_added_gaps(struct verifier *verifier)
{
	const struct elf_view_section *sections[] = {verifier->rom_section, verifier->wedge_section,
	                                             verifier->text_section,
	                                             verifier->sites_section};
	const struct elf_view_segment *added = verifier->added;

	for (uint32_t at = 0; at < added->file_size; at++) {
		uint32_t address = added->virtual + at;

		for (unsigned int i = 0; i < 4; i++)
			if (address - sections[i]->address < sections[i]->size) {
				at += sections[i]->size - (address - sections[i]->address);
				address = added->virtual + at;
			}
		if (at < added->file_size && added->bytes[at]) {
			verify_find(verifier, VERIFY_FILE, address,
			            "%02x in the added segment, where nothing belongs",
			            added->bytes[at]);
			return;
		}
	}
}

void verify_layout(struct verifier *verifier)
{
	check_header(verifier);
	check_image(verifier);
	check_tail(verifier);
	check_added_gaps(verifier);
}
