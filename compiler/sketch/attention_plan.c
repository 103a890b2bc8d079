/* SPDX-License-Identifier: MIT */
/* From a point of the attention sketch to everything that follows from it: warps,
 * tiles, shared memory, registers, grid; and whether that fits the target. */
#include "sketch/attention.h"

#include "base/number.h"
#include "sketch/asked.h"
#include "sketch/common.h"

enum { INSTRUCTION = 16, LEAST_TILE = 32 };

/* ---- whatever the point ---- */

struct search_reads {
	const struct attention *f;
	int n;
};

/* What a limit lies beside is the same for all of a block. */
static bool is_limit(const struct limit *l, const struct ir_expr *read)
{
	return l->beside && ir_reads(l->beside, read->tensor);
}

static void count_read(struct ir_expr *e, void *ctx)
{
	struct search_reads *s = ctx;

	s->n += e->kind == IR_READ && attention_output(s->f, e) < 0 &&
		!is_limit(&s->f->upto, e) && !is_limit(&s->f->from, e);
}

/* How many elements from memory a score meets on its way to a weight. */
static int reads_between(const struct attention *f)
{
	const struct epilogue *x = &f->scores.epilogue;
	struct search_reads s = { f, 0 };

	for (int i = 0; i < x->n; i++)
		if (x->outputs[i].value && (!x->outputs[i].per_row ||
		    x->outputs[i].reduction))
			ir_walk(x->outputs[i].value, count_read, &s);
	ir_walk((struct ir_expr *)f->w.weight, count_read, &s);
	return s.n;
}

/* Does every element have the same? nvcc computes it. */
static bool is_constant(const struct ir_expr *e)
{
	bool all = e->kind != IR_READ && e->kind != IR_AXIS;

	for (int i = 0; all && i < e->n_args; i++)
		all = is_constant(e->args[i]);
	return all;
}

/* Of an element between both products: what it passes through, each once. */
static struct cost_of value_cost(const struct attention *f,
	const struct ir_expr *e, bool *done)
{
	int i = attention_output(f, e);
	const struct output *o = i >= 0 ? &f->scores.epilogue.outputs[i] : NULL;
	struct cost_of c = { 0, 0, 0 };

	if (is_constant(e))
		return c;
	if (e->kind != IR_READ)
		c = expr_own_cost(e);
	if (o && (o->per_row || !o->value || done[i]))
		return c;
	if (o) {
		done[i] = true;
		return value_cost(f, o->value, done);
	}
	if (e->kind == IR_OP && attention_is_exp(f, e))
		return (struct cost_of){ 2 + f->w.far, 1, 2 + f->w.far };
	for (int k = 0; k < e->n_args && e->kind != IR_READ; k++)
		c = cost_add(c, value_cost(f, e->args[k], done));
	return c;
}

static struct cost_of element_cost(const struct attention *f)
{
	const struct epilogue *e = &f->scores.epilogue;
	bool done[OUTPUTS_MAX] = { false };
	struct cost_of c = value_cost(f, f->w.weight, done);

	for (int i = 0; i < e->n; i++)
		if (e->outputs[i].reduction)
			c = cost_add(cost_add(c, value_cost(f, i !=
				f->w.maximum ? e->outputs[i].value : f->limited ?
				f->w.seen : f->w.score, done)),
				(struct cost_of){ 1, 0, 1 });
	c.issue += 0.5;
	return c;
}

static bool lies_along(const struct operand *op, int order, bool k)
{
	return op->orders[order].k_inner == k;
}

static const char *check_bulk(struct arena *a, const struct operand *op,
	int order)
{
	struct stage s = { .op = op, .order = &op->orders[order] };
	const char *why = bulk_refuse(&s);

	return why ? arena_printf(a, "a bulk copy wants a tensor that a map "
		"describes, and '%s' %s: kind = mma", op->tensor->name, why) :
		NULL;
}

/* What no tile mends. */
static const char *check_groups(const struct task *t, const struct attention *f)
{
	const char *why;

	if (!t->target->wgmma)
		return arena_printf(t->a, "wgmma is an instruction of sm_90a, and "
			"the target is %s", t->target->name);
	if (!lies_along(f->query, f->order, true) ||
	    !lies_along(f->key, f->order, true) ||
	    !lies_along(f->value, f->value_order, false))
		return "wgmma wants queries, keys and values whose rows are "
			"contiguous: kind = mma";
	why = check_bulk(t->a, f->key, f->order);
	return why ? why : check_bulk(t->a, f->value, f->value_order);
}

void attention_measure(const struct task *t, struct attention *f)
{
	f->element = element_cost(f);
	f->reads = reads_between(f);
	for (int i = 0; i < f->scores.epilogue.n; i++)
		f->statistics += f->scores.epilogue.outputs[i].reduction != NULL;
	f->no_groups = check_groups(t, f);
}

/* ---- tiles ---- */

/* As a tile has them: a power of two, which divides among threads. */
static int tile_of(int64_t n)
{
	int tile = LEAST_TILE;

	while (tile < n)
		tile *= 2;
	return tile;
}

static const char *check_sixteens(struct arena *a, const char *whose,
	const char *name, int n)
{
	if (n >= INSTRUCTION && n % INSTRUCTION == 0 && n <= 1024)
		return NULL;
	return arena_printf(a, "a %s's %d of %s are no multiple of 16 up to "
		"1024: take %d", whose, n, name, n < INSTRUCTION ? INSTRUCTION :
		n > 1024 ? 1024 : n / INSTRUCTION * INSTRUCTION);
}

/* Four warps multiply 64 rows. */
static const char *plan_groups(const struct task *t, struct arena *a,
	struct attention_plan *p)
{
	const struct attention *f = t->state;

	if (f->no_groups)
		return f->no_groups;
	if (p->warp != INSTRUCTION)
		return arena_printf(a, "of 64 rows that four warps multiply each "
			"has 16, not %d", p->warp);
	if (p->keep)
		return arena_printf(a, "four warps read queries where they were "
			"copied: cache(%s, scope = shared)",
			f->query->tensor->name);
	if (p->keys > 256 || p->cols > 256)
		return arena_printf(a, "an instruction has up to 256 columns, not "
			"%d of %s", p->keys > 256 ? p->keys : p->cols,
			p->keys > 256 ? "keys" : "a row of values");
	if (p->rows % 64 || p->rows > 192)
		return arena_printf(a, "four warps multiply 64 rows: a block's "
			"%d are not 64, 128 or 192", p->rows);
	p->groups = p->rows / 64;
	return NULL;
}

static const char *plan_warps(const struct task *t, struct arena *a,
	const int *v, struct attention_plan *p)
{
	const struct attention *f = t->state;
	const char *why = check_sixteens(a, "block", f->rows_name, p->rows);

	if (!why)
		why = check_sixteens(a, "step", f->keys_name, p->keys);
	if (!why)
		why = check_sixteens(a, "warp", f->rows_name, p->warp);
	if (!why && v[ATTENTION_KIND] == KIND_WGMMA)
		why = plan_groups(t, a, p);
	if (!why && p->overlap && !p->groups)
		return "products of a warp's own instructions are in their order: "
			"overlap = off, or kind = wgmma";
	if (why)
		return why;
	if (p->rows % p->warp)
		return arena_printf(a, "a warp's %d of %s do not divide the "
			"block's %d", p->warp, f->rows_name, p->rows);
	p->warps = p->rows / p->warp;
	p->threads = 32 * p->warps;
	p->mine = p->warp / 8;
	if (p->threads > 1024)
		return arena_printf(a, "%d / %d gives %d warps, more than 32",
			p->rows, p->warp, p->warps);
	return asked_wrong(a, &f->open.v[ATTENTION_THREADS],
		v[ATTENTION_THREADS], p->threads);
}

static const char *read_values(const struct task *t, struct arena *a,
	const int *v, struct attention_plan *p)
{
	const struct attention *f = t->state;

	*p = (struct attention_plan){ .rows = v[ATTENTION_ROWS],
		.keys = v[ATTENTION_KEYS], .warp = v[ATTENTION_WARP],
		.stages = v[ATTENTION_STAGES], .keep = v[ATTENTION_KEEP],
		.overlap = v[ATTENTION_OVERLAP], .split = v[ATTENTION_SPLIT] };
	if (f->depth > 1024 || f->cols > 1024)
		return "a row of queries or of values has more than 1024 "
			"elements";
	if (p->split < 1)
		return "keys are split by 1 or more";
	if (p->stages < 2 || p->stages > 16)
		return arena_printf(a, "keys are copied ahead: 2 to 16 stages, "
			"not %d", p->stages);
	p->depth = (int)number_ceil(f->depth, INSTRUCTION) * INSTRUCTION;
	p->cols = (int)number_ceil(f->cols, INSTRUCTION) * INSTRUCTION;
	return plan_warps(t, a, v, p);
}

/* Rows of 16 bytes, which change places where there are some along a row. */
static const char *plan_stage(struct arena *a, const struct operand *op,
	int order, int rows, int k, struct attention_plan *p, struct stage *s)
{
	*s = (struct stage){ .op = op, .order = &op->orders[order],
		.tile_rows = rows, .tile_k = k, .threads = p->threads,
		.vec = op->orders[order].vec, .async = true, .matrix = true,
		.group = 1, .lanes = 8,
		.wide = op->tensor->elements > INT32_MAX };
	s->swizzled = s->order->k_inner;
	s->padded = !s->swizzled;
	if (s->vec * op->elem < 4)
		return arena_printf(a, "asynchronous copies move 4 bytes or "
			"more, which the layout of '%s' does not allow",
			op->tensor->name);
	return stage_plan(a, s);
}

/* A tile as one that instructions of four warps read. */
static const char *plan_bulk(struct arena *a, const struct operand *op,
	int order, int rows, int k, struct stage *s)
{
	*s = (struct stage){ .op = op, .order = &op->orders[order],
		.tile_rows = rows, .tile_k = k, .bulk = true, .matrix = true,
		.vec = op->orders[order].vec, .group = 1, .lanes = 8,
		.align = 1024, .panel = rows % 64 == 0 ? 64 : rows % 32 == 0 ?
			32 : 16 };
	s->swizzled = s->order->k_inner;
	return stage_plan(a, s);
}

/* Queries that no map describes, or that lie in pages, are copied by the threads that
 * multiply. */
static const char *plan_queries(const struct attention *f, struct arena *a,
	int part, struct attention_plan *p)
{
	const char *why = plan_bulk(a, f->query, f->order, p->rows, part,
		&p->query);

	if (why || (!bulk_refuse(&p->query) && !f->query->entry))
		return why;
	why = plan_stage(a, f->query, f->order, p->rows, part, p, &p->query);
	p->query.align = 1024;
	return why;
}

static const char *plan_bulks(const struct attention *f, struct arena *a,
	struct attention_plan *p)
{
	int part = p->depth > 32 ? 64 : p->depth > 16 ? 32 : 16;
	const char *why = plan_queries(f, a, part, p);

	p->chunks = (p->depth + part - 1) / part;
	if (!why)
		why = plan_bulk(a, f->key, f->order, p->keys, part, &p->key);
	if (!why)
		why = plan_bulk(a, f->value, f->value_order, p->cols, p->keys,
			&p->value);
	return why;
}

static const char *plan_stages(const struct attention *f, struct arena *a,
	struct attention_plan *p)
{
	int depth = tile_of(f->depth), cols = tile_of(f->cols);
	const char *why;

	p->ragged = f->keys % p->keys || f->key->rows.open;
	if (p->groups)
		return plan_bulks(f, a, p);
	p->chunks = 1;
	why = plan_stage(a, f->query, f->order, p->rows, depth, p, &p->query);
	if (!why)
		why = plan_stage(a, f->key, f->order, p->keys, depth, p,
			&p->key);
	if (!why)
		why = plan_stage(a, f->value, f->value_order, cols, p->keys, p,
			&p->value);
	return why;
}

/* ---- registers and shared memory ---- */

/* Both sums, of which the first become factors; queries, if they stay; fragments;
 * copies; what rows have; addresses and loops; by what ptxas takes, loads on their
 * way, of what scores meet and of parts that are joined, for which it has sums twice
 * where they are made in the loop's last turn. */
static int estimate_regs(const struct attention *f,
	const struct attention_plan *p)
{
	int blocks = p->warp / INSTRUCTION, rows = 1;
	int sums = blocks * p->cols / 2, scores = blocks * p->keys / 2;
	int queries = blocks * (p->keep ? p->depth / INSTRUCTION : 1) * 4;
	int loads = 14 * f->reads + (p->split > 1 ? 16 : 0) +
		(p->ragged || f->limited ? 8 : 0) +
		(f->upto.there && f->from.there ? 8 : 0);

	for (int i = 0; i < f->scores.epilogue.n; i++)
		rows += f->scores.epilogue.outputs[i].per_row;
	if (p->groups)
		return sums + scores + scores / 2 + rows * p->mine + 32 + loads +
			(p->query.bulk ? 0 : 8) + (p->split > 1 && !p->overlap ?
			sums / 2 : 0);
	return sums + scores + scores / 4 + queries + 16 + rows * p->mine + loads +
		staging_regs(&p->key) + staging_regs(&p->value) +
		stage_entries(&p->key) + (stage_entries_alike(&p->key,
		&p->value) ? 0 : stage_entries(&p->value)) + 24;
}

/* One warp copies, or four where those that multiply want their registers. */
static const char *plan_helpers(const struct task *t, struct arena *a,
	struct attention_plan *p)
{
	const struct share_of_registers *s = promise_share(p->groups,
		p->keys > p->cols ? p->keys : p->cols);

	p->helpers = 32;
	p->occupancy = target_occupancy(t->target, p->threads + p->helpers,
		p->regs, (int)p->shared_bytes);
	if (!p->occupancy && s && p->regs <= s->keep) {
		p->helpers = 128;
		p->give_regs = s->give;
		p->keep_regs = s->keep;
		p->occupancy = 1;
	}
	return p->occupancy ? NULL : arena_printf(a, "%d keys and %d of a row of "
		"values take about %d registers of each of %d threads, more "
		"than there are", p->keys, p->cols, p->regs, p->threads);
}

static const char *refuse_shared(const struct task *t, struct arena *a,
	const struct attention_plan *p, int64_t stages)
{
	return arena_printf(a, "queries and %d stages of %d keys and values take "
		"%lld bytes of shared memory, %s has %d: %s", p->stages, p->keys,
		(long long)p->shared_bytes, t->target->name,
		t->target->smem_block, stages < 2 ? "take fewer keys a step, or "
		"fewer rows" : arena_printf(a, "%lld stages fit",
		(long long)stages));
}

/* Fewer rows a warp, or else fewer keys a step. */
static const char *refuse_regs(const struct task *t, struct arena *a,
	const struct attention_plan *p)
{
	struct attention_plan less = *p;
	const char *mend;

	while (less.keys > INSTRUCTION && estimate_regs(t->state, &less) >
	       MOST_REGS)
		less.keys -= INSTRUCTION;
	mend = p->warp > INSTRUCTION ? arena_printf(a, "take %d", p->warp / 2 /
		INSTRUCTION * INSTRUCTION) : estimate_regs(t->state, &less) >
		MOST_REGS ? "no number of keys is small enough" :
		arena_printf(a, "take %d keys a step", less.keys);
	return arena_printf(a, "a warp's %d rows take about %d registers a thread, "
		"more than %d: %s", p->warp, p->regs, MOST_REGS, mend);
}

/* "n" tiles, up to where the next may begin. */
static int64_t tiles_bytes(const struct stage *s, int64_t n)
{
	int64_t align = s->align ? s->align : 16;

	return number_ceil(n * stage_bytes(s), align) * align;
}

/* One for queries, and of keys and of values two for each stage. */
static int64_t barrier_bytes(const struct attention_plan *p)
{
	int64_t ring = number_ceil(8 * p->stages, 16) * 16;

	return (p->groups ? 16 + 4 * ring : 0) + (p->split > 1 ? PARTS_SHARED :
		0);
}

static const char *plan_resources(const struct task *t, struct arena *a,
	struct attention_plan *p)
{
	int64_t each = p->chunks * stage_bytes(&p->key) + stage_bytes(&p->value);

	p->shared_bytes = tiles_bytes(&p->query, p->chunks) +
		tiles_bytes(&p->key, (int64_t)p->stages * p->chunks) +
		tiles_bytes(&p->value, p->stages) + barrier_bytes(p);
	if (p->shared_bytes > t->target->smem_block)
		return refuse_shared(t, a, p, p->stages - number_ceil(
			p->shared_bytes - t->target->smem_block, each));
	p->regs = estimate_regs(t->state, p);
	if (p->regs > MOST_REGS)
		return refuse_regs(t, a, p);
	if (p->groups)
		return plan_helpers(t, a, p);
	return promise_room(t->target, p->threads, p->regs,
		(int)p->shared_bytes, &p->occupancy);
}

/* Each block that shares in the keys of rows has some. */
static const char *plan_split(const struct task *t, struct arena *a,
	struct attention_plan *p)
{
	const struct attention *f = t->state;
	int64_t left = (int64_t)p->threads * (p->mine / 2 * (p->cols / 2) +
		f->statistics * p->mine) * 4;

	if (p->split == 1)
		return NULL;
	if (f->key->rows.open)
		return "keys are split where their number is known";
	if (f->limited && ir_any_open(t->op, f->row_axes, f->n_row_axes))
		return "keys are split where it is known which of them rows see";
	if (p->spans.bare)
		return arena_printf(a, "split_k by %d leaves parts empty: there "
			"are %lld steps of %d keys%s", p->split,
			(long long)p->spans.bare, p->keys, p->spans.bare <
			p->steps ? ", where a mask hides the others" : "");
	p->workspace_bytes = p->blocks * (p->split * left + 4);
	return p->workspace_bytes > (int64_t)1 << 30 ? "split_k would need more "
		"than 1 GiB of workspace" : NULL;
}

static const char *plan_grid(const struct task *t, struct arena *a,
	struct attention_plan *p)
{
	const struct attention *f = t->state;

	p->tiles = number_ceil(f->rows, p->rows);
	p->blocks = p->tiles * f->batch;
	p->steps = number_ceil(f->keys, p->keys);
	attention_spans(t, p, &p->spans);
	return p->blocks > INT32_MAX ? "the grid is larger than 2^31 blocks" :
		plan_split(t, a, p);
}

const char *attention_plan(const struct task *t, struct arena *a,
	const int *values, struct attention_plan *p)
{
	const struct attention *f = t->state;
	const char *why = read_values(t, a, values, p);

	if (!why)
		why = plan_stages(f, a, p);
	if (!why)
		why = plan_resources(t, a, p);
	if (!why)
		why = plan_grid(t, a, p);
	if (!why)
		p->promised = p->keep_regs ? 1 : promise_blocks(t->target,
			p->threads + p->helpers, p->regs, f->reads * p->mine *
			p->keys / 4, (int)p->shared_bytes);
	return why;
}
