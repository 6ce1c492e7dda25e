/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_DEVICES_PIT_H
#define ROM_DEVICES_PIT_H

/*
 * An 8254 interval timer: three channels, modes 0 to 5, with the PC's wiring: channel 0's output is
 * interrupt line 0, channel 1 refreshed memory, channel 2's gate and output are in port 0x61.
 * Source: Intel 8254 data sheet (231164-005).
 *
 * Time is a number of nanoseconds that never goes back. The channels count 105/88 MHz (1.19318...):
 * exactly 21 counts in 17,600 ns.
 */

#include <stdbool.h>
#include <stdint.h>

#define PIT_CHANNELS     3
#define PIT_PORT_DATA    0x40 /* channels 0, 1, 2 */
#define PIT_PORT_COMMAND 0x43
#define PIT_PORT_SPEAKER 0x61 /* gate 2, speaker; output 2, refresh */
#define PIT_NEVER        UINT64_MAX

struct pit_channel {
	uint8_t mode;   /* 0 to 5 */
	uint8_t access; /* 1 low byte, 2 high byte, 3 low then high */
	bool bcd;
	bool gate;
	bool null_count;   /* status bit 6: what was written is not yet in the counter */
	bool loaded;       /* a count was written since the mode */
	bool running;      /* counting has begun (modes 1 and 5: triggered) */
	bool write_high;   /* the high byte is expected next */
	bool read_high;    /* the high byte is read next */
	bool status_ready; /* a latched status is read first */
	uint8_t low_byte;  /* written, waiting for the high one */
	uint8_t status;
	uint8_t latched;     /* bytes of the latched count that are still to be read */
	uint16_t latch;      /* as read: BCD where bcd */
	uint32_t reload;     /* 1 to 65,536 (BCD: 10,000): the count in use */
	uint32_t next;       /* written while counting: used from the next period or trigger on */
	uint64_t start;      /* tick at which `reload` was in the counter */
	uint64_t held_ticks; /* while the gate holds: ticks counted until then */
};

struct pit {
	struct pit_channel channels[PIT_CHANNELS];
	bool speaker;   /* port 0x61 bit 1 */
	uint64_t edges; /* tick up to which channel 0's rising edges were told */
};

/* now: nanoseconds. Channel 0 runs as a BIOS leaves it: mode 3, count 65,536. */
void pit_initialise(struct pit *pit, uint64_t now);

/*
 * Rising edges of channel 0's output since the last call, at most UINT32_MAX of them. Every call of
 * pit_write() must follow one with the same time: what is written changes what was to come.
 */
uint32_t pit_edges(struct pit *pit, uint64_t now);

/* When channel 0's output rises next, after `now`; PIT_NEVER if nothing will make it rise. */
uint64_t pit_next_edge(const struct pit *pit, uint64_t now);

/* Channel 0's output. */
bool pit_output(const struct pit *pit, uint64_t now);

/* Bytes of ports 0x40 to 0x43 and 0x61. */
uint8_t pit_read(struct pit *pit, uint16_t port, uint64_t now);
void pit_write(struct pit *pit, uint16_t port, uint8_t value, uint64_t now);

#endif
