/* SPDX-License-Identifier: MIT */
/* Private to the schedule room: what its files share. */
#ifndef WPK_COMPILER_SCHEDULE_PRIVATE_H
#define WPK_COMPILER_SCHEDULE_PRIVATE_H

#include "schedule/schedule.h"
#include "schedule/space.h"

/* ---- space.c ---- */

/* A size's value, or "smem_max"; false if there is none of that name. */
bool space_size_named(const struct space *s, const char *name, int64_t *v);

/* "v" as the language writes it. */
void space_print_value(const char *const *words, int v, struct str *out);

/* ---- values.c: what the arguments of directives stand for ---- */

/* What becomes of one param: "gene" once something follows it; "alias" if it
 * is an expression of other params. */
struct bind_param {
	const struct sched_param *param;
	int gene;
	const struct sched_expr *alias;
};

/* One sched_bind under way. "by" is the directive that pinned each tunable,
 * or NULL. */
struct binding {
	struct arena *a;
	const struct schedule *s;
	struct space *sp;
	struct bind_param *params;
	const struct sched_directive **by;
	const char *why;
	struct span at;
};

/* Remember the first reason; returns false. */
bool bind_fail(struct binding *b, struct span at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Prepare the schedule's params. */
bool bind_params(struct binding *b);

/* Give tunable "t" the choices "v": a gene of its own, a param's gene, or an
 * expression. */
bool bind_value(struct binding *b, int t, const struct sched_value *v);

/* Give tunable "t" a gene with its own values. */
void bind_open(struct binding *b, int t);

/* "e" with every alias replaced and every name known; genes are made for the
 * params in it. Requires alone may name tunables, so that no tunable depends
 * on itself. NULL after bind_fail. */
const struct sched_expr *bind_expr(struct binding *b,
	const struct sched_expr *e, bool tunables, struct span at);

/* The value of one choice without params: a word, or a number. */
bool bind_choice(struct binding *b, const struct sched_expr *e,
	const char *const *words, const char *what, struct span at, int *v);

/* ---- seed.c ---- */

/* Check that every seed is a point of the space. */
bool bind_seeds(struct binding *b);

#endif
