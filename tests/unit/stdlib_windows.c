/* SPDX-License-Identifier: MIT */
/* std.conv, std.pool and std.resize as formulas. One- and two-dimensional
 * operators are three-dimensional ones whose other dimensions are 1. */
#include <math.h>
#include <string.h>

#include "stdlib_cases.h"

/* A dimension: extent, kernel, stride, padding, dilation, place of the output. */
struct dim {
	int64_t n, k, s, p, d, o;
};

struct dims {
	struct dim v[3];
	int rank;
};

static int64_t size_or(const struct trial *t, const char *name, int64_t none)
{
	for (int i = 0; i < t->o->n_sizes; i++)
		if (!strcmp(t->o->sizes[i].name, name))
			return t->o->sizes[i].value;
	return none;
}

static struct dims dims_of(const struct trial *t)
{
	static const char *const n[] = { "D", "H", "W" }, *const k[] = { "U",
		"R", "S" }, *const s[] = { "SD", "SH", "SW" }, *const p[] = {
		"PD", "PH", "PW" }, *const d[] = { "DD", "DH", "DW" };
	struct dims out = { .rank = t->o->tensors[t->o->n_inputs].rank - 2 };

	for (int i = 0; i < 3; i++) {
		int at = i - 3 + out.rank;

		out.v[i] = at < 0 ? (struct dim){ 1, 1, 1, 0, 1, 0 } :
			(struct dim){ SIZE(n[i]), size_or(t, k[i], 1),
			size_or(t, s[i], 1), size_or(t, p[i], 0),
			size_or(t, d[i], 1), t->at[2 + at] };
	}
	return out;
}

/* x[n, c, z, y, x] of a tensor whose rank is that of the dimensions. */
static double image(const struct trial *t, const struct dims *d, int input,
	int64_t n, int64_t c, const int64_t *at, double outside)
{
	int64_t idx[5] = { n, c };

	memcpy(idx + 2, at + 3 - d->rank, (size_t)d->rank * sizeof *idx);
	return trial_read(t, input, idx, outside);
}

static double weight(const struct trial *t, const struct dims *d, int64_t f,
	int64_t c, const int64_t *k)
{
	int64_t idx[5] = { f };
	int lead = c < 0 ? 1 : 2;

	idx[1] = c;
	memcpy(idx + lead, k + 3 - d->rank, (size_t)d->rank * sizeof *idx);
	return trial_read(t, 1, idx, NAN);
}

/* ---- convolutions ---- */

#define KERNEL(d, k) \
	for (int64_t k[3] = {0}; k[0] < (d).v[0].k; k[0]++) \
		for (k[1] = 0; k[1] < (d).v[1].k; k[1]++) \
			for (k[2] = 0; k[2] < (d).v[2].k; k[2]++)

/* Where tap "k" of the window at the output's place lies in the image. */
static void tap(const struct dims *d, const int64_t *k, int64_t *at)
{
	for (int i = 0; i < 3; i++)
		at[i] = d->v[i].o * d->v[i].s + k[i] * d->v[i].d - d->v[i].p;
}

static double conv(const struct trial *t)
{
	struct dims d = dims_of(t);
	int64_t groups = size_or(t, "G", 1), c = SIZE("C") / groups, at[3];
	int64_t group = t->at[1] / (SIZE("F") / groups);
	double sum = 0;

	FOR(i, c)
		KERNEL(d, k) {
			tap(&d, k, at);
			sum += image(t, &d, 0, t->at[0], group * c + i, at, 0)
				* weight(t, &d, t->at[1], i, k);
		}
	return sum;
}

static double depthwise(const struct trial *t)
{
	struct dims d = dims_of(t);
	int64_t at[3];
	double sum = 0;

	KERNEL(d, k) {
		tap(&d, k, at);
		sum += image(t, &d, 0, t->at[0], t->at[1], at, 0) *
			weight(t, &d, t->at[1], -1, k);
	}
	return sum;
}

static double relu(double x) { return x > 0 ? x : 0; }
static double relu6(double x) { return x > 6 ? 6 : relu(x); }
static double bias(const struct trial *t) { return IN(2, t->at[1]); }

static double conv_bias(const struct trial *t)
{
	return conv(t) + bias(t);
}

static double conv_relu(const struct trial *t)
{
	return relu(conv_bias(t));
}

static double conv_relu6(const struct trial *t)
{
	return relu6(conv_bias(t));
}

static double conv_silu(const struct trial *t)
{
	double x = conv_bias(t);

	return x / (1 + exp(-x));
}

static double conv_add_relu(const struct trial *t)
{
	return relu(conv_bias(t) + trial_read(t, 3, t->at, NAN));
}

static double depthwise_relu6(const struct trial *t)
{
	return relu6(depthwise(t) + bias(t));
}

/* Every element of the image whose filter covers the output's place. */
static double transposed(const struct trial *t)
{
	struct dims d = dims_of(t);
	int64_t groups = SIZE("G"), k_group = SIZE("K"), n = SIZE("C") / groups;
	int64_t group = t->at[1] / k_group;
	double sum = 0;

	FOR(c, n)
		FOR(z, d.v[0].n)
			FOR(y, d.v[1].n)
				FOR(x, d.v[2].n)
					KERNEL(d, k) {
		int64_t at[3] = { z, y, x };
		bool hit = true;

		for (int i = 0; i < 3; i++)
			hit &= at[i] * d.v[i].s - d.v[i].p + k[i] * d.v[i].d ==
				d.v[i].o;
		if (hit)
			sum += image(t, &d, 0, t->at[0], group * n + c, at, 0) *
				weight(t, &d, group * n + c, t->at[1] % k_group,
					k);
	}
	return sum;
}

static double capsule(const struct trial *t)
{
	const int64_t *a = t->at;
	double sum = 0;

	FOR(r, SIZE("R"))
		FOR(s, SIZE("S"))
			FOR(k, SIZE("K"))
				FOR(c, SIZE("C"))
					sum += IN(0, a[0], a[1] * SIZE("SH") + r
						- SIZE("PH"), a[2] * SIZE("SW")
						+ s - SIZE("PW"), a[3], k, c) *
						IN(1, r, s, k, a[4], c, a[5]);
	return sum;
}

/* ---- pools ---- */

static double max_pool(const struct trial *t)
{
	struct dims d = dims_of(t);
	double best = -INFINITY;
	int64_t at[3];

	KERNEL(d, k) {
		tap(&d, k, at);
		best = fmax(best, image(t, &d, 0, t->at[0], t->at[1], at,
			-INFINITY));
	}
	return best;
}

static double max_index(const struct trial *t)
{
	struct dims d = dims_of(t);
	double best = max_pool(t);
	int64_t at[3];

	KERNEL(d, k) {
		tap(&d, k, at);
		if (image(t, &d, 0, t->at[0], t->at[1], at, NAN) == best)
			return (double)(at[1] * SIZE("W") + at[2]);
	}
	return NAN;
}

static double avg_pool(const struct trial *t)
{
	struct dims d = dims_of(t);
	double sum = 0, n = 0;
	int64_t at[3];

	KERNEL(d, k) {
		double x;

		tap(&d, k, at);
		x = image(t, &d, 0, t->at[0], t->at[1], at, NAN);
		n += !isnan(x) || SIZE("count_include_pad");
		sum += isnan(x) ? 0 : x;
	}
	return sum / n;
}

static double lp_pool(const struct trial *t)
{
	struct dims d = dims_of(t);
	double sum = 0;
	int64_t at[3];

	KERNEL(d, k) {
		double x;

		tap(&d, k, at);
		x = image(t, &d, 0, t->at[0], t->at[1], at, 0);
		sum += x * x;
	}
	return sqrt(sum);
}

/* Sum, number and maximum of the elements that belong to an output in parts. */
static double adaptive(const struct trial *t, bool average)
{
	bool two = t->o->tensors[0].rank == 4;
	int64_t h = two ? SIZE("H") : 1, p = two ? SIZE("P") : 1;
	int64_t w = SIZE("W"), q = SIZE("Q"), i = two ? t->at[2] : 0;
	int64_t j = t->at[two ? 3 : 2];
	double sum = 0, n = 0, best = -INFINITY;

	for (int64_t y = (int64_t)floor((double)(i * h) / p);
	     y < ceil((double)((i + 1) * h) / p); y++)
		for (int64_t x = (int64_t)floor((double)(j * w) / q);
		     x < ceil((double)((j + 1) * w) / q); x++) {
			double v = two ? IN(0, t->at[0], t->at[1], y, x) :
				IN(0, t->at[0], t->at[1], x);

			sum += v;
			n++;
			best = fmax(best, v);
		}
	return average ? sum / n : best;
}

static double adaptive_avg(const struct trial *t) { return adaptive(t, true); }
static double adaptive_max(const struct trial *t) { return adaptive(t, false); }

/* The image of at[0], at[1] as one row. */
static double global(const struct trial *t, bool average)
{
	const struct ir_tensor *x = &t->o->tensors[0];
	int64_t n = x->elements / (x->dims[0] * x->dims[1]);
	double sum = 0, best = -INFINITY;

	FOR(i, n) {
		double v = dtype_load(x->type, t->data[0],
			(t->at[0] * x->dims[1] + t->at[1]) * n + i);

		sum += v;
		best = fmax(best, v);
	}
	return average ? sum / (double)n : best;
}

static double global_avg(const struct trial *t) { return global(t, true); }
static double global_max(const struct trial *t) { return global(t, false); }

/* ---- resizing: positions as floating-point numbers ---- */

enum where { FLOOR, EXACT, HALF, ALIGN, ASYMMETRIC };

static double position(enum where w, int64_t o, int64_t n, int64_t m)
{
	double x = (double)o, scale = (double)n / (double)m;

	switch (w) {
	case FLOOR: return floor(x * scale + 1e-9);
	case EXACT: return floor((x + 0.5) * scale + 1e-9);
	case HALF: return fmax((x + 0.5) * scale - 0.5, 0);
	case ALIGN: return m > 1 ? x * (double)(n - 1) / (double)(m - 1) : 0;
	default: return x * scale;
	}
}

static double resized(const struct trial *t, enum where w)
{
	static const char *const outs[] = { "E", "P", "Q" };
	struct dims d = dims_of(t);
	int64_t lo[3], hi[3], at[3];
	double part[3], sum = 0;

	for (int i = 0; i < 3; i++) {
		double x = i < 3 - d.rank ? 0 : position(w, d.v[i].o, d.v[i].n,
			SIZE(outs[i]));

		lo[i] = (int64_t)floor(x + 1e-9);
		part[i] = fabs(x - (double)lo[i]) < 1e-8 ? 0 :
			x - (double)lo[i];
		hi[i] = lo[i] + 1 < d.v[i].n ? lo[i] + 1 : d.v[i].n - 1;
	}
	for (int corner = 0; corner < 8; corner++) {
		double weight = 1;

		for (int i = 0; i < 3; i++) {
			at[i] = corner >> i & 1 ? hi[i] : lo[i];
			weight *= corner >> i & 1 ? part[i] : 1 - part[i];
		}
		sum += weight * image(t, &d, 0, t->at[0], t->at[1], at, NAN);
	}
	return sum;
}

static double nearest(const struct trial *t) { return resized(t, FLOOR); }
static double exact(const struct trial *t) { return resized(t, EXACT); }
static double linear(const struct trial *t) { return resized(t, HALF); }
static double aligned(const struct trial *t) { return resized(t, ALIGN); }
static double asymmetric(const struct trial *t) { return resized(t, ASYMMETRIC); }

#define C2 "N = 2, C = 6, H = 9, W = 8, F = 4, R = 3, S = 2"
#define C2_MORE "SH = 2, SW = 1, PH = 2, PW = 1, DH = 2, DW = 3, G = 2"
#define P2 "N = 2, C = 3, H = 9, W = 8"
#define P2_MORE "R = 3, S = 2, SH = 2, SW = 1, PH = 1, PW = 1"

const struct stdlib_case stdlib_windows[] = {
	CASE("conv.conv1d[N = 2, C = 6, W = 11, F = 4, S = 3, SW = 2, PW = 2, "
		"DW = 2, G = 2]", conv),
	CASE("conv.conv2d[" C2 "]", conv),
	CASE("conv.conv2d[" C2 ", " C2_MORE "]", conv),
	CASE("conv.conv3d[N = 1, C = 4, D = 5, H = 4, W = 6, F = 6, U = 2, R = 3, "
		"S = 2, SD = 2, SH = 1, SW = 2, PD = 1, PH = 1, DW = 2, G = 2]",
		conv),
	CASE("conv.conv1d_bias[N = 2, C = 3, W = 9, F = 4, S = 3]", conv_bias),
	CASE("conv.conv2d_bias[" C2 ", " C2_MORE "]", conv_bias),
	CASE("conv.conv3d_bias[N = 1, C = 2, D = 3, H = 4, W = 3, F = 3, U = 2, "
		"R = 2, S = 2, PD = 1]", conv_bias),
	CASE("conv.conv2d_bias_relu[" C2 "]", conv_relu),
	WIDE("conv.conv2d_bias_relu6[" C2 "]", conv_relu6),
	CASE("conv.conv2d_bias_silu[" C2 "]", conv_silu),
	CASE("conv.conv2d_bias_add_relu[" C2 ", " C2_MORE "]", conv_add_relu),
	CASE("conv.depthwise1d[N = 2, C = 3, W = 9, S = 3, SW = 2, PW = 1]",
		depthwise),
	CASE("conv.depthwise2d[N = 2, C = 3, H = 7, W = 8, R = 3, S = 2, SH = 2, "
		"PH = 1, DW = 3, PW = 1]", depthwise),
	CASE("conv.depthwise3d[N = 1, C = 3, D = 4, H = 5, W = 4, U = 2, R = 3, "
		"S = 2, PD = 1, SW = 2]", depthwise),
	WIDE("conv.depthwise2d_bias_relu6[N = 2, C = 3, H = 5, W = 6, R = 3, S = 3, "
		"PH = 1, PW = 1]", depthwise_relu6),
	CASE("conv.conv_transpose1d[N = 2, C = 4, W = 5, K = 3, S = 3, SW = 2, "
		"PW = 1, OW = 1, G = 2]", transposed),
	CASE("conv.conv_transpose2d[N = 1, C = 4, H = 3, W = 4, K = 2, R = 3, S = 2, "
		"SH = 2, SW = 3, PH = 1, OH = 1, DW = 2, G = 2]", transposed),
	CASE("conv.conv_transpose2d[N = 1, C = 2, H = 4, W = 3, K = 3, R = 3, S = 2, "
		"SH = 3, DH = 2, PH = 2, PW = 1]", transposed),
	CASE("conv.conv_transpose3d[N = 1, C = 2, D = 2, H = 3, W = 2, K = 2, U = 2, "
		"R = 3, S = 2, SD = 2, SH = 2, SW = 2, PH = 1, DD = 3, DW = 2]",
		transposed),
	CASE("conv.capsule2d[N = 1, H = 5, W = 4, I = 4, K = 4, C = 2, R = 3, S = 3, "
		"J = 4, F = 3, SH = 2, PH = 1, PW = 1]", capsule),

	CASE("pool.max_pool1d[N = 2, C = 3, W = 9, S = 3, PW = 1]", max_pool),
	CASE("pool.max_pool2d[" P2 ", " P2_MORE ", DH = 2]", max_pool),
	CASE("pool.max_pool3d[N = 1, C = 2, D = 4, H = 5, W = 6, U = 2, R = 2, S = 3]",
		max_pool),
	CASE("pool.max_pool2d_indices[" P2 ", " P2_MORE "]",
		max_pool, max_index),
	CASE("pool.avg_pool1d[N = 2, C = 3, W = 9, S = 3, PW = 2]", avg_pool),
	CASE("pool.avg_pool2d[" P2 ", " P2_MORE "]", avg_pool),
	CASE("pool.avg_pool2d[" P2 ", " P2_MORE ", count_include_pad = 0]",
		avg_pool),
	CASE("pool.avg_pool3d[N = 1, C = 2, D = 4, H = 5, W = 6, U = 2, R = 2, S = 3, "
		"PD = 1, PW = 2, count_include_pad = 0]", avg_pool),
	CASE("pool.lp_pool2d[" P2 ", " P2_MORE "]", lp_pool),
	CASE("pool.adaptive_avg_pool1d[N = 2, C = 3, W = 11, Q = 4]",
		adaptive_avg),
	CASE("pool.adaptive_avg_pool2d[" P2 ", P = 4, Q = 3]", adaptive_avg),
	CASE("pool.adaptive_max_pool2d[" P2 ", P = 4, Q = 3]", adaptive_max),
	CASE("pool.global_avg_pool1d[N = 4, C = 3, W = 9]", global_avg),
	CASE("pool.global_avg_pool2d[N = 4, C = 3, H = 3, W = 5]", global_avg),
	CASE("pool.global_avg_pool3d[N = 4, C = 3, D = 2, H = 3, W = 2]",
		global_avg),
	CASE("pool.global_max_pool1d[N = 4, C = 3, W = 4]", global_max),
	CASE("pool.global_max_pool2d[N = 4, C = 3, H = 2, W = 3]", global_max),
	CASE("pool.global_max_pool3d[N = 4, C = 3, D = 2, H = 1, W = 2]",
		global_max),

	CASE("resize.nearest1d[N = 2, C = 3, W = 7, Q = 10]", nearest),
	CASE("resize.nearest2d[" P2 ", P = 4, Q = 21]", nearest),
	CASE("resize.nearest3d[N = 1, C = 2, D = 3, H = 4, W = 5, E = 5, P = 3, "
		"Q = 10]", nearest),
	CASE("resize.nearest_exact2d[" P2 ", P = 4, Q = 21]", exact),
	CASE("resize.upsample_nearest2d[" P2 ", FH = 2, FW = 3]", nearest),
	CASE("resize.linear1d[N = 2, C = 3, W = 7, Q = 10]", linear),
	CASE("resize.bilinear2d[" P2 ", P = 4, Q = 21]", linear),
	CASE("resize.bilinear2d[" P2 ", P = 18, Q = 5]", linear),
	CASE("resize.trilinear3d[N = 1, C = 2, D = 3, H = 4, W = 5, E = 5, P = 3, "
		"Q = 10]", linear),
	CASE("resize.linear1d_align[N = 2, C = 3, W = 7, Q = 10]", aligned),
	CASE("resize.bilinear2d_align[" P2 ", P = 1, Q = 21]", aligned),
	CASE("resize.bilinear2d_align[" P2 ", P = 13, Q = 3]", aligned),
	CASE("resize.bilinear2d_asymmetric[" P2 ", P = 4, Q = 21]", asymmetric),
	{0}
};
