/* What stmatrix wrote is read by another warp without a barrier.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	int *s = (int *)shared_memory;
	int t = threadIdx.x;
	unsigned d[2] = {};

	s[t] = s[t + 64] = 0;
	__syncthreads();
	stmatrix_x2(s + (t / 32 * 16 + t % 16) * 4, d);
	w[t] = s[127 - t];
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
