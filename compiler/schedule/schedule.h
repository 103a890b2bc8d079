/* SPDX-License-Identifier: MIT */
/* Schedules as values: what the user pinned, what is open, and how directives
 * meet the tunables of a sketch. */
#ifndef WPK_COMPILER_SCHEDULE_SCHEDULE_H
#define WPK_COMPILER_SCHEDULE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "ir/ops.h"
#include "schedule/space.h"

enum sched_kind { SX_INT, SX_NAME, SX_STRING, SX_OP };

/* An integer expression over params, tunables, sizes and "smem_max"; a bare
 * name may instead be a word (shared, on, row). A string with "i" set is a
 * number with a point (margin = 1.02). */
struct sched_expr {
	enum sched_kind kind;
	int64_t i;
	const char *name;
	enum op op;
	struct sched_expr *args[3];
	struct span at;
};

/* The choices of one argument; one choice pins. */
struct sched_value {
	struct sched_expr **choices;
	int n;
	struct span at;
};

struct sched_arg {
	const char *key;	/* NULL: positional */
	struct sched_value value;
	struct span at;
};

struct sched_directive {
	const char *name;
	struct sched_arg *args;
	int n_args;
	struct span at;
};

struct sched_param {
	const char *name;
	struct sched_value value;
};

struct sched_require {
	struct sched_expr *expr;
	struct span at;
};

struct sched_arch {
	const char *lo, *hi;
	bool open;
};

struct schedule {
	const char *name, *op;		/* op: as written after "for" */
	struct sched_arch *archs;
	int n_archs;
	struct sched_expr *when;
	struct sched_param *params;
	int n_params;
	struct sched_require *requires;
	int n_requires;
	struct sched_directive *directives;
	int n_directives;
	struct span at;
};

/* Value of "e"; "lookup" gives names their values and returns false for names
 * it does not know, which makes the result false too. Division by zero and
 * overflow are false. */
bool sched_eval(const struct sched_expr *e,
	bool (*lookup)(void *ctx, const char *name, int64_t *v), void *ctx,
	int64_t *out);

/* The name a "fuse(npq = {n, p, q})" gives to exactly these axes, in any
 * order, or NULL. */
const char *sched_fused(const struct schedule *s, const char *const *axes,
	int n);

/* The directive's argument "key = ..", or NULL. */
const struct sched_arg *sched_keyed(const struct sched_directive *d,
	const char *key);

/* What "directive(.., subject, .., key = ..)" of the schedule (or NULL) says; NULL
 * where none does. */
const struct sched_arg *sched_said(const struct schedule *s,
	const char *directive, const char *subject, const char *key);

/* The expression as the language writes it. */
void sched_print_expr(const struct sched_expr *e, struct str *out);

/* ---- fallback.c ---- */

/* Algorithms of libraries are counted up to this. */
enum { SCHED_ALGORITHMS = 9999 };

/* What is wrong with the numbers of a fallback(...), and where; or NULL. */
const char *sched_fallback_wrong(const struct sched_directive *d,
	struct span *at);
/* Its margin = X; 1 where none is given. */
double sched_margin(const struct schedule *s);
/* Does a fallback(...) name the library, or is there none? */
bool sched_allows(const struct schedule *s, const char *library);
/* Its algorithm = N, or -1. */
int sched_algorithm(const struct schedule *s);
/* Its algorithm = legacy_N_MATH, one of cuDNN's that has a name, or NULL. */
const char *sched_algorithm_name(const struct schedule *s);

/* Directives that are honoured without a tunable, by every sketch: seed,
 * const, kernel, and fallback, a permission. */
bool sched_binds_alone(const char *directive);

/* Join the tunables of a sketch with a schedule (NULL: nothing pinned):
 * directives pin or narrow tunables, params become genes of their own that
 * several tunables follow, requires become tests. "sizes" are names usable in
 * expressions. On failure NULL, "*why" a sentence that names the directive and
 * what the sketch does take. "*at" its place. */
struct space *sched_bind(struct arena *a, const struct schedule *s,
	const struct tunable *tunables, int n, const char *const *size_names,
	const int64_t *size_values, int n_sizes, const char **why,
	struct span *at);

/* Sets the genes of a point that a seed(...) directive names, and leaves the others
 * as they are; false when there is no (further) seed. "which" counts from 0. */
bool sched_seed(const struct schedule *s, const struct space *sp, int which,
	int *genes);

/* The schedule's body in the language, ranges as sets. */
void sched_print(const struct schedule *s, struct str *out);

/* A point as a schedule in the language, every number pinned. */
void sched_print_point(const struct space *sp, const int *genes,
	struct str *out);

#endif
