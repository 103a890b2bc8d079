/* SPDX-License-Identifier: MIT */
/* Winograd's minimal filtering of 3 x 3 windows: which statements are such
 * windows, the matrices of F(2 x 2, 3 x 3) and F(4 x 4, 3 x 3), and a statement
 * rewritten as what a kernel by them computes. */
#ifndef WPK_COMPILER_IR_WINOGRAD_H
#define WPK_COMPILER_IR_WINOGRAD_H

#include "ir/ir.h"

/* The sum over channels, r and s of image[p + r + first[0], q + s + first[1],
 * ..] * weights[r, s, ..]. "along" are p and q, "taps" r and s; "dims" the
 * image's dimensions they move in. Other axes of the output are "outer" where
 * the image has them and "filters" where the weights do; other axes that are
 * summed over are "channels". "image_left": of the contraction. */
struct ir_window {
	struct ir_contraction c;
	const struct ir_expr *image, *weights;
	const struct ir_affine *image_addr, *weights_addr;
	int along[2], taps[2], dims[2];
	int64_t first[2];
	int *outer, *filters, *channels;
	int n_outer, n_filters, n_channels;
	bool image_left;
};

/* False, with "*why" a sentence, if the statement is no such window. needs:
 * folded, split. */
bool ir_window(struct arena *a, const struct ir_operator *o, int stmt,
	struct ir_window *out, const char **why);

enum { WINOGRAD_TAPS = 3, WINOGRAD_MOST = 6 };

/* A tile of m x m results of m + 2 squared elements d of the image and 3 x 3
 * weights g is output * ((weights g weights') . (input d input')) * output',
 * times "scale". All numbers but the scale are sums of few powers of two: tests
 * on small dyadic numbers are exact up to there. */
struct winograd {
	int m, points;		/* points: m + 2 */
	double input[WINOGRAD_MOST][WINOGRAD_MOST];
	double weights[WINOGRAD_MOST][WINOGRAD_TAPS];
	double output[WINOGRAD_MOST - 2][WINOGRAD_MOST];
	double scale;
};

/* Of tiles of m = 2 or m = 4; NULL for others. */
const struct winograd *winograd_of(int m);

/* The statement of window "w" as lets: both operands transformed along one axis
 * and then the other, the products of each point summed over the channels, and
 * the sums transformed back. Exactly the same values; but a bound of their error
 * (ir_eval) is one for this algorithm. "o" is a copy of the operator in which
 * "w" was found; other statements of it may have been rewritten.
 * needs: folded, split.  keeps: meaning.  breaks: split, hoisted. */
void ir_winograd(struct arena *a, struct ir_operator *o,
	const struct ir_window *w, const struct winograd *by);

#endif
