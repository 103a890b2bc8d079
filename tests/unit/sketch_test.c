/* SPDX-License-Identifier: MIT */
/* Every sketch on many operators: a random point that
 * is legal makes a program that verifies, the default is legal, features are
 * sane, and what is emitted assembles without spills. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cuda/cuda.h"
#include "sketch_cases.h"
#include "toolkit.h"

/* Points of a case, and how many of the sketches that apply are looked at. */
enum { POINTS = 60, WAYS = 4 };

static const char *const archs[] = { "sm_75", "sm_80", "sm_90", "sm_120" };

static struct program *verified(struct prepared *x,
	const struct sketch_case *c, const struct target *t, struct rng *r)
{
	struct program *p;
	const char *wrong;
	struct str what;

	str_init(&what, x->a);
	p = random_program(x, "t", t, r, &what);
	wrong = program_verify(x->a, p, t);
	if (wrong) {
		struct str s;

		str_init(&s, x->a);
		program_print(p, &s);
		fail_msg("%s, %s: %s\n%s", c->name, str_text(&what), wrong,
			str_text(&s));
	}
	return p;
}

static void points_verify(void **state)
{
	struct rng r;

	(void)state;
	rng_seed(&r, 1);
	for (int i = 0; i < n_sketch_cases; i++)
		for (int k = 0; k < POINTS; k++) {
			struct arena *a = arena_create();
			struct prepared x = prepare(a, sketch_cases[i].text);

			x.which = k + k / 4;
			verified(&x, &sketch_cases[i],
				target_named(archs[k % 4]),
				k < 4 ? NULL : &r);
			arena_destroy(a);
		}
}

/* No point takes less than least() says. */
static void check_bounds(const struct group_space *g, const struct features *f)
{
	struct features least = { .launches = 1 };

	if (g->sketch->least)
		g->sketch->least(&g->task, &least);
	assert_true(model_seconds(f, g->task.gpu) >= model_least(&least,
		g->task.gpu));
	assert_true(least.dram_bytes <= f->dram_bytes * (1 + 1e-9));
}

static void check_features(const struct group_space *g, const int *values)
{
	struct features f;

	sketch_features(g->sketch, &g->task, values, &f);
	assert_true(f.threads >= 32 && f.threads <= 1024);
	assert_true(f.occupancy >= 1 && f.blocks >= 1 && f.launches >= 1);
	assert_true(f.dram_bytes > 0 && f.l2_bytes >= f.dram_bytes / 2);
	assert_true(f.useful > 0 && f.useful <= 1);
	assert_true(isfinite(model_seconds(&f, gpu_named("h200"))));
	check_bounds(g, &f);
}

static void features_are_sane(void **state)
{
	const struct target *t = target_named("sm_90");
	struct rng r;

	(void)state;
	rng_seed(&r, 2);
	for (int i = 0; i < n_sketch_cases; i++) {
		struct arena *a = arena_create();
		struct prepared x = prepare(a, sketch_cases[i].text);

		for (int k = 0; k < WAYS * x.p->n_groups; k++) {
			struct group_space g;
			int values[64];

			x.which = k / x.p->n_groups;
			g = open_group(&x, k % x.p->n_groups, t);
			for (int n = 0; n < 20; n++) {
				pick_point(&g, n ? &r : NULL, values);
				check_features(&g, values);
			}
		}
		arena_destroy(a);
	}
}

/* The default of every tunable is among the values search has. */
static void defaults_are_listed(void **state)
{
	const struct target *t = target_named("sm_90");

	(void)state;
	for (int i = 0; i < n_sketch_cases; i++) {
		struct arena *a = arena_create();
		struct prepared x = prepare(a, sketch_cases[i].text);

		for (int k = 0; k < WAYS * x.p->n_groups; k++) {
			struct group_space g;
			int values[64];

			x.which = k / x.p->n_groups;
			g = open_group(&x, k % x.p->n_groups, t);
			pick_point(&g, NULL, values);
			for (int n = 0; n < g.n; n++) {
				bool listed = false;

				for (int v = 0; v < g.tunables[n].n; v++)
					listed |= g.tunables[n].values[v] ==
						values[n];
				if (!listed)
					fail_msg("%s: %s = %d",
						sketch_cases[i].name,
						g.tunables[n].name, values[n]);
			}
		}
		arena_destroy(a);
	}
}

static void emitted_text_assembles(void **state)
{
	const struct target *t = target_named("sm_90");
	struct cuda_variant v[64];
	struct arena *a;
	struct cuda_unit u;
	int n = 0;
	struct rng r;
	struct str s;

	(void)state;
	if (!toolkit_nvcc())
		skip();
	a = arena_create();
	rng_seed(&r, 3);
	for (int i = 0; i < n_sketch_cases; i += 3) {
		struct prepared x = prepare(a, sketch_cases[i].text);
		struct str what;

		x.which = i / 3;
		str_init(&what, a);
		v[n++] = (struct cuda_variant){ t, random_program(&x,
			arena_printf(a, "t%d", i), t, &r, &what), NULL, 0 };
	}
	u = cuda_unit(a, "case.wpk", "test", v, n);
	str_init(&s, a);
	cuda_emit(&u, &s);
	assert_true(toolkit_assembles(str_text(&s), "90"));
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_verify),
		cmocka_unit_test(features_are_sane),
		cmocka_unit_test(defaults_are_listed),
		cmocka_unit_test(emitted_text_assembles),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
