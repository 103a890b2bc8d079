/* SPDX-License-Identifier: MIT */
/* Left factors of wgmma in registers, which the instruction reads until it is waited
 * for: threads may not write them meanwhile, and what they wrote before must be
 * behind a fence (PTX ISA, "wgmma.fence"). Registers are arrays that lanes point
 * to; what a warp's hold is one sum, taken when an instruction is given, compared
 * when it is waited for, and taken at fences of all arrays seen before. */
#include "emu_wgmma.h"

#include <string.h>

static uint64_t sum_of(const uint32_t *const *registers)
{
	uint64_t sum = 0;

	for (int l = 0; l < WARP; l++)
		for (int i = 0; i < WGMMA_LEFT; i++)
			sum = (sum ^ registers[l][i]) *
				UINT64_C(0x9e3779b97f4a7c15);
	return sum;
}

static struct wgmma_seen *seen(struct wgmma_left *k, const struct wgmma *w)
{
	for (int i = 0; i < k->n; i++)
		if (!memcmp(k->seen[i].registers, w->registers,
			    sizeof w->registers))
			return &k->seen[i];
	return NULL;
}

static void remember(struct wgmma_left *k, const struct wgmma *w)
{
	struct wgmma_seen *s = &k->seen[k->next++ % WGMMA_SEEN];

	if (k->n < WGMMA_SEEN)
		k->n++;
	memcpy(s->registers, w->registers, sizeof w->registers);
	s->sum = sum_of(w->registers);
}

uint64_t wgmma_left_issue(struct wgmma_left *k, const struct wgmma *w)
{
	struct wgmma_seen *s;

	if (!*w->registers)
		return 0;
	s = seen(k, w);
	if (!s)
		remember(k, w);
	else if (s->sum != sum_of(w->registers))
		fault("wgmma", w->line, "registers of the left factor were "
			"written, and no wgmma_fence stands between that and "
			"the wgmma");
	return sum_of(w->registers);
}

void wgmma_left_fence(struct wgmma_left *k)
{
	for (int i = 0; i < k->n; i++)
		k->seen[i].sum = sum_of(k->seen[i].registers);
}

void wgmma_left_complete(const struct wgmma *w, uint64_t sum)
{
	if (*w->registers && sum_of(w->registers) != sum)
		fault("wgmma", w->line, "registers of the left factor were "
			"written before the wgmma that reads them was waited "
			"for");
}
