/* SPDX-License-Identifier: MIT */
/* How tensor cores multiply f32: as tf32, or in three products of such. Both
 * lower precision, so a schedule must say it: mma(STATEMENT, precision = ..). */
#ifndef WPK_COMPILER_SKETCH_PRECISION_H
#define WPK_COMPILER_SKETCH_PRECISION_H

#include "sketch/sketch.h"

/* The first three in the order of precision_words; CUT is tf32 by leaving bits
 * away, where the others round. */
enum precision {
	PRECISION_AUTO, PRECISION_TF32, PRECISION_3XTF32, PRECISION_CUT
};
extern const char *const precision_words[];

/* Does the schedule (or NULL) say one for the statement that gives "tensor"? */
bool precision_said(const struct schedule *s, const char *tensor);
/* Does it say 3xtf32 alone? */
bool precision_is_thrice(const struct schedule *s, const char *tensor);
/* Why f32 is not multiplied where it doesn't. */
const char *precision_unsaid(struct arena *a, const struct ir_contraction *c);

/* Rewrites the contraction in "o", a copy of its operator, as what the precision
 * makes of it; false where that is nothing. */
bool precision_rewrite(struct arena *a, const struct ir_contraction *c,
	enum precision p, struct ir_operator *o);

/* In a kernel: what tf32 keeps of "x", an f32, and in "*rest" what it keeps of what
 * that leaves; both as f32. */
struct kx *precision_split(struct arena *a, struct k_block *b, struct kx *x,
	struct kx **rest);

#endif
