/* SPDX-License-Identifier: MIT */
/* The kernel of a map. Threads of a block take neighbouring vectors, several
 * of them at a distance of the block; blocks that lie wholly inside run
 * without a guard. */
#include "sketch/elementwise.h"

struct making {
	const struct task *t;
	struct arena *a;
	const struct walk *w;
	const int *v;
	struct kernel *k;
	struct k_buffer **buffers;
	struct kx **values;
	struct kx *first;	/* this thread's first vector */
	int64_t total;
	bool open;		/* which differs from call to call */
};

static struct stream stream_of(struct making *m, int v)
{
	const struct maps *s = m->t->state;
	struct stream x = stream_create(m->a, m->t->op, m->w, m->k, m->buffers,
		m->values, v);

	x.spans = map_spans(s, v);
	x.across = s->dense;
	return x;
}

/* What is loaded ahead: of vectors that span runs, what is dense. */
static uint64_t ahead(const struct stream *s)
{
	return s->spans ? s->across : ~0ull;
}

/* An element of a vector that spans runs has a place of its own. */
static void place_element(void *ctx, struct stream *s, struct k_block *b,
	struct point *p)
{
	struct point own = stream_point(s, b, kx_add(s->a, p->flat,
		p->element));

	(void)ctx;
	own.element = p->element;
	own.slot = p->slot;
	own.apart = true;
	*p = own;
}

static void compute(struct stream *s, struct k_block *b, struct point *p)
{
	stream_compute(s, b, p, s->spans ? place_element : NULL, NULL);
}

static struct kx *position(struct making *m, struct kx *u)
{
	struct kx *vector = kx_add(m->a, m->first, kx_mul(m->a, u,
		kx_int(m->a, m->v[THREADS])));

	return kx_mul(m->a, vector, kx_int(m->a, m->v[VECTOR]));
}

static struct k_block *each_vector(struct making *m, struct k_block *b,
	struct kx **u)
{
	*u = kx_int(m->a, 0);
	if (m->v[UNROLL] == 1)
		return b;
	return ks_for(m->a, b, LOOP_UNROLLED, "u", kx_int(m->a, 0),
		kx_int(m->a, m->v[UNROLL]), NULL, u);
}

/* All loads of the thread, then all the rest. */
static void interior(struct making *m, struct k_block *b)
{
	struct stream s = stream_of(m, m->v[VECTOR]);
	struct k_block *inside;
	struct point p;
	struct kx *u;

	stream_hold(&s, ahead(&s), m->v[UNROLL], false);
	for (int pass = 0; pass < 2; pass++) {
		if (pass && m->v[UNROLL] == 1) {
			compute(&s, inside, &p);
			return;
		}
		inside = each_vector(m, b, &u);
		p = stream_point(&s, inside, position(m, u));
		p.slot = u;
		if (pass)
			compute(&s, inside, &p);
		else
			stream_load(&s, inside, ahead(&s), &p);
	}
}

static void one_vector(struct making *m, struct k_block *b, struct kx *at,
	int v)
{
	struct stream s = stream_of(m, v);
	struct point p = stream_point(&s, b, at);

	stream_hold(&s, ahead(&s), 1, false);
	stream_load(&s, b, ahead(&s), &p);
	compute(&s, b, &p);
}

/* What lies past the last whole block: vectors one by one, and the elements
 * past the last whole vector. */
static void edge(struct making *m, struct k_block *b)
{
	struct kx *u, *at, *i, *total = kx_int(m->a, m->total);
	struct k_block *inside = each_vector(m, b, &u);
	int64_t last = m->total - m->v[VECTOR];

	at = ks_let(m->a, inside, "at", position(m, u));
	b = ks_if(m->a, inside, kx_lt(m->a, at, kx_int(m->a, last + 1)));
	one_vector(m, b, at, m->v[VECTOR]);
	if (m->total % m->v[VECTOR] == 0 && (!m->open || m->v[VECTOR] == 1))
		return;
	b = ks_else(m->a, inside);
	b = ks_for(m->a, b, LOOP_SERIAL, "i", at, total, NULL, &i);
	one_vector(m, b, i, 1);
}

static void body(struct making *m)
{
	int64_t tile = map_tile(m->v);
	struct k_block *b = &m->k->body, *inside;
	struct kx *block = kx_special(m->a, K_BLOCK_X);
	int64_t whole = m->total / tile;

	if (m->total > INT32_MAX / 2)
		block = kx_cast(m->a, T_I64, block);
	m->first = ks_let(m->a, b, "first", kx_add(m->a, kx_mul(m->a, block,
		kx_int(m->a, m->v[THREADS] * m->v[UNROLL])),
		kx_special(m->a, K_THREAD_X)));
	if (m->total % tile == 0 && !m->open) {
		interior(m, b);
	} else if ((whole == 0 && !m->open) || m->v[UNROLL] == 1) {
		edge(m, b);
	} else {
		inside = ks_if(m->a, b, kx_lt(m->a, block,
			kx_int(m->a, whole)));
		interior(m, inside);
		edge(m, ks_else(m->a, b));
	}
}

static struct p_tiling tiling_of(struct arena *a, int64_t total, int64_t tile)
{
	return (struct p_tiling){
		.rows = 1, .cols = total, .batch = 1, .tile_rows = 1,
		.tile_cols = tile, .row = kx_int(a, 0),
		.col = kx_mul(a, kx_cast(a, T_I64, kx_special(a, K_BLOCK_X)),
			kx_int(a, tile)), .batch_index = kx_int(a, 0),
	};
}

void elementwise_build(const struct task *t, struct arena *a, const int *v,
	struct program *p)
{
	const struct maps *s = t->state;
	size_t n = (size_t)t->op->n_tensors;
	struct making m = { .t = t, .a = a, .w = s->walk, .v = v,
		.total = s->walk->in.total };
	const struct ir_stmt *first = &t->op->stmts[t->group->stmts[0]];

	int64_t tile = map_tile(v);
	struct p_step step = { .kind = P_LAUNCH,
		.grid = { (m.total + tile - 1) / tile, 1, 1 } };

	m.open = ir_any_open(t->op, first->axes, first->n_axes);
	if (m.total == 0)
		return;
	m.k = kernel_create(a, program_kernel_name(a, p, t->n_groups > 1),
		v[THREADS]);
	m.k->min_blocks = promise_usual(t->target, v[THREADS],
		map_registers(s->walk, v), s->walk->wide, 0);
	m.buffers = ARENA_ARRAY(a, n, struct k_buffer *);
	m.values = ARENA_ARRAY(a, n, struct kx *);
	stream_bind(t, a, s->walk, p, &step, m.k, m.buffers, ~0ull, ~0ull);
	body(&m);
	kernel_prune(a, m.k);
	kernel_layout(m.k);
	step.kernel = m.k;
	step.tiling = tiling_of(a, m.total, tile);
	vec_push(a, &p->steps, step);
}
