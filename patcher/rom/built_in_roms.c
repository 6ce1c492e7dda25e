/* SPDX-License-Identifier: BSD-2-Clause */
#include "patcher/rom/rom_private.h"

/* built_in_roms.S */
extern const uint8_t native_rom[], native_rom_end[];
extern const uint8_t native_counting_rom[], native_counting_rom_end[];
extern const uint8_t xen_rom[], xen_rom_end[];

const struct built_in_rom built_in_roms[] = {
    {"native", native_rom, native_rom_end},
    {"native-counting", native_counting_rom, native_counting_rom_end},
    {"xen", xen_rom, xen_rom_end},
};

const size_t built_in_rom_count = sizeof(built_in_roms) / sizeof(built_in_roms[0]);
