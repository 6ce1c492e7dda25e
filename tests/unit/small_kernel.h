/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_SMALL_KERNEL_H
#define TESTS_UNIT_SMALL_KERNEL_H

/* A kernel of a few KiB as Linux' linker script lays it out, with banner and build-id. */

#include "tests/unit/elf_builder.h"

#define SMALL_BANNER "Linux version 5.10.300-small (builder@host) (gcc) #1 SMP"

/* Section indices, in the order of their addresses. */
enum { SMALL_TEXT = 1, SMALL_RODATA, SMALL_NOTES, SMALL_DATA, SMALL_INIT_TEXT, SMALL_BSS };

static inline uint64_t small_base(bool is_64bit)
{
	return is_64bit ? 0xffffffff81000000u : 0xc1000000u;
}

/* Where the bytes behind the banner stand. */
static inline uint64_t small_rodata_address(bool is_64bit)
{
	return small_base(is_64bit) + 0x1000 + ((sizeof(SMALL_BANNER) + 1 + 7) & ~(size_t)7);
}

/* rodata: what stands behind the banner (may be NULL). The builder is not finished yet. */
static inline void small_kernel_start(struct elf_builder *builder, bool is_64bit,
                                      const struct byte_buffer *rodata)
{
	static const uint8_t note[] = {4, 0, 0,   0,   4,   0, 0,    0,    3,    0,
	                               0, 0, 'G', 'N', 'U', 0, 0xde, 0xad, 0xbe, 0xef};
	uint64_t base = small_base(is_64bit);
	struct byte_buffer bytes = {0};

	builder_start(builder, is_64bit, ET_EXEC);
	buffer_fill(&bytes, 0x90, 0x800);
	buffer_fill(&bytes, 0xf4, 1); /* hlt */
	builder_section(builder, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, base, bytes.data,
	                bytes.size);
	bytes.size = 0;
	buffer_append(&bytes, SMALL_BANNER "\n", sizeof(SMALL_BANNER) + 1);
	buffer_align(&bytes, 8);
	if (rodata)
		buffer_append(&bytes, rodata->data, rodata->size);
	builder_section(builder, ".rodata", SHT_PROGBITS, SHF_ALLOC, base + 0x1000, bytes.data,
	                bytes.size);
	builder_section(builder, ".notes", SHT_NOTE, SHF_ALLOC,
	                (base + 0x1000 + bytes.size + 7) & ~(uint64_t)7, note, sizeof(note));
	bytes.size = 0;
	buffer_fill(&bytes, 0xaa, 0x100);
	builder_section(builder, ".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, base + 0x100000,
	                bytes.data, bytes.size);
	builder_section(builder, ".init.text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR,
	                base + 0x101000, bytes.data, bytes.size);
	builder_section(builder, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, base + 0x102000, NULL,
	                0x3000);
	builder_segment(builder, PT_LOAD, PF_R | PF_X, SMALL_TEXT, SMALL_NOTES);
	builder_segment(builder, PT_LOAD, PF_R | PF_W, SMALL_DATA, SMALL_BSS);
	builder_segment(builder, PT_NOTE, PF_R, SMALL_NOTES, SMALL_NOTES);
	buffer_free(&bytes);
}

static inline void small_kernel(struct elf_builder *builder, bool is_64bit,
                                const struct byte_buffer *rodata)
{
	small_kernel_start(builder, is_64bit, rodata);
	builder_finish(builder);
}

#endif
