/* SPDX-License-Identifier: MIT */
/* Numbers that depend on sizes, found from examples: given what a number was
 * for each of several samples of the sizes, the expression over the sizes that
 * yields it. What is tried is what sketches compute: products of sizes, how
 * many tiles cover them, products and sums of those. */
#ifndef WPK_COMPILER_KERNEL_FIT_H
#define WPK_COMPILER_KERNEL_FIT_H

#include "kernel/kernel.h"

/* A size, or a number derived from sizes, with its value in each sample. */
struct fit_symbol {
	const char *name;
	struct kx *value;	/* i64 */
	const int64_t *at;
};

/* A quantity that numbers are made of. */
struct fit_atom {
	const char *name;
	struct kx *value;	/* i64, over the symbols' */
	const int64_t *at;
	int64_t scale, offset;	/* largest that stand beside it */
	bool used;
};

/* offset + sum of coef[i] * atom[i] */
struct fitted {
	int n, atom[2];
	int64_t coef[2], offset;
};

struct fit;

/* Symbols are the first atoms, in order. */
struct fit *fit_create(struct arena *a, const struct fit_symbol *symbols,
	int n_symbols, int n_samples);
/* False where nothing yields "v", one value for each of the first "n" samples. */
bool fit_find(struct fit *f, const int64_t *v, int n, struct fitted *out);
/* Let multiples that were found, such as 9 * C, be atoms, of which tiles may be
 * counted; what was not found may be asked for again. */
void fit_multiples(struct fit *f);
struct fit_atom *fit_atom(struct fit *f, int i);
int fit_atoms(const struct fit *f);
/* As an expression in i64. */
struct kx *fit_value(struct fit *f, const struct fitted *x);

#endif
