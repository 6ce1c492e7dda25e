/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef USERLAND_SYSTEM_CALLS_H
#define USERLAND_SYSTEM_CALLS_H

/*
 * Linux' system calls for i386 by int $0x80, and the little of its interface that is used here.
 * Results are those of the kernel: negative error numbers on failure.
 * Sources: arch/x86/entry/syscalls/syscall_32.tbl, include/uapi/.
 */

#include <stdint.h>

enum system_call {
	CALL_EXIT = 1,
	CALL_FORK = 2,
	CALL_READ = 3,
	CALL_WRITE = 4,
	CALL_OPEN = 5,
	CALL_CLOSE = 6,
	CALL_WAITPID = 7,
	CALL_UNLINK = 10,
	CALL_EXECVE = 11,
	CALL_LSEEK = 19,
	CALL_GETPID = 20,
	CALL_SYNC = 36,
	CALL_KILL = 37,
	CALL_PIPE = 42,
	CALL_BRK = 45,
	CALL_REBOOT = 88,
	CALL_MMAP = 90,
	CALL_MUNMAP = 91,
	CALL_SETITIMER = 104,
	CALL_MPROTECT = 125,
	CALL_SCHED_YIELD = 158,
	CALL_RT_SIGRETURN = 173,
	CALL_RT_SIGACTION = 174,
	CALL_RT_SIGPROCMASK = 175,
	CALL_SET_THREAD_AREA = 243,
	CALL_CLOCK_GETTIME64 = 403,
	CALL_CLOCK_NANOSLEEP64 = 407
};

#define ERROR_NO_SYSTEM_CALL (-38)

#define SIGNAL_USER1   10
#define SIGNAL_SEGV    11
#define SIGNAL_USER2   12
#define SIGNAL_ALARM   14
#define SIGNAL_INFO    0x4u        /* SA_SIGINFO */
#define SIGNAL_RESTORE 0x04000000u /* SA_RESTORER */

#define PROTECT_READ  1
#define PROTECT_WRITE 2
#define MAP_PRIVATE   2
#define MAP_ANONYMOUS 0x20

#define OPEN_READ_WRITE 2
#define OPEN_CREATE     0100

#define CLOCK_MONOTONIC 1

#define REBOOT_MAGIC     0xfee1deadu
#define REBOOT_MAGIC2    672274793u
#define REBOOT_POWER_OFF 0x4321fedcu

struct signal_action {
	void (*handler)(int number, const void *information, void *context);
	uint32_t flags;
	void (*restorer)(void);
	uint32_t mask[2];
};

struct mmap_arguments {
	uint32_t address, length, protection, flags, descriptor, offset;
};

struct time64 {
	int64_t seconds;
	int32_t nanoseconds, unused;
};

struct interval_timer {
	int32_t interval_seconds, interval_microseconds, seconds, microseconds;
};

struct thread_area { /* struct user_desc */
	uint32_t entry, base, limit, flags;
};

static inline int32_t call3(enum system_call number, uint32_t first, uint32_t second,
                            uint32_t third)
{
	int32_t result;

	asm volatile("int $0x80"
	             : "=a"(result)
	             : "a"(number), "b"(first), "c"(second), "d"(third)
	             : "memory");
	return result;
}

static inline int32_t call4(enum system_call number, uint32_t first, uint32_t second,
                            uint32_t third, uint32_t fourth)
{
	int32_t result;

	asm volatile("int $0x80"
	             : "=a"(result)
	             : "a"(number), "b"(first), "c"(second), "d"(third), "S"(fourth)
	             : "memory");
	return result;
}

static inline int32_t call0(enum system_call number)
{
	return call3(number, 0, 0, 0);
}

static inline int32_t call1(enum system_call number, uint32_t first)
{
	return call3(number, first, 0, 0);
}

static inline int32_t call2(enum system_call number, uint32_t first, uint32_t second)
{
	return call3(number, first, second, 0);
}

/* An address as an argument. */
static inline uint32_t address(const volatile void *pointer)
{
	return (uint32_t)(uintptr_t)pointer;
}

#endif
