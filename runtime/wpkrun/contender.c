/* SPDX-License-Identifier: MIT */
/* A way to compute a subject, with the memory that it takes. */
#include "runtime/wpkrun/wpkrun.h"

#include <stdlib.h>

enum { ALIGN = 256 };

static bool find_needs(struct session *s, struct contender *c)
{
	struct wpk_error e;

	c->needs.size = sizeof c->needs;
	return !wpk_plan_needs(c->op, c->sets[0]->list, c->x->n, &c->needs, &e)
		|| session_fail_wpk(s, c->x->title, &e);
}

/* What must be prepared is, once; it is waited for. */
static bool prepare(struct session *s, struct contender *c, int set)
{
	struct wpk_error e;
	int status;

	if (!c->needs.prepared)
		return true;
	if (wpk_plan_prepare(c->op, c->sets[set]->list, c->x->n,
	    &c->memory[set], s->stream, &e))
		return session_fail_wpk(s, c->x->title, &e);
	status = cuda.synchronize(s->stream);
	return !status || device_fails(s, status,
		"preparing constant operands");
}

static bool set_memory(struct session *s, struct contender *c, int set)
{
	struct block *p = &c->prepared[set];

	if (c->needs.prepared && !block_take(s, c->needs.prepared, ALIGN, p))
		return false;
	if (c->needs.prepared && !block_fill(s, p, 0xff, true))
		return false;
	c->memory[set] = (struct wpk_memory){ (void *)(uintptr_t)
		c->workspace.at, c->needs.workspace, (void *)(uintptr_t)p->at,
		c->needs.prepared };
	return prepare(s, c, set);
}

static bool set_all(struct session *s, struct contender *c)
{
	if (!find_needs(s, c))
		return false;
	if (c->needs.workspace && (!block_take(s, c->needs.workspace, ALIGN,
	    &c->workspace) || !block_fill(s, &c->workspace, 0xff, true)))
		return false;
	for (int i = 0; i < c->n_sets; i++)
		if (!set_memory(s, c, i))
			return false;
	return true;
}

struct contender *contender_create(struct session *s, const char *name,
	const struct wpk_operator *op, struct buffers *const *sets, int n_sets)
{
	struct contender *c = large_take(s, sizeof *c);
	size_t n = (size_t)n_sets;

	*c = (struct contender){ .name = name, .x = sets[0]->x, .op = op,
		.sets = sets, .n_sets = n_sets };
	c->memory = large_take(s, n * sizeof *c->memory);
	c->prepared = large_take(s, n * sizeof *c->prepared);
	if (set_all(s, c))
		return c;
	contender_destroy(c);
	return NULL;
}

enum wpk_status contender_launch(const struct contender *c, int set,
	wpk_cu stream, struct wpk_error *e)
{
	return wpk_plan_run(c->op, c->sets[set]->list, c->x->n,
		&c->memory[set], stream, e);
}

void contender_destroy(struct contender *c)
{
	if (!c)
		return;
	block_give(&c->workspace);
	for (int i = 0; i < c->n_sets; i++)
		block_give(&c->prepared[i]);
	free(c->memory);
	free(c->prepared);
	free(c);
}
