/* A lane that reads another one which is not in the mask.
 * EXPECT early: fault warp
 * EXPECT late: fault warp */
extern "C" __global__ void mask_kernel(int *y)
{
	if (threadIdx.x < 8)
		y[threadIdx.x] =
			__shfl_sync(0xffu, (int)threadIdx.x, 12); /* HERE */
}

static int y[32];

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(1);
	config.blockDim = dim3(32);
	return cudaLaunchKernelEx(&config, mask_kernel, y);
}
