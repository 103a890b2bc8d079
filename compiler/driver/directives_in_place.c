/* SPDX-License-Identifier: MIT */
/* in_place(y, x) of a schedule: output y may lie in the memory of input x. It is the
 * whole program's, no sketch's: kernel/in_place.c says whether one keeps it. */
#include "driver/directives.h"

#include <string.h>

static struct ir_tensor *tensor_named(struct ir_operator *o, const char *name)
{
	for (int i = 0; i < o->n_tensors; i++)
		if (!strcmp(o->tensors[i].name, name))
			return &o->tensors[i];
	return NULL;
}

static bool same_layout(const struct ir_tensor *x, const struct ir_tensor *y)
{
	bool same = x->type == y->type && x->rank == y->rank &&
		x->n_phys == y->n_phys && x->elements == y->elements;

	for (int i = 0; same && i < x->rank; i++)
		same = x->dims[i] == y->dims[i];
	for (int i = 0; same && i < x->n_phys; i++)
		same = x->phys[i].dim == y->phys[i].dim &&
			x->phys[i].div == y->phys[i].div &&
			x->phys[i].mod == y->phys[i].mod &&
			x->phys[i].stride == y->phys[i].stride;
	return same;
}

static bool is_taken(const struct ir_operator *o, const char *input)
{
	for (int i = o->n_inputs; i < o->n_inputs + o->n_outputs; i++)
		if (o->tensors[i].over && !strcmp(o->tensors[i].over, input))
			return true;
	return false;
}

static const char *role_of(const struct ir_tensor *t)
{
	return t->role == IR_IN ? "an input" : t->role == IR_OUT ? "an output" :
		"a let";
}

/* NULL, or what differs. */
static const char *unlike(struct arena *a, const struct ir_tensor *y,
	const struct ir_tensor *x)
{
	if (x->type != y->type)
		return arena_printf(a, "%s has type %s and %s has %s: in place, "
			"they are the same", y->name, dtype_row(y->type)->name,
			x->name, dtype_row(x->type)->name);
	if (!same_layout(x, y))
		return arena_printf(a, "%s and %s have other extents or another "
			"layout: in place, they are the same", y->name, x->name);
	return NULL;
}

/* NULL, or what is wrong with the pair. */
static const char *wrong(struct arena *a, const struct ir_operator *o,
	const struct ir_tensor *y, const struct ir_tensor *x)
{
	if (!y || !x)
		return "in_place(y, x) takes an output and an input";
	if (y->role != IR_OUT || x->role != IR_IN)
		return arena_printf(a, "in_place(y, x) is of an output and then "
			"an input; %s is %s and %s is %s", y->name, role_of(y),
			x->name, role_of(x));
	if (x->constant)
		return arena_printf(a, "%s is constant, and what is constant is "
			"not written", x->name);
	if (y->over)
		return arena_printf(a, "%s lies where %s lies already", y->name,
			y->over);
	if (is_taken(o, x->name))
		return arena_printf(a, "another output lies where %s lies "
			"already", x->name);
	return unlike(a, y, x);
}

static const char *name_of(const struct sched_directive *d, int i)
{
	const struct sched_value *v = i < d->n_args ? &d->args[i].value : NULL;

	return v && v->n == 1 && v->choices[0]->kind == SX_NAME ?
		v->choices[0]->name : "";
}

bool directives_in_place(struct arena *a, struct ir_operator *o, const struct schedule *s,
	struct diag *d)
{
	for (int i = 0; s && i < s->n_directives; i++) {
		const struct sched_directive *x = &s->directives[i];
		struct ir_tensor *out, *in;
		const char *why;

		if (strcmp(x->name, "in_place") != 0)
			continue;
		out = tensor_named(o, name_of(x, 0));
		in = tensor_named(o, name_of(x, 1));
		if (out && in && out->over == in->name)
			continue;	/* printed under each of several kernels */
		why = x->n_args == 2 ? wrong(a, o, out, in) :
			wrong(a, o, NULL, NULL);
		if (why && d)
			diag_error(d, E_VALUE, x->at, "%s", why);
		if (why)
			return false;
		out->over = in->name;
	}
	return true;
}
