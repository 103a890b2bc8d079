/* SPDX-License-Identifier: MIT */
#ifndef WPK_COMPILER_DRIVER_MERGE_H
#define WPK_COMPILER_DRIVER_MERGE_H

#include "base/arena.h"

/* The command "wpkc merge" with its arguments; returns the exit code. */
int merge_main(struct arena *a, int argc, char **argv);

#endif
