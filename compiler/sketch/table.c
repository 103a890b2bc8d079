/* SPDX-License-Identifier: MIT */
/* All ways to compute a group, in the order in which they are asked. A new one
 * is one file and one row here. */
#include "sketch/sketch.h"

#include <assert.h>
#include <string.h>

extern const struct sketch sketch_attention, sketch_wgmma, sketch_mma,
	sketch_fma, sketch_gemv, sketch_direct, sketch_winograd,
	sketch_reduce, sketch_transpose, sketch_elementwise,
	sketch_library, sketch_variant;

static const struct sketch *const sketches[] = {
	&sketch_attention, &sketch_wgmma, &sketch_mma, &sketch_fma,
	&sketch_gemv, &sketch_direct, &sketch_winograd, &sketch_reduce,
	&sketch_transpose, &sketch_elementwise, &sketch_library,
	&sketch_variant, NULL
};

void sketch_features(const struct sketch *s, const struct task *t,
	const int *values, struct features *out)
{
	bool legal = true;

	if (s->price)
		legal = s->price(t, values, out);
	else
		s->features(t, values, out);
	assert(legal);
	(void)legal;
}

const struct sketch *const *sketch_list(void)
{
	return sketches;
}

const struct sketch *sketch_named(const char *name)
{
	for (int i = 0; sketches[i]; i++)
		if (!strcmp(sketches[i]->name, name))
			return sketches[i];
	return NULL;
}

bool sketch_honours(const struct sketch *s, const char *directive)
{
	if (!strcmp(directive, "in_place"))
		return !s->opaque;
	if (sched_binds_alone(directive) ||
	    (s->deterministic && !strcmp(directive, "deterministic")))
		return true;
	for (int i = 0; s->directives && s->directives[i]; i++)
		if (!strcmp(s->directives[i], directive))
			return true;
	return false;
}

/* What holds of every sketch that has no row of its own. */
static const struct sketch_refusal common[] = {
	{ "split", "tile(...) cuts axes, fuse(...) joins and reorder(...) orders "
		"them" },
	{ "mma", "it computes on CUDA cores; the sketch of this name uses tensor "
		"cores" },
	{ "winograd", "that is the sketch of this name, which computes sums over "
		"windows of 3 x 3" },
	{ "variant", "a file written by hand serves sizes that are named, by "
		"shape(...) in a tune block or by --shape" },
	{ "cluster", "blocks of a cluster share rows of a reduction, in reduce, "
		"or copy for their neighbours, in wgmma; parts of a product "
		"meet in one by split_k(STATEMENT, N, combine = cluster)" },
	{ NULL, NULL }
};

static const char *row_of(const struct sketch_refusal *rows,
	const char *directive)
{
	for (; rows && rows->directive; rows++)
		if (!strcmp(rows->directive, directive))
			return rows->why;
	return NULL;
}

const char *sketch_refuses(const struct sketch *s, const char *directive)
{
	const char *why = row_of(s->refusals, directive);

	if (!strcmp(directive, "in_place"))
		return s->by_request ? "nobody sees in which order a file written "
			"by hand reads and writes" : "nobody sees in which order "
			"a library reads and writes; with a kernel of its own for "
			"what writes the output it may compute the rest";
	if (s->unpriced)
		return "how it computes a library decides by itself; with "
			"fallback(...) it competes, and other directives are for "
			"other sketches";
	if (s->by_request)
		return "what a file written by hand computes, and how, stands in "
			"it";
	return why ? why : row_of(common, directive);
}
