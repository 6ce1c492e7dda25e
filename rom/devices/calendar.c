/* SPDX-License-Identifier: BSD-2-Clause */
#include "rom/devices/calendar.h"

#include "rom/devices/divide.h"

#define FIRST_YEAR  1970
#define LAST_YEAR   9999
#define DAY_SECONDS 86400
#define LAST_DAY    2932896 /* 9999-12-31 */

/* Days from the first of March of year 0 of the Gregorian calendar. Years that begin in March have
 * their leap day at the end, and months' lengths repeat every five (31, 30, 31, 30, 31). */
#define FOUR_CENTURIES 146097
#define EPOCH          719468 /* of 1970-01-01 */

static uint32_t days_of(uint32_t year, uint32_t month, uint32_t day)
{
	if (month < 3) {
		year--;
		month += 12;
	}
	return year * 365 + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + day -
	       1 - EPOCH;
}

static void date_of(uint32_t days, struct calendar *date)
{
	uint32_t since = days + EPOCH;
	uint32_t era = since / FOUR_CENTURIES, day = since % FOUR_CENTURIES;
	uint32_t year = (day - day / 1460 + day / 36524 - day / (FOUR_CENTURIES - 1)) / 365;
	uint32_t of_year = day - (365 * year + year / 4 - year / 100);
	uint32_t month = (5 * of_year + 2) / 153; /* from March */

	date->day = of_year - (153 * month + 2) / 5 + 1;
	date->month = month < 10 ? month + 3 : month - 9;
	date->year = era * 400 + year + (date->month < 3);
	date->weekday = (days + 4) % 7 + 1; /* 1970-01-01 was a Thursday */
}

void calendar_from_seconds(uint64_t seconds, struct calendar *date)
{
	uint32_t high, rest;
	uint64_t half_days = divide(seconds, DAY_SECONDS / 2, &rest);
	uint64_t days = divide(half_days, 2, &high);

	rest += high * (DAY_SECONDS / 2);
	if (days > LAST_DAY) {
		days = LAST_DAY;
		rest = DAY_SECONDS - 1;
	}
	date_of((uint32_t)days, date);
	date->hour = rest / 3600;
	date->minute = rest / 60 % 60;
	date->second = rest % 60;
}

uint64_t calendar_to_seconds(const struct calendar *date)
{
	uint32_t month = date->month ? date->month : 1, day = date->day ? date->day : 1;
	uint32_t year = date->year < FIRST_YEAR ? FIRST_YEAR : date->year;

	year += (month - 1) / 12;
	month = (month - 1) % 12 + 1;
	if (year > LAST_YEAR)
		year = LAST_YEAR;
	return (uint64_t)days_of(year, month, day) * DAY_SECONDS + date->hour * 3600 +
	       date->minute * 60 + date->second;
}
