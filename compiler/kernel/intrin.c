/* SPDX-License-Identifier: MIT */
/* The tables of what a device can be asked for, and questions about them. */
#include "kernel/intrin.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "kernel/kernel.h"
#include "schedule/target.h"

static const struct intrin_row rows[N_INTRINS] = {
#define X(e, name, cc, specific, effect, with, result, ...) \
	[INTRIN_##e] = { name, cc, specific, EFFECT_##effect, WITH_##with, \
		T_##result, __VA_ARGS__ },
	INTRINS(X)
#undef X
};

const struct intrin_row *intrin_row(int intrin)
{
	assert(intrin >= 0 && intrin < N_INTRINS);
	return &rows[intrin];
}

int intrin_named(const char *name)
{
	for (int i = 0; i < N_INTRINS; i++)
		if (rows[i].name[0] == name[0] && !strcmp(rows[i].name, name))
			return i;
	return -1;
}

bool intrin_on(int intrin, const struct target *t)
{
	const struct intrin_row *r = intrin_row(intrin);

	if (*r->plain)
		return true;
	if (r->specific && !t->suffix)
		return false;
	return r->specific == 2 ? t->cc == r->cc : t->cc >= r->cc;
}

const char *intrin_operands(int intrin)
{
	const char *s = intrin_row(intrin)->operands;

	return s + (*s == '!');
}

bool intrin_is_infix(int intrin)
{
	return ispunct((unsigned char)*rows[intrin].name) &&
		*rows[intrin].name != '_';
}

static const struct mma_row mmas[] = {
	{ 16, 8, 8, 75, T_F16, T_F32 },
	{ 16, 8, 16, 80, T_F16, T_F32 },
	{ 16, 8, 8, 75, T_F16, T_F16 },
	{ 16, 8, 16, 80, T_F16, T_F16 },
	{ 16, 8, 8, 80, T_BF16, T_F32 },
	{ 16, 8, 16, 80, T_BF16, T_F32 },
	{ 16, 8, 4, 80, T_TF32, T_F32 },
	{ 16, 8, 8, 80, T_TF32, T_F32 },
	{ 16, 8, 32, 89, T_E4M3, T_F32 },
	{ 16, 8, 32, 89, T_E5M2, T_F32 },
	{ 8, 8, 16, 75, T_I8, T_I32 },
	{ 16, 8, 16, 80, T_I8, T_I32 },
	{ 16, 8, 32, 80, T_I8, T_I32 },
	{ 8, 8, 16, 75, T_U8, T_I32 },
	{ 16, 8, 16, 80, T_U8, T_I32 },
	{ 16, 8, 32, 80, T_U8, T_I32 },
	{ 8, 8, 4, 80, T_F64, T_F64 },
	{ 16, 8, 4, 90, T_F64, T_F64 },
	{ 16, 8, 8, 90, T_F64, T_F64 },
	{ 16, 8, 16, 90, T_F64, T_F64 },
};

const struct mma_row *mma_rows(int *n)
{
	*n = sizeof mmas / sizeof *mmas;
	return mmas;
}

const struct mma_row *mma_row(const struct ks *s)
{
	for (size_t i = 0; i < sizeof mmas / sizeof *mmas; i++) {
		const struct mma_row *r = &mmas[i];

		if (s->mma == MMA_SYNC && s->m == r->m && s->n == r->n &&
		    s->k == r->k && s->left_type == r->factor &&
		    s->right_type == r->factor && s->acc_type == r->acc)
			return r;
	}
	return NULL;
}

enum dtype mma_register(enum dtype t)
{
	return t == T_F64 || t == T_F32 || t == T_I32 ? t : T_U32;
}

int mma_registers(int elements, enum dtype t)
{
	return elements / 32 * dtype_row(t)->bits /
		dtype_row(mma_register(t))->bits;
}
