/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_VCPU_TASK_H
#define ROM_VCPU_TASK_H

/* Hardware task switches (SDM vol. 3, chapter 7); 32-bit TSSs. */

#include "rom/vcpu/vcpu.h"

enum task_switch {
	TASK_JUMP,
	TASK_NEST,  /* call, or an interrupt or exception through a task gate */
	TASK_RETURN /* iret with NT */
};

/*
 * Switches to the task of a TSS selector. The frame is the old task's, at the instruction where it
 * is to go on, and becomes the new one's. False: vcpu.fault says why, and nothing has changed.
 */
bool task_switch(struct rom_frame *frame, uint16_t selector, enum task_switch kind);

/* Pushes an error code on the new task's stack. False: vcpu.fault. */
bool task_push(struct rom_frame *frame, uint32_t value);

#endif
