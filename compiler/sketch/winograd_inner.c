/* SPDX-License-Identifier: MIT */
/* The middle of Winograd's algorithm: for each point of a tile, a product of
 * matrices, summed over the channels. It is an operator of its own, whose
 * tensors are the workspace between the transforms, and fma computes it. */
#include "sketch/winograd.h"

extern const struct sketch sketch_fma;

struct inner {
	struct arena *a;
	struct ir_operator *o;
	int point, tile, filter, channel;
};

static int axis(struct inner *x, const char *name, int64_t extent, bool reduced)
{
	return ir_add_axis(x->a, x->o, (struct ir_axis){ .name = name,
		.extent = extent, .reduced = reduced });
}

/* Tensor "room" over the points and two more axes, in this order. */
static void tensor(struct inner *x, const struct winograd_group *g, int room,
	int outer, int within)
{
	struct ir_tensor *t = &x->o->tensors[room];
	const struct ir_axis *axes = x->o->axes;

	*t = (struct ir_tensor){ .name = g->rooms[room], .type = T_F32,
		.role = room == WINOGRAD_PRODUCTS ? IR_OUT : IR_IN, .rank = 3,
		.dims = ARENA_ARRAY(x->a, 3, int64_t), .align = 16, .id = room };
	t->dims[0] = axes[x->point].extent;
	t->dims[1] = axes[outer].extent;
	t->dims[2] = axes[within].extent;
	ir_row_major(x->a, t);
}

static struct ir_expr *read(struct inner *x, int room, int outer, int within)
{
	int axes[3] = { x->point, outer, within };

	return ir_read_tensor(x->a, &x->o->tensors[room],
		ir_axis_values(x->a, axes, 3));
}

static struct ir_expr *sum(struct inner *x, struct ir_expr *l,
	struct ir_expr *r)
{
	struct ir_expr *e = ARENA_NEW(x->a, struct ir_expr);

	*e = (struct ir_expr){ .kind = IR_REDUCE, .reducer = RED_SUM,
		.type = T_F32, .n_red = 1, .n_args = 1 };
	e->red = ARENA_ARRAY(x->a, 1, int);
	e->red[0] = x->channel;
	e->args = ARENA_ARRAY(x->a, 1, struct ir_expr *);
	e->args[0] = ir_apply(x->a, OP_MUL, T_F32, 2, l, r);
	return e;
}

static void statement(struct inner *x, const struct winograd_group *g)
{
	struct ir_stmt *s = ARENA_ARRAY(x->a, 1, struct ir_stmt);
	int outer = g->by_filter ? x->tile : x->filter;
	int within = g->by_filter ? x->filter : x->tile;
	struct ir_expr *image = g->by_channel ?
		read(x, WINOGRAD_IMAGE, x->tile, x->channel) :
		read(x, WINOGRAD_IMAGE, x->channel, x->tile);

	s->tensor = WINOGRAD_PRODUCTS;
	s->axes = ARENA_ARRAY(x->a, 3, int);
	s->axes[0] = x->point;
	s->axes[1] = outer;
	s->axes[2] = within;
	s->n_axes = 3;
	s->index = ir_axis_values(x->a, s->axes, 3);
	s->expr = sum(x, image, read(x, WINOGRAD_WEIGHTS, x->channel,
		x->filter));
	x->o->stmts = s;
	x->o->n_stmts = 1;
}

static struct ir_operator *operator(struct arena *a,
	const struct winograd_group *g, const struct winograd_size *z)
{
	struct inner x = { .a = a, .o = ARENA_NEW(a, struct ir_operator) };

	x.o->name = g->rooms[WINOGRAD_PRODUCTS];
	x.point = axis(&x, "point", (int64_t)z->by->points * z->by->points,
		false);
	x.tile = axis(&x, g->tile_name, z->places, false);
	x.filter = axis(&x, g->filter_name, g->filters, false);
	x.channel = axis(&x, g->channel_name, g->channels, true);
	x.o->tensors = ARENA_ARRAY(a, WINOGRAD_ROOMS, struct ir_tensor);
	x.o->n_tensors = WINOGRAD_ROOMS;
	x.o->n_inputs = 2;
	x.o->n_outputs = 1;
	tensor(&x, g, WINOGRAD_WEIGHTS, x.channel, x.filter);
	tensor(&x, g, WINOGRAD_IMAGE, g->by_channel ? x.tile : x.channel,
		g->by_channel ? x.channel : x.tile);
	tensor(&x, g, WINOGRAD_PRODUCTS, g->by_filter ? x.tile : x.filter,
		g->by_filter ? x.filter : x.tile);
	statement(&x, g);
	return x.o;
}

bool winograd_inner(struct task *t, struct winograd_group *g,
	struct winograd_size *z, const char **why)
{
	struct ir_group *group = ARENA_NEW(t->a, struct ir_group);

	group->anchor = IR_CONTRACTION;
	group->stmts = ARENA_ARRAY(t->a, 1, int);
	group->n_stmts = 1;
	z->products = (struct task){ .a = t->a, .op = operator(t->a, g, z),
		.group = group, .index = 0, .n_groups = 2,
		.target = t->target, .gpu = t->gpu };
	for (int i = 0; i < WINOGRAD_ROOMS; i++)
		z->elements[i] = z->products.op->tensors[i].elements;
	if (!sketch_fma.applies(&z->products, why))
		return false;
	z->open = sketch_fma.tunables(&z->products, &z->n_open);
	return true;
}
