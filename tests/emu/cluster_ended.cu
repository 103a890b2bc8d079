/* A block ends while others read its shared memory.
 * EXPECT early: fault cluster
 * EXPECT late: fault cluster */
extern "C" __global__ void sum_kernel(float *y)
{
	extern __shared__ unsigned char shared_memory[];
	float *mine = (float *)shared_memory;
	const int rank = cluster_rank();
	float sum = 0;

	if (threadIdx.x == 0)
		mine[0] = (float)(rank + 1);
	cluster_sync();
	for (int i = 0; i < 4; i++)
		sum += /* HERE */ remote_load_f32(&mine[0], i);
	if (threadIdx.x == 0)
		y[rank] = sum;
}

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	static float y[4];
	cudaLaunchConfig_t config = {};
	cudaLaunchAttribute cluster = {};
	int code;

	cluster.id = cudaLaunchAttributeClusterDimension;
	cluster.val.clusterDim.x = 1;
	cluster.val.clusterDim.y = 4;
	cluster.val.clusterDim.z = 1;
	config.gridDim = dim3(1, 4);
	config.blockDim = dim3(32);
	config.dynamicSmemBytes = 16;
	config.attrs = &cluster;
	config.numAttrs = 1;
	code = cudaLaunchKernelEx(&config, sum_kernel, y);
	for (int i = 0; i < 4; i++)
		if (y[i] != 10)
			return 1;
	return code;
}
