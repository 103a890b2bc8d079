/* SPDX-License-Identifier: MIT */
/* Why no sketch serves. In: the candidates of a group, none with a space. Out:
 * one error at what stands in the way of the nearest, and a note for each that
 * came as far as a directive or a number; the others could not serve whatever
 * the schedule says, and speak up only where there is no nearer one. */
#include "driver/session.h"

static const char *group_name(const struct job *j, int group)
{
	const struct ir_group *g = &j->partition->groups[group];

	return j->op->tensors[j->op->stmts[g->stmts[g->n_stmts - 1]].tensor].name;
}

/* Was "x" nearer than "y"? Of two as near, who stumbled later in the source. */
static bool nearer(const struct candidate *x, const struct candidate *y)
{
	if (x->refusal != y->refusal)
		return x->refusal > y->refusal;
	return x->at.src && x->at.src == y->at.src && x->at.lo > y->at.lo;
}

/* The candidates of "p", nearest first, else in the order of the sketches. */
static const struct candidate **in_order(struct arena *a, const struct part *p)
{
	const struct candidate **v = ARENA_ARRAY(a, (size_t)p->n + 1,
		const struct candidate *);

	for (int i = 0; i < p->n; i++) {
		int k = i;

		for (; k > 0 && nearer(&p->candidates[i], v[k - 1]); k--)
			v[k] = v[k - 1];
		v[k] = &p->candidates[i];
	}
	return v;
}

/* How far one must have come to be heard, when "best" is the farthest. */
static enum refusal least(enum refusal best)
{
	return best > REFUSED_DIRECTIVE ? REFUSED_DIRECTIVE : best;
}

void refusals_report(struct session *s, const struct job *j, int group)
{
	const struct part *p = &j->parts[group];
	const struct candidate **v = in_order(s->a, p);
	struct span at = p->n && v[0]->at.src ? v[0]->at : j->item->name.at;
	int n = 0;

	diag_error(s->d, E_NO_SKETCH, at, "no sketch computes '%s' of '%s' as asked",
		group_name(j, group), j->name);
	for (; n < p->n && v[n]->refusal >= least(v[0]->refusal); n++)
		diag_note(s->d, (struct span){0}, "%s: %s", v[n]->sketch->name,
			v[n]->why);
	if (n < p->n && !s->o->verbose)
		diag_note(s->d, (struct span){0}, "-v tells of %d more sketch%s",
			p->n - n, n + 1 < p->n ? "es" : "");
	s->code = EXIT_NO_CANDIDATE;
}

void refusals_explain(const struct session *s, const struct job *j, int group)
{
	const struct part *p = &j->parts[group];

	for (int i = 0; i < p->n && s->o->verbose; i++)
		session_say(s, "%s: %s: %s: %s", j->name, group_name(j, group),
			p->candidates[i].sketch->name, p->candidates[i].space ?
			"applies" : p->candidates[i].why);
}
