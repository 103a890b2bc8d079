/* Halves of a warp that meet apart.
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
	__syncwarp(t % 32 < 16 ? 0x0000ffffu : 0xffff0000u);
	w[t] = s[t ^ 16];
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
