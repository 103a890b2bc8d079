/* SPDX-License-Identifier: MIT */
/* What an epilogue is: in comes a contraction's group, out go the statements
 * that follow it element by element or row by row, rewritten in the
 * contraction's own axes, in which pass over a thread's elements each is
 * computed, which are stored, and how many elements at once their layouts
 * allow. epilogue_emit.c and epilogue_rows.c write their code. */
#include "sketch/epilogue.h"

#include "sketch/common.h"

/* ---- statements in the contraction's axes ---- */

static bool follows(const struct epilogue *f, const struct ir_expr *e)
{
	for (int i = 0; i < f->n; i++)
		if (ir_reads(e, f->outputs[i].tensor->id))
			return true;
	return false;
}

/* The next axis of the anchor, from number "*i" on, along which rows go or, not
 * "across", do not. */
static int next_axis(const struct ir_group *g, const struct ir_stmt *anchor,
	bool across, int *i)
{
	while (*i < anchor->n_axes && (g->across && g->across[*i]) != across)
		++*i;
	return *i < anchor->n_axes ? anchor->axes[(*i)++] : -1;
}

/* The anchor's axes in place of the "n" of "axes", which are in their order;
 * false: there are more or fewer. */
static bool map_side(struct task *t, const struct ir_stmt *anchor,
	const int *axes, int n, bool across, struct ir_expr **with)
{
	int at = 0, k = 0, axis;

	while ((axis = next_axis(t->group, anchor, across, &at)) >= 0) {
		if (k < n)
			with[axes[k]] = ir_axis_value(t->a, axis);
		k++;
	}
	return k == n;
}

/* Statement "s", which has an element for each of the anchor's, in its axes. */
static bool map_element(struct task *t, const struct ir_stmt *anchor,
	const struct ir_stmt *s, struct ir_expr **with)
{
	for (int i = 0; i < s->n_axes && i < anchor->n_axes; i++)
		with[s->axes[i]] = ir_axis_value(t->a, anchor->axes[i]);
	return s->n_axes == anchor->n_axes;
}

/* Statement "s" in the anchor's axes: one of an element, of a row, or of a
 * row's elements, which it reduces. */
static bool map_axes(struct task *t, const struct ir_stmt *anchor,
	const struct ir_stmt *s, struct output *out, struct ir_expr **with)
{
	out->per_row = t->group->across && s->n_axes < anchor->n_axes;
	if (s->expr->kind == IR_REDUCE)
		return out->per_row && map_side(t, anchor, s->axes, s->n_axes,
			false, with) && map_side(t, anchor, s->expr->red,
			s->expr->n_red, true, with);
	if (out->per_row)
		return map_side(t, anchor, s->axes, s->n_axes, false, with);
	return map_element(t, anchor, s, with);
}

/* "e", which reduces over axes that "with" replaces. */
static const struct ir_expr *reduction(struct task *t, const struct ir_expr *e,
	struct ir_expr *const *with)
{
	struct ir_expr *r = ARENA_NEW(t->a, struct ir_expr);

	*r = *e;
	r->red = ARENA_ARRAY(t->a, (size_t)e->n_red, int);
	for (int i = 0; i < e->n_red; i++)
		r->red[i] = with[e->red[i]]->axis;
	return r;
}

/* The same element: axes of extent 1 have one value, whichever is written. */
static bool same_index(const struct task *t, const struct ir_expr *x,
	const struct ir_expr *y)
{
	struct ir_affine f, g;

	if (!ir_affine(t->a, t->op, x, &f) || !ir_affine(t->a, t->op, y, &g))
		return false;
	for (int i = 0; i < t->op->n_axes; i++) {
		const struct ir_axis *axis = &t->op->axes[i];

		if (axis->extent == 1) {
			f.c += f.coef[i] * axis->lo;
			g.c += g.coef[i] * axis->lo;
		} else if (f.coef[i] != g.coef[i]) {
			return false;
		}
	}
	return f.c == g.c;
}

struct own_reads {
	const struct task *t;
	const struct epilogue *e;
	bool ok;
};

static void check_read(struct ir_expr *e, void *ctx)
{
	struct own_reads *r = ctx;

	if (e->kind != IR_READ)
		return;
	for (int i = 0; i < r->e->n; i++) {
		const struct output *o = &r->e->outputs[i];

		if (o->tensor->id != e->tensor)
			continue;
		for (int d = 0; d < e->n_args; d++)
			r->ok &= same_index(r->t, e->args[d], o->index[d]);
	}
}

static bool reads_own_element(const struct task *t, const struct epilogue *f,
	struct ir_expr *value)
{
	struct own_reads r = { t, f, true };

	ir_walk(value, check_read, &r);
	return r.ok;
}

/* Elements storable at once along "axes", when the others stay aligned. */
static int store_vector(const struct task *t, const struct ir_affine *at,
	const struct ir_tensor *tensor, const int *along, int n_along,
	const int *const others[2], const int n_others[2])
{
	int elem = dtype_row(tensor->type)->bits / 8;
	int v = elem ? 16 / elem : 1;
	struct flat f;

	if (!flat_make(t->op, along, n_along, at, 1, &f))
		return 1;
	v = flat_alignment(&f, flat_vector(&f, 1, v), true);
	for (int i = 0; i < 2; i++) {
		if (!flat_make(t->op, others[i], n_others[i], at, 1, &f))
			return 1;
		v = flat_alignment(&f, v, false);
	}
	while (v > 1 && (at->c % v || tensor->align % (v * elem)))
		v /= 2;
	return v;
}

void output_vectors(const struct task *t, const struct ir_contraction *c,
	struct output *out)
{
	struct ir_affine at;

	out->vec_m = out->vec_n = 1;
	if (!ir_address(t->a, t->op, out->tensor, out->index, &at))
		return;
	out->vec_n = store_vector(t, &at, out->tensor, c->n, c->n_n,
		(const int *const[]){ c->m, c->batch },
		(const int[]){ c->n_m, c->n_batch });
	out->vec_m = store_vector(t, &at, out->tensor, c->m, c->n_m,
		(const int *const[]){ c->n, c->batch },
		(const int[]){ c->n_n, c->n_batch });
}

/* "s", which is not the anchor, as an output of the kernel. */
static bool follow(struct task *t, const struct ir_contraction *c,
	struct epilogue *f, const struct ir_stmt *s, struct ir_expr **with,
	struct output *out, const char **why)
{
	const struct ir_expr *e = s->expr;

	if (!follows(f, e) || !map_axes(t, c->stmt, s, out, with)) {
		*why = arena_printf(t->a, "'%s' does not follow the "
			"contraction element by element", out->tensor->name);
		return false;
	}
	if (e->kind == IR_REDUCE) {
		out->reduction = reduction(t, e, with);
		e = e->args[0];
	}
	out->value = ir_substitute(t->a, e, with);
	if (reads_own_element(t, f, out->value))
		return true;
	*why = arena_printf(t->a, "'%s' reads other elements of the "
		"contraction than its own", out->tensor->name);
	return false;
}

static bool add_output(struct task *t, const struct ir_contraction *c,
	struct epilogue *f, int stmt, const char **why)
{
	const struct ir_stmt *s = &t->op->stmts[stmt];
	struct output *out = &f->outputs[f->n];
	struct ir_expr **with = ARENA_ARRAY(t->a, (size_t)t->op->n_axes,
		struct ir_expr *);

	if (f->n == OUTPUTS_MAX) {
		*why = arena_printf(t->a, "more than %d statements follow the "
			"contraction", OUTPUTS_MAX);
		return false;
	}
	*out = (struct output){ .tensor = &t->op->tensors[s->tensor],
		.vec_n = 1, .vec_m = 1 };
	out->second = t->group->anchor == IR_TWINS && stmt == t->group->second;
	if (out->second)
		map_element(t, c->stmt, s, with);
	else if (stmt != t->group->anchor_stmt &&
		 !follow(t, c, f, s, with, out, why))
		return false;
	out->index = ARENA_ARRAY(t->a, (size_t)out->tensor->rank,
		struct ir_expr *);
	for (int d = 0; d < out->tensor->rank; d++)
		out->index[d] = ir_substitute(t->a, s->index[d], with);
	out->stored = ir_group_stores(t->op, t->group, s->tensor);
	if (!out->per_row)
		output_vectors(t, c, out);
	f->n++;
	return true;
}

/* ---- passes ---- */

/* The first pass in which all that "out" reads is there: of elements in the
 * pass that computes them, of rows after it, but for other values of rows. */
static int first_pass(const struct epilogue *f, const struct output *out)
{
	bool row = out->per_row && !out->reduction;
	int pass = 0;

	for (const struct output *o = f->outputs; o < out; o++) {
		int ready = o->per_row && !row ? o->pass + 1 : o->pass;

		if (out->value && ir_reads(out->value, o->tensor->id) && ready > pass)
			pass = ready;
	}
	return pass;
}

static void plan_passes(struct epilogue *f)
{
	for (int i = 0; i < f->n; i++) {
		struct output *out = &f->outputs[i];

		out->pass = out->last = first_pass(f, out);
		for (struct output *o = f->outputs; o < out; o++)
			if (out->value && ir_reads(out->value, o->tensor->id) &&
					o->last < out->pass)
				o->last = out->pass;
		if (out->pass >= f->passes)
			f->passes = out->pass + 1;
	}
	for (int pass = 0; pass < f->passes; pass++) {
		int held = 0;

		for (int i = 0; i < f->n; i++)
			held += !f->outputs[i].per_row && f->outputs[i].pass <=
				pass && pass < f->outputs[i].last;
		if (held > f->held)
			f->held = held;
	}
}

/* Does tensor "t" have an element for each of the product's, and does what comes
 * before the last pass read it? */
static bool is_early(const struct epilogue *f, const struct ir_tensor *t,
	int sides)
{
	for (int i = 0; i < f->n; i++)
		if (f->outputs[i].tensor == t)
			return false;
	for (int i = 0; i < f->n; i++)
		if ((f->outputs[i].reduction ||
		    f->outputs[i].pass < f->passes - 1) &&
		    f->outputs[i].value && ir_reads(f->outputs[i].value, t->id))
			return t->rank >= sides;
	return false;
}

static void count_early(const struct task *t, struct epilogue *f)
{
	int sides = f->outputs[0].tensor->rank;

	for (int i = 0; i < t->op->n_tensors; i++)
		f->early += is_early(f, &t->op->tensors[i], sides);
}

/* Is "axis" one of "axes"? */
static bool among(const int *axes, int n, int axis)
{
	for (int i = 0; i < n; i++)
		if (axes[i] == axis)
			return true;
	return false;
}

/* Whether rows go along the columns, and how many elements they have. */
static void measure_rows(const struct task *t, const struct ir_contraction *c,
	struct epilogue *f)
{
	f->row = 1;
	for (int i = 0; i < c->stmt->n_axes; i++) {
		int axis = c->stmt->axes[i];

		if (!t->group->across[i])
			continue;
		f->rows_along_n |= among(c->n, c->n_n, axis);
		f->row *= t->op->axes[axis].extent;
	}
}

bool epilogue_analyse(struct task *t, const struct ir_contraction *c,
	struct epilogue *f, const char **why)
{
	const struct output *last = NULL;

	for (int i = 0; i < t->group->n_stmts; i++)
		if (!add_output(t, c, f, t->group->stmts[i], why))
			return false;
	plan_passes(f);
	count_early(t, f);
	for (int i = 0; i < f->n; i++)
		if (!f->outputs[i].per_row)
			last = &f->outputs[i];
	f->along_n = last->vec_n > 1 || last->vec_m == 1;
	f->rows = t->group->across != NULL;
	if (f->rows)
		measure_rows(t, c, f);
	return true;
}

static bool finds(const struct ir_expr *place, const struct ir_expr *value)
{
	return (value->reducer == RED_MIN && place->reducer == RED_ARGMIN) ||
		(value->reducer == RED_MAX && place->reducer == RED_ARGMAX);
}

int epilogue_finder(const struct epilogue *e, int i)
{
	const struct output *x = &e->outputs[i];

	for (int k = 0; k < e->n && x->reduction; k++) {
		const struct output *y = &e->outputs[k];

		if (y->reduction && y->pass == x->pass &&
		    finds(y->reduction, x->reduction) &&
		    reducer_type(y->reduction) == reducer_type(x->reduction) &&
		    ir_equal(x->value, y->value))
			return k;
	}
	return -1;
}

/* ---- bytes ---- */

static double tensor_bytes(const struct ir_tensor *t)
{
	return (double)t->elements * dtype_row(t->type)->bits / 8;
}

double epilogue_bytes(const struct task *t)
{
	double bytes = 0;

	for (int i = 0; i < t->op->n_tensors; i++) {
		const struct ir_tensor *x = &t->op->tensors[i];
		bool written = false, read = false;

		for (int j = 0; j < t->group->n_stmts; j++) {
			const struct ir_stmt *s =
				&t->op->stmts[t->group->stmts[j]];

			read |= ir_reads(s->expr, x->id);
			written |= s->tensor == i;
		}
		if (written ? ir_group_stores(t->op, t->group, i) : read)
			bytes += tensor_bytes(x);
	}
	return bytes;
}
