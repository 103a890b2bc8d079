/* SPDX-License-Identifier: MIT */
/* The sum of an instruction's products of 8-bit floats and what they are added
 * to: all are shifted to the largest of their exponents and cut toward zero to 13
 * bits behind the point, added exactly, and cut to 14 bits. A product has the sum
 * of its factors' exponents, of which a subnormal has the least normal one, and
 * its significand below 4 as it is (Xie et al., "MMA-Sim: Bit-Accurate Reference
 * Model of Tensor Cores and Matrix Cores", arXiv:2511.10909, of Ada Lovelace and
 * Hopper; found first by DeepSeek-AI, arXiv:2412.19437, section 3.5.2). */
#include "emu_short.h"

#include <stdint.h>
#include <string.h>

/* No product has as small an exponent, and what is added to one has not either,
 * where it counts. */
enum { FRACTION = 13, BELOW_ALL = -100, BIAS = 127 };

typedef float floats __attribute__((vector_size(4 * SHORT_LANES)));
typedef int32_t ints __attribute__((vector_size(4 * SHORT_LANES)));

static ints most(ints x, ints y)
{
	ints more = x > y;

	return (x & more) | (y & ~more);
}

static ints at_least(ints x, int least)
{
	return most(x, least - (ints){ 0 });
}

/* 0 has none. */
static ints exponents(floats x, int least)
{
	ints e = at_least((((ints)x >> 23) & 255) - BIAS, least);
	ints zero = x == 0;

	return (e & ~zero) | (zero & (2 * BELOW_ALL));
}

static floats power(ints e)
{
	return (floats)((e + BIAS) << 23);
}

static floats take(const struct short_factor *f, int i)
{
	floats x;

	memcpy(&x, f->values + (long)i * f->step, sizeof x);
	return x;
}

static floats all_of(float x)
{
	return x - (floats){ 0 };
}

static ints largest_exponents(floats sum, const struct short_factor *a,
	const struct short_factor *b, int first, int n)
{
	ints e = exponents(sum, BELOW_ALL);

	for (int i = first; i < first + n; i++)
		e = most(e, exponents(all_of(a->values[(long)i * a->step]),
			a->emin) + exponents(take(b, i), b->emin));
	return at_least(e, BELOW_ALL);
}

/* Infinities and what is no number come through. */
void short_add(float *sum, const struct short_factor *a,
	const struct short_factor *b, int first, int n, int cut)
{
	floats c, plain, product, result;
	ints e, total, special;

	memcpy(&c, sum, sizeof c);
	e = largest_exponents(c, a, b, first, n);
	plain = c;
	total = __builtin_convertvector(c * power(FRACTION - e), ints);
	for (int i = first; i < first + n; i++) {
		product = a->values[(long)i * a->step] * take(b, i);
		plain += product;
		total += __builtin_convertvector(product * power(FRACTION - e),
			ints);
	}
	result = __builtin_convertvector(total, floats) * power(e - FRACTION);
	if (cut)
		result = (floats)((ints)result & ~((1 << (23 - FRACTION)) - 1));
	special = ((ints)plain & 0x7f800000) == 0x7f800000;
	result = (floats)(((ints)plain & special) | ((ints)result & ~special));
	memcpy(sum, &result, sizeof result);
}
