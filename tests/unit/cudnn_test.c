/* SPDX-License-Identifier: MIT */
/* Graphs by cuDNN, which is a stub here: convolutions of every kind, products and
 * pointwise nodes against plain loops, engines listed, pinned and refused. */
#include "library_stub.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/runtime/types.h"

enum { MOST_RANK = 5, MOST_TENSORS = 8 };

static char *here(const char *name)
{
	static char path[400];

	return (char *)stub_path(name, path);
}

static struct stub *usual(void)
{
	return stub_create(NULL, here("libcudnn.so"));
}

/* ---- graphs as text ---- */

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

static int64_t elements(const struct tensor *t)
{
	int64_t n = 1;

	for (int i = 0; i < t->n; i++)
		n *= t->dims[i];
	return n;
}

/* Channels are axis 1. */
static void lay(struct tensor *t)
{
	int64_t by = 1;

	if (t->last) {
		t->strides[1] = 1;
		by = t->dims[1];
	}
	for (int i = t->n; i-- > 0;)
		if (!t->last || i != 1) {
			t->strides[i] = by;
			by *= t->dims[i];
		}
}

static void say_numbers(char *to, const char *key, const int64_t *v, int n)
{
	to += sprintf(to, ", '%s': [", key);
	for (int i = 0; i < n; i++)
		to += sprintf(to, "%s%d", i ? ", " : "", (int)v[i]);
	strcpy(to, "]");
}

static int add_tensor(struct graph *g, struct tensor t)
{
	char *to = g->tensors + strlen(g->tensors);

	lay(&t);
	to += sprintf(to, "%s{'type': '%s'", g->n ? ", " : "",
		type_facts[t.type].name);
	if (t.place >= 0)
		to += sprintf(to, ", 'place': {'tensor': %d}", t.place);
	say_numbers(to, "dims", t.dims, t.n);
	say_numbers(to + strlen(to), "strides", t.strides, t.n);
	strcat(to, "}");
	g->t[g->n] = t;
	return g->n++;
}

static void add_node(struct graph *g, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add_node(struct graph *g, const char *fmt, ...)
{
	char *to = g->nodes + strlen(g->nodes);
	va_list ap;

	to += sprintf(to, "%s{", *g->nodes ? ", " : "");
	va_start(ap, fmt);
	to += vsprintf(to, fmt, ap);
	va_end(ap);
	strcpy(to, "}");
}

static json_t *step_for(const struct graph *g)
{
	return step_of("{'library': 'cudnn', 'call': {'graph': {'tensors': [%s], "
		"'nodes': [%s]}}}", g->tensors, g->nodes);
}

static double read_tensor(const struct tensor *t, const void *p,
	const int64_t *at)
{
	int64_t o = 0;

	for (int i = 0; i < t->n; i++)
		o += t->dims[i] == 1 ? 0 : at[i] * t->strides[i];
	return get(t->type, p, o);
}

static void step_index(const struct tensor *t, int64_t flat, int64_t *at)
{
	for (int i = t->n; i-- > 0; flat /= t->dims[i])
		at[i] = flat % t->dims[i];
}

static void fill(const struct tensor *t, void *p, unsigned seed)
{
	bool whole = t->type == I8 || t->type == I32;

	for (int64_t i = 0; i < elements(t); i++) {
		seed = seed * 1103515245 + 12345;
		put(t->type, p, i, whole ? (int)(seed >> 16 & 7) - 3 :
			(seed >> 16 & 255) / 128.0 - 1);
	}
}

/* ---- convolutions ---- */

struct conv {
	int spatial, n, c, k, groups;
	int64_t in[3], filter[3], pad[3], end[3], stride[3], dilation[3];
	bool last, transposed, fused;
	enum type type;
};

/* Extents of what the forward convolution makes of "in". */
static int64_t made(const struct conv *c, int i)
{
	return (c->in[i] + c->pad[i] + c->end[i] - c->dilation[i] *
		(c->filter[i] - 1) - 1) / c->stride[i] + 1;
}

static struct tensor tensor_of(const struct conv *c, int place, int64_t first,
	int64_t second, const int64_t *spatial)
{
	struct tensor t = { c->type, c->spatial + 2, place, c->last,
		{ first, second }, { 0 } };

	memcpy(t.dims + 2, spatial, c->spatial * sizeof *spatial);
	return t;
}

/* Tensors x, w, y, and where it is fused bias and residual; the convolution's own
 * result is virtual then. */
static struct graph graph_of(const struct conv *c)
{
	struct graph g = { .n = 0 };
	int64_t out[3] = { 0 }, one[3] = { 1, 1, 1 };
	struct tensor big, small, middle;
	char axes[300];

	for (int i = 0; i < c->spatial; i++)
		out[i] = made(c, i);
	big = tensor_of(c, c->transposed ? 2 : 0, c->n, c->c, c->in);
	small = tensor_of(c, c->transposed ? 0 : 2, c->n, c->k, out);
	add_tensor(&g, c->transposed ? small : big);
	add_tensor(&g, tensor_of(c, 1, c->k, c->c / c->groups, c->filter));
	middle = c->transposed ? big : small;
	middle.place = c->fused ? -1 : 2;
	middle.type = c->fused ? F32 : middle.type;
	add_tensor(&g, middle);
	say_numbers(axes, "pad", c->pad, c->spatial);
	if (memcmp(c->end, c->pad, sizeof c->end))
		say_numbers(axes + strlen(axes), "pad_end", c->end, c->spatial);
	say_numbers(axes + strlen(axes), "stride", c->stride, c->spatial);
	say_numbers(axes + strlen(axes), "dilation", c->dilation, c->spatial);
	add_node(&g, "'op': 'conv', 'x': 0, 'w': 1, 'y': 2, 'transposed': %s, "
		"'compute': '%s'%s", c->transposed ? "true" : "false",
		c->type == F64 ? "f64" : c->type == I8 ? "i32" : "f32", axes);
	if (!c->fused)
		return g;
	add_tensor(&g, tensor_of(c, 3, 1, middle.dims[1], one));
	add_tensor(&g, middle);
	add_tensor(&g, c->transposed ? big : small);
	add_node(&g, "'op': 'pointwise', 'mode': 'add', 'x': 2, 'b': 3, 'y': 4");
	add_node(&g, "'op': 'pointwise', 'mode': 'relu', 'x': 4, 'y': 5");
	return g;
}

/* Sums by the elements of x, each into all that it counts for: neither forward nor
 * backward is computed as the stub does. */
static double *expected(const struct conv *c, const struct graph *g,
	const struct memory *m)
{
	const struct tensor *x = &g->t[0], *w = &g->t[1], *y = &g->t[2];
	double *sum = calloc(elements(y), sizeof *sum);
	int64_t per_c = c->c / c->groups, per_k = c->k / c->groups;
	int64_t big[MOST_RANK], small[MOST_RANK], tap[MOST_RANK];
	const struct tensor *t = c->transposed ? x : y;

	for (int64_t i = 0; i < elements(t); i++)
		for (int64_t j = 0; j < elements(w); j++) {
			int64_t *from = c->transposed ? small : big;
			int64_t *to = c->transposed ? big : small, flat = 0;
			bool inside = true;

			step_index(t, i, small);
			step_index(w, j, tap);
			if (tap[0] != small[1])
				continue;
			big[0] = small[0];
			big[1] = tap[0] / per_k * per_c + tap[1];
			for (int s = 0; s < c->spatial; s++) {
				big[s + 2] = small[s + 2] * c->stride[s] +
					tap[s + 2] * c->dilation[s] - c->pad[s];
				inside = inside && big[s + 2] >= 0 &&
					big[s + 2] < c->in[s];
			}
			if (!inside)
				continue;
			for (int s = 0; s < y->n; s++)
				flat = flat * y->dims[s] + to[s];
			sum[flat] += read_tensor(x, m->address[0], from) *
				read_tensor(w, m->address[1], tap);
		}
	return sum;
}

static void compare(const struct conv *c, const struct graph *g,
	const struct memory *m)
{
	const struct tensor *y = &g->t[c->fused ? 5 : 2];
	double *sum = expected(c, g, m);
	int64_t at[MOST_RANK];

	for (int64_t i = 0; i < elements(y); i++) {
		double v = sum[i], got;

		step_index(y, i, at);
		if (c->fused)
			v = fmax(0, v + read_tensor(&g->t[3], m->address[2],
				at));
		v = fmax(fmin(v, type_facts[y->type].most),
			-type_facts[y->type].most - 1);
		got = read_tensor(y, m->address[c->fused ? 3 : 2], at);
		if (!(fabs(got - v) <= type_facts[y->type].step * (1 + fabs(v))))
			fail_msg("element %d is %g, not %g", (int)i, got, v);
	}
	free(sum);
}

/* With each of its algorithms; how many there were. */
static int try_conv(struct stub *s, struct conv c)
{
	struct graph g = graph_of(&c);
	struct library_call *l = call_of(s, step_for(&g));
	struct memory m = take_memory(l, 16);
	struct wpk_error e = { 0 };
	size_t workspace;
	const char *text;
	int n = 0, out = c.fused ? 3 : 2;

	assert_int_equal(m.n, c.fused ? 4 : 3);
	fill(&g.t[0], m.address[0], 1);
	fill(&g.t[1], m.address[1], 2);
	if (c.fused)
		fill(&g.t[3], m.address[2], 3);
	assert_int_equal(library_call_count(l, 1000, &n, &e), WPK_OK);
	for (int i = 0; i < n; i++) {
		if (library_call_choose(l, i, &workspace, &text, &e))
			fail_msg("%s", e.text);
		memset(m.address[out], 0xff, m.bytes[out]);
		run_call(l, &m);
		compare(&c, &g, &m);
	}
	free_memory(&m);
	library_call_destroy(l);
	return n;
}

static struct conv plain(int spatial)
{
	return (struct conv){ .spatial = spatial, .n = 2, .c = 4, .k = 6,
		.groups = 1, .in = { 6, 5, 4 }, .filter = { 3, 2, 1 },
		.stride = { 1, 1, 1 }, .dilation = { 1, 1, 1 }, .type = F16 };
}

/* Axes, padding before and after, strides, dilations, groups, both directions and
 * layouts, alone and fused. */
static void test_convolutions(void **state)
{
	struct stub *s = usual();

	(void)state;
	for (int i = 0; i < 96; i++) {
		struct conv c = plain(1 + i % 3);

		for (int k = 0; k < 3; k++) {
			c.pad[k] = i / 3 % 2 ? 1 + k % 2 : 0;
			c.end[k] = i % 9 == 3 ? c.pad[k] : i / 3 % 2 ? k : 0;
			c.stride[k] = 1 + i / 6 % 2 + (k == 1);
			c.dilation[k] = c.filter[k] > 1 && i % 5 == 0 ? 2 : 1;
		}
		c.groups = i % 4 == 3 ? 2 : 1;
		c.last = i / 12 % 2;
		c.transposed = i / 24 % 2;
		c.fused = i / 48 % 2;
		try_conv(s, c);
	}
	stub_destroy(s);
}

static void test_types(void **state)
{
	static const enum type types[] = { F16, BF16, F32, F64, I8, E4M3 };
	struct stub *s = usual();

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		struct conv c = plain(2);

		c.type = types[i];
		try_conv(s, c);
	}
	stub_destroy(s);
}

/* Depthwise, and one group for each input. */
static void test_depthwise(void **state)
{
	struct stub *s = usual();
	struct conv c = plain(2);

	(void)state;
	c.groups = c.c = 3;
	try_conv(s, c);
	c.transposed = true;
	try_conv(s, c);
	stub_destroy(s);
}

/* ---- products ---- */

static struct tensor cube(enum type t, int place, int64_t a, int64_t b,
	int64_t c)
{
	return (struct tensor){ t, 3, place, false, { a, b, c }, { 0 } };
}

/* A[b, 4, 5] B[5, 6] times a constant, through gelu. */
static void test_matmul(void **state)
{
	struct stub *s = usual();
	struct graph g = { .n = 0 };
	struct library_call *l;
	struct memory m;
	struct wpk_error e = { 0 };
	size_t workspace;
	int n;

	(void)state;
	add_tensor(&g, cube(BF16, 0, 3, 4, 5));
	add_tensor(&g, cube(BF16, 1, 1, 5, 6));
	add_tensor(&g, cube(F32, -1, 3, 4, 6));
	add_tensor(&g, cube(F32, -1, 3, 4, 6));
	add_tensor(&g, cube(F32, 2, 3, 4, 6));
	strcat(g.tensors, ", {'type': 'f32', 'dims': [1, 1, 1], 'strides': "
		"[1, 1, 1], 'value': 0.5}");
	add_node(&g, "'op': 'matmul', 'a': 0, 'b': 1, 'c': 2");
	add_node(&g, "'op': 'pointwise', 'mode': 'mul', 'x': 2, 'b': 5, 'y': 3");
	add_node(&g, "'op': 'pointwise', 'mode': 'gelu', 'x': 3, 'y': 4");
	l = call_of(s, step_for(&g));
	m = take_memory(l, 16);
	fill(&g.t[0], m.address[0], 1);
	fill(&g.t[1], m.address[1], 2);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	run_call(l, &m);
	for (int64_t i = 0; i < 3 * 4 * 6; i++) {
		double v = 0, got = get(F32, m.address[2], i);

		for (int64_t k = 0; k < 5; k++)
			v += get(BF16, m.address[0], i / 6 * 5 + k) *
				get(BF16, m.address[1], k * 6 + i % 6);
		v = v / 4 * (1 + erf(v / 2 / sqrt(2)));
		if (fabs(got - v) > 1e-5)
			fail_msg("element %d is %g, not %g", (int)i, got, v);
	}
	assert_int_equal(library_call_count(l, 1000, &n, &e), WPK_OK);
	assert_int_equal(n, 12);	/* with the engine for products */
	free_memory(&m);
	library_call_destroy(l);
	stub_destroy(s);
}

/* ---- pointwise nodes ---- */

static double swish2(double x) { return x / (1 + exp(-2 * x)); }
static double clipped(double x) { return x < 0 ? 0.25 * x : fmin(x, 0.5); }
static double elu2(double x) { return x > 0 ? x : 2 * (exp(x) - 1); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double relu(double x) { return x > 0 ? x : 0; }
static double gelu(double x) { return x / 2 * (1 + erf(x / sqrt(2))); }
static double neg(double x) { return -x; }
static double identity(double x) { return x; }
static double reciprocal(double x) { return 1 / x; }
static double rsqrt(double x) { return 1 / sqrt(x); }
static double softplus(double x) { return log(1 + exp(2 * x)) / 2; }
static double add(double x, double b) { return x + b; }
static double sub(double x, double b) { return x - b; }
static double mul(double x, double b) { return x * b; }
static double divide(double x, double b) { return x / b; }
static double add_square(double x, double b) { return x + b * b; }

static const struct {
	const char *mode, *more;
	double (*one)(double);
	double (*two)(double, double);
} modes[] = {
	{ "abs", "", fabs, NULL }, { "ceil", "", ceil, NULL },
	{ "cos", "", cos, NULL }, { "erf", "", erf, NULL },
	{ "exp", "", exp, NULL }, { "floor", "", floor, NULL },
	{ "log", "", log, NULL }, { "neg", "", neg, NULL },
	{ "sin", "", sin, NULL }, { "sqrt", "", sqrt, NULL },
	{ "tan", "", tan, NULL }, { "tanh", "", tanh, NULL },
	{ "identity", "", identity, NULL },
	{ "reciprocal", "", reciprocal, NULL }, { "rsqrt", "", rsqrt, NULL },
	{ "sigmoid", "", sigmoid, NULL }, { "relu", "", relu, NULL },
	{ "relu", ", 'lower': 0, 'upper': 0.5, 'slope': 0.25", clipped, NULL },
	{ "elu", ", 'alpha': 2", elu2, NULL },
	{ "swish", ", 'beta': 2", swish2, NULL },
	{ "softplus", ", 'beta': 2", softplus, NULL },
	{ "gelu", "", gelu, NULL }, { "gelu_tanh", "", gelu_tanh, NULL },
	{ "add", "", NULL, add }, { "sub", "", NULL, sub },
	{ "mul", "", NULL, mul }, { "div", "", NULL, divide },
	{ "min", "", NULL, fmin }, { "max", "", NULL, fmax },
	{ "pow", "", NULL, pow }, { "add_square", "", NULL, add_square },
};

static void try_mode(struct stub *s, int mode)
{
	struct graph g = { .n = 0 };
	struct library_call *l;
	struct memory m;
	struct wpk_error e = { 0 };
	size_t workspace;

	add_tensor(&g, cube(F32, 0, 2, 3, 4));
	add_tensor(&g, cube(F32, 1, 2, 3, 4));
	if (modes[mode].two)
		add_tensor(&g, cube(F32, 2, 1, 3, 1));
	add_node(&g, "'op': 'pointwise', 'mode': '%s', 'x': 0, 'y': 1%s%s",
		modes[mode].mode, modes[mode].two ? ", 'b': 2" : "",
		modes[mode].more);
	l = call_of(s, step_for(&g));
	m = take_memory(l, 16);
	fill(&g.t[0], m.address[0], mode);
	if (modes[mode].two)
		fill(&g.t[2], m.address[2], mode + 1);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	run_call(l, &m);
	for (int i = 0; i < 24; i++) {
		double x = get(F32, m.address[0], i), got = get(F32,
			m.address[1], i);
		double v = modes[mode].one ? modes[mode].one(x) :
			modes[mode].two(x, get(F32, m.address[2], i / 4 % 3));

		if (!isnan(v) && !isinf(v) && !(fabs(got - v) <= 1e-5 *
		    (1 + fabs(v))))
			fail_msg("%s of %g is %g, not %g", modes[mode].mode, x,
				got, v);
	}
	free_memory(&m);
	library_call_destroy(l);
}

static void test_pointwise(void **state)
{
	struct stub *s = usual();

	(void)state;
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		try_mode(s, (int)i);
	stub_destroy(s);
}

/* ---- engines ---- */

static struct library_call *plain_call(struct stub *s, const char *key,
	json_t *v)
{
	struct conv c = plain(2);
	struct graph g = graph_of(&c);
	json_t *step = step_for(&g);

	if (key)
		json_object_set_new(step, key, v);
	return call_of(s, step);
}

/* Heuristics first, then engines as they come, then with a knob turned; none is
 * there that computes less exactly. */
static void test_list(void **state)
{
	static const char *const names[] = { "engine 1, tile_size 2",
		"engine 0", "engine 4", "engine 2, stages 3", "engine 1",
		"engine 2", "engine 1, tile_size 0", "engine 1, tile_size 1",
		"engine 1, tile_size 3", "engine 2, stages 2",
		"engine 2, stages 4" };
	static const size_t workspaces[] = { 1536, 0, 0, 0, 512, 0, 512, 1024,
		2048, 0, 0 };
	struct stub *s = usual();
	struct library_call *l = plain_call(s, NULL, NULL);
	struct wpk_error e = { 0 };
	size_t workspace;
	const char *text;
	int n;

	(void)state;
	for (int most = 1; most < 20; most += 6) {
		assert_int_equal(library_call_count(l, most, &n, &e), WPK_OK);
		assert_int_equal(n, most < 11 ? most : 11);
		for (int i = 0; i < n; i++) {
			assert_int_equal(library_call_choose(l, i, &workspace,
				&text, &e), WPK_OK);
			assert_string_equal(text, names[i]);
			assert_int_equal(workspace, workspaces[i]);
		}
	}
	library_call_destroy(l);
	stub_destroy(s);
}

/* f32 is multiplied as such, unless tf32 will do. */
static void test_strict(void **state)
{
	struct stub *s = usual();
	struct conv c = plain(2);
	struct graph g;
	struct library_call *l;
	struct wpk_error e = { 0 };
	int n;

	(void)state;
	c.type = F32;
	for (int relaxed = 0; relaxed < 2; relaxed++) {
		g = graph_of(&c);
		if (relaxed)
			memcpy(strstr(g.nodes, "'f32'"), "'tf3", 4);
		if (relaxed)
			sprintf(strstr(g.nodes, "'tf3"), "'tf32'}");
		l = call_of(s, step_for(&g));
		assert_int_equal(library_call_count(l, 100, &n, &e), WPK_OK);
		assert_int_equal(n, relaxed ? 11 : 7);
		library_call_destroy(l);
	}
	stub_destroy(s);
}

static enum wpk_status refuse(struct library_call *l, int n, const char *why)
{
	struct wpk_error e = { 0 };
	size_t workspace;
	const char *text;
	enum wpk_status status = library_call_choose(l, n, &workspace, &text,
		&e);

	assert_int_not_equal(status, WPK_OK);
	assert_int_equal(e.status, status);
	if (!strstr(e.text, why))
		fail_msg("'%s' is not '%s'", e.text, why);
	return status;
}

/* A library that lies about workspace, builds no plan, or takes forever. What was
 * chosen before stays chosen. */
static void test_refused(void **state)
{
	struct stub *s = usual();
	struct library_call *l;
	struct wpk_error e = { 0 };
	const char *text;
	size_t workspace;

	(void)state;
	s->context.library_workspace = 2000;
	l = plain_call(s, NULL, NULL);
	assert_int_equal(library_call_choose(l, 1, &workspace, &text, &e),
		WPK_OK);
	refuse(l, 8, "tile_size 3 wants 2048 bytes of workspace, and 2000");
	setenv("STUB_DNN_MORE", "465", 1);
	refuse(l, 0, "engine 1, tile_size 2 wants 2001 bytes");
	unsetenv("STUB_DNN_MORE");
	setenv("STUB_DNN_NEGATIVE", "1", 1);
	refuse(l, 0, "does not tell the workspace of engine 1, tile_size 2");
	unsetenv("STUB_DNN_NEGATIVE");
	setenv("STUB_DNN_SPOILT", "1", 1);
	assert_int_equal(refuse(l, 0, "does not build engine 1, tile_size 2: "
		"CUDNN_STATUS_NOT_SUPPORTED (as the stub was told)"),
		WPK_E_LIBRARY);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_int_equal(s->warnings, 1);
	assert_string_equal(library_call_text(l), "engine 0");
	unsetenv("STUB_DNN_SPOILT");
	refuse(l, 11, "has no algorithm 11 for this: it has 11");
	assert_string_equal(library_call_text(l), "engine 0");
	library_call_destroy(l);
	stub_destroy(s);
}

static void test_slow(void **state)
{
	struct stub *s = usual();
	struct library_call *l = plain_call(s, "algorithm", json_integer(2));
	struct wpk_error e = { 0 };
	size_t workspace;

	(void)state;
	setenv("STUB_DNN_SLOW", "5.2", 1);
	refuse(l, 2, "s to build engine 4, more than 5 s: it is passed over");
	setenv("STUB_DNN_SLOW", "0.1", 1);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_string_equal(library_call_text(l), "engine 4");
	unsetenv("STUB_DNN_SLOW");
	library_call_destroy(l);
	stub_destroy(s);
}

/* The same plan again, without a list; another version takes what works. */
static void test_pinned(void **state)
{
	struct stub *s = usual();
	struct library_call *l = plain_call(s, "algorithm", json_integer(3));
	struct wpk_error e = { 0 };
	json_t *pinned, *again;
	size_t workspace;

	(void)state;
	assert_null(library_call_pinned(l));
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	pinned = library_call_pinned(l);
	again = step_of("{'version': 91900, 'engine': 2, 'knobs': {'14': 3}}");
	assert_true(json_equal(pinned, again));
	json_decref(again);
	library_call_destroy(l);
	l = plain_call(s, "pinned", json_deep_copy(pinned));
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_string_equal(library_call_text(l), "engine 2, stages 3");
	assert_int_equal(s->warnings, 0);
	library_call_destroy(l);
	json_object_set_new(pinned, "version", json_integer(91001));
	l = plain_call(s, "pinned", pinned);
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_string_equal(library_call_text(l), "engine 1, tile_size 2");
	assert_int_equal(s->warnings, 1);
	assert_non_null(strstr(s->text, "tuned with cuDNN 91001, and this is "
		"91900"));
	library_call_destroy(l);
	stub_destroy(s);
}

static void test_pinned_badly(void **state)
{
	static const char *const bad[][2] = {
		{ "{'version': 91900}", "pinned: engine is missing" },
		{ "{'version': 91900, 'engine': -1}", "engine is -1" },
		{ "{'version': 91900, 'engine': 77}", "does not build engine 77" },
		{ "{'version': 91900, 'engine': 0, 'knobs': 7}",
			"knobs is no object" },
		{ "{'version': 91900, 'engine': 0, 'knobs': {'x': 7}}",
			"knob 'x' is no number" },
		{ "{'version': 91900, 'engine': 1, 'knobs': {'2': 'y'}}",
			"2 is no whole number" },
		{ "{'version': 91900, 'engine': 1, 'knobs': {'2': 4}}",
			"does not build engine 1, tile_size 4" },
		{ "{'version': 91900, 'engine': 1, 'knobs': {'99': 4}}",
			"does not build engine 1, knob 99 4" },
	};
	struct stub *s = usual();
	struct wpk_error e = { 0 };
	size_t workspace;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct library_call *l = plain_call(s, "pinned", step_of("%s",
			bad[i][0]));

		assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
		assert_int_equal(s->warnings, i + 1);
		if (!strstr(s->text, bad[i][1]))
			fail_msg("'%s' is not '%s'", s->text, bad[i][1]);
		assert_string_equal(library_call_text(l),
			"engine 1, tile_size 2");
		library_call_destroy(l);
	}
	stub_destroy(s);
}

/* ---- bad calls ---- */

#define GRAPH(tensors, nodes) "{'library': 'cudnn', 'call': {'graph': " \
	"{'tensors': [" tensors "], 'nodes': [" nodes "]}}}"
#define CUBE "'dims': [1, 2, 3], 'strides': [6, 3, 1], 'type': 'f32'"
#define T(place) "{" CUBE ", 'place': {" place "}}"
#define TWO T("'tensor': 0") ", " T("'tensor': 1")
#define COPY "{'op': 'pointwise', 'mode': 'identity', 'x': 0, 'y': 1}"

static const struct {
	const char *step, *says;
} bad_calls[] = {
	{ "{'library': 'cudnn', 'call': {}}", "call: graph is missing" },
	{ GRAPH("", ""), "call.graph: tensors has 0 entries" },
	{ GRAPH(TWO, ""), "nodes has 0 entries" },
	{ GRAPH("7", COPY), "tensors[0]: type '' is no type" },
	{ GRAPH("{'type': 'f32'}", COPY), "dims is missing" },
	{ GRAPH("{'type': 'f32', 'dims': []}", COPY), "dims has 0 numbers" },
	{ GRAPH("{'type': 'f32', 'dims': [1, 0]}", COPY), "dims is 0" },
	{ GRAPH("{'type': 'f32', 'dims': [1, 2], 'strides': [1]}", COPY),
		"strides has 1 numbers, and not 2" },
	{ GRAPH("{'type': 'f32', 'dims': [1, 2], 'strides': [1, -1]}", COPY),
		"strides is -1" },
	{ GRAPH("{'type': 'f64', 'dims': [9, 9], 'strides': "
		"[1000000000000000000, 1000000000000000000], 'place': {'tensor':"
		" 0}}", COPY), "is larger than memory" },
	{ GRAPH("{" CUBE ", 'align': 3}", COPY), "no power of two" },
	{ GRAPH("{" CUBE ", 'place': 3}", COPY), "place is no object" },
	{ GRAPH("{'dims': [1], 'strides': [1], 'type': 'f16', 'value': 1}", COPY),
		"a constant is an f32, f64 or i32" },
	{ GRAPH("{" CUBE ", 'value': 'x'}", COPY), "value is no number" },
	{ GRAPH(TWO, "3"), "nodes[0]: op is missing" },
	{ GRAPH(TWO, "{'op': 'fft'}"), "op 'fft' is not known" },
	{ GRAPH(TWO, "{'op': 'conv', 'compute': 'f8'}"),
		"compute 'f8' is not known" },
	{ GRAPH(TWO, "{'op': 'pointwise'}"), "mode is missing" },
	{ GRAPH(TWO, "{'op': 'pointwise', 'mode': 'and'}"),
		"mode 'and' is not known" },
	{ GRAPH(TWO, "{'op': 'pointwise', 'mode': 'add', 'x': 0, 'y': 1}"),
		"b is missing" },
	{ GRAPH(TWO, "{'op': 'matmul', 'a': 0, 'b': 2, 'c': 1}"), "b is 2" },
	{ GRAPH(TWO, COPY ", " COPY), "nodes[1]: tensor 1 is made again" },
	{ GRAPH(TWO ", " T("'tensor': 2"), COPY),
		"tensor 2 is of no node's" },
	{ GRAPH("{" CUBE "}, " T("'tensor': 1"), COPY),
		"tensor 0 is not yet made" },
	{ GRAPH(T("'tensor': 1") ", " T("'prepared': 0"), COPY),
		"what is prepared is not written" },
	{ GRAPH(T("'tensor': 1") ", {" CUBE ", 'value': 1}", COPY),
		"tensor 1 is constant" },
	{ GRAPH(T("'tensor': 1") ", {'dims': [1, 2], 'strides': [2, 1], 'type': "
		"'f32'}", COPY), "tensor 1 is of rank 2, and the first of 3" },
	{ GRAPH(TWO ", " T("'tensor': 2"), "{'op': 'conv', 'x': 0, 'w': 2, 'y':"
		" 1, 'pad': [1, 2]}"), "pad has 2 numbers, and not 1" },
	{ GRAPH(TWO ", " T("'tensor': 2"), "{'op': 'conv', 'x': 0, 'w': 2, 'y':"
		" 1, 'stride': [0]}"), "stride is 0" },
	{ GRAPH("{'dims': [1, 2], 'strides': [2, 1], 'type': 'f32', 'place': "
		"{'tensor': 0}}", "{'op': 'conv', 'x': 0, 'w': 0, 'y': 0}"),
		"x has 2 in all" },
};

static void test_bad_calls(void **state)
{
	struct stub *s = usual();
	struct wpk_error e = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof bad_calls / sizeof *bad_calls; i++) {
		struct library_call *l = (struct library_call *)s;
		json_t *step = step_of("%s", bad_calls[i].step);

		assert_int_equal(library_call_create(&s->context, step, &l, &e),
			WPK_E_PLAN);
		assert_null(l);
		if (!strstr(e.text, bad_calls[i].says))
			fail_msg("%s: '%s' is not '%s'", bad_calls[i].step,
				e.text, bad_calls[i].says);
		json_decref(step);
	}
	stub_destroy(s);
}

/* Extents that do not go together are the library's to refuse. */
static void test_unsupported(void **state)
{
	struct stub *s = usual();
	struct library_call *l;
	json_t *step = step_of(GRAPH(TWO ", " T("'tensor': 2"),
		"{'op': 'conv', 'x': 0, 'w': 2, 'y': 1}"));
	struct wpk_error e = { 0 };

	(void)state;
	assert_int_equal(library_call_create(&s->context, step, &l, &e),
		WPK_E_LIBRARY);
	assert_non_null(strstr(e.text, "cuDNN does not take the convolution: "
		"CUDNN_STATUS_BAD_PARAM"));
	assert_int_equal(e.cuda, 2000);
	assert_null(l);
	json_decref(step);
	stub_destroy(s);
}

/* ---- failures of the library's ---- */

static void expect_unfit(const char *file, const char *says)
{
	struct stub *s = stub_create(NULL, file);
	const char *why = NULL;

	assert_int_equal(library_version(&s->context, LIBRARY_CUDNN, &why), 0);
	assert_non_null(why);
	if (!strstr(why, says))
		fail_msg("'%s' is not '%s'", why, says);
	stub_destroy(s);
}

static void test_unfit(void **state)
{
	(void)state;
	expect_unfit("", "the context is to do without cuDNN");
	expect_unfit("/nowhere/libcudnn.so", "cuDNN is not on this machine");
	expect_unfit(here("libcudnn-lacks.so"), "no cudnnBackendExecute");
	expect_unfit(here("libcublaslt.so"), "no cudnnGetVersion");
	setenv("STUB_DNN_VERSION", "8907", 1);
	expect_unfit(here("libcudnn.so"), "is of version 8907, and 90000 is");
	unsetenv("STUB_DNN_VERSION");
	setenv("STUB_FAIL", "cudnnCreate:1:1001", 1);
	expect_unfit(here("libcudnn.so"), "does not start: "
		"CUDNN_STATUS_NOT_INITIALIZED");
	unsetenv("STUB_FAIL");
}

/* Everything that can be done with a call. */
static enum wpk_status live(struct stub *s, struct wpk_error *e)
{
	struct conv c = plain(2);
	struct graph g;
	struct library_call *l = NULL;
	enum wpk_status status;
	size_t workspace;
	json_t *step;
	int n;

	c.fused = true;
	g = graph_of(&c);
	step = step_for(&g);
	status = library_call_create(&s->context, step, &l, e);
	json_decref(step);
	if (!status)
		status = library_call_count(l, 1000, &n, e);
	if (!status)
		status = library_call_ready(l, &workspace, e);
	if (!status) {
		struct memory m = take_memory(l, 16);
		void *room = workspace ? aligned_alloc(256,
			(workspace + 255) / 256 * 256) : NULL;

		status = library_call_run(l, m.address, room, NULL, e);
		free(room);
		free_memory(&m);
	}
	library_call_destroy(l);
	return status;
}

/* Whichever call fails, at whichever time: it is said, or done without, and
 * nothing leaks. */
static void test_failures(void **state)
{
	static const struct {
		const char *call;
		int times;
	} calls[] = { { "cudnnBackendCreateDescriptor", 90 },
		{ "cudnnBackendSetAttribute", 150 },
		{ "cudnnBackendFinalize", 90 },
		{ "cudnnBackendGetAttribute", 110 }, { "cudnnSetStream", 1 },
		{ "cudnnBackendExecute", 1 } };
	struct stub *s = usual();
	struct wpk_error e;
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		for (int n = 1; n <= calls[i].times; n++) {
			enum wpk_status status;
			char cue[80];
			int alive;

			sprintf(cue, "%s:%d:4003", calls[i].call, n);
			s->reset();
			library_version(&s->context, LIBRARY_CUDNN, NULL);
			alive = *s->alive;
			setenv("STUB_FAIL", cue, 1);
			e = (struct wpk_error){ 0 };
			status = live(s, &e);
			if (status && (status != WPK_E_MEMORY || e.cuda != 4003
			    || !strstr(e.text, "HOST_ALLOCATION_FAILED")))
				fail_msg("%s: %s", cue, e.text);
			failed += status != WPK_OK;
			assert_int_equal(*s->alive, alive);
		}
	unsetenv("STUB_FAIL");
	assert_true(failed > 60);
	assert_int_equal(live(s, &e), WPK_OK);
	stub_destroy(s);
}

/* ---- runs ---- */

/* Addresses that were seen are not described again; many are. */
static void test_packs(void **state)
{
	struct stub *s = usual();
	struct library_call *l = plain_call(s, "algorithm", json_integer(1));
	struct conv c = plain(2);
	struct graph g = graph_of(&c);
	struct wpk_error e = { 0 };
	struct memory m[12];
	size_t workspace;

	(void)state;
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	for (int i = 0; i < 12; i++) {
		m[i] = take_memory(l, 16);
		fill(&g.t[0], m[i].address[0], i);
		fill(&g.t[1], m[i].address[1], i + 1);
	}
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < (round < 2 ? 8 : 12); i++) {
			if (round == 1 && !i)
				setenv("STUB_FAIL",
					"cudnnBackendCreateDescriptor:0:4003",
					1);
			memset(m[i].address[2], 0xff, m[i].bytes[2]);
			run_call(l, &m[i]);
			compare(&c, &g, &m[i]);
			if (round == 1 && i == 7)
				unsetenv("STUB_FAIL");
		}
	for (int i = 0; i < 12; i++)
		free_memory(&m[i]);
	library_call_destroy(l);
	stub_destroy(s);
}

/* Each run is on its stream; heuristics are for a share of the device. */
static void test_passed_on(void **state)
{
	struct stub *s = usual();
	struct library_call *l;
	struct wpk_error e = { 0 };
	struct memory m;
	size_t workspace;
	char streams[3];

	(void)state;
	for (int share = 25; share <= 100; share += 75) {
		s->context.share = share;
		l = plain_call(s, "algorithm", json_integer(1));
		assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
		assert_int_equal(*s->sms, share == 25 ? 25 : -1);
		library_call_destroy(l);
	}
	l = plain_call(s, "algorithm", json_integer(1));
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	m = take_memory(l, 16);
	for (int i = 0; i < 6; i++) {
		if (library_call_run(l, m.address, NULL, &streams[i / 2], &e))
			fail_msg("%s", e.text);
		assert_ptr_equal(*s->stream, &streams[i / 2]);
	}
	free_memory(&m);
	library_call_destroy(l);
	stub_destroy(s);
}

struct runner {
	const struct library_call *call;
	pthread_t thread;
	bool wrong;
};

static void *many_runs(void *data)
{
	struct runner *r = data;
	struct memory m = take_memory(r->call, 16);
	struct conv c = plain(2);
	struct graph g = graph_of(&c);
	struct wpk_error e;
	double *sum;

	fill(&g.t[0], m.address[0], (unsigned)(uintptr_t)r);
	fill(&g.t[1], m.address[1], 7);
	sum = expected(&c, &g, &m);
	for (int i = 0; i < 100; i++) {
		memset(m.address[2], 0xff, m.bytes[2]);
		if (library_call_run(r->call, m.address, NULL, r, &e))
			r->wrong = true;
		for (int64_t k = 0; k < elements(&g.t[2]); k++)
			if (fabs(get(F16, m.address[2], k) - sum[k]) > 0.02)
				r->wrong = true;
	}
	free(sum);
	free_memory(&m);
	return NULL;
}

static void test_threads(void **state)
{
	struct stub *s = usual();
	struct library_call *l = plain_call(s, "algorithm", json_integer(1));
	struct runner r[4] = { { 0 } };
	struct wpk_error e = { 0 };
	size_t workspace;

	(void)state;
	assert_int_equal(library_call_ready(l, &workspace, &e), WPK_OK);
	assert_int_equal(workspace, 0);
	for (int i = 0; i < 4; i++) {
		r[i].call = l;
		pthread_create(&r[i].thread, NULL, many_runs, &r[i]);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(r[i].thread, NULL);
		assert_false(r[i].wrong);
	}
	assert_int_equal(*s->runs, 400);
	library_call_destroy(l);
	stub_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_convolutions),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_depthwise),
		cmocka_unit_test(test_matmul),
		cmocka_unit_test(test_pointwise),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_pinned),
		cmocka_unit_test(test_pinned_badly),
		cmocka_unit_test(test_bad_calls),
		cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_unfit),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_packs),
		cmocka_unit_test(test_passed_on),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
