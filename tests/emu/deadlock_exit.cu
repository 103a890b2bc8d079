/* A barrier that half of the threads never reach.
 * EXPECT early: fault deadlock
 * EXPECT late: fault deadlock */
extern "C" __global__ void half_kernel()
{
	if (threadIdx.x >= 32)
		return;
	__syncthreads(); /* HERE */
}

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(1);
	config.blockDim = dim3(64);
	return cudaLaunchKernelEx(&config, half_kernel);
}
