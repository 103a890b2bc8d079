/* SPDX-License-Identifier: MIT */
/* Bulk copies of rows that lie in pages, of which a table says where they are, as
 * those of caches do: a page's number is the last dimension of the map, and a box has
 * rows of one page. Nothing of a page that there is not is read: its box is
 * zeros. */
#include "sketch/bulk.h"

#include "base/number.h"

/* Rows after which a swizzle repeats itself: where boxes may begin. Bytes that strides
 * are multiples of; dimensions beside batches. */
enum { SWIZZLE_ROWS = 8, MAP_ALIGN = 16, OWN_DIMS = 3, BOX_MOST = 256 };

/* Along which a row is contiguous, and that which goes through pages. */
static const struct flat *inner(const struct stage *s)
{
	return s->order->k_inner ? &s->order->k : &s->op->rows;
}

static const struct flat *outer(const struct stage *s)
{
	return s->order->k_inner ? &s->op->rows : &s->order->k;
}

static int outer_tile(const struct stage *s)
{
	return s->order->k_inner ? s->tile_rows : s->tile_k;
}

/* The rows of a page: the innermost run; NULL: there is one. */
static const struct run *page(const struct stage *s)
{
	const struct flat *f = outer(s);
	const struct run *r = f->n_runs ? &f->runs[f->n_runs - 1] : NULL;

	return r && r->coef[0] && !r->coef[s->op->n_forms] ? r : NULL;
}

/* A run of batches that moves within pages is a dimension. */
static bool is_dim(const struct run *r)
{
	return r->coef[0] != 0;
}

static bool is_aligned(int64_t elements, int elem)
{
	return elements > 0 && elements * elem % MAP_ALIGN == 0;
}

/* Where the first page lies, in elements. */
static int64_t first_page(const struct operand *op)
{
	return op->forms[0].c + op->least * op->point[0];
}

static bool lies(const struct stage *s)
{
	const struct operand *op = s->op;
	const struct flat *f = outer(s);
	int dims = OWN_DIMS;

	for (int i = 0; i < op->batch.n_runs; i++) {
		const struct run *r = &op->batch.runs[i];

		if (is_dim(r) && !is_aligned(r->coef[0], op->elem))
			return false;
		dims += is_dim(r);
	}
	return dims <= K_MAP_RANK && f->n_runs <= 2 && (f->n_runs < 2 ||
		!f->runs[0].coef[0]) && inner(s)->n_runs == 1 &&
		inner(s)->runs[0].coef[0] == 1 &&
		!inner(s)->runs[0].coef[op->n_forms] &&
		is_aligned(page(s)->coef[0], op->elem) &&
		is_aligned(op->point[0], op->elem) &&
		bulk_begins(first_page(op), op->elem) &&
		op->tensor->align % MAP_ALIGN == 0;
}

const char *pages_refuse(const struct stage *s)
{
	const struct operand *op = s->op;

	if (op->value)
		return "is computed on its way to shared memory";
	if (op->n_forms != 1 + op->strays)
		return "is read beyond its edges";
	if (op->rows.open || op->batch.open || s->order->k.open)
		return "has a size that is known at the call only";
	if (!page(s) || page(s)->extent % SWIZZLE_ROWS)
		return "has pages whose rows are no multiple of 8";
	if (op->apart || !op->entries)
		return "is found by a table whose entries point at parts of "
			"pages";
	return lies(s) ? NULL : "does not lie in pages of contiguous rows that "
		"start at multiples of 16 bytes";
}

/* Rows of a box: of one page, and a part of the tile. */
static int box_rows(const struct stage *s)
{
	int rows = (int)number_gcd(page(s)->extent, outer_tile(s));

	while (rows > BOX_MOST)
		rows /= 2;
	return rows;
}

int pages_boxes(const struct stage *s)
{
	return s->op->entry ? outer_tile(s) / box_rows(s) : 1;
}

static void add_dim(struct k_map *m, int64_t extent, int64_t stride, int box)
{
	m->dims[m->rank] = extent;
	m->strides[m->rank] = stride;
	m->box[m->rank++] = box;
}

struct k_map pages_map(const struct stage *s, const char *name,
	struct k_buffer *of)
{
	const struct operand *op = s->op;
	int row = s->order->k_inner ? s->tile_k : s->panel;
	struct k_map m = { .name = name, .of = of, .rank = 1,
		.offset = first_page(op) * op->elem,
		.dims = { inner(s)->extent }, .box = { row },
		.swizzle = row * op->elem, .promotion = 128 };

	add_dim(&m, page(s)->extent, page(s)->coef[0] * op->elem, box_rows(s));
	for (int i = op->batch.n_runs - 1; i >= 0; i--)
		if (is_dim(&op->batch.runs[i]))
			add_dim(&m, op->batch.runs[i].extent,
				op->batch.runs[i].coef[0] * op->elem, 1);
	add_dim(&m, op->entries, op->point[0] * op->elem, 1);
	return m;
}

void pages_declare(struct bulk *g, struct kernel *k, const char *name)
{
	int64_t dims[1] = { pages_boxes(g->s) };

	g->entries = kernel_array(k, K_REGISTER, arena_printf(g->a, "%s_page",
		name), T_I32, 1, dims, 0);
}

/* ---- what is looked up ---- */

bool pages_alike(const struct bulk *x, const struct bulk *y)
{
	return operand_entries_alike(x->s->op, outer(x->s), y->s->op,
		outer(y->s)) && box_rows(x->s) == box_rows(y->s) &&
		outer_tile(x->s) == outer_tile(y->s);
}

void bulk_look_up(const struct bulk *g, struct k_block *b, struct kx *first)
{
	const struct operand *op = g->s->op;
	struct arena *a = g->a;
	struct kx *at, *i, *row, *last, *e;
	const struct flat *f;

	if (!op->entry)
		return;
	f = outer(g->s);
	last = kx_int(a, f->extent - 1);
	b = tile_loop(a, b, "i", pages_boxes(g->s), &i);
	row = ks_let(a, b, "row", kx_add(a, first, kx_mul(a, i, kx_int(a,
		box_rows(g->s)))));
	at = kx_add(a, kx_int(a, op->forms[op->n_forms].c), flat_form(a, b, f,
		"rest", kx_op(a, OP_MIN, T_I32, 2, row, last), op->n_forms));
	if (g->batch)
		at = kx_add(a, at, flat_form(a, b, &op->batch, "batch_rest",
			g->batch, op->n_forms));
	e = kx_sub(a, stage_kept(a, op, ks_let(a, b, "entry", kx_load(a,
		g->table, at))), kx_int(a, op->least));
	if (f->extent % outer_tile(g->s))
		e = kx_op(a, OP_SELECT, T_I32, 3, kx_op(a, OP_LE, T_BOOL, 2,
			row, last), e, kx_int(a, -1));
	ks_store(a, b, k_place(g->entries, i), e);
}

/* ---- copies ---- */

/* Box "i" of the tile, of which "column" is the first of a row, into line "line" of
 * the stage. */
static void copy_box(const struct bulk *g, struct k_block *b, struct kx *i,
	struct kx *first, struct kx *column, struct k_place to,
	struct k_place full)
{
	const struct flat *batch = &g->s->op->batch;
	struct arena *a = g->a;
	struct kx *rows = kx_int(a, box_rows(g->s));
	struct kx *at[K_MAP_RANK] = { column, kx_mod(a, kx_add(a, first, kx_mul(
		a, i, rows)), kx_int(a, page(g->s)->extent)) };
	struct kx *runs[RUNS_MAX];
	int n = 2;

	if (page(g->s)->extent == box_rows(g->s))
		at[1] = kx_int(a, 0);
	if (batch->n_runs)
		flat_decode(a, b, batch, "rest", g->batch, runs);
	for (int k = batch->n_runs - 1; k >= 0; k--)
		if (is_dim(&batch->runs[k]))
			at[n++] = runs[k];
	at[n++] = kx_load(a, g->entries, i);
	bulk_box(g, b, to, full, at, n);
}

void pages_copy(const struct bulk *g, struct k_block *b, struct kx *k0,
	struct kx *slot, struct k_place full)
{
	const struct stage *s = g->s;
	struct arena *a = g->a;
	bool along_k = s->order->k_inner;
	struct kx *c, *i, *line, *rows = kx_int(a, box_rows(s));

	b = tile_loop(a, b, "panel", along_k ? 1 : s->tile_rows / s->panel, &c);
	b = tile_loop(a, b, "i", pages_boxes(s), &i);
	line = kx_add(a, kx_mul(a, c, kx_int(a, outer_tile(s))), kx_mul(a, i,
		rows));
	copy_box(g, b, i, along_k ? g->row : k0, along_k ? k0 : kx_add(a,
		g->row, kx_mul(a, c, kx_int(a, s->panel))), k_place(g->tile,
		slot, line, kx_int(a, 0)), full);
}
