/* The last block reads what only its counting thread fenced.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	unsigned *ticket = (unsigned *)(w + 512);
	unsigned *last = (unsigned *)s;

	w[64 * blockIdx.x + t] = t;
	if (t == 0)
		__threadfence();
	if (t == 0)
		*last = atomicAdd(ticket, 1u) == 2;
	__syncthreads();
	if (*last)
		w[256 + t] = w[t] + w[64 + t] + w[128 + t];
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
