/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The output as an ELF file: what the input has is still there, what was added is where it belongs.
 * Contents of loaded segments are compared elsewhere (verify_references.c).
 */

#include <elf.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/verify/verify_private.h"

/* --- segments --------------------------------------------------------------------------------- */

/* The input's image comes first in the file, so offsets are the same too. */
static bool same_segment(const struct elf_view_segment *left, const struct elf_view_segment *right)
{
	return left->type == right->type && left->offset == right->offset &&
	       left->virtual == right->virtual && left->physical == right->physical &&
	       left->file_size == right->file_size && left->memory_size == right->memory_size &&
	       left->flags == right->flags && left->alignment == right->alignment;
}

static bool overlap(uint32_t left, uint32_t left_size, uint32_t right, uint32_t right_size)
{
	return left < (uint64_t)right + right_size && right < (uint64_t)left + left_size;
}

/* Of a native output: behind the guest's last segment, at the same distance. */
static void check_native_place(struct verifier *verifier, const struct elf_view_segment *last)
{
	const struct elf_view_segment *added = verifier->added;

	if (added->virtual - added->physical != verifier->guest_offset)
		verify_find(verifier, VERIFY_FILE, added->virtual,
		            "the added segment is not at the guest's distance of virtual and "
		            "physical addresses");
	if (added->physical < last->physical)
		verify_find(verifier, VERIFY_FILE, added->virtual,
		            "the added segment is not behind the guest");
}

/* The added segment stands alone. */
static void check_added(struct verifier *verifier)
{
	const struct elf_view_segment *added = verifier->added, *last = NULL;

	for (size_t i = 0; i < verifier->input->view.segment_count; i++) {
		const struct elf_view_segment *segment = &verifier->input->view.segments[i];

		if (segment->type != PT_LOAD)
			continue;
		if (overlap(added->virtual, added->memory_size, segment->virtual,
		            segment->memory_size) ||
		    overlap(added->physical, added->memory_size, segment->physical,
		            segment->memory_size))
			verify_find(verifier, VERIFY_FILE, added->virtual,
			            "the added segment overlaps the one at 0x%08x",
			            segment->virtual);
		if (!last || segment->physical > last->physical)
			last = segment;
	}
	if (last) {
		verifier->guest_offset = last->virtual - last->physical;
		verifier->guest_end = (last->physical + last->memory_size + 4095) & ~UINT32_C(4095);
		if (verifier->for_xen)
			verify_xen_segment(verifier);
		else
			check_native_place(verifier, last);
	}
	if (added->file_size != added->memory_size || added->flags != (PF_R | PF_W | PF_X) ||
	    added->virtual % 4096 || added->offset % 4096 || added->alignment != 4096 ||
	    added->memory_size > UINT32_MAX - added->virtual ||
	    added->memory_size > UINT32_MAX - added->physical)
		verify_find(verifier, VERIFY_FILE, added->virtual,
		            "the added segment's header is not that of whole pages, RWX");
}

static void check_notes_header(struct verifier *verifier, const struct elf_view_segment *notes)
{
	if (notes->virtual || notes->physical || notes->memory_size || notes->flags != PF_R ||
	    notes->alignment != 4)
		verify_find(verifier, VERIFY_FILE, notes->virtual,
		            "the notes' header is not that of bytes that are not loaded");
}

/* The input's segments but its notes come in their order; then one is added, and the notes. */
static bool check_segments(struct verifier *verifier)
{
	const struct elf_view *in = &verifier->input->view, *out = &verifier->out;
	size_t at = 0;

	for (size_t i = 0; i < in->segment_count; i++) {
		if (in->segments[i].type == PT_NOTE)
			continue;
		if (at == out->segment_count ||
		    !same_segment(&in->segments[i], &out->segments[at])) {
			verify_find(verifier, VERIFY_FILE, in->segments[i].virtual,
			            "the input's segment %zu is not as it was", i);
			return false;
		}
		at++;
	}
	if (at + 2 != out->segment_count || out->segments[at].type != PT_LOAD ||
	    !out->segments[at].bytes || out->segments[at + 1].type != PT_NOTE) {
		verify_find(verifier, VERIFY_FILE, 0,
		            "there must be one more segment, and the notes, but there are %zu more",
		            out->segment_count - at);
		return false;
	}
	verifier->added = &out->segments[at];
	check_added(verifier);
	check_notes_header(verifier, &out->segments[at + 1]);
	return true;
}

/* --- sections --------------------------------------------------------------------------------- */

/* The symbol table and its strings grow, notes change: they move behind the image. */
static bool is_moved(const struct elf_view *view, size_t index)
{
	const struct elf_view_section *section = &view->sections[index];

	if (section->type == SHT_NOTE || section->type == SHT_SYMTAB)
		return true;
	for (size_t i = 0; section->type == SHT_STRTAB && i < view->section_count; i++)
		if (view->sections[i].type == SHT_SYMTAB && view->sections[i].link == index)
			return true;
	return false;
}

static bool same_section(const struct elf_view_section *left, const struct elf_view_section *right,
                         bool moved)
{
	if (strcmp(left->name, right->name) != 0 || left->type != right->type ||
	    left->info != right->info || left->link != right->link ||
	    left->entry_size != right->entry_size || left->alignment != right->alignment)
		return false;
	if (left->type == SHT_NOTE)
		return !right->flags && !right->address;
	return left->flags == right->flags && left->address == right->address &&
	       (moved || (left->size == right->size && left->offset == right->offset));
}

/* All notes stand in the first section of notes. */
static bool is_notes(const struct verifier *verifier, const struct elf_view_section *section,
                     bool first)
{
	const struct elf_view *out = &verifier->out;
	const struct elf_view_segment *notes = &out->segments[out->segment_count - 1];

	return section->offset == notes->offset && section->size == (first ? notes->file_size : 0);
}

static void check_input_sections(struct verifier *verifier)
{
	const struct elf_view *in = &verifier->input->view, *out = &verifier->out;
	bool first = true;

	for (size_t i = 0; i < in->section_count; i++) {
		const struct elf_view_section *before = &in->sections[i];

		if (i >= out->section_count ||
		    !same_section(before, &out->sections[i], is_moved(in, i)) ||
		    (before->type == SHT_NOTE && !is_notes(verifier, &out->sections[i], first)))
			verify_find(verifier, VERIFY_FILE, before->address,
			            "the input's section %s is not as it was", before->name);
		first &= before->type != SHT_NOTE;
	}
}

static void check_new_section(struct verifier *verifier, size_t index)
{
	const struct elf_view *out = &verifier->out;
	const struct elf_view_section *section = &out->sections[index];
	bool added = section == verifier->rom_section || section == verifier->wedge_section ||
	             section == verifier->text_section || section == verifier->sites_section;
	bool symbols = section->type == SHT_SYMTAB && !strcmp(section->name, ".symtab");
	bool names = section->type == SHT_STRTAB &&
	             (!strcmp(section->name, ".shstrtab") || !strcmp(section->name, ".strtab"));
	uint32_t link = 0;

	for (size_t i = 0; symbols && i < out->section_count; i++)
		if (!strcmp(out->sections[i].name, ".strtab"))
			link = (uint32_t)i;
	if ((!added && !symbols && !names) || section->link != link ||
	    section->info != (symbols ? 1 : 0) ||
	    section->alignment != (added     ? 16
	                           : symbols ? 4
	                                     : 1) ||
	    section->entry_size != (symbols ? sizeof(Elf32_Sym) : 0) ||
	    (!added && (section->flags || section->address)))
		verify_find(verifier, VERIFY_FILE, section->address,
		            "section %zu, %s, is not one that was to be added", index,
		            section->name);
}

static void check_new_sections(struct verifier *verifier)
{
	const struct elf_view *in = &verifier->input->view, *out = &verifier->out;
	size_t first = in->section_count ? in->section_count : 1;

	for (size_t i = first; i < out->section_count; i++)
		check_new_section(verifier, i);
	if (out->name_section + 1 != out->section_count)
		verify_find(verifier, VERIFY_FILE, 0,
		            "the sections' names are not in the last section");
}

/* A section of the added segment, in place and with these flags; NULL, and a finding, if not. */
static const struct elf_view_section *find_added(struct verifier *verifier, const char *name,
                                                 uint32_t flags)
{
	const struct elf_view_section *section = elf_view_section(&verifier->out, name);
	const struct elf_view_segment *added = verifier->added;

	if (!section) {
		verify_find(verifier, VERIFY_FILE, 0, "there is no section %s", name);
		return NULL;
	}
	if (section->type != SHT_PROGBITS || section->flags != flags ||
	    section->address < added->virtual ||
	    !bytes_in_range(section->address - added->virtual, section->size, added->file_size) ||
	    section->offset - added->offset != section->address - added->virtual) {
		verify_find(verifier, VERIFY_FILE, section->address,
		            "section %s is not part of the added segment", name);
		return NULL;
	}
	return section;
}

static bool find_added_sections(struct verifier *verifier)
{
	const struct elf_view_section *sections[4];

	verifier->rom_section = find_added(verifier, ".vmi_rom", SHF_ALLOC | SHF_EXECINSTR);
	verifier->wedge_section =
	    find_added(verifier, ".postburn.wedge", SHF_ALLOC | SHF_EXECINSTR | SHF_WRITE);
	verifier->text_section = find_added(verifier, ".postburn.text", SHF_ALLOC | SHF_EXECINSTR);
	verifier->sites_section = find_added(verifier, ".postburn.sites", SHF_ALLOC);
	if (!verifier->rom_section || !verifier->wedge_section || !verifier->text_section ||
	    !verifier->sites_section)
		return false;
	if (!verifier->rom_section->bytes || !verifier->wedge_section->bytes) {
		verify_find(verifier, VERIFY_FILE, verifier->rom_section->address,
		            "the ROM's sections have no bytes");
		return false;
	}
	if (verifier->sites_section->address - verifier->added->virtual +
	        verifier->sites_section->size !=
	    verifier->added->file_size)
		verify_find(verifier, VERIFY_FILE, verifier->sites_section->address,
		            ".postburn.sites does not end with the added segment");
	sections[0] = verifier->rom_section;
	sections[1] = verifier->wedge_section;
	sections[2] = verifier->text_section;
	sections[3] = verifier->sites_section;
	for (unsigned int i = 0; i < 4; i++)
		for (unsigned int j = i + 1; j < 4; j++)
			if (overlap(sections[i]->address, sections[i]->size, sections[j]->address,
			            sections[j]->size))
				verify_find(verifier, VERIFY_FILE, sections[i]->address,
				            "sections %s and %s overlap", sections[i]->name,
				            sections[j]->name);
	return true;
}

/* --- the whole -------------------------------------------------------------------------------- */

bool verify_file(struct verifier *verifier)
{
	if (verifier->out.file_type != ET_EXEC && verifier->out.file_type != ET_DYN)
		verify_find(verifier, VERIFY_FILE, 0, "the output is no program");
	if (!check_segments(verifier))
		return false;
	check_input_sections(verifier);
	if (!find_added_sections(verifier))
		return false;
	check_new_sections(verifier);
	verify_layout(verifier);
	return true;
}
