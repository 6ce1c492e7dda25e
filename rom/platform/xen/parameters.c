/* SPDX-License-Identifier: BSD-2-Clause */

#include <stdint.h>

#include "patchtables/rom_abi.h"
#include "rom/platform/xen/start.h"

/* The patcher fills it in, whatever the compiler believes. */
__attribute__((section(".rom_parameters"),
               used)) volatile const struct rom_parameters rom_parameters = {
    .magic = ROM_PARAMETERS_MAGIC,
    .abi_version = ROM_ABI_VERSION,
};
