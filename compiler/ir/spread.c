/* SPDX-License-Identifier: MIT */
/* All pairs. In comes a hoisted operator in which reductions go over what is
 * computed of pairs, an element of one tensor with an element of another, such as
 * distances: as many as a matrix has, and none is worth a place in memory. Out goes
 * one that means the same in which a short axis of such a reduction's results is
 * written out: the three coordinates of a force are three reductions beside each
 * other, and what they share of a pair is computed once. What reads the results
 * along that axis is written out with them. */
#include <string.h>

#include "ir/group.h"

/* Results of a row that are written out. */
enum { RESULTS = 8 };

struct spreading {
	struct arena *a;
	struct ir_operator *o;
	int *axis;		/* by statement: the one written out, or -1 */
	int *dim;		/* by tensor: its dimension, or -1 */
	int **parts;		/* by tensor: a let for each value, or NULL */
	VEC(struct ir_stmt) stmts;
};

/* ---- what is computed of pairs ---- */

/* "pairs" by tensor: 1 a let whose map is made of pairs, -1 another one, 0 not known
 * yet. */
struct looking {
	struct arena *a;
	const struct ir_operator *o;
	signed char *pairs;
};

static struct looking looking(struct arena *a, const struct ir_operator *o)
{
	return (struct looking){ a, o, ARENA_ARRAY(a, o->n_tensors + 1,
		signed char) };
}

/* The map that writes a let, one of few elements written out, or NULL. */
static const struct ir_expr *map_of(const struct looking *l, int tensor)
{
	const struct ir_operator *o = l->o;
	int writer = o->tensors[tensor].role == IR_LET ?
		group_writer(o, tensor) : -1;

	if (writer < 0)
		return NULL;
	return o->stmts[writer].expr->kind != IR_REDUCE ?
		o->stmts[writer].expr :
		group_written_out(l->a, o, &o->stmts[writer]);
}

static void mark_axes(const struct ir_operator *o, const struct ir_expr *e,
	bool *axes)
{
	if (e->kind == IR_AXIS && o->axes[e->axis].extent > 1)
		axes[e->axis] = true;
	for (int i = 0; i < e->n_args; i++)
		mark_axes(o, e->args[i], axes);
}

static bool is_pairs(struct looking *l, const struct ir_expr *e);

static bool let_is_pairs(struct looking *l, int tensor)
{
	const struct ir_expr *e;

	if (!l->pairs[tensor]) {
		e = map_of(l, tensor);
		l->pairs[tensor] = e && is_pairs(l, e) ? 1 : -1;
	}
	return l->pairs[tensor] > 0;
}

/* Does each read below "e" lack one of "axes", or read what is made of pairs? */
static bool reads_lack(struct looking *l, const struct ir_expr *e,
	const bool *axes)
{
	bool lacks = false, *has;

	for (int i = 0; e->kind != IR_READ && i < e->n_args; i++)
		if (!reads_lack(l, e->args[i], axes))
			return false;
	if (e->kind != IR_READ)
		return e->kind != IR_REDUCE;
	has = ARENA_ARRAY(l->a, l->o->n_axes + 1, bool);
	mark_axes(l->o, e, has);
	for (int i = 0; i < l->o->n_axes; i++)
		lacks |= axes[i] && !has[i];
	return lacks || let_is_pairs(l, e->tensor);
}

/* Is "e" computed of elements that have fewer axes each? */
static bool is_pairs(struct looking *l, const struct ir_expr *e)
{
	bool *axes = ARENA_ARRAY(l->a, l->o->n_axes + 1, bool);
	int n = 0;

	mark_axes(l->o, e, axes);
	for (int i = 0; i < l->o->n_axes; i++)
		n += axes[i];
	return n > 1 && reads_lack(l, e, axes);
}

/* Is "e", which statement "s" reduces, or something in it without axis "but", made
 * of pairs of what the row has and what is reduced? */
static bool has_pairs(struct looking *l, const struct ir_stmt *s,
	const struct ir_expr *e, int but)
{
	bool *axes = ARENA_ARRAY(l->a, l->o->n_axes + 1, bool);
	bool row = false, reduced = false, computed = e->kind == IR_OP ||
		(e->kind == IR_READ && map_of(l, e->tensor));

	mark_axes(l->o, e, axes);
	for (int i = 0; i < s->n_axes; i++)
		row |= axes[s->axes[i]];
	for (int i = 0; i < s->expr->n_red; i++)
		reduced |= axes[s->expr->red[i]];
	if (!row || !reduced)
		return false;
	if (computed && !(but >= 0 && axes[but]))
		return e->kind == IR_READ ? let_is_pairs(l, e->tensor) :
			is_pairs(l, e);
	for (int i = 0; e->kind != IR_READ && i < e->n_args; i++)
		if (has_pairs(l, s, e->args[i], but))
			return true;
	return false;
}

bool group_reads_pairs(struct arena *a, const struct ir_operator *o, int stmt)
{
	const struct ir_stmt *s = &o->stmts[stmt];
	struct looking l = looking(a, o);
	struct group_reads reads = {0};
	int *map = ARENA_ARRAY(a, o->n_axes, int);

	if (s->expr->kind != IR_REDUCE || group_written_out(a, o, s))
		return false;
	group_collect(a, o, s->expr, &reads);
	for (int i = 0; i < reads.n; i++) {
		const struct ir_stmt *w = map_of(&l, reads.v[i]->tensor) ?
			&o->stmts[group_writer(o, reads.v[i]->tensor)] : NULL;

		if (w && w->n_axes == s->n_axes + s->expr->n_red &&
		    ir_correspond(a, o, w, reads.v[i], map) &&
		    let_is_pairs(&l, reads.v[i]->tensor))
			return true;
	}
	return false;
}

/* ---- which statements are written out ---- */

/* The dimension of what "s" writes that is axis "axis", or -1. */
static int plain_dim(const struct ir_operator *o, const struct ir_stmt *s,
	int axis)
{
	for (int d = 0; d < o->tensors[s->tensor].rank; d++)
		if (s->index[d]->kind == IR_AXIS && s->index[d]->axis == axis)
			return d;
	return -1;
}

static bool is_short(const struct ir_operator *o, int axis)
{
	const struct ir_axis *x = &o->axes[axis];

	return !x->open && !x->reduced && x->extent > 1 && x->extent <= RESULTS;
}

/* May statement "stmt" be written out along "axis", and with it what reads it? */
static bool add(struct spreading *p, int stmt, int axis);

static bool add_reader(struct spreading *p, int stmt, const struct ir_expr *read,
	int dim)
{
	const struct ir_expr *at = read->args[dim];

	if (at->kind == IR_INT)
		return true;
	if (read->pad != IR_PAD_NONE || at->kind != IR_AXIS ||
	    p->o->axes[at->axis].reduced || p->o->axes[at->axis].lo ||
	    p->o->axes[at->axis].extent !=
	    p->o->tensors[read->tensor].dims[dim])
		return false;
	return p->axis[stmt] >= 0 ? p->axis[stmt] == at->axis :
		add(p, stmt, at->axis);
}

static bool add(struct spreading *p, int stmt, int axis)
{
	const struct ir_operator *o = p->o;
	const struct ir_stmt *s = &o->stmts[stmt];
	int dim = plain_dim(o, s, axis);
	bool read = false;

	if (dim < 0 || o->axes[axis].lo || group_writer(o, s->tensor) < 0 ||
	    o->tensors[s->tensor].dims[dim] != o->axes[axis].extent)
		return false;
	p->axis[stmt] = axis;
	p->dim[s->tensor] = dim;
	for (int i = 0; i < o->n_stmts; i++) {
		struct group_reads reads = {0};

		group_collect(p->a, o, o->stmts[i].expr, &reads);
		for (int k = 0; k < reads.n; k++) {
			if (reads.v[k]->tensor != s->tensor)
				continue;
			read = true;
			if (!add_reader(p, i, reads.v[k], dim))
				return false;
		}
	}
	return !read || o->tensors[s->tensor].role == IR_LET;
}

/* Adds the statement, if one of its short axes is such and all that comes with it
 * can be. */
static bool add_short(struct spreading *p, int stmt)
{
	struct looking l = looking(p->a, p->o);
	const struct ir_operator *o = p->o;
	const struct ir_stmt *s = &o->stmts[stmt];
	size_t stmts = (size_t)o->n_stmts * sizeof *p->axis;
	size_t tensors = (size_t)o->n_tensors * sizeof *p->dim;
	int *axis = ARENA_ARRAY(p->a, o->n_stmts, int);
	int *dim = ARENA_ARRAY(p->a, o->n_tensors, int);

	if (s->expr->kind != IR_REDUCE || p->axis[stmt] >= 0)
		return false;
	for (int i = 0; i < s->n_axes; i++) {
		if (!is_short(o, s->axes[i]) || !has_pairs(&l, s,
		    s->expr->args[0], s->axes[i]))
			continue;
		memcpy(axis, p->axis, stmts);
		memcpy(dim, p->dim, tensors);
		if (add(p, stmt, s->axes[i]))
			return true;
		memcpy(p->axis, axis, stmts);
		memcpy(p->dim, dim, tensors);
	}
	return false;
}

/* ---- writing out ---- */

static bool is_named(const struct ir_operator *o, const char *name)
{
	for (int i = 0; i < o->n_tensors; i++)
		if (!strcmp(o->tensors[i].name, name))
			return true;
	return false;
}

/* As what is hoisted out of "name" is called. */
static const char *part_name(struct arena *a, const struct ir_operator *o,
	const char *name)
{
	const char *tail = strstr(name, "_red"), *part;
	int n = 0;

	if (tail && !tail[4 + strspn(tail + 4, "0123456789")])
		name = arena_strndup(a, name, (size_t)(tail - name));
	do
		part = arena_printf(a, "%s_red%d", name, n++);
	while (is_named(o, part));
	return part;
}

/* A let for each value along the dimension that tensor "t" is without. */
static void make_parts(struct spreading *p, int t)
{
	struct ir_tensor x = p->o->tensors[t];
	int64_t *dims = ARENA_ARRAY(p->a, x.rank, int64_t);
	int n = 0, values = (int)x.dims[p->dim[t]];

	for (int d = 0; d < x.rank; d++)
		if (d != p->dim[t])
			dims[n++] = x.dims[d];
	p->parts[t] = ARENA_ARRAY(p->a, values, int);
	for (int v = 0; v < values; v++)
		p->parts[t][v] = ir_add_let(p->a, p->o, part_name(p->a, p->o,
			x.name), x.type, dims, n);
}

/* "e" with parts in place of what is written out. */
static struct ir_expr *of_parts(struct spreading *p, struct ir_expr *e)
{
	struct ir_expr *c = ir_like(p->a, e);
	int n = 0;

	for (int i = 0; i < e->n_args; i++)
		c->args[i] = of_parts(p, e->args[i]);
	if (e->kind != IR_READ || !p->parts[e->tensor])
		return c;
	c->tensor = p->parts[e->tensor][e->args[p->dim[e->tensor]]->i];
	for (int i = 0; i < e->n_args; i++)
		if (i != p->dim[e->tensor])
			c->args[n++] = c->args[i];
	c->n_args = n;
	return c;
}

/* Axes of its own for what is made of "s" at value "v" of the axis written out. */
static struct ir_expr **own_axes(struct spreading *p, const struct ir_stmt *s,
	int axis, int v, struct ir_stmt *out)
{
	int stmt = p->stmts.n, n = s->expr->n_red;
	struct ir_expr **with = ARENA_ARRAY(p->a, p->o->n_axes + 1,
		struct ir_expr *);

	out->axes = ARENA_ARRAY(p->a, s->n_axes, int);
	out->n_axes = 0;
	for (int i = 0; i < s->n_axes + n; i++) {
		int id = i < s->n_axes ? s->axes[i] :
			s->expr->red[i - s->n_axes];
		struct ir_axis x = p->o->axes[id];

		if (id == axis) {
			with[id] = ir_int(p->a, v, T_I64);
			continue;
		}
		x.stmt = stmt;
		x.id = ir_add_axis(p->a, p->o, x);
		with[id] = ir_axis_value(p->a, x.id);
		if (i < s->n_axes)
			out->axes[out->n_axes++] = x.id;
	}
	return with;
}

static struct ir_expr *at_value(struct spreading *p, const struct ir_expr *e,
	struct ir_expr **with)
{
	struct ir_expr *c = ir_substitute(p->a, e, with);

	for (int i = 0; i < c->n_red; i++)
		c->red[i] = with[e->red[i]]->axis;
	return ir_fold_expr(p->a, p->o, of_parts(p, c));
}

static void push(struct spreading *p, struct ir_stmt s)
{
	group_own_axes(p->o, &s, p->stmts.n);
	vec_push(p->a, &p->stmts, s);
}

/* The index of "s" with "with" in place of its axes, but dimension "but". */
static struct ir_expr **index_of(struct spreading *p, const struct ir_stmt *s,
	struct ir_expr **with, int but)
{
	int rank = p->o->tensors[s->tensor].rank, n = 0;
	struct ir_expr **index = ARENA_ARRAY(p->a, rank, struct ir_expr *);

	for (int d = 0; d < rank; d++)
		if (d != but)
			index[n++] = ir_substitute(p->a, s->index[d], with);
	return index;
}

/* Part "v" of a let, or of what an output is then copied from. */
static void write_part(struct spreading *p, const struct ir_stmt *s, int axis,
	int v)
{
	struct ir_stmt out = *s;
	struct ir_expr **with = own_axes(p, s, axis, v, &out);

	out.tensor = p->parts[s->tensor][v];
	out.index = index_of(p, s, with, p->dim[s->tensor]);
	out.expr = at_value(p, s->expr, with);
	push(p, out);
}

static void write_output(struct spreading *p, const struct ir_stmt *s, int axis,
	int v)
{
	struct ir_stmt out = *s, bare = *s;
	bool reduces = s->expr->kind == IR_REDUCE;
	struct ir_expr **with;

	bare.expr = reduces ? ir_int(p->a, 0, T_I64) : s->expr;
	with = own_axes(p, &bare, axis, v, &out);
	out.index = index_of(p, s, with, -1);
	out.expr = reduces ? ir_read_tensor(p->a, &p->o->tensors[
		p->parts[s->tensor][v]], index_of(p, s, with,
			p->dim[s->tensor])) : at_value(p, s->expr, with);
	push(p, out);
}

static void write_out(struct spreading *p, const struct ir_stmt *s, int axis)
{
	int n = (int)p->o->axes[axis].extent;
	bool output = p->o->tensors[s->tensor].role == IR_OUT;

	if (!output || s->expr->kind == IR_REDUCE) {
		make_parts(p, s->tensor);
		for (int v = 0; v < n; v++)
			write_part(p, s, axis, v);
	}
	for (int v = 0; output && v < n; v++)
		write_output(p, s, axis, v);
}

static struct spreading begin(struct arena *a, struct ir_operator *o)
{
	struct spreading p = { .a = a, .o = o };

	p.axis = ARENA_ARRAY(a, o->n_stmts + 1, int);
	p.dim = ARENA_ARRAY(a, o->n_tensors, int);
	for (int i = 0; i < o->n_stmts; i++)
		p.axis[i] = -1;
	for (int i = 0; i < o->n_tensors; i++)
		p.dim[i] = -1;
	/* A part for each value of each: what is made is not written out again. */
	p.parts = ARENA_ARRAY(a, o->n_tensors * (RESULTS + 1), int *);
	return p;
}

bool group_spread(struct arena *a, struct ir_operator *o)
{
	struct spreading p = begin(a, o);
	bool any = false;

	for (int i = 0; i < o->n_stmts; i++)
		any |= add_short(&p, i);
	for (int i = 0; i < o->n_stmts && any; i++) {
		struct ir_stmt s = o->stmts[i];

		if (p.axis[i] >= 0) {
			write_out(&p, &s, p.axis[i]);
			continue;
		}
		s.expr = of_parts(&p, s.expr);
		push(&p, s);
	}
	if (any) {
		o->stmts = p.stmts.v;
		o->n_stmts = p.stmts.n;
	}
	for (int i = 0; i < o->n_stmts && !any; i++)
		any = group_reads_pairs(a, o, i);
	return any;
}
