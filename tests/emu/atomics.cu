/* Atomics on global and shared memory, and a last block that finishes.
 * EXPECT early: done
 * EXPECT late: done */
extern "C" __global__ void count_kernel(float *sum, int *most, unsigned *turn,
	int *last)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	unsigned *mine = (unsigned *)shared_memory;

	atomicAdd(sum, 0.5f);
	atomicMax(most, (int)(blockIdx.x * 64 + threadIdx.x));
	if (threadIdx.x == 0)
		*mine = 0;
	__syncthreads();
	atomicOr(mine, 1u << threadIdx.x % 32);
	__threadfence();
	__syncthreads();
	if (threadIdx.x == 0 && *mine == 0xffffffffu &&
	    atomicAdd(turn, 1u) == gridDim.x - 1)
		*last = (int)blockIdx.x;
}

static float sum;
static int most, last;
static unsigned turn;

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	last = -1;
	config.gridDim = dim3(10);
	config.blockDim = dim3(64);
	config.dynamicSmemBytes = 4;
	cudaLaunchKernelEx(&config, count_kernel, &sum, &most, &turn, &last);
	return sum != 320 || most != 639 || turn != 10 ||
		(last != 9 && last != 0);
}
