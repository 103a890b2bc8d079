/* SPDX-License-Identifier: MIT */
/* std.norm, std.softmax, std.reduce and std.attention as formulas: what is computed
 * of many numbers together. */
#include <math.h>
#include <string.h>

#include "stdlib_cases.h"

/* ---- rows: the numbers that belong together, gathered first ---- */

enum { ROOM = 4096 };

struct row {
	double v[ROOM];
	int n;
};

static void put(struct row *r, double x)
{
	r->v[r->n++] = x;
}

static double sum_of(const struct row *r, int power, double less)
{
	double s = 0;

	for (int i = 0; i < r->n; i++)
		s += pow(r->v[i] - less, power);
	return s;
}

static double mean_of(const struct row *r) { return sum_of(r, 1, 0) / r->n; }

static double var_of(const struct row *r)
{
	return sum_of(r, 2, mean_of(r)) / r->n;
}

static double max_of(const struct row *r)
{
	double best = -INFINITY;

	for (int i = 0; i < r->n; i++)
		best = fmax(best, r->v[i]);
	return best;
}

static double soft(const struct row *r, double x)
{
	double s = 0;

	for (int i = 0; i < r->n; i++)
		s += exp(r->v[i]);
	return exp(x) / s;
}

/* ---- norms ---- */

static double self(const struct trial *t) { return trial_read(t, 0, t->at, NAN); }

/* x, or x + residual where the operator has one. */
static double joined(const struct trial *t, int64_t b, int64_t l)
{
	bool two = !strncmp(t->name, "add_", 4);

	return IN(0, b, l) + (two ? IN(1, b, l) : 0);
}

static struct row row_of(const struct trial *t)
{
	struct row r = {0};

	FOR(l, SIZE("L"))
		put(&r, joined(t, t->at[0], l));
	return r;
}

static double sum_here(const struct trial *t)
{
	return joined(t, t->at[0], t->at[1]);
}

static double layer_norm(const struct trial *t)
{
	struct row r = row_of(t);
	int g = t->o->n_inputs - 2;

	return (sum_here(t) - mean_of(&r)) / sqrt(var_of(&r) + 1e-5) *
		IN(g, t->at[1]) + IN(g + 1, t->at[1]);
}

static double row_mean(const struct trial *t)
{
	struct row r = row_of(t);

	return mean_of(&r);
}

static double row_rstd(const struct trial *t)
{
	struct row r = row_of(t);

	return 1 / sqrt(var_of(&r) + 1e-5);
}

static double rms_norm(const struct trial *t)
{
	struct row r = row_of(t);

	return sum_here(t) / sqrt(sum_of(&r, 2, 0) / r.n + 1e-6) *
		IN(t->o->n_inputs - 1, t->at[1]);
}

/* Of a head's projection. */
static double rms_heads(const struct trial *t)
{
	double here = 0, squares = 0;

	FOR(d, SIZE("D")) {
		double s = 0;

		FOR(k, SIZE("K"))
			s += IN(0, t->at[0], k) * IN(1, t->at[1], d, k);
		squares += s * s;
		here = d == t->at[2] ? s : here;
	}
	return here / sqrt(squares / (double)SIZE("D") + 1e-6) *
		IN(2, t->at[2]);
}

static double batch_norm(const struct trial *t)
{
	int64_t c = t->at[1];

	return (self(t) - IN(3, c)) / sqrt(IN(4, c) + 1e-5) * IN(1, c) + IN(2, c);
}

/* Elements of images n0 .. n1 and channels c0 .. c1. */
static struct row block_of(const struct trial *t, int64_t n0, int64_t n1,
	int64_t c0, int64_t c1)
{
	const struct ir_tensor *x = &t->o->tensors[0];
	int64_t each = x->elements / (x->dims[0] * x->dims[1]);
	struct row r = {0};

	for (int64_t n = n0; n < n1; n++)
		for (int64_t i = (n * x->dims[1] + c0) * each;
		     i < (n * x->dims[1] + c1) * each; i++)
			put(&r, dtype_load(x->type, t->data[0], i));
	return r;
}

static double normed(const struct trial *t, const struct row *r)
{
	return (self(t) - mean_of(r)) / sqrt(var_of(r) + 1e-5) *
		IN(1, t->at[1]) + IN(2, t->at[1]);
}

static double batch_train(const struct trial *t)
{
	struct row r = block_of(t, 0, SIZE("N"), t->at[1], t->at[1] + 1);

	return normed(t, &r);
}

static double batch_mean(const struct trial *t)
{
	struct row r = block_of(t, 0, SIZE("N"), t->at[0], t->at[0] + 1);

	return mean_of(&r);
}

static double batch_var(const struct trial *t)
{
	struct row r = block_of(t, 0, SIZE("N"), t->at[0], t->at[0] + 1);

	return var_of(&r);
}

static double group_norm(const struct trial *t)
{
	int64_t each = SIZE("C") / SIZE("G"), g = t->at[1] / each * each;
	struct row r = block_of(t, t->at[0], t->at[0] + 1, g, g + each);

	return normed(t, &r);
}

static double instance_norm(const struct trial *t)
{
	struct row r = block_of(t, t->at[0], t->at[0] + 1, t->at[1],
		t->at[1] + 1);

	return normed(t, &r);
}

static double l2_normalize(const struct trial *t)
{
	struct row r = row_of(t);

	return self(t) / sqrt(sum_of(&r, 2, 0));
}

/* torch.nn.LocalResponseNorm: K/2 channels before, the rest behind. */
static double lrn(const struct trial *t)
{
	int64_t k = SIZE("K");
	double ss = 0;

	for (int64_t c = t->at[1] - k / 2; c < t->at[1] - k / 2 + k; c++)
		ss += pow(IN(0, t->at[0], c, t->at[2], t->at[3]), 2);
	return self(t) / pow(1 + 1e-4 * ss / (double)k, 0.75);
}

/* ---- softmax ---- */

static double softmax(const struct trial *t)
{
	struct row r = row_of(t);

	return soft(&r, self(t));
}

static double log_softmax(const struct trial *t)
{
	return log(softmax(t));
}

static double softmin(const struct trial *t)
{
	struct row r = row_of(t);

	for (int i = 0; i < r.n; i++)
		r.v[i] = -r.v[i];
	return soft(&r, -self(t));
}

static double softmax_axis(const struct trial *t)
{
	struct row r = {0};

	FOR(l, SIZE("L"))
		put(&r, IN(0, t->at[0], l, t->at[2]));
	return soft(&r, self(t));
}

static double log_softmax_axis(const struct trial *t)
{
	return log(softmax_axis(t));
}

static double softmax_causal(const struct trial *t)
{
	int64_t seen = t->at[1] + SIZE("L") - SIZE("M") + 1;
	struct row r = {0};

	FOR(j, seen)
		put(&r, IN(0, t->at[0], t->at[1], j));
	return t->at[2] < seen ? soft(&r, self(t)) : 0;
}

static double softmax_masked(const struct trial *t)
{
	struct row r = {0};

	FOR(j, SIZE("L"))
		put(&r, IN(0, t->at[0], t->at[1], j) + IN(1, t->at[1], j));
	return soft(&r, self(t) + IN(1, t->at[1], t->at[2]));
}

/* ---- reductions: name and part ---- */

static struct row part_of(const struct trial *t)
{
	struct row r = {0};

	if (strstr(t->name, "_first"))
		FOR(i, SIZE("M"))
			put(&r, IN(0, i, t->at[0]));
	else if (strstr(t->name, "_middle"))
		FOR(i, SIZE("M"))
			put(&r, IN(0, t->at[0], i, t->at[1]));
	else if (strstr(t->name, "_all"))
		FOR(i, SIZE("N"))
			put(&r, IN(0, i));
	else
		FOR(i, SIZE("N"))
			put(&r, IN(0, t->at[0], i));
	return r;
}

static double first_extreme(const struct row *r, int sign)
{
	int best = 0;

	for (int i = 1; i < r->n; i++)
		if (sign * r->v[i] > sign * r->v[best])
			best = i;
	return best;
}

static bool is(const struct trial *t, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(t->name, name, n) && (!t->name[n] ||
		!strncmp(t->name + n, "_first", 6) ||
		!strncmp(t->name + n, "_middle", 7) ||
		!strcmp(t->name + n, "_all"));
}

static double each_of(const struct row *r, const char *what)
{
	double s = 0, p = 1;

	for (int i = 0; i < r->n; i++) {
		s += *what == 'e' ? exp(r->v[i]) : fabs(r->v[i]);
		p *= r->v[i];
	}
	return *what == 'p' ? p : s;
}

static double reduced(const struct trial *t)
{
	struct row r = part_of(t);

	if (is(t, "sum"))
		return sum_of(&r, 1, 0);
	if (is(t, "mean"))
		return mean_of(&r);
	if (is(t, "prod"))
		return each_of(&r, "product");
	if (is(t, "max"))
		return max_of(&r);
	if (is(t, "min"))
		return r.v[(int)first_extreme(&r, -1)];
	if (is(t, "argmax"))
		return first_extreme(&r, 1);
	if (is(t, "argmin"))
		return first_extreme(&r, -1);
	if (is(t, "var"))
		return var_of(&r) * r.n / (r.n - 1);
	if (is(t, "std"))
		return sqrt(var_of(&r) * r.n / (r.n - 1));
	if (is(t, "norm1"))
		return each_of(&r, "absolute");
	if (is(t, "norm2"))
		return sqrt(sum_of(&r, 2, 0));
	if (is(t, "sum_squares"))
		return sum_of(&r, 2, 0);
	if (is(t, "logsumexp"))
		return log(each_of(&r, "exponential"));
	if (is(t, "any"))
		return max_of(&r) > 0;
	return is(t, "all") ? r.v[(int)first_extreme(&r, -1)] : NAN;
}

static double uncorrected(const struct trial *t)
{
	struct row r = part_of(t);

	return var_of(&r);
}

/* ---- attention ---- */

/* Score of query and key, or -inf where one does not see the other. */
static double score(const struct trial *t, int64_t b, int64_t h, int64_t i,
	int64_t j)
{
	int64_t kv = h / (SIZE("H") / SIZE("J")), depth = SIZE("D");
	double s = 0;

	FOR(d, depth)
		s += IN(0, b, h, i, d) * IN(1, b, kv, j, d);
	s /= sqrt((double)depth);
	if (strstr(t->name, "_causal") && j > i + SIZE("L") - SIZE("M"))
		return -INFINITY;
	return strstr(t->name, "_masked") ? s + IN(3, i, j) : s;
}

static double sdpa(const struct trial *t)
{
	const int64_t *a = t->at;
	struct row r = {0};
	double sum = 0;

	FOR(j, SIZE("L"))
		put(&r, score(t, a[0], a[1], a[2], j));
	FOR(k, SIZE("L"))
		sum += soft(&r, r.v[k]) * IN(2, a[0], a[1] / (SIZE("H") /
			SIZE("J")), k, a[3]);
	return sum;
}

static double attention(const struct trial *t)
{
	struct row r = {0};
	double sum = 0;

	FOR(j, SIZE("L")) {
		double s = 0;

		FOR(d, SIZE("D"))
			s += IN(0, t->at[0], d) * IN(1, j, d);
		put(&r, s / sqrt((double)SIZE("D")));
	}
	FOR(k, SIZE("L"))
		sum += soft(&r, r.v[k]) * IN(2, k, t->at[1]);
	return sum;
}

/* Element "d" of key l, or value, of sequence b, of those that head h has. */
static double paged(const struct trial *t, int cache, int64_t b, int64_t h,
	int64_t l, int64_t d)
{
	int64_t page = (int64_t)IN(3, b, l / SIZE("R"));

	return IN(cache, page, h / (SIZE("H") / SIZE("J")), l % SIZE("R"), d);
}

/* How many keys query "i" of sequence b sees. */
static int64_t seen_of(const struct trial *t, int64_t b, int64_t i)
{
	if (strstr(t->name, "_causal"))
		return (int64_t)IN(4, b) - SIZE("M") + i + 1;
	return strstr(t->name, "_lengths") ? (int64_t)IN(4, b) : SIZE("N") *
		SIZE("R");
}

static double paged_attention(const struct trial *t)
{
	bool rows = strstr(t->name, "_causal") != NULL;
	int64_t b = t->at[0], h = t->at[1], i = rows ? t->at[2] : 0;
	int64_t c = t->at[rows ? 3 : 2];
	struct row r = {0};
	double sum = 0;

	FOR(l, SIZE("N") * SIZE("R")) {
		double s = 0;

		FOR(d, SIZE("D"))
			s += (rows ? IN(0, b, h, i, d) : IN(0, b, h, d)) *
				paged(t, 1, b, h, l, d);
		put(&r, l < seen_of(t, b, i) ? s / sqrt((double)SIZE("D")) :
			-INFINITY);
	}
	FOR(k, SIZE("N") * SIZE("R"))
		sum += soft(&r, r.v[k]) * paged(t, 2, b, h, k, c);
	return sum;
}

/* Pairs are turned as complex numbers: (x, y) * (c + i s). */
static double rope(const struct trial *t)
{
	const int64_t *a = t->at;
	bool near = strstr(t->name, "interleaved") != NULL;
	int64_t k = near ? a[3] / 2 : a[3] % SIZE("K");
	bool imaginary = near ? a[3] % 2 : a[3] >= SIZE("K");
	double x = IN(0, a[0], a[1], a[2], near ? 2 * k : k);
	double y = IN(0, a[0], a[1], a[2], near ? 2 * k + 1 : k + SIZE("K"));
	double c = IN(1, a[2], k), s = IN(2, a[2], k);

	return imaginary ? x * s + y * c : x * c - y * s;
}

static double split_heads(const struct trial *t)
{
	int64_t d = SIZE("C") / SIZE("H");

	FOR(i, SIZE("C"))
		if (i / d == t->at[1] && i % d == t->at[3])
			return IN(0, t->at[0], t->at[2], i);
	return NAN;
}

static double merge_heads(const struct trial *t)
{
	FOR(h, SIZE("H"))
		FOR(d, SIZE("D"))
			if (h * SIZE("D") + d == t->at[2])
				return IN(0, t->at[0], h, t->at[1], d);
	return NAN;
}

#define ROWS "B = 5, L = 9"
#define IMAGE "N = 3, C = 6, H = 2, W = 5"
#define PAGES "Z = 3, H = 4, J = 2, P = 9, R = 2, N = 3, D = 4, E = 3"
#define HEADS "Z = 2, H = 4, J = 2, M = 3, L = 5, D = 4, E = 3"
#define TRUTHS(name) \
	CASE("reduce." name "[M = 12, N = 2]", reduced), \
	CASE("reduce." name "_first[M = 2, N = 12]", reduced), \
	CASE("reduce." name "_middle[K = 3, M = 2, N = 4]", reduced), \
	CASE("reduce." name "_all[N = 2]", reduced)
#define PARTS(module, name) \
	CASE(module "." name "[M = 12, N = 5]", reduced), \
	CASE(module "." name "_first[M = 5, N = 12]", reduced), \
	CASE(module "." name "_middle[K = 3, M = 5, N = 4]", reduced), \
	CASE(module "." name "_all[N = 9]", reduced)

const struct stdlib_case stdlib_rows[] = {
	CASE("norm.layer_norm[" ROWS "]", layer_norm),
	CASE("norm.layer_norm_stats[" ROWS "]", layer_norm, row_mean, row_rstd),
	CASE("norm.add_layer_norm[" ROWS "]", layer_norm, sum_here),
	CASE("norm.rms_norm[" ROWS "]", rms_norm),
	CASE("norm.rms_heads[M = 3, K = 5, H = 2, D = 4]", rms_heads),
	CASE("norm.add_rms_norm[" ROWS "]", rms_norm, sum_here),
	POSITIVE("norm.batch_norm1d[N = 3, C = 4, W = 5]", batch_norm),
	POSITIVE("norm.batch_norm2d[" IMAGE "]", batch_norm),
	CASE("norm.batch_norm1d_train[N = 3, C = 4, W = 5]",
		batch_train, batch_mean, batch_var),
	CASE("norm.batch_norm2d_train[" IMAGE "]",
		batch_train, batch_mean, batch_var),
	CASE("norm.group_norm[" IMAGE ", G = 3]", group_norm),
	CASE("norm.group_norm[" IMAGE ", G = 1]", group_norm),
	CASE("norm.instance_norm2d[" IMAGE "]", instance_norm),
	CASE("norm.l2_normalize[" ROWS "]", l2_normalize),
	CASE("norm.local_response_norm[" IMAGE "]", lrn),
	CASE("norm.local_response_norm[" IMAGE ", K = 4]", lrn),

	CASE("softmax.softmax[" ROWS "]", softmax),
	CASE("softmax.log_softmax[" ROWS "]", log_softmax),
	CASE("softmax.softmin[" ROWS "]", softmin),
	CASE("softmax.softmax_axis[K = 3, L = 5, B = 4]", softmax_axis),
	CASE("softmax.log_softmax_axis[K = 3, L = 5, B = 4]", log_softmax_axis),
	CASE("softmax.softmax_causal[Z = 2, M = 3, L = 5]", softmax_causal),
	CASE("softmax.softmax_masked[Z = 2, M = 3, L = 5]", softmax_masked),

	PARTS("reduce", "sum"), PARTS("reduce", "mean"),
	PARTS("reduce", "prod"), PARTS("reduce", "max"),
	PARTS("reduce", "min"), PARTS("reduce", "argmax"),
	PARTS("reduce", "argmin"), PARTS("reduce", "var"),
	PARTS("reduce", "std"), PARTS("reduce", "norm1"),
	PARTS("reduce", "norm2"), PARTS("reduce", "sum_squares"),
	PARTS("reduce", "logsumexp"), TRUTHS("any"), TRUTHS("all"),
	CASE("reduce.var[M = 12, N = 5, correction = 0]", uncorrected),

	CASE("attention.attention[M = 4, L = 5, D = 4, E = 3]", attention),
	CASE("attention.scaled_dot_product_attention[" HEADS "]", sdpa),
	CASE("attention.scaled_dot_product_attention_causal[" HEADS "]", sdpa),
	CASE("attention.scaled_dot_product_attention_masked[" HEADS "]", sdpa),
	CASE("attention.paged_attention[" PAGES "]", paged_attention),
	CASE("attention.paged_attention_lengths[" PAGES "]", paged_attention),
	CASE("attention.paged_attention_causal[M = 2, " PAGES "]",
		paged_attention),
	CASE("attention.rope[Z = 2, H = 2, M = 3, D = 6, K = 3]", rope),
	CASE("attention.rope_interleaved[Z = 2, H = 2, M = 3, D = 6, K = 3]",
		rope),
	CASE("attention.split_heads[Z = 2, M = 3, C = 6, H = 3]", split_heads),
	CASE("attention.merge_heads[Z = 2, H = 3, M = 2, D = 4]", merge_heads),
	{0}
};
