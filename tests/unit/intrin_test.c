/* SPDX-License-Identifier: MIT */
/* Device functions: every one that a target has assembles for it, and so does
 * every matrix instruction; those in plain C++ compute what the reference's
 * types do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cuda_cases.h"
#include "kernel/intrin.h"
#include "toolkit.h"

/* ---- every intrinsic and matrix instruction ---- */

struct zoo {
	struct arena *a;
	struct kernel *k;
	struct k_buffer *shared, *global, *regs;
	struct k_map *tiles[6], *im2col[6];	/* by their rank */
	struct k_buffer *held[T_NONE];	/* fragments by type of register */
};

/* The map has a dimension for each coordinate. */
static struct kx *map_for(struct zoo *z, const struct intrin_row *r)
{
	struct k_map *const *maps = strstr(r->name, "im2col") ? z->im2col :
		z->tiles;
	int rank = 0;

	for (const char *s = r->operands; *s; s++)
		rank += *s == 'i';
	return kx_map(z->a, maps[rank ? rank : 1]);
}

static struct kx *operand(struct zoo *z, const struct intrin_row *r, char kind)
{
	struct kx *zero = n(z->a, 0);

	switch (kind) {
	case 's': case 'S':
		return kx_address(z->a, k_place(z->shared, zero));
	case 'g': case 'G':
		return kx_address(z->a, k_place(z->global, zero));
	case 'p': case 'P': case 'q': case 'Q': case 'r': case 'R':
		return kx_address(z->a, k_place(z->regs, zero));
	case 'm': case 'M': return map_for(z, r);
	case 'l': return kx_int(z->a, INT64_C(1) << 40);
	case 'f': return f(z->a, 1.25);
	case 'v': return kx_load(z->a, z->global, zero);
	case 'h': return kx_cast(z->a, T_U16, n(z->a, 3));
	case 'n': return n(z->a, 64);
	case 'b':
		return kx_lt(z->a, kx_special(z->a, K_THREAD_X), n(z->a, 5));
	default: return kx_special(z->a, K_LANE);
	}
}

static struct kx **operands(struct zoo *z, int intrin)
{
	const char *kinds = intrin_operands(intrin);
	struct kx **args = ARENA_ARRAY(z->a, strlen(kinds) + 1, struct kx *);

	for (int i = 0; kinds[i]; i++)
		args[i] = operand(z, intrin_row(intrin), kinds[i]);
	return args;
}

/* Wait counts stay below what the instructions take. */
static void use(struct zoo *z, int intrin)
{
	const struct intrin_row *r = intrin_row(intrin);
	int count = (int)strlen(intrin_operands(intrin));
	struct kx **args = operands(z, intrin), *e;
	struct k_block *b = &z->k->body;

	if (strstr(r->name, "_wait") && *r->operands == 'n')
		args[0] = n(z->a, 1);
	if (r->effect != EFFECT_PURE && r->effect != EFFECT_READ) {
		ks_push(z->a, b, (struct ks){ .kind = KS_CALL,
			.call = intrin, .args = args, .n_args = count });
		return;
	}
	e = ARENA_NEW(z->a, struct kx);
	*e = (struct kx){ .kind = KX_CALL, .call = intrin, .args = args,
		.n_args = count, .type = r->result == T_NONE ? T_F32 :
		r->result };
	if (r->result == T_NONE && strchr("PQRS", *r->operands))
		ks_push(z->a, b, (struct ks){ .kind = KS_CALL,
			.call = intrin, .args = args, .n_args = count });
	else
		ks_store(z->a, b, k_place(z->global, n(z->a, 0)),
			kx_cast(z->a, T_F32, e));
}

static struct ks matrix(struct zoo *z, enum k_mma kind, int m, int cols, int k,
	enum dtype t, enum dtype acc)
{
	return (struct ks){ .kind = KS_MMA, .mma = kind, .m = m, .n = cols,
		.k = k, .left_type = t, .right_type = t, .acc_type = acc,
		.acc = k_place(z->held[mma_register(acc)], n(z->a, 0)) };
}

static void mma_sync(struct zoo *z, const struct mma_row *r)
{
	struct ks s = matrix(z, MMA_SYNC, r->m, r->n, r->k, r->factor, r->acc);

	s.left = s.right = k_place(z->held[mma_register(r->factor)],
		n(z->a, 0));
	ks_push(z->a, &z->k->body, s);
}

static void wgmma(struct zoo *z, int cols, enum dtype t)
{
	struct ks s = matrix(z, MMA_WGMMA, 64, cols, 16, t, T_F32);

	s.args = ARENA_ARRAY(z->a, 2, struct kx *);
	s.args[0] = s.args[1] = kx_int(z->a, INT64_C(1) << 40);
	s.n_args = 2;
	ks_push(z->a, &z->k->body, s);
}

static void matrices(struct zoo *z, const struct target *t)
{
	int count;
	const struct mma_row *rows = mma_rows(&count);

	for (int i = 0; i < count; i++)
		if (t->cc >= rows[i].cc)
			mma_sync(z, &rows[i]);
	if (t->wgmma) {
		wgmma(z, 8, T_F16);
		wgmma(z, 256, T_BF16);
	}
}

static const struct { enum dtype t; int n; } registers[] = {
	{ T_U32, 4 }, { T_I32, 4 }, { T_F64, 8 }, { T_F32, 128 }
};

static void hold(struct zoo *z)
{
	for (size_t i = 0; i < sizeof registers / sizeof *registers; i++) {
		enum dtype t = registers[i].t;
		int64_t dims[] = { registers[i].n };
		struct k_block *b;
		struct kx *j;

		z->held[t] = kernel_array(z->k, K_REGISTER, arena_printf(z->a,
			"regs%zu", i), t, 1, dims, 16);
		b = ks_for(z->a, &z->k->body, LOOP_UNROLLED, "i", n(z->a, 0),
			n(z->a, dims[0]), NULL, &j);
		ks_store(z->a, b, k_place(z->held[t], j), kx_cast(z->a, t, j));
		ks_store(z->a, b, k_place(z->global, j), kx_cast(z->a, T_F32,
			kx_load(z->a, z->held[t], j)));
	}
}

static void map_global(struct zoo *z)
{
	for (int rank = 1; rank <= K_MAP_RANK; rank++) {
		struct k_map m = { .name = "tiles", .of = z->global,
			.rank = rank };

		for (int i = 0; i < rank; i++) {
			m.dims[i] = 4;
			m.strides[i] = i ? 16 << 2 * (i - 1) : 0;
			m.box[i] = i ? 1 : 4;
		}
		z->tiles[rank] = kernel_map(z->k, m);
		if (rank < 3)
			continue;
		m.name = "columns";
		m.pixels = m.channels = 4;
		z->im2col[rank] = kernel_map(z->k, m);
	}
}

static struct program *zoo_program(struct arena *a, const struct target *t)
{
	struct program *p = program_create(a, "zoo");
	struct zoo z = { .a = a, .k = kernel_create(a, "zoo", 128) };
	int64_t dims[] = { 1024 };

	z.global = kernel_global(z.k, "global", T_F32, 16, true, false);
	if (t->bulk_copy)
		map_global(&z);
	z.shared = kernel_array(z.k, K_SHARED, "shared", T_F32, 1, dims, 128);
	z.regs = kernel_array(z.k, K_REGISTER, "regs", T_U32, 1,
		(int64_t[]){ 4 }, 16);
	tensor(a, p, "out", P_OUT, T_F32, 100, 16);
	ks_store(a, &z.k->body, k_place(z.shared, n(a, 0)), f(a, 0));
	for (int r = 0; r < N_INTRINS; r++)
		if (intrin_on(r, t))
			use(&z, r);
	if (t->cp_async)
		ks_commit(a, &z.k->body);
	hold(&z);
	matrices(&z, t);
	launch(a, p, z.k, 1, 1);
	return p;
}

/* Nothing here computes anything sensible: nobody runs it. */
static void every_intrinsic_assembles(void **state)
{
	static const char *const targets[] = { "75", "80", "89", "90", "90a" };
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		const char *name = arena_printf(a, "sm_%s", targets[i]);
		struct program *p = zoo_program(a, target_named(name));
		const char *s = emit(a, p, name);

		says(s, "ldmatrix_x4_trans(&regs[0], &shared[0]);\n");
		if (toolkit_nvcc())
			assert_true(toolkit_assembles(s, targets[i]));
	}
	arena_destroy(a);
	if (!toolkit_nvcc())
		skip();
}

/* A warp releases each stage of each tile to the other blocks: a release for the
 * cluster is a MEMBAR of the GPU, which stops it for as long as a stage takes. */
static void arrivals_elsewhere_fence_nothing(void **state)
{
	const char *s = intrin_row(INTRIN_MBARRIER_ARRIVE_REMOTE)->body;

	(void)state;
	assert_non_null(strstr(s, "mbarrier.arrive.shared::cluster.b64"));
}

/* What no compiler knows is added to a count: a grid's x may be 2^31 - 1, where a
 * sum wraps, its y no more than 65535. */
static void more_wraps_at_no_grid(void **state)
{
	const char *s = intrin_row(INTRIN_MORE_THAN)->body;

	(void)state;
	assert_non_null(strstr(s, "gridDim.y"));
	assert_null(strstr(s, "gridDim.x"));
}

/* The emulator has a body for each, too: its own, or the plain one. */
static void every_intrinsic_compiles_for_the_cpu(void **state)
{
	const char *source = getenv("top_srcdir"), *cxx = getenv("CXX");
	struct arena *a = arena_create();
	char path[] = "/tmp/wpk-unit-XXXXXX";
	char *argv[] = { "/bin/sh", "-c", NULL, NULL };
	int fd = mkstemp(path);
	const char *log = arena_printf(a, "%s.log", path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	argv[2] = arena_printf(a, "%s -x c++ -std=c++17 -w -fsyntax-only "
		"-DWPK_EMULATE -include '%s/runtime/emu/wpk_emu.h' %s",
		cxx && *cxx ? cxx : "c++", source ? source : ".", path);
	assert_true(toolkit_write(path, emit(a, zoo_program(a,
		target_named("sm_90a")), "sm_90a")));
	if (toolkit_run(argv, log) != 0) {
		toolkit_show(log);
		fail();
	}
	unlink(log);
	unlink(path);
	arena_destroy(a);
}

/* ---- narrow floats ---- */

/* The kernel that makes the text have all conversions. */
static const char *conversions(struct arena *a)
{
	static const enum dtype types[] = { T_E4M3, T_E5M2, T_TF32 };
	struct program *p = program_create(a, "convert");
	struct kernel *k = kernel_create(a, "convert", 32);
	struct k_buffer *x = kernel_global(k, "x", T_F32, 4, true, false);

	tensor(a, p, "x", P_OUT, T_F32, 1, 4);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		ks_store(a, &k->body, k_place(x, n(a, 0)), kx_cast(a, T_F32,
			kx_cast(a, types[i], kx_load(a, x, n(a, 0)))));
	ks_store(a, &k->body, k_place(x, n(a, 0)), kx_call(a,
		INTRIN_F32_FROM_SMALL, T_F32, 2, kx_special(a, K_LANE), f(a,
			1 << 23)));
	launch(a, p, k, 1, 1);
	return emit(a, p, "sm_80");
}

static uint32_t bits_of(float v)
{
	uint32_t u;

	memcpy(&u, &v, sizeof u);
	return u;
}

/* Rows of { bits of a float, in e4m3, in e5m2, bits in tf32 }: everything
 * e4m3 and e5m2 tell apart, what lies between, and a step beside. */
static void put_expected(struct str *s)
{
	for (uint32_t i = 0; i < 1 << 14; i++) {
		uint32_t u = i << 18 | (i % 5 == 1 ? 1 : i % 5 == 2 ?
			0x3ffff : i % 5 == 3 ? 0x20000 : 0), tf32;
		unsigned char e4m3, e5m2;
		float v, w;

		memcpy(&v, &u, sizeof v);
		if (v != v)
			continue;
		dtype_store(T_E4M3, &e4m3, 0, v);
		dtype_store(T_E5M2, &e5m2, 0, v);
		w = (float)dtype_round(T_TF32, v);
		tf32 = bits_of(w);
		str_printf(s, "{0x%xu,%d,%d,0x%xu},\n", u, e4m3, e5m2, tf32);
	}
}

static void put_decoded(struct str *s, enum dtype t)
{
	for (int i = 0; i < 256; i++) {
		unsigned char byte = (unsigned char)i;
		double v = dtype_load(t, &byte, 0);

		str_printf(s, "0x%xu,\n", v != v ? 0x7fffffffu :
			bits_of((float)v));
	}
}

static const char *conversion_test(struct arena *a)
{
	struct str s;

	str_init(&s, a);
	str_puts(&s, conversions(a));
	str_puts(&s, "static const unsigned rows[][4] = {\n");
	put_expected(&s);
	str_puts(&s, "};\nstatic const unsigned e4m3[] = {\n");
	put_decoded(&s, T_E4M3);
	str_puts(&s, "};\nstatic const unsigned e5m2[] = {\n");
	put_decoded(&s, T_E5M2);
	str_puts(&s, "};\nstatic bool same(float x, unsigned bits) { float y = "
		"__int_as_float((int)bits); return x != x ? y != y : "
		"(unsigned)__float_as_int(x) == bits; }\n"
		"int main() { int bad = 0;\n"
		"for (const unsigned (&r)[4] : rows) {\n"
		"float x = __int_as_float((int)r[0]);\n"
		"bad += e4m3_from_f32(x) != r[1] && "
		"!((r[1] & 127) == 127 && (e4m3_from_f32(x) & 127) == 127);\n"
		"bad += e5m2_from_f32(x) != r[2];\n"
		"bad += !same(tf32_from_f32(x), r[3]); }\n"
		"for (int i = 0; i < 256; i++) {\n"
		"bad += !same(f32_from_e4m3((unsigned char)i), e4m3[i]);\n"
		"bad += !same(f32_from_e5m2((unsigned char)i), e5m2[i]); }\n"
		"for (int i = 1; i <= 1 << 23; i *= 2)\n"
		"for (int low = -(1 << 23); low < 0; low /= 2)\n"
		"bad += f32_from_small(i - 1, 8388608.0f - low) != "
		"(float)(i - 1 + low);\n"
		"return bad != 0; }\n");
	return str_text(&s);
}

static void narrow_floats_convert(void **state)
{
	struct arena *a = arena_create();

	(void)state;
	assert_true(toolkit_emulates(conversion_test(a)));
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_intrinsic_assembles),
		cmocka_unit_test(arrivals_elsewhere_fence_nothing),
		cmocka_unit_test(more_wraps_at_no_grid),
		cmocka_unit_test(every_intrinsic_compiles_for_the_cpu),
		cmocka_unit_test(narrow_floats_convert),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
