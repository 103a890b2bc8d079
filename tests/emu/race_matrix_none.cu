/* What ldmatrix and stmatrix touch, with barriers where they belong.
 * NEEDS: watch
 * EXPECT early: done
 * EXPECT late: done */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	int *s = (int *)shared_memory;
	int t = threadIdx.x;
	unsigned d[2] = {};

	for (int i = 0; i < 4; i++)
		s[t * 4 + i] = i;
	__syncthreads();
	ldmatrix_x2(d, s + 256 - t % 16 * 4 - 4);
	w[t] = d[0] + d[1];
	__syncthreads();
	stmatrix_x2(s + (t / 32 * 16 + t % 16) * 4, d);
	__syncwarp();
	ldmatrix_x2_trans(d, s + (t / 32 * 16 + t % 16) * 4);
	w[t] += d[0];
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
