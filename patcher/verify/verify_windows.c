/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Windows: runs of whole instructions whose bytes were replaced by a jump to a springboard. Most
 * are named by the records of sites; those that only move a branch are found by what they look
 * like, and proved like the others.
 */

#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/verify/verify_private.h"

enum { JUMP = 0xe9, SHORT_JUMP = 0xeb, FILLER = 0xcc, JUMP_SIZE = 5, SHORT_JUMP_SIZE = 2 };

/* --- looking up ------------------------------------------------------------------------------- */

const uint8_t *verify_out_bytes(const struct verifier *verifier, uint32_t address, uint32_t size)
{
	return elf_view_bytes_at(&verifier->out, address, size);
}

/* The number of windows that start at or below address. */
static size_t windows_upto(const struct verifier *verifier, uint32_t address)
{
	size_t low = 0, high = verifier->window_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (verifier->windows[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct verify_window *verify_window_at(const struct verifier *verifier, uint32_t address)
{
	size_t count = windows_upto(verifier, address);
	const struct verify_window *window = count ? &verifier->windows[count - 1] : NULL;

	return window && address - window->start < window->end - window->start ? window : NULL;
}

/* Whether address lies in the padding that holds some window's hop. */
static bool in_hop(const struct verifier *verifier, uint32_t address)
{
	/* A short jump reaches 128 bytes: only windows near address can have their hop there. */
	size_t from = windows_upto(verifier, address < 256 ? 0 : address - 256);
	size_t to = windows_upto(verifier, address + 256);

	for (size_t i = from ? from - 1 : 0; i < to; i++)
		if (verifier->windows[i].hop && address - verifier->windows[i].hop < JUMP_SIZE)
			return true;
	return false;
}

bool verify_is_inside(const struct verifier *verifier, uint32_t address)
{
	const struct verify_window *window = verify_window_at(verifier, address);

	return (window && address != window->start) || in_hop(verifier, address);
}

/* The index of the first entry whose original is not below address. */
static size_t first_entry(const struct verifier *verifier, uint32_t address)
{
	size_t low = 0, high = verifier->entry_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (verifier->entries[middle].original < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool verify_same_target(const struct verifier *verifier, uint32_t before, uint32_t now)
{
	if (before == now)
		return !verify_is_inside(verifier, before);
	for (size_t i = first_entry(verifier, before);
	     i < verifier->entry_count && verifier->entries[i].original == before; i++)
		if (verifier->entries[i].springboard == now)
			return true;
	return false;
}

bool verify_add_entry(struct verifier *verifier, uint32_t original, uint32_t springboard)
{
	if (verifier->entry_count == verifier->entry_capacity) {
		size_t capacity = verifier->entry_capacity ? 2 * verifier->entry_capacity : 1024;
		struct verify_entry *grown = realloc(verifier->entries, capacity * sizeof(*grown));

		if (!grown)
			return verify_out_of_memory(verifier);
		verifier->entries = grown;
		verifier->entry_capacity = capacity;
	}
	verifier->entries[verifier->entry_count++] = (struct verify_entry){original, springboard};
	return true;
}

/* --- windows of records ----------------------------------------------------------------------- */

static struct verify_window *add_window(struct verifier *verifier)
{
	if (!verifier->windows || verifier->window_count == verifier->window_capacity) {
		size_t capacity = verifier->window_capacity ? 2 * verifier->window_capacity : 256;
		struct verify_window *grown = realloc(verifier->windows, capacity * sizeof(*grown));

		if (!grown) {
			verify_out_of_memory(verifier);
			return NULL;
		}
		verifier->windows = grown;
		verifier->window_capacity = capacity;
	}
	verifier->windows[verifier->window_count] = (struct verify_window){0};
	return &verifier->windows[verifier->window_count++];
}

static bool jump_target(const uint8_t *bytes, uint32_t address, uint32_t *target)
{
	if (!bytes || bytes[0] != JUMP)
		return false;
	*target = address + JUMP_SIZE + bytes_load32(bytes + 1);
	return true;
}

/* The window's first bytes lead to its springboard, the rest of them traps. */
static void check_jump(struct verifier *verifier, struct verify_window *window, uint8_t method)
{
	uint32_t size = window->end - window->start, used = JUMP_SIZE, target = 0;
	const uint8_t *bytes = verify_out_bytes(verifier, window->start, size);

	if (!bytes) {
		verify_find(verifier, VERIFY_WINDOW, window->start, "the window is not loaded");
		return;
	}
	if (method == ROM_METHOD_HOP && size >= SHORT_JUMP_SIZE && bytes[0] == SHORT_JUMP) {
		used = SHORT_JUMP_SIZE;
		window->hop = window->start + SHORT_JUMP_SIZE + (uint32_t)(int32_t)(int8_t)bytes[1];
		if (!jump_target(verify_out_bytes(verifier, window->hop, JUMP_SIZE), window->hop,
		                 &target))
			target = 0;
	} else if (method == ROM_METHOD_HOP || size < JUMP_SIZE ||
	           !jump_target(bytes, window->start, &target)) {
		target = 0;
	}
	if (target != window->springboard)
		verify_find(verifier, VERIFY_WINDOW, window->start,
		            "the window does not begin with a jump to its springboard");
	for (uint32_t i = used; i < size; i++)
		if (bytes[i] != FILLER) {
			verify_find(verifier, VERIFY_WINDOW, window->start + i,
			            "the rest of the window is not int3");
			break;
		}
}

/* Every byte of the instruction traps, and nothing but it is in the window. */
static void check_trap(struct verifier *verifier, const struct verify_window *window,
                       const struct rom_site *site)
{
	const uint8_t *bytes = verify_out_bytes(verifier, window->start, site->window_length);

	if (site->window != site->address || site->window_length != site->length)
		verify_find(verifier, VERIFY_SITE, site->address,
		            "the record of a trap has another window than its instruction");
	for (uint32_t i = 0; i < site->window_length; i++)
		if (!bytes || bytes[i] != ROM_TRAP_OPCODE) {
			verify_find(verifier, VERIFY_WINDOW, window->start + i,
			            "the site does not trap");
			break;
		}
	verifier->report->traps++;
}

/* One record's window, unless the record before has named it. */
static bool take_site(struct verifier *verifier, const struct rom_site *site)
{
	struct verify_window *last =
	    verifier->window_count ? &verifier->windows[verifier->window_count - 1] : NULL;
	uint32_t end = site->window + site->window_length;

	if (!site->window_length)
		return true;
	if (last && last->start == site->window) {
		if (last->end != end || last->springboard != site->springboard)
			verify_find(verifier, VERIFY_SITE, site->address,
			            "two records tell of one window in two ways");
		return true;
	}
	if (last && site->window < last->end) {
		verify_find(verifier, VERIFY_SITE, site->address,
		            "the record's window overlaps the one before");
		return true;
	}
	last = add_window(verifier);
	if (!last)
		return false;
	last->start = site->window;
	last->end = end;
	last->springboard = site->springboard;
	last->has_site = true;
	last->traps = site->method == ROM_METHOD_TRAP;
	last->in_place = site->method == ROM_METHOD_IN_PLACE || last->traps;
	if (last->traps)
		check_trap(verifier, last, site);
	else if (!last->in_place)
		check_jump(verifier, last, site->method);
	return true;
}

/* A site kept native whose bytes were replaced all the same must be known to stand elsewhere. */
static void check_covered_sites(struct verifier *verifier)
{
	for (size_t i = 0; i < verifier->site_count; i++) {
		const struct rom_site *site = &verifier->sites[i];
		const struct verify_window *window = verify_window_at(verifier, site->address);

		if (window && window->has_site && !site->window_length)
			verify_find(verifier, VERIFY_SITE, site->address,
			            "the site is in a window, but its record does not say so");
	}
}

/* --- windows without records ------------------------------------------------------------------ */

/* Whether the origins say that a springboard begins at springboard, for the code at original. */
static bool has_origin(const struct verifier *verifier, uint32_t springboard, uint32_t original)
{
	size_t at = verify_first_origin(verifier, springboard);

	return at < verifier->origin_count && verifier->origins[at].springboard == springboard &&
	       verifier->origins[at].original == original;
}

/* A byte differs at address: does a window that no record names begin here, or just before? */
static bool find_window(struct verifier *verifier, const struct verify_code *code, uint32_t address,
                        uint32_t *end)
{
	for (uint32_t back = 0; back < JUMP_SIZE; back++) {
		uint32_t start = address - back, target;
		const uint8_t *bytes = verify_out_bytes(verifier, start, JUMP_SIZE);
		struct verify_window *window;

		if (start < code->section->address ||
		    !bitmap_test(code->sweep.starts, start - code->section->address) ||
		    !jump_target(bytes, start, &target) || !has_origin(verifier, target, start))
			continue;
		window = add_window(verifier);
		if (!window)
			return false;
		window->start = start;
		window->springboard = target;
		*end = start + JUMP_SIZE; /* at least; the springboard says */
		return true;
	}
	*end = address + 1;
	return true;
}

/* Looks at every byte of code that differs and is in no window of the first count. */
static bool find_windows(struct verifier *verifier, const struct verify_code *code, size_t count)
{
	uint32_t base = (uint32_t)code->section->address, size = (uint32_t)code->section->size;
	const uint8_t *before = code->section->bytes;
	const uint8_t *now = verify_out_bytes(verifier, base, size);
	size_t next = 0;

	if (!now)
		return true; /* verify_bytes() tells */
	for (uint32_t at = 0; at < size;) {
		if (size - at >= 64 && !memcmp(before + at, now + at, 64)) {
			at += 64;
			continue;
		}
		while (next < count && verifier->windows[next].end <= base + at)
			next++;
		if (next < count && verifier->windows[next].start <= base + at) {
			at = verifier->windows[next].end - base;
			continue;
		}
		if (before[at] == now[at]) {
			at++;
			continue;
		}
		if (!find_window(verifier, code, base + at, &at))
			return false;
		at -= base;
	}
	return true;
}

static int compare_windows(const void *left, const void *right)
{
	const struct verify_window *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

static int compare_springboards(const void *left, const void *right)
{
	const struct verify_window *const *a = left, *const *b = right;

	return ((*a)->springboard > (*b)->springboard) - ((*a)->springboard < (*b)->springboard);
}

static int compare_entries(const void *left, const void *right)
{
	const struct verify_entry *a = left, *b = right;

	return (a->original > b->original) - (a->original < b->original);
}

/* --- springboards ----------------------------------------------------------------------------- */

/* Takes one springboard's origins apart: those of one instruction, side by side, are one segment.
 */
static size_t add_segments(struct verifier *verifier, struct verify_window *window, size_t origin)
{
	window->first_segment = (uint32_t)verifier->segment_count;
	for (; origin < verifier->origin_count &&
	       verifier->origins[origin].springboard < window->limit;
	     origin++) {
		const struct rom_origin *from = &verifier->origins[origin];
		struct verify_segment *last = &verifier->segments[verifier->segment_count];

		if (window->segment_count && last[-1].original == from->original)
			continue;
		if (window->segment_count)
			last[-1].end = from->springboard;
		*last = (struct verify_segment){from->springboard, window->limit, from->original};
		verifier->segment_count++;
		window->segment_count++;
	}
	return origin;
}

/* Where each springboard ends is where the next begins. */
static bool cut_springboards(struct verifier *verifier)
{
	const struct elf_view_section *text = verifier->text_section;
	struct verify_window **order =
	    malloc((verifier->window_count + 1) * sizeof(struct verify_window *));
	size_t count = 0, origin = 0;

	verifier->segments = malloc((verifier->origin_count + 1) * sizeof(*verifier->segments));
	if (!order || !verifier->segments) {
		free(order);
		return verify_out_of_memory(verifier);
	}
	for (size_t i = 0; i < verifier->window_count; i++)
		if (!verifier->windows[i].in_place)
			order[count++] = &verifier->windows[i];
	qsort(order, count, sizeof(struct verify_window *), compare_springboards);
	for (size_t i = 0; i < count; i++) {
		order[i]->limit =
		    i + 1 < count ? order[i + 1]->springboard : text->address + text->size;
		if (order[i]->limit == order[i]->springboard)
			verify_find(verifier, VERIFY_SPRINGBOARD, order[i]->springboard,
			            "two windows have one springboard");
		for (; origin < verifier->origin_count &&
		       verifier->origins[origin].springboard < order[i]->springboard;
		     origin++)
			verify_find(verifier, VERIFY_ORIGIN, verifier->origins[origin].springboard,
			            "the origin is of no springboard");
		origin = add_segments(verifier, order[i], origin);
	}
	for (; origin < verifier->origin_count; origin++)
		verify_find(verifier, VERIFY_ORIGIN, verifier->origins[origin].springboard,
		            "the origin is of no springboard");
	free(order);
	return true;
}

static void check_order(struct verifier *verifier)
{
	for (size_t i = 1; i < verifier->window_count; i++)
		if (verifier->windows[i].start < verifier->windows[i - 1].end)
			verify_find(verifier, VERIFY_WINDOW, verifier->windows[i].start,
			            "the window overlaps the one before");
}

bool verify_windows(struct verifier *verifier)
{
	size_t count;

	for (size_t i = 0; i < verifier->site_count; i++)
		if (!take_site(verifier, &verifier->sites[i]))
			return false;
	check_covered_sites(verifier);
	count = verifier->window_count;
	for (size_t i = 0; i < verifier->input->code_count; i++)
		if (!find_windows(verifier, &verifier->input->code[i], count))
			return false;
	if (verifier->window_count)
		qsort(verifier->windows, verifier->window_count, sizeof(*verifier->windows),
		      compare_windows);
	verifier->report->windows = verifier->window_count;
	if (!cut_springboards(verifier))
		return false;
	for (size_t i = 0; i < verifier->window_count; i++)
		verify_springboard_entries(verifier, &verifier->windows[i]);
	check_order(verifier);
	if (verifier->entry_count)
		qsort(verifier->entries, verifier->entry_count, sizeof(*verifier->entries),
		      compare_entries);
	return !verifier->report->out_of_memory;
}
