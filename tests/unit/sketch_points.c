/* SPDX-License-Identifier: MIT */
/* What it takes to get from an operator's text to a program: passes, a task, a
 * random point that is legal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sketch_cases.h"

static void show(struct diag *d, struct arena *a, const char *text)
{
	struct str s;

	str_init(&s, a);
	diag_print(d, &s, false);
	fail_msg("%s%s", text, str_text(&s));
}

struct prepared prepare_plain(struct arena *a, const char *text)
{
	struct diag *d = diag_create(a);
	struct prepared x = { .a = a };
	const char *wrong;

	x.o = ir_read(a, source_from_text(a, "case", text, strlen(text)), d);
	if (!x.o)
		show(d, a, text);
	wrong = ir_verify(a, x.o);
	if (wrong)
		fail_msg("%s%s", text, wrong);
	return x;
}

struct prepared prepare_by(struct arena *a, const char *text, enum ir_rule rule)
{
	struct prepared x = prepare_plain(a, text);
	const char *wrong;

	ir_fold(a, x.o);
	ir_split_axes(a, x.o);
	x.p = ir_partition_by(a, x.o, (struct ir_cut){ .rule = rule });
	wrong = ir_verify_partition(a, x.o, x.p);
	if (wrong)
		fail_msg("%s%s", text, wrong);
	return x;
}

struct prepared prepare(struct arena *a, const char *text)
{
	return prepare_by(a, text, IR_STATISTICS);
}

static struct group_space task_for(const struct prepared *x, int group,
	const struct target *t)
{
	return (struct group_space){ .task = { .a = x->a, .op = x->o,
		.group = &x->p->groups[group], .index = group,
		.n_groups = x->p->n_groups, .target = t,
		.gpu = gpu_for_target(t) } };
}

struct group_space open_group(const struct prepared *x, int group,
	const struct target *t)
{
	const struct sketch *const *all = sketch_list();
	struct group_space serve[16];
	const char *why;
	int n = 0;

	for (int i = 0; all[i] && n < 16; i++) {
		serve[n] = task_for(x, group, t);
		serve[n].sketch = all[i];
		n += !all[i]->unpriced && all[i]->applies(&serve[n].task, &why);
	}
	if (!n)
		fail_msg("no sketch serves: %s", why);
	serve[0] = serve[x->which % n];
	serve[0].tunables = serve[0].sketch->tunables(&serve[0].task,
		&serve[0].n);
	return serve[0];
}

void pick_point(const struct group_space *g, struct rng *r, int *values)
{
	for (int try = 0; r && try < 3000; try++) {
		const char *why;

		for (int i = 0; i < g->n; i++)
			values[i] = g->tunables[i].values[rng_below(r,
				g->tunables[i].n)];
		why = g->sketch->legal(&g->task, g->task.a, values);
		assert_true(!why == !g->sketch->legal(&g->task, NULL, values));
		if (!why)
			return;
	}
	g->sketch->start(&g->task, values);
}

static void describe(const struct group_space *g, const int *values,
	struct str *what)
{
	str_printf(what, "%s(", g->sketch->name);
	for (int i = 0; i < g->n; i++)
		str_printf(what, "%s%s = %d", i ? ", " : "",
			g->tunables[i].name, values[i]);
	str_puts(what, ") ");
}

static void note_arithmetic(struct prepared *x, const struct group_space *g,
	const int *values)
{
	if (!g->sketch->arithmetic)
		return;
	if (!x->arithmetic)
		x->arithmetic = ir_copy(x->a, x->o);
	g->sketch->arithmetic(&g->task, x->a, values, x->arithmetic);
}

struct program *random_program(struct prepared *x, const char *name,
	const struct target *t, struct rng *r, struct str *what)
{
	const char *old = x->o->name;
	struct program *p;
	int *map, values[64];

	x->o->name = name;
	p = program_of(x->a, x->o, x->p, &map);
	x->o->name = old;
	for (int i = 0; i < x->p->n_groups; i++) {
		struct group_space g = open_group(x, i, t);
		const char *wrong;

		assert_true(g.n <= 64);
		pick_point(&g, r, values);
		describe(&g, values, what);
		wrong = g.sketch->legal(&g.task, x->a, values);
		if (wrong)
			fail_msg("%s: %s", str_text(what), wrong);
		program_build(g.sketch, &g.task, x->a, values, p);
		note_arithmetic(x, &g, values);
	}
	p->schedule = str_text(what);
	program_layout(p);
	return p;
}
