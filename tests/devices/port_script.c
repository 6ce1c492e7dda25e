/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The devices behind the protocol of qemu's qtest: commands on stdin, a line of answer for each.
 *
 *   outb PORT VALUE, outw, outl    OK
 *   inb PORT, inw, inl             OK 0xVALUE
 *   wait MILLISECONDS              OK, after as much of the devices' time (not in qtest)
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rom/devices/devices.h"

static uint64_t now;

static uint64_t clock_now(void *context)
{
	(void)context;
	return now;
}

static void take_output(void *context, const uint8_t *bytes, size_t size)
{
	(void)context;
	(void)bytes;
	(void)size;
}

static void shut_down(void *context, enum shutdown_reason reason)
{
	(void)context;
	(void)reason;
}

static void let_time_go_by(struct devices *devices, uint64_t nanoseconds)
{
	uint64_t end = now + nanoseconds;

	while (devices_next_event(devices) <= end) {
		now = devices_next_event(devices);
		devices_timer_event(devices, false);
	}
	now = end;
	devices_timer_event(devices, false);
}

/* The bytes that a command's last letter means, or 0. */
static unsigned int size_of(char letter)
{
	return letter == 'b' ? 1 : letter == 'w' ? 2 : letter == 'l' ? 4 : 0;
}

static bool obey(struct devices *devices, const char *line)
{
	char word[8] = "";
	unsigned long long first = 0, second = 0;
	int count = sscanf(line, "%7s %lli %lli", word, (long long *)&first, (long long *)&second);

	now += 1000; /* a port takes its time */
	if (count == 2 && !strcmp(word, "wait")) {
		let_time_go_by(devices, first * 1000000);
	} else if (count == 3 && !strncmp(word, "out", 3) && size_of(word[3])) {
		devices_port_out(devices, (uint16_t)first, size_of(word[3]), (uint32_t)second);
	} else if (count == 2 && !strncmp(word, "in", 2) && size_of(word[2])) {
		printf("OK 0x%04" PRIx32 "\n",
		       devices_port_in(devices, (uint16_t)first, size_of(word[2])));
		return true;
	} else {
		return false;
	}
	puts("OK");
	return true;
}

int main(void)
{
	static const struct device_callbacks callbacks = {clock_now, take_output, shut_down};
	static struct devices devices;
	char line[128];

	/* 2024-02-28 23:59:50, as qemu_test has it. */
	devices_initialise(&devices, &callbacks, NULL, 1709164790, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		if (!obey(&devices, line)) {
			fprintf(stderr, "port_script: what is this? %s", line);
			return 1;
		}
	}
	return 0;
}
