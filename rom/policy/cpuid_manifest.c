/* SPDX-License-Identifier: BSD-2-Clause */

/* What the guest's CPUID can show, for the patcher: patchtables/cpuid_policy.def as a part of the
 * ROM's file (patchtables/rom_abi.h). */

#include "patchtables/rom_abi.h"

#include "cpuid_policy_rows.h" /* generated */

_Static_assert(CPUID_ANY_SUBLEAF == ROM_CPUID_ANY_SUBLEAF, "one number for it");

#define CPUID_ROW(first, last, subleaf, number, keep, force)                                       \
	{first, last, subleaf, number, (keep) | (force)},

extern const struct rom_cpuid rom_cpuid[];
__attribute__((section(".rom_cpuid"), used)) const struct rom_cpuid rom_cpuid[] = {CPUID_ROWS};
