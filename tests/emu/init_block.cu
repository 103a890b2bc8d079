/* What another block left in shared memory is read.
 * NEEDS: watch
 * EXPECT early: fault init
 * EXPECT late: fault init */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	if (blockIdx.x == 0)
		s[t] = t;
	__syncthreads();
	w[64 * blockIdx.x + t] = s[t];
}

enum { BLOCKS = 2, CLEARED = 4096 };
#include "workspace.inc"
