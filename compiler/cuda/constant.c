/* SPDX-License-Identifier: MIT */
/* Constants as C++ literals that have exactly their value. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/emit.h"

void emit_int(struct str *out, int64_t v, enum dtype t)
{
	if (t == T_BOOL)
		str_puts(out, v ? "true" : "false");
	else if (v == INT64_MIN)
		str_puts(out, "(-9223372036854775807LL - 1)");
	else if (v == INT32_MIN && t != T_I64)
		str_puts(out, "(-2147483647 - 1)");
	else
		str_printf(out, "%lld%s", (long long)v, t == T_I64 ? "LL" :
			dtype_row(t)->class == DTYPE_UNSIGNED ? "u" : "");
}

/* The shortest decimal that reads back as the float. */
static void put_f32(struct str *out, float v)
{
	char text[40];

	for (int digits = 1; digits <= 9; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, (double)v);
		if (strtof(text, NULL) == v)
			break;
	}
	str_puts(out, text);
	str_puts(out, strpbrk(text, ".e") ? "f" : ".0f");
}

static void put_special(struct str *out, double v, enum dtype t)
{
	str_printf(out, "%s__int_as_float(0x%s)",
		t == T_F64 ? "(double)" : "",
		isnan(v) ? "7fffffff" : v > 0 ? "7f800000" : "ff800000");
}

static unsigned long long bits_of(enum dtype t, double v)
{
	unsigned char bytes[8] = { 0 };
	unsigned long long bits = 0;

	dtype_store(t, bytes, 0, v);
	for (int i = dtype_row(t)->bits / 8 - 1; i >= 0; i--)
		bits = bits << 8 | bytes[i];
	return bits;
}

void emit_float(struct str *out, double v, enum dtype t)
{
	if (dtype_row(t)->bits < 32)
		str_printf(out, bits_of(t, v) ? "0x%0*llx" : "0",
			dtype_row(t)->bits / 4, bits_of(t, v));
	else if (!isfinite(v))
		put_special(out, v, t);
	else if (t == T_F64)
		str_double(out, v);
	else
		put_f32(out, (float)v);
}

/* Copies of "bits" wide bits side by side in 32. */
static unsigned repeat(unsigned long long bits, int wide)
{
	unsigned word = 0;

	for (int i = 0; i < 32; i += wide)
		word |= (unsigned)bits << i;
	return word;
}

static void put_words(struct str *out, unsigned word, int n)
{
	if (n > 1)
		str_printf(out, "make_uint%d(", n);
	for (int i = 0; i < n; i++)
		str_printf(out, word ? "%s0x%xu" : "%s0", i ? ", " : "",
			word);
	if (n > 1)
		str_putc(out, ')');
}

static void put_floats(struct str *out, const char *type, double v,
	enum dtype t, int n)
{
	str_printf(out, "make_%s%d(", type, n);
	for (int i = 0; i < n; i++) {
		str_puts(out, i ? ", " : "");
		emit_float(out, v, t);
	}
	str_putc(out, ')');
}

void emit_fill(struct str *out, enum dtype t, int bytes, double v)
{
	int wide = dtype_row(t)->bits, n = bytes * 8 / wide;

	if (n == 1 && dtype_is_float(t))
		emit_float(out, v, t);
	else if (n == 1)
		emit_int(out, (int64_t)v, t == T_BOOL ? T_I32 : t);
	else if (t == T_F32 || t == T_TF32)
		put_floats(out, "float", v, t, n);
	else if (t == T_F64)
		put_floats(out, "double", v, t, n);
	else if (bytes < 4)
		str_printf(out, "0x%x", repeat(bits_of(t, v), wide) & 0xffff);
	else if (wide == 64)
		str_printf(out, "make_uint4(0x%xu, 0x%xu, 0x%xu, 0x%xu)",
			(unsigned)bits_of(t, v),
			(unsigned)(bits_of(t, v) >> 32),
			(unsigned)bits_of(t, v),
			(unsigned)(bits_of(t, v) >> 32));
	else
		put_words(out, repeat(bits_of(t, v), wide), bytes / 4);
}
