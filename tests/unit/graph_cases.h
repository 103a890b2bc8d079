/* SPDX-License-Identifier: MIT */
/* Graphs as steps of plans, and what convolutions of all kinds must give. */
#ifndef WPK_TESTS_UNIT_GRAPH_CASES_H
#define WPK_TESTS_UNIT_GRAPH_CASES_H

#include "library_stub.h"
#include "tests/runtime/types.h"

enum { MOST_RANK = 5, MOST_TENSORS = 8 };

/* A tensor of a case: dense, channels last or as the extents stand. "place": a
 * tensor's number, -1: virtual. */
struct tensor {
	enum type type;
	int n, place;
	bool last;
	int64_t dims[MOST_RANK], strides[MOST_RANK];
};

struct graph {
	char tensors[3000], nodes[1500];
	struct tensor t[MOST_TENSORS];
	int n;
};

struct conv {
	int spatial, n, c, k, groups;
	int64_t in[3], filter[3], pad[3], end[3], stride[3], dilation[3];
	bool last, transposed, fused;
	enum type type;
};

/* Lays the tensor out, and gives its number. */
int graph_tensor(struct graph *g, struct tensor t);
void graph_node(struct graph *g, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
json_t *graph_step(const struct graph *g);
int64_t tensor_elements(const struct tensor *t);
/* Small whole numbers for whole types. */
void tensor_fill(const struct tensor *t, void *p, unsigned seed);

/* f16, 3 x 2 x 1 of 4 channels to 6, along so many axes. */
struct conv conv_plain(int spatial);
/* Tensors x, w, y, and where it is fused a bias, what comes of adding it, and the
 * relu of that; the convolution's own result is virtual then. */
struct graph conv_graph(const struct conv *c);
/* The convolution's own result, for free(). */
double *conv_values(const struct conv *c, const struct graph *g,
	const struct memory *m);
/* The test fails where memory holds other results. */
void conv_compare(const struct conv *c, const struct graph *g,
	const struct memory *m);

/* The test fails unless four threads run "call", of conv_plain(2), a hundred times
 * each with the right results and no workspace; "runs" is the library's count. */
void graph_threads(struct library_call *call, const int *runs);

#endif
