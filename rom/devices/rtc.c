/* SPDX-License-Identifier: BSD-2-Clause */
#include "rom/devices/rtc.h"

#include "rom/devices/calendar.h"
#include "rom/devices/divide.h"

/*
 * Source: Motorola MC146818 data sheet. Time is the divider's: 32,768 ticks a second, counted from
 * `start`. The time of day is made from it when it is read.
 */

#define TICKS_SHIFT 15
#define SECOND      (1u << TICKS_SHIFT)
/* UIP is on from 244 us before an update to its end, 1,984 us after its begin. */
#define UPDATE_TICKS 73

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
	YEAR,
	REGISTER_A,
	REGISTER_B,
	REGISTER_C,
	REGISTER_D,
	MEMORY_LOW = 0x15, /* KB below 640, a PC's BIOS */
	CENTURY = 0x32     /* as BIOSes have it */
};

#define A_UPDATE        0x80 /* UIP */
#define A_DIVIDER_RESET 0x60 /* DV2 and DV1: the divider is held at 0 */
#define A_NORMAL        0x26 /* 32,768 Hz, and periodic interrupts every 976 us */
#define B_SET           0x80
#define B_PERIODIC      0x40
#define B_ALARM         0x20
#define B_UPDATE        0x10
#define B_BINARY        0x04
#define B_24_HOURS      0x02
#define C_REQUEST       0x80
#define D_VALID         0x80
#define HOURS_PM        0x80
#define ALARM_ANY       0xc0
#define DAY_IN_SECONDS  86400

static bool divider_held(const struct rtc *rtc)
{
	return (rtc->memory[REGISTER_A] & A_DIVIDER_RESET) == A_DIVIDER_RESET;
}

/* 32,768 / 10^9 is 64 / (3,125 * 625). */
static uint64_t ticks_in(uint64_t nanoseconds)
{
	uint32_t rest;
	uint64_t seconds = divide(divide(nanoseconds >> 9, 3125, &rest), 625, &rest);
	uint32_t within = (uint32_t)(nanoseconds - seconds * 1000000000);

	return (seconds << TICKS_SHIFT) +
	       divide(divide((uint64_t)within << 6, 3125, &rest), 625, &rest);
}

/* The first nanosecond of a tick. */
static uint64_t nanoseconds_in(uint64_t ticks)
{
	uint64_t within = (ticks & (SECOND - 1)) * 1953125 + 63;

	return (ticks >> TICKS_SHIFT) * 1000000000 + (within >> 6);
}

static uint64_t ticks_at(const struct rtc *rtc, uint64_t now)
{
	if (divider_held(rtc) || now < rtc->start)
		return rtc->phase;
	return rtc->phase + ticks_in(now - rtc->start);
}

static uint8_t encode(const struct rtc *rtc, uint32_t value)
{
	if (rtc->memory[REGISTER_B] & B_BINARY)
		return (uint8_t)value;
	return (uint8_t)(value / 10 << 4 | value % 10);
}

static uint32_t decode(const struct rtc *rtc, uint8_t value)
{
	if (rtc->memory[REGISTER_B] & B_BINARY)
		return value;
	return (value >> 4) * 10u + (value & 15u);
}

static uint8_t encode_hour(const struct rtc *rtc, uint32_t hour)
{
	if (rtc->memory[REGISTER_B] & B_24_HOURS)
		return encode(rtc, hour);
	return encode(rtc, (hour + 11) % 12 + 1) | (hour >= 12 ? HOURS_PM : 0);
}

static uint32_t decode_hour(const struct rtc *rtc, uint8_t value)
{
	if (rtc->memory[REGISTER_B] & B_24_HOURS)
		return decode(rtc, value);
	return decode(rtc, value & 0x7f) % 12 + (value & HOURS_PM ? 12 : 0);
}

static uint64_t seconds_at(const struct rtc *rtc, uint64_t ticks)
{
	return rtc->seconds + (ticks >> TICKS_SHIFT);
}

/* Brings the registers of time and date up to the tick; while SET is on they are the guest's. */
static void update(struct rtc *rtc, uint64_t ticks)
{
	struct calendar date;

	if (rtc->memory[REGISTER_B] & B_SET)
		return;
	calendar_from_seconds(seconds_at(rtc, ticks), &date);
	rtc->memory[SECONDS] = encode(rtc, date.second);
	rtc->memory[MINUTES] = encode(rtc, date.minute);
	rtc->memory[HOURS] = encode_hour(rtc, date.hour);
	rtc->memory[WEEKDAY] = encode(rtc, (date.weekday - 1 + rtc->weekday_shift) % 7 + 1);
	rtc->memory[DAY] = encode(rtc, date.day);
	rtc->memory[MONTH] = encode(rtc, date.month);
	rtc->memory[YEAR] = encode(rtc, date.year % 100);
	/* The century is the BIOS's byte, in BCD whatever the mode. */
	rtc->memory[CENTURY] = (uint8_t)(date.year / 1000 << 4 | date.year / 100 % 10);
}

/* The time is what the guest's registers say, from this tick on. */
static void take_registers(struct rtc *rtc, uint64_t ticks)
{
	uint8_t century = rtc->memory[CENTURY];
	struct calendar date = {
	    .year = ((century >> 4) * 10u + (century & 15u)) * 100 + decode(rtc, rtc->memory[YEAR]),
	    .month = decode(rtc, rtc->memory[MONTH]),
	    .day = decode(rtc, rtc->memory[DAY]),
	    .hour = decode_hour(rtc, rtc->memory[HOURS]),
	    .minute = decode(rtc, rtc->memory[MINUTES]),
	    .second = decode(rtc, rtc->memory[SECONDS]),
	};
	uint64_t seconds = calendar_to_seconds(&date);

	rtc->seconds = seconds - (ticks >> TICKS_SHIFT);
	calendar_from_seconds(seconds, &date);
	rtc->weekday_shift = (uint8_t)((decode(rtc, rtc->memory[WEEKDAY]) + 7 - date.weekday) % 7);
}

/* Whether an alarm register lets this value through. */
static bool alarm_byte(uint8_t alarm, uint8_t value)
{
	return (alarm & ALARM_ANY) == ALARM_ANY || alarm == value;
}

static bool alarm_at(const struct rtc *rtc, uint32_t second_of_day)
{
	return alarm_byte(rtc->memory[SECONDS_ALARM], encode(rtc, second_of_day % 60)) &&
	       alarm_byte(rtc->memory[MINUTES_ALARM], encode(rtc, second_of_day / 60 % 60)) &&
	       alarm_byte(rtc->memory[HOURS_ALARM], encode_hour(rtc, second_of_day / 3600));
}

/* Whether the alarm went off at an update in (told, ticks]; each alarm does within a day. */
static bool alarm_passed(const struct rtc *rtc, uint64_t ticks)
{
	uint64_t count = (ticks >> TICKS_SHIFT) - (rtc->told >> TICKS_SHIFT);
	uint32_t half, second;

	if (count > DAY_IN_SECONDS)
		count = DAY_IN_SECONDS;
	divide(divide(seconds_at(rtc, ticks), 2, &half), DAY_IN_SECONDS / 2, &second);
	second = second * 2 + half;
	for (; count; count--) {
		if (alarm_at(rtc, second))
			return true;
		second = second ? second - 1 : DAY_IN_SECONDS - 1;
	}
	return false;
}

/* The periodic interrupt's ticks as a power of two, or 0 if it is off. */
static unsigned int period_shift(const struct rtc *rtc)
{
	unsigned int rate = rtc->memory[REGISTER_A] & 15;

	return rate == 0 ? 0 : rate < 3 ? rate + 6 : rate - 1;
}

static void advance_to(struct rtc *rtc, uint64_t ticks)
{
	unsigned int shift = period_shift(rtc);

	if (ticks <= rtc->told)
		return;
	if (shift && ticks >> shift != rtc->told >> shift)
		rtc->memory[REGISTER_C] |= B_PERIODIC;
	if (ticks >> TICKS_SHIFT != rtc->told >> TICKS_SHIFT &&
	    !(rtc->memory[REGISTER_B] & B_SET)) {
		rtc->memory[REGISTER_C] |= B_UPDATE;
		if (!(rtc->memory[REGISTER_C] & B_ALARM) && alarm_passed(rtc, ticks))
			rtc->memory[REGISTER_C] |= B_ALARM;
	}
	rtc->told = ticks;
}

void rtc_advance(struct rtc *rtc, uint64_t now)
{
	advance_to(rtc, ticks_at(rtc, now));
}

/* Flags of register C whose interrupt is enabled; they have the same places in B. */
static uint8_t enabled_flags(const struct rtc *rtc)
{
	return rtc->memory[REGISTER_C] & rtc->memory[REGISTER_B] &
	       (B_PERIODIC | B_ALARM | B_UPDATE);
}

bool rtc_line(const struct rtc *rtc)
{
	return enabled_flags(rtc);
}

uint64_t rtc_next_event(const struct rtc *rtc)
{
	uint8_t enabled = rtc->memory[REGISTER_B];
	unsigned int shift = period_shift(rtc);
	uint64_t next = UINT64_MAX;

	if (rtc_line(rtc) || divider_held(rtc))
		return RTC_NEVER;
	/* An alarm is looked for every second. */
	if (enabled & (B_ALARM | B_UPDATE) && !(enabled & B_SET))
		next = ((rtc->told >> TICKS_SHIFT) + 1) << TICKS_SHIFT;
	if (enabled & B_PERIODIC && shift && ((rtc->told >> shift) + 1) << shift < next)
		next = ((rtc->told >> shift) + 1) << shift;
	return next == UINT64_MAX ? RTC_NEVER : rtc->start + nanoseconds_in(next - rtc->phase);
}

static uint8_t read_data(struct rtc *rtc, uint64_t ticks)
{
	uint8_t value;

	update(rtc, ticks);
	value = rtc->memory[rtc->index];
	switch (rtc->index) {
	case REGISTER_A:
		if (!(rtc->memory[REGISTER_B] & B_SET) && !divider_held(rtc) &&
		    (ticks & (SECOND - 1)) >= SECOND - UPDATE_TICKS)
			value |= A_UPDATE;
		break;
	case REGISTER_C:
		if (enabled_flags(rtc))
			value |= C_REQUEST;
		rtc->memory[REGISTER_C] = 0;
		break;
	default: break;
	}
	return value;
}

/* A divider that is let go has its first update half a second later. */
static void write_a(struct rtc *rtc, uint8_t value, uint64_t ticks, uint64_t now)
{
	bool held = divider_held(rtc);

	rtc->memory[REGISTER_A] = value & (uint8_t)~A_UPDATE;
	if (held == divider_held(rtc))
		return;
	if (!held) {
		rtc->seconds = seconds_at(rtc, ticks);
		rtc->phase = 0;
	} else {
		rtc->phase = SECOND / 2;
	}
	rtc->start = now;
	rtc->told = rtc->phase;
}

static void write_b(struct rtc *rtc, uint8_t value, uint64_t ticks)
{
	bool was_set = rtc->memory[REGISTER_B] & B_SET;

	if (value & B_SET)
		value &= (uint8_t)~B_UPDATE;
	rtc->memory[REGISTER_B] = value;
	/* The registers' bytes mean what they mean in the format chosen now. */
	if (was_set && !(value & B_SET))
		take_registers(rtc, ticks);
}

static void write_data(struct rtc *rtc, uint8_t value, uint64_t ticks, uint64_t now)
{
	update(rtc, ticks);
	switch (rtc->index) {
	case REGISTER_A: write_a(rtc, value, ticks, now); break;
	case REGISTER_B: write_b(rtc, value, ticks); break;
	case REGISTER_C:
	case REGISTER_D: break; /* read-only */
	case SECONDS:
	case MINUTES:
	case HOURS:
	case WEEKDAY:
	case DAY:
	case MONTH:
	case YEAR:
	case CENTURY:
		rtc->memory[rtc->index] = value;
		if (!(rtc->memory[REGISTER_B] & B_SET))
			take_registers(rtc, ticks);
		break;
	default: rtc->memory[rtc->index] = value; break;
	}
}

uint8_t rtc_read(struct rtc *rtc, uint16_t port, uint64_t now)
{
	uint64_t ticks = ticks_at(rtc, now);

	if (!(port & 1))
		return 0xff; /* write-only */
	advance_to(rtc, ticks);
	return read_data(rtc, ticks);
}

void rtc_write(struct rtc *rtc, uint16_t port, uint8_t value, uint64_t now)
{
	uint64_t ticks = ticks_at(rtc, now);

	advance_to(rtc, ticks);
	if (!(port & 1))
		rtc->index = value & 0x7f;
	else
		write_data(rtc, value, ticks, now);
}

void rtc_set_time(struct rtc *rtc, uint64_t seconds, uint32_t nanoseconds, uint64_t now)
{
	rtc->seconds = seconds;
	rtc->start = now;
	rtc->phase = ticks_in(nanoseconds);
	rtc->told = rtc->phase;
}

void rtc_initialise(struct rtc *rtc, uint64_t seconds, uint32_t nanoseconds, uint64_t now)
{
	*rtc = (struct rtc){0};
	rtc->memory[REGISTER_A] = A_NORMAL;
	rtc->memory[REGISTER_B] = B_24_HOURS;
	rtc->memory[REGISTER_D] = D_VALID;
	rtc->memory[MEMORY_LOW] = 640 & 0xff;
	rtc->memory[MEMORY_LOW + 1] = 640 >> 8;
	rtc_set_time(rtc, seconds, nanoseconds, now);
}
