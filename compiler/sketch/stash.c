/* SPDX-License-Identifier: MIT */
/* Vectors of a walk kept in shared memory. Every thread keeps its own and reads
 * no other's, so it needs no barrier: this is room that registers lack, and
 * unlike them it is addressed by slots that loops need not unroll. What is
 * used at a slot passes through registers for one vector. */
#include "sketch/walk.h"

static struct kx *number(const struct stream *s, int64_t v)
{
	return kx_int(s->a, v);
}

static struct k_buffer *room(struct stream *s, const char *name,
	enum dtype type, int slots, int n)
{
	const int64_t dims[2] = { slots, (int64_t)s->kernel->threads * n };

	return kernel_array(s->kernel, K_SHARED, arena_printf(s->a, "%s_kept",
		name), type, 2, dims, VECTOR_BYTES);
}

void stream_stash(struct stream *s, uint64_t accesses, uint64_t pieces,
	int slots)
{
	stream_hold(s, accesses, 1, true);
	for (int i = 0; i < s->w->acc.n && i < 64; i++) {
		const struct access *x = &s->w->acc.v[i];

		if (accesses >> i & 1 && s->held[i].buffer)
			s->held[i].stash = room(s, x->tensor->name,
				x->tensor->type, slots,
				(int)s->held[i].buffer->dims[0]);
	}
	for (int i = 0; i < s->w->pieces.n; i++) {
		if (!(pieces >> i & 1))
			continue;
		stream_keep(s, i, 1);
		s->kept[i].stash = room(s, s->op->tensors[
			s->w->pieces.v[i].stmt->tensor].name,
			s->kept[i].buffer->type, slots, s->v);
	}
}

static struct k_place place(const struct stream *s,
	const struct held_access *h, const struct point *p, int element)
{
	struct kx *thread = kx_special(s->a, K_THREAD_X);

	return k_place(h->stash, p->slot, kx_add(s->a, kx_mul(s->a, thread,
		number(s, h->buffer->dims[0])), number(s, element)));
}

/* Between registers and shared memory, as wide as moves go. */
static void move(struct stream *s, struct k_block *b,
	const struct held_access *h, const struct point *p, bool in)
{
	int size = dtype_row(h->stash->type)->bits / 8;
	int n = (int)h->buffer->dims[0], most = VECTOR_BYTES / size;
	int chunk = n < most ? n : most;

	for (int e = 0; e < n; e += chunk) {
		struct k_place there = place(s, h, p, e);
		struct k_place here = k_place(h->buffer, number(s, e));

		ks_copy(s->a, b, COPY_PLAIN, in ? there : here,
			in ? here : there, chunk * size, NULL, 0);
	}
}

/* Straight from memory, where the access is in vectors that cp.async moves. */
static bool load_async(struct stream *s, struct k_block *b, int i,
	const struct point *p)
{
	const struct access *x = &s->w->acc.v[i];
	const struct held_access *h = &s->held[i];
	int chunk = access_chunk(x, s->v);
	int bytes = chunk * dtype_row(x->tensor->type)->bits / 8;
	struct kx *from;

	if (access_uniform(s->w, x) || !access_vector(s->w, x) || bytes < 4)
		return false;
	from = ks_let(s->a, b, "from", stream_address(s, x, p));
	for (int e = 0; e < s->v; e += chunk)
		ks_copy(s->a, b, COPY_ASYNC, place(s, h, p, e),
			k_place(s->buffers[x->tensor->id], kx_add(s->a, from,
			number(s, e))), bytes, NULL, 0);
	return true;
}

void stream_stash_load(struct stream *s, struct k_block *b, uint64_t mask,
	const struct point *p, bool async)
{
	for (int i = 0; i < s->w->acc.n && i < 64; i++) {
		if (!(mask >> i & 1) || !s->held[i].stash)
			continue;
		if (async && load_async(s, b, i, p))
			continue;
		stream_load(s, b, 1ull << i, p);
		move(s, b, &s->held[i], p, true);
	}
}

void stream_stash_put(struct stream *s, struct k_block *b, int i,
	const struct point *p)
{
	if (s->kept[i].stash)
		move(s, b, &s->kept[i], p, true);
}

void stream_stash_take(struct stream *s, struct k_block *b, uint64_t accesses,
	uint64_t pieces, const struct point *p)
{
	for (int i = 0; i < s->w->acc.n && i < 64; i++)
		if (accesses >> i & 1 && s->held[i].stash)
			move(s, b, &s->held[i], p, false);
	for (int i = 0; i < s->w->pieces.n; i++)
		if (pieces >> i & 1 && s->kept[i].stash)
			move(s, b, &s->kept[i], p, false);
}
