/* SPDX-License-Identifier: MIT */
/* What the driver would refuse of a tensor map, and what a copy by one may not
 * do: cuTensorMapEncodeTiled and -Im2col in cuda.h, and the PTX ISA on
 * cp.async.bulk.tensor. */
#include <ctype.h>
#include <string.h>

#include "kernel/intrin.h"
#include "kernel/residue.h"
#include "kernel/verify.h"
#include "schedule/target.h"

/* ---- maps ---- */

static bool is_global(const struct check *c, const struct k_buffer *b)
{
	for (int i = 0; i < c->k->globals.n; i++)
		if (c->k->globals.v[i] == b)
			return true;
	return false;
}

static void check_tensor(struct check *c, const struct k_map *m)
{
	const struct k_buffer *b = m->of;

	if (!is_global(c, b))
		check_fail(c, "map %s is of %s, which is no parameter",
			m->name, b->name);
	else if (dtype_row(b->type)->bits < 8)
		check_fail(c, "map %s is of %s, and there are none of %s",
			m->name, b->name, dtype_row(b->type)->name);
	else if (b->align % 16)
		check_fail(c, "map %s is of %s, which is aligned to %d: 16 "
			"at least", m->name, b->name, b->align);
}

/* The driver asks it of the address. */
static void check_offset(struct check *c, const struct k_map *m)
{
	if (m->offset < 0 || m->offset % 16)
		check_fail(c, "map %s begins %lld bytes behind %s: a multiple of "
			"16", m->name, (long long)m->offset, m->of->name);
}

static void check_dims(struct check *c, const struct k_map *m)
{
	for (int i = 0; i < m->rank; i++) {
		if (m->dims[i] < 1 || m->dims[i] > INT64_C(1) << 32)
			check_fail(c, "dimension %d of map %s has %lld "
				"elements: 1 to 2^32", i, m->name,
				(long long)m->dims[i]);
		if (i && (m->strides[i] < 0 || m->strides[i] % 16 ||
		    m->strides[i] >= INT64_C(1) << 40))
			check_fail(c, "dimension %d of map %s has a stride of "
				"%lld bytes: multiples of 16 below 2^40", i,
				m->name, (long long)m->strides[i]);
		if (m->steps[i] < 1 || m->steps[i] > 8)
			check_fail(c, "dimension %d of map %s has steps of "
				"%d: 1 to 8", i, m->name, m->steps[i]);
	}
}

static bool is_code(int v, int least)
{
	return !v || v == least || v == 2 * least || v == 4 * least;
}

static void check_row(struct check *c, const struct k_map *m)
{
	int64_t bytes = k_map_row_bytes(m);

	if (!is_code(m->swizzle, 32))
		check_fail(c, "map %s swizzles %d bytes: 32, 64 or 128",
			m->name, m->swizzle);
	else if (!is_code(m->promotion, 64))
		check_fail(c, "map %s promotes to %d bytes of L2: 64, 128 or "
			"256", m->name, m->promotion);
	else if (bytes % 16)
		check_fail(c, "rows of map %s have %lld bytes: multiples of "
			"16", m->name, (long long)bytes);
	else if (m->swizzle && bytes > m->swizzle)
		check_fail(c, "rows of map %s have %lld bytes and %d are "
			"swizzled", m->name, (long long)bytes, m->swizzle);
}

static void check_tile(struct check *c, const struct k_map *m)
{
	for (int i = 0; i < m->rank; i++)
		if (m->box[i] < 1 || m->box[i] > 256)
			check_fail(c, "dimension %d of map %s has a box of "
				"%d: 1 to 256", i, m->name, m->box[i]);
}

static void check_corner(struct check *c, const struct k_map *m, int corner)
{
	int most = m->rank == 3 ? 1 << 15 : m->rank == 4 ? 1 << 7 : 1 << 4;

	if (corner < -most || corner >= most)
		check_fail(c, "map %s has a corner at %d: %d to %d", m->name,
			corner, -most, most - 1);
}

static void check_im2col(struct check *c, const struct k_map *m)
{
	if (m->rank < 3)
		check_fail(c, "im2col map %s has %d dimensions: 3 to 5",
			m->name, m->rank);
	if (m->channels < 1 || m->channels > 256)
		check_fail(c, "map %s takes %d channels: 1 to 256", m->name,
			m->channels);
	if (m->pixels > 1024)
		check_fail(c, "map %s takes %d pixels: 1 to 1024", m->name,
			m->pixels);
	for (int i = 0; i + 2 < m->rank; i++) {
		check_corner(c, m, m->lower[i]);
		check_corner(c, m, m->upper[i]);
		if (m->dims[i + 1] + m->upper[i] <= m->lower[i])
			check_fail(c, "map %s has no pixels along dimension "
				"%d", m->name, i + 1);
	}
}

void check_map(struct check *c, const struct k_map *m)
{
	if (!c->t->bulk_copy)
		check_fail(c, "tensor maps need sm_90, and the target is %s",
			c->t->name);
	check_tensor(c, m);
	check_offset(c, m);
	check_dims(c, m);
	if (m->pixels)
		check_im2col(c, m);
	else
		check_tile(c, m);
	check_row(c, m);
}

/* ---- copies by them ---- */

static bool is_declared(const struct check *c, const struct k_map *m)
{
	for (int i = 0; i < c->k->maps.n; i++)
		if (c->k->maps.v[i] == m)
			return true;
	return false;
}

static int count(const char *s, char c)
{
	int n = 0;

	for (; *s; s++)
		n += *s == c;
	return n;
}

/* "box" is where the box lies in shared memory. */
static void check_place_of(struct check *c, const struct k_map *m,
	const struct kx *box)
{
	const struct k_buffer *b = box->buffer;
	struct k_place p = { .buffer = (struct k_buffer *)b };
	int64_t have = dtype_row(b->type)->bits, element = have / 8;

	for (int i = 0; i < b->rank; i++) {
		p.index[i] = box->args[i];
		have *= b->dims[i];
	}
	if (b->align % k_map_align(m))
		check_fail(c, "map %s needs %s aligned to %d, and it is to "
			"%d", m->name, b->name, k_map_align(m), b->align);
	else if (k_map_bytes(m) > have / 8)
		check_fail(c, "boxes of map %s have %lld bytes, and %s has "
			"%lld", m->name, (long long)k_map_bytes(m), b->name,
			(long long)have / 8);
	else if (element && residue_never(residue_offset(&p), 128 / element))
		check_fail(c, "a box of map %s lies in %s where no multiple "
			"of 128 bytes is", m->name, b->name);
}

void check_map_operand(struct check *c, const struct intrin_row *r, char kind,
	const struct kx *e)
{
	const struct k_map *m = e->map;
	bool copies = strcmp(r->name, "prefetch_map") != 0;
	bool im2col = strstr(r->name, "im2col") != NULL;
	int rank = count(r->operands, 'i');

	if (!is_declared(c, m))
		check_fail(c, "map %s belongs to no list of the kernel",
			m->name);
	else if (copies && (rank != m->rank || im2col != (m->pixels > 0)))
		check_fail(c, "%s copies by map %s, which is %dd %s", r->name,
			m->name, m->rank, m->pixels ? "im2col" : "tiles");
	else if (isupper((unsigned char)kind))
		check_write(c, m->of);
}

/* The box is the first operand in shared memory. */
void check_box(struct check *c, const char *kinds, struct kx *const *args)
{
	const struct k_map *m = NULL;
	const struct kx *box = NULL;

	for (int i = 0; kinds[i]; i++) {
		if (tolower((unsigned char)kinds[i]) == 'm')
			m = args[i]->map;
		if (tolower((unsigned char)kinds[i]) == 's' && !box)
			box = args[i];
	}
	if (m && box)
		check_place_of(c, m, box);
}
