/* SPDX-License-Identifier: MIT */
/* Bulk copies. One into shared memory lands, in one or more blocks of the
 * cluster, and tells the barrier of each, when nothing else can go on and
 * somebody waits for it, in late mode; one out of shared memory reads and
 * writes when its thread waits for that. In early mode all happens at once. A
 * copy that nobody has waited for when the blocks end is a fault: their shared
 * memory is then another's. */
#include "emu_tensor.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 16, BLOCKS = 16 };

/* By "thread": "bytes" between "shared" and memory at "global", or, where
 * "tensor", the box. Into shared memory: that of the blocks of "mask", whose
 * barriers are at "barrier". Out of it: what was read waits in "read". */
struct transfer {
	struct thread *thread;
	bool tensor, add;
	struct tensor_box box;
	unsigned char *global;
	size_t shared, bytes, barrier;
	unsigned width, mask;
	long group;
	unsigned char *read;
};

struct queue {
	struct transfer *v;
	int n, room;
};

static struct queue loads, stores;

void wpk_emu_bulk_load(int line, void *shared, const void *global, int bytes,
	void *barrier, unsigned mask);
void wpk_emu_bulk_store(int line, void *global, const void *shared, int bytes,
	bool add);
void wpk_emu_tensor_load(int line, void *shared, const void *map, void *barrier,
	int rank, const int *at, const unsigned short *offset, unsigned mask);
void wpk_emu_tensor_store(int line, const void *map, const void *shared,
	int rank, const int *at, bool add);
void wpk_emu_bulk_commit(void);
void wpk_emu_bulk_wait(int in_flight, bool read);

/* ---- in flight ---- */

static void push(struct queue *q, struct transfer t)
{
	if (q->n == q->room) {
		q->room = q->room ? 2 * q->room : 16;
		q->v = realloc(q->v, (size_t)q->room * sizeof *q->v);
		if (!q->v)
			fault("memory", 0, "no memory for copies in flight");
	}
	q->v[q->n++] = t;
}

static struct transfer take(struct queue *q, int i)
{
	struct transfer t = q->v[i];

	q->n--;
	memmove(q->v + i, q->v + i + 1, (size_t)(q->n - i) * sizeof *q->v);
	return t;
}

static unsigned char *buffer_of(size_t bytes)
{
	unsigned char *p = malloc(bytes);

	if (!p)
		fault("memory", 0, "no memory for a copy of %zu bytes", bytes);
	return p;
}

/* ---- shared memory ---- */

/* Chunks of swizzled rows change places by the bits of the address above. */
static size_t swizzled(size_t at, unsigned width)
{
	return at ^ (at >> 3 & (width - CHUNK));
}

static void watch(const struct transfer *t, int rank, enum watch_kind kind)
{
	for (size_t i = 0; i < t->bytes && watch_remote; i += CHUNK)
		watch_remote(t->box.place, rank, swizzled(t->shared + i,
			t->width), CHUNK, kind);
}

static void put(const struct transfer *t, int rank, const unsigned char *from)
{
	unsigned char *shared = shared_of(t->box.line, rank, 0);

	for (size_t i = 0; i < t->bytes; i += CHUNK)
		memcpy(shared + swizzled(t->shared + i, t->width), from + i,
			CHUNK);
}

static void get(const struct transfer *t, unsigned char *to)
{
	for (size_t i = 0; i < t->bytes; i += CHUNK)
		memcpy(to + i, shared_memory + swizzled(t->shared + i,
			t->width), CHUNK);
}

/* ---- into shared memory ---- */

static void load(const struct transfer *t)
{
	unsigned char *buffer = buffer_of(t->bytes);

	if (t->tensor) {
		tensor_load(&t->box, buffer);
	} else {
		if (watch_access)
			watch_access(t->box.place, t->global, t->bytes,
				WATCH_READ);
		memcpy(buffer, t->global, t->bytes);
	}
	for (int i = 0; i < BLOCKS; i++)
		if (t->mask >> i & 1) {
			put(t, i, buffer);
			watch(t, i, WATCH_BULK_ARRIVE);
			mbarrier_complete(t->box.line, i, t->barrier,
				(long)t->bytes);
		}
	free(buffer);
}

/* Does a thread wait at a barrier that "t" tells? */
static bool awaited(const struct transfer *t)
{
	for (int i = 0; i < cluster_size(); i++)
		if (t->mask >> i & 1 && mbarrier_awaited(i, t->barrier))
			return true;
	return false;
}

/* All that tell the barrier of the first that is awaited. */
bool bulk_land(void)
{
	size_t barrier = 0;
	bool any = false;

	for (int i = 0; i < loads.n; ) {
		struct transfer t = loads.v[i];

		if (any ? t.barrier != barrier : !awaited(&t)) {
			i++;
			continue;
		}
		any = true;
		barrier = t.barrier;
		take(&loads, i);
		thread_turn(t.thread);
		load(&t);
		current = NULL;
	}
	return any;
}

static void check_shared(const struct transfer *t, unsigned align)
{
	if (t->shared % align)
		fault("misaligned", t->box.line, "a bulk copy at byte %zu of "
			"shared memory, which must be a multiple of %u",
			t->shared, align);
	if (t->shared + t->bytes > shared_bytes())
		fault("bounds", t->box.line, "a bulk copy of %zu bytes at byte "
			"%zu of the block's shared memory, which has %zu",
			t->bytes, t->shared, shared_bytes());
}

static void issue_load(struct transfer *t, const void *barrier, unsigned mask)
{
	int line = t->box.line;

	t->barrier = shared_at(line, barrier, 8);
	t->mask = mask ? mask : 1u << current->rank;
	if (t->mask >> cluster_size())
		fault("cluster", line, "a copy to blocks 0x%x of a cluster of "
			"%d", t->mask, cluster_size());
	for (int i = 0; i < BLOCKS; i++)
		if (t->mask >> i & 1) {
			mbarrier_check(line, i, t->barrier);
			watch(t, i, WATCH_BULK_ISSUE);
		}
	if (job.late)
		push(&loads, *t);
	else
		load(t);
}

/* ---- out of shared memory ---- */

static void read_shared(struct transfer *t)
{
	if (t->read)
		return;
	watch(t, t->thread->rank, WATCH_BULK_READ);
	t->read = buffer_of(t->bytes);
	get(t, t->read);
}

static void add_floats(const struct transfer *t)
{
	float x, y;

	for (size_t i = 0; i < t->bytes; i += sizeof x) {
		memcpy(&x, t->global + i, sizeof x);
		memcpy(&y, t->read + i, sizeof y);
		x += y;
		memcpy(t->global + i, &x, sizeof x);
	}
}

static void store(struct transfer *t)
{
	read_shared(t);
	if (t->tensor) {
		tensor_store(&t->box, t->read, t->add);
	} else {
		if (watch_access)
			watch_access(t->box.place, t->global, t->bytes,
				t->add ? WATCH_ATOMIC : WATCH_WRITE);
		if (t->add)
			add_floats(t);
		else
			memcpy(t->global, t->read, t->bytes);
	}
	free(t->read);
}

static void issue_store(struct transfer *t)
{
	t->group = current->bulk_group;
	watch(t, t->thread->rank, WATCH_BULK_READ);
	if (job.late)
		push(&stores, *t);
	else
		store(t);
}

void wpk_emu_bulk_commit(void)
{
	current->bulk_group++;
}

void wpk_emu_bulk_wait(int in_flight, bool read)
{
	for (int i = 0; i < stores.n; ) {
		struct transfer *t = &stores.v[i];

		if (t->thread != current ||
		    t->group >= current->bulk_group - in_flight) {
			i++;
		} else if (read) {
			read_shared(t);
			i++;
		} else {
			struct transfer done = take(&stores, i);

			store(&done);
		}
	}
}

/* ---- what device code calls ---- */

static struct transfer begin(int line, const void *shared, const void *place)
{
	return (struct transfer){ .thread = current, .width = CHUNK,
		.shared = shared_at(line, shared, 1),
		.box = { .line = line, .place = place } };
}

static struct transfer begin_bulk(int line, const void *shared,
	const void *global, int bytes, const void *place)
{
	struct transfer t = begin(line, shared, place);

	t.global = (unsigned char *)(uintptr_t)global;
	t.bytes = (size_t)bytes;
	if (bytes < 0 || bytes % CHUNK || (uintptr_t)global % CHUNK)
		fault("misaligned", line, "a bulk copy of %d bytes, in global "
			"memory at an address that is a multiple of %d: both "
			"must be such of 16", bytes,
			(uintptr_t)global % CHUNK ?
			1 << __builtin_ctzll((uintptr_t)global) : CHUNK);
	if (address_bad(global, t.bytes))
		fault("bounds", line, "a bulk copy of %zu bytes out of bounds "
			"in global memory", t.bytes);
	check_shared(&t, CHUNK);
	return t;
}

void wpk_emu_bulk_load(int line, void *shared, const void *global, int bytes,
	void *barrier, unsigned mask)
{
	struct transfer t = begin_bulk(line, shared, global, bytes,
		__builtin_return_address(0));

	issue_load(&t, barrier, mask);
}

void wpk_emu_bulk_store(int line, void *global, const void *shared, int bytes,
	bool add)
{
	struct transfer t = begin_bulk(line, shared, global, bytes,
		__builtin_return_address(0));

	t.add = add;
	issue_store(&t);
}

static struct transfer begin_tensor(int line, const void *shared,
	const void *map, int rank, const int *at, bool im2col,
	const void *place)
{
	struct transfer t = begin(line, shared, place);

	tensor_map_read(&t.box.map, line, map, rank, im2col);
	t.tensor = true;
	t.width = t.box.map.width;
	t.bytes = tensor_bytes(&t.box.map);
	memcpy(t.box.at, at, (size_t)rank * sizeof *at);
	check_shared(&t, 128);
	return t;
}

void wpk_emu_tensor_load(int line, void *shared, const void *map, void *barrier,
	int rank, const int *at, const unsigned short *offset, unsigned mask)
{
	struct transfer t = begin_tensor(line, shared, map, rank, at, offset,
		__builtin_return_address(0));

	for (int i = 0; offset && i < rank - 2; i++)
		t.box.offset[i] = offset[i];
	if (offset)
		tensor_check_pixel(&t.box);
	issue_load(&t, barrier, mask);
}

void wpk_emu_tensor_store(int line, const void *map, const void *shared,
	int rank, const int *at, bool add)
{
	struct transfer t = begin_tensor(line, shared, map, rank, at, false,
		__builtin_return_address(0));

	t.add = add;
	issue_store(&t);
}

/* ---- blocks ---- */

/* After a fault something may be. */
void bulk_begin(void)
{
	while (stores.n)
		free(take(&stores, 0).read);
	loads.n = 0;
}

void bulk_free(void)
{
	bulk_begin();
	free(loads.v);
	free(stores.v);
	loads = stores = (struct queue){ 0 };
}

void bulk_end(void)
{
	if (loads.n) {
		thread_turn(loads.v->thread);
		fault("async", loads.v->box.line, "a bulk copy into shared "
			"memory was under way when its block ended: nobody "
			"had waited for it");
	}
	while (stores.n) {
		struct transfer t = take(&stores, 0);

		thread_turn(t.thread);
		if (!t.read)
			fault("async", t.box.line, "a bulk copy out of shared "
				"memory was under way when its block ended: "
				"its thread had not waited for it");
		store(&t);
		current = NULL;
	}
}
