/* SPDX-License-Identifier: BSD-2-Clause */
#include "rom/devices/pic.h"

/* Source for all of this file: Intel 8259A data sheet. Lines here are those of one chip, 0 to 7. */

#define ICW1          0x10
#define ICW1_ICW4     0x01
#define ICW1_SINGLE   0x02
#define ICW1_LEVEL    0x08
#define ICW4_AUTO_END 0x02
#define ICW4_NESTED   0x10

#define OCW3             0x08
#define OCW3_RIS         0x01
#define OCW3_RR          0x02
#define OCW3_POLL        0x04
#define OCW3_SMM         0x20
#define OCW3_ESMM        0x40
#define POLL_REQUEST     0x80
#define CASCADE          (1u << PIC_LINE_SECOND)
#define SPURIOUS         7
#define ELCR_FIRST       0xf8 /* timer, keyboard and cascade are always edge-triggered */
#define ELCR_SECOND      0xde /* clock and coprocessor are */
#define BIOS_BASE_FIRST  0x08 /* vectors as a BIOS sets them */
#define BIOS_BASE_SECOND 0x70

/* OCW2's upper three bits. */
enum {
	ROTATE_AUTO_OFF,
	END,
	NOTHING,
	END_SPECIFIC,
	ROTATE_AUTO_ON,
	END_ROTATE,
	SET_PRIORITY,
	END_SPECIFIC_ROTATE
};

static uint8_t bit(unsigned int line)
{
	return (uint8_t)(1u << line);
}

/* IRR: what requests, masked or not. */
static uint8_t requests(const struct pic *pic)
{
	uint8_t level = pic->all_level ? 0xff : pic->level;

	return (uint8_t)(pic->lines & (level | pic->edges));
}

/*
 * The line that may interrupt now, or PIC_NO_INTERRUPT. In service, a line holds off itself and all
 * of lower priority; in special mask mode only if it is not masked. nested: lines that hold off the
 * lower ones but not themselves (special fully nested mode).
 */
static int winner(const struct pic *pic, uint8_t requested, uint8_t nested)
{
	uint8_t wanted = (uint8_t)(requested & ~pic->mask);
	uint8_t holding =
	    (uint8_t)(pic->special_mask ? pic->in_service & ~pic->mask : pic->in_service);

	if (!wanted)
		return PIC_NO_INTERRUPT;
	for (unsigned int i = 1; i <= 8; i++) {
		unsigned int line = (pic->lowest + i) & 7;

		if (wanted & bit(line) && !(holding & ~nested & bit(line)))
			return (int)line;
		if (holding & bit(line))
			return PIC_NO_INTERRUPT;
	}
	return PIC_NO_INTERRUPT;
}

static int winner_of_second(const struct pic_pair *pair)
{
	return winner(&pair->second, requests(&pair->second), 0);
}

static bool cascaded(const struct pic_pair *pair)
{
	return !pair->first.init_single && pair->first.cascade & CASCADE;
}

/*
 * The second's output is not latched by the first: it goes low at each of its acknowledges and high
 * again if there is more, so an edge comes whenever it is high and not in service.
 */
static uint8_t requests_of_first(const struct pic_pair *pair)
{
	uint8_t requested = (uint8_t)(requests(&pair->first) & ~CASCADE);

	if (winner_of_second(pair) != PIC_NO_INTERRUPT)
		requested |= CASCADE;
	return requested;
}

static int winner_of_first(const struct pic_pair *pair)
{
	return winner(&pair->first, requests_of_first(pair),
	              pair->first.special_fully_nested ? pair->first.cascade : 0);
}

/* An acknowledged line: in service, unless that ends at once. */
static void serve(struct pic *pic, unsigned int line)
{
	pic->edges &= (uint8_t)~bit(line);
	if (!pic->auto_end)
		pic->in_service |= bit(line);
	else if (pic->rotate_on_auto_end)
		pic->lowest = (uint8_t)line;
}

/* INTA for one chip: its vector. */
static uint8_t acknowledge(struct pic *pic, int line)
{
	if (line == PIC_NO_INTERRUPT)
		return pic->vector_base | SPURIOUS;
	serve(pic, (unsigned int)line);
	return (uint8_t)(pic->vector_base | line);
}

static void update(struct pic_pair *pair)
{
	pair->pending = winner_of_first(pair) != PIC_NO_INTERRUPT;
}

uint8_t pic_acknowledge(struct pic_pair *pair)
{
	int line = winner_of_first(pair), second = winner_of_second(pair);
	uint8_t vector = acknowledge(&pair->first, line);

	if (line == PIC_LINE_SECOND && cascaded(pair))
		vector = acknowledge(&pair->second, second);
	update(pair);
	return vector;
}

static void end_of_interrupt(struct pic *pic, unsigned int line, bool rotate)
{
	pic->in_service &= (uint8_t)~bit(line);
	if (rotate)
		pic->lowest = (uint8_t)line;
}

/* The line of highest priority in service; one that special mask mode hides is not looked at. */
static void end_of_highest(struct pic *pic, bool rotate)
{
	uint8_t served =
	    (uint8_t)(pic->special_mask ? pic->in_service & ~pic->mask : pic->in_service);

	for (unsigned int i = 1; i <= 8; i++) {
		unsigned int line = (pic->lowest + i) & 7;

		if (served & bit(line)) {
			end_of_interrupt(pic, line, rotate);
			return;
		}
	}
}

static void write_ocw2(struct pic *pic, uint8_t value)
{
	unsigned int line = value & 7;

	switch (value >> 5) {
	case ROTATE_AUTO_OFF: pic->rotate_on_auto_end = false; break;
	case END: end_of_highest(pic, false); break;
	case END_SPECIFIC: end_of_interrupt(pic, line, false); break;
	case ROTATE_AUTO_ON: pic->rotate_on_auto_end = true; break;
	case END_ROTATE: end_of_highest(pic, true); break;
	case SET_PRIORITY: pic->lowest = (uint8_t)line; break;
	case END_SPECIFIC_ROTATE: end_of_interrupt(pic, line, true); break;
	case NOTHING:
	default: break;
	}
}

static void write_ocw3(struct pic *pic, uint8_t value)
{
	if (value & OCW3_ESMM)
		pic->special_mask = value & OCW3_SMM;
	pic->poll = value & OCW3_POLL;
	if (value & OCW3_RR && !pic->poll)
		pic->read_in_service = value & OCW3_RIS;
}

static void write_icw1(struct pic *pic, uint8_t value)
{
	pic->edges = 0;
	pic->mask = 0;
	pic->in_service = 0;
	pic->lowest = 7;
	pic->special_mask = false;
	pic->read_in_service = false;
	pic->poll = false;
	pic->auto_end = false;
	pic->rotate_on_auto_end = false;
	pic->special_fully_nested = false;
	pic->all_level = value & ICW1_LEVEL;
	pic->init_single = value & ICW1_SINGLE;
	pic->init_icw4 = value & ICW1_ICW4;
	pic->init_step = 2;
}

static void write_command(struct pic *pic, uint8_t value)
{
	if (value & ICW1)
		write_icw1(pic, value);
	else if (value & OCW3)
		write_ocw3(pic, value);
	else
		write_ocw2(pic, value);
}

static void write_data(struct pic *pic, uint8_t value)
{
	switch (pic->init_step) {
	case 2:
		pic->vector_base = value & 0xf8;
		pic->init_step = !pic->init_single ? 3 : pic->init_icw4 ? 4 : 0;
		break;
	case 3:
		pic->cascade = value;
		pic->init_step = pic->init_icw4 ? 4 : 0;
		break;
	case 4:
		pic->auto_end = value & ICW4_AUTO_END;
		pic->special_fully_nested = value & ICW4_NESTED;
		pic->init_step = 0;
		break;
	default: pic->mask = value; break;
	}
}

/* A read after the poll command is an acknowledge of this chip alone. */
static uint8_t read_poll(struct pic_pair *pair, struct pic *pic)
{
	int line = pic == &pair->first ? winner_of_first(pair) : winner_of_second(pair);

	pic->poll = false;
	if (line == PIC_NO_INTERRUPT)
		return SPURIOUS;
	serve(pic, (unsigned int)line);
	update(pair);
	return (uint8_t)(POLL_REQUEST | line);
}

uint8_t pic_read(struct pic_pair *pair, uint16_t port)
{
	bool is_first = (port & ~1u) == PIC_PORT_FIRST;
	struct pic *pic = is_first ? &pair->first : &pair->second;

	if (port == PIC_PORT_ELCR)
		return pair->first.level;
	if (port == PIC_PORT_ELCR + 1)
		return pair->second.level;
	if (pic->poll)
		return read_poll(pair, pic);
	if (port & 1)
		return pic->mask;
	if (pic->read_in_service)
		return pic->in_service;
	return is_first ? requests_of_first(pair) : requests(pic);
}

void pic_write(struct pic_pair *pair, uint16_t port, uint8_t value)
{
	struct pic *pic = (port & ~1u) == PIC_PORT_FIRST ? &pair->first : &pair->second;

	if (port == PIC_PORT_ELCR)
		pair->first.level = value & ELCR_FIRST;
	else if (port == PIC_PORT_ELCR + 1)
		pair->second.level = value & ELCR_SECOND;
	else if (port & 1)
		write_data(pic, value);
	else
		write_command(pic, value);
	update(pair);
}

/* The chip that has this line of the pair, which becomes the chip's own; NULL for what is none. */
static struct pic *chip_of(struct pic_pair *pair, unsigned int *line)
{
	if (*line >= PIC_LINES || *line == PIC_LINE_SECOND)
		return 0;
	if (*line < 8)
		return &pair->first;
	*line -= 8;
	return &pair->second;
}

void pic_set_line(struct pic_pair *pair, unsigned int line, bool high)
{
	struct pic *pic = chip_of(pair, &line);

	if (!pic || high == (bool)(pic->lines & bit(line)))
		return;
	if (high) {
		pic->edges |= bit(line);
		pic->lines |= bit(line);
	} else {
		pic->edges &= (uint8_t)~bit(line);
		pic->lines &= (uint8_t)~bit(line);
	}
	update(pair);
}

void pic_pulse(struct pic_pair *pair, unsigned int line)
{
	pic_set_line(pair, line, false);
	pic_set_line(pair, line, true);
}

bool pic_enabled(const struct pic_pair *pair, unsigned int line)
{
	if (line < 8)
		return !(pair->first.mask & bit(line));
	return line < PIC_LINES && !(pair->second.mask & bit(line - 8)) &&
	       !(pair->first.mask & CASCADE);
}

bool pic_requested(const struct pic_pair *pair, unsigned int line)
{
	const struct pic *pic = line < 8 ? &pair->first : &pair->second;

	return line < PIC_LINES && requests(pic) & bit(line & 7);
}

void pic_initialise(struct pic_pair *pair)
{
	*pair = (struct pic_pair){0};
	pair->first.vector_base = BIOS_BASE_FIRST;
	pair->first.cascade = CASCADE;
	pair->second.vector_base = BIOS_BASE_SECOND;
	pair->second.cascade = PIC_LINE_SECOND;
	pair->first.mask = pair->second.mask = 0xff;
	pair->first.lowest = pair->second.lowest = 7;
}
