/* SPDX-License-Identifier: MIT */
/* Of a kernel for all sizes that computes other sums than the operator's: what it
 * computes at given ones. How far that may be off follows from the sums' lengths
 * and the data there, so whoever judges it asks for the sizes that he judges it
 * at. */
#include "driver/general.h"

static bool has_others(const struct candidate *c)
{
	return c && c->sketch->arithmetic;
}

/* What the candidate makes of "o", the operator of its plan at the witness. */
static const char *change(struct candidate *c, const struct witness *w,
	const int *values, struct ir_operator *o, bool *other)
{
	const struct tunable *tunables;
	struct task t;
	int n;
	const char *why = general_task(c, w, &t, &tunables, &n);

	if (why)
		return why;

	int mine[n + 1];

	general_values(c, tunables, n, values, mine);
	*other |= c->sketch->arithmetic(&t, c->task.a, mine, o);
	return NULL;
}

/* All of a sketch's points compute other sums, or none does: any will do. */
static const char *changes_at(struct candidate *c, const int64_t *sizes)
{
	const struct general *g = c->general;
	struct arena *a = c->task.a;
	int values[c->space->n_tunables + 1];
	bool other = false;
	struct witness w;

	c->sketch->start(&c->task, values);
	if (!c->sketch->arithmetic(&c->task, a, values, ir_copy(a, c->task.op)))
		return NULL;
	if (!general_witness(g->session, g, sizes, &w))
		return "the operator cannot be lowered";
	return change(c, &w, values, ir_copy(a, w.plans[c->cut].op), &other);
}

/* "; say where M > 1 && N > 1", of sizes that are 1, or "". */
static const char *where_more(struct arena *a, const struct general *g,
	const int64_t *sizes)
{
	const char *text = "";

	for (int i = 0; i < g->frame.sizes.n; i++)
		if (sizes[i] == 1)
			text = arena_printf(a, "%s%s%s > 1", text, *text ?
				" && " : "; say where ", g->frame.sizes.v[i].name);
	return text;
}

const char *general_sums_unknown(struct candidate *c)
{
	const struct general *g = c->general;
	struct general_tasks *t = c->tasks;

	for (int i = 0; i < g->n_cases && has_others(c) && !t->sums_known; i++)
		if (!t->sums_why && (t->sums_why = changes_at(c, g->cases[i])))
			t->sums_why = arena_printf(c->task.a, "it computes other "
				"sums than the source's, and how far these are "
				"off is not known at all sizes: %s%s",
				t->sums_why, where_more(c->task.a, g,
					g->cases[i]));
	t->sums_known = true;
	return t->sums_why;
}

const struct ir_operator *general_arithmetic(struct session *s,
	const struct job *j, const int64_t *sizes)
{
	bool any = false, other = false;
	struct ir_operator *o;
	struct witness w;

	for (int k = 0; k < j->partition->n_groups; k++)
		any |= has_others(j->parts[k].choice.candidate);
	if (!any || !general_witness(s, j->general, sizes, &w))
		return NULL;
	o = ir_copy(s->a, w.plans[j->plans[j->plan].which].op);
	for (int k = 0; k < j->partition->n_groups; k++) {
		const struct candidate *c = j->parts[k].choice.candidate;
		int values[c->space->n_tunables + 1];

		choices_values(&j->parts[k].choice, s->a, values);
		if (has_others(c))
			change((struct candidate *)c, &w, values, o, &other);
	}
	return other ? o : NULL;
}
