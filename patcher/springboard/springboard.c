/* SPDX-License-Identifier: BSD-2-Clause */

#include "patcher/springboard/springboard.h"

#include <string.h>

#include "patcher/bytes.h"
#include "patcher/springboard/springboard_builder.h"

/* --- what the makers share -------------------------------------------------------------------- */

int window_find(const struct window *window, uint32_t address)
{
	if (address - window->start >= window->end - window->start)
		return (int)window->count;
	for (unsigned int i = 0; i < window->count; i++) {
		if (window->instructions[i].address == address)
			return (int)i;
	}
	return -1;
}

void builder_origin(struct springboard_builder *builder, uint32_t original, unsigned int pushed,
                    unsigned int saved)
{
	struct springboard *springboard = builder->springboard;
	struct springboard_origin origin = {.offset = (uint16_t)builder->emitter.size,
	                                    .saved = (uint16_t)saved,
	                                    .original = original,
	                                    .pushed = (uint8_t)pushed};
	unsigned int count = springboard->origin_count;

	/* Of two at one place the later one counts: the first stood for no code. */
	if (count && springboard->origins[count - 1].offset == origin.offset)
		count--;
	if (count >= SPRINGBOARD_MAX_ORIGINS) {
		builder->emitter.overflow = true;
		return;
	}
	springboard->origins[count] = origin;
	springboard->origin_count = count + 1;
}

void builder_rel32(struct springboard_builder *builder, unsigned int index, uint32_t target)
{
	struct emitter *emitter = &builder->emitter;
	int inside = window_find(builder->window, target);

	if (inside >= 0 && (unsigned int)inside < builder->window->count) {
		builder->branches[builder->branch_count++] = (struct window_branch){
		    (uint16_t)emitter->size, (uint8_t)index, (uint8_t)inside};
		target = emit_here(emitter);
	}
	emit_word32(emitter, target - (emit_here(emitter) + 4));
}

/*
 * Unpaged, with A the address wanted:
 *
 *       call 1f                  stack: address of 1, in the alias that runs
 *   1:  push %eax
 *       mov 4(%esp), %eax
 *       lea A-1b(%eax), %eax
 *       mov %eax, 4(%esp)        stack: A in that alias
 *       pop %eax
 */
void builder_push_code_address(struct springboard_builder *builder, uint32_t address)
{
	struct emitter *emitter = &builder->emitter;
	uint32_t here;

	if (!builder->window->unpaged) {
		emit_push_address(emitter, address);
		return;
	}
	emit_branch(emitter, 0xe8, emit_here(emitter) + 5);
	here = emit_here(emitter);
	emit_push(emitter, REGISTER_EAX);
	emit_load_stack(emitter, REGISTER_EAX, 4);
	emit_byte(emitter, 0x8d); /* with a displacement of full size, whatever its value */
	emit_byte(emitter, (uint8_t)(0x80 | REGISTER_EAX << 3 | REGISTER_EAX));
	emit_word32(emitter, address - here);
	emit_store_stack(emitter, REGISTER_EAX, 4, 4);
	emit_pop(emitter, REGISTER_EAX);
}

bool builder_stays_native(const struct springboard_builder *builder, unsigned int index)
{
	const struct window_instruction *at = &builder->window->instructions[index];
	const struct sensitive_form *form;
	uint8_t action;

	if (at->form >= sensitive_form_count || at->keep)
		return true;
	form = &sensitive_forms[at->form];
	if (!form->call)
		return true;
	action = builder->rom->calls[form->call].action;
	return action == ROM_ACTION_NONE || (action == 0 && !form->rewrite);
}

const struct vmi_call_description *builder_describe(enum vmi_call call)
{
	for (size_t i = 0; i < vmi_call_count; i++) {
		if (vmi_calls[i].number == call)
			return &vmi_calls[i];
	}
	return &vmi_calls[0]; /* no form has another number */
}

/* --- building --------------------------------------------------------------------------------- */

/* Whether the window is what springboard.h says, and its displaced branches lead to instructions.
 */
static bool window_is_sound(const struct springboard_builder *builder)
{
	const struct window *window = builder->window;
	uint32_t address = window->start;

	if (window->count == 0 || window->count > WINDOW_MAX_INSTRUCTIONS)
		return problem_report(builder->problem, SPRINGBOARD_WINDOW, WIDE(window->start));
	for (unsigned int i = 0; i < window->count; i++) {
		const struct window_instruction *at = &window->instructions[i];

		if (at->address != address || at->instruction.mode != DISASM_MODE_32 ||
		    at->instruction.length == 0)
			return problem_report(builder->problem, SPRINGBOARD_WINDOW, WIDE(address));
		address += at->instruction.length;
	}
	if (window->end - window->start < address - window->start)
		return problem_report(builder->problem, SPRINGBOARD_WINDOW, WIDE(address));
	return true;
}

static uint32_t window_last_end(const struct window *window)
{
	const struct window_instruction *last = &window->instructions[window->count - 1];

	return last->address + last->instruction.length;
}

/* Marks the instructions that displaced branches of the window lead to. */
static bool mark_entered(struct springboard_builder *builder)
{
	const struct window *window = builder->window;

	for (unsigned int i = 0; i < window->count; i++)
		builder->entered[i] = window->instructions[i].entered;
	for (unsigned int i = 0; i < window->count; i++) {
		const struct window_instruction *at = &window->instructions[i];
		uint32_t target;
		int to;

		if (!instruction_is_direct_branch(&at->instruction) ||
		    !builder_stays_native(builder, i))
			continue;
		target =
		    (uint32_t)instruction_branch_target(&at->instruction, at->bytes, at->address);
		if (target == at->address + at->instruction.length)
			continue;
		to = window_find(window, target);
		if (to < 0)
			return problem_report(builder->problem, SPRINGBOARD_DISPLACE,
			                      WIDE(at->address),
			                      "it leads into the middle of an instruction");
		if ((unsigned int)to < window->count)
			builder->entered[to] = true;
	}
	return true;
}

static bool build_instruction(struct springboard_builder *builder, unsigned int index,
                              unsigned int *consumed)
{
	builder->springboard->entries[index] = (uint16_t)builder->emitter.size;
	if (!builder_shadow(builder, index, consumed))
		return false;
	if (!*consumed && !builder_entry_pair(builder, index, consumed))
		return false;
	if (*consumed)
		return true;
	*consumed = 1;
	if (builder_stays_native(builder, index))
		return builder_displace(builder, index);
	return builder_marshal(builder, index, builder->window->instructions[index].live_after);
}

/* Whether execution goes on behind the window's last instruction. */
static bool falls_through(const struct springboard_builder *builder)
{
	unsigned int last = builder->window->count - 1;
	const struct window_instruction *at = &builder->window->instructions[last];
	const struct instruction *instruction = &at->instruction;

	if (!builder_stays_native(builder, last))
		return builder_describe(sensitive_forms[at->form].call)->returns;
	switch ((enum instruction_flow)instruction->flow) {
	case FLOW_CALL: /* which returns to the original place, if it goes anywhere */
		return instruction_branch_target(instruction, at->bytes, at->address) ==
		       at->address + instruction->length;
	case FLOW_JUMP:
	case FLOW_INDIRECT_JUMP:
	case FLOW_INDIRECT_CALL:
	case FLOW_RETURN:
	case FLOW_STOP: return false;
	case FLOW_NEXT:
	case FLOW_CONDITIONAL:
	case FLOW_INTERRUPT: break;
	}
	return true;
}

/* Gives the branches within the window their displacements. */
static void link_branches(struct springboard_builder *builder)
{
	struct springboard *springboard = builder->springboard;

	for (unsigned int i = 0; i < builder->branch_count; i++) {
		const struct window_branch *branch = &builder->branches[i];
		struct emitter patch = {.bytes = springboard->bytes,
		                        .capacity = builder->emitter.size,
		                        .size = branch->offset};

		emit_word32(&patch, springboard->entries[branch->to] - (branch->offset + 4u));
	}
}

bool springboard_build(const struct window *window, uint32_t address, const struct rom *rom,
                       uint32_t rom_virtual, struct springboard *springboard,
                       struct problem *problem)
{
	struct springboard_builder builder = {.window = window,
	                                      .rom = rom,
	                                      .rom_virtual = rom_virtual,
	                                      .springboard = springboard,
	                                      .problem = problem,
	                                      .emitter = {.bytes = springboard->bytes,
	                                                  .capacity = SPRINGBOARD_MAX_SIZE,
	                                                  .address = address}};
	unsigned int consumed;

	springboard->size = springboard->origin_count = 0;
	memset(springboard->entries, 0xff, sizeof(springboard->entries));
	if (!window_is_sound(&builder) || !mark_entered(&builder))
		return false;
	for (unsigned int i = 0; i < window->count; i += consumed) {
		if (!build_instruction(&builder, i, &consumed))
			return false;
	}
	if (falls_through(&builder)) {
		if (window_last_end(window) != window->end)
			return problem_report(problem, SPRINGBOARD_WINDOW, WIDE(window->end));
		builder_origin(&builder, window->end, 0, 0);
		emit_branch(&builder.emitter, 0xe9, window->end);
	}
	if (builder.emitter.overflow)
		return problem_report(problem, SPRINGBOARD_SIZE, WIDE(window->start));
	springboard->size = builder.emitter.size;
	link_branches(&builder);
	return true;
}
