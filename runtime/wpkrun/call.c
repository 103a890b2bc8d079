/* SPDX-License-Identifier: MIT */
#include "runtime/wpkrun/call.h"

#include "runtime/lib/plan.h"

static bool serves(const struct wpk_operator *op, const struct variant *v,
	const int64_t *sizes)
{
	int64_t names[SIZES_MOST + LETS_MOST];

	for (int i = 0; i < op->n_sizes; i++)
		names[i] = sizes[i];
	return variant_serves(op, v, names);
}

struct library_call *call_find(const struct wpk_operator *op,
	const int64_t *sizes)
{
	const struct variant *v = op->variants;
	const struct variant *end = v + op->n_variants;

	while (v < end && !serves(op, v, sizes))
		v++;
	for (int i = 0; v < end && i < v->steps.n; i++)
		if (v->steps.v[i].kind == STEP_LIBRARY)
			return v->steps.v[i].call;
	return NULL;
}
