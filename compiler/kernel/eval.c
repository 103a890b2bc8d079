/* SPDX-License-Identifier: MIT */
/* Integer expressions with known inputs: over block.x, for whoever asks which
 * tile a block computes, and over a program's open sizes. */
#include "kernel/fold.h"

static bool eval_op(const struct kx *e, const struct kx_values *with,
	int64_t *out)
{
	int64_t x, y;

	if (!kx_eval_with(e->args[0], with, &x))
		return false;
	if (e->op == OP_SELECT)
		return kx_eval_with(e->args[x ? 1 : 2], with, out);
	if (e->op == OP_NOT || e->op == OP_NEG) {
		*out = e->op == OP_NOT ? !x : -x;
		return x != INT64_MIN;
	}
	return e->n_args == 2 && kx_eval_with(e->args[1], with, &y) &&
		fold_int(e->op, x, y, out);
}

bool kx_eval_with(const struct kx *e, const struct kx_values *with,
	int64_t *out)
{
	switch (e->kind) {
	case KX_INT:
		*out = e->i;
		return true;
	case KX_VAR:
		return with->value && with->value(with->ctx, e->var, out);
	case KX_SPECIAL:
		*out = with->block_x;
		return e->special == K_BLOCK_X;
	case KX_CAST:
		return dtype_is_int(e->type) &&
			dtype_is_int(e->args[0]->type) &&
			kx_eval_with(e->args[0], with, out);
	case KX_OP:
		return eval_op(e, with, out);
	default:
		return false;
	}
}

bool kx_eval(const struct kx *e, int64_t block_x, int64_t *out)
{
	struct kx_values with = { .block_x = block_x };

	return kx_eval_with(e, &with, out);
}
