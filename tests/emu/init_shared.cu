/* Shared memory that nobody wrote is read.
 * NEEDS: watch
 * EXPECT early: fault init
 * EXPECT late: fault init */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	if (t < 63)
		s[t] = t;
	__syncthreads();
	w[t] = s[t];
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
