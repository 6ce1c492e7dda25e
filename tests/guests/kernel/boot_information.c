/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/kernel/boot_information.h"

#include "tests/guests/kernel/string.h"

/*
 * The structures as the loaders leave them in memory, the fields used here by their names.
 * Sources: Multiboot Specification 0.6.96, 3.3; xen/include/public/arch-x86/hvm/start_info.h.
 */
struct multiboot_info {
	uint32_t flags;
	uint32_t memory_lower, memory_upper; /* KB below 640 KB, KB from 1 MB on */
	uint32_t boot_device;
	uint32_t command_line;
};

#define MULTIBOOT_HAS_MEMORY       0x1
#define MULTIBOOT_HAS_COMMAND_LINE 0x4

struct pvh_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, command_line, acpi_tables;
	uint64_t memory_map; /* version 1 on */
	uint32_t memory_map_entries, reserved;
};

struct pvh_memory {
	uint64_t address, size;
	uint32_t type, reserved;
};

#define MEMORY_RAM 1
#define ONE_MB     0x100000

struct boot_information boot_information;

static void *at(uint32_t physical)
{
	return (void *)(uintptr_t)physical;
}

static bool read_multiboot(uint32_t address)
{
	const struct multiboot_info *info = at(address);

	boot_information.loader = "multiboot";
	if (!(info->flags & MULTIBOOT_HAS_MEMORY))
		return false;
	boot_information.memory_end = ONE_MB + info->memory_upper * 1024;
	if (info->flags & MULTIBOOT_HAS_COMMAND_LINE)
		copy_string(boot_information.command_line, at(info->command_line),
		            sizeof(boot_information.command_line));
	return true;
}

static bool read_pvh(uint32_t address)
{
	const struct pvh_info *info = at(address);
	const struct pvh_memory *map = at((uint32_t)info->memory_map);

	boot_information.loader = "pvh";
	if (info->magic != PVH_MAGIC || info->version < 1)
		return false;
	for (uint32_t i = 0; i < info->memory_map_entries; i++)
		if (map[i].type == MEMORY_RAM && map[i].address <= ONE_MB &&
		    map[i].address + map[i].size > ONE_MB)
			boot_information.memory_end = (uint32_t)(map[i].address + map[i].size);
	if (info->command_line)
		copy_string(boot_information.command_line, at((uint32_t)info->command_line),
		            sizeof(boot_information.command_line));
	return boot_information.memory_end != 0;
}

bool boot_information_read(uint32_t magic, uint32_t info)
{
	if (magic == MULTIBOOT_MAGIC)
		return read_multiboot(info);
	return magic == PVH_MAGIC && read_pvh(info);
}

bool boot_option(const char *name, char *value, uint32_t size)
{
	uint32_t length = string_length(name);

	for (const char *word = boot_information.command_line; *word;) {
		while (*word == ' ')
			word++;
		if (string_starts(word, name) && word[length] == '=') {
			word += length + 1;
			uint32_t used = 0;
			while (*word && *word != ' ' && used + 1 < size)
				value[used++] = *word++;
			value[used] = '\0';
			return true;
		}
		while (*word && *word != ' ')
			word++;
	}
	return false;
}
