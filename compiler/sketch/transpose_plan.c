/* SPDX-License-Identifier: MIT */
/* The box of a transposing block. In come the lengths that results and staged
 * reads are to be contiguous for, out goes a box of the domain that is that
 * long for each of them: along the innermost run of each exactly, and where one
 * is short (the packets of a blocked layout) along its neighbours. A
 * staged tile keeps the order of its tensor, hence whole sectors and vectors
 * on the way in; its 16-byte chunks are permuted within 128 bytes, by bits of
 * their number that differ among the lanes that read together. */
#include "sketch/transpose.h"

#include <string.h>

enum { LANES = 32, BANKS = 32, LINE_CHUNKS = 8, SHIFTS = 12 };

int64_t run_coef(const struct walk *w, const struct access *x, int run)
{
	return x->at.in[w->in.first[run + 1] - 1];
}

static int size_of(const struct access *x)
{
	return dtype_row(x->tensor->type)->bits / 8;
}

/* Runs that "x" steps through, greatest stride first. */
static void sort_runs(const struct walk *w, const struct access *x,
	struct tile_order *o)
{
	o->n = 0;
	for (int r = 0; r < w->in.n_runs; r++) {
		int64_t c = run_coef(w, x, r);
		int k = o->n;

		if (!c)
			continue;
		for (; k > 0 && run_coef(w, x, o->run[k - 1]) < c; k--)
			o->run[k] = o->run[k - 1];
		o->run[k] = r;
		o->n++;
	}
}

struct tile_order tile_order(const struct walk *w, const struct access *x,
	const int64_t *t)
{
	struct tile_order o = { .count = 1, .length = 1 };
	int k;

	sort_runs(w, x, &o);
	for (k = o.n; k > 0; k--) {
		int r = o.run[k - 1];

		if (run_coef(w, x, r) != o.length || (k < o.n &&
		    t[o.run[k]] != w->in.run[o.run[k]]))
			break;
		o.length *= t[r];
	}
	o.segment = k;
	for (k = o.n - 1; k >= 0; k--) {
		o.stride[o.run[k]] = o.count;
		o.count *= t[o.run[k]];
	}
	return o;
}

/* ---- the box ---- */

/* Make the box "want" elements long where "x" is contiguous, by runs that have
 * no tile of their own, in powers of two. */
static void extend(const struct transpose *s, const struct access *x,
	int64_t want, int64_t *t)
{
	const struct walk *w = s->walk;
	struct tile_order o;
	int64_t length = 1;

	sort_runs(w, x, &o);
	for (int k = o.n - 1; k >= 0 && length < want; k--) {
		int r = o.run[k];
		int64_t extent = w->in.run[r], need = 1;

		if (run_coef(w, x, r) != length)
			return;
		while (need * 2 * length <= want)
			need *= 2;
		if (need > extent)
			need = extent;
		if (r != s->out && r != s->in && t[r] < need)
			t[r] = need;
		if (t[r] < extent)
			return;
		length *= extent;
	}
}

static int64_t at_most(int64_t x, int64_t limit)
{
	return x < limit ? x : limit;
}

static void make_box(const struct transpose *s, const int *v,
	struct transpose_plan *p)
{
	const struct walk *w = s->walk;

	for (int r = 0; r < w->in.n_runs; r++)
		p->t[r] = 1;
	p->t[s->out] = at_most(v[TR_OUT], w->in.run[s->out]);
	p->t[s->in] = at_most(v[TR_IN], w->in.run[s->in]);
	for (int i = 0; i < w->pieces.n; i++)
		if (w->pieces.v[i].out >= 0)
			extend(s, &w->acc.v[w->pieces.v[i].out], v[TR_OUT],
				p->t);
	for (int i = 0; i < s->n_staged; i++)
		extend(s, &w->acc.v[s->staged[i]], v[TR_IN], p->t);
	p->box = p->blocks = 1;
	for (int r = 0; r < w->in.n_runs; r++) {
		p->tiles[r] = (w->in.run[r] + p->t[r] - 1) / p->t[r];
		p->box *= p->t[r];
		p->blocks *= p->tiles[r];
	}
}

/* ---- vectors ---- */

/* Elements of the longest vector that "x" moves in along its segment. */
static int tile_vector(const struct walk *w, const struct access *x,
	const struct transpose_plan *p, const struct tile_order *o)
{
	int size = size_of(x), best = 1;
	int align = x->tensor->role == IR_LET ? VECTOR_BYTES :
		x->tensor->align;

	if (o->segment == o->n)
		return 1;
	for (int v = 2; v * size <= VECTOR_BYTES; v *= 2) {
		int outer = o->run[o->segment];
		bool fits = align % (v * size) == 0 && x->at.c % v == 0 &&
			o->length % v == 0;

		for (int k = 0; k < o->segment; k++)
			fits &= run_coef(w, x, o->run[k]) % v == 0;
		if (p->tiles[outer] > 1)
			fits &= w->in.run[outer] * run_coef(w, x, outer) % v ==
				0 && p->t[outer] * run_coef(w, x, outer) % v ==
				0;
		if (fits)
			best = v;
	}
	return best;
}

double segment_bytes(const struct access *x, const struct tile_order *o)
{
	double bytes = (double)o->length * size_of(x), sectors;

	sectors = bytes / 32;
	if (sectors != (double)(int64_t)sectors)
		sectors = (double)(int64_t)sectors + 1.5;
	return sectors * 32;
}

/* ---- banks ---- */

/* Place in the staged copy "o" of the element at "flat" of the results. */
static int64_t place_of(const struct walk *w, const struct transpose_plan *p,
	const struct tile_order *o, int64_t flat)
{
	int64_t at = 0;

	for (int r = w->in.n_runs - 1; r >= 0; r--) {
		at += flat % p->t[r] * o->stride[r];
		flat /= p->t[r];
	}
	return at;
}

/* Bytes from the start of a staged copy at which lanes read the same element
 * of their vectors, without a swizzle; of lanes that the box has something for. */
struct lanes {
	int64_t at[LANES];
	int n;
};

static void find_lanes(const struct walk *w, const struct transpose_plan *p,
	int k, int size, int v, int e, struct lanes *x)
{
	for (x->n = 0; x->n < LANES; x->n++) {
		int64_t flat = (int64_t)x->n * v + e;

		if (flat >= p->box)
			return;
		x->at[x->n] = place_of(w, p, &p->read[k], flat) * size;
	}
}

/* The most words that the lanes want of one bank. */
static int conflicts(const struct lanes *x, int shift)
{
	int64_t words[BANKS][LANES];
	int count[BANKS] = { 0 }, most = 1;

	for (int l = 0; l < x->n; l++) {
		int64_t chunk = x->at[l] / CHUNK_BYTES, word;
		int bank, k = 0;

		if (shift)
			chunk ^= (chunk >> shift) % LINE_CHUNKS;
		word = (chunk * CHUNK_BYTES + x->at[l] % CHUNK_BYTES) / 4;
		bank = (int)(word % BANKS);
		while (k < count[bank] && words[bank][k] != word)
			k++;
		words[bank][k] = word;
		count[bank] += k == count[bank];
		most = count[bank] > most ? count[bank] : most;
	}
	return most;
}

/* Of both; where those of the first reach "limit" nobody asks for the others. */
static int worst(const struct lanes *first, const struct lanes *last, int shift,
	int limit)
{
	int x = conflicts(first, shift), y = x < limit ? conflicts(last, shift) : 0;

	return x > y ? x : y;
}

static void choose_swizzle(const struct walk *w, struct transpose_plan *p,
	int k, int size, const int *v)
{
	struct lanes first, last;

	find_lanes(w, p, k, size, v[TR_WRITE], 0, &first);
	find_lanes(w, p, k, size, v[TR_WRITE], v[TR_WRITE] - 1, &last);
	p->shift[k] = 0;
	p->ways[k] = worst(&first, &last, 0, LANES);
	for (int s = 3; v[TR_SWIZZLE] && s < SHIFTS && p->ways[k] > 1 &&
	     p->read[k].count * size >> s >= CHUNK_BYTES; s++) {
		int ways = worst(&first, &last, s, p->ways[k]);

		if (ways < p->ways[k]) {
			p->ways[k] = ways;
			p->shift[k] = s;
		}
	}
}

void transpose_banks(const struct task *t, const int *v,
	struct transpose_plan *p)
{
	const struct transpose *s = t->state;

	for (int i = 0; i < s->n_staged; i++)
		choose_swizzle(s->walk, p, i, size_of(&s->walk->acc.v[
			s->staged[i]]), v);
}

/* ---- a point ---- */

static const char *check_write(const struct transpose *s, struct arena *a,
	const int *v, struct transpose_plan *p)
{
	const struct walk *w = s->walk;
	int64_t last = p->t[s->out];
	int limit = 1, least = VECTOR_BYTES, best;

	p->apart = last % v[TR_WRITE] != 0;
	for (int i = 0; i < w->pieces.n; i++) {
		const struct piece *x = &w->pieces.v[i];
		struct tile_order o;

		if (x->out < 0)
			continue;
		o = tile_order(w, &w->acc.v[x->out], p->t);
		best = tile_vector(w, &w->acc.v[x->out], p, &o);
		limit = best > limit ? best : limit;
		least = best < least ? best : least;
	}
	best = p->apart ? least : limit;
	if (v[TR_WRITE] > best)
		return arena_printf(a, "results in tiles of %lld x %lld move "
			"in vectors of %d at most, not %d",
			(long long)last, (long long)p->t[s->in], best,
			v[TR_WRITE]);
	return NULL;
}

static const char *check_reads(const struct transpose *s, struct arena *a,
	const int *v, struct transpose_plan *p)
{
	const struct walk *w = s->walk;

	for (int i = 0; i < s->n_staged; i++) {
		const struct access *x = &w->acc.v[s->staged[i]];
		int limit, bytes = v[TR_READ] * size_of(x);

		p->read[i] = tile_order(w, x, p->t);
		limit = tile_vector(w, x, p, &p->read[i]);
		if (v[TR_READ] > limit)
			return arena_printf(a, "'%s' in tiles of %lld x %lld "
				"moves in vectors of %d at most, not %d",
				x->tensor->name, (long long)p->t[s->out],
				(long long)p->t[s->in], limit, v[TR_READ]);
		if (v[TR_ASYNC] && (bytes < 4 || bytes > CHUNK_BYTES))
			return arena_printf(a, "async copies are of 4, 8 or "
				"16 bytes, and %d elements of '%s' are %d",
				v[TR_READ], x->tensor->name, bytes);
		p->smem += (p->read[i].count * size_of(x) + 127) / 128 * 128;
	}
	return NULL;
}

const char *transpose_plan(const struct task *t, struct arena *a, const int *v,
	struct transpose_plan *p)
{
	const struct transpose *s = t->state;
	const char *why;

	memset(p, 0, sizeof *p);
	make_box(s, v, p);
	why = check_write(s, a, v, p);
	if (!why)
		why = check_reads(s, a, v, p);
	if (!why && p->smem > t->target->smem_block)
		why = arena_printf(a, "its tiles need %lld bytes of shared "
			"memory, %s has %d for a block", (long long)p->smem,
			t->target->name, t->target->smem_block);
	if (!why && p->blocks > INT32_MAX)
		why = "a grid has fewer than 2^31 blocks";
	return why;
}
