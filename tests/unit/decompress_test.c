/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>

#include "patcher/kernel/decompress.h"
#include "tests/unit/pack.h"

/* Half text that packs well, half noise that does not. */
static void make_input(struct byte_buffer *input, size_t size)
{
	uint32_t state = 12345;

	memset(input, 0, sizeof(*input));
	while (input->size < size / 2)
		buffer_append(input, "a kernel is packed here; ", 25);
	while (input->size < size) {
		state = state * 1664525 + 1013904223;
		buffer_word(input, state >> 24, 1);
	}
}

static void check_round_trip(enum compression compression, const struct byte_buffer *input)
{
	struct byte_buffer packed = {0};
	struct problem problem = {0};
	uint8_t *output = NULL;
	size_t size = 0;

	pack(compression, input, &packed);
	assert_int_equal(compression_detect(packed.data, packed.size), compression);
	/* An lz4 frame ends with its input; the others have an end mark. */
	if (compression != COMPRESSION_LZ4)
		buffer_append(&packed, "trailing bytes", 14);
	if (!decompress(compression, packed.data, packed.size, input->size, &output, &size,
	                &problem))
		fail_msg("%s, %zu bytes: %s", compression_name(compression), input->size,
		         problem.text);
	assert_int_equal(size, input->size);
	assert_memory_equal(output, input->data, size);
	free(output);
	buffer_free(&packed);
}

static void test_every_compression_unpacks(void **state)
{
	static const size_t sizes[] = {1, 100, 65535, 65536, 65537, 262144, 300000, 5000000};
	struct byte_buffer input;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		make_input(&input, sizes[i]);
		for (int compression = COMPRESSION_GZIP; compression <= COMPRESSION_ZSTD;
		     compression++)
			check_round_trip(compression, &input);
		buffer_free(&input);
	}
}

static void test_more_than_the_limit_is_refused(void **state)
{
	struct byte_buffer input;

	(void)state;
	make_input(&input, 300000);
	for (int compression = COMPRESSION_GZIP; compression <= COMPRESSION_ZSTD; compression++) {
		static const size_t limits[] = {299999, 131072, 65536, 1, 0};
		struct byte_buffer packed = {0};

		pack(compression, &input, &packed);
		for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
			struct problem problem = {0};
			uint8_t *output;
			size_t size;

			assert_false(decompress(compression, packed.data, packed.size, limits[i],
			                        &output, &size, &problem));
			assert_int_equal(problem.diagnostic, DIAGNOSTIC_COMPRESSION_LIMIT);
		}
		buffer_free(&packed);
	}
	buffer_free(&input);
}

static void test_cut_at_every_byte_is_refused(void **state)
{
	struct byte_buffer input;

	(void)state;
	make_input(&input, 1500);
	for (int compression = COMPRESSION_GZIP; compression <= COMPRESSION_ZSTD; compression++) {
		struct byte_buffer packed = {0};

		pack(compression, &input, &packed);
		for (size_t cut = 0; cut < packed.size; cut++) {
			/* an allocation of its own, so that a sanitizer sees what is read behind it
			 */
			uint8_t *start = malloc(cut ? cut : 1), *output = NULL;
			struct problem problem = {0};
			size_t size = 0;

			memcpy(start, packed.data, cut);
			if (decompress(compression, start, cut, input.size, &output, &size,
			               &problem)) {
				/* lz4's frame has no end mark: a cut between blocks cannot be seen
				 */
				assert_int_equal(compression, COMPRESSION_LZ4);
				assert_true(cut <= 4);
				assert_int_equal(size, 0);
				free(output);
			} else {
				assert_true(problem.diagnostic ==
				                DIAGNOSTIC_COMPRESSION_TRUNCATED ||
				            problem.diagnostic == DIAGNOSTIC_COMPRESSION_DAMAGED);
			}
			free(start);
		}
		buffer_free(&packed);
	}
	buffer_free(&input);
}

/* Whether a frame of pack() ends with a checksum of the unpacked bytes. */
static bool has_checksum(enum compression compression)
{
	return compression == COMPRESSION_GZIP || compression == COMPRESSION_BZIP2 ||
	       compression == COMPRESSION_XZ || compression == COMPRESSION_LZO;
}

/* Whatever a damaged byte does, the outcome is a problem or bytes within the limit. */
static void test_damage_at_every_byte_is_survived(void **state)
{
	struct byte_buffer input;

	(void)state;
	make_input(&input, 1500);
	for (int compression = COMPRESSION_GZIP; compression <= COMPRESSION_ZSTD; compression++) {
		struct byte_buffer packed = {0};
		size_t refused = 0;

		pack(compression, &input, &packed);
		for (size_t at = 0; at < packed.size; at++) {
			for (int bit = 0; bit < 8; bit++) {
				struct problem problem = {0};
				uint8_t *output = NULL;
				size_t size = 0;

				packed.data[at] ^= (uint8_t)(1 << bit);
				if (decompress(compression, packed.data, packed.size, input.size,
				               &output, &size, &problem)) {
					assert_true(size <= input.size);
					if (has_checksum(compression))
						assert_memory_equal(output, input.data, size);
					free(output);
				} else {
					assert_int_not_equal(problem.text[0], '\0');
					refused++;
				}
				packed.data[at] ^= (uint8_t)(1 << bit);
			}
		}
		assert_true(refused > (has_checksum(compression) ? packed.size * 7 : 0));
		buffer_free(&packed);
	}
	buffer_free(&input);
}

static long resident_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* 32 MiB of zeros: memory grows to the limit and no further. */
static void test_bombs_cost_no_memory(void **state)
{
	struct byte_buffer input = {0};
	struct byte_buffer packed[COMPRESSION_ZSTD + 1] = {{0}};
	long before;

	(void)state;
	buffer_fill(&input, 0, 32 << 20);
	for (int compression = COMPRESSION_GZIP; compression <= COMPRESSION_ZSTD; compression++)
		pack(compression, &input, &packed[compression]);
	buffer_free(&input);
	/* The packers' own memory is in the high-water mark already. */
	before = resident_kib();
	for (int compression = COMPRESSION_GZIP; compression <= COMPRESSION_ZSTD; compression++) {
		struct problem problem = {0};
		uint8_t *output;
		size_t size;

		assert_false(decompress(compression, packed[compression].data,
		                        packed[compression].size, 1 << 20, &output, &size,
		                        &problem));
		assert_int_equal(problem.diagnostic, DIAGNOSTIC_COMPRESSION_LIMIT);
		buffer_free(&packed[compression]);
	}
	assert_true(resident_kib() - before < 64 << 10);
}

/* Headers that ask for dictionaries larger than Linux ever uses. */
static void test_large_dictionaries_are_refused(void **state)
{
	/* properties, a dictionary of 1 GiB, unknown size, the range coder's first bytes */
	static const uint8_t lzma[32] = {0x5d, 0,   0,   0,   0x40, 255, 255,
	                                 255,  255, 255, 255, 255,  255};
	/* no content size, a window of 1 GiB, an empty last block */
	static const uint8_t zstd[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 0x01, 0x00, 0x00};
	struct problem problem = {0};
	uint8_t *output;
	size_t size;

	(void)state;
	assert_false(
	    decompress(COMPRESSION_LZMA, lzma, sizeof(lzma), 1 << 20, &output, &size, &problem));
	assert_int_equal(problem.diagnostic, DIAGNOSTIC_COMPRESSION_DICTIONARY);
	assert_false(
	    decompress(COMPRESSION_ZSTD, zstd, sizeof(zstd), 1 << 20, &output, &size, &problem));
	assert_int_equal(problem.diagnostic, DIAGNOSTIC_COMPRESSION_DICTIONARY);
}

static void test_unknown_bytes_are_no_compression(void **state)
{
	(void)state;
	assert_int_equal(compression_detect((const uint8_t *)"\x7f"
	                                                     "ELF",
	                                    4),
	                 COMPRESSION_NONE);
	assert_int_equal(compression_detect((const uint8_t *)"\x1f\x8b", 2), COMPRESSION_NONE);
	assert_int_equal(compression_detect(NULL, 0), COMPRESSION_NONE);
	assert_string_equal(compression_name(COMPRESSION_NONE), "none");
	assert_string_equal(compression_name(COMPRESSION_ZSTD), "zstd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_compression_unpacks),
	    cmocka_unit_test(test_more_than_the_limit_is_refused),
	    cmocka_unit_test(test_cut_at_every_byte_is_refused),
	    cmocka_unit_test(test_damage_at_every_byte_is_survived),
	    cmocka_unit_test(test_bombs_cost_no_memory),
	    cmocka_unit_test(test_large_dictionaries_are_refused),
	    cmocka_unit_test(test_unknown_bytes_are_no_compression),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
