/* A row that nobody wrote is read by ldmatrix.
 * NEEDS: watch
 * EXPECT early: fault init
 * EXPECT late: fault init */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	int *s = (int *)shared_memory;
	int t = threadIdx.x;
	unsigned d[2];

	if (t < 60)
		s[t] = t;
	__syncthreads();
	ldmatrix_x2(d, s + t % 16 * 4);
	w[t] = d[0] + d[1];
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
