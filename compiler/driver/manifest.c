/* SPDX-License-Identifier: MIT */
/* --emit=manifest: what the CUDA holds, for programs: a build that checks what
 * it links, a loader that calls kernels itself, a report. Keys stand in the
 * order in which they are made; numbers that depend on open sizes are strings,
 * expressions of C over the names in "sizes" and "lets". */
#include "driver/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "driver/json.h"
#include "driver/steps.h"
#include "driver/version.h"

enum { SCHEMA = 3 };

struct manifest {
	const struct session *s;
	struct arena *a;
	const struct cuda_unit *u;
	const struct cuda_operator *o;
};

static json_t *text(const struct manifest *m, const char *s)
{
	return json_text(m->a, s);
}

static json_t *number(const struct manifest *m, const struct program *p,
	const struct kx *open, int64_t fixed)
{
	return open ? json_string(cuda_number(m->a, m->o, p, open)) :
		json_integer(fixed);
}

static json_t *hash(const struct manifest *m, uint64_t h)
{
	return json_string(arena_printf(m->a, "%016llx",
		(unsigned long long)h));
}

/* ---- the operator ---- */

static const struct job *job_of(const struct manifest *m,
	const struct program *p)
{
	const struct session *s = m->s;
	const struct job *j = s->others;

	for (int i = 0; i < s->n_jobs; i++)
		if (s->jobs[i].program == p)
			return &s->jobs[i];
	while (j->program != p)
		j++;
	return j;
}

static json_t *tensor(const struct manifest *m, int i)
{
	const struct program *p = m->o->face;
	const struct p_tensor *x = &p->tensors.v[i];
	json_t *v = json_object();

	json_put(v, "name", text(m, x->name));
	json_put(v, "argument", text(m, cuda_argument(m->a, m->o, i)));
	json_put(v, "role", text(m, x->role == P_IN ? "in" : "out"));
	json_put(v, "dtype", text(m, dtype_row(x->type)->name));
	json_put(v, "c_type", text(m, dtype_row(x->type)->c));
	json_put(v, "shape", text(m, x->shape));
	json_put(v, "align", json_integer(x->align));
	json_put(v, "constant", json_boolean(x->role == P_IN &&
		cuda_prepares(m->o, i)));
	return v;
}

static json_t *tensors(const struct manifest *m)
{
	const struct program *p = m->o->face;
	json_t *v = json_array();

	for (int i = 0; i < p->tensors.n; i++)
		if (p->tensors.v[i].role == P_IN ||
		    p->tensors.v[i].role == P_OUT)
			json_append(v, tensor(m, i));
	return v;
}

static json_t *size_names(const struct manifest *m,
	const struct program *p)
{
	json_t *v = json_array();

	for (int i = 0; i < p->sizes.n; i++)
		json_append(v, text(m, p->sizes.v[i].name));
	return v;
}

/* As expressions name them. */
static json_t *size_arguments(const struct manifest *m,
	const struct program *p)
{
	json_t *v = json_array();

	for (int i = 0; i < p->sizes.n; i++)
		json_append(v, text(m, cuda_variable(m->a, m->o, p,
			p->sizes.v[i].var)));
	return v;
}

static json_t *conditions(const struct manifest *m, const struct program *p)
{
	json_t *v = json_array();

	for (int i = 0; i < p->conditions.n && p->general; i++)
		json_append(v, number(m, p,
			p->conditions.v[i].holds, 1));
	return v;
}

/* ---- variants ---- */

static json_t *tunables(const struct manifest *m, const struct choice *c)
{
	const struct space *sp = c->candidate->space;
	int *values = ARENA_ARRAY(m->a, (size_t)sp->n_tunables + 1, int);
	json_t *v = json_object();
	const char *why;

	if (!space_tunables(m->a, sp, c->genes, values, &why))
		return v;
	for (int i = 0; i < sp->n_tunables; i++) {
		const struct tunable *t = &sp->tunables[i];

		json_put(v, t->name, t->words ? text(m, t->words[values[i]]) :
			json_integer(values[i]));
	}
	return v;
}

static json_t *computed(const struct manifest *m, const struct job *j,
	const struct ir_group *g)
{
	json_t *v = json_array();

	for (int i = 0; i < g->n_stmts; i++)
		json_append(v, text(m, j->op->tensors[
			j->op->stmts[g->stmts[i]].tensor].name));
	return v;
}

static json_t *groups(const struct manifest *m, const struct job *j)
{
	json_t *all = json_array();

	for (int g = 0; g < j->partition->n_groups; g++) {
		const struct choice *c = &j->parts[g].choice;
		json_t *v = json_object();

		json_put(v, "computes", computed(m, j, &j->partition->groups[g]));
		json_put(v, "sketch", text(m, c->candidate->sketch->name));
		json_put(v, "tunables", tunables(m, c));
		json_put(v, "seconds", json_real(c->seconds));
		json_put(v, "measured", text(m, c->measured));
		json_put(v, "verified", text(m, c->verified));
		json_append(all, v);
	}
	return all;
}

static json_t *step_number(const struct steps_writer *w,
	const struct kx *open, int64_t fixed)
{
	return number(w->ctx, w->v->program, open, fixed);
}

static json_t *steps(const struct manifest *m, const struct cuda_variant *w,
	const struct p_step *s, int n)
{
	const struct steps_writer writer = { m->a, m->o, w, step_number, m };
	json_t *v = json_array();

	for (int i = 0; i < n; i++)
		json_append(v, steps_json(&writer, &s[i]));
	return v;
}

/* Tensors between steps: where in the workspace or among what is prepared. */
static json_t *places(const struct manifest *m, const struct program *p,
	enum p_role role)
{
	json_t *v = json_array();

	for (int i = 0; i < p->tensors.n; i++) {
		const struct p_tensor *t = &p->tensors.v[i];

		if (t->role == role)
			json_append(v, json_pack("{ss ss so so}",
				"name", t->name, "dtype",
				dtype_row(t->type)->name, "elements",
				number(m, p, t->open_elements, t->elements),
				"offset", number(m, p, t->open_offset,
				t->offset)));
	}
	return v;
}

/* Later ones may use earlier ones. */
static json_t *lets(const struct manifest *m, const struct program *p)
{
	json_t *v = json_array();

	for (int i = 0; i < p->lets.n; i++)
		json_append(v, json_pack("{so so}", "name", text(m,
			cuda_variable(m->a, m->o, p, p->lets.v[i].var)),
			"value", number(m, p, p->lets.v[i].value, 0)));
	return v;
}

/* How the operator's tensors lie in memory, outermost dimension first; null
 * where no expression over the sizes tells. */
static json_t *geometry(const struct manifest *m, const struct program *p,
	const struct p_tensor *t)
{
	const struct p_extents *x = t->extents;
	json_t *v = json_object(), *dims = json_array(), *layout = json_array();

	for (int i = 0; i < x->rank; i++)
		json_append(dims, number(m, p, x->open_dims[i], x->dims[i]));
	for (int i = 0; i < x->n_phys; i++) {
		const struct p_phys *d = &x->phys[i];

		json_append(layout, json_pack("{si sI sI so so}", "dim",
			d->dim, "div", (json_int_t)d->div, "mod",
			(json_int_t)d->mod, "extent", number(m, p,
			d->open_extent, d->extent), "stride", number(m, p,
			d->open_stride, d->stride)));
	}
	json_put(v, "dims", dims);
	json_put(v, "layout", layout);
	json_put(v, "elements", number(m, p, t->open_elements, t->elements));
	return v;
}

static json_t *geometries(const struct manifest *m, const struct program *p)
{
	json_t *v = json_array();

	for (int i = 0; i < p->tensors.n; i++) {
		const struct p_tensor *t = &p->tensors.v[i];

		if (t->role == P_IN || t->role == P_OUT)
			json_append(v, t->extents ? geometry(m, p, t) :
				json_null());
	}
	return v;
}

/* Outputs and the inputs in whose memory they may lie, by places among the
 * launcher's tensors. */
static json_t *in_place(const struct program *p)
{
	json_t *v = json_array();
	int n = 0, in;

	for (int i = 0; i < p->tensors.n; i++) {
		const struct p_tensor *t = &p->tensors.v[i];

		if (t->role != P_IN && t->role != P_OUT)
			continue;
		for (in = 0; t->over && strcmp(p->tensors.v[in].name,
		     t->over) != 0; in++)
			;
		if (t->over)
			json_append(v, json_pack("{si si}", "output", n,
				"input", in));
		n++;
	}
	return v;
}

static bool is_open(const struct program *p, const char *name)
{
	for (int i = 0; i < p->sizes.n && p->general; i++)
		if (!strcmp(p->sizes.v[i].name, name))
			return true;
	return false;
}

/* Sizes and integer attributes that the kernels were made for. */
static json_t *values(const struct job *j, const struct program *p)
{
	json_t *v = json_object();

	for (int i = 0; i < j->reference->n_sizes; i++)
		if (!is_open(p, j->reference->sizes[i].name))
			json_put(v, j->reference->sizes[i].name,
				json_integer(j->reference->sizes[i].value));
	return v;
}

static json_t *variant(const struct manifest *m, const struct cuda_variant *w)
{
	const struct program *p = w->program;
	const struct job *j = job_of(m, p);
	json_t *v = json_object(), *pairs = in_place(p);

	json_put(v, "target", text(m, w->target->name));
	json_put(v, "gpu", text(m, w->gpu ? w->gpu->name : NULL));
	json_put(v, "tuned", text(m, j->place->gpu ?
		j->place->gpu->name : NULL));
	if (j->share)
		json_put(v, "share", json_integer(j->share));
	json_put(v, "general", json_boolean(p->general));
	json_put(v, "sizes", values(j, p));
	json_put(v, "conditions", conditions(m, p));
	json_put(v, "lets", lets(m, p));
	json_put(v, "tensors", geometries(m, p));
	if (json_array_size(pairs))
		json_put(v, "in_place", json_incref(pairs));
	json_decref(pairs);
	json_put(v, "hash", hash(m, j->hash));
	json_put(v, "groups", groups(m, j));
	json_put(v, "workspace", p->steps.n && p->steps.v[0].kind == P_FILE ?
		json_string(arena_printf(m->a, "%s_workspace()",
			cuda_symbol(m->a, m->o->name))) :
		number(m, p, p->open_workspace, p->workspace));
	json_put(v, "workspace_tensors", places(m, p, P_WORKSPACE));
	json_put(v, "prepared", number(m, p, p->open_prepared, p->prepared));
	json_put(v, "prepared_tensors", places(m, p, P_PREPARED));
	json_put(v, "prepare", steps(m, w, p->prepare.v, p->prepare.n));
	json_put(v, "steps", steps(m, w, p->steps.v, p->steps.n));
	return v;
}

static json_t *operator(const struct manifest *m)
{
	const struct cuda_operator *o = m->o;
	json_t *v = json_object(), *variants = json_array();
	struct str prototype;

	str_init(&prototype, m->a);
	cuda_prototype(o, &prototype);
	for (int i = 0; i < o->n; i++)
		json_append(variants, variant(m, &o->variants[i]));
	json_put(v, "name", text(m, o->name));
	json_put(v, "symbol", text(m, cuda_symbol(m->a, o->name)));
	json_put(v, "prototype", text(m, str_text(&prototype)));
	json_put(v, "operator", text(m, job_of(m, o->face)->reference->source));
	json_put(v, "sizes", size_names(m, o->face));
	json_put(v, "arguments", size_arguments(m, o->face));
	json_put(v, "tensors", tensors(m));
	json_put(v, "variants", variants);
	return v;
}

/* ---- all ---- */

static json_t *target_names(const struct manifest *m)
{
	json_t *v = json_array();

	for (int i = 0; i < m->u->n_targets; i++)
		json_append(v, text(m, m->u->targets[i]->name));
	return v;
}

static json_t *modules_json(const struct manifest *m,
	const module_list *modules)
{
	json_t *v = json_array();

	for (int i = 0; i < modules->n; i++)
		json_append(v, json_pack("{so so}", "file", text(m,
			modules->v[i].file), "arch", text(m,
			modules->v[i].arch)));
	return v;
}

void manifest_print(const struct session *s, const struct cuda_unit *u,
	const module_list *modules, struct str *out)
{
	struct manifest m = { .s = s, .a = out->a, .u = u };
	const struct source *src = s->unit->src;
	json_t *all = json_object(), *operators = json_array();
	char *dump;

	for (int i = 0; i < u->n; i++) {
		m.o = &u->operators[i];
		json_append(operators, operator(&m));
	}
	json_put(all, "schema", json_integer(SCHEMA));
	json_put(all, "wpkc", text(&m, WPK_VERSION));
	json_put(all, "source", text(&m, u->source));
	json_put(all, "source_hash", hash(&m, str_hash(src->text, src->len)));
	json_put(all, "targets", target_names(&m));
	if (modules)
		json_put(all, "modules", modules_json(&m, modules));
	json_put(all, "operators", operators);
	dump = json_dumps(all, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	assert(dump);
	str_printf(out, "%s\n", dump);
	free(dump);
	json_decref(all);
}
