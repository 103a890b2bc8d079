/* SPDX-License-Identifier: MIT */
/* Convolutions by cuDNN's API of before graphs, whose algorithms are a number and a
 * type of math. What cudnnFind... lists is listed here without running anything:
 * what cuDNN's heuristic names comes first, then all others that tell a workspace
 * within the limit; who measures algorithms does so for all alike. */
#include "runtime/lib/cudnn.h"

#include <stdio.h>
#include <string.h>

#define LEGACY(q) (&(q)->base.library->calls.cudnn_legacy)
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

enum { RANKED = 32 };

/* By their place in dnn_legacy.convs. None converts f32 down. */
static const struct {
	int math;
	const char *name;
} maths[DNN_MATHS] = {
	{ WPK_DNN_MATH_TENSOR, "tensor" }, { WPK_DNN_MATH_DEFAULT, "default" },
	{ WPK_DNN_MATH_FMA, "fma" },
};

static const char *const forward[WPK_DNN_FORWARD_ALGORITHMS] = {
	"implicit_gemm", "implicit_precomp_gemm", "gemm", "direct", "fft",
	"fft_tiling", "winograd", "winograd_nonfused" };
static const char *const data[WPK_DNN_DATA_ALGORITHMS] = { "0", "1", "fft",
	"fft_tiling", "winograd", "winograd_nonfused" };
static const char *const filter[WPK_DNN_FILTER_ALGORITHMS] = { "0", "1", "fft",
	"3", "winograd", "winograd_nonfused", "fft_tiling" };

static const struct {
	const char *name;
	const char *const *names;
	int n;
} ways[] = {
	[WPK_DNN_WAY_FORWARD] = { "forward", forward, COUNT(forward) },
	[WPK_DNN_WAY_DATA] = { "backward data", data, COUNT(data) },
	[WPK_DNN_WAY_FILTER] = { "backward filter", filter, COUNT(filter) },
};

/* ---- names ---- */

static int math_named(const char *name)
{
	int i = 0;

	while (i < DNN_MATHS && strcmp(maths[i].name, name))
		i++;
	return i < DNN_MATHS ? i : -1;
}

bool cudnn_legacy_of(int index, const char *math, struct dnn_engine *g)
{
	if (index < 0 || math_named(math) < 0)
		return false;
	*g = (struct dnn_engine){ .legacy = true, .index = index,
		.math = math_named(math) };
	return true;
}

bool cudnn_legacy_named(const char *name, struct dnn_engine *g)
{
	char math[20], end;
	int index;

	return sscanf(name, "legacy_%2d_%19[a-z]%c", &index, math, &end) == 2 &&
		cudnn_legacy_of(index, math, g);
}

const char *cudnn_legacy_math(const struct dnn_engine *g)
{
	return maths[g->math].name;
}

void cudnn_legacy_tell(const struct cudnn_call *q, const struct dnn_engine *g,
	char text[300])
{
	enum wpk_dnn_way way = q->legacy.way;

	if (!q->legacy.made || g->index >= ways[way].n)
		snprintf(text, 300, "legacy %d, %s", (int)g->index,
			maths[g->math].name);
	else
		snprintf(text, 300, "legacy %d (%s %s), %s", (int)g->index,
			ways[way].name, ways[way].names[g->index],
			maths[g->math].name);
}

/* ---- descriptors ---- */

/* Of a call that never came to a library there are none. */
void cudnn_legacy_drop(struct cudnn_call *q)
{
	struct dnn_legacy *f = &q->legacy;

	for (int i = 0; i < COUNT(f->tensors); i++)
		if (f->tensors[i])
			LEGACY(q)->drop_tensor(f->tensors[i]);
	for (int i = 0; i < DNN_MATHS; i++)
		if (f->convs[i])
			LEGACY(q)->drop_conv(f->convs[i]);
	if (f->filter)
		LEGACY(q)->drop_filter(f->filter);
	if (f->activation)
		LEGACY(q)->drop_activation(f->activation);
	*f = (struct dnn_legacy){ .made = false };
}

/* What is not made is NULL, whatever cuDNN left there. */
static int created(int code, wpk_dnn *d)
{
	if (code)
		*d = NULL;
	return code;
}

static int make_tensor(const struct cudnn_call *q, const struct dnn_shape *s,
	wpk_dnn *d)
{
	int code = created(LEGACY(q)->create_tensor(d), d);

	return code ? code : LEGACY(q)->set_tensor(*d, s->type, s->n, s->dims,
		s->strides);
}

static int make_filter(struct cudnn_call *q, const struct dnn_shape *s)
{
	struct dnn_legacy *f = &q->legacy;
	int code = created(LEGACY(q)->create_filter(&f->filter), &f->filter);

	return code ? code : LEGACY(q)->set_filter(f->filter, s->type,
		f->format, s->n, s->dims);
}

static int make_conv(const struct cudnn_call *q, int math, wpk_dnn *d)
{
	const struct dnn_legacy *f = &q->legacy;
	int code = created(LEGACY(q)->create_conv(d), d);

	if (!code)
		code = LEGACY(q)->set_conv(*d, f->spatial, f->pad, f->stride,
			f->dilation, WPK_DNN_CROSS_CORRELATION,
			q->g.nodes[0].compute);
	if (!code)
		code = LEGACY(q)->set_groups(*d, f->groups);
	return code ? code : LEGACY(q)->set_math(*d, maths[math].math);
}

static int make_activation(struct cudnn_call *q)
{
	struct dnn_legacy *f = &q->legacy;
	int code = created(LEGACY(q)->create_activation(&f->activation),
		&f->activation);

	return code ? code : LEGACY(q)->set_activation(f->activation,
		f->relu ? WPK_DNN_ACTIVATION_RELU :
		WPK_DNN_ACTIVATION_IDENTITY, WPK_DNN_PROPAGATE_NAN, 0);
}

static int make_added(struct cudnn_call *q, int tensor, wpk_dnn *d)
{
	const struct dnn_tensor *t = &q->g.tensors[tensor];
	struct dnn_shape s = { .n = t->n, .type = t->type->cudnn };

	for (int i = 0; i < t->n; i++) {
		s.dims[i] = (int)t->dims[i];
		s.strides[i] = (int)t->strides[i];
	}
	return make_tensor(q, &s, d);
}

/* The filter has a place among the operands, and a descriptor of its own kind. */
static int make_all(struct cudnn_call *q)
{
	struct dnn_legacy *f = &q->legacy;
	int code = 0;

	for (int i = 0; !code && i < 3; i++)
		code = i == f->filter_at ? make_filter(q, &f->shapes[i]) :
			make_tensor(q, &f->shapes[i], &f->tensors[i]);
	for (int i = 0; !code && i < DNN_MATHS; i++)
		code = make_conv(q, i, &f->convs[i]);
	if (!code && f->bias >= 0)
		code = make_added(q, f->bias, &f->tensors[3]);
	if (!code && f->added >= 0)
		code = make_added(q, f->added, &f->tensors[4]);
	return code || f->bias < 0 ? code : make_activation(q);
}

enum wpk_status cudnn_legacy_open(struct cudnn_call *q, struct wpk_error *e)
{
	const char *why;
	int code;

	if (q->legacy.made)
		return WPK_OK;
	if (LEGACY(q)->lacks)
		return fail(e, WPK_E_LIBRARY, "this cuDNN has no legacy "
			"convolutions: it has no %s", LEGACY(q)->lacks);
	why = cudnn_legacy_form(&q->g, &q->legacy);
	if (why) {
		q->legacy = (struct dnn_legacy){ .made = false };
		return fail(e, WPK_E_LIBRARY, "cuDNN has no legacy algorithm "
			"for this: %s", why);
	}
	code = make_all(q);
	q->legacy.made = !code;
	if (!code)
		return WPK_OK;
	cudnn_fails(&q->base, e, code, "does not take the legacy convolution");
	cudnn_legacy_drop(q);
	return e ? e->status : WPK_E_LIBRARY;
}

/* ---- algorithms ---- */

static wpk_dnn operand(const struct dnn_legacy *f, int i)
{
	return i == f->filter_at ? f->filter : f->tensors[i];
}

/* NULL, or what is not allowed of it. Without activation, one algorithm alone adds
 * a bias. */
static const char *refuse(const struct cudnn_call *q,
	const struct dnn_engine *g)
{
	const struct dnn_legacy *f = &q->legacy;

	if (f->bias >= 0 && !f->relu && g->index != WPK_DNN_PRECOMP_GEMM)
		return "adds a bias only with relu";
	return maths[g->math].math != WPK_DNN_MATH_FMA && cudnn_strict(&q->g) ?
		"may round f32 to tf32" : NULL;
}

static int workspace_of(const struct cudnn_call *q, const struct dnn_engine *g,
	size_t *bytes)
{
	const struct dnn_legacy *f = &q->legacy;

	*bytes = 0;
	return LEGACY(q)->ways[f->way].workspace(q->base.library->handle,
		operand(f, 0), operand(f, 1), f->convs[g->math], operand(f, 2),
		(int)g->index, bytes);
}

static bool there(const struct dnn_engine *v, int n,
	const struct dnn_engine *g)
{
	for (int i = 0; i < n; i++)
		if (v[i].index == g->index && v[i].math == g->math)
			return true;
	return false;
}

static void offer(const struct cudnn_call *q, int index, int math,
	struct dnn_engine *v, int *n)
{
	struct dnn_engine g = { .legacy = true, .index = index, .math = math };
	size_t bytes;

	if (!there(v, *n, &g) && !refuse(q, &g) &&
	    !workspace_of(q, &g, &bytes) &&
	    bytes <= q->base.context->library_workspace)
		v[(*n)++] = g;
}

/* In the order of cuDNN's heuristic, which is no fault where it fails. */
static void offer_ranked(const struct cudnn_call *q, struct dnn_engine *v,
	int *n)
{
	const struct dnn_legacy *f = &q->legacy;
	int math = cudnn_strict(&q->g) ? math_named("fma") : 0, found = 0;
	struct wpk_dnn_perf p[RANKED];

	if (LEGACY(q)->ways[f->way].rank(q->base.library->handle,
	    operand(f, 0), operand(f, 1), f->convs[math], operand(f, 2),
	    RANKED, &found, p))
		return;
	for (int i = 0; i < found && i < RANKED; i++)
		for (int m = 0; m < DNN_MATHS; m++)
			if (!p[i].status && p[i].math == maths[m].math &&
			    p[i].algorithm >= 0 &&
			    p[i].algorithm < ways[f->way].n)
				offer(q, p[i].algorithm, m, v, n);
}

int cudnn_legacy_list(struct cudnn_call *q, struct dnn_engine v[DNN_LEGACY])
{
	struct wpk_error e;
	int n = 0;

	if (cudnn_legacy_open(q, &e))
		return 0;
	offer_ranked(q, v, &n);
	for (int i = 0; i < ways[q->legacy.way].n; i++)
		for (int m = 0; m < DNN_MATHS; m++)
			offer(q, i, m, v, &n);
	return n;
}

enum wpk_status cudnn_legacy_ready(struct cudnn_call *q,
	const struct dnn_engine *g, int64_t *workspace, struct wpk_error *e)
{
	enum wpk_status s = cudnn_legacy_open(q, e);
	char text[300], what[350];
	const char *why;
	size_t bytes;
	int code;

	if (s)
		return s;
	cudnn_legacy_tell(q, g, text);
	if (g->index >= ways[q->legacy.way].n)
		return fail(e, WPK_E_LIBRARY, "cuDNN has no %s: %d is the last",
			text, ways[q->legacy.way].n - 1);
	why = refuse(q, g);
	if (why)
		return fail(e, WPK_E_LIBRARY, "cuDNN: %s %s", text, why);
	code = workspace_of(q, g, &bytes);
	snprintf(what, sizeof what, "does not take %s", text);
	*workspace = (int64_t)bytes;
	return code ? cudnn_fails(&q->base, e, code, what) : WPK_OK;
}

/* ---- runs ---- */

static void *address(const struct cudnn_call *q, void *const *addresses,
	int tensor)
{
	return addresses[q->g.tensors[tensor].place];
}

int cudnn_legacy_run(struct cudnn_call *q, void *const *addresses,
	void *workspace)
{
	static const double wide[] = { 0, 1 };
	static const float usual[] = { 0, 1 };
	const struct dnn_legacy *f = &q->legacy;
	bool is_wide = f->shapes[0].type == WPK_DNN_DOUBLE;
	const void *zero = is_wide ? (const void *)&wide[0] : &usual[0];
	const void *one = is_wide ? (const void *)&wide[1] : &usual[1];
	wpk_dnn h = q->base.library->handle, conv = f->convs[q->chosen.math];
	int algorithm = (int)q->chosen.index;
	void *at[3];

	for (int i = 0; i < 3; i++)
		at[i] = address(q, addresses, f->operands[i]);
	if (f->bias < 0)
		return LEGACY(q)->ways[f->way].run(h, one, operand(f, 0), at[0],
			operand(f, 1), at[1], conv, algorithm, workspace,
			q->base.workspace, zero, operand(f, 2), at[2]);
	return LEGACY(q)->fused(h, one, operand(f, 0), at[0], operand(f, 1),
		at[1], conv, algorithm, workspace, q->base.workspace,
		f->added < 0 ? zero : one,
		f->added < 0 ? operand(f, 2) : f->tensors[4],
		f->added < 0 ? at[2] : address(q, addresses, f->added),
		f->tensors[3], address(q, addresses, f->bias), f->activation,
		operand(f, 2), at[2]);
}
