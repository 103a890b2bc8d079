/* SPDX-License-Identifier: MIT */
/* Search spaces: tunables with their values. Search knows only this header. */
#ifndef WPK_COMPILER_SCHEDULE_SPACE_H
#define WPK_COMPILER_SCHEDULE_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* One open number of a sketch. A directive written
 *	DIRECTIVE(SUBJECT, .., KEY = value)
 * pins it when SUBJECT is among "subjects" (NULL-ended; NULL: none wanted) and
 * KEY is "key" (NULL: the positional value; none at all means 1, "on").
 * "name" is the stable name: tile.block.i, pipeline.k.stages, split_k.acc.
 * "values" are tried when the user leaves it open; others are legal if the
 * sketch's test says so, except where "words" names the values, which then
 * are indices into it. */
struct tunable {
	const char *name, *directive, *key;
	const char *const *subjects;
	const int *values;
	int n;
	const char *const *words;	/* NULL-ended, or NULL: an integer */
	bool launch;			/* given at launch, not compiled in */
};

struct sched_expr;

/* A gene is what search varies; several tunables may follow one gene. */
struct gene {
	const char *name;
	const int *values;
	int n;
	const char *const *words;
	bool launch;
};

struct space {
	struct gene *genes;
	int n_genes;
	const struct tunable *tunables;
	int n_tunables;
	int *follows;			/* per tunable: gene, or -1 */
	const struct sched_expr **exprs;	/* where follows is -1 */
	const struct sched_require *requires;
	int n_requires;
	const struct schedule *schedule;
	const char *const *size_names;
	const int64_t *size_values;
	int n_sizes;
	int smem_max;			/* of the target, for require */
};

/* The tunables' values at a point given by gene values (not indices). False,
 * with "*why" a sentence, where a require does not hold or an expression has
 * no value. */
bool space_tunables(struct arena *a, const struct space *s, const int *genes,
	int *out, const char **why);

/* Product of the genes' choices, as a double: it may be astronomically large. */
double space_size(const struct space *s);

/* "name = value" lines, sorted by name; words for worded tunables. */
void space_print(const struct space *s, struct str *out);
/* Value "v" of a gene as locks, records and --set have it, in "a" or the
 * gene's own. */
const char *space_text(struct arena *a, const struct gene *g, int v);
/* Set gene or tunable "name" to "value" (a number or word) in the space: the
 * gene keeps that one value. NULL, or why it cannot be. */
const char *space_pin(struct arena *a, struct space *s, const char *name,
	const char *value);

/* What a cost model sees of a candidate: totals of the whole program. */
struct features {
	double flops;		/* FMA counted as 2, on CUDA cores */
	double tensor;		/* multiply-adds on tensor cores, in the time
				 * of those of f16 */
	double special;		/* exp, rsqrt, ...: special-function results */
	double issue;		/* warp instructions issued, all warps */
	double dram_bytes;	/* compulsory, both directions */
	double l2_bytes;	/* asked of L2 by all blocks */
	double smem_cycles;	/* shared-memory wavefronts, all warps */
	double blocks;		/* of the widest launch */
	int cluster;		/* blocks of one there, which run together; 0 and 1:
				 * it has none */
	int threads, regs, smem;	/* a block's: threads, registers a
				 * thread (estimate), bytes */
	int occupancy;		/* blocks an SM */
	double chain;		/* latency-bound cycles of one block: the
				 * dependent steps no other warp hides */
	double ilp;		/* independent FMAs a thread */
	double stages;		/* loads in flight ahead of use */
	double flight;		/* bytes a block has on their way from memory;
				 * 0: what smem, threads and stages say */
	int launches;
	double useful;		/* fraction of computed results kept */
	double work;		/* operations that there are to do, whatever the
				 * point; 0: ir_operations() */
	double rate;		/* multiply-adds of the product in the time of
				 * one of f16; 0: not on tensor cores */
};

#endif
