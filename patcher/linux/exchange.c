/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/linux/exchange.h"

#include <string.h>

#include "patcher/bytes.h"

enum { LOCK = 0xf0, JNE = 0x75, RET = 0xc3, JMP = 0xe9, JMP_SIZE = 5 };

/* ret, or a jump to one, as kernels with return thunks have it. */
static bool returns(const struct kernel *kernel, uint32_t address)
{
	const uint8_t *bytes = kernel_bytes_at(kernel, address, 1);

	if (!bytes)
		return false;
	if (*bytes == RET)
		return true;
	if (*bytes != JMP)
		return false;
	bytes = kernel_bytes_at(kernel, address, JMP_SIZE);
	if (!bytes)
		return false;
	bytes =
	    kernel_bytes_at(kernel, (uint32_t)(address + JMP_SIZE + bytes_load32(bytes + 1)), 1);
	return bytes && *bytes == RET;
}

/* 1: [lock] cmpxchg8b (%esi); jne 1b; ret */
bool linux_exchanges_64_bits(const struct kernel *kernel, uint32_t address)
{
	static const uint8_t compare_exchange[] = {0x0f, 0xc7, 0x0e};
	const uint8_t *bytes = kernel_bytes_at(kernel, address, 6); /* with or without LOCK */
	uint8_t size = sizeof(compare_exchange);

	if (!bytes)
		return false;
	if (*bytes == LOCK) {
		bytes++;
		size++;
	}
	return !memcmp(bytes, compare_exchange, sizeof(compare_exchange)) && bytes[3] == JNE &&
	       bytes[4] == (uint8_t) - (size + 2) && returns(kernel, address + size + 2);
}
