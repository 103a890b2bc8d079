/* SPDX-License-Identifier: MIT */
/* Masks of attention: by numbers, which may be far from 0, and by -inf, of keys behind
 * or before a row's, such as causal ones and windows: blocks then leave them out. */
#include "sketch/attention.h"

#include <math.h>

/* Above it the unit roundoff of a maximum, times log2(e), shows in what is shifted. */
enum { FAR = 4096, LIMIT_MOST = 1 << 30 };

static const struct output *output(const struct attention *f, int i)
{
	return &f->scores.epilogue.outputs[i];
}

/* ---- how far from 0 ---- */

struct search_far {
	const struct attention *f;
	bool found;
};

/* A constant or what is read may be anything; sums of products, of what networks
 * have, are not. */
static void find_far(struct ir_expr *e, void *ctx)
{
	struct search_far *s = ctx;
	int i = attention_output(s->f, e);

	if (i >= 0 && output(s->f, i)->value && !output(s->f, i)->per_row)
		ir_walk(output(s->f, i)->value, find_far, s);
	s->found |= (e->kind == IR_READ && i < 0 && dtype_is_float(e->type)) ||
		(e->kind == IR_FLOAT && isfinite(e->f) && fabs(e->f) > FAR) ||
		(e->kind == IR_INT && dtype_is_float(e->type) &&
		fabs((double)e->i) > FAR);
}

static bool is_far(const struct attention *f)
{
	struct search_far s = { f, false };

	if (f->w.shifted)
		ir_walk((struct ir_expr *)f->w.shifted, find_far, &s);
	return s.found;
}

/* ---- keys that are hidden ---- */

/* Does a key of which what is shifted is -inf add nothing to what runs along? */
static bool hidden_add_nothing(const struct attention *f)
{
	const struct epilogue *x = &f->scores.epilogue;

	for (int i = 0; i < x->n; i++)
		if (x->outputs[i].reduction && i != f->w.maximum &&
		    (x->outputs[i].reduction->reducer != RED_SUM ||
		    !attention_scales(f, x->outputs[i].value)))
			return false;
	return f->w.scaled;
}

/* A mask's conditions on their way to limits; "row" and "key" are the innermost axes of
 * the scores' sides, "key" the only one of its side. */
struct search_limits {
	const struct task *t;
	struct attention *f;
	int row, key;
};

/* The innermost of "axes" that has more than one value, -1: none. */
static int innermost(const struct ir_operator *o, const int *axes, int n)
{
	while (n > 0 && o->axes[axes[n - 1]].extent == 1)
		n--;
	return n ? axes[n - 1] : -1;
}

/* The tighter of two of a kind; one that moves and one that does not are no limit
 * together, and one beyond all keys is none. */
static bool tighten(struct limit *l, bool moves, int64_t at, bool least)
{
	if (at > LIMIT_MOST || at < -LIMIT_MOST)
		return false;
	if (l->there && l->moves != moves)
		return false;
	if (!l->there || (least ? at < l->at : at > l->at))
		*l = (struct limit){ true, moves, at };
	return true;
}

/* x + add <= y as a limit of keys: of the key's and the row's number. */
static bool find_limit(struct search_limits *s, const struct ir_affine *x,
	const struct ir_affine *y, int add)
{
	int64_t c = x->c - y->c + add, key = 0, row = 0;
	const struct ir_operator *o = s->t->op;

	for (int i = 0; i < o->n_axes; i++) {
		int64_t coef = x->coef[i] - y->coef[i];

		c += coef * o->axes[i].lo;
		if (i == s->key)
			key = coef;
		else if (i == s->row)
			row = coef;
		else if (coef && o->axes[i].extent != 1)
			return false;
	}
	if ((key != 1 && key != -1) || (row && row != -key))
		return false;
	return key > 0 ? tighten(&s->f->upto, row, 1 - c, true) :
		tighten(&s->f->from, row, c, false);
}

static struct ir_affine negated(struct arena *a, const struct ir_operator *o,
	const struct ir_affine *x)
{
	struct ir_affine y = { -x->c, ARENA_ARRAY(a, (size_t)o->n_axes,
		int64_t) };

	for (int i = 0; i < o->n_axes; i++)
		y.coef[i] = -x->coef[i];
	return y;
}

/* The same of x < y, or x <= y; |x| is two of them. */
static bool compare(struct search_limits *s, const struct ir_expr *x,
	const struct ir_expr *y, bool less)
{
	bool size = x->kind == IR_OP && x->op == OP_ABS;
	const struct ir_operator *o = s->t->op;
	struct ir_affine left, right, other;
	bool done;

	if (!ir_affine(s->t->a, o, size ? x->args[0] : x, &left) ||
	    !ir_affine(s->t->a, o, y, &right))
		return false;
	done = find_limit(s, &left, &right, less);
	if (!size)
		return done;
	other = negated(s->t->a, o, &left);
	return find_limit(s, &other, &right, less) && done;
}

/* What is left of the condition where keys are within limits: NULL, nothing. "holds":
 * keys are seen where it does. */
static struct ir_expr *narrow(struct search_limits *s, struct ir_expr *e,
	bool holds)
{
	struct arena *a = s->t->a;

	if (e->kind == IR_OP && e->op == OP_NOT)
		return narrow(s, e->args[0], !holds);
	if (e->kind == IR_OP && e->op == (holds ? OP_AND : OP_OR)) {
		struct ir_expr *x = narrow(s, e->args[0], holds);
		struct ir_expr *y = narrow(s, e->args[1], holds);

		return !x || !y ? x ? x : y : ir_apply(a, OP_AND, T_BOOL, 2, x,
			y);
	}
	if (e->kind == IR_OP && (e->op == OP_LT || e->op == OP_LE) &&
	    compare(s, e->args[!holds], e->args[holds], (e->op == OP_LT) ==
	    holds))
		return NULL;
	return holds ? e : ir_apply(a, OP_NOT, T_BOOL, 1, e);
}

static bool is_hidden(const struct ir_expr *e)
{
	return e->kind == IR_FLOAT && e->f == -INFINITY;
}

/* Choices of something or -inf, one in the other: what is left of them where keys
 * are within limits. */
static const struct ir_expr *open_masks(struct search_limits *s,
	const struct ir_expr *e)
{
	const struct ir_expr *x = attention_resolved(s->f, e);
	struct ir_expr *cond, *seen;
	bool holds;

	if (x->kind != IR_OP || x->op != OP_SELECT || (!is_hidden(x->args[1]) &&
	    !is_hidden(x->args[2])))
		return e;
	holds = is_hidden(x->args[2]);
	cond = narrow(s, x->args[0], holds);
	seen = (struct ir_expr *)open_masks(s, x->args[holds ? 1 : 2]);
	return !cond ? seen : ir_apply(s->t->a, OP_SELECT, x->type, 3, cond,
		seen, x->args[holds ? 2 : 1]);
}

/* Masks that hide keys from "upto" on, or before "from": those then do nothing. */
static void find_limits(const struct task *t, struct attention *f)
{
	struct search_limits s = { t, f, innermost(t->op, f->row_axes,
		f->n_row_axes), innermost(t->op, f->key_axes, f->n_key_axes) };
	const struct ir_expr *visible;

	if (!f->w.shifted || s.key < 0 || t->op->axes[s.key].extent != f->keys)
		return;
	visible = open_masks(&s, f->w.shifted);
	f->lines = s.row < 0 ? 1 : t->op->axes[s.row].extent;
	f->limited = f->upto.there || f->from.there;
	f->w.visible = f->limited ? visible : NULL;
}

void attention_find_masks(const struct task *t, struct attention *f)
{
	f->w.far = is_far(f);
	if (hidden_add_nothing(f))
		find_limits(t, f);
}
