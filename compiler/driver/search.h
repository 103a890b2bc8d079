/* SPDX-License-Identifier: MIT */
#ifndef WPK_COMPILER_DRIVER_SEARCH_H
#define WPK_COMPILER_DRIVER_SEARCH_H

#include "base/arena.h"

/* The command "wpkc search" with its arguments; returns the exit code. */
int search_main(struct arena *a, int argc, char **argv);

#endif
