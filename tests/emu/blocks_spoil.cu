/* A block also writes where the next one will: in order that goes unseen.
 * EXPECT early: done
 * EXPECT late: returned 1 */
extern "C" __global__ void spoil_kernel(int *y)
{
	const int at = blockIdx.x * 32 + threadIdx.x;

	if (blockIdx.x == 0)
		y[at + 32] = 7;
	y[at] = at;
}

static int y[64];

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(2);
	config.blockDim = dim3(32);
	config.dynamicSmemBytes = 0;
	cudaLaunchKernelEx(&config, spoil_kernel, y);
	for (int i = 0; i < 64; i++)
		if (y[i] != i)
			return 1;
	return 0;
}
