/* A map of a tensor that has more rows than there are.
 * NEEDS: address
 * EXPECT early: fault bounds
 * EXPECT late: fault bounds */
extern "C" __global__ void kernel(const CUtensorMap map)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	void *barrier = shared_memory + 512;

	if (threadIdx.x == 0) {
		mbarrier_init(barrier, 1);
		fence_mbarrier_init();
		mbarrier_arrive_expect(barrier, 256);
		copy_tensor_2d(shared_memory, &map, barrier, 0, 12); /* HERE */
	}
	__syncthreads();
	mbarrier_wait(barrier, 0);
}

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	alignas(16) float w[16 * 8];
	const cuuint64_t dims[] = { 8, 20 }, strides[] = { 32 };
	const cuuint32_t box[] = { 8, 8 }, steps[] = { 1, 1 };
	cudaLaunchConfig_t config = {};
	CUtensorMap map;

	if (cuTensorMapEncodeTiled(&map, CU_TENSOR_MAP_DATA_TYPE_FLOAT32, 2, w,
	    dims, strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE,
	    CU_TENSOR_MAP_SWIZZLE_NONE, CU_TENSOR_MAP_L2_PROMOTION_NONE,
	    CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE))
		return 1;
	config.gridDim = dim3(1);
	config.blockDim = dim3(64);
	config.dynamicSmemBytes = 1024;
	return cudaLaunchKernelEx(&config, kernel, map);
}
