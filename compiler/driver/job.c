/* SPDX-License-Identifier: MIT */
/* One job: an operator lowered, twice, with its hash and the schedule that applies,
 * and through the passes that every sketch relies on. */
#include "driver/job.h"

#include <assert.h>
#include <string.h>

#include "driver/general.h"
#include "driver/shapes.h"

static void verified(struct session *s, const char *pass,
	const struct ir_operator *o)
{
	const char *why = s->o->verify_passes ? ir_verify(s->a, o) : NULL;

	if (why)
		session_fail(s, EXIT_INTERNAL, "after %s, '%s': %s", pass,
			o->name, why);
}

bool job_goes_on(const struct session *s)
{
	return s->code == EXIT_DONE || s->code == EXIT_NO_CANDIDATE;
}

bool job_passes(struct session *s, struct ir_operator *o)
{
	ir_hoist(s->a, o);
	verified(s, "hoist", o);
	ir_split_axes(s->a, o);
	verified(s, "split", o);
	return job_goes_on(s);
}

static struct lower_request *request_of(struct session *s,
	const struct making *m)
{
	struct lower_request *r = ARENA_NEW(s->a, struct lower_request);

	*r = (struct lower_request){ .unit = m->unit, .item = m->it->item,
		.shape = m->shape->sizes, .n_shape = m->shape->n,
		.name = m->name };
	return r;
}

struct lower_request *job_open_request(struct session *s,
	const struct making *m)
{
	struct lower_request *r = request_of(s, m);

	r->n_shape = 0;
	r->also = m->also;
	r->n_also = m->n_also;
	return r;
}

static void begin_job(const struct making *m, struct job *j)
{
	*j = (struct job){ .item = m->it->item, .place = m->place,
		.share = m->place->share, .launcher = m->launcher,
		.family = m->launcher, .when = m->when };
	if (m->tune) {
		j->trials = m->tune->trials;
		j->seconds = m->tune->seconds;
	}
}

static void hash_text(struct job *j, const char *text)
{
	j->hash ^= str_hash(text, strlen(text));
}

/* What never changes is prepared before a call, what lies in place is no restricted
 * pointer: other kernels, and other times. By places, for names do not count. */
static void hash_tensors(struct session *s, struct job *j)
{
	const struct ir_tensor *t = j->op->tensors;

	for (int i = 0; i < j->op->n_tensors; i++) {
		if (t[i].constant)
			hash_text(j, arena_printf(s->a, "const %d", i));
		for (int k = 0; t[i].over && k < j->op->n_inputs; k++)
			if (!strcmp(t[k].name, t[i].over))
				hash_text(j, arena_printf(s->a,
					"in place %d %d", i, k));
	}
}

static bool set_schedule(struct session *s, struct job *j,
	const struct ast_item *block)
{
	if (!block)
		return true;
	j->schedule = directives_schedule(s->a, block, j->op, s->d);
	if (!j->schedule || !directives_overlap(j->schedule, j->place->target,
	    s->d, &j->overlap))
		return false;
	directives_mark_constants(j->op, j->schedule);
	if (!directives_in_place(s->a, j->op, j->schedule, s->d))
		return false;
	hash_tensors(s, j);
	if (j->overlap != P_STEPS)
		j->hash ^= str_hash("overlap", 7) + (uint64_t)j->overlap;
	return true;
}

/* The open sizes that the shape gives, in the launcher's order. */
static void set_sizes(struct session *s, const struct making *m,
	struct job *j)
{
	struct ir_size *v = ARENA_ARRAY(s->a, (size_t)j->op->n_sizes + 1,
		struct ir_size);

	for (int i = 0; m->it->open[i]; i++)
		for (int k = 0; k < j->op->n_sizes; k++)
			if (!strcmp(j->op->sizes[k].name, m->it->open[i]))
				v[j->n_sizes++] = j->op->sizes[k];
	j->sizes = v;
}

bool job_make(struct session *s, const struct making *m, struct job *j)
{
	const struct lower_request *r = request_of(s, m);

	begin_job(m, j);
	j->reference = lower(s->a, r, s->d);
	if (!j->reference)
		return false;
	j->op = lower(s->a, r, s->d);
	assert(j->op);
	j->name = j->reference->name;
	j->hash = ir_hash(j->reference);
	set_sizes(s, m, j);
	if (!set_schedule(s, j, directives_pick(s->a, s->unit, m->it->item,
	    j->op, m->place->target, s->d)))
		return false;
	if (!handwritten_load(s, j, m->tune ? m->tune->files : NULL,
	    m->tune ? m->tune->n_files : 0))
		return false;
	return job_passes(s, j->op) && plans_make(s, j);
}

/* Is "block" for fewer sizes than the kernel is: for what a shape of its own
 * serves? */
static bool is_narrower(struct session *s, const struct making *m,
	const struct ast_item *block)
{
	struct directives_shape x = {0};

	return block && block->expr && shapes_of_guard(s->a, block->expr, &x) &&
		shapes_own(s->a, m->it, &x).n > m->shape->n;
}

/* The schedule that applies to every witness, if one does. */
static const struct ast_item *pick_for_all(struct session *s,
	const struct general *g, const struct making *m)
{
	const struct ast_item *item = m->it->item;
	const struct ast_item *first = NULL;
	bool picked = false;

	for (int i = 0; i < g->n; i++) {
		const struct ast_item *block = directives_pick(s->a, s->unit,
			item, g->at[i].op, m->place->target, s->d);

		if (is_narrower(s, m, block))
			continue;
		if (picked && block != first) {
			session_say(s, "%s: its general kernel has no schedule: "
				"which applies depends on the sizes",
				m->name ? m->name : item->name.text);
			return NULL;
		}
		first = block;
		picked = true;
	}
	return first;
}

bool job_make_general(struct session *s, const struct making *m,
	struct job *j)
{
	const struct lower_request *r = job_open_request(s, m);
	struct general *g = general_create(s, r, m->shape->sizes, m->shape->n);

	begin_job(m, j);
	if (!g)
		return false;
	j->general = g;
	j->cases = g->cases;
	j->n_cases = g->n_cases;
	j->reference = general_lower(s, g, g->at[0].sizes);
	j->op = g->at[0].op;
	j->name = j->reference->name;
	j->hash = ir_hash(j->reference);
	if (m->when)
		j->hash ^= str_hash(m->when, strlen(m->when));
	if (!set_schedule(s, j, m->block ? m->block : pick_for_all(s, g, m)))
		return false;
	g->schedule = j->schedule;
	if (!general_partition(s, g) || !plans_make(s, j))
		return false;
	for (int i = 0; i < j->n_plans; i++)
		general_mark_plan(g, &j->plans[i]);
	return true;
}
