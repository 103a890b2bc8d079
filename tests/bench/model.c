/* SPDX-License-Identifier: MIT */
/* model within TABLE..		learn from some points of a table, order the rest
 * model gpu TABLE GPU TABLE GPU	learn from one table, order the other
 * model standin FILE.wpk		learn from some shapes, order another; times
 *				of a stand-in, no measurements
 * model records DATABASE HOW	the same from records of the tuning database
 * model cost FILE.wpk		what learning and predicting take
 *
 * What the learned model is worth: a line for each number of points of the
 * problem itself that it learned from, means over seeds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/rank.h"
#include "base/vec.h"
#include "search/db.h"
#include "search/features.h"
#include "search/learned.h"
#include "search/replay.h"
#include "search/surrogate.h"
#include "standin.h"

enum { SEEDS = 10, GP_SEEDS = 2, ENOUGH = 60 };

static const int marks[] = { 25, 50, 100, 200, 400 };
enum { N_MARKS = sizeof marks / sizeof *marks };

/* The points of a problem that were timed; "replay" is what they come from, if
 * that is a recorded space. */
struct table {
	const char *name;
	const struct replay *replay;
	struct record *records;
	double *seconds;
	const int **genes;
	int n;
};

/* Of this process: a busy machine does not count. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
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
	t->name = base_name(path);
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
		s.genes[k] = t->genes ? t->genes[i] : NULL;
	}
	for (int i = 0; i < t->n; i++)
		s.seconds[i] = s.records[i].seconds;
	return s;
}

/* ---- models ---- */

/* What may be learned from: the first "n" of the table, and other tables. */
struct known {
	const struct table *others;
	int n_others, n;
};

/* Predictions of all of "t"; what a model says of itself to "says". */
struct model {
	const char *name;
	int seeds;
	void (*predict)(struct arena *a, const struct boost *b,
		const struct table *t, const struct known *k, double *out,
		const char **says);
};

static void predict_learned(struct arena *a, const struct boost *b,
	const struct table *t, const struct known *k, double *out,
	const char **says)
{
	struct learned *l = learned_create(b, "not asked",
		&t->records[0].key, 1);

	for (int i = 0; i < k->n_others; i++)
		for (int m = 0; m < k->others[i].n; m++)
			learned_add(l, &k->others[i].records[m]);
	for (int i = 0; i < k->n; i++)
		learned_add(l, &t->records[i]);
	learned_update(l, true);
	learned_seconds(l, t->records, t->n, out);
	*says = arena_strdup(a, learned_says(l));
	learned_destroy(l);
}

static void predict_analytic(struct arena *a, const struct boost *b,
	const struct table *t, const struct known *k, double *out,
	const char **says)
{
	(void)b;
	predict_learned(a, NULL, t, k, out, says);
}

/* The places of a point's values among their genes'. */
static void places(const struct space *sp, const int *values, int *x)
{
	for (int i = 0; i < sp->n_genes; i++) {
		const struct gene *g = &sp->genes[i];

		x[i] = 0;
		while (x[i] < g->n - 1 && g->values[x[i]] != values[i])
			x[i]++;
	}
}

static void predict_gp(struct arena *a, const struct boost *b,
	const struct table *t, const struct known *k, double *out,
	const char **says)
{
	const struct space *sp = &t->replay->space;
	int n = k->n, *x = ARENA_ARRAY(a, sp->n_genes, int);
	struct surrogate g;
	double sd;

	(void)b;
	*says = "";
	surrogate_init(&g, a, sp, n, 0);
	for (int i = 0; i < n; i++) {
		places(sp, t->genes[i], x);
		surrogate_add(&g, x, log(t->seconds[i]));
	}
	surrogate_tune(&g, 20);
	surrogate_refit(&g);
	surrogate_predict(&g);
	for (int i = 0; i < t->n; i++) {
		places(sp, t->genes[i], x);
		out[i] = surrogate_at(&g, x, &sd);
	}
}

static const struct model trees = { "trees", SEEDS, predict_learned };
static const struct model analytic = { "none", 1, predict_analytic };
static const struct model gp = { "gp", GP_SEEDS, predict_gp };

static void add_rank(struct rank *sum, const struct rank *r, double share)
{
	sum->spearman += r->spearman * share;
	sum->kendall += r->kendall * share;
	sum->best_1 += r->best_1 * share;
	sum->best_10 += r->best_10 * share;
	sum->best_1pc += r->best_1pc * share;
	sum->worth += r->worth * share;
}

static void print_head(void)
{
	printf("%-16s %-6s %4s  %8s %7s  %6s %6s %6s  %7s\n", "", "", "n",
		"Spearman", "Kendall", "best 1", "of 10", "of 1 %", "worth16");
}

static void print_rank(const char *what, const char *model, int n,
	const struct rank *s, const char *says)
{
	printf("%-16.16s %-6s %4d  %8.3f %7.3f  %6.2f %6.2f %6.2f  %7.3f  %s\n",
		what, model, n, s->spearman, s->kendall, s->best_1, s->best_10,
		s->best_1pc, s->worth, says);
	fflush(stdout);
}

/* Learn what is known; order what is left of the table. */
static struct rank judge(const struct boost *b, const struct model *m,
	const struct table *t, const struct known *k)
{
	struct arena *keep = arena_create();
	struct rank sum = {0};
	const char *says = "";

	for (int seed = 1; seed <= m->seeds; seed++) {
		struct arena *a = arena_create();
		struct table s = shuffled(a, t, (uint64_t)seed);
		double *out = ARENA_ARRAY(a, s.n, double);
		struct rank r;

		m->predict(a, b, &s, k, out, &says);
		says = arena_strdup(keep, says);
		r = rank_of(a, out + k->n, s.seconds + k->n, s.n - k->n);
		add_rank(&sum, &r, 1.0 / m->seeds);
		arena_destroy(a);
	}
	print_rank(t->name, m->name, k->n, &sum, says);
	arena_destroy(keep);
	return sum;
}

/* ---- recorded spaces ---- */

static int within(struct arena *a, const struct boost *b, int n, char **paths)
{
	print_head();
	for (int i = 0; i < n; i++) {
		const struct table *t = table_read(a, paths[i], "");

		for (int k = 0; k < N_MARKS; k++) {
			judge(b, &trees, t, &(struct known){ .n = marks[k] });
			judge(b, &gp, t, &(struct known){ .n = marks[k] });
		}
	}
	return 0;
}

static int gpus(struct arena *a, const struct boost *b, char **v)
{
	const struct table *x = table_read(a, v[0], v[1]);
	const struct table *y = table_read(a, v[2], v[3]);

	print_head();
	for (int i = 0; i < 2; i++)
		for (int k = -1; k < N_MARKS; k++)
			judge(b, &trees, i ? x : y, &(struct known){
				i ? y : x, 1, k < 0 ? 0 : marks[k] });
	return 0;
}

/* ---- records of many problems ---- */

typedef VEC(struct table) table_list;

static const char *title_of(struct arena *a, const struct record_key *k)
{
	return arena_printf(a, "%s %s", k->op, k->gpu);
}

static bool same_problem(const struct record_key *x, const struct record_key *y)
{
	return x->hash == y->hash && x->group == y->group &&
		x->share == y->share && !strcmp(x->gpu, y->gpu) &&
		!strcmp(x->target, y->target) && !strcmp(x->kernel, y->kernel);
}

static struct table *table_for(struct arena *a, table_list *v,
	const struct record_key *key, int cap)
{
	for (int i = 0; i < v->n; i++)
		if (same_problem(&v->v[i].records[0].key, key))
			return &v->v[i];
	vec_push(a, v, (struct table){ .name = title_of(a, key),
		.records = ARENA_ARRAY(a, cap, struct record),
		.seconds = ARENA_ARRAY(a, cap, double) });
	return &v->v[v->n - 1];
}

/* Problems with enough points to judge by. */
static table_list tables_of(struct arena *a, const struct record *r, int n)
{
	table_list all = {0}, out = {0};

	for (int i = 0; i < n; i++) {
		struct table *t;

		if (r[i].verdict != V_MEASURED || !isfinite(r[i].seconds))
			continue;
		t = table_for(a, &all, &r[i].key, n);
		t->seconds[t->n] = r[i].seconds;
		t->records[t->n++] = r[i];
	}
	for (int i = 0; i < all.n; i++)
		if (all.v[i].n >= ENOUGH)
			vec_push(a, &out, all.v[i]);
	return out;
}

/* All but "t": of other shapes on the same GPU, or of other GPUs. */
static struct known others_of(struct arena *a, const table_list *v,
	const struct table *t, bool gpus, int n)
{
	struct table *out = ARENA_ARRAY(a, v->n + 1, struct table);
	struct known k = { out, 0, n };

	for (int i = 0; i < v->n; i++) {
		const struct record_key *x = &v->v[i].records[0].key;
		bool here = !strcmp(x->gpu, t->records[0].key.gpu);

		if (&v->v[i] != t && here != gpus)
			out[k.n_others++] = v->v[i];
	}
	return k;
}

/* Sums over problems, "n" of them. */
struct mean {
	struct rank sum;
	int n;
};

static void add_mean(struct mean *m, struct rank r)
{
	add_rank(&m->sum, &r, 1);
	m->n++;
}

static void print_mean(const struct mean *m, const char *model, int own,
	const char *what)
{
	struct rank r = {0};

	if (!m->n)
		return;
	add_rank(&r, &m->sum, 1.0 / m->n);
	print_rank("mean", model, own, &r, what);
}

/* Every problem in turn is the one that nothing is known of. */
static void leave_out(struct arena *a, const struct boost *b,
	const table_list *v, bool gpus)
{
	static const int own[] = { 0, 25, 100 };
	enum { N_OWN = sizeof own / sizeof *own };
	struct mean none = {0}, alone[N_OWN] = {0}, with[N_OWN] = {0};
	struct model few = trees;

	for (int i = 0; i < v->n; i++) {
		struct known k = others_of(a, v, &v->v[i], gpus, 0);
		const struct table *t = &v->v[i];

		if (!k.n_others)
			continue;
		add_mean(&none, judge(b, &analytic, t, &(struct known){0}));
		for (int m = 0; m < N_OWN && own[m] < t->n / 2; m++) {
			few.seeds = own[m] ? 2 : 1;
			k.n = own[m];
			add_mean(&with[m], judge(b, &few, t, &k));
			add_mean(&alone[m], judge(b, &few, t,
				&(struct known){ .n = own[m] }));
		}
	}
	print_mean(&none, "none", 0, "the analytic model");
	for (int m = 0; m < N_OWN; m++) {
		print_mean(&with[m], "trees", own[m], "with the others");
		print_mean(&alone[m], "trees", own[m], "without them");
	}
}

static int judge_records(struct arena *a, const struct boost *b,
	const struct record *r, int n)
{
	table_list v = tables_of(a, r, n);

	printf("# %d records, %d problems of at least %d\n", n, v.n, ENOUGH);
	print_head();
	for (int gpus = 0; gpus < 2; gpus++) {
		printf("# %s\n", gpus ? "learned on other GPUs" :
			"learned on other shapes, same GPU");
		leave_out(a, b, &v, gpus);
	}
	return v.n == 0;
}

static int standin(struct arena *a, const struct boost *b, const char *path)
{
	static const char *const names[] = { "a100", "h100", NULL };
	VEC(struct record) all = {0};

	printf("# Times of a stand-in (tests/bench/standin.c): another model, "
		"no GPU.\n");
	for (int i = 0; names[i]; i++) {
		int n;
		const struct record *r = standin_records(a, path, names[i],
			300, &n);

		if (!r)
			return 1;
		for (int k = 0; k < n; k++)
			vec_push(a, &all, r[k]);
	}
	return judge_records(a, b, all.v, all.n);
}

static int records(struct arena *a, const struct boost *b, const char *path,
	const char *how)
{
	const char *paths[] = { path, NULL }, *why;
	struct db *db = db_open(a, paths, DB_READ, &why);
	struct db_query q = { .how = how };
	struct db_record *v;
	struct record *r;
	int n, status;

	if (!db) {
		fprintf(stderr, "model: %s\n", why);
		return 1;
	}
	v = db_find(db, a, &q, &n);
	if (!v) {
		fprintf(stderr, "model: %s\n", db_why(db));
		return 1;
	}
	r = ARENA_ARRAY(a, n + 1, struct record);
	for (int i = 0; i < n; i++)
		r[i] = v[i].r;
	status = judge_records(a, b, r, n);
	db_close(db);
	return status;
}

/* ---- cost ---- */

static long resident_kb(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long all, pages = 0;

	if (f && fscanf(f, "%ld %ld", &all, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * 4;
}

/* "n" records of others ("own" false) or of the problem; then one pool. */
static void cost_of(const struct boost *b, const struct record *r, int n_all,
	int n, bool own)
{
	struct record_key key = r[0].key;
	struct learned *l;
	double out[2000], t[4];
	long before = resident_kb();

	if (!own)
		key.hash++;
	l = learned_create(b, "", &key, 1);
	t[0] = now();
	for (int i = 0; i < n; i++)
		learned_add(l, &(struct record){ .key = r[0].key,
			.names = r[i % n_all].names,
			.values = r[i % n_all].values, .n = r[i % n_all].n,
			.verdict = V_MEASURED, .features = r[i % n_all].features,
			.n_features = r[i % n_all].n_features,
			.seconds = r[i % n_all].seconds });
	t[1] = now();
	learned_update(l, true);
	t[2] = now();
	learned_seconds(l, r, n_all < 2000 ? n_all : 2000, out);
	t[3] = now();
	printf("%6d %-6s add %7.2f ms, learn %7.1f ms, predict %5.1f us a "
		"candidate, %ld KB more memory\n", n, own ? "own" : "others",
		(t[1] - t[0]) * 1e3, (t[2] - t[1]) * 1e3, (t[3] - t[2]) * 1e6
		/ (n_all < 2000 ? n_all : 2000), resident_kb() - before);
	learned_destroy(l);
}

static int cost(struct arena *a, const struct boost *b, const char *path)
{
	static const int sizes[] = { 25, 100, 400, 1000, 10000 };
	int n;
	const struct record *r = standin_records(a, path, "a100", 1000, &n);

	if (!r || !n)
		return 1;
	printf("# processor time\n");
	for (int own = 0; own < 2; own++)
		for (int i = 0; i < 5; i++)
			cost_of(b, r, n, sizes[i], own);
	return 0;
}

static int run(struct arena *a, const struct boost *b, int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc > 2 && !strcmp(what, "within"))
		return within(a, b, argc - 2, argv + 2);
	if (argc == 6 && !strcmp(what, "gpu"))
		return gpus(a, b, argv + 2);
	if (argc == 3 && !strcmp(what, "standin"))
		return standin(a, b, argv[2]);
	if (argc == 4 && !strcmp(what, "records"))
		return records(a, b, argv[2], argv[3]);
	if (argc == 3 && !strcmp(what, "cost"))
		return cost(a, b, argv[2]);
	fprintf(stderr, "model: see the head of tests/bench/model.c\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct arena *a = arena_create();
	double began = now();
	const char *why;
	const struct boost *b = boost_open(a, &why);
	int status;

	if (!b)
		printf("# without trees: %s\n", why);
	else
		printf("# XGBoost %s, opened in %.1f ms\n", boost_version(b),
			(now() - began) * 1e3);
	status = run(a, b, argc, argv);
	printf("# %.1f s of processor time\n", now() - began);
	arena_destroy(a);
	return status;
}
