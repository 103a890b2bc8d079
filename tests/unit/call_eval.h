/* SPDX-License-Identifier: MIT */
/* What a library's call computes, from its JSON, in double: a reading of
 * wpk-plan(5) by itself, for tests. */
#ifndef WPK_TESTS_UNIT_CALL_EVAL_H
#define WPK_TESTS_UNIT_CALL_EVAL_H

#include <jansson.h>
#include <stddef.h>

/* Memory by kind: a tensor's by its number, "bytes" long. */
struct call_memory {
	void *const *tensors;
	const size_t *bytes;
	int n;
	char *workspace;
	size_t workspace_bytes;
};

/* The step {"library": ..., "call": ...}; NULL, or what is wrong with it. */
const char *call_evaluate(const json_t *step, const struct call_memory *m);

#endif
