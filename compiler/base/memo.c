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
	int at = seen_find(&m->keys, key);

	*fresh = at < 0;
	if (!*fresh)
		return &m->values[at];
	at = m->keys.n;
	if (at == m->cap)
		m->values = vec_grow(m->keys.a, m->values, at, &m->cap,
			sizeof *m->values);
	seen_add(&m->keys, key);
	return &m->values[at];
}
