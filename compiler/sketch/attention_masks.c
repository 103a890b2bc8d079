/* SPDX-License-Identifier: MIT */
/* Masks of attention: by numbers, which may be far from 0, and by -inf, of keys behind
 * or before a row's, such as causal ones and windows: blocks then leave them out. */
#include "sketch/attention.h"

#include <math.h>

/* Above it the unit roundoff of a maximum, times log2(e), shows in what is shifted. */
enum { FAR = 4096, LIMIT_MOST = 1 << 30, TIMES_MOST = 1 << 20 };

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

/* A mask's conditions on their way to limits; "row" is the innermost axis of its side
 * of the scores. */
struct search_limits {
	const struct task *t;
	struct attention *f;
	int row;
};

/* One side of a comparison. */
struct compared {
	struct ir_affine f;
	const struct ir_expr *beside;	/* or NULL */
	int64_t times;
};

/* The innermost of "axes" that has more than one value, -1: none. */
static int innermost(const struct ir_operator *o, const int *axes, int n)
{
	while (n > 0 && o->axes[axes[n - 1]].extent == 1)
		n--;
	return n ? axes[n - 1] : -1;
}

static bool same_beside(const struct limit *x, const struct limit *y)
{
	return x->times == y->times && (!x->beside || ir_equal(x->beside,
		y->beside));
}

/* The tighter of two of a kind; one that moves and one that does not, or that lie
 * beside something else, are no limit together, and one beyond all keys is none. */
static bool tighten(struct limit *l, struct limit x, bool least)
{
	if (x.at > LIMIT_MOST || x.at < -LIMIT_MOST)
		return false;
	if (l->there && (l->moves != x.moves || !same_beside(l, &x)))
		return false;
	if (!l->there || (least ? x.at < l->at : x.at > l->at))
		*l = x;
	return true;
}

/* By how much "f" grows from one key to the next; 0: not by the same each time. */
static int64_t per_key(const struct search_limits *s, const struct ir_affine *f)
{
	int64_t each = 0, stride = 1;

	for (int i = s->f->n_key_axes - 1; i >= 0; i--) {
		const struct ir_axis *x = &s->t->op->axes[s->f->key_axes[i]];

		if (x->extent == 1)
			continue;
		if (stride == 1)
			each = f->coef[x->id];
		if (f->coef[x->id] != each * stride)
			return 0;
		stride *= x->extent;
	}
	return each;
}

static bool among(const int *axes, int n, int axis)
{
	while (n > 0 && axes[n - 1] != axis)
		n--;
	return n > 0;
}

struct search_batch {
	const struct attention *f;
	const struct task *t;
	bool only;
};

static void find_others(struct ir_expr *e, void *ctx)
{
	struct search_batch *s = ctx;
	const struct attention *f = s->f;

	if (e->kind == IR_AXIS)
		s->only &= !among(f->row_axes, f->n_row_axes, e->axis) &&
			!among(f->key_axes, f->n_key_axes, e->axis);
	if (e->kind == IR_READ)
		s->only &= !ir_group_writes(s->t->op, s->t->group, e->tensor);
}

/* An integer of 32 bits or less, made an index. */
static bool is_narrow(const struct ir_expr *e)
{
	return e->kind == IR_CAST && e->type == T_I64 &&
		dtype_is_int(e->args[0]->type) &&
		dtype_row(e->args[0]->type)->bits <= 32;
}

/* Is "e" known where a batch is, before anything is multiplied, and so many times it
 * an index? */
static bool is_of_batch(const struct search_limits *s, const struct ir_expr *e,
	int64_t times)
{
	struct search_batch b = { s->f, s->t, true };

	ir_walk((struct ir_expr *)e, find_others, &b);
	return b.only && is_narrow(e) && times <= TIMES_MOST &&
		times >= -TIMES_MOST;
}

/* x - y; false where both have something beside them. */
static bool difference(struct arena *a, const struct ir_operator *o,
	const struct compared *x, const struct compared *y,
	struct compared *out)
{
	*out = *x;
	out->f = (struct ir_affine){ x->f.c - y->f.c, ARENA_ARRAY(a,
		(size_t)o->n_axes, int64_t) };
	for (int i = 0; i < o->n_axes; i++)
		out->f.coef[i] = x->f.coef[i] - y->f.coef[i];
	if (y->beside) {
		out->beside = y->beside;
		out->times = -y->times;
	}
	return !x->beside || !y->beside;
}

/* x + add <= y as a limit of keys: of the key's and the row's number. */
static bool find_limit(struct search_limits *s, const struct compared *x,
	const struct compared *y, int add)
{
	const struct ir_operator *o = s->t->op;
	const struct attention *f = s->f;
	struct compared d;
	int64_t c, key, row = 0;

	if (!difference(s->t->a, o, x, y, &d))
		return false;
	c = d.f.c + add;
	key = per_key(s, &d.f);
	for (int i = 0; i < o->n_axes; i++) {
		c += d.f.coef[i] * o->axes[i].lo;
		if (i == s->row)
			row = d.f.coef[i];
		else if (!among(f->key_axes, f->n_key_axes, i) &&
				d.f.coef[i] && o->axes[i].extent != 1)
			return false;
	}
	if ((key != 1 && key != -1) || (row && row != -key) || (d.beside &&
	    !is_of_batch(s, d.beside, d.times)))
		return false;
	return key > 0 ? tighten(&s->f->upto, (struct limit){ true, row, 1 - c,
		d.beside, -d.times }, true) : tighten(&s->f->from,
		(struct limit){ true, row, c, d.beside, d.times }, false);
}

static struct compared negated(struct arena *a, const struct ir_operator *o,
	const struct compared *x)
{
	struct compared y = { { -x->f.c, ARENA_ARRAY(a, (size_t)o->n_axes,
		int64_t) }, x->beside, -x->times };

	for (int i = 0; i < o->n_axes; i++)
		y.f.coef[i] = -x->f.coef[i];
	return y;
}

static bool side_of(struct search_limits *s, const struct ir_expr *e,
	struct compared *out)
{
	return ir_affine_beside(s->t->a, s->t->op, e, &out->f, &out->beside,
		&out->times);
}

/* The same of x < y, or x <= y; |x| is two of them. */
static bool compare(struct search_limits *s, const struct ir_expr *x,
	const struct ir_expr *y, bool less)
{
	bool size = x->kind == IR_OP && x->op == OP_ABS;
	const struct ir_operator *o = s->t->op;
	struct compared left, right, other;
	bool done;

	if (!side_of(s, size ? x->args[0] : x, &left) || !side_of(s, y, &right))
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
		f->n_row_axes) };
	const struct ir_expr *visible;

	if (!f->w.shifted)
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
