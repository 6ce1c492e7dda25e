/* SPDX-License-Identifier: BSD-2-Clause */

/* The guest's boot protocol, of what Xen said at start, and its first frame. */

#include "rom/platform/xen/boot_guest.h"
#include "rom/include/linux_boot.h"
#include "rom/include/multiboot.h"
#include "rom/mmu/mmu.h"
#include "rom/platform/xen/events.h"
#include "rom/platform/xen/memory.h"
#include "rom/platform/xen/panic.h"
#include "rom/vcpu/vcpu.h"

/* Guest-physical addresses below 640 KB, where boot loaders leave such things. */
#define BOOT_PARAMS  0x90000
#define COMMAND_LINE 0x91000
#define FIRST_STACK  0x97000 /* rewritten guests call before they have a stack of their own */
#define LOW_END      0x9f000 /* RAM up to here, then a hole up to 1 MB */
#define HIGH_START   0x100000

#define LINUX_CODE 0x10 /* __BOOT_CS and __BOOT_DS */
#define LINUX_DATA 0x18

/* Linux keeps what is above 4 GB minus this free for a hypervisor: the window and Xen. */
#define RESERVE_TOP "reservetop=176M "

_Static_assert(ROM_XEN_WINDOW == 0u - (176u << 20), "as RESERVE_TOP says");

struct range {
	uint64_t start, end;
};

static char command_line[LINUX_COMMAND_LINE_SIZE];

static void write_physical(uint32_t address, const void *from, uint32_t size)
{
	const uint8_t *bytes = from;

	while (size > 0) {
		uint8_t *page = mmu_map_guest(address >> PAGE_SHIFT);
		uint32_t offset = address % PAGE_SIZE;
		uint32_t part = size < PAGE_SIZE - offset ? size : PAGE_SIZE - offset;

		if (!page)
			panic_numbers("boot: no memory at", address, size);
		__builtin_memcpy(page + offset, bytes, part);
		address += part;
		bytes += part;
		size -= part;
	}
}

/* The first MB is not zero in a new domain; guests look for the BIOS's tables there. */
static void clear_low_memory(void)
{
	for (uint32_t pfn = 0; pfn < HIGH_START >> PAGE_SHIFT; pfn++) {
		uint32_t address = pfn << PAGE_SHIFT;

		if (address < (rom_parameters.guest_physical_start & PAGE_MASK) ||
		    address >= rom_parameters.guest_physical_end)
			__builtin_memset(mmu_map_guest(pfn), 0, PAGE_SIZE);
	}
}

/* RAM as the guest may use it: at most 3 ranges. */
static unsigned int memory_map_ranges(struct range ranges[3])
{
	uint64_t own_start = (uint64_t)memory.own_first << PAGE_SHIFT;

	ranges[0] = (struct range){0, LOW_END};
	ranges[1] = (struct range){HIGH_START, own_start};
	ranges[2] = (struct range){(uint64_t)memory.own_end << PAGE_SHIFT,
	                           (uint64_t)memory.top << PAGE_SHIFT};
	return 3;
}

static void append(const char *text)
{
	uint32_t length = 0, i = 0;

	while (command_line[length])
		length++;
	while (text[i] && length < sizeof(command_line) - 1)
		command_line[length++] = text[i++];
	command_line[length] = '\0';
}

/* Xen knows it; Linux would measure it with the 8254, which is too coarse here. */
static void append_time_stamp_frequency(void)
{
	uint32_t khz = events_time_stamp_khz();
	char digits[12] = {0};
	int at = sizeof(digits) - 1;

	if (khz == 0)
		return;
	digits[--at] = ' ';
	for (; khz; khz /= 10)
		digits[--at] = (char)('0' + khz % 10);
	append("tsc_early_khz=");
	append(&digits[at]);
}

static uint32_t initrd_address(const struct start_info *start_info)
{
	if (start_info->mod_len == 0)
		return 0;
	if (!(start_info->flags & SIF_MOD_START_PFN))
		panic_numbers("boot: the initrd is mapped, not at a page number",
		              start_info->mod_start, start_info->mod_len);
	return start_info->mod_start << PAGE_SHIFT;
}

static void prepare_linux(const struct start_info *start_info)
{
	static struct linux_boot_params boot_params;
	struct range ranges[3];
	unsigned int count = memory_map_ranges(ranges);

	boot_params.boot_flag = 0xaa55;
	boot_params.signature = LINUX_BOOT_SIGNATURE;
	boot_params.version = LINUX_BOOT_VERSION;
	boot_params.loader_type = LINUX_LOADER_UNDEFINED;
	boot_params.command_line = COMMAND_LINE;
	boot_params.command_line_size = LINUX_COMMAND_LINE_SIZE - 1;
	boot_params.initrd_address = initrd_address(start_info);
	boot_params.initrd_size = start_info->mod_len;
	for (unsigned int i = 0; i < count; i++) {
		boot_params.e820[i].address = ranges[i].start;
		boot_params.e820[i].size = ranges[i].end - ranges[i].start;
		boot_params.e820[i].type = LINUX_E820_RAM;
	}
	boot_params.e820_count = (uint8_t)count;
	write_physical(BOOT_PARAMS, &boot_params, sizeof(boot_params));
	if (!(rom_parameters.flags & ROM_GUEST_TOP_IS_FREE))
		append(RESERVE_TOP);
	append_time_stamp_frequency();
}

static void prepare_multiboot(const struct start_info *start_info)
{
	struct {
		struct multiboot_information information;
		struct multiboot_memory memory_map[3];
		struct multiboot_module module;
	} loader = {0};
	struct range ranges[3];
	unsigned int count = memory_map_ranges(ranges);
	uint32_t start = initrd_address(start_info);

	loader.information.flags =
	    MULTIBOOT_MEMORY | MULTIBOOT_COMMAND_LINE | MULTIBOOT_MODULES | MULTIBOOT_MEMORY_MAP;
	loader.information.memory_lower = LOW_END >> 10;
	loader.information.memory_upper = (uint32_t)(ranges[1].end - HIGH_START) >> 10;
	loader.information.command_line = COMMAND_LINE;
	loader.information.module_count = start ? 1 : 0;
	loader.information.modules = BOOT_PARAMS + offsetof(__typeof__(loader), module);
	loader.module.start = start;
	loader.module.end = start + start_info->mod_len;
	loader.information.memory_map = BOOT_PARAMS + offsetof(__typeof__(loader), memory_map);
	loader.information.memory_map_size = sizeof(loader.memory_map);
	for (unsigned int i = 0; i < count; i++) {
		loader.memory_map[i].size = sizeof(loader.memory_map[i]) - 4;
		loader.memory_map[i].address = ranges[i].start;
		loader.memory_map[i].length = ranges[i].end - ranges[i].start;
		loader.memory_map[i].type = LINUX_E820_RAM;
	}
	write_physical(BOOT_PARAMS, &loader, sizeof(loader));
}

void prepare_guest(const struct start_info *start_info, struct rom_frame *frame)
{
	*frame = (struct rom_frame){
	    .es = LINUX_DATA,
	    .ds = LINUX_DATA,
	    .eip = rom_parameters.guest_entry,
	    .cs = LINUX_CODE | RING_GUEST,
	    .eflags = 2,
	    .esp = FIRST_STACK,
	    .ss = LINUX_DATA | RING_GUEST,
	};
	clear_low_memory();
	command_line[0] = '\0';
	if (rom_parameters.guest_kind == ROM_GUEST_LINUX) {
		prepare_linux(start_info);
		frame->esi = BOOT_PARAMS;
	} else {
		prepare_multiboot(start_info);
		frame->eax = MULTIBOOT_MAGIC;
		frame->ebx = BOOT_PARAMS;
	}
	append((const char *)start_info->cmd_line);
	write_physical(COMMAND_LINE, command_line, sizeof(command_line));
}
