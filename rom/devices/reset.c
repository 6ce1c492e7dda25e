/* SPDX-License-Identifier: BSD-2-Clause */
#include "rom/devices/reset.h"

#define COMMAND_WRITE_OUTPUT 0xd1 /* the next byte goes to the output port */
#define COMMAND_PULSE        0xf0 /* the low bits that are 0 go low for a moment */
#define OUTPUT_NO_RESET      0x01 /* bit 0 of the output port: the reset line, active low */
#define FAST_RESET           0x01
#define FAST_A20             0x02
#define CONTROL_RESET        0x04 /* resets when it goes from 0 to 1 */
#define CONTROL_WRITABLE     0x0e

void reset_initialise(struct reset_ports *ports)
{
	*ports = (struct reset_ports){.fast = FAST_A20};
}

uint8_t reset_read(const struct reset_ports *ports, uint16_t port)
{
	switch (port) {
	case RESET_PORT_FAST: return ports->fast;
	case RESET_PORT_CONTROL: return ports->control;
	default: return 0xff;
	}
}

static bool write_command(struct reset_ports *ports, uint8_t value)
{
	ports->command = value == COMMAND_WRITE_OUTPUT ? value : 0;
	return value >= COMMAND_PULSE && !(value & OUTPUT_NO_RESET);
}

static bool write_keyboard_data(struct reset_ports *ports, uint8_t value)
{
	bool to_output = ports->command == COMMAND_WRITE_OUTPUT;

	ports->command = 0;
	return to_output && !(value & OUTPUT_NO_RESET);
}

/* A bit of a register that is written: whether it went from 0 to 1. */
static bool rises(uint8_t *kept, uint8_t value, uint8_t bit)
{
	bool rose = value & bit && !(*kept & bit);

	*kept = value;
	return rose;
}

bool reset_write(struct reset_ports *ports, uint16_t port, uint8_t value)
{
	switch (port) {
	case RESET_PORT_KEYBOARD_COMMAND: return write_command(ports, value);
	case RESET_PORT_KEYBOARD_DATA: return write_keyboard_data(ports, value);
	case RESET_PORT_FAST:
		return rises(&ports->fast, value & (FAST_A20 | FAST_RESET), FAST_RESET);
	case RESET_PORT_CONTROL:
		return rises(&ports->control, value & CONTROL_WRITABLE, CONTROL_RESET);
	default: return false;
	}
}
