/* SPDX-License-Identifier: MIT */
/* Records of real searches as JSON lines, for reports:
 *
 *	records_tool SPACE.csv STRATEGY TRIALS SEEDS GPU OP
 *	records_tool [OPTION..] FILE.wpk
 *
 * plays searches on a recorded space, one a seed, how = "replay"; or lets the
 * model predict the candidates of wpkc's search by --tune, --trials and --seed
 * of every sketch for every group of the plan taken, how = "model". Points that
 * a search found illegal are no candidates and not told. */
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/measuring.h"
#include "search/features.h"
#include "search/record.h"
#include "search/replay.h"
#include "tool_session.h"

bool session_fail(struct session *s, enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "records_tool: %s\n", arena_vprintf(s->a, fmt, ap));
	va_end(ap);
	s->code = code;
	return false;
}

void session_say(const struct session *s, const char *fmt, ...)
{
	(void)s;
	(void)fmt;
}

/* A search under way: its problem, and what each line says besides. */
struct telling {
	struct problem inner;
	struct record_key key;
	const char *strategy, *source;
	uint64_t seed;
	struct candidate *c;		/* of the model, or NULL */
	int n;
};

static json_t *point(const struct space *sp, const int *genes)
{
	json_t *v = json_object();
	char text[32];

	for (int i = 0; i < sp->n_genes; i++) {
		const struct gene *g = &sp->genes[i];

		snprintf(text, sizeof text, "%d", genes[i]);
		json_object_set_new(v, g->name, json_string(g->words ?
			g->words[genes[i]] : text));
	}
	return v;
}

static void put_features(json_t *v, const struct telling *t, struct arena *a,
	const int *genes)
{
	json_t *list = json_array();
	double x[N_FEATURES];
	struct features f;

	problem_features(t->c, a, genes, &f);
	features_vector(&f, x);
	for (int i = 0; i < N_FEATURES; i++)
		json_array_append_new(list, json_real(x[i]));
	json_object_set_new(v, "features", list);
}

static void put_hash(json_t *v, const char *name, uint64_t hash)
{
	char text[32];

	snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
	json_object_set_new(v, name, json_string(text));
}

static void tell(const struct telling *t, struct arena *a, const int *genes,
	const struct cost *c)
{
	const struct record_key *k = &t->key;
	char *text;
	json_t *v = json_pack("{ss ss ss si ss ss ss ss ss si so ss ss si ss sI}",
		"op", k->op, "shape", k->shape, "types", k->types, "group",
		k->group, "kernel", k->kernel, "sketch", k->sketch, "target",
		k->target, "gpu", k->gpu, "how", k->how, "share", 100, "point",
		point(t->inner.space, genes), "verdict",
		verdict_name(c->verdict), "strategy", t->strategy, "candidate",
		t->n, "source", t->source, "run", (json_int_t)t->seed);

	put_hash(v, "hash", k->hash);
	put_hash(v, "family", k->family);
	if (isfinite(c->seconds))
		json_object_set_new(v, "seconds", json_real(c->seconds));
	if (t->c && isfinite(c->seconds))
		json_object_set_new(v, "predicted", json_real(c->seconds));
	if (c->message)
		json_object_set_new(v, "message", json_string(c->message));
	if (t->c)
		put_features(v, t, a, genes);
	text = json_dumps(v, JSON_COMPACT | JSON_REAL_PRECISION(9));
	printf("%s\n", text);
	free(text);
	json_decref(v);
}

static const char *legal(void *ctx, struct arena *a, const int *genes)
{
	struct telling *t = ctx;

	return t->inner.legal(t->inner.ctx, a, genes);
}

static void measure(void *ctx, struct arena *a, const int *genes, int n,
	struct cost *out)
{
	struct telling *t = ctx;

	t->inner.measure(t->inner.ctx, a, genes, n, out);
	for (int i = 0; i < n; i++) {
		t->n++;
		tell(t, a, genes + (ptrdiff_t)i * t->inner.space->n_genes,
			&out[i]);
	}
}

static void draw(void *ctx, struct rng *rng, int *genes)
{
	struct telling *t = ctx;

	t->inner.draw(t->inner.ctx, rng, genes);
}

static void search(struct arena *a, struct telling *t, int trials)
{
	struct problem p = t->inner;
	struct budget b = { .trials = trials, .seed = t->seed, .effort = 5 };

	p.ctx = t;
	p.legal = legal;
	p.measure = measure;
	p.draw = p.draw ? draw : NULL;
	search_run(a, &p, strategy_named(t->strategy), &b, NULL, NULL, NULL);
}

/* ---- recorded spaces ---- */

static int replay(struct arena *a, char **argv)
{
	const char *why, *slash = strrchr(argv[1], '/');
	struct replay *r = replay_read(a, argv[1], &why);
	struct telling t = { .strategy = argv[2], .source = "" };

	if (!r || !strategy_named(argv[2])) {
		fprintf(stderr, "records_tool: %s\n", r ? "no such strategy" :
			why);
		return 1;
	}
	t.inner = r->problem;
	t.key = (struct record_key){ .op = argv[6], .shape = "", .types = "",
		.kernel = "", .sketch = slash ? slash + 1 : argv[1],
		.target = "", .gpu = argv[5], .how = "replay",
		.hash = str_hash(argv[1], strlen(argv[1])) };
	for (int seed = 1; seed <= atoi(argv[4]); seed++) {
		t.seed = (uint64_t)seed;
		t.n = 0;
		search(a, &t, atoi(argv[3]));
	}
	return 0;
}

/* ---- the model ---- */

static void search_group(struct session *s, struct job *j, int group)
{
	const struct part *p = &j->parts[group];
	const struct options *o = s->o;
	struct telling t = { .strategy = o->tune ? o->tune : "ga",
		.source = o->input, .seed = o->seed };

	for (int i = 0; i < p->n; i++) {
		if (!p->candidates[i].space)
			continue;
		t.c = &p->candidates[i];
		t.inner = problem_of(s, t.c);
		t.key = (struct record_key){ .hash = j->hash, .op = j->name,
			.shape = measuring_shape(s->a, j->op), .types = "",
			.group = group, .kernel = j->partition->n_groups > 1 ?
			plan_kernel(s->a, j->op, &j->partition->groups[group],
				",") : "",
			.sketch = t.c->sketch->name, .how = "model",
			.target = j->place->target->name,
			.gpu = j->place->gpu->name };
		search(s->a, &t, o->trials ? o->trials : 200);
	}
}

static void search_job(struct session *s, struct job *j)
{
	if (!plans_find(s, j) || j->dropped)
		return;
	for (int g = 0; g < j->partition->n_groups; g++)
		search_group(s, j, g);
}

static int model(struct arena *a, int argc, char **argv)
{
	static volatile sig_atomic_t never;
	struct options o;
	struct session s = { .a = a, .o = &o, .d = diag_create(a),
		.stop = &never };
	struct place place = {0};
	struct str text;
	bool ok;

	str_init(&text, a);
	if (options_read(a, argc, argv, &o, &text) != ASKED_COMPILE) {
		fputs(str_text(&text), stderr);
		return 1;
	}
	place.gpu = gpu_named(o.gpu ? o.gpu : "h200");
	place.target = target_named(place.gpu->arch);
	s.places = &place;
	s.n_places = 1;
	ok = tool_load(&s);
	for (int i = 0; ok && i < s.n_jobs; i++)
		search_job(&s, &s.jobs[i]);
	str_init(&text, a);
	diag_print(s.d, &text, false);
	fputs(str_text(&text), stderr);
	return diag_errors(s.d) || s.code;
}

int main(int argc, char **argv)
{
	struct arena *a = arena_create();
	bool recorded = argc == 7 && !strchr(argv[2], '.');
	int code = recorded ? replay(a, argv) : model(a, argc, argv);

	arena_destroy(a);
	return code;
}
