/* SPDX-License-Identifier: MIT */
/* Building the tree: tokens and finished subtrees come in, nodes in the unit's
 * arena go out, each with the place it covers. Depth is bounded here, so no
 * later walk can run out of stack. */
#include "front/syntax.h"

#include <string.h>

#include "base/vec.h"

static struct ast_expr *node(struct parser *p, enum ast_expr_kind kind,
	struct span at)
{
	struct ast_expr *e = ARENA_NEW(p->a, struct ast_expr);

	e->kind = kind;
	e->depth = 1;
	e->at = at;
	return e;
}

/* Once too deep, an expression starts again as an error node. */
static struct ast_expr *adopt(struct parser *p, struct ast_expr *e,
	struct expr_list args)
{
	for (int i = 0; i < args.n; i++)
		if (args.v[i]->depth >= e->depth)
			e->depth = args.v[i]->depth + 1;
	e->args = args.v;
	e->n_args = args.n;
	if (e->depth <= AST_DEPTH_LIMIT)
		return e;
	if (!p->too_deep) {
		diag_error(p->d, E_LIMIT, e->at, "expression nested too deeply");
		diag_hint(p->d, "Name a part of it with let; at most %d levels "
			"are allowed.", AST_DEPTH_LIMIT);
	}
	p->too_deep = true;
	return node(p, AST_ERROR, e->at);
}

struct ast_name syntax_name(struct token t)
{
	return (struct ast_name){ t.text, t.at };
}

struct ast_name syntax_dotted(struct parser *p, struct ast_name left,
	struct token right)
{
	struct span at = span_join(left.at, right.at);
	size_t n = strlen(left.text) + 1 + strlen(right.text);

	if (n > NAME_LIMIT) {
		diag_error(p->d, E_LIMIT, at, "name is longer than %d characters",
			NAME_LIMIT);
		return (struct ast_name){ right.text, at };
	}
	return (struct ast_name){
		arena_printf(p->a, "%s.%s", left.text, right.text), at
	};
}

struct ast_expr *syntax_leaf(struct parser *p, enum ast_expr_kind kind,
	struct token t)
{
	struct ast_expr *e = node(p, kind, t.at);

	e->name = t.text;
	if (kind == AST_INT)
		e->i = t.i;
	else if (kind == AST_FLOAT)
		e->f = t.f;
	return e;
}

struct ast_expr *syntax_named(struct parser *p, struct ast_name name)
{
	struct ast_expr *e = node(p, AST_NAME, name.at);

	e->name = name.text;
	return e;
}

struct ast_expr *syntax_apply(struct parser *p, enum ast_expr_kind kind,
	struct ast_name name, struct expr_list args, struct token end)
{
	struct ast_expr *e = node(p, kind, span_join(name.at, end.at));

	e->name = name.text;
	return adopt(p, e, args);
}

static void deepen(struct ast_expr *e, const struct ast_expr *part)
{
	if (part && part->depth >= e->depth)
		e->depth = part->depth + 1;
}

struct ast_expr *syntax_reduce(struct parser *p, struct token reducer,
	struct binder_list binders, struct ast_expr *body, struct token end)
{
	struct ast_expr *e = node(p, AST_REDUCE, span_join(reducer.at, end.at));
	struct expr_list args = {0};

	vec_push(p->a, &args, body);
	e->name = reducer.text;
	e->binders = binders.v;
	e->n_binders = binders.n;
	for (int i = 0; i < binders.n; i++) {
		deepen(e, binders.v[i].lo);
		deepen(e, binders.v[i].hi);
	}
	return adopt(p, e, args);
}

struct ast_expr *syntax_unary(struct parser *p, enum ast_expr_kind kind,
	struct token op, struct ast_expr *x)
{
	struct ast_expr *e = node(p, kind, span_join(op.at, x->at));
	struct expr_list args = {0};

	vec_push(p->a, &args, x);
	return adopt(p, e, args);
}

struct ast_expr *syntax_binary(struct parser *p, enum ast_expr_kind kind,
	struct ast_expr *x, struct ast_expr *y)
{
	struct ast_expr *e = node(p, kind, span_join(x->at, y->at));
	struct expr_list args = {0};

	vec_push(p->a, &args, x);
	vec_push(p->a, &args, y);
	return adopt(p, e, args);
}

struct ast_expr *syntax_ternary(struct parser *p, enum ast_expr_kind kind,
	struct ast_expr *x, struct ast_expr *y, struct ast_expr *z)
{
	struct ast_expr *e = node(p, kind, span_join(x->at, z->at));
	struct expr_list args = {0};

	vec_push(p->a, &args, x);
	vec_push(p->a, &args, y);
	vec_push(p->a, &args, z);
	return adopt(p, e, args);
}

struct ast_expr *syntax_set(struct parser *p, struct token open,
	struct expr_list members, struct token close)
{
	struct ast_expr *e = node(p, AST_SET, span_join(open.at, close.at));

	return adopt(p, e, members);
}

struct ast_expr *syntax_padded(struct ast_expr *read, struct ast_pad pad)
{
	read->pad = pad;
	read->at = span_join(read->at, pad.at);
	return read;
}

/* Parentheses leave no node, only a wider place. */
struct ast_expr *syntax_widened(struct ast_expr *e, struct token open,
	struct token close)
{
	e->at = span_join(open.at, close.at);
	return e;
}

struct ast_pad syntax_pad_number(struct token *minus, struct token number,
	double v)
{
	return (struct ast_pad){
		.kind = PAD_VALUE,
		.value = minus ? -v : v,
		.at = minus ? span_join(minus->at, number.at) : number.at,
	};
}

struct ast_pad syntax_pad_word(enum ast_pad_kind kind, struct token t)
{
	return (struct ast_pad){ .kind = kind, .name = t.text, .at = t.at };
}
