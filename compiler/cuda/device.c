/* SPDX-License-Identifier: MIT */
/* The small named functions in front of the kernels: of the intrinsics those
 * in use and those they call in turn, in the order of the table, and one for
 * each matrix instruction. Functions with PTX stand in an #ifndef WPK_EMULATE,
 * for the emulator brings its own; plain C++ serves both. */
#include <string.h>

#include "cuda/host.h"

/* In which places "r" has its own body; elsewhere it is the plain one. */
static unsigned own_places(const struct emit *m, const struct intrin_row *r)
{
	unsigned places = 0;

	for (int i = 0; i < m->unit->n_targets; i++)
		if (*r->body && m->unit->targets[i]->cc >= r->cc)
			places |= 1u << i;
	return places;
}

static const char *text_at(const struct emit *m, int intrin, int place)
{
	const struct intrin_row *r = intrin_row(intrin);

	return own_places(m, r) >> place & 1 ? r->body : r->plain;
}

static bool calls(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *s = text; (s = strstr(s, name)); s += n)
		if (s[n] == '(' && (s == text || !strchr(
		    "abcdefghijklmnopqrstuvwxyz_0123456789", s[-1])))
			return true;
	return false;
}

/* Marks what "intrin" calls at "place"; true if that is news. */
static bool mark_calls(struct emit *m, int intrin, int place)
{
	bool changed = false;

	for (int j = 0; j < N_INTRINS; j++) {
		if (m->used[j] >> place & 1 || !calls(text_at(m, intrin,
		    place), intrin_row(j)->name))
			continue;
		m->used[j] |= 1u << place;
		changed = true;
	}
	return changed;
}

/* Marks what the functions in use call, until nothing is new. */
static void close_over_calls(struct emit *m)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (int i = 0; i < N_INTRINS; i++)
			for (int k = 0; m->used[i] >> k; k++)
				if (m->used[i] >> k & 1)
					changed |= mark_calls(m, i, k);
	}
}

/* Adjacent literals are one, a line at a time. */
static const char *joined(struct arena *a, const char *s, size_t n)
{
	struct str out;

	str_init(&out, a);
	for (size_t i = 0; i < n; i++) {
		if (i + 3 <= n && !strncmp(s + i, "\" \"", 3))
			i += 2;
		else
			str_putc(&out, s[i]);
	}
	return str_text(&out);
}

static void put_body(struct emit *m, struct str *out, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "\n");

		emit_line(out, 1, joined(m->a, s, n));
		s += n + 1;
	}
}

static void put_function(struct emit *m, struct str *out, int intrin)
{
	const struct intrin_row *r = intrin_row(intrin);
	unsigned used = m->used[intrin], own = own_places(m, r) & used;

	if (strchr(r->operands, 'n'))
		str_puts(out, "template <int n>\n");
	emit_line(out, 0, arena_printf(m->a,
		"static __device__ __forceinline__ %s", r->signature));
	str_puts(out, "{\n");
	if (own && own != used) {
		str_printf(out, "#if %s\n", target_condition(m->a, m->unit,
			"WPK_TARGET", own));
		put_body(m, out, r->body);
		str_puts(out, "#else\n");
		put_body(m, out, r->plain);
		str_puts(out, "#endif\n");
	} else {
		put_body(m, out, own ? r->body : r->plain);
	}
	str_puts(out, "}\n\n");
}

/* ---- matrix instructions ---- */

const char *emit_mma_name(struct arena *a, const struct ks *s)
{
	if (s->mma == MMA_WGMMA)
		return arena_printf(a, "%s<%d>", emit_wgmma_name(a, s), s->n);
	return arena_printf(a, "mma_m%dn%dk%d_%s_%s", s->m, s->n, s->k,
		dtype_row(s->acc_type)->name, dtype_row(s->left_type)->name);
}

/* "{%from, ...}" of n operands. */
const char *emit_operands(struct arena *a, int from, int n)
{
	struct str s;

	str_init(&s, a);
	for (int i = 0; i < n; i++)
		str_printf(&s, "%s%%%d", i ? ", " : "{", from + i);
	str_putc(&s, '}');
	return str_text(&s);
}

/* "constraint(array[0]), ..." */
const char *emit_bindings(struct arena *a, const char *constraint,
	const char *array, int n)
{
	struct str s;

	str_init(&s, a);
	for (int i = 0; i < n; i++)
		str_printf(&s, "%s\"%s\"(%s[%d])", i ? ", " : "", constraint,
			array, i);
	return str_text(&s);
}

static void put_mma_head(struct emit *m, struct str *out, const struct ks *s,
	const char *parameters)
{
	emit_line(out, 0, arena_printf(m->a,
		"static __device__ __forceinline__ void %s(%s *d, %s)",
		emit_mma_name(m->a, s),
		dtype_row(mma_register(s->acc_type))->c, parameters));
	str_puts(out, "{\n");
}

static const char *ptx_type(struct arena *a, enum dtype t)
{
	if (t == T_I8 || t == T_I32)
		return arena_printf(a, "s%d", dtype_row(t)->bits);
	return dtype_row(t)->name;
}

static const char *constraint(enum dtype t)
{
	switch (mma_register(t)) {
	case T_F64: return "d";
	case T_F32: return "f";
	default: return "r";
	}
}

static void put_mma(struct emit *m, struct str *out, const struct ks *s)
{
	const struct mma_row *r = mma_row(s);
	int n_d = mma_registers(r->m * r->n, r->acc);
	int n_a = mma_registers(r->m * r->k, r->factor);
	int n_b = mma_registers(r->n * r->k, r->factor);
	const char *c = dtype_row(mma_register(r->factor))->c;
	const char *d = emit_operands(m->a, 0, n_d);
	const char *in = constraint(r->factor);
	const char *factor = ptx_type(m->a, r->factor);
	const char *acc = ptx_type(m->a, r->acc);

	put_mma_head(m, out, s, arena_printf(m->a,
		"const %s *a, const %s *b", c, c));
	emit_line(out, 1, arena_printf(m->a, "asm volatile(\"mma.sync.aligned."
		"m%dn%dk%d.row.col.%s.%s.%s.%s %s, %s, %s, %s;\" "
		": %s : %s, %s);", r->m, r->n, r->k, acc, factor, factor, acc,
		d, emit_operands(m->a, n_d, n_a),
		emit_operands(m->a, n_d + n_a, n_b), d,
		emit_bindings(m->a, arena_printf(m->a, "+%s",
			constraint(r->acc)), "d", n_d),
		emit_bindings(m->a, in, "a", n_a),
		emit_bindings(m->a, in, "b", n_b)));
	str_puts(out, "}\n\n");
}

/* ---- all ---- */

static bool has_function(const struct emit *m, int intrin, bool ptx)
{
	const struct intrin_row *r = intrin_row(intrin);

	return m->used[intrin] && r->signature && (*r->body != 0) == ptx;
}

static bool any_function(const struct emit *m, bool ptx)
{
	for (int i = 0; i < N_INTRINS; i++)
		if (has_function(m, i, ptx))
			return true;
	return ptx && m->mma.n;
}

/* Functions follow that stand at "places" alone; "*now" is where the last ones
 * stand. A file for one target needs no such word. */
static void put_places(const struct emit *m, struct str *out, unsigned *now,
	unsigned places)
{
	if (m->unit->n_targets < 2 || *now == places)
		return;
	if (*now)
		str_puts(out, "#endif\n\n");
	if (places)
		str_printf(out, "#if %s\n\n", target_condition(m->a, m->unit,
			"WPK_TARGET", places));
	*now = places;
}

static void put_functions(struct emit *m, struct str *out, bool ptx)
{
	unsigned now = 0;

	for (int i = 0; i < N_INTRINS; i++) {
		if (!has_function(m, i, ptx))
			continue;
		put_places(m, out, &now, m->used[i]);
		put_function(m, out, i);
	}
	for (int i = 0; ptx && i < m->mma.n; i++) {
		put_places(m, out, &now, m->mma.v[i].places);
		if (m->mma.v[i].s->mma == MMA_SYNC)
			put_mma(m, out, m->mma.v[i].s);
		else
			emit_wgmma(m, out, m->mma.v[i].s);
	}
	put_places(m, out, &now, 0);
}

/* Plain functions come second: they may call the others, never the other way
 * round. */
void emit_device(struct emit *m, struct str *out)
{
	close_over_calls(m);
	if (any_function(m, true)) {
		str_puts(out, "#ifndef WPK_EMULATE\n\n");
		put_functions(m, out, true);
		str_puts(out, "#endif\n\n");
	}
	put_functions(m, out, false);
}
