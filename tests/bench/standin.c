/* SPDX-License-Identifier: MIT */
/* A stand-in for a GPU. Candidates, points and features are wpkc's own; their
 * times follow from a model that differs from search/model.c in form and in
 * what it knows: parts of the work add up where that one takes the greatest,
 * few warps slow memory as well as arithmetic, registers and shared memory cost
 * something by themselves, every sketch and every value of every tunable has a
 * constant factor of its own (a hash of its name, which no feature tells, the
 * same for all shapes: that makes it learnable), and 3 % are noise. A GPU is
 * less regular. */
#include "standin.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/tool_session.h"
#include "base/vec.h"
#include "driver/measuring.h"
#include "search/features.h"


enum { TRIES = 20000 };

bool session_fail(struct session *s, enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "model: %s\n", arena_vprintf(s->a, fmt, ap));
	va_end(ap);
	s->code = code;
	return false;
}

void session_say(const struct session *s, const char *fmt, ...)
{
	(void)s;
	(void)fmt;
}

/* ---- time ---- */

/* -1 .. 1, from a text. */
static double whim(const char *text)
{
	return (double)(str_hash(text, strlen(text)) >> 11) * 0x1p-52 - 1;
}

static double least(double x, double y)
{
	return x < y ? x : y;
}

static double work_seconds(const struct features *f, const struct gpu *g)
{
	double warps = f->occupancy * ceil(f->threads / 32.0);
	double busy = least(1, warps / 20) * f->ilp / (f->ilp + 3);
	double waves = ceil(f->blocks / ((double)g->sms * f->occupancy));
	double sms = least(g->sms, f->blocks);
	double cycles = f->flops / 2 / g->f32_lanes_sm / busy
		+ 0.4 * f->issue / 4 + 1.3 * f->smem_cycles + f->special / 16;

	return (cycles / sms + 1.5 * waves * f->chain) / (g->clock_mhz * 1e6);
}

static double memory_seconds(const struct features *f, const struct gpu *g)
{
	double warps = least(g->sms, f->blocks) * f->occupancy
		* ceil(f->threads / 32.0) / g->sms;
	double share = least(1, (1 + f->stages) * warps / 24);

	return f->dram_bytes / (0.85 * g->dram_bytes_s * share)
		+ 0.7 * f->l2_bytes / (g->l2_bytes_s * share);
}

static double standin_seconds(const struct record *r, const struct features *f,
	const struct gpu *g, struct arena *tmp)
{
	double x = work_seconds(f, g), y = memory_seconds(f, g);
	double s = pow(pow(x, 2) + pow(y, 2), 0.5), factor;
	struct str all;

	str_init(&all, tmp);
	factor = 0.2 * whim(r->key.sketch);
	for (int i = 0; i < r->n; i++) {
		factor += 0.08 * whim(arena_printf(tmp, "%s=%s", r->names[i],
			r->values[i]));
		str_printf(&all, "%s=%s,", r->names[i], r->values[i]);
	}
	factor += f->regs > 128 ? 0.2 : 0;
	factor += f->smem > 49152 ? 0.1 : 0;
	factor += 0.03 * whim(arena_printf(tmp, "%s %s", r->key.shape,
		str_text(&all)));
	return f->launches * 1.3 * g->launch_s + s * exp(factor);
}

/* ---- candidates ---- */

typedef VEC(struct record) record_list;

static struct record_key key_of(struct session *s, const struct job *j,
	const struct candidate *c)
{
	return (struct record_key){ .hash = j->hash, .family = 1,
		.op = j->name, .shape = measuring_shape(s->a, j->reference),
		.types = "f32", .group = c->task.index,
		.kernel = plan_kernel(s->a, j->op, c->task.group, ","),
		.sketch = c->sketch->name, .target = j->place->target->name,
		.gpu = j->place->gpu->name, .how = "model", .share = 100 };
}

/* Tunables, not genes: what a record and a lock have. */
static void set_point(struct arena *a, const struct space *sp,
	const int *values, struct record *r)
{
	const char **names = ARENA_ARRAY(a, sp->n_tunables, const char *);
	const char **texts = ARENA_ARRAY(a, sp->n_tunables, const char *);

	for (int i = 0; i < sp->n_tunables; i++) {
		const struct tunable *t = &sp->tunables[i];

		names[i] = t->name;
		texts[i] = t->words ? t->words[values[i]] :
			arena_printf(a, "%d", values[i]);
	}
	r->names = names;
	r->values = texts;
	r->n = sp->n_tunables;
}

static void add_record(struct session *s, record_list *out,
	const struct candidate *c, const struct record_key *key,
	const int *genes)
{
	int values[c->space->n_tunables + 1];
	double *v = ARENA_ARRAY(s->a, N_FEATURES, double);
	struct record r = { .key = *key, .verdict = V_MEASURED,
		.features = v, .n_features = N_FEATURES };
	struct arena *tmp = arena_create();
	struct features f = {0};
	const char *why;

	if (space_tunables(s->a, c->space, genes, values, &why)) {
		sketch_features(c->sketch, &c->task, values, &f);
		features_vector(&f, v);
		set_point(s->a, c->space, values, &r);
		r.seconds = standin_seconds(&r, &f, c->task.gpu, tmp);
	}
	arena_destroy(tmp);
	if (r.n && isfinite(r.seconds) && f.occupancy > 0)
		vec_push(s->a, out, r);
}

static void add_candidate(struct session *s, record_list *out,
	const struct job *j, struct candidate *c, int points, struct rng *r)
{
	struct problem p = problem_of(s, c);
	struct record_key key = key_of(s, j, c);
	int *genes = ARENA_ARRAY(s->a, c->space->n_genes + 1, int);

	for (int i = 0; i < points; i++)
		if (tool_random_point(c, &p, TRIES, r, genes))
			add_record(s, out, c, &key, genes);
}

static void add_job(struct session *s, record_list *out, struct job *j,
	int points, struct rng *r)
{
	struct part *p;
	int serve = 0;

	if (!plans_find(s, j))
		return;
	p = &j->parts[0];
	for (int i = 0; i < p->n; i++)
		serve += p->candidates[i].space != NULL;
	for (int i = 0; i < p->n; i++)
		if (p->candidates[i].space)
			add_candidate(s, out, j, &p->candidates[i],
				points / serve, r);
}

struct record *standin_records(struct arena *a, const char *path,
	const char *gpu, int points, int *n)
{
	const char *top = getenv("top_srcdir");
	char *argv[] = { "model", "--no-lock", "-I", arena_printf(a,
		"%s/stdlib", top ? top : "."), (char *)path, NULL };
	static volatile int never;
	struct options *o = ARENA_NEW(a, struct options);
	struct session s = { .a = a, .o = o, .d = diag_create(a),
		.stop = &never, .n_places = 1 };
	struct place place = { .gpu = gpu_named(gpu) };
	record_list out = {0};
	struct str text;
	struct rng rng;
	bool ok;

	str_init(&text, a);
	place.target = target_named(place.gpu->arch);
	s.places = &place;
	ok = options_read(a, 5, argv, o, &text) == ASKED_COMPILE && tool_load(&s);
	rng_seed(&rng, 1);
	for (int i = 0; ok && i < s.n_jobs; i++)
		add_job(&s, &out, &s.jobs[i], points, &rng);
	diag_print(s.d, &text, false);
	if (text.n)
		fprintf(stderr, "%s", str_text(&text));
	*n = out.n;
	return ok ? out.v : NULL;
}
