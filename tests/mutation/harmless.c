/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/mutation/harmless.h"

#include <stdlib.h>
#include <string.h>

#include "disasm/decode.h"
#include "disasm/text.h"
#include "patchtables/rom_abi.h"
#include "patchtables/vmi_calls.h"
#include "tests/mutation/run.h"

enum { TRAP = 0xcc };

/* Whether all that was touched lies in a part. */
static bool is_all_in(const struct mutation *mutation, const struct part *part)
{
	if (mutation->output->size != mutation->output->written)
		return false;
	for (unsigned int i = 0; i < mutation->touched_count; i++) {
		const struct part *touched = &mutation->touched[i];

		if (touched->offset < part->offset ||
		    touched->offset + touched->size > part->offset + part->size)
			return false;
	}
	return true;
}

/* --- origins ---------------------------------------------------------------------------------- */

/* The last origin at or below address; all zero if there is none. */
static struct rom_origin origin_of(const uint8_t *origins, uint32_t count, uint32_t address)
{
	uint32_t low = 0, high = count;
	struct rom_origin origin = {0};

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		memcpy(&origin, origins + middle * sizeof(origin), sizeof(origin));
		if (origin.springboard <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return (struct rom_origin){0};
	memcpy(&origin, origins + (low - 1) * sizeof(origin), sizeof(origin));
	return origin;
}

/* Calls of slots that may fault, and what reaches memory, unless it is the stack. */
static bool may_fault(const struct output *output, const struct generated *at)
{
	const uint8_t *bytes = output->whole + at->offset;
	uint32_t address = output->text.address + (at->offset - output->text.offset), slot;
	struct instruction instruction;

	if (decode_instruction(bytes, at->length, DISASM_MODE_32, &instruction) != DECODE_OK)
		return true;
	if (instruction.flow == FLOW_CALL) {
		uint32_t target = (uint32_t)instruction_branch_target(&instruction, bytes, address);

		if (target == address + at->length)
			return false; /* to learn EIP: the stack only */
		slot = target - output->rom_image.address;
		for (size_t i = 0; i < vmi_call_count; i++)
			if (vmi_calls[i].number * ROM_SLOT_SIZE == slot)
				return vmi_calls[i].faults;
		return true;
	}
	return instruction.has_modrm && instruction.modrm >> 6 != 3 &&
	       instruction.opcode != 0x8d && /* lea */
	       !(instruction.has_sib && (instruction.sib & 7) == 4);
}

/* Every generated instruction still has its original, and a fault finds the guest's registers. */
static bool same_originals(const struct mutation *mutation)
{
	const struct output *output = mutation->output;
	uint32_t count =
	    output_word(output, output->parameters.offset +
	                            (uint32_t)offsetof(struct rom_parameters, origin_count));

	if (count > output->origin_count)
		return false;
	for (uint32_t i = 0; i < output->generated_count; i++) {
		const struct generated *at = &output->generated[i];
		uint32_t address = output->text.address + (at->offset - output->text.offset);
		struct rom_origin before = origin_of(output->whole + output->origins.offset,
		                                     output->origin_count, address);
		struct rom_origin now =
		    origin_of(output->bytes + output->origins.offset, count, address);

		if (before.original != now.original)
			return false;
		if ((before.pushed != now.pushed || before.saved != now.saved) &&
		    may_fault(output, at))
			return false;
	}
	return true;
}

static bool is_in_tables(const struct mutation *mutation)
{
	const struct output *output = mutation->output;

	for (unsigned int i = 0; i < mutation->touched_count; i++) {
		const struct part *touched = &mutation->touched[i];
		bool in_origins = touched->offset >= output->origins.offset &&
		                  touched->offset + touched->size <=
		                      output->origins.offset + output->origins.size;
		bool is_count =
		    touched->offset ==
			output->parameters.offset + offsetof(struct rom_parameters, origin_count) &&
		    touched->size == 4;

		if (!in_origins && !is_count)
			return false;
	}
	return output->size == output->written;
}

/* --- code ------------------------------------------------------------------------------------- */

/* Another encoding of the same instruction: same length, same text. */
static bool same_text(const struct mutation *mutation)
{
	const struct output *output = mutation->output;
	struct disasm_text *text = disasm_text_open(DISASM_MODE_32);
	bool same = text != NULL;

	for (uint32_t i = 0; same && i < output->generated_count; i++) {
		const struct generated *at = &output->generated[i];
		struct instruction instruction;
		char before[128], now[128];

		if (!memcmp(output->whole + at->offset, output->bytes + at->offset, at->length))
			continue;
		if (decode_instruction(output->bytes + at->offset, at->length, DISASM_MODE_32,
		                       &instruction) != DECODE_OK ||
		    instruction.length != at->length) {
			same = false;
			break;
		}
		disasm_text_format(text, output->whole + at->offset, at->length, at->offset, before,
		                   sizeof(before));
		disasm_text_format(text, output->bytes + at->offset, at->length, at->offset, now,
		                   sizeof(now));
		same = !strcmp(before, now);
	}
	disasm_text_close(text);
	return same;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* Seen if everything counts as live: then it is only what nothing reads that is wrong. */
static bool is_dead(const struct mutation *mutation)
{
	struct verify_report report;
	bool seen = output_verify(mutation->output, VERIFY_EVERYTHING_LIVE, &report) &&
	            report.finding_count;

	verify_report_free(&report);
	return seen;
}

/* The stretch between two origins of different instructions that was touched, before and now. */
static bool is_run_alike(const struct mutation *mutation)
{
	const struct output *output = mutation->output;
	uint32_t at = 0, begin, end, first, last;

	while (at < output->generated_count &&
	       output->generated[at].offset + output->generated[at].length <=
	           mutation->touched[0].offset)
		at++;
	if (at == output->generated_count)
		return false;
	first = last = at;
	while (first && run_same_original(output, first - 1, at))
		first--;
	while (last + 1 < output->generated_count && run_same_original(output, last + 1, at))
		last++;
	begin = output->generated[first].offset;
	end = output->generated[last].offset + output->generated[last].length;
	return mutation->touched[0].offset >= begin &&
	       mutation->touched[0].offset + mutation->touched[0].size <= end &&
	       mutation->touched_count == 1 && runs_alike(output, begin, end);
}

/* Bytes that trapped, so that nothing can lead there, are the input's again. */
static bool is_unreached_input(const struct mutation *mutation)
{
	const struct output *output = mutation->output;

	for (unsigned int i = 0; i < mutation->touched_count; i++) {
		const struct part *touched = &mutation->touched[i];

		for (uint32_t at = touched->offset; at < touched->offset + touched->size; at++)
			if (at >= output->kernel.image_size || output->whole[at] != TRAP ||
			    output->bytes[at] != output->kernel.image[at])
				return false;
	}
	return output->size == output->written;
}

const char *mutation_harmless(const struct mutation *mutation)
{
	if (!mutation_changed(mutation))
		return "no byte differs";
	if (is_in_tables(mutation) && same_originals(mutation))
		return "every instruction still has its origin";
	if (is_unreached_input(mutation))
		return "the input's own byte, where nothing leads";
	if (is_all_in(mutation, &mutation->output->text)) {
		if (same_text(mutation))
			return "another encoding of the same instruction";
		if (is_dead(mutation))
			return "what is wrong then is never read";
		if (is_run_alike(mutation))
			return "run from random states both ways end alike";
	}
	return NULL;
}
