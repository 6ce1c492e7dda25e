/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_ELF_BUILDER_H
#define TESTS_UNIT_ELF_BUILDER_H

/* Builds small ELF files of either class in memory. */

#include <elf.h>
#include <stdbool.h>

#include "tests/unit/byte_buffer.h"

#define BUILDER_SECTIONS 24
#define BUILDER_SEGMENTS 8
#define BUILDER_HEADERS  0x400 /* file header and program headers stand in front of it */

struct elf_builder {
	bool is_64bit, without_section_headers;
	uint16_t type;
	struct byte_buffer image;
	Elf64_Shdr sections[BUILDER_SECTIONS];
	const char *names[BUILDER_SECTIONS];
	size_t section_count;
	Elf64_Phdr segments[BUILDER_SEGMENTS];
	size_t segment_count;
	size_t section_headers_at; /* set by builder_finish() */
};

static inline void builder_start(struct elf_builder *builder, bool is_64bit, uint16_t type)
{
	memset(builder, 0, sizeof(*builder));
	builder->is_64bit = is_64bit;
	builder->type = type;
	builder->section_count = 1;
	builder->names[0] = "";
	buffer_fill(&builder->image, 0, BUILDER_HEADERS);
}

/* Adds a section with size bytes (not SHT_NOBITS, or bytes NULL). Returns its index. */
static inline uint32_t builder_section(struct elf_builder *builder, const char *name, uint32_t type,
                                       uint64_t flags, uint64_t address, const void *bytes,
                                       size_t size)
{
	Elf64_Shdr *section = &builder->sections[builder->section_count];

	buffer_align(&builder->image, 8);
	if (flags & SHF_ALLOC && builder->type != ET_REL && type != SHT_NOBITS)
		while ((builder->image.size & 0xfff) != (address & 0xfff))
			buffer_fill(&builder->image, 0, 1);
	*section = (Elf64_Shdr){.sh_type = type,
	                        .sh_flags = flags,
	                        .sh_addr = address,
	                        .sh_offset = builder->image.size,
	                        .sh_size = size,
	                        .sh_addralign = 1};
	if (type != SHT_NOBITS)
		buffer_append(&builder->image, bytes, size);
	builder->names[builder->section_count] = name;
	return (uint32_t)builder->section_count++;
}

/* Adds a PT_LOAD (or other) segment that spans sections first to last. */
static inline void builder_segment(struct elf_builder *builder, uint32_t type, uint32_t flags,
                                   uint32_t first, uint32_t last)
{
	const Elf64_Shdr *start = &builder->sections[first], *end = &builder->sections[last];
	Elf64_Phdr *segment = &builder->segments[builder->segment_count++];

	*segment = (Elf64_Phdr){
	    .p_type = type,
	    .p_flags = flags,
	    .p_offset = start->sh_offset,
	    .p_vaddr = start->sh_addr,
	    .p_paddr = start->sh_addr & 0x3fffffff,
	    .p_memsz = end->sh_addr + end->sh_size - start->sh_addr,
	    .p_align = 0x1000,
	};
	for (uint32_t i = first; i <= last; i++) {
		const Elf64_Shdr *section = &builder->sections[i];

		if (section->sh_type != SHT_NOBITS)
			segment->p_filesz =
			    section->sh_offset + section->sh_size - start->sh_offset;
	}
}

/* A symbol table's bytes, to be added with builder_symbols(). */
static inline void builder_symbol(const struct elf_builder *builder, struct byte_buffer *symbols,
                                  struct byte_buffer *names, const char *name, uint8_t binding,
                                  uint8_t type, uint16_t section, uint64_t value, uint64_t size)
{
	uint32_t offset;

	if (names->size == 0)
		buffer_fill(names, 0, 1);
	offset = name[0] ? (uint32_t)names->size : 0;
	if (name[0])
		buffer_append(names, name, strlen(name) + 1);
	if (builder->is_64bit) {
		Elf64_Sym symbol = {offset, ELF64_ST_INFO(binding, type), 0, section, value, size};

		buffer_append(symbols, &symbol, sizeof(symbol));
	} else {
		Elf32_Sym symbol = {
		    offset, (uint32_t)value, (uint32_t)size, ELF32_ST_INFO(binding, type),
		    0,      section};

		buffer_append(symbols, &symbol, sizeof(symbol));
	}
}

/* Adds .symtab and .strtab and frees both buffers. Returns .symtab's index. */
static inline uint32_t builder_symbols(struct elf_builder *builder, struct byte_buffer *symbols,
                                       struct byte_buffer *names)
{
	uint32_t table =
	    builder_section(builder, ".symtab", SHT_SYMTAB, 0, 0, symbols->data, symbols->size);

	builder->sections[table].sh_entsize =
	    builder->is_64bit ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	builder->sections[table].sh_link =
	    builder_section(builder, ".strtab", SHT_STRTAB, 0, 0, names->data, names->size);
	buffer_free(symbols);
	buffer_free(names);
	return table;
}

static inline void builder_write_section_headers(struct elf_builder *builder)
{
	for (size_t i = 0; i < builder->section_count; i++) {
		const Elf64_Shdr *from = &builder->sections[i];
		Elf32_Shdr narrow = {from->sh_name,
		                     from->sh_type,
		                     (uint32_t)from->sh_flags,
		                     (uint32_t)from->sh_addr,
		                     (uint32_t)from->sh_offset,
		                     (uint32_t)from->sh_size,
		                     from->sh_link,
		                     from->sh_info,
		                     (uint32_t)from->sh_addralign,
		                     (uint32_t)from->sh_entsize};

		if (builder->is_64bit)
			buffer_append(&builder->image, from, sizeof(*from));
		else
			buffer_append(&builder->image, &narrow, sizeof(narrow));
	}
}

static inline void builder_write_program_headers(struct elf_builder *builder, size_t offset)
{
	for (size_t i = 0; i < builder->segment_count; i++) {
		const Elf64_Phdr *from = &builder->segments[i];
		Elf32_Phdr narrow = {from->p_type,
		                     (uint32_t)from->p_offset,
		                     (uint32_t)from->p_vaddr,
		                     (uint32_t)from->p_paddr,
		                     (uint32_t)from->p_filesz,
		                     (uint32_t)from->p_memsz,
		                     from->p_flags,
		                     (uint32_t)from->p_align};

		if (builder->is_64bit) {
			memcpy(builder->image.data + offset, from, sizeof(*from));
			offset += sizeof(*from);
		} else {
			memcpy(builder->image.data + offset, &narrow, sizeof(narrow));
			offset += sizeof(narrow);
		}
	}
}

static inline void builder_write_file_header(struct elf_builder *builder)
{
	size_t names = builder->without_section_headers ? 0 : builder->section_count - 1;
	size_t sections = builder->without_section_headers ? 0 : builder->section_count;
	uint8_t identification[EI_NIDENT] = {
	    ELFMAG0,     ELFMAG1,    ELFMAG2, ELFMAG3, builder->is_64bit ? ELFCLASS64 : ELFCLASS32,
	    ELFDATA2LSB, EV_CURRENT,
	};
	Elf64_Ehdr wide = {
	    .e_type = builder->type,
	    .e_machine = builder->is_64bit ? EM_X86_64 : EM_386,
	    .e_version = EV_CURRENT,
	    .e_entry = 0x1000000,
	    .e_phoff = builder->segment_count ? sizeof(wide) : 0,
	    .e_shoff = sections ? builder->section_headers_at : 0,
	    .e_ehsize = sizeof(wide),
	    .e_phentsize = sizeof(Elf64_Phdr),
	    .e_phnum = (uint16_t)builder->segment_count,
	    .e_shentsize = sections ? sizeof(Elf64_Shdr) : 0,
	    .e_shnum = (uint16_t)sections,
	    .e_shstrndx = (uint16_t)names,
	};
	Elf32_Ehdr narrow = {
	    .e_type = wide.e_type,
	    .e_machine = wide.e_machine,
	    .e_version = EV_CURRENT,
	    .e_entry = (uint32_t)wide.e_entry,
	    .e_phoff = builder->segment_count ? sizeof(narrow) : 0,
	    .e_shoff = (uint32_t)wide.e_shoff,
	    .e_ehsize = sizeof(narrow),
	    .e_phentsize = sizeof(Elf32_Phdr),
	    .e_phnum = wide.e_phnum,
	    .e_shentsize = sections ? sizeof(Elf32_Shdr) : 0,
	    .e_shnum = wide.e_shnum,
	    .e_shstrndx = wide.e_shstrndx,
	};

	memcpy(wide.e_ident, identification, EI_NIDENT);
	memcpy(narrow.e_ident, identification, EI_NIDENT);
	if (builder->is_64bit)
		memcpy(builder->image.data, &wide, sizeof(wide));
	else
		memcpy(builder->image.data, &narrow, sizeof(narrow));
	builder_write_program_headers(builder, builder->is_64bit ? sizeof(wide) : sizeof(narrow));
}

/* Writes names and headers. builder->image is the ELF file then, its section headers the last. */
static inline void builder_finish(struct elf_builder *builder)
{
	struct byte_buffer names = {0};

	if (!builder->without_section_headers) {
		builder->names[builder->section_count] = ".shstrtab";
		for (size_t i = 0; i <= builder->section_count; i++) {
			builder->sections[i].sh_name = (uint32_t)names.size;
			buffer_append(&names, builder->names[i], strlen(builder->names[i]) + 1);
		}
		builder_section(builder, ".shstrtab", SHT_STRTAB, 0, 0, names.data, names.size);
		builder->sections[builder->section_count - 1].sh_name =
		    (uint32_t)(names.size - sizeof(".shstrtab"));
		buffer_align(&builder->image, 8);
		builder->section_headers_at = builder->image.size;
		builder_write_section_headers(builder);
	}
	builder_write_file_header(builder);
	buffer_free(&names);
}

static inline void builder_free(struct elf_builder *builder)
{
	buffer_free(&builder->image);
}

#endif
