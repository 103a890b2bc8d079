/* SPDX-License-Identifier: MIT */
/* Bytes that kernels ask of global memory, and wavefronts of shared memory.
 *
 * The unit is the sector of 32 bytes, clipped to the tensor. What a warp's
 * lanes touch in one execution of one instruction is asked for once, as the
 * hardware does. A sector that another warp read earlier in the launch can come
 * from a cache, one that another wrote is merged there, and both are told
 * apart; what the same warp asks for again was worth keeping. Instructions are
 * told by their place in the text, and their executions by each lane's own
 * count, so lanes that skip an access and go on are taken to ask apart.
 *
 * In shared memory the words of one execution that lie in one of the 32 banks
 * go one after the other: that many wavefronts it takes, where as many as 32
 * words each go into are the least. */
#include "watch.h"

#include <stdlib.h>
#include <string.h>

enum { SECTOR = 32, READ = 0, WRITE = 1 };
enum { BANKS = 32, WORD = 4 };
/* Keys of "banks": words in one bank, words in all, wavefronts. */
enum { IN_BANK = 1 << 20, IN_ALL = 1 << 21, WAVES = 1 << 22 };

/* A tensor or the workspace. "warp" of each sector: the last to read, to
 * write it in this launch, from 1; "touched": bit READ, bit WRITE, ever. */
static struct range {
	const unsigned char *p;
	size_t bytes;
	unsigned *warp[2];
	unsigned char *touched;
	long long asked[2], cached[2], once[2];
} ranges[PIECES];
static int n_ranges;
static unsigned first_warp;	/* of this cluster, in this launch */

/* The running thread's number in its cluster. */
static uint64_t serial(void)
{
	return (uint64_t)current->rank * THREADS_MAX +
		(uint64_t)current->number;
}

/* ---- tables that forget everything when a cluster starts ---- */

struct slot {
	uint64_t place, what, block;
	uint64_t count;
};

struct table {
	struct slot *v;
	size_t room, used;
};

static struct table turns, asked, banks;
static long long waves, least_waves;
static uint64_t block;

static size_t home(const struct table *t, uint64_t place, uint64_t what)
{
	uint64_t h = (place ^ what * 0x9e3779b97f4a7c15u) *
		0xbf58476d1ce4e5b9u;

	return (h ^ h >> 29) & (t->room - 1);
}

static struct slot *find(struct table *t, uint64_t place, uint64_t what)
{
	size_t i = home(t, place, what);

	while (t->v[i].block == block &&
	       (t->v[i].place != place || t->v[i].what != what))
		i = (i + 1) & (t->room - 1);
	return &t->v[i];
}

static void grow(struct table *t)
{
	struct table old = *t;

	t->room = old.room ? 2 * old.room : 1 << 12;
	t->v = calloc(t->room, sizeof *t->v);
	if (!t->v)
		fault("memory", 0, "no memory to count accesses");
	for (size_t i = 0; i < old.room; i++)
		if (old.v[i].block == block)
			*find(t, old.v[i].place, old.v[i].what) = old.v[i];
	free(old.v);
}

static struct slot *slot_of(struct table *t, uint64_t place, uint64_t what)
{
	struct slot *s;

	if (2 * t->used >= t->room)
		grow(t);
	s = find(t, place, what);
	if (s->block != block) {
		*s = (struct slot){ place, what, block, 0 };
		t->used++;
	}
	return s;
}

/* How often it was looked up before in this block. */
static uint64_t times(struct table *t, uint64_t place, uint64_t what)
{
	return slot_of(t, place, what)->count++;
}

/* ---- events ---- */

void count_open(const struct piece *m)
{
	struct range *r = &ranges[m->number];
	size_t sectors = (m->bytes + SECTOR - 1) / SECTOR;

	*r = (struct range){ .p = m->p, .bytes = m->bytes };
	for (int kind = READ; kind <= WRITE; kind++)
		r->warp[kind] = calloc(sectors + 1, sizeof *r->warp[kind]);
	r->touched = calloc(sectors + 1, 1);
	if (!r->warp[READ] || !r->warp[WRITE] || !r->touched)
		fault("memory", 0, "no memory to count accesses");
	n_ranges = m->number + 1;
}

void count_launch(void)
{
	first_warp = 1;
	for (int i = 0; i < 2 * n_ranges; i++)
		memset(ranges[i / 2].warp[i % 2], 0, (ranges[i / 2].bytes +
			SECTOR - 1) / SECTOR * sizeof(unsigned));
}

void count_block(void)
{
	block++;
	turns.used = asked.used = banks.used = 0;
	first_warp += CLUSTER_MAX * THREADS_MAX / WARP;
}

void count_report(void)
{
	for (int i = 0; i < n_ranges; i++)
		say("bytes %d read %lld cached %lld once %lld "
			"written %lld cached %lld once %lld", i,
			ranges[i].asked[READ], ranges[i].cached[READ],
			ranges[i].once[READ], ranges[i].asked[WRITE],
			ranges[i].cached[WRITE], ranges[i].once[WRITE]);
	say("waves %lld least %lld", waves, least_waves);
}

/* ---- accesses ---- */

static void ask(struct range *r, size_t sector, int kind)
{
	unsigned warp = first_warp + (unsigned)serial() / WARP;
	size_t left = r->bytes - sector * SECTOR;
	long long n = left < SECTOR ? (long long)left : SECTOR;

	if (!(r->touched[sector] >> kind & 1))
		r->once[kind] += n;
	r->touched[sector] |= (unsigned char)(1 << kind);
	if (r->warp[kind][sector] && r->warp[kind][sector] != warp)
		r->cached[kind] += n;
	else
		r->asked[kind] += n;
	r->warp[kind][sector] = warp;
}

void count_access(const void *place, const struct piece *m, const void *p,
	size_t n, bool write)
{
	struct range *r = &ranges[m->number];
	uint64_t turn, warp;
	size_t from, to;

	warp = serial() / WARP;
	turn = times(&turns, (uintptr_t)place, serial());
	from = (size_t)((const unsigned char *)p - r->p);
	to = from + n < r->bytes ? from + n : r->bytes;
	for (size_t s = from / SECTOR; s * SECTOR < to; s++)
		if (!times(&asked, (uintptr_t)place ^ turn << 40,
		    ((uint64_t)(r - ranges) << 44 | s) << 9 | warp))
			ask(r, s, write);
}

static void ask_bank(uint64_t group, uint64_t word, uint64_t warp)
{
	uint64_t n = times(&banks, group, IN_BANK | word % BANKS << 9 | warp);
	struct slot *s;

	if (times(&banks, group, IN_ALL | warp) % BANKS == 0)
		least_waves++;
	s = slot_of(&banks, group, WAVES | warp);
	if (n < s->count)
		return;
	s->count++;
	waves++;
}

void count_shared(const void *place, size_t at, size_t n)
{
	uint64_t warp = serial() / WARP;
	uint64_t turn = times(&turns, (uintptr_t)place, serial());
	uint64_t group = (uintptr_t)place ^ turn << 40;

	for (size_t w = at / WORD; w * WORD < at + n; w++)
		if (!times(&asked, group, (uint64_t)PIECES << 44 | w << 9 |
		    warp))
			ask_bank(group, w, warp);
}
