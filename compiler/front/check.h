/* SPDX-License-Identifier: MIT */
/* Private to the front end: what the files of the checks share. */
#ifndef WPK_COMPILER_FRONT_CHECK_H
#define WPK_COMPILER_FRONT_CHECK_H

#include "front/front.h"
#include "front/table.h"

/* Most dimensions of a tensor and names bound by one list; most attributes,
 * inputs and outputs of an operator, each; most statements, those of the
 * operators it uses included. */
enum { RANK_LIMIT = 64, HEADER_LIMIT = 255, STMT_LIMIT = 4096 };

enum symbol_kind {
	SYM_ERROR,	/* reported once; silent from then on */
	SYM_DTYPE,	/* attribute that is a dtype */
	SYM_ATTR,	/* attribute that is a number */
	SYM_SIZE,	/* named by an input's dimension */
	SYM_DERIVED,	/* computed by where */
	SYM_INPUT, SYM_OUTPUT, SYM_LET,
	SYM_AXIS,
	SYM_PARAM	/* of a fn */
};

/* "ready" says that a derived size or an output has its value; "open" that an
 * attribute could still turn out to be a dtype; "needed" that it has no
 * default. Tensors have "dims", NULL where an extent is not known; axes have
 * "lo" (NULL for 0) and "hi" (NULL if not known). An index that took a name
 * twice is an error that has "hidden" the other meaning until it is unbound. */
struct symbol {
	enum symbol_kind kind;
	const char *name;
	struct span at;
	bool used, ready, open, needed;
	int rank;
	const struct ast_expr **dims;
	const struct ast_expr *lo, *hi;
	struct symbol *hidden;
};

/* One run over a unit. "scopes" remembers signatures by operator. */
struct checker {
	struct arena *a;
	const struct ast_unit *u;
	struct diag *d;
	int n_warnings;
	struct table signatures, axes, schedules;
};

/* The names that mean something at one place. "op" is NULL inside a fn. */
struct scope {
	struct checker *c;
	const struct ast_item *op;
	struct table symbols;
};

/* ---- find.c ---- */

enum find_result { FIND_NONE, FIND_ONE, FIND_AMBIGUOUS, FIND_BROKEN };

/* FIND_BROKEN: the name leads into a file that has errors of its own. */
struct found {
	enum find_result result;
	const struct ast_item *item;
	const struct ast_unit *owner;
	const char *first, *second;	/* imports that make it ambiguous */
};

struct found find_item(const struct ast_unit *u, const char *name);
/* Names of the items of "kinds" (bits 1 << AST_..) that "u" can reach. */
const char *const *find_names(struct arena *a, const struct ast_unit *u,
	unsigned kinds);
/* The operator behind an operator or instance; FIND_NONE unless it is one. */
struct found find_operator(const struct ast_unit *u, const char *name);
/* Like find_operator, with an error at "name" unless FIND_ONE results. */
struct found find_expect(struct checker *c, struct ast_name name);

/* ---- check_scope.c ---- */

struct span name_span(const struct ast_expr *e);
struct symbol *scope_find(const struct scope *s, const char *name);
/* Enter a name; an error, and NULL, if it is taken. */
struct symbol *scope_add(struct scope *s, enum symbol_kind kind,
	struct ast_name name);
/* Enter a name as an error, so that it is reported once. */
void scope_silence(struct scope *s, const char *name);
const char *symbol_kind_name(enum symbol_kind kind);
/* Nearest name of one of "kinds" (bits 1 << SYM_..), or NULL. */
const char *scope_nearest(const struct scope *s, const char *name,
	unsigned kinds);
/* "Did you mean", unless "near" is NULL or "name" is a single letter. */
void hint_nearest(struct diag *d, const char *name, const char *near);
/* Value of an expression of integer constants; false if it is none. */
bool constant(const struct ast_expr *e, int64_t *v);
/* Equal as text. */
bool same_expr(const struct ast_expr *x, const struct ast_expr *y);

/* ---- check_signature.c ---- */

/* Attributes, sizes and derived sizes of an operator. */
void signature_build(struct scope *s, struct checker *c,
	const struct ast_item *op);
/* The same, remembered, for others that name the operator; errors in it are
 * reported where it is defined. */
const struct scope *signature_of(struct checker *c, struct found op);
/* The attributes given to "op" by an instance or a use. "s" is the scope in
 * which values may use names, or NULL. */
void check_attrs(struct checker *c, struct scope *s, struct ast_name callee,
	struct found op, const struct ast_attr *attrs, int n);

/* ---- check_expr.c ---- */

enum place {
	AT_VALUE,	/* right-hand side of a statement, body of a fn */
	AT_INDEX,	/* index of a read */
	AT_SIZE,	/* dimension, extent */
	AT_CONDITION	/* where, when, attribute's value */
};

void check_expr(struct scope *s, struct ast_expr *e, enum place place);
/* ---- check_binders.c ---- */

/* Extents of binders; then the names are bound, until unbound. "extents" gives
 * the extents of binders that state none, or is NULL. */
void bind_names(struct scope *s, const struct ast_binder *v, int n,
	const struct ast_expr *const *extents);
void unbind_names(struct scope *s, const struct ast_binder *v, int n);
/* The dimension that "body" indexes with "axis" alone, or NULL. */
const struct ast_expr *inferred_extent(const struct scope *s,
	const struct ast_expr *body, const char *axis);
/* True if "body" indexes any tensor with "axis" alone. */
bool indexes_alone(const struct ast_expr *body, const char *axis);

/* ---- check_bounds.c ---- */

/* Reads and extents that leave their tensor whatever the sizes are. */
void check_read_bounds(struct scope *s, const struct ast_expr *read,
	const struct symbol *tensor);
void check_extent_bounds(struct scope *s, const struct ast_binder *b,
	const struct ast_expr *dim);

/* ---- check_layout.c ---- */

void check_quals(struct scope *s, const struct ast_decl *d,
	const struct ast_qual *quals, int n);

/* ---- check_body.c ---- */

void check_fn(struct checker *c, const struct ast_item *fn);
void check_op(struct checker *c, const struct ast_item *op);

/* ---- check_cycles.c ---- */

/* Functions and operators that reach themselves, or grow without bound when
 * they are inlined. */
void check_cycles(struct checker *c);

/* ---- check_directives.c ---- */

void check_schedule(struct checker *c, const struct ast_item *it);
void check_tune(struct checker *c, const struct ast_item *it);

/* ---- print.c ---- */

/* The expression without the outermost parentheses. */
const char *expr_text(struct arena *a, const struct ast_expr *e);

#endif
