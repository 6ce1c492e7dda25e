/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_DEVICES_PIC_H
#define ROM_DEVICES_PIC_H

/*
 * Two 8259A interrupt controllers, the second on line 2 of the first, as in every PC, with the edge
 * and level registers (ELCR, ports 0x4d0 and 0x4d1) of the chip sets that came later.
 * Sources: Intel 8259A data sheet (231468-003); Intel 82371AB (290562), section 4.2.4 for ELCR.
 *
 * A line is 0 to 15. A line that requests edge-triggered must stay high until it is acknowledged,
 * as the data sheet asks: a request that is withdrawn before is spurious, and gives vector base
 * + 7.
 */

#include <stdbool.h>
#include <stdint.h>

#define PIC_LINES        16
#define PIC_LINE_TIMER   0
#define PIC_LINE_SECOND  2 /* the second controller's output */
#define PIC_LINE_SERIAL  4
#define PIC_LINE_RTC     8
#define PIC_NO_INTERRUPT (-1)

#define PIC_PORT_FIRST  0x20 /* command; data behind it */
#define PIC_PORT_SECOND 0xa0
#define PIC_PORT_ELCR   0x4d0 /* of the first; the second's behind it */

struct pic {
	uint8_t lines;       /* levels of the inputs */
	uint8_t edges;       /* edge-triggered inputs that rose and were not acknowledged */
	uint8_t mask;        /* IMR */
	uint8_t in_service;  /* ISR */
	uint8_t level;       /* ELCR: inputs that are level-triggered */
	uint8_t lowest;      /* the line of lowest priority; 7 after initialisation */
	uint8_t vector_base; /* ICW2 */
	uint8_t cascade;     /* ICW3 */
	uint8_t init_step;   /* 0: ready; 2, 3, 4: the ICW expected next */
	bool init_icw4;
	bool init_single;
	bool all_level; /* ICW1.LTIM */
	bool auto_end;  /* ICW4.AEOI */
	bool rotate_on_auto_end;
	bool special_fully_nested;
	bool special_mask;
	bool read_in_service; /* OCW3.RIS */
	bool poll;            /* the next read acknowledges */
};

struct pic_pair {
	struct pic first, second;
	bool pending; /* INTR is high; kept up to date by every function */
};

void pic_initialise(struct pic_pair *pair);

/* Sets the level of a line, 0 to 15; others, and line 2, are ignored. */
void pic_set_line(struct pic_pair *pair, unsigned int line, bool high);

/* A line that rises and stays high: an edge, whatever its level was. */
void pic_pulse(struct pic_pair *pair, unsigned int line);

/* Whether INTR, to the processor, is high. What else holds an interrupt off is the caller's. */
static inline bool pic_pending(const struct pic_pair *pair)
{
	return pair->pending;
}

/* The processor's two INTA cycles: the vector. Without a request it is a spurious one: base + 7. */
uint8_t pic_acknowledge(struct pic_pair *pair);

/* Whether a request of this line would get through to INTR at some time: it is not masked. */
bool pic_enabled(const struct pic_pair *pair, unsigned int line);

/* Whether a request of this line waits, masked or not. */
bool pic_requested(const struct pic_pair *pair, unsigned int line);

/* Bytes of ports 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1. */
uint8_t pic_read(struct pic_pair *pair, uint16_t port);
void pic_write(struct pic_pair *pair, uint16_t port, uint8_t value);

#endif
