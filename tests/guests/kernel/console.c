/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/kernel/console.h"

#include <stdarg.h>
#include <stdint.h>

#include "tests/guests/kernel/instructions.h"
#include "tests/guests/kernel/serial.h"

void console_setup(void)
{
	out_byte(SERIAL_INTERRUPT_ENABLE, 0);
	out_byte(SERIAL_LINE_CONTROL, SERIAL_DIVISOR_LATCH);
	out_byte(SERIAL_DATA, 1); /* 115200 baud */
	out_byte(SERIAL_INTERRUPT_ENABLE, 0);
	out_byte(SERIAL_LINE_CONTROL, SERIAL_8N1);
	out_byte(SERIAL_FIFO_CONTROL, SERIAL_FIFO_ENABLE);
	out_byte(SERIAL_MODEM_CONTROL, SERIAL_DTR | SERIAL_RTS);
}

static void put(char character)
{
	if (character == '\n')
		put('\r');
	while (!(in_byte(SERIAL_LINE_STATUS) & SERIAL_TRANSMIT_EMPTY))
		;
	out_byte(SERIAL_DATA, (uint8_t)character);
}

static void put_string(const char *string)
{
	while (*string)
		put(*string++);
}

static void put_number(uint32_t value, uint32_t base)
{
	char digits[10];
	uint32_t count = 0;

	do
		digits[count++] = "0123456789abcdef"[value % base];
	while (value /= base);
	while (count)
		put(digits[--count]);
}

void print(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	for (; *format; format++) {
		if (*format != '%') {
			put(*format);
			continue;
		}
		switch (*++format) {
		case 's': put_string(va_arg(arguments, const char *)); break;
		case 'c': put((char)va_arg(arguments, int)); break;
		case 'u': put_number(va_arg(arguments, uint32_t), 10); break;
		case 'x': put_number(va_arg(arguments, uint32_t), 16); break;
		default: put(*format); break;
		}
	}
	va_end(arguments);
}
