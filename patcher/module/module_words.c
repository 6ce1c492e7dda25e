/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/module/module_words.h"

#include <string.h>

#include "patcher/bytes.h"

/*
 * How far an input is moved. All four bytes of a word change when it is added or subtracted,
 * whatever they were: the sum's carries never make up for a byte's share. So a word that follows an
 * input shows with its first byte and its last.
 */
#define STEP 0x01010101u

/* The inputs; behind them come the window's relocated words. */
enum { INPUT_SPRINGBOARD, INPUT_ROM, INPUT_WINDOW, INPUT_RELOCATED };

#define INPUT_COUNT (INPUT_RELOCATED + MODULE_MOST_RELOCATED)

/* How often each input is in a word: +1 and -1. */
struct share {
	uint16_t offset;
	uint64_t plus[2], minus[2]; /* bitmaps of inputs */
};

struct shares {
	struct share list[MODULE_MOST_WORDS]; /* ascending offsets */
	unsigned int count;
};

/* One place of all inputs, and what is built there. */
struct build {
	const struct module_window *window;
	const struct rom *rom;
	uint32_t address, rom_virtual;
	struct window moved;
	uint8_t bytes[WINDOW_MAX_INSTRUCTIONS][INSTRUCTION_MAX_LENGTH];
	struct springboard springboard;
};

static void set_bit(uint64_t *bitmap, unsigned int bit)
{
	bitmap[bit / 64] |= UINT64_C(1) << (bit % 64);
}

bool module_operand_at(const struct instruction *instruction, uint32_t offset)
{
	return (instruction->displacement_size == 4 &&
	        instruction->displacement_offset == offset) ||
	       (instruction->immediate_size == 4 && instruction->immediate_offset == offset);
}

/* --- building with inputs moved ----------------------------------------------------- */

static void add_to_word(uint8_t *bytes, uint32_t value)
{
	uint32_t word = bytes_load32(bytes) + value;

	memcpy(bytes, &word, sizeof(word));
}

/* The inputs as they are. */
static void build_start(struct build *build, const struct module_window *window, uint32_t address,
                        const struct rom *rom, uint32_t rom_virtual)
{
	*build = (struct build){
	    .window = window,
	    .rom = rom,
	    .address = address,
	    .rom_virtual = rom_virtual,
	    .moved = window->window,
	};
	for (unsigned int i = 0; i < window->window.count; i++) {
		struct window_instruction *at = &build->moved.instructions[i];

		memcpy(build->bytes[i], at->bytes, at->instruction.length);
		at->bytes = build->bytes[i];
	}
}

static void move_input(struct build *build, unsigned int input, uint32_t by)
{
	switch (input) {
	case INPUT_SPRINGBOARD: build->address += by; return;
	case INPUT_ROM: build->rom_virtual += by; return;
	case INPUT_WINDOW:
		build->moved.start += by;
		build->moved.end += by;
		for (unsigned int i = 0; i < build->moved.count; i++)
			build->moved.instructions[i].address += by;
		return;
	default: {
		const struct module_relocated *word =
		    &build->window->relocated[input - INPUT_RELOCATED];

		add_to_word(build->bytes[word->instruction] + word->offset, by);
	}
	}
}

static bool build(struct build *build, struct problem *problem)
{
	return springboard_build(&build->moved, build->address, build->rom, build->rom_virtual,
	                         &build->springboard, problem);
}

/* --- which words follow an input ---------------------------------------------------- */

/* The share of the word at offset, made if there is none; NULL if there are too many, or if it
 * overlaps another. */
static struct share *share_at(struct shares *shares, uint16_t offset)
{
	unsigned int i = 0;

	while (i < shares->count && shares->list[i].offset < offset)
		i++;
	if (i < shares->count && shares->list[i].offset == offset)
		return &shares->list[i];
	if (shares->count == MODULE_MOST_WORDS || (i && shares->list[i - 1].offset + 4 > offset) ||
	    (i < shares->count && offset + 4 > shares->list[i].offset))
		return NULL;
	memmove(&shares->list[i + 1], &shares->list[i],
	        (shares->count++ - i) * sizeof(*shares->list));
	shares->list[i] = (struct share){.offset = offset};
	return &shares->list[i];
}

/* false: the springboard is no sum of its inputs. */
static bool note_changes(struct shares *shares, const struct springboard *before,
                         const struct springboard *after, unsigned int input)
{
	unsigned int at = 0;

	if (before->size != after->size)
		return false;
	while (at < before->size) {
		struct share *share;
		uint32_t change;

		if (before->bytes[at] == after->bytes[at]) {
			at++;
			continue;
		}
		if (at + 4 > before->size)
			return false;
		change = bytes_load32(after->bytes + at) - bytes_load32(before->bytes + at);
		share = share_at(shares, (uint16_t)at);
		if (!share || (change != STEP && change != 0 - STEP))
			return false;
		set_bit(change == STEP ? share->plus : share->minus, input);
		at += 4;
	}
	return true;
}

/* --- what that means ---------------------------------------------------------------- */

static bool has_only(const uint64_t *bitmap, unsigned int a, unsigned int b)
{
	uint64_t expected[2] = {0, 0};

	set_bit(expected, a);
	set_bit(expected, b);
	return bitmap[0] == expected[0] && bitmap[1] == expected[1];
}

/* The one relocated word in the bitmap, besides the input given; false if that is not all. */
static bool one_relocated(const uint64_t *bitmap, unsigned int besides, uint8_t *relocated)
{
	for (unsigned int i = INPUT_RELOCATED; i < INPUT_COUNT; i++) {
		if (!(bitmap[i / 64] >> (i % 64) & 1))
			continue;
		*relocated = (uint8_t)(i - INPUT_RELOCATED);
		return has_only(bitmap, i, besides == INPUT_COUNT ? i : besides);
	}
	return false;
}

static bool classify_absolute(const struct share *share, struct module_word *word)
{
	if (has_only(share->plus, INPUT_WINDOW, INPUT_WINDOW)) {
		word->kind = MODULE_WORD_ADDRESS;
		return true;
	}
	word->kind = MODULE_WORD_COPY;
	return one_relocated(share->plus, INPUT_COUNT, &word->relocated);
}

static bool classify_relative(const struct share *share, struct module_word *word)
{
	if (has_only(share->plus, INPUT_ROM, INPUT_ROM)) {
		word->kind = MODULE_WORD_SLOT;
		return true;
	}
	if (has_only(share->plus, INPUT_WINDOW, INPUT_WINDOW)) {
		word->kind = MODULE_WORD_BRANCH;
		return true;
	}
	word->kind = MODULE_WORD_FOLLOW;
	return one_relocated(share->plus, INPUT_WINDOW, &word->relocated);
}

static bool classify(const struct share *share, struct module_word *word)
{
	*word = (struct module_word){.offset = share->offset};
	if (!share->minus[0] && !share->minus[1])
		return classify_absolute(share, word);
	return has_only(share->minus, INPUT_SPRINGBOARD, INPUT_SPRINGBOARD) &&
	       classify_relative(share, word);
}

/* --- the whole ---------------------------------------------------------------------- */

static bool not_linear(const struct module_window *window, struct problem *problem)
{
	return problem_report(problem, MODULE_SPRINGBOARD, WIDE(window->window.start));
}

/* All inputs moved by different distances: the words found must say what comes out. */
static bool check_words(const struct build *first, const struct shares *shares,
                        struct problem *problem)
{
	unsigned int inputs = INPUT_RELOCATED + first->window->relocated_count;
	struct springboard expected = first->springboard;
	struct build moved;

	build_start(&moved, first->window, first->address, first->rom, first->rom_virtual);
	for (unsigned int input = 0; input < inputs; input++) {
		uint32_t by = 0x00203040u + input * 0x00010203u;

		move_input(&moved, input, by);
		for (unsigned int i = 0; i < shares->count; i++) {
			const struct share *share = &shares->list[i];

			if (share->plus[input / 64] >> (input % 64) & 1)
				add_to_word(expected.bytes + share->offset, by);
			if (share->minus[input / 64] >> (input % 64) & 1)
				add_to_word(expected.bytes + share->offset, 0 - by);
		}
	}
	if (!build(&moved, problem))
		return false;
	if (moved.springboard.size != expected.size ||
	    memcmp(moved.springboard.bytes, expected.bytes, expected.size))
		return not_linear(first->window, problem);
	return true;
}

bool module_springboard_build(const struct module_window *window, uint32_t address,
                              const struct rom *rom, uint32_t rom_virtual,
                              struct module_springboard *springboard, struct problem *problem)
{
	struct build first, moved;
	struct shares shares = {.count = 0};

	build_start(&first, window, address, rom, rom_virtual);
	if (!build(&first, problem))
		return false;
	for (unsigned int input = 0; input < INPUT_RELOCATED + window->relocated_count; input++) {
		build_start(&moved, window, address, rom, rom_virtual);
		move_input(&moved, input, STEP);
		if (!build(&moved, problem))
			return false;
		if (!note_changes(&shares, &first.springboard, &moved.springboard, input))
			return not_linear(window, problem);
	}
	if (!check_words(&first, &shares, problem))
		return false;
	springboard->code = first.springboard;
	springboard->word_count = shares.count;
	for (unsigned int i = 0; i < shares.count; i++)
		if (!classify(&shares.list[i], &springboard->words[i]))
			return not_linear(window, problem);
	return true;
}
