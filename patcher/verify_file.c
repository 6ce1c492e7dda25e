/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The output as an ELF file: what the input has is still there, what was added is where it belongs.
 * Contents of loaded segments are compared elsewhere (verify_references.c).
 */

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/elfnote.h>

#include "patcher/bytes.h"
#include "patcher/verify_private.h"

#define NOTE_ORIGIN 1 /* name "postburn" */

/* --- segments --------------------------------------------------------------------------------- */

/* All but the place in the file. */
static bool same_segment(const struct elf_view_segment *left, const struct elf_view_segment *right)
{
	return left->type == right->type && left->virtual == right->virtual &&
	       left->physical == right->physical && left->file_size == right->file_size &&
	       left->memory_size == right->memory_size && left->flags == right->flags &&
	       left->alignment == right->alignment;
}

static bool overlap(uint32_t left, uint32_t left_size, uint32_t right, uint32_t right_size)
{
	return left < (uint64_t)right + right_size && right < (uint64_t)left + left_size;
}

/* The added segment stands alone, behind the guest's last one and at the same distance from it. */
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
	if (last && added->virtual - added->physical != last->virtual - last->physical)
		verify_find(verifier, VERIFY_FILE, added->virtual,
		            "the added segment is not at the guest's distance of virtual and "
		            "physical addresses");
	if (last && added->physical < last->physical)
		verify_find(verifier, VERIFY_FILE, added->virtual,
		            "the added segment is not behind the guest");
	if (added->file_size != added->memory_size || added->flags != (PF_R | PF_W | PF_X) ||
	    added->virtual % 4096 || added->offset % 4096 || added->alignment != 4096 ||
	    added->memory_size > UINT32_MAX - added->virtual ||
	    added->memory_size > UINT32_MAX - added->physical)
		verify_find(verifier, VERIFY_FILE, added->virtual,
		            "the added segment's header is not that of whole pages, RWX");
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
	return true;
}

/* --- sections --------------------------------------------------------------------------------- */

/* Tables that grow, and notes, move. */
static bool is_moved(const struct elf_view_section *section)
{
	return section->type == SHT_NOTE || section->type == SHT_SYMTAB ||
	       section->type == SHT_STRTAB;
}

static bool same_section(const struct elf_view_section *left, const struct elf_view_section *right)
{
	if (strcmp(left->name, right->name) != 0 || left->type != right->type ||
	    left->info != right->info || left->link != right->link ||
	    left->entry_size != right->entry_size || left->alignment != right->alignment)
		return false;
	return left->type == SHT_NOTE ||
	       (left->flags == right->flags && left->address == right->address &&
	        (is_moved(left) || left->size == right->size));
}

static void check_input_sections(struct verifier *verifier)
{
	const struct elf_view *in = &verifier->input->view, *out = &verifier->out;

	for (size_t i = 0; i < in->section_count; i++) {
		const struct elf_view_section *before = &in->sections[i], *now;

		if (i >= out->section_count || !same_section(before, &out->sections[i])) {
			verify_find(verifier, VERIFY_FILE, before->address,
			            "the input's section %s is not as it was", before->name);
			continue;
		}
		now = &out->sections[i];
		if ((before->flags & SHF_ALLOC) && before->type != SHT_NOTE &&
		    before->offset != now->offset)
			verify_find(verifier, VERIFY_FILE, before->address,
			            "section %s is elsewhere in the file", before->name);
		if (before->bytes && now->bytes && !(before->flags & SHF_ALLOC) &&
		    !is_moved(before) && memcmp(before->bytes, now->bytes, before->size) != 0)
			verify_find(verifier, VERIFY_FILE, now->offset,
			            "section %s has other bytes", before->name);
	}
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
	    !verifier->sites_section || !verifier->rom_section->bytes ||
	    !verifier->wedge_section->bytes)
		return false;
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

/* --- the notes -------------------------------------------------------------------------------- */

static bool note_is(const struct elf_view_note *note, const char *name)
{
	return note->name_size == strlen(name) + 1 && !memcmp(note->name, name, note->name_size);
}

/* Where a boot loader is to enter, guest-physical: a symbol of the ROM. */
static uint32_t rom_entry(const struct verifier *verifier, const char *name)
{
	const struct elf_view_symbol *symbol = elf_view_symbol(&verifier->rom, name);
	uint32_t address = symbol ? verify_rom_symbol(verifier, symbol) : 0;

	return address ? address - (verifier->added->virtual - verifier->added->physical) : 0;
}

static void check_entries(struct verifier *verifier)
{
	const struct kernel *kernel = verifier->input->kernel;
	const char *name = kernel->banner ? "ROM_ENTRY_PVH" : "ROM_ENTRY_MULTIBOOT";
	uint32_t entry = rom_entry(verifier, name);
	uint32_t wanted = kernel->banner ? (uint32_t)kernel->entry : entry;
	size_t count = 0;

	for (size_t i = 0; i < verifier->out.note_count; i++) {
		const struct elf_view_note *note = &verifier->out.notes[i];

		if (!note_is(note, "Xen"))
			continue;
		count++;
		if (note->type != XEN_ELFNOTE_PHYS32_ENTRY || note->size != sizeof(uint32_t) ||
		    bytes_load32(note->descriptor) != entry)
			verify_find(verifier, VERIFY_FILE, 0,
			            "a Xen note (type %u) does not name the ROM's entry",
			            note->type);
	}
	if (count != 1)
		verify_find(verifier, VERIFY_FILE, 0, "there are %zu Xen notes where one belongs",
		            count);
	if (verifier->out.entry != wanted)
		verify_find(verifier, VERIFY_FILE, verifier->out.entry,
		            "the ELF header's entry is not 0x%08x", wanted);
}

/* Whether the note's text has the line. */
static bool has_line(const struct elf_view_note *note, const char *line)
{
	size_t length = strlen(line);

	for (size_t at = 0; at + length < note->size; at++)
		if ((!at || note->descriptor[at - 1] == '\n') &&
		    !memcmp(note->descriptor + at, line, length) &&
		    note->descriptor[at + length] == '\n')
			return true;
	return false;
}

static void check_origin_note(struct verifier *verifier, const struct elf_view_note *note)
{
	const struct kernel *kernel = verifier->input->kernel;
	char build_id[2 * sizeof(kernel->build_id) + 1] = "none", line[256];

	for (size_t i = 0; i < kernel->build_id_size; i++)
		snprintf(build_id + 2 * i, 3, "%02x", kernel->build_id[i]);
	snprintf(line, sizeof(line), "input-build-id %s", build_id);
	if (note->type != NOTE_ORIGIN || !has_line(note, line))
		verify_find(verifier, VERIFY_FILE, 0, "the note of origin lacks `%s`", line);
	snprintf(line, sizeof(line), "input-sha256 %s", verifier->input->sha256);
	if (!has_line(note, line))
		verify_find(verifier, VERIFY_FILE, 0,
		            "the note of origin lacks `%s`: made from another file", line);
	snprintf(line, sizeof(line), "rom %.20s", verifier->manifest.name);
	if (!has_line(note, line))
		verify_find(verifier, VERIFY_FILE, 0,
		            "the note of origin lacks `%s`: made with another ROM", line);
}

static bool same_note(const struct elf_view_note *left, const struct elf_view_note *right)
{
	return left->name_size == right->name_size && left->type == right->type &&
	       left->size == right->size && !memcmp(left->name, right->name, left->name_size) &&
	       !memcmp(left->descriptor, right->descriptor, left->size);
}

void verify_notes(struct verifier *verifier)
{
	const struct elf_view *in = &verifier->input->view, *out = &verifier->out;
	size_t at = 0, origins = 0;

	for (size_t i = 0; i < in->note_count; i++) {
		if (note_is(&in->notes[i], "Xen"))
			continue;
		if (at == out->note_count || !same_note(&in->notes[i], &out->notes[at])) {
			verify_find(verifier, VERIFY_FILE, 0,
			            "the input's note %zu is not as it was", i);
			break;
		}
		at++;
	}
	for (size_t i = at; i < out->note_count; i++) {
		if (note_is(&out->notes[i], "postburn")) {
			check_origin_note(verifier, &out->notes[i]);
			origins++;
		} else if (!note_is(&out->notes[i], "Xen")) {
			verify_find(verifier, VERIFY_FILE, 0, "note %zu is not known", i);
		}
	}
	if (origins != 1)
		verify_find(verifier, VERIFY_FILE, 0,
		            "there are %zu notes of origin where one belongs", origins);
	check_entries(verifier);
}

/* --- the symbols ------------------------------------------------------------------------------ */

static bool same_symbol(const struct elf_view_symbol *left, const struct elf_view_symbol *right)
{
	return !strcmp(left->name, right->name) && left->value == right->value &&
	       left->size == right->size && left->section == right->section &&
	       left->type == right->type && left->binding == right->binding;
}

/* Of the ROM's symbols of that name one has that place. */
static bool is_rom_symbol(const struct verifier *verifier, const struct elf_view_symbol *symbol)
{
	for (size_t i = 0; i < verifier->rom.symbol_count; i++) {
		const struct elf_view_symbol *of = &verifier->rom.symbols[i];

		if (of->section != SHN_UNDEF && !strcmp(of->name, symbol->name) &&
		    verify_rom_symbol(verifier, of) == symbol->value && of->size == symbol->size)
			return true;
	}
	return false;
}

static const struct verify_window *window_of(const struct verifier *verifier, const char *name)
{
	static const char prefix[] = "springboard_";
	const struct verify_window *window;
	unsigned long start;
	char *end;

	if (strncmp(name, prefix, strlen(prefix)) != 0)
		return NULL;
	start = strtoul(name + strlen(prefix), &end, 16);
	if (*end || start > UINT32_MAX)
		return NULL;
	window = verify_window_at(verifier, (uint32_t)start);
	return window && window->start == start ? window : NULL;
}

/* The index of the section of the output that holds address. */
static size_t section_index_at(const struct verifier *verifier, uint32_t address)
{
	for (size_t i = verifier->input->view.section_count; i < verifier->out.section_count; i++) {
		const struct elf_view_section *section = &verifier->out.sections[i];

		if ((section->flags & SHF_ALLOC) && address - section->address < section->size)
			return i;
	}
	return SHN_ABS;
}

static void check_symbol(struct verifier *verifier, const struct elf_view_symbol *symbol,
                         size_t *springboards)
{
	const struct verify_window *window = window_of(verifier, symbol->name);

	if (window) {
		++*springboards;
		if (symbol->value != window->springboard || symbol->type != STT_FUNC ||
		    symbol->value + symbol->size != window->code_end)
			verify_find(verifier, VERIFY_FILE, symbol->value,
			            "symbol %s does not cover its springboard", symbol->name);
	} else if (!is_rom_symbol(verifier, symbol)) {
		verify_find(verifier, VERIFY_FILE, symbol->value,
		            "symbol %s is neither the ROM's nor a springboard's", symbol->name);
	}
	if (symbol->section != section_index_at(verifier, symbol->value))
		verify_find(verifier, VERIFY_FILE, symbol->value,
		            "symbol %s names another section than the one it is in", symbol->name);
}

void verify_symbols(struct verifier *verifier)
{
	const struct elf_view *in = &verifier->input->view, *out = &verifier->out;
	size_t first = in->symbol_count ? in->symbol_count : 1, springboards = 0, wanted = 0;

	for (size_t i = 0; i < in->symbol_count; i++)
		if (i >= out->symbol_count || !same_symbol(&in->symbols[i], &out->symbols[i])) {
			verify_find(verifier, VERIFY_FILE, in->symbols[i].value,
			            "the input's symbol %zu is not as it was", i);
			return;
		}
	for (size_t i = first; i < out->symbol_count; i++)
		check_symbol(verifier, &out->symbols[i], &springboards);
	for (size_t i = 0; i < verifier->window_count; i++)
		wanted += !verifier->windows[i].in_place;
	if (springboards != wanted)
		verify_find(verifier, VERIFY_FILE, 0, "%zu of %zu springboards have symbols",
		            springboards, wanted);
	for (size_t i = 0; i < verifier->rom.symbol_count; i++) {
		const struct elf_view_symbol *symbol = &verifier->rom.symbols[i];
		const struct elf_view_symbol *now;

		if (symbol->type != STT_FUNC || symbol->section == SHN_UNDEF)
			continue;
		now = elf_view_symbol(out, symbol->name);
		if (!now)
			verify_find(verifier, VERIFY_FILE, 0, "the ROM's %s has no symbol",
			            symbol->name);
	}
}

/* --- the whole -------------------------------------------------------------------------------- */

bool verify_file(struct verifier *verifier)
{
	if (verifier->out.file_type != ET_EXEC && verifier->out.file_type != ET_DYN)
		verify_find(verifier, VERIFY_FILE, 0, "the output is no program");
	if (!check_segments(verifier))
		return false;
	check_input_sections(verifier);
	return find_added_sections(verifier);
}
