/* SPDX-License-Identifier: MIT */
/* Ranges of what kernels compute with, given how they are launched. */
#include "kernel/narrow.h"

#include "kernel/fold.h"

static bool is_known(int64_t lo, int64_t hi)
{
	return lo != INT64_MIN && hi != INT64_MAX;
}

static bool is_index(enum dtype t)
{
	return t == T_I32 || t == T_I64;
}

static int64_t greatest(const struct launch *l, enum k_special s)
{
	switch (s) {
	case K_THREAD_X: return l->threads - 1;
	case K_BLOCK_X: return l->grid[0] - 1;
	case K_BLOCK_Y: return l->grid[1] - 1;
	case K_BLOCK_Z: return l->grid[2] - 1;
	case K_WARP: return (l->threads + 31) / 32 - 1;
	default: return -1;
	}
}

struct kx *narrow_special(struct arena *a, const struct launch *l,
	const struct kx *e)
{
	int64_t most = greatest(l, e->special);
	struct kx *x;

	if (e->special == K_GRID_X || e->special == K_GRID_Y)
		return kx_int(a, l->grid[e->special == K_GRID_Y]);
	if (most == 0)
		return kx_int(a, 0);
	x = ARENA_NEW(a, struct kx);
	*x = *e;
	x->i = most > 0 ? most : 0;
	return x;
}

/* Of comparisons without a sign, that what is compared is in order. */
static struct kx *unsigned_less(struct arena *a, struct kx *e)
{
	int64_t lo, hi, least, most;

	if (e->kind != KX_OP || e->op != OP_LT || e->args[0]->type != T_U32)
		return e;
	kx_range(e->args[0], &lo, &hi);
	kx_range(e->args[1], &least, &most);
	if (lo < 0 || hi >= least)
		return e;
	return fold_typed(a, T_BOOL, 1);
}

struct kx *narrow_value(struct arena *a, struct kx *e)
{
	int64_t lo, hi;

	if (e->type == T_BOOL)
		return unsigned_less(a, e);
	if (e->kind == KX_INT || !is_index(e->type))
		return e;
	e = narrow_sum(a, e);
	kx_range(e, &lo, &hi);
	return lo == hi && is_known(lo, hi) ? kx_cast(a, e->type,
		kx_int(a, lo)) : e;
}

static struct k_var *bounded(struct arena *a, const struct k_var *v,
	int64_t lo, int64_t hi)
{
	struct k_var *x = ARENA_NEW(a, struct k_var);

	*x = *v;
	x->bounded = lo != INT64_MIN || hi != INT64_MAX;
	x->lo = lo;
	x->hi = hi;
	return x;
}

struct k_var *narrow_below(struct arena *a, const struct k_var *v,
	const struct kx *value, int64_t end)
{
	int64_t lo, hi;

	kx_range(value, &lo, &hi);
	return hi < end ? NULL : bounded(a, v, lo, end - 1);
}

bool narrow_plain(const struct kx *e)
{
	if (e->kind == KX_VAR && e->var->mutable)
		return false;
	if (e->kind == KX_FLOAT || e->kind == KX_LOAD || e->kind > KX_CAST ||
	    !(is_index(e->type) || e->type == T_BOOL))
		return false;
	for (int i = 0; i < e->n_args; i++)
		if (!narrow_plain(e->args[i]))
			return false;
	return true;
}

/* The last turn of a loop whose numbers are known is where its steps end. */
struct k_var *narrow_loop(struct arena *a, const struct ks *s)
{
	int64_t lo, hi, first, end, step, ignored;

	kx_range(s->lo, &lo, &ignored);
	kx_range(s->hi, &ignored, &hi);
	if (hi != INT64_MAX)
		hi--;
	if (s->loop != LOOP_THREADS && s->loop != LOOP_TILES &&
	    kx_is_int(s->lo, &first) && kx_is_int(s->hi, &end) &&
	    kx_is_int(s->step, &step) && first < end && step > 0)
		hi = first + (end - 1 - first) / step * step;
	return bounded(a, s->var, lo, hi);
}

enum trips narrow_trips(const struct ks *s)
{
	int64_t lo, hi, first, end, step, ignored;

	kx_range(s->lo, &lo, &ignored);
	kx_range(s->hi, &ignored, &hi);
	if (is_known(lo, hi) && hi <= lo)
		return TRIPS_NONE;
	if (s->loop == LOOP_THREADS || s->loop == LOOP_TILES ||
	    !kx_is_int(s->lo, &first) || !kx_is_int(s->hi, &end) ||
	    !kx_is_int(s->step, &step))
		return TRIPS_ANY;
	return first < end && end - first <= step ? TRIPS_ONE : TRIPS_ANY;
}
