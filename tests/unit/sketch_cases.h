/* SPDX-License-Identifier: MIT */
/* Operators on which the tests of sketches work, and programs for them at
 * points of their spaces. */
#ifndef WPK_TESTS_UNIT_SKETCH_CASES_H
#define WPK_TESTS_UNIT_SKETCH_CASES_H

#include "search/search.h"
#include "sketch/sketch.h"

/* An operator as text of the operator IR. */
struct sketch_case {
	const char *name, *text;
};

extern const struct sketch_case sketch_cases[];
extern const int n_sketch_cases;

/* An operator ready for sketches: folded, split and partitioned. "which" of the
 * sketches that apply computes it, counted in circles. "arithmetic", of
 * random_program(), is as check_request has it. */
struct prepared {
	struct arena *a;
	struct ir_operator *o, *arithmetic;
	struct ir_partition *p;
	int which;
};

/* ---- sketch_points.c ---- */

struct prepared prepare_by(struct arena *a, const char *text, enum ir_rule rule);
/* By the rule that joins statistics of rows. */
struct prepared prepare(struct arena *a, const char *text);
/* The operator alone, as written. */
struct prepared prepare_plain(struct arena *a, const char *text);

/* The group's task under the sketch that "which" means, its tunables among
 * it. */
struct group_space {
	struct task task;
	const struct sketch *sketch;
	const struct tunable *tunables;
	int n;
};

struct group_space open_group(const struct prepared *x, int group,
	const struct target *t);
/* A random legal point, or the default where "r" is NULL or luck fails. */
void pick_point(const struct group_space *g, struct rng *r, int *values);
/* A program of all groups at such points; "what" gets the points as text. */
struct program *random_program(struct prepared *x, const char *name,
	const struct target *t, struct rng *r, struct str *what);

#endif
