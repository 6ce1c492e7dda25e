/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Everything outside the windows: bytes may differ only where a branch follows its target into a
 * springboard, and nothing may lead into replaced bytes, or look them up.
 */

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/verify/verify_code.h"

enum { CHUNK = 64, JUMP_SIZE = 5 };

/* --- bytes that differ ------------------------------------------------------------------------ */

/* A direct branch that covers address, the same but for where it goes; *end is behind it. */
static bool is_moved_branch(struct verifier *verifier, uint32_t address, uint32_t *end)
{
	for (uint32_t back = 1; back < INSTRUCTION_MAX_LENGTH; back++) {
		uint32_t start = address - back, before, now;
		struct instruction instruction;
		const uint8_t *in, *out;

		if (!verify_decode_input(verifier->input, start, &instruction, &in))
			continue;
		out = verify_out_bytes(verifier, start, instruction.length);
		if (instruction.length <= back || !out ||
		    !instruction_is_direct_branch(&instruction) || instruction.operand_size != 32 ||
		    memcmp(in, out, instruction.immediate_offset) != 0)
			return false;
		before = (uint32_t)instruction_branch_target(&instruction, in, start);
		now = (uint32_t)instruction_branch_target(&instruction, out, start);
		*end = start + instruction.length;
		return verify_same_target(verifier, before, now);
	}
	return false;
}

/* A fixup of __ex_table that covers address; check_exceptions() looks where it leads now. */
static bool is_fixup_word(const struct verifier *verifier, uint32_t address, uint32_t *end)
{
	const struct linux_metadata *metadata = &verifier->input->metadata;

	for (size_t i = 0; i < metadata->exception_count; i++) {
		uint32_t word = (uint32_t)metadata->exceptions[i].entry_address + 4;

		if (address - word < 4) {
			*end = word + 4;
			return true;
		}
	}
	return false;
}

/* Bytes of one segment from address on, up to the end of what explains the first of them. */
static uint32_t explain(struct verifier *verifier, uint32_t address, const uint8_t *before,
                        const uint8_t *now, uint32_t left)
{
	const struct verify_window *window = verify_window_at(verifier, address);
	uint32_t size = 1, end;

	verifier->report->bytes_changed++;
	if (window)
		return window->end - address;
	if (verify_is_inside(verifier, address)) /* a hop */
		return 1;
	if (verifier->top && address - verifier->top < 4) /* verify_top() looks at it */
		return verifier->top + 4 - address;
	if (verify_is_disarmed(verifier, address))
		return 1;
	if (is_moved_branch(verifier, address, &end) || is_fixup_word(verifier, address, &end))
		return end - address;
	while (size < left && before[size] != now[size] &&
	       !verify_is_inside(verifier, address + size))
		size++;
	verify_find(verifier, VERIFY_BYTES, address, "%u bytes differ that no site accounts for",
	            (unsigned int)size);
	return size;
}

static void compare_segment(struct verifier *verifier, const struct elf_view_segment *before,
                            const struct elf_view_segment *now)
{
	uint32_t at = 0;

	/* The ELF header may be part of a segment; verify_file() has looked at it. */
	if (before->offset < sizeof(Elf32_Ehdr))
		at = sizeof(Elf32_Ehdr) - before->offset;
	while (at < before->file_size) {
		uint32_t left = before->file_size - at;

		if (left >= CHUNK && !memcmp(before->bytes + at, now->bytes + at, CHUNK))
			at += CHUNK;
		else if (before->bytes[at] == now->bytes[at])
			at++;
		else
			at += explain(verifier, before->virtual + at, before->bytes + at,
			              now->bytes + at, left);
	}
}

void verify_bytes(struct verifier *verifier)
{
	const struct elf_view *in = &verifier->input->view, *out = &verifier->out;
	size_t at = 0;

	verify_top(verifier);
	/* verify_file() has seen that they come in the same order. */
	for (size_t i = 0; i < in->segment_count; i++) {
		if (in->segments[i].type == PT_NOTE)
			continue;
		if (in->segments[i].type == PT_LOAD && in->segments[i].bytes)
			compare_segment(verifier, &in->segments[i], &out->segments[at]);
		at++;
	}
}

/* --- what leads somewhere --------------------------------------------------------------------- */

static void check_target(struct verifier *verifier, uint32_t target, const char *what)
{
	if (verify_is_inside(verifier, target))
		verify_find(verifier, VERIFY_REFERENCE, target, "%s leads into replaced bytes",
		            what);
}

/* The branches of a section as they are now, from its sweep. */
static void check_branches(struct verifier *verifier, const struct verify_code *code,
                           const struct sweep_result *sweep)
{
	uint32_t base = (uint32_t)code->section->address, size = (uint32_t)code->section->size;

	for (size_t i = 0; i < verifier->window_count; i++) {
		const struct verify_window *window = &verifier->windows[i];

		for (uint32_t at = window->start + 1; at != window->end; at++)
			if (at - base < size && bitmap_test(sweep->targets, at - base))
				check_target(verifier, at, "a branch");
		/* The window itself jumps to its hop. */
		for (uint32_t at = window->hop + 1; window->hop && at != window->hop + JUMP_SIZE;
		     at++)
			if (at - base < size && bitmap_test(sweep->targets, at - base))
				check_target(verifier, at, "a branch");
	}
	for (size_t i = 0; i < sweep->outside_target_count; i++)
		check_target(verifier, (uint32_t)sweep->outside_targets[i], "a branch");
}

static bool check_code(struct verifier *verifier)
{
	for (size_t i = 0; i < verifier->input->code_count; i++) {
		const struct verify_code *code = &verifier->input->code[i];
		const uint8_t *bytes = verify_out_bytes(verifier, (uint32_t)code->section->address,
		                                        (uint32_t)code->section->size);
		struct sweep_result sweep;

		if (!bytes) {
			verify_find(verifier, VERIFY_REFERENCE, (uint32_t)code->section->address,
			            "section %s is not loaded", code->section->name);
			continue;
		}
		if (!verify_sweep(code, bytes, &sweep))
			return verify_out_of_memory(verifier);
		check_branches(verifier, code, &sweep);
		sweep_result_free(&sweep);
	}
	return true;
}

/* The word at a relocation: what stands there now, or what went into a springboard. */
static void check_relocation(struct verifier *verifier, const struct kernel_relocation *relocation)
{
	const struct kernel *kernel = verifier->input->kernel;
	uint32_t address = (uint32_t)relocation->address;
	bool moved = verify_window_at(verifier, address) != NULL;
	const uint8_t *bytes =
	    moved ? kernel_bytes_at(kernel, address, 4) : verify_out_bytes(verifier, address, 4);
	bool in_code =
	    relocation->section != UINT32_MAX && kernel->sections[relocation->section].executable;
	const struct linux_table *exceptions = &verifier->input->metadata.exception_table;

	if (!bytes || address - (uint32_t)exceptions->address < exceptions->size)
		return; /* check_exceptions() looks at these */
	if (relocation->type == R_386_32)
		check_target(verifier, bytes_load32(bytes), "a relocated word");
	else if (relocation->type == R_386_PC32 && !in_code)
		check_target(verifier, address + bytes_load32(bytes), "a relative word");
}

/* Without relocations anything that looks like an address is one. */
static void check_words(struct verifier *verifier)
{
	const struct kernel *kernel = verifier->input->kernel;
	uint32_t lowest = verifier->windows[0].start;
	uint32_t highest = verifier->windows[verifier->window_count - 1].end;

	for (size_t i = 0; i < kernel->section_count; i++) {
		const struct kernel_section *section = &kernel->sections[i];

		for (uint64_t at = 0; section->bytes && at + 4 <= section->size; at++) {
			uint32_t word = bytes_load32(section->bytes + at);

			if (word - lowest < highest - lowest)
				check_target(verifier, word, "a word that looks like an address");
		}
	}
}

static void check_pointers(struct verifier *verifier)
{
	const struct kernel *kernel = verifier->input->kernel;

	for (size_t i = 0; i < kernel->relocation_count; i++)
		check_relocation(verifier, &kernel->relocations[i]);
	if (!kernel->has_relocations && verifier->window_count)
		check_words(verifier);
	for (size_t i = 0; i < kernel->symbol_count; i++)
		check_target(verifier, (uint32_t)kernel->symbols[i].address, "a symbol");
	check_target(verifier, (uint32_t)kernel->entry + verifier->guest_offset, "the entry point");
}

/* --- Linux's tables --------------------------------------------------------------------------- */

/* Where the entry's fixup leads now; the word is an address, or relative to itself. */
static uint32_t fixup_now(const struct verifier *verifier, const struct exception_entry *entry)
{
	uint32_t at = (uint32_t)entry->entry_address + 4, before = (uint32_t)entry->fixup.address;
	const uint8_t *in = elf_view_bytes_at(&verifier->input->view, at, 4);
	const uint8_t *out = verify_out_bytes(verifier, at, 4);

	if (!in || !out)
		return before;
	return bytes_load32(out) + (bytes_load32(in) == before ? 0 : at);
}

static void check_fixup(struct verifier *verifier, const struct exception_entry *entry)
{
	uint32_t before = (uint32_t)entry->fixup.address;

	if (!verify_same_target(verifier, before, fixup_now(verifier, entry)))
		verify_find(verifier, VERIFY_REFERENCE, before,
		            "a fixup of __ex_table leads into replaced bytes, or elsewhere");
}

/* An instruction that may fault must fault at its address, or the ROM must put that right. */
static void check_exceptions(struct verifier *verifier)
{
	const struct linux_metadata *metadata = &verifier->input->metadata;
	bool rom_helps = verifier->manifest.properties & ROM_OWNS_TRAPS;

	for (size_t i = 0; i < metadata->exception_count; i++) {
		const struct exception_entry *entry = &metadata->exceptions[i];
		uint32_t address = (uint32_t)entry->instruction.address;

		check_fixup(verifier, entry);
		if (!rom_helps && verify_window_at(verifier, address))
			verify_find(verifier, VERIFY_REFERENCE, address,
			            "an instruction of __ex_table was moved");
	}
}

/* The first window that ends behind address; window_count if there is none. */
static size_t first_window(const struct verifier *verifier, uint32_t address)
{
	size_t low = 0, high = verifier->window_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (verifier->windows[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* What the kernel finds or rewrites by address is where it was. */
static void check_fixed(struct verifier *verifier)
{
	const struct verify_input *input = verifier->input;

	for (size_t i = 0; i < input->fixed_count; i++) {
		const struct verify_range *range = &input->fixed[i];
		size_t at = first_window(verifier, range->start);

		if (range->alternative && verifier->fates[range->alternative - 1] != VERIFY_LIVE)
			continue;
		if (at < verifier->window_count && verifier->windows[at].start < range->end &&
		    !(range->may_begin && verifier->windows[at].start == range->start))
			verify_find(verifier, VERIFY_REFERENCE, range->start, "%s was replaced",
			            range->why);
	}
	for (size_t i = 0; i < verifier->window_count; i++) {
		uint32_t hop = verifier->windows[i].hop;

		for (size_t j = 0; hop && j < input->fixed_count; j++)
			if (input->fixed[j].start < hop + JUMP_SIZE && hop < input->fixed[j].end)
				verify_find(verifier, VERIFY_REFERENCE, hop, "a hop stands in %s",
				            input->fixed[j].why);
	}
}

static void check_tables(struct verifier *verifier)
{
	const struct linux_metadata *metadata = &verifier->input->metadata;

	check_exceptions(verifier);
	check_fixed(verifier);
	for (size_t i = 0; i < metadata->jump_label_count; i++)
		check_target(verifier, (uint32_t)metadata->jump_labels[i].target.address,
		             "a jump label");
	for (size_t i = 0; i < metadata->kprobe_blacklist.count; i++)
		check_target(verifier, (uint32_t)metadata->kprobe_blacklist.places[i].address,
		             "the kprobe blacklist");
	for (size_t i = 0; i < metadata->pci_fixups.count; i++)
		check_target(verifier, (uint32_t)metadata->pci_fixups.places[i].address,
		             ".pci_fixup");
}

/* --- hops ------------------------------------------------------------------------------------- */

static bool goes_on(const struct instruction *instruction)
{
	return instruction->flow == FLOW_NEXT || instruction->flow == FLOW_CONDITIONAL ||
	       instruction->flow == FLOW_CALL || instruction->flow == FLOW_INDIRECT_CALL ||
	       instruction->flow == FLOW_INTERRUPT;
}

/* nop of any length, int3, lea of a register to itself: what compilers put between functions. */
static bool is_padding(const struct instruction *instruction, const uint8_t *bytes)
{
	if (instruction->map == OPCODE_MAP_0F)
		return instruction->opcode == 0x1f;
	if (instruction->map != OPCODE_MAP_ONE_BYTE)
		return false;
	if (instruction->opcode == 0x90 || instruction->opcode == 0xcc)
		return true;
	if (instruction->opcode != 0x8d)
		return false;
	for (unsigned int i = 0; i < instruction->displacement_size; i++)
		if (bytes[instruction->displacement_offset + i])
			return false;
	return true;
}

/* The instruction that ends where address begins, as the sweep sees it; 0 if there is none. */
static uint32_t previous(const struct verifier *verifier, uint32_t address,
                         struct instruction *instruction, const uint8_t **bytes)
{
	for (uint32_t back = 1; back <= INSTRUCTION_MAX_LENGTH; back++)
		if (verify_decode_input(verifier->input, address - back, instruction, bytes) &&
		    instruction->length == back)
			return address - back;
	return 0;
}

/* Nothing runs into the padding that holds a hop. */
static void check_hop(struct verifier *verifier, const struct verify_window *window)
{
	uint32_t at = window->hop, before;
	struct instruction instruction;
	const uint8_t *bytes;

	for (uint32_t inside = at; inside < at + JUMP_SIZE; inside += instruction.length)
		if (!verify_decode_input(verifier->input, inside, &instruction, &bytes) ||
		    !is_padding(&instruction, bytes)) {
			verify_find(verifier, VERIFY_WINDOW, inside,
			            "a hop has replaced what is no padding");
			return;
		}
	for (;; at = before) {
		const struct verify_code *code = verify_code_at(verifier->input, at);

		if (!code || bitmap_test(code->sweep.targets, at - code->section->address))
			break;
		before = previous(verifier, at, &instruction, &bytes);
		if (!before)
			break;
		if (!goes_on(&instruction))
			return;
		if (!is_padding(&instruction, bytes))
			break;
	}
	verify_find(verifier, VERIFY_WINDOW, window->hop,
	            "code may run into the padding that holds a hop");
}

void verify_references(struct verifier *verifier)
{
	if (!check_code(verifier))
		return;
	check_pointers(verifier);
	check_tables(verifier);
	for (size_t i = 0; i < verifier->window_count; i++)
		if (verifier->windows[i].hop)
			check_hop(verifier, &verifier->windows[i]);
}
