/* SPDX-License-Identifier: MIT */
/* --tune: search every job's groups, prove the winners in order until one
 * stands, and record it. A candidate that the toolchain or the emulator
 * rejects is passed over with a verdict; Ctrl-C keeps the best found so far,
 * unproved. */
#include "driver/session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "driver/child.h"
#include "driver/known.h"
#include "driver/measuring.h"
#include "driver/tune.h"

enum { TRIALS = 2000, SECONDS = 60, EFFORT = 5 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- searching ---- */

struct telling {
	struct session *s;
	const struct job *j;
	int number;
	double begin, limit;
};

static void tell_progress(void *ctx, const struct progress *p)
{
	struct telling *t = ctx;
	double rate = p->elapsed > 0 ? p->trials / p->elapsed : 0;

	if (!t->s->tty || t->s->o->quiet)
		return;
	fprintf(stderr, "\r\033[K%s [%d/%d] best %.3g us, %d of %d, %.0f "
		"candidates/s, %.0f s left",
		t->j->name, t->number + 1, t->s->n_jobs, p->best * 1e6,
		p->trials, p->total, rate, rate > 0 ?
		fmin((p->total - p->trials) / rate, t->limit - p->elapsed) : 0);
	fflush(stderr);
}

/* A search starts from the untuned choice too, so that it ends no worse. */
static struct problem with_default(struct session *s, struct candidate *c)
{
	struct problem p = problem_of(s, c);
	size_t n = (size_t)c->space->n_genes;
	int *seeds = ARENA_ARRAY(s->a, n * (size_t)(p.n_seeds + 1) + 1, int);
	double seconds;
	const int *untuned = problem_default(s, c, &seconds);

	if (!untuned)
		return p;
	memcpy(seeds, untuned, n * sizeof *seeds);
	memcpy(seeds + n, p.seeds, n * (size_t)p.n_seeds * sizeof *seeds);
	p.seeds = seeds;
	p.n_seeds++;
	return p;
}

/* The searches of one job: of every sketch for every group of every plan that
 * is searched. They share trials and time evenly. "last" has begun all its
 * candidates, and will have its result at "result". */
struct shares {
	int number;		/* of the job */
	int all, done;
	int trials;
	double seconds;
	struct searching *last;
	struct result **result;
};

static struct searching *start_one(struct session *s, struct job *j, int group,
	struct candidate *c, struct shares *h)
{
	double seconds = h->seconds / h->all;
	struct telling *t = ARENA_NEW(s->a, struct telling);
	struct problem model = with_default(s, c), problem = model;
	int before = (int)((int64_t)h->trials * h->done / h->all);
	int mine = (int)((int64_t)h->trials * (h->done + 1) / h->all) - before;
	struct budget b = { .trials = mine > 1 ? mine : 1, .seconds = seconds,
		.seed = s->o->seed,
		.effort = s->o->effort ? s->o->effort : EFFORT };

	*t = (struct telling){ s, j, h->number, now(), seconds };
	h->done++;
	if (!c->space || s->code != EXIT_DONE || (s->measuring &&
	    !measuring_problem(s, j, group, c, &problem)))
		return NULL;
	known_problem(s, j, group, c, &model, &problem);
	return search_start(s->a, &problem, strategy_named(tune_strategy(s)),
		&b, s->stop, tell_progress, t);
}

static void finish_last(struct session *s, struct shares *h)
{
	struct result *r = h->last ? search_finish(h->last) : NULL;

	if (r && s->code == EXIT_DONE &&
	    !(s->measuring && measuring_failed(s)))
		*h->result = r;
	h->last = NULL;
}

/* The next begins its candidates before the last of those before are measured:
 * workers are never out of work. */
static void search_one(struct session *s, struct job *j, int group, int i,
	struct shares *h)
{
	struct part *p = &j->parts[group];
	struct searching *next = start_one(s, j, group, &p->candidates[i], h);

	finish_last(s, h);
	h->last = next;
	h->result = &p->results[i];
}

/* What is prepared before calls is not worth a search. */
static void search_group(struct session *s, struct job *j, int group,
	struct shares *h)
{
	struct part *p = &j->parts[group];

	p->results = ARENA_ARRAY(s->a, (size_t)p->n, struct result *);
	for (int i = 0; i < p->n && !plan_prepares(j, group); i++)
		if (p->candidates[i].space)
			search_one(s, j, group, i, h);
}

static int count_searches(const struct plan *p)
{
	int n = 0;

	for (int g = 0; g < p->partition->n_groups; g++)
		for (int i = 0; i < p->parts[g].n && !ir_prepares(p->op,
		     &p->partition->groups[g]); i++)
			n += p->parts[g].candidates[i].space != NULL;
	return n;
}

/* Seconds of the best that a search of the job's present plan came upon. */
static double found_seconds(const struct job *j)
{
	double sum = 0;

	for (int g = 0; g < j->partition->n_groups; g++) {
		const struct part *p = &j->parts[g];
		double best = INFINITY;

		for (int i = 0; i < p->n; i++)
			for (int k = 0; p->results[i] &&
			     k < p->results[i]->n_history; k++)
				best = fmin(best, p->candidates[i].margin *
					p->results[i]->history_cost[k]);
		if (!plan_prepares(j, g))
			sum += best;
	}
	return sum;
}

/* Plans that are far behind untuned are not searched. */
static bool is_hopeful(const struct job *j, int plan)
{
	static const double far = 1.5;
	double best = INFINITY;

	for (int i = 0; i < j->n_plans; i++)
		best = fmin(best, j->plans[i].seconds);
	return j->plans[plan].seconds <= far * best;
}

/* Where nothing could be measured the model's word stands. */
static bool any_found(const double *seconds, int n)
{
	for (int i = 0; i < n; i++)
		if (isfinite(seconds[i]))
			return true;
	return false;
}

static double search_plan(struct session *s, struct job *j, int plan,
	struct shares *h)
{
	double found;

	plan_use(j, plan);
	for (int g = 0; g < j->partition->n_groups; g++)
		search_group(s, j, g, h);
	finish_last(s, h);
	found = found_seconds(j);
	if (!s->measuring)
		return fmin(found, j->plans[plan].seconds);
	s->measuring->found = fmin(s->measuring->found, found);
	return found;
}

/* A file is one trial, and costs the sketches none of theirs; it comes last, so
 * that what is far behind them is known to be. */
bool tune_search(struct session *s, struct job *j, int number, double seconds)
{
	struct shares h = { .number = number, .seconds = seconds, .trials =
		s->o->trials ? s->o->trials : j->trials ? j->trials : TRIALS };
	double *found = ARENA_ARRAY(s->a, (size_t)j->n_plans, double);

	if (s->measuring)
		s->measuring->found = INFINITY;
	for (int i = 0; i < j->n_plans; i++)
		h.all += is_hopeful(j, i) ? count_searches(&j->plans[i]) : 0;
	for (int i = 0; i < j->n_plans; i++) {
		struct shares one = { .number = number, .seconds = seconds,
			.all = 1, .trials = 1 };

		found[i] = is_hopeful(j, i) ? search_plan(s, j, i, &h) :
			contenders_measured(s, j, i) ? search_plan(s, j, i,
			&one) : INFINITY;
	}
	for (int i = 0; i < j->n_plans && any_found(found, j->n_plans); i++)
		j->plans[i].seconds = found[i];
	plans_rank(j);
	return s->code == EXIT_DONE;
}

struct ranking {
	struct session *s;
	struct finalist ***ranked;	/* [job][group][rank] */
	int **n;
	int *plans;			/* they are of, by job; where another
					 * is in use, a file's, it beat them */
};

static void choose_rank(const struct ranking *c, int job, int group, int k)
{
	const struct finalist *r = &c->ranked[job][group][k];

	c->s->jobs[job].parts[group].choice = (struct choice){ r->candidate,
		(int *)r->genes, r->seconds, r->how, "none", r->pinned };
}

static bool any_left(const struct ranking *c, int job, const int *ranks)
{
	for (int g = 0; g < c->s->jobs[job].partition->n_groups; g++)
		if (ranks[g] + 1 < c->n[job][g])
			return true;
	return false;
}

/* The next combination to try: the groups take turns to step down. */
static void step_down(const struct ranking *c, int job, int *ranks, int attempt)
{
	int n = c->s->jobs[job].partition->n_groups;

	for (int i = 0; i < n; i++) {
		int g = (attempt + i) % n;

		if (ranks[g] + 1 < c->n[job][g]) {
			ranks[g]++;
			return;
		}
	}
}

/* One that was passed over: "VERDICT MESSAGE\tCOMMAND". */
static void pass_over(const struct session *s, const struct job *j,
	struct str *passed, const struct proof *r)
{
	str_printf(passed, "%d %.*s\t%s\n", r->verdict,
		(int)strcspn(r->text, "\n\t"), r->text,
		measuring_again(s, s->a, j, -1, NULL, NULL));
}

static bool is_over(const struct proof *r)
{
	return r->verdict == V_MEASURED || r->hopeless || child_stop_pending();
}

static struct proof prove_chosen(struct session *s, const struct job *j)
{
	struct program *p = choices_program(s, s->a, j);

	return p ? prove(s, s->a, j, p) : (struct proof){
		.verdict = V_COMPILE, .hopeless = true, .text = "no finalist" };
}

static struct proof prove_ranks(const struct ranking *c, int i, int *ranks,
	struct str *passed)
{
	struct job *j = &c->s->jobs[i];

	for (int attempt = 0; ; attempt++) {
		struct proof r;

		for (int g = 0; g < j->partition->n_groups; g++)
			choose_rank(c, i, g, ranks[g]);
		r = prove_chosen(c->s, j);
		if (is_over(&r) || !any_left(c, i, ranks) ||
		    attempt == TUNE_FINALISTS - 1)
			return r;
		pass_over(c->s, j, passed, &r);
		step_down(c, i, ranks, attempt);
	}
}

/* In a child process. Writes "PLAN RANK RANK ..\nSTATE\nTEXT", then a line
 * "VERDICT MESSAGE\tCOMMAND" for each finalist passed over. A file that does not stand
 * leaves the operator to those that it beat. */
static void prove_job(void *ctx, int i, struct str *out)
{
	struct ranking *c = ctx;
	struct session *s = c->s;
	struct job *j = &s->jobs[i];
	int n = j->plans[c->plans[i]].partition->n_groups;
	int *ranks = ARENA_ARRAY(s->a, (size_t)n, int);
	struct proof r = { .verdict = V_COMPILE };
	struct str passed;

	str_init(&passed, s->a);
	if (j->plan != c->plans[i]) {
		r = prove_chosen(s, j);
		if (!is_over(&r)) {
			pass_over(s, j, &passed, &r);
			plan_use(j, c->plans[i]);
		}
	}
	if (j->plan == c->plans[i])
		r = prove_ranks(c, i, ranks, &passed);
	str_printf(out, "%d ", j->plan);
	for (int g = 0; g < n; g++)
		str_printf(out, "%d ", ranks[g]);
	str_printf(out, "\n%c\n%.*s\n%s", r.verdict == V_MEASURED ?
		r.emulated ? 'v' : 'u' : child_stop_pending() ? 's' : 'x',
		(int)strcspn(r.text, "\n"), r.text, str_text(&passed));
}

/* ---- settling ---- */

/* Take over what a child found out. */
static bool settle(const struct ranking *c, int i, const char *text)
{
	struct session *s = c->s;
	struct job *j = &s->jobs[i];
	const char *ranks, *state, *proof;
	char *end;

	if (!text)
		return session_fail(s, EXIT_INTERNAL,
			"the proof of '%s' ended without a word", j->name);
	ranks = tune_line(s, &text);
	state = tune_line(s, &text);
	proof = tune_line(s, &text);
	plan_use(j, (int)strtol(ranks, &end, 10));
	for (int g = 0; g < j->partition->n_groups; g++) {
		if (j->plan == c->plans[i])
			choose_rank(c, i, g, (int)strtol(end, &end, 10));
		j->parts[g].choice.verified = *state == 'v' ? "emulation" :
			"none";
	}
	if (*state != 'x')
		tune_record(s, j);
	tune_tell(s, j, proof, text);
	if (*state != 'x')
		return true;
	session_say(s, "  again: %s", measuring_again(s, s->a, j, -1, NULL, NULL));
	return session_fail(s, EXIT_UNVERIFIED,
		"no finalist of '%s' could be proved right: %s", j->name, proof);
}

/* ---- the whole ---- */

double tune_time(const struct session *s, const struct job *j, double left,
	int rounds)
{
	double mine = left / rounds;

	if (!s->o->seconds && j->seconds > 0 && j->seconds < mine)
		mine = j->seconds;
	return fmax(mine, 0.01);
}

const char *tune_strategy(const struct session *s)
{
	return *s->o->tune ? s->o->tune : s->measuring ? "auto" : "ga";
}

/* Said once: what a schedule allows and cannot be. */
static void tell_fallback(const struct session *s)
{
	bool allowed = false;

	for (int i = 0; i < s->n_jobs; i++)
		for (int k = 0; s->jobs[i].schedule &&
		     k < s->jobs[i].schedule->n_directives; k++)
			allowed |= !strcmp(s->jobs[i].schedule->
				directives[k].name, "fallback");
	if (allowed && strcmp(s->how, "gpu"))
		session_say(s, "fallback(...) is left out: what libraries take "
			"is not known where no GPU is measured");
}

bool tune_begin(struct session *s)
{
	const char *option = s->o->db ? "--db" : s->o->resume ? "--resume" :
		s->o->candidates ? "--candidates" : NULL;

	if (!measuring_open(s))
		return false;
	if (!s->measuring && option)
		return session_fail(s, EXIT_USER, "%s is for a search that "
			"measures: by the model nothing is kept", option);
	if (s->measuring)
		s->how = s->measuring->how;
	else
		tune_tell_places(s);
	tell_fallback(s);
	return true;
}

static bool search_all(struct session *s, double seconds)
{
	double deadline = now() + seconds;

	for (int i = 0; i < s->n_jobs; i++) {
		struct job *j = &s->jobs[i];

		if (!plans_find(s, j))
			return false;
		if (!j->dropped && !tune_search(s, j, i, tune_time(s, j,
		    deadline - now(), s->n_jobs - i)))
			return false;
	}
	if (s->tty && !s->o->quiet)
		fputs("\r\033[K", stderr);
	jobs_forget(s);
	return true;
}

/* A search that found nothing legal, or was stopped before it found anything:
 * the default is the only finalist, if there is one. */
static bool rank_default(struct ranking *c, int i, int g)
{
	const struct choice *choice = &c->s->jobs[i].parts[g].choice;

	if (!choice->candidate && !choices_make(c->s, &c->s->jobs[i], INFINITY))
		return candidates_report(c->s, &c->s->jobs[i]);
	if (c->s->measuring && choice->candidate->sketch->unpriced &&
	    !*c->s->stop)
		return session_fail(c->s, EXIT_NO_CANDIDATE, "no call of a "
			"library that computes '%s' could be measured",
			c->s->jobs[i].name);
	c->ranked[i][g] = ARENA_NEW(c->s->a, struct finalist);
	*c->ranked[i][g] = (struct finalist){ choice->candidate, choice->genes,
		choice->seconds, "model", NULL };
	c->n[i][g] = 1;
	return true;
}

/* What the lock has of a job is all that there is to prove. */
static void rank_lock(struct ranking *c, int i)
{
	struct session *s = c->s;
	const struct job *j = &s->jobs[i];
	int n = j->partition->n_groups;

	c->plans[i] = j->plan;
	c->ranked[i] = ARENA_ARRAY(s->a, (size_t)n, struct finalist *);
	c->n[i] = ARENA_ARRAY(s->a, (size_t)n, int);
	for (int g = 0; g < n; g++) {
		const struct choice *k = &j->parts[g].choice;

		c->ranked[i][g] = ARENA_NEW(s->a, struct finalist);
		*c->ranked[i][g] = (struct finalist){ k->candidate, k->genes,
			k->seconds, k->measured, k->pinned };
		c->n[i][g] = 1;
	}
	session_say(s, "%s: nothing better was found than the lock has", j->name);
}

static bool rank_all(struct ranking *c)
{
	struct session *s = c->s;

	c->ranked = ARENA_ARRAY(s->a, (size_t)s->n_jobs, struct finalist **);
	c->n = ARENA_ARRAY(s->a, (size_t)s->n_jobs, int *);
	c->plans = ARENA_ARRAY(s->a, (size_t)s->n_jobs, int);
	for (int i = 0; i < s->n_jobs; i++) {
		int n = s->jobs[i].partition->n_groups;

		c->ranked[i] = ARENA_ARRAY(s->a, (size_t)n, struct finalist *);
		c->n[i] = ARENA_ARRAY(s->a, (size_t)n, int);
		for (int g = 0; g < n; g++) {
			c->ranked[i][g] = tune_rank(s, &s->jobs[i].parts[g],
				&c->n[i][g]);
			tune_finals(s, &s->jobs[i], g, c->ranked[i][g],
				c->n[i][g]);
			if (!c->n[i][g] && !rank_default(c, i, g))
				return false;
			choose_rank(c, i, g, 0);
		}
		c->plans[i] = s->jobs[i].plan;
		contenders_contest(s, &s->jobs[i]);
		if (tune_keeps_lock(s, &s->jobs[i]))
			rank_lock(c, i);
	}
	return true;
}

static void keep_unproved(struct session *s, const struct job *j)
{
	tune_tell(s, j, "", NULL);
	tune_record(s, j);
}

static void keep_all_unproved(struct session *s)
{
	session_say(s, *s->stop ?
		"interrupted: the best found so far is kept, not proved" :
		"the winners are not proved: --no-verify");
	for (int i = 0; i < s->n_jobs; i++)
		keep_unproved(s, &s->jobs[i]);
}

/* A proof that was not made, or not finished, before Ctrl-C. */
static bool was_stopped(const struct session *s, const char *text)
{
	const char *state = text ? strchr(text, '\n') : NULL;

	return *s->stop && (!state || state[1] == 's');
}

static bool settle_all(struct ranking *c, const char **texts)
{
	struct session *s = c->s;
	bool ok = true;

	if (*s->stop)
		session_say(s, "interrupted: the best found so far is kept; "
			"what no line calls verified is not proved");
	for (int i = 0; i < s->n_jobs; i++)
		if (was_stopped(s, texts[i]))
			keep_unproved(s, &s->jobs[i]);
		else
			ok &= settle(c, i, texts[i]);
	return ok;
}

bool tune_jobs(struct session *s)
{
	struct ranking c = { .s = s };
	const char **texts = ARENA_ARRAY(s->a, (size_t)s->n_jobs + 1,
		const char *);
	double seconds = s->o->seconds > 0 ? s->o->seconds : SECONDS;
	bool ok;

	if (s->o->side > 1 && s->n_jobs > 1)
		ok = side_search(s, seconds);
	else
		ok = tune_begin(s) && search_all(s, seconds);
	ok = ok && rank_all(&c);
	known_end(s);
	measuring_tell(s);
	measuring_close(s);
	if (!ok || s->code != EXIT_DONE)
		return false;
	if (*s->stop || s->o->no_verify) {
		keep_all_unproved(s);
		return true;
	}
	if (!s->nvcc)
		session_say(s, "no nvcc: winners are not assembled, only emulated");
	workers_run(s, s->n_jobs, prove_job, &c, texts);
	if (!settle_all(&c, texts))
		return false;
	contenders_prove(s);
	return true;
}
