/* SPDX-License-Identifier: MIT */
/* Which memory an epilogue reads and stores, bound to its kernel's arguments. */
#include "sketch/epilogue_code.h"

struct binding {
	const struct storing *s;
	const struct program *p;
	struct p_step *step;
};

static void bind_read(struct ir_expr *e, void *ctx)
{
	struct binding *g = ctx;
	const struct ir_tensor *t;

	if (e->kind != IR_READ)
		return;
	t = &g->s->t->op->tensors[e->tensor];
	for (int i = 0; i < g->s->e->n; i++)
		if (g->s->e->outputs[i].tensor == t)
			return;
	if (!g->s->buffers[t->id] && !is_row_value(g->s, t->id))
		g->s->buffers[t->id] = program_bind(g->s->a, g->p, g->step,
			g->s->k, t, false);
}

void epilogue_bind(const struct storing *s, const struct program *p,
	struct p_step *step)
{
	struct binding g = { s, p, step };

	for (int i = 0; i < s->e->n; i++) {
		const struct output *o = &s->e->outputs[i];

		if (o->value)
			ir_walk(o->value, bind_read, &g);
		if (o->stored)
			s->buffers[o->tensor->id] = program_bind(s->a, p, step,
				s->k, o->tensor, true);
	}
}
