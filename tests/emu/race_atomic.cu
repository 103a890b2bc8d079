/* Atomic increments by several blocks.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	s[t] = 0;
	if (t == 0)
		atomicAdd(&w[0], 1.0f);
}

extern "C" size_t wpk_emu_workspace()
{
	return 4096;
}

extern "C" int wpk_emu_entry(void *const *, void *workspace, size_t)
{
	cudaLaunchConfig_t config = {};

	cudaMemsetAsync(workspace, 0, 4096);
	config.gridDim = dim3(3);
	config.blockDim = dim3(64);
	config.dynamicSmemBytes = 1024;
	return cudaLaunchKernelEx(&config, kernel, (float *)workspace);
}
