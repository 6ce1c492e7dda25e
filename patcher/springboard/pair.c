/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A 64-bit page-table entry is stored in halves, the high one first (Linux, pgtable-3level.h,
 * native_set_pte()). Two such stores, one behind the other, become one call of SetPxELong: the ROM
 * then never sees half an entry.
 */

#include <string.h>

#include "patcher/springboard/marshal.h"

static bool is_store(const struct instruction *instruction, const uint8_t *bytes)
{
	uint16_t form = classify_named(instruction, bytes);

	return form == FORM_PTE_STORE || form == FORM_PTE_STORE_IMMEDIATE;
}

bool springboard_is_entry_pair(const struct instruction *high, const uint8_t *high_bytes,
                               const struct instruction *low, const uint8_t *low_bytes)
{
	struct memory_operand at_high, at_low;

	return is_store(high, high_bytes) && is_store(low, low_bytes) &&
	       memory_operand_read(high, high_bytes, &at_high) &&
	       memory_operand_read(low, low_bytes, &at_low) && !at_high.address16 &&
	       !at_low.address16 && at_high.segment == at_low.segment && at_high.rm == at_low.rm &&
	       (at_high.rm != REGISTER_ESP || at_high.sib == at_low.sib) &&
	       at_high.bare == at_low.bare && at_high.registers == at_low.registers &&
	       at_high.displacement == at_low.displacement + 4;
}

static bool is_pair(const struct springboard_builder *builder, unsigned int index)
{
	const struct window_instruction *high = &builder->window->instructions[index];

	return high->paired && index + 1 < builder->window->count && !builder->entered[index + 1] &&
	       !builder_stays_native(builder, index) && !builder_stays_native(builder, index + 1) &&
	       builder->rom->calls[VMI_CALL_SetPxELong].action == ROM_ACTION_CALL &&
	       springboard_is_entry_pair(&high->instruction, high->bytes, &high[1].instruction,
	                                 high[1].bytes);
}

bool builder_entry_pair(struct springboard_builder *builder, unsigned int index,
                        unsigned int *consumed)
{
	static const struct form_move after[] = {{FORM_PLACE_NONE, FORM_OPERAND_SAME}};
	const struct window_instruction *low = &builder->window->instructions[index + 1];
	struct form_move before[] = {{FORM_PLACE_EDX, FORM_OPERAND_HIGH},
	                             {FORM_PLACE_EAX, FORM_OPERAND_REG},
	                             {FORM_PLACE_ECX, FORM_OPERAND_ADDRESS},
	                             {FORM_PLACE_NONE, FORM_OPERAND_SAME}};
	const struct sensitive_form form = {.name = "PTE_STORE pair",
	                                    .call = VMI_CALL_SetPxELong,
	                                    .before = before,
	                                    .after = after};
	struct marshal marshal;

	*consumed = 0;
	if (!is_pair(builder, index))
		return true;
	if (low->form == FORM_PTE_STORE_IMMEDIATE)
		before[1].operand = FORM_OPERAND_IMM32;
	*consumed = 2;
	marshal_begin(&marshal, builder, index + 1, &form, low->live_after);
	marshal.high = low - 1;
	return marshal_all(&marshal);
}
