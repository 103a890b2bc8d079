/* SPDX-License-Identifier: MIT */
#include "call_eval.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ir/type.h"

enum { RANK = 8, TENSORS = 32, SPATIAL = 3 };

static int64_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *word(const json_t *o, const char *key)
{
	const char *w = json_string_value(json_object_get(o, key));

	return w ? w : "";
}

/* Memory at a place. */
struct place {
	enum dtype type;
	char *base;
	int64_t elements;
};

static bool place_of(const json_t *o, const struct call_memory *m,
	struct place *p)
{
	const json_t *at = json_object_get(o, "place");
	const json_t *t = json_object_get(at, "tensor");
	const json_t *w = json_object_get(at, "workspace");
	size_t offset = (size_t)json_integer_value(w), bytes;

	p->type = dtype_named(word(o, "type"));
	if (p->type == T_NONE || !t == !w || (t && json_integer_value(t) >= m->n))
		return false;
	p->base = t ? m->tensors[json_integer_value(t)] :
		m->workspace + offset;
	bytes = t ? m->bytes[json_integer_value(t)] :
		m->workspace_bytes - offset;
	p->elements = (int64_t)(bytes * 8) / dtype_row(p->type)->bits;
	return true;
}

/* ---- products ---- */

struct matrix {
	struct place p;
	bool there, columns;
	int64_t ld, stride;
};

static const char *matrix_of(const json_t *gemm, const char *key,
	const struct call_memory *m, int64_t rows, int64_t cols, int64_t batch,
	struct matrix *x)
{
	const json_t *o = json_object_get(gemm, key);
	int64_t lines, width;

	*x = (struct matrix){ .there = json_is_object(o) };
	if (!x->there)
		return NULL;
	if (!place_of(o, m, &x->p))
		return "a matrix is nowhere";
	x->columns = !strcmp(word(o, "order"), "col") !=
		json_is_true(json_object_get(o, "transposed"));
	x->ld = number(o, "ld");
	x->stride = number(o, "stride");
	lines = x->columns ? cols : rows;
	width = x->columns ? rows : cols;
	if (x->ld < width)
		return "lines overlap";
	return (batch - 1) * x->stride + (lines - 1) * x->ld + width >
		x->p.elements ? "a matrix is larger than its memory" : NULL;
}

static int64_t at(const struct matrix *x, int64_t z, int64_t i, int64_t j)
{
	return z * x->stride + (x->columns ? i + j * x->ld : i * x->ld + j);
}

static double element(const struct matrix *x, int64_t z, int64_t i, int64_t j)
{
	return dtype_load(x->p.type, x->p.base, at(x, z, i, j));
}

static double gelu_tanh(double x)
{
	return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) *
		(x + 0.044715 * x * x * x)));
}

static const char *evaluate_gemm(const json_t *g, const struct call_memory *m)
{
	int64_t rows = number(g, "m"), cols = number(g, "n");
	int64_t k = number(g, "k"), batch = number(g, "batch");
	const json_t *bias = json_object_get(g, "bias");
	const char *end = word(g, "epilogue");
	struct matrix a, b, c, d;
	struct place extra = { .elements = cols };
	const char *why = matrix_of(g, "a", m, rows, k, batch, &a);

	why = why ? why : matrix_of(g, "b", m, k, cols, batch, &b);
	why = why ? why : matrix_of(g, "c", m, rows, cols, batch, &c);
	why = why ? why : matrix_of(g, "d", m, rows, cols, batch, &d);
	if (!why && json_is_object(bias) != !!strstr(end, "bias"))
		why = "bias and epilogue differ";
	if (!why && json_is_object(bias) && (!place_of(bias, m, &extra) ||
	    strcmp(word(bias, "along"), "n") || extra.elements < cols))
		why = "the bias is none of columns";
	for (int64_t t = 0; !why && t < batch * rows * cols; t++) {
		int64_t z = t / cols / rows, i = t / cols % rows, j = t % cols;
		double v = 0;

		for (int64_t s = 0; s < k; s++)
			v += element(&a, z, i, s) * element(&b, z, s, j);
		v += c.there ? element(&c, z, i, j) : 0;
		v += json_is_object(bias) ? dtype_load(extra.type, extra.base,
			j) : 0;
		v = !strncmp(end, "relu", 4) ? fmax(v, 0) :
			!strncmp(end, "gelu", 4) ? gelu_tanh(v) : v;
		dtype_store(d.p.type, d.p.base, at(&d, z, i, j), v);
	}
	return why;
}

/* ---- graphs ---- */

/* Values in the order of their dimensions; "made": they are there. */
struct value {
	int n;
	int64_t dims[RANK], strides[RANK], elements;
	struct place p;
	bool placed, made;
	double *v;
};

static void split(const struct value *x, int64_t i, int64_t *idx)
{
	for (int d = x->n - 1; d >= 0; d--) {
		idx[d] = i % x->dims[d];
		i /= x->dims[d];
	}
}

/* Where dimensions are of one element they are the same everywhere. */
static int64_t flat(const struct value *x, const int64_t *idx)
{
	int64_t i = 0;

	for (int d = 0; d < x->n; d++)
		i = i * x->dims[d] + (x->dims[d] == 1 ? 0 : idx[d]);
	return i;
}

static int64_t offset(const struct value *x, int64_t i)
{
	int64_t idx[RANK], at = 0;

	split(x, i, idx);
	for (int d = 0; d < x->n; d++)
		at += idx[d] * x->strides[d];
	return at;
}

static const char *value_of(const json_t *o, const struct call_memory *m,
	bool made, struct value *x)
{
	const json_t *dims = json_object_get(o, "dims");
	const json_t *strides = json_object_get(o, "strides");
	const json_t *constant = json_object_get(o, "value");

	*x = (struct value){ .n = (int)json_array_size(dims), .elements = 1 };
	if (x->n < 3 || x->n > 5 || json_array_size(strides) != (size_t)x->n)
		return "a tensor has too few or too many dimensions";
	for (int d = 0; d < x->n; d++) {
		x->dims[d] = json_integer_value(json_array_get(dims, d));
		x->strides[d] = json_integer_value(json_array_get(strides, d));
		x->elements *= x->dims[d];
	}
	x->v = calloc((size_t)x->elements, sizeof *x->v);
	x->placed = json_is_object(json_object_get(o, "place"));
	if (x->placed && !place_of(o, m, &x->p))
		return "a tensor is nowhere";
	if (x->placed && offset(x, x->elements - 1) >= x->p.elements)
		return "a tensor is larger than its memory";
	x->made = constant || (x->placed && !made);
	for (int64_t i = 0; x->made && i < x->elements; i++)
		x->v[i] = constant ? json_number_value(constant) :
			dtype_load(x->p.type, x->p.base, offset(x, i));
	return NULL;
}

static void read_axes(const json_t *n, const char *key, int64_t *v)
{
	for (int i = 0; i < SPATIAL; i++)
		v[i] = json_integer_value(json_array_get(
			json_object_get(n, key), (size_t)i));
}

struct conv {
	int64_t pad[SPATIAL], pad_end[SPATIAL], stride[SPATIAL],
		dilation[SPATIAL];
	bool transposed;
	int spatial;
};

/* The extents are those that cuDNN asks for. */
static bool fits(const struct conv *c, const struct value *x,
	const struct value *w, const struct value *y)
{
	const struct value *from = c->transposed ? y : x;
	const struct value *to = c->transposed ? x : y;

	for (int d = 0; d < c->spatial; d++) {
		int64_t window = (w->dims[2 + d] - 1) * c->dilation[d] + 1;
		int64_t all = from->dims[2 + d] + c->pad[d] + c->pad_end[d];

		if (all < window || (all - window) / c->stride[d] + 1 !=
		    to->dims[2 + d])
			return false;
	}
	return x->dims[0] == y->dims[0] && w->dims[0] == (c->transposed ? x :
		y)->dims[1] && (c->transposed ? y : x)->dims[1] %
		w->dims[1] == 0;
}

/* The image's index where "y" is seen through "w"; false outside. */
static bool seen(const struct conv *c, const struct value *x,
	const int64_t *y, const int64_t *w, int64_t *at)
{
	for (int d = 0; d < c->spatial; d++) {
		int64_t i = c->transposed ? y[2 + d] + c->pad[d] -
			w[2 + d] * c->dilation[d] : y[2 + d] * c->stride[d] +
			w[2 + d] * c->dilation[d] - c->pad[d];

		if (c->transposed && i % c->stride[d])
			return false;
		at[2 + d] = c->transposed ? i / c->stride[d] : i;
		if (i < 0 || at[2 + d] >= x->dims[2 + d])
			return false;
	}
	return true;
}

/* w[filter, channel of the group] */
static double convolved(const struct conv *c, const struct value *x,
	const struct value *w, const int64_t *y)
{
	int64_t own = w->dims[1], at[RANK], wi[RANK];
	int64_t groups = x->dims[1] / own;
	double sum = 0;

	for (int64_t i = 0; i < w->elements; i++) {
		split(w, i, wi);
		at[0] = y[0];
		at[1] = y[1] / (w->dims[0] / groups) * own + wi[1];
		if (wi[0] == y[1] && seen(c, x, y, wi, at))
			sum += x->v[flat(x, at)] * w->v[i];
	}
	return sum;
}

/* Of a transposed one: does the channel belong to the result's group? */
static bool same_group(const struct value *x, const struct value *w,
	int64_t n_filters, int64_t filter, int64_t channel)
{
	int64_t groups = n_filters / w->dims[1];

	return channel / (x->dims[1] / groups) == filter / w->dims[1];
}

/* w[channel, filter of the group] */
static double transposed(const struct conv *c, const struct value *x,
	const struct value *w, int64_t n_filters, const int64_t *y)
{
	int64_t at[RANK], wi[RANK];
	double sum = 0;

	for (int64_t i = 0; i < w->elements; i++) {
		split(w, i, wi);
		at[0] = y[0];
		at[1] = wi[0];
		if (wi[1] == y[1] % w->dims[1] && same_group(x, w, n_filters,
		    y[1], wi[0]) && seen(c, x, y, wi, at))
			sum += x->v[flat(x, at)] * w->v[i];
	}
	return sum;
}

static const char *evaluate_conv(const json_t *n, const struct value *x,
	const struct value *w, struct value *y)
{
	struct conv c = { .spatial = x->n - 2, .transposed =
		json_is_true(json_object_get(n, "transposed")) };
	int64_t idx[RANK];

	read_axes(n, "pad", c.pad);
	read_axes(n, "pad_end", c.pad_end);
	read_axes(n, "stride", c.stride);
	read_axes(n, "dilation", c.dilation);
	if (!fits(&c, x, w, y))
		return "extents of a convolution do not fit";
	for (int64_t i = 0; i < y->elements; i++) {
		split(y, i, idx);
		y->v[i] = c.transposed ? transposed(&c, x, w, y->dims[1], idx) :
			convolved(&c, x, w, idx);
	}
	return NULL;
}

static const char *evaluate_matmul(const struct value *a,
	const struct value *b, struct value *c)
{
	int64_t idx[RANK], k = a->dims[2];

	if (a->n != 3 || b->dims[1] != k || c->dims[1] != a->dims[1] ||
	    c->dims[2] != b->dims[2])
		return "extents of a product do not fit";
	for (int64_t i = 0; i < c->elements; i++) {
		split(c, i, idx);
		c->v[i] = 0;
		for (int64_t s = 0; s < k; s++)
			c->v[i] += a->v[flat(a, (int64_t[]){ idx[0], idx[1],
				s })] * b->v[flat(b, (int64_t[]){ idx[0], s,
				idx[2] })];
	}
	return NULL;
}

static double add(double x, double y) { return x + y; }
static double sub(double x, double y) { return x - y; }
static double mul(double x, double y) { return x * y; }
static double divide(double x, double y) { return x / y; }
static double negative(double x) { return -x; }
static double rsqrt(double x) { return 1 / sqrt(x); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double gelu(double x) { return 0.5 * x * (1 + erf(x / sqrt(2))); }

static const struct mode {
	const char *name;
	double (*one)(double);
	double (*two)(double, double);
} modes[] = {
	{ "add", NULL, add }, { "sub", NULL, sub }, { "mul", NULL, mul },
	{ "div", NULL, divide }, { "min", NULL, fmin }, { "max", NULL, fmax },
	{ "pow", NULL, pow }, { "neg", negative, NULL }, { "abs", fabs, NULL },
	{ "exp", exp, NULL }, { "log", log, NULL }, { "sqrt", sqrt, NULL },
	{ "rsqrt", rsqrt, NULL }, { "sin", sin, NULL }, { "cos", cos, NULL },
	{ "tanh", tanh, NULL }, { "erf", erf, NULL },
	{ "floor", floor, NULL }, { "ceil", ceil, NULL },
	{ "sigmoid", sigmoid, NULL }, { "gelu", gelu, NULL },
	{ "gelu_tanh", gelu_tanh, NULL },
};

static double number_or(const json_t *n, const char *key, double otherwise)
{
	const json_t *v = json_object_get(n, key);

	return v ? json_number_value(v) : otherwise;
}

/* Functions that have numbers. */
static bool with_numbers(const json_t *n, double x, double *y)
{
	const char *mode = word(n, "mode");

	if (!strcmp(mode, "relu"))
		*y = x > 0 ? fmin(x, number_or(n, "upper", INFINITY)) :
			x * number_or(n, "slope", 0);
	else if (!strcmp(mode, "swish"))
		*y = x / (1 + exp(-number_or(n, "beta", 1) * x));
	else
		return false;
	return true;
}

static const char *evaluate_pointwise(const json_t *n, const struct value *x,
	const struct value *b, struct value *y)
{
	const struct mode *m = NULL;
	int64_t idx[RANK];

	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (!strcmp(modes[i].name, word(n, "mode")))
			m = &modes[i];
	for (int64_t i = 0; i < y->elements; i++) {
		double v;

		split(y, i, idx);
		v = x->v[flat(x, idx)];
		if (with_numbers(n, v, &y->v[i]))
			continue;
		if (!m || !m->two != !b)
			return "a mode is not known, or has too many operands";
		y->v[i] = b ? m->two(v, b->v[flat(b, idx)]) : m->one(v);
	}
	return NULL;
}

static struct value *named(const json_t *n, const char *key, struct value *t,
	int n_tensors)
{
	const json_t *v = json_object_get(n, key);

	return v && json_integer_value(v) < n_tensors ?
		&t[json_integer_value(v)] : NULL;
}

static const char *evaluate_node(const json_t *n, struct value *t,
	int n_tensors)
{
	bool conv = !strcmp(word(n, "op"), "conv");
	bool product = !strcmp(word(n, "op"), "matmul");
	struct value *x = named(n, product ? "a" : "x", t, n_tensors);
	struct value *y = named(n, product ? "c" : "y", t, n_tensors);
	struct value *b = named(n, conv ? "w" : "b", t, n_tensors);
	const char *why;

	if (!x || !y || !x->made || (b && !b->made) || y->made)
		return "a node runs before what it reads is made";
	why = conv ? evaluate_conv(n, x, b, y) : product ?
		evaluate_matmul(x, b, y) : evaluate_pointwise(n, x, b, y);
	y->made = true;
	for (int64_t i = 0; !why && y->placed && i < y->elements; i++)
		dtype_store(y->p.type, y->p.base, offset(y, i), y->v[i]);
	return why;
}

static bool writes(const json_t *nodes, size_t tensor)
{
	size_t i;
	json_t *n;

	json_array_foreach((json_t *)nodes, i, n)
		if ((json_object_get(n, "y") && number(n, "y") ==
		    (int64_t)tensor) || (json_object_get(n, "c") &&
		    number(n, "c") == (int64_t)tensor))
			return true;
	return false;
}

static const char *evaluate_graph(const json_t *g, const struct call_memory *m)
{
	const json_t *tensors = json_object_get(g, "tensors");
	const json_t *nodes = json_object_get(g, "nodes");
	int n = (int)json_array_size(tensors);
	struct value t[TENSORS] = { { .n = 0 } };
	const char *why = n > TENSORS ? "too many tensors" : NULL;

	for (int i = 0; !why && i < n; i++)
		why = value_of(json_array_get(tensors, i), m,
			writes(nodes, (size_t)i), &t[i]);
	for (size_t i = 0; !why && i < json_array_size(nodes); i++)
		why = evaluate_node(json_array_get(nodes, i), t, n);
	for (int i = 0; i < n && i < TENSORS; i++)
		free(t[i].v);
	return why;
}

const char *call_evaluate(const json_t *step, const struct call_memory *m)
{
	const json_t *call = json_object_get(step, "call");
	const json_t *gemm = json_object_get(call, "gemm");
	const json_t *graph = json_object_get(call, "graph");

	if (!strcmp(word(step, "library"), "cublaslt") && gemm)
		return evaluate_gemm(gemm, m);
	if (!strcmp(word(step, "library"), "cudnn") && graph)
		return evaluate_graph(graph, m);
	return "no call of a library that is known";
}
