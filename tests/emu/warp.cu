/* Shuffles of all kinds, widths and sizes, votes, two halves of a warp that go
 * different ways, and a block that ends within a warp.
 * EXPECT early: done
 * EXPECT late: done */
extern "C" __global__ void warp_kernel(int *bad)
{
	unsigned all = 0xffffffffu, t = threadIdx.x;
	double d = t * 0.5;

	bad[t] += __shfl_sync(all, t, 3) != 3;
	bad[t] += __shfl_sync(all, t, 3, 8) != t / 8 * 8 + 3;
	bad[t] += __shfl_down_sync(all, t, 4) != (t + 4 < 32 ? t + 4 : t);
	bad[t] += __shfl_up_sync(all, t, 2, 16) != (t % 16 < 2 ? t : t - 2);
	bad[t] += __shfl_xor_sync(all, d, 5) != (t ^ 5) * 0.5;
	bad[t] += __ballot_sync(all, t % 2) != 0xaaaaaaaau;
	bad[t] += !__any_sync(all, t == 7);
	bad[t] += __any_sync(all, t == 40);
	bad[t] += __all_sync(all, t != 7);
	bad[t] += !__all_sync(all, t < 32);
	if (t < 16)
		bad[t] += __shfl_sync(0x0000ffffu, t, 15) != 15;
	else
		bad[t] += __shfl_sync(0xffff0000u, t, 16) != 16;
	__syncwarp();
	__syncwarp(all);
}

extern "C" __global__ void tail_kernel(int *bad)
{
	bad[threadIdx.x] += threadIdx.x >= 32 &&
		__ballot_sync(0x3u, 1) != 0x3u;
}

static int bad[34];

extern "C" int wpk_emu_entry(void *const *, void *, size_t)
{
	cudaLaunchConfig_t config = {};
	int n = 0;

	config.gridDim = dim3(1);
	config.blockDim = dim3(32);
	cudaLaunchKernelEx(&config, warp_kernel, bad);
	config.blockDim = dim3(34);
	cudaLaunchKernelEx(&config, tail_kernel, bad);
	for (int i = 0; i < 34; i++)
		n += bad[i];
	return n;
}
