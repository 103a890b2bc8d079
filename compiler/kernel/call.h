/* SPDX-License-Identifier: MIT */
/* Calls of vendor libraries as values: a product for cuBLASLt, or a graph for
 * cuDNN. Their text is JSON, "call" of wpk-plan(5), which libwpk reads. Tensors
 * are the program's, by number. */
#ifndef WPK_COMPILER_KERNEL_CALL_H
#define WPK_COMPILER_KERNEL_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "ir/type.h"

struct program;

enum call_library { CALL_CUBLASLT, CALL_CUDNN, N_CALL_LIBRARIES };

/* "cublaslt", and as people write it. */
extern const char *const call_libraries[N_CALL_LIBRARIES];
extern const char *const call_titles[N_CALL_LIBRARIES];

/* A matrix of "batch" that lie "stride" apart, with lines "ld" apart, which are
 * its columns or else its rows; all in elements. "tensor" is -1 where there is
 * none. */
struct call_matrix {
	int tensor;
	enum dtype type;
	bool columns;
	int64_t ld, stride;
	int align;			/* bytes */
};

/* d = epilogue(a b + c), where c and bias may be none. The bias has a value for
 * each column of d, which lies in rows. */
struct call_gemm {
	int64_t m, n, k, batch;
	const char *compute, *epilogue;
	struct call_matrix a, b, c, d, bias;
};

enum { CALL_RANK = 5, CALL_SPATIAL = 3, CALL_TENSORS = 32, CALL_NODES = 16 };

/* A tensor of the program, or a "constant" of one element, or neither: what lies
 * between two nodes. */
struct call_tensor {
	int tensor;
	bool constant;
	double value;
	enum dtype type;
	int n, align;
	int64_t dims[CALL_RANK], strides[CALL_RANK];
};

enum call_op { CALL_CONV, CALL_MATMUL, CALL_POINTWISE };

/* Inputs and output by their place in the graph; in[1] is -1 where there is
 * none. A convolution takes image and weights, along "spatial" axes;
 * "transposed" gives the image of which the other makes its input. A pointwise
 * "mode" may have a number, "extra" its name. */
struct call_node {
	enum call_op op;
	int in[2], out;
	const char *compute, *mode, *extra;
	double number;
	bool transposed;
	int spatial;
	int64_t pad[CALL_SPATIAL], pad_end[CALL_SPATIAL];
	int64_t stride[CALL_SPATIAL], dilation[CALL_SPATIAL];
};

struct call_graph {
	struct call_tensor tensors[CALL_TENSORS];
	struct call_node nodes[CALL_NODES];
	int n_tensors, n_nodes;
};

/* "algorithm" counts those that the library has for the call on a device; where it
 * is "named", that is its name instead. "pinned" is JSON that makes it exact for
 * one version of the library, or NULL. */
struct p_call {
	enum call_library library;
	struct call_gemm gemm;		/* of cuBLASLt */
	struct call_graph graph;	/* of cuDNN */
	int algorithm;
	const char *named, *pinned;
};

enum { CALL_PLACES = CALL_TENSORS };

/* Tensors that a call reads or writes, in the order of its text; how many. */
struct call_place {
	int tensor;
	bool written;
	enum dtype type;
	int64_t elements;		/* from its first to its last */
};

int call_places(const struct p_call *c, struct call_place v[CALL_PLACES]);

/* {"library": "cublaslt", "call": {...}, "algorithm": 3}, on one line; places
 * are those of "p", which is laid out. */
void call_print(const struct program *p, const struct p_call *c,
	struct str *out);

/* What libraries call the type, or NULL: they do not have it. */
const char *call_type(enum dtype t);

#endif
