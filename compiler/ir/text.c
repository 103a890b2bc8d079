/* SPDX-License-Identifier: MIT */
/* The operator IR as text, which read.c reads back to an operator that prints
 * the same. What is not printed follows from what is:
 *
 *	export op c2 = std.conv.conv2d {	source where it is not the name
 *	  size SH = 1
 *	  in x: f16[2, 64, 8, 8] layout(0, 1/32, 2, 3, 1%32) align 16 const
 *	  let acc: f32[2, 8]
 *	  out y: f32[2, 8] layout(0, 1) align 16
 *	  acc[n:2, f:8] = sum[c:64, r:-1:2](mul(x[n, c, r, 0] pad 0.0, 2.0:f16))
 *	    : f32
 *	}
 *
 * Inputs come first, then lets, then outputs. A layout entry is
 * DIM[/DIV][%MOD][:EXTENT][*STRIDE]; extent and stride are left out where they
 * are those of a packed layout, and so is "elements N" after it. A let without
 * a layout is packed in logical order, and 16-byte aligned. An operation
 * carries ":type" where it is not the natural one (ir_natural_type), an
 * integer where it is not i64, a float always; a reduction is followed by
 * " : type". */
#include <string.h>

#include "ir/text.h"

int64_t text_extent(const struct ir_tensor *t, const struct ir_phys *p)
{
	int64_t n = t->dims[p->dim];

	n = (n + p->div - 1) / p->div;
	return p->mod && p->mod < n ? p->mod : n;
}

static void print_list(const struct ir_operator *o, struct str *out,
	struct ir_expr *const *v, int n)
{
	for (int i = 0; i < n; i++) {
		str_puts(out, i ? ", " : "");
		ir_print_expr(o, v[i], out);
	}
}

static void print_axes(const struct ir_operator *o, struct str *out,
	const int *axes, int n)
{
	for (int i = 0; i < n; i++) {
		const struct ir_axis *x = &o->axes[axes[i]];

		str_printf(out, "%s%s:", i ? ", " : "", x->name);
		if (x->lo)
			str_printf(out, "%lld:", (long long)x->lo);
		str_printf(out, "%lld", (long long)(x->lo + x->extent));
	}
}

static void print_type(struct str *out, enum dtype t)
{
	str_printf(out, ":%s", dtype_row(t)->name);
}

static void print_read(const struct ir_operator *o, const struct ir_expr *e,
	struct str *out)
{
	str_printf(out, "%s[", o->tensors[e->tensor].name);
	print_list(o, out, e->args, e->n_args);
	str_putc(out, ']');
	if (e->pad == IR_PAD_EDGE)
		str_puts(out, " pad edge");
	if (e->pad == IR_PAD_VALUE) {
		str_puts(out, " pad ");
		str_double(out, e->f);
	}
}

static void print_operation(const struct ir_operator *o,
	const struct ir_expr *e, struct str *out)
{
	str_printf(out, "%s(", op_rows[e->op].name);
	print_list(o, out, e->args, e->n_args);
	str_putc(out, ')');
	if (ir_natural_type(e->op, e->args, e->n_args) != e->type)
		print_type(out, e->type);
}

static void print_accumulator(const struct ir_accumulator *x, struct str *out)
{
	if (x)
		str_printf(out, " accumulator(%d, %d, %d, %d)", x->bits,
			x->at_once, x->promote, x->subnormal);
}

void ir_print_expr(const struct ir_operator *o, const struct ir_expr *e,
	struct str *out)
{
	switch (e->kind) {
	case IR_INT:
		str_printf(out, "%lld", (long long)e->i);
		if (e->type != T_I64)
			print_type(out, e->type);
		break;
	case IR_FLOAT:
		str_double(out, e->f);
		print_type(out, e->type);
		break;
	case IR_AXIS:
		str_puts(out, o->axes[e->axis].name);
		break;
	case IR_READ:
		print_read(o, e, out);
		break;
	case IR_OP:
		print_operation(o, e, out);
		break;
	case IR_CAST:
		str_printf(out, "%s(", dtype_row(e->type)->name);
		ir_print_expr(o, e->args[0], out);
		str_putc(out, ')');
		break;
	case IR_REDUCE:
		str_printf(out, "%s[", reducer_rows[e->reducer].name);
		print_axes(o, out, e->red, e->n_red);
		str_puts(out, "](");
		ir_print_expr(o, e->args[0], out);
		str_printf(out, ") : %s", dtype_row(e->type)->name);
		print_accumulator(e->accumulator, out);
		break;
	}
}

static void print_phys(const struct ir_tensor *t, int i, int64_t packed,
	struct str *out)
{
	const struct ir_phys *p = &t->phys[i];

	str_printf(out, "%s%d", i ? ", " : "", p->dim);
	if (p->div != 1)
		str_printf(out, "/%lld", (long long)p->div);
	if (p->mod)
		str_printf(out, "%%%lld", (long long)p->mod);
	if (p->extent != text_extent(t, p))
		str_printf(out, ":%lld", (long long)p->extent);
	if (p->stride != packed)
		str_printf(out, "*%lld", (long long)p->stride);
}

/* The stride entry "i" has when all from "i" on are packed. */
static int64_t packed_stride(const struct ir_tensor *t, int i)
{
	int64_t n = 1;

	for (int j = i + 1; j < t->n_phys; j++)
		n *= t->phys[j].extent;
	return n;
}

static void print_layout(const struct ir_tensor *t, struct str *out)
{
	str_puts(out, " layout(");
	for (int i = 0; i < t->n_phys; i++)
		print_phys(t, i, packed_stride(t, i), out);
	str_putc(out, ')');
	if (t->elements != packed_stride(t, -1))
		str_printf(out, " elements %lld", (long long)t->elements);
}

static bool logical_order(const struct ir_tensor *t)
{
	if (t->n_phys != t->rank || t->elements != packed_stride(t, -1))
		return false;
	for (int i = 0; i < t->rank; i++) {
		const struct ir_phys *p = &t->phys[i];

		if (p->dim != i || p->div != 1 || p->mod ||
				p->extent != t->dims[i] ||
				p->stride != packed_stride(t, i))
			return false;
	}
	return true;
}

static void print_tensor(const struct ir_tensor *t, struct str *out)
{
	static const char *const roles[] = { "in", "let", "out" };

	str_printf(out, "  %s %s: %s[", roles[t->role], t->name,
		dtype_row(t->type)->name);
	for (int i = 0; i < t->rank; i++)
		str_printf(out, "%s%lld", i ? ", " : "",
			(long long)t->dims[i]);
	str_putc(out, ']');
	if (t->role != IR_LET || !logical_order(t))
		print_layout(t, out);
	if (t->role != IR_LET || t->align != 16)
		str_printf(out, " align %d", t->align);
	if (t->over)
		str_printf(out, " over %s", t->over);
	str_puts(out, t->constant ? " const\n" : "\n");
}

static void print_tensors(const struct ir_operator *o, enum ir_role role,
	struct str *out)
{
	for (int i = 0; i < o->n_tensors; i++)
		if (o->tensors[i].role == role)
			print_tensor(&o->tensors[i], out);
}

static void print_stmt(const struct ir_operator *o, const struct ir_stmt *s,
	struct str *out)
{
	const struct ir_tensor *t = &o->tensors[s->tensor];

	str_printf(out, "  %s[", t->name);
	if (ir_stmt_plain(o, s)) {
		print_axes(o, out, s->axes, s->n_axes);
		str_puts(out, "] = ");
	} else {
		print_list(o, out, s->index, t->rank);
		str_puts(out, s->n_axes ? "] over " : "] over");
		print_axes(o, out, s->axes, s->n_axes);
		str_puts(out, " = ");
	}
	ir_print_expr(o, s->expr, out);
	str_putc(out, '\n');
}

static void print_body(const struct ir_operator *o, struct str *out)
{
	for (int i = 0; i < o->n_sizes; i++)
		str_printf(out, "  size %s = %lld\n", o->sizes[i].name,
			(long long)o->sizes[i].value);
	print_tensors(o, IR_IN, out);
	print_tensors(o, IR_LET, out);
	print_tensors(o, IR_OUT, out);
	for (int i = 0; i < o->n_stmts; i++)
		print_stmt(o, &o->stmts[i], out);
	str_puts(out, "}\n");
}

void ir_print(const struct ir_operator *o, struct str *out)
{
	str_printf(out, "%sop %s", o->exported ? "export " : "", o->name);
	if (o->source && strcmp(o->source, o->name))
		str_printf(out, " = %s", o->source);
	str_puts(out, " {\n");
	print_body(o, out);
}

uint64_t ir_hash(const struct ir_operator *o)
{
	struct arena *tmp = arena_create();
	struct str out;
	uint64_t h;

	str_init(&out, tmp);
	print_body(o, &out);
	h = str_hash(out.p, out.n);
	arena_destroy(tmp);
	return h;
}
