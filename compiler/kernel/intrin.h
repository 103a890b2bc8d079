/* SPDX-License-Identifier: MIT */
/* What sketches may call on the device: the rows of intrinsics.h and the
 * instructions of KS_MMA. */
#ifndef WPK_COMPILER_KERNEL_INTRIN_H
#define WPK_COMPILER_KERNEL_INTRIN_H

#include <stdbool.h>

#include "ir/type.h"
#include "kernel/intrinsics.h"

struct ks;
struct target;

enum intrin {
#define X(e, ...) INTRIN_##e,
	INTRINS(X)
#undef X
	N_INTRINS
};

enum intrin_effect {
	EFFECT_PURE,	/* a value of its operands */
	EFFECT_READ,	/* reads what others write */
	EFFECT_WRITE,	/* writes memory before it returns */
	EFFECT_ASYNC,	/* starts something that completes later */
	EFFECT_SYNC	/* orders or waits */
};

/* Who must run it together. */
enum intrin_with { WITH_NONE, WITH_WARP, WITH_GROUP, WITH_CLUSTER };

/* "signature" NULL: CUDA's own. "body" and "plain" are lines of C++, each
 * ended by a newline, or empty. */
struct intrin_row {
	const char *name;
	int cc;
	int specific;
	enum intrin_effect effect;
	enum intrin_with with;
	enum dtype result;
	const char *operands, *signature, *body, *plain;
};

const struct intrin_row *intrin_row(int intrin);
int intrin_named(const char *name);		/* -1 if there is none */
bool intrin_on(int intrin, const struct target *t);
/* Operands, without the '!' of a full mask. */
const char *intrin_operands(int intrin);
bool intrin_is_infix(int intrin);

/* mma.sync: a row of "factor" by a column of it, added up in "acc". */
struct mma_row {
	int m, n, k, cc;
	enum dtype factor, acc;
};

const struct mma_row *mma_rows(int *n);
/* The row of a KS_MMA of kind MMA_SYNC, or NULL. */
const struct mma_row *mma_row(const struct ks *s);
/* A thread's share of a fragment of "elements" of type "t": the type of its
 * registers, and how many. */
enum dtype mma_register(enum dtype t);
int mma_registers(int elements, enum dtype t);

/* wgmma.c: products of four warps, of 64 rows, "k" deep; columns are a multiple
 * of 8, beyond 32 of "step". "trans": factors in shared memory may have k
 * outermost; "scales": the instruction takes signs. */
struct wgmma_row {
	enum dtype left, right, acc;
	int k, step;
	const char *ptx;		/* "f32.f16.f16" */
	bool trans, scales;
};

/* The row of a KS_MMA of kind MMA_WGMMA, or NULL. */
const struct wgmma_row *wgmma_row(const struct ks *s);
const struct wgmma_row *wgmma_rows(int *n);

#endif
