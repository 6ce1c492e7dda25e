/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>

#include "patcher/kernel/bzimage.h"
#include "patcher/kernel/kernel.h"
#include "tests/unit/bzimage_builder.h"
#include "tests/unit/refusal.h"
#include "tests/unit/small_kernel.h"

/* Reads the image as a kernel; false leaves the diagnostic in *problem. */
static bool read_image(const struct byte_buffer *image, struct kernel *kernel,
                       struct problem *problem)
{
	memset(problem, 0, sizeof(*problem));
	return kernel_read_memory("test", image->data, image->size, kernel, problem);
}

static void test_every_compression_is_read(void **state)
{
	(void)state;
	for (int is_64bit = 0; is_64bit <= 1; is_64bit++) {
		struct elf_builder builder;

		small_kernel(&builder, is_64bit, NULL);
		for (int compression = COMPRESSION_GZIP; compression <= COMPRESSION_ZSTD;
		     compression++) {
			struct byte_buffer image;
			struct kernel kernel;
			struct problem problem;

			build_bzimage(&builder.image, compression, 0x20f, 100, &image);
			if (!read_image(&image, &kernel, &problem))
				fail_msg("%s: %s", compression_name(compression), problem.text);
			assert_int_equal(kernel.format, KERNEL_FORMAT_BZIMAGE);
			assert_int_equal(kernel.is_64bit, is_64bit);
			assert_int_equal(kernel.image_size, builder.image.size);
			assert_memory_equal(kernel.image, builder.image.data, kernel.image_size);
			assert_string_equal(kernel.banner, SMALL_BANNER);
			assert_false(kernel.has_relocations);
			kernel_free(&kernel);
			buffer_free(&image);
		}
		builder_free(&builder);
	}
}

/* Appends a zero and the addresses, as arch/x86/tools/relocs.c does. */
static void append_list(struct byte_buffer *kernel, const uint32_t *addresses, size_t count)
{
	buffer_word(kernel, 0, 4);
	for (size_t i = 0; i < count; i++)
		buffer_word(kernel, addresses[i], 4);
}

static void check_relocation(const struct kernel *kernel, size_t index, uint64_t address,
                             uint32_t type, uint32_t section)
{
	const struct kernel_relocation *relocation = &kernel->relocations[index];

	assert_int_equal(relocation->address, address);
	assert_int_equal(relocation->type, type);
	assert_int_equal(relocation->section, section);
	assert_int_equal(relocation->symbol, UINT32_MAX);
}

static void test_appended_relocations_are_read_32bit(void **state)
{
	/* the ELF's .text and .data; the bytes there are 0x90 and 0xaa */
	static const uint32_t addresses[] = {0xc1000001, 0xc1000005, 0xc11000fc};
	struct elf_builder builder;
	struct byte_buffer image;
	struct kernel kernel;
	struct problem problem;
	size_t elf_size;

	(void)state;
	small_kernel(&builder, false, NULL);
	elf_size = builder.image.size;
	append_list(&builder.image, addresses, 3);
	build_bzimage(&builder.image, COMPRESSION_XZ, 0x20f, 0, &image);
	assert_true(read_image(&image, &kernel, &problem));
	assert_true(kernel.has_relocations);
	assert_int_equal(kernel.image_size, elf_size);
	assert_int_equal(kernel.relocation_count, 3);
	check_relocation(&kernel, 0, 0xc1000001, R_386_32, 0);
	check_relocation(&kernel, 1, 0xc1000005, R_386_32, 0);
	check_relocation(&kernel, 2, 0xc11000fc, R_386_32, 3);
	assert_int_equal(kernel.relocations[0].addend, (int32_t)0x90909090);
	assert_int_equal(kernel.relocations[2].addend, (int32_t)0xaaaaaaaa);
	kernel_free(&kernel);
	buffer_free(&image);
	builder_free(&builder);
}

/* Three lists (up to 6.14) and two (from 6.15 on); the addresses are sign-extended. */
static void test_appended_relocations_are_read_64bit(void **state)
{
	static const uint32_t quads[] = {0x81000010, 0x81000020}, inverse[] = {0x81000030},
			      longs[] = {0x81000008, 0x81100000};

	(void)state;
	for (int lists = 2; lists <= 3; lists++) {
		struct elf_builder builder;
		struct byte_buffer image;
		struct kernel kernel;
		struct problem problem;

		small_kernel(&builder, true, NULL);
		append_list(&builder.image, quads, 2);
		if (lists == 3)
			append_list(&builder.image, inverse, 1);
		append_list(&builder.image, longs, 2);
		build_bzimage(&builder.image, COMPRESSION_ZSTD, 0x20f, 0, &image);
		assert_true(read_image(&image, &kernel, &problem));
		assert_true(kernel.has_relocations);
		assert_int_equal(kernel.relocation_count, lists == 3 ? 5 : 4);
		check_relocation(&kernel, 0, 0xffffffff81000008, R_X86_64_32, 0);
		check_relocation(&kernel, 1, 0xffffffff81000010, R_X86_64_64, 0);
		check_relocation(&kernel, 2, 0xffffffff81000020, R_X86_64_64, 0);
		if (lists == 3)
			check_relocation(&kernel, 3, 0xffffffff81000030, R_X86_64_PC32, 0);
		check_relocation(&kernel, kernel.relocation_count - 1, 0xffffffff81100000,
		                 R_X86_64_32, 3);
		kernel_free(&kernel);
		buffer_free(&image);
		builder_free(&builder);
	}
}

static void test_bad_relocation_tables_are_refused(void **state)
{
	/* in no segment, in .bss, across the end of the last segment's bytes */
	static const uint32_t outside[] = {0xd0000000, 0xc1102000, 0xc11010fe};
	struct elf_builder builder;
	struct byte_buffer image;
	size_t elf_size;

	(void)state;
	small_kernel(&builder, false, NULL);
	elf_size = builder.image.size;
	for (size_t i = 0; i < 3; i++) {
		append_list(&builder.image, &outside[i], 1);
		build_bzimage(&builder.image, COMPRESSION_LZ4, 0x20f, 0, &image);
		assert_refused(image.data, image.size, DIAGNOSTIC_RELOCATION_WORD);
		buffer_free(&image);
		builder.image.size = elf_size;
	}
	buffer_word(&builder.image, 0xc1000001, 4); /* no zero word in front */
	build_bzimage(&builder.image, COMPRESSION_LZ4, 0x20f, 0, &image);
	assert_refused(image.data, image.size, DIAGNOSTIC_RELOCATION_TRAILER);
	buffer_free(&image);
	builder.image.size = elf_size;
	append_list(&builder.image, outside, 1); /* two lists: a 64-bit kernel's */
	append_list(&builder.image, outside, 1);
	build_bzimage(&builder.image, COMPRESSION_LZ4, 0x20f, 0, &image);
	assert_refused(image.data, image.size, DIAGNOSTIC_RELOCATION_TRAILER);
	buffer_free(&image);
	builder.image.size = elf_size;
	buffer_fill(&builder.image, 0, 5); /* no whole words */
	build_bzimage(&builder.image, COMPRESSION_LZ4, 0x20f, 0, &image);
	assert_refused(image.data, image.size, DIAGNOSTIC_RELOCATION_TRAILER);
	buffer_free(&image);
	builder_free(&builder);
}

/* The payload is the file's last part, so that no prefix is a kernel. */
static void test_cut_at_every_byte_is_refused(void **state)
{
	(void)state;
	for (int compression = COMPRESSION_GZIP; compression <= COMPRESSION_ZSTD; compression++) {
		struct elf_builder builder;
		struct byte_buffer image;

		small_kernel(&builder, false, NULL);
		build_bzimage(&builder.image, compression, 0x20f, 0, &image);
		for (size_t cut = 0; cut < image.size; cut++) {
			struct kernel kernel;
			struct problem problem = {0};
			/* an allocation of its own, so that a sanitizer sees what is read behind it
			 */
			uint8_t *start = malloc(cut ? cut : 1);

			memcpy(start, image.data, cut);
			assert_false(kernel_read_memory("test", start, cut, &kernel, &problem));
			assert_int_not_equal(problem.text[0], '\0');
			free(start);
		}
		buffer_free(&image);
		builder_free(&builder);
	}
}

static void test_false_claims_are_refused(void **state)
{
	struct elf_builder builder;
	struct byte_buffer image;
	uint32_t length;

	(void)state;
	small_kernel(&builder, false, NULL);
	build_bzimage(&builder.image, COMPRESSION_ZSTD, 0x20f, 16, &image);
	length = (uint32_t)(image.size - 16 - BZIMAGE_PAYLOAD);

	buffer_set(&image, 0x24c, length + 17, 4); /* one byte beyond the file */
	assert_refused(image.data, image.size, DIAGNOSTIC_BZIMAGE_PAYLOAD_RANGE);
	buffer_set(&image, 0x24c, 0xffffffff, 4);
	assert_refused(image.data, image.size, DIAGNOSTIC_BZIMAGE_PAYLOAD_RANGE);
	buffer_set(&image, 0x24c, 7, 4);
	assert_refused(image.data, image.size, DIAGNOSTIC_BZIMAGE_PAYLOAD_RANGE);
	buffer_set(&image, 0x24c, length, 4);
	buffer_set(&image, 0x248, 0xfffffff0, 4); /* would wrap in 32 bits */
	assert_refused(image.data, image.size, DIAGNOSTIC_BZIMAGE_PAYLOAD_RANGE);
	buffer_set(&image, 0x248, BZIMAGE_PAYLOAD_OFFSET - 1, 4);
	assert_refused(image.data, image.size, DIAGNOSTIC_COMPRESSION_UNKNOWN);
	buffer_set(&image, 0x248, BZIMAGE_PAYLOAD_OFFSET, 4);
	buffer_set(&image, 0x1f1, 255, 1); /* set-up code longer than the file */
	assert_refused(image.data, image.size, DIAGNOSTIC_BZIMAGE_TRUNCATED);
	buffer_set(&image, 0x1f1, 2, 1);
	buffer_set(&image, image.size - 20, 0xffffffff, 4); /* the unpacked size */
	assert_refused(image.data, image.size, DIAGNOSTIC_BZIMAGE_CLAIM);
	buffer_set(&image, image.size - 20, builder.image.size + 1, 4);
	assert_refused(image.data, image.size, DIAGNOSTIC_BZIMAGE_SIZE_MISMATCH);
	buffer_set(&image, image.size - 20, builder.image.size - 1, 4);
	assert_refused(image.data, image.size, DIAGNOSTIC_COMPRESSION_LIMIT);
	memset(image.data + BZIMAGE_PAYLOAD, 'x', 8);
	assert_refused(image.data, image.size, DIAGNOSTIC_COMPRESSION_UNKNOWN);
	image.size = 0x230; /* in front of payload_offset */
	assert_refused(image.data, image.size, DIAGNOSTIC_BZIMAGE_TRUNCATED);
	buffer_free(&image);
	builder_free(&builder);
}

static void test_payload_must_be_elf(void **state)
{
	struct byte_buffer bare = {0}, image;

	(void)state;
	buffer_fill(&bare, 0x90, 5000);
	build_bzimage(&bare, COMPRESSION_GZIP, 0x20f, 0, &image);
	assert_refused(image.data, image.size, DIAGNOSTIC_BZIMAGE_NOT_ELF);
	buffer_free(&image);
	buffer_free(&bare);
}

/* Before protocol 2.08 the payload is searched for: past what only looks like it. */
static void test_old_protocols_are_searched(void **state)
{
	struct elf_builder builder;
	struct byte_buffer image;
	struct kernel kernel;
	struct problem problem;

	(void)state;
	small_kernel(&builder, false, NULL);
	build_bzimage(&builder.image, COMPRESSION_GZIP, 0x205, 50, &image);
	memcpy(image.data + BZIMAGE_SETUP_SIZE + 8, "\x1f\x8b\x08\xff", 4);
	assert_true(read_image(&image, &kernel, &problem));
	assert_int_equal(kernel.image_size, builder.image.size);
	kernel_free(&kernel);
	image.data[image.size - 58] ^= 1; /* gzip's checksum */
	assert_refused(image.data, image.size, DIAGNOSTIC_BZIMAGE_NO_PAYLOAD);
	buffer_free(&image);
	build_bzimage(&builder.image, COMPRESSION_XZ, 0x205, 0, &image);
	assert_refused(image.data, image.size, DIAGNOSTIC_BZIMAGE_NO_PAYLOAD);
	buffer_free(&image);
	builder_free(&builder);
}

/* 1 GiB claimed by the trailer, 32 MiB of zeros behind it. */
static void test_claims_cost_no_memory(void **state)
{
	struct byte_buffer zeros = {0}, image;
	struct rusage before, after;

	(void)state;
	buffer_fill(&zeros, 0, 1000);
	build_bzimage(&zeros, COMPRESSION_ZSTD, 0x20f, 0, &image);
	buffer_set(&image, image.size - 4, 1 << 30, 4);
	getrusage(RUSAGE_SELF, &before);
	assert_refused(image.data, image.size, DIAGNOSTIC_BZIMAGE_SIZE_MISMATCH);
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_maxrss - before.ru_maxrss < 4096);
	buffer_free(&image);
	buffer_free(&zeros);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_claims_cost_no_memory),
	    cmocka_unit_test(test_every_compression_is_read),
	    cmocka_unit_test(test_appended_relocations_are_read_32bit),
	    cmocka_unit_test(test_appended_relocations_are_read_64bit),
	    cmocka_unit_test(test_bad_relocation_tables_are_refused),
	    cmocka_unit_test(test_cut_at_every_byte_is_refused),
	    cmocka_unit_test(test_false_claims_are_refused),
	    cmocka_unit_test(test_payload_must_be_elf),
	    cmocka_unit_test(test_old_protocols_are_searched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
