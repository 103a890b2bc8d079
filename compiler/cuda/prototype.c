/* SPDX-License-Identifier: MIT */
/* What the host's functions are called and what they take: sizes that are
 * open, inputs, outputs, prepared operands, workspace, a stream. The same
 * lists, without types, are how they call each other. */
#include "cuda/host.h"

#include <string.h>

static bool has_targets(const struct cuda_operator *o)
{
	return o->variants[0].target != o->variants[o->n - 1].target;
}

/* "_sm_90a_h200_share50", as far as that tells variants apart. */
static const char *suffix(struct arena *a, const struct cuda_operator *o,
	const struct cuda_variant *v)
{
	const char *target = has_targets(o) ? arena_printf(a, "_%s",
		v->target->name) : "";
	const char *share = v->share ? arena_printf(a, "_share%d", v->share) :
		"";

	return arena_printf(a, "%s%s%s%s", target, v->gpu ? "_" : "", v->gpu ?
		v->gpu->name : "", share);
}

const char *cuda_kernel_name(struct arena *a, const struct cuda_operator *o,
	const struct cuda_variant *v, const struct p_step *s)
{
	const struct program *p = v->program;
	const char *end = suffix(a, o, v);
	int n = 0, index = 0;

	for (int i = 0; i < p->prepare.n; i++) {
		index = s == &p->prepare.v[i] ? n : index;
		n += p->prepare.v[i].kind == P_LAUNCH;
	}
	for (int i = 0; i < p->steps.n; i++) {
		index = s == &p->steps.v[i] ? n : index;
		n += p->steps.v[i].kind == P_LAUNCH;
	}
	return n == 1 ? arena_printf(a, "%s_kernel%s", p->name, end) :
		arena_printf(a, "%s_kernel_%d%s", p->name, index + 1, end);
}

const char *host_function(struct arena *a, const struct cuda_operator *o,
	const struct cuda_variant *v, const char *role)
{
	return arena_printf(a, "%s_%s%s", v->program->name, role,
		suffix(a, o, v));
}

static void bind_step(struct names *n, const struct cuda_operator *o,
	const struct cuda_variant *v, const struct p_step *s)
{
	if (s->kind == P_LIBRARY)
		names_bind(n, s, library_name(n->a, o, v, s));
	if (s->kind != P_LAUNCH)
		return;
	names_bind(n, s, cuda_kernel_name(n->a, o, v, s));
	for (int i = 0; i < s->kernel->maps.n; i++)
		names_bind(n, &s->kernel->maps.v[i], map_function_name(n->a, o,
			v, s, i));
}

/* A parameter must not hide what is launched or called. */
static void bind_functions(struct names *n, const struct cuda_operator *o,
	const struct cuda_variant *v)
{
	static const char *const roles[] = {
		"launch", "launch_prepare", "launch_if", "launch_needs",
		"launch_keeps"
	};
	const struct program *p = v->program;

	for (int i = 0; i < p->prepare.n; i++)
		bind_step(n, o, v, &p->prepare.v[i]);
	for (int i = 0; i < p->steps.n; i++)
		bind_step(n, o, v, &p->steps.v[i]);
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
		if (o->chooses)
			names_bind(n, roles[i], host_function(n->a, o, v,
				roles[i]));
}

struct names host_names(struct arena *a, const struct cuda_operator *o,
	const struct program *p)
{
	static const char *const own[] = {
		"workspace", "workspace_bytes", "prepared", "prepared_bytes",
		"stream", "config", "cluster", "early", "attributes", "status"
	};
	static const char *const choosing[] = {
		"target", "wpk_target", "gpu", "wpk_gpu", "most", "bytes"
	};
	static const char *const calling[] = {
		"tensors", "memory", "library_run", "library_workspace"
	};
	struct names n = { .a = a, .legal = cuda_name };

	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		names_bind(&n, &own[i], own[i]);
	for (size_t i = 0; o->chooses &&
	     i < sizeof choosing / sizeof *choosing; i++)
		names_bind(&n, &choosing[i], choosing[i]);
	for (size_t i = 0; library_in_operator(o) &&
	     i < sizeof calling / sizeof *calling; i++)
		names_bind(&n, &calling[i], calling[i]);
	for (int i = 0; i < o->n; i++)
		bind_functions(&n, o, &o->variants[i]);
	for (int i = 0; i < p->sizes.n; i++)
		names_bind(&n, p->sizes.v[i].var, p->sizes.v[i].name);
	for (int i = 0; i < p->tensors.n; i++)
		names_bind(&n, &p->tensors.v[i], p->tensors.v[i].name);
	for (int i = 0; i < p->lets.n; i++)
		names_bind(&n, p->lets.v[i].var, p->lets.v[i].var->name);
	return n;
}

const struct p_step *host_file(const struct program *p)
{
	return p->steps.n && p->steps.v[0].kind == P_FILE ? &p->steps.v[0] :
		NULL;
}

bool host_asks(const struct cuda_operator *o)
{
	for (int i = 0; i < o->n; i++)
		if (host_file(o->variants[i].program) ||
		    host_calls_library(o->variants[i].program))
			return true;
	return false;
}

bool host_has_workspace(const struct program *p)
{
	return p->workspace || p->open_workspace || host_file(p) ||
		host_calls_library(p);
}

bool host_has_prepared(const struct program *p)
{
	return p->prepared || p->open_prepared;
}

bool host_prepares(const struct program *p, int tensor)
{
	for (int i = 0; i < p->prepare.n; i++)
		for (int j = 0; j < p->prepare.v[i].n_args; j++)
			if (p->prepare.v[i].args[j] == tensor &&
			    p->tensors.v[tensor].role == P_IN)
				return true;
	return false;
}

/* Inputs and outputs come first and in the same order in every variant. */
bool cuda_prepares(const struct cuda_operator *o, int i)
{
	for (int k = 0; k < o->n; k++)
		if (o->variants[k].program->tensors.v[i].constant)
			return true;
	return false;
}

bool cuda_has_prepared(const struct cuda_operator *o)
{
	for (int i = 0; i < o->face->tensors.n; i++)
		if (o->face->tensors.v[i].role == P_IN && cuda_prepares(o, i))
			return true;
	return false;
}

const char *cuda_argument(struct arena *a, const struct cuda_operator *o,
	int i)
{
	struct names n = host_names(a, o, o->face);

	return names_of(&n, &o->face->tensors.v[i]);
}

/* ---- parameters ---- */

/* Of the operator's functions all that is constant, whatever is done with it;
 * of a variant's what it prepares. */
static bool takes(const struct call *c, int tensor)
{
	if (!c->preparing)
		return true;
	return c->v ? host_prepares(c->v->program, tensor) :
		cuda_prepares(c->o, tensor);
}

static void put_tensors(const struct call *c, const struct names *n,
	const struct program *p, enum p_role role, struct str *out)
{
	for (int i = 0; i < p->tensors.n; i++) {
		const struct p_tensor *t = &p->tensors.v[i];

		if (t->role != role || !takes(c, i))
			continue;
		if (c->typed)
			str_printf(out, "%s%s *", role == P_OUT ? "" :
				"const ", dtype_row(t->type)->c);
		str_printf(out, "%s, ", names_of(n, t));
	}
}

static void put_bytes(const struct call *c, const char *name, bool fixed,
	struct str *out)
{
	if (c->typed)
		str_printf(out, "%svoid *%s, size_t %s_bytes, ",
			fixed ? "const " : "", name, name);
	else
		str_printf(out, "%s, %s_bytes, ", name, name);
}

static void put_sizes(const struct call *c, const struct names *n,
	const struct program *p, struct str *out)
{
	for (int i = 0; i < p->sizes.n; i++)
		str_printf(out, "%s%s, ", c->typed ? "long long " : "",
			names_of(n, p->sizes.v[i].var));
}

/* A variant made for one shape needs no sizes: they are in its text. */
void host_parameters(const struct call *c, struct str *out)
{
	const struct program *own = c->v ? c->v->program : NULL;
	const struct program *p = own && c->typed ? own : c->o->face;
	struct names n = host_names(out->a, c->o, p);

	if (!own || own->general)
		put_sizes(c, &n, p, out);
	put_tensors(c, &n, p, P_IN, out);
	if (!c->preparing)
		put_tensors(c, &n, p, P_OUT, out);
	if (c->preparing || (own ? host_has_prepared(own) :
	    cuda_has_prepared(c->o)))
		put_bytes(c, "prepared", !c->preparing, out);
	if (!c->preparing && (!own || host_has_workspace(own)))
		put_bytes(c, "workspace", false, out);
	str_puts(out, c->typed ? "cudaStream_t stream" : "stream");
}

void cuda_prototype(const struct cuda_operator *o, struct str *out)
{
	struct call c = { .o = o, .typed = true };

	str_printf(out, "cudaError_t %s(", cuda_symbol(out->a, o->name));
	host_parameters(&c, out);
	str_putc(out, ')');
}

void host_prepare_prototype(const struct cuda_operator *o, struct str *out)
{
	struct call c = { .o = o, .typed = true, .preparing = true };

	str_printf(out, "cudaError_t %s_prepare(",
		cuda_symbol(out->a, o->name));
	host_parameters(&c, out);
	str_putc(out, ')');
}

const char *host_size_parameters(struct arena *a,
	const struct cuda_operator *o)
{
	struct names n = host_names(a, o, o->face);
	struct str s;

	str_init(&s, a);
	for (int i = 0; i < o->face->sizes.n; i++)
		str_printf(&s, "%slong long %s", i ? ", " : "",
			names_of(&n, o->face->sizes.v[i].var));
	return o->face->sizes.n ? str_text(&s) : "void";
}
