/* A write just past the shared memory of the launch.
 * EXPECT early: fault bounds
 * EXPECT late: fault bounds */
extern "C" __global__ void over_kernel(float *y, int at)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;

	s[threadIdx.x + at] = 1;
	__syncthreads();
	y[threadIdx.x] = s[threadIdx.x + at];
}

static float y[32];

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(1);
	config.blockDim = dim3(32);
	config.dynamicSmemBytes = 124;
	return cudaLaunchKernelEx(&config, over_kernel, y, 0);
}
