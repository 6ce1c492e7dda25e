/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * From PVH's start information to Linux's boot_params. Runs before paging is on, in segments that
 * make guest-virtual addresses good (entry.S).
 */

#include <stdint.h> /* first: Xen's headers take its types for granted */

#include <xen/arch-x86/hvm/start_info.h>

#include "patchtables/rom_abi.h"
#include "rom/include/linux_boot.h"

#define ISA_START 0xa0000 /* of the devices below 1 MB: frame buffers, option ROMs, BIOS */
#define ISA_END   0x100000

#define ROM_PARAMETERS __attribute__((section(".rom_parameters"), used))

/* The patcher fills it in, whatever the compiler believes. */
ROM_PARAMETERS volatile const struct rom_parameters rom_parameters = {
    .magic = ROM_PARAMETERS_MAGIC,
    .abi_version = ROM_ABI_VERSION,
};

/* Linux reads 2,048 bytes of it, and neither page may be in the guest's bss. */
static char command_line[LINUX_COMMAND_LINE_SIZE];
static struct linux_boot_params boot_params __attribute__((aligned(4096)));

uint32_t boot_linux(uint32_t start_info_address);

static void *physical(uint64_t address)
{
	return (void *)((uint32_t)address + rom_parameters.guest_offset);
}

static uint32_t to_physical(const void *pointer)
{
	return (uint32_t)pointer - rom_parameters.guest_offset;
}

static void copy_command_line(const char *from)
{
	unsigned int i = 0;

	for (; i < LINUX_COMMAND_LINE_SIZE - 1 && from[i]; i++)
		command_line[i] = from[i];
	command_line[i] = '\0';
	boot_params.command_line = to_physical(command_line);
	boot_params.command_line_size = LINUX_COMMAND_LINE_SIZE - 1;
}

static void add_memory(uint64_t address, uint64_t size, uint32_t type)
{
	if (boot_params.e820_count == LINUX_E820_ENTRIES)
		return;
	boot_params.e820[boot_params.e820_count].address = address;
	boot_params.e820[boot_params.e820_count].size = size;
	boot_params.e820[boot_params.e820_count].type = type;
	boot_params.e820_count++;
}

/*
 * The loader's map as it is: its types are those of e820 (Xen public/arch-x86/hvm/start_info.h).
 * What of the ISA devices' range it does not have is reserved, as Linux's own PVH entry has it.
 */
static void copy_memory_map(const struct hvm_start_info *start_info)
{
	const struct hvm_memmap_table_entry *map = physical(start_info->memmap_paddr);

	for (uint32_t i = 0; i < start_info->memmap_entries; i++)
		add_memory(map[i].addr, map[i].size, map[i].type);
	add_memory(ISA_START, ISA_END - ISA_START, XEN_HVM_MEMMAP_TYPE_RESERVED);
}

/*
 * The region as a setup_data node: Linux reserves it early and for good, and keeps it in its
 * direct map (Linux 6.1 arch/x86/kernel/setup.c, memblock_x86_reserve_range_setup_data()). The
 * type is no type Linux knows, so nothing else happens to it. The header is the region's first
 * bytes, which nothing else uses.
 */
static void reserve_region(void)
{
	struct linux_setup_data *node = physical(rom_parameters.region_physical);

	node->next = 0;
	node->type = ROM_MANIFEST_MAGIC;
	node->size = rom_parameters.region_size - (uint32_t)sizeof(*node);
	boot_params.setup_data = rom_parameters.region_physical;
}

uint32_t boot_linux(uint32_t start_info_address)
{
	const struct hvm_start_info *start_info = physical(start_info_address);

	boot_params.boot_flag = ROM_SIGNATURE;
	boot_params.signature = LINUX_BOOT_SIGNATURE;
	boot_params.version = LINUX_BOOT_VERSION;
	boot_params.loader_type = LINUX_LOADER_UNDEFINED;
	boot_params.acpi_rsdp = start_info->rsdp_paddr;
	if (start_info->cmdline_paddr)
		copy_command_line(physical(start_info->cmdline_paddr));
	if (start_info->nr_modules) {
		const struct hvm_modlist_entry *module = physical(start_info->modlist_paddr);

		boot_params.initrd_address = (uint32_t)module->paddr;
		boot_params.initrd_size = (uint32_t)module->size;
	}
	if (start_info->version >= 1)
		copy_memory_map(start_info);
	reserve_region();
	return to_physical(&boot_params);
}
