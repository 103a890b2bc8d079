/* SPDX-License-Identifier: MIT */
/* What was chosen, into the lock: an entry for each group, with the values that
 * were open, in the order of their names. */
#include "driver/tune.h"

#include <string.h>

static void sort_names(struct lock_entry *e)
{
	for (int i = 1; i < e->n; i++)
		for (int k = i; k > 0 && strcmp(e->names[k - 1],
		     e->names[k]) > 0; k--) {
			const char *n = e->names[k], *v = e->values[k];

			e->names[k] = e->names[k - 1];
			e->values[k] = e->values[k - 1];
			e->names[k - 1] = n;
			e->values[k - 1] = v;
		}
}

/* Genes with one value but for --set follow from source and sketch; which file or
 * library is said all the same. */
static void record(struct session *s, const struct job *j, int group)
{
	const struct choice *c = &j->parts[group].choice;
	const struct space *sp = c->candidate->space;
	struct lock_entry e = { .op = j->name,
		.target = j->place->target->name,
		.gpu = j->place->gpu->name, .share = j->place->share,
		.hash = j->hash, .group = group,
		.sketch = c->candidate->sketch->name, .seconds = c->seconds,
		.measured = c->measured, .verified = c->verified,
		.kernel = j->n_plans > 1 ? plan_kernel(s->a, j->op,
			&j->partition->groups[group], ",") : NULL };

	e.names = ARENA_ARRAY(s->a, (size_t)sp->n_genes + 2, const char *);
	e.values = ARENA_ARRAY(s->a, (size_t)sp->n_genes + 2, const char *);
	for (int i = 0; i < sp->n_genes; i++) {
		if (!c->candidate->open[i] && !j->file &&
		    !(c->candidate->sketch->unpriced && sp->genes[i].words))
			continue;
		e.names[e.n] = sp->genes[i].name;
		e.values[e.n++] = space_text(s->a, &sp->genes[i], c->genes[i]);
	}
	if (c->pinned) {
		e.names[e.n] = LOCK_PINNED;
		e.values[e.n++] = c->pinned;
	}
	sort_names(&e);
	lock_put(s->a, s->lock, &e);
}

void tune_record(struct session *s, const struct job *j)
{
	const struct lock_entry at = { .op = j->name,
		.target = j->place->target->name,
		.gpu = j->place->gpu->name, .share = j->place->share };

	lock_trim(s->lock, &at, j->partition->n_groups);
	for (int g = 0; g < j->partition->n_groups; g++)
		record(s, j, g);
}
