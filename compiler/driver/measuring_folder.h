/* SPDX-License-Identifier: MIT */
/* The folder of a run that measures, and those of runs that were killed. */
#ifndef WPK_COMPILER_DRIVER_MEASURING_FOLDER_H
#define WPK_COMPILER_DRIVER_MEASURING_FOLDER_H

#include <stdbool.h>

#include "base/arena.h"

/* A fresh folder under $TMPDIR, and "*fd", which says as long as it is open that
 * it is in use; folders whose runs are gone are removed on the way. NULL with
 * errno set. */
const char *measuring_folder(struct arena *a, int *fd);
void measuring_folder_remove(const char *path, int fd);
/* Is there no room for what a compiler writes? What it says then is no word on
 * its text. */
bool measuring_folder_is_full(const char *path);

#endif
