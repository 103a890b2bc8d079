/* A write one element past a tensor; under AddressSanitizer.
 * NEEDS: address
 * EXPECT early: fault sanitizer
 * EXPECT late: fault sanitizer
 * STDERR: AddressSanitizer: global-buffer-overflow */
extern "C" __global__ void fill_kernel(float *y, int n)
{
	int i = blockIdx.x * 32 + threadIdx.x;

	__syncthreads();
	if (i <= n)
		y[i] = i;
}

static float y[70];

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(3);
	config.blockDim = dim3(32);
	return cudaLaunchKernelEx(&config, fill_kernel, y, 70);
}
