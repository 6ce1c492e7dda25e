/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_PROCESSOR_H
#define ROM_XEN_PROCESSOR_H

/* Gives Xen the ROM's traps, callbacks, stack and descriptor tables. */
void processor_initialise(void);

#endif
