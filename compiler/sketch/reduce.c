/* SPDX-License-Identifier: MIT */
/* Reductions over rows, with the maps between and after them: softmax, norms,
 * sums, argmax, and any contraction that no tiled sketch takes. A row belongs
 * to a thread, a warp or a block; its statements are sorted into passes, each
 * of which needs only what earlier ones reduced. What several passes read may
 * stay on the chip. Here is the analysis; reduce_space.c has the numbers,
 * reduce_legal.c their limits, reduce_build.c makes the kernels. */
#include "sketch/reduce.h"

#include <string.h>

/* ---- the axes' order ---- */

struct search {
	const struct task *t;
	const struct ir_stmt *stmt;
	int n_rows, best, strays;
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

/* Along the inner axes, or else those of rows: the one of "s" by which the
 * address moves to the neighbour, or -1. */
static int unit_axis(const struct task *t, const struct ir_stmt *s, int n_rows,
	const struct ir_affine *f, bool inner)
{
	int axis;

	for (int k = 0; inner && (axis = stmt_inner_axis(s, n_rows, k)) >= 0;
	     k++)
		if (f->coef[axis] == 1 && t->op->axes[axis].extent > 1)
			return axis;
	for (int i = 0; !inner && i < n_rows; i++)
		if (f->coef[s->axes[i]] == 1 &&
		    t->op->axes[s->axes[i]].extent > 1)
			return s->axes[i];
	return -1;
}

/* Do threads better go along rows? Where a row is contiguous in no way and
 * the rows are. */
static bool goes_across(const struct task *t, int n_rows,
	const struct reference *ref)
{
	struct ir_affine f;

	return ref->index &&
		ir_address(t->a, t->op, ref->tensor, ref->index, &f) &&
		unit_axis(t, ref->stmt, n_rows, &f, true) < 0 &&
		unit_axis(t, ref->stmt, n_rows, &f, false) >= 0;
}

struct strays {
	const struct task *t;
	int axis, n;
};

static void count_stray(struct ir_expr *e, void *ctx)
{
	struct strays *s = ctx;
	double apart;

	if (e->kind != IR_READ)
		return;
	apart = access_apart(s->t->a, s->t->op, ir_offset(s->t->a,
		&s->t->op->tensors[e->tensor], e->args), s->axis);
	s->n += apart != 0 && apart != 1;
}

/* Reads of the statement that neighbouring threads make far apart if they go
 * along "axis". */
static int strays_along(const struct search *s, int axis)
{
	struct strays n = { s->t, axis, 0 };

	if (axis >= 0)
		ir_walk(s->stmt->expr, count_stray, &n);
	return n.n;
}

/* The same if they go as read "f" has it. */
static int strays(const struct search *s, const struct ir_affine *f)
{
	int axis = unit_axis(s->t, s->stmt, s->n_rows, f, true);

	return strays_along(s, axis >= 0 ? axis :
		unit_axis(s->t, s->stmt, s->n_rows, f, false));
}

static void consider(struct ir_expr *e, void *ctx)
{
	struct search *s = ctx;
	const struct ir_tensor *t;
	struct ir_affine f;
	int n, far;

	if (e->kind != IR_READ)
		return;
	t = &s->t->op->tensors[e->tensor];
	if (!ir_address(s->t->a, s->t->op, t, e->args, &f))
		return;
	n = coverage(s, &f);
	if (n < s->best || !n)
		return;
	far = strays(s, &f);
	if (n > s->best || far < s->strays) {
		s->best = n;
		s->strays = far;
		s->ref = (struct reference){ s->stmt, t, e->args, false };
	}
}

/* Rows may lie side by side where they are written alone. */
static void consider_write(struct search *s)
{
	const struct ir_tensor *t = &s->t->op->tensors[s->stmt->tensor];
	struct ir_affine f;
	int axis, far;

	if (s->stmt->expr->kind != IR_REDUCE || !s->strays ||
	    !ir_address(s->t->a, s->t->op, t, s->stmt->index, &f))
		return;
	axis = unit_axis(s->t, s->stmt, s->n_rows, &f, false);
	far = strays_along(s, axis);
	if (axis >= 0 && far < s->strays) {
		s->strays = far;
		s->ref = (struct reference){ s->stmt, t, s->stmt->index, false };
	}
}

/* The read that steps along most inner axes; of equals one that leaves fewest
 * others to be read far apart, and of these the first. A write where that leaves
 * fewer yet, but for kernels of several reductions, whose rows stay on the
 * chip. */
static struct reference primary_read(const struct task *t, int n_rows)
{
	struct search s = { .t = t, .n_rows = n_rows };

	for (int i = 0; i < t->group->n_stmts; i++) {
		s.stmt = &t->op->stmts[t->group->stmts[i]];
		ir_walk(s.stmt->expr, consider, &s);
	}
	for (int i = 0; i < t->group->n_stmts && t->group->n_stmts <= 2; i++) {
		s.stmt = &t->op->stmts[t->group->stmts[i]];
		consider_write(&s);
	}
	return s.ref;
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

static void note_cast(struct ir_expr *e, void *ctx)
{
	struct rows *r = ctx;

	for (int i = 0; e->kind == IR_CAST && i < r->walk->uses.n; i++)
		if (r->walk->uses.v[i].read == e->args[0] &&
		    dtype_row(e->type)->bits > 32)
			r->words[r->walk->uses.v[i].access] = 2;
}

/* Narrow values take a word each: nvcc converts them once. */
static void find_words(struct task *t, struct rows *r)
{
	const struct walk *w = r->walk;

	r->words = ARENA_ARRAY(t->a, (size_t)w->acc.n, int);
	for (int i = 0; i < w->acc.n; i++)
		r->words[i] = dtype_row(w->acc.v[i].tensor->type)->bits > 32 ?
			2 : 1;
	for (int i = 0; i < w->pieces.n; i++)
		ir_walk((struct ir_expr *)w->pieces.v[i].value, note_cast, r);
}

static void sort_passes(struct task *t, struct rows *r)
{
	int n = r->walk->pieces.n;

	r->pass = ARENA_ARRAY(t->a, (size_t)n, int);
	for (int i = 0; i < n; i++) {
		r->pass[i] = pass_of(r, i);
		r->passes = max(r->passes, r->pass[i]);
	}
	find_words(t, r);
}

static bool is_inner(const struct piece *x)
{
	return !x->per_row && !x->reduction;
}

/* The first and the last pass that use what "uses" tells, 0 for none. */
struct span_of {
	int first, last;
};

static struct span_of passes_of(const struct rows *r, uint64_t pieces)
{
	struct span_of s = { 0, 0 };

	for (int i = 0; i < r->walk->pieces.n; i++) {
		if (!(pieces >> i & 1) || r->walk->pieces.v[i].per_row)
			continue;
		s.first = s.first && s.first < r->pass[i] ? s.first :
			r->pass[i];
		s.last = max(s.last, r->pass[i]);
	}
	return s;
}

/* Pieces that read access "k", themselves or by computing others again. */
static uint64_t readers(const struct walk *w, int k, uint64_t kept)
{
	uint64_t mask = 0;

	for (int i = 0; i < w->pieces.n; i++)
		if (walk_reads(w, i, kept) >> k & 1)
			mask |= 1ull << i;
	return mask;
}

int row_last_use(const struct rows *r, int access, uint64_t kept)
{
	return passes_of(r, readers(r->walk, access, kept)).last;
}

static void add_cache(struct rows *r, const char *name, uint64_t cached,
	uint64_t kept)
{
	for (int i = 0; i < r->n_caches; i++)
		if (!strcmp(r->caches[i].name, name)) {
			r->caches[i].cached |= cached;
			r->caches[i].kept |= kept;
			return;
		}
	if (r->n_caches < CACHES_MAX)
		r->caches[r->n_caches++] = (struct row_cache){ name, cached,
			kept };
}

bool row_varies(const struct walk *w, const struct access *x)
{
	for (int i = 0; i < w->in.n; i++)
		if (x->at.in[i])
			return true;
	return false;
}

bool row_once(const struct walk *w, const struct access *x)
{
	bool once = x->pieces != 0;

	for (int i = 0; i < w->pieces.n; i++)
		once &= !(x->pieces >> i & 1) || w->pieces.v[i].per_row;
	return once;
}

/* Accesses along the row that more than one pass makes, and inner results that
 * a later pass uses. */
static void find_caches(struct task *t, struct rows *r)
{
	const struct walk *w = r->walk;

	for (int k = 0; k < w->acc.n && k < 64; k++) {
		const struct access *x = &w->acc.v[k];
		struct span_of s = passes_of(r, readers(w, k, 0));

		if (x->direct && x->read && s.first != s.last &&
		    row_varies(w, x))
			add_cache(r, x->tensor->name, 1ull << k, 0);
	}
	for (int i = 0; i < w->pieces.n; i++) {
		uint64_t users = 0;

		for (int k = i + 1; k < w->pieces.n; k++)
			users |= (w->pieces.v[k].uses >> i & 1) << k;
		if (is_inner(&w->pieces.v[i]) &&
		    passes_of(r, users).last > r->pass[i])
			add_cache(r, t->op->tensors[
				w->pieces.v[i].stmt->tensor].name, 0,
				1ull << i);
	}
}

bool row_stores(const struct rows *r)
{
	const struct walk *w = r->walk;

	for (int i = 0; i < w->pieces.n; i++)
		if (is_inner(&w->pieces.v[i]) && w->pieces.v[i].out >= 0)
			return true;
	return false;
}

/* ---- names ---- */

const char *row_source_name(struct arena *a, const char *name)
{
	const char *tail = strstr(name, "_red");

	while (tail && strstr(tail + 1, "_red"))
		tail = strstr(tail + 1, "_red");
	if (!tail || !tail[4] || tail[4 + strspn(tail + 4, "0123456789")])
		return NULL;
	return arena_strndup(a, name, (size_t)(tail - name));
}

struct names {
	VEC(const char *) v;
};

static void add_names(struct task *t, struct names *l, const struct ir_expr *e,
	const char *name)
{
	vec_push(t->a, &l->v, name);
	for (int d = 0; d < e->n_red; d++)
		vec_push(t->a, &l->v, arena_printf(t->a, "%s.%s", name,
			t->op->axes[e->red[d]].name));
}

/* Names a directive may give a reduction: its let, and "let.axis"; of one
 * inside a larger expression, what stands on the left of the source, and its
 * own, "y_red0". */
static void name_reductions(struct task *t, struct rows *r)
{
	struct names names = { 0 };
	const struct walk *w = r->walk;

	for (int i = 0; i < w->pieces.n; i++) {
		const struct ir_expr *e = w->pieces.v[i].reduction;
		const char *name, *part_of;

		if (!e)
			continue;
		name = t->op->tensors[w->pieces.v[i].stmt->tensor].name;
		part_of = row_source_name(t->a, name);
		if (part_of)
			add_names(t, &names, e, part_of);
		add_names(t, &names, e, name);
	}
	vec_push(t->a, &names.v, NULL);
	r->reductions = names.v.v;
}

/* The name under which axes are tiled: what "fuse" called them, or the last;
 * NULL where there are none. */
static const char *name_of(const struct task *t, const struct nest *x)
{
	const char *fused = x->n > 1 && t->schedule ? sched_fused(t->schedule,
		x->name, x->n) : NULL;

	if (fused || !x->n)
		return fused;
	return x->name[x->n - 1];
}

static int row_axes(const struct task *t)
{
	const struct ir_group *g = t->group;

	return g->anchor == IR_ROW ? g->n_rows :
		t->op->stmts[g->anchor_stmt].n_axes;
}

/* The rows in the order that "ref" gives their axes, or NULL. */
static struct rows *rows_by(struct task *t, const struct reference *ref,
	const char **why)
{
	struct rows *r = ARENA_NEW(t->a, struct rows);

	r->across = goes_across(t, row_axes(t), ref);
	r->walk = walk_of_group(t, row_axes(t), ref, why);
	if (!r->walk)
		return NULL;
	sort_passes(t, r);
	find_caches(t, r);
	r->splits = r->passes == 1 && !row_stores(r);
	row_shares(t, r);
	return r;
}

/* Rows that differ in what the primary read does not move along are neighbours
 * where threads can carry them, as the points of one cloud of several. */
static struct rows *rows_of(struct task *t, const char **why)
{
	struct reference ref = primary_read(t, row_axes(t));
	struct rows *r = rows_by(t, &ref, why), *idle;

	if (!r || r->carries || r->walk->rows.n_runs < 2 || row_stores(r) ||
	    t->group->anchor != IR_ROW)
		return r;
	ref.idle = true;
	idle = rows_by(t, &ref, why);
	return idle && idle->carries && !idle->own ? idle : r;
}

static bool applies(struct task *t, const char **why)
{
	struct rows *r;

	if (t->group->anchor == IR_MAP) {
		*why = "it reduces, and this group only maps";
		return false;
	}
	if (t->group->anchor == IR_CHAIN) {
		*why = "it reduces over the same axes each time, and this group "
			"is a chain of two contractions";
		return false;
	}
	r = rows_of(t, why);
	if (!r)
		return false;
	r->online = online_applies(t->op, r);
	r->limit = walk_vector(r->walk, VECTOR_BYTES);
	r->vectors = walk_vector_names(t, r->walk);
	name_reductions(t, r);
	r->row_name = name_of(t, &r->walk->rows);
	r->in_name = name_of(t, &r->walk->in);
	t->state = r;
	return true;
}

static const char *const directives[] = {
	"reduce", "tile", "fuse", "compute_at", "vectorize", "cache", "unroll",
	"split_k", "rfactor", "bind", "tail", "cluster", NULL
};

static const struct sketch_refusal refusals[] = {
	{ "reorder", "a row is gone through as it lies in memory, whose "
		"order layout(...) says" },
	{ "stage", "a row passes through nobody else's hands; cache(TENSOR, "
		"scope = shared) keeps it in shared memory between passes" },
	{ "pipeline", "each element is read once, all loads of a thread "
		"before the first is used; unroll(N) puts more in flight" },
	{ "raster", "rows are read once, so no order of blocks saves "
		"anything" },
	{ "swizzle", "lanes keep neighbouring elements of a row, which meet "
		"in no bank" },
	{ "epilogue", "statements behind the reduction are always computed "
		"in its kernel where they can be; kernel(...) says which" },
	{ NULL, NULL }
};

const struct sketch sketch_reduce = {
	.name = "reduce",
	.summary = "reductions over rows and the maps around them",
	.directives = directives, .refusals = refusals,
	.deterministic = true,
	.applies = applies,
	.tunables = reduce_tunables,
	.legal = reduce_legal,
	.in_place = reduce_in_place,
	.features = reduce_features, .least = reduce_least,
	.start = reduce_start, .other_start = reduce_other_start,
	.newer = "thread",
	.build = reduce_build,
};
