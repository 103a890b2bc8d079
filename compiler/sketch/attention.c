/* SPDX-License-Identifier: MIT */
/* The attention sketch: two products in a row in one kernel, on tensor cores. This
 * file names the open numbers; attention_find.c says what a chain is, _masks and
 * _factor what its scores pass through, _plan what fits, _limits which keys are left
 * out, _cost what that costs, _arithmetic how it rounds, _build what instructions of
 * one warp and of four share, _warps, _groups, _rows and _split write the kernel. */
#include "sketch/attention.h"
#include "sketch/asked.h"

#include <string.h>

static const int row_values[] = { 16, 32, 64, 128, 192, 256 };
/* Up to what registers hold beside the sums of 64 and of 128 columns. */
static const int key_values[] = { 16, 32, 64, 80, 96, 128, 160, 176 };
static const int warp_values[] = { 16, 32, 64 };
static const int stage_values[] = { 2, 3, 4 };
static const int switch_values[] = { 0, 1 };
static const int only_value[] = { 0 };
static const int kind_values[] = { KIND_MMA, KIND_WGMMA };
static const char *const kind_words[] = { "mma", "wgmma", NULL };
static const char *const keep_words[] = { "shared", "register", NULL };
static const char *const level_block[] = { "block", NULL };
static const char *const level_warp[] = { "warp", NULL };

#define COUNT(array) (int)(sizeof array / sizeof *array)
#define VALUES(array) array, COUNT(array)

static void make_tunables(struct task *t, struct attention *f)
{
	struct tunables *l = &f->open;

	l->v = ARENA_ARRAY(t->a, ATTENTION_VALUES + OUTPUTS_MAX,
		struct tunable);
	tunables_add(t, l, "tile", level_block, f->rows_name,
		VALUES(row_values), NULL);
	tunables_add(t, l, "tile", level_block, f->keys_name,
		VALUES(key_values), NULL);
	tunables_add(t, l, "tile", level_warp, f->rows_name,
		VALUES(warp_values), NULL);
	tunables_add(t, l, "pipeline", tunable_subject(t, f->keys_name),
		"stages", VALUES(stage_values), NULL);
	tunables_add(t, l, "pipeline", tunable_subject(t, f->keys_name),
		"overlap", switch_values, t->target->wgmma ? 2 : 1,
		tiled_switch);
	tunables_add(t, l, "split_k", tunable_subject(t,
		f->of.epilogue.outputs[0].tensor->name), NULL, tiled_splits,
		TILED_SPLITS, NULL);
	tunables_add(t, l, "mma", tunable_subject(t,
		f->of.epilogue.outputs[0].tensor->name), "kind", kind_values,
		t->target->wgmma ? 2 : 1, kind_words);
	tunables_add(t, l, "cache", tunable_subject(t, f->query->tensor->name),
		"scope", VALUES(switch_values), keep_words);
	tunables_add(t, l, "bind", NULL, "threads", VALUES(only_value),
		asked_numbers);
	tunables_add_epilogue(t, l, &f->of);
}

/* ---- the untuned default ---- */

/* Shares the keys out to as many blocks as run at once, where rows are few, of four
 * steps at least. */
static void fill_chip(const struct task *t, int *v, struct attention_plan *p)
{
	struct attention_plan more;

	for (int i = 1; i < TILED_SPLITS; i++) {
		int split = v[ATTENTION_SPLIT];

		v[ATTENTION_SPLIT] = tiled_splits[i];
		if (p->blocks * tiled_splits[i] > t->gpu->sms ||
		    p->spans.fewest < 4 * tiled_splits[i] ||
		    attention_plan(t, NULL, v, &more))
			v[ATTENTION_SPLIT] = split;
		else
			*p = more;
	}
}

/* By falling size, first of those that four warps multiply: kind, rows, keys, a warp's
 * rows, whether queries are kept. */
static const int usual[][5] = {
	{ KIND_WGMMA, 128, 128, 16, 0 }, { KIND_WGMMA, 128, 64, 16, 0 },
	{ KIND_WGMMA, 64, 128, 16, 0 }, { KIND_WGMMA, 64, 64, 16, 0 },
	{ KIND_MMA, 128, 64, 32, 1 }, { KIND_MMA, 128, 64, 16, 1 },
	{ KIND_MMA, 128, 64, 16, 0 }, { KIND_MMA, 64, 64, 16, 1 },
	{ KIND_MMA, 64, 64, 16, 0 }, { KIND_MMA, 64, 32, 16, 0 },
	{ KIND_MMA, 32, 64, 16, 0 }, { KIND_MMA, 32, 32, 16, 0 },
	{ KIND_MMA, 16, 64, 16, 0 }, { KIND_MMA, 16, 32, 16, 0 },
	{ KIND_MMA, 16, 16, 16, 0 },
};

/* Number "i" of them as values; NULL, or why that is no kernel. */
static const char *usual_start(const struct task *t, int i, int *v)
{
	struct attention_plan p;
	const char *why;

	memset(v, 0, ATTENTION_VALUES * sizeof *v);
	v[ATTENTION_KIND] = usual[i][0];
	v[ATTENTION_OVERLAP] = usual[i][0] == KIND_WGMMA;
	v[ATTENTION_ROWS] = usual[i][1];
	v[ATTENTION_KEYS] = usual[i][2];
	v[ATTENTION_WARP] = usual[i][3];
	v[ATTENTION_KEEP] = usual[i][4];
	v[ATTENTION_STAGES] = 2;
	v[ATTENTION_SPLIT] = 1;
	why = attention_plan(t, t->a, v, &p);
	if (!why)
		fill_chip(t, v, &p);
	return why;
}

/* All that make a kernel; NULL, or why the smallest does not either. */
static const char *find_starts(const struct task *t, struct attention *f)
{
	const char *why = NULL;

	f->starts = arena_array(t->a, COUNT(usual), sizeof *f->starts);
	for (int i = 0; i < COUNT(usual); i++) {
		why = usual_start(t, i, f->starts[f->n_starts]);
		f->n_starts += !why;
	}
	return f->n_starts ? NULL : why;
}

static bool applies(struct task *t, const char **why)
{
	struct attention *f = ARENA_NEW(t->a, struct attention);

	if (!attention_find(t, f, why))
		return false;
	make_tunables(t, f);
	t->state = f;
	attention_measure(t, f);
	*why = find_starts(t, f);
	if (!*why)
		return true;
	*why = arena_printf(t->a, "no tile of '%s' fits %s, with %lld elements "
		"of a row of queries and %lld of values: %s",
		f->of.epilogue.outputs[0].tensor->name, t->target->name,
		(long long)f->depth, (long long)f->cols, *why);
	return false;
}

static const struct tunable *tunables(const struct task *t, int *n)
{
	const struct attention *f = t->state;

	*n = f->open.n;
	return f->open.v;
}

static void start(const struct task *t, int *values)
{
	const struct attention *f = t->state;

	tiled_start(&f->open, f->starts[0], ATTENTION_VALUES, values);
}

/* The model says which of the others is the best. */
static bool other_start(const struct task *t, int n, int *values)
{
	const struct attention *f = t->state;

	if (n + 1 >= f->n_starts)
		return false;
	tiled_start(&f->open, f->starts[n + 1], ATTENTION_VALUES, values);
	return true;
}

static const char *legal(const struct task *t, struct arena *a,
	const int *values)
{
	struct attention_plan p;

	return attention_plan(t, a, values, &p);
}

static const char *const directives[] = {
	"bind", "cache", "epilogue", "fuse", "mma", "pipeline",
	"split_k", "tile", NULL
};

static const struct sketch_refusal refusals[] = {
	{ "stage", "keys and values pass through shared memory as they lie" },
	{ "swizzle", "tiles along the depth are always swizzled, others padded" },
	{ "vectorize", "copies are as wide as layouts allow" },
	{ "unroll", "a step's instructions are written out whole; "
		"tile(block, KEYS = ...) says how many keys a step has" },
	{ "compute_at", "what rows become is computed where it is multiplied" },
	{ "rfactor", "a row's maximum and sums run along with its keys" },
	{ "reduce", "four lanes of a warp share a row" },
	{ "raster", "tiles of one batch follow each other" },
	{ "reorder", "keys follow each other as the scores have them" },
	{ "tail", "last tiles are guarded" },
	{ NULL, NULL }
};

const struct sketch sketch_attention = {
	.name = "attention",
	.summary = "two products in a row, on tensor cores, such as attention",
	.directives = directives, .refusals = refusals,
	.deterministic = true, .chains = true, .kinds = true,
	.applies = applies,
	.tunables = tunables,
	.legal = legal,
	.features = attention_features, .least = attention_least,
	.start = start, .other_start = other_start,
	.build = attention_build,
	.arithmetic = attention_arithmetic,
};
