/* SPDX-License-Identifier: MIT */
/* Lowering: extents. In: statements as syntax, tensors whose sizes are known.
 * Out: the extent of every index and of every let. An extent is stated (i in
 * N), or declared (an output's dimension); a reduction's is that of the
 * dimensions its index reads alone, a let's that of the indices that read it
 * alone, or failing that of the dimensions it reads. All must agree. Reads with
 * pad prove nothing and are asked last. */
#include <string.h>

#include "ir/lower_state.h"

enum { INDEX_LIMIT = 1000 };

static struct index *of_binder(struct work *w, const struct ast_binder *b)
{
	for (int i = 0; i < w->v.n; i++)
		if (w->v.v[i].b == b)
			return &w->v.v[i];
	return NULL;
}

struct index *lower_index(struct work *w, const struct frame *frame,
	const char *name)
{
	for (; frame; frame = frame->up)
		for (int i = 0; i < frame->reduce->n_binders; i++)
			if (!strcmp(frame->reduce->binders[i].name, name))
				return of_binder(w, &frame->reduce->binders[i]);
	for (int i = 0; i < w->n_left; i++)
		if (!strcmp(w->v.v[i].b->name, name))
			return &w->v.v[i];
	return NULL;
}

/* ---- collecting ---- */

static void stated_extent(struct lowering *l, struct scope *s,
	const struct ast_binder *b, struct index *x)
{
	int64_t lo = b->lo ? lower_size(l, s, b->lo) : 0;
	int64_t hi = lower_size(l, s, b->hi);

	x->origin = FROM_TEXT;
	if (lo < 0 || hi < 0)
		return;
	if (hi < lo)
		lower_error(l, s, E_EMPTY, b->at, "'%s' runs from %lld to %lld", b->name,
			(long long)lo, (long long)hi);
	x->lo = lo;
	x->extent = hi < lo ? 0 : hi - lo;
}

static bool add_index(struct lowering *l, int w, const struct ast_binder *b,
	int64_t dim)
{
	struct index x = { .b = b, .extent = -1 };
	struct scope *s = l->works.v[w].scope;

	if (l->works.v[w].v.n == INDEX_LIMIT)
		lower_error(l, s, E_LIMIT, b->at, "more than %d indices in one statement",
			INDEX_LIMIT);
	if (l->works.v[w].v.n >= INDEX_LIMIT)
		return false;
	if (b->hi) {
		stated_extent(l, s, b, &x);
	} else if (dim >= 0) {
		x.origin = FROM_DIM;
		x.extent = dim;
	}
	vec_push(l->a, &l->works.v[w].v, x);
	return true;
}

static void add_fact(struct lowering *l, int w, const struct frame *frame,
	const struct ast_expr *read, int dim, int tensor)
{
	struct work *k = &l->works.v[w];
	const struct ast_expr *e = read->args[dim];
	struct index *x;

	if (e->kind != AST_NAME || dim >= l->tensors.v[tensor].rank)
		return;
	x = lower_index(k, frame, e->name);
	if (x)
		vec_push(l->a, &l->facts, (struct fact){ w, (int)(x - k->v.v),
			tensor, dim, read->pad.kind != PAD_NONE, read });
}

static void collect(struct lowering *l, int w, const struct frame *frame,
	const struct ast_expr *e)
{
	struct frame inner = { e, frame };
	int tensor;

	if (e->kind == AST_REDUCE) {
		for (int i = 0; i < e->n_binders; i++)
			if (!add_index(l, w, &e->binders[i], -1))
				return;
		frame = &inner;
	}
	if (e->kind == AST_INDEX) {
		tensor = lower_tensor_named(l->works.v[w].scope, e->name);
		for (int i = 0; tensor >= 0 && i < e->n_args; i++)
			add_fact(l, w, frame, e, i, tensor);
	}
	for (int i = 0; i < e->n_args; i++)
		collect(l, w, frame, e->args[i]);
}

/* A let's dimensions are the extents of its indices, known or not. */
static void publish(struct lowering *l, struct work *w)
{
	struct ir_tensor *t = &l->tensors.v[w->tensor];

	if (l->info.v[w->tensor].declared)
		return;
	for (int i = 0; i < w->n_left && i < t->rank; i++)
		if (w->v.v[i].origin != FROM_NOWHERE)
			t->dims[i] = w->v.v[i].extent;
}

void lower_collect(struct lowering *l, int w)
{
	const struct ast_stmt *s = l->works.v[w].s;
	const struct ir_tensor *t = &l->tensors.v[l->works.v[w].tensor];

	bool declared = l->info.v[l->works.v[w].tensor].declared;

	for (int i = 0; i < s->n_binders && i < t->rank; i++)
		if (!add_index(l, w, &s->binders[i],
		    declared ? t->dims[i] : -1))
			return;
	l->works.v[w].n_left = l->works.v[w].v.n;
	publish(l, &l->works.v[w]);
	collect(l, w, NULL, s->expr);
}

/* ---- inferring ---- */

static void settle(struct lowering *l, int w, struct index *x,
	enum origin origin, int64_t extent, const struct ast_expr *from)
{
	x->origin = origin;
	x->extent = extent;
	x->from = from;
	publish(l, &l->works.v[w]);
}

/* Extents from the dimensions that are read: of reductions, and if asked of
 * lets. */
static bool from_reads(struct lowering *l, bool lets, bool padded)
{
	bool progress = false;

	for (int i = 0; i < l->facts.n; i++) {
		const struct fact *f = &l->facts.v[i];
		struct work *w = &l->works.v[f->w];
		struct index *x = &w->v.v[f->v];
		int64_t dim = l->tensors.v[f->tensor].dims[f->dim];

		if (f->padded != padded || x->origin != FROM_NOWHERE ||
		    dim < 0 || (f->v < w->n_left && !lets))
			continue;
		settle(l, f->w, x, padded ? FROM_PADDED : FROM_READS, dim,
			f->read);
		progress = true;
	}
	return progress;
}

/* The index of the let's own statement that runs over dimension f->dim. */
static struct index *own_index(struct lowering *l, const struct fact *f)
{
	int w = l->info.v[f->tensor].first;

	if (w < 0 || l->info.v[f->tensor].declared ||
	    f->dim >= l->works.v[w].n_left)
		return NULL;
	return &l->works.v[w].v.v[f->dim];
}

static bool from_uses(struct lowering *l, bool padded)
{
	bool progress = false;

	for (int i = l->facts.n - 1; i >= 0; i--) {
		const struct fact *f = &l->facts.v[i];
		struct index *x = &l->works.v[f->w].v.v[f->v];
		struct index *own = own_index(l, f);

		if (f->padded != padded || !own || own->origin != FROM_NOWHERE ||
		    x->origin == FROM_NOWHERE || x->lo)
			continue;
		settle(l, l->info.v[f->tensor].first, own, FROM_USES, x->extent,
			f->read);
		progress = true;
	}
	return progress;
}

void lower_infer(struct lowering *l)
{
	while (from_reads(l, false, false) || from_uses(l, false) ||
	    from_reads(l, true, false) || from_reads(l, true, true) ||
	    from_uses(l, true))
		;
}

/* ---- checking ---- */

static const char *text_of(struct lowering *l, const struct ast_expr *e)
{
	struct span at = e->at;

	return at.src ? arena_strndup(l->a, at.src->text + at.lo,
		at.hi - at.lo) : e->name;
}

static void report_disagree(struct lowering *l, const struct work *w,
	struct index *x, int64_t other, const struct ast_expr *read)
{
	if (!x->from)
		return;
	lower_error(l, w->scope, E_EXTENTS_DISAGREE, read->at,
		"extents of '%s' disagree: %lld in "
		"%s, %lld in %s", x->b->name, (long long)x->extent,
		text_of(l, x->from), (long long)other, text_of(l, read));
	diag_hint(l->d, "State the extent where '%s' is bound: %s in N.",
		x->b->name, x->b->name);
	x->from = NULL;
}

static void check_fact(struct lowering *l, const struct fact *f)
{
	struct work *w = &l->works.v[f->w];
	struct index *x = &w->v.v[f->v], *own = own_index(l, f);
	int64_t dim = l->tensors.v[f->tensor].dims[f->dim];
	bool reads = x->origin == (f->padded ? FROM_PADDED : FROM_READS);

	if (reads && dim >= 0 && dim != x->extent)
		report_disagree(l, w, x, dim, f->read);
	if (own && own->origin == FROM_USES && own->from &&
	    f->padded <= (own->from->pad.kind != PAD_NONE) &&
	    x->origin != FROM_NOWHERE && x->extent != own->extent)
		report_disagree(l, &l->works.v[l->info.v[f->tensor].first], own,
			x->extent, f->read);
}

static void report_unknown(struct lowering *l, const struct work *w,
	const struct index *x)
{
	lower_error(l, w->scope, E_EXTENT_UNKNOWN, x->b->at,
		"extent of '%s' cannot be inferred",
		x->b->name);
	diag_note(l->d, (struct span){0},
		"no tensor with known dimensions is indexed by '%s' alone",
		x->b->name);
	diag_hint(l->d, "State it in these brackets, as in %s in 0:16 or %s in a "
		"size.", x->b->name, x->b->name);
}

static void check_left(struct lowering *l, const struct work *w, int i)
{
	const struct index *x = &w->v.v[i];
	const struct ir_tensor *t = &l->tensors.v[w->tensor];
	bool declared = l->info.v[w->tensor].declared;

	if (x->origin == FROM_NOWHERE || x->extent < 0)
		return;
	if (!x->extent)
		lower_error(l, w->scope, E_EMPTY, x->b->at, "'%s' has extent 0",
			x->b->name);
	else if (!declared && x->lo)
		lower_error(l, w->scope, E_WRITE_BOUNDS, x->b->at,
			"'%s' of a let must start at "
			"0", x->b->name);
	else if (declared && x->lo + x->extent > t->dims[i])
		lower_error(l, w->scope, E_WRITE_BOUNDS, x->b->at,
			"'%s' ends at %lld, the dimension at %lld", x->b->name,
			(long long)(x->lo + x->extent), (long long)t->dims[i]);
}

static void check_work(struct lowering *l, const struct work *w)
{
	for (int i = 0; i < w->v.n; i++) {
		if (w->v.v[i].origin == FROM_NOWHERE)
			report_unknown(l, w, &w->v.v[i]);
		if (i < w->n_left)
			check_left(l, w, i);
	}
}

/* ---- pieces of one output ---- */

static bool disjoint(const struct work *x, const struct work *y)
{
	for (int i = 0; i < x->n_left; i++) {
		const struct index *p = &x->v.v[i], *q = &y->v.v[i];

		if (p->lo + p->extent <= q->lo || q->lo + q->extent <= p->lo)
			return true;
	}
	return false;
}

static bool check_overlap(struct lowering *l, int w)
{
	const struct work *y = &l->works.v[w];

	for (int i = l->info.v[y->tensor].first; i < w; i++) {
		const struct work *x = &l->works.v[i];

		if (x->tensor != y->tensor || disjoint(x, y))
			continue;
		lower_error(l, y->scope, E_COVERAGE, y->s->name.at,
			"'%s' is written twice", y->s->name.text);
		diag_note(l->d, x->s->name.at, "it is written here too");
		return false;
	}
	return true;
}

static int64_t volume(const struct work *w)
{
	int64_t n = 1;

	for (int i = 0; i < w->n_left; i++)
		n *= w->v.v[i].extent;
	return n;
}

/* Pieces that do not overlap leave no gap if their volumes add up. */
static void check_pieces(struct lowering *l, int t)
{
	const struct ir_tensor *x = &l->tensors.v[t];
	int64_t rest = 1;
	int w = l->info.v[t].first;

	for (int i = 0; i < x->rank; i++)
		rest *= x->dims[i];
	for (; w >= 0 && w <= l->info.v[t].last; w++) {
		if (l->works.v[w].tensor != t)
			continue;
		if (!check_overlap(l, w))
			return;
		rest -= volume(&l->works.v[w]);
	}
	if (rest)
		lower_error(l, l->root, E_COVERAGE, x->at, l->info.v[t].first < 0 ?
			"output '%s' is never written" :
			"output '%s' is not fully written", x->name);
}

bool lower_check_extents(struct lowering *l)
{
	for (int i = 0; i < l->facts.n; i++)
		check_fact(l, &l->facts.v[i]);
	for (int i = 0; i < l->works.n; i++)
		check_work(l, &l->works.v[i]);
	if (l->errors)
		return false;
	for (int t = 0; t < l->tensors.n; t++)
		if (l->tensors.v[t].role != IR_IN && l->info.v[t].declared)
			check_pieces(l, t);
	return !l->errors;
}
