/* More workspace is used than was asked for.
 * EXPECT early: fault address
 * EXPECT late: fault address */
extern "C" __global__ void count_kernel(int *tickets)
{
	tickets[threadIdx.x] = 0;
}

extern "C" size_t wpk_emu_workspace()
{
	return 4096;
}

extern "C" int wpk_emu_entry(void *const *, void *workspace, size_t bytes)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(1);
	config.blockDim = dim3(32);
	config.dynamicSmemBytes = 0;
	return cudaLaunchKernelEx(&config, count_kernel,
		(int *)((char *)workspace + bytes));
}
