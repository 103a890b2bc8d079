/* stmatrix of a row behind what the block has.
 * EXPECT early: fault bounds
 * EXPECT late: fault bounds */
extern "C" __global__ void matrix_kernel()
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	unsigned d[4] = {};

	stmatrix_x4(shared_memory + threadIdx.x * 16 + 16, d); /* HERE */
}

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(1);
	config.blockDim = dim3(32);
	config.dynamicSmemBytes = 512;
	return cudaLaunchKernelEx(&config, matrix_kernel);
}
