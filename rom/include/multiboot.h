/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_MULTIBOOT_H
#define ROM_MULTIBOOT_H

/* What a multiboot loader leaves for the kernel. Source: Multiboot Specification 0.6.96, 3.3. */

#include <stdint.h>

#define MULTIBOOT_MAGIC        0x2badb002 /* in EAX; EBX has the information's address */
#define MULTIBOOT_MEMORY       (1 << 0)
#define MULTIBOOT_COMMAND_LINE (1 << 2)
#define MULTIBOOT_MODULES      (1 << 3)
#define MULTIBOOT_MEMORY_MAP   (1 << 6)

struct multiboot_information {
	uint32_t flags;
	uint32_t memory_lower, memory_upper; /* KB from 0 and from 1 MB */
	uint32_t boot_device;
	uint32_t command_line;
	uint32_t module_count, modules;
	uint32_t symbols[4];
	uint32_t memory_map_size, memory_map;
	uint32_t others[9];
};

struct multiboot_module {
	uint32_t start, end;
	uint32_t string;
	uint32_t reserved;
};

struct multiboot_memory {
	uint32_t size; /* of the rest */
	uint64_t address, length;
	uint32_t type; /* as of e820 */
} __attribute__((packed));

_Static_assert(sizeof(struct multiboot_memory) == 24, "packed");

#endif
