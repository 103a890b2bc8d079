/* SPDX-License-Identifier: MIT */
/* The emulated CUDA runtime as a host program sees it: what CUDA refuses it
 * refuses, by the same codes, and what is refused is the last error, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/emu/host/cuda_runtime_api.h"

static void refused(cudaError_t got, cudaError_t want)
{
	assert_string_equal(cudaGetErrorName(got), cudaGetErrorName(want));
	assert_int_equal(cudaPeekAtLastError(), want);
	assert_int_equal(cudaGetLastError(), want);
	assert_int_equal(cudaGetLastError(), cudaSuccess);
}

/* More than the machine has, than it can address, and than it can count. */
static void too_much_memory(void **state)
{
	static const size_t bytes[] = { (size_t)1 << 46, (size_t)1 << 60,
		SIZE_MAX - 4096, SIZE_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
		void *p = &p;

		refused(cudaMalloc(&p, bytes[i]), cudaErrorMemoryAllocation);
		assert_null(p);
		refused(cudaMallocAsync(&p, bytes[i], NULL),
			cudaErrorMemoryAllocation);
		refused(cudaMallocHost(&p, bytes[i]),
			cudaErrorMemoryAllocation);
		assert_null(p);
	}
}

static void memory_is_poisoned_and_bounded(void **state)
{
	static const unsigned char none[100];
	unsigned char *p, back[100];

	(void)state;
	assert_int_equal(cudaMalloc((void **)&p, 100), cudaSuccess);
	assert_true((uintptr_t)p % 256 == 0);
	assert_int_equal(cudaMemcpy(back, p, 100, cudaMemcpyDeviceToHost),
		cudaSuccess);
	for (int i = 0; i < 100; i++)
		assert_int_equal(back[i], 0xff);
	assert_int_equal(cudaMemset(p, 0, 100), cudaSuccess);
	assert_memory_equal(p, none, 100);
	refused(cudaMemset(p, 0, 101), cudaErrorInvalidValue);
	refused(cudaMemcpy(back, p + 1, 100, cudaMemcpyDefault),
		cudaErrorInvalidValue);
	refused(cudaMemcpyAsync(NULL, p, 1, cudaMemcpyDefault, NULL),
		cudaErrorInvalidValue);
	refused(cudaFree(p + 1), cudaErrorInvalidValue);
	assert_int_equal(cudaFree(p), cudaSuccess);
	refused(cudaFree(p), cudaErrorInvalidValue);
	assert_int_equal(cudaFree(NULL), cudaSuccess);
	assert_int_equal(cudaMalloc((void **)&p, 0), cudaSuccess);
	assert_null(p);
}

static void null_is_refused(void **state)
{
	cudaEvent_t event;
	float ms;

	(void)state;
	refused(cudaMalloc(NULL, 1), cudaErrorInvalidValue);
	refused(cudaMallocHost(NULL, 1), cudaErrorInvalidValue);
	refused(cudaMallocAsync(NULL, 1, NULL), cudaErrorInvalidValue);
	refused(cudaStreamCreate(NULL), cudaErrorInvalidValue);
	refused(cudaStreamDestroy(NULL), cudaErrorInvalidResourceHandle);
	refused(cudaEventCreate(NULL), cudaErrorInvalidValue);
	refused(cudaEventDestroy(NULL), cudaErrorInvalidResourceHandle);
	refused(cudaEventRecord(NULL, NULL), cudaErrorInvalidResourceHandle);
	refused(cudaEventSynchronize(NULL), cudaErrorInvalidResourceHandle);
	refused(cudaGetDevice(NULL), cudaErrorInvalidValue);
	refused(cudaGetDeviceCount(NULL), cudaErrorInvalidValue);
	assert_int_equal(cudaEventCreate(&event), cudaSuccess);
	refused(cudaEventElapsedTime(&ms, event, event),
		cudaErrorInvalidResourceHandle);
	assert_int_equal(cudaEventRecord(event, NULL), cudaSuccess);
	refused(cudaEventElapsedTime(NULL, event, event),
		cudaErrorInvalidValue);
	refused(cudaEventElapsedTime(&ms, NULL, event),
		cudaErrorInvalidResourceHandle);
	refused(cudaEventElapsedTime(&ms, event, NULL),
		cudaErrorInvalidResourceHandle);
	assert_int_equal(cudaEventDestroy(event), cudaSuccess);
}

static void streams_and_events_serve(void **state)
{
	cudaStream_t streams[2];
	cudaEvent_t events[2];
	float ms = -1;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cudaStreamCreate(&streams[i]), cudaSuccess);
		assert_non_null(streams[i]);
		assert_int_equal(cudaEventCreate(&events[i]), cudaSuccess);
		assert_int_equal(cudaEventRecord(events[i], streams[i]),
			cudaSuccess);
	}
	assert_ptr_not_equal(streams[0], streams[1]);
	assert_int_equal(cudaEventSynchronize(events[1]), cudaSuccess);
	assert_int_equal(cudaEventElapsedTime(&ms, events[0], events[1]),
		cudaSuccess);
	assert_true(ms >= 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cudaStreamSynchronize(streams[i]),
			cudaSuccess);
		assert_int_equal(cudaStreamDestroy(streams[i]), cudaSuccess);
		assert_int_equal(cudaEventDestroy(events[i]), cudaSuccess);
	}
}

static void there_is_one_device(void **state)
{
	int n = -1, device = -1;

	(void)state;
	assert_int_equal(cudaGetDeviceCount(&n), cudaSuccess);
	assert_int_equal(n, 1);
	assert_int_equal(cudaGetDevice(&device), cudaSuccess);
	assert_int_equal(device, 0);
	assert_int_equal(cudaSetDevice(0), cudaSuccess);
	refused(cudaSetDevice(1), cudaErrorInvalidDevice);
	refused(cudaSetDevice(-1), cudaErrorInvalidDevice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_much_memory),
		cmocka_unit_test(memory_is_poisoned_and_bounded),
		cmocka_unit_test(null_is_refused),
		cmocka_unit_test(streams_and_events_serve),
		cmocka_unit_test(there_is_one_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
