/* SPDX-License-Identifier: MIT */
/* launch(overlap = WORD) of a schedule: which of an operator's launches may begin
 * before the kernel before them has ended. It is the whole program's, no
 * sketch's. */
#include "driver/directives.h"

#include <string.h>

#include "kernel/intrin.h"

static const struct {
	const char *word;
	enum p_overlap how;
} words[] = {
	{ "steps", P_STEPS }, { "stream", P_STREAM }, { "off", P_APART },
};

static bool refuse(struct diag *d, struct span at, const char *why)
{
	diag_error(d, E_VALUE, at, "%s", why);
	return false;
}

/* One word, that the target can honour. */
static bool read(const struct sched_arg *arg, const struct target *t,
	struct diag *d, enum p_overlap *out)
{
	const struct sched_expr *e = arg->value.choices[0];
	size_t i = 0;

	if (arg->value.n != 1 || e->kind != SX_NAME)
		return refuse(d, arg->at, "launch(overlap = ...) is one of off, "
			"steps, stream, and none that is left open");
	while (strcmp(words[i].word, e->name) != 0)
		if (++i == sizeof words / sizeof *words)
			return refuse(d, arg->at, "launch(overlap = ...) is one "
				"of off, steps, stream");
	*out = words[i].how;
	if (*out == P_APART || overlap_on(t))
		return true;
	diag_error(d, E_VALUE, arg->at, "kernels of %s begin when those before "
		"them have ended: overlap = off", t->name);
	return false;
}

bool overlap_on(const struct target *t)
{
	return intrin_on(INTRIN_GRID_WAIT, t);
}

bool directives_overlap(const struct schedule *s, const struct target *t,
	struct diag *d, enum p_overlap *out)
{
	bool ok = true;

	for (int i = 0; i < s->n_directives; i++) {
		const struct sched_directive *x = &s->directives[i];

		for (int k = 0; k < x->n_args && !strcmp(x->name, "launch"); k++)
			ok &= read(&x->args[k], t, d, out);
	}
	return ok;
}
