/* SPDX-License-Identifier: MIT */
/* Regression by boosted trees: XGBoost, opened at run time. Whoever lacks the
 * library gets a sentence and does without. */
#ifndef WPK_SEARCH_BOOST_H
#define WPK_SEARCH_BOOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

/* The library. It stays open as long as the process: OpenMP's threads, which
 * come with it, cannot be taken away again. */
struct boost;

/* From the file that the variable WPK_XGBOOST names, which may be empty for
 * "none", else from where the system has it. NULL, with "*why" a sentence,
 * where it cannot be used. */
const struct boost *boost_open(struct arena *a, const char **why);
/* "1.7.4". */
const char *boost_version(const struct boost *b);

/* How trees are grown: their number and depth, what each contributes, the
 * share of rows and columns that each sees, the rows a leaf has at least. Equal
 * data and seed give equal trees; one thread works. */
struct boost_params {
	int trees, depth;
	double rate, rows, columns, leaf;
	uint64_t seed;
};

/* "x" holds "n" rows of "d" numbers, "y" a value for each row, and "weight",
 * unless NULL, its weight. NaN in "x" is unknown. */
struct boost_data {
	const float *x, *y, *weight;
	int n, d;
};

/* A model, in "a" but for what is XGBoost's, so it must be destroyed before
 * "a" is; NULL, with "*why" a sentence, if it cannot be had. */
struct boost_model;
struct boost_model *boost_train(struct arena *a, const struct boost *b,
	const struct boost_data *data, const struct boost_params *p,
	const char **why);
void boost_destroy(struct boost_model *m);

int boost_columns(const struct boost_model *m);
/* Values of the "n" rows of "x" to "out"; false, with "*why", if there are
 * none. */
bool boost_predict(struct arena *a, const struct boost_model *m,
	const float *x, int n, float *out, const char **why);

#endif
