/* A null pointer, without any sanitizer.
 * EXPECT early: fault address
 * EXPECT late: fault address */
extern "C" __global__ void null_kernel(float *y)
{
	y[threadIdx.x] = 1;
}

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(1);
	config.blockDim = dim3(32);
	return cudaLaunchKernelEx(&config, null_kernel, (float *)nullptr);
}
