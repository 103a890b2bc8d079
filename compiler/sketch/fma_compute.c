/* SPDX-License-Identifier: MIT */
/* The inner loop of an fma kernel: fragments of both operands from shared
 * memory into registers, and the multiply-adds on them. */
#include "sketch/common.h"
#include "sketch/fma_code.h"

static struct kx *num(const struct fma_code *g, int64_t v)
{
	return kx_int(g->of.a, v);
}

struct fma_fragment fma_fragment_make(struct fma_code *g, struct stager *st,
	const struct side *side)
{
	struct fma_fragment r = { st->s, st, side, NULL, NULL };
	enum dtype type = st->s->op->tile_type;
	int64_t dims[2] = { side->mine, g->p->kv };

	if (side == &g->of.out.n && g->p->streams)
		dims[0] = 1;
	r.raw = kernel_array(g->of.k, K_REGISTER, arena_printf(g->of.a, "%s_%s",
		st->name, type == g->f->of.acc ? "part" : "raw"), type,
		st->s->order->k_inner ? 2 : 1, dims, 16);
	r.value = r.raw;
	if (type != g->f->of.acc)
		r.value = kernel_array(g->of.k, K_REGISTER, arena_printf(g->of.a,
			"%s_part", st->name), g->f->of.acc, 1, dims, 16);
	return r;
}

/* Along k: row "i" of the thread gives kv neighbouring ks to raw[to]. */
static void load_row(struct fma_code *g, struct k_block *b,
	const struct fma_fragment *r, struct kx *slot, struct kx *kk, struct kx *i,
	struct kx *to)
{
	int width = 16 / r->s->op->tile_elem < g->p->kv ? 16 / r->s->op->tile_elem :
		g->p->kv;
	struct kx *u, *row, *k;

	b = tile_loop(g->of.a, b, "u", g->p->kv / width, &u);
	row = stage_woven(g->of.a, r->s, kx_add(g->of.a, kx_mul(g->of.a, i,
		num(g, r->side->lanes)), r->side->lane));
	k = kx_mul(g->of.a, u, num(g, width));
	ks_copy(g->of.a, b, COPY_PLAIN, k_place(r->raw, to, k),
		k_place(r->g->tile, slot, row,
			stager_column(r->g, row, kx_add(g->of.a, kk, k))),
		width * r->s->op->tile_elem, NULL, 0);
}

static void load_along_k(struct fma_code *g, struct k_block *b,
	const struct fma_fragment *r, struct kx *slot, struct kx *kk)
{
	struct kx *i;

	b = tile_loop(g->of.a, b, "i", r->side->mine, &i);
	load_row(g, b, r, slot, kk, i, i);
}

/* Along the rows: the thread's groups of neighbouring rows at one k. */
static void load_along_rows(struct fma_code *g, struct k_block *b,
	const struct fma_fragment *r, struct kx *slot, struct kx *k)
{
	int v = r->side->vec;
	struct kx *i, *row;

	b = tile_loop(g->of.a, b, "i", r->side->mine / v, &i);
	row = kx_add(g->of.a, kx_mul(g->of.a, i, num(g, (int64_t)r->side->lanes * v)),
		kx_mul(g->of.a, r->side->lane, num(g, v)));
	row = stage_woven(g->of.a, r->s, row);
	ks_copy(g->of.a, b, COPY_PLAIN, k_place(r->raw, kx_mul(g->of.a, i, num(g, v))),
		k_place(r->g->tile, slot, k, row), v * r->s->op->tile_elem, NULL, 0);
}

static struct kx *fragment_raw(struct fma_code *g, const struct fma_fragment *r,
	struct kx *i, struct kx *u)
{
	return r->s->order->k_inner ? kx_load(g->of.a, r->raw, i, u) :
		kx_load(g->of.a, r->raw, i);
}

static struct kx *fragment_value(struct fma_code *g, const struct fma_fragment *r,
	struct kx *i, struct kx *u)
{
	return r->value == r->raw ? fragment_raw(g, r, i, u) :
		kx_load(g->of.a, r->value, i);
}

static void convert_fragment(struct fma_code *g, struct k_block *b,
	const struct fma_fragment *r, struct kx *u)
{
	struct kx *i;

	if (r->value == r->raw)
		return;
	b = tile_loop(g->of.a, b, "i", r->side->mine, &i);
	ks_store(g->of.a, b, k_place(r->value, i), kx_cast(g->of.a, g->f->of.acc,
		fragment_raw(g, r, i, u)));
}

/* Keeps straight-line code to about 1024 multiply-adds and 32 ks: beyond that
 * compile time grows, the instruction cache suffers, and ptxas 13.0 hoists so
 * many loads of small tiles that it spills. */
static struct k_block *steps_loop(struct fma_code *g, struct k_block *b,
	struct kx **kk)
{
	const struct fma_plan *p = g->p;
	int steps = p->of.bk / p->kv, fmas = p->tm * p->tn * p->kv *
		(1 + (int)product_cost(&g->f->of).ops) * g->f->of.products;
	int factor = steps;
	struct k_block *body;

	if (p->unroll)
		factor = p->unroll / p->kv;
	while (!p->unroll && factor > 1 && (factor * fmas > 1024 ||
	       factor * p->kv > 32 || steps % factor))
		factor--;
	if (steps == 1)
		return tile_loop(g->of.a, b, "kk", 1, kk);
	body = ks_for(g->of.a, b, LOOP_UNROLLED, "kk", num(g, 0), num(g, p->of.bk),
		num(g, p->kv), kk);
	if (factor < steps)
		b->s.v[b->s.n - 1].factor = factor;
	return body;
}

/* Elements of both operands, where what is reduced is no product. */
struct pairing {
	const struct ir_contraction *c;
	struct kx *left, *right;
};

static struct kx *paired(void *ctx, const struct ir_expr *e)
{
	const struct pairing *p = ctx;

	if (e->kind != IR_READ)
		return NULL;
	return ir_equal(e, p->c->left) ? p->left : p->right;
}

static struct kx *add_pair(struct fma_code *g, struct k_block *b, struct kx *x,
	struct kx *y, struct kx *sum)
{
	struct pairing p = { &g->f->of.c, x, y };
	struct lower_env env = { .a = g->of.a, .op = g->of.t->op, .block = b,
		.hook = paired, .ctx = &p };
	enum dtype t = g->f->of.acc;

	return reducer_join(g->of.a, p.c->reducer, t, sum, lower_as(&env,
		p.c->pair, t));
}

/* Row "i" and column "j" of the thread's, which fragments hold at "from"; of a second
 * product's sums, behind the first's. */
static void multiply_one(struct fma_code *g, struct k_block *b, int product,
	struct kx *i, struct kx *j, struct kx *from, struct kx *u)
{
	struct kx *x = fragment_value(g, &g->l, i, u);
	struct kx *y = fragment_value(g, &g->r[product], from, u), *sum;

	j = kx_add(g->of.a, j, num(g, (int64_t)product * g->p->tn));
	sum = kx_load(g->of.a, g->of.acc, i, j);
	sum = g->f->of.c.pair ? add_pair(g, b, x, y, sum) :
		product_add(g->of.a, g->f->of.acc, x, y, sum);
	ks_store(g->of.a, b, k_place(g->of.acc, i, j), sum);
}

/* Where zeros that fill up a chunk would count, its end in the tile; else NULL. */
static struct kx *end_of_chunk(struct fma_code *g, struct k_block *b)
{
	if (!g->p->of.ragged || g->f->of.c.filled)
		return NULL;
	return tiled_chunk(&g->of, b).limit;
}

static struct k_block *within(struct fma_code *g, struct k_block *b,
	struct kx *k, struct kx *end)
{
	return end ? ks_if(g->of.a, b, kx_lt(g->of.a, k, end)) : b;
}

/* The left fragment stays for kv steps, the right one passes by row after
 * row: fewer registers than both at once. */
static void compute_streaming(struct fma_code *g, struct k_block *b,
	struct kx *slot, struct kx *kk, struct kx *end)
{
	struct k_block *each;
	struct kx *u, *i, *j;

	load_along_k(g, b, &g->l, slot, kk);
	for (int x = 0; x < g->f->of.products; x++) {
		each = tile_loop(g->of.a, b, "j", g->p->tn, &j);
		load_row(g, each, &g->r[x], slot, kk, j, num(g, 0));
		each = tile_loop(g->of.a, each, "u", g->p->kv, &u);
		each = within(g, each, kx_add(g->of.a, kk, u), end);
		each = tile_loop(g->of.a, each, "i", g->p->tm, &i);
		multiply_one(g, each, x, i, j, num(g, 0), u);
	}
}

void fma_compute(void *ctx, struct k_block *b, struct kx *slot)
{
	struct fma_code *g = ctx;
	const struct fma_fragment *all[] = { &g->l, &g->r[0], &g->r[1] };
	struct arena *a = g->of.a;
	struct kx *end = end_of_chunk(g, b), *kk, *u, *i, *j;
	int n = 1 + g->f->of.products;
	struct k_block *each;

	b = steps_loop(g, b, &kk);
	if (g->p->streams) {
		compute_streaming(g, b, slot, kk, end);
		return;
	}
	for (int x = 0; x < n; x++)
		if (all[x]->s->order->k_inner)
			load_along_k(g, b, all[x], slot, kk);
	b = tile_loop(a, b, "u", g->p->kv, &u);
	for (int x = 0; x < n; x++)
		if (!all[x]->s->order->k_inner)
			load_along_rows(g, b, all[x], slot, kx_add(a, kk, u));
	for (int x = 0; x < n; x++)
		convert_fragment(g, b, all[x], u);
	b = within(g, b, kx_add(a, kk, u), end);
	for (int x = 0; x < g->f->of.products; x++) {
		each = tile_loop(a, b, "i", g->p->tm, &i);
		each = tile_loop(a, each, "j", g->p->tn, &j);
		multiply_one(g, each, x, i, j, j, u);
	}
}
