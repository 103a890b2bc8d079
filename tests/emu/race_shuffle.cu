/* A shuffle orders no memory.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
extern "C" __global__ void kernel(float *w)
{
	extern __shared__ __align__(128) unsigned char shared_memory[];
	float *s = (float *)shared_memory;
	int t = threadIdx.x;

	s[t] = 0;
	__syncthreads();
	s[t] = t;
	__shfl_xor_sync(0xffffffffu, t, 1);
	w[t] = s[t ^ 1];
}

enum { BLOCKS = 1, CLEARED = 4096 };
#include "workspace.inc"
