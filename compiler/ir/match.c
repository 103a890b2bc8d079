/* SPDX-License-Identifier: MIT */
/* Which statements may share a cluster. In come a cluster and a statement, out
 * goes the statement's axis along each coordinate, if everything it reads of
 * the cluster is at its own coordinates. Axes of extent 1 say nothing through
 * reads and are paired in order. */
#include "ir/match.h"

/* A row alone in its cluster is at most this long for work after its reduction
 * to stay with it: beyond, one block would do what the grid can. */
enum { LONGEST_LONE_ROW = 1 << 16 };

struct match {
	struct arena *a;
	const struct ir_operator *o;
	const struct cluster *c;
	const struct ir_stmt *s;
	int *axis;
};

static const struct member *member_writing(const struct ir_operator *o,
	const struct cluster *c, int tensor)
{
	for (int i = 0; i < c->members.n; i++)
		if (o->stmts[c->members.v[i].stmt].tensor == tensor)
			return &c->members.v[i];
	return NULL;
}

/* axis[coord] = y, if that is not another already and y runs along no other. */
static bool set(struct match *m, int coord, int y)
{
	if (m->axis[coord] == y)
		return true;
	if (m->axis[coord] >= 0 || y < 0)
		return false;
	for (int i = 0; i < m->c->n_coords; i++)
		if (m->axis[i] == y)
			return false;
	m->axis[coord] = y;
	return true;
}

/* A read of what was written along "x" tells where on x's coordinate it is. */
static bool speaks(const struct ir_axis *x)
{
	return x->extent != 1 && !x->reduced;
}

static bool use_read(struct match *m, const struct ir_expr *read)
{
	const struct member *w = member_writing(m->o, m->c, read->tensor);
	int *map = ARENA_ARRAY(m->a, m->o->n_axes, int);

	if (!w)
		return true;
	if (group_writer(m->o, read->tensor) < 0 ||
			!ir_correspond(m->a, m->o, &m->o->stmts[w->stmt], read,
				map))
		return false;
	for (int i = 0; i < m->c->n_coords; i++)
		if (w->axis[i] >= 0 && speaks(&m->o->axes[w->axis[i]]) &&
				!set(m, i, map[w->axis[i]]))
			return false;
	return true;
}

static bool use_reads(struct match *m)
{
	struct group_reads reads = {0};

	group_collect(m->a, m->o, m->s->expr, &reads);
	for (int i = 0; i < reads.n; i++)
		if (!use_read(m, reads.v[i]))
			return false;
	return true;
}

static bool alike(const struct ir_axis *x, const struct ir_axis *y)
{
	return x->extent == y->extent && x->lo == y->lo;
}

/* Coordinates begin to end - 1 that have no axis yet take the first of "pool"
 * that is like theirs and unused. */
static bool pair(struct match *m, int begin, int end, const int *pool, int n)
{
	for (int i = begin; i < end; i++) {
		const struct ir_axis *x = &m->o->axes[m->c->coords[i]];
		int k = 0;

		if (m->axis[i] >= 0)
			continue;
		while (k < n && !(alike(x, &m->o->axes[pool[k]]) &&
				set(m, i, pool[k])))
			k++;
		if (k == n)
			return false;
	}
	return true;
}

static int paired(const struct match *m)
{
	int n = 0;

	for (int i = 0; i < m->c->n_coords; i++)
		n += m->axis[i] >= 0;
	return n;
}

/* Every axis set along coordinates begin to end - 1 is reduced, or is not. */
static bool all_reduced(const struct match *m, int begin, int end, bool reduced)
{
	for (int i = begin; i < end; i++)
		if (m->axis[i] >= 0 &&
				m->o->axes[m->axis[i]].reduced != reduced)
			return false;
	return true;
}

static bool arg_order_kept(const struct match *m)
{
	const struct ir_expr *e = m->s->expr;

	if (e->reducer != RED_ARGMAX && e->reducer != RED_ARGMIN)
		return true;
	for (int i = 0; i < e->n_red; i++)
		if (m->axis[m->c->n_rows + i] != e->red[i])
			return false;
	return true;
}

static bool complete_reduce(struct match *m)
{
	const struct ir_expr *e = m->s->expr;
	int rows = m->c->n_rows, all = m->c->n_coords;

	return m->s->n_axes == rows && e->n_red == all - rows &&
		pair(m, 0, rows, m->s->axes, m->s->n_axes) &&
		pair(m, rows, all, e->red, e->n_red) &&
		all_reduced(m, 0, rows, false) &&
		all_reduced(m, rows, all, true) && arg_order_kept(m);
}

static bool complete_map(struct match *m)
{
	int rows = m->c->n_rows, all = m->c->n_coords;
	int n = m->s->n_axes;

	if (!pair(m, 0, rows, m->s->axes, n))
		return false;
	if (n == rows)
		return paired(m) == rows;
	return n == all && pair(m, rows, all, m->s->axes, n);
}

static int64_t points(const struct match *m, int begin, int end)
{
	int64_t n = 1;

	for (int i = begin; i < end; i++)
		n *= m->o->axes[m->c->coords[i]].extent;
	return n;
}

/* False for what would keep a long lone row in one block. */
static bool short_enough(const struct match *m)
{
	int rows = m->c->n_rows, all = m->c->n_coords;

	if (m->c->anchor != IR_ROW || points(m, 0, rows) > 1 ||
			points(m, rows, all) <= LONGEST_LONE_ROW)
		return true;
	return m->s->expr->kind != IR_REDUCE && m->s->n_axes == rows;
}

static struct match begin(struct arena *a, const struct ir_operator *o,
	const struct cluster *c, int stmt)
{
	struct match m = { a, o, c, &o->stmts[stmt],
		ARENA_ARRAY(a, c->n_coords, int) };

	for (int i = 0; i < c->n_coords; i++)
		m.axis[i] = -1;
	return m;
}

bool match_member(struct arena *a, const struct ir_operator *o,
	const struct cluster *c, int stmt, int **axis)
{
	struct match m = begin(a, o, c, stmt);
	bool reduce = m.s->expr->kind == IR_REDUCE;

	*axis = m.axis;
	if ((reduce && c->anchor != IR_ROW) || !use_reads(&m) ||
			!short_enough(&m))
		return false;
	return reduce ? complete_reduce(&m) : complete_map(&m);
}

static void mark_input(struct ir_expr *e, void *ctx)
{
	bool *read = ctx;

	if (e->kind == IR_READ)
		read[e->tensor] = true;
}

static bool shares_input(const struct match *m)
{
	bool *x = ARENA_ARRAY(m->a, m->o->n_tensors, bool);
	bool *y = ARENA_ARRAY(m->a, m->o->n_tensors, bool);

	ir_walk(m->s->expr, mark_input, x);
	ir_walk(m->o->stmts[m->c->anchor_stmt].expr, mark_input, y);
	for (int i = 0; i < m->o->n_tensors; i++)
		if (x[i] && y[i])
			return true;
	return false;
}

bool match_sibling(struct arena *a, const struct ir_operator *o,
	const struct cluster *c, int stmt, int **axis)
{
	struct match m = begin(a, o, c, stmt);

	*axis = m.axis;
	return c->anchor == IR_ROW && shares_input(&m) && complete_reduce(&m);
}

static int coord_of(const struct cluster *c, int axis)
{
	for (int i = 0; i < c->n_coords; i++)
		if (c->coords[i] == axis)
			return i;
	return -1;
}

/* The reduction's axis along each coordinate of "from", as coordinates of
 * "to": all of them, each once. */
static bool permutation(const struct match *m, const struct cluster *to,
	int *perm)
{
	bool *used = ARENA_ARRAY(m->a, to->n_coords, bool);

	for (int i = 0; i < m->c->n_coords; i++) {
		perm[i] = coord_of(to, m->axis[i]);
		if (perm[i] < 0 || used[perm[i]])
			return false;
		used[perm[i]] = true;
	}
	return true;
}

bool match_source(struct arena *a, const struct ir_operator *o,
	const struct cluster *from, const struct cluster *to, int stmt,
	int *perm)
{
	struct match m = begin(a, o, from, stmt);

	return from->n_coords == to->n_coords && use_reads(&m) &&
		paired(&m) && pair(&m, 0, from->n_coords, to->coords,
			to->n_coords) && permutation(&m, to, perm);
}
