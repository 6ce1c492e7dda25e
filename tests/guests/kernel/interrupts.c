/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/kernel/interrupts.h"

#include "tests/guests/kernel/instructions.h"
#include "tests/guests/kernel/report.h"
#include "tests/guests/kernel/traps.h"

/* Initialisation and command words. Source: Intel 8259A data sheet. */
#define PIC_INITIALISE 0x11 /* ICW1: edge triggered, cascade, ICW4 follows */
#define PIC_8086       0x01 /* ICW4 */
#define PIC_CASCADE    2    /* the second one is on this line of the first */
#define PIC_END        0x20 /* OCW2: end of interrupt */

/* Control words: channel 0, low byte then high byte. Source: Intel 8254 data sheet. */
#define TIMER_MODE_ONCE     0x30 /* mode 0 */
#define TIMER_MODE_PERIODIC 0x34 /* mode 2 */

/* Polls of the controller that take far longer than any wait here. */
#define POLLS 20000000

volatile uint32_t interrupt_counts[INTERRUPT_LINES];
static uint16_t mask;

static void write_mask(void)
{
	out_byte(PIC_MASK, (uint8_t)mask);
	out_byte(PIC_MASK2, (uint8_t)(mask >> 8));
}

static void timer_start(uint8_t mode, uint16_t ticks)
{
	out_byte(TIMER_COMMAND, mode);
	out_byte(TIMER_DATA, (uint8_t)ticks);
	out_byte(TIMER_DATA, (uint8_t)(ticks >> 8));
}

void timer_once(uint16_t ticks)
{
	timer_start(TIMER_MODE_ONCE, ticks);
}

void timer_periodic(uint16_t ticks)
{
	timer_start(TIMER_MODE_PERIODIC, ticks);
}

void interrupts_setup(void)
{
	timer_once(UINT16_MAX);                /* whatever it did: a long way off */
	out_byte(PIC_COMMAND, PIC_INITIALISE); /* also forgets requests */
	out_byte(PIC_COMMAND2, PIC_INITIALISE);
	out_byte(PIC_MASK, VECTOR_INTERRUPTS);
	out_byte(PIC_MASK2, VECTOR_INTERRUPTS + 8);
	out_byte(PIC_MASK, 1 << PIC_CASCADE);
	out_byte(PIC_MASK2, PIC_CASCADE);
	out_byte(PIC_MASK, PIC_8086);
	out_byte(PIC_MASK2, PIC_8086);
	mask = 0xffff;
	write_mask();
}

void interrupts_restore(void)
{
	interrupts_setup();
	for (uint32_t line = 0; line < INTERRUPT_LINES; line++)
		interrupt_counts[line] = 0;
}

void interrupt_unmask(uint32_t line)
{
	mask &= (uint16_t) ~(1u << line);
	if (line >= 8)
		mask &= (uint16_t) ~(1u << PIC_CASCADE);
	write_mask();
}

uint8_t interrupts_requested(void)
{
	out_byte(PIC_COMMAND, PIC_READ_REQUESTS);
	return in_byte(PIC_COMMAND);
}

void interrupt_handle(uint32_t line)
{
	interrupt_counts[line]++;
	if (line >= 8)
		out_byte(PIC_COMMAND2, PIC_END);
	out_byte(PIC_COMMAND, PIC_END);
}

bool timer_make_pending(void)
{
	interrupts_setup();
	interrupt_unmask(INTERRUPT_TIMER);
	timer_once(100);
	for (uint32_t poll = 0; poll < POLLS; poll++)
		if (interrupts_requested() & 1u << INTERRUPT_TIMER)
			return true;
	expect_true("timer requests an interrupt", false);
	return false;
}

uint32_t timer_count(void)
{
	return interrupt_counts[INTERRUPT_TIMER];
}
