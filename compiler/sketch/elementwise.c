/* SPDX-License-Identifier: MIT */
/* Maps: every element of the output on its own. The output's elements, in the
 * order they have in memory, are dealt to threads in vectors; whatever else is
 * contiguous along the same axis moves in vectors too, the rest element by
 * element. Statements share a kernel, so that a value one of them makes and
 * another uses at the same element stays in a register. Here are the numbers;
 * elementwise_build.c makes the kernel. */
#include "sketch/elementwise.h"

#include "base/number.h"
#include "sketch/asked.h"

#include <math.h>

enum { THREADS_MAX = 1024, VECTOR_MAX = 16, UNROLL_MAX = 8, REGS_MAX = 255 };

/* Vectors across runs: if all results are dense, the longest that every dense
 * tensor has. */
static void find_across(struct maps *m)
{
	const struct walk *w = m->walk;
	int least = VECTOR_BYTES;

	if (w->in.n_runs < 2)
		return;
	for (int i = 0; i < w->acc.n && i < 64; i++) {
		int v = access_across(w, &w->acc.v[i]);

		if (!v && !w->acc.v[i].read)
			return;
		if (!v)
			continue;
		m->dense |= 1ull << i;
		least = v < least ? v : least;
	}
	m->across = least;
}

bool map_spans(const struct maps *m, int v)
{
	return v > 1 && m->across && m->walk->in.run[m->walk->in.n_runs - 1] %
		v != 0;
}

static int longest(const struct maps *m)
{
	return m->across > m->limit ? m->across : m->limit;
}

/* Tensors moved in vectors; where there are none, all, one by one. */
static const char **vector_names(const struct task *t, const struct maps *m)
{
	const struct walk *w = m->walk;
	const char **names = ARENA_ARRAY(t->a, (size_t)t->op->n_tensors + 1,
		const char *);
	int n = 0;

	for (int id = 0; id < t->op->n_tensors; id++) {
		bool found = false;

		for (int i = 0; i < w->acc.n; i++)
			found |= w->acc.v[i].tensor->id == id &&
				(longest(m) == 1 || w->acc.v[i].width > 1 ||
				 (m->across > 1 && i < 64 && m->dense >> i & 1));
		if (found)
			names[n++] = t->op->tensors[id].name;
	}
	return names;
}

/* What fuse calls the axes of the output, or their names put together. */
static const char *name_of(const struct task *t, const struct maps *m)
{
	const struct nest *x = &m->walk->in;
	const char *fused = t->schedule && x->n > 1 ? sched_fused(t->schedule,
		x->name, x->n) : NULL;
	struct str out;

	if (!x->n || fused)
		return fused;
	str_init(&out, t->a);
	for (int i = 0; i < x->n; i++)
		str_puts(&out, x->name[i]);
	return str_text(&out);
}

static void make_tunables(const struct task *t, struct maps *m)
{
	static const int threads[] = { 64, 128, 256, 512, 1024 };
	static const int vectors[] = { 1, 2, 4, 8, 16 };
	static const int unroll[] = { 1, 2, 4 };
	struct tunable *x = ARENA_ARRAY(t->a, N_MAP_TUNABLES, struct tunable);
	const char **axes = ARENA_ARRAY(t->a, 2, const char *);
	int n_vectors = 1;

	m->tunables = x;
	while (n_vectors < 5 && vectors[n_vectors] <= longest(m))
		n_vectors++;
	x[THREADS] = (struct tunable){ "bind.threads", "bind", "threads",
		NULL, threads, 5, NULL, false };
	x[VECTOR] = (struct tunable){ "vectorize", "vectorize", NULL,
		m->vectors, vectors, n_vectors, NULL, false };
	x[UNROLL] = (struct tunable){ "unroll", "unroll", NULL, NULL, unroll,
		3, NULL, false };
	if (!m->name)
		return;
	axes[0] = m->name;
	x[BLOCK] = asked_tunable(t->a, "tile", "block", m->name);
	x[THREAD] = asked_tunable(t->a, "tile", "thread", m->name);
	x[TAIL] = asked_tail(t->a, axes);
}

static bool applies(struct task *t, const char **why)
{
	struct maps *m = ARENA_NEW(t->a, struct maps);
	const struct ir_stmt *s = &t->op->stmts[t->group->stmts[0]];
	struct reference ref = { s, &t->op->tensors[s->tensor], s->index,
		false };

	if (t->group->anchor != IR_MAP) {
		*why = "it computes maps, and this group reduces";
		return false;
	}
	m->walk = walk_of_group(t, 0, &ref, why);
	if (!m->walk)
		return false;
	m->limit = walk_vector(m->walk, VECTOR_MAX);
	find_across(m);
	m->vectors = vector_names(t, m);
	m->name = name_of(t, m);
	make_tunables(t, m);
	t->state = m;
	return true;
}

/* ---- numbers ---- */

static const struct tunable *tunables(const struct task *t, int *n)
{
	const struct maps *m = t->state;

	*n = m->name ? N_MAP_TUNABLES : BLOCK;
	return m->tunables;
}

int64_t map_tile(const int *v)
{
	return (int64_t)v[THREADS] * v[VECTOR] * v[UNROLL];
}

static int size_of(const struct access *x)
{
	return dtype_row(x->tensor->type)->bits / 8;
}

/* What moves in vectors, and what is read element by element: a value and an
 * address each, all of a vector in flight. */
int map_registers(const struct walk *w, const int *v)
{
	int regs = 20 + w->aside;

	for (int i = 0; i < w->acc.n; i++)
		if (w->acc.v[i].direct || w->acc.v[i].guarded)
			regs += 2 + (int)number_ceil((int64_t)v[VECTOR] *
				(w->acc.v[i].read ? v[UNROLL] : 1) *
				size_of(&w->acc.v[i]), 4);
		else if (w->acc.v[i].read && v[VECTOR] > 1)
			regs += 2 * v[VECTOR];
	return regs;
}

static const char *wrong_number(struct arena *a, const char *what, int value,
	int nearest)
{
	return arena_printf(a, "%s = %d is not possible, %d is", what, value,
		nearest);
}

static const char *legal(const struct task *t, struct arena *a, const int *v)
{
	const struct maps *m = t->state;
	const char *why;
	int regs;

	if (v[THREADS] < 32 || v[THREADS] > THREADS_MAX || v[THREADS] % 32)
		return wrong_number(a, "threads", v[THREADS],
			v[THREADS] < 32 ? 32 : v[THREADS] > THREADS_MAX ?
			THREADS_MAX : v[THREADS] / 32 * 32);
	if (v[VECTOR] < 1 || v[VECTOR] & (v[VECTOR] - 1) ||
	    v[VECTOR] > (map_spans(m, v[VECTOR]) ? m->across : m->limit))
		return wrong_number(a, "vectorize", v[VECTOR], longest(m));
	if (v[UNROLL] < 1 || v[UNROLL] > UNROLL_MAX)
		return wrong_number(a, "unroll", v[UNROLL],
			v[UNROLL] < 1 ? 1 : UNROLL_MAX);
	if (m->name && (why = asked_wrong(a, &m->tunables[BLOCK], v[BLOCK],
	    map_tile(v))))
		return why;
	if (m->name && (why = asked_wrong(a, &m->tunables[THREAD], v[THREAD],
	    map_tile(v) / v[THREADS])))
		return why;
	if (number_ceil(m->walk->in.total, map_tile(v)) > INT32_MAX)
		return arena_printf(a, "a grid has fewer than 2^31 blocks");
	regs = map_registers(m->walk, v);
	if (regs > REGS_MAX ||
	    target_occupancy(t->target, v[THREADS], regs, 0) < 1)
		return arena_printf(a, "%d vectors of %d need about %d "
			"registers a thread", v[UNROLL], v[VECTOR], regs);
	return NULL;
}

/* The vector that is 16 bytes of the widest tensor that moves in vectors. */
static int usual_vector(const struct maps *m)
{
	int v = longest(m);

	for (int i = 0; i < m->walk->acc.n; i++) {
		const struct access *x = &m->walk->acc.v[i];

		while (v > 1 && (access_vector(m->walk, x) || x->guarded) &&
		       v * size_of(x) > VECTOR_BYTES)
			v /= 2;
	}
	return v;
}

/* Vectors of 16 bytes, fewer where the operator is too small to fill the
 * chip. */
static void start(const struct task *t, int *v)
{
	const struct maps *m = t->state;
	const struct gpu *g = t->gpu ? t->gpu : gpu_for_target(t->target);
	int64_t total = m->walk->in.total;

	for (int i = BLOCK; m->name && i < N_MAP_TUNABLES; i++)
		v[i] = 0;
	v[THREADS] = 256;
	v[VECTOR] = usual_vector(m);
	v[UNROLL] = 1;
	while (v[VECTOR] > 1 && total / v[VECTOR] / v[THREADS] < g->sms)
		v[VECTOR] /= 2;
	while (v[THREADS] > 64 && total / v[VECTOR] / v[THREADS] < g->sms)
		v[THREADS] /= 2;
	if (total / v[VECTOR] / v[THREADS] / 2 >= 16 * g->sms)
		v[UNROLL] = 2;
	while (v[UNROLL] > 1 && legal(t, NULL, v))
		v[UNROLL] /= 2;
	while (v[VECTOR] > 1 && legal(t, NULL, v))
		v[VECTOR] /= 2;
}

/* ---- features ---- */

/* Distance of neighbours, in elements. */
static double apart(const struct walk *w, const struct access *x)
{
	return w->in.n ? fabs((double)x->at.in[w->in.n - 1]) : 0;
}

/* Bytes asked of the second-level cache for one element of access "i". What is
 * stored in several pieces of a vector goes out as parts of sectors; what is
 * read so, the first-level cache puts together. */
static double asked(const struct maps *m, int i, int v)
{
	enum { SECTOR = 32 };
	const struct walk *w = m->walk;
	const struct access *x = &w->acc.v[i];
	int piece = access_chunk(x, v) * size_of(x), all = v * size_of(x);

	if (map_spans(m, v) && i < 64 && m->dense >> i & 1)
		return size_of(x);
	if (access_vector(w, x) && !x->read && piece < SECTOR && piece < all)
		return size_of(x) * (double)(all < SECTOR ? all : SECTOR) /
			piece;
	if (access_vector(w, x) || x->guarded)
		return size_of(x);
	if (access_uniform(w, x))
		return (double)size_of(x) / (map_spans(m, v) ? 1 : v);
	if (!x->direct && x->read)
		return access_bytes(x, x->apart_in);
	return x->direct && apart(w, x) * size_of(x) < SECTOR ?
		apart(w, x) * size_of(x) : SECTOR;
}

/* Elements that one instruction moves. */
static double moved(const struct maps *m, int i, int v)
{
	const struct access *x = &m->walk->acc.v[i];

	if (map_spans(m, v))
		return i < 64 && m->dense >> i & 1 ? v : 0.2;
	return x->direct ? access_uniform(m->walk, x) ? v :
		access_chunk(x, v) : x->guarded ? access_chunk(x, v) : 0.2;
}

/* Lines of the first-level cache that an instruction which moves single
 * elements touches, where they lie apart: each takes a cycle of its own. */
static double lines(const struct maps *m, int i, int v)
{
	enum { LANES = 32, LINE = 128 };
	const struct walk *w = m->walk;
	const struct access *x = &w->acc.v[i];
	double step = apart(w, x) * size_of(x) * v;

	if (!x->direct || access_uniform(w, x) || access_chunk(x, v) > 1)
		return 0;
	return step > LINE ? LANES : LANES * step / LINE;
}

static void least(const struct task *t, struct features *f)
{
	const struct maps *m = t->state;

	*f = (struct features){ .launches = 1,
		.dram_bytes = walk_bytes(t, m->walk) };
}

static void add_traffic(const struct task *t, int v, struct features *f)
{
	const struct maps *m = t->state;
	const struct walk *w = m->walk;

	for (int i = 0; i < w->acc.n; i++) {
		const struct access *x = &w->acc.v[i];
		double all = (double)w->in.total;

		f->l2_bytes += access_beyond(x, t, all * asked(m, i, v));
		f->issue += all / 32 / moved(m, i, v);
		f->smem_cycles += all / 32 * lines(m, i, v);
		if ((x->direct || x->guarded) && x->read)
			f->stages += 1;
	}
}

static void add_arithmetic(const struct maps *m, int v, struct features *f)
{
	const struct walk *w = m->walk;
	double all = (double)w->in.total;
	int decoded = map_spans(m, v) ? 1 : v;

	for (int i = 0; i < w->pieces.n; i++) {
		struct cost_of c = expr_cost(w->pieces.v[i].value);

		f->flops += all * c.ops;
		f->special += all * c.special;
		f->issue += all / 32 * c.issue;
	}
	f->issue += all / 32 / v * 8 + all / 32 / decoded * 6 *
		(w->in.n_runs - 1);
}

static void features(const struct task *t, const int *v, struct features *f)
{
	const struct maps *m = t->state;

	*f = (struct features){ .threads = v[THREADS], .useful = 1,
		.ilp = v[VECTOR] * v[UNROLL], .launches = 1,
		.dram_bytes = walk_bytes(t, m->walk),
		.regs = map_registers(m->walk, v),
		.blocks = (double)number_ceil(m->walk->in.total, map_tile(v)) };
	add_traffic(t, v[VECTOR], f);
	add_arithmetic(m, v[VECTOR], f);
	f->stages *= v[UNROLL];
	f->occupancy = target_occupancy(t->target, v[THREADS], f->regs, 0);
	f->chain = 600;
}

static const char *const directives[] = {
	"bind", "fuse", "tail", "tile", "unroll", "vectorize", NULL
};

static const struct sketch_refusal refusals[] = {
	{ "reorder", "threads follow the result through memory, whose order "
		"layout(...) says; transpose reads along another axis than "
		"it writes" },
	{ "stage", "each element goes straight to the thread that uses it; "
		"transpose passes tiles through shared memory, direct "
		"windows" },
	{ "pipeline", "a thread's loads all come before the first is used; "
		"unroll(N) puts more in flight" },
	{ "split_k", "nothing is reduced" },
	{ "rfactor", "nothing is reduced" },
	{ "reduce", "nothing is reduced" },
	{ "raster", "blocks follow the result through memory, and read "
		"nothing twice that another order would keep" },
	{ "swizzle", "nothing passes through shared memory" },
	{ "compute_at", "a value that is used at its own element stays in a "
		"register, any other is computed where cache(NAME, scope = "
		"none) says so" },
	{ "cache", "each element is used once, by the thread that loads it" },
	{ "epilogue", "all statements are computed together, element by "
		"element" },
	{ NULL, NULL }
};

const struct sketch sketch_elementwise = {
	.name = "elementwise",
	.summary = "maps, each element on its own, in vectors",
	.directives = directives, .refusals = refusals,
	.deterministic = true,
	.applies = applies, .tunables = tunables, .legal = legal,
	.features = features, .least = least,
	.start = start,
	.build = elementwise_build,
};
