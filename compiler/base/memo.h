/* SPDX-License-Identifier: MIT */
#ifndef WPK_COMPILER_BASE_MEMO_H
#define WPK_COMPILER_BASE_MEMO_H

#include "base/seen.h"

/* Numbers remembered by integer vectors. */
struct memo {
	struct seen keys;
	double *values;
	int cap;
};

void memo_init(struct memo *m, struct arena *a, int d);
/* Where the number of "key" is, until the next call; "*fresh": it is none yet. */
double *memo_at(struct memo *m, const int *key, bool *fresh);

#endif
