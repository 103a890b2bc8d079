/* SPDX-License-Identifier: MIT */
/* Which values are the same in all threads of a warp, a block, a cluster: a
 * forward analysis that ignores order, repeated until nothing changes; levels
 * only rise, so it ends. What it calls uniform is; what it calls divergent may
 * not be. */
#include "kernel/uniform.h"

#include <stdint.h>

#include "kernel/intrin.h"

struct entry {
	const struct k_var *var;
	enum level level;
};

/* Open addressing over a table of a power of two. */
struct uniform {
	const struct kernel *k;
	struct entry *table;
	size_t size;
	bool changed;
};

static struct entry *find(const struct uniform *u, const struct k_var *v)
{
	size_t i = ((uintptr_t)v >> 4) * 0x9e3779b97f4a7c15u >> 20;

	for (i &= u->size - 1; u->table[i].var && u->table[i].var != v;)
		i = (i + 1) & (u->size - 1);
	return &u->table[i];
}

static enum level highest(enum level x, enum level y)
{
	return x > y ? x : y;
}

static void raise(struct uniform *u, const struct k_var *v, enum level level)
{
	struct entry *e = find(u, v);

	u->changed |= !e->var || level > e->level;
	e->level = highest(e->var ? e->level : LEVEL_CLUSTER, level);
	e->var = v;
}

/* ---- expressions ---- */

static enum level level_of(const struct uniform *u, const struct kx *e);

static enum level of_all(const struct uniform *u, struct kx *const *v, int n)
{
	enum level l = LEVEL_CLUSTER;

	for (int i = 0; i < n; i++)
		l = highest(l, level_of(u, v[i]));
	return l;
}

static enum level of_special(const struct uniform *u, enum k_special s)
{
	bool alone = u->k->cluster <= 1, along_y = u->k->cluster_y;

	switch (s) {
	case K_THREAD_X:
	case K_LANE: return LEVEL_THREAD;
	case K_WARP: return LEVEL_WARP;
	case K_BLOCK_X: return alone || along_y ? LEVEL_CLUSTER : LEVEL_BLOCK;
	case K_BLOCK_Y: return alone || !along_y ? LEVEL_CLUSTER : LEVEL_BLOCK;
	case K_CLUSTER_RANK: return alone ? LEVEL_CLUSTER : LEVEL_BLOCK;
	default: return LEVEL_CLUSTER;
	}
}

static bool is_special(const struct kx *e, enum k_special s)
{
	return e->kind == KX_SPECIAL && e->special == s;
}

/* thread.x / 32 and thread.x < 64 are the same in a warp, block.x / 2 is in
 * a cluster of 2. */
static enum level of_op(const struct uniform *u, const struct kx *e)
{
	enum level l = of_all(u, e->args, e->n_args);
	const struct kx *x = e->args[0];
	int64_t k;

	if (e->n_args != 2 || !kx_is_int(e->args[1], &k) || k <= 0)
		return l;
	if (is_special(x, K_THREAD_X) && e->op == OP_DIV &&
	    k >= u->k->threads)
		return LEVEL_CLUSTER;
	if (is_special(x, K_THREAD_X) && k % 32 == 0 &&
	    (e->op == OP_DIV || e->op == OP_LT))
		return LEVEL_WARP;
	if (is_special(x, K_BLOCK_X) && e->op == OP_DIV &&
	    k % u->k->cluster == 0)
		return LEVEL_CLUSTER;
	return l;
}

static enum level of_load(const struct uniform *u, const struct kx *e)
{
	enum level l = of_all(u, e->args, e->n_args);

	if (e->buffer->scope == K_SHARED)
		return highest(l, LEVEL_BLOCK);
	if (e->buffer->scope == K_GLOBAL && !e->buffer->written)
		return l;
	return LEVEL_THREAD;
}

static enum level of_call(const struct uniform *u, const struct kx *e)
{
	enum level l = of_all(u, e->args, e->n_args);

	switch (e->call) {
	case INTRIN_BALLOT:
	case INTRIN_ANY:
	case INTRIN_ALL:
		return LEVEL_WARP;
	case INTRIN_SHUFFLE:
		return highest(LEVEL_WARP, level_of(u, e->args[1]));
	case INTRIN_CLUSTER_RANK:
		return of_special(u, K_CLUSTER_RANK);
	default:
		return intrin_row(e->call)->effect == EFFECT_PURE ? l :
			LEVEL_THREAD;
	}
}

static enum level level_of(const struct uniform *u, const struct kx *e)
{
	switch (e->kind) {
	case KX_INT:
	case KX_FLOAT:
	case KX_MAP: return LEVEL_CLUSTER;
	case KX_VAR: return find(u, e->var)->level;
	case KX_SPECIAL: return of_special(u, e->special);
	case KX_LOAD: return of_load(u, e);
	case KX_OP: return of_op(u, e);
	case KX_CALL: return of_call(u, e);
	case KX_CAST:
	case KX_BITS: return of_all(u, e->args, e->n_args);
	case KX_ADDRESS: return of_all(u, e->args, e->n_args);
	}
	return LEVEL_THREAD;
}

/* ---- loops ---- */

/* Is the distance a constant multiple of "of"? */
static bool multiple(const struct ks *s, int64_t of)
{
	int64_t lo, hi;

	return kx_is_int(s->lo, &lo) && kx_is_int(s->hi, &hi) &&
		(hi - lo) % of == 0;
}

static enum level trips(const struct uniform *u, const struct ks *s)
{
	enum level l = highest(level_of(u, s->lo),
		level_of(u, s->hi));

	switch (s->loop) {
	case LOOP_THREADS:
		return multiple(s, u->k->threads) ? l :
			highest(l, multiple(s, 32) ? LEVEL_WARP :
			LEVEL_THREAD);
	case LOOP_TILES:
		return multiple(s, u->k->cluster) ? l :
			highest(l, LEVEL_BLOCK);
	default:
		return highest(l, level_of(u, s->step));
	}
}

static enum level loop_variable(const struct uniform *u, const struct ks *s)
{
	enum level l = level_of(u, s->lo);

	if (s->loop == LOOP_THREADS)
		return LEVEL_THREAD;
	if (s->loop == LOOP_TILES)
		return highest(l, of_special(u, K_BLOCK_X));
	return highest(l, level_of(u, s->step));
}

enum level uniform_control(const struct uniform *u, const struct ks *s)
{
	if (s->kind == KS_FOR)
		return trips(u, s);
	if (s->kind == KS_IF)
		return level_of(u, s->cond);
	return s->kind == KS_ROLES ? LEVEL_WARP : LEVEL_CLUSTER;
}

/* ---- the analysis ---- */

static void walk(struct uniform *u, const struct k_block *b,
	enum level control);

static void walk_inner(struct uniform *u, const struct ks *s,
	enum level control)
{
	control = highest(control, uniform_control(u, s));
	if (s->body)
		walk(u, s->body, control);
	if (s->orelse)
		walk(u, s->orelse, control);
	for (int i = 0; i < s->n_roles; i++)
		walk(u, s->roles[i].body, control);
}

static void walk(struct uniform *u, const struct k_block *b,
	enum level control)
{
	for (int i = 0; i < b->s.n; i++) {
		const struct ks *s = &b->s.v[i];

		if (s->kind == KS_LET)
			raise(u, s->var, level_of(u, s->value));
		else if (s->kind == KS_MUTABLE || s->kind == KS_ASSIGN)
			raise(u, s->var, highest(control,
				level_of(u, s->value)));
		else if (s->kind == KS_ATOMIC && s->var)
			raise(u, s->var, LEVEL_THREAD);
		else if (s->kind == KS_FOR)
			raise(u, s->var, loop_variable(u, s));
		walk_inner(u, s, control);
	}
}

static size_t count(const struct k_block *b)
{
	size_t n = 0;

	for (int i = 0; i < b->s.n; i++) {
		const struct ks *s = &b->s.v[i];

		n += s->var != NULL;
		n += s->body ? count(s->body) : 0;
		n += s->orelse ? count(s->orelse) : 0;
		for (int j = 0; j < s->n_roles; j++)
			n += count(s->roles[j].body);
	}
	return n;
}

struct uniform *uniform_of(struct arena *a, const struct kernel *k)
{
	struct uniform *u = ARENA_NEW(a, struct uniform);
	size_t n = count(&k->body);

	u->k = k;
	for (u->size = 16; u->size < 2 * n;)
		u->size *= 2;
	u->table = ARENA_ARRAY(a, u->size, struct entry);
	do {
		u->changed = false;
		walk(u, &k->body, LEVEL_CLUSTER);
	} while (u->changed);
	return u;
}
