/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_DEVICES_UART_H
#define ROM_DEVICES_UART_H

/*
 * A 16550A serial port, ports 0x3f8 to 0x3ff, line 4. Source: National Semiconductor PC16550D data
 * sheet. A transmitter that needs no time: the holding register is empty again at once. The
 * receiver's time-out comes as soon as there are fewer bytes than the trigger level. The other end
 * is always there: CTS, DSR and DCD are on, RI is off.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART_PORT        0x3f8
#define UART_PORTS       8
#define UART_FIFO_SIZE   16
#define UART_INPUT_SIZE  256 /* what came and is not yet in the receiver */
#define UART_OUTPUT_SIZE 128

/* Takes what was sent. */
typedef void uart_output_function(void *context, const uint8_t *bytes, size_t size);

struct uart {
	uint8_t interrupt_enable, fifo_control, line_control, modem_control;
	uint8_t line_errors;   /* of line status: overrun */
	uint8_t modem_changes; /* low half of modem status */
	uint8_t scratch;
	uint8_t divisor_low, divisor_high;
	bool transmit_interrupt; /* the holding register became empty, and nobody has read it yet */
	uint8_t fifo[UART_FIFO_SIZE];
	uint8_t fifo_first, fifo_count;
	uint8_t input[UART_INPUT_SIZE];
	uint16_t input_first, input_count;
	uint8_t output[UART_OUTPUT_SIZE];
	uint8_t output_count;
	uart_output_function *send;
	void *context;
};

void uart_initialise(struct uart *uart, uart_output_function *send, void *context);

/* Bytes from the console. Returns how many were taken; the rest must be offered again later. */
size_t uart_receive(struct uart *uart, const uint8_t *bytes, size_t size);

/* How many bytes uart_receive() would take. */
size_t uart_receive_space(const struct uart *uart);

/* Sends what is kept back; sent bytes are kept until a line ends or the buffer is full. */
void uart_flush(struct uart *uart);

/* Whether the interrupt line is high: an enabled cause, and OUT2. */
bool uart_line(const struct uart *uart);

/* Whether a byte written to this port is sent, and not kept or looped back. */
bool uart_sends(const struct uart *uart, uint16_t port);

/* Bytes of its ports; port is UART_PORT to UART_PORT + 7. */
uint8_t uart_read(struct uart *uart, uint16_t port);
void uart_write(struct uart *uart, uint16_t port, uint8_t value);

#endif
