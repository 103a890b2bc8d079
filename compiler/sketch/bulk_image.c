/* SPDX-License-Identifier: MIT */
/* Convolutions' images by bulk copies, in the hardware's im2col mode: one copy
 * fetches the pixels under one tap, for as many positions of the window as a
 * tile has rows, and some of their channels. PTX ISA, "im2col mode"; limits:
 * cuTensorMapEncodeIm2col(). */
#include "sketch/bulk.h"

#include "kernel/intrin.h"

/* ---- what is an image ---- */

/* Why a tensor is no image: it lies, or is gone through, in another way. */
static const char no_windows[] = "has windows that no map of an image follows";
static const char no_images[] = "does not lie as whole images one after the other";
static const char no_channels[] = "does not lie as [images, ..., channels], of which "
	"channels are summed whole";
static const char no_order[] = "is gone through in another order than it lies in";

/* The one of "axes" that index "f" goes along, -1 if none, -2 if several. */
static int along_one(const struct ir_affine *f, struct axis_list axes)
{
	int found = -1;

	for (int i = 0; i < axes.n; i++)
		if (f->coef[axes.v[i]])
			found = found == -1 ? axes.v[i] : -2;
	return found;
}

struct reading {
	const struct ir_operator *o;
	const struct ir_tensor *t;
	struct axis_list rows, ks, batches;
	int row_axes[BULK_SPACE + 2], k_axes[BULK_SPACE + 2];
	int n_rows, n_ks;	/* axes in the order of memory */
};

static int64_t coefficient(const struct ir_affine *f, int axis)
{
	return axis < 0 ? 1 : f->coef[axis];
}

static int64_t extent(const struct reading *r, int axis)
{
	return axis < 0 ? 1 : r->o->axes[axis].extent;
}

static bool read_space(struct reading *r, const struct ir_affine *f, int dim,
	struct image *x)
{
	int at = along_one(f, r->rows), tap = along_one(f, r->ks);
	int64_t dilation = coefficient(f, tap);

	if (at == -2 || tap == -2 || coefficient(f, at) < 1 || dilation < 1 ||
	    along_one(f, r->batches) != -1)
		return false;
	for (int i = x->space++; i > 0; i--)
		x->along[i] = x->along[i - 1];
	x->along[0].size = r->t->phys[dim].extent;
	x->along[0].stride = r->t->phys[dim].stride;
	x->along[0].positions = extent(r, at);
	x->along[0].axis = at;
	x->along[0].lower = f->c;
	x->along[0].step = coefficient(f, at);
	x->along[0].taps = extent(r, tap);
	x->along[0].dilation = dilation;
	if (at >= 0)
		r->row_axes[r->n_rows++] = at;
	if (tap >= 0)
		r->k_axes[r->n_ks++] = tap;
	return true;
}

/* Are these elements of the dimension all there? */
static bool within(const struct reading *r, int dim, int64_t first, int64_t n)
{
	return first >= 0 && first + n <= r->t->phys[dim].extent;
}

static bool read_image(struct reading *r, const struct ir_affine *f,
	struct image *x)
{
	int at = along_one(f, r->rows);

	if (at == -2 || along_one(f, r->ks) != -1 ||
	    coefficient(f, at) != 1 || along_one(f, r->batches) != -1)
		return false;
	x->images = extent(r, at);
	x->image_stride = r->t->phys[0].stride;
	x->offset += f->c * x->image_stride;
	if (at >= 0)
		r->row_axes[r->n_rows++] = at;
	return within(r, 0, f->c, x->images);
}

static bool read_channels(struct reading *r, const struct ir_affine *f,
	int dim, struct image *x)
{
	int k = along_one(f, r->ks);

	if (k < 0 || along_one(f, r->rows) != -1 || coefficient(f, k) != 1 ||
	    r->t->phys[dim].stride != 1)
		return false;
	x->channels = extent(r, k);
	r->k_axes[r->n_ks++] = k;
	x->offset += f->c;
	return x->groups == 1 ? within(r, dim, f->c, x->channels) : !f->c &&
		x->channels * x->groups == r->t->phys[dim].extent;
}

/* Are "axes", less those that stand still, these in this order? */
static bool in_order(const struct reading *r, struct axis_list axes,
	const int *want, int n)
{
	int j = 0;

	for (int i = 0; i < axes.n; i++) {
		if (extent(r, axes.v[i]) == 1)
			continue;
		while (j < n && extent(r, want[j]) == 1)
			j++;
		if (j == n || want[j++] != axes.v[i])
			return false;
	}
	return true;
}

static bool plain(const struct ir_tensor *t)
{
	for (int i = 0; i < t->n_phys; i++)
		if (t->phys[i].mod || t->phys[i].div != 1)
			return false;
	return t->n_phys == t->rank && t->rank >= 3 &&
		t->rank <= BULK_SPACE + 2;
}

static const char *read_all(struct arena *a, struct reading *r,
	const struct ir_expr *e, struct image *x)
{
	int last = r->t->n_phys - 1;

	for (int i = 0; i <= last; i++) {
		struct ir_affine f;

		if (!ir_affine(a, r->o, e->args[r->t->phys[i].dim], &f))
			return no_windows;
		if (i == 0 && !read_image(r, &f, x))
			return no_images;
		if (i > 0 && i < last && !read_space(r, &f, i, x))
			return no_windows;
		if (i == last && !read_channels(r, &f, i, x))
			return no_channels;
	}
	return in_order(r, r->rows, r->row_axes, r->n_rows) &&
		in_order(r, r->ks, r->k_axes, r->n_ks) ? NULL : no_order;
}

/* Is it read at neighbouring places, or at some that it has not? */
static bool has_windows(const struct operand *op)
{
	return op->n_forms > 1 || op->rows.n_runs > 1 ||
		op->orders[0].k.n_runs > 1;
}

static const char *no_image(const struct ir_operator *o,
	const struct operand *op, struct axis_list ks)
{
	if (op->value || !has_windows(op) || !plain(op->tensor))
		return "";
	if (op->rows.open || ir_any_open(o, ks.v, ks.n))
		return "has a size that is known at the call only";
	return op->batch.n_runs > 1 || op->batch.open ? "is an image of groups "
		"that do not lie one behind the other" : NULL;
}

const struct image *bulk_image(struct arena *a, const struct ir_operator *o,
	const struct operand *op, struct axis_list rows, struct axis_list ks,
	struct axis_list batches)
{
	struct image *x = ARENA_NEW(a, struct image);
	struct reading r = { .o = o, .t = op->tensor, .rows = rows, .ks = ks,
		.batches = batches };

	x->groups = op->batch.extent;
	x->group_stride = op->batch.n_runs ? op->batch.runs[0].coef[0] : 0;
	x->why = no_image(o, op, ks);
	if (!x->why)
		x->why = read_all(a, &r, op->read, x);
	return x;
}

/* ---- maps ---- */

/* The last position's distance from the end of the dimension. */
static int64_t upper(const struct image *x, int i)
{
	return x->along[i].lower + x->along[i].step *
		(x->along[i].positions - 1) - (x->along[i].size - 1);
}

/* Of one, two and three dimensions in space, as verify_map.c checks them. */
static const int corner_most[] = { 32768, 128, 16 };
static const int offset_most[] = { 65535, 255, 31 };

static bool corner_fits(const struct image *x, int64_t corner)
{
	return corner >= -corner_most[x->space - 1] &&
		corner < corner_most[x->space - 1];
}

/* Do its pixels start where a map may have them? */
static bool strides_fit(const struct stage *s)
{
	const struct image *x = s->image;
	int elem = s->op->elem;

	for (int i = 0; i < x->space; i++)
		if (x->along[i].stride * elem % 16)
			return false;
	return bulk_begins(x->offset, elem) &&
		x->image_stride * elem % 16 == 0 &&
		x->group_stride * elem % 16 == 0 && s->op->tensor->align % 16 == 0;
}

const char *image_lies(const struct stage *s)
{
	if (!s->order->k_inner || s->image->channels % s->tile_k)
		return "has channels that are no multiple of a chunk of the "
			"reduction";
	return strides_fit(s) ? NULL :
		"has pixels that do not start at multiples of 16 bytes";
}

const char *image_refuse(const struct stage *s)
{
	const struct image *x = s->image;
	const char *why = image_lies(s);

	for (int i = 0; i < x->space && !why; i++)
		if (x->along[i].step > 8 || !corner_fits(x, x->along[i].lower) ||
		    !corner_fits(x, upper(x, i)) || (x->along[i].taps - 1) *
		    x->along[i].dilation > offset_most[x->space - 1])
			why = "has windows that reach or step further than "
				"bulk copies do";
	return why;
}

struct k_map image_tensor(const struct stage *s, const char *name,
	struct k_buffer *of)
{
	const struct image *x = s->image;
	int elem = s->op->elem;
	struct k_map m = { .name = name, .of = of, .rank = x->space + 2,
		.offset = x->offset * elem, .dims = { x->channels },
		.swizzle = s->tile_k * elem, .promotion = 128 };

	for (int i = 0; i < x->space; i++) {
		m.dims[i + 1] = x->along[i].size;
		m.strides[i + 1] = x->along[i].stride * elem;
	}
	m.dims[x->space + 1] = x->images;
	m.strides[x->space + 1] = x->image_stride * elem;
	return m;
}

struct k_map image_map(const struct stage *s, const char *name,
	struct k_buffer *of)
{
	const struct image *x = s->image;
	struct k_map m = image_tensor(s, name, of);

	m.pixels = bulk_rows(s);
	m.channels = s->tile_k;
	for (int i = 0; i < x->space; i++) {
		m.steps[i + 1] = (int)x->along[i].step;
		m.lower[i] = (int)x->along[i].lower;
		m.upper[i] = (int)upper(x, i);
	}
	return m;
}

/* ---- copies ---- */

static const int intrinsics[2][BULK_SPACE] = {
	{ INTRIN_COPY_IM2COL_3D, INTRIN_COPY_IM2COL_4D,
		INTRIN_COPY_IM2COL_5D },
	{ INTRIN_COPY_IM2COL_3D_MULTICAST, INTRIN_COPY_IM2COL_4D_MULTICAST,
		INTRIN_COPY_IM2COL_5D_MULTICAST }
};

/* Digit "*at" modulo "n", which is taken off. */
static struct kx *digit(const struct bulk *g, struct k_block *b,
	const char *name, struct kx **at, int64_t n)
{
	struct kx *d = ks_let(g->a, b, name, kx_mod(g->a, *at, kx_int(g->a,
		n)));

	*at = ks_let(g->a, b, "rest", kx_div(g->a, *at, kx_int(g->a, n)));
	return d;
}

void image_copy(const struct bulk *g, struct k_block *b, struct kx *k0,
	struct kx *row, struct k_place to, struct k_place full)
{
	const struct image *x = g->s->image;
	struct arena *a = g->a;
	int n = 5 + 2 * x->space, shares = g->s->shares;
	struct kx **args = ARENA_ARRAY(a, (size_t)n + 1, struct kx *);
	struct kx *k = k0;

	args[0] = kx_address(a, to);
	args[1] = kx_map(a, g->map);
	args[2] = kx_address(a, full);
	args[3] = digit(g, b, "channel", &k, x->channels);
	for (int i = 0; i < x->space; i++) {
		struct kx *at = digit(g, b, "position", &row,
			x->along[i].positions);
		struct kx *tap = digit(g, b, "tap", &k, x->along[i].taps);

		args[4 + i] = kx_add(a, kx_mul(a, at, kx_int(a,
			x->along[i].step)), kx_int(a, x->along[i].lower));
		args[5 + x->space + i] = kx_cast(a, T_U16, kx_mul(a, tap,
			kx_int(a, x->along[i].dilation)));
	}
	args[4 + x->space] = row;
	if (shares)
		args[n++] = kx_cast(a, T_U16, kx_int(a, (1 << shares) - 1));
	ks_push(a, b, (struct ks){ .kind = KS_CALL, .call =
		intrinsics[shares > 0][x->space - 1], .args = args,
		.n_args = n });
}
