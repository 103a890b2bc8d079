/* SPDX-License-Identifier: MIT */
/* wpkrun: the order of events. Options, the device, a plan, its operators one
 * after the other: inputs, a run, what is right of it, a line. */
#include "runtime/wpkrun/wpkrun.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RIVALS = 2 };

/* The plans of a run: the own one, and those of libraries. */
struct plans {
	struct plan v[1 + RIVALS];
	int n;
};

/* What a library does not compute keeps nobody else from running; with --time it
 * is told, as one that takes no part. */
static bool open_rival(struct session *s, enum against who, struct plans *p)
{
	struct plan *plan = &p->v[p->n];

	if (!plan_open_rival(s, who, plan)) {
		if (!s->o->time)
			return s->code == EXIT_NOTHING_SERVES;
		plan->plan = NULL;
	}
	p->n++;
	return true;
}

static bool open_plans(struct session *s, struct plans *p)
{
	static const enum against rivals[RIVALS] = { AGAINST_CUDNN,
		AGAINST_CUBLASLT };

	p->n = !s->o->rivals;
	if (p->n && !plan_open(s, &p->v[0]))
		return false;
	for (int i = 0; i < RIVALS; i++)
		if (s->o->against & rivals[i] && !open_rival(s, rivals[i], p))
			return false;
	return true;
}

/* Whose operators and sizes count: the first that there are; NULL, reported. */
static const struct plan *leader(struct session *s, const struct plans *p)
{
	for (int i = 0; i < p->n; i++)
		if (p->v[i].plan)
			return &p->v[i];
	session_fail(s, EXIT_NOTHING_SERVES, "no library serves it");
	return NULL;
}

static void free_outputs(const struct subject *x, void **outputs)
{
	for (int i = 0; i < x->n; i++)
		free(outputs[i]);
	free(outputs);
}

/* One contender of a subject; what the plan itself computed is saved. "*right":
 * nothing is known to be wrong. */
static bool run_one(struct session *s, const struct plan *p,
	const struct subject *x, const struct inputs *in, bool own,
	bool *right)
{
	const struct wpk_operator *op = wpk_plan_find(p->plan, x->name);
	void **outputs = large_take(s, (size_t)x->n * sizeof *outputs);
	struct verdict v;
	bool ok = op ? verify(s, p->name, op, x, in, &v, outputs) :
		session_fail(s, EXIT_NOTHING_SERVES, "%s: %s does not compute "
			"it", x->name, p->name);

	if (ok) {
		tell(s, x, p->name, &v);
		*right = strcmp(v.verdict, "wrong") &&
			strcmp(v.verdict, "fault");
		ok = !own || save(s, x, in, outputs);
	}
	free_outputs(x, outputs);
	return ok;
}

/* Runs one, and says of it what --time wants to know. */
static bool enter(struct session *s, const struct plans *p, int i,
	const struct subject *x, const struct inputs *in, struct rival *r)
{
	const struct plan *plan = &p->v[i];
	bool own = !i && !s->o->rivals, right = false;

	*r = (struct rival){ .name = plan->name, .own = own, .algorithm =
		pair_value(&s->o->algorithms, plan->name) };
	if (!plan->plan) {
		r->why = "wpkc makes no plan that it serves";
		return true;
	}
	r->op = wpk_plan_find(plan->plan, x->name);
	if (!run_one(s, plan, x, in, own, &right) && !s->o->time)
		return false;
	r->why = right ? NULL : "it does not run, or not right";
	return true;
}

static bool run_subject(struct session *s, const struct plans *p,
	const struct plan *first, const struct subject *x)
{
	struct rival r[1 + RIVALS];
	struct inputs in;
	bool ok = inputs_open(s, first, x, &in);

	for (int i = 0; ok && i < p->n && !s->lost; i++)
		ok = enter(s, p, i, x, &in, &r[i]);
	if (ok && s->o->time && !s->lost)
		ok = bench(s, x, &in, r, p->n);
	inputs_close(&in);
	return ok;
}

/* What one operator lacks, others may have; but a device that is lost serves
 * none. */
static void run_all(struct session *s, const struct plans *p)
{
	const struct plan *first = leader(s, p);
	struct subject_list all;

	if (!first || !subjects_find(s, first, &all) || !save_possible(s,
	    &all))
		return;
	for (int i = 0; i < all.n && !s->lost; i++)
		run_subject(s, p, first, &all.v[i]);
	if (s->lost)
		session_say(s, "the device is lost to this process: nothing "
			"more was run");
}

static void run(struct session *s)
{
	struct plans p = { .n = 0 };

	if (folder_open(s) && device_open(s) && open_plans(s, &p))
		run_all(s, &p);
	for (int i = 0; i < p.n; i++)
		plan_close(&p.v[i]);
	device_close(s);
	folder_close(s);
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct session s = { .o = &o };
	enum asked asked = options_read(&s, argc, argv, &o);
	bool failed;

	if (asked == ASKED_RUN)
		run(&s);
	failed = ferror(stdout);
	if (fflush(stdout) || failed)
		session_fail(&s, EXIT_USER, "cannot write standard output: %s",
			strerror(errno));
	pool_free(&s.pool);
	return (int)s.code;
}
