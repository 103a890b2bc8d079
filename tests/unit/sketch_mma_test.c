/* SPDX-License-Identifier: MIT */
/* What "mma" emits, run by the emulator and compared with the reference: every
 * pair of type, layout, ending, pipeline, split, edge and batch
 * (tensor_cases.h), all other numbers random, accesses watched for races in
 * part; then that the bounds of tf32 and 3xtf32 are those of what is computed,
 * and no wider. "WPK_CASE" is the one case to run, "WPK_SEED" another of its
 * points. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cuda/cuda.h"
#include "driver/check.h"
#include "sketch_cases.h"
#include "tensor_cases.h"

/* ---- points ---- */

/* "mma(acc, precision = WORD)", as a schedule has it. */
static const struct schedule *asking(struct arena *a, const char *precision)
{
	struct schedule *s = ARENA_NEW(a, struct schedule);
	struct sched_arg *arg = ARENA_NEW(a, struct sched_arg);
	struct sched_directive *d = ARENA_NEW(a, struct sched_directive);

	*arg = (struct sched_arg){ .key = "precision" };
	*d = (struct sched_directive){ "mma", arg, 1, { 0 } };
	s->directives = d;
	s->n_directives = 1;
	return precision ? s : NULL;
}

static void set(const struct group_space *g, int *values, const char *name,
	int value)
{
	for (int i = 0; i < g->n; i++)
		if (!strcmp(g->tunables[i].name, name)) {
			values[i] = value;
			return;
		}
	fail_msg("mma has no %s", name);
}

static void set_word(const struct group_space *g, int *values, const char *name,
	const char *word)
{
	for (int i = 0; i < g->n; i++)
		for (int k = 0; !strcmp(g->tunables[i].name, name) &&
		     g->tunables[i].words[k]; k++)
			if (!strcmp(g->tunables[i].words[k], word)) {
				values[i] = k;
				return;
			}
	fail_msg("mma has no %s = %s", name, word);
}

/* Tiles of which an operator is made: the block's, and a warp's. */
struct shape {
	int bm, bn, bk, wm, wn;
};

static struct shape random_shape(const struct tensor_case *c, struct rng *r)
{
	static const int sides[][2] = { { 32, 16 }, { 32, 32 }, { 64, 16 },
		{ 64, 32 } };
	int bits = dtype_row(tensor_type(c)->dtype)->bits;
	const int *m = sides[rng_below(r, 4)], *n = sides[rng_below(r, 4)];

	return (struct shape){ m[0], n[0], bits == 8 ? 32 : bits == 64 ? 16 :
		rng_below(r, 2) ? 16 : 32, m[1], n[1] };
}

static void pin(const struct group_space *g, const struct tensor_case *c,
	const struct shape *s, int *values)
{
	const char *precision = tensor_type(c)->precision;

	set(g, values, "tile.block.i", s->bm);
	set(g, values, "tile.block.j", s->bn);
	set(g, values, "tile.block.k", s->bk);
	set(g, values, "tile.warp.i", s->wm);
	set(g, values, "tile.warp.j", s->wn);
	set(g, values, "pipeline.k.stages", tensor_pipeline(c)->stages);
	set(g, values, "pipeline.k.async", tensor_pipeline(c)->async);
	set(g, values, "split_k.acc", tensor_split(c));
	if (precision)
		set_word(g, values, "mma.acc.precision", precision);
}

/* What the case does not say is random. */
static void random_rest(const struct group_space *g, const struct tensor_case *c,
	const struct shape *s, struct rng *r, int *values)
{
	const char *why = NULL;

	for (int try = 0; try < 2000; try++) {
		for (int i = 0; i < g->n; i++)
			values[i] = g->tunables[i].values[rng_below(r,
				g->tunables[i].n)];
		pin(g, c, s, values);
		why = g->sketch->legal(&g->task, g->task.a, values);
		if (!why)
			return;
	}
	fail_msg("%s: no legal point: %s", tensor_name(g->task.a, c), why);
}

/* ---- one case ---- */

/* An operator at a point of mma, ready to be checked. */
struct subject_case {
	struct arena *a;
	struct prepared plain, x;
	struct group_space g;
	const struct target *target;
	int values[64];
};

static void open_case(struct subject_case *s, const struct tensor_case *c,
	const char *text, const char *precision)
{
	const struct tensor_type *t = tensor_type(c);
	const char *why;

	s->a = arena_create();
	s->plain = prepare_plain(s->a, text);
	s->x = prepare(s->a, text);
	s->target = target_named(tensor_pipeline(c)->async &&
		!strcmp(t->target, "sm_75") ? "sm_80" : t->target);
	s->g = (struct group_space){ .sketch = sketch_named("mma"), .task = {
		.a = s->a, .op = s->x.o, .group = s->x.p->groups,
		.n_groups = s->x.p->n_groups, .target = s->target,
		.gpu = gpu_for_target(s->target),
		.schedule = asking(s->a, precision) } };
	assert_int_equal(s->x.p->n_groups, 1);
	if (!s->g.sketch->applies(&s->g.task, &why))
		fail_msg("%s: %s\n%s", tensor_name(s->a, c), why, text);
	s->g.tunables = s->g.sketch->tunables(&s->g.task, &s->g.n);
	assert_true(s->g.n <= 64);
}

/* The sums of the point "values", where those are others than the operator's. */
static struct ir_operator *arithmetic(struct subject_case *s, const int *values)
{
	struct ir_operator *o = ir_copy(s->a, s->x.o);

	return s->g.sketch->arithmetic(&s->g.task, s->a, values, o) ? o : NULL;
}

/* The text is in "request" for who fails. */
static struct check_result check_at(struct subject_case *s,
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
	s->g.sketch->build(&s->g.task, s->a, s->values, p);
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
		.n_cuda = text.n };
	check_program(s->a, request, &result);
	return result;
}

static const char *point_text(struct subject_case *s)
{
	struct str out;

	str_init(&out, s->a);
	for (int i = 0; i < s->g.n; i++)
		str_printf(&out, "%s%s = %d", i ? ", " : "",
			s->g.tunables[i].name, s->values[i]);
	return str_text(&out);
}

static void run_case(const struct tensor_case *c, int number, struct rng *r)
{
	struct shape tiles = random_shape(c, r);
	struct arena *a = arena_create();
	const char *text = tensor_text(a, c, tiles.bm, tiles.bn, tiles.bk);
	struct check_request request;
	struct check_result result;
	struct subject_case s;

	open_case(&s, c, text, tensor_type(c)->precision);
	random_rest(&s.g, c, &tiles, r, s.values);
	result = check_at(&s, arithmetic(&s, s.values), number % 4 == 3 ?
		CHECK_ADDRESS : 0, &request);
	if (result.verdict != CHECK_VERIFIED)
		fail_msg("case %d, %s: %s\n%s\n%s\n%s\n%s", number,
			tensor_name(s.a, c), point_text(&s), result.line,
			result.detail, text, request.cuda);
	assert_true(result.whole && result.outputs > 0);
	arena_destroy(s.a);
	arena_destroy(a);
}

static int number_from(const char *name, int otherwise)
{
	const char *text = getenv(name);

	return text ? atoi(text) : otherwise;
}

static void every_pair_agrees(void **state)
{
	struct tensor_case cases[MOST_CASES];
	int pairs, possible, n = tensor_cases(cases, &pairs, &possible);
	int only = number_from("WPK_CASE", -1);

	(void)state;
	assert_int_equal(pairs, possible);
	print_message("# %d cases have all %d pairs of levels\n", n, pairs);
	for (int i = 0; i < n; i++) {
		struct rng r;

		rng_seed(&r, (uint64_t)(number_from("WPK_SEED", 1) * 1000 + i));
		if (only < 0 || only == i)
			run_case(&cases[i], i, &r);
	}
}

/* ---- what tf32 costs ---- */

/* Sums of random products, and sums of roots, of which every second is taken
 * away: little is left of them, and both factors have all their bits. */
static const char *const sums[] = {
	"op t {\n  in a: f32[64, 200] layout(0, 1) align 16\n"
	"  in b: f32[64, 200] layout(0, 1) align 16\n"
	"  let acc: f32[64, 64]\n"
	"  out c: f32[64, 64] layout(0, 1) align 16\n"
	"  acc[i:64, j:64] = sum[k:200](mul(a[i, k], b[j, k])) : f32\n"
	"  c[i:64, j:64] = mul(acc[i, j], 2:f32)\n}\n",
	"op t {\n  in a: f32[64, 200] layout(0, 1) align 16\n"
	"  in b: f32[64, 200] layout(0, 1) align 16\n"
	"  let acc: f32[64, 64]\n"
	"  out c: f32[64, 64] layout(0, 1) align 16\n"
	"  acc[i:64, j:64] = sum[k:200](mul(sqrt(a[i, k]), "
	"mul(sqrt(b[j, k]), f32(sub(1, mul(2, mod(k, 2))))))) : f32\n"
	"  c[i:64, j:64] = mul(acc[i, j], 2:f32)\n}\n",
};

static const char *const precisions[] = { NULL, "tf32", "3xtf32" };

/* The verdict of a kernel in one precision judged by the bound of another, or
 * of the sum as it is written. */
static struct check_result judged(int text, int is, int as)
{
	static const struct tensor_case plain = { { [BY_TYPE] = 2 } };
	struct check_request request;
	struct check_result result;
	struct subject_case s;
	int values[64];

	open_case(&s, &plain, sums[text], precisions[is]);
	s.g.sketch->start(&s.g.task, s.values);
	memcpy(values, s.values, sizeof values);
	set_word(&s.g, s.values, "mma.acc.precision", precisions[is]);
	if (as)
		set_word(&s.g, values, "mma.acc.precision", precisions[as]);
	result = check_at(&s, as ? arithmetic(&s, values) : NULL, 0, &request);
	print_message("# sums %d: %s judged as %s: %s, %.3g of the bound\n", text,
		precisions[is], as ? precisions[as] : "f32",
		check_verdict_name(result.verdict), result.worst);
	arena_destroy(s.a);
	return result;
}

/* Within its bound, and near enough that another kernel is not. */
static void precision_is_what_was_asked(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct check_result two = judged(i, 1, 1);
		struct check_result six = judged(i, 2, 2);

		assert_int_equal(two.verdict, CHECK_VERIFIED);
		assert_int_equal(six.verdict, CHECK_VERIFIED);
		assert_int_equal(judged(i, 1, 2).verdict, CHECK_WRONG);
		assert_int_equal(judged(i, 1, 0).verdict, CHECK_WRONG);
		assert_int_equal(judged(i, 2, 1).verdict, CHECK_VERIFIED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_agrees),
		cmocka_unit_test(precision_is_what_was_asked),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
