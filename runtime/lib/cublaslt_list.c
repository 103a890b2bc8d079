/* SPDX-License-Identifier: MIT */
/* The algorithms of cuBLASLt for a product: those of its heuristic, best first,
 * then what its algorithms say they can be configured to, in an order that is
 * always the same: plain ones first, then swizzled, then with k split. What is
 * there twice is left out, and what takes more workspace than the context's. */
#include <stdlib.h>
#include <string.h>

#include "runtime/lib/cublaslt.h"

#define CALLS(q) (&(q)->base.library->calls.cublaslt)

/* "CHECKS": how many configurations of one algorithm are tried in each form. */
enum { HEURISTICS = 200, IDS = 64, TILES = 1024, STAGES = 64, CUSTOMS = 8,
	CHECKS = 1000, MOST = 2000 };

struct lister {
	struct cublaslt_call *q;
	int most, room, checks;
	bool no_memory;
};

/* One algorithm's capabilities. */
struct able {
	struct wpk_lt_algo algo;
	uint32_t tiles[TILES], stages[STAGES], schemes;
	int n_tiles, n_stages, custom;
	bool split, swizzle;
};

/* How an algorithm is used; "scheme" 0: with none, none to set. */
struct form {
	uint32_t swizzle, scheme;
	int32_t split;
};

static const struct form forms[] = {
	{ 0, 0, 1 }, { 1, 0, 1 }, { 0, 1, 2 }, { 0, 2, 2 }, { 0, 4, 2 },
	{ 0, 2, 3 }, { 0, 1, 4 }, { 0, 2, 4 }, { 0, 4, 4 }, { 0, 2, 6 },
	{ 0, 1, 8 }, { 0, 2, 8 }, { 0, 4, 8 }, { 0, 2, 12 }, { 0, 2, 16 },
	{ 0, 4, 16 }, { 0, 2, 32 },
};

static bool full(const struct lister *l)
{
	return l->no_memory || l->q->base.n >= l->most;
}

static bool known(const struct cublaslt_call *q, const struct wpk_lt_algo *algo)
{
	for (int i = 0; i < q->base.n; i++)
		if (!memcmp(&q->v[i].algo, algo, sizeof *algo))
			return true;
	return false;
}

static void add(struct lister *l, const struct wpk_lt_algo *algo,
	size_t workspace)
{
	struct cublaslt_call *q = l->q;
	void *grown;

	if (full(l) || workspace > q->base.context->library_workspace ||
	    known(q, algo))
		return;
	if (q->base.n == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		grown = realloc(q->v, l->room * sizeof *q->v);
		l->no_memory = !grown;
		if (!grown)
			return;
		q->v = grown;
	}
	q->v[q->base.n++] = (struct cublaslt_algorithm){ *algo, workspace };
}

/* ---- the heuristic ---- */

static int describe_preference(struct cublaslt_call *q, wpk_lt preference)
{
	const struct gemm *g = &q->g;
	uint64_t workspace = q->base.context->library_workspace;
	uint32_t align[] = { q->first->align, q->second->align,
		g->c.place < 0 ? g->d.align : g->c.align, g->d.align };
	int code = CALLS(q)->set_preference(preference, WPK_LT_PREF_WORKSPACE,
		&workspace, sizeof workspace);

	for (int i = 0; !code && i < 4; i++)
		code = CALLS(q)->set_preference(preference,
			WPK_LT_PREF_ALIGN_A + i, &align[i], sizeof align[i]);
	return code;
}

/* A heuristic that knows nothing is no fault: algorithms are asked for next. */
static int ask_heuristic(struct lister *l, wpk_lt preference)
{
	struct wpk_lt_result *found = calloc(HEURISTICS, sizeof *found);
	struct cublaslt_call *q = l->q;
	wpk_lt *t = q->layouts;
	int n = 0, code;

	if (!found)
		return WPK_LT_ALLOC_FAILED;
	code = CALLS(q)->heuristic(q->base.library->handle, &q->operation,
		t[CUBLASLT_A], t[CUBLASLT_B], t[CUBLASLT_C], t[CUBLASLT_D],
		preference, HEURISTICS, found, &n);
	for (int i = 0; !code && i < n && i < HEURISTICS; i++)
		if (!found[i].state)
			add(l, &found[i].algo, found[i].workspace);
	free(found);
	return code == WPK_LT_NOT_SUPPORTED ? WPK_LT_SUCCESS : code;
}

static int list_heuristics(struct lister *l)
{
	wpk_lt preference = NULL;
	int code = CALLS(l->q)->preference(&preference);

	if (code)
		return code;
	code = describe_preference(l->q, preference);
	if (!code)
		code = ask_heuristic(l, preference);
	CALLS(l->q)->drop_preference(preference);
	return code;
}

/* ---- capabilities ---- */

static uint32_t able_number(struct cublaslt_call *q, const struct able *a,
	int which)
{
	uint32_t v = 0;
	size_t written;

	return CALLS(q)->capability(&a->algo, which, &v, sizeof v, &written) ?
		0 : v;
}

/* Those it lists; where it lists none, the one "undefined", 0. */
static int able_list(struct cublaslt_call *q, const struct able *a, int which,
	uint32_t *v, int room)
{
	size_t written = 0;
	int n = 0;

	if (!CALLS(q)->capability(&a->algo, which, v, room * sizeof *v,
	    &written) && written <= room * sizeof *v)
		n = written / sizeof *v;
	if (!n)
		v[n++] = 0;
	return n;
}

static bool find_able(struct cublaslt_call *q, int id, struct able *a)
{
	const struct gemm *g = &q->g;
	int c = (g->c.place < 0 ? &g->d : &g->c)->type->cublas;

	if (CALLS(q)->init_algo(q->base.library->handle, g->compute, g->scale,
	    q->first->type->cublas, q->second->type->cublas, c,
	    g->d.type->cublas, id, &a->algo))
		return false;
	a->n_tiles = able_list(q, a, WPK_LT_CAP_TILES, a->tiles, TILES);
	a->n_stages = able_list(q, a, WPK_LT_CAP_STAGES, a->stages, STAGES);
	a->custom = able_number(q, a, WPK_LT_CAP_CUSTOM);
	a->custom = a->custom < 0 ? 0 : a->custom > CUSTOMS ? CUSTOMS :
		a->custom;
	a->split = able_number(q, a, WPK_LT_CAP_SPLIT);
	a->schemes = able_number(q, a, WPK_LT_CAP_SCHEMES);
	a->swizzle = able_number(q, a, WPK_LT_CAP_SWIZZLE);
	return true;
}

static bool takes(const struct able *a, const struct form *f)
{
	return (!f->swizzle || a->swizzle) && (f->split == 1 || a->split) &&
		(a->schemes & f->scheme) == f->scheme;
}

static void try_one(struct lister *l, const struct able *a,
	const struct form *f, uint32_t tile, uint32_t stages, uint32_t custom)
{
	const struct {
		int attribute;
		uint32_t value;
	} parts[] = { { WPK_LT_CONFIG_TILE, tile },
		{ WPK_LT_CONFIG_STAGES, stages },
		{ WPK_LT_CONFIG_CUSTOM, custom },
		{ WPK_LT_CONFIG_SWIZZLE, f->swizzle },
		{ WPK_LT_CONFIG_SPLIT, (uint32_t)f->split },
		{ WPK_LT_CONFIG_SCHEME, f->scheme } };
	struct wpk_lt_algo algo = a->algo;
	size_t workspace;
	int code = 0;

	for (size_t i = 0; !code && i < sizeof parts / sizeof *parts; i++)
		code = CALLS(l->q)->configure(&algo, parts[i].attribute,
			&parts[i].value, sizeof parts[i].value);
	l->checks++;
	if (!code && cublaslt_check(l->q, &algo, &workspace))
		add(l, &algo, workspace);
}

static void try_form(struct lister *l, const struct able *a,
	const struct form *f)
{
	l->checks = 0;
	for (int custom = 0; custom <= a->custom; custom++)
		for (int i = 0; i < a->n_tiles; i++)
			for (int j = 0; j < a->n_stages; j++) {
				if (full(l) || l->checks == CHECKS)
					return;
				try_one(l, a, f, a->tiles[i], a->stages[j],
					custom);
			}
}

static int list_configurations(struct lister *l)
{
	const struct gemm *g = &l->q->g;
	struct able *a = calloc(1, sizeof *a);
	int ids[IDS], n = 0, code;

	if (!a)
		return WPK_LT_ALLOC_FAILED;
	code = CALLS(l->q)->ids(l->q->base.library->handle, g->compute, g->scale,
		l->q->first->type->cublas, l->q->second->type->cublas,
		(g->c.place < 0 ? &g->d : &g->c)->type->cublas,
		g->d.type->cublas, IDS, ids, &n);
	for (size_t f = 0; !code && f < sizeof forms / sizeof *forms; f++)
		for (int i = 0; !full(l) && i < n && i < IDS; i++)
			if (find_able(l->q, ids[i], a) && takes(a, &forms[f]))
				try_form(l, a, &forms[f]);
	free(a);
	return code == WPK_LT_NOT_SUPPORTED ? WPK_LT_SUCCESS : code;
}

enum wpk_status cublaslt_list(struct library_call *call, int most,
	struct wpk_error *e)
{
	struct cublaslt_call *q = (struct cublaslt_call *)call;
	struct lister l = { .q = q, .most = most < MOST ? most : MOST };
	int code;

	free(q->v);
	q->v = NULL;
	call->n = 0;
	code = list_heuristics(&l);
	if (!code && !full(&l))
		code = list_configurations(&l);
	if (l.no_memory)
		return fail(e, WPK_E_MEMORY, "no memory for algorithms");
	if (code)
		return cublaslt_fails(call, e, code, "lists no algorithms");
	call->complete = call->n < most;
	return WPK_OK;
}
