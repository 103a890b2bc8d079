/* SPDX-License-Identifier: MIT */
/* From programs that one point of one space makes at several sizes to one
 * program for all sizes: the programs must be the same but for constants, and
 * a constant that differs becomes an expression over the sizes. */
#ifndef WPK_COMPILER_KERNEL_GENERALISE_H
#define WPK_COMPILER_KERNEL_GENERALISE_H

#include "kernel/fit.h"
#include "kernel/kernel.h"

/* "programs[i]" is the program at sample "i" of the symbols; all launch the same
 * kernels, which in the first "n_alike" are alike; "sizes" and "lets" are the
 * program's to be, of which the symbols are made; "conditions" begin with one for
 * each of these, that it is at least 1. */
struct general_request {
	struct program *const *programs;
	int n, n_alike;
	const struct p_size *sizes;
	int n_sizes;
	const struct p_let *lets;
	int n_lets;
	const struct p_condition *conditions;
	int n_conditions;
	const struct fit_symbol *symbols;
	int n_symbols;
};

/* NULL, with "*why" a sentence, where they are not. */
struct program *generalise(struct arena *a, const struct general_request *r,
	const char **why);

/* ---- constants.c ---- */

/* Do two programs launch the same kernels, whatever these are? */
bool program_alike(const struct program *x, const struct program *y);
/* Are two programs the same but for constants? */
bool generalise_alike(struct arena *a, const struct program *x,
	const struct program *y);

/* ---- specialise.c ---- */

/* NULL if "general" at "sizes" is what "special" is, once the constants are put
 * in and folded, but for guards that always hold there and loops without a turn;
 * else a sentence. */
const char *generalise_differs(struct arena *a, const struct program *general,
	const int64_t *sizes, const struct program *special);

#endif
