/* SPDX-License-Identifier: MIT */
/* Lowering as a library: what it lists, what its operators mean. The texts it
 * makes and its errors are golden cases in tests/lower. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "front/front.h"
#include "ir/lower.h"

struct fixture {
	struct arena *a;
	struct diag *d;
	struct ast_unit *u;
};

static struct fixture load(const char *text)
{
	struct fixture f = { .a = arena_create() };
	struct front_options o = { NULL };
	struct front_files files = {0};
	struct str out;

	f.d = diag_create(f.a);
	f.u = front_load_source(f.a, source_from_text(f.a, "t.wpk", text,
		strlen(text)), &o, &files, f.d);
	if (f.u)
		return f;
	str_init(&out, f.a);
	diag_print(f.d, &out, false);
	fail_msg("%s", str_text(&out));
	return f;
}

static struct ir_operator *lower_named(struct fixture *f, const char *name,
	const struct ir_size *shape, int n)
{
	const struct ast_unit *owner;
	struct lower_request r = { .unit = f->u,
		.item = front_find(f->u, name, &owner), .shape = shape,
		.n_shape = n };

	assert_non_null(r.item);
	return lower(f->a, &r, f->d);
}

static const char *errors(struct fixture *f)
{
	struct str out;

	str_init(&out, f->a);
	diag_print(f->d, &out, false);
	return str_text(&out);
}

static void lists_items(void **state)
{
	struct fixture f = load(
		"op mm[V = 1](A: f32[M, K], B: f32[K, N]) -> (C: f32[M, N])\n"
		"where P = M * N\n"
		"{ C[i, j] = sum[k](A[i, k] * B[k, j]); }\n"
		"export op a = mm[K = 3];\n"
		"export op b = mm[M = 1, N = 2, K = 3];\n");
	int n;
	struct lower_item *items = lower_items(f.a, f.u, false, &n);

	(void)state;
	assert_int_equal(n, 3);
	assert_string_equal(items[0].open[0], "M");
	assert_string_equal(items[0].open[1], "K");
	assert_string_equal(items[0].open[2], "N");
	assert_null(items[0].open[3]);
	assert_string_equal(items[0].sizes[3], "V");
	assert_string_equal(items[0].sizes[4], "P");
	items = lower_items(f.a, f.u, true, &n);
	assert_int_equal(n, 2);
	assert_string_equal(items[0].open[0], "M");
	assert_string_equal(items[0].open[1], "N");
	assert_null(items[0].open[2]);
	assert_null(items[1].open[0]);
	arena_destroy(f.a);
}

static void takes_shapes(void **state)
{
	struct fixture f = load("export op s(x: f32[N]) -> (y: f32[P]) "
		"where P = N / 2 { y[i] = x[2*i + 1]; }\n");
	struct ir_size shape[] = { { "Z", 9 }, { "N", 6 } };
	struct ir_operator *o = lower_named(&f, "s", shape, 2);

	(void)state;
	assert_non_null(o);
	assert_true(o->exported);
	assert_int_equal(o->n_sizes, 2);
	assert_string_equal(o->sizes[0].name, "N");
	assert_int_equal(o->sizes[1].value, 3);
	assert_null(lower_named(&f, "s", shape, 1));
	assert_non_null(strstr(errors(&f), "size 'N' has no value"));
	arena_destroy(f.a);
}

static void names_symbols(void **state)
{
	struct fixture f = load("op s(x: f32[4]) -> (y: f32[4]) "
		"{ y[i] = x[i]; }\nexport op t = s;\n");
	const struct ast_unit *owner;
	struct lower_request r = { .unit = f.u,
		.item = front_find(f.u, "t", &owner), .name = "t_4" };
	struct ir_operator *o = lower(f.a, &r, f.d);

	(void)state;
	assert_string_equal(o->name, "t_4");
	assert_string_equal(o->source, "s");
	arena_destroy(f.a);
}

static double at(struct ir_eval *e, int tensor, int64_t i)
{
	return ir_eval_at(e, tensor, &i).v;
}

static void divides_down(void **state)
{
	struct fixture f = load(
		"export op d(x: i32[4]) -> (q: i32[4], r: i32[4], c: i32[4])\n"
		"{ q[i] = x[i] / 2; r[i] = x[i] % 2; c[i] = (0-3) / 2 * 10 + "
		"(0-3) % 2 + 7 / (0-2); }\n");
	struct ir_operator *o = lower_named(&f, "d", NULL, 0);
	const int x[] = { -1, -4, 5, 0 };
	const void *data[] = { x, NULL, NULL, NULL };
	struct ir_eval *e = ir_eval_create(o, data);

	(void)state;
	assert_int_equal((int)at(e, 1, 0), -1);
	assert_int_equal((int)at(e, 1, 1), -2);
	assert_int_equal((int)at(e, 1, 2), 2);
	assert_int_equal((int)at(e, 2, 0), 1);
	assert_int_equal((int)at(e, 2, 2), 1);
	assert_int_equal((int)at(e, 3, 0), -23);
	ir_eval_destroy(e);
	arena_destroy(f.a);
}

static void reads_pads(void **state)
{
	struct fixture f = load("export op p[Z = 7](x: f32[3]) -> "
		"(a: f32[5], b: f32[5], c: f32[2])\n"
		"{ a[i] = x[i - 1] pad Z; b[i] = x[i - 1] pad edge;\n"
		"  c[o] = max[i in 5](x[i - 1] pad -inf) + o; }\n");
	struct ir_operator *o = lower_named(&f, "p", NULL, 0);
	const float x[] = { -2, -3, -4 };
	const void *data[] = { x, NULL, NULL, NULL };
	struct ir_eval *e = ir_eval_create(o, data);

	(void)state;
	assert_int_equal((int)at(e, 1, 0), 7);
	assert_int_equal((int)at(e, 1, 1), -2);
	assert_int_equal((int)at(e, 2, 0), -2);
	assert_int_equal((int)at(e, 2, 4), -4);
	assert_int_equal((int)at(e, 3, 1), -1);
	ir_eval_destroy(e);
	arena_destroy(f.a);
}

/* Inlining an operator means what writing it out means. */
static void uses_operators(void **state)
{
	struct fixture f = load(
		"op dot(a: f32[N], b: f32[N]) -> (s: f32[1])\n"
		"{ s[o] = sum[n](a[n] * b[n]); }\n"
		"export op norm(x: f32[M]) -> (y: f32[M], s: f64[1])\n"
		"{ let (q) = dot(x, x); y[i] = x[i] / q[0]; (s) = dot(x, y); }\n");
	struct ir_size shape = { "M", 2 };
	struct ir_operator *o = lower_named(&f, "norm", &shape, 1);
	const float x[] = { 1, 3 };
	const void *data[8] = { x };
	struct ir_eval *e;

	(void)state;
	if (!o)
		fail_msg("%s", errors(&f));
	e = ir_eval_create(o, data);
	assert_true(at(e, 1, 1) > 0.2999 && at(e, 1, 1) < 0.3001);
	assert_true(at(e, 2, 0) > 0.9999 && at(e, 2, 0) < 1.0001);
	ir_eval_destroy(e);
	arena_destroy(f.a);
}

static void reads_back(void **state)
{
	struct fixture f = load(
		"export op conv[PH = 1, G = 2](x: f16[N, C, H] layout(N, C/4, H, C%4),"
		" w: f16[F, C/G, R]) -> (y: f16[N, F, P])\n"
		"where P = H + 2*PH - R + 1\n{\n"
		"let acc[n, f, p]: f32 = sum[c in C/G, r](x[n, (f / (F/G)) * "
		"(C/G) + c, p + r - PH] pad 0 * w[f, c, r]);\n"
		"y[n, f, p] = max(acc[n, f, p], 0) > 1 ? acc[n, f, p] : -inf; }\n");
	struct ir_size shape[] = { { "N", 2 }, { "C", 8 }, { "H", 5 },
		{ "F", 4 }, { "R", 3 } };
	struct ir_operator *o = lower_named(&f, "conv", shape, 5), *back;
	struct str text, again;

	(void)state;
	if (!o)
		fail_msg("%s", errors(&f));
	str_init(&text, f.a);
	str_init(&again, f.a);
	ir_print(o, &text);
	back = ir_read(f.a, source_from_text(f.a, "t.ir", text.p, text.n), f.d);
	if (!back)
		fail_msg("%s%s", text.p, errors(&f));
	ir_print(back, &again);
	assert_string_equal(str_text(&text), str_text(&again));
	assert_true(ir_hash(o) == ir_hash(back));
	arena_destroy(f.a);
}

/* As deep as the parser allows. */
static void survives_depth(void **state)
{
	enum { DEPTH = 900 };
	struct arena *a = arena_create();
	struct fixture f;
	struct str s;

	(void)state;
	str_init(&s, a);
	str_puts(&s, "export op deep(x: f16[4]) -> (y: f32[4]) { y[i] = ");
	for (int i = 0; i < DEPTH; i++)
		str_puts(&s, "exp(");
	str_puts(&s, "x[i]");
	for (int i = 0; i < DEPTH; i++)
		str_puts(&s, ")");
	str_puts(&s, "; }\n");
	f = load(str_text(&s));
	assert_non_null(lower_named(&f, "deep", NULL, 0));
	arena_destroy(f.a);
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_items),
		cmocka_unit_test(takes_shapes),
		cmocka_unit_test(names_symbols),
		cmocka_unit_test(divides_down),
		cmocka_unit_test(reads_pads),
		cmocka_unit_test(uses_operators),
		cmocka_unit_test(reads_back),
		cmocka_unit_test(survives_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
