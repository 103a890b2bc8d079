/* SPDX-License-Identifier: MIT */
/* From a case to a program at a point of its sketch, checked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asking.h"
#include "cuda/cuda.h"
#include "tensor_run.h"

/* ---- points ---- */

void tensor_set(const struct group_space *g, int *values, const char *name,
	int value)
{
	for (int i = 0; i < g->n; i++)
		if (!strcmp(g->tunables[i].name, name)) {
			values[i] = value;
			return;
		}
	fail_msg("%s has no %s", g->sketch->name, name);
}

void tensor_set_word(const struct group_space *g, int *values,
	const char *name, const char *word)
{
	for (int i = 0; i < g->n; i++)
		for (int k = 0; !strcmp(g->tunables[i].name, name) &&
		     g->tunables[i].words[k]; k++)
			if (!strcmp(g->tunables[i].words[k], word)) {
				values[i] = k;
				return;
			}
	fail_msg("%s has no %s = %s", g->sketch->name, name, word);
}

/* The reduction's name, which is made of two where an axis is split. */
static const char *reduction_of(const struct group_space *g)
{
	static const char tile[] = "tile.block.";

	for (int i = 0; i < g->n; i++) {
		const char *name = g->tunables[i].name;

		if (!strncmp(name, tile, sizeof tile - 1) &&
		    name[sizeof tile - 1] == 'k')
			return name + sizeof tile - 1;
	}
	return "k";
}

static void pin(const struct group_space *g, const struct tensor_case *c,
	const struct tensor_pins *p, int *values)
{
	const char *precision = tensor_type(c)->precision;
	const char *k = reduction_of(g);

	tensor_set(g, values, "tile.block.i", p->bm);
	tensor_set(g, values, "tile.block.j", p->bn);
	tensor_set(g, values, arena_printf(g->task.a, "tile.block.%s", k),
		p->bk);
	for (int i = 0; i < 5 && p->more[i].name; i++)
		tensor_set(g, values, p->more[i].name, p->more[i].value);
	tensor_set(g, values, arena_printf(g->task.a, "pipeline.%s.stages", k),
		tensor_pipeline(c)->stages);
	tensor_set(g, values, arena_printf(g->task.a, "pipeline.%s.async", k),
		tensor_pipeline(c)->async);
	tensor_set(g, values, "split_k.acc", tensor_split(c)->parts);
	tensor_set_word(g, values, "split_k.acc.combine", tensor_split(c)->joined ?
		"cluster" : tensor_split(c)->streams ? "stream" : "workspace");
	if (precision)
		tensor_set_word(g, values, "mma.acc.precision", precision);
	if (tensor_type(c)->promote)
		tensor_set_word(g, values, "mma.acc.promote",
			tensor_type(c)->promote);
}

/* What the case does not say is random. */
static void random_rest(const struct group_space *g, const struct tensor_case *c,
	const struct tensor_pins *p, struct rng *r, int *values)
{
	const char *why = NULL;

	for (int try = 0; try < 2000; try++) {
		for (int i = 0; i < g->n; i++)
			values[i] = g->tunables[i].values[rng_below(r,
				g->tunables[i].n)];
		pin(g, c, p, values);
		why = g->sketch->legal(&g->task, g->task.a, values);
		if (!why)
			return;
	}
	fail_msg("%s: no legal point: %s", tensor_name(g->task.a, c), why);
}

/* ---- one case ---- */

/* The least that has all that the case says. */
static const struct target *target_for(const struct tensor_case *c)
{
	const char *of_type = tensor_type(c)->target;

	if (tensor_split(c)->joined && strcmp(of_type, "sm_90a") != 0)
		return target_named("sm_90");
	return target_named(tensor_pipeline(c)->async &&
		!strcmp(of_type, "sm_75") ? "sm_80" : of_type);
}

/* Where blocks are to have some tiles each, a chip of one multiprocessor or few. */
static const struct gpu *chip_for(struct tensor_run *s,
	const struct tensor_case *c)
{
	struct gpu *g = ARENA_NEW(s->a, struct gpu);

	*g = *gpu_for_target(s->target);
	if (tensor_split(c)->sms)
		g->sms = tensor_split(c)->sms;
	else if (c->level[BY_ROUNDS] > ROUNDS_NONE && !tensor_split(c)->streams)
		g->sms = 1;
	return g;
}

void tensor_open(struct tensor_run *s, const struct tensor_case *c,
	const char *text, const char *precision)
{
	const char *why;

	s->a = arena_create();
	s->plain = prepare_plain(s->a, text);
	s->x = prepare(s->a, text);
	s->target = target_for(c);
	s->g = (struct group_space){ .sketch = sketch_named(c->of->sketch), .task = {
		.a = s->a, .op = s->x.o, .group = s->x.p->groups,
		.n_groups = s->x.p->n_groups, .target = s->target,
		.gpu = chip_for(s, c),
		.schedule = tensor_type(c)->promote ? asking(s->a, "acc",
			"promote") : precision ? asking(s->a, "acc",
			"precision") : NULL } };
	assert_int_equal(s->x.p->n_groups, 1);
	if (!s->g.sketch->applies(&s->g.task, &why))
		fail_msg("%s: %s\n%s", tensor_name(s->a, c), why, text);
	s->g.tunables = s->g.sketch->tunables(&s->g.task, &s->g.n);
	assert_true(s->g.n <= 64);
}

struct ir_operator *tensor_arithmetic(struct tensor_run *s, const int *values)
{
	struct ir_operator *o = ir_copy(s->a, s->x.o);

	return s->g.sketch->arithmetic(&s->g.task, s->a, values, o) ? o : NULL;
}

struct check_result tensor_check(struct tensor_run *s,
	const struct ir_operator *judged_as, unsigned how,
	struct check_request *request)
{
	struct program *p;
	struct check_result result;
	const char *wrong;
	struct cuda_unit u;
	struct str text;
	int *map;

	s->x.o->name = "t";
	p = program_of(s->a, s->x.o, s->x.p, &map);
	program_build(s->g.sketch, &s->g.task, s->a, s->values, p);
	program_layout(p);
	wrong = program_verify(s->a, p, s->target);
	if (wrong)
		fail_msg("%s", wrong);
	str_init(&text, s->a);
	u = cuda_unit_of(s->a, "case.wpk", "test", s->target, p);
	cuda_emit(&u, &text);
	*request = (struct check_request){ .op = s->plain.o,
		.target = s->target, .program = p, .seed = 7, .how = how,
		.arithmetic = judged_as, .cuda = str_text(&text),
		.n_cuda = text.n, .work = 1e10 };
	check_program(s->a, request, &result);
	return result;
}

struct check_result tensor_judged(const struct tensor_case *c, const char *text,
	const char *key, const char *is, const char *as)
{
	struct check_request request;
	struct check_result result;
	struct tensor_run s;
	const char *name;
	int values[64];

	tensor_open(&s, c, text, is);
	name = arena_printf(s.a, "mma.acc.%s", key);
	s.g.sketch->start(&s.g.task, s.values);
	tensor_set(&s.g, s.values, "split_k.acc", 1);
	memcpy(values, s.values, sizeof values);
	tensor_set_word(&s.g, s.values, name, is);
	if (as)
		tensor_set_word(&s.g, values, name, as);
	result = tensor_check(&s, as ? tensor_arithmetic(&s, values) : NULL, 0,
		&request);
	print_message("# %s = %s judged as %s: %s, %.3g of the bound\n", key, is,
		as ? as : "f32", check_verdict_name(result.verdict),
		result.worst);
	arena_destroy(s.a);
	return result;
}

static const char *point_text(struct tensor_run *s)
{
	struct str out;

	str_init(&out, s->a);
	for (int i = 0; i < s->g.n; i++)
		str_printf(&out, "%s%s = %d", i ? ", " : "",
			s->g.tunables[i].name, s->values[i]);
	return str_text(&out);
}

void tensor_case_agrees(const struct tensor_case *c, int number,
	struct tensor_pins (*pins)(const struct tensor_case *c, struct rng *r),
	unsigned how)
{
	struct arena *a = arena_create();
	struct tensor_pins p;
	struct check_request request;
	struct check_result result;
	struct tensor_run s;
	const char *text;
	struct rng r;

	rng_seed(&r, (uint64_t)(tensor_number("WPK_SEED", 1) * 1000 + number));
	p = pins(c, &r);
	text = tensor_text(a, c, p.bm, p.bn, p.bk);
	tensor_open(&s, c, text, tensor_type(c)->precision);
	random_rest(&s.g, c, &p, &r, s.values);
	result = tensor_check(&s, tensor_arithmetic(&s, s.values), how,
		&request);
	if (result.verdict != CHECK_VERIFIED)
		fail_msg("case %d, %s: %s\n%s\n%s\n%s\n%s", number,
			tensor_name(s.a, c), point_text(&s), result.line,
			result.detail, text, request.cuda);
	assert_true(result.whole && result.outputs > 0);
	arena_destroy(s.a);
	arena_destroy(a);
}

int tensor_number(const char *name, int otherwise)
{
	const char *text = getenv(name);

	return text ? atoi(text) : otherwise;
}
