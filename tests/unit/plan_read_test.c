/* SPDX-License-Identifier: MIT */
/* Reading plans on a driver that does nothing: what they may say and what is
 * refused, on which device, with which modules. */
#include "tests/unit/plan_subject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/lib/device_name.h"

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
		{ "workspace", "'L'", WPK_E_PLAN, "operators[0].variants[0]: "
			"\"workspace\" names what is no size: L" },
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
			"variants[2]: \"M\" is missing" },
		{ "variant", ", 7", WPK_E_PLAN, "\"target\" is missing" }
	};
	struct subject *s = *state;
	struct wpk_error e;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct wpk_plan *p = subject_read(s, plan_of(wrong[i].name,
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

	assert_null(subject_read(s, document("{\"schema\": 1, \"operators\": []}"),
		&e));
	assert_int_equal(e.status, WPK_E_VERSION);
	assert_string_equal(e.text, "the plan's schema is 1, and this library "
		"reads 2 to 3");
	assert_null(subject_read(s, document("[]"), &e));
	assert_int_equal(e.status, WPK_E_PLAN);
	assert_null(subject_read(s, document(""), &e));
	assert_int_equal(e.status, WPK_E_SYNTAX);
	assert_null(subject_read(s, document("{\"schema\": 2, \"schema\": 2}"),
		&e));
	assert_int_equal(e.status, WPK_E_SYNTAX);
	assert_null(subject_read(s, document("{\"schema\": 2, \"modules\": "
		"[{\"file\": \"x.sm_80.ptx\", \"arch\": \"compute_80\"}], "
		"\"operators\": [{\"name\": \"f\", \"symbol\": \"f\", \"sizes"
		"\": [], \"arguments\": [], \"tensors\": [], \"variants\": []}]"
		"}"), &e));
	assert_int_equal(e.status, WPK_E_PLAN);
	assert_string_equal(e.text, "operators[0]: \"variants\" are none");
	memset(deep, '[', 100000);
	assert_null(subject_read(s, deep, &e));
	assert_int_equal(e.status, WPK_E_SYNTAX);
}

/* From a file, with modules beside it; errors begin with its name. */
static void files_are_loaded(void **state)
{
	struct subject *s = *state;
	char path[100], want[300], *text = plan_of(NULL);
	struct wpk_plan *p;
	struct wpk_error e;
	FILE *f;

	snprintf(path, sizeof path, "%s/x.plan", s->folder);
	assert_int_equal(wpk_plan_load(s->c, path, &p, &e), WPK_E_FILE);
	assert_null(p);
	snprintf(want, sizeof want, "%s cannot be read: No such file or "
		"directory", path);
	assert_string_equal(e.text, want);
	assert_int_equal(wpk_plan_load(s->c, s->folder, &p, &e), WPK_E_FILE);
	snprintf(want, sizeof want, "%s cannot be read: Is a directory",
		s->folder);
	assert_string_equal(e.text, want);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(wpk_plan_load(s->c, path, &p, &e), WPK_OK);
	assert_int_equal(s->driver->modules, 1);
	wpk_plan_destroy(p);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("[]", f);
	fclose(f);
	assert_int_equal(wpk_plan_load(s->c, path, &p, &e), WPK_E_PLAN);
	snprintf(want, sizeof want, "%s: this is no plan: it has no "
		"\"schema\"", path);
	assert_string_equal(e.text, want);
	assert_int_equal(wpk_plan_load(s->c, NULL, &p, &e), WPK_E_NULL);
	remove(path);
	free(text);
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
		assert_null(subject_read(s, strndup(text, i), &e));
	for (int i = 0; i < 3000; i++) {
		static const char bytes[] = "0123456789-{}[]\",:aM ";
		char *copy = strdup(text);

		seed = seed * 1103515245 + 12345;
		copy[(seed >> 8) % n] = bytes[(seed >> 3) %
			(sizeof bytes - 1)];
		wpk_plan_destroy(subject_read(s, copy, &e));
	}
	free(text);
}

/* Numbers out of range are told at the call. */
static void hostile_numbers_are_refused(void **state)
{
	struct subject *s = *state;
	struct wpk_error e;
	struct wpk_memory m = pair_memory;
	struct pair t;
	struct wpk_plan *p = subject_read(s, plan_of("argument",
		", {'workspace': 1099511627776}", NULL), &e);

	pair_make(&t, 4, 8);
	assert_int_equal(pair_run(p, &t, &m, &e), WPK_E_PLAN);
	assert_string_equal(e.text, "product: special has an offset or extent "
		"that is out of range");
	wpk_plan_destroy(p);
	p = subject_read(s, plan_of("condition", " || K / (M - M)", NULL), &e);
	pair_make(&t, 8, 8);
	assert_int_equal(pair_run(p, &t, &m, &e), WPK_E_NO_KERNEL);
	pair_make(&t, INT64_MAX, 8);
	assert_int_equal(pair_run(p, &t, &m, &e), WPK_E_NO_KERNEL);
	wpk_plan_destroy(p);
}

/* ---- devices ---- */

static void reopen(struct subject *s, const char *cc, const char *name)
{
	wpk_context_destroy(s->c);
	setenv("WPK_NULL_CC", cc, 1);
	if (name)
		setenv("WPK_NULL_NAME", name, 1);
	subject_context(s);
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
		p = subject_plan(s);
		assert_string_equal(s->driver->code, rows[i].code);
		pair_make(&t, 4, 8);
		assert_int_equal(pair_run(p, &t, &pair_memory, &e), *rows[i].code ?
			WPK_OK : WPK_E_NO_KERNEL);
		wpk_plan_destroy(p);
	}
}

/* What the driver is too old for is passed over: with a warning, and for PTX where
 * there is some. */
static void drivers_may_be_too_old(void **state)
{
	struct subject *s = *state;
	struct wpk_error e;
	struct wpk_plan *p;
	struct pair t;

	pair_make(&t, 4, 8);
	reopen(s, "80", NULL);
	setenv("WPK_NULL_OLD", "a cubin", 1);
	p = subject_plan(s);
	assert_string_equal(s->driver->code, "PTX");
	assert_int_equal(s->warnings, 1);
	assert_string_equal(s->warned, "the module x.sm_80.cubin is passed "
		"over: the driver, of CUDA 13.0, is too old for it "
		"(CUDA_ERROR_UNSUPPORTED_PTX_VERSION)");
	assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_OK);
	wpk_plan_destroy(p);
	reopen(s, "90", NULL);
	setenv("WPK_NULL_OLD", "PTX", 1);
	p = subject_plan(s);
	assert_int_equal(s->warnings, 2);
	assert_int_equal(s->driver->modules, 0);
	assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_E_NO_KERNEL);
	wpk_plan_destroy(p);
}

/* Only kernels want modules. */
static void plans_may_have_no_kernels(void **state)
{
	static const char text[] = "{\"schema\": 2, \"operators\": [{\"name\": "
		"\"f\", \"symbol\": \"f\", \"sizes\": [], \"arguments\": [], "
		"\"tensors\": [], \"variants\": [{\"target\": \"sm_80\", "
		"\"general\": false, \"sizes\": {}, \"lets\": [], "
		"\"conditions\": [], \"tensors\": [], \"workspace\": 0, "
		"\"prepared\": 0, \"prepare\": [], \"steps\": []}]}]}";
	struct subject *s = *state;
	struct wpk_error e;
	struct wpk_plan *p = subject_read(s, document(text), &e);
	const DLTensor *none[1] = { NULL };

	assert_int_equal(e.status, WPK_OK);
	assert_int_equal(wpk_plan_run(wpk_plan_operator(p, 0), none, 0, NULL,
		NULL, &e), WPK_OK);
	wpk_plan_destroy(p);
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

static void devices_go_by_short_names(void **state)
{
	static const struct {
		const char *device, *name;
		bool is;
	} cases[] = {
		{ "NVIDIA GeForce RTX 4090", "rtx4090", true },
		{ "NVIDIA GeForce RTX 4090 Laptop GPU", "rtx4090", true },
		{ "NVIDIA GeForce RTX 4090 D", "rtx4090", true },
		{ "NVIDIA GeForce RTX 40900", "rtx4090", false },
		{ "NVIDIA L40S", "l4", false }, { "NVIDIA L40S", "l40s", true },
		{ "NVIDIA L4", "L4", true }, { "NVIDIA H200", "h200", true },
		{ "NVIDIA H200 NVL", "h200", true }, { "NVIDIA H200", "h20", false },
		{ "NVIDIA A100-SXM4-80GB", "a100", true },
		{ "NVIDIA GH200", "h200", false }, { "", "h200", false },
		{ "Tesla T4", "t4", true }, { "RTX A6000", "rtxa6000", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (device_is_called(cases[i].device, cases[i].name) !=
		    cases[i].is)
			fail_msg("%s, %s", cases[i].device, cases[i].name);
}

static char *tuned_plan(const char *gpu)
{
	char variant[2000];
	const char *at = strstr(tuned, "@gpu");

	snprintf(variant, sizeof variant, "%.*s%s%s", (int)(at - tuned), tuned,
		gpu, at + 4);
	return plan_of("variant", variant, NULL);
}

/* Two for one shape and device: "tuned" on all of it, "halfs" on half. */
static char *shares_plan(void)
{
	char variants[4000], *at;
	int n = snprintf(variants, sizeof variants, "%s", tuned);

	memcpy(strstr(variants, "@gpu"), "h200", 4);
	at = variants + n;
	snprintf(at, sizeof variants - (size_t)n, "%s", tuned);
	memcpy(strstr(at, "@gpu"), "h200", 4);
	memcpy(strstr(strstr(at, "'kernel'"), "'tuned'"), "'halfs'", 7);
	at = strstr(at, "'general'");
	memmove(at + 13, at, strlen(at) + 1);
	memcpy(at, "'share': 50, ", 13);
	return plan_of("variant", variants, NULL);
}

/* Where there is none for just that share the nearest below, else above. */
static void the_share_of_the_device_is_preferred(void **state)
{
	static const struct { int share; const char *kernel; } rows[] = {
		{ 100, "tuned" }, { 0, "tuned" }, { 50, "halfs" },
		{ 99, "halfs" }, { 51, "halfs" }, { 49, "halfs" },
		{ 1, "halfs" } };
	struct subject *s = *state;
	struct wpk_error e;
	struct pair t;

	pair_make(&t, 4, 8);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct wpk_plan *p;

		wpk_context_destroy(s->c);
		s->share = rows[i].share;
		subject_context(s);
		p = subject_read(s, shares_plan(), &e);
		assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_OK);
		assert_string_equal(s->driver->function, rows[i].kernel);
		wpk_plan_destroy(p);
	}
}

/* What was tuned on this device comes first; a plan for another warns once. */
static void the_tuned_device_is_preferred(void **state)
{
	struct subject *s = *state;
	struct wpk_error e;
	struct wpk_plan *p;
	struct pair t;

	pair_make(&t, 4, 8);
	p = subject_read(s, tuned_plan("h200"), &e);
	assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_OK);
	assert_string_equal(s->driver->function, "tuned");
	assert_int_equal(s->driver->shared, 65536);
	assert_int_equal(s->warnings, 0);
	wpk_plan_destroy(p);
	reopen(s, "80", "NVIDIA A100-SXM4-80GB");
	p = subject_read(s, tuned_plan("h200"), &e);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_OK);
	assert_string_equal(s->driver->function, "special");
	assert_int_equal(s->warnings, 1);
	assert_string_equal(s->warned, "this plan was tuned for h200 and runs "
		"on NVIDIA A100-SXM4-80GB, where other schedules may be "
		"faster");
	wpk_plan_destroy(p);
	p = subject_read(s, tuned_plan("a100"), &e);
	assert_int_equal(pair_run(p, &t, &pair_memory, &e), WPK_OK);
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
		assert_null(subject_read(s, plan_of("shared", "65536", NULL),
			&e));
		assert_int_equal(e.status, WPK_E_MODULE);
		assert_int_equal(s->driver->modules, 0);
	}
}

/* ---- library calls ---- */

/* A product of 2 x 8 and 8 x 2, both in a, into y. "@m" is the blank. */
static char *call_plan(const char *m, const char *a, const char *d)
{
	char step[2000];

	snprintf(step, sizeof step, ", {'library': 'cublaslt', 'algorithm': 0,"
		" 'call': {'gemm': {'m': %s, 'n': 2, 'k': 8, 'batch': 1,"
		" 'compute': 'f32', 'a': {'place': {%s}, 'type': 'f32',"
		" 'order': 'row', 'ld': 8}, 'b': {'place': {'tensor': 0},"
		" 'type': 'f32', 'order': 'col', 'ld': 8}, 'c': null, 'd': {"
		"'place': {%s}, 'type': 'f32', 'order': 'row', 'ld': 2},"
		" 'epilogue': 'none', 'bias': null}}}", m, a, d);
	return plan_of("step", step, NULL);
}

static void use_cublaslt(struct subject *s, char path[4096])
{
	const char *top = getenv("top_builddir");

	snprintf(path, 4096, "%s/tests/runtime/libcublaslt.so",
		top ? top : ".");
	wpk_context_destroy(s->c);
	s->cublaslt = path;
	subject_context(s);
}

static void calls_stay_within_their_tensors(void **state)
{
	static const struct { const char *m, *a, *d, *says; } rows[] = {
		{ "2", "'tensor': 0", "'tensor': 1", NULL },
		{ "2", "'workspace': 0", "'tensor': 1", NULL },
		{ "2", "'tensor': 0", "'workspace': 496", NULL },
		{ "4", "'tensor': 0", "'tensor': 1", "takes 32 bytes of y, "
			"which has 16 there" },
		{ "2", "'tensor': 2", "'tensor': 1", "no tensor 2" },
		{ "2", "'tensor': 1", "'tensor': 1", "takes 64 bytes of y, "
			"which has 16 there" },
		{ "2", "'tensor': 0", "'tensor': 0", "writes a, an input" },
		{ "2", "'workspace': 8", "'tensor': 1", "aligned to 16" },
		{ "2", "'workspace': 464", "'tensor': 1", "takes 64 bytes of "
			"workspace, which has 48 there" },
		{ "2", "'prepared': 0", "'tensor': 1", "what is prepared, which "
			"has 0 there" }
	};
	struct subject *s = *state;
	struct wpk_error e;
	char path[4096];

	use_cublaslt(s, path);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct wpk_plan *p = subject_read(s, call_plan(rows[i].m,
			rows[i].a, rows[i].d), &e);

		if (!p != !!rows[i].says || (rows[i].says &&
		    !strstr(e.text, rows[i].says)))
			fail_msg("%s, %s, %s: %s", rows[i].m, rows[i].a,
				rows[i].d, e.text);
		wpk_plan_destroy(p);
	}
}

/* What would call it is passed over, and that is told. */
static void a_missing_library_is_no_failure(void **state)
{
	struct subject *s = *state;
	struct wpk_error e;
	struct wpk_plan *p = subject_read(s, call_plan("2", "'tensor': 0",
		"'tensor': 1"), &e);
	struct wpk_needs needs = { .size = sizeof needs };
	struct pair t;

	assert_non_null(p);
	assert_int_equal(s->warnings, 1);
	assert_non_null(strstr(s->warned, "product: "));
	pair_make(&t, 4, 8);
	assert_int_equal(wpk_plan_needs(wpk_plan_operator(p, 0), t.v, 2,
		&needs, &e), WPK_OK);
	assert_string_equal(needs.by, "general");
	wpk_plan_destroy(p);
}

/* ---- contexts ---- */

static void drivers_that_fail_are_told(void **state)
{
	char path[4096];
	struct wpk_options o = { .size = sizeof o,
		.driver = subject_driver(path) };
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
	o.size = sizeof o + 8;
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
	assert_int_equal(f.cudnn, 0);
	assert_non_null(f.no_cudnn);
	assert_int_equal(f.cublaslt, 0);
	assert_non_null(f.no_cublaslt);
	f.size = 1000000;
	assert_int_equal(wpk_context_found(s->c, &f, &e), WPK_E_ARGUMENT);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(wrong_plans_say_where),
		CASE(documents_are_told_apart),
		CASE(files_are_loaded),
		CASE(spoiled_plans_do_no_harm),
		CASE(hostile_numbers_are_refused),
		CASE(devices_take_their_modules),
		CASE(drivers_may_be_too_old),
		CASE(plans_may_have_no_kernels),
		cmocka_unit_test(devices_go_by_short_names),
		CASE(the_tuned_device_is_preferred),
		CASE(the_share_of_the_device_is_preferred),
		CASE(modules_that_fail_are_told),
		CASE(calls_stay_within_their_tensors),
		CASE(a_missing_library_is_no_failure),
		CASE(drivers_that_fail_are_told),
		CASE(what_was_found_is_told),
		CASE(every_status_has_a_name)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
