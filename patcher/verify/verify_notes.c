/* SPDX-License-Identifier: BSD-2-Clause */

/* The notes and symbols of the output. */

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/elfnote.h>

#include "patcher/bytes.h"
#include "patcher/command/commands.h"
#include "patcher/verify/verify_private.h"

#define NOTE_ORIGIN 1 /* name "postburn" */

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

	return address ? address - verifier->guest_offset : 0;
}

static void check_native_entries(struct verifier *verifier)
{
	const struct kernel *kernel = verifier->input->kernel;
	const char *name = kernel->banner ? "ROM_ENTRY_PVH" : "ROM_ENTRY_MULTIBOOT";
	uint32_t entry = rom_entry(verifier, name);
	uint32_t wanted = kernel->banner ? (uint32_t)kernel->entry : entry;
	uint32_t pvh_entry = kernel->banner ? entry : kernel->pvh_entry;
	size_t count = 0;

	for (size_t i = 0; i < verifier->out.note_count; i++) {
		const struct elf_view_note *note = &verifier->out.notes[i];

		if (!note_is(note, "Xen"))
			continue;
		count++;
		if (note->type != XEN_ELFNOTE_PHYS32_ENTRY || note->size != sizeof(uint32_t) ||
		    bytes_load32(note->descriptor) != pvh_entry)
			verify_find(verifier, VERIFY_FILE, 0,
			            "a Xen note (type %u) does not name %s", note->type,
			            kernel->banner ? "the ROM's entry" : "the kernel's PVH entry");
	}
	if (count != (pvh_entry != 0))
		verify_find(verifier, VERIFY_FILE, 0, "there are %zu Xen notes where %d belong",
		            count, pvh_entry != 0);
	if (verifier->out.entry != wanted)
		verify_find(verifier, VERIFY_FILE, verifier->out.entry,
		            "the ELF header's entry is not 0x%08x", wanted);
}

static void check_origin_note(struct verifier *verifier, const struct elf_view_note *note)
{
	const struct kernel *kernel = verifier->input->kernel;
	char build_id[2 * sizeof(kernel->build_id) + 1] = "none", text[512];
	int size;

	for (size_t i = 0; i < kernel->build_id_size; i++)
		snprintf(build_id + 2 * i, 3, "%02x", kernel->build_id[i]);
	size = snprintf(
	    text, sizeof(text), "postburn %s\nrom %.20s\ninput-build-id %s\ninput-sha256 %s\n",
	    POSTBURN_VERSION, verifier->manifest.name, build_id, verifier->input->sha256);
	if (note->type != NOTE_ORIGIN || note->size != (uint32_t)size ||
	    memcmp(note->descriptor, text, note->size) != 0)
		verify_find(verifier, VERIFY_FILE, 0,
		            "the note of origin tells of another input, ROM or version of "
		            "postburn (%s)",
		            POSTBURN_VERSION);
}

static bool same_note(const struct elf_view_note *left, const struct elf_view_note *right)
{
	return left->name_size == right->name_size && left->type == right->type &&
	       left->size == right->size && !memcmp(left->name, right->name, left->name_size) &&
	       !memcmp(left->descriptor, right->descriptor, left->size);
}

/* What alignment leaves behind a note's name or descriptor is zero. */
static void check_padding(struct verifier *verifier, const uint8_t *from, uint32_t size)
{
	for (uint32_t at = size; at % 4; at++)
		if (from[at]) {
			verify_find(verifier, VERIFY_FILE, 0, "a note's padding is not zero");
			return;
		}
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
	for (size_t i = 0; i < out->note_count; i++) {
		check_padding(verifier, (const uint8_t *)out->notes[i].name,
		              out->notes[i].name_size);
		check_padding(verifier, out->notes[i].descriptor, out->notes[i].size);
	}
	for (size_t i = at; i < out->note_count; i++) {
		if (note_is(&out->notes[i], "postburn")) {
			check_origin_note(verifier, &out->notes[i]);
			origins++;
		} else if (!note_is(&out->notes[i], "Xen")) {
			verify_find(verifier, VERIFY_FILE, 0, "note %zu is not known", i);
		}
	}
	if (out->notes_cut)
		verify_find(verifier, VERIFY_FILE, 0, "a note is cut short");
	if (origins != 1)
		verify_find(verifier, VERIFY_FILE, 0,
		            "there are %zu notes of origin where one belongs", origins);
	if (verifier->for_xen)
		verify_xen_notes(verifier);
	else
		check_native_entries(verifier);
}

/* --- the symbols ------------------------------------------------------------------------------ */

static bool same_symbol(const struct elf_view_symbol *left, const struct elf_view_symbol *right)
{
	return !strcmp(left->name, right->name) && left->value == right->value &&
	       left->size == right->size && left->section == right->section &&
	       left->type == right->type && left->binding == right->binding &&
	       left->visibility == right->visibility;
}

/* Of the ROM's symbols of that name one has that place. */
static bool is_rom_symbol(const struct verifier *verifier, const struct elf_view_symbol *symbol)
{
	for (size_t i = 0; i < verifier->rom.symbol_count; i++) {
		const struct elf_view_symbol *of = &verifier->rom.symbols[i];

		if (of->section != SHN_UNDEF && !strcmp(of->name, symbol->name) &&
		    verify_rom_symbol(verifier, of) == symbol->value && of->size == symbol->size &&
		    (of->type == STT_FUNC) == (symbol->type == STT_FUNC))
			return true;
	}
	return false;
}

static const struct verify_window *window_of(const struct verifier *verifier, const char *name)
{
	static const char prefix[] = "springboard_";
	const struct verify_window *window;
	char whole[32];

	if (strncmp(name, prefix, strlen(prefix)) != 0)
		return NULL;
	window = verify_window_at(verifier, (uint32_t)strtoul(name + strlen(prefix), NULL, 16));
	if (!window)
		return NULL;
	snprintf(whole, sizeof(whole), "%s%08x", prefix, (unsigned int)window->start);
	return strcmp(name, whole) == 0 ? window : NULL;
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
	if (symbol->binding != STB_GLOBAL || symbol->visibility ||
	    (symbol->type != STT_FUNC && symbol->type != STT_OBJECT))
		verify_find(verifier, VERIFY_FILE, symbol->value,
		            "symbol %s is no global function or object", symbol->name);
	if (symbol->section != section_index_at(verifier, symbol->value))
		verify_find(verifier, VERIFY_FILE, symbol->value,
		            "symbol %s names another section than the one it is in", symbol->name);
}

/* The section with the symbols' names: the one that .symtab links to. */
static const struct elf_view_section *string_table(const struct elf_view *view)
{
	for (size_t i = 0; i < view->section_count; i++)
		if (view->sections[i].type == SHT_SYMTAB &&
		    view->sections[i].link < view->section_count)
			return &view->sections[view->sections[i].link];
	return NULL;
}

/* Names are the input's and then one behind the other those of the new symbols. */
static void check_strings(struct verifier *verifier, size_t first)
{
	const struct elf_view *out = &verifier->out;
	const struct elf_view_section *before = string_table(&verifier->input->view);
	const struct elf_view_section *now = string_table(out);
	size_t end = before ? before->size : 1;

	if (!now || !now->bytes || now->size < end ||
	    (before && before->bytes && memcmp(before->bytes, now->bytes, end) != 0) ||
	    (!before && now->bytes[0])) {
		verify_find(verifier, VERIFY_FILE, 0, "the input's names are not as they were");
		return;
	}
	for (size_t i = first; i < out->symbol_count; i++) {
		const char *name = out->symbols[i].name;

		if (name != (const char *)now->bytes + end) {
			verify_find(verifier, VERIFY_FILE, out->symbols[i].value,
			            "the name of symbol %zu is not behind the one before", i);
			return;
		}
		end += strlen(name) + 1;
	}
	if (end != now->size)
		verify_find(verifier, VERIFY_FILE, 0, "bytes behind the last symbol's name");
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
	check_strings(verifier, first);
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
