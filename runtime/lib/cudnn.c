/* SPDX-License-Identifier: MIT */
/* Calls of cuDNN: a graph is described once, an engine makes a plan of it, and
 * runs give the plan addresses in a variant pack; or a legacy algorithm computes
 * what the graph does, and there is neither. */
#include "runtime/lib/cudnn.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CALLS(call) (&(call)->library->calls.cudnn)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

enum { LEAST_VERSION = 90000 };

static struct cudnn_call *own(struct library_call *call)
{
	return (struct cudnn_call *)call;
}

enum wpk_status cudnn_fails(const struct library_call *call,
	struct wpk_error *e, int code, const char *what)
{
	char detail[200] = "";
	enum wpk_status s;

	CALLS(call)->last_error(detail, sizeof detail);
	s = fail(e, code == WPK_DNN_HOST_MEMORY ||
		code == WPK_DNN_DEVICE_MEMORY ? WPK_E_MEMORY : WPK_E_LIBRARY,
		"cuDNN %s: %s%s%.*s%s", what, CALLS(call)->error_text(code),
		*detail ? " (" : "", (int)strcspn(detail, "\n"), detail,
		*detail ? ")" : "");

	if (e)
		e->cuda = code;
	return s;
}

void cudnn_drop(const struct library_call *call, wpk_dnn *d)
{
	if (*d)
		CALLS(call)->drop(*d);
	*d = NULL;
}

/* ---- the library ---- */

/* What has no legacy convolutions serves without them. */
static void load_legacy(struct library *l)
{
	struct cudnn_legacy_calls *c = &l->calls.cudnn_legacy;

	c->lacks = NULL;
#define X(type, field, symbol, arguments) \
	*(void **)&c->field = dlsym(l->file, symbol); \
	if (!c->field && !c->lacks) \
		c->lacks = symbol;
	CUDNN_LEGACY_CALLS(X)
#undef X
#define X(way, field, symbol) \
	*(void **)&c->ways[way].field = dlsym(l->file, symbol); \
	if (!c->ways[way].field && !c->lacks) \
		c->lacks = symbol;
	CUDNN_WAY_CALLS(X)
#undef X
}

static const char *load(struct library *l)
{
#define X(type, field, symbol, arguments) \
	*(void **)&l->calls.cudnn.field = dlsym(l->file, symbol); \
	if (!l->calls.cudnn.field) \
		return symbol;
	CUDNN_CALLS(X)
#undef X
	load_legacy(l);
	return NULL;
}

static int version(struct library *l)
{
	return (int)l->calls.cudnn.version();
}

static const char *start(struct library *l)
{
	int code = l->calls.cudnn.create(&l->handle);

	if (!code)
		return NULL;
	l->handle = NULL;
	return l->calls.cudnn.error_text(code);
}

static void stop(struct library *l)
{
	l->calls.cudnn.destroy(l->handle);
	l->handle = NULL;
}

/* ---- graphs ---- */

static enum wpk_status read_call(struct library_call *call, const json_t *j,
	struct wpk_error *e)
{
	return graph_read(call, j, &own(call)->g, e);
}

static enum wpk_status describe(struct library_call *call,
	struct wpk_error *e)
{
	const char *what;
	int code;

	pthread_mutex_lock(&call->library->lock);
	code = cudnn_nodes(own(call), &what);
	if (!code) {
		what = "does not take the graph";
		code = cudnn_graph(own(call));
	}
	pthread_mutex_unlock(&call->library->lock);
	return code ? cudnn_fails(call, e, code, what) : WPK_OK;
}

static void drop_packs(struct cudnn_call *q)
{
	for (int i = 0; i < DNN_PACKS; i++)
		cudnn_drop(&q->base, &q->packs[i].pack);
}

static void destroy(struct library_call *call)
{
	struct cudnn_call *q = own(call);

	drop_packs(q);
	cudnn_drop(call, &q->plan);
	cudnn_drop_config(call, &q->config);
	cudnn_legacy_drop(q);
	cudnn_drop(call, &q->graph);
	for (int i = 2 * DNN_NODES; i-- > 0;)
		cudnn_drop(call, &q->parts[i]);
	for (int i = 0; i < DNN_TENSORS; i++)
		cudnn_drop(call, &q->tensors[i]);
	free(q->v);
}

/* ---- plans ---- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* "engine 12, tile_size 5" */
static void tell(const struct cudnn_call *q, const struct dnn_engine *g,
	char text[300])
{
	size_t n = snprintf(text, 300, "engine %lld", (long long)g->index);

	if (g->legacy)
		cudnn_legacy_tell(q, g, text);
	for (int64_t i = 0; i < g->n && n < 300; i++) {
		const char *name = cudnn_knob_name(g->knobs[i].type);
		char number[40];

		snprintf(number, sizeof number, "knob %lld",
			(long long)g->knobs[i].type);
		n += snprintf(text + n, 300 - n, ", %s %lld", name ? name :
			number, (long long)g->knobs[i].value);
	}
}

/* What the plan takes, or what the configuration says it does, if that is more;
 * -1: no number of bytes. */
static int64_t workspace_of(const struct library_call *call, wpk_dnn plan,
	wpk_dnn config)
{
	int64_t of_plan = -1, of_config = 0, n;

	if (CALLS(call)->get(plan, WPK_DNN_PLAN_WORKSPACE, WPK_DNN_T_INT64, 1,
	    &n, &of_plan) || of_plan < 0)
		return -1;
	if (CALLS(call)->get(config, WPK_DNN_CONFIG_WORKSPACE, WPK_DNN_T_INT64,
	    1, &n, &of_config))
		of_config = 0;
	return of_plan > of_config ? of_plan : of_config;
}

static int make_plan(struct cudnn_call *q, const struct dnn_engine *g,
	struct dnn_config *c, wpk_dnn *plan)
{
	const struct dnn_attribute a[] = {
		{ WPK_DNN_PLAN_HANDLE, WPK_DNN_T_HANDLE, 1,
			&q->base.library->handle },
		{ WPK_DNN_PLAN_CONFIG, WPK_DNN_T_DESCRIPTOR, 1, &c->config },
	};
	int code = cudnn_configure(q, g, c);

	return code ? code : cudnn_make(&q->base, WPK_DNN_PLAN, a, COUNT(a),
		plan);
}

/* Whether a plan that took so long, and takes so much, is taken. */
static enum wpk_status judge(struct cudnn_call *q, const char *text,
	double took, double seconds, int64_t workspace, struct wpk_error *e)
{
	size_t limit = q->base.context->library_workspace;

	if (seconds > 0 && took > seconds)
		return fail(e, WPK_E_LIBRARY, "cuDNN took %.1f s to build %s, "
			"more than %g s: it is passed over", took, text,
			seconds);
	if (workspace < 0)
		return fail(e, WPK_E_LIBRARY, "cuDNN does not tell the "
			"workspace of %s", text);
	if ((uint64_t)workspace > limit)
		return fail(e, WPK_E_LIBRARY, "cuDNN: %s wants %lld bytes of "
			"workspace, and %zu are the most", text,
			(long long)workspace, limit);
	return WPK_OK;
}

/* What a call runs; of a legacy algorithm, nothing. */
struct made {
	struct dnn_config config;
	wpk_dnn plan;
};

static enum wpk_status make(struct cudnn_call *q, const struct dnn_engine *g,
	struct made *m, int64_t *workspace, struct wpk_error *e)
{
	char text[300], what[350];
	int code;

	if (g->legacy)
		return cudnn_legacy_ready(q, g, workspace, e);
	code = make_plan(q, g, &m->config, &m->plan);
	tell(q, g, text);
	snprintf(what, sizeof what, "does not build %s", text);
	if (code)
		return cudnn_fails(&q->base, e, code, what);
	*workspace = workspace_of(&q->base, m->plan, m->config.config);
	return WPK_OK;
}

/* Replaces what was chosen, if the new one is taken. */
static enum wpk_status build(struct cudnn_call *q, const struct dnn_engine *g,
	double seconds, struct wpk_error *e)
{
	struct made m = { .plan = NULL };
	char text[300];
	double start = now();
	int64_t workspace = 0;
	enum wpk_status s = make(q, g, &m, &workspace, e);

	tell(q, g, text);
	if (!s)
		s = judge(q, text, now() - start, seconds, workspace, e);
	if (!s) {
		drop_packs(q);
		cudnn_drop(&q->base, &q->plan);
		cudnn_drop_config(&q->base, &q->config);
		q->plan = m.plan;
		q->config = m.config;
		q->chosen = *g;
		q->base.workspace = workspace;
		q->base.chosen = true;
		memcpy(q->base.text, text, sizeof text);
		return WPK_OK;
	}
	cudnn_drop(&q->base, &m.plan);
	cudnn_drop_config(&q->base, &m.config);
	return s;
}

static enum wpk_status build_locked(struct library_call *call,
	const struct dnn_engine *g, double seconds, struct wpk_error *e)
{
	enum wpk_status s;

	pthread_mutex_lock(&call->library->lock);
	s = build(own(call), g, seconds, e);
	pthread_mutex_unlock(&call->library->lock);
	return s;
}

static enum wpk_status choose(struct library_call *call, int n,
	double seconds, struct wpk_error *e)
{
	return build_locked(call, &own(call)->v[n], seconds, e);
}

static enum wpk_status take_named(struct library_call *call, const char *name,
	struct wpk_error *e)
{
	struct dnn_engine g;

	if (!cudnn_legacy_named(name, &g))
		return fail(e, WPK_E_LIBRARY, "cuDNN knows no algorithm '%s': "
			"names are such as legacy_1_tensor", name);
	return build_locked(call, &g, 0, e);
}

/* ---- pinned engines ---- */

static json_t *pin(const struct library_call *call)
{
	const struct dnn_engine *g =
		&((const struct cudnn_call *)call)->chosen;
	json_t *knobs;
	char type[30];

	if (g->legacy)
		return json_pack("{s:i, s:i, s:s}", "version",
			call->library->version, "legacy", (int)g->index,
			"math", cudnn_legacy_math(g));
	knobs = json_object();
	for (int64_t i = 0; i < g->n; i++) {
		snprintf(type, sizeof type, "%lld",
			(long long)g->knobs[i].type);
		json_object_set_new(knobs, type,
			json_integer(g->knobs[i].value));
	}
	return json_pack("{s:i, s:I, s:o}", "version", call->library->version,
		"engine", (json_int_t)g->index, "knobs", knobs);
}

static enum wpk_status take_legacy(struct library_call *call,
	const json_t *pinned, struct wpk_error *e)
{
	struct reading r = { .e = e, .where = "pinned" };
	const char *math = json_string_value(json_object_get(pinned, "math"));
	int index = field_int(&r, pinned, "legacy", 0, 99);
	struct dnn_engine g;

	if (!r.status && !cudnn_legacy_of(index, math ? math : "", &g))
		field_fails(&r, "\"math\" is '%.20s', and not tensor, default "
			"or fma", math ? math : "");
	return r.status ? r.status : build_locked(call, &g, 0, e);
}

static enum wpk_status take_engine(struct library_call *call,
	const json_t *pinned, struct wpk_error *e)
{
	struct reading r = { .e = e, .where = "pinned" };
	const json_t *knobs = field_object(&r, pinned, "knobs", true);
	struct dnn_engine g = { .index = field_int(&r, pinned, "engine", 0,
		INT32_MAX) };
	void *i = json_object_iter((json_t *)knobs);

	if (json_object_size(knobs) > DNN_KNOBS)
		field_fails(&r, "there are more than %d knobs", DNN_KNOBS);
	for (; i && !r.status; i = json_object_iter_next((json_t *)knobs, i)) {
		const char *key = json_object_iter_key(i);
		char *end;

		g.knobs[g.n].type = strtol(key, &end, 10);
		if (!*key || *end || g.knobs[g.n].type < 0)
			field_fails(&r, "knob '%.20s' is no number", key);
		g.knobs[g.n++].value = field_int(&r, knobs, key, INT64_MIN,
			INT64_MAX);
	}
	return r.status ? r.status : build_locked(call, &g, 0, e);
}

static enum wpk_status take(struct library_call *call, const json_t *pinned,
	struct wpk_error *e)
{
	return (json_object_get(pinned, "legacy") ? take_legacy : take_engine)
		(call, pinned, e);
}

/* ---- runs ---- */

static int make_pack(struct cudnn_call *q, void *const *addresses,
	void *workspace, struct dnn_pack *p)
{
	int64_t ids[DNN_TENSORS], n = 0;
	void *pointers[DNN_TENSORS];
	const struct dnn_attribute a[] = {
		{ WPK_DNN_PACK_IDS, WPK_DNN_T_INT64, 0, ids },
		{ WPK_DNN_PACK_POINTERS, WPK_DNN_T_POINTER, 0, pointers },
		{ WPK_DNN_PACK_WORKSPACE, WPK_DNN_T_POINTER, 1, &workspace },
	};
	struct dnn_attribute sized[COUNT(a)];

	for (int i = 0; i < q->g.n_tensors; i++) {
		struct dnn_tensor *t = &q->g.tensors[i];

		if (t->place < 0 && !t->constant)
			continue;
		ids[n] = i + 1;
		pointers[n++] = t->constant ? &t->value : addresses[t->place];
	}
	memcpy(sized, a, sizeof a);
	sized[0].n = sized[1].n = n;
	return cudnn_make(&q->base, WPK_DNN_PACK, sized, COUNT(a), &p->pack);
}

/* The pack for these addresses, made if it is not yet there. */
static int find_pack(struct cudnn_call *q, void *const *addresses,
	void *workspace, wpk_dnn *pack)
{
	size_t bytes = q->base.n_places * sizeof *addresses;
	struct dnn_pack *p;
	int code;

	for (int i = 0; i < DNN_PACKS; i++) {
		p = &q->packs[i];
		if (p->pack && p->addresses[CALL_PLACES] == workspace &&
		    !memcmp(p->addresses, addresses, bytes)) {
			*pack = p->pack;
			return 0;
		}
	}
	p = &q->packs[q->next];
	q->next = (q->next + 1) % DNN_PACKS;
	cudnn_drop(&q->base, &p->pack);
	code = make_pack(q, addresses, workspace, p);
	if (!code) {
		memcpy(p->addresses, addresses, bytes);
		p->addresses[CALL_PLACES] = workspace;
	}
	*pack = p->pack;
	return code;
}

static int set_stream(struct library *l, wpk_stream stream)
{
	int code;

	if (l->streamed && l->stream == stream)
		return 0;
	code = l->calls.cudnn.stream(l->handle, stream);
	l->stream = stream;
	l->streamed = !code;
	return code;
}

static int run_plan(struct cudnn_call *q, void *const *addresses,
	void *workspace)
{
	wpk_dnn pack;
	int code = find_pack(q, addresses, workspace, &pack);

	return code ? code : CALLS(&q->base)->execute(q->base.library->handle,
		q->plan, pack);
}

/* Packs are a cache, so this is const to whoever runs. */
static enum wpk_status run(const struct library_call *call,
	void *const *addresses, void *workspace, wpk_stream stream,
	struct wpk_error *e)
{
	struct cudnn_call *q = (struct cudnn_call *)(uintptr_t)call;
	struct library *l = call->library;
	int code;

	pthread_mutex_lock(&l->lock);
	code = set_stream(l, stream);
	if (!code)
		code = (q->chosen.legacy ? cudnn_legacy_run : run_plan)(q,
			addresses, workspace);
	pthread_mutex_unlock(&l->lock);
	return code ? cudnn_fails(call, e, code, "does not run") : WPK_OK;
}

const struct library_class cudnn_class = {
	.name = "cudnn", .title = "cuDNN", .environment = "WPK_LIBCUDNN",
	.files = { "libcudnn.so.9", "libcudnn_graph.so.9", "libcudnn.so" },
	.least = LEAST_VERSION, .size = sizeof(struct cudnn_call),
	.load = load, .version = version, .start = start, .stop = stop,
	.read = read_call, .describe = describe, .destroy = destroy,
	.list = cudnn_list, .choose = choose, .take = take,
	.take_named = take_named, .pin = pin, .run = run,
};
