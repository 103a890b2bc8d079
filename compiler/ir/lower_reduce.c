/* SPDX-License-Identifier: MIT */
/* Lowering: reductions. In: sum[k](...) and its like, and the type wanted. Out:
 * an IR reduction in the type it accumulates in: a typed let's, for floats;
 * elsewhere the accumulator of the body's type, widened to what is wanted. */
#include <string.h>

#include "ir/lower_state.h"

static enum reducer reducer_named(const char *name)
{
	for (int r = 0; r < N_REDUCERS; r++)
		if (!strcmp(reducer_rows[r].name, name))
			return (enum reducer)r;
	return N_REDUCERS;
}

static bool is_arg(enum reducer r)
{
	return r == RED_ARGMAX || r == RED_ARGMIN;
}

static bool is_logical(enum reducer r)
{
	return r == RED_ANY || r == RED_ALL;
}

/* What the body should be computed in. */
static struct want body_want(enum reducer r, struct want want)
{
	if (is_logical(r) || is_arg(r))
		return (struct want){ .type = T_NONE };
	if (want.let && want.type != T_NONE && dtype_is_float(want.type))
		return (struct want){ .type = want.type };
	return (struct want){ .type = want.type, .accumulate = true };
}

static enum dtype accumulator(enum reducer r, struct value body,
	struct want want)
{
	struct want inner = body_want(r, want);
	enum dtype t = lower_type_of(body);

	if (is_logical(r))
		return T_BOOL;
	if (t == T_NONE)
		t = want.type != T_NONE && want.type != T_BOOL ? want.type :
			body.kind == V_FLOAT ? T_F32 : T_I32;
	if (is_arg(r))
		return t;
	return lower_carried(t, inner, r == RED_SUM || r == RED_PROD ||
		t == T_BOOL);
}

static struct value empty(const struct place *p, const struct ast_expr *e,
	enum reducer r, const struct index *x)
{
	switch (r) {
	case RED_SUM: return lower_int(0);
	case RED_PROD: return lower_int(1);
	case RED_ANY: return lower_bool(false);
	case RED_ALL: return lower_bool(true);
	default: break;
	}
	lower_error(p->l, p->scope, E_EMPTY, e->at, "%s over nothing has no value",
		e->name);
	diag_note(p->l->d, x->b->at, "'%s' has extent 0", x->b->name);
	return lower_bad();
}

/* The index of the winner, 32 bits unless it may not fit or 64 are wanted. */
static enum dtype winner_type(const struct place *p, const struct ir_expr *e,
	struct want want)
{
	const struct ir_axis *x = &p->l->o->axes[e->red[0]];

	return want.type == T_I64 || x->lo + x->extent > INT32_MAX ? T_I64 :
		T_I32;
}

static struct value finish(const struct place *p, const struct ast_expr *e,
	enum reducer r, struct value body, struct ir_expr *out, struct want want)
{
	enum dtype t = accumulator(r, body, want);
	struct ir_expr *x;

	if (is_logical(r) && lower_type_of(body) != T_BOOL) {
		lower_error(p->l, p->scope, E_TRUTH, e->args[0]->at,
			"%s takes truth values", e->name);
		return lower_bad();
	}
	x = lower_typed(p, e->args[0]->at, body, t);
	if (!x)
		return lower_bad();
	out->args = ARENA_ARRAY(p->l->a, 1, struct ir_expr *);
	out->args[0] = x;
	out->n_args = 1;
	out->type = is_arg(r) ? winner_type(p, out, want) : t;
	return lower_made(out, body.nodes + 2, body.levels + 2);
}

struct value lower_reduce(const struct place *p, const struct ast_expr *e,
	struct want want)
{
	enum reducer r = reducer_named(e->name);
	struct frame frame = { e, p->frame };
	struct place inside = *p;
	struct ir_expr *out = ARENA_NEW(p->l->a, struct ir_expr);
	struct value body;

	if (r == N_REDUCERS || p->work < 0 || p->args) {
		lower_error(p->l, p->scope, E_REDUCER, e->at, p->args ?
			"a function cannot reduce" : "a reduction is no constant");
		return lower_bad();
	}
	inside.frame = &frame;
	inside.index = false;
	out->kind = IR_REDUCE;
	out->reducer = r;
	out->at = e->at;
	out->n_red = e->n_binders;
	out->red = ARENA_ARRAY(p->l->a, e->n_binders, int);
	for (int i = 0; i < e->n_binders; i++) {
		const struct index *x = lower_index(&p->l->works.v[p->work],
			&frame, e->binders[i].name);

		if (!x->extent)
			return empty(p, e, r, x);
		out->red[i] = x->axis;
	}
	body = lower_value(&inside, e->args[0], body_want(r, want));
	return body.kind == V_BAD ? body : finish(p, e, r, body, out, want);
}
