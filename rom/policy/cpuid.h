/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_POLICY_CPUID_H
#define ROM_POLICY_CPUID_H

/*
 * What the guest's CPUID says: the processor's own words, less what patchtables/cpuid_policy.def
 * hides, more what it forces. What the table does not name is hidden.
 */

#include <stdbool.h>
#include <stdint.h>

struct cpuid_registers {
	uint32_t eax, ebx, ecx, edx;
};

/* The processor's own CPUID, as the platform gets at it. */
typedef void cpuid_function(uint32_t leaf, uint32_t subleaf, struct cpuid_registers *result);

/* The guest executes CPUID with EAX = leaf, ECX = subleaf. Never faults. */
void policy_cpuid(cpuid_function *processor, uint32_t leaf, uint32_t subleaf,
                  struct cpuid_registers *result);

/* The bits that the guest may set in CR4; others are reserved: #GP(0). */
uint32_t policy_cr4_allowed(cpuid_function *processor);

/* Whether the guest is shown NX, and may set EFER.NXE. */
bool policy_no_execute(cpuid_function *processor);

#endif
