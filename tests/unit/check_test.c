/* SPDX-License-Identifier: MIT */
/* Verification by emulation: right programs pass, whole and in part, and each
 * kind of fault planted in the emitted text gets its own verdict. Needs a C++
 * compiler and the emulator's library in the build tree. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/source.h"
#include "cuda/cuda.h"
#include "driver/check.h"
#include "driver/child.h"
#include "sketch/sketch.h"
#include "subject.h"

/* Three channels, a bias and a ragged edge: all guards are in use. */
static const char convolution[] = "op c {\n"
	"  in x: f32[1, 20, 21, 21] layout(0, 1, 2, 3) align 16\n"
	"  in w: f32[24, 20, 3, 3] layout(0, 1, 2, 3) align 16\n"
	"  in b: f32[24] layout(0) align 16\n"
	"  let acc: f32[1, 24, 21, 21]\n"
	"  out y: f32[1, 24, 21, 21] layout(0, 1, 2, 3) align 16\n"
	"  acc[n:1, f:24, p:21, q:21] = sum[c:20, r:3, s:3](mul(x[n, c, "
	"add(add(p, r), -1), add(add(q, s), -1)] pad 0.0, w[f, c, r, s])) "
	": f32\n"
	"  y[n:1, f:24, p:21, q:21] = add(acc[n, f, p, q], b[f])\n"
	"}\n";

static const char product[] = "op mm {\n"
	"  in A: f16[260, 96] layout(0, 1) align 16\n"
	"  in B: f16[96, 200] layout(0, 1) align 16\n"
	"  let acc: f32[260, 200]\n"
	"  out C: f16[260, 200] layout(0, 1) align 16\n"
	"  acc[i:260, j:200] = sum[k:96](mul(f32(A[i, k]), f32(B[k, j]))) "
	": f32\n"
	"  C[i:260, j:200] = f16(mul(acc[i, j], 0.3:f32))\n"
	"}\n";

static struct check_result run(struct subject *s, double work, double seconds,
	bool address)
{
	struct check_request r = subject_request(s,
		address ? CHECK_ADDRESS : 0);
	struct check_result out;

	r.work = work;
	r.seconds = seconds;
	check_program(s->a, &r, &out);
	return out;
}

static void expect(const struct check_result *r, enum check_verdict v,
	const char *line, const char *detail)
{
	if (r->verdict != v || !strstr(r->line, line) ||
	    !strstr(r->detail, detail))
		fail_msg("%s, not %s: %s\n%s", check_verdict_name(r->verdict),
			check_verdict_name(v), r->line, r->detail);
}

static void right_programs_pass(void **state)
{
	static const char *const texts[] = { convolution, product };
	static const char *const lines[] = {
		"c: verified whole, 10584 outputs, all exact",
		"mm: verified whole, 52000 outputs, max error "
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct subject s = subject_open(texts[i], NULL);
		struct check_result r = run(&s, 0, 0, false);

		expect(&r, CHECK_VERIFIED, lines[i], "");
		assert_true(r.whole && r.worst <= 1);
		arena_destroy(s.a);
	}
}

static void sanitizers_find_nothing(void **state)
{
	struct subject s = subject_open(convolution, NULL);
	struct check_result r = run(&s, 0, 0, true);

	(void)state;
	expect(&r, CHECK_VERIFIED, "verified whole", "");
	arena_destroy(s.a);
}

static void parts_are_counted(void **state)
{
	struct subject s = subject_open(product, NULL);
	struct check_result r = run(&s, 1e6, 0, false);

	(void)state;
	expect(&r, CHECK_VERIFIED, "verified in part: corner, edge, interior "
		"and random tiles, ", "");
	assert_false(r.whole);
	assert_true(r.tiles > 1 && r.tiles < r.all_tiles);
	assert_true(r.outputs > 0 && r.outputs < 52000);
	arena_destroy(s.a);
}

/* Of tiles whose chunks blocks share out the turns that have some of them run, in
 * shared rounds and in whole ones; what is wrong in one shows. */
static void parts_are_turns_of_blocks(void **state)
{
	static const struct subject_value at[] = {
		{ "tile.block.i", 16 }, { "tile.block.j", 16 },
		{ "tile.block.k", 16 }, { "tile.warp.i", 16 },
		{ "tile.warp.j", 16 }, { "split_k.acc", 2 },
		{ "split_k.acc.combine", 3 }, { NULL, 0 }
	};
	struct subject s = subject_open_for("sm_80", 2, product, "mma", at);
	struct check_result r = run(&s, 1e6, 0, false);

	(void)state;
	expect(&r, CHECK_VERIFIED, "verified in part: corner, edge, interior "
		"and random tiles, ", "");
	assert_false(r.whole);
	assert_true(r.tiles > 20 && r.tiles < r.all_tiles);
	assert_int_equal(s.program->steps.v[1].tiling.stream.rounds > 0, true);
	subject_plant(&s, "chunk_end = ", "chunk_end = -1 + ");
	r = run(&s, 1e6, 0, false);
	assert_true(r.verdict == CHECK_WRONG || r.verdict == CHECK_FAULT);
	arena_destroy(s.a);
}

/* Sums that start at one quantum instead of 0. */
static void the_least_error_shows(void **state)
{
	struct subject s = subject_open(convolution, NULL);
	struct check_result r;

	(void)state;
	subject_plant(&s, " = 0.0f;", " = 0.00390625f;");
	r = run(&s, 0, 0, false);
	expect(&r, CHECK_WRONG, "10584 of 10584 outputs are outside the bound",
		"y[0, 0, 0, 0] is ");
	arena_destroy(s.a);
}

/* The first tile goes elsewhere. */
static void what_is_not_written_shows(void **state)
{
	static const double work[] = { 0, 1e6 };
	static const char *const details[] = {
		"C[0, 0] was not written\n",
		" elements of C were written, should be "
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct subject s = subject_open(product, NULL);
		struct check_result r;

		subject_plant(&s, "*__restrict__ C", "*__restrict__ C_");
		subject_plant(&s, "\n{\n\textern", "\n{\n"
			"\tstatic unsigned short none[60000];\n"
			"\tunsigned short *C = blockIdx.x ? C_ : none;\n"
			"\textern");
		r = run(&s, work[i], 0, false);
		expect(&r, CHECK_WRONG, "outputs are not written", details[i]);
		arena_destroy(s.a);
	}
}

static void faults_have_their_place(void **state)
{
	struct subject s = subject_open(product, "fma");
	struct check_result r;

	(void)state;
	subject_plant(&s, "__syncthreads();",
		"if (threadIdx.x / 32) __syncthreads();");
	r = run(&s, 0, 0, false);
	expect(&r, CHECK_FAULT, "faults", "late fault deadlock line ");
	assert_non_null(strstr(r.detail, "early fault deadlock line "));
	arena_destroy(s.a);
}

static void addresses_are_watched(void **state)
{
	struct subject s = subject_open("op m {\n"
		"  in x: f32[1001] layout(0) align 16\n"
		"  out y: f32[1001] layout(0) align 16\n"
		"  y[i:1001] = add(x[i], 1.0:f32)\n"
		"}\n", NULL);
	struct check_result r;

	(void)state;
	subject_plant(&s, "float *__restrict__ x,", "float *__restrict__ x_,");
	subject_plant(&s, "\n{\n\tconst int", "\n{\n\tconst float *x = x_ + 2;\n"
		"\tconst int");
	r = run(&s, 0, 0, true);
	expect(&r, CHECK_FAULT, "faults", "AddressSanitizer: heap-buffer-over");
	arena_destroy(s.a);
}

static void endless_kernels_are_ended(void **state)
{
	struct subject s = subject_open(product, NULL);
	struct check_result r;

	(void)state;
	subject_plant(&s, "__syncthreads();", "for (;;) __threadfence();");
	r = run(&s, 0, 1.5, false);
	expect(&r, CHECK_TIMEOUT, "took more than", "");
	assert_true(r.seconds < 20);
	arena_destroy(s.a);
}

/* On a GPU: "script" is the program that nvcc makes. */
static void expect_on_gpu(const char *script, enum check_verdict v, const char *line)
{
	struct subject s = subject_open(product, NULL);
	struct check_request r = subject_request(&s, 0);
	const char *folder = child_folder(s.a);
	char *nvcc = arena_printf(s.a, "%s/nvcc", folder);
	char *text = arena_printf(s.a, "#!/bin/sh\n"
		"while [ \"$1\" != -o ]; do shift; done\n"
		"echo '#!/bin/sh\n%s' >\"$2\"\n"
		"chmod +x \"$2\"\n", script);
	struct check_result out;

	assert_non_null(folder);
	assert_true(child_write_file(nvcc, text, strlen(text)));
	assert_true(chmod(nvcc, 0700) == 0);
	r.nvcc = nvcc;
	r.turns = STDERR_FILENO;
	r.seconds = 0.75;
	check_program(s.a, &r, &out);
	child_folder_remove(folder);
	expect(&out, v, line, "");
	arena_destroy(s.a);
}

/* Where that program's text is looked for: beside this one. */
static char *beside(const char *name)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 64);

	assert_true(n > 0);
	path[n] = '\0';
	strcpy(strrchr(path, '/') + 1, name);
	return path;
}

static void waits_are_not_the_kernels(void **state)
{
	(void)state;
	mkdir(beside("gpu"), 0700);
	assert_true(child_write_file(beside("gpu/main.cu"), "", 0));
	expect_on_gpu("echo late waits; exec sleep 9", CHECK_UNAVAILABLE,
		"not verified: other checks had the GPU for 3 s: check with -j 1");
	expect_on_gpu("echo late waits; echo late turn; exec sleep 9",
		CHECK_TIMEOUT, "the kernel and checks before it took more than 3 s");
	expect_on_gpu("echo late timeout: no end; exit 3", CHECK_TIMEOUT,
		"a launch of the kernels does not end");
	expect_on_gpu("echo late memory of the device; exit 4", CHECK_UNAVAILABLE,
		"not verified: the GPU does not have the memory");
	assert_true(unlink(beside("gpu/main.cu")) == 0);
	assert_true(rmdir(beside("gpu")) == 0);
}

static void text_that_is_no_program(void **state)
{
	struct subject s = subject_open(product, NULL);
	struct check_result r;

	(void)state;
	subject_plant(&s, "__syncthreads();", "nonsense();");
	r = run(&s, 0, 0, false);
	expect(&r, CHECK_FAULT, "does not compile", "nonsense");
	arena_destroy(s.a);
}

static void no_compiler_is_said(void **state)
{
	struct subject s = subject_open(product, NULL);
	char *cxx = getenv("CXX"), *kept = cxx ? strdup(cxx) : NULL;
	struct check_result r;

	(void)state;
	setenv("CXX", "/nonexistent/c++", 1);
	r = run(&s, 0, 0, false);
	if (kept)
		setenv("CXX", kept, 1);
	else
		unsetenv("CXX");
	free(kept);
	expect(&r, CHECK_UNAVAILABLE, "no C++ compiler was found", "");
	arena_destroy(s.a);
}

/* A check that is stopped by SIGTERM: its folder, alone in its own $TMPDIR, is
 * gone, and the signal is delivered. */
static void signals_leave_nothing(void **state)
{
	struct subject s = subject_open(product, NULL);
	const char *folder = child_folder(s.a);
	int status;
	pid_t pid;

	(void)state;
	assert_non_null(folder);
	subject_plant(&s, "__syncthreads();", "for (;;) __threadfence();");
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		setenv("TMPDIR", folder, 1);
		run(&s, 0, 60, false);
		_exit(0);
	}
	usleep(700000);
	kill(pid, SIGTERM);
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_true(rmdir(folder) == 0);
	arena_destroy(s.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_programs_pass),
		cmocka_unit_test(sanitizers_find_nothing),
		cmocka_unit_test(parts_are_counted),
		cmocka_unit_test(parts_are_turns_of_blocks),
		cmocka_unit_test(the_least_error_shows),
		cmocka_unit_test(what_is_not_written_shows),
		cmocka_unit_test(faults_have_their_place),
		cmocka_unit_test(addresses_are_watched),
		cmocka_unit_test(endless_kernels_are_ended),
		cmocka_unit_test(waits_are_not_the_kernels),
		cmocka_unit_test(text_that_is_no_program),
		cmocka_unit_test(no_compiler_is_said),
		cmocka_unit_test(signals_leave_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
