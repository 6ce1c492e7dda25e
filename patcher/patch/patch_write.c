/* SPDX-License-Identifier: BSD-2-Clause */

/* The rewritten kernel as a file: its sections, symbols and notes. */

#include <stdlib.h>
#include <string.h>

#include <xen/elfnote.h>

#include "patcher/command/commands.h"
#include "patcher/patch/patch.h"

#define NOTE_ORIGIN 1 /* name "postburn": text of where the file comes from */

static size_t add_symbols(const struct patch *patch, struct output_symbol *symbols,
                          char (*names)[24])
{
	size_t count = 0;

	for (size_t i = 0; i < patch->linked.symbol_count; i++) {
		const struct rom_symbol *from = &patch->linked.symbols[i];

		symbols[count++] =
		    (struct output_symbol){from->name, from->address, from->size, from->function};
	}
	for (size_t i = 0; i < patch->plan.window_count; i++) {
		const struct plan_window *window = &patch->plan.windows[i];

		if (window->dropped)
			continue;
		snprintf(names[i], sizeof(names[i]), "springboard_%08x",
		         (unsigned int)window->start);
		symbols[count++] = (struct output_symbol){names[i], (uint32_t)window->springboard,
		                                          window->springboard_size, true};
	}
	return count;
}

static int write_origin(const struct patch *patch, const char *sha256, char *text, size_t size)
{
	char build_id[2 * sizeof(patch->kernel->build_id) + 1] = "none";

	for (size_t i = 0; i < patch->kernel->build_id_size; i++)
		snprintf(build_id + 2 * i, 3, "%02x", patch->kernel->build_id[i]);
	return snprintf(text, size, "postburn %s\nrom %s\ninput-build-id %s\ninput-sha256 %s\n",
	                POSTBURN_VERSION, patch->rom->name, build_id, sha256);
}

/* --- notes ---------------------------------------------------------------------------- */

#define NOTES_MOST 16

/* The notes of one output, and the words that they point to. */
struct notes {
	struct output_note notes[NOTES_MOST];
	size_t count;
	char origin[512];
	uint32_t words[NOTES_MOST];
};

static void add_word(struct notes *notes, uint32_t type, uint32_t word)
{
	notes->words[notes->count] = word;
	notes->notes[notes->count] =
	    (struct output_note){"Xen", type, &notes->words[notes->count], sizeof(word)};
	notes->count++;
}

static void add_text(struct notes *notes, uint32_t type, const char *text)
{
	notes->notes[notes->count++] =
	    (struct output_note){"Xen", type, text, (uint32_t)strlen(text) + 1};
}

/*
 * What Xen's domain builder wants to know (xen/include/public/elfnote.h, xen/common/libelf): where
 * the segments' physical addresses are mapped, and where it enters. Its hole is told to be where it
 * is for a domU too; the initrd need not be mapped.
 */
static void add_xen_notes(struct notes *notes, const struct patch *patch)
{
	add_word(notes, XEN_ELFNOTE_ENTRY, patch->entry);
	if (patch->hypercall_page)
		add_word(notes, XEN_ELFNOTE_HYPERCALL_PAGE, patch->hypercall_page);
	add_word(notes, XEN_ELFNOTE_VIRT_BASE, ROM_XEN_VIRT_BASE);
	add_word(notes, XEN_ELFNOTE_PADDR_OFFSET, 0);
	add_word(notes, XEN_ELFNOTE_HV_START_LOW, ROM_XEN_HOLE);
	add_word(notes, XEN_ELFNOTE_MOD_START_PFN, 1);
	add_text(notes, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
	add_text(notes, XEN_ELFNOTE_GUEST_OS, "postburn");
	add_text(notes, XEN_ELFNOTE_GUEST_VERSION, POSTBURN_VERSION);
	add_text(notes, XEN_ELFNOTE_LOADER, "generic");
	add_text(notes, XEN_ELFNOTE_PAE_MODE, "yes");
	add_text(notes, XEN_ELFNOTE_FEATURES, "pae_pgdir_above_4gb");
}

static void make_notes(struct notes *notes, const struct patch *patch, const char *sha256)
{
	notes->count = 0;
	if (patch->rom->for_xen)
		add_xen_notes(notes, patch);
	else if (patch->kernel->banner)
		add_word(notes, XEN_ELFNOTE_PHYS32_ENTRY, patch->entry);
	else if (patch->kernel->pvh_entry) /* the guest's own, which takes what PVH gives it */
		add_word(notes, XEN_ELFNOTE_PHYS32_ENTRY, patch->kernel->pvh_entry);
	notes->notes[notes->count++] = (struct output_note){
	    "postburn", NOTE_ORIGIN, notes->origin,
	    (uint32_t)write_origin(patch, sha256, notes->origin, sizeof(notes->origin))};
}

/* The ELF header's entry: the ROM's where a loader goes by it, which Xen's does not. */
static uint32_t header_entry(const struct patch *patch)
{
	return patch->kernel->banner || patch->rom->for_xen ? (uint32_t)patch->kernel->entry
	                                                    : patch->entry;
}

/* --- the file ------------------------------------------------------------------------- */

bool patch_write(FILE *stream, const struct patch *patch, const char *sha256,
                 struct problem *problem)
{
	const struct patch_layout *layout = &patch->layout;
	struct notes notes;
	const struct output_section sections[] = {
	    {".vmi_rom", layout->image, patch->rom->image_size, true, false},
	    {".postburn.wedge", layout->wedge, patch->rom->wedge_memory, true, true},
	    {".postburn.text", layout->springboards, layout->springboards_size, true, false},
	    {".postburn.sites", layout->sites, layout->size - layout->sites, false, false},
	};
	size_t most = patch->linked.symbol_count + patch->plan.window_count;
	struct output_symbol *symbols = calloc(most + 1, sizeof(*symbols));
	char(*names)[24] = calloc(patch->plan.window_count + 1, sizeof(*names));
	struct output_elf output = {
	    .kernel = patch->kernel,
	    .image = patch->image,
	    .entry = header_entry(patch),
	    .segment_virtual = layout->virtual,
	    .segment_physical = layout->physical,
	    .segment = patch->segment,
	    .segment_size = layout->size,
	    .segment_memory = layout->size,
	    .sections = sections,
	    .section_count = sizeof(sections) / sizeof(sections[0]),
	    .symbols = symbols,
	    .notes = notes.notes,
	};
	bool done = false;

	if (!symbols || !names) {
		problem_report(problem, OUT_OF_MEMORY);
	} else {
		make_notes(&notes, patch, sha256);
		output.note_count = notes.count;
		output.symbol_count = add_symbols(patch, symbols, names);
		done = output_elf_write(stream, &output, problem);
	}
	free(symbols);
	free(names);
	return done;
}
