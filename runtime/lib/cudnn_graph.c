/* SPDX-License-Identifier: MIT */
/* Graphs as cuDNN's backend descriptors. */
#include <math.h>

#include "runtime/lib/cudnn.h"

#define CALLS(call) (&(call)->library->calls.cudnn)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

int cudnn_make(const struct library_call *call, int kind,
	const struct dnn_attribute *a, int n, wpk_dnn *d)
{
	int code = CALLS(call)->descriptor(kind, d);

	if (code) {
		*d = NULL;
		return code;
	}
	for (int i = 0; !code && i < n; i++)
		code = CALLS(call)->set(*d, a[i].name, a[i].type, a[i].n,
			a[i].v);
	if (!code)
		code = CALLS(call)->finalize(*d);
	if (code)
		cudnn_drop(call, d);
	return code;
}

static int make_tensor(struct cudnn_call *q, int i)
{
	const struct dnn_tensor *t = &q->g.tensors[i];
	bool is_virtual = t->place < 0 && !t->constant;
	int64_t id = i + 1, align = t->align;
	const struct dnn_attribute a[] = {
		{ WPK_DNN_TENSOR_TYPE, WPK_DNN_T_DATA_TYPE, 1, &t->type->cudnn },
		{ WPK_DNN_TENSOR_DIMENSIONS, WPK_DNN_T_INT64, t->n, t->dims },
		{ WPK_DNN_TENSOR_STRIDES, WPK_DNN_T_INT64, t->n, t->strides },
		{ WPK_DNN_TENSOR_ID, WPK_DNN_T_INT64, 1, &id },
		{ WPK_DNN_TENSOR_ALIGNMENT, WPK_DNN_T_INT64, 1, &align },
		{ WPK_DNN_TENSOR_VIRTUAL, WPK_DNN_T_BOOLEAN, 1, &is_virtual },
		{ WPK_DNN_TENSOR_BY_VALUE, WPK_DNN_T_BOOLEAN, 1, &t->constant },
	};

	return cudnn_make(&q->base, WPK_DNN_TENSOR, a, COUNT(a),
		&q->tensors[i]);
}

/* The descriptor of what a node does, then the node itself. */
static int make_pair(struct cudnn_call *q, int kind,
	const struct dnn_attribute *how, int n_how, int node_kind,
	const struct dnn_attribute *node, int n_node)
{
	int code = cudnn_make(&q->base, kind, how, n_how,
		&q->parts[q->n_parts]);

	if (code)
		return code;
	code = cudnn_make(&q->base, node_kind, node, n_node,
		&q->parts[q->n_parts + 1]);
	if (code) {
		cudnn_drop(&q->base, &q->parts[q->n_parts]);
		return code;
	}
	q->n_parts += 2;
	return 0;
}

static const struct {
	int kind, alpha, beta, conv, w, in, out;
} directions[] = {
	{ WPK_DNN_OPERATION_FORWARD, WPK_DNN_FORWARD_ALPHA,
		WPK_DNN_FORWARD_BETA, WPK_DNN_FORWARD_CONVOLUTION,
		WPK_DNN_FORWARD_W, WPK_DNN_FORWARD_X, WPK_DNN_FORWARD_Y },
	{ WPK_DNN_OPERATION_BACKWARD, WPK_DNN_BACKWARD_ALPHA,
		WPK_DNN_BACKWARD_BETA, WPK_DNN_BACKWARD_CONVOLUTION,
		WPK_DNN_BACKWARD_W, WPK_DNN_BACKWARD_DY, WPK_DNN_BACKWARD_DX },
};

static int make_conv(struct cudnn_call *q, const struct dnn_node *n)
{
	bool wide = n->compute == WPK_DNN_DOUBLE;
	int64_t spatial = n->spatial;
	int mode = WPK_DNN_CROSS_CORRELATION;
	int real = wide ? WPK_DNN_T_DOUBLE : WPK_DNN_T_FLOAT;
	float one = 1, zero = 0;
	double wide_one = 1, wide_zero = 0;
	wpk_dnn *d = &q->parts[q->n_parts];
	const struct dnn_attribute how[] = {
		{ WPK_DNN_CONVOLUTION_COMPUTE, WPK_DNN_T_DATA_TYPE, 1,
			&n->compute },
		{ WPK_DNN_CONVOLUTION_MODE, WPK_DNN_T_CONVOLUTION_MODE, 1,
			&mode },
		{ WPK_DNN_CONVOLUTION_SPATIAL, WPK_DNN_T_INT64, 1, &spatial },
		{ WPK_DNN_CONVOLUTION_DILATIONS, WPK_DNN_T_INT64, spatial,
			n->dilation },
		{ WPK_DNN_CONVOLUTION_STRIDES, WPK_DNN_T_INT64, spatial,
			n->stride },
		{ WPK_DNN_CONVOLUTION_PRE, WPK_DNN_T_INT64, spatial, n->pre },
		{ WPK_DNN_CONVOLUTION_POST, WPK_DNN_T_INT64, spatial, n->post },
	};
	int way = n->transposed;
	const struct dnn_attribute node[] = {
		{ directions[way].in, WPK_DNN_T_DESCRIPTOR, 1,
			&q->tensors[n->in[0]] },
		{ directions[way].w, WPK_DNN_T_DESCRIPTOR, 1,
			&q->tensors[n->in[1]] },
		{ directions[way].out, WPK_DNN_T_DESCRIPTOR, 1,
			&q->tensors[n->out] },
		{ directions[way].conv, WPK_DNN_T_DESCRIPTOR, 1, d },
		{ directions[way].alpha, real, 1, wide ? (void *)&wide_one :
			(void *)&one },
		{ directions[way].beta, real, 1, wide ? (void *)&wide_zero :
			(void *)&zero },
	};

	return make_pair(q, WPK_DNN_CONVOLUTION, how, COUNT(how),
		directions[way].kind, node, COUNT(node));
}

static int make_matmul(struct cudnn_call *q, const struct dnn_node *n)
{
	const struct dnn_attribute how[] = {
		{ WPK_DNN_MATMUL_COMPUTE, WPK_DNN_T_DATA_TYPE, 1, &n->compute },
	};
	const struct dnn_attribute node[] = {
		{ WPK_DNN_PRODUCT_A, WPK_DNN_T_DESCRIPTOR, 1,
			&q->tensors[n->in[0]] },
		{ WPK_DNN_PRODUCT_B, WPK_DNN_T_DESCRIPTOR, 1,
			&q->tensors[n->in[1]] },
		{ WPK_DNN_PRODUCT_C, WPK_DNN_T_DESCRIPTOR, 1,
			&q->tensors[n->out] },
		{ WPK_DNN_PRODUCT_MATMUL, WPK_DNN_T_DESCRIPTOR, 1,
			&q->parts[q->n_parts] },
	};

	return make_pair(q, WPK_DNN_MATMUL, how, COUNT(how),
		WPK_DNN_OPERATION_MATMUL, node, COUNT(node));
}

static int make_pointwise(struct cudnn_call *q, const struct dnn_node *n)
{
	const struct {
		int name;
		const double *v;
	} reals[] = { { WPK_DNN_POINTWISE_LOWER, &n->lower },
		{ WPK_DNN_POINTWISE_UPPER, &n->upper },
		{ WPK_DNN_POINTWISE_SLOPE, &n->slope },
		{ WPK_DNN_POINTWISE_ELU_ALPHA, &n->alpha },
		{ n->mode == 105 ? WPK_DNN_POINTWISE_SOFTPLUS_BETA :
			WPK_DNN_POINTWISE_SWISH_BETA, &n->beta } };
	struct dnn_attribute how[2 + COUNT(reals)] = {
		{ WPK_DNN_POINTWISE_MODE, WPK_DNN_T_POINTWISE_MODE, 1,
			&n->mode },
		{ WPK_DNN_POINTWISE_PRECISION, WPK_DNN_T_DATA_TYPE, 1,
			&n->compute },
	};
	const struct dnn_attribute node[] = {
		{ WPK_DNN_APPLY_POINTWISE, WPK_DNN_T_DESCRIPTOR, 1,
			&q->parts[q->n_parts] },
		{ WPK_DNN_APPLY_X, WPK_DNN_T_DESCRIPTOR, 1,
			&q->tensors[n->in[0]] },
		{ WPK_DNN_APPLY_Y, WPK_DNN_T_DESCRIPTOR, 1,
			&q->tensors[n->out] },
		{ WPK_DNN_APPLY_B, WPK_DNN_T_DESCRIPTOR, 1,
			n->in[1] < 0 ? NULL : &q->tensors[n->in[1]] },
	};
	int n_how = 2;

	for (int i = 0; i < COUNT(reals); i++)
		if (!isnan(*reals[i].v))
			how[n_how++] = (struct dnn_attribute){ reals[i].name,
				WPK_DNN_T_DOUBLE, 1, reals[i].v };
	return make_pair(q, WPK_DNN_POINTWISE, how, n_how,
		WPK_DNN_OPERATION_POINTWISE, node, n->in[1] < 0 ? 3 : 4);
}

int cudnn_nodes(struct cudnn_call *q, const char **what)
{
	static int (*const makers[])(struct cudnn_call *,
		const struct dnn_node *) = { [DNN_CONV] = make_conv,
		[DNN_MATMUL] = make_matmul, [DNN_POINTWISE] = make_pointwise };
	static const char *const names[] = { [DNN_CONV] =
		"does not take the convolution", [DNN_MATMUL] =
		"does not take the product", [DNN_POINTWISE] =
		"does not take the pointwise node" };
	int code = 0;

	*what = "does not take a tensor";
	for (int i = 0; !code && i < q->g.n_tensors; i++)
		code = make_tensor(q, i);
	for (int i = 0; !code && i < q->g.n_nodes; i++) {
		*what = names[q->g.nodes[i].op];
		code = makers[q->g.nodes[i].op](q, &q->g.nodes[i]);
	}
	return code;
}

int cudnn_graph(struct cudnn_call *q)
{
	wpk_dnn nodes[DNN_NODES];
	const struct dnn_attribute a[] = {
		{ WPK_DNN_GRAPH_HANDLE, WPK_DNN_T_HANDLE, 1,
			&q->base.library->handle },
		{ WPK_DNN_GRAPH_OPERATIONS, WPK_DNN_T_DESCRIPTOR, q->g.n_nodes,
			nodes },
	};

	for (int i = 0; i < q->g.n_nodes; i++)
		nodes[i] = q->parts[2 * i + 1];
	return cudnn_make(&q->base, WPK_DNN_GRAPH, a, COUNT(a), &q->graph);
}
