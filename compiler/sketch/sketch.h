/* SPDX-License-Identifier: MIT */
/* Sketches: a kernel's structure with its numbers open. One file each, five
 * functions and where needed more; adding a way to compute is one file and
 * one row in table.c. */
#ifndef WPK_COMPILER_SKETCH_SKETCH_H
#define WPK_COMPILER_SKETCH_SKETCH_H

#include "ir/ir.h"
#include "kernel/kernel.h"
#include "schedule/schedule.h"
#include "schedule/space.h"
#include "schedule/target.h"

/* A .cu file written by hand, and the launcher that it defines. "hash" is of
 * its text. */
struct task_file {
	const char *name, *text, *function;
	uint64_t hash;
};

/* One group of one operator on one target: what every function works on.
 * "state" is the sketch's own analysis, made by "applies". */
struct task {
	struct arena *a;
	const struct ir_operator *op;
	const struct ir_group *group;
	int index, n_groups;		/* which group of how many */
	bool in_place;			/* it writes where an input lies that it
					 * reads */
	const struct target *target;
	const struct gpu *gpu;
	const struct schedule *schedule;	/* or NULL */
	const struct task_file *file;	/* of variant("..."), or NULL */
	void *state;
};

/* Why a directive says nothing to a sketch, and what to write instead: goes on
 * from "it does not honour NAME: ". */
struct sketch_refusal {
	const char *directive, *why;
};

struct sketch {
	const char *name, *summary;
	/* NULL-ended: the directives that some tunable of it takes. */
	const char *const *directives;
	/* Of the others, up to a row without a name. */
	const struct sketch_refusal *refusals;
	bool by_request;	/* only where a file is named */
	bool opaque;		/* nobody sees when it reads and writes, so
				 * that it does neither in place */
	bool deterministic;	/* equal inputs give equal bits, whatever the
				 * order in which blocks run */
	bool chains;		/* it computes those, and nothing else */
	bool kinds;		/* mma(.., kind = ..) is an open number of it, not
				 * another sketch */
	/* NULL, or the directive without which it does not compete, and why:
	 * goes on from "it ". */
	const char *asked_by, *asked_why;
	bool unpriced;		/* what it costs only a GPU can say: where none
				 * is measured it serves who names it; other
				 * directives than its own are for others */
	/* False, with "*why" a sentence for the user. */
	bool (*applies)(struct task *t, const char **why);
	/* The open numbers, in "*n" rows of the task's arena. */
	const struct tunable *(*tunables)(const struct task *t, int *n);
	/* NULL if the values (one a tunable) make a kernel that fits the
	 * target, else a sentence with the nearest legal value where there is
	 * one. Cheap: no allocation unless it fails ("a" is for the sentence;
	 * NULL where nobody reads it, any text then says no). */
	const char *(*legal)(const struct task *t, struct arena *a,
		const int *values);
	/* NULL, or of a legal point whose kernels cannot write where they read
	 * (task's "in_place"): which number is in the way, and the nearest that
	 * is not; or NULL, where none is known to be. */
	const char *(*in_place)(const struct task *t, struct arena *a,
		const int *values);
	void (*features)(const struct task *t, const int *values,
		struct features *out);
	/* In place of features, or NULL: both of these by one plan, false if the
	 * point is not legal. */
	bool (*price)(const struct task *t, const int *values,
		struct features *out);
	/* NULL, or what no point has less of: operations and compulsory bytes,
	 * of one launch; all else is left 0. */
	void (*least)(const struct task *t, struct features *out);
	/* The untuned default: writes one value a tunable; legal. */
	void (*start)(const struct task *t, int *values);
	/* NULL, or the same of kernels so different that single numbers do not
	 * lead to them, and that need not be legal: number "n" of them, false
	 * where there are not so many. */
	bool (*other_start)(const struct task *t, int n, int *values);
	/* NULL, or the key or subject of tunables that were not there yet when
	 * some locks and records were written, which say nothing of them and
	 * mean the first value. */
	const char *newer;
	/* Append the group's steps to "p", whose tensors program_of made. */
	void (*build)(const struct task *t, struct arena *a,
		const int *values, struct program *p);
	/* NULL, or rewrites the group's statements in "o", a copy of the
	 * task's operator in which those of other groups may be rewritten, as
	 * what the point computes; false where that is their own sum, which
	 * it is at all points of a task or at none. */
	bool (*arithmetic)(const struct task *t, struct arena *a,
		const int *values, struct ir_operator *o);
};

/* All sketches, NULL-ended. */
const struct sketch *const *sketch_list(void);
/* What a legal point has, whichever of features() and price() the sketch has. */
void sketch_features(const struct sketch *s, const struct task *t,
	const int *values, struct features *out);
const struct sketch *sketch_named(const char *name);

/* NULL, or the type by which no sketch computes the group's statements. */
const char *sketch_lacks(const struct ir_operator *o, const struct ir_group *g);

/* Does sketch "s" honour this directive anywhere, or have it honoured by others?
 * For wpk(7)'s table. */
bool sketch_honours(const struct sketch *s, const char *directive);
/* Why not, of one that it does not. */
const char *sketch_refuses(const struct sketch *s, const char *directive);

/* A program with tensors for the operator's inputs, outputs and the lets that
 * cross groups (workspace, or prepared once), indexed by IR tensor id where
 * "map[id]" >= 0. */
struct program *program_of(struct arena *a, const struct ir_operator *o,
	const struct ir_partition *p, int **map);
/* The program's tensor of this name, or -1. */
int program_tensor(const struct program *p, const char *name);
/* Add a workspace tensor named after "name". */
int program_workspace(struct arena *a, struct program *p, const char *name,
	enum dtype type, int64_t elements);
/* The same for what steps of p->prepare make once of constant inputs. */
int program_prepared(struct arena *a, struct program *p, const char *name,
	enum dtype type, int64_t elements);
/* Append the steps of the task's group, by "s" at a legal point: among those that
 * prepare constants, if it writes nothing else. */
void program_build(const struct sketch *s, const struct task *t,
	struct arena *a, const int *values, struct program *p);
/* C name of the next kernel: OP_kernel, or OP_kernel_N where the operator has
 * "several". */
const char *program_kernel_name(struct arena *a, const struct program *p,
	bool several);
/* A global buffer in "k" for the program's tensor "tensor", appended to the
 * step's args. */
struct k_buffer *program_bind_at(struct arena *a, const struct program *p,
	struct p_step *step, struct kernel *k, int tensor, bool written);
/* The same for IR tensor "t". */
struct k_buffer *program_bind(struct arena *a, const struct program *p,
	struct p_step *step, struct kernel *k, const struct ir_tensor *t,
	bool written);

/* ---- shared by sketches: lower.c ---- */

/* Value expression of IR "e" in kernel terms: axis i is "axes[i]", reads load
 * from "buffers[tensor]" (global or register) unless "hook" supplies the value
 * (a staged operand, the accumulator). Index arithmetic in i32 unless the
 * buffer is wide. Narrow floats are widened on load; results are of e->type
 * in a computable type (f32 for f16, bf16). Pads become guarded loads. */
struct lower_env {
	struct arena *a;
	const struct ir_operator *op;
	struct kx **axes;
	struct k_buffer **buffers;
	struct k_block *block;	/* guarded loads bind variables here */
	struct kx *(*hook)(void *ctx, const struct ir_expr *e);
	void *ctx;
};

struct kx *lower_expr(const struct lower_env *env, const struct ir_expr *e);
/* Element offset in a tensor of logical indices given as kernel values. */
struct kx *lower_offset(const struct lower_env *env, const struct ir_tensor *t,
	struct kx *const *idx);
/* Rounded to the tensor's type and stored. */
void lower_store(const struct lower_env *env, struct k_block *b,
	const struct ir_tensor *t, struct kx *const *idx, struct kx *value);
/* The type computed in for a value of type "t": f32 for f16, bf16, ... */
enum dtype lower_type(enum dtype t);

#endif
