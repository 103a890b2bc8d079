/* SPDX-License-Identifier: MIT */
/* Lowering: memory. In: a tensor with logical sizes, and its qualifiers. Out:
 * physical dimensions outermost first with strides in elements, the number of
 * elements, the alignment. Splits must divide; strides are one a declared
 * dimension and must not make elements share an address. */
#include <string.h>

#include "front/front.h"
#include "ir/lower_state.h"

static const struct ast_qual *find(const struct ast_qual *q, int n,
	const char *name)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(q[i].name.text, name))
			return &q[i];
	return NULL;
}

/* The qualifier as restated, else as declared, else NULL. */
static const struct ast_qual *qualifier(const struct ast_decl *d,
	const struct ast_restate *over, const char *name)
{
	const struct ast_qual *q = over ?
		find(over->quals, over->n_quals, name) : NULL;

	return q ? q : find(d->quals, d->n_quals, name);
}

static bool split(struct lowering *l, struct scope *s, const struct ast_decl *d,
	const struct ast_expr *entry, const struct front_layout_part *part,
	struct ir_phys *p)
{
	int64_t by = lower_size(l, s, part->by), dim = p->extent;

	if (by < 0)
		return false;
	if (by && dim % by == 0) {
		p->div = part->modulo ? 1 : by;
		p->mod = part->modulo ? by : 0;
		p->extent = part->modulo ? by : dim / by;
		return true;
	}
	lower_error(l, s, E_LAYOUT, entry->at,
		"the layout of '%s' splits %lld by %lld, which does not divide it",
		d->name.text, (long long)dim, (long long)by);
	return false;
}

static bool from_layout(struct lowering *l, struct scope *s,
	struct ir_tensor *t, const struct ast_decl *d,
	const struct ast_qual *layout)
{
	struct front_layout_part *parts = ARENA_ARRAY(l->a, layout->n_args + 1,
		struct front_layout_part);
	bool ok = true;

	if (!front_layout(d, layout, parts)) {
		lower_error(l, s, E_LAYOUT, layout->name.at,
			"this is no layout of '%s'", d->name.text);
		return false;
	}
	t->n_phys = layout->n_args;
	for (int i = 0; i < t->n_phys; i++) {
		t->phys[i] = (struct ir_phys){ .dim = parts[i].dim, .div = 1,
			.extent = t->dims[parts[i].dim] };
		if (parts[i].by)
			ok &= split(l, s, d, layout->args[i], &parts[i],
				&t->phys[i]);
	}
	return ok;
}

static void in_order(struct ir_tensor *t)
{
	t->n_phys = t->rank;
	for (int i = 0; i < t->rank; i++)
		t->phys[i] = (struct ir_phys){ .dim = i, .div = 1,
			.extent = t->dims[i] };
}

/* ---- strides ---- */

static bool dense(struct lowering *l, struct scope *s, struct ir_tensor *t,
	const struct ast_decl *d)
{
	t->elements = 1;
	for (int i = t->n_phys - 1; i >= 0; i--) {
		t->phys[i].stride = t->elements;
		if (!__builtin_mul_overflow(t->elements, t->phys[i].extent,
		    &t->elements) && t->elements < LOWER_SIZE_LIMIT)
			continue;
		lower_error(l, s, E_OVERFLOW, d->at, "'%s' has too many elements: size "
			"overflows 62 bits", d->name.text);
		return false;
	}
	return true;
}

static bool reach(struct ir_tensor *t)
{
	t->elements = 1;
	for (int i = 0; i < t->n_phys; i++) {
		int64_t n;

		if (__builtin_mul_overflow(t->phys[i].extent,
		    t->phys[i].stride, &n) || n >= LOWER_SIZE_LIMIT)
			return false;
		t->elements += n - t->phys[i].stride;
		if (t->elements >= LOWER_SIZE_LIMIT)
			return false;
	}
	return true;
}

static bool interleave(const struct ir_phys *p, const struct ir_phys *q)
{
	if (p->extent <= 1 || q->extent <= 1 || p->stride > q->stride)
		return false;
	return p->stride == q->stride || p->stride * p->extent > q->stride;
}

static bool shares(const struct ir_tensor *t)
{
	for (int i = 0; i < t->n_phys; i++)
		for (int k = 0; k < t->n_phys; k++)
			if (i != k && interleave(&t->phys[i], &t->phys[k]))
				return true;
	return false;
}

static bool strided(struct lowering *l, struct scope *s, struct ir_tensor *t,
	const struct ast_qual *q, const struct ast_decl *d)
{
	if (q->n_args != t->rank || t->n_phys != t->rank) {
		lower_error(l, s, E_STRIDE, q->name.at,
			"'%s' needs one stride for each of %d whole dimensions",
			d->name.text, t->rank);
		return false;
	}
	for (int i = 0; i < t->n_phys; i++) {
		t->phys[i].stride = lower_size(l, s, q->args[t->phys[i].dim]);
		if (t->phys[i].stride < 0)
			return false;
	}
	if (!reach(t))
		lower_error(l, s, E_OVERFLOW, q->name.at,
			"'%s' has too many elements: size "
			"overflows 62 bits", d->name.text);
	else if (t->role != IR_IN && shares(t))
		lower_error(l, s, E_STRIDE, q->name.at,
			"with these strides elements of '%s' share an address",
			d->name.text);
	else
		return lower_fits(l, s, t);
	return false;
}

static bool aligned(struct lowering *l, struct scope *s, struct ir_tensor *t,
	const struct ast_qual *q)
{
	int64_t v;

	t->align = 16;
	if (!q)
		return true;
	v = q->n_args == 1 ? lower_size(l, s, q->args[0]) : 0;
	if (v > 0 && v <= 1 << 20 && !(v & (v - 1)) &&
	    v * 8 >= dtype_row(t->type)->bits) {
		t->align = (int)v;
		return true;
	}
	if (v >= 0)
		lower_error(l, s, E_ALIGN, q->name.at, "an alignment is a power of two "
			"from an element's size to 1M");
	return false;
}

bool lower_layout(struct lowering *l, struct scope *s, struct ir_tensor *t,
	const struct ast_decl *d, const struct ast_restate *over)
{
	const struct ast_qual *layout = qualifier(d, over, "layout");
	const struct ast_qual *stride = qualifier(d, over, "stride");
	bool ok = true;

	t->phys = ARENA_ARRAY(l->a, (layout ? layout->n_args : 0) + t->rank + 1,
		struct ir_phys);
	if (layout)
		ok = from_layout(l, s, t, d, layout);
	else
		in_order(t);
	if (!ok)
		return false;
	ok = stride ? strided(l, s, t, stride, d) : dense(l, s, t, d);
	return aligned(l, s, t, qualifier(d, over, "align")) && ok;
}
