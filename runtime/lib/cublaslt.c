/* SPDX-License-Identifier: MIT */
/* Calls of cuBLASLt: a product is described once, in layouts that runs only read.
 * An operation holds the address of its bias, so a run with one has a copy of its
 * own, on its stack. Operations may be copied: one is initialised wherever it
 * lies, and holds no address of its own (tests/unit/real_test.c looks). */
#include "runtime/lib/cublaslt.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLS(call) (&(call)->library->calls.cublaslt)

enum { LEAST_VERSION = 120000 };

static struct cublaslt_call *own(struct library_call *call)
{
	return (struct cublaslt_call *)call;
}

enum wpk_status cublaslt_fails(const struct library_call *call,
	struct wpk_error *e, int code, const char *what)
{
	enum wpk_status s = fail(e, code == WPK_LT_ALLOC_FAILED ?
		WPK_E_MEMORY : WPK_E_LIBRARY, "cuBLASLt %s: %s", what,
		CALLS(call)->status_name(code));

	if (e)
		e->cuda = code;
	return s;
}

/* ---- the library ---- */

static const char *load(struct library *l)
{
#define X(type, field, symbol, arguments) \
	*(void **)&l->calls.cublaslt.field = dlsym(l->file, symbol); \
	if (!l->calls.cublaslt.field) \
		return symbol;
	CUBLASLT_CALLS(X)
#undef X
	return NULL;
}

static int version(struct library *l)
{
	return (int)l->calls.cublaslt.version();
}

static const char *start(struct library *l)
{
	int code = l->calls.cublaslt.create(&l->handle);

	if (!code)
		return NULL;
	l->handle = NULL;
	return l->calls.cublaslt.status_name(code);
}

static void stop(struct library *l)
{
	l->calls.cublaslt.destroy(l->handle);
	l->handle = NULL;
}

/* ---- products ---- */

static enum wpk_status read_call(struct library_call *call, const json_t *j,
	struct wpk_error *e)
{
	struct cublaslt_call *q = own(call);
	enum wpk_status s = gemm_read(call, j, &q->g, e);
	bool rows = !q->g.d.columns;

	q->first = rows ? &q->g.b : &q->g.a;
	q->second = rows ? &q->g.a : &q->g.b;
	return s;
}

/* "x", or where it is in rows, its transpose: what cuBLASLt sees as a matrix in
 * columns. Whether it is the transpose of what is multiplied is told apart. */
static int describe_layout(struct cublaslt_call *q, int i,
	const struct gemm_matrix *x)
{
	const struct cublaslt_calls *c = CALLS(&q->base);
	int32_t batch = (int32_t)q->g.batch;
	int code = c->layout(&q->layouts[i], x->type->cublas,
		x->columns ? x->rows : x->cols, x->columns ? x->cols : x->rows,
		x->ld);

	if (code) {
		q->layouts[i] = NULL;
		return code;
	}
	if (batch > 1)
		code = c->set_layout(q->layouts[i], WPK_LT_LAYOUT_BATCH, &batch,
			sizeof batch);
	if (!code && batch > 1)
		code = c->set_layout(q->layouts[i], WPK_LT_LAYOUT_STRIDE,
			&x->stride, sizeof x->stride);
	return code;
}

/* No address: what it is aligned to, which is all that is looked at. */
static int describe_bias(const struct cublaslt_call *q, wpk_lt operation)
{
	const struct cublaslt_calls *c = CALLS(&q->base);
	const struct gemm_matrix *x = &q->g.bias;
	void *bias = (void *)(uintptr_t)x->align;
	int32_t type = x->type->cublas;
	int code = c->set_operation(operation, WPK_LT_DESC_BIAS, &bias,
		sizeof bias);

	if (!code)
		code = c->set_operation(operation, WPK_LT_DESC_BIAS_TYPE, &type,
			sizeof type);
	if (!code && q->g.batch > 1)
		code = c->set_operation(operation, WPK_LT_DESC_BIAS_STRIDE,
			&x->stride, sizeof x->stride);
	return code;
}

static int describe_operation(struct cublaslt_call *q)
{
	struct wpk_lt_room *room = &q->operation;
	const struct cublaslt_calls *c = CALLS(&q->base);
	int32_t sms = call_sms(q->base.context);
	uint32_t epilogue = q->g.epilogue;
	int8_t fast = 1;
	int code = c->init_operation(room, sizeof *room, q->g.compute,
		q->g.scale);

	for (int i = 0; !code && i < 2; i++)
		if (q->transposed[i])
			code = c->set_operation(room, WPK_LT_DESC_TRANSA + i,
				&q->transposed[i], sizeof q->transposed[i]);
	if (!code && epilogue != WPK_LT_EPILOGUE_DEFAULT)
		code = c->set_operation(room, WPK_LT_DESC_EPILOGUE, &epilogue,
			sizeof epilogue);
	if (!code && sms)
		code = c->set_operation(room, WPK_LT_DESC_SMS, &sms, sizeof sms);
	if (!code && q->g.fast)
		code = c->set_operation(room, WPK_LT_DESC_FAST, &fast,
			sizeof fast);
	if (!code && q->g.bias.place >= 0)
		code = describe_bias(q, room);
	return code;
}

static void set_scales(struct cublaslt_call *q)
{
	if (q->g.scale == WPK_LT_64F)
		q->one.d = 1;
	else if (q->g.scale == WPK_LT_32I)
		q->one.i = 1;
	else
		q->one.f = 1;
}

static enum wpk_status describe(struct library_call *call,
	struct wpk_error *e)
{
	struct cublaslt_call *q = own(call);
	const struct gemm_matrix *c = q->g.c.place < 0 ? &q->g.d : &q->g.c;
	const struct gemm_matrix *all[] = { q->first, q->second, c, &q->g.d };
	int code = 0;

	set_scales(q);
	q->transposed[0] = q->first->columns != q->g.d.columns;
	q->transposed[1] = q->second->columns != q->g.d.columns;
	for (int i = 0; !code && i < 4; i++)
		code = describe_layout(q, i, all[i]);
	if (!code)
		code = describe_operation(q);
	return code ? cublaslt_fails(call, e, code,
		"does not take the product") : WPK_OK;
}

static void destroy(struct library_call *call)
{
	struct cublaslt_call *q = own(call);

	for (int i = 0; i < 4; i++)
		if (q->layouts[i])
			CALLS(call)->drop_layout(q->layouts[i]);
	free(q->v);
}

/* ---- algorithms ---- */

bool cublaslt_check(struct cublaslt_call *q, const struct wpk_lt_algo *algo,
	size_t *workspace)
{
	struct wpk_lt_result r = { .workspace = 0 };
	wpk_lt *l = q->layouts;

	if (CALLS(&q->base)->check(q->base.library->handle, &q->operation,
	    l[CUBLASLT_A], l[CUBLASLT_B], l[CUBLASLT_C], l[CUBLASLT_D], algo,
	    &r) || r.state)
		return false;
	*workspace = r.workspace;
	return true;
}

struct part {
	int attribute, bytes;
	const char *name;
};

static const struct part parts[] = {
	{ WPK_LT_CONFIG_ID, 4, "algorithm" }, { WPK_LT_CONFIG_TILE, 4, "tile" },
	{ WPK_LT_CONFIG_STAGES, 4, "stages" },
	{ WPK_LT_CONFIG_SPLIT, 4, "split" },
	{ WPK_LT_CONFIG_SCHEME, 4, "scheme" },
	{ WPK_LT_CONFIG_SWIZZLE, 4, "swizzle" },
	{ WPK_LT_CONFIG_CUSTOM, 4, "custom" },
	{ WPK_LT_CONFIG_INNER, 2, "inner" },
	{ WPK_LT_CONFIG_CLUSTER, 2, "cluster" },
};

/* "algorithm 66, tile 20, stages 35": what is 0 is not told. */
static void tell(struct library_call *call, const struct wpk_lt_algo *algo)
{
	size_t n = 0, written;

	*call->text = 0;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		union {
			uint32_t whole;
			uint16_t half;
		} v = { 0 };

		if (CALLS(call)->configured(algo, parts[i].attribute, &v,
		    parts[i].bytes, &written))
			continue;
		if (parts[i].bytes == 2)
			v.whole = v.half;
		if ((v.whole || !i) && n < sizeof call->text)
			n += snprintf(call->text + n, sizeof call->text - n,
				"%s%s %u", i ? ", " : "", parts[i].name,
				v.whole);
	}
}

/* Heuristics may promise what the check does not keep. */
static enum wpk_status take_algorithm(struct cublaslt_call *q,
	const struct wpk_lt_algo *algo, struct wpk_error *e)
{
	size_t workspace, limit = q->base.context->library_workspace;

	if (!cublaslt_check(q, algo, &workspace))
		return fail(e, WPK_E_LIBRARY, "cuBLASLt: the algorithm does "
			"not serve for this product, here");
	if (workspace > limit)
		return fail(e, WPK_E_LIBRARY, "cuBLASLt: the algorithm wants "
			"%zu bytes of workspace, and %zu are the most",
			workspace, limit);
	q->chosen = (struct cublaslt_algorithm){ *algo, workspace };
	q->base.workspace = workspace;
	q->base.chosen = true;
	tell(&q->base, algo);
	return WPK_OK;
}

static enum wpk_status choose(struct library_call *call, int n,
	double seconds, struct wpk_error *e)
{
	(void)seconds;
	return take_algorithm(own(call), &own(call)->v[n].algo, e);
}

static json_t *pin(const struct library_call *call)
{
	const unsigned char *p = (const unsigned char *)
		&((const struct cublaslt_call *)call)->chosen.algo;
	char hex[2 * sizeof(struct wpk_lt_algo) + 1];

	for (size_t i = 0; i < sizeof(struct wpk_lt_algo); i++)
		sprintf(hex + 2 * i, "%02x", p[i]);
	return json_pack("{s:i, s:s}", "version", call->library->version,
		"algo", hex);
}

static bool read_hex(const char *hex, struct wpk_lt_algo *algo)
{
	unsigned char *p = (unsigned char *)algo;
	unsigned v;

	if (!hex || strlen(hex) != 2 * sizeof *algo ||
	    strspn(hex, "0123456789abcdef") != 2 * sizeof *algo)
		return false;
	for (size_t i = 0; i < sizeof *algo; i++) {
		sscanf(hex + 2 * i, "%2x", &v);
		p[i] = (unsigned char)v;
	}
	return true;
}

static enum wpk_status take(struct library_call *call, const json_t *pinned,
	struct wpk_error *e)
{
	struct wpk_lt_algo algo;

	if (!read_hex(json_string_value(json_object_get(pinned, "algo")),
	    &algo))
		return fail(e, WPK_E_PLAN, "pinned.algo is not %zu digits of "
			"hexadecimal", 2 * sizeof algo);
	return take_algorithm(own(call), &algo, e);
}

/* ---- runs ---- */

static enum wpk_status run(const struct library_call *call,
	void *const *addresses, void *workspace, wpk_stream stream,
	struct wpk_error *e)
{
	const struct cublaslt_call *q = (const struct cublaslt_call *)call;
	const struct gemm *g = &q->g;
	const void *operation = &q->operation;
	void *d = addresses[g->d.place];
	struct wpk_lt_room room;
	int code = 0;

	if (g->bias.place >= 0) {
		room = q->operation;
		operation = &room;
		code = CALLS(call)->set_operation(&room, WPK_LT_DESC_BIAS,
			&addresses[g->bias.place], sizeof *addresses);
	}
	if (!code)
		code = CALLS(call)->matmul(call->library->handle,
			(wpk_lt)operation, &q->one,
			addresses[q->first->place], q->layouts[CUBLASLT_A],
			addresses[q->second->place], q->layouts[CUBLASLT_B],
			g->c.place < 0 ? &q->zero : &q->one,
			g->c.place < 0 ? d : addresses[g->c.place],
			q->layouts[CUBLASLT_C], d, q->layouts[CUBLASLT_D],
			&q->chosen.algo, workspace, call->workspace, stream);
	return code ? cublaslt_fails(call, e, code, "does not run") : WPK_OK;
}

const struct library_class cublaslt_class = {
	.name = "cublaslt", .title = "cuBLASLt", .environment = "WPK_LIBCUBLASLT",
	.files = { "libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so" },
	.least = LEAST_VERSION, .size = sizeof(struct cublaslt_call),
	.load = load, .version = version, .start = start, .stop = stop,
	.read = read_call, .describe = describe, .destroy = destroy,
	.list = cublaslt_list, .choose = choose, .take = take, .pin = pin,
	.run = run,
};
