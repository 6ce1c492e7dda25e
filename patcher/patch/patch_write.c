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

bool patch_write(FILE *stream, const struct patch *patch, const char *sha256,
                 struct problem *problem)
{
	const struct patch_layout *layout = &patch->layout;
	char origin[512];
	struct output_note notes[] = {
	    {"Xen", XEN_ELFNOTE_PHYS32_ENTRY, &patch->entry, sizeof(patch->entry)},
	    {"postburn", NOTE_ORIGIN, origin,
	     (uint32_t)write_origin(patch, sha256, origin, sizeof(origin))},
	};
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
	    .entry = patch->kernel->banner ? (uint32_t)patch->kernel->entry : patch->entry,
	    .segment_virtual = layout->virtual,
	    .segment_physical = layout->physical,
	    .segment = patch->segment,
	    .segment_size = layout->size,
	    .segment_memory = layout->size,
	    .sections = sections,
	    .section_count = sizeof(sections) / sizeof(sections[0]),
	    .symbols = symbols,
	    .notes = notes,
	    .note_count = sizeof(notes) / sizeof(notes[0]),
	};
	bool done = false;

	if (!symbols || !names) {
		problem_report(problem, OUT_OF_MEMORY);
	} else {
		output.symbol_count = add_symbols(patch, symbols, names);
		done = output_elf_write(stream, &output, problem);
	}
	free(symbols);
	free(names);
	return done;
}
