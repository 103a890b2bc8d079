/* Waited for, but no barrier before others read.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	s[t] = 0;
	__syncthreads();
	copy_async_4(&s[t], &w[t]);
	copy_async_commit();
	copy_async_wait<0>();
	w[128 + t] = s[63 - t];
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
