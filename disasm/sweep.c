/* SPDX-License-Identifier: BSD-2-Clause */
#include "disasm/sweep.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "disasm/sweep_table.h"

/*
 * A section is walked in chunks. In a chunk, walk_fast() goes from instruction to instruction by
 * the tables of sweep_table.h. There each step waits for the one before, so that it does as little
 * else as possible: it leaves a mark at each start and notes direct branches. What the tables leave
 * open is for step_slowly(), which asks the decoder. Then collect_branches() computes targets,
 * which do not wait for each other, and collect_starts() makes bits of the marks.
 */

#define CHUNK_SIZE ((size_t)4096)

/* objdump prints no instructions for this many zero bytes or more; of a run that ends before the
 * section does, it takes a multiple of four bytes (binutils manual, objdump, -z). */
#define ZERO_RUN_MINIMUM 8
#define ZERO_RUN_UNIT    4

struct sweeper {
	const struct sweep_input *input;
	struct sweep_result *result;
	const uint8_t *tables; /* NULL: the mode has none */
	size_t fast_end;       /* the tables may be used below this offset */
	size_t position;
	size_t next_known; /* index into known_starts of the first one not passed */
	size_t chunk;      /* offset, a multiple of 64, of the first mark */
	size_t site_capacity;
	size_t range_capacity;
	size_t outside_capacity;
	size_t branch_count;
	uint32_t branches[CHUNK_SIZE]; /* offsets of the chunk's direct branches, ascending */
	uint8_t marks[CHUNK_SIZE];     /* 1 at the chunk's starts, 0 elsewhere */
};

static void bitmap_set(uint64_t *bitmap, size_t bit)
{
	bitmap[bit / 64] |= (uint64_t)1 << (bit % 64);
}

static uint16_t load16(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return le16toh(value);
}

static uint64_t load64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return le64toh(value);
}

/* --- the result's arrays ---------------------------------------------------------------------- */

/* The array with room for one more element at least, or NULL (array is then still valid). */
static void *grow(void *array, size_t count, size_t *capacity, size_t element_size)
{
	size_t wanted = *capacity ? *capacity * 2 : 256;
	void *larger;

	if (count < *capacity)
		return array;
	larger = reallocarray(array, wanted, element_size);
	if (larger)
		*capacity = wanted;
	return larger;
}

static bool add_site(struct sweeper *sweeper, const struct instruction *instruction, uint16_t form)
{
	struct sweep_result *result = sweeper->result;
	struct sweep_site *sites =
	    grow(result->sites, result->site_count, &sweeper->site_capacity, sizeof(*sites));

	if (!sites)
		return false;
	result->sites = sites;
	sites[result->site_count++] = (struct sweep_site){
	    .offset = sweeper->position, .form = form, .length = instruction->length};
	return true;
}

/* Consecutive ranges of undefined bytes become one. */
static bool add_range(struct sweeper *sweeper, size_t offset, size_t size,
                      enum sweep_range_reason reason)
{
	struct sweep_result *result = sweeper->result;
	struct sweep_range *ranges;

	if (reason == SWEEP_UNDEFINED && result->range_count) {
		struct sweep_range *last = &result->ranges[result->range_count - 1];

		if (last->reason == reason && last->offset + last->size == offset) {
			last->size += size;
			return true;
		}
	}
	ranges =
	    grow(result->ranges, result->range_count, &sweeper->range_capacity, sizeof(*ranges));
	if (!ranges)
		return false;
	result->ranges = ranges;
	ranges[result->range_count++] =
	    (struct sweep_range){.offset = offset, .size = size, .reason = reason};
	return true;
}

static bool add_outside_target(struct sweeper *sweeper, uint64_t target)
{
	struct sweep_result *result = sweeper->result;
	uint64_t *targets = grow(result->outside_targets, result->outside_target_count,
	                         &sweeper->outside_capacity, sizeof(*targets));

	if (!targets)
		return false;
	result->outside_targets = targets;
	targets[result->outside_target_count++] = target;
	return true;
}

/* --- direct branches -------------------------------------------------------------------------- */

/* How to read a branch that has no prefix, by its first byte, outside 16-bit mode: the
 * displacement is in its first eight bytes, taken as a number, when that is shifted left until
 * nothing is above it and then right with its sign. */
struct branch_shape {
	uint8_t length; /* 0: not such a branch */
	uint8_t left;
	uint8_t right;
};

#define SHORT_BRANCH                                                                               \
	{                                                                                          \
		2, 48, 56                                                                          \
	}
#define NEAR_BRANCH                                                                                \
	{                                                                                          \
		5, 24, 32                                                                          \
	}
static const struct branch_shape branch_shapes[256] = {
    [0x0f] = {6, 16, 32},          [0x70 ... 0x7f] = SHORT_BRANCH, [0xe0 ... 0xe3] = SHORT_BRANCH,
    [0xe8 ... 0xe9] = NEAR_BRANCH, [0xeb] = SHORT_BRANCH,
};

/* The target of any direct branch, by the decoder. */
static uint64_t other_branch_target(const struct sweep_input *input, size_t offset)
{
	const uint8_t *bytes = input->bytes + offset;
	struct instruction instruction;

	decode_instruction(bytes, input->size - offset, input->mode, &instruction);
	return instruction_branch_target(&instruction, bytes, input->address + offset);
}

static uint64_t branch_target(const struct sweeper *sweeper, size_t offset)
{
	const struct sweep_input *input = sweeper->input;
	const struct branch_shape *shape = &branch_shapes[input->bytes[offset]];
	uint64_t value;

	if (!shape->length || offset >= sweeper->fast_end)
		return other_branch_target(input, offset);
	/* Right shifts of negative numbers are arithmetic with GCC and Clang. */
	value = load64(input->bytes + offset) << shape->left;
	value =
	    (uint64_t)((int64_t)value >> shape->right) + input->address + offset + shape->length;
	return input->mode == DISASM_MODE_64 ? value : (uint32_t)value;
}

static bool collect_branches(struct sweeper *sweeper)
{
	const struct sweep_input *input = sweeper->input;
	uint64_t *targets = sweeper->result->targets;
	size_t count = sweeper->branch_count;

	for (size_t i = 0; i < count; i++) {
		uint64_t target = branch_target(sweeper, sweeper->branches[i]) - input->address;

		if (target < input->size)
			bitmap_set(targets, target);
		else if (!add_outside_target(sweeper, target + input->address))
			return false;
	}
	sweeper->branch_count = 0;
	return true;
}

/* Makes the chunk's part of the bitmap of its marks, and clears them. Eight marks are the lowest
 * bits of eight bytes: the multiplication moves them into the highest byte. */
static void collect_starts(struct sweeper *sweeper)
{
	uint64_t *starts = sweeper->result->starts + sweeper->chunk / 64;

	for (size_t i = 0; i < CHUNK_SIZE; i += 64) {
		uint64_t word = 0;

		for (size_t j = 0; j < 64; j += 8)
			word |= load64(sweeper->marks + i + j) * 0x0102040810204080 >> 56 << j;
		/* The last words may be beyond the bitmap, but are empty then. */
		if (word)
			starts[i / 64] |= word;
	}
	memset(sweeper->marks, 0, sizeof(sweeper->marks));
}

/* --- the walk --------------------------------------------------------------------------------- */

/* The length of an instruction whose entry is not SWEEP_SIMPLE; 0 if the tables do not know it.
 * Each turn is to a context that is one byte longer, so that there are few. */
static size_t special_length(const uint8_t *tables, const uint8_t *bytes, uint8_t entry)
{
	size_t passed = 0;
	size_t length;

	while (entry & SWEEP_CHAIN) {
		passed++;
		entry = tables[((size_t)(entry & SWEEP_LOW_BITS) << 16) + load16(bytes + passed)];
	}
	length = passed + (entry & SWEEP_LOW_BITS);
	if (entry & SWEEP_SIMPLE)
		return length;
	if (entry & SWEEP_SIB)
		return length + ((bytes[passed + 2] & 7) == 5 ? 4 : 0);
	return 0;
}

/* Goes on to limit, beyond it by a last instruction that starts before it, or to the first
 * instruction that the tables do not know. Not inlined, so that its variables stay in registers. */
static __attribute__((noinline)) void walk_fast(struct sweeper *sweeper, size_t limit)
{
	const uint8_t *tables = sweeper->tables;
	const uint8_t *bytes = sweeper->input->bytes;
	uint8_t *marks = sweeper->marks;
	size_t chunk = sweeper->chunk;
	uint32_t *branch = sweeper->branches + sweeper->branch_count;
	size_t position = sweeper->position;

	while (position < limit) {
		uint8_t entry = tables[load16(bytes + position)];
		size_t length = entry & SWEEP_LOW_BITS;

		if (!(entry & SWEEP_SIMPLE)) {
			length = special_length(tables, bytes + position, entry);
			if (!length)
				break;
			entry = SWEEP_SIMPLE;
		}
		marks[position - chunk] = 1;
		*branch = position;
		branch += entry / SWEEP_BRANCH & 1;
		position += length;
	}
	sweeper->branch_count = branch - sweeper->branches;
	sweeper->position = position;
}

/* The run of zero bytes at the position that is no code, or 0; limit is where it ends at last. */
static size_t zero_run(const struct sweeper *sweeper, size_t limit)
{
	const uint8_t *bytes = sweeper->input->bytes;
	size_t end = sweeper->position;

	while (end < limit && !bytes[end])
		end++;
	if (end - sweeper->position < ZERO_RUN_MINIMUM)
		return 0;
	if (end < limit)
		end -= (end - sweeper->position) % ZERO_RUN_UNIT;
	return end - sweeper->position;
}

/* One instruction, or one step over bytes that are none. stop is the next known start or the end
 * of the section. */
static bool step_slowly(struct sweeper *sweeper, size_t stop)
{
	const struct sweep_input *input = sweeper->input;
	const uint8_t *bytes = input->bytes + sweeper->position;
	size_t left = input->size - sweeper->position;
	size_t offset = sweeper->position;
	size_t zeros = zero_run(sweeper, stop);
	struct instruction instruction;
	enum decode_status status;
	uint16_t form;

	if (zeros) {
		sweeper->position += zeros;
		return add_range(sweeper, offset, zeros, SWEEP_ZEROS);
	}
	status = decode_instruction(bytes, left, input->mode, &instruction);
	if (status == DECODE_TRUNCATED) {
		sweeper->position = stop;
		return add_range(sweeper, offset, stop - offset,
		                 stop == input->size ? SWEEP_TRUNCATED : SWEEP_CUT_SHORT);
	}
	if (status != DECODE_OK) {
		sweeper->position++;
		return add_range(sweeper, offset, 1, SWEEP_UNDEFINED);
	}
	if (instruction.length > stop - offset) {
		sweeper->position = stop;
		return add_range(sweeper, offset, stop - offset, SWEEP_CUT_SHORT);
	}
	sweeper->marks[offset - sweeper->chunk] = 1;
	if (instruction_is_direct_branch(&instruction))
		sweeper->branches[sweeper->branch_count++] = offset;
	form = classify_instruction(&instruction, bytes);
	if (form != SENSITIVE_FORM_NONE && !add_site(sweeper, &instruction, form))
		return false;
	sweeper->position += instruction.length;
	return true;
}

/* walk_fast() went over the known start at stop: takes back the instruction that did. */
static bool cut_short(struct sweeper *sweeper, size_t stop)
{
	size_t chunk_end = sweeper->chunk + CHUNK_SIZE;
	size_t offset = (stop < chunk_end ? stop : chunk_end) - 1;

	while (!sweeper->marks[offset - sweeper->chunk])
		offset--;
	sweeper->marks[offset - sweeper->chunk] = 0;
	if (sweeper->branch_count && sweeper->branches[sweeper->branch_count - 1] == offset)
		sweeper->branch_count--;
	sweeper->position = stop;
	return add_range(sweeper, offset, stop - offset, SWEEP_CUT_SHORT);
}

/* The next known start after the position, or the section's end. */
static size_t next_stop(struct sweeper *sweeper)
{
	const struct sweep_input *input = sweeper->input;

	while (sweeper->next_known < input->known_start_count &&
	       input->known_starts[sweeper->next_known] <= sweeper->position)
		sweeper->next_known++;
	return sweeper->next_known < input->known_start_count
	           ? input->known_starts[sweeper->next_known]
	           : input->size;
}

/* Walks until the position has reached the chunk's end. */
static bool walk_chunk(struct sweeper *sweeper)
{
	size_t chunk_end = sweeper->chunk + CHUNK_SIZE;

	while (sweeper->position < sweeper->input->size && sweeper->position < chunk_end) {
		size_t stop = next_stop(sweeper);
		size_t limit = stop < chunk_end ? stop : chunk_end;

		if (limit > sweeper->fast_end)
			limit = sweeper->fast_end;
		if (sweeper->position < limit)
			walk_fast(sweeper, limit);
		if (sweeper->position > stop) {
			if (!cut_short(sweeper, stop))
				return false;
		} else if (sweeper->position < limit || limit == sweeper->fast_end) {
			if (sweeper->position < stop && !step_slowly(sweeper, stop))
				return false;
		}
	}
	return true;
}

static bool walk_section(struct sweeper *sweeper)
{
	while (sweeper->position < sweeper->input->size) {
		sweeper->chunk = sweeper->position / 64 * 64;
		if (!walk_chunk(sweeper) || !collect_branches(sweeper))
			return false;
		collect_starts(sweeper);
	}
	return true;
}

/* --- after the walk --------------------------------------------------------------------------- */

/* A target in the middle of an instruction: the start before it, if that one reaches over it. */
static bool add_overlap(struct sweeper *sweeper, size_t target)
{
	const struct sweep_input *input = sweeper->input;
	size_t start = target;
	struct instruction instruction;

	do {
		if (!start || target - start == INSTRUCTION_MAX_LENGTH)
			return true;
		start--;
	} while (!bitmap_test(sweeper->result->starts, start));
	decode_instruction(input->bytes + start, input->size - start, input->mode, &instruction);
	if (start + instruction.length <= target)
		return true;
	return add_range(sweeper, target, start + instruction.length - target, SWEEP_OVERLAP);
}

static int compare_ranges(const void *left, const void *right)
{
	const struct sweep_range *a = left, *b = right;

	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return (a->reason > b->reason) - (a->reason < b->reason);
}

static bool add_overlaps(struct sweeper *sweeper)
{
	struct sweep_result *result = sweeper->result;
	size_t words = sweeper->input->size / 64 + 1;
	size_t before = result->range_count;

	for (size_t word = 0; word < words; word++) {
		uint64_t bits = result->targets[word] & ~result->starts[word];

		result->instruction_count += __builtin_popcountll(result->starts[word]);
		for (; bits; bits &= bits - 1)
			if (!add_overlap(sweeper, word * 64 + __builtin_ctzll(bits)))
				return false;
	}
	if (result->range_count != before)
		qsort(result->ranges, result->range_count, sizeof(*result->ranges), compare_ranges);
	return true;
}

bool sweep(const struct sweep_input *input, struct sweep_result *result)
{
	struct sweeper sweeper = {
	    .input = input, .result = result, .tables = sweep_tables[input->mode]};
	size_t words = input->size / 64 + 1;

	*result = (struct sweep_result){0};
	if (input->size > UINT32_MAX - 64) {
		errno = EFBIG;
		return false;
	}
	if (sweeper.tables && input->size > SWEEP_TABLE_REACH)
		sweeper.fast_end = input->size - SWEEP_TABLE_REACH;
	result->starts = calloc(words, sizeof(*result->starts));
	result->targets = calloc(words, sizeof(*result->targets));
	if (result->starts && result->targets && walk_section(&sweeper) && add_overlaps(&sweeper))
		return true;
	sweep_result_free(result);
	errno = ENOMEM;
	return false;
}

void sweep_result_free(struct sweep_result *result)
{
	free(result->starts);
	free(result->targets);
	free(result->sites);
	free(result->ranges);
	free(result->outside_targets);
	*result = (struct sweep_result){0};
}

const char *sweep_range_reason_name(enum sweep_range_reason reason)
{
	switch (reason) {
	case SWEEP_UNDEFINED: return "undefined bytes";
	case SWEEP_TRUNCATED: return "truncated instruction";
	case SWEEP_ZEROS: return "zero bytes";
	case SWEEP_CUT_SHORT: return "instruction cut short by a known start";
	case SWEEP_OVERLAP: return "branch into the middle of an instruction";
	}
	return "";
}
