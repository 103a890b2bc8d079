/* SPDX-License-Identifier: MIT */
/* Shares of a GPU: schedules of one operator for all of it and for slices. A
 * run is about one share, which --share says; where the lock has nothing for it,
 * the nearest serves, and that is told. What a share's schedule makes is built
 * for a slice of that size, whoever takes it, so that it is what was measured.
 * Plans have the other shares' schedules too. */
#include "driver/session.h"

#include <string.h>

#include "runtime/lib/share.h"

static int percent(int share)
{
	return share ? share : 100;
}

const char *slice_text(struct arena *a, int share)
{
	return share ? arena_printf(a, "%d %% of ", share) : "";
}

/* At least the part, as whoever cuts the slice gives. */
const struct gpu *slice_gpu(struct arena *a, const struct gpu *g, int share)
{
	struct gpu *slice;

	if (!share)
		return g;
	slice = ARENA_NEW(a, struct gpu);
	*slice = *g;
	slice->sms = (g->sms * share + 99) / 100;
	slice->name = arena_printf(a, "%d %% of %s", share, g->name);
	return slice;
}

/* ---- choosing ---- */

static bool is_for(const struct lock_entry *e, const struct job *j)
{
	const struct place *p = j->place;

	return e->hash == j->hash && !strcmp(e->target, p->target->name) &&
		(!p->named || !strcmp(e->gpu, p->named));
}

static int apart(const struct lock_entry *e, const struct job *j)
{
	return share_apart(percent(e->share), percent(j->place->share));
}

/* The nearest that is further than "beyond", or NULL. */
static const struct lock_entry *next_nearest(const struct lock *l,
	const struct job *j, int beyond)
{
	const struct lock_entry *best = NULL;

	for (int i = 0; i < l->n; i++)
		if (is_for(&l->v[i], j) && apart(&l->v[i], j) > beyond &&
		    (!best || apart(&l->v[i], j) < apart(best, j)))
			best = &l->v[i];
	return best;
}

static const char *share_named(struct arena *a, int share)
{
	return share ? arena_printf(a, "%d %% of the GPU", share) :
		"all of the GPU";
}

static void tell_taken(const struct session *s, const struct job *j)
{
	session_say(s, "%s: the lock has no schedule for %s: that for %s is "
		"taken", j->name, share_named(s->a, j->place->share),
		share_named(s->a, j->share));
}

bool slice_choose(struct session *s, struct job *j, const char **why)
{
	const struct lock_entry *e = NULL;
	const char *other;

	if (choices_from_lock(s, j, why))
		return true;
	while (!*why && !s->o->frozen &&
	       (e = next_nearest(s->lock, j, e ? apart(e, j) : 0))) {
		j->share = e->share;
		if (choices_from_lock(s, j, &other)) {
			tell_taken(s, j);
			return true;
		}
	}
	j->share = j->place->share;
	return false;
}

const char *slice_known(struct session *s, const struct job *j)
{
	const struct lock_entry *e = next_nearest(s->lock, j, 0);
	struct str out;

	str_init(&out, s->a);
	for (; e; e = next_nearest(s->lock, j, apart(e, j)))
		str_printf(&out, "%s%s", out.n ? " and " : "",
			share_named(s->a, e->share));
	return out.n ? str_text(&out) : NULL;
}

/* ---- the other shares, for a plan ---- */

/* What the place is called in the lock, where that has one GPU alone. */
static const char *gpu_in_lock(const struct lock *l, const struct place *p)
{
	const char *found = p->named;

	for (int i = 0; i < l->n && !p->named; i++) {
		const struct lock_entry *e = &l->v[i];

		if (strcmp(e->target, p->target->name) || e->share != p->share)
			continue;
		if (found && strcmp(found, e->gpu))
			return p->gpu->name;
		found = e->gpu;
	}
	return found ? found : p->gpu->name;
}

static bool has_place(const struct place *v, int n, const struct place *p)
{
	for (int i = 0; i < n; i++)
		if (v[i].target == p->target && v[i].gpu == p->gpu &&
		    v[i].share == p->share)
			return true;
	return false;
}

/* Of each place, its other shares in the lock; how many. */
static int other_places(const struct session *s, struct place *out)
{
	int n = 0;

	for (int i = 0; i < s->n_places; i++) {
		struct place p = s->places[i];
		const char *gpu = gpu_in_lock(s->lock, &p);
		int own = p.share;

		p.gpu = gpu_named(gpu);
		p.named = gpu;
		for (int k = 0; k < s->lock->n && p.gpu; k++) {
			const struct lock_entry *e = &s->lock->v[k];

			p.share = e->share;
			if (e->share != own && !strcmp(e->gpu, gpu) &&
			    !strcmp(e->target, p.target->name) &&
			    !has_place(out, n, &p))
				out[n++] = p;
		}
	}
	return n;
}

/* By the name that the lock knows it by, whatever it computes. */
static bool in_lock(const struct lock *l, const struct job *j)
{
	const struct lock_entry at = { .op = j->name,
		.target = j->place->target->name, .gpu = j->place->gpu->name,
		.share = j->place->share };

	for (int i = 0; i < l->n; i++)
		if (lock_same_place(&l->v[i], &at))
			return true;
	return false;
}

/* Does the run itself have the share's schedule, for want of its own? */
static bool is_taken(const struct job *v, int n, const struct job *j)
{
	for (int i = 0; i < n; i++)
		if (v[i].place->target == j->place->target &&
		    v[i].share == j->share && !strcmp(v[i].name, j->name) &&
		    (!v[i].place->named || v[i].place->gpu == j->place->gpu))
			return true;
	return false;
}

/* What does not fit is left out, but where all must be in the lock. */
static bool choose_other(struct session *s, struct job *j)
{
	const char *why;

	if (choices_from_lock(s, j, &why))
		return true;
	j->dropped = true;
	why = why ? why : "the operator is another by now";
	if (s->o->frozen)
		return session_fail(s, EXIT_FROZEN, "the schedule that %s has "
			"for '%s' on %s%s, %s, cannot go into the plan: %s: run "
			"wpkc --tune --share=%d, or take the stanza out",
			s->lock_path, j->name, slice_text(s->a, j->share),
			j->place->gpu->name, j->place->target->name, why,
			percent(j->share));
	session_say(s, "%s: the lock's schedule for %s is not in the plan: %s",
		j->name, share_named(s->a, j->share), why);
	return true;
}

static bool choose_others(struct session *s, const struct job *own, int n)
{
	bool ok = true;

	for (int i = 0; i < s->n_jobs; i++) {
		struct job *j = &s->jobs[i];

		if (!in_lock(s->lock, j) || is_taken(own, n, j))
			j->dropped = true;
		else
			ok &= choose_other(s, j);
	}
	jobs_forget(s);
	for (int i = 0; i < s->n_jobs && ok; i++) {
		s->jobs[i].program = choices_program(s, s->a, &s->jobs[i]);
		ok = s->jobs[i].program;
	}
	return ok;
}

/* Lowering says again what it said. */
static bool create_quietly(struct session *s)
{
	bool quiet = s->o->quiet, ok;

	s->o->quiet = true;
	ok = jobs_create(s) && !diag_errors(s->d);
	s->o->quiet = quiet;
	return ok;
}

bool slice_others(struct session *s)
{
	struct session own = *s;
	bool ok;

	if (!s->lock_path || (s->o->settings.n && !s->o->frozen))
		return true;
	s->places = ARENA_ARRAY(s->a, (size_t)(s->lock->n * s->n_places) + 1,
		struct place);
	s->n_places = other_places(&own, s->places);
	ok = !s->n_places || (create_quietly(s) &&
		choose_others(s, own.jobs, own.n_jobs));
	if (s->n_places) {
		s->others = s->jobs;
		s->n_others = s->n_jobs;
	}
	s->places = own.places;
	s->n_places = own.n_places;
	s->jobs = own.jobs;
	s->n_jobs = own.n_jobs;
	return ok;
}
