/* SPDX-License-Identifier: MIT */
#include "emu_driver.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "driver/cxx.h"
#include "schedule/target.h"

struct cuda_calls cuda;
struct more_calls more;
wpk_cu kernels;
char kernels_file[] = "/tmp/wpk-unit-XXXXXX";
static void *library;

static const char *const names[] = { "scale", "ranks", "large", "tile", "poke",
	"hang", "trap", "odd", "empty", "divide", "bytes", NULL };

static const char text[] =
"extern \"C\" __global__ void __launch_bounds__(128)\n"
"scale(const float *__restrict__ x, float *__restrict__ y, float by, int n)\n"
"{\n"
"	const int i = blockIdx.x * blockDim.x + threadIdx.x;\n"
"	if (i < n)\n"
"		y[i] = x[i] * by;\n"
"}\n"
"/* Each block tells the rank of the next of its cluster. */\n"
"extern \"C\" __global__ void ranks(int *y)\n"
"{\n"
"	extern __shared__ __align__(128) unsigned char shared_memory[];\n"
"	int *mine = (int *)shared_memory;\n"
"	if (threadIdx.x == 0)\n"
"		*mine = cluster_rank();\n"
"	cluster_sync();\n"
"	if (threadIdx.x == 0)\n"
"		y[blockIdx.x] = remote_load_i32(mine, cluster_rank() ^ 1);\n"
"	cluster_sync();\n"
"}\n"
"extern \"C\" __global__ void large(float *y, int n)\n"
"{\n"
"	extern __shared__ __align__(128) unsigned char shared_memory[];\n"
"	float *s = (float *)shared_memory, sum = 0;\n"
"	for (int i = threadIdx.x; i < n; i += blockDim.x)\n"
"		s[i] = 1;\n"
"	__syncthreads();\n"
"	if (threadIdx.x == 0)\n"
"		for (int i = 0; i < n; i++)\n"
"			sum += s[i];\n"
"	if (threadIdx.x == 0)\n"
"		y[blockIdx.x] = sum;\n"
"}\n"
"/* A box of 8 x 4 at (4, 2). */\n"
"extern \"C\" __global__ void\n"
"tile(const __grid_constant__ CUtensorMap map, float *y)\n"
"{\n"
"	extern __shared__ __align__(128) unsigned char shared_memory[];\n"
"	float *box = (float *)shared_memory;\n"
"	unsigned long long *full =\n"
"		(unsigned long long *)(shared_memory + 128);\n"
"	if (threadIdx.x == 0) {\n"
"		mbarrier_init(full, 1);\n"
"		fence_mbarrier_init();\n"
"		mbarrier_arrive_expect(full, 128);\n"
"		copy_tensor_2d(box, &map, full, 4, 2);\n"
"	}\n"
"	__syncthreads();\n"
"	mbarrier_wait(full, 0);\n"
"	y[threadIdx.x] = box[threadIdx.x];\n"
"}\n"
"extern \"C\" __global__ void poke(float *y, long long at)\n"
"{\n"
"	y[at] = 1;\n"
"}\n"
"extern \"C\" __global__ void hang()\n"
"{\n"
"	if (threadIdx.x == 0)\n"
"		__syncthreads();\n"
"}\n"
"extern \"C\" __global__ void trap()\n"
"{\n"
"	__trap();\n"
"}\n"
"extern \"C\" __global__ void odd(float *y)\n"
"{\n"
"	extern __shared__ __align__(128) unsigned char shared_memory[];\n"
"	copy_async_16(shared_memory, (char *)y + 4);\n"
"	copy_async_commit();\n"
"	copy_async_wait<0>();\n"
"}\n"
"extern \"C\" __global__ void empty()\n"
"{\n"
"}\n"
"extern \"C\" __global__ void divide(int *y, int by)\n"
"{\n"
"	*y = 7 / by;\n"
"}\n"
"/* Arguments of all sizes. */\n"
"extern \"C\" __global__ void bytes(unsigned char a, double b,\n"
"	unsigned short c, long long d, double *y)\n"
"{\n"
"	*y = a + b + c + d;\n"
"}\n";

bool driver_module(const char *source, const char *const *kernel_names,
	const char *path)
{
	struct arena *a = arena_create();
	const char *why = NULL;
	int n = 0;
	bool ok;

	while (kernel_names[n])
		n++;
	ok = emu_module(a, target_named("sm_90a"), NULL, source, kernel_names,
		n, 0, path, &why);
	if (!ok)
		fprintf(stderr, "%s\n", why);
	arena_destroy(a);
	return ok;
}

static bool load_symbols(void)
{
	bool all = true;

#define X(field, symbol, arguments) \
	*(void **)&cuda.field = dlsym(library, symbol); \
	all = all && cuda.field;
	CUDA_CALLS(X)
	MAP_CALLS(X)
#undef X
#define X(name) *(void **)&more.name = dlsym(library, #name); \
	all = all && more.name;
	MORE_CALLS(X)
#undef X
	*(void **)&more.fault = dlsym(library, "wpk_emu_fault");
	return all && more.fault;
}

int driver_open(void **state)
{
	const char *build = getenv("top_builddir");
	char path[4096];
	int fd = mkstemp(kernels_file);

	(void)state;
	setenv("WPK_EMU_QUIET", "1", 1);
	snprintf(path, sizeof path, "%s/libwpkemu.so", build ? build : ".");
	if (fd < 0 || close(fd) || !driver_module(text, names, kernels_file))
		return -1;
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		fprintf(stderr, "%s\n", dlerror());
	return library && load_symbols() && !cuda.init(0) ? 0 : -1;
}

int driver_close(void **state)
{
	(void)state;
	unlink(kernels_file);
	if (!library)
		return -1;
	return more.cuDevicePrimaryCtxReset_v2(0) || dlclose(library);
}

int driver_fresh(void **state)
{
	wpk_cu context;

	(void)state;
	more.cuDevicePrimaryCtxReset_v2(0);
	return cuda.retain(&context, 0) || cuda.set_current(context) ||
		cuda.load(&kernels, kernels_file);
}

wpk_cu kernel_named(const char *name)
{
	wpk_cu f = NULL;

	return cuda.function(&f, kernels, name) ? NULL : f;
}

wpk_cu_pointer floats_on_device(int n)
{
	wpk_cu_pointer p = 0;

	return cuda.allocate(&p, (size_t)n * sizeof(float)) ? 0 : p;
}

void count_up(float *to, int n)
{
	for (int i = 0; i < n; i++)
		to[i] = (float)i;
}

int start(const char *name, int blocks, int threads, int shared, wpk_cu stream,
	void **arguments)
{
	struct wpk_cu_launch l = { { (unsigned)blocks, 1, 1 },
		{ (unsigned)threads, 1, 1 }, (unsigned)shared, stream, NULL,
		0 };

	return cuda.launch(&l, kernel_named(name), arguments, NULL);
}

int start_clusters(const char *name, int blocks, int size, void **arguments)
{
	struct wpk_cu_attribute cluster = { .id = WPK_CU_ATTRIBUTE_CLUSTER };
	struct wpk_cu_launch l = { { (unsigned)blocks, 1, 1 }, { 32, 1, 1 },
		128, NULL, &cluster, 1 };

	cluster.value.cluster[0] = (unsigned)size;
	cluster.value.cluster[1] = cluster.value.cluster[2] = 1;
	return cuda.launch(&l, kernel_named(name), arguments, NULL);
}
