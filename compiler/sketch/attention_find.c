/* SPDX-License-Identifier: MIT */
/* What a chain of two products is. In comes its group, out go both products, whose
 * axes belong together, and what the rows of the first become: weights of the
 * second, a maximum and sums that run along, and what is left for when all keys
 * are done. */
#include "sketch/attention.h"

#include "sketch/common.h"

#include <assert.h>

/* ---- two products ---- */

static bool reads_of(const struct ir_operator *o, const struct ir_expr *e,
	const struct ir_group *g)
{
	for (int i = 0; i < g->n_stmts; i++)
		if (ir_reads(e, o->stmts[g->stmts[i]].tensor))
			return true;
	return false;
}

static struct task part_of(const struct task *t, int anchor, const bool *across)
{
	struct ir_group *g = ARENA_NEW(t->a, struct ir_group);
	struct task part = *t;

	*g = (struct ir_group){ .anchor = IR_CONTRACTION, .anchor_stmt = anchor,
		.stmts = ARENA_ARRAY(t->a, (size_t)t->group->n_stmts, int),
		.across = across };
	part.group = g;
	return part;
}

/* The second product and all that depends on it, and the rest. */
static void divide(const struct task *t, struct attention *f)
{
	const struct ir_group *all = t->group;
	struct ir_group *of[2];

	f->first = part_of(t, all->anchor_stmt, all->across);
	f->second = part_of(t, all->second, NULL);
	of[0] = (struct ir_group *)f->first.group;
	of[1] = (struct ir_group *)f->second.group;
	for (int i = 0; i < all->n_stmts; i++) {
		int s = all->stmts[i];
		bool later = s == all->second ||
			reads_of(t->op, t->op->stmts[s].expr, of[1]);

		of[later]->stmts[of[later]->n_stmts++] = s;
	}
}

static bool axis_across(const struct task *t, int axis)
{
	const struct ir_stmt *s = &t->op->stmts[t->group->anchor_stmt];

	for (int i = 0; i < s->n_axes; i++)
		if (s->axes[i] == axis)
			return t->group->across[i];
	return false;
}

/* Which side of the scores are keys: those across. */
static void find_sides(const struct task *t, struct attention *f)
{
	struct ir_contraction *c = &f->scores.c;
	bool right = false;

	for (int i = 0; i < c->n_n; i++)
		right |= axis_across(t, c->n[i]);
	f->query = right ? &f->scores.left : &f->scores.right;
	f->key = right ? &f->scores.right : &f->scores.left;
	f->row_axes = right ? c->m : c->n;
	f->n_row_axes = right ? c->n_m : c->n_n;
	f->key_axes = right ? c->n : c->m;
	f->n_key_axes = right ? c->n_n : c->n_m;
	f->rows = right ? f->scores.m : f->scores.n;
	f->keys = right ? f->scores.n : f->scores.m;
	f->rows_name = right ? f->scores.m_name : f->scores.n_name;
	f->keys_name = right ? f->scores.n_name : f->scores.m_name;
	f->depth = f->scores.k;
}

/* with[axis of y] becomes that of "x": lists are alike but for axes of extent 1,
 * which have one value. */
static bool pair_axes(const struct task *t, const int *x, int n_x, const int *y,
	int n_y, struct ir_expr **with)
{
	const struct ir_axis *axes = t->op->axes;
	int k = 0;

	for (int i = 0; i < n_y; i++) {
		if (axes[y[i]].extent == 1) {
			with[y[i]] = ir_int(t->a, axes[y[i]].lo, T_I64);
			continue;
		}
		while (k < n_x && axes[x[k]].extent == 1)
			k++;
		if (k == n_x || axes[x[k]].extent != axes[y[i]].extent)
			return false;
		with[y[i]] = ir_axis_value(t->a, x[k++]);
	}
	while (k < n_x && axes[x[k]].extent == 1)
		k++;
	return k == n_x;
}

/* Are the axes the same, in the same order, but for those of extent 1? */
static bool same_axes(const struct ir_operator *o, const int *x, const int *y,
	int n)
{
	int i = 0, k = 0;

	for (;; i++, k++) {
		while (i < n && o->axes[x[i]].extent == 1)
			i++;
		while (k < n && o->axes[y[k]].extent == 1)
			k++;
		if (i == n || k == n)
			return i == n && k == n;
		if (x[i] != y[k])
			return false;
	}
}

/* The order of the second product's sums in which keys follow each other as in the
 * scores. */
static bool find_order(const struct task *t, struct attention *f,
	struct ir_expr **with)
{
	for (int i = 0; i < f->of.n_orders; i++)
		if (same_axes(t->op, f->of.orders[i], f->of.c.k, f->of.c.n_k) &&
				pair_axes(t, f->key_axes, f->n_key_axes,
				f->of.orders[i], f->of.c.n_k, with)) {
			f->value_order = i;
			return true;
		}
	return false;
}

/* Elements of both that lie side by side along the depth, if some order has so. */
static void find_depth_order(struct attention *f)
{
	for (int i = f->scores.n_orders - 1; i >= 0; i--)
		if (f->query->orders[i].k_inner && f->key->orders[i].k_inner)
			f->order = i;
}

/* The second product's sides, and what multiplies in the axes of the first. */
static const char *join(const struct task *t, struct attention *f,
	const struct ir_expr **weight)
{
	struct ir_contraction *c = &f->of.c, *s = &f->scores.c;
	struct ir_expr **with = ARENA_ARRAY(t->a, (size_t)t->op->n_axes,
		struct ir_expr *);
	const struct ir_expr *factor;

	f->rows_m = reads_of(t->op, c->left_value, f->first.group);
	f->value = f->rows_m ? &f->of.right : &f->of.left;
	f->cols = f->rows_m ? f->of.n : f->of.m;
	f->batch = f->of.batch;
	factor = f->rows_m ? c->left_value : c->right_value;
	if (!pair_axes(t, f->row_axes, f->n_row_axes, f->rows_m ? c->m : c->n,
			f->rows_m ? c->n_m : c->n_n, with) ||
	    !pair_axes(t, s->batch, s->n_batch, c->batch, c->n_batch, with))
		return "its two products do not go over the same rows and "
			"batches, such as heads that share keys but no values";
	if (!find_order(t, f, with))
		return "its second product sums in another order than the first "
			"has keys";
	*weight = ir_substitute(t->a, factor, with);
	return NULL;
}

/* ---- what scores become ---- */

int attention_output(const struct attention *f, const struct ir_expr *e)
{
	const struct epilogue *x = &f->scores.epilogue;

	for (int i = 0; e->kind == IR_READ && i < x->n; i++)
		if (x->outputs[i].tensor->id == e->tensor)
			return i;
	return -1;
}

static const struct output *output(const struct attention *f, int i)
{
	return &f->scores.epilogue.outputs[i];
}

const struct ir_expr *attention_resolved(const struct attention *f,
	const struct ir_expr *e)
{
	for (int i = attention_output(f, e); i >= 0; i = attention_output(f, e)) {
		const struct output *o = output(f, i);

		if (o->per_row || !o->value ||
		    lower_type(o->tensor->type) != o->tensor->type)
			break;
		e = o->value;
	}
	return e;
}

static bool same(const struct attention *f, const struct ir_expr *x,
	const struct ir_expr *y)
{
	return ir_equal(x, y) || ir_equal(attention_resolved(f, x),
		attention_resolved(f, y));
}

enum reach { REACH_MAXIMUM, REACH_FINAL, REACH_ELEMENTS };

static bool counts(const struct attention *f, int i, enum reach r)
{
	bool row = output(f, i)->per_row;

	return r == REACH_ELEMENTS ? !row : row && (i == f->w.maximum) ==
		(r == REACH_MAXIMUM);
}

/* Is "e", or what it reads of elements, made of such outputs? */
static bool reaches(const struct attention *f, const struct ir_expr *e,
	enum reach r)
{
	int i = attention_output(f, e);

	if (i >= 0 && (counts(f, i, r) || (!output(f, i)->per_row &&
	    output(f, i)->value && reaches(f, output(f, i)->value, r))))
		return true;
	for (int k = 0; k < e->n_args; k++)
		if (reaches(f, e->args[k], r))
			return true;
	return false;
}

static bool is_free(const struct attention *f, const struct ir_expr *e)
{
	return !reaches(f, e, REACH_MAXIMUM) && !reaches(f, e, REACH_FINAL);
}

bool attention_is_shifted(const struct attention *f, const struct ir_expr *e)
{
	return f->w.shifted && same(f, e, f->w.shifted);
}

/* Is "e" made of scores otherwise than by way of what is shifted? */
static bool needs_scores(const struct attention *f, const struct ir_expr *e)
{
	int i = attention_output(f, e);

	if (attention_is_shifted(f, e))
		return false;
	if (i >= 0 && !output(f, i)->per_row)
		return !output(f, i)->value ||
			needs_scores(f, output(f, i)->value);
	for (int k = 0; k < e->n_args; k++)
		if (needs_scores(f, e->args[k]))
			return true;
	return false;
}

bool attention_is_exp(const struct attention *f, const struct ir_expr *e)
{
	const struct ir_expr *d;

	e = attention_resolved(f, e);
	if (f->w.maximum < 0 || e->kind != IR_OP || e->op != OP_EXP)
		return false;
	d = attention_resolved(f, e->args[0]);
	return d->kind == IR_OP && d->op == OP_SUB &&
		attention_output(f, d->args[1]) == f->w.maximum &&
		attention_is_shifted(f, d->args[0]);
}

bool attention_scales(const struct attention *f, const struct ir_expr *e)
{
	if (attention_is_exp(f, e))
		return true;
	e = attention_resolved(f, e);
	return e->kind == IR_OP && e->op == OP_MUL &&
		((attention_scales(f, e->args[0]) && is_free(f, e->args[1])) ||
		(attention_scales(f, e->args[1]) && is_free(f, e->args[0])));
}

/* ---- statistics ---- */

/* A maximum that elements are made with. */
static void find_maximum(struct attention *f, const struct ir_expr *weight)
{
	const struct epilogue *x = &f->scores.epilogue;

	f->w.maximum = -1;
	for (int i = 0; i < x->n; i++) {
		const struct output *o = output(f, i);
		bool used = ir_reads(weight, o->tensor->id);

		for (int k = i + 1; k < x->n; k++)
			used |= x->outputs[k].value && (!x->outputs[k].per_row ||
				x->outputs[k].reduction) && ir_reads(
				x->outputs[k].value, o->tensor->id);
		if (o->reduction && o->reduction->reducer == RED_MAX && used &&
		    f->w.maximum < 0) {
			f->w.maximum = i;
			f->w.shifted = o->value;
		}
	}
}

static const char *check_statistic(struct arena *a, const struct attention *f,
	const struct output *o)
{
	enum reducer r = o->reduction->reducer;
	bool maximum = o == output(f, 0) + f->w.maximum;
	const char *name = o->tensor->name;

	if ((r != RED_SUM && r != RED_MAX && r != RED_MIN) ||
	    lower_type(o->reduction->type) != T_F32 ||
	    lower_type(o->value->type) != T_F32 || o->tensor->type != T_F32)
		return arena_printf(a, "'%s' of a row is no sum, maximum or "
			"minimum in f32", name);
	if (!maximum && f->w.maximum >= 0 && needs_scores(f, o->value))
		return arena_printf(a, "'%s' of a row is of scores, whose places "
			"are taken by what the maximum is of", name);
	if (is_free(f, o->value) || (!maximum && r == RED_SUM &&
	    attention_scales(f, o->value) && !reaches(f, o->value,
	    REACH_FINAL)))
		return NULL;
	return arena_printf(a, "'%s' of a row is known when all keys are: what "
		"runs along are sums of exp(x - maximum of x), times what does "
		"not depend on it", name);
}

/* Only values of rows leave a chain. */
static const char *check_outputs(const struct task *t, struct attention *f)
{
	struct epilogue *x = &f->scores.epilogue;

	for (int i = 0; i < x->n; i++) {
		struct output *o = &x->outputs[i];
		const char *why = o->reduction ? check_statistic(t->a, f, o) :
			NULL;

		if (why)
			return why;
		o->stored = ir_group_stores(t->op, t->group, o->tensor->id);
		assert(!o->stored || o->per_row);
	}
	return NULL;
}

/* ---- weights ---- */

static bool of_rows(const struct attention *f, const struct ir_expr *e)
{
	return !reaches(f, e, REACH_ELEMENTS) &&
		(reaches(f, e, REACH_FINAL) || reaches(f, e, REACH_MAXIMUM));
}

/* What is of a row alone is left for the end: exp(..) / sum. */
static void split_norm(struct attention *f)
{
	const struct ir_expr *e = attention_resolved(f, f->w.weight);

	if (e->kind != IR_OP || (e->op != OP_DIV && e->op != OP_MUL))
		return;
	for (int i = e->op == OP_DIV; i < 2; i++)
		if (of_rows(f, e->args[i])) {
			f->w.norm = e->args[i];
			f->w.divides = e->op == OP_DIV;
			f->w.weight = e->args[!i];
			return;
		}
}

/* Without the rounding to what is multiplied. */
static const struct ir_expr *unrounded(const struct attention *f,
	const struct ir_expr *e)
{
	int i = attention_output(f, e);

	if (i >= 0 && output(f, i)->tensor->type == f->w.type &&
	    output(f, i)->value)
		e = output(f, i)->value;
	return e->kind == IR_CAST && e->type == f->w.type ? e->args[0] : e;
}

static const char *find_weight(struct attention *f, const struct ir_expr *e)
{
	f->w.type = f->value->tile_type;
	f->w.weight = unrounded(f, e);
	split_norm(f);
	if (f->w.norm && !attention_is_exp(f, f->w.weight))
		return "what rows are divided by comes after the sum only where "
			"it is exp(x - maximum of x) that is divided";
	if (reaches(f, f->w.weight, REACH_FINAL))
		return "its second product multiplies what is known when all of "
			"a row is";
	f->w.scaled = reaches(f, f->w.weight, REACH_MAXIMUM);
	if (f->w.scaled && !attention_scales(f, f->w.weight))
		return "what multiplies does not scale with exp(-maximum)";
	if (f->w.maximum >= 0 && needs_scores(f, f->w.weight))
		return "what multiplies is made of scores otherwise than by "
			"exp(x - maximum of x)";
	return NULL;
}

/* ---- what follows ---- */

struct search_divisor {
	int tensor;
	bool found;
};

static void find_divisor(struct ir_expr *e, void *ctx)
{
	struct search_divisor *s = ctx;

	s->found |= e->kind == IR_OP && e->op == OP_DIV && e->args[1]->kind ==
		IR_READ && e->args[1]->tensor == s->tensor;
}

bool attention_divides(const struct attention *f, const struct output *o)
{
	const struct epilogue *e = &f->of.epilogue;
	struct search_divisor s = { o->tensor->id, false };

	if (!o->reduction || o->reduction->reducer != RED_SUM ||
	    !attention_is_exp(f, o->value))
		return false;
	for (int i = 0; i < e->n; i++)
		if (e->outputs[i].value)
			ir_walk(e->outputs[i].value, find_divisor, &s);
	return s.found;
}

/* ---- all of it ---- */

/* The largest instruction that multiplies them. */
static const struct mma_row *instruction(enum dtype t)
{
	int n;
	const struct mma_row *rows = mma_rows(&n);

	for (int i = 0; i < n; i++)
		if (rows[i].factor == t && rows[i].acc == T_F32 &&
		    rows[i].m == 16 && rows[i].k == 16)
			return &rows[i];
	return NULL;
}

static const char *check_types(const struct task *t, struct attention *f)
{
	enum dtype q = f->query->tile_type, k = f->key->tile_type;
	enum dtype v = f->value->tile_type;
	enum dtype w = (f->rows_m ? &f->of.left : &f->of.right)->tile_type;

	if (f->query->value || f->key->value || f->value->value)
		return "attention multiplies tensors as they lie, and one is "
			"computed";
	if (q != k || w != v || q != v || (q != T_F16 && q != T_BF16))
		return arena_printf(t->a, "attention multiplies f16 or bf16, one "
			"type in both products, not %s x %s and %s x %s",
			dtype_row(q)->name, dtype_row(k)->name,
			dtype_row(w)->name, dtype_row(v)->name);
	if (f->scores.acc != T_F32 || f->of.acc != T_F32)
		return "attention sums in f32";
	f->form = instruction(q);
	return f->form && f->form->cc <= t->target->cc && t->target->cp_async ?
		NULL : arena_printf(t->a, "attention wants tensor cores and "
		"asynchronous copies of sm_80 or later, not %s",
		t->target->name);
}

static const char *check_open(const struct task *t, const struct attention *f)
{
	const struct ir_contraction *c = &f->of.c;

	return ir_any_open(t->op, f->scores.c.k, f->scores.c.n_k) ||
		ir_any_open(t->op, f->rows_m ? c->n : c->m, f->rows_m ? c->n_n :
			c->n_m) ? "a row of queries and one of values are of "
		"sizes that are known" : NULL;
}

bool attention_find(struct task *t, struct attention *f, const char **why)
{
	const struct ir_expr *weight = NULL;

	if (t->group->anchor != IR_CHAIN) {
		*why = "attention computes two products, of which the second "
			"multiplies what rows of the first become";
		return false;
	}
	divide(t, f);
	if (!product_analyse(&f->first, "attention", PRODUCT_ROWS |
			PRODUCT_TABLES, &f->scores, why) ||
	    !product_analyse(&f->second, "attention", PRODUCT_COMPUTES |
			PRODUCT_TABLES, &f->of, why))
		return false;
	find_sides(t, f);
	*why = join(t, f, &weight);
	if (!*why)
		*why = check_types(t, f);
	if (!*why)
		*why = check_open(t, f);
	if (*why)
		return false;
	find_depth_order(f);
	find_maximum(f, weight);
	*why = check_outputs(t, f);
	if (!*why)
		*why = find_weight(f, weight);
	if (*why)
		return false;
	attention_find_masks(t, f);
	attention_find_factor(t, f);
	return true;
}
