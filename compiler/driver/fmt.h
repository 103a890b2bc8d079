/* SPDX-License-Identifier: MIT */
#ifndef WPK_COMPILER_DRIVER_FMT_H
#define WPK_COMPILER_DRIVER_FMT_H

#include "base/arena.h"

/* The command "wpkc fmt" with its arguments; returns the exit code. */
int fmt_main(struct arena *a, int argc, char **argv);

#endif
