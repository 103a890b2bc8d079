/* SPDX-License-Identifier: MIT */
#ifndef WPK_COMPILER_BASE_VEC_H
#define WPK_COMPILER_BASE_VEC_H

#include <string.h>

#include "base/arena.h"

/* A growing array whose storage lives in an arena:
 *
 *	VEC(struct token) toks = {0};
 *	vec_push(a, &toks, t);
 *	for (int i = 0; i < toks.n; i++) use(&toks.v[i]);
 *
 * Growing moves the elements: keep indices across a push, not pointers. */
#define VEC(type) struct { type *v; int n, cap; }

#define vec_push(a, vec, ...) \
	((vec)->n == (vec)->cap ? \
		((vec)->v = vec_grow((a), (vec)->v, (vec)->n, &(vec)->cap, \
			sizeof *(vec)->v)) : (vec)->v, \
	 (vec)->v[(vec)->n++] = (__VA_ARGS__))

static inline void *vec_grow(struct arena *a, const void *old, int n, int *cap,
	size_t size)
{
	void *p;

	*cap = *cap ? 2 * *cap : 4;
	p = arena_array(a, (size_t)*cap, size);
	if (n)
		memcpy(p, old, (size_t)n * size);
	return p;
}

#endif
