/* SPDX-License-Identifier: MIT */
/* Cuts: by which rules an operator is cut into kernels, each a plan that
 * competes. Packing has two numbers of its own: where nothing is said of them,
 * vectors of 16 bytes, along the innermost axis of a reduction, such as channels,
 * or the two innermost, a filter's row; where a schedule or --set speaks of them,
 * all that they may ask for. */
#include "driver/session.h"

#include <string.h>

enum { PACK_KEYS = 2, ALONG_USUAL = 2, ALONG_MOST = 4 };

static const char *const pack_keys[PACK_KEYS] = { "pack", "along" };
static const int packs[] = { 4, 8, 16 };

static bool has_key(const struct sched_directive *d)
{
	for (int i = 0; i < d->n_args; i++)
		for (int k = 0; k < PACK_KEYS && d->args[i].key; k++)
			if (!strcmp(d->args[i].key, pack_keys[k]))
				return true;
	return false;
}

static bool sets_key(const struct setting *x)
{
	const char *point = strrchr(x->name, '.');

	for (int k = 0; k < PACK_KEYS && point; k++)
		if (!strcmp(point + 1, pack_keys[k]))
			return true;
	return false;
}

static bool speaks_of_packing(const struct session *s,
	const struct schedule *schedule)
{
	for (int i = 0; schedule && i < schedule->n_directives; i++)
		if (has_key(&schedule->directives[i]))
			return true;
	for (int i = 0; i < s->o->settings.n; i++)
		if (sets_key(&s->o->settings.v[i]))
			return true;
	return false;
}

int cuts_find(const struct session *s, const struct schedule *schedule,
	struct ir_cut *out)
{
	bool asked = speaks_of_packing(s, schedule);
	int n_packs = asked ? (int)(sizeof packs / sizeof *packs) : 1, n = 0;

	for (int rule = 0; rule < IR_PACKED; rule++)
		out[n++] = (struct ir_cut){ .rule = (enum ir_rule)rule };
	for (int i = 1; i <= (asked ? ALONG_MOST : ALONG_USUAL); i++)
		for (int k = 0; k < n_packs; k++)
			out[n++] = (struct ir_cut){ IR_PACKED, i,
				asked ? packs[k] : 0 };
	return n;
}
