/* SPDX-License-Identifier: MIT */
/* Products as plans describe them, read and checked: extents, and what of memory
 * they touch. Which types go together is for cuBLASLt to say. */
#include <limits.h>
#include <stdio.h>

#include "runtime/lib/cublaslt.h"

enum { USUAL_ALIGNMENT = 16 };

static const struct call_word computes[] = {
	{ "f32", WPK_LT_COMPUTE_32F }, { "tf32", WPK_LT_COMPUTE_TF32 },
	{ "i32", WPK_LT_COMPUTE_32I }, { "f64", WPK_LT_COMPUTE_64F }, { NULL, 0 }
};

static const struct call_word orders[] = {
	{ "row", false }, { "col", true }, { NULL, 0 }
};

static const struct call_word epilogues[] = {
	{ "none", WPK_LT_EPILOGUE_DEFAULT }, { "bias", WPK_LT_EPILOGUE_BIAS },
	{ "relu", WPK_LT_EPILOGUE_RELU },
	{ "relu_bias", WPK_LT_EPILOGUE_RELU | WPK_LT_EPILOGUE_BIAS },
	{ "gelu", WPK_LT_EPILOGUE_GELU },
	{ "gelu_bias", WPK_LT_EPILOGUE_GELU | WPK_LT_EPILOGUE_BIAS },
	{ NULL, 0 }
};

static const struct call_word along[] = {
	{ "m", false }, { "n", true }, { NULL, 0 }
};

static unsigned read_alignment(struct call_reader *r, const json_t *o)
{
	unsigned align = read_number_or(r, o, "align", 1, 256, USUAL_ALIGNMENT);

	if (align & (align - 1))
		read_fails(r, "align is %u, and no power of two", align);
	return align;
}

/* What a matrix of "rows" x "cols" covers, "batch" times, in elements. */
static int64_t covered(struct call_reader *r, const struct gemm_matrix *x,
	int64_t batch)
{
	int64_t lines = x->columns ? x->cols : x->rows, one, all, bytes;
	int64_t width = x->columns ? x->rows : x->cols;

	if (x->ld < width)
		read_fails(r, "ld is %lld, and less than %lld", (long long)x->ld,
			(long long)width);
	else if (!call_sum(lines - 1, x->ld, width, &one) ||
	    !call_sum(batch - 1, x->stride, one, &all) ||
	    !call_sum(all, x->type->bytes, 0, &bytes))
		read_fails(r, "is larger than memory");
	else
		return all;
	return 0;
}

/* Matrices of a batch may be one and the same, or overlap, but not where they
 * are written. */
static void check_stride(struct call_reader *r, const struct gemm_matrix *x,
	int64_t batch)
{
	int64_t one = r->status ? 0 : covered(r, x, 1);

	if (!r->status && batch > 1 && x->stride < one)
		read_fails(r, "stride is %lld, and one matrix covers %lld",
			(long long)x->stride, (long long)one);
}

static void read_matrix(struct call_reader *r, const json_t *o,
	const char *key, int64_t rows, int64_t cols, struct gemm_matrix *x)
{
	int64_t batch = ((struct cublaslt_call *)r->call)->g.batch, elements;
	const json_t *j = read_object(r, o, key, *key == 'c');
	bool written = *key == 'd';

	x->place = -1;
	if (!j)
		return;
	snprintf(r->what, sizeof r->what, "call.gemm.%s", key);
	*x = (struct gemm_matrix){ .rows = rows, .cols = cols,
		.type = read_type(r, j, "type"),
		.columns = read_word(r, j, "order", "row", orders),
		.ld = read_number(r, j, "ld", 1, INT64_MAX / 2),
		.stride = read_number_or(r, j, "stride", 0, INT64_MAX / 2, 0),
		.align = read_alignment(r, j) };
	if (read_flag(r, j, "transposed"))
		x->columns = !x->columns;
	elements = r->status ? 0 : covered(r, x, batch);
	if (written)
		check_stride(r, x, batch);
	if (!r->status)
		x->place = read_place(r, j, written, x->align,
			elements * x->type->bytes);
	snprintf(r->what, sizeof r->what, "call.gemm");
}

/* cuBLASLt adds it along the side of D whose elements lie side by side. */
static void read_bias(struct call_reader *r, const json_t *o, struct gemm *g)
{
	bool wanted = g->epilogue & WPK_LT_EPILOGUE_BIAS;
	const json_t *j = read_object(r, o, "bias", !wanted);
	struct gemm_matrix *x = &g->bias;
	bool n;

	x->place = -1;
	if (j && !wanted)
		read_fails(r, "there is a bias, and the epilogue has none");
	if (r->status || !j)
		return;
	snprintf(r->what, sizeof r->what, "call.gemm.bias");
	n = read_word(r, j, "along", "n", along);
	if (n == g->d.columns)
		read_fails(r, "cuBLASLt adds none along %s to a D in %s",
			n ? "n" : "m", g->d.columns ? "columns" : "rows");
	*x = (struct gemm_matrix){ .rows = 1, .cols = n ? g->n : g->m,
		.ld = n ? g->n : g->m, .type = read_type(r, j, "type"),
		.stride = read_number_or(r, j, "stride", 0, INT64_MAX / 2, 0),
		.align = read_alignment(r, j) };
	if (r->status)
		return;
	x->place = read_place(r, j, false, x->align,
		covered(r, x, g->batch) * x->type->bytes);
}

static int scale_of(const struct gemm *g)
{
	return g->compute == WPK_LT_COMPUTE_64F ? WPK_LT_64F :
		g->compute == WPK_LT_COMPUTE_32I &&
		g->d.type->cublas == WPK_LT_32I ? WPK_LT_32I : WPK_LT_32F;
}

enum wpk_status gemm_read(struct library_call *call, const json_t *j,
	struct gemm *g, struct wpk_error *e)
{
	struct call_reader r = { .call = call, .e = e, .what = "call" };
	const json_t *o = read_object(&r, j, "gemm", false);

	snprintf(r.what, sizeof r.what, "call.gemm");
	g->m = read_number(&r, o, "m", 1, INT32_MAX);
	g->n = read_number(&r, o, "n", 1, INT32_MAX);
	g->k = read_number(&r, o, "k", 1, INT32_MAX);
	g->batch = read_number_or(&r, o, "batch", 1, INT32_MAX, 1);
	g->compute = read_word(&r, o, "compute", NULL, computes);
	g->epilogue = read_word(&r, o, "epilogue", "none", epilogues);
	g->fast = read_flag(&r, o, "fast");
	read_matrix(&r, o, "a", g->m, g->k, &g->a);
	read_matrix(&r, o, "b", g->k, g->n, &g->b);
	read_matrix(&r, o, "c", g->m, g->n, &g->c);
	read_matrix(&r, o, "d", g->m, g->n, &g->d);
	if (!r.status && g->c.place >= 0 && g->c.columns != g->d.columns)
		read_fails(&r, "c and d are of different orders");
	if (!r.status)
		read_bias(&r, o, g);
	if (!r.status)
		g->scale = scale_of(g);
	return r.status;
}
