/* SPDX-License-Identifier: MIT */
/* Tensor maps as kernels have them: tiles with every swizzle, which hang over
 * the edge of a matrix, and pixels of an image with padding and a stride. Each
 * is an operator of one file: it copies a box into shared memory by a map,
 * gives the box as it lies there, and copies it out again by a map. They are
 * verified, printed, compiled and emulated; what a driver would refuse is
 * refused before. */
#include "cuda_cases.h"
#include "kernel/generalise.h"
#include "kernel/intrin.h"
#include "toolkit.h"

/* A matrix of ROWS x COLS in rows of PITCH, and an image. */
enum { ROWS = 40, COLS = 60, PITCH = 64, IMAGES = 2, HEIGHT = 5, WIDTH = 6,
	CHANNELS = 16, PIXELS = 16, BOX_ROWS = 16, ROW = 30, COL = 40 };

static const struct tile {
	const char *name;
	int swizzle, cols;
} tiles[] = {
	{ "plain", 0, 24 }, { "by32", 32, 16 }, { "by64", 64, 32 },
	{ "by128", 128, 64 }
};

static struct k_map tile_map(struct k_buffer *of, const struct tile *t)
{
	return (struct k_map){ .name = "tiles", .of = of, .rank = 2,
		.dims = { COLS, ROWS }, .strides = { 0, 2 * PITCH },
		.box = { t->cols, BOX_ROWS }, .swizzle = t->swizzle,
		.promotion = 128 };
}

/* A filter of 3 x 3, padded by 1, moves by 2. */
static struct k_map pixel_map(struct k_buffer *of)
{
	int row = 2 * CHANNELS * WIDTH;

	return (struct k_map){ .name = "pixels", .of = of, .rank = 4,
		.dims = { CHANNELS, WIDTH, HEIGHT, IMAGES },
		.strides = { 0, 2 * CHANNELS, row, HEIGHT * row },
		.steps = { 1, 2, 2, 1 }, .pixels = PIXELS,
		.channels = CHANNELS, .lower = { -1, -1 },
		.upper = { -1, -1 }, .swizzle = 32 };
}

struct mover {
	struct arena *a;
	struct kernel *k;
	struct k_buffer *x, *raw, *out, *box, *full;
	struct k_map *from, *to;
};

static struct kx *zero(const struct mover *m)
{
	return kx_int(m->a, 0);
}

static struct kx *at(const struct mover *m, struct k_buffer *b)
{
	return kx_address(m->a, k_place(b, zero(m)));
}

static struct k_block *one_thread(const struct mover *m)
{
	return ks_if(m->a, &m->k->body, kx_op(m->a, OP_EQ, T_BOOL, 2,
		kx_special(m->a, K_THREAD_X), zero(m)));
}

static void copy_in(const struct mover *m, struct k_block *b)
{
	struct arena *a = m->a;

	if (m->from->pixels)
		ks_call(a, b, INTRIN_COPY_IM2COL_4D, 9, at(m, m->box),
			kx_map(a, m->from), at(m, m->full), n(a, 0), n(a, 1),
			n(a, 3), n(a, 0), kx_cast(a, T_U16, n(a, 1)),
			kx_cast(a, T_U16, n(a, 2)));
	else
		ks_call(a, b, INTRIN_COPY_TENSOR_2D, 5, at(m, m->box),
			kx_map(a, m->from), at(m, m->full), n(a, COL),
			n(a, ROW));
}

static void load_box(const struct mover *m)
{
	struct arena *a = m->a;
	struct k_block *b = one_thread(m);

	ks_call(a, b, INTRIN_MBARRIER_INIT, 2, at(m, m->full), n(a, 1));
	ks_call(a, b, INTRIN_FENCE_MBARRIER_INIT, 0);
	ks_call(a, b, INTRIN_PREFETCH_MAP, 1, kx_map(a, m->from));
	ks_call(a, b, INTRIN_MBARRIER_EXPECT, 2, at(m, m->full),
		n(a, k_map_bytes(m->from)));
	copy_in(m, b);
	ks_barrier(a, &m->k->body, BARRIER_BLOCK);
	ks_call(a, &m->k->body, INTRIN_MBARRIER_WAIT, 2, at(m, m->full),
		zero(m));
}

static void store_box(const struct mover *m)
{
	struct arena *a = m->a;
	struct k_block *b = one_thread(m);

	ks_call(a, b, INTRIN_COPY_TENSOR_STORE_2D, 4, kx_map(a, m->to),
		at(m, m->box), n(a, COL), n(a, ROW));
	ks_call(a, b, INTRIN_COPY_BULK_COMMIT, 0);
	ks_call(a, b, INTRIN_COPY_BULK_WAIT, 1, zero(m));
}

static struct mover mover(struct arena *a, const char *name,
	const struct tile *t)
{
	struct mover m = { .a = a, .k = kernel_create(a, name, 64) };
	struct k_block *each;
	struct kx *i;
	int64_t size;

	m.x = kernel_global(m.k, "x", T_BF16, 16, false, false);
	m.raw = kernel_global(m.k, "raw", T_BF16, 16, true, false);
	m.from = kernel_map(m.k, t ? tile_map(m.x, t) : pixel_map(m.x));
	if (t) {
		m.out = kernel_global(m.k, "out", T_BF16, 16, true, false);
		m.to = kernel_map(m.k, tile_map(m.out, t));
	}
	size = k_map_bytes(m.from) / 2;
	m.full = kernel_array(m.k, K_SHARED, "full", T_I64, 1,
		(int64_t[]){ 1 }, 8);
	m.box = kernel_array(m.k, K_SHARED, "box", T_BF16, 1, &size,
		k_map_align(m.from));
	load_box(&m);
	each = ks_for(a, &m.k->body, LOOP_THREADS, "i", zero(&m), n(a, size),
		n(a, 64), &i);
	ks_store(a, each, k_place(m.raw, i), kx_load(a, m.box, i));
	if (t)
		store_box(&m);
	return m;
}

static struct program *program(struct arena *a, const char *name,
	const struct tile *t)
{
	struct program *p = program_create(a, name);
	struct mover m = mover(a, name, t);
	int64_t size = k_map_bytes(m.from) / 2;

	tensor(a, p, "x", P_IN, T_BF16, t ? ROWS * PITCH : IMAGES * HEIGHT *
		WIDTH * CHANNELS, 16);
	tensor(a, p, "raw", P_OUT, T_BF16, size, 16);
	if (t)
		tensor(a, p, "out", P_OUT, T_BF16, ROWS * PITCH, 16);
	launch(a, p, m.k, 1, 1);
	return p;
}

enum { TILES = sizeof tiles / sizeof *tiles };

/* One file of all; "refused" is as "plain", but no driver takes its map. */
static const char *text(struct arena *a)
{
	const struct target *t = target_named("sm_90a");
	struct cuda_variant v[TILES + 2];
	struct cuda_unit u;
	struct str s;

	for (int i = 0; i < TILES + 2; i++) {
		const struct tile *tile = i < TILES ? &tiles[i] :
			i == TILES ? NULL : tiles;
		const char *why;

		v[i] = (struct cuda_variant){ t, program(a, i < TILES ?
			tile->name : i == TILES ? "pixels" : "refused", tile),
			NULL, 0 };
		why = program_verify(a, v[i].program, t);
		if (why)
			fail_msg("%s", why);
	}
	v[TILES + 1].program->steps.v[0].kernel->maps.v[1]->box[1] = 257;
	u = cuda_unit(a, "maps.wpk", "1.0", v, TILES + 2);
	str_init(&s, a);
	cuda_emit(&u, &s);
	return str_text(&s);
}

/* ---- what texts say ---- */

static void prints(void **state)
{
	struct arena *a = arena_create();
	struct str s;

	(void)state;
	str_init(&s, a);
	kernel_print(mover(a, "by128", &tiles[3]).k, &s);
	kernel_print(mover(a, "pixels", NULL).k, &s);
	says(str_text(&s), "  map tiles: tiles of x[60, 40] bytes [128] "
		"box [64, 16] steps [1, 1] swizzle 128 promotion 128\n"
		"  map tiles2: tiles of out[60, 40]");
	says(str_text(&s), "  map pixels: im2col of x[16, 6, 5, 2] bytes "
		"[32, 192, 960] pixels 16 channels 16 lower [-1, -1] upper "
		"[-1, -1] steps [1, 2, 2, 1] swizzle 32\n");
	says(str_text(&s), "copy_tensor_2d(&box[0], &tiles, &full[0], 40, "
		"30)\n");
	arena_destroy(a);
}

static void emits(void **state)
{
	struct arena *a = arena_create();
	const char *s = text(a);

	(void)state;
	says(s, "by128_kernel(const unsigned short *__restrict__ x,\n"
		"\tunsigned short *__restrict__ raw, unsigned short *out,\n"
		"\tconst __grid_constant__ struct tensor_map tiles,\n"
		"\tconst __grid_constant__ struct tensor_map tiles2)\n");
	says(s, "copy_tensor_2d(&box[0], &tiles, &full[0], 40, 30);\n");
	says(s, "\tstruct tensor_map tiles, tiles2;\n");
	says(s, "\tstatus = by128_kernel_tiles(x, &tiles);\n"
		"\tif (status != cudaSuccess)\n\t\treturn status;\n");
	says(s, "\treturn cudaLaunchKernelEx(&config, by128_kernel, x, raw, "
		"out, tiles,\n\t\ttiles2);\n");
	assert_null(strstr(strstr(s, "wpk_driver(const") + 1,
		"wpk_driver(const"));
	assert_string_equal(s, text(a));
	arena_destroy(a);
}

static void compiles(void **state)
{
	struct arena *a;

	(void)state;
	if (!toolkit_nvcc())
		skip();
	a = arena_create();
	assert_true(toolkit_makes("-c", text(a), "90a"));
	arena_destroy(a);
}

/* ---- what boxes hold ---- */

/* Six matrices take turns, twice: more than a launcher remembers. */
static const char caller[] =
"typedef unsigned short u16;\n"
"static u16 x[6][ROWS * PITCH] __attribute__((aligned(128)));\n"
"static u16 raw[BOX_ROWS * 64] __attribute__((aligned(128)));\n"
"static u16 out[ROWS * PITCH] __attribute__((aligned(128)));\n"
"typedef cudaError_t launcher(const u16 *, u16 *, u16 *, void *, size_t,\n"
"	cudaStream_t);\n"
"static int swizzled(int byte, int width)\n"
"{\n"
"	int chunks = width ? width / 16 - 1 : 0;\n"
"	return byte ^ ((byte / 128 & chunks) * 16);\n"
"}\n"
"static int tile(launcher *run, const u16 *x, int cols, int swizzle)\n"
"{\n"
"	int code;\n"
"	for (u16 &v : out)\n"
"		v = 0xffff;\n"
"	code = run(x, raw, out, nullptr, 0, nullptr);\n"
"	for (int i = 0; i < BOX_ROWS * cols && !code; i++) {\n"
"		int row = ROW + i / cols, col = COL + i % cols;\n"
"		bool inside = row < ROWS && col < COLS;\n"
"		u16 want = inside ? x[row * PITCH + col] : 0;\n"
"		if (raw[swizzled(2 * i, swizzle) / 2] != want)\n"
"			return 1000;\n"
"	}\n"
"	for (int i = 0; i < ROWS * PITCH && !code; i++) {\n"
"		int row = i / PITCH, col = i % PITCH;\n"
"		bool copied = row >= ROW && col >= COL && col < COLS &&\n"
"			row < ROW + BOX_ROWS && col < COL + cols;\n"
"		if (out[i] != (copied ? x[i] : 0xffff))\n"
"			return 1001;\n"
"	}\n"
"	return code;\n"
"}\n"
"/* The filter's element 2, 1 at pixel p, q of the 3 x 3 that it yields. */\n"
"static u16 pixel(const u16 *x, int i, int c)\n"
"{\n"
"	int q = i % 3, p = i / 3 % 3, image = i / 9;\n"
"	int h = 2 * p - 1 + 2, w = 2 * q - 1 + 1;\n"
"	if (h < 0 || h >= HEIGHT || w < 0 || w >= WIDTH || image >= IMAGES)\n"
"		return 0;\n"
"	return x[((image * HEIGHT + h) * WIDTH + w) * CHANNELS + c];\n"
"}\n"
"static int columns(const u16 *x)\n"
"{\n"
"	int code = pixels(x, raw, nullptr, 0, nullptr);\n"
"	for (int i = 0; i < PIXELS * CHANNELS && !code; i++)\n"
"		if (raw[swizzled(2 * i, 32) / 2] !=\n"
"		    pixel(x, 7 + i / CHANNELS, i % CHANNELS))\n"
"			return 1002;\n"
"	return code;\n"
"}\n"
"extern \"C\" int wpk_emu_entry(void *const *, void *, size_t)\n"
"{\n"
"	int code = 0;\n"
"	for (int i = 0; i < 6 * ROWS * PITCH; i++)\n"
"		x[0][i] = i * 7919 % 65521 | 1;\n"
"	for (int i = 0; i < 12 && !code; i++) {\n"
"		const u16 *one = x[i % 6];\n"
"		code = tile(plain, one, 24, 0);\n"
"		code = code ? code : tile(by32, one, 16, 32);\n"
"		code = code ? code : tile(by64, one, 32, 64);\n"
"		code = code ? code : tile(by128, one, 64, 128);\n"
"		code = code ? code : columns(one);\n"
"	}\n"
"	if (refused(x[0], raw, out, nullptr, 0, nullptr) !=\n"
"	    cudaErrorInvalidValue)\n"
"		return 1003;\n"
"	return code;\n"
"}\n";

static void copies(void **state)
{
	struct arena *a = arena_create();

	(void)state;
	assert_true(toolkit_launches(arena_printf(a, "%s\nenum { ROWS = %d, "
		"COLS = %d, PITCH = %d, IMAGES = %d, HEIGHT = %d, WIDTH = %d, "
		"CHANNELS = %d, PIXELS = %d, BOX_ROWS = %d, ROW = %d, COL = "
		"%d };\n%s", text(a), ROWS, COLS, PITCH, IMAGES, HEIGHT, WIDTH,
		CHANNELS, PIXELS, BOX_ROWS, ROW, COL, caller), ""));
	arena_destroy(a);
}

/* ---- what is refused ---- */

/* Kernel "by64" or "pixels" with something changed. */
enum change { STRIDE, BEGIN, DIM, STEP, BOX, NARROW, WIDE, SWIZZLE, PROMOTION, TYPE,
	BASE, STRANGE, CHANNEL, PIXEL, CORNER, NOTHING, RANK, ALIGN, ROOM,
	PLACE, READ_ONLY, KIND, NO_MAP, OTHER };

static const struct {
	enum change what;
	bool columns;
	const char *why;
} changes[] = {
	{ BEGIN, false, "map tiles begins 24 bytes behind x: a multiple of 16" },
	{ STRIDE, false, "dimension 1 of map tiles has a stride of 120 bytes: "
		"multiples of 16 below 2^40" },
	{ DIM, false, "dimension 0 of map tiles has 0 elements: 1 to 2^32" },
	{ STEP, false, "dimension 1 of map tiles has steps of 9: 1 to 8" },
	{ BOX, false, "dimension 1 of map tiles has a box of 257: 1 to 256" },
	{ NARROW, false, "rows of map tiles have 40 bytes: multiples of 16" },
	{ WIDE, false, "rows of map tiles have 80 bytes and 64 are "
		"swizzled" },
	{ SWIZZLE, false, "map tiles swizzles 48 bytes: 32, 64 or 128" },
	{ PROMOTION, false, "map tiles promotes to 32 bytes of L2: 64, 128 or "
		"256" },
	{ TYPE, false, "map tiles is of x, and there are none of i4" },
	{ BASE, false, "map tiles is of x, which is aligned to 8: 16 at "
		"least" },
	{ STRANGE, false, "map tiles is of box, which is no parameter" },
	{ CHANNEL, true, "map pixels takes 272 channels: 1 to 256" },
	{ PIXEL, true, "map pixels takes 1040 pixels: 1 to 1024" },
	{ CORNER, true, "map pixels has a corner at -129: -128 to 127" },
	{ NOTHING, true, "map pixels has no pixels along dimension 1" },
	{ RANK, true, "im2col map pixels has 2 dimensions: 3 to 5" },
	{ ALIGN, false, "map tiles needs box aligned to 512, and it is to "
		"128" },
	{ ROOM, false, "boxes of map tiles have 1088 bytes, and box has "
		"1024" },
	{ PLACE, false, "a box of map tiles lies in box where no multiple of "
		"128 bytes is" },
	{ READ_ONLY, false, "out is written but declared read-only" },
	{ KIND, true, "copy_im2col_4d copies by map pixels, which is 4d "
		"tiles" },
	{ NO_MAP, false, "copy_tensor_2d takes a tensor map, not &x[0]" },
	{ OTHER, false, "map tiles belongs to no list of the kernel" },
};

static struct ks *copy_of(struct kernel *k)
{
	struct k_block *b = k->body.s.v[0].body;

	return &b->s.v[b->s.n - 1];
}

static void change_kernel(struct mover *m, enum change what)
{
	struct ks *copy = copy_of(m->k);

	switch (what) {
	case ALIGN: m->box->align = 128; break;
	case ROOM: m->from->box[1]++; break;
	case PLACE: copy->args[0]->args[0] = n(m->a, 8); break;
	case READ_ONLY: m->out->written = false; break;
	case KIND:
		m->from->pixels = 0;
		for (int i = 0; i < 4; i++)
			m->from->box[i] = 8;
		break;
	case NO_MAP: copy->args[1] = at(m, m->x); break;
	case OTHER: m->k->maps.n = 0; break;
	default: break;
	}
}

static void change_map(struct mover *m, enum change what)
{
	struct k_map *map = m->from;

	switch (what) {
	case STRIDE: map->strides[1] = 120; break;
	case BEGIN: map->offset = 24; break;
	case DIM: map->dims[0] = 0; break;
	case STEP: map->steps[1] = 9; break;
	case BOX: map->box[1] = 257; break;
	case NARROW: map->box[0] = 20; break;
	case WIDE: map->box[0] = 40; break;
	case SWIZZLE: map->swizzle = 48; break;
	case PROMOTION: map->promotion = 32; break;
	case TYPE: m->x->type = T_I4; break;
	case BASE: m->x->align = 8; break;
	case STRANGE: map->of = m->box; break;
	case CHANNEL: map->channels = 272; break;
	case PIXEL: map->pixels = 1040; break;
	case CORNER: map->lower[1] = -129; break;
	case NOTHING: map->upper[0] = -7; break;
	case RANK: map->rank = 2; break;
	default: break;
	}
}

static void refuses(void **state)
{
	struct arena *a = arena_create();
	const struct target *t = target_named("sm_90");
	struct mover m;

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		m = changes[i].columns ? mover(a, "pixels", NULL) :
			mover(a, "by64", &tiles[2]);
		kernel_layout(m.k);
		assert_null(kernel_verify(a, m.k, t));
		change_map(&m, changes[i].what);
		change_kernel(&m, changes[i].what);
		assert_string_equal(kernel_verify(a, m.k, t), changes[i].why);
	}
	m = mover(a, "by64", &tiles[2]);
	kernel_layout(m.k);
	assert_string_equal(kernel_verify(a, m.k, target_named("sm_80")),
		"tensor maps need sm_90, and the target is sm_80");
	arena_destroy(a);
}

static void have_one_shape(void **state)
{
	struct arena *a = arena_create();
	struct program *p = program(a, "plain", tiles);
	struct general_request r = { .programs = &p, .n = 1 };
	const char *why = NULL;

	(void)state;
	assert_null(generalise(a, &r, &why));
	assert_string_equal(why, "its tensor maps are made for one shape");
	arena_destroy(a);
}

/* Buffers keep what they are aligned to, whatever lies before them. */
static void are_aligned(void **state)
{
	struct arena *a = arena_create();
	struct mover m = mover(a, "by128", &tiles[3]);

	(void)state;
	assert_int_equal(k_map_align(m.from), 1024);
	kernel_layout(m.k);
	assert_int_equal(m.full->offset, 0);
	assert_int_equal(m.box->offset, 1024);
	assert_int_equal(m.k->shared_bytes, 1024 + BOX_ROWS * 128);
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints),
		cmocka_unit_test(emits),
		cmocka_unit_test(compiles),
		cmocka_unit_test(copies),
		cmocka_unit_test(refuses),
		cmocka_unit_test(have_one_shape),
		cmocka_unit_test(are_aligned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
