/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_DEVICES_CALENDAR_H
#define ROM_DEVICES_CALENDAR_H

#include <stdint.h>

struct calendar {
	uint32_t year;  /* 1970 to 9999 */
	uint32_t month; /* 1 to 12 */
	uint32_t day;   /* 1 to 31 */
	uint32_t hour, minute, second;
	uint32_t weekday; /* 1 to 7, Sunday is 1 */
};

/* Seconds since 1970-01-01 00:00, as a date. After the year 9999 it is that year's last second. */
void calendar_from_seconds(uint64_t seconds, struct calendar *date);

/* And back; weekday is not looked at. What is too great for its place carries over (February 30 is
 * March 1 or 2, hour 24 is the next day's first), month 0 and day 0 count as 1; years outside of
 * 1970 to 9999 count as the nearest one inside. */
uint64_t calendar_to_seconds(const struct calendar *date);

#endif
