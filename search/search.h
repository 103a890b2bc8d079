/* SPDX-License-Identifier: MIT */
/* Search knows integers, costs and seeds. A problem is genes with values, a
 * validity test and a function from points to costs; it runs unchanged on the
 * model, on a recorded table and on a GPU. */
#ifndef WPK_SEARCH_SEARCH_H
#define WPK_SEARCH_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "schedule/space.h"

struct gpu;
struct rng;

enum verdict {
	V_PRUNED, V_COMPILE, V_SPILL, V_LAUNCH, V_FAULT, V_TIMEOUT, V_WRONG,
	V_SLOW, V_MEASURED, N_VERDICTS
};

const char *verdict_name(enum verdict v);

/* "seconds" is INFINITY unless the verdict is measured or slow. */
struct cost {
	double seconds;
	enum verdict verdict;
	const char *message;	/* of a failure, or NULL */
};

/* What is known of a sister problem, on another GPU or of another shape: "n"
 * points, as values of the genes of the problem at hand, and their seconds
 * there, INFINITY of a failure. A hint: it may mislead. */
struct prior {
	const int *genes;
	const double *seconds;
	int n;
};

/* "genes" below are values, one for each of space->genes. */
struct problem {
	const struct space *space;
	void *ctx;
	/* NULL if the point is legal, else a sentence; must be cheap. */
	const char *(*legal)(void *ctx, struct arena *a, const int *genes);
	/* Costs of "n" points, all legal, point i at genes + i * n_genes. */
	void (*measure)(void *ctx, struct arena *a, const int *genes, int n,
		struct cost *out);
	/* Or, where costs take their time: "begin" takes up a point, which stays
	 * where it is, under a number below "window" that is free. "wait" waits
	 * for the costs of some, in any order: it writes "window" of them and
	 * their numbers at most; 0 of those under way will have none. Messages
	 * live until the next call. */
	void (*begin)(void *ctx, int number, const int *genes);
	int (*wait)(void *ctx, int *numbers, struct cost *out);
	/* Write a legal point, each as likely as any other. NULL where legal
	 * points are common: the grid's are drawn until one is legal. */
	void (*draw)(void *ctx, struct rng *rng, int *genes);
	const int *seeds;	/* n_seeds points tried first */
	int n_seeds;
	int batch;		/* points it likes to measure at once; 0: one */
	int window;		/* points it likes to have under way */
	const struct prior *prior;	/* or NULL */
	/* Points whose costs are known already: they are not measured, and
	 * "counted" of them count as trials all the same. */
	const int *known;
	const struct cost *known_costs;
	int n_known, counted;
};

struct budget {
	int trials;		/* distinct measured points */
	double seconds;		/* wall time, 0: none */
	uint64_t seed;
	int effort;		/* 1..10; of ga: population and litters */
};

struct progress {
	int trials, total;
	double best, elapsed;
	const int *best_genes;
};

struct result {
	int *genes;		/* the best point, NULL if none was legal */
	double seconds;
	int trials;
	int counts[N_VERDICTS];
	const char *first[N_VERDICTS];	/* first message of each verdict */
	int *history;		/* all measured points, best first */
	double *history_cost;
	int n_history;
	bool interrupted;
};

/* Points that are under way: proposed, whose costs will be told later. */
struct pending {
	const int *genes;
	int n;
};

/* Strategies: one row each. Propose at most "want" points not proposed before,
 * all legal; 0 means exhausted. Learn is told every cost, in the order in which
 * they come. */
struct strategy_state;
struct strategy {
	const char *name, *summary;
	struct strategy_state *(*start)(struct arena *a,
		const struct problem *p, const struct budget *b);
	int (*propose)(struct strategy_state *s, const struct pending *p,
		int *genes, int want);
	void (*learn)(struct strategy_state *s, const int *genes,
		const struct cost *costs, int n);
	bool takes_prior;	/* reads problem.prior */
};

const struct strategy *const *strategy_list(void);	/* NULL-ended */
const struct strategy *strategy_named(const char *name);

/* Run until the budget is spent, the space is, or "*stop" becomes true (a
 * signal handler may set it). "report" is called at most ten times a second. */
struct result *search_run(struct arena *a, const struct problem *p,
	const struct strategy *s, const struct budget *b,
	const volatile int *stop,
	void (*report)(void *ctx, const struct progress *p), void *ctx);

/* The same in two steps. Where costs take their time the first ends when there
 * is nothing more to begin, so that another search may begin points while the
 * last of this one are under way. Problem and budget are copied. */
struct searching;
struct searching *search_start(struct arena *a, const struct problem *p,
	const struct strategy *s, const struct budget *b,
	const volatile int *stop,
	void (*report)(void *ctx, const struct progress *p), void *ctx);
struct result *search_finish(struct searching *s);

/* ---- rng.c ---- */

struct rng { uint64_t s[4]; };
void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
int rng_below(struct rng *r, int n);	/* uniform, 0 <= v < n */
double rng_unit(struct rng *r);		/* 0 <= v < 1 */

/* ---- model.c: the analytic estimate ---- */

/* Seconds on "g" of a candidate with these features; every term is a bound
 * from a rate of the chip, see the comment in model.c. */
double model_seconds(const struct features *f, const struct gpu *g);
/* No candidate takes less that has as many launches, operations of either kind and
 * compulsory bytes as "f"; nothing else of that is looked at. */
double model_least(const struct features *f, const struct gpu *g);
/* What it is made of: seconds of the busiest SM, of L2 and of DRAM. False if
 * the candidate cannot run. */
enum { N_MODEL_TERMS = 3 };
bool model_terms(const struct features *f, const struct gpu *g, double *terms);

/* What a candidate's time is made of. Of the multiprocessors': arithmetic,
 * special functions, issue and shared memory, each as if spread evenly; what
 * the last wave adds, and what waits add that no other work fills. Of L2; of
 * memory, and what that takes longer for too few bytes on their way. */
enum bound {
	BOUND_LAUNCH, BOUND_ARITHMETIC, BOUND_SPECIAL, BOUND_ISSUE,
	BOUND_SHARED, BOUND_WAVES, BOUND_LATENCY, BOUND_L2, BOUND_MEMORY,
	BOUND_FLIGHT, N_BOUNDS
};

/* "seconds" of each, INFINITY in all where no block fits. "limit" is the largest
 * part of the largest of launch, multiprocessors, L2 and memory. */
struct model_bounds {
	double total;		/* model_seconds */
	double sm;		/* of the busiest multiprocessor */
	double seconds[N_BOUNDS];
	enum bound limit;
};

void model_bounds(const struct features *f, const struct gpu *g,
	struct model_bounds *out);
/* "shared memory" */
const char *bound_name(enum bound b);

/* Operations that the point does: those of CUDA cores, and where tensor cores
 * multiply also theirs, as many as they would do of f16 in that time. */
double model_operations(const struct features *f);
/* The roofline, of f->work. Operations a second: twice the f32 lanes' clock, or,
 * where "rate" (of struct features) is not 0, what tensor cores multiply and add at
 * that; and what arithmetic and memory allow for so many operations a byte. */
double model_peak(const struct gpu *g, double rate);
double model_roof(const struct gpu *g, double rate, double flops_a_byte);

/* ---- lock.c, lock_text.c: conv.wpk.lock ---- */

/* The name in an entry that is no tunable: its value is JSON without blanks, what
 * a library calls the algorithm that was measured. */
#define LOCK_PINNED "pinned"

/* One choice: which sketch and point compute group "group" of an operator. */
struct lock_entry {
	const char *op, *target, *gpu;	/* c2, sm_90, h200 */
	int share;			/* percent of the GPU, 0: all of it */
	uint64_t hash;			/* of the operator IR */
	int group;
	const char *kernel;		/* the statements of the group, "acc,y",
					 * where there was a choice; or NULL */
	const char *sketch;
	const char **names;		/* sorted */
	const char **values;
	int n;
	double seconds;
	const char *measured;		/* "model", "gpu", "emu" */
	const char *verified;		/* "emulation", "none" */
};

struct lock {
	struct lock_entry *v;
	int n;
};

/* An absent file is an empty lock. NULL with "*why" and "*line" set when the
 * text is not a lock. */
struct lock *lock_parse(struct arena *a, const char *text, const char **why,
	int *line);
/* Sorted by operator, target, gpu, share, group; reads back to the same. */
void lock_print(const struct lock *l, struct str *out);
/* The entry for these, or NULL; gpu NULL matches when only one fits. */
const struct lock_entry *lock_find(const struct lock *l, uint64_t hash,
	const char *target, const char *gpu, int share, int group);
/* Are they of one operator on one slice of one GPU, whatever the group? */
bool lock_same_place(const struct lock_entry *x, const struct lock_entry *y);
/* Drop what is at the place of "at", of groups from "groups" on: there are no
 * more of them. */
void lock_trim(struct lock *l, const struct lock_entry *at, int groups);
/* Replace or add. */
void lock_put(struct arena *a, struct lock *l, const struct lock_entry *e);

/* ---- lock_merge.c ---- */

/* What two branches made of "base", as one. */
struct lock *lock_merge(struct arena *a, const struct lock *base,
	const struct lock *ours, const struct lock *theirs);

#endif
