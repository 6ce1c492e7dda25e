/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_ESCAPE_H
#define PATCHER_ESCAPE_H

#include <stddef.h>

/*
 * Names in a kernel file are anybody's bytes. Copies text into buffer with every byte outside
 * printable ASCII as \xNN, so that it can go to a terminal, into JSON and CSV alike; cut to
 * buffer_size (at least 1), always terminated. Returns buffer.
 */
const char *escape_text(const char *text, char *buffer, size_t buffer_size);

#endif
