/* Lanes exchange values with __syncwarp.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	s[t] = t;
	__syncwarp();
	w[t] = s[t ^ 1];
	__syncwarp();
	s[t] = 1;
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
