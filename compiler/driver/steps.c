/* SPDX-License-Identifier: MIT */
/* One form of steps for all. Numbers come from who asks: what they are at given
 * sizes, or expressions over open ones. */
#include "driver/steps.h"

#include "driver/json.h"

/* A tensor by its place among the launcher's, other memory by its offset. */
static json_t *place(const struct steps_writer *w, int tensor)
{
	const struct program *p = w->v->program;
	const struct p_tensor *t = &p->tensors.v[tensor];
	json_t *v = json_object();
	int n = 0;

	for (int i = 0; i < tensor; i++)
		n += p->tensors.v[i].role == P_IN ||
			p->tensors.v[i].role == P_OUT;
	if (t->role == P_IN || t->role == P_OUT)
		json_put(v, "tensor", json_integer(n));
	else
		json_put(v, t->role == P_WORKSPACE ? "workspace" : "prepared",
			w->number(w, t->open_offset, t->offset));
	return v;
}

static json_t *scalar(const struct steps_writer *w, const struct p_step *s,
	int i)
{
	json_t *v = json_object();

	json_put(v, dtype_row(s->kernel->scalars.v[i]->type)->bits == 64 ?
		"i64" : "i32", w->number(w, s->open_scalars ?
		s->open_scalars[i] : NULL, s->scalar_args[i]));
	return v;
}

static json_t *args(const struct steps_writer *w, const struct p_step *s)
{
	json_t *v = json_array();

	for (int i = 0; i < s->n_args; i++)
		json_append(v, place(w, s->args[i]));
	for (int i = 0; i < s->n_scalars; i++)
		json_append(v, scalar(w, s, i));
	for (int i = 0; i < s->kernel->maps.n; i++) {
		const struct k_map *m = s->kernel->maps.v[i];
		json_t *x = place(w, p_map_tensor(s, m));

		json_put(x, "map", json_map(m));
		json_append(v, x);
	}
	return v;
}

static json_t *cluster(const struct kernel *k)
{
	int n = k->cluster > 1 ? k->cluster : 1;

	return json_pack("[iii]", k->cluster_y ? 1 : n, k->cluster_y ? n : 1,
		1);
}

static json_t *launch(const struct steps_writer *w, const struct p_step *s)
{
	json_t *v = json_object(), *grid = json_array();

	for (int i = 0; i < 3; i++)
		json_append(grid, w->number(w, s->open_grid[i], s->grid[i]));
	json_put(v, "kernel", json_string(cuda_kernel_name(w->a, w->o, w->v,
		s)));
	json_put(v, "grid", grid);
	json_put(v, "threads", json_integer(s->kernel->threads));
	json_put(v, "cluster", cluster(s->kernel));
	if (s->early)
		json_put(v, "early", json_true());
	json_put(v, "shared", json_integer(s->kernel->shared_bytes));
	json_put(v, "args", args(w, s));
	return v;
}

static json_t *times(const struct steps_writer *w, const struct kx *n,
	int64_t fixed, int64_t each)
{
	struct kx *open = n ? kx_mul(w->a, (struct kx *)n, kx_cast(w->a, T_I64,
		kx_int(w->a, each))) : NULL;

	return w->number(w, open, fixed * each);
}

static json_t *clear(const struct steps_writer *w, const struct p_step *s)
{
	const struct p_tensor *t = &w->v->program->tensors.v[s->tensor];
	json_t *v = json_object();

	json_put(v, "clear", w->number(w, t->open_offset, t->offset));
	json_put(v, "bytes", times(w, t->open_elements, t->elements,
		(dtype_row(t->type)->bits + 7) / 8));
	return v;
}

/* Its text is JSON as it is. */
static json_t *library(const struct steps_writer *w, const struct p_step *s)
{
	struct str text;
	json_t *v;

	str_init(&text, w->a);
	call_print(w->v->program, s->call, &text);
	v = json_loads(str_text(&text), 0, NULL);
	assert(v);
	return v;
}

json_t *steps_json(const struct steps_writer *w, const struct p_step *s)
{
	return s->kind == P_LAUNCH ? launch(w, s) : s->kind == P_CLEAR ?
		clear(w, s) : s->kind == P_LIBRARY ? library(w, s) :
		json_pack("{so}", "file", json_text(w->a, s->file));
}
