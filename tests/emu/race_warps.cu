/* __syncwarp does not order two warps.
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
	__syncwarp();
	w[t] = s[t ^ 32];
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
