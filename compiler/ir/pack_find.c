/* SPDX-License-Identifier: MIT */
/* Which factors of a contraction are to be packed, and along which axes: those
 * that cannot be copied in vectors as they lie, along the innermost axes of the
 * reduction. */
#include <string.h>

#include "ir/pack.h"

enum { VECTOR_BYTES = 16 };

/* Elements of a let that may be written. */
enum { LARGEST = 1 << 28 };

/* ---- which axes ---- */

static const struct ir_choices *choices(const struct run *r,
	const struct ir_expr *read)
{
	return read == r->c.left ? &r->c.left_choices : &r->c.right_choices;
}

bool pack_index(const struct run *r, const struct ir_expr *read, int d,
	struct ir_affine *f)
{
	const struct ir_choices *x = choices(r, read);

	for (int i = 0; i < x->n; i++)
		if (x->v[i].dim == d) {
			f->c = 0;
			f->coef = ARENA_ARRAY(r->a, (size_t)r->o->n_axes + 1,
				int64_t);
			return true;
		}
	return ir_affine(r->a, r->o, read->args[d], f);
}

bool pack_goes_along(const struct ir_affine *f, const int *axes, int n)
{
	for (int i = 0; i < n; i++)
		if (f->coef[axes[i]])
			return true;
	return false;
}

static bool steps_over(const struct run *r, const struct ir_expr *read,
	const int *rows, int n, int axis)
{
	struct ir_affine f;

	for (int d = 0; d < read->n_args; d++)
		if (pack_index(r, read, d, &f) && f.coef[axis] &&
		    pack_goes_along(&f, rows, n))
			return true;
	return false;
}

/* Is it an axis of a window, which moves along a dimension with the result? */
static bool is_tap(const struct run *r, int axis)
{
	return steps_over(r, r->c.left, r->c.m, r->c.n_m, axis) ||
		steps_over(r, r->c.right, r->c.n, r->c.n_n, axis);
}

static int64_t magnitude(int64_t v)
{
	return v < 0 ? -v : v;
}

/* What lies farther apart in memory comes first. */
static bool is_farther(const struct run *r, int x, int y)
{
	const int64_t *l = r->c.left_addr.coef;

	return magnitude(l[x]) > magnitude(l[y]);
}

/* And before that taps. */
static bool is_outer(const struct run *r, int x, int y)
{
	bool tap = is_tap(r, x);

	return tap == is_tap(r, y) ? is_farther(r, x, y) : tap;
}

static void insert(const struct run *r, int *v, int n, int x,
	bool (*before)(const struct run *r, int x, int y))
{
	for (; n > 0 && before(r, x, v[n - 1]); n--)
		v[n] = v[n - 1];
	v[n] = x;
}

/* The reduction's axes that have several values, outermost first; how many. */
static int in_order(const struct run *r, int *v)
{
	int n = 0;

	for (int i = 0; i < r->c.n_k; i++)
		if (r->o->axes[r->c.k[i]].extent > 1 ||
		    r->o->axes[r->c.k[i]].open)
			insert(r, v, n++, r->c.k[i], is_outer);
	return n;
}

static const char *name_of(const struct run *r)
{
	struct str s;

	str_init(&s, r->a);
	for (int i = 0; i < r->n; i++)
		str_puts(&s, r->o->axes[r->of[i]].name);
	return str_text(&s);
}

/* False if the reduction has not so many axes, or open ones. */
static bool choose_axes(struct run *r, const struct ir_cut *cut)
{
	r->order = ARENA_ARRAY(r->a, (size_t)r->c.n_k + 1, int);
	r->n_order = in_order(r, r->order);
	if (cut->along > r->n_order || cut->along > PACK_AXES ||
	    ir_any_open(r->o, r->order, r->n_order))
		return false;
	r->have = 1;
	for (int i = r->n_order - cut->along; i < r->n_order; i++) {
		int x = r->order[i];

		insert(r, r->of, r->n++, x, is_farther);
		r->have *= r->o->axes[x].extent;
		if (r->o->axes[x].lo)
			return false;
	}
	r->extent = (r->have + r->to - 1) / r->to * r->to;
	r->name = name_of(r);
	return true;
}

bool pack_holds(const struct run *r, int axis)
{
	for (int i = 0; i < r->n; i++)
		if (r->of[i] == axis)
			return true;
	return false;
}

/* ---- can it be copied in vectors as it is? ---- */

/* By axis: does a dimension along it end before its values do? */
static bool *guarded(const struct run *r, const struct ir_expr *read)
{
	bool *v = ARENA_ARRAY(r->a, (size_t)r->o->n_axes + 1, bool);
	struct ir_affine f;
	bool below, above;

	for (int d = 0; d < read->n_args && read->pad != IR_PAD_NONE; d++) {
		ir_leaves(r->o, read, d, &below, &above);
		if ((below || above) && pack_index(r, read, d, &f))
			for (int x = 0; x < r->o->n_axes; x++)
				v[x] |= f.coef[x] != 0;
	}
	return v;
}

/* One of the axes, not guarded, along which the stride is "step", or -1. */
static int axis_of_stride(const struct run *r, const struct ir_affine *addr,
	const bool *guards, const int *axes, int n, int64_t step)
{
	for (int i = 0; i < n; i++)
		if (addr->coef[axes[i]] == step && !guards[axes[i]] &&
		    r->o->axes[axes[i]].extent > 1)
			return axes[i];
	return -1;
}

static const struct ir_affine *address(const struct run *r,
	const struct ir_expr *read)
{
	return read == r->c.left ? &r->c.left_addr : &r->c.right_addr;
}

/* The axes "inside", contiguous elements of which are "run", hold whole vectors,
 * to which all other strides keep. */
static bool in_vectors(const struct run *r, const struct ir_expr *read,
	const bool *inside, int64_t run)
{
	const struct ir_tensor *t = &r->o->tensors[read->tensor];
	const struct ir_affine *addr = address(r, read);

	for (int x = 0; x < r->o->n_axes; x++)
		if (!inside[x] && r->o->axes[x].extent > 1 &&
		    addr->coef[x] % r->vector)
			return false;
	for (int i = 0; i < choices(r, read)->n; i++)
		if (choices(r, read)->v[i].stride % r->vector)
			return false;
	return run % r->vector == 0 && addr->c % r->vector == 0 &&
		t->align % (r->vector * (dtype_row(t->type)->bits / 8)) == 0;
}

/* Along rows of the result, or columns. */
static bool along_rows(const struct run *r, const struct ir_expr *read)
{
	bool left = read == r->c.left;
	const bool *guards = guarded(r, read);
	bool *inside = ARENA_ARRAY(r->a, (size_t)r->o->n_axes + 1, bool);
	int64_t run = 1;
	int x;

	while ((x = axis_of_stride(r, address(r, read), guards, left ? r->c.m :
	       r->c.n, left ? r->c.n_m : r->c.n_n, run)) >= 0) {
		inside[x] = true;
		run *= ir_common(r->o, x);
		if (r->o->axes[x].open)
			break;
	}
	return in_vectors(r, read, inside, run);
}

/* Along the reduction, in the order in which it is packed: both factors are read
 * in one. */
static bool along_sum(const struct run *r, const struct ir_expr *read)
{
	const bool *guards = guarded(r, read);
	bool *inside = ARENA_ARRAY(r->a, (size_t)r->o->n_axes + 1, bool);
	int64_t run = 1;

	for (int i = r->n_order - 1; i >= 0; i--) {
		int x = r->order[i];

		if (guards[x] || address(r, read)->coef[x] != run)
			break;
		inside[x] = true;
		run *= r->o->axes[x].extent;
	}
	return in_vectors(r, read, inside, run);
}

static bool is_copied(const struct run *r, const struct ir_expr *read)
{
	return along_rows(r, read) || along_sum(r, read);
}

bool pack_ends_in_zeros(const struct run *r, const struct ir_expr *read)
{
	const int64_t *dims = r->o->tensors[read->tensor].dims;
	int found = 0;

	for (int d = 0; d < read->n_args; d++) {
		const struct ir_expr *e = read->args[d];
		struct ir_affine f;

		if (!pack_index(r, read, d, &f))
			return false;
		if (!f.coef[r->of[0]])
			continue;
		found++;
		if (e->kind != IR_AXIS || dims[d] != r->have)
			return false;
	}
	return r->n == 1 && found == 1;
}

bool pack_writes(const struct run *r, const struct ir_expr *read)
{
	if (!is_copied(r, read))
		return true;
	if (r->n == 1 && r->extent == r->have)
		return false;
	return !along_rows(r, read) || !pack_ends_in_zeros(r, read);
}

/* Elements of the let that the factor would become, about. */
static double size_of(const struct run *r, const struct ir_expr *read)
{
	const struct ir_tensor *t = &r->o->tensors[read->tensor];
	bool *seen = ARENA_ARRAY(r->a, (size_t)r->o->n_axes + 1, bool);
	double n = (double)r->extent;
	struct ir_affine f;

	for (int d = 0; d < read->n_args; d++) {
		if (!pack_index(r, read, d, &f))
			continue;
		if (!pack_goes_along(&f, r->of, r->n)) {
			n *= (double)t->dims[d];
			continue;
		}
		for (int i = 0; i < r->o->n_axes; i++)
			if (f.coef[i] && !pack_holds(r, i) && !seen[i]) {
				seen[i] = true;
				n *= (double)r->o->axes[i].extent;
			}
	}
	return n;
}

/* Axes and dimensions of a let are no more than these. */
static bool has_room(const struct run *r, const struct ir_expr *read)
{
	return read->n_args + r->c.stmt->n_axes + r->c.n_k < IR_RANK &&
		size_of(r, read) <= LARGEST;
}

/* Factors that are read as they are, of one type that matrix instructions take,
 * or of another if somebody asks. */
static const char *wrong_types(struct run *r, const struct ir_cut *cut)
{
	int bits = dtype_row(r->c.left->type)->bits;

	if (r->c.pair || r->c.left_value != r->c.left ||
	    r->c.right_value != r->c.right)
		return "a factor is computed as it is loaded";
	if (r->c.left->type != r->c.right->type)
		return "the factors are of two types";
	if (bits < 8 || bits > (cut->to ? 32 : 16))
		return "elements have 8, 16 or 32 bits, those of 32 if stage(.., "
			"pack = N) asks";
	r->vector = VECTOR_BYTES * 8 / bits;
	r->to = cut->to ? cut->to : r->vector;
	if (r->to < r->vector)
		r->vector = r->to;
	return NULL;
}

static const char *not_packed(struct run *r, const struct ir_cut *cut, int stmt)
{
	const char *why = NULL;

	if (!ir_contraction(r->a, r->o, stmt, &r->c, &why))
		return why;
	why = wrong_types(r, cut);
	if (why)
		return why;
	if (!choose_axes(r, cut))
		return ir_any_open(r->o, r->c.k, r->c.n_k) ?
			"the reduction has axes whose sizes stay open" :
			arena_printf(r->a, "the reduction has not %d axes that "
				"start at 0", cut->along);
	for (int i = 0; i < r->c.stmt->n_axes; i++)
		if (r->o->axes[r->c.stmt->axes[i]].lo)
			return "the result has axes that do not start at 0";
	if (is_copied(r, r->c.left) && is_copied(r, r->c.right))
		return arena_printf(r->a, "factors are copied %d elements at a "
			"time as they lie", r->vector);
	return has_room(r, r->c.left) && has_room(r, r->c.right) ? NULL :
		"it would have more than 2^28 elements";
}

bool pack_find(struct run *r, const struct ir_cut *cut, int stmt)
{
	return !not_packed(r, cut, stmt);
}

const char *ir_not_packed(struct arena *a, const struct ir_operator *o,
	struct ir_cut cut, const char *tensor)
{
	const char *why = "it is no factor of a sum over products";

	for (int i = 0; i < o->n_stmts; i++) {
		struct run r = { .a = a, .o = (struct ir_operator *)o };
		struct ir_contraction c;
		bool left, right;

		if (!ir_contraction(a, o, i, &c, NULL))
			continue;
		left = !strcmp(o->tensors[c.left->tensor].name, tensor);
		right = !strcmp(o->tensors[c.right->tensor].name, tensor);
		if (!left && !right)
			continue;
		why = not_packed(&r, &cut, i);
		if (!why && ((left && pack_writes(&r, r.c.left)) ||
		    (right && pack_writes(&r, r.c.right))))
			return NULL;
		if (!why)
			why = "it can be copied in vectors as it lies";
	}
	return why;
}
