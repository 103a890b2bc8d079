/* SPDX-License-Identifier: MIT */
/* What was bought, as JSON: an array of operators. Times are seconds; a
 * "ratio" is of costs of one kind, which "source" names; null is not known. */
#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/bought.h"

static void put(json_t *object, const char *key, json_t *value)
{
	int failed = json_object_set_new(object, key, value);

	assert(!failed);
	(void)failed;
}

static void append(json_t *array, json_t *value)
{
	int failed = json_array_append_new(array, value);

	assert(!failed);
	(void)failed;
}

static json_t *number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

/* What is not UTF-8 can only be a part of a file's name. */
static json_t *text(const char *s)
{
	json_t *v = s ? json_string(s) : json_null();

	return v ? v : json_string("?");
}

static json_t *bounds(const struct model_bounds *m)
{
	json_t *v = json_object();

	for (int i = 0; i < N_BOUNDS; i++)
		put(v, bound_name((enum bound)i), number(m->seconds[i]));
	return v;
}

static void put_cost(json_t *v, const struct bought_cost *c)
{
	put(v, "predicted", number(c->predicted));
	put(v, "measured", number(c->measured));
	put(v, "limit", text(bound_name(c->bounds.limit)));
}

static void put_ratio(json_t *v, double ratio, bool by_measure)
{
	put(v, "ratio", number(ratio));
	put(v, "source", text(by_measure ? "measured" : "predicted"));
}

static json_t *try(const struct bought_try *t)
{
	static const char *const how[] = { "off", "smaller", "larger",
		"other", "nothing" };
	json_t *v = json_object();

	put(v, "how", text(how[t->how]));
	put(v, "value", text(t->value));
	put_cost(v, &t->cost);
	put_ratio(v, t->ratio, t->by_measure);
	put(v, "rest", text(t->whole ? "its directive off" : t->rechosen ?
		"chosen again" : "kept"));
	put(v, "as_it_stands", t->why ? text(t->why) : text("legal"));
	return v;
}

static json_t *row(const struct bought_row *r)
{
	static const char *const origins[] = { "pinned", "chosen", "sketch",
		"follows" };
	json_t *v = json_object(), *names = json_array(), *tries = json_array();

	for (int i = 0; r->names[i]; i++)
		append(names, text(r->names[i]));
	for (int i = 0; i < r->n; i++)
		append(tries, try(&r->tries[i]));
	put(v, "name", text(r->name));
	put(v, "value", text(r->value));
	put(v, "tunables", names);
	put(v, "from", text(origins[r->origin]));
	put(v, "neutral", json_boolean(r->neutral));
	put(v, "nothing", number(r->nothing));
	put(v, "without", tries);
	return v;
}

static json_t *rival(const struct bought_rival *r)
{
	json_t *v = json_object();

	put(v, "sketch", text(r->sketch->name));
	put(v, "why", text(r->why));
	if (r->why)
		return v;
	put_cost(v, &r->cost);
	put_ratio(v, r->ratio, r->by_measure);
	return v;
}

static json_t *roofline(const struct bought_group *g, const struct gpu *gpu)
{
	const struct features *f = &g->cost.features;
	double a_byte = f->dram_bytes > 0 ? f->flops / f->dram_bytes : INFINITY;
	bool measured = isfinite(g->cost.measured);
	json_t *v = json_object();

	put(v, "flops", number(f->flops));
	put(v, "bytes", number(f->dram_bytes));
	put(v, "flops_per_byte", number(a_byte));
	put(v, "flops_per_second", number(f->flops / (measured ?
		g->cost.measured : g->cost.predicted)));
	put(v, "allowed", number(model_roof(gpu, a_byte)));
	put(v, "source", text(measured ? "measured" : "predicted"));
	return v;
}

static json_t *group(const struct bought *b, const struct bought_group *g)
{
	json_t *v = json_object(), *rows = json_array(), *rivals = json_array();

	for (int i = 0; i < g->n_rows; i++)
		append(rows, row(&g->rows[i]));
	for (int i = 0; i < g->n_rivals; i++)
		append(rivals, rival(&g->rivals[i]));
	put(v, "kernel", text(g->kernel));
	put(v, "sketch", text(g->open->sketch->name));
	put(v, "by_hand", text(b->job->file ? b->job->file->name : NULL));
	put_cost(v, &g->cost);
	put(v, "bounds", bounds(&g->cost.bounds));
	put(v, "roofline", roofline(g, b->job->place->gpu));
	put(v, "better", number(g->better));
	put(v, "numbers", rows);
	put(v, "others", rivals);
	return v;
}

static json_t *plan(const struct bought_plan *p)
{
	json_t *v = json_object();

	put(v, "kernels", text(p->kernels));
	put(v, "sketches", text(p->by));
	put(v, "predicted", number(p->predicted));
	put(v, "ratio", p->why ? json_null() : number(p->ratio));
	put(v, "taken", json_boolean(p->taken));
	put(v, "why", text(p->why));
	return v;
}

static json_t *sizes(const struct job *j)
{
	json_t *v = json_object();

	for (int i = 0; i < j->op->n_sizes; i++)
		put(v, j->op->sizes[i].name, json_integer(j->op->sizes[i].value));
	return v;
}

static json_t *operator(const struct bought *b)
{
	const struct job *j = b->job;
	json_t *v = json_object(), *groups = json_array();
	json_t *plans = json_array();

	for (int i = 0; i < b->n_groups; i++)
		append(groups, group(b, &b->groups[i]));
	for (int i = 0; i < b->n_plans; i++)
		append(plans, plan(&b->plans[i]));
	put(v, "operator", text(j->name));
	put(v, "gpu", text(j->place->gpu->name));
	put(v, "target", text(j->place->target->name));
	put(v, "general", json_boolean(j->general != NULL));
	put(v, "sizes", sizes(j));
	put(v, "schedule", text(b->from_lock ? "lock" : "default"));
	put(v, "kernels", groups);
	put(v, "plans", plans);
	return v;
}

void bought_json(const struct bought *all, int n, struct str *out)
{
	json_t *v = json_array();
	char *dump;

	for (int i = 0; i < n; i++)
		if (!all[i].job->dropped)
			append(v, operator(&all[i]));
	dump = json_dumps(v, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	assert(dump);
	str_printf(out, "%s\n", dump);
	free(dump);
	json_decref(v);
}
