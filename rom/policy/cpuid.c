/* SPDX-License-Identifier: BSD-2-Clause */
#include "rom/policy/cpuid.h"

#include "cpuid_policy_rows.h" /* generated from patchtables/cpuid_policy.def */

#define EXTENDED 0x80000000u

/* CR4. Source: SDM vol. 3, section 2.5. */
#define CR4_TSD        (1u << 2)
#define CR4_DE         (1u << 3)
#define CR4_PSE        (1u << 4)
#define CR4_PAE        (1u << 5)
#define CR4_PGE        (1u << 7)
#define CR4_PCE        (1u << 8)
#define CR4_OSFXSR     (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)

struct row {
	uint32_t first, last; /* leaves */
	uint32_t subleaf;
	uint32_t number; /* register: EAX 0, EBX 1, ECX 2, EDX 3 */
	uint32_t keep, force;
};

#define CPUID_ROW(first, last, subleaf, number, keep, force)                                       \
	{first, last, subleaf, number, keep, force},
static const struct row rows[] = {CPUID_ROWS};

/* The last leaf of a range that the guest has. */
static uint32_t last_leaf(cpuid_function *processor, uint32_t range)
{
	uint32_t last = range == EXTENDED ? CPUID_LAST_EXTENDED : CPUID_LAST_BASIC;
	struct cpuid_registers found;

	processor(range, 0, &found);
	/* A processor without extended leaves answers as it likes. */
	if (range == EXTENDED && (found.eax & 0xffff0000) != EXTENDED)
		return 0;
	if (found.eax < last)
		last = found.eax;
	if (range != EXTENDED && last < CPUID_LAST_FORCED)
		last = CPUID_LAST_FORCED;
	return last;
}

/* The processor's own words; of leaves it does not have, zeros. */
static void ask(cpuid_function *processor, uint32_t leaf, uint32_t subleaf,
                struct cpuid_registers *result)
{
	struct cpuid_registers last;

	processor(leaf & EXTENDED, 0, &last);
	if (leaf > last.eax)
		*result = (struct cpuid_registers){0};
	else
		processor(leaf, subleaf, result);
}

void policy_cpuid(cpuid_function *processor, uint32_t leaf, uint32_t subleaf,
                  struct cpuid_registers *result)
{
	struct cpuid_registers found;
	uint32_t *const to[] = {&result->eax, &result->ebx, &result->ecx, &result->edx};
	const uint32_t *const from[] = {&found.eax, &found.ebx, &found.ecx, &found.edx};

	*result = (struct cpuid_registers){0};
	if (leaf > last_leaf(processor, leaf & EXTENDED))
		return;
	ask(processor, leaf, subleaf, &found);
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];

		if (leaf >= row->first && leaf <= row->last &&
		    (row->subleaf == CPUID_ANY_SUBLEAF || row->subleaf == subleaf))
			*to[row->number] = (*from[row->number] & row->keep) | row->force;
	}
	if (!(leaf & ~EXTENDED))
		result->eax = last_leaf(processor, leaf);
}

uint32_t policy_cr4_allowed(cpuid_function *processor)
{
	struct cpuid_registers features;
	uint32_t allowed = CR4_PCE;

	policy_cpuid(processor, 1, 0, &features);
	allowed |= features.edx & CPUID_1_EDX_TSC ? CR4_TSD : 0;
	allowed |= features.edx & CPUID_1_EDX_DE ? CR4_DE : 0;
	allowed |= features.edx & CPUID_1_EDX_PSE ? CR4_PSE : 0;
	allowed |= features.edx & CPUID_1_EDX_PAE ? CR4_PAE : 0;
	allowed |= features.edx & CPUID_1_EDX_PGE ? CR4_PGE : 0;
	allowed |= features.edx & CPUID_1_EDX_FXSR ? CR4_OSFXSR : 0;
	allowed |= features.edx & CPUID_1_EDX_SSE ? CR4_OSXMMEXCPT : 0;
	return allowed;
}

bool policy_no_execute(cpuid_function *processor)
{
	struct cpuid_registers features;

	policy_cpuid(processor, 0x80000001, 0, &features);
	return features.edx & CPUID_80000001_EDX_NX;
}
