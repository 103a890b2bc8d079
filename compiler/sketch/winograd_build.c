/* SPDX-License-Identifier: MIT */
/* The winograd sketch's kernels. In each of the three transforms a thread has
 * one tile in registers, along one axis and then the other multiplied by a
 * matrix of small constants; the points of a tile lie apart in the workspace,
 * so that neighbouring threads read and write neighbours. */
#include "sketch/winograd.h"

#include <assert.h>

extern const struct sketch sketch_fma;

/* One transform under construction. "env" are the values of the operator's
 * axes; "tile" holds what is transformed, "half" after the first axis. */
struct transform {
	const struct task *t;
	const struct winograd_group *g;
	const struct winograd_size *z;
	struct arena *a;
	struct program *p;
	struct p_step step;
	struct kernel *k;
	struct k_buffer *tile, *half;
	struct kx *id, *at[2], **env;	/* at: which tile along p and q */
	struct kx *there;		/* NULL: every thread has a tile */
	int rooms[WINOGRAD_ROOMS];
};

static struct kx *num(const struct transform *x, int64_t v)
{
	return kx_int(x->a, v);
}

static struct k_buffer *registers(struct transform *x, const char *name,
	enum dtype type, int rows, int cols)
{
	int64_t dims[2] = { rows, cols };

	return kernel_array(x->k, K_REGISTER, name, type, 2, dims, 16);
}

/* ---- one thread for each of "total" tiles ---- */

static struct k_block *open_kernel(struct transform *x, const char *name,
	int64_t total, const char *comment)
{
	struct k_block *b;

	x->k = kernel_create(x->a, name, WINOGRAD_THREADS);
	x->k->comment = comment;
	x->step = (struct p_step){ .kind = P_LAUNCH, .kernel = x->k,
		.grid = { (total + WINOGRAD_THREADS - 1) / WINOGRAD_THREADS,
			1, 1 } };
	x->env = ARENA_ARRAY(x->a, (size_t)x->t->op->n_axes, struct kx *);
	b = &x->k->body;
	x->id = ks_let(x->a, b, "id", kx_add(x->a, kx_mul(x->a,
		kx_special(x->a, K_BLOCK_X), num(x, WINOGRAD_THREADS)),
		kx_special(x->a, K_THREAD_X)));
	if (total % WINOGRAD_THREADS == 0)
		return b;
	return ks_if(x->a, b, kx_lt(x->a, x->id, num(x, total)));
}

static void close_kernel(struct transform *x)
{
	kernel_prune(x->a, x->k);
	kernel_layout(x->k);
}

/* The id's two parts: "inner" of them are neighbours. */
static void parts_of_id(struct transform *x, struct k_block *b, int64_t inner,
	const char *outer_name, struct kx **outer, const char *inner_name,
	struct kx **within)
{
	*within = ks_let(x->a, b, inner_name, kx_mod(x->a, x->id,
		num(x, inner)));
	*outer = ks_let(x->a, b, outer_name, kx_div(x->a, x->id,
		num(x, inner)));
}

static void decode_tile(struct transform *x, struct k_block *b, struct kx *tile)
{
	const struct winograd_size *z = x->z;
	struct arena *a = x->a;

	x->there = z->places == z->tiles ? NULL :
		kx_lt(a, tile, num(x, z->tiles));
	x->at[1] = ks_let(a, b, "tile_q", kx_mod(a, tile,
		num(x, z->across[1])));
	tile = kx_div(a, tile, num(x, z->across[1]));
	x->at[0] = ks_let(a, b, "tile_p", kx_mod(a, tile,
		num(x, z->across[0])));
	flat_axes(a, b, x->t->op, x->g->w.outer, x->g->w.n_outer,
		kx_div(a, tile, num(x, z->across[0])), x->env);
}

static void decode(struct transform *x, struct k_block *b, const int *axes,
	int n, struct kx *at)
{
	flat_axes(x->a, b, x->t->op, axes, n, at, x->env);
}

/* Where the listed axes lead. */
static struct kx *offset(struct transform *x, const struct ir_affine *f,
	const int *axes, int n, struct kx *sum)
{
	for (int i = 0; i < n; i++)
		sum = kx_add(x->a, sum, kx_mul(x->a, x->env[axes[i]],
			num(x, f->coef[axes[i]])));
	return sum;
}

/* Element "id" of point a, b of a tensor between steps. */
static struct kx *point_at(const struct transform *x, int room, struct kx *a,
	struct kx *b)
{
	int64_t points = x->z->by->points;
	struct kx *point = kx_add(x->a, kx_mul(x->a, a, num(x, points)), b);

	return kx_add(x->a, kx_mul(x->a, point, num(x, x->z->elements[room] /
		(points * points))), x->id);
}

/* ---- matrices ---- */

/* A row of a matrix times what lies in registers. */
static struct kx *dot(struct arena *a, const double *row, int n,
	struct kx *const *v)
{
	struct kx *sum = NULL;

	for (int i = 0; i < n; i++) {
		struct kx *c = kx_float(a, row[i], T_F32);

		if (row[i] == 0)
			continue;
		if (!sum)
			sum = row[i] == 1 ? v[i] : kx_op(a, OP_MUL, T_F32, 2,
				v[i], c);
		else if (row[i] == 1 || row[i] == -1)
			sum = kx_op(a, row[i] == 1 ? OP_ADD : OP_SUB, T_F32, 2,
				sum, v[i]);
		else
			sum = kx_op(a, OP_FMA, T_F32, 3, v[i], c, sum);
	}
	return sum;
}

/* half = matrix * tile, column after column. */
static void first_axis(struct transform *x, struct k_block *b, const double *v,
	int rows, int cols, int pitch, int columns)
{
	struct kx *held[WINOGRAD_MOST], *j;

	b = tile_loop(x->a, b, "j", columns, &j);
	for (int i = 0; i < cols; i++)
		held[i] = kx_load(x->a, x->tile, num(x, i), j);
	for (int r = 0; r < rows; r++)
		ks_store(x->a, b, k_place(x->half, num(x, r), j),
			dot(x->a, v + r * pitch, cols, held));
}

/* Element "c" of row "i" of half * matrix', the row's elements in "held". */
static void half_row(struct transform *x, struct kx *i, int cols,
	struct kx **held)
{
	for (int j = 0; j < cols; j++)
		held[j] = kx_load(x->a, x->half, i, num(x, j));
}

/* Both axes of "tile" by the points x cols matrix, to the workspace. */
static void to_points(struct transform *x, struct k_block *b, const double *v,
	int cols, int pitch, int room)
{
	int points = x->z->by->points;
	struct kx *held[WINOGRAD_MOST], *i;
	struct k_buffer *to = program_bind_at(x->a, x->p, &x->step, x->k,
		x->rooms[room], true);

	x->half = registers(x, "half", T_F32, points, cols);
	first_axis(x, b, v, points, cols, pitch, cols);
	b = tile_loop(x->a, b, "i", points, &i);
	half_row(x, i, cols, held);
	for (int c = 0; c < points; c++)
		ks_store(x->a, b, k_place(to, point_at(x, room, i, num(x, c))),
			dot(x->a, v + c * pitch, cols, held));
}

/* Loads from "from" of rows x cols elements, "down" and "right" apart, where
 * both of "row" and "col" (NULL: always) are inside; tile holds them in f32. */
struct loading {
	struct k_buffer *from;
	struct kx *base;
	int rows, cols;
	int64_t down, right, height, width;
	struct kx *row, *col;
};

static struct kx *inside(struct transform *x, const struct loading *l,
	struct kx *i, struct kx *j)
{
	struct arena *a = x->a;

	if (!l->row)
		return NULL;
	return kx_and(a, x->there, kx_and(a, form_inside(a, kx_add(a, l->row,
		i), l->height), form_inside(a, kx_add(a, l->col, j),
		l->width)));
}

static void load_tile(struct transform *x, struct k_block *b,
	const struct loading *l)
{
	struct arena *a = x->a;
	enum dtype type = l->from->type;
	struct k_buffer *raw;
	struct k_block *each;
	struct kx *i, *j;

	x->tile = raw = registers(x, "tile", T_F32, l->rows, l->cols);
	if (type != T_F32)
		raw = registers(x, "raw", type, l->rows, l->cols);
	each = tile_loop(a, b, "i", l->rows, &i);
	each = tile_loop(a, each, "j", l->cols, &j);
	ks_copy(a, each, COPY_PLAIN, k_place(raw, i, j), k_place(l->from,
		kx_add(a, l->base, kx_add(a, kx_mul(a, i, num(x, l->down)),
			kx_mul(a, j, num(x, l->right))))),
		dtype_row(type)->bits / 8, inside(x, l, i, j), 0);
	if (raw != x->tile)
		ks_store(a, each, k_place(x->tile, i, j), kx_cast(a, T_F32,
			kx_load(a, raw, i, j)));
}

/* ---- the steps ---- */

static void transform_weights(struct transform *x)
{
	const struct ir_window *w = &x->g->w;
	const struct ir_affine *f = w->weights_addr;
	const struct ir_tensor *t = &x->t->op->tensors[w->weights->tensor];
	struct kx *channel, *filter;
	struct loading l = { .rows = WINOGRAD_TAPS, .cols = WINOGRAD_TAPS,
		.down = f->coef[w->taps[0]], .right = f->coef[w->taps[1]] };
	struct k_block *b = open_kernel(x, program_kernel_name(x->a, x->p, true),
		x->g->channels * x->g->filters,
		"a thread transforms the 3 x 3 weights of a channel and filter");

	parts_of_id(x, b, x->g->filters, "channel", &channel, "filter",
		&filter);
	decode(x, b, w->filters, w->n_filters, filter);
	decode(x, b, w->channels, w->n_channels, channel);
	l.from = program_bind(x->a, x->p, &x->step, x->k, t, false);
	l.base = offset(x, f, w->channels, w->n_channels, offset(x, f,
		w->filters, w->n_filters, num(x, f->c)));
	l.base = ks_let(x->a, b, "base", l.base);
	load_tile(x, b, &l);
	to_points(x, b, x->z->by->weights[0], WINOGRAD_TAPS, WINOGRAD_TAPS,
		WINOGRAD_WEIGHTS);
	close_kernel(x);
	vec_push(x->a, &x->p->steps, x->step);
}

/* First element of the thread's tile along p (0) or q (1). */
static struct kx *first(struct transform *x, int i)
{
	return kx_mul(x->a, x->at[i], num(x, x->z->by->m));
}

static void load_image(struct transform *x, struct k_block *b)
{
	const struct ir_window *w = &x->g->w;
	const struct ir_affine *f = w->image_addr;
	const struct ir_tensor *t = &x->t->op->tensors[w->image->tensor];
	struct arena *a = x->a;
	struct loading l = { .rows = x->z->by->points,
		.cols = x->z->by->points, .down = f->coef[w->along[0]],
		.right = f->coef[w->along[1]], .height = t->dims[w->dims[0]],
		.width = t->dims[w->dims[1]] };

	l.from = program_bind(a, x->p, &x->step, x->k, t, false);
	l.row = ks_let(a, b, "row", kx_add(a, first(x, 0),
		num(x, w->first[0])));
	l.col = ks_let(a, b, "col", kx_add(a, first(x, 1),
		num(x, w->first[1])));
	l.base = offset(x, f, w->channels, w->n_channels, offset(x, f,
		w->outer, w->n_outer, num(x, f->c)));
	for (int i = 0; i < 2; i++)
		l.base = kx_add(a, l.base, kx_mul(a, first(x, i),
			num(x, f->coef[w->along[i]])));
	l.base = ks_let(a, b, "base", l.base);
	load_tile(x, b, &l);
}

static void transform_image(struct transform *x)
{
	const struct winograd_group *g = x->g;
	struct kx *channel, *tile;
	struct k_block *b = open_kernel(x, program_kernel_name(x->a, x->p,
		true), g->channels * x->z->places,
		"a thread transforms a tile of the image in one channel");

	if (g->by_channel)
		parts_of_id(x, b, g->channels, "tile_at", &tile, "channel",
			&channel);
	else
		parts_of_id(x, b, x->z->places, "channel", &channel, "tile_at",
			&tile);
	decode_tile(x, b, tile);
	decode(x, b, g->w.channels, g->w.n_channels, channel);
	load_image(x, b);
	to_points(x, b, x->z->by->input[0], x->z->by->points, WINOGRAD_MOST,
		WINOGRAD_IMAGE);
	close_kernel(x);
	vec_push(x->a, &x->p->steps, x->step);
}

static void load_products(struct transform *x, struct k_block *b)
{
	int points = x->z->by->points;
	struct k_buffer *from = program_bind_at(x->a, x->p, &x->step, x->k,
		x->rooms[WINOGRAD_PRODUCTS], false);
	struct kx *i, *j;

	x->tile = registers(x, "tile", T_F32, points, points);
	b = tile_loop(x->a, b, "i", points, &i);
	b = tile_loop(x->a, b, "j", points, &j);
	ks_copy(x->a, b, COPY_PLAIN, k_place(x->tile, i, j), k_place(from,
		point_at(x, WINOGRAD_PRODUCTS, i, j)), 4, NULL, 0);
}

/* The tile's m x m results into "sum". */
static void results(struct transform *x, struct k_block *b,
	struct k_buffer *sum)
{
	const struct winograd *by = x->z->by;
	struct kx *held[WINOGRAD_MOST], *i;

	x->half = registers(x, "half", T_F32, by->m, by->points);
	first_axis(x, b, by->output[0], by->m, by->points, WINOGRAD_MOST,
		by->points);
	b = tile_loop(x->a, b, "i", by->m, &i);
	half_row(x, i, by->points, held);
	for (int j = 0; j < by->m; j++) {
		struct kx *v = dot(x->a, by->output[j], by->points, held);

		if (by->scale != 1)
			v = kx_op(x->a, OP_MUL, T_F32, 2, v,
				kx_float(x->a, by->scale, T_F32));
		ks_store(x->a, b, k_place(sum, kx_add(x->a, kx_mul(x->a, i,
			num(x, by->m)), num(x, j))), v);
	}
}

static struct side side_of(struct transform *x, const int *axis, int mine,
	struct kx *at)
{
	const struct ir_axis *e = &x->t->op->axes[*axis];

	return (struct side){ .name = e->name, .axes = axis, .n_axes = 1,
		.extent = e->extent, .mine = mine, .vec = 1, .lanes = 1,
		.first = at, .ragged = mine > 1 && e->extent % mine };
}

/* What the thread's results are stored as: a tile along p and q of one element
 * along every other axis. */
static void store_results(struct transform *x, struct k_block *b,
	struct k_buffer *sum)
{
	const struct ir_window *w = &x->g->w;
	int n = w->n_outer + w->n_filters + 2, m = x->z->by->m, at = 0;
	struct side *sides = ARENA_ARRAY(x->a, (size_t)n, struct side);
	struct storing out = { .t = x->t, .c = &x->g->of.c, .e = &x->g->of.epilogue,
		.a = x->a, .k = x->k, .acc = sum, .buffers = ARENA_ARRAY(x->a,
			(size_t)x->t->op->n_tensors, struct k_buffer *) };

	for (int i = 0; i < w->n_outer; i++)
		sides[at++] = side_of(x, &w->outer[i], 1, x->env[w->outer[i]]);
	for (int i = 0; i < w->n_filters; i++)
		sides[at++] = side_of(x, &w->filters[i], 1,
			x->env[w->filters[i]]);
	for (int i = 0; i < 2; i++)
		sides[at++] = side_of(x, &w->along[i], m, first(x, i));
	if (!sides[n - 1].ragged)
		sides[n - 1].vec = m;
	out.m = w->image_left ? sides[n - 1] : sides[0];
	out.n = w->image_left ? sides[0] : sides[n - 1];
	out.m.vec = w->image_left ? sides[n - 1].vec : 1;
	out.n.vec = w->image_left ? 1 : sides[n - 1].vec;
	epilogue_bind(&out, x->p, &x->step);
	epilogue_emit_box(&out, b, sides, n, num(x, 0));
}

static void tile_results(struct transform *x, int64_t total)
{
	int64_t each = (int64_t)x->z->by->m * x->z->by->m;

	x->step.tiling = (struct p_tiling){ .rows = 1, .cols = total * each,
		.batch = 1, .tile_rows = 1, .tile_cols = WINOGRAD_THREADS * each,
		.row = num(x, 0), .col = kx_mul(x->a, kx_cast(x->a, T_I64,
			kx_special(x->a, K_BLOCK_X)),
			num(x, WINOGRAD_THREADS * each)),
		.batch_index = num(x, 0) };
}

static void transform_back(struct transform *x)
{
	const struct winograd_group *g = x->g;
	int64_t total = g->filters * x->z->places;
	int64_t dims[1] = { (int64_t)x->z->by->m * x->z->by->m };
	struct kx *filter, *tile;
	struct k_buffer *sum;
	struct k_block *b = open_kernel(x, program_kernel_name(x->a, x->p,
		true), total, "a thread transforms a tile of sums back");

	if (g->by_filter)
		parts_of_id(x, b, g->filters, "tile_at", &tile, "filter",
			&filter);
	else
		parts_of_id(x, b, x->z->places, "filter", &filter, "tile_at",
			&tile);
	decode_tile(x, b, tile);
	b = ks_if(x->a, b, x->there);
	decode(x, b, g->w.filters, g->w.n_filters, filter);
	load_products(x, b);
	sum = kernel_array(x->k, K_REGISTER, "sum", T_F32, 1, dims, 16);
	results(x, b, sum);
	store_results(x, b, sum);
	close_kernel(x);
	tile_results(x, total);
	vec_push(x->a, &x->p->steps, x->step);
}

static void make_rooms(struct transform *x)
{
	for (int i = 0; i < WINOGRAD_ROOMS; i++) {
		bool once = i == WINOGRAD_WEIGHTS && x->g->prepares;

		x->rooms[i] = (once ? program_prepared : program_workspace)(
			x->a, x->p, x->g->rooms[i], T_F32, x->z->elements[i]);
		assert(x->rooms[i] == program_tensor(x->p, x->g->rooms[i]));
	}
}

void winograd_build(const struct task *t, struct arena *a, const int *values,
	struct program *out)
{
	int products[WINOGRAD_OPEN];
	struct transform x = { .t = t, .g = t->state, .a = a, .p = out,
		.z = winograd_size(t, values, products) };

	assert(x.z);
	make_rooms(&x);
	if (x.g->prepares)
		program_prepare(out);
	transform_weights(&x);
	if (x.g->prepares)
		program_prepare(out);
	transform_image(&x);
	sketch_fma.build(&x.z->products, a, products, out);
	transform_back(&x);
}
