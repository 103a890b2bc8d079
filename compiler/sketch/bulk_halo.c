/* SPDX-License-Identifier: MIT */
/* Patches of an image with a halo by bulk copies, as boxes of its tensor: what
 * lies outside of it reads as 0, which is what windows have there. */
#include "sketch/bulk.h"

#include "base/number.h"
#include "kernel/intrin.h"

/* ---- what patches there are ---- */

#define SHAPE(high, wide) , { high, wide }

const char *const halo_words[] = { "auto", "off" PATCHES(PATCH_WORD), NULL };
_Static_assert(HALO_VALUES == 12, "a number each");
const int halo_values[HALO_VALUES] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

/* By value: rows and columns of pixels. Columns fill atoms of a swizzle, 8 rows of
 * shared memory, and divide the 64 rows of an instruction, of which a patch has a
 * multiple. */
static const unsigned char shapes[][2] = { { 0, 0 }, { 0, 0 } PATCHES(SHAPE) };

/* Dimensions of an image, innermost first. */
enum { ACROSS, DOWN };

/* Of a bulk copy: pixels of a box along a dimension, and between two of them. */
enum { BOX_MOST = 256, STEP_MOST = 8 };

const char *halo_never(struct arena *a, const struct image *x, int chunk)
{
	if (!x || x->why)
		return x && *x->why ? x->why : "has no windows";
	if (x->space < 2 || x->along[DOWN].axis < 0 || x->along[ACROSS].axis < 0)
		return "has windows along one dimension, and patches have two";
	if (x->space > 2 && x->groups > 1)
		return "is an image in space and of several groups, which are more "
			"dimensions than a map has";
	if (x->along[DOWN].taps < 2)
		return "has windows of one row, which reach no others";
	if (x->along[DOWN].step != 1)
		return arena_printf(a, "has windows that go down by %lld rows, of "
			"which one row's are not the next one's",
			(long long)x->along[DOWN].step);
	if (x->along[DOWN].taps > BOX_MOST ||
	    x->along[DOWN].dilation >= BOX_MOST)
		return "has windows that reach further down than a bulk copy's box";
	if (x->channels % chunk)
		return arena_printf(a, "has %lld channels, of which chunks of the "
			"reduction take multiples of %d", (long long)x->channels,
			chunk);
	return NULL;
}

struct halo halo_of(const struct image *x, int value, int rows)
{
	int high = shapes[value][0], wide = shapes[value][1];
	struct halo h = { .high = high, .wide = wide };

	if (!high)
		return h;
	h.patches = rows % (high * wide) ? 0 : rows / (high * wide);
	h.taps = (int)x->along[DOWN].taps;
	h.apart = (int)x->along[DOWN].dilation;
	h.steps = x->along[ACROSS].taps * x->channels;
	h.images = x->images;
	for (int i = 2; i < x->space; i++)
		h.images *= x->along[i].positions;
	for (int i = 0; i < HALO_SIDES; i++) {
		int d = i == HALO_DOWN ? DOWN : ACROSS;

		h.axes[i] = x->along[d].axis;
		h.positions[i] = x->along[d].positions;
		h.many[i] = number_ceil(h.positions[i], i == HALO_DOWN ?
			high : wide);
	}
	return h;
}

/* ---- maps ---- */

/* Rows and columns of the image that a box spans. */
static int64_t box_high(const struct stage *s)
{
	return s->halo.high + (s->halo.taps - 1) * s->halo.apart;
}

static int64_t box_wide(const struct stage *s)
{
	return (s->halo.wide - 1) * s->image->along[ACROSS].step + 1;
}

const char *halo_refuse(const struct stage *s)
{
	const char *why = image_lies(s);

	if (why)
		return why;
	return box_high(s) > BOX_MOST || box_wide(s) > BOX_MOST ||
		s->image->along[ACROSS].step > STEP_MOST ? "has windows that "
		"reach or step further than a bulk copy's box" : NULL;
}

struct k_map halo_map(const struct stage *s, const char *name,
	struct k_buffer *of)
{
	const struct image *x = s->image;
	struct k_map m = image_tensor(s, name, of);

	if (x->groups > 1) {
		m.dims[m.rank] = x->groups;
		m.strides[m.rank++] = x->group_stride * s->op->elem;
	}
	m.box[0] = s->tile_k;
	for (int i = 1; i < m.rank; i++)
		m.box[i] = 1;
	m.box[ACROSS + 1] = (int)box_wide(s);
	m.steps[ACROSS + 1] = (int)x->along[ACROSS].step;
	m.box[DOWN + 1] = (int)box_high(s);
	return m;
}

/* ---- copies ---- */

/* Digit "*at" modulo "n", which is taken off. */
static struct kx *digit(struct arena *a, struct kx **at, int64_t n)
{
	struct kx *d = kx_mod(a, *at, kx_int(a, n));

	*at = kx_div(a, *at, kx_int(a, n));
	return d;
}

/* Where windows at position "at" of dimension "d" have tap "tap". */
static struct kx *coordinate(struct arena *a, const struct image *x, int d,
	struct kx *at, struct kx *tap)
{
	at = kx_add(a, kx_mul(a, at, kx_int(a, x->along[d].step)), kx_mul(a, tap,
		kx_int(a, x->along[d].dilation)));
	return kx_add(a, at, kx_int(a, x->along[d].lower));
}

/* One patch, at pixel "to" of the stage. Of windows' taps "k" has the columns, and
 * what lies outside of rows. */
static void copy_patch(const struct bulk *g, struct k_block *b, struct kx *k,
	const struct patch *p, struct k_place to, struct k_place full)
{
	const struct image *x = g->s->image;
	struct arena *a = g->a;
	struct kx *at[BULK_SPACE + 3], *image = p->image;

	at[0] = ks_let(a, b, "channel", digit(a, &k, x->channels));
	at[1] = coordinate(a, x, ACROSS, p->at[HALO_ACROSS], ks_let(a, b,
		"column", digit(a, &k, x->along[ACROSS].taps)));
	at[2] = coordinate(a, x, DOWN, p->at[HALO_DOWN], kx_int(a, 0));
	for (int i = 2; i < x->space; i++)
		at[i + 1] = coordinate(a, x, i, digit(a, &image,
			x->along[i].positions), digit(a, &k, x->along[i].taps));
	at[x->space + 1] = image;
	at[x->space + 2] = g->batch;
	bulk_box(g, b, to, full, at, g->map->rank);
}

void halo_copy(const struct bulk *g, struct k_block *b, struct kx *k0,
	struct kx *slot, struct k_place full)
{
	const struct halo *h = &g->s->halo;
	struct arena *a = g->a;
	struct patch p;
	struct kx *i;

	ks_comment(a, b, h->patches > 1 ? "patches and the rows around them, "
		"under one column of the windows" : "a patch and the rows around "
		"it, under one column of the windows");
	b = tile_loop(a, b, "i", h->patches, &i);
	p = halo_nth(a, b, g->op, g->patches, i);
	copy_patch(g, b, k0, &p, k_place(g->tile, slot, kx_mul(a, i, kx_int(a,
		halo_pitch(h))), kx_int(a, 0)), full);
}
