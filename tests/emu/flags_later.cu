/* A block waits for one that begins after it.
 * NEEDS: watch
 * EXPECT early: fault deadlock
 * EXPECT late: fault deadlock */
extern "C" __global__ void kernel(float *w)
{
	int t = threadIdx.x, b = blockIdx.x;
	int *flags = (int *)(w + 512);

	if (b < 2 && t == 0)
		flag_wait(&flags[b + 1]); /* HERE */
	w[64 * b + t] = t;
	__syncthreads();
	if (t == 0)
		flag_set(&flags[b]);
}

enum { BLOCKS = 3, CLEARED = 4096 };
#include "workspace.inc"
