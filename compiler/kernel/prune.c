/* SPDX-License-Identifier: MIT */
/* Removes what nothing uses: lets, register arrays that nothing reads with all
 * that is written to them, loops and conditions that are left empty. Sketches
 * bind every axis they decode; what the values turn out not to need should not
 * be in the text. */
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

static void use_index(struct used *u, const struct k_place *p)
{
	for (int i = 0; i < p->buffer->rank; i++)
		use_value(u, p->index[i]);
}

static void use_place(struct used *u, const struct k_place *p)
{
	if (!p->buffer)
		return;
	use(u, p->buffer);
	use_index(u, p);
}

/* A write to registers, which alone is no use of them. */
static bool keeps(const struct ks *s)
{
	return (s->kind == KS_STORE || (s->kind == KS_COPY &&
		s->copy == COPY_PLAIN)) && s->dst.buffer->scope == K_REGISTER;
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
	if (keeps(s))
		use_index(u, &s->dst);
	else
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

static bool is_empty(const struct k_block *b)
{
	return !b || !b->s.n;
}

static bool is_idle(const struct used *u, const struct ks *s)
{
	if (s->kind == KS_LET)
		return !is_used(u, s->var);
	if (s->kind == KS_FOR || s->kind == KS_IF)
		return is_empty(s->body) && is_empty(s->orelse);
	return keeps(s) && !is_used(u, s->dst.buffer);
}

static bool drop_idle(const struct used *u, struct k_block *b)
{
	bool dropped = false;
	int n = 0;

	for (int i = 0; i < b->s.n; i++) {
		struct ks *s = &b->s.v[i];

		if (is_idle(u, s)) {
			dropped = true;
			continue;
		}
		for (int j = 0; j < s->n_roles; j++)
			dropped |= drop_idle(u, s->roles[j].body);
		if (s->body)
			dropped |= drop_idle(u, s->body);
		if (s->orelse)
			dropped |= drop_idle(u, s->orelse);
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
	} while (drop_idle(&u, &k->body));
	drop_registers(&u, k);
}
