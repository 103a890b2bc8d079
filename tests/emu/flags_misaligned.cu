/* A flag that is no multiple of 4.
 * NEEDS: watch
 * EXPECT early: fault misaligned
 * EXPECT late: fault misaligned */
extern "C" __global__ void kernel(float *w)
{
	int t = threadIdx.x, b = blockIdx.x;
	int *flags = (int *)(w + 512);

	if (t == 0)
		flag_set((int *)((char *)&flags[b] + 2)); /* HERE */
	w[64 * b + t] = t;
}

enum { BLOCKS = 3, CLEARED = 4096 };
#include "workspace.inc"
