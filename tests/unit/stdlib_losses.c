/* SPDX-License-Identifier: MIT */
/* std.loss as formulas: logarithms of sums as they are defined, of few logits that are
 * not large. */
#include <math.h>

#include "stdlib_cases.h"

static double logit(const struct trial *t, int64_t i, int64_t j)
{
	double s = 0;

	FOR(k, SIZE("K"))
		s += IN(0, i, k) * IN(1, j, k);
	return s;
}

static double log_sum_exp(const struct trial *t)
{
	double sum = 0;

	FOR(j, SIZE("N"))
		sum += exp(logit(t, t->at[0], j));
	return log(sum);
}

static double cross_entropy(const struct trial *t)
{
	int64_t right = (int64_t)IN(2, t->at[0]);

	return right < 0 || right >= SIZE("N") ? 0 :
		log_sum_exp(t) - logit(t, t->at[0], right);
}

static double contrastive(const struct trial *t)
{
	double times = trial_read(t, 2, NULL, NAN), loss = 0;

	FOR(i, SIZE("N")) {
		double row = 0, column = 0;

		FOR(j, SIZE("N")) {
			row += exp(times * logit(t, i, j));
			column += exp(times * logit(t, j, i));
		}
		loss += log(row) + log(column) - 2 * times * logit(t, i, i);
	}
	return loss / (2 * (double)SIZE("N"));
}

const struct stdlib_case stdlib_losses[] = {
	CASE("loss.log_sum_exp[M = 3, N = 7, K = 4]", log_sum_exp),
	CASE("loss.cross_entropy[M = 3, N = 7, K = 4]", cross_entropy),
	CASE("loss.contrastive[N = 5, K = 4]", contrastive),
	{0}
};
