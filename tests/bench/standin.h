/* SPDX-License-Identifier: MIT */
/* Records where there is no GPU: real candidates of real sketches, timed by a
 * model that is not search/model.c. What comes of them is no measurement. */
#ifndef WPK_TESTS_BENCH_STANDIN_H
#define WPK_TESTS_BENCH_STANDIN_H

#include "search/record.h"

/* At most "points" random legal points of each operator of the .wpk file
 * "path", for the GPU called "gpu", all sketches of the first kernel; "how" is
 * "model". NULL if the file cannot be read, which is said. */
struct record *standin_records(struct arena *a, const char *path,
	const char *gpu, int points, int *n);

#endif
