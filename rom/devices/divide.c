/* SPDX-License-Identifier: BSD-2-Clause */
#include "rom/devices/divide.h"

uint64_t divide(uint64_t dividend, uint32_t divisor, uint32_t *remainder)
{
	uint32_t high = (uint32_t)(dividend >> 32), low = (uint32_t)dividend;
	uint32_t rest = (high % divisor) << 16 | low >> 16;
	uint32_t quotient = rest / divisor << 16;

	/* A remainder is below 2^16, so 16 more bits below it fit a register. */
	rest = (rest % divisor) << 16 | (low & 0xffff);
	quotient |= rest / divisor;
	*remainder = rest % divisor;
	return (uint64_t)(high / divisor) << 32 | quotient;
}
