/* SPDX-License-Identifier: MIT */
/* Lowering. In: an operator or instance as checked syntax, and sizes. Out: an
 * operator of the IR, or errors at the places of the source. First every size
 * gets a value and every index an extent, then statements become IR one by
 * one, in the order they stand. Needs: a unit that front_load accepted; what
 * depends on sizes is checked here. */
#include "ir/lower.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "front/front.h"
#include "ir/lower_state.h"

/* The outermost instance or use around "s", NULL if there is none. */
static const struct scope *entrance(const struct scope *s)
{
	const struct scope *out = NULL;

	for (; s; s = s->parent)
		if (s->title)
			out = s;
	return out;
}

/* What is wrong in an operator of another file is its user's mistake: the user
 * sees their own line first. */
void lower_error(struct lowering *l, const struct scope *s,
	enum diag_code code, struct span at, const char *fmt, ...)
{
	const struct scope *in = entrance(s);
	bool theirs = in && in->at.src != at.src;
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = arena_vprintf(l->a, fmt, ap);
	va_end(ap);
	diag_error(l->d, code, theirs ? in->at : at, "%s", text);
	l->errors++;
	if (theirs)
		diag_note(l->d, at, "it is found here");
	for (int n = 0; s && n < LOWER_NOTES; s = s->parent)
		if (s->title && !(theirs && s == in)) {
			diag_note(l->d, s->at, "in %s", s->title);
			n++;
		}
}

bool lower_fits(struct lowering *l, const struct scope *s,
	const struct ir_tensor *t)
{
	int64_t n = 1;

	for (int i = 0; i < t->rank; i++)
		if (__builtin_mul_overflow(n, t->dims[i], &n) ||
		    n >= LOWER_SIZE_LIMIT) {
			lower_error(l, s, E_OVERFLOW, t->at, "'%s' has too many "
				"elements: size overflows 62 bits", t->name);
			return false;
		}
	return true;
}

/* ---- tensors by name ---- */

int lower_tensor_named(const struct scope *s, const char *name)
{
	for (int i = s->tensors.n - 1; i >= 0; i--)
		if (!strcmp(s->tensors.v[i].name, name))
			return s->tensors.v[i].tensor;
	return -1;
}

void lower_name_tensor(struct lowering *l, struct scope *s, const char *name,
	int tensor)
{
	vec_push(l->a, &s->tensors, (struct tensor_name){ name, tensor });
}

static bool name_taken(const struct lowering *l, const char *name)
{
	for (int i = 0; i < l->tensors.n; i++)
		if (!strcmp(l->tensors.v[i].name, name))
			return true;
	return false;
}

/* The lets of an operator that is used are named after its result. */
static const char *let_name(struct lowering *l, const struct scope *s,
	const char *name)
{
	const char *base = s->prefix ? arena_printf(l->a, "%s_%s", s->prefix,
		name) : name, *unique = base;

	for (int i = 2; name_taken(l, unique); i++)
		unique = arena_printf(l->a, "%s_%d", base, i);
	return unique;
}

int lower_new_let(struct lowering *l, struct scope *s, const char *name,
	enum dtype type, int rank, struct span at)
{
	struct ir_tensor t = { .name = let_name(l, s, name), .role = IR_LET,
		.type = type, .rank = rank, .align = 16, .id = l->tensors.n,
		.at = at };

	t.dims = ARENA_ARRAY(l->a, rank + 1, int64_t);
	for (int i = 0; i < rank; i++)
		t.dims[i] = -1;
	vec_push(l->a, &l->tensors, t);
	vec_push(l->a, &l->info, (struct tensor_info){ -1, -1, false, at });
	return t.id;
}

/* ---- first phase: statements ---- */

void lower_add_work(struct lowering *l, struct scope *s,
	const struct ast_stmt *stmt, int tensor)
{
	struct tensor_info *info = &l->info.v[tensor];
	int w = l->works.n;

	if (w == LOWER_STMTS)
		lower_error(l, s, E_LIMIT, stmt->at, "more than %d statements in one "
			"operator", LOWER_STMTS);
	if (l->errors && w >= LOWER_STMTS)
		return;
	vec_push(l->a, &l->works, (struct work){ .scope = s, .s = stmt,
		.tensor = tensor });
	if (info->first < 0)
		info->first = w;
	info->last = w;
	info->at = stmt->at;
	lower_collect(l, w);
}

static void expand_let(struct lowering *l, struct scope *s,
	const struct ast_stmt *stmt)
{
	enum dtype type = lower_dtype(l, s, stmt->type);
	int id;

	if (type == T_NONE)
		return;
	id = lower_new_let(l, s, stmt->name.text, type, stmt->n_binders,
		stmt->at);
	lower_add_work(l, s, stmt, id);
	lower_name_tensor(l, s, stmt->name.text, id);
}

static void expand_assign(struct lowering *l, struct scope *s,
	const struct ast_stmt *stmt)
{
	int id = lower_tensor_named(s, stmt->name.text);

	if (id < 0 || l->tensors.v[id].role == IR_IN ||
	    !l->info.v[id].declared)
		lower_error(l, s, E_UNKNOWN, stmt->name.at, "'%s' is no output",
			stmt->name.text);
	else if (l->tensors.v[id].rank != stmt->n_binders)
		lower_error(l, s, E_RANK, stmt->name.at,
			"'%s' has rank %d but is written with %d indices",
			stmt->name.text, l->tensors.v[id].rank,
			stmt->n_binders);
	else
		lower_add_work(l, s, stmt, id);
}

void lower_expand(struct lowering *l, struct scope *s)
{
	for (int i = 0; i < s->op->n_stmts; i++) {
		const struct ast_stmt *stmt = &s->op->stmts[i];

		if (l->works.n > LOWER_STMTS || diag_full(l->d))
			return;
		if (stmt->kind == AST_LET)
			expand_let(l, s, stmt);
		else if (stmt->kind == AST_ASSIGN)
			expand_assign(l, s, stmt);
		else if (!l->errors)
			lower_use(l, s, stmt);
	}
}

/* ---- second phase: the IR ---- */

static bool index_named(const struct work *w, const char *name)
{
	for (int i = 0; i < w->v.n; i++)
		if (!strcmp(w->v.v[i].b->name, name))
			return true;
	return false;
}

static bool axis_named(const struct ir_axis *v, int begin, int end,
	const char *name)
{
	for (int i = begin; i < end; i++)
		if (!strcmp(v[i].name, name))
			return true;
	return false;
}

/* An operator that is used brings its own names: an index of it may be called
 * as a tensor of the user is, and gets underscores until neither a tensor nor
 * another index of the statement, as written or as renamed (v[begin] to
 * v[end - 1]), is called so. */
static const char *axis_name(struct lowering *l, const struct work *w,
	const struct ir_axis *v, int begin, int end, const char *name)
{
	const char *own = name;

	while (name_taken(l, name) || (name != own &&
	    (index_named(w, name) || axis_named(v, begin, end, name))))
		name = arena_printf(l->a, "%s_", name);
	return name;
}

static void make_axes(struct lowering *l)
{
	VEC(struct ir_axis) axes = {0};

	for (int w = 0; w < l->works.n; w++)
		for (int i = 0; i < l->works.v[w].v.n; i++) {
			struct index *x = &l->works.v[w].v.v[i];
			const char *name = axis_name(l, &l->works.v[w], axes.v,
				axes.n - i, axes.n, x->b->name);

			x->axis = axes.n;
			vec_push(l->a, &axes, (struct ir_axis){ .name = name,
				.lo = x->lo, .extent = x->extent,
				.id = x->axis,
				.reduced = i >= l->works.v[w].n_left,
				.stmt = w });
		}
	l->o->axes = axes.v;
	l->o->n_axes = axes.n;
}

static bool finish_tensors(struct lowering *l)
{
	bool ok = true;

	for (int i = 0; i < l->tensors.n; i++) {
		struct ir_tensor *t = &l->tensors.v[i];

		if (t->role != IR_LET)
			continue;
		ok &= lower_fits(l, l->root, t);
		if (ok)
			ir_row_major(l->a, t);
	}
	l->o->tensors = l->tensors.v;
	l->o->n_tensors = l->tensors.n;
	return ok;
}

/* Numbers do not become truth values by themselves, nor fractions integers. */
static struct ir_expr *lower_target(const struct place *p, struct value v,
	const struct ast_expr *e, enum dtype t)
{
	bool number = v.kind == V_INT || v.kind == V_FLOAT ||
		(v.kind == V_EXPR && v.e->type != T_BOOL);

	if (v.kind == V_EXPR && dtype_is_float(v.e->type) && dtype_is_int(t)) {
		lower_error(p->l, p->scope, E_CONVERSION, e->at,
			"a value of type %s does not become %s by itself",
			dtype_row(v.e->type)->name, dtype_row(t)->name);
		diag_hint(p->l->d, "Say how: %s(round(x)), floor, ceil, or %s(x) to cut.",
			dtype_row(t)->name, dtype_row(t)->name);
		return NULL;
	}
	if (t != T_BOOL || !number)
		return lower_typed(p, e->at, v, t);
	lower_error(p->l, p->scope, E_TRUTH, e->at, "a truth value is expected here");
	diag_hint(p->l->d, "Compare the number, as in x != 0.");
	return NULL;
}

static void lower_stmt(struct lowering *l, int w)
{
	const struct work *k = &l->works.v[w];
	const struct ir_tensor *t = &l->tensors.v[k->tensor];
	struct place p = { .l = l, .scope = k->scope, .unit = k->scope->unit,
		.work = w };
	struct want want = { .type = t->type, .let = k->s->kind == AST_LET };
	struct ir_stmt *s = &l->o->stmts[w];
	struct value v = lower_value(&p, k->s->expr, want);

	s->tensor = k->tensor;
	s->at = k->s->at;
	s->n_axes = k->n_left;
	s->axes = ARENA_ARRAY(l->a, k->n_left + 1, int);
	for (int i = 0; i < k->n_left; i++)
		s->axes[i] = k->v.v[i].axis;
	s->index = ir_axis_values(l->a, s->axes, s->n_axes);
	s->expr = lower_target(&p, v, k->s->expr, t->type);
}

static void lower_stmts(struct lowering *l)
{
	l->o->stmts = ARENA_ARRAY(l->a, l->works.n + 1, struct ir_stmt);
	l->o->n_stmts = l->works.n;
	for (int w = 0; w < l->works.n && !diag_full(l->d); w++)
		lower_stmt(l, w);
}

/* ---- the operator ---- */

static int by_name(const void *x, const void *y)
{
	return strcmp(((const struct ir_size *)x)->name,
		((const struct ir_size *)y)->name);
}

static void make_sizes(struct lowering *l, const struct scope *s)
{
	VEC(struct ir_size) sizes = {0};

	for (int i = 0; i < s->known.n; i++)
		if (s->known.v[i].v.kind == V_INT)
			vec_push(l->a, &sizes, (struct ir_size){
				s->known.v[i].name, s->known.v[i].v.i });
	if (sizes.n)
		qsort(sizes.v, (size_t)sizes.n, sizeof(*sizes.v), by_name);
	l->o->sizes = sizes.v;
	l->o->n_sizes = sizes.n;
}

static void make_types(struct lowering *l, const struct scope *s)
{
	VEC(struct ir_type) types = {0};

	for (int i = 0; i < s->known.n; i++)
		if (s->known.v[i].v.kind == V_TYPE)
			vec_push(l->a, &types, (struct ir_type){
				s->known.v[i].name, s->known.v[i].v.type });
	l->o->types = types.v;
	l->o->n_types = types.n;
}

bool lower_find(struct lowering *l, struct scope *s,
	const struct lower_request *r)
{
	s->unit = r->unit;
	if (r->item->kind == AST_OP) {
		s->op = r->item;
		return true;
	}
	s->title = arena_printf(l->a, "instance %s", r->item->name.text);
	s->at = r->item->name.at;
	return lower_resolve(l, s, r->item);
}

static bool give_size(struct lowering *l, struct scope *s,
	const struct ir_size *x, struct span at)
{
	const struct known *k = lower_known(s, x->name);

	if (!k || k->v.i == x->value)
		return lower_set(l, s, x->name, lower_int(x->value), at);
	lower_error(l, s, E_SHAPE, k->at, "size '%s' is %lld here, but the shape asked "
		"for has %lld", x->name, (long long)k->v.i, (long long)x->value);
	return false;
}

bool lower_give(struct lowering *l, struct scope *s,
	const struct lower_request *r)
{
	bool ok = true;

	for (int i = 0; i < r->n_shape; i++)
		if (lower_is_size(s->op, r->shape[i].name) ||
		    lower_is_number(s->op, r->shape[i].name))
			ok &= give_size(l, s, &r->shape[i], r->item->name.at);
	return ok;
}

static void lower_body(struct lowering *l, struct scope *s)
{
	lower_expand(l, s);
	if (l->errors)
		return;
	lower_infer(l);
	if (!lower_check_extents(l) || !finish_tensors(l))
		return;
	make_axes(l);
	lower_stmts(l);
}

static void lower_operator(struct lowering *l, struct scope *s,
	const struct lower_request *r)
{
	const struct ast_item *item = r->item;

	if (!lower_find(l, s, r) || !lower_give(l, s, r) ||
	    !lower_defaults(l, s) || !lower_where(l, s) ||
	    !lower_tensors(l, s, item->with, item->n_with))
		return;
	l->o->n_inputs = s->op->n_inputs;
	l->o->n_outputs = s->op->n_outputs;
	make_sizes(l, s);
	make_types(l, s);
	lower_body(l, s);
}

struct ir_operator *lower(struct arena *a, const struct lower_request *r,
	struct diag *d)
{
	struct ir_operator *o = ARENA_NEW(a, struct ir_operator);
	struct scope s = {0};
	struct lowering l = { .a = a, .d = d, .o = o, .root = &s };

	o->name = r->name ? r->name : r->item->name.text;
	o->source = r->item->kind == AST_INSTANCE ? r->item->callee.text :
		r->item->name.text;
	o->exported = r->item->exported;
	o->at = r->item->at;
	lower_operator(&l, &s, r);
	if (l.errors || diag_full(d))
		return NULL;
	ir_fold(a, o);
	assert(!ir_verify(a, o));
	return o;
}
