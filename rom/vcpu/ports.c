/* SPDX-License-Identifier: BSD-2-Clause */

/* Port instructions: the devices behind the port bus answer. */

#include "rom/vcpu/calls.h"
#include "rom/vcpu/platform.h"

static void read_port(struct rom_frame *frame, unsigned int size)
{
	uint32_t mask = size == 4 ? 0xffffffff : (1u << 8 * size) - 1;
	uint32_t value = devices_port_in(&devices, (uint16_t)frame->edx, size);

	frame->eax = (frame->eax & ~mask) | (value & mask);
	platform_set_timer();
}

static void write_port(struct rom_frame *frame, unsigned int size)
{
	devices_port_out(&devices, (uint16_t)frame->edx, size, frame->eax);
	platform_set_timer();
}

void call_INB(struct rom_frame *frame)
{
	read_port(frame, 1);
}

void call_INW(struct rom_frame *frame)
{
	read_port(frame, 2);
}

void call_INL(struct rom_frame *frame)
{
	read_port(frame, 4);
}

void call_OUTB(struct rom_frame *frame)
{
	write_port(frame, 1);
}

void call_OUTW(struct rom_frame *frame)
{
	write_port(frame, 2);
}

void call_OUTL(struct rom_frame *frame)
{
	write_port(frame, 4);
}

static void in_string(struct rom_frame *frame, unsigned int size)
{
	uint32_t step = frame->eflags & EFLAGS_DF ? -size : size;

	while (frame->ecx != 0) {
		uint32_t value = devices_port_in(&devices, (uint16_t)frame->edx, size);

		if (!guest_write(frame->edi, &value, size)) {
			call_memory_fault(frame);
			break;
		}
		frame->edi += step;
		frame->ecx--;
	}
	platform_set_timer();
}

static void out_string(struct rom_frame *frame, unsigned int size)
{
	uint32_t step = frame->eflags & EFLAGS_DF ? -size : size;

	while (frame->ecx != 0) {
		uint32_t value = 0;

		if (!guest_read(frame->esi, &value, size)) {
			call_memory_fault(frame);
			break;
		}
		devices_port_out(&devices, (uint16_t)frame->edx, size, value);
		frame->esi += step;
		frame->ecx--;
	}
	platform_set_timer();
}

void call_INSB(struct rom_frame *frame)
{
	in_string(frame, 1);
}

void call_INSW(struct rom_frame *frame)
{
	in_string(frame, 2);
}

void call_INSL(struct rom_frame *frame)
{
	in_string(frame, 4);
}

void call_OUTSB(struct rom_frame *frame)
{
	out_string(frame, 1);
}

void call_OUTSW(struct rom_frame *frame)
{
	out_string(frame, 2);
}

void call_OUTSL(struct rom_frame *frame)
{
	out_string(frame, 4);
}

void call_IODelay(struct rom_frame *frame)
{
	(void)frame;
}
