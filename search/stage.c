/* SPDX-License-Identifier: MIT */
/* Rows and values come in, boosted trees over the columns that differ between
 * the rows go out. How trees are grown hardly matters. On the four recorded
 * spaces of make bench-model, depths from 3 to 8, and 60 trees or 300, order the
 * rest equally well on average, within what the choice of points makes; trees
 * that see half of the columns are a little worse. Sums and differences of the
 * logs of tunables as further columns help one space and harm others, so they
 * are left out. What is fewer is taken. */
#include "search/stage.h"

#include <math.h>
#include <string.h>

enum { TREES = 60, DEPTH = 5 };

/* ---- columns ---- */

/* Of a column over all rows: how many have it, and does it differ? */
struct spread {
	int rows;
	float first;
	bool differs;
};

static struct spread *spreads_of(struct arena *tmp, const struct inputs *in,
	const struct stage_data *data)
{
	struct spread *v = ARENA_ARRAY(tmp, in->columns.n + 1, struct spread);

	for (int i = 0; i < data->n; i++)
		for (int k = 0; k < data->rows[i].n; k++) {
			struct input x = data->rows[i].v[k];
			struct spread *s = &v[x.column];

			if (!s->rows++)
				s->first = x.value;
			s->differs |= x.value != s->first;
		}
	return v;
}

/* A column that some rows lack tells them apart, too. */
static bool tells(const struct spread *s, int n)
{
	return s->differs || (s->rows > 0 && s->rows < n);
}

static void set_places(struct stage *s, struct arena *a, int n)
{
	s->n_place_of = n;
	s->place_of = ARENA_ARRAY(a, n + 1, int);
	for (int p = 0; p < s->n_columns; p++)
		s->place_of[s->columns[p]] = p + 1;
}

static void choose_columns(struct stage *s, struct arena *a, struct arena *tmp,
	const struct inputs *in, const struct stage_data *data)
{
	const struct spread *v = spreads_of(tmp, in, data);

	s->columns = ARENA_ARRAY(a, in->columns.n + 1, int);
	for (int c = 0; c < in->columns.n; c++)
		if (tells(&v[c], data->n))
			s->columns[s->n_columns++] = c;
	for (int i = 0; i < data->n; i++)
		s->prior |= !isnan(data->rows[i].prior);
	s->d = s->n_columns + s->prior;
	set_places(s, a, in->columns.n);
}

static void fill(const struct stage *s, const struct stage_row *row, float *x)
{
	for (int i = 0; i < s->d; i++)
		x[i] = NAN;
	for (int i = 0; i < row->n; i++) {
		int c = row->v[i].column;

		if (c < s->n_place_of && s->place_of[c])
			x[s->place_of[c] - 1] = row->v[i].value;
	}
	if (s->prior)
		x[s->d - 1] = (float)row->prior;
}

static float *fill_all(const struct stage *s, struct arena *tmp,
	const struct stage_row *rows, int n)
{
	float *x = ARENA_ARRAY(tmp, (size_t)n * (size_t)s->d + 1, float);

	for (int i = 0; i < n; i++)
		fill(s, &rows[i], x + (size_t)i * (size_t)s->d);
	return x;
}

/* ---- learning ---- */

static struct boost_params params_of(uint64_t seed)
{
	return (struct boost_params){ .trees = TREES, .depth = DEPTH,
		.rate = 0.15, .rows = 0.8, .columns = 0.8, .leaf = 1,
		.seed = seed };
}

struct learning {
	const struct stage *s;
	struct arena *tmp;
	const struct boost *b;
	const struct stage_data *data;
	const float *x;
	uint64_t seed;
};

/* Trees from the rows that are not of "fold"; -1: from all. */
static struct boost_model *learn_without(struct learning *l, struct arena *a,
	int fold, const char **why)
{
	size_t d = (size_t)l->s->d;
	const struct stage_data *all = l->data;
	float *x = ARENA_ARRAY(l->tmp, (size_t)all->n * d + 1, float);
	float *y = ARENA_ARRAY(l->tmp, all->n, float);
	float *w = ARENA_ARRAY(l->tmp, all->n, float);
	struct boost_data part = { x, y, all->weight ? w : NULL, 0, l->s->d };
	struct boost_params p = params_of(l->seed);

	for (int i = 0; i < all->n; i++) {
		if (fold >= 0 && all->fold[i] == fold)
			continue;
		memcpy(x + (size_t)part.n * d, l->x + (size_t)i * d,
			d * sizeof *x);
		y[part.n] = (float)all->y[i];
		w[part.n++] = all->weight ? (float)all->weight[i] : 1;
	}
	return boost_train(a, l->b, &part, &p, why);
}

/* The rows of "fold" as trees without them see them. */
static bool hold_out(struct learning *l, int fold, const char **why)
{
	size_t d = (size_t)l->s->d;
	float *x = ARENA_ARRAY(l->tmp, (size_t)l->data->n * d + 1, float);
	float *y = ARENA_ARRAY(l->tmp, l->data->n, float);
	struct boost_model *m = learn_without(l, l->tmp, fold, why);
	bool ok;
	int n = 0;

	if (!m)
		return false;
	for (int i = 0; i < l->data->n; i++)
		if (l->data->fold[i] == fold)
			memcpy(x + (size_t)n++ * d, l->x + (size_t)i * d,
				d * sizeof *x);
	ok = boost_predict(l->tmp, m, x, n, y, why);
	boost_destroy(m);
	for (int i = l->data->n - 1; ok && i >= 0; i--)
		if (l->data->fold[i] == fold)
			l->data->held_out[i] = (double)y[--n];
	return ok;
}

bool stage_train(struct stage *s, struct arena *a, struct arena *tmp,
	const struct boost *b, const struct inputs *in,
	const struct stage_data *data, uint64_t seed, const char **why)
{
	struct learning l = { s, tmp, b, data, NULL, seed };
	bool ok = true;

	stage_clear(s);
	choose_columns(s, a, tmp, in, data);
	l.x = fill_all(s, tmp, data->rows, data->n);
	for (int fold = 0; fold < data->folds && ok; fold++)
		ok = hold_out(&l, fold, why);
	if (ok)
		s->model = learn_without(&l, a, -1, why);
	return s->model != NULL;
}

void stage_clear(struct stage *s)
{
	boost_destroy(s->model);
	memset(s, 0, sizeof *s);
}

bool stage_predict(const struct stage *s, struct arena *tmp,
	const struct stage_row *rows, int n, double *out, const char **why)
{
	float *y = ARENA_ARRAY(tmp, n + 1, float);

	if (!boost_predict(tmp, s->model, fill_all(s, tmp, rows, n), n, y,
	    why))
		return false;
	for (int i = 0; i < n; i++)
		out[i] = (double)y[i];
	return true;
}
