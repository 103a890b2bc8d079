/* SPDX-License-Identifier: MIT */
/* Commands of wpkc that have options of their own and some of wpkc's: what both
 * words of the command line have in common. */
#ifndef WPK_COMPILER_DRIVER_COMMAND_H
#define WPK_COMPILER_DRIVER_COMMAND_H

#include "driver/options.h"

/* "wpkc COMMAND: ..." to standard error; EXIT_USER. */
int command_complain(const char *command, const char *text);
/* Is there --help among the words? Then "help" is printed, and "*code" is what to exit
 * with. */
bool command_helps(int argc, char **argv, const char *help, int *code);
/* The words that are wpkc's, of which "unwanted" names one that is not for the
 * command, or NULL. False: "*code" is what to exit with, and that is said. */
bool command_options(struct arena *a, const char *command, int argc, char **argv,
	const char *(*unwanted)(const struct options *o), struct options *o,
	int *code);

#endif
