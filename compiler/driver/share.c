/* SPDX-License-Identifier: MIT */
/* One schedule, several groups: which group's sketch takes which directive.
 * What stands behind kernel(...) is for the kernel it names, all of it. What
 * stands before the first is shared out: within a group all sketches that
 * compete take the same directives, and a directive that no group takes is an
 * error, so nothing is silently ignored. */
#include "driver/session.h"

#include <string.h>

enum { DIRECTIVES_MAX = 64 };

static bool covers(struct span outer, struct span inner)
{
	return inner.src && outer.src == inner.src && outer.lo <= inner.lo &&
		inner.hi <= outer.hi;
}

/* Directives before the first kernel(...). */
static int n_shared(const struct schedule *s)
{
	int n = 0;

	while (s && n < s->n_directives && !plan_is_head(&s->directives[n]))
		n++;
	return n;
}

static int directive_at(const struct schedule *s, struct span at)
{
	for (int i = 0; i < n_shared(s) && i < DIRECTIVES_MAX; i++)
		if (covers(s->directives[i].at, at))
			return i;
	return -1;
}

static int require_at(const struct schedule *s, struct span at)
{
	for (int i = 0; i < s->n_requires && i < DIRECTIVES_MAX; i++)
		if (covers(s->requires[i].at, at))
			return i;
	return -1;
}

/* "s" without what "c" has left to others, and what stands behind another
 * kernel(...) than its own. */
static struct schedule *remaining(struct arena *a, const struct schedule *s,
	const struct candidate *c, int head)
{
	int shared = n_shared(s), part = -1;
	struct schedule *r = ARENA_NEW(a, struct schedule);

	*r = *s;
	r->directives = ARENA_ARRAY(a, (size_t)s->n_directives + 1,
		struct sched_directive);
	r->requires = ARENA_ARRAY(a, (size_t)s->n_requires + 1,
		struct sched_require);
	r->n_directives = r->n_requires = 0;
	for (int i = 0; i < s->n_directives; i++) {
		if (plan_is_head(&s->directives[i]))
			part = i;
		if (i >= shared ? part == head : i >= DIRECTIVES_MAX ||
		    !(c->left[SHARED_DIRECTIVES] >> i & 1))
			r->directives[r->n_directives++] = s->directives[i];
	}
	for (int i = 0; i < s->n_requires; i++)
		if (i >= DIRECTIVES_MAX || !(c->left[SHARED_REQUIRES] >> i & 1))
			r->requires[r->n_requires++] = s->requires[i];
	return r;
}

const struct schedule *share_of(struct session *s, const struct job *j,
	int group)
{
	const struct candidate all = { .left = { 0 } };

	return j->schedule ? remaining(s->a, j->schedule, &all,
		j->plans[j->plan].heads[group]) : NULL;
}

void share_bind(struct session *s, const struct job *j, struct candidate *c,
	struct space *(*bind)(struct session *, const struct job *,
		struct candidate *, const struct schedule *))
{
	const struct schedule *all = j->schedule, *mine = c->task.schedule;
	int head = j->plans[j->plan].heads[c->task.index];

	for (;;) {
		int d, r;

		c->space = bind(s, j, c, mine);
		if (c->space || !all || j->partition->n_groups == 1)
			break;
		d = directive_at(all, c->at);
		r = require_at(all, c->at);
		if (d < 0 && r < 0)
			break;
		if (d >= 0)
			c->left[SHARED_DIRECTIVES] |= (uint64_t)1 << d;
		else
			c->left[SHARED_REQUIRES] |= (uint64_t)1 << r;
		mine = remaining(s->a, all, c, head);
		c->why = NULL;
		c->at = (struct span){0};
	}
	c->task.schedule = mine;
}

static const char *name_of(const struct session *s, const struct job *j,
	enum shared kind, int i)
{
	return kind == SHARED_SETTINGS ? s->o->settings.v[i].name :
		j->schedule->directives[i].name;
}

/* What some sketch of the group takes, all must, but those that other directives
 * are not for. */
static void share_kind(struct session *s, const struct job *j, struct part *p,
	enum shared kind)
{
	uint64_t taken = 0;

	for (int i = 0; i < p->n; i++)
		if (p->candidates[i].space && !p->candidates[i].unpriced)
			taken |= ~p->candidates[i].left[kind];
	for (int i = 0; i < p->n; i++) {
		struct candidate *c = &p->candidates[i];
		uint64_t missed = c->left[kind] & taken;

		if (!c->space || !missed || c->unpriced)
			continue;
		c->space = NULL;
		c->refusal = REFUSED_DIRECTIVE;
		c->why = arena_printf(s->a, "it does not take %s",
			name_of(s, j, kind, __builtin_ctzll(missed)));
	}
}

void share_within(struct session *s, const struct job *j, struct part *p)
{
	share_kind(s, j, p, SHARED_DIRECTIVES);
	share_kind(s, j, p, SHARED_SETTINGS);
}

/* Bits that no group's sketches take. */
static uint64_t taken_by_nobody(const struct job *j, enum shared kind)
{
	uint64_t nobody = ~(uint64_t)0;

	for (int g = 0; g < j->partition->n_groups; g++)
		for (int i = 0; i < j->parts[g].n; i++)
			if (j->parts[g].candidates[i].space &&
			    !j->parts[g].candidates[i].unpriced)
				nobody &= j->parts[g].candidates[i].left[kind];
	return nobody;
}

bool share_among(struct session *s, const struct job *j, bool report)
{
	uint64_t directives = taken_by_nobody(j, SHARED_DIRECTIVES);
	uint64_t settings = taken_by_nobody(j, SHARED_SETTINGS);
	bool ok = true;

	for (int i = 0; i < n_shared(j->schedule) && i < DIRECTIVES_MAX; i++) {
		if (!(directives >> i & 1))
			continue;
		ok = false;
		if (!report)
			continue;
		diag_error(s->d, E_UNTAKEN, j->schedule->directives[i].at,
			"no sketch of any group of '%s' takes %s", j->name,
			j->schedule->directives[i].name);
		s->code = EXIT_NO_CANDIDATE;
	}
	for (int i = 0; i < s->o->settings.n && i < DIRECTIVES_MAX; i++) {
		if (!(settings >> i & 1))
			continue;
		ok = false;
		if (report)
			session_fail(s, EXIT_NO_CANDIDATE,
				"--set %s: no sketch of any group of '%s' has "
				"such a tunable",
				s->o->settings.v[i].name, j->name);
	}
	return ok;
}
