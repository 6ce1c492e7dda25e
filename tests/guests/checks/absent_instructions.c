/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Instructions of features that are not there, or not switched on: they raise #UD. Where CPUID says
 * that a feature is there, its instructions are left out.
 */

#include "tests/guests/kernel/checks.h"
#include "tests/guests/kernel/registers.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/traps.h"

#define ABSENT(name, bytes) INSTRUCTION(name, MAY_FAULT(".byte " bytes))

ABSENT(code_monitorx, "0x0f, 0x01, 0xfa");
ABSENT(code_mwaitx, "0x0f, 0x01, 0xfb");
ABSENT(code_xsaves, "0x0f, 0xc7, 0x28");
ABSENT(code_xrstors, "0x0f, 0xc7, 0x18");
ABSENT(code_wrmsrns, "0x0f, 0x01, 0xc6");
ABSENT(code_rdpru, "0x0f, 0x01, 0xfd");
ABSENT(code_invlpgb, "0x0f, 0x01, 0xfe");
ABSENT(code_tlbsync, "0x0f, 0x01, 0xff");
ABSENT(code_sysret, "0x0f, 0x07");
ABSENT(code_syscall, "0x0f, 0x05");
ABSENT(code_vmrun, "0x0f, 0x01, 0xd8");
ABSENT(code_vmload, "0x0f, 0x01, 0xda");
ABSENT(code_vmsave, "0x0f, 0x01, 0xdb");
ABSENT(code_stgi, "0x0f, 0x01, 0xdc");
ABSENT(code_clgi, "0x0f, 0x01, 0xdd");
ABSENT(code_invlpga, "0x0f, 0x01, 0xdf");
ABSENT(code_vmgexit, "0xf3, 0x0f, 0x01, 0xd9");
ABSENT(code_psmash, "0xf3, 0x0f, 0x01, 0xff");
ABSENT(code_pvalidate, "0xf2, 0x0f, 0x01, 0xff");
ABSENT(code_vmfunc, "0x0f, 0x01, 0xd4");
ABSENT(code_tdcall, "0x66, 0x0f, 0x01, 0xcc");
ABSENT(code_getsec, "0x0f, 0x37");
ABSENT(code_encls, "0x0f, 0x01, 0xcf");
ABSENT(code_enclv, "0x0f, 0x01, 0xc0");
ABSENT(code_enclu, "0x0f, 0x01, 0xd7");
ABSENT(code_pconfig, "0x0f, 0x01, 0xc5");
ABSENT(code_loadiwkey, "0xf3, 0x0f, 0x38, 0xdc, 0xc1");
ABSENT(code_enqcmds, "0xf3, 0x0f, 0x38, 0xf8, 0x00");
ABSENT(code_hreset, "0xf3, 0x0f, 0x3a, 0xf0, 0xc0, 0x00");
ABSENT(code_setssbsy, "0xf3, 0x0f, 0x01, 0xe8");
ABSENT(code_clrssbsy, "0xf3, 0x0f, 0xae, 0x30");
ABSENT(code_wruss, "0x66, 0x0f, 0x38, 0xf5, 0x00");
ABSENT(code_vmxon, "0xf3, 0x0f, 0xc7, 0x30");
ABSENT(code_vmclear, "0x66, 0x0f, 0xc7, 0x30");
ABSENT(code_vmread, "0x0f, 0x78, 0xc0");
ABSENT(code_invept, "0x66, 0x0f, 0x38, 0x80, 0x00");

/* A feature's bit in what CPUID says of it. */
enum place {
	LEAF1_ECX,
	LEAF7_EBX,
	LEAF7_ECX,
	LEAF7_EDX,
	LEAF7_1_EAX,
	LEAFD_1_EAX,
	EXTENDED1_ECX,
	EXTENDED1_EDX,
	EXTENDED8_EBX,
	NOWHERE /* not in 32-bit mode, or only where something else is switched on */
};

static uint32_t cpuid_word(enum place place)
{
	uint32_t last = cpuid(0, 0).eax;

	switch (place) {
	case LEAF1_ECX: return features.leaf1.ecx;
	case LEAF7_EBX: return features.leaf7.ebx;
	case LEAF7_ECX: return features.leaf7.ecx;
	case LEAF7_EDX: return features.leaf7.edx;
	case LEAF7_1_EAX: return last >= 7 && features.leaf7.eax >= 1 ? cpuid(7, 1).eax : 0;
	case LEAFD_1_EAX: return last >= 13 ? cpuid(13, 1).eax : 0;
	case EXTENDED1_ECX: return features.extended1.ecx;
	case EXTENDED1_EDX: return features.extended1.edx;
	case EXTENDED8_EBX: return features.extended8.ebx;
	case NOWHERE: break;
	}
	return 0;
}

struct absent_instruction {
	const char *name;
	void (*code)(void);
	enum place place;
	uint8_t bit;
};

static void expect_undefined(const struct absent_instruction *instructions, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct registers registers = {.eflags = FLAG_RESERVED};
		if (cpuid_word(instructions[i].place) & 1u << instructions[i].bit)
			continue;
		fault_clear();
		run_with_registers(&registers, instructions[i].code);
		expect_fault(instructions[i].name, VECTOR_INVALID_OPCODE, 0);
	}
}

void absent_instructions_of_kernels(void)
{
	static const struct absent_instruction instructions[] = {
	    {"xsaves", code_xsaves, LEAFD_1_EAX, 3},
	    {"xrstors", code_xrstors, LEAFD_1_EAX, 3},
	    {"wrmsrns", code_wrmsrns, LEAF7_1_EAX, 19},
	    {"invlpgb", code_invlpgb, EXTENDED8_EBX, 3},
	    {"tlbsync", code_tlbsync, EXTENDED8_EBX, 3},
	    {"sysret", code_sysret, NOWHERE, 0}, /* EFER.SCE is clear */
	    {"syscall", code_syscall, NOWHERE, 0},
	    {"getsec", code_getsec, NOWHERE, 0}, /* CR4.SMXE is clear */
	    {"pconfig", code_pconfig, LEAF7_EDX, 18},
	    {"loadiwkey", code_loadiwkey, NOWHERE, 0}, /* CR4.KL is clear */
	    {"enqcmds", code_enqcmds, LEAF7_ECX, 29},
	    {"hreset", code_hreset, LEAF7_1_EAX, 22},
	    {"setssbsy", code_setssbsy, LEAF7_ECX, 7},
	    {"clrssbsy", code_clrssbsy, LEAF7_ECX, 7},
	    {"wruss", code_wruss, LEAF7_ECX, 7},
	};

	expect_undefined(instructions, sizeof(instructions) / sizeof(instructions[0]));
}

void absent_instructions_of_everyone(void)
{
	static const struct absent_instruction instructions[] = {
	    {"monitorx", code_monitorx, EXTENDED1_ECX, 29},
	    {"mwaitx", code_mwaitx, EXTENDED1_ECX, 29},
	    {"rdpru", code_rdpru, EXTENDED8_EBX, 4},
	    {"enclu", code_enclu, LEAF7_EBX, 2},
	};

	expect_undefined(instructions, sizeof(instructions) / sizeof(instructions[0]));
}

/* Virtual machines, theirs and ours: VMX and SVM are never switched on here. */
void absent_instructions_of_monitors(void)
{
	static const struct absent_instruction instructions[] = {
	    {"vmrun", code_vmrun, NOWHERE, 0},         {"vmload", code_vmload, NOWHERE, 0},
	    {"vmsave", code_vmsave, NOWHERE, 0},       {"stgi", code_stgi, NOWHERE, 0},
	    {"clgi", code_clgi, NOWHERE, 0},           {"invlpga", code_invlpga, NOWHERE, 0},
	    {"vmgexit", code_vmgexit, NOWHERE, 0},     {"psmash", code_psmash, NOWHERE, 0},
	    {"pvalidate", code_pvalidate, NOWHERE, 0}, {"vmfunc", code_vmfunc, NOWHERE, 0},
	    {"tdcall", code_tdcall, NOWHERE, 0},       {"vmxon", code_vmxon, NOWHERE, 0},
	    {"vmclear", code_vmclear, NOWHERE, 0},     {"vmread", code_vmread, NOWHERE, 0},
	    {"invept", code_invept, NOWHERE, 0},       {"encls", code_encls, LEAF7_EBX, 2},
	    {"enclv", code_enclv, LEAF7_EBX, 2},
	};

	expect_undefined(instructions, sizeof(instructions) / sizeof(instructions[0]));
}
