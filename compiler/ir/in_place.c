/* SPDX-License-Identifier: MIT */
/* Outputs that lie where inputs lie, in kernels that follow one another: whatever
 * reads such an input comes before what writes there. In comes a partition, out
 * goes its order, or why there is none. Whether a kernel that does both may do so
 * is a matter of its points (kernel/in_place.c), but for one that multiplies the
 * input. */
#include "ir/ir.h"

#include <assert.h>
#include <string.h>

static int input_below(const struct ir_operator *o, int out)
{
	int in = 0;

	while (in < o->n_inputs && strcmp(o->tensors[in].name,
	       o->tensors[out].over) != 0)
		in++;
	assert(in < o->n_inputs);
	return in;
}

/* The next output from "out" on that lies in an input, or n_tensors. */
static int next_pair(const struct ir_operator *o, int out)
{
	while (out < o->n_tensors && !o->tensors[out].over)
		out++;
	return out;
}

/* ---- order ---- */

/* Does "y" read what "x" writes? */
static bool feeds(const struct ir_operator *o, const struct ir_group *x,
	const struct ir_group *y)
{
	for (int i = 0; i < x->n_stmts; i++)
		if (ir_group_reads(o, y, o->stmts[x->stmts[i]].tensor))
			return true;
	return false;
}

/* Does "y" write where an input lies that "x" reads? */
static bool overwrites(const struct ir_operator *o, const struct ir_group *x,
	const struct ir_group *y)
{
	for (int t = next_pair(o, 0); t < o->n_tensors; t = next_pair(o, t + 1))
		if (ir_group_writes(o, y, t) &&
		    ir_group_reads(o, x, input_below(o, t)))
			return true;
	return false;
}

static bool may_follow(const struct ir_operator *o,
	const struct ir_partition *p, const bool *done, int k)
{
	for (int i = 0; i < p->n_groups; i++)
		if (i != k && !done[i] && (feeds(o, &p->groups[i],
		    &p->groups[k]) || overwrites(o, &p->groups[i],
		    &p->groups[k])))
			return false;
	return true;
}

void ir_in_place_order(struct arena *a, const struct ir_operator *o,
	struct ir_partition *p)
{
	struct ir_group *v = ARENA_ARRAY(a, (size_t)p->n_groups + 1,
		struct ir_group);
	bool *done = ARENA_ARRAY(a, (size_t)p->n_groups + 1, bool);
	int n = 0, k = 0;

	if (next_pair(o, 0) == o->n_tensors)
		return;
	for (; k < p->n_groups; k++)
		if (!done[k] && may_follow(o, p, done, k)) {
			v[n++] = p->groups[k];
			done[k] = true;
			k = -1;
		}
	if (n == p->n_groups)
		p->groups = v;
}

/* ---- what cannot be ---- */

/* A read of the input under a reduction. */
struct factor {
	const struct ir_operator *o;
	const struct ir_expr *reduction;
	int tensor;
	bool found;
};

static void find_summed_axis(struct ir_expr *e, void *ctx)
{
	struct factor *f = ctx;

	for (int i = 0; e->kind == IR_AXIS && i < f->reduction->n_red; i++)
		f->found |= f->reduction->red[i] == e->axis &&
			f->o->axes[e->axis].extent > 1;
}

static void find_summed_read(struct ir_expr *e, void *ctx)
{
	struct factor *f = ctx;

	for (int i = 0; e->kind == IR_READ && e->tensor == f->tensor &&
	     i < e->n_args; i++)
		ir_walk(e->args[i], find_summed_axis, f);
}

/* Does the group multiply the input, reading each element for several sums? All
 * that comes before a chain's second product is made into a factor of that, and
 * its other factor is an input as any. */
static bool multiplies(const struct ir_operator *o, const struct ir_group *g,
	int in)
{
	struct factor f = { .o = o, .tensor = in };

	for (int i = 0; g->anchor == IR_CHAIN && i < g->n_stmts &&
	     g->stmts[i] <= g->second; i++)
		f.found |= ir_reads(o->stmts[g->stmts[i]].expr, in);
	if (g->anchor != IR_CONTRACTION && g->anchor != IR_TWINS)
		return f.found;
	f.reduction = o->stmts[g->anchor_stmt].expr;
	ir_walk((struct ir_expr *)f.reduction, find_summed_read, &f);
	if (g->anchor == IR_TWINS) {
		f.reduction = o->stmts[g->second].expr;
		ir_walk((struct ir_expr *)f.reduction, find_summed_read, &f);
	}
	return f.found;
}

static const char *last_of(const struct ir_operator *o,
	const struct ir_group *g)
{
	return o->tensors[o->stmts[g->stmts[g->n_stmts - 1]].tensor].name;
}

static const char *pair_refused(struct arena *a, const struct ir_operator *o,
	const struct ir_partition *p, int out)
{
	const struct ir_group *writer = NULL;
	int in = input_below(o, out);

	for (int k = 0; k < p->n_groups; k++) {
		const struct ir_group *g = &p->groups[k];
		bool reads = ir_group_reads(o, g, in);

		if (reads && writer)
			return arena_printf(a, "the kernel of %s reads %s, and "
				"cannot come before that of %s, which writes "
				"there", last_of(o, g), o->tensors[in].name,
				last_of(o, writer));
		if (!ir_group_writes(o, g, out))
			continue;
		if (reads && multiplies(o, g, in))
			return arena_printf(a, "the kernel of %s sums products "
				"of %s%s, and reads each element for several "
				"sums", last_of(o, g), g->anchor == IR_CHAIN ?
				"what it makes of " : "", o->tensors[in].name);
		writer = g;
	}
	return NULL;
}

const char *ir_in_place_refused(struct arena *a, const struct ir_operator *o,
	const struct ir_partition *p, int *out)
{
	const char *why = NULL;

	for (int t = next_pair(o, 0); t < o->n_tensors && !why;
	     t = next_pair(o, t + 1)) {
		*out = t;
		why = pair_refused(a, o, p, t);
	}
	return why;
}

bool ir_in_place_multiplies(const struct ir_operator *o,
	const struct ir_partition *p, int out)
{
	for (int k = 0; k < p->n_groups; k++)
		if (ir_group_writes(o, &p->groups[k], out) &&
		    multiplies(o, &p->groups[k], input_below(o, out)))
			return true;
	return false;
}

bool ir_in_place_within(const struct ir_operator *o, const struct ir_group *g)
{
	return overwrites(o, g, g);
}
