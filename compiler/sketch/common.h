/* SPDX-License-Identifier: MIT */
/* What sketches share below sketch.h: index arithmetic, reducers, names. */
#ifndef WPK_COMPILER_SKETCH_COMMON_H
#define WPK_COMPILER_SKETCH_COMMON_H

#include "sketch/sketch.h"

/* ---- index.c: integer arithmetic of indices ---- */

/* Value of an index expression, in i32 where its range is known to fit and in
 * i64 elsewhere. */
struct kx *index_value(const struct lower_env *env, const struct ir_expr *e);
/* "y", or 1 where it is 0: division by 0 yields anything, and must not trap. */
struct kx *index_divisor(struct arena *a, struct k_block *b, struct kx *y);
/* May "e", a quotient or rest computed in "t", be of the least value there is and
 * -1, whose quotient is no value of the type? */
bool index_overflows(const struct lower_env *env, const struct ir_expr *e,
	enum dtype t);
/* Flooring quotient or rest of values of one signed type whose signs are not known,
 * by 0 as by 1; "least": what index_overflows() says, and then it wraps. */
struct kx *index_floored(struct arena *a, struct k_block *b, enum op op,
	struct kx *x, struct kx *y, bool least);
/* The condition under which read "e" at "idx" lies in its tensor, NULL when
 * it always does; indices that the condition and the address share are bound
 * to variables in env->block. */
struct kx *index_guard(const struct lower_env *env, const struct ir_expr *e,
	struct kx **idx);
/* Indices of read "e" clamped to its tensor. */
void index_clamp(const struct lower_env *env, const struct ir_expr *e,
	struct kx **idx);

/* ---- promise.c: __launch_bounds__ ---- */

/* Registers that a sketch may want of a thread: ptxas keeps some for itself. */
enum { MOST_REGS = 248 };

/* Blocks of an SM to promise where a thread needs "regs" registers at once.
 * "early" words more are loads that nothing but the lack of registers keeps
 * ptxas from doing early: from global memory and in one unrolled stretch. It
 * does them early until all it may use is used, and then spills some: it is
 * given room for them, at most as much again as the thread needs. */
int promise_blocks(const struct target *t, int threads, int regs, int early,
	int smem);
/* The promise of a kernel whose registers ptxas does best to choose, by itself
 * about 32: none. But doubles ("wide") it then spills, and of blocks of more
 * than 512 threads it keeps two on an SM unless it is told that one will do. */
int promise_usual(const struct target *t, int threads, int regs, bool wide,
	int smem);
/* How threads of a block that has an SM for itself share registers anew: those of
 * four warps that only copy "give", and "groups" of four that multiply "keep" so
 * many, by instructions of up to "cols" columns. NULL: they do not. */
struct share_of_registers {
	int groups, give, keep, cols;
};
const struct share_of_registers *promise_share(int groups, int cols);
/* Registers that a thread may have where so many blocks are promised. */
int promise_registers(const struct target *t, int threads, int blocks);
/* "*occupancy" is how many blocks run at once on an SM. NULL, or that there is room
 * for none. */
const char *promise_room(const struct target *t, int threads, int regs, int smem,
	int *occupancy);

/* ---- lower.c ---- */

/* "e" as a value of type "t". */
struct kx *lower_as(const struct lower_env *env, const struct ir_expr *e,
	enum dtype t);
/* "x" as a value of type "t": floats truncate to integers, wrap, and compare
 * with 0 to become bool. */
struct kx *lower_convert(struct arena *a, struct kx *x, enum dtype t);
/* "x" op "y", of integers modulo 2^32 or 2^64 as the language has them: C++'s own
 * arithmetic is undefined beyond its range, and nvcc makes use of that. */
struct kx *lower_wrapping(struct arena *a, enum op op, enum dtype t,
	struct kx *x, struct kx *y);
/* "x" rounded to the storage type "t" and back to the type computed in. */
struct kx *lower_round(struct arena *a, struct kx *x, enum dtype t);

/* ---- reducer.c: running values of reductions ---- */

/* The accumulators of one reduction in one thread: "value", and for argmax
 * and argmin "at", the index it was found at. "ordered": values come in the
 * order of their indices, and "at" began as the first of all. */
struct running {
	enum reducer reducer;
	enum dtype type;
	struct k_var *value, *at;
	bool ordered;
};

/* "type" is the type of the values reduced, "at" that of indices (ignored by
 * reducers without); declared in "b" with the reducer's identity. */
struct running running_start(struct arena *a, struct k_block *b,
	const char *name, enum reducer r, enum dtype type, enum dtype at);
/* The same where it stands at "value" (and "at", or NULL) already. */
struct running running_resume(struct arena *a, struct k_block *b,
	const char *name, enum reducer r, struct kx *value, struct kx *at);
/* Instructions that take in a value with its index: two comparisons and two
 * selections, or, where indices come in no order, what is counted in emitted text. */
enum { INDEXED_ISSUE = 4, DISORDERED_ISSUE = 18 };
/* Take in a value found at index "at" (NULL for reducers without). */
void running_take(struct arena *a, struct k_block *b, const struct running *r,
	struct kx *value, struct kx *at);
/* The result, in the type computed in for an IR_REDUCE of type "t". */
struct kx *running_result(struct arena *a, const struct running *r,
	enum dtype t);
bool reducer_indexed(enum reducer r);
/* The value that changes nothing, and the index it is found at. */
struct kx *reducer_identity(struct arena *a, enum reducer r, enum dtype t);
struct kx *reducer_nowhere(struct arena *a, enum dtype at);
/* What is held and one value more, of reducers without an index. */
struct kx *reducer_join(struct arena *a, enum reducer r, enum dtype t,
	struct kx *held, struct kx *value);
/* Type of the indices of argmax and argmin of "e", in registers: 32 bits where they
 * fit. */
enum dtype reducer_at(const struct ir_operator *o, const struct ir_expr *e);
/* The first index that argmax and argmin of "e" may yield. */
struct kx *reducer_first(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *e);
/* Type of the values of reduction "e", in registers. */
enum dtype reducer_type(const struct ir_expr *e);
/* Index that argmax and argmin of "e" yield at the present axis values. */
struct kx *reducer_index(const struct lower_env *env, const struct ir_expr *e);
/* "e", an IR_REDUCE, by loops in this thread. */
struct kx *lower_reduction(const struct lower_env *env,
	const struct ir_expr *e);

#endif
