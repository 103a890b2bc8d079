/* SPDX-License-Identifier: MIT */
/* What the sketches for tensor cores have in common: what factors are multiplied
 * as, what schedules must say of that, and the open numbers of mma(..). */
#ifndef WPK_COMPILER_SKETCH_TENSOR_CORE_H
#define WPK_COMPILER_SKETCH_TENSOR_CORE_H

#include "sketch/precision.h"
#include "sketch/product.h"

/* What factors of type "tile" are multiplied as, and multiply-adds in the time of one
 * of f16. */
struct tensor_factor {
	enum dtype tile, as;
	double rate;
};
/* NULL: tensor cores do not have it. */
const struct tensor_factor *tensor_core_factor(enum dtype t);

/* NULL, or why the product is not multiplied as long as the schedule does not say
 * how: f32 as tf32, and sums that the instruction keeps short ("is_short"), lower
 * precision. */
const char *tensor_core_unsaid(const struct task *t, const struct product *f,
	bool is_short);

/* precision_rewrite() of the product, or of both. */
bool tensor_core_rewrite(struct arena *a, const struct product *f,
	enum precision p, struct ir_operator *o);

/* mma(STATEMENT) itself, which is on, and its kind, precision and promotion. "kinds"
 * are the words of the kind: auto, and the sketch. */
void tensor_core_add(const struct task *t, struct tunables *l,
	const struct product *f, const char *const *kinds, bool is_short);

#endif
