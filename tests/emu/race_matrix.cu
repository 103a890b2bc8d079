/* Rows that another warp wrote, and no barrier before ldmatrix.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	int *s = (int *)shared_memory;
	int t = threadIdx.x;
	unsigned d[2];

	for (int i = 0; i < 4; i++)
		s[t * 4 + i] = 0;
	__syncthreads();
	for (int i = 0; i < 4; i++)
		s[t * 4 + i] = i;
	ldmatrix_x2(d, s + 256 - t % 16 * 4 - 4);
	w[t] = d[0] + d[1];
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
