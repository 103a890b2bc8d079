/* SPDX-License-Identifier: MIT */
/* ldmatrix and stmatrix: 8 x 8 matrices of 16 bits between shared memory and
 * fragments. Lane 8i + r gives the address of row r of matrix i; lane 4r + c
 * holds what is in row r, columns 2c and 2c + 1, or in these rows of column r
 * where transposed (PTX ISA, "ldmatrix"). All of it happens when the last lane
 * is there; it orders no memory.
 *
 * Those that watch are told of words: 4r + c is taken to touch the one that it
 * holds if nothing is transposed. So a matrix is one access of the warp to 128
 * bytes, as the banks see it, by others than mostly wrote it. */
#include "emu.h"

#include <string.h>

enum { ROW = 16, WORD = 4 };

/* Which instruction: how many matrices. */
struct form {
	int count;
	bool transposed, store;
};

/* Of a lane; "row" is NULL where the instruction ignores its address. */
struct part {
	unsigned char *fragment, *row;
	const void *place;
};

static struct part *part_of(struct thread *warp, int lane)
{
	return warp[lane].part;
}

/* What holds row "r" of matrix "i". */
static unsigned char *row_of(struct thread *warp, int i, int r)
{
	return part_of(warp, 8 * i + r)->row;
}

static void touch(struct thread *warp, const struct form *f, int i)
{
	for (int lane = 0; lane < WARP; lane++) {
		current = &warp[lane];
		watch_access(part_of(warp, lane)->place, row_of(warp, i,
			lane / 4) + lane % 4 * WORD, WORD, f->store ?
			WATCH_WRITE : WATCH_READ);
	}
	current = NULL;
}

static void move(void *x, void *y, size_t n, bool store)
{
	memcpy(store ? y : x, store ? x : y, n);
}

static void move_plain(struct thread *warp, const struct form *f, int i)
{
	for (int lane = 0; lane < WARP; lane++)
		move(part_of(warp, lane)->fragment + i * WORD, row_of(warp, i,
			lane / 4) + lane % 4 * WORD, WORD, f->store);
}

static void move_transposed(struct thread *warp, const struct form *f, int i)
{
	for (int lane = 0; lane < WARP; lane++)
		for (int j = 0; j < 2; j++)
			move(part_of(warp, lane)->fragment + i * WORD + 2 * j,
				row_of(warp, i, lane % 4 * 2 + j) +
				lane / 4 * 2, 2, f->store);
}

static void perform(struct thread *warp)
{
	const struct form *f = warp->form;

	for (int i = 0; i < f->count; i++) {
		if (watch_access)
			touch(warp, f, i);
		if (f->transposed)
			move_transposed(warp, f, i);
		else
			move_plain(warp, f, i);
	}
}

static void check(int line, const struct form *f, const struct part *p)
{
	const char *name = f->store ? "stmatrix" : "ldmatrix";
	size_t n = (size_t)f->count * WORD;

	if (p->row && (uintptr_t)p->row % ROW)
		fault("misaligned", line, "%s of a row at a multiple of %d "
			"only", name, 1 << __builtin_ctzll((uintptr_t)p->row));
	if (p->row && (!shared_has(p->row, ROW) || address_bad(p->row, ROW)))
		fault("bounds", line, "%s of a row outside shared memory",
			name);
	if (address_bad(p->fragment, n))
		fault("bounds", line, "%s of a fragment of more than the "
			"registers there are", name);
}

static void take_part(int line, void *fragment, void *row, int count,
	int flags, const void *place)
{
	static const struct form forms[][4] = {
		[1] = { { 1, false, false }, { 1, true, false },
			{ 1, false, true }, { 1, true, true } },
		[2] = { { 2, false, false }, { 2, true, false },
			{ 2, false, true }, { 2, true, true } },
		[4] = { { 4, false, false }, { 4, true, false },
			{ 4, false, true }, { 4, true, true } },
	};
	const struct form *f = &forms[count][flags];
	struct part p = { fragment, current->number % WARP < 8 * count ?
		row : NULL, place };

	check(line, f, &p);
	warp_matrix(line, f, perform, &p);
}

void wpk_emu_ldmatrix(int line, unsigned *d, const void *row, int count,
	bool transposed);
void wpk_emu_stmatrix(int line, void *row, const unsigned *d, int count,
	bool transposed);

void wpk_emu_ldmatrix(int line, unsigned *d, const void *row, int count,
	bool transposed)
{
	take_part(line, d, (void *)(uintptr_t)row, count, transposed,
		__builtin_return_address(0));
}

void wpk_emu_stmatrix(int line, void *row, const unsigned *d, int count,
	bool transposed)
{
	take_part(line, (void *)(uintptr_t)d, row, count, 2 + transposed,
		__builtin_return_address(0));
}
