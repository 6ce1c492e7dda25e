/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_KALLSYMS_BUILDER_H
#define TESTS_UNIT_KALLSYMS_BUILDER_H

/* Makes the tables of patcher/kernel/kallsyms.h in each layout that Linux ever had. */

#include "patcher/kernel/kallsyms.h"
#include "tests/unit/byte_buffer.h"

struct kallsyms_shape {
	const char *kernel; /* for messages */
	size_t word;        /* bytes of num_syms and of a marker */
	size_t alignment;   /* of each table */
	size_t sequence;    /* bytes of an entry of seqs_of_names, 0 if there is none */
	enum kallsyms_form form;
	bool is_64bit;
	bool addresses_last;
	bool long_names; /* names may have more than 127 tokens */
};

struct kallsyms_entry {
	uint64_t address;
	char type;
	char name[400];
};

struct kallsyms_builder {
	struct kallsyms_shape shape;
	uint64_t start; /* the guest-virtual address of the first byte */
	const struct kallsyms_entry *entries;
	size_t count;
	struct byte_buffer bytes;
	/* offsets of the tables, for tests that damage them */
	size_t count_at, names_at, markers_at, tokens_at, index_at, addresses_at, base_at;
};

/* Tokens of more than one character, at codes that no symbol has. */
static inline const char *kallsyms_token(unsigned int code)
{
	static const char *const tokens[] = {"sys_", "Tfunction_", "on", "_very_long_token_indeed"};
	static char single[2];

	if (code >= 200 && code < 204)
		return tokens[code - 200];
	single[0] = (char)((code > ' ' && code < 127) ? code : '\0');
	return single;
}

static inline size_t kallsyms_pointer(const struct kallsyms_builder *builder)
{
	return builder->shape.is_64bit ? 8 : 4;
}

static inline size_t kallsyms_align(struct kallsyms_builder *builder)
{
	while ((builder->start + builder->bytes.size) % builder->shape.alignment)
		buffer_fill(&builder->bytes, 0, 1);
	return builder->bytes.size;
}

/* Packs type and name into tokens, greedily. Returns how many. */
static inline size_t kallsyms_pack(const struct kallsyms_entry *entry, uint8_t *packed)
{
	char text[402];
	size_t count = 0;

	snprintf(text, sizeof(text), "%c%s", entry->type, entry->name);
	for (const char *rest = text; *rest;) {
		unsigned int code = (uint8_t)*rest;
		size_t length = 1;

		for (unsigned int i = 200; i < 204; i++) {
			size_t size = strlen(kallsyms_token(i));

			if (size > length && strncmp(rest, kallsyms_token(i), size) == 0) {
				code = i;
				length = size;
			}
		}
		packed[count++] = (uint8_t)code;
		rest += length;
	}
	return count;
}

static inline uint64_t kallsyms_base(const struct kallsyms_builder *builder)
{
	for (size_t i = 0; i < builder->count; i++) {
		if (builder->shape.form != KALLSYMS_RELATIVE_PERCPU ||
		    builder->entries[i].type != 'A')
			return builder->entries[i].address;
	}
	return 0;
}

static inline void kallsyms_build_addresses(struct kallsyms_builder *builder)
{
	uint64_t base = kallsyms_base(builder);

	builder->addresses_at = kallsyms_align(builder);
	for (size_t i = 0; i < builder->count; i++) {
		const struct kallsyms_entry *entry = &builder->entries[i];

		switch (builder->shape.form) {
		case KALLSYMS_ABSOLUTE:
			buffer_word(&builder->bytes, entry->address, kallsyms_pointer(builder));
			break;
		case KALLSYMS_RELATIVE:
			buffer_word(&builder->bytes, entry->address - base, 4);
			break;
		case KALLSYMS_RELATIVE_PERCPU:
			buffer_word(&builder->bytes,
			            entry->type == 'A' ? entry->address : base - entry->address - 1,
			            4);
			break;
		case KALLSYMS_PLACE_RELATIVE:
			buffer_word(&builder->bytes,
			            entry->address - (builder->start + builder->bytes.size), 4);
			break;
		}
	}
	if (builder->shape.form == KALLSYMS_RELATIVE ||
	    builder->shape.form == KALLSYMS_RELATIVE_PERCPU) {
		builder->base_at = kallsyms_align(builder);
		buffer_word(&builder->bytes, base, kallsyms_pointer(builder));
	}
}

static inline void kallsyms_build_names(struct kallsyms_builder *builder)
{
	struct byte_buffer markers = {0};

	builder->count_at = kallsyms_align(builder);
	buffer_word(&builder->bytes, builder->count, builder->shape.word);
	builder->names_at = kallsyms_align(builder);
	for (size_t i = 0; i < builder->count; i++) {
		uint8_t packed[402];
		size_t length = kallsyms_pack(&builder->entries[i], packed);

		if (i % 256 == 0)
			buffer_word(&markers, builder->bytes.size - builder->names_at,
			            builder->shape.word);
		if (length < 0x80) {
			buffer_word(&builder->bytes, length, 1);
		} else {
			buffer_word(&builder->bytes, (length & 0x7f) | 0x80, 1);
			buffer_word(&builder->bytes, length >> 7, 1);
		}
		buffer_append(&builder->bytes, packed, length);
	}
	builder->markers_at = kallsyms_align(builder);
	buffer_append(&builder->bytes, markers.data, markers.size);
	buffer_free(&markers);
}

static inline void kallsyms_build_sequences(struct kallsyms_builder *builder)
{
	kallsyms_align(builder);
	for (size_t i = 0; i < builder->count; i++) /* any order */
		buffer_big_endian(&builder->bytes, (i * 7919) % builder->count,
		                  builder->shape.sequence);
}

static inline void kallsyms_build_tokens(struct kallsyms_builder *builder)
{
	size_t offsets[256];

	builder->tokens_at = kallsyms_align(builder);
	for (unsigned int i = 0; i < 256; i++) {
		offsets[i] = builder->bytes.size - builder->tokens_at;
		buffer_append(&builder->bytes, kallsyms_token(i), strlen(kallsyms_token(i)) + 1);
	}
	builder->index_at = kallsyms_align(builder);
	for (unsigned int i = 0; i < 256; i++)
		buffer_word(&builder->bytes, offsets[i], 2);
}

/* Builds builder->bytes from the other members. */
static inline void kallsyms_build(struct kallsyms_builder *builder)
{
	memset(&builder->bytes, 0, sizeof(builder->bytes));
	if (!builder->shape.addresses_last)
		kallsyms_build_addresses(builder);
	kallsyms_build_names(builder);
	if (!builder->shape.addresses_last && builder->shape.sequence)
		kallsyms_build_sequences(builder);
	kallsyms_build_tokens(builder);
	if (builder->shape.addresses_last) {
		kallsyms_build_addresses(builder);
		if (builder->shape.sequence)
			kallsyms_build_sequences(builder);
	}
}

#endif
