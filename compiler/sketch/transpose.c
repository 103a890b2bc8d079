/* SPDX-License-Identifier: MIT */
/* Maps whose reads and results are contiguous along different axes: layout
 * changes, transposes, and what is fused with them. A block takes a box of the
 * domain through shared memory, so that both sides move in whole sectors and
 * in vectors: see transpose_plan.c. Here are the numbers. */
#include "sketch/transpose.h"

#include <math.h>
#include <string.h>

/* Instructions of a thread before and after its vectors. */
enum { SETUP = 60, SECTOR = 32 };

static int size_of(const struct access *x)
{
	return dtype_row(x->tensor->type)->bits / 8;
}

/* The run along which "x" is contiguous, or -1. */
static int unit_run(const struct walk *w, const struct access *x)
{
	for (int r = 0; r < w->in.n_runs; r++)
		if (run_coef(w, x, r) == 1)
			return r;
	return -1;
}

static bool results_are_rows(const struct walk *w)
{
	for (int i = 0; i < w->pieces.n; i++)
		if (w->pieces.v[i].out >= 0 &&
		    !access_vector(w, &w->acc.v[w->pieces.v[i].out]))
			return false;
	return true;
}

/* Reads that step through all of a run by 1, and through the results' own by
 * more. */
static void find_staged(struct transpose *s)
{
	const struct walk *w = s->walk;

	for (int i = 0; i < w->acc.n && i < ACCESS_LIMIT; i++) {
		const struct access *x = &w->acc.v[i];
		bool forward = true;
		int run;

		if (!x->direct || !x->read || access_vector(w, x) ||
		    access_uniform(w, x) || s->n_staged == STAGED_MAX)
			continue;
		for (int r = 0; r < w->in.n_runs; r++)
			forward &= run_coef(w, x, r) >= 0;
		run = unit_run(w, x);
		if (run < 0 || !forward)
			continue;
		if (!s->n_staged)
			s->in = run;
		s->staged[s->n_staged++] = i;
	}
}

static const char *nothing_staged(struct task *t, const struct walk *w)
{
	for (int i = 0; i < w->acc.n; i++)
		if (w->acc.v[i].read && !w->acc.v[i].direct)
			return arena_printf(t->a, "it stages what is read by "
				"linear indices without pad, and '%s' is not; "
				"elementwise reads what it needs as it is",
				w->acc.v[i].tensor->name);
	return "no input is contiguous along another axis than the results; "
		"elementwise reads what it needs as it is";
}

static const char *try_group(struct task *t, struct transpose *s)
{
	const struct ir_stmt *x = &t->op->stmts[t->group->stmts[
		t->group->n_stmts - 1]];
	struct reference ref = { x, &t->op->tensors[x->tensor], x->index,
		false };
	const char *why = NULL;

	if (t->group->anchor != IR_MAP)
		return "it changes the layout of maps, and this group reduces";
	s->walk = walk_of_group(t, 0, &ref, &why);
	if (!s->walk)
		return why;
	s->out = s->walk->in.n_runs - 1;
	if (s->out < 0 || !results_are_rows(s->walk))
		return "its results are not contiguous along one axis";
	find_staged(s);
	return s->n_staged ? NULL : nothing_staged(t, s->walk);
}

/* ---- numbers ---- */

static const char **names_of(const struct task *t, const struct transpose *s,
	bool read)
{
	const struct walk *w = s->walk;
	const char **names = ARENA_ARRAY(t->a, (size_t)t->op->n_tensors + 1,
		const char *);
	int n = 0;

	for (int id = 0; id < t->op->n_tensors; id++) {
		bool found = false;

		for (int k = 0; read && k < s->n_staged; k++)
			found |= w->acc.v[s->staged[k]].tensor->id == id;
		for (int i = 0; !read && i < w->pieces.n; i++)
			found |= w->pieces.v[i].out >= 0 &&
				w->pieces.v[i].stmt->tensor == id;
		if (found)
			names[n++] = t->op->tensors[id].name;
	}
	return names;
}

/* The axes of a run as one name: what fuse calls them, or put together. */
static const char *run_name(const struct task *t, const struct walk *w, int r)
{
	const char *const *names = &w->in.name[w->in.first[r]];
	int n = w->in.first[r + 1] - w->in.first[r];
	const char *fused = n > 1 && t->schedule ?
		sched_fused(t->schedule, names, n) : NULL;
	struct str all;

	str_init(&all, t->a);
	for (int i = 0; i < n; i++)
		str_puts(&all, names[i]);
	return fused ? fused : str_text(&all);
}

static int vector_values(int limit)
{
	int n = 1;

	while (n < 5 && 1 << n <= limit)
		n++;
	return n;
}

static const char *const blocks[] = { "block", NULL };
static const char *const scopes[] = { "shared", NULL };
static const char *const switches[] = { "off", "on", NULL };

/* Elements of "x" that make a sector, at least: what less would waste. */
static int sector(const struct access *x)
{
	return SECTOR / size_of(x) < 8 ? 8 : SECTOR / size_of(x);
}

/* Powers of two from "from" on, and the whole run where it is none. */
static struct tunable tile_along(const struct task *t, const char *name,
	int from, int64_t extent)
{
	enum { LAST = 1024 };
	int *values = ARENA_ARRAY(t->a, 9, int), n = 0;

	for (int x = from; x <= LAST; x *= 2) {
		if (extent < x && extent > from && extent > x / 2)
			values[n++] = (int)extent;
		values[n++] = x;
	}
	return (struct tunable){ arena_printf(t->a, "tile.block.%s", name),
		"tile", name, blocks, values, n, NULL, false };
}

static const struct access *first_result(const struct walk *w)
{
	int i = 0;

	while (w->pieces.v[i].out < 0)
		i++;
	return &w->acc.v[w->pieces.v[i].out];
}

static void name_tiles(const struct task *t, struct transpose *s)
{
	struct tunable *x = s->tunables;
	const char *out = run_name(t, s->walk, s->out);
	const char *in = run_name(t, s->walk, s->in);

	x[TR_OUT] = tile_along(t, out, sector(first_result(s->walk)),
		s->walk->in.run[s->out]);
	x[TR_IN] = tile_along(t, in, sector(&s->walk->acc.v[s->staged[0]]),
		s->walk->in.run[s->in]);
}

static const char **tile_names(const struct task *t, const struct transpose *s)
{
	const char **names = ARENA_ARRAY(t->a, 3, const char *);

	names[0] = s->tunables[TR_OUT].key;
	names[1] = s->tunables[TR_IN].key;
	return names;
}

static void name_tunables(const struct task *t, struct transpose *s)
{
	static const int threads[] = { 64, 128, 256, 512 };
	static const int vectors[] = { 1, 2, 4, 8, 16 }, either[] = { 0, 1 };
	static const char *const orders[] = { "row", "col", NULL };
	static const char *const tails[] = { "predicate", NULL };
	static const char *const asked[] = { "auto", "on", "off", NULL };
	const char **read = names_of(t, s, true), *first = read[0];
	const char **write = names_of(t, s, false);
	struct tunable *x = ARENA_ARRAY(t->a, N_TR_TUNABLES, struct tunable);

	s->tunables = x;
	s->n_tunables = N_TR_TUNABLES - !t->target->cp_async;
	name_tiles(t, s);
	x[TR_THREADS] = (struct tunable){ "bind.threads", "bind", "threads",
		NULL, threads, 4, NULL, false };
	x[TR_WRITE] = (struct tunable){ arena_printf(t->a, "vectorize.%s",
		write[0]), "vectorize", NULL, write, vectors,
		vector_values(s->write_limit), NULL, false };
	x[TR_READ] = (struct tunable){ arena_printf(t->a, "vectorize.%s",
		first), "vectorize", NULL, read, vectors,
		vector_values(s->read_limit), NULL, false };
	x[TR_UNROLL] = (struct tunable){ "unroll", "unroll", NULL, NULL,
		vectors, 5, NULL, false };
	x[TR_ORDER] = (struct tunable){ "raster.order", "raster", "order",
		NULL, either, 2, orders, false };
	x[TR_TAIL] = (struct tunable){ "tail", "tail", NULL,
		tile_names(t, s), either, 1, tails, false };
	x[TR_PERMUTE] = (struct tunable){ arena_printf(t->a, "swizzle.%s",
		first), "swizzle", NULL, read, either, 1, asked, false };
	x[TR_SWIZZLE] = (struct tunable){ arena_printf(t->a, "stage.%s.swizzle",
		first), "stage", "swizzle", read, either, 2, switches, false };
	x[TR_SCOPE] = (struct tunable){ arena_printf(t->a, "stage.%s.scope",
		first), "stage", "scope", read, either, 1, scopes, false };
	x[TR_ASYNC] = (struct tunable){ arena_printf(t->a, "stage.%s.async",
		first), "stage", "async", read, either, 2, switches, false };
}

static void find_limits(struct transpose *s)
{
	const struct walk *w = s->walk;

	s->read_limit = VECTOR_BYTES;
	s->write_limit = 1;
	for (int k = 0; k < s->n_staged; k++) {
		int n = VECTOR_BYTES / size_of(&w->acc.v[s->staged[k]]);

		s->read_limit = n < s->read_limit ? n : s->read_limit;
	}
	for (int i = 0; i < w->pieces.n; i++)
		if (w->pieces.v[i].out >= 0) {
			int n = VECTOR_BYTES / size_of(
				&w->acc.v[w->pieces.v[i].out]);

			s->write_limit = n > s->write_limit ? n :
				s->write_limit;
		}
}

static bool applies(struct task *t, const char **why)
{
	struct transpose *s = ARENA_NEW(t->a, struct transpose);

	*why = try_group(t, s);
	if (*why)
		return false;
	find_limits(s);
	name_tunables(t, s);
	t->state = s;
	return true;
}

static const struct tunable *tunables(const struct task *t, int *n)
{
	const struct transpose *s = t->state;

	*n = s->n_tunables;
	return s->tunables;
}

/* All values, those that the target has no tunable for off. */
static void complete(const struct task *t, const int *values, int *v)
{
	const struct transpose *s = t->state;

	memset(v, 0, N_TR_TUNABLES * sizeof *v);
	memcpy(v, values, (size_t)s->n_tunables * sizeof *v);
}

int transpose_registers(const struct transpose *s, const int *v)
{
	enum { USUAL = 28, IN_FLIGHT = 4 };
	const struct walk *w = s->walk;
	int regs = USUAL;

	if (!v[TR_ASYNC])
		regs += (v[TR_UNROLL] < IN_FLIGHT ? v[TR_UNROLL] : IN_FLIGHT) *
			(v[TR_READ] * size_of(&w->acc.v[s->staged[0]]) + 3) / 4;

	for (int i = 0; i < w->acc.n; i++)
		if (w->acc.v[i].direct)
			regs += 4 + (v[TR_WRITE] * size_of(&w->acc.v[i]) + 3) /
				4;
	return regs;
}

static const char *wrong_vector(struct arena *a, int v, int limit)
{
	if (v >= 1 && v <= VECTOR_BYTES && !(v & (v - 1)))
		return NULL;
	return arena_printf(a, "vectorize = %d is not possible, %d is", v,
		v < 1 ? 1 : limit);
}

/* More threads than the box has vectors, read or written; two warps may be too
 * many. */
static const char *idle_threads(struct arena *a, const int *v,
	const struct transpose_plan *p)
{
	int64_t most = p->box / (v[TR_READ] > v[TR_WRITE] ? v[TR_READ] :
		v[TR_WRITE]);

	if (v[TR_THREADS] <= 64 || v[TR_THREADS] <= most)
		return NULL;
	return arena_printf(a, "%d threads are more than a tile of %lld has "
		"vectors; take %lld", v[TR_THREADS], (long long)p->box,
		(long long)(most < 64 ? 64 : most / 32 * 32));
}

/* swizzle(x) is another way to say stage(x, swizzle = on). */
static const char *unlike(struct arena *a, const struct transpose *s,
	const int *v)
{
	enum { AUTO, ON };
	const char *name = s->walk->acc.v[s->staged[0]].tensor->name;

	if (v[TR_PERMUTE] == AUTO || (v[TR_PERMUTE] == ON) == v[TR_SWIZZLE])
		return NULL;
	return arena_printf(a, "swizzle(%s) and stage(%s, swizzle = ..) "
		"disagree", name, name);
}

static const char *legal(const struct task *t, struct arena *a,
	const int *values)
{
	enum { BOX_MAX = 1 << 17, UNROLL_MAX = 64 };
	const struct transpose *s = t->state;
	struct transpose_plan p;
	int v[N_TR_TUNABLES], regs;
	const char *why;

	complete(t, values, v);
	if (v[TR_THREADS] < 32 || v[TR_THREADS] > 1024 || v[TR_THREADS] % 32)
		return arena_printf(a, "threads = %d is not possible, %d is",
			v[TR_THREADS], v[TR_THREADS] < 32 ? 32 :
			v[TR_THREADS] > 1024 ? 1024 :
			v[TR_THREADS] / 32 * 32);
	if (v[TR_OUT] < 1 || v[TR_IN] < 1 || v[TR_OUT] > BOX_MAX ||
	    v[TR_IN] > BOX_MAX)
		return arena_printf(a, "a tile of %d x %d is not possible, "
			"64 x 64 is", v[TR_OUT], v[TR_IN]);
	if (v[TR_UNROLL] < 1 || v[TR_UNROLL] > UNROLL_MAX)
		return arena_printf(a, "unroll = %d is not possible, %d is",
			v[TR_UNROLL], v[TR_UNROLL] < 1 ? 1 : UNROLL_MAX);
	why = unlike(a, s, v);
	if (!why)
		why = wrong_vector(a, v[TR_WRITE], s->write_limit);
	if (!why)
		why = wrong_vector(a, v[TR_READ], s->read_limit);
	if (!why)
		why = transpose_plan(t, a, v, &p);
	if (!why)
		why = idle_threads(a, v, &p);
	if (why)
		return why;
	regs = transpose_registers(s, v);
	if (target_occupancy(t->target, v[TR_THREADS], regs, (int)p.smem) < 1)
		why = arena_printf(a, "%d threads with about %d registers each "
			"and %lld bytes of shared memory do not fit a "
			"multiprocessor", v[TR_THREADS], regs,
			(long long)p.smem);
	return why;
}

static int most(int x, int y)
{
	return x > y ? x : y;
}

/* The longest vectors that the tile has. */
static bool fit_vectors(const struct task *t, int *v)
{
	const struct transpose *s = t->state;

	for (int w = s->write_limit; w >= 1; w /= 2)
		for (int r = s->read_limit; r >= 1; r /= 2) {
			v[TR_WRITE] = w;
			v[TR_READ] = r;
			if (!legal(t, NULL, v))
				return true;
		}
	return false;
}

/* 128 bytes on both sides, and more of the input for boxes of some kilobytes;
 * less where boxes are few. */
static void start(const struct task *t, int *values)
{
	static const int shapes[][3] = {
		{ 128, 128, 256 }, { 64, 128, 256 }, { 64, 64, 256 },
		{ 64, 64, 128 }, { 32, 64, 128 }, { 32, 32, 128 },
		{ 16, 32, 64 }, { 16, 16, 64 }, { 8, 8, 64 },
	};
	const struct transpose *s = t->state;
	const struct gpu *g = t->gpu ? t->gpu : gpu_for_target(t->target);
	int v[N_TR_TUNABLES] = { [TR_UNROLL] = 8, [TR_SWIZZLE] = 1 };
	int size = size_of(&s->walk->acc.v[s->staged[0]]);

	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		struct transpose_plan p;

		v[TR_OUT] = most(shapes[i][0], s->tunables[TR_OUT].values[0]);
		v[TR_IN] = most(shapes[i][1], s->tunables[TR_IN].values[0]);
		v[TR_THREADS] = shapes[i][2];
		if (shapes[i][0] * shapes[i][1] * size > 1 << 14 ||
		    !fit_vectors(t, v))
			continue;
		memcpy(values, v, (size_t)s->n_tunables * sizeof *v);
		transpose_plan(t, t->a, v, &p);
		if (p.blocks >= 2 * g->sms)
			return;
	}
}

/* ---- features ---- */

/* Bytes asked of the second-level cache by a read that is not staged. */
static double asked(const struct walk *w, const struct access *x, const int *v)
{
	double all = (double)w->in.total;

	if (access_vector(w, x))
		return all * size_of(x);
	if (access_uniform(w, x))
		return all * size_of(x) / v[TR_WRITE];
	return all * SECTOR;
}

static bool is_staged(const struct transpose *s, int access)
{
	for (int k = 0; k < s->n_staged; k++)
		if (s->staged[k] == access)
			return true;
	return false;
}

static void least(const struct task *t, struct features *f)
{
	const struct transpose *s = t->state;

	*f = (struct features){ .launches = 1,
		.dram_bytes = walk_bytes(t, s->walk) };
}

static void add_traffic(const struct task *t, const int *v,
	const struct transpose_plan *p, struct features *f)
{
	const struct transpose *s = t->state;
	const struct walk *w = s->walk;
	double all = (double)w->in.total;

	for (int i = 0; i < w->acc.n; i++) {
		const struct access *x = &w->acc.v[i];
		int chunk = v[x->read ? TR_READ : TR_WRITE];

		if (x->read && !is_staged(s, i)) {
			f->l2_bytes += asked(w, x, v);
			f->issue += all / 32 / (access_vector(w, x) &&
				!p->apart ? v[TR_WRITE] : 1);
			continue;
		}
		if (x->direct) {
			struct tile_order o = tile_order(w, x, p->t);

			f->l2_bytes += f->blocks * (double)(o.count /
				o.length) * segment_bytes(x, &o);
		}
		f->issue += all / 32 / chunk * 12;
	}
	for (int k = 0; k < s->n_staged; k++) {
		f->smem_cycles += all / 32 * p->ways[k] + f->blocks *
			(double)p->read[k].count *
			size_of(&w->acc.v[s->staged[k]]) / 128;
		f->issue += all / 32 * (p->apart ? 12 : 3);
	}
}

/* Of the box, the part that a block has asked for before it waits, as tiles in
 * flight ahead of the one in use. */
static double ahead(const struct transpose *s, const int *v,
	const struct transpose_plan *p)
{
	double rounds = 0, part;

	for (int k = 0; k < s->n_staged; k++)
		rounds += ceil((double)p->read[k].count / v[TR_READ] /
			v[TR_THREADS]);
	part = v[TR_ASYNC] || rounds < v[TR_UNROLL] ? 0.5 :
		0.5 * v[TR_UNROLL] / rounds;
	return part / (1 - part);
}

static void features(const struct task *t, const int *values,
	struct features *f)
{
	const struct transpose *s = t->state;
	const struct walk *w = s->walk;
	double all = (double)w->in.total;
	struct transpose_plan p;
	int v[N_TR_TUNABLES];

	complete(t, values, v);
	transpose_plan(t, t->a, v, &p);
	transpose_banks(t, v, &p);
	*f = (struct features){ .threads = v[TR_THREADS], .launches = 1,
		.dram_bytes = walk_bytes(t, w),
		.ilp = v[TR_WRITE], .regs = transpose_registers(s, v),
		.stages = ahead(s, v, &p),
		.blocks = (double)p.blocks, .smem = (int)p.smem,
		.useful = all / ((double)p.blocks * (double)p.box) };
	add_traffic(t, v, &p, f);
	f->issue += f->blocks * SETUP * v[TR_THREADS] / 32;
	for (int i = 0; i < w->pieces.n; i++) {
		struct cost_of c = expr_cost(w->pieces.v[i].value);

		f->flops += all * c.ops;
		f->special += all * c.special;
		f->issue += all / 32 * c.issue;
	}
	f->occupancy = target_occupancy(t->target, v[TR_THREADS], f->regs,
		f->smem);
	f->chain = v[TR_ASYNC] ? 780 : 800;
}

static void build(const struct task *t, struct arena *a, const int *values,
	struct program *p)
{
	int v[N_TR_TUNABLES];

	complete(t, values, v);
	transpose_build(t, a, v, p);
}

static const char *const directives[] = {
	"bind", "fuse", "raster", "stage", "swizzle", "tail", "tile", "unroll",
	"vectorize", NULL
};

static const struct sketch_refusal refusals[] = {
	{ "reorder", "nothing is reduced; raster(order = ...) says in which "
		"order blocks walk over the tensor" },
	{ "pipeline", "a block moves one tile; smaller tiles put more blocks "
		"on a multiprocessor, whose loads overlap" },
	{ "split_k", "nothing is reduced" },
	{ "rfactor", "nothing is reduced" },
	{ "reduce", "nothing is reduced" },
	{ "compute_at", "each value is computed once, where its result is "
		"stored" },
	{ "cache", "each element is used once; stage(TENSOR, scope = shared) "
		"is how it passes" },
	{ "epilogue", "what is made of the moved values is always computed "
		"as they are stored" },
	{ NULL, NULL }
};

const struct sketch sketch_transpose = {
	.name = "transpose",
	.summary = "layout changes through shared memory, whole sectors on both "
		"sides",
	.directives = directives, .refusals = refusals,
	.deterministic = true,
	.applies = applies, .tunables = tunables, .legal = legal,
	.features = features, .least = least, .start = start,
	.build = build,
};
