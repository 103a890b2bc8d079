/* SPDX-License-Identifier: MIT */
/* Plans in which no output can lie where in_place(y, x) says, whatever their kernels
 * are: why, and what there is instead. */
#include "driver/session.h"

#include <string.h>

static const char *output(const struct plan *p)
{
	return p->op->tensors[p->out].name;
}

static const char *input(const struct plan *p)
{
	return p->op->tensors[p->out].over;
}

void plan_explain_in_place(const struct session *s, const struct plan *p)
{
	if (s->o->verbose)
		session_say(s, "%s: kernels %s: %s cannot lie where %s lies: %s",
			p->op->name, plan_kernels(s->a, p), output(p), input(p),
			p->why);
}

static bool is_in_place(const struct sched_directive *d, const char *output)
{
	const struct sched_value *v = d->n_args ? &d->args[0].value : NULL;

	return !strcmp(d->name, "in_place") && v && v->n == 1 &&
		v->choices[0]->kind == SX_NAME &&
		!strcmp(v->choices[0]->name, output);
}

static struct span place_of(const struct job *j, const char *output)
{
	for (int i = 0; i < j->schedule->n_directives; i++)
		if (is_in_place(&j->schedule->directives[i], output))
			return j->schedule->directives[i].at;
	return j->schedule->at;
}

/* "kernel(acc); kernel(y);" */
static const char *heads_of(struct arena *a, const struct plan *p)
{
	const char *text = "";

	for (int g = 0; g < p->partition->n_groups; g++)
		text = arena_printf(a, "%s%skernel(%s);", text, g ? " " : "",
			plan_kernel(a, p->op, &p->partition->groups[g], ", "));
	return text;
}

/* What to write instead: kernels by which it can, or else the operator in another
 * way. */
static void hint(struct session *s, const struct plan *p,
	struct plan *const *all, int n)
{
	for (int i = 0; i < n; i++)
		if (!all[i]->why) {
			diag_hint(s->d, "It can in others: %s", heads_of(s->a,
				all[i]));
			return;
		}
	if (ir_in_place_multiplies(p->op, p->partition, p->out))
		diag_hint(s->d, "Give the sum a let of its own, which one kernel "
			"may write before another writes %s; or leave "
			"in_place(%s, %s) out.", output(p), output(p), input(p));
	else
		diag_hint(s->d, "Leave in_place(%s, %s) out.", output(p),
			input(p));
}

/* Is it the first of these kernels that the schedule may mean? */
static bool is_told(struct session *s, struct plan *const *all, int i)
{
	if (all[i]->misfit || !all[i]->why)
		return false;
	for (int k = 0; k < i; k++)
		if (!all[k]->misfit && !strcmp(plan_kernels(s->a, all[k]),
		    plan_kernels(s->a, all[i])))
			return false;
	return true;
}

bool plans_report_in_place(struct session *s, const struct job *j,
	struct plan *const *all, int n)
{
	const struct plan *first = NULL;

	for (int i = 0; i < n && !first; i++)
		if (!all[i]->misfit && all[i]->why)
			first = all[i];
	diag_error(s->d, E_NO_SKETCH, place_of(j, output(first)), "no kernels of "
		"'%s' can leave %s where %s lies", j->name, output(first),
		input(first));
	for (int i = 0; i < n; i++)
		if (is_told(s, all, i))
			diag_note(s->d, (struct span){0}, "kernels %s: %s",
				plan_kernels(s->a, all[i]), all[i]->why);
	hint(s, first, all, n);
	s->code = EXIT_NO_CANDIDATE;
	return false;
}
