/* SPDX-License-Identifier: MIT */
/* Windows are recognised by their indices: a dimension of a tensor whose index
 * moves with an axis of the result and with one that is reduced. In comes a
 * group, out goes the tensor to stage, its dimensions in the order of memory
 * as linear forms over the axes, and what else the reduction reads. */
#include "sketch/direct.h"

#include <stdlib.h>
#include <string.h>

#include "sketch/common.h"
#include "sketch/walk.h"

struct analysis {
	struct task *t;
	struct direct *d;
	VEC(const struct ir_expr *) reads;
	const struct ir_expr *window;	/* the first read through one */
	const char *why;
};

static int64_t magnitude(int64_t v)
{
	return v < 0 ? -v : v;
}

static bool fail(struct analysis *n, const char *why)
{
	if (!n->why)
		n->why = why;
	return false;
}

/* ---- axes ---- */

/* The statement's axes as the group's last statement lies in memory, greatest
 * stride first: axes of a group correspond by position. */
static bool order_axes(struct analysis *n)
{
	const struct ir_operator *o = n->t->op;
	const struct ir_group *g = n->t->group;
	const struct ir_stmt *last = &o->stmts[g->stmts[g->n_stmts - 1]];
	const struct ir_stmt *s = n->d->stmt;
	int64_t stride[IR_RANK];
	struct ir_affine at;
	bool known = last->n_axes == s->n_axes && ir_address(n->t->a, o,
		&o->tensors[last->tensor], last->index, &at);

	for (int i = 0; i < s->n_axes; i++) {
		const struct ir_axis *x = &o->axes[s->axes[i]];
		int k = n->d->n_out;

		if (x->lo)
			return fail(n, "direct wants axes that start at 0");
		if (x->extent == 1)
			continue;
		if (x->extent > INT32_MAX / 2)
			return fail(n, "direct counts positions up to 2^30");
		if (k == DIRECT_AXES)
			return fail(n, "the result has more than eight axes");
		stride[k] = known ? magnitude(at.coef[last->axes[i]]) : 0;
		for (; k > 0 && stride[k - 1] < stride[k] && known; k--) {
			int64_t swap = stride[k];

			stride[k] = stride[k - 1];
			stride[k - 1] = swap;
			n->d->out[k] = n->d->out[k - 1];
		}
		n->d->out[k] = (struct direct_axis){ x->name, x->id, 0,
			x->extent };
		n->d->n_out++;
	}
	return n->d->n_out ? true : fail(n, "there is a single result");
}

static bool reduced_axes(struct analysis *n)
{
	const struct ir_expr *e = n->d->stmt->expr;

	for (int i = 0; n->d->reduces && i < e->n_red; i++) {
		const struct ir_axis *x = &n->t->op->axes[e->red[i]];

		if (x->extent == 1)
			continue;
		if (n->d->n_red == DIRECT_REDS)
			return fail(n, "the reduction has more than six axes");
		n->d->red[n->d->n_red++] = (struct direct_axis){ x->name,
			x->id, x->lo, x->extent };
	}
	return n->d->n_red || !n->d->reduces ? true :
		fail(n, "nothing is reduced");
}

/* The form's coefficients of the axes; its constant, with all of them at their
 * first value. */
static int64_t spread(const struct analysis *n, const struct ir_affine *f,
	int64_t *out, int64_t *red)
{
	const struct ir_expr *e = n->d->stmt->expr;
	int64_t c = f->c;

	for (int i = 0; i < n->d->n_out; i++)
		out[i] = f->coef[n->d->out[i].id];
	for (int i = 0; i < n->d->n_red; i++)
		red[i] = f->coef[n->d->red[i].id];
	for (int i = 0; n->d->reduces && i < e->n_red; i++)
		c += f->coef[e->red[i]] * n->t->op->axes[e->red[i]].lo;
	return c;
}

/* ---- reads ---- */

static void collect_read(struct ir_expr *e, void *ctx)
{
	struct analysis *n = ctx;

	if (e->kind == IR_READ)
		vec_push(n->t->a, &n->reads, e);
}

static bool in_form(const struct analysis *n, const struct ir_affine *f,
	bool reduced)
{
	int count = reduced ? n->d->n_red : n->d->n_out;
	bool found = false;

	for (int i = 0; i < count; i++)
		found |= f->coef[reduced ? n->d->red[i].id :
			n->d->out[i].id] != 0;
	return found;
}

/* An index that moves with the result and with the reduction. */
static bool is_window(const struct analysis *n, const struct ir_expr *e)
{
	struct ir_affine f;

	for (int i = 0; i < e->n_args; i++)
		if (ir_affine(n->t->a, n->t->op, e->args[i], &f) &&
		    in_form(n, &f, false) && in_form(n, &f, true))
			return true;
	return false;
}

/* Do "x" and "y" read one tensor some steps apart? */
static bool is_shifted(const struct analysis *n, const struct ir_expr *x,
	const struct ir_expr *y)
{
	const struct ir_operator *o = n->t->op;
	bool apart = false;

	for (int i = 0; x->tensor == y->tensor && i < x->n_args; i++) {
		struct ir_affine f, g;

		if (!ir_affine(n->t->a, o, x->args[i], &f) ||
		    !ir_affine(n->t->a, o, y->args[i], &g) ||
		    memcmp(f.coef, g.coef, (size_t)o->n_axes * sizeof *f.coef))
			return false;
		apart |= f.c != g.c && in_form(n, &f, false);
	}
	return apart;
}

/* A stencil: of one tensor, neighbours are read. */
static bool is_stencil(const struct analysis *n, const struct ir_expr *e)
{
	for (int i = 0; i < n->reads.n; i++)
		if (is_shifted(n, e, n->reads.v[i]))
			return true;
	return false;
}

static bool choose_tensor(struct analysis *n)
{
	for (int i = 0; i < n->reads.n; i++)
		if (n->d->reduces ? is_window(n, n->reads.v[i]) :
		    is_stencil(n, n->reads.v[i])) {
			n->window = n->reads.v[i];
			n->d->x.tensor = &n->t->op->tensors[
				n->window->tensor];
			n->d->x.elem = dtype_row(n->d->x.tensor->type)->bits / 8;
			return n->d->x.elem ? true : fail(n,
				"direct moves elements of whole bytes");
		}
	return fail(n, n->d->reduces ? "no tensor is read through a window, by "
		"an index that moves with the result and with what is reduced" :
		"it maps, and no tensor is read at neighbouring places");
}

/* ---- the staged tensor ---- */

static bool index_leaves(const struct analysis *n, const struct ir_expr *e,
	int dim)
{
	int64_t lo, hi;

	return e->pad != IR_PAD_NONE && (!ir_range(n->t->op, e->args[dim], &lo,
		&hi) || lo < 0 || hi >= n->d->x.tensor->dims[dim]);
}

/* Reads that can leave must find the same outside. */
static bool same_pad(struct analysis *n, const struct ir_expr *e, bool first)
{
	struct direct_window *x = &n->d->x;
	bool edge = e->pad == IR_PAD_EDGE;

	if (!first && (x->edge != edge || (!edge && memcmp(&x->fill, &e->f,
	    sizeof e->f))))
		return fail(n, arena_printf(n->t->a, "reads of '%s' are padded "
			"in two ways", x->tensor->name));
	x->edge = edge;
	x->fill = edge ? 0 : e->f;
	return true;
}

static bool same_steps(const struct direct_dim *x, const struct direct_dim *y)
{
	return !memcmp(x->out, y->out, sizeof x->out) &&
		!memcmp(x->red, y->red, sizeof x->red);
}

/* What "e" says of physical dimension "k"; false if that is not linear. */
static bool index_of(const struct analysis *n, const struct ir_expr *e, int k,
	struct direct_dim *out)
{
	const struct ir_phys *p = &n->d->x.tensor->phys[k];
	struct ir_affine f;

	*out = (struct direct_dim){ .size = p->extent, .stride = p->stride,
		.leaves = index_leaves(n, e, p->dim) };
	if (!ir_affine(n->t->a, n->t->op, e->args[p->dim], &f))
		return false;
	out->least = out->most = spread(n, &f, out->out, out->red);
	return true;
}

/* Takes read "e" in if it goes through the tensor in the same steps as those
 * before it; others are no part of the window. */
static bool add_read(struct analysis *n, const struct ir_expr *e, bool *padded)
{
	struct direct_window *x = &n->d->x;
	struct direct_dim now[DIRECT_DIMS];
	struct direct_read *r = &x->reads[x->n_reads];

	for (int k = 0; k < x->n_dims; k++)
		if (!index_of(n, e, k, &now[k]) || (x->n_reads &&
		    !same_steps(&x->dims[k], &now[k])))
			return x->n_reads ? true : fail(n, arena_printf(
				n->t->a, "an index of '%s' is not affine",
				x->tensor->name));
	if (x->n_reads == DIRECT_READS)
		return fail(n, arena_printf(n->t->a, "'%s' is read at more than "
			"32 places", x->tensor->name));
	r->read = e;
	for (int k = 0; k < x->n_dims; k++) {
		struct direct_dim *d = &x->dims[k];

		if (now[k].leaves && !same_pad(n, e, !*padded))
			return false;
		*padded |= now[k].leaves;
		r->c[k] = now[k].least;
		if (x->n_reads && d->least < now[k].least)
			now[k].least = d->least;
		if (x->n_reads && d->most > now[k].most)
			now[k].most = d->most;
		now[k].leaves |= x->n_reads && d->leaves;
		*d = now[k];
	}
	x->n_reads++;
	return true;
}

static bool plain_layout(const struct ir_tensor *t)
{
	for (int k = 0; k < t->n_phys; k++)
		if (t->phys[k].div > 1 || t->phys[k].mod)
			return false;
	return true;
}

static bool window_reads(struct analysis *n)
{
	struct direct_window *x = &n->d->x;
	bool padded = false;

	if (!plain_layout(x->tensor))
		return fail(n, arena_printf(n->t->a, "the layout of '%s' "
			"splits a dimension", x->tensor->name));
	for (int k = 0; k < x->tensor->n_phys; k++)
		if (x->tensor->phys[k].extent > INT32_MAX / 2)
			return fail(n, "direct counts positions up to 2^30");
	if (x->tensor->n_phys > DIRECT_DIMS)
		return fail(n, arena_printf(n->t->a, "'%s' has more than eight "
			"dimensions", x->tensor->name));
	x->n_dims = x->tensor->n_phys;
	if (!add_read(n, n->window, &padded))
		return false;
	for (int i = 0; i < n->reads.n; i++)
		if (n->reads.v[i] != n->window && n->reads.v[i]->tensor ==
		    n->window->tensor && !add_read(n, n->reads.v[i], &padded))
			return false;
	return true;
}

static void remove_dim(struct direct_window *x, int k)
{
	x->n_dims--;
	for (int i = k; i < x->n_dims; i++)
		x->dims[i] = x->dims[i + 1];
	for (int r = 0; r < x->n_reads; r++)
		for (int i = k; i < x->n_dims; i++)
			x->reads[r].c[i] = x->reads[r].c[i + 1];
}

static bool moves(const struct direct_dim *x, bool out)
{
	for (int i = 0; i < DIRECT_AXES && out; i++)
		if (x->out[i])
			return true;
	for (int i = 0; i < DIRECT_REDS && !out; i++)
		if (x->red[i])
			return true;
	return false;
}

/* Dimensions that stand still within the tensor. */
static void drop_constant(struct direct_window *x)
{
	for (int k = x->n_dims - 1; k >= 0; k--) {
		const struct direct_dim *d = &x->dims[k];

		if (moves(d, true) || moves(d, false) || d->leaves ||
		    d->least != d->most || x->n_dims == 1)
			continue;
		x->base += d->least * d->stride;
		remove_dim(x, k);
	}
}

/* Goes through all positions for every result. */
static bool covered(const struct direct *n, const struct direct_dim *x)
{
	int64_t span = 1 + x->most - x->least;

	for (int i = 0; i < n->n_red; i++)
		span += magnitude(x->red[i]) * (n->red[i].extent - 1);
	return !moves(x, true) && !x->leaves && span == x->size;
}

/* Few channels that are innermost and always read all: with the dimension
 * around them they are one, so that vectors run along both. What is held at that
 * one's edge keeps its channel, and is not held at the edge of both. */
static void join_innermost(struct direct *n)
{
	enum { FEW = 8 };
	struct direct_window *x = &n->x;

	while (x->n_dims > 1) {
		struct direct_dim *in = &x->dims[x->n_dims - 1], *d = in - 1;

		if (!covered(n, in) || in->size > FEW ||
		    (x->edge && d->leaves) || d->stride != in->stride * in->size)
			return;
		for (int i = 0; i < DIRECT_AXES; i++)
			d->out[i] *= in->size;
		for (int i = 0; i < DIRECT_REDS; i++)
			d->red[i] = d->red[i] * in->size + in->red[i];
		d->least = d->least * in->size + in->least;
		d->most = d->most * in->size + in->most;
		d->stride = in->stride;
		d->size *= in->size;
		for (int r = 0; r < x->n_reads; r++) {
			int64_t *c = x->reads[r].c;

			c[x->n_dims - 2] = c[x->n_dims - 2] * in->size +
				c[x->n_dims - 1];
		}
		x->n_dims--;
	}
}

bool direct_slides(const struct direct *d, const struct direct_dim *x, int out,
	int red)
{
	return x->out[out] && x->red[red] && magnitude(x->out[out]) <=
		magnitude(x->red[red]) * (d->red[red].extent - 1);
}

/* The longest axis of the reduction along which no window slides, and which
 * has a dimension of its own. */
static void choose_chunk(struct direct *d)
{
	d->chunk = -1;
	for (int r = 0; r < d->n_red; r++) {
		bool free = true;

		for (int k = 0; k < d->x.n_dims; k++) {
			const struct direct_dim *x = &d->x.dims[k];

			for (int i = 0; i < d->n_out; i++)
				free &= !direct_slides(d, x, i, r);
			for (int i = 0; i < d->n_red; i++)
				free &= i == r || !x->red[r] || !x->red[i];
		}
		if (free && (d->chunk < 0 || d->red[r].extent >
		    d->red[d->chunk].extent))
			d->chunk = r;
	}
}

/* ---- the other tensors ---- */

static bool is_staged(const struct direct *d, const struct ir_expr *e)
{
	for (int i = 0; i < d->x.n_reads; i++)
		if (d->x.reads[i].read == e)
			return true;
	return false;
}

static void find_weights(struct analysis *n)
{
	struct direct *d = n->d;

	for (int i = 0; i < n->reads.n; i++) {
		const struct ir_expr *e = n->reads.v[i];
		struct direct_weights *w = &d->w[d->n_w];
		struct ir_affine f;
		bool inside = true;

		if (is_staged(d, e))
			continue;
		for (int k = 0; k < e->n_args && e->pad; k++) {
			int64_t lo, hi;

			inside &= ir_range(n->t->op, e->args[k], &lo, &hi) &&
				lo >= 0 && hi < n->t->op->tensors[
					e->tensor].dims[k];
		}
		if (d->n_w == DIRECT_WEIGHTS || !inside || !ir_address(n->t->a,
		    n->t->op, &n->t->op->tensors[e->tensor], e->args, &f))
			continue;
		*w = (struct direct_weights){ .read = e,
			.tensor = &n->t->op->tensors[e->tensor] };
		w->elem = dtype_row(w->tensor->type)->bits / 8;
		w->c = spread(n, &f, w->out, w->red);
		d->n_w += w->elem > 0;
	}
}

/* ---- the group ---- */

static bool check_reduction(struct analysis *n)
{
	const struct ir_group *g = n->t->group;
	const struct ir_expr *e = n->d->stmt->expr;

	if (g->stmts[0] != g->anchor_stmt)
		return fail(n, "something is computed before the reduction");
	for (int i = 1; i < g->n_stmts; i++)
		if (n->t->op->stmts[g->stmts[i]].expr->kind == IR_REDUCE)
			return fail(n, "direct computes one reduction, and "
				"this group has several");
	if (e->reducer != RED_SUM && e->reducer != RED_PROD &&
	    e->reducer != RED_MAX && e->reducer != RED_MIN)
		return fail(n, "direct computes sums, products, max and min");
	n->d->reducer = e->reducer;
	n->d->value = e->args[0];
	n->d->acc = reducer_type(e);
	return true;
}

static bool check_group(struct analysis *n)
{
	const struct ir_group *g = n->t->group;
	struct direct *d = n->d;

	d->stmt = &n->t->op->stmts[g->anchor_stmt];
	d->reduces = d->stmt->expr->kind == IR_REDUCE;
	d->value = d->stmt->expr;
	d->acc = lower_type(d->stmt->expr->type);
	if (g->anchor == IR_CHAIN)
		return fail(n, "direct computes one reduction, and this group "
			"is a chain of two contractions");
	if (g->across)
		return fail(n, "direct keeps no whole rows, of which the group "
			"has statistics");
	if (d->reduces && !check_reduction(n))
		return false;
	if (d->acc == T_BOOL || g->stmts[0] != g->anchor_stmt)
		return fail(n, "direct computes numbers, and the group's first "
			"statement from a window");
	return true;
}

/* Conversions of what is read narrow, which are counted where it is loaded. */
static double loaded_casts(const struct ir_expr *e)
{
	double n = 0;

	if (e->kind == IR_CAST && e->args[0]->kind == IR_READ)
		return dtype_row(e->args[0]->type)->bits < 32;
	for (int i = 0; e->kind != IR_READ && i < e->n_args; i++)
		n += loaded_casts(e->args[i]);
	return n;
}

static void count_operations(struct direct *d)
{
	struct cost_of c = expr_cost(d->value);

	d->ops = c.ops;
	d->issue = c.issue - loaded_casts(d->value);
	if (d->issue < 1)
		d->issue = 1;
	if (d->reduces && d->reducer != RED_SUM)
		d->issue += 1;
}

/* For the epilogue: the last axis is its columns, all others are its rows. */
static void assign_roles(struct analysis *n)
{
	struct ir_contraction *c = &n->d->roles;
	const struct ir_stmt *s = n->d->stmt;
	int last = n->d->out[n->d->n_out - 1].id;

	c->stmt = s;
	c->m = ARENA_ARRAY(n->t->a, (size_t)s->n_axes + 1, int);
	c->n = ARENA_ARRAY(n->t->a, 1, int);
	c->n[c->n_n++] = last;
	for (int i = 0; i < s->n_axes; i++)
		if (s->axes[i] != last)
			c->m[c->n_m++] = s->axes[i];
}

bool direct_analyse(struct task *t, struct direct *d, const char **why)
{
	struct analysis n = { .t = t, .d = d };
	bool ok = check_group(&n) && order_axes(&n) && reduced_axes(&n);

	if (ok) {
		ir_walk(d->value, collect_read, &n);
		ok = choose_tensor(&n) && window_reads(&n);
	}
	*why = n.why;
	if (!ok)
		return false;
	drop_constant(&d->x);
	join_innermost(d);
	choose_chunk(d);
	find_weights(&n);
	assign_roles(&n);
	count_operations(d);
	d->dram_bytes = epilogue_bytes(t);
	if (!epilogue_analyse(t, &d->roles, &d->epilogue, why))
		return false;
	d->epilogue.along_n = true;
	return true;
}
