/* SPDX-License-Identifier: MIT */
/* Open numbers that all tiled contractions have: how operands are staged, what
 * becomes of last tiles, how often the reduction is split. */
#include "sketch/asked.h"
#include "sketch/tiled.h"

static const int only_value[] = { 0 };
static const char *const shared_words[] = { "shared", NULL };
static const char *const auto_words[] = { "auto", "on", "off", NULL };
static const char *const tail_words[] = { "auto", "predicate", "shift", NULL };
static const char *const cache_words[] = { "auto", "shared", NULL };

static const int combines[] = { TILED_WORKSPACE, TILED_CLUSTER, TILED_STREAM };
static const int older_combines[] = { TILED_WORKSPACE, TILED_STREAM };
static const char *const combine_words[] = { "auto", "workspace", "cluster",
	"stream", NULL };

const int tiled_splits[TILED_SPLITS] = {
	1, 2, 3, 4, 6, 8, 9, 12, 16, 18, 24, 32
};

/* How one operand is staged; search leaves that alone. */
static void add_operand(const struct task *t, struct tunables *l,
	const char *const *of)
{
	tunables_add(t, l, "vectorize", of, NULL, only_value, 1,
		asked_numbers);
	tunables_add(t, l, "stage", of, "pad", only_value, 1, auto_words);
	tunables_add(t, l, "stage", of, "swizzle", only_value, 1, auto_words);
	tunables_add(t, l, "swizzle", of, NULL, only_value, 1, auto_words);
}

/* Facts that a schedule may state and that hold of every kernel. */
static void add_facts(const struct task *t, struct tunables *l,
	const struct product *f, const char *const *of)
{
	tunables_add(t, l, "stage", of, "scope", only_value, 1, shared_words);
	tunables_add(t, l, "stage", of, "at", only_value, 1,
		tunable_subject(t, f->k_name));
	tunables_add(t, l, "cache", of, "scope", only_value, 1, cache_words);
}

void tiled_add_operands(const struct task *t, struct tunables *l,
	const struct product *f)
{
	const char *const *right = tunable_rights(t, f);
	bool both = f->left.tensor == f->right.tensor;
	const char *const *left = both ? right : tunable_subject(t,
		f->left.tensor->name);

	add_operand(t, l, left);
	if (!both)
		add_operand(t, l, right);
	add_facts(t, l, f, left);
	if (!both)
		add_facts(t, l, f, right);
}

const int *tiled_right(const struct product *f, const int *v)
{
	return v + (f->left.tensor == f->right.tensor ? 0 : TILED_OPERAND);
}

void tiled_add_tails(const struct task *t, struct tunables *l,
	const struct product *f)
{
	tunables_add(t, l, "tail", tunable_subject(t, f->m_name), NULL,
		only_value, 1, tail_words);
	tunables_add(t, l, "tail", tunable_subject(t, f->n_name), NULL,
		only_value, 1, tail_words);
}

const char *const tiled_switch[] = { "off", "on", NULL };

void tiled_add_pipeline(const struct task *t, struct tunables *l,
	const struct product *f, struct tiled_values stages,
	struct tiled_values async, const char *const *async_words, int splits)
{
	const char *const *k = tunable_subject(t, f->k_name);
	const char *const *acc = tunable_sums(t, f);

	tunables_add(t, l, "pipeline", k, "stages", stages.v, stages.n, NULL);
	tunables_add(t, l, "pipeline", k, "async", async.v, async.n,
		async_words);
	tunables_add(t, l, "split_k", acc, NULL, tiled_splits, splits, NULL);
	if (t->target->clusters && splits > 1)
		tunables_add(t, l, "split_k", acc, "combine", combines, 3,
			combine_words);
	else if (splits > 1)
		tunables_add(t, l, "split_k", acc, "combine", older_combines, 2,
			combine_words);
	else
		tunables_add(t, l, "split_k", acc, "combine", only_value, 1,
			combine_words);
}

void tiled_add_raster(const struct task *t, struct tunables *l)
{
	static const int orders[] = { 0, 1 }, groups[] = { 1, 2, 4, 8, 16 };
	static const char *const words[] = { "row", "col", NULL };

	tunables_add(t, l, "raster", NULL, "order", orders, 2, words);
	tunables_add(t, l, "raster", NULL, "group", groups, 5, NULL);
}

void tiled_add_reorder(const struct task *t, struct tunables *l,
	const struct product *f)
{
	static const int orders[ORDERS_MAX] = { 0, 1, 2, 3 };

	tunables_add(t, l, "reorder", tunable_sums(t, f), NULL, orders,
		f->n_orders, f->order_words);
}
