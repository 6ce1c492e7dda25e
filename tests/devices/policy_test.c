/* SPDX-License-Identifier: BSD-2-Clause */

/* What the guest's CPUID and MSRs are, for processors of several makes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "rom/policy/cpuid.h"
#include "rom/policy/msr.h"

/* --- processors ------------------------------------------------------------------------------- */

/* Every leaf all ones, but for the numbers of leaves. */
static uint32_t last_basic, last_extended;

static void all_ones(uint32_t leaf, uint32_t subleaf, struct cpuid_registers *result)
{
	(void)subleaf;
	memset(result, 0xff, sizeof(*result));
	if (leaf == 0)
		result->eax = last_basic;
	if (leaf == 0x80000000)
		result->eax = last_extended;
	/* Beyond its last leaf Intel's answer as for the last: not what a guest shall see. */
}

static void all_zeros(uint32_t leaf, uint32_t subleaf, struct cpuid_registers *result)
{
	(void)subleaf;
	memset(result, 0, sizeof(*result));
	if (leaf == 0)
		result->eax = last_basic;
	if (leaf == 0x80000000)
		result->eax = last_extended;
}

static int setup(void **state)
{
	(void)state;
	last_basic = 0x20;
	last_extended = 0x80000028;
	return 0;
}

static struct cpuid_registers ask(cpuid_function *processor, uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_registers result;

	memset(&result, 0x33, sizeof(result));
	policy_cpuid(processor, leaf, subleaf, &result);
	return result;
}

#define expect_zeros(registers)                                                                    \
	do {                                                                                       \
		struct cpuid_registers found = registers;                                          \
		assert_int_equal(found.eax | found.ebx | found.ecx | found.edx, 0);                \
	} while (0)

/* --- what must be hidden ---------------------------------------------------------------------- */

static void features_that_are_hidden(void **state)
{
	/* Bits by the SDM and the APM, not by our table. */
	static const struct {
		uint32_t leaf, bits;
		size_t where;
	} hidden[] = {
#define EBX offsetof(struct cpuid_registers, ebx)
#define ECX offsetof(struct cpuid_registers, ecx)
#define EDX offsetof(struct cpuid_registers, edx)
	    {1, 1u << 3, ECX},            /* MONITOR */
	    {1, 1u << 5, ECX},            /* VMX */
	    {1, 1u << 17, ECX},           /* PCID */
	    {1, 1u << 21, ECX},           /* x2APIC */
	    {1, 1u << 24, ECX},           /* TSC deadline */
	    {1, 3u << 26, ECX},           /* XSAVE, OSXSAVE */
	    {1, 1u << 28, ECX},           /* AVX */
	    {1, 1u << 31, ECX},           /* hypervisor */
	    {1, 1u << 1, EDX},            /* VME */
	    {1, 1u << 7, EDX},            /* MCE */
	    {1, 1u << 9, EDX},            /* APIC */
	    {1, 1u << 11, EDX},           /* SEP */
	    {1, 1u << 12, EDX},           /* MTRR */
	    {1, 1u << 14, EDX},           /* MCA */
	    {1, 1u << 16, EDX},           /* PAT */
	    {1, 1u << 17, EDX},           /* PSE-36 */
	    {1, 1u << 28, EDX},           /* HTT */
	    {7, 1u << 0, EBX},            /* FSGSBASE */
	    {7, 1u << 7, EBX},            /* SMEP */
	    {7, 1u << 10, EBX},           /* INVPCID */
	    {7, 1u << 20, EBX},           /* SMAP */
	    {7, 1u << 5 | 1u << 16, EBX}, /* AVX2, AVX-512F */
	    {7, 1u << 2, ECX},            /* UMIP */
	    {7, 3u << 3, ECX},            /* PKU, OSPKE */
	    {7, 1u << 22, ECX},           /* RDPID */
	    {7, 3u << 26, EDX},           /* IBRS and IBPB, STIBP */
	    {7, 1u << 28, EDX},           /* L1D flush */
	    {7, 1u << 31, EDX},           /* SSBD */
	    {7, 1u << 20, EDX},           /* CET */
	    {0x80000001, 1u << 2, ECX},   /* SVM */
	    {0x80000001, 1u << 3, ECX},   /* extended APIC */
	    {0x80000001, 1u << 16, ECX},  /* FMA4 */
	    {0x80000001, 1u << 22, ECX},  /* topology */
	    {0x80000001, 1u << 29, ECX},  /* MWAITX */
	    {0x80000001, 1u << 11, EDX},  /* SYSCALL */
	    {0x80000001, 1u << 9, EDX},   /* APIC */
	    {0x80000001, 3u << 26, EDX},  /* 1 GB pages, RDTSCP */
	    {0x80000001, 1u << 29, EDX},  /* long mode */
	    {0x80000008, 1u << 12, EBX},  /* IBPB */
	    {0x80000008, 1u << 14, EBX},  /* IBRS */
	    {0x80000008, 1u << 15, EBX},  /* STIBP */
	    {0x80000008, 3u << 24, EBX},  /* SSBD, virtual SSBD */
	    {0x80000008, 1u << 9, EBX},   /* WBNOINVD */
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		struct cpuid_registers found = ask(all_ones, hidden[i].leaf, 0);
		uint32_t bits;

		memcpy(&bits, (const char *)&found + hidden[i].where, sizeof(bits));
		if (bits & hidden[i].bits)
			print_message("leaf %#x, bits %#x\n", hidden[i].leaf, hidden[i].bits);
		assert_int_equal(bits & hidden[i].bits, 0);
	}
}

static void features_that_stay(void **state)
{
	(void)state;
	/* FPU DE TSC MSR PAE CX8 CMOV MMX FXSR SSE SSE2 */
	assert_int_equal(ask(all_ones, 1, 0).edx & 0x07808175, 0x07808175);
	/* SSE3 CX16 SSE4.1 SSE4.2 POPCNT AES RDRAND */
	assert_int_equal(ask(all_ones, 1, 0).ecx & 0x42982001, 0x42982001);
	assert_int_equal(ask(all_ones, 0x80000001, 0).edx & 1u << 20, 1u << 20); /* NX */
	/* And none is made up. */
	assert_int_equal(ask(all_zeros, 1, 0).ecx, 0);
	assert_int_equal(ask(all_zeros, 1, 0).edx, 1u << 3 | 1u << 13);
	assert_int_equal(ask(all_zeros, 0x80000001, 0).edx, 0);
}

static void features_that_the_rom_gives(void **state)
{
	(void)state;
	assert_int_equal(ask(all_zeros, 1, 0).edx & 1u << 3, 1u << 3);   /* PSE */
	assert_int_equal(ask(all_zeros, 1, 0).edx & 1u << 13, 1u << 13); /* PGE */
	/* IA32_ARCH_CAPABILITIES, whose bit 0 keeps page-table isolation off */
	assert_int_equal(ask(all_zeros, 7, 0).edx, 1u << 29);
}

static void old_processors_get_leaf_7(void **state)
{
	(void)state;
	last_basic = 2; /* and answers garbage beyond it */
	assert_int_equal(ask(all_ones, 0, 0).eax, 7);
	expect_zeros(ask(all_ones, 4, 0));
	assert_int_equal(ask(all_ones, 7, 0).edx, 1u << 29);
	assert_int_equal(ask(all_ones, 7, 0).ebx, 0);
	expect_zeros(ask(all_ones, 7, 1));
	expect_zeros(ask(all_ones, 8, 0));
	last_extended = 0x12345678; /* no extended leaves: any answer */
	expect_zeros(ask(all_ones, 0x80000000, 0));
	expect_zeros(ask(all_ones, 0x80000001, 0));
	assert_false(policy_no_execute(all_ones));
}

static void leaves_end_with_the_table(void **state)
{
	(void)state;
	assert_int_equal(ask(all_ones, 0, 0).eax, 0x16);
	assert_int_equal(ask(all_ones, 0x80000000, 0).eax, 0x80000008);
	last_extended = 0x80000004;
	assert_int_equal(ask(all_ones, 0x80000000, 0).eax, 0x80000004);
	expect_zeros(ask(all_ones, 0x80000008, 0));
	last_basic = 0x16; /* the processor's last leaf is its own too */
	assert_int_equal(ask(all_ones, 0x16, 0).eax, UINT32_MAX);
	last_basic = 13;
	assert_int_equal(ask(all_ones, 0, 0).eax, 13);
	expect_zeros(ask(all_ones, 0x16, 0));
}

static void leaves_that_are_empty(void **state)
{
	static const uint32_t leaves[] = {
	    3,          5,          6,          9,          0xa,        0xb,        0xd,
	    0x12,       0x17,       0x20,       0x40000000, 0x40000001, 0x40000100, 0x4fffffff,
	    0x80000009, 0x8000001f, 0x80860000, 0xc0000000, 0xffffffff};

	(void)state;
	last_basic = last_extended = 0xffffffff;
	for (unsigned int i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++)
		expect_zeros(ask(all_ones, leaves[i], 0));
}

static void one_processor(void **state)
{
	(void)state;
	assert_int_equal(ask(all_ones, 1, 0).ebx >> 16, 0);         /* count, APIC id */
	assert_int_equal(ask(all_ones, 4, 3).eax, 0x3fff);          /* no sharing */
	assert_int_equal(ask(all_ones, 4, 3).ebx, UINT32_MAX);      /* a cache's size */
	assert_int_equal(ask(all_ones, 0x80000008, 0).eax, 0xffff); /* address widths */
	assert_int_equal(ask(all_ones, 0x80000008, 0).ecx, 0);      /* cores */
	expect_zeros(ask(all_ones, 7, 2));
}

static void words_of_the_processor_pass(void **state)
{
	struct cpuid_registers found = ask(all_ones, 0, 0);

	(void)state;
	assert_int_equal(found.ebx & found.ecx & found.edx, UINT32_MAX);
	for (uint32_t leaf = 0x80000002; leaf <= 0x80000006; leaf++) {
		found = ask(all_ones, leaf, 0);
		assert_int_equal(found.eax & found.ebx & found.ecx & found.edx, UINT32_MAX);
	}
	assert_int_equal(ask(all_ones, 1, 0).eax, UINT32_MAX);
}

static void control_register_4(void **state)
{
	(void)state;
	/* TSD DE PSE PAE PGE PCE OSFXSR OSXMMEXCPT; not VME PVI MCE UMIP VMXE FSGSBASE ... */
	assert_int_equal(policy_cr4_allowed(all_ones), 0x7bc);
	assert_int_equal(policy_cr4_allowed(all_zeros), 0x190);
	assert_true(policy_no_execute(all_ones));
	assert_false(policy_no_execute(all_zeros));
}

/* --- model-specific registers ----------------------------------------------------------------- */

static uint64_t time_stamp(void)
{
	return 0x123456789abcdef0;
}

static struct msr_state state_of(bool no_execute)
{
	struct msr_state msr;

	memset(&msr, 0xff, sizeof(msr));
	msr_initialise(&msr, no_execute, time_stamp);
	return msr;
}

static uint64_t read_msr(const struct msr_state *msr, uint32_t number)
{
	uint64_t value = 1;

	assert_true(msr_read(msr, number, &value));
	return value;
}

static void registers_that_are_absent(void **state)
{
	static const uint32_t numbers[] = {
	    0x1b,       0xfe,       0x179,      0x17a,      0x1a2,      0x277,      0x2ff,
	    0x48,       0x49,       0x6e1,      0x3a,       0x480,      0x345,      0x802,
	    0xc0000081, 0xc0000082, 0xc0000100, 0xc0000103, 0xc0010000, 0xffffffff, 0};

	(void)state;
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct msr_state msr = state_of(true), before = msr;
		uint64_t value = 1;

		assert_false(msr_read(&msr, numbers[i], &value));
		assert_int_equal(value, 0);
		assert_false(msr_write(&msr, numbers[i], 0));
		assert_memory_equal(&msr, &before, sizeof(msr));
	}
}

static void system_call_registers_hold(void **state)
{
	struct msr_state msr = state_of(true);

	(void)state;
	for (uint32_t number = 0x174; number <= 0x176; number++) {
		assert_int_equal(read_msr(&msr, number), 0);
		assert_true(msr_write(&msr, number, 0x12345670 + number));
	}
	for (uint32_t number = 0x174; number <= 0x176; number++)
		assert_int_equal(read_msr(&msr, number), 0x12345670 + number);
	assert_false(msr_write(&msr, 0x175, UINT64_C(0x100000000)));
	assert_int_equal(read_msr(&msr, 0x175), 0x12345670 + 0x175);
}

static void extended_features(void **state)
{
	struct msr_state msr = state_of(true);

	(void)state;
	assert_int_equal(read_msr(&msr, 0xc0000080), 0);
	assert_true(msr_write(&msr, 0xc0000080, 0x800));
	assert_int_equal(read_msr(&msr, 0xc0000080), 0x800);
	assert_int_equal(msr_efer(&msr), 0x800);
	/* SCE, LME, SVME, LMSLE, FFXSR, TCE, AIBRSE are of hidden features: reserved. */
	for (unsigned int bit = 0; bit < 64; bit++)
		if (bit != 11)
			assert_false(msr_write(&msr, 0xc0000080, UINT64_C(1) << bit));
	assert_int_equal(msr_efer(&msr), 0x800);
	assert_true(msr_write(&msr, 0xc0000080, 0));
	msr = state_of(false);
	assert_false(msr_write(&msr, 0xc0000080, 0x800));
	assert_true(msr_write(&msr, 0xc0000080, 0));
}

static void time_stamp_counter(void **state)
{
	struct msr_state msr = state_of(true);

	(void)state;
	assert_int_equal(read_msr(&msr, 0x10), 0x123456789abcdef0);
	assert_true(msr_write(&msr, 0x10, 0));
	assert_int_equal(read_msr(&msr, 0x10), 0x123456789abcdef0);
}

/* Linux reads the loader's registers before it has an IDT (arch/x86/kernel/cpu/microcode). */
static void microcode_loaders_find_nothing_to_do(void **state)
{
	struct msr_state msr = state_of(true);
	uint64_t value;

	(void)state;
	assert_int_equal(read_msr(&msr, 0x17), 0);
	assert_true(msr_write(&msr, 0x8b, 0));
	assert_int_equal(read_msr(&msr, 0x8b) >> 32, UINT32_MAX);     /* Intel's revision */
	assert_int_equal((uint32_t)read_msr(&msr, 0x8b), UINT32_MAX); /* AMD's */
	assert_true(msr_write(&msr, 0x79, 0xc0100000));
	assert_true(msr_write(&msr, 0xc0010020, 0xc0100000));
	assert_false(msr_read(&msr, 0x79, &value));
}

static void page_table_isolation_stays_off(void **state)
{
	struct msr_state msr = state_of(true);

	(void)state;
	assert_int_equal(ask(all_zeros, 7, 0).edx >> 29 & 1, 1);
	assert_int_equal(read_msr(&msr, 0x10a) & 1, 1); /* RDCL_NO */
	assert_int_equal(read_msr(&msr, 0x10a) & 2,
	                 0); /* not IBRS_ALL: Linux would write SPEC_CTRL */
	assert_false(msr_write(&msr, 0x10a, 0));
}

static void registers_that_ignore(void **state)
{
	static const uint32_t numbers[] = {0x1a0, 0x1d9, 0xc0010015, 0xc0011029};

	(void)state;
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct msr_state msr = state_of(true);
		uint64_t before = read_msr(&msr, numbers[i]);

		assert_true(msr_write(&msr, numbers[i], UINT64_MAX));
		assert_int_equal(read_msr(&msr, numbers[i]), before);
	}
}

#define T(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(features_that_are_hidden),
	    T(features_that_stay),
	    T(features_that_the_rom_gives),
	    T(old_processors_get_leaf_7),
	    T(leaves_end_with_the_table),
	    T(leaves_that_are_empty),
	    T(one_processor),
	    T(words_of_the_processor_pass),
	    T(control_register_4),
	    T(registers_that_are_absent),
	    T(system_call_registers_hold),
	    T(extended_features),
	    T(time_stamp_counter),
	    T(microcode_loaders_find_nothing_to_do),
	    T(page_table_isolation_stays_off),
	    T(registers_that_ignore),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
