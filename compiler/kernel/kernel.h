/* SPDX-License-Identifier: MIT */
/* Kernel IR: the structured body of one CUDA kernel, and programs of them.
 *
 * Designed for persistent, warp-specialised Hopper kernels and used from the
 * start by the CUDA-core sketches: loops carry a kind, buffers a scope, and
 * every synchronisation is a statement of its own.
 *
 * Text form (one statement a line), as printed by kernel_print:
 *
 *	kernel c2 block(256) smem 33792 {
 *	  shared As: f32[2, 16, 132]
 *	  register acc: f32[8, 8]
 *	  let m0: i32 = mul(block.x, 128)
 *	  for k: serial 0..36 step 1 {
 *	    copy.async As[mod(k, 2), 0, 0] <- x[...] bytes 16 if lt(..)
 *	    ...
 *
 * Names are hints: where one recurs among those visible, text forms and CUDA
 * append a number (names.h).
 */
#ifndef WPK_COMPILER_KERNEL_KERNEL_H
#define WPK_COMPILER_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/vec.h"
#include "ir/ops.h"
#include "ir/type.h"
#include "kernel/call.h"

struct target;
struct program;

/* ---- values ---- */

enum kx_kind {
	KX_INT, KX_FLOAT,
	KX_VAR,		/* "var": loop variable, let, mutable or parameter */
	KX_SPECIAL,	/* "special" */
	KX_LOAD,	/* one element: buffer[index...] */
	KX_OP,		/* ir op of args */
	KX_CAST,	/* args[0] as "type" */
	KX_BITS,	/* the bits of args[0] as "type" of equal size */
	KX_CALL,	/* row "call" of the intrinsics (intrin.h), args */
	KX_ADDRESS,	/* address of buffer[index...], for intrinsics */
	KX_MAP		/* address of "map", for intrinsics */
};

enum k_special {
	K_THREAD_X, K_BLOCK_X, K_BLOCK_Y, K_BLOCK_Z, K_GRID_X, K_GRID_Y,
	K_LANE, K_WARP, K_CLUSTER_RANK
};

struct k_var {
	const char *name;
	enum dtype type;
	bool mutable;
	bool bounded;		/* "lo" to "hi", where that is known */
	int64_t lo, hi;
};

enum k_scope { K_GLOBAL, K_SHARED, K_REGISTER };

/* A typed array. Global buffers are parameters of rank 1 (offsets in elements,
 * 64-bit only where "wide"); shared and register buffers have fixed dims;
 * "align" in bytes is promised for the base. */
struct k_buffer {
	const char *name;
	enum k_scope scope;
	enum dtype type;
	int64_t dims[5];
	int rank;
	int align;
	bool written;		/* a global the kernel writes (not const) */
	bool aliased;		/* another global may be the same memory */
	bool wide;
	int64_t offset;		/* shared: bytes from the start; set by
				 * kernel_layout */
	const char *comment;
};

enum { K_MAP_RANK = 5 };

/* A tensor map, by which bulk copies move boxes of the tensor "of", one of the
 * kernel's globals, or of what lies in it from "offset" bytes on: a parameter
 * that the launcher encodes. Dimensions count from the innermost; "dims" in
 * elements, "strides" in bytes (none of dimension 0, whose elements are
 * contiguous). What lies outside of the tensor reads as 0 and is not written. A
 * box takes every "steps"th element of a dimension: of a tile the first "box" of
 * it are looked at; of im2col it is "pixels" in a row, each with "channels" of
 * dimension 0, of those whose first one lies between "lower" and (from the end of
 * the dimension) "upper", corners of dimensions 1 and on without the last, which
 * counts images. The box is dense in shared memory, its 16-byte chunks swizzled
 * in rows of "swizzle" bytes; "promotion": bytes that L2 fetches at once. 0: no
 * im2col, no swizzle, no promotion; a step of 1. */
struct k_map {
	const char *name;
	struct k_buffer *of;
	int rank;
	int64_t offset, dims[K_MAP_RANK], strides[K_MAP_RANK];
	int box[K_MAP_RANK], steps[K_MAP_RANK];
	int pixels, channels, lower[K_MAP_RANK - 2], upper[K_MAP_RANK - 2];
	int swizzle, promotion;
};

struct kx {
	enum kx_kind kind;
	enum dtype type;
	enum op op;
	int64_t i;		/* INT; SPECIAL: the greatest value, if not 0 */
	double f;
	struct k_var *var;
	enum k_special special;
	struct k_buffer *buffer;
	const struct k_map *map;
	int call;
	struct kx **args;	/* operands, or indices of LOAD and ADDRESS */
	int n_args;
};

/* ---- statements ---- */

enum ks_kind {
	KS_COMMENT,	/* "text": why, for the reader of the CUDA */
	KS_LET,		/* var = value, once */
	KS_MUTABLE,	/* declares var, initially value */
	KS_ASSIGN,	/* var = value, or var op= value where "op" set */
	KS_FOR,		/* loop kind; var over lo..hi step */
	KS_IF,		/* cond, body, orelse */
	KS_STORE,	/* buffer[index...] = value, one element */
	KS_COPY,	/* "bytes" from src to dst; see enum k_copy */
	KS_COMMIT,	/* close a group of asynchronous copies */
	KS_WAIT,	/* until at most "count" groups are in flight */
	KS_BARRIER,	/* see enum k_barrier */
	KS_FENCE,	/* memory fence: of the "device", else of the block */
	KS_ATOMIC,	/* dst op= value; result into var if set */
	KS_CALL,	/* an intrinsic for its effect */
	KS_ROLES,	/* warps [roles[i].lo, hi) run roles[i].body */
	KS_MMA		/* acc += left * right on fragments in registers of
			 * mma_register()'s types (kernel/intrin.h);
			 * WGMMA: on shared memory, whose descriptors are
			 * args[0] and args[1] (left may be registers
			 * instead), whose matrices have k innermost, or
			 * outermost where "trans" is set; unless args[2],
			 * acc = left * right */
};

enum k_loop {
	LOOP_SERIAL,	/* with "factor" 1 never unrolled by nvcc */
	LOOP_UNROLLED,	/* wholly, or by "factor" if it is not 0 */
	LOOP_THREADS,	/* strided over the block's threads: lo + thread */
	LOOP_TILES	/* the persistent tile loop: lo + block.x, step grid.x */
};

enum k_copy {
	COPY_PLAIN,	/* a move of 1..16 bytes, usually one instruction */
	COPY_ASYNC,	/* cp.async global -> shared, 4, 8 or 16 bytes */
	COPY_BULK	/* cp.async.bulk, completes on "mbar" */
};

enum k_barrier {
	BARRIER_BLOCK, BARRIER_WARP,
	BARRIER_NAMED,		/* "id", "count" threads */
	BARRIER_CLUSTER
};

enum k_mma { MMA_SYNC, MMA_WGMMA };

/* An element of a buffer as a place to read or write. */
struct k_place {
	struct k_buffer *buffer;
	struct kx *index[5];	/* buffer->rank of them */
};

struct k_role {
	const char *name;	/* "producer" */
	int lo, hi;		/* warps */
	int registers;		/* 0: leave; else setmaxnreg */
	struct k_block *body;
};

struct ks {
	enum ks_kind kind;
	const char *text;
	struct k_var *var;
	struct kx *value, *lo, *hi, *step, *cond;
	bool has_op;
	enum op op;
	enum k_loop loop;
	int factor;
	struct k_block *body, *orelse;
	struct k_place dst, src;
	enum k_copy copy;
	int bytes;
	double fill;		/* COPY with cond false: elements of dst get
				 * this, but a global dst is left alone;
				 * COPY_ASYNC: 0 only; BULK: no copy */
	struct k_place mbar;
	int count, id;
	enum k_barrier barrier;
	bool device;		/* FENCE, ATOMIC: device scope */
	int call;
	struct kx **args;
	int n_args;
	struct k_role *roles;
	int n_roles;
	enum k_mma mma;
	int m, n, k;
	struct k_place acc, left, right;
	enum dtype acc_type, left_type, right_type;
	bool left_trans, right_trans;
};

struct k_block {
	VEC(struct ks) s;
};

/* ---- kernels ---- */

/* Grid meaning that checks by parts rely on: blocks of equal x compute one
 * output tile together; y counts the parts of a split reduction. */
struct kernel {
	const char *name;
	struct arena *a;
	VEC(struct k_buffer *) globals;		/* parameters, in order */
	VEC(struct k_var *) scalars;		/* parameters after them */
	VEC(struct k_map *) maps;		/* and after those */
	VEC(struct k_buffer *) shared;
	VEC(struct k_buffer *) registers;
	struct k_block body;
	int threads;			/* of a block, one-dimensional */
	int min_blocks;			/* __launch_bounds__, 0: unsaid */
	int cluster;			/* blocks, 1: none */
	bool cluster_y;			/* neighbours along the grid's y, not x */
	int64_t shared_bytes;
	const char *comment;		/* first lines of the kernel */
};

struct kernel *kernel_create(struct arena *a, const char *name, int threads);
struct k_buffer *kernel_global(struct kernel *k, const char *name,
	enum dtype t, int align, bool written, bool wide);
struct k_var *kernel_scalar(struct kernel *k, const char *name, enum dtype t);
struct k_buffer *kernel_array(struct kernel *k, enum k_scope scope,
	const char *name, enum dtype t, int rank, const int64_t *dims,
	int align);
/* Gives shared buffers their offsets; sets shared_bytes. */
void kernel_layout(struct kernel *k);
/* Registers that the launch gives each thread where roles change them: an equal
 * share of an SM's, in steps of 8. */
int kernel_registers(const struct kernel *k);

/* ---- map.c ---- */

/* A copy of "m". Programs with maps are for one shape: generalise() refuses
 * them. */
struct k_map *kernel_map(struct kernel *k, struct k_map m);
/* Bytes of a box, as barriers count them, and of one of its rows. */
int64_t k_map_bytes(const struct k_map *m);
int64_t k_map_row_bytes(const struct k_map *m);
/* How a buffer in shared memory that boxes lie in must be aligned. */
int k_map_align(const struct k_map *m);

/* ---- build.c: expressions fold what is constant as they are made ---- */

struct kx *kx_int(struct arena *a, int64_t v);		/* i32, or i64 if large */
struct kx *kx_float(struct arena *a, double v, enum dtype t);
struct kx *kx_var(struct arena *a, struct k_var *v);
struct kx *kx_special(struct arena *a, enum k_special s);
struct kx *kx_load(struct arena *a, struct k_buffer *b, ...);	/* rank kx */
struct kx *kx_op(struct arena *a, enum op op, enum dtype t, int n, ...);
struct kx *kx_cast(struct arena *a, enum dtype t, struct kx *e);
struct kx *kx_bits(struct arena *a, enum dtype t, struct kx *e);
/* The bits of "n" values of 32 / n bits as one u32, the first lowest. */
struct kx *kx_pack(struct arena *a, struct kx *const *v, int n);
struct kx *kx_call(struct arena *a, int intrin, enum dtype t, int n, ...);
struct kx *kx_address(struct arena *a, struct k_place p);
struct kx *kx_map(struct arena *a, const struct k_map *m);
/* Integer arithmetic: operands share a type; widened to i64 where mixed. Div
 * and mod are of non-negative values. kx_op folds the same way. */
struct kx *kx_add(struct arena *a, struct kx *x, struct kx *y);
struct kx *kx_sub(struct arena *a, struct kx *x, struct kx *y);
struct kx *kx_mul(struct arena *a, struct kx *x, struct kx *y);
struct kx *kx_div(struct arena *a, struct kx *x, struct kx *y);
struct kx *kx_mod(struct arena *a, struct kx *x, struct kx *y);
struct kx *kx_lt(struct arena *a, struct kx *x, struct kx *y);
struct kx *kx_and(struct arena *a, struct kx *x, struct kx *y);	/* NULL: true */
bool kx_is_int(const struct kx *e, int64_t *v);
/* Written alike: what they load may differ between two places. */
bool kx_same(const struct kx *x, const struct kx *y);
/* Least and greatest value as far as the expression itself shows (of block.x
 * >= 0, of x % 8 0..7); INT64_MIN and INT64_MAX where it doesn't. */
void kx_range(const struct kx *e, int64_t *lo, int64_t *hi);

/* ---- block.c: statements ---- */

struct k_block *k_block(struct arena *a);
void ks_comment(struct arena *a, struct k_block *b, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A fresh const variable; constants and variables are returned unbound. */
struct kx *ks_let(struct arena *a, struct k_block *b, const char *name,
	struct kx *value);
struct k_var *ks_mutable(struct arena *a, struct k_block *b, const char *name,
	enum dtype t, struct kx *init);
void ks_assign(struct arena *a, struct k_block *b, struct k_var *v,
	struct kx *value);
void ks_update(struct arena *a, struct k_block *b, struct k_var *v, enum op op,
	struct kx *value);
/* "step" NULL is 1. */
struct k_block *ks_for(struct arena *a, struct k_block *b, enum k_loop kind,
	const char *name, struct kx *lo, struct kx *hi, struct kx *step,
	struct kx **var);
/* A loop in steps of "step" that nvcc leaves as it is. Left to itself it unrolls
 * one of a few turns wholly, and then loads for all turns at once, in registers
 * that nobody counted: loops around what a sketch unrolled are made so. */
struct k_block *ks_serial(struct arena *a, struct k_block *b, const char *name,
	struct kx *lo, struct kx *hi, struct kx *step, struct kx **var);
/* A condition that is always true (NULL or constant) gives "b" itself, and
 * then takes no else. */
struct k_block *ks_if(struct arena *a, struct k_block *b, struct kx *cond);
struct k_block *ks_else(struct arena *a, struct k_block *b); /* of the last if */
struct k_place k_place(struct k_buffer *b, ...);		/* rank kx */
void ks_store(struct arena *a, struct k_block *b, struct k_place dst,
	struct kx *value);
void ks_copy(struct arena *a, struct k_block *b, enum k_copy kind,
	struct k_place dst, struct k_place src, int bytes, struct kx *cond,
	double fill);
void ks_commit(struct arena *a, struct k_block *b);
void ks_wait(struct arena *a, struct k_block *b, int in_flight);
void ks_barrier(struct arena *a, struct k_block *b, enum k_barrier kind);
void ks_barrier_named(struct arena *a, struct k_block *b, int id, int count);
void ks_fence(struct arena *a, struct k_block *b, bool device);
/* Returns the old value when "result" names a variable, else NULL. */
struct kx *ks_atomic(struct arena *a, struct k_block *b, enum op op,
	struct k_place dst, struct kx *value, const char *result);
void ks_call(struct arena *a, struct k_block *b, int intrin, int n, ...);
/* The body of a new role of "b"'s last statement, which is made a KS_ROLES if
 * it isn't one. */
struct k_block *ks_role(struct arena *a, struct k_block *b, const char *name,
	int lo, int hi, int registers);
struct ks *ks_push(struct arena *a, struct k_block *b, struct ks s);

/* ---- visit.c: what a statement is made of ---- */

/* Calls "look" with all that the statement itself computes, indices of its places
 * among it: each expression, then its operands. */
void ks_visit(const struct ks *s, void (*look)(void *ctx, const struct kx *e),
	void *ctx);
/* Its places; those that its kind has not are of no buffer. */
enum { KS_PLACES = 6 };
const struct k_place *ks_place(const struct ks *s, int i);
/* The blocks within, NULL where there is none: the body, the else, the roles'. */
int ks_blocks(const struct ks *s);
const struct k_block *ks_block(const struct ks *s, int i);

/* ---- prune.c: needs: nothing.  keeps: meaning.  Removes lets that nothing
 * uses, and register arrays that nothing reads. ---- */

void kernel_prune(struct arena *a, struct kernel *k);

/* ---- hoist.c: needs: steps that are final.  keeps: meaning.  Takes what unrolled
 * loops leave alone of addresses out of them. ---- */

void kernel_hoist(struct arena *a, struct kernel *k);
void program_hoist(struct arena *a, struct program *p);

/* ---- text.c, verify.c, eval.c ---- */

void kernel_print(const struct kernel *k, struct str *out);
/* One expression, variables and buffers by their hints. */
void kx_print(const struct kx *e, struct str *out);
/* NULL, or a sentence: a barrier in divergent code, a buffer or variable used
 * before it is written, an index of wrong rank, a copy of a width its address
 * cannot have, more shared memory or threads than "t" has, an intrinsic "t"
 * lacks, a tensor map the driver would refuse. */
const char *kernel_verify(struct arena *a, const struct kernel *k,
	const struct target *t);
/* Value of an integer expression over block.x alone; false if it has other
 * inputs. */
bool kx_eval(const struct kx *e, int64_t block_x, int64_t *out);
/* The same with variables that have a value; others are asked for: "value"
 * returns false for one that has none. */
struct kx_values {
	int64_t block_x;
	bool (*value)(const void *ctx, const struct k_var *v, int64_t *out);
	const void *ctx;
};
bool kx_eval_with(const struct kx *e, const struct kx_values *with,
	int64_t *out);

/* ---- program.c ---- */

enum p_role { P_IN, P_OUT, P_WORKSPACE, P_PREPARED };

/* Logical dimension "dim" divided by "div" and then, if "mod" is not 0, taken
 * modulo "mod". "stride" in elements. */
struct p_phys {
	int dim;
	int64_t div, mod, extent, stride;
	struct kx *open_extent, *open_stride;
};

/* How a tensor of the operator lies in memory, outermost first. */
struct p_extents {
	int rank;
	int64_t *dims;
	struct kx **open_dims;
	int n_phys;
	struct p_phys *phys;
};

/* A tensor of the operator or workspace between steps. */
struct p_tensor {
	const char *name;
	enum p_role role;
	enum dtype type;
	int64_t elements;
	struct kx *open_elements;
	int align;		/* bytes, checked by the launcher */
	bool constant;		/* P_IN: what prepares may take it */
	const char *over;	/* P_OUT: the input in whose memory it may
				 * lie, element for element, or NULL */
	const char *shape;	/* "[N, C, H, W] = [1, 64, 56, 56], layout(N, H,
				 * W, C)": for comments */
	struct p_extents *extents;	/* for manifests; NULL: workspace, or
				 * no expression over the sizes gives them */
	int64_t offset;		/* P_WORKSPACE: bytes, set by program_layout */
	struct kx *open_offset;	/* set by program_layout */
};

enum p_kind { P_LAUNCH, P_CLEAR, P_LIBRARY, P_FILE };

/* How "units", each a block or a cluster of them, share out "chunks" of each of the
 * first "tiles": in their order "each" of a unit, and one more of the first
 * "more"; then each takes "rounds" of the tiles behind, every units-th. The tiles
 * of a cluster count as one. A unit's turns go from the last of its shared tiles
 * to the first, then through the others; block.y, grid.y of which is 1 and
 * greater in checks by parts, is the first of them, and grid.y the step. */
struct p_stream {
	int64_t units, tiles, chunks, each, more, rounds;
};

/* How block.x maps to the output, for checks by parts: "rows" x "cols" results
 * in tiles of "tile_rows" x "tile_cols"; "row" and "col" are the first of this
 * block's tile, expressions over block.x; "batch" independent copies. Where
 * "row" is NULL the launch is checked whole. Blocks whose tiles have more than
 * two axes say themselves how many of the "results" in all they compute:
 * "area", over block.x; NULL elsewhere. Persistent blocks take tiles block.x,
 * block.x + grid.x and so on below "tiles", 0 if they have one each, or as
 * "stream" says if it has units; block.x is then a tile's number. */
struct p_tiling {
	int64_t rows, cols, batch;
	int64_t tile_rows, tile_cols;
	int64_t tiles;
	struct kx *row, *col, *batch_index;
	int64_t results;
	struct kx *area;
	struct p_stream stream;
};

/* "group" is which of the operator's the step is for. "early": the launch may
 * begin while the kernel before it runs, for which it waits by itself. */
struct p_step {
	enum p_kind kind;
	int group;
	struct kernel *kernel;
	bool early;
	int64_t grid[3];
	struct kx *open_grid[3];
	int *args;		/* tensors, one for each of kernel->globals */
	int n_args;
	int64_t *scalar_args;	/* launch-time values of kernel->scalars */
	struct kx **open_scalars;	/* or NULL: all are constant */
	int n_scalars;
	struct p_tiling tiling;
	int tensor;		/* P_CLEAR: workspace zeroed before the next */
	const struct p_call *call;	/* P_LIBRARY: "args" are its tensors */
	/* P_FILE: CUDA written by hand, whose "function" is the launcher: the
	 * program has no other step. */
	const char *file, *text, *function;
};

/* ---- early.c ---- */

/* Which launches begin early: those behind another of the same program, or also
 * the first, behind whatever the stream ran before; or none. */
enum p_overlap { P_STEPS, P_STREAM, P_APART };

/* needs: steps that are final.  keeps: meaning.  Marks them, for a target of
 * sm_90 or later, and has their kernels wait. */
void program_overlap(struct arena *a, struct program *p, enum p_overlap how);
/* Do all threads wait for the kernels before this one, before they touch
 * memory? */
bool kernel_waits(const struct kernel *k);

/* ---- alone.c ---- */

/* Writes nobody but this thread what the kernel reads of global "b", from its
 * launch on? Then it may be a restricted pointer. */
bool kernel_alone(const struct kernel *k, const struct k_buffer *b);

/* ---- in_place.c ---- */

/* needs: steps that are final.  keeps: meaning.  NULL where each output that is to
 * lie "over" an input can, and then what these are for kernels is "aliased"; else a
 * sentence that says why not. */
const char *program_in_place(struct arena *a, struct program *p);

/* ---- program.c ---- */

/* The tensor that the step binds to what the kernel's map is of. */
int p_map_tensor(const struct p_step *s, const struct k_map *m);

/* A size that the launcher takes as an argument. */
struct p_size {
	const char *name;
	struct k_var *var;	/* i64 */
	int64_t value;		/* the one the program was made at */
};

/* A number that the launcher computes once: a derived size. */
struct p_let {
	struct k_var *var;	/* i64 */
	struct kx *value;
};

/* What a size must satisfy, and as the user wrote it: "K % 8 == 0"; NULL for
 * what follows from another condition or is no user's business. */
struct p_condition {
	struct kx *holds;
	const char *text;
};

/* Where the operator has open sizes, its launcher takes "sizes". A program
 * made for one shape is right where each equals its "value". A "general" one
 * is right where "conditions" hold: what depends on the sizes is then in the
 * fields "open_...", expressions over the variables of "sizes" and "lets" in
 * i64; NULL there says that the plain field beside it holds for all sizes. The
 * plain fields are what they are at sizes[i].value. */
struct program {
	const char *name;	/* C symbol of the launcher */
	const char *launcher;	/* where several programs share one; or NULL */
	VEC(struct p_size) sizes;
	VEC(struct p_let) lets;
	VEC(struct p_condition) conditions;
	bool general;
	VEC(struct p_tensor) tensors;
	VEC(struct p_step) steps;
	VEC(struct p_step) prepare;	/* once, for constant operands */
	bool preparing;			/* the two are exchanged meanwhile */
	int64_t workspace, prepared;	/* bytes */
	struct kx *open_workspace, *open_prepared;
	const char *schedule;		/* text for the header comment */
	const char *summary;		/* one line: what is computed */
};

struct program *program_create(struct arena *a, const char *name);
/* Steps made from now on are to prepare constant operands; or, called again, no
 * more. */
void program_prepare(struct program *p);
void program_layout(struct program *p);
/* The same for a general program: offsets and sizes over open_elements too. */
void program_layout_open(struct arena *a, struct program *p);
void program_print(const struct program *p, struct str *out);
const char *program_verify(struct arena *a, const struct program *p,
	const struct target *t);
/* The general program's number "open", or else "fixed", where its sizes are
 * "sizes" (one each, in order). False where a condition does not hold or a
 * number overflows. */
bool program_number(const struct program *p, const int64_t *sizes,
	const struct kx *open, int64_t fixed, int64_t *out);

#endif
