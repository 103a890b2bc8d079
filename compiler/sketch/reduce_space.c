/* SPDX-License-Identifier: MIT */
/* The numbers of sketch "reduce": which threads share a row, how many rows a
 * block has, in what vectors it reads, what stays in registers between passes,
 * and among how many blocks a row is split. */
#include "sketch/reduce.h"

#include <string.h>

enum {
	WARP = 32, THREADS_MAX = 1024, UNROLL_MAX = 8, REGS_MAX = 255,
	GRID_Y_MAX = 65535, BASE_REGS = 28, ROWS_ALWAYS = 128,
	SPLIT_THREADS = 256, SLOTS_MAX = 64, HELD_MAX = 160
};

static int64_t ceil_div(int64_t x, int64_t y)
{
	return (x + y - 1) / y;
}

static int number(const struct rows *r, const int *v, enum row_number n,
	int otherwise)
{
	return r->at[n] < 0 ? otherwise : v[r->at[n]];
}

struct row_point row_point(const struct rows *r, const int *v)
{
	struct row_point x = {
		.over = number(r, v, ROW_OVER, OVER_THREAD),
		.threads = number(r, v, ROW_THREADS, 1),
		.rows = number(r, v, ROW_ROWS, 1),
		.vector = number(r, v, ROW_VECTOR, 1),
		.unroll = number(r, v, ROW_UNROLL, 1),
		.parts = number(r, v, ROW_SPLIT, 1),
		.online = number(r, v, ROW_ONLINE, 0) != 0,
	};

	for (int i = 0; i < r->n_caches; i++)
		if (number(r, v, ROW_CACHE + i, 0)) {
			x.cached |= r->caches[i].cached;
			x.kept |= r->caches[i].kept;
		}
	x.held = x.cached || x.kept;
	return x;
}

static int64_t whole(const struct rows *r, const struct row_point *x)
{
	return r->walk->in.total / x->vector * x->vector;
}

int64_t row_slots(const struct rows *r, const struct row_point *x)
{
	return ceil_div(whole(r, x), (int64_t)x->threads * x->vector);
}

int64_t row_part(const struct rows *r, const struct row_point *x)
{
	int64_t step = (int64_t)x->threads * x->vector * x->unroll;
	int64_t steps = ceil_div(ceil_div(whole(r, x), x->parts), step);

	return (steps ? steps : 1) * step;
}

int64_t row_parts(const struct rows *r, const struct row_point *x)
{
	int64_t n = ceil_div(whole(r, x), row_part(r, x));

	return n ? n : 1;
}

/* ---- tunables ---- */

struct listing {
	struct rows *r;
	struct tunable *x;
	int n;
};

static void list(struct listing *l, enum row_number n, struct tunable x)
{
	l->r->at[n] = l->n;
	l->x[l->n++] = x;
}

static int up_to(const int *values, int n, int64_t limit)
{
	int k = 1;

	while (k < n && values[k] <= limit)
		k++;
	return k;
}

/* Values of a row are computed at the row and nowhere else. */
static void list_places(const struct task *t, struct listing *l)
{
	static const int here[] = { 0 };
	const char **row = ARENA_ARRAY(t->a, 2, const char *);
	const struct walk *w = l->r->walk;

	row[0] = l->r->row_name;
	for (int i = 0; i < w->pieces.n; i++) {
		const char **subject = ARENA_ARRAY(t->a, 2, const char *);

		subject[0] = t->op->tensors[
			w->pieces.v[i].stmt->tensor].name;
		if (row_source_name(t->a, subject[0]))
			continue;
		if (w->pieces.v[i].per_row || w->pieces.v[i].reduction)
			l->x[l->n++] = (struct tunable){ arena_printf(t->a,
				"compute_at.%s", subject[0]), "compute_at",
				NULL, subject, here, 1, row, false };
	}
}

static void list_team(const struct task *t, struct listing *l)
{
	static const char *const over[] = { "thread", "warp", "block", NULL };
	static const int overs[] = { OVER_THREAD, OVER_WARP, OVER_BLOCK };
	static const int threads[] = {
		1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024
	};
	static const int rows[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512 };
	static const char *const block[] = { "block", NULL };
	struct rows *r = l->r;

	list(l, ROW_OVER, (struct tunable){ "reduce.over", "reduce", "over",
		r->reductions, overs, 3, over, false });
	list(l, ROW_THREADS, (struct tunable){ "reduce.threads", "reduce",
		"threads", r->reductions, threads, 11, NULL, false });
	if (r->row_name)
		list(l, ROW_ROWS, (struct tunable){ arena_printf(t->a,
			"tile.block.%s", r->row_name), "tile", r->row_name,
			block, rows, up_to(rows, 10, r->walk->rows.total >
				ROWS_ALWAYS ? r->walk->rows.total :
				ROWS_ALWAYS), NULL, false });
	if (r->row_name)
		list_places(t, l);
}

static void list_caches(const struct task *t, struct listing *l)
{
	static const char *const scope[] = { "none", "register", NULL };
	static const int scopes[] = { 0, 1 };

	for (int i = 0; i < l->r->n_caches; i++) {
		const char *name = l->r->caches[i].name;
		const char **subject = ARENA_ARRAY(t->a, 2, const char *);

		subject[0] = name;
		list(l, ROW_CACHE + i, (struct tunable){ arena_printf(t->a,
			"cache.%s", name), "cache", "scope", subject, scopes,
			2, scope, false });
	}
}

static void list_moves(struct listing *l)
{
	static const int vectors[] = { 1, 2, 4, 8, 16 };
	static const int unroll[] = { 1, 2, 4, 8 };
	struct rows *r = l->r;

	if (r->limit > 1)
		list(l, ROW_VECTOR, (struct tunable){ "vectorize",
			"vectorize", NULL, r->vectors, vectors,
			up_to(vectors, 5, r->limit), NULL, false });
	list(l, ROW_UNROLL, (struct tunable){ "unroll", "unroll", NULL, NULL,
		unroll, 4, NULL, false });
}

static void list_order(struct listing *l)
{
	static const char *const combine[] = { "passes", "online", NULL };
	static const int combines[] = { 0, 1 };
	static const int parts[] = {
		1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024
	};
	struct rows *r = l->r;

	if (r->splits)
		list(l, ROW_SPLIT, (struct tunable){ "split_k", "split_k",
			NULL, r->reductions, parts,
			up_to(parts, 11, r->walk->in.total / 64), NULL,
			false });
	if (r->online)
		list(l, ROW_ONLINE, (struct tunable){ "rfactor.combine",
			"rfactor", "combine", r->reductions, combines, 2,
			combine, false });
}

const struct tunable *reduce_tunables(const struct task *t, int *n)
{
	struct rows *r = t->state;
	struct listing l = { r, ARENA_ARRAY(t->a, N_ROW_NUMBERS +
		(size_t)r->walk->pieces.n, struct tunable), 0 };

	for (int i = 0; i < N_ROW_NUMBERS; i++)
		r->at[i] = -1;
	list_team(t, &l);
	list_moves(&l);
	list_caches(t, &l);
	list_order(&l);
	r->n_numbers = *n = l.n;
	return l.x;
}

/* ---- legality ---- */

static int bytes(enum dtype t)
{
	return dtype_row(t)->bits / 8;
}

static int64_t reg_words(int64_t elements, enum dtype t)
{
	return ceil_div(elements * bytes(t), 4);
}

static int held_size(enum dtype t)
{
	return bytes(t) > 4 ? 2 : 1;
}

/* Words of what is held between passes, at the pass that needs most: a pass
 * takes values apart slot by slot as it makes others. Narrow values take a
 * word each, because nvcc converts them once and holds the result. */
static int64_t held_words(const struct rows *r, const struct row_point *x)
{
	const struct walk *w = r->walk;
	int64_t n = row_slots(r, x) * x->vector, most = 0;

	for (int pass = 1; pass <= r->passes; pass++) {
		int64_t before = 0, after = 0, words;

		for (int i = 0; i < w->acc.n && i < 64; i++) {
			int last = row_last_use(r, i, x->kept);

			if (!(x->cached >> i & 1))
				continue;
			words = n * held_size(w->acc.v[i].tensor->type);
			before += last >= pass ? words : 0;
			after += last > pass ? words : 0;
		}
		for (int i = 0; i < w->pieces.n; i++) {
			if (!(x->kept >> i & 1))
				continue;
			words = n * held_size(w->pieces.v[i].value->type);
			before += r->pass[i] < pass ? words : 0;
			after += r->pass[i] <= pass ? words : 0;
		}
		most = before > most ? before : most;
		most = after > most ? after : most;
	}
	return most;
}

static int registers(const struct rows *r, const struct row_point *x)
{
	const struct walk *w = r->walk;
	int64_t regs = BASE_REGS;

	for (int i = 0; i < w->acc.n; i++) {
		const struct access *y = &w->acc.v[i];
		int64_t n = access_uniform(w, y) ? 1 : x->vector;

		if (y->direct && !(i < 64 && x->cached >> i & 1))
			regs += 1 + reg_words(n * (y->read ? x->unroll : 1),
				y->tensor->type);
	}
	if (x->held)
		regs += held_words(r, x) * 23 / 20;
	return regs > 100000 ? 100000 : (int)regs;
}

static int shared_bytes(const struct rows *r, const struct row_point *x)
{
	const struct walk *w = r->walk;
	int each = 0, n = x->rows;

	if (x->threads == 1 || (!r->across && x->threads <= WARP))
		return 0;
	for (int i = 0; i < w->pieces.n; i++) {
		const struct ir_expr *e = w->pieces.v[i].reduction;

		if (e)
			each += bytes(reducer_type(e)) +
				(reducer_indexed(e->reducer) ? 8 : 0);
	}
	n *= r->across ? x->threads : x->threads / WARP;
	return n * each + 16 * 2 * w->pieces.n;
}

static const char *const over_names[] = { "thread", "warp", "block" };

static int over_of(const struct rows *r, int threads)
{
	if (threads == 1)
		return OVER_THREAD;
	return threads <= WARP && !r->across ? OVER_WARP : OVER_BLOCK;
}

static const char *legal_team(const struct rows *r, struct arena *a,
	const struct row_point *x)
{
	int over = over_of(r, x->threads), all = x->threads * x->rows;

	if (x->threads < 1 || x->threads > THREADS_MAX ||
	    x->threads & (x->threads - 1))
		return arena_printf(a, "reduce.threads = %d is no power of two "
			"up to %d", x->threads, THREADS_MAX);
	if (x->over != over)
		return arena_printf(a, "%d threads for a row go with over = "
			"%s", x->threads, over_names[over]);
	if (x->rows < 1 || x->rows > THREADS_MAX || all > THREADS_MAX ||
	    all % WARP)
		return arena_printf(a, "%d rows of %d threads make a block of "
			"%d, which must be a multiple of %d up to %d",
			x->rows, x->threads, all, WARP, THREADS_MAX);
	return NULL;
}

static bool power_of_two(int x)
{
	return x >= 1 && !(x & (x - 1));
}

static const char *legal_moves(const struct rows *r, struct arena *a,
	const struct row_point *x)
{
	if (!power_of_two(x->vector) || x->vector > r->limit)
		return arena_printf(a, "vectorize = %d is not possible, %d is",
			x->vector, r->limit);
	if (x->unroll < 1 || x->unroll > UNROLL_MAX)
		return arena_printf(a, "unroll = %d is not possible, %d is",
			x->unroll, x->unroll < 1 ? 1 : UNROLL_MAX);
	if (x->held && x->unroll > 1)
		return arena_printf(a, "a row in registers is unrolled wholly:"
			" unroll = 1");
	if (x->held && (row_slots(r, x) > SLOTS_MAX ||
	    held_words(r, x) > HELD_MAX))
		return arena_printf(a, "a row of %lld is too long for the "
			"registers of %d threads",
			(long long)r->walk->in.total, x->threads);
	if (x->held && x->online)
		return arena_printf(a, "online passes read the row once: they "
			"go with cache = none");
	if (x->parts < 1 || x->parts > GRID_Y_MAX ||
	    row_parts(r, x) < x->parts)
		return arena_printf(a, "split_k = %d leaves blocks without "
			"work, %lld does not", x->parts,
			(long long)row_parts(r, x));
	return NULL;
}

const char *reduce_legal(const struct task *t, struct arena *a,
	const int *values)
{
	const struct rows *r = t->state;
	struct row_point x = row_point(r, values);
	const char *why = legal_team(r, a, &x);
	int regs, smem;

	why = why ? why : legal_moves(r, a, &x);
	if (why)
		return why;
	if (ceil_div(r->walk->rows.total, x.rows) > INT32_MAX)
		return arena_printf(a, "a grid has fewer than 2^31 blocks");
	smem = shared_bytes(r, &x);
	if (smem > t->target->smem_block)
		return arena_printf(a, "it needs %d bytes of shared memory, "
			"%s has %d", smem, t->target->name,
			t->target->smem_block);
	regs = registers(r, &x);
	if (regs > REGS_MAX ||
	    target_occupancy(t->target, x.threads * x.rows, regs, smem) < 1)
		return arena_printf(a, "a row in %d threads takes about %d "
			"registers of each", x.threads, regs);
	return NULL;
}

/* ---- the untuned default ---- */

static void put(const struct rows *r, int *v, enum row_number n, int value)
{
	if (r->at[n] >= 0)
		v[r->at[n]] = value;
}

static void put_team(const struct rows *r, int *v, int threads, int rows)
{
	put(r, v, ROW_OVER, over_of(r, threads));
	put(r, v, ROW_THREADS, threads);
	put(r, v, ROW_ROWS, rows);
}

static int power_up_to(int64_t x, int limit)
{
	int n = 1;

	while (n * 2 <= x && n < limit)
		n *= 2;
	return n;
}

static const struct gpu *gpu_of(const struct task *t)
{
	return t->gpu ? t->gpu : gpu_for_target(t->target);
}

/* A warp a row while that is at most 32 elements of each lane, else as many
 * threads as hold 16 each; more where the rows are too few to fill
 * the chip, unless blocks can share a row. */
static void start_along(const struct task *t, int *v)
{
	const struct rows *r = t->state;
	int64_t vectors = ceil_div(r->walk->in.total, r->limit);
	int64_t fill = (int64_t)gpu_of(t)->sms * 512;
	int lane = 32 / r->limit, threads = power_up_to(vectors, WARP), rows;
	int most = r->splits ? SPLIT_THREADS : THREADS_MAX;

	if (vectors > (int64_t)WARP * (lane > 8 ? 8 : lane < 4 ? 4 : lane))
		threads = power_up_to(r->walk->in.total / 16, most);
	while (threads < most && threads * 2 <= vectors &&
	       r->walk->rows.total * threads < fill)
		threads *= 2;
	if (threads < WARP && !r->row_name)
		threads = WARP;
	rows = r->row_name ? power_up_to(128 / threads, 128) : 1;
	put_team(r, v, threads, rows);
}

static void start_across(const struct rows *r, int *v)
{
	int threads = power_up_to(r->walk->in.total / 8, 16);

	put_team(r, v, threads, threads < 4 ? 128 / threads : 32);
}

/* Parts enough for eight blocks an SM, none below 4 steps. */
static void start_split(const struct task *t, int *v)
{
	const struct rows *r = t->state;
	const struct gpu *g = gpu_of(t);
	struct row_point x = row_point(r, v);
	int64_t blocks = ceil_div(r->walk->rows.total, x.rows);
	int64_t steps = r->walk->in.total / ((int64_t)x.threads * x.vector *
		x.unroll * 4);
	int parts = power_up_to(blocks ? 8 * g->sms / blocks : 1, 1024);

	while (parts > 1 && parts > steps)
		parts /= 2;
	put(r, v, ROW_SPLIT, parts);
	while (parts > 1 && reduce_legal(t, t->a, v))
		put(r, v, ROW_SPLIT, parts /= 2);
}

/* Caches on, as far as registers allow half the threads of an SM. */
static bool start_caches(const struct task *t, int *v)
{
	const struct rows *r = t->state;

	for (int off = 0; off <= r->n_caches; off++) {
		struct row_point x;
		int all;

		for (int i = 0; i < r->n_caches; i++)
			put(r, v, ROW_CACHE + i, i < r->n_caches - off);
		x = row_point(r, v);
		all = x.threads * x.rows;
		if (off < r->n_caches && !reduce_legal(t, t->a, v) &&
		    target_occupancy(t->target, all, registers(r, &x),
			shared_bytes(r, &x)) * all >= 512)
			return true;
	}
	return false;
}

void reduce_start(const struct task *t, int *v)
{
	const struct rows *r = t->state;
	static const int unrolls[] = { 4, 2, 1 };

	memset(v, 0, (size_t)r->n_numbers * sizeof *v);
	put(r, v, ROW_VECTOR, r->limit);
	put(r, v, ROW_UNROLL, 1);
	put(r, v, ROW_SPLIT, 1);
	put(r, v, ROW_ONLINE, 0);
	if (r->across)
		start_across(r, v);
	else
		start_along(t, v);
	if (start_caches(t, v))
		return;
	put(r, v, ROW_ONLINE, r->online);
	for (int i = 0; i < 3; i++) {
		put(r, v, ROW_UNROLL, unrolls[i]);
		if (!reduce_legal(t, t->a, v))
			break;
	}
	for (int i = r->limit / 2; i > 0 && reduce_legal(t, t->a, v); i /= 2)
		put(r, v, ROW_VECTOR, i);
	if (r->at[ROW_SPLIT] >= 0)
		start_split(t, v);
}

/* ---- features ---- */

/* Passes that load access "i" from memory. */
static int loads(const struct rows *r, const struct row_point *x, int i)
{
	const struct walk *w = r->walk;
	int n = 0;

	if (i >= 64 || x->cached >> i & 1)
		return 1;
	for (int pass = 1 + x->online; pass <= r->passes; pass++) {
		uint64_t reads = 0;

		for (int k = 0; k < w->pieces.n; k++)
			if (!w->pieces.v[k].per_row && (r->pass[k] == pass ||
			    (x->online && pass == 2 && r->pass[k] == 1)))
				reads |= walk_reads(w, k, x->kept);
		n += reads >> i & 1;
	}
	return n ? n : 1;
}

static bool contiguous_rows(const struct walk *w, const struct access *x)
{
	return x->direct && w->rows.n && x->at.row[w->rows.n - 1] == 1;
}

static void add_access(const struct task *t, const struct row_point *x,
	int i, struct features *f)
{
	const struct rows *r = t->state;
	const struct walk *w = r->walk;
	const struct access *y = &w->acc.v[i];
	double all = (double)w->rows.total * (double)w->in.total;
	double size = bytes(y->tensor->type), n = y->read ?
		loads(r, x, i) : 1;
	bool dense = access_vector(w, y) || access_uniform(w, y) ||
		(r->across && contiguous_rows(w, y));

	if (!y->read && w->in.n && y->direct && !y->at.in[w->in.n - 1])
		all = (double)w->rows.total;
	f->dram_bytes += size * (all < (double)y->tensor->elements ? all :
		(double)y->tensor->elements);
	f->l2_bytes += n * all * (dense ? size : 32);
	f->issue += n * all / 32 / access_chunk(y, x->vector);
}

/* Passes that compute piece "i": its own, and those that use it again where it
 * is not kept. */
static int evaluations(const struct rows *r, const struct row_point *x, int i)
{
	const struct walk *w = r->walk;
	uint64_t passes = 1ull << (r->pass[i] & 63);

	for (int k = i + 1; k < w->pieces.n && !(x->kept >> i & 1); k++)
		if (w->pieces.v[k].uses >> i & 1 && !w->pieces.v[i].reduction)
			passes |= 1ull << (r->pass[k] & 63);
	return __builtin_popcountll(passes);
}

static void add_work(const struct rows *r, const struct row_point *x,
	struct features *f)
{
	const struct walk *w = r->walk;
	double all = (double)w->rows.total * (double)w->in.total;

	for (int i = 0; i < w->pieces.n; i++) {
		const struct piece *p = &w->pieces.v[i];
		struct cost_of c = expr_cost(p->value);
		double n = p->per_row ? (double)w->rows.total * x->threads :
			all * evaluations(r, x, i);

		c.ops += p->reduction ? 1 : 0;
		f->flops += n * c.ops;
		f->special += n * c.special;
		f->issue += n / 32 * (c.ops + 8 * c.special);
	}
	f->issue += r->passes * all / 32 / x->vector * 4;
}

/* Cycles to join a team: a shuffle or a trip through shared memory is about
 * 30, a barrier as much again. */
static double join_cycles(const struct rows *r, const struct row_point *x)
{
	double steps = 0;

	if (x->threads == 1)
		return 0;
	if (r->across)
		return 60 + 30.0 * x->threads / 4;
	for (int n = x->threads; n > 1; n /= 2)
		steps++;
	return steps * 30 + (x->threads > WARP ? 90 : 0);
}

void reduce_features(const struct task *t, const int *values,
	struct features *f)
{
	const struct rows *r = t->state;
	struct row_point x = row_point(r, values);
	double parts = (double)row_parts(r, &x);
	double steps = (double)ceil_div(row_slots(r, &x), x.unroll) / parts;

	*f = (struct features){ .threads = x.threads * x.rows,
		.regs = registers(r, &x), .smem = shared_bytes(r, &x),
		.ilp = 1, .useful = 1, .launches = x.parts > 1 ? 2 : 1,
		.blocks = parts * (double)ceil_div(r->walk->rows.total,
			x.rows) };
	for (int i = 0; i < r->walk->acc.n; i++)
		add_access(t, &x, i, f);
	add_work(r, &x, f);
	f->occupancy = target_occupancy(t->target, f->threads, f->regs,
		f->smem);
	f->stages = x.cached ? (double)row_slots(r, &x) : x.unroll;
	f->smem_cycles = f->smem / 128.0 * f->blocks;
	f->chain = 600 * (x.cached ? 1 : steps * (r->passes - x.online));
	f->chain += r->passes * join_cycles(r, &x);
	f->smem = 0;	/* none of it stages operands */
}
