/* SPDX-License-Identifier: MIT */
/* Products as steps of plans, and by plain loops. */
#include "product_cases.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void lay(struct matrix *x, int rows, int cols)
{
	x->rows = rows;
	x->cols = cols;
	x->ld = (x->columns ? rows : cols) + x->pad;
	x->stride = x->ld * (x->columns ? cols : rows) + x->pad;
}

static int64_t at(const struct matrix *x, int z, int i, int j)
{
	return z * x->stride + (x->columns ? i + j * x->ld : i * x->ld + j);
}

static void say_matrix(char *to, const char *name, int tensor, int align,
	const struct matrix *x)
{
	sprintf(to, "'%s': {'place': {'tensor': %d}, 'type': '%s', 'order': '%s',"
		" 'ld': %d, 'stride': %d, 'transposed': %s, 'align': %d}", name,
		tensor, type_facts[x->type].name, x->columns != x->flag ?
		"col" : "row", (int)x->ld, (int)x->stride, x->flag ? "true" :
		"false", align ? align : 16);
}

json_t *product_step(struct product *p)
{
	char a[200], b[200], c[200] = "'c': null", d[200], bias[200] = "null";

	lay(&p->a, M, K);
	lay(&p->b, K, N);
	lay(&p->c, M, N);
	lay(&p->d, M, N);
	p->b.stride = p->same ? 0 : p->b.stride;
	say_matrix(a, "a", 0, p->align, &p->a);
	say_matrix(b, "b", 1, p->align, &p->b);
	if (p->addend)
		say_matrix(c, "c", 2, p->align, &p->c);
	say_matrix(d, "d", 3, p->align, &p->d);
	if (strstr(p->epilogue, "bias"))
		sprintf(bias, "{'place': {'prepared': 64}, 'type': '%s', "
			"'along': '%s', 'stride': %d}",
			type_facts[p->bias].name, p->d.columns ? "m" : "n",
			p->apart);
	return step_of("{'library': 'cublaslt', 'call': {'gemm': {'m': %d, "
		"'n': %d, 'k': %d, 'batch': %d, 'compute': '%s', %s, %s, %s, %s, "
		"'epilogue': '%s', 'bias': %s, 'fast': %s}}}", M, N, K, p->batch,
		p->compute, a, b, c, d, p->epilogue, bias, p->fast ? "true" :
		"false");
}

void fill_numbers(enum type t, void *p, size_t bytes, unsigned seed)
{
	bool whole = t == I8 || t == I32;

	for (size_t i = 0; i < bytes / type_facts[t].bytes; i++) {
		seed = seed * 1103515245 + 12345;
		put(t, p, i, whole ? (int)(seed >> 16 & 7) - 3 :
			(seed >> 16 & 255) / 128.0 - 1);
	}
}

double product_value(const struct product *p, const struct memory *m, int z,
	int i, int j)
{
	const void *bias = m->address[p->addend ? 4 : 3];
	double v = 0;

	for (int k = 0; k < K; k++)
		v += get(p->a.type, m->address[0], at(&p->a, z, i, k)) *
			get(p->b.type, m->address[1], at(&p->b, z, k, j));
	if (p->addend)
		v += get(p->c.type, m->address[2], at(&p->c, z, i, j));
	if (strstr(p->epilogue, "bias"))
		v += get(p->bias, bias, z * p->apart + (p->d.columns ? i : j));
	if (strstr(p->epilogue, "relu"))
		v = fmax(v, 0);
	return strstr(p->epilogue, "gelu") ? gelu_tanh(v) : v;
}

void product_compare(const struct product *p, const struct memory *m)
{
	void *d = m->address[p->addend ? 3 : 2];

	for (int z = 0; z < p->batch; z++)
		for (int i = 0; i < M; i++)
			for (int j = 0; j < N; j++) {
				double v = product_value(p, m, z, i, j);
				double got = get(p->d.type, d, at(&p->d, z, i,
					j));
				double off = type_facts[p->d.type].step *
					(1 + fabs(v));

				if (!(fabs(got - v) <= off))
					fail_msg("D[%d, %d, %d] is %g, not %g",
						z, i, j, got, v);
			}
}

void product_fill(const struct product *p, const struct memory *m)
{
	int d = p->addend ? 3 : 2;

	fill_numbers(p->a.type, m->address[0], m->bytes[0], 1);
	fill_numbers(p->b.type, m->address[1], m->bytes[1], 2);
	if (p->addend)
		fill_numbers(p->c.type, m->address[2], m->bytes[2], 3);
	if (strstr(p->epilogue, "bias"))
		fill_numbers(p->bias, m->address[d + 1], m->bytes[d + 1], 4);
}

struct product product_plain(void)
{
	return (struct product){ .compute = "f32", .epilogue = "none",
		.batch = 1, .a = { .type = F32 }, .b = { .type = F32 },
		.c = { .type = F32 }, .d = { .type = F32 } };
}
