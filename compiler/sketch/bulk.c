/* SPDX-License-Identifier: MIT */
/* Bulk tensor copies of an operand's tiles: where its rows and its reduction are
 * one run each, they are the first dimensions of a tensor map, and runs of its
 * batches the others; else it may be an image (bulk_image.c). */
#include "sketch/bulk.h"

#include "kernel/intrin.h"
#include "sketch/choice.h"

/* What a map needs of the runs: the innermost is contiguous, and the others'
 * strides are multiples of 16 bytes. */
enum { MAP_ALIGN = 16, BOX_MOST = 256 };

static const struct run *only_run(const struct flat *f)
{
	return f->n_runs ? &f->runs[0] : NULL;
}

static const struct flat *inner(const struct stage *s)
{
	return s->order->k_inner ? &s->order->k : &s->op->rows;
}

static const struct flat *outer(const struct stage *s)
{
	return s->order->k_inner ? &s->op->rows : &s->order->k;
}

static bool fits(const struct run *r, int elem)
{
	return !r || (r->coef[0] > 0 && r->coef[0] * elem % MAP_ALIGN == 0 &&
		r->coef[0] * elem < (int64_t)1 << 40);
}

/* Does what is "elements" behind an aligned address lie where a map may begin? */
bool bulk_begins(int64_t elements, int elem)
{
	return elements >= 0 && elements * elem % MAP_ALIGN == 0;
}

/* Is run "i" of the batches no dimension of the map, as choices alone move along
 * it? */
static bool stands_still(const struct operand *op, int i)
{
	return op->n_choices && !op->batch.runs[i].coef[0];
}

/* Dimensions of the map beside a tile's. */
static int batch_rank(const struct operand *op)
{
	int n = op->n_choices;

	for (int i = 0; i < op->batch.n_runs; i++)
		n += !stands_still(op, i);
	return n;
}

static bool batches_fit(const struct operand *op)
{
	for (int i = 0; i < op->batch.n_runs; i++)
		if (!stands_still(op, i) && !fits(&op->batch.runs[i], op->elem))
			return false;
	for (int i = 0; i < op->n_choices; i++)
		if (!fits(&(struct run){ .coef = { op->choices[i].stride } },
				op->elem))
			return false;
	return true;
}

static bool choices_open(const struct operand *op)
{
	for (int i = 0; i < op->n_choices; i++)
		if (op->choices[i].open)
			return true;
	return false;
}

/* Does it lie across the reduction, and its tiles along it? */
static bool turned(const struct stage *s)
{
	const struct run *in = only_run(inner(s)), *out = only_run(outer(s));

	return in && in->coef[0] != 1 && out && out->coef[0] == 1;
}

/* Are its edges but the end of its rows, behind which a map has zeros, too? */
static bool ends_in_rows(const struct operand *op)
{
	const struct ir_affine *f = &op->forms[1];
	bool along = false;

	if (op->n_forms != 2 || op->entry || op->rows.n_runs != 1 || f->c ||
	    op->rows.runs[0].coef[1] != 1 || op->size[1] > op->rows.extent)
		return false;
	for (int i = 0; i < op->batch.n_runs; i++)
		along |= op->batch.runs[i].coef[1] != 0;
	for (int i = 0; i < op->orders[0].k.n_runs; i++)
		along |= op->orders[0].k.runs[i].coef[1] != 0;
	return !along;
}

/* Elements along one of the operand's flats that a map may read. */
static int64_t within(const struct stage *s, const struct flat *f)
{
	return f == &s->op->rows && s->op->n_forms > 1 ? s->op->size[1] :
		f->extent;
}

static const char *matrix_refuse(const struct stage *s)
{
	const struct operand *op = s->op;
	const struct run *in = only_run(inner(s));

	if (op->value)
		return "is computed on its way to shared memory";
	if (op->entry)
		return "is found by a table";
	if (op->n_forms > 1 && !ends_in_rows(op))
		return "is read beyond its edges";
	if (op->rows.n_runs > 1 || s->order->k.n_runs > 1)
		return "does not lie along rows and the reduction at one stride "
			"each";
	if (batch_rank(op) > K_MAP_RANK - 2)
		return "has more axes of batches than a map has dimensions";
	if (op->rows.open || op->batch.open || s->order->k.open ||
	    choices_open(op))
		return "has a size that is known at the call only";
	if (turned(s))
		return "is contiguous across the reduction, along which its "
			"tiles lie";
	if (!bulk_begins(op->forms[0].c, op->elem) || (in && in->coef[0] != 1) ||
	    !fits(only_run(outer(s)), op->elem) ||
	    !batches_fit(op) ||
	    op->tensor->align % MAP_ALIGN)
		return "does not lie in contiguous rows that start at multiples "
			"of 16 bytes";
	return NULL;
}

bool bulk_deals(const struct operand *op, int order, int group)
{
	struct stage s = { .op = op, .order = &op->orders[order] };

	return s.order->k_inner && op->n_forms == 1 && !matrix_refuse(&s) &&
		!op->batch.n_runs &&
		!op->n_choices && op->rows.n_runs &&
		op->rows.extent % (4 * group) == 0;
}

/* What reads a tensor of images as such says why it is none; a matrix why it is no
 * matrix. */
const char *bulk_never(const struct stage *s)
{
	const char *why = s->op->entry ? pages_refuse(s) : matrix_refuse(s);

	if (!why || !s->image || (s->image->why && !*s->image->why))
		return why;
	if (!s->image->why && s->image->groups > 1 && !s->halo.high)
		return "is an image of several groups, for which a map of images "
			"has no dimension";
	return s->image->why;
}

int bulk_rows(const struct stage *s)
{
	return s->tile_rows / (s->shares ? s->shares : 1);
}

/* The largest number that divides both. */
static int common(int x, int y)
{
	return y ? common(y, x % y) : x;
}

/* Rows and columns of one box: of the whole tile, or of one panel. */
static int box_inner(const struct stage *s)
{
	return s->order->k_inner ? s->tile_k : s->panel;
}

static int box_outer(const struct stage *s)
{
	int n = s->order->k_inner ? common(bulk_rows(s), s->weave) : s->tile_k;

	while (n > BOX_MOST)
		n /= 2;
	return n;
}

static void add_dim(struct k_map *m, const struct stage *s,
	const struct flat *f, int box)
{
	const struct run *r = only_run(f);
	int elem = s->op->elem;
	int64_t past = m->dims[0] * elem;

	m->dims[m->rank] = within(s, f);
	m->strides[m->rank] = r ? r->coef[0] * elem :
		(past + MAP_ALIGN - 1) / MAP_ALIGN * MAP_ALIGN;
	m->box[m->rank++] = box;
}

static void add_batch(struct k_map *m, int64_t extent, int64_t stride)
{
	m->dims[m->rank] = extent;
	m->strides[m->rank] = stride;
	m->box[m->rank++] = 1;
}

static struct k_map inner_map(const struct stage *s, const char *name,
	struct k_buffer *of)
{
	return (struct k_map){ .name = name, .of = of, .rank = 1,
		.offset = s->op->forms[0].c * s->op->elem,
		.dims = { within(s, inner(s)) }, .box = { box_inner(s) },
		.swizzle = box_inner(s) * s->op->elem, .promotion = 128 };
}

static struct k_map matrix_map(const struct stage *s, const char *name,
	struct k_buffer *of)
{
	const struct operand *op = s->op;
	struct k_map m = inner_map(s, name, of);

	add_dim(&m, s, outer(s), box_outer(s));
	for (int i = op->batch.n_runs - 1; i >= 0; i--)
		if (!stands_still(op, i))
			add_batch(&m, op->batch.runs[i].extent,
				op->batch.runs[i].coef[0] * op->elem);
	for (int i = 0; i < op->n_choices; i++)
		add_batch(&m, op->choices[i].size, op->choices[i].stride *
			op->elem);
	return m;
}

/* Row (4 b + l) group + 2 i + v lies in slot 4 b group + 8 i + 2 l + v: v, l, i
 * and b are dimensions, in the order of slots. Their strides do not rise: the
 * driver asks for multiples of 16 alone, and attention kernels of [batch, rows,
 * heads, depth] have maps like that. */
static struct k_map dealt_map(const struct stage *s, const char *name,
	struct k_buffer *of)
{
	struct k_map m = inner_map(s, name, of);
	int64_t pitch = only_run(&s->op->rows)->coef[0] * s->op->elem;
	int64_t dims[] = { 2, 4, s->group / 2, s->op->rows.extent / (4 *
		s->group) };
	int64_t rows[] = { 1, s->group, 2, 4 * s->group };

	for (int i = 0; i < 4; i++) {
		m.dims[m.rank] = dims[i];
		m.strides[m.rank] = rows[i] * pitch;
		m.box[m.rank++] = i < 3 ? (int)dims[i] : bulk_rows(s) / (4 *
			s->group);
	}
	return m;
}

static const char *tile_comment(const struct stage *s)
{
	if (s->halo.high)
		return s->halo.patches > 1 ? "[stage][patch, pixel][channel]" :
			"[stage][pixel][channel]";
	if (s->taps)
		return s->order->k_inner ? "[stage][tap, row][k]" :
			"[stage][tap, panel of rows, k][row]";
	return s->order->k_inner ? "[stage][row][k]" :
		"[stage][panel of rows, k][row]";
}

/* By dimensions, from two on: for the block alone, and for all who share. */
static const int intrinsics[2][4] = {
	{ INTRIN_COPY_TENSOR_2D, INTRIN_COPY_TENSOR_3D, INTRIN_COPY_TENSOR_4D,
		INTRIN_COPY_TENSOR_5D },
	{ INTRIN_COPY_TENSOR_2D_MULTICAST, INTRIN_COPY_TENSOR_3D_MULTICAST,
		INTRIN_COPY_TENSOR_4D_MULTICAST,
		INTRIN_COPY_TENSOR_5D_MULTICAST }
};

void bulk_box(const struct bulk *g, struct k_block *b, struct k_place to,
	struct k_place full, struct kx *const *at, int n)
{
	struct arena *a = g->a;
	int shares = g->s->shares;
	struct kx **args = ARENA_ARRAY(a, (size_t)n + 4, struct kx *);

	args[0] = kx_address(a, to);
	args[1] = kx_map(a, g->map);
	args[2] = kx_address(a, full);
	for (int i = 0; i < n; i++)
		args[3 + i] = at[i];
	if (shares)
		args[3 + n] = kx_cast(a, T_U16, kx_int(a, (1 << shares) - 1));
	ks_push(a, b, (struct ks){ .kind = KS_CALL, .call = intrinsics[shares >
		0][n - 2], .args = args, .n_args = 3 + n + (shares > 0) });
}

/* "refuse" says, beside bulk_never(), why no map describes it, NULL: nothing does.
 * "copy" is bulk_copy(); that of rows copies by "box", one of which has the
 * "whole" tile or as many rows as a box may. */
struct bulk_way {
	const char *(*refuse)(const struct stage *s);
	struct k_map (*map)(const struct stage *s, const char *name,
		struct k_buffer *of);
	void (*copy)(const struct bulk *g, struct k_block *b, struct kx *k0,
		struct kx *slot, struct k_place full);
	void (*box)(const struct bulk *g, struct k_block *b, struct kx *k0,
		struct kx *row, struct k_place to, struct k_place full);
	bool whole;
};

static void copy_dealt(const struct bulk *g, struct k_block *b,
	struct kx *k0, struct kx *row, struct k_place to, struct k_place full)
{
	struct arena *a = g->a;
	struct kx *zero = kx_int(a, 0);
	struct kx *at[] = { k0, zero, zero, zero, kx_div(a, row, kx_int(a,
		4 * g->s->group)) };

	bulk_box(g, b, to, full, at, 5);
}

static void copy_matrix(const struct bulk *g, struct k_block *b,
	struct kx *k0, struct kx *row, struct k_place to, struct k_place full)
{
	bool along_k = g->s->order->k_inner;
	const struct operand *op = g->s->op;
	struct kx *at[K_MAP_RANK] = { along_k ? k0 : row, along_k ? row : k0 };
	struct kx *runs[RUNS_MAX];
	int n = 2;

	if (op->batch.n_runs)
		flat_decode(g->a, b, &op->batch, "rest", g->batch, runs);
	for (int i = op->batch.n_runs - 1; i >= 0; i--)
		if (!stands_still(op, i))
			at[n++] = runs[i];
	for (int i = 0; i < op->n_choices; i++)
		at[n++] = choice_coordinate(g->a, &g->chosen, i);
	bulk_box(g, b, to, full, at, g->map->rank);
}

/* A block's part of what is shared, of panels as many as it has, in the stage behind
 * "above" lines. */
static void copy_tile(const struct bulk *g, struct k_block *b, struct kx *k0,
	struct kx *slot, struct kx *above, struct k_place full)
{
	const struct stage *s = g->s;
	bool along_k = s->order->k_inner;
	int step = along_k ? box_outer(s) : s->panel;
	struct arena *a = g->a;
	struct kx *i, *from = kx_int(a, 0), *line, *row;
	struct k_place to;

	k0 = kx_div(a, k0, kx_int(a, s->order->share));
	if (s->shares)
		from = kx_mul(a, g->part, kx_int(a, bulk_rows(s)));
	b = tile_loop(a, b, "i", g->way->whole ? 1 : bulk_rows(s) / step, &i);
	from = kx_add(a, from, kx_mul(a, i, kx_int(a, step)));
	row = kx_add(a, g->row, from);
	line = stage_woven(a, s, from);
	line = along_k ? line : kx_mul(a, kx_div(a, line, kx_int(a, s->panel)),
		kx_int(a, s->tile_k));
	to = k_place(g->tile, slot, kx_add(a, above, line), kx_int(a, 0));
	g->way->box(g, b, k0, row, to, full);
}

/* Steps "k0" of the reduction without the windows' rows, at row "tap". */
static struct kx *tap_step(const struct stage *s, struct arena *a, struct kx *k0,
	struct kx *tap)
{
	struct kx *steps = kx_int(a, s->tap_steps);
	int64_t all = s->tap_steps * s->taps;

	if (s->order->k.extent > all)
		k0 = kx_add(a, kx_mul(a, kx_div(a, k0, steps), kx_int(a, all)),
			kx_mod(a, k0, steps));
	return kx_add(a, kx_mul(a, tap, steps), k0);
}

static void copy_taps(const struct bulk *g, struct k_block *b, struct kx *k0,
	struct kx *slot, struct k_place full)
{
	const struct stage *s = g->s;
	struct arena *a = g->a;
	struct kx *tap, *none = kx_int(a, 0);

	if (!s->taps) {
		copy_tile(g, b, k0, slot, none, full);
		return;
	}
	b = tile_loop(a, b, "tap", s->taps, &tap);
	copy_tile(g, b, tap_step(s, a, k0, tap), slot, kx_mul(a, tap, kx_int(a,
		stage_tap_lines(s))), full);
}

/* ---- ways to describe and copy an operand ---- */

static const struct bulk_way
	matrix = { NULL, matrix_map, copy_taps, copy_matrix, false },
	dealt = { NULL, dealt_map, copy_taps, copy_dealt, true },
	pixels = { image_refuse, image_map, copy_taps, image_copy, true },
	patches = { halo_refuse, halo_map, halo_copy, NULL, true },
	pages = { NULL, pages_map, pages_copy, NULL, true };

static const struct bulk_way *way_of(const struct stage *s)
{
	if (s->op->entry)
		return &pages;
	if (s->image && !s->image->why && matrix_refuse(s))
		return s->halo.high ? &patches : &pixels;
	return s->pairs && s->group > 2 ? &dealt : &matrix;
}

const char *bulk_refuse(const struct stage *s)
{
	const struct bulk_way *way = way_of(s);
	const char *why = bulk_never(s);

	if (!why && way->whole && s->weave && s->weave < bulk_rows(s))
		return "is copied whole, and lies in parts among its twin's rows";
	return why || !way->refuse ? why : way->refuse(s);
}

void bulk_create(struct bulk *g, struct kernel *k, const char *name,
	struct k_buffer *of, int stages)
{
	const struct stage *s = g->s;
	int64_t bytes = stage_bytes(s), row = (int64_t)s->row_stride *
		s->op->tile_elem;
	int64_t dims[3] = { stages, bytes / row, s->row_stride };

	g->way = way_of(s);
	g->map = kernel_map(k, g->way->map(s, arena_printf(g->a, "%s_map",
		name), of));
	if (!g->tile) {
		g->tile = kernel_array(k, K_SHARED, arena_printf(g->a,
			"%s_tile", name), s->op->tile_type, 3, dims, s->align);
		g->tile->comment = tile_comment(s);
	}
	if (s->op->entry)
		pages_declare(g, k, name);
}

void bulk_choose(struct bulk *g, struct k_block *b)
{
	if (!g->s->op->n_choices)
		return;
	g->computed->batch = g->batch;
	g->chosen = choice_read(g->computed, b, g->s->op, g->s->op->tensor->name);
}

void bulk_copy(const struct bulk *g, struct k_block *b, struct kx *k0,
	struct kx *slot, struct k_place full)
{
	g->way->copy(g, b, k0, slot, full);
}
