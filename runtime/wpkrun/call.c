/* SPDX-License-Identifier: MIT */
#include "runtime/wpkrun/call.h"

#include "runtime/lib/plan.h"

static bool serves(const struct wpk_operator *op, const struct variant *v,
	const int64_t *sizes)
{
	int64_t names[SIZES_MOST + LETS_MOST], slots[SLOTS_MOST];

	for (int i = 0; i < op->n_sizes; i++)
		names[i] = sizes[i];
	return variant_values(op, v, names, slots);
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

enum wpk_status call_count(struct library_call *l, int most, int *n,
	struct wpk_error *e)
{
	return library_call_count(l, most, n, e);
}

enum wpk_status call_choose(struct library_call *l, int n, size_t *workspace,
	const char **text, struct wpk_error *e)
{
	return library_call_choose(l, n, workspace, text, e);
}

json_t *call_pinned(const struct library_call *l)
{
	return library_call_pinned(l);
}
