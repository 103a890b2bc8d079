/* SPDX-License-Identifier: MIT */
/* Between the files of cuBLASLt: products, and algorithms for them. */
#ifndef WPK_RUNTIME_LIB_CUBLASLT_H
#define WPK_RUNTIME_LIB_CUBLASLT_H

#include "runtime/lib/call.h"

/* A matrix in memory; "columns": the elements of a column lie side by side.
 * "place" is -1 where there is none. */
struct gemm_matrix {
	const struct call_type *type;
	bool columns;
	int place;
	unsigned align;
	int64_t rows, cols, ld, stride;
};

/* D[m, n] = epilogue(A[m, k] B[k, n] + C[m, n] + bias), "batch" times. "bias"
 * has only a type, a place, and a stride. */
struct gemm {
	int64_t m, n, k, batch;
	int compute, scale, epilogue;
	bool fast;
	struct gemm_matrix a, b, c, d, bias;
};

enum wpk_status gemm_read(struct library_call *call, const json_t *j,
	struct gemm *g, struct wpk_error *e);

struct cublaslt_algorithm {
	struct wpk_lt_algo algo;
	size_t workspace;
};

/* cuBLASLt's matrices are in columns: a product whose D is in rows is that of
 * the transposes, with "first" and "second" exchanged. */
struct cublaslt_call {
	struct library_call base;
	struct gemm g;
	const struct gemm_matrix *first, *second;
	int transposed[2];
	wpk_lt layouts[4];		/* of first, second, c, d */
	struct wpk_lt_room operation;	/* its bias stands for any aligned one */
	union {
		float f;
		double d;
		int32_t i;
	} one, zero;
	struct cublaslt_algorithm *v;	/* base.n */
	struct cublaslt_algorithm chosen;
};

enum { CUBLASLT_A, CUBLASLT_B, CUBLASLT_C, CUBLASLT_D };

/* What cuBLASLt answered, in "e". */
enum wpk_status cublaslt_fails(const struct library_call *call,
	struct wpk_error *e, int code, const char *what);
/* How much workspace the algorithm takes, or false where it does not serve. */
bool cublaslt_check(struct cublaslt_call *q, const struct wpk_lt_algo *algo,
	size_t *workspace);

/* cublaslt_list.c; library_class.list. */
enum wpk_status cublaslt_list(struct library_call *call, int most,
	struct wpk_error *e);

#endif
