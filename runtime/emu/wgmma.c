/* SPDX-License-Identifier: MIT */
/* wgmma, as each warp of a group of four gives it: its 16 rows of the product.
 * Factors are read and sums delivered when the warp waits for the group of the
 * instruction, and until then its accumulators are NaN, in late mode; in early
 * mode all that happens at once. So a stage that is overwritten too early and
 * accumulators that are touched before the wait show in one of the two. */
#include "emu_wgmma.h"

#include <stdlib.h>
#include <string.h>

enum { WARPS = THREADS_MAX / WARP, LOG = 256, POISON = 0xff };

/* Accumulators in flight: their values, wanted in "registers" when "pending"
 * instructions are done. */
struct tile {
	union wgmma_acc acc;
	void *registers[WARP];
	struct wgmma form;
	int pending;
	struct tile *next;
};

struct issued {
	struct wgmma w;
	struct tile *tile;
	long group;
	uint64_t left;			/* of registers, wgmma_left_issue() */
};

/* What a warp has under way. "log" tells the last instructions that it gave,
 * "done" their number; "at" and "sum" the accumulators last delivered, when
 * "fences" had passed. */
struct warp {
	struct issued *queue;
	int n, room;
	long group, fences, done;
	uint64_t log[LOG];
	const void *at;
	uint64_t sum;
	long sum_fences;
	struct tile *tiles;
	struct wgmma_left left;
};

static struct warp *all[CLUSTER_MAX][WARPS];
static struct tile *unused;

static struct warp *warp_of(const struct thread *t)
{
	struct warp **w = &all[t->rank][t->number / WARP];

	if (!*w)
		*w = calloc(1, sizeof **w);
	if (!*w)
		fault("memory", 0, "no memory for a wgmma");
	return *w;
}

/* ---- accumulators ---- */

static struct tile *tile_at(struct warp *w, const void *registers)
{
	struct tile *t = w->tiles;

	while (t && *t->registers != registers)
		t = t->next;
	return t;
}

static struct tile *new_tile(struct warp *w)
{
	struct tile *t = unused;

	if (t)
		unused = t->next;
	else
		t = malloc(sizeof *t);
	if (!t)
		fault("memory", 0, "no memory for a wgmma");
	t->pending = 0;
	t->next = w->tiles;
	w->tiles = t;
	return t;
}

static void drop_tile(struct warp *w, struct tile *t)
{
	struct tile **at = &w->tiles;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->next = unused;
	unused = t;
}

static uint64_t checksum(const struct wgmma *w, void *const *registers)
{
	size_t n = wgmma_acc_bytes(w);
	uint64_t sum = 0;

	for (int l = 0; l < WARP; l++)
		for (size_t i = 0; i < n; i += 4) {
			uint32_t word;

			memcpy(&word, (const char *)registers[l] + i, 4);
			sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		}
	return sum;
}

static void poison(const struct wgmma *w, void *const *registers)
{
	for (int l = 0; l < WARP; l++)
		memset(registers[l], POISON, wgmma_acc_bytes(w));
}

static void check_poison(const struct wgmma *w, void *const *registers)
{
	unsigned char untouched[WGMMA_COLS * 2];
	size_t n = wgmma_acc_bytes(w);

	memset(untouched, POISON, n);
	for (int l = 0; l < WARP; l++)
		if (memcmp(registers[l], untouched, n))
			fault("wgmma", w->line, "lane %d wrote to accumulators "
				"before it waited for the wgmma that sums in "
				"them", l);
}

/* What the thread did with its registers must be behind a fence, unless it is
 * the same shape's accumulators again. */
static void check_fence(const struct warp *w, const struct wgmma *g,
	void *const *registers)
{
	if (!w->fences)
		fault("wgmma", g->line, "no wgmma_fence stands before the "
			"first wgmma");
	if (g->accumulate && w->at == *registers &&
	    w->sum_fences == w->fences && w->sum != checksum(g, registers))
		fault("wgmma", g->line, "accumulators were changed, and no "
			"wgmma_fence stands between that and the wgmma");
}

static void deliver(struct warp *w, const struct wgmma *g,
	void *const *registers, const union wgmma_acc *acc)
{
	wgmma_scatter(g, registers, acc);
	w->at = *registers;
	w->sum = checksum(g, registers);
	w->sum_fences = w->fences;
}

/* ---- instructions ---- */

static int number_in_group(const struct thread *warp)
{
	return warp->number / WARP % 4;
}

static void watch(const struct wgmma *g, int number)
{
	if (!watch_access)
		return;
	if (!*g->registers)
		wgmma_watch(g, g->a, g->left, g->left_trans,
			number * WGMMA_ROWS, WGMMA_ROWS);
	wgmma_watch(g, g->b, g->right, g->right_trans, 0, g->n);
}

static void check(const struct wgmma *g, int number)
{
	if (!*g->registers)
		wgmma_check(g, g->a, g->left, g->left_trans,
			number * WGMMA_ROWS, WGMMA_ROWS);
	wgmma_check(g, g->b, g->right, g->right_trans, 0, g->n);
}

/* One number for what all four warps must say alike. */
static uint64_t signature(const struct wgmma *g)
{
	uint64_t v[] = { g->a, g->b, (uint64_t)g->n, g->acc,
		(uintptr_t)g->left, (uintptr_t)g->right,
		(uint64_t)g->left_trans << 2 | (uint64_t)g->right_trans << 1 |
		g->accumulate, (uint64_t)g->line }, sum = 0;

	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		sum = (sum ^ v[i]) * UINT64_C(0x9e3779b97f4a7c15);
		sum ^= sum >> 31;
	}
	return sum;
}

static void check_group(const struct thread *t, struct warp *w,
	const struct wgmma *g)
{
	int first = t->number / WARP / 4 * 4;
	uint64_t mine = signature(g);

	for (int i = first; i < first + 4; i++) {
		const struct warp *other = all[t->rank][i];

		if (other && other != w && other->done > w->done &&
		    other->done - w->done <= LOG &&
		    other->log[w->done % LOG] != mine)
			fault("wgmma", g->line, "warps %d and %d of a group "
				"give wgmma number %ld with other operands",
				i, t->number / WARP, w->done + 1);
	}
	w->log[w->done++ % LOG] = mine;
}

static void push(struct warp *w, struct issued one)
{
	if (w->n == w->room) {
		w->room = w->room ? 2 * w->room : 16;
		w->queue = realloc(w->queue, (size_t)w->room *
			sizeof *w->queue);
		if (!w->queue)
			fault("memory", 0, "no memory for a wgmma");
	}
	w->queue[w->n++] = one;
}

static void issue_late(struct warp *w, const struct wgmma *g,
	void *const *registers, uint64_t left)
{
	struct tile *t = tile_at(w, *registers);

	if (!t) {
		t = new_tile(w);
		t->form = *g;
		memcpy(t->registers, registers, sizeof t->registers);
		wgmma_gather(g, registers, &t->acc);
		poison(g, registers);
	} else if (t->form.n != g->n || t->form.acc != g->acc) {
		fault("wgmma", g->line, "accumulators of a wgmma of another "
			"shape, which is not waited for");
	}
	t->pending++;
	push(w, (struct issued){ *g, t, w->group, left });
}

static void issue_early(struct warp *w, const struct wgmma *g, int number,
	void *const *registers, uint64_t left)
{
	static union wgmma_acc acc;

	wgmma_gather(g, registers, &acc);
	wgmma_multiply(g, number, &acc);
	deliver(w, g, registers, &acc);
	push(w, (struct issued){ *g, NULL, w->group, left });
}

static void complete(struct warp *w, struct issued *i, int number)
{
	struct tile *t = i->tile;

	watch(&i->w, number);
	wgmma_left_complete(&i->w, i->left);
	if (!t)
		return;
	wgmma_multiply(&i->w, number, &t->acc);
	if (--t->pending)
		return;
	check_poison(&i->w, t->registers);
	deliver(w, &i->w, t->registers, &t->acc);
	drop_tile(w, t);
}

/* ---- what the lanes of a warp do together ---- */

/* What each lane hands in. */
struct given {
	struct wgmma w;
	void *acc;
	const uint32_t *left;
};

static void issue(struct thread *lanes)
{
	const struct given *own = lanes->part;
	struct wgmma g = own->w;
	struct warp *w = warp_of(lanes);
	void *registers[WARP];
	uint64_t left;

	for (int l = 0; l < WARP; l++) {
		const struct given *other = lanes[l].part;

		if (signature(&other->w) != signature(&g))
			fault("wgmma", g.line, "lanes 0 and %d of a warp give "
				"other operands to a wgmma", l);
		registers[l] = other->acc;
		g.registers[l] = other->left;
	}
	check(&g, number_in_group(lanes));
	check_group(lanes, w, &g);
	watch(&g, number_in_group(lanes));
	if (!tile_at(w, *registers))
		check_fence(w, &g, registers);
	left = wgmma_left_issue(&w->left, &g);
	if (job.late)
		issue_late(w, &g, registers, left);
	else
		issue_early(w, &g, number_in_group(lanes), registers, left);
}

static void fence(struct thread *lanes)
{
	struct warp *w = warp_of(lanes);

	w->fences++;
	wgmma_left_fence(&w->left);
}

static void commit(struct thread *lanes)
{
	warp_of(lanes)->group++;
}

static void wait(struct thread *lanes)
{
	struct warp *w = warp_of(lanes);
	const int *in_flight = lanes->part;
	int n = 0;

	while (n < w->n && w->queue[n].group < w->group - *in_flight)
		complete(w, &w->queue[n++], number_in_group(lanes));
	w->n -= n;
	if (watch_waited)
		watch_waited(lanes->number / WARP);
	if (n)
		memmove(w->queue, w->queue + n, (size_t)w->n *
			sizeof *w->queue);
}

void wpk_emu_wgmma(int line, int n, const char *acc, const char *left,
	const char *right, int trans, void *d, const unsigned *registers,
	long long a, long long b, int accumulate);
void wpk_emu_wgmma_fence(int line);
void wpk_emu_wgmma_commit(int line);
void wpk_emu_wgmma_wait(int line, int in_flight);

void wpk_emu_wgmma(int line, int n, const char *acc, const char *left,
	const char *right, int trans, void *d, const unsigned *registers,
	long long a, long long b, int accumulate)
{
	struct given mine = {
		.w = { .line = line, .n = n, .acc = *acc == 'i' ? SUM_I32 :
				acc[1] == '1' ? SUM_F16 : SUM_F32,
			.left = factor_named(left),
			.right = factor_named(right),
			.left_trans = trans & 1, .right_trans = trans & 2,
			.accumulate = accumulate != 0, .a = (uint64_t)a,
			.b = (uint64_t)b,
			.place = __builtin_return_address(0) },
		.acc = d, .left = registers
	};

	warp_matrix(line, NULL, issue, &mine);
}

void wpk_emu_wgmma_fence(int line)
{
	warp_matrix(line, NULL, fence, NULL);
}

void wpk_emu_wgmma_commit(int line)
{
	warp_matrix(line, NULL, commit, NULL);
}

void wpk_emu_wgmma_wait(int line, int in_flight)
{
	warp_matrix(line, NULL, wait, &in_flight);
}

/* ---- blocks ---- */

void wgmma_begin(void)
{
	for (int i = 0; i < CLUSTER_MAX; i++)
		for (int k = 0; k < WARPS; k++) {
			struct warp *w = all[i][k];

			if (!w)
				continue;
			while (w->tiles)
				drop_tile(w, w->tiles);
			w->n = 0;
			w->group = w->fences = w->done = 0;
			w->at = NULL;
			w->left.n = w->left.next = 0;
		}
}

void wgmma_end(void)
{
	for (int i = 0; i < CLUSTER_MAX; i++)
		for (int k = 0; k < WARPS; k++) {
			const struct warp *w = all[i][k];
			const struct warp *first = all[i][k / 4 * 4];

			if ((w ? w->done : 0) != (first ? first->done : 0))
				fault("wgmma", 0, "warp %d gave %ld wgmma, and "
					"warp %d of the same group %ld", k,
					w ? w->done : 0, k / 4 * 4,
					first ? first->done : 0);
		}
}

void wgmma_free(void)
{
	wgmma_begin();
	for (int i = 0; i < CLUSTER_MAX; i++)
		for (int k = 0; k < WARPS; k++) {
			if (all[i][k])
				free(all[i][k]->queue);
			free(all[i][k]);
			all[i][k] = NULL;
		}
	while (unused) {
		struct tile *gone = unused;

		unused = gone->next;
		free(gone);
	}
}
