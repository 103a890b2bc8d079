/* SPDX-License-Identifier: MIT */
/* What must come of an operator, for others to compare with: tensors described,
 * and samples of each output with their bounds. */
#ifndef WPK_COMPILER_DRIVER_SAMPLES_H
#define WPK_COMPILER_DRIVER_SAMPLES_H

#include <jansson.h>

#include "ir/ir.h"

/* As the worker and wpkrun read it: of i64 "whole" is the value. */
struct sample {
	int64_t element;
	union {
		double value;
		int64_t whole;
	};
	double bound;
};

/* SAMPLES_USUAL: some thousands of each output, fewer where they are dear;
 * SAMPLES_ALL: every element; else about so many. */
enum { SAMPLES_USUAL = 0, SAMPLES_ALL = -1, SAMPLES_ROW = 64 };

/* Of output "tensor". "others" compute it in another arithmetic, which is right
 * as well. "put" takes at most SAMPLES_ROW at once. */
struct sampling {
	const struct ir_operator *op;
	int tensor;
	struct ir_eval *reference, **others;
	int n_others;
	int64_t most;
	void (*put)(void *ctx, const struct sample *v, int n);
	void *ctx;
};

void samples_take(const struct sampling *x);

/* Bytes of a tensor in memory. */
size_t samples_bytes(const struct ir_tensor *t);
/* The tensor as the worker's protocol has it. */
json_t *samples_tensor(const struct ir_tensor *t, bool output);

#endif
