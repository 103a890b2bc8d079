/* Two barriers, one for each half of the block: as many, but not the same.
 * EXPECT early: fault deadlock
 * EXPECT late: fault deadlock */
extern "C" __global__ void halves_kernel(int *x)
{
	if (threadIdx.x < 32) {
		x[threadIdx.x] = 1;
		__syncthreads(); /* HERE */
	} else {
		__syncthreads();
	}
}

static int x[64];

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(1);
	config.blockDim = dim3(64);
	return cudaLaunchKernelEx(&config, halves_kernel, x);
}
