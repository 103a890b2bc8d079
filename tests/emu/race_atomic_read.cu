/* A plain read of what others change atomically.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	s[t] = 0;
	atomicAdd(&w[0], 1.0f);
	w[t + 1] = w[0];
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
