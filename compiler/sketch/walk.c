/* SPDX-License-Identifier: MIT */
/* Analysis of walks: every read and write of the statements becomes an access,
 * equal ones once, with its address as a form over the nests and the vectors
 * it can be moved in. Reads that are padded, clamped or at computed indices
 * have no form; the axes they mention are spelled out instead. */
#include "sketch/walk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Coefficients are those of values from 0: the axes' lower bounds, and axes of
 * extent 1 whole, go into the constant. */
static struct form form_of(const struct ir_operator *o, const struct walk *w,
	const struct piece *p, const struct ir_affine *f)
{
	struct form x = { .c = f->c };
	const struct ir_stmt *s = p->stmt;
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

static bool form_equal(const struct walk *w, const struct form *x,
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
	struct piece *p;
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
	bool below, above;

	if (e->pad == IR_PAD_NONE)
		return false;
	for (int d = 0; d < e->n_args; d++) {
		ir_leaves(o, e, d, &below, &above);
		if (below || above)
			return true;
	}
	return false;
}

/* Is it read at the same place? */
static bool same_access(const struct collector *c, const struct access *x,
	const struct access *y)
{
	if (!x->read || !y->read || y->tensor != x->tensor)
		return false;
	if (x->direct && y->direct)
		return form_equal(c->w, &x->at, &y->at);
	return x->guarded && y->guarded && ir_equal(x->read, y->read);
}

static int add_access(struct collector *c, struct access x)
{
	for (int i = 0; i < c->w->acc.n; i++)
		if (same_access(c, &x, &c->w->acc.v[i])) {
			c->w->acc.v[i].pieces |= x.pieces;
			return i;
		}
	vec_push(c->a, &c->w->acc, x);
	return c->w->acc.n - 1;
}

static void collect(struct collector *c, const struct ir_expr *e);

/* ---- rows at computed or padded places ---- */

static bool mentions(const struct ir_expr *e, int axis)
{
	bool found = (e->kind == IR_AXIS && e->axis == axis) ||
		e->kind == IR_REDUCE;

	for (int i = 0; i < e->n_args && !found; i++)
		found = mentions(e->args[i], axis);
	return found;
}

/* The most elements at a time that the index "e" of the row's dimension
 * allows: it is the innermost axis, plus multiples of them. */
static int row_step(struct collector *c, const struct ir_expr *e, int axis,
	int64_t size)
{
	struct ir_affine f;
	int64_t lo, hi;
	int v = VECTOR_BYTES;

	if (!ir_range(c->o, e, &lo, &hi) || lo < 0 || hi >= size ||
	    !ir_affine(c->a, c->o, e, &f) || f.coef[axis] != 1)
		return 1;
	f.c += c->o->axes[axis].lo;
	for (int i = 0; i < c->o->n_axes; i++)
		while (v > 1 && i != axis && f.coef[i] % v)
			v /= 2;
	while (v > 1 && f.c % v)
		v /= 2;
	return v;
}

/* The longest vector of guarded rows of "e", 1 where it reads no rows. */
static int guarded_width(struct collector *c, const struct ir_expr *e)
{
	const struct ir_tensor *t = &c->o->tensors[e->tensor];
	int size = dtype_row(t->type)->bits / 8, width = VECTOR_BYTES / size;
	int axis = c->p->per_row || !c->w->in.n ? -1 :
		c->p->in_axis[c->w->in.n - 1];
	int along = -1;

	if (axis < 0 || c->w->acc.n >= ACCESS_LIMIT)
		return 1;
	for (int d = 0; d < t->rank; d++) {
		if (!mentions(e->args[d], axis))
			continue;
		if (along >= 0)
			return 1;
		along = d;
	}
	for (int i = 0; i < t->n_phys; i++) {
		const struct ir_phys *p = &t->phys[i];
		int step = p->dim == along && p->stride == 1 && p->div <= 1 &&
			!p->mod ? row_step(c, e->args[along], axis,
			t->dims[along]) : p->dim == along ? 1 : width;

		while (width > 1 && (step % width || (p->dim != along &&
		       p->stride % width)))
			width /= 2;
	}
	while (width > 1 && t->role != IR_LET && t->align % (width * size))
		width /= 2;
	return along < 0 ? 1 : width;
}

static void use_access(struct collector *c, const struct ir_expr *e,
	struct access x)
{
	vec_push(c->a, &c->w->uses, (struct use){ e, add_access(c, x) });
}

static void collect_read(struct collector *c, const struct ir_expr *e)
{
	const struct ir_tensor *t = &c->o->tensors[e->tensor];
	struct access x = { .read = e, .tensor = t,
		.pieces = 1ull << c->w->pieces.n };
	struct ir_affine f;

	if (!leaves(c->o, e) && c->w->acc.n < ACCESS_LIMIT &&
	    ir_address(c->a, c->o, t, e->args, &f)) {
		x.direct = true;
		x.at = form_of(c->o, c->w, c->p, &f);
		use_access(c, e, x);
		return;
	}
	for (int i = 0; i < e->n_args; i++)
		collect(c, e->args[i]);
	x.width = guarded_width(c, e);
	x.guarded = x.width > 1;
	access_guess(c->a, c->o, c->w, c->p, &x);
	if (x.guarded)
		use_access(c, e, x);
	else
		add_access(c, x);
}

static void collect(struct collector *c, const struct ir_expr *e)
{
	int writer = e->kind == IR_READ ? walk_writer(c->w, e->tensor) : -1;

	if (writer >= 0)
		c->p->uses |= 1ull << writer;
	else if (e->kind == IR_READ)
		collect_read(c, e);
	if (e->kind == IR_READ)
		return;
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
	struct access x = { .tensor = &c->o->tensors[s->tensor],
		.pieces = 1ull << c->w->pieces.n };
	struct ir_affine f;

	if (ir_address(c->a, c->o, x.tensor, s->index, &f)) {
		x.direct = true;
		x.at = form_of(c->o, c->w, c->p, &f);
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

static void add_piece(struct arena *a, const struct ir_operator *o,
	struct walk *w, struct piece p, bool stored)
{
	struct collector c = { a, o, w, &p };

	assert(w->pieces.n < WALK_PIECES);
	collect(&c, p.value);
	collect_places(&c);
	p.out = stored ? add_write(&c) : -1;
	w->wide |= expr_wide(p.reduction ? p.reduction : p.value);
	if (!p.per_row && expr_aside(p.value))
		w->aside = expr_aside(p.value);
	vec_push(a, &w->pieces, p);
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

	if (x->guarded)
		return;
	x->width = 1;
	if (!access_vector(w, x))
		return;
	for (int v = 2; v * size <= VECTOR_BYTES; v *= 2)
		if (align % (v * size) == 0 && divides(w, x, v))
			x->width = v;
}

static int gather_forms(const struct walk *w, const struct form **forms)
{
	int n = 0;

	for (int i = 0; i < w->acc.n; i++)
		if (w->acc.v[i].direct)
			forms[n++] = &w->acc.v[i].at;
	return n;
}

static void finish(struct arena *a, struct walk *w)
{
	const struct form **forms = ARENA_ARRAY(a, (size_t)w->acc.n + 1,
		const struct form *);
	int n = gather_forms(w, forms);

	nest_join(&w->rows, forms, n, false);
	nest_join(&w->in, forms, n, true);
	for (int i = 0; i < w->acc.n; i++)
		find_width(w, &w->acc.v[i]);
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

/* ---- groups ---- */

int stmt_inner_axis(const struct ir_stmt *s, int n_rows, int k)
{
	const struct ir_expr *e = s->expr;

	if (e->kind == IR_REDUCE)
		return k < e->n_red ? e->red[k] : -1;
	return n_rows + k < s->n_axes ? s->axes[n_rows + k] : -1;
}

int walk_writer(const struct walk *w, int tensor)
{
	for (int i = 0; i < w->pieces.n; i++)
		if (w->pieces.v[i].stmt->tensor == tensor)
			return i;
	return -1;
}

bool walk_used(const struct walk *w, int i)
{
	for (int k = i + 1; k < w->pieces.n; k++)
		if (w->pieces.v[k].uses >> i & 1)
			return true;
	return false;
}

const char **walk_vector_names(const struct task *t, const struct walk *w)
{
	const char **names = ARENA_ARRAY(t->a, (size_t)w->acc.n + 1,
		const char *);
	int n = 0;

	for (int id = 0; id < t->op->n_tensors; id++) {
		bool vector = false;

		for (int i = 0; i < w->acc.n; i++)
			vector |= w->acc.v[i].tensor->id == id &&
				w->acc.v[i].width > 1;
		if (vector)
			names[n++] = t->op->tensors[id].name;
	}
	return names;
}

uint64_t walk_reads(const struct walk *w, int i, uint64_t known)
{
	uint64_t mask = 0, pieces = 1ull << i;

	for (int k = i; k >= 0; k--) {
		if (!(pieces >> k & 1))
			continue;
		pieces |= w->pieces.v[k].uses & ~known;
		for (int x = 0; x < w->acc.n && x < 64; x++)
			if (w->acc.v[x].read &&
			    w->acc.v[x].pieces >> k & 1)
				mask |= 1ull << x;
	}
	return mask;
}

struct ordered {
	int place;
	int64_t stride;
};

static int by_stride(const void *x, const void *y)
{
	const struct ordered *p = x, *q = y;

	if (p->stride != q->stride)
		return p->stride < q->stride ? 1 : -1;
	return p->place - q->place;
}

/* Places 0..n-1 with the greatest strides first; what has none is outermost, or,
 * "idle", innermost. */
static int *order(struct arena *a, int n, const int64_t *stride, bool idle)
{
	struct ordered *x = ARENA_ARRAY(a, (size_t)n + 1, struct ordered);
	int *places = ARENA_ARRAY(a, (size_t)n + 1, int);

	for (int i = 0; i < n; i++)
		x[i] = (struct ordered){ i, stride[i] || idle ?
			llabs(stride[i]) : INT64_MAX };
	qsort(x, (size_t)n, sizeof *x, by_stride);
	for (int i = 0; i < n; i++)
		places[i] = x[i].place;
	return places;
}

struct places {
	int n_rows, n_in;
	int *rows, *in;
};

static int n_inner(const struct task *t, int n_rows)
{
	int n = 0;

	for (int i = 0; i < t->group->n_stmts; i++)
		while (stmt_inner_axis(&t->op->stmts[t->group->stmts[i]],
		    n_rows, n) >= 0)
			n++;
	return n;
}

static struct places find_places(const struct task *t, int n_rows,
	const struct reference *ref)
{
	struct places p = { .n_rows = n_rows, .n_in = n_inner(t, n_rows) };
	struct arena *a = t->a;
	int64_t *row = ARENA_ARRAY(a, (size_t)p.n_rows + 1, int64_t);
	int64_t *in = ARENA_ARRAY(a, (size_t)p.n_in + 1, int64_t);
	struct ir_affine f;

	if (ref->index && ir_address(a, t->op, ref->tensor, ref->index, &f)) {
		for (int i = 0; i < n_rows; i++)
			row[i] = f.coef[ref->stmt->axes[i]];
		for (int k = 0; k < p.n_in; k++) {
			int axis = stmt_inner_axis(ref->stmt, n_rows, k);

			in[k] = axis < 0 ? 0 : f.coef[axis];
		}
	}
	p.rows = order(a, p.n_rows, row, ref->idle);
	p.in = order(a, p.n_in, in, false);
	return p;
}

static const struct ir_stmt *full_stmt(const struct task *t, int n_rows,
	int n_in)
{
	for (int i = 0; i < t->group->n_stmts; i++) {
		const struct ir_stmt *s = &t->op->stmts[t->group->stmts[i]];

		if (n_in == 0 || stmt_inner_axis(s, n_rows, n_in - 1) >= 0)
			return s;
	}
	return NULL;
}

static bool make_nests(const struct task *t, const struct places *p,
	struct walk *w)
{
	const struct ir_stmt *s = full_stmt(t, p->n_rows, p->n_in);
	int *rows = ARENA_ARRAY(t->a, (size_t)p->n_rows + 1, int);
	int *in = ARENA_ARRAY(t->a, (size_t)p->n_in + 1, int);

	if (!s || s->n_axes < p->n_rows)
		return false;
	for (int i = 0; i < p->n_rows; i++)
		rows[i] = s->axes[p->rows[i]];
	for (int i = 0; i < p->n_in; i++)
		in[i] = stmt_inner_axis(s, p->n_rows, p->in[i]);
	return nest_make(t->op, rows, p->n_rows, &w->rows) &&
		nest_make(t->op, in, p->n_in, &w->in);
}

/* The axes of "s" in the nests' order; false if their extents differ. */
static bool place_axes(const struct task *t, const struct places *p,
	const struct walk *w, const struct ir_stmt *s, struct piece *x)
{
	const struct ir_axis *axes = t->op->axes;
	int n = 0, m = 0;

	x->per_row = p->n_in && stmt_inner_axis(s, p->n_rows, 0) < 0;
	for (int i = 0; i < p->n_rows; i++) {
		int id = s->axes[p->rows[i]];

		if (axes[id].extent == 1)
			continue;
		if (n == w->rows.n || axes[id].extent != w->rows.extent[n])
			return false;
		x->row_axis[n++] = id;
	}
	for (int i = 0; i < p->n_in && !x->per_row; i++) {
		int id = stmt_inner_axis(s, p->n_rows, p->in[i]);

		if (id < 0 || axes[id].extent == 1)
			continue;
		if (m == w->in.n || axes[id].extent != w->in.extent[m])
			return false;
		x->in_axis[m++] = id;
	}
	return n == w->rows.n && (x->per_row || m == w->in.n);
}

struct walk *walk_of_group(const struct task *t, int n_rows,
	const struct reference *ref, const char **why)
{
	struct places p = find_places(t, n_rows, ref);
	struct walk *w = ARENA_NEW(t->a, struct walk);

	*why = arena_printf(t->a, "a kernel goes over at most %d axes longer "
		"than 1, and at most %d statements: write neighbouring axes as "
		"one, N*H*W for N, H, W", NEST_AXES, WALK_PIECES);
	if (t->group->n_stmts > WALK_PIECES || !make_nests(t, &p, w))
		return NULL;
	for (int i = 0; i < t->group->n_stmts; i++) {
		const struct ir_stmt *s = &t->op->stmts[t->group->stmts[i]];
		bool reduces = s->expr->kind == IR_REDUCE;
		struct piece x = { .stmt = s,
			.reduction = reduces ? s->expr : NULL,
			.value = reduces ? s->expr->args[0] : s->expr };

		*why = "its statements go over different axes";
		if (s->n_axes < n_rows || !place_axes(t, &p, w, s, &x))
			return NULL;
		add_piece(t->a, t->op, w, x, ir_group_stores(t->op, t->group,
			s->tensor));
	}
	finish(t->a, w);
	*why = NULL;
	return w;
}
