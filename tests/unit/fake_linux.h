/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_FAKE_LINUX_H
#define TESTS_UNIT_FAKE_LINUX_H

/*
 * A Linux kernel or module of a few KiB that consists of code, data and any of
 * Linux's tables, in any of their layouts. Included behind cmocka.h.
 *
 * A pointer in a table is given as (area, offset). In a kernel it becomes the
 * word that the linker would write; in a module, a relocation.
 */

#include "patcher/bytes.h"
#include "patcher/linux/linux_metadata.h"
#include "tests/unit/elf_builder.h"

enum area { AREA_TEXT, AREA_RODATA, AREA_DATA, AREA_INIT_TEXT, AREA_REPLACEMENTS, AREA_COUNT };

#define AREA_SIZE   0x1000 /* of each; code is filled with nops, data with zeros */
#define TABLE_SPACE 0x8000 /* from one table's address to the next */
#define TABLES_MOST 3

struct fake_table {
	const char *section; /* its name */
	struct byte_buffer bytes;
	struct byte_buffer relocations; /* in modules */
	uint32_t flags;                 /* SHF_* */
};

struct fake_linux {
	bool is_64bit, is_module, without_section_headers;
	const char *release; /* "6.1.0"; NULL: it is not Linux */
	uint8_t bytes[AREA_COUNT][AREA_SIZE];
	struct fake_table tables[TABLES_MOST];
	size_t table_count;
	struct byte_buffer symbols, names; /* besides those of the sections */
	/* what the tests look at: set by fake_read() */
	struct elf_builder builder;
	struct kernel kernel;
	struct linux_metadata metadata;
	struct problem problem;
};

static inline uint64_t fake_base(const struct fake_linux *fake)
{
	if (fake->is_module)
		return 0;
	return fake->is_64bit ? 0xffffffff81000000u : 0xc1000000u;
}

/* Where the area's byte at offset stands: guest-virtual, in modules its offset in the section. */
static inline uint64_t fake_address(const struct fake_linux *fake, enum area area, uint64_t offset)
{
	static const uint64_t starts[AREA_COUNT] = {0, 0x2000, 0x4000, 0x6000, 0x80000};

	return fake->is_module ? offset : fake_base(fake) + starts[area] + offset;
}

static inline uint64_t fake_table_address(const struct fake_linux *fake,
                                          const struct fake_table *table)
{
	uint64_t number = (uint64_t)(table - fake->tables);

	return fake->is_module ? 0 : fake_base(fake) + 0x10000 + number * TABLE_SPACE;
}

static inline struct fake_linux *fake_start(bool is_64bit, const char *release)
{
	struct fake_linux *fake = calloc(1, sizeof(*fake));

	assert_non_null(fake);
	fake->is_64bit = is_64bit;
	fake->release = release;
	memset(fake->bytes[AREA_TEXT], 0x90, AREA_SIZE);
	memset(fake->bytes[AREA_INIT_TEXT], 0x90, AREA_SIZE);
	memset(fake->bytes[AREA_REPLACEMENTS], 0x90, AREA_SIZE);
	return fake;
}

static inline struct fake_linux *fake_start_module(bool is_64bit)
{
	struct fake_linux *fake = fake_start(is_64bit, NULL);

	fake->is_module = true;
	return fake;
}

static inline void fake_code(struct fake_linux *fake, enum area area, uint64_t offset,
                             const char *bytes, size_t size)
{
	assert_true(offset + size <= AREA_SIZE);
	memcpy(fake->bytes[area] + offset, bytes, size);
}

static inline void fake_string(struct fake_linux *fake, enum area area, uint64_t offset,
                               const char *string)
{
	fake_code(fake, area, offset, string, strlen(string) + 1);
}

/* A call or jump of 5 bytes (opcode e8, e9) from there to there; in modules only within an area. */
static inline void fake_branch(struct fake_linux *fake, uint8_t opcode, enum area area,
                               uint64_t offset, enum area to, uint64_t to_offset)
{
	uint64_t from = fake_address(fake, area, offset) + 5;
	uint32_t displacement = (uint32_t)(fake_address(fake, to, to_offset) - from);

	fake->bytes[area][offset] = opcode;
	for (int i = 0; i < 4; i++)
		fake->bytes[area][offset + 1 + i] = (uint8_t)(displacement >> 8 * i);
}

static inline struct fake_table *fake_table(struct fake_linux *fake, const char *section)
{
	struct fake_table *table = &fake->tables[fake->table_count++];

	assert_true(fake->table_count <= TABLES_MOST);
	table->section = section;
	table->flags = SHF_ALLOC;
	return table;
}

/* The ELF symbol that stands for the area's section. */
static inline uint32_t area_symbol(enum area area)
{
	return 1 + (uint32_t)area;
}

/* For fake_relocation(): a symbol of another module. */
#define SYMBOL_ELSEWHERE (1 + AREA_COUNT)

/* A relocation of the word that the table ends with now, to symbol + addend; in modules. */
static inline void fake_relocation(struct fake_linux *fake, struct fake_table *table,
                                   uint32_t symbol, int64_t addend, size_t size, bool relative)
{
	uint64_t at = table->bytes.size;

	if (fake->is_64bit) {
		uint32_t type = relative ? (size == 8 ? R_X86_64_PC64 : R_X86_64_PC32)
		                         : (size == 8 ? R_X86_64_64 : R_X86_64_32);
		Elf64_Rela entry = {at, ELF64_R_INFO((uint64_t)symbol, type), addend};

		buffer_append(&table->relocations, &entry, sizeof(entry));
		buffer_word(&table->bytes, 0, size);
	} else {
		Elf32_Rel entry = {(uint32_t)at,
		                   ELF32_R_INFO(symbol, relative ? R_386_PC32 : R_386_32)};

		buffer_append(&table->relocations, &entry, sizeof(entry));
		buffer_word(&table->bytes, (uint64_t)addend, size);
	}
}

static inline void fake_pointer(struct fake_linux *fake, struct fake_table *table, size_t size,
                                bool relative, enum area area, int64_t offset)
{
	uint64_t value = fake_address(fake, area, (uint64_t)offset);

	if (fake->is_module) {
		fake_relocation(fake, table, area_symbol(area), offset, size, relative);
		return;
	}
	if (relative)
		value -= fake_table_address(fake, table) + table->bytes.size;
	buffer_word(&table->bytes, value, size);
}

/* The ELF section of an address in a kernel. */
static inline uint16_t fake_section_of(const struct fake_linux *fake, uint64_t address)
{
	for (int area = 0; area < AREA_COUNT; area++)
		if (address - fake_address(fake, (enum area)area, 0) < AREA_SIZE)
			return (uint16_t)(1 + area);
	return SHN_ABS;
}

/* A global symbol of a kernel (before fake_read()). */
static inline void fake_symbol(struct fake_linux *fake, const char *name, uint8_t type,
                               uint64_t address)
{
	struct elf_builder class = {.is_64bit = fake->is_64bit};

	if (fake->symbols.size == 0) { /* a table without any function would not be taken */
		builder_symbol(&class, &fake->symbols, &fake->names, "", 0, 0, 0, 0, 0);
		builder_symbol(&class, &fake->symbols, &fake->names, "_text", STB_GLOBAL, STT_FUNC,
		               SHN_ABS, fake_address(fake, AREA_TEXT, 0), 0);
	}
	builder_symbol(&class, &fake->symbols, &fake->names, name, STB_GLOBAL, type,
	               fake_section_of(fake, address), address, 0);
}

static inline void fake_module_symbols(struct fake_linux *fake, const uint32_t *sections)
{
	struct elf_builder *builder = &fake->builder;
	uint32_t table;

	builder_symbol(builder, &fake->symbols, &fake->names, "", 0, 0, 0, 0, 0);
	for (int area = 0; area < AREA_COUNT; area++)
		builder_symbol(builder, &fake->symbols, &fake->names, "", STB_LOCAL, STT_SECTION,
		               (uint16_t)sections[area], 0, 0);
	builder_symbol(builder, &fake->symbols, &fake->names, "elsewhere", STB_GLOBAL, STT_NOTYPE,
	               SHN_UNDEF, 0, 0);
	table = builder_symbols(builder, &fake->symbols, &fake->names);
	builder->sections[table].sh_info = area_symbol(AREA_COUNT);
	for (size_t i = 1; i < table; i++) {
		if (builder->sections[i].sh_type == SHT_REL ||
		    builder->sections[i].sh_type == SHT_RELA)
			builder->sections[i].sh_link = table;
	}
}

static inline void fake_sections(struct fake_linux *fake, uint32_t *sections)
{
	static const char *const names[] = {".text", ".rodata", ".data", ".init.text",
	                                    ".altinstr_replacement"};
	static const uint32_t flags[] = {SHF_ALLOC | SHF_EXECINSTR, SHF_ALLOC,
	                                 SHF_ALLOC | SHF_WRITE, SHF_ALLOC | SHF_EXECINSTR,
	                                 SHF_ALLOC | SHF_EXECINSTR};
	struct elf_builder *builder = &fake->builder;

	for (int area = 0; area < AREA_COUNT; area++)
		sections[area] = builder_section(builder, names[area], SHT_PROGBITS, flags[area],
		                                 fake_address(fake, (enum area)area, 0),
		                                 fake->bytes[area], AREA_SIZE);
	for (size_t i = 0; i < fake->table_count; i++) {
		struct fake_table *table = &fake->tables[i];
		uint32_t index = builder_section(builder, table->section, SHT_PROGBITS,
		                                 table->flags, fake_table_address(fake, table),
		                                 table->bytes.data, table->bytes.size);
		uint32_t relocations;

		if (!table->relocations.size)
			continue;
		relocations =
		    builder_section(builder, ".rel", fake->is_64bit ? SHT_RELA : SHT_REL, 0, 0,
		                    table->relocations.data, table->relocations.size);
		builder->sections[relocations].sh_info = index;
		builder->sections[relocations].sh_entsize =
		    fake->is_64bit ? sizeof(Elf64_Rela) : sizeof(Elf32_Rel);
	}
}

/* Builds the file and reads kernel and metadata. false: fake->problem says why not. */
static inline bool fake_read(struct fake_linux *fake)
{
	struct elf_builder *builder = &fake->builder;
	uint32_t sections[AREA_COUNT];

	if (fake->release)
		snprintf((char *)fake->bytes[AREA_RODATA] + AREA_SIZE - 0x100, 0x100,
		         "Linux version %s (builder@host)\n", fake->release);
	builder_start(builder, fake->is_64bit, fake->is_module ? ET_REL : ET_EXEC);
	fake_sections(fake, sections);
	if (fake->is_module)
		fake_module_symbols(fake, sections);
	else if (fake->symbols.size)
		builder_symbols(builder, &fake->symbols, &fake->names);
	builder->without_section_headers = fake->without_section_headers;
	if (fake->without_section_headers) /* the symbols are lost then, too */
		for (uint32_t i = 1; i <= AREA_COUNT + fake->table_count; i++)
			builder_segment(builder, PT_LOAD, PF_R | PF_W, i, i);
	builder_finish(builder);
	if (!kernel_read_memory("fake", builder->image.data, builder->image.size, &fake->kernel,
	                        &fake->problem))
		fail_msg("the fake kernel is not read: %s", fake->problem.text);
	return linux_metadata_read(&fake->kernel, &fake->metadata, &fake->problem);
}

static inline void fake_end(struct fake_linux *fake)
{
	linux_metadata_free(&fake->metadata);
	if (fake->kernel.private)
		kernel_free(&fake->kernel);
	builder_free(&fake->builder);
	for (size_t i = 0; i < fake->table_count; i++) {
		buffer_free(&fake->tables[i].bytes);
		buffer_free(&fake->tables[i].relocations);
	}
	buffer_free(&fake->symbols);
	buffer_free(&fake->names);
	free(fake);
}

/* Reads it, which must succeed. */
static inline void check_read(struct fake_linux *fake, const char *file, int line)
{
	if (fake_read(fake))
		return;
	print_error("%s:%d: refused: %s\n", file, line, fake->problem.text);
	_fail(file, line);
}

/* Reads it, which must be refused with that diagnostic and those words, and ends it. */
static inline void check_refusal(struct fake_linux *fake, enum diagnostic diagnostic,
                                 const char *words, const char *file, int line)
{
	if (fake_read(fake)) {
		print_error("%s:%d: read, but expected: %s\n", file, line, words);
		_fail(file, line);
	}
	if (fake->problem.diagnostic != diagnostic || !strstr(fake->problem.text, words)) {
		print_error("%s:%d: expected E%d %s, got E%d %s\n", file, line, (int)diagnostic,
		            words, (int)fake->problem.diagnostic, fake->problem.text);
		_fail(file, line);
	}
	fake_end(fake);
}

#define assert_read(fake) check_read((fake), __FILE__, __LINE__)
#define assert_table_refused(fake, NAME, words)                                                    \
	check_refusal((fake), DIAGNOSTIC_##NAME, (words), __FILE__, __LINE__)

/* Where an (area, offset) of the fake is in the model. */
static inline void check_place(const struct fake_linux *fake, const struct code_place *place,
                               enum area area, uint64_t offset, const char *file, int line)
{
	static const char *const names[] = {".text", ".rodata", ".data", ".init.text",
	                                    ".altinstr_replacement"};
	const char *section = place->section < fake->kernel.section_count
	                          ? fake->kernel.sections[place->section].name
	                          : "none";

	if (place->address == fake_address(fake, area, offset) && strcmp(section, names[area]) == 0)
		return;
	print_error("%s:%d: 0x%llx in %s, expected 0x%llx in %s\n", file, line,
	            WIDE(place->address), section, WIDE(fake_address(fake, area, offset)),
	            names[area]);
	_fail(file, line);
}

#define assert_place(fake, place, area, offset)                                                    \
	check_place((fake), &(place), (area), (offset), __FILE__, __LINE__)

#endif
