/* SPDX-License-Identifier: MIT */
/* From levels of factors to operators for tensor cores, and lists of them that
 * have every pair. */
#include "tensor_cases.h"

#include <string.h>

#include "base/str.h"
#include "search/search.h"

static const struct tensor_type mma_types[] = {
	{ "f16", "f32", T_F16, NULL, "sm_75", "f16", NULL, NULL, T_NONE },
	{ "bf16", "f32", T_BF16, NULL, "sm_80", "bf16", NULL, NULL, T_NONE },
	{ "f32", "f32", T_F32, "tf32", "sm_80", "f16", NULL, NULL, T_NONE },
	{ "f32", "f32", T_F32, "3xtf32", "sm_80", "f16", NULL, NULL, T_NONE },
	{ "i8", "i32", T_I8, NULL, "sm_75", "i16", NULL, NULL, T_NONE },
	{ "u8", "i32", T_U8, NULL, "sm_75", "i8", NULL, NULL, T_NONE },
	{ "f64", "f64", T_F64, NULL, "sm_80", "f32", NULL, NULL, T_NONE },
	{ "e4m3", "f32", T_E4M3, NULL, "sm_89", "f16", NULL, "64", T_NONE },
	{ "e5m2", "f32", T_E5M2, NULL, "sm_89", "e5m2", NULL, "fast", T_NONE },
	{ "e4m3", "f32", T_E4M3, NULL, "sm_90", "f16", NULL, NULL, T_NONE },
};

static const struct tensor_type wgmma_types[] = {
	{ "f16", "f32", T_F16, NULL, "sm_90a", "f16", NULL, NULL, T_I8 },
	{ "bf16", "f32", T_BF16, NULL, "sm_90a", "bf16", NULL, NULL, T_F32 },
	{ "f32", "f32", T_F32, "tf32", "sm_90a", "f16", NULL, NULL, T_F16 },
	{ "f32", "f32", T_F32, "3xtf32", "sm_90a", "f16", NULL, NULL, T_F16 },
	{ "i8", "i32", T_I8, NULL, "sm_90a", "i16", NULL, NULL, T_I16 },
	{ "u8", "i32", T_U8, NULL, "sm_90a", "i8", NULL, NULL, T_I16 },
	{ "e4m3", "f32", T_E4M3, NULL, "sm_90a", "f16", NULL, "128", T_NONE },
	{ "e5m2", "f32", T_E5M2, NULL, "sm_90a", "e5m2", NULL, "fast", T_NONE },
	{ "e4m3", "f32", T_E4M3, NULL, "sm_90a", "bf16", "e5m2", "32", T_NONE },
};

/* Is the reduction innermost in the left and in the right factor? */
static const struct {
	bool left, right;
} layouts[] = { { true, true }, { true, false }, { false, true },
	{ false, false } };

enum ending { PLAIN, BIAS, RESIDUAL, NARROW, SEVERAL, ALONG_M };
static const char *const endings[] = { "plain", "bias and maximum", "residual",
	"rounded", "two outputs", "along m" };

static const struct tensor_pipeline mma_pipelines[] = { { 0, 1 }, { 0, 2 },
	{ 1, 2 }, { 1, 3 }, { 1, 5 } };
static const struct tensor_pipeline wgmma_pipelines[] = { { 0, 1 }, { 0, 2 },
	{ 1, 2 }, { 1, 3 }, { 1, 6 }, { 2, 2 }, { 2, 3 }, { 2, 5 }, { 2, 8 } };

static const struct tensor_tile wgmma_tiles[] = { { 64, 16, 128, 128 },
	{ 64, 8, 128, 64 }, { 64, 64, 128, 32 }, { 64, 96, 128, 64 },
	{ 128, 32, 128, 32 }, { 128, 48, 256, 64 }, { 192, 160, 384, 32 },
	{ 192, 96, 384, 64 }, { 256, 32, 512, 32 } };

static const struct tensor_split splits[] = { { 1, false, false, 0 },
	{ 3, false, false, 0 }, { 2, true, false, 0 }, { 4, true, false, 0 },
	{ 2, false, true, 5 }, { 3, false, true, 0 } };

/* Columns of a bulk store: none, some, all. */
static const int stores[] = { 0, 32, 256 };

/* More than whole tiles; "odd" leaves no vectors. */
enum edge { WHOLE, EDGE_M, EDGE_N, EDGE_K, EDGES, ODD };
static const char *const edges[] = { "whole", "m ragged", "n ragged",
	"k ragged", "all ragged", "odd" };

/* Wider tiles leave threads that copy no registers. */
enum { BULK_COLS = 128 };

#define COUNT(array) (int)(sizeof array / sizeof *array)

const struct tensor_family tensor_mma = { .sketch = "mma",
	.types = mma_types, .n_types = COUNT(mma_types),
	.pipelines = mma_pipelines, .n_pipelines = COUNT(mma_pipelines) };
const struct tensor_family tensor_wgmma = { .sketch = "wgmma",
	.types = wgmma_types, .n_types = COUNT(wgmma_types),
	.pipelines = wgmma_pipelines, .n_pipelines = COUNT(wgmma_pipelines),
	.tiles = wgmma_tiles, .n_tiles = COUNT(wgmma_tiles),
	.pairs_alone = true };

static int levels(const struct tensor_family *of, int factor)
{
	const int n[N_TENSOR_FACTORS] = { of->n_types, COUNT(layouts),
		COUNT(endings), of->n_pipelines, COUNT(splits), COUNT(edges), 2,
		of->tiles ? of->n_tiles : 1, of->tiles ? 2 : 1,
		of->tiles ? COUNT(stores) : 1, of->tiles ? 3 : 1,
		of->tiles ? N_WORK : 1 };

	return n[factor];
}

const struct tensor_type *tensor_type(const struct tensor_case *c)
{
	return &c->of->types[c->level[BY_TYPE]];
}

const struct tensor_pipeline *tensor_pipeline(const struct tensor_case *c)
{
	return &c->of->pipelines[c->level[BY_PIPELINE]];
}

const struct tensor_tile *tensor_tile(const struct tensor_case *c)
{
	return c->of->tiles ? &c->of->tiles[c->level[BY_TILE]] : NULL;
}

const struct tensor_split *tensor_split(const struct tensor_case *c)
{
	return &splits[c->level[BY_SPLIT]];
}

int tensor_store(const struct tensor_case *c)
{
	return stores[c->level[BY_STORE]];
}

int tensor_threads(const struct tensor_case *c)
{
	return c->level[BY_ROUNDS] == ROUNDS_PINGPONG ? 256 :
		tensor_tile(c)->threads;
}

bool tensor_in_registers(const struct tensor_case *c)
{
	return c->level[BY_WORK] >= WORK_NONE_REGISTER;
}

bool tensor_thrice(const struct tensor_case *c)
{
	const char *precision = tensor_type(c)->precision;

	return precision && !strcmp(precision, "3xtf32");
}

/* Does the reduction lie innermost in the factor of an instruction's rows, and of
 * its columns? */
static bool rows_inner(const struct tensor_case *c)
{
	return c->level[BY_SWAP] ? layouts[c->level[BY_LAYOUT]].right :
		layouts[c->level[BY_LAYOUT]].left;
}

static bool cols_inner(const struct tensor_case *c)
{
	return c->level[BY_SWAP] ? layouts[c->level[BY_LAYOUT]].left :
		layouts[c->level[BY_LAYOUT]].right;
}

/* Is a factor turned round on its way, one by one? Rows are not that come from
 * registers. Levels may be -1. */
static bool turns(const struct tensor_case *c)
{
	if (!c->of->pairs_alone || c->level[BY_LAYOUT] <= 0 ||
	    dtype_row(tensor_type(c)->dtype)->bits == 16)
		return false;
	if (!tensor_in_registers(c))
		return c->level[BY_WORK] >= 0;
	return c->level[BY_SWAP] >= 0 && !cols_inner(c);
}

static int bits_of(enum dtype t)
{
	return dtype_row(t)->bits;
}

/* Bytes of a stage of the tile, whose rows may be as they lie in memory, and whose
 * columns may be in two parts. */
static int stage_bytes_of(const struct tensor_case *c)
{
	const struct tensor_tile *t = tensor_tile(c);
	const struct tensor_type *type = tensor_type(c);
	int rows = t->rows * t->bytes;

	if (c->level[BY_WORK] == WORK_CONVERTED_REGISTER)
		rows = rows * bits_of(type->raw) / bits_of(type->dtype);
	return rows + t->cols * t->bytes * (c->of->tiles && tensor_thrice(c) ?
		2 : 1);
}

/* Bulk copies of rows that lie along the reduction are of 32 to 128 bytes each. */
static bool raw_rows_fit(const struct tensor_case *c)
{
	const struct tensor_type *type = tensor_type(c);
	int bytes = tensor_tile(c)->bytes * bits_of(type->raw) /
		bits_of(type->dtype);

	return tensor_pipeline(c)->async != 2 || !rows_inner(c) || (bytes >= 32 &&
		bytes <= 128);
}

/* What is computed on its way passes through registers, which 512 threads lack, and
 * 384 that also take f32 apart; fragments take turns within a chunk; and what is
 * converted needs room as it lies in memory. Levels may be -1. */
static bool work_can_be(const struct tensor_case *c)
{
	const int *l = c->level;
	bool tile = l[BY_TILE] >= 0, pipeline = l[BY_PIPELINE] >= 0;

	if (l[BY_TYPE] >= 0 && tensor_type(c)->promote && l[BY_WORK] > WORK_NONE)
		return false;
	if (l[BY_TYPE] >= 0 && tensor_thrice(c) && l[BY_WORK] >= 0 &&
	    l[BY_WORK] < WORK_NONE_REGISTER)
		return false;
	if (l[BY_TYPE] >= 0 && tensor_thrice(c) && tile &&
	    tensor_tile(c)->threads > 256 && l[BY_STORE] > 0)
		return false;
	if (l[BY_TYPE] >= 0 && tensor_thrice(c) && tile &&
	    (tensor_tile(c)->bytes < 64 || (pipeline &&
		!tensor_pipeline(c)->async && tensor_tile(c)->threads > 256)))
		return false;
	if (l[BY_WORK] == WORK_COMPUTED)
		return (!pipeline || !tensor_pipeline(c)->async) &&
			l[BY_ROUNDS] <= ROUNDS_NONE && (!tile ||
			(tensor_tile(c)->cols <= BULK_COLS &&
			tensor_tile(c)->threads <
				(l[BY_STORE] > 0 ? 384 : 512)));
	if (l[BY_WORK] < WORK_NONE_REGISTER)
		return true;
	if (tile && tensor_tile(c)->bytes < 64)
		return false;
	if (l[BY_WORK] == WORK_CONVERTED_REGISTER && pipeline &&
	    tensor_pipeline(c)->async && l[BY_EDGE] == ODD)
		return false;
	return !pipeline || !tile || l[BY_TYPE] < 0 || ((l[BY_LAYOUT] < 0 ||
		l[BY_SWAP] < 0 || l[BY_WORK] != WORK_CONVERTED_REGISTER ||
		raw_rows_fit(c)) && stage_bytes_of(c) *
		tensor_pipeline(c)->stages <= 220 << 10);
}

/* Asynchronous copies move 4 bytes or more, which neither odd sizes of narrow
 * types allow, nor what is turned round; bulk copies turn nothing. */
static bool copies(const struct tensor_case *c)
{
	bool narrow = dtype_row(tensor_type(c)->dtype)->bits < 32;

	switch (tensor_pipeline(c)->async) {
	case 0:	return true;
	case 1:	return !narrow || (c->level[BY_EDGE] != ODD && !turns(c));
	default: return !turns(c);
	}
}

/* Has each result two sums? */
static bool is_promoted(const struct tensor_case *c)
{
	const char *promote = tensor_type(c)->promote;

	return promote && strcmp(promote, "fast") != 0;
}

/* Bytes that go one by one take registers, too many of a large tile, or of 512
 * threads that have two sums of each result. */
static bool holds(const struct tensor_case *c)
{
	const struct tensor_tile *t = tensor_tile(c);

	return (t->bytes < 64 && t->cols <= 64 && !(is_promoted(c) &&
			t->threads == 512)) || (!turns(c) &&
		c->level[BY_EDGE] != ODD) ||
		dtype_row(tensor_type(c)->dtype)->bits > 8;
}

/* Do columns divide a power of two, or all threads? */
static bool is_even(const struct tensor_tile *t)
{
	return (t->cols & (t->cols - 1)) == 0 || t->threads % t->cols == 0;
}

/* Tiles that lie along columns are read in panels of 16, and those that threads
 * copy are dealt out evenly. */
static bool has_panels(const struct tensor_case *c)
{
	const struct tensor_tile *t = tensor_tile(c);

	return cols_inner(c) || ((turns(c) || t->cols % 16 == 0) &&
		(tensor_pipeline(c)->async == 2 || is_even(t)));
}

/* Beside all stages there is room for the sums that a cluster joins, padded
 * along either side. */
static bool has_room(const struct tensor_case *c)
{
	const struct tensor_tile *t = tensor_tile(c);
	int stages = tensor_pipeline(c)->stages * stage_bytes_of(c);

	return !tensor_split(c)->joined || stages + (t->rows + 8) *
		(t->cols + 8) * 4 <= 220 << 10;
}

/* Beside all stages there is room for what is stored at once: two parts of 64 rows
 * for each four warps, of elements of 4 bytes at most, or, of two outputs, of 4 and
 * 2. */
static bool has_room_to_store(const struct tensor_case *c)
{
	const struct tensor_tile *t = tensor_tile(c);
	int n = tensor_store(c) < t->cols ? tensor_store(c) : t->cols;
	int stages = tensor_pipeline(c)->stages * stage_bytes_of(c);
	int crews = c->level[BY_ROUNDS] == ROUNDS_PINGPONG ? 2 : 1;
	int groups = tensor_threads(c) / 128;
	int parts = t->rows / 64 * crews / groups * (t->cols / n);

	int elem = c->level[BY_ENDING] == SEVERAL ? 6 : 4;

	return stages + groups * (parts > 1 ? 2 : 1) * 64 * n * elem <=
		226 << 10;
}

/* Bulk stores are of whole rows that start at multiples of 16 bytes, and of
 * columns that divide the tile's in multiples of 16. What waits for them takes
 * registers, which 512 threads that copy one by one lack. Levels may be -1. */
static bool store_can_be(const struct tensor_case *c)
{
	const struct tensor_tile *t = tensor_tile(c);
	int n = tensor_store(c);

	if (!n)
		return true;
	if (c->level[BY_SPLIT] >= 0 && tensor_split(c)->joined)
		return false;
	if (c->level[BY_TILE] >= 0 && c->level[BY_PIPELINE] >= 0 &&
	    c->level[BY_ROUNDS] >= 0 && !has_room_to_store(c))
		return false;
	if (c->level[BY_TILE] >= 0 && c->level[BY_TYPE] >= 0 && turns(c) &&
	    t->threads == 512)
		return false;
	return c->level[BY_EDGE] != ODD && (c->level[BY_TILE] < 0 ||
		(t->cols % 16 == 0 && (n > t->cols || t->cols % n == 0)));
}

/* Four warps share out chunks where blocks are persistent; 384 threads with a tile
 * as large as there is have no registers for that and for bulk stores. Levels may
 * be -1. */
static bool streams_can_be(const struct tensor_case *c)
{
	const int *l = c->level;

	if (l[BY_SPLIT] < 0 || !tensor_split(c)->streams)
		return true;
	if (l[BY_TYPE] >= 0 && is_promoted(c))
		return false;
	if (!c->of->tiles)
		return true;
	if (l[BY_TILE] >= 0 && tensor_in_registers(c) &&
	    tensor_tile(c)->threads > 256)
		return false;
	if ((l[BY_PIPELINE] >= 0 && tensor_pipeline(c)->async != 2) ||
	    l[BY_EDGE] == ODD || (l[BY_TYPE] >= 0 && turns(c)) ||
	    l[BY_WORK] == WORK_COMPUTED)
		return false;
	if (l[BY_TILE] >= 0 && l[BY_STORE] >= 0 && tensor_store(c) &&
	    tensor_tile(c)->cols > 128)
		return false;
	return l[BY_ROUNDS] < 0 || l[BY_ROUNDS] == ROUNDS_ALL;
}

/* Persistent blocks copy by bulk, and sum all of a tile, which of two crews each
 * keeps alone, or share out chunks. Levels may be -1. */
static bool rounds_can_be(const struct tensor_case *c)
{
	const struct tensor_tile *t = tensor_tile(c);
	const int *l = c->level;

	if (l[BY_ROUNDS] == ROUNDS_NONE)
		return true;
	if ((l[BY_PIPELINE] >= 0 && tensor_pipeline(c)->async != 2) ||
	    l[BY_EDGE] == ODD || (l[BY_SPLIT] >= 0 && tensor_split(c)->parts > 1 &&
		!tensor_split(c)->streams))
		return false;
	if (l[BY_TYPE] >= 0 && turns(c))
		return false;
	if (l[BY_TILE] >= 0 && l[BY_TYPE] >= 0 && is_promoted(c) &&
	    l[BY_ROUNDS] == ROUNDS_PINGPONG && t->rows * t->cols > 128 * 64)
		return false;
	return l[BY_TILE] < 0 || l[BY_ROUNDS] == ROUNDS_ALL ||
		t->rows * t->cols < 192 * (tensor_in_registers(c) ? 96 : 160);
}

/* Levels may be -1 but for the type and the tile. */
static bool tile_can_be(const struct tensor_case *c)
{
	if (is_promoted(c) && tensor_tile(c)->cols > 128)
		return false;
	return holds(c) && (c->level[BY_PIPELINE] < 0 || c->level[BY_SPLIT] < 0 ||
		has_room(c)) && (c->level[BY_LAYOUT] < 0 || c->level[BY_SWAP] < 0 ||
		c->level[BY_PIPELINE] < 0 || has_panels(c));
}

/* Those that join parts are of sm_90 and later, where a warp's sums are not
 * short. */
static bool has_clusters(const struct tensor_case *c)
{
	return c->of->tiles || !tensor_type(c)->promote || !tensor_split(c)->joined;
}

/* Levels may be -1, not chosen yet. */
static bool can_be(const struct tensor_case *c)
{
	const int *l = c->level;
	bool bulk = l[BY_PIPELINE] >= 0 && tensor_pipeline(c)->async == 2;
	bool bulk_alone = c->of->tiles && l[BY_TILE] >= 0 &&
		tensor_tile(c)->cols > BULK_COLS;

	if ((bulk || bulk_alone) && l[BY_EDGE] == ODD)
		return false;
	if (bulk_alone && l[BY_PIPELINE] >= 0 && !bulk)
		return false;
	if (l[BY_ROUNDS] >= 0 && !rounds_can_be(c))
		return false;
	if (!streams_can_be(c))
		return false;
	if (l[BY_STORE] >= 0 && !store_can_be(c))
		return false;
	if (c->of->tiles && !work_can_be(c))
		return false;
	if (c->of->tiles && l[BY_TYPE] >= 0 && l[BY_TILE] >= 0 &&
	    l[BY_PIPELINE] >= 0 && is_promoted(c) &&
	    tensor_tile(c)->threads == 384 && !tensor_pipeline(c)->async)
		return false;
	if (l[BY_TYPE] >= 0 && l[BY_PIPELINE] >= 0 && !copies(c))
		return false;
	if (l[BY_TYPE] >= 0 && l[BY_SPLIT] >= 0 && !has_clusters(c))
		return false;
	return !c->of->tiles || l[BY_TYPE] < 0 || l[BY_TILE] < 0 ||
		tile_can_be(c);
}

bool tensor_fits(const struct tensor_case *c)
{
	return can_be(c);
}

/* ---- pairs ---- */

typedef bool pairs_seen[N_TENSOR_FACTORS][MOST_LEVELS][N_TENSOR_FACTORS]
	[MOST_LEVELS];

static int news(const struct tensor_case *c, const pairs_seen seen)
{
	int n = 0;

	for (int i = 0; i < N_TENSOR_FACTORS; i++)
		for (int j = i + 1; j < N_TENSOR_FACTORS; j++)
			n += !seen[i][c->level[i]][j][c->level[j]];
	return n;
}

static void note(const struct tensor_case *c, pairs_seen seen)
{
	for (int i = 0; i < N_TENSOR_FACTORS; i++)
		for (int j = i + 1; j < N_TENSOR_FACTORS; j++)
			seen[i][c->level[i]][j][c->level[j]] = true;
}

/* A case that has this pair and of some that random numbers give the most
 * others not seen yet. */
static struct tensor_case best_with(const struct tensor_family *of, int i, int x,
	int j, int y, const pairs_seen seen, struct rng *r)
{
	struct tensor_case best = { .of = of }, c = { .of = of };
	int most = -1, n;

	for (int try = 0; try < 4000; try++) {
		for (int k = 0; k < N_TENSOR_FACTORS; k++)
			c.level[k] = rng_below(r, levels(of, k));
		c.level[i] = x;
		c.level[j] = y;
		n = can_be(&c) ? news(&c, seen) : -1;
		if (n > most) {
			most = n;
			best = c;
		}
	}
	return best;
}

static bool pair_can_be(const struct tensor_family *of, int i, int x, int j,
	int y)
{
	struct tensor_case c = { .of = of };

	for (int k = 0; k < N_TENSOR_FACTORS; k++)
		c.level[k] = -1;
	c.level[i] = x;
	c.level[j] = y;
	return can_be(&c);
}

/* The pairs of factors "i" and "j". */
static int add_pairs(const struct tensor_family *of, int i, int j,
	struct tensor_case *out, int n, int *pairs, int *possible,
	pairs_seen seen, struct rng *r)
{
	for (int x = 0; x < levels(of, i); x++)
		for (int y = 0; y < levels(of, j); y++) {
			if (!pair_can_be(of, i, x, j, y))
				continue;
			++*possible;
			if (!seen[i][x][j][y] && n < MOST_CASES) {
				out[n] = best_with(of, i, x, j, y, seen, r);
				note(&out[n++], seen);
			}
			*pairs += seen[i][x][j][y];
		}
	return n;
}

int tensor_cases(const struct tensor_family *of, struct tensor_case *out,
	int *pairs, int *possible)
{
	pairs_seen seen = { { { { false } } } };
	struct rng r;
	int n = 0;

	rng_seed(&r, 1);
	*pairs = *possible = 0;
	for (int i = 0; i < N_TENSOR_FACTORS; i++)
		for (int j = i + 1; j < N_TENSOR_FACTORS; j++)
			n = add_pairs(of, i, j, out, n, pairs, possible, seen,
				&r);
	return n;
}

/* ---- operators ---- */

/* Of the sides and the reduction, by the tile of each. */
struct sizes {
	int m, n, k;
};

static bool is_ragged(const struct tensor_case *c, enum edge side)
{
	enum edge e = (enum edge)c->level[BY_EDGE];

	return e == side || e == EDGES;
}

/* Of a cluster's parts none is left empty: there the last one is short. Where blocks
 * are few, tiles are more. */
static struct sizes sizes_of(const struct tensor_case *c, int bm, int bn, int bk)
{
	int stages = tensor_pipeline(c)->stages;
	bool rounds = c->level[BY_ROUNDS] > ROUNDS_NONE ||
		tensor_split(c)->sms;
	int parts = tensor_split(c)->parts;
	int chunks = tensor_split(c)->streams ? stages + parts : rounds ?
		stages + 1 : 2 * stages * parts;
	struct sizes s = { (rounds ? 7 : 2) * bm, 2 * bn, chunks * bk };
	int more = tensor_split(c)->joined ? -1 : 1;

	if (c->level[BY_EDGE] == ODD)
		return (struct sizes){ s.m + 3, s.n + 5, s.k +
			7 * more };
	s.m += is_ragged(c, EDGE_M) ? 16 : 0;
	s.n += is_ragged(c, EDGE_N) ? 16 : 0;
	s.k += is_ragged(c, EDGE_K) ? 16 * more : 0;
	return s;
}

/* "[2, 40, 16]", with a batch. */
static const char *dims(struct arena *a, bool batch, int x, int y)
{
	return arena_printf(a, "[%s%d, %d]", batch ? "2, " : "", x, y);
}

/* "[z, i, j]" or "[z:2, i:40, j:16]". */
static const char *at(struct arena *a, bool batch, const char *x, const char *y)
{
	return arena_printf(a, "[%s%s, %s]", batch ? "z, " : "", x, y);
}

static const char *over(struct arena *a, bool batch, const struct sizes *s)
{
	return arena_printf(a, "[%si:%d, j:%d]", batch ? "z:2, " : "", s->m,
		s->n);
}

static const char *layout(bool batch, bool turned)
{
	return turned ? batch ? "layout(0, 2, 1) align 16" :
		"layout(1, 0) align 16" : batch ? "layout(0, 1, 2) align 16" :
		"layout(0, 1) align 16";
}

/* What follows the sum: declarations, and statements. */
struct tail {
	const char *tensors, *stmts;
};

static struct tail tail_of(struct arena *a, const struct tensor_case *c,
	const struct sizes *s)
{
	const struct tensor_type *t = tensor_type(c);
	bool batch = c->level[BY_BATCH];
	const char *d = dims(a, batch, s->m, s->n), *o = over(a, batch, s);
	const char *acc = arena_printf(a, "acc%s", at(a, batch, "i", "j"));
	const char *flat = layout(batch, false);

	switch ((enum ending)c->level[BY_ENDING]) {
	case PLAIN:
		return (struct tail){ arena_printf(a, "  out c: %s%s %s\n",
			t->acc, d, flat), arena_printf(a, "  c%s = %s\n", o,
			acc) };
	case BIAS: case ALONG_M:
		return (struct tail){ arena_printf(a, "  in v: %s[%d] layout(0) "
			"align 16\n  out c: %s%s %s\n", t->acc, s->n, t->acc, d,
			layout(batch, c->level[BY_ENDING] == ALONG_M)),
			arena_printf(a, "  c%s = max(add(%s, v[j]), 1:%s)\n",
			o, acc, t->acc) };
	case RESIDUAL:
		return (struct tail){ arena_printf(a, "  in r: %s%s %s\n"
			"  out c: %s%s %s\n", t->narrow, d, flat, t->acc, d,
			flat), arena_printf(a, "  c%s = add(%s, %s(r%s))\n", o,
			acc, t->acc, at(a, batch, "i", "j")) };
	case NARROW:
		return (struct tail){ arena_printf(a, "  out c: %s%s %s\n",
			t->narrow, d, flat), arena_printf(a, "  c%s = %s(%s)\n",
			o, t->narrow, acc) };
	case SEVERAL:
		return (struct tail){ arena_printf(a, "  out c: %s%s %s\n"
			"  out q: %s%s %s\n", t->acc, d, flat, t->narrow, d,
			flat), arena_printf(a, "  c%s = %s\n  q%s = %s(mul(%s, "
			"2:%s))\n", o, acc, o, t->narrow, acc, t->acc) };
	}
	return (struct tail){ "", "" };
}

/* Is it the factor of an instruction's rows, whose work is a factor of cases? */
static bool has_work(const struct tensor_case *c, bool right)
{
	return c->of->tiles && (c->level[BY_SWAP] != 0) == right;
}

static const char *stored_as(const struct tensor_case *c, bool right)
{
	const struct tensor_type *t = tensor_type(c);

	return has_work(c, right) && c->level[BY_WORK] ==
		WORK_CONVERTED_REGISTER ? dtype_row(t->raw)->name :
		right && t->right ? t->right : t->name;
}

/* The factor, which is tensor "name" at "at", with the work on its way; "v" is read
 * along the reduction. */
static const char *factor_text(struct arena *a, const struct tensor_case *c,
	bool right, const char *name, const char *at)
{
	const struct tensor_type *t = tensor_type(c);
	const char *read = arena_printf(a, "%s%s", name, at);
	bool work = has_work(c, right);

	if (work && c->level[BY_WORK] == WORK_CONVERTED_REGISTER)
		read = arena_printf(a, "%s(%s)", t->name, read);
	else if (work && c->level[BY_WORK] % 2)
		read = arena_printf(a, "%s(%s(%s(%s), %s(s[k])))", t->name,
			dtype_is_float(t->dtype) ? "mul" : "add", t->acc, read,
			t->acc);
	return arena_printf(a, "%s(%s)", t->acc, read);
}

const char *tensor_text(struct arena *a, const struct tensor_case *c, int bm,
	int bn, int bk)
{
	const struct tensor_type *t = tensor_type(c);
	struct sizes s = sizes_of(c, bm, bn, bk);
	struct tail tail = tail_of(a, c, &s);
	bool batch = c->level[BY_BATCH];
	bool left = layouts[c->level[BY_LAYOUT]].left;
	bool right = layouts[c->level[BY_LAYOUT]].right;
	const char *x = at(a, batch, left ? "i" : "k", left ? "k" : "i");
	const char *y = at(a, batch, right ? "j" : "k", right ? "k" : "j");
	const char *more = c->level[BY_WORK] % 2 ? arena_printf(a, "  in s: "
		"%s[%d] layout(0) align 16\n", t->name, s.k) : "";

	return arena_printf(a, "op t {\n  in a: %s%s %s\n  in b: %s%s %s\n%s"
		"  let acc: %s%s\n%s  acc%s = sum[k:%d](mul(%s, %s)) : %s\n%s}\n",
		stored_as(c, false), dims(a, batch, left ? s.m : s.k,
			left ? s.k : s.m), layout(batch, false),
		stored_as(c, true), dims(a, batch, right ? s.n : s.k, right ?
			s.k : s.n), layout(batch, false), more, t->acc, dims(a,
			batch, s.m, s.n), tail.tensors, over(a, batch, &s), s.k,
		factor_text(a, c, false, "a", x), factor_text(a, c, true, "b",
			y), t->acc, tail.stmts);
}

static const char *tile_name(struct arena *a, const struct tensor_case *c)
{
	static const char *const rounds[] = { "", ", persistent",
		", by turns" };
	static const char *const work[N_WORK] = { "", ", rows computed",
		", rows from registers", ", rows computed in registers",
		", rows converted in registers" };
	const struct tensor_tile *t = tensor_tile(c);

	return t ? arena_printf(a, ", %d x %d by %d threads, %d bytes%s, %d "
		"columns stored at once%s%s", t->rows, t->cols,
		tensor_threads(c), t->bytes, c->level[BY_SWAP] ? ", swapped" :
		"", tensor_store(c), rounds[c->level[BY_ROUNDS]],
		work[c->level[BY_WORK]]) : "";
}

const char *tensor_name(struct arena *a, const struct tensor_case *c)
{
	static const char *const copied[] = { "", " async", " bulk" };
	const struct tensor_type *t = tensor_type(c);
	const struct tensor_pipeline *p = tensor_pipeline(c);

	return arena_printf(a, "%s%s%s%s%s, a[%s] b[%s], %s, %d stages%s, %d "
		"parts%s%s, %s%s%s", t->precision ? t->precision : t->name,
		t->right ? " x " : "", t->right ? t->right : "", t->promote ?
		" promote " : "", t->promote ? t->promote : "",
		layouts[c->level[BY_LAYOUT]].left ? "m, k" : "k, m",
		layouts[c->level[BY_LAYOUT]].right ? "n, k" : "k, n",
		endings[c->level[BY_ENDING]], p->stages, copied[p->async],
		tensor_split(c)->parts, tensor_split(c)->joined ?
		" of a cluster" : "", tensor_split(c)->streams ?
		" shared out" : "", edges[c->level[BY_EDGE]],
		c->level[BY_BATCH] ? ", batched" : "", tile_name(a, c));
}
