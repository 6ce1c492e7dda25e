/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * .altinstructions: code that the kernel overwrites at boot, by CPU feature.
 *
 *   2.6.0 - 2.6.35  instr, replacement: addresses; u8 cpuid, instrlen, replacementlen
 *                   (include/asm-i386/alternative.h, 2.6.32 arch/x86/include/asm/alternative.h)
 *   2.6.35 - 3.0    the same with u16 cpuid
 *   3.1 - 4.0       s32 instr, replacement, relative; u16, u8, u8 (3.6's)
 *   4.1 - 5.12      and u8 padlen, packed to 13 bytes (4.8's, 5.10's)
 *   5.13 - 6.2      without padlen; bit 15 of cpuid inverts it (6.1's, ALTINSTR_FLAG_INV)
 *   from 6.3        u16 flags behind the cpuid, packed to 14 bytes (6.18's, ALT_FLAG_*;
 *                   5d1dd961e743)
 *
 * From 2.6.17 some releases for i386 had a second table of the same form for SMP kernels on one
 * CPU, .smp_altinstructions (include/asm-i386/alternative.h, alternative_smp()).
 */

#include "patcher/linux/linux_tables.h"

/* Without section headers, a run of fewer entries is not taken for the table. */
#define SEARCH_MINIMUM 16

#include <stdlib.h>

#define FLAG_NOT    1u /* ALT_FLAG_NOT: applied when the CPU lacks the feature */
#define CPUID_NOT   0x8000
#define CPUID_LIMIT 1024 /* 6.1 knows 24 words of 32 features and bugs */
#define FLAGS_LIMIT 256  /* 6.18 knows bits 0 and 1 */

/* Replacements of different object files are aligned. */
#define REPLACEMENT_GAP 64

static bool in_replacements(const struct table_reader *reader, const struct code_place *place)
{
	return !reader->replacements ||
	       place->section == (uint32_t)(reader->replacements - reader->kernel->sections);
}

static enum entry_verdict check_numbers(struct table_cursor *cursor,
                                        const struct alternative_entry *entry)
{
	/* 2.6 arch/i386/kernel/alternative.c: BUG_ON(); later padded by OLDINSTR() */
	if (entry->replacement_length > entry->site_length)
		return cursor_refuse(cursor, "its replacement is longer than its site, length",
		                     entry->replacement_length);
	if (entry->pad_length > entry->site_length)
		return cursor_refuse(cursor, "its padding is longer than its site, length",
		                     entry->pad_length);
	if (entry->feature >= CPUID_LIMIT)
		return cursor_refuse(cursor, "its CPU feature is none, number", entry->feature);
	if (entry->flags >= FLAGS_LIMIT)
		return cursor_refuse(cursor, "its flags are unknown", entry->flags);
	return ENTRY_VALID;
}

/* Where nothing but the entries says where the replacements are: one after the other. */
static bool follows(const struct alternative_entry *entry, const struct alternative_entry *previous)
{
	uint64_t end = previous->replacement.address + previous->replacement_length;

	return entry->replacement.address - end < REPLACEMENT_GAP;
}

/* What all layouts have in common, once the numbers are in *entry. */
static enum entry_verdict check_entry(struct table_cursor *cursor, struct alternative_entry *entry,
                                      const struct alternative_entry *previous)
{
	struct table_reader *reader = cursor->reader;

	if (check_numbers(cursor, entry) != ENTRY_VALID || !cursor_site(cursor, 0, &entry->site) ||
	    !cursor_site(cursor, cursor->layout->first_size, &entry->replacement))
		return ENTRY_INVALID;
	entry->entry_address = cursor->source->address + cursor->offset;
	if (!cursor_code(cursor, &entry->site, entry->site_length))
		return cursor_refuse(cursor, "its site is not in code", entry->site.address);
	if (!reader_code(reader, &entry->replacement, entry->replacement_length) ||
	    !in_replacements(reader, &entry->replacement))
		return cursor_refuse(cursor, "its replacement is not among the replacements",
		                     entry->replacement.address);
	if (cursor->searching && entry->site_length == 0)
		return cursor_refuse(cursor, "its site is empty, at", entry->site.address);
	if (cursor->searching && previous && !follows(entry, previous))
		return cursor_refuse(cursor,
		                     "its replacement is not behind the previous one, but at",
		                     entry->replacement.address);
	return ENTRY_VALID;
}

static enum entry_verdict decode_byte_cpuid(struct table_cursor *cursor, void *memory,
                                            const void *previous)
{
	struct alternative_entry *entry = memory;
	const uint8_t *fields = cursor->bytes + 2 * cursor->layout->first_size;

	*entry = (struct alternative_entry){
	    .feature = fields[0], .site_length = fields[1], .replacement_length = fields[2]};
	return check_entry(cursor, entry, previous);
}

static enum entry_verdict decode_word_cpuid(struct table_cursor *cursor, void *memory,
                                            const void *previous)
{
	struct alternative_entry *entry = memory;
	const uint8_t *fields = cursor->bytes + 2 * cursor->layout->first_size;
	uint16_t cpuid = bytes_load16(fields);

	*entry = (struct alternative_entry){
	    .feature = cpuid, .site_length = fields[2], .replacement_length = fields[3]};
	if (cursor->layout->form == POINTER_RELATIVE && (cpuid & CPUID_NOT)) {
		entry->feature = cpuid & ~CPUID_NOT;
		entry->flags = FLAG_NOT;
	}
	return check_entry(cursor, entry, previous);
}

static enum entry_verdict decode_padded(struct table_cursor *cursor, void *memory,
                                        const void *previous)
{
	struct alternative_entry *entry = memory;
	const uint8_t *fields = cursor->bytes + 8;
	uint16_t cpuid = bytes_load16(fields);

	*entry = (struct alternative_entry){.feature = cpuid & ~CPUID_NOT,
	                                    .flags = cpuid & CPUID_NOT ? FLAG_NOT : 0,
	                                    .site_length = fields[2],
	                                    .replacement_length = fields[3],
	                                    .pad_length = fields[4]};
	return check_entry(cursor, entry, previous);
}

static enum entry_verdict decode_flags(struct table_cursor *cursor, void *memory,
                                       const void *previous)
{
	struct alternative_entry *entry = memory;
	const uint8_t *fields = cursor->bytes + 8;

	*entry = (struct alternative_entry){.feature = bytes_load16(fields),
	                                    .flags = bytes_load16(fields + 2),
	                                    .site_length = fields[4],
	                                    .replacement_length = fields[5]};
	return check_entry(cursor, entry, previous);
}

static const struct table_layout layouts[] = {
    {"relative-14", 0, POINTER_RELATIVE, 4, 14, 14, LINUX_RELEASE(6, 3, 0), LINUX_RELEASE_ANY,
     decode_flags},
    {"relative-13", 0, POINTER_RELATIVE, 4, 13, 13, LINUX_RELEASE(4, 1, 0), LINUX_RELEASE(5, 13, 0),
     decode_padded},
    {"relative-12", 0, POINTER_RELATIVE, 4, 12, 12, LINUX_RELEASE(3, 1, 0), LINUX_RELEASE(6, 3, 0),
     decode_word_cpuid},
    {"absolute-12", 4, POINTER_ABSOLUTE, 4, 12, 12, LINUX_RELEASE(2, 6, 35), LINUX_RELEASE(3, 1, 0),
     decode_word_cpuid},
    {"absolute-12-byte", 4, POINTER_ABSOLUTE, 4, 12, 11, LINUX_RELEASE(2, 6, 0),
     LINUX_RELEASE(2, 6, 36), decode_byte_cpuid},
    {"absolute-24", 8, POINTER_ABSOLUTE, 8, 24, 20, LINUX_RELEASE(2, 6, 35), LINUX_RELEASE(3, 1, 0),
     decode_word_cpuid},
    {"absolute-24-byte", 8, POINTER_ABSOLUTE, 8, 24, 19, LINUX_RELEASE(2, 6, 0),
     LINUX_RELEASE(2, 6, 36), decode_byte_cpuid},
};

static const struct table_family family = {
    .name = ".altinstructions",
    .section = ".altinstructions",
    .boundary = BOUNDARY_ALTERNATIVES,
    .layouts = layouts,
    .layout_count = sizeof(layouts) / sizeof(layouts[0]),
    .entry_memory = sizeof(struct alternative_entry),
    .search = table_search_headless,
    .search_minimum = SEARCH_MINIMUM,
    .search_alignment = 1,
};

static const struct table_family smp_family = {
    .name = ".smp_altinstructions",
    .section = ".smp_altinstructions",
    .boundary = BOUNDARY_SMP_ALTERNATIVES,
    .layouts = layouts,
    .layout_count = sizeof(layouts) / sizeof(layouts[0]),
    .entry_memory = sizeof(struct alternative_entry),
};

static bool append_entries(struct table_reader *reader, struct linux_metadata *metadata,
                           const struct alternative_entry *entries, size_t count)
{
	size_t total = metadata->alternative_count + count;
	struct alternative_entry *joined;

	if (count == 0)
		return true;
	joined = realloc(metadata->alternatives, total * sizeof(*joined));
	if (!joined)
		return problem_report(reader->problem, OUT_OF_MEMORY);
	memcpy(joined + metadata->alternative_count, entries, count * sizeof(*joined));
	metadata->alternatives = joined;
	metadata->alternative_count = total;
	return true;
}

bool alternatives_read(struct table_reader *reader, struct linux_metadata *metadata)
{
	void *entries;
	size_t count;
	bool done;

	reader->replacements = kernel_find_section(reader->kernel, ".altinstr_replacement");
	done = table_read(reader, &family, &metadata->alternative_table, &entries,
	                  &metadata->alternative_count);
	metadata->alternatives = entries;
	if (!done)
		return false;
	reader->replacements = kernel_find_section(reader->kernel, ".smp_altinstr_replacement");
	done =
	    table_read(reader, &smp_family, &metadata->smp_alternative_table, &entries, &count) &&
	    append_entries(reader, metadata, entries, count);
	free(entries);
	return done;
}
