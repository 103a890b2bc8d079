/* SPDX-License-Identifier: MIT */
/* Products as plans describe them, read and checked: extents, and what of memory
 * they touch. Which types go together is for cuBLASLt to say. */
#include <limits.h>
#include <stdio.h>

#include "runtime/lib/cublaslt.h"

enum { USUAL_ALIGNMENT = 16 };

static const struct field_word computes[] = {
	{ "f32", WPK_LT_COMPUTE_32F }, { "tf32", WPK_LT_COMPUTE_TF32 },
	{ "i32", WPK_LT_COMPUTE_32I }, { "f64", WPK_LT_COMPUTE_64F }, { NULL, 0 }
};

static const struct field_word orders[] = {
	{ "row", false }, { "col", true }, { NULL, 0 }
};

static const struct field_word epilogues[] = {
	{ "none", WPK_LT_EPILOGUE_DEFAULT }, { "bias", WPK_LT_EPILOGUE_BIAS },
	{ "relu", WPK_LT_EPILOGUE_RELU },
	{ "relu_bias", WPK_LT_EPILOGUE_RELU | WPK_LT_EPILOGUE_BIAS },
	{ "gelu", WPK_LT_EPILOGUE_GELU },
	{ "gelu_bias", WPK_LT_EPILOGUE_GELU | WPK_LT_EPILOGUE_BIAS },
	{ NULL, 0 }
};

static const struct field_word along[] = {
	{ "m", false }, { "n", true }, { NULL, 0 }
};

/* What a matrix of "rows" x "cols" covers, "batch" times, in elements. */
static int64_t covered(struct reading *r, const struct gemm_matrix *x,
	int64_t batch)
{
	int64_t lines = x->columns ? x->cols : x->rows, one, all, bytes;
	int64_t width = x->columns ? x->rows : x->cols;

	if (x->ld < width)
		field_fails(r, "\"ld\" is %lld, and less than %lld",
			(long long)x->ld, (long long)width);
	else if (!call_sum(lines - 1, x->ld, width, &one) ||
	    !call_sum(batch - 1, x->stride, one, &all) ||
	    !call_sum(all, x->type->bytes, 0, &bytes))
		field_fails(r, "is larger than memory");
	else
		return all;
	return 0;
}

/* Matrices of a batch may be one and the same, or overlap, but not where they
 * are written. */
static void check_stride(struct reading *r, const struct gemm_matrix *x,
	int64_t batch)
{
	int64_t one = r->status ? 0 : covered(r, x, 1);

	if (!r->status && batch > 1 && x->stride < one)
		field_fails(r, "\"stride\" is %lld, and one matrix covers %lld",
			(long long)x->stride, (long long)one);
}

static void read_matrix(struct reading *r, struct library_call *call,
	const json_t *o, const char *key, int64_t rows, int64_t cols,
	struct gemm_matrix *x)
{
	int64_t batch = ((struct cublaslt_call *)call)->g.batch, elements;
	const json_t *j = field_object(r, o, key, *key == 'c');
	bool written = *key == 'd';
	size_t was;

	x->place = -1;
	if (!j)
		return;
	was = field_enter(r, key, -1);
	*x = (struct gemm_matrix){ .rows = rows, .cols = cols,
		.type = call_type_read(r, j),
		.columns = field_word(r, j, "order", "row", orders),
		.ld = field_int(r, j, "ld", 1, INT64_MAX / 2),
		.stride = field_int_or(r, j, "stride", 0, INT64_MAX / 2, 0),
		.align = call_align_read(r, j) };
	if (field_flag(r, j, "transposed"))
		x->columns = !x->columns;
	elements = r->status ? 0 : covered(r, x, batch);
	if (written)
		check_stride(r, x, batch);
	if (!r->status)
		x->place = call_place_read(r, call, j, written, x->align,
			elements * x->type->bytes);
	field_leave(r, was);
}

/* cuBLASLt adds it along the side of D whose elements lie side by side. */
static void read_bias(struct reading *r, struct library_call *call,
	const json_t *o, struct gemm *g)
{
	bool wanted = g->epilogue & WPK_LT_EPILOGUE_BIAS;
	const json_t *j = field_object(r, o, "bias", !wanted);
	struct gemm_matrix *x = &g->bias;
	bool n;

	x->place = -1;
	if (j && !wanted)
		field_fails(r, "there is a bias, and the epilogue has none");
	if (r->status || !j)
		return;
	field_enter(r, "bias", -1);
	n = field_word(r, j, "along", "n", along);
	if (n == g->d.columns)
		field_fails(r, "cuBLASLt adds none along %s to a D in %s",
			n ? "n" : "m", g->d.columns ? "columns" : "rows");
	*x = (struct gemm_matrix){ .rows = 1, .cols = n ? g->n : g->m,
		.ld = n ? g->n : g->m, .type = call_type_read(r, j),
		.stride = field_int_or(r, j, "stride", 0, INT64_MAX / 2, 0),
		.align = call_align_read(r, j) };
	if (r->status)
		return;
	x->place = call_place_read(r, call, j, false, x->align,
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
	struct reading r = { .e = e, .where = "call" };
	const json_t *o = field_object(&r, j, "gemm", false);

	field_enter(&r, "gemm", -1);
	g->m = field_int(&r, o, "m", 1, INT32_MAX);
	g->n = field_int(&r, o, "n", 1, INT32_MAX);
	g->k = field_int(&r, o, "k", 1, INT32_MAX);
	g->batch = field_int_or(&r, o, "batch", 1, INT32_MAX, 1);
	g->compute = field_word(&r, o, "compute", NULL, computes);
	g->epilogue = field_word(&r, o, "epilogue", "none", epilogues);
	g->fast = field_flag(&r, o, "fast");
	read_matrix(&r, call, o, "a", g->m, g->k, &g->a);
	read_matrix(&r, call, o, "b", g->k, g->n, &g->b);
	read_matrix(&r, call, o, "c", g->m, g->n, &g->c);
	read_matrix(&r, call, o, "d", g->m, g->n, &g->d);
	if (!r.status && g->c.place >= 0 && g->c.columns != g->d.columns)
		field_fails(&r, "c and d are of different orders");
	if (!r.status)
		read_bias(&r, call, o, g);
	if (!r.status)
		g->scale = scale_of(g);
	return r.status;
}
