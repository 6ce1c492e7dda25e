/* SPDX-License-Identifier: BSD-2-Clause */

/* The C tables made from patchtables/: do they fit together, and are the published numbers right?
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "disasm/classify.h"
#include "patchtables/vmi_calls.h"

#define REGISTERS                                                                                  \
	(CALL_PLACE_EAX | CALL_PLACE_ECX | CALL_PLACE_EDX | CALL_PLACE_EBX | CALL_PLACE_ESI |      \
	 CALL_PLACE_EDI)

static const struct vmi_call_description *find_call(unsigned number)
{
	for (size_t i = 0; i < vmi_call_count; i++) {
		if (vmi_calls[i].number == number)
			return &vmi_calls[i];
	}
	return NULL;
}

static void numbers_ascend_within_their_ranges(void **state)
{
	unsigned last = VMI_FIRST_CALL - 1;

	(void)state;
	for (size_t i = 0; i < vmi_call_count; i++) {
		unsigned number = vmi_calls[i].number;

		assert_true(number > last && number < VMI_CALL_LIMIT);
		assert_true(number <= VMI_LAST_PUBLISHED_CALL || number >= VMI_FIRST_EXTENSION);
		last = number;
	}
	for (unsigned number = VMI_FIRST_CALL; number <= VMI_LAST_PUBLISHED_CALL; number++)
		assert_non_null(find_call(number));
}

/* Numbers as in the published specification, each where a group of it begins or ends. */
static void published_numbers(void **state)
{
	static const struct {
		unsigned number;
		const char *name;
	} published[] = {
	    {4, "Init"},
	    {5, "CPUID"},
	    {6, "WRMSR"},
	    {7, "RDMSR"},
	    {8, "SetGDT"},
	    {12, "GetGDT"},
	    {15, "GetTR"},
	    {16, "WriteGDTEntry"},
	    {19, "UpdateKernelStack"},
	    {20, "SetCR0"},
	    {23, "SetCR4"},
	    {27, "GetCR4"},
	    {29, "WBINVD"},
	    {33, "RDTSC"},
	    {34, "CLTS"},
	    {35, "EnableInterrupts"},
	    {38, "SetInterruptMask"},
	    {39, "IRET"},
	    {42, "Halt"},
	    {45, "SetPxE"},
	    {47, "SwapPxE"},
	    {50, "SwapPxELongAtomic"},
	    {55, "InvalPage"},
	    {59, "INL"},
	    {70, "OUTSW"},
	    {71, "SetIOPLMask"},
	    {74, "TestAndClearPxELongBit"},
	    {78, "IODelay"},
	    {84, "WallclockUpdated"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++)
		assert_string_equal(find_call(published[i].number)->name, published[i].name);
	assert_int_equal(VMI_CALL_SwapPxE * VMI_SLOT_SIZE, 0x5e0);
}

/* The register or stack word of a move's place, as a bit of struct vmi_call_description. */
static unsigned place_bit(enum form_place place, unsigned pushed_word)
{
	switch (place) {
	case FORM_PLACE_EAX: return CALL_PLACE_EAX;
	case FORM_PLACE_ECX: return CALL_PLACE_ECX;
	case FORM_PLACE_EDX: return CALL_PLACE_EDX;
	case FORM_PLACE_EBX: return CALL_PLACE_EBX;
	case FORM_PLACE_ESI: return CALL_PLACE_ESI;
	case FORM_PLACE_EDI: return CALL_PLACE_EDI;
	case FORM_PLACE_WORD0: return CALL_PLACE_WORD0;
	case FORM_PLACE_WORD1: return CALL_PLACE_WORD1;
	case FORM_PLACE_WORD2: return CALL_PLACE_WORD2;
	case FORM_PLACE_WORD3: return CALL_PLACE_WORD3;
	case FORM_PLACE_PUSH: return CALL_PLACE_WORD0 << pushed_word;
	case FORM_PLACE_POP: return CALL_PLACE_WORD0;
	case FORM_PLACE_ZF: return CALL_PLACE_ZF;
	case FORM_PLACE_MEMORY:
	case FORM_PLACE_OFFSET:
	case FORM_PLACE_NONE: break;
	}
	return 0;
}

static unsigned places_of(const struct form_move *moves)
{
	unsigned places = 0, pushes = 0;

	for (const struct form_move *move = moves; move->place != FORM_PLACE_NONE; move++)
		places |= place_bit((enum form_place)move->place,
		                    move->place == FORM_PLACE_PUSH ? pushes++ : 0);
	return places;
}

static void forms_fit_their_calls(void **state)
{
	(void)state;
	assert_int_equal(sensitive_form_count, FORM_COUNT);
	for (unsigned i = 0; i < sensitive_form_count; i++) {
		const struct sensitive_form *form = &sensitive_forms[i];
		const struct vmi_call_description *call = find_call(form->call);

		if (!form->call) {
			assert_false(form->rewrite);
			assert_string_equal(form->call_name, "");
			continue;
		}
		assert_non_null(call);
		assert_string_equal(form->call_name, call->name);
		assert_int_equal(places_of(form->before), call->inputs);
		assert_int_equal(places_of(form->after) & ~call->outputs, 0);
	}
}

static void results_are_clobbered(void **state)
{
	(void)state;
	for (size_t i = 0; i < vmi_call_count; i++) {
		const struct vmi_call_description *call = &vmi_calls[i];

		assert_int_equal(call->outputs & REGISTERS & ~call->clobbers, 0);
		if (!call->returns)
			assert_int_equal(call->outputs, 0);
		assert_true(call->does[0] != 0);
	}
}

/* What the patcher relies on at the sites that matter most. */
static void known_contracts(void **state)
{
	(void)state;
	assert_int_equal(sensitive_forms[FORM_CLI].call, VMI_CALL_DisableInterrupts);
	assert_int_equal(find_call(VMI_CALL_DisableInterrupts)->clobbers, CALL_PLACE_FLAGS);
	assert_int_equal(find_call(VMI_CALL_PUSHF)->esp_change, -4);
	assert_int_equal(find_call(VMI_CALL_POPF)->esp_change, 4);
	assert_int_equal(find_call(VMI_CALL_PUSHF)->clobbers & (REGISTERS | CALL_PLACE_FLAGS), 0);
	assert_false(find_call(VMI_CALL_IRET)->returns);
	assert_int_equal(find_call(VMI_CALL_RDMSR)->faults, CALL_FAULT_GP);
	assert_int_equal(sensitive_forms[FORM_RDTSC].rewrite, false);
	assert_int_equal(sensitive_forms[FORM_MOV_TO_DATA_SEGMENT].rewrite, false);
	assert_int_equal(sensitive_forms[FORM_MOV_TO_SS].rewrite, true);
	assert_int_equal(sensitive_forms[FORM_VERW].rewrite, false);
	assert_int_equal(sensitive_forms[FORM_PUSHF].deprivileged, DEPRIVILEGED_SILENT);
	assert_int_equal(sensitive_forms[FORM_WRMSR].deprivileged, DEPRIVILEGED_FAULTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_ascend_within_their_ranges),
	    cmocka_unit_test(published_numbers),
	    cmocka_unit_test(forms_fit_their_calls),
	    cmocka_unit_test(results_are_clobbered),
	    cmocka_unit_test(known_contracts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
