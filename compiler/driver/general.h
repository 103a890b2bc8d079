/* SPDX-License-Identifier: MIT */
/* Operators whose sizes stay open: the sizes at which they are looked at, and
 * what must be true of a point that serves them all. */
#ifndef WPK_COMPILER_DRIVER_GENERAL_H
#define WPK_COMPILER_DRIVER_GENERAL_H

#include "driver/session.h"
#include "ir/lower.h"
#include "kernel/generalise.h"

/* The operator at one choice of its open sizes: split, and cut into kernels by
 * each of the session's cuts. */
struct witness {
	const int64_t *sizes;
	struct ir_operator *op;
	struct witness_plan {
		struct ir_operator *op;
		struct ir_partition *partition;
	} *plans;
};

/* "at[0]" is the job's own operator; the first "n_fit" are what expressions are
 * found from, the others are what these must yield as well. "frame" is a
 * program without steps: sizes, derived sizes and conditions. */
struct general {
	struct session *session;
	const struct schedule *schedule;	/* the job's */
	const struct lower_open *open;
	const struct lower_request *request;
	struct program frame;
	struct ir_cut cuts[CUTS_MOST];
	int n_cuts;
	struct witness *at;
	int n_fit, n;
	struct fit_symbol *symbols;
	int n_symbols;
	int64_t scale;
	const int64_t *const *cases;	/* sizes at which it is checked */
	int n_cases;
};

/* What a candidate's sketch makes of the witnesses; "tunables" of each, which
 * may be others where sizes are small. */
struct general_tasks {
	struct task *tasks;
	const struct tunable **tunables;
	int *n;
	bool ready, sums_known;		/* "why", "sums_why": asked before */
	const char *why, *sums_why;
};

/* ---- general.c ---- */

/* Choose witnesses for the operator that "r" asks for, whose sizes are not all
 * given, and lower it at each; "fixed" sizes are open, and always these. NULL
 * with errors reported; without, where the request's own conditions leave no
 * sizes. */
struct general *general_create(struct session *s,
	const struct lower_request *r, const struct ir_size *fixed, int n);

/* The operator as lowered at these sizes. */
struct ir_operator *general_lower(struct session *s, const struct general *g,
	const int64_t *sizes);
/* Let every witness go through the passes and cut it into kernels; what differs
 * between them is marked. */
bool general_partition(struct session *s, struct general *g);
/* The operator at these sizes, likewise, but that nothing is marked: to be looked
 * at, not to make kernels of. False, with errors, if it cannot be. */
bool general_witness(struct session *s, const struct general *g,
	const int64_t *sizes, struct witness *w);
/* Mark it in a plan of the job as well. */
void general_mark_plan(const struct general *g, struct plan *p);

/* ---- general_sums.c ---- */

/* Where the candidate's sketch computes other sums than the operator's: can it be
 * judged at all sizes at which its kernels are checked? NULL, or why not. */
const char *general_sums_unknown(struct candidate *c);
/* The operator at these sizes with the sums of the choices made, where some are
 * others than its own; else NULL. */
const struct ir_operator *general_arithmetic(struct session *s,
	const struct job *j, const int64_t *sizes);

/* ---- general_point.c ---- */

/* The candidate's task at a witness, and its tunables there; NULL, or why there
 * is none. */
const char *general_task(struct candidate *c, const struct witness *w,
	struct task *t, const struct tunable **tunables, int *n);
/* The candidate's values for the tunables "x" of another size, by name: what
 * is not open there is left to the sketch, and what is not open here has its
 * first value; whether that comes to the same is seen from the kernels. */
void general_values(const struct candidate *c, const struct tunable *x,
	int n, const int *values, int *out);
/* NULL if these values are legal at every witness; else a sentence in "a". That
 * is quickly seen. */
const char *general_illegal(struct candidate *c, struct arena *a,
	const int *values);
/* NULL if the candidate's sketch makes, of these values, which are legal at every
 * witness, one kernel for all sizes; else a sentence in "a". */
const char *general_refuses(struct candidate *c, struct arena *a,
	const int *values);
/* The general program of the choices made. */
struct program *general_program(struct session *s, struct arena *a,
	const struct job *j);

/* What there is to check at sizes "i" of the cases: the operator as lowered,
 * and a program that has its tensors. False, with errors, if it cannot be
 * lowered there. */
bool general_case(struct session *s, struct arena *a, const struct job *j,
	int i, struct ir_operator **op, struct program **p, const char **name);

/* ---- general_mend.c ---- */

/* About how large sizes shall be, and what each is a multiple of. */
struct general_scale {
	int64_t *times;
	int64_t scale;
};

/* How many conditions of "frame" hold, -1 if all do. */
int general_held(const struct program *frame, const int64_t *sizes);
/* Move sizes, all but "fixed", until they do; false where no way was found. */
bool general_mend(const struct program *frame, const struct general_scale *to,
	int fixed, int64_t *sizes);

/* ---- general_sizes.c ---- */

/* Sizes at which the operator is looked at, in rows of frame->sizes.n: first
 * "*n_fit" large ones of about "scale", then those of "huge", small and round
 * ones, "*n" in all. NULL: nothing satisfies the conditions. */
const int64_t *const *general_sizes(struct arena *a, const struct program *frame,
	int64_t scale, const int64_t *const *huge, int n_huge, int *n_fit,
	int *n);
/* Size "i" about "scale", the others small; NULL if conditions forbid it. */
const int64_t *general_huge(struct arena *a, const struct program *frame, int i,
	int64_t scale);
/* Sizes for emulation: ones, small and middling primes, round numbers. */
const int64_t *const *general_cases(struct arena *a, const struct program *frame,
	int64_t scale, int *n);

#endif
