/* SPDX-License-Identifier: MIT */
/* Of a kernel that packs tensors, how it does: numbers that follow from the plan
 * and that schedules and --set may ask for, stage(TENSOR, pack = N, along = AXES),
 * whatever the kernel's sketch. */
#include "driver/session.h"

#include <string.h>

static const struct ir_packing *packing(const struct task *t, int i)
{
	return t->op->tensors[t->op->stmts[t->group->stmts[i]].tensor].packing;
}

static struct tunable tunable(struct arena *a, const struct ir_packing *p,
	const char *key)
{
	const char **subjects = ARENA_ARRAY(a, 2, const char *);
	int *only = ARENA_ARRAY(a, 1, int);

	subjects[0] = p->of;
	return (struct tunable){ .name = arena_printf(a, "stage.%s.%s", p->of,
		key), .directive = "stage", .key = key, .subjects = subjects,
		.values = only, .n = 1 };
}

int packing_tunables(struct arena *a, const struct task *t, struct tunable *v)
{
	int n = 0;

	for (int i = 0; i < t->group->n_stmts; i++) {
		const struct ir_packing *p = packing(t, i);
		const char **words = ARENA_ARRAY(a, 2, const char *);
		int *to = ARENA_ARRAY(a, 1, int);

		if (!p)
			continue;
		*to = p->to;
		v[n] = tunable(a, p, "pack");
		v[n++].values = to;
		words[0] = p->along;
		v[n] = tunable(a, p, "along");
		v[n++].words = words;
	}
	return n;
}

bool packing_honours(const struct task *t, const struct sched_directive *d)
{
	for (int i = 0; i < t->group->n_stmts; i++)
		if (packing(t, i))
			return !strcmp(d->name, "stage");
	return false;
}

static bool is_pack(const struct tunable *t)
{
	return !strcmp(t->directive, "stage") && t->key &&
		!strcmp(t->key, "pack");
}

static bool has_value(const struct gene *g, int v)
{
	for (int i = 0; i < g->n; i++)
		if (g->values[i] == v)
			return true;
	return false;
}

bool packing_keep(struct session *s, struct candidate *c)
{
	struct space *sp = c->space;

	for (int t = 0; t < sp->n_tunables; t++) {
		const struct tunable *x = &sp->tunables[t];
		struct gene *g = sp->follows[t] < 0 ? NULL :
			&sp->genes[sp->follows[t]];

		if (!is_pack(x))
			continue;
		if (!g || !has_value(g, x->values[0])) {
			c->why = arena_printf(s->a, "'%s' is packed by %d "
				"elements, as all factors of its sum are",
				x->subjects[0], x->values[0]);
			c->space = NULL;
			return false;
		}
		g->values = x->values;
		g->n = 1;
	}
	return true;
}
