/* SPDX-License-Identifier: MIT */
/* std.shape, std.layout and std.gather as formulas. Where an operator moves
 * elements, the formula looks for the element that goes to the output's place,
 * or reads as the definition in NumPy's terms would. */
#include <math.h>
#include <string.h>

#include "stdlib_cases.h"

static double same(const struct trial *t) { return trial_read(t, 0, t->at, 0); }

static int64_t extent(const struct trial *t, int input, int dim)
{
	return t->o->tensors[input].dims[dim];
}

static bool called(const struct trial *t, const char *what)
{
	return strstr(t->name, what) != NULL;
}

/* ---- padding: one step at a time from the output's place into the image ---- */

static double padded(const struct trial *t)
{
	int rank = t->o->tensors[0].rank;
	int64_t at[4] = { t->at[0], t->at[1] };

	for (int i = 2; i < rank; i++) {
		bool h = rank == 4 && i == 2;
		int64_t n = extent(t, 0, i);

		at[i] = t->at[i] - SIZE(h ? "H0" : "W0");
		while (at[i] < 0 || at[i] >= n) {
			bool low = at[i] < 0;

			if (called(t, "constant"))
				return (double)SIZE("value");
			if (called(t, "replication"))
				at[i] += low ? 1 : -1;
			else if (called(t, "circular"))
				at[i] += low ? n : -n;
			else
				at[i] = low ? -at[i] : 2 * (n - 1) - at[i];
		}
	}
	return trial_read(t, 0, at, NAN);
}

/* ---- one axis: which it is, from the operator's name ---- */

static int axis_of(const struct trial *t)
{
	return called(t, "_first") ? 0 : 1;
}

/* Input "input" at the output's place, but "i" along the axis. */
static double along(const struct trial *t, int input, int64_t i)
{
	int64_t at[3] = { t->at[0], t->at[1],
		t->o->tensors[input].rank > 2 ? t->at[2] : 0 };

	at[axis_of(t)] = i;
	return trial_read(t, input, at, NAN);
}

static double concat(const struct trial *t)
{
	int64_t i = t->at[axis_of(t)];
	int input = 0;

	while (i >= extent(t, input, axis_of(t)))
		i -= extent(t, input++, axis_of(t));
	return along(t, input, i);
}

static double stack(const struct trial *t)
{
	return t->at[0] ? IN(1, t->at[1]) : IN(0, t->at[1]);
}

static double slice(const struct trial *t)
{
	int64_t i = SIZE("start");

	for (int64_t k = t->at[axis_of(t)]; k > 0; k--)
		i += SIZE("by");
	return i < SIZE("stop") ? along(t, 0, i) : NAN;
}

static double moved(const struct trial *t)
{
	int64_t n = extent(t, 0, axis_of(t)), i = t->at[axis_of(t)];

	FOR(k, n) {
		bool hit = called(t, "flip") ? k + i == n - 1 :
			called(t, "roll") ? (k + SIZE("shift")) % n == i :
			called(t, "tile") ? (i - k) % n == 0 :
			i >= k * SIZE("R") && i < (k + 1) * SIZE("R");

		if (hit)
			return along(t, 0, k);
	}
	return NAN;
}

/* y[i0, i1, ..] = x[..] where axis j of y is axis p[j] of x. */
static double permuted(const struct trial *t)
{
	const char *p = called(t, "permute") ? strchr(t->name, '_') + 1 :
		called(t, "batched") ? "021" : "10";
	int64_t at[4];

	for (int j = 0; p[j]; j++)
		at[p[j] - '0'] = t->at[j];
	return trial_read(t, 0, at, NAN);
}

/* ---- blocks ---- */

static double from_blocks(const struct trial *t)
{
	int64_t b = SIZE("B"), k = SIZE("C") / (b * b);
	bool crd = !called(t, "depth_to_space") || called(t, "crd");

	FOR(c, k)
		FOR(i, b)
			FOR(j, b)
				FOR(h, SIZE("H"))
					FOR(w, SIZE("W"))
		if (c == t->at[1] && h * b + i == t->at[2] &&
		    w * b + j == t->at[3])
			return IN(0, t->at[0], crd ? (c * b + i) * b + j :
				(i * b + j) * k + c, h, w);
	return NAN;
}

static double to_blocks(const struct trial *t)
{
	int64_t b = SIZE("B"), n = SIZE("C");
	bool crd = called(t, "pixel");

	FOR(c, n)
		FOR(h, SIZE("H"))
			FOR(w, SIZE("W")) {
		int64_t i = h % b, j = w % b;

		if (h / b == t->at[2] && w / b == t->at[3] && t->at[1] ==
		    (crd ? (c * b + i) * b + j : (i * b + j) * n + c))
			return IN(0, t->at[0], c, h, w);
	}
	return NAN;
}

/* Reshape to [G, C/G], transpose, flatten. */
static double channel_shuffle(const struct trial *t)
{
	int64_t g = SIZE("G"), each = SIZE("C") / g;

	FOR(i, g)
		FOR(j, each)
			if (j * g + i == t->at[1])
				return IN(0, t->at[0], i * each + j, t->at[2],
					t->at[3]);
	return NAN;
}

static double im2col(const struct trial *t)
{
	int64_t row = 0;

	FOR(n, SIZE("N"))
		FOR(p, SIZE("P"))
			FOR(q, SIZE("Q")) {
		int64_t column = 0;

		if (row++ != t->at[0])
			continue;
		FOR(c, SIZE("C"))
			FOR(r, SIZE("R"))
				FOR(s, SIZE("S"))
					if (column++ == t->at[1])
						return IN(0, n, c,
							p * SIZE("SH") +
							r * SIZE("DH") -
							SIZE("PH"),
							q * SIZE("SW") +
							s * SIZE("DW") -
							SIZE("PW"));
	}
	return NAN;
}

static double diagonal(const struct trial *t)
{
	return IN(0, t->at[0], t->at[0]);
}

static double triangle(const struct trial *t)
{
	int64_t above = t->at[1] - t->at[0];

	return (called(t, "tril") ? above > SIZE("k") : above < SIZE("k")) ? 0 :
		same(t);
}

/* ---- gathers ---- */

static int64_t id(const struct trial *t, int input, int64_t i, int64_t j)
{
	int rank = t->o->tensors[input].rank;

	return (int64_t)(rank == 1 ? IN(input, i) : IN(input, i, j));
}

static double embedding(const struct trial *t)
{
	return IN(0, id(t, 1, t->at[0], 0), t->at[1]);
}

static double embedding_bag(const struct trial *t)
{
	double sum = 0;

	FOR(k, SIZE("K"))
		sum += IN(0, id(t, 1, t->at[0], k), t->at[1]);
	return sum;
}

static double take(const struct trial *t)
{
	return along(t, 0, id(t, 1, t->at[axis_of(t)], 0));
}

static double take_along(const struct trial *t)
{
	return along(t, 0, id(t, 1, t->at[0], t->at[1]));
}

static double gather_nd(const struct trial *t)
{
	return IN(0, id(t, 1, t->at[0], 0), id(t, 1, t->at[0], 1));
}

static double one_hot(const struct trial *t)
{
	return id(t, 0, t->at[0], 0) == t->at[1];
}

#define PAD1 "N = 2, C = 2, W = 5, W0 = 3, W1 = 2"
#define PAD2 "N = 2, C = 2, H = 4, W = 5, H0 = 1, H1 = 3, W0 = 4, W1 = 0"
#define PADS(name) \
	CASE("shape." name "_pad1d[" PAD1 "]", padded), \
	CASE("shape." name "_pad2d[" PAD2 "]", padded)
#define AXES(name, values, f) \
	CASE("shape." name "_last[M = 3, N = 10" values "]", f), \
	CASE("shape." name "_first[M = 10, N = 3" values "]", f)
#define ALL_AXES(name, values, f) AXES(name, values, f), \
	CASE("shape." name "_middle[K = 2, M = 10, N = 3" values "]", f)
#define CONCATS(name, values) \
	CASE("shape." name "_last[M = 3, " values "]", concat), \
	CASE("shape." name "_first[N = 3, " values "]", concat), \
	CASE("shape." name "_middle[K = 2, N = 3, " values "]", concat)
#define PERMUTE3(p) \
	CASE("shape.permute_" p "[I = 2, J = 3, K = 4]", permuted)
#define PERMUTE4(p) \
	CASE("shape.permute_" p "[I = 2, J = 3, K = 4, L = 5]", permuted)
#define IMAGE "N = 2, C = 8, H = 4, W = 6"

const struct stdlib_case stdlib_places[] = {
	PADS("replication"), PADS("reflection"), PADS("circular"),
	CASE("shape.constant_pad1d[" PAD1 ", value = 3]", padded),
	CASE("shape.constant_pad2d[" PAD2 ", value = 3]", padded),
	CASE("shape.constant_pad2d[N = 2, C = 2, H = 5, W = 5, H0 = -2, W1 = -1]",
		padded),
	CONCATS("concat", "I = 4, J = 2"),
	CONCATS("concat3", "I = 4, J = 2, L = 1"),
	CONCATS("concat4", "I = 4, J = 2, L = 1, O = 3"),
	CASE("shape.stack[N = 7]", stack),
	ALL_AXES("slice", ", start = 2, stop = 9, by = 3", slice),
	ALL_AXES("flip", "", moved),
	ALL_AXES("roll", ", shift = 3", moved),
	AXES("tile", ", R = 3", moved),
	AXES("repeat", ", R = 3", moved),
	CASE("shape.transpose[M = 3, N = 5]", permuted),
	CASE("shape.transpose_batched[Z = 2, M = 3, N = 5]", permuted),
	PERMUTE3("021"), PERMUTE3("102"), PERMUTE3("120"), PERMUTE3("201"),
	PERMUTE3("210"), PERMUTE4("0213"), PERMUTE4("0231"), PERMUTE4("0312"),
	PERMUTE4("0321"), PERMUTE4("0132"), PERMUTE4("1023"), PERMUTE4("2301"),
	PERMUTE4("3210"),
	CASE("shape.depth_to_space[" IMAGE ", B = 2]", from_blocks),
	CASE("shape.depth_to_space_crd[" IMAGE ", B = 2]", from_blocks),
	CASE("shape.pixel_shuffle[" IMAGE ", B = 2]", from_blocks),
	CASE("shape.space_to_depth[" IMAGE ", B = 2]", to_blocks),
	CASE("shape.pixel_unshuffle[" IMAGE ", B = 2]", to_blocks),
	CASE("shape.channel_shuffle[" IMAGE ", G = 4]", channel_shuffle),
	CASE("shape.im2col[N = 2, C = 2, H = 5, W = 6, R = 3, S = 2, SH = 2, "
		"PH = 1, DW = 2, PW = 1]", im2col),
	CASE("shape.diagonal[M = 4, N = 6]", diagonal),
	CASE("shape.tril[M = 4, N = 6, k = 1]", triangle),
	CASE("shape.triu[M = 4, N = 6, k = 1]", triangle),

	CASE("layout.nchw_to_nhwc[" IMAGE "]", same),
	CASE("layout.nhwc_to_nchw[" IMAGE "]", same),
	CASE("layout.nchw_to_nchwc[" IMAGE ", B = 4]", same),
	CASE("layout.nchwc_to_nchw[" IMAGE ", B = 4]", same),
	CASE("layout.nhwc_to_nchwc[" IMAGE ", B = 4]", same),
	CASE("layout.nchwc_to_nhwc[" IMAGE ", B = 4]", same),
	CASE("layout.ncdhw_to_ndhwc[N = 1, C = 2, D = 3, H = 4, W = 2]", same),
	CASE("layout.ndhwc_to_ncdhw[N = 1, C = 2, D = 3, H = 4, W = 2]", same),
	CASE("layout.nchw_to_nhwc_padded[N = 2, C = 3, H = 2, W = 3]", same),
	CASE("layout.row_to_column[M = 4, N = 6]", same),
	CASE("layout.weights_to_frsc[F = 2, C = 3, R = 3, S = 2]", same),

	CASE("gather.embedding[V = 5, D = 4, M = 7]", embedding),
	CASE("gather.embedding_bag[V = 5, D = 4, M = 7, K = 3]", embedding_bag),
	CASE("gather.take[M = 3, N = 7, J = 9]", take),
	CASE("gather.take_first[M = 7, N = 3, J = 9]", take),
	CASE("gather.take_middle[K = 2, M = 7, N = 3, J = 9]", take),
	CASE("gather.take_along[M = 3, N = 7, J = 9]", take_along),
	CASE("gather.take_along_first[M = 7, N = 3, J = 9]", take_along),
	CASE("gather.gather_nd[H = 3, W = 4, M = 10]", gather_nd),
	CASE("gather.one_hot[M = 9, V = 4]", one_hot),
	CASE("gather.permute_rows[M = 9, N = 3]", embedding),
	{0}
};
