/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_LINUX_BOOT_H
#define ROM_LINUX_BOOT_H

/*
 * Linux's 32-bit boot protocol: the parts of boot_params ("zero page") that a boot loader fills
 * in. Offsets from Linux 6.1, Documentation/x86/zero-page.rst and boot.rst.
 */

#include <stddef.h>
#include <stdint.h>

#define LINUX_E820_ENTRIES      128
#define LINUX_BOOT_VERSION      0x20c      /* 2.12 */
#define LINUX_BOOT_SIGNATURE    0x53726448 /* "HdrS" */
#define LINUX_LOADER_UNDEFINED  0xff       /* not 0: else Linux ignores the initrd */
#define LINUX_COMMAND_LINE_SIZE 2048
#define LINUX_E820_RAM          1

struct linux_e820_entry {
	uint64_t address, size;
	uint32_t type;
} __attribute__((packed));

struct linux_setup_data {
	uint64_t next; /* physical address of the next one, 0 for none */
	uint32_t type;
	uint32_t size; /* bytes behind this header */
} __attribute__((packed));

struct linux_boot_params {
	uint8_t padding1[0x70];
	uint64_t acpi_rsdp; /* 070 */
	uint8_t padding2[0x1e8 - 0x78];
	uint8_t e820_count; /* 1e8 */
	uint8_t padding3[0x1fe - 0x1e9];
	uint16_t boot_flag;      /* 1fe: 0xaa55 */
	uint16_t jump;           /* 200 */
	uint32_t signature;      /* 202 */
	uint16_t version;        /* 206 */
	uint8_t padding4[8];     /* 208 */
	uint8_t loader_type;     /* 210 */
	uint8_t load_flags;      /* 211 */
	uint8_t padding5[6];     /* 212 */
	uint32_t initrd_address; /* 218 */
	uint32_t initrd_size;    /* 21c */
	uint8_t padding6[8];     /* 220 */
	uint32_t command_line;   /* 228 */
	uint8_t padding7[0x238 - 0x22c];
	uint32_t command_line_size; /* 238 */
	uint8_t padding8[0x250 - 0x23c];
	uint64_t setup_data; /* 250 */
	uint8_t padding9[0x2d0 - 0x258];
	struct linux_e820_entry e820[LINUX_E820_ENTRIES]; /* 2d0 */
	uint8_t padding10[0x1000 - 0x2d0 - LINUX_E820_ENTRIES * 20];
} __attribute__((packed));

_Static_assert(offsetof(struct linux_boot_params, e820_count) == 0x1e8, "zero-page.rst");
_Static_assert(offsetof(struct linux_boot_params, loader_type) == 0x210, "boot.rst");
_Static_assert(offsetof(struct linux_boot_params, initrd_address) == 0x218, "boot.rst");
_Static_assert(offsetof(struct linux_boot_params, command_line) == 0x228, "boot.rst");
_Static_assert(offsetof(struct linux_boot_params, command_line_size) == 0x238, "boot.rst");
_Static_assert(offsetof(struct linux_boot_params, setup_data) == 0x250, "boot.rst");
_Static_assert(offsetof(struct linux_boot_params, e820) == 0x2d0, "zero-page.rst");
_Static_assert(sizeof(struct linux_boot_params) == 4096, "one page");

#endif
