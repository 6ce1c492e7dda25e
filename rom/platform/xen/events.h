/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef ROM_XEN_EVENTS_H
#define ROM_XEN_EVENTS_H

/* Event channels, the timer, and Xen's clock. */

#include <stdbool.h>
#include <stdint.h>

/* Binds timer and console, and starts the devices. */
void events_initialise(void);

/* Does what pending events ask for. user_mode: user code was interrupted. */
void events_handle(bool user_mode);

/* Frequency of the time-stamp counter; 0 if Xen does not say. */
uint32_t events_time_stamp_khz(void);

/* Whether there are any: while the guest's IF is 0 Xen only says so. */
bool events_pending(void);

/* Lets the guest's next `sti` in a slot come here: an interrupt waits that IF holds back. */
void events_remind(void);

#endif
