/* SPDX-License-Identifier: MIT */
/* The wgmma sketch's bulk stores: which outputs tensor maps describe, what they
 * take of shared memory, and the code of a part: registers to swizzled rows, by
 * stmatrix where elements have 16 bits, and from there to memory.
 *
 * PTX ISA, "stmatrix": of 8 x 8 elements thread t has row t / 4, columns 2 (t % 4)
 * and the next, which is how wgmma leaves its sums; thread 8 i + j gives the
 * address of row j of matrix i, or with .trans of column j. Rows of 16 bytes meet
 * all banks once, for 8 of them lie in 8 distinct chunks of 128 bytes: the swizzle
 * of maps sees to that. */
#include "kernel/intrin.h"
#include "sketch/wgmma.h"

enum { MAP_ALIGN = 16, PART_ROWS = 64, CHUNK = 16, BARRIER = 2 };

static int bytes_of(const struct wgmma *f, int i)
{
	return dtype_row(f->of.epilogue.outputs[i].tensor->type)->bits / 8;
}

/* ---- what maps describe ---- */

static bool strided(const struct flat *f, int elem)
{
	int64_t bytes = f->n_runs ? f->runs[0].coef[0] * elem : MAP_ALIGN;

	return f->n_runs <= 1 && bytes > 0 && bytes % MAP_ALIGN == 0 &&
		bytes < (int64_t)1 << 40;
}

static bool contiguous(const struct flat *f)
{
	return f->n_runs == 1 && f->runs[0].coef[0] == 1;
}

static const char *describe(const struct task *t, const struct product *f,
	const struct output *o, struct store *s)
{
	const struct ir_contraction *c = &f->c;
	const struct flat *in = f->epilogue.along_n ? &s->n : &s->m;
	const struct flat *out = f->epilogue.along_n ? &s->m : &s->n;
	int elem = dtype_row(o->tensor->type)->bits / 8;
	struct ir_affine at;

	if (!o->stored || o->per_row)
		return "is no tensor of the product's elements";
	if (f->epilogue.rows)
		return "is stored row by row, with statistics of these";
	if (elem < 1 || elem > 4)
		return "has elements that bulk stores do not take: 1, 2 or 4 "
			"bytes";
	if (!ir_address(t->a, t->op, o->tensor, o->index, &at) ||
	    !flat_make(t->op, c->m, c->n_m, &at, 1, &s->m) ||
	    !flat_make(t->op, c->n, c->n_n, &at, 1, &s->n) ||
	    !flat_make(t->op, c->batch, c->n_batch, &at, 1, &s->batch))
		return "has no affine layout";
	if (s->m.open || s->n.open || s->batch.open)
		return "has a size that is known at the call only";
	if (at.c || !contiguous(in) || !strided(out, elem) ||
	    !strided(&s->batch, elem) || o->tensor->align % MAP_ALIGN)
		return "does not lie in contiguous rows that start at multiples "
			"of 16 bytes";
	return NULL;
}

void wgmma_store_analyse(const struct task *t, struct wgmma *f)
{
	for (int i = 0; i < f->of.epilogue.n; i++)
		f->stores[i].why = describe(t, &f->of,
			&f->of.epilogue.outputs[i], &f->stores[i]);
}

bool wgmma_stores(const struct wgmma *f)
{
	bool any = false;

	for (int i = 0; i < f->of.epilogue.n; i++)
		any |= !f->stores[i].why;
	return any;
}

/* ---- what it takes ---- */

/* Do neighbours in memory lie along an instruction's columns? */
static bool along_columns(const struct wgmma *f, const struct wgmma_plan *p)
{
	return f->of.epilogue.along_n != p->swap;
}

/* Elements of a row of a part whose lines are so long: as many of 128, 64 or 32
 * bytes, within which rows are swizzled, as divide them, or 16. */
static int panel(int length, int elem)
{
	int n = 128 / elem;

	while (length % n)
		n /= 2;
	return n;
}

static const char *unstored(const struct wgmma *f, struct arena *a)
{
	for (int i = 0; i < f->of.epilogue.n; i++) {
		const struct output *o = &f->of.epilogue.outputs[i];

		if (o->stored && !o->per_row)
			return arena_printf(a, "a bulk store wants a tensor "
				"that a map describes, and '%s' %s: bulk = 0",
				o->tensor->name, f->stores[i].why);
	}
	return "no result is stored by itself: bulk = 0";
}

/* What an epilogue reads for a step is on its way at once, where registers are not
 * full of sums. */
static int step_of(int columns, int sums)
{
	int n = sums <= 128 ? 32 : 16;

	while (columns % n)
		n /= 2;
	return n;
}

const char *wgmma_store_plan(const struct wgmma *f, struct arena *a,
	int columns, struct wgmma_plan *p)
{
	struct store_plan *s = &p->store;
	int n = columns < p->cols ? columns : p->cols;

	if (!columns)
		return NULL;
	if (!wgmma_stores(f))
		return unstored(f, a);
	if (p->of.joins)
		return "blocks of a cluster that join parts of a tile store "
			"their shares from registers: combine = workspace, or "
			"bulk = 0";
	if (p->halo && !f->of.epilogue.along_n)
		return "patches with a halo are stored by bulk where columns lie "
			"together: bulk = 0, or halo = off";
	if (p->of.shift_m || p->of.shift_n)
		return "bulk stores end where the tensor does, not where "
			"another tile begins: tail = predicate, or bulk = 0";
	if (p->swap && p->halo && n % p->of.left.halo.wide)
		return arena_printf(a, "bulk stores of %d columns are no whole "
			"rows of a patch %d wide: bulk = %d", n,
			p->of.left.halo.wide, p->of.left.halo.wide);
	if (n % 16 || p->cols % n)
		return arena_printf(a, "bulk stores of %d columns do not divide "
			"a tile's %d in multiples of 16: %s", n, p->cols,
			p->cols % 16 ? "bulk = 0" : arena_printf(a, "bulk = %d",
			p->cols % 32 ? 256 : 32));
	s->columns = n;
	s->step = step_of(n, wgmma_sums(p));
	s->parts = p->each * (p->cols / n);
	s->slots = s->parts > 1 ? 2 : 1;
	for (int i = 0; i < f->of.epilogue.n; i++) {
		s->takes[i] = !f->stores[i].why;
		if (s->takes[i])
			s->bytes += (int64_t)p->groups * p->of.crews *
				s->slots * PART_ROWS * n * bytes_of(f, i);
	}
	return NULL;
}

/* Each is written once, where 16 bytes of eight rows meet all banks, and read
 * once. Pairs of 4 bytes meet half of them. */
double wgmma_store_waves(const struct wgmma *f, const struct wgmma_plan *p)
{
	double waves = 0;

	for (int i = 0; i < f->of.epilogue.n && p->store.columns; i++)
		if (p->store.takes[i])
			waves += (double)p->of.bm * p->of.bn * bytes_of(f, i) /
				128 * (bytes_of(f, i) == 4 &&
				along_columns(f, p) ? 3 : 2);
	return waves;
}

/* ---- maps and room ---- */

static struct kx *num(const struct wgmma_store *s, int64_t v)
{
	return kx_int(s->of->a, v);
}

static const struct wgmma *sketch_of(const struct wgmma_store *s)
{
	return s->of->t->state;
}

static bool by_columns(const struct wgmma_store *s)
{
	return along_columns(sketch_of(s), s->p);
}

/* Of a part: neighbours in memory, and lines of them. */
static int line_length(const struct wgmma_store *s)
{
	return by_columns(s) ? s->p->store.columns : PART_ROWS;
}

static int lines(const struct wgmma_store *s)
{
	return by_columns(s) ? PART_ROWS : s->p->store.columns;
}

static int elem_of(const struct wgmma_store *s, int i)
{
	return bytes_of(sketch_of(s), i);
}

static int panel_of(const struct wgmma_store *s, int i)
{
	return panel(line_length(s), elem_of(s, i));
}

static void add_dim(struct k_map *m, const struct flat *f, int elem, int box)
{
	int64_t past = m->dims[0] * elem;

	m->dims[m->rank] = f->extent;
	m->strides[m->rank] = f->n_runs ? f->runs[0].coef[0] * elem :
		(past + MAP_ALIGN - 1) / MAP_ALIGN * MAP_ALIGN;
	m->box[m->rank++] = box;
}

static void create_output(struct wgmma_store *s, int i)
{
	struct arena *a = s->of->a;
	const struct wgmma *f = sketch_of(s);
	const struct ir_tensor *t = f->of.epilogue.outputs[i].tensor;
	const struct store *o = &f->stores[i];
	const struct flat *in = f->of.epilogue.along_n ? &o->n : &o->m;
	const struct flat *out = f->of.epilogue.along_n ? &o->m : &o->n;
	int width = panel_of(s, i), elem = elem_of(s, i);
	int64_t dims[3] = { (int64_t)s->p->groups * s->p->of.crews *
		s->p->store.slots, (int64_t)line_length(s) / width * lines(s), width };
	struct k_map m = { .name = arena_printf(a, "%s_map", t->name),
		.of = s->of->out.buffers[t->id], .rank = 1,
		.dims = { in->extent }, .box = { width },
		.swizzle = width * elem > CHUNK ? width * elem : 0 };

	if (s->p->halo)
		wgmma_halo_map(s, &m, out, elem, lines(s));
	else
		add_dim(&m, out, elem, lines(s));
	if (o->batch.n_runs)
		add_dim(&m, &o->batch, elem, 1);
	s->out[i].map = kernel_map(s->of->k, m);
	s->out[i].tile = kernel_array(s->of->k, K_SHARED, arena_printf(a,
		"%s_tile", t->name), t->type, 3, dims, 1024);
	s->out[i].tile->comment = arena_printf(a, "[slot][panel of %ss, %s]"
		"[%s]", in == &o->n ? s->of->out.n.name : s->of->out.m.name,
		in == &o->n ? s->of->out.m.name : s->of->out.n.name,
		in == &o->n ? s->of->out.n.name : s->of->out.m.name);
}

/* ---- a part into shared memory ---- */

static struct kx *slot_of(const struct wgmma_store *s, struct kx *part)
{
	struct arena *a = s->of->a;
	struct kx *slots = num(s, s->p->store.slots);

	return kx_add(a, kx_mul(a, s->group, slots), kx_mod(a, part, slots));
}

/* How chunks of a line of output "i" change places: by what their number is
 * turned. */
static struct kx *turn_of(const struct wgmma_store *s, int i, struct kx *line)
{
	int bytes = panel_of(s, i) * elem_of(s, i);

	return kx_mod(s->of->a, kx_div(s->of->a, line, num(s, 128 / bytes)),
		num(s, bytes / CHUNK));
}

/* Element "rest" of chunk "chunk" of line "line", which its "turn" is of. */
static struct k_place place(const struct wgmma_store *s, int i, struct kx *line,
	struct kx *turn, struct kx *chunk, struct kx *rest)
{
	struct arena *a = s->of->a;
	int each = CHUNK / elem_of(s, i), chunks = panel_of(s, i) / each;
	struct kx *at = kx_call(a, INTRIN_BIT_XOR, T_I32, 2, kx_mod(a, chunk,
		num(s, chunks)), turn);

	if (line_length(s) > panel_of(s, i))
		line = kx_add(a, kx_mul(a, kx_div(a, chunk, num(s, chunks)),
			num(s, lines(s))), line);
	else
		at = kx_call(a, INTRIN_BIT_XOR, T_I32, 2, chunk, turn);
	return k_place(s->out[i].tile, s->slot, line, kx_add(a, kx_mul(a, at,
		num(s, each)), rest));
}

/* The thread's result in row "r" and column "c" of the part. */
static struct k_place result(const struct wgmma_store *s, struct k_buffer *of,
	struct kx *r, struct kx *c)
{
	return by_columns(s) ? k_place(of, r, c) : k_place(of, c, r);
}

static struct kx *load(const struct wgmma_store *s, struct k_buffer *of,
	int r, struct kx *c)
{
	struct k_place p = result(s, of, num(s, r), c);

	return kx_load(s->of->a, of, p.index[0], p.index[1]);
}

static struct kx *pack(const struct wgmma_store *s, enum dtype t, struct kx *low,
	struct kx *high)
{
	struct arena *a = s->of->a;
	struct kx *mask = num(s, 0xffff);

	if (dtype_is_float(t))
		return kx_call(a, t == T_F16 ? INTRIN_PACK_F16 :
			INTRIN_PACK_BF16, T_U32, 2, low, high);
	low = kx_call(a, INTRIN_BIT_AND, T_I32, 2, kx_cast(a, T_I32, low), mask);
	high = kx_call(a, INTRIN_SHIFT_LEFT, T_I32, 2, kx_cast(a, T_I32, high),
		num(s, 16));
	return kx_cast(a, T_U32, kx_call(a, INTRIN_BIT_OR, T_I32, 2, low,
		high));
}

static struct kx *lane_of(const struct wgmma_store *s)
{
	return kx_mod(s->of->a, s->of->thread, num(s, 32));
}

/* The first row of a group's that the thread's warp has. */
static struct kx *warp_rows(const struct wgmma_store *s)
{
	struct arena *a = s->of->a;

	return kx_mul(a, kx_mod(a, kx_div(a, s->of->thread, num(s, 32)), num(s,
		4)), num(s, 16));
}

/* Of 16 columns four matrices: the upper rows of the left 8, the lower, then those
 * of the right 8. The thread's row of one is a line of 16, or with .trans its
 * column is. */
static void find_matrix(struct wgmma_store *s, struct k_block *b, int i)
{
	struct arena *a = s->of->a;
	struct kx *lane = lane_of(s), *half = kx_div(a, lane, num(s, 16));
	struct kx *rows = warp_rows(s), *line, *chunk;

	if (by_columns(s)) {
		line = kx_add(a, rows, kx_mod(a, lane, num(s, 16)));
		chunk = half;
	} else {
		line = kx_add(a, kx_mul(a, half, num(s, 8)), kx_mod(a, lane,
			num(s, 8)));
		chunk = kx_add(a, kx_div(a, rows, num(s, 8)), kx_mod(a,
			kx_div(a, lane, num(s, 8)), num(s, 2)));
	}
	s->out[i].line = ks_let(a, b, "line", line);
	s->out[i].chunk = ks_let(a, b, "chunk", chunk);
	s->out[i].turn = ks_let(a, b, "turn", turn_of(s, i, s->out[i].line));
}

/* Of the step's 16 columns those from the thread's "c" on, which are numbers 16 q
 * and so on in the part. */
static void put_matrices(struct wgmma_store *s, struct k_block *b, int i,
	struct kx *q, struct kx *c, struct k_buffer *of)
{
	struct arena *a = s->of->a;
	enum dtype t = sketch_of(s)->of.epilogue.outputs[i].tensor->type;
	struct kx *line = s->out[i].line, *chunk = s->out[i].chunk;

	for (int j = 0; j < 4; j++) {
		struct kx *at = kx_add(a, c, num(s, j / 2 * 2));

		ks_store(a, b, k_place(s->packed, num(s, j)), pack(s, t,
			load(s, of, j % 2, at), load(s, of, j % 2, kx_add(a, at,
			num(s, 1)))));
	}
	if (by_columns(s))
		chunk = kx_add(a, kx_mul(a, q, num(s, 2)), chunk);
	else
		line = kx_add(a, kx_mul(a, q, num(s, 16)), line);
	ks_call(a, b, by_columns(s) ? INTRIN_STMATRIX_X4 :
		INTRIN_STMATRIX_X4_TRANS, 2, kx_address(a, place(s, i, line,
		s->out[i].turn, chunk, num(s, 0))), kx_address(a, k_place(
		s->packed, num(s, 0))));
}

/* By pairs of columns, or one by one: 8 columns of both rows at a time. */
static void put_elements(struct wgmma_store *s, struct k_block *b, int i,
	struct kx *q, struct kx *c, struct k_buffer *of)
{
	struct arena *a = s->of->a;
	int elem = elem_of(s, i), n = CHUNK / elem;
	struct kx *r, *h, *row, *col, *lane = lane_of(s);

	b = tile_loop(a, b, "r", 2, &r);
	b = tile_loop(a, b, "h", 2, &h);
	row = ks_let(a, b, "row", kx_add(a, kx_add(a, warp_rows(s), kx_mul(a, r,
		num(s, 8))), kx_div(a, lane, num(s, 4))));
	col = ks_let(a, b, "col", kx_add(a, kx_add(a, kx_mul(a, q, num(s, 16)),
		kx_mul(a, h, num(s, 8))), kx_mul(a, kx_mod(a, lane, num(s, 4)),
		num(s, 2))));
	for (int e = 0; e < (by_columns(s) ? 1 : 2); e++) {
		struct kx *own = kx_add(a, col, num(s, e));
		struct kx *line = by_columns(s) ? row : own;
		struct kx *in = by_columns(s) ? own : row;
		struct k_place to = place(s, i, line, turn_of(s, i, line),
			kx_div(a, in, num(s, n)), kx_mod(a, in, num(s, n)));
		struct k_place from = result(s, of, r, kx_add(a, c, kx_add(a,
			kx_mul(a, h, num(s, 2)), num(s, e))));

		if (by_columns(s))
			ks_copy(a, b, COPY_PLAIN, to, from, 2 * elem, NULL, 0);
		else
			ks_store(a, b, to, kx_load(a, of, from.index[0],
				from.index[1]));
	}
}

/* Rows whose chunks of 16 bytes change places. */
static void put_step(void *ctx, struct k_block *b, struct kx *q,
	struct k_buffer *const *values)
{
	struct wgmma_store *s = ctx;
	struct arena *a = s->of->a;
	int n = s->p->store.step / 16;
	struct kx *g, *c;

	b = tile_loop(a, b, "g", n, &g);
	q = kx_add(a, kx_mul(a, q, num(s, n)), g);
	c = kx_mul(a, g, num(s, 4));
	for (int i = 0; i < OUTPUTS_MAX; i++)
		if (values[i] && elem_of(s, i) == 2)
			put_matrices(s, b, i, q, c, values[i]);
		else if (values[i])
			put_elements(s, b, i, q, c, values[i]);
}

/* ---- and out of it ---- */

static struct k_block *one_of_group(struct wgmma_store *s, struct k_block *b)
{
	struct arena *a = s->of->a;

	return ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2, kx_mod(a, s->of->thread,
		num(s, 128)), num(s, 0)));
}

static void meet(struct wgmma_store *s, struct k_block *b)
{
	struct arena *a = s->of->a;

	ks_call(a, b, INTRIN_BARRIER_SYNC, 2, kx_add(a, num(s, BARRIER),
		s->group), num(s, 128));
}

/* Rows and columns of the product that the part begins at. */
static void first_of(const struct wgmma_store *s, struct kx *part, struct kx **m,
	struct kx **n)
{
	struct arena *a = s->of->a;
	const struct wgmma_plan *p = s->p;
	struct kx **rows = p->swap ? n : m, **cols = p->swap ? m : n;
	struct kx *at[2];

	store_part_at(&s->of->out, part, at);
	*m = s->of->m_first;
	*n = s->of->n_first;
	*rows = kx_add(a, *rows, kx_mul(a, kx_add(a, kx_mul(a, s->share, num(s,
		p->each)), at[p->swap]), num(s, PART_ROWS)));
	*cols = kx_add(a, *cols, kx_mul(a, at[!p->swap], num(s,
		p->store.columns)));
}

static void copy_out(struct wgmma_store *s, struct k_block *b, int i,
	struct kx *m, struct kx *n)
{
	struct arena *a = s->of->a;
	const struct k_map *map = s->out[i].map;
	bool along_n = sketch_of(s)->of.epilogue.along_n;
	int width = panel_of(s, i);
	struct kx *q, *in, *out = along_n ? m : n, *from;

	b = tile_loop(a, b, "q", line_length(s) / width, &q);
	in = kx_add(a, along_n ? n : m, kx_mul(a, q, num(s, width)));
	from = kx_address(a, k_place(s->out[i].tile, s->slot, kx_mul(a, q,
		num(s, lines(s))), num(s, 0)));
	if (s->p->halo)
		wgmma_halo_store(s, b, map, from, in, m);
	else if (map->rank == 2)
		ks_call(a, b, INTRIN_COPY_TENSOR_STORE_2D, 4, kx_map(a, map),
			from, in, out);
	else
		ks_call(a, b, INTRIN_COPY_TENSOR_STORE_3D, 5, kx_map(a, map),
			from, in, out, s->of->batch);
}

/* The slot that the part is written to has been read. Where a tile's parts do not
 * go round the slots evenly, the first waits for all of the tile before. */
static void wait_for_slot(struct wgmma_store *s, struct k_block *b,
	struct kx *part)
{
	struct arena *a = s->of->a;
	const struct store_plan *p = &s->p->store;
	struct k_block *one;

	if (!s->of->p->blocks && p->parts <= p->slots)
		return;
	ks_comment(a, b, p->slots > 1 ? "the last part but one has been read" :
		"the last part has been read");
	one = one_of_group(s, b);
	if (s->of->p->blocks && p->parts % p->slots)
		ks_call(a, ks_if(a, one, kx_op(a, OP_EQ, T_BOOL, 2, part, num(s,
			0))), INTRIN_COPY_BULK_WAIT_READ, 1, num(s, 0));
	ks_call(a, one, INTRIN_COPY_BULK_WAIT_READ, 1, num(s, p->slots - 1));
	meet(s, b);
}

static void open_part(void *ctx, struct k_block *b, struct kx *part)
{
	struct wgmma_store *s = ctx;

	wait_for_slot(s, b, part);
	s->slot = ks_let(s->of->a, b, "slot", slot_of(s, part));
	for (int i = 0; i < OUTPUTS_MAX; i++)
		if (s->p->store.takes[i] && elem_of(s, i) == 2)
			find_matrix(s, b, i);
}

static void close_part(void *ctx, struct k_block *b, struct kx *part)
{
	struct wgmma_store *s = ctx;
	struct arena *a = s->of->a;
	struct k_block *one;
	struct kx *m, *n;

	ks_call(a, b, INTRIN_FENCE_PROXY_ASYNC, 0);
	meet(s, b);
	one = one_of_group(s, b);
	first_of(s, part, &m, &n);
	for (int i = 0; i < OUTPUTS_MAX; i++)
		if (s->p->store.takes[i])
			copy_out(s, one, i, m, n);
	ks_call(a, one, INTRIN_COPY_BULK_COMMIT, 0);
}

/* ---- all ---- */

void wgmma_store_create(struct wgmma_store *s, const struct wgmma *f)
{
	const struct wgmma_plan *p = s->p;
	int steps = p->store.columns / p->store.step;
	int mine = p->store.step / 4;
	int64_t four = 4;
	bool matrices = false;

	s->parts = (struct store_parts){ .m = p->swap ? mine : 2,
		.n = p->swap ? 2 : mine, .steps_m = p->swap ? steps : 1,
		.steps_n = p->swap ? 1 : steps, .open = open_part,
		.put = put_step, .close = close_part, .ctx = s };
	for (int i = 0; i < f->of.epilogue.n; i++) {
		enum dtype t = f->of.epilogue.outputs[i].tensor->type;

		if (!p->store.takes[i])
			continue;
		s->parts.takes[i] = true;
		s->parts.as[i] = elem_of(s, i) == 2 ? lower_type(t) : t;
		matrices |= elem_of(s, i) == 2;
		create_output(s, i);
	}
	if (matrices)
		s->packed = kernel_array(s->of->k, K_REGISTER, "packed", T_U32,
			1, &four, 16);
	s->of->out.parts = &s->parts;
}

void wgmma_store_end(struct wgmma_store *s, struct k_block *b)
{
	ks_call(s->of->a, one_of_group(s, b), INTRIN_COPY_BULK_WAIT_READ, 1,
		num(s, 0));
}
