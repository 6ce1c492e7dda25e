/* SPDX-License-Identifier: BSD-2-Clause */

/* The clock, as the MC146818's data sheet describes it, and dates against the C library's. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "rom/devices/calendar.h"
#include "rom/devices/rtc.h"

enum { INDEX = 0x70, DATA = 0x71 };
enum {
	SECONDS,
	SECONDS_ALARM,
	MINUTES,
	MINUTES_ALARM,
	HOURS,
	HOURS_ALARM,
	WEEKDAY,
	DAY,
	MONTH,
	YEAR
};
enum { A = 10, B = 11, C = 12, D = 13, CENTURY = 0x32 };

#define SET      0x80
#define PERIODIC 0x40
#define ALARM    0x20
#define UPDATE   0x10
#define BINARY   0x04
#define HOURS_24 0x02
#define REQUEST  0x80
#define MS       UINT64_C(1000000)
#define SECOND   (1000 * MS)

/* 2024-02-28 23:59:50, a Wednesday. */
#define START UINT64_C(1709164790)

static struct rtc rtc;
static uint64_t now;

static uint8_t get(uint8_t index)
{
	rtc_write(&rtc, INDEX, index, now);
	return rtc_read(&rtc, DATA, now);
}

static void put(uint8_t index, uint8_t value)
{
	rtc_write(&rtc, INDEX, index, now);
	rtc_write(&rtc, DATA, value, now);
}

static int setup(void **state)
{
	(void)state;
	now = 5 * SECOND;
	rtc_initialise(&rtc, START, 0, now);
	return 0;
}

static void expect_time(uint8_t hours, uint8_t minutes, uint8_t seconds)
{
	assert_int_equal(get(HOURS), hours);
	assert_int_equal(get(MINUTES), minutes);
	assert_int_equal(get(SECONDS), seconds);
}

static void expect_date(uint8_t weekday, uint8_t day, uint8_t month, uint8_t year)
{
	assert_int_equal(get(WEEKDAY), weekday);
	assert_int_equal(get(DAY), day);
	assert_int_equal(get(MONTH), month);
	assert_int_equal(get(YEAR), year);
}

/* Time goes by, to an absolute time; the line as it is then. */
static bool line_at(uint64_t time)
{
	now = time;
	rtc_advance(&rtc, now);
	return rtc_line(&rtc);
}

static void time_of_day_in_bcd(void **state)
{
	(void)state;
	expect_time(0x23, 0x59, 0x50);
	expect_date(4, 0x28, 0x02, 0x24);
	assert_int_equal(get(CENTURY), 0x20);
	assert_int_equal(get(D), 0x80); /* battery and data are good */
}

static void time_goes_on(void **state)
{
	(void)state;
	now += 9999 * MS;
	expect_time(0x23, 0x59, 0x59);
	now += 2 * MS;
	expect_time(0, 0, 0);
	expect_date(5, 0x29, 0x02, 0x24);
	now += 86400 * SECOND;
	expect_date(6, 0x01, 0x03, 0x24);
}

static void a_part_of_a_second_is_kept(void **state)
{
	(void)state;
	rtc_initialise(&rtc, START, 600000000, now);
	now += 390 * MS;
	assert_int_equal(get(SECONDS), 0x50);
	now += 20 * MS;
	assert_int_equal(get(SECONDS), 0x51);
}

static void binary_and_twelve_hours(void **state)
{
	static const struct {
		uint32_t hour;
		uint8_t bcd, binary;
	} hours[] = {{0, 0x12, 12},    {1, 0x01, 1},     {9, 0x09, 9},     {11, 0x11, 11},
	             {12, 0x92, 0x8c}, {13, 0x81, 0x81}, {22, 0x90, 0x8a}, {23, 0x91, 0x8b}};

	(void)state;
	put(B, BINARY | HOURS_24);
	expect_time(23, 59, 50);
	expect_date(4, 28, 2, 24);
	assert_int_equal(get(CENTURY), 0x20);
	for (unsigned int i = 0; i < sizeof(hours) / sizeof(hours[0]); i++) {
		rtc_set_time(&rtc, hours[i].hour * 3600, 0, now);
		put(B, 0);
		assert_int_equal(get(HOURS), hours[i].bcd);
		put(HOURS, hours[i].bcd);
		put(B, HOURS_24 | BINARY);
		assert_int_equal(get(HOURS), hours[i].hour);
		put(B, BINARY);
		assert_int_equal(get(HOURS), hours[i].binary);
		put(HOURS, hours[i].binary);
		put(B, HOURS_24 | BINARY);
		assert_int_equal(get(HOURS), hours[i].hour);
	}
}

/* Linux 6.1 drivers/rtc/rtc-mc146818-lib.c, mc146818_set_time(). */
static void setting_the_time(void **state)
{
	uint8_t rate = get(A);

	(void)state;
	put(B, get(B) | SET);
	put(A, rate | 0x70); /* divider held in reset */
	put(YEAR, 0x31);
	put(MONTH, 0x12);
	put(DAY, 0x31);
	put(HOURS, 0x23);
	put(MINUTES, 0x59);
	put(SECONDS, 0x58);
	now += 100 * SECOND; /* nothing moves */
	expect_time(0x23, 0x59, 0x58);
	put(B, get(B) & ~SET);
	now += 100 * SECOND; /* the divider still stands */
	expect_time(0x23, 0x59, 0x58);
	put(A, rate);
	expect_time(0x23, 0x59, 0x58);
	now += 499 * MS; /* the first update comes half a second after the divider is let go */
	expect_time(0x23, 0x59, 0x58);
	now += 2 * MS;
	expect_time(0x23, 0x59, 0x59);
	now += SECOND;
	expect_time(0, 0, 0);
	expect_date(5, 0x01, 0x01, 0x32); /* 2032-01-01 is a Thursday */
}

static void a_single_register_can_be_set(void **state)
{
	(void)state;
	put(MINUTES, 0x30);
	expect_time(0x23, 0x30, 0x50);
	put(CENTURY, 0x19);
	put(YEAR, 0x99);
	assert_int_equal(get(CENTURY), 0x19);
	expect_date(4, 0x28, 0x02, 0x99); /* the weekday is a counter of its own */
	put(WEEKDAY, 2);
	assert_int_equal(get(WEEKDAY), 2);
	now += 86400 * SECOND;
	expect_date(3, 0x01, 0x03, 0x99);
}

static void set_holds_updates_back(void **state)
{
	(void)state;
	put(B, SET | HOURS_24);
	now += 5 * SECOND;
	expect_time(0x23, 0x59, 0x50);
	assert_int_equal(get(C) & UPDATE, 0);
	assert_int_equal(get(A) & 0x80, 0);
	put(B, HOURS_24);
	expect_time(0x23, 0x59, 0x50); /* goes on from there */
	now += SECOND;
	expect_time(0x23, 0x59, 0x51);
}

static void update_in_progress(void **state)
{
	(void)state;
	assert_int_equal(get(A), 0x26);
	now += 997 * MS;
	assert_int_equal(get(A) & 0x80, 0);
	now += 2 * MS; /* 244 us before an update of 1,984 us */
	assert_int_equal(get(A), 0xa6);
	assert_int_equal(get(SECONDS), 0x50);
	now += MS;
	assert_int_equal(get(A) & 0x80, 0);
	assert_int_equal(get(SECONDS), 0x51);
	put(A, 0xff); /* UIP is read-only */
	assert_int_equal(get(A), 0x7f);
}

static void update_interrupt(void **state)
{
	(void)state;
	assert_int_equal(rtc_next_event(&rtc), RTC_NEVER);
	put(B, HOURS_24 | UPDATE);
	assert_int_equal(rtc_next_event(&rtc), 6 * SECOND);
	assert_false(line_at(6 * SECOND - 1));
	assert_true(line_at(6 * SECOND));
	assert_int_equal(rtc_next_event(&rtc), RTC_NEVER); /* until it is acknowledged */
	assert_true(line_at(9 * SECOND));
	assert_int_equal(get(C) & ~PERIODIC, REQUEST | UPDATE);
	assert_false(rtc_line(&rtc));
	assert_int_equal(get(C), 0);
	assert_int_equal(rtc_next_event(&rtc), 10 * SECOND);
	put(B, HOURS_24 | UPDATE | SET); /* which clears UIE */
	assert_int_equal(get(B), HOURS_24 | SET);
	assert_int_equal(rtc_next_event(&rtc), RTC_NEVER);
}

static void flags_without_interrupt(void **state)
{
	(void)state;
	assert_false(line_at(6 * SECOND));
	assert_int_equal(get(C), UPDATE | PERIODIC);
	assert_int_equal(get(C), 0);
	now += 2 * SECOND;
	rtc_advance(&rtc, now);
	put(B, HOURS_24 | UPDATE); /* the flag is there already */
	assert_true(rtc_line(&rtc));
}

static void periodic_interrupt(void **state)
{
	/* Rates of the data sheet, in Hz, for RS 1 to 15 and 32,768 Hz. */
	static const uint32_t rates[] = {256, 128, 8192, 4096, 2048, 1024, 512, 256,
	                                 128, 64,  32,   16,   8,    4,    2};

	(void)state;
	put(B, HOURS_24 | PERIODIC);
	for (unsigned int i = 0; i < 15; i++) {
		uint32_t count = 0;
		uint64_t end = now + SECOND;

		put(A, (uint8_t)(0x20 | (i + 1)));
		get(C);
		while (rtc_next_event(&rtc) <= end) {
			assert_true(rtc_next_event(&rtc) > now);
			assert_true(line_at(rtc_next_event(&rtc)));
			assert_int_equal(get(C) & (REQUEST | PERIODIC), REQUEST | PERIODIC);
			count++;
		}
		assert_int_equal(count, rates[i]);
		line_at(end);
	}
	put(A, 0x20); /* none */
	get(C);
	assert_int_equal(rtc_next_event(&rtc), RTC_NEVER);
	now += SECOND;
	assert_int_equal(get(C) & PERIODIC, 0);
}

static void set_alarm(uint8_t hours, uint8_t minutes, uint8_t seconds)
{
	put(HOURS_ALARM, hours);
	put(MINUTES_ALARM, minutes);
	put(SECONDS_ALARM, seconds);
}

static void alarm_interrupt(void **state)
{
	(void)state;
	set_alarm(0, 0, 0x05); /* in 15 seconds */
	put(B, HOURS_24 | ALARM);
	for (unsigned int i = 1; i < 15; i++) {
		assert_int_equal(rtc_next_event(&rtc), (5 + i) * SECOND);
		assert_false(line_at((5 + i) * SECOND));
	}
	assert_true(line_at(20 * SECOND));
	assert_int_equal(get(C) & ~PERIODIC, REQUEST | ALARM | UPDATE);
	assert_false(line_at(20 * SECOND + 86399 * SECOND));
	assert_true(line_at(20 * SECOND + 86400 * SECOND));
}

static void alarm_while_nobody_looked(void **state)
{
	(void)state;
	set_alarm(0x12, 0x30, 0x15);
	put(B, HOURS_24 | ALARM);
	assert_true(line_at(90000 * SECOND));
	get(C);
	assert_true(line_at(now + UINT64_C(100000000) * SECOND));
	put(B, HOURS_24);
	get(C);
	set_alarm(0x24, 0x30, 0x15); /* never comes */
	put(B, HOURS_24 | ALARM);
	assert_false(line_at(now + UINT64_C(100000000) * SECOND));
}

static void alarm_before_midnight_seen_after_it(void **state)
{
	(void)state;
	set_alarm(0x23, 0x59, 0x58);
	put(B, HOURS_24 | ALARM);
	assert_false(line_at(12 * SECOND));
	assert_true(line_at(30 * SECOND));
	get(C);
	set_alarm(0x23, 0x59, 0x57);
	assert_false(line_at(40 * SECOND));
}

static void alarm_with_dont_cares(void **state)
{
	(void)state;
	set_alarm(0xff, 0xc0, 0x05); /* every minute */
	put(B, HOURS_24 | ALARM);
	assert_false(line_at(19 * SECOND));
	assert_true(line_at(20 * SECOND));
	get(C);
	assert_false(line_at(79 * SECOND));
	assert_true(line_at(80 * SECOND));
	get(C);
	set_alarm(0xff, 0xff, 0xff); /* every second */
	assert_true(line_at(81 * SECOND));
	get(C);
	assert_true(line_at(82 * SECOND));
}

static void alarm_in_twelve_hours(void **state)
{
	(void)state;
	put(B, ALARM);
	set_alarm(0x12, 0, 0); /* midnight */
	assert_false(line_at(14 * SECOND));
	assert_true(line_at(15 * SECOND));
	get(C);
	set_alarm(0x92, 0, 0); /* noon */
	assert_false(line_at(15 * SECOND + 43199 * SECOND));
	assert_true(line_at(15 * SECOND + 43200 * SECOND));
}

static void periodic_flag_comes_with_its_period(void **state)
{
	(void)state;
	put(A, 0x2f); /* 500 ms */
	get(C);
	now += 499 * MS;
	assert_int_equal(get(C) & PERIODIC, 0);
	now += 2 * MS;
	assert_int_equal(get(C) & PERIODIC, PERIODIC);
	now += 500 * MS;
	put(A, 0x20); /* what came before another rate was set has come */
	assert_int_equal(get(C) & PERIODIC, PERIODIC);
}

static void a_divider_that_is_held_and_let_go(void **state)
{
	(void)state;
	put(B, HOURS_24 | UPDATE);
	now += 5600 * MS;
	put(A, 0x66);
	get(C);
	now += 100 * SECOND;
	expect_time(0x23, 0x59, 0x55);
	put(A, 0x26);
	expect_time(0x23, 0x59, 0x55);
	assert_int_equal(rtc_next_event(&rtc), now + 500 * MS);
	assert_true(line_at(now + 500 * MS));
	expect_time(0x23, 0x59, 0x56);
	get(C);
	assert_true(line_at(now + SECOND));
	expect_time(0x23, 0x59, 0x57);
}

static void bytes_mean_what_the_format_says_when_set_ends(void **state)
{
	(void)state;
	put(B, SET | HOURS_24);
	put(HOURS, 0x11);
	put(MINUTES, 0x22);
	put(B, BINARY | HOURS_24);
	assert_int_equal(get(HOURS), 17);
	assert_int_equal(get(MINUTES), 34 + 1); /* 50 in BCD are 80 seconds */
	assert_int_equal(get(B), BINARY | HOURS_24);
}

static void a_held_divider_keeps_quiet(void **state)
{
	(void)state;
	put(B, HOURS_24 | UPDATE | PERIODIC | ALARM);
	put(A, 0x66);
	get(C);
	assert_int_equal(rtc_next_event(&rtc), RTC_NEVER);
	assert_false(line_at(1000 * SECOND));
	expect_time(0x23, 0x59, 0x50);
}

static void memory(void **state)
{
	(void)state;
	assert_int_equal(get(0x15) | get(0x16) << 8, 640);
	for (unsigned int i = 0x0e; i < 0x80; i++)
		if (i != CENTURY)
			put((uint8_t)i, (uint8_t)(i ^ 0x5a));
	for (unsigned int i = 0x0e; i < 0x80; i++)
		if (i != CENTURY)
			assert_int_equal(get((uint8_t)i), i ^ 0x5a);
	assert_int_equal(get(0x80 | 0x0e), 0x0e ^ 0x5a); /* bit 7 is NMI's */
	put(C, 0xff);
	put(D, 0);
	assert_int_equal(get(C), 0);
	assert_int_equal(get(D), 0x80);
	assert_int_equal(rtc_read(&rtc, INDEX, now), 0xff);
}

static void any_date_may_be_written(void **state)
{
	(void)state;
	put(B, SET | HOURS_24 | BINARY);
	for (unsigned int i = 0; i < 10; i++)
		put((uint8_t)i, 0xff);
	put(CENTURY, 0xff);
	put(B, HOURS_24 | BINARY);
	now += 10 * SECOND;
	assert_in_range(get(MONTH), 1, 12);
	assert_in_range(get(DAY), 1, 31);
	assert_in_range(get(HOURS), 0, 23);
	put(CENTURY, 0x20);
	put(YEAR, 23);
	put(MONTH, 2);
	put(DAY, 30); /* March 2 */
	assert_int_equal(get(MONTH), 3);
	assert_int_equal(get(DAY), 2);
}

/* --- dates ------------------------------------------------------------------------------------ */

static void expect_like_library(uint64_t seconds)
{
	time_t time = (time_t)seconds;
	struct calendar date;
	struct tm tm;

	calendar_from_seconds(seconds, &date);
	assert_non_null(gmtime_r(&time, &tm));
	assert_int_equal(date.year, tm.tm_year + 1900);
	assert_int_equal(date.month, tm.tm_mon + 1);
	assert_int_equal(date.day, tm.tm_mday);
	assert_int_equal(date.hour, tm.tm_hour);
	assert_int_equal(date.minute, tm.tm_min);
	assert_int_equal(date.second, tm.tm_sec);
	assert_int_equal(date.weekday, tm.tm_wday + 1);
	assert_int_equal(calendar_to_seconds(&date), seconds);
}

static void every_day_of_a_thousand_years(void **state)
{
	(void)state;
	for (uint64_t day = 0; day < 366000; day++) {
		expect_like_library(day * 86400);
		expect_like_library(day * 86400 + 86399);
	}
}

static void last_dates(void **state)
{
	struct calendar date = {
	    .year = 9999, .month = 12, .day = 31, .hour = 23, .minute = 59, .second = 59};
	uint64_t last = calendar_to_seconds(&date);

	(void)state;
	expect_like_library(last);
	calendar_from_seconds(last + 1, &date);
	assert_int_equal(calendar_to_seconds(&date), last);
	calendar_from_seconds(UINT64_MAX, &date);
	assert_int_equal(calendar_to_seconds(&date), last);
	date = (struct calendar){.year = 1, .month = 1, .day = 1};
	assert_int_equal(calendar_to_seconds(&date), 0);
	date = (struct calendar){.year = 1970, .month = 0, .day = 2};
	assert_int_equal(calendar_to_seconds(&date), 86400);
	date = (struct calendar){.year = 1970, .month = 14, .day = 0, .hour = 24};
	assert_int_equal(calendar_to_seconds(&date), (365 + 31 + 1) * 86400);
}

#define T(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(time_of_day_in_bcd),
	    T(time_goes_on),
	    T(a_part_of_a_second_is_kept),
	    T(binary_and_twelve_hours),
	    T(setting_the_time),
	    T(a_single_register_can_be_set),
	    T(set_holds_updates_back),
	    T(update_in_progress),
	    T(update_interrupt),
	    T(flags_without_interrupt),
	    T(periodic_interrupt),
	    T(alarm_interrupt),
	    T(alarm_while_nobody_looked),
	    T(alarm_before_midnight_seen_after_it),
	    T(alarm_with_dont_cares),
	    T(alarm_in_twelve_hours),
	    T(periodic_flag_comes_with_its_period),
	    T(a_divider_that_is_held_and_let_go),
	    T(bytes_mean_what_the_format_says_when_set_ends),
	    T(a_held_divider_keeps_quiet),
	    T(memory),
	    T(any_date_may_be_written),
	    T(every_day_of_a_thousand_years),
	    T(last_dates),
	};

	return cmocka_run_group_tests_name("rtc", tests, NULL, NULL);
}
