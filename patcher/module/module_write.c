/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The rewritten module as a file. The input's sections keep their numbers; behind them come
 *
 *   .postburn.text            springboards of what stays
 *   .init.text.postburn       springboards of .init*: the loader frees what begins with .init
 *   .postburn.sites           struct rom_site[]; not loaded, for `postburn verify` and for people
 *   .postburn.origins         struct rom_origin[], likewise
 *   .note.postburn            where the file comes from
 *   .rel.*                    tables for sections that had none
 *
 * Symbols of ours are local ones: the new sections', the ROM's slots (absolute), and the
 * springboards'. They stand behind the input's local ones, so others get new numbers.
 */

#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/command/commands.h"
#include "patcher/module/module_patch.h"
#include "patchtables/vmi_calls.h"

#define NOTE_ORIGIN 1 /* as in a kernel: name "postburn", text of where the file comes from */

/* One section of the output. */
struct part {
	Elf32_Shdr header;
	const uint8_t *bytes; /* header.sh_size of them; NULL: those of own */
	struct buffer own;
};

enum added { ADDED_SITES = MODULE_TEXT_COUNT, ADDED_ORIGINS, ADDED_NOTE, ADDED_COUNT };

struct writer {
	const struct module_patch *patch;
	const struct module_file *file;
	struct part *parts;
	uint32_t part_count;
	uint32_t added[ADDED_COUNT]; /* numbers of the sections added; 0: not there */
	struct buffer *names, *strings;
	struct buffer locals; /* Elf32_Sym[], ours */
	/* By section of the output, or 0: the symbol that stands for it; the section that holds its
	 * relocations. */
	uint32_t *section_symbols, *tables;
	uint32_t slot_symbols[ROM_SLOT_COUNT];
};

/* --- sections ----------------------------------------------------------------------- */

static uint32_t add_part(struct writer *writer, const char *name, Elf32_Shdr header)
{
	struct part *part = &writer->parts[writer->part_count];

	header.sh_name = buffer_append_string(writer->names, name);
	part->header = header;
	return writer->part_count++;
}

static void add_texts(struct writer *writer)
{
	static const char *const names[MODULE_TEXT_COUNT] = {
	    [MODULE_TEXT_CORE] = ".postburn.text",
	    [MODULE_TEXT_INIT] = ".init.text.postburn",
	};

	for (int i = 0; i < MODULE_TEXT_COUNT; i++) {
		const struct buffer *text = &writer->patch->texts[i];

		if (!text->size)
			continue;
		writer->added[i] = add_part(writer, names[i],
		                            (Elf32_Shdr){.sh_type = SHT_PROGBITS,
		                                         .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
		                                         .sh_size = (uint32_t)text->size,
		                                         .sh_addralign = 16});
		writer->parts[writer->added[i]].bytes = text->bytes;
	}
}

static void add_records(struct writer *writer, enum added added, const char *name,
                        const struct buffer *records, uint32_t size)
{
	if (!records->size)
		return;
	writer->added[added] = add_part(writer, name,
	                                (Elf32_Shdr){.sh_type = SHT_PROGBITS,
	                                             .sh_size = (uint32_t)records->size,
	                                             .sh_addralign = 4,
	                                             .sh_entsize = size});
	writer->parts[writer->added[added]].bytes = records->bytes;
}

static void add_note(struct writer *writer, const char *sha256)
{
	static const char name[] = "postburn";
	const struct module_base *base = writer->patch->base;
	char text[512];
	int length = snprintf(text, sizeof(text),
	                      "postburn %s\nrom %s\nrom-address 0x%08x\nbase-build-id %s\n"
	                      "base-release %s\ninput-sha256 %s\n",
	                      POSTBURN_VERSION, base->rom.name, (unsigned int)base->rom_virtual,
	                      base->build_id, base->release, sha256);
	Elf32_Nhdr header = {sizeof(name), (uint32_t)length, NOTE_ORIGIN};
	struct part *part;

	writer->added[ADDED_NOTE] = add_part(writer, MODULE_NOTE_SECTION,
	                                     (Elf32_Shdr){.sh_type = SHT_NOTE, .sh_addralign = 4});
	part = &writer->parts[writer->added[ADDED_NOTE]];
	buffer_append(&part->own, &header, sizeof(header));
	buffer_append(&part->own, name, sizeof(name));
	buffer_align(&part->own, 4);
	buffer_append(&part->own, text, (size_t)length);
	buffer_align(&part->own, 4);
}

/* The number in the output of a section of struct module_fixup. */
static uint32_t output_section(const struct writer *writer, uint32_t section)
{
	return section < MODULE_ADDED_TEXT ? section : writer->added[section - MODULE_ADDED_TEXT];
}

/* Tables of relocations for sections that had none. */
static void add_tables(struct writer *writer)
{
	const struct module_patch *patch = writer->patch;

	for (size_t i = 0; i < patch->fixup_count; i++) {
		uint32_t section = output_section(writer, patch->fixups[i].section);
		char name[64];

		if (writer->tables[section])
			continue;
		snprintf(name, sizeof(name), ".rel%s",
		         (const char *)writer->names->bytes +
		             writer->parts[section].header.sh_name);
		writer->tables[section] =
		    add_part(writer, name,
		             (Elf32_Shdr){.sh_type = SHT_REL,
		                          .sh_flags = SHF_INFO_LINK,
		                          .sh_link = writer->file->symbol_section,
		                          .sh_info = section,
		                          .sh_addralign = 4,
		                          .sh_entsize = sizeof(Elf32_Rel)});
	}
}

/* --- symbols ------------------------------------------------------------------------ */

static uint32_t add_symbol(struct writer *writer, const char *name, Elf32_Sym symbol)
{
	uint32_t number =
	    writer->file->local_count + (uint32_t)(writer->locals.size / sizeof(symbol));

	symbol.st_name = *name ? buffer_append_string(writer->strings, name) : 0;
	buffer_append(&writer->locals, &symbol, sizeof(symbol));
	return number;
}

/* The number in the output of a symbol of the input. */
static uint32_t output_symbol(const struct writer *writer, uint32_t symbol)
{
	return symbol < writer->file->local_count
	           ? symbol
	           : symbol + (uint32_t)(writer->locals.size / sizeof(Elf32_Sym));
}

static void add_section_symbol(struct writer *writer, uint32_t section)
{
	if (writer->section_symbols[section])
		return;
	writer->section_symbols[section] =
	    add_symbol(writer, "",
	               (Elf32_Sym){.st_info = ELF32_ST_INFO(STB_LOCAL, STT_SECTION),
	                           .st_shndx = (uint16_t)section});
}

static void add_slot_symbol(struct writer *writer, uint32_t call)
{
	const char *slot = "unknown";
	char name[64];

	if (writer->slot_symbols[call])
		return;
	for (size_t i = 0; i < vmi_call_count; i++)
		if (vmi_calls[i].number == call)
			slot = vmi_calls[i].name;
	snprintf(name, sizeof(name), "VMI_%s", slot);
	writer->slot_symbols[call] = add_symbol(
	    writer, name,
	    (Elf32_Sym){.st_value = writer->patch->base->rom_virtual + call * ROM_SLOT_SIZE,
	                .st_size = ROM_SLOT_SIZE,
	                .st_info = ELF32_ST_INFO(STB_LOCAL, STT_FUNC),
	                .st_shndx = SHN_ABS});
}

static void add_springboard_symbol(struct writer *writer, size_t index)
{
	const struct module_patch *patch = writer->patch;
	const struct plan_window *window = &patch->plan.windows[index];
	const struct kernel_section *section = window->swept->section;
	const struct kernel_symbol *symbol =
	    kernel_symbol_at(&patch->placed.kernel,
	                     (uint32_t)(section - patch->placed.kernel.sections), window->start);
	enum module_text text = module_text_for(patch->file, placed_section(section));
	char name[256];

	snprintf(name, sizeof(name), "springboard_%.200s_%x", symbol ? symbol->name : section->name,
	         (unsigned int)(window->start - (symbol ? symbol->address : section->address)));
	add_symbol(writer, name,
	           (Elf32_Sym){.st_value = patch->springboards[index].offset,
	                       .st_size = window->springboard_size,
	                       .st_info = ELF32_ST_INFO(STB_LOCAL, STT_FUNC),
	                       .st_shndx = (uint16_t)writer->added[text]});
}

/* Of what the relocations that are added refer to, and of springboards. */
static void add_symbols(struct writer *writer)
{
	const struct module_patch *patch = writer->patch;

	for (uint32_t i = 1; i < writer->file->local_count; i++) {
		const Elf32_Sym *symbol = &writer->file->symbols[i];

		if (ELF32_ST_TYPE(symbol->st_info) == STT_SECTION && !symbol->st_value &&
		    symbol->st_shndx < writer->file->header.e_shnum)
			writer->section_symbols[symbol->st_shndx] = i;
	}
	for (size_t i = 0; i < patch->fixup_count; i++) {
		const struct module_fixup *fixup = &patch->fixups[i];

		if (fixup->target_kind == MODULE_TARGET_SECTION)
			add_section_symbol(writer, fixup->target);
		else if (fixup->target_kind == MODULE_TARGET_TEXT)
			add_section_symbol(writer, writer->added[fixup->target]);
		else if (fixup->target_kind == MODULE_TARGET_SLOT)
			add_slot_symbol(writer, fixup->target);
	}
	for (size_t i = 0; i < patch->plan.window_count; i++)
		if (!patch->plan.windows[i].dropped)
			add_springboard_symbol(writer, i);
}

static void make_symbol_table(struct writer *writer)
{
	const struct module_file *file = writer->file;
	struct part *part = &writer->parts[file->symbol_section];

	part->bytes = NULL;
	buffer_append(&part->own, file->symbols, file->local_count * sizeof(Elf32_Sym));
	buffer_append(&part->own, writer->locals.bytes, writer->locals.size);
	buffer_append(&part->own, file->symbols + file->local_count,
	              (file->symbol_count - file->local_count) * sizeof(Elf32_Sym));
	part->header.sh_info = output_symbol(writer, file->local_count);
}

/* --- relocations -------------------------------------------------------------------- */

static void append_relocation(struct buffer *table, uint32_t offset, uint32_t symbol, uint32_t type)
{
	const Elf32_Rel relocation = {offset, ELF32_R_INFO(symbol, type)};

	buffer_append(table, &relocation, sizeof(relocation));
}

static uint32_t fixup_symbol(const struct writer *writer, const struct module_fixup *fixup)
{
	switch ((enum module_target)fixup->target_kind) {
	case MODULE_TARGET_SECTION: return writer->section_symbols[fixup->target];
	case MODULE_TARGET_TEXT: return writer->section_symbols[writer->added[fixup->target]];
	case MODULE_TARGET_SLOT: return writer->slot_symbols[fixup->target];
	case MODULE_TARGET_SYMBOL: break;
	}
	return output_symbol(writer, fixup->target);
}

/* The tables that the loader applies are made anew: what is left of the input's, and ours. */
static void make_tables(struct writer *writer)
{
	const struct module_patch *patch = writer->patch;
	const struct module_file *file = writer->file;

	for (size_t i = 0; i < file->relocation_count; i++) {
		const struct module_relocation *from = &file->relocations[i];

		if (!patch->dropped[i])
			append_relocation(&writer->parts[writer->tables[from->section]].own,
			                  from->offset, output_symbol(writer, from->symbol),
			                  from->type);
	}
	for (size_t i = 0; i < patch->fixup_count; i++) {
		const struct module_fixup *from = &patch->fixups[i];
		uint32_t section = output_section(writer, from->section);

		append_relocation(&writer->parts[writer->tables[section]].own, from->offset,
		                  fixup_symbol(writer, from), from->type);
	}
}

/* A table for what is not loaded (debug information): only its symbols have new numbers. */
static void renumber_table(struct writer *writer, struct part *part)
{
	for (uint32_t at = 0; at + sizeof(Elf32_Rel) <= part->header.sh_size;
	     at += sizeof(Elf32_Rel)) {
		Elf32_Rel relocation;
		uint32_t symbol;

		memcpy(&relocation, part->bytes + at, sizeof(relocation));
		symbol = ELF32_R_SYM(relocation.r_info);
		append_relocation(&part->own, relocation.r_offset, output_symbol(writer, symbol),
		                  ELF32_R_TYPE(relocation.r_info));
	}
	part->bytes = NULL;
}

static void renumber_input(struct writer *writer)
{
	const struct module_file *file = writer->file;

	for (uint32_t i = 1; i < file->header.e_shnum; i++) {
		struct part *part = &writer->parts[i];

		if (part->header.sh_link != file->symbol_section)
			continue;
		if (part->header.sh_type == SHT_GROUP)
			part->header.sh_info = output_symbol(writer, part->header.sh_info);
		if (part->header.sh_type != SHT_REL)
			continue;
		if (part->header.sh_info < file->header.e_shnum &&
		    file->sections[part->header.sh_info].sh_flags & SHF_ALLOC)
			part->bytes = NULL;
		else
			renumber_table(writer, part);
	}
}

/* --- the file ----------------------------------------------------------------------- */

static bool open_writer(struct writer *writer)
{
	const struct module_file *file = writer->file;
	/* Each section may get a table of relocations. */
	size_t most = 2 * (size_t)(file->header.e_shnum + ADDED_COUNT);
	const struct part *strings, *names;

	writer->parts = calloc(most, sizeof(*writer->parts));
	writer->section_symbols = calloc(most, sizeof(*writer->section_symbols));
	writer->tables = calloc(most, sizeof(*writer->tables));
	if (!writer->parts || !writer->section_symbols || !writer->tables)
		return false;
	writer->part_count = file->header.e_shnum;
	for (uint32_t i = 0; i < writer->part_count; i++) {
		const Elf32_Shdr *section = &file->sections[i];

		writer->parts[i].header = *section;
		if (section->sh_size && section->sh_type != SHT_NULL &&
		    section->sh_type != SHT_NOBITS)
			writer->parts[i].bytes = writer->patch->image + section->sh_offset;
		if (section->sh_type == SHT_REL && section->sh_info < file->header.e_shnum &&
		    !writer->tables[section->sh_info])
			writer->tables[section->sh_info] = i;
	}
	strings = &writer->parts[file->string_section];
	names = &writer->parts[file->header.e_shstrndx];
	writer->strings = &writer->parts[file->string_section].own;
	writer->names = &writer->parts[file->header.e_shstrndx].own;
	buffer_append(writer->strings, strings->bytes, strings->header.sh_size);
	if (names != strings)
		buffer_append(writer->names, names->bytes, names->header.sh_size);
	writer->parts[file->string_section].bytes = NULL;
	writer->parts[file->header.e_shstrndx].bytes = NULL;
	return true;
}

static void close_writer(struct writer *writer)
{
	for (uint32_t i = 0; writer->parts && i < writer->part_count; i++)
		buffer_free(&writer->parts[i].own);
	free(writer->parts);
	free(writer->section_symbols);
	free(writer->tables);
	buffer_free(&writer->locals);
}

static bool memory_failed(const struct writer *writer)
{
	bool failed = writer->locals.failed;

	for (uint32_t i = 0; i < writer->part_count; i++)
		failed |= writer->parts[i].own.failed;
	return failed;
}

/* Gives every section its place; the end of the last, or 0 if that is beyond 4 GiB. */
static uint32_t place_parts(struct writer *writer)
{
	uint64_t end = sizeof(Elf32_Ehdr);

	for (uint32_t i = 1; i < writer->part_count; i++) {
		struct part *part = &writer->parts[i];
		uint32_t alignment = part->header.sh_addralign ? part->header.sh_addralign : 1;

		if (part->header.sh_type == SHT_NULL)
			continue;
		if (!part->bytes && part->header.sh_type != SHT_NOBITS)
			part->header.sh_size = (uint32_t)part->own.size;
		end = (end + alignment - 1) & ~(uint64_t)(alignment - 1);
		part->header.sh_offset = (uint32_t)end;
		if (part->header.sh_type != SHT_NOBITS)
			end += part->header.sh_size;
		if (end > UINT32_MAX / 2)
			return 0;
	}
	return (uint32_t)end;
}

static void write_at(FILE *stream, uint32_t *written, uint32_t offset, const void *bytes,
                     size_t size)
{
	for (; *written < offset; ++*written)
		fputc(0, stream);
	if (size)
		fwrite(bytes, 1, size, stream);
	*written += (uint32_t)size;
}

static void write_file(FILE *stream, const struct writer *writer, uint32_t end)
{
	Elf32_Ehdr header = writer->file->header;
	uint32_t written = 0;

	header.e_shoff = (end + 3) & ~3u;
	header.e_shnum = (uint16_t)writer->part_count;
	header.e_phoff = 0;
	header.e_phnum = 0;
	write_at(stream, &written, 0, &header, sizeof(header));
	for (uint32_t i = 1; i < writer->part_count; i++) {
		const struct part *part = &writer->parts[i];

		if (part->header.sh_type != SHT_NULL && part->header.sh_type != SHT_NOBITS)
			write_at(stream, &written, part->header.sh_offset,
			         part->bytes ? part->bytes : part->own.bytes, part->header.sh_size);
	}
	for (uint32_t i = 0; i < writer->part_count; i++)
		write_at(stream, &written, header.e_shoff + i * (uint32_t)sizeof(Elf32_Shdr),
		         &writer->parts[i].header, sizeof(Elf32_Shdr));
}

static void make_parts(struct writer *writer, const char *sha256)
{
	add_texts(writer);
	add_records(writer, ADDED_SITES, ".postburn.sites", &writer->patch->sites,
	            sizeof(struct rom_site));
	add_records(writer, ADDED_ORIGINS, ".postburn.origins", &writer->patch->origins,
	            sizeof(struct rom_origin));
	add_note(writer, sha256);
	if (writer->names->failed)
		return;
	add_tables(writer);
	add_symbols(writer);
	make_symbol_table(writer);
	renumber_input(writer);
	make_tables(writer);
}

bool module_write(FILE *stream, const struct module_patch *patch, const char *sha256,
                  struct problem *problem)
{
	struct writer writer = {.patch = patch, .file = patch->file};
	bool done = false;
	uint32_t end;

	if (!open_writer(&writer)) {
		problem_report(problem, OUT_OF_MEMORY);
	} else {
		make_parts(&writer, sha256);
		end = place_parts(&writer);
		if (memory_failed(&writer))
			problem_report(problem, OUT_OF_MEMORY);
		else if (!end || writer.part_count >= SHN_LORESERVE)
			problem_report(problem, MODULE_TOO_LARGE);
		else
			done = true;
	}
	if (done)
		write_file(stream, &writer, end);
	close_writer(&writer);
	return done;
}
