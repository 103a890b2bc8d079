/* SPDX-License-Identifier: MIT */
/* Partitions as text, and their verifier. In come an operator and a partition,
 * out goes one line a group, or what is wrong. */
#include "ir/group.h"

static const char *const anchors[] = { "map", "row", "contraction", "chain",
	"twins" };

static const char *written(const struct ir_operator *o, int stmt)
{
	return o->tensors[o->stmts[stmt].tensor].name;
}

void ir_print_partition(const struct ir_operator *o,
	const struct ir_partition *p, struct str *out)
{
	for (int k = 0; k < p->n_groups; k++) {
		const struct ir_group *g = &p->groups[k];

		str_printf(out, "group %d %s", k, anchors[g->anchor]);
		if (g->anchor == IR_ROW)
			str_printf(out, " of %d", g->n_rows);
		for (int i = 0; i < g->n_stmts; i++) {
			int t = o->stmts[g->stmts[i]].tensor;
			bool kept = ir_leaves_group(o, p, k, t);

			str_printf(out, "%s %s%s", i ? "," : ":",
				kept ? "" : "(", o->tensors[t].name);
			str_puts(out, kept ? "" : ")");
		}
		str_putc(out, '\n');
	}
}

struct check {
	struct arena *a;
	const struct ir_operator *o;
	const struct ir_partition *p;
	int *group;		/* by statement, or -1 */
	bool *done;		/* by statement: comes before the one at hand */
};

static const char *check_once(struct check *c)
{
	for (int i = 0; i < c->o->n_stmts; i++)
		c->group[i] = -1;
	for (int k = 0; k < c->p->n_groups; k++)
		for (int i = 0; i < c->p->groups[k].n_stmts; i++) {
			int s = c->p->groups[k].stmts[i];

			if (s < 0 || s >= c->o->n_stmts)
				return arena_printf(c->a, "group %d has a "
					"statement %d", k, s);
			if (c->group[s] >= 0)
				return arena_printf(c->a, "statement %d (%s) "
					"is in two groups", s, written(c->o, s));
			c->group[s] = k;
		}
	for (int i = 0; i < c->o->n_stmts; i++)
		if (c->group[i] < 0)
			return arena_printf(c->a, "statement %d (%s) is in no "
				"group", i, written(c->o, i));
	return NULL;
}

/* Everything "stmt" reads is written by statements done. */
static const char *check_sources(struct check *c, int stmt)
{
	struct group_reads reads = {0};

	group_collect(c->a, c->o, c->o->stmts[stmt].expr, &reads);
	for (int i = 0; i < reads.n; i++)
		for (int k = 0; k < c->o->n_stmts; k++)
			if (c->o->stmts[k].tensor == reads.v[i]->tensor &&
					!c->done[k])
				return arena_printf(c->a, "%s reads %s before "
					"it is computed", written(c->o, stmt),
					written(c->o, k));
	c->done[stmt] = true;
	return NULL;
}

static bool alike(const struct ir_operator *o, const int *x, const int *y,
	int n)
{
	for (int i = 0; i < n; i++)
		if (o->axes[x[i]].extent != o->axes[y[i]].extent)
			return false;
	return true;
}

/* The axes of a row group's statement are those of the row and, all or none,
 * the trailing ones, which a reduction reduces over. */
static bool row_axes(const struct ir_operator *o, const struct ir_group *g,
	const struct ir_stmt *s)
{
	const struct ir_stmt *x = &o->stmts[g->anchor_stmt];
	int n_red = x->expr->n_red, more = s->n_axes - g->n_rows;

	if (more < 0 || !alike(o, x->axes, s->axes, g->n_rows))
		return false;
	if (s->expr->kind == IR_REDUCE)
		return !more && s->expr->n_red == n_red &&
			alike(o, x->expr->red, s->expr->red, n_red);
	return !more || (more == n_red &&
		alike(o, x->expr->red, s->axes + g->n_rows, n_red));
}

/* The anchor's axes along which rows go, if "across", or else the others. */
static int *side(struct arena *a, const struct ir_group *g,
	const struct ir_stmt *x, bool across, int *n)
{
	int *v = ARENA_ARRAY(a, x->n_axes + 1, int);

	*n = 0;
	for (int i = 0; i < x->n_axes; i++)
		if (g->across[i] == across)
			v[(*n)++] = x->axes[i];
	return v;
}

/* One value per row, reduced along the row or not. */
static bool per_row(struct arena *a, const struct ir_operator *o,
	const struct ir_group *g, const struct ir_stmt *s)
{
	const struct ir_stmt *x = &o->stmts[g->anchor_stmt];
	int n_rows, n_red;
	const int *rows = side(a, g, x, false, &n_rows);
	const int *red = side(a, g, x, true, &n_red);

	if (s->n_axes != n_rows || !alike(o, rows, s->axes, n_rows))
		return false;
	return s->expr->kind != IR_REDUCE || (s->expr->n_red == n_red &&
		alike(o, red, s->expr->red, n_red));
}

/* Of a chain: the second product goes over rows and axes of its own and sums along
 * the rows, and what follows it are maps over its axes. */
static bool after_axes(struct arena *a, const struct ir_operator *o,
	const struct ir_group *g, const struct ir_stmt *s)
{
	const struct ir_stmt *x = &o->stmts[g->anchor_stmt];
	const struct ir_stmt *y = &o->stmts[g->second];
	int n_rows, n_red;
	const int *rows = side(a, g, x, false, &n_rows);
	const int *red = side(a, g, x, true, &n_red);

	if (s != y)
		return s->expr->kind != IR_REDUCE && s->n_axes == y->n_axes &&
			alike(o, y->axes, s->axes, y->n_axes);
	return s->expr->kind == IR_REDUCE && s->n_axes > n_rows &&
		alike(o, rows, s->axes, n_rows) && s->expr->n_red == n_red &&
		alike(o, red, s->expr->red, n_red);
}

static bool same_axes(struct arena *a, const struct ir_operator *o,
	const struct ir_group *g, int stmt)
{
	const struct ir_stmt *x = &o->stmts[g->anchor_stmt];
	const struct ir_stmt *s = &o->stmts[stmt];

	if (g->anchor == IR_ROW)
		return x->expr->kind == IR_REDUCE && row_axes(o, g, s);
	if (g->anchor == IR_CHAIN && stmt >= g->second)
		return after_axes(a, o, g, s);
	if (g->across && s != x && per_row(a, o, g, s))
		return true;
	return x->n_axes == s->n_axes && alike(o, x->axes, s->axes, x->n_axes) &&
		(s == x || s->expr->kind != IR_REDUCE || (g->anchor == IR_TWINS &&
		stmt == g->second && x->expr->n_red == s->expr->n_red &&
		alike(o, x->expr->red, s->expr->red, x->expr->n_red)));
}

static const char *check_group(struct check *c, const struct ir_group *g)
{
	for (int i = 0; i < g->n_stmts; i++) {
		const char *why = check_sources(c, g->stmts[i]);

		if (why)
			return why;
		if (!same_axes(c->a, c->o, g, g->stmts[i]))
			return arena_printf(c->a, "the axes of %s are not its "
				"group's", written(c->o, g->stmts[i]));
	}
	return NULL;
}

static bool has(const struct check *c, int group, int stmt)
{
	return stmt >= 0 && stmt < c->o->n_stmts && c->group[stmt] == group;
}

const char *ir_verify_partition(struct arena *a, const struct ir_operator *o,
	const struct ir_partition *p)
{
	struct check c = { a, o, p, ARENA_ARRAY(a, o->n_stmts, int),
		ARENA_ARRAY(a, o->n_stmts, bool) };
	const char *why = check_once(&c);

	for (int k = 0; !why && k < p->n_groups; k++) {
		const struct ir_group *g = &p->groups[k];
		struct ir_twins t;

		if (!has(&c, k, g->anchor_stmt))
			return arena_printf(a, "group %d has no anchor", k);
		if (g->anchor == IR_CHAIN && (!g->across ||
				!has(&c, k, g->second)))
			return arena_printf(a, "group %d has no second "
				"product", k);
		if (g->anchor == IR_TWINS && (!has(&c, k, g->second) ||
				!ir_twins(a, o, g->anchor_stmt, g->second, &t)))
			return arena_printf(a, "group %d has no twins", k);
		why = check_group(&c, g);
	}
	return why;
}
