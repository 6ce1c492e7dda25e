/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_KERNEL_H
#define PATCHER_KERNEL_H

/*
 * A guest kernel (or module) as read from a file: its ELF image, sections,
 * segments, symbols and relocations in one model, whatever it was packed in.
 * All sizes and offsets in it have been checked against the image.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "patcher/problem.h"

enum kernel_format {
	KERNEL_FORMAT_ELF,       /* ELF with Linux's banner, or an ELF of unknown origin */
	KERNEL_FORMAT_BZIMAGE,   /* Linux/x86 boot protocol; image is the unpacked payload */
	KERNEL_FORMAT_MULTIBOOT, /* ELF with a multiboot 1 or 2 header in its first 8/32 KiB */
	KERNEL_FORMAT_MODULE     /* ELF ET_REL */
};

struct kernel_section {
	const char *name;     /* "" if it has none */
	uint64_t address;     /* guest-virtual; 0-based in modules */
	uint64_t size;        /* bytes */
	uint64_t file_offset; /* in kernel.image; 0 without bytes */
	const uint8_t *bytes; /* NULL for NOBITS; points into kernel.image */
	uint32_t index;       /* ELF section index; UINT32_MAX if made from a segment */
	bool allocated, writable, executable;
};

struct kernel_segment { /* PT_LOAD */
	uint64_t virtual_address, physical_address;
	uint64_t file_offset, file_size, memory_size;
	bool readable, writable, executable;
};

enum kernel_symbol_type { SYMBOL_FUNCTION, SYMBOL_OBJECT, SYMBOL_OTHER };

struct kernel_symbol {
	const char *name; /* not empty; not unique */
	uint64_t address; /* guest-virtual; in modules the offset in its section */
	uint64_t size;    /* 0 if unknown */
	uint32_t section; /* index into kernel.sections; UINT32_MAX if in none (absolute) */
	uint8_t type;     /* enum kernel_symbol_type */
	bool weak;
};

enum kernel_symbol_source {
	SYMBOLS_NONE,
	SYMBOLS_SYMTAB,    /* .symtab, if it has a function */
	SYMBOLS_KALLSYMS,  /* Linux' own tables inside the image: no sizes, mostly code only */
	SYMBOLS_SYSTEM_MAP /* a file given */
};

/*
 * One relocated word: where it stands. What it holds is in the image. The table appended to a boot
 * image names absolute words only; ELF's own tables name PC-relative ones, too.
 */
struct kernel_relocation {
	uint64_t address; /* guest-virtual of the word; in modules the offset in its section */
	uint32_t section; /* index into kernel.sections; UINT32_MAX if in none */
	uint32_t type;    /* R_386_*, R_X86_64_*; in the appended table R_386_32, or R_X86_64_64,
	                     R_X86_64_32 and (inverse) R_X86_64_PC32 */
	uint32_t symbol;  /* ELF symbol index for ELF relocations, UINT32_MAX otherwise */
	int64_t addend;   /* RELA; otherwise the word's content, sign-extended from its width */
};

struct kernel {
	const char *path; /* borrowed from the caller */
	enum kernel_format format;
	bool is_64bit;       /* ELFCLASS64 */
	uint16_t machine;    /* EM_386, EM_X86_64 */
	const uint8_t *file; /* the input file's bytes */
	size_t file_size;
	const uint8_t *image;   /* the ELF image: the file itself, or the unpacked payload */
	size_t image_size;      /* of the ELF, without what is appended to it: */
	const uint8_t *trailer; /* a relocation table, a module's signature, ... */
	size_t trailer_size;
	uint64_t entry; /* e_entry */
	/* Those in memory, in ascending addresses (in modules: the file's order). If the file has
	 * no section headers they are the segments' bytes; if Linux' symbols tell where its code
	 * is, cut so that only [_stext, _etext) and [_sinittext, _einittext) are executable. */
	struct kernel_section *sections;
	size_t section_count;
	struct kernel_segment *segments;
	size_t segment_count;
	struct kernel_symbol *symbols; /* ascending (section for modules, then) address */
	size_t symbol_count;
	enum kernel_symbol_source symbol_source;
	struct kernel_relocation *relocations; /* ascending (section for modules, then) address */
	size_t relocation_count;
	bool has_relocations; /* tells "none" from "not known" */
	const char *banner;   /* linux_banner without its newline, NULL if not found */
	/* (major << 16) + (minor << 8) + patch (at most 255); 0 if not Linux */
	uint32_t linux_version;
	uint8_t build_id[64];
	size_t build_id_size;           /* 0 if there is none */
	uint32_t pvh_entry;             /* guest-physical, XEN_ELFNOTE_PHYS32_ENTRY; 0: none */
	struct kernel_private *private; /* what kernel_free() must give back */
};

struct kernel_read_options {
	/* A System.map file, or NULL. Its symbols are taken instead of the kernel's own. */
	const char *system_map;
};

/*
 * Reads the kernel at path: an ELF file, a Linux boot image, or either a kernel or a module packed
 * on its own (.ko.xz). false: *problem says why, nothing is left allocated. The file is not kept
 * open; *kernel is valid until kernel_free().
 *
 * Memory: files up to INPUT_FILE_SNAPSHOT are copied, larger ones mapped
 * (patcher/kernel/input_file.h); at most DECOMPRESS_LARGEST bytes are unpacked, in steps of what
 * really came out; what else is allocated is in proportion to tables that have been found inside of
 * the image.
 */
bool kernel_read(const char *path, const struct kernel_read_options *options, struct kernel *kernel,
                 struct problem *problem);

/* The same for bytes in memory that outlive *kernel: for fuzzing and tests. name stands for the
 * path. */
bool kernel_read_memory(const char *name, const uint8_t *bytes, size_t size, struct kernel *kernel,
                        struct problem *problem);

void kernel_free(struct kernel *kernel);

/* "elf", "bzimage", "multiboot", "module". */
const char *kernel_format_name(enum kernel_format format);

/* The section of that name, or NULL. */
const struct kernel_section *kernel_find_section(const struct kernel *kernel, const char *name);

/* The section whose [address, address + size) holds address, or NULL. Not for modules. */
const struct kernel_section *kernel_section_at(const struct kernel *kernel, uint64_t address);

/* The segment whose [address, address + memory size) holds address, or NULL. */
const struct kernel_segment *kernel_segment_at(const struct kernel *kernel, uint64_t address);

/*
 * size bytes of the image that the kernel sees at guest-virtual address, or NULL if they are not
 * all in the file part of one segment (one section, where there are no segments).
 */
const uint8_t *kernel_bytes_at(const struct kernel *kernel, uint64_t address, uint64_t size);

/* The first symbol of that name, or NULL. */
const struct kernel_symbol *kernel_find_symbol(const struct kernel *kernel, const char *name);

/*
 * The symbol that covers address: the last function (or, if none, other) symbol at or below it in
 * the same section, and inside its size where that is known; one without a size ends where the next
 * begins. Of several at one address it is the first in kernel.symbols: strong before weak, then the
 * one with fewer leading underscores. section is an index into kernel.sections; UINT32_MAX finds it
 * by the address (not in modules). NULL if there is none. Takes logarithmic time.
 */
const struct kernel_symbol *kernel_symbol_at(const struct kernel *kernel, uint32_t section,
                                             uint64_t address);

#endif
