/* SPDX-License-Identifier: MIT */
/* Walks: statements that go over one flattened domain together, row by row.
 * The domain is a nest of row axes and a nest of inner axes; a position is a
 * flat index in each. An elementwise operator is a walk of one row, a softmax
 * a walk whose statements share the rows. */
#ifndef WPK_COMPILER_SKETCH_WALK_H
#define WPK_COMPILER_SKETCH_WALK_H

#include "sketch/common.h"

enum { NEST_AXES = 16, VECTOR_BYTES = 16 };

/* Axes of extent other than 1, outermost first; run r covers axes
 * [first[r], first[r + 1]), whose product "run[r]" everything read and written
 * steps through at constant strides. "spelled": its values are needed one by
 * one. */
struct nest {
	int n;
	const char *name[NEST_AXES];
	int64_t extent[NEST_AXES], total;
	bool spelled[NEST_AXES];
	int n_runs, first[NEST_AXES + 1];
	int64_t run[NEST_AXES];
};

/* c + sum of row[i] * (i-th row axis, from 0) + the same of inner axes. */
struct form {
	int64_t c;
	int64_t row[NEST_AXES], in[NEST_AXES];
};

/* One tensor read (by "read", the first of equal ones) or written (NULL) at one
 * form. "direct": always in range and at "at"; otherwise index by index.
 * "width": elements of the longest vector its alignment allows along the
 * innermost run, 1 if it does not step by 1 there. "guarded": not direct, but
 * along the innermost run it steps by 1 and is in range, and whatever else its
 * indices are, they do not change there: rows that are gathered or padded.
 * Where it is not direct, elements between what neighbours along the innermost
 * row axis and the innermost inner one read, -1: nobody knows.
 * "pieces": bit i set when piece i reads or writes it. */
struct access {
	const struct ir_expr *read;
	const struct ir_tensor *tensor;
	bool direct, guarded;
	struct form at;
	int width;
	double apart_row, apart_in;
	uint64_t pieces;
};

/* One statement: "value" is what is computed at each point, the expression or
 * what "reduction" (or NULL) reduces. Axis ids in nest order; "out" is the
 * access it writes, -1 where the value stays in registers; "per_row" if it has
 * no inner axes and reduces none. Bit i of "uses" is set when it reads what
 * piece i computes. */
struct piece {
	const struct ir_stmt *stmt;
	const struct ir_expr *value, *reduction;
	int row_axis[NEST_AXES], in_axis[NEST_AXES];
	int out;
	bool per_row;
	uint64_t uses;
};

/* Direct reads are numbered below 64, for masks; reads past that many are done
 * index by index. */
enum { WALK_PIECES = 64, ACCESS_LIMIT = 56 };

struct walk {
	struct nest rows, in;
	VEC(struct access) acc;
	VEC(struct use { const struct ir_expr *read; int access; }) uses;
	VEC(struct piece) pieces;
	bool wide;		/* it computes doubles */
	int aside;		/* expr_aside() of what elements compute */
};

/* ---- nest.c ---- */

/* Those of "axes" whose extent is not 1, in order. False: more than
 * NEST_AXES. */
bool nest_make(const struct ir_operator *o, const int *axes, int n,
	struct nest *out);
/* Join neighbouring axes wherever all "n" forms allow it; "inner" says which
 * half of the forms. */
void nest_join(struct nest *x, const struct form *const *forms, int n,
	bool inner);
/* Values of the runs at flat position "at". */
void nest_decode(struct arena *a, struct k_block *b, const struct nest *x,
	struct kx *at, struct kx **runs);
/* Sum of the runs' contributions to a form. */
struct kx *nest_sum(struct arena *a, const struct nest *x,
	const int64_t *coef, struct kx *const *runs, bool wide);

/* ---- walk.c ---- */

/* Where the order of the axes comes from: a read or write, whose strides are
 * followed, greatest outermost. "index" NULL: the statements' own order. Axes of
 * rows along which it does not move are outermost, or, "idle", innermost. */
struct reference {
	const struct ir_stmt *stmt;
	const struct ir_tensor *tensor;
	struct ir_expr *const *index;
	bool idle;
};

/* The walk of the group's statements, whose first "n_rows" axes are the row.
 * NULL with "*why" if there is none. */
struct walk *walk_of_group(const struct task *t, int n_rows,
	const struct reference *ref, const char **why);
/* Axis at inner position "k" of statement "s", or -1. */
int stmt_inner_axis(const struct ir_stmt *s, int n_rows, int k);
/* Names of the tensors it moves in vectors, NULL-ended. */
const char **walk_vector_names(const struct task *t, const struct walk *w);
/* The piece that writes "tensor", or -1. */
int walk_writer(const struct walk *w, int tensor);
/* Do other pieces use what piece "i" computes? */
bool walk_used(const struct walk *w, int i);
/* Largest vector of the walk's accesses, at most "limit". */
int walk_vector(const struct walk *w, int limit);

/* ---- access.c ---- */

/* Elements between what neighbours along "axis" read at "offset", as it mostly
 * is; -1 where that depends on data. */
double access_apart(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *offset, int axis);
/* Fills in how far apart neighbours are, for a read that is not direct. */
void access_guess(struct arena *a, const struct ir_operator *o,
	const struct walk *w, const struct piece *p, struct access *x);
/* Bytes asked of the second-level cache for an element of such a read, if
 * neighbouring threads are "apart" by so many elements: what a table of few
 * bytes holds stays in the first. */
double access_bytes(const struct access *x, double apart);
/* Of "asked" bytes that are read in all, those that reach the second-level cache: a
 * tensor that the first keeps beside what streams through it each multiprocessor asks
 * for once. */
double access_beyond(const struct access *x, const struct task *t,
	double asked);
/* Compulsory bytes of a walk of one row: no tensor has more than it holds, nor than
 * the walk has positions. */
double walk_bytes(const struct task *t, const struct walk *w);
/* Elements at a time that access "x" is moved by in vectors of "v". */
int access_chunk(const struct access *x, int v);
bool access_uniform(const struct walk *w, const struct access *x);
/* Contiguous along the innermost run. */
bool access_vector(const struct walk *w, const struct access *x);
/* Contiguous in the order of the walk, from one run to the next: vectors of at
 * most this many elements, 0 where it is not. */
int access_across(const struct walk *w, const struct access *x);

/* ---- cost.c ---- */

/* What one result of "e" costs: operations, of which "special" take the
 * special-function unit, and the instructions that they are made of. */
struct cost_of {
	double ops, special, issue;
};
struct cost_of cost_add(struct cost_of x, struct cost_of y);
struct cost_of expr_cost(const struct ir_expr *e);
/* Of its outermost operation alone. */
struct cost_of expr_own_cost(const struct ir_expr *e);
/* Does "e" compute doubles? */
bool expr_wide(const struct ir_expr *e);
/* Registers that it takes to compute, beside its operands: those of division
 * and functions of doubles. ptxas -v of each alone gives 3 to 20 more than of a
 * copy, of division 14. */
int expr_aside(const struct ir_expr *e);

/* ---- stream.c: a walk in a kernel ---- */

/* A position: the inner runs' values at the first of "v" elements, the
 * element among them, and the register slot that holds what was loaded.
 * "apart": the values are those of the element itself. "flat": the number of
 * the first among all positions, or NULL. */
struct point {
	struct kx *in[NEST_AXES];
	struct kx *element, *slot, *flat;
	bool apart;
};

/* Registers of an access or of a piece's results: a buffer of
 * [slots][elements], or one value; "stash" is where in shared memory its slots
 * are, one of which the registers then hold. "carried": slots are a thread's
 * rows. */
struct held_access {
	struct k_buffer *buffer, *stash;
	struct kx *value;
	bool slotted, carried;
};

struct stream {
	struct arena *a;
	const struct ir_operator *op;
	const struct walk *w;
	struct kernel *kernel;
	struct k_buffer **buffers;	/* by tensor */
	struct kx **values;		/* by tensor: those held in registers */
	int v;
	bool wide;			/* positions are i64 */
	bool spans;			/* vectors go on from one run to the
					 * next; those of accesses "across" */
	uint64_t across;		/* move whole, others by elements */
	struct kx *row[NEST_AXES];
	struct kx *carried;		/* which of the thread's rows that is */
	struct kx *stored;		/* results are stored where this holds;
					 * NULL: everywhere */
	struct held_access *held;	/* by access */
	struct held_access *kept;	/* by piece: results */
};

struct stream stream_create(struct arena *a, const struct ir_operator *o,
	const struct walk *w, struct kernel *k, struct k_buffer **buffers,
	struct kx **values, int v);
/* Parameters of "k" for the tensors that pieces "readers" read and pieces
 * "writers" write, into "buffers" by tensor id. */
void stream_bind(const struct task *t, struct arena *a, const struct walk *w,
	const struct program *p, struct p_step *step, struct kernel *k,
	struct k_buffer **buffers, uint64_t readers, uint64_t writers);
/* Decodes row number "row". */
void stream_row(struct stream *s, struct k_block *b, struct kx *row);
struct point stream_point(struct stream *s, struct k_block *b, struct kx *at);
/* Declare registers for "slots" vectors of every access in "mask" that no
 * registers hold yet; for a single value only if it is to outlast the block it
 * is loaded in ("always"). */
void stream_hold(struct stream *s, uint64_t mask, int slots, bool always);
/* Load accesses "mask" at "p" into the slot p->slot. */
void stream_load(struct stream *s, struct k_block *b, uint64_t mask,
	const struct point *p);
/* Keep the results of piece "i" of "slots" vectors in registers. */
void stream_keep(struct stream *s, int i, int slots);
void stream_put(struct stream *s, struct k_block *b, int i,
	const struct point *p, struct kx *value);
/* Value of piece "i" at element "p->element", to be used once. What other
 * pieces compute there is taken from "values", from where it is kept, or
 * computed again. */
struct kx *stream_value(struct stream *s, struct k_block *b, int i,
	const struct point *p);
/* Forget what "values" holds of inner results: the next element follows. */
void stream_forget(struct stream *s);
/* Index argmax and argmin of piece "i" yield there. */
struct kx *stream_place(struct stream *s, struct k_block *b, int i,
	const struct point *p);
/* Store the value of piece "i" at one element. */
void stream_store(struct stream *s, struct k_block *b, int i,
	const struct point *p, struct kx *value);
/* For each element of a vector: the block of a loop over them, or "b" itself
 * where a vector is one element; sets p->element. */
struct k_block *stream_elements(struct stream *s, struct k_block *b,
	struct point *p);
/* All statements of a walk without rows at the elements of the vector at "p",
 * and their stores. "each", if set, may place an element: set the point's
 * values, and what is "held" of accesses. */
void stream_compute(struct stream *s, struct k_block *b, struct point *p,
	void (*each)(void *ctx, struct stream *s, struct k_block *b,
		struct point *p), void *ctx);
/* Vectors of results: stores collect in registers until flushed. */
void stream_collect(struct stream *s, struct k_block *b, int i,
	const struct point *p, struct kx *value);
void stream_flush(struct stream *s, struct k_block *b, int i,
	const struct point *p);
/* Offset of access "x" at "p", of the first of its elements. */
struct kx *stream_address(const struct stream *s, const struct access *x,
	const struct point *p);
/* Accesses that piece "i" reads, itself or through pieces that are not in
 * "known" and have to be computed again. */
uint64_t walk_reads(const struct walk *w, int i, uint64_t known);

/* ---- stash.c: vectors kept in shared memory, each thread its own ---- */

/* Room for "slots" vectors of these accesses and pieces. */
void stream_stash(struct stream *s, uint64_t accesses, uint64_t pieces,
	int slots);
/* From memory; with "async" complete only after a wait. */
void stream_stash_load(struct stream *s, struct k_block *b, uint64_t mask,
	const struct point *p, bool async);
/* The results of piece "i" at p->slot, out of registers if they have room. */
void stream_stash_put(struct stream *s, struct k_block *b, int i,
	const struct point *p);
/* What is kept at p->slot, into registers. */
void stream_stash_take(struct stream *s, struct k_block *b, uint64_t accesses,
	uint64_t pieces, const struct point *p);

#endif
