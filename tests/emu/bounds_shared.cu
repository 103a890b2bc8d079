/* A write past the shared memory of the launch; under AddressSanitizer.
 * NEEDS: address
 * EXPECT early: fault sanitizer
 * EXPECT late: fault sanitizer
 * STDERR: AddressSanitizer: use-after-poison */
extern "C" __global__ void shared_kernel(float *y)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;

	s[threadIdx.x] = 1;
	__syncthreads();
	y[threadIdx.x] = s[31 - threadIdx.x];
}

static float y[32];

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(1);
	config.blockDim = dim3(32);
	config.dynamicSmemBytes = 124;
	return cudaLaunchKernelEx(&config, shared_kernel, y);
}
