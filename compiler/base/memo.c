/* SPDX-License-Identifier: MIT */
/* What is dear to work out and asked for again: a number for each integer vector. */
#include "base/memo.h"

#include "base/vec.h"

void memo_init(struct memo *m, struct arena *a, int d)
{
	seen_init(&m->keys, a, d);
	m->values = NULL;
	m->cap = 0;
}

double *memo_at(struct memo *m, const int *key, bool *fresh)
{
	int at = seen_place(&m->keys, key, fresh);

	if (at == m->cap)
		m->values = vec_grow(m->keys.a, m->values, at, &m->cap,
			sizeof *m->values);
	return &m->values[at];
}
