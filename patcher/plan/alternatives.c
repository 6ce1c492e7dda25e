/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Which of Linux's alternatives are never applied under a ROM: those whose feature its CPUID hides,
 * and those that would put in place what the site is rewritten to anyway.
 */

#include <string.h>

#include "disasm/classify.h"
#include "patcher/plan/code_map.h"
#include "patchtables/vmi_calls.h"

enum { EAX, EBX, ECX, EDX }; /* as in struct rom_cpuid */

#define FLAG_NOT 1u /* applied where the feature is not there */

static const struct {
	uint32_t word, leaf, subleaf, number;
} words[] = {
#define LINUX_FEATURE_WORD(word, leaf, subleaf, number) {word, leaf, subleaf, number},
#define LINUX_FEATURE(feature, leaf, subleaf, number, bit)
#include "patchtables/guests/linux_features.def"
#undef LINUX_FEATURE_WORD
#undef LINUX_FEATURE
};

static const struct {
	uint32_t feature, leaf, subleaf, number, bit;
} features[] = {
#define LINUX_FEATURE_WORD(word, leaf, subleaf, number)
#define LINUX_FEATURE(feature, leaf, subleaf, number, bit) {feature, leaf, subleaf, number, bit},
#include "patchtables/guests/linux_features.def"
#undef LINUX_FEATURE_WORD
#undef LINUX_FEATURE
};

static bool is_hidden(const struct rom *rom, uint32_t feature)
{
	bool known = false;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].word == feature / 32)
			return rom_hides(rom, words[i].leaf, words[i].subleaf, words[i].number,
			                 feature % 32);
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		if (features[i].feature != feature)
			continue;
		if (!rom_hides(rom, features[i].leaf, features[i].subleaf, features[i].number,
		               features[i].bit))
			return false;
		known = true;
	}
	return known;
}

/* The call without operands that one instruction of exactly length bytes becomes, or 0. */
static uint16_t plain_call(const uint8_t *bytes, uint8_t length)
{
	struct instruction instruction;
	uint16_t form;

	if (!bytes ||
	    decode_instruction(bytes, length, DISASM_MODE_32, &instruction) != DECODE_OK ||
	    instruction.length != length)
		return 0;
	form = classify_instruction(&instruction, bytes);
	if (form == SENSITIVE_FORM_NONE || !sensitive_forms[form].rewrite)
		return 0;
	for (size_t i = 0; i < vmi_call_count; i++)
		if (vmi_calls[i].number == sensitive_forms[form].call)
			return vmi_calls[i].inputs || vmi_calls[i].outputs ? 0
			                                                   : vmi_calls[i].number;
	return 0;
}

/* vmcall that becomes vmmcall: the same call of the ROM. */
static bool is_same_call(const struct kernel *kernel, const struct alternative_entry *entry)
{
	uint16_t before = plain_call(
	    kernel_bytes_at(kernel, entry->site.address, entry->site_length), entry->site_length);

	return before && before == plain_call(kernel_bytes_at(kernel, entry->replacement.address,
	                                                      entry->replacement_length),
	                                      entry->replacement_length);
}

void alternative_fates(const struct linux_metadata *metadata, const struct kernel *kernel,
                       const struct rom *rom, uint8_t *fates)
{
	for (size_t i = 0; i < metadata->alternative_count; i++) {
		const struct alternative_entry *entry = &metadata->alternatives[i];

		if (!(entry->flags & FLAG_NOT) && is_hidden(rom, entry->feature))
			fates[i] = ALTERNATIVE_HIDDEN;
		else if ((rom->properties & ROM_OWNS_TRAPS) &&
		         alternative_lengths_offset(&metadata->alternative_table) &&
		         is_same_call(kernel, entry))
			fates[i] = ALTERNATIVE_DISARMED;
		else
			fates[i] = ALTERNATIVE_LIVE;
	}
}

uint32_t alternative_lengths_offset(const struct linux_table *table)
{
	if (!table->layout)
		return 0;
	if (!strcmp(table->layout, "relative-14"))
		return 12;
	return strcmp(table->layout, "absolute-12-byte") ? 10 : 9;
}
