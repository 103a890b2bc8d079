/* Atomic increments by several blocks.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	s[t] = 0;
	if (t == 0)
		atomicAdd(&w[0], 1.0f);
}

enum { BLOCKS = 3, CLEARED = 4096 };
#include "workspace.inc"
