/* SPDX-License-Identifier: MIT */
/* libwpk on a driver that does nothing: what plans may say and what is refused,
 * which variant serves, what is told the driver, and what callers get wrong. The
 * kernels' own results are tests/plan.t's. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/wpk.h"
#include "tests/runtime/null.h"

static char null_driver[4096];

static void find_driver(void)
{
	const char *top = getenv("top_builddir");

	snprintf(null_driver, sizeof null_driver, "%s/tests/runtime/libnull.so",
		top ? top : ".");
}

/* One operator, two variants and a general one. "@" stands for what a case
 * changes. */
static const char plan_text[] =
	"{'schema': 2, 'wpkc': '0.1.0', 'modules': [@modules],"
	" 'operators': [{'name': 'product', 'symbol': 'product',"
	"  'sizes': ['M', 'K'], 'arguments': ['M', 'K'],"
	"  'tensors': ["
	"   {'name': 'a', 'role': 'in', 'dtype': 'f32', 'shape': '[M, K]',"
	"    'align': 16, 'constant': false},"
	"   {'name': 'y', 'role': 'out', 'dtype': 'f32', 'shape': '[M]',"
	"    'align': 16, 'constant': false}],"
	"  'variants': ["
	"   {'target': 'sm_80', 'gpu': null, 'general': false,"
	"    'sizes': {'M': 4, 'K': 8}, 'lets': [], 'conditions': [],"
	"    'tensors': [{'dims': [4, 8], 'elements': 32, 'layout': ["
	"      {'dim': 0, 'div': 1, 'mod': 0, 'extent': 4, 'stride': 8},"
	"      {'dim': 1, 'div': 1, 'mod': 0, 'extent': 8, 'stride': 1}]},"
	"     {'dims': [4], 'elements': 4, 'layout': ["
	"      {'dim': 0, 'div': 1, 'mod': 0, 'extent': 4, 'stride': 1}]}],"
	"    'workspace': @workspace, 'prepared': 0, 'prepare': [],"
	"    'steps': [{'clear': 256, 'bytes': 64}, {'kernel': 'special',"
	"      'grid': [7, 1, 1], 'threads': 128, 'cluster': [1, 1, 1],"
	"      'shared': @shared, 'args': [{'tensor': 1}, {'tensor': 0},"
	"       {'workspace': 256}, {'i32': 11}@argument]}]},"
	"   {'target': 'sm_80', 'gpu': null, 'general': true, 'sizes': {},"
	"    'lets': [{'name': 'Q', 'value': '(K + 31) / 32'}],"
	"    'conditions': ['0 < M', '0 < K', 'K % 4 == 0@condition'],"
	"    'tensors': [{'dims': ['M', 'K'], 'elements': 'M * K', 'layout': ["
	"      {'dim': 0, 'div': 1, 'mod': 0, 'extent': 'M', 'stride': 'K'},"
	"      {'dim': 1, 'div': 1, 'mod': 0, 'extent': 'K', 'stride': 1}]},"
	"     {'dims': ['M'], 'elements': 'M', 'layout': ["
	"      {'dim': 0, 'div': 1, 'mod': 0, 'extent': 'M', 'stride': 1}]}],"
	"    'workspace': 'M * 4', 'prepared': 0, 'prepare': [],"
	"    'steps': [{'kernel': 'general', 'grid': ['(M + 3) / 4', 'Q', 1],"
	"      'threads': 64, 'cluster': [1, @cluster, 1], 'shared': 0,"
	"      'args': [{'tensor': 0}, {'tensor': 1}, {'i64': 'M'},"
	"       {'i32': 'Q * 2'}]}]}@variant]}]}";

struct blank {
	const char *name, *text;
};

/* The plan with blanks filled: pairs of name and text, then NULL. Malloc'ed. */
static char *plan_of(const char *first, ...)
{
	static const struct blank usual[] = {
		{ "modules", "{'file': 'x.sm_80.cubin', 'arch': 'sm_80'}, "
			"{'file': 'x.sm_80.ptx', 'arch': 'compute_80'}" },
		{ "workspace", "512" }, { "shared", "0" }, { "argument", "" },
		{ "condition", "" }, { "cluster", "1" }, { "variant", "" }
	};
	char *out = calloc(1, 1 << 16), *to = out;

	for (const char *s = plan_text; *s;) {
		size_t n = strspn(s + 1, "abcdefghijklmnopqrstuvwxyz");
		const char *text = NULL;
		va_list ap;

		if (*s != '@') {
			*to++ = *s == '\'' ? '"' : *s;
			s++;
			continue;
		}
		for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
			if (!strncmp(usual[i].name, s + 1, n))
				text = usual[i].text;
		va_start(ap, first);
		for (const char *name = first; name;
		     name = va_arg(ap, const char *)) {
			const char *own = va_arg(ap, const char *);

			if (!strncmp(name, s + 1, n) && !name[n])
				text = own;
		}
		va_end(ap);
		for (; *text; text++)
			*to++ = *text == '\'' ? '"' : *text;
		s += n + 1;
	}
	return out;
}

/* ---- a context and a folder of modules ---- */

struct subject {
	struct wpk_context *c;
	struct null_state *driver;
	char folder[32], warned[1000];
	int warnings;
	void *library;
};

static void warn(void *data, const char *text)
{
	struct subject *s = data;

	s->warnings++;
	snprintf(s->warned, sizeof s->warned, "%s", text);
}

static void write_file(const struct subject *s, const char *name,
	const char *text)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", s->folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void remove_file(const struct subject *s, const char *name)
{
	char path[100];

	snprintf(path, sizeof path, "%s/%s", s->folder, name);
	remove(path);
}

static int open_context(struct subject *s)
{
	struct wpk_options o = { .size = sizeof o, .driver = null_driver,
		.warn = warn, .data = s };
	struct wpk_error e;

	if (wpk_context_create(&s->c, &o, &e))
		fail_msg("%s", e.text);
	return 0;
}

static int open_subject(void **state)
{
	struct subject *s = calloc(1, sizeof *s);

	*state = s;
	unsetenv("WPK_NULL_CC");
	unsetenv("WPK_NULL_NAME");
	unsetenv("WPK_NULL_FAIL");
	s->library = dlopen(null_driver, RTLD_NOW);
	assert_non_null(s->library);
	s->driver = dlsym(s->library, "null_state");
	memset(s->driver, 0, sizeof *s->driver);
	strcpy(s->folder, "/tmp/wpk-plan-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	write_file(s, "x.sm_80.cubin", "a cubin");
	write_file(s, "x.sm_80.ptx", "PTX");
	return open_context(s);
}

static int close_subject(void **state)
{
	struct subject *s = *state;

	wpk_context_destroy(s->c);
	assert_int_equal(s->driver->contexts, 0);
	assert_int_equal(s->driver->modules, 0);
	remove_file(s, "x.sm_80.cubin");
	remove_file(s, "x.sm_80.ptx");
	remove(s->folder);
	dlclose(s->library);
	free(s);
	return 0;
}

/* Reads and frees the text. */
static struct wpk_plan *read_plan(struct subject *s, char *text,
	struct wpk_error *e)
{
	struct wpk_plan *p = NULL;
	enum wpk_status status = wpk_plan_read(s->c, text, strlen(text),
		s->folder, NULL, &p, e);

	assert_int_equal(status, e->status);
	assert_true(!p == !!status);
	free(text);
	return p;
}

static struct wpk_plan *good_plan(struct subject *s)
{
	struct wpk_error e;
	struct wpk_plan *p = read_plan(s, plan_of(NULL), &e);

	if (!p)
		fail_msg("%s", e.text);
	return p;
}

/* ---- tensors ---- */

/* Those of the operator at M and K, at some addresses. */
struct pair {
	int64_t shapes[2][2], strides[2][2];
	DLTensor a, y;
	const DLTensor *v[2];
};

static void make_pair(struct pair *p, int64_t m, int64_t k)
{
	const DLTensor t = { NULL, { kDLCUDA, 0 }, 2, { kDLFloat, 32, 1 },
		NULL, NULL, 0 };

	*p = (struct pair){ .shapes = { { m, k }, { m } },
		.strides = { { k, 1 }, { 1 } }, .a = t, .y = t };
	p->a.data = (void *)0x10000;
	p->a.shape = p->shapes[0];
	p->a.strides = p->strides[0];
	p->y.data = (void *)0x20000000;
	p->y.ndim = 1;
	p->y.shape = p->shapes[1];
	p->v[0] = &p->a;
	p->v[1] = &p->y;
}

static const struct wpk_memory memory = { (void *)0x40000000, 1 << 20, NULL,
	0 };

static enum wpk_status run(const struct wpk_plan *p, const struct pair *t,
	const struct wpk_memory *m, struct wpk_error *e)
{
	return wpk_plan_run(wpk_plan_find(p, "product"), t->v, 2, m,
		(wpk_stream)0x77, e);
}

/* ---- cases ---- */

static void a_shape_takes_its_own_kernel(void **state)
{
	struct subject *s = *state;
	struct wpk_plan *p = good_plan(s);
	struct wpk_needs needs = { .size = sizeof needs };
	struct wpk_error e;
	struct pair t;

	make_pair(&t, 4, 8);
	assert_int_equal(wpk_plan_needs(wpk_plan_operator(p, 0), t.v, 2,
		&needs, &e), WPK_OK);
	assert_int_equal(needs.workspace, 512);
	assert_string_equal(needs.by, "special");
	assert_int_equal(needs.general, 0);
	assert_int_equal(run(p, &t, &memory, &e), WPK_OK);
	assert_int_equal(s->driver->filled, 0x40000100);
	assert_int_equal(s->driver->fill_bytes, 64);
	assert_string_equal(s->driver->function, "special");
	assert_int_equal(s->driver->launch.grid[0], 7);
	assert_int_equal(s->driver->launch.block[0], 128);
	assert_ptr_equal(s->driver->launch.stream, (void *)0x77);
	assert_int_equal(s->driver->launch.n_attributes, 0);
	assert_int_equal(s->driver->args[0], 0x20000000);
	assert_int_equal(s->driver->args[1], 0x10000);
	assert_int_equal(s->driver->args[2], 0x40000100);
	assert_int_equal(s->driver->args[3], 11);
	wpk_plan_destroy(p);
}

static void other_shapes_take_the_general_one(void **state)
{
	struct subject *s = *state;
	struct wpk_error e;
	char *text = plan_of("cluster", "2", NULL);
	struct wpk_plan *p = read_plan(s, text, &e);
	struct pair t;

	make_pair(&t, 9, 100);
	assert_int_equal(run(p, &t, &memory, &e), WPK_OK);
	assert_string_equal(s->driver->function, "general");
	assert_int_equal(s->driver->launch.grid[0], 3);
	assert_int_equal(s->driver->launch.grid[1], 4);
	assert_int_equal(s->driver->launch.n_attributes, 1);
	assert_int_equal(s->driver->args[2], 9);
	assert_int_equal(s->driver->args[3], 8);
	make_pair(&t, 9, 101);
	assert_int_equal(run(p, &t, &memory, &e), WPK_E_NO_KERNEL);
	assert_string_equal(e.text, "product: the plan has nothing for these "
		"sizes for sm_90");
	wpk_plan_destroy(p);
}

/* What a caller can get wrong; each is changed from what runs. */
static void tensors_are_checked(void **state)
{
	struct subject *s = *state;
	struct wpk_plan *p = good_plan(s);
	const struct wpk_operator *op = wpk_plan_find(p, "product");
	struct wpk_error e;
	struct pair t;
	const DLTensor *none[2] = { NULL, NULL };

#define REFUSED(want, change) do { \
		make_pair(&t, 4, 8); \
		change; \
		assert_int_equal(run(p, &t, &memory, &e), want); \
		assert_int_equal(e.status, want); \
		assert_true(*e.text); \
		assert_int_equal(s->driver->launches, 0); \
	} while (0)
	REFUSED(WPK_E_NULL, t.a.data = NULL);
	REFUSED(WPK_E_NULL, t.a.shape = NULL);
	REFUSED(WPK_E_NULL, t.v[1] = NULL);
	REFUSED(WPK_E_SHAPE, t.a.ndim = 3);
	REFUSED(WPK_E_SHAPE, t.a.ndim = -1);
	REFUSED(WPK_E_SHAPE, t.shapes[1][0] = 5);
	REFUSED(WPK_E_SHAPE, t.shapes[0][0] = -4);
	REFUSED(WPK_E_LAYOUT, t.strides[0][0] = 9);
	REFUSED(WPK_E_LAYOUT, t.strides[0][1] = 2);
	REFUSED(WPK_E_DTYPE, t.a.dtype.bits = 16);
	REFUSED(WPK_E_DTYPE, t.y.dtype.code = kDLInt);
	REFUSED(WPK_E_DTYPE, t.y.dtype.lanes = 4);
	REFUSED(WPK_E_DEVICE, t.a.device.device_type = kDLCPU);
	REFUSED(WPK_E_DEVICE, t.a.device.device_id = 1);
	REFUSED(WPK_E_ALIGNMENT, t.a.byte_offset = 4);
	REFUSED(WPK_E_ALIGNMENT, t.a.data = (void *)0x10008);
	REFUSED(WPK_E_OVERLAP, t.y.data = (void *)0x10000);
	REFUSED(WPK_E_OVERLAP, t.y.data = (void *)(0x10000 + 112));
	REFUSED(WPK_E_OVERLAP, t.y.data = (void *)(0x10000 - 16);
		t.y.byte_offset = 16);
#undef REFUSED
	make_pair(&t, 4, 8);
	t.y.data = (void *)(0x10000 + 128);
	t.a.strides = NULL;
	assert_int_equal(run(p, &t, &memory, &e), WPK_OK);
	assert_int_equal(wpk_plan_run(op, t.v, 1, &memory, NULL, &e),
		WPK_E_COUNT);
	assert_int_equal(wpk_plan_run(op, NULL, 2, &memory, NULL, &e),
		WPK_E_NULL);
	assert_int_equal(wpk_plan_run(op, none, 2, &memory, NULL, &e),
		WPK_E_NULL);
	assert_int_equal(wpk_plan_run(NULL, t.v, 2, &memory, NULL, NULL),
		WPK_E_NULL);
	wpk_plan_destroy(p);
}

static void a_stride_of_one_element_does_not_matter(void **state)
{
	struct subject *s = *state;
	struct wpk_plan *p = good_plan(s);
	struct wpk_error e;
	struct pair t;

	make_pair(&t, 1, 8);
	t.strides[0][0] = 12345;
	assert_int_equal(run(p, &t, &memory, &e), WPK_OK);
	wpk_plan_destroy(p);
}

static void workspace_is_checked(void **state)
{
	struct subject *s = *state;
	struct wpk_plan *p = good_plan(s);
	struct wpk_memory m = memory;
	struct wpk_error e;
	struct pair t;

	make_pair(&t, 4, 8);
	m.workspace_bytes = 511;
	assert_int_equal(run(p, &t, &m, &e), WPK_E_WORKSPACE);
	assert_string_equal(e.text, "product needs 512 bytes of workspace, not "
		"511");
	assert_int_equal(run(p, &t, NULL, &e), WPK_E_WORKSPACE);
	m.workspace_bytes = 512;
	assert_int_equal(run(p, &t, &m, &e), WPK_OK);
	m.workspace = (void *)0x40000080;
	assert_int_equal(run(p, &t, &m, &e), WPK_E_ALIGNMENT);
	wpk_plan_destroy(p);
}

static void failures_of_the_driver_are_told(void **state)
{
	struct subject *s = *state;
	struct wpk_plan *p = good_plan(s);
	struct wpk_error e;
	struct pair t;

	make_pair(&t, 4, 8);
	setenv("WPK_NULL_FAIL", "cuLaunchKernelEx", 1);
	assert_int_equal(run(p, &t, &memory, &e), WPK_E_CUDA);
	assert_int_equal(e.cuda, 1);
	assert_string_equal(e.text, "special: CUDA_ERROR_INVALID_VALUE");
	wpk_plan_destroy(p);
}

/* ---- plans that are wrong ---- */

struct wrong {
	const char *name, *text;	/* the blank */
	enum wpk_status status;
	const char *says;
};

static void wrong_plans_say_where(void **state)
{
	static const struct wrong wrong[] = {
		{ "workspace", "'512", WPK_E_SYNTAX, "line 1, column" },
		{ "workspace", "'M'", WPK_E_PLAN, "operators[0].variants[0]: "
			"\"workspace\" names what is no size: M" },
		{ "shared", "-1", WPK_E_PLAN, "operators[0].variants[0]."
			"steps[1]: \"shared\" is -1, not 0 to 1048576" },
		{ "shared", "1e3", WPK_E_PLAN, "\"shared\" is no integer" },
		{ "shared", "99999999999999999999", WPK_E_SYNTAX, "too big" },
		{ "argument", ", {'tensor': 2}", WPK_E_PLAN, "\"tensor\" is 2, "
			"not 0 to 1" },
		{ "argument", ", {'pointer': 2}", WPK_E_PLAN, "args[4]: an "
			"argument is neither tensor, place nor number" },
		{ "argument", ", {'tensor': 0, 'map': {}}", WPK_E_PLAN,
			"describes no tensor map" },
		{ "cluster", "17", WPK_E_PLAN, "is not 1 to 16 blocks" },
		{ "condition", " && L", WPK_E_PLAN, "names what is no size" },
		{ "condition", " )", WPK_E_PLAN, "goes on where it should" },
		{ "condition", " + (M", WPK_E_PLAN, "lacks a parenthesis" },
		{ "condition", " + 9999999999999999999", WPK_E_PLAN,
			"more than 64 bits" },
		{ "modules", "{'file': '../x', 'arch': 'sm_80'}", WPK_E_PLAN,
			"names a folder" },
		{ "modules", "{'file': 'none', 'arch': 'compute_80'}",
			WPK_E_MODULE, "cannot be read" },
		{ "modules", "", WPK_E_MODULE, "names no modules" },
		{ "variant", ", {'target': 'sm_80'}", WPK_E_PLAN,
			"variants[2]: \"M\" is no integer" },
		{ "variant", ", 7", WPK_E_PLAN, "\"target\" is no text" }
	};
	struct subject *s = *state;
	struct wpk_error e;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct wpk_plan *p = read_plan(s, plan_of(wrong[i].name,
			wrong[i].text, NULL), &e);

		assert_null(p);
		if (e.status != wrong[i].status ||
		    !strstr(e.text, wrong[i].says))
			fail_msg("%s %s: %s", wrong[i].name, wrong[i].text,
				e.text);
		assert_int_equal(s->driver->modules, 0);
	}
}

static char *document(const char *text)
{
	return strdup(text);
}

static void documents_are_told_apart(void **state)
{
	struct subject *s = *state;
	struct wpk_error e;
	char *deep = calloc(1, 100001);

	assert_null(read_plan(s, document("{\"schema\": 1, \"operators\": []}"),
		&e));
	assert_int_equal(e.status, WPK_E_VERSION);
	assert_string_equal(e.text, "the plan's schema is 1, and this library "
		"reads 2");
	assert_null(read_plan(s, document("[]"), &e));
	assert_int_equal(e.status, WPK_E_PLAN);
	assert_null(read_plan(s, document(""), &e));
	assert_int_equal(e.status, WPK_E_SYNTAX);
	assert_null(read_plan(s, document("{\"schema\": 2, \"schema\": 2}"),
		&e));
	assert_int_equal(e.status, WPK_E_SYNTAX);
	memset(deep, '[', 100000);
	assert_null(read_plan(s, deep, &e));
	assert_int_equal(e.status, WPK_E_SYNTAX);
}

/* Cut or with a byte changed anywhere, it is refused or read, never a crash. */
static void spoiled_plans_do_no_harm(void **state)
{
	struct subject *s = *state;
	struct wpk_error e;
	size_t n;
	char *text = plan_of(NULL);
	unsigned seed = 1;

	n = strlen(text);
	for (size_t i = 0; i < n; i += 17)
		assert_null(read_plan(s, strndup(text, i), &e));
	for (int i = 0; i < 3000; i++) {
		static const char bytes[] = "0123456789-{}[]\",:aM ";
		char *copy = strdup(text);

		seed = seed * 1103515245 + 12345;
		copy[(seed >> 8) % n] = bytes[(seed >> 3) %
			(sizeof bytes - 1)];
		wpk_plan_destroy(read_plan(s, copy, &e));
	}
	free(text);
}

/* Numbers out of range are told at the call. */
static void hostile_numbers_are_refused(void **state)
{
	struct subject *s = *state;
	struct wpk_error e;
	struct wpk_memory m = memory;
	struct pair t;
	struct wpk_plan *p = read_plan(s, plan_of("argument",
		", {'workspace': 1099511627776}", NULL), &e);

	make_pair(&t, 4, 8);
	assert_int_equal(run(p, &t, &m, &e), WPK_E_PLAN);
	assert_string_equal(e.text, "product: special has an offset or extent "
		"that is out of range");
	wpk_plan_destroy(p);
	p = read_plan(s, plan_of("condition", " || K / (M - M)", NULL), &e);
	make_pair(&t, 8, 8);
	assert_int_equal(run(p, &t, &m, &e), WPK_E_NO_KERNEL);
	make_pair(&t, INT64_MAX, 8);
	assert_int_equal(run(p, &t, &m, &e), WPK_E_NO_KERNEL);
	wpk_plan_destroy(p);
}

/* ---- devices ---- */

static void reopen(struct subject *s, const char *cc, const char *name)
{
	wpk_context_destroy(s->c);
	setenv("WPK_NULL_CC", cc, 1);
	if (name)
		setenv("WPK_NULL_NAME", name, 1);
	open_context(s);
}

/* A cubin where the device runs it, PTX on later generations, nothing before. */
static void devices_take_their_modules(void **state)
{
	static const struct { const char *cc, *code; } rows[] = {
		{ "80", "a cubin" }, { "86", "a cubin" }, { "90", "PTX" },
		{ "75", "" }
	};
	struct subject *s = *state;
	struct wpk_error e;
	struct pair t;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct wpk_plan *p;

		reopen(s, rows[i].cc, NULL);
		memset(s->driver->code, 0, sizeof s->driver->code);
		p = good_plan(s);
		assert_string_equal(s->driver->code, rows[i].code);
		make_pair(&t, 4, 8);
		assert_int_equal(run(p, &t, &memory, &e), *rows[i].code ?
			WPK_OK : WPK_E_NO_KERNEL);
		wpk_plan_destroy(p);
	}
}

static const char tuned[] =
	", {'target': 'sm_80', 'gpu': null, 'tuned': '@gpu', 'general': false,"
	" 'sizes': {'M': 4, 'K': 8}, 'lets': [], 'conditions': [],"
	" 'tensors': [{'dims': [4, 8], 'elements': 32, 'layout': ["
	"  {'dim': 0, 'div': 1, 'mod': 0, 'extent': 4, 'stride': 8},"
	"  {'dim': 1, 'div': 1, 'mod': 0, 'extent': 8, 'stride': 1}]},"
	" {'dims': [4], 'elements': 4, 'layout': ["
	"  {'dim': 0, 'div': 1, 'mod': 0, 'extent': 4, 'stride': 1}]}],"
	" 'workspace': 0, 'prepared': 0, 'prepare': [], 'steps': [{'kernel':"
	" 'tuned', 'grid': [1, 1, 1], 'threads': 32, 'cluster': [1, 1, 1],"
	" 'shared': 65536, 'args': []}]}";

static char *tuned_plan(const char *gpu)
{
	char variant[2000];
	const char *at = strstr(tuned, "@gpu");

	snprintf(variant, sizeof variant, "%.*s%s%s", (int)(at - tuned), tuned,
		gpu, at + 4);
	return plan_of("variant", variant, NULL);
}

/* What was tuned on this device comes first; a plan for another warns once. */
static void the_tuned_device_is_preferred(void **state)
{
	struct subject *s = *state;
	struct wpk_error e;
	struct wpk_plan *p;
	struct pair t;

	make_pair(&t, 4, 8);
	p = read_plan(s, tuned_plan("h200"), &e);
	assert_int_equal(run(p, &t, &memory, &e), WPK_OK);
	assert_string_equal(s->driver->function, "tuned");
	assert_int_equal(s->driver->shared, 65536);
	assert_int_equal(s->warnings, 0);
	wpk_plan_destroy(p);
	reopen(s, "80", "NVIDIA A100-SXM4-80GB");
	p = read_plan(s, tuned_plan("h200"), &e);
	for (int i = 0; i < 3; i++)
		assert_int_equal(run(p, &t, &memory, &e), WPK_OK);
	assert_string_equal(s->driver->function, "special");
	assert_int_equal(s->warnings, 1);
	assert_string_equal(s->warned, "this plan was tuned for h200 and runs "
		"on NVIDIA A100-SXM4-80GB, where other schedules may be "
		"faster");
	wpk_plan_destroy(p);
	p = read_plan(s, tuned_plan("a100"), &e);
	assert_int_equal(run(p, &t, &memory, &e), WPK_OK);
	assert_string_equal(s->driver->function, "tuned");
	assert_int_equal(s->warnings, 1);
	wpk_plan_destroy(p);
}

static void modules_that_fail_are_told(void **state)
{
	static const char *const calls[] = { "cuModuleLoadData",
		"cuModuleGetFunction", "cuFuncSetAttribute" };
	struct subject *s = *state;
	struct wpk_error e;

	for (int i = 0; i < 3; i++) {
		setenv("WPK_NULL_FAIL", calls[i], 1);
		assert_null(read_plan(s, plan_of("shared", "65536", NULL),
			&e));
		assert_int_equal(e.status, WPK_E_MODULE);
		assert_int_equal(s->driver->modules, 0);
	}
}

/* ---- contexts ---- */

static void drivers_that_fail_are_told(void **state)
{
	struct wpk_options o = { .size = sizeof o, .driver = null_driver };
	struct wpk_context *c;
	struct wpk_error e;

	(void)state;
	setenv("WPK_NULL_FAIL", "cuInit", 1);
	assert_int_equal(wpk_context_create(&c, &o, &e), WPK_E_DRIVER);
	assert_string_equal(e.text, "the CUDA driver finds no GPU: "
		"CUDA_ERROR_NO_DEVICE");
	assert_null(c);
	setenv("WPK_NULL_FAIL", "cuDevicePrimaryCtxRetain", 1);
	assert_int_equal(wpk_context_create(&c, &o, &e), WPK_E_CUDA);
	unsetenv("WPK_NULL_FAIL");
	o.device = 1;
	assert_int_equal(wpk_context_create(&c, &o, &e), WPK_E_DRIVER);
	assert_string_equal(e.text, "there is no device 1: this machine has 1, "
		"numbered from 0");
	o.device = -1;
	assert_int_equal(wpk_context_create(&c, &o, &e), WPK_E_ARGUMENT);
	o = (struct wpk_options){ .size = sizeof o, .driver = "/none" };
	assert_int_equal(wpk_context_create(&c, &o, &e), WPK_E_DRIVER);
	o.driver = "libm.so.6";
	assert_int_equal(wpk_context_create(&c, &o, &e), WPK_E_DRIVER);
	assert_non_null(strstr(e.text, "is too old: it has no cuInit"));
	o.driver = "";
	assert_int_equal(wpk_context_create(&c, &o, &e), WPK_E_DRIVER);
	o.size = 1;
	assert_int_equal(wpk_context_create(&c, &o, &e), WPK_E_ARGUMENT);
	assert_int_equal(wpk_context_create(NULL, NULL, NULL), WPK_E_NULL);
}

static void what_was_found_is_told(void **state)
{
	struct subject *s = *state;
	struct wpk_found f = { .size = sizeof f };
	struct wpk_error e;

	assert_int_equal(wpk_context_found(s->c, &f, &e), WPK_OK);
	assert_string_equal(f.device, "NVIDIA H200");
	assert_string_equal(f.arch, "sm_90");
	assert_int_equal(f.sms, 132);
	assert_int_equal(f.driver, 13000);
	assert_true(f.cudnn || f.no_cudnn);
	f.size = 1000000;
	assert_int_equal(wpk_context_found(s->c, &f, &e), WPK_E_ARGUMENT);
}

static void operators_describe_themselves(void **state)
{
	struct subject *s = *state;
	struct wpk_plan *p = good_plan(s);
	const struct wpk_operator *op = wpk_plan_find(p, "product");
	struct wpk_tensor t = { .size = sizeof t };
	struct wpk_error e;

	assert_int_equal(wpk_plan_operators(p), 1);
	assert_null(wpk_plan_find(p, "sum"));
	assert_null(wpk_plan_operator(p, 1));
	assert_int_equal(wpk_operator_tensors(op), 2);
	assert_int_equal(wpk_operator_tensor(op, 0, &t, &e), WPK_OK);
	assert_string_equal(t.name, "a");
	assert_string_equal(t.shape, "[M, K]");
	assert_int_equal(t.output, 0);
	assert_int_equal(t.ndim, 2);
	assert_int_equal(t.dims[0], -1);
	assert_int_equal(wpk_operator_tensor(op, 2, &t, &e), WPK_E_ARGUMENT);
	wpk_plan_destroy(p);
}

static void every_status_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(wpk_status_name(WPK_OK), "WPK_OK");
	assert_string_equal(wpk_status_name(WPK_E_NO_KERNEL),
		"WPK_E_NO_KERNEL");
	assert_string_equal(wpk_status_name(WPK_E_MEMORY), "WPK_E_MEMORY");
	assert_string_equal(wpk_status_name((enum wpk_status)99), "unknown");
	assert_int_equal(wpk_version(), WPK_VERSION_NUMBER);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_subject, close_subject)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_shape_takes_its_own_kernel),
		CASE(other_shapes_take_the_general_one),
		CASE(tensors_are_checked),
		CASE(a_stride_of_one_element_does_not_matter),
		CASE(workspace_is_checked),
		CASE(failures_of_the_driver_are_told),
		CASE(wrong_plans_say_where),
		CASE(documents_are_told_apart),
		CASE(spoiled_plans_do_no_harm),
		CASE(hostile_numbers_are_refused),
		CASE(devices_take_their_modules),
		CASE(the_tuned_device_is_preferred),
		CASE(modules_that_fail_are_told),
		CASE(drivers_that_fail_are_told),
		CASE(what_was_found_is_told),
		CASE(operators_describe_themselves),
		CASE(every_status_has_a_name)
	};

	find_driver();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
