/* SPDX-License-Identifier: MIT */
#ifndef WPK_COMPILER_DRIVER_REPORTING_H
#define WPK_COMPILER_DRIVER_REPORTING_H

#include "base/arena.h"

/* The command "wpkc report" with its arguments; returns the exit code. */
int report_main(struct arena *a, int argc, char **argv);

#endif
