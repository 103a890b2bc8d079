/* SPDX-License-Identifier: MIT */
/* Records to rows of numbers. A column is made for each name that comes up:
 *
 *	tile.block.i		a tunable that is a number
 *	bind.order=snake	1 if a tunable is this word
 *	size K			log of a size of the operator
 *	op=conv			1 if so; sketch=, type 0=, gpu= likewise
 *	chip sms		rates of the GPU, as logs
 *	model flops		analytic features, as logs
 *	waves			what the analytic model makes of them
 *
 * Trees ask only whether a number is above another, so logs are for the sums
 * and differences that are taken of them: waves, intensities, shares. */
#include "search/inputs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "schedule/target.h"
#include "search/features.h"

enum { NAME_MAX_SIZE = 200 };

void inputs_init(struct inputs *in, struct arena *a)
{
	memset(in, 0, sizeof *in);
	in->a = a;
	in->n_slots = 256;
	in->slots = ARENA_ARRAY(a, in->n_slots, int);
}

void inputs_forget(struct inputs *in)
{
	in->key_known = false;
	in->names_seen = NULL;
}

/* ---- columns by name ---- */

/* Where "name" is, or would be. */
static int *slot_of(const struct inputs *in, const char *name, uint64_t hash)
{
	int mask = in->n_slots - 1, i = (int)(hash & (uint64_t)mask);

	for (; in->slots[i]; i = (i + 1) & mask) {
		int c = in->slots[i] - 1;

		if (in->hashes.v[c] == hash && !strcmp(in->columns.v[c], name))
			break;
	}
	return &in->slots[i];
}

static void double_slots(struct inputs *in)
{
	in->n_slots *= 2;
	in->slots = ARENA_ARRAY(in->a, in->n_slots, int);
	for (int i = 0; i < in->columns.n; i++)
		*slot_of(in, in->columns.v[i], in->hashes.v[i]) = i + 1;
}

/* -1 if there is none and none may be made. */
static int column_of(struct inputs *in, const char *name, bool learn)
{
	uint64_t hash = str_hash(name, strlen(name));
	int *slot = slot_of(in, name, hash);

	if (*slot || !learn)
		return *slot - 1;
	vec_push(in->a, &in->columns, arena_strdup(in->a, name));
	vec_push(in->a, &in->hashes, hash);
	*slot = in->columns.n;
	if (2 * in->columns.n > in->n_slots)
		double_slots(in);
	return in->columns.n - 1;
}

struct writer {
	struct inputs *in;
	struct arena *a;
	bool learn;
	input_row *row;
};

static void put(struct writer *w, const char *name, double value)
{
	int column;

	if (!isfinite(value))
		return;
	column = column_of(w->in, name, w->learn);
	if (column >= 0)
		vec_push(w->a, w->row, (struct input){ column, (float)value });
}

/* "kind=word" is true. */
static void put_word(struct writer *w, const char *kind, const char *word,
	int n)
{
	char name[NAME_MAX_SIZE];

	if (!word || !n)
		return;
	snprintf(name, sizeof name, "%s=%.*s", kind, n, word);
	put(w, name, 1);
}

static void put_text(struct writer *w, const char *kind, const char *word)
{
	put_word(w, kind, word, word ? (int)strlen(word) : 0);
}

/* ---- the operator and the chip ---- */

/* "K=768 M=512" */
static void put_sizes(struct writer *w, const char *text)
{
	while (text && *text) {
		int n = (int)strcspn(text, " ");
		const char *equal = memchr(text, '=', (size_t)n);
		char name[NAME_MAX_SIZE];

		if (equal) {
			snprintf(name, sizeof name, "size %.*s",
				(int)(equal - text), text);
			put(w, name, log2(strtod(equal + 1, NULL)));
		}
		text += n;
		text += strspn(text, " ");
	}
}

static void put_types(struct writer *w, const char *text)
{
	for (int i = 0; text && *text; i++) {
		int n = (int)strcspn(text, " ");
		char kind[24];

		snprintf(kind, sizeof kind, "type %d", i);
		put_word(w, kind, text, n);
		text += n;
		text += strspn(text, " ");
	}
}

static void put_chip(struct writer *w, const struct gpu *g)
{
	put(w, "chip cc", g->cc);
	put(w, "chip sms", log2(g->sms));
	put(w, "chip clock", log2(g->clock_mhz));
	put(w, "chip lanes", log2(g->f32_lanes_sm));
	put(w, "chip dram rate", log2(g->dram_bytes_s * g->copy));
	put(w, "chip l2 rate", log2(g->l2_bytes_s));
	put(w, "chip l2", log2(g->l2_bytes));
	put(w, "chip launch", log2(g->launch_s));
	put(w, "chip operations a byte", log2(g->sms * g->f32_lanes_sm
		* g->clock_mhz / (g->dram_bytes_s * g->copy)));
}

static void put_key(struct writer *w, const struct record_key *key)
{
	const struct gpu *g = key->gpu ? gpu_named(key->gpu) : NULL;

	put_text(w, "op", key->op);
	put_text(w, "sketch", key->sketch);
	put_text(w, "gpu", key->gpu);
	put(w, "group", key->group);
	put(w, "share", key->share);
	put_sizes(w, key->shape);
	put_types(w, key->types);
	if (g)
		put_chip(w, g);
}

/* The same for all records of one key: written once. */
static void copy_key(struct writer *w, const struct record_key *key)
{
	struct inputs *in = w->in;
	struct writer own = { in, in->a, w->learn, &in->key_row };

	if (!in->key_known || memcmp(&in->key_seen, key, sizeof *key)) {
		memcpy(&in->key_seen, key, sizeof *key);
		in->key_row.n = 0;
		put_key(&own, key);
		in->key_known = true;
	}
	for (int i = 0; i < in->key_row.n; i++)
		vec_push(w->a, w->row, in->key_row.v[i]);
}

/* ---- the point ---- */

/* Is all of "text" a number? Mostly it is a short integer. */
static bool number_of(const char *text, double *v)
{
	const char *p = text;
	char *end;
	int n = 0;

	for (; *p >= '0' && *p <= '9' && p - text < 9; p++)
		n = 10 * n + (*p - '0');
	*v = n;
	if (p > text && !*p)
		return true;
	*v = strtod(text, &end);
	return end > text && !*end && isfinite(*v);
}

static void find_tunables(struct writer *w, const struct record *r)
{
	struct inputs *in = w->in;

	if (in->names_seen == r->names && in->n_seen == r->n)
		return;
	in->columns_of.n = 0;
	for (int i = 0; i < r->n; i++)
		vec_push(in->a, &in->columns_of,
			column_of(in, r->names[i], w->learn));
	in->names_seen = r->names;
	in->n_seen = r->n;
}

static void put_point(struct writer *w, const struct record *r)
{
	find_tunables(w, r);
	for (int i = 0; i < r->n; i++) {
		int column = w->in->columns_of.v[i];
		double v;

		if (!number_of(r->values[i], &v))
			put_text(w, r->names[i], r->values[i]);
		else if (column >= 0)
			vec_push(w->a, w->row,
				(struct input){ column, (float)v });
	}
}

/* ---- the analytic model ---- */

/* A space keeps them apart from tunables. */
static const char *const feature_columns[] = {
#define ROW(field) "model " #field,
	FEATURES(ROW)
#undef ROW
};

static const char *const term_names[N_MODEL_TERMS] = {
	"share of sm", "share of l2", "share of dram"
};

static double put_estimate(struct writer *w, const struct features *f,
	const struct gpu *g)
{
	double terms[N_MODEL_TERMS], seconds = model_seconds(f, g);
	double waves = f->blocks / ((double)g->sms * f->occupancy);

	if (isinf(seconds))
		return INFINITY;
	if (!(seconds > 0) || !model_terms(f, g, terms))
		return NAN;
	put(w, "model seconds", log2(seconds));
	for (int i = 0; i < N_MODEL_TERMS; i++)
		put(w, term_names[i], terms[i] / seconds);
	put(w, "model waves", log2(waves));
	put(w, "model last wave", waves / ceil(waves));
	put(w, "warps an sm", log2(f->occupancy * ceil(f->threads / 32.0)));
	put(w, "shared an sm", (double)f->occupancy * f->smem);
	put(w, "registers an sm", (double)f->occupancy * f->regs * f->threads);
	return log(seconds);
}

/* Logs; zero is below all. */
static double feature_log(double v)
{
	return v > 0 ? log2(v) : -100;
}

static double put_features(struct writer *w, const struct record *r)
{
	const struct gpu *g = r->key.gpu ? gpu_named(r->key.gpu) : NULL;
	double v[N_FEATURES], flops;
	struct features f;

	if (!r->features || !features_read(r->features, r->n_features, &f))
		return NAN;
	features_vector(&f, v);
	for (int i = 0; i < N_FEATURES; i++)
		put(w, feature_columns[i], feature_log(v[i]));
	flops = model_operations(&f);
	if (flops > 0) {
		put(w, "flops an l2 byte", log2(flops / f.l2_bytes));
		put(w, "flops a dram byte", log2(flops / f.dram_bytes));
		put(w, "flops an instruction", log2(flops / f.issue));
	}
	put(w, "instructions a wavefront", log2(f.issue / f.smem_cycles));
	return g ? put_estimate(w, &f, g) : NAN;
}

double inputs_row(struct inputs *in, struct arena *a, const struct record *r,
	bool learn, input_row *row)
{
	struct writer w = { in, a, learn, row };

	copy_key(&w, &r->key);
	put_point(&w, r);
	return put_features(&w, r);
}
