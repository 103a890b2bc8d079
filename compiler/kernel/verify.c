/* SPDX-License-Identifier: MIT */
/* Checks one kernel against the rules of the machine: who must reach a
 * barrier, what must be written before it is read, what fits the target. The
 * first fault found is reported; a kernel that passes may still be wrong, but
 * not in these ways. */
#include "kernel/verify.h"

#include <string.h>

#include "kernel/intrin.h"
#include "schedule/target.h"

void check_fail(struct check *c, const char *fmt, ...)
{
	va_list ap;

	if (c->why)
		return;
	va_start(ap, fmt);
	c->why = arena_vprintf(c->a, fmt, ap);
	va_end(ap);
}

const char *verify_text(struct check *c, const struct kx *e)
{
	struct str s;

	str_init(&s, c->a);
	kx_print(e, &s);
	return str_text(&s);
}

/* ---- who takes part ---- */

static const char *reason(struct check *c)
{
	const struct ks *s = c->divergent;

	if (!s)
		return "here";
	if (s->kind == KS_ROLES)
		return "in a role";
	if (s->kind == KS_IF)
		return arena_printf(c->a, "in if %s",
			verify_text(c, s->cond));
	return arena_printf(c->a, "in the loop over %s", s->var->name);
}

void check_together(struct check *c, enum level level, const char *what)
{
	static const char *const who[] = {
		"threads of the cluster", "threads of the block",
		"threads of the warp"
	};

	if (c->control > level)
		check_fail(c, "%s %s, which not all %s reach alike", what,
			reason(c), who[level]);
}

static void check_barrier(struct check *c, const struct ks *s)
{
	switch (s->barrier) {
	case BARRIER_BLOCK:
		check_together(c, LEVEL_BLOCK, "a barrier of the block");
		break;
	case BARRIER_WARP:
		check_together(c, LEVEL_WARP, "a barrier of the warp");
		break;
	case BARRIER_CLUSTER:
		check_together(c, LEVEL_CLUSTER, "a barrier of the cluster");
		if (!c->t->clusters)
			check_fail(c, "%s has no clusters", c->t->name);
		break;
	case BARRIER_NAMED:
		check_together(c, LEVEL_WARP, "a named barrier");
		if (s->id < 1 || s->id > 15)
			check_fail(c, "named barriers are 1 to 15, not %d",
				s->id);
		if (s->count < 32 || s->count % 32 ||
		    s->count > c->k->threads)
			check_fail(c, "%d threads meet at named barrier %d",
				s->count, s->id);
		break;
	}
}

/* ---- statements ---- */

static bool same_c_type(enum dtype x, enum dtype y)
{
	return x == y || !strcmp(dtype_row(x)->c, dtype_row(y)->c) ||
		(x == T_BOOL && dtype_is_int(y)) ||
		(y == T_BOOL && dtype_is_int(x));
}

static void check_store(struct check *c, const struct ks *s)
{
	check_place(c, &s->dst);
	verify_value(c, s->value);
	if (c->why)
		return;
	if (!same_c_type(s->dst.buffer->type, s->value->type))
		check_fail(c, "%s of %s is given a value of %s",
			s->dst.buffer->name,
			dtype_row(s->dst.buffer->type)->name,
			dtype_row(s->value->type)->name);
	check_write(c, s->dst.buffer);
}

static void check_async(struct check *c, const struct ks *s)
{
	c->async++;
	if (!c->t->cp_async)
		check_fail(c, "asynchronous copies need sm_80, and the "
			"target is %s", c->t->name);
	else if (s->bytes != 4 && s->bytes != 8 && s->bytes != 16)
		check_fail(c, "an asynchronous copy of %d bytes", s->bytes);
	else if (s->src.buffer->scope != K_GLOBAL ||
		 s->dst.buffer->scope != K_SHARED)
		check_fail(c, "an asynchronous copy from %s to %s: only "
			"global to shared", s->src.buffer->name,
			s->dst.buffer->name);
	else if (s->cond && s->fill != 0)
		check_fail(c, "an asynchronous copy fills with 0, not %g",
			s->fill);
}

static void check_group(struct check *c, const struct ks *s)
{
	c->commits += s->kind == KS_COMMIT;
	c->waits += s->kind == KS_WAIT;
	if (!c->t->cp_async)
		check_fail(c, "groups of asynchronous copies need sm_80, and "
			"the target is %s", c->t->name);
	else if (s->count < 0)
		check_fail(c, "a wait for %d groups", s->count);
}

static void check_bulk(struct check *c, const struct ks *s)
{
	bool load = s->dst.buffer->scope == K_SHARED;

	if (!c->t->bulk_copy)
		check_fail(c, "bulk copies need sm_90, and the target is %s",
			c->t->name);
	else if (s->bytes < 16 || s->bytes % 16)
		check_fail(c, "a bulk copy of %d bytes", s->bytes);
	else if (s->src.buffer->scope != (load ? K_GLOBAL : K_SHARED) ||
		 s->dst.buffer->scope == K_REGISTER)
		check_fail(c, "a bulk copy from %s to %s",
			s->src.buffer->name, s->dst.buffer->name);
	else if (load && !s->mbar.buffer)
		check_fail(c, "a bulk copy to %s completes on no barrier",
			s->dst.buffer->name);
	if (!c->why && load)
		check_place(c, &s->mbar);
}

static void check_copy(struct check *c, const struct ks *s)
{
	int width = s->copy == COPY_BULK ? 16 : s->bytes;

	if (s->cond)
		verify_value(c, s->cond);
	check_place(c, &s->dst);
	check_place(c, &s->src);
	if (c->why)
		return;
	if (s->copy == COPY_ASYNC)
		check_async(c, s);
	else if (s->copy == COPY_BULK)
		check_bulk(c, s);
	else if (s->bytes < 1 || s->bytes > 16 || (s->bytes & (s->bytes - 1)))
		check_fail(c, "a copy of %d bytes", s->bytes);
	if (c->why)
		return;
	check_width(c, &s->src, width);
	check_width(c, &s->dst, width);
	check_read(c, s->src.buffer);
	check_write(c, s->dst.buffer);
}

static bool atomic_exists(enum op op, enum dtype t)
{
	switch (op) {
	case OP_ADD:
		return t == T_F32 || t == T_F64 || t == T_I32 || t == T_U32 ||
			t == T_I64;
	case OP_MIN:
	case OP_MAX: return t == T_I32 || t == T_U32 || t == T_I64;
	case OP_AND:
	case OP_OR: return t == T_I32 || t == T_U32;
	default: return false;
	}
}

static void check_atomic(struct check *c, const struct ks *s)
{
	check_place(c, &s->dst);
	verify_value(c, s->value);
	if (c->why)
		return;
	if (!atomic_exists(s->op, s->dst.buffer->type))
		check_fail(c, "there is no atomic %s of %s",
			op_rows[s->op].name,
			dtype_row(s->dst.buffer->type)->name);
	if (s->dst.buffer->scope == K_REGISTER)
		check_fail(c, "an atomic on %s, which is in registers",
			s->dst.buffer->name);
	check_read(c, s->dst.buffer);
	check_write(c, s->dst.buffer);
	if (s->var)
		vec_push(c->a, &c->visible, s->var);
}

static void check_assign(struct check *c, const struct ks *s)
{
	struct kx e = { .kind = KX_VAR, .type = s->var->type, .var = s->var };

	verify_value(c, &e);
	verify_value(c, s->value);
	if (!s->var->mutable)
		check_fail(c, "%s is assigned but is not mutable",
			s->var->name);
}

static void check_define(struct check *c, const struct ks *s)
{
	verify_value(c, s->value);
	if (!c->why && !same_c_type(s->var->type, s->value->type))
		check_fail(c, "%s of %s is given a value of %s",
			s->var->name, dtype_row(s->var->type)->name,
			dtype_row(s->value->type)->name);
	vec_push(c->a, &c->visible, s->var);
}

/* ---- blocks ---- */

static void check_block(struct check *c, const struct k_block *b);

static int statements(const struct k_block *b)
{
	int n = 0;

	for (int i = 0; b && i < b->s.n; i++) {
		const struct ks *s = &b->s.v[i];

		n += 1 + statements(s->body) + statements(s->orelse);
		for (int j = 0; j < s->n_roles; j++)
			n += statements(s->roles[j].body);
	}
	return n;
}

static void check_role(struct check *c, const struct ks *s, int i)
{
	const struct k_role *r = &s->roles[i];

	if (r->lo < 0 || r->lo >= r->hi || r->hi * 32 > c->k->threads)
		check_fail(c, "role %s has warps %d..%d of %d", r->name,
			r->lo, r->hi, c->k->threads / 32);
	for (int j = 0; j < i; j++)
		if (r->lo < s->roles[j].hi && s->roles[j].lo < r->hi)
			check_fail(c, "roles %s and %s share warps",
				s->roles[j].name, r->name);
	if (!r->registers)
		return;
	if (!intrin_on(INTRIN_REGISTERS_INCREASE, c->t))
		check_fail(c, "role %s sets its registers, which needs "
			"sm_90a; the target is %s", r->name, c->t->name);
	else if (r->registers < 24 || r->registers > 256 || r->registers % 8)
		check_fail(c, "role %s has %d registers: 24 to 256 in steps "
			"of 8", r->name, r->registers);
	else if (r->lo % 4 || r->hi % 4)
		check_fail(c, "role %s sets registers of warps %d..%d: only "
			"of groups of 4", r->name, r->lo, r->hi);
}

/* "s" with what is nested in it. */
/* What some roles take others must have given, or they wait forever. */
static void check_registers_given(struct check *c, const struct ks *s)
{
	int given = kernel_registers(c->k), sum = 0;

	for (int i = 0; i < s->n_roles; i++)
		sum += (s->roles[i].hi - s->roles[i].lo) *
			((s->roles[i].registers ? s->roles[i].registers :
			given) - given);
	if (sum > 0)
		check_fail(c, "roles take %d registers a lane more than they "
			"are given", sum);
}

static void check_nested(struct check *c, const struct ks *s)
{
	enum level control = uniform_control(c->uniform, s);
	enum level before = c->control;
	const struct ks *divergent = c->divergent;
	int visible = c->visible.n, outer_end = c->outer_end;
	bool again = s->kind == KS_FOR || s->kind == KS_ROLES;

	if (control > before) {
		c->control = control;
		c->divergent = s;
	}
	if (again && !outer_end)
		c->outer_end = c->now + statements(s->body);
	for (int i = 0; again && !outer_end && i < s->n_roles; i++)
		c->outer_end += statements(s->roles[i].body);
	if (s->kind == KS_FOR)
		vec_push(c->a, &c->visible, s->var);
	check_block(c, s->body);
	c->visible.n = visible;
	check_block(c, s->orelse);
	check_registers_given(c, s);
	for (int i = 0; i < s->n_roles; i++) {
		c->visible.n = visible;
		check_role(c, s, i);
		check_block(c, s->roles[i].body);
	}
	c->visible.n = visible;
	c->control = before;
	c->divergent = divergent;
	c->outer_end = outer_end;
}

static void check_for(struct check *c, const struct ks *s)
{
	int64_t step;

	verify_value(c, s->lo);
	verify_value(c, s->hi);
	verify_value(c, s->step);
	if (kx_is_int(s->step, &step) && step <= 0)
		check_fail(c, "the loop over %s steps by %lld", s->var->name,
			(long long)step);
	if (!c->why)
		check_nested(c, s);
}

static void check_statement(struct check *c, const struct ks *s)
{
	switch (s->kind) {
	case KS_LET:
	case KS_MUTABLE: check_define(c, s); break;
	case KS_ASSIGN: check_assign(c, s); break;
	case KS_FOR: check_for(c, s); break;
	case KS_IF:
		verify_value(c, s->cond);
		if (!c->why)
			check_nested(c, s);
		break;
	case KS_ROLES: check_nested(c, s); break;
	case KS_STORE: check_store(c, s); break;
	case KS_COPY: check_copy(c, s); break;
	case KS_COMMIT:
	case KS_WAIT: check_group(c, s); break;
	case KS_BARRIER: check_barrier(c, s); break;
	case KS_ATOMIC: check_atomic(c, s); break;
	case KS_CALL: check_intrinsic(c, s->call, s->args, s->n_args); break;
	case KS_MMA: check_mma(c, s); break;
	case KS_COMMENT:
	case KS_FENCE: break;
	}
}

static void check_block(struct check *c, const struct k_block *b)
{
	for (int i = 0; b && i < b->s.n && !c->why; i++) {
		c->now++;
		check_statement(c, &b->s.v[i]);
	}
}

/* ---- the whole ---- */

static void check_size(struct check *c)
{
	const struct kernel *k = c->k;

	if (k->threads < 32 || k->threads > 1024 || k->threads % 32)
		check_fail(c, "%d threads a block: 32 to 1024 in steps of 32",
			k->threads);
	if (k->shared_bytes > c->t->smem_block)
		check_fail(c, "%lld bytes of shared memory, and %s has %d",
			(long long)k->shared_bytes, c->t->name,
			c->t->smem_block);
	if (k->cluster > 1 && !c->t->clusters)
		check_fail(c, "%s has no clusters", c->t->name);
	if (k->cluster < 1 || k->cluster > 8)
		check_fail(c, "clusters of %d blocks: 1 to 8", k->cluster);
}

static void check_arrays(struct check *c)
{
	for (int i = 0; i < c->k->shared.n; i++) {
		const struct k_buffer *b = c->k->shared.v[i];
		int64_t bytes = dtype_row(b->type)->bits / 8;

		for (int j = 0; j < b->rank; j++)
			bytes *= b->dims[j];
		if (b->offset + bytes > c->k->shared_bytes)
			check_fail(c, "%s has no room in shared memory: "
				"kernel_layout comes last", b->name);
	}
}

static void check_maps(struct check *c)
{
	for (int i = 0; i < c->k->maps.n && !c->why; i++)
		check_map(c, c->k->maps.v[i]);
}

static void check_touched(struct check *c)
{
	for (int i = 0; i < c->touched.n; i++) {
		const struct touched *t = &c->touched.v[i];

		if (t->needed && (!t->written || t->written > t->needed))
			check_fail(c, "%s is read before anything writes it",
				t->buffer->name);
	}
}

static void check_groups(struct check *c)
{
	if (c->async && !c->commits)
		check_fail(c, "asynchronous copies are never committed");
	else if (c->async && !c->waits)
		check_fail(c, "asynchronous copies are never waited for");
	else if (c->waits && !c->commits)
		check_fail(c, "a wait without a commit");
}

const char *kernel_verify(struct arena *a, const struct kernel *k,
	const struct target *t)
{
	struct check c = { .a = a, .k = k, .t = t,
		.uniform = uniform_of(a, k) };

	check_size(&c);
	check_arrays(&c);
	check_maps(&c);
	for (int i = 0; i < k->scalars.n; i++)
		vec_push(a, &c.visible, k->scalars.v[i]);
	check_block(&c, &k->body);
	if (!c.why)
		check_touched(&c);
	if (!c.why)
		check_groups(&c);
	return c.why;
}
