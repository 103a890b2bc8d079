/* SPDX-License-Identifier: MIT */
/* Reductions over rows, with the maps between and after them: softmax, norms,
 * sums, argmax, and any contraction that no tiled sketch takes. A row belongs
 * to a thread, a warp or a block; its statements are sorted into passes, each
 * of which needs only what earlier ones reduced. What several passes read may
 * stay in registers. Here is the analysis; reduce_space.c has the numbers,
 * reduce_build.c makes the kernels. */
#include "sketch/reduce.h"

#include <stdlib.h>
#include <string.h>

/* ---- the axes' order ---- */

struct search {
	const struct task *t;
	const struct ir_stmt *stmt;
	int n_rows, best;
	struct reference ref;
};

/* Inner axes that the address steps along. */
static int coverage(const struct search *s, const struct ir_affine *f)
{
	int n = 0, axis;

	for (int k = 0; (axis = stmt_inner_axis(s->stmt, s->n_rows, k)) >= 0;
	     k++)
		n += f->coef[axis] != 0;
	return n;
}

static void consider(struct ir_expr *e, void *ctx)
{
	struct search *s = ctx;
	const struct ir_tensor *t;
	struct ir_affine f;
	int n;

	if (e->kind != IR_READ)
		return;
	t = &s->t->op->tensors[e->tensor];
	if (!ir_address(s->t->a, s->t->op, t, e->args, &f))
		return;
	n = coverage(s, &f);
	if (n > s->best) {
		s->best = n;
		s->ref = (struct reference){ s->stmt, t, e->args };
	}
}

/* The read that steps along most inner axes, the first of equals. */
static struct reference primary_read(const struct task *t, int n_rows)
{
	struct search s = { .t = t, .n_rows = n_rows };

	for (int i = 0; i < t->group->n_stmts; i++) {
		s.stmt = &t->op->stmts[t->group->stmts[i]];
		ir_walk(s.stmt->expr, consider, &s);
	}
	return s.ref;
}

/* Do threads better go along rows? Where a row is contiguous in no way and
 * the rows are. */
static bool goes_across(const struct task *t, int n_rows,
	const struct reference *ref)
{
	bool across = false;
	struct ir_affine f;
	int axis;

	if (!ref->index ||
	    !ir_address(t->a, t->op, ref->tensor, ref->index, &f))
		return false;
	for (int i = 0; i < n_rows; i++)
		across |= f.coef[ref->stmt->axes[i]] == 1 &&
			t->op->axes[ref->stmt->axes[i]].extent > 1;
	for (int k = 0; (axis = stmt_inner_axis(ref->stmt, n_rows, k)) >= 0;
	     k++)
		if (f.coef[axis] == 1 && t->op->axes[axis].extent > 1)
			return false;
	return across;
}

/* ---- passes ---- */

static int max(int x, int y)
{
	return x > y ? x : y;
}

/* The first pass in which everything piece "i" uses is there: row values from
 * the pass before, values at the same element from the same pass. */
static int pass_of(const struct rows *r, int i)
{
	const struct walk *w = r->walk;
	const struct piece *x = &w->pieces.v[i];
	int pass = x->per_row ? 0 : 1;

	for (int k = 0; k < i; k++) {
		const struct piece *y = &w->pieces.v[k];
		bool row_value = y->per_row || y->reduction;

		if (x->uses >> k & 1)
			pass = max(pass, r->pass[k] +
				(row_value && !x->per_row));
	}
	return pass;
}

static void sort_passes(struct task *t, struct rows *r)
{
	int n = r->walk->pieces.n;

	r->pass = ARENA_ARRAY(t->a, (size_t)n, int);
	for (int i = 0; i < n; i++) {
		r->pass[i] = pass_of(r, i);
		r->passes = max(r->passes, r->pass[i]);
	}
}

static bool is_inner(const struct piece *x)
{
	return !x->per_row && !x->reduction;
}

/* Inner results that a later pass uses. */
static void find_kept(struct rows *r)
{
	const struct walk *w = r->walk;

	for (int i = 0; i < w->pieces.n; i++)
		for (int k = 0; k < i; k++)
			if (w->pieces.v[i].uses >> k & 1 &&
			    is_inner(&w->pieces.v[k]) &&
			    r->pass[k] < r->pass[i])
				r->kept |= 1ull << k;
}

static bool varies(const struct walk *w, const struct access *x)
{
	for (int i = 0; i < w->in.n; i++)
		if (x->at.in[i])
			return true;
	return false;
}

/* Accesses along the row that more than one pass makes itself. */
static void find_cached(struct rows *r)
{
	const struct walk *w = r->walk;

	for (int k = 0; k < w->acc.n && k < 64; k++) {
		const struct access *x = &w->acc.v[k];
		int first = 0, last = 0;

		for (int i = 0; i < w->pieces.n; i++) {
			if (!(x->pieces >> i & 1) || w->pieces.v[i].per_row)
				continue;
			first = first ? first : r->pass[i];
			last = max(last, r->pass[i]);
		}
		if (x->direct && x->read && first != last && varies(w, x))
			r->cached |= 1ull << k;
	}
}

/* A row may be shared by blocks when one pass reduces and no other follows. */
static bool can_split(const struct rows *r)
{
	const struct walk *w = r->walk;

	for (int i = 0; i < w->pieces.n; i++)
		if (is_inner(&w->pieces.v[i]) && w->pieces.v[i].out >= 0)
			return false;
	return r->passes == 1;
}

/* ---- names ---- */

/* "mean" for "mean_red0", else NULL. */
static const char *source_name(struct arena *a, const char *name)
{
	const char *tail = strstr(name, "_red");

	while (tail && strstr(tail + 1, "_red"))
		tail = strstr(tail + 1, "_red");
	if (!tail || !tail[4] || tail[4 + strspn(tail + 4, "0123456789")])
		return NULL;
	return arena_strndup(a, name, (size_t)(tail - name));
}

/* Names a directive may give a reduction: its let, and "let.axis". */
static void name_reductions(struct task *t, struct rows *r)
{
	VEC(const char *) names = { 0 };
	const struct walk *w = r->walk;

	for (int i = 0; i < w->pieces.n; i++) {
		const struct ir_expr *e = w->pieces.v[i].reduction;
		const char *name[2];

		if (!e)
			continue;
		name[0] = t->op->tensors[w->pieces.v[i].stmt->tensor].name;
		name[1] = source_name(t->a, name[0]);
		for (int k = 0; k < 2 && name[k]; k++) {
			vec_push(t->a, &names, name[k]);
			for (int d = 0; d < e->n_red; d++)
				vec_push(t->a, &names, arena_printf(t->a,
					"%s.%s", name[k],
					t->op->axes[e->red[d]].name));
		}
	}
	vec_push(t->a, &names, NULL);
	r->reductions = names.v;
}

static void name_caches(struct task *t, struct rows *r)
{
	VEC(const char *) names = { 0 };
	const struct walk *w = r->walk;

	for (int i = 0; i < w->acc.n && i < 64; i++)
		if (r->cached >> i & 1)
			vec_push(t->a, &names, w->acc.v[i].tensor->name);
	for (int i = 0; i < w->pieces.n; i++)
		if (r->kept >> i & 1)
			vec_push(t->a, &names, t->op->tensors[
				w->pieces.v[i].stmt->tensor].name);
	vec_push(t->a, &names, NULL);
	r->caches = names.v;
}

/* The name under which rows are tiled: what "fuse" called them, or the last
 * row axis. */
static void name_rows(struct task *t, struct rows *r)
{
	const struct walk *w = r->walk;

	if (w->rows.n == 0)
		return;
	r->row_name = w->rows.name[w->rows.n - 1];
	if (w->rows.n > 1 && t->schedule) {
		const char *fused = sched_fused(t->schedule, w->rows.name,
			w->rows.n);

		r->row_name = fused ? fused : r->row_name;
	}
}

static int row_axes(const struct task *t)
{
	const struct ir_group *g = t->group;

	return g->anchor == IR_ROW ? g->n_rows :
		t->op->stmts[g->anchor_stmt].n_axes;
}

static bool applies(struct task *t, const char **why)
{
	struct rows *r = ARENA_NEW(t->a, struct rows);
	struct reference ref;

	*why = group_types(t->a, t->op, t->group);
	if (t->group->anchor == IR_MAP)
		*why = "it reduces, and this group only maps";
	if (*why)
		return false;
	ref = primary_read(t, row_axes(t));
	r->across = goes_across(t, row_axes(t), &ref);
	r->walk = walk_of_group(t, row_axes(t), &ref, why);
	if (!r->walk)
		return false;
	sort_passes(t, r);
	find_kept(r);
	find_cached(r);
	r->splits = can_split(r);
	r->limit = walk_vector(r->walk, VECTOR_BYTES);
	r->vectors = walk_vector_names(t, r->walk);
	name_reductions(t, r);
	name_caches(t, r);
	name_rows(t, r);
	t->state = r;
	return true;
}

static const char *const directives[] = {
	"reduce", "tile", "vectorize", "cache", "unroll", "split_k", NULL
};

const struct sketch sketch_reduce = {
	.name = "reduce",
	.summary = "reductions over rows and the maps around them",
	.directives = directives,
	.applies = applies,
	.tunables = reduce_tunables,
	.legal = reduce_legal,
	.features = reduce_features,
	.start = reduce_start,
	.build = reduce_build,
};
