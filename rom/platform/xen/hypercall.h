/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_HYPERCALL_H
#define ROM_XEN_HYPERCALL_H

/*
 * Hypercalls, by `int $0x82`: it needs no page, and works wherever the code stands. Only from ring
 * 1. All return a negative errno (Xen public/errno.h) on failure.
 *
 * A hypervisor with DEBUG=y overwrites the argument registers and used multicall entries, so all
 * are outputs too.
 */

#include <stddef.h>

#include "rom/platform/xen/xen.h"

static inline int32_t hypercall4(uint32_t number, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	int32_t result;

	__asm__ volatile("int $0x82"
	                 : "=a"(result), "+b"(a), "+c"(b), "+d"(c), "+S"(d)
	                 : "0"(number)
	                 : "memory");
	return result;
}

static inline int32_t hypercall3(uint32_t number, uint32_t a, uint32_t b, uint32_t c)
{
	int32_t result;

	__asm__ volatile("int $0x82"
	                 : "=a"(result), "+b"(a), "+c"(b), "+d"(c)
	                 : "0"(number)
	                 : "memory");
	return result;
}

static inline int32_t hypercall2(uint32_t number, uint32_t a, uint32_t b)
{
	int32_t result;

	__asm__ volatile("int $0x82" : "=a"(result), "+b"(a), "+c"(b) : "0"(number) : "memory");
	return result;
}

/* entry: machine address and flags of an L1 entry; 0 unmaps. flags: UVMF_*. */
static inline int32_t hypercall_update_va_mapping(uint32_t address, uint64_t entry, uint32_t flags)
{
	return hypercall4(__HYPERVISOR_update_va_mapping, address, (uint32_t)entry,
	                  (uint32_t)(entry >> 32), flags);
}

static inline int32_t hypercall_mmu_update(const struct xen_mmu_update *requests, uint32_t count)
{
	return hypercall4(__HYPERVISOR_mmu_update, (uint32_t)requests, count, 0, DOMID_SELF);
}

static inline int32_t hypercall_mmuext_op(const struct mmuext_op *operations, uint32_t count)
{
	return hypercall4(__HYPERVISOR_mmuext_op, (uint32_t)operations, count, 0, DOMID_SELF);
}

static inline int32_t hypercall_console_io(uint32_t command, uint32_t size, void *buffer)
{
	return hypercall3(__HYPERVISOR_console_io, command, size, (uint32_t)buffer);
}

static inline int32_t hypercall_sched_op(uint32_t command, const void *argument)
{
	return hypercall2(__HYPERVISOR_sched_op, command, (uint32_t)argument);
}

static inline int32_t hypercall_event_channel_op(uint32_t command, void *argument)
{
	return hypercall2(__HYPERVISOR_event_channel_op, command, (uint32_t)argument);
}

/* Nanoseconds of Xen's system time; 0: none. */
static inline int32_t hypercall_set_timer(uint64_t time)
{
	return hypercall2(__HYPERVISOR_set_timer_op, (uint32_t)time, (uint32_t)(time >> 32));
}

static inline int32_t hypercall_set_trap_table(const struct trap_info *table)
{
	return hypercall2(__HYPERVISOR_set_trap_table, (uint32_t)table, 0);
}

static inline int32_t hypercall_set_gdt(const uint32_t *frames, uint32_t entries)
{
	return hypercall2(__HYPERVISOR_set_gdt, (uint32_t)frames, entries);
}

static inline int32_t hypercall_stack_switch(uint32_t selector, uint32_t esp)
{
	return hypercall2(__HYPERVISOR_stack_switch, selector, esp);
}

/* machine_address: of the descriptor, in a frame of the GDT or LDT. */
static inline int32_t hypercall_update_descriptor(uint64_t machine_address, uint64_t descriptor)
{
	return hypercall4(__HYPERVISOR_update_descriptor, (uint32_t)machine_address,
	                  (uint32_t)(machine_address >> 32), (uint32_t)descriptor,
	                  (uint32_t)(descriptor >> 32));
}

static inline int32_t hypercall_fpu_taskswitch(uint32_t set)
{
	return hypercall2(__HYPERVISOR_fpu_taskswitch, set, 0);
}

static inline int32_t hypercall_callback_op(uint32_t command, const void *argument)
{
	return hypercall2(__HYPERVISOR_callback_op, command, (uint32_t)argument);
}

static inline int32_t hypercall_vcpu_op(uint32_t command, uint32_t vcpu, const void *argument)
{
	return hypercall3(__HYPERVISOR_vcpu_op, command, vcpu, (uint32_t)argument);
}

static inline int32_t hypercall_set_debugreg(uint32_t number, uint32_t value)
{
	return hypercall2(__HYPERVISOR_set_debugreg, number, value);
}

/* The value, not an errno. */
static inline uint32_t hypercall_get_debugreg(uint32_t number)
{
	return (uint32_t)hypercall2(__HYPERVISOR_get_debugreg, number, 0);
}

static inline int32_t hypercall_physdev_op(uint32_t command, const void *argument)
{
	return hypercall2(__HYPERVISOR_physdev_op, command, (uint32_t)argument);
}

#endif
