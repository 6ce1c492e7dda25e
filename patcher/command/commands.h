/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PATCHER_COMMANDS_H
#define PATCHER_COMMANDS_H

/* The subcommands. Each takes its own words (arguments[0] is the subcommand) and gives the exit
 * status. */

#define POSTBURN_VERSION "0.1.0"

enum exit_status {
	EXIT_STATUS_DONE = 0,
	EXIT_STATUS_ERROR = 1, /* the input or the output: nothing was written */
	EXIT_STATUS_USAGE = 2,
	EXIT_STATUS_UNPATCHED = 3 /* patch --allow-unpatched: some sites stay as they are */
};

int command_scan(int count, char **arguments);
int command_patch(int count, char **arguments);
int command_verify(int count, char **arguments);
int command_rom(int count, char **arguments);

#endif
