/* SPDX-License-Identifier: MIT */
/* Recorded spaces that are records of our own, lines of text or straight from a
 * tuning database: all of one problem, on one GPU, in one sketch. */
#include <math.h>
#include <string.h>

#include "search/record_read.h"
#include "search/replay_rows.h"

static bool same_problem(const struct record_key *x,
	const struct record_key *y)
{
	return x->hash == y->hash && x->group == y->group &&
		x->share == y->share && !strcmp(x->kernel, y->kernel) &&
		!strcmp(x->sketch, y->sketch) &&
		!strcmp(x->target, y->target) && !strcmp(x->gpu, y->gpu) &&
		!strcmp(x->how, y->how);
}

/* Names of records are sorted: equal tunables stand in equal order. */
static bool same_names(const struct replay_rows *t, const struct record *r)
{
	for (int i = 0; i < r->n && r->n == t->names.n; i++)
		if (strcmp(r->names[i], t->names.v[i]))
			return false;
	return r->n == t->names.n;
}

static const char *problem(struct arena *a, const struct record_key *k)
{
	return arena_printf(a, "%s on %s, by %s", k->op, k->gpu, k->sketch);
}

static bool several(struct replay_rows *t, const struct record_line *other,
	const struct record *first)
{
	if (!other->number)
		return replay_fail(t, 0, "records of several problems; "
			"'wpkdb export' writes those of one");
	return replay_fail(t, other->number, "a record of another problem (%s) "
		"than the first (%s)", problem(t->a, &other->record.key),
		problem(t->a, &first->key));
}

static bool add_row(struct replay_rows *t, const struct record *r, int line)
{
	struct replay_row row = {
		.cells = ARENA_ARRAY(t->a, r->n, const char *),
		.seconds = r->seconds, .compile_seconds = r->compile_seconds,
		.verdict = r->verdict, .message = r->message,
	};

	if (!same_names(t, r))
		return replay_fail(t, line, "records of one problem with "
			"different tunables");
	for (int i = 0; i < r->n; i++)
		row.cells[i] = r->values[i];
	vec_push(t->a, &t->rows, row);
	return true;
}

bool replay_records(struct replay_rows *t)
{
	struct record_lines all = {0};
	const struct record *first;

	t->why = t->src ? record_lines_parse(t->a, t->path, t->src->text, &all) :
		record_db_read(t->a, t->path, &all);
	if (t->why)
		return false;
	if (!all.lines.n)
		return replay_fail(t, 0, "no records");
	first = &all.lines.v[0].record;
	for (int i = 0; i < first->n; i++)
		vec_push(t->a, &t->names, first->names[i]);
	for (int i = 0; i < all.lines.n; i++) {
		const struct record *r = &all.lines.v[i].record;

		if (!same_problem(&r->key, &first->key))
			return several(t, &all.lines.v[i], first);
		if (!add_row(t, r, all.lines.v[i].number))
			return false;
	}
	return true;
}
