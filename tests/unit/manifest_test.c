/* SPDX-License-Identifier: MIT */
/* Manifests as another program reads them: JSON of the schema that wpkc(1)
 * describes, which says the same as the CUDA beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/arena.h"
#include "base/str.h"

static const char source[] =
	"export op int[N = 4, C = 64, H = 8, W = 8](\n"
	"    x: f16[N, C, H, W] layout(N, C/32, H, W, C%32),\n"
	"    w: f32[C, 64]) -> (y: f32[N, 64, H, W]) {\n"
	"    y[n, f, h, v] = sum[c](x[n, c, h, v] * w[c, f]);\n"
	"}\n"
	"export op twice[N = 1000](x: f32[N]) -> (y: f32[N], z: f32) {\n"
	"    let s: f32 = sum[i](x[i]);\n"
	"    y[i] = x[i] / s;\n"
	"    z = s;\n"
	"}\n"
	"schedule fixed for twice { const(x); }\n"
	"export op half[N = 1000](x: f32[N]) -> (y: f32[N]) {\n"
	"    y[i] = x[i] / 2;\n"
	"}\n"
	"schedule late for half target sm_90a { const(x); }\n";

static const char options[] = "--target=sm_75,sm_90a";

/* What wpkc prints of the source in "path". */
static const char *output(struct arena *a, const char *path, const char *emit)
{
	const char *build = getenv("top_builddir");
	FILE *f = popen(arena_printf(a, "'%s/wpkc' --no-lock -q %s --emit=%s "
		"-o - %s", build ? build : ".", options, emit, path), "r");
	struct str s;
	char buf[4096];
	size_t n;

	assert_non_null(f);
	str_init(&s, a);
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		str_putn(&s, buf, n);
	assert_int_equal(pclose(f), 0);
	return str_text(&s);
}

struct subject {
	struct arena *a;
	json_t *all;
	const char *cuda;
};

static int open_subject(void **state)
{
	struct arena *a = arena_create();
	struct subject *s = ARENA_NEW(a, struct subject);
	char path[] = "/tmp/wpk-unit-XXXXXX";
	int fd = mkstemp(path);
	json_error_t why;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, source, sizeof source - 1),
		sizeof source - 1);
	close(fd);
	s->a = a;
	s->all = json_loads(output(a, path, "manifest"),
		JSON_REJECT_DUPLICATES, &why);
	if (!s->all)
		fail_msg("%d: %s", why.line, why.text);
	s->cuda = output(a, path, "cu");
	unlink(path);
	*state = s;
	return 0;
}

static int close_subject(void **state)
{
	struct subject *s = *state;

	json_decref(s->all);
	arena_destroy(s->a);
	return 0;
}

static const char *string(json_t *v, const char *key)
{
	const char *s = json_string_value(json_object_get(v, key));

	if (!s)
		fail_msg("no string '%s'", key);
	return s;
}

static json_int_t integer(json_t *v, const char *key)
{
	if (!json_is_integer(json_object_get(v, key)))
		fail_msg("no integer '%s'", key);
	return json_integer_value(json_object_get(v, key));
}

static json_t *operator(struct subject *s, const char *name)
{
	json_t *v;
	size_t i;

	json_array_foreach(json_object_get(s->all, "operators"), i, v)
		if (!strcmp(string(v, "name"), name))
			return v;
	fail_msg("no operator '%s'", name);
	return NULL;
}

static void says_what_it_is(void **state)
{
	struct subject *s = *state;

	assert_int_equal(integer(s->all, "schema"), 3);
	assert_int_equal(strlen(string(s->all, "source_hash")), 16);
	assert_int_equal(json_array_size(json_object_get(s->all, "targets")),
		2);
	assert_int_equal(json_array_size(json_object_get(s->all,
		"operators")), 3);
	assert_string_equal(string(operator(s, "int"), "symbol"), "int_");
}

/* C/32 and C%32, with the strides of memory. */
static void layouts_are_those_of_memory(void **state)
{
	static const json_int_t want[][5] = {
		{ 0, 1, 0, 4, 4096 }, { 1, 32, 0, 2, 2048 },
		{ 2, 1, 0, 8, 256 }, { 3, 1, 0, 8, 32 },
		{ 1, 1, 32, 32, 1 }
	};
	struct subject *s = *state;
	json_t *o = operator(s, "int"), *x, *at;
	size_t i;

	x = json_array_get(json_object_get(o, "tensors"), 0);
	assert_string_equal(string(x, "dtype"), "f16");
	x = json_array_get(json_object_get(json_array_get(json_object_get(o,
		"variants"), 0), "tensors"), 0);
	assert_int_equal(integer(x, "elements"), 4 * 64 * 8 * 8);
	assert_int_equal(json_array_size(json_object_get(x, "layout")), 5);
	json_array_foreach(json_object_get(x, "layout"), i, at) {
		assert_int_equal(integer(at, "dim"), want[i][0]);
		assert_int_equal(integer(at, "div"), want[i][1]);
		assert_int_equal(integer(at, "mod"), want[i][2]);
		assert_int_equal(integer(at, "extent"), want[i][3]);
		assert_int_equal(integer(at, "stride"), want[i][4]);
	}
}

/* One target's schedule may say so: the launcher's face is one for all. */
static void constants_are_marked(void **state)
{
	struct subject *s = *state;
	json_t *tensors = json_object_get(operator(s, "half"), "tensors");

	assert_true(json_is_true(json_object_get(json_array_get(tensors, 0),
		"constant")));
	assert_non_null(strstr(s->cuda, "half_prepare(const float *x"));
	tensors = json_object_get(operator(s, "twice"), "tensors");

	assert_true(json_is_true(json_object_get(json_array_get(tensors, 0),
		"constant")));
	assert_true(json_is_false(json_object_get(json_array_get(tensors, 1),
		"constant")));
	assert_non_null(strstr(string(operator(s, "twice"), "prototype"),
		"const void *prepared, size_t prepared_bytes"));
}

/* Its definition, with the bound on its threads before it. */
static void check_launch(struct subject *s, json_t *step)
{
	const char *name = string(step, "kernel");
	const char *at = strstr(s->cuda, arena_printf(s->a, "\n%s(", name));
	const char *head;

	if (!at)
		fail_msg("no kernel %s", name);
	head = arena_strndup(s->a, at - 40, 40);
	if (!strstr(head, arena_printf(s->a, "(%d)", (int)integer(step,
		"threads"))) && !strstr(head, arena_printf(s->a, "(%d, ",
		(int)integer(step, "threads"))))
		fail_msg("%s: %s", name, head);
	if (integer(step, "shared"))
		assert_non_null(strstr(s->cuda, arena_printf(s->a,
			"dynamicSmemBytes = %d;", (int)integer(step,
			"shared"))));
	assert_int_equal(json_array_size(json_object_get(step, "grid")), 3);
}

static void kernels_are_those_of_the_text(void **state)
{
	struct subject *s = *state;
	json_t *o, *v, *step;
	size_t i, k, n, kernels = 0, text = 0;

	json_array_foreach(json_object_get(s->all, "operators"), i, o) {
		assert_non_null(strstr(s->cuda, arena_printf(s->a,
			"extern \"C\" cudaError_t %s(", string(o, "symbol"))));
		json_array_foreach(json_object_get(o, "variants"), k, v) {
			assert_int_equal(strlen(string(v, "hash")), 16);
			assert_true(json_array_size(json_object_get(v,
				"groups")) > 0);
			json_array_foreach(json_object_get(v, "steps"), n,
				step) {
				if (!json_object_get(step, "kernel"))
					continue;
				check_launch(s, step);
				kernels++;
			}
		}
		assert_int_equal(k, 2);
	}
	for (const char *at = s->cuda; (at = strstr(at,
	     "extern \"C\" __global__")); at++)
		text++;
	assert_int_equal(kernels, text);
}

static void tunables_have_values(void **state)
{
	struct subject *s = *state;
	json_t *group = json_array_get(json_object_get(json_array_get(
		json_object_get(operator(s, "int"), "variants"), 0),
		"groups"), 0);

	assert_true(json_object_size(json_object_get(group, "tunables")) > 0);
	assert_true(json_is_real(json_object_get(group, "seconds")));
	assert_string_equal(string(group, "measured"), "model");
	assert_non_null(string(group, "sketch"));
}

/* 0xff is in no UTF-8, nor is the end of a sequence alone. */
static void names_need_not_be_utf8(void **state)
{
	const struct subject *s = *state;
	char path[] = "/tmp/wpk-\xff-\xa4-XXXXXX";
	int fd = mkstemp(path);
	const char *name;
	json_t *all;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, source, sizeof source - 1),
		sizeof source - 1);
	close(fd);
	all = json_loads(output(s->a, path, "manifest"), 0, NULL);
	unlink(path);
	assert_non_null(all);
	name = string(all, "source");
	assert_true(!strncmp(name, "wpk-\\xff-\\xa4-", 14));
	assert_string_equal(name + 14, path + 13);
	json_object_del(all, "source");
	json_object_del(s->all, "source");
	assert_true(json_equal(all, s->all));
	json_decref(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_it_is),
		cmocka_unit_test(layouts_are_those_of_memory),
		cmocka_unit_test(constants_are_marked),
		cmocka_unit_test(kernels_are_those_of_the_text),
		cmocka_unit_test(tunables_have_values),
		cmocka_unit_test(names_need_not_be_utf8),
	};

	return cmocka_run_group_tests(tests, open_subject, close_subject);
}
