/* Sums over a block by shared memory and shuffles: barriers, blocks that reuse
 * their threads, results of several blocks.
 * EXPECT early: done
 * EXPECT late: done */
extern "C" __global__ void __launch_bounds__(96)
	sum_kernel(const float *__restrict__ x, float *__restrict__ y)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float (*part)[3] = (float (*)[3])shared_memory;
	float v = x[blockIdx.x * 96 + threadIdx.x];

	for (int d = 16; d > 0; d /= 2)
		v += __shfl_xor_sync(0xffffffffu, v, d);
	if (threadIdx.x % 32 == 0)
		(*part)[threadIdx.x / 32] = v;
	__syncthreads();
	if (threadIdx.x == 0)
		y[blockIdx.x] = (*part)[0] + (*part)[1] + (*part)[2];
}

static float x[5 * 96], y[5];

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	for (int i = 0; i < 5 * 96; i++)
		x[i] = i % 7;
	config.gridDim = dim3(5);
	config.blockDim = dim3(96);
	config.dynamicSmemBytes = 12;
	cudaLaunchKernelEx(&config, sum_kernel, x, y);
	for (int b = 0; b < 5; b++) {
		float want = 0;

		for (int i = 0; i < 96; i++)
			want += x[b * 96 + i];
		if (y[b] != want)
			return 1;
	}
	return 0;
}
