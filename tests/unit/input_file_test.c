/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "patcher/kernel/input_file.h"
#include "patcher/kernel/kernel.h"
#include "tests/unit/small_kernel.h"

/* What happens to the program's reads, in this order: the first is interrupted; each delivers at
 * most `most` bytes; from the `fail_at`th on they fail with `error`, or with 0 are at the file's
 * end. */
static struct {
	bool interrupt;
	size_t most;
	int fail_at, error;
} trouble;

/* Takes the place of the C library's, whose parameters have reserved names. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
ssize_t read(int descriptor, void *bytes, size_t size)
{
	if (trouble.interrupt) {
		trouble.interrupt = false;
		errno = EINTR;
		return -1;
	}
	if (trouble.fail_at && --trouble.fail_at == 0) {
		trouble.fail_at = 1;
		errno = trouble.error;
		return trouble.error ? -1 : 0;
	}
	if (trouble.most && size > trouble.most)
		size = trouble.most;
	return syscall(SYS_read, descriptor, bytes, size);
}

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

static void test_interrupted_and_short_reads_go_on(void **state)
{
	const struct kernel_read_options options = {NULL};
	struct elf_builder builder;
	struct kernel kernel;
	struct problem problem;

	(void)state;
	small_kernel(&builder, false, NULL);
	write_file("kernel", &builder.image);
	trouble.interrupt = true;
	trouble.most = 1000;
	assert_true(kernel_read(file_name("kernel"), &options, &kernel, &problem));
	trouble.most = 0;
	assert_false(trouble.interrupt);
	assert_int_equal(kernel.file_size, builder.image.size);
	assert_memory_equal(kernel.file, builder.image.data, builder.image.size);
	kernel_free(&kernel);
	unlink(file_name("kernel"));
	builder_free(&builder);
}

static void test_failing_reads_are_reported(void **state)
{
	struct elf_builder builder;

	(void)state;
	small_kernel(&builder, false, NULL);
	write_file("kernel", &builder.image);
	trouble.most = 1000;
	trouble.fail_at = 3;
	trouble.error = EIO;
	check_file_refused(file_name("kernel"), DIAGNOSTIC_INPUT_READ);
	trouble.fail_at = 3; /* the file ends early: somebody cut it short meanwhile */
	trouble.error = 0;
	check_file_refused(file_name("kernel"), DIAGNOSTIC_INPUT_CHANGED);
	memset(&trouble, 0, sizeof(trouble));
	unlink(file_name("kernel"));
	builder_free(&builder);
}

static void test_files_without_end_are_refused(void **state)
{
	struct byte_buffer byte = {.data = (uint8_t *)"x", .size = 1};

	(void)state;
	write_file("huge", &byte);
	assert_int_equal(truncate(file_name("huge"), (off_t)INPUT_FILE_LARGEST + 1),
	                 0); /* a hole */
	check_file_refused(file_name("huge"), DIAGNOSTIC_INPUT_TOO_LARGE);
	unlink(file_name("huge"));
}

/* Writes to the pipe until size bytes are through or nobody reads any more. */
static void write_pipe(const char *path, const uint8_t *bytes, size_t size)
{
	FILE *pipe = fopen(path, "wb");

	signal(SIGPIPE, SIG_IGN);
	if (pipe) {
		while (size && fwrite(bytes, 1, size < 65536 ? size : 65536, pipe)) {
			bytes += size < 65536 ? size : 65536;
			size -= size < 65536 ? size : 65536;
		}
		fclose(pipe);
	}
}

static void test_pipes_without_end_are_refused(void **state)
{
	struct byte_buffer zeros = {0};
	pid_t writer;

	(void)state;
	buffer_fill(&zeros, 0, INPUT_FILE_SNAPSHOT + 1);
	assert_int_equal(mkfifo(file_name("pipe"), 0600), 0);
	writer = fork();
	assert_true(writer >= 0);
	if (writer == 0) {
		write_pipe(file_name("pipe"), zeros.data, zeros.size);
		_exit(0);
	}
	check_file_refused(file_name("pipe"), DIAGNOSTIC_INPUT_PIPE_LIMIT);
	waitpid(writer, NULL, 0);
	unlink(file_name("pipe"));
	buffer_free(&zeros);
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
		write_pipe(file_name("pipe"), builder.image.data, builder.image.size);
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
	    cmocka_unit_test(test_interrupted_and_short_reads_go_on),
	    cmocka_unit_test(test_failing_reads_are_reported),
	    cmocka_unit_test(test_files_without_end_are_refused),
	    cmocka_unit_test(test_pipes_without_end_are_refused),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
