/* SPDX-License-Identifier: MIT */
/* Names of variables and buffers as text shows them: the hint, or the hint
 * with the least number after it that nothing visible has yet. Scopes nest as
 * blocks do; siblings may use a name again. */
#ifndef WPK_COMPILER_KERNEL_NAMES_H
#define WPK_COMPILER_KERNEL_NAMES_H

#include "base/arena.h"
#include "base/vec.h"

struct kernel;

struct named {
	const void *key;	/* the k_var, k_buffer or k_map */
	const char *name;
};

/* "legal" makes a hint a legal name of the language printed; NULL: as is. */
struct names {
	struct arena *a;
	const char *(*legal)(struct arena *a, const char *hint);
	VEC(struct named) v;
};

/* The name "key" has from now on, until its scope is left. */
const char *names_bind(struct names *n, const void *key, const char *hint);
const char *names_of(const struct names *n, const void *key);
int names_enter(const struct names *n);
void names_leave(struct names *n, int mark);

/* Parameters first, then arrays: what a kernel declares. */
void names_of_kernel(struct names *n, const struct kernel *k);

#endif
