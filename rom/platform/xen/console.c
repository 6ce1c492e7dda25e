/* SPDX-License-Identifier: BSD-2-Clause */

#include <stdarg.h>

#include "rom/platform/xen/console.h"
#include "rom/platform/xen/hypercall.h"

/* A line being made. */
struct line {
	uint8_t bytes[160];
	size_t size;
};

void console_write(const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		size_t part = size < 128 ? size : 128;

		hypercall_console_io(CONSOLEIO_write, part, (void *)(uint32_t)bytes);
		bytes += part;
		size -= part;
	}
}

static void flush(struct line *line)
{
	console_write(line->bytes, line->size);
	line->size = 0;
}

static void put(struct line *line, char byte)
{
	if (line->size == sizeof(line->bytes))
		flush(line);
	line->bytes[line->size++] = (uint8_t)byte;
}

static void put_hexadecimal(struct line *line, uint32_t value, int digits)
{
	for (int i = digits - 1; i >= 0; i--)
		put(line, "0123456789abcdef"[value >> (4 * i) & 15]);
}

static void put_decimal(struct line *line, uint32_t value)
{
	char digits[10];
	int count = 0;

	do
		digits[count++] = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	while (count > 0)
		put(line, digits[--count]);
}

static void put_string(struct line *line, const char *string)
{
	for (; *string; string++)
		put(line, *string);
}

static void put_conversion(struct line *line, char conversion, va_list *arguments)
{
	switch (conversion) {
	case 's': put_string(line, va_arg(*arguments, const char *)); break;
	case 'x': put_hexadecimal(line, va_arg(*arguments, uint32_t), 8); break;
	case 'b': put_hexadecimal(line, va_arg(*arguments, uint32_t), 2); break;
	case 'u': put_decimal(line, va_arg(*arguments, uint32_t)); break;
	default: put(line, conversion);
	}
}

void print(const char *format, ...)
{
	struct line line = {.size = 0};
	va_list arguments;

	va_start(arguments, format);
	for (; *format; format++) {
		if (*format == '%' && format[1])
			put_conversion(&line, *++format, &arguments);
		else if (*format == '\n')
			put_string(&line, "\r\n");
		else
			put(&line, *format);
	}
	va_end(arguments);
	flush(&line);
}
