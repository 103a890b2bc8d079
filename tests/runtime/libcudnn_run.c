/* SPDX-License-Identifier: MIT */
/* Graphs and legacy convolutions, computed by the stub of cuDNN in double precision: virtual tensors are
 * kept here, rounded to their types. What a pack says is copied, for it may be gone
 * when the graph has its turn. */
#include "tests/runtime/libcudnn.h"

#include <stdlib.h>

enum { RANK = 5, TENSORS = 64, NODES = 16 };

/* A tensor of a graph: extents and strides of a rank of 5, the spatial ones at the
 * end, or of 3, at the beginning. One "owned" has memory while the graph runs, one
 * by value is the "number". */
struct living {
	const struct descriptor *d;
	int64_t dims[RANK], strides[RANK];
	int type;
	void *at;
	int64_t number;
	bool owned, is_number;
};

struct window {
	int64_t pre[3], stride[3], dilation[3];
};

/* "b" is "x" where there is none. What a legacy convolution adds is "bias" and
 * "added", or NULL. */
struct node {
	struct living *x, *b, *y, *bias, *added;
	const struct descriptor *how;
	struct window window;
	enum { FORWARD, BACKWARD, PRODUCT, APPLY, GRADIENT } kind;
	bool relu, wrong;
};

struct graph_run {
	struct living v[TENSORS];
	struct node nodes[NODES];
	int n, n_nodes;
	size_t bytes;
	void *workspace;
};

static int64_t volume(const struct living *t)
{
	int64_t n = 1;

	for (int i = 0; i < RANK; i++)
		n *= t->dims[i];
	return n;
}

static const void *pointer_in(const struct descriptor *pack,
	const struct descriptor *tensor)
{
	int64_t n, m;
	const int64_t *ids = attribute_of(pack, WPK_DNN_PACK_IDS, &n);
	void *const *p = attribute_of(pack, WPK_DNN_PACK_POINTERS, &m);

	for (int64_t i = 0; i < n; i++)
		if (ids[i] == number_of(tensor, WPK_DNN_TENSOR_ID))
			return p[i];
	return NULL;
}

/* False: the pack has no place for it, or none that is aligned. */
static bool place(struct living *t, const struct descriptor *pack)
{
	const void *p = pointer_in(pack, t->d);
	int64_t n;
	const bool *value = attribute_of(t->d, WPK_DNN_TENSOR_BY_VALUE, &n);

	if (!p || (!*value && (uintptr_t)p % number_of(t->d,
	    WPK_DNN_TENSOR_ALIGNMENT)))
		return false;
	t->at = (void *)p;
	t->is_number = *value;
	if (*value)
		memcpy(&t->number, p, type_facts[t->type].bytes);
	return true;
}

/* Rank 4 is that of 5 with a depth of 1. */
static struct living tensor_of(const struct descriptor *d)
{
	int64_t n, m;
	const int64_t *dims = attribute_of(d, WPK_DNN_TENSOR_DIMENSIONS, &n);
	const int64_t *strides = attribute_of(d, WPK_DNN_TENSOR_STRIDES, &m);
	const bool *is_virtual = attribute_of(d, WPK_DNN_TENSOR_VIRTUAL, &m);
	struct living t = { .d = d, .type = type_named(int_of(d,
		WPK_DNN_TENSOR_TYPE)), .owned = is_virtual && *is_virtual };
	int64_t by = 1;

	for (int i = 0; i < RANK; i++)
		t.dims[i] = 1;
	for (int64_t i = 0; i < n; i++) {
		int to = n == 3 || i < 2 ? i : i + RANK - n;

		t.dims[to] = dims[i];
		t.strides[to] = strides[i];
	}
	for (int i = RANK; t.owned && i-- > 0; by *= t.dims[i])
		t.strides[i] = by;
	return t;
}

static struct living *living(struct graph_run *s, const struct descriptor *d)
{
	int i = 0;

	while (i < s->n && s->v[i].d != d)
		i++;
	if (i == s->n)
		s->v[s->n++] = tensor_of(d);
	return &s->v[i];
}

static int64_t offset(const struct living *t, const int64_t at[RANK])
{
	int64_t o = 0;

	for (int i = 0; i < RANK; i++)
		o += (t->dims[i] == 1 ? 0 : at[i]) * t->strides[i];
	return o;
}

static double read_at(const struct living *t, const int64_t at[RANK])
{
	return get(t->type, t->at, offset(t, at));
}

static void unflatten(const struct living *t, int64_t flat, int64_t at[RANK])
{
	for (int i = RANK; i-- > 0; flat /= t->dims[i])
		at[i] = flat % t->dims[i];
}

/* ---- operations ---- */

static struct window window_of(const struct descriptor *c)
{
	struct window w = { { 0 }, { 1, 1, 1 }, { 1, 1, 1 } };
	int64_t n, m;
	const int64_t *pre = attribute_of(c, WPK_DNN_CONVOLUTION_PRE, &n);
	const int64_t *stride = attribute_of(c, WPK_DNN_CONVOLUTION_STRIDES,
		&m);
	const int64_t *dilation = attribute_of(c,
		WPK_DNN_CONVOLUTION_DILATIONS, &m);

	for (int64_t i = 0; i < n; i++) {
		w.pre[i + 3 - n] = pre[i];
		w.stride[i + 3 - n] = stride[i];
		w.dilation[i + 3 - n] = dilation[i];
	}
	return w;
}

/* One element of y. */
static double forward(const struct living *x, const struct living *w,
	const struct living *y, const struct window *o, const int64_t at[RANK])
{
	int64_t groups = x->dims[1] / w->dims[1];
	int64_t group = at[1] / (y->dims[1] / groups), in[RANK] = { at[0] }, tap[RANK];
	double sum = 0;

	for (int64_t f = 0; f < volume(w) / w->dims[0]; f++) {
		bool inside = true;

		unflatten(w, f, tap);
		tap[0] = at[1];
		in[1] = group * w->dims[1] + tap[1];
		for (int i = 2; i < RANK; i++) {
			in[i] = at[i] * o->stride[i - 2] - o->pre[i - 2] +
				tap[i] * o->dilation[i - 2];
			inside = inside && in[i] >= 0 && in[i] < x->dims[i];
		}
		if (inside)
			sum += read_at(x, in) * read_at(w, tap);
	}
	return sum;
}

/* One element of dx: of all taps, those that lead to an element of dy. */
static double backward(const struct living *dx, const struct living *w,
	const struct living *dy, const struct window *o, const int64_t at[RANK])
{
	int64_t groups = dx->dims[1] / w->dims[1];
	int64_t group = at[1] / w->dims[1], per = dy->dims[1] / groups;
	int64_t out[RANK] = { at[0] }, tap[RANK];
	double sum = 0;

	for (int64_t f = 0; f < volume(w); f++) {
		bool inside = true;

		unflatten(w, f, tap);
		if (tap[1] != at[1] % w->dims[1] || tap[0] / per != group)
			continue;
		out[1] = tap[0];
		for (int i = 2; i < RANK; i++) {
			int64_t v = at[i] + o->pre[i - 2] -
				tap[i] * o->dilation[i - 2];

			out[i] = v / o->stride[i - 2];
			inside = inside && v >= 0 && v % o->stride[i - 2] == 0
				&& out[i] < dy->dims[i];
		}
		if (inside)
			sum += read_at(dy, out) * read_at(w, tap);
	}
	return sum;
}

/* One element of dw, of one tap: all pairs of x and dy that it lies between. */
static double gradient(const struct living *x, const struct living *dy,
	const struct living *dw, const struct window *o,
	const int64_t at[RANK])
{
	int64_t groups = x->dims[1] / dw->dims[1], out[RANK], in[RANK];
	int64_t group = at[0] / (dw->dims[0] / groups);
	struct living image = *dy;
	double sum = 0;

	image.dims[1] = 1;
	for (int64_t f = 0; f < volume(&image); f++) {
		bool inside = true;

		unflatten(&image, f, out);
		out[1] = at[0];
		in[0] = out[0];
		in[1] = group * dw->dims[1] + at[1];
		for (int i = 2; i < RANK; i++) {
			in[i] = out[i] * o->stride[i - 2] - o->pre[i - 2] +
				at[i] * o->dilation[i - 2];
			inside = inside && in[i] >= 0 && in[i] < x->dims[i];
		}
		if (inside)
			sum += read_at(x, in) * read_at(dy, out);
	}
	return sum;
}

static double product(const struct living *a, const struct living *b,
	const int64_t at[RANK])
{
	double sum = 0;

	for (int64_t k = 0; k < a->dims[2]; k++)
		sum += read_at(a, (int64_t[RANK]){ at[0], at[1], k }) *
			read_at(b, (int64_t[RANK]){ at[0], k, at[2] });
	return sum;
}

static double real_of(const struct descriptor *p, int name, double otherwise)
{
	int64_t n;
	const double *v = attribute_of(p, name, &n);

	return v ? *v : otherwise;
}

static double relu(const struct descriptor *p, double x)
{
	double lower = real_of(p, WPK_DNN_POINTWISE_LOWER, 0);
	double upper = real_of(p, WPK_DNN_POINTWISE_UPPER, INFINITY);
	double slope = real_of(p, WPK_DNN_POINTWISE_SLOPE, 0);

	return x < lower ? lower + slope * (x - lower) : fmin(x, upper);
}

static double apply(const struct descriptor *p, double x, double b)
{
	double alpha = real_of(p, WPK_DNN_POINTWISE_ELU_ALPHA, 1);
	double soft = real_of(p, WPK_DNN_POINTWISE_SOFTPLUS_BETA, 1);
	double beta = real_of(p, WPK_DNN_POINTWISE_SWISH_BETA, 1);

	switch (int_of(p, WPK_DNN_POINTWISE_MODE)) {
	case 0: return x + b;
	case 1: return x * b;
	case 2: return fmin(x, b);
	case 3: return fmax(x, b);
	case 4: return sqrt(x);
	case 5: return x + b * b;
	case 6: return x / b;
	case 8: return pow(x, b);
	case 9: return x - b;
	case 10: return fabs(x);
	case 11: return ceil(x);
	case 12: return cos(x);
	case 13: return exp(x);
	case 14: return floor(x);
	case 15: return log(x);
	case 16: return -x;
	case 17: return 1 / sqrt(x);
	case 18: return sin(x);
	case 19: return tan(x);
	case 20: return erf(x);
	case 21: return x;
	case 22: return 1 / x;
	case 100: return relu(p, x);
	case 101: return tanh(x);
	case 102: return 1 / (1 + exp(-x));
	case 103: return x > 0 ? x : alpha * (exp(x) - 1);
	case 104: return 0.5 * x * (1 + erf(x / sqrt(2)));
	case 105: return log(1 + exp(soft * x)) / soft;
	case 106: return x / (1 + exp(-beta * x));
	default: return gelu_tanh(x);
	}
}

/* ---- graphs ---- */

static struct node node_of(struct graph_run *s, const struct descriptor *op)
{
	static const int names[][4] = {
		[FORWARD] = { WPK_DNN_OPERATION_FORWARD, WPK_DNN_FORWARD_X,
			WPK_DNN_FORWARD_W, WPK_DNN_FORWARD_Y },
		[BACKWARD] = { WPK_DNN_OPERATION_BACKWARD, WPK_DNN_BACKWARD_DY,
			WPK_DNN_BACKWARD_W, WPK_DNN_BACKWARD_DX },
		[PRODUCT] = { WPK_DNN_OPERATION_MATMUL, WPK_DNN_PRODUCT_A,
			WPK_DNN_PRODUCT_B, WPK_DNN_PRODUCT_C },
		[APPLY] = { WPK_DNN_OPERATION_POINTWISE, WPK_DNN_APPLY_X,
			WPK_DNN_APPLY_B, WPK_DNN_APPLY_Y } };
	const struct descriptor *b;
	struct node n = { .kind = FORWARD };

	while (names[n.kind][0] != op->kind)
		n.kind++;
	b = child_of(op, names[n.kind][2]);
	n.x = living(s, child_of(op, names[n.kind][1]));
	n.b = b ? living(s, b) : n.x;
	n.y = living(s, child_of(op, names[n.kind][3]));
	if (n.kind == FORWARD || n.kind == BACKWARD)
		n.window = window_of(child_of(op, n.kind == FORWARD ?
			WPK_DNN_FORWARD_CONVOLUTION :
			WPK_DNN_BACKWARD_CONVOLUTION));
	n.how = child_of(op, WPK_DNN_APPLY_POINTWISE);
	return n;
}

static double value_of(const struct node *n, const int64_t at[RANK])
{
	const struct living *x = n->x, *b = n->b, *y = n->y;

	switch (n->kind) {
	case FORWARD: return forward(x, b, y, &n->window, at);
	case BACKWARD: return backward(y, b, x, &n->window, at);
	case PRODUCT: return product(x, b, at);
	case GRADIENT: return gradient(x, b, y, &n->window, at);
	default: return apply(n->how, read_at(x, at), read_at(b, at));
	}
}

static void run_node(const struct node *n)
{
	int64_t at[RANK];

	for (int64_t f = 0; f < volume(n->y); f++) {
		double v;

		unflatten(n->y, f, at);
		v = value_of(n, at);
		v += n->bias ? read_at(n->bias, at) : 0;
		v += n->added ? read_at(n->added, at) : 0;
		put(n->y->type, n->y->at, offset(n->y, at),
			(n->relu && v < 0 ? 0 : v) + n->wrong);
	}
}

struct graph_run *run_create(const struct descriptor *graph,
	const struct descriptor *pack, void *workspace, size_t bytes)
{
	struct graph_run *s = calloc(1, sizeof *s);
	int64_t n, named, real = 0;
	struct descriptor *const *ops = attribute_of(graph,
		WPK_DNN_GRAPH_OPERATIONS, &n);
	bool well = true;

	s->workspace = workspace;
	s->bytes = bytes;
	for (s->n_nodes = 0; s->n_nodes < n; s->n_nodes++)
		s->nodes[s->n_nodes] = node_of(s, ops[s->n_nodes]);
	for (int i = 0; i < s->n; i++) {
		real += !s->v[i].owned;
		well = well && (s->v[i].owned || place(&s->v[i], pack));
	}
	attribute_of(pack, WPK_DNN_PACK_IDS, &named);
	if (well && real == named)
		return s;
	free(s);
	return NULL;
}

/* ---- legacy convolutions ---- */

/* NULL: there is none. */
static struct living *live(struct graph_run *s, const struct legacy *d,
	const void *at)
{
	struct living *t = &s->v[s->n];

	if (!d)
		return NULL;
	*t = (struct living){ .type = type_named(d->type), .at = (void *)at };
	for (int i = 0; i < RANK; i++)
		t->dims[i] = 1;
	for (int i = 0; i < d->n; i++) {
		int to = i < 2 ? i : i + RANK - d->n;

		t->dims[to] = d->dims[i];
		t->strides[to] = d->strides[i];
	}
	return &s->v[s->n++];
}

/* Our backward() wants dy, w and dx as a graph's node has them. */
struct graph_run *run_legacy(const struct legacy_run *r)
{
	static const struct {
		int kind, x, b;
	} ways[] = { [WPK_DNN_WAY_FORWARD] = { FORWARD, 0, 1 },
		[WPK_DNN_WAY_DATA] = { BACKWARD, 1, 0 },
		[WPK_DNN_WAY_FILTER] = { GRADIENT, 0, 1 } };
	struct graph_run *s = calloc(1, sizeof *s);
	int x = ways[r->way].x, b = ways[r->way].b;
	struct node n = { .kind = ways[r->way].kind, .relu = r->relu,
		.wrong = r->wrong,
		.window = { { 0 }, { 1, 1, 1 }, { 1, 1, 1 } } };

	s->workspace = r->workspace;
	s->bytes = r->bytes;
	n.x = live(s, r->d[x], r->at[x]);
	n.b = live(s, r->d[b], r->at[b]);
	n.y = live(s, r->d[2], r->at[2]);
	n.bias = live(s, r->bias, r->bias_at);
	n.added = live(s, r->added, r->added_at);
	for (int i = 0; i < r->conv->n; i++) {
		int to = i + 3 - r->conv->n;

		n.window.pre[to] = r->conv->pad[i];
		n.window.stride[to] = r->conv->stride[i];
		n.window.dilation[to] = r->conv->dilation[i];
	}
	s->nodes[s->n_nodes++] = n;
	return s;
}

void compute(void *run)
{
	struct graph_run *s = run;

	if (s->bytes)
		memset(s->workspace, 0x5a, s->bytes);
	for (int i = 0; i < s->n; i++)
		if (s->v[i].owned)
			s->v[i].at = malloc(volume(&s->v[i]) * 8);
		else if (s->v[i].is_number)
			s->v[i].at = &s->v[i].number;
	for (int i = 0; i < s->n_nodes; i++)
		run_node(&s->nodes[i]);
	for (int i = 0; i < s->n; i++)
		if (s->v[i].owned)
			free(s->v[i].at);
}
