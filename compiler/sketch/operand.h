/* SPDX-License-Identifier: MIT */
/* An operand of a contraction: what its reads look like. */
#ifndef WPK_COMPILER_SKETCH_OPERAND_H
#define WPK_COMPILER_SKETCH_OPERAND_H

#include "sketch/forms.h"
#include "sketch/sketch.h"

/* How an operand is read for one order of the reduction's axes.
 * "k_inner": the tile keeps the reduction contiguous ([rows][k], vectors run
 * along k), else the rows ([k][rows]). "vec" elements a copy. Of a computed operand
 * "pack_k" neighbours along k, powers of two, are made of one element, and
 * "pack_rows" along the rows where vectors run along these; "run" is how many ks the
 * innermost run that moves has, those that share an element included. Of elements that
 * are kept as they are, and unpacked by who reads them, "share" ks have one, and all
 * else counts elements: there are no neighbours that share any. Else it is 1. */
struct operand_order {
	struct flat k;
	bool k_inner;
	int vec, pack_k, pack_rows, share;
	int64_t run;
};

enum { ORDERS_MAX = 4 };

/* "forms[0]" is the address, the others the padded logical indices that can
 * leave their dimension of size "size[i]". "rows" flattens the operand's own
 * output axes (M of the left, N of the right). "value" is what is computed of
 * each element on its way to shared memory, NULL where that is the element;
 * "tile_type" and "tile_elem" are those of what is kept there. Where a table says
 * what is read, "entry" reads that, forms[n_forms] is where the entry lies, each 1 of
 * it adds point[i] to form i, and none but the "entries" from "least" on point inside;
 * "strays": it may be another; "apart": for some of these what is beside the entry
 * decides. */
struct operand {
	const struct ir_expr *read;
	const struct ir_tensor *tensor;
	struct ir_affine forms[FORMS_MAX];
	int64_t size[FORMS_MAX];
	int n_forms;
	struct flat rows, batch;
	struct operand_order orders[ORDERS_MAX];
	int elem;		/* bytes */
	const struct ir_expr *value;
	enum dtype tile_type;
	int tile_elem;
	const struct ir_expr *entry;	/* or NULL */
	int64_t point[FORMS_MAX], least, entries;
	bool strays, apart;
};

/* False, with "*why", where the reads have no affine form. "k_orders[i]" are
 * permutations of the "n_k" reduction axes. */
bool operand_analyse(struct arena *a, const struct ir_operator *o,
	const struct ir_expr *read, const struct ir_affine *address,
	const int *rows, int n_rows, const int *batch, int n_batch,
	int *const *k_orders, int n_orders, int n_k, struct operand *out,
	const char **why);

/* What reaches shared memory is "value", of which the operand's read is part. */
void operand_compute(struct operand *p, const struct ir_expr *value);

/* "p" as its elements lie, of which nothing is computed. */
struct operand operand_raw(const struct operand *p, int n_orders);

/* All forms, the entry's among them. */
int operand_forms(const struct operand *p);

/* Are entries along one flat index of each the same, place by place? */
bool operand_entries_alike(const struct operand *p, const struct flat *along,
	const struct operand *q, const struct flat *with);

/* The step of form "form" from one element to the next along k. */
int64_t operand_step(const struct operand_order *q, int form);

#endif
