/* SPDX-License-Identifier: MIT */
/* Inputs where no source says what suits an operator: floats evenly spread over
 * [-1, 1], with as many bits as the type keeps; small integers; 0 and 1 where an
 * integer is wide enough to be somebody's index. Every bit pattern of 4 bits. */
#include "runtime/wpkrun/wpkrun.h"

#include <math.h>
#include <string.h>

/* As IEEE has them: "digits" with the hidden one. */
static const struct float_row {
	uint8_t code, bits;
	int digits, bias;
} floats[] = {
	{ kDLFloat, 64, 53, 1023 }, { kDLFloat, 32, 24, 127 },
	{ kDLFloat, 16, 11, 15 }, { kDLBfloat, 16, 8, 127 },
	{ WPK_DL_E4M3, 8, 4, 7 }, { WPK_DL_E5M2, 8, 3, 15 },
};

static uint64_t next(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* A number of [-1, 1], a multiple of half a unit in the last place of 1. */
static uint64_t float_bits(const struct float_row *f, uint64_t random)
{
	int digits = f->digits < 32 ? f->digits : 32;
	int64_t most = (int64_t)1 << digits;
	int64_t k = (int64_t)(random % (uint64_t)(2 * most + 1)) - most;
	uint64_t sign = (uint64_t)(k < 0) << (f->bits - 1), n;
	int exponent;

	if (!k)
		return 0;
	n = (uint64_t)ldexp(frexp((double)(k < 0 ? -k : k), &exponent),
		f->digits);
	return sign | (uint64_t)(exponent - digits - 1 + f->bias) <<
		(f->digits - 1) | (n & (((uint64_t)1 << (f->digits - 1)) - 1));
}

static uint64_t integer_bits(DLDataType t, uint64_t random)
{
	if (t.code == WPK_DL_BOOL || t.bits >= 32)
		return random & 1;
	if (t.bits == 4)
		return random & 255;
	return t.code == kDLInt ? (random % 8) - 4 : random % 4;
}

static const struct float_row *float_of(DLDataType t)
{
	for (size_t i = 0; i < sizeof floats / sizeof *floats; i++)
		if (floats[i].code == t.code && floats[i].bits == t.bits)
			return &floats[i];
	return NULL;
}

void inputs_fill(const struct subject_tensor *t, uint64_t seed, void *memory)
{
	const struct float_row *f = float_of(t->type);
	size_t width = t->type.bits < 8 ? 1 : t->type.bits / 8;

	for (size_t i = 0; i < t->bytes / width; i++) {
		uint64_t random = next(&seed);
		uint64_t bits = f ? float_bits(f, random >> 16) :
			integer_bits(t->type, random >> 16);

		memcpy((char *)memory + i * width, &bits, width);
	}
}
