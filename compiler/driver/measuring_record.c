/* SPDX-License-Identifier: MIT */
/* What became of candidates: a number for each in the order of their verdicts,
 * a record for whoever keeps them, a line in the file of --candidates with the
 * command that makes it again, and a summary when all is over. */
#include "driver/measuring.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "driver/known.h"
#include "driver/version.h"
#include "search/db.h"
#include "search/features.h"

/* ---- the point ---- */

static int by_name(const void *x, const void *y)
{
	const struct gene *const *p = x, *const *q = y;

	return strcmp((*p)->name, (*q)->name);
}

/* Names, sorted, with their values. */
static void set_point(struct arena *a, const struct candidate *c,
	const int *genes, struct record *r)
{
	const struct space *sp = c->space;
	size_t n = (size_t)sp->n_genes;
	const struct gene **v = ARENA_ARRAY(a, n + 1, const struct gene *);
	const char **names = ARENA_ARRAY(a, n + 1, const char *);
	const char **values = ARENA_ARRAY(a, n + 1, const char *);

	for (int i = 0; i < sp->n_genes; i++)
		v[i] = &sp->genes[i];
	qsort(v, n, sizeof *v, by_name);
	for (int i = 0; i < sp->n_genes; i++) {
		names[i] = v[i]->name;
		values[i] = space_text(a, v[i], genes[v[i] - sp->genes]);
	}
	r->names = names;
	r->values = values;
	r->n = sp->n_genes;
}

/* ---- the key ---- */

const char *measuring_shape(struct arena *a, const struct ir_operator *o)
{
	struct str s;

	str_init(&s, a);
	for (int i = 0; i < o->n_sizes; i++)
		str_printf(&s, "%s%s=%lld", i ? " " : "", o->sizes[i].name,
			(long long)o->sizes[i].value);
	return str_text(&s);
}

static const char *types_text(struct arena *a, const struct ir_operator *o)
{
	struct str s;

	str_init(&s, a);
	for (int i = 0; i < o->n_inputs + o->n_outputs; i++)
		str_printf(&s, "%s%s", i ? " " : "",
			dtype_row(o->tensors[i].type)->name);
	return str_text(&s);
}

/* The text form without its numbers and types: members of a family differ in
 * these alone. */
static uint64_t family_of(struct arena *a, const struct ir_operator *o)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.";
	struct ir_operator plain = *o;
	struct str s, kept;
	const char *p;

	str_init(&s, a);
	str_init(&kept, a);
	plain.name = plain.source = "";
	ir_print(&plain, &s);
	p = str_text(&s);
	while (*p) {
		size_t n = strspn(p, word);

		if (n && (*p < '0' || *p > '9') &&
		    dtype_named(arena_strndup(a, p, n)) == T_NONE)
			str_putn(&kept, p, n);
		p += n;
		if (*p)
			str_putc(&kept, *p++);
	}
	return str_hash(str_text(&kept), kept.n);
}

static void set_key(struct measuring *g, struct arena *a, const struct job *j,
	int group, const struct candidate *c, struct record_key *k)
{
	*k = (struct record_key){ .hash = j->hash,
		.family = family_of(a, j->reference), .op = j->name,
		.shape = measuring_shape(a, g->data->op),
		.types = types_text(a, j->reference), .group = group,
		.kernel = plan_kernel(a, j->op, &j->partition->groups[group],
			","),
		.sketch = c->sketch->name, .target = j->place->target->name,
		.gpu = g->gpu,
		.how = g->how, .share = g->share };
}

/* ---- the command that makes it again ---- */

/* Of a job for one shape, as much of --shape as is its own. */
static void put_shape(const struct options *o, const struct job *j,
	struct str *out)
{
	const char *gap = " --shape ";

	for (int i = 0; i < o->shapes.n && !j->general; i++)
		for (int k = 0; k < j->n_sizes; k++)
			if (!strcmp(o->shapes.v[i].name, j->sizes[k].name)) {
				str_printf(out, "%s%s=%s", gap,
					o->shapes.v[i].name,
					o->shapes.v[i].value);
				gap = ",";
				break;
			}
}

static void put_call(const struct options *o, const struct job *j,
	struct str *out)
{
	str_puts(out, "wpkc ");
	str_word(out, o->input);
	str_printf(out, " --op=%s --target=%s", j->item->name.text,
		j->place->target->name);
	for (int i = 0; i < o->dirs.n; i++) {
		str_puts(out, " -I ");
		str_word(out, o->dirs.v[i]);
	}
	if (j->place->share)
		str_printf(out, " --share=%d", j->place->share);
	put_shape(o, j, out);
}

/* Genes with one value but for --set follow from source and sketch. */
static bool is_open(const struct candidate *c, const char *name)
{
	for (int i = 0; i < c->space->n_genes; i++)
		if (!strcmp(c->space->genes[i].name, name))
			return c->open[i];
	return false;
}

/* ",OP.1:NAME=VALUE" for what is open of a kernel's point; the number of the
 * kernel where there are several. */
static void put_settings(struct arena *a, const struct job *j, int group,
	const struct candidate *c, const int *genes, struct str *out)
{
	const char *of = j->partition->n_groups == 1 ? arena_printf(a, "%s:",
		j->name) : arena_printf(a, "%s.%d:", j->name, group);
	struct record r = { 0 };

	set_point(a, c, genes, &r);
	str_printf(out, "%ssketch=%s", of, c->sketch->name);
	for (int i = 0; i < r.n; i++)
		if (is_open(c, r.names[i]))
			str_printf(out, ",%s%s=%s", of, r.names[i],
				r.values[i]);
}

const char *measuring_again(const struct session *s, struct arena *a,
	const struct job *j, int group, const struct candidate *c,
	const int *genes)
{
	struct str out;

	str_init(&out, a);
	put_call(s->o, j, &out);
	str_puts(&out, " --set ");
	if (j->n_plans > 1)
		str_printf(&out, "%s:plan=%d,", j->name, j->plan);
	for (int k = 0; k < j->partition->n_groups; k++) {
		const struct choice *other = &j->parts[k].choice;

		str_puts(&out, k ? "," : "");
		put_settings(a, j, k, k == group ? c : other->candidate,
			k == group ? genes : other->genes, &out);
	}
	return str_text(&out);
}

/* ---- one candidate ---- */

static void set_result(struct record *r, const struct measure_result *m)
{
	r->verdict = m->verdict;
	r->message = m->message;
	r->seconds = m->seconds;
	r->spread = m->spread;
	r->compile_seconds = m->compile_seconds;
	r->registers = m->registers;
	r->spill_bytes = m->spill_bytes;
	r->clock_mhz = m->clock_mhz;
	r->throttled = m->throttled;
}

void measuring_describe(struct measuring *g, struct arena *a,
	const struct job *j, int group, const struct candidate *c,
	const int *genes, struct record *r)
{
	double *v = ARENA_ARRAY(a, N_FEATURES, double);
	struct features f;

	*r = (struct record){ .seconds = INFINITY };
	set_key(g, a, j, group, c, &r->key);
	set_point(a, c, genes, r);
	problem_features(c, a, genes, &f);
	features_vector(&f, v);
	r->features = v;
	r->n_features = N_FEATURES;
}

static void put_line(struct measuring *g, const struct record *r,
	const char *command)
{
	const char *m = r->message ? r->message : "";

	fprintf(g->log, "%d\t%s\t%s\t%s\t", g->number, r->key.op,
		r->key.sketch, verdict_name(r->verdict));
	if (isfinite(r->seconds))
		fprintf(g->log, "%.6g", r->seconds);
	fprintf(g->log, "\t%.*s\t%s\n", (int)strcspn(m, "\n"), m, command);
	fflush(g->log);
}

static void note_first(struct measuring *g, const struct record *r,
	const char *command)
{
	struct measuring_tally *t = g->s->tally;
	struct measuring_first *f = &t->first[r->verdict];

	if (t->counts[r->verdict]++)
		return;
	f->number = g->number;
	f->message = arena_strdup(g->a, r->message ? r->message : "");
	f->again = arena_strdup(g->a, command);
}

/* The database's, where there is one; several processes may count. */
static int number_of(struct measuring *g, const struct record *r)
{
	int n = g->s->known ? known_put(g->s->known, r) : 0;

	return n ? n : g->s->counted ? __atomic_add_fetch(g->s->counted, 1,
		__ATOMIC_RELAXED) : g->number + 1;
}

void measuring_record(struct measuring *g, const struct job *j, int group,
	const struct candidate *c, const int *genes, double predicted,
	const struct measure_result *m)
{
	struct arena *a = arena_create();
	const struct measure_device *d = g->m ? measure_device(g->m) : NULL;
	struct record r;
	const char *command;

	if (g->data) {
		measuring_describe(g, a, j, group, c, genes, &r);
		set_result(&r, m);
		r.predicted = predicted;
		r.driver = d ? d->driver : "";
		r.version = WPK_VERSION;
		r.date = db_date(a, (int64_t)time(NULL));
		g->number = number_of(g, &r);
		command = measuring_again(g->s, a, j, group, c, genes);
		note_first(g, &r, command);
		if (g->log)
			put_line(g, &r, command);
	}
	arena_destroy(a);
}

/* ---- the summary ---- */

void measuring_tell(struct session *s)
{
	const struct measuring_tally *t = s->tally;
	struct str out;
	int n = 0;

	for (int v = 0; t && v < N_VERDICTS; v++)
		n += t->counts[v];
	if (!n)
		return;
	str_init(&out, s->a);
	str_printf(&out, "%d candidates:", n);
	for (int v = N_VERDICTS - 1; v >= 0; v--)
		if (t->counts[v])
			str_printf(&out, " %d %s", t->counts[v],
				verdict_name((enum verdict)v));
	session_say(s, "%s", str_text(&out));
	for (int v = V_SPILL - 1; v < V_SLOW; v++) {
		const struct measuring_first *f = &t->first[v];

		if (!t->counts[v])
			continue;
		session_say(s, "candidate %d: %s: %.*s", f->number,
			verdict_name((enum verdict)v),
			(int)strcspn(f->message, "\n"), f->message);
		if (*f->again)
			session_say(s, "  again: %s", f->again);
	}
}
