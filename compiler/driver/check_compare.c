/* SPDX-License-Identifier: MIT */
/* Outputs of both runs against the reference: every element that was written
 * (all, in a check of the whole) must be the reference's value within its
 * bound in both. An element that has its poison in both was not written. */
#include <math.h>
#include <string.h>

#include "driver/check_parts.h"

enum { SHOWN = 5, BATCH = 256, ASK_EVERY = 64 };

/* One output under comparison; "idx" is its row, "stride" along the last
 * dimension where "strided". */
struct output {
	struct check *c;
	const struct check_tensor *t;
	const struct ir_tensor *ir;
	struct ir_eval *reference, *arithmetic;	/* the latter or NULL */
	int64_t idx[IR_RANK];
	int64_t length;		/* of a row */
	bool strided;
	int64_t stride;
	int64_t written;
};

static const char *run_name(int run)
{
	return run ? "early" : "late";
}

static int64_t element_at(struct output *o, int64_t first, int64_t i)
{
	int last = o->ir->rank - 1;

	if (o->strided || last < 0)
		return first + i * o->stride;
	o->idx[last] = i;
	first = ir_offset_of(o->ir, o->idx);
	o->idx[last] = 0;
	return first;
}

static bool is_poison(const struct check_tensor *t, int run, int64_t element)
{
	size_t size = (size_t)(dtype_row(t->type)->bits + 7) / 8;
	const unsigned char *p = (const unsigned char *)t->p[run] +
		(size_t)element * size;

	for (size_t i = 0; i < size; i++)
		if (p[i] != check_poison(run))
			return false;
	return true;
}

static bool is_written(const struct output *o, int64_t element)
{
	return !is_poison(o->t, 0, element) || !is_poison(o->t, 1, element);
}

static void put_index(struct output *o, int64_t i)
{
	struct str *s = &o->c->detail;

	str_printf(s, "%s[", o->ir->name);
	for (int d = 0; d < o->ir->rank; d++)
		str_printf(s, "%s%lld", d ? ", " : "", (long long)(
			d == o->ir->rank - 1 ? i : o->idx[d]));
	str_putc(s, ']');
}

static void report_unwritten(struct output *o, int64_t i)
{
	if (o->c->unwritten++ >= SHOWN)
		return;
	put_index(o, i);
	str_puts(&o->c->detail, " was not written\n");
}

static void put_number(struct str *s, struct ir_num x)
{
	if (isnan(x.v))
		str_puts(s, "nan");
	else if (x.whole)
		str_printf(s, "%lld", (long long)x.i);
	else
		str_printf(s, "%.9g", x.v);
}

static void report_wrong(struct output *o, int64_t i, int run,
	struct ir_num got, struct ir_num want)
{
	if (o->c->wrong++ >= SHOWN)
		return;
	put_index(o, i);
	str_puts(&o->c->detail, " is ");
	put_number(&o->c->detail, got);
	str_puts(&o->c->detail, ", should be ");
	put_number(&o->c->detail, want);
	if (want.err > 0)
		str_printf(&o->c->detail, " within %.3g", want.err);
	str_printf(&o->c->detail, " (%s run)\n", run_name(run));
}

static struct ir_num element(const struct output *o, int run, int64_t at)
{
	enum dtype t = o->t->type;
	struct ir_num x = { .v = dtype_load(t, o->t->p[run], at),
		.whole = !dtype_is_float(t) };

	if (x.whole)
		x.i = t == T_I64 ? ((const int64_t *)o->t->p[run])[at] :
			(int64_t)x.v;
	return x;
}

/* How far apart: of integers, as integers. */
static double distance(struct ir_num x, struct ir_num y)
{
	if (!x.whole || !y.whole)
		return fabs(x.v - y.v);
	return x.i > y.i ? (double)((uint64_t)x.i - (uint64_t)y.i) :
		(double)((uint64_t)y.i - (uint64_t)x.i);
}

/* The error in parts of the bound: at most 1 if right. */
static double error_of(struct ir_num got, struct ir_num want)
{
	double off;

	if (isnan(want.v))
		return isnan(got.v) ? 0 : INFINITY;
	if (!got.whole && got.v == want.v)
		return 0;
	off = distance(got, want);
	if (off == 0)
		return 0;
	if (!(off <= want.err))
		return INFINITY;
	return off / want.err;
}

/* The reference's values; where the program computes other sums, with the
 * greater of both bounds. */
static void ask(struct output *o, int n, struct ir_num *want)
{
	struct ir_num other[BATCH];

	ir_eval_row(o->reference, o->t->ir, o->idx, n, want);
	if (!o->arithmetic)
		return;
	ir_eval_row(o->arithmetic, o->t->ir, o->idx, n, other);
	for (int i = 0; i < n; i++)
		want[i].err = fmax(want[i].err, other[i].err);
}

static void compare_span(struct output *o, int64_t first, int64_t from, int n)
{
	struct ir_num want[BATCH];
	int last = o->ir->rank - 1;

	if (last >= 0)
		o->idx[last] = from;
	ask(o, n, want);
	if (last >= 0)
		o->idx[last] = 0;
	for (int i = 0; i < n; i++) {
		int64_t at = element_at(o, first, from + i);

		if (want[i].err == INFINITY) {
			o->c->unbounded++;
			continue;
		}
		for (int run = 0; run < CHECK_RUNS; run++) {
			struct ir_num got = element(o, run, at);
			double off = error_of(got, want[i]);

			if (off > 1) {
				report_wrong(o, from + i, run, got, want[i]);
				break;
			}
			if (off > o->c->out->worst)
				o->c->out->worst = off;
		}
	}
	o->written += n;
}

/* One row: spans of written elements, at most BATCH at a time. */
static void compare_row(struct output *o)
{
	int64_t first = ir_offset_of(o->ir, o->idx), begin = 0;

	for (int64_t i = 0; i <= o->length; i++) {
		bool in = i < o->length &&
			is_written(o, element_at(o, first, i));

		if (in && i - begin < BATCH)
			continue;
		if (i > begin)
			compare_span(o, first, begin, (int)(i - begin));
		begin = in ? i : i + 1;
		if (!in && i < o->length && !o->t->part)
			report_unwritten(o, i);
	}
}

static bool next_row(struct output *o)
{
	for (int d = o->ir->rank - 2; d >= 0; d--) {
		if (++o->idx[d] < o->ir->dims[d])
			return true;
		o->idx[d] = 0;
	}
	return false;
}

/* Distance of neighbours along the last dimension, where it is one number. */
static void find_stride(struct output *o)
{
	int last = o->ir->rank - 1;

	o->strided = true;
	for (int i = 0; i < o->ir->n_phys; i++) {
		const struct ir_phys *p = &o->ir->phys[i];

		if (p->dim != last)
			continue;
		if (p->div > 1 || p->mod)
			o->strided = false;
		o->stride += p->stride;
	}
}

static void check_count(struct output *o)
{
	if (!o->t->part || o->t->expected < 0 ||
	    o->written == o->t->expected)
		return;
	o->c->unwritten++;
	str_printf(&o->c->detail, "%lld elements of %s were written, should be "
		"%lld\n", (long long)o->written, o->ir->name,
		(long long)o->t->expected);
}

static void compare_output(struct check *c, const struct check_tensor *t,
	struct ir_eval *reference, struct ir_eval *arithmetic)
{
	struct output o = { .c = c, .t = t, .reference = reference,
		.arithmetic = arithmetic };
	int64_t rows = 0;

	o.ir = &c->r->op->tensors[t->ir];
	o.length = o.ir->rank ? o.ir->dims[o.ir->rank - 1] : 1;
	find_stride(&o);
	for (int d = 0; d < o.ir->rank; d++)
		if (!o.ir->dims[d])
			return;
	do {
		if (rows % c->every == 0)
			compare_row(&o);
	} while (next_row(&o) && (++rows % ASK_EVERY || !check_stopped()));
	check_count(&o);
	c->out->outputs += o.written;
}

void check_compare(struct check *c)
{
	const struct ir_operator *o = c->r->op;
	const void **data = ARENA_ARRAY(c->a, (size_t)o->n_tensors,
		const void *);
	struct ir_eval *e, *other = NULL;

	for (int i = 0; i < c->n_tensors; i++)
		if (!c->tensors[i].output)
			data[c->tensors[i].ir] = c->tensors[i].p[0];
	e = ir_eval_create(o, data);
	if (c->r->arithmetic)
		other = ir_eval_create(c->r->arithmetic, data);
	for (int i = 0; i < c->n_tensors; i++)
		if (c->tensors[i].output)
			compare_output(c, &c->tensors[i], e, other);
	ir_eval_destroy(other);
	ir_eval_destroy(e);
}
