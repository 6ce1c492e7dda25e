/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/kernel/kallsyms_stem.h"

#include <string.h>

#include "patcher/bytes.h"

#define LONGEST_NAME 127      /* what kernel/kallsyms.c had room for */
#define FEWEST       16       /* symbols; any kernel has thousands */
#define BUDGET       20000000 /* names that the search may look at */

struct stem_search {
	const struct kernel *kernel;
	const uint8_t *bytes; /* of a segment */
	size_t size, width;
	long budget;
};

static uint64_t load(const struct stem_search *search, size_t offset)
{
	return search->width == 8 ? bytes_load64(search->bytes + offset)
	                          : bytes_load32(search->bytes + offset);
}

/* Checks count names from offset on, and counts their bytes when whole. */
static bool check_names(struct stem_search *search, size_t offset, size_t count, size_t *total)
{
	size_t length = 0;

	*total = 0;
	for (size_t i = 0; i < count; i++) {
		size_t rest = search->size - offset, stem;
		const uint8_t *name = search->bytes + offset + 1, *end;

		if (--search->budget < 0 || rest < 2)
			return false;
		stem = search->bytes[offset];
		end = memchr(name, '\0', rest - 1 > LONGEST_NAME + 1 ? LONGEST_NAME + 1 : rest - 1);
		if (!end || stem > length)
			return false;
		length = stem + (size_t)(end - name);
		if (length == 0 || length > LONGEST_NAME)
			return false;
		for (const uint8_t *character = name; character < end; character++) {
			if (*character <= ' ' || *character > '~')
				return false;
		}
		*total += length + 1;
		offset += (size_t)(end - name) + 2;
	}
	return true;
}

/* Whether the addresses are the kernel's, all but a few: labels at the end of everything. */
static bool check_addresses(const struct stem_search *search, size_t offset, size_t count)
{
	size_t inside = 0;

	for (size_t i = 0; i < count; i++)
		inside += kernel_segment_at(search->kernel,
		                            load(search, offset + i * search->width)) != NULL;
	return inside >= count - count / 16;
}

/* Whether num_syms stands at offset, behind `run` ascending words. */
static bool check_count(struct stem_search *search, size_t offset, size_t run,
                        struct kallsyms_stem *tables)
{
	uint64_t count = load(search, offset);
	size_t start;

	if (count < FEWEST || count > run)
		return false;
	start = offset - (size_t)count * search->width;
	if (!check_names(search, offset + search->width, (size_t)count, &tables->names_length) ||
	    !check_addresses(search, start, (size_t)count))
		return false;
	tables->count = (size_t)count;
	tables->address_size = (unsigned int)search->width;
	tables->addresses = search->bytes + start;
	tables->names = search->bytes + offset + search->width;
	return true;
}

/* Looks at each word that ends a run of ascending ones: num_syms is less than any address. */
static bool search_segment(struct stem_search *search, struct kallsyms_stem *tables)
{
	uint64_t previous = 0;
	size_t run = 0;

	for (size_t offset = 0; search->size - offset >= search->width && search->budget > 0;
	     offset += search->width) {
		uint64_t value = load(search, offset);

		if (value >= previous) {
			run++;
		} else {
			if (run >= FEWEST && check_count(search, offset, run, tables))
				return true;
			run = 1;
		}
		previous = value;
	}
	return false;
}

bool kallsyms_stem_find(const struct kernel *kernel, struct kallsyms_stem *tables)
{
	struct stem_search search = {
	    .kernel = kernel, .width = kernel->is_64bit ? 8 : 4, .budget = BUDGET};

	for (size_t i = 0; i < kernel->segment_count; i++) {
		const struct kernel_segment *segment = &kernel->segments[i];

		/* The linker aligns what it takes for words. */
		if (segment->virtual_address % search.width)
			continue;
		search.bytes = kernel->image + segment->file_offset;
		search.size = segment->file_size;
		if (search_segment(&search, tables))
			return true;
	}
	return false;
}

uint64_t kallsyms_stem_address(const struct kallsyms_stem *tables, size_t index)
{
	const uint8_t *entry = tables->addresses + index * tables->address_size;

	return tables->address_size == 8 ? bytes_load64(entry) : bytes_load32(entry);
}

size_t kallsyms_stem_unpack(const struct kallsyms_stem *tables, size_t *position,
                            const char *previous, char *buffer)
{
	size_t stem = tables->names[*position];
	const char *rest = (const char *)tables->names + *position + 1;
	size_t length = strlen(rest);

	bytes_copy(buffer, previous, stem);
	memcpy(buffer + stem, rest, length + 1);
	*position += length + 2;
	return stem + length + 1;
}
