/* SPDX-License-Identifier: MIT */
/* The engines of cuDNN for a graph: those of its heuristics, modes A, B and the
 * fallback, best first; then what cudnn_legacy.c has; then every engine as it
 * comes; then with one knob turned, the first of each engine among the heuristics'
 * and every engine as it comes. What is there twice is left out, and what computes
 * less exactly than was asked for: engines that convert their inputs down, that
 * add in less than the type that is computed in, or on tensor cores, which round
 * f32 to tf32, where tf32 will not do. */
#include <stdlib.h>
#include <string.h>

#include "runtime/lib/cudnn.h"

#define CALLS(call) (&(call)->library->calls.cudnn)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

/* "FEW": values of one knob that are all tried. */
enum { RESULTS = 100, ENGINES = 1000, NOTES = 32, FEW = 24, MOST = 1000 };

struct lister {
	struct cudnn_call *q;
	int most, room;
	bool no_memory;
};

static const char *const knobs[] = { "split_k", "swizzle", "tile_size",
	"use_tex", "edge", "kblock", "ldga", "ldgb", "chunk_k", "split_h",
	"wino_tile", "multiply", "split_k_buf", "tilek", "stages",
	"reduction_mode", "cta_split_k_mode", "split_k_slc", "idx_mode",
	"sliced", "split_rs", "singlebuffer", "ldgc", "specfilt", "kernel_cfg",
	"workspace", "tile_cga", "tile_cga_m", "tile_cga_n", "block_size",
	"occupancy", "array_size_per_thread", "num_c_per_block", "split_cols",
	"tile_rows", "tile_cols", "load_size", "cta_count", "stream_k",
	"split_p_slc", "tile_m", "tile_n", "warp_spec_cfg", "swap_ab" };

const char *cudnn_knob_name(int64_t type)
{
	return type >= 0 && type < COUNT(knobs) ? knobs[type] : NULL;
}

static bool full(const struct lister *l)
{
	return l->no_memory || l->q->base.n >= l->most;
}

static bool same(const struct dnn_engine *a, const struct dnn_engine *b)
{
	return a->legacy == b->legacy && a->math == b->math &&
		a->index == b->index && a->n == b->n &&
		!memcmp(a->knobs, b->knobs, a->n * sizeof *a->knobs);
}

static void add(struct lister *l, const struct dnn_engine *g)
{
	struct cudnn_call *q = l->q;
	void *grown;

	for (int i = 0; i < q->base.n; i++)
		if (same(&q->v[i], g))
			return;
	if (full(l))
		return;
	if (q->base.n == l->room) {
		l->room = l->room ? 2 * l->room : 32;
		grown = realloc(q->v, l->room * sizeof *q->v);
		l->no_memory = !grown;
		if (!grown)
			return;
		q->v = grown;
	}
	q->v[q->base.n++] = *g;
}

/* ---- asking descriptors ---- */

static bool ask(const struct cudnn_call *q, wpk_dnn d, int name, int type,
	int64_t most, int64_t *n, void *v)
{
	*n = 0;
	return !CALLS(&q->base)->get(d, name, type, most, n, v);
}

static int64_t ask_number(const struct cudnn_call *q, wpk_dnn d, int name,
	int type)
{
	union {
		int64_t wide;
		int32_t narrow;
	} v = { 0 };
	int64_t n;

	if (!ask(q, d, name, type, 1, &n, &v) || n < 1)
		return -1;
	return type == WPK_DNN_T_INT64 ? v.wide : v.narrow;
}

/* Descriptors of one kind, made to be filled by cuDNN. */
struct filled {
	wpk_dnn v[RESULTS];
	int64_t n;
};

static void drop_all(const struct cudnn_call *q, struct filled *f)
{
	for (int64_t i = 0; i < RESULTS; i++)
		cudnn_drop(&q->base, &f->v[i]);
}

/* Those that "d" holds under "name", "room" at most. They are not counted before:
 * cuDNN 9.19 counts no choices of knobs unless it is given room for them. */
static bool ask_all(const struct cudnn_call *q, wpk_dnn d, int name, int kind,
	int64_t room, struct filled *f)
{
	int64_t made = 0;

	memset(f, 0, sizeof *f);
	while (made < room && !CALLS(&q->base)->descriptor(kind, &f->v[made]))
		made++;
	if (made < room)
		f->v[made] = NULL;
	if (!made || !ask(q, d, name, WPK_DNN_T_DESCRIPTOR, made, &f->n, f->v))
		return false;
	f->n = f->n > made ? made : f->n;
	return true;
}

/* ---- engines ---- */

static int make_engine(const struct cudnn_call *q, int64_t index, wpk_dnn *d)
{
	const struct dnn_attribute a[] = {
		{ WPK_DNN_ENGINE_GRAPH, WPK_DNN_T_DESCRIPTOR, 1, &q->graph },
		{ WPK_DNN_ENGINE_INDEX, WPK_DNN_T_INT64, 1, &index },
	};

	return cudnn_make(&q->base, WPK_DNN_ENGINE, a, COUNT(a), d);
}

void cudnn_drop_config(const struct library_call *call, struct dnn_config *c)
{
	cudnn_drop(call, &c->config);
	for (int i = 0; i < DNN_KNOBS; i++)
		cudnn_drop(call, &c->choices[i]);
	cudnn_drop(call, &c->engine);
}

static int make_choices(const struct cudnn_call *q, const struct dnn_engine *g,
	struct dnn_config *c)
{
	int code = 0;

	for (int64_t i = 0; !code && i < g->n; i++) {
		int type = (int)g->knobs[i].type;
		const struct dnn_attribute a[] = {
			{ WPK_DNN_CHOICE_TYPE, WPK_DNN_T_KNOB, 1, &type },
			{ WPK_DNN_CHOICE_VALUE, WPK_DNN_T_INT64, 1,
				&g->knobs[i].value },
		};

		code = cudnn_make(&q->base, WPK_DNN_KNOB_CHOICE, a, COUNT(a),
			&c->choices[i]);
	}
	return code;
}

int cudnn_configure(const struct cudnn_call *q, const struct dnn_engine *g,
	struct dnn_config *c)
{
	const struct dnn_attribute a[] = {
		{ WPK_DNN_CONFIG_ENGINE, WPK_DNN_T_DESCRIPTOR, 1, &c->engine },
		{ WPK_DNN_CONFIG_CHOICES, WPK_DNN_T_DESCRIPTOR, g->n,
			c->choices },
	};
	int code;

	memset(c, 0, sizeof *c);
	code = make_engine(q, g->index, &c->engine);
	if (!code)
		code = make_choices(q, g, c);
	if (!code)
		code = cudnn_make(&q->base, WPK_DNN_CONFIG, a, g->n ? 2 : 1,
			&c->config);
	if (code)
		cudnn_drop_config(&q->base, c);
	return code;
}

bool cudnn_strict(const struct dnn_graph *g)
{
	for (int i = 0; i < g->n_nodes; i++) {
		const struct dnn_node *n = &g->nodes[i];

		if (n->op != DNN_POINTWISE && !n->relaxed &&
		    g->tensors[n->in[0]].type->cudnn == WPK_DNN_FLOAT)
			return true;
	}
	return false;
}

static bool exact(const struct cudnn_call *q, wpk_dnn engine)
{
	int notes[NOTES] = { 0 };
	int64_t n;

	if (!ask(q, engine, WPK_DNN_ENGINE_NOTES, WPK_DNN_T_NOTE, NOTES, &n,
	    notes))
		return true;
	for (int64_t i = 0; i < n && i < NOTES; i++)
		if (notes[i] == WPK_DNN_NOTE_DOWN_CONVERT ||
		    notes[i] == WPK_DNN_NOTE_REDUCED ||
		    (notes[i] == WPK_DNN_NOTE_TENSOR_CORE && cudnn_strict(&q->g)))
			return false;
	return true;
}

/* ---- heuristics ---- */

static void read_choices(const struct cudnn_call *q, wpk_dnn config,
	struct dnn_engine *g)
{
	struct filled f;

	if (ask_all(q, config, WPK_DNN_CONFIG_CHOICES, WPK_DNN_KNOB_CHOICE,
	    DNN_KNOBS, &f))
		for (int64_t i = 0; i < f.n && g->n < DNN_KNOBS; i++) {
			g->knobs[g->n].type = ask_number(q, f.v[i],
				WPK_DNN_CHOICE_TYPE, WPK_DNN_T_KNOB);
			g->knobs[g->n++].value = ask_number(q, f.v[i],
				WPK_DNN_CHOICE_VALUE, WPK_DNN_T_INT64);
		}
	drop_all(q, &f);
}

static void add_config(struct lister *l, wpk_dnn config)
{
	struct dnn_engine g = { .index = -1 };
	struct filled f;

	if (ask_all(l->q, config, WPK_DNN_CONFIG_ENGINE, WPK_DNN_ENGINE, 1, &f)
	    && f.n == 1 && exact(l->q, f.v[0])) {
		g.index = ask_number(l->q, f.v[0], WPK_DNN_ENGINE_INDEX,
			WPK_DNN_T_INT64);
		read_choices(l->q, config, &g);
	}
	drop_all(l->q, &f);
	if (g.index >= 0)
		add(l, &g);
}

/* A mode that does not serve for the graph is no fault. */
static void list_mode(struct lister *l, int mode)
{
	struct cudnn_call *q = l->q;
	int32_t sms = call_sms(q->base.context);
	const struct dnn_attribute a[] = {
		{ WPK_DNN_HEURISTIC_GRAPH, WPK_DNN_T_DESCRIPTOR, 1, &q->graph },
		{ WPK_DNN_HEURISTIC_MODE, WPK_DNN_T_HEUR_MODE, 1, &mode },
		{ WPK_DNN_HEURISTIC_SMS, WPK_DNN_T_INT32, 1, &sms },
	};
	wpk_dnn heuristic = NULL;
	struct filled f;

	if (cudnn_make(&q->base, WPK_DNN_HEURISTIC, a, sms ? 3 : 2, &heuristic))
		return;
	if (ask_all(q, heuristic, WPK_DNN_HEURISTIC_RESULTS, WPK_DNN_CONFIG,
	    RESULTS, &f))
		for (int64_t i = 0; i < f.n && !full(l); i++)
			add_config(l, f.v[i]);
	drop_all(q, &f);
	cudnn_drop(&q->base, &heuristic);
}

static void list_legacy(struct lister *l)
{
	struct dnn_engine v[DNN_LEGACY];
	int n = cudnn_legacy_list(l->q, v);

	for (int i = 0; i < n && !full(l); i++)
		add(l, &v[i]);
}

/* ---- every engine ---- */

struct knob {
	int64_t type, least, most, stride;
};

static struct knob read_knob(const struct cudnn_call *q, wpk_dnn info)
{
	struct knob k = {
		ask_number(q, info, WPK_DNN_KNOB_TYPE, WPK_DNN_T_KNOB),
		ask_number(q, info, WPK_DNN_KNOB_LEAST, WPK_DNN_T_INT64),
		ask_number(q, info, WPK_DNN_KNOB_MOST, WPK_DNN_T_INT64),
		ask_number(q, info, WPK_DNN_KNOB_STRIDE, WPK_DNN_T_INT64) };

	k.stride = k.stride < 1 ? 1 : k.stride;
	return k;
}

/* "base" with one knob turned to "value", its own or one that it has not set. */
static struct dnn_engine turned(const struct dnn_engine *base, int64_t type,
	int64_t value)
{
	struct dnn_engine g = *base;
	int64_t i = 0;

	while (i < g.n && g.knobs[i].type != type)
		i++;
	if (i < DNN_KNOBS) {
		g.knobs[i].type = type;
		g.knobs[i].value = value;
		g.n = i < g.n ? g.n : i + 1;
	}
	return g;
}

/* Whether it makes a configuration, with no more workspace than there is. */
static bool fits(const struct cudnn_call *q, const struct dnn_engine *g)
{
	size_t limit = q->base.context->library_workspace;
	struct dnn_config config;
	int64_t workspace;

	if (cudnn_configure(q, g, &config))
		return false;
	workspace = ask_number(q, config.config, WPK_DNN_CONFIG_WORKSPACE,
		WPK_DNN_T_INT64);
	cudnn_drop_config(&q->base, &config);
	return workspace < 0 || (uint64_t)workspace <= limit;
}

/* Every value where they are few, else the least and such that lie from it twice
 * as far each time. */
static void turn(struct lister *l, const struct dnn_engine *base,
	const struct knob *k)
{
	int64_t steps = k->most < k->least ? -1 : (k->most - k->least) /
		k->stride;

	if (k->type < 0)
		return;
	for (int64_t i = 0; i <= steps && !full(l);
	    i = i && steps >= FEW ? 2 * i : i + 1) {
		struct dnn_engine g = turned(base, k->type,
			k->least + i * k->stride);

		if (fits(l->q, &g))
			add(l, &g);
	}
}

static void turn_each(struct lister *l, const struct dnn_engine *base)
{
	struct cudnn_call *q = l->q;
	wpk_dnn engine = NULL;
	struct filled f;

	if (full(l) || make_engine(q, base->index, &engine))
		return;
	ask_all(q, engine, WPK_DNN_ENGINE_KNOBS, WPK_DNN_KNOB_INFO, DNN_KNOBS,
		&f);
	for (int64_t i = 0; i < f.n && !full(l); i++) {
		struct knob k = read_knob(q, f.v[i]);

		turn(l, base, &k);
	}
	drop_all(q, &f);
	cudnn_drop(&q->base, &engine);
}

/* Around the first of each engine that the heuristics named, the first "n", then
 * around all engines as they come, up to "end". */
static void list_turned(struct lister *l, int n, int end)
{
	struct cudnn_call *q = l->q;

	for (int i = 0; i < n; i++) {
		struct dnn_engine base = q->v[i];
		int k = 0;

		while (q->v[k].index != base.index)
			k++;
		if (k == i && base.n)
			turn_each(l, &base);
	}
	for (int i = 0; i < end; i++) {
		struct dnn_engine base = q->v[i];

		if (!base.legacy && !base.n)
			turn_each(l, &base);
	}
}

static void list_plain(struct lister *l)
{
	int64_t n = ask_number(l->q, l->q->graph, WPK_DNN_GRAPH_ENGINES,
		WPK_DNN_T_INT64);

	for (int64_t i = 0; i < n && i < ENGINES && !full(l); i++) {
		const struct dnn_engine plain = { .index = i };
		wpk_dnn engine = NULL;

		if (make_engine(l->q, i, &engine))
			continue;
		if (exact(l->q, engine))
			add(l, &plain);
		cudnn_drop(&l->q->base, &engine);
	}
}

enum wpk_status cudnn_list(struct library_call *call, int most,
	struct wpk_error *e)
{
	struct cudnn_call *q = (struct cudnn_call *)call;
	struct lister l = { .q = q, .most = most < MOST ? most : MOST };
	static const int modes[] = { WPK_DNN_MODE_A, WPK_DNN_MODE_B,
		WPK_DNN_MODE_FALLBACK };
	int heuristics;

	free(q->v);
	q->v = NULL;
	call->n = 0;
	pthread_mutex_lock(&call->library->lock);
	for (int i = 0; i < COUNT(modes) && !full(&l); i++)
		list_mode(&l, modes[i]);
	heuristics = call->n;
	if (!full(&l))
		list_legacy(&l);
	if (!full(&l))
		list_plain(&l);
	if (!full(&l))
		list_turned(&l, heuristics, call->n);
	pthread_mutex_unlock(&call->library->lock);
	if (l.no_memory)
		return fail(e, WPK_E_MEMORY, "no memory for engines");
	call->complete = call->n < most;
	return WPK_OK;
}
