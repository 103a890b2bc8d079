/* Barriers where they are needed.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	s[t] = t;
	__syncthreads();
	w[t] = s[63 - t];
	__syncthreads();
	s[t] = 1;
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
