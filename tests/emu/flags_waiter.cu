/* To have waited for a flag releases nothing to who waits for it later.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
extern "C" __global__ void kernel(float *w)
{
	int t = threadIdx.x, b = blockIdx.x;
	int *flags = (int *)(w + 512);

	if (b > 0 && t == 0)
		flag_wait(&flags[0]);
	__syncthreads();
	w[64 * b + t] = b > 1 ? w[127 - t] : t;
	__syncthreads();
	if (b == 0 && t == 0)
		flag_set(&flags[0]);
	if (b == 1 && t == 0)
		flag_wait(&flags[0]);
}

enum { BLOCKS = 3, CLEARED = 4096 };
#include "workspace.inc"
