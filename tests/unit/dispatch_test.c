/* SPDX-License-Identifier: MIT */
/* Launchers that choose: of a program for one shape and general ones, for two
 * targets, with workspace and a prepared operand whose sizes are open. The text
 * runs on the emulator as each target's device would, and nvcc takes it for
 * several architectures at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/diag.h"
#include "base/source.h"
#include "cuda_cases.h"
#include "driver/check.h"
#include "toolkit.h"

enum { THREADS = 64 };

static struct kx *wide(struct arena *a, int64_t v)
{
	return kx_cast(a, T_I64, kx_int(a, v));
}

/* to[i] = from[i] (times factor[i]) for i < n. */
static struct kernel *map(struct arena *a, const char *from,
	const char *factor, const char *to)
{
	struct kernel *k = kernel_create(a, "map", THREADS);
	struct k_buffer *x = kernel_global(k, from, T_F32, 4, false, false);
	struct k_buffer *w = factor ? kernel_global(k, factor, T_F32, 4,
		false, false) : NULL;
	struct k_buffer *y = kernel_global(k, to, T_F32, 4, true, false);
	struct k_var *count = kernel_scalar(k, "n", T_I32);
	struct kx *i, *value;
	struct k_block *b;

	i = ks_let(a, &k->body, "i", kx_add(a, kx_mul(a,
		kx_special(a, K_BLOCK_X), n(a, THREADS)),
		kx_special(a, K_THREAD_X)));
	b = ks_if(a, &k->body, kx_lt(a, i, kx_var(a, count)));
	value = kx_load(a, x, i);
	if (w)
		value = kx_op(a, OP_MUL, T_F32, 2, value, kx_load(a, w, i));
	ks_store(a, b, k_place(y, i), value);
	kernel_layout(k);
	return k;
}

struct making {
	struct arena *a;
	struct program *p;
	int64_t size;
	struct kx *open_size, *open_blocks;
};

static struct p_step step(const struct making *m, struct kernel *k, int n,
	const int *tensors)
{
	struct p_step s = { .kind = P_LAUNCH, .kernel = k, .n_args = n,
		.grid = { (m->size + THREADS - 1) / THREADS, 1, 1 },
		.n_scalars = 1 };

	s.args = ARENA_ARRAY(m->a, (size_t)n, int);
	memcpy(s.args, tensors, (size_t)n * sizeof *tensors);
	s.scalar_args = ARENA_ARRAY(m->a, 1, int64_t);
	s.scalar_args[0] = m->size;
	s.open_grid[0] = m->open_blocks;
	if (m->open_size) {
		s.open_scalars = ARENA_ARRAY(m->a, 1, struct kx *);
		s.open_scalars[0] = m->open_size;
	}
	return s;
}

/* N, and of a general program the blocks that takes, and what N must be. */
static void add_sizes(struct making *m, bool general, int multiple)
{
	struct arena *a = m->a;
	struct k_var *v = ARENA_NEW(a, struct k_var);
	struct k_var *blocks = ARENA_NEW(a, struct k_var);
	struct kx *n;

	*v = (struct k_var){ .name = "N", .type = T_I64 };
	*blocks = (struct k_var){ .name = "blocks", .type = T_I64 };
	n = kx_var(a, v);
	vec_push(a, &m->p->sizes, ((struct p_size){ "N", v, m->size }));
	m->p->general = general;
	if (!general)
		return;
	vec_push(a, &m->p->lets, ((struct p_let){ blocks, kx_div(a,
		kx_add(a, n, wide(a, THREADS - 1)), wide(a, THREADS)) }));
	vec_push(a, &m->p->conditions, ((struct p_condition){
		kx_op(a, OP_LE, T_BOOL, 2, wide(a, 1), n), "N >= 1" }));
	vec_push(a, &m->p->conditions, ((struct p_condition){
		kx_op(a, OP_LE, T_BOOL, 2, kx_var(a, blocks),
			wide(a, 1 << 20)), "N <= 67108864" }));
	if (multiple > 1)
		vec_push(a, &m->p->conditions, ((struct p_condition){
			kx_op(a, OP_EQ, T_BOOL, 2, kx_mod(a, n,
				wide(a, multiple)), wide(a, 0)), "N % 10 == 0" }));
	m->open_size = n;
	m->open_blocks = kx_var(a, blocks);
}

/* y = x * w, w copied beforehand and x on the way. */
static struct program *make(struct arena *a, const char *name, int64_t size,
	bool general, int multiple)
{
	struct program *p = program_create(a, name);
	struct making m = { .a = a, .p = p, .size = size };
	static const char *const names[] = { "x", "w", "y", "kept", "t", "u" };
	static const enum p_role roles[] = {
		P_IN, P_IN, P_OUT, P_PREPARED, P_WORKSPACE, P_WORKSPACE
	};

	p->launcher = "scale";
	add_sizes(&m, general, multiple);
	for (int i = 0; i < 6; i++) {
		tensor(a, p, names[i], roles[i], T_F32, size, 4);
		p->tensors.v[i].open_elements = m.open_size;
		p->tensors.v[i].constant = i == 1;
	}
	vec_push(a, &p->prepare, step(&m, map(a, "w", NULL, "kept"), 2,
		(int[]){ 1, 3 }));
	vec_push(a, &p->steps, step(&m, map(a, "x", NULL, "t"), 2,
		(int[]){ 0, 4 }));
	vec_push(a, &p->steps, step(&m, map(a, "t", NULL, "u"), 2,
		(int[]){ 4, 5 }));
	vec_push(a, &p->steps, step(&m, map(a, "u", "kept", "y"), 3,
		(int[]){ 5, 3, 2 }));
	if (general)
		program_layout_open(a, p);
	else
		program_layout(p);
	p->summary = "scale(x, w) -> (y)";
	return p;
}

enum { SPECIAL, TENS, ANY, NEWER, N_VARIANTS };

struct subject {
	struct arena *a;
	struct cuda_unit u;
	struct program *p[N_VARIANTS];
	const struct target *target[N_VARIANTS];
	const struct gpu *device;	/* or NULL */
	char *cuda;
};

static struct subject open_subject(void)
{
	struct subject s = { .a = arena_create() };
	struct cuda_variant v[N_VARIANTS];
	struct str out;

	s.p[SPECIAL] = make(s.a, "scale_N100", 100, false, 1);
	s.p[TENS] = make(s.a, "scale_tens", 1000, true, 10);
	s.p[ANY] = make(s.a, "scale", 333, true, 1);
	s.p[NEWER] = make(s.a, "scale", 100, true, 1);
	for (int i = 0; i < N_VARIANTS; i++) {
		s.target[i] = target_named(i == NEWER ? "sm_90a" : "sm_80");
		assert_null(program_verify(s.a, s.p[i], s.target[i]));
		v[i] = (struct cuda_variant){ s.target[i], s.p[i], NULL, 0 };
	}
	s.u = cuda_unit(s.a, "scale.wpk", "1.0", v, N_VARIANTS);
	str_init(&out, s.a);
	cuda_emit(&s.u, &out);
	s.cuda = arena_strdup(s.a, str_text(&out));
	return s;
}

static struct check_result run(struct subject *s, int variant, int64_t size)
{
	const char *text = arena_printf(s->a, "op scale {\n"
		"  in x: f32[%lld] layout(0) align 4\n"
		"  in w: f32[%lld] layout(0) align 4\n"
		"  out y: f32[%lld] layout(0) align 4\n"
		"  y[i:%lld] = mul(x[i], w[i])\n}\n", (long long)size,
		(long long)size, (long long)size, (long long)size);
	struct check_request r = { .operator = s->u.operators,
		.program = s->p[variant], .target = s->target[variant],
		.gpu = s->device, .cuda = s->cuda, .n_cuda = strlen(s->cuda), .seed = 5 };
	struct check_result out;

	r.op = ir_read(s->a, source_from_text(s->a, "test", text,
		strlen(text)), diag_create(s->a));
	assert_non_null(r.op);
	check_program(s->a, &r, &out);
	return out;
}

static void all_variants_are_right(void **state)
{
	struct subject s = open_subject();

	(void)state;
	for (int i = 0; i < N_VARIANTS; i++) {
		struct check_result r = run(&s, i,
			s.p[i]->sizes.v[0].value);

		if (r.verdict != CHECK_VERIFIED)
			fail_msg("%d: %s\n%s\n%s", i, r.line, r.detail,
				s.cuda);
	}
	arena_destroy(s.a);
}

/* The product of one variant is spoilt: it alone is wrong, so each size and
 * device has the variant that it should. */
static void each_call_gets_its_variant(void **state)
{
	static const char *const kernels[] = {
		"scale_N100_kernel_4_sm_80(", "scale_tens_kernel_4_sm_80(",
		"scale_kernel_4_sm_80(", "scale_kernel_4_sm_90a("
	};

	(void)state;
	for (int bad = 0; bad < N_VARIANTS; bad++) {
		struct subject s = open_subject();
		char *at = strstr(s.cuda, kernels[bad]);

		assert_non_null(at);
		at = strstr(at, " * kept");
		assert_non_null(at);
		at[1] = '+';
		for (int i = 0; i < N_VARIANTS; i++)
			assert_int_equal(run(&s, i, s.p[i]->sizes.v[0].value)
				.verdict, i == bad ? CHECK_WRONG :
				CHECK_VERIFIED);
		arena_destroy(s.a);
	}
}

/* Variants for GPUs of one target, and one for another target. */
enum { L4_100, L4, L40S, AMPERE, N_ON_GPUS };

static struct subject open_gpus(void)
{
	static const char *const gpus[] = { "l4", "l4", "l40s", "a100" };
	struct subject s = { .a = arena_create() };
	struct cuda_variant v[N_ON_GPUS];
	struct str out;

	for (int i = 0; i < N_ON_GPUS; i++) {
		const struct gpu *g = gpu_named(gpus[i]);

		s.p[i] = i == L4_100 ? make(s.a, "scale_N100", 100, false, 1) :
			make(s.a, "scale", 333, true, 1);
		s.target[i] = target_named(g->arch);
		assert_null(program_verify(s.a, s.p[i], s.target[i]));
		v[i] = (struct cuda_variant){ s.target[i], s.p[i], g, 0 };
	}
	s.u = cuda_unit(s.a, "scale.wpk", "1.0", v, N_ON_GPUS);
	str_init(&out, s.a);
	cuda_emit(&s.u, &out);
	s.cuda = arena_strdup(s.a, str_text(&out));
	return s;
}

static void spoil(struct subject *s, int variant)
{
	static const char *const kernels[] = {
		"scale_N100_kernel_4_sm_89_l4(", "scale_kernel_4_sm_89_l4(",
		"scale_kernel_4_sm_89_l40s(", "scale_kernel_4_sm_80("
	};
	char *at = strstr(s->cuda, kernels[variant]);

	assert_non_null(at);
	at = strstr(at, " * kept");
	assert_non_null(at);
	at[1] = '+';
}

/* By its name, by a part of that which is a word, else by its size. Spoilt,
 * the variant that a device should have is wrong; with all others spoilt it is
 * right. */
static void each_gpu_gets_its_variant(void **state)
{
	static const struct {
		struct gpu device;
		int variant;
		int64_t size;
	} rows[] = {
		{ { .name = "L4", .sms = 58 }, L4, 70 },
		{ { .name = "L4", .sms = 999 }, L4_100, 100 },
		{ { .name = "L40S", .sms = 1 }, L40S, 100 },
		{ { .name = "L-40S-12Q", .sms = 1 }, L40S, 70 },
		{ { .name = "L40", .sms = 142 }, L40S, 100 },
		{ { .name = "GeForce RTX 4060 Ti", .sms = 34 }, L4, 70 },
		{ { .name = "A100-SXM4-80GB", .sms = 108 }, AMPERE, 100 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (int only = 0; only < 2; only++) {
			struct subject s = open_gpus();
			struct check_result r;

			s.device = &rows[i].device;
			for (int k = 0; k < N_ON_GPUS; k++)
				if ((k == rows[i].variant) == only)
					spoil(&s, k);
			r = run(&s, rows[i].variant, rows[i].size);
			if (r.verdict != (only ? CHECK_WRONG : CHECK_VERIFIED))
				fail_msg("%s, %d: %s\n%s", rows[i].device.name,
					only, r.line, r.detail);
			arena_destroy(s.a);
		}
}

/* Of one GPU no device is asked what it is. */
static void one_gpu_needs_no_question(void **state)
{
	struct subject s = open_gpus();
	struct cuda_variant v[] = {
		{ s.target[L4], s.p[L4], gpu_named("l4"), 0 },
		{ s.target[AMPERE], s.p[AMPERE], gpu_named("a100"), 0 },
	};
	struct str out;

	(void)state;
	says(s.cuda, "static cudaError_t wpk_gpu(");
	says(s.cuda, "\t{ 2, 1, \"l4\", 58 },\n\t{ 2, 2, \"l40s\", 142 },\n};");
	says(s.cuda, "if (target == 2 && gpu == 1 && N == 100)\n");
	s.u = cuda_unit(s.a, "scale.wpk", "1.0", v, 2);
	str_init(&out, s.a);
	cuda_emit(&s.u, &out);
	silent(str_text(&out), "wpk_gpu");
	silent(str_text(&out), "_l4");
	arena_destroy(s.a);
}

static const char *host_part(const char *cuda)
{
	const char *at = strstr(cuda, "#ifndef __CUDACC_RTC__\n");

	assert_non_null(at);
	return at;
}

/* What is for another share has kernels, for plans, and no launcher knows it. */
static void other_shares_are_kernels_alone(void **state)
{
	struct subject s = open_gpus();
	struct cuda_variant v[] = {
		{ s.target[L4], s.p[L4], gpu_named("l4"), 50 },
		{ s.target[L4], s.p[L4_100], gpu_named("l4"), 100 },
		{ s.target[L4], s.p[L4], gpu_named("l4"), 0 },
	};
	struct cuda_unit own, all;
	struct str x, y;

	(void)state;
	own = cuda_unit(s.a, "scale.wpk", "1.0", v + 2, 1);
	all = cuda_unit(s.a, "scale.wpk", "1.0", v, 3);
	str_init(&x, s.a);
	str_init(&y, s.a);
	cuda_emit(&own, &x);
	cuda_emit(&all, &y);
	silent(str_text(&x), "_share");
	says(str_text(&y), "scale_kernel_4_share50(");
	says(str_text(&y), "scale_N100_kernel_4_share100(");
	says(str_text(&y), "scale_kernel_4(");
	says(str_text(&y), "\n * scale on 50 % of a GPU");
	assert_string_equal(host_part(str_text(&x)), host_part(str_text(&y)));
	assert_ptr_equal(all.operators[0].face, s.p[L4]);
	arena_destroy(s.a);
}

/* One program for one shape: its launcher is the operator's own. */
static void one_variant_needs_no_choice(void **state)
{
	struct subject s = open_subject();
	struct str out;

	(void)state;
	s.p[0] = make(s.a, "scale", 100, false, 1);
	s.p[0]->sizes.n = 0;
	s.u = cuda_unit_of(s.a, "scale.wpk", "1.0", s.target[0], s.p[0]);
	str_init(&out, s.a);
	cuda_emit(&s.u, &out);
	s.cuda = arena_strdup(s.a, str_text(&out));
	silent(s.cuda, "scale_launch");
	says(s.cuda, "extern \"C\" size_t scale_prepared(void)\n{\n"
		"\treturn 512;\n}\n");
	says(s.cuda, "extern \"C\" cudaError_t scale_prepare(const float *w, "
		"void *prepared,\n\tsize_t prepared_bytes, cudaStream_t "
		"stream)\n");
	says(s.cuda, "if (!prepared || (size_t)prepared % 128 || "
		"prepared_bytes < 512)\n");
	assert_int_equal(run(&s, 0, 100).verdict, CHECK_VERIFIED);
	arena_destroy(s.a);
}

/* A size that no variant serves is refused before anything is launched. */
static void refuses_sizes(void **state)
{
	struct subject s = open_subject();
	struct check_result r;

	(void)state;
	s.p[NEWER]->sizes.v[0].value = 67108864 + 1;
	r = run(&s, NEWER, 8);
	assert_int_equal(r.verdict, CHECK_FAULT);
	assert_non_null(strstr(r.line, "refuses its arguments"));
	s.p[NEWER]->sizes.v[0].value = 0;
	assert_int_equal(run(&s, NEWER, 8).verdict, CHECK_FAULT);
	arena_destroy(s.a);
}

static void says_what_it_takes(void **state)
{
	struct subject s = open_subject();
	struct str out;

	(void)state;
	str_init(&out, s.a);
	cuda_prototype(s.u.operators, &out);
	assert_string_equal(str_text(&out), "cudaError_t scale(long long N, "
		"const float *x, const float *w, float *y, const void "
		"*prepared, size_t prepared_bytes, void *workspace, "
		"size_t workspace_bytes, cudaStream_t stream)");
	str_init(&out, s.a);
	cuda_emit_header(&s.u, "S_H", &out);
	says(str_text(&out), " *\tN: sizes where N >= 1, N <= 67108864\n");
	says(str_text(&out), "size_t scale_workspace(long long N);\n"
		"size_t scale_prepared(long long N);\n"
		"cudaError_t scale_prepare(long long N, const float *w, "
		"void *prepared,\n\tsize_t prepared_bytes, cudaStream_t "
		"stream);\n");
	says(s.cuda, "if (target == 1 && N == 100)\n");
	silent(s.cuda, "long long blocks2");
	arena_destroy(s.a);
}

/* One run of nvcc, as a build would call it. */
static void compiles_for_several(void **state)
{
	char path[] = "/tmp/wpk-unit-XXXXXX";
	char *argv[] = { "/bin/sh", "-c", NULL, NULL };
	struct subject s;
	const char *log;
	int fd;

	(void)state;
	if (!toolkit_nvcc())
		skip();
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	s = open_subject();
	log = arena_printf(s.a, "%s.log", path);
	argv[2] = arena_printf(s.a, "%s -x cu -c -o /dev/null "
		"-Werror=all-warnings -gencode=arch=compute_75,code=sm_75 "
		"-gencode=arch=compute_80,code=sm_80 "
		"-gencode=arch=compute_90a,code=sm_90a "
		"-gencode=arch=compute_90,code=compute_90 %s",
		toolkit_nvcc(), path);
	assert_true(toolkit_write(path, s.cuda));
	if (toolkit_run(argv, log) != 0) {
		toolkit_show(log);
		fail();
	}
	unlink(log);
	unlink(path);
	arena_destroy(s.a);
}

/* What the launcher asks the device for, nvcc has put there: 32 threads for no
 * target, and 32 more for each. */
static void code_tells_its_target(void **state)
{
	static const struct { const char *arch; int bound; } want[] = {
		{ "75", 32 }, { "80", 64 }, { "90", 64 }, { "90a", 96 },
		{ "100a", 64 }
	};
	char path[] = "/tmp/wpk-unit-XXXXXX";
	char *argv[] = { "/bin/sh", "-c", NULL, NULL };
	struct subject s;
	const char *log;
	int fd;

	(void)state;
	if (!toolkit_nvcc())
		skip();
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	s = open_subject();
	log = arena_printf(s.a, "%s.log", path);
	assert_true(toolkit_write(path, s.cuda));
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		argv[2] = arena_printf(s.a, "%s -x cu -ptx -gencode="
			"arch=compute_%s,code=compute_%s -o %s.ptx %s && "
			"grep -A3 'entry.*wpk_target_mark' %s.ptx | "
			"grep -w 'maxntid %d'", toolkit_nvcc(), want[i].arch,
			want[i].arch, path, path, path, want[i].bound);
		if (toolkit_run(argv, log) != 0) {
			toolkit_show(log);
			fail_msg("sm_%s", want[i].arch);
		}
	}
	unlink(log);
	unlink(arena_printf(s.a, "%s.ptx", path));
	unlink(path);
	arena_destroy(s.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_variants_are_right),
		cmocka_unit_test(each_call_gets_its_variant),
		cmocka_unit_test(each_gpu_gets_its_variant),
		cmocka_unit_test(one_gpu_needs_no_question),
		cmocka_unit_test(other_shares_are_kernels_alone),
		cmocka_unit_test(one_variant_needs_no_choice),
		cmocka_unit_test(refuses_sizes),
		cmocka_unit_test(says_what_it_takes),
		cmocka_unit_test(compiles_for_several),
		cmocka_unit_test(code_tells_its_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
