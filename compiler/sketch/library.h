/* SPDX-License-Identifier: MIT */
/* Between the files of the library sketch: a contraction and what follows it, in
 * the words of vendor libraries. Tensors of calls are the operator's, by number,
 * until they are built. */
#ifndef WPK_COMPILER_SKETCH_LIBRARY_H
#define WPK_COMPILER_SKETCH_LIBRARY_H

#include "kernel/call.h"
#include "sketch/epilogue.h"

/* What both libraries start from: the contraction, in which type it adds up, what
 * follows it, and where its one result goes. "value" is what is computed of the
 * sum, as an expression of the contraction's axes. */
struct library_group {
	const struct task *t;
	struct ir_contraction c;
	enum dtype acc;
	struct epilogue e;
	const struct output *last;
	const struct ir_expr *value;
	struct ir_affine result;		/* element offsets */
};

/* ---- library_axes.c: dimensions of libraries over axes of operators ---- */

/* A number from 0 to extent - 1, the sum of the axes' values by their weights. */
struct coordinate {
	int64_t extent, *weight;		/* by axis */
};

enum { COORDINATE_AXES = 16 };

/* A list of axes, those of extent 1 left out. */
struct dim_axes {
	int v[COORDINATE_AXES], n;
};

void axes_add(const struct library_group *g, struct dim_axes *l, int axis);
/* Sorts by falling stride in "by". */
void axes_sort(struct dim_axes *l, const struct ir_affine *by);
/* The flat number of the axes of up to two lists, the first outermost. */
struct coordinate coordinate_of(const struct library_group *g,
	const struct dim_axes *outer, const struct dim_axes *inner);
/* One that is the value of "f", an affine form without constant. */
struct coordinate coordinate_form(const struct library_group *g,
	const struct ir_affine *f, int64_t extent);
/* Elements from one value to the next in "address"; false where its axes go at
 * other strides. */
bool coordinate_stride(const struct library_group *g,
	const struct coordinate *c, const struct ir_affine *address,
	int64_t *stride);
/* Strides along all "n"; false also where the address has other axes. */
bool coordinate_strides(const struct library_group *g,
	const struct coordinate *c, int n, const struct ir_affine *address,
	int64_t *strides);
/* Are these dimensions (bit d of "but": not d) always inside of the tensor? */
bool library_inside(const struct library_group *g, const struct ir_expr *read,
	uint64_t but);

/* ---- library_follow.c: what follows the sum ---- */

/* False, with "*why", where it is none that a library could do. */
bool library_follow(struct task *t, struct library_group *g, const char **why);
/* "e" without casts that lose nothing, and lets that nobody stores put in. */
const struct ir_expr *library_strip(const struct library_group *g,
	const struct ir_expr *e);
/* Is it the sum itself? */
bool library_is_sum(const struct library_group *g, const struct ir_expr *e);
/* A function of "x" that cuDNN, and where "lt" is set cuBLASLt, has whole. */
struct activation {
	const char *lt, *mode, *extra;
	double number;
	const struct ir_expr *x;
};

bool library_activation(const struct library_group *g, const struct ir_expr *e,
	struct activation *out);
/* The same but for casts. */
bool library_same(const struct library_group *g, const struct ir_expr *x,
	const struct ir_expr *y);
bool library_constant(const struct library_group *g, const struct ir_expr *e,
	double *v);

/* ---- library_gemm.c ---- */

enum { GEMM_BATCH, GEMM_M, GEMM_N, GEMM_K, GEMM_AXES };

/* a[m, k] times b[k, n], "batch" times; n is the side along which results lie
 * side by side, if they do along one. */
struct library_product {
	struct coordinate axes[GEMM_AXES];
	const struct ir_expr *a, *b;
	const struct ir_affine *a_address, *b_address;
	int64_t a_strides[GEMM_AXES], b_strides[GEMM_AXES];
	int64_t d_strides[GEMM_AXES];
};

bool library_product(const struct library_group *g, struct library_product *p,
	const char **why);
/* The call of cuBLASLt; false with "*why". */
bool library_gemm(const struct library_group *g, struct p_call *out,
	const char **why);

/* ---- library_conv.c, library_graph.c ---- */

/* The graph of cuDNN: a convolution, or where there is none, a product. */
bool library_conv(const struct library_group *g, struct p_call *out,
	const char **why);
bool library_matmul(const struct library_group *g, struct p_call *out,
	const char **why);

/* A tensor more, and its number; -1 where there are too many. */
int graph_tensor(struct call_graph *g, struct call_tensor t);
/* What follows: of "sum", a tensor of the graph, the group's value is computed
 * into "result". "axes" are the dimensions of both. */
bool graph_follow(const struct library_group *g, struct call_graph *q,
	const struct coordinate *axes, struct call_tensor result,
	struct call_node sum, const char **why);

#endif
