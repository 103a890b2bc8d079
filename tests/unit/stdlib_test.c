/* SPDX-License-Identifier: MIT */
/* The standard library says what its names promise: the reference interpreter's
 * values of every operator against formulas in C. Kernels are compared with the
 * reference by wpkc --test; this closes the chain. */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/vec.h"
#include "std_source.h"
#include "stdlib_cases.h"

static const struct stdlib_case *const all_cases[] = {
	stdlib_windows, stdlib_rows, stdlib_losses, stdlib_pairs, stdlib_places,
	stdlib_numbers
};

enum { TABLES = sizeof all_cases / sizeof *all_cases };

int64_t trial_size(const struct trial *t, const char *name)
{
	for (int i = 0; i < t->o->n_sizes; i++)
		if (!strcmp(t->o->sizes[i].name, name))
			return t->o->sizes[i].value;
	fail_msg("%s has no size %s", t->name, name);
	return 0;
}

double trial_read(const struct trial *t, int input, const int64_t *idx,
	double outside)
{
	const struct ir_tensor *x = &t->o->tensors[input];

	for (int i = 0; i < x->rank; i++)
		if (idx[i] < 0 || idx[i] >= x->dims[i])
			return outside;
	return dtype_load(x->type, t->data[input], ir_offset_of(x, idx));
}

/* ---- one case ---- */

static struct ir_operator *lowered(struct arena *a, const char *instance)
{
	size_t n = strcspn(instance, ".");

	return std_lowered(a, arena_printf(a, "import std.%.*s; "
		"export op t_ = std.%s;", (int)n, instance, instance), "t_");
}

static void *filled(struct arena *a, const struct ir_operator *o, int tensor,
	const struct stdlib_case *c)
{
	const struct ir_tensor *x = &o->tensors[tensor];
	void *data = ARENA_ARRAY(a, (size_t)x->elements * 8 + 8, char);

	ir_eval_fill(o, tensor, 5 + tensor, data);
	for (int64_t i = 0; i < x->elements; i++) {
		bool real = dtype_is_float(x->type);
		double v = dtype_load(x->type, data, i);

		if (c->positive)
			v = fabs(v) + (real ? 0.0625 : 1);
		dtype_store(x->type, data, i, real && c->times ?
			v * c->times : v);
	}
	return data;
}

static bool next(const struct ir_tensor *x, int64_t *idx)
{
	for (int i = x->rank - 1; i >= 0; i--) {
		if (++idx[i] < x->dims[i])
			return true;
		idx[i] = 0;
	}
	return false;
}

static bool near(double x, double y)
{
	if (isnan(x) || isnan(y))
		return isnan(x) && isnan(y);
	return x == y || fabs(x - y) <= 1e-6 + 2e-6 * fabs(y);
}

static void compare_output(const struct stdlib_case *c, struct ir_eval *e,
	struct trial *t, int tensor, stdlib_formula *f)
{
	const struct ir_tensor *x = &t->o->tensors[tensor];
	int64_t idx[IR_RANK] = {0};
	bool zero = true, constant = true;
	double first = 0;
	int64_t n = 0;

	t->at = idx;
	do {
		double got = ir_eval_at(e, tensor, idx).v, want = f(t);

		if (!near(got, want))
			fail_msg("%s: %s[%d, %d, %d, %d] is %.9g, not %.9g",
				c->instance, x->name, (int)idx[0], (int)idx[1],
				(int)idx[2], (int)idx[3], got, want);
		if (!n++)
			first = want;
		zero &= want == 0;
		constant &= want == first;
	} while (next(x, idx));
	if (n > 9 && (zero || constant))
		fail_msg("%s: %s is %g everywhere: no test", c->instance,
			x->name, first);
}

static void run_case(const struct stdlib_case *c)
{
	struct arena *a = arena_create();
	struct ir_operator *o = lowered(a, c->instance);
	void **data = ARENA_ARRAY(a, (size_t)o->n_tensors + 1, void *);
	const char *name = strchr(c->instance, '.') + 1;
	struct trial t = { .o = o, .data = data,
		.name = arena_strndup(a, name, strcspn(name, "[")) };
	struct ir_eval *e;

	for (int i = 0; i < o->n_inputs; i++)
		data[i] = filled(a, o, i, c);
	e = ir_eval_create(o, (const void *const *)data);
	for (int i = 0; i < o->n_outputs; i++) {
		if (!c->outputs[i])
			fail_msg("%s: no formula for output %d", c->instance, i);
		compare_output(c, e, &t, o->n_inputs + i, c->outputs[i]);
	}
	ir_eval_destroy(e);
	arena_destroy(a);
}

static void run_table(void **state)
{
	for (const struct stdlib_case *c = *state; c->instance; c++)
		run_case(c);
}

/* ---- nothing is left out ---- */

static bool has_case(const char *module, const char *name)
{
	size_t m = strlen(module), n = strlen(name);

	for (int i = 0; i < TABLES; i++)
		for (const struct stdlib_case *c = all_cases[i]; c->instance; c++)
			if (!strncmp(c->instance, module, m) &&
			    c->instance[m] == '.' &&
			    !strncmp(c->instance + m + 1, name, n) &&
			    c->instance[m + 1 + n] == '[')
				return true;
	return false;
}

static int missing(struct arena *a, const char *module)
{
	const struct ast_unit *u = std_load(a, arena_printf(a, "import std.%s;",
		module));
	int n = 0;

	u = u->imports[0].unit;
	for (int i = 0; i < u->n_items; i++)
		if (u->items[i].kind == AST_OP &&
		    !has_case(module, u->items[i].name.text)) {
			print_error("std.%s.%s has no formula\n", module,
				u->items[i].name.text);
			n++;
		}
	return n;
}

static void covers_everything(void **state)
{
	struct arena *a = arena_create();
	DIR *dir = opendir(arena_printf(a, "%s/stdlib/std",
		getenv("top_srcdir")));
	struct dirent *e;
	int files = 0, n = 0;

	(void)state;
	assert_non_null(dir);
	while ((e = readdir(dir))) {
		size_t len = strcspn(e->d_name, ".");

		if (strcmp(e->d_name + len, ".wpk"))
			continue;
		files++;
		n += missing(a, arena_strndup(a, e->d_name, len));
	}
	closedir(dir);
	assert_true(files > 0);
	assert_int_equal(n, 0);
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(covers_everything),
		{ "windows", run_table, NULL, NULL, (void *)stdlib_windows },
		{ "rows", run_table, NULL, NULL, (void *)stdlib_rows },
		{ "losses", run_table, NULL, NULL, (void *)stdlib_losses },
		{ "pairs", run_table, NULL, NULL, (void *)stdlib_pairs },
		{ "places", run_table, NULL, NULL, (void *)stdlib_places },
		{ "numbers", run_table, NULL, NULL, (void *)stdlib_numbers },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
