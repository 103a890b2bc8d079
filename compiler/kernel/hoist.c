/* SPDX-License-Identifier: MIT */
/* Addresses in unrolled loops. What a copy or an access asks of an index is split
 * into the part that the loop leaves alone, which becomes a constant before the
 * loop, and the part that grows with it: "c[(first + i * 8) * 4096 + col]" is
 * "c[c_base + i * 32768]" for c_base = first * 4096 + col. nvcc finds that too,
 * but once for each turn of what it has unrolled, and takes longer over it than
 * over all else. Of loops in loops it is the outermost that leaves some part
 * alone.
 *
 * A constant may be computed ahead of the guard that its uses are under, by threads
 * that are off: of a row past the last, say, whose offset need not fit in 32 bits.
 * C++ leaves undefined what then comes. That does no harm, and unsigned sums, which
 * nvcc can't widen to 64 bits, would cost instructions: nvcc's LLVM marks such a sum
 * as one that doesn't overflow, and one that does is a poison value, which harms
 * who uses it for an access or a branch; it is how LLVM itself hoists. Guards compare
 * rows and columns, never these sums, and sketches keep rows and columns, tails
 * included, below 2^31. Of a thread that is on, no part exceeds the whole: what
 * varies counts up from 0. */
#include "kernel/kernel.h"

#include "kernel/intrin.h"
#include "kernel/residue.h"

/* What the loop's body defines; "value" of lets. */
struct defined {
	const struct k_var *var;
	struct kx *value;
};

/* Constants that were made and are visible. */
struct known {
	VEC(const struct ks *) lets;
};

/* An unrolled loop under way, in "outer" or in none: "made" are the constants to
 * put before it. */
struct hoist {
	struct arena *a;
	struct known *known;
	struct hoist *outer;
	VEC(struct defined) defs;
	VEC(struct ks) made;
};

/* fixed + varying; NULL: 0. */
struct parts {
	struct kx *fixed, *varying;
};

static const struct defined *defined_as(const struct hoist *h,
	const struct k_var *v)
{
	for (int i = 0; i < h->defs.n; i++)
		if (h->defs.v[i].var == v)
			return &h->defs.v[i];
	return NULL;
}

/* Does "e" itself, without its operands, change as the program goes on? Of memory
 * nobody knows. */
static bool changes(const struct kx *e)
{
	return e->kind == KX_LOAD || (e->kind == KX_VAR && e->var->mutable) ||
		(e->kind == KX_CALL && !intrin_is_infix(e->call));
}

/* Has "e" the same value wherever it stands? */
static bool lasts(const struct kx *e)
{
	if (changes(e))
		return false;
	for (int i = 0; i < e->n_args; i++)
		if (!lasts(e->args[i]))
			return false;
	return true;
}

/* May "e" have another value in another turn? */
static bool varies(const struct hoist *h, const struct kx *e)
{
	if (changes(e) || (e->kind == KX_VAR && defined_as(h, e->var)))
		return true;
	for (int i = 0; i < e->n_args; i++)
		if (varies(h, e->args[i]))
			return true;
	return false;
}

static struct kx *plus(struct arena *a, struct kx *x, struct kx *y)
{
	return !x ? y : !y ? x : kx_add(a, x, y);
}

static bool not_negative(const struct kx *e)
{
	int64_t lo, hi;

	kx_range(e, &lo, &hi);
	return lo >= 0;
}

static bool is_multiple(const struct kx *e, int64_t k)
{
	struct residue r = residue_of(e);

	return r.modulus % k == 0 && r.rest % k == 0;
}

static bool is_index(const struct kx *e)
{
	return e->type == T_I32 || e->type == T_I64;
}

static struct parts split(const struct hoist *h, struct kx *e);

static struct parts whole(struct kx *e)
{
	return (struct parts){ NULL, e };
}

/* (fixed + varying) / k and % k, where k divides what varies. */
static struct parts split_quotient(const struct hoist *h, struct kx *e)
{
	struct parts x = split(h, e->args[0]);
	int64_t k;

	if (!kx_is_int(e->args[1], &k) || !x.fixed || (x.varying &&
	    (!is_multiple(x.varying, k) || !not_negative(x.fixed) ||
	    !not_negative(x.varying))))
		return whole(e);
	if (e->op == OP_MOD)
		return (struct parts){ kx_mod(h->a, x.fixed, e->args[1]),
			NULL };
	return (struct parts){ kx_div(h->a, x.fixed, e->args[1]),
		x.varying ? kx_div(h->a, x.varying, e->args[1]) : NULL };
}

static struct parts split_op(const struct hoist *h, struct kx *e)
{
	struct arena *a = h->a;
	struct parts x, y;

	if (e->op == OP_DIV || e->op == OP_MOD)
		return split_quotient(h, e);
	if (e->op != OP_ADD && e->op != OP_SUB && e->op != OP_MUL)
		return whole(e);
	x = split(h, e->args[0]);
	y = split(h, e->args[1]);
	if (e->op == OP_ADD)
		return (struct parts){ plus(a, x.fixed, y.fixed),
			plus(a, x.varying, y.varying) };
	if (y.varying || !y.fixed)
		return whole(e);
	if (e->op == OP_SUB)
		return (struct parts){ kx_sub(a, x.fixed ? x.fixed :
			kx_cast(a, e->type, kx_int(a, 0)), y.fixed),
			x.varying };
	return (struct parts){ x.fixed ? kx_mul(a, x.fixed, y.fixed) : NULL,
		x.varying ? kx_mul(a, x.varying, y.fixed) : NULL };
}

/* x ^ y is fixed where both turn out to be. */
static struct parts split_bits(const struct hoist *h, struct kx *e)
{
	struct parts x = split(h, e->args[0]), y = split(h, e->args[1]);

	if (x.varying || y.varying || !x.fixed || !y.fixed)
		return whole(e);
	return (struct parts){ kx_call(h->a, e->call, e->type, 2, x.fixed,
		y.fixed), NULL };
}

/* A constant of the loop's is split as what it was made of, unless that may be
 * another by the time it is used. */
static struct parts split(const struct hoist *h, struct kx *e)
{
	const struct defined *d = e->kind == KX_VAR ?
		defined_as(h, e->var) : NULL;

	if (!varies(h, e))
		return (struct parts){ e, NULL };
	if (d && d->value && is_index(d->value)) {
		struct parts p = split(h, d->value);

		return p.fixed && (!p.varying || lasts(p.varying)) ? p :
			whole(e);
	}
	if (e->kind == KX_OP && is_index(e))
		return split_op(h, e);
	if (e->kind == KX_CALL && intrin_is_infix(e->call))
		return split_bits(h, e);
	return whole(e);
}

/* ---- ranges ---- */

static void bound(struct k_var *v, int64_t lo, int64_t hi)
{
	if (v->bounded || v->mutable || lo == INT64_MIN || hi == INT64_MAX)
		return;
	v->bounded = true;
	v->lo = lo;
	v->hi = hi;
}

/* What constants and loop variables may be, from what they are made of. */
static void bound_block(const struct k_block *b)
{
	for (int i = 0; i < b->s.n; i++) {
		const struct ks *s = &b->s.v[i];
		int64_t lo = INT64_MIN, hi = INT64_MAX, most;

		if (s->kind == KS_LET && is_index(s->value))
			kx_range(s->value, &lo, &hi);
		else if (s->kind == KS_FOR && s->loop == LOOP_UNROLLED &&
			 kx_is_int(s->lo, &lo) && kx_is_int(s->hi, &most))
			hi = most > lo ? most - 1 : lo;
		if (s->kind == KS_LET || s->kind == KS_FOR)
			bound(s->var, lo, hi);
		for (int j = 0; j < s->n_roles; j++)
			bound_block(s->roles[j].body);
		if (s->body)
			bound_block(s->body);
		if (s->orelse)
			bound_block(s->orelse);
	}
}

/* ---- constants ---- */

/* Is "e" a number once the loops around are unrolled? */
static bool is_number(const struct hoist *h, const struct kx *e)
{
	if (e->kind == KX_INT)
		return true;
	for (; e->kind == KX_VAR && h; h = h->outer)
		if (h->defs.v[0].var == e->var)
			return true;
	for (int i = 0; i < e->n_args; i++)
		if (!is_number(h, e->args[i]))
			return false;
	return e->n_args > 0;
}

/* Does "e" take instructions? */
static bool is_work(const struct hoist *h, const struct kx *e)
{
	return (e->kind == KX_OP || e->kind == KX_CALL) && !is_number(h, e);
}

static struct k_var *made_before(const struct hoist *h, const struct kx *value)
{
	for (int i = 0; i < h->known->lets.n; i++)
		if (kx_same(h->known->lets.v[i]->value, value))
			return h->known->lets.v[i]->var;
	for (int i = 0; i < h->made.n; i++)
		if (kx_same(h->made.v[i].value, value))
			return h->made.v[i].var;
	return NULL;
}

static struct kx *constant(struct hoist *h, const char *name, struct kx *value)
{
	struct k_var *v = made_before(h, value);

	if (v)
		return kx_var(h->a, v);
	v = ARENA_NEW(h->a, struct k_var);
	*v = (struct k_var){ .name = name, .type = value->type };
	vec_push(h->a, &h->made, ((struct ks){ .kind = KS_LET, .var = v,
		.value = value }));
	return kx_var(h->a, v);
}

static struct kx *hoisted(struct hoist *h, const char *name, struct kx *e)
{
	struct parts p = { NULL, NULL };
	struct kx *outside = h->outer ? hoisted(h->outer, name, e) : NULL;

	if (outside)
		return outside;
	if (!varies(h, e))
		return NULL;
	p = split(h, e);
	if (!p.fixed || kx_is_int(p.fixed, NULL))
		return NULL;
	return is_work(h, p.fixed) ? plus(h->a, constant(h, arena_printf(h->a,
		"%s_at", name), p.fixed), p.varying) : e;
}

static struct kx *index_of(struct hoist *h, const struct k_buffer *b,
	struct kx *e)
{
	struct kx *made = hoisted(h, b->name, e);

	return made ? made : e;
}

static bool in_memory(const struct k_buffer *b)
{
	return b && b->scope != K_REGISTER;
}

static void hoist_place(struct hoist *h, struct k_place *p)
{
	if (in_memory(p->buffer))
		for (int i = 0; i < p->buffer->rank; i++)
			p->index[i] = index_of(h, p->buffer, p->index[i]);
}

/* An access, or the address of one, that stands alone. */
static struct kx *hoist_access(struct hoist *h, struct kx *e)
{
	struct kx *made;

	if (!e || (e->kind != KX_LOAD && e->kind != KX_ADDRESS) ||
	    !in_memory(e->buffer))
		return e;
	made = ARENA_NEW(h->a, struct kx);
	*made = *e;
	made->args = ARENA_ARRAY(h->a, (size_t)e->n_args, struct kx *);
	for (int i = 0; i < e->n_args; i++)
		made->args[i] = index_of(h, e->buffer, e->args[i]);
	return made;
}

/* ---- loops ---- */

static void define(struct hoist *h, const struct k_block *b)
{
	for (int i = 0; i < b->s.n; i++) {
		const struct ks *s = &b->s.v[i];

		if (s->var)
			vec_push(h->a, &h->defs, ((struct defined){ s->var,
				s->kind == KS_LET ? s->value : NULL }));
		if (s->body)
			define(h, s->body);
		if (s->orelse)
			define(h, s->orelse);
		for (int r = 0; r < s->n_roles; r++)
			define(h, s->roles[r].body);
	}
}

static void hoist_block(struct arena *a, struct known *known, struct hoist *h,
	struct k_block *b);

static void hoist_statement(struct arena *a, struct known *known,
	struct hoist *h, struct ks *s)
{
	if (h) {
		hoist_place(h, &s->dst);
		hoist_place(h, &s->src);
		s->value = hoist_access(h, s->value);
		for (int i = 0; i < s->n_args; i++)
			s->args[i] = hoist_access(h, s->args[i]);
	}
	if (s->body)
		hoist_block(a, known, h, s->body);
	if (s->orelse)
		hoist_block(a, known, h, s->orelse);
	for (int i = 0; i < s->n_roles; i++)
		hoist_block(a, known, h, s->roles[i].body);
}

static void insert(struct arena *a, struct known *known, struct k_block *b,
	int at, const struct hoist *h)
{
	struct k_block with = { { 0 } };

	for (int i = 0; i < b->s.n; i++) {
		for (int j = 0; i == at && j < h->made.n; j++)
			vec_push(a, &with.s, h->made.v[j]);
		vec_push(a, &with.s, b->s.v[i]);
	}
	*b = with;
	for (int j = 0; j < h->made.n; j++)
		vec_push(a, &known->lets, &h->made.v[j]);
}

static void hoist_block(struct arena *a, struct known *known, struct hoist *h,
	struct k_block *b)
{
	int mark = known->lets.n;

	for (int i = 0; i < b->s.n; i++) {
		struct ks *s = &b->s.v[i];
		struct hoist own = { .a = a, .known = known, .outer = h };

		if (s->kind != KS_FOR || s->loop != LOOP_UNROLLED) {
			hoist_statement(a, known, h, s);
			continue;
		}
		vec_push(a, &own.defs, ((struct defined){ s->var, NULL }));
		define(&own, s->body);
		hoist_block(a, known, &own, s->body);
		insert(a, known, b, i, &own);
		i += own.made.n;
	}
	known->lets.n = mark;
}

void kernel_hoist(struct arena *a, struct kernel *k)
{
	struct known known = { { 0 } };

	bound_block(&k->body);
	hoist_block(a, &known, NULL, &k->body);
	kernel_prune(a, k);
}

void program_hoist(struct arena *a, struct program *p)
{
	for (int i = 0; i < p->prepare.n; i++)
		if (p->prepare.v[i].kind == P_LAUNCH)
			kernel_hoist(a, p->prepare.v[i].kernel);
	for (int i = 0; i < p->steps.n; i++)
		if (p->steps.v[i].kind == P_LAUNCH)
			kernel_hoist(a, p->steps.v[i].kernel);
}
