/* A bulk copy out of bounds.
 * NEEDS: address
 * EXPECT early: fault bounds
 * EXPECT late: fault bounds */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	void *barrier = shared_memory + 512;

	if (threadIdx.x == 0) {
		mbarrier_init(barrier, 1);
		fence_mbarrier_init();
		mbarrier_arrive_expect(barrier, 128);
		copy_bulk(shared_memory, w + 1000, 128, barrier); /* HERE */
	}
	__syncthreads();
	mbarrier_wait(barrier, 0);
}

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	alignas(16) float w[1024];
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(1);
	config.blockDim = dim3(64);
	config.dynamicSmemBytes = 1024;
	return cudaLaunchKernelEx(&config, kernel, w);
}
