/* SPDX-License-Identifier: MIT */
/* The kernel IR carries Hopper's kernels: a persistent, warp-specialised matrix
 * product for sm_90a, C = A * B in bf16 by tiles of 64 x 128, 64 deep; a
 * producer of bulk tensor copies, a consumer of wgmma, four stages between
 * them, blocks in clusters of two.
 * It is built by hand, printed, verified, emitted, assembled and, with fewer
 * tiles, emulated: early and late, and its accesses watched; and so are faults
 * planted in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cuda/cuda.h"
#include "kernel/intrin.h"
#include "kernel/kernel.h"
#include "toolkit.h"

enum { ROWS = 64, COLS = 128, DEPTH = 64, STAGES = 4,
	STAGE_BYTES = (ROWS + COLS) * DEPTH * 2 };

/* How many tiles, also in a row of them, and how many steps each takes. */
struct size {
	int tiles, per_row, steps, blocks;
};

static const struct size large = { 1024, 32, 64, 132 };

struct hopper {
	struct size size;
	struct arena *a;
	struct kernel *k;
	struct k_map *a_map, *b_map, *c_map;
	struct k_buffer *as, *bs, *cs, *full, *empty, *acc, *packed;
};

/* A ring of stages, with the parity of the round. */
struct ring {
	struct k_var *stage, *parity;
};

static struct kx *n(struct hopper *h, int64_t v)
{
	return kx_int(h->a, v);
}

static struct kx *at(struct hopper *h, struct k_buffer *b, struct kx *i)
{
	return kx_address(h->a, k_place(b, i));
}

static struct kx *at3(struct hopper *h, struct k_buffer *b, struct kx *i)
{
	return kx_address(h->a, k_place(b, i, n(h, 0), n(h, 0)));
}

/* Rows of "cols" elements, of which a box has some. */
static struct k_map *map_of(struct hopper *h, const char *name, bool written,
	int64_t rows, int64_t cols, int box_rows, int box_cols, int swizzle)
{
	return kernel_map(h->k, (struct k_map){
		.name = arena_printf(h->a, "%s_map", name),
		.of = kernel_global(h->k, name, T_BF16, 128, written, false),
		.rank = 2, .dims = { cols, rows }, .strides = { 0, 2 * cols },
		.box = { box_cols, box_rows }, .swizzle = swizzle,
		.promotion = 256 });
}

static void declare(struct hopper *h)
{
	int64_t as[] = { STAGES, ROWS, DEPTH }, bs[] = { STAGES, COLS, DEPTH };
	int64_t cs[] = { ROWS, COLS }, bar[] = { STAGES };
	int64_t acc[] = { COLS / 2 }, packed[] = { 4 };
	int64_t m = h->size.tiles / h->size.per_row * ROWS;
	int64_t cols = h->size.per_row * COLS, depth = h->size.steps * DEPTH;
	struct kernel *k = h->k;

	h->a_map = map_of(h, "a", false, m, depth, ROWS, DEPTH, 128);
	h->b_map = map_of(h, "b", false, cols, depth, COLS, DEPTH, 128);
	h->c_map = map_of(h, "c", true, m, cols, ROWS, COLS, 0);
	h->as = kernel_array(k, K_SHARED, "As", T_BF16, 3, as, 1024);
	h->bs = kernel_array(k, K_SHARED, "Bs", T_BF16, 3, bs, 1024);
	h->cs = kernel_array(k, K_SHARED, "Cs", T_BF16, 2, cs, 1024);
	h->full = kernel_array(k, K_SHARED, "full", T_I64, 1, bar, 8);
	h->empty = kernel_array(k, K_SHARED, "empty", T_I64, 1, bar, 8);
	h->acc = kernel_array(k, K_REGISTER, "acc", T_F32, 1, acc, 4);
	h->packed = kernel_array(k, K_REGISTER, "packed", T_U32, 1, packed, 4);
	kernel_layout(k);
}

static struct ring ring(struct hopper *h, struct k_block *b)
{
	return (struct ring){
		ks_mutable(h->a, b, "stage", T_I32, n(h, 0)),
		ks_mutable(h->a, b, "parity", T_I32, n(h, 0)) };
}

static void advance(struct hopper *h, struct k_block *b, struct ring r)
{
	struct k_block *wrap;

	ks_update(h->a, b, r.stage, OP_ADD, n(h, 1));
	wrap = ks_if(h->a, b, kx_op(h->a, OP_EQ, T_BOOL, 2,
		kx_var(h->a, r.stage), n(h, STAGES)));
	ks_assign(h->a, wrap, r.stage, n(h, 0));
	ks_assign(h->a, wrap, r.parity, kx_call(h->a, INTRIN_BIT_XOR, T_I32,
		2, kx_var(h->a, r.parity), n(h, 1)));
}

static void start(struct hopper *h)
{
	struct k_block *body = &h->k->body, *first, *each;
	struct kx *i;

	ks_comment(h->a, body, "one arrival fills a stage, the consumer's 128 "
		"empty it");
	first = ks_if(h->a, body, kx_op(h->a, OP_EQ, T_BOOL, 2,
		kx_special(h->a, K_THREAD_X), n(h, 0)));
	each = ks_for(h->a, first, LOOP_UNROLLED, "s", n(h, 0), n(h, STAGES),
		NULL, &i);
	ks_call(h->a, each, INTRIN_MBARRIER_INIT, 2, at(h, h->full, i),
		n(h, 1));
	ks_call(h->a, each, INTRIN_MBARRIER_INIT, 2, at(h, h->empty, i),
		n(h, 128));
	ks_call(h->a, first, INTRIN_FENCE_MBARRIER_INIT, 0);
	ks_barrier(h->a, body, BARRIER_CLUSTER);
}

static struct k_block *tiles(struct hopper *h, struct k_block *b,
	struct kx **row, struct kx **col)
{
	struct kx *tile;

	b = ks_for(h->a, b, LOOP_TILES, "tile", n(h, 0), n(h, h->size.tiles), NULL,
		&tile);
	*row = ks_let(h->a, b, "row", kx_mul(h->a, kx_div(h->a, tile,
		n(h, h->size.per_row)), n(h, ROWS)));
	*col = ks_let(h->a, b, "col", kx_mul(h->a, kx_mod(h->a, tile,
		n(h, h->size.per_row)), n(h, COLS)));
	return b;
}

static void produce(struct hopper *h, struct k_block *b)
{
	struct kx *row, *col, *step, *stage, *k;
	struct ring r;

	b = ks_if(h->a, b, kx_op(h->a, OP_EQ, T_BOOL, 2,
		kx_special(h->a, K_WARP), n(h, 0)));
	b = ks_if(h->a, b, kx_call(h->a, INTRIN_ELECT_ONE, T_BOOL, 0));
	r = ring(h, b);
	stage = kx_var(h->a, r.stage);
	b = tiles(h, b, &row, &col);
	b = ks_for(h->a, b, LOOP_SERIAL, "step", n(h, 0), n(h, h->size.steps), NULL,
		&step);
	k = ks_let(h->a, b, "k", kx_mul(h->a, step, n(h, DEPTH)));
	ks_call(h->a, b, INTRIN_MBARRIER_WAIT, 2, at(h, h->empty, stage),
		kx_call(h->a, INTRIN_BIT_XOR, T_I32, 2,
			kx_var(h->a, r.parity), n(h, 1)));
	ks_call(h->a, b, INTRIN_MBARRIER_EXPECT, 2, at(h, h->full, stage),
		n(h, STAGE_BYTES));
	ks_call(h->a, b, INTRIN_COPY_TENSOR_2D, 5, at3(h, h->as, stage),
		kx_map(h->a, h->a_map), at(h, h->full, stage), k, row);
	ks_call(h->a, b, INTRIN_COPY_TENSOR_2D, 5, at3(h, h->bs, stage),
		kx_map(h->a, h->b_map), at(h, h->full, stage), k, col);
	advance(h, b, r);
}

/* One stage: four wgmma of depth 16, 32 bytes apart in rows of 128. */
static void multiply(struct hopper *h, struct k_block *b, struct kx *stage,
	struct kx *step)
{
	struct arena *a = h->a;
	struct kx *left, *right;

	left = ks_let(a, b, "left", kx_call(a, INTRIN_WGMMA_DESCRIPTOR,
		T_I64, 4, at3(h, h->as, stage), n(h, 16), n(h, 1024),
		n(h, 1)));
	right = ks_let(a, b, "right", kx_call(a, INTRIN_WGMMA_DESCRIPTOR,
		T_I64, 4, at3(h, h->bs, stage), n(h, 16), n(h, 1024),
		n(h, 1)));
	ks_call(a, b, INTRIN_WGMMA_FENCE, 0);
	for (int i = 0; i < DEPTH / 16; i++) {
		struct kx **args = ARENA_ARRAY(a, 3, struct kx *);

		args[0] = kx_add(a, left, n(h, 2 * i));
		args[1] = kx_add(a, right, n(h, 2 * i));
		args[2] = i ? n(h, 1) : kx_op(a, OP_NE, T_BOOL, 2, step,
			n(h, 0));
		ks_push(a, b, (struct ks){ .kind = KS_MMA,
			.mma = MMA_WGMMA, .m = 64, .n = COLS, .k = 16,
			.acc = k_place(h->acc, n(h, 0)), .acc_type = T_F32,
			.left_type = T_BF16, .right_type = T_BF16,
			.args = args, .n_args = 3 });
	}
	ks_call(a, b, INTRIN_WGMMA_COMMIT, 0);
	ks_call(a, b, INTRIN_WGMMA_WAIT, 1, n(h, 0));
}

static void pack(struct hopper *h, struct k_block *b, struct kx *i)
{
	struct arena *a = h->a;

	for (int j = 0; j < 4; j++) {
		struct kx *from = kx_add(a, kx_mul(a, i, n(h, 8)),
			n(h, 2 * j));

		ks_store(a, b, k_place(h->packed, n(h, j)), kx_call(a,
			INTRIN_PACK_BF16, T_U32, 2, kx_load(a, h->acc, from),
			kx_load(a, h->acc, kx_add(a, from, n(h, 1)))));
	}
}

static void store(struct hopper *h, struct k_block *b, struct kx *row,
	struct kx *col)
{
	struct arena *a = h->a;
	struct kx *thread, *lane, *i, *r, *c;
	struct k_block *each, *one;

	thread = kx_sub(a, kx_special(a, K_THREAD_X), n(h, 128));
	lane = kx_special(a, K_LANE);
	r = ks_let(a, b, "r", kx_add(a, kx_mul(a, kx_div(a, thread,
		n(h, 32)), n(h, 16)), kx_mod(a, lane, n(h, 16))));
	c = ks_let(a, b, "c", kx_mul(a, kx_div(a, lane, n(h, 16)), n(h, 8)));
	each = ks_for(a, b, LOOP_UNROLLED, "i", n(h, 0), n(h, COLS / 16),
		NULL, &i);
	pack(h, each, i);
	ks_call(a, each, INTRIN_STMATRIX_X4, 2, kx_address(a, k_place(h->cs,
		r, kx_add(a, kx_mul(a, i, n(h, 16)), c))),
		at(h, h->packed, n(h, 0)));
	ks_call(a, b, INTRIN_FENCE_PROXY_ASYNC, 0);
	ks_barrier_named(a, b, 1, 128);
	one = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2, kx_special(a,
		K_THREAD_X), n(h, 128)));
	ks_call(a, one, INTRIN_COPY_TENSOR_STORE_2D, 4,
		kx_map(h->a, h->c_map), kx_address(a, k_place(h->cs,
		n(h, 0), n(h, 0))), col, row);
	ks_call(a, one, INTRIN_COPY_BULK_COMMIT, 0);
	ks_call(a, one, INTRIN_COPY_BULK_WAIT_READ, 1, n(h, 0));
	ks_barrier_named(a, b, 1, 128);
}

static void consume(struct hopper *h, struct k_block *b)
{
	struct kx *row, *col, *step, *stage;
	struct k_block *inner;
	struct ring r = ring(h, b);

	stage = kx_var(h->a, r.stage);
	b = tiles(h, b, &row, &col);
	inner = ks_for(h->a, b, LOOP_SERIAL, "step", n(h, 0), n(h, h->size.steps),
		NULL, &step);
	ks_call(h->a, inner, INTRIN_MBARRIER_WAIT, 2, at(h, h->full, stage),
		kx_var(h->a, r.parity));
	multiply(h, inner, stage, step);
	ks_call(h->a, inner, INTRIN_MBARRIER_ARRIVE, 1,
		at(h, h->empty, stage));
	advance(h, inner, r);
	store(h, b, row, col);
}

static struct kernel *hopper_kernel(struct arena *a, struct size size)
{
	struct hopper h = { .a = a, .k = kernel_create(a, "gemm", 256),
		.size = size };

	h.k->cluster = 2;
	h.k->min_blocks = 1;
	h.k->comment = "C = A * B, persistent, one producer and one consumer "
		"warp group";
	declare(&h);
	start(&h);
	produce(&h, ks_role(a, &h.k->body, "producer", 0, 4, 40));
	consume(&h, ks_role(a, &h.k->body, "consumer", 4, 8, 232));
	ks_comment(a, &h.k->body, "no block may leave while another's copies "
		"are under way");
	ks_barrier(a, &h.k->body, BARRIER_CLUSTER);
	return h.k;
}

/* ---- tests ---- */

static struct program *program(struct arena *a, struct size size)
{
	struct program *p = program_create(a, "gemm");
	const char *names[] = { "a", "b", "c" };
	int64_t m = size.tiles / size.per_row * ROWS;
	int64_t cols = size.per_row * COLS, depth = size.steps * DEPTH;
	int64_t elements[] = { m * depth, cols * depth, m * cols };
	struct p_step s = { .kind = P_LAUNCH, .kernel = hopper_kernel(a, size),
		.grid = { size.blocks, 1, 1 }, .n_args = 3 };

	s.args = ARENA_ARRAY(a, 3, int);
	for (int i = 0; i < 3; i++) {
		vec_push(a, &p->tensors, (struct p_tensor){ .name = names[i],
			.role = i == 2 ? P_OUT : P_IN, .type = T_BF16,
			.elements = elements[i], .align = 128 });
		s.args[i] = i;
	}
	vec_push(a, &p->steps, s);
	program_layout(p);
	return p;
}

static const char *text_of(struct arena *a, struct size size)
{
	struct program *p = program(a, size);
	struct cuda_unit u = cuda_unit_of(a, "gemm.wpk", "1.0",
		target_named("sm_90a"), p);
	struct str s;

	str_init(&s, a);
	cuda_emit(&u, &s);
	return str_text(&s);
}

static void prints(void **state)
{
	struct arena *a = arena_create();
	struct str s;

	(void)state;
	str_init(&s, a);
	kernel_print(hopper_kernel(a, large), &s);
	assert_non_null(strstr(str_text(&s),
		"    consumer: warps 4..8 registers 232 {\n"));
	assert_non_null(strstr(str_text(&s), "wgmma m64n128k16 acc[0]: f32 += "
		"add(left, 2L): bf16 * add(right, 2L): bf16 accumulate 1\n"));
	assert_null(strchr(str_text(&s), '?'));
	arena_destroy(a);
}

static void verifies(void **state)
{
	struct arena *a = arena_create();
	struct kernel *k = hopper_kernel(a, large);
	const char *why;

	(void)state;
	assert_null(kernel_verify(a, k, target_named("sm_90a")));
	why = kernel_verify(a, k, target_named("sm_90"));
	assert_non_null(why);
	assert_non_null(strstr(why, "sm_90a"));
	assert_non_null(kernel_verify(a, k, target_named("sm_80")));
	k->body.s.v[k->body.s.n - 3].roles[1].lo = 3;
	assert_string_equal(kernel_verify(a, k, target_named("sm_90a")),
		"roles producer and consumer share warps");
	arena_destroy(a);
}

static void emits(void **state)
{
	struct arena *a = arena_create();
	const char *s = text_of(a, large);

	(void)state;
	assert_non_null(strstr(s, "registers_decrease<40>();"));
	assert_non_null(strstr(s, "for (int tile = blockIdx.x; "));
	assert_non_null(strstr(s, "cluster.val.clusterDim.x = 2;"));
	assert_non_null(strstr(s, "extern __shared__ __align__(1024) "));
	assert_string_equal(s, text_of(a, large));
	arena_destroy(a);
}

static void assembles(void **state)
{
	struct arena *a;

	(void)state;
	if (!toolkit_nvcc())
		skip();
	a = arena_create();
	assert_true(toolkit_assembles(text_of(a, large), "90a"));
	arena_destroy(a);
}

/* ---- on the emulator ---- */

static const struct size small = { 6, 2, 5, 2 };

/* The operands of such a product; the result against three loops. */
static const char caller[] =
"enum { M = TILES / PER_ROW * 64, N = PER_ROW * 128, K = STEPS * 64 };\n"
"static unsigned short a[M * K] __attribute__((aligned(128)));\n"
"static unsigned short b[N * K] __attribute__((aligned(128)));\n"
"static unsigned short c[M * N] __attribute__((aligned(128)));\n"
"static float value(int i) { return (i * 7919 % 31 - 15) / 8.0f; }\n"
"static bool right(int i, int j)\n"
"{\n"
"	float got = f32_from_bf16(c[i * N + j]);\n"
"	double sum = 0, most = 0;\n"
"	for (int k = 0; k < K; k++) {\n"
"		double x = value(i * K + k) * value(777 + j * K + k);\n"
"		sum += x;\n"
"		most += fabs(x);\n"
"	}\n"
"	return fabs(got - sum) <= fabs(sum) / 128 + most * 1e-5;\n"
"}\n"
"extern \"C\" int wpk_emu_entry(void *const *, void *, size_t)\n"
"{\n"
"	int code;\n"
"	for (int i = 0; i < M * K; i++)\n"
"		a[i] = bf16_from_f32(value(i));\n"
"	for (int i = 0; i < N * K; i++)\n"
"		b[i] = bf16_from_f32(value(777 + i));\n"
"	code = gemm(a, b, c, nullptr, 0, nullptr);\n"
"	for (int i = 0; i < M && !code; i++)\n"
"		for (int j = 0; j < N; j++)\n"
"			if (!right(i, j))\n"
"				return 1000;\n"
"	return code;\n"
"}\n";

static const char *emulated(struct arena *a, const char *text,
	const char *flags)
{
	enum { ROOM = 10000 };
	char *said = ARENA_ARRAY(a, ROOM, char);

	toolkit_says(text, flags, said, ROOM);
	return said;
}

static const char watched[] =
	"-g -no-pie -fno-pie -fsanitize=thread -DWPK_EMU_WATCH";

static void must_say(const char *said, const char *what)
{
	if (!strstr(said, what))
		fail_msg("\"%s\" is not in\n%s", what, said);
}

static const char *small_text(struct arena *a)
{
	return arena_printf(a, "%s\nenum { TILES = %d, PER_ROW = %d, STEPS = "
		"%d };\n%s", text_of(a, small), small.tiles, small.per_row,
		small.steps, caller);
}

static void computes(void **state)
{
	struct arena *a = arena_create();

	(void)state;
	assert_true(toolkit_launches(small_text(a), ""));
	assert_true(toolkit_launches(small_text(a), watched));
	arena_destroy(a);
}

static const char *with(struct arena *a, const char *text, const char *from,
	const char *to)
{
	const char *at = strstr(text, from);

	if (!at)
		fail_msg("\"%s\" is not in the text", from);
	return arena_printf(a, "%.*s%s%s", (int)(at - text), text, to,
		at + strlen(from));
}

static void faults_are_found(void **state)
{
	static const struct {
		const char *from, *to, *flags, *says;
	} faults[] = {
		{ "1024, 1);", "512, 1);", "", "late returned 1000" },
		{ "1024, 1);", "1024, 2);", "", "late fault wgmma" },
		{ "1024, 1);", "1024, 0);", "", "late returned 1000" },
		{ "parity ^ 1);", "parity);", "", "late fault deadlock" },
		{ "&full[stage], 24576", "&full[stage], 24592", "",
			"late fault deadlock" },
		{ "wgmma_wait<0>();", "", "", "late returned 1000" },
		{ "wgmma_fence();", "", "", "late fault wgmma" },
		{ "mbarrier_wait(&full[stage], parity);", "", "",
			"late fault mbarrier" },
		{ "mbarrier_wait(&full[stage], parity);", "", watched,
			"early fault race" },
		{ "wgmma_wait<0>();", "mbarrier_arrive(&empty[stage]); "
			"wgmma_wait<0>(); if (0)", watched,
			"late fault race" },
		{ "fence_proxy_async();\n\t\t\tbarrier", "barrier", watched,
			"early fault race" },
		{ "copy_bulk_wait_read<0>();", "", "", "late fault async" },
		{ "fence_mbarrier_init();", "", "", "early fault mbarrier" },
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		must_say(emulated(a, with(a, small_text(a), faults[i].from,
			faults[i].to), faults[i].flags), faults[i].says);
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints),
		cmocka_unit_test(verifies),
		cmocka_unit_test(emits),
		cmocka_unit_test(assembles),
		cmocka_unit_test(computes),
		cmocka_unit_test(faults_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
