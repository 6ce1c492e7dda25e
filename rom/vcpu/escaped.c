/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Instructions of the guest's kernel carried out one by one: those that the patcher could only make
 * a trap, and those that escaped it. Each is made the call that it would have become: its arguments
 * go where a springboard puts them, on the guest's stack too, and its results where they belong.
 */

#include "rom/vcpu/escaped.h"
#include "rom/platform/xen/console.h"
#include "rom/platform/xen/start.h"
#include "rom/platform/xen/statistics.h"
#include "rom/vcpu/calls.h"
#include "rom/vcpu/operands.h"
#include "rom/vcpu/platform.h"

#define REPORTED     32 /* all are counted */
#define OPCODE_RDTSC 0x0f31

/* Where a call's faults go while one is emulated: to the frame before it. */
static struct {
	bool active;
	bool faulted;
	struct rom_frame before;
} emulation;

bool emulation_to_site(struct rom_frame *frame)
{
	if (!emulation.active)
		return false;
	*frame = emulation.before;
	emulation.faulted = true;
	emulation.active = false;
	return true;
}

/* What becomes of the call's result. */
enum result {
	RESULT_NONE,
	RESULT_NO_RETURN,
	RESULT_POP,   /* a selector on the stack, to r/m */
	RESULT_WORD,  /* EAX to r/m, 16 bits where that is memory */
	RESULT_RM,    /* EAX to the register in r/m */
	RESULT_REG,   /* EAX to the register in reg, if ZF */
	RESULT_FLAGS, /* ZF only */
};

struct plan {
	call_function *call;
	enum result result;
	uint32_t words[4]; /* word0, word1, ... */
	uint8_t word_count;
	uint8_t taken;        /* words that the call itself takes off */
	bool keeps_eax;       /* EAX, ECX, EDX are arguments only: the guest's come back */
	bool keeps_ecx;       /* of ins and outs without rep */
	uint32_t source_base; /* added to ESI */
};

static bool plan_fault(struct rom_frame *frame)
{
	struct exception fault = vcpu.fault;

	*frame = emulation.before;
	emulation.faulted = true;
	deliver(frame, &fault);
	return true;
}

/* Pushes the words and a return address as a springboard does. False: the stack faults. */
static bool push_arguments(struct rom_frame *frame, const struct plan *plan, uint32_t back)
{
	for (unsigned int i = plan->word_count; i > 0; i--) {
		frame->esp = stack_moved(frame, -4);
		if (!guest_write(stack_linear(frame, frame->esp), &plan->words[i - 1], 4))
			return false;
	}
	frame->esp = stack_moved(frame, -4);
	return guest_write(stack_linear(frame, frame->esp), &back, 4);
}

static bool store_result(struct rom_frame *frame, const struct plan *plan,
                         const struct instruction *instruction)
{
	uint32_t eax = frame->eax, word = 0;

	if (plan->keeps_eax) {
		frame->eax = emulation.before.eax;
		frame->ecx = emulation.before.ecx;
		frame->edx = emulation.before.edx;
	}
	frame->esi -= plan->source_base;
	if (plan->keeps_ecx)
		frame->ecx = emulation.before.ecx;
	switch (plan->result) {
	case RESULT_POP:
		if (!guest_read(stack_linear(frame, frame->esp), &word, 4))
			return false;
		frame->esp = stack_moved(frame, 4);
		return operand_store(
		    frame, instruction,
		    operand_is_memory(instruction) || instruction->short_operand ? 2 : 4, word);
	case RESULT_WORD:
		return operand_store(
		    frame, instruction,
		    operand_is_memory(instruction) || instruction->short_operand ? 2 : 4, eax);
	case RESULT_RM: *register_of(frame, instruction->modrm & 7) = eax; return true;
	case RESULT_REG:
		if (frame->eflags & EFLAGS_ZF) {
			uint32_t *target = register_of(frame, operand_field(instruction));

			*target = instruction->short_operand
			              ? (*target & 0xffff0000) | (eax & 0xffff)
			              : eax;
		}
		return true;
	default: return true;
	}
}

/* --- which call, with which arguments ------------------------------------------------------- */

static bool plan_port(struct rom_frame *frame, struct instruction *instruction, struct plan *plan)
{
	static call_function *const in[] = {call_INB, call_INW, call_INL};
	static call_function *const out[] = {call_OUTB, call_OUTW, call_OUTL};
	uint16_t opcode = instruction->opcode;
	unsigned int width = opcode & 1 ? (instruction->short_operand ? 1 : 2) : 0;

	plan->call = opcode & 2 ? out[width] : in[width];
	return opcode & 8 || instruction_immediate(instruction, 1, &frame->edx);
}

static bool plan_string_port(struct rom_frame *frame, struct instruction *instruction,
                             struct plan *plan)
{
	static call_function *const in[] = {call_INSB, call_INSW, call_INSL};
	static call_function *const out[] = {call_OUTSB, call_OUTSW, call_OUTSL};
	unsigned int width = instruction->opcode & 1 ? (instruction->short_operand ? 1 : 2) : 0;

	plan->call = instruction->opcode & 2 ? out[width] : in[width];
	/* The calls take linear addresses; ins has ES always, and no override. */
	if (instruction->opcode & 2)
		plan->source_base = operand_linear(frame, instruction);
	frame->esi += plan->source_base;
	if (!instruction->repeated) {
		frame->ecx = 1;
		plan->keeps_ecx = true;
	}
	return true;
}

static bool plan_far(struct rom_frame *frame, struct instruction *instruction, struct plan *plan,
                     bool is_call)
{
	unsigned int size = instruction->short_operand ? 2 : 4;
	uint32_t offset = 0, selector = 0;

	if (instruction->has_modrm) {
		uint32_t linear = operand_linear(frame, instruction);

		if (!guest_read(linear, &offset, size) || !guest_read(linear + size, &selector, 2))
			return !plan_fault(frame);
	} else if (!instruction_immediate(instruction, size, &offset) ||
	           !instruction_immediate(instruction, 2, &selector)) {
		return false;
	}
	plan->call = is_call ? call_FarCall : call_FarJump;
	plan->result = RESULT_NO_RETURN;
	plan->words[0] = offset;
	plan->words[1] = selector | (is_call && size == 2 ? 1u << 31 : 0);
	plan->words[2] = frame->eip + instruction->length;
	plan->word_count = is_call ? 4 : 2;
	return true;
}

static bool plan_far_return(struct instruction *instruction, struct plan *plan)
{
	plan->call = instruction->short_operand ? call_LRETW : call_LRET;
	plan->result = RESULT_NO_RETURN;
	plan->word_count = 1;
	return instruction->opcode == 0xcb ||
	       instruction_immediate(instruction, 2, &plan->words[0]);
}

/* 0f 00: sldt, str, lldt, ltr, verr, verw. */
static bool plan_group6(struct rom_frame *frame, struct instruction *instruction, struct plan *plan)
{
	static call_function *const calls[] = {call_GetLDT, call_GetTR,         call_SetLDT,
	                                       call_SetTR,  call_CheckSelector, call_CheckSelector};
	unsigned int field = operand_field(instruction);

	if (field > 5)
		return false;
	plan->call = calls[field];
	plan->keeps_eax = true;
	plan->result = field < 2 ? RESULT_WORD : RESULT_FLAGS;
	if (field >= 2 && !operand_load(frame, instruction, 2, &frame->eax))
		return !plan_fault(frame);
	if (field >= 4)
		frame->edx = field - 2; /* verr 2, verw 3 */
	return true;
}

/* 0f 01: the table registers, smsw, lmsw, invlpg; with a register operand, what is not there. */
static bool plan_group7(struct rom_frame *frame, struct instruction *instruction, struct plan *plan)
{
	static call_function *const tables[] = {call_GetGDT, call_GetIDT, call_SetGDT, call_SetIDT};
	unsigned int field = operand_field(instruction);

	plan->keeps_eax = true;
	if (field == 4) {
		plan->call = call_GetCR0;
		plan->result = RESULT_WORD;
		return true;
	}
	if (field == 6) {
		plan->call = call_LMSW;
		return operand_load(frame, instruction, 2, &frame->eax) || !plan_fault(frame);
	}
	if (!operand_is_memory(instruction)) {
		plan->call = call_InvalidOpcode;
		plan->result = RESULT_NO_RETURN;
		return true;
	}
	frame->eax = operand_linear(frame, instruction);
	plan->call = field == 7 ? call_InvalPage : field < 4 ? tables[field] : NULL;
	return plan->call != NULL;
}

static bool plan_control(struct rom_frame *frame, struct instruction *instruction,
                         struct plan *plan)
{
	static call_function *const get[] = {call_GetCR0, NULL, call_GetCR2, call_GetCR3,
	                                     call_GetCR4, NULL, NULL,        NULL};
	static call_function *const set[] = {call_SetCR0, NULL, call_SetCR2, call_SetCR3,
	                                     call_SetCR4, NULL, NULL,        NULL};
	unsigned int field = operand_field(instruction);
	bool writes = instruction->opcode & 2;
	uint32_t value = *register_of(frame, instruction->modrm & 7);

	plan->keeps_eax = true;
	plan->result = writes ? RESULT_NONE : RESULT_RM;
	if (instruction->opcode & 1) {
		plan->call = writes ? call_SetDR : call_GetDR;
		frame->eax = field;
		frame->edx = value;
		return true;
	}
	plan->call = writes ? set[field] : get[field];
	if (writes)
		frame->eax = value;
	return plan->call != NULL;
}

static bool plan_selector_check(struct rom_frame *frame, struct instruction *instruction,
                                struct plan *plan)
{
	plan->call = call_CheckSelector;
	plan->keeps_eax = true;
	plan->result = RESULT_REG;
	if (!operand_load(frame, instruction, 2, &frame->eax))
		return !plan_fault(frame);
	frame->edx = instruction->opcode == 0x0f02 ? 0 : 1;
	return true;
}

/* mov and lss to SS. */
static bool plan_stack_segment(struct rom_frame *frame, struct instruction *instruction,
                               struct plan *plan)
{
	uint32_t offset = 0, linear;
	unsigned int size = instruction->short_operand ? 2 : 4;

	plan->call = call_PopSS;
	plan->word_count = plan->taken = 1;
	if (instruction->opcode == 0x8e)
		return operand_load(frame, instruction, 2, &plan->words[0]) || !plan_fault(frame);
	linear = operand_linear(frame, instruction);
	if (!guest_read(linear, &offset, size) || !guest_read(linear + size, &plan->words[0], 2))
		return !plan_fault(frame);
	if (operand_field(instruction) != 4) {
		uint32_t *target = register_of(frame, operand_field(instruction));

		*target = size == 2 ? (*target & 0xffff0000) | offset : offset;
		return true;
	}
	plan->call = call_LoadStack;
	plan->words[1] = plan->words[0];
	plan->words[0] = offset;
	plan->word_count = plan->taken = 2;
	return true;
}

static bool plan_modrm(struct rom_frame *frame, struct instruction *instruction, struct plan *plan)
{
	unsigned int field = operand_field(instruction);

	switch (instruction->opcode) {
	case 0x8c:
		plan->call = field == 1 ? call_PushCS : call_PushSS;
		plan->result = RESULT_POP;
		return field == 1 || field == 2;
	case 0x8e: return field == 2 && plan_stack_segment(frame, instruction, plan);
	case 0x0fb2: return plan_stack_segment(frame, instruction, plan);
	case 0xff:
		return (field == 3 || field == 5) && operand_is_memory(instruction) &&
		       plan_far(frame, instruction, plan, field == 3);
	case 0x0f00: return plan_group6(frame, instruction, plan);
	case 0x0f01: return plan_group7(frame, instruction, plan);
	case 0x0f02:
	case 0x0f03: return plan_selector_check(frame, instruction, plan);
	default: return plan_control(frame, instruction, plan);
	}
}

/* Instructions whose arguments are in their places already. */
static const struct {
	uint16_t opcode;
	bool short_operand;
	bool no_return;
	call_function *call;
} simple[] = {
    {0xfa, false, false, call_DisableInterrupts},
    {0xfb, false, false, call_EnableInterrupts},
    {0x9c, false, false, call_PUSHF},
    {0x9c, true, false, call_PUSHFW},
    {0x9d, false, false, call_POPF},
    {0x9d, true, false, call_POPFW},
    {0xcf, false, true, call_IRET},
    {0xcf, true, true, call_IRETW},
    {0xf4, false, false, call_HLT},
    {0x0e, false, false, call_PushCS},
    {0x16, false, false, call_PushSS},
    {0x0f06, false, false, call_CLTS},
    {0x0f08, false, false, call_INVD},
    {0x0f09, false, false, call_WBINVD},
    {0x0f30, false, false, call_WRMSR},
    {0x0f32, false, false, call_RDMSR},
    {0x0f33, false, false, call_RDPMC},
    {0x0fa2, false, false, call_CPUID},
    {OPCODE_RDTSC, false, false, call_RDTSC},
};

static bool plan_simple(const struct instruction *instruction, struct plan *plan)
{
	for (unsigned int i = 0; i < sizeof(simple) / sizeof(simple[0]); i++)
		if (simple[i].opcode == instruction->opcode &&
		    (simple[i].short_operand == instruction->short_operand ||
		     instruction->opcode > 0xff)) {
			plan->call = simple[i].call;
			plan->result = simple[i].no_return ? RESULT_NO_RETURN : RESULT_NONE;
			return true;
		}
	return false;
}

static bool make_plan(struct rom_frame *frame, struct instruction *instruction, struct plan *plan)
{
	uint16_t opcode = instruction->opcode;

	if ((opcode >= 0xe4 && opcode <= 0xe7) || (opcode >= 0xec && opcode <= 0xef)) {
		plan->keeps_eax = false;
		return plan_port(frame, instruction, plan);
	}
	if (opcode >= 0x6c && opcode <= 0x6f)
		return plan_string_port(frame, instruction, plan);
	if (opcode == 0xea || opcode == 0x9a)
		return plan_far(frame, instruction, plan, opcode == 0x9a);
	if (opcode == 0xca || opcode == 0xcb)
		return plan_far_return(instruction, plan);
	if (opcode == 0x17) {
		plan->call = call_PopSS;
		return true;
	}
	return instruction->has_modrm ? plan_modrm(frame, instruction, plan)
	                              : plan_simple(instruction, plan);
}

/* --- carrying it out -------------------------------------------------------------------------- */

/* The port number of in and out with an immediate is in EDX only for the call. */
static void restore_port(struct rom_frame *frame, const struct instruction *instruction)
{
	if (instruction->opcode >= 0xe4 && instruction->opcode <= 0xe7)
		frame->edx = emulation.before.edx;
}

/* Behind a call that returned: takes down what stands on the stack, and gives the result. */
static void finish(struct rom_frame *frame, const struct instruction *instruction,
                   const struct plan *plan, uint32_t back)
{
	if (frame->eip != back) { /* else the call went on there itself */
		frame->esp = stack_moved(frame, 4);
		frame->eip = back;
	}
	if (plan->word_count > plan->taken)
		frame->esp = stack_moved(frame, 4 * (plan->word_count - plan->taken));
	restore_port(frame, instruction);
	if (!store_result(frame, plan, instruction))
		plan_fault(frame);
}

static bool emulate(struct rom_frame *frame, struct instruction *instruction)
{
	struct plan plan = {0};
	uint32_t back;

	emulation.before = *frame;
	emulation.faulted = false;
	if (!make_plan(frame, instruction, &plan)) {
		if (!emulation.faulted)
			*frame = emulation.before;
		return emulation.faulted;
	}
	back = frame->eip + instruction->length;
	if (!push_arguments(frame, &plan, back))
		return plan_fault(frame);
	emulation.active = true;
	plan.call(frame);
	emulation.active = false;
	if (!emulation.faulted && plan.result != RESULT_NO_RETURN)
		finish(frame, instruction, &plan, back);
	return true;
}

#define TSS_IO_BASE 102
#define IOPL_USER   EFLAGS_IOPL

/* Whether user mode may use `size` ports from `port` on (SDM vol. 1, section 19.5). */
static bool port_allowed(uint16_t port, unsigned int size)
{
	uint16_t base, bits;
	uint32_t offset;

	if (vcpu.iopl == IOPL_USER)
		return true;
	if (vcpu.tss.limit < TSS_IO_BASE + 1 ||
	    !guest_read(vcpu.tss.base + TSS_IO_BASE, &base, sizeof(base)))
		return false;
	offset = base + port / 8u;
	if (offset + 1 > vcpu.tss.limit || !guest_read(vcpu.tss.base + offset, &bits, sizeof(bits)))
		return false;
	return (bits >> port % 8 & ((1u << size) - 1)) == 0;
}

/* cli and sti, where the guest allows them. */
static bool emulate_user_flag(struct rom_frame *frame, const struct instruction *instruction)
{
	if (vcpu.iopl != IOPL_USER)
		return false;
	if (instruction->opcode == 0xfa)
		frame->eflags &= ~EFLAGS_IF;
	else
		frame->eflags |= EFLAGS_IF;
	frame->eip += instruction->length;
	return true;
}

/* What of user mode the guest may allow: in and out, cli and sti. */
static bool emulate_user(struct rom_frame *frame)
{
	struct instruction instruction;
	unsigned int size;
	uint32_t port;

	if (!instruction_read(frame, NULL, 0, &instruction))
		return false;
	if (instruction.opcode == 0xfa || instruction.opcode == 0xfb)
		return emulate_user_flag(frame, &instruction);
	if ((instruction.opcode & ~0x0bu) != 0xe4)
		return false;
	port = frame->edx & 0xffff;
	if (!(instruction.opcode & 8) && !instruction_immediate(&instruction, 1, &port))
		return false;
	size = !(instruction.opcode & 1) ? 1 : instruction.short_operand ? 2 : 4;
	if (!port_allowed((uint16_t)port, size))
		return false;
	if (instruction.opcode & 2) {
		devices_port_out(&devices, (uint16_t)port, size, frame->eax);
	} else {
		uint32_t value = devices_port_in(&devices, (uint16_t)port, size);
		uint32_t mask = size == 4 ? 0xffffffff : (1u << 8 * size) - 1;

		frame->eax = (frame->eax & ~mask) | (value & mask);
	}
	platform_set_timer();
	frame->eip += instruction.length;
	return true;
}

bool emulate_escaped(struct rom_frame *frame)
{
	struct instruction instruction;

	if (frame_ring(frame) == RING_USER)
		return emulate_user(frame);
	if (!instruction_read(frame, NULL, 0, &instruction))
		return false;
	/* The kernel's rdtsc faults here only because CR4.TSD is real. */
	if (instruction.opcode != OPCODE_RDTSC && vcpu.emulated++ < REPORTED)
		print("postburn: an instruction that was not rewritten, at %x\n", frame->eip);
	if (instruction.opcode != OPCODE_RDTSC)
		stats_count_site(&stats, frame->eip, 0);
	return emulate(frame, &instruction);
}

bool emulate_site(struct rom_frame *frame)
{
	struct rom_frame kept = *frame;
	struct instruction instruction;
	const struct rom_site *site;

	if (frame_ring(frame) != RING_GUEST)
		return false;
	frame->eip--;
	site = site_at(frame->eip);
	if (site && site->method == ROM_METHOD_TRAP &&
	    instruction_read(frame, site->original, site->length, &instruction)) {
		stats_count_site(&stats, site->address, site->call);
		if (emulate(frame, &instruction))
			return true;
		deliver_vector(frame, VECTOR_UD);
		return true;
	}
	*frame = kept;
	return false;
}
