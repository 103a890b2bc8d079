/* SPDX-License-Identifier: MIT */
/* wpkc explain: what each directive of a schedule bought, found by taking it
 * away; why the other sketches and the other cuts into kernels lost. */
#ifndef WPK_COMPILER_DRIVER_BOUGHT_H
#define WPK_COMPILER_DRIVER_BOUGHT_H

#include "driver/session.h"
#include "search/record_read.h"

/* What a point costs: "predicted" by the model, with the bounds of that, and
 * "measured" on the GPU; INFINITY where not known. */
struct bought_cost {
	double predicted, measured;
	struct model_bounds bounds;
	struct features features;
};

/* What is put in the place of a value: what says nothing, the next one, the best
 * of all others; or the value itself. */
enum taking { TAKE_OFF, TAKE_SMALLER, TAKE_LARGER, TAKE_OTHER, TAKE_NOTHING };

/* "ratio" is of costs of one kind, of the try's to the winner's: "by_measure",
 * or by prediction. "rechosen": the other open numbers are another look's, for
 * which "why" may say that it had to be so. "whole": the other numbers of its
 * directive say nothing either, since else no legal point was found. */
struct bought_try {
	enum taking how;
	const char *value;
	struct bought_cost cost;
	double ratio;
	bool by_measure, rechosen, whole;
	const char *why;
};

/* Who gave a number its value: the schedule or --set, the lock or the look, the
 * sketch, which leaves it no choice; or it follows from params. */
enum origin { ORIGIN_PINNED, ORIGIN_CHOSEN, ORIGIN_SKETCH, ORIGIN_FOLLOWS };

/* One number that search varies, or a tunable that follows from others. "names"
 * are the tunables that have this value, NULL-ended; the first is "name" unless
 * that is a param. "neutral": it is what says nothing. */
struct bought_row {
	const char *name, *value;
	const char *const *names;
	enum origin origin;
	bool neutral;
	double nothing;			/* ratio of taking away nothing */
	struct bought_try tries[2];
	int n;
};

/* Another sketch for the group: "why" it does not serve, or its best cost. */
struct bought_rival {
	const struct sketch *sketch;
	const char *why;
	struct bought_cost cost;
	double ratio;
	bool by_measure;
};

/* "better": seconds that a short look from the winner predicts, INFINITY if it
 * finds none better. */
struct bought_group {
	const char *kernel;
	const struct choice *choice;
	struct candidate *open;		/* the winner's, not bound by the lock */
	int *genes;
	struct bought_cost cost;
	struct bought_row *rows;
	int n_rows;
	struct bought_rival *rivals;
	int n_rivals;
	double better;
};

/* A way to cut the operator into kernels, or a file written by hand, whose time
 * is "measured" (INFINITY: by no record). "by": sketches, the kernels' in order;
 * "why" where it does not serve or has no predicted cost. */
struct bought_plan {
	const char *kernels, *by, *why;
	double predicted, measured, ratio;
	bool taken;
};

struct bought {
	struct session *s;
	const struct record_lines *records;	/* or NULL */
	const struct job *job;
	bool from_lock;
	const char *unused;		/* why the lock's is not used, or NULL */
	struct bought_group *groups;
	int n_groups;
	struct bought_plan *plans;
	int n_plans;
};

/* ---- bought_neutral.c ---- */

/* The value by which a tunable says nothing; false if it has none. */
bool bought_neutral(const struct tunable *t, int *value);
/* The next value on each side; false where there is none. */
bool bought_smaller(const struct gene *g, const struct tunable *t, int v,
	int *out);
bool bought_larger(const struct gene *g, const struct tunable *t, int v,
	int *out);

/* ---- bought_cost.c ---- */

/* Cost of a legal point of group "g"; measured where a record has it. */
struct bought_cost bought_cost(const struct bought *b, int group,
	const struct candidate *c, const int *genes);
/* The least measured of a sketch for a group, where "gene" (-1: any) has this
 * value. */
double bought_least(const struct bought *b, int group,
	const struct candidate *c, int gene, int value);
/* "x" to "to", in costs of one kind. */
double bought_ratio(const struct bought_cost *x, const struct bought_cost *to,
	bool *by_measure);

/* ---- bought.c ---- */

/* Take the group's directives away, one by one. */
void bought_rows(const struct bought *b, int group);
/* False, with errors, where nothing computes the operator. */
bool bought_explain(struct session *s, struct job *j, struct bought *b);

/* ---- bought_print.c, bought_json.c ---- */

void bought_print(const struct bought *b, struct str *out);
void bought_json(const struct bought *all, int n, struct str *out);

/* ---- bought_command.c ---- */

/* The command "wpkc explain" with its arguments; returns the exit code. */
int bought_main(struct arena *a, int argc, char **argv);

#endif
