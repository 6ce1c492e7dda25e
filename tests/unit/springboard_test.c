/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Springboards by their bytes: size, entries, origins, ends, actions of the manifest, and what
 * cannot be built. What they do when they run is tested in tests/equivalence.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "patcher/bytes.h"
#include "patcher/springboard/springboard.h"
#include "patchtables/vmi_calls.h"

#define WINDOW_ADDRESS UINT32_C(0xc1000100)
#define ADDRESS        UINT32_C(0xc2000000)
#define ROM            UINT32_C(0xc3000000)

struct subject {
	uint8_t code[WINDOW_MAX_INSTRUCTIONS * INSTRUCTION_MAX_LENGTH];
	struct window window;
	struct rom rom;
	struct springboard springboard;
	struct problem problem;
};

/* A window of all of code, and a ROM that offers every call and clobbers nothing. */
static void begin(struct subject *subject, const char *code, unsigned size)
{
	struct window *window = &subject->window;
	unsigned at = 0;

	memset(subject, 0, sizeof(*subject));
	memset(&subject->springboard, 0xaa, sizeof(subject->springboard));
	memcpy(subject->code, code, size);
	subject->rom = (struct rom){.name = "test"};
	for (size_t i = 0; i < vmi_call_count; i++)
		subject->rom.calls[vmi_calls[i].number].action = ROM_ACTION_CALL;
	*window = (struct window){.start = WINDOW_ADDRESS, .end = WINDOW_ADDRESS + size};
	while (at < size) {
		struct window_instruction *next = &window->instructions[window->count++];

		*next = (struct window_instruction){.address = WINDOW_ADDRESS + at,
		                                    .bytes = subject->code + at,
		                                    .live_after = UINT32_MAX};
		assert_int_equal(
		    decode_instruction(next->bytes, size - at, DISASM_MODE_32, &next->instruction),
		    DECODE_OK);
		next->form = classify_instruction(&next->instruction, next->bytes);
		at += next->instruction.length;
	}
}

#define BEGIN(subject, code) begin((subject), (code), sizeof(code) - 1)

static bool build(struct subject *subject)
{
	return springboard_build(&subject->window, ADDRESS, &subject->rom, ROM,
	                         &subject->springboard, &subject->problem);
}

static void must_build(struct subject *subject)
{
	if (!build(subject))
		fail_msg("%s", subject->problem.text);
}

static void must_refuse(struct subject *subject, enum diagnostic diagnostic)
{
	assert_false(build(subject));
	if (subject->problem.diagnostic != diagnostic)
		print_error("%s\n", subject->problem.text);
	assert_int_equal(subject->problem.diagnostic, diagnostic);
}

/* The springboard is bytes, and then, if back is set, a jump to the window's end. */
static void assert_bytes(const struct subject *subject, const char *bytes, unsigned size, bool back)
{
	const struct springboard *springboard = &subject->springboard;
	uint32_t distance = subject->window.end - (ADDRESS + size + 5);

	assert_int_equal(springboard->size, size + (back ? 5 : 0));
	assert_memory_equal(springboard->bytes, bytes, size);
	if (!back)
		return;
	assert_int_equal(springboard->bytes[size], 0xe9);
	assert_int_equal(bytes_load32(springboard->bytes + size + 1), distance);
}

#define ASSERT_BYTES(subject, bytes, back)                                                         \
	assert_bytes((subject), (bytes), sizeof(bytes) - 1, (back))

/* Whether the bytes at offset are a call of a slot. */
static void assert_call(const struct subject *subject, unsigned offset, enum vmi_call call)
{
	const uint8_t *bytes = subject->springboard.bytes + offset;

	assert_int_equal(bytes[0], 0xe8);
	assert_int_equal(bytes_load32(bytes + 1) + ADDRESS + offset + 5,
	                 ROM + ROM_SLOT_SIZE * (uint32_t)call);
}

/* --- sizes, ends, entries, origins ------------------------------------------------------------ */

static void size_does_not_depend_on_addresses(void **state)
{
	static const uint32_t addresses[] = {0, 0x10, WINDOW_ADDRESS + 64, 0x7fffffff, 0xfffffff0};
	struct subject subject;

	(void)state;
	/* call .+5; lgdt; in; jne +0; mov cr0 */
	for (unsigned unpaged = 0; unpaged < 2; unpaged++) {
		BEGIN(&subject, "\xe8\0\0\0\0\x0f\x01\x14\x24\xe4\x60\x75\x00\x0f\x22\xc3");
		subject.window.unpaged = unpaged;
		subject.window.instructions[2].live_after = 0;
		subject.rom.calls[VMI_CALL_SetGDT].clobbers = 0x107;
		must_build(&subject);
		for (unsigned i = 0; i < 25; i++) {
			struct springboard other;

			assert_true(springboard_build(&subject.window, addresses[i / 5],
			                              &subject.rom, addresses[i % 5], &other,
			                              &subject.problem));
			assert_int_equal(other.size, subject.springboard.size);
			assert_int_equal(other.origin_count, subject.springboard.origin_count);
		}
	}
}

static void windows_end_where_they_did(void **state)
{
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\x90\x90");
	must_build(&subject);
	ASSERT_BYTES(&subject, "\x90\x90", true);
	BEGIN(&subject, "\x90\xc3");
	must_build(&subject);
	ASSERT_BYTES(&subject, "\x90\xc3", false);
	/* padding behind a ret belongs to the window */
	BEGIN(&subject, "\x90\xc3");
	subject.window.end += 3;
	must_build(&subject);
	ASSERT_BYTES(&subject, "\x90\xc3", false);
	BEGIN(&subject, "\x90\xcf");
	must_build(&subject);
	assert_call(&subject, 1, VMI_CALL_IRET);
	assert_int_equal(subject.springboard.size, 8); /* nop; call; ud2 */
	/* jb leads behind the window or falls through */
	BEGIN(&subject, "\x72\x10");
	must_build(&subject);
	assert_int_equal(subject.springboard.size, 6 + 5);
}

static void instructions_can_be_entered(void **state)
{
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\x90\xfa\x40\xfb\xfa\x41");
	must_build(&subject);
	assert_int_equal(subject.springboard.entries[0], 0);
	assert_int_equal(subject.springboard.entries[1], 1);
	assert_int_equal(subject.springboard.entries[2], 6);
	assert_int_equal(subject.springboard.entries[3], 7); /* sti is dropped before cli */
	assert_int_equal(subject.springboard.entries[4], 7);
	assert_int_equal(subject.springboard.entries[5], 12);
	assert_int_equal(subject.springboard.entries[6], SPRINGBOARD_NO_ENTRY);
	subject.window.instructions[4].entered = true;
	must_build(&subject);
	assert_int_equal(subject.springboard.entries[4], 7);
	assert_call(&subject, 7, VMI_CALL_DisableInterrupts);
	/* sti; inc %eax become one, unless the second is entered */
	BEGIN(&subject, "\xfb\x40");
	must_build(&subject);
	assert_int_equal(subject.springboard.bytes[0], 0x40);
	assert_int_equal(subject.springboard.entries[1], SPRINGBOARD_NO_ENTRY);
	subject.window.instructions[1].entered = true;
	must_build(&subject);
	assert_call(&subject, 0, VMI_CALL_EnableInterrupts);
	assert_int_equal(subject.springboard.entries[1], 5);
}

static void branches_within_enter_instructions(void **state)
{
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\xfb\x40\x75\xfd"); /* sti; 1: inc %eax; jne 1b */
	must_build(&subject);
	assert_call(&subject, 0, VMI_CALL_EnableInterrupts);
	assert_int_equal(subject.springboard.entries[1], 5);
	assert_int_equal(bytes_load32(subject.springboard.bytes + 8), UINT32_C(0) - 7);
	BEGIN(&subject, "\x40\x90\x75\xfc"); /* 1: inc %eax; nop; jne 1b */
	must_build(&subject);
	assert_int_equal(bytes_load32(subject.springboard.bytes + 4), UINT32_C(0) - 8);
	BEGIN(&subject, "\xfb\xf4\x75\xfd"); /* sti; 1: hlt; jne 1b */
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_SHADOW);
	BEGIN(&subject, "\xb8\0\0\0\0\x75\xfa"); /* into the constant */
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_DISPLACE);
}

static void origins_ascend_and_tell_the_instruction(void **state)
{
	struct subject subject;
	const struct springboard *springboard = &subject.springboard;

	(void)state;
	BEGIN(&subject, "\x90\x0f\x22\xc1\x40"); /* nop; mov %ecx, %cr0; inc %eax */
	must_build(&subject);
	/* nop | push %eax; mov %ecx, %eax; call; pop %eax | inc %eax | jmp */
	assert_int_equal(springboard->origins[0].offset, 0);
	assert_int_equal(springboard->origins[0].original, WINDOW_ADDRESS);
	assert_int_equal(springboard->origins[1].offset, 1);
	assert_int_equal(springboard->origins[1].original, WINDOW_ADDRESS + 1);
	assert_int_equal(springboard->origins[1].pushed, 0);
	for (unsigned i = 1; i < springboard->origin_count; i++)
		assert_true(springboard->origins[i].offset > springboard->origins[i - 1].offset);
	assert_int_equal(springboard->origins[springboard->origin_count - 1].original,
	                 subject.window.end);
	assert_int_equal(springboard->origins[3].saved, SPRINGBOARD_SAVED_EAX);
	assert_int_equal(springboard->origins[3].pushed, 4);
}

/* Bytes before and behind the call, of a springboard that need not save more. */
static void assert_around_call(struct subject *subject, const char *before, const char *behind)
{
	unsigned first = (unsigned)strlen(before), last = (unsigned)strlen(behind);
	const uint8_t *bytes = subject->springboard.bytes;

	must_build(subject);
	assert_int_equal(subject->springboard.size, first + 5 + last + 5);
	assert_memory_equal(bytes, before, first);
	assert_int_equal(bytes[first], 0xe8);
	assert_memory_equal(bytes + first + 5, behind, last);
}

/* Results, and what is dead, are not saved; nor is more done than must be to save the rest. */
static void no_more_is_saved_than_needed(void **state)
{
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\x0f\x20\xc0"); /* mov %cr0, %eax */
	assert_around_call(&subject, "", "");
	BEGIN(&subject, "\x0f\x32"); /* rdmsr */
	assert_around_call(&subject, "", "");
	BEGIN(&subject, "\x0f\x20\xc1"); /* mov %cr0, %ecx */
	assert_around_call(&subject, "\x50", "\x89\xc1\x58");
	subject.window.instructions[0].live_after = 0;
	assert_around_call(&subject, "", "\x89\xc1");
	BEGIN(&subject, "\x0f\x22\xd8"); /* mov %eax, %cr3, clobbering all that it may */
	subject.rom.calls[VMI_CALL_SetCR3].clobbers = 0x107;
	subject.window.instructions[0].live_after = 1 << 2;
	assert_around_call(&subject, "\x52", "\x5a");
	BEGIN(&subject, "\xfa");
	subject.rom.calls[VMI_CALL_DisableInterrupts].clobbers = ROM_CLOBBERS_FLAGS;
	subject.window.instructions[0].live_after = ROM_CLOBBERS_FLAGS;
	assert_around_call(&subject, "\x9f\x0f\x90\xc0\x50", "\x58\x04\x7f\x9e");
	subject.window.instructions[0].live_after = ~(uint32_t)ROM_CLOBBERS_FLAGS;
	assert_around_call(&subject, "", "");
}

/* --- the manifest's actions ------------------------------------------------------------------- */

static void actions_are_carried_out(void **state)
{
	struct subject subject = {0};
	struct rom_call *cli = &subject.rom.calls[VMI_CALL_DisableInterrupts];
	struct rom_call *iret = &subject.rom.calls[VMI_CALL_IRET];

	(void)state;
	BEGIN(&subject, "\xfa\x90");
	must_build(&subject);
	assert_call(&subject, 0, VMI_CALL_DisableInterrupts);
	cli->action = ROM_ACTION_NOP;
	must_build(&subject);
	ASSERT_BYTES(&subject, "\x90", true);
	cli->action = ROM_ACTION_NONE;
	must_build(&subject);
	ASSERT_BYTES(&subject, "\xfa\x90", true);
	cli->action = ROM_ACTION_INLINE;
	cli->inline_size = 3;
	memcpy(cli->inline_bytes, "\x0f\x1f\x00", 3);
	must_build(&subject);
	ASSERT_BYTES(&subject, "\x0f\x1f\x00\x90", true);
	cli->action = ROM_ACTION_CALL;
	subject.window.instructions[0].keep = true;
	must_build(&subject);
	ASSERT_BYTES(&subject, "\xfa\x90", true);
	BEGIN(&subject, "\x90\xcf");
	iret->action = ROM_ACTION_JUMP;
	must_build(&subject);
	assert_int_equal(subject.springboard.size, 6);
	assert_int_equal(subject.springboard.bytes[1], 0xe9);
}

static void what_needs_no_rewriting_may_be_missing(void **state)
{
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\x0f\x31\x8e\xd8\x8c\xd8"); /* rdtsc; mov %eax, %ds; mov %ds, %eax */
	subject.rom.calls[VMI_CALL_RDTSC].action = 0;
	subject.rom.calls[VMI_CALL_LoadSegment].action = ROM_ACTION_NONE;
	must_build(&subject);
	ASSERT_BYTES(&subject, "\x0f\x31\x8e\xd8\x8c\xd8", true);
	BEGIN(&subject, "\xfa\x90");
	subject.rom.calls[VMI_CALL_DisableInterrupts].action = 0;
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_CALL);
}

static void actions_that_do_not_fit_are_refused(void **state)
{
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\xfa\x90");
	subject.rom.calls[VMI_CALL_DisableInterrupts].action = ROM_ACTION_JUMP;
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_ACTION);
	BEGIN(&subject, "\xfb\x90");
	subject.rom.calls[VMI_CALL_EnableInterrupts].action = ROM_ACTION_JUMP;
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_ACTION);
	BEGIN(&subject, "\x9c\x90");
	subject.rom.calls[VMI_CALL_PUSHF].action = ROM_ACTION_NOP;
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_ACTION);
	BEGIN(&subject, "\x0f\x20\xc0");
	subject.rom.calls[VMI_CALL_GetCR0].action = ROM_ACTION_NOP;
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_ACTION);
	BEGIN(&subject, "\x9d\x90");
	subject.rom.calls[VMI_CALL_POPF].clobbers = 1;
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_CLOBBERS);
	BEGIN(&subject, "\xfa\x90");
	subject.rom.calls[VMI_CALL_DisableInterrupts].action = ROM_ACTION_INLINE;
	subject.rom.calls[VMI_CALL_DisableInterrupts].inline_size = 25;
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_ACTION);
}

/* --- what cannot stand elsewhere -------------------------------------------------------------- */

static const struct {
	const char *what, *bytes;
	unsigned size;
	bool displaceable;
} displacements[] = {
    {"nop", "\x90", 1, true},
    {"jmp rel16", "\x66\xe9\0\0", 4, false},
    {"je rel16", "\x66\x0f\x84\0\0", 5, false},
    {"call rel16", "\x66\xe8\0\0", 4, false},
    {"int3", "\xcc", 1, false},
    {"int1", "\xf1", 1, false},
    {"int", "\xcd\x80", 2, false},
    {"into", "\xce", 1, false},
    {"sysenter", "\x0f\x34", 2, false},
    {"syscall", "\x0f\x05", 2, false},
    {"ud2", "\x0f\x0b", 2, false},
    {"ud1", "\x0f\xb9\xc0", 3, false},
    {"lcall", "\x9a\0\0\0\0\x10\0", 7, false},
    {"lcall mem", "\xff\x18", 2, false},
    {"call *%esp", "\xff\xd4", 2, false},
    {"call *%eax", "\xff\xd0", 2, true},
    {"callw *%ax", "\x66\xff\xd0", 3, false},
    {"jmp *(%esp)", "\xff\x24\x24", 3, true},
    {"ljmp mem", "\xff\x28", 2, true},
    {"ret", "\xc3", 1, true},
    {"xbegin", "\xc7\xf8\0\x01\0\0", 6, true},
    {"vmcall", "\x0f\x01\xc1", 3, true},
    {"loop", "\xe2\x10", 2, true},
    {"jcxz", "\x67\xe3\x10", 3, true},
    {"sysexit", "\x0f\x35", 2, true},
};

static void obstacles_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(displacements) / sizeof(displacements[0]); i++) {
		const uint8_t *bytes = (const uint8_t *)displacements[i].bytes;
		struct instruction instruction;
		struct subject subject;

		assert_int_equal(
		    decode_instruction(bytes, displacements[i].size, DISASM_MODE_32, &instruction),
		    DECODE_OK);
		if (instruction_is_displaceable(&instruction, bytes, false) !=
		    displacements[i].displaceable)
			fail_msg("%s", displacements[i].what);
		begin(&subject, displacements[i].bytes, displacements[i].size);
		subject.window.instructions[0].keep = true;
		if (displacements[i].displaceable)
			must_build(&subject);
		else
			must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_DISPLACE);
	}
}

static void other_modes_are_refused(void **state)
{
	struct instruction instruction;
	struct subject subject;

	(void)state;
	decode_instruction((const uint8_t *)"\x90", 1, DISASM_MODE_64, &instruction);
	assert_false(instruction_is_displaceable(&instruction, (const uint8_t *)"\x90", false));
	BEGIN(&subject, "\x90\x90");
	subject.window.instructions[0].instruction = instruction;
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_WINDOW);
}

/* A call returns to its original place: nothing of the window may be there. */
static void calls_are_last(void **state)
{
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\xfa\xe8\0\x10\0\0");
	must_build(&subject);
	BEGIN(&subject, "\xe8\0\x10\0\0\xfa");
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_DISPLACE);
	BEGIN(&subject, "\xff\xd0\xfa\x90\x90");
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_DISPLACE);
	BEGIN(&subject, "\xe8\0\0\0\0\x58\xfa"); /* call .+5; pop %eax; cli */
	must_build(&subject);
	assert_int_equal(subject.springboard.bytes[0], 0x68);
	assert_int_equal(bytes_load32(subject.springboard.bytes + 1), WINDOW_ADDRESS + 5);
}

/* No word of an unpaged springboard is an address of the window. */
static void unpaged_code_has_no_addresses(void **state)
{
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\xe8\0\0\0\0\x58\x9a\x10\0\0\0\x10\0"); /* thunk; lcall */
	subject.window.unpaged = true;
	must_build(&subject);
	for (unsigned i = 0; i + 4 <= subject.springboard.size; i++) {
		uint32_t word = bytes_load32(subject.springboard.bytes + i);

		assert_false(word - WINDOW_ADDRESS <= 64);
	}
	BEGIN(&subject, "\xff\xd0");
	subject.window.unpaged = true;
	must_build(&subject);
	assert_int_equal(subject.springboard.bytes[0], 0xe8);
}

static void segments_with_a_base_are_refused(void **state)
{
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\x64\x0f\x01\x38"); /* invlpg %fs:(%eax) */
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_ADDRESS);
	BEGIN(&subject, "\x65\x0f\x01\x00"); /* sgdt %gs:(%eax) */
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_ADDRESS);
	BEGIN(&subject, "\x64\x6e"); /* outsb */
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_ADDRESS);
	BEGIN(&subject, "\x64\x6c"); /* insb stores by ES, whatever the prefix */
	must_build(&subject);
	BEGIN(&subject, "\x64\x0f\x01\x10"); /* lgdt gets a copy */
	must_build(&subject);
}

static void unsound_windows_are_refused(void **state)
{
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\x90\x90");
	subject.window.count = 0;
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_WINDOW);
	BEGIN(&subject, "\x90\x90");
	subject.window.instructions[1].address++;
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_WINDOW);
	BEGIN(&subject, "\x90\x90");
	subject.window.end--;
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_WINDOW);
	BEGIN(&subject, "\x90\x90");
	subject.window.end++;
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_WINDOW);
	BEGIN(&subject, "\x90\x90");
	subject.window.count = WINDOW_MAX_INSTRUCTIONS + 1;
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_WINDOW);
}

static void what_does_not_fit_is_refused(void **state)
{
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\x9a\0\0\0\0\x10\0");
	for (unsigned i = 1; i < WINDOW_MAX_INSTRUCTIONS; i++) {
		subject.window.instructions[i] = subject.window.instructions[0];
		subject.window.instructions[i].address += 7 * i;
	}
	subject.window.count = WINDOW_MAX_INSTRUCTIONS;
	subject.window.end = WINDOW_ADDRESS + 7 * WINDOW_MAX_INSTRUCTIONS;
	subject.window.unpaged = true;
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_SIZE);
}

/* --- pairs ------------------------------------------------------------------------------------ */

static void inline_sti_stands_before_its_successor(void **state)
{
	struct subject subject = {0};
	struct rom_call *sti = &subject.rom.calls[VMI_CALL_EnableInterrupts];

	(void)state;
	BEGIN(&subject, "\xfb\x40\x90");
	sti->action = ROM_ACTION_INLINE;
	sti->inline_size = 1;
	sti->inline_bytes[0] = 0xfb;
	must_build(&subject);
	ASSERT_BYTES(&subject, "\xfb\x40\x90", true);
	/* Behind a call the shadow would end in the slot. */
	BEGIN(&subject, "\xfb\x0f\x30");
	sti->action = ROM_ACTION_INLINE;
	sti->inline_size = 1;
	sti->inline_bytes[0] = 0xfb;
	must_build(&subject);
	assert_call(&subject, 0, VMI_CALL_WRMSR);
	assert_memory_equal(subject.springboard.bytes + 5, "\xfb\x90", 2);
}

static void sti_and_hlt_are_not_torn_apart(void **state)
{
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\xfb\xf4");
	subject.window.instructions[1].keep = true;
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_SHADOW);
	subject.window.instructions[0].keep = true;
	must_build(&subject);
	ASSERT_BYTES(&subject, "\xfb\xf4", true);
	BEGIN(&subject, "\xfb\xf4");
	subject.rom.calls[VMI_CALL_Halt].action = 0;
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_CALL);
}

/* Behind a second sti there is no shadow, and what sees or sets IF itself sees it set. */
static void sti_comes_first_where_it_must(void **state)
{
	static const char *const kept[] = {"\xfb\x9c", "\xfb\x66\x9c", "\xfb\x9d", "\xfb\xfa"};
	struct subject subject;

	(void)state;
	BEGIN(&subject, "\xfb\xfb\x40"); /* sti; sti; inc %eax */
	must_build(&subject);
	assert_call(&subject, 0, VMI_CALL_EnableInterrupts);
	assert_int_equal(subject.springboard.bytes[5], 0x40);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		begin(&subject, kept[i], (unsigned)strlen(kept[i]));
		subject.window.instructions[1].keep = true;
		must_build(&subject);
		assert_call(&subject, 0, VMI_CALL_EnableInterrupts);
	}
}

/* The call enables interrupts; the instruction itself needs a sti directly before it. */
static void sti_stays_with_sysexit(void **state)
{
	struct subject subject = {0};
	struct rom_call *sti = &subject.rom.calls[VMI_CALL_EnableInterrupts];
	struct rom_call *sysexit = &subject.rom.calls[VMI_CALL_SYSEXIT];

	(void)state;
	BEGIN(&subject, "\xfb\x0f\x35");
	must_build(&subject);
	assert_call(&subject, 0, VMI_CALL_SYSEXIT);
	subject.window.instructions[1].keep = true;
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_SHADOW);
	subject.window.instructions[1].keep = false;
	*sysexit = (struct rom_call){
	    .action = ROM_ACTION_INLINE, .inline_size = 2, .inline_bytes = {0x0f, 0x35}};
	must_refuse(&subject, DIAGNOSTIC_SPRINGBOARD_SHADOW);
	*sti = (struct rom_call){
	    .action = ROM_ACTION_INLINE, .inline_size = 1, .inline_bytes = {0xfb}};
	must_build(&subject);
	ASSERT_BYTES(&subject, "\xfb\x0f\x35", false);
}

/* Instruction bytes, and whether they must not be cut from an instruction before of a form. */
static const struct {
	uint16_t form;
	const char *next;
	bool joins;
} pairs[] = {
    {FORM_STI, "\xf4", true},
    {FORM_STI, "\x0f\x35", true},
    {FORM_STI, "\xcf", true},
    {FORM_STI, "\xfa", true},
    {FORM_STI, "\x0f\x01\xc9", true},
    {FORM_STI, "\xc3", false},
    {FORM_STI, "\x90", false},
    {FORM_CLI, "\xf4", false},
    {FORM_MOV_TO_SS, "\x89\xcc", true},
    {FORM_MOV_TO_SS, "\x8b\x20", true},
    {FORM_POP_SS, "\x5c", true},
    {FORM_POP_SS, "\x8d\x20", true},
    {FORM_POP_SS, "\x89\xe5", false},
    {FORM_POP_SS, "\x0f\xb2\x20", true},
    {FORM_POP_SS, "\x0f\xb2\x28", false},
    {FORM_POP_SS, "\x0f\xaf\x20", false},
    {SENSITIVE_FORM_NONE, "\xf4", false},
};

static void pairs_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		uint8_t bytes[INSTRUCTION_MAX_LENGTH] = {0};
		struct instruction instruction;

		memcpy(bytes, pairs[i].next, strlen(pairs[i].next));
		decode_instruction(bytes, sizeof(bytes), DISASM_MODE_32, &instruction);
		if (springboard_joins_next(pairs[i].form, &instruction,
		                           classify_instruction(&instruction, bytes)) !=
		    pairs[i].joins)
			fail_msg("pair %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(size_does_not_depend_on_addresses),
	    cmocka_unit_test(windows_end_where_they_did),
	    cmocka_unit_test(instructions_can_be_entered),
	    cmocka_unit_test(branches_within_enter_instructions),
	    cmocka_unit_test(origins_ascend_and_tell_the_instruction),
	    cmocka_unit_test(no_more_is_saved_than_needed),
	    cmocka_unit_test(actions_are_carried_out),
	    cmocka_unit_test(what_needs_no_rewriting_may_be_missing),
	    cmocka_unit_test(actions_that_do_not_fit_are_refused),
	    cmocka_unit_test(obstacles_are_named),
	    cmocka_unit_test(other_modes_are_refused),
	    cmocka_unit_test(calls_are_last),
	    cmocka_unit_test(unpaged_code_has_no_addresses),
	    cmocka_unit_test(segments_with_a_base_are_refused),
	    cmocka_unit_test(unsound_windows_are_refused),
	    cmocka_unit_test(what_does_not_fit_is_refused),
	    cmocka_unit_test(inline_sti_stands_before_its_successor),
	    cmocka_unit_test(sti_and_hlt_are_not_torn_apart),
	    cmocka_unit_test(sti_comes_first_where_it_must),
	    cmocka_unit_test(sti_stays_with_sysexit),
	    cmocka_unit_test(pairs_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
