/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/pte/dwarf_reader.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <string.h>

/* Nesting of blocks and inlined functions; GCC's deepest in Linux is some twenty. */
#define DEEPEST 200

/* A walk through the entries of one file. */
struct walk {
	const struct dwarf_search *search;
	struct problem *problem;
	const char *path;
	/* Entries and ranges that may still come: each takes a byte of the file at least, so that
	 * more of them mean a circle. */
	size_t budget;
	const char *within; /* the out-of-line function around; "" outside of all */
	unsigned int nesting;
};

static bool unreadable(const struct walk *walk, const char *reason)
{
	return problem_report(walk->problem, DEBUG_UNREADABLE, walk->path, reason);
}

static bool libdw_failed(const struct walk *walk)
{
	const char *reason = dwarf_errmsg(-1);

	return unreadable(walk, reason ? reason : "unknown error");
}

/* One entry or range less. */
static bool spend(struct walk *walk)
{
	if (!walk->budget)
		return unreadable(walk, "its entries go round in circles");
	walk->budget--;
	return true;
}

/* --- ranges ----------------------------------------------------------------------------------- */

static bool tell_ranges(struct walk *walk, Dwarf_Die *entry, const char *name, unsigned int depth)
{
	struct dwarf_range range = {.function = name, .within = walk->within, .depth = depth};
	Dwarf_Addr base, start, end;
	ptrdiff_t offset = 0;

	while ((offset = dwarf_ranges(entry, offset, &base, &start, &end)) > 0) {
		if (!spend(walk))
			return false;
		range.start = start;
		range.end = end;
		if (start < end &&
		    !walk->search->visit(walk->search->context, &range, walk->problem))
			return false;
	}
	return offset == 0 || libdw_failed(walk);
}

/* --- entries ---------------------------------------------------------------------------------- */

static bool walk_children(struct walk *walk, Dwarf_Die *parent, unsigned int depth);

/* The name of a function or of what was inlined, from where it was declared if need be. */
static const char *name_of(Dwarf_Die *entry)
{
	Dwarf_Attribute attribute;
	const char *name = NULL;

	if (dwarf_attr_integrate(entry, DW_AT_name, &attribute))
		name = dwarf_formstring(&attribute);
	return name;
}

static bool has_code(Dwarf_Die *entry)
{
	return dwarf_hasattr(entry, DW_AT_low_pc) || dwarf_hasattr(entry, DW_AT_ranges);
}

static bool walk_function(struct walk *walk, Dwarf_Die *entry, unsigned int depth)
{
	const struct dwarf_search *search = walk->search;
	const char *around = walk->within;
	const char *name;
	bool done = true;

	if (!has_code(entry))
		return true;
	name = name_of(entry);
	if (depth == 0)
		walk->within = name ? name : "";
	if (name && search->wanted(search->context, name))
		done = tell_ranges(walk, entry, name, depth);
	done = done && walk_children(walk, entry, depth);
	walk->within = around;
	return done;
}

static bool walk_entry(struct walk *walk, Dwarf_Die *entry, unsigned int depth)
{
	switch (dwarf_tag(entry)) {
	case DW_TAG_invalid: return libdw_failed(walk);
	case DW_TAG_subprogram: return walk_function(walk, entry, 0);
	case DW_TAG_inlined_subroutine: return walk_function(walk, entry, depth + 1);
	case DW_TAG_lexical_block:
	case DW_TAG_namespace:
	case DW_TAG_try_block: return walk_children(walk, entry, depth);
	default: return true;
	}
}

static bool walk_children(struct walk *walk, Dwarf_Die *parent, unsigned int depth)
{
	Dwarf_Die entry;
	int status = dwarf_child(parent, &entry);
	bool done = true;

	if (++walk->nesting > DEEPEST)
		return unreadable(walk, "its entries are nested too deeply");
	for (; done && status == 0; status = done ? dwarf_siblingof(&entry, &entry) : 1)
		done = spend(walk) && walk_entry(walk, &entry, depth);
	walk->nesting--;
	return done && (status > 0 || libdw_failed(walk));
}

static bool walk_unit(struct walk *walk, Dwarf_Die *unit)
{
	switch (dwarf_tag(unit)) {
	case DW_TAG_invalid: return libdw_failed(walk);
	case DW_TAG_compile_unit: return walk_children(walk, unit, 0);
	default: return true;
	}
}

static bool walk_units(struct walk *walk, Dwarf *dwarf)
{
	Dwarf_CU *unit = NULL;
	int status;

	for (;;) {
		Dwarf_Die entry, type;
		uint8_t kind;

		if (!spend(walk))
			return false;
		status = dwarf_get_units(dwarf, unit, &unit, NULL, &kind, &entry, &type);
		if (status != 0)
			return status > 0 || libdw_failed(walk);
		if (kind == DW_UT_compile && !walk_unit(walk, &entry))
			return false;
	}
}

/* --- files ------------------------------------------------------------------------------------ */

/* libelf's view of bytes that it does not write to, though its type says so. */
static Elf *open_elf(const uint8_t *bytes, size_t size)
{
	char *writable;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	memcpy(&writable, &bytes, sizeof(writable));
	return elf_memory(writable, size);
}

bool dwarf_search(const char *path, const uint8_t *bytes, size_t size,
                  const struct dwarf_search *search, struct problem *problem)
{
	struct walk walk = {
	    .search = search, .problem = problem, .path = path, .budget = size, .within = ""};
	Elf *elf = open_elf(bytes, size);
	Dwarf *dwarf = elf ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
	bool done = dwarf ? walk_units(&walk, dwarf) : libdw_failed(&walk);

	if (dwarf)
		dwarf_end(dwarf);
	if (elf)
		elf_end(elf);
	return done;
}

static bool section_is_dwarf(Elf *elf, Elf_Scn *section, size_t names)
{
	GElf_Shdr header;
	const char *name;

	if (!gelf_getshdr(section, &header))
		return false;
	name = elf_strptr(elf, names, header.sh_name);
	return name && (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info")) &&
	       header.sh_type == SHT_PROGBITS && header.sh_size;
}

static void identify(Elf *elf, struct dwarf_identity *identity)
{
	Elf_Scn *section = NULL;
	const void *build_id;
	GElf_Ehdr header;
	ssize_t length;
	size_t names;

	if (!gelf_getehdr(elf, &header))
		return;
	identity->is_elf32_i386 = gelf_getclass(elf) == ELFCLASS32 &&
	                          header.e_ident[EI_DATA] == ELFDATA2LSB &&
	                          header.e_machine == EM_386;
	if (elf_getshdrstrndx(elf, &names) == 0)
		while ((section = elf_nextscn(elf, section)) != NULL)
			identity->has_dwarf |= section_is_dwarf(elf, section, names);
	length = dwelf_elf_gnu_build_id(elf, &build_id);
	if (length > 0 && (size_t)length <= sizeof(identity->build_id)) {
		memcpy(identity->build_id, build_id, (size_t)length);
		identity->build_id_size = (size_t)length;
	}
}

bool dwarf_identify(const uint8_t *bytes, size_t size, struct dwarf_identity *identity)
{
	Elf *elf = open_elf(bytes, size);
	bool is_elf = elf && elf_kind(elf) == ELF_K_ELF;

	*identity = (struct dwarf_identity){0};
	if (is_elf)
		identify(elf, identity);
	if (elf)
		elf_end(elf);
	return is_elf;
}
