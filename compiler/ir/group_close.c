/* SPDX-License-Identifier: MIT */
/* Clusters become groups. In come those that grouping has made, which depend on each
 * other without cycles; out go groups in the order in which they run, and the
 * operator's statements in that order, with axes in the order of coordinates. */
#include <stdlib.h>

#include "ir/match.h"

/* Does a contraction's cluster have none of the axes that the statement sums over? */
static bool sums_itself(const struct cluster *c, int stmt)
{
	return stmt == c->anchor_stmt ||
		(c->anchor == IR_TWINS && stmt == c->second);
}

/* The member's axes in the order of the coordinates, and those it reduces over;
 * of a contraction's anchor they are no coordinates. */
static void order_axes(struct grouping *g, const struct cluster *c,
	const struct member *m)
{
	struct ir_stmt *s = &g->o->stmts[m->stmt];
	struct ir_expr *e = ARENA_NEW(g->a, struct ir_expr);
	int n = 0;

	*e = *s->expr;
	s->axes = ARENA_ARRAY(g->a, s->n_axes, int);
	if (e->n_red && (c->anchor == IR_ROW || !sums_itself(c, m->stmt))) {
		e->red = ARENA_ARRAY(g->a, e->n_red, int);
		e->n_red = 0;
		s->expr = e;
	}
	for (int i = 0; i < c->n_coords; i++) {
		int axis = m->axis[i];

		if (axis >= 0 && g->o->axes[axis].reduced)
			e->red[e->n_red++] = axis;
		else if (axis >= 0)
			s->axes[n++] = axis;
	}
}

static int by_stmt(const void *x, const void *y)
{
	const struct member *p = x, *q = y;

	return p->stmt - q->stmt;
}

/* Appends the member's statement to the operator's. */
static int move_stmt(struct ir_operator *o, struct ir_stmt s)
{
	o->stmts[o->n_stmts] = s;
	group_own_axes(o, &s, o->n_stmts);
	return o->n_stmts++;
}

/* Those that follow the second product of a chain, itself among them, or the
 * others. */
static void close_members(struct grouping *g, const struct cluster *c,
	bool after, const struct ir_stmt *old, struct ir_group *out)
{
	for (int i = 0; i < c->members.n; i++) {
		int was = c->members.v[i].stmt, now;

		if (chain_after(c, &c->members.v[i]) != after)
			continue;
		now = move_stmt(g->o, old[was]);
		out->stmts[out->n_stmts++] = now;
		if (was == c->anchor_stmt)
			out->anchor_stmt = now;
		if ((c->anchor == IR_CHAIN || c->anchor == IR_TWINS) &&
				was == c->second)
			out->second = now;
	}
}

static void close_cluster(struct grouping *g, struct cluster *c,
	const struct ir_stmt *old, struct ir_partition *p)
{
	struct ir_group *out = &p->groups[p->n_groups++];

	qsort(c->members.v, (size_t)c->members.n, sizeof *c->members.v, by_stmt);
	out->anchor = c->anchor;
	out->n_rows = c->anchor == IR_ROW ? c->n_rows : 0;
	out->across = c->across;
	out->stmts = ARENA_ARRAY(g->a, c->members.n, int);
	close_members(g, c, false, old, out);
	close_members(g, c, true, old, out);
}

/* Closes cluster "k" after those it reads. */
static void close_in_order(struct grouping *g, int k, const struct ir_stmt *old,
	struct ir_partition *p)
{
	struct cluster *c = &g->clusters.v[k];

	if (g->seen[k] == g->visit || !c->members.n)
		return;
	g->seen[k] = g->visit;
	for (int i = 0; i < c->members.n; i++) {
		const struct group_reads *reads =
			&g->reads[c->members.v[i].stmt];

		for (int j = 0; j < reads->n; j++)
			if (g->of[reads->v[j]->tensor] >= 0)
				close_in_order(g, g->of[reads->v[j]->tensor],
					old, p);
	}
	close_cluster(g, c, old, p);
}

/* Twins sum in the same order. */
static void order_twin(struct grouping *g, const struct cluster *c)
{
	struct ir_stmt *s = &g->o->stmts[c->second];

	if (c->anchor == IR_TWINS && c->members.n)
		s->expr = group_twin(g->a, g->o, c->anchor_stmt, c->second);
}

struct ir_partition *group_close(struct grouping *g)
{
	struct ir_partition *p = ARENA_NEW(g->a, struct ir_partition);
	struct ir_operator *o = g->o;
	struct ir_stmt *old;

	for (int k = 0; k < g->clusters.n; k++)
		for (int i = 0; i < g->clusters.v[k].members.n; i++)
			order_axes(g, &g->clusters.v[k],
				&g->clusters.v[k].members.v[i]);
	for (int k = 0; k < g->clusters.n; k++)
		order_twin(g, &g->clusters.v[k]);
	p->groups = ARENA_ARRAY(g->a, g->clusters.n, struct ir_group);
	old = o->stmts;
	o->stmts = ARENA_ARRAY(g->a, o->n_stmts, struct ir_stmt);
	o->n_stmts = 0;
	g->visit++;
	for (int k = 0; k < g->clusters.n; k++)
		close_in_order(g, k, old, p);
	return p;
}
