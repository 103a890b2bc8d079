/* SPDX-License-Identifier: MIT */
/* Products for tensor cores, made up of factors: types, layouts, what follows
 * the sum, the pipeline, where tiles are ragged. A list of them has every pair
 * of levels of two factors that a sketch can have together. */
#ifndef WPK_TESTS_UNIT_TENSOR_CASES_H
#define WPK_TESTS_UNIT_TENSOR_CASES_H

#include <stdbool.h>

#include "base/arena.h"
#include "ir/type.h"

enum tensor_factor {
	BY_TYPE, BY_LAYOUT, BY_ENDING, BY_PIPELINE, BY_SPLIT, BY_EDGE, BY_BATCH,
	BY_TILE, BY_SWAP, BY_STORE, BY_ROUNDS, BY_WORK, N_TENSOR_FACTORS
};

/* What follows the sum, and whether there is more than whole tiles; "odd" leaves no
 * vectors. */
enum tensor_ending {
	ENDING_PLAIN, ENDING_BIAS, ENDING_RESIDUAL, ENDING_NARROW,
	ENDING_SEVERAL, ENDING_ALONG_M, ENDING_ROWS, ENDING_COLUMNS
};
enum tensor_edge {
	EDGE_WHOLE, EDGE_M, EDGE_N, EDGE_K, EDGE_ALL, EDGE_ODD
};
enum { N_ENDINGS = ENDING_COLUMNS + 1, N_EDGES = EDGE_ODD + 1 };

enum { MOST_LEVELS = 10, MOST_CASES = 200 };

struct tensor_type {
	const char *name, *acc;
	enum dtype dtype;
	const char *precision;		/* "3xtf32", or NULL */
	const char *target;		/* the least that has it */
	const char *narrow;		/* what a result may be rounded to */
	const char *right;		/* the right factor's, if it is another */
	const char *promote;		/* "128", "fast", or NULL */
	enum dtype raw;			/* what a factor may be converted from */
};

/* "async" is 2 for bulk copies. */
struct tensor_pipeline {
	int async, stages;
};

/* Of the reduction; "joined" by a cluster, or the chunks of tiles shared out on a
 * chip of so many multiprocessors, 0: of its own. */
struct tensor_split {
	int parts;
	bool joined, streams;
	int sms;
};

/* Of a block: rows and columns of its instructions, bytes of a chunk. */
struct tensor_tile {
	int rows, cols, threads, bytes;
};

/* What a sketch has; "tiles" where they are a factor, and then "swap", what bulk
 * stores take, whether blocks have one tile after the other, and what work an
 * instruction's rows have on their way are too. */
struct tensor_family {
	const char *sketch;
	const struct tensor_type *types;
	int n_types;
	const struct tensor_pipeline *pipelines;
	int n_pipelines;
	const struct tensor_tile *tiles;
	int n_tiles;
	bool pairs_alone;	/* only 2 bytes lie along rows in its tiles */
};

extern const struct tensor_family tensor_mma, tensor_wgmma;

/* The level of each factor. */
struct tensor_case {
	const struct tensor_family *of;
	int level[N_TENSOR_FACTORS];
};

/* ---- tensor_cases.c ---- */

/* All cases, and in "pairs" how many pairs of levels they have; "possible" those
 * there are. */
int tensor_cases(const struct tensor_family *of, struct tensor_case *out,
	int *pairs, int *possible);
const struct tensor_type *tensor_type(const struct tensor_case *c);
const struct tensor_pipeline *tensor_pipeline(const struct tensor_case *c);
const struct tensor_tile *tensor_tile(const struct tensor_case *c);
const struct tensor_split *tensor_split(const struct tensor_case *c);
/* Is the reduction innermost in the left or in the right factor? */
bool tensor_k_inner(const struct tensor_case *c, bool right);
/* Columns that a bulk store takes, 0 where there are none. */
int tensor_store(const struct tensor_case *c);
/* Values of raster(persistent = ..), and threads of a block where so many have
 * a tile. */
enum { ROUNDS_NONE, ROUNDS_ALL, ROUNDS_PINGPONG };
int tensor_threads(const struct tensor_case *c);
/* What is done to rows, and in registers from WORK_NONE_REGISTER on. */
enum { WORK_NONE, WORK_COMPUTED, WORK_UNPACKED, WORK_NONE_REGISTER,
	WORK_COMPUTED_REGISTER, WORK_CONVERTED_REGISTER,
	WORK_UNPACKED_REGISTER, N_WORK };
bool tensor_in_registers(const struct tensor_case *c);
/* Are rows computed on their way, with another tensor; do two neighbours along the
 * reduction share a byte; are rows made either way as they are copied? */
bool tensor_computed(const struct tensor_case *c);
bool tensor_unpacked(const struct tensor_case *c);
bool tensor_made(const struct tensor_case *c);
/* Three products of tf32. */
bool tensor_thrice(const struct tensor_case *c);
/* Are there statistics of the product's rows or columns? A tile holds them whole. */
bool tensor_measures(const struct tensor_case *c);

/* ---- tensor_fits.c ---- */

/* Can a sketch have all the case's levels together? Those that are -1 are not chosen
 * yet. */
bool tensor_fits(const struct tensor_case *c);

/* ---- tensor_text.c ---- */

/* The operator, for tiles of "bm" x "bn" x "bk": at least two of rows and of
 * columns, and of the reduction twice as many as there are stages in each part
 * of the split; ragged where the case says so. */
const char *tensor_text(struct arena *a, const struct tensor_case *c, int bm,
	int bn, int bk);
/* "bf16 a[m, k] b[n, k], bias, ..." */
const char *tensor_name(struct arena *a, const struct tensor_case *c);

#endif
