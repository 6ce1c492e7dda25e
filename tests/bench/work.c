/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The first process of a Linux whose speed is measured: does what kernels do most, each part many
 * times, and says for each how far the time stamp counter went. Where qemu counts instructions
 * (-icount shift=0) these are the instructions executed. Static, without a C library.
 */

#include <stdbool.h>
#include <stddef.h>

#include "tests/boot/userland/system_calls.h"

#define PAGE 4096u

static const char own_path[] = "/work";
static volatile uint32_t signals_seen;

void work_main(const uint32_t *stack);

asm("\t.globl _start\n"
    "_start:\n"
    "\tmov %esp, %eax\n"
    "\txor %ebp, %ebp\n"
    "\tand $-16, %esp\n"
    "\tpush %eax\n"
    "\tcall work_main\n"
    "\thlt\n");

asm("return_from_signal:\n"
    "\tmov $173, %eax\n" /* CALL_RT_SIGRETURN */
    "\tint $0x80\n");
extern void return_from_signal(void);

static uint64_t time_stamp(void)
{
	uint32_t low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static char *put_text(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	return to;
}

/* Decimal, by subtraction: without a library there is no division of 64 bits. */
static char *put_number(char *to, uint64_t number)
{
	static const uint64_t powers[] = {
	    1000000000000, 100000000000, 10000000000, 1000000000, 100000000, 10000000, 1000000,
	    100000,        10000,        1000,        100,        10,        1};
	bool any = false;

	for (uint32_t i = 0; i < sizeof(powers) / sizeof(powers[0]); i++) {
		char digit = '0';

		for (; number >= powers[i]; number -= powers[i])
			digit++;
		any |= digit != '0' || powers[i] == 1;
		if (any)
			*to++ = digit;
	}
	return to;
}

/* Writes one line at once: work: NAME TURNS COUNT. */
static void say(const char *name, uint32_t turns, uint64_t count)
{
	char line[100], *end = put_text(line, "work: ");

	end = put_text(end, name);
	*end++ = ' ';
	end = put_number(end, turns);
	*end++ = ' ';
	end = put_number(end, count);
	*end++ = '\n';
	call3(CALL_WRITE, 1, address(line), (uint32_t)(end - line));
}

__attribute__((noreturn)) static void leave(uint32_t status)
{
	for (;;)
		call1(CALL_EXIT, status);
}

static void wait_for(int32_t child)
{
	uint32_t status;

	call3(CALL_WAITPID, (uint32_t)child, address(&status), 0);
}

static void system_calls(uint32_t turns)
{
	while (turns--)
		call0(CALL_GETPID);
}

static void forks(uint32_t turns)
{
	while (turns--) {
		int32_t child = call0(CALL_FORK);

		if (child == 0)
			leave(0);
		wait_for(child);
	}
}

static void execs(uint32_t turns)
{
	const char *const arguments[] = {own_path, "child", NULL};
	const char *const environment[] = {NULL};

	while (turns--) {
		int32_t child = call0(CALL_FORK);

		if (child == 0) {
			call3(CALL_EXECVE, address(own_path), address(arguments),
			      address(environment));
			leave(1);
		}
		wait_for(child);
	}
}

/* Parent and child in turn, through two pipes. */
static void pipes(uint32_t turns)
{
	uint32_t there[2], back[2];
	char byte = 0;

	call1(CALL_PIPE, address(there));
	call1(CALL_PIPE, address(back));
	int32_t child = call0(CALL_FORK);
	if (child == 0) {
		while (turns--) {
			call3(CALL_READ, there[0], address(&byte), 1);
			call3(CALL_WRITE, back[1], address(&byte), 1);
		}
		leave(0);
	}
	while (turns--) {
		call3(CALL_WRITE, there[1], address(&byte), 1);
		call3(CALL_READ, back[0], address(&byte), 1);
	}
	wait_for(child);
	for (uint32_t i = 0; i < 2; i++) {
		call1(CALL_CLOSE, there[i]);
		call1(CALL_CLOSE, back[i]);
	}
}

static void page_faults(uint32_t turns)
{
	struct mmap_arguments arguments = {
	    0, 64 * PAGE, PROTECT_READ | PROTECT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, UINT32_MAX, 0};

	for (; turns >= 64; turns -= 64) {
		uint32_t at = (uint32_t)call1(CALL_MMAP, address(&arguments));

		for (uint32_t page = 0; page < 64; page++)
			*(volatile char *)(uintptr_t)(at + page * PAGE) = 1;
		call2(CALL_MUNMAP, at, 64 * PAGE);
	}
}

static void note_signal(int number, const void *information, void *context)
{
	(void)number;
	(void)information;
	(void)context;
	signals_seen++;
}

static void signals(uint32_t turns)
{
	struct signal_action action = {
	    note_signal, SIGNAL_INFO | SIGNAL_RESTORE, return_from_signal, {0}};
	uint32_t self = (uint32_t)call0(CALL_GETPID);

	call4(CALL_RT_SIGACTION, SIGNAL_USER1, address(&action), 0, 8);
	while (turns--)
		call2(CALL_KILL, self, SIGNAL_USER1);
}

static const struct {
	const char *name;
	void (*run)(uint32_t turns);
	uint32_t turns;
} parts[] = {
    {"system-call", system_calls, 5000},
    {"fork", forks, 100},
    {"exec", execs, 100},
    {"pipe", pipes, 1000},
    {"page-fault", page_faults, 6400},
    {"signal", signals, 2000},
};

void work_main(const uint32_t *stack)
{
	if (stack[0] > 1) /* argc: a child of execs() */
		leave(0);
	for (uint32_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		uint64_t start;

		parts[i].run(parts[i].turns / 10); /* once to warm up */
		start = time_stamp();
		parts[i].run(parts[i].turns);
		say(parts[i].name, parts[i].turns, time_stamp() - start);
	}
	call0(CALL_SYNC);
	call4(CALL_REBOOT, REBOOT_MAGIC, REBOOT_MAGIC2, REBOOT_POWER_OFF, 0);
	leave(1);
}
