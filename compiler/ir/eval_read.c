/* SPDX-License-Identifier: MIT */
/* Reads of tensors over lanes. Where all indices are affine and the layout is
 * strided, the lanes that lie inside the tensor are one interval and their
 * elements lie at one distance; where indices are clamped or computed, or the layout
 * has div and mod, those that do are looked for; and where a computed index is
 * uncertain, all goes lane by lane. A read outside its tensor
 * yields the pad; without a pad it yields NaN, which no kernel is excused
 * for. */
#include "ir/eval_private.h"

#include "base/number.h"

#include <math.h>
#include <string.h>

static void base_and_step(const struct ir_eval *e, const struct eval_index *x,
	int run, int64_t *base, int64_t *step)
{
	*base = x->c;
	*step = 0;
	for (int i = 0; i < x->n_terms; i++) {
		*base += x->terms[i].coef * e->at[x->terms[i].axis];
		if (x->terms[i].axis == run)
			*step = x->terms[i].coef;
	}
}

/* Narrows lanes [*lo, *hi) to those with 0 <= base + i*step < extent. */
static void narrow(int64_t base, int64_t step, int64_t extent, int64_t *lo,
	int64_t *hi)
{
	int64_t from = *lo, to = *hi;

	if (step == 0) {
		if (base < 0 || base >= extent)
			to = from;
	} else if (step > 0) {
		from = number_ceil(-base, step);
		to = number_ceil(extent - base, step);
	} else {
		from = number_ceil(base - extent + 1, -step);
		to = number_ceil(base + 1, -step);
	}
	*lo = from > *lo ? from : *lo;
	*hi = to < *hi ? to : *hi;
	if (*hi < *lo)
		*hi = *lo;
}

#define LOAD(type) do { \
	const type *p = (const type *)data + at; \
	for (int i = 0; i < n; i++) \
		out[i] = (double)p[i * step]; \
} while (0)

/* Values of the 256 bytes of an 8-bit type, made once per tensor. */
static const double *byte_values(struct ir_eval *e, const struct ir_tensor *t)
{
	double *v = e->bytes[t->id];

	if (v)
		return v;
	v = ARENA_ARRAY(e->a, 256, double);
	for (int i = 0; i < 256; i++) {
		unsigned char byte = (unsigned char)i;

		v[i] = dtype_load(t->type, &byte, 0);
	}
	return e->bytes[t->id] = v;
}

static void load_bytes(struct ir_eval *e, const struct ir_tensor *t,
	int64_t at, int64_t step, int n, double *out)
{
	const uint8_t *p = (const uint8_t *)e->data[t->id] + at;
	const double *values = byte_values(e, t);

	for (int i = 0; i < n; i++)
		out[i] = values[p[i * step]];
}

/* f16 by arithmetic: the bits shifted into an f32 are off by 2^112, and what
 * has the greatest exponent is infinite or no number. */
static void load_half(const uint16_t *p, int64_t step, int n, double *out)
{
	for (int i = 0; i < n; i++) {
		uint32_t h = p[i * step], bits = (h & 0x7fff) << 13;
		float f;

		if (bits >= 0x0f800000)
			bits |= 0x7f800000;
		memcpy(&f, &bits, sizeof f);
		out[i] = bits >= 0x7f800000 ? (double)f : f * 0x1p112;
		out[i] = h & 0x8000 ? -out[i] : out[i];
	}
}

static void load_bf16(const uint16_t *p, int64_t step, int n, double *out)
{
	for (int i = 0; i < n; i++) {
		uint32_t bits = (uint32_t)p[i * step] << 16;
		float f;

		memcpy(&f, &bits, sizeof f);
		out[i] = f;
	}
}

static void load(struct ir_eval *e, const struct ir_tensor *t, int64_t at,
	int64_t step, int n, double *out)
{
	const void *data = e->data[t->id];

	switch (t->type) {
	case T_F64: LOAD(double); break;
	case T_F32:
	case T_TF32: LOAD(float); break;
	case T_I64: LOAD(int64_t); break;
	case T_I32: LOAD(int32_t); break;
	case T_I16: LOAD(int16_t); break;
	case T_U32: LOAD(uint32_t); break;
	case T_U16: LOAD(uint16_t); break;
	case T_F16:
		load_half((const uint16_t *)data + at, step, n, out);
		break;
	case T_BF16:
		load_bf16((const uint16_t *)data + at, step, n, out);
		break;
	case T_I4:
	case T_U4:
		for (int i = 0; i < n; i++)
			out[i] = dtype_load(t->type, data, at + i * step);
		break;
	default:
		load_bytes(e, t, at, step, n, out);
	}
}

/* The same into lanes of a node, from "lane" on. */
static void load_lanes(struct ir_eval *e, struct node *x, int64_t at,
	int64_t step, int lane, int n)
{
	const struct ir_tensor *t = x->read->tensor;
	const int64_t *p = (const int64_t *)e->data[t->id] + at;

	load(e, t, at, step, n, x->v + lane);
	for (int i = 0; x->whole && i < n; i++)
		x->whole[lane + i] = p[i * step];
}

/* The least quantum of an input's elements, looked for once. */
static double input_quantum(struct ir_eval *e, const struct ir_tensor *t)
{
	double q = 0x1p200, v[LANES], w;
	int64_t at = 0;

	if (e->quanta[t->id] >= 0)
		return e->quanta[t->id];
	if (!dtype_is_float(t->type))
		return e->quanta[t->id] = 1;
	while (q > 0 && at < t->elements) {
		int n = t->elements - at < LANES ? (int)(t->elements - at) :
			LANES;

		load(e, t, at, 1, n, v);
		for (int i = 0; i < n; i++) {
			w = v[i] / q;
			if (w != trunc(w) || !(fabs(w) <= 0x1p53))
				q = fmin(q, num_low_bit(v[i]));
		}
		at += n;
	}
	return e->quanta[t->id] = q;
}

static int64_t row_major(const struct ir_tensor *t, const int64_t *idx)
{
	int64_t at = 0;

	for (int d = 0; d < t->rank; d++)
		at = at * t->dims[d] + idx[d];
	return at;
}

/* Lanes [lo, hi) from a let: runs of neighbours, or one by one. */
static void remembered(struct ir_eval *e, struct node *x, int64_t at,
	int64_t step, int lo, int hi)
{
	const struct ir_tensor *t = x->read->tensor;

	if (step == 1) {
		eval_remembered(e, t->id, at + lo, hi - lo, x, lo);
		return;
	}
	eval_remembered(e, t->id, at + lo * step, 1, x, lo);
	for (int i = lo + 1; i < hi; i++) {
		if (step)
			eval_remembered(e, t->id, at + i * step, 1, x, i);
		else
			node_set(x, i, node_lane(x, lo));
	}
}

static void pad_lanes(struct node *x, int lo, int hi)
{
	struct ir_num pad = { .v = x->read->pad,
		.quantum = x->read->pad_quantum };

	for (int i = lo; i < hi; i++)
		node_set(x, i, pad);
}

static void read_straight(struct ir_eval *e, struct node *x, int run, int n)
{
	const struct eval_read *r = x->read;
	const struct ir_tensor *t = r->tensor;
	int64_t at = 0, along = 0, lo = 0, hi = n, base, step;

	for (int d = 0; d < t->rank; d++) {
		base_and_step(e, &r->index[d], run, &base, &step);
		narrow(base, step, t->dims[d], &lo, &hi);
		at += base * r->stride[d];
		along += step * r->stride[d];
	}
	if (lo == hi)
		lo = hi = n;
	if (t->role != IR_IN) {
		pad_lanes(x, 0, (int)lo);
		if (lo < hi)
			remembered(e, x, at, along, (int)lo, (int)hi);
		pad_lanes(x, (int)hi, n);
		node_close(x, n);
		return;
	}
	pad_lanes(x, 0, (int)lo);
	load_lanes(e, x, at + lo * along, along, (int)lo, (int)(hi - lo));
	pad_lanes(x, (int)hi, n);
	x->exact = true;
	x->quantum = input_quantum(e, t);
	if (hi - lo < n)
		x->quantum = fmin(x->quantum, r->pad_quantum);
}

/* Index of lane "i" in dimension "d"; false if it is not certain. */
static bool lane_index(const struct ir_eval *e, const struct eval_index *x,
	int run, int i, int64_t *out)
{
	int64_t step;

	if (x->affine) {
		base_and_step(e, x, run, out, &step);
		*out += i * step;
		return true;
	}
	*out = (int64_t)x->node->v[i];
	return x->node->exact || x->node->err[i] == 0;
}

/* Whether "idx" lies in the tensor, after clamping where that is the pad. */
static bool inside(const struct node *x, int64_t *idx)
{
	const struct ir_tensor *t = x->read->tensor;

	for (int d = 0; d < t->rank; d++) {
		if (idx[d] >= 0 && idx[d] < t->dims[d])
			continue;
		if (x->e->pad != IR_PAD_EDGE)
			return false;
		idx[d] = idx[d] < 0 ? 0 : t->dims[d] - 1;
	}
	return true;
}

static void read_lane(struct ir_eval *e, struct node *x, int run, int i)
{
	const struct eval_read *r = x->read;
	int64_t idx[IR_RANK];
	struct ir_num v = { 0 };
	bool sure = true;

	for (int d = 0; d < r->tensor->rank; d++)
		sure &= lane_index(e, &r->index[d], run, i, &idx[d]);
	if (!sure) {
		v.err = INFINITY;
		node_set(x, i, v);
	} else if (!inside(x, idx)) {
		pad_lanes(x, i, i + 1);
	} else if (r->tensor->role == IR_IN) {
		load_lanes(e, x, ir_offset_of(r->tensor, idx), 0, i, 1);
		v = node_lane(x, i);
		v.err = 0;
		v.quantum = input_quantum(e, r->tensor);
		node_set(x, i, v);
	} else {
		eval_remembered(e, r->tensor->id, row_major(r->tensor, idx),
			1, x, i);
	}
}

/* ---- computed indices that are certain ---- */

/* Values of an index in all lanes; false if one is uncertain. */
static bool lane_indices(const struct ir_eval *e, const struct eval_index *x,
	int run, int n, int64_t *out)
{
	int64_t base, step;

	if (!x->affine) {
		for (int i = 0; i < n; i++)
			out[i] = x->node->whole ? x->node->whole[i] :
				(int64_t)x->node->v[i];
		return x->node->exact;
	}
	base_and_step(e, x, run, &base, &step);
	for (int i = 0; i < n; i++)
		out[i] = base + i * step;
	return true;
}

static int64_t place(const struct eval_read *r, const int64_t *idx)
{
	int64_t at = 0;

	if (!r->strided)
		return ir_offset_of(r->tensor, idx);
	for (int d = 0; d < r->tensor->rank; d++)
		at += idx[d] * r->stride[d];
	return at;
}

/* Where lanes are read, -1 where they are padded. */
static bool lane_places(const struct ir_eval *e, const struct node *x, int run,
	int n, int64_t *at)
{
	const struct ir_tensor *t = x->read->tensor;
	int64_t all[IR_RANK][LANES], idx[IR_RANK];

	for (int d = 0; d < t->rank; d++)
		if (!lane_indices(e, &x->read->index[d], run, n, all[d]))
			return false;
	for (int i = 0; i < n; i++) {
		for (int d = 0; d < t->rank; d++)
			idx[d] = all[d][i];
		at[i] = inside(x, idx) ? place(x->read, idx) : -1;
	}
	return true;
}

/* The lane after those from "i" on whose places differ by "*step". */
static int end_of_run(const int64_t *at, int i, int n, int64_t *step)
{
	int j = i + 1;

	*step = j < n && at[j] >= 0 ? at[j] - at[i] : 0;
	while (j < n && at[j] >= 0 && at[j] - at[j - 1] == *step)
		j++;
	return j;
}

static void gather(struct ir_eval *e, struct node *x, int n, const int64_t *at)
{
	bool input = x->read->tensor->role == IR_IN;
	int64_t step;

	for (int i = 0, j; i < n; i = j) {
		j = i + 1;
		if (at[i] < 0) {
			pad_lanes(x, i, j);
			continue;
		}
		j = end_of_run(at, i, n, &step);
		if (!input) {
			remembered(e, x, at[i] - i * step, step, i, j);
			continue;
		}
		load_lanes(e, x, at[i], step, i, j - i);
		x->quantum = fmin(x->quantum, input_quantum(e,
			x->read->tensor));
		memset(x->err + i, 0, (size_t)(j - i) * sizeof *x->err);
	}
	node_close(x, n);
}

void node_read(struct ir_eval *e, struct node *x, int run, int n)
{
	const struct eval_read *r = x->read;
	int64_t at[LANES];

	node_open(x);
	if (r->straight) {
		read_straight(e, x, run, n);
		return;
	}
	for (int d = 0; d < r->tensor->rank; d++)
		if (!r->index[d].affine)
			node_eval(e, r->index[d].node, run, n);
	if (lane_places(e, x, run, n, at)) {
		gather(e, x, n, at);
		return;
	}
	for (int i = 0; i < n; i++)
		read_lane(e, x, run, i);
	node_close(x, n);
}
