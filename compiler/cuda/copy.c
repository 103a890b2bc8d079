/* SPDX-License-Identifier: MIT */
/* Copies. A plain one is a single move through a vector type of its width;
 * asynchronous ones are calls. A guard becomes the instruction's own where it
 * has one, else an if whose other side fills. */
#include <string.h>

#include "cuda/emit.h"

static bool is_single(const struct ks *s)
{
	int bits = s->bytes * 8;

	return dtype_row(s->dst.buffer->type)->bits == bits &&
		!strcmp(dtype_row(s->dst.buffer->type)->c,
			dtype_row(s->src.buffer->type)->c);
}

static bool is_f32(enum dtype t)
{
	return t == T_F32 || t == T_TF32;
}

/* The type that moves "bytes" in one instruction. */
static const char *vector_type(const struct ks *s)
{
	enum dtype to = s->dst.buffer->type, from = s->src.buffer->type;
	bool f32 = is_f32(to) && is_f32(from);
	bool f64 = to == T_F64 && from == T_F64;

	switch (s->bytes) {
	case 16: return f32 ? "float4" : f64 ? "double2" : "uint4";
	case 8: return f32 ? "float2" : f64 ? "double" : "uint2";
	case 4: return f32 ? "float" : "unsigned";
	case 2: return "unsigned short";
	default: return "unsigned char";
	}
}

/* Fills match the vector type: of mixed types they are of plain bits. */
static enum dtype fill_type(const struct ks *s)
{
	enum dtype to = s->dst.buffer->type, from = s->src.buffer->type;

	if (is_single(s) || to == from || (is_f32(to) && is_f32(from)))
		return to;
	return dtype_row(to)->bits == 32 ? T_U32 : to;
}

static void put_place(struct emit *m, struct str *out, const struct ks *s,
	const struct k_place *p, bool source)
{
	if (!is_single(s))
		str_printf(out, "*(%s%s *)&", source ? "const " : "",
			vector_type(s));
	emit_element(m, out, p->buffer, p->index);
}

static void line(struct emit *m, struct str *text)
{
	emit_line(m->out, m->depth, str_text(text));
}

static void put_move(struct emit *m, const struct ks *s)
{
	struct str text;

	str_init(&text, m->a);
	put_place(m, &text, s, &s->dst, false);
	str_puts(&text, " = ");
	put_place(m, &text, s, &s->src, true);
	str_putc(&text, ';');
	line(m, &text);
}

static void put_fill(struct emit *m, const struct ks *s)
{
	struct str text;

	str_init(&text, m->a);
	put_place(m, &text, s, &s->dst, false);
	str_puts(&text, " = ");
	emit_fill(&text, fill_type(s), s->bytes, s->fill);
	str_putc(&text, ';');
	line(m, &text);
}

static void put_if(struct emit *m, const struct ks *s)
{
	struct str text;

	str_init(&text, m->a);
	str_puts(&text, "if (");
	emit_x(m, &text, s->cond, P_ANY);
	str_putc(&text, ')');
	line(m, &text);
}

static void put_guarded(struct emit *m, const struct ks *s)
{
	put_if(m, s);
	m->depth++;
	put_move(m, s);
	m->depth--;
	if (s->dst.buffer->scope == K_GLOBAL)
		return;
	str_indent(m->out, m->depth);
	str_puts(m->out, "else\n");
	m->depth++;
	put_fill(m, s);
	m->depth--;
}

/* A guarded single element reads as one expression. */
static void put_select(struct emit *m, const struct ks *s)
{
	struct str text;

	str_init(&text, m->a);
	put_place(m, &text, s, &s->dst, false);
	str_puts(&text, " = ");
	emit_x(m, &text, s->cond, P_OR);
	str_puts(&text, " ? ");
	put_place(m, &text, s, &s->src, true);
	str_puts(&text, " : ");
	emit_fill(&text, fill_type(s), s->bytes, s->fill);
	str_putc(&text, ';');
	line(m, &text);
}

static struct kx *address(struct emit *m, const struct k_place *p)
{
	return kx_address(m->a, *p);
}

static void put_async(struct emit *m, const struct ks *s)
{
	struct kx *args[] = { address(m, &s->dst), address(m, &s->src),
		s->cond };
	int plain = s->bytes == 16 ? INTRIN_COPY_ASYNC_16 : s->bytes == 8 ?
		INTRIN_COPY_ASYNC_8 : INTRIN_COPY_ASYNC_4;
	int guarded = s->bytes == 16 ? INTRIN_COPY_ASYNC_16_IF :
		s->bytes == 8 ? INTRIN_COPY_ASYNC_8_IF :
		INTRIN_COPY_ASYNC_4_IF;
	struct str text;

	str_init(&text, m->a);
	emit_call(m, &text, s->cond ? guarded : plain, args);
	str_putc(&text, ';');
	line(m, &text);
}

static void put_bulk(struct emit *m, const struct ks *s)
{
	bool store = s->dst.buffer->scope == K_GLOBAL;
	struct kx *args[] = { address(m, &s->dst), address(m, &s->src),
		kx_int(m->a, s->bytes),
		store ? NULL : address(m, &s->mbar) };
	struct str text;

	if (s->cond) {
		put_if(m, s);
		m->depth++;
	}
	str_init(&text, m->a);
	emit_call(m, &text, store ? INTRIN_COPY_BULK_STORE :
		INTRIN_COPY_BULK, args);
	str_putc(&text, ';');
	line(m, &text);
	m->depth -= s->cond != NULL;
}

void emit_copy(struct emit *m, const struct ks *s)
{
	if (s->copy == COPY_ASYNC)
		put_async(m, s);
	else if (s->copy == COPY_BULK)
		put_bulk(m, s);
	else if (!s->cond)
		put_move(m, s);
	else if (is_single(s) && s->dst.buffer->scope != K_GLOBAL)
		put_select(m, s);
	else
		put_guarded(m, s);
}
