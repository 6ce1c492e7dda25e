/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/kernel/kallsyms.h"

#include <string.h>

#include "patcher/bytes.h"

/* What the search may cost at most, in steps of a few instructions each; the stock kernels need
 * some 200,000. Only a file made for it comes near. */
#define BUDGET 20000000

/* KSYM_NAME_LEN is 512 from 6.1 on (128 before), and a name has its type letter in front. */
#define LONGEST_NAME 513

/* What the 256 names from the last marker on can take at most, packed. */
#define LAST_BLOCK (256 * (LONGEST_NAME + 2))

/* Segments below are per-CPU data of 64-bit kernels, which hold no symbols worth counting. */
#define LOWEST_ADDRESS 0x100000

/* Bytes to search, all of one section or segment. */
struct region {
	const uint8_t *bytes;
	size_t size;
	uint64_t address; /* guest-virtual, of the first byte */
};

struct search {
	const struct kernel *kernel;
	struct region region;
	struct kallsyms *tables;
	size_t tokens_start, tokens_end; /* token_table, token_index's end: offsets in region */
	size_t count_at;                 /* num_syms: offset in region */
	long budget;
};

static uint32_t word32(const struct search *search, size_t offset)
{
	return bytes_load32(search->region.bytes + offset);
}

static uint64_t word(const struct search *search, size_t offset, size_t width)
{
	return width == 8 ? bytes_load64(search->region.bytes + offset) : word32(search, offset);
}

/* offset, moved up so that its address is a multiple of alignment (a power of two). */
static size_t align_up(const struct search *search, size_t offset, size_t alignment)
{
	return offset + (-(search->region.address + offset) & (alignment - 1));
}

static bool all_zero(const struct search *search, size_t from, size_t to)
{
	for (; from < to; from++) {
		if (search->region.bytes[from])
			return false;
	}
	return true;
}

static size_t pointer_size(const struct search *search)
{
	return search->kernel->is_64bit ? 8 : 4;
}

/*
 * Whether token_index stands at index_at and agrees with the token table in front of it, whose
 * token '0' begins at digit.
 */
static bool read_token_index(struct search *search, size_t index_at, size_t digit)
{
	const uint8_t *bytes = search->region.bytes;
	struct kallsyms *tables = search->tables;
	size_t start, position = 0;

	if (!bytes_in_range(index_at, 512, search->region.size) || bytes_load16(bytes + index_at))
		return false;
	start = bytes_load16(bytes + index_at + 2 * '0');
	if (start > digit)
		return false;
	start = digit - start;
	for (size_t i = 0; i < 256; i++) {
		const uint8_t *token = bytes + start + position, *end;
		size_t rest = index_at - start - position;

		if (bytes_load16(bytes + index_at + 2 * i) != position)
			return false;
		end = memchr(token, '\0', rest > LONGEST_NAME ? LONGEST_NAME : rest);
		if (!end)
			return false;
		tables->token_start[i] = (uint16_t)position;
		tables->token_length[i] = (uint16_t)(end - token);
		position += (size_t)(end - token) + 1;
		if (position > UINT16_MAX)
			return false;
	}
	if (!all_zero(search, start + position, index_at))
		return false;
	tables->token_table = bytes + start;
	search->tokens_start = start;
	search->tokens_end = index_at + 512;
	return true;
}

/* Whether the token table has its token '0' at digit: tokens '0' to 255, then token_index. */
static bool find_tokens(struct search *search, size_t digit)
{
	const uint8_t *bytes = search->region.bytes;
	size_t position = digit;

	for (size_t i = '0'; i < 256; i++) {
		size_t rest = search->region.size - position;
		const uint8_t *end =
		    memchr(bytes + position, '\0', rest > LONGEST_NAME ? LONGEST_NAME : rest);

		if (!end)
			return false;
		position = (size_t)(end - bytes) + 1;
	}
	search->budget -= 512;
	return read_token_index(search, align_up(search, position, 4), digit) ||
	       read_token_index(search, align_up(search, position, 8), digit);
}

/* The packed length at offset in *length. Returns the bytes it takes, 0 if it is no length. */
static size_t name_length(const uint8_t *bytes, size_t size, size_t *length)
{
	if (size < 1 || bytes[0] == 0)
		return 0;
	*length = bytes[0];
	if (bytes[0] < 0x80)
		return 1;
	if (size < 2)
		return 0;
	*length = (bytes[0] & 0x7f) | (size_t)bytes[1] << 7;
	return 2;
}

/*
 * Whether count names stand at start, agree with the markers and end in front of them, and each
 * unpacks to a type letter and a name.
 */
static bool check_names(struct search *search, size_t start, size_t count, size_t markers,
                        size_t width)
{
	struct kallsyms *tables = search->tables;
	size_t position = start, total = 0;

	for (size_t i = 0; i < count; i++) {
		size_t length, unpacked = 1, head;

		if (--search->budget < 0)
			return false;
		if (i % 256 == 0 &&
		    word(search, markers + i / 256 * width, width) != position - start)
			return false;
		head = name_length(search->region.bytes + position, markers - position, &length);
		if (head == 0 || length > markers - position - head)
			return false;
		position += head;
		for (size_t k = 0; k < length; k++)
			unpacked += tables->token_length[search->region.bytes[position + k]];
		if (unpacked < 3 || unpacked - 1 > LONGEST_NAME)
			return false;
		position += length;
		total += unpacked;
	}
	tables->names_length = total;
	return markers - position < 8 && all_zero(search, position, markers);
}

/* Whether num_syms stands at `at`, with names behind it that agree with the markers. */
static bool check_count(struct search *search, size_t at, size_t markers_at, size_t markers,
                        size_t width)
{
	struct kallsyms *tables = search->tables;
	size_t count = word32(search, at), start = at + 4;

	if (count <= (markers - 1) * 256 || count > markers * 256)
		return false;
	if (!check_names(search, start, count, markers_at, width)) {
		/* num_syms has 8 bytes, or 4 and padding */
		start = at + 8;
		if (!search->kernel->is_64bit || start > markers_at ||
		    word32(search, at + 4) != 0 ||
		    !check_names(search, start, count, markers_at, width))
			return false;
	}
	search->count_at = at;
	tables->count = count;
	tables->names = search->region.bytes + start;
	return true;
}

/* Whether `markers` words at markers_at are the markers, with names and num_syms before them. */
static bool find_names(struct search *search, size_t markers_at, size_t markers, size_t width)
{
	uint64_t last = word(search, markers_at + (markers - 1) * width, width);
	size_t highest, at;

	if (last > markers_at || markers_at - last < 8)
		return false;
	highest = markers_at - (size_t)last - 4;
	at = highest & ~(size_t)3;
	if ((search->region.address & 3) != 0)
		return false; /* no linker places a section of words so */
	for (; highest - at < LAST_BLOCK && --search->budget > 0; at -= 4) {
		if (check_count(search, at, markers_at, markers, width))
			return true;
		if (at < 4)
			break;
	}
	return false;
}

/* Markers directly in front of end: words that ascend from 0. */
static bool find_markers_before(struct search *search, size_t end, size_t width)
{
	size_t offset = end, count = 0;

	while (offset >= width && --search->budget > 0) {
		uint64_t value = word(search, offset - width, width);

		if (count && value >= word(search, offset, width))
			return false;
		offset -= width;
		count++;
		if (value == 0)
			return find_names(search, offset, count, width);
	}
	return false;
}

/* Markers with seqs_of_names (3 bytes a symbol, 4 in some) between them and token_table. */
static bool find_markers_apart(struct search *search)
{
	size_t end = search->tokens_start;

	if (end < 8) /* no room for a marker and what stands before it */
		return false;
	for (size_t offset = align_up(search, end, 4) - 4; offset >= 4 && search->budget > 0;
	     offset -= 4) {
		size_t count = 1, gap;

		search->budget--;
		if (offset > end - 4 || word32(search, offset) != 0)
			continue;
		while (offset + count * 4 + 4 <= end &&
		       word32(search, offset + count * 4) >
		           word32(search, offset + count * 4 - 4) &&
		       --search->budget > 0)
			count++;
		/* The first words of seqs_of_names may look like further markers. */
		for (size_t tail = 0; tail < 4 && tail < count; tail++) {
			gap = end - offset - (count - tail) * 4;
			if (gap / 3 < (count - tail - 1) * 256 ||
			    gap / 4 > (count - tail) * 256 + 2)
				continue;
			if (find_names(search, offset, count - tail, 4))
				return true;
		}
	}
	return false;
}

static bool find_markers(struct search *search)
{
	size_t end = search->tokens_start;

	if (search->kernel->is_64bit && end >= 16 && find_markers_before(search, end, 8))
		return true;
	if (find_markers_before(search, end, 4))
		return true;
	/* An odd number of 4-byte markers in front of a table aligned to 8 bytes. */
	if (search->kernel->is_64bit && end >= 16 && word32(search, end - 4) == 0 &&
	    find_markers_before(search, end - 4, 4))
		return true;
	return find_markers_apart(search);
}

uint64_t kallsyms_address(const struct kallsyms *tables, size_t index)
{
	const uint8_t *entry = tables->addresses + index * tables->address_size;
	uint64_t offset, address = 0;

	if (tables->address_size == 8)
		return bytes_load64(entry);
	offset = (uint64_t)(int64_t)(int32_t)bytes_load32(entry);
	switch (tables->form) {
	case KALLSYMS_ABSOLUTE: address = offset; break;
	case KALLSYMS_RELATIVE: address = tables->base + (uint32_t)offset; break;
	case KALLSYMS_RELATIVE_PERCPU:
		address = (int64_t)offset >= 0 ? offset : tables->base - 1 - offset;
		break;
	case KALLSYMS_PLACE_RELATIVE: address = tables->addresses_at + index * 4 + offset; break;
	}
	return address & tables->highest;
}

/* Whether the addresses ascend, and three quarters of them lie in the kernel. */
static bool check_addresses(struct search *search)
{
	const struct kallsyms *tables = search->tables;
	uint64_t previous = 0;
	const struct kernel_segment *segment = NULL;
	size_t inside = 0;

	for (size_t i = 0; i < tables->count; i++) {
		uint64_t address = kallsyms_address(tables, i);

		if (address < previous || --search->budget < 0)
			return false;
		previous = address;
		if (address < LOWEST_ADDRESS)
			continue;
		/* A label may stand at a segment's end. */
		if (!segment || address - segment->virtual_address > segment->memory_size)
			segment = kernel_segment_at(search->kernel, address);
		inside += segment != NULL;
	}
	return inside >= tables->count - tables->count / 4;
}

/*
 * Whether relative_base is the address of the first symbol that is relative to it, as
 * record_relative_base() in scripts/kallsyms.c chooses it. What follows absolute addresses may look
 * like a base otherwise.
 */
static bool check_base(const struct kallsyms *tables)
{
	if (tables->form == KALLSYMS_RELATIVE)
		return bytes_load32(tables->addresses) == 0;
	for (size_t i = 0; i < tables->count; i++) {
		int32_t offset = (int32_t)bytes_load32(tables->addresses + i * 4);

		if (offset < 0)
			return offset == -1;
	}
	return false;
}

static bool try_form(struct search *search, enum kallsyms_form form, size_t offset, size_t size,
                     size_t base_at)
{
	struct kallsyms *tables = search->tables;

	if (!bytes_in_range(offset, (uint64_t)tables->count * size, search->region.size))
		return false;
	tables->form = form;
	tables->address_size = (unsigned int)size;
	tables->addresses = search->region.bytes + offset;
	tables->addresses_at = search->region.address + offset;
	tables->base = 0;
	tables->highest = search->kernel->is_64bit ? UINT64_MAX : UINT32_MAX;
	if (form == KALLSYMS_RELATIVE || form == KALLSYMS_RELATIVE_PERCPU) {
		if (!bytes_in_range(base_at, pointer_size(search), search->region.size))
			return false;
		tables->base = word(search, base_at, pointer_size(search));
		if (!check_base(tables))
			return false;
	}
	return check_addresses(search);
}

/* Addresses behind token_index, Linux 6.4 and later. */
static bool find_addresses_behind(struct search *search)
{
	size_t pointer = pointer_size(search), count = search->tables->count;
	size_t start = align_up(search, search->tokens_end, pointer);
	size_t base_at = align_up(search, start + count * 4, pointer);

	search->tables->addresses_last = true;
	return try_form(search, KALLSYMS_RELATIVE, start, 4, base_at) ||
	       try_form(search, KALLSYMS_RELATIVE_PERCPU, start, 4, base_at) ||
	       try_form(search, KALLSYMS_ABSOLUTE, start, pointer, 0) ||
	       try_form(search, KALLSYMS_PLACE_RELATIVE, align_up(search, search->tokens_end, 4), 4,
	                0);
}

/* Addresses in front of num_syms, up to Linux 6.3. */
static bool find_addresses_before(struct search *search)
{
	size_t pointer = pointer_size(search), count = search->tables->count;
	size_t end = search->count_at, offsets = (count * 4 + pointer - 1) / pointer * pointer;

	search->tables->addresses_last = false;
	if (end >= pointer + offsets &&
	    (try_form(search, KALLSYMS_RELATIVE, end - pointer - offsets, 4, end - pointer) ||
	     try_form(search, KALLSYMS_RELATIVE_PERCPU, end - pointer - offsets, 4, end - pointer)))
		return true;
	return end >= count * pointer &&
	       try_form(search, KALLSYMS_ABSOLUTE, end - count * pointer, pointer, 0);
}

/* Searches the region for token tables: each has the ten digits as tokens of one character. */
static bool search_region(struct search *search)
{
	static const char digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
	size_t offset = 0;

	while (search->budget > 0) {
		const uint8_t *found = memmem(search->region.bytes + offset,
		                              search->region.size - offset, digits, sizeof(digits));

		if (!found)
			return false;
		offset = (size_t)(found - search->region.bytes);
		if (find_tokens(search, offset) && find_markers(search) &&
		    (find_addresses_behind(search) || find_addresses_before(search)))
			return true;
		offset++;
	}
	return false;
}

bool kallsyms_find(const struct kernel *kernel, struct kallsyms *tables)
{
	const struct kernel_section *section = kernel_find_section(kernel, ".rodata");
	struct search search = {.kernel = kernel, .tables = tables, .budget = BUDGET};

	if (section && section->bytes) {
		search.region = (struct region){section->bytes, section->size, section->address};
		if (search_region(&search))
			return true;
	}
	for (size_t i = 0; i < kernel->segment_count; i++) {
		const struct kernel_segment *segment = &kernel->segments[i];

		search.region = (struct region){kernel->image + segment->file_offset,
		                                segment->file_size, segment->virtual_address};
		if (search_region(&search))
			return true;
	}
	return false;
}

size_t kallsyms_unpack(const struct kallsyms *tables, size_t *position, char *buffer)
{
	const uint8_t *name = tables->names + *position;
	size_t length = 0, head = name_length(name, 2, &length), written = 0;

	for (size_t i = 0; i < length; i++) {
		uint8_t token = name[head + i];
		const uint8_t *text = tables->token_table + tables->token_start[token];
		size_t size = tables->token_length[token];

		/* Most are short; token_index follows the table, so 8 bytes can be read. */
		memcpy(buffer + written, text, 8);
		if (size > 8)
			memcpy(buffer + written + 8, text + 8, size - 8);
		written += size;
	}
	buffer[written++] = '\0';
	*position += head + length;
	return written;
}
