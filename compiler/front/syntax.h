/* SPDX-License-Identifier: MIT */
/* Private to the front end: what lexer, grammar and tree building share. */
#ifndef WPK_COMPILER_FRONT_SYNTAX_H
#define WPK_COMPILER_FRONT_SYNTAX_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/diag.h"
#include "front/ast.h"

/* Longest name (dots included) and string, most tokens in one file. */
enum { NAME_LIMIT = 255, STRING_LIMIT = 4095, TOKEN_LIMIT = 1 << 21 };

/* A token's place and value: "text" of names, types, reducers and strings. */
struct token {
	struct span at;
	const char *text;
	union {
		int64_t i;
		double f;
	};
};

/* Lists while they grow; vec_push works on them. */
#define SYNTAX_LIST(name, type) struct name { type *v; int n, cap; }
SYNTAX_LIST(expr_list, struct ast_expr *);
SYNTAX_LIST(name_list, struct ast_name);
SYNTAX_LIST(binder_list, struct ast_binder);
SYNTAX_LIST(attr_list, struct ast_attr);
SYNTAX_LIST(decl_list, struct ast_decl);
SYNTAX_LIST(qual_list, struct ast_qual);
SYNTAX_LIST(restate_list, struct ast_restate);
SYNTAX_LIST(cond_list, struct ast_cond);
SYNTAX_LIST(stmt_list, struct ast_stmt);
SYNTAX_LIST(arch_list, struct ast_arch);
SYNTAX_LIST(arg_list, struct ast_arg);
SYNTAX_LIST(dir_list, struct ast_dir);
SYNTAX_LIST(item_list, struct ast_item);

/* One run of the parser. "last" is the newest token; "recovering" silences
 * syntax errors between one error and the place where parsing resumes;
 * "too_deep" says that this was reported. "damaged" means that the statement
 * at hand has had an error of its tokens, "previous" is the token before
 * "last". */
struct parser {
	struct arena *a;
	const struct source *src;
	struct diag *d;
	void *scanner;
	struct token last, previous;
	bool recovering, too_deep, damaged;
	int n_tokens;
	struct item_list items;
};

/* ---- lexer.l ---- */

void syntax_open(struct parser *p);
void syntax_close(struct parser *p);

/* ---- reader.c ---- */

/* Report a syntax error at the newest token. "expected" holds the names of the
 * tokens that could have followed; "reserved" says that the token is a word of
 * the language. */
void syntax_unexpected(struct parser *p, const char *const *expected, int n,
	bool end, bool reserved);

/* ---- habits.c ---- */

/* How this language says what "seen" behind "before" was meant for, or NULL;
 * "expected": what could have stood there. */
const char *habit_hint(const char *seen, const char *before,
	const char *const *expected, int n);
/* The same of a function that there is not. */
const char *habit_function(const char *name);

/* ---- syntax.c ---- */

struct ast_name syntax_name(struct token t);
struct ast_name syntax_dotted(struct parser *p, struct ast_name left,
	struct token right);

struct ast_expr *syntax_leaf(struct parser *p, enum ast_expr_kind kind,
	struct token t);
struct ast_expr *syntax_named(struct parser *p, struct ast_name name);
struct ast_expr *syntax_apply(struct parser *p, enum ast_expr_kind kind,
	struct ast_name name, struct expr_list args, struct token end);
struct ast_expr *syntax_reduce(struct parser *p, struct token reducer,
	struct binder_list binders, struct ast_expr *body, struct token end);
struct ast_expr *syntax_unary(struct parser *p, enum ast_expr_kind kind,
	struct token op, struct ast_expr *x);
struct ast_expr *syntax_binary(struct parser *p, enum ast_expr_kind kind,
	struct ast_expr *x, struct ast_expr *y);
struct ast_expr *syntax_ternary(struct parser *p, enum ast_expr_kind kind,
	struct ast_expr *x, struct ast_expr *y, struct ast_expr *z);
struct ast_expr *syntax_set(struct parser *p, struct token open,
	struct expr_list members, struct token close);
struct ast_expr *syntax_padded(struct ast_expr *read, struct ast_pad pad);
struct ast_expr *syntax_widened(struct ast_expr *e, struct token open,
	struct token close);

struct ast_pad syntax_pad_number(struct token *minus, struct token number,
	double v);
struct ast_pad syntax_pad_word(enum ast_pad_kind kind, struct token t);

#endif
