/* ldmatrix waits for the lanes of its warp, but orders no memory.
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
		s[t * 4 + i] = i;
	ldmatrix_x2_trans(d, s + (t / 32 * 32 + t % 16) * 4);
	w[t] = d[0] + d[1];
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
