/* SPDX-License-Identifier: MIT */
/* The function of a wgmma: a template over its columns, so that the emulator
 * has one for all of them, and the specialisation with the instruction. */
#include "cuda/host.h"

const char *emit_wgmma_name(struct arena *a, const struct ks *s)
{
	const char *left = dtype_row(s->left_type)->name;
	const char *right = dtype_row(s->right_type)->name;

	return arena_printf(a, "wgmma_m64k%d_%s_%s%s%s%s%s%s", s->k,
		dtype_row(s->acc_type)->name, left,
		s->left_type == s->right_type ? "" : "_",
		s->left_type == s->right_type ? "" : right,
		s->left.buffer ? "_registers" : "",
		s->left_trans ? "_left_trans" : "",
		s->right_trans ? "_right_trans" : "");
}

/* Behind the predicate: signs, unless they are integers, and whether shared
 * factors are transposed, where they can be. */
static const char *flags(struct arena *a, const struct ks *s,
	const struct wgmma_row *r)
{
	if (!r->scales)
		return "";
	if (!r->trans)
		return ", 1, 1";
	if (s->left.buffer)
		return arena_printf(a, ", 1, 1, %d", s->right_trans);
	return arena_printf(a, ", 1, 1, %d, %d", s->left_trans,
		s->right_trans);
}

static void put_head(struct emit *m, struct str *out, const struct ks *s)
{
	const char *parameters = arena_printf(m->a, "(%s *d, %sa, "
		"long long b, int accumulate)", dtype_row(mma_register(s->acc_type))->c,
		s->left.buffer ? "const unsigned *" : "long long ");
	const char *name = emit_wgmma_name(m->a, s);

	str_puts(out, "template <int n>\n");
	emit_line(out, 0, arena_printf(m->a, "static __device__ void %s%s;",
		name, parameters));
	str_puts(out, "template <>\n");
	emit_line(out, 0, arena_printf(m->a, "__device__ __forceinline__ "
		"void %s<%d>%s", name, s->n, parameters));
}

void emit_wgmma(struct emit *m, struct str *out, const struct ks *s)
{
	const struct wgmma_row *r = wgmma_row(s);
	int n = s->n / (s->acc_type == T_F16 ? 4 : 2);
	int left = s->left.buffer ? 4 : 1;

	put_head(m, out, s);
	str_puts(out, "{\n");
	emit_line(out, 1, arena_printf(m->a,
		"asm volatile(\"{ .reg .pred p; setp.ne.b32 p, %%%d, 0; "
		"wgmma.mma_async.sync.aligned.m64n%dk%d.%s "
		"%s, %s, %%%d, p%s; }\" : %s : %s, \"l\"(b), "
		"\"r\"(accumulate));", n + left + 1, s->n, s->k, r->ptx,
		emit_operands(m->a, 0, n),
		left == 4 ? emit_operands(m->a, n, 4) :
			arena_printf(m->a, "%%%d", n),
		n + left, flags(m->a, s, r),
		emit_bindings(m->a, s->acc_type == T_F32 ? "+f" : "+r", "d",
			n),
		left == 4 ? emit_bindings(m->a, "r", "a", 4) : "\"l\"(a)"));
	str_puts(out, "}\n\n");
}
