/* SPDX-License-Identifier: MIT */
/* Integer expressions over block.x alone, for whoever asks which tile a block
 * computes. */
#include "kernel/fold.h"

static bool eval_op(const struct kx *e, int64_t block_x, int64_t *out)
{
	int64_t x, y;

	if (!kx_eval(e->args[0], block_x, &x))
		return false;
	if (e->op == OP_SELECT)
		return kx_eval(e->args[x ? 1 : 2], block_x, out);
	if (e->op == OP_NOT || e->op == OP_NEG) {
		*out = e->op == OP_NOT ? !x : -x;
		return x != INT64_MIN;
	}
	return e->n_args == 2 && kx_eval(e->args[1], block_x, &y) &&
		fold_int(e->op, x, y, out);
}

bool kx_eval(const struct kx *e, int64_t block_x, int64_t *out)
{
	switch (e->kind) {
	case KX_INT:
		*out = e->i;
		return true;
	case KX_SPECIAL:
		*out = block_x;
		return e->special == K_BLOCK_X;
	case KX_CAST:
		return dtype_is_int(e->type) &&
			dtype_is_int(e->args[0]->type) &&
			kx_eval(e->args[0], block_x, out);
	case KX_OP:
		return eval_op(e, block_x, out);
	default:
		return false;
	}
}
