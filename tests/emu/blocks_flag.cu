/* Nobody waits for the first thread's flag: whoever reads it early finds all
 * ones, which pass for true, or in every other block zeros.
 * EXPECT early: done
 * EXPECT late: returned 1 */
extern "C" __global__ void flag_kernel(int *y)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	int *flag = (int *)shared_memory;

	if (threadIdx.x == 0)
		flag[0] = 1;
	if (flag[0] != 0)
		y[blockIdx.x * 32 + threadIdx.x] = 1;
}

static int y[64];

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(2);
	config.blockDim = dim3(32);
	config.dynamicSmemBytes = 4;
	cudaLaunchKernelEx(&config, flag_kernel, y);
	for (int i = 0; i < 64; i++)
		if (!y[i])
			return 1;
	return 0;
}
