/* SPDX-License-Identifier: MIT */
/* The tuning database as a search sees it. In: a candidate with its space. Out:
 * costs of its points that were measured before, which need not be measured
 * again, and a prior: what the nearest sister problem says, or where there is
 * none the model, corrected by what was learned of all records. Searches find
 * out by themselves how far a prior can be trusted. And in: what becomes of each
 * candidate, stored before anybody is told. */
#include "driver/known.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "driver/measuring.h"
#include "driver/paths.h"
#include "driver/tune.h"
#include "driver/version.h"
#include "search/db.h"
#include "search/learned.h"

enum { SISTERS = 512, SISTERS_LEAST = 16, POOL = 256 };

struct known {
	struct session *s;
	struct db *db;
	int64_t run, *resumed;
	int n_resumed;
	bool failed;
	const struct boost *trees;
	const char *no_trees;
	bool asked;		/* for the library of trees */
	struct learned *learned;	/* about "focus", NULL: nothing yet */
	struct record_key focus;
};

/* ---- the run ---- */

static const char *today(struct arena *a)
{
	return db_date(a, (int64_t)time(NULL));
}

static const char *folder(struct arena *a)
{
	char *here = getcwd(NULL, 0);
	const char *kept = arena_strdup(a, here ? here : "");

	free(here);
	return kept;
}

static const char *settled(const struct session *s)
{
	return arena_printf(s->a, "tune=%s measure=%s target=%s seed=%llu pid=%ld",
		tune_strategy(s), s->measuring->how, s->places[0].target->name,
		(unsigned long long)s->o->seed, (long)getpid());
}

/* Is the process that began the run still there? Another that has its number by
 * now is taken for it: then the run waits for the next time. */
static bool is_alive(const struct db_run *r)
{
	const char *pid = strstr(r->options, " pid=");
	long n = pid ? strtol(pid + strlen(" pid="), NULL, 10) : 0;

	return !*r->ended && n > 0 && (!kill((pid_t)n, 0) || errno == EPERM);
}

static bool has_word(const struct db_run *r, const char *word)
{
	for (int i = 0; i < r->argc; i++)
		if (!strcmp(r->argv[i], word))
			return true;
	return false;
}

static bool is_resumed(const struct known *k, int64_t run)
{
	for (int i = 0; i < k->n_resumed; i++)
		if (k->resumed[i] == run)
			return true;
	return false;
}

/* The runs of this file, from this folder, that did not come to their end; they
 * have when this one does. */
static void resume(struct known *k, const char *here, bool first)
{
	struct arena *a = k->s->a;
	int n = 0;
	const struct db_run *v = db_runs(k->db, a, 0, &n);
	const char *names = "";

	k->resumed = ARENA_ARRAY(a, (size_t)n + 1, int64_t);
	for (int i = 0; v && i < n; i++) {
		if (v[i].id == k->run || (*v[i].ended && !v[i].interrupted) ||
		    strcmp(v[i].folder, here) || is_alive(&v[i]) ||
		    !has_word(&v[i], k->s->o->input))
			continue;
		names = arena_printf(a, "%s%s%lld", names, *names ? ", " : "",
			(long long)v[i].id);
		k->resumed[k->n_resumed++] = v[i].id;
	}
	if (!first)
		return;
	if (k->n_resumed)
		session_say(k->s, k->n_resumed > 1 ?
			"runs %s are resumed: their candidates count" :
			"run %s is resumed: its candidates count", names);
	else
		session_say(k->s, "there is no run to resume: no search of %s "
			"from here was cut short", k->s->o->input);
}

/* A database that nobody named and that cannot be had is done without. */
static bool lacking(struct session *s, const char *why)
{
	if (s->o->db || s->o->resume)
		return session_fail(s, EXIT_USER, "%s", why);
	session_say(s, "nothing is kept of what is measured: %s", why);
	return true;
}

static bool begin(struct known *k)
{
	struct session *s = k->s;
	const char *here = folder(s->a);
	struct db_run r = { .folder = here, .options = settled(s),
		.version = WPK_VERSION, .started = today(s->a),
		.argv = (const char *const *)s->argv, .argc = s->argc };
	bool first = !s->run;

	if (first)
		s->run = db_run_begin(k->db, &r);
	k->run = s->run;
	if (!k->run) {
		lacking(s, db_why(k->db));
		known_close(s);
		return s->code == EXIT_DONE;
	}
	if (s->o->resume)
		resume(k, here, first);
	return true;
}

bool known_open(struct session *s)
{
	const char *why = "there is no home for a database; --db names one";
	const char *paths[3] = { s->o->db ? s->o->db : db_user_path(s->a) };
	struct known *k = ARENA_NEW(s->a, struct known);

	if (!s->measuring || s->o->no_db)
		return true;
	k->s = s;
	paths[1] = paths_find(s->a, PATHS_DB);
	k->db = paths[0] ? db_open(s->a, paths, DB_WRITE, &why) : NULL;
	if (!k->db)
		return lacking(s, why);
	s->known = k;
	return begin(k);
}

void known_close(struct session *s)
{
	if (s->known && s->known->learned)
		learned_destroy(s->known->learned);
	if (s->known)
		db_close(s->known->db);
	s->known = NULL;
}

void known_end(struct session *s)
{
	struct known *k = s->known;

	for (int i = 0; k && i < k->n_resumed && !*s->stop; i++)
		db_run_end(k->db, k->resumed[i], today(s->a), false);
	if (k)
		db_run_end(k->db, k->run, today(s->a), *s->stop);
	known_close(s);
}

int known_put(struct known *k, const struct record *r)
{
	int number = 0;

	if (k->learned)
		learned_add(k->learned, r);
	if (k->failed || db_put(k->db, k->run, r, 1, &number))
		return number;
	k->failed = true;
	session_say(k->s, "what is measured from here on is not kept: %s",
		db_why(k->db));
	return 0;
}

/* ---- points of records ---- */

static bool value_of(const struct gene *g, const char *text, bool near,
	int *out)
{
	char *end;
	long v = strtol(text, &end, 10);
	int best = 0;

	for (int i = 0; i < g->n; i++) {
		if (g->words ? !strcmp(g->words[g->values[i]], text) :
		    end != text && !*end && g->values[i] == v) {
			*out = g->values[i];
			return true;
		}
		if (labs(g->values[i] - v) < labs(g->values[best] - v))
			best = i;
	}
	*out = g->values[best];
	return near && !g->words && end != text;
}

/* The record's point as values of genes; "near": where a gene has not its value,
 * the nearest. What the record does not say can be but one thing, or there was no
 * such gene yet. */
static bool genes_of(const struct candidate *c, const struct record *r,
	bool near, int *out)
{
	for (int g = 0; g < c->space->n_genes; g++) {
		const struct gene *x = &c->space->genes[g];
		int i = 0;

		while (i < r->n && strcmp(r->names[i], x->name))
			i++;
		if (i < r->n ? !value_of(x, r->values[i], near, &out[g]) :
		    x->n != 1 && !choices_newer(c, g))
			return false;
		if (i == r->n)
			out[g] = x->values[0];
	}
	return true;
}

/* ---- what was measured ---- */

/* A limit on time says what the machine was busy with; a compiler that fails may
 * have been broken, old, or out of disk; a launch may have wanted memory that
 * another program had. */
static bool is_final(const struct db_record *x)
{
	return (x->origin == DB_OWN || x->origin == DB_PROVED) &&
		x->r.verdict != V_TIMEOUT && x->r.verdict != V_COMPILE &&
		x->r.verdict != V_LAUNCH;
}

static void recall(struct known *k, const struct record_key *key,
	const struct candidate *c, struct problem *p)
{
	struct arena *a = k->s->a;
	size_t d = (size_t)p->space->n_genes;
	int n, *points;
	const struct db_record *v = db_known(k->db, a, key, &n);
	struct cost *costs;

	if (!v || !n)
		return;
	points = ARENA_ARRAY(a, (size_t)n * d + 1, int);
	costs = ARENA_ARRAY(a, (size_t)n, struct cost);
	for (int i = 0; i < n; i++) {
		if (!is_final(&v[i]) || !genes_of(c, &v[i].r, false,
		    points + (size_t)p->n_known * d))
			continue;
		costs[p->n_known++] = (struct cost){ v[i].r.seconds,
			v[i].r.verdict, v[i].r.message };
		p->counted += is_resumed(k, v[i].run);
	}
	p->known = points;
	p->known_costs = costs;
}

/* ---- what others say ---- */

static bool same_problem(const struct record_key *x, const struct record_key *y)
{
	return x->hash == y->hash && x->share == y->share &&
		!strcmp(x->gpu, y->gpu) && !strcmp(x->target, y->target) &&
		!strcmp(x->shape, y->shape);
}

/* Times of different problems do not compare: the nearest one's alone. */
static struct prior *sister(struct known *k, const struct record_key *key,
	const struct candidate *c)
{
	struct arena *a = k->s->a;
	size_t d = (size_t)c->space->n_genes;
	int n;
	const struct db_near *v = db_nearest(k->db, a, key, SISTERS, &n);
	struct prior *out = ARENA_NEW(a, struct prior);
	int *genes;
	double *seconds;

	if (!v || !n)
		return NULL;
	genes = ARENA_ARRAY(a, (size_t)n * d + 1, int);
	seconds = ARENA_ARRAY(a, (size_t)n, double);
	for (int i = 0; i < n; i++)
		if (same_problem(&v[i].record.r.key, &v[0].record.r.key) &&
		    genes_of(c, &v[i].record.r, true, genes +
		    (size_t)out->n * d))
			seconds[out->n++] = v[i].record.r.seconds;
	out->genes = genes;
	out->seconds = seconds;
	if (k->s->o->verbose && out->n >= SISTERS_LEAST)
		session_say(k->s, "%s: starts from %d records of %s %s %s",
			key->op, out->n, v[0].record.r.key.op,
			v[0].record.r.key.shape, v[0].record.r.key.gpu);
	return out->n >= SISTERS_LEAST ? out : NULL;
}

/* ---- what the model says ---- */

static bool teach(void *ctx, const struct db_record *x)
{
	if (x->origin != DB_REFUSED)
		learned_add(ctx, &x->r);
	return true;
}

/* The sketches of a group are of one problem, and learned about together. */
static bool same_focus(const struct record_key *x, const struct record_key *y)
{
	return x->hash == y->hash && x->group == y->group &&
		!strcmp(x->kernel, y->kernel);
}

static struct learned *learn(struct known *k, const struct record_key *key)
{
	struct db_query all = { .how = key->how };

	if (k->learned && same_focus(&k->focus, key)) {
		learned_update(k->learned, false);
		return k->learned;
	}
	if (k->learned)
		learned_destroy(k->learned);
	k->focus = *key;
	if (!k->asked)
		k->trees = boost_open(k->s->a, &k->no_trees);
	k->asked = true;
	k->learned = learned_create(k->trees, k->no_trees, key, k->s->o->seed);
	db_each(k->db, &all, teach, k->learned);
	learned_update(k->learned, true);
	return k->learned;
}

/* Points the model likes or not, and what they will take. */
static struct prior *pool(struct known *k, const struct job *j, int group,
	const struct candidate *c, const struct record_key *key,
	const struct problem *model)
{
	struct session *s = k->s;
	struct arena *tmp = arena_create();
	struct budget b = { .trials = POOL, .seed = s->o->seed };
	const struct result *r = search_run(s->a, model,
		strategy_named("random"), &b, s->stop, NULL, NULL);
	struct record *v = ARENA_ARRAY(tmp, (size_t)r->n_history + 1,
		struct record);
	struct prior *out = ARENA_NEW(s->a, struct prior);
	struct learned *l = learn(k, key);
	double *seconds = ARENA_ARRAY(s->a, (size_t)r->n_history + 1, double);

	for (int i = 0; i < r->n_history; i++)
		measuring_describe(s->measuring, tmp, j, group, c, r->history +
			(ptrdiff_t)i * c->space->n_genes, &v[i]);
	learned_seconds(l, v, r->n_history, seconds);
	if (s->o->verbose)
		session_say(s, "%s: %s", key->op, learned_says(l));
	arena_destroy(tmp);
	*out = (struct prior){ r->history, seconds, r->n_history };
	return out->n >= SISTERS_LEAST ? out : NULL;
}

void known_problem(struct session *s, const struct job *j, int group,
	const struct candidate *c, const struct problem *model,
	struct problem *p)
{
	struct known *k = s->known;
	struct record r;

	if (!k || !s->measuring->data)
		return;
	measuring_describe(s->measuring, s->a, j, group, c, model->seeds, &r);
	recall(k, &r.key, c, p);
	if (!strategy_named(tune_strategy(s))->takes_prior)
		return;
	p->prior = sister(k, &r.key, c);
	if (!p->prior && !c->general)
		p->prior = pool(k, j, group, c, &r.key, model);
}
