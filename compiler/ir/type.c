/* SPDX-License-Identifier: MIT */
/* Element types: their table, rounding of a double to each, and the bits they
 * have in memory. Everything is exact arithmetic on doubles: a value of any
 * type but i64 is one. Floats below 32 bits are handled by their row alone
 * (significand and exponent range); what differs is said once: e4m3 has no
 * infinity, its greatest exponent is a normal one, and all ones is NaN. */
#include "ir/type.h"

#include <math.h>
#include <string.h>

static const struct dtype_row rows[] = {
#define X(e, name, c, bits, class, sig, emin, emax, accum) \
	{ name, c, bits, DTYPE_##class, sig, emin, emax, T_##accum },
	DTYPES(X)
#undef X
	{ "none", "void", 0, DTYPE_BOOLEAN, 0, 0, 0, T_NONE }
};

const struct dtype_row *dtype_row(enum dtype t)
{
	return &rows[t <= T_NONE ? t : T_NONE];
}

enum dtype dtype_named(const char *name)
{
	for (int t = 0; t < T_NONE; t++)
		if (!strcmp(rows[t].name, name))
			return t;
	return T_NONE;
}

bool dtype_is_float(enum dtype t)
{
	return t != T_NONE && rows[t].class == DTYPE_FLOAT;
}

bool dtype_is_int(enum dtype t)
{
	return rows[t].class == DTYPE_SIGNED || rows[t].class == DTYPE_UNSIGNED;
}

void dtype_range(enum dtype t, int64_t *lo, int64_t *hi)
{
	const struct dtype_row *row = dtype_row(t);

	*hi = (int64_t)((UINT64_C(1) << row->significand) - 1);
	*lo = row->class == DTYPE_SIGNED ? -*hi - 1 : 0;
}

/* True if every value of "x" is one of "t". */
static bool holds(enum dtype t, enum dtype x)
{
	const struct dtype_row *r = &rows[t], *q = &rows[x];

	if (r->class == DTYPE_FLOAT && q->class == DTYPE_FLOAT)
		return r->significand >= q->significand && r->emax >= q->emax &&
			r->emin - r->significand <= q->emin - q->significand;
	if (r->class == DTYPE_FLOAT)
		return r->significand >= q->significand &&
			r->emax >= q->significand;
	if (q->class == DTYPE_FLOAT)
		return false;
	if (r->class == DTYPE_UNSIGNED && q->class == DTYPE_SIGNED)
		return false;
	if (r->class == DTYPE_BOOLEAN)
		return q->class == DTYPE_BOOLEAN;
	return r->significand >= q->significand;
}

/* The first of "types" that holds both, or T_NONE; tf32 is a way to compute,
 * and no meeting point of others. */
static enum dtype first_holding(const enum dtype *types, int n, enum dtype x,
	enum dtype y)
{
	for (int i = 0; i < n; i++)
		if (holds(types[i], x) && holds(types[i], y) &&
				(types[i] != T_TF32 || x == T_TF32 ||
				y == T_TF32))
			return types[i];
	return T_NONE;
}

static enum dtype widen_float(enum dtype x, enum dtype y)
{
	static const enum dtype floats[] = {
		T_E4M3, T_E5M2, T_F16, T_BF16, T_TF32, T_F32, T_F64
	};
	bool mixed = !dtype_is_float(x) || !dtype_is_float(y);
	enum dtype t = first_holding(floats, mixed ? 6 : 7, x, y);

	if (t != T_NONE)
		return t;
	return x == T_F64 || y == T_F64 ? T_F64 : T_F32;
}

enum dtype dtype_widen(enum dtype x, enum dtype y)
{
	static const enum dtype ints[] = {
		T_U4, T_I4, T_U8, T_I8, T_U16, T_I16, T_U32, T_I32, T_I64
	};
	enum dtype t;

	if (x == y || y == T_NONE)
		return x;
	if (x == T_NONE)
		return y;
	if (dtype_is_float(x) || dtype_is_float(y))
		return widen_float(x, y);
	t = first_holding(ints, (int)(sizeof ints / sizeof *ints), x, y);
	return t == T_NONE ? T_I64 : t;
}

/* 2^n as a double, which is normal. */
static double power(int n)
{
	uint64_t bits = (uint64_t)(1023 + n) << 52;
	double v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

/* The exponent of "v", which is finite; of a subnormal one less than any. */
static int exponent(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof bits);
	return (int)(bits >> 52 & 0x7ff) - 1023;
}

static double greatest(enum dtype t)
{
	const struct dtype_row *r = &rows[t];
	double top = t == T_E4M3 ? 1.75 : 2 - power(1 - r->significand);

	return top * power(r->emax);
}

static double overflow(enum dtype t, double v)
{
	return t == T_E4M3 ? (double)NAN : copysign(INFINITY, v);
}

/* "v" is finite. The quantum is the distance of neighbours at v's exponent; to
 * a sum with one and a half times 2^52 quanta the machine itself rounds. */
static double round_float(enum dtype t, double v)
{
	const struct dtype_row *r = &rows[t];
	int e = exponent(v);
	double shift;

	if (e > r->emax)
		return overflow(t, v);
	shift = 1.5 * power(52 + (e < r->emin ? r->emin : e) -
		(r->significand - 1));
	v = copysign(v + shift - shift, v);
	return e == r->emax && fabs(v) > greatest(t) ? overflow(t, v) : v;
}

/* "v" truncated, modulo 2^bits, in the type's range. */
static double round_int(enum dtype t, double v)
{
	double span = power(rows[t].bits);
	double lo = rows[t].class == DTYPE_UNSIGNED ? 0 : -span / 2;

	if (!isfinite(v))
		return 0;
	v = trunc(v);
	if (v >= lo && v < lo + span)
		return v + 0.0;
	v = fmod(v, span);
	if (v < lo)
		return v + span;
	return v >= lo + span ? v - span : v + 0.0;
}

double dtype_round(enum dtype t, double v)
{
	switch (rows[t].class) {
	case DTYPE_SIGNED:
	case DTYPE_UNSIGNED:
		return round_int(t, v);
	case DTYPE_BOOLEAN:
		return v != 0;
	case DTYPE_FLOAT:
		break;
	}
	if (t == T_F64 || isnan(v))
		return v;
	if (isinf(v))
		return t == T_E4M3 ? (double)NAN : v;
	return round_float(t, v);
}

/* The bits of a float of at most 16 bits; "v" is a value of the type. */
static unsigned encode(enum dtype t, double v)
{
	const struct dtype_row *r = &rows[t];
	int fraction = r->significand - 1, e;
	unsigned sign = signbit(v) ? 1u << (r->bits - 1) : 0;
	unsigned ones = (1u << (r->bits - 1)) - 1, top = ones >> fraction;

	if (isnan(v))
		return t == T_E4M3 ? ones : top << fraction | 1u << (fraction - 1);
	if (isinf(v))
		return sign | top << fraction;
	v = fabs(v);
	if (v < ldexp(1, r->emin))
		return sign | (unsigned)ldexp(v, fraction - r->emin);
	frexp(v, &e);
	e--;
	return sign | (unsigned)(e - r->emin + 1) << fraction |
		((unsigned)ldexp(v, fraction - e) & ((1u << fraction) - 1));
}

static double decode(enum dtype t, unsigned bits)
{
	const struct dtype_row *r = &rows[t];
	int fraction = r->significand - 1;
	unsigned ones = (1u << (r->bits - 1)) - 1, top = ones >> fraction;
	unsigned e = (bits & ones) >> fraction, f = bits & ((1u << fraction) - 1);
	double v;

	if (t == T_E4M3 ? (bits & ones) == ones : e == top && f)
		return (double)NAN;
	if (e == top && t != T_E4M3)
		v = INFINITY;
	else if (!e)
		v = ldexp(f, r->emin - fraction);
	else
		v = ldexp(f + (1u << fraction), (int)e - 1 + r->emin - fraction);
	return bits >> (r->bits - 1) ? -v : v;
}

static double load_nibble(enum dtype t, const unsigned char *p, long long i)
{
	int v = p[i / 2] >> (i % 2 * 4) & 15;

	return t == T_I4 && v > 7 ? v - 16 : v;
}

double dtype_load(enum dtype t, const void *base, long long index)
{
	switch (t) {
	case T_F64: return ((const double *)base)[index];
	case T_F32:
	case T_TF32: return ((const float *)base)[index];
	case T_F16:
	case T_BF16: return decode(t, ((const uint16_t *)base)[index]);
	case T_E4M3:
	case T_E5M2: return decode(t, ((const uint8_t *)base)[index]);
	case T_I64: return (double)((const int64_t *)base)[index];
	case T_I32: return ((const int32_t *)base)[index];
	case T_I16: return ((const int16_t *)base)[index];
	case T_I8: return ((const int8_t *)base)[index];
	case T_U32: return ((const uint32_t *)base)[index];
	case T_U16: return ((const uint16_t *)base)[index];
	case T_U8: return ((const uint8_t *)base)[index];
	case T_BOOL: return ((const uint8_t *)base)[index] != 0;
	case T_I4:
	case T_U4: return load_nibble(t, base, index);
	case T_NONE: break;
	}
	return 0;
}

static void store_nibble(unsigned char *p, long long i, double v)
{
	int shift = i % 2 * 4;
	unsigned keep = p[i / 2] & ~(15u << shift);

	p[i / 2] = (unsigned char)(keep | ((unsigned)(int)v & 15u) << shift);
}

void dtype_store(enum dtype t, void *base, long long index, double v)
{
	v = dtype_round(t, v);
	switch (t) {
	case T_F64: ((double *)base)[index] = v; break;
	case T_F32:
	case T_TF32: ((float *)base)[index] = (float)v; break;
	case T_F16:
	case T_BF16: ((uint16_t *)base)[index] = encode(t, v); break;
	case T_E4M3:
	case T_E5M2: ((uint8_t *)base)[index] = encode(t, v); break;
	case T_I64: ((int64_t *)base)[index] = (int64_t)v; break;
	case T_I32: ((int32_t *)base)[index] = (int32_t)v; break;
	case T_I16: ((int16_t *)base)[index] = (int16_t)v; break;
	case T_I8: ((int8_t *)base)[index] = (int8_t)v; break;
	case T_U32: ((uint32_t *)base)[index] = (uint32_t)v; break;
	case T_U16: ((uint16_t *)base)[index] = (uint16_t)v; break;
	case T_U8:
	case T_BOOL: ((uint8_t *)base)[index] = (uint8_t)v; break;
	case T_I4:
	case T_U4: store_nibble(base, index, v); break;
	case T_NONE: break;
	}
}
