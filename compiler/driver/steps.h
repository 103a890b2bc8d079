/* SPDX-License-Identifier: MIT */
/* Steps of a program as JSON, for all who launch kernels themselves: workers,
 * libwpk, readers of manifests. wpk-plan(5) has the form. */
#ifndef WPK_COMPILER_DRIVER_STEPS_H
#define WPK_COMPILER_DRIVER_STEPS_H

#include <jansson.h>

#include "cuda/cuda.h"

/* "number" writes the number "open", or else "fixed". */
struct steps_writer {
	struct arena *a;
	const struct cuda_operator *o;
	const struct cuda_variant *v;
	json_t *(*number)(const struct steps_writer *w, const struct kx *open,
		int64_t fixed);
	const void *ctx;
};

/* NULL for a step that is neither launch, clearing nor library call. */
json_t *steps_json(const struct steps_writer *w, const struct p_step *s);

#endif
