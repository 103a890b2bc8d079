/* SPDX-License-Identifier: MIT */
/* How the tile of one operand divides among the threads that copy it, and how it
 * lies in shared memory. */
#include "sketch/stage.h"

/* Elements that are copied, along k and along the rows. */
static int element_ks(const struct stage *s)
{
	return s->tile_k / s->order->pack_k;
}

static int element_rows(const struct stage *s)
{
	return s->tile_rows / s->order->pack_rows;
}

int stage_lead(const struct stage *s)
{
	return (s->order->k_inner ? element_ks(s) : element_rows(s)) / s->vec;
}

int stage_ks(const struct stage *s)
{
	return s->order->pack_k * (s->order->k_inner ? s->vec : 1);
}

int stage_rows(const struct stage *s)
{
	return s->order->pack_rows * (s->order->k_inner ? 1 : s->vec);
}

/* A row of the shared tile starts on 16 bytes; rows read along k by eight
 * threads at once lie an odd number of 16-byte chunks apart, so that they fall
 * into distinct banks. */
static void choose_stride(struct stage *s)
{
	int chunk = 16 / s->op->tile_elem;
	int n = s->order->k_inner ? s->tile_k : s->tile_rows * stage_tiles(s);

	if (s->panel && !s->order->k_inner) {
		s->row_stride = s->panel;
		return;
	}
	n = (n + chunk - 1) / chunk * chunk;
	if ((s->order->k_inner || s->matrix) && s->padded &&
	    n / chunk % 2 == 0)
		n += chunk;
	s->row_stride = n;
}

int stage_span(const struct stage *s)
{
	int chunks = s->tile_k * s->op->tile_elem / 16, span = 8;

	if (!s->order->k_inner)
		return 1;
	while (span > 1 && chunks % span)
		span /= 2;
	return span;
}

int stage_copies(const struct stage *s)
{
	return stage_lead(s) * (s->order->k_inner ? s->tile_rows : element_ks(s));
}

static bool divide(struct stage *s)
{
	int n = stage_lead(s), total = stage_copies(s);

	s->row_slots = s->k_slots = 1;
	s->partial = total < s->threads;
	s->per_thread = s->partial ? 1 : total / s->threads;
	if (s->per_thread == 1)
		return s->partial || total == s->threads;
	if (total % s->threads)
		return false;
	if (s->threads % n == 0) {
		*(s->order->k_inner ? &s->row_slots : &s->k_slots) =
			s->per_thread;
		return true;
	}
	if (s->order->k_inner || n % s->threads)
		return false;
	s->row_slots = n / s->threads;
	s->k_slots = s->per_thread / s->row_slots;
	return true;
}

const char *stage_plan(struct arena *a, struct stage *s)
{
	const struct flat *k = &s->order->k;

	if (s->order->k_inner && s->tile_k * s->op->tile_elem % 16)
		return arena_printf(a, "%d elements of '%s' along the "
			"reduction are no multiple of 16 bytes; take %d",
			s->tile_k, s->op->tensor->name,
			(s->tile_k * s->op->tile_elem / 16 + 1) * 16 /
				s->op->tile_elem);
	if (s->tile_k % s->order->pack_k || s->tile_rows % s->order->pack_rows)
		return arena_printf(a, "a tile of %d x %d of '%s' has part of "
			"an element, of which %d values are made",
			s->tile_rows, s->tile_k, s->op->tensor->name,
			s->order->pack_k * s->order->pack_rows);
	while (s->vec > 1 && stage_lead(s) * s->vec !=
	       (s->order->k_inner ? element_ks(s) : element_rows(s)))
		s->vec /= 2;
	choose_stride(s);
	if (s->swizzled && stage_span(s) < 2)
		return arena_printf(a, "a tile of '%s' has no chunks of a row to "
			"exchange: swizzle = off", s->op->tensor->name);
	if (!s->bulk && !divide(s))
		return arena_printf(a, "a tile of %d x %d of '%s' does not "
			"divide evenly among %d threads",
			s->tile_rows, s->tile_k, s->op->tensor->name,
			s->threads);
	s->uniform = k->n_runs <= 1 ||
		(s->order->run % s->tile_k == 0 && !k->open);
	s->ragged = s->op->rows.extent % s->tile_rows != 0 ||
		s->op->rows.open;
	return NULL;
}

int stage_tiles(const struct stage *s)
{
	return s->weave ? 2 : 1;
}

int64_t stage_tap_lines(const struct stage *s)
{
	int rows = s->tile_rows * stage_tiles(s);

	if (s->halo.high)
		return halo_pixels(&s->halo);
	if (s->order->k_inner)
		return rows;
	return (int64_t)s->tile_k * (s->panel ? rows / s->panel : 1);
}

int64_t stage_lines(const struct stage *s)
{
	return stage_tap_lines(s) * (s->taps ? s->taps : 1);
}

int64_t stage_bytes(const struct stage *s)
{
	return stage_lines(s) * s->row_stride * s->op->tile_elem;
}

int stage_at_once(const struct stage *s)
{
	int n = s->order->k_inner ? stage_ks(s) : stage_rows(s), v = 1;

	while (n % (2 * v) == 0 && 2 * v * s->op->tile_elem <= 16)
		v *= 2;
	return v;
}
