/* SPDX-License-Identifier: MIT */
/* See tensor_core.h. */
#include "sketch/tensor_core.h"

#include "sketch/promotion.h"

/* Rates: NVIDIA's whitepapers, of A100 and later. */
static const struct tensor_factor factors[] = {
	{ T_F16,  T_F16,  1 },
	{ T_BF16, T_BF16, 1 },
	{ T_F32,  T_TF32, 0.5 },
	{ T_E4M3, T_E4M3, 2 },
	{ T_E5M2, T_E5M2, 2 },
	{ T_I8,   T_I8,   2 },
	{ T_U8,   T_U8,   2 },
	{ T_F64,  T_F64,  0.0625 },
};

const struct tensor_factor *tensor_core_factor(enum dtype t)
{
	for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
		if (factors[i].tile == t)
			return &factors[i];
	return NULL;
}

const char *tensor_core_unsaid(const struct task *t, const struct product *f,
	bool is_short)
{
	enum dtype left = f->left.tile_type, right = f->right.tile_type;
	const char *sum = f->epilogue.outputs[0].tensor->name;
	const char *second = product_second(t);

	if (left == T_F32 && (!precision_said(t->schedule, sum) ||
	    (second && !precision_said(t->schedule, second))))
		return precision_unsaid(t->a, &f->c);
	if (is_short && second && promote_unsaid(t, second, left, right))
		sum = second;
	return is_short ? promote_unsaid(t, sum, left, right) : NULL;
}

bool tensor_core_rewrite(struct arena *a, const struct product *f,
	enum precision p, struct ir_operator *o)
{
	if (f->products > 1)
		precision_rewrite(a, &f->own, p, o);
	return precision_rewrite(a, &f->c, p, o);
}

void tensor_core_add(const struct task *t, struct tunables *l,
	const struct product *f, const char *const *kinds, bool is_short)
{
	static const int off[] = { 0 }, on[] = { 1 };
	static const int precisions[] = { PRECISION_TF32, PRECISION_3XTF32 };
	const char *const *acc = tunable_sums(t, f);
	bool f32 = f->left.tile_type == T_F32;

	tunables_add(t, l, "mma", acc, NULL, on, 1, NULL);
	tunables_add(t, l, "mma", acc, "kind", off, 1, kinds);
	tunables_add(t, l, "mma", acc, "precision", f32 ? precisions : off,
		f32 ? 2 : 1, precision_words);
	tunables_add(t, l, "mma", acc, "promote", is_short ? promote_values : off,
		is_short ? PROMOTE_VALUES : 1, promote_words);
}
