/* SPDX-License-Identifier: BSD-2-Clause */

/* The guest: brings the machine up, runs the checks, says the verdict, ends. */

#include "tests/guests/kernel/boot_information.h"
#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/console.h"
#include "tests/guests/kernel/descriptors.h"
#include "tests/guests/kernel/ends.h"
#include "tests/guests/kernel/instructions.h"
#include "tests/guests/kernel/interrupts.h"
#include "tests/guests/kernel/memory.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/string.h"

static const char *const paging_names[] = {"none", "2level", "pae"};

__attribute__((noreturn)) void guest_main(uint32_t magic, uint32_t info);

/* The mode that the command line's paging= asks for; none without it. */
static enum paging wanted_paging(void)
{
	char word[16] = "none";

	boot_option("paging", word, sizeof(word));
	for (uint32_t mode = PAGING_NONE; mode <= PAGING_PAE; mode++)
		if (string_starts(word, paging_names[mode]))
			return mode;
	panic("paging= must be none, 2level or pae");
}

void guest_main(uint32_t magic, uint32_t info)
{
	console_setup();
	if (!boot_information_read(magic, info))
		panic("not entered by a multiboot or PVH loader");
	descriptors_setup();
	interrupts_setup();
	enum paging mode = wanted_paging();
	if (mode == PAGING_PAE && !(cpuid(1, 0).edx & 1u << 6))
		panic("paging=pae, but the processor has no PAE");
	print("# loader %s, paging %s, memory to 0x%x\n", boot_information.loader,
	      paging_names[mode], boot_information.memory_end);
	end_if_asked();
	memory_setup(mode);
	checks_run();
	end_guest(report_verdict());
}
