/* 100 KB of shared memory, asked for; every byte starts as 0xff, or as zero
 * in every other block.
 * EXPECT early: done
 * EXPECT late: done */
extern "C" __global__ void look_kernel(int *bad)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];

	for (int i = threadIdx.x; i < 100 << 10; i += 32) {
		if (shared_memory[i] != (blockIdx.x % 2 ? 0 : 0xff))
			atomicAdd(bad, 1);
		shared_memory[i] = 0;
	}
}

static int bad;

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(2);
	config.blockDim = dim3(32);
	config.dynamicSmemBytes = 100 << 10;
	cudaFuncSetAttribute(look_kernel,
		cudaFuncAttributeMaxDynamicSharedMemorySize, 100 << 10);
	cudaLaunchKernelEx(&config, look_kernel, &bad);
	return bad;
}
