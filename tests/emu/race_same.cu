/* Two threads write the same element of memory.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	w[t / 2] = 1;
	s[t] = 0;
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
