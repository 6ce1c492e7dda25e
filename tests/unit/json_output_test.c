/* SPDX-License-Identifier: BSD-2-Clause */

/* JSON as reports write it: in pieces of any size, with anybody's names. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "patcher/json_output.h"

/* What the values write, parsed again by jansson. */
struct written {
	struct json_output output;
	char *text;
	size_t size;
	FILE *stream;
};

static void begin(struct written *written)
{
	written->stream = open_memstream(&written->text, &written->size);
	assert_non_null(written->stream);
	json_output_begin(&written->output, written->stream);
}

static json_t *end(struct written *written, bool expected)
{
	json_t *value;

	assert_int_equal(json_output_end(&written->output), expected);
	fclose(written->stream);
	value = json_loadb(written->text, written->size, JSON_DECODE_ANY, NULL);
	free(written->text);
	return value;
}

/* Pieces smaller and larger than the buffer, whatever is in it before. */
static void test_pieces_of_any_size(void **state)
{
	static const size_t sizes[] = {0, 1, 100, 65000, 65535, 65536, 65537, 200000, 3};
	const size_t count = sizeof(sizes) / sizeof(sizes[0]);
	char *text = malloc(200001);
	struct written written;
	json_t *read;

	(void)state;
	memset(text, 'x', 200000);
	begin(&written);
	for (size_t i = 0; i < count; i++) {
		json_write_text(&written.output, i ? "," : "[");
		json_write_value(&written.output, json_stringn(text, sizes[i]));
	}
	json_write_text(&written.output, "]");
	read = end(&written, true);
	assert_int_equal(json_array_size(read), count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(json_string_length(json_array_get(read, i)), sizes[i]);
	json_decref(read);
	free(text);
}

static void test_values(void **state)
{
	static const uint8_t code[] = {0x0f, 0x30, 0xa5};
	char long_name[3000];
	struct written written;
	json_t *object = json_object(), *array = json_array(), *read;

	(void)state;
	memset(long_name, '\377', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	begin(&written);
	json_put(&written.output, object, "address", json_address(0xc1000000));
	json_put(&written.output, object, "zero", json_address(0));
	json_put(&written.output, object, "all", json_address(UINT64_MAX));
	json_put(&written.output, object, "code", json_hexadecimal(code, sizeof(code)));
	json_put(&written.output, object, "none", json_hexadecimal(code, 0));
	json_put(&written.output, object, "odd", json_printable("a\n\"\\<\xe9"));
	json_put(&written.output, object, "long", json_printable(long_name));
	json_put(&written.output, object, "null", json_printable(NULL));
	json_put(&written.output, object, "size", json_size(5000000000));
	json_add(&written.output, array, object);
	json_write_value(&written.output, array);
	read = end(&written, true);
	object = json_array_get(read, 0);
	assert_string_equal(json_string_value(json_object_get(object, "address")), "0xc1000000");
	assert_string_equal(json_string_value(json_object_get(object, "zero")), "0x0");
	assert_string_equal(json_string_value(json_object_get(object, "all")),
	                    "0xffffffffffffffff");
	assert_string_equal(json_string_value(json_object_get(object, "code")), "0f30a5");
	assert_string_equal(json_string_value(json_object_get(object, "none")), "");
	assert_string_equal(json_string_value(json_object_get(object, "odd")), "a\\x0a\"\\<\\xe9");
	assert_int_equal(json_string_length(json_object_get(object, "long")), 4 * 512);
	assert_true(json_is_null(json_object_get(object, "null")));
	assert_int_equal(json_integer_value(json_object_get(object, "size")), 5000000000);
	json_decref(read);
}

/* A value that could not be made is not left out in silence. */
static void test_missing_values_fail(void **state)
{
	struct written written;
	json_t *object = json_object();

	(void)state;
	begin(&written);
	json_put(&written.output, object, "missing", NULL);
	json_write_value(&written.output, object);
	json_decref(end(&written, false));
	begin(&written);
	json_write_value(&written.output, NULL);
	json_decref(end(&written, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pieces_of_any_size),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_missing_values_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
