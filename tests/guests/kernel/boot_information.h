/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_BOOT_INFORMATION_H
#define KERNEL_BOOT_INFORMATION_H

/* What the loader tells, from multiboot or PVH alike. */

#define MULTIBOOT_HEADER_MAGIC 0x1badb002
#define MULTIBOOT_HEADER_FLAGS 0x3 /* modules on pages, memory wanted */
#define MULTIBOOT_MAGIC        0x2badb002
#define PVH_MAGIC              0x336ec578 /* also the first word of its structure */

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stdint.h>

struct boot_information {
	const char *loader;     /* "multiboot" or "pvh" */
	char command_line[512]; /* cut there */
	uint32_t memory_end;    /* end of the memory that starts at 1 MB, a physical address */
};

extern struct boot_information boot_information;

/*
 * Fills boot_information from the loader's structure at physical address info. false: magic or
 * structure is none that is known.
 */
bool boot_information_read(uint32_t magic, uint32_t info);

/*
 * The value of the word NAME=VALUE of the command line, up to the next blank, in value (of size
 * bytes, cut there). false: there is none.
 */
bool boot_option(const char *name, char *value, uint32_t size);

#endif
#endif
