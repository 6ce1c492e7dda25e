/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_DEVICES_RESET_H
#define ROM_DEVICES_RESET_H

/*
 * The ports by which a PC resets itself: the keyboard controller (i8042), the fast reset and A20
 * gate (0x92), and the chip set's reset control (0xcf9). There is no keyboard: the controller's
 * status reads all ones, so that its driver goes away, but it takes commands. Sources: Intel
 * UPI-C42 data sheet and IBM PS/2 technical reference (port 0x92); Intel 82371AB, section 4.2.7
 * (0xcf9).
 */

#include <stdbool.h>
#include <stdint.h>

#define RESET_PORT_KEYBOARD_DATA    0x60
#define RESET_PORT_KEYBOARD_COMMAND 0x64
#define RESET_PORT_FAST             0x92
#define RESET_PORT_CONTROL          0xcf9

struct reset_ports {
	uint8_t command; /* the controller's, waiting for its byte at port 0x60; or 0 */
	uint8_t fast;    /* port 0x92 */
	uint8_t control; /* port 0xcf9 */
};

void reset_initialise(struct reset_ports *ports);

/* Bytes of the four ports. */
uint8_t reset_read(const struct reset_ports *ports, uint16_t port);

/* Whether this write resets the machine. */
bool reset_write(struct reset_ports *ports, uint16_t port, uint8_t value);

#endif
