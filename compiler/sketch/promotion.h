/* SPDX-License-Identifier: MIT */
/* Sums of products of 8-bit floats, of which some tensor cores keep 14 bits, and
 * their promotion: after so many elements of the reduction the short sum is added
 * to one in f32. Either lowers precision, so a schedule must say which:
 * mma(STATEMENT, promote = N), or fast, which is never. */
#ifndef WPK_COMPILER_SKETCH_PROMOTION_H
#define WPK_COMPILER_SKETCH_PROMOTION_H

#include "sketch/tiled.h"

/* Values of the tunable: auto where sums are not short, else fast or a number. */
enum { PROMOTE_AUTO, PROMOTE_FAST, PROMOTE_NUMBERS };
extern const char *const promote_words[];
extern const int promote_values[];
enum { PROMOTE_VALUES = 7 };

/* Does an instruction keep sums of such products short? */
bool promotes(enum dtype left, enum dtype right);
/* Elements after which the value promotes a sum, 0: never. What is scaled is once
 * for each scale, or more often. */
int promote_after(const struct product *f, int order, int value);

/* Why they are not multiplied where the schedule does not say how they are
 * summed up for "tensor"; NULL where it does. */
const char *promote_unsaid(const struct task *t, const char *tensor,
	enum dtype left, enum dtype right);
/* What is said of a sum that is promoted, by "value", and of chunks that are shared
 * out. */
const char *promote_streams(struct arena *a, const struct product *f, int value);
/* NULL, or why the value says nothing to sums that are "is_short" or not, or does not
 * go with the plan's chunks. */
const char *promote_check(struct arena *a, const struct product *f, bool is_short,
	int value, const struct tiling *p);

/* A kernel's sums in f32, which are "acc" of it, begin as 0. */
void promote_clear(struct tiled_code *g, struct k_block *b);
/* Where sums are promoted "after" so many elements: the block of those chunks at whose
 * end that is due, as it is of the last in any case. */
struct k_block *promote_block(struct tiled_code *g, struct k_block *b,
	int after);
/* Of "turn" the first chunk after a promotion is 0. */
struct kx *promote_turn(struct tiled_code *g, int after);
/* "sum", or so many times "scale" unless that is NULL, is added to the one in f32 at
 * "to". */
void promote_add(struct arena *a, struct k_block *b, struct k_place to,
	struct kx *sum, struct kx *scale);

/* Rewrites the contraction in "o", a copy of its operator, as sums of "at_once"
 * products in an instruction, which are promoted "after" so many. */
void promote_rewrite(struct arena *a, const struct product *f, int at_once,
	int after, struct ir_operator *o);

#endif
