/* SPDX-License-Identifier: MIT */
/* CUDA text of small programs built by hand: it says what it should, in C++
 * that nvcc takes for every kind of target, that g++ takes before the
 * emulator's header, and, without its host part, that NVRTC would take. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cuda_cases.h"
#include "kernel/intrin.h"
#include "toolkit.h"

/* ---- three programs ---- */

/* Vectors of four, the last one ragged: y = x, a guarded copy. */
static struct program *copy_program(struct arena *a)
{
	struct program *p = program_create(a, "copy");
	struct kernel *k = kernel_create(a, "copy", 128);
	struct k_buffer *x = kernel_global(k, "x", T_F32, 16, false, false);
	struct k_buffer *y = kernel_global(k, "y", T_F32, 16, true, false);
	struct k_buffer *v = kernel_array(k, K_REGISTER, "v", T_F32, 1,
		(int64_t[]){ 4 }, 16);
	struct k_block *b = &k->body;
	struct kx *at, *inside;

	tensor(a, p, "x", P_IN, T_F32, 1000, 16);
	tensor(a, p, "y", P_OUT, T_F32, 1000, 16);
	at = ks_let(a, b, "i", kx_mul(a, kx_add(a, kx_mul(a,
		kx_special(a, K_BLOCK_X), n(a, 128)),
		kx_special(a, K_THREAD_X)), n(a, 4)));
	inside = kx_lt(a, at, n(a, 1000));
	ks_copy(a, b, COPY_PLAIN, k_place(v, n(a, 0)), k_place(x, at), 16,
		inside, -1.5);
	ks_copy(a, b, COPY_PLAIN, k_place(y, at), k_place(v, n(a, 0)), 16,
		inside, 0);
	launch(a, p, k, 2, 1);
	p->summary = "y = x";
	p->schedule = "tile(block, n = 512);\nvectorize(x, y, 4);";
	return p;
}

/* y[own / 8 % 4 + block / 8] = the tile's elements 0, 40 and 80 from own on, and
 * one of another row. */
static struct program *tile_program(struct arena *a)
{
	struct program *p = program_create(a, "tile");
	struct kernel *k = kernel_create(a, "tile", 64);
	struct k_buffer *y = kernel_global(k, "y", T_F32, 4, true, false);
	struct k_buffer *tile = kernel_array(k, K_SHARED, "tile", T_F32, 1,
		(int64_t[]){ 240 }, 16);
	struct k_block *b = &k->body, *loop;
	struct kx *own, *to, *i;

	tensor(a, p, "y", P_OUT, T_F32, 64, 4);
	own = ks_let(a, b, "own", kx_special(a, K_THREAD_X));
	to = ks_let(a, b, "to", kx_add(a, kx_mod(a, kx_div(a, own, n(a, 8)),
		n(a, 4)), kx_div(a, kx_special(a, K_BLOCK_X), n(a, 8))));
	ks_store(a, b, k_place(tile, own), f(a, 1));
	ks_barrier(a, b, BARRIER_BLOCK);
	loop = ks_for(a, b, LOOP_UNROLLED, "i", n(a, 0), n(a, 3), NULL, &i);
	i = kx_mul(a, i, n(a, 40));
	ks_store(a, loop, k_place(y, to), kx_load(a, tile, kx_add(a, kx_add(a,
		own, i), n(a, 4))));
	ks_store(a, loop, k_place(y, to), kx_load(a, tile, kx_add(a, kx_div(a,
		own, n(a, 3)), i)));
	launch(a, p, k, 1, 1);
	return p;
}

static struct kx *warp_max(struct arena *a, struct k_block *b,
	struct k_var *m)
{
	for (int step = 16; step; step /= 2)
		ks_update(a, b, m, OP_MAX, kx_call(a, INTRIN_SHUFFLE_XOR,
			T_F32, 2, kx_var(a, m), n(a, step)));
	return kx_var(a, m);
}

/* The greatest f16 of each row, a warp a row. */
static struct program *reduce_program(struct arena *a)
{
	struct program *p = program_create(a, "row_max");
	struct kernel *k = kernel_create(a, "row_max", 128);
	struct k_buffer *x = kernel_global(k, "int", T_F16, 2, false, false);
	struct k_buffer *y = kernel_global(k, "y", T_F16, 2, true, true);
	struct k_block *b = &k->body, *loop, *first;
	struct kx *row, *i, *whole;
	struct k_var *m;

	tensor(a, p, "int", P_IN, T_F16, 64 * 100, 2);
	tensor(a, p, "y", P_OUT, T_F16, 64, 2);
	row = ks_let(a, b, "row", kx_add(a, kx_mul(a,
		kx_special(a, K_BLOCK_X), n(a, 4)), kx_special(a, K_WARP)));
	m = ks_mutable(a, b, "m", T_F32, f(a, -INFINITY));
	loop = ks_for(a, b, LOOP_SERIAL, "i", kx_special(a, K_LANE),
		n(a, 100), n(a, 32), &i);
	ks_update(a, loop, m, OP_MAX, kx_cast(a, T_F32, kx_load(a, x,
		kx_add(a, kx_mul(a, row, n(a, 100)), i))));
	whole = warp_max(a, b, m);
	first = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2,
		kx_special(a, K_LANE), n(a, 0)));
	ks_store(a, first, k_place(y, kx_add(a, kx_cast(a, T_I64, row),
		kx_mul(a, kx_cast(a, T_I64, row), kx_cast(a, T_I64,
		n(a, 0))))), kx_cast(a, T_F16, whole));
	launch(a, p, k, 16, 1);
	return p;
}

/* Sums in parts: atomics into a cleared workspace, and the block that comes
 * last, by a ticket, finishes. */
static struct program *split_program(struct arena *a)
{
	struct program *p = program_create(a, "split");
	struct kernel *k = kernel_create(a, "split", 64);
	struct k_buffer *x = kernel_global(k, "x", T_F32, 16, false, false);
	struct k_buffer *y = kernel_global(k, "y", T_F32, 4, true, false);
	struct k_buffer *sum = kernel_global(k, "sum", T_F32, 16, true,
		false);
	struct k_buffer *tickets = kernel_global(k, "tickets", T_I32, 4,
		true, false);
	struct k_buffer *last = kernel_array(k, K_SHARED, "last", T_I32, 1,
		(int64_t[]){ 1 }, 4);
	struct k_var *scale = kernel_scalar(k, "scale", T_I32);
	struct k_block *b = &k->body, *zero, *end;
	struct kx *thread = kx_special(a, K_THREAD_X), *ticket, *at;
	int parts = 4;

	tensor(a, p, "x", P_IN, T_F32, 256, 16);
	tensor(a, p, "y", P_OUT, T_F32, 64, 4);
	tensor(a, p, "sum", P_WORKSPACE, T_F32, 64, 16);
	tensor(a, p, "tickets", P_WORKSPACE, T_I32, 1, 4);
	at = ks_let(a, b, "at", kx_add(a, kx_mul(a,
		kx_special(a, K_BLOCK_Y), n(a, 64)), thread));
	ks_atomic(a, b, OP_ADD, k_place(sum, thread), kx_load(a, x, at),
		NULL);
	ks_fence(a, b, true);
	ks_barrier(a, b, BARRIER_BLOCK);
	zero = ks_if(a, b, kx_op(a, OP_EQ, T_BOOL, 2, thread, n(a, 0)));
	ticket = ks_atomic(a, zero, OP_ADD, k_place(tickets, n(a, 0)),
		n(a, 1), "ticket");
	ks_store(a, zero, k_place(last, n(a, 0)), kx_cast(a, T_I32, kx_op(a,
		OP_EQ, T_BOOL, 2, ticket, n(a, parts - 1))));
	ks_barrier(a, b, BARRIER_BLOCK);
	end = ks_if(a, b, kx_op(a, OP_NE, T_BOOL, 2,
		kx_load(a, last, n(a, 0)), n(a, 0)));
	ks_comment(a, end, "all parts are in: the rest is ours alone");
	ks_store(a, end, k_place(y, thread), kx_op(a, OP_MUL, T_F32, 2,
		kx_load(a, sum, thread), kx_cast(a, T_F32,
		kx_var(a, scale))));
	vec_push(a, &p->steps, (struct p_step){ .kind = P_CLEAR,
		.tensor = 2 });
	vec_push(a, &p->steps, (struct p_step){ .kind = P_CLEAR,
		.tensor = 3 });
	launch(a, p, k, 1, parts);
	return p;
}

/* ---- what the texts say ---- */

static void copies(void **state)
{
	struct arena *a = arena_create();
	const char *s = emit(a, copy_program(a), "sm_75");

	(void)state;
	says(s, "/* Made by wpkc 1.0 from ops.wpk for sm_75.\n *\n"
		" * copy: y = x\n *\ttile(block, n = 512);\n"
		" *\tvectorize(x, y, 4);\n */\n");
	says(s, "extern \"C\" __global__ void __launch_bounds__(128)\n"
		"copy_kernel(const float *__restrict__ x, "
		"float *__restrict__ y)\n");
	says(s, "\t__align__(16) float v[4];\n");
	says(s, "\tconst int i = (blockIdx.x * 128 + threadIdx.x) * 4;\n");
	says(s, "\tif (i < 1000)\n"
		"\t\t*(float4 *)&v[0] = *(const float4 *)&x[i];\n"
		"\telse\n"
		"\t\t*(float4 *)&v[0] = make_float4(-1.5f, -1.5f, -1.5f, "
		"-1.5f);\n"
		"\tif (i < 1000)\n"
		"\t\t*(float4 *)&y[i] = *(const float4 *)&v[0];\n}\n");
	says(s, "\tif (((size_t)x | (size_t)y) % 16)\n"
		"\t\treturn cudaErrorInvalidValue;\n");
	says(s, "\treturn cudaLaunchKernelEx(&config, copy_kernel, x, y);\n");
	silent(s, "workspace_bytes <");
	silent(s, "WPK_EMULATE");
	arena_destroy(a);
}

/* What is known not to be negative is not divided as if it were. */
static void divides(void **state)
{
	struct arena *a = arena_create();
	const char *s = emit(a, tile_program(a), "sm_80");

	(void)state;
	says(s, "\tconst int to = ((own >> 3) & 3) + blockIdx.x / 8;\n");
	says(s, "\t\ty[to] = (tile + own)[i * 40 + 4];\n"
		"\t\ty[to] = tile[own / 3 + i * 40];\n");
	arena_destroy(a);
}

static void reduces(void **state)
{
	struct arena *a = arena_create();
	const char *s = emit(a, reduce_program(a), "sm_80");
	const char *old = emit(a, reduce_program(a), "sm_75");

	(void)state;
	says(s, "const unsigned short *__restrict__ int_");
	says(s, "\tfloat m = __int_as_float(0xff800000);\n");
	says(s, "\tfor (int i = threadIdx.x % 32; i < 100; i += 32)\n"
		"\t\tm = max_nan(m, f32_from_f16(int_[row * 100 + i]));\n");
	says(s, "\tm = max_nan(m, __shfl_xor_sync(0xffffffff, m, 16));\n");
	says(s, "y[(long long)row] = f16_from_f32(m);");
	says(s, "max.NaN.f32");
	silent(old, "max.NaN.f32");
	says(old, "return a > b || a != a ? a : b;");
	silent(s, "copy_async");
	arena_destroy(a);
}

static void splits(void **state)
{
	struct arena *a = arena_create();
	struct program *p = split_program(a);
	const char *s = emit(a, p, "sm_90");
	struct cuda_unit u;
	struct str out;

	(void)state;
	says(s, "\tatomicAdd(&sum[threadIdx.x], x[at]);\n"
		"\t__threadfence();\n\t__syncthreads();\n");
	says(s, "\t\tconst int ticket = atomicAdd(&tickets[0], 1);\n"
		"\t\tlast[0] = (int)(ticket == 3);\n");
	says(s, "\t\t/* all parts are in: the rest is ours alone */\n"
		"\t\ty[threadIdx.x] = sum[threadIdx.x] * (float)scale;\n");
	says(s, "\tint *last = (int *)shared_memory;\n");
	says(s, "\tstatus = cudaMemsetAsync(sum, 0, 256, stream);\n");
	says(s, "\tint *tickets = (int *)((char *)workspace + 256);\n");
	says(s, "workspace_bytes < 384)");
	says(s, "x, y, sum, tickets, 7);\n");
	says(s, "extern \"C\" size_t split_workspace(void)\n{\n"
		"\treturn 384;\n}\n");
	says(s, "\tconfig.gridDim = dim3(1, 4);\n");
	str_init(&out, a);
	u = cuda_unit_of(a, "", "", target_named("sm_90"), p);
	cuda_prototype(u.operators, &out);
	assert_string_equal(str_text(&out), "cudaError_t split(const float *x,"
		" float *y, void *workspace, size_t workspace_bytes, "
		"cudaStream_t stream)");
	arena_destroy(a);
}

static void keeps_reserved_names(void **state)
{
	static const char *const taken[] = {
		"int", "template", "threadIdx", "and", "xor_eq", "expf",
		"exp", "rint", "atomicAdd", "NULL", "copy_async_16",
		"shared_memory", "__x", "while", "dim3", "fmax",
		"cudaLaunchKernelEx", "cudaErrorInvalidValue"
	};
	static const char *const free[] = {
		"x", "Int", "w0", "threads", "kernel", "result"
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		assert_string_equal(cuda_name(a, taken[i]),
			arena_printf(a, "%s_", taken[i]));
	for (size_t i = 0; i < sizeof free / sizeof *free; i++)
		assert_string_equal(cuda_name(a, free[i]), free[i]);
	arena_destroy(a);
}

/* Names and alignments that the launcher must get right. */
static void launchers_have_their_names(void **state)
{
	struct arena *a = arena_create();
	struct program *p = program_create(a, "exp");
	struct kernel *k = kernel_create(a, "exp_kernel", 32);
	struct k_buffer *x, *y;
	const char *s;

	(void)state;
	x = kernel_global(k, "exp_kernel", T_F32, 4, false, false);
	y = kernel_global(k, "y", T_F32, 4, true, false);
	ks_store(a, &k->body, k_place(y, kx_special(a, K_THREAD_X)),
		kx_load(a, x, kx_special(a, K_THREAD_X)));
	tensor(a, p, "exp_kernel", P_IN, T_F32, 32, 65536);
	tensor(a, p, "y", P_OUT, T_F32, 32, 4);
	launch(a, p, k, 1, 1);
	s = emit(a, p, "sm_80");
	says(s, "extern \"C\" size_t exp__workspace(void)");
	says(s, "cudaError_t exp_(const float *exp_kernel2, float *y,");
	says(s, "if ((size_t)exp_kernel2 % 65536 || (size_t)y % 4)");
	says(s, "cudaLaunchKernelEx(&config, exp_kernel, exp_kernel2, y)");
	arena_destroy(a);
}

/* ---- expressions ---- */

static struct kx *op2(struct arena *a, enum op op, struct kx *x,
	struct kx *y)
{
	return kx_op(a, op, x->type, 2, x, y);
}

/* "e" as the text shows it: assigned to a variable of its type. */
static const char *shown(struct arena *a, struct kernel *k, struct kx *e)
{
	struct program *p = program_create(a, "p");
	struct cuda_unit u = cuda_unit_of(a, "s", "1", target_named("sm_80"),
		p);
	const char *from, *to;
	struct str s;

	k->body.s.n = 0;
	ks_mutable(a, &k->body, "result", e->type, e);
	vec_push(a, &p->steps, (struct p_step){ .kind = P_LAUNCH,
		.kernel = k, .grid = { 1, 1, 1 } });
	str_init(&s, a);
	cuda_emit(&u, &s);
	from = strstr(strstr(str_text(&s), " result = "), "= ") + 2;
	to = strchr(from, ';');
	return arena_strndup(a, from, (size_t)(to - from));
}

static void parenthesises(void **state)
{
	struct arena *a = arena_create();
	struct kernel *k = kernel_create(a, "k", 32);
	struct kx *t = kx_special(a, K_THREAD_X);
	struct kx *u = kx_var(a, kernel_scalar(k, "u", T_I32));
	struct kx *v = kx_var(a, kernel_scalar(k, "v", T_I32));
	struct kx *w = kx_var(a, kernel_scalar(k, "w", T_I64));
	struct kx *g = kx_var(a, kernel_scalar(k, "g", T_F32));
	struct kx *h = kx_var(a, kernel_scalar(k, "h", T_F32));
	struct kx *wide = kx_cast(a, T_I64, kx_mul(a, u, v));

#define SHOWN(e, text) assert_string_equal(shown(a, k, e), text)
	(void)state;
	SHOWN(kx_add(a, kx_mul(a, u, v), v), "u * v + v");
	SHOWN(kx_mul(a, kx_add(a, u, v), v), "(u + v) * v");
	SHOWN(kx_sub(a, u, kx_sub(a, v, u)), "u - (v - u)");
	SHOWN(kx_add(a, u, kx_add(a, v, n(a, 3))), "u + v + 3");
	SHOWN(op2(a, OP_ADD, g, op2(a, OP_ADD, h, g)), "g + (h + g)");
	SHOWN(op2(a, OP_SUB, g, op2(a, OP_MUL, h, f(a, -2))), "g - h * -2.0f");
	SHOWN(kx_op(a, OP_NEG, T_F32, 1, op2(a, OP_ADD, g, h)), "-(g + h)");
	SHOWN(kx_op(a, OP_SELECT, T_F32, 3, kx_lt(a, u, v), g, h),
		"u < v ? g : h");
	SHOWN(op2(a, OP_MUL, kx_op(a, OP_SELECT, T_F32, 3, kx_lt(a, u, v), g,
		h), h), "(u < v ? g : h) * h");
	SHOWN(kx_and(a, kx_lt(a, u, v), kx_op(a, OP_OR, T_BOOL, 2,
		kx_lt(a, v, u), kx_op(a, OP_EQ, T_BOOL, 2, u, v))),
		"u < v && (v < u || u == v)");
	SHOWN(kx_add(a, w, wide), "w + u * v");
	SHOWN(kx_add(a, wide, kx_cast(a, T_I64, u)), "(long long)(u * v) + u");
	SHOWN(kx_add(a, kx_mul(a, wide, n(a, 8)), w),
		"(long long)(u * v) * 8 + w");
	SHOWN(kx_lt(a, t, n(a, 20)), "threadIdx.x < 20");
	SHOWN(kx_lt(a, kx_sub(a, t, n(a, 3)), v), "(int)(threadIdx.x - 3) < v");
	SHOWN(kx_cast(a, T_I64, kx_sub(a, t, n(a, 3))),
		"(long long)(int)(threadIdx.x - 3)");
	SHOWN(kx_cast(a, T_F32, t), "(float)threadIdx.x");
	SHOWN(kx_call(a, INTRIN_BIT_XOR, T_I32, 2, u, kx_add(a, v, n(a, 1))),
		"u ^ (v + 1)");
	SHOWN(kx_op(a, OP_EXP, T_F32, 1, op2(a, OP_MIN, g, h)),
		"expf(min_nan(g, h))");
	SHOWN(kx_bits(a, T_I32, g), "__float_as_int(g)");
	SHOWN(kx_cast(a, T_BF16, kx_cast(a, T_F32, u)),
		"bf16_from_f32((float)u)");
#undef SHOWN
	arena_destroy(a);
}

static void constants(void **state)
{
	static const struct {
		double v;
		enum dtype t;
		const char *text;
	} cases[] = {
		{ 0.1, T_F32, "0.1f" }, { 1, T_F32, "1.0f" },
		{ -0.0, T_F32, "-0.0f" }, { 1e30, T_F32, "1e+30f" },
		{ 16777216, T_F32, "16777216.0f" },
		{ 3.4028234663852886e38, T_F32, "3.4028235e+38f" },
		{ 0.1, T_F64, "0.1" }, { 1, T_F16, "0x3c00" },
		{ -2, T_BF16, "0xc000" }, { INFINITY, T_F32,
			"__int_as_float(0x7f800000)" },
	};
	struct arena *a = arena_create();
	struct kernel *k = kernel_create(a, "k", 32);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(shown(a, k, kx_float(a, cases[i].v,
			cases[i].t)), cases[i].text);
	assert_string_equal(shown(a, k, n(a, INT64_C(5000000000))),
		"5000000000LL");
	assert_string_equal(shown(a, k, kx_op(a, OP_EQ, T_BOOL, 2, n(a, 1),
		n(a, 1))), "true");
	arena_destroy(a);
}

/* ---- what compilers say ---- */

typedef struct program *maker(struct arena *a);

static maker *const makers[] = {
	copy_program, reduce_program, split_program
};

static void compiles(void **state)
{
	static const char *const targets[] = { "75", "80", "90", "90a" };
	struct arena *a;

	(void)state;
	if (!toolkit_nvcc())
		skip();
	a = arena_create();
	for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
		const char *t = targets[(i + 1) % 4];

		assert_true(toolkit_assembles(emit(a, makers[i](a),
			arena_printf(a, "sm_%s", t)), t));
	}
	arena_destroy(a);
}

static void compiles_at_run_time(void **state)
{
	struct toolkit_nvrtc r = toolkit_nvrtc();
	struct arena *a;

	(void)state;
	if (!r.library)
		skip();
	a = arena_create();
	for (size_t i = 0; i < sizeof makers / sizeof *makers; i++)
		assert_true(toolkit_nvrtc_compiles(&r, emit(a, makers[i](a),
			"sm_80"), "sm_80"));
	assert_false(toolkit_nvrtc_compiles(&r, "int f() { return x; }",
		"sm_80"));
	dlclose(r.library);
	arena_destroy(a);
}

/* Before the emulator's header, with nothing of CUDA at hand. */
static void is_plain_cxx(void **state)
{
	const char *source = getenv("top_srcdir"), *cxx = getenv("CXX");
	struct arena *a = arena_create();
	char path[] = "/tmp/wpk-unit-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
		char *argv[] = { "/bin/sh", "-c", arena_printf(a,
			"%s -x c++ -std=c++17 -fsyntax-only -DWPK_EMULATE "
			"-include '%s/runtime/emu/wpk_emu.h' %s",
			cxx && *cxx ? cxx : "c++", source ? source : ".",
			path), NULL };
		const char *log = arena_printf(a, "%s.log", path);

		assert_true(toolkit_write(path, emit(a, makers[i](a),
			"sm_80")));
		if (toolkit_run(argv, log) != 0) {
			toolkit_show(log);
			fail();
		}
		unlink(log);
	}
	unlink(path);
	arena_destroy(a);
}

/* With the toolkit's headers, which nvcc stands near. */
static bool compiles_as_c(struct arena *a, const char *text)
{
	const char *cc = getenv("CC");
	char path[] = "/tmp/wpk-unit-XXXXXX", *log;
	char *argv[] = { "/bin/sh", "-c", NULL, NULL };
	int fd = mkstemp(path);
	bool ok;

	if (fd < 0)
		return false;
	close(fd);
	log = arena_printf(a, "%s.log", path);
	argv[2] = arena_printf(a, "%s -x c -std=c99 -Wall -Wextra -Werror "
		"-fsyntax-only -isystem \"$(dirname '%s')/../include\" %s",
		cc && *cc ? cc : "cc", toolkit_nvcc(), path);
	ok = toolkit_write(path, text) && toolkit_run(argv, log) == 0;
	if (!ok)
		toolkit_show(log);
	unlink(log);
	unlink(path);
	return ok;
}

static void header_is_c(void **state)
{
	struct arena *a = arena_create();
	const struct target *t = target_named("sm_80");
	struct cuda_variant v[] = {
		{ t, split_program(a), NULL, 0 },
		{ t, reduce_program(a), NULL, 0 }
	};
	struct cuda_unit u = cuda_unit(a, "ops.wpk", "1.0", v, 2);
	struct str s;

	(void)state;
	str_init(&s, a);
	cuda_emit_header(&u, "OPS_H", &s);
	says(str_text(&s), "size_t split_workspace(void);\n");
	says(str_text(&s), "\tint_: reads f16 (unsigned short) [n], "
		"2-byte aligned\n *\t\t(int in the source");
	says(str_text(&s), "\tworkspace: 384 bytes");
	says(str_text(&s), "cudaError_t row_max(const unsigned short *int_, "
		"unsigned short *y,\n\tvoid *workspace, size_t "
		"workspace_bytes, cudaStream_t stream);\n");
	says(str_text(&s), " *\tworkspace: 0 bytes, and may be null\n");
	if (toolkit_nvcc())
		assert_true(compiles_as_c(a, str_text(&s)));
	arena_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies),
		cmocka_unit_test(divides),
		cmocka_unit_test(reduces),
		cmocka_unit_test(splits),
		cmocka_unit_test(keeps_reserved_names),
		cmocka_unit_test(launchers_have_their_names),
		cmocka_unit_test(parenthesises),
		cmocka_unit_test(constants),
		cmocka_unit_test(is_plain_cxx),
		cmocka_unit_test(header_is_c),
		cmocka_unit_test(compiles),
		cmocka_unit_test(compiles_at_run_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
