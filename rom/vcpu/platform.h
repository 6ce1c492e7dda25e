/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_VCPU_PLATFORM_H
#define ROM_VCPU_PLATFORM_H

/* What the virtual processor asks of the platform below. */

#include <stdbool.h>
#include <stdint.h>

#include "rom/devices/devices.h"
#include "rom/policy/cpuid.h"

#define PLATFORM_DESCRIPTORS 512 /* of the real GDT and LDT each: a page */

/* Writes an entry of the real GDT or LDT. */
void platform_set_descriptor(bool ldt, uint32_t index, uint64_t descriptor);

/* Whether the real CR0.TS is set. */
void platform_set_task_switched(bool set);

/* The real CR4.TSD: whether user mode's rdtsc is #GP(0). */
void platform_set_time_stamp_disabled(bool set);

void platform_set_debug_register(unsigned int number, uint32_t value);
uint32_t platform_get_debug_register(unsigned int number);

/* The processor's own CPUID. */
cpuid_function platform_cpuid;

uint64_t platform_time_stamp(void);

/* Until an event: returns when the devices have been brought up to date. */
void platform_block(void);

/* Ends the domain. */
_Noreturn void platform_shut_down(enum shutdown_reason reason);

/* Ends it with all that can be said: the guest, or the ROM, has done what nobody expected. */
_Noreturn void platform_panic(const void *frame, const char *why);

/* A triple fault resets; says where the guest was. */
_Noreturn void platform_triple_fault(const void *frame);

extern struct devices devices;

/* After anything that may change when they need attention next. */
void platform_set_timer(void);

static inline uint16_t platform_get_fs(void)
{
	uint16_t selector;

	__asm__ volatile("movw %%fs, %0" : "=r"(selector));
	return selector;
}

static inline uint16_t platform_get_gs(void)
{
	uint16_t selector;

	__asm__ volatile("movw %%gs, %0" : "=r"(selector));
	return selector;
}

/* Load, or null where the selector is no good (trap_entry.S). */
void platform_set_fs(uint16_t selector);
void platform_set_gs(uint16_t selector);

#endif
