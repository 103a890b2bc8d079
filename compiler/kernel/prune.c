/* SPDX-License-Identifier: MIT */
/* Removes what nothing uses: lets, and register arrays without a reader or
 * writer. Sketches bind every axis they decode; what the values turn out not
 * to need should not be in the text. */
#include "kernel/kernel.h"

/* A set of pointers, small enough to search. */
struct used {
	struct arena *a;
	VEC(const void *) seen;
};

static bool is_used(const struct used *u, const void *p)
{
	for (int i = 0; i < u->seen.n; i++)
		if (u->seen.v[i] == p)
			return true;
	return false;
}

static void use(struct used *u, const void *p)
{
	if (p && !is_used(u, p))
		vec_push(u->a, &u->seen, p);
}

static void use_value(struct used *u, const struct kx *e)
{
	if (!e)
		return;
	use(u, e->var);
	use(u, e->buffer);
	for (int i = 0; i < e->n_args; i++)
		use_value(u, e->args[i]);
}

static void use_place(struct used *u, const struct k_place *p)
{
	if (!p->buffer)
		return;
	use(u, p->buffer);
	for (int i = 0; i < p->buffer->rank; i++)
		use_value(u, p->index[i]);
}

static void use_block(struct used *u, const struct k_block *b);

static void use_statement(struct used *u, const struct ks *s)
{
	if (s->kind != KS_LET && s->kind != KS_FOR)
		use(u, s->var);
	use_value(u, s->value);
	use_value(u, s->lo);
	use_value(u, s->hi);
	use_value(u, s->step);
	use_value(u, s->cond);
	use_place(u, &s->dst);
	use_place(u, &s->src);
	use_place(u, &s->mbar);
	use_place(u, &s->acc);
	use_place(u, &s->left);
	use_place(u, &s->right);
	for (int i = 0; i < s->n_args; i++)
		use_value(u, s->args[i]);
	for (int i = 0; i < s->n_roles; i++)
		use_block(u, s->roles[i].body);
	if (s->body)
		use_block(u, s->body);
	if (s->orelse)
		use_block(u, s->orelse);
}

static void use_block(struct used *u, const struct k_block *b)
{
	for (int i = 0; i < b->s.n; i++)
		use_statement(u, &b->s.v[i]);
}

static bool drop_lets(const struct used *u, struct k_block *b)
{
	bool dropped = false;
	int n = 0;

	for (int i = 0; i < b->s.n; i++) {
		struct ks *s = &b->s.v[i];

		if (s->kind == KS_LET && !is_used(u, s->var)) {
			dropped = true;
			continue;
		}
		for (int j = 0; j < s->n_roles; j++)
			dropped |= drop_lets(u, s->roles[j].body);
		if (s->body)
			dropped |= drop_lets(u, s->body);
		if (s->orelse)
			dropped |= drop_lets(u, s->orelse);
		b->s.v[n++] = *s;
	}
	b->s.n = n;
	return dropped;
}

static void drop_registers(const struct used *u, struct kernel *k)
{
	int n = 0;

	for (int i = 0; i < k->registers.n; i++)
		if (is_used(u, k->registers.v[i]))
			k->registers.v[n++] = k->registers.v[i];
	k->registers.n = n;
}

void kernel_prune(struct arena *a, struct kernel *k)
{
	struct used u = { .a = a };

	do {
		u.seen.n = 0;
		use_block(&u, &k->body);
	} while (drop_lets(&u, &k->body));
	drop_registers(&u, k);
}
