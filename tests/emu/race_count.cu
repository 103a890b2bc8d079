/* A plain increment by several blocks.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	s[t] = 0;
	if (t == 0)
		w[0] = w[0] + 1;
}

enum { BLOCKS = 3, CLEARED = 4096 };
#include "workspace.inc"
