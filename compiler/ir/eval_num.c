/* SPDX-License-Identifier: MIT */
/* Running error analysis of single values: operands with bounds come in, the
 * exact result in double and a bound on what any faithful kernel may be off
 * goes out. Every rounding of a float type adds its unit roundoff times the
 * magnitude and half the least subnormal; op_rows[].ulp scales that for
 * functions that are not correctly rounded. A result that is a multiple of a
 * known power of two and small enough for the significand is exact and adds
 * nothing. An error bound of infinity means that any value is right (a branch
 * that may go either way by a whole range, a sum that may overflow).
 *
 * The interpreter computes in double. Its own rounding is covered by adding
 * double's roundoff to each type's, so f64 is checked to about two roundings
 * an operation. Integers are computed as integers. */
#include "ir/eval_private.h"
#include "ir/integer.h"

#include <math.h>

static const double huge_quantum = 0x1p200;

static struct format format_of(enum dtype t)
{
	const struct dtype_row *r = dtype_row(t);
	struct format f = { 0 };

	if (!dtype_is_float(t))
		return f;
	f.u = ldexp(1, -r->significand) + 0x1p-53;
	f.capacity = ldexp(1, r->significand);
	f.least = ldexp(1, r->emin - r->significand + 1);
	f.over = t == T_F64 ? INFINITY :
		ldexp(2 - ldexp(1, -r->significand), r->emax);
	return f;
}

struct format format_arith(enum dtype t)
{
	struct format f = format_of(t);

	if (dtype_is_float(t) && dtype_row(t)->significand < 24) {
		f.u += 0x1p-24;
		f.over = format_of(T_F32).over;
	}
	return f;
}

struct format format_cast(enum dtype t)
{
	struct format f = format_of(t);

	if (t == T_E4M3) {
		f.over = 464;	/* halfway from 448 to what would follow */
		f.no_inf = true;
	}
	return f;
}

double num_low_bit(double v)
{
	int e;
	uint64_t m;

	if (v == 0)
		return huge_quantum;
	if (!isfinite(v))
		return 0;
	m = (uint64_t)ldexp(fabs(frexp(v, &e)), 53);
	return ldexp(1, e - 53 + __builtin_ctzll(m));
}

/* Product of an error and a factor, where no error stays none. */
static double scaled(double err, double by)
{
	return err == 0 ? 0 : err * fabs(by);
}

static struct ir_num unbounded(double v)
{
	return (struct ir_num){ .v = v, .err = INFINITY };
}

static struct ir_num certain(double v)
{
	return (struct ir_num){ .v = v, .quantum = num_low_bit(v) };
}

/* Either below, at or above the other: of integers whatever doubles say. */
static int order(struct ir_num x, struct ir_num y)
{
	if (x.whole && y.whole)
		return (x.i > y.i) - (x.i < y.i);
	return (x.v > y.v) - (x.v < y.v);
}

static struct ir_num overflowed(const struct format *f, double v, double err)
{
	if (fabs(v) - err < f->over)
		return unbounded(v);
	return (struct ir_num){ .v = f->no_inf ? (double)NAN :
		copysign(INFINITY, v) };
}

/* "v" with error "err" rounded to "f"; "ulp" is the error of the operation,
 * "quantum" what v is known to be a multiple of. */
static struct ir_num rounded(const struct format *f, double v, double err,
	double ulp, double quantum)
{
	if (isnan(v) || isnan(err))
		return err == 0 ? (struct ir_num){ .v = v } : unbounded(v);
	if (isinf(v))
		return err < INFINITY ? overflowed(f, v, 0) : unbounded(v);
	if (fabs(v) + err >= f->over)
		return overflowed(f, v, err);
	if (err == 0 && (v == 0 || (quantum >= f->least &&
	    fabs(v) <= quantum * f->capacity)))
		return (struct ir_num){ .v = v, .quantum = v == 0 ?
			huge_quantum : quantum };
	err += ulp * (2 * f->u * (fabs(v) + err) + f->least);
	return (struct ir_num){ .v = v, .err = err };
}

/* The greatest distance from f(x) within the error: at one of the ends. */
static double spread(enum op op, double v, struct ir_num x)
{
	double lo, hi;

	if (x.err == 0)
		return 0;
	lo = fabs(op_value(op, x.v - x.err) - v);
	hi = fabs(op_value(op, x.v + x.err) - v);
	if (isnan(lo) || isnan(hi))
		return v == op_value(op, x.v + x.err) ? 0 : INFINITY;
	return fmax(lo, hi);
}

static struct ir_num apply_monotone(enum op op, const struct format *f,
	struct ir_num x)
{
	double v = op_value(op, x.v), q = 0;

	if (op == OP_FLOOR || op == OP_CEIL || op == OP_ROUND)
		q = fmax(x.quantum, 1);
	else if (op == OP_SQRT && v * v == x.v &&
	    fma(v, v, -x.v) == 0)
		q = num_low_bit(v);
	return rounded(f, v, spread(op, v, x), op_rows[op].ulp, q);
}

static struct ir_num apply_wave(enum op op, const struct format *f,
	struct ir_num x)
{
	double v = op_value(op, x.v);

	return rounded(f, v, fmin(x.err, 2), op_rows[op].ulp, 0);
}

static struct ir_num apply_divide(const struct format *f, struct ir_num x,
	struct ir_num y)
{
	double v = x.v / y.v, err = 0, q = 0;

	if (y.err > 0 && fabs(y.v) <= y.err)
		return unbounded(v);
	if (x.err > 0 || y.err > 0)
		err = (x.err + scaled(y.err, v)) / (fabs(y.v) - y.err);
	else if (isfinite(v) && fma(v, y.v, -x.v) == 0)
		q = num_low_bit(v);
	return rounded(f, v, err, 0.5, q);
}

static struct ir_num apply_power(const struct format *f, struct ir_num x,
	struct ir_num y)
{
	double v = pow(x.v, y.v), err = 0;

	if (x.err > 0 && x.v - x.err <= 0)
		return unbounded(v);
	for (int i = 0; i < 4 && (x.err > 0 || y.err > 0); i++)
		err = fmax(err, fabs(v - pow(x.v + (i & 1 ? x.err : -x.err),
			y.v + (i & 2 ? y.err : -y.err))));
	return rounded(f, v, err, op_rows[OP_POW].ulp, 0);
}

static double product_error(struct ir_num x, struct ir_num y)
{
	return scaled(y.err, x.v) + scaled(x.err, y.v) +
		scaled(x.err, y.err);
}

static struct ir_num exact_product(struct ir_num x, struct ir_num y)
{
	return (struct ir_num){ .v = x.v * y.v, .err = product_error(x, y),
		.quantum = fmin(x.quantum * y.quantum, huge_quantum) };
}

static struct ir_num apply_fma(const struct format *f, struct ir_num x,
	struct ir_num y, struct ir_num z)
{
	struct ir_num p = exact_product(x, y);

	return rounded(f, fma(x.v, y.v, z.v), p.err + z.err, 0.5,
		fmin(p.quantum, z.quantum));
}

/* Flooring remainder; exact, and as uncertain as the quotient. */
static struct ir_num apply_remainder(const struct format *f, struct ir_num x,
	struct ir_num y)
{
	double v = x.v - floor(x.v / y.v) * y.v;

	if (x.err > 0 || y.err > 0)
		return unbounded(v);
	return rounded(f, v, 0, 0.5, fmin(x.quantum, y.quantum));
}

static struct ir_num apply_extreme(enum op op, struct ir_num x, struct ir_num y)
{
	double sign = op == OP_MAX ? 1 : -1, a = sign * x.v, b = sign * y.v;
	struct ir_num r = sign * order(x, y) >= 0 ? x : y;

	if (isnan(x.v) || isnan(y.v))
		return isnan(x.v) ? x : y;
	if (a - x.err < b + y.err && b - y.err < a + x.err) {
		r.err = fmax(x.err, y.err);
		r.quantum = fmin(x.quantum, y.quantum);
	}
	return r;
}

static struct ir_num apply_select(struct ir_num c, struct ir_num x,
	struct ir_num y)
{
	struct ir_num r = c.v != 0 ? x : y, s = c.v != 0 ? y : x;

	if (c.err == 0)
		return r;
	r.err = fmax(r.err, fabs(s.v - r.v) + s.err);
	if (isnan(r.err))
		r.err = INFINITY;
	r.quantum = r.err > 0 ? 0 : r.quantum;
	return r;
}

/* A truth value; uncertain ones may be off by one. */
static struct ir_num truth(bool v, bool sure)
{
	return (struct ir_num){ v, sure ? 0 : 1, sure ? 1 : 0, v, true };
}

static struct ir_num apply_compare(enum op op, struct ir_num x, struct ir_num y)
{
	double slack = x.err + y.err;
	bool sure = slack == 0 || fabs(x.v - y.v) > slack;

	switch (op) {
	case OP_LT: return truth(x.v <= y.v && order(x, y) < 0, sure);
	case OP_LE: return truth(x.v <= y.v && order(x, y) <= 0, sure);
	case OP_EQ: return truth(x.v == y.v && !order(x, y), sure);
	default: return truth(x.v != y.v || order(x, y), sure);
	}
}

static struct ir_num apply_logic(enum op op, const struct ir_num *args)
{
	bool x = args[0].v != 0, y, x_sure = args[0].err == 0, y_sure, stop;

	if (op == OP_NOT)
		return truth(!x, x_sure);
	y = args[1].v != 0;
	y_sure = args[1].err == 0;
	stop = op == OP_OR;
	if ((x == stop && x_sure) || (y == stop && y_sure))
		return truth(stop, true);
	return truth(stop ? x || y : x && y, x_sure && y_sure);
}

static struct ir_num apply_float(enum op op, const struct format *f,
	const struct ir_num *x)
{
	struct ir_num p;

	switch (op) {
	case OP_ADD:
		return rounded(f, x[0].v + x[1].v, x[0].err + x[1].err, 0.5,
			fmin(x[0].quantum, x[1].quantum));
	case OP_SUB:
		return rounded(f, x[0].v - x[1].v, x[0].err + x[1].err, 0.5,
			fmin(x[0].quantum, x[1].quantum));
	case OP_MUL:
		p = exact_product(x[0], x[1]);
		return rounded(f, p.v, p.err, 0.5, p.quantum);
	case OP_DIV:
		return apply_divide(f, x[0], x[1]);
	case OP_MOD:
		return apply_remainder(f, x[0], x[1]);
	case OP_FMA:
		return apply_fma(f, x[0], x[1], x[2]);
	case OP_POW:
		return apply_power(f, x[0], x[1]);
	case OP_SIN:
	case OP_COS:
		return apply_wave(op, f, x[0]);
	default:
		return apply_monotone(op, f, x[0]);
	}
}

struct ir_num num_whole(enum dtype t, int64_t v)
{
	v = integer_settle(t, v);
	return (struct ir_num){ (double)v, 0, 1, v, true };
}

static struct ir_num apply_int(enum op op, enum dtype t, const struct ir_num *x)
{
	double err = op == OP_MUL ? product_error(x[0], x[1]) :
		x[0].err + x[1].err;
	struct ir_num r;

	if ((op == OP_DIV || op == OP_MOD) && (x[1].i == 0 || err > 0))
		return unbounded(0);
	r = num_whole(t, integer_apply(op, x[0].i, x[1].i));
	r.err = err;
	r.quantum = err > 0 ? 0 : 1;
	return r;
}

/* NEG and ABS lose nothing; integers wrap. */
static struct ir_num apply_sign(enum op op, enum dtype t, struct ir_num x)
{
	struct ir_num r = { op == OP_ABS ? fabs(x.v) : -x.v, x.err, x.quantum,
		0, false };

	if (!x.whole || dtype_is_float(t))
		return r;
	r = num_whole(t, op == OP_NEG || x.i < 0 ?
		(int64_t)-(uint64_t)x.i : x.i);
	r.err = x.err;
	r.quantum = x.quantum;
	return r;
}

struct ir_num num_apply(enum op op, enum dtype t, const struct format *f,
	const struct ir_num *args)
{
	struct ir_num two[2];

	switch (op) {
	case OP_MIN:
	case OP_MAX:
		return apply_extreme(op, args[0], args[1]);
	case OP_SELECT:
		return apply_select(args[0], args[1], args[2]);
	case OP_LT:
	case OP_LE:
	case OP_EQ:
	case OP_NE:
		return apply_compare(op, args[0], args[1]);
	case OP_AND:
	case OP_OR:
	case OP_NOT:
		return apply_logic(op, args);
	case OP_NEG:
	case OP_ABS:
		return apply_sign(op, t, args[0]);
	default:
		break;
	}
	if (dtype_is_float(t))
		return apply_float(op, f, args);
	if (op == OP_FLOOR || op == OP_CEIL || op == OP_ROUND)
		return args[0];
	if (op == OP_FMA) {
		two[0] = apply_int(OP_MUL, t, args);
		two[1] = args[2];
		return apply_int(OP_ADD, t, two);
	}
	if (op_rows[op].n != 2 || op == OP_POW)
		return unbounded(0);
	return apply_int(op, t, args);
}

static struct ir_num certain_int(enum dtype t, int64_t v)
{
	v = integer_wrap(t, v);
	return (struct ir_num){ (double)v, 0, 1, v, true };
}

/* Both ends of the interval converted; where they wrap or leave the type, the
 * result may be anything. */
static struct ir_num to_int(enum dtype t, bool from_float, struct ir_num x)
{
	double v = dtype_round(t, x.v), lo, hi;

	if (from_float && (isnan(x.v) || v != trunc(x.v)))
		return unbounded(v);
	if (x.err == 0 && x.whole)
		return certain_int(t, x.i);
	if (x.err == 0)
		return (struct ir_num){ .v = v, .quantum = 1 };
	if (!(x.err < INFINITY))
		return unbounded(v);
	lo = dtype_round(t, x.v - x.err);
	hi = dtype_round(t, x.v + x.err);
	if (hi < lo || hi - lo > 2 * x.err + 2)
		return unbounded(v);
	x.err = fmax(fabs(v - lo), fabs(hi - v));
	return (struct ir_num){ .v = v, .err = x.err,
		.quantum = x.err > 0 ? 0 : 1 };
}

/* The most that rounding a magnitude up to "m" to type "t" can be off. */
static double half_ulp(enum dtype t, double m)
{
	const struct dtype_row *r = dtype_row(t);
	int e;

	frexp(m, &e);
	e = e - 1 < r->emin ? r->emin : e - 1;
	return ldexp(1, e - r->significand);
}

/* A value known exactly has one right rounding (two where it is a tie); that of
 * an integer which is none of double's is of the integer itself. */
static struct ir_num round_to(enum dtype t, const struct format *f,
	struct ir_num x)
{
	double m;

	if (x.whole && fabs(x.v) > 0x1p53)
		x.err += fabs(x.v) * 0x1p-53;
	x.whole = false;
	m = fabs(x.v) + x.err;
	if (!(m < f->over))
		return rounded(f, x.v, x.err, 0.5, 0);
	x.err = x.err == 0 ? fabs(dtype_round(t, x.v) - x.v) :
		x.err + half_ulp(t, m);
	x.quantum = 0;
	return x;
}

struct ir_num num_cast(enum dtype t, enum dtype from, const struct format *f,
	struct ir_num x)
{
	if (t == T_BOOL)
		return truth(x.v != 0, x.err == 0 || fabs(x.v) > x.err);
	if (!dtype_is_float(t))
		return to_int(t, dtype_is_float(from), x);
	if (x.err == 0 && isfinite(x.v) && dtype_round(t, x.v) == x.v &&
	    (!x.whole || fabs(x.v) <= 0x1p53 || t == T_F64)) {
		x.whole = false;
		return x.quantum > 0 ? x : certain(x.v);
	}
	return round_to(t, f, x);
}

struct ir_num num_settle(enum dtype t, const struct format *f, struct ir_num x)
{
	if (!dtype_is_float(t))
		return num_cast(t, t, f, x);
	if (fabs(x.v) + x.err >= f->over && x.err < INFINITY)
		return overflowed(f, x.v, x.err);
	return x;
}
