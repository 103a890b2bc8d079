/* SPDX-License-Identifier: MIT */
/* What an epilogue is: in comes a contraction's group, out go the statements
 * that follow it element by element, rewritten in the contraction's own axes,
 * which of them are stored, and how many elements at once their layouts allow.
 * epilogue_emit.c writes their code. */
#include "sketch/epilogue.h"

#include "sketch/common.h"

/* ---- statements in the contraction's axes ---- */

struct rewriting {
	struct arena *a;
	const struct ir_operator *op;
	struct ir_expr **with;
	bool ok;
};

/* Axis values that make the affine index "e" equal "value": a plain axis, or
 * digits of a mixed radix such as o * 4 + i. */
static bool solve(struct rewriting *w, const struct ir_expr *e,
	struct ir_expr *value)
{
	struct ir_affine f;

	if (!ir_affine(w->a, w->op, e, &f) || f.c != 0)
		return false;
	for (int i = 0; i < w->op->n_axes; i++) {
		const struct ir_axis *x = &w->op->axes[i];
		struct ir_expr *v = value;

		if (!f.coef[i])
			continue;
		if (f.coef[i] < 0 || x->lo)
			return false;
		if (f.coef[i] > 1)
			v = ir_apply(w->a, OP_DIV, T_I64, 2, v,
				ir_int(w->a, f.coef[i], T_I64));
		for (int j = 0; j < w->op->n_axes; j++)
			if (f.coef[j] > f.coef[i]) {
				v = ir_apply(w->a, OP_MOD, T_I64, 2, v,
					ir_int(w->a, x->extent, T_I64));
				break;
			}
		w->with[i] = v;
	}
	return true;
}

struct search_read {
	int tensor;
	struct ir_expr *found;
};

static void find_read(struct ir_expr *e, void *ctx)
{
	struct search_read *s = ctx;

	if (e->kind == IR_READ && e->tensor == s->tensor && !s->found)
		s->found = e;
}

/* Statement "s" reads some earlier member at indices that are its own axes;
 * that gives its axes' values in terms of the contraction's. */
static bool map_axes(struct task *t, const struct epilogue *f,
	const struct ir_stmt *s, struct ir_expr **with)
{
	struct rewriting w = { t->a, t->op, with, true };

	for (int i = 0; i < f->n; i++) {
		struct search_read r = { (int)(f->outputs[i].tensor -
			t->op->tensors), NULL };
		bool ok = true;

		ir_walk(s->expr, find_read, &r);
		if (!r.found)
			continue;
		for (int d = 0; d < r.found->n_args && ok; d++)
			ok = solve(&w, r.found->args[d],
				f->outputs[i].index[d]);
		for (int j = 0; j < s->n_axes && ok; j++)
			ok = with[s->axes[j]] ||
				t->op->axes[s->axes[j]].extent == 1;
		if (ok)
			return true;
	}
	return false;
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

static bool read_outside(const struct task *t, int tensor)
{
	for (int i = 0; i < t->op->n_stmts; i++) {
		struct search_read r = { tensor, NULL };
		bool inside = false;

		for (int j = 0; j < t->group->n_stmts; j++)
			inside |= t->group->stmts[j] == i;
		if (inside)
			continue;
		ir_walk(t->op->stmts[i].expr, find_read, &r);
		if (r.found)
			return true;
	}
	return false;
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
	v = flat_alignment(&f, flat_vector(&f, 1, v < 4 ? v : 4), true);
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

static bool add_output(struct task *t, const struct ir_contraction *c,
	struct epilogue *f, int stmt, const char **why)
{
	const struct ir_stmt *s = &t->op->stmts[stmt];
	struct output *out = &f->outputs[f->n];
	struct ir_expr **with = ARENA_ARRAY(t->a, (size_t)t->op->n_axes,
		struct ir_expr *);

	if (f->n == OUTPUTS_MAX) {
		*why = "more than eight statements follow the contraction";
		return false;
	}
	*out = (struct output){ .tensor = &t->op->tensors[s->tensor] };
	out->index = ARENA_ARRAY(t->a, (size_t)out->tensor->rank,
		struct ir_expr *);
	if (stmt != t->group->anchor_stmt) {
		if (!map_axes(t, f, s, with)) {
			*why = arena_printf(t->a, "'%s' does not follow the "
				"contraction element by element",
				out->tensor->name);
			return false;
		}
		for (int j = 0; j < s->n_axes; j++)
			if (!with[s->axes[j]])
				with[s->axes[j]] = ir_int(t->a,
					t->op->axes[s->axes[j]].lo, T_I64);
		out->value = ir_substitute(t->a, s->expr, with);
		if (!reads_own_element(t, f, out->value)) {
			*why = arena_printf(t->a, "'%s' reads other elements "
				"of the contraction than its own",
				out->tensor->name);
			return false;
		}
	}
	for (int d = 0; d < out->tensor->rank; d++)
		out->index[d] = ir_substitute(t->a, s->index[d], with);
	out->stored = out->tensor->role == IR_OUT ||
		read_outside(t, s->tensor);
	output_vectors(t, c, out);
	f->n++;
	return true;
}

bool epilogue_analyse(struct task *t, const struct ir_contraction *c,
	struct epilogue *f, const char **why)
{
	const struct output *last;

	for (int i = 0; i < t->group->n_stmts; i++)
		if (!add_output(t, c, f, t->group->stmts[i], why))
			return false;
	last = &f->outputs[f->n - 1];
	f->along_n = last->vec_n > 1 || last->vec_m == 1;
	return true;
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
		struct search_read r = { i, NULL };
		bool written = false;

		for (int j = 0; j < t->group->n_stmts; j++) {
			const struct ir_stmt *s =
				&t->op->stmts[t->group->stmts[j]];

			ir_walk(s->expr, find_read, &r);
			written |= s->tensor == i;
		}
		if (written ? t->op->tensors[i].role == IR_OUT ||
		    read_outside(t, i) : r.found != NULL)
			bytes += tensor_bytes(&t->op->tensors[i]);
	}
	return bytes;
}
