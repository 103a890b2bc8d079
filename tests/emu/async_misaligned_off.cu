/* An asynchronous copy of 16 bytes from a multiple of 4 that only fills with zeros:
 * hardware wants the address aligned all the same.
 * EXPECT early: fault misaligned
 * EXPECT late: fault misaligned */
extern "C" __global__ void copy_kernel(const float *x, float *y)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;

	copy_async_16_if(s, x + 1, threadIdx.x > 31); /* HERE */
	copy_async_commit();
	copy_async_wait<0>();
	*y = s[0];
}

static float x[8] __align__(16), y;

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(1);
	config.blockDim = dim3(32);
	config.dynamicSmemBytes = 64;
	return cudaLaunchKernelEx(&config, copy_kernel, x, &y);
}
