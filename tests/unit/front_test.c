/* SPDX-License-Identifier: MIT */
/* The front end's interface, and that its tables agree with the IR's. What it
 * accepts, prints and refuses is in tests/front and tests/errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "front/front.h"
#include "front/names.h"
#include "ir/ops.h"
#include "ir/type.h"
#include "schedule/target.h"

struct world {
	struct arena *a;
	struct diag *d;
};

static int setup(void **state)
{
	struct arena *a = arena_create();
	struct world *w = ARENA_NEW(a, struct world);

	w->a = a;
	w->d = diag_create(a);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	arena_destroy(((struct world *)*state)->a);
	return 0;
}

static struct ast_unit *load(struct world *w, const char *text)
{
	return front_load_source(w->a, source_from_text(w->a, "t.wpk", text,
		strlen(text)), NULL, NULL, w->d);
}

static const char *case_path(struct world *w, const char *name)
{
	const char *top = getenv("top_srcdir");

	return arena_printf(w->a, "%s/tests/front/%s", top ? top : ".", name);
}

static void find_by_all_names(void **state)
{
	struct world *w = *state;
	const struct ast_unit *owner;
	const struct ast_item *it;
	struct ast_unit *u = front_load(w->a, case_path(w, "instances.wpk"),
		NULL, NULL, w->d);

	assert_non_null(u);
	it = front_find(u, "c2", &owner);
	assert_int_equal(it->kind, AST_INSTANCE);
	assert_ptr_equal(owner, u);
	it = front_find(u, "mat.nt", &owner);
	assert_int_equal(it->kind, AST_OP);
	assert_string_equal(owner->module, "mat");
	assert_ptr_equal(front_find(u, "std.mat.nt", NULL), it);
	assert_int_equal(front_find(u, "act.relu", NULL)->kind, AST_FN);
	assert_null(front_find(u, "nt", NULL));
	assert_null(front_find(u, "std.nt", NULL));
	assert_null(front_find(u, "mat.big", NULL));
	assert_null(front_find(u, "s", NULL));
}

static void files_name_what_was_read(void **state)
{
	struct world *w = *state;
	struct front_files files;
	const char *dirs[] = { case_path(w, "far_folder"), case_path(w, ""),
		NULL };
	struct front_options o = { dirs };
	const char *path = case_path(w, "files.wpk");

	assert_non_null(front_load(w->a, path, &o, &files, w->d));
	assert_int_equal(files.n, 7);
	assert_string_equal(files.v[0], path);
	assert_string_equal(files.v[1], case_path(w, "far_folder/far/away.wpk"));
	assert_string_equal(files.v[3], case_path(w, "std/act.wpk"));
}

static void files_before_an_error(void **state)
{
	struct world *w = *state;
	struct front_files files;

	assert_null(front_load(w->a, case_path(w, "../errors/import_cycle.wpk"),
		NULL, &files, w->d));
	assert_int_equal(files.n, 3);
	assert_null(front_load(w->a, case_path(w, "none.wpk"), NULL, &files,
		w->d));
	assert_int_equal(files.n, 0);
}

static void layout_entries(void **state)
{
	struct world *w = *state;
	struct ast_unit *u = load(w, "op f(x: f32[N, C, N] layout(C/8, N, C%8, N))"
		" -> (y: f32[N]) { y[i] = x[i, 0, i]; }");
	const struct ast_decl *d = &u->items[0].inputs[0];
	const int dims[] = { 1, 0, 1, 2 };
	struct front_layout_part part[4];

	assert_true(front_layout(d, &d->quals[0], part));
	for (int i = 0; i < 4; i++)
		assert_int_equal(part[i].dim, dims[i]);
	assert_null(part[1].by);
	assert_int_equal(part[0].by->i, 8);
	assert_false(part[0].modulo);
	assert_true(part[2].modulo);
	assert_false(front_layout(&u->items[0].outputs[0], &d->quals[0], part));
}

/* The lexer writes into the text while it scans. */
static void text_is_kept(void **state)
{
	const char *const texts[] = {
		"fn f(x) = x + 1; fn g(y) = y;", "fn f(x = x; fn g(y) = y;",
		"fn f(x) = $; /* fn", "test f { variant(\"abc",
		("\xef\xbb\xbf" "fn f(x) = ((((((x"),
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		size_t n = strlen(texts[i]);
		struct source *s = source_from_text(w->a, "t.wpk", texts[i], n);

		front_parse(w->a, s, w->d);
		assert_memory_equal(s->text, texts[i], n + 1);
	}
}

static void dtype_calls_become_casts(void **state)
{
	struct ast_unit *u = load(*state, "op f[T = f16](x: f32[N]) ->"
		" (y: T[N]) { y[i] = T(x[i]); }");

	assert_int_equal(u->items[0].stmts[0].expr->kind, AST_CAST);
	assert_string_equal(u->items[0].stmts[0].expr->name, "T");
}

static void depth_is_counted(void **state)
{
	struct ast_unit *u = load(*state, "fn f(x) = max(x, -(x + 1) * 2);");

	assert_int_equal(u->items[0].expr->depth, 5);
}

static void dtypes_are_the_ir_s(void **state)
{
	const char *const *names = front_dtypes();
	int i = 0;

	(void)state;
	for (; names[i]; i++)
		assert_int_equal(dtype_named(names[i]), i);
	assert_int_equal(i, T_NONE);
}

static const struct op_row *row_named(const char *name)
{
	for (int i = 0; i < N_OPS; i++)
		if (!strcmp(op_rows[i].name, name))
			return &op_rows[i];
	return NULL;
}

static void builtins_are_operations(void **state)
{
	const char *const *names = front_builtins();

	(void)state;
	for (; *names; names++) {
		const struct op_row *row = row_named(*names);

		assert_non_null(row);
		assert_int_equal(names_builtin_arity(*names), row->n);
	}
	for (int i = 0; i < N_REDUCERS; i++)
		assert_true(names_is_reducer(reducer_rows[i].name));
}

static void targets_are_the_schedule_s(void **state)
{
	const struct target *t = target_list();

	(void)state;
	for (const char *const *name = names_archs(); *name; name++, t++)
		assert_string_equal(t->name, *name);
	assert_null(t->name);
}

/* names.c has the directives' names twice: once alone, once in their rows. */
static void directives_have_their_row(void **state)
{
	const char *const *names = front_directives();

	(void)state;
	for (; *names; names++)
		assert_non_null(names_directive(*names));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(find_by_all_names),
		TEST(files_name_what_was_read),
		TEST(files_before_an_error),
		TEST(layout_entries),
		TEST(text_is_kept),
		TEST(dtype_calls_become_casts),
		TEST(depth_is_counted),
		TEST(dtypes_are_the_ir_s),
		TEST(targets_are_the_schedule_s),
		TEST(builtins_are_operations),
		TEST(directives_have_their_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
