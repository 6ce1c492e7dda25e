/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>

#include "tests/unit/pack.h"
#include "tests/unit/refusal.h"
#include "tests/unit/small_kernel.h"

static void read_or_fail(const struct byte_buffer *bytes, struct kernel *kernel)
{
	struct problem problem = {0};

	if (!kernel_read_memory("test", bytes->data, bytes->size, kernel, &problem))
		fail_msg("E%d: %s", (int)problem.diagnostic, problem.text);
}

static void check_section(const struct kernel *kernel, size_t index, const char *name,
                          uint64_t address, uint64_t size, const char *flags)
{
	const struct kernel_section *section = &kernel->sections[index];
	char actual[4];

	snprintf(actual, sizeof(actual), "%c%c%c", section->writable ? 'w' : '-',
	         section->executable ? 'x' : '-', section->bytes ? 'b' : '-');
	assert_string_equal(section->name, name);
	assert_int_equal(section->address, address);
	assert_int_equal(section->size, size);
	assert_string_equal(actual, flags);
	assert_true(section->allocated);
	if (section->bytes)
		assert_ptr_equal(section->bytes, kernel->image + section->file_offset);
}

static void test_sections_and_segments(void **state)
{
	(void)state;
	for (int is_64bit = 0; is_64bit <= 1; is_64bit++) {
		uint64_t base = small_base(is_64bit);
		struct elf_builder builder;
		struct kernel kernel;

		small_kernel(&builder, is_64bit, NULL);
		read_or_fail(&builder.image, &kernel);
		assert_int_equal(kernel.format, KERNEL_FORMAT_ELF);
		assert_string_equal(kernel_format_name(kernel.format), "elf");
		assert_int_equal(kernel.is_64bit, is_64bit);
		assert_int_equal(kernel.machine, is_64bit ? EM_X86_64 : EM_386);
		assert_int_equal(kernel.entry, 0x1000000);
		assert_ptr_equal(kernel.image, kernel.file);
		assert_int_equal(kernel.section_count, 6);
		check_section(&kernel, 0, ".text", base, 0x801, "-xb");
		assert_string_equal(kernel.sections[1].name, ".rodata");
		assert_string_equal(kernel.sections[2].name, ".notes");
		check_section(&kernel, 3, ".data", base + 0x100000, 0x100, "w-b");
		check_section(&kernel, 4, ".init.text", base + 0x101000, 0x100, "-xb");
		check_section(&kernel, 5, ".bss", base + 0x102000, 0x3000, "w--");
		assert_int_equal(kernel.sections[4].index, SMALL_INIT_TEXT);
		assert_int_equal(kernel.segment_count, 2);
		assert_int_equal(kernel.segments[1].virtual_address, base + 0x100000);
		assert_int_equal(kernel.segments[1].physical_address,
		                 (base + 0x100000) & 0x3fffffff);
		assert_int_equal(kernel.segments[1].file_size, 0x1100);
		assert_int_equal(kernel.segments[1].memory_size, 0x5000);
		assert_true(kernel.segments[0].executable);
		assert_true(kernel.segments[1].writable);
		assert_int_equal(kernel.symbol_source, SYMBOLS_NONE);
		assert_false(kernel.has_relocations);
		assert_string_equal(kernel.banner, SMALL_BANNER);
		assert_int_equal(kernel.linux_version, 5 << 16 | 10 << 8 | 255);
		assert_int_equal(kernel.build_id_size, 4);
		assert_memory_equal(kernel.build_id, "\xde\xad\xbe\xef", 4);
		kernel_free(&kernel);
		kernel_free(&kernel); /* again does no harm */
		builder_free(&builder);
	}
}

static void test_places_are_looked_up(void **state)
{
	struct elf_builder builder;
	struct kernel kernel;
	uint64_t base = small_base(false);

	(void)state;
	small_kernel(&builder, false, NULL);
	read_or_fail(&builder.image, &kernel);
	assert_ptr_equal(kernel_find_section(&kernel, ".init.text"), &kernel.sections[4]);
	assert_null(kernel_find_section(&kernel, ".exit.text"));
	assert_null(kernel_section_at(&kernel, base - 1));
	assert_null(kernel_section_at(&kernel, 0));
	assert_ptr_equal(kernel_section_at(&kernel, base), &kernel.sections[0]);
	assert_ptr_equal(kernel_section_at(&kernel, base + 0x800), &kernel.sections[0]);
	assert_null(kernel_section_at(&kernel, base + 0x801));
	assert_ptr_equal(kernel_section_at(&kernel, base + 0x104fff), &kernel.sections[5]);
	assert_null(kernel_section_at(&kernel, base + 0x105000));
	assert_null(kernel_section_at(&kernel, UINT64_MAX));
	assert_ptr_equal(kernel_segment_at(&kernel, base + 0x104fff), &kernel.segments[1]);
	assert_null(kernel_segment_at(&kernel, base + 0x105000));

	assert_ptr_equal(kernel_bytes_at(&kernel, base + 5, 1), kernel.sections[0].bytes + 5);
	assert_int_equal(*kernel_bytes_at(&kernel, base + 0x800, 1), 0xf4);
	assert_non_null(kernel_bytes_at(&kernel, base + 0x100000, 0x1100));
	assert_null(kernel_bytes_at(&kernel, base + 0x100000, 0x1101)); /* into .bss */
	assert_null(kernel_bytes_at(&kernel, base + 0x102000, 1));
	assert_null(kernel_bytes_at(&kernel, base + 0x100001, UINT64_MAX));
	assert_null(kernel_bytes_at(&kernel, base - 1, 1));
	kernel_free(&kernel);
	builder_free(&builder);
}

static void check_symbol_at(const struct kernel *kernel, uint64_t offset, const char *name)
{
	uint64_t address = small_base(kernel->is_64bit) + offset;
	const struct kernel_symbol *symbol = kernel_symbol_at(kernel, UINT32_MAX, address);

	if (!name ? symbol != NULL : !symbol || strcmp(symbol->name, name) != 0)
		fail_msg("at offset 0x%llx: %s instead of %s", (unsigned long long)offset,
		         symbol ? symbol->name : "nothing", name ? name : "nothing");
}

static void add_symbols(struct elf_builder *builder)
{
	uint64_t base = small_base(builder->is_64bit);
	struct byte_buffer symbols = {0}, names = {0};
	const struct {
		const char *name;
		uint8_t binding, type;
		uint16_t section;
		uint64_t value, size;
	} all[] = {
	    {"", 0, STT_NOTYPE, SHN_UNDEF, 0, 0},
	    {"", STB_LOCAL, STT_SECTION, SMALL_TEXT, base, 0},
	    {"file.c", STB_LOCAL, STT_FILE, SHN_ABS, 0, 0},
	    {"undefined", STB_GLOBAL, STT_FUNC, SHN_UNDEF, 0, 0},
	    {"absolute", STB_GLOBAL, STT_NOTYPE, SHN_ABS, base + 0x12, 0},
	    {"variable", STB_GLOBAL, STT_OBJECT, SMALL_DATA, base + 0x100010, 8},
	    {"unsized", STB_GLOBAL, STT_FUNC, SMALL_TEXT, base + 0x80, 0},
	    {"small", STB_LOCAL, STT_FUNC, SMALL_TEXT, base + 0x10, 0x10},
	    {"__alias", STB_GLOBAL, STT_FUNC, SMALL_TEXT, base + 0x40, 0x20},
	    {"a_weak_one", STB_WEAK, STT_FUNC, SMALL_TEXT, base + 0x40, 0x20},
	    {"main_name", STB_GLOBAL, STT_FUNC, SMALL_TEXT, base + 0x40, 0x20},
	    {"label", STB_LOCAL, STT_NOTYPE, SMALL_TEXT, base + 0x14, 0},
	    {"outer", STB_LOCAL, STT_FUNC, SMALL_TEXT, base + 0x100, 0x100},
	    {"inner", STB_LOCAL, STT_FUNC, SMALL_TEXT, base + 0x140, 0x10},
	    {"code", STB_LOCAL, STT_NOTYPE, SMALL_TEXT, base + 0x220, 0x10},
	    {"small", STB_LOCAL, STT_FUNC, SMALL_INIT_TEXT, base + 0x101000, 0x10},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		builder_symbol(builder, &symbols, &names, all[i].name, all[i].binding, all[i].type,
		               all[i].section, all[i].value, all[i].size);
	builder_symbols(builder, &symbols, &names);
}

static void test_symbols_from_a_symbol_table(void **state)
{
	(void)state;
	for (int is_64bit = 0; is_64bit <= 1; is_64bit++) {
		uint64_t base = small_base(is_64bit);
		struct elf_builder builder;
		struct kernel kernel;
		const struct kernel_symbol *symbol;

		small_kernel_start(&builder, is_64bit, NULL);
		add_symbols(&builder);
		builder_finish(&builder);
		read_or_fail(&builder.image, &kernel);
		assert_int_equal(kernel.symbol_source, SYMBOLS_SYMTAB);
		assert_int_equal(kernel.symbol_count, 12);
		for (size_t i = 1; i < kernel.symbol_count; i++)
			assert_true(kernel.symbols[i - 1].address <= kernel.symbols[i].address);

		symbol = kernel_find_symbol(&kernel, "variable");
		assert_int_equal(symbol->address, base + 0x100010);
		assert_int_equal(symbol->size, 8);
		assert_int_equal(symbol->section, 3);
		assert_int_equal(symbol->type, SYMBOL_OBJECT);
		assert_int_equal(kernel_find_symbol(&kernel, "absolute")->section, UINT32_MAX);
		assert_true(kernel_find_symbol(&kernel, "a_weak_one")->weak);
		/* of two the first */
		assert_int_equal(kernel_find_symbol(&kernel, "small")->address, base + 0x10);
		assert_null(kernel_find_symbol(&kernel, "undefined"));
		assert_null(kernel_find_symbol(&kernel, "file.c"));
		assert_null(kernel_find_symbol(&kernel, ""));

		check_symbol_at(&kernel, 0xf, NULL);
		check_symbol_at(&kernel, 0x10, "small");
		check_symbol_at(&kernel, 0x12, "small"); /* not the absolute one */
		check_symbol_at(&kernel, 0x15, "small"); /* not the label in it */
		check_symbol_at(&kernel, 0x1f, "small");
		check_symbol_at(&kernel, 0x20, "label"); /* behind it: the last label */
		check_symbol_at(&kernel, 0x40, "main_name");
		check_symbol_at(&kernel, 0x60, NULL); /* the label ended at main_name */
		check_symbol_at(&kernel, 0x80, "unsized");
		check_symbol_at(&kernel, 0xff, "unsized");
		check_symbol_at(&kernel, 0x13f, "outer");
		check_symbol_at(&kernel, 0x14f, "inner");
		check_symbol_at(&kernel, 0x150, "outer"); /* again, behind inner */
		check_symbol_at(&kernel, 0x200, NULL);
		check_symbol_at(&kernel, 0x220, "code");
		check_symbol_at(&kernel, 0x230, NULL);
		check_symbol_at(&kernel, 0x100017, "variable");
		check_symbol_at(&kernel, 0x100018, NULL);
		check_symbol_at(&kernel, 0x101008, "small");
		check_symbol_at(&kernel, 0x300000, NULL); /* in no section */
		kernel_free(&kernel);
		builder_free(&builder);
	}
}

/* Changes a field of a section header of a kernel with symbols, and expects refusal. */
static void check_symbol_damage(uint32_t from_end, size_t field, uint32_t value,
                                enum diagnostic diagnostic, const char *name, int line)
{
	struct elf_builder builder;
	size_t header;

	small_kernel_start(&builder, false, NULL);
	add_symbols(&builder);
	builder_finish(&builder);
	header =
	    builder.section_headers_at + (builder.section_count - from_end) * sizeof(Elf32_Shdr);
	buffer_set(&builder.image, header + field, value, 4);
	check_refused(builder.image.data, builder.image.size, diagnostic, name, __FILE__, line);
	builder_free(&builder);
}

/* The last three sections are .symtab, .strtab, .shstrtab. */
#define assert_symbol_damage(from_end, field, value, diagnostic)                                   \
	check_symbol_damage((from_end), offsetof(Elf32_Shdr, field), (value), (diagnostic),        \
	                    #diagnostic, __LINE__)

static void test_bad_symbol_tables_are_refused(void **state)
{
	struct elf_builder builder;
	size_t table;

	(void)state;
	assert_symbol_damage(3, sh_entsize, 0, DIAGNOSTIC_SYMBOL_TABLE_SIZE);
	assert_symbol_damage(3, sh_entsize, 24, DIAGNOSTIC_SYMBOL_TABLE_SIZE);
	assert_symbol_damage(3, sh_size, 17, DIAGNOSTIC_SYMBOL_TABLE_SIZE);
	assert_symbol_damage(3, sh_link, 100, DIAGNOSTIC_SYMBOL_NAMES);
	assert_symbol_damage(3, sh_link, SMALL_TEXT, DIAGNOSTIC_SYMBOL_NAMES);
	assert_symbol_damage(2, sh_size, 0, DIAGNOSTIC_SYMBOL_NAMES);
	assert_symbol_damage(2, sh_size, 5, DIAGNOSTIC_SYMBOL_NAMES); /* cuts a name */
	assert_symbol_damage(2, sh_size, 8, DIAGNOSTIC_SYMBOL_NAME_RANGE);

	small_kernel_start(&builder, false, NULL);
	add_symbols(&builder);
	builder_finish(&builder);
	table = builder.sections[builder.section_count - 3].sh_offset;
	buffer_set(&builder.image, table + 5 * sizeof(Elf32_Sym) + offsetof(Elf32_Sym, st_shndx),
	           200, 2);
	assert_refused(builder.image.data, builder.image.size, DIAGNOSTIC_SYMBOL_SECTION);
	builder_free(&builder);
}

static void test_long_symbol_names_are_refused(void **state)
{
	struct elf_builder builder;
	struct byte_buffer symbols = {0}, names = {0};
	char name[4097] = {0};

	(void)state;
	memset(name, 'n', 4096);
	small_kernel_start(&builder, false, NULL);
	builder_symbol(&builder, &symbols, &names, name, STB_LOCAL, STT_FUNC, SMALL_TEXT,
	               small_base(false), 4);
	builder_symbols(&builder, &symbols, &names);
	builder_finish(&builder);
	assert_refused(builder.image.data, builder.image.size, DIAGNOSTIC_SYMBOL_NAME_LONG);
	builder_free(&builder);
}

/* Many symbols of one name, all in one place, must not take long. */
static void test_many_equal_symbols_cost_little(void **state)
{
	struct elf_builder builder;
	struct byte_buffer symbols = {0}, names = {0}, name = {0};
	struct kernel kernel;
	struct rusage before, after;

	(void)state;
	small_kernel_start(&builder, false, NULL);
	buffer_fill(&name, 0, 1);
	buffer_append(&name, "same", 5);
	for (int i = 0; i < 200000; i++) {
		Elf32_Sym symbol = {1, 0xc1000010, 4, ELF32_ST_INFO(STB_LOCAL, STT_FUNC),
		                    0, SMALL_TEXT};

		buffer_append(&symbols, &symbol, sizeof(symbol));
	}
	buffer_append(&names, name.data, name.size);
	builder_symbols(&builder, &symbols, &names);
	builder_finish(&builder);
	getrusage(RUSAGE_SELF, &before);
	read_or_fail(&builder.image, &kernel);
	for (int i = 0; i < 100000; i++)
		assert_null(kernel_symbol_at(&kernel, 0, 0xc1000014));
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_utime.tv_sec - before.ru_utime.tv_sec < 3);
	assert_int_equal(kernel.symbol_count, 200000);
	kernel_free(&kernel);
	buffer_free(&name);
	builder_free(&builder);
}

/* Adds a section of relocations for section `target`: (offset, type) pairs, all for symbol 3. */
static void add_relocations(struct elf_builder *builder, bool has_addend, uint32_t target,
                            const uint64_t (*pairs)[2], size_t count)
{
	struct byte_buffer bytes = {0};
	size_t word = builder->is_64bit ? 8 : 4;
	uint32_t index;

	for (size_t i = 0; i < count; i++) {
		buffer_word(&bytes, pairs[i][0], word);
		buffer_word(&bytes,
		            builder->is_64bit ? ELF64_R_INFO(3, pairs[i][1])
		                              : ELF32_R_INFO(3, pairs[i][1]),
		            word);
		if (has_addend)
			buffer_word(&bytes, (uint64_t)-4, word);
	}
	index = builder_section(builder, has_addend ? ".rela" : ".rel",
	                        has_addend ? SHT_RELA : SHT_REL, 0, 0, bytes.data, bytes.size);
	builder->sections[index].sh_info = target;
	builder->sections[index].sh_entsize = word * (has_addend ? 3 : 2);
	buffer_free(&bytes);
}

static void check_relocation(const struct kernel *kernel, size_t index, uint64_t address,
                             uint32_t section, uint32_t type, int64_t addend)
{
	const struct kernel_relocation *relocation = &kernel->relocations[index];

	assert_int_equal(relocation->address, address);
	assert_int_equal(relocation->section, section);
	assert_int_equal(relocation->type, type);
	assert_int_equal(relocation->symbol, 3);
	assert_int_equal(relocation->addend, addend);
}

/* As a kernel linked with --emit-relocs has them: addresses, in sections that are not loaded. */
static void test_relocations_of_linked_kernels(void **state)
{
	const uint64_t data32[][2] = {{0xc1100000, R_386_32}};
	const uint64_t text32[][2] = {{0xc1000020, R_386_PC32},
	                              {0xc1000010, R_386_32},
	                              {0, R_386_NONE},
	                              {0xc1000008, R_386_8}};
	const uint64_t text64[][2] = {{0xffffffff81000010, R_X86_64_PLT32},
	                              {0xffffffff81000008, R_X86_64_64}};
	struct elf_builder builder;
	struct kernel kernel;

	(void)state;
	small_kernel_start(&builder, false, NULL);
	add_relocations(&builder, false, SMALL_DATA, data32, 1);
	add_relocations(&builder, false, SMALL_TEXT, text32, 4);
	builder_finish(&builder);
	read_or_fail(&builder.image, &kernel);
	assert_true(kernel.has_relocations);
	assert_int_equal(kernel.relocation_count, 4);
	check_relocation(&kernel, 0, 0xc1000008, 0, R_386_8, (int8_t)0x90);
	check_relocation(&kernel, 1, 0xc1000010, 0, R_386_32, (int32_t)0x90909090);
	check_relocation(&kernel, 2, 0xc1000020, 0, R_386_PC32, (int32_t)0x90909090);
	check_relocation(&kernel, 3, 0xc1100000, 3, R_386_32, (int32_t)0xaaaaaaaa);
	kernel_free(&kernel);
	builder_free(&builder);

	small_kernel_start(&builder, true, NULL);
	add_relocations(&builder, true, SMALL_TEXT, text64, 2);
	builder_finish(&builder);
	read_or_fail(&builder.image, &kernel);
	assert_int_equal(kernel.relocation_count, 2);
	check_relocation(&kernel, 0, 0xffffffff81000008, 0, R_X86_64_64, -4);
	check_relocation(&kernel, 1, 0xffffffff81000010, 0, R_X86_64_PLT32, -4);
	kernel_free(&kernel);
	builder_free(&builder);
}

static void test_bad_relocations_are_refused(void **state)
{
	/* nowhere, in .bss, over the end of .text */
	const uint64_t outside[][2] = {
	    {0xd0000000, R_386_32}, {0xc1102000, R_386_32}, {0xc10007fe, R_386_32}};
	struct elf_builder builder;

	(void)state;
	for (int i = 0; i < 3; i++) {
		small_kernel_start(&builder, false, NULL);
		add_relocations(&builder, false, SMALL_TEXT, &outside[i], 1);
		builder_finish(&builder);
		assert_refused(builder.image.data, builder.image.size, DIAGNOSTIC_RELOCATION_RANGE);
		builder_free(&builder);
	}
	small_kernel_start(&builder, false, NULL);
	add_relocations(&builder, false, SMALL_TEXT, outside, 1);
	builder.sections[builder.section_count - 1].sh_entsize = 12;
	builder_finish(&builder);
	assert_refused(builder.image.data, builder.image.size, DIAGNOSTIC_RELOCATION_TABLE_SIZE);
	builder_free(&builder);
}

/* What stands behind an ELF file is a relocation table, or of no interest. */
static void test_trailers_of_elf_files(void **state)
{
	struct elf_builder builder;
	struct kernel kernel;
	size_t elf_size;

	(void)state;
	small_kernel(&builder, false, NULL);
	elf_size = builder.image.size;
	buffer_word(&builder.image, 0, 4);
	buffer_word(&builder.image, 0xc1000001, 4);
	read_or_fail(&builder.image, &kernel);
	assert_int_equal(kernel.image_size, elf_size);
	assert_true(kernel.has_relocations);
	assert_int_equal(kernel.relocation_count, 1);
	assert_int_equal(kernel.relocations[0].address, 0xc1000001);
	kernel_free(&kernel);
	buffer_word(&builder.image, 0x12345678, 4); /* of no kernel address */
	read_or_fail(&builder.image, &kernel);
	assert_int_equal(kernel.image_size, elf_size);
	assert_false(kernel.has_relocations);
	assert_int_equal(kernel.relocation_count, 0);
	kernel_free(&kernel);
	builder_free(&builder);
}

static void build_module(struct elf_builder *builder)
{
	static const char modinfo[] = "license=GPL\0vermagic=6.1.0-50-686-pae SMP mod_unload ";
	const uint64_t text[][2] = {{0x20, R_386_PC32}, {4, R_386_32}}, init[][2] = {{0, R_386_32}};
	struct byte_buffer bytes = {0}, symbols = {0}, names = {0};

	builder_start(builder, false, ET_REL);
	buffer_fill(&bytes, 0x90, 0x40);
	builder_section(builder, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 0, bytes.data,
	                0x40);
	add_relocations(builder, false, 1, text, 2);
	builder_section(builder, ".init.text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 0,
	                bytes.data, 0x20);
	add_relocations(builder, false, 3, init, 1);
	builder_section(builder, ".empty", SHT_PROGBITS, SHF_ALLOC, 0, NULL, 0);
	builder_section(builder, ".modinfo", SHT_PROGBITS, SHF_ALLOC, 0, modinfo, sizeof(modinfo));
	builder_section(builder, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, 0, NULL, 0x1000);
	builder_symbol(builder, &symbols, &names, "", 0, 0, 0, 0, 0);
	builder_symbol(builder, &symbols, &names, "init_module", STB_GLOBAL, STT_FUNC, 3, 8, 8);
	builder_symbol(builder, &symbols, &names, "second", STB_LOCAL, STT_FUNC, 1, 0x20, 0x20);
	builder_symbol(builder, &symbols, &names, "printk", STB_GLOBAL, STT_NOTYPE, 0, 0, 0);
	builder_symbol(builder, &symbols, &names, "first", STB_LOCAL, STT_FUNC, 1, 0, 0x18);
	builder_symbols(builder, &symbols, &names);
	builder_finish(builder);
	buffer_free(&bytes);
}

static void check_module(const struct kernel *kernel)
{
	assert_int_equal(kernel->format, KERNEL_FORMAT_MODULE);
	assert_string_equal(kernel_format_name(kernel->format), "module");
	assert_int_equal(kernel->section_count, 5);
	check_section(kernel, 0, ".text", 0, 0x40, "-xb");
	check_section(kernel, 1, ".init.text", 0, 0x20, "-xb");
	check_section(kernel, 2, ".empty", 0, 0, "---");
	check_section(kernel, 4, ".bss", 0, 0x1000, "w--");
	assert_int_equal(kernel->segment_count, 0);
	assert_int_equal(kernel->linux_version, 6 << 16 | 1 << 8);
	assert_int_equal(kernel->symbol_count, 3);
	assert_string_equal(kernel->symbols[0].name, "first");
	assert_string_equal(kernel->symbols[1].name, "second");
	assert_string_equal(kernel->symbols[2].name, "init_module");
	assert_int_equal(kernel->symbols[2].section, 1);
	assert_string_equal(kernel_symbol_at(kernel, 0, 0x17)->name, "first");
	assert_null(kernel_symbol_at(kernel, 0, 0x18));
	assert_string_equal(kernel_symbol_at(kernel, 0, 0x20)->name, "second");
	assert_null(kernel_symbol_at(kernel, 1, 7));
	assert_string_equal(kernel_symbol_at(kernel, 1, 8)->name, "init_module");
	assert_null(kernel_symbol_at(kernel, 2, 0));
	assert_null(kernel_symbol_at(kernel, UINT32_MAX, 0));
	assert_true(kernel->has_relocations);
	assert_int_equal(kernel->relocation_count, 3);
	check_relocation(kernel, 0, 4, 0, R_386_32, (int32_t)0x90909090);
	check_relocation(kernel, 1, 0x20, 0, R_386_PC32, (int32_t)0x90909090);
	check_relocation(kernel, 2, 0, 1, R_386_32, (int32_t)0x90909090);
}

/* As .ko, and packed as distributions do. */
static void test_modules(void **state)
{
	static const enum compression packings[] = {COMPRESSION_NONE, COMPRESSION_GZIP,
	                                            COMPRESSION_XZ, COMPRESSION_ZSTD};
	struct elf_builder builder;

	(void)state;
	build_module(&builder);
	for (size_t i = 0; i < sizeof(packings) / sizeof(packings[0]); i++) {
		struct byte_buffer packed = {0};
		struct kernel kernel;

		pack(packings[i], &builder.image, &packed);
		read_or_fail(&packed, &kernel);
		check_module(&kernel);
		kernel_free(&kernel);
		buffer_free(&packed);
	}
	builder_free(&builder);
}

static void test_packed_text_is_no_kernel(void **state)
{
	struct byte_buffer text = {0}, packed = {0};

	(void)state;
	buffer_append(&text, "some text", 9);
	pack(COMPRESSION_XZ, &text, &packed);
	assert_refused(packed.data, packed.size, DIAGNOSTIC_INPUT_UNPACKED_FORMAT);
	buffer_free(&packed);
	buffer_free(&text);
}

/* A kernel of another system: no banner, a multiboot header in .text. */
static void test_multiboot_kernels(void **state)
{
	static const struct {
		uint32_t words[4];
		enum kernel_format format;
	} headers[] = {
	    {{0x1badb002, 3, -(0x1badb002u + 3), 0}, KERNEL_FORMAT_MULTIBOOT},
	    {{0x1badb002, 3, 5, 0}, KERNEL_FORMAT_ELF}, /* a wrong checksum */
	    {{0xe85250d6, 0, 24, -(0xe85250d6u + 24)}, KERNEL_FORMAT_MULTIBOOT},
	    {{0xe85250d6, 0, 24, 0}, KERNEL_FORMAT_ELF},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct elf_builder builder;
		struct kernel kernel;
		uint32_t text;

		builder_start(&builder, false, ET_EXEC);
		text = builder_section(&builder, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR,
		                       0x100000, headers[i].words, sizeof(headers[i].words));
		builder_segment(&builder, PT_LOAD, PF_R | PF_X, text, text);
		builder_finish(&builder);
		read_or_fail(&builder.image, &kernel);
		assert_int_equal(kernel.format, headers[i].format);
		assert_null(kernel.banner);
		assert_int_equal(kernel.linux_version, 0);
		kernel_free(&kernel);
		builder_free(&builder);
	}
}

/* Segments only, and no symbols: sections are the segments' bytes. */
static void test_files_without_section_headers(void **state)
{
	struct elf_builder builder;
	struct kernel kernel;

	(void)state;
	small_kernel_start(&builder, true, NULL);
	builder.without_section_headers = true;
	builder_finish(&builder);
	read_or_fail(&builder.image, &kernel);
	assert_int_equal(kernel.section_count, 2);
	check_section(&kernel, 0, "", small_base(true), kernel.segments[0].file_size, "-xb");
	check_section(&kernel, 1, "", small_base(true) + 0x100000, 0x1100, "w-b");
	assert_int_equal(kernel.sections[0].index, UINT32_MAX);
	assert_string_equal(kernel.banner, SMALL_BANNER);
	assert_int_equal(kernel.build_id_size, 4);
	kernel_free(&kernel);
	builder_free(&builder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sections_and_segments),
	    cmocka_unit_test(test_places_are_looked_up),
	    cmocka_unit_test(test_symbols_from_a_symbol_table),
	    cmocka_unit_test(test_bad_symbol_tables_are_refused),
	    cmocka_unit_test(test_long_symbol_names_are_refused),
	    cmocka_unit_test(test_many_equal_symbols_cost_little),
	    cmocka_unit_test(test_relocations_of_linked_kernels),
	    cmocka_unit_test(test_bad_relocations_are_refused),
	    cmocka_unit_test(test_trailers_of_elf_files),
	    cmocka_unit_test(test_modules),
	    cmocka_unit_test(test_packed_text_is_no_kernel),
	    cmocka_unit_test(test_multiboot_kernels),
	    cmocka_unit_test(test_files_without_section_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
