/* A flag is stored as any number.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
extern "C" __global__ void kernel(float *w)
{
	int t = threadIdx.x, b = blockIdx.x;
	int *flags = (int *)(w + 512);

	if (b > 0 && t == 0)
		flag_wait(&flags[b - 1]);
	__syncthreads();
	w[64 * b + t] = t;
	__syncthreads();
	if (t == 0)
		flags[b] = 1;
}

enum { BLOCKS = 3, CLEARED = 4096 };
#include "workspace.inc"
