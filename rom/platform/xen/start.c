/* SPDX-License-Identifier: BSD-2-Clause */

#include "rom/platform/xen/start.h"
#include "rom/platform/xen/console.h"
#include "rom/platform/xen/shutdown.h"

void start(const struct start_info *start_info);

/* The first C code in the window. start_info: at its low alias. */
void start(const struct start_info *start_info)
{
	print("postburn: xen ROM at %x, %u MB\n", rom_parameters.rom_virtual,
	      (uint32_t)start_info->nr_pages >> 8);
	shut_down(SHUTDOWN_poweroff);
}
