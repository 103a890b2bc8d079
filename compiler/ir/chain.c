/* SPDX-License-Identifier: MIT */
/* Chains: what a product's cluster has for its second product. In come a cluster
 * and a statement whose axes along its coordinates are known, out goes whether the
 * one factor is made of elements of the cluster and the other of nothing of it;
 * and the cluster with the second product's own axes as coordinates. */
#include "ir/match.h"

bool match_contraction(struct arena *a, const struct ir_operator *o,
	enum takes takes, int stmt, struct ir_contraction *out)
{
	return takes == TAKES_PRODUCT || takes == TAKES_ROWS ?
		ir_contraction_by_table(a, o, stmt, out, NULL) :
		ir_contraction(a, o, stmt, out, NULL);
}

const struct member *match_writer(const struct ir_operator *o,
	const struct cluster *c, int tensor)
{
	for (int i = 0; i < c->members.n; i++)
		if (o->stmts[c->members.v[i].stmt].tensor == tensor)
			return &c->members.v[i];
	return NULL;
}

bool chain_element(const struct ir_operator *o, const struct cluster *c,
	const struct member *w)
{
	for (int i = 0; i < c->n_rows; i++)
		if (w->axis[i] < 0 || o->axes[w->axis[i]].reduced)
			return false;
	return true;
}

bool chain_after(const struct cluster *c, const struct member *w)
{
	return c->anchor == IR_CHAIN && w->axis[c->n_rows] >= 0;
}

struct chain_reading chain_reading(struct arena *tmp,
	const struct ir_operator *o, const struct cluster *c,
	const struct ir_expr *e)
{
	struct group_reads reads = {0};
	struct chain_reading r = {0};

	group_collect(tmp, o, (struct ir_expr *)e, &reads);
	for (int i = 0; i < reads.n; i++) {
		const struct member *w = match_writer(o, c, reads.v[i]->tensor);

		r.any |= w != NULL;
		r.elements |= w && chain_element(o, c, w);
		r.after |= w && chain_after(c, w);
	}
	return r;
}

static bool among(const int *axes, int n, int axis)
{
	for (int i = 0; i < n; i++)
		if (axes[i] == axis)
			return true;
	return false;
}

/* An axis that is none of "axes". */
struct other {
	const struct ir_operator *o;
	const int *axes;
	int n;
	bool found;
};

static void find_other(struct ir_expr *e, void *ctx)
{
	struct other *x = ctx;

	x->found |= e->kind == IR_AXIS && !among(x->axes, x->n, e->axis) &&
		x->o->axes[e->axis].extent != 1;
}

bool chain_factors(struct arena *tmp, const struct ir_operator *o,
	const struct cluster *c, int stmt, const int *axis)
{
	struct other x = { o, axis, c->n_coords, false };
	struct chain_reading left, right;
	struct ir_contraction of;

	if (!match_contraction(tmp, o, c->takes, stmt, &of) || of.pair)
		return false;
	left = chain_reading(tmp, o, c, of.left_value);
	right = chain_reading(tmp, o, c, of.right_value);
	ir_walk((struct ir_expr *)(left.any ? of.left_value : of.right_value),
		find_other, &x);
	return left.any != right.any && (left.elements || right.elements) &&
		!x.found;
}

static int *longer(struct arena *a, const int *v, int n, int room)
{
	int *w = ARENA_ARRAY(a, room, int);

	for (int i = 0; i < room; i++)
		w[i] = i < n ? v[i] : -1;
	return w;
}

void chain_begin(struct arena *a, const struct ir_operator *o,
	struct cluster *c, int second, int **axis)
{
	const struct ir_stmt *s = &o->stmts[second];
	int first = c->n_coords, n = first, room = first + s->n_axes;
	bool *across = ARENA_ARRAY(a, room, bool);
	int *at = longer(a, *axis, first, room);

	for (int i = 0; i < s->n_axes; i++)
		if (!among(*axis, first, s->axes[i]))
			at[n++] = s->axes[i];
	c->coords = longer(a, c->coords, first, room);
	for (int i = 0; i < n; i++) {
		across[i] = i < first && c->across[i];
		c->coords[i] = i < first ? c->coords[i] : at[i];
	}
	for (int i = 0; i < c->members.n; i++)
		c->members.v[i].axis = longer(a, c->members.v[i].axis, first,
			room);
	c->anchor = IR_CHAIN;
	c->second = second;
	c->n_coords = n;
	c->across = across;
	*axis = at;
}
