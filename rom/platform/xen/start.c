/* SPDX-License-Identifier: BSD-2-Clause */

#include "rom/platform/xen/start.h"
#include "rom/mmu/mmu.h"
#include "rom/platform/xen/boot_guest.h"
#include "rom/platform/xen/console.h"
#include "rom/platform/xen/events.h"
#include "rom/platform/xen/memory.h"
#include "rom/platform/xen/mmu_backend.h"
#include "rom/platform/xen/processor.h"
#include "rom/platform/xen/statistics.h"
#include "rom/vcpu/platform.h"
#include "rom/vcpu/vcpu.h"

/* trap_entry.S */
_Noreturn void enter_guest(const struct rom_frame *frame);

void start(const struct start_info *start_info);

/* The processor as a boot loader leaves it: protected mode, flat segments, no paging. */
static void reset_processor(void)
{
	vcpu.cr0 = CR0_PE | CR0_ET;
	vcpu.idt.limit = 0x3ff;
	vcpu.dr[6] = 0xffff0ff0;
	vcpu.dr[7] = 0x400;
	msr_initialise(&vcpu.msr, policy_no_execute(platform_cpuid), platform_time_stamp);
	descriptors_initialise();
	platform_set_fs(0x18);
	platform_set_gs(0x18);
}

/* The first C code in the window. start_info: where Xen has mapped it. */
void start(const struct start_info *start_info)
{
	static struct start_info kept;
	static struct rom_frame frame;

	__builtin_memcpy(&kept, start_info, sizeof(kept));
	statistics_initialise((const char *)kept.cmd_line);
	print("postburn: xen ROM at %x, %u MB\n", rom_parameters.rom_virtual,
	      (uint32_t)kept.nr_pages >> 8);
	memory_initialise(&kept);
	processor_initialise();
	mmu_backend_initialise();
	events_initialise();
	reset_processor();
	prepare_guest(&kept, &frame);
	enter_guest(&frame);
}
