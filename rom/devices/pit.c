/* SPDX-License-Identifier: BSD-2-Clause */
#include "rom/devices/pit.h"

#include "rom/devices/divide.h"

/*
 * Source: Intel 8254 data sheet. A tick is one period of the channels' clock. Nothing is counted as
 * time goes by: a channel knows the tick at which it was loaded, and the rest follows from that.
 */

/* 14.31818 MHz / 12, exactly: ticks in so many nanoseconds. */
#define TICKS       21
#define NANOSECONDS 17600
/* Ticks begin here, so that the start of a period that is going on is never below 0. */
#define FIRST_TICK 0x20000

#define CONTROL_BCD      0x01
#define ACCESS_LATCH     0
#define ACCESS_LOW       1
#define ACCESS_HIGH      2
#define ACCESS_BOTH      3
#define SELECT_READ_BACK 3
#define READ_BACK_COUNT  0x20 /* low: latch it */
#define READ_BACK_STATUS 0x10
#define STATUS_OUTPUT    0x80
#define STATUS_NULL      0x40 /* what was written is not yet in the counter */

/* Port 0x61. Source: Intel 82371AB, section 4.2.6 (NMI status and control). */
#define SPEAKER_GATE     0x01
#define SPEAKER_WRITABLE 0x0f
#define SPEAKER_REFRESH  0x10
#define SPEAKER_OUTPUT   0x20
#define REFRESH_TICKS    18 /* channel 1 as a BIOS sets it: a refresh in 15 us */

enum mode {
	TERMINAL_COUNT,
	ONE_SHOT,
	RATE_GENERATOR,
	SQUARE_WAVE,
	SOFTWARE_STROBE,
	HARDWARE_STROBE
};

static uint64_t to_ticks(uint64_t nanoseconds)
{
	uint32_t rest;
	uint64_t groups = divide(nanoseconds, NANOSECONDS, &rest);

	return FIRST_TICK + groups * TICKS + rest * TICKS / NANOSECONDS;
}

/* The first nanosecond of a tick, from FIRST_TICK on. */
static uint64_t to_nanoseconds(uint64_t tick)
{
	uint32_t rest;
	uint64_t groups = divide(tick - FIRST_TICK, TICKS, &rest);

	return groups * NANOSECONDS + (rest * NANOSECONDS + TICKS - 1) / TICKS;
}

static enum mode mode_of(const struct pit_channel *channel)
{
	unsigned int mode = channel->control >> 1 & 7;

	return (enum mode)(mode > HARDWARE_STROBE ? mode & 3 : mode);
}

static unsigned int access_of(const struct pit_channel *channel)
{
	return channel->control >> 4 & 3;
}

static bool periodic(const struct pit_channel *channel)
{
	enum mode mode = mode_of(channel);

	return mode == RATE_GENERATOR || mode == SQUARE_WAVE;
}

/* A gate that rises starts these again. */
static bool triggered(const struct pit_channel *channel)
{
	enum mode mode = mode_of(channel);

	return mode == ONE_SHOT || mode == HARDWARE_STROBE;
}

/* The number of counts from one state of the counter back to the same one. */
static uint32_t modulus(const struct pit_channel *channel)
{
	return channel->control & CONTROL_BCD ? 10000 : 0x10000;
}

/* Ticks counted since the count was loaded; a count that is loaded at the next tick counts as it.
 */
static uint64_t elapsed(const struct pit_channel *channel, uint64_t tick)
{
	if (!channel->running)
		return channel->elapsed;
	return tick > channel->start ? tick - channel->start : 0;
}

static uint32_t remainder_of(uint64_t dividend, uint32_t divisor)
{
	uint32_t rest;

	divide(dividend, divisor, &rest);
	return rest;
}

/* How many ticks of a square wave's period are high: half of them, and the odd one. */
static uint32_t high_ticks(uint32_t period)
{
	return (period + 1) / 2;
}

/* A square wave's counter goes by twos: odd counts begin at one less, and show 0 once when high. */
static uint32_t square_wave_count(uint32_t period, uint32_t phase)
{
	uint32_t high = high_ticks(period);

	return (period & ~1u) - 2 * (phase < high ? phase : phase - high);
}

/* Whether the counter is not yet what the programming says: it waits for a count, for the tick that
 * loads it, or for its trigger. Then it shows what it did before. */
static bool waits(const struct pit_channel *channel, uint64_t tick)
{
	return !channel->loaded || tick < channel->start ||
	       (!channel->running && triggered(channel));
}

static uint32_t count(const struct pit_channel *channel, uint64_t tick)
{
	uint64_t gone = elapsed(channel, tick);

	if (waits(channel, tick))
		return channel->shown % modulus(channel);
	if (mode_of(channel) == RATE_GENERATOR)
		return (channel->reload - remainder_of(gone, channel->reload)) % modulus(channel);
	if (mode_of(channel) == SQUARE_WAVE)
		return square_wave_count(channel->reload, remainder_of(gone, channel->reload)) %
		       modulus(channel);
	return (channel->reload + modulus(channel) - remainder_of(gone, modulus(channel))) %
	       modulus(channel);
}

static bool output(const struct pit_channel *channel, uint64_t tick)
{
	uint64_t gone = elapsed(channel, tick);

	if (waits(channel, tick))
		return channel->shown_output;
	if (periodic(channel) && !channel->running)
		return true;
	switch (mode_of(channel)) {
	case TERMINAL_COUNT:
	case ONE_SHOT: return gone >= channel->reload;
	case RATE_GENERATOR:
		return channel->reload == 1 ||
		       remainder_of(gone, channel->reload) != channel->reload - 1;
	case SQUARE_WAVE: return remainder_of(gone, channel->reload) < high_ticks(channel->reload);
	default: return gone != channel->reload;
	}
}

/* Puts a count that waited for its takeover to use, if its time has come. */
static void settle(struct pit_channel *channel, uint64_t tick)
{
	if (!channel->next || !channel->running || !periodic(channel) || tick < channel->takeover)
		return;
	channel->reload = channel->next;
	channel->start = channel->next_start;
	channel->next = 0;
}

/* Periods completed up to a tick. A period of 1 is not allowed, and does nothing. */
static uint64_t periods(const struct pit_channel *channel, uint64_t tick)
{
	uint32_t rest;

	return channel->reload > 1 ? divide(elapsed(channel, tick), channel->reload, &rest) : 0;
}

/* The tick at which a count that is used once raises the output. */
static uint64_t single_edge(const struct pit_channel *channel)
{
	enum mode mode = mode_of(channel);

	return channel->start + channel->reload +
	       (mode == SOFTWARE_STROBE || mode == HARDWARE_STROBE);
}

/* A strobe that a new count cut short ends when that is loaded. */
static bool rises_when_loaded(const struct pit_channel *channel)
{
	return mode_of(channel) == SOFTWARE_STROBE && !channel->shown_output;
}

/* Rising edges after tick `from`, up to and with `to`, while the count stays the same. */
static uint64_t edges_of_count(const struct pit_channel *channel, uint64_t from, uint64_t to)
{
	if (!channel->loaded || !channel->running || to <= from)
		return 0;
	if (periodic(channel))
		return periods(channel, to) - periods(channel, from);
	return (single_edge(channel) > from && single_edge(channel) <= to) +
	       (rises_when_loaded(channel) && channel->start > from && channel->start <= to);
}

static uint64_t edges(const struct pit_channel *channel, uint64_t from, uint64_t to)
{
	struct pit_channel later = *channel;
	uint64_t first;

	settle(&later, to);
	if (later.start == channel->start && later.reload == channel->reload)
		return edges_of_count(channel, from, to);
	first = edges_of_count(channel, from, channel->takeover);
	return first +
	       edges_of_count(&later, from > channel->takeover ? from : channel->takeover, to);
}

/* The first edge after `from` while the count stays the same; PIT_NEVER if there is none. */
static uint64_t next_edge(const struct pit_channel *channel, uint64_t from)
{
	if (!channel->loaded || !channel->running)
		return PIT_NEVER;
	if (periodic(channel))
		return channel->reload > 1
		           ? channel->start + (periods(channel, from) + 1) * channel->reload
		           : PIT_NEVER;
	if (rises_when_loaded(channel) && channel->start > from)
		return channel->start;
	return single_edge(channel) > from ? single_edge(channel) : PIT_NEVER;
}

uint64_t pit_next_edge(const struct pit *pit)
{
	struct pit_channel channel = pit->channels[0];
	uint64_t edge;

	if (pit->edges)
		return 0;
	settle(&channel, pit->told);
	edge = next_edge(&channel, pit->told);
	if (channel.next && periodic(&channel) && edge > channel.takeover) {
		uint64_t takeover = channel.takeover;

		settle(&channel, takeover);
		edge = next_edge(&channel, takeover);
	}
	return edge == PIT_NEVER ? PIT_NEVER : to_nanoseconds(edge);
}

/* Counts channel 0's edges up to a tick. */
static void count_edges(struct pit *pit, uint64_t tick)
{
	uint64_t found;

	if (tick <= pit->told)
		return;
	found = pit->edges + edges(&pit->channels[0], pit->told, tick);
	pit->edges = found > UINT32_MAX ? UINT32_MAX : (uint32_t)found;
	pit->told = tick;
	settle(&pit->channels[0], tick);
}

uint32_t pit_edges(struct pit *pit, uint64_t now)
{
	uint32_t found;

	count_edges(pit, to_ticks(now));
	found = pit->edges;
	pit->edges = 0;
	return found;
}

bool pit_low(const struct pit *pit, uint64_t now)
{
	return mode_of(&pit->channels[0]) == TERMINAL_COUNT &&
	       !output(&pit->channels[0], to_ticks(now));
}

/* Keeps what the counter shows, and what its output is, for as long as it waits. */
static void show(struct pit_channel *channel, uint64_t tick)
{
	channel->shown = count(channel, tick);
	channel->shown_output = output(channel, tick);
}

/* Stops a channel where it is. */
static void stop(struct pit_channel *channel, uint64_t tick)
{
	show(channel, tick);
	channel->start = tick;
	channel->elapsed = 0;
	channel->next = 0;
	channel->loaded = false;
	channel->running = false;
}

/* A counter that goes on until its period, or its half of a square wave, ends. */
static void load_later(struct pit_channel *channel, uint32_t value, uint64_t tick)
{
	uint32_t phase = remainder_of(elapsed(channel, tick), channel->reload);
	uint32_t high = high_ticks(channel->reload);
	uint64_t period = tick - phase;

	channel->next = value;
	channel->next_start = channel->takeover = period + channel->reload;
	if (mode_of(channel) == SQUARE_WAVE && phase < high && high < channel->reload) {
		channel->takeover = period + high;
		channel->next_start = channel->takeover - high_ticks(value);
	}
}

/* A whole count was written. The counter gets it at the next tick, unless the mode says later. */
static void load(struct pit_channel *channel, uint32_t value, uint64_t tick)
{
	bool loading = channel->loaded && tick < channel->start;
	bool waits = triggered(channel) || (periodic(channel) && channel->loaded);

	if (waits && !loading) {
		channel->next = value;
		channel->loaded = true;
		if (periodic(channel) && channel->running)
			load_later(channel, value, tick);
		return;
	}
	show(channel, tick);
	if (mode_of(channel) == TERMINAL_COUNT)
		channel->shown_output = false;
	channel->reload = value;
	channel->next = 0;
	channel->start = tick + 1;
	channel->elapsed = 0;
	channel->loaded = channel->fresh = true;
	channel->running = channel->gate || triggered(channel);
}

/* The number of ticks that a written count means. */
static uint32_t to_count(const struct pit_channel *channel, uint32_t written)
{
	uint32_t value = written;

	if (channel->control & CONTROL_BCD)
		value = (written >> 12) * 1000 + (written >> 8 & 15) * 100 +
		        (written >> 4 & 15) * 10 + (written & 15);
	return value ? value : modulus(channel);
}

/* A count as it is read. */
static uint16_t from_count(const struct pit_channel *channel, uint32_t value)
{
	if (channel->control & CONTROL_BCD)
		value =
		    value / 1000 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10;
	return (uint16_t)value;
}

static void write_count(struct pit_channel *channel, uint8_t value, uint64_t tick)
{
	switch (access_of(channel)) {
	case ACCESS_LOW: load(channel, to_count(channel, value), tick); break;
	case ACCESS_HIGH: load(channel, to_count(channel, (uint32_t)value << 8), tick); break;
	default:
		if (channel->write_high) {
			uint32_t whole = (uint32_t)value << 8 | channel->low_byte;

			load(channel, to_count(channel, whole), tick);
		} else if (mode_of(channel) == TERMINAL_COUNT) {
			stop(channel, tick); /* the first of two bytes stops it */
			channel->shown_output = false;
		}
		channel->low_byte = value;
		channel->write_high = !channel->write_high;
	}
}

static void latch_count(struct pit_channel *channel, uint64_t tick)
{
	if (channel->latched)
		return;
	channel->latch = from_count(channel, count(channel, tick));
	channel->latched = access_of(channel) == ACCESS_BOTH ? 2 : 1;
}

static void latch_status(struct pit_channel *channel, uint64_t tick)
{
	if (channel->status_ready)
		return;
	channel->status = channel->control;
	if (output(channel, tick))
		channel->status |= STATUS_OUTPUT;
	if (!channel->loaded || channel->next || (channel->fresh && tick < channel->start))
		channel->status |= STATUS_NULL;
	channel->status_ready = true;
}

static void write_read_back(struct pit *pit, uint8_t value, uint64_t tick)
{
	for (unsigned int i = 0; i < PIT_CHANNELS; i++) {
		if (!(value & 2u << i))
			continue;
		if (!(value & READ_BACK_COUNT))
			latch_count(&pit->channels[i], tick);
		if (!(value & READ_BACK_STATUS))
			latch_status(&pit->channels[i], tick);
	}
}

static void write_command(struct pit *pit, uint8_t value, uint64_t tick)
{
	struct pit_channel *channel = &pit->channels[value >> 6 & 3];

	if (value >> 6 == SELECT_READ_BACK) {
		write_read_back(pit, value, tick);
	} else if ((value >> 4 & 3) == ACCESS_LATCH) {
		latch_count(channel, tick);
	} else {
		stop(channel, tick);
		channel->control = value & 0x3f;
		channel->shown_output = mode_of(channel) != TERMINAL_COUNT;
		channel->write_high = channel->read_high = false;
		channel->status_ready = false;
		channel->latched = 0;
	}
}

/* A gate that rises triggers, or lets counting go on; one that falls stops most modes. */
static void set_gate(struct pit_channel *channel, bool high, uint64_t tick)
{
	if (high == channel->gate)
		return;
	channel->gate = high;
	show(channel, tick);
	if (!high && !triggered(channel)) {
		channel->elapsed = elapsed(channel, tick);
		channel->running = false;
	} else if (high && channel->loaded) {
		if (triggered(channel) || periodic(channel)) {
			channel->fresh = channel->next || (channel->fresh && tick < channel->start);
			channel->reload = channel->next ? channel->next : channel->reload;
			channel->next = 0;
			channel->start = tick + 1;
		} else {
			tick = tick > channel->start ? tick : channel->start;
			channel->start = tick - channel->elapsed;
		}
		channel->running = true;
	}
}

static uint8_t read_count(struct pit_channel *channel, uint64_t tick)
{
	unsigned int access = access_of(channel);
	uint16_t value = from_count(channel, count(channel, tick));
	bool high = access == ACCESS_HIGH;

	if (channel->status_ready) {
		channel->status_ready = false;
		return channel->status;
	}
	if (channel->latched) {
		value = channel->latch;
		if (access == ACCESS_BOTH)
			high = channel->latched == 1;
		channel->latched--;
	} else if (access == ACCESS_BOTH) {
		high = channel->read_high;
		channel->read_high = !channel->read_high;
	}
	return (uint8_t)(high ? value >> 8 : value);
}

static uint8_t read_speaker(const struct pit *pit, uint64_t tick)
{
	uint8_t value = pit->speaker;

	if (remainder_of(tick, 2 * REFRESH_TICKS) >= REFRESH_TICKS)
		value |= SPEAKER_REFRESH;
	if (output(&pit->channels[2], tick))
		value |= SPEAKER_OUTPUT;
	return value;
}

uint8_t pit_read(struct pit *pit, uint16_t port, uint64_t now)
{
	uint64_t tick = to_ticks(now);

	if (port == PIT_PORT_SPEAKER) {
		settle(&pit->channels[2], tick);
		return read_speaker(pit, tick);
	}
	if (port >= PIT_PORT_COMMAND)
		return 0xff; /* write-only */
	port &= 3;
	count_edges(pit, tick); /* before channel 0's count changes */
	settle(&pit->channels[port], tick);
	return read_count(&pit->channels[port], tick);
}

void pit_write(struct pit *pit, uint16_t port, uint8_t value, uint64_t now)
{
	uint64_t tick = to_ticks(now);
	bool before;

	count_edges(pit, tick);
	for (unsigned int i = 0; i < PIT_CHANNELS; i++)
		settle(&pit->channels[i], tick);
	before = output(&pit->channels[0], tick);
	if (port == PIT_PORT_SPEAKER) {
		pit->speaker = value & SPEAKER_WRITABLE;
		set_gate(&pit->channels[2], value & SPEAKER_GATE, tick);
	} else if (port == PIT_PORT_COMMAND) {
		write_command(pit, value, tick);
	} else {
		write_count(&pit->channels[port % 4], value, tick);
	}
	if (!before && output(&pit->channels[0], tick) && pit->edges < UINT32_MAX)
		pit->edges++;
}

static void initialise_channel(struct pit_channel *channel, enum mode mode, uint32_t period,
                               uint64_t tick)
{
	*channel = (struct pit_channel){.gate = true, .reload = period, .start = tick};
	channel->control = (uint8_t)(ACCESS_BOTH << 4 | mode << 1);
	channel->loaded = channel->running = true;
}

void pit_initialise(struct pit *pit, uint64_t now)
{
	uint64_t tick = to_ticks(now);

	*pit = (struct pit){.told = tick};
	initialise_channel(&pit->channels[0], SQUARE_WAVE, 0x10000, tick);
	initialise_channel(&pit->channels[1], RATE_GENERATOR, REFRESH_TICKS, tick);
	initialise_channel(&pit->channels[2], SQUARE_WAVE, 0x10000, tick);
	set_gate(&pit->channels[2], false, tick);
}
