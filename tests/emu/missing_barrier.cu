/* No barrier between writing and reading shared memory: threads from first to
 * last read what is not there yet, which poison makes visible.
 * EXPECT early: returned 1
 * EXPECT late: done */
extern "C" __global__ void shift_kernel(float *y)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;

	s[threadIdx.x] = threadIdx.x;
	y[threadIdx.x] = s[(threadIdx.x + 1) % 64];
}

static float y[64];

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(1);
	config.blockDim = dim3(64);
	config.dynamicSmemBytes = 256;
	cudaLaunchKernelEx(&config, shift_kernel, y);
	for (int i = 0; i < 63; i++)
		if (!(y[i] == i + 1))
			return 1;
	return 0;
}
