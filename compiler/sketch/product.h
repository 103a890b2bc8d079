/* SPDX-License-Identifier: MIT */
/* A contraction as tiled sketches see it: roles flattened, operands as affine
 * forms, what follows it, and the names that directives use. */
#ifndef WPK_COMPILER_SKETCH_PRODUCT_H
#define WPK_COMPILER_SKETCH_PRODUCT_H

#include "sketch/epilogue.h"
#include "sketch/stage.h"
#include "sketch/walk.h"

/* What sums of so many products, by order of the reduction, are multiplied by, of rows
 * and of columns, or NULL (struct ir_scales). Of 1 no sketch scales any. */
struct product_scales {
	bool any;
	const struct ir_expr *m, *n;
	int64_t group[ORDERS_MAX];
};

/* "orders" are permutations of the reduction's axes worth trying. Of twins there are
 * two products, else one: "right" is the first one's, "twin" the second one's, which
 * is "own" in axes of its own; they are staged alike, in one tile. */
struct product {
	struct ir_contraction c, own;
	struct product_scales scales;
	struct operand left, right, twin;
	const struct ir_expr *twin_value;
	int products;
	int *orders[ORDERS_MAX];
	const char *order_words[ORDERS_MAX + 1];
	int n_orders;
	const char *m_name, *n_name, *k_name;
	int64_t m, n, k, batch;
	struct epilogue epilogue;
	double dram_bytes;
	enum dtype acc;			/* of the accumulator in registers */
	int acc_bytes;
};

/* What a sketch does beside products of tensors: factors that are computed as
 * they are loaded; statistics of the product's rows; what else than a product is
 * made of two elements; sums of some products scaled before they are added up;
 * factors of which batches choose indices, and of which a table says where they are
 * read; two products of one factor. */
enum {
	PRODUCT_COMPUTES = 1, PRODUCT_ROWS = 2, PRODUCT_PAIRS = 4,
	PRODUCT_SCALES = 8, PRODUCT_CHOICES = 16, PRODUCT_TABLES = 32,
	PRODUCT_TWINS = 64
};

/* product_orders.c: the orders of the reduction, of a contraction that is known. */
void product_orders(struct task *t, struct product *f);

/* False, with "*why" a sentence that begins with "sketch", if the group is no
 * contraction at all, or two where the sketch does not do that: what
 * product_analyse() asks first. */
bool product_is(const struct task *t, const char *sketch, int does,
	const char **why);
/* False, with "*why" a sentence that begins with "sketch", if the group is no
 * contraction that CUDA cores compute, or wants more than the sketch "does". */
bool product_analyse(struct task *t, const char *sketch, int does,
	struct product *p, const char **why);

/* What computing the elements of one factor needs, for order number "order" of the
 * reduction; "buffers" has, by tensor, those that it reads. */
struct computed product_computed(struct arena *a, const struct ir_operator *o,
	const struct product *p, bool left, int order,
	struct k_buffer **buffers);

/* Where factors are of two types, of which one holds the other's values, as far as
 * they are known, that one is converted to it on its way. */
void product_widen(const struct task *t, struct product *p);

/* Tunables under construction. */
struct tunables {
	struct tunable *v;
	int n;
};

/* Append one, named after directive, first subject and key. */
void tunables_add(const struct task *t, struct tunables *l,
	const char *directive, const char *const *subjects, const char *key,
	const int *values, int n, const char *const *words);
/* A list of one subject. */
const char *const *tunable_subject(const struct task *t, const char *name);
/* The product's sum, or both. */
const char *const *tunable_sums(const struct task *t, const struct product *p);
/* The right operand's tensor, or both products' where these are two. */
const char *const *tunable_rights(const struct task *t, const struct product *p);
/* epilogue(OUTPUT) for what is fused after the contraction: holds always. */
void tunables_add_epilogue(const struct task *t, struct tunables *l,
	const struct product *p);

/* The second product's sum, or NULL. */
const char *product_second(const struct task *t);
/* Elements multiplied and added, in all. */
double product_size(const struct product *p);
/* Operations of an element of the sum beside its addition, or its fused
 * multiply-add, and results of the special-function unit. */
struct cost_of product_cost(const struct product *p);
/* sum + x * y in type "t". */
struct kx *product_add(struct arena *a, enum dtype t, struct kx *x,
	struct kx *y, struct kx *sum);
struct kx *product_zero(struct arena *a, enum dtype t);
/* What is accumulated before there is anything. */
struct kx *product_none(struct arena *a, const struct product *p);

#endif
