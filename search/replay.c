/* SPDX-License-Identifier: MIT */
/* Recorded spaces. Rows of texts come in from the readers; a space, its points
 * in a hash table and what each cost go out. Whether a point is legal is one
 * look into that table, however large the grid around it may be. */
#include "search/replay.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/record_read.h"
#include "search/replay_rows.h"

bool replay_fail(struct replay_rows *t, int line, const char *fmt, ...)
{
	va_list ap;

	if (t->why)
		return false;
	va_start(ap, fmt);
	t->why = arena_vprintf(t->a, fmt, ap);
	t->why = line ? arena_printf(t->a, "%s:%d: %s", t->path, line, t->why)
		: arena_printf(t->a, "%s: %s", t->path, t->why);
	va_end(ap);
	return false;
}

static bool named_verdict(struct replay_row *r, const char *text)
{
	static const struct {
		const char *name;
		enum verdict verdict;
	} others[] = {
		{ "fail", V_COMPILE }, { "runtime", V_LAUNCH },
		{ "constraints", V_LAUNCH }, { "correctness", V_WRONG },
		{ "InvalidConfig", V_LAUNCH },
		{ "CompilationFailedConfig", V_COMPILE },
		{ "RuntimeFailedConfig", V_LAUNCH },
	};

	for (int i = 0; i < V_MEASURED; i++)
		if (!strcmp(text, verdict_name(i))) {
			r->verdict = i;
			return true;
		}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (!strcmp(text, others[i].name)) {
			r->verdict = others[i].verdict;
			return true;
		}
	return false;
}

bool replay_outcome(struct replay_row *r, const char *text, double unit)
{
	char *end;
	double v = strtod(text, &end);

	r->seconds = INFINITY;
	if (named_verdict(r, text)) {
		r->message = "failed when it was recorded";
		return true;
	}
	if (end == text || *end || !(v > 0) || !isfinite(v * unit))
		return false;
	r->seconds = v * unit;
	r->verdict = V_MEASURED;
	return true;
}

/* ---- the problem ---- */

int replay_find(const struct replay *r, const int *genes)
{
	return seen_find(&r->index, genes);
}

static const char *legal(void *ctx, struct arena *a, const int *genes)
{
	const struct replay *r = ctx;

	(void)a;
	return replay_find(r, genes) < 0 ? "not in the table" : NULL;
}

/* The grid around a table may have no legal point in a billion. */
static void draw(void *ctx, struct rng *rng, int *genes)
{
	const struct replay *r = ctx;
	size_t d = (size_t)r->space.n_genes;

	memcpy(genes, r->index.v + (size_t)rng_below(rng, r->n) * d,
		d * sizeof *genes);
}

static void measure(void *ctx, struct arena *a, const int *genes, int n,
	struct cost *out)
{
	const struct replay *r = ctx;

	(void)a;
	for (int i = 0; i < n; i++) {
		int at = replay_find(r, genes + i * r->space.n_genes);

		out[i] = (struct cost){ r->seconds[at], r->verdicts[at],
			r->messages[at] };
	}
}

/* ---- genes ---- */

static bool whole(const char *text, int *v)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	*v = (int)n;
	return end > text && !*end && !errno && n >= INT_MIN && n <= INT_MAX;
}

static bool all_whole(const struct replay_rows *t, int column)
{
	int v;

	for (int i = 0; i < t->rows.n; i++)
		if (!whole(t->rows.v[i].cells[column], &v))
			return false;
	return true;
}

static int by_value(const void *x, const void *y)
{
	int p = *(const int *)x, q = *(const int *)y;

	return p < q ? -1 : p > q;
}

/* Sort "v" and drop what it has twice; what is left. */
static int distinct(int *v, int n)
{
	int kept = 0;

	qsort(v, (size_t)n, sizeof *v, by_value);
	for (int i = 0; i < n; i++)
		if (!kept || v[kept - 1] != v[i])
			v[kept++] = v[i];
	return kept;
}

/* Column "g" of "values", and the gene's values in order. */
static void number_gene(struct replay *r, const struct replay_rows *t, int g,
	int *values)
{
	int *v = ARENA_ARRAY(t->a, t->rows.n, int);
	int d = r->space.n_genes;

	for (int i = 0; i < t->rows.n; i++) {
		whole(t->rows.v[i].cells[g], &v[i]);
		values[(size_t)i * (size_t)d + (size_t)g] = v[i];
	}
	r->space.genes[g].values = v;
	r->space.genes[g].n = distinct(v, t->rows.n);
}

/* The same where there are words: each stands where it was first seen. */
static void word_gene(struct replay *r, const struct replay_rows *t, int g,
	int *values)
{
	VEC(const char *) words = {0};
	int d = r->space.n_genes, *v;

	for (int i = 0; i < t->rows.n; i++) {
		const char *word = t->rows.v[i].cells[g];
		int k = 0;

		while (k < words.n && strcmp(words.v[k], word))
			k++;
		if (k == words.n)
			vec_push(t->a, &words, word);
		values[(size_t)i * (size_t)d + (size_t)g] = k;
	}
	v = ARENA_ARRAY(t->a, words.n, int);
	for (int i = 0; i < words.n; i++)
		v[i] = i;
	r->space.genes[g].n = words.n;
	vec_push(t->a, &words, NULL);
	r->space.genes[g].values = v;
	r->space.genes[g].words = words.v;
}

/* ---- the table ---- */

static void put(struct replay *r, const int *point,
	const struct replay_row *row)
{
	int at;

	seen_add(&r->index, point);
	at = replay_find(r, point);
	r->seconds[at] = row->seconds;
	r->compile_seconds[at] = row->compile_seconds;
	r->verdicts[at] = row->verdict;
	r->messages[at] = row->message;
}

static void put_all(struct replay *r, const struct replay_rows *t,
	const int *values)
{
	size_t n = (size_t)t->rows.n, d = (size_t)r->space.n_genes;

	r->seconds = ARENA_ARRAY(t->a, n, double);
	r->compile_seconds = ARENA_ARRAY(t->a, n, double);
	r->verdicts = ARENA_ARRAY(t->a, n, enum verdict);
	r->messages = ARENA_ARRAY(t->a, n, const char *);
	seen_init(&r->index, t->a, (int)d);
	for (size_t i = 0; i < n; i++)
		put(r, values + i * d, &t->rows.v[i]);
	r->n = r->index.n;
	r->optimum = INFINITY;
	for (int i = 0; i < r->n; i++) {
		r->failures += isinf(r->seconds[i]);
		r->optimum = fmin(r->optimum, r->seconds[i]);
	}
}

static struct replay *make_table(const struct replay_rows *t)
{
	struct replay *r = ARENA_NEW(t->a, struct replay);
	int d = t->names.n;
	int *values = ARENA_ARRAY(t->a, (size_t)t->rows.n * (size_t)d, int);

	r->path = t->path;
	r->space.n_genes = d;
	r->space.genes = ARENA_ARRAY(t->a, d, struct gene);
	for (int g = 0; g < d; g++) {
		r->space.genes[g].name = t->names.v[g];
		if (all_whole(t, g))
			number_gene(r, t, g, values);
		else
			word_gene(r, t, g, values);
	}
	put_all(r, t, values);
	r->problem = (struct problem){ .space = &r->space, .ctx = r,
		.legal = legal, .measure = measure, .draw = draw };
	return r;
}

static bool read_text(struct replay_rows *t)
{
	const char *text, *why;

	t->src = source_read(t->a, t->path, &why);
	if (!t->src) {
		t->why = arena_printf(t->a, "cannot read %s: %s", t->path, why);
		return false;
	}
	text = t->src->text + strspn(t->src->text, " \t\r\n");
	if (!(*text == '{' ? replay_json(t) : replay_csv(t)))
		return false;
	return t->rows.n || replay_fail(t, 1, "no points");
}

struct replay *replay_read(struct arena *a, const char *path,
	const char **why)
{
	struct replay_rows t = { .a = a, .path = path };

	if (record_is_db(path))
		replay_records(&t);
	else
		read_text(&t);
	*why = t.why;
	return t.why ? NULL : make_table(&t);
}
