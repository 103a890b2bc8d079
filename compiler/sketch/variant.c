/* SPDX-License-Identifier: MIT */
/* A .cu file written by hand computes the whole operator: variant("x.cu"). What
 * is in it nobody knows here, so the model is told of the traffic and the
 * arithmetic there must be, on every SM: a bound, not an estimate. */
#include "sketch/walk.h"

enum { THREADS = 256, REGISTERS = 32 };

static bool applies(struct task *t, const char **why)
{
	*why = "it calls the file that variant(\"...\") names, and there is none";
	return t->file != NULL;
}

static const struct tunable *tunables(const struct task *t, int *n)
{
	static const int first[] = { 0 };
	const char **names = ARENA_ARRAY(t->a, 2, const char *);
	struct tunable *x = ARENA_NEW(t->a, struct tunable);

	names[0] = t->file->name;
	*x = (struct tunable){ .name = "variant", .directive = "variant",
		.values = first, .n = 1, .words = names };
	*n = 1;
	return x;
}

static const char *legal(const struct task *t, struct arena *a,
	const int *values)
{
	(void)t, (void)a, (void)values;
	return NULL;
}

static void start(const struct task *t, int *values)
{
	(void)t;
	values[0] = 0;
}

static double extents(const struct ir_operator *o, const int *axes, int n)
{
	double all = 1;

	for (int i = 0; i < n; i++)
		all *= (double)o->axes[axes[i]].extent;
	return all;
}

static void features(const struct task *t, const int *values,
	struct features *f)
{
	const struct ir_operator *o = t->op;

	(void)values;
	*f = (struct features){ .threads = THREADS, .regs = REGISTERS,
		.useful = 1, .ilp = 4, .launches = 1, .stages = 4,
		.blocks = t->gpu->sms, .occupancy = target_occupancy(t->target,
			THREADS, REGISTERS, 0) };
	for (int i = 0; i < o->n_inputs + o->n_outputs; i++)
		f->dram_bytes += (double)o->tensors[i].elements *
			dtype_row(o->tensors[i].type)->bits / 8;
	f->l2_bytes = f->dram_bytes;
	for (int i = 0; i < o->n_stmts; i++) {
		const struct ir_stmt *s = &o->stmts[i];
		double terms = s->expr->kind == IR_REDUCE ? extents(o,
			s->expr->red, s->expr->n_red) : 1;

		f->flops += expr_cost(s->expr).ops * terms *
			extents(o, s->axes, s->n_axes);
	}
}

static void build(const struct task *t, struct arena *a, const int *values,
	struct program *p)
{
	struct p_step s = { .kind = P_FILE, .file = t->file->name,
		.text = t->file->text, .function = t->file->function };

	(void)values;
	vec_push(a, &p->steps, s);
}

static const char *const directives[] = { "variant", NULL };

const struct sketch sketch_variant = {
	.name = "variant",
	.summary = "a .cu file written by hand",
	.directives = directives,
	.by_request = true, .opaque = true,
	.applies = applies, .tunables = tunables, .legal = legal,
	.features = features, .start = start, .build = build,
};
