/* SPDX-License-Identifier: MIT */
/* struct features to numbers and back, field by field of one table. */
#include "search/features.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {
#define ROW(field) #field,
	FEATURES(ROW)
#undef ROW
};

const char *features_name(int i)
{
	return names[i];
}

void features_vector(const struct features *f, double *out)
{
#define ROW(field) out[FEATURE_ ## field] = (double)f->field;
	FEATURES(ROW)
#undef ROW
}

/* A number that another wrote: any int is fair, what is none is the nearest. */
static double as_written(double v, double limit)
{
	return v > limit ? limit : v < -limit ? -limit : v;
}

bool features_read(const double *v, int n, struct features *f)
{
	double all[N_FEATURES] = { 0 };

	memset(f, 0, sizeof *f);
	if (n < FEATURE_tensor)
		return false;
	for (int i = 0; i < N_FEATURES && i < n; i++) {
		if (!isfinite(v[i]))
			return false;
		all[i] = v[i];
	}
#define ROW(field) f->field = (__typeof__(f->field))as_written( \
		all[FEATURE_ ## field], \
		__builtin_types_compatible_p(__typeof__(f->field), int) ? \
		2e9 : INFINITY);
	FEATURES(ROW)
#undef ROW
	return true;
}
