/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/patch/output_elf.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/buffer.h"

/*
 * The file is
 *
 *   the input's image, byte for byte but for what was rewritten and the header
 *   program headers (the input's, and one)
 *   notes
 *   the added segment, page-aligned
 *   symbols, their names, section names, section headers (the input's, and ours)
 *
 * so that every offset the input's headers hold stays true. What the image has of the moved tables
 * stays in it as plain bytes: parts of it may be loaded, and the kernel may read them.
 */
#define SEGMENT_ALIGNMENT 4096

/* What is being put together. tail is what follows the image. */
struct writer {
	const struct output_elf *output;
	Elf32_Ehdr header;
	struct buffer programs, notes, symbols, strings, names, sections;
	uint32_t first_new_section; /* index of the first section of ours */
};

/* --- the input's tables ------------------------------------------------------------- */

/* The i-th header of the input; kernel_read() has checked that the tables are in the image. */
static void read_header(const struct writer *writer, uint32_t table, size_t size, uint32_t i,
                        void *header)
{
	memcpy(header, writer->output->kernel->image + table + i * size, size);
}

static Elf32_Shdr input_section(const struct writer *writer, uint32_t i)
{
	Elf32_Shdr section;

	read_header(writer, writer->header.e_shoff, sizeof(section), i, &section);
	return section;
}

/* --- notes -------------------------------------------------------------------------- */

static void append_note(struct buffer *notes, const char *name, uint32_t type,
                        const void *descriptor, uint32_t size)
{
	Elf32_Nhdr header = {(uint32_t)strlen(name) + 1, size, type};

	buffer_append(notes, &header, sizeof(header));
	buffer_append(notes, name, header.n_namesz);
	buffer_align(notes, 4);
	buffer_append(notes, descriptor, size);
	buffer_align(notes, 4);
}

/* Copies the notes in [bytes, bytes + size) but those named Xen. */
static void copy_notes(struct buffer *notes, const uint8_t *bytes, size_t size)
{
	Elf32_Nhdr header;

	while (size >= sizeof(header)) {
		size_t name, whole;

		memcpy(&header, bytes, sizeof(header));
		if (header.n_namesz > size || header.n_descsz > size)
			return;
		name = (header.n_namesz + 3U) & ~(size_t)3;
		whole = sizeof(header) + name + ((header.n_descsz + 3U) & ~(size_t)3);
		if (whole > size)
			return;
		if (header.n_namesz != 4 || memcmp(bytes + sizeof(header), "Xen", 4))
			buffer_append(notes, bytes, whole);
		bytes += whole;
		size -= whole;
	}
}

static void make_notes(struct writer *writer)
{
	const struct output_elf *output = writer->output;

	for (uint32_t i = 0; i < writer->header.e_phnum; i++) {
		Elf32_Phdr program;

		read_header(writer, writer->header.e_phoff, sizeof(program), i, &program);
		if (program.p_type == PT_NOTE && program.p_offset <= output->kernel->image_size &&
		    program.p_filesz <= output->kernel->image_size - program.p_offset)
			copy_notes(&writer->notes, output->kernel->image + program.p_offset,
			           program.p_filesz);
	}
	for (size_t i = 0; i < output->note_count; i++)
		append_note(&writer->notes, output->notes[i].name, output->notes[i].type,
		            output->notes[i].descriptor, output->notes[i].size);
}

/* --- symbols ------------------------------------------------------------------------ */

/* The index of the input's .symtab, or 0. */
static uint32_t input_symbol_table(const struct writer *writer)
{
	for (uint32_t i = 1; i < writer->header.e_shnum; i++)
		if (input_section(writer, i).sh_type == SHT_SYMTAB)
			return i;
	return 0;
}

/* The new section that holds address, as an index of the output's section headers. */
static uint16_t section_of(const struct writer *writer, uint32_t address)
{
	const struct output_elf *output = writer->output;

	for (size_t i = 0; i < output->section_count; i++) {
		uint32_t start = output->segment_virtual + output->sections[i].offset;

		if (address - start < output->sections[i].size)
			return (uint16_t)(writer->first_new_section + i);
	}
	return SHN_ABS;
}

/* The input's symbols keep their numbers (relocations name them); ours follow, all global. */
static void make_symbols(struct writer *writer, uint32_t table)
{
	const struct output_elf *output = writer->output;

	if (table) {
		Elf32_Shdr symbols = input_section(writer, table);
		Elf32_Shdr strings = input_section(writer, symbols.sh_link);

		buffer_append(&writer->symbols, output->kernel->image + symbols.sh_offset,
		              symbols.sh_size);
		buffer_append(&writer->strings, output->kernel->image + strings.sh_offset,
		              strings.sh_size);
	} else {
		buffer_append(&writer->symbols, &(Elf32_Sym){0}, sizeof(Elf32_Sym));
		buffer_append(&writer->strings, "", 1);
	}
	for (size_t i = 0; i < output->symbol_count; i++) {
		const struct output_symbol *from = &output->symbols[i];
		Elf32_Sym symbol = {
		    .st_name = buffer_append_string(&writer->strings, from->name),
		    .st_value = from->address,
		    .st_size = from->size,
		    .st_info = ELF32_ST_INFO(STB_GLOBAL, from->function ? STT_FUNC : STT_OBJECT),
		    .st_shndx = section_of(writer, from->address),
		};

		buffer_append(&writer->symbols, &symbol, sizeof(symbol));
	}
}

/* --- section and program headers ---------------------------------------------------- */

static void append_section(struct writer *writer, const char *name, Elf32_Shdr section)
{
	section.sh_name = buffer_append_string(&writer->names, name);
	buffer_append(&writer->sections, &section, sizeof(section));
}

/* Where the parts behind the image go, all offsets in the file. */
struct layout {
	uint32_t programs, notes, segment, symbols, strings, names, sections;
};

/* The input's section headers; its notes, symbols and names have moved. */
static void copy_sections(struct writer *writer, uint32_t symbol_table, const struct layout *layout)
{
	uint32_t string_table = symbol_table ? input_section(writer, symbol_table).sh_link : 0;
	bool notes_moved = false;

	for (uint32_t i = 0; i < writer->header.e_shnum; i++) {
		Elf32_Shdr section = input_section(writer, i);

		if (section.sh_type == SHT_NOTE) {
			section.sh_offset = layout->notes;
			section.sh_size = notes_moved ? 0 : (uint32_t)writer->notes.size;
			section.sh_flags = 0;
			section.sh_addr = 0;
			notes_moved = true;
		} else if (symbol_table && i == symbol_table) {
			section.sh_offset = layout->symbols;
			section.sh_size = (uint32_t)writer->symbols.size;
		} else if (symbol_table && i == string_table) {
			section.sh_offset = layout->strings;
			section.sh_size = (uint32_t)writer->strings.size;
		}
		buffer_append(&writer->sections, &section, sizeof(section));
	}
	if (!writer->header.e_shnum)
		buffer_append(&writer->sections, &(Elf32_Shdr){0}, sizeof(Elf32_Shdr));
}

static void add_sections(struct writer *writer, uint32_t symbol_table, const struct layout *layout)
{
	const struct output_elf *output = writer->output;

	for (size_t i = 0; i < output->section_count; i++) {
		const struct output_section *from = &output->sections[i];

		append_section(writer, from->name,
		               (Elf32_Shdr){
				   .sh_type = SHT_PROGBITS,
				   .sh_flags = SHF_ALLOC | (from->executable ? SHF_EXECINSTR : 0) |
		                               (from->writable ? SHF_WRITE : 0),
				   .sh_addr = output->segment_virtual + from->offset,
				   .sh_offset = layout->segment + from->offset,
				   .sh_size = from->size,
				   .sh_addralign = 16,
			       });
	}
	if (symbol_table)
		return;
	append_section(
	    writer, ".symtab",
	    (Elf32_Shdr){
		.sh_type = SHT_SYMTAB,
		.sh_offset = layout->symbols,
		.sh_size = (uint32_t)writer->symbols.size,
		.sh_link = writer->first_new_section + (uint32_t)output->section_count + 1,
		.sh_info = 1,
		.sh_addralign = 4,
		.sh_entsize = sizeof(Elf32_Sym),
	    });
	append_section(writer, ".strtab",
	               (Elf32_Shdr){
			   .sh_type = SHT_STRTAB,
			   .sh_offset = layout->strings,
			   .sh_size = (uint32_t)writer->strings.size,
			   .sh_addralign = 1,
		       });
}

/* The input's program headers with its notes moved, and one for the added segment. */
static void make_programs(struct writer *writer, const struct layout *layout)
{
	const struct output_elf *output = writer->output;
	Elf32_Phdr added = {
	    .p_type = PT_LOAD,
	    .p_offset = layout->segment,
	    .p_vaddr = output->segment_virtual,
	    .p_paddr = output->segment_physical,
	    .p_filesz = output->segment_size,
	    .p_memsz = output->segment_memory,
	    .p_flags = PF_R | PF_W | PF_X,
	    .p_align = SEGMENT_ALIGNMENT,
	};
	Elf32_Phdr notes = {
	    .p_type = PT_NOTE,
	    .p_offset = layout->notes,
	    .p_filesz = (uint32_t)writer->notes.size,
	    .p_flags = PF_R,
	    .p_align = 4,
	};

	writer->programs.size = 0;
	for (uint32_t i = 0; i < writer->header.e_phnum; i++) {
		Elf32_Phdr program;

		read_header(writer, writer->header.e_phoff, sizeof(program), i, &program);
		if (program.p_type != PT_NOTE)
			buffer_append(&writer->programs, &program, sizeof(program));
	}
	buffer_append(&writer->programs, &added, sizeof(added));
	buffer_append(&writer->programs, &notes, sizeof(notes));
}

/* --- the file ----------------------------------------------------------------------- */

static uint32_t place(uint32_t *end, size_t size, uint32_t alignment)
{
	uint32_t start = (*end + alignment - 1) & ~(alignment - 1);

	*end = start + (uint32_t)size;
	return start;
}

static void write_at(FILE *stream, uint32_t *written, uint32_t offset, const void *bytes,
                     size_t size)
{
	for (; *written < offset; ++*written)
		fputc(0, stream);
	fwrite(bytes, 1, size, stream);
	*written += (uint32_t)size;
}

/* Every part once for its size, the headers again once the offsets are known. */
static bool make_parts(struct writer *writer, struct layout *layout, struct problem *problem)
{
	const struct output_elf *output = writer->output;
	uint32_t table = input_symbol_table(writer);
	uint32_t end = (uint32_t)output->kernel->image_size;

	writer->first_new_section = writer->header.e_shnum ? writer->header.e_shnum : 1;
	if (writer->header.e_shnum) {
		Elf32_Shdr names = input_section(writer, writer->header.e_shstrndx);

		buffer_append(&writer->names, output->kernel->image + names.sh_offset,
		              names.sh_size);
	} else {
		buffer_append(&writer->names, "", 1);
	}
	make_notes(writer);
	make_symbols(writer, table);
	make_programs(writer, layout);
	layout->programs = place(&end, writer->programs.size, 4);
	layout->notes = place(&end, writer->notes.size, 4);
	layout->segment = place(&end, output->segment_size, SEGMENT_ALIGNMENT);
	layout->symbols = place(&end, writer->symbols.size, 4);
	layout->strings = place(&end, writer->strings.size, 1);
	make_programs(writer, layout);
	copy_sections(writer, table, layout);
	add_sections(writer, table, layout);
	append_section(writer, ".shstrtab", (Elf32_Shdr){.sh_type = SHT_STRTAB, .sh_addralign = 1});
	layout->names = place(&end, writer->names.size, 1);
	layout->sections = place(&end, writer->sections.size, 4);
	if (writer->programs.failed || writer->notes.failed || writer->symbols.failed ||
	    writer->strings.failed || writer->names.failed || writer->sections.failed)
		return problem_report(problem, OUT_OF_MEMORY);
	return true;
}

/* Our .shstrtab is the last section; its place is known only now. */
static void finish_names(struct writer *writer, const struct layout *layout)
{
	Elf32_Shdr names;
	uint8_t *last = writer->sections.bytes + writer->sections.size - sizeof(names);

	memcpy(&names, last, sizeof(names));
	names.sh_offset = layout->names;
	names.sh_size = (uint32_t)writer->names.size;
	memcpy(last, &names, sizeof(names));
}

static void write_file(FILE *stream, struct writer *writer, const struct layout *layout)
{
	const struct output_elf *output = writer->output;
	uint32_t written = 0;

	writer->header.e_entry = output->entry;
	writer->header.e_phoff = layout->programs;
	writer->header.e_phnum = (uint16_t)(writer->programs.size / sizeof(Elf32_Phdr));
	writer->header.e_phentsize = sizeof(Elf32_Phdr);
	writer->header.e_shoff = layout->sections;
	writer->header.e_shnum = (uint16_t)(writer->sections.size / sizeof(Elf32_Shdr));
	writer->header.e_shentsize = sizeof(Elf32_Shdr);
	writer->header.e_shstrndx = (uint16_t)(writer->header.e_shnum - 1);
	write_at(stream, &written, 0, &writer->header, sizeof(writer->header));
	write_at(stream, &written, sizeof(writer->header), output->image + sizeof(writer->header),
	         output->kernel->image_size - sizeof(writer->header));
	write_at(stream, &written, layout->programs, writer->programs.bytes, writer->programs.size);
	write_at(stream, &written, layout->notes, writer->notes.bytes, writer->notes.size);
	write_at(stream, &written, layout->segment, output->segment, output->segment_size);
	write_at(stream, &written, layout->symbols, writer->symbols.bytes, writer->symbols.size);
	write_at(stream, &written, layout->strings, writer->strings.bytes, writer->strings.size);
	write_at(stream, &written, layout->names, writer->names.bytes, writer->names.size);
	write_at(stream, &written, layout->sections, writer->sections.bytes, writer->sections.size);
}

bool output_elf_write(FILE *stream, const struct output_elf *output, struct problem *problem)
{
	struct writer writer = {.output = output};
	struct layout layout = {0};
	bool done;

	memcpy(&writer.header, output->kernel->image, sizeof(writer.header));
	done = make_parts(&writer, &layout, problem);
	if (done) {
		finish_names(&writer, &layout);
		write_file(stream, &writer, &layout);
	}
	free(writer.programs.bytes);
	free(writer.notes.bytes);
	free(writer.symbols.bytes);
	free(writer.strings.bytes);
	free(writer.names.bytes);
	free(writer.sections.bytes);
	return done;
}
