/* SPDX-License-Identifier: MIT */
/* Boxes go to shared memory copy by copy: a copy's number is decoded into a
 * position along every dimension by constants, which costs a few instructions
 * a dimension and leaves no thread idle, whatever the extents. */
#include "sketch/box.h"

enum { UNROLLED = 8 };

/* Copies of "vec" elements. */
static int64_t box_copies(const struct box *x)
{
	int64_t n = 1;

	for (int d = 0; d < x->n; d++)
		n *= x->dims[d].extent;
	return n / x->vec;
}

/* Can cp.async bring it, "elem" bytes an element? */
static bool box_async(int vec, int elem, double fill)
{
	return vec * elem >= 4 && fill == 0;
}

static struct kx *num(const struct box *x, int64_t v)
{
	return kx_int(x->a, v);
}

/* Offsets from the origin of copy "i" along every dimension. */
static void decode(const struct box *x, struct k_block *b, struct kx *i,
	struct kx **offset)
{
	int outermost = 0;

	while (outermost < x->n - 1 && x->dims[outermost].extent == 1)
		offset[outermost++] = num(x, 0);
	for (int d = x->n - 1; d >= outermost; d--) {
		int64_t v = d == x->n - 1 ? x->vec : 1;
		struct kx *n = num(x, x->dims[d].extent / v);

		if (d == outermost) {
			offset[d] = kx_mul(x->a, i, num(x, v));
			return;
		}
		i = ks_let(x->a, b, "rest", i);
		offset[d] = kx_mul(x->a, kx_mod(x->a, i, n), num(x, v));
		i = kx_div(x->a, i, n);
	}
}

static struct kx *unsigned_below(struct arena *a, struct kx *v, int64_t size)
{
	return kx_op(a, OP_LT, T_BOOL, 2, kx_cast(a, T_U32, v),
		kx_cast(a, T_U32, kx_int(a, size)));
}

/* A vector of "n" stays one of the row: what lies outside of it nobody uses. */
static struct kx *clamped(const struct box *x, struct kx *v, int64_t size,
	int n)
{
	v = kx_op(x->a, OP_MAX, T_I32, 2, v, num(x, 0));
	return kx_op(x->a, OP_MIN, T_I32, 2, v, num(x, size - n));
}

static struct kx *wide(const struct box *x, struct kx *v)
{
	return x->from->wide ? kx_cast(x->a, T_I64, v) : v;
}

static void copy_one(const struct box *x, struct k_block *b, struct kx *i)
{
	struct arena *a = x->a;
	struct kx *offset[BOX_DIMS], *from = x->at, *to = x->to_at, *cond = NULL;
	int elem = dtype_row(x->to->type)->bits / 8;

	decode(x, b, i, offset);
	for (int d = 0; d < x->n; d++) {
		const struct box_dim *y = &x->dims[d];
		struct kx *o = ks_let(a, b, arena_printf(a, "%s_o%d", x->name,
			d), offset[d]);
		struct kx *at = kx_add(a, y->origin, o);

		if (y->guard)
			cond = kx_and(a, cond, unsigned_below(a, at, y->size));
		if (y->clamp)
			at = clamped(x, at, y->size, d == x->n - 1 ? x->vec :
				1);
		from = kx_add(a, from, kx_mul(a, wide(x, at),
			num(x, y->stride)));
		to = kx_add(a, to, kx_mul(a, o, num(x, y->pitch)));
	}
	ks_copy(a, b, x->async && box_async(x->vec, elem, cond ? x->fill : 0) ?
		COPY_ASYNC : COPY_PLAIN, k_place(x->to, to),
		k_place(x->from, from), x->vec * elem, cond, x->fill);
}

void box_copy(const struct box *x, struct k_block *b)
{
	struct arena *a = x->a;
	int64_t copies = box_copies(x);
	int64_t rounds = (copies + x->threads - 1) / x->threads;
	struct kx *u = num(x, 0), *i;
	struct k_block *outer = b;

	if (rounds > 1)
		b = ks_for(a, b, LOOP_UNROLLED, "u", num(x, 0), num(x, rounds),
			num(x, 1), &u);
	if (rounds > UNROLLED)
		outer->s.v[outer->s.n - 1].factor = UNROLLED;
	i = ks_let(a, b, arena_printf(a, "%s_copy", x->name), kx_add(a,
		x->thread, kx_mul(a, u, num(x, x->threads))));
	if (copies % x->threads)
		b = ks_if(a, b, kx_lt(a, i, num(x, copies)));
	copy_one(x, b, i);
}
