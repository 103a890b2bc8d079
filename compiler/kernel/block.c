/* SPDX-License-Identifier: MIT */
/* Statements, appended to blocks in the order of the calls. Blocks grow and
 * move their statements: pointers into them last until the next append. */
#include <assert.h>

#include "kernel/kernel.h"

struct k_block *k_block(struct arena *a)
{
	return ARENA_NEW(a, struct k_block);
}

struct ks *ks_push(struct arena *a, struct k_block *b, struct ks s)
{
	vec_push(a, &b->s, s);
	return &b->s.v[b->s.n - 1];
}

void ks_comment(struct arena *a, struct k_block *b, const char *fmt, ...)
{
	struct ks s = { .kind = KS_COMMENT };
	va_list ap;

	va_start(ap, fmt);
	s.text = arena_vprintf(a, fmt, ap);
	va_end(ap);
	ks_push(a, b, s);
}

static struct k_var *variable(struct arena *a, const char *name, enum dtype t,
	bool mutable)
{
	struct k_var *v = ARENA_NEW(a, struct k_var);

	*v = (struct k_var){ .name = name, .type = t, .mutable = mutable };
	return v;
}

static bool is_atom(const struct kx *e)
{
	return e->kind == KX_INT || e->kind == KX_FLOAT ||
		(e->kind == KX_VAR && !e->var->mutable);
}

struct kx *ks_let(struct arena *a, struct k_block *b, const char *name,
	struct kx *value)
{
	struct k_var *v;

	if (is_atom(value))
		return value;
	v = variable(a, name, value->type, false);
	ks_push(a, b, (struct ks){ .kind = KS_LET, .var = v,
		.value = value });
	return kx_var(a, v);
}

struct k_var *ks_mutable(struct arena *a, struct k_block *b, const char *name,
	enum dtype t, struct kx *init)
{
	struct k_var *v = variable(a, name, t, true);

	ks_push(a, b, (struct ks){ .kind = KS_MUTABLE, .var = v,
		.value = init });
	return v;
}

void ks_assign(struct arena *a, struct k_block *b, struct k_var *v,
	struct kx *value)
{
	ks_push(a, b, (struct ks){ .kind = KS_ASSIGN, .var = v,
		.value = value });
}

void ks_update(struct arena *a, struct k_block *b, struct k_var *v, enum op op,
	struct kx *value)
{
	ks_push(a, b, (struct ks){ .kind = KS_ASSIGN, .var = v,
		.value = value, .has_op = true, .op = op });
}

struct k_block *ks_for(struct arena *a, struct k_block *b, enum k_loop kind,
	const char *name, struct kx *lo, struct kx *hi, struct kx *step,
	struct kx **var)
{
	struct k_block *body = k_block(a);
	enum dtype t = lo->type == T_I64 || hi->type == T_I64 ? T_I64 : T_I32;
	struct k_var *v = variable(a, name, t, false);

	ks_push(a, b, (struct ks){ .kind = KS_FOR, .loop = kind, .var = v,
		.lo = lo, .hi = hi, .step = step ? step : kx_int(a, 1),
		.body = body });
	*var = kx_var(a, v);
	return body;
}

struct k_block *ks_serial(struct arena *a, struct k_block *b, const char *name,
	struct kx *lo, struct kx *hi, struct kx *step, struct kx **var)
{
	struct k_block *body = ks_for(a, b, LOOP_SERIAL, name, lo, hi, step,
		var);

	b->s.v[b->s.n - 1].factor = 1;
	return body;
}

static bool always(const struct kx *cond)
{
	int64_t v;

	return !cond || (kx_is_int(cond, &v) && v);
}

struct k_block *ks_if(struct arena *a, struct k_block *b, struct kx *cond)
{
	struct k_block *body;

	if (always(cond))
		return b;
	body = k_block(a);
	ks_push(a, b, (struct ks){ .kind = KS_IF, .cond = cond,
		.body = body });
	return body;
}

struct k_block *ks_else(struct arena *a, struct k_block *b)
{
	struct ks *s = &b->s.v[b->s.n - 1];

	assert(b->s.n > 0 && s->kind == KS_IF && !s->orelse);
	s->orelse = k_block(a);
	return s->orelse;
}

struct k_place k_place(struct k_buffer *b, ...)
{
	struct k_place p = { .buffer = b };
	va_list ap;

	va_start(ap, b);
	for (int i = 0; i < b->rank; i++)
		p.index[i] = va_arg(ap, struct kx *);
	va_end(ap);
	return p;
}

void ks_store(struct arena *a, struct k_block *b, struct k_place dst,
	struct kx *value)
{
	ks_push(a, b, (struct ks){ .kind = KS_STORE, .dst = dst,
		.value = value });
}

void ks_copy(struct arena *a, struct k_block *b, enum k_copy kind,
	struct k_place dst, struct k_place src, int bytes, struct kx *cond,
	double fill)
{
	ks_push(a, b, (struct ks){ .kind = KS_COPY, .copy = kind, .dst = dst,
		.src = src, .bytes = bytes, .fill = fill,
		.cond = always(cond) ? NULL : cond });
}

void ks_commit(struct arena *a, struct k_block *b)
{
	ks_push(a, b, (struct ks){ .kind = KS_COMMIT });
}

void ks_wait(struct arena *a, struct k_block *b, int in_flight)
{
	ks_push(a, b, (struct ks){ .kind = KS_WAIT, .count = in_flight });
}

void ks_barrier(struct arena *a, struct k_block *b, enum k_barrier kind)
{
	ks_push(a, b, (struct ks){ .kind = KS_BARRIER, .barrier = kind });
}

void ks_barrier_named(struct arena *a, struct k_block *b, int id, int count)
{
	ks_push(a, b, (struct ks){ .kind = KS_BARRIER,
		.barrier = BARRIER_NAMED, .id = id, .count = count });
}

void ks_fence(struct arena *a, struct k_block *b, bool device)
{
	ks_push(a, b, (struct ks){ .kind = KS_FENCE, .device = device });
}

struct kx *ks_atomic(struct arena *a, struct k_block *b, enum op op,
	struct k_place dst, struct kx *value, const char *result)
{
	struct k_var *v = result ?
		variable(a, result, dst.buffer->type, false) : NULL;

	ks_push(a, b, (struct ks){ .kind = KS_ATOMIC, .op = op, .dst = dst,
		.value = value, .var = v, .device = true });
	return v ? kx_var(a, v) : NULL;
}

void ks_call(struct arena *a, struct k_block *b, int intrin, int n, ...)
{
	struct ks s = { .kind = KS_CALL, .call = intrin, .n_args = n };
	va_list ap;

	s.args = n ? ARENA_ARRAY(a, (size_t)n, struct kx *) : NULL;
	va_start(ap, n);
	for (int i = 0; i < n; i++)
		s.args[i] = va_arg(ap, struct kx *);
	va_end(ap);
	ks_push(a, b, s);
}

struct k_block *ks_role(struct arena *a, struct k_block *b, const char *name,
	int lo, int hi, int registers)
{
	struct ks *s = b->s.n ? &b->s.v[b->s.n - 1] : NULL;
	struct k_role *roles;

	if (!s || s->kind != KS_ROLES)
		s = ks_push(a, b, (struct ks){ .kind = KS_ROLES });
	roles = ARENA_ARRAY(a, (size_t)s->n_roles + 1, struct k_role);
	for (int i = 0; i < s->n_roles; i++)
		roles[i] = s->roles[i];
	roles[s->n_roles] = (struct k_role){ .name = name, .lo = lo, .hi = hi,
		.registers = registers, .body = k_block(a) };
	s->roles = roles;
	return s->roles[s->n_roles++].body;
}
