/* More than 48 KB of shared memory without having asked for it.
 * EXPECT early: fault launch
 * EXPECT late: fault launch */
extern "C" __global__ void nothing_kernel() {}

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(1);
	config.blockDim = dim3(32);
	config.dynamicSmemBytes = 50000;
	return cudaLaunchKernelEx(&config, nothing_kernel);
}
