/* SPDX-License-Identifier: MIT */
/* The stub of cuDNN: convolutions of before graphs. Descriptors are held to their
 * kinds, extents to one another, numbers to what the documentation says; what is
 * computed is computed by libcudnn_run.c.
 *
 *	STUB_DNN_RANK=0		the heuristic is not supported
 *	STUB_DNN_UNRUN=3	that algorithm tells a workspace and does not run
 *	STUB_DNN_WRONG=1	that algorithm adds 1 to each element
 *
 * Algorithms, in each direction: 0 takes all, 1 and 3 want workspace, 2 wants more
 * than tests allow, 5 is for strides of 1 and does not use tensor cores, others
 * there are not. A type of math that may convert is
 * misuse. The heuristic names 1 on tensor cores, 2, one that failed, and one that
 * converts. */
#include <stdlib.h>

#include "tests/runtime/libcudnn.h"

#define START(name) \
	do { \
		int status = dnn_call(name); \
		if (status) \
			return status; \
	} while (0)

/* ---- descriptors ---- */

static int create(enum legacy_kind kind, wpk_dnn *d)
{
	struct legacy *x = calloc(1, sizeof *x);

	x->magic = MAGIC;
	x->kind = kind;
	x->groups = 1;
	*d = x;
	dnn_count(1);
	return 0;
}

static int drop(enum legacy_kind kind, wpk_dnn d)
{
	struct legacy *x = d;

	if (!x || x->magic != MAGIC || x->kind != kind)
		return dnn_misuse("no legacy descriptor is destroyed");
	x->magic = 0;
	free(x);
	dnn_count(0);
	return 0;
}

#define DESCRIPTOR(name, kind) \
	int cudnnCreate##name(wpk_dnn *d) \
	{ \
		START("cudnnCreate" #name); \
		return create(kind, d); \
	} \
	int cudnnDestroy##name(wpk_dnn d) \
	{ \
		return drop(kind, d); \
	}

DESCRIPTOR(TensorDescriptor, LEGACY_TENSOR)
DESCRIPTOR(FilterDescriptor, LEGACY_FILTER)
DESCRIPTOR(ConvolutionDescriptor, LEGACY_CONV)
DESCRIPTOR(ActivationDescriptor, LEGACY_ACTIVATION)

static bool is(const struct legacy *d, enum legacy_kind kind)
{
	return d && d->magic == MAGIC && d->kind == kind;
}

int cudnnSetTensorNdDescriptor(wpk_dnn p, int type, int n, const int *dims,
	const int *strides)
{
	struct legacy *d = p;

	START("cudnnSetTensorNdDescriptor");
	if (!is(d, LEGACY_TENSOR) || n < 4 || n > 5)
		return dnn_misuse("no legacy tensor is set");
	for (int i = 0; i < n; i++) {
		if (dims[i] < 1 || strides[i] < 1)
			return BAD_PARAM;
		d->dims[i] = dims[i];
		d->strides[i] = strides[i];
	}
	d->type = type;
	d->n = n;
	d->set = true;
	return 0;
}

int cudnnSetFilterNdDescriptor(wpk_dnn p, int type, int format, int n,
	const int *dims)
{
	struct legacy *d = p;
	bool last = format == WPK_DNN_NHWC;
	int by = last ? dims[1] : 1;

	START("cudnnSetFilterNdDescriptor");
	if (!is(d, LEGACY_FILTER) || n < 4 || n > 5 || format < 0 || format > 1)
		return dnn_misuse("no legacy filter is set");
	for (int i = n; i-- > 0;) {
		d->dims[i] = dims[i];
		d->strides[i] = last && i == 1 ? 1 : by;
		by *= last && i == 1 ? 1 : dims[i];
	}
	d->type = type;
	d->n = n;
	d->set = true;
	return 0;
}

int cudnnSetConvolutionNdDescriptor(wpk_dnn p, int n, const int *pad,
	const int *stride, const int *dilation, int mode, int type)
{
	struct legacy *d = p;

	START("cudnnSetConvolutionNdDescriptor");
	if (!is(d, LEGACY_CONV) || n < 2 || n > 3 ||
	    mode != WPK_DNN_CROSS_CORRELATION)
		return dnn_misuse("no legacy convolution is set");
	for (int i = 0; i < n; i++) {
		d->pad[i] = pad[i];
		d->stride[i] = stride[i];
		d->dilation[i] = dilation[i];
	}
	d->type = type;
	d->n = n;
	d->set = true;
	return 0;
}

int cudnnSetConvolutionGroupCount(wpk_dnn p, int groups)
{
	START("cudnnSetConvolutionGroupCount");
	((struct legacy *)p)->groups = groups;
	return groups < 1 ? BAD_PARAM : 0;
}

int cudnnSetConvolutionMathType(wpk_dnn p, int math)
{
	START("cudnnSetConvolutionMathType");
	if (math == WPK_DNN_MATH_CONVERT)
		return dnn_misuse("inputs may be converted");
	((struct legacy *)p)->math = math;
	return 0;
}

int cudnnSetActivationDescriptor(wpk_dnn p, int mode, int nan, double number)
{
	struct legacy *d = p;

	START("cudnnSetActivationDescriptor");
	if (!is(d, LEGACY_ACTIVATION) || nan != WPK_DNN_PROPAGATE_NAN ||
	    number != 0)
		return dnn_misuse("no legacy activation is set");
	d->mode = mode;
	d->set = true;
	return 0;
}

/* ---- what goes together ---- */

/* Which operands are the greater image, the smaller, and the filter. */
static const int roles[WPK_DNN_WAYS][3] = {
	[WPK_DNN_WAY_FORWARD] = { 0, 2, 1 }, [WPK_DNN_WAY_DATA] = { 2, 1, 0 },
	[WPK_DNN_WAY_FILTER] = { 0, 1, 2 },
};

static int check_extents(const struct legacy *const *d,
	const struct legacy *conv, enum wpk_dnn_way way)
{
	const struct legacy *big = d[roles[way][0]], *small = d[roles[way][1]];
	const struct legacy *w = d[roles[way][2]];

	if (big->n != w->n || small->n != w->n || conv->n != w->n - 2 ||
	    big->dims[0] != small->dims[0] || small->dims[1] != w->dims[0] ||
	    big->dims[1] != w->dims[1] * conv->groups ||
	    w->dims[0] % conv->groups)
		return BAD_PARAM;
	for (int i = 0; i < conv->n; i++)
		if (small->dims[i + 2] != (big->dims[i + 2] +
		    2 * conv->pad[i] - conv->dilation[i] *
		    (w->dims[i + 2] - 1) - 1) / conv->stride[i] + 1)
			return BAD_PARAM;
	return 0;
}

static int check_all(const struct legacy *const *d, const struct legacy *conv,
	enum wpk_dnn_way way)
{
	for (int i = 0; i < 3; i++)
		if (!is(d[i], i == roles[way][2] ? LEGACY_FILTER :
		    LEGACY_TENSOR) || !d[i]->set)
			return dnn_misuse("a legacy operand is of another kind");
	if (!is(conv, LEGACY_CONV) || !conv->set)
		return dnn_misuse("no legacy convolution");
	if (check_extents(d, conv, way))
		return dnn_misuse("legacy extents do not go together");
	for (int i = 1; i < 3; i++)
		if (d[i]->type != d[0]->type)
			return NOT_SUPPORTED;
	return d[0]->type == WPK_DNN_E4M3 || d[0]->type == WPK_DNN_E5M2 ||
		d[0]->type == WPK_DNN_INT8 ? NOT_SUPPORTED : 0;
}

static int workspace_of(const struct legacy *conv, int algorithm, size_t *bytes)
{
	static const size_t sizes[] = { 0, 768, 1 << 24, 64, 0, 0 };
	bool moves = false;

	for (int i = 0; i < conv->n; i++)
		moves = moves || conv->stride[i] > 1;
	if (algorithm < 0 || algorithm == 4 || algorithm > 5 ||
	    (algorithm == 5 && (moves || conv->math == WPK_DNN_MATH_TENSOR)))
		return NOT_SUPPORTED;
	*bytes = sizes[algorithm];
	return 0;
}

static int rank(const struct legacy *const *d, const struct legacy *conv,
	enum wpk_dnn_way way, int room, int *n, struct wpk_dnn_perf *p)
{
	static const struct wpk_dnn_perf named[] = {
		{ .algorithm = 1, .math = WPK_DNN_MATH_TENSOR },
		{ .algorithm = 2, .math = WPK_DNN_MATH_FMA },
		{ .algorithm = 5, .math = WPK_DNN_MATH_FMA,
			.status = NOT_SUPPORTED },
		{ .algorithm = 1, .math = WPK_DNN_MATH_CONVERT },
		{ .algorithm = 0, .math = WPK_DNN_MATH_FMA } };
	const char *off = getenv("STUB_DNN_RANK");
	int code = check_all(d, conv, way);

	if (code || off)
		return code ? code : NOT_SUPPORTED;
	for (*n = 0; *n < room && *n < 5; ++*n)
		p[*n] = named[*n];
	return 0;
}

/* ---- runs ---- */

static bool is_number(const void *p, const struct legacy *y, double v)
{
	return (y->type == WPK_DNN_DOUBLE ? *(const double *)p :
		*(const float *)p) == v;
}

static int run(struct handle *h, struct legacy_run *r, int algorithm)
{
	const char *off = getenv("STUB_DNN_UNRUN");
	const char *wrong = getenv("STUB_DNN_WRONG");
	size_t wants = 0;
	int code = check_all(r->d, r->conv, r->way);

	if (!code)
		code = workspace_of(r->conv, algorithm, &wants);
	if (code || (off && atoi(off) == algorithm))
		return code ? code : NOT_SUPPORTED;
	if (r->bytes < wants || (wants && !r->workspace))
		return dnn_misuse("legacy workspace is missing");
	r->bytes = wants;
	r->wrong = wrong && atoi(wrong) == algorithm;
	return dnn_queue(h, run_legacy(r));
}

/* Arguments are named by their places: operands a and b, result c. */
#define WAY(name, which) \
	int cudnnGetConvolution##name##Algorithm_v7(wpk_dnn h, wpk_dnn a, \
		wpk_dnn b, wpk_dnn conv, wpk_dnn c, int room, int *n, \
		struct wpk_dnn_perf *p) \
	{ \
		const struct legacy *d[] = { a, b, c }; \
		(void)h; \
		START("cudnnGetConvolution" #name "Algorithm_v7"); \
		return rank(d, conv, which, room, n, p); \
	} \
	int cudnnGetConvolution##name##WorkspaceSize(wpk_dnn h, wpk_dnn a, \
		wpk_dnn b, wpk_dnn conv, wpk_dnn c, int algorithm, \
		size_t *bytes) \
	{ \
		const struct legacy *d[] = { a, b, c }; \
		int code; \
		(void)h; \
		START("cudnnGetConvolution" #name "WorkspaceSize"); \
		code = check_all(d, conv, which); \
		return code ? code : workspace_of(conv, algorithm, bytes); \
	} \
	int cudnnConvolution##name(wpk_dnn h, const void *alpha, wpk_dnn a, \
		const void *at, wpk_dnn b, const void *bt, wpk_dnn conv, \
		int algorithm, void *workspace, size_t bytes, \
		const void *beta, wpk_dnn c, void *ct) \
	{ \
		struct legacy_run r = { .way = which, .d = { a, b, c }, \
			.conv = conv, .at = { at, bt, ct }, \
			.workspace = workspace, .bytes = bytes }; \
		START("cudnnConvolution" #name); \
		if (!is_number(alpha, a, 1) || !is_number(beta, a, 0)) \
			return dnn_misuse("a legacy result is scaled"); \
		return run(h, &r, algorithm); \
	}

WAY(Forward, WPK_DNN_WAY_FORWARD)
WAY(BackwardData, WPK_DNN_WAY_DATA)
WAY(BackwardFilter, WPK_DNN_WAY_FILTER)

int cudnnConvolutionBiasActivationForward(wpk_dnn h, const void *alpha,
	wpk_dnn x, const void *x_at, wpk_dnn w, const void *w_at, wpk_dnn conv,
	int algorithm, void *workspace, size_t bytes, const void *alpha2,
	wpk_dnn z, const void *z_at, wpk_dnn bias, const void *bias_at,
	wpk_dnn activation, wpk_dnn y, void *y_at)
{
	const struct legacy *act = activation, *b = bias;
	struct legacy_run r = { .way = WPK_DNN_WAY_FORWARD, .d = { x, w, y },
		.conv = conv, .at = { x_at, w_at, y_at }, .bias = b,
		.bias_at = bias_at, .added_at = z_at, .workspace = workspace,
		.bytes = bytes };

	START("cudnnConvolutionBiasActivationForward");
	if (!is(act, LEGACY_ACTIVATION) || !act->set || !is(b, LEGACY_TENSOR) ||
	    !b->set || b->dims[1] != r.d[2]->dims[1] || !is(z, LEGACY_TENSOR))
		return dnn_misuse("a legacy bias or activation is none");
	if (!is_number(alpha, x, 1))
		return dnn_misuse("a legacy result is scaled");
	r.added = is_number(alpha2, x, 0) ? NULL : z;
	r.relu = act->mode == WPK_DNN_ACTIVATION_RELU;
	if (!r.relu && (act->mode != WPK_DNN_ACTIVATION_IDENTITY ||
	    algorithm != WPK_DNN_PRECOMP_GEMM))
		return NOT_SUPPORTED;
	return run(h, &r, algorithm);
}
