/* SPDX-License-Identifier: MIT */
/* Which statements may share a cluster. In come a cluster and a statement, out
 * goes the statement's axis along each coordinate, if everything it reads of
 * the cluster is at its own coordinates. Axes of extent 1 say nothing through
 * reads and are paired in order. */
#include <string.h>

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
	const struct member *w = match_writer(m->o, m->c, read->tensor);
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

static bool taken(const struct match *m, int axis)
{
	for (int i = 0; i < m->c->n_coords; i++)
		if (m->axis[i] == axis)
			return true;
	return false;
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

/* The same for as many coordinates as can have one. */
static bool pair_some(struct match *m, const int *pool, int n)
{
	for (int i = 0; i < m->c->n_coords; i++)
		pair(m, i, i + 1, pool, n);
	for (int k = 0; k < n; k++)
		if (!taken(m, pool[k]))
			return false;
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

static bool is_reduced(const struct match *m, int coord)
{
	return m->axis[coord] >= 0 && m->o->axes[m->axis[coord]].reduced;
}

static bool arg_order_kept(const struct match *m)
{
	const struct ir_expr *e = m->s->expr;
	int n = 0;

	if (e->reducer != RED_ARGMAX && e->reducer != RED_ARGMIN)
		return true;
	for (int i = 0; i < m->c->n_coords; i++)
		if (is_reduced(m, i) && m->axis[i] != e->red[n++])
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

/* ---- statistics of a contraction's rows ---- */

static bool among(const int *axes, int n, int axis)
{
	for (int i = 0; i < n; i++)
		if (axes[i] == axis)
			return true;
	return false;
}

/* The coordinates reduced are those of "axes", all whose extent is not 1; or the last
 * of them, where rows may be segments of a side. */
static bool along_side(const struct match *m, const int *axes, int n)
{
	bool segments = m->c->takes == TAKES_SEGMENTS, began = false, all = true;
	int64_t length = 1;

	for (int i = 0; i < m->c->n_coords; i++) {
		const struct ir_axis *x = &m->o->axes[m->c->coords[i]];
		bool in = among(axes, n, x->id), reduced = is_reduced(m, i);

		if (reduced ? !in : in && x->extent != 1 && (began || !segments))
			return false;
		began |= reduced;
		all &= reduced || !in || x->extent == 1;
		length *= reduced ? x->extent : 1;
	}
	if (!all && (length % IR_PRODUCT_STEP || ir_any_open(m->o, axes, n)))
		return false;
	return (m->c->takes != TAKES_STATISTICS && !segments) ||
		length <= IR_PRODUCT_ROW;
}

/* The axes along which the rows go are those of the statistics before, or of
 * one factor alone. */
static bool along_rows(struct match *m)
{
	struct ir_contraction c;

	for (int i = 0; m->c->across && i < m->c->n_coords; i++)
		if (m->c->across[i] != is_reduced(m, i))
			return false;
	if (m->c->across)
		return true;
	return match_contraction(m->a, m->o, m->c->takes, m->c->anchor_stmt,
			&c) &&
		(along_side(m, c.n, c.n_n) || along_side(m, c.m, c.n_m));
}

static bool takes_statistics(const struct cluster *c)
{
	return c->takes == TAKES_STATISTICS || c->takes == TAKES_SEGMENTS ||
		c->takes == TAKES_ROWS ||
		c->anchor == IR_CHAIN;
}

static bool complete_statistic(struct match *m)
{
	const struct ir_expr *e = m->s->expr;
	int all = m->c->n_coords;

	return takes_statistics(m->c) && m->s->n_axes + e->n_red == all &&
		pair_some(m, m->s->axes, m->s->n_axes) &&
		pair(m, 0, all, e->red, e->n_red) && along_rows(m) &&
		arg_order_kept(m);
}

/* One value per row: nothing runs along the coordinates that are reduced. */
static bool complete_row_map(struct match *m)
{
	const struct ir_stmt *s = m->s;

	for (int i = 0; i < m->c->n_coords; i++) {
		if (m->c->across[i] ? m->axis[i] >= 0 :
				!pair(m, i, i + 1, s->axes, s->n_axes))
			return false;
	}
	return paired(m) == s->n_axes;
}

/* ---- the second product of a chain ---- */

/* Rows are where the product's are, and it sums along them and over nothing
 * else. */
static bool complete_second(struct match *m)
{
	const struct ir_stmt *s = m->s;
	int n_red = 0, all = m->c->n_coords;

	for (int i = 0; i < all; i++) {
		bool row = !m->c->across || !m->c->across[i];

		if (!(row && pair(m, i, i + 1, s->axes, s->n_axes)) &&
				!pair(m, i, i + 1, s->expr->red, s->expr->n_red))
			return false;
		n_red += is_reduced(m, i);
	}
	return n_red == s->expr->n_red && all - n_red < s->n_axes &&
		along_rows(m) && chain_factors(m->a, m->o, m->c,
			(int)(s - m->o->stmts), m->axis);
}

static void note_across(struct arena *a, struct cluster *c,
	const struct match *m)
{
	c->across = ARENA_ARRAY(a, c->n_coords, bool);
	for (int i = 0; i < c->n_coords; i++)
		c->across[i] = is_reduced(m, i);
}

/* ---- maps ---- */

static int row_axes(const struct cluster *c)
{
	int n = 0;

	for (int i = 0; i < c->n_coords; i++)
		n += !c->across || !c->across[i];
	return n;
}

static bool complete_map(struct match *m)
{
	int rows = m->c->n_rows, all = m->c->n_coords;
	int n = m->s->n_axes;

	if (m->c->across && n < all)
		return n == row_axes(m->c) && complete_row_map(m);
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

/* "axis" is to be filled; "tmp" is for what deciding needs. */
static struct match begin(struct arena *tmp, const struct ir_operator *o,
	const struct cluster *c, int stmt, int *axis)
{
	struct match m = { tmp, o, c, &o->stmts[stmt], axis };

	for (int i = 0; i < c->n_coords; i++)
		m.axis[i] = -1;
	return m;
}

/* A reduction that follows a contraction, its axes along the coordinates as the
 * reads say: is it a statistic of rows, or the second product? */
static bool match_reduction(struct arena *a, struct cluster *c,
	struct match *m, int **axis)
{
	size_t size = sizeof **axis * (size_t)c->n_coords;
	int *read = ARENA_ARRAY(m->a, c->n_coords, int);
	bool statistic, second = c->anchor == IR_CONTRACTION &&
		c->takes == (c->across ? TAKES_ROWS : TAKES_PRODUCT);

	memcpy(read, m->axis, size);
	statistic = complete_statistic(m);
	if (!statistic && second)
		memcpy(m->axis, read, size);
	if (!statistic && !(second && complete_second(m)))
		return false;
	if (!c->across)
		note_across(a, c, m);
	if (!statistic)
		chain_begin(a, m->o, c, (int)(m->s - m->o->stmts), axis);
	return true;
}

/* A chain without its second product: the coordinates of the first alone. */
static struct cluster first_of(const struct cluster *c)
{
	struct cluster first = *c;

	if (c->anchor == IR_CHAIN)
		first.n_coords = c->n_rows;
	return first;
}

bool match_member(struct arena *a, struct arena *tmp,
	const struct ir_operator *o, struct cluster *c, int stmt, int **axis)
{
	struct match m = begin(tmp, o, c, stmt,
		*axis = ARENA_ARRAY(a, c->n_coords, int));
	struct cluster first = first_of(c);
	bool reduce = m.s->expr->kind == IR_REDUCE;
	struct chain_reading r = chain_reading(tmp, o, c, m.s->expr);

	if ((reduce && c->anchor == IR_MAP) || !use_reads(&m) ||
			!short_enough(&m))
		return false;
	if (r.after)
		return !reduce && !r.elements && complete_row_map(&m);
	m.c = &first;
	if (!reduce || c->anchor == IR_ROW)
		return reduce ? complete_reduce(&m) : complete_map(&m);
	return match_reduction(a, c, &m, axis);
}

/* ---- statements beside each other ---- */

/* Two reads of one tensor, "x" by a member whose axes along the coordinates
 * are "at": are they of the same element? */
static bool same_place(const struct match *m, const int *at,
	const struct ir_expr *x, const struct ir_expr *y)
{
	struct ir_affine f, g;

	for (int d = 0; d < x->n_args; d++) {
		if (!ir_affine(m->a, m->o, x->args[d], &f) ||
				!ir_affine(m->a, m->o, y->args[d], &g) ||
				f.c != g.c)
			return false;
		for (int i = 0; i < m->c->n_coords; i++)
			if (at[i] >= 0 && m->axis[i] >= 0 &&
					f.coef[at[i]] != g.coef[m->axis[i]])
				return false;
	}
	return true;
}

struct reads {
	struct arena *a;
	VEC(const struct ir_expr *) v;
};

static void add_read(struct ir_expr *e, void *ctx)
{
	struct reads *r = ctx;

	if (e->kind == IR_READ && e->n_args)
		vec_push(r->a, &r->v, e);
}

static bool share_element(const struct match *m, const struct member *w)
{
	struct reads x = { .a = m->a }, y = { .a = m->a };

	ir_walk(m->o->stmts[w->stmt].expr, add_read, &x);
	ir_walk(m->s->expr, add_read, &y);
	for (int i = 0; i < x.v.n; i++)
		for (int k = 0; k < y.v.n; k++)
			if (x.v.v[i]->tensor == y.v.v[k]->tensor &&
					same_place(m, w->axis, x.v.v[i],
						y.v.v[k]))
				return true;
	return false;
}

/* Some member reads at its own coordinates what the statement reads at its. */
static bool shares_input(const struct match *m)
{
	for (int i = 0; i < m->c->members.n; i++)
		if (share_element(m, &m->c->members.v[i]))
			return true;
	return false;
}

/* A map of one value per coordinate, its axes in the cluster's order. */
static bool same_domain(struct match *m)
{
	if (m->s->n_axes != m->c->n_coords ||
			group_writer(m->o, m->s->tensor) < 0)
		return false;
	for (int i = 0; i < m->c->n_coords; i++) {
		m->axis[i] = m->s->axes[i];
		if (!alike(&m->o->axes[m->c->coords[i]],
				&m->o->axes[m->axis[i]]))
			return false;
	}
	return true;
}

bool match_sibling(struct arena *a, struct arena *tmp,
	const struct ir_operator *o, const struct cluster *c, int stmt,
	int **axis)
{
	struct match m = begin(tmp, o, c, stmt,
		*axis = ARENA_ARRAY(a, c->n_coords, int));
	bool reduce = m.s->expr->kind == IR_REDUCE;

	if (!c->members.n || c->anchor != (reduce ? IR_ROW : IR_MAP))
		return false;
	return (reduce ? complete_reduce(&m) : same_domain(&m)) &&
		shares_input(&m);
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

bool match_domains(const struct ir_operator *o, const struct cluster *x,
	const struct cluster *y)
{
	if (!x->members.n || !y->members.n || x->anchor != y->anchor ||
	    x->anchor == IR_CONTRACTION || x->anchor == IR_CHAIN ||
	    x->anchor == IR_TWINS || x->n_rows != y->n_rows ||
	    x->n_coords != y->n_coords)
		return false;
	for (int i = 0; i < x->n_coords; i++)
		if (!alike(&o->axes[x->coords[i]], &o->axes[y->coords[i]]))
			return false;
	return true;
}

bool match_clusters(struct arena *tmp, const struct ir_operator *o,
	const struct cluster *x, const struct cluster *y)
{
	if (!match_domains(o, x, y))
		return false;
	for (int i = 0; i < y->members.n; i++) {
		const struct member *w = &y->members.v[i];
		struct match m = { tmp, o, x, &o->stmts[w->stmt], w->axis };

		if (shares_input(&m))
			return true;
	}
	return false;
}

bool match_source(struct arena *tmp, const struct ir_operator *o,
	const struct cluster *from, const struct cluster *to, int stmt,
	int *perm)
{
	struct match m = begin(tmp, o, from, stmt,
		ARENA_ARRAY(tmp, from->n_coords, int));

	return from->n_coords == to->n_coords && use_reads(&m) &&
		paired(&m) && pair(&m, 0, from->n_coords, to->coords,
			to->n_coords) && permutation(&m, to, perm);
}
