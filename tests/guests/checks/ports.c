/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * in, out, ins, outs in every size and form, and what ring 3 may of them. The registers used are
 * the interrupt controllers' masks (one byte each, at 0x21 and 0xa1) and
 * the serial port's scratch, which hold what is written, and the clock's at 0x70 and 0x71.
 */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/descriptors.h"
#include "tests/guests/kernel/interrupts.h"
#include "tests/guests/kernel/memory.h"
#include "tests/guests/kernel/registers.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/serial.h"
#include "tests/guests/kernel/string.h"
#include "tests/guests/kernel/traps.h"
#include "tests/guests/kernel/user.h"

#define MODEM       (SERIAL_DTR | SERIAL_RTS)
#define LOW_PAGE    0x7000
#define CLOCK_INDEX 0x70
#define CLOCK_DATA  0x71
#define CLOCK_DAY   0x07

INSTRUCTION(code_in_byte, "inb $0x21, %al");
INSTRUCTION(code_out_byte, "outb %al, $0x21");
INSTRUCTION(code_in_word, "inw $0x20, %ax");
INSTRUCTION(code_in_byte_dx, "inb %dx, %al");
INSTRUCTION(code_out_byte_dx, "outb %al, %dx");

void port_bytes(void)
{
	uint32_t got = 0xaabbccdd;

	asm volatile("outb %%al, $0x21" : : "a"(0xf7));
	asm volatile("inb $0x21, %%al" : "+a"(got));
	expect_equal("immediate port", 0xaabbccf7, got);
	asm volatile("outb %%al, %%dx" : : "a"(0xef), "d"(PIC_MASK2));
	asm volatile("inb %%dx, %%al" : "+a"(got) : "d"(PIC_MASK2));
	expect_equal("port in DX", 0xaabbccef, got);
	asm volatile("inb %%dx, %%al" : "+a"(got) : "d"(PIC_MASK));
	expect_equal("the other port", 0xaabbccf7, got);
}

/* A word goes to two ports: here a command, and the mask behind it. */
void port_words(void)
{
	uint32_t got = 0xaabbccdd;

	asm volatile("outw %%ax, $0x20" : : "a"(0xdf00 | PIC_READ_SERVICE));
	asm volatile("inw $0x20, %%ax" : "+a"(got));
	expect_equal("immediate port", 0xaabbdf00, got);
	asm volatile("outw %%ax, %%dx" : : "a"(0xee00 | PIC_READ_SERVICE), "d"(PIC_COMMAND));
	asm volatile("inw %%dx, %%ax" : "+a"(got) : "d"(PIC_COMMAND));
	expect_equal("port in DX", 0xaabbee00, got);
}

/*
 * Four bytes: the serial port's modem control, two registers of status, which no write changes,
 * and scratch.
 */
#define SERIAL_DOUBLE_WORD 0x3fc
#define SERIAL_HELD        0xff0000ffu

void port_double_words(void)
{
	uint32_t got;

	asm volatile("outl %%eax, %%dx" : : "a"(0x5a000000 | MODEM), "d"(SERIAL_DOUBLE_WORD));
	got = POISON;
	asm volatile("inl %%dx, %%eax" : "+a"(got) : "d"(SERIAL_DOUBLE_WORD));
	expect_equal("port in DX", 0x5a000000 | MODEM, got & SERIAL_HELD);
	asm volatile("outl %%eax, $0xe0" : : "a"(0x12345678));
	got = 0;
	asm volatile("inl $0xe0, %%eax" : "+a"(got));
	expect_equal("immediate port, nothing there", 0xffffffff, got);
}

void port_of_nothing(void)
{
	uint32_t got = 0;

	asm volatile("outb %%al, %%dx" : : "a"(0), "d"(0x2f0));
	asm volatile("inb %%dx, %%al" : "+a"(got) : "d"(0x2f0));
	expect_equal("byte", 0xff, got);
	got = POISON;
	asm volatile("inl %%dx, %%eax" : "+a"(got) : "d"(0x2f0));
	expect_equal("double word", 0xffffffff, got);
}

void port_instructions_only(void)
{
	struct registers given = {.eax = 0x123456ff, .ecx = 0x9abcdef0, .edx = PIC_MASK2};

	struct registers result = given;

	out_byte(PIC_MASK, 0xfe);
	run_with_registers(&result, code_in_byte);
	expect_equal("in $, al: EAX", 0x123456fe, result.eax);
	expect_register("out al, $", code_out_byte, &given, EAX, given.eax);
	expect_equal("the mask then", 0xff, in_byte(PIC_MASK));
	out_byte(PIC_MASK, 0xfe);
	given.eax = 0x1234567e;
	expect_register("out al, dx", code_out_byte_dx, &given, EAX, given.eax);
	expect_equal("the other mask then", 0x7e, in_byte(PIC_MASK2));
	given.eax = 0x123456ff;
	expect_register("in dx, al", code_in_byte_dx, &given, EAX, 0x1234567e);
	result = given;
	run_with_registers(&result, code_in_word);
	expect_equal("in $, ax: EAX", 0x1234fe00, result.eax);
	expect_only_changes("in $, al", code_in_byte, CHANGES_EAX, 0);
	expect_only_changes_with("out al, $", code_out_byte, &given, CHANGES_NONE, 0);
	expect_only_changes("in $, ax", code_in_word, CHANGES_EAX, 0);
	expect_only_changes_with("in dx, al", code_in_byte_dx, &given, CHANGES_EAX, 0);
	expect_only_changes_with("out al, dx", code_out_byte_dx, &given, CHANGES_NONE, 0);
}

/* The clock's index goes out with the low byte, the value with the high one. */
void port_word_to_index_and_data(void)
{
	uint32_t got;

	asm volatile("outb %%al, %%dx" : : "a"(CLOCK_DAY), "d"(CLOCK_INDEX));
	asm volatile("inb %%dx, %%al" : "=a"(got) : "d"(CLOCK_DATA), "a"(0));
	expect_true("a day of the month", (got & 0xff) >= 1 && (got & 0xff) <= 0x31);
}

void string_output(void)
{
	static const uint8_t bytes[4] = {0xfd, 0xfb, 0xf7, 0xef};
	static const uint16_t word = 0xdd00 | PIC_READ_SERVICE;
	static const uint32_t double_word = 0xa5000000 | MODEM;
	const void *source = bytes;
	uint32_t got;

	asm volatile("outsb" : "+S"(source) : "d"(PIC_MASK) : "memory");
	got = 0;
	asm volatile("inb $0x21, %%al" : "+a"(got));
	expect_equal("outsb", 0xfd, got);
	expect_equal("outsb: ESI", (uint32_t)(uintptr_t)(bytes + 1), (uint32_t)(uintptr_t)source);
	source = &word;
	asm volatile("outsw" : "+S"(source) : "d"(PIC_COMMAND) : "memory");
	got = 0;
	asm volatile("inb $0x21, %%al" : "+a"(got));
	expect_equal("outsw", 0xdd, got);
	source = &double_word;
	asm volatile("outsl" : "+S"(source) : "d"(SERIAL_DOUBLE_WORD) : "memory");
	got = POISON;
	asm volatile("inl %%dx, %%eax" : "+a"(got) : "d"(SERIAL_DOUBLE_WORD));
	expect_equal("outsl", double_word, got & SERIAL_HELD);
	expect_equal("outsl: ESI", (uint32_t)(uintptr_t)(&double_word + 1),
	             (uint32_t)(uintptr_t)source);
}

void string_output_repeated(void)
{
	static const uint8_t bytes[4] = {0xfd, 0xfb, 0xf7, 0xef};
	const uint8_t *source = bytes;
	uint32_t count = 4, got;

	asm volatile("rep outsb" : "+S"(source), "+c"(count) : "d"(PIC_MASK) : "memory");
	got = 0;
	asm volatile("inb $0x21, %%al" : "+a"(got));
	expect_equal("last byte", 0xef, got);
	expect_equal("ECX", 0, count);
	expect_equal("ESI", (uint32_t)(uintptr_t)(bytes + 4), (uint32_t)(uintptr_t)source);
	count = 4;
	source = bytes + 3;
	asm volatile("std\n\trep outsb\n\tcld"
	             : "+S"(source), "+c"(count)
	             : "d"(PIC_MASK)
	             : "memory", "cc");
	got = 0;
	asm volatile("inb $0x21, %%al" : "+a"(got));
	expect_equal("last byte backwards", 0xfd, got);
	expect_equal("ESI backwards", (uint32_t)(uintptr_t)bytes - 1, (uint32_t)(uintptr_t)source);
	count = 0;
	asm volatile("rep outsb" : "+S"(source), "+c"(count) : "d"(PIC_MASK) : "memory");
	expect_equal("ESI after none", (uint32_t)(uintptr_t)bytes - 1, (uint32_t)(uintptr_t)source);
}

void string_output_of_words_repeated(void)
{
	static const uint16_t words[2] = {0xfe00 | PIC_READ_SERVICE, 0xfd00 | PIC_READ_SERVICE};
	static const uint32_t double_words[2] = {0x12000000 | MODEM, 0x34000000 | MODEM};
	const void *source = words;
	uint32_t count = 2, got;

	asm volatile("rep outsw" : "+S"(source), "+c"(count) : "d"(PIC_COMMAND) : "memory");
	got = 0;
	asm volatile("inb $0x21, %%al" : "+a"(got));
	expect_equal("outsw: last", 0xfd, got);
	expect_equal("outsw: ESI", (uint32_t)(uintptr_t)(words + 2), (uint32_t)(uintptr_t)source);
	expect_equal("outsw: ECX", 0, count);
	count = 2;
	source = double_words;
	asm volatile("rep outsl" : "+S"(source), "+c"(count) : "d"(SERIAL_DOUBLE_WORD) : "memory");
	got = POISON;
	asm volatile("inl %%dx, %%eax" : "+a"(got) : "d"(SERIAL_DOUBLE_WORD));
	expect_equal("outsl: last", double_words[1], got & SERIAL_HELD);
	expect_equal("outsl: ESI", (uint32_t)(uintptr_t)(double_words + 2),
	             (uint32_t)(uintptr_t)source);
	expect_equal("outsl: ECX", 0, count);
}

/* A segment prefix says where outs reads. */
void string_output_from_segment(void)
{
	static const uint8_t byte = 0xbd;
	uint32_t base = (uint32_t)(uintptr_t)&byte;
	uint32_t selector =
	    gdt_scratch(0, descriptor(base, SEGMENT_LIMIT_MAX, ACCESS_DATA, SEGMENT_FLAT));
	uint32_t offset = 0, got;

	asm volatile("mov %2, %%fs\n\tfs outsb"
	             : "+S"(offset)
	             : "d"(PIC_MASK), "r"(selector)
	             : "memory");
	got = 0;
	asm volatile("inb $0x21, %%al" : "+a"(got));
	expect_equal("byte", byte, got);
	asm volatile("mov %0, %%fs" : : "r"(SELECTOR_KERNEL_DATA));
}

void string_input(void)
{
	uint32_t words[2] = {0, 0x5a5a5a5a};
	void *target = words;

	asm volatile("outw %%ax, $0x20" : : "a"(0xdf00 | PIC_READ_SERVICE));
	asm volatile("insb" : "+D"(target) : "d"(PIC_MASK) : "memory");
	expect_equal("insb", 0xdf, words[0]);
	expect_equal("insb: EDI", (uint32_t)(uintptr_t)words + 1, (uint32_t)(uintptr_t)target);
	target = words;
	asm volatile("insw" : "+D"(target) : "d"(PIC_COMMAND) : "memory");
	expect_equal("insw", 0xdf00, words[0]);
	target = words;
	asm volatile("outl %%eax, %%dx" : : "a"(0x77000000 | MODEM), "d"(SERIAL_DOUBLE_WORD));
	asm volatile("insl" : "+D"(target) : "d"(SERIAL_DOUBLE_WORD) : "memory");
	expect_equal("insl", 0x77000000 | MODEM, words[0] & SERIAL_HELD);
	expect_equal("insl: EDI", (uint32_t)(uintptr_t)(words + 1), (uint32_t)(uintptr_t)target);
	expect_equal("word behind", 0x5a5a5a5a, words[1]);
}

void string_input_repeated(void)
{
	uint8_t bytes[8];
	uint8_t *target = bytes + 2;
	uint32_t count = 4;

	memset(bytes, 0x11, sizeof(bytes));
	asm volatile("outb %%al, $0x21" : : "a"(0x7e));
	asm volatile("rep insb" : "+D"(target), "+c"(count) : "d"(PIC_MASK) : "memory");
	expect_equal("ECX", 0, count);
	expect_equal("EDI", (uint32_t)(uintptr_t)(bytes + 6), (uint32_t)(uintptr_t)target);
	for (uint32_t i = 0; i < sizeof(bytes); i++)
		expect_equal("byte", i >= 2 && i < 6 ? 0x7e : 0x11, bytes[i]);
	count = 2;
	target = bytes + 7;
	asm volatile("std\n\trep insb\n\tcld"
	             : "+D"(target), "+c"(count)
	             : "d"(PIC_MASK)
	             : "memory", "cc");
	expect_equal("EDI backwards", (uint32_t)(uintptr_t)(bytes + 5),
	             (uint32_t)(uintptr_t)target);
	expect_equal("byte backwards", 0x7e, bytes[7]);
}

void string_input_of_words_repeated(void)
{
	uint32_t words[4] = {0};
	void *target = words;
	uint32_t count = 3;

	asm volatile("outw %%ax, $0x20" : : "a"(0xdf00 | PIC_READ_SERVICE));
	asm volatile("rep insw" : "+D"(target), "+c"(count) : "d"(PIC_COMMAND) : "memory");
	expect_equal("insw: two words", 0xdf00df00, words[0]);
	expect_equal("insw: third word", 0x0000df00, words[1]);
	expect_equal("insw: EDI", (uint32_t)(uintptr_t)words + 6, (uint32_t)(uintptr_t)target);
	count = 2;
	target = words;
	asm volatile("outl %%eax, %%dx" : : "a"(0x66000000 | MODEM), "d"(SERIAL_DOUBLE_WORD));
	asm volatile("rep insl" : "+D"(target), "+c"(count) : "d"(SERIAL_DOUBLE_WORD) : "memory");
	expect_equal("insl: first", 0x66000000 | MODEM, words[0] & SERIAL_HELD);
	expect_equal("insl: second", 0x66000000 | MODEM, words[1] & SERIAL_HELD);
	expect_equal("insl: ECX", 0, count);
	expect_equal("insl: EDI", (uint32_t)(uintptr_t)(words + 2), (uint32_t)(uintptr_t)target);
}

/* With a 16-bit address size only SI, DI and CX count and change. */
void string_addresses_of_16_bits(void)
{
	volatile uint8_t *low = (volatile uint8_t *)LOW_PAGE;
	uint32_t source = 0x12340000 | LOW_PAGE, target = 0x56780000 | (LOW_PAGE + 8);
	uint32_t count = 0x9abc0003;

	low[0] = 0xcf;
	for (uint32_t i = 8; i < 16; i++)
		low[i] = 0;
	asm volatile("addr16 outsb" : "+S"(source) : "d"(PIC_MASK) : "memory");
	asm volatile("addr16 rep insb" : "+D"(target), "+c"(count) : "d"(PIC_MASK) : "memory");
	expect_equal("ESI", 0x12340000 | (LOW_PAGE + 1), source);
	expect_equal("EDI", 0x56780000 | (LOW_PAGE + 11), target);
	expect_equal("ECX", 0x9abc0000, count);
	for (uint32_t i = 8; i < 16; i++)
		expect_equal("byte", i < 11 ? 0xcf : 0, low[i]);
}

/* Memory that an ins writes to may be missing; the instruction is restarted. */
void string_input_faults(void)
{
	void *target = (void *)(uintptr_t)CHECK_AREA;

	fault_clear();
	asm volatile(MAY_FAULT("insb") : "+D"(target) : "d"(PIC_MASK) : "memory");
	expect_fault("insb to an absent page", VECTOR_PAGE_FAULT, PAGE_FAULT_WRITE);
	expect_equal("CR2", CHECK_AREA, fault.cr2);
	expect_equal("EDI", CHECK_AREA, (uint32_t)(uintptr_t)target);
	page_map(CHECK_AREA, page_allocate(), PAGE_KERNEL);
	asm volatile("insb" : "+D"(target) : "d"(PIC_MASK) : "memory");
	expect_equal("byte", 0xff, *(volatile uint8_t *)(uintptr_t)CHECK_AREA);
}

USER_PROGRAM(user_in_byte, "inb $0x21, %al");
USER_PROGRAM(user_out_word, "mov $0x20, %edx\n\toutw %ax, %dx");
USER_PROGRAM(user_outs, "mov $0x21, %edx\n\toutsb");

static void expect_user_refused(const char *what, const uint8_t *start, const uint8_t *end)
{
	struct trap_frame frame = user_state();

	user_run_bytes(start, end, &frame);
	expect_equal(what, VECTOR_PROTECTION, frame.vector);
	expect_equal(what, 0, frame.error);
}

void user_ports_refused(void)
{
	expect_user_refused("inb", user_in_byte, user_in_byte_end);
	expect_user_refused("outw", user_out_word, user_out_word_end);
	expect_user_refused("outsb", user_outs, user_outs_end);
}

/* The TSS's bitmap lets single ports through; a word needs both of its bits. */
void user_ports_by_bitmap(void)
{
	struct trap_frame frame = user_state();

	asm volatile("outb %%al, $0x21" : : "a"(0xb6));
	main_task.io_bitmap[PIC_MASK / 8] &= (uint8_t) ~(1u << PIC_MASK % 8);
	user_run(user_in_byte, &frame);
	expect_equal("byte, allowed", VECTOR_SYSTEM_CALL, frame.vector);
	expect_equal("byte read", 0xb6, frame.eax);
	expect_user_refused("word, half allowed", user_out_word, user_out_word_end);
	main_task.io_bitmap[PIC_MASK / 8] |= 1u << PIC_MASK % 8;
	expect_user_refused("byte, no longer allowed", user_in_byte, user_in_byte_end);
}

/* With IOPL 3 every port is open. */
void user_ports_by_privilege_level(void)
{
	struct trap_frame frame = user_state();

	asm volatile("outb %%al, $0x21" : : "a"(0xcd));
	frame.eflags |= FLAG_IOPL;
	user_run(user_in_byte, &frame);
	expect_equal("vector", VECTOR_SYSTEM_CALL, frame.vector);
	expect_equal("byte", 0xcd, frame.eax);
}
