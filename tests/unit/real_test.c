/* SPDX-License-Identifier: MIT */
/* The libraries themselves, where they are: WPK_LIBCUBLASLT and WPK_LIBCUDNN name
 * them, else the usual names are tried. Every symbol is there, and everything
 * that needs no GPU is taken: layouts and operations, tensors and nodes. With a
 * GPU, algorithms are listed and made ready too; those of cuDNN for a GPU that is
 * only described. */
#include "product_cases.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/lib/cublaslt.h"
#include "runtime/lib/cudnn.h"

/* The library without a handle, or skips. */
static struct library open_real(const struct library_class *class)
{
	const char *named = getenv(class->environment), *lacks;
	struct library l = { .tried = true };

	pthread_mutex_init(&l.lock, NULL);
	l.file = named && *named ? dlopen(named, RTLD_NOW) : NULL;
	for (int i = 0; !l.file && class->files[i]; i++)
		l.file = dlopen(class->files[i], RTLD_NOW);
	if (!l.file)
		skip();
	lacks = class->load(&l);
	if (lacks)
		fail_msg("%s has no %s", class->title, lacks);
	l.version = class->version(&l);
	if (l.version < class->least)
		skip();
	return l;
}

static struct library_call *read_real(struct library *l,
	const struct library_class *class, struct wpk_context *c, json_t *step)
{
	struct library_call *call = calloc(1, class->size);
	struct wpk_error e = { 0 };

	call->context = c;
	call->library = l;
	call->class = class;
	if (class->read(call, json_object_get(step, "call"), &e))
		fail_msg("%s", e.text);
	json_decref(step);
	return call;
}

static void close_real(struct library *l)
{
	pthread_mutex_destroy(&l->lock);
	dlclose(l->file);
}

/* ---- cuBLASLt ---- */

static void test_products(void **state)
{
	static const char *const epilogues[] = { "none", "bias", "relu_bias",
		"gelu_bias", "gelu" };
	static const struct {
		const char *compute;
		enum type in, out;
	} types[] = { { "f32", F16, F16 }, { "f32", BF16, F32 },
		{ "tf32", F32, F32 }, { "f64", F64, F64 }, { "i32", I8, I32 },
		{ "f32", E4M3, BF16 } };
	struct library l = open_real(&cublaslt_class);
	struct wpk_context c = { .sms = 132, .share = 50 };
	struct wpk_error e = { 0 };

	(void)state;
	for (int i = 0; i < 60; i++) {
		struct product p = product_plain();
		struct library_call *call;

		p.compute = types[i % 6].compute;
		p.a.type = p.b.type = types[i % 6].in;
		p.c.type = p.d.type = p.bias = types[i % 6].out;
		p.epilogue = epilogues[i % 5];
		p.b.columns = i & 1;
		p.c.columns = p.d.columns = i & 2;
		p.addend = i & 4;
		p.batch = 1 + i % 3;
		p.fast = i % 6 == 5;
		call = read_real(&l, &cublaslt_class, &c, product_step(&p));
		if (cublaslt_class.describe(call, &e))
			fail_msg("%s", e.text);
		library_call_destroy(call);
	}
	close_real(&l);
}

/* A version that leaves more room than we have would fail here. */
static void test_room(void **state)
{
	struct library l = open_real(&cublaslt_class);
	struct wpk_lt_room room, guard;

	(void)state;
	memset(&room, 0xa7, sizeof room);
	guard = room;
	assert_int_equal(l.calls.cublaslt.init_operation(&room, sizeof room,
		WPK_LT_COMPUTE_32F, WPK_LT_32F), 0);
	assert_memory_equal(room.data + 60, guard.data + 60, 4 * 8);
	close_real(&l);
}

/* Operations hold no address of their own: runs with a bias copy one. */
static void test_copies(void **state)
{
	struct library l = open_real(&cublaslt_class);
	struct wpk_context c = { .sms = 132, .share = 50 };
	struct library_call *call[2];
	struct wpk_error e = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct product p = product_plain();

		p.epilogue = "relu_bias";
		p.bias = F32;
		p.batch = 2;
		call[i] = read_real(&l, &cublaslt_class, &c, product_step(&p));
		memset(&((struct cublaslt_call *)call[i])->operation, 0xa7,
			sizeof(struct wpk_lt_room));
		assert_int_equal(cublaslt_class.describe(call[i], &e), WPK_OK);
	}
	assert_memory_equal(&((struct cublaslt_call *)call[0])->operation,
		&((struct cublaslt_call *)call[1])->operation,
		sizeof(struct wpk_lt_room));
	for (int i = 0; i < 2; i++)
		library_call_destroy(call[i]);
	close_real(&l);
}

/* ---- cuDNN ---- */

#define T(place, dims, strides) "{'type': 'f16', 'dims': [" dims "], 'strides': " \
	"[" strides "], 'place': {'tensor': " place "}}"
#define F(place, dims, strides) "{'type': 'f32', 'dims': [" dims "], 'strides': " \
	"[" strides "], 'place': {'tensor': " place "}}"
#define GRAPH(tensors, nodes) "{'library': 'cudnn', 'call': {'graph': " \
	"{'tensors': [" tensors "], 'nodes': [" nodes "]}}}"

static const char *const graphs[] = {
	/* Along one axis, two and three, in both directions. */
	GRAPH(T("0", "2, 8, 16", "128, 16, 1") "," T("1", "8, 8, 3", "24, 3, 1")
		"," T("2", "2, 8, 8", "64, 8, 1"), "{'op': 'conv', 'x': 0, 'w': "
		"1, 'y': 2, 'pad': [1], 'stride': [2]}"),
	GRAPH(T("0", "1, 8, 9, 9", "648, 1, 72, 8") "," T("1", "16, 4, 3, 3",
		"36, 1, 12, 4") "," T("2", "1, 16, 9, 8", "1152, 1, 128, 16"),
		"{'op': 'conv', 'x': 0, 'w': 1, 'y': 2, 'pad': [1, 0], 'pad_end'"
		": [1, 1], 'stride': [1, 1]}"),
	GRAPH(T("0", "1, 4, 5, 5, 5", "500, 125, 25, 5, 1") "," T("1", "4, 4, 2, "
		"2, 2", "32, 8, 4, 2, 1") "," T("2", "1, 4, 3, 3, 3",
		"108, 27, 9, 3, 1"), "{'op': 'conv', 'x': 0, 'w': 1, 'y': 2, "
		"'dilation': [2, 2, 2]}"),
	GRAPH(T("0", "1, 16, 4, 4", "256, 16, 4, 1") "," T("1", "16, 8, 3, 3",
		"72, 9, 3, 1") "," T("2", "1, 8, 9, 9", "648, 81, 9, 1"),
		"{'op': 'conv', 'x': 0, 'w': 1, 'y': 2, 'stride': [2, 2], "
		"'transposed': true}"),
	/* With a bias, scaled by a constant, through relu. */
	GRAPH(T("0", "1, 8, 9, 9", "648, 1, 72, 8") "," T("1", "8, 8, 1, 1",
		"8, 1, 8, 8") "," T("2", "1, 8, 1, 1", "8, 1, 8, 8") ", "
		"{'type': 'f32', 'dims': [1, 8, 9, 9], 'strides': [648, 1, 72, "
		"8]}, {'type': 'f32', 'dims': [1, 8, 9, 9], 'strides': [648, 1, "
		"72, 8]}, {'type': 'f32', 'dims': [1, 8, 9, 9], 'strides': [648,"
		" 1, 72, 8]}, {'type': 'f32', 'dims': [1, 1, 1, 1], 'strides': "
		"[1, 1, 1, 1], 'value': 0.5}," T("3", "1, 8, 9, 9",
		"648, 1, 72, 8"), "{'op': 'conv', 'x': 0, 'w': 1, 'y': 3}, "
		"{'op': 'pointwise', 'mode': 'mul', 'x': 3, 'b': 6, 'y': 4}, "
		"{'op': 'pointwise', 'mode': 'add', 'x': 4, 'b': 2, 'y': 5}, "
		"{'op': 'pointwise', 'mode': 'relu', 'x': 5, 'y': 7, 'lower': 0,"
		" 'upper': 6, 'slope': 0}"),
	GRAPH(T("0", "3, 16, 8", "128, 8, 1") "," T("1", "1, 8, 24", "192, 24, 1"
		) "," T("2", "3, 16, 24", "384, 24, 1"), "{'op': 'matmul', 'a': "
		"0, 'b': 1, 'c': 2}"),
};

static void try_nodes(struct library *l, struct wpk_context *c, json_t *step)
{
	struct library_call *call = read_real(l, &cudnn_class, c, step);
	const char *what;
	int code = cudnn_nodes((struct cudnn_call *)call, &what);
	struct wpk_error e = { 0 };

	if (code) {
		cudnn_fails(call, &e, code, what);
		fail_msg("%s", e.text);
	}
	library_call_destroy(call);
}

static void test_graphs(void **state)
{
	struct library l = open_real(&cudnn_class);
	struct wpk_context c = { .share = 100 };

	(void)state;
	for (size_t i = 0; i < sizeof graphs / sizeof *graphs; i++)
		try_nodes(&l, &c, step_of("%s", graphs[i]));
	close_real(&l);
}

static void test_modes(void **state)
{
	static const char *const modes[] = { "'sqrt'", "'abs'", "'ceil'",
		"'cos'", "'exp'", "'floor'", "'log'", "'neg'", "'rsqrt'",
		"'sin'", "'tan'", "'erf'", "'identity'", "'reciprocal'",
		"'relu'", "'tanh'", "'sigmoid'", "'elu', 'alpha': 2", "'gelu'",
		"'softplus', 'beta': 2", "'swish', 'beta': 2", "'gelu_tanh'",
		"'add', 'b': 1", "'mul', 'b': 1", "'min', 'b': 1",
		"'max', 'b': 1", "'add_square', 'b': 1", "'div', 'b': 1",
		"'pow', 'b': 1", "'sub', 'b': 1" };
	struct library l = open_real(&cudnn_class);
	struct wpk_context c = { .share = 100 };

	(void)state;
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		bool two = strstr(modes[i], "'b'");
		char b[200] = "";

		if (two)
			strcpy(b, T("1", "1, 8, 1, 1", "8, 1, 1, 1") ",");
		try_nodes(&l, &c, step_of(GRAPH(T("0", "2, 8, 4, 4",
			"128, 16, 4, 1") ", %s" T("2", "2, 8, 4, 4",
			"128, 16, 4, 1"), "{'op': 'pointwise', 'mode': %s, 'x': "
			"0, 'y': %d}"), b, modes[i], two ? 2 : 1));
	}
	close_real(&l);
}

/* Legacy convolutions: which of "graphs" are any, and that cuDNN takes what they
 * are described by, and finds the same extents. */
static void try_legacy(struct library *l, int graph, bool is_any)
{
	int (*extents)(wpk_dnn, wpk_dnn, wpk_dnn, int, int *) = NULL;
	struct wpk_context c = { .share = 100, .library_workspace = 1 << 20 };
	struct library_call *call = read_real(l, &cudnn_class, &c,
		step_of("%s", graphs[graph]));
	struct wpk_error e = { 0 };
	struct cudnn_call *q = (struct cudnn_call *)call;
	const struct dnn_legacy *f = &q->legacy;
	bool data;
	int dims[5];

	*(void **)&extents = dlsym(l->file,
		"cudnnGetConvolutionNdForwardOutputDim");
	if ((cudnn_legacy_open(q, &e) == WPK_OK) != is_any)
		fail_msg("graph %d: %s", graph, e.text);
	data = f->way == WPK_DNN_WAY_DATA;
	for (int m = 0; f->made && m < DNN_MATHS; m++) {
		assert_int_equal(extents(f->convs[m], f->tensors[data ? 2 : 0],
			f->filter, f->shapes[0].n, dims), 0);
		assert_memory_equal(dims, f->shapes[data ? 1 : 2].dims,
			f->shapes[0].n * sizeof *dims);
	}
	library_call_destroy(call);
}

static void test_legacy(void **state)
{
	static const bool any[] = { true, false, true, true, false, false };
	struct library l = open_real(&cudnn_class);
	bool lacks = l.calls.cudnn_legacy.lacks;

	(void)state;
	for (int i = 0; i < 6 && !lacks; i++)
		try_legacy(&l, i, any[i]);
	close_real(&l);
	if (lacks)
		skip();
}

/* Packs cannot be changed, which is why they are kept. */
static void test_packs(void **state)
{
	struct library l = open_real(&cudnn_class);
	const struct cudnn_calls *c = &l.calls.cudnn;
	void *pointers[] = { (void *)0x1000, (void *)0x2000 }, *room = NULL;
	int64_t ids[] = { 1, 2 };
	struct dnn_attribute a[] = {
		{ WPK_DNN_PACK_IDS, WPK_DNN_T_INT64, 2, ids },
		{ WPK_DNN_PACK_POINTERS, WPK_DNN_T_POINTER, 2, pointers },
		{ WPK_DNN_PACK_WORKSPACE, WPK_DNN_T_POINTER, 1, &room },
	};
	struct library_call call = { .library = &l };
	wpk_dnn pack;

	(void)state;
	assert_int_equal(cudnn_make(&call, WPK_DNN_PACK, a, 3, &pack), 0);
	assert_int_not_equal(c->set(pack, WPK_DNN_PACK_POINTERS,
		WPK_DNN_T_POINTER, 2, pointers), 0);
	cudnn_drop(&call, &pack);
	close_real(&l);
}

/* ---- with a GPU, or one that is described ---- */

/* Algorithms of a list that come ready, where the library starts; the last one
 * comes ready again when it is pinned. At least "least" of them: */
static void try_ready(enum library_kind k, char *file, json_t *step, int least)
{
	struct wpk_context c = { .sms = 132, .share = 100,
		.library_workspace = 256 << 20,
		.libraries = libraries_create() };
	struct library_call *l = NULL, *again;
	struct wpk_error e = { 0 };
	int n = 0, ready = 0;
	size_t workspace;
	const char *text;

	c.files[k] = file;
	if (!library_version(&c, k, &text)) {
		print_message("# %s\n", text);
		libraries_destroy(&c);
		json_decref(step);
		skip();
	}
	if (library_call_create(&c, step, &l, &e))
		fail_msg("%s", e.text);
	assert_int_equal(library_call_count(l, 1000, &n, &e), WPK_OK);
	for (int i = 0; i < n; i += 1 + n / 100)
		ready += !library_call_choose(l, i, &workspace, &text, &e);
	print_message("# %d algorithms, %d of a hundred ready\n", n, ready);
	assert_true(ready >= least);
	json_object_set_new(step, "pinned", ready ? library_call_pinned(l) :
		json_null());
	again = call_of_context(&c, step);
	if (ready) {
		assert_int_equal(library_call_ready(again, &workspace, &e),
			WPK_OK);
		assert_string_equal(library_call_text(again),
			library_call_text(l));
	}
	library_call_destroy(again);
	library_call_destroy(l);
	libraries_destroy(&c);
}

static void test_ready_product(void **state)
{
	struct product p = product_plain();

	(void)state;
	p.epilogue = "relu_bias";
	p.bias = F32;
	try_ready(LIBRARY_CUBLASLT, NULL, product_step(&p), 10);
}

static void test_ready_graph(void **state)
{
	(void)state;
	try_ready(LIBRARY_CUDNN, NULL, step_of("%s", graphs[1]), 10);
}

/* cuDNN makes plans for a GPU that is described: tests/runtime/offline.c. Sums of
 * pointwise nodes are compiled, for which it wants a driver. */
static void test_offline(void **state)
{
	struct library l = open_real(&cudnn_class);
	bool able = l.version >= 90800;
	const char *named = getenv("WPK_LIBCUDNN");
	char path[400];

	(void)state;
	close_real(&l);
	if (!able)
		skip();
	setenv("REAL_CUDNN", named ? named : "", 1);
	for (int i = 0; i < 5; i++)
		try_ready(LIBRARY_CUDNN, (char *)stub_path("libcudnn-offline.so",
			path), step_of("%s", graphs[i]), i < 4 ? 3 : 0);
}

/* f32 takes fewer engines than what may be computed in tf32. */
static void test_strict(void **state)
{
	struct library l = open_real(&cudnn_class);
	bool able = l.version >= 90800;
	int n[2];

	(void)state;
	close_real(&l);
	if (!able)
		skip();
	for (int i = 0; i < 2; i++) {
		char path[400], *file = (char *)stub_path("libcudnn-offline.so",
			path);
		struct wpk_context c = { .sms = 132, .share = 100,
			.library_workspace = 256 << 20,
			.files = { [LIBRARY_CUDNN] = file },
			.libraries = libraries_create() };
		struct wpk_error e = { 0 };
		struct library_call *call = call_of_context(&c, step_of(GRAPH(
			F("0", "1, 64, 28, 28", "50176, 784, 28, 1") ","
			F("1", "64, 64, 3, 3", "576, 9, 3, 1") ","
			F("2", "1, 64, 28, 28", "50176, 784, 28, 1"),
			"{'op': 'conv', 'x': 0, 'w': 1, 'y': 2, 'pad': [1, 1], "
			"'compute': '%s'}"), i ? "tf32" : "f32"));

		assert_int_equal(library_call_count(call, 1000, &n[i], &e),
			WPK_OK);
		library_call_destroy(call);
		libraries_destroy(&c);
	}
	print_message("# %d engines for f32, %d for tf32\n", n[0], n[1]);
	assert_true(n[0] > 5 && n[1] > 2 * n[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_products),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_graphs),
		cmocka_unit_test(test_legacy),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_packs),
		cmocka_unit_test(test_ready_product),
		cmocka_unit_test(test_ready_graph),
		cmocka_unit_test(test_offline),
		cmocka_unit_test(test_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
