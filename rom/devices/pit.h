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
	uint8_t control; /* the last control word's lower six bits: access, mode, BCD */
	bool gate;
	bool loaded;  /* a count was written since the control word */
	bool fresh;   /* `reload` was written, and not only triggered again, since it was loaded */
	bool running; /* counting, not held by the gate and not waiting for a trigger */
	bool write_high, read_high; /* the high byte comes next */
	bool status_ready;          /* a latched status is read first */
	uint8_t low_byte;           /* written, waiting for the high one */
	uint8_t status;
	uint8_t latched; /* bytes of the latched count that are still to be read */
	uint16_t latch;  /* as it is read: in BCD where that is chosen */
	uint32_t reload; /* the count in use, 1 to 65,536 */
	uint32_t shown;  /* what the counter holds until it is loaded, and its output then */
	bool shown_output;
	uint64_t start;   /* tick at which the counter holds `reload`, or is loaded with it */
	uint64_t elapsed; /* not running: ticks counted until then */
	uint32_t next; /* written while counting, in use from the next trigger or takeover; or 0 */
	uint64_t next_start, takeover; /* periodic modes: `start` for it, and since which tick */
};

struct pit {
	struct pit_channel channels[PIT_CHANNELS];
	uint8_t speaker; /* port 0x61, bits 0 to 3 */
	uint64_t told;   /* tick up to which channel 0's rising edges were counted */
	uint32_t edges;  /* counted, and not yet given by pit_edges() */
};

/* now: nanoseconds. Channel 0 runs as a BIOS leaves it: mode 3, count 65,536. */
void pit_initialise(struct pit *pit, uint64_t now);

/* Rising edges of channel 0's output since the last call, at most UINT32_MAX of them. */
uint32_t pit_edges(struct pit *pit, uint64_t now);

/* When channel 0's output rises next; a time gone by if pit_edges() has not given that edge yet.
 * PIT_NEVER if nothing but a write will make it rise. */
uint64_t pit_next_edge(const struct pit *pit);

/* Whether channel 0's output stays low until it is programmed again or has counted to the end: what
 * it requested before is withdrawn. The low pulses of other modes are too short to count. */
bool pit_low(const struct pit *pit, uint64_t now);

/* Bytes of ports 0x40 to 0x43 and 0x61. */
uint8_t pit_read(struct pit *pit, uint16_t port, uint64_t now);
void pit_write(struct pit *pit, uint16_t port, uint8_t value, uint64_t now);

#endif
