/* SPDX-License-Identifier: MIT */
/* An epilogue's code under construction, shared by the files that write it. */
#ifndef WPK_COMPILER_SKETCH_EPILOGUE_CODE_H
#define WPK_COMPILER_SKETCH_EPILOGUE_CODE_H

#include "sketch/common.h"
#include "sketch/epilogue.h"

enum { READS_MAX = 16 };

/* State while one vector of elements is computed. "held[i]" has the vector of
 * read "reads[i]"; "values" those of outputs already computed for the present
 * element, whose number in the vector is "element". "kept[i]" has the thread's
 * elements of output i for passes after "pass", "taken[i]" those of a part that
 * somebody else stores. */
struct emission {
	const struct storing *s;
	struct lower_env env;
	int pass;
	const struct ir_expr *reads[READS_MAX];
	struct k_buffer *held[READS_MAX];
	int n_reads;
	struct kx *values[OUTPUTS_MAX], *element;
	struct kx *row, *first;		/* of the accumulators */
	struct kx *row_in, *first_in;	/* of the part at hand */
	struct k_buffer *taken[OUTPUTS_MAX];	/* of it, for store_parts */
	struct k_buffer *outs[OUTPUTS_MAX], *kept[OUTPUTS_MAX];
	int width;
	int line;		/* elements that may be under way at once */
	struct row_values {		/* by output: of the thread's rows */
		struct k_buffer *value;		/* when the pass is over */
		struct k_buffer *part, *at;	/* during it: this thread's */
		struct running running;		/* of the row at hand */
	} rows[OUTPUTS_MAX];
	struct kx *row_at;		/* its number among the thread's */
};

/* ---- epilogue_emit.c ---- */

/* Sides along which results are stored next to each other, and the other. */
const struct side *inner_side(const struct storing *s);
const struct side *outer_side(const struct storing *s);
/* Is output "o" computed in the present pass, or what it reduces? */
bool output_in_pass(const struct emission *m, const struct output *o);
/* Element or row number "i" of the thread's, counted from side->first: the
 * first of "width". */
struct kx *side_offset(struct arena *a, const struct side *d, struct kx *i,
	int width);
/* Has the thread the values of rows that the tensor has? */
bool is_row_value(const struct storing *s, int tensor);
/* The axes' values at element "at" of the side, which has no patches. */
void side_axes(const struct storing *s, struct k_block *b,
	const struct side *d, struct kx *at, struct kx **env);
/* Is "at" in the product, and for this tile to store? The block where it is, with
 * values of the side's axes. */
struct k_block *side_enter(const struct storing *s, struct k_block *b,
	const struct side *d, struct kx *at, struct kx **env);
/* Where output "i", of the present element or row, lies in memory. */
struct k_place output_place(struct emission *m, int i);
/* Does the present pass store "o" element by element? */
bool output_stores(const struct emission *m, const struct output *o);
/* Of the thread's elements on a side: "n" from "first" on. */
struct reach {
	struct kx *first;
	int n;
};
/* Elements of the outer side by those of the inner. */
void emit_elements(struct emission *m, struct k_block *b, struct reach rows,
	struct reach cols);

/* ---- epilogue_lines.c ---- */

/* How many elements of the present pass a straight line may have: m->line. */
void lines_plan(struct emission *m);
/* emit_elements(), line by line. */
void lines_emit(struct emission *m, struct k_block *b, struct reach rows,
	struct reach cols);
/* The greatest divisor of "n" up to "most", at least 1. */
int lines_divisor(int n, int most);
/* "n" lines, and the block of number "line" of them. */
struct lines {
	struct arena *a;
	int n;
	struct kx *end;		/* more than "n"; NULL: it is one line */
};
struct lines lines_start(struct arena *a, struct k_block *b, int n);
struct k_block *lines_next(const struct lines *l, struct k_block *b,
	struct kx *line);

/* ---- epilogue_parts.c ---- */

/* What the present pass leaves to others to store: false if nothing. */
bool taken_declare(struct emission *m);
/* All elements of such a pass. */
void taken_emit(struct emission *m, struct k_block *b);
/* Output "i" of the present element, "v" but for rounding. */
void taken_give(struct emission *m, struct k_block *b, int i, struct kx *v);

/* ---- epilogue_rows.c ---- */

/* The side that counts rows. */
const struct side *rows_of(const struct storing *s);
/* The thread's rows: registers, and at the start of a pass what each of its
 * statistics is of nothing. */
void rows_declare(struct emission *m);
void rows_start(struct emission *m, struct k_block *b);
/* Before and after elements of row "m->row_at" are taken in. */
void rows_open(struct emission *m, struct k_block *b);
void rows_take(struct emission *m, struct k_block *b);
void rows_close(struct emission *m, struct k_block *b);
/* Join the threads' statistics of the pass, compute and store what is one value
 * a row. */
void rows_finish(struct emission *m, struct k_block *b);
/* Output "i" of the row at hand. */
struct kx *rows_value(const struct emission *m, int i);

#endif
