/* SPDX-License-Identifier: MIT */
/* The emulated driver as a program sees it that opens it in place of libcuda:
 * device and context, memory, launches within and beyond the limits of an H200,
 * and faults, each of which is a code that stays until the context ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "emu_driver.h"

enum { N = 300 };

static void *host_of(wpk_cu_pointer p)
{
	return (void *)(uintptr_t)p;
}

/* ---- device and context ---- */

static void device_is_told(void **state)
{
	static const int table[][2] = { { 1, 1024 }, { 8, 49152 }, { 16, 132 },
		{ 38, 52428800 }, { 75, 9 }, { 76, 0 }, { 97, 232448 },
		{ 120, 1 } };
	char name[32], bus[32], cut[4];
	int n = 0, device = -1, version = 0;
	size_t bytes = 0, there = 0;

	(void)state;
	OK(cuda.version(&version));
	assert_true(version >= 12040);
	OK(cuda.count(&n));
	assert_int_equal(n, 1);
	OK(cuda.device(&device, 0));
	assert_int_equal(device, 0);
	REFUSED(cuda.device(&device, 1), CUDA_ERROR_INVALID_DEVICE);
	OK(cuda.name(name, sizeof name, 0));
	assert_string_equal(name, "emulator");
	OK(cuda.name(cut, sizeof cut, 0));
	assert_string_equal(cut, "emu");
	OK(cuda.bus(bus, sizeof bus, 0));
	assert_string_equal(bus, "0000:00:00.0");
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		OK(cuda.attribute(&n, table[i][0], 0));
		assert_int_equal(n, table[i][1]);
	}
	REFUSED(cuda.attribute(&n, 0, 0), CUDA_ERROR_INVALID_VALUE);
	REFUSED(cuda.attribute(&n, 4000, 0), CUDA_ERROR_INVALID_VALUE);
	REFUSED(cuda.attribute(&n, 16, 3), CUDA_ERROR_INVALID_DEVICE);
	REFUSED(cuda.attribute(NULL, 16, 0), CUDA_ERROR_INVALID_VALUE);
	OK(more.cuDeviceTotalMem_v2(&bytes, 0));
	OK(cuda.memory(&there, &bytes));
	assert_true(there > 0 && there <= bytes);
}

static void context_is_needed(void **state)
{
	wpk_cu context, now = NULL;
	wpk_cu_pointer p;
	CUdevice device = -1;

	(void)state;
	OK(more.cuCtxGetCurrent((CUcontext *)&context));
	assert_non_null(context);
	OK(more.cuCtxGetDevice(&device));
	assert_int_equal(device, 0);
	REFUSED(cuda.set_current(&context), CUDA_ERROR_INVALID_CONTEXT);
	OK(cuda.set_current(NULL));
	REFUSED(cuda.allocate(&p, 4), CUDA_ERROR_INVALID_CONTEXT);
	OK(cuda.set_current(context));
	OK(cuda.allocate(&p, 4));
	OK(cuda.retain(&now, 0));
	assert_ptr_equal(now, context);
	OK(more.cuDevicePrimaryCtxRelease_v2(0));
	OK(cuda.release(p));
	OK(more.cuDevicePrimaryCtxRelease_v2(0));
	REFUSED(cuda.allocate(&p, 4), CUDA_ERROR_CONTEXT_IS_DESTROYED);
	REFUSED(more.cuDevicePrimaryCtxRelease_v2(0),
		CUDA_ERROR_INVALID_CONTEXT);
}

static void errors_have_names(void **state)
{
	const char *said = "";

	(void)state;
	OK(cuda.error_name(700, &said));
	assert_string_equal(said, "CUDA_ERROR_ILLEGAL_ADDRESS");
	OK(more.cuGetErrorString((CUresult)700, &said));
	assert_string_equal(said, "an illegal memory access was encountered");
	OK(cuda.error_name(0, &said));
	assert_string_equal(said, "CUDA_SUCCESS");
	REFUSED(cuda.error_name(12345, &said), CUDA_ERROR_INVALID_VALUE);
	assert_null(said);
	REFUSED(more.cuGetErrorString((CUresult)12345, &said),
		CUDA_ERROR_INVALID_VALUE);
	REFUSED(cuda.error_name(0, NULL), CUDA_ERROR_INVALID_VALUE);
}

/* ---- memory ---- */

static void memory_is_poisoned_and_bounded(void **state)
{
	unsigned char back[100], ones[100];
	wpk_cu_pointer p = 0, q = 0;
	int x;

	(void)state;
	memset(ones, 0xff, sizeof ones);
	OK(cuda.allocate(&p, 100));
	assert_true(p % 256 == 0);
	OK(cuda.to_host(back, p, 100));
	assert_memory_equal(back, ones, 100);
	OK(cuda.allocate(&q, 100));
	OK(more.cuMemsetD8_v2(q, 7, 100));
	OK(cuda.copy(p + 50, q, 50));
	OK(cuda.to_host(back, p, 100));
	assert_int_equal(back[49], 0xff);
	assert_int_equal(back[50], 7);
	REFUSED(cuda.to_host(back, p + 1, 100), CUDA_ERROR_INVALID_VALUE);
	REFUSED(cuda.to_device(p + 1, back, 100), CUDA_ERROR_INVALID_VALUE);
	REFUSED(cuda.copy(p, q + 1, 100), CUDA_ERROR_INVALID_VALUE);
	REFUSED(more.cuMemsetD8_v2(p + 100, 0, 1), CUDA_ERROR_INVALID_VALUE);
	REFUSED(cuda.to_device((uintptr_t)&x, back, 4),
		CUDA_ERROR_INVALID_VALUE);
	REFUSED(cuda.to_device(0, back, 4), CUDA_ERROR_INVALID_VALUE);
	OK(cuda.to_device(p, NULL, 0));
	REFUSED(cuda.release(p + 256), CUDA_ERROR_INVALID_VALUE);
	OK(cuda.release(p));
	REFUSED(cuda.release(p), CUDA_ERROR_INVALID_VALUE);
	REFUSED(cuda.to_host(back, p, 1), CUDA_ERROR_INVALID_VALUE);
	OK(cuda.release(0));
	OK(cuda.release(q));
	REFUSED(cuda.allocate(&p, 0), CUDA_ERROR_INVALID_VALUE);
	REFUSED(cuda.allocate(NULL, 4), CUDA_ERROR_INVALID_VALUE);
}

/* The host's own pointers may be wild too. */
static void wild_host_pointers_are_refused(void **state)
{
	void *wild = (void *)(uintptr_t)64;
	wpk_cu_pointer p = floats_on_device(4);
	void *arguments[] = { wild, wild, wild, wild };

	(void)state;
	REFUSED(cuda.to_device(p, wild, 16), CUDA_ERROR_INVALID_VALUE);
	REFUSED(cuda.to_host(wild, p, 16), CUDA_ERROR_INVALID_VALUE);
	REFUSED(more.cuMemcpyHtoDAsync_v2(p, wild, 16, NULL),
		CUDA_ERROR_INVALID_VALUE);
	REFUSED(cuda.to_device(p, NULL, 16), CUDA_ERROR_INVALID_VALUE);
	REFUSED(start("scale", 1, 32, 0, NULL, arguments),
		CUDA_ERROR_INVALID_VALUE);
	REFUSED(start("scale", 1, 32, 0, NULL, NULL),
		CUDA_ERROR_INVALID_VALUE);
	OK(more.cuCtxSynchronize());
}

static void too_much_memory(void **state)
{
	static const size_t bytes[] = { (size_t)1 << 46, (size_t)1 << 60,
		SIZE_MAX - 4096, SIZE_MAX };
	wpk_cu_pointer p = 0;
	void *host;

	(void)state;
	for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
		REFUSED(cuda.allocate(&p, bytes[i]),
			CUDA_ERROR_OUT_OF_MEMORY);
		REFUSED(more.cuMemHostAlloc(&host, bytes[i], 0),
			CUDA_ERROR_OUT_OF_MEMORY);
	}
	OK(cuda.allocate(&p, 4));
}

static void pointers_are_told_apart(void **state)
{
	CUdeviceptr start_of = 0;
	unsigned type = 0;
	void *host = NULL;
	wpk_cu_pointer p = floats_on_device(8);
	size_t bytes = 0;

	(void)state;
	OK(more.cuMemHostAlloc(&host, 64, 0));
	OK(more.cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
		p + 4));
	assert_int_equal(type, CU_MEMORYTYPE_DEVICE);
	OK(more.cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
		(uintptr_t)host));
	assert_int_equal(type, CU_MEMORYTYPE_HOST);
	OK(more.cuPointerGetAttribute(&start_of,
		CU_POINTER_ATTRIBUTE_RANGE_START_ADDR, p + 9));
	assert_int_equal(start_of, p);
	OK(more.cuPointerGetAttribute(&bytes, CU_POINTER_ATTRIBUTE_RANGE_SIZE,
		p));
	assert_int_equal(bytes, 32);
	REFUSED(more.cuPointerGetAttribute(&type,
		CU_POINTER_ATTRIBUTE_MEMORY_TYPE, (uintptr_t)&type),
		CUDA_ERROR_INVALID_VALUE);
	REFUSED(more.cuPointerGetAttribute(&type, (CUpointer_attribute)99, p),
		CUDA_ERROR_INVALID_VALUE);
	REFUSED(cuda.release((uintptr_t)host), CUDA_ERROR_INVALID_VALUE);
	REFUSED(more.cuMemFreeHost(host_of(p)), CUDA_ERROR_INVALID_VALUE);
	OK(more.cuMemFreeHost(host));
	OK(cuda.release(p));
}

/* ---- launches ---- */

static void kernel_runs(void **state)
{
	float x[N], y[N], by = 3;
	wpk_cu_pointer dx = floats_on_device(N), dy = floats_on_device(N);
	int n = N;
	void *arguments[] = { &dx, &dy, &by, &n };

	(void)state;
	count_up(x, N);
	OK(cuda.to_device(dx, x, sizeof x));
	OK(start("scale", 3, 128, 0, NULL, arguments));
	by = 0;		/* what the launch was given is its own */
	OK(cuda.to_host(y, dy, sizeof y));
	for (int i = 0; i < N; i++)
		assert_true(y[i] == 3 * x[i]);
	OK(start("empty", 1, 1, 0, NULL, NULL));
	OK(more.cuCtxSynchronize());
}

/* One by one, and packed as a structure is. */
static void arguments_of_all_sizes(void **state)
{
	struct {
		unsigned char a;
		double b;
		unsigned short c;
		long long d;
		wpk_cu_pointer y;
	} packed = { 1, 0.5, 300, 1ll << 40, 0 };
	void *one_by_one[] = { &packed.a, &packed.b, &packed.c, &packed.d,
		&packed.y };
	size_t size = sizeof packed;
	void *extra[] = { (void *)1, &packed, (void *)2, &size, NULL };
	double back[2];
	CUfunction f = (CUfunction)kernel_named("bytes");

	(void)state;
	packed.y = floats_on_device(4);
	OK(more.cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, one_by_one,
		NULL));
	packed.y += 8;
	OK(more.cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, extra));
	OK(cuda.to_host(back, packed.y - 8, sizeof back));
	assert_true(back[0] == 301.5 + (double)(1ll << 40));
	assert_true(back[1] == back[0]);
	REFUSED(more.cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, one_by_one,
		extra), CUDA_ERROR_INVALID_VALUE);
}

static void clusters_run(void **state)
{
	wpk_cu_pointer y = floats_on_device(8);
	void *arguments[] = { &y };
	int back[8];
	wpk_cu f = kernel_named("ranks");

	(void)state;
	OK(start_clusters("ranks", 8, 2, arguments));
	OK(cuda.to_host(back, y, sizeof back));
	for (int i = 0; i < 8; i++)
		assert_int_equal(back[i], (i % 2) ^ 1);
	REFUSED(start_clusters("ranks", 9, 2, arguments),
		CUDA_ERROR_INVALID_VALUE);
	REFUSED(start_clusters("ranks", 16, 16, arguments),
		CUDA_ERROR_INVALID_CLUSTER_SIZE);
	REFUSED(start_clusters("ranks", 8, 0, arguments),
		CUDA_ERROR_INVALID_CLUSTER_SIZE);
	OK(cuda.set_function(f, WPK_CU_FUNC_ANY_CLUSTER, 1));
	REFUSED(start_clusters("ranks", 32, 32, arguments),
		CUDA_ERROR_INVALID_CLUSTER_SIZE);
	REFUSED(start_clusters("ranks", 16, 16, arguments),
		CUDA_ERROR_NOT_SUPPORTED);
}

static void shared_memory_is_asked_for(void **state)
{
	wpk_cu_pointer y = floats_on_device(1);
	wpk_cu f = kernel_named("large");
	int n = 20000, value = 0;
	void *arguments[] = { &y, &n };
	float back = 0;

	(void)state;
	REFUSED(start("large", 1, 64, 80000, NULL, arguments),
		CUDA_ERROR_INVALID_VALUE);
	REFUSED(cuda.set_function(f, WPK_CU_FUNC_SHARED, 232449),
		CUDA_ERROR_INVALID_VALUE);
	OK(cuda.set_function(f, WPK_CU_FUNC_SHARED, 232448));
	OK(more.cuFuncGetAttribute(&value,
		CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
		(CUfunction)f));
	assert_int_equal(value, 232448);
	OK(start("large", 1, 64, 80000, NULL, arguments));
	OK(cuda.to_host(&back, y, sizeof back));
	assert_true(back == 20000);
	REFUSED(start("large", 1, 64, 232449, NULL, arguments),
		CUDA_ERROR_INVALID_VALUE);
	REFUSED(cuda.set_function(NULL, WPK_CU_FUNC_SHARED, 1),
		CUDA_ERROR_INVALID_HANDLE);
	REFUSED(cuda.set_function(f, 77, 1), CUDA_ERROR_INVALID_VALUE);
}

static void limits_are_those_of_the_device(void **state)
{
	static const unsigned shapes[][6] = {
		{ 0, 1, 1, 32, 1, 1 }, { 1, 65536, 1, 32, 1, 1 },
		{ 1, 1, 65536, 32, 1, 1 }, { 1u << 31, 1, 1, 32, 1, 1 },
		{ 1, 1, 1, 0, 1, 1 }, { 1, 1, 1, 1025, 1, 1 },
		{ 1, 1, 1, 32, 33, 1 }, { 1, 1, 1, 1, 1, 65 },
		{ 1, 1, 1, 65536, 65536, 1 }
	};
	CUfunction f = (CUfunction)kernel_named("empty");
	struct wpk_cu_attribute strange = { .id = 999 };
	struct wpk_cu_launch l = { { 1, 1, 1 }, { 1, 1, 1 }, 0, NULL,
		&strange, 1 };
	int n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		const unsigned *s = shapes[i];

		REFUSED(more.cuLaunchKernel(f, s[0], s[1], s[2], s[3], s[4],
			s[5], 0, NULL, NULL, NULL), CUDA_ERROR_INVALID_VALUE);
	}
	OK(more.cuLaunchKernel(f, 1, 1, 1, 16, 1, 64, 0, NULL, NULL, NULL));
	REFUSED(cuda.launch(&l, f, NULL, NULL), CUDA_ERROR_INVALID_VALUE);
	l.attributes = NULL;
	REFUSED(cuda.launch(&l, f, NULL, NULL), CUDA_ERROR_INVALID_VALUE);
	l.n_attributes = 0;
	OK(cuda.launch(&l, f, NULL, NULL));
	l.stream = &l;
	REFUSED(cuda.launch(&l, f, NULL, NULL), CUDA_ERROR_INVALID_HANDLE);
	REFUSED(cuda.launch(NULL, f, NULL, NULL), CUDA_ERROR_INVALID_VALUE);
	l.stream = NULL;
	REFUSED(cuda.launch(&l, &l, NULL, NULL), CUDA_ERROR_INVALID_HANDLE);
	OK(more.cuOccupancyMaxActiveBlocksPerMultiprocessor(&n, f, 256, 0));
	assert_int_equal(n, 8);
	OK(more.cuOccupancyMaxActiveBlocksPerMultiprocessor(&n, f, 33, 40000));
	assert_int_equal(n, 5);
}

/* A matrix of 16 x 8. */
static int encode(struct wpk_cu_map *map, wpk_cu_pointer p, unsigned wide)
{
	unsigned long long dims[] = { 16, 8 }, strides[] = { 64 };
	unsigned box[] = { wide, 4 }, steps[] = { 1, 1 };

	return cuda.encode_tiled(map, 7, 2, host_of(p), dims, strides, box,
		steps, 0, 0, 0, 0);
}

static void tensor_maps_are_arguments(void **state)
{
	wpk_cu_pointer x = floats_on_device(128), y = floats_on_device(32);
	struct wpk_cu_map map;
	void *arguments[] = { &map, &y };
	float all[128], back[32];

	(void)state;
	count_up(all, 128);
	OK(cuda.to_device(x, all, sizeof all));
	OK(encode(&map, x, 8));
	OK(start("tile", 1, 32, 256, NULL, arguments));
	OK(cuda.to_host(back, y, sizeof back));
	for (int i = 0; i < 32; i++)
		assert_true(back[i] == (float)((2 + i / 8) * 16 + 4 + i % 8));
	REFUSED(encode(&map, x, 7), CUDA_ERROR_INVALID_VALUE);
	OK(cuda.release(x));
	OK(start("tile", 1, 32, 256, NULL, arguments));
	REFUSED(more.cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
	assert_non_null(strstr(more.fault(), "argument 0 of tile"));
}

/* ---- faults ---- */

static void lost(int code, const char *said)
{
	wpk_cu_pointer p;
	wpk_cu stream;

	REFUSED(more.cuCtxSynchronize(), code);
	assert_non_null(strstr(more.fault(), said));
	REFUSED(more.cuCtxSynchronize(), code);
	REFUSED(cuda.allocate(&p, 4), code);
	REFUSED(cuda.stream(&stream, 0), code);
	OK(driver_fresh(NULL));
	OK(start("empty", 1, 64, 0, NULL, NULL));
	OK(more.cuCtxSynchronize());
}

static void pokes(long long at, const char *said)
{
	wpk_cu_pointer p = floats_on_device(10);
	void *arguments[] = { &p, &at };

	OK(start("poke", 1, 64, 0, NULL, arguments));
	lost(CUDA_ERROR_ILLEGAL_ADDRESS, said);
}

static void kernels_that_stray(void **state)
{
	wpk_cu_pointer p = floats_on_device(1);
	long long at = 0;
	void *arguments[] = { &p, &at };
	int x;

	(void)state;
	pokes(9000, "an address that is not mapped");
	pokes(-9000, "an address that is not mapped");
	pokes(10, "written behind the 40 bytes");
	pokes(-1, "written before the 40 bytes");
	p = (uintptr_t)&x;
	OK(start("poke", 1, 1, 0, NULL, arguments));
	lost(CUDA_ERROR_ILLEGAL_ADDRESS, "argument 0 of poke");
	p = 0;
	OK(start("poke", 1, 1, 0, NULL, arguments));
	lost(CUDA_ERROR_ILLEGAL_ADDRESS, "an address that is not mapped");
	OK(cuda.allocate(&p, 4));
	OK(cuda.release(p));
	OK(start("poke", 1, 1, 0, NULL, arguments));
	lost(CUDA_ERROR_ILLEGAL_ADDRESS, "argument 0 of poke");
}

/* What the host writes there is found when it is freed. */
static void hosts_that_stray(void **state)
{
	wpk_cu_pointer p = floats_on_device(10);

	(void)state;
	((float *)host_of(p))[10] = 1;
	REFUSED(cuda.release(p), CUDA_ERROR_ILLEGAL_ADDRESS);
	lost(CUDA_ERROR_ILLEGAL_ADDRESS, "written behind the 40 bytes");
}

static void kernels_that_fail(void **state)
{
	wpk_cu_pointer y = floats_on_device(8);
	int none = 0;
	void *arguments[] = { &y, &none };

	(void)state;
	OK(start("hang", 2, 64, 0, NULL, NULL));
	lost(CUDA_ERROR_LAUNCH_TIMEOUT, "deadlock fault in block (1, 0, 0)");
	OK(start("trap", 1, 1, 0, NULL, NULL));
	lost(CUDA_ERROR_LAUNCH_FAILED, "another target");
	y = floats_on_device(8);
	OK(start("odd", 1, 1, 128, NULL, arguments));
	lost(CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned fault");
	y = floats_on_device(8);
	OK(start("divide", 1, 1, 0, NULL, arguments));
	lost(CUDA_ERROR_LAUNCH_FAILED, "division by zero");
	y = 0;
	OK(start("ranks", 1, 32, 128, NULL, arguments));
	lost(CUDA_ERROR_LAUNCH_FAILED, "cluster fault");
}

/* In the middle of a cluster, of asynchronous copies and barriers in memory. */
static void what_was_under_way_is_forgotten(void **state)
{
	for (int i = 0; i < 3; i++) {
		wpk_cu_pointer zero = 0;
		struct wpk_cu_map map;
		void *arguments[] = { &map, &zero };

		OK(encode(&map, floats_on_device(128), 8));
		OK(start("tile", 1, 32, 256, NULL, arguments));
		lost(CUDA_ERROR_ILLEGAL_ADDRESS, "not mapped");
		tensor_maps_are_arguments(state);
		OK(driver_fresh(NULL));
		clusters_run(state);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, driver_fresh)
	const struct CMUnitTest tests[] = {
		TEST(device_is_told),
		TEST(context_is_needed),
		TEST(errors_have_names),
		TEST(memory_is_poisoned_and_bounded),
		TEST(wild_host_pointers_are_refused),
		TEST(too_much_memory),
		TEST(pointers_are_told_apart),
		TEST(kernel_runs),
		TEST(arguments_of_all_sizes),
		TEST(clusters_run),
		TEST(shared_memory_is_asked_for),
		TEST(limits_are_those_of_the_device),
		TEST(tensor_maps_are_arguments),
		TEST(kernels_that_stray),
		TEST(hosts_that_stray),
		TEST(kernels_that_fail),
		TEST(what_was_under_way_is_forgotten),
	};
	return cmocka_run_group_tests(tests, driver_open, driver_close);
}
