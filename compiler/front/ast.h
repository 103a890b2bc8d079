/* SPDX-License-Identifier: MIT */
/* The syntax tree: what the parser saw, with places, before any meaning.
 * Everything lives in the unit's arena. Lists are arrays with counts. */
#ifndef WPK_COMPILER_FRONT_AST_H
#define WPK_COMPILER_FRONT_AST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/source.h"

struct table;

enum ast_expr_kind {
	AST_INT,	/* value.i */
	AST_FLOAT,	/* value.f; "inf" too */
	AST_NAME,	/* name (dotted names joined with '.') */
	AST_TYPE,	/* name of a dtype, beside == and != */
	AST_INDEX,	/* name[args] pad */
	AST_CALL,	/* name(args): builtin, fn, dotted fn */
	AST_CAST,	/* type(args[0]) */
	AST_REDUCE,	/* reducer[binders](args[0]) */
	AST_MINMAX,	/* reducer(args): elementwise max(a, b) */
	AST_NEG, AST_NOT,
	AST_ADD, AST_SUB, AST_MUL, AST_DIV, AST_MOD,
	AST_LT, AST_GT, AST_LE, AST_GE, AST_EQ, AST_NE,
	AST_AND, AST_OR,
	AST_COND,	/* args[0] ? args[1] : args[2] */
	/* values of directives only */
	AST_RANGE,	/* args[0]..args[1], step args[2] if n_args == 3 */
	AST_SET,	/* {args} */
	AST_STRING,	/* name holds the text */
	AST_ERROR	/* silences what follows from an earlier error */
};

enum ast_pad_kind { PAD_NONE, PAD_VALUE, PAD_NAME, PAD_EDGE };

struct ast_pad {
	enum ast_pad_kind kind;
	double value;		/* PAD_VALUE */
	const char *name;	/* PAD_NAME: an attribute */
	struct span at;
};

struct ast_binder {
	const char *name;
	struct ast_expr *lo, *hi;	/* "i in hi", "i in lo:hi"; or NULL */
	struct span at;
};

/* No expression is deeper than this, so walks may recurse. */
enum { AST_DEPTH_LIMIT = 1000 };

/* "depth" is one more than the deepest operand's. front_check turns a call of
 * a dtype attribute, T(x), from AST_CALL into AST_CAST. */
struct ast_expr {
	enum ast_expr_kind kind;
	int depth;
	struct span at;
	const char *name;	/* tensor, function, type or reducer */
	int64_t i;
	double f;
	struct ast_expr **args;
	int n_args;
	struct ast_binder *binders;
	int n_binders;
	struct ast_pad pad;
};

struct ast_name {
	const char *text;
	struct span at;
};

/* layout(..), stride(..), align(..) */
struct ast_qual {
	struct ast_name name;
	struct ast_expr **args;
	int n_args;
};

struct ast_decl {
	struct ast_name name, type;
	struct ast_expr **dims;
	int n_dims;
	struct ast_qual *quals;
	int n_quals;
	struct span at;
};

/* [T = f16, G = 1, N]; "value" for expressions, "type" for dtypes */
struct ast_attr {
	struct ast_name name;
	struct ast_expr *value;
	struct ast_name type;	/* type.text NULL unless a dtype */
};

/* "NAME = expr" (bind.text set) or a predicate */
struct ast_cond {
	struct ast_name bind;
	struct ast_expr *expr;
	struct span at;
};

enum ast_stmt_kind {
	AST_LET,	/* let name[binders]: type = expr */
	AST_ASSIGN,	/* name[binders] = expr, or name = expr */
	AST_USE		/* (let) (names) = callee attrs (operands) */
};

struct ast_stmt {
	enum ast_stmt_kind kind;
	struct span at;
	struct ast_name name, type;
	struct ast_binder *binders;
	int n_binders;
	struct ast_expr *expr;
	bool is_let;			/* AST_USE: introduces the names */
	struct ast_name *names, *operands, callee;
	int n_names, n_operands;
	struct ast_attr *attrs;
	int n_attrs;
};

/* y layout(..) align(..) after "with" */
struct ast_restate {
	struct ast_name name;
	struct ast_qual *quals;
	int n_quals;
};

/* sm_80 ("hi" NULL, !open), sm_80.. (open), sm_80..sm_90 */
struct ast_arch {
	struct ast_name lo, hi;
	bool open;
};

struct ast_arg {
	const char *key;	/* NULL if positional; dotted names joined */
	struct span key_at;
	struct ast_expr *value;
};

enum ast_dir_kind { AST_PARAM, AST_REQUIRE, AST_DIRECTIVE };

struct ast_dir {
	enum ast_dir_kind kind;
	struct ast_name name;		/* param's or directive's */
	struct ast_expr *value;		/* param's value, require's predicate */
	struct ast_arg *args;
	int n_args;
	struct span at;
};

enum ast_item_kind {
	AST_IMPORT, AST_FN, AST_OP, AST_INSTANCE, AST_SCHEDULE, AST_TUNE,
	AST_TEST
};

/* One top-level item. "name" is what is imported, defined, scheduled, tuned or
 * tested; "target_op" is a schedule's operator; "callee" an instance's. A schedule
 * for several operators is an item for each, "again" from the second on. */
struct ast_item {
	enum ast_item_kind kind;
	struct span at;
	bool exported, again;
	struct ast_name name, target_op, callee;
	struct ast_name *params;		/* fn */
	int n_params;
	struct ast_expr *expr;			/* fn body; schedule's "when" */
	struct ast_attr *attrs;
	int n_attrs;
	struct ast_decl *inputs, *outputs;
	int n_inputs, n_outputs;
	struct ast_cond *where;
	int n_where;
	struct ast_stmt *stmts;
	int n_stmts;
	struct ast_restate *with;
	int n_with;
	struct ast_arch *archs;
	int n_archs;
	struct ast_dir *dirs;
	int n_dirs;
};

/* One file. "imports[i]" is the unit that items' i-th import names. "names"
 * finds the first operator, instance or fn of a name; front_find uses it. */
struct ast_unit {
	const struct source *src;
	const char *module;	/* "conv" of std/conv.wpk imported as std.conv:
				 * names are also reachable as conv.x */
	struct ast_item *items;
	int n_items;
	struct ast_import *imports;
	int n_imports;
	const struct table *names;
};

struct ast_import {
	const char *name;		/* "std.act" */
	struct ast_unit *unit;
	struct span at;
};

#endif
