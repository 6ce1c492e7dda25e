/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "patcher/output_file.h"

struct folder {
	char path[64];
	char file[80];
};

static int make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	strcpy(folder->path, "/tmp/output-file-test.XXXXXX");
	if (!mkdtemp(folder->path))
		return -1;
	snprintf(folder->file, sizeof(folder->file), "%s/report", folder->path);
	*state = folder;
	return 0;
}

static int remove_folder(void **state)
{
	struct folder *folder = *state;

	remove(folder->file);
	rmdir(folder->path);
	free(folder);
	return 0;
}

static unsigned int entries(const char *path)
{
	DIR *directory = opendir(path);
	unsigned int count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count - 2; /* . and .. */
}

static void assert_content(const char *path, const char *expected)
{
	char content[64] = "";
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(content, expected);
}

static void test_commit_puts_the_whole_file_in_place(void **state)
{
	const struct folder *folder = *state;
	struct output_file output;
	struct problem problem;

	assert_true(output_open(&output, folder->file, &problem));
	fputs("first\n", output.stream);
	assert_true(output_finish(&output, &problem));
	assert_int_equal(entries(folder->path), 0);
	assert_true(output_commit(&output, &problem));
	assert_content(folder->file, "first\n");
	assert_int_equal(entries(folder->path), 1);
}

static void test_abandon_keeps_what_was_there(void **state)
{
	const struct folder *folder = *state;
	struct output_file output;
	struct problem problem;

	test_commit_puts_the_whole_file_in_place(state);
	assert_true(output_open(&output, folder->file, &problem));
	fputs("second\n", output.stream);
	output_abandon(&output);
	assert_content(folder->file, "first\n");
	assert_int_equal(entries(folder->path), 1);
}

static void test_commit_replaces_what_was_there(void **state)
{
	const struct folder *folder = *state;
	struct output_file output;
	struct problem problem;

	test_commit_puts_the_whole_file_in_place(state);
	assert_true(output_open(&output, folder->file, &problem));
	fputs("second\n", output.stream);
	assert_int_equal(entries(folder->path), 1);
	assert_true(output_commit(&output, &problem));
	assert_content(folder->file, "second\n");
	assert_int_equal(entries(folder->path), 1);
}

/* As on a file system without files that have no name. */
static void test_a_named_temporary_file_does_as_well(void **state)
{
	const struct folder *folder = *state;
	struct output_file output;
	struct problem problem;

	assert_true(output_open_named(&output, folder->file, &problem));
	fputs("first\n", output.stream);
	assert_int_equal(entries(folder->path), 1);
	assert_int_not_equal(access(folder->file, F_OK), 0);
	assert_true(output_commit(&output, &problem));
	assert_content(folder->file, "first\n");
	assert_true(output_open_named(&output, folder->file, &problem));
	output_abandon(&output);
	assert_content(folder->file, "first\n");
	assert_int_equal(entries(folder->path), 1);
	assert_false(output_open_named(&output, "/nonexistent/folder/report", &problem));
	assert_int_equal(problem.diagnostic, DIAGNOSTIC_OUTPUT_FAILED);
}

/* An output is as open as any new file. */
static void test_the_mode_is_the_umask_s(void **state)
{
	const struct folder *folder = *state;
	bool (*const open[])(struct output_file *, const char *,
	                     struct problem *) = {output_open, output_open_named};
	mode_t mask = umask(027);

	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		struct output_file output;
		struct problem problem;
		struct stat status;

		assert_true(open[i](&output, folder->file, &problem));
		assert_true(output_commit(&output, &problem));
		assert_int_equal(stat(folder->file, &status), 0);
		assert_int_equal(status.st_mode & 0777, 0640);
	}
	umask(mask);
}

static void test_a_missing_folder_is_a_problem(void **state)
{
	struct output_file output;
	struct problem problem;

	(void)state;
	assert_false(output_open(&output, "/nonexistent/folder/report", &problem));
	assert_int_equal(problem.diagnostic, DIAGNOSTIC_OUTPUT_FAILED);
	assert_string_equal(problem.file, "/nonexistent/folder/report");
}

static void test_a_full_disk_is_a_problem(void **state)
{
	struct output_file output;
	struct problem problem;

	(void)state;
	assert_true(output_open(&output, "/dev/full", &problem));
	fputs("text", output.stream);
	assert_false(output_commit(&output, &problem));
	assert_int_equal(problem.diagnostic, DIAGNOSTIC_OUTPUT_FAILED);
	assert_non_null(strstr(problem.text, "No space left"));
}

/* rename() onto a folder fails: the temporary file must go. */
static void test_a_failed_rename_leaves_nothing(void **state)
{
	const struct folder *folder = *state;
	struct output_file output;
	struct problem problem;

	assert_int_equal(mkdir(folder->file, 0777), 0);
	assert_true(output_open(&output, folder->file, &problem));
	fputs("text", output.stream);
	assert_false(output_commit(&output, &problem));
	assert_int_equal(problem.diagnostic, DIAGNOSTIC_OUTPUT_FAILED);
	assert_int_equal(entries(folder->path), 1);
}

/* Of two outputs one fails: neither is there, and what was there before stays. */
static void test_all_or_nothing(void **state)
{
	const struct folder *folder = *state;
	struct output_file outputs[2];
	struct problem problem;

	test_commit_puts_the_whole_file_in_place(state);
	assert_true(output_open(&outputs[0], folder->file, &problem));
	assert_true(output_open(&outputs[1], "/dev/full", &problem));
	fputs("second\n", outputs[0].stream);
	fputs("text", outputs[1].stream);
	assert_false(output_commit_all(outputs, 2, &problem));
	assert_string_equal(problem.file, "/dev/full");
	assert_content(folder->file, "first\n");
	assert_int_equal(entries(folder->path), 1);
	assert_true(output_open(&outputs[0], folder->file, &problem));
	assert_true(output_open(&outputs[1], folder->path, &problem));
	fputs("second\n", outputs[0].stream);
	assert_false(output_commit_all(outputs, 2, &problem));
	assert_string_equal(problem.file, folder->path);
	assert_content(folder->file, "first\n");
	assert_int_equal(entries(folder->path), 1);
}

static void test_all(void **state)
{
	const struct folder *folder = *state;
	struct output_file outputs[2];
	struct problem problem;

	assert_true(output_open(&outputs[0], "/dev/null", &problem));
	assert_true(output_open(&outputs[1], folder->file, &problem));
	fputs("second\n", outputs[1].stream);
	assert_true(output_commit_all(outputs, 2, &problem));
	assert_content(folder->file, "second\n");
	assert_int_equal(entries(folder->path), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_commit_puts_the_whole_file_in_place, make_folder,
	                                    remove_folder),
	    cmocka_unit_test_setup_teardown(test_abandon_keeps_what_was_there, make_folder,
	                                    remove_folder),
	    cmocka_unit_test_setup_teardown(test_commit_replaces_what_was_there, make_folder,
	                                    remove_folder),
	    cmocka_unit_test_setup_teardown(test_a_named_temporary_file_does_as_well, make_folder,
	                                    remove_folder),
	    cmocka_unit_test_setup_teardown(test_the_mode_is_the_umask_s, make_folder,
	                                    remove_folder),
	    cmocka_unit_test(test_a_missing_folder_is_a_problem),
	    cmocka_unit_test(test_a_full_disk_is_a_problem),
	    cmocka_unit_test_setup_teardown(test_a_failed_rename_leaves_nothing, make_folder,
	                                    remove_folder),
	    cmocka_unit_test_setup_teardown(test_all_or_nothing, make_folder, remove_folder),
	    cmocka_unit_test_setup_teardown(test_all, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
