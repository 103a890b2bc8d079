/* Workspace that nobody cleared is read.
 * NEEDS: watch
 * EXPECT early: fault init
 * EXPECT late: fault init */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	s[t] = 0;
	w[512 + t] = w[256 + t];
}

enum { BLOCKS = 1, CLEARED = 1024 };
#include "workspace.inc"
