/* SPDX-License-Identifier: MIT */
/* Graphs as steps of plans, and convolutions by plain loops. */
#include "graph_cases.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- graphs as text ---- */

int64_t tensor_elements(const struct tensor *t)
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

int graph_tensor(struct graph *g, struct tensor t)
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

void graph_node(struct graph *g, const char *fmt, ...)
{
	char *to = g->nodes + strlen(g->nodes);
	va_list ap;

	to += sprintf(to, "%s{", *g->nodes ? ", " : "");
	va_start(ap, fmt);
	to += vsprintf(to, fmt, ap);
	va_end(ap);
	strcpy(to, "}");
}

json_t *graph_step(const struct graph *g)
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

void tensor_fill(const struct tensor *t, void *p, unsigned seed)
{
	bool whole = t->type == I8 || t->type == I32;

	for (int64_t i = 0; i < tensor_elements(t); i++) {
		seed = seed * 1103515245 + 12345;
		put(t->type, p, i, whole ? (int)(seed >> 16 & 7) - 3 :
			(seed >> 16 & 255) / 128.0 - 1);
	}
}

/* ---- convolutions ---- */

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

struct graph conv_graph(const struct conv *c)
{
	struct graph g = { .n = 0 };
	int64_t out[3] = { 0 }, one[3] = { 1, 1, 1 };
	struct tensor big, small, middle;
	char axes[300];

	for (int i = 0; i < c->spatial; i++)
		out[i] = made(c, i);
	big = tensor_of(c, c->transposed ? 2 : 0, c->n, c->c, c->in);
	small = tensor_of(c, c->transposed ? 0 : 2, c->n, c->k, out);
	graph_tensor(&g, c->transposed ? small : big);
	graph_tensor(&g, tensor_of(c, 1, c->k, c->c / c->groups, c->filter));
	middle = c->transposed ? big : small;
	middle.place = c->fused ? -1 : 2;
	middle.type = c->fused ? F32 : middle.type;
	graph_tensor(&g, middle);
	say_numbers(axes, "pad", c->pad, c->spatial);
	if (memcmp(c->end, c->pad, sizeof c->end))
		say_numbers(axes + strlen(axes), "pad_end", c->end, c->spatial);
	say_numbers(axes + strlen(axes), "stride", c->stride, c->spatial);
	say_numbers(axes + strlen(axes), "dilation", c->dilation, c->spatial);
	graph_node(&g, "'op': 'conv', 'x': 0, 'w': 1, 'y': 2, 'transposed': %s, "
		"'compute': '%s'%s", c->transposed ? "true" : "false",
		c->type == F64 ? "f64" : c->type == I8 ? "i32" : "f32", axes);
	if (!c->fused)
		return g;
	graph_tensor(&g, tensor_of(c, 3, 1, middle.dims[1], one));
	graph_tensor(&g, middle);
	graph_tensor(&g, c->transposed ? big : small);
	graph_node(&g, "'op': 'pointwise', 'mode': 'add', 'x': 2, 'b': 3, 'y': 4");
	graph_node(&g, "'op': 'pointwise', 'mode': 'relu', 'x': 4, 'y': 5");
	return g;
}

/* Sums by the elements of x, each into all that it counts for: neither forward nor
 * backward is computed as the stub does. */
double *conv_values(const struct conv *c, const struct graph *g,
	const struct memory *m)
{
	const struct tensor *x = &g->t[0], *w = &g->t[1], *y = &g->t[2];
	double *sum = calloc(tensor_elements(y), sizeof *sum);
	int64_t per_c = c->c / c->groups, per_k = c->k / c->groups;
	int64_t big[MOST_RANK], small[MOST_RANK], tap[MOST_RANK];
	const struct tensor *t = c->transposed ? x : y;

	for (int64_t i = 0; i < tensor_elements(t); i++)
		for (int64_t j = 0; j < tensor_elements(w); j++) {
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

void conv_compare(const struct conv *c, const struct graph *g,
	const struct memory *m)
{
	const struct tensor *y = &g->t[c->fused ? 5 : 2];
	double *sum = conv_values(c, g, m);
	int64_t at[MOST_RANK];

	for (int64_t i = 0; i < tensor_elements(y); i++) {
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

struct conv conv_plain(int spatial)
{
	return (struct conv){ .spatial = spatial, .n = 2, .c = 4, .k = 6,
		.groups = 1, .in = { 6, 5, 4 }, .filter = { 3, 2, 1 },
		.stride = { 1, 1, 1 }, .dilation = { 1, 1, 1 }, .type = F16 };
}

/* ---- threads ---- */

struct runner {
	const struct library_call *call;
	pthread_t thread;
	bool wrong;
};

static void *many_runs(void *data)
{
	struct runner *r = data;
	struct memory m = take_memory(r->call, 16);
	struct conv c = conv_plain(2);
	struct graph g = conv_graph(&c);
	struct wpk_error e;
	double *sum;

	tensor_fill(&g.t[0], m.address[0], (unsigned)(uintptr_t)r);
	tensor_fill(&g.t[1], m.address[1], 7);
	sum = conv_values(&c, &g, &m);
	for (int i = 0; i < 100; i++) {
		memset(m.address[2], 0xff, m.bytes[2]);
		if (library_call_run(r->call, m.address, NULL, r, &e))
			r->wrong = true;
		for (int64_t k = 0; k < tensor_elements(&g.t[2]); k++)
			if (fabs(get(F16, m.address[2], k) - sum[k]) > 0.02)
				r->wrong = true;
	}
	free(sum);
	free_memory(&m);
	return NULL;
}

void graph_threads(struct library_call *call, const int *runs)
{
	struct runner r[4] = { { 0 } };
	struct wpk_error e = { 0 };
	size_t workspace;

	assert_int_equal(library_call_ready(call, &workspace, &e), WPK_OK);
	assert_int_equal(workspace, 0);
	for (int i = 0; i < 4; i++) {
		r[i].call = call;
		pthread_create(&r[i].thread, NULL, many_runs, &r[i]);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(r[i].thread, NULL);
		assert_false(r[i].wrong);
	}
	assert_int_equal(*runs, 400);
}
