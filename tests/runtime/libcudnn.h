/* SPDX-License-Identifier: MIT */
/* Between the files of the stub of cuDNN. */
#ifndef WPK_TESTS_RUNTIME_LIBCUDNN_H
#define WPK_TESTS_RUNTIME_LIBCUDNN_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/lib/cudnn_legacy_api.h"
#include "tests/runtime/types.h"

enum { BAD_PARAM = 2000, NOT_FINALIZED = 2004, NOT_SUPPORTED = 3000,
	EXECUTION_FAILED = 5000, MAGIC = 0x444e4e, ATTRIBUTES = 12, KNOBS = 8 };

struct attribute {
	int name, type;
	int64_t n;
	void *v;
};

/* "users": others that refer to it. Of engines, configurations, choices, knobs
 * and plans "index" and the rest say what they are. */
struct descriptor {
	int magic, kind, users, n;
	bool done;
	struct attribute a[ATTRIBUTES];
	struct descriptor *graph;
	int64_t index, n_knobs, types[KNOBS], values[KNOBS];
};

struct handle {
	int magic;
	void *stream;
};

/* libcudnn.c: what stub.h has, for the other files. dnn_queue() has the run done in
 * the handle's stream. */
int dnn_call(const char *name);
int dnn_misuse(const char *what);
void dnn_count(int born);
int dnn_queue(struct handle *h, void *run);

/* Of an attribute that was set: NULL or 0 where it was not. */
const void *attribute_of(const struct descriptor *d, int name, int64_t *n);
int64_t number_of(const struct descriptor *d, int name);
int int_of(const struct descriptor *d, int name);
struct descriptor *child_of(const struct descriptor *d, int name);
int type_named(int cudnn);

/* libcudnn_check.c: what an object must be before it is finalised; 0 or what is
 * wrong. */
int check(struct descriptor *d);

/* libcudnn_run.c: a graph with the memory that a pack names, and a workspace; NULL:
 * the pack is not that of the graph. Malloc'ed; the graph has to stay. compute()
 * runs it. */
struct graph_run;
struct graph_run *run_create(const struct descriptor *graph,
	const struct descriptor *pack, void *workspace, size_t bytes);
void compute(void *run);

/* libcudnn_legacy.c: a descriptor of a tensor, filter, convolution or activation.
 * "n": its dimensions. */
enum legacy_kind { LEGACY_TENSOR, LEGACY_FILTER, LEGACY_CONV,
	LEGACY_ACTIVATION };

struct legacy {
	int magic, n, type, dims[8], strides[8];
	enum legacy_kind kind;
	bool set;
	int pad[3], stride[3], dilation[3], groups, math, mode;
};

/* libcudnn_run.c: likewise of a legacy convolution: two operands and the result, in
 * the order of the "way", with a bias and a tensor to add, or NULL. */
struct legacy_run {
	enum wpk_dnn_way way;
	const struct legacy *d[3], *conv, *bias, *added;
	const void *at[3], *bias_at, *added_at;
	bool relu, wrong;
	void *workspace;
	size_t bytes;
};

struct graph_run *run_legacy(const struct legacy_run *r);

#endif
