# SPDX-License-Identifier: BSD-2-Clause
# What a ROM that virtualises the machine is made of, besides its platform; tests/devices builds the
# same for the host. Called a few thousand times a second at most, it is made small and not fast.

$(build)/rom/devices/%.o $(build)/rom/policy/%.o $(build)/rom/stats/%.o: rom_cflags += -Os

rom_device_sources := \
	rom/devices/calendar.c \
	rom/devices/devices.c \
	rom/devices/divide.c \
	rom/devices/pic.c \
	rom/devices/pit.c \
	rom/devices/reset.c \
	rom/devices/rtc.c \
	rom/devices/shutdown.c \
	rom/devices/uart.c

rom_policy_sources := \
	rom/policy/cpuid.c \
	rom/policy/msr.c

rom_stats_sources := rom/stats/stats.c
