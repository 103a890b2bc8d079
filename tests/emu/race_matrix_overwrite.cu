/* stmatrix over what another warp may still read.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	int *s = (int *)shared_memory;
	int t = threadIdx.x;
	unsigned d[2] = {};

	s[t] = s[t + 64] = t;
	__syncthreads();
	w[t] = s[127 - t];
	stmatrix_x2_trans(s + (t / 32 * 16 + t % 16) * 4, d);
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
