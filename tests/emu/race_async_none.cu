/* Waited for, then a barrier, then read.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	copy_async_4(&s[t], &w[t]);
	copy_async_commit();
	copy_async_wait<0>();
	__syncthreads();
	w[128 + t] = s[63 - t];
}

extern "C" size_t wpk_emu_workspace()
{
	return 4096;
}

extern "C" int wpk_emu_entry(void *const *, void *workspace, size_t)
{
	cudaLaunchConfig_t config = {};

	cudaMemsetAsync(workspace, 0, 4096);
	config.gridDim = dim3(1);
	config.blockDim = dim3(64);
	config.dynamicSmemBytes = 1024;
	return cudaLaunchKernelEx(&config, kernel, (float *)workspace);
}
