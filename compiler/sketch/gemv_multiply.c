/* SPDX-License-Identifier: MIT */
/* What a gemv kernel does with a chunk that it has loaded: the small operand's part
 * comes, values are computed where factors are, and all of it is multiplied. */
#include "sketch/gemv_code.h"

static struct kx *num(const struct gemv_code *g, int64_t v)
{
	return kx_int(g->a, v);
}

struct kx *gemv_inside(struct gemv_code *g, struct kx *k, bool whole)
{
	return whole ? NULL : kx_lt(g->a, k, num(g, g->f->of.k));
}

int gemv_vector_rows(const struct gemv_plan *p)
{
	return p->along_k ? 1 : p->vec * p->pack_rows;
}

/* ---- the small operand ---- */

void gemv_stage_small(struct gemv_code *g, struct k_block *b)
{
	const struct gemv_plan *p = g->p;
	struct arena *a = g->a;
	int64_t dims[2] = { p->bc, p->part };
	int64_t each = p->part / p->small_vec;
	struct reader one = g->small;
	struct kx *forms[FORMS_MAX], *at, *col, *kk, *k;
	struct k_block *body;

	g->tile = kernel_array(g->k, K_SHARED, arena_printf(a, "%s_tile",
		g->small.name), g->f->small->tensor->type, 2, dims, 16);
	body = ks_for(a, b, LOOP_THREADS, "at", num(g, 0),
		num(g, p->bc * each), NULL, &at);
	col = ks_let(a, body, "col", kx_div(a, at, num(g, each)));
	kk = ks_let(a, body, "kk", kx_mul(a, kx_mod(a, at, num(g, each)),
		num(g, p->small_vec)));
	k = ks_let(a, body, "k", kx_add(a, g->first_k, kk));
	one.n = 1;
	one.first = kx_add(a, g->col_first, col);
	reader_create(&one, body);
	reader_at(&one, body, k, forms);
	reader_copy(&one, body, num(g, 0), forms, p->small_vec,
		k_place(g->tile, col, kk),
		gemv_inside(g, k, p->part * p->split == g->f->of.k));
	ks_barrier(a, b, BARRIER_BLOCK);
}

/* The thread's ks of column "j" from "k" on. */
static void load_small(struct gemv_code *g, struct k_block *b, struct kx *j,
	struct kx *k, bool whole)
{
	int elem = g->f->small->elem, width = g->p->small_vec;
	struct kx *forms[FORMS_MAX], *e;

	if (g->p->staged)
		width = 16 / elem < g->p->ks ? 16 / elem : g->p->ks;
	b = tile_loop(g->a, b, "e", g->p->ks / width, &e);
	e = kx_mul(g->a, e, num(g, width));
	k = kx_add(g->a, k, e);
	if (g->p->staged) {
		ks_copy(g->a, b, COPY_PLAIN, k_place(g->small_raw, e),
			k_place(g->tile, j, kx_sub(g->a, k, g->first_k)),
			width * elem, NULL, 0);
		return;
	}
	reader_at(&g->small, b, k, forms);
	reader_copy(&g->small, b, j, forms, width, k_place(g->small_raw, e),
		gemv_inside(g, k, whole));
}

/* ---- multiply ---- */

static struct kx *big_at(struct gemv_code *g, struct k_buffer *buffer,
	struct kx *u, struct kx *i, struct kx *e)
{
	return g->p->along_k ? kx_load(g->a, buffer, u, i, e) :
		kx_load(g->a, buffer, u, e, i);
}

/* What is read of a product's larger factor, and computed of it. */
static const struct operand *big_of(const struct gemv_code *g, int product)
{
	return product ? &g->f->of.twin : g->f->big;
}

/* The rows of a product behind the first's. */
static struct kx *behind(struct gemv_code *g, int product, struct kx *i)
{
	return kx_add(g->a, i, num(g, (int64_t)product * g->p->mine));
}

/* Row "i" of the thread's; those past the end read the last one. */
static struct near big_row(struct gemv_code *g, struct k_block *b, struct kx *i)
{
	struct kx *rows = num(g, gemv_vector_rows(g->p)), *at;

	at = kx_add(g->a, g->big.first, kx_mul(g->a, kx_div(g->a, i, rows),
		kx_mul(g->a, num(g, g->p->across), rows)));
	if (g->big.ragged)
		at = kx_op(g->a, OP_MIN, T_I32, 2, at, num(g, g->f->rows -
			gemv_vector_rows(g->p)));
	return near_in(near_at(ks_let(g->a, b, "row", at)), gemv_vector_rows(g->p),
		kx_mod(g->a, i, rows));
}

static struct near small_row(struct gemv_code *g, struct kx *j)
{
	struct kx *at = kx_add(g->a, g->col_first, j);

	if (g->small.ragged)
		at = kx_op(g->a, OP_MIN, T_I32, 2, at, num(g, g->f->cols - 1));
	return near_at(at);
}

/* Value "e" of those from "k" on that one read element or several neighbours of
 * "op" make at "row": 0 past the end, where what it needs may not be. */
static struct kx *value_of(struct gemv_code *g, struct k_block *b,
	struct computed *c, const struct operand *op, struct kx *raw,
	struct near row, struct kx *k, struct kx *e, bool whole)
{
	struct arena *a = g->a;
	enum dtype acc = g->f->of.acc;
	struct near at = near_in(near_at(k), g->p->ks, e);
	struct kx *v;

	c->batch = g->batch;
	k = kx_add(a, k, e);
	if (!whole)
		at = near_at(kx_op(a, OP_MIN, T_I32, 2, k, num(g,
			g->f->of.k - 1)));
	v = kx_cast(a, acc, computed_value(c, b, op, raw, row, at));
	return whole ? v : kx_op(a, OP_SELECT, acc, 3, gemv_inside(g, k, false), v,
		product_zero(a, acc));
}

/* What the big operand of a product has at row "i" and step "e" of those from "k" on,
 * step "u" as "big_raw" counts them, as it is multiplied. */
static struct kx *big_made(struct gemv_code *g, struct k_block *b, int product,
	struct kx *u, struct kx *i, struct kx *e, struct kx *k, bool whole)
{
	const struct operand *op = big_of(g, product);
	struct kx *raw = big_at(g, g->big_raw, u, kx_div(g->a, behind(g, product,
		i), num(g, g->p->pack_rows)), kx_div(g->a, e, num(g,
			g->p->pack_k)));

	if (!op->value)
		return kx_cast(g->a, g->f->of.acc, raw);
	return value_of(g, b, product ? &g->twin_computed : &g->big_computed, op,
		raw, big_row(g, b, i), k, e, whole);
}

/* Values for all columns, unless there is one and what is made of an element is
 * multiplied at once. */
static void convert_big(struct gemv_code *g, struct k_block *b, int product,
	struct kx *u, struct kx *k, bool whole)
{
	struct kx *zero = num(g, 0), *i, *e, *at;

	if (!gemv_keeps_values(g->f, g->p))
		return;
	b = tile_loop(g->a, b, "i", g->p->mine, &i);
	b = tile_loop(g->a, b, "e", g->p->ks, &e);
	at = behind(g, product, i);
	ks_store(g->a, b, g->p->along_k ? k_place(g->big_value, zero, at, e) :
		k_place(g->big_value, zero, e, at), big_made(g, b, product, u,
			i, e, k, whole));
}

/* Of a product: all rows of the thread times "y", at step "e" of column "j". */
static void multiply_rows(struct gemv_code *g, struct k_block *b, int product,
	struct kx *u, struct kx *e, struct kx *j, struct kx *y, struct kx *k,
	bool whole)
{
	struct kx *i, *x, *at;

	b = tile_loop(g->a, b, "i", g->p->mine, &i);
	at = behind(g, product, i);
	x = gemv_keeps_values(g->f, g->p) ? big_at(g, g->big_value, num(g, 0),
		at, e) : big_made(g, b, product, u, i, e, k, whole);
	ks_store(g->a, b, k_place(g->acc, at, j), product_add(g->a, g->f->of.acc,
		x, y, kx_load(g->a, g->acc, at, j)));
}

void gemv_multiply(struct gemv_code *g, struct k_block *b, struct kx *u,
	struct kx *k, bool whole)
{
	enum dtype acc = g->f->of.acc;
	struct kx *j, *e, *y;

	for (int x = 0; x < g->f->of.products; x++)
		convert_big(g, b, x, u, k, whole);
	b = tile_loop(g->a, b, "j", g->p->bc, &j);
	load_small(g, b, j, k, whole);
	b = tile_loop(g->a, b, "e", g->p->ks, &e);
	y = kx_load(g->a, g->small_raw, e);
	if (g->f->small->value)
		y = value_of(g, b, &g->small_computed, g->f->small, y,
			small_row(g, j), k, e, whole);
	if (g->f->small->value || y->type != acc)
		y = ks_let(g->a, b, "y", kx_cast(g->a, acc, y));
	for (int x = 0; x < g->f->of.products; x++)
		multiply_rows(g, b, x, u, e, j, y, k, whole);
}
