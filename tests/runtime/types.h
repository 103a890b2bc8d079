/* SPDX-License-Identifier: MIT */
/* Numbers as they lie in memory, for stub libraries and their tests. Types are
 * those of plans. */
#ifndef WPK_TESTS_RUNTIME_TYPES_H
#define WPK_TESTS_RUNTIME_TYPES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

enum type { F16, BF16, F32, F64, I8, U8, I32, E4M3, E5M2, N_TYPES };

static const struct {
	const char *name;
	int bytes, exponent, mantissa;	/* bits; 0: no small float */
	double most, step;		/* relative, of results */
} type_facts[N_TYPES] = {
	{ "f16", 2, 5, 10, 65504, 1e-3 }, { "bf16", 2, 8, 7, 3e38, 8e-3 },
	{ "f32", 4, 0, 0, 3e38, 1e-6 }, { "f64", 8, 0, 0, 1e300, 1e-14 },
	{ "i8", 1, 0, 0, 127, 0 }, { "u8", 1, 0, 0, 255, 0 },
	{ "i32", 4, 0, 0, 2147483647, 0 }, { "e4m3", 1, 4, 3, 448, 0.07 },
	{ "e5m2", 1, 5, 2, 57344, 0.13 },
};

/* Of a float with few bits. e4m3 has no infinity: its largest exponent counts. */
static inline double small_value(unsigned bits, int exponent, int mantissa)
{
	int bias = (1 << (exponent - 1)) - 1;
	int e = bits >> mantissa & ((1u << exponent) - 1);
	int m = bits & ((1u << mantissa) - 1);
	double v = e ? ldexp(1 + ldexp(m, -mantissa), e - bias) :
		ldexp(m, 1 - bias - mantissa);

	return bits >> (exponent + mantissa) & 1 ? -v : v;
}

/* The nearest; ties to even; what is too large becomes the largest. */
static inline unsigned small_bits(double v, int exponent, int mantissa,
	double most)
{
	int bias = (1 << (exponent - 1)) - 1, e;
	unsigned sign = signbit(v) ? 1u << (exponent + mantissa) : 0, bits;
	double a = fmin(fabs(v), most);

	frexp(a, &e);
	e = e - 1 < 1 - bias ? 1 - bias : e - 1;
	bits = (unsigned)nearbyint(ldexp(a, mantissa - e));
	if (a > 0 && bits >> mantissa)
		bits += (unsigned)(e + bias - 1) << mantissa;
	return sign | bits;
}

static inline double get(enum type t, const void *at, int64_t i)
{
	const char *p = (const char *)at + i * type_facts[t].bytes;
	union {
		float f;
		double d;
		int32_t i;
		uint16_t h;
	} v;

	memcpy(&v, p, type_facts[t].bytes);
	switch (t) {
	case F32: return v.f;
	case F64: return v.d;
	case I32: return v.i;
	case I8: return *(const signed char *)p;
	case U8: return *(const unsigned char *)p;
	case E4M3: case E5M2: v.h = *(const unsigned char *)p; break;
	default: break;
	}
	return small_value(v.h, type_facts[t].exponent, type_facts[t].mantissa);
}

static inline void put(enum type t, void *at, int64_t i, double x)
{
	char *p = (char *)at + i * type_facts[t].bytes;
	double most = type_facts[t].most, least = t == U8 ? 0 :
		t == I8 || t == I32 ? -most - 1 : -most;
	union {
		float f;
		double d;
		int32_t i;
		uint16_t h;
		uint8_t b;
	} v = { 0 };

	x = fmax(least, fmin(most, x));
	switch (t) {
	case F32: v.f = (float)x; break;
	case F64: v.d = x; break;
	case I32: v.i = (int32_t)nearbyint(x); break;
	case I8: case U8: v.b = (uint8_t)(int)nearbyint(x); break;
	default: v.h = (uint16_t)small_bits(x, type_facts[t].exponent,
		type_facts[t].mantissa, most);
	}
	memcpy(p, &v, type_facts[t].bytes);
}

static inline double gelu_tanh(double x)
{
	return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) *
		(x + 0.044715 * x * x * x)));
}

#endif
