/* SPDX-License-Identifier: MIT */
/* One set of boosted trees of the learned model: which columns it looks at,
 * and how well it does on rows it has not seen. */
#ifndef WPK_SEARCH_STAGE_H
#define WPK_SEARCH_STAGE_H

#include "base/str.h"
#include "search/boost.h"
#include "search/inputs.h"

/* A row with "prior", what other models say of it; NaN: nothing. */
struct stage_row {
	const struct input *v;
	int n;
	double prior;
};

/* What to learn from: "n" rows with values "y" and, unless NULL, weights. Row i
 * belongs to fold[i], 0 .. folds - 1; each fold is predicted by trees that did
 * not see it, into "held_out". No folds, no such prediction. */
struct stage_data {
	const struct stage_row *rows;
	const double *y, *weight;
	int n;
	const int *fold;
	int folds;
	double *held_out;
};

/* Place p of a row of "d" is column columns[p]; the last is the prior, if
 * "prior". "place_of" goes the other way, plus one; columns that are younger
 * than the stage are beyond "n_place_of". */
struct stage {
	struct boost_model *model;
	int *columns, n_columns;
	int *place_of, n_place_of;
	bool prior;
	int d;
};

/* Learn; what was learned before is gone. The stage lives in "a", which must
 * not be reset before stage_clear; "tmp" is for work. False, with "*why", if it
 * could not, and then there is no model. */
bool stage_train(struct stage *s, struct arena *a, struct arena *tmp,
	const struct boost *b, const struct inputs *in,
	const struct stage_data *data, uint64_t seed, const char **why);
void stage_clear(struct stage *s);
bool stage_predict(const struct stage *s, struct arena *tmp,
	const struct stage_row *rows, int n, double *out, const char **why);

#endif
