/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ELF headers are read here without libelf: each field of hostile input has to be checked before
 * libelf may see it, and after the checks there is nothing left for it to do.
 */
#include "patcher/kernel/elf_file.h"

#include <elf.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"

_Static_assert(__BYTE_ORDER == __LITTLE_ENDIAN, "ELF structures are copied as they are");

/* The fields of the file header that are used, wide enough for both classes. */
struct file_header {
	uint32_t version;
	uint64_t program_offset, section_offset;
	uint16_t header_size, program_entry_size, program_count, section_entry_size, section_count,
	    section_names;
};

#define READ_FILE_HEADER(class, bytes, file, header)                                               \
	do {                                                                                       \
		Elf##class##_Ehdr from;                                                            \
		memcpy(&from, (bytes), sizeof(from));                                              \
		(file)->type = from.e_type;                                                        \
		(file)->machine = from.e_machine;                                                  \
		(file)->entry = from.e_entry;                                                      \
		*(header) = (struct file_header){                                                  \
		    .version = from.e_version,                                                     \
		    .program_offset = from.e_phoff,                                                \
		    .section_offset = from.e_shoff,                                                \
		    .header_size = from.e_ehsize,                                                  \
		    .program_entry_size = from.e_phentsize,                                        \
		    .program_count = from.e_phnum,                                                 \
		    .section_entry_size = from.e_shentsize,                                        \
		    .section_count = from.e_shnum,                                                 \
		    .section_names = from.e_shstrndx,                                              \
		};                                                                                 \
	} while (0)

#define READ_PROGRAM_HEADER(class, bytes, header)                                                  \
	do {                                                                                       \
		Elf##class##_Phdr from;                                                            \
		memcpy(&from, (bytes), sizeof(from));                                              \
		*(header) = (struct elf_program_header){                                           \
		    .type = from.p_type,                                                           \
		    .flags = from.p_flags,                                                         \
		    .offset = from.p_offset,                                                       \
		    .virtual_address = from.p_vaddr,                                               \
		    .physical_address = from.p_paddr,                                              \
		    .file_size = from.p_filesz,                                                    \
		    .memory_size = from.p_memsz,                                                   \
		};                                                                                 \
	} while (0)

#define READ_SECTION_HEADER(class, bytes, header, name_offset)                                     \
	do {                                                                                       \
		Elf##class##_Shdr from;                                                            \
		memcpy(&from, (bytes), sizeof(from));                                              \
		*(name_offset) = from.sh_name;                                                     \
		*(header) = (struct elf_section_header){                                           \
		    .name = "",                                                                    \
		    .type = from.sh_type,                                                          \
		    .flags = from.sh_flags,                                                        \
		    .address = from.sh_addr,                                                       \
		    .offset = from.sh_offset,                                                      \
		    .size = from.sh_size,                                                          \
		    .link = from.sh_link,                                                          \
		    .info = from.sh_info,                                                          \
		    .entry_size = from.sh_entsize,                                                 \
		};                                                                                 \
	} while (0)

bool elf_file_detect(const uint8_t *bytes, size_t size)
{
	return size >= SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) == 0;
}

static bool check_identification(const uint8_t *bytes, size_t size, struct elf_file *file,
                                 struct problem *problem)
{
	size_t header_size;

	if (size < EI_NIDENT)
		return problem_report(problem, ELF_TRUNCATED, size, (size_t)EI_NIDENT);
	if (bytes[EI_CLASS] != ELFCLASS32 && bytes[EI_CLASS] != ELFCLASS64)
		return problem_report(problem, ELF_CLASS, bytes[EI_CLASS]);
	if (bytes[EI_DATA] != ELFDATA2LSB)
		return problem_report(problem, ELF_BYTE_ORDER, bytes[EI_DATA]);
	file->is_64bit = bytes[EI_CLASS] == ELFCLASS64;
	header_size = file->is_64bit ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	if (size < header_size)
		return problem_report(problem, ELF_TRUNCATED, size, header_size);
	return true;
}

static bool check_kind(const struct elf_file *file, struct problem *problem)
{
	uint16_t machine = file->is_64bit ? EM_X86_64 : EM_386;

	if (file->machine != machine)
		return problem_report(problem, ELF_MACHINE, file->machine, file->is_64bit ? 64 : 32,
		                      machine);
	if (file->type == ET_CORE)
		return problem_report(problem, ELF_CORE);
	if (file->type != ET_EXEC && file->type != ET_DYN && file->type != ET_REL)
		return problem_report(problem, ELF_TYPE, file->type);
	return true;
}

/* Where the two tables of headers lie and what their entries are. */
static bool check_tables(const struct file_header *header, const struct elf_file *file, size_t size,
                         struct problem *problem)
{
	size_t program_size = file->is_64bit ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	size_t section_size = file->is_64bit ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);

	if (header->version != EV_CURRENT)
		return problem_report(problem, ELF_VERSION, header->version);
	/* The escapes for larger counts (PN_XNUM, e_shnum 0) are not taken: no kernel needs them.
	 */
	if (header->program_count == PN_XNUM || header->section_count >= SHN_LORESERVE)
		return problem_report(problem, ELF_COUNTS, header->program_count,
		                      header->section_count);
	if (header->program_count && header->program_entry_size != program_size)
		return problem_report(problem, ELF_ENTRY_SIZE, "program",
		                      header->program_entry_size, program_size);
	if (header->section_count && header->section_entry_size != section_size)
		return problem_report(problem, ELF_ENTRY_SIZE, "section",
		                      header->section_entry_size, section_size);
	if (header->program_count &&
	    !bytes_in_range(header->program_offset, header->program_count * program_size, size))
		return problem_report(problem, ELF_TABLE_RANGE, "program", header->program_count,
		                      WIDE(header->program_offset), size);
	if (header->section_count &&
	    !bytes_in_range(header->section_offset, header->section_count * section_size, size))
		return problem_report(problem, ELF_TABLE_RANGE, "section", header->section_count,
		                      WIDE(header->section_offset), size);
	return true;
}

/* How often headers may describe the same bytes, all in all. Linkers let a few segments share
 * bytes; more would let a small file make much work. */
#define SEGMENT_SHARING 4
#define SECTION_SHARING 2

/* A name of a section, in C++ or Rust too, is shorter. */
#define LONGEST_SECTION_NAME 4096

/* Adds a range that a header describes to *total. false: they describe too much. */
static bool count_range(uint64_t range, uint64_t *total, size_t size, unsigned int sharing,
                        const char *what, struct problem *problem)
{
	*total += range; /* at most 65,535 times the file's size */
	if (*total / sharing <= size)
		return true;
	return problem_report(problem, ELF_SHARED_BYTES, what, WIDE(*total), size);
}

static void extend_end(struct elf_file *file, uint64_t offset, uint64_t size)
{
	if (size && offset + size > file->end)
		file->end = offset + size;
}

static bool read_program_headers(const uint8_t *bytes, size_t size,
                                 const struct file_header *header, struct elf_file *file,
                                 struct problem *problem)
{
	const uint8_t *entry;
	uint64_t total = 0;

	if (header->program_count == 0)
		return true;
	entry = bytes + header->program_offset; /* in the file: check_tables() */
	file->program_headers = calloc(header->program_count, sizeof(*file->program_headers));
	if (!file->program_headers)
		return problem_report(problem, OUT_OF_MEMORY);
	file->program_header_count = header->program_count;
	extend_end(file, header->program_offset,
	           (uint64_t)header->program_count * header->program_entry_size);
	for (size_t i = 0; i < file->program_header_count; i++) {
		struct elf_program_header *program = &file->program_headers[i];

		if (file->is_64bit)
			READ_PROGRAM_HEADER(64, entry, program);
		else
			READ_PROGRAM_HEADER(32, entry, program);
		entry += header->program_entry_size;
		if (program->file_size == 0)
			continue;
		if (!bytes_in_range(program->offset, program->file_size, size))
			return problem_report(problem, ELF_SEGMENT_RANGE, i, WIDE(program->offset),
			                      WIDE(program->file_size), size);
		if (!count_range(program->file_size, &total, size, SEGMENT_SHARING, "segments",
		                 problem))
			return false;
		extend_end(file, program->offset, program->file_size);
	}
	return true;
}

/* The section that holds the sections' names: *names is NULL if there is none. */
static bool find_section_names(const uint8_t *bytes, const struct file_header *header,
                               const struct elf_file *file, const struct elf_section_header **names,
                               struct problem *problem)
{
	const struct elf_section_header *section;

	*names = NULL;
	if (header->section_names == SHN_UNDEF)
		return true;
	if (header->section_names >= file->section_header_count)
		return problem_report(problem, ELF_SECTION_NAMES, header->section_names);
	section = &file->section_headers[header->section_names];
	if (section->type != SHT_STRTAB || section->size == 0 ||
	    bytes[section->offset + section->size - 1] != '\0')
		return problem_report(problem, ELF_SECTION_NAMES, header->section_names);
	*names = section;
	return true;
}

static bool read_section_header(const uint8_t *entry, size_t size, size_t index,
                                uint32_t *name_offset, uint64_t *total, struct elf_file *file,
                                struct problem *problem)
{
	struct elf_section_header *section = &file->section_headers[index];

	if (file->is_64bit)
		READ_SECTION_HEADER(64, entry, section, name_offset);
	else
		READ_SECTION_HEADER(32, entry, section, name_offset);
	if (section->type == SHT_NULL || section->type == SHT_NOBITS || section->size == 0)
		return true;
	if (!bytes_in_range(section->offset, section->size, size))
		return problem_report(problem, ELF_SECTION_RANGE, index, WIDE(section->offset),
		                      WIDE(section->size), size);
	extend_end(file, section->offset, section->size);
	return count_range(section->size, total, size, SECTION_SHARING, "sections", problem);
}

static bool name_sections(const uint8_t *bytes, const struct file_header *header,
                          const uint32_t *name_offsets, struct elf_file *file,
                          struct problem *problem)
{
	const struct elf_section_header *names;

	if (!find_section_names(bytes, header, file, &names, problem))
		return false;
	for (size_t i = 0; names && i < file->section_header_count; i++) {
		const char *name = (const char *)bytes + names->offset + name_offsets[i];

		if (name_offsets[i] >= names->size)
			return problem_report(problem, ELF_SECTION_NAME, i, name_offsets[i],
			                      WIDE(names->size));
		if (strnlen(name, LONGEST_SECTION_NAME) == LONGEST_SECTION_NAME)
			return problem_report(problem, ELF_SECTION_NAME_LONG, i,
			                      LONGEST_SECTION_NAME);
		file->section_headers[i].name = name;
	}
	return true;
}

static bool read_section_headers(const uint8_t *bytes, size_t size,
                                 const struct file_header *header, struct elf_file *file,
                                 struct problem *problem)
{
	uint32_t *name_offsets;
	uint64_t total = 0;
	bool done = true;

	if (header->section_count == 0)
		return true;
	file->section_headers = calloc(header->section_count, sizeof(*file->section_headers));
	name_offsets = calloc(header->section_count, sizeof(*name_offsets));
	if (!file->section_headers || !name_offsets) {
		free(name_offsets);
		return problem_report(problem, OUT_OF_MEMORY);
	}
	file->section_header_count = header->section_count;
	extend_end(file, header->section_offset,
	           (uint64_t)header->section_count * header->section_entry_size);
	for (size_t i = 0; done && i < file->section_header_count; i++)
		done = read_section_header(bytes + header->section_offset +
		                               i * header->section_entry_size,
		                           size, i, &name_offsets[i], &total, file, problem);
	done = done && name_sections(bytes, header, name_offsets, file, problem);
	free(name_offsets);
	return done;
}

bool elf_file_open(const uint8_t *bytes, size_t size, struct elf_file *file,
                   struct problem *problem)
{
	struct file_header header;

	memset(file, 0, sizeof(*file));
	if (!check_identification(bytes, size, file, problem))
		return false;
	if (file->is_64bit)
		READ_FILE_HEADER(64, bytes, file, &header);
	else
		READ_FILE_HEADER(32, bytes, file, &header);
	extend_end(file, 0, file->is_64bit ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr));
	if (check_kind(file, problem) && check_tables(&header, file, size, problem) &&
	    read_program_headers(bytes, size, &header, file, problem) &&
	    read_section_headers(bytes, size, &header, file, problem))
		return true;
	elf_file_close(file);
	return false;
}

void elf_file_close(struct elf_file *file)
{
	free(file->program_headers);
	free(file->section_headers);
	memset(file, 0, sizeof(*file));
}
