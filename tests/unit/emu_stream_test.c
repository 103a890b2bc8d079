/* SPDX-License-Identifier: MIT */
/* The emulated driver's streams, events and graphs: what is handed in is done
 * when somebody waits for it and in no other order than was asked for, so that
 * a wait that is missing shows; what a capture forbids is refused by the codes
 * that CUDA has for it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "emu_driver.h"

enum { N = 64, LOCAL = 1, RELAXED = 2 };

/* y = x * by, in a stream. */
static int scale(wpk_cu_pointer x, wpk_cu_pointer y, float by, wpk_cu stream)
{
	int n = N;
	void *arguments[] = { &x, &y, &by, &n };

	return start("scale", 1, N, 0, stream, arguments);
}

static wpk_cu new_stream(unsigned flags)
{
	wpk_cu s = NULL;

	OK(cuda.stream(&s, flags));
	assert_non_null(s);
	return s;
}

static wpk_cu new_event(void)
{
	wpk_cu e = NULL;

	OK(cuda.event(&e, 0));
	assert_non_null(e);
	return e;
}

static wpk_cu_pointer ones(void)
{
	wpk_cu_pointer p = floats_on_device(N);
	float x[N];

	for (int i = 0; i < N; i++)
		x[i] = 1;
	OK(cuda.to_device(p, x, sizeof x));
	OK(cuda.synchronize(NULL));
	return p;
}

/* Without a wait for anything, as the emulator's memory is the host's. */
static float peek(wpk_cu_pointer p)
{
	float x;

	memcpy(&x, (void *)(uintptr_t)p, sizeof x);
	return x;
}

/* ---- streams and events ---- */

static void nothing_is_done_early(void **state)
{
	wpk_cu_pointer x = ones(), y = floats_on_device(N);
	wpk_cu s = new_stream(WPK_CU_STREAM_NON_BLOCKING);
	float back;

	(void)state;
	OK(scale(x, y, 3, s));
	OK(cuda.to_host(&back, y, sizeof back));
	assert_true(back != back);
	OK(cuda.synchronize(s));
	OK(cuda.to_host(&back, y, sizeof back));
	assert_true(back == 3);
	OK(more.cuStreamDestroy_v2((CUstream)s));
	REFUSED(cuda.synchronize(s), CUDA_ERROR_INVALID_HANDLE);
	REFUSED(more.cuStreamDestroy_v2(NULL), CUDA_ERROR_INVALID_HANDLE);
	REFUSED(cuda.stream(&s, 2), CUDA_ERROR_INVALID_VALUE);
}

/* The default stream and blocking ones wait for one another. */
static void default_stream_joins_blocking_ones(void **state)
{
	wpk_cu_pointer x = ones(), y = floats_on_device(N);
	wpk_cu a = new_stream(0), b = new_stream(0);

	(void)state;
	OK(scale(x, y, 3, a));
	OK(scale(y, y, 5, NULL));
	OK(scale(y, y, 7, b));
	OK(cuda.synchronize(b));
	assert_true(peek(y) == 105);
	OK(scale(y, y, 2, a));
	OK(cuda.synchronize(NULL));
	assert_true(peek(y) == 210);
	OK(scale(y, y, 2, a));
	OK(cuda.release(x));
	assert_true(peek(y) == 420);
}

static void events_order_streams(void **state)
{
	wpk_cu_pointer x = ones(), y = floats_on_device(N);
	wpk_cu z = new_stream(WPK_CU_STREAM_NON_BLOCKING);
	wpk_cu a = new_stream(WPK_CU_STREAM_NON_BLOCKING), e = new_event();

	(void)state;
	OK(scale(x, y, 3, z));
	OK(scale(y, y, 2, a));	/* nobody waits: the first is not yet done */
	OK(cuda.synchronize(a));
	assert_true(peek(y) != peek(y));
	OK(cuda.record(e, z));
	OK(more.cuStreamWaitEvent((CUstream)a, (CUevent)e, 0));
	OK(scale(y, y, 2, a));
	OK(cuda.synchronize(a));
	assert_true(peek(y) == 6);
	OK(scale(y, y, 2, z));
	REFUSED(more.cuStreamQuery((CUstream)z), CUDA_ERROR_NOT_READY);
	OK(more.cuStreamQuery((CUstream)z));
	assert_true(peek(y) == 12);
}

static void events_measure(void **state)
{
	wpk_cu_pointer x = ones(), y = floats_on_device(N);
	wpk_cu begin = new_event(), end = new_event(), untimed = NULL;
	float ms = -1;

	(void)state;
	OK(cuda.event(&untimed, 2));
	REFUSED(cuda.event(&end, 64), CUDA_ERROR_INVALID_VALUE);
	OK(cuda.record(begin, NULL));
	REFUSED(cuda.elapsed(&ms, begin, end), CUDA_ERROR_INVALID_HANDLE);
	for (int i = 0; i < 100; i++)
		OK(scale(x, y, 3, NULL));
	OK(cuda.record(end, NULL));
	REFUSED(cuda.elapsed(&ms, begin, end), CUDA_ERROR_NOT_READY);
	REFUSED(more.cuEventQuery((CUevent)end), CUDA_ERROR_NOT_READY);
	OK(cuda.wait(end));
	OK(more.cuEventQuery((CUevent)end));
	OK(cuda.elapsed(&ms, begin, end));
	assert_true(ms > 0 && ms < 10000);
	OK(cuda.record(untimed, NULL));
	OK(cuda.wait(untimed));
	REFUSED(cuda.elapsed(&ms, begin, untimed), CUDA_ERROR_INVALID_HANDLE);
	REFUSED(cuda.elapsed(NULL, begin, end), CUDA_ERROR_INVALID_VALUE);
	OK(cuda.record(end, NULL));
	OK(more.cuEventDestroy_v2((CUevent)end));
	REFUSED(cuda.record(end, NULL), CUDA_ERROR_INVALID_HANDLE);
	REFUSED(cuda.wait(end), CUDA_ERROR_INVALID_HANDLE);
	OK(more.cuCtxSynchronize());
}

/* Page-locked memory is read when its turn comes, other memory at once. */
static void copies_read_when_they_may(void **state)
{
	wpk_cu_pointer x = floats_on_device(N), y = floats_on_device(N);
	wpk_cu s = new_stream(WPK_CU_STREAM_NON_BLOCKING);
	float mine = 1, back = 0, *locked = NULL;

	(void)state;
	OK(more.cuMemHostAlloc((void **)&locked, 2 * sizeof *locked, 0));
	locked[0] = 2;
	OK(more.cuMemcpyHtoDAsync_v2(x, &mine, 4, (CUstream)s));
	OK(more.cuMemcpyHtoDAsync_v2(x + 4, locked, 4, (CUstream)s));
	mine = locked[0] = 9;
	OK(more.cuMemcpyDtoDAsync_v2(y, x, 8, (CUstream)s));
	OK(more.cuMemcpyDtoHAsync_v2(locked + 1, y + 4, 4, (CUstream)s));
	assert_true(locked[1] != 9);
	OK(more.cuMemcpyDtoHAsync_v2(&back, y, 4, (CUstream)s));
	assert_true(back == 1);
	assert_true(locked[1] == 9);
	OK(cuda.fill(y, 0, 4, s));
	assert_true(peek(y) == 1);
	OK(cuda.synchronize(s));
	assert_true(peek(y) == 0);
	REFUSED(cuda.fill(y, 0, 4, locked), CUDA_ERROR_INVALID_HANDLE);
	OK(more.cuMemFreeHost(locked));
}

/* What a copy took from the host is on its way, and a stream of its own waits for
 * the default one only if it is told to. */
static void inputs_may_be_on_their_way(void **state)
{
	wpk_cu_pointer x = ones(), y = floats_on_device(N);
	wpk_cu s = new_stream(WPK_CU_STREAM_NON_BLOCKING);
	float mine = 7;

	(void)state;
	OK(cuda.synchronize(NULL));
	OK(cuda.to_device(x, &mine, sizeof mine));
	mine = 9;
	OK(scale(x, y, 3, s));
	OK(cuda.synchronize(s));
	assert_true(peek(y) == 3);
	OK(cuda.synchronize(NULL));
	OK(scale(x, y, 3, s));
	OK(cuda.synchronize(s));
	assert_true(peek(y) == 21);
}

static void much_may_wait(void **state)
{
	wpk_cu_pointer x = ones();
	wpk_cu s = new_stream(0);

	(void)state;
	for (int i = 0; i < 3000; i++)
		OK(scale(x, x, i % 2 ? 2 : 0.5f, i % 3 ? s : NULL));
	OK(cuda.synchronize(s));
	assert_true(peek(x) == 1);
}

struct addition {
	wpk_cu_pointer x;
	float by;
	int code;
};

/* To the first element; what the driver says to a call out of it. */
static void add(void *closure)
{
	struct addition *a = closure;

	*(float *)(uintptr_t)a->x += a->by;
	a->code = more.cuCtxSynchronize();
}

static int add_in(wpk_cu s, struct addition *a)
{
	return more.cuLaunchHostFunc((CUstream)s, add, a);
}

static void host_functions_have_their_turn(void **state)
{
	wpk_cu s = new_stream(0), graph = NULL, exec = NULL;
	struct addition a = { ones(), 10, 0 };

	(void)state;
	OK(scale(a.x, a.x, 2, s));
	OK(add_in(s, &a));
	OK(scale(a.x, a.x, 3, s));
	assert_true(peek(a.x) == 1);
	OK(cuda.synchronize(s));
	assert_true(peek(a.x) == 36);
	assert_int_equal(a.code, CUDA_ERROR_NOT_PERMITTED);
	OK(cuda.begin_capture(s, 0));
	OK(add_in(s, &a));
	OK(scale(a.x, a.x, 0.5f, s));
	OK(cuda.end_capture(s, &graph));
	OK(cuda.synchronize(s));
	assert_true(peek(a.x) == 36);
	OK(cuda.instantiate(&exec, graph, 0));
	OK(cuda.replay(exec, s));
	OK(cuda.replay(exec, s));
	assert_true(peek(a.x) == 36);
	OK(cuda.synchronize(s));
	assert_true(peek(a.x) == 16.5f);
	REFUSED(more.cuLaunchHostFunc((CUstream)s, NULL, &a),
		CUDA_ERROR_INVALID_VALUE);
	REFUSED(more.cuLaunchHostFunc((CUstream)graph, add, &a),
		CUDA_ERROR_INVALID_HANDLE);
	OK(cuda.synchronize(s));
}

/* As after any fault nothing behind it happens. */
static void host_functions_end_with_a_fault(void **state)
{
	wpk_cu_pointer none = 0;
	struct addition a = { ones(), 10, 0 };
	wpk_cu s = new_stream(0);
	long long at = 0;
	void *arguments[] = { &none, &at };

	(void)state;
	OK(start("poke", 1, 1, 0, s, arguments));
	OK(add_in(s, &a));
	REFUSED(cuda.synchronize(s), CUDA_ERROR_ILLEGAL_ADDRESS);
	assert_true(peek(a.x) == 1);
}

/* A fault ends what waits behind it, and no destroyed handle is touched. */
static void faults_end_streams(void **state)
{
	wpk_cu_pointer x = ones(), none = 0;
	wpk_cu a = new_stream(0), b = new_stream(0), e = new_event();
	long long at = 0;
	void *arguments[] = { &none, &at };

	(void)state;
	OK(start("poke", 1, 1, 0, a, arguments));
	OK(cuda.record(e, a));
	OK(more.cuStreamWaitEvent((CUstream)b, (CUevent)e, 0));
	OK(scale(x, x, 2, b));
	OK(more.cuEventDestroy_v2((CUevent)e));
	REFUSED(cuda.synchronize(b), CUDA_ERROR_ILLEGAL_ADDRESS);
	assert_true(peek(x) == 1);
	REFUSED(more.cuStreamDestroy_v2((CUstream)a),
		CUDA_ERROR_ILLEGAL_ADDRESS);
}

static void *run_many(void *arg)
{
	wpk_cu context = arg, s = NULL;
	wpk_cu_pointer x = 0;
	float back[N];
	int bad = cuda.set_current(context) || cuda.stream(&s, 1) ||
		!(x = floats_on_device(N));

	count_up(back, N);
	bad = bad || cuda.to_device(x, back, sizeof back) ||
		cuda.synchronize(NULL);
	for (int i = 0; i < 50 && !bad; i++)
		bad = scale(x, x, 2, s) || cuda.synchronize(s) ||
			cuda.to_host(back, x, sizeof back) ||
			back[N - 1] != (float)(N - 1) * (float)(2ull << i);
	return bad || cuda.release(x) ? arg : NULL;
}

static void threads_may_call_at_once(void **state)
{
	pthread_t threads[4];
	CUcontext context;
	void *bad = NULL;

	(void)state;
	OK(more.cuCtxGetCurrent(&context));
	for (int i = 0; i < 4; i++)
		OK(pthread_create(&threads[i], NULL, run_many, context));
	for (int i = 0; i < 4; i++) {
		OK(pthread_join(threads[i], &bad));
		assert_null(bad);
	}
}

/* ---- graphs ---- */

static void graph_replays(void **state)
{
	wpk_cu_pointer x = ones(), y = floats_on_device(N);
	wpk_cu s = new_stream(0), graph = NULL, exec = NULL;
	CUstreamCaptureStatus status;
	float back = 0;

	(void)state;
	OK(cuda.begin_capture(s, 0));
	OK(more.cuStreamIsCapturing((CUstream)s, &status));
	assert_int_equal(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
	OK(scale(x, x, 2, s));
	OK(more.cuMemcpyDtoDAsync_v2(y, x, 4 * N, (CUstream)s));
	OK(cuda.fill(y, 0, 4, s));
	OK(more.cuMemcpyDtoHAsync_v2(&back, y + 4, 4, (CUstream)s));
	OK(cuda.end_capture(s, &graph));
	OK(more.cuStreamIsCapturing((CUstream)s, &status));
	assert_int_equal(status, CU_STREAM_CAPTURE_STATUS_NONE);
	OK(cuda.synchronize(s));
	assert_true(peek(x) == 1);
	OK(cuda.instantiate(&exec, graph, 0));
	OK(cuda.drop_graph(graph));
	REFUSED(cuda.drop_graph(graph), CUDA_ERROR_INVALID_HANDLE);
	OK(cuda.replay(exec, s));
	OK(cuda.replay(exec, s));
	assert_true(peek(x) == 1);
	OK(cuda.synchronize(s));
	assert_true(peek(x) == 4 && peek(y) == 0 && back == 4);
	OK(cuda.replay(exec, s));
	OK(cuda.drop_exec(exec));	/* what is under way goes on */
	OK(cuda.synchronize(s));
	assert_true(back == 8);
	REFUSED(cuda.replay(exec, s), CUDA_ERROR_INVALID_HANDLE);
	REFUSED(cuda.drop_exec(exec), CUDA_ERROR_INVALID_HANDLE);
}

static void graph_forks_and_joins(void **state)
{
	wpk_cu_pointer x = ones(), y = floats_on_device(N);
	wpk_cu s = new_stream(1), t = new_stream(1), e = new_event();
	wpk_cu graph = NULL, exec = NULL;

	(void)state;
	OK(cuda.begin_capture(s, LOCAL));
	OK(scale(x, y, 2, s));
	OK(cuda.record(e, s));
	OK(more.cuStreamWaitEvent((CUstream)t, (CUevent)e, 0));
	OK(scale(y, y, 3, t));
	REFUSED(cuda.wait(e), CUDA_ERROR_CAPTURED_EVENT);
	OK(cuda.record(e, t));
	OK(more.cuStreamWaitEvent((CUstream)s, (CUevent)e, 0));
	OK(scale(y, y, 5, s));
	OK(cuda.end_capture(s, &graph));
	OK(cuda.instantiate(&exec, graph, 0));
	OK(cuda.replay(exec, t));
	OK(cuda.synchronize(t));
	assert_true(peek(y) == 30);
	OK(cuda.begin_capture(s, LOCAL));
	OK(cuda.record(e, s));
	OK(more.cuStreamWaitEvent((CUstream)t, (CUevent)e, 0));
	REFUSED(cuda.end_capture(s, &graph),
		CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
	assert_null(graph);
	OK(scale(x, y, 2, t));	/* it is out of the capture, too */
	OK(cuda.synchronize(t));
	assert_true(peek(y) == 2);
}

/* What is refused while "s" captures, and spoils the capture. */
static void spoils(wpk_cu s, int got, int code)
{
	CUstreamCaptureStatus status;
	wpk_cu graph = s;

	assert_int_equal(got, code);
	OK(more.cuStreamIsCapturing((CUstream)s, &status));
	assert_int_equal(status, CU_STREAM_CAPTURE_STATUS_INVALIDATED);
	REFUSED(start("empty", 1, 1, 0, s, NULL),
		CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
	REFUSED(cuda.end_capture(s, &graph),
		CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
	assert_null(graph);
}

static void captures_forbid(void **state)
{
	enum { NOT = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED };
	wpk_cu s = new_stream(0), t = new_stream(1), e = new_event();
	wpk_cu_pointer x = ones(), p = 0;
	float back;

	(void)state;
	REFUSED(cuda.begin_capture(NULL, 0), NOT);
	REFUSED(cuda.begin_capture(s, 7), CUDA_ERROR_INVALID_VALUE);
	REFUSED(cuda.end_capture(s, &e), CUDA_ERROR_ILLEGAL_STATE);
	e = new_event();
	OK(cuda.begin_capture(s, 0));
	REFUSED(cuda.begin_capture(s, 0), CUDA_ERROR_ILLEGAL_STATE);
	spoils(s, cuda.synchronize(s), NOT);
	OK(cuda.begin_capture(s, 0));
	spoils(s, cuda.allocate(&p, 4), NOT);
	OK(cuda.begin_capture(s, LOCAL));
	spoils(s, cuda.release(x), NOT);
	OK(cuda.begin_capture(s, 0));
	spoils(s, cuda.to_host(&back, x, 4), NOT);
	OK(cuda.begin_capture(s, RELAXED));
	spoils(s, more.cuCtxSynchronize(), NOT);
	OK(cuda.begin_capture(s, RELAXED));
	spoils(s, start("empty", 1, 1, 0, NULL, NULL),
		CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
	OK(cuda.record(e, t));
	OK(cuda.begin_capture(s, RELAXED));
	spoils(s, more.cuStreamWaitEvent((CUstream)s, (CUevent)e, 0),
		CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
	OK(cuda.begin_capture(s, RELAXED));
	OK(cuda.allocate(&p, 4));
	OK(cuda.end_capture(s, &e));
	OK(cuda.begin_capture(t, RELAXED));
	OK(start("empty", 1, 1, 0, NULL, NULL));
	OK(more.cuStreamDestroy_v2((CUstream)t));
	OK(more.cuCtxSynchronize());
}

static void *ends(void *stream)
{
	CUcontext context;
	wpk_cu graph;
	int first;

	if (cuda.retain((wpk_cu *)&context, 0) || cuda.set_current(context))
		return NULL;
	first = cuda.end_capture(stream, &graph);
	return (void *)(intptr_t)(more.cuStreamDestroy_v2(stream) ? -1 :
		first);
}

/* Not in its own thread; and a stream may go while it captures. */
static void another_thread_ends_a_capture(void **state)
{
	wpk_cu s = new_stream(1);
	pthread_t thread;
	void *code;

	(void)state;
	OK(cuda.begin_capture(s, LOCAL));
	OK(start("empty", 1, 1, 0, s, NULL));
	OK(pthread_create(&thread, NULL, ends, s));
	OK(pthread_join(thread, &code));
	assert_int_equal((intptr_t)code,
		CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD);
	OK(more.cuCtxSynchronize());
	OK(cuda.allocate(&(wpk_cu_pointer){ 0 }, 4));
}

static void separate_captures_stay_so(void **state)
{
	wpk_cu s = new_stream(1), t = new_stream(1), e = new_event();
	wpk_cu graph;

	(void)state;
	OK(cuda.begin_capture(s, RELAXED));
	OK(cuda.begin_capture(t, RELAXED));
	OK(cuda.record(e, s));
	REFUSED(more.cuStreamWaitEvent((CUstream)t, (CUevent)e, 0),
		CUDA_ERROR_STREAM_CAPTURE_MERGE);
	REFUSED(cuda.end_capture(s, &graph),
		CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
	REFUSED(cuda.end_capture(t, &graph),
		CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
}

/* A graph outlives what it works on: that is found as it runs. */
static wpk_cu captured(wpk_cu_pointer x, bool copies)
{
	wpk_cu s = new_stream(0), graph = NULL, exec = NULL;

	OK(cuda.begin_capture(s, RELAXED));
	OK(copies ? cuda.fill(x, 0, 4, s) : scale(x, x, 2, s));
	OK(cuda.end_capture(s, &graph));
	OK(cuda.instantiate(&exec, graph, 0));
	return exec;
}

static void graphs_of_what_is_gone(void **state)
{
	for (int copies = 0; copies < 2; copies++) {
		wpk_cu_pointer x = ones();
		wpk_cu exec = captured(x, copies);

		OK(cuda.release(x));
		OK(cuda.replay(exec, NULL));
		REFUSED(cuda.synchronize(NULL), CUDA_ERROR_ILLEGAL_ADDRESS);
		OK(driver_fresh(state));
	}
	wpk_cu exec = captured(ones(), false);

	OK(cuda.unload(kernels));
	OK(cuda.replay(exec, NULL));
	REFUSED(cuda.synchronize(NULL), CUDA_ERROR_LAUNCH_FAILED);
	assert_non_null(strstr(more.fault(), "unloaded"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, driver_fresh)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_done_early),
		TEST(default_stream_joins_blocking_ones),
		TEST(events_order_streams),
		TEST(events_measure),
		TEST(copies_read_when_they_may),
		TEST(inputs_may_be_on_their_way),
		TEST(much_may_wait),
		TEST(host_functions_have_their_turn),
		TEST(host_functions_end_with_a_fault),
		TEST(faults_end_streams),
		TEST(threads_may_call_at_once),
		TEST(graph_replays),
		TEST(graph_forks_and_joins),
		TEST(captures_forbid),
		TEST(another_thread_ends_a_capture),
		TEST(separate_captures_stay_so),
		TEST(graphs_of_what_is_gone),
	};
	return cmocka_run_group_tests(tests, driver_open, driver_close);
}
