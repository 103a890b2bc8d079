/* SPDX-License-Identifier: MIT */
/* Elements of outputs by the reference, with the bounds on their errors: some
 * rows, evenly spread, the first and the last among them, and of each a place
 * within, or where rows are few, several, from its beginning to its end. */
#include "driver/samples.h"

#include <math.h>
#include <string.h>

/* Of all samples of an output: multiply-adds, and pieces of rows. */
enum { WORK = 10000000, PIECES = 512, LEAST = 4 };

/* Sums of another arithmetic than the operator's have another bound for every
 * point; that of one is widened, and proofs of winners are exact. */
static const double other_arithmetic = 8;

size_t samples_bytes(const struct ir_tensor *t)
{
	int bits = dtype_row(t->type)->bits;

	return (size_t)t->elements * (size_t)(bits < 8 ? 1 : bits / 8);
}

static int64_t logical(const struct ir_tensor *t)
{
	int64_t n = 1;

	for (int i = 0; i < t->rank; i++)
		n *= t->dims[i];
	return n;
}

json_t *samples_tensor(const struct ir_tensor *t, bool output)
{
	static const char *const classes[] = { "float", "signed", "unsigned",
		"boolean" };
	const struct dtype_row *r = dtype_row(t->type);

	return json_pack("{ss ss sI sI sI sb ss si si si sb}", "name",
		t->name, "role", output ? "out" : "in", "bytes",
		(json_int_t)samples_bytes(t), "elements",
		(json_int_t)t->elements, "align", (json_int_t)(t->align > 16 ?
		t->align : 16), "holes", logical(t) != t->elements, "class",
		classes[r->class], "bits", r->bits, "significand",
		r->significand, "emin", r->emin, "finite", t->type == T_E4M3);
}

/* "n" elements of row "idx" from "from" on. */
static void take_span(const struct sampling *x, const struct ir_tensor *t,
	int64_t *idx, int64_t from, int n)
{
	struct ir_num want[SAMPLES_ROW], other[SAMPLES_ROW];
	struct sample out[SAMPLES_ROW];
	int last = t->rank - 1;

	if (last >= 0)
		idx[last] = from;
	ir_eval_row(x->reference, x->tensor, idx, n, want);
	for (int k = 0; k < x->n_others; k++) {
		ir_eval_row(x->others[k], x->tensor, idx, n, other);
		for (int i = 0; i < n; i++)
			want[i].err = fmax(want[i].err, other_arithmetic *
				other[i].err);
	}
	for (int i = 0; i < n; i++) {
		if (last >= 0)
			idx[last] = from + i;
		out[i] = (struct sample){ .element = ir_offset_of(t, idx),
			.value = want[i].v, .bound = want[i].err };
		if (t->type == T_I64)
			out[i].whole = want[i].i;
	}
	x->put(x->ctx, out, n);
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* Row "k" of "n" chosen of "rows", as an index. */
static void row_index(const struct ir_tensor *t, int64_t rows, int64_t k,
	int64_t n, int64_t *idx)
{
	int64_t at = n == rows ? k : n == 1 ? 0 :
		(int64_t)((double)(rows - 1) * (double)k / (double)(n - 1));

	for (int d = t->rank - 2; d >= 0; d--) {
		idx[d] = at % t->dims[d];
		at /= t->dims[d];
	}
}

static int64_t least(int64_t x, int64_t y)
{
	return x < y ? x : y;
}

static int64_t piece_count(const struct sampling *x, int span)
{
	double cost = ir_eval_cost(x->op, x->tensor);
	int64_t n;

	if (x->most > 0)
		return (x->most + span - 1) / span;
	n = (int64_t)fmin(PIECES, WORK / fmax(cost, 1) / span);
	return n < LEAST ? LEAST : n;
}

static void take_all(const struct sampling *x, const struct ir_tensor *t,
	int64_t rows, int64_t length)
{
	int64_t idx[IR_RANK] = { 0 };

	for (int64_t k = 0; k < rows; k++) {
		row_index(t, rows, k, rows, idx);
		for (int64_t i = 0; i < length; i += SAMPLES_ROW)
			take_span(x, t, idx, i, (int)least(SAMPLES_ROW,
				length - i));
	}
}

/* Where piece "j" of "m" of row "k" begins; that of a row's only piece is where
 * chance will, but for the first and the last row's. */
static int64_t piece_begin(int64_t room, int64_t k, bool last, int64_t j,
	int64_t m)
{
	if (m > 1)
		return (int64_t)((double)room * (double)j / (double)(m - 1));
	return k == 0 ? 0 : last ? room : (int64_t)(mix((uint64_t)k +
		0x9e3779b97f4a7c15) % (uint64_t)(room + 1));
}

void samples_take(const struct sampling *x)
{
	const struct ir_tensor *t = &x->op->tensors[x->tensor];
	int64_t length = t->rank ? t->dims[t->rank - 1] : 1;
	int64_t idx[IR_RANK] = { 0 }, rows = length ? logical(t) / length : 0;
	int span = (int)least(length, SAMPLES_ROW);
	int64_t n, m;

	if (!rows)
		return;
	if (x->most == SAMPLES_ALL) {
		take_all(x, t, rows, length);
		return;
	}
	m = piece_count(x, span);
	n = least(rows, m);
	m = least(m / n, (length + span - 1) / span);
	for (int64_t k = 0; k < n; k++) {
		row_index(t, rows, k, n, idx);
		for (int64_t j = 0; j < m; j++)
			take_span(x, t, idx, piece_begin(length - span, k,
				k == n - 1, j, m), span);
	}
}
