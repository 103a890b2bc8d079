/* SPDX-License-Identifier: MIT */
/* Memory of the device: blocks between margins, and of these, sets of all tensors
 * of a subject. */
#include "runtime/wpkrun/wpkrun.h"

#include <stdlib.h>
#include <string.h>

enum { MARGIN = 256 };

/* ---- blocks ---- */

bool block_take(struct session *s, size_t bytes, size_t align,
	struct block *out)
{
	size_t to = align > MARGIN ? align : MARGIN;
	int status = bytes > SIZE_MAX / 2 ? WPK_CU_NO_MEMORY :
		cuda.allocate(&out->base, bytes + 3 * to);

	if (status) {
		out->base = 0;
		return device_fails(s, status, "no memory on the device");
	}
	out->at = (out->base + to + to - 1) / to * to;
	out->bytes = bytes;
	return true;
}

bool block_fill(struct session *s, const struct block *b, int poison,
	bool inside)
{
	unsigned char byte = (unsigned char)poison;
	int status = cuda.fill(b->at - MARGIN, byte, MARGIN, s->stream);

	if (!status)
		status = cuda.fill(b->at + b->bytes, byte, MARGIN, s->stream);
	if (!status && inside && b->bytes)
		status = cuda.fill(b->at, byte, b->bytes, s->stream);
	return !status || device_fails(s, status, "filling memory");
}

bool block_check(struct session *s, const struct block *b, int poison,
	bool *whole)
{
	unsigned char margins[2 * MARGIN];
	int status = cuda.to_host(margins, b->at - MARGIN, MARGIN);

	if (!status)
		status = cuda.to_host(margins + MARGIN, b->at + b->bytes,
			MARGIN);
	*whole = true;
	for (int i = 0; i < 2 * MARGIN && !status; i++)
		*whole &= margins[i] == poison;
	return !status || device_fails(s, status, "reading memory");
}

static void block_give(struct block *b)
{
	if (b->base)
		cuda.release(b->base);
	b->base = 0;
}

/* ---- sets ---- */

static void describe(struct session *s, const struct subject_tensor *t,
	const struct block *b, DLTensor *out)
{
	*out = (DLTensor){ .data = (void *)(uintptr_t)b->at, .device = {
		kDLCUDA, s->o->device }, .ndim = t->layout.n_shape, .dtype =
		t->type, .shape = (int64_t *)t->layout.shape, .strides =
		(int64_t *)t->layout.strides };
}

/* What lies over an input has no memory of its own. */
static bool set_tensor(struct session *s, struct buffers *b, int i,
	bool in_place)
{
	const struct subject_tensor *t = &b->x->tensors[i];

	if (in_place && t->over >= 0) {
		b->blocks[i] = b->blocks[t->over];
		b->blocks[i].base = 0;
	} else if (!block_take(s, t->bytes, t->align, &b->blocks[i])) {
		return false;
	}
	describe(s, t, &b->blocks[i], &b->tensors[i]);
	b->list[i] = &b->tensors[i];
	return true;
}

/* Copies go by the default stream, for which that of a slice does not wait. */
bool buffers_restore(struct session *s, struct buffers *b,
	const void *const *data)
{
	int status = 0;

	for (int i = 0; i < b->x->n_inputs && !status; i++)
		if (b->x->tensors[i].bytes)
			status = cuda.to_device(b->blocks[i].at, data[i],
				b->x->tensors[i].bytes);
	if (!status)
		status = cuda.synchronize(NULL);
	return !status || device_fails(s, status, "copying an input");
}

struct buffers *buffers_create(struct session *s, const struct subject *x,
	const void *const *data, bool in_place)
{
	struct buffers *b = large_take(s, sizeof *b);
	size_t n = (size_t)x->n;

	b->x = x;
	b->blocks = large_take(s, n * sizeof *b->blocks);
	b->tensors = large_take(s, n * sizeof *b->tensors);
	b->list = large_take(s, n * sizeof *b->list);
	for (int i = 0; i < x->n; i++)
		if (!set_tensor(s, b, i, in_place)) {
			buffers_destroy(b);
			return NULL;
		}
	if (buffers_restore(s, b, data))
		return b;
	buffers_destroy(b);
	return NULL;
}

void buffers_destroy(struct buffers *b)
{
	if (!b)
		return;
	for (int i = 0; i < b->x->n; i++)
		block_give(&b->blocks[i]);
	free(b->blocks);
	free(b->tensors);
	free(b->list);
	free(b);
}
