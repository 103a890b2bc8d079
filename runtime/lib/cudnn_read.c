/* SPDX-License-Identifier: MIT */
/* Graphs as plans describe them, read and checked: nodes in an order in which
 * they can run, tensors that each has one maker at most. Which shapes and types go
 * together is for cuDNN to say. Convolutions along one axis become such of two,
 * the first of one element: cuDNN has no others. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/lib/cudnn.h"

enum { RELAXED = -1 };

static const struct field_word computes[] = {
	{ "f32", WPK_DNN_FLOAT }, { "tf32", RELAXED }, { "f16", WPK_DNN_HALF },
	{ "i32", WPK_DNN_INT32 }, { "f64", WPK_DNN_DOUBLE }, { NULL, 0 }
};

static const struct field_word ops[] = {
	{ "conv", DNN_CONV }, { "matmul", DNN_MATMUL },
	{ "pointwise", DNN_POINTWISE }, { NULL, 0 }
};

/* cudnnPointwiseMode_t; those below TWO of two tensors. */
#define TWO(mode) ((mode) + 1000)
static const struct field_word modes[] = {
	{ "add", TWO(0) }, { "mul", TWO(1) }, { "min", TWO(2) },
	{ "max", TWO(3) }, { "add_square", TWO(5) }, { "div", TWO(6) },
	{ "pow", TWO(8) }, { "sub", TWO(9) },
	{ "sqrt", 4 }, { "abs", 10 }, { "ceil", 11 }, { "cos", 12 },
	{ "exp", 13 }, { "floor", 14 }, { "log", 15 }, { "neg", 16 },
	{ "rsqrt", 17 }, { "sin", 18 }, { "tan", 19 }, { "erf", 20 },
	{ "identity", 21 }, { "reciprocal", 22 }, { "relu", 100 },
	{ "tanh", 101 }, { "sigmoid", 102 }, { "elu", 103 }, { "gelu", 104 },
	{ "softplus", 105 }, { "swish", 106 }, { "gelu_tanh", 107 },
	{ NULL, 0 }
};

/* ---- tensors ---- */

static void read_value(struct reading *r, const json_t *o,
	struct dnn_tensor *t)
{
	double v = field_real_or(r, o, "value", 0);

	t->constant = true;
	if (r->status)
		return;
	if (t->type->cudnn == WPK_DNN_FLOAT)
		t->value.f = (float)v;
	else if (t->type->cudnn == WPK_DNN_DOUBLE)
		t->value.d = v;
	else if (t->type->cudnn == WPK_DNN_INT32 && fabs(v) < INT32_MAX)
		t->value.i = (int32_t)v;
	else
		field_fails(r, "a constant is an f32, f64 or i32");
}

static size_t bytes_of(struct reading *r, const struct dnn_tensor *t)
{
	int64_t elements = 1, bytes = 0;
	bool fits = true;

	for (int i = 0; i < t->n; i++)
		fits = fits && call_sum(t->dims[i] - 1, t->strides[i], elements,
			&elements);
	if (!r->status && (!fits || !call_sum(elements, t->type->bytes, 0,
	    &bytes)))
		field_fails(r, "is larger than memory");
	return bytes;
}

static void read_tensor(struct reading *r, struct library_call *call,
	const json_t *o, struct dnn_tensor *t)
{
	t->place = -1;
	t->type = call_type_read(r, o);
	t->n = field_ints(r, o, "dims", 0, DNN_RANK - 1, 1, INT32_MAX,
		t->dims);
	field_ints(r, o, "strides", t->n, DNN_RANK - 1, 0, INT64_MAX / 2,
		t->strides);
	t->align = call_align_read(r, o);
	if (json_object_get(o, "value"))
		read_value(r, o, t);
	else if (field_object(r, o, "place", true))
		t->place = call_place_read(r, call, o, false, t->align,
			bytes_of(r, t));
}

/* ---- nodes ---- */

static int read_tensor_number(struct reading *r, const json_t *o,
	const char *key, const struct dnn_graph *g)
{
	return (int)field_int(r, o, key, 0, g->n_tensors - 1);
}

/* Missing: "usual" everywhere. */
static void read_axes(struct reading *r, const json_t *o, const char *key,
	const struct dnn_node *n, int least, int64_t usual, int64_t *v)
{
	bool there = json_is_array(json_object_get(o, key));

	for (int i = 0; !there && i < n->spatial; i++)
		v[i] = usual;
	if (there)
		field_ints(r, o, key, n->spatial, DNN_SPATIAL, least, 1 << 20,
			v);
}

static void read_conv(struct reading *r, const json_t *o,
	const struct dnn_graph *g, struct dnn_node *n)
{
	n->in[0] = read_tensor_number(r, o, "x", g);
	n->in[1] = read_tensor_number(r, o, "w", g);
	n->out = read_tensor_number(r, o, "y", g);
	n->transposed = field_flag(r, o, "transposed");
	n->spatial = g->tensors[n->in[0]].n - 2;
	if (n->spatial < 1 || n->spatial > DNN_SPATIAL)
		field_fails(r, "convolutions are along 1 to %d axes, and x has "
			"%d in all", DNN_SPATIAL, n->spatial + 2);
	if (r->status)
		return;
	read_axes(r, o, "pad", n, 0, 0, n->pre);
	memcpy(n->post, n->pre, sizeof n->post);
	if (json_is_array(json_object_get(o, "pad_end")))
		read_axes(r, o, "pad_end", n, 0, 0, n->post);
	read_axes(r, o, "stride", n, 1, 1, n->stride);
	read_axes(r, o, "dilation", n, 1, 1, n->dilation);
}

static void read_matmul(struct reading *r, const json_t *o,
	const struct dnn_graph *g, struct dnn_node *n)
{
	n->in[0] = read_tensor_number(r, o, "a", g);
	n->in[1] = read_tensor_number(r, o, "b", g);
	n->out = read_tensor_number(r, o, "c", g);
}

static void read_pointwise(struct reading *r, const json_t *o,
	const struct dnn_graph *g, struct dnn_node *n)
{
	int mode = field_word(r, o, "mode", NULL, modes);

	n->mode = mode >= TWO(0) ? mode - TWO(0) : mode;
	n->in[0] = read_tensor_number(r, o, "x", g);
	if (mode >= TWO(0))
		n->in[1] = read_tensor_number(r, o, "b", g);
	n->out = read_tensor_number(r, o, "y", g);
	n->lower = field_real_or(r, o, "lower", NAN);
	n->upper = field_real_or(r, o, "upper", NAN);
	n->slope = field_real_or(r, o, "slope", NAN);
	n->alpha = field_real_or(r, o, "alpha", NAN);
	n->beta = field_real_or(r, o, "beta", NAN);
}

static void read_node(struct reading *r, const json_t *o,
	const struct dnn_graph *g, struct dnn_node *n)
{
	static void (*const readers[])(struct reading *, const json_t *,
		const struct dnn_graph *, struct dnn_node *) = {
		[DNN_CONV] = read_conv, [DNN_MATMUL] = read_matmul,
		[DNN_POINTWISE] = read_pointwise };

	n->in[0] = n->in[1] = n->out = -1;
	n->op = field_word(r, o, "op", NULL, ops);
	n->compute = field_word(r, o, "compute", "f32", computes);
	n->relaxed = n->compute == RELAXED;
	if (n->relaxed)
		n->compute = WPK_DNN_FLOAT;
	readers[n->op](r, o, g, n);
}

/* ---- the graph ---- */

/* Every node finds its inputs made, and nothing is made twice. */
static void check_makers(struct reading *r, struct library_call *call,
	const struct dnn_graph *g)
{
	bool made[DNN_TENSORS] = { false }, used[DNN_TENSORS] = { false };

	for (int i = 0; !r->status && i < g->n_nodes; i++) {
		const struct dnn_node *n = &g->nodes[i];
		const struct dnn_tensor *out = &g->tensors[n->out];
		size_t was = field_enter(r, "nodes", i);

		for (int k = 0; k < 2 && n->in[k] >= 0; k++) {
			const struct dnn_tensor *t = &g->tensors[n->in[k]];

			used[n->in[k]] = true;
			if (t->place < 0 && !t->constant && !made[n->in[k]])
				field_fails(r, "tensor %d is not yet made",
					n->in[k]);
		}
		if (made[n->out] || used[n->out] || out->constant)
			field_fails(r, "tensor %d is %s", n->out, out->constant ?
				"constant" : "made again or after its use");
		else if (out->place >= 0 &&
		    call->places[out->place].kind == PLACE_PREPARED)
			field_fails(r, "what is prepared is not written");
		made[n->out] = true;
		if (out->place >= 0)
			call->places[out->place].written = true;
		field_leave(r, was);
	}
	for (int i = 0; i < g->n_tensors; i++)
		if (!made[i] && !used[i])
			field_fails(r, "tensor %d is of no node's", i);
}

static bool one_axis(struct reading *r, const struct dnn_graph *g)
{
	bool one = false;

	for (int i = 1; i < g->n_tensors; i++)
		if (g->tensors[i].n != g->tensors[0].n)
			field_fails(r, "tensor %d is of rank %d, and the first "
				"of %d", i, g->tensors[i].n, g->tensors[0].n);
	for (int i = 0; i < g->n_nodes; i++)
		one = one || (g->nodes[i].op == DNN_CONV &&
			g->nodes[i].spatial == 1);
	return one;
}

static void widen_axes(int64_t *v, int64_t usual)
{
	v[1] = v[0];
	v[0] = usual;
}

static void widen(struct dnn_graph *g)
{
	for (int i = 0; i < g->n_tensors; i++) {
		struct dnn_tensor *t = &g->tensors[i];

		t->dims[3] = t->dims[2];
		t->strides[3] = t->strides[2];
		t->dims[2] = 1;
		t->strides[2] = t->dims[3] * t->strides[3];
		t->n = 4;
	}
	for (int i = 0; i < g->n_nodes; i++) {
		struct dnn_node *n = &g->nodes[i];

		if (n->op != DNN_CONV)
			continue;
		widen_axes(n->pre, 0);
		widen_axes(n->post, 0);
		widen_axes(n->stride, 1);
		widen_axes(n->dilation, 1);
		n->spatial = 2;
	}
}

/* How many there are in o.KEY, which is to be an array. */
static int count(struct reading *r, const json_t *o, const char *key,
	int most)
{
	size_t n = json_array_size(json_object_get(o, key));

	if (!n || n > (size_t)most)
		field_fails(r, "\"%s\" has %zu entries, not 1 to %d", key, n,
			most);
	return r->status ? 0 : (int)n;
}

static void read_tensors(struct reading *r, struct library_call *call,
	const json_t *o, struct dnn_graph *g)
{
	const json_t *all = json_object_get(o, "tensors");

	g->n_tensors = count(r, o, "tensors", DNN_TENSORS);
	for (int i = 0; !r->status && i < g->n_tensors; i++) {
		size_t was = field_enter(r, "tensors", i);

		read_tensor(r, call, json_array_get(all, i), &g->tensors[i]);
		field_leave(r, was);
	}
}

static void read_nodes(struct reading *r, const json_t *o, struct dnn_graph *g)
{
	const json_t *all = json_object_get(o, "nodes");

	g->n_nodes = count(r, o, "nodes", DNN_NODES);
	for (int i = 0; !r->status && i < g->n_nodes; i++) {
		size_t was = field_enter(r, "nodes", i);

		read_node(r, json_array_get(all, i), g, &g->nodes[i]);
		field_leave(r, was);
	}
}

enum wpk_status graph_read(struct library_call *call, const json_t *j,
	struct dnn_graph *g, struct wpk_error *e)
{
	struct reading r = { .e = e, .where = "call" };
	const json_t *o = field_object(&r, j, "graph", false);

	field_enter(&r, "graph", -1);
	read_tensors(&r, call, o, g);
	read_nodes(&r, o, g);
	if (!r.status)
		check_makers(&r, call, g);
	if (!r.status && one_axis(&r, g) && !r.status)
		widen(g);
	return r.status;
}
