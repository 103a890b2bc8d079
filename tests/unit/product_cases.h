/* SPDX-License-Identifier: MIT */
/* Products of all kinds as steps of plans, and what they must give. */
#ifndef WPK_TESTS_UNIT_PRODUCT_CASES_H
#define WPK_TESTS_UNIT_PRODUCT_CASES_H

#include "library_stub.h"
#include "tests/runtime/types.h"

enum { M = 5, N = 7, K = 6, MOST_BATCH = 3 };

/* A matrix of a case: "columns" as it lies, "flag": said by "transposed". */
struct matrix {
	enum type type;
	bool columns, flag;
	int pad;
	int64_t rows, cols, ld, stride;
};

/* "same": b is one for the whole batch; "apart": a bias for each of the batch, so
 * far from each other; "align": of all operands, 0: 16. */
struct product {
	const char *compute, *epilogue;
	struct matrix a, b, c, d;
	bool addend, same, fast;
	int batch, apart, align;
	enum type bias;
};

/* f32, dense, by rows. */
struct product product_plain(void);
/* Lays its matrices out. Tensors are a, b, c, d by number. */
json_t *product_step(struct product *p);
/* Numbers in all that is read. */
void product_fill(const struct product *p, const struct memory *m);
/* D[z, i, j] by a plain loop. */
double product_value(const struct product *p, const struct memory *m, int z,
	int i, int j);
void product_compare(const struct product *p, const struct memory *m);
/* Small whole numbers for whole types. */
void fill_numbers(enum type t, void *p, size_t bytes, unsigned seed);

#endif
