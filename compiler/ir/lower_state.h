/* SPDX-License-Identifier: MIT */
/* Private to lowering: what its files share. Lowering runs in two phases. The
 * first walks syntax: sizes get values, uses of operators are expanded, and
 * every index gets an extent. The second makes IR, with every read proved to
 * stay inside its tensor. */
#ifndef WPK_COMPILER_IR_LOWER_STATE_H
#define WPK_COMPILER_IR_LOWER_STATE_H

#include "base/vec.h"
#include "ir/lower.h"

/* Sizes, element counts and index values stay below this. */
#define LOWER_SIZE_LIMIT (INT64_C(1) << 61)

enum {
	LOWER_NOTES = 4,	/* levels named under one error */
	LOWER_USES = 64,	/* operators inside operators */
	LOWER_CALLS = 200,	/* functions inside functions */
	LOWER_STMTS = 4096,	/* statements of one operator */
	LOWER_STEPS = 1 << 23,	/* expressions visited for one operator */
	LOWER_NODES = 20000,	/* nodes of one statement */
	LOWER_LEVELS = 2500	/* depth of one expression */
};

/* Constants stay flexible until they meet a type. V_BAD follows an error and
 * is silent. "nodes" and "levels" measure "e". */
enum value_kind { V_BAD, V_INT, V_FLOAT, V_BOOL, V_TYPE, V_EXPR };

struct value {
	enum value_kind kind;
	int64_t i;
	double f;
	enum dtype type;	/* V_TYPE */
	struct ir_expr *e;
	const struct value *arms;	/* V_EXPR: the two integers without a
				 * type that "e" chooses from */
	int nodes, levels;
};

/* A size or an attribute. */
struct known {
	const char *name;
	struct value v;
	struct span at;		/* where it got its value */
};

struct tensor_name {
	const char *name;
	int tensor;
};

/* One operator being lowered: the outermost, or one used by it; or a function
 * being inlined, which has a title only. "title" and "at" say how it came in:
 * "instance c2", "std.matmul.nt"; NULL for none. */
struct scope {
	struct scope *parent;
	const char *title;
	struct span at;
	const struct ast_unit *unit;
	const struct ast_item *op;
	VEC(struct known) known;
	VEC(struct tensor_name) tensors;
	const char *prefix;	/* of the names of lets */
	int depth;
};

enum origin {
	FROM_NOWHERE, FROM_TEXT, FROM_DIM, FROM_READS, FROM_USES, FROM_PADDED
};

/* An index of one statement: bound on its left, or by a reduction. */
struct index {
	const struct ast_binder *b;
	enum origin origin;
	int64_t lo, extent;
	const struct ast_expr *from;	/* the read that gave the extent */
	int axis;			/* in the IR, second phase */
};

/* A statement to come: it writes "tensor". */
struct work {
	struct scope *scope;
	const struct ast_stmt *s;
	int tensor;
	VEC(struct index) v;		/* n_left of the left side first */
	int n_left;
};

/* "tensor" is read at dimension "dim" with index "v" of work "w" alone. */
struct fact {
	int w, v, tensor, dim;
	bool padded;
	const struct ast_expr *read;
};

/* What is known of a tensor beside the IR's row. */
struct tensor_info {
	int first, last;	/* works that write it, -1 if none */
	bool declared;		/* its sizes are, it may come in pieces */
	struct span at;
};

/* "errors" counts what diag may have seen before: the same error of another
 * instance. */
struct lowering {
	struct arena *a;
	struct diag *d;
	struct ir_operator *o;
	struct scope *root;
	VEC(struct ir_tensor) tensors;
	VEC(struct tensor_info) info;
	VEC(struct work) works;
	VEC(struct fact) facts;
	int steps, errors;
};

/* Reductions around a place, innermost first. */
struct frame {
	const struct ast_expr *reduce;
	const struct frame *up;
};

struct argument {
	const char *name;
	struct value v;
};

/* Where an expression stands. "work" is -1 where only constants may be;
 * "args" are a fn's, whose body sees nothing else. */
struct place {
	struct lowering *l;
	struct scope *scope;
	const struct ast_unit *unit;
	int work;
	const struct frame *frame;
	const struct argument *args;
	int n_args, calls;
	bool index;		/* inside the brackets of a read */
};

/* What the surroundings ask of a value: at least the precision of "type"
 * (T_NONE: nothing); "accumulate" for the body of a reduction whose target has
 * no type of its own. "let" is true up to the first reduction below a typed
 * let. */
struct want {
	enum dtype type;
	bool accumulate, let;
};

/* ---- lower.c ---- */

/* Set s->unit and s->op to the operator that "r" asks for; an instance's
 * brackets become known. */
bool lower_find(struct lowering *l, struct scope *s,
	const struct lower_request *r);
/* Sizes of the request's shape. */
bool lower_give(struct lowering *l, struct scope *s,
	const struct lower_request *r);
/* Report at "at", with notes that say which instance or use it is about. */
void lower_error(struct lowering *l, const struct scope *s,
	enum diag_code code, struct span at, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Add a statement for every line of the scope's operator, and for those of
 * the operators it uses. */
void lower_expand(struct lowering *l, struct scope *s);
/* Add one statement that writes "tensor". */
void lower_add_work(struct lowering *l, struct scope *s,
	const struct ast_stmt *stmt, int tensor);
/* Make a let; its extents may come later. */
int lower_new_let(struct lowering *l, struct scope *s, const char *name,
	enum dtype type, int rank, struct span at);
/* The product of the tensor's dimensions, all known, is below the limit. */
bool lower_fits(struct lowering *l, const struct scope *s,
	const struct ir_tensor *t);
int lower_tensor_named(const struct scope *s, const char *name);
void lower_name_tensor(struct lowering *l, struct scope *s, const char *name,
	int tensor);

/* ---- lower_sizes.c ---- */

struct known *lower_known(const struct scope *s, const char *name);
/* Is "name" a size: alone a dimension of an input, no attribute and not
 * computed by where? */
bool lower_is_size(const struct ast_item *op, const char *name);
/* Is "name" an attribute that is no dtype by default? */
bool lower_is_number(const struct ast_item *op, const char *name);
/* Give "name" a value; an error if it has another. */
bool lower_set(struct lowering *l, struct scope *s, const char *name,
	struct value v, struct span at);
/* Values given in brackets, evaluated in "from". */
bool lower_attrs(struct lowering *l, struct scope *s, struct scope *from,
	const struct ast_attr *attrs, int n);
/* Set s->op and s->unit to the operator behind instance "item" of s->unit;
 * its brackets, and those of the instances between, become known. */
bool lower_resolve(struct lowering *l, struct scope *s,
	const struct ast_item *item);
/* Attributes that were not given. */
bool lower_defaults(struct lowering *l, struct scope *s);
/* Sizes must be known by now: then derived sizes and predicates. */
bool lower_where(struct lowering *l, struct scope *s);
/* The dtype "name", or that of a dtype attribute. */
enum dtype lower_dtype(struct lowering *l, struct scope *s,
	struct ast_name name);
/* A size: an integer constant from 0 to 62 bits; -1 after an error. */
int64_t lower_size(struct lowering *l, struct scope *s,
	const struct ast_expr *e);

/* ---- lower_tensor.c ---- */

/* Inputs and outputs of the outermost operator; "with" restates layouts. */
bool lower_tensors(struct lowering *l, struct scope *s,
	const struct ast_restate *with, int n_with);

/* ---- lower_layout.c ---- */

/* Physical dimensions, strides, element count and alignment of "t" from its
 * qualifiers, "over" before those of "d" of the same name. */
bool lower_layout(struct lowering *l, struct scope *s, struct ir_tensor *t,
	const struct ast_decl *d, const struct ast_restate *over);

/* ---- lower_extent.c ---- */

/* Collect the indices and reads of work "w". */
void lower_collect(struct lowering *l, int w);
/* Derive extents as far as they go. */
void lower_infer(struct lowering *l);
/* Errors for extents that disagree, are unknown or leave gaps. */
bool lower_check_extents(struct lowering *l);
/* The index that "name" means at "frame" of work "w", or NULL. */
struct index *lower_index(struct work *w, const struct frame *frame,
	const char *name);

/* ---- lower_use.c ---- */

void lower_use(struct lowering *l, struct scope *s, const struct ast_stmt *use);

/* ---- lower_value.c ---- */

struct value lower_int(int64_t i);
struct value lower_float(double f);
struct value lower_bool(bool b);
struct value lower_bad(void);
struct value lower_made(struct ir_expr *e, int nodes, int levels);
/* Operation on values of any kind; constants are folded. */
struct value lower_op(const struct place *p, struct span at, enum op op,
	struct value x, struct value y, struct want want);
struct value lower_unary(const struct place *p, struct span at, enum op op,
	struct value x, struct want want);
struct value lower_select(const struct place *p, struct span at,
	struct value c, struct value x, struct value y, struct want want);
/* "v" as an expression of type "t"; NULL after an error. */
struct ir_expr *lower_typed(const struct place *p, struct span at, struct value v,
	enum dtype t);
/* The type that arithmetic on "t" is done in. */
enum dtype lower_carried(enum dtype t, struct want want, bool promote);
/* The type of a value, T_NONE for numbers not yet typed. */
enum dtype lower_type_of(struct value v);

/* ---- lower_fold.c ---- */

/* The operation on constants. */
struct value lower_fold_op(const struct place *p, struct span at, enum op op,
	struct value x, struct value y);
struct value lower_fold_unary(const struct place *p, struct span at, enum op op,
	struct value x);

/* ---- lower_expr.c ---- */

struct value lower_value(const struct place *p, const struct ast_expr *e,
	struct want want);
/* An expression over sizes and attributes alone. */
struct value lower_const(struct lowering *l, struct scope *s,
	const struct ast_expr *e);

/* ---- lower_read.c ---- */

struct value lower_read(const struct place *p, const struct ast_expr *e);

/* ---- lower_reduce.c ---- */

struct value lower_reduce(const struct place *p, const struct ast_expr *e,
	struct want want);

#endif
