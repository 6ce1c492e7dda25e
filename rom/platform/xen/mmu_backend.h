/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_MMU_BACKEND_H
#define ROM_XEN_MMU_BACKEND_H

/* Starts the shadow MMU; memory_initialise() comes before. */
void mmu_backend_initialise(void);

#endif
