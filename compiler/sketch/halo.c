/* SPDX-License-Identifier: MIT */
/* Numbers and places of patches: which pixels a stage has, and where a tile's rows
 * are in the output. Patches of an image are counted across, then down, and images
 * one after the other; what of the last ones lies beyond the image is multiplied,
 * and not stored. */
#include "sketch/halo.h"

static int patch_pixels(const struct halo *h)
{
	return h->high * h->wide;
}

int halo_pitch(const struct halo *h)
{
	return (h->high + (h->taps - 1) * h->apart) * h->wide;
}

int halo_pixels(const struct halo *h)
{
	return h->patches * halo_pitch(h);
}

struct kx *halo_pixel(struct arena *a, const struct halo *h, struct kx *row)
{
	struct kx *n = kx_int(a, patch_pixels(h));

	if (h->patches == 1)
		return row;
	return kx_add(a, kx_mul(a, kx_div(a, row, n), kx_int(a, halo_pitch(h))),
		kx_mod(a, row, n));
}

int64_t halo_all(const struct halo *h)
{
	return h->images * h->many[HALO_DOWN] * h->many[HALO_ACROSS];
}

/* Patch "number" in terms of its number alone. */
static struct patch find(struct arena *a, const struct halo *h,
	struct kx *number)
{
	struct kx *across = kx_int(a, h->many[HALO_ACROSS]);
	struct kx *down = kx_int(a, h->many[HALO_DOWN]);
	struct kx *rest = kx_div(a, number, across);

	return (struct patch){ kx_div(a, rest, down), {
		kx_mul(a, kx_mod(a, rest, down), kx_int(a, h->high)),
		kx_mul(a, kx_mod(a, number, across), kx_int(a, h->wide)) } };
}

static struct patch bind(struct arena *a, struct k_block *b,
	const struct ir_operator *o, const struct halo *h, struct kx *number)
{
	struct patch p = find(a, h, number);

	p.image = ks_let(a, b, "image", p.image);
	for (int i = 0; i < HALO_SIDES; i++)
		p.at[i] = ks_let(a, b, arena_printf(a, "%s_first",
			o->axes[h->axes[i]].name), p.at[i]);
	return p;
}

struct patches halo_patches(struct arena *a, struct k_block *b,
	const struct ir_operator *o, const struct halo *h, struct kx *tile)
{
	struct patches p = { .of = h };

	if (h->patches == 1)
		p.one = bind(a, b, o, h, tile);
	else
		p.first = ks_let(a, b, "patch_first", kx_mul(a, tile, kx_int(a,
			h->patches)));
	return p;
}

struct patch halo_nth(struct arena *a, struct k_block *b,
	const struct ir_operator *o, const struct patches *p, struct kx *i)
{
	if (p->of->patches == 1)
		return p->one;
	return bind(a, b, o, p->of, ks_let(a, b, "patch", kx_add(a,
		p->first, i)));
}

int halo_together(const struct halo *h, int n)
{
	while (h->wide % n || h->positions[HALO_ACROSS] % n)
		n /= 2;
	return n;
}

struct kx *halo_area(struct arena *a, const struct halo *h, struct kx *tile)
{
	struct kx *sum = kx_int(a, 0), *zero = sum;

	for (int i = 0; i < h->patches; i++) {
		struct kx *number = kx_add(a, kx_mul(a, tile, kx_int(a,
			h->patches)), kx_int(a, i)), *area;
		struct patch p = find(a, h, number);
		struct kx *high = kx_op(a, OP_MIN, T_I32, 2, kx_int(a, h->high),
			kx_sub(a, kx_int(a, h->positions[HALO_DOWN]),
				p.at[HALO_DOWN]));
		struct kx *wide = kx_op(a, OP_MIN, T_I32, 2, kx_int(a, h->wide),
			kx_sub(a, kx_int(a, h->positions[HALO_ACROSS]),
				p.at[HALO_ACROSS]));

		area = kx_op(a, OP_SELECT, T_I32, 3, kx_lt(a, number, kx_int(a,
			halo_all(h))), kx_mul(a, high, wide), zero);
		sum = kx_add(a, sum, area);
	}
	return sum;
}

/* "cond", and that "v" is below "n" where it "reaches" that. */
static struct kx *below(struct arena *a, struct kx *cond, struct kx *v, int64_t n,
	bool reaches)
{
	return reaches ? kx_and(a, cond, kx_lt(a, v, kx_int(a, n))) : cond;
}

static void other_axes(struct arena *a, struct k_block *b,
	const struct ir_operator *o, const int *axes, int n,
	const struct halo *h, struct kx *image, struct kx **env)
{
	int *others = ARENA_ARRAY(a, (size_t)n, int), n_others = 0;

	for (int i = 0; i < n; i++)
		if (axes[i] != h->axes[HALO_DOWN] &&
		    axes[i] != h->axes[HALO_ACROSS])
			others[n_others++] = axes[i];
	flat_axes(a, b, o, others, n_others, image, env);
}

struct kx *halo_axes(struct arena *a, struct k_block *b,
	const struct ir_operator *o, const int *axes, int n,
	const struct patches *p, struct kx *at, struct kx **env)
{
	const struct halo *h = p->of;
	struct kx *pixels = kx_int(a, patch_pixels(h)), *cond = NULL;
	struct kx *wide = kx_int(a, h->wide), *in[HALO_SIDES];
	struct patch one = halo_nth(a, b, o, p, kx_div(a, at, pixels));

	if (h->patches > 1)
		at = kx_mod(a, at, pixels);
	in[HALO_DOWN] = kx_div(a, at, wide);
	in[HALO_ACROSS] = kx_mod(a, at, wide);
	for (int i = 0; i < HALO_SIDES; i++) {
		int size = i == HALO_DOWN ? h->high : h->wide;
		struct kx *v = ks_let(a, b, o->axes[h->axes[i]].name, kx_add(a,
			one.at[i], in[i]));

		env[h->axes[i]] = v;
		cond = below(a, cond, v, h->positions[i], h->positions[i] %
			size != 0);
	}
	other_axes(a, b, o, axes, n, h, one.image, env);
	return below(a, cond, one.image, h->images, p->ragged);
}
