/* SPDX-License-Identifier: MIT */
/* A contraction in tiles, for sketches whose blocks own tiles of rows x columns
 * and whose operands pass, chunk by chunk of the reduction, through a pipeline
 * of stages in shared memory. What multiplies a chunk, and who of the block owns
 * which results, is the sketch's own. */
#ifndef WPK_COMPILER_SKETCH_TILED_H
#define WPK_COMPILER_SKETCH_TILED_H

#include "sketch/bulk.h"
#include "sketch/parts.h"
#include "sketch/product.h"

/* Where the blocks of a cluster have the parts of one tile's sums, what each of
 * them adds up and finishes: "outer" of one side of the tile by all "inner" of
 * the other, along which results are stored. Threads have "vec" neighbours along
 * it at once, "lanes_outer" x "lanes_inner" of them take part. In shared memory,
 * where the tile takes "bytes", outer neighbours are "pitch" elements apart. */
struct tiled_share {
	int outer, inner, pitch, vec, lanes_outer, lanes_inner;
	int64_t bytes;
};

/* What follows from a point, whatever multiplies: tiles of "bm" x "bn" results,
 * chunks of "bk" steps of the reduction. */
struct tiling {
	int bm, bn, bk, threads, stages, split, group, order;
	int lag;		/* chunks that may still be read while the next
				 * is multiplied */
	int crews;		/* of those that multiply, equally large, which
				 * take tiles in turn; 1: all multiply each */
	int helpers;		/* threads beside those that multiply */
	int keep, give;		/* registers of those that multiply, and of
				 * helpers, who give some away; 0: all alike */
	bool async, by_columns;
	bool bulk;		/* a helper copies whole tiles */
	int cluster;		/* blocks whose tiles are neighbours, and who
				 * copy what they share for each other; 1 */
	bool along_m;		/* they have the same columns, else rows */
	bool joins;		/* parts of a tile, if there are several, are
				 * blocks of a cluster, who join their sums */
	struct tiled_share share;
	int streams;		/* the most blocks for each tile, where they
				 * share out its chunks; 0: they do not */
	struct p_stream stream;
	int blocks;		/* that each take one tile after the other; 0: as
				 * many as tiles */
	bool shift_m, shift_n;	/* the last tile is moved back, not guarded */
	struct row_threads rows;	/* where the epilogue has rows */
	struct stage left, right;
	struct stage twin;	/* in the right one's place; of two products */
	int64_t tiles_m, tiles_n, tiles, chunks, chunks_split;
	int64_t gap;		/* elements the first chunk of k lacks */
	bool ragged;		/* if it may lack some */
	int64_t workspace_bytes;
};

/* ---- tiled_space.c: tunables that all have ---- */

/* How one operand's tensor is staged: what schedules may pin. */
enum tiled_operand_value {
	TILED_VECTOR, TILED_PAD, TILED_STAGE_SWIZZLE, TILED_SWIZZLE,
	TILED_OPERAND
};

/* TILED_OPERAND for the tensor of each operand, the left one first; a tensor that is
 * both has them once, and the right ones of two products between them. Then facts that
 * a schedule may state and that hold of every kernel. */
enum { TILED_FACTS = 6 };
void tiled_add_operands(const struct task *t, struct tunables *l,
	const struct product *f);
/* The right operand's values, where the left one's are at "v". */
const int *tiled_right(const struct product *f, const int *v);
/* tail(AXIS, ..) of rows, then of columns. */
void tiled_add_tails(const struct task *t, struct tunables *l,
	const struct product *f);
/* pipeline and split_k, with so many of tiled_splits, and how the parts are
 * joined; then raster's order and group; reorder. "async" are values and words of
 * pipeline(.., async = ..). */
extern const char *const tiled_switch[];	/* off, on */
enum { TILED_AUTO, TILED_WORKSPACE, TILED_CLUSTER, TILED_STREAM };	/* combine */
struct tiled_values {
	const int *v;
	int n;
};
void tiled_add_pipeline(const struct task *t, struct tunables *l,
	const struct product *f, struct tiled_values stages,
	struct tiled_values async, const char *const *async_words, int splits);
void tiled_add_raster(const struct task *t, struct tunables *l);
void tiled_add_reorder(const struct task *t, struct tunables *l,
	const struct product *f);
/* Why directives say nothing to any of them: rows of struct sketch's refusals. */
#define TILED_REFUSALS \
	{ "compute_at", "what a factor is made of is computed as it is " \
		"loaded where cache(NAME, scope = none) says so, and what " \
		"follows the sum is its epilogue" }, \
	{ "rfactor", "a block sums the products in one pass; " \
		"split_k(STATEMENT, N) gives parts of the sum to several " \
		"blocks" }
extern const int tiled_splits[];
enum { TILED_SPLITS = 12 };

/* ---- tiled_start.c: the untuned default ---- */

/* The first "fixed" of "start", and of those beyond their
 * first values. */
void tiled_start(const struct tunables *open, const int *start, int fixed,
	int *values);

/* Where among a sketch's "n" values are the steps of a chunk, the pipeline, the split
 * and, unless 0, whether blocks are persistent. "apart": no cluster joins parts.
 * "pipelines" are values of "async" and
 * "stages", the best first; "plan" says what tiling values make. */
struct tiled_places {
	int n, k, async, stages, split, combine, persistent;
	bool apart;
	const int (*pipelines)[2];
	int n_pipelines;
	const char *(*plan)(const struct task *t, const int *values,
		struct tiling *p);
};

/* Completes "v" by the first of the pipelines, and of the "depths" of a chunk, that
 * makes a kernel, with parts of the reduction that fill the chip, or where there is
 * one, with "plain" for how they are joined. False if none does. */
bool tiled_try(const struct task *t, const struct product *f,
	const struct tiled_places *at, int plain, struct tiled_values depths,
	int *v, struct tiling *p);

/* Whether chunks are shared out. tiled_guess() has a look at it for values that make
 * a kernel, such as the tile; tiled_take_guess() takes the best that was seen if it
 * spares a tenth of the multiplying, at "rate" a cycle, and what joins the sums.
 * "best" and "trial" have room for the values. */
struct tiled_guess {
	const struct tiled_places *at;
	double rate;
	int *best, *trial;
	double cycles;		/* of the best, 0: none was seen */
};
void tiled_guess(const struct task *t, const struct product *f,
	struct tiled_guess *g, const int *values);
void tiled_take_guess(const struct task *t, const struct product *f,
	const struct tiled_guess *g, int *start);

/* ---- tiled_plan.c: NULL, or why that is no kernel ---- */

/* Neighbours of which a thread can store 16 bytes at once, of what is stored the
 * narrowest: two at least. */
int tiled_together(const struct epilogue *e);

/* split_k and its combine, into p->split, "joins" and "streams". */
void tiled_read_split(int parts, int combine, struct tiling *p);
const char *tiled_sizes(const struct product *f, const struct tiling *p);
/* Fills in the stages but for what the caller has set in them: of the right one of two
 * products "weave", of all "group" and "lanes", "pairs", "panel", "matrix", "align"
 * and "image", "halo", "taps" and "tap_steps", and "op" where that is not what the
 * product multiplies. "pins" are the left operand's values. */
const char *tiled_stages(const struct task *t, const struct product *f,
	struct arena *a, const int *pins, struct tiling *p);
/* "tail_m" and "tail_n" as pinned; "vm" and "vn" the neighbours that a thread
 * stores at once. */
const char *tiled_tails(const struct product *f, struct arena *a, int tail_m,
	int tail_n, int vm, int vn, struct tiling *p);
/* What is said where a stage is not copied by bulk, and "why" (or NULL, of both):
 * there are other copies, "or" what goes on from there. */
const char *tiled_no_bulk(struct arena *a, const struct stage *s,
	const char *why, const char *or);
const char *tiled_grid(const struct product *f, struct arena *a,
	struct tiling *p);
/* Steps of the reduction in a chunk, which has the windows' rows of "bk" steps
 * where there is a halo. */
int tiled_steps(const struct tiling *p);
/* Of both operands, in all stages, and of what split_k needs. */
int64_t tiled_shared(const struct tiling *p);
const char *tiled_too_much(const struct task *t, struct arena *a,
	const struct tiling *p, int64_t shared);
/* Where tiles of all sizes are too many, or none fits: for "applies". */
const char *tiled_refuse(const struct task *t, const struct product *f);

/* ---- tiled_rows.c: where the epilogue has rows; else nothing ---- */

/* NULL, or why no tile, of up to "most" along the rows, holds one. */
const char *tiled_rows_refuse(const struct task *t, const struct product *f,
	int most);
/* tile(block, ..) of rows, then of columns: of "tiles", but along the statistics'
 * rows a few widths that hold one, multiples of "step" up to "most". */
void tiled_add_tiles(const struct task *t, struct tunables *l,
	const struct product *f, struct tiled_values tiles, int step, int most);
/* NULL, or why the tile does not do. */
const char *tiled_rows_plan(const struct product *f, struct arena *a,
	const struct tiling *p);
/* Bytes in which the warps of a row meet. */
int64_t tiled_rows_shared(const struct product *f, const struct tiling *p);
/* Registers of a thread of "m" x "n" results beside those of its accumulators. */
int tiled_rows_regs(const struct product *f, int m, int n);
/* Instructions of such a thread, the special ones among them, and cycles that
 * its block waits. */
struct tiled_rows_cost {
	double issue, special, chain;
};
struct tiled_rows_cost tiled_rows_cost(const struct product *f,
	const struct tiling *p, int m, int n);
/* The model's "ilp" of a thread that issues "all", rows among it, whose elements
 * wait for nothing: products wait as they do with "ilp" of their own. */
double tiled_rows_ilp(struct tiled_rows_cost rows, double ilp, double all);

/* ---- tiled_cost.c: for one operand ---- */

/* Registers of a thread. */
int staging_regs(const struct stage *s);
/* Beside those, where blocks share out chunks: ranges, the turn and its tile. What
 * others left is fetched all at once where a promise leaves registers for it, up to
 * 99 more than mma and wgmma estimate; with less it spills nothing: of 62 points none
 * wants more than is estimated (ptxas of CUDA 13.0). */
int tiled_stream_regs(const struct tiling *p);
/* Warp instructions that a thread issues for one chunk. */
double staging_issue(const struct stage *s);
/* Operations and special functions of one chunk's computed elements, of each
 * thread. */
struct cost_of staging_computes(const struct stage *s);
/* Bytes asked of L2 for one chunk. */
double staged_bytes(const struct stage *s);
/* Of a split reduction, what joining its parts adds: launches, cycles that
 * nothing shortens, and wavefronts of shared memory in each block. */
struct tiled_joining {
	int launches;
	double chain, waves;
};
struct tiled_joining tiled_joining_cost(const struct product *f,
	const struct tiling *p);
/* Blocks of a cluster; 1: there is none. */
int tiled_cluster(const struct tiling *p);
/* How many blocks there are; tiles that one finishes, and chunks it multiplies, on
 * average where it has several tiles' chunks. */
struct tiled_blocks {
	double n, tiles, chunks;
};
struct tiled_blocks tiled_blocks(const struct tiling *p);

/* ---- tiled_build.c ---- */

/* What the sketch writes, for the "ctx" it gave: which part of the block's tile
 * the thread owns (the lanes of both sides, and what is to be added to their
 * "first"); before the main loop, what stays in registers; the products of the
 * chunk that lies in stage "slot", whose warps have read those of "lag" chunks
 * before when it ends, all lanes of them; at the end of the loop, the rest; then
 * the results in "acc"; and when all of the block's are stored, what it waits for
 * before it ends. "start", "drain", "finish" and "leave" may be NULL. */
struct tiled_calls {
	void (*own)(void *ctx, struct k_block *b);
	void (*start)(void *ctx, struct k_block *b);
	void (*compute)(void *ctx, struct k_block *b, struct kx *slot);
	void (*drain)(void *ctx, struct k_block *b);
	void (*finish)(void *ctx, struct k_block *b);
	void (*leave)(void *ctx, struct k_block *b);
};

/* A kernel under construction. The caller sets what comes before "step",
 * tiled_build() the rest. "acc" [rows][cols] is a thread's results, of a second
 * product's in columns behind the first's (struct storing); "proxy": what is
 * copied is read through the asynchronous proxy. */
struct tiled_code {
	const struct task *t;
	const struct product *f;
	const struct tiling *p;
	struct arena *a;
	struct program *program;
	const struct tiled_calls *calls;
	void *ctx;
	bool proxy;
	struct p_step step;
	struct kernel *k;
	struct k_buffer *acc;
	struct parts parts;
	struct stager left, right, twin;
	struct bulk left_bulk, right_bulk, twin_bulk;
	struct storing out;
	struct kx *thread, *batch, *m_first, *n_first;
	struct patches patches;	/* the tile's, where it has some */
	struct kx *crew;	/* that the thread belongs to */
	struct kx *first_chunk, *chunks;	/* of this part of the split */
	struct k_buffer *sums;	/* of this part, for the cluster */
	struct kx *unit, *whole, *chunk_end;	/* where chunks are shared out:
				 * the block's, its tile and how far it has that
				 * (struct p_stream) */
	struct kx *turn;	/* of the loop, from 0 on, as compute() is
				 * called */
};

/* How a thread's results lie on one side of the block's tile (struct side). */
struct share {
	int mine, vec, lanes, together, pitch;
};

/* Where the chunk that compute() is called for begins; its steps from "limit" on
 * are none of the reduction's, NULL where all are. */
struct chunk {
	struct kx *k0, *limit;
};
struct chunk tiled_chunk(struct tiled_code *g, struct k_block *b);

/* The kernel, whose threads have m.mine x n.mine results each, as the program's
 * next step. */
void tiled_build(struct tiled_code *g, struct share m, struct share n,
	int promised);

/* ---- tiled_join.c: parts of a tile joined by a cluster ---- */

/* Fills in p->share. NULL, or why the blocks cannot share the tile. */
const char *tiled_share_out(const struct task *t, const struct product *f,
	struct arena *a, struct tiling *p);
/* Threads that have sums leave them to the cluster. */
void tiled_leave(struct tiled_code *g, struct k_block *b);
/* Then all threads of all its blocks come, and each block finishes its share.
 * The tile is the block's. */
void tiled_join(struct tiled_code *g, struct k_block *b);

/* ---- tiled_stream.c: chunks of tiles shared out evenly ---- */

/* For p->streams: fills in p->stream and how many blocks there are. NULL, or why
 * there is nothing to share out. After tiled_grid(). */
const char *tiled_stream_plan(const struct task *t, const struct product *f,
	struct arena *a, int occupancy, struct tiling *p);
/* What keeps a tiling's results from where an input lies, or NULL: its epilogue
 * reads and writes alike wherever the rest was summed. */
const char *tiled_in_place(const struct tiling *p);
/* The block's turns, each chunks of tile "at". */
struct k_block *tiled_stream_turns(struct tiled_code *g, struct k_block *b,
	struct kx **at);
/* The turn's sums are left, or joined with others'; the block returned runs where
 * all of the tile's are in "acc". */
struct k_block *tiled_stream_join(struct tiled_code *g, struct k_block *b);

/* ---- between tiled_build.c, tiled_bulk.c and tiled_join.c ---- */

/* The tile number "at" is the block's, and, if it "stores" them, which of its
 * results are the thread's. */
void tiled_own(struct tiled_code *g, struct k_block *b, struct kx *at,
	bool stores);
/* The parts' sums joined, and the epilogue. */
void tiled_end(struct tiled_code *g, struct k_block *b);
/* The body where a helper copies whole tiles. */
void tiled_bulk(struct tiled_code *g, struct k_block *b);

#endif
