/* SPDX-License-Identifier: MIT */
/* The sizes that a general program serves: those at which 32 bits hold every
 * number that it computes, none of which the test itself lets overflow. */
#include "kernel/limits.h"

#include <string.h>

enum { ELEMENTS_LIMIT = 1 << 30 };

struct limit {
	struct kx *value;
	const char *key, *text;
	int64_t most;
};

struct limits {
	struct arena *a;
	const struct general_request *r;
	struct fit *fit;
	struct program *out;
	VEC(struct limit) v;
};

static bool multiplies(const struct kx *e)
{
	for (int i = 0; i < e->n_args; i++)
		if (multiplies(e->args[i]))
			return true;
	return e->kind == KX_OP && e->op == OP_MUL;
}

/* Products within "value" come first, with factors that are within limits
 * already, so that the test itself does not overflow. */
static void add_limit(struct limits *l, struct kx *value, int64_t most,
	const char *text)
{
	struct str key;

	for (int i = 0; i < value->n_args; i++)
		if (multiplies(value->args[i]))
			add_limit(l, value->args[i], INT32_MAX, NULL);
	str_init(&key, l->a);
	kx_print(value, &key);
	for (int i = 0; i < l->v.n; i++) {
		struct limit *x = &l->v.v[i];

		if (strcmp(x->key, str_text(&key)))
			continue;
		x->most = x->most < most ? x->most : most;
		x->text = x->text ? x->text : text;
		return;
	}
	vec_push(l->a, &l->v, (struct limit){ value, str_text(&key), text,
		most });
}

static void limit_sizes(struct limits *l)
{
	const struct general_request *r = l->r;

	for (int i = 0; i < r->n_sizes; i++)
		add_limit(l, kx_var(l->a, r->sizes[i].var), INT32_MAX, NULL);
	for (int i = 0; i < r->n_lets; i++)
		add_limit(l, kx_var(l->a, r->lets[i].var), INT32_MAX, NULL);
}

/* Offsets stay within 32 bits also where a tile reaches past the end. */
static void limit_elements(struct limits *l)
{
	const struct program *p = l->out;

	for (int i = 0; i < p->tensors.n; i++)
		if (p->tensors.v[i].open_elements)
			add_limit(l, p->tensors.v[i].open_elements,
				ELEMENTS_LIMIT, arena_printf(l->a,
				"%s has at most 2^30 elements",
				p->tensors.v[i].name));
}

static void limit_atoms(struct limits *l)
{
	struct fit *f = l->fit;

	for (int i = 0; i < fit_atoms(f); i++) {
		const struct fit_atom *t = fit_atom(f, i);

		if (t->used)
			add_limit(l, t->value, (INT32_MAX - t->offset) /
				(t->scale ? t->scale : 1), NULL);
	}
}

static void limit_grids(struct limits *l, const struct p_step *s, int n)
{
	for (int i = 0; i < n; i++)
		for (int d = 0; d < 3; d++)
			if (s[i].open_grid[d])
				add_limit(l, s[i].open_grid[d], d ? 65535 :
					INT32_MAX, NULL);
}

/* What 32 bits ask for. */
static void put_limits(struct limits *l)
{
	struct program *p = l->out;

	limit_sizes(l);
	limit_elements(l);
	limit_atoms(l);
	limit_grids(l, p->prepare.v, p->prepare.n);
	limit_grids(l, p->steps.v, p->steps.n);
	for (int i = 0; i < l->v.n; i++) {
		struct kx *most = kx_cast(l->a, T_I64, kx_int(l->a,
			l->v.v[i].most));

		vec_push(l->a, &p->conditions, (struct p_condition){
			kx_op(l->a, OP_LE, T_BOOL, 2, l->v.v[i].value, most),
			l->v.v[i].text });
	}
}

void limits_add(struct arena *a, const struct general_request *r,
	struct fit *fit, struct program *p)
{
	struct limits l = { .a = a, .r = r, .fit = fit, .out = p };
	int first = r->n_sizes + r->n_lets;

	p->conditions.n = 0;
	for (int i = 0; i < first; i++)
		vec_push(a, &p->conditions, r->conditions[i]);
	put_limits(&l);
	for (int i = first; i < r->n_conditions; i++)
		vec_push(a, &p->conditions, r->conditions[i]);
}
