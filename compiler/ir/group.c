/* SPDX-License-Identifier: MIT */
/* Grouping. In comes a folded and split operator, out goes its partition into
 * groups, in the order in which they run; the operator's statements stand in
 * that order too. A group under construction is a cluster: coordinates, those
 * of its anchor's axes, and for every member the axis that runs along each. A
 * statement joins a cluster it depends on, the last first, if all it reads
 * there is at its own coordinates; or else one that goes over the same domain
 * and reads the same. match.c decides that. Clusters depend on each other
 * without cycles, which is all the order that there is until group_close.c makes
 * groups of them. */
#include <string.h>

#include "ir/match.h"

/* A walk takes only so many statements. */
enum { MEMBERS_MAX = 24 };

/* Of more clusters, or statements that may be twins, pairs are not compared. */
enum { SIBLINGS_MAX = 64 };

static bool is_reduce(const struct ir_operator *o, int stmt)
{
	return o->stmts[stmt].expr->kind == IR_REDUCE;
}

static bool contracts(struct grouping *g, int stmt)
{
	struct ir_contraction c;

	return is_reduce(g->o, stmt) &&
		!(g->pairs && group_reads_pairs(g->tmp, g->o, stmt)) &&
		match_contraction(g->a, g->o, g->takes[stmt], stmt, &c);
}

static bool is_product(const struct cluster *c)
{
	return c->anchor == IR_CONTRACTION || c->anchor == IR_CHAIN ||
		c->anchor == IR_TWINS;
}

static bool depends(struct grouping *g, int from, int on);

/* Does the statement read what a cluster writes that depends on "on"? */
static bool stmt_depends(struct grouping *g, int stmt, int from, int on)
{
	const struct group_reads *reads = &g->reads[stmt];

	for (int i = 0; i < reads->n; i++) {
		int k = g->of[reads->v[i]->tensor];

		if (k >= 0 && k != from && depends(g, k, on))
			return true;
	}
	return false;
}

static bool depends(struct grouping *g, int from, int on)
{
	const struct cluster *c = &g->clusters.v[from];

	if (from == on)
		return true;
	if (g->seen[from] == g->visit)
		return false;
	g->seen[from] = g->visit;
	for (int i = 0; i < c->members.n; i++)
		if (stmt_depends(g, c->members.v[i].stmt, from, on))
			return true;
	return false;
}

/* True if what "stmt" reads of other clusters can be computed before cluster
 * "k", which has room for it. */
static bool may_enter(struct grouping *g, int stmt, int k)
{
	const struct cluster *c = &g->clusters.v[k];

	if (c->members.n >= (is_product(c) ? IR_PRODUCT_STATEMENTS :
			MEMBERS_MAX))
		return false;
	g->visit++;
	return !stmt_depends(g, stmt, k, k);
}

static void add_member(struct grouping *g, int cluster, int stmt, int *axis)
{
	struct cluster *c = &g->clusters.v[cluster];

	vec_push(g->a, &c->members, (struct member){ stmt, axis });
	g->of[g->o->stmts[stmt].tensor] = cluster;
}

/* A cluster around "stmt", whose axes, and then those it reduces over, are its
 * coordinates. */
static struct cluster cluster_of(struct grouping *g, enum ir_anchor anchor,
	int stmt)
{
	struct ir_stmt *s = &g->o->stmts[stmt];
	struct cluster c = { .anchor = anchor, .anchor_stmt = stmt,
		.n_rows = s->n_axes, .takes = g->takes[stmt] };
	int n_red = anchor == IR_ROW ? s->expr->n_red : 0;

	c.n_coords = s->n_axes + n_red;
	c.coords = ARENA_ARRAY(g->a, c.n_coords, int);
	for (int i = 0; i < s->n_axes; i++)
		c.coords[i] = s->axes[i];
	for (int i = 0; i < n_red; i++)
		c.coords[s->n_axes + i] = s->expr->red[i];
	return c;
}

static int new_cluster(struct grouping *g, enum ir_anchor anchor, int stmt)
{
	vec_push(g->a, &g->clusters, cluster_of(g, anchor, stmt));
	return g->clusters.n - 1;
}

/* ---- maps before a row reduction join it ---- */

static bool reads_of(struct grouping *g, int stmt, int cluster)
{
	const struct group_reads *reads = &g->reads[stmt];

	for (int i = 0; i < reads->n; i++)
		if (g->of[reads->v[i]->tensor] == cluster)
			return true;
	return false;
}

static bool read_elsewhere(struct grouping *g, int cluster)
{
	for (int k = 0; k < g->clusters.n; k++) {
		const struct cluster *c = &g->clusters.v[k];

		for (int i = 0; k != cluster && i < c->members.n; i++)
			if (reads_of(g, c->members.v[i].stmt, cluster))
				return true;
	}
	return false;
}

/* Does a statement of another cluster read the tensor? */
static bool read_outside(struct grouping *g, int tensor, int cluster)
{
	for (int k = 0; k < g->o->n_stmts; k++) {
		const struct group_reads *reads = &g->reads[k];

		for (int i = 0; i < reads->n; i++)
			if (reads->v[i]->tensor == tensor && g->of[
					g->o->stmts[k].tensor] != cluster)
				return true;
	}
	return false;
}

static void absorb(struct grouping *g, int cluster, int into, const int *perm)
{
	struct cluster *from = &g->clusters.v[cluster];
	struct cluster *to = &g->clusters.v[into];

	for (int i = 0; i < from->members.n; i++) {
		int *axis = ARENA_ARRAY(g->a, to->n_coords, int);

		for (int k = 0; k < from->n_coords; k++)
			axis[perm[k]] = from->members.v[i].axis[k];
		add_member(g, into, from->members.v[i].stmt, axis);
	}
	from->members.n = 0;
}

static void absorb_sources(struct grouping *g, int into, int stmt)
{
	for (int k = 0; k < into; k++) {
		struct cluster *from = &g->clusters.v[k];
		int *perm = ARENA_ARRAY(g->a, from->n_coords, int);

		if (from->anchor == IR_MAP && from->members.n &&
				match_source(g->tmp, g->o, from,
					&g->clusters.v[into], stmt, perm) &&
				!read_elsewhere(g, k))
			absorb(g, k, into, perm);
	}
}

/* ---- one statement after another ---- */

static void start_cluster(struct grouping *g, int stmt, bool alone)
{
	enum ir_anchor anchor = IR_MAP;
	int k;

	if (is_reduce(g->o, stmt))
		anchor = contracts(g, stmt) ? IR_CONTRACTION : IR_ROW;
	k = new_cluster(g, anchor, stmt);
	if (anchor == IR_ROW && !alone)
		absorb_sources(g, k, stmt);
	add_member(g, k, stmt, g->clusters.v[k].coords);
}

/* May a contraction join the cluster, as a statistic or as the second product? One
 * that begins a chain with statistics is no second without. */
static bool takes_contraction(const struct grouping *g,
	const struct cluster *c, int stmt)
{
	return is_product(c) && (c->takes != TAKES_PRODUCT ||
		g->takes[stmt] != TAKES_ROWS);
}

/* The cluster that "stmt" joins, with its axes along the coordinates, or -1. */
static int joined(struct grouping *g, int stmt, int **axis)
{
	bool product = contracts(g, stmt);

	for (int k = g->clusters.n - 1; k >= 0; k--)
		if (reads_of(g, stmt, k) && may_enter(g, stmt, k) &&
				(!product || takes_contraction(g,
					&g->clusters.v[k], stmt)) &&
				match_member(g->a, g->tmp, g->o,
					&g->clusters.v[k], stmt, axis))
			return k;
	for (int k = g->clusters.n - 1; k >= 0 && !product; k--)
		if (!reads_of(g, stmt, k) && may_enter(g, stmt, k) &&
				match_sibling(g->a, g->tmp, g->o,
					&g->clusters.v[k], stmt, axis))
			return k;
	return -1;
}

static bool are_apart(const struct grouping *g, int first, int second)
{
	for (int i = 0; i < g->apart.n; i++)
		if (g->apart.v[i].first == first &&
				g->apart.v[i].second == second)
			return true;
	return false;
}

/* Is anything made of both, as far as is known? */
static bool may_meet(const struct grouping *g, int first, int second)
{
	uint64_t both = (uint64_t)1 << first | (uint64_t)1 << second;

	for (int i = 0; i < g->o->n_stmts; i++)
		if ((g->made_of[i] & both) == both)
			return !are_apart(g, first, second);
	return false;
}

/* The cluster of a product whose twin "stmt" becomes, with its axes along the
 * coordinates, or -1. */
static int twinned(struct grouping *g, int stmt, int **axis)
{
	for (int k = g->clusters.n - 1; k >= 0 && g->twins; k--)
		if (may_meet(g, g->clusters.v[k].anchor_stmt, stmt) &&
				!reads_of(g, stmt, k) && may_enter(g, stmt, k) &&
				match_twin(g->a, g->tmp, g->o,
					&g->clusters.v[k], stmt, axis)) {
			g->clusters.v[k].anchor = IR_TWINS;
			g->clusters.v[k].second = stmt;
			return k;
		}
	return -1;
}

static void place(struct grouping *g, int stmt)
{
	int *axis;
	int k = joined(g, stmt, &axis);

	if (k < 0)
		k = twinned(g, stmt, &axis);
	if (k < 0)
		start_cluster(g, stmt, false);
	else
		add_member(g, k, stmt, axis);
	arena_reset(g->tmp);
}

/* ---- clusters beside each other ---- */

static bool several(const struct ir_operator *o, const int *axes, int n)
{
	for (int i = 0; i < n; i++)
		if (o->axes[axes[i]].extent > 1 || o->axes[axes[i]].open)
			return true;
	return false;
}

/* A matrix times a vector reads the matrix once, as a reduction of its rows does:
 * it is one where another wants the same matrix. */
static void rows_beside(struct grouping *g, int k)
{
	struct cluster *c = &g->clusters.v[k], row;
	int stmt = c->anchor_stmt;
	struct ir_contraction of;

	if (c->anchor != IR_CONTRACTION || c->members.n != 1 ||
	    !ir_contraction(g->a, g->o, stmt, &of, NULL) ||
	    (several(g->o, of.m, of.n_m) && several(g->o, of.n, of.n_n)))
		return;
	row = cluster_of(g, IR_ROW, stmt);
	vec_push(g->a, &row.members, (struct member){ stmt, row.coords });
	for (int i = 0; i < g->clusters.n; i++)
		if (i != k && match_clusters(g->tmp, g->o, &g->clusters.v[i],
		    &row)) {
			*c = row;
			return;
		}
}

/* Do both read what cluster "k" writes? */
static bool read_both(struct grouping *g, int x, int y, int k)
{
	bool first = false, second = false;

	for (int i = 0; i < g->o->n_stmts; i++) {
		int of = g->of[g->o->stmts[i].tensor];

		first |= of == x && reads_of(g, i, k);
		second |= of == y && reads_of(g, i, k);
	}
	return first && second;
}

/* Do clusters "x" and "y" reduce parts of rows, which one kernel has made? */
static bool reduce_parts(struct grouping *g, int x, int y)
{
	const struct cluster *c = g->clusters.v;
	bool both = false;

	if (!g->parts || c[x].anchor != IR_ROW ||
	    !match_domains(g->o, &c[x], &c[y]))
		return false;
	for (int k = 0; k < g->clusters.n && !both; k++)
		both = k != x && k != y && read_both(g, x, y, k);
	return both;
}

/* Clusters that read the same over the same domain become one, where neither
 * needs the other. */
static void merge_siblings(struct grouping *g)
{
	for (int k = 0; k < g->clusters.n && g->clusters.n <= SIBLINGS_MAX; k++)
		rows_beside(g, k);
	for (int k = 1; k < g->clusters.n && g->clusters.n <= SIBLINGS_MAX; k++)
		for (int i = 0; i < k; i++) {
			struct cluster *to = &g->clusters.v[i];
			struct cluster *from = &g->clusters.v[k];
			bool apart;

			arena_reset(g->tmp);
			if (to->members.n + from->members.n > MEMBERS_MAX ||
			    (!match_clusters(g->tmp, g->o, to, from) &&
			    !reduce_parts(g, i, k)))
				continue;
			g->visit++;
			apart = !depends(g, i, k);
			g->visit++;
			apart &= !depends(g, k, i);
			for (int j = 0; apart && j < from->members.n; j++)
				add_member(g, i, from->members.v[j].stmt,
					from->members.v[j].axis);
			if (apart)
				from->members.n = 0;
		}
}

/* ---- twins ---- */

/* Is something in the cluster made of both products? */
static bool made_of_both(struct grouping *g, const struct cluster *c)
{
	enum { FIRST = 1, SECOND = 2 };
	int *of = ARENA_ARRAY(g->a, g->o->n_tensors, int), all;

	for (int i = 0; i < c->members.n; i++) {
		int stmt = c->members.v[i].stmt;
		const struct group_reads *reads = &g->reads[stmt];

		all = stmt == c->anchor_stmt ? FIRST :
			stmt == c->second ? SECOND : 0;
		for (int k = 0; k < reads->n; k++)
			all |= of[reads->v[k]->tensor];
		of[g->o->stmts[stmt].tensor] = all;
		if (all == (FIRST | SECOND))
			return true;
	}
	return false;
}

/* Twins that nothing is made of are none: others may be in their places. False if
 * there are no such. */
static bool part_strangers(struct grouping *g)
{
	bool any = false;

	for (int k = 0; k < g->clusters.n; k++) {
		const struct cluster *c = &g->clusters.v[k];

		if (c->anchor != IR_TWINS || made_of_both(g, c))
			continue;
		vec_push(g->a, &g->apart, (struct strangers){ c->anchor_stmt,
			c->second });
		any = true;
	}
	return any;
}

/* ---- chains ---- */

/* Is a value for each element of the first product needed outside? A chain writes
 * none. */
static bool elements_leave(struct grouping *g, int cluster)
{
	const struct cluster *c = &g->clusters.v[cluster];

	for (int i = 0; i < c->members.n; i++) {
		int t = g->o->stmts[c->members.v[i].stmt].tensor;

		if (chain_element(g->o, c, &c->members.v[i]) &&
				(g->o->tensors[t].role == IR_OUT ||
				read_outside(g, t, cluster)))
			return true;
	}
	return false;
}

/* Contractions that are in no chain take less: where statistics lead to no
 * product, a product that needs none, and where there is none either, maps.
 * False if all are in chains or take maps alone. */
static bool take_less(struct grouping *g)
{
	bool less = false, leave = false;

	for (int k = 0; k < g->clusters.n; k++) {
		const struct cluster *c = &g->clusters.v[k];

		if (c->anchor != IR_CHAIN || !elements_leave(g, k))
			continue;
		g->takes[c->anchor_stmt] = TAKES_MAPS;
		leave = true;
	}
	for (int k = 0; k < g->clusters.n && !leave; k++) {
		const struct cluster *c = &g->clusters.v[k];

		if (c->anchor != IR_CONTRACTION || c->takes == TAKES_MAPS)
			continue;
		g->takes[c->anchor_stmt]--;
		less = true;
	}
	return less || leave;
}

/* ---- from statements to groups ---- */

/* The lets that the groups are made of; do some reduce pairs, or parts of rows, where
 * the rule is for those? What a packed factor is made of is computed as it is
 * packed. */
static bool make_lets(struct arena *a, struct ir_operator *o,
	const struct ir_cut *cut)
{
	bool found = false;

	if (cut->rule == IR_FACTORED) {
		group_nested(a, o);
		group_terms(a, o);
	}
	ir_hoist(a, o);
	if (cut->rule == IR_FACTORED)
		group_factors(a, o);
	if (cut->rule == IR_PAIRS)
		found = group_spread(a, o);
	else if (cut->rule == IR_PARTIAL)
		found = group_partial(a, o, cut->to);
	ir_inline(a, o, cut->rule == IR_PAIRS && found ? IR_HELD : cut->rule ==
		IR_INLINED ? IR_COSTLY : IR_CHEAP);
	if (cut->rule == IR_PACKED) {
		group_pack(a, o, cut);
		ir_inline(a, o, IR_CHEAP);
	}
	return found;
}

/* What is in one group with what changes is written with it, each time. */
static void settle_constants(struct ir_operator *o,
	const struct ir_partition *p)
{
	for (int k = 0; k < p->n_groups; k++) {
		const struct ir_group *g = &p->groups[k];
		bool all = ir_prepares(o, g);

		for (int i = 0; i < g->n_stmts && !all; i++)
			o->tensors[o->stmts[g->stmts[i]].tensor].constant =
				false;
	}
}

static void find_made_of(struct grouping *g)
{
	const struct ir_operator *o = g->o;

	g->made_of = ARENA_ARRAY(g->a, o->n_stmts + 1, uint64_t);
	for (int i = 0; i < o->n_stmts; i++) {
		g->made_of[i] = (uint64_t)1 << i;
		for (int k = 0; k < i; k++)
			if (ir_reads(o->stmts[i].expr, o->stmts[k].tensor))
				g->made_of[i] |= g->made_of[k];
	}
}

static enum takes taken_by(enum ir_rule rule)
{
	return rule == IR_STATISTICS ? TAKES_STATISTICS :
		rule == IR_SEGMENTED || rule == IR_PARTIAL ? TAKES_SEGMENTS :
		rule == IR_CHAINED ? TAKES_ROWS : TAKES_MAPS;
}

static struct grouping begin(struct arena *a, struct ir_operator *o,
	enum takes takes)
{
	struct grouping g = { .a = a, .o = o, .tmp = arena_create() };

	g.reads = ARENA_ARRAY(a, o->n_stmts + 1, struct group_reads);
	g.takes = ARENA_ARRAY(a, o->n_stmts + 1, enum takes);
	for (int i = 0; i < o->n_stmts; i++) {
		group_collect(a, o, o->stmts[i].expr, &g.reads[i]);
		g.takes[i] = takes;
	}
	g.of = ARENA_ARRAY(a, o->n_tensors, int);
	g.seen = ARENA_ARRAY(a, o->n_stmts + 1, int);
	return g;
}

static void place_all(struct grouping *g, bool apart)
{
	g->clusters.n = 0;
	for (int i = 0; i < g->o->n_tensors; i++)
		g->of[i] = -1;
	for (int i = 0; i < g->o->n_stmts; i++)
		if (apart)
			start_cluster(g, i, true);
		else
			place(g, i);
}

struct ir_partition *ir_partition_by(struct arena *a, struct ir_operator *o,
	struct ir_cut cut)
{
	bool found = make_lets(a, o, &cut);
	struct ir_partition *p;
	struct grouping g;

	g = begin(a, o, taken_by(cut.rule));
	g.pairs = found && cut.rule == IR_PAIRS;
	g.parts = found && cut.rule == IR_PARTIAL;
	g.twins = cut.twins && o->n_stmts <= SIBLINGS_MAX;
	if (g.twins)
		find_made_of(&g);
	do
		place_all(&g, cut.rule == IR_APART);
	while ((cut.rule == IR_CHAINED && take_less(&g)) ||
		part_strangers(&g));
	if (cut.rule != IR_APART)
		merge_siblings(&g);
	p = group_close(&g);
	ir_in_place_order(a, o, p);
	settle_constants(o, p);
	arena_destroy(g.tmp);
	return p;
}

struct ir_partition *ir_partition(struct arena *a, struct ir_operator *o)
{
	return ir_partition_by(a, o, (struct ir_cut){ .rule = IR_FUSED });
}
