/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_SERIAL_H
#define KERNEL_SERIAL_H

/* The first serial port's registers. Source: National Semiconductor PC16550D, table 2. */

#define SERIAL_DATA             0x3f8
#define SERIAL_INTERRUPT_ENABLE 0x3f9
#define SERIAL_INTERRUPT_CAUSE  0x3fa
#define SERIAL_FIFO_CONTROL     0x3fa
#define SERIAL_LINE_CONTROL     0x3fb
#define SERIAL_MODEM_CONTROL    0x3fc
#define SERIAL_LINE_STATUS      0x3fd

#define SERIAL_TRANSMIT_INTERRUPT 0x02 /* interrupt enable */
#define SERIAL_FIFO_ENABLE        0x01
#define SERIAL_8N1                0x03
#define SERIAL_DIVISOR_LATCH      0x80
#define SERIAL_DTR                0x01
#define SERIAL_RTS                0x02
#define SERIAL_OUT2               0x08 /* on a PC the interrupt's gate */
#define SERIAL_TRANSMIT_EMPTY     0x20 /* line status */

#endif
