/* SPDX-License-Identifier: MIT */
/* What matrix instructions multiply, made floats of: 8-bit integers, too, which
 * stay exact that way, and of tf32 only the bits that count. */
#include "emu_factor.h"

#include <string.h>

#include "emu_half.h"

#define UNPACK(name, T, value) \
	static void unpack_##name(void *to, const void *from, int n) \
	{ \
		for (int i = 0; i < n; i++) { \
			T x = ((const T *)from)[i]; \
			((float *)to)[i] = value; \
		} \
	}

UNPACK(f16, uint16_t, from_f16(x))
UNPACK(bf16, uint16_t, from_bf16(x))
UNPACK(tf32, uint32_t, from_bits(x & 0xffffe000))
UNPACK(e4m3, uint8_t, from_e4m3(x))
UNPACK(e5m2, uint8_t, from_f16((unsigned)x << 8))
UNPACK(i8, int8_t, x)
UNPACK(u8, uint8_t, x)

static void copy_f64(void *to, const void *from, int n)
{
	memcpy(to, from, (size_t)n * sizeof(double));
}

static const struct factor factors[] = {
	{ "f16", 2, 0, unpack_f16 }, { "bf16", 2, 0, unpack_bf16 },
	{ "tf32", 4, 0, unpack_tf32 }, { "e4m3", 1, -6, unpack_e4m3 },
	{ "e5m2", 1, -14, unpack_e5m2 }, { "i8", 1, 0, unpack_i8 },
	{ "u8", 1, 0, unpack_u8 }, { "f64", 8, 0, copy_f64 }
};

const struct factor *factor_named(const char *name)
{
	const struct factor *t = factors;

	while (strcmp(t->name, name))
		t++;
	return t;
}
