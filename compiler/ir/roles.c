/* SPDX-License-Identifier: MIT */
/* Contractions are recognised by the roles of their axes. In comes a statement
 * of a folded and split operator; out goes left, right and the lists of M, N,
 * K and batch axes if it sums a product of two reads, or sums, or takes the greatest
 * or least of, what else is made of two (pairs.c), or the sentence that says why it is
 * none. An axis occurs in a read if it moves the element that is read, or an index of
 * it. */
#include "ir/group.h"

/* "batch": by axis whether both factors and the result have it; NULL: no choices are
 * looked for. */
struct roles {
	struct arena *a;
	const struct ir_operator *o;
	struct ir_contraction *out;
	const bool *batch;
	const char *why;
	bool tables;		/* may say where factors are read */
};

static bool fail(struct roles *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static bool fail(struct roles *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	r->why = arena_vprintf(r->a, fmt, ap);
	va_end(ap);
	return false;
}

/* True if "to" holds every value of "from". */
static bool exact(enum dtype from, enum dtype to)
{
	if (dtype_widen(from, to) != to)
		return false;
	return !dtype_is_int(from) || !dtype_is_float(to) ||
		dtype_row(to)->significand >= dtype_row(from)->significand;
}

const struct ir_expr *group_stripped(const struct ir_expr *e,
	enum dtype product)
{
	if (e->kind == IR_CAST && e->type == product &&
			dtype_is_int(e->args[0]->type))
		return e->args[0];
	while (e->kind == IR_CAST && exact(e->args[0]->type, e->type))
		e = e->args[0];
	return e;
}

static const char *tensor_name(const struct roles *r, const struct ir_expr *e)
{
	return r->o->tensors[e->tensor].name;
}

/* The address where a table says which row it is. */
static bool by_table(struct roles *r, const struct ir_expr *e,
	struct ir_affine *addr)
{
	struct ir_lookup found;

	if (!r->tables || !ir_lookup(r->a, r->o, e, &found))
		return false;
	*addr = found.addr;
	return true;
}

/* ---- indices that batches choose ---- */

struct making {
	const struct roles *r;
	bool chosen;
};

/* Has it one value, at every call? */
static bool is_one(const struct ir_axis *x)
{
	return x->extent == 1 && !x->open;
}

static void look_at_index(struct ir_expr *e, void *ctx)
{
	struct making *m = ctx;

	m->chosen &= e->kind != IR_REDUCE && (e->kind != IR_AXIS ||
		m->r->batch[e->axis] || is_one(&m->r->o->axes[e->axis]));
}

/* Is index "e" made of axes of batches alone? */
static bool is_chosen(const struct roles *r, const struct ir_expr *e)
{
	struct making m = { r, r->batch != NULL };

	if (m.chosen)
		ir_walk((struct ir_expr *)e, look_at_index, &m);
	return m.chosen;
}

/* The choices that read "e" has, into "out"; or which index is none, and neither
 * affine. */
static bool find_choices(struct roles *r, const struct ir_expr *e,
	struct ir_choices *out)
{
	const struct ir_tensor *t = &r->o->tensors[e->tensor];
	struct ir_affine f;

	*out = (struct ir_choices){ ARENA_ARRAY(r->a, (size_t)e->n_args + 1,
		struct ir_choice), 0 };
	for (int i = 0; i < e->n_args; i++) {
		struct ir_choice x = { i, e->args[i], 0 };

		if (ir_affine(r->a, r->o, e->args[i], &f))
			continue;
		if (!is_chosen(r, e->args[i]))
			return fail(r, "index %d of %s is not affine, nor one "
				"number for each batch", i + 1, t->name);
		if (!ir_dim_stride(t, i, &x.stride))
			return fail(r, "index %d of %s is not affine, and is of "
				"a dimension that its layout has in parts",
				i + 1, t->name);
		out->v[out->n++] = x;
	}
	return true;
}

/* The indices of read "e", 0 where there is a choice. */
static struct ir_expr **unchosen(struct roles *r, const struct ir_expr *e,
	const struct ir_choices *choices)
{
	struct ir_expr **idx = ARENA_ARRAY(r->a, (size_t)e->n_args + 1,
		struct ir_expr *);

	for (int i = 0; i < e->n_args; i++)
		idx[i] = e->args[i];
	for (int i = 0; i < choices->n; i++)
		idx[choices->v[i].dim] = ir_int(r->a, 0, T_I64);
	return idx;
}

/* True if read "e" is one that a contraction may stage, its address affine but for
 * choices. */
static bool operand(struct roles *r, const struct ir_expr *e,
	struct ir_affine *addr, struct ir_choices *choices)
{
	if (e->pad == IR_PAD_EDGE || (e->pad == IR_PAD_VALUE && e->f != 0))
		return fail(r, "%s is padded by something else than 0",
			tensor_name(r, e));
	if (!find_choices(r, e, choices)) {
		choices->n = 0;
		return by_table(r, e, addr);
	}
	if (!ir_address(r->a, r->o, &r->o->tensors[e->tensor], unchosen(r, e,
			choices), addr))
		return fail(r, "the layout of %s makes its address not affine",
			tensor_name(r, e));
	return true;
}

static void mark_axis(struct ir_expr *e, void *ctx)
{
	if (e->kind == IR_AXIS)
		((bool *)ctx)[e->axis] = true;
}

/* By axis: whether it occurs in the read. */
static bool *occurrences(struct roles *r, const struct ir_expr *e,
	const struct ir_affine *addr)
{
	bool *v = ARENA_ARRAY(r->a, r->o->n_axes, bool);
	struct ir_affine f;

	for (int i = 0; i < r->o->n_axes; i++)
		v[i] = addr->coef[i] != 0;
	for (int k = 0; k < e->n_args; k++)
		if (!ir_affine(r->a, r->o, e->args[k], &f))
			ir_walk(e->args[k], mark_axis, v);
		else
			for (int i = 0; i < r->o->n_axes; i++)
				v[i] |= f.coef[i] != 0;
	return v;
}

/* ---- factors that are computed ---- */

/* Values that one element may be unpacked into: the bits of a word. */
enum { PACKED = 32 };

struct factor {
	struct roles *r;
	const struct ir_expr *e;
	VEC(const struct ir_expr *) reads;
	bool *axes;		/* by axis: occurs in it, its extent not 1 */
};

static void look_at(struct ir_expr *e, void *ctx)
{
	struct factor *f = ctx;

	if (e->kind == IR_AXIS && f->r->o->axes[e->axis].extent != 1)
		f->axes[e->axis] = true;
	if (e->kind == IR_READ)
		vec_push(f->r->a, &f->reads, e);
}

static struct factor factor_of(struct roles *r, const struct ir_expr *e)
{
	struct factor f = { .r = r, .e = e, .axes = ARENA_ARRAY(r->a,
		r->o->n_axes, bool) };

	ir_walk((struct ir_expr *)e, look_at, &f);
	return f;
}

static bool is_operand(const struct factor *f, const struct ir_expr *read,
	struct ir_affine *addr)
{
	struct roles own = { .a = f->r->a, .o = f->r->o, .batch = f->r->batch,
		.tables = f->r->tables && read == f->e };
	struct ir_choices choices;

	return read->n_args && operand(&own, read, addr, &choices);
}

struct inside {
	const struct ir_expr *e;
	bool found;
};

static void find_inside(struct ir_expr *e, void *ctx)
{
	struct inside *x = ctx;

	x->found |= e == x->e;
}

/* Is "read" what finds rows of another tensor, along "axis"? */
static bool finds_rows(const struct factor *f, const struct ir_expr *read,
	int axis)
{
	struct ir_affine form;

	for (int i = 0; i < f->reads.n; i++) {
		const struct ir_expr *by = f->reads.v[i];
		struct inside x = { read, false };

		ir_walk((struct ir_expr *)by, find_inside, &x);
		for (int k = 0; by != read && x.found && k < by->n_args; k++)
			if (ir_affine(f->r->a, f->r->o, by->args[k], &form) &&
					form.coef[axis])
				return true;
	}
	return false;
}

/* How many values of the factor are made of one element of "read": those along
 * the axes on which the factor depends and along which the read does not go. More
 * than PACKED where the read cannot be staged. */
static int64_t share(const struct factor *f, const struct ir_expr *read)
{
	const struct ir_axis *axes = f->r->o->axes;
	struct ir_affine addr;
	const bool *along;
	int64_t n = 1;

	if (!is_operand(f, read, &addr))
		return PACKED + 1;
	along = occurrences(f->r, read, &addr);
	for (int i = 0; i < f->r->o->n_axes; i++)
		if (f->axes[i] && !along[i] && (axes[i].open ||
				finds_rows(f, read, i) ||
				__builtin_mul_overflow(n, axes[i].extent, &n)))
			return PACKED + 1;
	return n;
}

/* The first open axis of the factor along which some read does not go, or -1. */
static int lacks_open(const struct factor *f)
{
	for (int i = 0; i < f->r->o->n_axes; i++)
		for (int k = 0; f->axes[i] && f->r->o->axes[i].open &&
		     k < f->reads.n; k++) {
			const struct ir_expr *read = f->reads.v[k];
			struct ir_affine addr;

			if (is_operand(f, read, &addr) &&
			    !occurrences(f->r, read, &addr)[i])
				return i;
		}
	return -1;
}

/* The read that is staged in place of factor "e": the first of those whose
 * elements make the fewest values each, one where it goes along all axes. NULL:
 * there is none. */
static const struct ir_expr *staged(struct roles *r, const struct ir_expr *e)
{
	struct factor f = factor_of(r, e);
	const struct ir_expr *best = NULL;
	int64_t least = PACKED + 1;

	for (int i = 0; i < f.reads.n; i++) {
		int64_t n = share(&f, f.reads.v[i]);

		if (n < least) {
			least = n;
			best = f.reads.v[i];
		}
	}
	if (best || e->kind == IR_READ)
		return best ? best : e;
	if (lacks_open(&f) >= 0)
		fail(r, "a factor is unpacked along axes of a size that is "
			"known, and %s is open", r->o->axes[lacks_open(&f)].name);
	else
		fail(r, "no read of a computed factor goes along all of its "
			"axes, or all but %d of their values", PACKED);
	return NULL;
}

bool group_factor(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *e, const bool *batch)
{
	struct roles r = { .a = a, .o = o, .batch = batch };
	const struct ir_expr *read = staged(&r, e);
	struct ir_choices choices;
	struct ir_affine addr;

	return read && operand(&r, read, &addr, &choices);
}

static bool output_roles(struct roles *r, const bool *left, const bool *right)
{
	struct ir_contraction *c = r->out;
	const struct ir_stmt *s = c->stmt;

	c->m = ARENA_ARRAY(r->a, s->n_axes, int);
	c->n = ARENA_ARRAY(r->a, s->n_axes, int);
	c->batch = ARENA_ARRAY(r->a, s->n_axes, int);
	for (int i = 0; i < s->n_axes; i++) {
		const struct ir_axis *x = &r->o->axes[s->axes[i]];

		if (left[x->id] && right[x->id])
			c->batch[c->n_batch++] = x->id;
		else if (right[x->id])
			c->n[c->n_n++] = x->id;
		else if (left[x->id] || x->extent == 1)
			c->m[c->n_m++] = x->id;
		else
			return fail(r, "axis %s of the result occurs in neither "
				"%s nor %s", x->name, tensor_name(r, c->left),
				tensor_name(r, c->right));
	}
	return true;
}

static bool reduced_roles(struct roles *r, const struct ir_expr *red,
	const bool *left, const bool *right)
{
	struct ir_contraction *c = r->out;

	c->k = ARENA_ARRAY(r->a, red->n_red, int);
	for (int i = 0; i < red->n_red; i++) {
		const struct ir_axis *x = &r->o->axes[red->red[i]];

		if (x->extent != 1 && !left[x->id] && !right[x->id])
			return fail(r, "axis %s is summed over but occurs in "
				"neither %s nor %s", x->name,
				tensor_name(r, c->left),
				tensor_name(r, c->right));
		if (x->extent != 1 && !(left[x->id] && right[x->id]))
			return fail(r, "axis %s is summed over but occurs in %s "
				"alone", x->name, tensor_name(r, left[x->id] ?
				c->left : c->right));
		c->k[c->n_k++] = x->id;
	}
	return true;
}

static int64_t points(const struct roles *r, const int *axes, int n)
{
	int64_t p = 1;

	for (int i = 0; i < n; i++)
		p *= r->o->axes[axes[i]].extent;
	return p;
}

/* By axis: do factors "x" and "y" and the result have it? */
static const bool *shared(struct roles *r, const struct ir_expr *x,
	const struct ir_expr *y)
{
	const struct ir_stmt *s = r->out->stmt;
	bool *v = ARENA_ARRAY(r->a, (size_t)r->o->n_axes + 1, bool);

	for (int i = 0; i < s->n_axes; i++)
		v[s->axes[i]] = ir_depends(x, s->axes[i]) &&
			ir_depends(y, s->axes[i]);
	return v;
}

/* Is the read padded for the sake of other indices than choices? */
static bool is_padded(struct roles *r, const struct ir_expr *e)
{
	struct roles own = { .a = r->a, .o = r->o, .batch = r->batch };
	struct ir_choices choices;

	return e->pad != IR_PAD_NONE && !(find_choices(&own, e, &choices) &&
		choices.n);
}

/* Which of the factors is left: the padded one, or else the first. */
static bool choose_left(struct roles *r, const struct ir_expr *x,
	const struct ir_expr *y)
{
	struct ir_contraction *c = r->out;
	const struct ir_expr *sx, *sy;
	bool swap;

	r->batch = r->tables ? NULL : shared(r, x, y);
	sx = staged(r, x);
	sy = sx ? staged(r, y) : NULL;
	swap = sy && !is_padded(r, sx) && is_padded(r, sy);
	c->left = swap ? sy : sx;
	c->right = swap ? sx : sy;
	c->left_value = swap ? y : x;
	c->right_value = swap ? x : y;
	return sx && sy;
}

/* By axis: whether it occurs in the factor, of which "read" is staged. */
static const bool *factor_axes(struct roles *r, const struct ir_expr *value,
	const struct ir_expr *read, const struct ir_affine *addr)
{
	bool *v = occurrences(r, read, addr);
	struct factor f = factor_of(r, value);

	for (int i = 0; i < r->o->n_axes && value != read; i++)
		v[i] |= f.axes[i];
	return v;
}

/* Are these made of the contraction's own axes of batches, and none else? */
static bool are_chosen(struct roles *r, const struct ir_expr *read,
	const struct ir_choices *choices)
{
	bool *batch = ARENA_ARRAY(r->a, (size_t)r->o->n_axes + 1, bool);

	for (int i = 0; i < r->out->n_batch; i++)
		batch[r->out->batch[i]] = true;
	r->batch = batch;
	for (int i = 0; i < choices->n; i++)
		if (!is_chosen(r, choices->v[i].index))
			return fail(r, "index %d of %s is not affine, nor one "
				"number for each batch", choices->v[i].dim + 1,
				tensor_name(r, read));
	return true;
}

/* The roles of the axes, once it is known what is left and what is right. */
static bool find_roles(struct roles *r)
{
	struct ir_contraction *c = r->out;
	const bool *left, *right;

	if (!operand(r, c->left, &c->left_addr, &c->left_choices) ||
			!operand(r, c->right, &c->right_addr,
				&c->right_choices))
		return false;
	left = factor_axes(r, c->left_value, c->left, &c->left_addr);
	right = factor_axes(r, c->right_value, c->right, &c->right_addr);
	if (!output_roles(r, left, right) ||
			!reduced_roles(r, c->stmt->expr, left, right))
		return false;
	if (!are_chosen(r, c->left, &c->left_choices) ||
			!are_chosen(r, c->right, &c->right_choices))
		return false;
	if (points(r, c->m, c->n_m) <= 1 && points(r, c->n, c->n_n) <= 1)
		return fail(r, "no axis of the result belongs to one factor "
			"alone: each element is a sum of its own");
	return true;
}

static bool recognise_product(struct roles *r)
{
	struct ir_contraction *c = r->out;
	const struct ir_expr *red = c->stmt->expr, *product;
	struct ir_expr *const *f;

	product = group_stripped(red->args[0], T_NONE);
	if (product->kind == IR_OP && (product->op == OP_ADD ||
	    product->op == OP_SUB) && product->args[0]->kind == IR_OP &&
	    product->args[0]->op == OP_MUL)
		return fail(r, "several products are summed; a sum of each "
			"would be a contraction");
	if (product->kind != IR_OP || product->op != OP_MUL)
		return fail(r, "what is summed is no product of two tensors");
	c->acc = red->type;
	c->product = product->type;
	c->filled = true;
	f = product->args;
	return choose_left(r, group_stripped(f[0], c->product),
		group_stripped(f[1], c->product)) && find_roles(r);
}

/* Each element of the one with each of the other, both at least two: else there
 * is nothing that a tile would save. */
static bool recognise_pair(struct roles *r)
{
	struct ir_contraction *c = r->out;
	const struct ir_expr *red = c->stmt->expr, *of[2];
	bool zero;

	*c = (struct ir_contraction){ .stmt = c->stmt, .acc = red->type,
		.pair = group_stripped(red->args[0], T_NONE),
		.reducer = red->reducer };
	c->product = c->pair->type;
	if (!group_pair(r->a, r->o, c->pair, of, &zero))
		return false;
	c->filled = zero && red->reducer == RED_SUM;
	return exact(of[0]->type, c->acc) && exact(of[1]->type, c->acc) &&
		choose_left(r, of[0], of[1]) && find_roles(r) &&
		points(r, c->m, c->n_m) > 1 && points(r, c->n, c->n_n) > 1;
}

/* Of these a thread keeps the result of all before in one register. */
static bool kept(enum reducer r)
{
	return r == RED_SUM || r == RED_MAX || r == RED_MIN;
}

static bool recognise(struct roles *r)
{
	const struct ir_expr *red = r->out->stmt->expr;
	const char *why;

	if (red->kind != IR_REDUCE || !kept(red->reducer))
		return fail(r, "it is no sum over axes");
	if (red->reducer == RED_SUM && recognise_product(r))
		return true;
	why = red->reducer == RED_SUM ? r->why : "it is no sum over axes";
	if (!r->tables && recognise_pair(r))
		return true;
	r->why = why;
	return false;
}

bool ir_contraction(struct arena *a, const struct ir_operator *o, int stmt,
	struct ir_contraction *out, const char **why)
{
	struct roles r = { .a = a, .o = o, .out = out };

	*out = (struct ir_contraction){ .stmt = &o->stmts[stmt] };
	if (recognise(&r))
		return true;
	if (why)
		*why = r.why;
	return false;
}

bool ir_contraction_by_table(struct arena *a, const struct ir_operator *o,
	int stmt, struct ir_contraction *out, const char **why)
{
	struct roles r = { .a = a, .o = o, .out = out, .tables = true };

	*out = (struct ir_contraction){ .stmt = &o->stmts[stmt] };
	return recognise(&r) || ir_contraction(a, o, stmt, out, why);
}

bool group_multiply(struct arena *a, const struct ir_operator *o,
	const struct ir_contraction *c, const struct ir_expr *left,
	const struct ir_expr *right, struct ir_contraction *out)
{
	struct roles r = { .a = a, .o = o, .out = out };

	*out = (struct ir_contraction){ .stmt = c->stmt, .acc = c->acc,
		.product = c->product, .filled = true };
	return choose_left(&r, left, right) && out->left_value == left &&
		find_roles(&r);
}

bool group_instead(struct arena *a, const struct ir_operator *o,
	const struct ir_contraction *c, const struct ir_expr *left,
	const struct ir_expr *right, struct ir_contraction *out)
{
	return group_multiply(a, o, c, left, right, out) &&
		out->n_m == c->n_m && out->n_n == c->n_n &&
		out->n_batch == c->n_batch;
}
