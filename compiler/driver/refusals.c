/* SPDX-License-Identifier: MIT */
/* Why no sketch serves. In: the candidates of a group, none with a space. Out:
 * one error at what stands in the way of the nearest, and a note for each that
 * came as far as a directive or a number; the others could not serve whatever
 * the schedule says, and are heard only where they know what those do not. */
#include "driver/session.h"

#include <string.h>

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

/* Does the sketch know every directive it was asked for? */
static bool knows_all(const struct candidate *c)
{
	const struct schedule *s = c->task.schedule;

	for (int i = 0; s && i < s->n_directives; i++)
		if (!candidate_honours(c, s->directives[i].name))
			return false;
	return true;
}

/* Has "c" something to say where "best" came farthest? Where no sketch that
 * computes the group knows the directives, so have those that do. */
static bool is_heard(const struct candidate *c, enum refusal best)
{
	if (best <= REFUSED_GROUP)
		return c->refusal == best;
	return c->refusal >= REFUSED_DIRECTIVE || (c->refusal == REFUSED_GROUP &&
		best == REFUSED_DIRECTIVE && knows_all(c));
}

/* What stands in the way of all sketches is said once. */
static bool report_type(struct session *s, const struct job *j, int group)
{
	const char *type = j->file ? NULL :
		sketch_lacks(j->op, &j->partition->groups[group]);

	if (!type)
		return false;
	diag_note(s->d, (struct span){0}, "no kernel of this version computes "
		"with %s", type);
	if (!strcmp(type, "i4") || !strcmp(type, "u4"))
		diag_hint(s->d, "Keep two of them in a u8, and take x[i / 2] apart "
			"with / 16 and %% 16.");
	return true;
}

/* What kernel(...) or --set asks for in place of a sketch's name, or NULL. */
static const char *no_sketch(const struct session *s, const struct job *j,
	int group)
{
	const char *asked = plan_sketch(j, group);

	for (int i = 0; !asked && i < s->o->settings.n; i++) {
		const char *name = candidates_setting(j,
			s->o->settings.v[i].name);

		if (name && !strcmp(name, "sketch"))
			asked = s->o->settings.v[i].value;
	}
	return asked && !sketch_named(asked) ? asked : NULL;
}

static bool report_name(struct session *s, const struct job *j, int group)
{
	const char *name = no_sketch(s, j, group), *near;
	const char **all;
	int n = 0;

	if (!name)
		return false;
	while (sketch_list()[n])
		n++;
	all = ARENA_ARRAY(s->a, (size_t)n + 1, const char *);
	for (int i = 0; i < n; i++)
		all[i] = sketch_list()[i]->name;
	near = str_nearest(name, all);
	diag_note(s->d, (struct span){0}, "there is no sketch '%s', but %s", name,
		str_some(s->a, name, all));
	if (near)
		diag_hint(s->d, "Did you mean '%s'?", near);
	return true;
}

/* Why each of "v" cannot that is heard and knows all directives, or not all; how
 * many. */
static int note_those(struct session *s, const struct part *p,
	const struct candidate **v, bool all)
{
	int n = 0;

	for (int i = 0; i < p->n; i++) {
		if (knows_all(v[i]) != all || !is_heard(v[i], v[0]->refusal))
			continue;
		diag_note(s->d, (struct span){0}, "%s: %s", v[i]->sketch->name,
			v[i]->why);
		n++;
	}
	return n;
}

void refusals_report(struct session *s, const struct job *j, int group)
{
	const struct part *p = &j->parts[group];
	const struct candidate **v = in_order(s->a, p);
	struct span at = p->n && v[0]->at.src ? v[0]->at : j->item->name.at;
	int n;

	diag_error(s->d, E_NO_SKETCH, at, "no sketch computes '%s' of '%s' as asked",
		group_name(j, group), j->name);
	s->code = EXIT_NO_CANDIDATE;
	if (report_type(s, j, group) || report_name(s, j, group))
		return;
	n = note_those(s, p, v, true);
	n += note_those(s, p, v, false);
	if (j->general && p->n && v[0]->refusal > REFUSED_DIRECTIVE)
		diag_hint(s->d, "Give its sizes numbers, by --shape or in a tune "
			"block, or say in where, or in when, which there are.");
	if (n < p->n && !s->o->verbose)
		diag_note(s->d, (struct span){0}, "-v tells of %d more sketch%s",
			p->n - n, n + 1 < p->n ? "es" : "");
}

void refusals_explain(const struct session *s, const struct job *j, int group)
{
	const struct part *p = &j->parts[group];

	for (int i = 0; i < p->n && s->o->verbose; i++)
		session_say(s, "%s: %s: %s: %s", j->name, group_name(j, group),
			p->candidates[i].sketch->name, p->candidates[i].space ?
			"applies" : p->candidates[i].why);
}
