/* SPDX-License-Identifier: BSD-2-Clause */

/* Calls that no rewritten binary makes, so that the manifest does not offer them: other processors,
 * the local APIC, alarms, and what is of 64-bit mode only. */

#include "rom/vcpu/calls.h"
#include "rom/vcpu/platform.h"

static void absent(struct rom_frame *frame)
{
	platform_panic(frame, "a call that the ROM does not offer");
}

#define ABSENT(name)                                                                               \
	void call_##name(struct rom_frame *frame)                                                  \
	{                                                                                          \
		absent(frame);                                                                     \
	}

ABSENT(SetInitialAPState)
ABSENT(APICWrite)
ABSENT(APICRead)
ABSENT(GetCycleFrequency)
ABSENT(SetAlarm)
ABSENT(CancelAlarm)
ABSENT(GetWallclockTime)
ABSENT(WallclockUpdated)
ABSENT(LoadSegment)
ABSENT(SetCR8)
ABSENT(GetCR8)
ABSENT(SWAPGS)
