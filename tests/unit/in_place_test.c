/* SPDX-License-Identifier: MIT */
/* Outputs where inputs lie: kernels made by hand that may, and such that differ in
 * one thing and may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/kernel.h"

/* A kernel of x, which is read, and y, which is written; "v" is in registers. */
struct made {
	struct arena *a;
	struct kernel *k;
	struct k_buffer *x, *y, *v, *s;
	struct k_block *b;
	struct kx *t;		/* thread.x */
};

static struct kx *n(const struct made *m, int64_t v)
{
	return kx_int(m->a, v);
}

/* y[at] = x[from] */
static void move(const struct made *m, struct k_block *b, struct kx *at,
	struct kx *from)
{
	ks_store(m->a, b, k_place(m->y, at), kx_load(m->a, m->x, from));
}

static struct kx *times(const struct made *m, struct kx *e, int64_t by)
{
	return kx_mul(m->a, e, n(m, by));
}

static void one_statement(const struct made *m)
{
	move(m, m->b, m->t, m->t);
}

/* The same place in other words. */
static void through_lets(const struct made *m)
{
	struct kx *twice = ks_let(m->a, m->b, "twice", times(m, m->t, 2));
	struct kx *again = ks_let(m->a, m->b, "again", times(m, m->t, 2));

	move(m, m->b, again, twice);
}

static void neighbours(const struct made *m)
{
	move(m, m->b, m->t, kx_add(m->a, m->t, n(m, 1)));
}

static struct k_block *loop(const struct made *m, struct k_block *b, int64_t to,
	struct kx **i)
{
	return ks_for(m->a, b, LOOP_UNROLLED, "i", n(m, 0), n(m, to), NULL, i);
}

static struct kx *in_loop(const struct made *m, struct kx *i)
{
	return kx_add(m->a, times(m, m->t, 4), i);
}

/* All is read into registers, then all is written. */
static void two_loops(const struct made *m)
{
	struct k_block *b;
	struct kx *i;

	b = loop(m, m->b, 4, &i);
	ks_store(m->a, b, k_place(m->v, i), kx_load(m->a, m->x,
		in_loop(m, i)));
	b = loop(m, m->b, 4, &i);
	ks_store(m->a, b, k_place(m->y, in_loop(m, i)), kx_load(m->a, m->v,
		i));
}

static void loops_of_other_length(const struct made *m)
{
	struct k_block *b;
	struct kx *i;

	b = loop(m, m->b, 5, &i);
	ks_store(m->a, b, k_place(m->v, i), kx_load(m->a, m->x,
		in_loop(m, i)));
	b = loop(m, m->b, 4, &i);
	ks_store(m->a, b, k_place(m->y, in_loop(m, i)), kx_load(m->a, m->v,
		i));
}

static void written_first(const struct made *m)
{
	ks_store(m->a, m->b, k_place(m->y, m->t), kx_float(m->a, 1, T_F32));
	ks_store(m->a, m->b, k_place(m->v, n(m, 0)), kx_load(m->a, m->x, m->t));
}

static void written_in_each_turn(const struct made *m)
{
	struct kx *i;

	move(m, loop(m, m->b, 4, &i), m->t, m->t);
}

/* x[t, j] for y[t, i]: the two loops are both around both. */
static void loops_change_places(const struct made *m)
{
	struct kx *i, *j;
	struct k_block *b = loop(m, loop(m, m->b, 4, &i), 4, &j);

	move(m, b, kx_add(m->a, times(m, i, 4), j),
		kx_add(m->a, times(m, j, 4), i));
}

static void under_one_condition(const struct made *m)
{
	struct k_block *b = ks_if(m->a, m->b, kx_lt(m->a, m->t, n(m, 20)));

	ks_store(m->a, b, k_place(m->v, n(m, 0)), kx_load(m->a, m->x, m->t));
	b = ks_if(m->a, m->b, kx_lt(m->a, m->t, n(m, 20)));
	ks_store(m->a, b, k_place(m->y, m->t), kx_load(m->a, m->v, n(m, 0)));
}

static void under_another(const struct made *m)
{
	struct k_block *b;

	ks_store(m->a, m->b, k_place(m->v, n(m, 0)), kx_load(m->a, m->x, m->t));
	b = ks_if(m->a, m->b, kx_lt(m->a, m->t, n(m, 20)));
	ks_store(m->a, b, k_place(m->y, m->t), kx_load(m->a, m->v, n(m, 0)));
}

static void in_each_branch(const struct made *m)
{
	struct k_block *b = ks_if(m->a, m->b, kx_lt(m->a, m->t, n(m, 20)));

	move(m, b, m->t, m->t);
	b = ks_else(m->a, m->b);
	move(m, b, times(m, m->t, 3), times(m, m->t, 3));
}

static void across_branches(const struct made *m)
{
	struct k_block *b = ks_if(m->a, m->b, kx_lt(m->a, m->t, n(m, 20)));

	ks_store(m->a, b, k_place(m->v, n(m, 0)), kx_load(m->a, m->x, m->t));
	b = ks_else(m->a, m->b);
	ks_store(m->a, b, k_place(m->y, m->t), kx_float(m->a, 1, T_F32));
}

static void shifted_back(const struct made *m)
{
	struct kx *at = kx_op(m->a, OP_MIN, T_I32, 2, m->t, n(m, 12));

	move(m, m->b, at, at);
}

static void by_a_variable(const struct made *m)
{
	struct k_var *v = ks_mutable(m->a, m->b, "v", T_I32, m->t);

	move(m, m->b, kx_var(m->a, v), kx_var(m->a, v));
}

static void copies(const struct made *m, int bytes)
{
	struct kx *at = times(m, m->t, 4);

	ks_copy(m->a, m->b, COPY_PLAIN, k_place(m->v, n(m, 0)),
		k_place(m->x, at), 16, NULL, 0);
	ks_copy(m->a, m->b, COPY_PLAIN, k_place(m->y, at),
		k_place(m->v, n(m, 0)), bytes, NULL, 0);
}

static void by_vectors(const struct made *m)
{
	copies(m, 16);
}

static void by_other_vectors(const struct made *m)
{
	copies(m, 8);
}

static void through_shared(const struct made *m)
{
	ks_copy(m->a, m->b, COPY_ASYNC, k_place(m->s, m->t),
		k_place(m->x, m->t), 4, NULL, 0);
	ks_store(m->a, m->b, k_place(m->y, m->t), kx_load(m->a, m->s, m->t));
}

static void added_up(const struct made *m)
{
	ks_atomic(m->a, m->b, OP_ADD, k_place(m->y, m->t),
		kx_load(m->a, m->x, m->t), NULL);
}

static void read_again(const struct made *m)
{
	move(m, m->b, m->t, m->t);
	ks_store(m->a, m->b, k_place(m->v, n(m, 0)), kx_load(m->a, m->y, m->t));
}

static const struct {
	void (*make)(const struct made *m);
	const char *why;
} cases[] = {
	{ one_statement, NULL }, { through_lets, NULL }, { two_loops, NULL },
	{ under_one_condition, NULL }, { in_each_branch, NULL },
	{ by_vectors, NULL },
	{ neighbours, "no write of the same thread follows" },
	{ loops_of_other_length, "no write of the same thread follows" },
	{ written_first, "no write of the same thread follows" },
	{ loops_change_places, "no write of the same thread follows" },
	{ under_another, "no write of the same thread follows" },
	{ across_branches, "no write of the same thread follows" },
	{ by_other_vectors, "no write of the same thread follows" },
	{ written_in_each_turn, "an element is written more than once" },
	{ shifted_back, "not every thread's elements can be told apart" },
	{ by_a_variable, "not every thread's elements can be told apart" },
	{ through_shared, "it is copied while other threads go on" },
	{ added_up, "results are added up in memory" },
	{ read_again, "results are read again" },
};

static struct made make(struct arena *a)
{
	static const int64_t few[] = { 16 };
	struct made m = { a, kernel_create(a, "k", 32), NULL, NULL, NULL, NULL,
		NULL, kx_special(a, K_THREAD_X) };

	m.x = kernel_global(m.k, "x", T_F32, 16, false, false);
	m.y = kernel_global(m.k, "y", T_F32, 16, true, false);
	m.v = kernel_array(m.k, K_REGISTER, "v", T_F32, 1, few, 16);
	m.s = kernel_array(m.k, K_SHARED, "s", T_F32, 1, few, 16);
	m.b = &m.k->body;
	return m;
}

/* x and y, of which y may lie over "over", and steps of kernel "k" with x, y and,
 * if "twice", with y, x behind it. */
static struct program *program_of_kernel(const struct made *m, const char *over,
	bool twice)
{
	struct program *p = program_create(m->a, "p");

	for (int i = 0; i < 2; i++)
		vec_push(m->a, &p->tensors, (struct p_tensor){ .name = i ? "y" :
			"x", .role = i ? P_OUT : P_IN, .type = T_F32,
			.elements = 128, .align = 16, .over = i ? over :
			NULL });
	for (int i = 0; i < 1 + twice; i++) {
		struct p_step s = { .kind = P_LAUNCH, .kernel = m->k,
			.grid = { 1, 1, 1 }, .args = ARENA_ARRAY(m->a, 2, int),
			.n_args = 2 };

		s.args[1] = 1;
		vec_push(m->a, &p->steps, s);
	}
	return p;
}

static void kernels_say_why_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena *a = arena_create();
		struct made m = make(a);
		const char *why;

		cases[i].make(&m);
		why = program_in_place(a, program_of_kernel(&m, "x", false));
		if (!why != !cases[i].why || (why && !strstr(why,
		    cases[i].why)))
			fail_msg("case %zu: %s", i, why ? why : "may");
		assert_int_equal(m.x->aliased, !why);
		assert_int_equal(m.y->aliased, !why);
		arena_destroy(a);
	}
}

static void programs_without_a_pair_are_left(void **state)
{
	struct arena *a = arena_create();
	struct made m = make(a);

	(void)state;
	neighbours(&m);
	assert_null(program_in_place(a, program_of_kernel(&m, NULL, true)));
	assert_false(m.x->aliased || m.y->aliased);
	arena_destroy(a);
}

static void later_kernels_do_not_read(void **state)
{
	struct arena *a = arena_create();
	struct made m = make(a);

	(void)state;
	one_statement(&m);
	assert_string_equal(program_in_place(a, program_of_kernel(&m, "x",
		true)), "y cannot lie where x lies: a kernel reads it behind "
		"the one that writes there");
	arena_destroy(a);
}

/* A kernel that knows the output and writes nothing there comes before. */
static void knowing_is_not_writing(void **state)
{
	struct arena *a = arena_create();
	struct made m = make(a), first = make(a);
	struct program *p;

	(void)state;
	one_statement(&m);
	ks_store(a, first.b, k_place(first.v, n(&first, 0)), kx_load(a, first.x,
		first.t));
	p = program_of_kernel(&m, "x", true);
	p->steps.v[0].kernel = first.k;
	assert_null(program_in_place(a, p));
	assert_true(m.x->aliased && m.y->aliased);
	assert_false(first.x->aliased || first.y->aliased);
	arena_destroy(a);
}

static void what_nobody_sees_into_does_not(void **state)
{
	static const char *const why[] = { [P_LIBRARY] = "a library computes it",
		[P_FILE] = "its kernel is written by hand" };
	struct arena *a = arena_create();
	struct made m = make(a);

	(void)state;
	for (int kind = P_LIBRARY; kind <= P_FILE; kind++) {
		struct program *p = program_of_kernel(&m, "x", false);

		p->steps.v[0].kind = kind;
		assert_non_null(strstr(program_in_place(a, p), why[kind]));
	}
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernels_say_why_not),
		cmocka_unit_test(programs_without_a_pair_are_left),
		cmocka_unit_test(later_kernels_do_not_read),
		cmocka_unit_test(knowing_is_not_writing),
		cmocka_unit_test(what_nobody_sees_into_does_not)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
