/* SPDX-License-Identifier: MIT */
/* What every sketch of contractions asks first: which axes play which role,
 * how the operands are read, in which orders the reduction may run, and
 * whether CUDA cores multiply these types. */
#include "sketch/product.h"

#include "sketch/choice.h"
#include "sketch/precision.h"

static const char *joined(struct arena *a, const struct task *t,
	const int *axes, int n, const char *none)
{
	const char **names = ARENA_ARRAY(a, (size_t)n + 1, const char *);
	const char *fused;
	struct str s;

	for (int i = 0; i < n; i++)
		names[i] = t->op->axes[axes[i]].name;
	fused = t->schedule && n > 1 ? sched_fused(t->schedule, names, n) : NULL;
	if (fused || n == 0)
		return fused ? fused : none;
	str_init(&s, a);
	for (int i = 0; i < n; i++)
		str_puts(&s, names[i]);
	return str_text(&s);
}

static int64_t extent(const struct ir_operator *o, const int *axes, int n)
{
	int64_t e = 1;

	for (int i = 0; i < n; i++)
		e *= o->axes[axes[i]].extent;
	return e;
}

static bool axes_from_zero(const struct ir_operator *o, const int *axes, int n)
{
	for (int i = 0; i < n; i++)
		if (o->axes[axes[i]].lo != 0)
			return false;
	return true;
}

static bool supported(enum dtype t, enum dtype acc)
{
	switch (t) {
	case T_F64:
		return acc == T_F64;
	case T_F32: case T_F16: case T_BF16: case T_E4M3: case T_E5M2:
		return acc == T_F32 || acc == T_F64;
	case T_I32: case T_I16: case T_I8: case T_U32: case T_U16: case T_U8:
		return acc == T_I32 || acc == T_U32 || acc == T_I64 ||
			acc == T_F32 || acc == T_F64;
	default:
		return false;
	}
}

/* What can be written in place of factors of 64 bits. */
static const char *instead_of_wide(const struct task *t, const struct product *f)
{
	bool left = f->left.tile_type == T_I64;

	if (!left && f->right.tile_type != T_I64)
		return "";
	return arena_printf(t->a, ": where its values fit, read %s as "
		"i32(%s[...])", left ? f->left.tensor->name :
		f->right.tensor->name, left ? f->left.tensor->name :
		f->right.tensor->name);
}

static bool check_types(struct task *t, const char *sketch, struct product *f,
	const char **why)
{
	enum dtype l = f->left.tile_type, r = f->right.tile_type;

	if (supported(l, f->acc) && supported(r, f->acc))
		return true;
	*why = arena_printf(t->a, "%s has no %s x %s products accumulated in "
		"%s%s", sketch, dtype_row(l)->name, dtype_row(r)->name,
		dtype_row(f->acc)->name, instead_of_wide(t, f));
	return false;
}

static bool analyse_operands(struct task *t, struct product *f, const char **why)
{
	struct ir_contraction *c = &f->c;

	return operand_analyse(t->a, t->op, c->left, &c->left_addr,
			&c->left_choices, c->m, c->n_m, c->batch, c->n_batch,
			f->orders, f->n_orders, c->n_k, &f->left, why) &&
		operand_analyse(t->a, t->op, c->right, &c->right_addr,
			&c->right_choices, c->n, c->n_n, c->batch, c->n_batch,
			f->orders, f->n_orders, c->n_k, &f->right, why);
}

/* Do all axes start at 0, and are rows, columns and sums few enough? */
static bool countable(const struct task *t, const char *sketch,
	const struct product *f, const char **why)
{
	const struct ir_contraction *c = &f->c;

	if (!axes_from_zero(t->op, c->m, c->n_m) ||
	    !axes_from_zero(t->op, c->n, c->n_n) ||
	    !axes_from_zero(t->op, c->k, c->n_k) ||
	    !axes_from_zero(t->op, c->batch, c->n_batch)) {
		*why = arena_printf(t->a, "%s wants axes that start at 0",
			sketch);
		return false;
	}
	if (f->m <= INT32_MAX / 2 && f->n <= INT32_MAX / 2 &&
	    f->k <= INT32_MAX / 2)
		return true;
	*why = arena_printf(t->a, "%s counts rows, columns and sums up to 2^30",
		sketch);
	return false;
}

static bool holds(enum dtype t, int64_t lo, int64_t hi)
{
	int64_t least, most;

	dtype_range(t, &least, &most);
	return lo >= least && hi <= most;
}

/* An integer as wide as indices is kept in the narrowest type that has its values,
 * as they are known. */
static void compute(const struct task *t, struct operand *p,
	const struct ir_expr *value)
{
	static const enum dtype types[] = { T_I8, T_U8, T_I16, T_U16, T_I32 };
	int64_t lo, hi;
	int n = sizeof types / sizeof *types, i = 0;

	operand_compute(p, value);
	if (value->type != T_I64 || !ir_range(t->op, value, &lo, &hi))
		return;
	while (i < n && !holds(types[i], lo, hi))
		i++;
	if (i < n)
		operand_compute(p, ir_cast(t->a, types[i],
			(struct ir_expr *)value));
}

/* Factors that are no reads, from registers on their way to shared memory. */
static bool computed(struct task *t, const char *sketch, int does,
	struct product *f, const char **why)
{
	struct ir_contraction *c = &f->c;

	if (c->left_value != c->left)
		compute(t, &f->left, c->left_value);
	if (c->right_value != c->right)
		compute(t, &f->right, c->right_value);
	if ((does & PRODUCT_COMPUTES) || (!f->left.value && !f->right.value))
		return true;
	*why = arena_printf(t->a, "%s loads factors, and that of %s is computed",
		sketch, (f->left.value ? f->left : f->right).tensor->name);
	return false;
}

/* Factors that are found anew in each batch. */
static bool chosen(struct task *t, const char *sketch, int does,
	const struct product *f, const char **why)
{
	if ((does & PRODUCT_CHOICES) || (!f->left.n_choices &&
	    !f->right.n_choices))
		return true;
	*why = arena_printf(t->a, "%s finds factors by affine indices, and "
		"batches choose those of %s", sketch, (f->left.n_choices ?
		f->left : f->right).tensor->name);
	return false;
}

/* Statistics of rows, which a tile must hold whole. */
static bool measured(struct task *t, const char *sketch, int does,
	const struct product *f, const char **why)
{
	const struct epilogue *e = &f->epilogue;

	for (int i = 0; i < e->n && !(does & PRODUCT_ROWS); i++)
		if (e->outputs[i].reduction) {
			*why = arena_printf(t->a, "%s keeps no whole rows of "
				"the product, of which '%s' is a statistic",
				sketch, e->outputs[i].tensor->name);
			return false;
		}
	return true;
}

static const char *not_contracted(const struct task *t, const char *sketch)
{
	const char *what = "sums over products of two tensors", *why = NULL;
	struct ir_contraction c;

	if (t->group->anchor == IR_CHAIN)
		return arena_printf(t->a, "%s computes one contraction, and this "
			"group is a chain of two", sketch);
	if (t->group->anchor == IR_TWINS)
		return arena_printf(t->a, "%s computes one contraction, and this "
			"group is of two that share a factor", sketch);
	if (t->op->stmts[t->group->anchor_stmt].expr->kind != IR_REDUCE ||
	    ir_contraction(t->a, t->op, t->group->anchor_stmt, &c, &why))
		return arena_printf(t->a, "%s computes contractions: %s",
			sketch, what);
	return arena_printf(t->a, "%s computes contractions, %s; here %s",
		sketch, what, why);
}

/* Products that a scale is of at least: as many as instructions add up at once. */
enum { SCALED = 32 };

/* Steps of the innermost axes, along which no scale changes. */
static int64_t scaled_at_once(const struct ir_operator *o, const bool *changes,
	const int *order, int n)
{
	int64_t group = 1;

	for (int i = n - 1; i >= 0 && !changes[order[i]]; i--)
		group *= o->axes[order[i]].extent;
	return group % SCALED ? 1 : group;
}

/* Where factors hold scales, they are taken out: what is left is of fewer bits.
 * Not where the schedule says how a factor in f32 is multiplied. */
static void take_scales(const struct task *t, struct product *f)
{
	struct product_scales x = { .any = false };
	struct ir_scales s;

	if (precision_said(t->schedule,
	    t->op->tensors[f->c.stmt->tensor].name) ||
	    !ir_scales(t->a, t->op, &f->c, &s))
		return;
	x.m = s.left;
	x.n = s.right;
	for (int i = 0; i < f->n_orders; i++) {
		x.group[i] = scaled_at_once(t->op, s.changes, f->orders[i],
			f->c.n_k);
		x.any |= x.group[i] > 1;
	}
	if (!x.any)
		return;
	f->scales = x;
	f->c = s.plain;
}

bool product_is(const struct task *t, const char *sketch, int does,
	const char **why)
{
	if (t->group->anchor == IR_CONTRACTION ||
	    (t->group->anchor == IR_TWINS && (does & PRODUCT_TWINS)))
		return true;
	*why = not_contracted(t, sketch);
	return false;
}

/* ---- two products ---- */

const char *product_second(const struct task *t)
{
	return t->group->anchor == IR_TWINS ? t->op->tensors[t->op->stmts[
		t->group->second].tensor].name : NULL;
}

/* Copies move what both allow. */
static bool stage_alike(struct operand *x, struct operand *y, int n_orders)
{
	bool same = x->tile_type == y->tile_type && x->elem == y->elem;

	for (int i = 0; i < n_orders; i++) {
		struct operand_order *p = &x->orders[i], *q = &y->orders[i];

		same &= p->k_inner == q->k_inner && p->pack_k == q->pack_k &&
			p->pack_rows == q->pack_rows && p->run == q->run;
		p->vec = q->vec = p->vec < q->vec ? p->vec : q->vec;
	}
	return same;
}

/* The second product's other factor. */
static bool find_twin(struct task *t, const char *sketch, struct product *f,
	const struct ir_contraction *c, const char **why)
{
	if (!operand_analyse(t->a, t->op, c->right, &c->right_addr,
	    &c->right_choices, c->n, c->n_n, c->batch, c->n_batch, f->orders,
	    f->n_orders, c->n_k, &f->twin, why))
		return false;
	f->twin_value = c->right_value;
	if (c->right_value != c->right)
		compute(t, &f->twin, c->right_value);
	if (stage_alike(&f->right, &f->twin, f->n_orders))
		return true;
	*why = arena_printf(t->a, "%s copies the factors of both products alike, "
		"and '%s' lies otherwise than '%s', or is of another type",
		sketch, f->twin.tensor->name, f->right.tensor->name);
	return false;
}

/* ---- what a sketch is told ---- */

/* The contraction, or the first of two and "*second". */
static bool recognise(const struct task *t, int does, struct product *f,
	struct ir_contraction *second, const char **why)
{
	struct ir_twins twins;
	int anchor = t->group->anchor_stmt;

	f->products = t->group->anchor == IR_TWINS ? 2 : 1;
	if (f->products == 1)
		return (does & PRODUCT_TABLES ? ir_contraction_by_table :
			ir_contraction)(t->a, t->op, anchor, &f->c, why);
	if (!ir_twins(t->a, t->op, anchor, t->group->second, &twins)) {
		*why = "two products share no factor";
		return false;
	}
	f->c = twins.of[0];
	f->own = twins.own;
	*second = twins.of[1];
	return true;
}

bool product_analyse(struct task *t, const char *sketch, int does,
	struct product *f, const char **why)
{
	struct ir_contraction *c = &f->c, second;

	if (!product_is(t, sketch, does, why) ||
	    !recognise(t, does, f, &second, why))
		return false;
	if (c->pair && !(does & PRODUCT_PAIRS)) {
		*why = arena_printf(t->a, "%s multiplies, and what is summed "
			"is no product of two tensors", sketch);
		return false;
	}
	f->m = extent(t->op, c->m, c->n_m);
	f->n = extent(t->op, c->n, c->n_n);
	f->k = extent(t->op, c->k, c->n_k);
	f->batch = extent(t->op, c->batch, c->n_batch);
	if (!countable(t, sketch, f, why))
		return false;
	product_orders(t, f);
	if ((does & PRODUCT_SCALES) && f->products == 1)
		take_scales(t, f);
	f->acc = lower_type(c->acc);
	f->acc_bytes = dtype_row(f->acc)->bits / 8;
	if (!analyse_operands(t, f, why) ||
	    !chosen(t, sketch, does, f, why) ||
	    !computed(t, sketch, does, f, why) ||
	    (f->products > 1 && !find_twin(t, sketch, f, &second, why)) ||
	    !check_types(t, sketch, f, why) ||
	    !epilogue_analyse(t, c, &f->epilogue, why) ||
	    !measured(t, sketch, does, f, why))
		return false;
	f->dram_bytes = epilogue_bytes(t) - choice_unread(&f->left) -
		choice_unread(&f->right);
	if (f->products > 1)
		f->dram_bytes -= choice_unread(&f->twin);
	f->m_name = joined(t->a, t, c->m, c->n_m, "rows");
	f->n_name = joined(t->a, t, c->n, c->n_n, "cols");
	f->k_name = joined(t->a, t, c->k, c->n_k, "k");
	return true;
}

struct computed product_computed(struct arena *a, const struct ir_operator *o,
	const struct product *p, bool left, int order,
	struct k_buffer **buffers)
{
	const struct ir_contraction *c = &p->c;
	struct computed x = { .ks = { p->orders[order], c->n_k },
		.batches = { c->batch, c->n_batch } };

	x.rows = left ? (struct axis_list){ c->m, c->n_m } :
		(struct axis_list){ c->n, c->n_n };
	x.lower = (struct lower_env){ .a = a, .op = o, .axes = ARENA_ARRAY(a,
		(size_t)o->n_axes, struct kx *), .buffers = buffers };
	return x;
}

static void convert(struct arena *a, struct operand *p,
	const struct ir_expr *value, enum dtype t)
{
	operand_compute(p, ir_cast(a, t, (struct ir_expr *)value));
}

/* Has "to", a float, all values of "value", an integer, as they are known? */
static bool has_integers(const struct task *t, const struct ir_expr *value,
	enum dtype to)
{
	int64_t lo, hi, most;

	if (!dtype_is_float(to) || !dtype_is_int(value->type) ||
	    !ir_range(t->op, value, &lo, &hi))
		return false;
	most = (int64_t)1 << dtype_row(to)->significand;
	return lo >= -most && hi <= most;
}

void product_widen(const struct task *t, struct product *p)
{
	enum dtype l = p->left.tile_type, r = p->right.tile_type;
	enum dtype both = dtype_widen(l, r);

	if (l == r)
		return;
	if (!dtype_is_float(both))
		both = T_NONE;
	if (both == r || has_integers(t, p->c.left_value, r)) {
		convert(t->a, &p->left, p->c.left_value, r);
	} else if ((both == l || has_integers(t, p->c.right_value, l)) &&
		   (p->products == 1 || both == l || has_integers(t,
			p->twin_value, l))) {
		convert(t->a, &p->right, p->c.right_value, l);
		if (p->products > 1)
			convert(t->a, &p->twin, p->twin_value, l);
	}
}

void tunables_add(const struct task *t, struct tunables *l,
	const char *directive, const char *const *subjects, const char *key,
	const int *values, int n, const char *const *words)
{
	const char *name = directive;

	if (subjects)
		name = arena_printf(t->a, "%s.%s", name, subjects[0]);
	if (key)
		name = arena_printf(t->a, "%s.%s", name, key);
	l->v[l->n++] = (struct tunable){ .name = name, .directive = directive,
		.key = key, .subjects = subjects, .values = values, .n = n,
		.words = words };
}

const char *const *tunable_subject(const struct task *t, const char *name)
{
	const char **s = ARENA_ARRAY(t->a, 2, const char *);

	s[0] = name;
	return s;
}

const char *const *tunable_sums(const struct task *t, const struct product *p)
{
	const char **s = ARENA_ARRAY(t->a, 3, const char *);

	s[0] = p->epilogue.outputs[0].tensor->name;
	s[1] = product_second(t);
	return s;
}

const char *const *tunable_rights(const struct task *t, const struct product *p)
{
	const struct ir_tensor *right = p->right.tensor, *twin = p->twin.tensor;
	const char **s = ARENA_ARRAY(t->a, 3, const char *);

	s[0] = right->name;
	if (p->products > 1 && twin != right && twin != p->left.tensor)
		s[1] = twin->name;
	return s;
}

void tunables_add_epilogue(const struct task *t, struct tunables *l,
	const struct product *p)
{
	static const int on[] = { 1 };

	for (int i = 0; i < p->epilogue.n; i++) {
		const struct output *o = &p->epilogue.outputs[i];

		if (o->value && o->stored)
			tunables_add(t, l, "epilogue", tunable_subject(t,
				o->tensor->name), NULL, on, 1, NULL);
	}
}

double product_size(const struct product *p)
{
	return (double)p->m * (double)p->n * (double)p->k * (double)p->batch *
		p->products;
}

/* The greater of two takes a scheduler two turns (CUDA C++ Programming Guide,
 * throughput of compare, minimum, maximum: 64 results of 128 lanes). */
struct cost_of product_cost(const struct product *p)
{
	struct cost_of c = { 0, 0, 0 };

	if (p->c.pair)
		c = expr_cost(p->c.pair);
	c.issue += p->c.reducer != RED_SUM;
	return c;
}

struct kx *product_add(struct arena *a, enum dtype t, struct kx *x,
	struct kx *y, struct kx *sum)
{
	if (dtype_is_float(t))
		return kx_op(a, OP_FMA, t, 3, x, y, sum);
	return lower_wrapping(a, OP_ADD, t, sum, lower_wrapping(a, OP_MUL, t, x,
		y));
}

struct kx *product_zero(struct arena *a, enum dtype t)
{
	return dtype_is_float(t) ? kx_float(a, 0, t) :
		kx_cast(a, t, kx_int(a, 0));
}

struct kx *product_none(struct arena *a, const struct product *p)
{
	return reducer_identity(a, p->c.reducer, p->acc);
}
