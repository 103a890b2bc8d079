/* SPDX-License-Identifier: MIT */
/* Products for cuBLASLt: d = f(a b + c + bias), in rows. Which axes are rows,
 * columns, sums and batches follows from where they occur; how matrices lie, from
 * strides. What cuBLASLt does not do with types it is documented for is refused
 * here; the rest it says itself when it is asked for algorithms. */
#include "sketch/library.h"

/* ---- axes ---- */

static void add_all(const struct library_group *g, struct dim_axes *l,
	const int *axes, int n)
{
	for (int i = 0; i < n; i++)
		axes_add(g, l, axes[i]);
}

static bool strides_of(const struct library_group *g,
	struct library_product *p)
{
	return coordinate_strides(g, p->axes, GEMM_AXES, p->a_address,
			p->a_strides) &&
		coordinate_strides(g, p->axes, GEMM_AXES, p->b_address,
			p->b_strides) &&
		coordinate_strides(g, p->axes, GEMM_AXES, &g->result,
			p->d_strides);
}

/* Axes that go round in one factor alone may still be a batch, of which the other
 * factor is one for all: tried where rows or columns have no one stride. */
static bool try_axes(const struct library_group *g, struct dim_axes m,
	struct dim_axes n, struct dim_axes k, struct dim_axes batch,
	struct library_product *p)
{
	axes_sort(&m, &g->result);
	axes_sort(&n, &g->result);
	axes_sort(&batch, &g->result);
	axes_sort(&k, p->a_address);
	for (;;) {
		struct dim_axes *side = m.n > n.n ? &m : &n;

		p->axes[GEMM_BATCH] = coordinate_of(g, &batch, NULL);
		p->axes[GEMM_M] = coordinate_of(g, &m, NULL);
		p->axes[GEMM_N] = coordinate_of(g, &n, NULL);
		p->axes[GEMM_K] = coordinate_of(g, &k, NULL);
		if (strides_of(g, p))
			return true;
		if (side->n < 2)
			return false;
		axes_add(g, &batch, side->v[0]);
		axes_sort(&batch, &g->result);
		for (int i = 1; i < side->n; i++)
			side->v[i - 1] = side->v[i];
		side->n--;
	}
}

/* Results lie side by side along n, if they do along m or n. */
static bool swapped(const struct library_product *p)
{
	return p->d_strides[GEMM_N] != 1 && p->axes[GEMM_M].extent > 1 &&
		p->d_strides[GEMM_M] == 1;
}

static bool assign(const struct library_group *g, bool swap,
	struct library_product *p)
{
	const struct ir_contraction *c = &g->c;
	struct dim_axes m = { .n = 0 }, n = m, k = m, batch = m;

	add_all(g, &m, swap ? c->n : c->m, swap ? c->n_n : c->n_m);
	add_all(g, &n, swap ? c->m : c->n, swap ? c->n_m : c->n_n);
	add_all(g, &k, c->k, c->n_k);
	add_all(g, &batch, c->batch, c->n_batch);
	p->a = swap ? c->right : c->left;
	p->b = swap ? c->left : c->right;
	p->a_address = swap ? &c->right_addr : &c->left_addr;
	p->b_address = swap ? &c->left_addr : &c->right_addr;
	return try_axes(g, m, n, k, batch, p);
}

bool library_product(const struct library_group *g, struct library_product *p,
	const char **why)
{
	if (!library_inside(g, g->c.left, 0) ||
	    !library_inside(g, g->c.right, 0)) {
		*why = "a factor is padded: that is a convolution, not a product "
			"of matrices";
		return false;
	}
	if (assign(g, false, p) && (!swapped(p) || assign(g, true, p)))
		return true;
	*why = "rows, columns or what is summed go by no one stride: that is no "
		"product of matrices";
	return false;
}

/* ---- types ---- */

/* Of factors, result and what adds up; bias and activation too: "follows". */
static const struct types {
	enum dtype a, b, d;
	const char *compute;
	enum dtype bias;
	bool follows;
} combinations[] = {
	{ T_F16, T_F16, T_F16, "f32", T_F16, true },
	{ T_F16, T_F16, T_F32, "f32", T_F32, true },
	{ T_BF16, T_BF16, T_BF16, "f32", T_BF16, true },
	{ T_BF16, T_BF16, T_F32, "f32", T_F32, true },
	{ T_F32, T_F32, T_F32, "f32", T_F32, true },
	{ T_F64, T_F64, T_F64, "f64", T_F64, false },
	{ T_I8, T_I8, T_I32, "i32", T_I32, false },
	{ T_E4M3, T_E4M3, T_BF16, "f32", T_BF16, true },
	{ T_E4M3, T_E4M3, T_F16, "f32", T_F16, true },
	{ T_E4M3, T_E4M3, T_F32, "f32", T_BF16, true },
	{ T_E4M3, T_E5M2, T_BF16, "f32", T_BF16, true },
	{ T_E4M3, T_E5M2, T_F16, "f32", T_F16, true },
	{ T_E4M3, T_E5M2, T_F32, "f32", T_BF16, true },
	{ T_E5M2, T_E4M3, T_BF16, "f32", T_BF16, true },
	{ T_E5M2, T_E4M3, T_F16, "f32", T_F16, true },
	{ T_E5M2, T_E4M3, T_F32, "f32", T_BF16, true },
};

static enum dtype type_of(const struct library_group *g,
	const struct ir_expr *read)
{
	return g->t->op->tensors[read->tensor].type;
}

/* In what the sums must be for the library's word. */
static enum dtype sums_in(const char *compute)
{
	return *compute == 'i' ? T_I32 : compute[1] == '6' ? T_F64 : T_F32;
}

static const struct types *types_of(const struct library_group *g,
	const struct library_product *p, const char **why)
{
	enum dtype a = type_of(g, p->a), b = type_of(g, p->b);
	enum dtype d = g->last->tensor->type;

	for (size_t i = 0; i < sizeof combinations / sizeof *combinations; i++) {
		const struct types *x = &combinations[i];

		if (x->a == a && x->b == b && x->d == d &&
		    sums_in(x->compute) == g->acc)
			return x;
	}
	*why = arena_printf(g->t->a, "cuBLASLt has no %s x %s products summed in "
		"%s with results in %s", dtype_row(a)->name, dtype_row(b)->name,
		dtype_row(g->acc)->name, dtype_row(d)->name);
	return NULL;
}

/* ---- matrices ---- */

/* Lines of "width" elements that lie "along" apart, "across" from one line to the
 * next: are they what leading dimensions tell? */
static bool lies(int64_t lines, int64_t width, int64_t along, int64_t across,
	int64_t *ld)
{
	*ld = lines == 1 ? width : across;
	return (width == 1 || along == 1) && *ld >= width;
}

/* A matrix of rows "r" and columns "c"; false where it lies in neither. */
static bool matrix_of(const struct library_product *p,
	const struct ir_tensor *t, const int64_t *s, int r, int c,
	struct call_matrix *x)
{
	int64_t rows = p->axes[r].extent, cols = p->axes[c].extent;

	*x = (struct call_matrix){ .tensor = t->id, .type = t->type,
		.align = t->align, .stride = p->axes[GEMM_BATCH].extent > 1 ?
		s[GEMM_BATCH] : 0 };
	x->columns = !lies(rows, cols, s[c], s[r], &x->ld);
	return !x->columns || lies(cols, rows, s[r], s[c], &x->ld);
}

/* Do the batches of a result that is written not lie within one another? */
static bool apart(const struct library_product *p, const struct call_matrix *d)
{
	int64_t rows = p->axes[GEMM_M].extent, cols = p->axes[GEMM_N].extent;

	return p->axes[GEMM_BATCH].extent == 1 ||
		d->stride >= (rows - 1) * d->ld + cols;
}

static bool matrices(const struct library_group *g,
	const struct library_product *p, struct call_gemm *q, const char **why)
{
	const struct ir_tensor *v = g->t->op->tensors;

	q->batch = p->axes[GEMM_BATCH].extent;
	q->m = p->axes[GEMM_M].extent;
	q->n = p->axes[GEMM_N].extent;
	q->k = p->axes[GEMM_K].extent;
	if (!matrix_of(p, &v[p->a->tensor], p->a_strides, GEMM_M, GEMM_K,
	    &q->a) || !matrix_of(p, &v[p->b->tensor], p->b_strides, GEMM_K,
	    GEMM_N, &q->b)) {
		*why = "a factor of it goes along memory neither in rows nor in "
			"columns";
		return false;
	}
	if (matrix_of(p, g->last->tensor, p->d_strides, GEMM_M, GEMM_N,
	    &q->d) && !q->d.columns && apart(p, &q->d))
		return true;
	*why = "its result is no matrix that lies in rows or columns";
	return false;
}

/* What the guide says of products of 8-bit numbers: both factors go along what is
 * summed, in steps of vectors. */
static bool narrow(const struct library_product *p, const struct call_gemm *q,
	const char **why)
{
	int64_t step = q->a.type == T_I8 ? 4 : 16;

	if (q->a.type != T_I8 && q->a.type != T_E4M3 && q->a.type != T_E5M2)
		return true;
	*why = step == 4 ? "cuBLASLt multiplies i8 where both factors lie side by"
		" side along what is summed, and that and rows of the result "
		"are of multiples of 4" : "cuBLASLt multiplies 8-bit floats "
		"where both factors lie side by side along what is summed, and "
		"that and rows of the result are of multiples of 16";
	return (p->a_strides[GEMM_K] == 1 || q->k == 1) &&
		(p->b_strides[GEMM_K] == 1 || q->k == 1) &&
		q->n % step == 0 && q->k % step == 0;
}

/* ---- what follows ---- */

struct follow {
	const struct library_group *g;
	const struct library_product *p;
	const struct types *types;
	struct call_gemm *q;
	int sums;
	const char *why;
};

static bool refuses(struct follow *f, const char *why)
{
	f->why = why;
	return false;
}

static bool adds_bias(struct follow *f, const struct ir_tensor *t,
	const int64_t *s)
{
	if (f->q->bias.tensor >= 0)
		return refuses(f, "cuBLASLt adds one bias");
	if (t->type != f->types->bias)
		return refuses(f, arena_printf(f->g->t->a, "cuBLASLt wants a "
			"bias in %s here, and %s is of %s",
			dtype_row(f->types->bias)->name, t->name,
			dtype_row(t->type)->name));
	if ((s[GEMM_N] != 1 && f->q->n != 1) || s[GEMM_BATCH])
		return refuses(f, arena_printf(f->g->t->a, "cuBLASLt adds a bias "
			"along the side on which results lie side by side, dense"
			" and one for all, and %s is none", t->name));
	f->q->bias = (struct call_matrix){ t->id, t->type, false, f->q->n, 0,
		t->align };
	return true;
}

static bool adds_matrix(struct follow *f, const struct ir_tensor *t,
	const int64_t *s)
{
	if (f->q->c.tensor >= 0)
		return refuses(f, "cuBLASLt adds one matrix");
	if (t->type != f->q->d.type)
		return refuses(f, arena_printf(f->g->t->a, "cuBLASLt adds a "
			"matrix of the result's type, %s, and %s is of %s",
			dtype_row(f->q->d.type)->name, t->name,
			dtype_row(t->type)->name));
	if (!matrix_of(f->p, t, s, GEMM_M, GEMM_N, &f->q->c) ||
	    f->q->c.columns)
		return refuses(f, arena_printf(f->g->t->a, "cuBLASLt adds a "
			"matrix that lies as the result does, and %s lies "
			"otherwise", t->name));
	return true;
}

static bool adds_read(struct follow *f, const struct ir_expr *e)
{
	const struct ir_tensor *t = &f->g->t->op->tensors[e->tensor];
	int64_t s[GEMM_AXES];
	struct ir_affine at;

	if (e->pad != IR_PAD_NONE || !ir_address(f->g->t->a, f->g->t->op, t,
	    e->args, &at) || !coordinate_strides(f->g, f->p->axes, GEMM_AXES,
	    &at, s))
		return refuses(f, arena_printf(f->g->t->a, "what is added of %s "
			"is neither a bias nor a matrix", t->name));
	return s[GEMM_M] || (f->q->m == 1 && s[GEMM_BATCH]) ?
		adds_matrix(f, t, s) : adds_bias(f, t, s);
}

/* Terms of the sum that is then activated. */
static bool adds(struct follow *f, const struct ir_expr *e)
{
	e = library_strip(f->g, e);
	if (library_is_sum(f->g, e))
		return ++f->sums == 1 || refuses(f, "the sum is used twice");
	if (e->kind == IR_OP && e->op == OP_ADD)
		return adds(f, e->args[0]) && adds(f, e->args[1]);
	if (e->kind == IR_READ && e->tensor >= 0)
		return adds_read(f, e);
	return refuses(f, "cuBLASLt ends a product with a bias, a matrix added "
		"and then relu or gelu by tanh, and nothing else");
}

static bool follows(struct follow *f)
{
	const struct ir_expr *e = f->g->value;
	struct activation act;

	f->q->epilogue = "none";
	if (!e)
		return true;
	if (!f->types->follows && !library_is_sum(f->g, e))
		return refuses(f, arena_printf(f->g->t->a, "cuBLASLt ends "
			"products in %s with nothing", f->types->compute));
	if (library_activation(f->g, e, &act) && act.lt) {
		f->q->epilogue = act.lt;
		e = act.x;
	}
	if (!adds(f, e))
		return false;
	if (!f->sums)
		return refuses(f, "the result does not depend on the sum");
	if (f->q->bias.tensor >= 0)
		f->q->epilogue = *f->q->epilogue == 'n' ? "bias" :
			arena_printf(f->g->t->a, "%s_bias", f->q->epilogue);
	return true;
}

bool library_gemm(const struct library_group *g, struct p_call *out,
	const char **why)
{
	struct library_product p;
	struct follow f = { .g = g, .p = &p, .q = &out->gemm };

	*out = (struct p_call){ .library = CALL_CUBLASLT, .gemm = {
		.c.tensor = -1, .bias.tensor = -1 } };
	if (!library_product(g, &p, why))
		return false;
	f.types = types_of(g, &p, why);
	if (!f.types || !matrices(g, &p, &out->gemm, why) ||
	    !narrow(&p, &out->gemm, why))
		return false;
	out->gemm.compute = f.types->compute;
	if (follows(&f))
		return true;
	*why = f.why;
	return false;
}
