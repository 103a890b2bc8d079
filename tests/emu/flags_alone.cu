/* One thread has found the flag set, and others do not know.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
extern "C" __global__ void kernel(float *w)
{
	int t = threadIdx.x, b = blockIdx.x;
	int *flags = (int *)(w + 512);

	if (b > 0 && t == 0)
		flag_wait(&flags[b - 1]);
	w[64 * b + t] = b > 0 ? w[64 * b - 1 - t] + 1 : t;
	__syncthreads();
	if (t == 0)
		flag_set(&flags[b]);
}

enum { BLOCKS = 3, CLEARED = 4096 };
#include "workspace.inc"
