/* Lanes exchange values with __syncwarp.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	s[t] = t;
	__syncwarp();
	w[t] = s[t ^ 1];
	__syncwarp();
	s[t] = 1;
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
