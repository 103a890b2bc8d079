/* A load of 16 bytes from a multiple of 4; seen by the sanitizer.
 * NEEDS: address
 * NEEDS: gcc
 * EXPECT early: fault sanitizer
 * EXPECT late: fault sanitizer
 * STDERR: misaligned address */
extern "C" __global__ void load_kernel(const float *x, float4 *y)
{
	y[threadIdx.x] = *(const float4 *)(x + 4 * threadIdx.x + 1);
}

static float x[132] __align__(16);
static float4 y[32];

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(1);
	config.blockDim = dim3(32);
	return cudaLaunchKernelEx(&config, load_kernel, x, y);
}
