/* SPDX-License-Identifier: MIT */
/* Contenders: files written by hand that tune blocks name. In: the jobs, whose
 * plans have them beside the partitions. Out: each that was not taken told of,
 * and as a job of its own with a program, to be proved like any kernel. What
 * one costs nobody knows before it is measured, so the model chooses none; a
 * search that measures holds a contest. */
#include "driver/session.h"

#include <math.h>
#include <string.h>

#include "driver/measuring.h"
#include "driver/tune.h"

static bool is_left(const struct job *j, int plan)
{
	return plan != j->plan && plan_competes(j, plan);
}

/* Did a job before this one of the same operator tell of it? */
static bool was_told(const struct session *s, const struct job *j,
	const struct task_file *f)
{
	for (const struct job *x = s->jobs; x < j; x++)
		for (int i = 0; x->item == j->item && i < x->n_files; i++)
			if (!strcmp(x->files[i].name, f->name))
				return true;
	return false;
}

static bool serves(const struct job *j, int plan)
{
	return j->plans[plan].parts[0].choice.candidate;
}

bool contenders_measured(const struct session *s, const struct job *j,
	int plan)
{
	return plan_competes(j, plan) && serves(j, plan) &&
		strcmp(s->how, "model") && measuring_takes_files(s);
}

void contenders_tell(struct session *s, const struct job *j)
{
	for (int i = 0; i < j->n_plans; i++) {
		const struct task_file *f = j->plans[i].file;

		if (!is_left(j, i) || contenders_measured(s, j, i) ||
		    was_told(s, j, f))
			continue;
		if (!serves(j, i))
			session_say(s, "%s: %s is not used: the schedule or "
				"--set asks for another way", j->name, f->name);
		else
			session_say(s, "%s: %s %s, so nothing tells whether it "
				"is faster: --set variant=%s or a schedule "
				"takes it", j->name, f->name, strcmp(s->how,
				"model") ? "is not measured, for "
				MEASURING_NO_NVCC : "has no predicted cost",
				f->name);
	}
}

/* ---- the contest ---- */

/* What is chosen, then files that were timed: "plans" by number. */
struct contest {
	struct job *v;
	int *plans, n;
	struct measure_result *r;
};

static const struct result *searched(const struct job *j, int plan)
{
	const struct part *p = &j->plans[plan].parts[0];

	return p->results ? p->results[0] : NULL;
}

/* Of one that was timed, or INFINITY. */
static double raced(const struct job *j, int plan)
{
	const struct result *r = searched(j, plan);

	return r && r->n_history && !r->counts[V_SLOW] ? r->history_cost[0] :
		INFINITY;
}

static void enter(struct contest *c, const struct job *j, int plan)
{
	c->v[c->n] = *j;
	plan_use(&c->v[c->n], plan);
	c->plans[c->n] = plan;
	c->r[c->n++] = (struct measure_result){ .verdict = V_MEASURED,
		.seconds = plan == j->plan ? tune_seconds(j) : raced(j, plan) };
}

/* The files' times count in full; those of a plan with calls of libraries as much
 * longer as the margin says. */
static double margin_of(const struct job *j)
{
	double weighed = 0;

	for (int g = 0; g < j->partition->n_groups; g++)
		if (!plan_prepares(j, g))
			weighed += j->parts[g].choice.seconds *
				j->parts[g].choice.candidate->margin;
	return tune_seconds(j) > 0 ? weighed / tune_seconds(j) : 1;
}

/* The fastest file that takes less than "limit" seconds, or 0. */
static int fastest(const struct contest *c, double limit)
{
	int best = 0;

	for (int i = 1; i < c->n; i++)
		if (c->r[i].verdict == V_MEASURED && c->r[i].seconds < limit) {
			limit = c->r[i].seconds;
			best = i;
		}
	return best;
}

/* What is chosen may win by less than its margin. A search that was stopped goes
 * by its race; where finals come to nothing, a file may be why. */
static int hold(struct session *s, const struct job *j, struct contest *c)
{
	double margin = margin_of(j);
	int winner;

	if (c->n < 2 || *s->stop)
		return fastest(c, c->r[0].seconds * margin);
	winner = measuring_contest(s, j, c->v, c->n, c->r);
	return winner || margin <= 1 ? winner : fastest(c, c->r[0].seconds *
		margin);
}

static void tell_timed(struct session *s, const struct job *j,
	const struct contest *c, int i, int winner)
{
	const struct measure_result *r = &c->r[i];
	const char *name = j->plans[c->plans[i]].file->name;

	if (winner < 0)
		session_say(s, "%s: %s is not used: the finals came to nothing",
			j->name, name);
	else if (r->verdict != V_MEASURED)
		session_say(s, "%s: %s is not used: %s: %s", j->name, name,
			verdict_name(r->verdict), r->message ? r->message :
			"in the finals");
	else if (i != winner)
		session_say(s, "%s: %s is not used: %.4g us, where %.4g us are "
			"the best", j->name, name, r->seconds * 1e6,
			c->r[winner].seconds * 1e6);
}

static void tell_failed(struct session *s, const struct job *j, int plan)
{
	const struct result *r = searched(j, plan);
	const char *name = j->plans[plan].file->name;

	for (int v = 0; r && v < N_VERDICTS; v++)
		if ((r->counts[v] || r->first[v]) && v != V_MEASURED) {
			session_say(s, "%s: %s is not used: %s%s%s", j->name,
				name, verdict_name((enum verdict)v),
				r->first[v] ? ": " : "", r->first[v] ?
				r->first[v] : "");
			return;
		}
	session_say(s, "%s: %s is not used: %s", j->name, name, *s->stop ?
		"it was not measured before the end" :
		"it failed when it was measured before");
}

static void take(struct session *s, struct job *j, const struct contest *c,
	int winner)
{
	struct choice *x;

	if (winner <= 0)
		return;
	plan_use(j, c->plans[winner]);
	x = &j->parts[0].choice;
	x->seconds = c->r[winner].seconds;
	x->measured = s->how;
	session_say(s, "%s: %s is faster than any kernel of wpkc's: %.4g us to "
		"%.4g us", j->name, j->file->name, x->seconds * 1e6,
		c->r[0].seconds * 1e6);
}

void contenders_contest(struct session *s, struct job *j)
{
	size_t room = (size_t)j->n_plans + 1;
	struct contest c = { ARENA_ARRAY(s->a, room, struct job),
		ARENA_ARRAY(s->a, room, int), 0, ARENA_ARRAY(s->a, room,
		struct measure_result) };
	int winner;

	enter(&c, j, j->plan);
	for (int i = 0; i < j->n_plans && s->measuring; i++) {
		if (!is_left(j, i) || !contenders_measured(s, j, i))
			continue;
		if (isfinite(raced(j, i)))
			enter(&c, j, i);
		else
			tell_failed(s, j, i);
	}
	winner = hold(s, j, &c);
	for (int i = 1; i < c.n; i++)
		tell_timed(s, j, &c, i, winner);
	take(s, j, &c, winner);
}

/* ---- proving ---- */

/* NULL if the schedule or --set asks for what the file cannot do. */
static struct job *job_of(struct session *s, const struct job *j, int plan)
{
	struct job *c = ARENA_NEW(s->a, struct job);

	*c = *j;
	plan_use(c, plan);
	if (!c->parts && !plan_choose(s, c, plan, INFINITY))
		return NULL;
	if (!c->parts[0].choice.candidate)
		return NULL;
	c->program = choices_program(s, s->a, c);
	c->name = arena_printf(s->a, "%s by %s", j->name, c->file->name);
	return c->program ? c : NULL;
}

job_list contenders_list(struct session *s)
{
	job_list list = {0};

	for (int i = 0; i < s->n_jobs; i++)
		for (int k = 0; k < s->jobs[i].n_plans; k++) {
			const struct job *j = &s->jobs[i];
			const struct job *c = is_left(j, k) &&
				!contenders_measured(s, j, k) ?
				job_of(s, j, k) : NULL;

			if (c)
				vec_push(s->a, &list, *c);
		}
	return list;
}

void contenders_print_space(struct session *s, const struct job *j,
	struct str *out)
{
	for (int i = 0; i < j->n_plans; i++) {
		const struct job *c = is_left(j, i) ? job_of(s, j, i) : NULL;

		if (!is_left(j, i))
			continue;
		str_printf(out, c ? "# %s: %s: competes once it is measured\n" :
			"# %s: %s: no: the schedule or --set asks for another "
			"way\n", j->name, j->plans[i].file->name);
		if (c)
			space_print(c->parts[0].choice.candidate->space, out);
	}
}

struct proving {
	struct session *s;
	job_list list;
};

static void prove_one(void *ctx, int i, struct str *out)
{
	const struct proving *p = ctx;
	const struct job *j = &p->list.v[i];
	struct proof r = prove(p->s, p->s->a, j, j->program);

	if (strncmp(r.text, j->name, strlen(j->name)))
		str_printf(out, "%s: ", j->name);
	str_printf(out, "%.*s", (int)strcspn(r.text, "\n"), r.text);
}

void contenders_prove(struct session *s)
{
	struct proving p = { s, contenders_list(s) };
	const char **texts = ARENA_ARRAY(s->a, (size_t)p.list.n + 1,
		const char *);

	workers_run(s, p.list.n, prove_one, &p, texts);
	for (int i = 0; i < p.list.n; i++)
		if (texts[i] && !*s->stop)
			session_say(s, "%s", texts[i]);
}
