/* SPDX-License-Identifier: MIT */
/* Reads of which a table says where: pages of a cache. In comes a read, out goes the
 * one index that is no affine form by itself but with an entry of a table in it, and
 * what all else is where that entry is 0. */
#include "ir/ir.h"

/* "e" without the cast that makes an integer an index. */
static const struct ir_expr *uncast(const struct ir_expr *e)
{
	return e->kind == IR_CAST && e->type == T_I64 &&
		dtype_is_int(e->args[0]->type) ? e->args[0] : e;
}

/* An integer in memory at an affine place, which is always within its tensor. */
static bool is_entry(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *e, struct ir_affine *at)
{
	struct ir_affine index;

	if (e->kind != IR_READ || e->pad != IR_PAD_NONE || !e->n_args ||
	    !dtype_is_int(e->type))
		return false;
	for (int i = 0; i < e->n_args; i++)
		if (!ir_affine(a, o, e->args[i], &index))
			return false;
	return ir_address(a, o, &o->tensors[e->tensor], e->args, at);
}

/* "index" where the entry is 0. */
static struct ir_expr *without(struct arena *a, struct ir_expr *index,
	const struct ir_lookup *l)
{
	return ir_apply(a, OP_SUB, T_I64, 2, index, ir_apply(a, OP_MUL, T_I64, 2,
		(struct ir_expr *)l->entry, ir_int(a, l->times, T_I64)));
}

/* The one index that is not affine, or -1. */
static int find_dim(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *read)
{
	struct ir_affine f;
	int dim = -1;

	for (int i = 0; i < read->n_args; i++) {
		if (ir_affine(a, o, read->args[i], &f))
			continue;
		if (dim >= 0 || read->args[i]->type != T_I64)
			return -1;
		dim = i;
	}
	return dim;
}

bool ir_lookup(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *read, struct ir_lookup *out)
{
	const struct ir_tensor *t = &o->tensors[read->tensor];
	struct ir_expr **rest = ARENA_ARRAY(a, read->n_args + 1,
		struct ir_expr *);

	*out = (struct ir_lookup){ .dim = find_dim(a, o, read) };
	if (out->dim < 0 || !ir_affine_beside(a, o, read->args[out->dim],
	    &out->index, &out->entry, &out->times) || out->times < 1)
		return false;
	for (int i = 0; i < read->n_args; i++)
		rest[i] = read->args[i];
	rest[out->dim] = without(a, rest[out->dim], out);
	out->entry = uncast(out->entry);
	if (!ir_dim_stride(t, out->dim, &out->stride))
		return false;
	out->stride *= out->times;
	return is_entry(a, o, out->entry, &out->at) &&
		ir_address(a, o, t, rest, &out->addr);
}
