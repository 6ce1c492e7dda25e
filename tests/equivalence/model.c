/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/equivalence/model.h"

#include <string.h>

#include "patcher/bytes.h"

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };

#define ALL_BITS UINT32_C(0xffffffff)
#define ANY_BITS 0
#define LOW_HALF UINT32_C(0xffff)

/* What the functions below work on. */
struct model {
	const struct site *site;
	const struct instruction *instruction;
	const uint32_t *registers; /* before */
	const struct rom_answer *answer;
	struct machine_memory *memory;
	struct expectation *expectation;
	uint32_t stack;   /* ESP before */
	unsigned operand; /* operand size in bytes */
	uint8_t reg, rm;
	uint32_t next; /* address behind the instruction */
};

/* --- operands --------------------------------------------------------------------------------- */

static uint32_t immediate(const struct model *model, unsigned offset, unsigned size)
{
	const uint8_t *bytes = model->site->bytes + model->instruction->immediate_offset + offset;

	return size == 1 ? *bytes : size == 2 ? bytes_load16(bytes) : bytes_load32(bytes);
}

static uint32_t memory_operand(const struct model *model, unsigned offset, unsigned size)
{
	return memory_read(model->memory, model->site->linear_address + offset, size);
}

/* r/m16 */
static uint32_t rm_word(const struct model *model)
{
	return model->site->has_memory ? memory_operand(model, 0, 2)
	                               : model->registers[model->rm] & LOW_HALF;
}

static bool in_based_segment(const struct model *model)
{
	return model->instruction->segment == 0x64 || model->instruction->segment == 0x65;
}

/* --- what is expected ------------------------------------------------------------------------- */

static void call(struct model *model, enum vmi_call number)
{
	model->expectation->call = number;
}

static void argument(struct model *model, unsigned number, uint32_t value, uint32_t mask)
{
	model->expectation->arguments |= (uint8_t)(1 << number);
	model->expectation->registers[number] = value;
	model->expectation->argument_masks[number] = mask;
}

static void word(struct model *model, uint32_t value, uint32_t mask)
{
	struct expectation *expectation = model->expectation;

	expectation->words[expectation->word_count] = value;
	expectation->word_masks[expectation->word_count++] = mask;
}

/* ESP before the call, exactly: words that stand there already, or were pushed. */
static void stack_at(struct model *model, uint32_t stack)
{
	model->expectation->stack_is_exact = true;
	model->expectation->stack = stack;
}

/* The low size bytes of a register become value. */
static void result(struct model *model, unsigned number, uint32_t value, unsigned size)
{
	uint32_t mask = size == 4 ? ALL_BITS : (UINT32_C(1) << 8 * size) - 1;
	uint32_t *now = &model->expectation->after.registers[number];

	*now = (*now & ~mask) | (value & mask);
	model->expectation->results |= (uint8_t)(1 << number);
}

/* To a register of the operand size, or to two bytes of memory. */
static void result_rm_word(struct model *model, uint32_t value)
{
	if (model->site->has_memory)
		memory_write(model->memory, model->site->linear_address, 2, value);
	else
		result(model, model->rm, value, model->operand);
}

static void push_result(struct model *model, uint32_t value, unsigned size)
{
	result(model, ESP, model->stack - size, 4);
	memory_write(model->memory, model->stack - size, size, value);
}

static void linear_address(struct model *model, unsigned number)
{
	argument(model, number, model->site->linear_address, ALL_BITS);
	model->expectation->refused = in_based_segment(model);
}

/* --- flags, waiting --------------------------------------------------------------------------- */

static void popf(struct model *model, unsigned size)
{
	uint32_t value = memory_read(model->memory, model->stack, size);
	uint32_t mask = STATUS_FLAGS | FLAG_DF;

	word(model, value, size == 2 ? LOW_HALF : ALL_BITS);
	stack_at(model, model->stack);
	result(model, ESP, model->stack + size, 4);
	model->expectation->flag_results = STATUS_FLAGS;
	model->expectation->after.flags =
	    (model->expectation->after.flags & ~mask) | (value & mask);
}

/* monitor's address is in EAX, or AX; its segment is that of a prefix, or DS. */
static void monitor(struct model *model)
{
	uint32_t mask = model->instruction->address_size == 16 ? LOW_HALF : ALL_BITS;

	argument(model, EAX, model->registers[EAX] & mask, ALL_BITS);
	argument(model, ECX, model->registers[ECX], ALL_BITS);
	argument(model, EDX, model->registers[EDX], ALL_BITS);
	model->expectation->refused = in_based_segment(model);
}

static bool model_flags(struct model *model)
{
	switch (model->site->form) {
	case FORM_CLI: call(model, VMI_CALL_DisableInterrupts); return true;
	case FORM_STI: call(model, VMI_CALL_EnableInterrupts); return true;
	case FORM_STAC: call(model, VMI_CALL_STAC); return true;
	case FORM_CLAC: call(model, VMI_CALL_CLAC); return true;
	case FORM_HLT: call(model, VMI_CALL_HLT); return true;
	case FORM_CLTS: call(model, VMI_CALL_CLTS); return true;
	case FORM_INVD: call(model, VMI_CALL_INVD); return true;
	case FORM_WBINVD:
	case FORM_WBNOINVD: call(model, VMI_CALL_WBINVD); return true;
	case FORM_PUSHF:
	case FORM_PUSHFW:
		call(model, model->operand == 2 ? VMI_CALL_PUSHFW : VMI_CALL_PUSHF);
		stack_at(model, model->stack);
		push_result(model, model->answer->word, model->operand);
		return true;
	case FORM_POPF:
		call(model, VMI_CALL_POPF);
		popf(model, 4);
		return true;
	case FORM_POPFW:
		call(model, VMI_CALL_POPFW);
		popf(model, 2);
		return true;
	case FORM_MONITOR:
		call(model, VMI_CALL_MONITOR);
		monitor(model);
		return true;
	case FORM_MWAIT:
		call(model, VMI_CALL_MWAIT);
		argument(model, EAX, model->registers[EAX], ALL_BITS);
		argument(model, ECX, model->registers[ECX], ALL_BITS);
		return true;
	default: return false;
	}
}

/* --- far transfers ---------------------------------------------------------------------------- */

/* Words of the guest's stack from offset on. */
static void guest_words(struct model *model, unsigned count, uint32_t last_mask)
{
	for (unsigned i = 0; i < count; i++)
		word(model, memory_read(model->memory, model->stack + 4 * i, 4),
		     i + 1 == count ? last_mask : ALL_BITS);
}

static void far_return(struct model *model, uint32_t release)
{
	bool short_frame = model->operand == 2;

	call(model, short_frame ? VMI_CALL_LRETW : VMI_CALL_LRET);
	stack_at(model, model->stack - 4);
	word(model, release, ALL_BITS);
	guest_words(model, short_frame ? 1 : 2, short_frame ? ALL_BITS : LOW_HALF);
}

static uint32_t far_offset(const struct model *model)
{
	return model->site->has_memory ? memory_operand(model, 0, model->operand)
	                               : immediate(model, 0, model->operand);
}

static uint32_t far_selector(const struct model *model)
{
	return model->site->has_memory ? memory_operand(model, model->operand, 2)
	                               : immediate(model, model->operand, 2);
}

static void far_jump(struct model *model)
{
	call(model, VMI_CALL_FarJump);
	stack_at(model, model->stack - 8);
	word(model, far_offset(model), ALL_BITS);
	word(model, far_selector(model), LOW_HALF);
}

static void far_call(struct model *model)
{
	uint32_t size_bit = UINT32_C(1) << 31;

	call(model, VMI_CALL_FarCall);
	stack_at(model, model->stack - 16);
	word(model, far_offset(model), ALL_BITS);
	word(model, far_selector(model) | (model->operand == 2 ? size_bit : 0),
	     LOW_HALF | size_bit);
	word(model, model->next, ALL_BITS);
	word(model, 0, ANY_BITS);
}

static bool model_transfers(struct model *model)
{
	switch (model->site->form) {
	case FORM_IRET:
		call(model, VMI_CALL_IRET);
		stack_at(model, model->stack);
		guest_words(model, 3, ALL_BITS);
		return true;
	case FORM_IRETW:
		call(model, VMI_CALL_IRETW);
		stack_at(model, model->stack);
		guest_words(model, 2, LOW_HALF);
		return true;
	case FORM_LRET:
	case FORM_LRETW: far_return(model, 0); return true;
	case FORM_LRET_IMM16:
	case FORM_LRETW_IMM16: far_return(model, immediate(model, 0, 2)); return true;
	case FORM_LJMP:
	case FORM_LJMP_MEMORY: far_jump(model); return true;
	case FORM_LCALL:
	case FORM_LCALLW:
	case FORM_LCALL_MEMORY:
	case FORM_LCALLW_MEMORY: far_call(model); return true;
	case FORM_SYSEXIT:
		call(model, VMI_CALL_SYSEXIT);
		argument(model, EDX, model->registers[EDX], ALL_BITS);
		argument(model, ECX, model->registers[ECX], ALL_BITS);
		return true;
	case FORM_SYSRET:
		call(model, VMI_CALL_SYSRET);
		argument(model, ECX, model->registers[ECX], ALL_BITS);
		return true;
	default: return false;
	}
}

/* --- descriptor tables, system registers ------------------------------------------------------ */

/* lgdt, lidt: with 16-bit operand size bits 31-24 of the base are zero. The call may get a copy. */
static void load_table(struct model *model, enum vmi_call number)
{
	struct expectation *expectation = model->expectation;
	const uint8_t *operand;

	call(model, number);
	if (model->operand == 4 && !in_based_segment(model)) {
		linear_address(model, EAX);
		return;
	}
	operand = memory_at(model->memory, model->site->linear_address, 6);
	if (!operand)
		return;
	expectation->copy_size = 6;
	memcpy(expectation->copy, operand, 6);
	if (model->operand == 2)
		expectation->copy[5] = 0;
}

static void store_table(struct model *model, enum vmi_call number)
{
	call(model, number);
	linear_address(model, EAX);
	memory_write(model->memory, model->site->linear_address, 2, model->answer->ecx);
	memory_write(model->memory, model->site->linear_address + 2, 4, model->answer->edx);
}

static void store_selector(struct model *model, enum vmi_call number)
{
	call(model, number);
	result_rm_word(model, model->answer->eax);
}

static void load_selector(struct model *model, enum vmi_call number)
{
	call(model, number);
	argument(model, EAX, rm_word(model), number == VMI_CALL_LMSW ? LOW_HALF : ALL_BITS);
}

static void read_register(struct model *model, enum vmi_call number)
{
	call(model, number);
	result(model, model->rm, model->answer->eax, 4);
}

static void write_register(struct model *model, enum vmi_call number)
{
	call(model, number);
	argument(model, EAX, model->registers[model->rm], ALL_BITS);
}

static bool model_tables(struct model *model)
{
	switch (model->site->form) {
	case FORM_SGDT: store_table(model, VMI_CALL_GetGDT); return true;
	case FORM_SIDT: store_table(model, VMI_CALL_GetIDT); return true;
	case FORM_LGDT: load_table(model, VMI_CALL_SetGDT); return true;
	case FORM_LIDT: load_table(model, VMI_CALL_SetIDT); return true;
	case FORM_SLDT: store_selector(model, VMI_CALL_GetLDT); return true;
	case FORM_STR: store_selector(model, VMI_CALL_GetTR); return true;
	case FORM_SMSW: store_selector(model, VMI_CALL_GetCR0); return true;
	case FORM_LLDT: load_selector(model, VMI_CALL_SetLDT); return true;
	case FORM_LTR: load_selector(model, VMI_CALL_SetTR); return true;
	case FORM_LMSW: load_selector(model, VMI_CALL_LMSW); return true;
	case FORM_MOV_CR0_READ: read_register(model, VMI_CALL_GetCR0); return true;
	case FORM_MOV_CR2_READ: read_register(model, VMI_CALL_GetCR2); return true;
	case FORM_MOV_CR3_READ: read_register(model, VMI_CALL_GetCR3); return true;
	case FORM_MOV_CR4_READ: read_register(model, VMI_CALL_GetCR4); return true;
	case FORM_MOV_CR8_READ: read_register(model, VMI_CALL_GetCR8); return true;
	case FORM_MOV_CR0_WRITE: write_register(model, VMI_CALL_SetCR0); return true;
	case FORM_MOV_CR2_WRITE: write_register(model, VMI_CALL_SetCR2); return true;
	case FORM_MOV_CR3_WRITE: write_register(model, VMI_CALL_SetCR3); return true;
	case FORM_MOV_CR4_WRITE: write_register(model, VMI_CALL_SetCR4); return true;
	case FORM_MOV_CR8_WRITE: write_register(model, VMI_CALL_SetCR8); return true;
	case FORM_MOV_DR_READ:
		read_register(model, VMI_CALL_GetDR);
		argument(model, EAX, model->reg, ALL_BITS);
		return true;
	case FORM_MOV_DR_WRITE:
		call(model, VMI_CALL_SetDR);
		argument(model, EAX, model->reg, ALL_BITS);
		argument(model, EDX, model->registers[model->rm], ALL_BITS);
		return true;
	default: return false;
	}
}

/* --- numbered registers, counters, translations ----------------------------------------------- */

static void same(struct model *model, unsigned number)
{
	argument(model, number, model->registers[number], ALL_BITS);
}

/* EDX:EAX from the register that ECX names, or the other way round. */
static void wide(struct model *model, enum vmi_call number, bool writes)
{
	call(model, number);
	same(model, ECX);
	if (writes) {
		same(model, EAX);
		same(model, EDX);
		return;
	}
	result(model, EAX, model->answer->eax, 4);
	result(model, EDX, model->answer->edx, 4);
}

static void counter(struct model *model, bool with_number)
{
	call(model, with_number ? VMI_CALL_RDTSCP : VMI_CALL_RDTSC);
	result(model, EAX, model->answer->eax, 4);
	result(model, EDX, model->answer->edx, 4);
	if (with_number)
		result(model, ECX, model->answer->ecx, 4);
}

static void cpuid(struct model *model)
{
	call(model, VMI_CALL_CPUID);
	same(model, EAX);
	same(model, ECX);
	result(model, EAX, model->answer->eax, 4);
	result(model, EBX, model->answer->ebx, 4);
	result(model, ECX, model->answer->ecx, 4);
	result(model, EDX, model->answer->edx, 4);
}

static bool model_numbered(struct model *model)
{
	switch (model->site->form) {
	case FORM_WRMSR:
	case FORM_WRMSRNS: wide(model, VMI_CALL_WRMSR, true); return true;
	case FORM_XSETBV: wide(model, VMI_CALL_XSETBV, true); return true;
	case FORM_RDMSR: wide(model, VMI_CALL_RDMSR, false); return true;
	case FORM_RDPMC: wide(model, VMI_CALL_RDPMC, false); return true;
	case FORM_RDTSC: counter(model, false); return true;
	case FORM_RDTSCP: counter(model, true); return true;
	case FORM_RDPID:
		call(model, VMI_CALL_RDTSCP);
		result(model, model->rm, model->answer->ecx, 4);
		return true;
	case FORM_CPUID: cpuid(model); return true;
	case FORM_INVLPG:
		call(model, VMI_CALL_InvalPage);
		linear_address(model, EAX);
		return true;
	case FORM_INVPCID:
		call(model, VMI_CALL_INVPCID);
		argument(model, EAX, model->registers[model->reg], ALL_BITS);
		linear_address(model, EDX);
		return true;
	default: return false;
	}
}

/* --- ports ------------------------------------------------------------------------------------ */

static void port(struct model *model)
{
	if (model->instruction->immediate_size)
		argument(model, EDX, immediate(model, 0, 1), ALL_BITS);
	else
		argument(model, EDX, model->registers[EDX], LOW_HALF);
}

static void in(struct model *model, enum vmi_call number, unsigned size)
{
	call(model, number);
	port(model);
	result(model, EAX, model->answer->eax, size);
}

static void out(struct model *model, enum vmi_call number)
{
	call(model, number);
	port(model);
	same(model, EAX);
}

/* What a count register becomes: 0, by the whole of it or its lower half. */
static void string(struct model *model, enum vmi_call number, unsigned index, unsigned size)
{
	bool half = model->instruction->address_size == 16;
	bool repeated = model->instruction->prefixes & (PREFIX_REP | PREFIX_REPNE);
	uint32_t mask = half ? LOW_HALF : ALL_BITS;
	uint32_t count = repeated ? model->registers[ECX] & mask : 1;
	uint32_t distance = model->site->state.flags & FLAG_DF ? 0 - count * size : count * size;

	call(model, number);
	argument(model, index, model->registers[index] & mask, ALL_BITS);
	argument(model, EDX, model->registers[EDX], LOW_HALF);
	argument(model, ECX, count, ALL_BITS);
	result(model, index, model->registers[index] + distance, half ? 2 : 4);
	if (repeated)
		result(model, ECX, 0, half ? 2 : 4);
	model->expectation->refused = index == ESI && in_based_segment(model);
}

static bool model_ports(struct model *model)
{
	switch (model->site->form) {
	case FORM_IN_AL_IMM8:
	case FORM_IN_AL_DX: in(model, VMI_CALL_INB, 1); return true;
	case FORM_IN_AX_IMM8:
	case FORM_IN_AX_DX: in(model, VMI_CALL_INW, 2); return true;
	case FORM_IN_EAX_IMM8:
	case FORM_IN_EAX_DX: in(model, VMI_CALL_INL, 4); return true;
	case FORM_OUT_IMM8_AL:
	case FORM_OUT_DX_AL: out(model, VMI_CALL_OUTB); return true;
	case FORM_OUT_IMM8_AX:
	case FORM_OUT_DX_AX: out(model, VMI_CALL_OUTW); return true;
	case FORM_OUT_IMM8_EAX:
	case FORM_OUT_DX_EAX: out(model, VMI_CALL_OUTL); return true;
	case FORM_INSB:
	case FORM_REP_INSB: string(model, VMI_CALL_INSB, EDI, 1); return true;
	case FORM_INSW:
	case FORM_REP_INSW: string(model, VMI_CALL_INSW, EDI, 2); return true;
	case FORM_INSL:
	case FORM_REP_INSL: string(model, VMI_CALL_INSL, EDI, 4); return true;
	case FORM_OUTSB:
	case FORM_REP_OUTSB: string(model, VMI_CALL_OUTSB, ESI, 1); return true;
	case FORM_OUTSW:
	case FORM_REP_OUTSW: string(model, VMI_CALL_OUTSW, ESI, 2); return true;
	case FORM_OUTSL:
	case FORM_REP_OUTSL: string(model, VMI_CALL_OUTSL, ESI, 4); return true;
	default: return false;
	}
}

/* --- segment registers ------------------------------------------------------------------------ */

static void push_segment(struct model *model, enum vmi_call number)
{
	call(model, number);
	stack_at(model, model->stack);
	push_result(model, model->answer->word, model->operand);
}

static void read_segment(struct model *model, enum vmi_call number)
{
	call(model, number);
	stack_at(model, model->stack);
	result_rm_word(model, model->answer->word);
}

/* SS from the guest's stack (pop), whose size bytes are taken, or from an operand. */
static void load_ss(struct model *model, uint32_t selector, unsigned taken)
{
	call(model, VMI_CALL_PopSS);
	stack_at(model, model->stack + taken - 4);
	word(model, selector, LOW_HALF);
	result(model, ESP, model->stack + taken, 4);
}

static void load_stack(struct model *model)
{
	call(model, VMI_CALL_LoadStack);
	stack_at(model, model->stack - 8);
	result(model, ESP, far_offset(model), model->operand);
	word(model, model->expectation->after.registers[ESP], ALL_BITS);
	word(model, far_selector(model), LOW_HALF);
}

static void load_segment(struct model *model, uint32_t selector, uint32_t number)
{
	call(model, VMI_CALL_LoadSegment);
	argument(model, EAX, selector, LOW_HALF);
	argument(model, EDX, number, ALL_BITS);
}

static void pop_segment(struct model *model, uint32_t number)
{
	load_segment(model, memory_read(model->memory, model->stack, 2), number);
	result(model, ESP, model->stack + model->operand, 4);
}

static void load_far(struct model *model, uint32_t number)
{
	load_segment(model, far_selector(model), number);
	result(model, model->reg, far_offset(model), model->operand);
}

static bool model_segments(struct model *model)
{
	enum { ES = 0, DS = 3, FS = 4, GS = 5 };

	switch (model->site->form) {
	case FORM_PUSH_CS:
	case FORM_PUSHW_CS: push_segment(model, VMI_CALL_PushCS); return true;
	case FORM_PUSH_SS:
	case FORM_PUSHW_SS: push_segment(model, VMI_CALL_PushSS); return true;
	case FORM_POP_SS:
		load_ss(model, memory_read(model->memory, model->stack, 2), 4);
		return true;
	case FORM_POPW_SS:
		load_ss(model, memory_read(model->memory, model->stack, 2), 2);
		return true;
	case FORM_MOV_FROM_CS: read_segment(model, VMI_CALL_PushCS); return true;
	case FORM_MOV_FROM_SS: read_segment(model, VMI_CALL_PushSS); return true;
	case FORM_MOV_TO_SS: load_ss(model, rm_word(model), 0); return true;
	case FORM_LSS_ESP:
	case FORM_LSS_SP: load_stack(model); return true;
	case FORM_LSS_REGISTER:
		result(model, model->reg, far_offset(model), model->operand);
		load_ss(model, far_selector(model), 0);
		return true;
	case FORM_MOV_TO_DATA_SEGMENT: load_segment(model, rm_word(model), model->reg); return true;
	case FORM_POP_DS: pop_segment(model, DS); return true;
	case FORM_POP_ES: pop_segment(model, ES); return true;
	case FORM_POP_FS: pop_segment(model, FS); return true;
	case FORM_POP_GS: pop_segment(model, GS); return true;
	case FORM_LDS: load_far(model, DS); return true;
	case FORM_LES: load_far(model, ES); return true;
	case FORM_LFS: load_far(model, FS); return true;
	case FORM_LGS: load_far(model, GS); return true;
	default: return false;
	}
}

/* --- page tables ------------------------------------------------------------------------------ */

/* The dword that holds the operand's lowest byte, and the number of a bit of it. */
static void entry_bit(struct model *model, enum vmi_call number, unsigned bit)
{
	const struct instruction *instruction = model->instruction;
	unsigned back = 0;

	if (instruction->opcode == 0x80 && instruction->displacement_size)
		back = model->site->bytes[instruction->displacement_offset] & 3;
	call(model, number);
	linear_address(model, EAX);
	model->expectation->registers[EAX] -= back;
	argument(model, EDX, bit + 8 * back, ALL_BITS);
}

/* SDM vol. 2, AND, OR: AF is undefined; Unicorn clears it. */
static uint32_t logic_flags(uint32_t result, unsigned size)
{
	uint32_t flags = 0, low = result & 0xff;

	low ^= low >> 4;
	low ^= low >> 2;
	low ^= low >> 1;
	flags |= low & 1 ? 0 : FLAG_PF;
	flags |= (size == 1 ? result & 0xff : result) ? 0 : FLAG_ZF;
	return flags | (result >> (8 * size - 1) & 1 ? FLAG_SF : 0);
}

static void entry_logic(struct model *model)
{
	bool clears = model->site->form == FORM_PTE_AND;
	unsigned size = model->instruction->opcode == 0x80 ? 1 : 4, bit = 0;
	uint32_t mask = immediate(model, 0, model->instruction->immediate_size), value;

	if (model->instruction->opcode == 0x83)
		mask = (uint32_t)(int32_t)(int8_t)mask;
	if (clears)
		mask = ~mask;
	while (!(mask >> bit & 1))
		bit++;
	entry_bit(model, clears ? VMI_CALL_TestAndClearPxEBit : VMI_CALL_TestAndSetPxEBit, bit);
	value = memory_operand(model, 0, size);
	value = clears ? value & ~(UINT32_C(1) << bit) : value | UINT32_C(1) << bit;
	memory_write(model->memory, model->site->linear_address, size, value);
	model->expectation->after.flags &= ~(uint32_t)STATUS_FLAGS;
	model->expectation->after.flags |= logic_flags(value, size);
}

static void test_entry(struct model *model, enum vmi_call number)
{
	unsigned bit = immediate(model, 0, 1) & 31;
	uint32_t value = memory_operand(model, 0, 4), mask = UINT32_C(1) << bit;

	entry_bit(model, number, bit);
	value = number == VMI_CALL_TestAndClearPxEBit ? value & ~mask : value | mask;
	memory_write(model->memory, model->site->linear_address, 4, value);
	model->expectation->after.flags &= ~(uint32_t)FLAG_CF;
	model->expectation->after.flags |= model->answer->eax ? FLAG_CF : 0;
}

static void compare_swap(struct model *model)
{
	call(model, VMI_CALL_CompareSwapPxELong);
	same(model, EAX);
	same(model, EDX);
	same(model, EBX);
	same(model, ECX);
	linear_address(model, ESI);
	result(model, EAX, model->answer->eax, 4);
	result(model, EDX, model->answer->edx, 4);
	model->expectation->flag_results = FLAG_ZF;
	model->expectation->after.flags &= ~(uint32_t)FLAG_ZF;
	model->expectation->after.flags |= model->answer->zf ? FLAG_ZF : 0;
}

/* A call of atomic64_xchg_cx8(): ECX:EBX to (ESI). */
static void call_exchange(struct model *model)
{
	call(model, VMI_CALL_SwapPxELongAtomic);
	argument(model, EAX, model->registers[EBX], ALL_BITS);
	argument(model, EDX, model->registers[ECX], ALL_BITS);
	argument(model, ECX, model->registers[ESI], ALL_BITS);
	result(model, EAX, model->answer->eax, 4);
	result(model, EDX, model->answer->edx, 4);
}

static void set_entry(struct model *model, enum vmi_call number, uint32_t value)
{
	call(model, number);
	linear_address(model, EAX);
	argument(model, EDX, value, ALL_BITS);
}

static uint32_t moffs(const struct model *model)
{
	const uint8_t *bytes = model->site->bytes + model->instruction->displacement_offset;

	return model->instruction->address_size == 16 ? bytes_load16(bytes) : bytes_load32(bytes);
}

static bool model_page_tables(struct model *model)
{
	switch (model->site->form) {
	case FORM_PTE_STORE:
		set_entry(model, VMI_CALL_SetPxE, model->registers[model->reg]);
		return true;
	case FORM_PTE_STORE_IMMEDIATE:
		set_entry(model, VMI_CALL_SetPxE, immediate(model, 0, 4));
		return true;
	case FORM_PTE_STORE_MOFFS:
		call(model, VMI_CALL_SetPxE);
		argument(model, EAX, moffs(model), ALL_BITS);
		argument(model, EDX, model->registers[EAX], ALL_BITS);
		return true;
	case FORM_PTE_XCHG:
		set_entry(model, VMI_CALL_SwapPxE, model->registers[model->reg]);
		result(model, model->reg, model->answer->eax, 4);
		return true;
	case FORM_PTE_BTR: test_entry(model, VMI_CALL_TestAndClearPxEBit); return true;
	case FORM_PTE_BTS: test_entry(model, VMI_CALL_TestAndSetPxEBit); return true;
	case FORM_PTE_AND:
	case FORM_PTE_OR: entry_logic(model); return true;
	case FORM_PTE_CMPXCHG8B: compare_swap(model); return true;
	case FORM_PTE_CALL_XCHG64: call_exchange(model); return true;
	default: return false;
	}
}

/* --- selectors, all others -------------------------------------------------------------------- */

static void check_selector(struct model *model, uint32_t operation, bool has_destination)
{
	call(model, VMI_CALL_CheckSelector);
	argument(model, EAX, rm_word(model), LOW_HALF);
	argument(model, EDX, operation, ALL_BITS);
	model->expectation->flag_results = FLAG_ZF;
	model->expectation->after.flags &= ~(uint32_t)FLAG_ZF;
	if (!model->answer->zf)
		return;
	model->expectation->after.flags |= FLAG_ZF;
	if (has_destination)
		result(model, model->reg, model->answer->eax, model->operand);
}

static void model_rest(struct model *model)
{
	switch (model->site->form) {
	case FORM_LAR: check_selector(model, 0, true); break;
	case FORM_LSL: check_selector(model, 1, true); break;
	case FORM_VERR: check_selector(model, 2, false); break;
	case FORM_VERW: check_selector(model, 3, false); break;
	default: call(model, VMI_CALL_InvalidOpcode); break;
	}
}

void model_site(const struct site *site, uint32_t address, const struct rom_answer *answer,
                struct machine_memory *memory, struct expectation *expectation)
{
	struct model model = {.site = site,
	                      .instruction = &site->instruction,
	                      .registers = site->state.registers,
	                      .answer = answer,
	                      .memory = memory,
	                      .expectation = expectation,
	                      .stack = site->state.registers[ESP],
	                      .operand = site->instruction.operand_size / 8,
	                      .reg = site->instruction.modrm >> 3 & 7,
	                      .rm = site->instruction.modrm & 7,
	                      .next = address + site->instruction.length};

	memset(expectation, 0, sizeof(*expectation));
	expectation->after = site->state;
	if (!model_flags(&model) && !model_transfers(&model) && !model_tables(&model) &&
	    !model_numbered(&model) && !model_ports(&model) && !model_segments(&model) &&
	    !model_page_tables(&model))
		model_rest(&model);
}
