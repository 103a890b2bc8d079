/* A barrier is missing between writing and reading.
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
	s[t] = t;
	w[t] = s[63 - t];
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
