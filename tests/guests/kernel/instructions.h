/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_INSTRUCTIONS_H
#define KERNEL_INSTRUCTIONS_H

/*
 * Single instructions that the kernel itself needs, as functions. Checks that are about an
 * instruction write it down themselves.
 *
 * Registers that an instruction fills hold POISON before, so that an instruction which does nothing
 * is not taken for one that works.
 */

#include <stdint.h>

#define POISON 0x5a5a5a5au

#define FLAG_CARRY     0x00000001u
#define FLAG_RESERVED  0x00000002u /* always set */
#define FLAG_PARITY    0x00000004u
#define FLAG_ADJUST    0x00000010u
#define FLAG_ZERO      0x00000040u
#define FLAG_SIGN      0x00000080u
#define FLAG_TRAP      0x00000100u
#define FLAG_INTERRUPT 0x00000200u
#define FLAG_DIRECTION 0x00000400u
#define FLAG_OVERFLOW  0x00000800u
#define FLAG_IOPL      0x00003000u
#define FLAG_NESTED    0x00004000u
#define FLAG_RESUME    0x00010000u
#define FLAG_VM86      0x00020000u
#define FLAG_ALIGNMENT 0x00040000u
#define FLAG_ID        0x00200000u
#define FLAGS_STATUS                                                                               \
	(FLAG_CARRY | FLAG_PARITY | FLAG_ADJUST | FLAG_ZERO | FLAG_SIGN | FLAG_OVERFLOW)

#define CR0_PE 0x00000001u
#define CR0_MP 0x00000002u
#define CR0_EM 0x00000004u
#define CR0_TS 0x00000008u
#define CR0_ET 0x00000010u
#define CR0_NE 0x00000020u
#define CR0_WP 0x00010000u
#define CR0_AM 0x00040000u
#define CR0_PG 0x80000000u

#define CR4_TSD     0x00000004u
#define CR4_DE      0x00000008u
#define CR4_PSE     0x00000010u
#define CR4_PAE     0x00000020u
#define CR4_PGE     0x00000080u
#define CR4_PCE     0x00000100u
#define CR4_OSXSAVE 0x00040000u
#define CR4_SMEP    0x00100000u
#define CR4_SMAP    0x00200000u

static inline void interrupts_off(void)
{
	asm volatile("cli" : : : "memory");
}

static inline uint8_t in_byte(uint16_t port)
{
	uint8_t value = (uint8_t)POISON;

	asm volatile("inb %1, %0" : "+a"(value) : "Nd"(port));
	return value;
}

static inline void out_byte(uint16_t port, uint8_t value)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint32_t read_flags(void)
{
	uint32_t value;

	asm volatile("pushf\n\tpop %0" : "=r"(value) : : "memory");
	return value;
}

static inline void write_flags(uint32_t value)
{
	asm volatile("push %0\n\tpopf" : : "r"(value) : "memory", "cc");
}

static inline uint32_t read_cr0(void)
{
	uint32_t value = POISON;

	asm volatile("mov %%cr0, %0" : "+r"(value) : : "memory");
	return value;
}

static inline void write_cr0(uint32_t value)
{
	asm volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

static inline uint32_t read_cr2(void)
{
	uint32_t value = POISON;

	asm volatile("mov %%cr2, %0" : "+r"(value) : : "memory");
	return value;
}

static inline uint32_t read_cr3(void)
{
	uint32_t value = POISON;

	asm volatile("mov %%cr3, %0" : "+r"(value) : : "memory");
	return value;
}

static inline void write_cr3(uint32_t value)
{
	asm volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static inline uint32_t read_cr4(void)
{
	uint32_t value = POISON;

	asm volatile("mov %%cr4, %0" : "+r"(value) : : "memory");
	return value;
}

static inline void write_cr4(uint32_t value)
{
	asm volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static inline void invalidate_page(uint32_t linear)
{
	asm volatile("invlpg (%0)" : : "r"(linear) : "memory");
}

struct cpuid_result {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_result cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_result result = {leaf, POISON, subleaf, POISON};

	asm volatile("cpuid"
	             : "+a"(result.eax), "+b"(result.ebx), "+c"(result.ecx), "+d"(result.edx));
	return result;
}

static inline uint64_t read_msr(uint32_t number)
{
	uint32_t low = POISON, high = POISON;

	asm volatile("rdmsr" : "+a"(low), "+d"(high) : "c"(number) : "memory");
	return (uint64_t)high << 32 | low;
}

static inline void write_msr(uint32_t number, uint64_t value)
{
	asm volatile("wrmsr"
	             :
	             : "c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
	             : "memory");
}

#endif
