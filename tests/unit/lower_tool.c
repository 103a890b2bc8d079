/* SPDX-License-Identifier: MIT */
/* lower_tool FILE [SIZE=N ...] [sm_90]: the operators of a file as IR, and the
 * errors of lowering; with a target, for each operator the schedule that
 * applies and what tune blocks say instead. For golden cases. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/directives.h"
#include "front/front.h"
#include "ir/lower.h"

enum { SIZES = 64 };

struct run {
	struct arena *a;
	struct diag *d;
	struct ast_unit *u;
	struct ir_size shape[SIZES];
	int n_shape;
	const struct target *target;
	struct str out;
};

static void read_args(struct run *r, int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		char *eq = strchr(argv[i], '=');

		if (!eq) {
			r->target = target_named(argv[i]);
		} else if (r->n_shape < SIZES) {
			*eq = '\0';
			r->shape[r->n_shape++] = (struct ir_size){ argv[i],
				strtoll(eq + 1, NULL, 10) };
		}
	}
}

static void print_tune(struct run *r, const struct ast_item *item)
{
	struct directives_tune t;

	if (!directives_tune(r->a, r->u, item, r->target, &t, r->d))
		return;
	for (int i = 0; i < t.n_shapes; i++) {
		str_puts(&r->out, "  shape");
		for (int k = 0; k < t.shapes[i].n; k++)
			str_printf(&r->out, " %s=%lld",
				t.shapes[i].sizes[k].name,
				(long long)t.shapes[i].sizes[k].value);
		str_printf(&r->out, " weight %g\n", t.shapes[i].weight);
	}
	if (t.trials || t.seconds)
		str_printf(&r->out, "  budget %d trials, %g s\n", t.trials,
			t.seconds);
}

static void print_schedule(struct run *r, const struct ast_item *item,
	const struct ir_operator *o)
{
	const struct ast_item *s;
	struct schedule *value;

	s = directives_pick(r->a, r->u, item, o, r->target, r->d);
	str_printf(&r->out, "%s: %s\n", o->name,
		s ? s->name.text : "no schedule");
	value = s ? directives_schedule(r->a, s, o, r->d) : NULL;
	if (value)
		sched_print(value, &r->out);
	print_tune(r, item);
}

static void run(struct run *r)
{
	int n;
	struct lower_item *items = lower_items(r->a, r->u, true, &n);

	for (int i = 0; i < n; i++) {
		struct lower_request q = { .unit = r->u, .item = items[i].item,
			.shape = r->shape, .n_shape = r->n_shape };
		struct ir_operator *o = lower(r->a, &q, r->d);

		if (o && r->target)
			print_schedule(r, items[i].item, o);
		else if (o)
			ir_print(o, &r->out);
	}
}

static void print_tests(struct run *r)
{
	int n;
	struct directives_test *t = directives_tests(r->a, r->u, &n, r->d);

	for (int i = 0; t && i < n; i++) {
		str_printf(&r->out, "test %s:", t[i].item->name.text);
		for (int k = 0; k < t[i].n_against; k++)
			str_printf(&r->out, " %s", t[i].against[k]);
		str_printf(&r->out, ", %d shapes\n", t[i].n_shapes);
	}
}

int main(int argc, char **argv)
{
	struct run r = { .a = arena_create() };
	const char *dirs[] = { "../../stdlib", NULL };
	struct front_options o = { dirs };
	struct front_files files = {0};
	int errors;

	if (argc < 2)
		return 2;
	r.d = diag_create(r.a);
	str_init(&r.out, r.a);
	str_puts(&r.out, "");
	read_args(&r, argc, argv);
	r.u = front_load(r.a, argv[1], &o, &files, r.d);
	if (r.u) {
		run(&r);
		if (r.target)
			print_tests(&r);
	}
	diag_print(r.d, &r.out, false);
	fputs(str_text(&r.out), stdout);
	errors = diag_errors(r.d);
	arena_destroy(r.a);
	return errors > 0;
}
