/* SPDX-License-Identifier: MIT */
/* A cuBLASLt for tests: products are computed here, in the stream where the driver
 * is the emulator, and addresses are the host's.
 * What it is given is checked as strictly as the real one would, and more.
 *
 *	STUB_FAIL		stub.h
 *	STUB_LT_VERSION=110000	another version
 *	STUB_LT_MORE=4096	checks ask for so much more workspace than the
 *				heuristic said
 *	STUB_LT_SPOILT=3	algorithm 3 fails its check
 *	STUB_LT_WRONG=2		algorithm 2 computes one column, and is fast
 *
 * Compiled with -DLACKS it has no cublasLtMatmulAlgoCheck. Algorithm 1 takes
 * everything; 2 can split k, into workspace; 3 wants operands aligned to 32. */
#include "runtime/lib/cublaslt_api.h"
#include "tests/runtime/stub.h"
#include "tests/runtime/types.h"

enum { INVALID = 7, EXECUTION = 13, HANDLE = 0x4c54, LAYOUT = 0x4c41,
	OPERATION = 0x4f50, PREFERENCE = 0x5052, ALGORITHM = 0x414c };

struct handle {
	int magic;
};

struct layout {
	int magic, type;
	uint64_t rows, cols;
	int64_t ld, stride;
	int32_t batch;
};

struct operation {
	int magic, compute, scale, transposed[2], bias_type, sms;
	uint32_t epilogue;
	int8_t fast;
	const void *bias;
	int64_t bias_stride;
};

struct preference {
	int magic;
	uint64_t workspace;
	uint32_t align[4];
};

struct algorithm {
	uint16_t magic, id, inner, cluster;
	uint32_t tile, stages, scheme, swizzle, custom;
	int32_t split;
	char rest[32];
};

_Static_assert(sizeof(struct algorithm) == sizeof(struct wpk_lt_algo), "64");

#define START(name) \
	do { \
		int status = stub_call(name); \
		if (status) \
			return status; \
	} while (0)

static int type_of(int cuda)
{
	static const int numbers[N_TYPES] = { WPK_LT_16F, WPK_LT_16BF,
		WPK_LT_32F, WPK_LT_64F, WPK_LT_8I, WPK_LT_8U, WPK_LT_32I,
		WPK_LT_E4M3, WPK_LT_E5M2 };

	for (int i = 0; i < N_TYPES; i++)
		if (numbers[i] == cuda)
			return i;
	return -1;
}

/* ---- objects ---- */

size_t cublasLtGetVersion(void)
{
	return stub_number_of("STUB_LT_VERSION", 130100);
}

const char *cublasLtGetStatusName(int status)
{
	return status == 0 ? "CUBLAS_STATUS_SUCCESS" :
		status == 1 ? "CUBLAS_STATUS_NOT_INITIALIZED" :
		status == 3 ? "CUBLAS_STATUS_ALLOC_FAILED" :
		status == INVALID ? "CUBLAS_STATUS_INVALID_VALUE" :
		status == EXECUTION ? "CUBLAS_STATUS_EXECUTION_FAILED" :
		status == 15 ? "CUBLAS_STATUS_NOT_SUPPORTED" : "unknown";
}

static void *born(size_t size, int magic)
{
	int *p = calloc(1, size);

	*p = magic;
	stub_born();
	return p;
}

static int dies(void *p, int magic, const char *what)
{
	if (!p || *(int *)p != magic)
		return stub_misuse("no %s is destroyed", what), INVALID;
	*(int *)p = 0;
	free(p);
	stub_died();
	return 0;
}

int cublasLtCreate(wpk_lt *h)
{
	START("cublasLtCreate");
	*h = born(sizeof(struct handle), HANDLE);
	return 0;
}

int cublasLtDestroy(wpk_lt h)
{
	return dies(h, HANDLE, "handle");
}

int cublasLtMatrixLayoutCreate(wpk_lt *l, int type, uint64_t rows,
	uint64_t cols, int64_t ld)
{
	struct layout *x;

	START("cublasLtMatrixLayoutCreate");
	if (type_of(type) < 0 || !rows || !cols || ld < (int64_t)rows)
		return stub_misuse("layout of type %d, ld %ld", type, (long)ld),
			INVALID;
	*l = x = born(sizeof *x, LAYOUT);
	*x = (struct layout){ LAYOUT, type, rows, cols, ld, 0, 1 };
	return 0;
}

int cublasLtMatrixLayoutDestroy(wpk_lt l)
{
	return dies(l, LAYOUT, "layout");
}

/* Fields by attribute. */
struct field {
	int attribute;
	size_t offset, size;
};

static int set(const struct field *f, int n, void *to, int attribute,
	const void *v, size_t size)
{
	for (int i = 0; i < n; i++)
		if (f[i].attribute == attribute && f[i].size == size && v) {
			memcpy((char *)to + f[i].offset, v, size);
			return 0;
		}
	return stub_misuse("attribute %d of %zu bytes", attribute, size),
		INVALID;
}

#define FIELD(attribute, type, field) \
	{ attribute, offsetof(struct type, field), \
		sizeof(((struct type *)0)->field) }
#define SET(fields, to) \
	set(fields, sizeof fields / sizeof *fields, to, attribute, v, size)

int cublasLtMatrixLayoutSetAttribute(wpk_lt l, int attribute, const void *v,
	size_t size)
{
	static const struct field fields[] = {
		FIELD(WPK_LT_LAYOUT_BATCH, layout, batch),
		FIELD(WPK_LT_LAYOUT_STRIDE, layout, stride) };

	START("cublasLtMatrixLayoutSetAttribute");
	return SET(fields, l);
}

int cublasLtMatmulDescInit_internal(void *o, size_t size, int compute,
	int scale)
{
	START("cublasLtMatmulDescInit_internal");
	if (size < sizeof(struct operation))
		return 3;
	*(struct operation *)o = (struct operation){ .magic = OPERATION,
		.compute = compute, .scale = scale, .bias_type = -1,
		.epilogue = WPK_LT_EPILOGUE_DEFAULT };
	return 0;
}

int cublasLtMatmulDescSetAttribute(wpk_lt o, int attribute, const void *v,
	size_t size)
{
	static const struct field fields[] = {
		FIELD(WPK_LT_DESC_TRANSA, operation, transposed[0]),
		FIELD(WPK_LT_DESC_TRANSB, operation, transposed[1]),
		FIELD(WPK_LT_DESC_EPILOGUE, operation, epilogue),
		FIELD(WPK_LT_DESC_BIAS, operation, bias),
		FIELD(WPK_LT_DESC_BIAS_STRIDE, operation, bias_stride),
		FIELD(WPK_LT_DESC_BIAS_TYPE, operation, bias_type),
		FIELD(WPK_LT_DESC_SMS, operation, sms),
		FIELD(WPK_LT_DESC_FAST, operation, fast) };

	START("cublasLtMatmulDescSetAttribute");
	return SET(fields, o);
}

int cublasLtMatmulPreferenceCreate(wpk_lt *p)
{
	struct preference *x;

	START("cublasLtMatmulPreferenceCreate");
	*p = x = born(sizeof *x, PREFERENCE);
	for (int i = 0; i < 4; i++)
		x->align[i] = 256;
	return 0;
}

int cublasLtMatmulPreferenceDestroy(wpk_lt p)
{
	return dies(p, PREFERENCE, "preference");
}

int cublasLtMatmulPreferenceSetAttribute(wpk_lt p, int attribute,
	const void *v, size_t size)
{
	static const struct field fields[] = {
		FIELD(WPK_LT_PREF_WORKSPACE, preference, workspace),
		FIELD(WPK_LT_PREF_ALIGN_A, preference, align[0]),
		FIELD(WPK_LT_PREF_ALIGN_A + 1, preference, align[1]),
		FIELD(WPK_LT_PREF_ALIGN_A + 2, preference, align[2]),
		FIELD(WPK_LT_PREF_ALIGN_A + 3, preference, align[3]) };

	START("cublasLtMatmulPreferenceSetAttribute");
	return SET(fields, p);
}

/* ---- what is supported ---- */

static int types_fit(const struct operation *o, int a, int b, int c, int d)
{
	int small = a == WPK_LT_E4M3 || a == WPK_LT_E5M2;
	int half = a == WPK_LT_16F || a == WPK_LT_16BF;

	if (o->compute == WPK_LT_COMPUTE_64F)
		return o->scale == WPK_LT_64F && a == WPK_LT_64F && b == a &&
			c == a && d == a;
	if (o->compute == WPK_LT_COMPUTE_32I)
		return a == WPK_LT_8I && b == a && c == d &&
			(d == WPK_LT_32I ? o->scale == WPK_LT_32I :
			d == WPK_LT_8I && o->scale == WPK_LT_32F);
	if (o->scale != WPK_LT_32F || (o->compute != WPK_LT_COMPUTE_32F &&
	    (o->compute != WPK_LT_COMPUTE_TF32 || a != WPK_LT_32F)))
		return 0;
	if (small)
		return (b == WPK_LT_E4M3 || b == WPK_LT_E5M2) &&
			o->transposed[0] && !o->transposed[1] &&
			(c == WPK_LT_16F || c == WPK_LT_16BF || c == WPK_LT_32F);
	return a == b && c == d && (a == WPK_LT_32F ? d == a :
		half && (d == a || d == WPK_LT_32F));
}

static int shapes_fit(const struct operation *o, const struct layout *a,
	const struct layout *b, const struct layout *c, const struct layout *d)
{
	uint64_t m = o->transposed[0] ? a->cols : a->rows;
	uint64_t k = o->transposed[0] ? a->rows : a->cols;
	uint64_t n = o->transposed[1] ? b->rows : b->cols;

	return (o->transposed[1] ? b->cols : b->rows) == k && d->rows == m &&
		d->cols == n && c->rows == m && c->cols == n &&
		a->batch == d->batch && b->batch == d->batch &&
		c->batch == d->batch;
}

static int fits(wpk_lt h, const struct operation *o, const struct layout *a,
	const struct layout *b, const struct layout *c, const struct layout *d)
{
	if (((struct handle *)h)->magic != HANDLE || o->magic != OPERATION ||
	    a->magic != LAYOUT || b->magic != LAYOUT || c->magic != LAYOUT ||
	    d->magic != LAYOUT)
		return stub_misuse("objects of another kind"), INVALID;
	if (!shapes_fit(o, a, b, c, d))
		return stub_misuse("shapes do not match"), INVALID;
	if (o->epilogue & WPK_LT_EPILOGUE_BIAS && (!o->bias ||
	    o->bias_type < 0))
		return stub_misuse("an epilogue without its bias"), INVALID;
	return types_fit(o, a->type, b->type, c->type, d->type) ? 0 :
		WPK_LT_NOT_SUPPORTED;
}

static size_t workspace_of(const struct algorithm *g, const struct layout *d)
{
	return g->scheme != 2 ? (size_t)(g->split - 1) * 128 :
		(size_t)g->split * d->rows * d->cols * d->batch * 4;
}

static struct algorithm basic(int id)
{
	return (struct algorithm){ .magic = ALGORITHM, .id = id, .split = 1 };
}

/* ---- algorithms ---- */

static int fill(struct wpk_lt_result *r, const struct preference *p,
	const struct layout *d, int n)
{
	struct algorithm all[6];
	int found = 0;

	for (int i = 0; i < 6; i++) {
		all[i] = basic(1 + i % 3);
		all[i].tile = 5 + i / 3;
		all[i].stages = 2;
	}
	all[4].split = 4;
	all[4].scheme = 2;
	for (int i = 0; i < 6 && found < n; i++) {
		size_t workspace = workspace_of(&all[i], d);

		if (workspace > p->workspace || (all[i].id == 3 &&
		    (p->align[0] < 32 || p->align[1] < 32)))
			continue;
		r[found] = (struct wpk_lt_result){ .workspace = workspace,
			.waves = 1 };
		memcpy(&r[found++].algo, &all[i], sizeof all[i]);
	}
	if (found < n)
		r[found++].state = WPK_LT_NOT_SUPPORTED;
	return found;
}

int cublasLtMatmulAlgoGetHeuristic(wpk_lt h, wpk_lt o, wpk_lt a, wpk_lt b,
	wpk_lt c, wpk_lt d, wpk_lt p, int most, struct wpk_lt_result *r, int *n)
{
	int status;

	START("cublasLtMatmulAlgoGetHeuristic");
	if (((struct preference *)p)->magic != PREFERENCE || most < 1)
		return stub_misuse("a heuristic without preference"), INVALID;
	status = fits(h, o, a, b, c, d);
	*n = status ? 0 : fill(r, p, d, most);
	return status;
}

int cublasLtMatmulAlgoGetIds(wpk_lt h, int compute, int scale, int a, int b,
	int c, int d, int most, int *ids, int *n)
{
	struct operation o = { .compute = compute, .scale = scale,
		.transposed = { 1, 0 } };

	(void)h;
	START("cublasLtMatmulAlgoGetIds");
	if (!types_fit(&o, a, b, c, d))
		return WPK_LT_NOT_SUPPORTED;
	for (*n = 0; *n < most && *n < 3; ++*n)
		ids[*n] = 3 - *n;
	return 0;
}

int cublasLtMatmulAlgoInit(wpk_lt h, int compute, int scale, int a, int b,
	int c, int d, int id, struct wpk_lt_algo *algo)
{
	struct algorithm g = basic(id);

	(void)h, (void)compute, (void)scale, (void)a, (void)b, (void)c, (void)d;
	START("cublasLtMatmulAlgoInit");
	if (id < 1 || id > 3)
		return stub_misuse("no algorithm %d", id), INVALID;
	memcpy(algo, &g, sizeof g);
	return 0;
}

static int checked(wpk_lt h, wpk_lt o, wpk_lt a, wpk_lt b, wpk_lt c, wpk_lt d,
	const struct algorithm *g)
{
	int status = fits(h, o, a, b, c, d);

	if (status)
		return status;
	if (g->magic != ALGORITHM || g->id < 1 || g->id > 3 || g->split < 1)
		return INVALID;
	if (g->id == stub_number_of("STUB_LT_SPOILT", 0) || g->tile > 7 ||
	    (g->split > 1 && (g->id != 2 || !g->scheme)) ||
	    (g->split == 1 && g->scheme) || (g->custom && g->id != 1))
		return WPK_LT_NOT_SUPPORTED;
	return 0;
}

#ifndef LACKS
int cublasLtMatmulAlgoCheck(wpk_lt h, wpk_lt o, wpk_lt a, wpk_lt b, wpk_lt c,
	wpk_lt d, const struct wpk_lt_algo *algo, struct wpk_lt_result *r)
{
	const struct algorithm *g = (const struct algorithm *)algo;
	int status;

	START("cublasLtMatmulAlgoCheck");
	status = checked(h, o, a, b, c, d, g);
	if (!status)
		r->workspace = workspace_of(g, d) +
			stub_number_of("STUB_LT_MORE", 0);
	return r->state = status;
}
#endif

int cublasLtMatmulAlgoCapGetAttribute(const struct wpk_lt_algo *algo,
	int attribute, void *v, size_t size, size_t *written)
{
	const struct algorithm *g = (const struct algorithm *)algo;
	static const uint32_t tiles[] = { 5, 6, 7, 8 }, stages[] = { 2, 3 };
	const void *from = NULL;
	uint32_t one;

	START("cublasLtMatmulAlgoCapGetAttribute");
	*written = sizeof one;
	switch (attribute) {
	case WPK_LT_CAP_TILES:
		from = tiles;
		*written = sizeof tiles;
		break;
	case WPK_LT_CAP_STAGES:
		from = stages;
		*written = g->id == 3 ? 0 : sizeof stages;
		break;
	case WPK_LT_CAP_SPLIT: one = g->id == 2; break;
	case WPK_LT_CAP_SCHEMES: one = g->id == 2 ? 3 : 0; break;
	case WPK_LT_CAP_SWIZZLE: one = 1; break;
	case WPK_LT_CAP_CUSTOM: one = g->id == 1 ? 2 : 0; break;
	default: return stub_misuse("capability %d", attribute), INVALID;
	}
	if (size < *written)
		return stub_misuse("capability %d in %zu bytes", attribute,
			size), INVALID;
	memcpy(v, from ? from : &one, *written);
	return 0;
}

static const struct field configuration[] = {
	FIELD(WPK_LT_CONFIG_TILE, algorithm, tile),
	FIELD(WPK_LT_CONFIG_SPLIT, algorithm, split),
	FIELD(WPK_LT_CONFIG_SCHEME, algorithm, scheme),
	FIELD(WPK_LT_CONFIG_SWIZZLE, algorithm, swizzle),
	FIELD(WPK_LT_CONFIG_CUSTOM, algorithm, custom),
	FIELD(WPK_LT_CONFIG_STAGES, algorithm, stages),
	FIELD(WPK_LT_CONFIG_INNER, algorithm, inner),
	FIELD(WPK_LT_CONFIG_CLUSTER, algorithm, cluster)
};

int cublasLtMatmulAlgoConfigSetAttribute(struct wpk_lt_algo *algo,
	int attribute, const void *v, size_t size)
{
	START("cublasLtMatmulAlgoConfigSetAttribute");
	return SET(configuration, algo);
}

int cublasLtMatmulAlgoConfigGetAttribute(const struct wpk_lt_algo *algo,
	int attribute, void *v, size_t size, size_t *written)
{
	const struct algorithm *g = (const struct algorithm *)algo;
	const struct field *f = configuration;
	int32_t id = g->id;

	START("cublasLtMatmulAlgoConfigGetAttribute");
	*written = size;
	if (attribute == WPK_LT_CONFIG_ID && size == sizeof id) {
		memcpy(v, &id, size);
		return 0;
	}
	for (size_t i = 0; i < sizeof configuration / sizeof *f; i++)
		if (f[i].attribute == attribute && f[i].size == size) {
			memcpy(v, (const char *)g + f[i].offset, size);
			return 0;
		}
	return stub_misuse("configuration %d", attribute), INVALID;
}

/* ---- the product ---- */

/* All that a call says, copied: what it points to is the caller's. */
struct product {
	struct operation o;
	struct layout a, b, c, d;
	double alpha, beta;
	const void *pa, *pb, *pc;
	void *pd, *workspace;
	size_t bytes;
};

static double at(const struct layout *l, const void *p, int batch, int row,
	int col, int transposed)
{
	int64_t i = transposed ? col + row * l->ld : row + col * l->ld;

	return get(type_of(l->type), p, i + batch * l->stride);
}

static double scale(const struct operation *o, const void *p)
{
	return get(type_of(o->scale), p, 0);
}

static double finish(const struct operation *o, double v, int row, int batch)
{
	if (o->epilogue & WPK_LT_EPILOGUE_BIAS)
		v += get(type_of(o->bias_type), o->bias, row + batch *
			o->bias_stride);
	if (o->epilogue & WPK_LT_EPILOGUE_RELU)
		v = fmax(v, 0);
	return o->epilogue & WPK_LT_EPILOGUE_GELU ? gelu_tanh(v) : v;
}

static int aligned(const struct algorithm *g, const void *a, const void *b,
	const void *d)
{
	uintptr_t want = g->id == 3 ? 32 : 16;

	return (uintptr_t)a % want == 0 && (uintptr_t)b % want == 0 &&
		(uintptr_t)d % 16 == 0;
}

static void element(const struct product *p, int z, int i, int j)
{
	const struct operation *o = &p->o;
	int k = o->transposed[0] ? p->a.rows : p->a.cols;
	double sum = 0;

	for (int t = 0; t < k; t++)
		sum += at(&p->a, p->pa, z, i, t, o->transposed[0]) *
			at(&p->b, p->pb, z, t, j, o->transposed[1]);
	sum *= p->alpha;
	if (p->beta != 0)
		sum += p->beta * at(&p->c, p->pc, z, i, j, 0);
	put(type_of(p->d.type), p->pd, i + j * p->d.ld + z * p->d.stride,
		finish(o, sum, i, z));
}

static void multiply(void *closure)
{
	const struct product *p = closure;

	if (p->bytes)
		memset(p->workspace, 0x5a, p->bytes);
	for (int z = 0; z < p->d.batch; z++)
		for (int j = 0; j < (int)p->d.cols; j++)
			for (int i = 0; i < (int)p->d.rows; i++)
				element(p, z, i, j);
}

int cublasLtMatmul(wpk_lt h, wpk_lt op, const void *alpha, const void *a,
	wpk_lt la, const void *b, wpk_lt lb, const void *beta, const void *c,
	wpk_lt lc, void *d, wpk_lt ld, const struct wpk_lt_algo *algo,
	void *workspace, size_t bytes, void *stream)
{
	const struct algorithm *g = (const struct algorithm *)algo;
	const struct operation *o = op;
	struct product *p;
	int status;

	START("cublasLtMatmul");
	__atomic_store_n(&stub_stream, stream, __ATOMIC_SEQ_CST);
	__atomic_store_n(&stub_sms, o->sms, __ATOMIC_SEQ_CST);
	__atomic_store_n(&stub_fast, o->fast, __ATOMIC_SEQ_CST);
	status = checked(h, op, la, lb, lc, ld, g);
	if (status)
		return status;
	if (!a || !b || !c || !d || !aligned(g, a, b, d))
		return stub_misuse("operands null or misaligned"), INVALID;
	if (bytes < workspace_of(g, ld) || (bytes && !workspace))
		return stub_misuse("workspace of %zu", bytes), INVALID;
	p = malloc(sizeof *p);
	*p = (struct product){ *o, *(struct layout *)la, *(struct layout *)lb,
		*(struct layout *)lc, *(struct layout *)ld, scale(o, alpha),
		scale(o, beta), a, b, c, d, workspace, bytes };
	if (g->id == stub_number_of("STUB_LT_WRONG", 0))
		p->d.cols = 1;
	if (stub_queue(stream, multiply, p))
		return EXECUTION;
	stub_ran();
	return 0;
}
