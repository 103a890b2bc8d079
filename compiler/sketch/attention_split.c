/* SPDX-License-Identifier: MIT */
/* Keys of a row shared out to several blocks, each of which goes over its part:
 * where there are few rows, as when one token after the other is made, nothing
 * else fills a GPU (Dao et al., "Flash-Decoding"). Sums and what rows have are left
 * in the workspace; the block that finishes last joins them in the order of the
 * parts, scaled to the greatest maximum. */
#include "sketch/attention.h"

#include "sketch/common.h"

/* Registers of a thread's sums and of what it asks of parts before it waits for any of
 * it; and parts that are written out at most. */
enum { AT_ONCE = 192, PARTS_AT_ONCE = 8 };

static struct kx *num(const struct attention_code *g, int64_t v)
{
	return kx_int(g->a, v);
}

static const struct output *output(const struct attention_code *g, int x)
{
	return &g->f->scores.epilogue.outputs[x];
}

static bool is_statistic(const struct attention_code *g, int x)
{
	return x < g->f->scores.epilogue.n && output(g, x)->reduction;
}

void attention_split_declare(struct attention_code *g)
{
	const struct attention_plan *p = g->p;
	int64_t rows = p->blocks * p->split * g->f->statistics *
		p->mine * p->threads;

	if (p->split == 1)
		return;
	g->parts = (struct parts){ .a = g->a, .program = g->program, .k = g->k,
		.tiles = p->blocks, .split = p->split, .rows = p->mine / 2,
		.cols = p->cols / 2, .threads = p->threads,
		.alone = p->helpers > 0, .acc = g->sums, .thread = g->thread };
	parts_declare(&g->parts, &g->step);
	if (rows)
		g->rows_left = program_bind_at(g->a, g->program, &g->step, g->k,
			program_workspace(g->a, g->program, "partial_rows",
			T_F32, rows), true);
}

/* Statistic number "n" of row "i" of the thread's, of part "part". */
static struct k_place left_at(const struct attention_code *g, struct kx *part,
	int n, struct kx *i)
{
	const struct attention_plan *p = g->p;
	struct arena *a = g->a;
	struct kx *at = kx_add(a, kx_mul(a, kx_special(a, K_BLOCK_X),
		num(g, p->split)), part);

	if (g->rows_left->wide)
		at = kx_cast(a, T_I64, at);
	at = kx_mul(a, at, num(g, (int64_t)g->f->statistics *
		p->mine * p->threads));
	at = kx_add(a, at, kx_mul(a, kx_add(a, i, num(g, (int64_t)n * p->mine)),
		num(g, p->threads)));
	return k_place(g->rows_left, kx_add(a, at, g->thread));
}

/* The thread's rows that there are: of one token a tile has few. */
static struct k_block *each_row(struct attention_code *g, struct k_block *b,
	struct kx **i)
{
	b = tile_loop(g->a, b, "i", g->p->mine, i);
	return g->rows_ragged ? ks_if(g->a, b, kx_lt(g->a, attention_row(g, *i),
		num(g, g->f->rows))) : b;
}

static void leave(struct attention_code *g, struct k_block *b)
{
	struct kx *part = kx_special(g->a, K_BLOCK_Y), *i, *c;
	struct k_place at;

	b = each_row(g, b, &i);
	for (int x = 0, n = 0; x < g->f->scores.epilogue.n; x++)
		if (is_statistic(g, x))
			ks_store(g->a, b, left_at(g, part, n++, i), kx_load(g->a,
				g->held[x], i));
	b = tile_loop(g->a, b, "c", g->p->cols / 4, &c);
	at = attention_element(g, g->sums, i, c);
	ks_store(g->a, b, parts_sum(&g->parts, part, at.index[0], at.index[1]),
		kx_load(g->a, g->sums, at.index[0], at.index[1]));
}

/* ---- joining ---- */

/* The greater of both maxima, and by how much what goes with each is scaled: "here"
 * what was joined so far, "there" the part. */
static void join_maximum(struct attention_code *g, struct k_block *b,
	struct kx *i, struct kx *theirs, struct kx **here, struct kx **there)
{
	struct k_buffer *held = g->held[g->f->w.maximum];
	struct arena *a = g->a;
	struct kx *before, *most, *shift;

	before = ks_let(a, b, "before", kx_load(a, held, i));
	theirs = ks_let(a, b, "theirs", theirs);
	most = ks_let(a, b, "most", kx_op(a, OP_MAX, T_F32, 2, before, theirs));
	shift = ks_let(a, b, "shift", attention_shift(g, most));
	ks_store(a, b, k_place(held, i), most);
	*here = ks_let(a, b, "here", attention_exp(g, before, shift));
	*there = ks_let(a, b, "there", attention_exp(g, theirs, shift));
}

/* x * here + y * there */
static struct kx *blend(const struct attention_code *g, struct kx *x,
	struct kx *here, struct kx *y, struct kx *there)
{
	return kx_op(g->a, OP_FMA, T_F32, 3, x, here, kx_op(g->a, OP_MUL, T_F32,
		2, y, there));
}

static void join_statistic(struct attention_code *g, struct k_block *b, int x,
	struct kx *i, struct kx *theirs, struct kx *here, struct kx *there)
{
	struct arena *a = g->a;
	struct kx *so_far = kx_load(a, g->held[x], i);
	struct running r;

	if (here && attention_scales(g->f, output(g, x)->value)) {
		ks_store(a, b, k_place(g->held[x], i), blend(g, so_far, here,
			theirs, there));
		return;
	}
	r = running_resume(a, b, "joined", output(g, x)->reduction->reducer,
		so_far, NULL);
	running_take(a, b, &r, theirs, NULL);
	ks_store(a, b, k_place(g->held[x], i), kx_var(a, r.value));
}

static void join_sums(struct attention_code *g, struct k_block *b,
	struct kx *part, struct kx *i, struct kx *here, struct kx *there)
{
	struct k_place at, left;
	struct kx *c, *theirs, *so_far;

	b = tile_loop(g->a, b, "c", g->p->cols / 4, &c);
	at = attention_element(g, g->sums, i, c);
	so_far = kx_load(g->a, g->sums, at.index[0], at.index[1]);
	left = parts_sum(&g->parts, part, at.index[0], at.index[1]);
	theirs = kx_load(g->a, left.buffer, left.index[0]);
	ks_store(g->a, b, at, here && g->f->w.scaled ? blend(g, so_far, here,
		theirs, there) : kx_op(g->a, OP_ADD, T_F32, 2, so_far, theirs));
}

static void join_part(struct attention_code *g, struct k_block *b,
	struct kx *part, struct kx *i)
{
	int n = g->f->scores.epilogue.n, maximum = g->f->w.maximum, at = 0;
	struct kx *here = NULL, *there = NULL, *theirs[OUTPUTS_MAX];

	for (int x = 0; x < n; x++)
		if (is_statistic(g, x)) {
			struct k_place left = left_at(g, part, at++, i);

			theirs[x] = kx_load(g->a, left.buffer, left.index[0]);
		}
	if (maximum >= 0)
		join_maximum(g, b, i, theirs[maximum], &here, &there);
	for (int x = 0; x < n; x++)
		if (is_statistic(g, x) && x != maximum)
			join_statistic(g, b, x, i, theirs[x], here, there);
	join_sums(g, b, part, i, here, there);
}

int attention_parts_at_once(const struct attention_plan *p)
{
	int n = AT_ONCE / (p->cols / 4) - p->mine;
	int most = p->split < PARTS_AT_ONCE ? p->split : PARTS_AT_ONCE;

	return n > most ? most : n > 1 ? n : 1;
}

static struct k_block *each_part(struct attention_code *g, struct k_block *b,
	struct kx **part)
{
	int n = attention_parts_at_once(g->p);
	struct k_block *inner = ks_for(g->a, b, n > 1 ? LOOP_UNROLLED :
		LOOP_SERIAL, "part", num(g, 0), num(g, g->p->split), num(g, 1),
		part);

	b->s.v[b->s.n - 1].factor = n;
	return inner;
}

/* Statistics of a part are still each lane's own, but for the maximum; they are
 * joined with the others' before lanes are. */
struct k_block *attention_split_join(struct attention_code *g,
	struct k_block *b)
{
	struct k_block *each;
	struct kx *part, *i;

	if (g->p->split == 1)
		return b;
	ks_comment(g->a, b, "leave this part; the last block joins them all");
	g->joined = true;
	leave(g, b);
	b = parts_last(&g->parts, b);
	attention_clear_sums(g, b);
	attention_rows_start(g, b);
	each = each_part(g, each_row(g, b, &i), &part);
	join_part(g, each, part, i);
	return b;
}
