/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What is particular to an output for Xen: where its added segment runs and is loaded, what its
 * notes tell the domain builder, and the one word of Linux's data that keeps the guest out of it.
 */

#include <elf.h>
#include <string.h>

#include <xen/elfnote.h>

#include "patcher/bytes.h"
#include "patcher/command/commands.h"
#include "patcher/verify/verify_private.h"

#define FIXADDR_TOP    0xfffff000u /* arch/x86/mm/pgtable_32.c */
#define PAE_TABLE_SPAN 0x200000    /* what one page table of PAE maps */
#define MIB            0x100000

/* --- the segment ------------------------------------------------------------------------------ */

void verify_xen_segment(struct verifier *verifier)
{
	const struct elf_view_segment *added = verifier->added;

	if (added->virtual != ROM_XEN_WINDOW || added->memory_size > ROM_XEN_WINDOW_SIZE)
		verify_find(verifier, VERIFY_FILE, added->virtual,
		            "the added segment is not in the window of a ROM for Xen");
	if (added->physical % PAE_TABLE_SPAN)
		verify_find(verifier, VERIFY_FILE, added->virtual,
		            "the added segment is not loaded at a multiple of 2 MiB");
	if (added->physical < verifier->guest_end ||
	    added->physical - verifier->guest_end >= PAE_TABLE_SPAN)
		verify_find(verifier, VERIFY_FILE, added->virtual,
		            "the added segment is not loaded behind the guest");
	if (added->physical + (uint64_t)added->memory_size > ROM_XEN_WINDOW - ROM_XEN_VIRT_BASE)
		verify_find(verifier, VERIFY_FILE, added->virtual,
		            "Xen would map the added segment into its own window");
}

/* --- Linux's fixmap --------------------------------------------------------------------------- */

void verify_find_top(struct verifier *verifier)
{
	const struct kernel *kernel = verifier->input->kernel;
	const struct kernel_symbol *symbol;
	uint64_t address = 0;
	const uint8_t *bytes;

	if (!verifier->for_xen || !kernel->banner)
		return;
	symbol = kernel_find_symbol(kernel, "__FIXADDR_TOP");
	if (symbol)
		address = symbol->address;
	else if (!linux_exported_symbol(kernel, "__FIXADDR_TOP", &address))
		return;
	bytes = elf_view_bytes_at(&verifier->input->view, (uint32_t)address, 4);
	verifier->top = bytes && bytes_load32(bytes) == FIXADDR_TOP ? (uint32_t)address : 0;
}

/* Below the window, where a page table of either kind begins, less a page: as reservetop= rounds.
 */
void verify_top(struct verifier *verifier)
{
	const uint8_t *now;

	if (!verifier->top)
		return;
	now = verify_out_bytes(verifier, verifier->top, 4);
	if (!now || bytes_load32(now) != ROM_XEN_WINDOW - 4096)
		verify_find(verifier, VERIFY_BYTES, verifier->top,
		            "__FIXADDR_TOP does not leave the ROM's window free");
}

/* --- the notes -------------------------------------------------------------------------------- */

/* What the notes must be: words, or texts where text is not NULL. */
struct wanted_note {
	uint32_t type;
	uint32_t word;
	const char *text;
};

static bool is_wanted(const struct elf_view_note *note, const struct wanted_note *wanted)
{
	if (note->type != wanted->type)
		return false;
	if (wanted->text)
		return note->size == strlen(wanted->text) + 1 &&
		       !memcmp(note->descriptor, wanted->text, note->size);
	return note->size == 4 && bytes_load32(note->descriptor) == wanted->word;
}

/* Where Xen maps a symbol of the ROM at first; 0 if the ROM has none of the name. */
static uint32_t low_alias(const struct verifier *verifier, const char *name)
{
	const struct elf_view_symbol *symbol = elf_view_symbol(&verifier->rom, name);
	uint32_t address = symbol ? verify_rom_symbol(verifier, symbol) : 0;

	return address ? address - verifier->added->virtual + verifier->added->physical +
	                     ROM_XEN_VIRT_BASE
	               : 0;
}

void verify_xen_notes(struct verifier *verifier)
{
	uint32_t page = low_alias(verifier, "ROM_HYPERCALL_PAGE");
	const struct wanted_note wanted[] = {
	    {XEN_ELFNOTE_ENTRY, low_alias(verifier, "ROM_ENTRY_XEN"), NULL},
	    {XEN_ELFNOTE_VIRT_BASE, ROM_XEN_VIRT_BASE, NULL},
	    {XEN_ELFNOTE_PADDR_OFFSET, 0, NULL},
	    {XEN_ELFNOTE_HV_START_LOW, ROM_XEN_HOLE, NULL},
	    {XEN_ELFNOTE_MOD_START_PFN, 1, NULL},
	    {XEN_ELFNOTE_XEN_VERSION, 0, "xen-3.0"},
	    {XEN_ELFNOTE_GUEST_OS, 0, "postburn"},
	    {XEN_ELFNOTE_GUEST_VERSION, 0, POSTBURN_VERSION},
	    {XEN_ELFNOTE_LOADER, 0, "generic"},
	    {XEN_ELFNOTE_PAE_MODE, 0, "yes"},
	    {XEN_ELFNOTE_FEATURES, 0, "pae_pgdir_above_4gb"},
	    {XEN_ELFNOTE_HYPERCALL_PAGE, page, NULL}, /* last: only where the ROM has one */
	};
	size_t count = sizeof(wanted) / sizeof(wanted[0]) - !page;
	uint32_t seen = 0;

	for (size_t i = 0; i < verifier->out.note_count; i++) {
		const struct elf_view_note *note = &verifier->out.notes[i];
		size_t found = 0;

		if (note->name_size != sizeof("Xen") || memcmp(note->name, "Xen", sizeof("Xen")))
			continue;
		while (found < count && !is_wanted(note, &wanted[found]))
			found++;
		if (found == count || (seen >> found & 1))
			verify_find(verifier, VERIFY_FILE, 0, "a Xen note (type %u) is wrong",
			            note->type);
		else
			seen |= UINT32_C(1) << found;
	}
	for (size_t i = 0; i < count; i++)
		if (!(seen >> i & 1))
			verify_find(verifier, VERIFY_FILE, 0, "there is no Xen note of type %u",
			            wanted[i].type);
	if (verifier->out.entry != (uint32_t)verifier->input->kernel->entry)
		verify_find(verifier, VERIFY_FILE, verifier->out.entry,
		            "the ELF header's entry is not the guest's");
}
