/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The init of a Linux on Xen: user mode tries to read, write and run what is the ROM's, Xen's and
 * the kernel's. Each attempt is a child of its own, which must die of SIGSEGV.
 */

#include "tests/boot/userland/system_calls.h"

#define SIGNAL_MASK 0x7f /* of a wait status */

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_RUN, ACCESSES };

static const uint32_t addresses[] = {
    0xc1000000, /* the kernel's code */
    0xf5000000, /* the region: springboards */
    0xf5001000, /* slots */
    0xf5010000, /* wedge */
    0xf5400000, /* page tables */
    0xf5600000, /* shared_info */
    0xf5680000, /* the MMU's view of guest memory */
    0xf5700000, /* the list of frames */
    0xf5800000, /* Xen's */
    0xffc00000, 0xfffff000,
};

static long call(enum system_call number, long first, long second, long third)
{
	long result;

	__asm__ volatile("int $0x80"
	                 : "=a"(result)
	                 : "0"(number), "b"(first), "c"(second), "d"(third)
	                 : "memory");
	return result;
}

static void say(const char *text)
{
	long size = 0;

	while (text[size])
		size++;
	call(CALL_WRITE, 1, (long)text, size);
}

static void say_number(uint32_t value)
{
	char digits[9];

	for (int i = 0; i < 8; i++)
		digits[i] = "0123456789abcdef"[value >> (28 - 4 * i) & 15];
	digits[8] = '\0';
	say(digits);
}

static void try(uint32_t address, enum access access)
{
	volatile uint32_t *at = (volatile uint32_t *)address;

	switch (access) {
	case ACCESS_READ: (void)*at; break;
	case ACCESS_WRITE: *at = 0xc3c3c3c3; break;
	default: ((void (*)(void))address)();
	}
}

static void check(uint32_t address, enum access access)
{
	static const char *const names[] = {"read", "write", "run"};
	int status = 0;
	long child = call(CALL_FORK, 0, 0, 0);

	if (child == 0) {
		try(address, access);
		call(CALL_EXIT, 0, 0, 0);
	}
	call(CALL_WAITPID, child, (long)&status, 0);
	say((status & SIGNAL_MASK) == SIGNAL_SEGV ? "reach: ok " : "reach: NOT OK ");
	say(names[access]);
	say(" ");
	say_number(address);
	say("\n");
}

void _start(void)
{
	for (unsigned int i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		for (enum access access = ACCESS_READ; access < ACCESSES; access++)
			check(addresses[i], access);
	say("reach: end\n");
	call((enum system_call)88, (long)0xfee1dead, 672274793, 0x4321fedc); /* reboot: power off */
	for (;;)
		;
}
