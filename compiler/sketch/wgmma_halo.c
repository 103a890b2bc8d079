/* SPDX-License-Identifier: MIT */
/* Tiles with a halo in the wgmma sketch: rows of the product are patches of an image,
 * whose pixels, as they lie in shared memory, an instruction's rows begin at for
 * each row of the windows. With what that goes, which patches make a tile, and how
 * they are stored by bulk. */
#include "kernel/intrin.h"
#include "sketch/wgmma.h"

/* Whatever the channels: schedules and locks of all images say halo = off. */
bool wgmma_halo_exists(const struct task *t, const struct wgmma *f)
{
	for (int i = 0; i < f->of.n_orders; i++)
		if (!halo_never(t->a, f->left[i], 1))
			return true;
	return false;
}

const char *wgmma_halo_refuse(const struct wgmma *f, struct arena *a,
	const struct wgmma_plan *p)
{
	const char *name = f->of.left.tensor->name, *why;

	if (!p->halo)
		return NULL;
	why = halo_never(a, f->left[p->of.order], f->row->k);
	if (why)
		return arena_printf(a, "a halo is that of patches of an image, "
			"and '%s' %s: stage(%s, halo = off)", name, why, name);
	if (!p->of.bulk)
		return wgmma_wants_bulk(f, a, p, "an image's patches are copied "
			"with their halo", arena_printf(a, "stage(%s, halo = "
			"off)", name));
	if (f->of.epilogue.rows && !f->of.epilogue.rows_along_n &&
	    f->of.epilogue.row < f->of.m)
		return "statistics are of one image's pixels, and a tile of "
			"patches has some of several: halo = off";
	if (p->registers)
		return "rows of patches with a halo are multiplied from where "
			"they lie: from = shared, or halo = off";
	if (p->promote)
		return f->of.scales.any ? "sums are scaled after a few steps, "
			"and a chunk with a halo has those of all rows of the "
			"windows: halo = off" : "short sums are promoted after a "
			"few steps, and a chunk with a halo has those of all "
			"rows of the windows: promote = fast, or halo = off";
	return p->of.cluster > 1 && !p->of.along_m ? arena_printf(a, "blocks of "
		"a cluster along %s have the same rows and copy a part of them "
		"each, and patches with a halo are copied whole: cluster(%s = "
		"1), or halo = off", f->of.n_name, f->of.n_name) : NULL;
}

const char *wgmma_halo_plan(const struct wgmma *f, struct arena *a,
	const int *values, struct wgmma_plan *p)
{
	struct halo *h = &p->of.left.halo;
	int pixels, mine = p->swap ? p->of.bm : 64 * p->each;

	if (!p->halo)
		return NULL;
	*h = halo_of(p->of.left.image, values[WGMMA_HALO], p->of.bm);
	pixels = h->high * h->wide;
	if (!h->patches)
		return arena_printf(a, "a tile of %d of %s is no multiple of a "
			"patch of %d x %d: take %d", p->of.bm, f->of.m_name,
			h->high, h->wide, p->of.bm < pixels ? pixels :
			p->of.bm / pixels * pixels);
	if (mine % pixels && pixels % mine)
		return arena_printf(a, "four warps multiply %d rows, which are "
			"neither patches of %d x %d nor a part of one", mine,
			h->high, h->wide);
	if (p->swap && h->patches > 1)
		return arena_printf(a, "columns of an instruction lie one behind "
			"the other, and patches with a halo apart: swap = off, "
			"or a tile of %d of %s", pixels, f->of.m_name);
	p->of.right.taps = h->taps;
	p->of.right.tap_steps = h->steps;
	return NULL;
}

/* ---- bulk stores ---- */

void wgmma_halo_map(const struct wgmma_store *s, struct k_map *m,
	const struct flat *rows, int elem, int lines)
{
	const struct halo *h = &s->p->of.left.halo;
	const int64_t dims[] = { h->positions[HALO_ACROSS],
		h->positions[HALO_DOWN], h->images };
	const int box[] = { h->wide, lines / h->wide, 1 };
	int64_t stride = rows->runs[0].coef[0] * elem;

	for (int i = 0; i < 3; i++) {
		m->dims[m->rank] = dims[i];
		m->strides[m->rank] = stride;
		m->box[m->rank++] = box[i];
		stride *= dims[i];
	}
}

void wgmma_halo_store(struct wgmma_store *s, struct k_block *b,
	const struct k_map *map, struct kx *from, struct kx *column,
	struct kx *row)
{
	const struct halo *h = &s->p->of.left.halo;
	struct arena *a = s->of->a;
	struct kx *pixels = kx_int(a, (int64_t)h->high * h->wide);
	struct patch p = halo_nth(a, b, s->of->t->op, &s->of->patches, kx_div(a,
		row, pixels));

	if (h->patches > 1)
		row = kx_mod(a, row, pixels);
	row = kx_add(a, p.at[HALO_DOWN], kx_div(a, row, kx_int(a, h->wide)));
	if (map->rank == 4)
		ks_call(a, b, INTRIN_COPY_TENSOR_STORE_4D, 6, kx_map(a, map),
			from, column, p.at[HALO_ACROSS], row, p.image);
	else
		ks_call(a, b, INTRIN_COPY_TENSOR_STORE_5D, 7, kx_map(a, map),
			from, column, p.at[HALO_ACROSS], row, p.image,
			s->of->batch);
}
