/* SPDX-License-Identifier: MIT */
/* Analysis of walks: every read and write of the statements becomes an access,
 * equal ones once, with its address as a form over the nests and the vectors
 * it can be moved in. Reads that are padded, clamped or at computed indices
 * have no form; the axes they mention are spelled out instead. */
#include "sketch/walk.h"

#include <assert.h>
#include <string.h>

/* Coefficients are those of values from 0: the axes' lower bounds, and axes of
 * extent 1 whole, go into the constant. */
struct form form_of(const struct ir_operator *o, const struct walk *w,
	const struct ir_stmt *s, const struct piece *p,
	const struct ir_affine *f)
{
	struct form x = { .c = f->c };
	const struct ir_expr *r = p->reduction;

	for (int i = 0; i < s->n_axes; i++)
		x.c += f->coef[s->axes[i]] * o->axes[s->axes[i]].lo;
	for (int i = 0; r && i < r->n_red; i++)
		x.c += f->coef[r->red[i]] * o->axes[r->red[i]].lo;
	for (int i = 0; i < w->rows.n; i++)
		x.row[i] = f->coef[p->row_axis[i]];
	for (int i = 0; i < w->in.n && !p->per_row; i++)
		x.in[i] = f->coef[p->in_axis[i]];
	return x;
}

bool form_equal(const struct walk *w, const struct form *x,
	const struct form *y)
{
	size_t rows = (size_t)w->rows.n * sizeof *x->row;
	size_t in = (size_t)w->in.n * sizeof *x->in;

	return x->c == y->c && !memcmp(x->row, y->row, rows) &&
		!memcmp(x->in, y->in, in);
}

struct collector {
	struct arena *a;
	const struct ir_operator *o;
	struct walk *w;
	const struct piece *p;
	const bool *held;
};

/* Axis "id" of the piece needs its values one by one. */
static void spell(struct collector *c, int id)
{
	for (int i = 0; i < c->w->rows.n; i++)
		if (c->p->row_axis[i] == id)
			c->w->rows.spelled[i] = true;
	for (int i = 0; i < c->w->in.n && !c->p->per_row; i++)
		if (c->p->in_axis[i] == id)
			c->w->in.spelled[i] = true;
}

static void spell_all(struct collector *c)
{
	for (int i = 0; i < c->w->rows.n; i++)
		c->w->rows.spelled[i] = true;
	for (int i = 0; i < c->w->in.n; i++)
		c->w->in.spelled[i] = true;
}

static bool leaves(const struct ir_operator *o, const struct ir_expr *e)
{
	const struct ir_tensor *t = &o->tensors[e->tensor];
	int64_t lo, hi;

	if (e->pad == IR_PAD_NONE)
		return false;
	for (int d = 0; d < t->rank; d++)
		if (!ir_range(o, e->args[d], &lo, &hi) || lo < 0 ||
		    hi >= t->dims[d])
			return true;
	return false;
}

static int add_access(struct collector *c, struct access x)
{
	for (int i = 0; i < c->w->acc.n && x.direct && x.read; i++) {
		struct access *y = &c->w->acc.v[i];

		if (y->direct && y->read && y->tensor == x.tensor &&
		    form_equal(c->w, &x.at, &y->at)) {
			y->pieces |= x.pieces;
			return i;
		}
	}
	vec_push(c->a, &c->w->acc, x);
	return c->w->acc.n - 1;
}

static void collect(struct collector *c, const struct ir_expr *e);

static void collect_read(struct collector *c, const struct ir_expr *e)
{
	const struct ir_tensor *t = &c->o->tensors[e->tensor];
	struct access x = { .read = e, .tensor = t,
		.pieces = 1ull << c->w->pieces.n };
	struct ir_affine f;

	if (!leaves(c->o, e) && c->w->acc.n < ACCESS_LIMIT &&
	    ir_address(c->a, c->o, t, e->args, &f)) {
		x.direct = true;
		x.at = form_of(c->o, c->w, c->p->stmt, c->p, &f);
		vec_push(c->a, &c->w->uses, (struct use){ e,
			add_access(c, x) });
		return;
	}
	if (c->w->acc.n < ACCESS_LIMIT)
		add_access(c, x);
	for (int i = 0; i < e->n_args; i++)
		collect(c, e->args[i]);
}

static void collect(struct collector *c, const struct ir_expr *e)
{
	if (e->kind == IR_READ) {
		if (!c->held[e->tensor])
			collect_read(c, e);
		return;
	}
	if (e->kind == IR_AXIS)
		spell(c, e->axis);
	if (e->kind == IR_REDUCE) {
		spell_all(c);
		return;
	}
	for (int i = 0; i < e->n_args; i++)
		collect(c, e->args[i]);
}

static int add_write(struct collector *c)
{
	const struct ir_stmt *s = c->p->stmt;
	struct access x = { .tensor = &c->o->tensors[s->tensor] };
	struct ir_affine f;

	if (ir_address(c->a, c->o, x.tensor, s->index, &f)) {
		x.direct = true;
		x.at = form_of(c->o, c->w, s, c->p, &f);
		return add_access(c, x);
	}
	for (int i = 0; i < s->n_axes; i++)
		spell(c, s->axes[i]);
	return add_access(c, x);
}

/* argmax and argmin yield the values of the reduced axes. */
static void collect_places(struct collector *c)
{
	const struct ir_expr *r = c->p->reduction;

	for (int i = 0; r && reducer_indexed(r->reducer) && i < r->n_red; i++)
		spell(c, r->red[i]);
}

void walk_add(struct arena *a, const struct ir_operator *o, struct walk *w,
	struct piece p, const bool *held, bool stored)
{
	struct collector c = { a, o, w, &p, held };

	assert(w->pieces.n < WALK_PIECES);
	collect(&c, p.value);
	collect_places(&c);
	p.out = stored ? add_write(&c) : -1;
	vec_push(a, &w->pieces, p);
}

bool access_uniform(const struct walk *w, const struct access *x)
{
	return x->direct && (w->in.n == 0 || x->at.in[w->in.n - 1] == 0);
}

bool access_vector(const struct walk *w, const struct access *x)
{
	return x->direct && w->in.n && x->at.in[w->in.n - 1] == 1;
}

static bool divides(const struct walk *w, const struct access *x, int v)
{
	if (x->at.c % v)
		return false;
	for (int r = 0; r < w->rows.n_runs; r++)
		if (x->at.row[w->rows.first[r + 1] - 1] % v)
			return false;
	for (int r = 0; r + 1 < w->in.n_runs; r++)
		if (x->at.in[w->in.first[r + 1] - 1] % v)
			return false;
	return true;
}

static void find_width(const struct walk *w, struct access *x)
{
	int size = dtype_row(x->tensor->type)->bits / 8;
	int align = x->tensor->role == IR_LET ? VECTOR_BYTES :
		x->tensor->align;

	x->width = 1;
	if (!access_vector(w, x))
		return;
	for (int v = 2; v * size <= VECTOR_BYTES; v *= 2)
		if (align % (v * size) == 0 && divides(w, x, v))
			x->width = v;
}

static int gather_forms(const struct walk *w, const struct form **forms, int n)
{
	for (int i = 0; i < w->acc.n; i++)
		if (w->acc.v[i].direct)
			forms[n++] = &w->acc.v[i].at;
	return n;
}

static void share_spelled_rows(struct walk *w, int n)
{
	for (int i = 0; i < w->rows.n; i++) {
		bool spelled = false;

		for (int k = 0; k < n; k++)
			spelled |= w[k].rows.spelled[i];
		for (int k = 0; k < n; k++)
			w[k].rows.spelled[i] = spelled;
	}
}

void walk_finish(struct arena *a, struct walk *w, int n)
{
	const struct form **forms = ARENA_ARRAY(a, (size_t)n *
		(ACCESS_LIMIT + WALK_PIECES), const struct form *);
	int n_forms = 0;

	share_spelled_rows(w, n);
	for (int i = 0; i < n; i++)
		n_forms = gather_forms(&w[i], forms, n_forms);
	for (int i = 0; i < n; i++)
		nest_join(&w[i].rows, forms, n_forms, false);
	for (int i = 0; i < n; i++) {
		n_forms = gather_forms(&w[i], forms, 0);
		nest_join(&w[i].in, forms, n_forms, true);
		for (int k = 0; k < w[i].acc.n; k++)
			find_width(&w[i], &w[i].acc.v[k]);
	}
}

int access_chunk(const struct access *x, int v)
{
	return x->width < v ? x->width : v;
}

int walk_vector(const struct walk *w, int limit)
{
	int best = 1;

	for (int i = 0; i < w->acc.n; i++)
		if (w->acc.v[i].width > best)
			best = w->acc.v[i].width;
	if (w->in.n_runs > 1)
		while (best > 1 && w->in.run[w->in.n_runs - 1] % best)
			best /= 2;
	return best < limit ? best : limit;
}

struct cost_of expr_cost(const struct ir_expr *e)
{
	struct cost_of sum = { 0, 0 };

	if (e->kind == IR_READ)
		return sum;
	for (int i = 0; i < e->n_args; i++) {
		struct cost_of x = expr_cost(e->args[i]);

		sum.ops += x.ops;
		sum.special += x.special;
	}
	if (e->kind == IR_OP && e->op >= OP_EXP && e->op <= OP_ERF)
		sum.special += 1;
	if (e->kind == IR_OP || e->kind == IR_CAST)
		sum.ops += 1;
	return sum;
}

static bool computable(enum dtype t)
{
	return t != T_TF32 && t != T_E4M3 && t != T_E5M2 && t != T_I4 &&
		t != T_U4;
}

struct type_search {
	const struct ir_operator *o;
	enum dtype bad;
};

static void look_at_type(struct ir_expr *e, void *ctx)
{
	struct type_search *s = ctx;

	if (!computable(e->type))
		s->bad = e->type;
	if (e->kind == IR_READ && !computable(s->o->tensors[e->tensor].type))
		s->bad = s->o->tensors[e->tensor].type;
}

const char *group_types(struct arena *a, const struct ir_operator *o,
	const struct ir_group *g)
{
	struct type_search s = { o, T_NONE };

	for (int i = 0; i < g->n_stmts; i++) {
		const struct ir_stmt *x = &o->stmts[g->stmts[i]];

		if (!computable(o->tensors[x->tensor].type))
			s.bad = o->tensors[x->tensor].type;
		ir_walk(x->expr, look_at_type, &s);
	}
	if (s.bad == T_NONE)
		return NULL;
	return arena_printf(a, "it computes on CUDA cores, which have no %s",
		dtype_row(s.bad)->name);
}
