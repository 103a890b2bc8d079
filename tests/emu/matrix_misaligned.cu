/* ldmatrix of a row that begins at a multiple of 8.
 * EXPECT early: fault misaligned
 * EXPECT late: fault misaligned */
extern "C" __global__ void matrix_kernel(float *y)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	unsigned short *s = (unsigned short *)shared_memory;
	unsigned d[4];

	for (int i = threadIdx.x; i < 256; i += 32)
		s[i] = i;
	__syncthreads();
	ldmatrix_x2(d, s + threadIdx.x * 8); /* lanes 16 to 31: no matter */
	ldmatrix_x4(d, s + threadIdx.x * 8 - (threadIdx.x == 21 ? 4 : 0)); /* HERE */
	y[threadIdx.x] = d[3];
}

static float y[32];

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};

	config.gridDim = dim3(1);
	config.blockDim = dim3(32);
	config.dynamicSmemBytes = 512;
	return cudaLaunchKernelEx(&config, matrix_kernel, y);
}
