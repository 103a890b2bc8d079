/* SPDX-License-Identifier: MIT */
#include "subject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "asking.h"
#include "base/source.h"
#include "cuda/cuda.h"
#include "sketch/sketch.h"
#include "tensor_run.h"

static struct ir_operator *parse(struct arena *a, const char *text)
{
	struct ir_operator *o = ir_read(a, source_from_text(a, "test", text,
		strlen(text)), diag_create(a));

	assert_non_null(o);
	return o;
}

static void set_values(const struct tunable *t, int n, int *values,
	const struct subject_value *set)
{
	for (; set->name; set++)
		for (int i = 0; i < n; i++)
			if (!strcmp(t[i].name, set->name))
				values[i] = set->value;
}

/* Of values of mma.TENSOR.promote and .precision, that they are asked for. */
static const struct schedule *asked(struct arena *a,
	const struct subject_value *set)
{
	for (; set->name; set++) {
		const char *key = strrchr(set->name, '.');

		if (!strncmp(set->name, "mma.", 4) &&
		    (!strcmp(key, ".promote") || !strcmp(key, ".precision")))
			return asking(a, arena_strndup(a, set->name + 4,
				strcspn(set->name + 4, ".")), key + 1);
	}
	return NULL;
}

/* The default point of the first sketch that serves, "want" if that is given. */
static void build_group(struct subject *s, const struct ir_operator *o,
	const struct ir_partition *p, int group, const char *want,
	const struct subject_value *set)
{
	for (const struct sketch *const *k = sketch_list(); *k; k++) {
		struct task t = { .a = s->a, .op = o,
			.group = &p->groups[group], .index = group,
			.n_groups = p->n_groups, .target = s->target,
			.gpu = s->gpu, .schedule = asked(s->a, set) };
		const struct tunable *open;
		const char *why;
		int *values, n;

		if ((want && strcmp(want, (*k)->name)) ||
		    !(*k)->applies(&t, &why))
			continue;
		open = (*k)->tunables(&t, &n);
		values = ARENA_ARRAY(s->a, (size_t)n + 1, int);
		(*k)->start(&t, values);
		set_values(open, n, values, set);
		why = (*k)->legal(&t, s->a, values);
		if (why)
			fail_msg("%s", why);
		program_build(*k, &t, s->a, values, s->program);
		if ((*k)->arithmetic && !s->arithmetic)
			s->arithmetic = ir_copy(s->a, o);
		if ((*k)->arithmetic)
			(*k)->arithmetic(&t, s->a, values, s->arithmetic);
		return;
	}
	fail_msg("no sketch serves");
}

static const struct gpu *chip(struct arena *a, const struct target *t, int sms)
{
	struct gpu *g = ARENA_NEW(a, struct gpu);

	*g = *gpu_for_target(t);
	if (sms)
		g->sms = sms;
	return g;
}

struct subject subject_open_for(const char *target, int sms, const char *text,
	const char *sketch, const struct subject_value *values)
{
	struct subject s = { .a = arena_create() };
	struct ir_operator *o;
	struct ir_partition *p;
	struct cuda_unit u;
	struct str out;
	int *map;

	s.target = target_named(target);
	s.gpu = chip(s.a, s.target, sms);
	s.reference = parse(s.a, text);
	o = parse(s.a, text);
	ir_fold(s.a, o);
	ir_hoist(s.a, o);
	ir_split_axes(s.a, o);
	p = ir_partition_by(s.a, o, (struct ir_cut){ .rule = sketch &&
		!strcmp(sketch, "attention") ? IR_CHAINED : IR_STATISTICS });
	s.program = program_of(s.a, o, p, &map);
	for (int g = 0; g < p->n_groups; g++)
		build_group(&s, o, p, g, sketch, values);
	program_layout(s.program);
	if (s.target->clusters)
		program_overlap(s.a, s.program, P_STREAM);
	assert_null(program_verify(s.a, s.program, s.target));
	u = cuda_unit_of(s.a, "test.wpk", "0", s.target, s.program);
	str_init(&out, s.a);
	cuda_emit(&u, &out);
	s.cuda = arena_strdup(s.a, str_text(&out));
	return s;
}

struct subject subject_open_at(const char *text, const char *sketch,
	const struct subject_value *values)
{
	return subject_open_for("sm_80", 0, text, sketch, values);
}

struct subject subject_open(const char *text, const char *sketch)
{
	static const struct subject_value none = { NULL, 0 };

	return subject_open_at(text, sketch, &none);
}

void subject_plant(struct subject *s, const char *was, const char *is)
{
	char *at = strstr(s->cuda, was);

	if (!at)
		fail_msg("no '%s' in\n%s", was, s->cuda);
	s->cuda = arena_printf(s->a, "%.*s%s%s", (int)(at - s->cuda), s->cuda,
		is, at + strlen(was));
}

struct check_request subject_request(const struct subject *s, unsigned how)
{
	return (struct check_request){ .program = s->program,
		.op = s->reference, .arithmetic = s->arithmetic,
		.target = s->target, .cuda = s->cuda,
		.n_cuda = strlen(s->cuda), .how = how, .seed = 3 };
}

struct check_result subject_check(const struct subject *s, unsigned how)
{
	struct check_request r = subject_request(s, how);
	struct check_result out;

	check_program(s->a, &r, &out);
	return out;
}
