/* Workspace that nobody cleared is read.
 * NEEDS: watch
 * EXPECT early: fault init
 * EXPECT late: fault init */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	s[t] = 0;
	w[512 + t] = w[256 + t];
}

extern "C" size_t wpk_emu_workspace()
{
	return 4096;
}

extern "C" int wpk_emu_entry(void *const *, void *workspace, size_t)
{
	cudaLaunchConfig_t config = {};

	cudaMemsetAsync(workspace, 0, 1024);
	config.gridDim = dim3(1);
	config.blockDim = dim3(64);
	config.dynamicSmemBytes = 1024;
	return cudaLaunchKernelEx(&config, kernel, (float *)workspace);
}
