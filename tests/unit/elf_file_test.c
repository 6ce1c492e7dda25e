/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "patcher/kernel/elf_file.h"
#include "tests/unit/refusal.h"
#include "tests/unit/small_kernel.h"

/* Where a field stands in a file of either class. */
struct field {
	size_t offset32, offset64;
	size_t width32, width64;
};

#define FILE_FIELD(member)                                                                         \
	{                                                                                          \
		offsetof(Elf32_Ehdr, member), offsetof(Elf64_Ehdr, member),                        \
		    sizeof(((Elf32_Ehdr *)0)->member), sizeof(((Elf64_Ehdr *)0)->member)           \
	}
#define SEGMENT_FIELD(index, member)                                                               \
	{                                                                                          \
		sizeof(Elf32_Ehdr) + (index) * sizeof(Elf32_Phdr) + offsetof(Elf32_Phdr, member),  \
		    sizeof(Elf64_Ehdr) + (index) * sizeof(Elf64_Phdr) +                            \
			offsetof(Elf64_Phdr, member),                                              \
		    sizeof(((Elf32_Phdr *)0)->member), sizeof(((Elf64_Phdr *)0)->member)           \
	}
#define SECTION_FIELD(index, member)                                                               \
	{                                                                                          \
		(index) * sizeof(Elf32_Shdr) + offsetof(Elf32_Shdr, member),                       \
		    (index) * sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, member),                   \
		    sizeof(((Elf32_Shdr *)0)->member), sizeof(((Elf64_Shdr *)0)->member)           \
	}

/* Sets the field, offset from `base`, and expects the kernel to be refused; then restores it. */
static void check_field(struct elf_builder *builder, size_t base, const struct field *field,
                        uint64_t value, enum diagnostic diagnostic, const char *name, int line)
{
	size_t offset = base + (builder->is_64bit ? field->offset64 : field->offset32);
	size_t width = builder->is_64bit ? field->width64 : field->width32;
	uint8_t saved[8];

	memcpy(saved, builder->image.data + offset, width);
	buffer_set(&builder->image, offset, value, width);
	check_refused(builder->image.data, builder->image.size, diagnostic, name, __FILE__, line);
	memcpy(builder->image.data + offset, saved, width);
}

#define assert_file_field(builder, member, value, diagnostic)                                      \
	do {                                                                                       \
		const struct field field = FILE_FIELD(member);                                     \
		check_field((builder), 0, &field, (value), diagnostic, #diagnostic, __LINE__);     \
	} while (0)
#define assert_segment_field(builder, index, member, value, diagnostic)                            \
	do {                                                                                       \
		const struct field field = SEGMENT_FIELD(index, member);                           \
		check_field((builder), 0, &field, (value), diagnostic, #diagnostic, __LINE__);     \
	} while (0)
#define assert_section_field(builder, index, member, value, diagnostic)                            \
	do {                                                                                       \
		const struct field field = SECTION_FIELD(index, member);                           \
		check_field((builder), (builder)->section_headers_at, &field, (value), diagnostic, \
		            #diagnostic, __LINE__);                                                \
	} while (0)

static void check_file_headers(struct elf_builder *builder)
{
	size_t size = builder->image.size;

	assert_file_field(builder, e_ident[EI_CLASS], 0, DIAGNOSTIC_ELF_CLASS);
	assert_file_field(builder, e_ident[EI_CLASS], 3, DIAGNOSTIC_ELF_CLASS);
	assert_file_field(builder, e_ident[EI_DATA], ELFDATA2MSB, DIAGNOSTIC_ELF_BYTE_ORDER);
	assert_file_field(builder, e_version, 2, DIAGNOSTIC_ELF_VERSION);
	assert_file_field(builder, e_machine, EM_ARM, DIAGNOSTIC_ELF_MACHINE);
	/* x32 and a 64-bit i386 do not exist as kernels */
	assert_file_field(builder, e_machine, builder->is_64bit ? EM_386 : EM_X86_64,
	                  DIAGNOSTIC_ELF_MACHINE);
	assert_file_field(builder, e_type, ET_CORE, DIAGNOSTIC_ELF_CORE);
	assert_file_field(builder, e_type, ET_NONE, DIAGNOSTIC_ELF_TYPE);
	assert_file_field(builder, e_type, 0xff00, DIAGNOSTIC_ELF_TYPE);
	assert_file_field(builder, e_phnum, PN_XNUM, DIAGNOSTIC_ELF_COUNTS);
	assert_file_field(builder, e_shnum, 0xffff, DIAGNOSTIC_ELF_COUNTS);
	assert_file_field(builder, e_shnum, SHN_LORESERVE, DIAGNOSTIC_ELF_COUNTS);
	assert_file_field(builder, e_phentsize, 0, DIAGNOSTIC_ELF_ENTRY_SIZE);
	assert_file_field(builder, e_phentsize, 33, DIAGNOSTIC_ELF_ENTRY_SIZE);
	assert_file_field(builder, e_shentsize, 0, DIAGNOSTIC_ELF_ENTRY_SIZE);
	assert_file_field(builder, e_shentsize, 0xffff, DIAGNOSTIC_ELF_ENTRY_SIZE);
	assert_file_field(builder, e_phoff, size, DIAGNOSTIC_ELF_TABLE_RANGE);
	assert_file_field(builder, e_phoff, UINT64_MAX - 8, DIAGNOSTIC_ELF_TABLE_RANGE);
	assert_file_field(builder, e_phnum, 0xfffe, DIAGNOSTIC_ELF_TABLE_RANGE);
	assert_file_field(builder, e_shoff, builder->section_headers_at + 1,
	                  DIAGNOSTIC_ELF_TABLE_RANGE);
	assert_file_field(builder, e_shoff, UINT64_MAX, DIAGNOSTIC_ELF_TABLE_RANGE);
	assert_file_field(builder, e_shnum, 0xfeff, DIAGNOSTIC_ELF_TABLE_RANGE);
	assert_file_field(builder, e_shstrndx, builder->section_count,
	                  DIAGNOSTIC_ELF_SECTION_NAMES);
	assert_file_field(builder, e_shstrndx, SMALL_TEXT, DIAGNOSTIC_ELF_SECTION_NAMES);
}

static void check_segments(struct elf_builder *builder)
{
	uint64_t base = small_base(builder->is_64bit), size = builder->image.size;
	uint64_t top = builder->is_64bit ? 0 : UINT64_C(1) << 32; /* 2^64 is 0 */

	assert_segment_field(builder, 0, p_offset, size, DIAGNOSTIC_ELF_SEGMENT_RANGE);
	assert_segment_field(builder, 0, p_offset, UINT64_MAX, DIAGNOSTIC_ELF_SEGMENT_RANGE);
	assert_segment_field(builder, 0, p_filesz, size, DIAGNOSTIC_ELF_SEGMENT_RANGE);
	assert_segment_field(builder, 0, p_filesz, UINT64_MAX, DIAGNOSTIC_ELF_SEGMENT_RANGE);
	assert_segment_field(builder, 0, p_memsz, 1, DIAGNOSTIC_ELF_SEGMENT_MEMORY);
	assert_segment_field(builder, 1, p_vaddr, top - 0x1000, DIAGNOSTIC_ELF_SEGMENT_WRAPS);
	assert_segment_field(builder, 1, p_paddr, top - 0x1000, DIAGNOSTIC_ELF_SEGMENT_WRAPS);
	assert_segment_field(builder, 1, p_memsz, UINT64_MAX, DIAGNOSTIC_ELF_SEGMENT_WRAPS);
	assert_segment_field(builder, 1, p_vaddr, base, DIAGNOSTIC_ELF_SEGMENTS_OVERLAP);
	assert_segment_field(builder, 0, p_memsz, 0x100001, DIAGNOSTIC_ELF_SEGMENTS_OVERLAP);
	/* the note's segment is not loaded, but must be in the file */
	assert_segment_field(builder, 2, p_offset, size, DIAGNOSTIC_ELF_SEGMENT_RANGE);
}

static void check_sections(struct elf_builder *builder)
{
	uint64_t base = small_base(builder->is_64bit), size = builder->image.size;
	uint64_t top = builder->is_64bit ? 0 : UINT64_C(1) << 32;
	size_t names = builder->section_count - 1;

	assert_section_field(builder, SMALL_TEXT, sh_offset, size, DIAGNOSTIC_ELF_SECTION_RANGE);
	assert_section_field(builder, SMALL_TEXT, sh_offset, UINT64_MAX,
	                     DIAGNOSTIC_ELF_SECTION_RANGE);
	assert_section_field(builder, SMALL_TEXT, sh_size, size, DIAGNOSTIC_ELF_SECTION_RANGE);
	assert_section_field(builder, SMALL_TEXT, sh_size, UINT64_MAX,
	                     DIAGNOSTIC_ELF_SECTION_RANGE);
	assert_section_field(builder, names, sh_size, size, DIAGNOSTIC_ELF_SECTION_RANGE);
	assert_section_field(builder, SMALL_BSS, sh_addr, top - 0x1000,
	                     DIAGNOSTIC_ELF_SECTION_WRAPS);
	assert_section_field(builder, SMALL_BSS, sh_size, UINT64_MAX, DIAGNOSTIC_ELF_SECTION_WRAPS);
	assert_section_field(builder, SMALL_BSS, sh_addr, base + 0x800,
	                     DIAGNOSTIC_ELF_SECTIONS_OVERLAP);
	/* moved, within its segment or beyond its bytes */
	assert_section_field(builder, SMALL_TEXT, sh_addr, base + 1,
	                     DIAGNOSTIC_ELF_SECTION_MISPLACED);
	assert_section_field(builder, SMALL_DATA, sh_offset, BUILDER_HEADERS,
	                     DIAGNOSTIC_ELF_SECTION_MISPLACED);
	assert_section_field(builder, SMALL_BSS, sh_type, SHT_PROGBITS,
	                     DIAGNOSTIC_ELF_SECTION_RANGE);
	assert_section_field(builder, SMALL_TEXT, sh_name, 0x1000, DIAGNOSTIC_ELF_SECTION_NAME);
	assert_section_field(builder, SMALL_TEXT, sh_name, UINT32_MAX, DIAGNOSTIC_ELF_SECTION_NAME);
	/* names without a zero at their end */
	assert_section_field(builder, names, sh_size, builder->sections[names].sh_size - 1,
	                     DIAGNOSTIC_ELF_SECTION_NAMES);
	assert_section_field(builder, names, sh_size, 0, DIAGNOSTIC_ELF_SECTION_NAMES);
}

static void test_bad_headers_are_refused(void **state)
{
	(void)state;
	for (int is_64bit = 0; is_64bit <= 1; is_64bit++) {
		struct elf_builder builder;

		small_kernel(&builder, is_64bit, NULL);
		check_file_headers(&builder);
		check_segments(&builder);
		check_sections(&builder);
		builder_free(&builder);
	}
}

static void test_headers_are_read(void **state)
{
	(void)state;
	for (int is_64bit = 0; is_64bit <= 1; is_64bit++) {
		struct elf_builder builder;
		struct elf_file file;
		struct problem problem;
		const struct elf_section_header *text;

		small_kernel(&builder, is_64bit, NULL);
		assert_true(elf_file_detect(builder.image.data, builder.image.size));
		assert_true(elf_file_open(builder.image.data, builder.image.size, &file, &problem));
		assert_int_equal(file.is_64bit, is_64bit);
		assert_int_equal(file.type, ET_EXEC);
		assert_int_equal(file.entry, 0x1000000);
		assert_int_equal(file.program_header_count, 3);
		assert_int_equal(file.section_header_count, builder.section_count);
		assert_int_equal(file.end, builder.image.size);
		text = &file.section_headers[SMALL_TEXT];
		assert_string_equal(text->name, ".text");
		assert_int_equal(text->address, small_base(is_64bit));
		assert_int_equal(text->flags, SHF_ALLOC | SHF_EXECINSTR);
		assert_int_equal(file.program_headers[1].virtual_address,
		                 small_base(is_64bit) + 0x100000);
		elf_file_close(&file);
		elf_file_close(&file); /* again does no harm */
		builder_free(&builder);
	}
}

/* The section headers are the file's last bytes, so that no prefix is whole. */
static void test_cut_at_every_byte_is_refused(void **state)
{
	(void)state;
	for (int is_64bit = 0; is_64bit <= 1; is_64bit++) {
		struct elf_builder builder;

		small_kernel(&builder, is_64bit, NULL);
		for (size_t cut = 0; cut < builder.image.size; cut++) {
			uint8_t *start = malloc(cut ? cut : 1);
			struct kernel kernel;
			struct problem problem = {0};

			memcpy(start, builder.image.data, cut);
			assert_false(kernel_read_memory("test", start, cut, &kernel, &problem));
			assert_int_not_equal(problem.text[0], '\0');
			free(start);
		}
		builder_free(&builder);
	}
}

/* Reads every byte that the model says there is. */
static uint64_t touch(const struct kernel *kernel)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < kernel->section_count; i++) {
		const struct kernel_section *section = &kernel->sections[i];

		sum += strlen(section->name);
		for (uint64_t k = 0; section->bytes && k < section->size; k++)
			sum += section->bytes[k];
	}
	for (size_t i = 0; i < kernel->symbol_count; i++)
		sum += strlen(kernel->symbols[i].name);
	return sum + kernel->image[kernel->image_size - 1];
}

/* Whatever a changed bit in the headers does, the outcome is a problem or a model whose every byte
 * can be read. */
static void test_damage_to_headers_is_survived(void **state)
{
	(void)state;
	for (int is_64bit = 0; is_64bit <= 1; is_64bit++) {
		struct elf_builder builder;
		size_t refused = 0;

		small_kernel(&builder, is_64bit, NULL);
		for (size_t at = 0; at < builder.image.size; at++) {
			if (at == 0x100)
				at = builder.section_headers_at;
			for (int bit = 0; bit < 8; bit++) {
				struct kernel kernel;
				struct problem problem = {0};

				builder.image.data[at] ^= (uint8_t)(1 << bit);
				if (kernel_read_memory("test", builder.image.data,
				                       builder.image.size, &kernel, &problem)) {
					touch(&kernel);
					kernel_free(&kernel);
				} else {
					assert_int_not_equal(problem.text[0], '\0');
					refused++;
				}
				builder.image.data[at] ^= (uint8_t)(1 << bit);
			}
		}
		assert_true(refused > 500);
		builder_free(&builder);
	}
}

/* The file's bytes need not be aligned in memory. */
static void test_unaligned_bytes_are_read(void **state)
{
	struct elf_builder builder;
	struct kernel kernel;
	struct problem problem;
	uint8_t *shifted;

	(void)state;
	small_kernel(&builder, true, NULL);
	shifted = malloc(builder.image.size + 1);
	memcpy(shifted + 1, builder.image.data, builder.image.size);
	assert_true(kernel_read_memory("test", shifted + 1, builder.image.size, &kernel, &problem));
	assert_int_equal(kernel.section_count, 6);
	kernel_free(&kernel);
	free(shifted);
	builder_free(&builder);
}

/* Many headers for the same bytes would make the work of a far larger file. */
static void test_shared_bytes_are_refused(void **state)
{
	struct elf_builder builder;
	struct byte_buffer bytes = {0};
	struct kernel kernel;
	struct problem problem;

	(void)state;
	buffer_fill(&bytes, 0x90, 10000);
	builder_start(&builder, true, ET_EXEC);
	builder_section(&builder, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 0x100000,
	                bytes.data, bytes.size);
	for (int i = 0; i < 6; i++) {
		builder_segment(&builder, PT_LOAD, PF_R | PF_X, 1, 1);
		builder.segments[i].p_vaddr += (uint64_t)i << 32;
	}
	builder_finish(&builder);
	builder.image.data[offsetof(Elf64_Ehdr, e_phnum)] = 4;
	assert_true(
	    kernel_read_memory("test", builder.image.data, builder.image.size, &kernel, &problem));
	kernel_free(&kernel);
	builder.image.data[offsetof(Elf64_Ehdr, e_phnum)] = 6;
	assert_refused(builder.image.data, builder.image.size, DIAGNOSTIC_ELF_SHARED_BYTES);
	builder_free(&builder);

	builder_start(&builder, true, ET_REL);
	for (int i = 0; i < 4; i++) {
		builder_section(&builder, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 0, NULL,
		                0);
		builder.sections[i + 1].sh_size = 10000;
	}
	buffer_append(&builder.image, bytes.data, bytes.size);
	builder_finish(&builder);
	assert_refused(builder.image.data, builder.image.size, DIAGNOSTIC_ELF_SHARED_BYTES);
	builder_free(&builder);
	buffer_free(&bytes);
}

static void test_long_section_names_are_refused(void **state)
{
	struct elf_builder builder;
	char name[4097];

	(void)state;
	memset(name, 'n', sizeof(name));
	for (size_t length = 4095; length <= 4096; length++) {
		struct kernel kernel;
		struct problem problem;

		name[length] = '\0';
		builder_start(&builder, false, ET_REL);
		builder_section(&builder, name, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 0, "code",
		                4);
		builder_finish(&builder);
		if (length == 4096) {
			assert_refused(builder.image.data, builder.image.size,
			               DIAGNOSTIC_ELF_SECTION_NAME_LONG);
		} else {
			assert_true(kernel_read_memory("test", builder.image.data,
			                               builder.image.size, &kernel, &problem));
			assert_int_equal(strlen(kernel.sections[0].name), 4095);
			kernel_free(&kernel);
		}
		builder_free(&builder);
		name[length] = 'n';
	}
}

static void test_files_without_contents_are_refused(void **state)
{
	struct elf_builder builder;

	(void)state;
	builder_start(&builder, false, ET_EXEC);
	builder_section(&builder, ".comment", SHT_PROGBITS, 0, 0, "text", 4);
	builder_finish(&builder);
	assert_refused(builder.image.data, builder.image.size, DIAGNOSTIC_ELF_NOTHING_LOADED);
	builder_free(&builder);
	assert_refused(NULL, 0, DIAGNOSTIC_INPUT_EMPTY);
	assert_refused((const uint8_t *)"\177ELF", 4, DIAGNOSTIC_ELF_TRUNCATED);
	assert_refused((const uint8_t *)"\177ELX", 4, DIAGNOSTIC_INPUT_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_headers_are_read),
	    cmocka_unit_test(test_bad_headers_are_refused),
	    cmocka_unit_test(test_cut_at_every_byte_is_refused),
	    cmocka_unit_test(test_damage_to_headers_is_survived),
	    cmocka_unit_test(test_unaligned_bytes_are_read),
	    cmocka_unit_test(test_files_without_contents_are_refused),
	    cmocka_unit_test(test_shared_bytes_are_refused),
	    cmocka_unit_test(test_long_section_names_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
