/* SPDX-License-Identifier: MIT */
/* Graphs in the words of cuDNN's convolutions of before graphs: one convolution,
 * forward, with respect to its input or to its filter, and what of bias, one more
 * tensor and relu follows a forward one. There, weights are dense, zeros lie before
 * and behind alike, and all tensors are of one type.
 *
 * A gradient of the filter is a graph's forward convolution, too: of x as C images
 * of N channels with dy as K filters of N channels, whose strides and dilations
 * have changed places. It is taken for one where its weights lie as no filter
 * does, and its result lies as one. */
#include <limits.h>
#include <math.h>

#include "runtime/lib/cudnn.h"

enum { ADD = 0, RELU = 100 };

/* Which operands of a way are the greater image, the smaller, and the filter. */
static const struct {
	int big, small, filter;
} roles[] = {
	[WPK_DNN_WAY_FORWARD] = { 0, 2, 1 }, [WPK_DNN_WAY_DATA] = { 2, 1, 0 },
	[WPK_DNN_WAY_FILTER] = { 0, 1, 2 },
};

static bool is_int(int64_t v)
{
	return v >= 0 && v <= INT_MAX;
}

/* "swapped": the first two dimensions change places. */
static bool shape(const struct dnn_tensor *t, bool swapped,
	struct dnn_shape *s)
{
	bool fits = true;

	s->n = t->n;
	s->type = t->type->cudnn;
	for (int i = 0; i < t->n; i++) {
		int from = swapped && i < 2 ? 1 - i : i;

		fits = fits && is_int(t->dims[from]) &&
			is_int(t->strides[from]);
		s->dims[i] = (int)t->dims[from];
		s->strides[i] = (int)t->strides[from];
	}
	return fits;
}

/* ---- filters ---- */

/* Dense, channels last or else as the extents stand. */
static bool dense(const struct dnn_shape *s, bool last)
{
	int64_t by = last ? s->dims[1] : 1;

	if (last && s->dims[1] > 1 && s->strides[1] != 1)
		return false;
	for (int i = s->n; i-- > 0;) {
		if (last && i == 1)
			continue;
		if (s->dims[i] > 1 && s->strides[i] != by)
			return false;
		by *= s->dims[i];
	}
	return true;
}

/* A filter that lies both ways lies as the image does. */
static bool find_format(struct dnn_legacy *f)
{
	const struct dnn_shape *w = &f->shapes[roles[f->way].filter];
	bool last = f->shapes[roles[f->way].big].strides[1] == 1;

	f->format = dense(w, last) == last ? WPK_DNN_NHWC : WPK_DNN_NCHW;
	return dense(w, f->format == WPK_DNN_NHWC);
}

/* ---- the convolution ---- */

/* Whether extents follow from one another, with as many zeros behind as
 * before. */
static bool agree(const struct dnn_legacy *f)
{
	const struct dnn_shape *big = &f->shapes[roles[f->way].big];
	const struct dnn_shape *small = &f->shapes[roles[f->way].small];
	const struct dnn_shape *w = &f->shapes[roles[f->way].filter];

	if (big->dims[0] != small->dims[0] || small->dims[1] != w->dims[0] ||
	    big->dims[1] != (int64_t)w->dims[1] * f->groups ||
	    w->dims[0] % f->groups)
		return false;
	for (int i = 0; i < f->spatial; i++) {
		int64_t span = (int64_t)f->dilation[i] * (w->dims[i + 2] - 1);
		int64_t room = big->dims[i + 2] + 2 * (int64_t)f->pad[i] -
			span - 1;

		if (room < 0 || room / f->stride[i] + 1 != small->dims[i + 2])
			return false;
	}
	return true;
}

static const char *read_way(const struct dnn_graph *g, enum wpk_dnn_way way,
	struct dnn_legacy *f)
{
	const struct dnn_node *n = &g->nodes[0];
	bool data = way == WPK_DNN_WAY_DATA, filter = way == WPK_DNN_WAY_FILTER;
	const struct dnn_shape *w = &f->shapes[roles[way].filter];

	f->way = way;
	f->filter_at = roles[way].filter;
	f->operands[0] = n->in[data];
	f->operands[1] = n->in[!data];
	f->spatial = n->spatial;
	for (int i = 0; i < 3; i++) {
		if (g->tensors[f->operands[i]].place < 0)
			return "one of its tensors is kept nowhere";
		if (!shape(&g->tensors[f->operands[i]], filter, &f->shapes[i]))
			return "it is too large for it";
	}
	for (int i = 0; i < n->spatial; i++) {
		f->pad[i] = (int)n->pre[i];
		f->stride[i] = (int)(filter ? n->dilation : n->stride)[i];
		f->dilation[i] = (int)(filter ? n->stride : n->dilation)[i];
	}
	f->groups = f->shapes[roles[way].big].dims[1] / w->dims[1];
	if (f->shapes[0].type != f->shapes[1].type ||
	    f->shapes[0].type != f->shapes[2].type)
		return "its tensors are of more than one type";
	if (!find_format(f))
		return "its weights are not dense";
	if (!f->groups || !agree(f))
		return "its zeros behind are not those before";
	return NULL;
}

/* ---- what follows ---- */

static bool plain_relu(const struct dnn_node *n)
{
	return n->mode == RELU && isnan(n->upper) &&
		(isnan(n->lower) || n->lower == 0) &&
		(isnan(n->slope) || n->slope == 0);
}

/* A value a channel, or one for every element. */
static bool take_added(const struct dnn_graph *g, struct dnn_legacy *f, int i,
	const struct dnn_tensor *y)
{
	const struct dnn_tensor *t = &g->tensors[i];
	bool channels = true, same = true;

	for (int d = 0; d < t->n; d++) {
		channels = channels && t->dims[d] == (d == 1 ? y->dims[1] : 1);
		same = same && t->dims[d] == y->dims[d];
	}
	if (t->place < 0 || t->type != y->type)
		return false;
	if (channels && f->bias < 0)
		f->bias = i;
	else if (same && f->added < 0)
		f->added = i;
	else
		return false;
	return true;
}

/* One node more, which starts from tensor "at". */
static bool take_node(const struct dnn_graph *g, struct dnn_legacy *f,
	const struct dnn_node *n, int at, const struct dnn_tensor *y)
{
	if (f->relu || g->tensors[at].place >= 0 || n->op != DNN_POINTWISE)
		return false;
	if (n->mode == ADD)
		return (n->in[0] == at && take_added(g, f, n->in[1], y)) ||
			(n->in[1] == at && take_added(g, f, n->in[0], y));
	f->relu = n->in[0] == at && plain_relu(n);
	return f->relu;
}

static const char *follow(const struct dnn_graph *g, struct dnn_legacy *f)
{
	int end = g->nodes[g->n_nodes - 1].out, at = g->nodes[0].out;
	const struct dnn_tensor *y = &g->tensors[end];

	f->bias = f->added = -1;
	f->operands[2] = end;
	for (int i = 1; i < g->n_nodes; i++) {
		if (!take_node(g, f, &g->nodes[i], at, y))
			return "more follows than a bias, one tensor and relu";
		at = g->nodes[i].out;
	}
	if (g->n_nodes > 1 && g->nodes[0].transposed)
		return "something follows a gradient";
	if (g->n_nodes > 1 && f->bias < 0)
		return "something follows, and no bias";
	return NULL;
}

const char *cudnn_legacy_form(const struct dnn_graph *g, struct dnn_legacy *f)
{
	const struct dnn_node *n = &g->nodes[0];
	struct dnn_legacy filter;
	const char *why;

	*f = (struct dnn_legacy){ .groups = 0 };
	if (n->op != DNN_CONV)
		return "it begins with no convolution";
	why = follow(g, f);
	if (why)
		return why;
	filter = *f;
	why = read_way(g, n->transposed ? WPK_DNN_WAY_DATA :
		WPK_DNN_WAY_FORWARD, f);
	if (!why || n->transposed || g->n_nodes > 1 ||
	    read_way(g, WPK_DNN_WAY_FILTER, &filter))
		return why;
	*f = filter;
	return NULL;
}
