/* SPDX-License-Identifier: MIT */
/* What became of one candidate: what a measuring worker reports, the database
 * keeps, a replay plays back and the cost model learns from. */
#ifndef WPK_SEARCH_RECORD_H
#define WPK_SEARCH_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "search/search.h"

/* Which problem a point belongs to. "hash" is that of the operator IR at its
 * sizes, "op" the name that a lock has for it; "family" the hash without sizes
 * and dtypes, so that equal families are one operator at other shapes; "shape"
 * ("K=768 M=512 N=3072") and "types" ("f32 f32 f32 f32", the tensors' in order)
 * tell members apart. "kernel" names the statements of group "group", "acc,y".
 * "gpu" is a device, by its row in schedule/target.h where it has one, else by
 * the driver's name for it; "share" the percentage of it that was measured on.
 * "how" is "gpu", "emu" or "model": only records of one kind compare. */
struct record_key {
	uint64_t hash, family;
	const char *op, *shape, *types;
	int group;
	const char *kernel, *sketch;
	const char *target, *gpu, *how;
	int share;
};

/* The point: "names", sorted, with their "values" as they stand in a lock.
 * "seconds" is of one launch, cold, INFINITY unless measured or slow; "spread"
 * the inter-quartile range over the median; "predicted" the model's before it
 * was measured, 0 if unknown. "features" are the model's, in its order. What
 * is not known is 0 or "". */
struct record {
	struct record_key key;
	const char *const *names, *const *values;
	int n;
	enum verdict verdict;
	const char *message;		/* of a failure, or NULL */
	double seconds, spread, predicted, compile_seconds;
	int registers, spill_bytes;
	double clock_mhz;
	bool throttled;
	const char *driver, *version, *date;	/* CUDA's; wpkc's; ISO 8601, UTC */
	const double *features;
	int n_features;
};

#endif
