/* SPDX-License-Identifier: MIT */
/* From an operator with open sizes to witnesses: it is lowered at chosen sizes
 * and goes through the passes at each, marked with what differs between them.
 * Whatever is true of one witness alone must not get into its kernel. */
#include "driver/general.h"
#include "driver/directives.h"
#include "driver/job.h"

#include <string.h>

#include "base/number.h"

enum {
	HUGE = 1 << 20, SCALE = 1500, LEAST_SCALE = 20, ELEMENTS = 1 << 27,
	USUAL = 1 << 22
};

/* ---- expressions over the open sizes ---- */

static struct kx *wide(struct arena *a, int64_t v)
{
	return kx_cast(a, T_I64, kx_int(a, v));
}

static bool may_be_negative(const struct ir_expr *e)
{
	if (e->kind == IR_INT)
		return e->i < 0;
	if (e->kind == IR_OP && (e->op == OP_SUB || e->op == OP_NEG))
		return true;
	for (int i = 0; i < e->n_args; i++)
		if (may_be_negative(e->args[i]))
			return true;
	return false;
}

/* x / y rounded down, as C does not for negative numbers. */
static struct kx *floor_div(struct arena *a, struct kx *x, struct kx *y)
{
	struct kx *below = kx_sub(a, kx_sub(a, y, wide(a, 1)), x);

	return kx_op(a, OP_SELECT, T_I64, 3, kx_lt(a, x, wide(a, 0)),
		kx_sub(a, wide(a, 0), kx_div(a, below, y)), kx_div(a, x, y));
}

static struct kx *value_of(struct arena *a, const struct program *frame,
	const struct ir_expr *e)
{
	struct kx *v[3] = { NULL, NULL, NULL };
	bool divides = e->op == OP_DIV || e->op == OP_MOD;

	if (e->kind == IR_INT)
		return e->type == T_BOOL ? kx_op(a, OP_LT, T_BOOL, 2,
			wide(a, 0), wide(a, e->i)) : wide(a, e->i);
	if (e->kind == IR_AXIS)
		return kx_var(a, frame->sizes.v[e->axis].var);
	if ((e->kind != IR_OP && e->kind != IR_CAST) || e->n_args > 3)
		return NULL;
	for (int i = 0; i < e->n_args; i++)
		if (!(v[i] = value_of(a, frame, e->args[i])))
			return NULL;
	if (e->kind == IR_CAST)
		return v[0];
	if (divides && may_be_negative(e->args[0])) {
		struct kx *q = floor_div(a, v[0], v[1]);

		return e->op == OP_DIV ? q :
			kx_sub(a, v[0], kx_mul(a, q, v[1]));
	}
	if (e->n_args == 1)
		return kx_op(a, e->op, e->type, 1, v[0]);
	return e->n_args == 2 ? kx_op(a, e->op, e->type, 2, v[0], v[1]) :
		kx_op(a, e->op, e->type, 3, v[0], v[1], v[2]);
}

/* ---- the frame ---- */

static struct k_var *variable(struct arena *a, const char *name)
{
	struct k_var *v = ARENA_NEW(a, struct k_var);

	*v = (struct k_var){ .name = name, .type = T_I64 };
	return v;
}

static void add_condition(struct arena *a, struct program *p,
	struct kx *holds, const char *text)
{
	vec_push(a, &p->conditions, (struct p_condition){ holds, text });
}

static void add_at_least_one(struct arena *a, struct program *p,
	struct k_var *v)
{
	add_condition(a, p, kx_lt(a, wide(a, 0), kx_var(a, v)),
		arena_printf(a, "%s >= 1", v->name));
}

/* "e", or that it is not so, as conditions of their own where all of several
 * must hold; "text" is told of the first. */
static bool add_holds(struct arena *a, struct program *p,
	const struct ir_expr *e, bool not, const char *text)
{
	struct kx *holds;

	if (e->kind == IR_OP && e->op == OP_NOT)
		return add_holds(a, p, e->args[0], !not, text);
	if (e->kind == IR_OP && e->op == (not ? OP_OR : OP_AND))
		return add_holds(a, p, e->args[0], not, text) &&
			add_holds(a, p, e->args[1], not, NULL);
	holds = value_of(a, p, e);
	if (holds && not)
		holds = kx_op(a, OP_NOT, T_BOOL, 1, holds);
	if (holds)
		add_condition(a, p, holds, text);
	return holds != NULL;
}

static void fix_size(struct arena *a, struct program *p,
	const struct ir_size *fixed)
{
	for (int i = 0; i < p->sizes.n; i++)
		if (!strcmp(p->sizes.v[i].name, fixed->name))
			add_condition(a, p, kx_op(a, OP_EQ, T_BOOL, 2,
				kx_var(a, p->sizes.v[i].var),
				wide(a, fixed->value)), arena_printf(a,
				"%s == %lld", fixed->name,
				(long long)fixed->value));
}

static bool make_frame(struct session *s, struct general *g,
	const struct ir_size *fixed, int n)
{
	struct arena *a = s->a;
	const struct lower_open *o = g->open;
	struct program *p = &g->frame;
	bool ok = true;

	p->general = true;
	for (int i = 0; i < o->n_sizes; i++) {
		struct p_size size = { .name = o->sizes[i],
			.var = variable(a, o->sizes[i]) };

		vec_push(a, &p->sizes, size);
		add_at_least_one(a, p, size.var);
	}
	for (int i = 0; i < o->n_derived; i++) {
		struct p_let let = { variable(a, o->derived[i].name),
			value_of(a, p, o->derived[i].value) };

		ok &= let.value != NULL;
		vec_push(a, &p->lets, let);
		if (ok)
			add_at_least_one(a, p, let.var);
	}
	for (int i = 0; i < o->n_conditions && ok; i++)
		ok = add_holds(a, p, o->conditions[i].holds, false,
			o->conditions[i].text);
	for (int i = 0; i < n; i++)
		fix_size(a, p, &fixed[i]);
	return ok || session_fail(s, EXIT_USER, "'%s': where computes with "
		"more than whole numbers: its sizes cannot stay open",
		g->request->item->name.text);
}

/* ---- witnesses ---- */

struct ir_operator *general_lower(struct session *s, const struct general *g,
	const int64_t *sizes)
{
	struct lower_request r = *g->request;
	struct ir_size *v = ARENA_ARRAY(s->a, (size_t)(r.n_shape +
		g->frame.sizes.n) + 1, struct ir_size);
	struct ir_operator *o;
	struct str text;

	for (int i = 0; i < r.n_shape; i++)
		v[i] = r.shape[i];
	str_init(&text, s->a);
	for (int i = 0; i < g->frame.sizes.n; i++) {
		v[r.n_shape++] = (struct ir_size){ g->frame.sizes.v[i].name,
			sizes[i] };
		str_printf(&text, "%s%s = %lld", i ? ", " : "",
			g->frame.sizes.v[i].name, (long long)sizes[i]);
	}
	r.shape = v;
	o = lower(s->a, &r, s->d);
	if (!o)
		diag_note(s->d, (struct span){0}, "its sizes are open, and this "
			"is so where %s; say in where which sizes there are",
			str_text(&text));
	return o;
}

static int64_t largest(const struct ir_operator *o)
{
	int64_t most = 0;

	for (int i = 0; i < o->n_tensors; i++)
		if (o->tensors[i].elements > most)
			most = o->tensors[i].elements;
	return most;
}

/* One size after the other as large as tensors allow: tiles of any size are
 * many along it. */
static const int64_t *const *choose_huge(struct session *s, struct general *g,
	int *n)
{
	const int64_t **rows = ARENA_ARRAY(s->a, (size_t)g->frame.sizes.n + 1,
		const int64_t *);

	*n = 0;
	for (int i = 0; i < g->frame.sizes.n; i++)
		for (int64_t scale = HUGE; scale > SCALE; scale /= 2) {
			const int64_t *sizes = general_huge(s->a, &g->frame,
				i, scale);
			const struct ir_operator *o = sizes ?
				general_lower(s, g, sizes) : NULL;

			if (sizes && !o)
				return NULL;
			if (!o || largest(o) > ELEMENTS)
				continue;
			rows[(*n)++] = sizes;
			break;
		}
	return rows;
}

/* Large sizes at which costs are compared, and what else they come with. */
static const int64_t *const *choose_sizes(struct session *s, struct general *g)
{
	int n_huge;
	const int64_t *const *rows = NULL, *const *huge;
	int64_t scale = g->frame.sizes.n == 1 ? HUGE : g->frame.sizes.n == 2 ?
		2 * SCALE : SCALE;

	huge = choose_huge(s, g, &n_huge);
	if (!huge)
		return NULL;
	for (; scale >= LEAST_SCALE; scale = scale * 2 / 3) {
		const struct ir_operator *o;

		rows = general_sizes(s->a, &g->frame, scale, huge, n_huge,
			&g->n_fit, &g->n);
		if (!rows)
			continue;
		o = general_lower(s, g, rows[0]);
		if (!o)
			return NULL;
		if (largest(o) <= (scale > SCALE ? USUAL : ELEMENTS)) {
			g->scale = scale;
			g->cases = general_cases(s->a, &g->frame, scale,
				&g->n_cases);
			return rows;
		}
	}
	if (rows) {
		diag_error(s->d, E_OVERFLOW, g->request->item->name.at, "'%s' "
			"is too large for a kernel that serves all sizes",
			g->request->item->name.text);
		diag_hint(s->d, "Give its sizes numbers, by --shape or in a tune "
			"block.");
	} else if (!g->request->n_also) {
		diag_error(s->d, E_WHERE, g->request->item->name.at, "no sizes "
			"were found for which the conditions of '%s' hold",
			g->request->item->name.text);
	}
	return NULL;
}

/* Unless its tensors are beyond what a general kernel counts. */
static bool add_witness(struct session *s, struct general *g,
	const int64_t *sizes)
{
	struct ir_operator *o = general_lower(s, g, sizes);

	if (o && (g->n < g->n_fit || largest(o) <= ELEMENTS))
		g->at[g->n++] = (struct witness){ .sizes = sizes, .op = o };
	return o != NULL;
}

/* Every witness against all others: one that happens to agree with it in some
 * extent hides nothing, and what extents are multiples of is true of all. */
static void mark_split(struct general *g)
{
	for (int i = 0; i < g->n; i++)
		for (int k = 1; k < g->n; k++)
			ir_mark_open(g->at[i].op, g->at[(i + k) % g->n].op);
}

static void mark_cut(struct general *g, int cut)
{
	for (int i = 0; i < g->n; i++)
		for (int k = 1; k < g->n; k++)
			ir_mark_open(g->at[i].plans[cut].op,
				g->at[(i + k) % g->n].plans[cut].op);
}

static bool pass(struct session *s, const struct general *g, struct witness *w)
{
	if (g->schedule) {
		directives_mark_constants(w->op, g->schedule);
		directives_in_place(s->a, w->op, g->schedule, NULL);
	}
	if (!job_passes(s, w->op))
		return false;
	w->plans = ARENA_ARRAY(s->a, (size_t)g->n_cuts, struct witness_plan);
	for (int i = 0; i < g->n_cuts; i++) {
		struct witness_plan *p = &w->plans[i];

		p->op = ir_copy(s->a, w->op);
		p->partition = ir_partition_by(s->a, p->op, g->cuts[i]);
	}
	return true;
}

bool general_witness(struct session *s, const struct general *g,
	const int64_t *sizes, struct witness *w)
{
	*w = (struct witness){ .sizes = sizes,
		.op = general_lower(s, g, sizes) };
	return w->op && pass(s, g, w);
}

bool general_partition(struct session *s, struct general *g)
{
	bool ok = true;

	g->n_cuts = cuts_find(s, g->schedule, g->cuts);
	for (int i = 0; i < g->n && ok; i++)
		ok = pass(s, g, &g->at[i]);
	for (int i = 0; i < g->n_cuts && ok; i++)
		mark_cut(g, i);
	return ok;
}

void general_mark_plan(const struct general *g, struct plan *p)
{
	for (int i = 1; i < g->n; i++)
		ir_mark_open(p->op, g->at[i % g->n].plans[p->which].op);
}

/* ---- alignment ---- */

/* What the strides of tensor "t" are multiples of at every witness. */
static int64_t common_stride(const struct general *g, int t)
{
	int64_t of = 0;

	for (int i = 0; i < g->n; i++) {
		const struct ir_tensor *x = &g->at[i].op->tensors[t];

		for (int d = 0; d < x->n_phys; d++)
			if (x->phys[d].stride != 1)
				of = number_gcd(x->phys[d].stride, of);
	}
	return of;
}

/* Rows of a matrix begin where the sizes say: a kernel may count on no more
 * than what holds of all of them. */
static void align_rows(struct general *g)
{
	for (int t = 0; t < g->at[0].op->n_tensors; t++) {
		int bytes = dtype_row(g->at[0].op->tensors[t].type)->bits / 8;
		int64_t of = common_stride(g, t), align = bytes ? bytes : 1;

		while (of && of % 2 == 0) {
			of /= 2;
			align *= 2;
		}
		for (int i = 0; i < g->n && of; i++) {
			struct ir_tensor *x = &g->at[i].op->tensors[t];

			x->align = x->align < align ? x->align : (int)align;
		}
	}
}

/* ---- symbols ---- */

static void add_symbol(struct session *s, struct general *g,
	const char *name, struct k_var *var)
{
	int64_t *at = ARENA_ARRAY(s->a, (size_t)g->n, int64_t);
	struct kx *value = kx_var(s->a, var);

	for (int i = 0; i < g->n; i++)
		program_number(&g->frame, g->at[i].sizes, value, 0, &at[i]);
	g->symbols[g->n_symbols++] = (struct fit_symbol){ name, value, at };
}

static void make_symbols(struct session *s, struct general *g)
{
	g->symbols = ARENA_ARRAY(s->a, (size_t)(g->frame.sizes.n +
		g->frame.lets.n) + 1, struct fit_symbol);
	for (int i = 0; i < g->frame.sizes.n; i++) {
		g->frame.sizes.v[i].value = g->at[0].sizes[i];
		add_symbol(s, g, g->frame.sizes.v[i].name,
			g->frame.sizes.v[i].var);
	}
	for (int i = 0; i < g->frame.lets.n; i++)
		add_symbol(s, g, g->frame.lets.v[i].var->name,
			g->frame.lets.v[i].var);
}

struct general *general_create(struct session *s,
	const struct lower_request *r, const struct ir_size *fixed, int n_fixed)
{
	struct general *g = ARENA_NEW(s->a, struct general);
	const int64_t *const *rows;
	int n;

	g->session = s;
	g->request = r;
	g->open = lower_open(s->a, r, s->d);
	if (!g->open || !make_frame(s, g, fixed, n_fixed))
		return NULL;
	rows = choose_sizes(s, g);
	if (!rows)
		return NULL;
	n = g->n;
	g->n = 0;
	g->at = ARENA_ARRAY(s->a, (size_t)n, struct witness);
	for (int i = 0; i < n; i++)
		if (!add_witness(s, g, rows[i]))
			return NULL;
	mark_split(g);
	align_rows(g);
	make_symbols(s, g);
	return g;
}
