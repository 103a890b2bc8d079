/* SPDX-License-Identifier: MIT */
/* Lowering: an operator whose sizes are not all known. In: what lower() takes,
 * with sizes missing. Out: the missing ones by name, and derived sizes and
 * predicates as expressions over them: a size without a value is an axis
 * without an extent, and constant expressions are lowered as any other. */
#include <string.h>

#include "ir/lower_state.h"

struct opening {
	struct lowering l;
	struct scope s;
	VEC(const char *) sizes;
	VEC(struct lower_derived) derived;
	VEC(struct lower_condition) conditions;
	VEC(const char *) shapes;
	int n_also;
	bool never;
};

static const char *source_text(struct arena *a, struct span at)
{
	return arena_strndup(a, at.src->text + at.lo, at.hi - at.lo);
}

static void open_size(struct opening *o, const struct ast_expr *e)
{
	struct arena *a = o->l.a;

	if (e->kind != AST_NAME || !lower_is_size(o->s.op, e->name) ||
	    lower_known(&o->s, e->name))
		return;
	vec_push(a, &o->s.known, (struct known){ e->name,
		lower_made(ir_axis_value(a, o->sizes.n), 1, 1), e->at });
	vec_push(a, &o->sizes, e->name);
}

static void open_sizes(struct opening *o)
{
	for (int i = 0; i < o->s.op->n_inputs; i++)
		for (int k = 0; k < o->s.op->inputs[i].n_dims; k++)
			open_size(o, o->s.op->inputs[i].dims[k]);
}

static struct value value_of(struct opening *o, const struct ast_expr *e)
{
	struct place p = { .l = &o->l, .scope = &o->s, .unit = o->s.unit,
		.work = -1 };

	return lower_value(&p, e, (struct want){ .type = T_NONE });
}

static void derive(struct opening *o, const char *name, struct value v)
{
	if (v.kind == V_EXPR)
		vec_push(o->l.a, &o->derived, (struct lower_derived){ name,
			v.e });
}

static void bind_derived(struct opening *o, const struct ast_cond *w)
{
	struct value v = value_of(o, w->expr);

	if (v.kind == V_EXPR && !dtype_is_int(v.e->type))
		lower_error(&o->l, &o->s, E_SIZE_VALUE, w->at,
			"size '%s' must be an integer", w->bind.text);
	else if (v.kind == V_EXPR)
		vec_push(o->l.a, &o->s.known, (struct known){ w->bind.text, v,
			w->at });
	else
		lower_set(&o->l, &o->s, w->bind.text, v, w->at);
	derive(o, w->bind.text, v);
}

static void add_condition(struct opening *o, const struct ast_cond *w)
{
	struct value v = value_of(o, w->expr);

	if (v.kind == V_BAD)
		return;
	if (v.kind == V_EXPR && v.e->type == T_BOOL)
		vec_push(o->l.a, &o->conditions, (struct lower_condition){ v.e,
			source_text(o->l.a, w->expr->at) });
	else if (v.kind != V_BOOL)
		lower_error(&o->l, &o->s, E_TRUTH, w->at, "a condition is a truth value");
	else if (!v.i)
		lower_error(&o->l, &o->s, E_WHERE, w->at,
			"a condition of where does not hold");
}

static void add_where(struct opening *o)
{
	for (int i = 0; i < o->s.op->n_where; i++)
		if (o->s.op->where[i].bind.text)
			bind_derived(o, &o->s.op->where[i]);
	for (int i = 0; i < o->s.op->n_where && !o->l.errors; i++)
		if (!o->s.op->where[i].bind.text)
			add_condition(o, &o->s.op->where[i]);
}

static void add_also(struct opening *o, const struct lower_also *also)
{
	struct value v = value_of(o, also->holds);
	struct place p = { .l = &o->l, .scope = &o->s, .unit = o->s.unit,
		.work = -1 };

	if (v.kind == V_BAD)
		return;
	if (also->not)
		v = lower_unary(&p, also->holds->at, OP_NOT, v,
			(struct want){ .type = T_NONE });
	if (v.kind == V_EXPR && v.e->type == T_BOOL) {
		vec_push(o->l.a, &o->conditions, (struct lower_condition){ v.e,
			also->not ? NULL : source_text(o->l.a,
			also->holds->at) });
		o->n_also++;
	} else if (v.kind == V_BOOL) {
		o->never |= !v.i;
	} else {
		lower_error(&o->l, &o->s, E_TRUTH, also->holds->at,
			"a condition is a truth value");
	}
}

/* The tensor's shape as text; dimensions that are no names are sizes too. */
static void add_shape(struct opening *o, const struct ast_decl *d)
{
	struct arena *a = o->l.a;
	struct str text;

	str_init(&text, a);
	str_putc(&text, '[');
	for (int i = 0; i < d->n_dims; i++) {
		const struct ast_expr *e = d->dims[i];

		str_printf(&text, "%s%s", i ? ", " : "",
			source_text(a, e->at));
		if (e->kind != AST_NAME)
			derive(o, arena_printf(a, "%s_%d", d->name.text, i),
				value_of(o, e));
	}
	str_putc(&text, ']');
	vec_push(a, &o->shapes, str_text(&text));
}

static void add_shapes(struct opening *o)
{
	for (int i = 0; i < o->s.op->n_inputs; i++)
		add_shape(o, &o->s.op->inputs[i]);
	for (int i = 0; i < o->s.op->n_outputs; i++)
		add_shape(o, &o->s.op->outputs[i]);
}

struct lower_open *lower_open(struct arena *a, const struct lower_request *r,
	struct diag *d)
{
	struct lower_open *out = ARENA_NEW(a, struct lower_open);
	struct opening o = { .l = { .a = a, .d = d } };

	o.l.o = ARENA_NEW(a, struct ir_operator);
	o.l.root = &o.s;
	if (lower_find(&o.l, &o.s, r) && lower_give(&o.l, &o.s, r) &&
	    lower_defaults(&o.l, &o.s)) {
		open_sizes(&o);
		add_where(&o);
		for (int i = 0; i < r->n_also; i++)
			add_also(&o, &r->also[i]);
		add_shapes(&o);
	}
	*out = (struct lower_open){ o.sizes.v, o.sizes.n, o.derived.v,
		o.derived.n, o.conditions.v, o.conditions.n, o.n_also,
		o.never, o.shapes.v };
	return o.l.errors ? NULL : out;
}
