/* Waited for, then a barrier, then read.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	copy_async_4(&s[t], &w[t]);
	copy_async_commit();
	copy_async_wait<0>();
	__syncthreads();
	w[128 + t] = s[63 - t];
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
