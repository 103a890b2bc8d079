/* SPDX-License-Identifier: MIT */
/* Factors. In comes a hoisted operator, out goes one that means the same in
 * which a sum over a product that is no contraction as it stands has become
 * one, where two groups of its factors make it one: a group that cannot be
 * loaded is a let, written first. Of the ways to group them, the one whose lets
 * are smallest is taken. */
#include "ir/group.h"
#include "ir/hoist.h"

/* Elements of a let that may be written. */
enum { LARGEST = 1 << 28 };

struct product {
	struct arena *a;
	const struct ir_operator *o;
	const struct ir_stmt *stmt;
	struct group_product by;
	enum dtype type;
	bool *batch;		/* by axis: of the result and both sides */
};

struct marking {
	const struct ir_operator *o;
	bool *axes;
};

static void mark(struct ir_expr *e, void *ctx)
{
	struct marking *m = ctx;

	if (e->kind == IR_AXIS && m->o->axes[e->axis].extent != 1)
		m->axes[e->axis] = true;
}

bool group_multiplied(struct arena *a, const struct ir_operator *o,
	struct ir_expr *e, enum dtype type, struct group_product *out)
{
	struct marking m = { .o = o };

	if (e->kind == IR_OP && e->op == OP_MUL && e->type == type)
		return group_multiplied(a, o, e->args[0], type, out) &&
			group_multiplied(a, o, e->args[1], type, out);
	if (out->n == GROUP_FACTORS)
		return false;
	m.axes = ARENA_ARRAY(a, o->n_axes + 1, bool);
	ir_walk(e, mark, &m);
	out->axes[out->n] = m.axes;
	out->of[out->n++] = e;
	return true;
}

/* True if the statement sums a product of at least two factors. */
static bool find_factors(struct product *p)
{
	const struct ir_expr *e = p->stmt->expr, *body;

	if (e->kind != IR_REDUCE || e->reducer != RED_SUM)
		return false;
	body = group_stripped(e->args[0], T_NONE);
	p->type = body->type;
	return group_multiplied(p->a, p->o, (struct ir_expr *)body, p->type,
		&p->by) && p->by.n > 1;
}

/* Does axis "x" occur in one of the factors in set "of"? */
static bool occurs(const struct product *p, unsigned of, int x)
{
	for (int i = 0; i < p->by.n; i++)
		if (of >> i & 1 && p->by.axes[i][x])
			return true;
	return false;
}

/* Axes of the result belong to one side at least and one to one alone, summed
 * ones to both. */
static bool contracts(const struct product *p, unsigned left, unsigned right)
{
	const struct ir_expr *e = p->stmt->expr;
	bool apart = false;

	for (int i = 0; i < p->stmt->n_axes; i++) {
		int x = p->stmt->axes[i];
		bool l = occurs(p, left, x), r = occurs(p, right, x);

		if (!l && !r && p->o->axes[x].extent != 1)
			return false;
		apart |= l != r;
	}
	for (int i = 0; i < e->n_red; i++)
		if (p->o->axes[e->red[i]].extent != 1 &&
		    !(occurs(p, left, e->red[i]) && occurs(p, right, e->red[i])))
			return false;
	return apart;
}

static struct ir_expr *side(const struct product *p, unsigned of)
{
	struct ir_expr *all = NULL;
	int n = 0;

	for (int i = 0; i < p->by.n; i++)
		if (of >> i & 1) {
			all = all ? ir_apply(p->a, OP_MUL, p->type, 2, all,
				p->by.of[i]) : p->by.of[i];
			n++;
		}
	return n > 1 ? all : (struct ir_expr *)group_stripped(all, p->type);
}

/* Is there the axis in one of the factors in set "of", if of one value? */
static bool stands_in(const struct product *p, unsigned of, int x)
{
	for (int i = 0; i < p->by.n; i++)
		if (of >> i & 1 && ir_depends(p->by.of[i], x))
			return true;
	return false;
}

/* The product is one of the factors in "left" and of the others. */
static void divide(struct product *p, unsigned left)
{
	unsigned right = (1u << p->by.n) - 1 - left;

	p->batch = ARENA_ARRAY(p->a, p->o->n_axes + 1, bool);
	for (int i = 0; i < p->stmt->n_axes; i++) {
		int x = p->stmt->axes[i];

		p->batch[x] = stands_in(p, left, x) && stands_in(p, right, x);
	}
}

static bool is_loaded(const struct product *p, const struct ir_expr *e)
{
	return group_factor(p->a, p->o, e, p->batch);
}

/* Elements of the let that the side needs: none where it is loaded. */
static double written(const struct product *p, unsigned of)
{
	double n = 1;

	if (is_loaded(p, side(p, of)))
		return 0;
	for (int x = 0; x < p->o->n_axes; x++)
		if (occurs(p, of, x))
			n *= (double)p->o->axes[x].extent;
	return n;
}

/* Of the lets that both sides need. */
static double written_in_all(struct product *p, unsigned left)
{
	divide(p, left);
	return written(p, left) + written(p, (1u << p->by.n) - 1 - left);
}

/* The set of factors on the left, or 0. */
static unsigned best_left(struct product *p)
{
	unsigned all = (1u << p->by.n) - 1, best = 0;
	double least = LARGEST;

	for (unsigned left = 1; left < all; left += 2) {
		double n;

		if (!contracts(p, left, all - left))
			continue;
		n = written_in_all(p, left);
		if (n < least) {
			least = n;
			best = left;
		}
	}
	return best;
}

bool group_contracts(struct arena *a, const struct ir_operator *o, int stmt)
{
	struct product p = { .a = a, .o = o, .stmt = &o->stmts[stmt] };
	struct ir_contraction c;
	unsigned left;

	if (ir_contraction(a, o, stmt, &c, NULL))
		return true;
	left = find_factors(&p) ? best_left(&p) : 0;
	return left && !written_in_all(&p, left);
}

static struct ir_expr *loaded(struct hoist *h, const struct product *p,
	unsigned of)
{
	struct ir_expr *e = side(p, of);

	if (!is_loaded(p, e))
		e = hoist_let(h, e);
	return e->type == p->type ? e : ir_cast(p->a, p->type, e);
}

static struct ir_expr *factored(struct hoist *h, struct product *p,
	unsigned left)
{
	unsigned right = (1u << p->by.n) - 1 - left;
	struct ir_expr *e = ARENA_NEW(p->a, struct ir_expr), *body;

	*e = *p->stmt->expr;
	for (int i = 0; i < e->n_red; i++)
		vec_push(p->a, &h->scope, e->red[i]);
	divide(p, left);
	body = loaded(h, p, left);
	body = ir_apply(p->a, OP_MUL, p->type, 2, body, loaded(h, p, right));
	e->args = ARENA_ARRAY(p->a, 1, struct ir_expr *);
	e->args[0] = body->type == e->type ? body :
		ir_cast(p->a, e->type, body);
	return e;
}

void group_factors(struct arena *a, struct ir_operator *o)
{
	struct hoist h = { .a = a, .o = o, .suffix = "factor" };

	for (int i = 0; i < o->n_stmts; i++) {
		struct ir_stmt *s = &o->stmts[i];
		struct product p = { .a = a, .o = o, .stmt = s };
		struct ir_contraction c;
		unsigned left;

		hoist_begin(&h, s);
		left = !ir_contraction(a, o, i, &c, NULL) && find_factors(&p) ?
			best_left(&p) : 0;
		if (left)
			s->expr = factored(&h, &p, left);
		hoist_end(&h, s);
	}
	o->stmts = h.stmts.v;
	o->n_stmts = h.stmts.n;
}
