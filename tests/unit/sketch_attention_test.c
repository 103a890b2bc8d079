/* SPDX-License-Identifier: MIT */
/* What the attention sketch emits, run by the emulator and compared with the
 * reference: every pair of instruction, split, stages, mask, weight, heads, type,
 * sizes, layout and pages that goes together, all other numbers random; accesses
 * watched in part. All of them where $WPK_FULL is set, else one in five; "WPK_CASE" is
 * the one case to run, "WPK_SEED" another of its points. */
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
#include "tensor_run.h"

enum part {
	PART_KIND, PART_SPLIT, PART_STAGES, PART_MASK, PART_WEIGHT, PART_HEADS, PART_TYPE,
	PART_SIZES, PART_LAYOUT, PART_PAGES, PARTS };
enum { MOST = 200, LEVELS_MOST = 6 };

static const struct {
	const char *kind;
	int keep, overlap;
} kinds[] = {
	{ "mma", 0, 0 }, { "mma", 1, 0 }, { "wgmma", 0, 0 }, { "wgmma", 0, 1 },
};
static const int splits[] = { 1, 2 };
static const int stages[] = { 2, 3, 4 };
/* Of the scores s, at row i and key j. */
static const char *const masks[] = {
	"mul(s[%si, j], 0.125:f32)",
	"select(le(j, add(i, %d)), s[%si, j], -inf:f32)",
	"select(and(le(j, add(i, %d)), lt(add(i, %d), add(j, 33))), s[%si, j], "
		"-inf:f32)",
	"add(s[%si, j], f32(b[i, j]))",
	"add(mul(s[%si, j], 0.5:f32), f32(b[0, j]))",
};
enum { CAUSAL = 1, WINDOW };
enum weight { DIVIDED_FIRST, DIVIDED_LAST, NO_STATISTICS };
static const struct {
	const char *axes, *at, *keys, *extents, *key_extents, *layout;
	int rank;
} heads[] = {
	{ "", "", "", "", "", "0, 1", 0 },
	{ "h:3, ", "h, ", "h, ", "3, ", "3, ", "0, 1, 2", 1 },
	{ "h:4, ", "h, ", "div(h, 2), ", "4, ", "2, ", "0, 1, 2", 1 },
};
static const char *const types[] = { "f16", "bf16" };
static const struct {
	int m, l, d, e;
} sizes[] = {
	{ 67, 93, 72, 24 }, { 64, 64, 64, 64 }, { 1, 104, 16, 16 },
	{ 33, 200, 40, 80 }, { 130, 48, 32, 136 },
};
/* Of keys, of values and of results: 1 where rows are not contiguous. */
static const struct {
	int key, value, out;
} layouts[] = { { 0, 0, 0 }, { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } };

/* Rows of a page of keys and values, of which a table finds some and misses others;
 * 0: they lie in none. */
static const int pages[] = { 0, 8, 1 };
enum { PAGES = 9 };

static const int levels[PARTS] = { 4, 2, 3, 5, 3, 3, 2, 5, 4, 3 };

struct attention_case {
	int level[PARTS];
};

/* ---- which cases ---- */

static bool is_wgmma(int kind)
{
	return !strcmp(kinds[kind].kind, "wgmma");
}

/* Do levels x and y of two factors go together? */
static bool pair_fits(int f, int x, int g, int y)
{
	if (f == PART_KIND && g == PART_LAYOUT)
		return !is_wgmma(x) || (!layouts[y].key && !layouts[y].value);
	/* A mask by -inf is one of weights that are exp(x - maximum). */
	if (f == PART_MASK && g == PART_WEIGHT)
		return (x != CAUSAL && x != WINDOW) || y != NO_STATISTICS;
	/* Rows that lie across want whole vectors. */
	if (f == PART_SIZES && g == PART_LAYOUT)
		return !(layouts[y].key || layouts[y].value) ||
			sizes[x].l % 8 == 0;
	if (f == PART_KIND && g == PART_PAGES)
		return !is_wgmma(x) || pages[y] != 1;
	if (f == PART_SIZES && g == PART_PAGES)
		return !pages[y] || sizes[x].l % pages[y] == 0;
	if (f == PART_LAYOUT && g == PART_PAGES)
		return pages[y] != 1 || !(layouts[x].key || layouts[x].value);
	return true;
}

static bool fits(const struct attention_case *c)
{
	for (int f = 0; f < PARTS; f++)
		for (int g = f + 1; g < PARTS; g++)
			if (!pair_fits(f, c->level[f], g, c->level[g]))
				return false;
	return true;
}

struct pairs {
	bool done[PARTS][LEVELS_MOST][PARTS][LEVELS_MOST];
};

static int count_new(const struct pairs *p, const struct attention_case *c)
{
	int n = 0;

	for (int f = 0; f < PARTS; f++)
		for (int g = f + 1; g < PARTS; g++)
			n += !p->done[f][c->level[f]][g][c->level[g]];
	return n;
}

static void take(struct pairs *p, const struct attention_case *c)
{
	for (int f = 0; f < PARTS; f++)
		for (int g = f + 1; g < PARTS; g++)
			p->done[f][c->level[f]][g][c->level[g]] = true;
}

/* The best of many random cases with the pair. */
static void find_case(const struct pairs *p, struct rng *r, int f, int x, int g,
	int y, struct attention_case *best)
{
	int most = 0;

	for (int try = 0; try < 400; try++) {
		struct attention_case c;
		int n;

		for (int i = 0; i < PARTS; i++)
			c.level[i] = (int)rng_below(r, (uint64_t)levels[i]);
		c.level[f] = x;
		c.level[g] = y;
		n = fits(&c) ? count_new(p, &c) : 0;
		if (n > most) {
			most = n;
			*best = c;
		}
	}
	assert_true(most > 0);
}

static int attention_cases(struct attention_case *cases)
{
	struct pairs p = { .done = { { { { false } } } } };
	struct rng r;
	int n = 0;

	rng_seed(&r, 1);
	for (int f = 0; f < PARTS; f++)
		for (int g = f + 1; g < PARTS; g++)
			for (int k = 0; k < levels[f] * levels[g]; k++) {
				int x = k % levels[f], y = k / levels[f];

				if (p.done[f][x][g][y] || !pair_fits(f, x, g, y))
					continue;
				assert_true(n < MOST);
				find_case(&p, &r, f, x, g, y, &cases[n]);
				take(&p, &cases[n++]);
			}
	return n;
}

/* ---- one case as text ---- */

static void declare(struct str *s, const char *name, const char *type,
	const char *extents, int rows, int cols, bool across, const char *layout)
{
	str_printf(s, "  in %s: %s[%s%d, %d] layout(%s) align 16\n", name, type,
		extents, across ? cols : rows, across ? rows : cols, layout);
}

/* Keys or values: in pages where there are some, whose number is a dimension more. */
static void declare_cache(struct str *s, const struct attention_case *c,
	const char *name, int cols, bool across)
{
	int rows = sizes[c->level[PART_SIZES]].l, h = c->level[PART_HEADS];
	const char *t = types[c->level[PART_TYPE]];
	int page = pages[c->level[PART_PAGES]];

	if (!page) {
		declare(s, name, t, heads[h].key_extents, rows, cols, across,
			heads[h].layout);
		return;
	}
	str_printf(s, "  in %s: %s[%d, %s%d, %d] layout(%s, %d) align 16\n", name,
		t, PAGES, heads[h].key_extents, across ? cols : page, across ?
		page : cols, heads[h].layout, heads[h].rank + 2);
}

static void table_text(struct str *s, const struct attention_case *c)
{
	int page = pages[c->level[PART_PAGES]];

	if (page)
		str_printf(s, "  in table: i32[%d] layout(0) align 16\n",
			sizes[c->level[PART_SIZES]].l / page);
}

/* Element "col" of key or value j; pages 2 n - 3 of 9, n one of them. */
static const char *cache_read(struct arena *a, const struct attention_case *c,
	const char *name, const char *col, bool across)
{
	const char *keys = heads[c->level[PART_HEADS]].keys;
	int page = pages[c->level[PART_PAGES]];
	const char *row = page ? arena_printf(a, "mod(j, %d)", page) : "j";
	const char *at = across ? arena_printf(a, "%s%s, %s", keys, col, row) :
		arena_printf(a, "%s%s, %s", keys, row, col);

	return page ? arena_printf(a, "%s[sub(mul(i64(table[div(j, %d)]), 2), 3), "
		"%s] pad 0.0", name, page, at) : arena_printf(a, "%s[%s]", name,
		at);
}

static void mask_text(struct str *s, const struct attention_case *c)
{
	const char *at = heads[c->level[PART_HEADS]].at;
	int mask = c->level[PART_MASK], z = c->level[PART_SIZES];
	int ahead = sizes[z].l > sizes[z].m ? sizes[z].l - sizes[z].m : 0;

	if (mask == CAUSAL)
		str_printf(s, masks[CAUSAL], ahead, at);
	else if (mask == WINDOW)
		str_printf(s, masks[WINDOW], ahead, ahead, at);
	else
		str_printf(s, masks[mask], at);
}

static void weights_text(struct str *s, const struct attention_case *c,
	const char *at, const char *axes)
{
	const char *t = types[c->level[PART_TYPE]];
	int m = sizes[c->level[PART_SIZES]].m, l = sizes[c->level[PART_SIZES]].l;

	if (c->level[PART_WEIGHT] == NO_STATISTICS) {
		str_printf(s, "  p[%si:%d, j:%d] = %s(max(x[%si, j], 0.0:f32))\n",
			axes, m, l, t, at);
		return;
	}
	str_printf(s, "  mx[%si:%d] = max[j:%d](x[%si, j]) : f32\n"
		"  e[%si:%d, j:%d] = exp(sub(x[%si, j], mx[%si]))\n"
		"  z[%si:%d] = sum[j:%d](e[%si, j]) : f32\n", axes, m, l, at, axes,
		m, l, at, at, axes, m, l, at);
	if (c->level[PART_WEIGHT] == DIVIDED_FIRST)
		str_printf(s, "  p[%si:%d, j:%d] = %s(div(e[%si, j], z[%si]))\n",
			axes, m, l, t, at, at);
	else
		str_printf(s, "  p[%si:%d, j:%d] = %s(e[%si, j])\n", axes, m, l,
			t, at);
}

static void lets_text(struct str *s, const struct attention_case *c,
	const char *extents)
{
	int m = sizes[c->level[PART_SIZES]].m, l = sizes[c->level[PART_SIZES]].l;

	str_printf(s, "  let s: f32[%s%d, %d]\n  let x: f32[%s%d, %d]\n", extents, m,
		l, extents, m, l);
	if (c->level[PART_WEIGHT] != NO_STATISTICS)
		str_printf(s, "  let mx: f32[%s%d]\n  let e: f32[%s%d, %d]\n"
			"  let z: f32[%s%d]\n", extents, m, extents, m, l,
			extents, m);
	str_printf(s, "  let p: %s[%s%d, %d]\n  let acc: f32[%s%d, %d]\n",
		types[c->level[PART_TYPE]], extents, m, l, extents, m,
		sizes[c->level[PART_SIZES]].e);
}

static const char *attention_text(struct arena *a, const struct attention_case *c)
{
	const char *t = types[c->level[PART_TYPE]];
	int h = c->level[PART_HEADS], w = c->level[PART_LAYOUT];
	int m = sizes[c->level[PART_SIZES]].m, l = sizes[c->level[PART_SIZES]].l;
	int d = sizes[c->level[PART_SIZES]].d, e = sizes[c->level[PART_SIZES]].e;
	const char *at = heads[h].at, *axes = heads[h].axes;
	const char *extents = heads[h].extents;
	struct str s;

	str_init(&s, a);
	str_puts(&s, "op t {\n");
	declare(&s, "q", t, extents, m, d, false, heads[h].layout);
	declare_cache(&s, c, "k", d, layouts[w].key);
	declare_cache(&s, c, "v", e, layouts[w].value);
	table_text(&s, c);
	if (c->level[PART_MASK] > WINDOW)
		declare(&s, "b", t, "", m, l, false, "0, 1");
	lets_text(&s, c, extents);
	str_printf(&s, "  out o: %s[%s%d, %d] layout(%s) align 16\n", t, extents, m,
		e, !layouts[w].out ? heads[h].layout : heads[h].rank ? "0, 2, 1" :
		"1, 0");
	str_printf(&s, "  s[%si:%d, j:%d] = sum[d:%d](mul(f32(q[%si, d]), "
		"f32(%s))) : f32\n  x[%si:%d, j:%d] = ", axes, m, l, d, at,
		cache_read(a, c, "k", "d", layouts[w].key), axes, m, l);
	mask_text(&s, c);
	str_puts(&s, "\n");
	weights_text(&s, c, at, axes);
	str_printf(&s, "  acc[%si:%d, c:%d] = sum[j:%d](mul(f32(p[%si, j]), "
		"f32(%s))) : f32\n", axes, m, e, l, at, cache_read(a, c, "v",
		"c", layouts[w].value));
	str_printf(&s, c->level[PART_WEIGHT] == DIVIDED_LAST ? "  o[%si:%d, c:%d] = "
		"%s(div(acc[%si, c], z[%si]))\n}\n" : "  o[%si:%d, c:%d] = %s(acc["
		"%si, c])\n}\n", axes, m, e, t, at, at);
	return str_text(&s);
}

/* ---- one case ---- */

static void set(const struct group_space *g, int *values, const char *directive,
	const char *key, int value)
{
	size_t n = strlen(directive), k = strlen(key);

	for (int i = 0; i < g->n; i++) {
		const char *name = g->tunables[i].name;
		size_t length = strlen(name);

		if (!strncmp(name, directive, n) && length >= k &&
		    !strcmp(name + length - k, key)) {
			values[i] = value;
			return;
		}
	}
	fail_msg("%s has no %s...%s", g->sketch->name, directive, key);
}

static void pin(const struct group_space *g, const struct attention_case *c,
	int *values)
{
	int kind = c->level[PART_KIND];

	set(g, values, "mma.", ".kind", is_wgmma(kind));
	set(g, values, "cache.", ".scope", kinds[kind].keep);
	set(g, values, "pipeline.", ".overlap", kinds[kind].overlap);
	set(g, values, "pipeline.", ".stages", stages[c->level[PART_STAGES]]);
	set(g, values, "split_k.", "acc", splits[c->level[PART_SPLIT]]);
}

/* A legal point, or false: not every one of sizes so small is. */
static bool find_point(const struct group_space *g, const struct attention_case *c,
	struct rng *r, int *values, const char **why)
{
	for (int try = 0; try < 3000; try++) {
		for (int i = 0; i < g->n; i++)
			values[i] = g->tunables[i].values[rng_below(r,
				(uint64_t)g->tunables[i].n)];
		pin(g, c, values);
		*why = g->sketch->legal(&g->task, g->task.a, values);
		if (!*why)
			return true;
	}
	return false;
}

static const char *point_text(struct arena *a, const struct group_space *g,
	const int *values)
{
	struct str s;

	str_init(&s, a);
	for (int i = 0; i < g->n; i++)
		str_printf(&s, "%s%s = %d", i ? ", " : "", g->tunables[i].name,
			values[i]);
	return str_text(&s);
}

static void case_agrees(const struct attention_case *c, int number)
{
	struct arena *a = arena_create();
	const char *text = attention_text(a, c), *why;
	struct prepared plain = prepare_plain(a, text);
	struct prepared x = prepare_by(a, text, IR_CHAINED);
	const struct target *t = target_named(is_wgmma(c->level[PART_KIND]) ?
		"sm_90a" : "sm_80");
	struct group_space g = { .sketch = sketch_named("attention"), .task = {
		.a = a, .op = x.o, .group = x.p->groups, .n_groups = 1,
		.target = t, .gpu = gpu_for_target(t) } };
	struct check_request request = { .op = plain.o, .target = t, .seed = 7,
		.how = number % 3 ? CHECK_ADDRESS : CHECK_RACE | CHECK_INIT };
	struct check_result result;
	int values[64], *map;
	struct program *p;
	struct cuda_unit u;
	struct str cuda;
	struct rng r;

	rng_seed(&r, (uint64_t)(tensor_number("WPK_SEED", 1) * 1000 + number));
	assert_int_equal(x.p->n_groups, 1);
	if (!g.sketch->applies(&g.task, &why))
		fail_msg("case %d: %s\n%s", number, why, text);
	g.tunables = g.sketch->tunables(&g.task, &g.n);
	assert_true(g.n <= 64);
	if (!find_point(&g, c, &r, values, &why))
		fail_msg("case %d: no legal point: %s\n%s", number, why, text);
	p = program_of(a, x.o, x.p, &map);
	program_build(g.sketch, &g.task, a, values, p);
	program_layout(p);
	request.arithmetic = ir_copy(a, x.o);
	g.sketch->arithmetic(&g.task, a, values, (struct ir_operator *)
		request.arithmetic);
	why = program_verify(a, p, t);
	if (why)
		fail_msg("case %d: %s\n%s\n%s", number, why, point_text(a, &g,
			values), text);
	str_init(&cuda, a);
	u = cuda_unit_of(a, "case.wpk", "test", t, p);
	cuda_emit(&u, &cuda);
	request.program = p;
	request.cuda = str_text(&cuda);
	request.n_cuda = cuda.n;
	check_program(a, &request, &result);
	if (result.verdict != CHECK_VERIFIED)
		fail_msg("case %d: %s\n%s\n%s\n%s\n%s", number, point_text(a, &g,
			values), result.line, result.detail, text, request.cuda);
	assert_true(result.whole && result.outputs > 0);
	arena_destroy(a);
}

static void every_pair_agrees(void **state)
{
	struct attention_case cases[MOST];
	int n = attention_cases(cases), only = tensor_number("WPK_CASE", -1);
	const char *full = getenv("WPK_FULL");
	int each = full && *full ? 1 : 5;

	(void)state;
	print_message("# %d cases have all pairs of levels, 1 in %d is run\n", n,
		each);
	for (int i = 0; i < n; i++)
		if (only < 0 ? i % each == 0 : only == i)
			case_agrees(&cases[i], i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_agrees),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
