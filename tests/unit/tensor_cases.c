/* SPDX-License-Identifier: MIT */
/* What levels factors have, and lists of cases that have every pair of them. */
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
		N_ENDINGS, of->n_pipelines, COUNT(splits), N_EDGES, 2,
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

bool tensor_k_inner(const struct tensor_case *c, bool right)
{
	return right ? layouts[c->level[BY_LAYOUT]].right :
		layouts[c->level[BY_LAYOUT]].left;
}

bool tensor_in_registers(const struct tensor_case *c)
{
	return c->level[BY_WORK] >= WORK_NONE_REGISTER;
}

bool tensor_measures(const struct tensor_case *c)
{
	return c->level[BY_ENDING] >= ENDING_ROWS;
}

bool tensor_computed(const struct tensor_case *c)
{
	return c->level[BY_WORK] == WORK_COMPUTED ||
		c->level[BY_WORK] == WORK_COMPUTED_REGISTER;
}

bool tensor_unpacked(const struct tensor_case *c)
{
	return c->level[BY_WORK] == WORK_UNPACKED ||
		c->level[BY_WORK] == WORK_UNPACKED_REGISTER;
}

bool tensor_made(const struct tensor_case *c)
{
	return c->level[BY_WORK] == WORK_COMPUTED ||
		c->level[BY_WORK] == WORK_UNPACKED;
}

bool tensor_thrice(const struct tensor_case *c)
{
	const char *precision = tensor_type(c)->precision;

	return precision && !strcmp(precision, "3xtf32");
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

	for (int try = 0; try < 4000 || (most < 0 && try < 100000); try++) {
		for (int k = 0; k < N_TENSOR_FACTORS; k++)
			c.level[k] = rng_below(r, levels(of, k));
		c.level[i] = x;
		c.level[j] = y;
		n = tensor_fits(&c) ? news(&c, seen) : -1;
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
	return tensor_fits(&c);
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
