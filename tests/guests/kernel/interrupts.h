/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_INTERRUPTS_H
#define KERNEL_INTERRUPTS_H

/* The pair of 8259A interrupt controllers, and channel 0 of the 8254 timer on line 0. */

#include <stdbool.h>
#include <stdint.h>

#define INTERRUPT_LINES  16
#define INTERRUPT_TIMER  0
#define INTERRUPT_SERIAL 4

#define PIC_COMMAND       0x20 /* of the first; of the second at 0xa0 */
#define PIC_MASK          0x21
#define PIC_COMMAND2      0xa0
#define PIC_MASK2         0xa1
#define PIC_READ_REQUESTS 0x0a /* command: the next read gives the request register */
#define PIC_READ_SERVICE  0x0b /* likewise the in-service register */

#define TIMER_HERTZ   1193182
#define TIMER_DATA    0x40
#define TIMER_COMMAND 0x43

/* Interrupts handled, by line, since the check began. */
extern volatile uint32_t interrupt_counts[INTERRUPT_LINES];

/*
 * Starts both controllers, vectors from VECTOR_INTERRUPTS on, every line masked, no request
 * pending; the timer is far from raising one.
 */
void interrupts_setup(void);

/* The same after a check; counts become 0. */
void interrupts_restore(void);

/* Lets a line through. */
void interrupt_unmask(uint32_t line);

/* The requests that the first controller has not delivered yet, a bit a line. */
uint8_t interrupts_requested(void);

/* Counts and acknowledges an interrupt; called by trap(). */
void interrupt_handle(uint32_t line);

/* Makes the timer raise its line once, after ticks (1 to 65535) of TIMER_HERTZ. */
void timer_once(uint16_t ticks);

/* Makes it raise its line every so many ticks. */
void timer_periodic(uint16_t ticks);

/*
 * Unmasks the timer and nothing else, and waits, interrupts off, until its interrupt is pending.
 * false (and the check has failed) if that does not come.
 */
bool timer_make_pending(void);

/* The timer's interrupts handled since the check began. */
uint32_t timer_count(void);

#endif
