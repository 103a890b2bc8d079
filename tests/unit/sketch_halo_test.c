/* SPDX-License-Identifier: MIT */
/* Convolutions by "wgmma" whose tiles have a halo, run by the emulator, watched for
 * races and for what is read unwritten, and compared with the reference: every
 * window at every patch. Of some legal points that random numbers give, each case
 * is the one with the most pairs of levels not seen yet, of what a halo shares a
 * kernel with. One case in some, all where $WPK_FULL is set. And faults planted in
 * what is emitted are found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sketch/bulk.h"
#include "subject.h"
#include "tensor_run.h"

enum { ONE_IN = 12, WATCHED = CHECK_RACE | CHECK_INIT };

/* Images of "high" x "wide" and "c" channels, "f" outputs; windows of "r" x "s", in
 * "u" images that follow each other where that is not 0. "across": weights lie
 * along the outputs; "planes": so do results along the pixels. */
static const struct window {
	const char *name;
	int images, high, wide, c, f, r, s, pad, apart, step, u;
	bool across, planes;
} windows[] = {
	{ "3 x 3", 2, 10, 18, 64, 32, 3, 3, 1, 1, 1, 0, false, false },
	{ "5 x 5, no padding", 2, 12, 15, 32, 24, 5, 5, 0, 1, 1, 0, false,
		false },
	{ "dilated", 2, 9, 11, 64, 16, 3, 3, 2, 2, 1, 0, true, false },
	{ "one column", 3, 9, 8, 128, 16, 3, 1, 0, 1, 1, 0, false, false },
	{ "steps across", 2, 8, 19, 32, 16, 3, 3, 1, 1, 2, 0, true, false },
	{ "in space", 1, 9, 10, 32, 16, 3, 2, 1, 1, 1, 3, false, false },
	{ "planes", 2, 9, 16, 32, 32, 3, 3, 1, 1, 1, 0, false, true },
	{ "odd planes", 2, 9, 11, 32, 16, 2, 3, 1, 1, 1, 0, true, true },
};

enum { N_WINDOWS = sizeof windows / sizeof *windows };

/* Among the types of tensor_wgmma: f16, bf16, tf32, i8 and e5m2; those of 16 bits
 * alone may lie along outputs. */
static const int types[] = { 0, 1, 2, 4, 7 };

enum { N_TYPES = sizeof types / sizeof *types, OF_16_BITS = 2 };

static int positions(const struct window *w, int size, int taps, int step)
{
	return (size + 2 * w->pad - (taps - 1) * w->apart - 1) / step + 1;
}

/* Along one dimension of space. */
static const char *place(struct arena *a, const struct window *w,
	const char *at, const char *tap, int step)
{
	return arena_printf(a, "add(add(mul(%s, %d), mul(%s, %d)), %d)", at, step,
		tap, w->apart, -w->pad);
}

/* Positions of the third dimension of windows in space, which is not padded. */
enum { DEPTH = 4 };

/* In the order of indices, and with the last one second, or the first one last; of
 * windows in space. */
static const char *const as_read[] = { "0, 1, 2, 3", "0, 1, 2, 3, 4" };
static const char *const by_planes[] = { "0, 3, 1, 2", "0, 4, 1, 2, 3" };
static const char *const by_outputs[] = { "1, 2, 3, 0", "1, 2, 3, 4, 0" };

static const char *extents(struct arena *a, int n, int deep, int high, int wide,
	int last)
{
	return deep ? arena_printf(a, "%d, %d, %d, %d, %d", n, deep, high, wide,
		last) : arena_printf(a, "%d, %d, %d, %d", n, high, wide, last);
}

static void put_tensors(struct str *out, struct arena *a,
	const struct window *w, const struct tensor_type *t)
{
	bool space = w->u;
	const char *results = extents(a, w->images, space ? DEPTH : 0,
		positions(w, w->high, w->r, 1), positions(w, w->wide, w->s,
		w->step), w->f);

	str_printf(out, "  in x: %s[%s] layout(%s) align 16\n", t->name,
		extents(a, w->images, space ? DEPTH + w->u - 1 : 0, w->high,
		w->wide, w->c), as_read[space]);
	str_printf(out, "  in w: %s[%s] layout(%s) align 16\n", t->name,
		extents(a, w->f, w->u, w->r, w->s, w->c), w->across ?
		by_outputs[space] : as_read[space]);
	str_printf(out, "  in b: %s[%d] layout(0) align 16\n", t->acc, w->f);
	str_printf(out, "  let acc: %s[%s]\n", t->acc, results);
	str_printf(out, "  out y: %s[%s] layout(%s) align 16\n", t->acc, results,
		w->planes ? by_planes[space] : as_read[space]);
}

static void put_sum(struct str *out, struct arena *a, const struct window *w,
	const struct tensor_type *t, const char *zero)
{
	str_puts(out, " = sum[");
	if (w->u)
		str_printf(out, "u:%d, ", w->u);
	str_printf(out, "r:%d, s:%d, c:%d](mul(%s(x[n, %s%s, %s, c]", w->r, w->s,
		w->c, t->acc, w->u ? "add(e, u), " : "", place(a, w, "p", "r", 1),
		place(a, w, "q", "s", w->step));
	if (w->pad)
		str_printf(out, " pad %s", zero);
	str_printf(out, "), %s(w[f, %sr, s, c]))) : %s\n", t->acc, w->u ? "u, " :
		"", t->acc);
}

static const char *text_of(struct arena *a, const struct window *w,
	const struct tensor_type *t)
{
	bool integer = !strcmp(t->acc, "i32");
	const char *zero = integer ? "0" : "0.0";
	const char *all = arena_printf(a, "n:%d, %sp:%d, q:%d, f:%d", w->images,
		w->u ? arena_printf(a, "e:%d, ", DEPTH) : "", positions(w,
		w->high, w->r, 1), positions(w, w->wide, w->s, w->step), w->f);
	struct str out;

	str_init(&out, a);
	str_puts(&out, "op t {\n");
	put_tensors(&out, a, w, t);
	str_printf(&out, "  acc[%s]", all);
	put_sum(&out, a, w, t, zero);
	str_printf(&out, "  y[%s] = max(add(acc[n, %sp, q, f], b[f]), %s:%s)\n}\n",
		all, w->u ? "e, " : "", zero, t->acc);
	return str_text(&out);
}

/* ---- points ---- */

/* What of a point is told from others'. */
static const char *const told[] = { "stage.x.halo", "mma.acc.swap",
	"epilogue.y.bulk", "raster.persistent", "split_k.acc.combine",
	"split_k.acc", "bind.threads", "cluster." };

enum { N_TOLD = sizeof told / sizeof *told, LEVELS = 16 };

typedef bool pairs_seen[N_TOLD][LEVELS][N_TOLD][LEVELS];

static int level_of(const struct tunable *t, int v)
{
	int i = 0;

	while (i < t->n - 1 && t->values[i] != v)
		i++;
	return i;
}

static void levels(const struct tensor_run *s, const int *values, int *out)
{
	memset(out, 0, N_TOLD * sizeof *out);
	for (int i = 0; i < s->g.n; i++)
		for (int k = 0; k < N_TOLD; k++) {
			const char *name = s->g.tunables[i].name;
			size_t n = strlen(told[k]);

			if (told[k][n - 1] == '.' ? !strncmp(name, told[k], n) :
			    !strcmp(name, told[k]))
				out[k] += level_of(&s->g.tunables[i], values[i]);
		}
}

/* Pairs not seen yet, which are seen now if it is taken. */
static int news(const int *level, pairs_seen seen, bool take)
{
	int n = 0;

	for (int i = 0; i < N_TOLD; i++)
		for (int k = 0; k < i; k++) {
			bool *at = &seen[i][level[i]][k][level[k]];

			n += !*at;
			*at |= take;
		}
	return n;
}

/* What a halo goes with, and often no split; all else is random. */
static void draw(const struct tensor_run *s, const struct tensor_type *type,
	int halo, bool stores, struct rng *r, int *values)
{
	for (int i = 0; i < s->g.n; i++) {
		const struct tunable *t = &s->g.tunables[i];

		values[i] = t->values[rng_below(r, t->n)];
		if (!strcmp(t->directive, "pipeline") && !strcmp(t->key, "async"))
			values[i] = 2;
	}
	tensor_set(&s->g, values, "stage.x.halo", halo);
	tensor_set(&s->g, values, "cluster.f", 1);
	tensor_set_word(&s->g, values, "mma.acc.from", type->precision ? "auto" :
		"shared");
	if (type->precision)
		tensor_set_word(&s->g, values, "mma.acc.precision",
			type->precision);
	if (type->promote)
		tensor_set_word(&s->g, values, "mma.acc.promote", type->promote);
	if (!stores)
		tensor_set(&s->g, values, "epilogue.y.bulk", 0);
	if (rng_below(r, 3))
		tensor_set(&s->g, values, "split_k.acc", 1);
}

/* A legal point with this patch. */
static bool find_point(struct tensor_run *s, const struct tensor_type *type,
	int halo, bool stores, struct rng *r, pairs_seen seen)
{
	enum { TRIES = 20000, ENOUGH = 30 };
	int values[64], level[N_TOLD], most = -1, found = 0;

	for (int try = 0; try < TRIES && found < ENOUGH; try++) {
		draw(s, type, halo, stores, r, values);
		if (s->g.sketch->legal(&s->g.task, s->g.task.a, values))
			continue;
		found++;
		levels(s, values, level);
		if (news(level, seen, false) <= most)
			continue;
		most = news(level, seen, false);
		memcpy(s->values, values, sizeof values);
	}
	if (!found)
		return false;
	levels(s, s->values, level);
	news(level, seen, true);
	return true;
}

/* ---- cases ---- */

static bool wanted(int number)
{
	const char *all = getenv("WPK_FULL");
	int only = tensor_number("WPK_CASE", -1);

	return only < 0 ? (all && *all) || number % ONE_IN == 0 :
		number == only;
}

static void agrees(struct tensor_run *s, const char *name, const char *text)
{
	struct check_request request;
	struct check_result result = tensor_check(s, tensor_arithmetic(s,
		s->values), WATCHED, &request);
	struct str point;

	str_init(&point, s->a);
	for (int i = 0; i < s->g.n; i++)
		str_printf(&point, "%s = %d, ", s->g.tunables[i].name,
			s->values[i]);
	if (result.verdict != CHECK_VERIFIED)
		fail_msg("%s: %s\n%s\n%s\n%s\n%s", name, str_text(&point),
			result.line, result.detail, text, request.cuda);
	assert_true(result.whole && result.outputs > 0);
}

/* Every other case on a chip of one multiprocessor, whose blocks have some tiles
 * each. */
static bool case_runs(int window, int halo, int number, pairs_seen seen)
{
	struct tensor_case c = { .of = &tensor_wgmma };
	struct arena *a = arena_create();
	struct tensor_run s;
	const char *text;
	struct rng r;
	bool found, run = wanted(number);

	rng_seed(&r, (uint64_t)(tensor_number("WPK_SEED", 1) * 1000 + number));
	c.level[BY_TYPE] = types[(window + halo) % (windows[window].across ?
		OF_16_BITS : N_TYPES)];
	c.level[BY_ROUNDS] = number % 2 ? ROUNDS_ALL : ROUNDS_NONE;
	text = text_of(a, &windows[window], tensor_type(&c));
	tensor_open(&s, &c, text, tensor_type(&c)->precision);
	found = find_point(&s, tensor_type(&c), halo, !windows[window].planes, &r,
		seen);
	if (!found)
		fail_msg("no point: %s, %s, halo %s", windows[window].name,
			tensor_type(&c)->name, halo_words[halo]);
	if (run)
		agrees(&s, windows[window].name, text);
	arena_destroy(s.a);
	arena_destroy(a);
	return run;
}

static int count(pairs_seen seen)
{
	int n = 0;

	for (int i = 0; i < N_TOLD; i++)
		for (int k = 0; k < i; k++)
			for (int x = 0; x < LEVELS; x++)
				for (int y = 0; y < LEVELS; y++)
					n += seen[i][x][k][y];
	return n;
}

static void every_window_agrees_at_every_patch(void **state)
{
	static pairs_seen seen;
	int run = 0, number = 0;

	(void)state;
	for (int w = 0; w < N_WINDOWS; w++)
		for (int h = HALO_OFF + 1; h <= HALO_VALUES; h++)
			run += case_runs(w, h, number++, seen);
	assert_true(run > 0);
	print_message("# %d cases have %d pairs of levels; %d were run\n", number,
		count(seen), run);
}

/* ---- faults ---- */

static const struct window small = { "small", 2, 10, 20, 64, 16, 3, 3, 1, 1, 1, 0,
	false, false };

/* Patches of 8 x 16, two chunks of channels. */
static const struct subject_value small_at[] = {
	{ "stage.x.halo", 6 }, { "tile.block.npq", 128 }, { "tile.block.f", 16 },
	{ "tile.block.rsc", 32 }, { "bind.threads", 128 },
	{ "mma.acc.swap", 0 }, { "split_k.acc", 1 }, { "pipeline.rsc.async", 2 },
	{ "pipeline.rsc.stages", 3 }, { "raster.persistent", 0 },
	{ "cluster.npq", 1 }, { "cluster.f", 1 }, { "epilogue.y.bulk", 0 },
	{ NULL, 0 }
};

/* What of the text becomes what. */
static const struct fault {
	const char *name, *was, *is;
} faults[] = {
	{ "a box one row short", "{ 32, 16, 10, 1 }", "{ 32, 16, 9, 1 }" },
	{ "a box of the patch alone", "{ 32, 16, 10, 1 }", "{ 32, 16, 8, 1 }" },
	{ "the windows' first row for all", ") + tap * 64", ") + tap * 0" },
	{ "a row in between", ") + tap * 64", ") + tap * 32" },
	{ "weights of the first row for all", "tap * 192 + k0", "k0" },
	{ "weights of one row in all places", "w_tile[slot][tap * 16]",
		"w_tile[slot][0]" },
	{ "no padding above", "p_first - 1", "p_first" },
	{ "one column for all", "q_first + column", "q_first" },
	{ "another image", "const int image = blockIdx.x / 4",
		"const int image = 0 * blockIdx.x" },
	{ "a sum begun anew at each row", "t + tap + kk != 0", "t + kk != 0" },
	{ "rows beyond the image", "p < 10", "p < 11" },
	{ "columns beyond the image", "q < 20", "q < 21" },
};

static void faults_of_a_halo_are_found(void **state)
{
	const struct tensor_type *f16 = &tensor_wgmma.types[0];
	struct arena *a = arena_create();
	struct subject s = subject_open_for("sm_90a", 0, text_of(a, &small, f16),
		"wgmma", small_at);
	char *text = s.cuda;

	(void)state;
	assert_int_equal(subject_check(&s, WATCHED).verdict, CHECK_VERIFIED);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		struct check_result r;

		s.cuda = text;
		subject_plant(&s, faults[i].was, faults[i].is);
		r = subject_check(&s, WATCHED);
		if (r.verdict == CHECK_VERIFIED ||
		    r.verdict == CHECK_UNAVAILABLE ||
		    strstr(r.line, "does not compile"))
			fail_msg("%s: %s\n%s", faults[i].name, r.line, r.detail);
	}
	arena_destroy(s.a);
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_window_agrees_at_every_patch),
		cmocka_unit_test(faults_of_a_halo_are_found),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
