/* SPDX-License-Identifier: MIT */
/* Reads the text form of text.c. In comes a source, out goes the operator it
 * says, verified, or NULL with the first error reported. Declarations come
 * before statements; "#" begins a comment. Expressions are read by
 * read_expr.c, tokens by read_token.c. */
#include <string.h>

#include "ir/read.h"
#include "ir/text.h"

static enum dtype read_type(struct reader *r)
{
	const char *name = reader_word(r);
	enum dtype t = dtype_named(name);

	if (t == T_NONE)
		reader_fail(r, "there is no type \"%s\"", name);
	return t;
}

static void read_dims(struct reader *r, struct ir_tensor *t)
{
	VEC(int64_t) dims = {0};

	reader_expect(r, '[');
	while (!r->bad && !reader_accept(r, ']')) {
		int64_t n = reader_int(r);

		vec_push(r->a, &dims, n);
		if (reader_peek(r) != ']')
			reader_expect(r, ',');
	}
	t->dims = dims.v;
	t->rank = dims.n;
}

/* DIM[/DIV][%MOD][:EXTENT][*STRIDE]; a stride not said is -1. */
static struct ir_phys read_entry(struct reader *r, const struct ir_tensor *t)
{
	struct ir_phys p = { .div = 1, .stride = -1 };
	int64_t dim = reader_int(r);

	if (dim < 0 || dim >= t->rank) {
		reader_fail(r, "%s has no dimension %lld", t->name,
			(long long)dim);
		return p;
	}
	p.dim = (int)dim;
	if (reader_accept(r, '/'))
		p.div = reader_int(r);
	if (reader_accept(r, '%'))
		p.mod = reader_int(r);
	if (p.div < 1)
		reader_fail(r, "a dimension is divided by %lld",
			(long long)p.div);
	else
		p.extent = text_extent(t, &p);
	if (reader_accept(r, ':'))
		p.extent = reader_int(r);
	if (reader_accept(r, '*'))
		p.stride = reader_int(r);
	return p;
}

/* Strides that were not said, from the innermost; all elements packed. */
static void pack(struct reader *r, struct ir_tensor *t)
{
	t->elements = 1;
	for (int i = t->n_phys - 1; i >= 0; i--) {
		if (t->phys[i].stride < 0)
			t->phys[i].stride = t->elements;
		if (__builtin_mul_overflow(t->elements, t->phys[i].extent,
				&t->elements))
			reader_fail(r, "%s is too large", t->name);
	}
}

static void read_layout(struct reader *r, struct ir_tensor *t)
{
	VEC(struct ir_phys) phys = {0};

	if (reader_keyword(r, "layout")) {
		reader_expect(r, '(');
		while (!r->bad && !reader_accept(r, ')')) {
			vec_push(r->a, &phys, read_entry(r, t));
			if (reader_peek(r) != ')')
				reader_expect(r, ',');
		}
	} else {
		for (int i = 0; i < t->rank; i++)
			vec_push(r->a, &phys, (struct ir_phys){ .dim = i,
				.div = 1, .extent = t->dims[i], .stride = -1 });
	}
	t->phys = phys.v;
	t->n_phys = phys.n;
	pack(r, t);
}

static void read_tensor(struct reader *r, enum ir_role role)
{
	struct ir_tensor t = { .role = role, .align = 16 };
	int64_t align = 16;

	t.at.src = r->src;
	t.at.lo = r->pos;
	t.name = reader_word(r);
	t.at.hi = r->pos;
	reader_expect(r, ':');
	t.type = read_type(r);
	read_dims(r, &t);
	read_layout(r, &t);
	if (reader_keyword(r, "elements"))
		t.elements = reader_int(r);
	if (reader_keyword(r, "align"))
		align = reader_int(r);
	if (align < 1 || align > 1 << 20)
		reader_fail(r, "%s is aligned to %lld", t.name,
			(long long)align);
	t.align = (int)align;
	if (reader_keyword(r, "over"))
		t.over = reader_word(r);
	t.constant = reader_keyword(r, "const");
	vec_push(r->a, &r->tensors[role], t);
}

static void read_size(struct reader *r)
{
	struct ir_size s;

	s.name = reader_word(r);
	reader_expect(r, '=');
	s.value = reader_int(r);
	vec_push(r->a, &r->sizes, s);
}

/* Inputs, then outputs, then lets. */
static void close_tensors(struct reader *r)
{
	static const enum ir_role order[] = { IR_IN, IR_OUT, IR_LET };
	struct ir_operator *o = r->o;
	int n = 0;

	o->n_inputs = r->tensors[IR_IN].n;
	o->n_outputs = r->tensors[IR_OUT].n;
	o->n_tensors = o->n_inputs + o->n_outputs + r->tensors[IR_LET].n;
	o->tensors = ARENA_ARRAY(r->a, o->n_tensors, struct ir_tensor);
	for (int k = 0; k < 3; k++)
		for (int i = 0; i < r->tensors[order[k]].n; i++) {
			o->tensors[n] = r->tensors[order[k]].v[i];
			o->tensors[n].id = n;
			n++;
		}
	r->closed = true;
}

static bool read_declaration(struct reader *r)
{
	if (reader_keyword(r, "size"))
		read_size(r);
	else if (reader_keyword(r, "in"))
		read_tensor(r, IR_IN);
	else if (reader_keyword(r, "let"))
		read_tensor(r, IR_LET);
	else if (reader_keyword(r, "out"))
		read_tensor(r, IR_OUT);
	else
		return false;
	if (r->closed)
		reader_fail(r, "declarations come before statements");
	return true;
}

/* The write index, read before its axes are known: from "[" to "]", and again
 * once "over" has named them. */
static void read_split_write(struct reader *r, struct ir_stmt *s)
{
	uint32_t begin = r->pos, after;
	VEC(struct ir_expr *) index = {0};

	reader_skip_brackets(r);
	if (!reader_keyword(r, "over"))
		reader_fail(r, "expected \"over\" and the axes");
	if (reader_peek(r) != '=')
		reader_axes(r, false, '=', &s->axes, &s->n_axes);
	after = r->pos;
	if (r->bad)
		return;
	r->pos = begin;
	while (!r->bad && !reader_accept(r, ']')) {
		vec_push(r->a, &index, reader_expr(r));
		if (reader_peek(r) != ']')
			reader_expect(r, ',');
	}
	s->index = index.v;
	if (!r->bad && index.n != r->o->tensors[s->tensor].rank)
		reader_fail(r, "%s has %d dimensions",
			r->o->tensors[s->tensor].name,
			r->o->tensors[s->tensor].rank);
	if (!r->bad)
		r->pos = after;
}

static void read_plain_write(struct reader *r, struct ir_stmt *s)
{
	reader_axes(r, false, ']', &s->axes, &s->n_axes);
	reader_expect(r, ']');
	s->index = ir_axis_values(r->a, s->axes, s->n_axes);
	if (!r->bad && s->n_axes != r->o->tensors[s->tensor].rank)
		reader_fail(r, "%s has %d dimensions",
			r->o->tensors[s->tensor].name,
			r->o->tensors[s->tensor].rank);
}

static void read_stmt(struct reader *r)
{
	struct ir_stmt s = {0};
	const char *name;

	if (!r->closed)
		close_tensors(r);
	r->scope.n = 0;
	s.at.src = r->src;
	s.at.lo = r->pos;
	name = reader_word(r);
	s.tensor = reader_tensor(r, name);
	reader_expect(r, '[');
	if (r->bad)
		return;
	if (reader_at_binder(r) || (reader_peek(r) == ']' &&
			!r->o->tensors[s.tensor].rank))
		read_plain_write(r, &s);
	else
		read_split_write(r, &s);
	reader_expect(r, '=');
	if (r->bad)
		return;
	s.expr = reader_expr(r);
	s.at.hi = r->pos;
	vec_push(r->a, &r->stmts, s);
}

static void read_head(struct reader *r)
{
	struct ir_operator *o = r->o;

	o->at.src = r->src;
	o->exported = reader_keyword(r, "export");
	o->at.lo = r->pos;
	if (!reader_keyword(r, "op"))
		reader_fail(r, "expected \"op\"");
	o->name = o->source = reader_word(r);
	if (reader_accept(r, '='))
		o->source = reader_word(r);
	o->at.hi = r->pos;
	reader_expect(r, '{');
}

static void read_operator(struct reader *r)
{
	read_head(r);
	while (!r->bad && !reader_accept(r, '}'))
		if (!read_declaration(r))
			read_stmt(r);
	if (!r->bad && reader_peek(r))
		reader_fail(r, "there is more after the operator");
	if (!r->closed)
		close_tensors(r);
	r->o->sizes = r->sizes.v;
	r->o->n_sizes = r->sizes.n;
	r->o->stmts = r->stmts.v;
	r->o->n_stmts = r->stmts.n;
	r->o->axes = r->axes.v;
	r->o->n_axes = r->axes.n;
}

struct ir_operator *ir_read(struct arena *a, const struct source *src,
	struct diag *d)
{
	struct reader r = { .a = a, .src = src, .d = d };
	const char *why;

	r.o = ARENA_NEW(a, struct ir_operator);
	read_operator(&r);
	if (r.bad)
		return NULL;
	why = ir_verify(a, r.o);
	if (!why)
		return r.o;
	diag_error(d, E_IR_TEXT, r.o->at, "this is no operator: %s", why);
	return NULL;
}
