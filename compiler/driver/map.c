/* SPDX-License-Identifier: MIT */
/* Tensor maps for those who launch kernels themselves: workers, and programs
 * that read manifests. */
#include "driver/json.h"

#include "cuda/cuda.h"

static json_t *longs(const int64_t *v, int n)
{
	json_t *out = json_array();

	for (int i = 0; i < n; i++)
		json_append(out, json_integer(v[i]));
	return out;
}

static json_t *ints(const int *v, int n)
{
	json_t *out = json_array();

	for (int i = 0; i < n; i++)
		json_append(out, json_integer(v[i]));
	return out;
}

json_t *json_map(const struct k_map *m)
{
	json_t *v = json_object();

	json_put(v, "type", json_integer(cuda_map_type(m)));
	if (m->offset)
		json_put(v, "offset", json_integer(m->offset));
	json_put(v, "dims", longs(m->dims, m->rank));
	json_put(v, "strides", longs(m->strides + 1, m->rank - 1));
	if (m->pixels) {
		json_put(v, "pixels", json_integer(m->pixels));
		json_put(v, "channels", json_integer(m->channels));
		json_put(v, "lower", ints(m->lower, m->rank - 2));
		json_put(v, "upper", ints(m->upper, m->rank - 2));
	} else {
		json_put(v, "box", ints(m->box, m->rank));
	}
	json_put(v, "steps", ints(m->steps, m->rank));
	json_put(v, "swizzle", json_integer(cuda_map_swizzle(m)));
	json_put(v, "promotion", json_integer(cuda_map_promotion(m)));
	return v;
}
