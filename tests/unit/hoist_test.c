/* SPDX-License-Identifier: MIT */
/* Addresses in unrolled loops: what a loop leaves alone of an index stands before
 * it, once, and nothing moves that may change from turn to turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/intrin.h"
#include "kernel/kernel.h"

/* A kernel with a global, a shared and a register array, and constants "row",
 * not negative, and "col", of which that is not known. */
struct fixture {
	struct arena *a;
	struct kernel *k;
	struct k_buffer *x, *y, *tile, *at;
	struct kx *row, *col;
	struct k_block *b;
};

static struct kx *n(const struct fixture *f, int64_t v)
{
	return kx_int(f->a, v);
}

static struct fixture create(void)
{
	struct arena *a = arena_create();
	struct kernel *k = kernel_create(a, "k", 128);
	struct fixture f = { .a = a, .k = k, .b = &k->body };
	struct kx *thread = kx_special(a, K_THREAD_X);

	f.x = kernel_global(k, "x", T_F32, 16, false, false);
	f.y = kernel_global(k, "y", T_F32, 16, true, false);
	f.tile = kernel_array(k, K_SHARED, "tile", T_F32, 2,
		(int64_t[]){ 64, 32 }, 16);
	f.at = kernel_array(k, K_REGISTER, "at", T_I32, 1,
		(int64_t[]){ 4 }, 16);
	f.row = ks_let(a, f.b, "row", kx_div(a, thread, n(&f, 4)));
	f.col = ks_let(a, f.b, "col", kx_sub(a, kx_load(a, f.at, n(&f, 0)),
		n(&f, 1)));
	return f;
}

/* "turns" turns of the loop "name", and what a sum needs: var * by. */
static struct k_block *loop(const struct fixture *f, struct k_block *b,
	enum k_loop kind, const char *name, int64_t by, struct kx **times)
{
	struct k_block *body = ks_for(f->a, b, kind, name, n(f, 0), n(f, 4),
		NULL, times);

	*times = kx_mul(f->a, *times, n(f, by));
	return body;
}

static void store(const struct fixture *f, struct k_block *b, struct kx *at)
{
	ks_store(f->a, b, k_place(f->y, at), kx_float(f->a, 1, T_F32));
}

static const char *hoisted(const struct fixture *f)
{
	struct str s;

	kernel_hoist(f->a, f->k);
	str_init(&s, f->a);
	kernel_print(f->k, &s);
	return str_text(&s);
}

static void says(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("no \"%s\" in:\n%s", what, text);
}

static void silent(const char *text, const char *what)
{
	if (strstr(text, what))
		fail_msg("\"%s\" in:\n%s", what, text);
}

static void leaves_loops(void **state)
{
	struct fixture f = create();
	struct kx *i, *j, *r, *c;
	struct k_block *outer, *inner;
	const char *s;

	(void)state;
	outer = loop(&f, f.b, LOOP_UNROLLED, "i", 8, &i);
	r = ks_let(f.a, outer, "r", kx_add(f.a, f.row, i));
	inner = loop(&f, outer, LOOP_UNROLLED, "j", 32, &j);
	c = ks_let(f.a, inner, "c", kx_add(f.a, f.col, j));
	store(&f, inner, kx_add(f.a, kx_mul(f.a, r, n(&f, 4096)), c));
	s = hoisted(&f);
	says(s, "  let y_at: i32 = add(mul(row, 4096), col)\n"
		"  for i: unrolled 0..4 step 1 {\n"
		"    for j: unrolled 0..4 step 1 {\n"
		"      y[add(y_at, add(mul(i, 32768), mul(j, 32)))] = 1.0\n");
	arena_destroy(f.a);
}

/* The row's share of a swizzle is the same in all turns, since 8 rows further it
 * starts again; where the row may be negative, quotients would round apart. */
static void drops_turns(void **state)
{
	struct fixture f = create();
	struct kx *i, *r;
	struct k_block *b;
	const char *s;

	(void)state;
	b = loop(&f, f.b, LOOP_UNROLLED, "i", 8, &i);
	r = kx_add(f.a, f.row, i);
	ks_copy(f.a, b, COPY_ASYNC, k_place(f.tile, r, kx_mul(f.a,
		kx_mod(f.a, kx_div(f.a, r, n(&f, 2)), n(&f, 4)), n(&f, 4))),
		k_place(f.x, n(&f, 0)), 16, NULL, 0);
	b = loop(&f, f.b, LOOP_UNROLLED, "i", 8, &i);
	store(&f, b, kx_div(f.a, kx_add(f.a, f.col, i), n(&f, 2)));
	s = hoisted(&f);
	says(s, "  let tile_at: i32 = mul(mod(div(row, 2), 4), 4)\n"
		"  for i: unrolled 0..4 step 1 {\n");
	says(s, "tile[add(row, mul(i, 8)), tile_at]");
	says(s, "y[div(add(col, mul(i, 8)), 2)]");
	arena_destroy(f.a);
}

static void makes_one(void **state)
{
	struct fixture f = create();
	struct kx *i;
	const char *s;

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct k_block *b = loop(&f, f.b, LOOP_UNROLLED, "i", 8, &i);

		for (int j = 0; j < 2; j++)
			store(&f, b, kx_add(f.a, kx_add(f.a, kx_mul(f.a, f.row,
				n(&f, 64)), f.col), i));
	}
	s = hoisted(&f);
	says(s, "let y_at: i32 = add(mul(row, 64), col)");
	silent(s, "y_at_2");
	silent(s, "y_at2");
	arena_destroy(f.a);
}

/* Loops that stay loops, sums that are numbers once loops are unrolled, memory and
 * variables that change. */
static void leaves_alone(void **state)
{
	struct fixture f = create();
	struct kx *i, *j;
	struct k_var *m = ks_mutable(f.a, f.b, "m", T_I32, n(&f, 0));
	struct k_block *b;
	const char *s;

	(void)state;
	b = loop(&f, f.b, LOOP_SERIAL, "i", 8, &i);
	store(&f, b, kx_add(f.a, kx_mul(f.a, f.row, n(&f, 64)), i));
	b = loop(&f, f.b, LOOP_UNROLLED, "i", 8, &i);
	b = loop(&f, b, LOOP_UNROLLED, "j", 8, &j);
	store(&f, b, kx_mul(f.a, kx_add(f.a, i, j), kx_var(f.a, m)));
	store(&f, b, kx_add(f.a, kx_mul(f.a, kx_load(f.a, f.at, n(&f, 1)),
		n(&f, 3)), j));
	store(&f, b, kx_add(f.a, i, j));
	s = hoisted(&f);
	silent(s, "y_at");
	arena_destroy(f.a);
}

/* What a constant was made of may be another by the time it is used. */
static void keeps_when(void **state)
{
	struct fixture f = create();
	struct kx *i, *was, *held;
	struct k_var *m = ks_mutable(f.a, f.b, "m", T_I32, n(&f, 0));
	struct k_block *b;
	const char *s;

	(void)state;
	b = loop(&f, f.b, LOOP_UNROLLED, "i", 8, &i);
	was = ks_let(f.a, b, "was", kx_add(f.a, kx_mul(f.a, f.row, n(&f, 64)),
		kx_var(f.a, m)));
	held = ks_let(f.a, b, "held", kx_add(f.a, kx_mul(f.a, f.row, n(&f, 32)),
		kx_load(f.a, f.at, n(&f, 1))));
	ks_assign(f.a, b, m, kx_int(f.a, 5));
	ks_store(f.a, b, k_place(f.at, n(&f, 1)), kx_int(f.a, 7));
	store(&f, b, kx_add(f.a, was, i));
	store(&f, b, kx_add(f.a, held, i));
	s = hoisted(&f);
	says(s, "y[add(was, mul(i, 8))]");
	says(s, "y[add(held, mul(i, 8))]");
	silent(s, "y_at");
	arena_destroy(f.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_loops),
		cmocka_unit_test(drops_turns),
		cmocka_unit_test(makes_one),
		cmocka_unit_test(leaves_alone),
		cmocka_unit_test(keeps_when),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
