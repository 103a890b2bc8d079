/* SPDX-License-Identifier: MIT */
/* A warp: its lanes go on one after the other until each waits, for others of
 * the warp or for whatever else; what they do together is done when the last of
 * them has come. */
#include "emu.h"

void wpk_emu_syncwarp(int line, unsigned mask);
unsigned wpk_emu_ballot(int line, unsigned mask, bool vote);
uint64_t wpk_emu_exchange(int line, unsigned mask, uint64_t value,
	unsigned lane);

static void warp_wait(enum warp_kind kind, int line, unsigned mask)
{
	struct thread *t = current;

	if (!(mask >> (t->number % WARP) & 1))
		fault("warp", line, "lane %d is not in its own mask 0x%08x",
			t->number % WARP, mask);
	t->kind = kind;
	t->mask = mask;
	thread_wait(AT_WARP, line);
}

void wpk_emu_syncwarp(int line, unsigned mask)
{
	warp_wait(WARP_SYNC, line, mask);
}

unsigned wpk_emu_ballot(int line, unsigned mask, bool vote)
{
	struct thread *t = current;

	t->value = vote;
	warp_wait(WARP_VOTE, line, mask);
	return (unsigned)t->result;
}

uint64_t wpk_emu_exchange(int line, unsigned mask, uint64_t value,
	unsigned lane)
{
	struct thread *t = current;

	if (!(mask >> lane & 1))
		fault("warp", line, "lane %d reads lane %u, which is not in "
			"mask 0x%08x", t->number % WARP, lane, mask);
	t->value = value;
	t->lane = lane;
	warp_wait(WARP_EXCHANGE, line, mask);
	return t->result;
}

void warp_matrix(int line, const void *form,
	void (*perform)(struct thread *warp), void *part)
{
	struct thread *t = current;

	t->form = form;
	t->perform = perform;
	t->part = part;
	warp_wait(WARP_MATRIX, line, ~0u);
}

static bool same_operation(const struct thread *t, const struct thread *u)
{
	return t->state == AT_WARP && t->kind == u->kind &&
		t->mask == u->mask && (t->kind != WARP_MATRIX ||
		(t->form == u->form && t->line == u->line));
}

/* Lanes of "mask" that do not wait in the same operation as "t". */
static unsigned missing_lanes(struct thread *warp, int lanes, struct thread *t)
{
	unsigned missing = 0;

	for (int i = 0; i < WARP; i++) {
		if (!(t->mask >> i & 1))
			continue;
		if (i >= lanes || !same_operation(&warp[i], t))
			missing |= 1u << i;
	}
	return missing;
}

static void complete(struct thread *warp, unsigned mask, enum warp_kind kind)
{
	uint64_t votes = 0;

	if (kind == WARP_MATRIX) {
		current = warp;
		thread_index(warp->number);
		warp->perform(warp);
		current = NULL;
	}
	for (int i = 0; i < WARP && kind == WARP_VOTE; i++)
		if (mask >> i & 1 && warp[i].value)
			votes |= 1u << i;
	for (int i = 0; i < WARP; i++) {
		if (!(mask >> i & 1))
			continue;
		warp[i].result = kind == WARP_EXCHANGE ?
			warp[warp[i].lane].value : votes;
		warp[i].state = READY;
	}
	if (kind == WARP_SYNC && watch_warp)
		watch_warp(warp->number / WARP, mask);
}

/* Lets operations go on whose lanes are all there; true if there was one. */
static bool complete_warp(struct thread *warp, int lanes)
{
	bool any = false;

	for (int i = 0; i < lanes; i++)
		if (warp[i].state == AT_WARP &&
		    !missing_lanes(warp, lanes, &warp[i])) {
			complete(warp, warp[i].mask, warp[i].kind);
			any = true;
		}
	return any;
}

/* Lanes that wait for what others may do, or have done, can still come. */
static bool may_come(const struct thread *t)
{
	return t->state == READY || t->state == AT_CLUSTER ||
		t->state == AT_NAMED || t->state == AT_MBARRIER ||
		t->state == AT_FLAG;
}

static void check_warp(struct thread *warp, int lanes)
{
	for (int i = 0; i < lanes; i++)
		if (may_come(&warp[i]))
			return;
	for (int i = 0; i < lanes; i++) {
		if (warp[i].state != AT_WARP)
			continue;
		current = &warp[i];
		thread_index(warp[i].number);
		fault("warp", warp[i].line, "a warp-wide operation with mask "
			"0x%08x waits for lanes 0x%08x, which do not come",
			warp[i].mask, missing_lanes(warp, lanes, &warp[i]));
	}
}

bool warp_run(struct thread *warp, int lanes)
{
	bool any = false;

	do {
		for (int i = 0; i < lanes; i++) {
			struct thread *t = &warp[job.late ? lanes - 1 - i : i];

			any |= t->state == READY;
			if (t->state == READY)
				thread_resume(t);
		}
	} while (complete_warp(warp, lanes));
	check_warp(warp, lanes);
	return any;
}
