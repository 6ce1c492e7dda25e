/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/escape.h"

const char *escape_text(const char *text, char *buffer, size_t buffer_size)
{
	static const char digits[] = "0123456789abcdef";
	size_t used = 0;

	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte >= 0x20 && byte < 0x7f) {
			if (used + 1 >= buffer_size)
				break;
			buffer[used++] = *text;
			continue;
		}
		if (used + 4 >= buffer_size)
			break;
		buffer[used++] = '\\';
		buffer[used++] = 'x';
		buffer[used++] = digits[byte >> 4];
		buffer[used++] = digits[byte & 15];
	}
	buffer[used] = '\0';
	return buffer;
}
