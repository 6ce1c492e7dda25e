/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/mutation/mutators.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "disasm/decode.h"
#include "patchtables/rom_abi.h"

#define ATTEMPTS 64 /* to find a place that fits */

enum { JUMP = 0xe9, CALL = 0xe8, NOP = 0x90 };

/* --- helpers ---------------------------------------------------------------------------------- */

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators". */
static uint32_t below(struct mutation *mutation, uint32_t limit)
{
	mutation->random ^= mutation->random >> 12;
	mutation->random ^= mutation->random << 25;
	mutation->random ^= mutation->random >> 27;
	return limit ? (uint32_t)((mutation->random * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % limit
	             : 0;
}

static void describe(struct mutation *mutation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void describe(struct mutation *mutation, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(mutation->what, sizeof(mutation->what), format, arguments);
	va_end(arguments);
}

/* Bytes about to be changed; NULL if there are too many places. */
static uint8_t *touch(struct mutation *mutation, uint32_t offset, uint32_t size)
{
	if (mutation->touched_count == MUTATION_TOUCHED || offset > mutation->output->size ||
	    size > mutation->output->size - offset)
		return NULL;
	mutation->touched[mutation->touched_count++] = (struct part){offset, size, 0};
	return mutation->output->bytes + offset;
}

void mutation_undo(struct mutation *mutation)
{
	mutation->output->size = mutation->output->written;
	for (unsigned int i = 0; i < mutation->touched_count; i++)
		memcpy(mutation->output->bytes + mutation->touched[i].offset,
		       mutation->output->whole + mutation->touched[i].offset,
		       mutation->touched[i].size);
	mutation->touched_count = 0;
}

bool mutation_changed(const struct mutation *mutation)
{
	if (mutation->output->size != mutation->output->written)
		return true;
	for (unsigned int i = 0; i < mutation->touched_count; i++)
		if (memcmp(mutation->output->bytes + mutation->touched[i].offset,
		           mutation->output->whole + mutation->touched[i].offset,
		           mutation->touched[i].size) != 0)
			return true;
	return false;
}

static bool flip_bit(struct mutation *mutation, const struct part *part, const char *what)
{
	uint32_t at = below(mutation, part->size), bit = below(mutation, 8);
	uint8_t *byte = touch(mutation, part->offset + at, 1);

	if (!byte || !part->size)
		return false;
	*byte = (uint8_t)(*byte ^ 1 << bit);
	describe(mutation, "%s+0x%x, file offset 0x%x: bit %u flipped", what, at, part->offset + at,
	         bit);
	return true;
}

static bool add_to_word(struct mutation *mutation, uint32_t offset, uint32_t number)
{
	uint32_t word = output_word(mutation->output, offset) + number;
	uint8_t *bytes = touch(mutation, offset, sizeof(word));

	if (!bytes)
		return false;
	memcpy(bytes, &word, sizeof(word));
	return true;
}

/* A small number, or any. */
static uint32_t some_distance(struct mutation *mutation)
{
	static const int32_t distances[] = {1, -1, 2, -2, 4, -4, 5, -5, 16, -32, 32, 4096};
	uint32_t which = below(mutation, sizeof(distances) / sizeof(distances[0]) + 1);

	return which < sizeof(distances) / sizeof(distances[0]) ? (uint32_t)distances[which]
	                                                        : below(mutation, 1 << 20) + 1;
}

/* --- generated code --------------------------------------------------------------------------- */

static const struct generated *some_instruction(struct mutation *mutation)
{
	const struct output *output = mutation->output;

	return &output->generated[below(mutation, output->generated_count)];
}

/* A generated instruction of an opcode whose lowest bits do not count. */
static const struct generated *find_opcode(struct mutation *mutation, uint8_t opcode, uint8_t mask,
                                           uint8_t length)
{
	for (unsigned int i = 0; i < 50 * ATTEMPTS; i++) {
		const struct generated *at = some_instruction(mutation);

		if ((mutation->output->bytes[at->offset] & mask) == opcode && at->length == length)
			return at;
	}
	return NULL;
}

static bool flip_code(struct mutation *mutation)
{
	return flip_bit(mutation, &mutation->output->text, ".postburn.text");
}

/* Bits of an instruction: those of its first byte come up too seldom otherwise. */
static bool flip_instruction(struct mutation *mutation)
{
	const struct generated *at = some_instruction(mutation);
	struct part part = {at->offset, at->length, 0};

	return flip_bit(mutation, &part, "a generated instruction");
}

static bool move_branch(struct mutation *mutation)
{
	const struct generated *at =
	    find_opcode(mutation, below(mutation, 2) ? JUMP : CALL, 0xff, 5);

	if (!at || !add_to_word(mutation, at->offset + 1, some_distance(mutation)))
		return false;
	describe(mutation, "branch at file offset 0x%x leads elsewhere", at->offset);
	return true;
}

static bool call_other_slot(struct mutation *mutation)
{
	const struct generated *at = find_opcode(mutation, CALL, 0xff, 5);
	uint32_t slots = below(mutation, 120) + 1;

	if (!at ||
	    !add_to_word(mutation, at->offset + 1,
	                 below(mutation, 2) ? slots * ROM_SLOT_SIZE : 0 - slots * ROM_SLOT_SIZE))
		return false;
	describe(mutation, "call at file offset 0x%x calls a slot %u further", at->offset, slots);
	return true;
}

/* The jump back to the kernel goes some bytes too far, or not far enough. */
static bool move_return(struct mutation *mutation)
{
	const struct output *output = mutation->output;

	for (unsigned int i = 0; i < ATTEMPTS; i++) {
		const struct generated *at = find_opcode(mutation, JUMP, 0xff, 5);
		uint32_t from, to;

		if (!at)
			return false;
		from = output->text.address + (at->offset - output->text.offset) + 5;
		to = from + output_word(output, at->offset + 1);
		if (to - output->added.address < output->added.size)
			continue;
		describe(mutation, "return to 0x%08x goes elsewhere", to);
		return add_to_word(mutation, at->offset + 1,
		                   below(mutation, 2) ? below(mutation, 12) + 1
		                                      : 0 - (below(mutation, 12) + 1));
	}
	return false;
}

static bool change_register(struct mutation *mutation)
{
	const struct generated *at = find_opcode(mutation, 0x50, 0xf0, 1);
	uint8_t *byte = at ? touch(mutation, at->offset, 1) : NULL;

	if (!byte)
		return false;
	*byte = (uint8_t)((*byte & 0xf8) | ((*byte + 1 + below(mutation, 7)) & 7));
	describe(mutation, "push or pop at file offset 0x%x has another register", at->offset);
	return true;
}

static bool delete_instruction(struct mutation *mutation)
{
	const struct generated *at = some_instruction(mutation);
	uint8_t *bytes = touch(mutation, at->offset, at->length);

	if (!bytes)
		return false;
	memset(bytes, NOP, at->length);
	describe(mutation, "instruction at file offset 0x%x deleted", at->offset);
	return true;
}

static bool exchange_instructions(struct mutation *mutation)
{
	const struct output *output = mutation->output;
	const struct generated *first = some_instruction(mutation), *second = first + 1;
	uint8_t copy[INSTRUCTION_MAX_LENGTH], *bytes;

	if (second == output->generated + output->generated_count ||
	    second->offset != first->offset + first->length ||
	    output->bytes[first->offset] == CALL || output->bytes[second->offset] == CALL ||
	    output->bytes[second->offset] == JUMP)
		return false;
	bytes = touch(mutation, first->offset, (uint32_t)first->length + second->length);
	if (!bytes)
		return false;
	memcpy(copy, bytes, first->length);
	memmove(bytes, bytes + first->length, second->length);
	memcpy(bytes + second->length, copy, first->length);
	describe(mutation, "instructions at file offset 0x%x exchanged", first->offset);
	return true;
}

/* Instructions with an 8-bit displacement from ESP: another word of the stack. */
static bool change_stack_slot(struct mutation *mutation)
{
	for (unsigned int i = 0; i < 50 * ATTEMPTS; i++) {
		const struct generated *at = some_instruction(mutation);
		const uint8_t *code = mutation->output->bytes + at->offset;
		uint8_t *byte;

		if (at->length != 4 || (code[1] & 0xc7) != 0x44 || code[2] != 0x24)
			continue;
		byte = touch(mutation, at->offset + 3, 1);
		if (!byte)
			return false;
		*byte = (uint8_t)(*byte + (below(mutation, 2) ? 4 : 252));
		describe(mutation, "stack slot at file offset 0x%x changed", at->offset);
		return true;
	}
	return false;
}

/* A constant pushed or moved: return addresses, ports, register numbers. */
static bool change_constant(struct mutation *mutation)
{
	static const uint8_t opcodes[][2] = {{0x68, 0xff}, {0xb8, 0xf8}};
	uint32_t which = below(mutation, 2);
	const struct generated *at = find_opcode(mutation, opcodes[which][0], opcodes[which][1], 5);

	if (!at || !add_to_word(mutation, at->offset + 1, some_distance(mutation)))
		return false;
	describe(mutation, "constant at file offset 0x%x changed", at->offset);
	return true;
}

/* --- windows ---------------------------------------------------------------------------------- */

static bool some_site(struct mutation *mutation, uint32_t *index, struct rom_site *site)
{
	const struct output *output = mutation->output;

	*index = below(mutation, output->site_count);
	memcpy(site, output->bytes + output->sites.offset + *index * sizeof(*site), sizeof(*site));
	return output->site_count;
}

static bool some_window(struct mutation *mutation, struct rom_site *site, uint32_t *offset)
{
	uint32_t index;

	for (unsigned int i = 0; i < ATTEMPTS; i++) {
		if (!some_site(mutation, &index, site))
			return false;
		*offset = output_offset(mutation->output, site->window);
		if (site->window_length && site->springboard && *offset)
			return true;
	}
	return false;
}

static bool flip_window(struct mutation *mutation)
{
	struct rom_site site;
	struct part part = {0};

	if (!some_window(mutation, &site, &part.offset))
		return false;
	part.size = site.window_length;
	return flip_bit(mutation, &part, "a window");
}

static bool restore_window(struct mutation *mutation)
{
	struct rom_site site;
	uint32_t offset;
	uint8_t *bytes;

	if (!some_window(mutation, &site, &offset))
		return false;
	bytes = touch(mutation, offset, site.window_length);
	if (!bytes)
		return false;
	memcpy(bytes, mutation->output->kernel.image + offset, site.window_length);
	describe(mutation, "window at 0x%08x has the input's bytes", site.window);
	return true;
}

/* A site that traps, back in its place. */
static bool restore_trap(struct mutation *mutation)
{
	const struct output *output = mutation->output;
	struct rom_site site = {0};
	uint32_t first = below(mutation, output->site_count), offset;
	uint8_t *bytes;

	for (uint32_t i = 0; i < output->site_count && site.method != ROM_METHOD_TRAP; i++)
		memcpy(&site,
		       output->bytes + output->sites.offset +
		           (first + i) % output->site_count * sizeof(site),
		       sizeof(site));
	offset = output_offset(output, site.address);
	if (site.method != ROM_METHOD_TRAP || !offset)
		return false;
	bytes = touch(mutation, offset, site.length);
	if (!bytes)
		return false;
	memcpy(bytes, site.original, site.length);
	describe(mutation, "the trap at 0x%08x has the input's bytes", site.address);
	return true;
}

static bool change_filler(struct mutation *mutation)
{
	struct rom_site site;
	uint32_t offset;
	uint8_t *byte;

	if (!some_window(mutation, &site, &offset) || site.window_length < 6)
		return false;
	offset += 5 + below(mutation, site.window_length - 5u);
	byte = touch(mutation, offset, 1);
	if (!byte)
		return false;
	*byte = NOP;
	describe(mutation, "filler at file offset 0x%x is a nop", offset);
	return true;
}

static bool exchange_springboards(struct mutation *mutation)
{
	struct rom_site first, second;
	uint32_t here, there;

	if (!some_window(mutation, &first, &here) || !some_window(mutation, &second, &there) ||
	    first.window == second.window || mutation->output->bytes[here] != JUMP ||
	    mutation->output->bytes[there] != JUMP)
		return false;
	describe(mutation, "windows at 0x%08x and 0x%08x lead to each other's springboards",
	         first.window, second.window);
	return add_to_word(mutation, here + 1, second.springboard - first.springboard) &&
	       add_to_word(mutation, there + 1, first.springboard - second.springboard);
}

/* Branches that were led into springboards, and hops. */
static bool flip_moved(struct mutation *mutation)
{
	const struct output *output = mutation->output;
	struct part part = {0, 1, 0};

	if (!output->moved_count)
		return false;
	part.offset = output->moved[below(mutation, output->moved_count)];
	return flip_bit(mutation, &part, "a branch led elsewhere");
}

static bool restore_moved(struct mutation *mutation)
{
	const struct output *output = mutation->output;
	uint32_t offset;
	uint8_t *byte;

	if (!output->moved_count)
		return false;
	offset = output->moved[below(mutation, output->moved_count)];
	byte = touch(mutation, offset, 1);
	if (!byte)
		return false;
	*byte = output->kernel.image[offset];
	describe(mutation, "byte at file offset 0x%x is the input's again", offset);
	return true;
}

static bool flip_kernel(struct mutation *mutation)
{
	const struct output *output = mutation->output;
	const struct kernel_segment *segment =
	    &output->kernel.segments[below(mutation, (uint32_t)output->kernel.segment_count)];
	struct part part = {(uint32_t)segment->file_offset, (uint32_t)segment->file_size, 0};

	return part.size && flip_bit(mutation, &part, "the kernel");
}

/* --- records ---------------------------------------------------------------------------------- */

/* Takes record index out of a table; the count stands at an offset of struct rom_parameters. */
static bool drop_record(struct mutation *mutation, const struct part *table, uint32_t index,
                        uint32_t size, size_t count_offset)
{
	uint8_t *records = touch(mutation, table->offset, table->size);

	if (!records)
		return false;
	memmove(records + index * size, records + (index + 1) * size,
	        table->size - (index + 1) * size);
	memset(records + table->size - size, 0, size);
	return add_to_word(mutation, mutation->output->parameters.offset + (uint32_t)count_offset,
	                   UINT32_MAX);
}

static bool drop_site(struct mutation *mutation)
{
	const struct output *output = mutation->output;
	struct rom_site site;
	uint32_t index;

	if (!some_site(mutation, &index, &site))
		return false;
	describe(mutation, "record of 0x%08x dropped", site.address);
	return drop_record(mutation, &output->sites, index, sizeof(site),
	                   offsetof(struct rom_parameters, site_count));
}

static bool flip_site(struct mutation *mutation)
{
	return flip_bit(mutation, &mutation->output->sites, "records of sites");
}

static bool change_site(struct mutation *mutation)
{
	const struct output *output = mutation->output;
	uint32_t index, field = below(mutation, 6);
	struct rom_site site;
	uint8_t *bytes;

	if (!some_site(mutation, &index, &site))
		return false;
	describe(mutation, "field %u of the record of 0x%08x changed", field, site.address);
	switch (field) {
	case 0: site.address += some_distance(mutation); break;
	case 1: site.window += some_distance(mutation); break;
	case 2: site.springboard += some_distance(mutation); break;
	case 3: site.call = (uint16_t)(site.call + 1 + below(mutation, 100)); break;
	case 4: site.method = (uint8_t)((site.method + 1 + below(mutation, 6)) % 7); break;
	default: site.window_length = (uint8_t)(site.window_length + 1 + below(mutation, 20));
	}
	bytes =
	    touch(mutation, output->sites.offset + index * (uint32_t)sizeof(site), sizeof(site));
	if (!bytes)
		return false;
	memcpy(bytes, &site, sizeof(site));
	return true;
}

/* The window of a record is said to be gone, and its site native. */
static bool deny_site(struct mutation *mutation)
{
	const struct output *output = mutation->output;
	struct rom_site site;
	uint32_t index;
	uint8_t *bytes;

	if (!some_site(mutation, &index, &site) || !site.window_length)
		return false;
	describe(mutation, "record of 0x%08x says native", site.address);
	site.window = site.address;
	site.springboard = 0;
	site.window_length = 0;
	site.method = ROM_METHOD_NONE;
	bytes =
	    touch(mutation, output->sites.offset + index * (uint32_t)sizeof(site), sizeof(site));
	if (!bytes)
		return false;
	memcpy(bytes, &site, sizeof(site));
	return true;
}

static bool exchange_records(struct mutation *mutation, const struct part *table, uint32_t size,
                             const char *what)
{
	uint32_t count = table->size / size, first, second;
	uint8_t *records, copy[sizeof(struct rom_site)];

	if (count < 2)
		return false;
	first = below(mutation, count);
	second = below(mutation, count);
	records = touch(mutation, table->offset, table->size);
	if (!records)
		return false;
	memcpy(copy, records + first * size, size);
	memmove(records + first * size, records + second * size, size);
	memcpy(records + second * size, copy, size);
	describe(mutation, "%s %u and %u exchanged", what, first, second);
	return true;
}

static bool exchange_sites(struct mutation *mutation)
{
	return exchange_records(mutation, &mutation->output->sites, sizeof(struct rom_site),
	                        "records of sites");
}

static bool exchange_origins(struct mutation *mutation)
{
	return exchange_records(mutation, &mutation->output->origins, sizeof(struct rom_origin),
	                        "origins");
}

static bool drop_origin(struct mutation *mutation)
{
	const struct output *output = mutation->output;
	uint32_t index = below(mutation, output->origin_count);

	if (!output->origin_count)
		return false;
	describe(mutation, "origin %u dropped", index);
	return drop_record(mutation, &output->origins, index, sizeof(struct rom_origin),
	                   offsetof(struct rom_parameters, origin_count));
}

static bool change_origin(struct mutation *mutation)
{
	const struct output *output = mutation->output;
	static const char *const fields[] = {"springboard", "original", "saved or pushed"};
	uint32_t index = below(mutation, output->origin_count), field = below(mutation, 3);

	if (!output->origin_count)
		return false;
	describe(mutation, "origin %u has another %s", index, fields[field]);
	return add_to_word(mutation,
	                   output->origins.offset + index * (uint32_t)sizeof(struct rom_origin) +
	                       4 * field,
	                   some_distance(mutation));
}

/* --- the ROM ---------------------------------------------------------------------------------- */

static bool swap_slots(struct mutation *mutation)
{
	const struct output *output = mutation->output;
	uint32_t first = below(mutation, ROM_SLOT_COUNT), second = below(mutation, ROM_SLOT_COUNT);
	uint8_t *one, *other, copy[ROM_SLOT_SIZE];

	one = touch(mutation, output->rom_image.offset + first * ROM_SLOT_SIZE, ROM_SLOT_SIZE);
	other = touch(mutation, output->rom_image.offset + second * ROM_SLOT_SIZE, ROM_SLOT_SIZE);
	if (!one || !other)
		return false;
	memcpy(copy, one, ROM_SLOT_SIZE);
	memmove(one, other, ROM_SLOT_SIZE);
	memcpy(other, copy, ROM_SLOT_SIZE);
	describe(mutation, "slots %u and %u swapped", first, second);
	return true;
}

static bool flip_rom(struct mutation *mutation)
{
	return flip_bit(mutation, &mutation->output->rom_image, ".vmi_rom");
}

static bool flip_wedge(struct mutation *mutation)
{
	return flip_bit(mutation, &mutation->output->wedge, ".postburn.wedge");
}

static bool flip_parameters(struct mutation *mutation)
{
	return flip_bit(mutation, &mutation->output->parameters, "the parameters");
}

/* --- the file --------------------------------------------------------------------------------- */

static bool flip_header(struct mutation *mutation)
{
	struct part header = {0, sizeof(Elf32_Ehdr), 0};

	return flip_bit(mutation, &header, "the ELF header");
}

static bool flip_programs(struct mutation *mutation)
{
	return flip_bit(mutation, &mutation->output->programs, "the program headers");
}

static bool flip_sections(struct mutation *mutation)
{
	return flip_bit(mutation, &mutation->output->sections, "the section headers");
}

static bool flip_notes(struct mutation *mutation)
{
	return flip_bit(mutation, &mutation->output->notes, "the notes");
}

static bool flip_symbols(struct mutation *mutation)
{
	return flip_bit(mutation, &mutation->output->symbols, ".symtab");
}

static bool flip_strings(struct mutation *mutation)
{
	return flip_bit(mutation, &mutation->output->strings, ".strtab");
}

/* Anywhere behind the input's image. */
static bool flip_tail(struct mutation *mutation)
{
	const struct output *output = mutation->output;
	struct part tail = {(uint32_t)output->kernel.image_size,
	                    (uint32_t)(output->written - output->kernel.image_size), 0};

	return flip_bit(mutation, &tail, "what was added to the file");
}

static bool flip_file(struct mutation *mutation)
{
	struct part file = {0, (uint32_t)mutation->output->written, 0};

	return flip_bit(mutation, &file, "the file");
}

static bool cut_file(struct mutation *mutation)
{
	uint32_t by = 1 + below(mutation, below(mutation, 2) ? 16 : 100000);

	if (by >= mutation->output->written)
		return false;
	mutation->output->size = mutation->output->written - by;
	describe(mutation, "%u bytes cut off the file", by);
	return true;
}

const struct mutator mutators[] = {
    {"flip-code", flip_code},
    {"flip-instruction", flip_instruction},
    {"move-branch", move_branch},
    {"call-other-slot", call_other_slot},
    {"move-return", move_return},
    {"change-register", change_register},
    {"delete-instruction", delete_instruction},
    {"exchange-instructions", exchange_instructions},
    {"change-stack-slot", change_stack_slot},
    {"change-constant", change_constant},
    {"flip-window", flip_window},
    {"restore-window", restore_window},
    {"restore-trap", restore_trap},
    {"change-filler", change_filler},
    {"exchange-springboards", exchange_springboards},
    {"flip-moved-branch", flip_moved},
    {"restore-moved-branch", restore_moved},
    {"flip-kernel", flip_kernel},
    {"drop-site", drop_site},
    {"flip-site", flip_site},
    {"change-site", change_site},
    {"deny-site", deny_site},
    {"exchange-sites", exchange_sites},
    {"exchange-origins", exchange_origins},
    {"drop-origin", drop_origin},
    {"change-origin", change_origin},
    {"swap-slots", swap_slots},
    {"flip-rom", flip_rom},
    {"flip-wedge", flip_wedge},
    {"flip-parameters", flip_parameters},
    {"flip-elf-header", flip_header},
    {"flip-program-headers", flip_programs},
    {"flip-section-headers", flip_sections},
    {"flip-notes", flip_notes},
    {"flip-symbols", flip_symbols},
    {"flip-strings", flip_strings},
    {"flip-tail", flip_tail},
    {"flip-file", flip_file},
    {"cut-file", cut_file},
};

const size_t mutator_count = sizeof(mutators) / sizeof(mutators[0]);
