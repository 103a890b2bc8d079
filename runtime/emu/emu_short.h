/* SPDX-License-Identifier: MIT */
/* Sums of 8-bit floats as tensor cores keep them. */
#ifndef WPK_RUNTIME_EMU_EMU_SHORT_H
#define WPK_RUNTIME_EMU_EMU_SHORT_H

enum { SHORT_LANES = 4 };

/* Values "step" apart, the least normal of which has exponent "emin". */
struct short_factor {
	const float *values;
	int step, emin;
};

/* Products number "first" to "first" + n - 1 of a value of "a" and SHORT_LANES
 * neighbours of "b" are added to as many of "sum" at once. "cut": and the sum to
 * 14 bits; else it stays as exact as an f32 is. */
void short_add(float *sum, const struct short_factor *a,
	const struct short_factor *b, int first, int n, int cut);

#endif
