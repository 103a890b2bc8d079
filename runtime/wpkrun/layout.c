/* SPDX-License-Identifier: MIT */
/* Elements in the order of their indices, and where they lie in memory: permuted
 * and padded layouts, and blocked ones, where a dimension lies in parts. */
#include "runtime/wpkrun/wpkrun.h"

#include <stdlib.h>
#include <string.h>

/* Where element "i" of dimension "d" lies, relative to the first, for all i:
 * malloc'ed; NULL without memory. */
static int64_t *offsets_of(const struct layout *l, int d)
{
	int64_t *v = malloc(((size_t)l->dims[d] + 1) * sizeof *v);

	for (int64_t i = 0; v && i < l->dims[d]; i++) {
		v[i] = 0;
		for (int k = 0; k < l->n_places; k++) {
			const struct layout_place *p = &l->places[k];
			int64_t at = i / p->div;

			if (p->dim == d)
				v[i] += (p->mod ? at % p->mod : at) * p->stride;
		}
	}
	return v;
}

/* A walk over all elements. "offsets" by dimension; "steps": what one more along
 * a dimension is in the rows. */
struct walk {
	const struct layout *l;
	int bits;
	bool gather;
	unsigned char *rows, *memory;
	int64_t *offsets[WPK_RANK], steps[WPK_RANK];
};

static void move(const struct walk *w, int64_t row, int64_t at)
{
	size_t n = (size_t)w->bits / 8;

	if (w->bits == 4) {
		unsigned char *p = &w->memory[at / 2];
		int shift = at % 2 ? 4 : 0;

		if (w->gather)
			w->rows[row] = *p >> shift & 15;
		else
			*p = (unsigned char)((*p & ~(15 << shift)) |
				(w->rows[row] & 15) << shift);
		return;
	}
	if (w->gather)
		memcpy(w->rows + (size_t)row * n, w->memory + (size_t)at * n,
			n);
	else
		memcpy(w->memory + (size_t)at * n, w->rows + (size_t)row * n,
			n);
}

static void walk(const struct walk *w, int d, int64_t row, int64_t at)
{
	if (d == w->l->rank) {
		move(w, row, at);
		return;
	}
	for (int64_t i = 0; i < w->l->dims[d]; i++)
		walk(w, d + 1, row + i * w->steps[d], at + w->offsets[d][i]);
}

static bool walk_all(struct walk *w, bool fortran)
{
	const struct layout *l = w->l;
	int64_t n = 1;
	bool ok = true;

	for (int i = 0; i < l->rank; i++) {
		int d = fortran ? i : l->rank - 1 - i;

		w->steps[d] = n;
		n *= l->dims[d];
	}
	for (int d = 0; d < l->rank; d++) {
		w->offsets[d] = offsets_of(l, d);
		ok &= w->offsets[d] != NULL;
	}
	if (ok && n)
		walk(w, 0, 0, 0);
	for (int d = 0; d < l->rank; d++)
		free(w->offsets[d]);
	return ok;
}

bool layout_scatter(const struct layout *l, int bits, bool fortran,
	const void *rows, void *memory)
{
	struct walk w = { .l = l, .bits = bits, .rows = (void *)rows,
		.memory = memory };

	return walk_all(&w, fortran);
}

bool layout_gather(const struct layout *l, int bits, const void *memory,
	void *rows)
{
	struct walk w = { .l = l, .bits = bits, .gather = true, .rows = rows,
		.memory = (void *)memory };

	return walk_all(&w, false);
}
