/* SPDX-License-Identifier: MIT */
/* Syntax as text, for tests: one construct a line, every operator in
 * parentheses so that precedence shows. */
#include "front/check.h"

#include <string.h>

static void print_expr(struct str *out, const struct ast_expr *e);

static void put_exprs(struct str *out, struct ast_expr *const *v, int n)
{
	for (int i = 0; i < n; i++) {
		str_puts(out, i ? ", " : "");
		print_expr(out, v[i]);
	}
}

static void put_names(struct str *out, const struct ast_name *v, int n)
{
	for (int i = 0; i < n; i++)
		str_printf(out, "%s%s", i ? ", " : "", v[i].text);
}

static void put_binders(struct str *out, const struct ast_binder *v, int n)
{
	for (int i = 0; i < n; i++) {
		str_printf(out, "%s%s", i ? ", " : "", v[i].name);
		if (!v[i].hi)
			continue;
		str_puts(out, " in ");
		if (v[i].lo) {
			print_expr(out, v[i].lo);
			str_putc(out, ':');
		}
		print_expr(out, v[i].hi);
	}
}

static void put_pad(struct str *out, const struct ast_pad *pad)
{
	if (pad->kind == PAD_NONE)
		return;
	str_puts(out, " pad ");
	if (pad->kind == PAD_VALUE)
		str_double(out, pad->value);
	else
		str_puts(out, pad->kind == PAD_EDGE ? "edge" : pad->name);
}

static void put_applied(struct str *out, const struct ast_expr *e,
	const char *open, const char *close)
{
	str_printf(out, "%s%s", e->name, open);
	put_exprs(out, e->args, e->n_args);
	str_puts(out, close);
}

static void put_operator(struct str *out, const struct ast_expr *e)
{
	static const char *const signs[] = {
		[AST_NEG] = "-", [AST_NOT] = "!", [AST_ADD] = " + ",
		[AST_SUB] = " - ", [AST_MUL] = " * ", [AST_DIV] = " / ",
		[AST_MOD] = " % ", [AST_LT] = " < ", [AST_GT] = " > ",
		[AST_LE] = " <= ", [AST_GE] = " >= ", [AST_EQ] = " == ",
		[AST_NE] = " != ", [AST_AND] = " && ", [AST_OR] = " || ",
	};

	str_putc(out, '(');
	if (e->n_args == 2)
		print_expr(out, e->args[0]);
	str_puts(out, signs[e->kind]);
	print_expr(out, e->args[e->n_args - 1]);
	str_putc(out, ')');
}

static void put_choice(struct str *out, const struct ast_expr *e)
{
	str_putc(out, '(');
	print_expr(out, e->args[0]);
	str_puts(out, " ? ");
	print_expr(out, e->args[1]);
	str_puts(out, " : ");
	print_expr(out, e->args[2]);
	str_putc(out, ')');
}

static void put_string(struct str *out, const char *text)
{
	str_putc(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			str_putc(out, '\\');
		str_putc(out, *text);
	}
	str_putc(out, '"');
}

static void put_range(struct str *out, const struct ast_expr *e)
{
	print_expr(out, e->args[0]);
	str_puts(out, "..");
	print_expr(out, e->args[1]);
	if (e->n_args == 3) {
		str_puts(out, " step ");
		print_expr(out, e->args[2]);
	}
}

static void print_expr(struct str *out, const struct ast_expr *e)
{
	switch (e->kind) {
	case AST_INT:
		str_printf(out, "%lld", (long long)e->i);
		break;
	case AST_FLOAT:
		str_double(out, e->f);
		break;
	case AST_NAME: case AST_TYPE:
		str_puts(out, e->name);
		break;
	case AST_STRING:
		put_string(out, e->name);
		break;
	case AST_INDEX:
		put_applied(out, e, "[", "]");
		put_pad(out, &e->pad);
		break;
	case AST_CALL: case AST_CAST: case AST_MINMAX:
		put_applied(out, e, "(", ")");
		break;
	case AST_REDUCE:
		str_printf(out, "%s[", e->name);
		put_binders(out, e->binders, e->n_binders);
		str_puts(out, "](");
		print_expr(out, e->args[0]);
		str_putc(out, ')');
		break;
	case AST_COND:
		put_choice(out, e);
		break;
	case AST_RANGE:
		put_range(out, e);
		break;
	case AST_SET:
		str_putc(out, '{');
		put_exprs(out, e->args, e->n_args);
		str_putc(out, '}');
		break;
	case AST_ERROR:
		str_puts(out, "error");
		break;
	default:
		put_operator(out, e);
	}
}

const char *expr_text(struct arena *a, const struct ast_expr *e)
{
	struct str s;

	str_init(&s, a);
	print_expr(&s, e);
	if (s.p[0] != '(')
		return s.p;
	s.p[s.n - 1] = '\0';
	return s.p + 1;
}

static void put_attrs(struct str *out, const struct ast_attr *v, int n)
{
	for (int i = 0; i < n; i++) {
		str_printf(out, "%s%s", i ? ", " : "[", v[i].name.text);
		if (v[i].type.text) {
			str_printf(out, " = %s", v[i].type.text);
		} else if (v[i].value) {
			str_puts(out, " = ");
			print_expr(out, v[i].value);
		}
	}
	str_puts(out, n ? "]" : "");
}

static void put_quals(struct str *out, const struct ast_qual *v, int n)
{
	for (int i = 0; i < n; i++) {
		str_printf(out, " %s(", v[i].name.text);
		put_exprs(out, v[i].args, v[i].n_args);
		str_putc(out, ')');
	}
}

static void put_decls(struct str *out, const char *role,
	const struct ast_decl *v, int n)
{
	for (int i = 0; i < n; i++) {
		str_printf(out, "\t%s %s: %s", role, v[i].name.text,
			v[i].type.text);
		if (v[i].n_dims) {
			str_putc(out, '[');
			put_exprs(out, v[i].dims, v[i].n_dims);
			str_putc(out, ']');
		}
		put_quals(out, v[i].quals, v[i].n_quals);
		str_putc(out, '\n');
	}
}

static void put_wheres(struct str *out, const struct ast_cond *v, int n)
{
	for (int i = 0; i < n; i++) {
		str_puts(out, "\twhere ");
		if (v[i].bind.text)
			str_printf(out, "%s = ", v[i].bind.text);
		print_expr(out, v[i].expr);
		str_putc(out, '\n');
	}
}

static void put_stmt(struct str *out, const struct ast_stmt *s)
{
	str_puts(out, s->kind == AST_LET || s->is_let ? "\tlet " : "\t");
	if (s->kind == AST_USE) {
		str_putc(out, '(');
		put_names(out, s->names, s->n_names);
		str_printf(out, ") = %s", s->callee.text);
		put_attrs(out, s->attrs, s->n_attrs);
		str_putc(out, '(');
		put_names(out, s->operands, s->n_operands);
		str_puts(out, ")\n");
		return;
	}
	str_puts(out, s->name.text);
	if (s->n_binders) {
		str_putc(out, '[');
		put_binders(out, s->binders, s->n_binders);
		str_putc(out, ']');
	}
	if (s->type.text)
		str_printf(out, ": %s", s->type.text);
	str_puts(out, " = ");
	print_expr(out, s->expr);
	str_putc(out, '\n');
}

static void put_archs(struct str *out, const struct ast_arch *v, int n)
{
	for (int i = 0; i < n; i++)
		str_printf(out, "%s%s%s%s", i ? ", " : " target ", v[i].lo.text,
			v[i].open || v[i].hi.text ? ".." : "",
			v[i].hi.text ? v[i].hi.text : "");
}

static void put_dir(struct str *out, const struct ast_dir *d)
{
	if (d->kind == AST_PARAM)
		str_printf(out, "\tparam %s = ", d->name.text);
	else if (d->kind == AST_REQUIRE)
		str_puts(out, "\trequire ");
	else
		str_printf(out, "\t%s(", d->name.text);
	if (d->kind != AST_DIRECTIVE)
		print_expr(out, d->value);
	for (int i = 0; i < d->n_args; i++) {
		str_puts(out, i ? ", " : "");
		if (d->args[i].key)
			str_printf(out, "%s = ", d->args[i].key);
		print_expr(out, d->args[i].value);
	}
	str_puts(out, d->kind == AST_DIRECTIVE ? ")\n" : "\n");
}

static void put_with(struct str *out, const struct ast_restate *v, int n)
{
	for (int i = 0; i < n; i++) {
		str_printf(out, "\twith %s", v[i].name.text);
		put_quals(out, v[i].quals, v[i].n_quals);
		str_putc(out, '\n');
	}
}

static void put_header(struct str *out, const struct ast_item *it)
{
	static const char *const kinds[] = {
		[AST_IMPORT] = "import", [AST_FN] = "fn", [AST_OP] = "op",
		[AST_INSTANCE] = "op", [AST_SCHEDULE] = "schedule",
		[AST_TUNE] = "tune", [AST_TEST] = "test",
	};

	str_printf(out, "%s%s %s", it->exported ? "export " : "",
		kinds[it->kind], it->name.text);
	if (it->kind == AST_INSTANCE)
		str_printf(out, " = %s", it->callee.text);
	if (it->kind == AST_SCHEDULE)
		str_printf(out, " for %s", it->target_op.text);
	put_attrs(out, it->attrs, it->n_attrs);
	put_archs(out, it->archs, it->n_archs);
}

static void put_item(struct str *out, const struct ast_item *it)
{
	put_header(out, it);
	if (it->kind == AST_FN) {
		str_putc(out, '(');
		put_names(out, it->params, it->n_params);
		str_puts(out, ") = ");
		print_expr(out, it->expr);
	} else if (it->expr) {
		str_puts(out, " when ");
		print_expr(out, it->expr);
	}
	str_putc(out, '\n');
	put_decls(out, "in", it->inputs, it->n_inputs);
	put_decls(out, "out", it->outputs, it->n_outputs);
	put_wheres(out, it->where, it->n_where);
	for (int i = 0; i < it->n_stmts; i++)
		put_stmt(out, &it->stmts[i]);
	put_with(out, it->with, it->n_with);
	for (int i = 0; i < it->n_dirs; i++)
		put_dir(out, &it->dirs[i]);
}

void front_print(const struct ast_unit *u, struct str *out)
{
	for (int i = 0; i < u->n_items; i++)
		put_item(out, &u->items[i]);
}
