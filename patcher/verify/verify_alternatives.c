/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Which alternatives of the input can never put their replacement in place: the ROM hides the
 * feature, or the output has made the entry one of no bytes, because the site becomes the same call
 * before and after.
 */

#include <stdlib.h>
#include <string.h>

#include "patcher/bytes.h"
#include "patcher/verify/verify_private.h"

enum { EAX, EBX, ECX, EDX }; /* as in struct rom_cpuid */

#define APPLIED_WITHOUT 1u /* a flag: where the processor lacks the feature */

/* A row of patchtables/guests/linux_features.def; bit 32: all of the word's. */
struct feature_row {
	uint32_t first, leaf, subleaf, number, bit;
};

static const struct feature_row rows[] = {
#define LINUX_FEATURE_WORD(word, leaf, subleaf, number)    {(word)*32, leaf, subleaf, number, 32},
#define LINUX_FEATURE(feature, leaf, subleaf, number, bit) {feature, leaf, subleaf, number, bit},
#include "patchtables/guests/linux_features.def"
#undef LINUX_FEATURE_WORD
#undef LINUX_FEATURE
};

/* --- the ROM's CPUID -------------------------------------------------------------------------- */

static bool is_visible(const struct verifier *verifier, uint32_t leaf, uint32_t subleaf,
                       uint32_t number, uint32_t bit)
{
	const struct elf_view_section *section = verifier->cpuid;

	for (uint32_t at = 0; at + sizeof(struct rom_cpuid) <= section->size;
	     at += sizeof(struct rom_cpuid)) {
		struct rom_cpuid row;

		memcpy(&row, section->bytes + at, sizeof(row));
		if (leaf - row.first_leaf <= row.last_leaf - row.first_leaf &&
		    number == row.number && row.visible >> bit & 1 &&
		    (subleaf == row.subleaf || row.subleaf == ROM_CPUID_ANY_SUBLEAF))
			return true;
	}
	return false;
}

/* Every row of the feature, of which there is one at least, names a bit that the guest sees as 0.
 */
static bool is_hidden(const struct verifier *verifier, uint32_t feature)
{
	bool known = false;

	for (size_t i = 0; verifier->cpuid && i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool word = rows[i].bit == 32;

		if (feature - rows[i].first >= (word ? 32 : 1))
			continue;
		known = true;
		if (is_visible(verifier, rows[i].leaf, rows[i].subleaf, rows[i].number,
		               word ? feature % 32 : rows[i].bit))
			return false;
	}
	return known;
}

/* --- entries of no bytes ---------------------------------------------------------------------- */

/* The form of the one instruction that all length bytes at address are. */
static uint16_t only_form(const struct verifier *verifier, uint64_t address, uint32_t length)
{
	const uint8_t *bytes = elf_view_bytes_at(&verifier->input->view, (uint32_t)address, length);
	struct instruction instruction;

	if (!bytes ||
	    decode_instruction(bytes, length, DISASM_MODE_32, &instruction) != DECODE_OK ||
	    instruction.length != length)
		return SENSITIVE_FORM_NONE;
	return verify_rewritten_form(&instruction, bytes);
}

/* The site's instruction and its replacement become one call, which takes and gives nothing. */
static bool is_same_call(const struct verifier *verifier, const struct alternative_entry *entry)
{
	uint16_t before = only_form(verifier, entry->site.address, entry->site_length);
	uint16_t then = only_form(verifier, entry->replacement.address, entry->replacement_length);
	const struct vmi_call_description *call;

	if (before == SENSITIVE_FORM_NONE || then == SENSITIVE_FORM_NONE ||
	    sensitive_forms[before].call != sensitive_forms[then].call)
		return false;
	call = verifier->calls[sensitive_forms[before].call].description;
	return call && !call->inputs && !call->outputs;
}

/* Where the entry has its two lengths: the last bytes of it, but for padding's. */
static uint32_t lengths_address(const struct verifier *verifier,
                                const struct alternative_entry *entry)
{
	static const struct {
		const char *layout;
		uint32_t offset;
	} offsets[] = {
	    {"relative-14", 12}, {"relative-13", 10},     {"relative-12", 10},
	    {"absolute-12", 10}, {"absolute-12-byte", 9},
	};
	const char *layout = verifier->input->metadata.alternative_table.layout;

	for (size_t i = 0; layout && i < sizeof(offsets) / sizeof(offsets[0]); i++)
		if (!strcmp(layout, offsets[i].layout))
			return (uint32_t)entry->entry_address + offsets[i].offset;
	return 0;
}

static void check_lengths(struct verifier *verifier, uint32_t address)
{
	const uint8_t *now = verify_out_bytes(verifier, address, 2);

	if (!now || now[0] || now[1])
		verify_find(verifier, VERIFY_BYTES, address,
		            "an alternative that brings an instruction back has not been disarmed");
}

bool verify_is_disarmed(const struct verifier *verifier, uint32_t address)
{
	const struct linux_metadata *metadata = &verifier->input->metadata;

	for (size_t i = 0; i < metadata->alternative_count; i++)
		if (verifier->fates[i] == VERIFY_DISARMED &&
		    address - lengths_address(verifier, &metadata->alternatives[i]) < 2)
			return true;
	return false;
}

/* --- the whole -------------------------------------------------------------------------------- */

bool verify_alternatives(struct verifier *verifier)
{
	const struct linux_metadata *metadata = &verifier->input->metadata;

	verifier->fates = calloc(metadata->alternative_count + 1, sizeof(*verifier->fates));
	if (!verifier->fates)
		return verify_out_of_memory(verifier);
	for (size_t i = 0; i < metadata->alternative_count; i++) {
		const struct alternative_entry *entry = &metadata->alternatives[i];

		if (!(entry->flags & APPLIED_WITHOUT) && is_hidden(verifier, entry->feature)) {
			verifier->fates[i] = VERIFY_HIDDEN;
		} else if ((verifier->manifest.properties & ROM_OWNS_TRAPS) &&
		           lengths_address(verifier, entry) && is_same_call(verifier, entry)) {
			verifier->fates[i] = VERIFY_DISARMED;
			check_lengths(verifier, lengths_address(verifier, entry));
		}
	}
	return true;
}

bool verify_is_inert(const struct verifier *verifier, uint32_t address)
{
	const struct linux_metadata *metadata = &verifier->input->metadata;

	for (size_t i = 0; i < metadata->alternative_count; i++) {
		const struct alternative_entry *entry = &metadata->alternatives[i];

		if (address - entry->replacement.address < entry->replacement_length &&
		    verifier->fates[i] == VERIFY_LIVE)
			return false;
	}
	return verify_is_replacement(verifier->input, address);
}
