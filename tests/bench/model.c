/* SPDX-License-Identifier: MIT */
/* model within TABLE..		learn from some points of a table, order the rest
 * model gpu TABLE GPU TABLE GPU	learn from one table, order the other
 *
 * What the learned model is worth on recorded spaces: a line for each number
 * of points learned from, the mean over seeds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rank.h"
#include "search/gp.h"
#include "search/learned.h"
#include "search/replay.h"

enum { SEEDS = 10, GP_SEEDS = 2 };

static const int marks[] = { 25, 50, 100, 200, 400 };
enum { N_MARKS = sizeof marks / sizeof *marks };

/* The points that were timed, as records. */
struct table {
	const struct replay *replay;
	struct record *records;
	double *seconds;
	const int **genes;
	int n;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* ---- tables ---- */

static const char *value_text(struct arena *a, const struct gene *g, int v)
{
	return g->words ? g->words[v] : arena_printf(a, "%d", v);
}

static void add_record(struct table *t, struct arena *a,
	const char *const *names, const char *gpu, int i)
{
	const struct space *sp = &t->replay->space;
	const int *genes = t->replay->index.v + (ptrdiff_t)i * sp->n_genes;
	const char **values = ARENA_ARRAY(a, sp->n_genes, const char *);

	for (int g = 0; g < sp->n_genes; g++)
		values[g] = value_text(a, &sp->genes[g], genes[g]);
	t->genes[t->n] = genes;
	t->seconds[t->n] = t->replay->seconds[i];
	t->records[t->n++] = (struct record){
		.key = { .op = "table", .gpu = gpu, .how = "gpu" },
		.names = names, .values = values, .n = sp->n_genes,
		.verdict = V_MEASURED, .seconds = t->replay->seconds[i] };
}

static struct table *table_read(struct arena *a, const char *path,
	const char *gpu)
{
	struct table *t = ARENA_NEW(a, struct table);
	const char **names, *why;

	t->replay = replay_read(a, path, &why);
	if (!t->replay) {
		fprintf(stderr, "model: %s\n", why);
		exit(1);
	}
	names = ARENA_ARRAY(a, t->replay->space.n_genes, const char *);
	for (int g = 0; g < t->replay->space.n_genes; g++)
		names[g] = t->replay->space.genes[g].name;
	t->records = ARENA_ARRAY(a, t->replay->n, struct record);
	t->seconds = ARENA_ARRAY(a, t->replay->n, double);
	t->genes = ARENA_ARRAY(a, t->replay->n, const int *);
	for (int i = 0; i < t->replay->n; i++)
		if (isfinite(t->replay->seconds[i]))
			add_record(t, a, names, gpu, i);
	return t;
}

/* A table in random order: the first are learned from. */
static struct table shuffled(struct arena *a, const struct table *t,
	uint64_t seed)
{
	struct table s = *t;
	struct rng rng;

	s.records = ARENA_ARRAY(a, t->n, struct record);
	s.seconds = ARENA_ARRAY(a, t->n, double);
	s.genes = ARENA_ARRAY(a, t->n, const int *);
	rng_seed(&rng, seed);
	for (int i = 0; i < t->n; i++) {
		int k = rng_below(&rng, i + 1);

		s.records[i] = s.records[k];
		s.genes[i] = s.genes[k];
		s.records[k] = t->records[i];
		s.genes[k] = t->genes[i];
	}
	for (int i = 0; i < t->n; i++)
		s.seconds[i] = s.records[i].seconds;
	return s;
}

/* ---- models ---- */

/* Predictions of all of "t", whose first "n" may be learned from; what a model
 * says of itself to "says". */
struct model {
	const char *name;
	int seeds;
	void (*predict)(struct arena *a, const struct boost *b,
		const struct table *t, const struct table *from, int n,
		double *out, const char **says);
};

static void predict_learned(struct arena *a, const struct boost *b,
	const struct table *t, const struct table *from, int n, double *out,
	const char **says)
{
	struct learned *l = learned_create(b, "", &t->records[0].key, 1);

	for (int i = 0; from && i < from->n; i++)
		learned_add(l, &from->records[i]);
	for (int i = 0; i < n; i++)
		learned_add(l, &t->records[i]);
	learned_update(l, true);
	learned_seconds(l, t->records, t->n, out);
	*says = arena_strdup(a, learned_says(l));
	learned_destroy(l);
}

static void coordinates(const struct space *sp, const int *genes, double *x)
{
	for (int g = 0; g < sp->n_genes; g++) {
		int i = 0;

		while (sp->genes[g].values[i] != genes[g])
			i++;
		x[g] = sp->genes[g].n > 1 ? (double)i / (sp->genes[g].n - 1)
			: 0;
	}
}

static void predict_gp(struct arena *a, const struct boost *b,
	const struct table *t, const struct table *from, int n, double *out,
	const char **says)
{
	const struct space *sp = &t->replay->space;
	bool *nominal = ARENA_ARRAY(a, sp->n_genes, bool);
	double *x = ARENA_ARRAY(a, sp->n_genes, double), sd;
	struct gp g;
	struct rng rng;

	(void)b;
	(void)from;
	*says = "";
	for (int i = 0; i < sp->n_genes; i++)
		nominal[i] = sp->genes[i].words != NULL;
	gp_init(&g, a, nominal, sp->n_genes, n);
	for (int i = 0; i < n; i++) {
		coordinates(sp, t->genes[i], x);
		gp_add(&g, x, log(t->seconds[i]));
	}
	rng_seed(&rng, 1);
	gp_tune(&g, &rng, n > 200 ? 20 : 60);
	gp_fit(&g);
	for (int i = 0; i < t->n; i++) {
		coordinates(sp, t->genes[i], x);
		out[i] = gp_predict(&g, x, &sd);
	}
}

static const struct model trees = { "trees", SEEDS, predict_learned };
static const struct model gp = { "gp", GP_SEEDS, predict_gp };

static void add_rank(struct rank *sum, const struct rank *r)
{
	sum->spearman += r->spearman;
	sum->kendall += r->kendall;
	sum->best_1 += r->best_1;
	sum->best_10 += r->best_10;
	sum->best_1pc += r->best_1pc;
	sum->worth += r->worth;
}

static void print_head(void)
{
	printf("%-16s %-6s %4s  %8s %7s  %6s %6s %6s  %7s\n", "", "", "n",
		"Spearman", "Kendall", "best 1", "of 10", "of 1 %", "worth16");
}

static void print_rank(const char *what, const char *model, int n,
	const struct rank *s, double k, const char *says)
{
	printf("%-16.16s %-6s %4d  %8.3f %7.3f  %6.2f %6.2f %6.2f  %7.3f  %s\n",
		what, model, n, s->spearman / k, s->kendall / k, s->best_1 / k,
		s->best_10 / k, s->best_1pc / k, s->worth / k, says);
	fflush(stdout);
}

/* Learn from "n" points, and from all of "from"; order the others. */
static void judge(const struct boost *b, const struct model *m,
	const struct table *t, const struct table *from, int n)
{
	struct rank sum = {0};
	const char *says = "";
	struct arena *keep = arena_create();

	for (int seed = 1; seed <= m->seeds; seed++) {
		struct arena *a = arena_create();
		struct table s = shuffled(a, t, (uint64_t)seed);
		double *out = ARENA_ARRAY(a, s.n, double);
		struct rank r;

		m->predict(a, b, &s, from, n, out, &says);
		says = arena_strdup(keep, says);
		r = rank_of(a, out + n, s.seconds + n, s.n - n);
		add_rank(&sum, &r);
		arena_destroy(a);
	}
	print_rank(base_name(t->replay->path), m->name, n, &sum, m->seeds,
		says);
	arena_destroy(keep);
}

static int within(struct arena *a, const struct boost *b, int n, char **paths)
{
	print_head();
	for (int i = 0; i < n; i++) {
		const struct table *t = table_read(a, paths[i], "");

		for (int k = 0; k < N_MARKS; k++) {
			judge(b, &trees, t, NULL, marks[k]);
			if (getenv("GP"))
				judge(b, &gp, t, NULL, marks[k]);
		}
	}
	return 0;
}

static int gpus(struct arena *a, const struct boost *b, char **v)
{
	const struct table *x = table_read(a, v[0], v[1]);
	const struct table *y = table_read(a, v[2], v[3]);

	print_head();
	for (int i = 0; i < 2; i++) {
		judge(b, &trees, i ? x : y, i ? y : x, 0);
		for (int k = 0; k < N_MARKS; k++)
			judge(b, &trees, i ? x : y, i ? y : x, marks[k]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct arena *a = arena_create();
	const char *why;
	const struct boost *b = boost_open(a, &why);
	double began = now();
	int status;

	if (!b)
		printf("# without trees: %s\n", why);
	if (argc > 2 && !strcmp(argv[1], "within"))
		status = within(a, b, argc - 2, argv + 2);
	else if (argc == 6 && !strcmp(argv[1], "gpu"))
		status = gpus(a, b, argv + 2);
	else
		status = 2;
	printf("# %.1f s\n", now() - began);
	arena_destroy(a);
	return status;
}
