/* SPDX-License-Identifier: MIT */
/* Kernels made again with other constants: a copy, statement by statement, in
 * which only what the constructors of build.c and block.c fold may change. */
#include "kernel/recast.h"

#include <ctype.h>
#include <string.h>

#include "kernel/intrin.h"
#include "kernel/narrow.h"

static void note(struct recast *r, int64_t v)
{
	vec_push(r->a, &r->shape, v);
}

static int place_in(struct k_buffer *const *list, int n,
	const struct k_buffer *b)
{
	for (int i = 0; i < n; i++)
		if (list[i] == b)
			return i;
	return -1;
}

/* Buffers by their place in the kernel's lists. */
static void note_buffer(struct recast *r, const struct k_buffer *b)
{
	const struct kernel *k = r->kernel;

	note(r, place_in(k->globals.v, k->globals.n, b));
	note(r, place_in(k->shared.v, k->shared.n, b));
	note(r, place_in(k->registers.v, k->registers.n, b));
	note(r, b->scope);
	note(r, b->type);
	note(r, b->rank);
	for (int i = 0; i < b->rank; i++)
		note(r, b->dims[i]);
	note(r, b->align);
	note(r, b->written);
	note(r, b->wide);
	note(r, b->offset);
}

/* ---- variables ---- */

static int find_var(const struct recast *r, const struct k_var *v)
{
	for (int i = r->vars.n - 1; i >= 0; i--)
		if (r->vars.v[i].from == v)
			return i;
	return -1;
}

static void bind(struct recast *r, struct k_var *v, struct kx *to)
{
	vec_push(r->a, &r->vars, (struct recast_var){ v, to });
	note(r, v->type);
}

static void note_var(struct recast *r, const struct k_var *v)
{
	note(r, find_var(r, v));
}

/* ---- expressions ---- */

static struct kx *fold_op(struct recast *r, const struct kx *e,
	struct kx **args)
{
	switch (e->n_args) {
	case 1: return kx_op(r->a, e->op, e->type, 1, args[0]);
	case 2: return kx_op(r->a, e->op, e->type, 2, args[0], args[1]);
	default: return kx_op(r->a, e->op, e->type, 3, args[0], args[1],
		args[2]);
	}
}

static struct kx *rebuilt(struct recast *r, const struct kx *e,
	struct kx **args)
{
	struct kx *x;

	if (r->fold && (e->kind == KX_OP || e->kind == KX_CAST)) {
		x = e->kind == KX_OP ? fold_op(r, e, args) :
			kx_cast(r->a, e->type, args[0]);
		return r->launch ? narrow_value(r->a, x) : x;
	}
	x = ARENA_NEW(r->a, struct kx);
	*x = *e;
	x->args = args;
	return x;
}

/* Operand "i" of an intrinsic must be a constant. */
static bool is_fixed(const struct kx *e, int i)
{
	return e->kind == KX_CALL && intrin_operands(e->call)[i] == 'n';
}

static struct kx *value(struct recast *r, const struct kx *e);

static struct kx **values(struct recast *r, const struct kx *e)
{
	struct kx **args = ARENA_ARRAY(r->a, (size_t)e->n_args + 1,
		struct kx *);
	bool fixed = r->fixed;

	for (int i = 0; i < e->n_args; i++) {
		r->fixed = fixed || is_fixed(e, i) ||
			(e->buffer && e->buffer->scope == K_REGISTER);
		args[i] = value(r, e->args[i]);
	}
	r->fixed = fixed;
	return args;
}

static struct kx *value(struct recast *r, const struct kx *e)
{
	int at;

	if (!e) {
		note(r, -1);
		return NULL;
	}
	note(r, e->kind);
	note(r, e->type);
	switch (e->kind) {
	case KX_INT:
	case KX_FLOAT:
		return r->constant(r->ctx, e, r->fixed);
	case KX_VAR:
		at = find_var(r, e->var);
		note(r, at);
		return at >= 0 ? r->vars.v[at].to : (struct kx *)e;
	case KX_SPECIAL:
		note(r, e->special);
		return r->launch ? narrow_special(r->a, r->launch, e) :
			(struct kx *)e;
	default:
		break;
	}
	note(r, e->op);
	note(r, e->call);
	note(r, e->n_args);
	if (e->buffer)
		note_buffer(r, e->buffer);
	return rebuilt(r, e, values(r, e));
}

static struct k_place place(struct recast *r, const struct k_place *p)
{
	struct k_place out = *p;
	bool fixed = r->fixed;

	note(r, p->buffer != NULL);
	if (!p->buffer)
		return out;
	note_buffer(r, p->buffer);
	r->fixed = fixed || p->buffer->scope == K_REGISTER;
	for (int i = 0; i < p->buffer->rank; i++)
		out.index[i] = value(r, p->index[i]);
	r->fixed = fixed;
	return out;
}

/* ---- statements ---- */

static void block(struct recast *r, const struct k_block *from,
	struct k_block *to);

static bool is_atom(const struct kx *e)
{
	return e->kind == KX_INT || e->kind == KX_FLOAT ||
		(e->kind == KX_VAR && !e->var->mutable);
}

static bool always(const struct kx *cond)
{
	int64_t v;

	return !cond || (kx_is_int(cond, &v) && v);
}

static bool never(const struct kx *cond)
{
	int64_t v;

	return kx_is_int(cond, &v) && !v;
}

static struct k_block *body(struct recast *r, const struct k_block *from)
{
	struct k_block *to;

	if (!from)
		return NULL;
	to = k_block(r->a);
	block(r, from, to);
	return to;
}

static void define(struct recast *r, const struct ks *s, struct k_block *to)
{
	struct ks out = *s;

	out.value = value(r, s->value);
	if (r->fold && s->kind == KS_LET && (is_atom(out.value) ||
	    (r->launch && narrow_plain(out.value)))) {
		bind(r, s->var, out.value);
		return;
	}
	bind(r, s->var, kx_var(r->a, s->var));
	ks_push(r->a, to, out);
}

/* What a loop of one turn runs, its variable a constant; nothing of one that has
 * none; false of all others. */
static bool unwound(struct recast *r, const struct ks *s, const struct ks *out,
	struct k_block *to)
{
	enum trips trips = narrow_trips(out);

	if (trips == TRIPS_ONE) {
		bind(r, s->var, kx_cast(r->a, s->var->type, out->lo));
		block(r, s->body, to);
	}
	return trips != TRIPS_ANY;
}

static void loop(struct recast *r, const struct ks *s, struct k_block *to)
{
	struct ks out = *s;

	note(r, s->loop);
	note(r, s->factor);
	r->fixed = s->loop == LOOP_UNROLLED && !s->factor;
	out.lo = value(r, s->lo);
	out.hi = value(r, s->hi);
	out.step = value(r, s->step);
	r->fixed = false;
	if (r->launch && unwound(r, s, &out, to))
		return;
	if (r->launch)
		out.var = narrow_loop(r->a, &out);
	bind(r, s->var, kx_var(r->a, out.var));
	out.body = body(r, s->body);
	ks_push(r->a, to, out);
}

/* In "to", whatever "cond" compares has the range that it says. */
static void assume(struct recast *r, const struct kx *cond, struct k_block *to)
{
	struct k_var *v;
	struct kx *end;
	int at;

	if (cond->kind == KX_OP && cond->op == OP_AND) {
		assume(r, cond->args[0], to);
		assume(r, cond->args[1], to);
		return;
	}
	if (cond->kind != KX_OP || cond->op != OP_LT ||
	    cond->args[0]->kind != KX_VAR)
		return;
	at = find_var(r, cond->args[0]->var);
	end = value(r, cond->args[1]);
	if (at < 0 || r->vars.v[at].to->kind == KX_INT ||
	    !narrow_plain(r->vars.v[at].to) || !kx_is_int(end, NULL))
		return;
	v = narrow_below(r->a, cond->args[0]->var, r->vars.v[at].to, end->i);
	if (!v)
		return;
	ks_push(r->a, to, (struct ks){ .kind = KS_LET, .var = v,
		.value = r->vars.v[at].to });
	bind(r, cond->args[0]->var, kx_var(r->a, v));
}

static void branch(struct recast *r, const struct ks *s, struct k_block *to)
{
	struct ks out = *s;

	out.cond = value(r, s->cond);
	note(r, s->orelse != NULL);
	if (r->fold && always(out.cond)) {
		block(r, s->body, to);
		return;
	}
	if (r->launch && never(out.cond)) {
		if (s->orelse)
			block(r, s->orelse, to);
		return;
	}
	if (r->launch) {
		struct k_block *inside = k_block(r->a);
		int vars = r->vars.n;

		assume(r, s->cond, inside);
		block(r, s->body, inside);
		r->vars.n = vars;
		out.body = inside;
	} else {
		out.body = body(r, s->body);
	}
	out.orelse = body(r, s->orelse);
	ks_push(r->a, to, out);
}

static void note_numbers(struct recast *r, const struct ks *s)
{
	const int64_t v[] = { s->has_op, s->op, s->copy, s->bytes, s->count,
		s->id, s->barrier, s->device, s->call, s->n_args, s->n_roles,
		s->mma, s->m, s->n, s->k, s->acc_type, s->left_type,
		s->right_type, s->left_trans, s->right_trans };
	int64_t fill;

	memcpy(&fill, &s->fill, sizeof fill);
	note(r, fill);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		note(r, v[i]);
}

static struct k_role *roles(struct recast *r, const struct ks *s)
{
	struct k_role *out = ARENA_ARRAY(r->a, (size_t)s->n_roles + 1,
		struct k_role);

	for (int i = 0; i < s->n_roles; i++) {
		out[i] = s->roles[i];
		note(r, s->roles[i].lo);
		note(r, s->roles[i].hi);
		note(r, s->roles[i].registers);
		out[i].body = body(r, s->roles[i].body);
	}
	return out;
}

/* Everything that has no blocks but those of roles. */
static void plain(struct recast *r, const struct ks *s, struct k_block *to)
{
	struct ks out = *s;
	const char *kinds = s->kind == KS_CALL ? intrin_operands(s->call) :
		NULL;

	note_numbers(r, s);
	if (s->kind == KS_ASSIGN)
		note_var(r, s->var);
	out.value = value(r, s->value);
	out.cond = value(r, s->cond);
	if (r->fold && s->kind == KS_COPY && always(out.cond))
		out.cond = NULL;
	out.dst = place(r, &s->dst);
	out.src = place(r, &s->src);
	out.mbar = place(r, &s->mbar);
	out.acc = place(r, &s->acc);
	out.left = place(r, &s->left);
	out.right = place(r, &s->right);
	out.args = ARENA_ARRAY(r->a, (size_t)s->n_args + 1, struct kx *);
	for (int i = 0; i < s->n_args; i++) {
		r->fixed = kinds && kinds[i] == 'n';
		out.args[i] = value(r, s->args[i]);
	}
	r->fixed = false;
	out.roles = roles(r, s);
	if (s->kind == KS_ATOMIC && s->var)
		bind(r, s->var, kx_var(r->a, s->var));
	ks_push(r->a, to, out);
}

static void statement(struct recast *r, const struct ks *s,
	struct k_block *to)
{
	note(r, s->kind);
	switch (s->kind) {
	case KS_COMMENT: ks_push(r->a, to, *s); break;
	case KS_LET:
	case KS_MUTABLE: define(r, s, to); break;
	case KS_FOR: loop(r, s, to); break;
	case KS_IF: branch(r, s, to); break;
	default: plain(r, s, to); break;
	}
}

static void block(struct recast *r, const struct k_block *from,
	struct k_block *to)
{
	for (int i = 0; i < from->s.n; i++)
		statement(r, &from->s.v[i], to);
	note(r, -2);
}

/* ---- kernels ---- */

static void note_kernel(struct recast *r, const struct kernel *k)
{
	note(r, k->threads);
	note(r, k->min_blocks);
	note(r, k->cluster);
	note(r, k->shared_bytes);
	note(r, k->globals.n);
	for (int i = 0; i < k->globals.n; i++)
		note_buffer(r, k->globals.v[i]);
	note(r, k->shared.n);
	for (int i = 0; i < k->shared.n; i++)
		note_buffer(r, k->shared.v[i]);
	note(r, k->registers.n);
	for (int i = 0; i < k->registers.n; i++)
		note_buffer(r, k->registers.v[i]);
}

/* The lists of buffers and scalars are copies too. */
static void copy_lists(struct recast *r, const struct kernel *from,
	struct kernel *to)
{
	memset(&to->globals, 0, sizeof to->globals);
	memset(&to->scalars, 0, sizeof to->scalars);
	memset(&to->registers, 0, sizeof to->registers);
	for (int i = 0; i < from->globals.n; i++)
		vec_push(r->a, &to->globals, from->globals.v[i]);
	for (int i = 0; i < from->scalars.n; i++)
		vec_push(r->a, &to->scalars, from->scalars.v[i]);
	for (int i = 0; i < from->registers.n; i++)
		vec_push(r->a, &to->registers, from->registers.v[i]);
}

struct kernel *recast_kernel(struct recast *r, const struct kernel *k)
{
	struct kernel *out = ARENA_NEW(r->a, struct kernel);

	*out = *k;
	out->a = r->a;
	copy_lists(r, k, out);
	memset(&out->body, 0, sizeof out->body);
	r->kernel = k;
	note_kernel(r, k);
	block(r, &k->body, &out->body);
	return out;
}
