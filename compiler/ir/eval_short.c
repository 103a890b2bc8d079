/* SPDX-License-Identifier: MIT */
/* What is lost of a sum that hardware keeps in fewer bits than its type has
 * (struct ir_accumulator). So tensor cores add up 8-bit floats: of the products
 * of an instruction and what they are added to, c, each is shifted to the
 * largest of their exponents, E, and cut toward zero to "bits" - 1 bits behind
 * the point; their sum is exact, and cut to "bits" bits again (DeepSeek-AI,
 * "DeepSeek-V3 Technical Report", arXiv:2412.19437, section 3.5.2; Xie et al.,
 * "MMA-Sim: Bit-Accurate Reference Model of Tensor Cores and Matrix Cores",
 * arXiv:2511.10909).
 *
 * With u = 2^(1 - bits) a number loses less than u 2^E where it is shifted, but
 * that with exponent E nothing, and a sum s less than u |s|. As all are cut toward
 * zero, |c| is at most the sum of magnitudes so far, and 2^E at most that or the
 * largest product p, as its exponent counts: g |p|, where g is "subnormal", since
 * a factor that is subnormal has the least normal exponent. (Of two such all
 * products are multiples of what is cut off.) Of t products at once the loss in
 * instruction j of a run of r is thus below
 *
 *	u (t max(m_(j-1), g p) + m_j),	m_j the sum of magnitudes up to j
 *
 * and that of a run, which begins with c = 0, below
 *
 *	u (t ((r - 1) m_r + g min(r p, m_r)) + r m_r)
 *
 * which summed over all runs, of which each is then added in the sum's type, is
 * what short_loss() gives. One instruction more than fills a run may have a part
 * of it, where its first products are none. */
#include "ir/eval_private.h"

#include <math.h>

static double unit(const struct ir_accumulator *a)
{
	return ldexp(1, 1 - a->bits);
}

/* Products between promotions. */
static double run_of(const struct node *x)
{
	const struct ir_accumulator *a = x->e->accumulator;
	double points = (double)x->reduce->points;

	return a->promote ? fmin(a->promote, points) : points;
}

/* Nothing is cut off multiples of q where u 2^E <= q. */
bool short_exact(const struct node *x, int i, double q)
{
	const struct ir_accumulator *a = x->e->accumulator;
	double most = x->reduce->high[i], room = 2 * q / unit(a);

	return a->subnormal * most < room && fmin(x->reduce->magnitude[i],
		run_of(x) * most) <= room;
}

double short_loss(const struct node *x, int i)
{
	const struct ir_accumulator *a = x->e->accumulator;
	double m = x->reduce->magnitude[i], most = x->reduce->high[i];
	double all = ceil((double)x->reduce->points / a->at_once) + 1;
	double in_run = fmin(all, a->promote ? a->promote / a->at_once :
		INFINITY);
	double of_products = a->subnormal * fmin(all * most, m);

	return unit(a) * (a->at_once * ((in_run - 1) * m + of_products) +
		in_run * m);
}
