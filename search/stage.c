/* SPDX-License-Identifier: MIT */
/* Rows and values come in, boosted trees over the columns that differ between
 * the rows go out. Trees find it hard to see products, and threads a block,
 * bytes of a tile and much else are products of tunables: so where there are
 * few of those, the sums and differences of their logs are columns as well.
 *
 * How trees are grown was chosen on recorded spaces (make bench-model): small
 * sets of rows get the same trees as large ones, since the blend in learned.c
 * takes care of what they overlearn. */
#include "search/stage.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRED_MOST = 12, TREES = 100, DEPTH = 5 };

/* ---- columns ---- */

/* Of a column over all rows: is it always there, and above 0? Does it differ,
 * having more than two values? */
struct spread {
	int rows;
	float first, other;
	bool differs, many, positive;
};

static void note(struct spread *s, float v)
{
	if (!s->rows++) {
		s->first = v;
		s->positive = v > 0;
		return;
	}
	s->positive &= v > 0;
	if (v == s->first)
		return;
	if (!s->differs)
		s->other = v;
	s->many |= s->differs && v != s->other;
	s->differs = true;
}

static struct spread *spreads_of(struct arena *tmp, const struct inputs *in,
	const struct stage_data *data)
{
	struct spread *v = ARENA_ARRAY(tmp, in->columns.n + 1, struct spread);

	for (int i = 0; i < data->n; i++)
		for (int k = 0; k < data->rows[i].n; k++)
			note(&v[data->rows[i].v[k].column],
				data->rows[i].v[k].value);
	return v;
}

/* A column that some rows lack tells them apart, too. */
static bool tells(const struct spread *s, int n)
{
	return s->differs || (s->rows > 0 && s->rows < n);
}

static void choose_pairs(struct stage *s, struct arena *a,
	const struct inputs *in, const struct spread *v, int n)
{
	int chosen[PAIRED_MOST], m = 0;

	for (int p = 0; p < s->n_columns; p++) {
		int c = s->columns[p];

		if (!in->columns.v[c].tunable || !v[c].many ||
		    !v[c].positive || v[c].rows < n)
			continue;
		if (m == PAIRED_MOST)
			return;
		chosen[m++] = c;
	}
	s->pairs = arena_array(a, (size_t)(m * m) + 1, sizeof *s->pairs);
	for (int i = 0; i < m; i++)
		for (int k = 0; k < i; k++) {
			s->pairs[s->n_pairs][0] = chosen[k];
			s->pairs[s->n_pairs++][1] = chosen[i];
		}
}

static void set_width(struct stage *s)
{
	s->d = s->n_columns + 2 * s->n_pairs + s->prior;
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
	choose_pairs(s, a, in, v, data->n);
	set_places(s, a, in->columns.n);
	set_width(s);
}

static float at(const struct stage *s, const float *x, int column)
{
	return x[s->place_of[column] - 1];
}

static void fill(const struct stage *s, const struct stage_row *row, float *x)
{
	float *extra = x + s->n_columns;

	for (int i = 0; i < s->d; i++)
		x[i] = NAN;
	for (int i = 0; i < row->n; i++) {
		int c = row->v[i].column;

		if (c < s->n_place_of && s->place_of[c])
			x[s->place_of[c] - 1] = row->v[i].value;
	}
	for (int i = 0; i < s->n_pairs; i++) {
		float u = log2f(at(s, x, s->pairs[i][0]));
		float v = log2f(at(s, x, s->pairs[i][1]));

		*extra++ = isfinite(u + v) ? u + v : NAN;
		*extra++ = isfinite(u - v) ? u - v : NAN;
	}
	if (s->prior)
		*extra = (float)row->prior;
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
		.rate = 0.1, .rows = 0.8, .columns = 0.8, .leaf = 1,
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

/* ---- bytes ---- */

/* "stage COLUMNS PAIRS PRIOR BYTES\n", a line for each column, "1 NAME" if it
 * is a tunable, else "0 NAME", a line for each pair, and the trees. */
bool stage_save(const struct stage *s, const struct inputs *in,
	struct str *out, const char **why)
{
	const void *bytes;
	size_t size;

	if (!boost_save(out->a, s->model, &bytes, &size, why))
		return false;
	str_printf(out, "stage %d %d %d %zu\n", s->n_columns, s->n_pairs,
		s->prior, size);
	for (int p = 0; p < s->n_columns; p++) {
		const struct input_column *c =
			&in->columns.v[s->columns[p]];

		str_printf(out, "%d %s\n", c->tunable, c->name);
	}
	for (int i = 0; i < s->n_pairs; i++)
		str_printf(out, "%d %d\n", s->place_of[s->pairs[i][0]] - 1,
			s->place_of[s->pairs[i][1]] - 1);
	str_putn(out, bytes, size);
	return true;
}

/* The next line, or NULL. */
static const char *take_line(struct arena *a, const char **p, const char *end)
{
	const char *from = *p, *stop = memchr(from, '\n', (size_t)(end - from));

	if (!stop)
		return NULL;
	*p = stop + 1;
	return arena_strndup(a, from, (size_t)(stop - from));
}

static bool load_columns(struct stage *s, struct arena *a, struct inputs *in,
	const char **p, const char *end)
{
	s->columns = ARENA_ARRAY(a, s->n_columns + 1, int);
	for (int i = 0; i < s->n_columns; i++) {
		const char *line = take_line(a, p, end);

		if (!line || (line[0] != '0' && line[0] != '1') ||
		    line[1] != ' ')
			return false;
		s->columns[i] = inputs_column(in, line + 2, line[0] == '1');
	}
	set_places(s, a, in->columns.n);
	return true;
}

static bool load_pairs(struct stage *s, struct arena *a, const char **p,
	const char *end)
{
	s->pairs = arena_array(a, (size_t)s->n_pairs + 1, sizeof *s->pairs);
	for (int i = 0; i < s->n_pairs; i++) {
		const char *line = take_line(a, p, end);
		int u, v;

		if (!line || sscanf(line, "%d %d", &u, &v) != 2 || u < 0 ||
		    v < 0 || u >= s->n_columns || v >= s->n_columns)
			return false;
		s->pairs[i][0] = s->columns[u];
		s->pairs[i][1] = s->columns[v];
	}
	return true;
}

static bool load_head(struct stage *s, const char *line, size_t *size)
{
	enum { MOST = 100000 };
	int prior;

	if (!line || sscanf(line, "stage %d %d %d %zu", &s->n_columns,
	    &s->n_pairs, &prior, size) != 4)
		return false;
	s->prior = prior == 1;
	return s->n_columns >= 0 && s->n_columns <= MOST && s->n_pairs >= 0 &&
		s->n_pairs <= MOST;
}

bool stage_load(struct stage *s, struct arena *a, const struct boost *b,
	struct inputs *in, const char **p, const char *end, const char **why)
{
	size_t size;

	stage_clear(s);
	*why = "the saved model is damaged";
	if (!load_head(s, take_line(a, p, end), &size) ||
	    !load_columns(s, a, in, p, end) || !load_pairs(s, a, p, end) ||
	    size > (size_t)(end - *p))
		return false;
	set_width(s);
	s->model = boost_load(a, b, *p, size, why);
	*p += size;
	if (s->model && boost_columns(s->model) == s->d)
		return true;
	if (s->model)
		*why = "the saved model is damaged";
	stage_clear(s);
	return false;
}
