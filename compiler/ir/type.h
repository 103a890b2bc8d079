/* SPDX-License-Identifier: MIT */
#ifndef WPK_COMPILER_IR_TYPE_H
#define WPK_COMPILER_IR_TYPE_H

#include <stdbool.h>
#include <stdint.h>

/* Element types, one row each:
 * enum suffix, name in .wpk and text forms, C type in emitted CUDA and headers,
 * bits, class, bits of significand (with the hidden one), least and greatest
 * exponent of normal numbers, type of an untyped accumulation */
#define DTYPES(X) \
	/*  enum    name     C type              bits class  sig  emin  emax accum */ \
	X(F64,  "f64",  "double",             64, FLOAT,  53, -1022, 1023, F64) \
	X(F32,  "f32",  "float",              32, FLOAT,  24,  -126,  127, F32) \
	X(TF32, "tf32", "float",              32, FLOAT,  11,  -126,  127, F32) \
	X(F16,  "f16",  "unsigned short",     16, FLOAT,  11,   -14,   15, F32) \
	X(BF16, "bf16", "unsigned short",     16, FLOAT,   8,  -126,  127, F32) \
	X(E4M3, "e4m3", "unsigned char",       8, FLOAT,   4,    -6,    8, F32) \
	X(E5M2, "e5m2", "unsigned char",       8, FLOAT,   3,   -14,   15, F32) \
	X(I64,  "i64",  "long long",          64, SIGNED,  63,    0,    0, I64) \
	X(I32,  "i32",  "int",                32, SIGNED,  31,    0,    0, I32) \
	X(I16,  "i16",  "short",              16, SIGNED,  15,    0,    0, I32) \
	X(I8,   "i8",   "signed char",         8, SIGNED,   7,    0,    0, I32) \
	X(I4,   "i4",   "signed char",         4, SIGNED,   3,    0,    0, I32) \
	X(U32,  "u32",  "unsigned",           32, UNSIGNED, 32,   0,    0, U32) \
	X(U16,  "u16",  "unsigned short",     16, UNSIGNED, 16,   0,    0, U32) \
	X(U8,   "u8",   "unsigned char",       8, UNSIGNED,  8,   0,    0, I32) \
	X(U4,   "u4",   "unsigned char",       4, UNSIGNED,  4,   0,    0, I32) \
	X(BOOL, "bool", "unsigned char",       8, BOOLEAN,   1,   0,    0, I32)

enum dtype {
#define X(e, ...) T_##e,
	DTYPES(X)
#undef X
	T_NONE		/* not yet known, or unknown after an error */
};

enum dtype_class { DTYPE_FLOAT, DTYPE_SIGNED, DTYPE_UNSIGNED, DTYPE_BOOLEAN };

struct dtype_row {
	const char *name, *c;
	int bits;
	enum dtype_class class;
	int significand, emin, emax;
	enum dtype accum;
};

const struct dtype_row *dtype_row(enum dtype t);
enum dtype dtype_named(const char *name);	/* T_NONE if there is none */
bool dtype_is_float(enum dtype t);
bool dtype_is_int(enum dtype t);		/* bool is not */
/* The least and the greatest of an integer type, or of bool. */
void dtype_range(enum dtype t, int64_t *lo, int64_t *hi);

/* The type of mixed arithmetic: the smallest that holds both exactly, else the
 * wider; a float and an integer meet in a float no wider than f32 (an i32 and
 * an f32 are f32) unless one is f64. */
enum dtype dtype_widen(enum dtype x, enum dtype y);

/* The value of type "t" nearest to "v" (ties to even; floats overflow to
 * infinity, e4m3 to NaN; integers truncate toward zero and wrap), and back
 * and forth between values and their bits in memory. Two 4-bit elements share
 * a byte, the even one in its low half. */
double dtype_round(enum dtype t, double v);
double dtype_load(enum dtype t, const void *base, long long index);
void dtype_store(enum dtype t, void *base, long long index, double v);

#endif
