/* SPDX-License-Identifier: MIT */
/* What was bought, as JSON: an array of operators. Times are seconds; a
 * "ratio" is of costs of one kind, which "source" names; null is not known. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/bought.h"
#include "driver/json.h"

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
		json_put(v, bound_name((enum bound)i), number(m->seconds[i]));
	return v;
}

static void put_cost(json_t *v, const struct bought_cost *c)
{
	json_put(v, "predicted", number(c->predicted));
	json_put(v, "measured", number(c->measured));
	json_put(v, "limit", text(bound_name(c->bounds.limit)));
}

static void put_ratio(json_t *v, double ratio, bool by_measure)
{
	json_put(v, "ratio", number(ratio));
	json_put(v, "source", text(by_measure ? "measured" : "predicted"));
}

static json_t *try(const struct bought_try *t)
{
	static const char *const how[] = { "off", "smaller", "larger",
		"other", "nothing" };
	json_t *v = json_object();

	json_put(v, "how", text(how[t->how]));
	json_put(v, "value", text(t->value));
	put_cost(v, &t->cost);
	put_ratio(v, t->ratio, t->by_measure);
	json_put(v, "rest", text(t->whole ? "its directive off" : t->rechosen ?
		"chosen again" : "kept"));
	json_put(v, "as_it_stands", t->why ? text(t->why) : text("legal"));
	return v;
}

static json_t *row(const struct bought_row *r)
{
	static const char *const origins[] = { "pinned", "chosen", "sketch",
		"follows" };
	json_t *v = json_object(), *names = json_array(), *tries = json_array();

	for (int i = 0; r->names[i]; i++)
		json_append(names, text(r->names[i]));
	for (int i = 0; i < r->n; i++)
		json_append(tries, try(&r->tries[i]));
	json_put(v, "name", text(r->name));
	json_put(v, "value", text(r->value));
	json_put(v, "tunables", names);
	json_put(v, "from", text(origins[r->origin]));
	json_put(v, "neutral", json_boolean(r->neutral));
	json_put(v, "nothing", number(r->nothing));
	json_put(v, "without", tries);
	return v;
}

static json_t *rival(const struct bought_rival *r)
{
	json_t *v = json_object();

	json_put(v, "sketch", text(r->sketch->name));
	json_put(v, "why", text(r->why));
	if (r->why)
		return v;
	put_cost(v, &r->cost);
	put_ratio(v, r->ratio, r->by_measure);
	return v;
}

static json_t *roofline(const struct bought_group *g, const struct gpu *gpu)
{
	const struct features *f = &g->cost.features;
	double flops = f->work;
	double a_byte = f->dram_bytes > 0 ? flops / f->dram_bytes : INFINITY;
	bool measured = isfinite(g->cost.measured);
	json_t *v = json_object();

	json_put(v, "flops", number(flops));
	json_put(v, "bytes", number(f->dram_bytes));
	json_put(v, "flops_per_byte", number(a_byte));
	json_put(v, "flops_per_second", number(flops / (measured ?
		g->cost.measured : g->cost.predicted)));
	json_put(v, "allowed", number(model_roof(gpu, f->rate, a_byte)));
	json_put(v, "units", text(f->rate > 0 ? "tensor cores" : "f32 units"));
	json_put(v, "source", text(measured ? "measured" : "predicted"));
	return v;
}

static json_t *group(const struct bought *b, const struct bought_group *g)
{
	json_t *v = json_object(), *rows = json_array(), *rivals = json_array();

	for (int i = 0; i < g->n_rows; i++)
		json_append(rows, row(&g->rows[i]));
	for (int i = 0; i < g->n_rivals; i++)
		json_append(rivals, rival(&g->rivals[i]));
	json_put(v, "kernel", text(g->kernel));
	json_put(v, "sketch", text(g->open->sketch->name));
	json_put(v, "by_hand", text(b->job->file ? b->job->file->name : NULL));
	put_cost(v, &g->cost);
	json_put(v, "bounds", bounds(&g->cost.bounds));
	json_put(v, "roofline", roofline(g, g->open->task.gpu));
	json_put(v, "better", number(g->better));
	json_put(v, "numbers", rows);
	json_put(v, "others", rivals);
	return v;
}

static json_t *plan(const struct bought_plan *p)
{
	json_t *v = json_object();

	json_put(v, "kernels", text(p->kernels));
	json_put(v, "sketches", text(p->by));
	json_put(v, "predicted", number(p->predicted));
	json_put(v, "measured", number(p->measured));
	json_put(v, "ratio", number(p->ratio));
	json_put(v, "taken", json_boolean(p->taken));
	json_put(v, "why", text(p->why));
	return v;
}

static json_t *sizes(const struct job *j)
{
	json_t *v = json_object();

	for (int i = 0; i < j->op->n_sizes; i++)
		json_put(v, j->op->sizes[i].name, json_integer(j->op->sizes[i].value));
	return v;
}

static json_t *operator(const struct bought *b)
{
	const struct job *j = b->job;
	json_t *v = json_object(), *groups = json_array();
	json_t *plans = json_array();

	for (int i = 0; i < b->n_groups; i++)
		json_append(groups, group(b, &b->groups[i]));
	for (int i = 0; i < b->n_plans; i++)
		json_append(plans, plan(&b->plans[i]));
	json_put(v, "operator", text(j->name));
	json_put(v, "gpu", text(j->place->gpu->name));
	if (j->share)
		json_put(v, "share", json_integer(j->share));
	json_put(v, "target", text(j->place->target->name));
	json_put(v, "general", json_boolean(j->general != NULL));
	json_put(v, "sizes", sizes(j));
	json_put(v, "schedule", text(b->from_lock ? "lock" : "default"));
	json_put(v, "kernels", groups);
	json_put(v, "plans", plans);
	return v;
}

void bought_json(const struct bought *all, int n, struct str *out)
{
	json_t *v = json_array();
	char *dump;

	for (int i = 0; i < n; i++)
		if (!all[i].job->dropped)
			json_append(v, operator(&all[i]));
	dump = json_dumps(v, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	assert(dump);
	str_printf(out, "%s\n", dump);
	free(dump);
	json_decref(v);
}
