/* SPDX-License-Identifier: MIT */
/* Calls of vendor libraries: which tensors they touch, and their text. Numbers
 * stand in it as JSON has them, so that the same call has the same bytes. */
#include "kernel/call.h"

#include <stdio.h>

#include "kernel/kernel.h"

const char *const call_libraries[N_CALL_LIBRARIES] = {
	[CALL_CUBLASLT] = "cublaslt", [CALL_CUDNN] = "cudnn",
};

const char *const call_titles[N_CALL_LIBRARIES] = {
	[CALL_CUBLASLT] = "cuBLASLt", [CALL_CUDNN] = "cuDNN",
};

const char *call_type(enum dtype t)
{
	switch (t) {
	case T_F16: case T_BF16: case T_F32: case T_F64: case T_I8: case T_U8:
	case T_I32: case T_E4M3: case T_E5M2:
		return dtype_row(t)->name;
	default:
		return NULL;
	}
}

/* ---- places ---- */

static int64_t covered(const struct call_gemm *g, const struct call_matrix *x,
	int64_t rows, int64_t cols)
{
	int64_t lines = x->columns ? cols : rows;
	int64_t width = x->columns ? rows : cols;

	return (g->batch - 1) * x->stride + (lines - 1) * x->ld + width;
}

static void add_place(struct call_place *v, int *n, struct call_place x)
{
	for (int i = 0; i < *n; i++)
		if (v[i].tensor == x.tensor) {
			v[i].written |= x.written;
			if (x.elements > v[i].elements)
				v[i].elements = x.elements;
			return;
		}
	v[(*n)++] = x;
}

static int gemm_places(const struct call_gemm *g, struct call_place *v)
{
	const struct {
		const struct call_matrix *x;
		int64_t rows, cols;
	} all[] = { { &g->a, g->m, g->k }, { &g->b, g->k, g->n },
		{ &g->c, g->m, g->n }, { &g->d, g->m, g->n },
		{ &g->bias, 1, g->n } };
	int n = 0;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].x->tensor >= 0)
			add_place(v, &n, (struct call_place){
				all[i].x->tensor, all[i].x == &g->d,
				all[i].x->type, covered(g, all[i].x,
				all[i].rows, all[i].cols) });
	return n;
}

static int graph_places(const struct call_graph *g, struct call_place *v)
{
	int n = 0;

	for (int i = 0; i < g->n_tensors; i++) {
		const struct call_tensor *t = &g->tensors[i];
		struct call_place x = { t->tensor, false, t->type, 1 };

		if (t->tensor < 0)
			continue;
		for (int d = 0; d < t->n; d++)
			x.elements += (t->dims[d] - 1) * t->strides[d];
		for (int k = 0; k < g->n_nodes; k++)
			x.written |= g->nodes[k].out == i;
		add_place(v, &n, x);
	}
	return n;
}

int call_places(const struct p_call *c, struct call_place v[CALL_PLACES])
{
	return c->library == CALL_CUBLASLT ? gemm_places(&c->gemm, v) :
		graph_places(&c->graph, v);
}

/* ---- text ---- */

struct printer {
	const struct program *p;
	struct str *out;
};

static void put_place(const struct printer *w, int tensor)
{
	const struct p_tensor *t = &w->p->tensors.v[tensor];
	int n = 0;

	for (int i = 0; i < tensor; i++)
		n += w->p->tensors.v[i].role == P_IN ||
			w->p->tensors.v[i].role == P_OUT;
	if (t->role == P_IN || t->role == P_OUT)
		str_printf(w->out, "\"place\": {\"tensor\": %d}", n);
	else
		str_printf(w->out, "\"place\": {\"%s\": %lld}",
			t->role == P_WORKSPACE ? "workspace" : "prepared",
			(long long)t->offset);
}

static void put_matrix(const struct printer *w, const char *name,
	const struct call_matrix *x)
{
	str_printf(w->out, ", \"%s\": ", name);
	if (x->tensor < 0) {
		str_puts(w->out, "null");
		return;
	}
	str_putc(w->out, '{');
	put_place(w, x->tensor);
	str_printf(w->out, ", \"type\": \"%s\", \"order\": \"%s\", \"ld\": %lld, "
		"\"stride\": %lld, \"align\": %d}", call_type(x->type),
		x->columns ? "col" : "row", (long long)x->ld,
		(long long)x->stride, x->align);
}

static void put_gemm(const struct printer *w, const struct call_gemm *g)
{
	const struct call_matrix *b = &g->bias;

	str_printf(w->out, "{\"gemm\": {\"m\": %lld, \"n\": %lld, \"k\": %lld, "
		"\"batch\": %lld, \"compute\": \"%s\"", (long long)g->m,
		(long long)g->n, (long long)g->k, (long long)g->batch,
		g->compute);
	put_matrix(w, "a", &g->a);
	put_matrix(w, "b", &g->b);
	put_matrix(w, "c", &g->c);
	put_matrix(w, "d", &g->d);
	str_printf(w->out, ", \"epilogue\": \"%s\", \"bias\": ", g->epilogue);
	if (b->tensor < 0) {
		str_puts(w->out, "null}}");
		return;
	}
	str_putc(w->out, '{');
	put_place(w, b->tensor);
	str_printf(w->out, ", \"type\": \"%s\", \"along\": \"n\", \"stride\": "
		"%lld, \"align\": %d}}}", call_type(b->type),
		(long long)b->stride, b->align);
}

static void put_numbers(const struct printer *w, const char *name,
	const int64_t *v, int n)
{
	str_printf(w->out, ", \"%s\": [", name);
	for (int i = 0; i < n; i++)
		str_printf(w->out, "%s%lld", i ? ", " : "", (long long)v[i]);
	str_putc(w->out, ']');
}

/* As few digits as give the same number again. */
static void put_real(const struct printer *w, double v)
{
	char text[40];

	for (int digits = 6; digits <= 17; digits++) {
		double back;

		snprintf(text, sizeof text, "%.*g", digits, v);
		if (sscanf(text, "%lf", &back) == 1 && back == v)
			break;
	}
	str_puts(w->out, text);
}

static void put_tensor(const struct printer *w, const struct call_tensor *t)
{
	str_putc(w->out, '{');
	if (t->tensor >= 0)
		put_place(w, t->tensor);
	else
		str_puts(w->out, "\"place\": null");
	str_printf(w->out, ", \"type\": \"%s\"", call_type(t->type));
	put_numbers(w, "dims", t->dims, t->n);
	put_numbers(w, "strides", t->strides, t->n);
	if (t->tensor >= 0)
		str_printf(w->out, ", \"align\": %d", t->align);
	if (t->constant) {
		str_puts(w->out, ", \"value\": ");
		put_real(w, t->value);
	}
	str_putc(w->out, '}');
}

static void put_conv(const struct printer *w, const struct call_node *n)
{
	str_printf(w->out, "{\"op\": \"conv\", \"x\": %d, \"w\": %d, \"y\": %d",
		n->in[0], n->in[1], n->out);
	put_numbers(w, "pad", n->pad, n->spatial);
	put_numbers(w, "pad_end", n->pad_end, n->spatial);
	put_numbers(w, "stride", n->stride, n->spatial);
	put_numbers(w, "dilation", n->dilation, n->spatial);
	str_printf(w->out, ", \"transposed\": %s",
		n->transposed ? "true" : "false");
}

static void put_pointwise(const struct printer *w, const struct call_node *n)
{
	str_printf(w->out, "{\"op\": \"pointwise\", \"mode\": \"%s\", \"x\": %d",
		n->mode, n->in[0]);
	if (n->in[1] >= 0)
		str_printf(w->out, ", \"b\": %d", n->in[1]);
	str_printf(w->out, ", \"y\": %d", n->out);
	if (n->extra) {
		str_printf(w->out, ", \"%s\": ", n->extra);
		put_real(w, n->number);
	}
}

static void put_node(const struct printer *w, const struct call_node *n)
{
	if (n->op == CALL_CONV)
		put_conv(w, n);
	else if (n->op == CALL_POINTWISE)
		put_pointwise(w, n);
	else
		str_printf(w->out, "{\"op\": \"matmul\", \"a\": %d, \"b\": %d, "
			"\"c\": %d", n->in[0], n->in[1], n->out);
	str_printf(w->out, ", \"compute\": \"%s\"}", n->compute);
}

static void put_graph(const struct printer *w, const struct call_graph *g)
{
	str_puts(w->out, "{\"graph\": {\"tensors\": [");
	for (int i = 0; i < g->n_tensors; i++) {
		str_puts(w->out, i ? ", " : "");
		put_tensor(w, &g->tensors[i]);
	}
	str_puts(w->out, "], \"nodes\": [");
	for (int i = 0; i < g->n_nodes; i++) {
		str_puts(w->out, i ? ", " : "");
		put_node(w, &g->nodes[i]);
	}
	str_puts(w->out, "]}}");
}

void call_print(const struct program *p, const struct p_call *c,
	struct str *out)
{
	struct printer w = { p, out };

	str_printf(out, "{\"library\": \"%s\", \"call\": ",
		call_libraries[c->library]);
	if (c->library == CALL_CUBLASLT)
		put_gemm(&w, &c->gemm);
	else
		put_graph(&w, &c->graph);
	if (c->named)
		str_printf(out, ", \"algorithm\": \"%s\"", c->named);
	else
		str_printf(out, ", \"algorithm\": %d", c->algorithm);
	if (c->pinned)
		str_printf(out, ", \"pinned\": %s", c->pinned);
	str_putc(out, '}');
}
