/* Integer division by zero ends the run with a report.
 * EXPECT early: fault arithmetic
 * EXPECT late: fault arithmetic */
extern "C" __global__ void divide_kernel(int *y)
{
	y[threadIdx.x] = 100 / y[threadIdx.x];
}

static int y[32];

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(1);
	config.blockDim = dim3(32);
	return cudaLaunchKernelEx(&config, divide_kernel, y);
}
