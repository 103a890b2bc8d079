/* SPDX-License-Identifier: MIT */
/* Blocks of directives as values: schedules, tune and test blocks. In the
 * driver because they join the front end's syntax with the schedule room. */
#ifndef WPK_COMPILER_DRIVER_DIRECTIVES_H
#define WPK_COMPILER_DRIVER_DIRECTIVES_H

#include "base/diag.h"
#include "base/vec.h"
#include "front/ast.h"
#include "ir/ir.h"
#include "kernel/kernel.h"
#include "schedule/schedule.h"
#include "schedule/target.h"

/* ---- directives.c ---- */

/* A schedule block as a value: ranges expanded, sizes of "o" (or NULL) usable
 * in their ends. NULL after an error. */
struct schedule *directives_schedule(struct arena *a,
	const struct ast_item *item, const struct ir_operator *o,
	struct diag *d);

/* The choices that a set, a range or a single value stands for; "sizes" give
 * names in the ends of ranges their values. False after an error. */
bool directives_value(struct arena *a, const struct ast_expr *v,
	const struct ir_size *sizes, int n_sizes, struct diag *d,
	struct sched_value *out);

/* Mark the tensors that const(w) directives name. */
void directives_mark_constants(struct ir_operator *o,
	const struct schedule *s);

/* ---- directives_in_place.c ---- */

/* Outputs get the inputs that in_place(y, x) directives let them lie over. False
 * after an error, which is told if "d" is not NULL. */
bool directives_in_place(struct arena *a, struct ir_operator *o,
	const struct schedule *s,
	struct diag *d);

/* ---- directives_launch.c ---- */

/* launch(overlap = ..) on target "t" into "*out", which stays where none is said.
 * False after an error. */
bool directives_overlap(const struct schedule *s, const struct target *t,
	struct diag *d, enum p_overlap *out);
/* Can launches begin early there? */
bool overlap_on(const struct target *t);

/* ---- directives_pick.c ---- */

/* The schedule block for operator or instance "item" of "u", lowered as "o",
 * on "t": those written for the item itself come before those for the operator
 * behind it, then the most specific target, then blocks of "u" before those of
 * the files that it imports before those of the operator's own file, then their
 * order; "when" must hold. NULL if there is none: then all sketches compete. */
const struct ast_item *directives_pick(struct arena *a,
	const struct ast_unit *u, const struct ast_item *item,
	const struct ir_operator *o, const struct target *t, struct diag *d);

typedef VEC(const struct ast_item *) ast_item_list;

/* The schedule blocks for it on "t" that have a "when", in that order of
 * places. */
ast_item_list directives_guarded(struct arena *a, const struct ast_unit *u,
	const struct ast_item *item, const struct target *t);

/* Is "name", written in unit "from", the item "item" of "u" (2), the operator
 * behind it (1), or neither (0)? */
int directives_names(const struct ast_unit *from, const char *name,
	const struct ast_unit *u, const struct ast_item *item);

/* ---- directives_shapes.c ---- */

struct directives_shape {
	struct ir_size *sizes;
	int n;
	double weight;
	struct span at;
};

/* A .cu file that variant("...") names, at "at". */
struct directives_file {
	const char *name;
	struct span at;
};

/* What tune blocks of "u" say about "item" on "t": each shape(...) as the
 * product of its sets, each variant(...); "trials" and "seconds" 0 where no
 * budget is given. */
struct directives_tune {
	struct directives_shape *shapes;
	int n_shapes;
	struct directives_file *files;
	int n_files;
	int trials;
	double seconds;
};

/* The same sizes with the same values, in any order? */
bool directives_same_sizes(const struct directives_shape *x,
	const struct directives_shape *y);

bool directives_tune(struct arena *a, const struct ast_unit *u,
	const struct ast_item *item, const struct target *t,
	struct directives_tune *out, struct diag *d);

/* A test block: "item" is what it tests, of unit "owner"; without shape(...)
 * there is one shape that gives no sizes. */
struct directives_test {
	const struct ast_item *item;
	const struct ast_unit *owner;
	struct directives_shape *shapes;
	int n_shapes;
	const char **against;	/* ref, cublaslt, cudnn */
	int n_against;
	uint64_t seed;
	struct span at;
};

/* The unit's test blocks in file order; NULL after an error. */
struct directives_test *directives_tests(struct arena *a,
	const struct ast_unit *u, int *n, struct diag *d);

#endif
