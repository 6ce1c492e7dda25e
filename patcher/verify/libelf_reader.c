/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/verify/libelf_reader.h"

#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#define NOTES_LIMIT 65536 /* of one file: far more than any kernel has */

/* What is being read: the file's bytes beside libelf's view of them. */
struct reader {
	Elf *elf;
	const uint8_t *bytes;
	size_t size;
	struct elf_view *view;
	const char *reason;
};

static bool refuse(struct reader *reader, const char *reason)
{
	reader->reason = reason;
	return false;
}

/* calloc() for count + 1 elements, so that none is no special case. */
static bool allocate(struct reader *reader, void *array, size_t count, size_t element)
{
	void *memory = calloc(count + 1, element);

	memcpy(array, &memory, sizeof(memory));
	return memory || refuse(reader, NULL);
}

static bool in_file(const struct reader *reader, uint64_t offset, uint64_t size)
{
	return offset <= reader->size && size <= reader->size - offset;
}

/* --- header, segments, sections ------------------------------------------------------------- */

static bool read_header(struct reader *reader)
{
	GElf_Ehdr header;

	if (elf_kind(reader->elf) != ELF_K_ELF || !gelf_getehdr(reader->elf, &header))
		return refuse(reader, "libelf sees no ELF file in it");
	if (gelf_getclass(reader->elf) != ELFCLASS32 || header.e_machine != EM_386 ||
	    header.e_ident[EI_DATA] != ELFDATA2LSB)
		return refuse(reader, "it is not ELF32 for i386");
	reader->view->file_type = header.e_type;
	reader->view->entry = (uint32_t)header.e_entry;
	reader->view->program_offset = (uint32_t)header.e_phoff;
	reader->view->section_offset = (uint32_t)header.e_shoff;
	return true;
}

static bool read_segments(struct reader *reader)
{
	struct elf_view *view = reader->view;
	size_t count;

	if (elf_getphdrnum(reader->elf, &count))
		return refuse(reader, "its program headers are not in the file");
	if (!allocate(reader, &view->segments, count, sizeof(*view->segments)))
		return false;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr from;

		if (!gelf_getphdr(reader->elf, (int)i, &from))
			return refuse(reader, "its program headers are not in the file");
		if (!in_file(reader, from.p_offset, from.p_filesz))
			return refuse(reader, "a segment is not in the file");
		view->segments[view->segment_count++] = (struct elf_view_segment){
		    .bytes = from.p_filesz ? reader->bytes + from.p_offset : NULL,
		    .type = from.p_type,
		    .flags = from.p_flags,
		    .offset = (uint32_t)from.p_offset,
		    .virtual = (uint32_t)from.p_vaddr,
		    .physical = (uint32_t)from.p_paddr,
		    .file_size = (uint32_t)from.p_filesz,
		    .memory_size = (uint32_t)from.p_memsz,
		    .alignment = (uint32_t)from.p_align,
		};
	}
	return true;
}

static bool read_section(struct reader *reader, size_t index, size_t names)
{
	struct elf_view_section *section = &reader->view->sections[index];
	Elf_Scn *handle = elf_getscn(reader->elf, index);
	GElf_Shdr from;

	if (!handle || !gelf_getshdr(handle, &from))
		return refuse(reader, "its section headers are not in the file");
	if (from.sh_type != SHT_NOBITS && from.sh_type != SHT_NULL &&
	    !in_file(reader, from.sh_offset, from.sh_size))
		return refuse(reader, "a section is not in the file");
	*section = (struct elf_view_section){
	    .name = names == SHN_UNDEF ? "" : elf_strptr(reader->elf, names, from.sh_name),
	    .type = from.sh_type,
	    .flags = (uint32_t)from.sh_flags,
	    .address = (uint32_t)from.sh_addr,
	    .offset = (uint32_t)from.sh_offset,
	    .size = (uint32_t)from.sh_size,
	    .link = from.sh_link,
	    .info = from.sh_info,
	    .alignment = (uint32_t)from.sh_addralign,
	    .entry_size = (uint32_t)from.sh_entsize,
	};
	if (!section->name)
		return refuse(reader, "a section's name is not in the file");
	if (from.sh_type != SHT_NOBITS && from.sh_type != SHT_NULL && from.sh_size)
		section->bytes = reader->bytes + from.sh_offset;
	return true;
}

static bool read_sections(struct reader *reader)
{
	struct elf_view *view = reader->view;
	size_t count, names;

	if (elf_getshdrnum(reader->elf, &count) || elf_getshdrstrndx(reader->elf, &names))
		return refuse(reader, "its section headers are not in the file");
	view->name_section = (uint32_t)names;
	if (!allocate(reader, &view->sections, count, sizeof(*view->sections)))
		return false;
	for (; view->section_count < count; view->section_count++)
		if (!read_section(reader, view->section_count, names))
			return false;
	return true;
}

/* --- symbols, relocations, notes ------------------------------------------------------------ */

static bool read_symbols(struct reader *reader, size_t index)
{
	const struct elf_view_section *section = &reader->view->sections[index];
	struct elf_view *view = reader->view;
	Elf_Data *data = elf_getdata(elf_getscn(reader->elf, index), NULL);
	size_t count = section->size / sizeof(Elf32_Sym);

	if (!data || data->d_size != section->size)
		return refuse(reader, "its symbols are not in the file");
	if (!allocate(reader, &view->symbols, count, sizeof(*view->symbols)))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct elf_view_symbol *symbol = &view->symbols[i];
		GElf_Sym from;

		if (!gelf_getsym(data, (int)i, &from))
			return refuse(reader, "its symbols are not in the file");
		*symbol = (struct elf_view_symbol){
		    .name = elf_strptr(reader->elf, section->link, from.st_name),
		    .value = (uint32_t)from.st_value,
		    .size = (uint32_t)from.st_size,
		    .section = from.st_shndx,
		    .type = GELF_ST_TYPE(from.st_info),
		    .binding = GELF_ST_BIND(from.st_info),
		    .visibility = from.st_other,
		};
		if (!symbol->name)
			return refuse(reader, "a symbol's name is not in the file");
	}
	view->symbol_count = count;
	return true;
}

static bool read_relocations(struct reader *reader, size_t index)
{
	const struct elf_view_section *section = &reader->view->sections[index];
	struct elf_view *view = reader->view;
	Elf_Data *data = elf_getdata(elf_getscn(reader->elf, index), NULL);
	size_t count = section->size / sizeof(Elf32_Rel);
	struct elf_view_relocation *grown;

	if (!data || data->d_size != section->size)
		return refuse(reader, "its relocations are not in the file");
	grown = realloc(view->relocations, (view->relocation_count + count + 1) * sizeof(*grown));
	if (!grown)
		return refuse(reader, NULL);
	view->relocations = grown;
	for (size_t i = 0; i < count; i++) {
		GElf_Rel from;

		if (!gelf_getrel(data, (int)i, &from))
			return refuse(reader, "its relocations are not in the file");
		grown[view->relocation_count++] = (struct elf_view_relocation){
		    .section = section->info,
		    .offset = (uint32_t)from.r_offset,
		    .type = (uint32_t)GELF_R_TYPE(from.r_info),
		    .symbol = (uint32_t)GELF_R_SYM(from.r_info),
		};
	}
	return true;
}

static bool read_tables(struct reader *reader)
{
	for (size_t i = 0; i < reader->view->section_count; i++) {
		uint32_t type = reader->view->sections[i].type;

		if (type == SHT_SYMTAB && !reader->view->symbols && !read_symbols(reader, i))
			return false;
		/* Relocations are only asked for in objects; a linked kernel may have millions. */
		if (type == SHT_REL && reader->view->file_type == ET_REL &&
		    !read_relocations(reader, i))
			return false;
	}
	return true;
}

/* The notes of one segment; libelf walks them in the bytes it is given. */
static bool read_notes(struct reader *reader, const struct elf_view_segment *segment)
{
	struct elf_view *view = reader->view;
	Elf_Data *data = elf_getdata_rawchunk(reader->elf, segment->offset, segment->file_size,
	                                      segment->alignment == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
	size_t offset = 0, next, name, descriptor;
	GElf_Nhdr header;

	if (!data)
		return refuse(reader, "its notes are not in the file");
	while ((next = gelf_getnote(data, offset, &header, &name, &descriptor))) {
		struct elf_view_note *grown;

		if (view->note_count == NOTES_LIMIT)
			return refuse(reader, "it has too many notes");
		grown = realloc(view->notes, (view->note_count + 1) * sizeof(*grown));
		if (!grown)
			return refuse(reader, NULL);
		view->notes = grown;
		grown[view->note_count++] = (struct elf_view_note){
		    .name = (const char *)segment->bytes + name,
		    .descriptor = segment->bytes + descriptor,
		    .name_size = header.n_namesz,
		    .type = header.n_type,
		    .size = header.n_descsz,
		};
		offset = next;
	}
	view->notes_cut |= offset != segment->file_size;
	return true;
}

static bool read_all(struct reader *reader)
{
	if (!read_header(reader) || !read_segments(reader) || !read_sections(reader) ||
	    !read_tables(reader))
		return false;
	for (size_t i = 0; i < reader->view->segment_count; i++) {
		const struct elf_view_segment *segment = &reader->view->segments[i];

		if (segment->type == PT_NOTE && segment->bytes && !read_notes(reader, segment))
			return false;
	}
	return true;
}

/* --- the whole ------------------------------------------------------------------------------ */

bool elf_view_open(const uint8_t *bytes, size_t size, struct elf_view *view, const char **reason)
{
	struct reader reader = {.bytes = bytes, .size = size, .view = view};
	char *image;

	*view = (struct elf_view){0};
	elf_version(EV_CURRENT);
	/* libelf does not write to what it only reads; its prototype does not say so. */
	memcpy(&image, &bytes, sizeof(image));
	reader.elf = elf_memory(image, size);
	view->handle = reader.elf;
	if (!reader.elf)
		refuse(&reader, "libelf sees no ELF file in it");
	else if (read_all(&reader))
		return true;
	elf_view_close(view);
	*reason = reader.reason;
	return false;
}

void elf_view_close(struct elf_view *view)
{
	free(view->sections);
	free(view->segments);
	free(view->symbols);
	free(view->notes);
	free(view->relocations);
	if (view->handle)
		elf_end(view->handle);
	*view = (struct elf_view){0};
}

const struct elf_view_section *elf_view_section(const struct elf_view *view, const char *name)
{
	for (size_t i = 0; i < view->section_count; i++)
		if (!strcmp(view->sections[i].name, name))
			return &view->sections[i];
	return NULL;
}

const struct elf_view_symbol *elf_view_symbol(const struct elf_view *view, const char *name)
{
	for (size_t i = 0; i < view->symbol_count; i++)
		if (view->symbols[i].section != SHN_UNDEF && !strcmp(view->symbols[i].name, name))
			return &view->symbols[i];
	return NULL;
}

const uint8_t *elf_view_bytes_at(const struct elf_view *view, uint32_t address, uint32_t size)
{
	for (size_t i = 0; i < view->segment_count; i++) {
		const struct elf_view_segment *segment = &view->segments[i];
		uint32_t offset = address - segment->virtual;

		if (segment->type == PT_LOAD && offset < segment->file_size &&
		    size <= segment->file_size - offset)
			return segment->bytes + offset;
	}
	return NULL;
}
