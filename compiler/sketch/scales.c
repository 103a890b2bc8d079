/* SPDX-License-Identifier: MIT */
/* What of the scales a thread has: one for each of its rows and one for each of its
 * columns, or fewer where neighbours share them. They are asked for before what they
 * scale is multiplied, and are there when that is done. */
#include "sketch/scales.h"

#include "sketch/common.h"
#include "sketch/epilogue_code.h"
#include "sketch/promotion.h"

/* ---- how many ---- */

/* Neighbours along flattened "axes", from a multiple of it on, of which "e" is the
 * same. */
static int64_t run_of(const struct ir_operator *o, const struct ir_expr *e,
	const int *axes, int n)
{
	int64_t run = 1;

	for (int i = n - 1; i >= 0 && !ir_depends(e, axes[i]); i--)
		run *= o->axes[axes[i]].extent;
	return run;
}

/* Of a thread's elements in a row how many are certain to lie in one run: all of a
 * tile that lies in one, or as many groups of neighbours as a run has. */
static int together(struct share s, int64_t run, int tile, int64_t extent,
	bool shifts)
{
	int span = s.lanes * s.vec, per = s.mine;

	if (run == extent || (run % tile == 0 && !shifts))
		return s.mine;
	if (s.together || shifts || tile % span)
		return 1;
	while (per > s.vec && (per % s.vec || s.mine % per ||
	       tile % (per / s.vec * span) || run % (per / s.vec * span)))
		per--;
	return per == s.vec && run % span ? 1 : per;
}

struct scale_counts scales_count(const struct ir_operator *o,
	const struct product *f, const struct tiling *p, struct share m,
	struct share n)
{
	const struct product_scales *s = &f->scales;
	const struct ir_contraction *c = &f->c;
	struct scale_counts x = { 0, 0, 1, 1 };

	if (s->m) {
		x.per_m = together(m, run_of(o, s->m, c->m, c->n_m), p->bm,
			f->m, p->shift_m);
		x.m = m.mine / x.per_m;
	}
	if (s->n) {
		x.per_n = together(n, run_of(o, s->n, c->n, c->n_n), p->bn,
			f->n, p->shift_n);
		x.n = n.mine / x.per_n;
	}
	return x;
}

/* Each, and addresses. */
int scales_regs(struct scale_counts c)
{
	return c.m + c.n ? c.m + c.n + 6 : 0;
}

double scales_issue(struct scale_counts c)
{
	return 6.0 * (c.m + c.n);
}

double scales_each(struct scale_counts c)
{
	return c.m > 1 && c.n > 1 ? 1 : 0;
}

/* ---- when ---- */

/* Products of bytes, of each 2^16 at most, of which so many fit. */
enum { EXACT = 1 << 15 };

bool scales_sum_in(const struct product *f, enum dtype acc)
{
	if (acc == f->acc)
		return true;
	for (int i = 0; i < f->n_orders; i++)
		if (f->scales.group[i] > EXACT)
			return false;
	return acc == T_I32 && f->scales.any;
}

const char *scales_parts(struct arena *a, const struct product *f,
	const struct tiling *p)
{
	int64_t part = p->chunks_split * p->bk, group = f->scales.group[p->order];
	int fit = p->split;

	if (!f->scales.any || p->split == 1 || part % group == 0)
		return NULL;
	while (fit > 1 && (p->chunks + fit - 1) / fit * p->bk % group)
		fit--;
	return arena_printf(a, "%d parts of %s are of %lld each, and a scale is "
		"of %lld: split_k by %d", p->split, f->k_name, (long long)part,
		(long long)group, fit);
}

/* ---- code ---- */

static struct k_buffer *registers(struct scaler *s, const char *name, int n)
{
	int64_t dims[1] = { n };

	return n ? kernel_array(s->of->k, K_REGISTER, name, T_F32, 1, dims, 16) :
		NULL;
}

void scaler_create(struct scaler *s, struct share m, struct share n)
{
	s->counts = scales_count(s->of->t->op, s->of->f, s->of->p, m, n);
	s->m = registers(s, "row_scale", s->counts.m);
	s->n = registers(s, "col_scale", s->counts.n);
}

/* Past the product's end the last one's, which is read for nothing. */
static struct kx *clamped(struct arena *a, const struct side *d, struct kx *at)
{
	return d->ragged ? kx_op(a, OP_MIN, T_I32, 2, at, kx_int(a, d->extent -
		1)) : at;
}

static void load_side(struct scaler *s, struct k_block *b, bool rows,
	struct kx *k)
{
	struct tiled_code *g = s->of;
	struct arena *a = g->a;
	const struct ir_operator *o = g->t->op;
	const struct ir_contraction *c = &g->f->c;
	const struct side *d = rows ? &g->out.m : &g->out.n;
	int per = rows ? s->counts.per_m : s->counts.per_n;
	struct lower_env env = { .a = a, .op = o, .axes = ARENA_ARRAY(a,
		(size_t)o->n_axes, struct kx *), .buffers = g->out.buffers };
	struct kx *i, *at;

	b = tile_loop(a, b, "i", rows ? s->counts.m : s->counts.n, &i);
	at = kx_add(a, d->first, side_offset(a, d, kx_mul(a, i, kx_int(a, per)),
		1));
	env.block = b;
	flat_axes_near(a, b, o, d->axes, d->n_axes, near_at(clamped(a, d, at)),
		env.axes);
	flat_axes_near(a, b, o, g->f->orders[g->p->order], c->n_k, near_at(k),
		env.axes);
	flat_axes_near(a, b, o, c->batch, c->n_batch, near_at(g->batch ?
		g->batch : kx_int(a, 0)), env.axes);
	ks_store(a, b, k_place(rows ? s->m : s->n, i), lower_as(&env, rows ?
		g->f->scales.m : g->f->scales.n, T_F32));
}

void scaler_load(struct scaler *s, struct k_block *b, int after,
	struct kx *from)
{
	struct kx *k;

	if (!s->m && !s->n)
		return;
	b = promote_block(s->of, b, after);
	ks_comment(s->of->a, b, "what these products are scaled by");
	k = kx_add(s->of->a, tiled_chunk(s->of, b).k0, from);
	if (s->m)
		load_side(s, b, true, k);
	if (s->n)
		load_side(s, b, false, k);
}

static struct kx *one(struct arena *a, struct k_buffer *of, struct kx *at,
	int per)
{
	return kx_load(a, of, of->dims[0] == 1 ? kx_int(a, 0) : kx_div(a, at,
		kx_int(a, per)));
}

struct kx *scaler_value(const struct scaler *s, struct kx *i, struct kx *j)
{
	struct arena *a = s->of->a;
	struct kx *m = s->m ? one(a, s->m, i, s->counts.per_m) : NULL;
	struct kx *n = s->n ? one(a, s->n, j, s->counts.per_n) : NULL;

	return m && n ? kx_op(a, OP_MUL, T_F32, 2, m, n) : m ? m : n;
}
