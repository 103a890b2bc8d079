/* SPDX-License-Identifier: MIT */
/* What the tests of libwpk's plans share: a plan with blanks, a context on a
 * driver that does nothing, and a folder of modules. */
#include "tests/unit/plan_subject.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One operator, two variants and a general one. "@" stands for what a case
 * changes. */
static const char plan_text[] =
	"{'schema': 2, 'wpkc': '0.1.0', 'modules': [@modules],"
	" 'operators': [{'name': 'product', 'symbol': 'product',"
	"  'sizes': ['M', 'K'], 'arguments': ['M', 'K'],"
	"  'tensors': ["
	"   {'name': 'a', 'role': 'in', 'dtype': 'f32', 'shape': '[M, K]',"
	"    'align': 16, 'constant': @constant},"
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
	"       {'workspace': 256}, {'i32': 11}@argument]}@step]},"
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

char *plan_of(const char *first, ...)
{
	static const struct blank usual[] = {
		{ "modules", "{'file': 'x.sm_80.cubin', 'arch': 'sm_80'}, "
			"{'file': 'x.sm_80.ptx', 'arch': 'compute_80'}" },
		{ "workspace", "512" }, { "shared", "0" }, { "argument", "" },
		{ "condition", "" }, { "cluster", "1" }, { "variant", "" },
		{ "step", "" }, { "constant", "false" }
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

/* In the build tree. */
const char *subject_driver(char path[4096])
{
	const char *top = getenv("top_builddir");

	snprintf(path, 4096, "%s/tests/runtime/libnull.so", top ? top : ".");
	return path;
}

int subject_context(struct subject *s)
{
	char path[4096];
	struct wpk_options o = { .size = sizeof o,
		.driver = subject_driver(path), .cudnn = "",
		.cublaslt = s->cublaslt, .warn = warn, .data = s, .share = s->share };
	struct wpk_error e;

	if (wpk_context_create(&s->c, &o, &e))
		fail_msg("%s", e.text);
	return 0;
}

int subject_open(void **state)
{
	struct subject *s = calloc(1, sizeof *s);
	char path[4096];

	*state = s;
	s->cublaslt = "";
	unsetenv("WPK_NULL_CC");
	unsetenv("WPK_NULL_NAME");
	unsetenv("WPK_NULL_FAIL");
	unsetenv("WPK_NULL_OLD");
	s->library = dlopen(subject_driver(path), RTLD_NOW);
	assert_non_null(s->library);
	s->driver = dlsym(s->library, "null_state");
	memset(s->driver, 0, sizeof *s->driver);
	strcpy(s->folder, "/tmp/wpk-plan-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	write_file(s, "x.sm_80.cubin", "a cubin");
	write_file(s, "x.sm_80.ptx", "PTX");
	return subject_context(s);
}

int subject_close(void **state)
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

struct wpk_plan *subject_read(struct subject *s, char *text,
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

struct wpk_plan *subject_plan(struct subject *s)
{
	struct wpk_error e;
	struct wpk_plan *p = subject_read(s, plan_of(NULL), &e);

	if (!p)
		fail_msg("%s", e.text);
	return p;
}

/* ---- tensors ---- */

void pair_make(struct pair *p, int64_t m, int64_t k)
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

const struct wpk_memory pair_memory = { (void *)0x40000000, 1 << 20, NULL,
	0 };

enum wpk_status pair_run(const struct wpk_plan *p, const struct pair *t,
	const struct wpk_memory *m, struct wpk_error *e)
{
	return wpk_plan_run(wpk_plan_find(p, "product"), t->v, 2, m,
		(wpk_stream)0x77, e);
}
