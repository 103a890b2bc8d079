/* SPDX-License-Identifier: MIT */
/* The schedule room: expressions, targets, binding of directives to a sketch's
 * tunables, spaces, and points printed as schedules that bind to themselves.
 * Schedules are read from the language through the driver's conversion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "driver/directives.h"
#include "front/front.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

enum { TILE_I, TILE_J, TILE_K, WARP_I, STAGE_A, STAGE_B, STAGES, ASYNC, SPLIT,
	ORDER, GROUP, EPILOGUE, N_TUNABLES };

static const char *const block[] = { "block", NULL };
static const char *const warp[] = { "warp", NULL };
static const char *const tensor_a[] = { "A", NULL };
static const char *const tensor_b[] = { "B", NULL };
static const char *const axis_k[] = { "k", "kk", NULL };
static const char *const acc[] = { "acc", NULL };
static const char *const out_c[] = { "C", NULL };
static const char *const swizzles[] = { "off", "auto", NULL };
static const char *const switches[] = { "off", "on", NULL };
static const char *const orders[] = { "row", "col", NULL };
static const int sizes_ij[] = { 32, 64, 128 }, sizes_k[] = { 8, 16, 32 };
static const int both[] = { 0, 1 }, few[] = { 1, 2, 3, 4 };

/* Such as a tiled contraction has. */
static const struct tunable table[N_TUNABLES] = {
	{ "tile.block.i", "tile", "i", block, sizes_ij, 3, NULL, false },
	{ "tile.block.j", "tile", "j", block, sizes_ij, 3, NULL, false },
	{ "tile.block.k", "tile", "k", block, sizes_k, 3, NULL, false },
	{ "tile.warp.i", "tile", "i", warp, sizes_ij, 2, NULL, false },
	{ "stage.A.swizzle", "stage", "swizzle", tensor_a, both, 2, swizzles,
		false },
	{ "stage.B.swizzle", "stage", "swizzle", tensor_b, both, 2, swizzles,
		false },
	{ "pipeline.k.stages", "pipeline", "stages", axis_k, few, 4, NULL,
		false },
	{ "pipeline.k.async", "pipeline", "async", axis_k, both, 2, switches,
		false },
	{ "split_k.acc", "split_k", NULL, acc, few, 4, NULL, true },
	{ "raster.order", "raster", "order", NULL, both, 2, orders, true },
	{ "raster.group", "raster", "group", NULL, few, 4, NULL, true },
	{ "epilogue.C", "epilogue", NULL, out_c, both, 2, NULL, false },
};

struct fixture {
	struct arena *a;
	struct diag *d;
	struct schedule *s;
	struct space *sp;
	const char *why;
	struct span at;
};

static const char *const size_names[] = { "M", "N", "K" };
static const int64_t size_values[] = { 64, 48, 32 };

static void show(struct fixture *f, const char *text)
{
	struct str out;

	str_init(&out, f->a);
	diag_print(f->d, &out, false);
	fail_msg("%s\n%s", text, str_text(&out));
}

/* Read "body" as a schedule of a product of matrices and bind it. */
static struct fixture bind_body(struct arena *a, const char *body)
{
	static const char op[] =
		"op mm(A: f32[M, K], B: f32[K, N]) -> (C: f32[M, N])\n"
		"{ let acc[i, j]: f32 = sum[k](A[i, k] * B[k, j]);\n"
		"C[i, j] = acc[i, j]; }\n";
	struct fixture f = { .a = a, .d = diag_create(a) };
	char *text = arena_printf(a, "%sschedule s for mm {%s}\n", op, body);
	struct front_options o = { NULL };
	struct front_files files = {0};
	struct ast_unit *u = front_load_source(a, source_from_text(a, "t.wpk",
		text, strlen(text)), &o, &files, f.d);

	if (u)
		f.s = directives_schedule(a, &u->items[1], NULL, f.d);
	if (!f.s)
		show(&f, text);
	f.sp = sched_bind(a, f.s, table, N_TUNABLES, size_names, size_values, 3,
		&f.why, &f.at);
	if (f.sp)
		f.sp->smem_max = 49152;
	return f;
}

static struct fixture bound(struct arena *a, const char *body)
{
	struct fixture f = bind_body(a, body);

	if (!f.sp)
		fail_msg("%s: %s", body, f.why);
	return f;
}

static void refused(const char *body, const char *why)
{
	struct arena *a = arena_create();
	struct fixture f = bind_body(a, body);

	if (f.sp)
		fail_msg("%s was bound", body);
	if (!strstr(f.why, why))
		fail_msg("%s: %s", body, f.why);
	assert_non_null(f.at.src);
	arena_destroy(a);
}

/* ---- points ---- */

static int *first_point(struct fixture *f)
{
	int *genes = ARENA_ARRAY(f->a, f->sp->n_genes + 1, int);

	for (int i = 0; i < f->sp->n_genes; i++)
		genes[i] = f->sp->genes[i].values[0];
	return genes;
}

static struct gene *gene_named(struct space *sp, const char *name)
{
	for (int i = 0; i < sp->n_genes; i++)
		if (!strcmp(sp->genes[i].name, name))
			return &sp->genes[i];
	return NULL;
}

static void set(struct fixture *f, int *genes, const char *name, int v)
{
	struct gene *g = gene_named(f->sp, name);

	assert_non_null(g);
	genes[g - f->sp->genes] = v;
}

static int *tunables(struct fixture *f, const int *genes)
{
	int *out = ARENA_ARRAY(f->a, N_TUNABLES, int);

	if (!space_tunables(f->a, f->sp, genes, out, &f->why))
		return NULL;
	return out;
}

/* ---- tests ---- */

static void binds_nothing(void **state)
{
	struct arena *a = arena_create();
	struct fixture f = { .a = a };
	int *v;

	(void)state;
	f.sp = sched_bind(a, NULL, table, N_TUNABLES, NULL, NULL, 0, &f.why,
		&f.at);
	assert_non_null(f.sp);
	assert_int_equal(f.sp->n_genes, N_TUNABLES);
	assert_true(space_size(f.sp) == 27.0 * 2 * 4 * 4 * 2 * 4 * 2 * 4 * 2);
	v = tunables(&f, first_point(&f));
	assert_int_equal(v[TILE_I], 32);
	assert_int_equal(v[SPLIT], 1);
	assert_true(gene_named(f.sp, "raster.order")->launch);
	assert_false(sched_seed(NULL, f.sp, 0, v));
	arena_destroy(a);
}

static void binds_directives(void **state)
{
	struct arena *a = arena_create();
	struct fixture f = bound(a,
		"param BK = {16, 32}; param S = 2..4 step 1;\n"
		"require S * BK * tile.block.i * 4 <= smem_max;\n"
		"tile(block, i = 64..256, j = M, k = BK);\n"
		"stage(A, B, swizzle = {auto, off});\n"
		"pipeline(k, stages = S, async = on);\n"
		"split_k(acc, {1, 2, 4, 8});\n"
		"raster(order = col, group = 2 * S);\n"
		"epilogue(C);\n"
		"fallback(cublaslt, margin = 1.02);\n"
		"seed(tile.block.i = 128, BK = 32, S = 3, stage.A.swizzle = off);\n"
		"seed(BK = 16);");
	struct gene *g = gene_named(f.sp, "tile.block.i");
	int *genes = first_point(&f), *v;

	(void)state;
	assert_int_equal(g->n, 3);
	assert_int_equal(g->values[2], 256);
	assert_null(gene_named(f.sp, "tile.block.k"));
	assert_null(gene_named(f.sp, "raster.group"));
	set(&f, genes, "BK", 16);
	set(&f, genes, "S", 3);
	v = tunables(&f, genes);
	assert_non_null(v);
	assert_int_equal(v[TILE_J], 64);
	assert_int_equal(v[TILE_K], 16);
	assert_int_equal(v[STAGES], 3);
	assert_int_equal(v[ASYNC], 1);
	assert_int_equal(v[ORDER], 1);
	assert_int_equal(v[GROUP], 6);
	assert_int_equal(v[EPILOGUE], 1);
	assert_int_equal(gene_named(f.sp, "stage.B.swizzle")->n, 2);
	set(&f, genes, "tile.block.i", 256);
	set(&f, genes, "BK", 32);
	assert_null(tunables(&f, genes));
	assert_string_equal(f.why, "require S * BK * tile.block.i * 4 <= "
		"smem_max does not hold: 98304 <= 49152");
	assert_true(sched_seed(f.s, f.sp, 0, genes));
	v = tunables(&f, genes);
	assert_non_null(v);
	assert_int_equal(v[TILE_I], 128);
	assert_int_equal(v[TILE_K], 32);
	assert_int_equal(v[STAGES], 3);
	assert_int_equal(v[STAGE_A], 0);
	assert_true(sched_seed(f.s, f.sp, 1, genes));
	v = tunables(&f, genes);
	assert_int_equal(v[TILE_K], 16);
	assert_int_equal(v[TILE_I], 128);
	assert_int_equal(v[STAGE_A], 0);
	assert_false(sched_seed(f.s, f.sp, 2, genes));
	arena_destroy(a);
}

static void params_make_expressions(void **state)
{
	struct arena *a = arena_create();
	struct fixture f = bound(a, "param D = K / 4;\n"
		"param T = {8, 16}; param W = 2 * T;\n"
		"tile(block, i = W, k = T); split_k(acc, D);\n"
		"raster(group = min(W, 7) > 3 && !(T == 1) ? 4 : -1 + T % 3);");
	int *genes = first_point(&f), *v;

	(void)state;
	set(&f, genes, "T", 8);
	v = tunables(&f, genes);
	assert_non_null(v);
	assert_int_equal(v[TILE_I], 16);
	assert_int_equal(v[TILE_K], 8);
	assert_int_equal(v[SPLIT], 8);
	assert_int_equal(v[GROUP], 4);
	arena_destroy(a);
}

static void refuses(void **state)
{
	(void)state;
	refused("mma(acc);", "no tunable for mma(...); there is tile, stage, "
		"pipeline, split_k, raster, epilogue");
	refused("tile(thread, i = 4);", "no tunable for tile(thread, ...); "
		"tile takes block: i, j, k; warp: i");
	refused("tile(warp, k = 4);", "no tunable for tile(warp, k = ...); "
		"tile takes block: i, j, k; warp: i");
	refused("stage(A, scope = shared);",
		"no tunable for stage(A, scope = ...)");
	refused("tile(block, i = 64); tile(block, i = 32);",
		"tile.block.i is given twice");
	refused("param P = {1, 2}; tile(block, i = {P, 4});",
		"tile.block.i cannot choose among expressions of params");
	refused("raster(order = {row, col}, group = N % 0);",
		"raster.group cannot be N % 0, which has no value here");
	refused("param Q = {1, 2}; pipeline(k, stages = Q, async = Q);",
		"param Q stands for different kinds of value");
	refused("require tile.warp.j > 3;", "tile.warp.j is no number here; "
		"did you mean tile.warp.i?");
	refused("tile(block, i = 3000000000);", "too large");
	refused("seed(tile.block.i = 96);", "seed gives tile.block.i a value "
		"that is not among its: 32, 64, 128");
	refused("param P = {1, 2}; tile(block, i = 2 * P); "
		"seed(tile.block.i = 2);",
		"seed sets tile.block.i, which is computed");
	refused("seed(pipeline.k.async = auto);",
		"pipeline.k.async cannot be auto; it is one of off, on");
	refused("fuse(ij = {i, j});", "no tunable uses the axis of "
		"fuse(ij = ...)");
	refused("split_k(acc);split_k(acc, 2);", "split_k.acc is given twice");
}

static void prints_spaces(void **state)
{
	struct arena *a = arena_create();
	struct fixture f = bound(a, "param BK = {16, 32};\n"
		"require BK > 8;\ntile(block, i = 64, j = 2 * BK, k = BK);\n"
		"split_k(acc, {1, 2});");
	struct str out;
	int *genes = first_point(&f);

	(void)state;
	str_init(&out, a);
	space_print(f.sp, &out);
	assert_string_equal(str_text(&out),
		"BK = {16, 32}\n"
		"epilogue.C = {0, 1}\n"
		"pipeline.k.async = {off, on}\n"
		"pipeline.k.stages = {1, 2, 3, 4}\n"
		"raster.group = {1, 2, 3, 4} at launch\n"
		"raster.order = {row, col} at launch\n"
		"split_k.acc = {1, 2} at launch\n"
		"stage.A.swizzle = {off, auto}\n"
		"stage.B.swizzle = {off, auto}\n"
		"tile.block.i = 64\n"
		"tile.block.j = 2 * BK\n"
		"tile.block.k = BK\n"
		"tile.warp.i = {32, 64}\n"
		"require 8 < BK\n");
	str_init(&out, a);
	sched_print_point(f.sp, genes, &out);
	assert_string_equal(str_text(&out),
		"epilogue(C, 0);\n"
		"pipeline(k, async = off, stages = 1);\n"
		"raster(group = 1, order = row);\n"
		"split_k(acc, 1);\n"
		"stage(A, swizzle = off);\n"
		"stage(B, swizzle = off);\n"
		"tile(block, i = 64, j = 32, k = 16);\n"
		"tile(warp, i = 32);\n");
	arena_destroy(a);
}

static void pins(void **state)
{
	struct arena *a = arena_create();
	struct fixture f = bound(a, "param BK = {16, 32};\n"
		"tile(block, i = {64, 128}, j = 2 * BK, k = BK);");

	(void)state;
	assert_null(space_pin(a, f.sp, "tile.block.i", "128"));
	assert_int_equal(gene_named(f.sp, "tile.block.i")->n, 1);
	assert_string_equal(space_pin(a, f.sp, "tile.block.i", "64"),
		"tile.block.i cannot be 64: it is 128");
	assert_string_equal(space_pin(a, f.sp, "tile.block.k", "64"),
		"BK cannot be 64: it is one of {16, 32}");
	assert_null(space_pin(a, f.sp, "tile.block.k", "32"));
	assert_int_equal(gene_named(f.sp, "BK")->values[0], 32);
	assert_string_equal(space_pin(a, f.sp, "tile.block.j", "64"),
		"tile.block.j is computed as 2 * BK and cannot be set by itself");
	assert_null(space_pin(a, f.sp, "pipeline.k.async", "on"));
	assert_non_null(space_pin(a, f.sp, "pipeline.k.stages", "many"));
	assert_null(space_pin(a, f.sp, "pipeline.k.stages", "7"));
	assert_string_equal(space_pin(a, f.sp, "tile.blok.i", "1"),
		"nothing here is named tile.blok.i; did you mean tile.block.i?");
	arena_destroy(a);
}

/* A small generator is enough: any reproducible choice will do. */
static unsigned next(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

static void random_point(const struct space *sp, unsigned *seed, int *genes)
{
	for (int i = 0; i < sp->n_genes; i++)
		genes[i] = sp->genes[i].values[next(seed) %
			(unsigned)sp->genes[i].n];
}

/* Printed, read and bound again, a point is the only point of its space. */
static void points_round_trip(void **state)
{
	static const char *const bodies[] = {
		"", "param P = {1, 2, 4}; tile(block, i = 16 * P, j = 8 * P); "
		"pipeline(kk, stages = P, async = {on, off});",
		"stage(B, swizzle = auto); split_k(acc, 2..16); "
		"raster(order = {col, row}); epilogue(C, {0, 1});",
		"param W = {32, 64}; param V = W * 2; tile(block, i = V + W); "
		"tile(warp, i = W); require tile.block.i <= 192;",
	};
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 80; i++) {
		struct arena *a = arena_create();
		struct fixture f = bound(a, bodies[i % 4]), g;
		int *genes = first_point(&f), *before, *after;
		struct str out;

		random_point(f.sp, &seed, genes);
		str_init(&out, a);
		sched_print_point(f.sp, genes, &out);
		g = bound(a, str_text(&out));
		before = tunables(&f, genes);
		after = tunables(&g, first_point(&g));
		assert_true(space_size(g.sp) == 1);
		assert_memory_equal(before, after, N_TUNABLES * sizeof(int));
		arena_destroy(a);
	}
}

static bool no_names(void *ctx, const char *name, int64_t *v)
{
	(void)ctx;
	(void)name;
	(void)v;
	return false;
}

static struct sched_expr *op2(struct arena *a, enum op op, int64_t x, int64_t y)
{
	struct sched_expr *e = ARENA_ARRAY(a, 3, struct sched_expr);

	e[1].i = x;
	e[2].i = y;
	e->kind = SX_OP;
	e->op = op;
	e->args[0] = &e[1];
	e->args[1] = &e[2];
	return e;
}

static void evaluates(void **state)
{
	struct arena *a = arena_create();
	struct sched_expr name = { .kind = SX_NAME, .name = "x" };
	int64_t v;

	(void)state;
	assert_true(sched_eval(op2(a, OP_DIV, -1, 2), no_names, NULL, &v));
	assert_int_equal(v, -1);
	assert_true(sched_eval(op2(a, OP_MOD, -1, 2), no_names, NULL, &v));
	assert_int_equal(v, 1);
	assert_false(sched_eval(op2(a, OP_MOD, 1, 0), no_names, NULL, &v));
	assert_false(sched_eval(op2(a, OP_DIV, INT64_MIN, -1), no_names, NULL,
		&v));
	assert_false(sched_eval(op2(a, OP_MUL, INT64_MAX, 2), no_names, NULL,
		&v));
	assert_false(sched_eval(&name, no_names, NULL, &v));
	arena_destroy(a);
}

static void names_fused_axes(void **state)
{
	struct arena *a = arena_create();
	struct fixture f = bind_body(a, "fuse(ij = {j, i});");

	(void)state;
	assert_string_equal(sched_fused(f.s, WORDS("i", "j"), 2), "ij");
	assert_null(sched_fused(f.s, WORDS("i"), 1));
	assert_null(sched_fused(f.s, WORDS("i", "k"), 2));
	assert_null(sched_fused(NULL, WORDS("i", "j"), 2));
	arena_destroy(a);
}

static void knows_targets(void **state)
{
	const struct target *t = target_named("sm_90a");

	(void)state;
	assert_null(target_named("sm_70"));
	assert_true(target_in(t, "sm_90", NULL, false));
	assert_true(target_in(t, "sm_80", NULL, true));
	assert_true(target_in(t, "sm_80", "sm_90", false));
	assert_true(target_in(t, "sm_50", NULL, true));
	assert_false(target_in(t, "sm_80", "sm_89", false));
	assert_false(target_in(t, "sm_100", NULL, true));
	assert_false(target_in(target_named("sm_90"), "sm_90a", NULL, false));
	assert_true(target_in(target_named("sm_100"), "sm_90a", NULL, true));
	assert_false(target_in(t, "90", NULL, true));
	assert_string_equal(gpu_for_target(t)->name, "h200");
	assert_string_equal(gpu_for_target(target_named("sm_75"))->name, "t4");
	assert_string_equal(gpu_for_target(target_named("sm_121"))->name,
		"b200");
	for (const struct gpu *g = gpu_list(); g->name; g++)
		assert_int_equal(target_named(g->arch)->cc, g->cc);
}

static void knows_occupancy(void **state)
{
	const struct target *h = target_named("sm_90");

	(void)state;
	assert_int_equal(target_occupancy(h, 256, 32, 0), 8);
	assert_int_equal(target_occupancy(h, 256, 64, 0), 4);
	assert_int_equal(target_occupancy(h, 256, 128, 0), 2);
	assert_int_equal(target_occupancy(h, 256, 255, 0), 1);
	assert_int_equal(target_occupancy(h, 1024, 65, 0), 0);
	assert_int_equal(target_occupancy(h, 128, 32, 100 * 1024), 2);
	assert_int_equal(target_occupancy(h, 128, 32, 227 * 1024), 1);
	assert_int_equal(target_occupancy(h, 128, 32, 227 * 1024 + 1), 0);
	assert_int_equal(target_occupancy(h, 32, 16, 0), 32);
	assert_int_equal(target_occupancy(h, 1025, 16, 0), 0);
	assert_int_equal(target_occupancy(target_named("sm_75"), 256, 64,
		32 * 1024), 2);
}

/* Of 8 GPCs of 18 multiprocessors at most, that have 132, no chip runs 33 clusters
 * of 4 at once; of pairs, which are whole wherever they are, all do. */
static void clusters_fit_gpcs(void **state)
{
	struct gpu h = *gpu_named("h200");

	(void)state;
	assert_int_equal(gpu_clusters(&h, 1, 1), 132);
	assert_int_equal(gpu_clusters(&h, 1, 2), 66);
	assert_int_equal(gpu_clusters(&h, 1, 4), 31);
	assert_int_equal(gpu_clusters(&h, 1, 8), 15);
	assert_int_equal(gpu_clusters(&h, 2, 4), 66);
	assert_int_equal(gpu_clusters(gpu_named("a100"), 2, 1), 216);
	h.sms = 3;
	assert_int_equal(gpu_clusters(&h, 1, 4), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binds_nothing),
		cmocka_unit_test(binds_directives),
		cmocka_unit_test(params_make_expressions),
		cmocka_unit_test(refuses),
		cmocka_unit_test(prints_spaces),
		cmocka_unit_test(pins),
		cmocka_unit_test(points_round_trip),
		cmocka_unit_test(evaluates),
		cmocka_unit_test(names_fused_axes),
		cmocka_unit_test(knows_targets),
		cmocka_unit_test(knows_occupancy),
		cmocka_unit_test(clusters_fit_gpcs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
