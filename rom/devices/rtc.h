/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_DEVICES_RTC_H
#define ROM_DEVICES_RTC_H

/*
 * An MC146818 real-time clock with 128 bytes of CMOS memory, ports 0x70 and 0x71; the century is in
 * byte 0x32, as in most PCs. Source: Motorola MC146818 data sheet (1984).
 *
 * The time of day is that of rtc_set_time(), and goes on with the nanoseconds of the callers, which
 * never go back. What the guest writes into the clock changes the guest's clock only.
 */

#include <stdbool.h>
#include <stdint.h>

#define RTC_PORT_INDEX 0x70
#define RTC_PORT_DATA  0x71
#define RTC_NEVER      UINT64_MAX

struct rtc {
	uint8_t index; /* bit 7 of port 0x70, the gate of NMI, is not kept */
	uint8_t memory[128];
	uint8_t weekday_shift; /* days between the date's weekday and the one that was written */
	uint64_t seconds;      /* since 1970, when the divider was 0 */
	uint64_t start;        /* nanoseconds: when the divider was `phase` */
	uint64_t phase;        /* the divider: 32,768 ticks a second */
	uint64_t told;         /* the tick up to which flags are right */
};

/* seconds: since 1970-01-01 00:00 UTC; nanoseconds of that second that are gone, below 10^9. */
void rtc_initialise(struct rtc *rtc, uint64_t seconds, uint32_t nanoseconds, uint64_t now);

/* The same, later: the wall clock was set. */
void rtc_set_time(struct rtc *rtc, uint64_t seconds, uint32_t nanoseconds, uint64_t now);

/* Brings the flags up to date. */
void rtc_advance(struct rtc *rtc, uint64_t now);

/* Whether the interrupt line (8) is high: IRQF of register C. Right after rtc_advance(). */
bool rtc_line(const struct rtc *rtc);

/* When the line may rise next: the next rtc_advance() is due. RTC_NEVER if it will not. */
uint64_t rtc_next_event(const struct rtc *rtc);

/* Bytes of ports 0x70 and 0x71. */
uint8_t rtc_read(struct rtc *rtc, uint16_t port, uint64_t now);
void rtc_write(struct rtc *rtc, uint16_t port, uint8_t value, uint64_t now);

#endif
