/* A block that ends within a warp.
 * EXPECT early: fault warp
 * EXPECT late: fault warp */
extern "C" __global__ void matrix_kernel(float *y)
{
	unsigned a[4] = {}, b[2] = {};
	float d[4] = {};

	mma_m16n8k16_f32_f16(d, a, b); /* HERE */
	y[threadIdx.x] = d[0];
}

static float y[32];

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(1);
	config.blockDim = dim3(31);
	config.dynamicSmemBytes = 512;
	return cudaLaunchKernelEx(&config, matrix_kernel, y);
}
