/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "patcher/kernel.h"
#include "tests/unit/small_kernel.h"

static char folder[] = "/tmp/postburn-input-test-XXXXXX";

static const char *file_name(const char *name)
{
	static char path[2][256];
	static int next;

	next = !next;
	snprintf(path[next], sizeof(path[next]), "%s/%s", folder, name);
	return path[next];
}

static void write_file(const char *name, const struct byte_buffer *bytes)
{
	FILE *file = fopen(file_name(name), "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes->data, 1, bytes->size, file), bytes->size);
	assert_int_equal(fclose(file), 0);
}

static void check_file_refused(const char *path, enum diagnostic diagnostic)
{
	const struct kernel_read_options options = {NULL};
	struct kernel kernel;
	struct problem problem = {0};

	if (kernel_read(path, &options, &kernel, &problem))
		fail_msg("%s was read", path);
	if (problem.diagnostic != diagnostic)
		fail_msg("%s: E%d instead of E%d: %s", path, (int)problem.diagnostic,
		         (int)diagnostic, problem.text);
}

static void test_things_that_are_no_files(void **state)
{
	struct byte_buffer nothing = {.data = (uint8_t *)""};

	(void)state;
	check_file_refused(file_name("missing"), DIAGNOSTIC_INPUT_OPEN);
	check_file_refused(folder, DIAGNOSTIC_INPUT_IS_DIRECTORY);
	check_file_refused("/dev/zero", DIAGNOSTIC_INPUT_NOT_REGULAR);
	write_file("empty", &nothing);
	check_file_refused(file_name("empty"), DIAGNOSTIC_INPUT_EMPTY);
	unlink(file_name("empty"));
}

static void test_files_without_permission(void **state)
{
	struct elf_builder builder;
	bool is_root = geteuid() == 0; /* who may read everything, and becomes nobody */

	(void)state;
	small_kernel(&builder, false, NULL);
	write_file("secret", &builder.image);
	assert_int_equal(chmod(file_name("secret"), 0), 0);
	assert_true(!is_root || seteuid(65534) == 0);
	check_file_refused(file_name("secret"), DIAGNOSTIC_INPUT_OPEN);
	assert_true(!is_root || seteuid(0) == 0);
	unlink(file_name("secret"));
	builder_free(&builder);
}

/* From a pipe, as a shell's process substitution gives it: more than one step of memory. */
static void test_pipes_are_read(void **state)
{
	const struct kernel_read_options options = {NULL};
	struct elf_builder builder;
	struct kernel kernel;
	struct problem problem;
	pid_t writer;

	(void)state;
	small_kernel(&builder, false, NULL);
	buffer_fill(&builder.image, 0x55, 3 << 20);
	assert_int_equal(mkfifo(file_name("pipe"), 0600), 0);
	writer = fork();
	assert_true(writer >= 0);
	if (writer == 0) {
		FILE *pipe = fopen(file_name("pipe"), "wb");

		if (pipe) {
			fwrite(builder.image.data, 1, builder.image.size, pipe);
			fclose(pipe);
		}
		_exit(0);
	}
	assert_true(kernel_read(file_name("pipe"), &options, &kernel, &problem));
	assert_int_equal(kernel.file_size, builder.image.size);
	assert_memory_equal(kernel.file, builder.image.data, builder.image.size);
	assert_string_equal(kernel.path, file_name("pipe"));
	kernel_free(&kernel);
	waitpid(writer, NULL, 0);
	unlink(file_name("pipe"));
	builder_free(&builder);
}

/* Files of more than 64 MiB are mapped, and cost what is looked at. */
static void test_large_files_are_mapped(void **state)
{
	const struct kernel_read_options options = {NULL};
	struct elf_builder builder;
	struct kernel kernel;
	struct problem problem;
	struct rusage before, after;

	(void)state;
	small_kernel(&builder, false, NULL);
	write_file("large", &builder.image);
	assert_int_equal(truncate(file_name("large"), 300 << 20), 0); /* a hole */
	getrusage(RUSAGE_SELF, &before);
	assert_true(kernel_read(file_name("large"), &options, &kernel, &problem));
	getrusage(RUSAGE_SELF, &after);
	assert_int_equal(kernel.file_size, 300 << 20);
	assert_int_equal(kernel.image_size, builder.image.size);
	assert_true(after.ru_maxrss - before.ru_maxrss < 32 << 10);
	kernel_free(&kernel);
	unlink(file_name("large"));
	builder_free(&builder);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_large_files_are_mapped),
	    cmocka_unit_test(test_things_that_are_no_files),
	    cmocka_unit_test(test_files_without_permission),
	    cmocka_unit_test(test_pipes_are_read),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
