/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a booted Linux is asked to do: processes, pipes, signals, memory, time. A line a test on
 * standard output, `userland: ok - NAME`, then `userland: PASS` or `userland: FAIL`. Static, and
 * without a C library, so that it runs on the smallest kernel.
 */

#include <stdbool.h>
#include <stddef.h>

#include "tests/boot/userland/system_calls.h"

#define PAGE 4096u

enum outcome { OUTCOME_OK, OUTCOME_NOT_OK, OUTCOME_SKIP };

/* Set by signal handlers. */
static volatile uint32_t signals_seen, last_signal, last_address;

/* This program's path, for exec. */
static const char own_path[] = "/proc/self/exe";

void userland_main(const uint32_t *stack);
void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);

void *memcpy(void *to, const void *from, size_t size)
{
	uint8_t *target = to;
	const uint8_t *source = from;

	while (size--)
		*target++ = *source++;
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	uint8_t *target = to;

	while (size--)
		*target++ = (uint8_t)byte;
	return to;
}

/* The stack at entry, from ESP up: argc, argv[0], ... */
asm("\t.globl _start\n"
    "_start:\n"
    "\tmov %esp, %eax\n"
    "\txor %ebp, %ebp\n"
    "\tand $-16, %esp\n"
    "\tpush %eax\n"
    "\tcall userland_main\n"
    "\thlt\n");

/* Where a signal handler returns to. */
asm("return_from_signal:\n"
    "\tmov $173, %eax\n" /* CALL_RT_SIGRETURN */
    "\tint $0x80\n");
extern void return_from_signal(void);

/* Writes one line at once, so that nothing of others comes into it. */
static void say(const char *first, const char *second, const char *third)
{
	const char *const parts[] = {"userland: ", first, second, third, "\n"};
	char line[100];
	uint32_t length = 0;

	for (uint32_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (const char *from = parts[i]; *from && length < sizeof(line); from++)
			line[length++] = *from;
	call3(CALL_WRITE, 1, address(line), length);
}

__attribute__((noreturn)) static void leave(uint32_t status)
{
	for (;;)
		call1(CALL_EXIT, status);
}

/* Waits for a child; true if it exited with that status. */
static bool exited_with(int32_t child, uint32_t status)
{
	uint32_t got = 0;

	return child > 0 && call3(CALL_WAITPID, (uint32_t)child, address(&got), 0) == child &&
	       got == status << 8;
}

static void note_signal(int number, const void *information, void *context)
{
	(void)context;
	signals_seen++;
	last_signal = (uint32_t)number;
	last_address = ((const uint32_t *)information)[3]; /* si_addr of a fault */
}

static bool catch_signal(uint32_t number,
                         void (*handler)(int number, const void *information, void *context))
{
	struct signal_action action = {
	    handler, SIGNAL_INFO | SIGNAL_RESTORE, return_from_signal, {0}};

	signals_seen = last_signal = last_address = 0;
	return call4(CALL_RT_SIGACTION, number, address(&action), 0, 8) == 0;
}

static uint8_t *map_memory(uint32_t length)
{
	struct mmap_arguments arguments = {
	    0, length, PROTECT_READ | PROTECT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, UINT32_MAX, 0};
	int32_t result = call1(CALL_MMAP, address(&arguments));

	return result < 0 && result > -4096 ? NULL : (uint8_t *)(uintptr_t)(uint32_t)result;
}

static enum outcome outcome_of(bool ok)
{
	return ok ? OUTCOME_OK : OUTCOME_NOT_OK;
}

static enum outcome test_fork(void)
{
	for (uint32_t i = 0; i < 50; i++) {
		int32_t child = call0(CALL_FORK);
		if (child == 0)
			leave(i);
		if (!exited_with(child, i))
			return OUTCOME_NOT_OK;
	}
	return OUTCOME_OK;
}

static enum outcome test_exec(void)
{
	const char *const arguments[] = {own_path, "exit-42", NULL};
	const char *const environment[] = {NULL};

	for (uint32_t i = 0; i < 50; i++) {
		int32_t child = call0(CALL_FORK);
		if (child == 0) {
			call3(CALL_EXECVE, address(own_path), address(arguments),
			      address(environment));
			leave(1);
		}
		if (!exited_with(child, 42))
			return OUTCOME_NOT_OK;
	}
	return OUTCOME_OK;
}

/* The child sends every number back, one more. */
static void answer(uint32_t from, uint32_t to)
{
	uint32_t number;

	while (call3(CALL_READ, from, address(&number), 4) == 4) {
		number++;
		call3(CALL_WRITE, to, address(&number), 4);
	}
	leave(0);
}

static enum outcome test_pipes(void)
{
	uint32_t there[2], back[2], got = 0;

	if (call1(CALL_PIPE, address(there)) || call1(CALL_PIPE, address(back)))
		return OUTCOME_NOT_OK;
	int32_t child = call0(CALL_FORK);
	if (child == 0) {
		call1(CALL_CLOSE, there[1]);
		answer(there[0], back[1]);
	}
	for (uint32_t i = 0; i < 500; i++) {
		call3(CALL_WRITE, there[1], address(&i), 4);
		if (call3(CALL_READ, back[0], address(&got), 4) != 4 || got != i + 1)
			return OUTCOME_NOT_OK;
	}
	for (uint32_t i = 0; i < 2; i++) {
		call1(CALL_CLOSE, there[i]);
		call1(CALL_CLOSE, back[i]);
	}
	return outcome_of(exited_with(child, 0));
}

static enum outcome test_signals(void)
{
	uint32_t self = (uint32_t)call0(CALL_GETPID);

	if (!catch_signal(SIGNAL_USER1, note_signal))
		return OUTCOME_NOT_OK;
	for (uint32_t i = 0; i < 100; i++)
		call2(CALL_KILL, self, SIGNAL_USER1);
	return outcome_of(signals_seen == 100 && last_signal == SIGNAL_USER1);
}

static enum outcome test_signal_from_child(void)
{
	uint32_t self = (uint32_t)call0(CALL_GETPID);

	if (!catch_signal(SIGNAL_USER2, note_signal))
		return OUTCOME_NOT_OK;
	int32_t child = call0(CALL_FORK);
	if (child == 0) {
		call2(CALL_KILL, self, SIGNAL_USER2);
		leave(0);
	}
	while (!signals_seen)
		call0(CALL_SCHED_YIELD);
	return outcome_of(exited_with(child, 0) && last_signal == SIGNAL_USER2);
}

static enum outcome test_timer_signal(void)
{
	struct interval_timer timer = {0, 0, 0, 50000};

	if (!catch_signal(SIGNAL_ALARM, note_signal))
		return OUTCOME_NOT_OK;
	int32_t result = call3(CALL_SETITIMER, 0, address(&timer), 0);
	if (result == ERROR_NO_SYSTEM_CALL)
		return OUTCOME_SKIP;
	while (!signals_seen)
		;
	return outcome_of(result == 0 && signals_seen == 1);
}

/* Writes every page of the memory twice, and reads it. */
static enum outcome test_memory(void)
{
	const uint32_t length = 16 << 20;
	uint8_t *memory = map_memory(length);
	uint32_t sum = 0;

	if (!memory)
		return OUTCOME_NOT_OK;
	for (uint32_t turn = 0; turn < 2; turn++)
		for (uint32_t at = 0; at < length; at += PAGE)
			memory[at] = (uint8_t)(memory[at] + 1);
	for (uint32_t at = 0; at < length; at += PAGE)
		sum += memory[at];
	return outcome_of(sum == 2 * (length / PAGE) &&
	                  call2(CALL_MUNMAP, address(memory), length) == 0);
}

static enum outcome test_copy_on_write(void)
{
	volatile uint8_t *memory = map_memory(64 * PAGE);

	if (!memory)
		return OUTCOME_NOT_OK;
	for (uint32_t at = 0; at < 64 * PAGE; at += PAGE)
		memory[at] = 1;
	int32_t child = call0(CALL_FORK);
	if (child == 0) {
		uint32_t sum = 0;
		for (uint32_t at = 0; at < 64 * PAGE; at += PAGE)
			sum += memory[at]++;
		leave(sum);
	}
	bool ok = exited_with(child, 64);
	for (uint32_t at = 0; at < 64 * PAGE; at += PAGE)
		ok &= memory[at] == 1;
	return outcome_of(ok);
}

static volatile uint32_t protected_page;

static void unprotect(int number, const void *information, void *context)
{
	note_signal(number, information, context);
	call3(CALL_MPROTECT, protected_page, PAGE, PROTECT_READ | PROTECT_WRITE);
}

/* A write to a read-only page: the signal's address is right, and the write is done again. */
static enum outcome test_protection(void)
{
	volatile uint8_t *memory = map_memory(PAGE);

	if (!memory || !catch_signal(SIGNAL_SEGV, unprotect))
		return OUTCOME_NOT_OK;
	protected_page = address(memory);
	memory[5] = 1;
	call3(CALL_MPROTECT, protected_page, PAGE, PROTECT_READ);
	memory[5] = 9;
	return outcome_of(signals_seen == 1 && last_address == protected_page + 5 &&
	                  memory[5] == 9);
}

/* A process that writes to nowhere is killed. */
static enum outcome test_crash(void)
{
	struct signal_action action = {NULL, SIGNAL_RESTORE, return_from_signal, {0}};
	uint32_t *volatile nowhere = NULL;
	uint32_t status = 0;

	int32_t child = call0(CALL_FORK);
	if (child == 0) {
		call4(CALL_RT_SIGACTION, SIGNAL_SEGV, address(&action), 0, 8);
		*nowhere = 1;
		leave(0);
	}
	call3(CALL_WAITPID, (uint32_t)child, address(&status), 0);
	return outcome_of((status & 0x7f) == SIGNAL_SEGV);
}

static enum outcome test_heap(void)
{
	uint32_t start = (uint32_t)call1(CALL_BRK, 0);
	uint32_t end = (uint32_t)call1(CALL_BRK, start + 100 * PAGE);

	if (end != start + 100 * PAGE)
		return OUTCOME_NOT_OK;
	volatile uint8_t *heap = (volatile uint8_t *)(uintptr_t)start;
	heap[0] = 1;
	heap[100 * PAGE - 1] = 2;
	return outcome_of(heap[0] + heap[100 * PAGE - 1] == 3 &&
	                  (uint32_t)call1(CALL_BRK, start) == start);
}

static enum outcome test_file(void)
{
	static uint8_t block[10000], again[10000];
	int32_t file =
	    call3(CALL_OPEN, address("/userland.test"), OPEN_READ_WRITE | OPEN_CREATE, 0600);

	if (file < 0)
		return OUTCOME_NOT_OK;
	for (uint32_t i = 0; i < sizeof(block); i++)
		block[i] = (uint8_t)(i * 7);
	bool ok = call3(CALL_WRITE, (uint32_t)file, address(block), sizeof(block)) == sizeof(block);
	call3(CALL_LSEEK, (uint32_t)file, 0, 0);
	ok &= call3(CALL_READ, (uint32_t)file, address(again), sizeof(again)) == sizeof(again);
	for (uint32_t i = 0; i < sizeof(block); i++)
		ok &= block[i] == again[i];
	call1(CALL_CLOSE, (uint32_t)file);
	return outcome_of(ok && call1(CALL_UNLINK, address("/userland.test")) == 0);
}

static int64_t monotonic_microseconds(void)
{
	struct time64 now = {0, 0, 0};

	call2(CALL_CLOCK_GETTIME64, CLOCK_MONOTONIC, address(&now));
	return now.seconds * 1000000 + now.nanoseconds / 1000;
}

/* Sleeps as long as it asks for, at least. */
static enum outcome test_sleep(void)
{
	struct time64 interval = {0, 100000000, 0};
	int64_t start = monotonic_microseconds();

	if (call4(CALL_CLOCK_NANOSLEEP64, CLOCK_MONOTONIC, 0, address(&interval), 0) != 0)
		return OUTCOME_NOT_OK;
	return outcome_of(monotonic_microseconds() - start >= 100000);
}

/* Parent and child each have a segment of their own in %gs, while both run. */
static bool thread_segment_holds(const uint32_t *word, uint32_t turns)
{
	struct thread_area area = {UINT32_MAX, address(word), 4, 0x51}; /* 32-bit, pages, usable */

	if (call1(CALL_SET_THREAD_AREA, address(&area)) != 0)
		return false;
	asm volatile("mov %0, %%gs" : : "r"(area.entry * 8 + 3));
	for (uint32_t turn = 0; turn < turns; turn++) {
		uint32_t got;
		asm volatile("mov %%gs:0, %0" : "=r"(got) : : "memory");
		if (got != *word)
			return false;
		call0(CALL_SCHED_YIELD);
	}
	return true;
}

static enum outcome test_thread_segments(void)
{
	static const uint32_t words[2] = {0x11111111, 0x22222222};

	int32_t child = call0(CALL_FORK);
	if (child == 0)
		leave(thread_segment_holds(&words[1], 200) ? 7 : 1);
	bool ok = thread_segment_holds(&words[0], 200);
	return outcome_of(exited_with(child, 7) && ok);
}

static const struct {
	const char *name;
	enum outcome (*run)(void);
} tests[] = {
    {"fork", test_fork},
    {"exec", test_exec},
    {"pipes", test_pipes},
    {"signals", test_signals},
    {"signal from a child", test_signal_from_child},
    {"timer signal", test_timer_signal},
    {"memory", test_memory},
    {"copy on write", test_copy_on_write},
    {"protection", test_protection},
    {"crash", test_crash},
    {"heap", test_heap},
    {"file", test_file},
    {"sleep", test_sleep},
    {"thread segments", test_thread_segments},
};

static const char *const outcome_words[] = {"ok", "not ok", "skip"};

/* A digit: sleeps as many seconds. busybox's sleep needs calls that the smallest kernel has not. */
__attribute__((noreturn)) static void run_argument(const char *argument)
{
	struct time64 interval = {*argument - '0', 0, 0};

	if (*argument < '0' || *argument > '9')
		leave(42); /* test_exec() */
	call4(CALL_CLOCK_NANOSLEEP64, CLOCK_MONOTONIC, 0, address(&interval), 0);
	leave(0);
}

void userland_main(const uint32_t *stack)
{
	bool passed = true;

	if (stack[0] > 1) /* argc */
		run_argument((const char *)(uintptr_t)stack[2]);
	for (uint32_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		enum outcome outcome = tests[i].run();
		passed &= outcome != OUTCOME_NOT_OK;
		say(outcome_words[outcome], " - ", tests[i].name);
	}
	say(passed ? "PASS" : "FAIL", "", "");
	leave(passed ? 0 : 1);
}
