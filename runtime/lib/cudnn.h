/* SPDX-License-Identifier: MIT */
/* Between the files of cuDNN: graphs, and engines for them, or algorithms of
 * before there were graphs. */
#ifndef WPK_RUNTIME_LIB_CUDNN_H
#define WPK_RUNTIME_LIB_CUDNN_H

#include "runtime/lib/call.h"

enum { DNN_RANK = 8, DNN_SPATIAL = 3, DNN_TENSORS = 32, DNN_NODES = 16,
	DNN_KNOBS = 48, DNN_PACKS = 8, DNN_MATHS = 3,
	DNN_LEGACY = WPK_DNN_FORWARD_ALGORITHMS * DNN_MATHS };

/* "place" is -1 for those that are virtual, between two nodes, and those that
 * are one constant; its bytes are then in "value". */
struct dnn_tensor {
	const struct call_type *type;
	int place, n;
	bool constant;
	unsigned align;
	int64_t dims[DNN_RANK], strides[DNN_RANK];
	union {
		float f;
		double d;
		int32_t i;
		uint16_t h;
		uint8_t b;
	} value;
};

enum dnn_op { DNN_CONV, DNN_MATMUL, DNN_POINTWISE };

/* "in": x and w, a and b, or x, b; -1: none. "mode" and the reals are for
 * pointwise nodes: what is NAN was not given. "compute" is a type of cuDNN's. */
struct dnn_node {
	enum dnn_op op;
	bool transposed, relaxed;	/* "relaxed": tf32 will do */
	int in[2], out, mode, compute, spatial;
	int64_t pre[DNN_SPATIAL], post[DNN_SPATIAL], stride[DNN_SPATIAL],
		dilation[DNN_SPATIAL];
	double lower, upper, slope, alpha, beta;
};

struct dnn_graph {
	struct dnn_tensor tensors[DNN_TENSORS];
	struct dnn_node nodes[DNN_NODES];
	int n_tensors, n_nodes;
};

/* cudnn_read.c */
enum wpk_status graph_read(struct library_call *call, const json_t *j,
	struct dnn_graph *g, struct wpk_error *e);

/* An engine by its number, and knobs that are not as they come; or, "legacy", a
 * convolution's algorithm of before graphs, and which type of math, by its place
 * in dnn_legacy.convs. */
struct dnn_engine {
	bool legacy;
	int math;
	int64_t index, n;
	struct {
		int64_t type, value;
	} knobs[DNN_KNOBS];
};

/* An engine's configuration as cuDNN has it. It refers to its parts, so they live
 * as long. All zeros is none. */
struct dnn_config {
	wpk_dnn config, engine, choices[DNN_KNOBS];
};

/* A tensor as convolutions of before graphs are told of it. */
struct dnn_shape {
	int n, type, dims[DNN_RANK], strides[DNN_RANK];
};

/* The graph as such a convolution, once it is "made". "operands" are two and the
 * result, by the graph's numbers, in the order of the "way"; that at "filter_at"
 * has the descriptor "filter", the others those in "tensors", where bias and what
 * is added follow; these are -1 where there are none. There is a descriptor of the
 * convolution for each type of math. */
struct dnn_legacy {
	bool made, relu;
	enum wpk_dnn_way way;
	int operands[3], filter_at, bias, added, format, groups, spatial;
	int pad[DNN_SPATIAL], stride[DNN_SPATIAL], dilation[DNN_SPATIAL];
	struct dnn_shape shapes[3];
	wpk_dnn tensors[5], filter, convs[DNN_MATHS], activation;
};

/* A variant pack: the addresses that it is for, by place, then the workspace. */
struct dnn_pack {
	wpk_dnn pack;
	void *addresses[CALL_PLACES + 1];
};

/* "parts": descriptors that the graph is made of. A call runs its "plan", made of
 * "config", unless what is "chosen" is a legacy algorithm; packs are kept, since
 * none can be changed, and programs use the same few addresses again and again:
 * "next" is replaced next. The library's lock guards plan and packs. */
struct cudnn_call {
	struct library_call base;
	struct dnn_graph g;
	wpk_dnn tensors[DNN_TENSORS], parts[2 * DNN_NODES], graph;
	int n_parts;
	struct dnn_engine *v;		/* base.n */
	struct dnn_engine chosen;
	struct dnn_config config;
	wpk_dnn plan;
	struct dnn_legacy legacy;
	struct dnn_pack packs[DNN_PACKS];
	int next;
};

/* ---- cudnn.c ---- */

/* What cuDNN answered, in "e". */
enum wpk_status cudnn_fails(const struct library_call *call,
	struct wpk_error *e, int code, const char *what);
void cudnn_drop(const struct library_call *call, wpk_dnn *d);

/* ---- cudnn_graph.c ---- */

/* One descriptor with attributes, finalised, in "*d"; else *d is NULL and a code
 * is given. */
struct dnn_attribute {
	int name, type;
	int64_t n;
	const void *v;
};

int cudnn_make(const struct library_call *call, int kind,
	const struct dnn_attribute *a, int n, wpk_dnn *d);
/* Tensors and nodes, which need no handle; then the graph, which does. */
int cudnn_nodes(struct cudnn_call *q, const char **what);
int cudnn_graph(struct cudnn_call *q);

/* ---- cudnn_list.c ---- */

/* The engine with its knobs, in "c"; of what fails nothing stays. */
int cudnn_configure(const struct cudnn_call *q, const struct dnn_engine *g,
	struct dnn_config *c);
void cudnn_drop_config(const struct library_call *call, struct dnn_config *c);
/* Whether a node multiplies f32, and may not in tf32. */
bool cudnn_strict(const struct dnn_graph *g);
/* library_class.list */
enum wpk_status cudnn_list(struct library_call *call, int most,
	struct wpk_error *e);
/* "tile_size", or NULL. */
const char *cudnn_knob_name(int64_t type);

/* ---- cudnn_legacy_form.c ---- */

/* All of "f" but descriptors; NULL, or why it is no such convolution. */
const char *cudnn_legacy_form(const struct dnn_graph *g, struct dnn_legacy *f);

/* ---- cudnn_legacy.c: who calls holds the library's lock ---- */

/* Algorithm "index" by the name of a type of math; false: there is none. */
bool cudnn_legacy_of(int index, const char *math, struct dnn_engine *g);
/* Likewise of "legacy_1_tensor". */
bool cudnn_legacy_named(const char *name, struct dnn_engine *g);
const char *cudnn_legacy_math(const struct dnn_engine *g);
/* "legacy 1 (forward implicit_precomp_gemm), tensor" */
void cudnn_legacy_tell(const struct cudnn_call *q, const struct dnn_engine *g,
	char text[300]);
/* Describes the call to cuDNN, once; where that cannot be, nothing stays. */
enum wpk_status cudnn_legacy_open(struct cudnn_call *q, struct wpk_error *e);
/* How many there are for the call; none where it is no such convolution. */
int cudnn_legacy_list(struct cudnn_call *q, struct dnn_engine v[DNN_LEGACY]);
/* What it takes, or why it cannot be had. */
enum wpk_status cudnn_legacy_ready(struct cudnn_call *q,
	const struct dnn_engine *g, int64_t *workspace, struct wpk_error *e);
/* Queues what is chosen. */
int cudnn_legacy_run(struct cudnn_call *q, void *const *addresses,
	void *workspace);
void cudnn_legacy_drop(struct cudnn_call *q);

#endif
