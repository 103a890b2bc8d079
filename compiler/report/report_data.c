/* SPDX-License-Identifier: MIT */
/* What a report is about. In: records in any order. Out: problems, and in each
 * its runs, in an order that follows from names alone. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

/* ---- order ---- */

/* Numbers in names by their value, c2 before c10; equal only if the same. */
static int compare_names(const char *x, const char *y)
{
	int c = strverscmp(x, y);

	return c ? c : strcmp(x, y);
}

static int compare_keys(const struct record_key *x, const struct record_key *y)
{
	const char *const a[] = { x->op, x->shape, x->types, x->gpu, x->target,
		x->kernel, x->how };
	const char *const b[] = { y->op, y->shape, y->types, y->gpu, y->target,
		y->kernel, y->how };
	const int64_t m[] = { x->group, x->share };
	const int64_t n[] = { y->group, y->share };
	int c = 0;

	for (size_t i = 0; i < sizeof a / sizeof *a && !c; i++)
		c = compare_names(a[i], b[i]);
	for (int i = 0; i < 2 && !c; i++)
		c = (m[i] > n[i]) - (m[i] < n[i]);
	return c ? c : (x->hash > y->hash) - (x->hash < y->hash);
}

/* A record, and where it stood. */
struct placed {
	const struct record_line *line;
	int at;
};

static int by_problem(const void *x, const void *y)
{
	const struct placed *p = x, *q = y;
	int c = compare_keys(&p->line->record.key, &q->line->record.key);

	if (!c)
		c = strcmp(p->line->strategy, q->line->strategy);
	if (!c)
		c = compare_names(p->line->run, q->line->run);
	if (!c)
		c = p->line->candidate - q->line->candidate;
	return c ? c : p->at - q->at;
}

/* ---- gathering ---- */

/* Only what was measured counts: what was too slow was given up early. */
static double time_of(const struct record_line *l)
{
	return l->record.verdict == V_MEASURED ? l->record.seconds : INFINITY;
}

static bool same_run(const struct record_line *x, const struct record_line *y)
{
	return !strcmp(x->run, y->run) && !strcmp(x->strategy, y->strategy);
}

static void add_runs(struct arena *a, struct report_problem *p)
{
	struct report_run *r = NULL;

	p->runs = ARENA_ARRAY(a, (size_t)p->n, struct report_run);
	for (int i = 0; i < p->n; i++) {
		const struct record_line *l = p->lines[i];

		if (!r || !same_run(l, p->lines[i - 1])) {
			r = &p->runs[p->n_runs++];
			*r = (struct report_run){ l->run, l->strategy,
				&p->lines[i], 0, INFINITY };
		}
		r->n++;
		r->best = fmin(r->best, time_of(l));
	}
}

static void add_problem(struct report *r, const struct record_line **lines,
	int n)
{
	struct report_problem *p = &r->problems[r->n++];

	*p = (struct report_problem){ .key = &lines[0]->record.key,
		.lines = lines, .n = n, .number = r->n };
	for (int i = 0; i < n; i++) {
		p->counts[lines[i]->record.verdict]++;
		if (time_of(lines[i]) < (p->best ? time_of(p->best) : INFINITY))
			p->best = lines[i];
	}
	add_runs(r->a, p);
}

struct report report_gather(struct arena *a, const struct record_lines *all)
{
	int n = all->lines.n;
	struct placed *v = ARENA_ARRAY(a, (size_t)n + 1, struct placed);
	const struct record_line **lines = ARENA_ARRAY(a, (size_t)n + 1,
		const struct record_line *);
	struct report r = { .a = a, .all = all,
		.problems = ARENA_ARRAY(a, (size_t)n + 1,
			struct report_problem) };

	for (int i = 0; i < n; i++)
		v[i] = (struct placed){ &all->lines.v[i], i };
	if (n)
		qsort(v, (size_t)n, sizeof *v, by_problem);
	for (int i = 0; i < n; i++)
		lines[i] = v[i].line;
	for (int i = 0, from = 0; i < n; i++)
		if (i + 1 == n || compare_keys(&lines[i]->record.key,
		    &lines[i + 1]->record.key)) {
			add_problem(&r, lines + from, i + 1 - from);
			from = i + 1;
		}
	return r;
}

/* ---- words ---- */

static const struct how {
	const char *name, *text, *word;
} hows[] = {
	{ "gpu", "measured on the GPU", "measured" },
	{ "emu", "run by the emulator, whose times say nothing of a GPU",
		"emulated" },
	{ "model", "predicted by the model, not measured", "predicted" },
	{ "replay", "played back from a recorded space", "replayed" },
};

static const struct how *how_of(const struct record_key *k)
{
	for (size_t i = 0; i < sizeof hows / sizeof *hows; i++)
		if (!strcmp(hows[i].name, k->how))
			return &hows[i];
	return NULL;
}

const char *report_how(const struct record_key *k)
{
	return how_of(k) ? how_of(k)->text : k->how;
}

const char *report_how_word(const struct record_key *k)
{
	return how_of(k) ? how_of(k)->word : k->how;
}

const char *report_name(struct arena *a, const struct report_problem *p)
{
	return *p->key->kernel ? arena_printf(a, "%s, kernel %s", p->key->op,
		p->key->kernel) : p->key->group ? arena_printf(a,
		"%s, group %d", p->key->op, p->key->group) : p->key->op;
}

const char *report_point(struct arena *a, const struct record_line *l)
{
	struct str s;

	str_init(&s, a);
	str_printf(&s, "%s:", l->record.key.sketch);
	for (int i = 0; i < l->record.n; i++)
		str_printf(&s, "%s %s=%s", i ? "," : "", l->record.names[i],
			l->record.values[i]);
	return str_text(&s);
}

/* ---- the command ---- */

static void put_option(struct str *out, const char *name, const char *value)
{
	str_printf(out, " %s ", name);
	str_word(out, value);
}

/* Settings of the whole point, for the operator's group alone. */
static const char *settings(struct arena *a, const struct record *r)
{
	const char *to = arena_printf(a, "%s.%d:", r->key.op, r->key.group);
	struct str s;

	str_init(&s, a);
	if (*r->key.kernel) {
		str_printf(&s, "%skernel=", to);
		for (const char *p = r->key.kernel; *p; p++)
			str_putc(&s, *p == ',' ? '+' : *p);
		str_putc(&s, ',');
	}
	str_printf(&s, "%ssketch=%s", to, r->key.sketch);
	for (int i = 0; i < r->n; i++)
		str_printf(&s, ",%s%s=%s", to, r->names[i], r->values[i]);
	return str_text(&s);
}

const char *report_command(struct arena *a, const struct record_line *l)
{
	const struct record_key *k = &l->record.key;
	struct str s;

	if (*l->command)
		return l->command;
	if (!strcmp(k->how, "replay"))
		return "";
	str_init(&s, a);
	str_puts(&s, "wpkc ");
	str_word(&s, *l->source ? l->source : "FILE.wpk");
	if (*k->gpu && gpu_named(k->gpu))
		put_option(&s, "--gpu", k->gpu);
	if (*k->target && target_named(k->target))
		put_option(&s, "--target", k->target);
	str_puts(&s, " --no-lock");
	put_option(&s, "--set", settings(a, &l->record));
	return str_text(&s);
}
