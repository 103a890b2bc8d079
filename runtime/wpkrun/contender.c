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

/* Poisoned memory, if any is needed. */
static bool take(struct session *s, size_t bytes, wpk_cu_pointer *base,
	void **at)
{
	struct block b;

	if (!bytes)
		return true;
	if (!block_take(s, bytes, ALIGN, &b))
		return false;
	*base = b.base;
	*at = (void *)(uintptr_t)b.at;
	return block_fill(s, &b, 0xff, true);
}

static bool take_all(struct session *s, struct contender *c, size_t more)
{
	void *workspace = NULL;
	size_t bytes;

	if (!find_needs(s, c))
		return false;
	bytes = c->needs.workspace + (more ? ALIGN + more : 0);
	if (!take(s, bytes, &c->workspace, &workspace))
		return false;
	for (int i = 0; i < c->n_sets; i++) {
		struct wpk_memory *m = &c->memory[i];

		m->workspace = workspace;
		m->workspace_bytes = bytes;
		m->prepared_bytes = c->needs.prepared;
		if (!take(s, c->needs.prepared, &c->prepared[i], &m->prepared)
		    || !prepare(s, c, i))
			return false;
	}
	return true;
}

struct contender *contender_create(struct session *s, const char *name,
	const struct subject *x, const struct wpk_operator *op,
	struct buffers *const *sets, int n_sets, size_t more)
{
	struct contender *c = large_take(s, sizeof *c);
	size_t n = (size_t)n_sets;

	*c = (struct contender){ .name = name, .x = x, .op = op,
		.sets = sets, .n_sets = n_sets };
	c->memory = large_take(s, n * sizeof *c->memory);
	c->prepared = large_take(s, n * sizeof *c->prepared);
	if (take_all(s, c, more))
		return c;
	contender_destroy(c);
	return NULL;
}

struct block contender_workspace(const struct contender *c)
{
	return (struct block){ c->workspace, (wpk_cu_pointer)(uintptr_t)
		c->memory[0].workspace, c->memory[0].workspace_bytes };
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
	if (c->workspace)
		cuda.release(c->workspace);
	for (int i = 0; i < c->n_sets; i++)
		if (c->prepared[i])
			cuda.release(c->prepared[i]);
	free(c->memory);
	free(c->prepared);
	free(c);
}
