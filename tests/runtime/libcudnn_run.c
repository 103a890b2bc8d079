/* SPDX-License-Identifier: MIT */
/* Graphs, computed by the stub of cuDNN in double precision: virtual tensors are
 * kept here, rounded to their types. */
#include "tests/runtime/libcudnn.h"

#include <stdlib.h>

enum { RANK = 5, TENSORS = 64 };

/* A tensor while the graph runs: extents and strides of a rank of 5, the spatial
 * ones at the end, or of 3, at the beginning. */
struct living {
	const struct descriptor *d;
	int64_t dims[RANK], strides[RANK];
	int type;
	void *at;
	bool owned;
};

struct state {
	struct living v[TENSORS];
	int n;
	const struct descriptor *pack;
	bool wrong;
};

static int64_t volume(const struct living *t)
{
	int64_t n = 1;

	for (int i = 0; i < RANK; i++)
		n *= t->dims[i];
	return n;
}

static void *address_of(struct state *s, const struct descriptor *d)
{
	int64_t n, align = number_of(d, WPK_DNN_TENSOR_ALIGNMENT), m;
	const int64_t *ids = attribute_of(s->pack, WPK_DNN_PACK_IDS, &n);
	void *const *p = attribute_of(s->pack, WPK_DNN_PACK_POINTERS, &m);
	const bool *value = attribute_of(d, WPK_DNN_TENSOR_BY_VALUE, &m);

	for (int64_t i = 0; i < n; i++)
		if (ids[i] == number_of(d, WPK_DNN_TENSOR_ID)) {
			if (!p[i] || (!*value && (uintptr_t)p[i] % align))
				s->wrong = true;
			return p[i];
		}
	s->wrong = true;
	return NULL;
}

/* The tensor as it lives, found or made: rank 4 is that of 5 with a depth of 1. */
static struct living *living(struct state *s, const struct descriptor *d)
{
	int64_t n, m;
	const int64_t *dims = attribute_of(d, WPK_DNN_TENSOR_DIMENSIONS, &n);
	const int64_t *strides = attribute_of(d, WPK_DNN_TENSOR_STRIDES, &m);
	const bool *is_virtual = attribute_of(d, WPK_DNN_TENSOR_VIRTUAL, &m);
	struct living *t;

	for (int i = 0; i < s->n; i++)
		if (s->v[i].d == d)
			return &s->v[i];
	t = &s->v[s->n++];
	*t = (struct living){ .d = d, .type = type_named(int_of(d,
		WPK_DNN_TENSOR_TYPE)), .owned = is_virtual && *is_virtual };
	for (int i = 0; i < RANK; i++)
		t->dims[i] = 1;
	for (int64_t i = 0; i < n; i++) {
		int to = n == 3 || i < 2 ? i : i + RANK - n;

		t->dims[to] = dims[i];
		t->strides[to] = strides[i];
	}
	if (t->owned) {
		int64_t by = 1;

		for (int i = RANK; i-- > 0; by *= t->dims[i])
			t->strides[i] = by;
		t->at = malloc(volume(t) * 8);
	} else {
		t->at = address_of(s, d);
	}
	return t;
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

struct window {
	int64_t pre[3], stride[3], dilation[3];
};

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

static void run_node(struct state *s, const struct descriptor *op)
{
	static const int names[][4] = {
		{ WPK_DNN_OPERATION_FORWARD, WPK_DNN_FORWARD_X, WPK_DNN_FORWARD_W,
			WPK_DNN_FORWARD_Y },
		{ WPK_DNN_OPERATION_BACKWARD, WPK_DNN_BACKWARD_DY,
			WPK_DNN_BACKWARD_W, WPK_DNN_BACKWARD_DX },
		{ WPK_DNN_OPERATION_MATMUL, WPK_DNN_PRODUCT_A, WPK_DNN_PRODUCT_B,
			WPK_DNN_PRODUCT_C },
		{ WPK_DNN_OPERATION_POINTWISE, WPK_DNN_APPLY_X, WPK_DNN_APPLY_B,
			WPK_DNN_APPLY_Y } };
	const struct descriptor *b, *conv, *how;
	struct living *x, *y, *t;
	struct window w;
	int64_t at[RANK];
	int i = 0;

	while (names[i][0] != op->kind)
		i++;
	b = child_of(op, names[i][2]);
	x = living(s, child_of(op, names[i][1]));
	t = b ? living(s, b) : x;
	y = living(s, child_of(op, names[i][3]));
	conv = child_of(op, i ? WPK_DNN_BACKWARD_CONVOLUTION :
		WPK_DNN_FORWARD_CONVOLUTION);
	how = child_of(op, WPK_DNN_APPLY_POINTWISE);
	if (i < 2)
		w = window_of(conv);
	for (int64_t f = 0; !s->wrong && f < volume(y); f++) {
		unflatten(y, f, at);
		put(y->type, y->at, offset(y, at),
			i == 0 ? forward(x, t, y, &w, at) :
			i == 1 ? backward(y, t, x, &w, at) :
			i == 2 ? product(x, t, at) :
			apply(how, read_at(x, at), read_at(t, at)));
	}
}

int compute(const struct descriptor *graph, const struct descriptor *pack)
{
	struct state *s = calloc(1, sizeof *s);
	int64_t n, named, real = 0;
	struct descriptor *const *ops = attribute_of(graph,
		WPK_DNN_GRAPH_OPERATIONS, &n);
	bool wrong;

	s->pack = pack;
	attribute_of(pack, WPK_DNN_PACK_IDS, &named);
	for (int64_t i = 0; i < n; i++)
		run_node(s, ops[i]);
	for (int i = 0; i < s->n; i++) {
		real += !s->v[i].owned;
		if (s->v[i].owned)
			free(s->v[i].at);
	}
	wrong = s->wrong || real != named;
	free(s);
	return wrong ? BAD_PARAM : 0;
}
