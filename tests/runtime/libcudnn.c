/* SPDX-License-Identifier: MIT */
/* A cuDNN for tests, its backend API here, and its legacy convolutions in
 * libcudnn_legacy.c: both are computed by libcudnn_run.c, in the
 * stream where the driver is the emulator, and addresses are the host's.
 * Attributes are held to their types and counts, descriptors to their order:
 * finalised before use, used before they are destroyed.
 *
 *	STUB_FAIL		stub.h
 *	STUB_DNN_VERSION=80900	another version
 *	STUB_DNN_MORE=4096	plans ask for so much more workspace than their
 *				configurations said
 *	STUB_DNN_NEGATIVE=1	plans ask for -5 bytes
 *	STUB_DNN_SPOILT=1	engine 1 builds no plan
 *	STUB_DNN_SLOW=5.5	engine 4 takes so many seconds to build one
 *
 * Engines: 0 takes all and has no knobs, 1 has a tile size 0 to 3 and wants
 * workspace, 2 has stages 2 to 4 and runs on tensor cores, 3 converts its inputs
 * down, 4 may be slow, 5 adds in less than f32, 6 takes products alone. Compiled
 * with -DLACKS it has no cudnnBackendExecute. */
#include "tests/runtime/libcudnn.h"

#include <unistd.h>

#include "tests/runtime/stub.h"

enum { ENGINES = 7 };

#define START(name) \
	do { \
		int status = stub_call(name); \
		if (status) \
			return status; \
	} while (0)

int dnn_call(const char *name)
{
	return stub_call(name);
}

int dnn_misuse(const char *what)
{
	return stub_misuse("%s", what), BAD_PARAM;
}

void dnn_count(int born)
{
	born ? stub_born() : stub_died();
}

int dnn_queue(struct handle *h, void *run)
{
	__atomic_store_n(&stub_stream, h->stream, __ATOMIC_SEQ_CST);
	if (stub_queue(h->stream, compute, run))
		return EXECUTION_FAILED;
	stub_ran();
	return 0;
}

/* ---- the library ---- */

size_t cudnnGetVersion(void)
{
	return stub_number_of("STUB_DNN_VERSION", 91900);
}

const char *cudnnGetErrorString(int status)
{
	return status == 0 ? "CUDNN_STATUS_SUCCESS" :
		status == 1001 ? "CUDNN_STATUS_NOT_INITIALIZED" :
		status == NOT_SUPPORTED ? "CUDNN_STATUS_NOT_SUPPORTED" :
		status == NOT_FINALIZED ? "CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED"
		: status == WPK_DNN_HOST_MEMORY ?
		"CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED" :
		status == EXECUTION_FAILED ? "CUDNN_STATUS_EXECUTION_FAILED" :
		"CUDNN_STATUS_BAD_PARAM";
}

void cudnnGetLastErrorString(char *to, size_t room)
{
	snprintf(to, room, "as the stub was told\nsecond line");
}

int cudnnCreate(wpk_dnn *h)
{
	struct handle *x;

	START("cudnnCreate");
	*h = x = calloc(1, sizeof *x);
	x->magic = MAGIC;
	stub_born();
	return 0;
}

int cudnnDestroy(wpk_dnn h)
{
	if (((struct handle *)h)->magic != MAGIC)
		return stub_misuse("no handle is destroyed"), BAD_PARAM;
	free(h);
	stub_died();
	return 0;
}

int cudnnSetStream(wpk_dnn h, void *stream)
{
	START("cudnnSetStream");
	((struct handle *)h)->stream = stream;
	return 0;
}

/* ---- descriptors ---- */

const void *attribute_of(const struct descriptor *d, int name, int64_t *n)
{
	for (int i = 0; i < d->n; i++)
		if (d->a[i].name == name) {
			*n = d->a[i].n;
			return d->a[i].v;
		}
	*n = 0;
	return NULL;
}

int64_t number_of(const struct descriptor *d, int name)
{
	int64_t n;
	const int64_t *v = attribute_of(d, name, &n);

	return v ? *v : 0;
}

int int_of(const struct descriptor *d, int name)
{
	int64_t n;
	const int *v = attribute_of(d, name, &n);

	return v ? *v : -1;
}

struct descriptor *child_of(const struct descriptor *d, int name)
{
	int64_t n;
	struct descriptor *const *v = attribute_of(d, name, &n);

	return v ? *v : NULL;
}

int type_named(int cudnn)
{
	static const int numbers[N_TYPES] = { WPK_DNN_HALF, WPK_DNN_BFLOAT16,
		WPK_DNN_FLOAT, WPK_DNN_DOUBLE, WPK_DNN_INT8, WPK_DNN_UINT8,
		WPK_DNN_INT32, WPK_DNN_E4M3, WPK_DNN_E5M2 };

	for (int i = 0; i < N_TYPES; i++)
		if (numbers[i] == cudnn)
			return i;
	return -1;
}

int cudnnBackendCreateDescriptor(int kind, wpk_dnn *d)
{
	struct descriptor *x;

	START("cudnnBackendCreateDescriptor");
	*d = x = calloc(1, sizeof *x);
	x->magic = MAGIC;
	x->kind = kind;
	stub_born();
	return 0;
}

int cudnnBackendDestroyDescriptor(wpk_dnn p)
{
	struct descriptor *d = p;

	if (d->magic != MAGIC)
		return stub_misuse("no descriptor is destroyed"), BAD_PARAM;
	if (d->users)
		return stub_misuse("kind %d is destroyed in use", d->kind),
			BAD_PARAM;
	for (int i = 0; i < d->n; i++) {
		if (d->a[i].type == WPK_DNN_T_DESCRIPTOR)
			for (int64_t k = 0; k < d->a[i].n; k++)
				((struct descriptor **)d->a[i].v)[k]->users--;
		free(d->a[i].v);
	}
	d->magic = 0;
	free(d);
	stub_died();
	return 0;
}

static const size_t sizes[] = { [WPK_DNN_T_HANDLE] = 8,
	[WPK_DNN_T_DATA_TYPE] = 4, [WPK_DNN_T_BOOLEAN] = 1,
	[WPK_DNN_T_INT64] = 8, [WPK_DNN_T_FLOAT] = 4, [WPK_DNN_T_DOUBLE] = 8,
	[WPK_DNN_T_POINTER] = 8, [WPK_DNN_T_CONVOLUTION_MODE] = 4,
	[WPK_DNN_T_HEUR_MODE] = 4, [WPK_DNN_T_KNOB] = 4,
	[WPK_DNN_T_POINTWISE_MODE] = 4, [WPK_DNN_T_DESCRIPTOR] = 8,
	[WPK_DNN_T_INT32] = 4 };

/* Attribute, its kind of descriptor, its type; "many": more than one. */
static const struct {
	int name, kind, type;
	bool many;
} rules[] = {
	{ WPK_DNN_POINTWISE_MODE, WPK_DNN_POINTWISE, WPK_DNN_T_POINTWISE_MODE, 0 },
	{ WPK_DNN_POINTWISE_PRECISION, WPK_DNN_POINTWISE, WPK_DNN_T_DATA_TYPE, 0 },
	{ WPK_DNN_POINTWISE_LOWER, WPK_DNN_POINTWISE, WPK_DNN_T_DOUBLE, 0 },
	{ WPK_DNN_POINTWISE_UPPER, WPK_DNN_POINTWISE, WPK_DNN_T_DOUBLE, 0 },
	{ WPK_DNN_POINTWISE_SLOPE, WPK_DNN_POINTWISE, WPK_DNN_T_DOUBLE, 0 },
	{ WPK_DNN_POINTWISE_ELU_ALPHA, WPK_DNN_POINTWISE, WPK_DNN_T_DOUBLE, 0 },
	{ WPK_DNN_POINTWISE_SOFTPLUS_BETA, WPK_DNN_POINTWISE, WPK_DNN_T_DOUBLE,
		0 },
	{ WPK_DNN_POINTWISE_SWISH_BETA, WPK_DNN_POINTWISE, WPK_DNN_T_DOUBLE, 0 },
	{ WPK_DNN_CONVOLUTION_COMPUTE, WPK_DNN_CONVOLUTION, WPK_DNN_T_DATA_TYPE,
		0 },
	{ WPK_DNN_CONVOLUTION_MODE, WPK_DNN_CONVOLUTION,
		WPK_DNN_T_CONVOLUTION_MODE, 0 },
	{ WPK_DNN_CONVOLUTION_DILATIONS, WPK_DNN_CONVOLUTION, WPK_DNN_T_INT64, 1 },
	{ WPK_DNN_CONVOLUTION_STRIDES, WPK_DNN_CONVOLUTION, WPK_DNN_T_INT64, 1 },
	{ WPK_DNN_CONVOLUTION_POST, WPK_DNN_CONVOLUTION, WPK_DNN_T_INT64, 1 },
	{ WPK_DNN_CONVOLUTION_PRE, WPK_DNN_CONVOLUTION, WPK_DNN_T_INT64, 1 },
	{ WPK_DNN_CONVOLUTION_SPATIAL, WPK_DNN_CONVOLUTION, WPK_DNN_T_INT64, 0 },
	{ WPK_DNN_HEURISTIC_MODE, WPK_DNN_HEURISTIC, WPK_DNN_T_HEUR_MODE, 0 },
	{ WPK_DNN_HEURISTIC_GRAPH, WPK_DNN_HEURISTIC, WPK_DNN_T_DESCRIPTOR, 0 },
	{ WPK_DNN_HEURISTIC_SMS, WPK_DNN_HEURISTIC, WPK_DNN_T_INT32, 0 },
	{ WPK_DNN_CONFIG_ENGINE, WPK_DNN_CONFIG, WPK_DNN_T_DESCRIPTOR, 0 },
	{ WPK_DNN_CONFIG_CHOICES, WPK_DNN_CONFIG, WPK_DNN_T_DESCRIPTOR, 1 },
	{ WPK_DNN_PLAN_HANDLE, WPK_DNN_PLAN, WPK_DNN_T_HANDLE, 0 },
	{ WPK_DNN_PLAN_CONFIG, WPK_DNN_PLAN, WPK_DNN_T_DESCRIPTOR, 0 },
	{ WPK_DNN_CHOICE_TYPE, WPK_DNN_KNOB_CHOICE, WPK_DNN_T_KNOB, 0 },
	{ WPK_DNN_CHOICE_VALUE, WPK_DNN_KNOB_CHOICE, WPK_DNN_T_INT64, 0 },
	{ WPK_DNN_FORWARD_ALPHA, WPK_DNN_OPERATION_FORWARD, -1, 0 },
	{ WPK_DNN_FORWARD_BETA, WPK_DNN_OPERATION_FORWARD, -1, 0 },
	{ WPK_DNN_FORWARD_CONVOLUTION, WPK_DNN_OPERATION_FORWARD,
		WPK_DNN_T_DESCRIPTOR, 0 },
	{ WPK_DNN_FORWARD_W, WPK_DNN_OPERATION_FORWARD, WPK_DNN_T_DESCRIPTOR, 0 },
	{ WPK_DNN_FORWARD_X, WPK_DNN_OPERATION_FORWARD, WPK_DNN_T_DESCRIPTOR, 0 },
	{ WPK_DNN_FORWARD_Y, WPK_DNN_OPERATION_FORWARD, WPK_DNN_T_DESCRIPTOR, 0 },
	{ WPK_DNN_BACKWARD_ALPHA, WPK_DNN_OPERATION_BACKWARD, -1, 0 },
	{ WPK_DNN_BACKWARD_BETA, WPK_DNN_OPERATION_BACKWARD, -1, 0 },
	{ WPK_DNN_BACKWARD_CONVOLUTION, WPK_DNN_OPERATION_BACKWARD,
		WPK_DNN_T_DESCRIPTOR, 0 },
	{ WPK_DNN_BACKWARD_W, WPK_DNN_OPERATION_BACKWARD, WPK_DNN_T_DESCRIPTOR,
		0 },
	{ WPK_DNN_BACKWARD_DX, WPK_DNN_OPERATION_BACKWARD, WPK_DNN_T_DESCRIPTOR,
		0 },
	{ WPK_DNN_BACKWARD_DY, WPK_DNN_OPERATION_BACKWARD, WPK_DNN_T_DESCRIPTOR,
		0 },
	{ WPK_DNN_APPLY_POINTWISE, WPK_DNN_OPERATION_POINTWISE,
		WPK_DNN_T_DESCRIPTOR, 0 },
	{ WPK_DNN_APPLY_X, WPK_DNN_OPERATION_POINTWISE, WPK_DNN_T_DESCRIPTOR, 0 },
	{ WPK_DNN_APPLY_B, WPK_DNN_OPERATION_POINTWISE, WPK_DNN_T_DESCRIPTOR, 0 },
	{ WPK_DNN_APPLY_Y, WPK_DNN_OPERATION_POINTWISE, WPK_DNN_T_DESCRIPTOR, 0 },
	{ WPK_DNN_GRAPH_HANDLE, WPK_DNN_GRAPH, WPK_DNN_T_HANDLE, 0 },
	{ WPK_DNN_GRAPH_OPERATIONS, WPK_DNN_GRAPH, WPK_DNN_T_DESCRIPTOR, 1 },
	{ WPK_DNN_TENSOR_ALIGNMENT, WPK_DNN_TENSOR, WPK_DNN_T_INT64, 0 },
	{ WPK_DNN_TENSOR_TYPE, WPK_DNN_TENSOR, WPK_DNN_T_DATA_TYPE, 0 },
	{ WPK_DNN_TENSOR_DIMENSIONS, WPK_DNN_TENSOR, WPK_DNN_T_INT64, 1 },
	{ WPK_DNN_TENSOR_STRIDES, WPK_DNN_TENSOR, WPK_DNN_T_INT64, 1 },
	{ WPK_DNN_TENSOR_ID, WPK_DNN_TENSOR, WPK_DNN_T_INT64, 0 },
	{ WPK_DNN_TENSOR_VIRTUAL, WPK_DNN_TENSOR, WPK_DNN_T_BOOLEAN, 0 },
	{ WPK_DNN_TENSOR_BY_VALUE, WPK_DNN_TENSOR, WPK_DNN_T_BOOLEAN, 0 },
	{ WPK_DNN_PACK_IDS, WPK_DNN_PACK, WPK_DNN_T_INT64, 1 },
	{ WPK_DNN_PACK_POINTERS, WPK_DNN_PACK, WPK_DNN_T_POINTER, 1 },
	{ WPK_DNN_PACK_WORKSPACE, WPK_DNN_PACK, WPK_DNN_T_POINTER, 0 },
	{ WPK_DNN_ENGINE_GRAPH, WPK_DNN_ENGINE, WPK_DNN_T_DESCRIPTOR, 0 },
	{ WPK_DNN_ENGINE_INDEX, WPK_DNN_ENGINE, WPK_DNN_T_INT64, 0 },
	{ WPK_DNN_MATMUL_COMPUTE, WPK_DNN_MATMUL, WPK_DNN_T_DATA_TYPE, 0 },
	{ WPK_DNN_PRODUCT_A, WPK_DNN_OPERATION_MATMUL, WPK_DNN_T_DESCRIPTOR, 0 },
	{ WPK_DNN_PRODUCT_B, WPK_DNN_OPERATION_MATMUL, WPK_DNN_T_DESCRIPTOR, 0 },
	{ WPK_DNN_PRODUCT_C, WPK_DNN_OPERATION_MATMUL, WPK_DNN_T_DESCRIPTOR, 0 },
	{ WPK_DNN_PRODUCT_MATMUL, WPK_DNN_OPERATION_MATMUL, WPK_DNN_T_DESCRIPTOR,
		0 },
};

static bool allowed(int kind, int name, int type, int64_t n)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (rules[i].name == name && rules[i].kind == kind)
			return (rules[i].many ? n >= 1 : n == 1) &&
				(rules[i].type == type || (rules[i].type < 0 &&
				(type == WPK_DNN_T_FLOAT ||
				type == WPK_DNN_T_DOUBLE)));
	return false;
}

static bool adopt(struct descriptor *const *v, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		if (!v[i] || v[i]->magic != MAGIC || !v[i]->done)
			return false;
	for (int64_t i = 0; i < n; i++)
		v[i]->users++;
	return true;
}

int cudnnBackendSetAttribute(wpk_dnn p, int name, int type, int64_t n,
	const void *v)
{
	struct descriptor *d = p;
	struct attribute *a = &d->a[d->n];

	START("cudnnBackendSetAttribute");
	if (d->magic != MAGIC || d->done || !v || d->n == ATTRIBUTES ||
	    !allowed(d->kind, name, type, n))
		return stub_misuse("kind %d, attribute %d, type %d, %ld of them",
			d->kind, name, type, (long)n), BAD_PARAM;
	if (type == WPK_DNN_T_DESCRIPTOR && !adopt(v, n))
		return stub_misuse("attribute %d is not finalised", name),
			NOT_FINALIZED;
	*a = (struct attribute){ name, type, n, malloc(n * sizes[type]) };
	memcpy(a->v, v, n * sizes[type]);
	d->n++;
	return 0;
}

/* ---- engines ---- */

static bool supports(const struct descriptor *graph, int64_t index)
{
	int64_t n;
	struct descriptor *const *ops = attribute_of(graph,
		WPK_DNN_GRAPH_OPERATIONS, &n);

	return index >= 0 && index < ENGINES &&
		(index != 6 || ops[0]->kind == WPK_DNN_OPERATION_MATMUL);
}

static void knob_range(int64_t index, int64_t *type, int64_t *least,
	int64_t *most)
{
	*type = index == 1 ? 2 : index == 2 ? 14 : -1;
	*least = index == 1 ? 0 : 2;
	*most = index == 1 ? 3 : 4;
}

static int finish_config(struct descriptor *d)
{
	struct descriptor *engine = child_of(d, WPK_DNN_CONFIG_ENGINE);
	int64_t type, least, most, n;
	struct descriptor *const *c = attribute_of(d, WPK_DNN_CONFIG_CHOICES,
		&n);

	d->index = engine->index;
	d->graph = engine->graph;
	knob_range(d->index, &type, &least, &most);
	for (int64_t i = 0; i < n; i++) {
		d->types[i] = int_of(c[i], WPK_DNN_CHOICE_TYPE);
		d->values[i] = number_of(c[i], WPK_DNN_CHOICE_VALUE);
		if (d->types[i] != type || d->values[i] < least ||
		    d->values[i] > most)
			return NOT_SUPPORTED;
	}
	d->n_knobs = n;
	return 0;
}

static int64_t workspace_of(const struct descriptor *d)
{
	return d->index == 1 ? 512 * (1 + (d->n_knobs ? d->values[0] : 0)) : 0;
}

static int finish_plan(struct descriptor *d)
{
	struct descriptor *config = child_of(d, WPK_DNN_PLAN_CONFIG);
	const char *slow = getenv("STUB_DNN_SLOW");

	d->index = config->index;
	d->graph = config->graph;
	d->n_knobs = config->n_knobs;
	memcpy(d->values, config->values, sizeof d->values);
	if (d->index == stub_number_of("STUB_DNN_SPOILT", -1))
		return NOT_SUPPORTED;
	if (d->index == 4 && slow)
		usleep((useconds_t)(1e6 * atof(slow)));
	return 0;
}

int cudnnBackendFinalize(wpk_dnn p)
{
	struct descriptor *d = p;
	int code;

	START("cudnnBackendFinalize");
	if (d->magic != MAGIC || d->done)
		return stub_misuse("kind %d is finalised again", d->kind),
			BAD_PARAM;
	code = check(d);
	if (code)
		return code;
	if (d->kind == WPK_DNN_ENGINE) {
		d->graph = child_of(d, WPK_DNN_ENGINE_GRAPH);
		d->index = number_of(d, WPK_DNN_ENGINE_INDEX);
		if (!supports(d->graph, d->index))
			return NOT_SUPPORTED;
	}
	if (d->kind == WPK_DNN_HEURISTIC)
		stub_sms = int_of(d, WPK_DNN_HEURISTIC_SMS);
	if (d->kind == WPK_DNN_CONFIG)
		code = finish_config(d);
	if (d->kind == WPK_DNN_PLAN)
		code = finish_plan(d);
	d->done = !code;
	return code;
}

/* ---- what is told ---- */

/* Engines of the heuristics, with the one knob that they have; ends with -1. */
static const struct {
	int engine, knob, value;
} lists[][5] = {
	[WPK_DNN_MODE_A] = { { 1, 2, 2 }, { 0, -1, 0 }, { 4, -1, 0 },
		{ -1, 0, 0 } },
	[WPK_DNN_MODE_B] = { { 2, 14, 3 }, { 1, 2, 2 }, { 3, -1, 0 },
		{ -1, 0, 0 } },
	[WPK_DNN_MODE_FALLBACK] = { { 0, -1, 0 }, { -1, 0, 0 } },
};

static int64_t told(const struct descriptor *d, int name,
	struct descriptor **v, int64_t room)
{
	int mode = int_of(d, WPK_DNN_HEURISTIC_MODE);
	int64_t n = 0, type, least, most;

	knob_range(d->index, &type, &least, &most);
	if (name == WPK_DNN_HEURISTIC_RESULTS)
		for (; lists[mode][n].engine >= 0; n++) {
			if (n >= room)
				continue;
			v[n]->index = lists[mode][n].engine;
			v[n]->graph = child_of(d, WPK_DNN_HEURISTIC_GRAPH);
			v[n]->n_knobs = lists[mode][n].knob >= 0;
			v[n]->types[0] = lists[mode][n].knob;
			v[n]->values[0] = lists[mode][n].value;
		}
	else if (name == WPK_DNN_CONFIG_CHOICES && room)
		for (; n < d->n_knobs; n++)
			if (n < room) {
				v[n]->types[0] = d->types[n];
				v[n]->values[0] = d->values[n];
			}
	if (name == WPK_DNN_CONFIG_ENGINE || name == WPK_DNN_ENGINE_KNOBS)
		n = name == WPK_DNN_CONFIG_ENGINE || type >= 0;
	if (name != WPK_DNN_HEURISTIC_RESULTS && n && room)
		v[0]->index = d->index;
	for (int64_t i = 0; i < n && i < room; i++)
		v[i]->done = true;
	return n;
}

static int64_t number_told(const struct descriptor *d, int name)
{
	int64_t type, least, most;

	knob_range(d->index, &type, &least, &most);
	switch (name) {
	case WPK_DNN_GRAPH_ENGINES: return ENGINES;
	case WPK_DNN_ENGINE_INDEX: return d->index;
	case WPK_DNN_KNOB_TYPE: return type;
	case WPK_DNN_KNOB_LEAST: return least;
	case WPK_DNN_KNOB_MOST: return most;
	case WPK_DNN_KNOB_STRIDE: return 1;
	case WPK_DNN_CHOICE_TYPE: return d->types[0];
	case WPK_DNN_CHOICE_VALUE: return d->values[0];
	case WPK_DNN_CONFIG_WORKSPACE: return workspace_of(d);
	default: return stub_number_of("STUB_DNN_NEGATIVE", 0) ? -5 :
		workspace_of(d) + stub_number_of("STUB_DNN_MORE", 0);
	}
}

/* Attribute, descriptor, type; kind of the descriptors that are given. */
static const struct {
	int name, kind, type, of;
} readable[] = {
	{ WPK_DNN_GRAPH_ENGINES, WPK_DNN_GRAPH, WPK_DNN_T_INT64, 0 },
	{ WPK_DNN_HEURISTIC_RESULTS, WPK_DNN_HEURISTIC, WPK_DNN_T_DESCRIPTOR,
		WPK_DNN_CONFIG },
	{ WPK_DNN_CONFIG_ENGINE, WPK_DNN_CONFIG, WPK_DNN_T_DESCRIPTOR,
		WPK_DNN_ENGINE },
	{ WPK_DNN_CONFIG_CHOICES, WPK_DNN_CONFIG, WPK_DNN_T_DESCRIPTOR,
		WPK_DNN_KNOB_CHOICE },
	{ WPK_DNN_CONFIG_WORKSPACE, WPK_DNN_CONFIG, WPK_DNN_T_INT64, 0 },
	{ WPK_DNN_CHOICE_TYPE, WPK_DNN_KNOB_CHOICE, WPK_DNN_T_KNOB, 0 },
	{ WPK_DNN_CHOICE_VALUE, WPK_DNN_KNOB_CHOICE, WPK_DNN_T_INT64, 0 },
	{ WPK_DNN_ENGINE_INDEX, WPK_DNN_ENGINE, WPK_DNN_T_INT64, 0 },
	{ WPK_DNN_ENGINE_NOTES, WPK_DNN_ENGINE, WPK_DNN_T_NOTE, 0 },
	{ WPK_DNN_ENGINE_KNOBS, WPK_DNN_ENGINE, WPK_DNN_T_DESCRIPTOR,
		WPK_DNN_KNOB_INFO },
	{ WPK_DNN_KNOB_TYPE, WPK_DNN_KNOB_INFO, WPK_DNN_T_KNOB, 0 },
	{ WPK_DNN_KNOB_MOST, WPK_DNN_KNOB_INFO, WPK_DNN_T_INT64, 0 },
	{ WPK_DNN_KNOB_LEAST, WPK_DNN_KNOB_INFO, WPK_DNN_T_INT64, 0 },
	{ WPK_DNN_KNOB_STRIDE, WPK_DNN_KNOB_INFO, WPK_DNN_T_INT64, 0 },
	{ WPK_DNN_PLAN_WORKSPACE, WPK_DNN_PLAN, WPK_DNN_T_INT64, 0 },
};

static int tell_descriptors(const struct descriptor *d, int name, int of,
	int64_t room, int64_t *n, struct descriptor **v)
{
	for (int64_t i = 0; i < room; i++)
		if (v[i]->magic != MAGIC || v[i]->done || v[i]->kind != of)
			return stub_misuse("attribute %d is read into kind %d",
				name, v[i]->kind), BAD_PARAM;
	*n = told(d, name, v, room);
	return 0;
}

static int tell_notes(const struct descriptor *d, int64_t room, int64_t *n,
	int *v)
{
	static const int notes[ENGINES] = { -1, -1, WPK_DNN_NOTE_TENSOR_CORE,
		WPK_DNN_NOTE_DOWN_CONVERT, -1, WPK_DNN_NOTE_REDUCED, -1 };

	*n = notes[d->index] >= 0;
	if (*n && room)
		*v = notes[d->index];
	return 0;
}

int cudnnBackendGetAttribute(wpk_dnn p, int name, int type, int64_t room,
	int64_t *n, void *v)
{
	struct descriptor *d = p;
	int64_t number;
	size_t i = 0;

	START("cudnnBackendGetAttribute");
	while (i < sizeof readable / sizeof *readable &&
	    (readable[i].name != name || readable[i].kind != d->kind))
		i++;
	if (d->magic != MAGIC || !d->done ||
	    i == sizeof readable / sizeof *readable || readable[i].type != type)
		return stub_misuse("attribute %d of kind %d is read", name,
			d->kind), BAD_PARAM;
	if (type == WPK_DNN_T_DESCRIPTOR)
		return tell_descriptors(d, name, readable[i].of, room, n, v);
	if (type == WPK_DNN_T_NOTE)
		return tell_notes(d, room, n, v);
	*n = 1;
	number = number_told(d, name);
	if (type == WPK_DNN_T_KNOB)
		*(int *)v = (int)number;
	else
		*(int64_t *)v = number;
	return 0;
}

/* ---- runs ---- */

#ifndef LACKS
int cudnnBackendExecute(wpk_dnn h, wpk_dnn plan, wpk_dnn pack)
{
	struct descriptor *p = plan, *k = pack;
	int64_t n, bytes = workspace_of(p) + stub_number_of("STUB_DNN_MORE", 0);
	void *const *workspace = attribute_of(k, WPK_DNN_PACK_WORKSPACE, &n);
	struct graph_run *run;

	START("cudnnBackendExecute");
	if (((struct handle *)h)->magic != MAGIC || p->kind != WPK_DNN_PLAN ||
	    !p->done || k->kind != WPK_DNN_PACK || !k->done)
		return stub_misuse("no plan and pack are run"), BAD_PARAM;
	if (bytes && (!workspace || !*workspace))
		return stub_misuse("workspace is missing"), BAD_PARAM;
	run = run_create(p->graph, k, workspace ? *workspace : NULL, bytes);
	if (!run)
		return stub_misuse("the pack is not that of the graph"),
			BAD_PARAM;
	return dnn_queue(h, run);
}
#endif
