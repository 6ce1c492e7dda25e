/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_SCAN_FILTER_H
#define PATCHER_SCAN_FILTER_H

/* `scan --class=... --call=...`: only sites of these classes that become these calls. */

#include "patcher/scan/scan.h"

/*
 * Whether every word of the comma-separated lists (NULL: no list) is a class or a call of the
 * tables. false: *problem names the word and those that are.
 */
bool scan_filter_check(const char *classes, const char *calls, struct problem *problem);

/* Keeps only the sites whose class and call are in the lists (NULL: all). */
void scan_filter(struct scan *scan, const char *classes, const char *calls);

#endif
