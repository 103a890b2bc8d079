/* SPDX-License-Identifier: MIT */
/* Fragments of wgmma's left factor: what they take, and the code that makes one of
 * raw elements in shared memory.
 *
 * PTX ISA, "Register Fragments for wgmma": of 16 rows and 32 bytes of the reduction
 * thread t of a warp has rows t / 4 and t / 4 + 8, and of each the 4 bytes number
 * t % 4 of the first 16 and of the second: registers 0 and 1 are the two rows of
 * the first, 2 and 3 those of the second. */
#include "sketch/wgmma_fragment.h"

#include "kernel/intrin.h"
#include "sketch/common.h"
#include "sketch/precision.h"
#include "sketch/walk.h"
#include "sketch/wgmma.h"

enum { REGISTERS = 4, FRAGMENTS = 2, SWIZZLED = 128 };

/* Elements of a register. */
static int per_register(const struct wgmma *f)
{
	return 4 / (dtype_row(f->tile)->bits / 8);
}

static const struct stage *stage_of(const struct wgmma_plan *p)
{
	return p->swap ? &p->of.right : &p->of.left;
}

static const struct operand *operand_of(const struct wgmma *f,
	const struct wgmma_plan *p)
{
	return p->swap ? &f->of.right : &f->of.left;
}

/* Raw elements of which a register's are made. */
static int raw_elements(const struct wgmma *f, const struct wgmma_plan *p)
{
	int n = per_register(f) / stage_of(p)->order->share;

	return n ? n : 1;
}

/* Bytes that are read at once. */
static int read_bytes(const struct wgmma *f, const struct wgmma_plan *p)
{
	const struct stage *s = stage_of(p);

	return (s->order->k_inner ? raw_elements(f, p) : 1) * s->op->elem;
}

/* Of one step of the reduction. */
static int reads(const struct wgmma *f, const struct wgmma_plan *p)
{
	return p->each * REGISTERS * (stage_of(p)->order->k_inner ? 1 :
		raw_elements(f, p));
}

static int elements(const struct wgmma *f, const struct wgmma_plan *p)
{
	return p->each * REGISTERS * per_register(f);
}

/* ---- what it takes ---- */

const char *wgmma_fragment_plan(const struct wgmma *f, struct arena *a,
	const struct wgmma_plan *p)
{
	const struct stage *s = stage_of(p);
	const char *name = s->op->tensor->name;
	int bytes = s->tile_k * s->op->elem;

	if (p->promote && p->promote < p->of.bk)
		return arena_printf(a, "rows from registers are scaled at the "
			"end of a chunk, and of %d of %s each %d have a scale: "
			"from = shared, or chunks of %d", p->of.bk, f->of.k_name,
			p->promote, p->promote);
	if (p->of.bk < FRAGMENTS * f->row->k)
		return arena_printf(a, "a fragment of '%s' is made while the one "
			"before is multiplied: a chunk has %d of %s at least, "
			"not %d", name, FRAGMENTS * f->row->k, f->of.k_name,
			p->of.bk);
	if (p->of.bulk && s->order->k_inner && (bytes < 32 ||
	    bytes > SWIZZLED))
		return arena_printf(a, "bulk copies swizzle rows within 32, 64 or "
			"128 bytes: %d of %s are %d of '%s', take %d",
			p->of.bk, f->of.k_name, bytes, name, (bytes < 32 ? 32 :
			SWIZZLED) / s->op->elem * s->order->share);
	return NULL;
}

int wgmma_fragment_regs(const struct wgmma *f, const struct wgmma_plan *p)
{
	int raw = p->each * REGISTERS * raw_elements(f, p) *
		stage_of(p)->op->elem;
	int made = FRAGMENTS * p->each * REGISTERS * (p->thrice ? 2 : 1);

	return made + (raw + 3) / 4 + (operand_of(f, p)->value ? 10 : 2);
}

static double steps(const struct wgmma *f, const struct wgmma_plan *p)
{
	return (double)p->of.bk / f->row->k;
}

/* Each element is taken apart from what is read of it at once, unless that is one
 * element, computed, and put together with those of its register. */
double wgmma_fragment_issue(const struct wgmma *f, const struct wgmma_plan *p)
{
	const struct operand *op = operand_of(f, p);
	double each = (per_register(f) > 1 ? 0.5 : 0) +
		(raw_elements(f, p) > 1 ? 1 : 0);

	if (op->value)
		each += computed_cost(op->value).issue + 1;
	if (p->thrice)
		each += 3;
	return steps(f, p) * (2.0 * reads(f, p) + each * elements(f, p) + 4);
}

double wgmma_fragment_special(const struct wgmma *f,
	const struct wgmma_plan *p)
{
	const struct operand *op = operand_of(f, p);

	return op->value ? steps(f, p) * elements(f, p) *
		computed_cost(op->value).special : 0;
}

/* A warp's reads of 4 bytes and less each take one, longer ones more. */
double wgmma_fragment_waves(const struct wgmma *f, const struct wgmma_plan *p)
{
	int wide = (read_bytes(f, p) + 3) / 4;

	return steps(f, p) * p->groups * 4 * reads(f, p) * wide;
}

/* ---- code ---- */

static struct kx *num(const struct wgmma_fragment *g, int64_t v)
{
	return kx_int(g->of->a, v);
}

void wgmma_fragment_create(struct wgmma_fragment *g)
{
	struct kernel *k = g->of->k;
	int64_t raw[3] = { g->p->each, REGISTERS, raw_elements(g->f, g->p) };
	int64_t part[3] = { FRAGMENTS, g->p->each, REGISTERS };

	g->x = g->p->swap ? &g->of->right : &g->of->left;
	g->op = operand_of(g->f, g->p);
	g->raw = kernel_array(k, K_REGISTER, arena_printf(g->of->a, "%s_raw",
		g->x->name), g->op->tensor->type, 3, raw, 16);
	g->part = kernel_array(k, K_REGISTER, arena_printf(g->of->a, "%s_part",
		g->x->name), T_U32, 3, part, 16);
	if (g->p->thrice)
		g->rest = kernel_array(k, K_REGISTER, arena_printf(g->of->a,
			"%s_rest", g->x->name), T_U32, 3, part, 16);
}

void wgmma_fragment_own(struct wgmma_fragment *g, struct k_block *b,
	struct kx *group, struct kx *warp, struct kx *lane)
{
	struct arena *a = g->of->a;
	struct kx *first = g->p->swap ? g->of->n_first : g->of->m_first;

	g->row = ks_let(a, b, "fragment_row", kx_add(a, kx_add(a, kx_mul(a,
		group, num(g, 64 * g->p->each)), kx_mul(a, warp, num(g, 16))),
		kx_div(a, lane, num(g, 4))));
	g->own = ks_let(a, b, "fragment_own", kx_add(a, first, g->row));
	g->column = ks_let(a, b, "fragment_k", kx_mul(a, kx_mod(a, lane, num(g,
		4)), num(g, per_register(g->f))));
}

/* Is it 0 where what is read is, and the place does not matter? */
static bool keeps_zero(const struct ir_expr *e)
{
	while (e->kind == IR_CAST)
		e = e->args[0];
	return e->kind == IR_READ;
}

void wgmma_fragment_open(struct wgmma_fragment *g, struct k_block *b,
	struct kx *slot)
{
	g->slot = slot;
	g->x->computed.batch = g->of->batch;
	if (g->op->value && !keeps_zero(g->op->value))
		g->chunk = tiled_chunk(g->of, b);
}

/* Register "r" of instruction "i": its row, from the thread's first on, and its
 * step from "kk" on. */
static struct kx *row_of(const struct wgmma_fragment *g, struct kx *i,
	struct kx *r)
{
	struct arena *a = g->of->a;

	return kx_add(a, kx_mul(a, i, num(g, 64)), kx_mul(a, kx_mod(a, r, num(g,
		2)), num(g, 8)));
}

static struct kx *step_of(const struct wgmma_fragment *g, struct kx *kk,
	struct kx *r)
{
	struct arena *a = g->of->a;

	return kx_add(a, kx_add(a, kk, kx_mul(a, kx_div(a, r, num(g, 2)), num(g,
		4 * per_register(g->f)))), g->column);
}

static struct k_block *each_register(const struct wgmma_fragment *g,
	struct k_block *b, struct kx **i, struct kx **r)
{
	b = tile_loop(g->of->a, b, "i", g->p->each, i);
	return tile_loop(g->of->a, b, "r", REGISTERS, r);
}

void wgmma_fragment_load(struct wgmma_fragment *g, struct k_block *b,
	struct kx *kk)
{
	struct arena *a = g->of->a;
	struct kx *i, *r, *e, *row, *k;

	b = each_register(g, b, &i, &r);
	row = kx_add(a, g->row, row_of(g, i, r));
	k = kx_div(a, step_of(g, kk, r), num(g, g->x->s->order->share));
	if (g->x->s->order->k_inner) {
		ks_copy(a, b, COPY_PLAIN, k_place(g->raw, i, r, num(g, 0)),
			stager_place(g->x, g->slot, row, k), read_bytes(g->f,
			g->p), NULL, 0);
		return;
	}
	b = tile_loop(a, b, "e", raw_elements(g->f, g->p), &e);
	ks_copy(a, b, COPY_PLAIN, k_place(g->raw, i, r, e), stager_place(g->x,
		g->slot, row, kx_add(a, k, e)), g->op->elem, NULL, 0);
}

/* Rows and steps beyond the operand's are read as its last. */
static struct kx *clamped(const struct wgmma_fragment *g, struct kx *at,
	int64_t extent, bool beyond)
{
	return beyond ? kx_op(g->of->a, OP_MIN, T_I32, 2, at, num(g, extent - 1)) :
		at;
}

/* What is rounded to a type of 16 bits, as f32. */
static struct kx *unrounded(struct arena *a, struct kx *x)
{
	bool rounds = x->kind == KX_CAST && x->args[0]->type != T_F64;

	return kx_cast(a, T_F32, rounds ? x->args[0] : x);
}

/* Where in the reduction step "e" of those of a register is that begin at "k" of the
 * chunk. */
static struct near place_of(const struct wgmma_fragment *g, struct kx *k,
	int e)
{
	const struct chunk *c = &g->chunk;
	struct arena *a = g->of->a;
	int n = per_register(g->f);

	if (!c->k0)
		return near_at(kx_add(a, k, num(g, e)));
	if (c->limit)
		return near_at(clamped(g, kx_add(a, c->k0, kx_add(a, k, num(g,
			e))), g->of->f->k, true));
	return near_in(near_in(near_at(c->k0), g->p->of.bk, k), n, num(g, e));
}

/* The value of step "e" from "k" of the chunk on, 0 beyond the reduction's end. Of
 * two that a register has it is not rounded yet. */
static struct kx *value_of(struct wgmma_fragment *g, struct k_block *b,
	struct kx *raw, struct kx *row, struct kx *k, int e)
{
	struct arena *a = g->of->a;
	const struct chunk *c = &g->chunk;
	struct kx *v = raw;

	if (g->op->value)
		v = computed_value(&g->x->computed, b, g->op, raw, near_at(row),
			place_of(g, k, e));
	k = kx_add(a, k, num(g, e));
	if (per_register(g->f) == 2)
		v = unrounded(a, v);
	if (!c->limit)
		return v;
	return kx_op(a, OP_SELECT, v->type, 3, kx_lt(a, k, c->limit), v,
		kx_cast(a, v->type, num(g, 0)));
}

/* A register of values that follow one another. */
static struct kx *packed(const struct wgmma_fragment *g, struct kx *const *v)
{
	if (per_register(g->f) != 2)
		return kx_pack(g->of->a, v, per_register(g->f));
	return kx_call(g->of->a, g->f->tile == T_F16 ? INTRIN_PACK_F16 :
		INTRIN_PACK_BF16, T_U32, 2, v[0], v[1]);
}

static struct kx *which(const struct wgmma_fragment *g, struct kx *kk)
{
	struct arena *a = g->of->a;

	return kx_mod(a, kx_div(a, kk, num(g, g->f->row->k)), num(g, FRAGMENTS));
}

/* Written before the fence that the products stand behind. */
static void put(const struct wgmma_fragment *g, struct k_block *b,
	struct k_place to, struct kx *x)
{
	ks_store(g->of->a, b, to, kx_call(g->of->a, INTRIN_SETTLED_U32, T_U32, 1,
		x));
}

/* f32 as tf32, and what that leaves of it. */
static void put_both(const struct wgmma_fragment *g, struct k_block *b,
	struct k_place to, struct k_place rest, struct kx *x)
{
	struct arena *a = g->of->a;
	struct kx *low, *high = precision_split(a, b, x, &low);

	put(g, b, to, kx_bits(a, T_U32, high));
	put(g, b, rest, kx_bits(a, T_U32, low));
}

void wgmma_fragment_make(struct wgmma_fragment *g, struct k_block *b,
	struct kx *kk)
{
	struct arena *a = g->of->a;
	struct kx *v[4], *i, *r, *row, *k, *turn = which(g, kk);

	b = each_register(g, b, &i, &r);
	row = ks_let(a, b, "row", clamped(g, kx_add(a, g->own, row_of(g, i, r)),
		g->op->rows.extent, g->x->s->ragged));
	k = step_of(g, kk, r);
	for (int e = 0; e < per_register(g->f); e++)
		v[e] = value_of(g, b, kx_load(a, g->raw, i, r, num(g, e *
			raw_elements(g->f, g->p) / per_register(g->f))), row, k,
			e);
	if (g->rest)
		put_both(g, b, k_place(g->part, turn, i, r), k_place(g->rest,
			turn, i, r), v[0]);
	else
		put(g, b, k_place(g->part, turn, i, r), packed(g, v));
}

struct k_place wgmma_fragment_at(const struct wgmma_fragment *g,
	struct k_buffer *of, struct kx *kk, struct kx *i)
{
	return k_place(of, which(g, kk), i, num(g, 0));
}
