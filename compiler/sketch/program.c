/* SPDX-License-Identifier: MIT */
/* From an operator to the program that sketches append their steps to: its
 * tensors are the operator's inputs and outputs, in order and by their names,
 * then the lets that cross groups as workspace. Kernels and their parameters
 * are named here, so that every sketch names them alike. */
#include "sketch/sketch.h"

#include <assert.h>
#include <string.h>

enum { WORKSPACE_ALIGN = 256, WIDE_FROM = INT32_MAX };

static bool row_major(const struct ir_tensor *t)
{
	for (int i = 0; i < t->n_phys; i++)
		if (t->phys[i].dim != i || t->phys[i].div > 1 ||
		    t->phys[i].mod)
			return false;
	return true;
}

static void put_layout(struct str *s, const struct ir_tensor *t)
{
	str_puts(s, ", layout(");
	for (int i = 0; i < t->n_phys; i++) {
		const struct ir_phys *p = &t->phys[i];

		str_printf(s, "%s%d", i ? ", " : "", p->dim);
		if (p->div > 1)
			str_printf(s, "/%lld", (long long)p->div);
		if (p->mod)
			str_printf(s, "%%%lld", (long long)p->mod);
	}
	str_putc(s, ')');
}

static const char *shape_text(struct arena *a, const struct ir_tensor *t)
{
	struct str s;

	str_init(&s, a);
	str_putc(&s, '[');
	for (int i = 0; i < t->rank; i++)
		str_printf(&s, "%s%lld", i ? ", " : "",
			(long long)t->dims[i]);
	str_putc(&s, ']');
	if (!row_major(t))
		put_layout(&s, t);
	return str_text(&s);
}

static struct p_extents *extents_of(struct arena *a,
	const struct ir_tensor *t)
{
	struct p_extents *x = ARENA_NEW(a, struct p_extents);

	x->rank = t->rank;
	x->dims = t->dims;
	x->open_dims = ARENA_ARRAY(a, (size_t)t->rank + 1, struct kx *);
	x->n_phys = t->n_phys;
	x->phys = ARENA_ARRAY(a, (size_t)t->n_phys + 1, struct p_phys);
	for (int i = 0; i < t->n_phys; i++)
		x->phys[i] = (struct p_phys){ .dim = t->phys[i].dim,
			.div = t->phys[i].div ? t->phys[i].div : 1,
			.mod = t->phys[i].mod, .extent = t->phys[i].extent,
			.stride = t->phys[i].stride };
	return x;
}

static void add_tensor(struct arena *a, struct program *p,
	const struct ir_tensor *t, enum p_role role)
{
	bool inner = role == P_WORKSPACE || role == P_PREPARED;
	struct p_tensor x = {
		.name = t->name, .role = role, .type = t->type,
		.elements = t->elements, .shape = shape_text(a, t),
		.constant = t->constant && role == P_IN, .over = t->over,
		.align = inner ? WORKSPACE_ALIGN : t->align,
		.extents = inner ? NULL : extents_of(a, t),
	};

	vec_push(a, &p->tensors, x);
}

static bool crosses(const struct ir_operator *o, const struct ir_partition *p,
	int tensor)
{
	for (int g = 0; g < p->n_groups; g++)
		if (!ir_group_writes(o, &p->groups[g], tensor) &&
		    ir_group_reads(o, &p->groups[g], tensor))
			return true;
	return false;
}

static const char *summary(struct arena *a, const struct ir_operator *o)
{
	struct str s;

	str_init(&s, a);
	str_printf(&s, "%s(", o->source ? o->source : o->name);
	for (int i = 0; i < o->n_inputs; i++)
		str_printf(&s, "%s%s", i ? ", " : "", o->tensors[i].name);
	str_puts(&s, ") -> (");
	for (int i = 0; i < o->n_outputs; i++)
		str_printf(&s, "%s%s", i ? ", " : "",
			o->tensors[o->n_inputs + i].name);
	str_putc(&s, ')');
	return str_text(&s);
}

struct program *program_of(struct arena *a, const struct ir_operator *o,
	const struct ir_partition *p, int **map)
{
	struct program *prog = program_create(a, o->name);

	*map = ARENA_ARRAY(a, (size_t)o->n_tensors, int);
	for (int i = 0; i < o->n_tensors; i++) {
		const struct ir_tensor *t = &o->tensors[i];

		(*map)[i] = -1;
		if (t->role == IR_LET && !crosses(o, p, i))
			continue;
		(*map)[i] = prog->tensors.n;
		add_tensor(a, prog, t, t->role == IR_IN ? P_IN :
			t->role == IR_OUT ? P_OUT : t->constant ?
			P_PREPARED : P_WORKSPACE);
	}
	prog->summary = summary(a, o);
	return prog;
}

int program_tensor(const struct program *p, const char *name)
{
	for (int i = 0; i < p->tensors.n; i++)
		if (!strcmp(p->tensors.v[i].name, name))
			return i;
	return -1;
}

static int add_room(struct arena *a, struct program *p, enum p_role role,
	const char *name, enum dtype type, int64_t elements)
{
	struct p_tensor x = {
		.name = name, .role = role, .type = type,
		.elements = elements, .align = WORKSPACE_ALIGN,
		.shape = arena_printf(a, "[%lld]", (long long)elements),
	};

	for (int i = 2; program_tensor(p, x.name) >= 0; i++)
		x.name = arena_printf(a, "%s_%d", name, i);
	vec_push(a, &p->tensors, x);
	return p->tensors.n - 1;
}

int program_workspace(struct arena *a, struct program *p, const char *name,
	enum dtype type, int64_t elements)
{
	return add_room(a, p, P_WORKSPACE, name, type, elements);
}

int program_prepared(struct arena *a, struct program *p, const char *name,
	enum dtype type, int64_t elements)
{
	return add_room(a, p, P_PREPARED, name, type, elements);
}

void program_build(const struct sketch *s, const struct task *t,
	struct arena *a, const int *values, struct program *p)
{
	bool once = ir_prepares(t->op, t->group);

	if (once)
		program_prepare(p);
	s->build(t, a, values, p);
	if (once)
		program_prepare(p);
}

const char *program_kernel_name(struct arena *a, const struct program *p,
	bool several)
{
	if (p->preparing)
		return arena_printf(a, "%s_prepare_kernel_%d", p->name,
			p->steps.n);
	if (!several)
		return arena_printf(a, "%s_kernel", p->name);
	return arena_printf(a, "%s_kernel_%d", p->name, p->steps.n);
}

struct k_buffer *program_bind_at(struct arena *a, const struct program *p,
	struct p_step *step, struct kernel *k, int tensor, bool written)
{
	const struct p_tensor *x = &p->tensors.v[tensor];
	int *args = ARENA_ARRAY(a, (size_t)step->n_args + 1, int);

	assert(tensor >= 0);
	if (step->n_args)
		memcpy(args, step->args, (size_t)step->n_args * sizeof *args);
	args[step->n_args++] = tensor;
	step->args = args;
	return kernel_global(k, x->name, x->type, x->align, written,
		x->elements > WIDE_FROM);
}

struct k_buffer *program_bind(struct arena *a, const struct program *p,
	struct p_step *step, struct kernel *k, const struct ir_tensor *t,
	bool written)
{
	return program_bind_at(a, p, step, k, program_tensor(p, t->name),
		written);
}
