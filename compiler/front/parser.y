/* SPDX-License-Identifier: MIT */
/* The grammar of .wpk: tokens come in, the unit's items go out. Precedence
 * decides between expression operators only; should bison report a conflict
 * elsewhere, change the rule, not the number in %expect.
 *
 * Every node carries its place, so bison's own locations, which need a global,
 * are not used. After a syntax error parsing resumes behind the next ';' or
 * '}' of the construct at hand; "recovering" keeps the parser silent until
 * then, so that each mistake is reported once. */
%require "3.8"
%define api.pure full
%define api.prefix {syntax_}
%define api.token.prefix {TOK_}
%define parse.error custom
%define parse.lac full
%expect 0
%param { struct parser *p }

%code requires {
#include "front/syntax.h"
}

%code provides {
#define YYSTYPE SYNTAX_STYPE
}

%code {
#include <math.h>
#include <string.h>

#include "base/vec.h"

#define YYMAXDEPTH 8000

int syntax_lex(union SYNTAX_STYPE *value, void *scanner);

#undef yylex
#define yylex(value, p) syntax_lex((value), (p)->scanner)

#define NEW(type, ...) \
	((type *)memcpy(ARENA_NEW(p->a, type), &(type){ __VA_ARGS__ }, \
		sizeof(type)))
#define ONE(list, x) \
	do { \
		memset(&(list), 0, sizeof(list)); \
		vec_push(p->a, &(list), *(x)); \
	} while (0)
#define ADD(list, old, x) \
	do { \
		(list) = (old); \
		vec_push(p->a, &(list), *(x)); \
	} while (0)
#define ITEM(...) vec_push(p->a, &p->items, (struct ast_item){ __VA_ARGS__ })
#define LIST(field, list) .field = (list).v, .n_##field = (list).n

static void yyerror(struct parser *p, const char *message);
}

%union {
	struct token token;
	bool flag;
	struct ast_name name;
	struct ast_pad pad;
	struct ast_expr *expr;
	struct ast_attr *attr;
	struct ast_restate *restate;
	struct ast_qual *qual;
	struct ast_decl *decl;
	struct ast_cond *cond;
	struct ast_stmt *stmt;
	struct ast_binder *binder;
	struct ast_arch *arch;
	struct ast_dir *dir;
	struct ast_arg *arg;
	struct expr_list exprs;
	struct name_list names;
	struct attr_list attrs;
	struct restate_list restates;
	struct qual_list quals;
	struct decl_list decls;
	struct cond_list conds;
	struct stmt_list stmts;
	struct binder_list binders;
	struct arch_list archs;
	struct dir_list dirs;
	struct arg_list args;
}

%token END 0 "end of file"
%token <token>
	IDENT "a name" INT "an integer" FLOAT "a number" STRING "a string"
	TYPE "a type" REDUCER "a reducer" INF "'inf'" EDGE "'edge'"
	WITH "'with'" TARGET "'target'" IMPORT "'import'" EXPORT "'export'"
	OP "'op'" FN "'fn'" LET "'let'" WHERE "'where'"
	SCHEDULE "'schedule'" TUNE "'tune'" TEST "'test'" FOR "'for'"
	WHEN "'when'" IN "'in'" PAD "'pad'" STEP "'step'" PARAM "'param'"
	REQUIRE "'require'" ARROW "'->'" DOTDOT "'..'"
	LE "'<='" GE "'>='" EQ "'=='" NE "'!='" AND "'&&'" OR "'||'"
	'?' ':' '<' '>' '+' '-' '*' '/' '%' '!' '(' ')' '[' ']' '{' '}'
	'=' ';' ',' '.'

%right '?' ':'
%left OR
%left AND
%nonassoc EQ NE
%nonassoc '<' '>' LE GE
%left '+' '-'
%left '*' '/' '%'
%precedence NEG

%type <flag> linkage
%type <token> word
%type <name> name path type
%type <attr> attr
%type <attrs> attrs attr_list
%type <restate> restate
%type <restates> with restates
%type <qual> qual
%type <quals> quals
%type <decl> decl
%type <decls> decls
%type <exprs> dims exprs members
%type <cond> cond
%type <conds> where conds
%type <stmt> stmt
%type <stmts> stmts body
%type <binder> binder extent
%type <binders> binders
%type <expr> expr value range when member
%type <pad> literal
%type <names> idents paths
%type <arch> arch
%type <archs> target archs
%type <dir> dir
%type <dirs> dirs block
%type <arg> arg
%type <args> args
%%
unit:
  %empty
| unit item
;

item:
  IMPORT path ';'
	{ ITEM(.kind = AST_IMPORT, .at = span_join($1.at, $3.at), .name = $2); }
| FN IDENT '(' idents ')' '=' expr ';'
	{ ITEM(.kind = AST_FN, .at = span_join($1.at, $8.at),
		.name = syntax_name($2), LIST(params, $4), .expr = $7); }
| linkage OP word attrs '(' decls ')' ARROW '(' decls ')' where body
	{ ITEM(.kind = AST_OP, .at = span_join($2.at, $11.at), .exported = $1,
		.name = syntax_name($3), LIST(attrs, $4), LIST(inputs, $6),
		LIST(outputs, $10), LIST(where, $12), LIST(stmts, $13)); }
| linkage OP word '=' path attrs with ';'
	{ ITEM(.kind = AST_INSTANCE, .at = span_join($2.at, $8.at),
		.exported = $1, .name = syntax_name($3), .callee = $5,
		LIST(attrs, $6), LIST(with, $7)); }
| SCHEDULE IDENT FOR paths target when block
	{
		for (int i = 0; i < $4.n; i++)
			ITEM(.kind = AST_SCHEDULE, .again = i > 0,
				.at = span_join($1.at, $4.v[i].at),
				.name = syntax_name($2), .target_op = $4.v[i],
				LIST(archs, $5), .expr = $6, LIST(dirs, $7));
	}
| TUNE path target block
	{ ITEM(.kind = AST_TUNE, .at = span_join($1.at, $2.at), .name = $2,
		LIST(archs, $3), LIST(dirs, $4)); }
| TEST path block
	{ ITEM(.kind = AST_TEST, .at = span_join($1.at, $2.at), .name = $2,
		LIST(dirs, $3)); }
| IMPORT error ';' resume
| FN error ';' resume
| linkage OP error ';' resume
| linkage OP error body
| linkage OP word '=' error ';' resume
| SCHEDULE error ';' resume
| SCHEDULE error block
| TUNE error ';' resume
| TUNE error block
| TEST error ';' resume
| TEST error block
| error ';' resume
| error '{' skip '}' resume
;

resume:
  %empty	{ p->recovering = false; yyerrok; }
;

/* Whatever stands between braces, sets included. */
skip:
  error
| skip '{' error '}' error
;

linkage:
  %empty	{ $$ = false; }
| EXPORT	{ $$ = true; }
;

attrs:
  %empty		{ $$ = (struct attr_list){0}; }
| '[' attr_list ']'	{ $$ = $2; }
;

attr_list:
  attr			{ ONE($$, $1); }
| attr_list ',' attr	{ ADD($$, $1, $3); }
;

attr:
  IDENT
	{ $$ = NEW(struct ast_attr, .name = syntax_name($1)); }
| IDENT '=' expr
	{ $$ = NEW(struct ast_attr, .name = syntax_name($1), .value = $3); }
| IDENT '=' TYPE
	{ $$ = NEW(struct ast_attr, .name = syntax_name($1),
		.type = syntax_name($3)); }
;

with:
  %empty	{ $$ = (struct restate_list){0}; }
| WITH restates	{ $$ = $2; }
;

restates:
  restate			{ ONE($$, $1); }
| restates ',' restate		{ ADD($$, $1, $3); }
;

restate:
  IDENT qual
	{
		struct qual_list quals;

		ONE(quals, $2);
		$$ = NEW(struct ast_restate, .name = syntax_name($1),
			LIST(quals, quals));
	}
| IDENT qual qual
	{
		struct qual_list quals;

		ONE(quals, $2);
		vec_push(p->a, &quals, *$3);
		$$ = NEW(struct ast_restate, .name = syntax_name($1),
			LIST(quals, quals));
	}
;

qual:
  IDENT '(' exprs ')'
	{ $$ = NEW(struct ast_qual, .name = syntax_name($1), LIST(args, $3)); }
;

word:
  IDENT | REDUCER | PAD | STEP | TEST | TUNE | TARGET | WITH | PARAM | FOR
;

type:
  TYPE		{ $$ = syntax_name($1); }
| IDENT		{ $$ = syntax_name($1); }
;

decls:
  decl			{ ONE($$, $1); }
| decls ',' decl	{ ADD($$, $1, $3); }
;

decl:
  IDENT ':' type dims quals
	{ $$ = NEW(struct ast_decl, .name = syntax_name($1), .type = $3,
		LIST(dims, $4), LIST(quals, $5),
		.at = span_join($1.at, $3.at)); }
;

dims:
  %empty	{ $$ = (struct expr_list){0}; }
| '[' exprs ']'	{ $$ = $2; }
;

quals:
  %empty	{ $$ = (struct qual_list){0}; }
| quals qual	{ ADD($$, $1, $2); }
;

where:
  %empty	{ $$ = (struct cond_list){0}; }
| WHERE conds	{ $$ = $2; }
;

conds:
  cond			{ ONE($$, $1); }
| conds ',' cond	{ ADD($$, $1, $3); }
;

cond:
  IDENT '=' expr
	{ $$ = NEW(struct ast_cond, .bind = syntax_name($1), .expr = $3,
		.at = span_join($1.at, $3->at)); }
| expr
	{ $$ = NEW(struct ast_cond, .expr = $1, .at = $1->at); }
;

body:
  '{' resume stmts '}'			{ $$ = $3; }
| '{' resume stmts error '}' resume	{ $$ = $3; }
| '{' resume error '}' resume		{ $$ = (struct stmt_list){0}; }
;

stmts:
  stmt		{ ONE($$, $1); }
| stmts stmt	{ ADD($$, $1, $2); }
;

stmt:
  LET IDENT '[' binders ']' ':' type '=' expr ';'
	{ $$ = NEW(struct ast_stmt, .kind = AST_LET,
		.at = span_join($1.at, $10.at), .name = syntax_name($2),
		LIST(binders, $4), .type = $7, .expr = $9); }
| LET IDENT ':' type '=' expr ';'
	{ $$ = NEW(struct ast_stmt, .kind = AST_LET,
		.at = span_join($1.at, $7.at), .name = syntax_name($2),
		.type = $4, .expr = $6); }
| LET '(' idents ')' '=' path attrs '(' idents ')' ';'
	{ $$ = NEW(struct ast_stmt, .kind = AST_USE, .is_let = true,
		.at = span_join($1.at, $11.at), LIST(names, $3), .callee = $6,
		LIST(attrs, $7), LIST(operands, $9)); }
| '(' idents ')' '=' path attrs '(' idents ')' ';'
	{ $$ = NEW(struct ast_stmt, .kind = AST_USE,
		.at = span_join($1.at, $10.at), LIST(names, $2), .callee = $5,
		LIST(attrs, $6), LIST(operands, $8)); }
| IDENT '[' binders ']' '=' expr ';'
	{ $$ = NEW(struct ast_stmt, .kind = AST_ASSIGN,
		.at = span_join($1.at, $7.at), .name = syntax_name($1),
		LIST(binders, $3), .expr = $6); }
| IDENT '=' expr ';'
	{ $$ = NEW(struct ast_stmt, .kind = AST_ASSIGN,
		.at = span_join($1.at, $4.at), .name = syntax_name($1),
		.expr = $3); }
| error ';' resume
	{ $$ = ARENA_NEW(p->a, struct ast_stmt); }
;

binders:
  binder		{ ONE($$, $1); }
| binders ',' binder	{ ADD($$, $1, $3); }
;

binder:
  IDENT
	{ $$ = NEW(struct ast_binder, .name = $1.text, .at = $1.at); }
| IDENT IN extent
	{ $$ = $3; $$->name = $1.text; $$->at = $1.at; }
;

extent:
  expr			{ $$ = NEW(struct ast_binder, .hi = $1); }
| expr ':' expr		{ $$ = NEW(struct ast_binder, .lo = $1, .hi = $3); }
;

expr:
  INT			{ $$ = syntax_leaf(p, AST_INT, $1); }
| FLOAT			{ $$ = syntax_leaf(p, AST_FLOAT, $1); }
| INF			{ $1.f = INFINITY; $$ = syntax_leaf(p, AST_FLOAT, $1); }
| name			{ $$ = syntax_named(p, $1); }
| name '[' exprs ']'	{ $$ = syntax_apply(p, AST_INDEX, $1, $3, $4); }
| name '[' exprs ']' PAD literal
	{ $$ = syntax_padded(syntax_apply(p, AST_INDEX, $1, $3, $4), $6); }
| name '(' exprs ')'	{ $$ = syntax_apply(p, AST_CALL, $1, $3, $4); }
| TYPE '(' expr ')'
	{
		struct expr_list one;

		ONE(one, &$3);
		$$ = syntax_apply(p, AST_CAST, syntax_name($1), one, $4);
	}
| REDUCER '[' binders ']' '(' expr ')'
			{ $$ = syntax_reduce(p, $1, $3, $6, $7); }
| REDUCER '(' exprs ')'
	{ $$ = syntax_apply(p, AST_MINMAX, syntax_name($1), $3, $4); }
| '(' expr ')'		{ $$ = syntax_widened($2, $1, $3); }
| '-' expr %prec NEG	{ $$ = syntax_unary(p, AST_NEG, $1, $2); }
| '!' expr %prec NEG	{ $$ = syntax_unary(p, AST_NOT, $1, $2); }
| expr '+' expr		{ $$ = syntax_binary(p, AST_ADD, $1, $3); }
| expr '-' expr		{ $$ = syntax_binary(p, AST_SUB, $1, $3); }
| expr '*' expr		{ $$ = syntax_binary(p, AST_MUL, $1, $3); }
| expr '/' expr		{ $$ = syntax_binary(p, AST_DIV, $1, $3); }
| expr '%' expr		{ $$ = syntax_binary(p, AST_MOD, $1, $3); }
| expr '<' expr		{ $$ = syntax_binary(p, AST_LT, $1, $3); }
| expr '>' expr		{ $$ = syntax_binary(p, AST_GT, $1, $3); }
| expr LE expr		{ $$ = syntax_binary(p, AST_LE, $1, $3); }
| expr GE expr		{ $$ = syntax_binary(p, AST_GE, $1, $3); }
| expr EQ expr		{ $$ = syntax_binary(p, AST_EQ, $1, $3); }
| expr NE expr		{ $$ = syntax_binary(p, AST_NE, $1, $3); }
| expr EQ TYPE
	{ $$ = syntax_binary(p, AST_EQ, $1, syntax_leaf(p, AST_TYPE, $3)); }
| expr NE TYPE
	{ $$ = syntax_binary(p, AST_NE, $1, syntax_leaf(p, AST_TYPE, $3)); }
| expr AND expr		{ $$ = syntax_binary(p, AST_AND, $1, $3); }
| expr OR expr		{ $$ = syntax_binary(p, AST_OR, $1, $3); }
| expr '?' expr ':' expr
			{ $$ = syntax_ternary(p, AST_COND, $1, $3, $5); }
;

literal:
  INT		{ $$ = syntax_pad_number(NULL, $1, (double)$1.i); }
| FLOAT		{ $$ = syntax_pad_number(NULL, $1, $1.f); }
| INF		{ $$ = syntax_pad_number(NULL, $1, INFINITY); }
| '-' INT	{ $$ = syntax_pad_number(&$1, $2, (double)$2.i); }
| '-' FLOAT	{ $$ = syntax_pad_number(&$1, $2, $2.f); }
| '-' INF	{ $$ = syntax_pad_number(&$1, $2, INFINITY); }
| IDENT		{ $$ = syntax_pad_word(PAD_NAME, $1); }
| EDGE		{ $$ = syntax_pad_word(PAD_EDGE, $1); }
;

exprs:
  expr			{ ONE($$, &$1); }
| exprs ',' expr	{ ADD($$, $1, &$3); }
;

name:
  IDENT		{ $$ = syntax_name($1); }
| name '.' word	{ $$ = syntax_dotted(p, $1, $3); }
;

/* A name where no expression can stand may begin with any word. */
path:
  word		{ $$ = syntax_name($1); }
| path '.' word	{ $$ = syntax_dotted(p, $1, $3); }
;

paths:
  path			{ ONE($$, &$1); }
| paths ',' path	{ ADD($$, $1, &$3); }
;

idents:
  IDENT
	{
		struct ast_name name = syntax_name($1);

		ONE($$, &name);
	}
| idents ',' IDENT
	{
		struct ast_name name = syntax_name($3);

		ADD($$, $1, &name);
	}
;

target:
  %empty	{ $$ = (struct arch_list){0}; }
| TARGET archs	{ $$ = $2; }
;

archs:
  arch			{ ONE($$, $1); }
| archs ',' arch	{ ADD($$, $1, $3); }
;

arch:
  IDENT
	{ $$ = NEW(struct ast_arch, .lo = syntax_name($1)); }
| IDENT DOTDOT
	{ $$ = NEW(struct ast_arch, .lo = syntax_name($1), .open = true); }
| IDENT DOTDOT IDENT
	{ $$ = NEW(struct ast_arch, .lo = syntax_name($1),
		.hi = syntax_name($3)); }
;

when:
  %empty	{ $$ = NULL; }
| WHEN expr	{ $$ = $2; }
;

block:
  '{' resume dirs '}'			{ $$ = $3; }
| '{' resume dirs skip '}' resume	{ $$ = $3; }
;

dirs:
  %empty	{ $$ = (struct dir_list){0}; }
| dirs dir	{ ADD($$, $1, $2); }
;

dir:
  PARAM IDENT '=' value ';'
	{ $$ = NEW(struct ast_dir, .kind = AST_PARAM, .name = syntax_name($2),
		.value = $4, .at = span_join($1.at, $5.at)); }
| REQUIRE expr ';'
	{ $$ = NEW(struct ast_dir, .kind = AST_REQUIRE, .value = $2,
		.at = span_join($1.at, $3.at)); }
| IDENT '(' args ')' ';'
	{ $$ = NEW(struct ast_dir, .kind = AST_DIRECTIVE, LIST(args, $3),
		.name = syntax_name($1), .at = span_join($1.at, $5.at)); }
| IDENT '(' ')' ';'
	{ $$ = NEW(struct ast_dir, .kind = AST_DIRECTIVE,
		.name = syntax_name($1), .at = span_join($1.at, $4.at)); }
| skip ';' resume
	{ $$ = ARENA_NEW(p->a, struct ast_dir); }
;

args:
  arg			{ ONE($$, $1); }
| args ',' arg		{ ADD($$, $1, $3); }
;

arg:
  value
	{ $$ = NEW(struct ast_arg, .value = $1); }
| name '=' value
	{ $$ = NEW(struct ast_arg, .key = $1.text, .key_at = $1.at,
		.value = $3); }
| PAD '=' value
	{ $$ = NEW(struct ast_arg, .key = $1.text, .key_at = $1.at,
		.value = $3); }
;

value:
  expr
| range
| '{' members '}'	{ $$ = syntax_set(p, $1, $2, $3); }
| '{' error '}' resume	{ $$ = syntax_leaf(p, AST_ERROR, $1); }
| STRING		{ $$ = syntax_leaf(p, AST_STRING, $1); }
| TYPE			{ $$ = syntax_named(p, syntax_name($1)); }
;

members:
  member		{ ONE($$, &$1); }
| members ',' member	{ ADD($$, $1, &$3); }
;

member:
  expr
| STRING		{ $$ = syntax_leaf(p, AST_STRING, $1); }
| TYPE			{ $$ = syntax_named(p, syntax_name($1)); }
;

range:
  expr DOTDOT expr	{ $$ = syntax_binary(p, AST_RANGE, $1, $3); }
| expr DOTDOT expr STEP expr
			{ $$ = syntax_ternary(p, AST_RANGE, $1, $3, $5); }
;
%%

/* Bison calls this when its stack is full; the only way to fill it is depth. */
static void yyerror(struct parser *p, const char *message)
{
	(void)message;
	diag_error(p->d, E_LIMIT, p->last.at, "nested too deeply");
}

static bool is_word(yysymbol_kind_t kind)
{
	return kind >= YYSYMBOL_TYPE && kind <= YYSYMBOL_REQUIRE;
}

static int yyreport_syntax_error(const yypcontext_t *context, struct parser *p)
{
	enum { MANY = 64 };
	yysymbol_kind_t kinds[MANY], seen = yypcontext_token(context);
	int n = yypcontext_expected_tokens(context, kinds, MANY);
	const char *names[MANY];

	for (int i = 0; i < n; i++)
		names[i] = yysymbol_name(kinds[i]);
	syntax_unexpected(p, names, n, seen == YYSYMBOL_YYEOF, is_word(seen));
	return 0;
}
