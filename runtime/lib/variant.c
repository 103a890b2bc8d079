/* SPDX-License-Identifier: MIT */
/* Does a variant serve some sizes? */
#include "runtime/lib/plan.h"

#include <string.h>

bool variant_serves(const struct wpk_operator *op, const struct variant *v,
	int64_t *names)
{
	int64_t holds;

	if (!v->general && memcmp(v->sizes, names, (size_t)op->n_sizes *
	    sizeof *names))
		return false;
	for (int i = 0; i < v->n_lets; i++)
		if (!number_value(&v->lets[i], names, &names[op->n_sizes + i]))
			return false;
	for (int i = 0; i < v->n_conditions; i++)
		if (!number_value(&v->conditions[i], names, &holds) || !holds)
			return false;
	return true;
}
