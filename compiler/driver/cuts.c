/* SPDX-License-Identifier: MIT */
/* Cuts: by which rules an operator is cut into kernels, each a plan that
 * competes. Packing has two numbers of its own: where nothing is said of them,
 * vectors of 16 bytes, along the innermost axis of a reduction, such as channels,
 * or the two innermost, a filter's row; where a schedule or --set speaks of them,
 * all that they may ask for. */
#include "driver/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { PACK_KEYS = 2, ALONG_USUAL = 2, ALONG_MOST = 4, VECTORS = 16 };

static const char *const pack_keys[PACK_KEYS] = { "pack", "along" };
static const int packs[] = { 4, 8, 16 };
static const int parts[] = { 128, 256 };

static bool is_key(const char *name)
{
	for (int k = 0; k < PACK_KEYS && name; k++)
		if (!strcmp(name, pack_keys[k]))
			return true;
	return false;
}

static bool directs(const struct sched_directive *d)
{
	for (int i = 0; i < d->n_args; i++)
		if (is_key(d->args[i].key))
			return true;
	return false;
}

static bool sets(const struct setting *x)
{
	const char *point = strrchr(x->name, '.');

	return point && is_key(point + 1);
}

bool cuts_pack(const struct session *s, const struct schedule *schedule)
{
	for (int i = 0; schedule && i < schedule->n_directives; i++)
		if (directs(&schedule->directives[i]))
			return true;
	for (int i = 0; i < s->o->settings.n; i++)
		if (sets(&s->o->settings.v[i]))
			return true;
	return false;
}

int cuts_find(const struct session *s, const struct schedule *schedule,
	struct ir_cut *out)
{
	bool asked = cuts_pack(s, schedule);
	int n_packs = asked ? (int)(sizeof packs / sizeof *packs) : 1, n = 0;

	for (int rule = 0; rule < IR_PACKED; rule++)
		out[n++] = (struct ir_cut){ .rule = (enum ir_rule)rule };
	for (int i = 1; i <= (asked ? ALONG_MOST : ALONG_USUAL); i++)
		for (int k = 0; k < n_packs; k++)
			out[n++] = (struct ir_cut){ .rule = IR_PACKED,
				.along = i, .to = asked ? packs[k] : 0 };
	out[n++] = (struct ir_cut){ .rule = IR_PAIRS };
	out[n++] = (struct ir_cut){ .rule = IR_SEGMENTED };
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		out[n++] = (struct ir_cut){ .rule = IR_PARTIAL, .to = parts[i] };
	out[n++] = (struct ir_cut){ .rule = IR_FUSED, .twins = true };
	out[n++] = (struct ir_cut){ .rule = IR_INLINED, .twins = true };
	assert(n <= CUTS_MOST);
	return n;
}

/* ---- what cannot be ---- */

static const struct ir_packing *packing_of(const struct plan *p,
	const char *tensor)
{
	for (int i = 0; i < p->op->n_tensors; i++) {
		const struct ir_packing *x = p->op->tensors[i].packing;

		if (x && !strcmp(x->of, tensor))
			return x;
	}
	return NULL;
}

/* The axes along which plans pack the tensor: "c, sc"; "" if none does. */
static const char *axes_of(struct arena *a, const struct job *j,
	const char *tensor)
{
	const char *text = "", *last = "";

	for (int i = 0; i < j->n_plans; i++) {
		const struct ir_packing *x = packing_of(&j->plans[i], tensor);

		if (!x || !strcmp(x->along, last))
			continue;
		text = arena_printf(a, "%s%s%s", text, *text ? ", " : "",
			x->along);
		last = x->along;
	}
	return text;
}

static bool packs_along(const struct job *j, const char *tensor,
	const char *along)
{
	for (int i = 0; i < j->n_plans; i++) {
		const struct ir_packing *x = packing_of(&j->plans[i], tensor);

		if (x && !strcmp(x->along, along))
			return true;
	}
	return false;
}

/* Why "tensor" is not packed, along axes called "along" if that is not NULL; NULL
 * if some plan does. */
static const char *impossible(struct session *s, const struct job *j,
	const char *tensor, const char *along)
{
	const char *axes = axes_of(s->a, j, tensor), *why;

	if (!*axes) {
		why = ir_not_packed(s->a, j->plans[0].op, (struct ir_cut){
			.rule = IR_PACKED, .along = 1, .to = VECTORS }, tensor);
		return arena_printf(s->a, "'%s' is not packed: %s", tensor,
			why ? why : "kernel(...) names all kernels, and none "
				"that does that");
	}
	return along && !packs_along(j, tensor, along) ? arena_printf(s->a,
		"'%s' is not packed along %s: the innermost axes of its "
		"reduction are %s", tensor, along, axes) : NULL;
}

static const char *word_of(const struct sched_arg *x)
{
	return x->value.n == 1 && x->value.choices[0]->kind == SX_NAME ?
		x->value.choices[0]->name : NULL;
}

static bool report_directive(struct session *s, const struct job *j,
	const struct sched_directive *d)
{
	const char *along = NULL, *why;
	bool found = false;

	for (int i = 0; i < d->n_args; i++)
		if (d->args[i].key && !strcmp(d->args[i].key, "along"))
			along = word_of(&d->args[i]);
	for (int i = 0; i < d->n_args && directs(d); i++) {
		if (d->args[i].key || !word_of(&d->args[i]))
			continue;
		why = impossible(s, j, word_of(&d->args[i]), along);
		if (!why)
			continue;
		diag_error(s->d, E_NO_SKETCH, d->args[i].at, "%s", why);
		s->code = EXIT_NO_CANDIDATE;
		found = true;
	}
	return found;
}

static const char *wrong_number(struct session *s, const char *value)
{
	char *end;
	long n = strtol(value, &end, 10);

	for (size_t i = 0; i < sizeof packs / sizeof *packs; i++)
		if (n == packs[i] && !*end)
			return NULL;
	return arena_printf(s->a, "a tensor is packed by 4, 8 or 16 elements, not "
		"by %s: take %d", value, n < 6 ? 4 : n < 12 ? 8 : 16);
}

/* stage.TENSOR.KEY */
static bool report_setting(struct session *s, const struct job *j,
	const struct setting *x)
{
	const char *name = sets(x) ? candidates_setting(j, x->name) : NULL;
	const char *from = name ? strchr(name, '.') : NULL, *to, *why;
	bool along;

	if (!from || strrchr(name, '.') == from)
		return false;
	to = strrchr(name, '.');
	along = !strcmp(to + 1, "along");
	why = along ? NULL : wrong_number(s, x->value);
	if (!why)
		why = impossible(s, j, arena_strndup(s->a, from + 1,
			(size_t)(to - from - 1)), along ? x->value : NULL);
	if (why)
		session_fail(s, EXIT_NO_CANDIDATE, "--set %s: %s", x->name, why);
	return why;
}

bool cuts_report(struct session *s, const struct job *j)
{
	bool found = false;

	for (int i = 0; j->schedule && i < j->schedule->n_directives; i++)
		found |= report_directive(s, j, &j->schedule->directives[i]);
	for (int i = 0; i < s->o->settings.n; i++)
		found |= report_setting(s, j, &s->o->settings.v[i]);
	return found;
}
