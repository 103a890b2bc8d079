/* A shuffle with a full mask that 16 lanes never come to.
 * EXPECT early: fault warp
 * EXPECT late: fault warp */
extern "C" __global__ void missing_kernel(int *y)
{
	int v = threadIdx.x;

	if (threadIdx.x < 16)
		v = __shfl_xor_sync(0xffffffffu, v, 1); /* HERE */
	y[threadIdx.x] = v;
}

static int y[32];

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(1);
	config.blockDim = dim3(32);
	return cudaLaunchKernelEx(&config, missing_kernel, y);
}
