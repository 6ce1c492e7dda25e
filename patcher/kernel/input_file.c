/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/kernel/input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "patcher/bytes.h"

#define PIPE_FIRST_STEP ((size_t)1 << 20)

/* Anonymous memory, in large pages where the system has them: reading 16 MB costs half as much. */
static uint8_t *allocate_pages(size_t size)
{
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		return NULL;
	madvise(pages, size, MADV_HUGEPAGE); /* only a hint */
	return pages;
}

/* Reads until size bytes or the end of the file. Returns how many, or -1 with errno. */
static ssize_t read_fully(int descriptor, uint8_t *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t count = read(descriptor, bytes + done, size - done);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		if (count == 0)
			break;
		done += (size_t)count;
	}
	return (ssize_t)done;
}

static bool snapshot(int descriptor, size_t size, struct input_file *file, struct problem *problem)
{
	uint8_t *pages = allocate_pages(size);
	ssize_t count;

	if (!pages)
		return problem_report(problem, OUT_OF_MEMORY);
	count = read_fully(descriptor, pages, size);
	if (count != (ssize_t)size) {
		int error = errno;

		munmap(pages, size);
		if (count < 0)
			return problem_report(problem, INPUT_READ, strerror(error));
		return problem_report(problem, INPUT_CHANGED, (size_t)count, size);
	}
	*file = (struct input_file){.bytes = pages, .size = size, .mapping_size = size};
	return true;
}

static bool map(int descriptor, size_t size, struct input_file *file, struct problem *problem)
{
	void *pages = mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);

	if (pages == MAP_FAILED)
		return problem_report(problem, INPUT_READ, strerror(errno));
	*file = (struct input_file){.bytes = pages, .size = size, .mapping_size = size};
	return true;
}

static bool give_up(uint8_t *pages, size_t size)
{
	munmap(pages, size);
	return false;
}

/* A pipe: its size is known at its end only, so the memory grows with what came out of it. */
static bool read_pipe(int descriptor, struct input_file *file, struct problem *problem)
{
	size_t capacity = PIPE_FIRST_STEP, size = 0;
	uint8_t *pages = allocate_pages(capacity);

	if (!pages)
		return problem_report(problem, OUT_OF_MEMORY);
	for (;;) {
		ssize_t count = read_fully(descriptor, pages + size, capacity - size);
		void *grown;

		if (count < 0) {
			problem_report(problem, INPUT_READ, strerror(errno));
			return give_up(pages, capacity);
		}
		size += (size_t)count;
		if (size < capacity)
			break;
		if (capacity >= INPUT_FILE_SNAPSHOT) {
			problem_report(problem, INPUT_PIPE_LIMIT, INPUT_FILE_SNAPSHOT);
			return give_up(pages, capacity);
		}
		grown = mremap(pages, capacity, capacity * 2, MREMAP_MAYMOVE);
		if (grown == MAP_FAILED) {
			problem_report(problem, OUT_OF_MEMORY);
			return give_up(pages, capacity);
		}
		pages = grown;
		capacity *= 2;
	}
	if (size == 0) {
		problem_report(problem, INPUT_EMPTY);
		return give_up(pages, capacity);
	}
	*file = (struct input_file){.bytes = pages, .size = size, .mapping_size = capacity};
	return true;
}

static bool read_open_file(int descriptor, struct input_file *file, struct problem *problem)
{
	struct stat status;

	if (fstat(descriptor, &status) != 0)
		return problem_report(problem, INPUT_READ, strerror(errno));
	if (S_ISDIR(status.st_mode))
		return problem_report(problem, INPUT_IS_DIRECTORY);
	if (S_ISFIFO(status.st_mode))
		return read_pipe(descriptor, file, problem);
	if (!S_ISREG(status.st_mode))
		return problem_report(problem, INPUT_NOT_REGULAR);
	if (status.st_size <= 0)
		return problem_report(problem, INPUT_EMPTY);
	if ((uint64_t)status.st_size > INPUT_FILE_LARGEST)
		return problem_report(problem, INPUT_TOO_LARGE, WIDE(status.st_size),
		                      WIDE(INPUT_FILE_LARGEST));
	if ((uint64_t)status.st_size > INPUT_FILE_SNAPSHOT)
		return map(descriptor, (size_t)status.st_size, file, problem);
	return snapshot(descriptor, (size_t)status.st_size, file, problem);
}

bool input_file_read(const char *path, struct input_file *file, struct problem *problem)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	bool done;

	memset(file, 0, sizeof(*file));
	if (descriptor < 0)
		return problem_report(problem, INPUT_OPEN, strerror(errno));
	done = read_open_file(descriptor, file, problem);
	close(descriptor);
	return done;
}

void input_file_close(struct input_file *file)
{
	if (file->bytes)
		munmap((void *)file->bytes, file->mapping_size);
	memset(file, 0, sizeof(*file));
}
