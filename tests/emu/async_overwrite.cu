/* No barrier before a stage is filled again: others still read it,
 * unless it is as late as it may be.
 * EXPECT early: returned 1
 * EXPECT late: done */
extern "C" __global__ void pipeline_kernel(const float *__restrict__ x,
	float *__restrict__ y, int n)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float (*s)[2][64] = (float (*)[2][64])shared_memory;
	int t = threadIdx.x;
	float sum = 0;

	copy_async_4(&(*s)[0][t], &x[t]);
	copy_async_commit();
	for (int k = 0; k < n; k++) {
		if (k + 1 < n)
			copy_async_4_if(&(*s)[(k + 1) % 2][t],
				&x[(k + 1) * 64 + t], k + 1 != 2);
		copy_async_commit();
		copy_async_wait<1>();
		__syncthreads();
		for (int i = 0; i < 64; i++)
			sum += (*s)[k % 2][i] * (t + 1);
	}
	y[t] = sum;
}

static float x[4 * 64], y[64];

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};
	float want = 0;

	for (int i = 0; i < 4 * 64; i++) {
		x[i] = i % 5 + 1;
		want += i / 64 == 2 ? 0 : x[i];
	}
	config.gridDim = dim3(1);
	config.blockDim = dim3(64);
	config.dynamicSmemBytes = 512;
	cudaLaunchKernelEx(&config, pipeline_kernel, x, y, 4);
	for (int i = 0; i < 64; i++)
		if (y[i] != want * (i + 1))
			return 1;
	return 0;
}
