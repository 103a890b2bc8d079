/* SPDX-License-Identifier: MIT */
/* Masks of attention: by numbers, which may be far from 0, and causal ones, which
 * hide keys that blocks then leave out. */
#include "sketch/attention.h"

#include <math.h>

/* Above it the unit roundoff of a maximum, times log2(e), shows in what is shifted. */
enum { FAR = 4096 };

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

/* ---- causal masks ---- */

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

/* select(key <= row + ahead, .., -inf): then "ahead", and keys beyond do nothing. */
static void find_causal(const struct task *t, struct attention *f)
{
	const struct ir_expr *e = f->w.shifted ? attention_resolved(f,
		f->w.shifted) : NULL;
	const struct ir_expr *cond;
	struct ir_affine x, y;
	int row = -1, key = -1;

	if (!e || e->kind != IR_OP || e->op != OP_SELECT ||
	    e->args[2]->kind != IR_FLOAT || e->args[2]->f != -INFINITY)
		return;
	cond = e->args[0];
	if (cond->kind != IR_OP || (cond->op != OP_LE && cond->op != OP_LT) ||
	    !ir_affine(t->a, t->op, cond->args[0], &x) ||
	    !ir_affine(t->a, t->op, cond->args[1], &y))
		return;
	for (int i = 0; i < t->op->n_axes; i++) {
		int64_t coef = x.coef[i] - y.coef[i];

		if (!coef || t->op->axes[i].extent == 1)
			continue;
		if (coef == 1 && key < 0)
			key = i;
		else if (coef == -1 && row < 0)
			row = i;
		else
			return;
	}
	if (row < 0 || key < 0 || row != f->row_axes[f->n_row_axes - 1] ||
	    t->op->axes[key].extent != f->keys ||
	    key != f->key_axes[f->n_key_axes - 1])
		return;
	f->causal = true;
	f->w.visible = e->args[1];
	f->ahead = y.c - x.c + (cond->op == OP_LE);
	f->lines = t->op->axes[row].extent;
}

void attention_find_masks(const struct task *t, struct attention *f)
{
	f->w.far = is_far(f);
	if (hidden_add_nothing(f))
		find_causal(t, f);
}
